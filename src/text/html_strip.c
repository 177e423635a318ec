/*-------------------------------------------------------------------------
 *
 * html_strip.c
 *	  Takes the tags out of HTML.  A stripper, not a parser.
 *
 * It drops tags, comments, scripts, styles and the title, decodes numeric and
 * the commonest named entities, and turns block elements into paragraph
 * breaks, all with source positions.  What it does not know: hidden elements
 * (their text is read as if visible), alternative texts, conditional
 * comments, and error recovery as browsers do it.
 *
 * Every loop must stay linear in hostile input: a search that ran to the end
 * of the text in vain is not repeated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "text/fold.h"

#define NAME_MAX_LEN	15

typedef struct HtmlCursor
{
	const char *source;
	int			len;
	int			at;				/* byte */
	int32		chars;			/* characters before "at" */
	int			last_close;		/* where the last '>' is, -1: none */
	bool		heed_quotes;	/* false once a quoted tag proved endless */
	TextFold   *fold;
} HtmlCursor;

static const char *const block_elements[] = {
	"address", "article", "blockquote", "body", "center", "dd", "div", "dl",
	"dt", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
	"hr", "html", "li", "ol", "p", "section", "table", "tr", "ul", NULL
};

static const char *const line_elements[] = {"br", "td", "th", "option", NULL};

static const char *const unread_elements[] = {"script", "style", "title", NULL};

/* A text with none of these is no HTML to us; "<3" and "<name>" are plain. */
static const char *const telling_elements[] = {
	"a", "b", "body", "br", "center", "div", "em", "font", "h1", "h2", "h3",
	"h4", "head", "hr", "html", "i", "img", "li", "meta", "ol", "p", "span",
	"strong", "style", "table", "tbody", "td", "tr", "u", "ul", NULL
};

static const struct
{
	const char *name;
	pg_wchar	c;
}			entities[] =
{
	{"amp", '&'}, {"apos", '\''}, {"bull", 0x2022}, {"cent", 0xA2},
	{"copy", 0xA9}, {"dollar", '$'}, {"euro", 0x20AC}, {"excl", '!'},
	{"frac12", 0xBD}, {"gt", '>'}, {"hellip", 0x2026}, {"ldquo", 0x201C},
	{"lsquo", 0x2018}, {"lt", '<'}, {"mdash", 0x2014}, {"middot", 0xB7},
	{"nbsp", 0xA0}, {"ndash", 0x2013}, {"percnt", '%'}, {"pound", 0xA3},
	{"quot", '"'}, {"rdquo", 0x201D}, {"reg", 0xAE}, {"rsquo", 0x2019},
	{"shy", 0xAD}, {"trade", 0x2122}, {"zwj", 0x200D}, {"zwnj", 0x200C},
};

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_listed(const char *name, const char *const *list)
{
	for (; *list; list++)
	{
		if (strcmp(name, *list) == 0)
			return true;
	}
	return false;
}

/* The element name at s, in lower case; "" if there is none of sane length. */
static void
element_name(const char *s, int len, char *name)
{
	int			n = 0;

	while (n < len && n < NAME_MAX_LEN &&
		   (is_alpha(s[n]) || (n > 0 && s[n] >= '0' && s[n] <= '9')))
	{
		name[n] = (char) pg_tolower((unsigned char) s[n]);
		n++;
	}
	if (n < len && strchr(" \t\r\n/>", s[n]) == NULL)
		n = 0;
	name[n] = '\0';
}

static int
last_index(const char *s, int len, char c)
{
	while (len > 0)
	{
		if (s[--len] == c)
			return len;
	}
	return -1;
}

bool
consent_html_looks_like(const char *source, int len)
{
	int			last_close = last_index(source, len, '>');
	const char *open = source;

	while ((open = memchr(open, '<', source + len - open)) != NULL &&
		   open - source < last_close)
	{
		const char *s = open + 1;
		char		name[NAME_MAX_LEN + 1];

		if (*s == '!' && source + len - s >= 8 && pg_strncasecmp(s, "!doctype", 8) == 0)
			return true;
		if (*s == '/')
			s++;
		element_name(s, (int) (source + len - s), name);
		if (is_listed(name, telling_elements))
			return true;
		open++;
	}
	return false;
}

/* Go to byte "at", keeping count of the characters passed. */
static void
move_to(HtmlCursor *cur, int at)
{
	while (cur->at < at)
	{
		if (!IS_HIGHBIT_SET(cur->source[cur->at]) ||
			((unsigned char) cur->source[cur->at] & 0xC0) == 0xC0)
			cur->chars++;
		cur->at++;
	}
}

