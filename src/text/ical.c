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
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "text/ical.h"

typedef struct Line
{
	const char *name;
	size_t		name_len;
	const char *value;
	size_t		len;
	bool		encoded;		/* as vCalendar 1.0 and vCard 2.1 may have it */
} Line;

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

/* [group.]name *(;parameter=value or "value"):value */
static bool
parse(const char *s, const char *end, Line *line)
{
	static const char *const encodings[] = {"ENCODING", "QUOTED-PRINTABLE", "BASE64", NULL};
	bool		quoted = false;

	line->name = s;
	for (; is_name_char(*s); s++)
	{
		if (*s == '.')
			line->name = s + 1;
	}
	line->name_len = s - line->name;
	line->encoded = false;
	if (line->name_len == 0 || (*s != ':' && *s != ';'))
		return false;
	for (; s < end && (quoted || *s != ':'); s++)
	{
		quoted ^= *s == '"';
		if (*s == ';' && !quoted)
			line->encoded |= is_any(s + 1, strcspn(s + 1, "=;:\n"), encodings);
	}
	line->value = s + 1;
	line->len = end - line->value;
	return s < end;
}

/* A value as it is shown, and an empty line. */
static char *
append(char *out, const Line *line)
{
	const char *end = line->value + line->len;

	for (const char *s = line->value; s < end; s++)
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

/*
 * Lines are unfolded, and what is shown of them moved to the front, in plain
 * itself: a name and its colon leave more room than an empty line takes.
 */
bool
consent_ical_read(const char *source, size_t len, char *plain, char *html)
{
	static const char *const begin[] = {"BEGIN", NULL};
	static const char *const end[] = {"END", NULL};
	static const char *const objects[] = {"VCALENDAR", "VCARD", NULL};
	static const char *const texts[] = {"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "NOTE", NULL};
	static const char *const documents[] = {"X-ALT-DESC", "STYLED-DESCRIPTION", NULL};
	size_t		mark = len >= 3 && memcmp(source, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
	const char *s = plain;
	const char *last = plain + unfold(source + mark, len - mark, plain);
	int			depth = 0;
	bool		any = false;

	while (s < last)
	{
		const char *feed = memchr(s, '\n', last - s);
		const char *line_end = feed ? feed : last;
		bool		text;
		Line		line;

		while (line_end > s && strchr("\r \t", line_end[-1]))
			line_end--;
		if (line_end > s)
		{
			if (!parse(s, line_end, &line))
				return false;
			text = is_any(line.name, line.name_len, texts);
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
			else if (text || is_any(line.name, line.name_len, documents))
			{
				if (line.encoded)
					return false;
				if (text)
					plain = append(plain, &line);
				else
					html = append(html, &line);
			}
		}
		s = feed ? feed + 1 : last;
	}
	*plain = *html = '\0';
	return any && depth == 0;
}
