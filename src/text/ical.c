/*-------------------------------------------------------------------------
 *
 * ical.c
 *	  What people are shown of a calendar or contact card.
 *
 * Both are lines of a name, parameters and a value, within BEGIN and END, and
 * most are for programs.  We are strict with the form: what is not of it may
 * be shown as it is, and is then read whole.
 *
 *-------------------------------------------------------------------------
 */
#include <gmime/gmime.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "text/ical.h"

#define NAME_WORDS	6			/* in one, at most */

typedef struct Line
{
	const char *name;
	size_t		name_len;
	const char *label;			/* a parameter that is shown; NULL: none */
	size_t		label_len;
	const char *value;
	size_t		len;
	GMimeContentEncoding encoding;	/* of the value, up to vCard 3.0 */
} Line;

static const char *const encodings[] = {"ENCODING", "QUOTED-PRINTABLE", "BASE64", NULL};

/* Is it one of the words, in any case? */
static bool
is_any(const char *s, size_t len, const char *const *words)
{
	for (; *words; words++)
	{
		if (strlen(*words) == len && strncasecmp(s, *words, len) == 0)
			return true;
	}
	return false;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* Without NUL, and without the line feeds with white space behind them that fold long lines. */
static size_t
unfold(const char *source, size_t len, char *out)
{
	size_t		n = 0;

	for (size_t i = 0; i < len; i++)
	{
		size_t		feed = source[i] == '\r' && i + 1 < len ? i + 1 : i;

		if (source[feed] == '\n' && feed + 1 < len && (source[feed + 1] == ' ' || source[feed + 1] == '\t'))
			i = feed + 1;
		else if (source[i] != '\0')
			out[n++] = source[i];
	}
	out[n] = '\0';
	return n;
}

/* Without the white space it ends with; *next: the line behind it. */
static const char *
line_end(const char *s, const char *last, const char **next)
{
	const char *feed = memchr(s, '\n', last - s);
	const char *end = feed ? feed : last;

	while (end > s && strchr("\r \t", end[-1]))
		end--;
	*next = feed ? feed + 1 : last;
	return end;
}

/* name[=value or ="value"]; of vCard 2.1 the value alone */
static bool
parse_parameter(const char *s, Line *line)
{
	static const char *const labels[] = {"CN", "LABEL", "X-TITLE", NULL};
	static const char *const base64[] = {"B", "BASE64", NULL};
	static const char *const quoted[] = {"QUOTED-PRINTABLE", NULL};
	static const char *const none[] = {"7BIT", "8BIT", NULL};
	size_t		name_len = strcspn(s, "=;:\n");
	const char *value = s[name_len] == '=' ? s + name_len + 1 : s;
	size_t		len = strcspn(value, ";:\n");

	if (is_any(s, name_len, labels) && value > s)
	{
		if (line->label)
			return false;
		if (*value == '"')
			len = strcspn(++value, "\"\n");
		line->label = value;
		line->label_len = len;
	}
	else if (is_any(s, name_len, encodings) && !is_any(value, len, none))
	{
		if (line->encoding != GMIME_CONTENT_ENCODING_DEFAULT)
			return false;
		if (is_any(value, len, base64))
			line->encoding = GMIME_CONTENT_ENCODING_BASE64;
		else if (is_any(value, len, quoted))
			line->encoding = GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
		else
			return false;
	}
	return true;
}

/* [group.]name *(;parameter):value */
static bool
parse(const char *s, const char *end, Line *line)
{
	bool		quoted = false;

	memset(line, 0, sizeof(Line));
	line->name = s;
	for (; is_name_char(*s); s++)
	{
		if (*s == '.')
			line->name = s + 1;
	}
	line->name_len = s - line->name;
	if (line->name_len == 0 || (*s != ':' && *s != ';'))
		return false;
	for (; s < end && (quoted || *s != ':'); s++)
	{
		quoted ^= *s == '"';
		if (*s == ';' && !quoted && !parse_parameter(s + 1, line))
			return false;
	}
	line->value = s + 1;
	line->len = end - line->value;
	return s < end;
}

/* The value, where it stands; false: it is not of its encoding, or no text. */
static bool
decode(Line *line)
{
	unsigned char *value = (unsigned char *) line->value;
	const char *end = line->value + line->len;
	int			state = 0;
	guint32		save = 0;

	if (line->encoding == GMIME_CONTENT_ENCODING_DEFAULT)
		return true;
	if (line->encoding == GMIME_CONTENT_ENCODING_BASE64)
		line->len = g_mime_encoding_base64_decode_step(value, line->len, value, &state, &save);
	else
	{
		for (const char *s = line->value; (s = memchr(s, '=', end - s)) != NULL; s++)
		{
			if (s + 1 < end && !strchr("\r\n", s[1]) && (!g_ascii_isxdigit(s[1]) || !g_ascii_isxdigit(s[2])))
				return false;
		}
		line->len = g_mime_encoding_quoted_decode_step(value, line->len, value, &state, &save);
	}
	return g_utf8_validate_len(line->value, line->len, NULL);
}

/* Has a line a parameter as for what is encoded? */
static bool
has_encoding(const char *s)
{
	while ((s = strchr(s, ';')) != NULL)
	{
		s++;
		if (is_any(s, strcspn(s, "=;:\n"), encodings))
			return true;
	}
	return false;
}

/* A value as it is shown, and an empty line. */
static char *
append(char *out, const char *s, size_t len)
{
	const char *end = s + len;

	for (; s < end; s++)
	{
		if (*s == '\\' && s + 1 < end && (*++s == 'n' || *s == 'N'))
			*out++ = '\n';
		else
			*out++ = *s;
	}
	*out++ = '\n';
	*out++ = '\n';
	return out;
}

/* May it be more than a name?  Names alone look like anything. */
static bool
is_prose(const char *s, const char *end)
{
	int			words = 1;
	bool		spaced = false;
	bool		marked = false;
	int			size;

	for (; s < end; s += size)
	{
		gunichar	c = g_utf8_get_char_validated(s, end - s);

		size = (gint32) c < 0 ? 1 : g_utf8_next_char(s) - s;
		if ((gint32) c < 0)
			continue;
		if (c == ';')			/* to the next part of a name */
			words = 1;
		else if (g_unichar_isspace(c))
		{
			spaced = true;
			if (++words > NAME_WORDS)
				return true;
		}
		else
			marked |= c == '%' || c == '!' || c == '?' || g_unichar_type(c) == G_UNICODE_CURRENCY_SYMBOL;
	}
	return spaced && marked;
}

/* What should be a name, if it may be more. */
static char *
append_name(char *out, const char *s, size_t len)
{
	char	   *end = append(out, s, len);

	return is_prose(out, end - 2) ? end : out;
}

/*
 * Lines are unfolded, and what is shown of them moved to the front, in plain
 * itself: a name and its colon leave more room than an empty line takes.
 */
bool
consent_ical_read(const char *source, size_t len, char *plain, char *html, char *titles, bool *unread)
{
	static const char *const begin[] = {"BEGIN", NULL};
	static const char *const end[] = {"END", NULL};
	static const char *const objects[] = {"VCALENDAR", "VCARD", NULL};
	static const char *const texts[] = {"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "NOTE", "X-WR-CALDESC", NULL};
	static const char *const names[] = {
		"FN", "N", "NICKNAME", "ORG", "TITLE", "ROLE", "ADR", "LABEL", "URL", "CONTACT", NULL
	};
	static const char *const of_calendars[] = {"CATEGORIES", "NAME", "X-WR-CALNAME", NULL};
	static const char *const documents[] = {"X-ALT-DESC", "STYLED-DESCRIPTION", NULL};
	size_t		mark = len >= 3 && memcmp(source, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
	const char *next;
	const char *last = plain + unfold(source + mark, len - mark, plain);
	int			depth = 0;
	bool		any = false;

	*unread = has_encoding(plain);
	for (const char *s = plain; s < last; s = next)
	{
		const char *to = line_end(s, last, &next);
		bool		text;
		bool		name;
		bool		title;
		bool		document;
		Line		line;

		if (to == s)
			continue;
		if (!parse(s, to, &line))
			return false;
		while (line.encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE && next < last && to > line.value && to[-1] == '=')
		{
			to = line_end(next, last, &next);
			line.len = to - line.value;
		}
		text = is_any(line.name, line.name_len, texts);
		name = is_any(line.name, line.name_len, names);
		title = is_any(line.name, line.name_len, of_calendars);
		document = is_any(line.name, line.name_len, documents);
		if (is_any(line.name, line.name_len, begin))
		{
			if (depth++ == 0 && !is_any(line.value, line.len, objects))
				return false;
			any = true;
		}
		else if (depth == 0)
			return false;
		else if (is_any(line.name, line.name_len, end))
			depth--;
		else
		{
			if ((text || name || title || document) && !decode(&line))
				return false;
			if (line.label)
				plain = append_name(plain, line.label, line.label_len);
			if (text)
				plain = append(plain, line.value, line.len);
			else if (name)
				plain = append_name(plain, line.value, line.len);
			else if (title)
			{
				char	   *behind = append(titles, line.value, line.len);

				if (is_prose(titles, behind - 2))
					plain = append(plain, line.value, line.len);
				else
					titles = behind;
			}
			else if (document)
				html = append(html, line.value, line.len);
		}
	}
	*plain = *html = *titles = '\0';
	if (!any || depth != 0)
		return false;
	*unread = false;
	return true;
}