/* Byte after the '>' that closes the tag at the cursor; 0 if there is none. */
static int
tag_end(HtmlCursor *cur)
{
	const char *close;
	char		quote = '\0';

	if (cur->at >= cur->last_close)
		return 0;
	if (cur->heed_quotes)
	{
		for (int i = cur->at + 1; i < cur->len; i++)
		{
			char		c = cur->source[i];

			if (quote)
				quote = c == quote ? '\0' : quote;
			else if (c == '"' || c == '\'')
				quote = c;
			else if (c == '>')
				return i + 1;
		}
		cur->heed_quotes = false;
	}
	close = memchr(cur->source + cur->at, '>', cur->len - cur->at);
	return (int) (close - cur->source) + 1;
}

/* Byte where needle starts, from "at" on, ignoring ASCII case; else the end. */
static int
find(const HtmlCursor *cur, int at, const char *needle)
{
	int			n = (int) strlen(needle);

	for (; at + n <= cur->len; at++)
	{
		if (pg_strncasecmp(cur->source + at, needle, n) == 0)
			return at;
	}
	return cur->len;
}

static void
put_breaks(HtmlCursor *cur, int n)
{
	while (n-- > 0)
		consent_fold_put(cur->fold, '\n', cur->chars, cur->chars + 1);
}

/* At '<': handle the tag or comment and return true, or say that it is text. */
static bool
skip_markup(HtmlCursor *cur)
{
	const char *s = cur->source + cur->at;
	int			left = cur->len - cur->at;
	bool		closing = left > 1 && s[1] == '/';
	char		name[NAME_MAX_LEN + 1];
	int			end;

	if (left >= 4 && strncmp(s, "<!--", 4) == 0)
	{
		end = find(cur, cur->at + 4, "-->");
		move_to(cur, Min(end + 3, cur->len));
		return true;
	}
	if (left < 2 || !(is_alpha(s[1]) || s[1] == '!' || s[1] == '?' ||
					  (closing && left > 2 && is_alpha(s[2]))))
		return false;
	end = tag_end(cur);
	if (end == 0)
		return false;

	element_name(s + 1 + closing, left - 1 - closing, name);
	if (is_listed(name, block_elements))
		put_breaks(cur, 2);
	else if (is_listed(name, line_elements))
		put_breaks(cur, 1);
	else if (!closing && is_listed(name, unread_elements))
	{
		char		close_tag[NAME_MAX_LEN + 3];

		snprintf(close_tag, sizeof(close_tag), "</%s", name);
		end = find(cur, end, close_tag);
	}
	move_to(cur, end);
	return true;
}

/* At '&': the character an entity stands for and its length, or false. */
static bool
read_entity(const HtmlCursor *cur, pg_wchar *c, int *length)
{
	const char *s = cur->source + cur->at + 1;
	int			left = Min(cur->len - cur->at - 1, 12);
	const char *semicolon = memchr(s, ';', left);
	int			n;

	if (semicolon == NULL)
		return false;
	n = (int) (semicolon - s);
	*length = n + 2;

	if (n > 1 && s[0] == '#')
	{
		bool		hex = s[1] == 'x' || s[1] == 'X';
		uint32		value = 0;

		if (hex && n == 2)
			return false;
		for (int i = hex ? 2 : 1; i < n; i++)
		{
			int			digit;

			if (s[i] >= '0' && s[i] <= '9')
				digit = s[i] - '0';
			else if (hex && is_alpha(s[i]) && pg_tolower((unsigned char) s[i]) <= 'f')
				digit = pg_tolower((unsigned char) s[i]) - 'a' + 10;
			else
				return false;
			value = value * (hex ? 16 : 10) + digit;
			if (value > 0x10FFFF)
				return false;
		}
		if (value == 0 || (value >= 0xD800 && value <= 0xDFFF))
			return false;
		*c = value;
		return true;
	}
	for (int i = 0; i < lengthof(entities); i++)
	{
		if (strlen(entities[i].name) == n && strncmp(entities[i].name, s, n) == 0)
		{
			*c = entities[i].c;
			return true;
		}
	}
	return false;
}

void
consent_html_strip(const char *source, int len, TextFold *fold)
{
	HtmlCursor	cur = {.source = source, .len = len, .heed_quotes = true, .fold = fold};

	cur.last_close = last_index(source, len, '>');
	while (cur.at < len)
	{
		const unsigned char *s = (const unsigned char *) source + cur.at;
		int32		start = cur.chars;
		int			length = pg_utf_mblen(s);
		pg_wchar	c;

		if (*s == '<' && skip_markup(&cur))
			continue;
		if (*s != '&' || !read_entity(&cur, &c, &length))
			c = utf8_to_unicode(s);
		move_to(&cur, Min(cur.at + length, len));
		consent_fold_put(fold, c, start, cur.chars);
	}
}
