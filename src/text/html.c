/*-------------------------------------------------------------------------
 *
 * html.c
 *	  What a reader of an HTML message reads, region by region.
 *
 * This is a tokenizer after the WHATWG standard's: tags with their attributes,
 * comments, raw text and character references are told apart as a browser
 * does.  On top of it stands not a tree but a stack of open elements, which
 * is all it takes to know what is hidden, in a link or in a footer.
 *
 * Two well-kept parsers were tried first.  libxml2's and gumbo both compare
 * each attribute of a tag with all others: 236 kB of attributes took them 4
 * seconds, a megabyte would take more than a minute, in which no query can be
 * cancelled; gumbo frees a deep tree by recursion; and neither tells from
 * which characters of the source a text came, where references are in it.
 * Here every loop is linear in hostile input: a search that ran to the end of
 * the text in vain is not repeated, and the stack has a fixed depth.
 *
 * Style sheets are not resolved: only what an element says of itself hides it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "text/fold.h"
#include "text/html_entities.h"

#define NAME_MAX_LEN		15
#define STACK_MAX			256		/* elements deeper than that are not kept */
#define ADDRESSES_MAX		64		/* hrefs that are read */
#define CONDITION_MAX		200		/* bytes of "<!--[if ...]>" */

typedef struct Element
{
	char		name[NAME_MAX_LEN + 1];
	ConsentRegion outside;		/* the region to return to */
	bool		reversed;
	bool		bounds;			/* nothing around it ends within it */
	int			breaks;			/* lines that end where it does */
} Element;

/* A piece of the source, and the characters before it. */
typedef struct Piece
{
	const char *s;
	int			len;
	int32		chars;
} Piece;

/* A hidden text within others, which is read behind them. */
typedef struct Hidden
{
	Piece		text;
	bool		in_attribute;
	bool		begins;			/* something visible stands before it */
} Hidden;

typedef struct Html
{
	const char *source;
	int			len;
	int			at;				/* byte */
	int32		chars;			/* characters before "at" */
	int			last_close;		/* where the last '>' is, -1: none */
	bool		heed_quotes;	/* false once a quoted tag proved endless */
	TextFold   *fold;
	int			depth;
	Element		stack[STACK_MAX];
	int			naddresses;
	Piece		address[ADDRESSES_MAX];
	int			nhidden;
	int			hidden_capacity;
	Hidden	   *hidden;
	bool		seen;			/* something visible stands behind the last of them */
} Html;

static const char *const block_elements[] = {
	"address", "article", "aside", "blockquote", "body", "caption", "center",
	"dd", "details", "div", "dl", "dt", "fieldset", "figcaption", "figure",
	"footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
	"html", "legend", "li", "main", "menu", "nav", "ol", "p", "pre", "section",
	"summary", "table", "tbody", "tfoot", "thead", "tr", "ul", NULL
};

/* Their text stands apart, but on one line with its neighbours. */
static const char *const line_elements[] = {
	"br", "button", "option", "select", "td", "textarea", "th", NULL
};

/* Their text is no markup and nobody reads it. */
static const char *const unread_elements[] = {
	"iframe", "noembed", "noframes", "script", "template", "title", NULL
};

static const char *const void_elements[] = {
	"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta",
	"source", "track", "wbr", NULL
};

/* A text with none of these is no HTML to us; "<3" and "<name>" are plain. */
static const char *const telling_elements[] = {
	"a", "b", "body", "br", "center", "div", "em", "font", "h1", "h2", "h3",
	"h4", "head", "hr", "html", "i", "img", "li", "meta", "ol", "p", "span",
	"strong", "style", "table", "tbody", "td", "tr", "u", "ul", NULL
};

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
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

/* How many lines end where an element of that name begins or ends. */
static int
breaks_of(const char *name)
{
	return is_listed(name, block_elements) ? 2 : is_listed(name, line_elements);
}

/* The element name at s, in lower case; "" if there is none of sane length. */
static void
element_name(const char *s, int len, char *name)
{
	int			n = 0;

	while (n < len && n < NAME_MAX_LEN &&
		   (is_alpha(s[n]) || (n > 0 && is_digit(s[n]))))
	{
		name[n] = (char) pg_tolower((unsigned char) s[n]);
		n++;
	}
	if (n < len && !is_space(s[n]) && s[n] != '/' && s[n] != '>')
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
	const char *open = memchr(source, '<', len);
	int			last_close;

	if (open == NULL)
		return false;
	last_close = last_index(source, len, '>');
	for (; open && open - source < last_close;
		 open = memchr(open, '<', source + len - open))
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

static int32
count_chars(const char *s, int len)
{
	int32		n = 0;

	for (int i = 0; i < len; i++)
		n += ((unsigned char) s[i] & 0xC0) != 0x80;
	return n;
}

/* Go to byte "at", keeping count of the characters passed. */
static void
move_to(Html *html, int at)
{
	html->chars += count_chars(html->source + html->at, at - html->at);
	html->at = at;
}

/* Byte where needle starts in [at, end), ignoring ASCII case; else end. */
static int
find(const Html *html, int at, int end, const char *needle)
{
	int			n = (int) strlen(needle);

	for (; at + n <= end; at++)
	{
		if (!is_alpha(needle[0]))
		{
			const char *first = memchr(html->source + at, needle[0], end - n + 1 - at);

			if (first == NULL)
				break;
			at = (int) (first - html->source);
		}
		if (pg_strncasecmp(html->source + at, needle, n) == 0)
			return at;
	}
	return end;
}

/* Behind the comment that begins at "at".  "<!-->" is whole, and "--!>" an end, too. */
static int
behind_comment(const Html *html, int at)
{
	for (int i = find(html, at + 2, html->len, "--"); i < html->len; i = find(html, i + 1, html->len, "--"))
	{
		int			left = html->len - i;

		if (left > 2 && html->source[i + 2] == '>')
			return i + 3;
		if (i >= at + 4 && left > 3 && html->source[i + 2] == '!' && html->source[i + 3] == '>')
			return i + 4;
	}
	return html->len;
}

/*
 * At '&': the one or two characters a reference stands for, and its length in
 * bytes; 0 if it is none.
 */
static int
read_reference(const char *s, int len, bool in_attribute, pg_wchar c[2])
{
	int			n;

	c[1] = 0;
	if (len > 2 && s[1] == '#')
	{
		bool		hex = s[2] == 'x' || s[2] == 'X';
		uint32		value = 0;
		int			from = hex ? 3 : 2;

		for (n = from; n < len; n++)
		{
			int			digit;

			if (is_digit(s[n]))
				digit = s[n] - '0';
			else if (hex && is_alpha(s[n]) && pg_tolower((unsigned char) s[n]) <= 'f')
				digit = pg_tolower((unsigned char) s[n]) - 'a' + 10;
			else
				break;
			value = Min(value * (hex ? 16 : 10) + digit, 0x110000);
		}
		if (n == from)
			return 0;
		if (n < len && s[n] == ';')
			n++;
		if (value == 0 || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
			value = 0xFFFD;
		c[0] = value;
		return n;
	}

	for (n = 1; n < len && n < HTML_ENTITY_NAME_MAX && (is_alpha(s[n]) || is_digit(s[n]));)
		n++;
	/* without a semicolon the longest of the old names counts */
	for (bool bare = !(n < len && s[n] == ';'); n > 1; n--, bare = true)
	{
		int			low = 0;
		int			high = lengthof(html_entities);

		while (low < high)
		{
			int			middle = (low + high) / 2;
			const HtmlEntity *e = &html_entities[middle];
			int			order = strncmp(s + 1, e->name, n - 1);

			if (order == 0 && e->name[n - 1] != '\0')
				order = -1;
			if (order == 0)
			{
				if (bare && !e->bare)
					break;
				if (bare && in_attribute && n < len &&
					(s[n] == '=' || is_alpha(s[n]) || is_digit(s[n])))
					return 0;
				c[0] = e->c;
				c[1] = e->then;
				return n + !bare;
			}
			if (order < 0)
				high = middle;
			else
				low = middle + 1;
		}
	}
	return 0;
}

/* Text with references in it, which stands at source character "chars". */
static void
put_text(Html *html, Piece p, bool in_attribute)
{
	int			at = 0;

	while (at < p.len)
	{
		const char *amp = memchr(p.s + at, '&', p.len - at);
		int			plain = amp ? (int) (amp - p.s) - at : p.len - at;
		pg_wchar	c[2];
		int			n;

		if (plain > 0)
		{
			consent_fold_put_plain(html->fold, p.s + at, plain, p.chars);
			p.chars += count_chars(p.s + at, plain);
			at += plain;
			continue;
		}
		n = read_reference(amp, p.len - at, in_attribute, c);
		if (n == 0)
		{
			c[0] = '&';
			c[1] = 0;
			n = 1;
		}
		consent_fold_put(html->fold, c[0], p.chars, p.chars + n);
		if (c[1])
			consent_fold_put(html->fold, c[1], p.chars, p.chars + n);
		p.chars += n;			/* a reference is ASCII */
		at += n;
	}
}

/* Text, or where it is hidden a note to read it later. */
static void
put_shown(Html *html, Piece p, bool in_attribute)
{
	Hidden	   *h;

	if (html->fold->region != REGION_PREHEADER)
	{
		html->seen = true;
		put_text(html, p, in_attribute);
		return;
	}
	if (html->nhidden == html->hidden_capacity)
	{
		html->hidden_capacity = html->hidden_capacity ? 2 * html->hidden_capacity : 16;
		html->hidden = html->hidden ?
			repalloc(html->hidden, html->hidden_capacity * sizeof(Hidden)) :
			palloc(html->hidden_capacity * sizeof(Hidden));
	}
	h = &html->hidden[html->nhidden++];
	h->text = p;
	h->in_attribute = in_attribute;
	h->begins = html->seen;
	html->seen = false;
}

/* What is hidden stands behind the words, and within a word, between which it was. */
static void
put_hidden(Html *html)
{
	ConsentRegion outside = html->fold->region;

	for (int i = 0; i < html->nhidden; i++)
	{
		Hidden	   *h = &html->hidden[i];

		if (i == 0 || h->begins)
			consent_fold_put(html->fold, ' ', h->text.chars, h->text.chars + 1);
		consent_fold_region(html->fold, REGION_PREHEADER);
		put_text(html, h->text, h->in_attribute);
	}
	consent_fold_region(html->fold, outside);
	html->nhidden = 0;
	html->seen = false;
}

static void
put_breaks(Html *html, int n)
{
	/* At the end of the text there is no character to point at but the last. */
	int32		start = html->chars - (html->at >= html->len && html->chars > 0);

	if (n > 0)
		put_hidden(html);
	while (n-- > 0)
		consent_fold_put(html->fold, '\n', start, start + 1);
}

/* Byte after the '>' that closes the tag at the cursor; 0 if there is none. */
static int
tag_end(Html *html)
{
	const char *close;
	char		quote = '\0';
	bool		value = false;	/* after '=': only there a quote counts */

	if (html->at >= html->last_close)
		return 0;
	if (html->heed_quotes)
	{
		for (int i = html->at + 1; i < html->len; i++)
		{
			char		c = html->source[i];

			if (quote)
				quote = c == quote ? '\0' : quote;
			else if ((c == '"' || c == '\'') && value)
				quote = c;
			else if (c == '>')
				return i + 1;
			if (!is_space(c))
				value = c == '=' && !quote;
		}
		html->heed_quotes = false;
	}
	close = memchr(html->source + html->at, '>', html->len - html->at);
	return (int) (close - html->source) + 1;
}

/*
 * The next attribute of a tag, from byte *at on; the tag ends before "end".
 * False if there is none.  Only its value gets its characters counted.
 */
static bool
next_attribute(const Html *html, int *at, int end, Piece *name, Piece *value)
{
	const char *s = html->source;
	int			i = *at;

	while (i < end && (is_space(s[i]) || s[i] == '/'))
		i++;
	if (i >= end)
		return false;
	name->s = s + i;
	for (i++; i < end && !is_space(s[i]) && s[i] != '/' && s[i] != '='; i++)
		;
	name->len = (int) (s + i - name->s);
	value->s = s + i;
	value->len = 0;
	while (i < end && is_space(s[i]))
		i++;
	if (i < end && s[i] == '=')
	{
		char		quote = '\0';

		for (i++; i < end && is_space(s[i]); i++)
			;
		if (i < end && (s[i] == '"' || s[i] == '\''))
			quote = s[i++];
		value->s = s + i;
		while (i < end && (quote ? s[i] != quote : !is_space(s[i])))
			i++;
		value->len = (int) (s + i - value->s);
		if (quote && i < end)
			i++;
	}
	*at = i;
	return true;
}

static bool
is_named(Piece p, const char *name)
{
	return p.len == strlen(name) && pg_strncasecmp(p.s, name, p.len) == 0;
}

/* The value of a CSS property in a style attribute, in lower case, no spaces. */
static bool
style_value(Piece style, const char *property, char *value, int size)
{
	int			n = (int) strlen(property);

	for (int i = 0; i + n < style.len; i++)
	{
		int			out = 0;

		if (pg_strncasecmp(style.s + i, property, n) != 0 ||
			(i > 0 && style.s[i - 1] != ';' && !is_space(style.s[i - 1])))
			continue;
		i += n;
		while (i < style.len && is_space(style.s[i]))
			i++;
		if (i == style.len || style.s[i] != ':')
			continue;
		for (i++; i < style.len && style.s[i] != ';' && out < size - 1; i++)
		{
			if (!is_space(style.s[i]))
				value[out++] = (char) pg_tolower((unsigned char) style.s[i]);
		}
		value[out] = '\0';
		return true;
	}
	return false;
}

static bool
is_zero(const char *value)
{
	char	   *rest;
	double		number = strtod(value, &rest);

	return rest != value && (number == 0 || (number <= 1 && strncmp(rest, "px", 2) == 0));
}

/* "#fff" is "#ffffff" is "white" */
static const char *
full_colour(char *value, int size)
{
	char	   *important = strchr(value, '!');

	if (important)
		*important = '\0';
	if (strcmp(value, "white") == 0)
		return "#ffffff";
	if (value[0] == '#' && strlen(value) == 4)
		snprintf(value, size, "#%c%c%c%c%c%c", value[1], value[1], value[2],
				 value[2], value[3], value[3]);
	return value;
}

static bool
style_hides(Piece style)
{
	char		v[32];
	char		w[32];

	return (style_value(style, "display", v, sizeof(v)) && strncmp(v, "none", 4) == 0) ||
		(style_value(style, "visibility", v, sizeof(v)) && strncmp(v, "hidden", 6) == 0) ||
		(style_value(style, "mso-hide", v, sizeof(v)) && strncmp(v, "all", 3) == 0) ||
		(style_value(style, "font-size", v, sizeof(v)) && is_zero(v)) ||
		(style_value(style, "opacity", v, sizeof(v)) && strtod(v, NULL) == 0) ||
		(style_value(style, "max-height", v, sizeof(v)) && is_zero(v) &&
		 style_value(style, "overflow", w, sizeof(w)) && strncmp(w, "hidden", 6) == 0) ||
		(style_value(style, "color", v, sizeof(v)) &&
		 (style_value(style, "background", w, sizeof(w)) ||
		  style_value(style, "background-color", w, sizeof(w))) &&
		 strcmp(full_colour(v, sizeof(v)), full_colour(w, sizeof(w))) == 0);
}

static bool
mentions(Piece p, const char *word)
{
	int			n = (int) strlen(word);

	for (int i = 0; i + n <= p.len; i++)
	{
		if (pg_strncasecmp(p.s + i, word, n) == 0)
			return true;
	}
	return false;
}

/* Does it stand on lines of its own, whatever its name? */
static bool
style_is_block(Piece style)
{
	static const char *const blocks[] = {"block", "flex", "flow-root", "grid", "list-item", "table", "table-row", NULL};
	char		v[32];

	if (!style_value(style, "display", v, sizeof(v)))
		return false;
	v[strcspn(v, "!")] = '\0';
	return is_listed(v, blocks);
}

/*
 * Close the innermost open element of that name, and those within it; returns how
 * many lines end there.
 */
static int
close_element(Html *html, const char *name)
{
	int			breaks;

	for (int i = html->depth - 1; i >= 0; i--)
	{
		if (strcmp(html->stack[i].name, name) != 0)
			continue;
		for (int k = i; k < html->depth; k++)
		{
			if (html->stack[k].reversed)
				consent_fold_put(html->fold, FOLD_POP, html->chars, html->chars + 1);
		}
		breaks = html->stack[i].breaks;
		consent_fold_region(html->fold, html->stack[i].outside);
		html->depth = i;
		return breaks;
	}
	return breaks_of(name);
}

/*
 * HTML lets authors leave out some end tags: a paragraph ends where a block
 * begins, a cell where the next one does.
 */
static void
close_implied(Html *html, const char *name)
{
	static const char *const same[] = {"li", "dd", "dt", "option", "td", "th", "tr", NULL};
	bool		ends_same = is_listed(name, same);

	if (!ends_same && !is_listed(name, block_elements))
		return;
	for (int i = html->depth - 1; i >= 0; i--)
	{
		const char *open = html->stack[i].name;

		if (strcmp(open, "p") == 0 || (ends_same && strcmp(open, name) == 0))
		{
			(void) close_element(html, open);
			return;
		}
		if (html->stack[i].bounds)
			return;
	}
}

static void
open_element(Html *html, const char *name, ConsentRegion region, bool reversed, int breaks)
{
	Element    *e;

	if (html->depth == STACK_MAX)
		return;
	e = &html->stack[html->depth++];
	strlcpy(e->name, name, sizeof(e->name));
	e->outside = html->fold->region;
	e->reversed = reversed;
	e->bounds = breaks_of(name) > 0;
	e->breaks = breaks;
	consent_fold_region(html->fold, region);
	if (reversed)
		consent_fold_put(html->fold, FOLD_RIGHT_TO_LEFT, html->chars, html->chars + 1);
}

/* A text of its own region within what surrounds it. */
static void
put_aside(Html *html, Piece p, ConsentRegion region)
{
	ConsentRegion outside = html->fold->region;

	if (p.len == 0)
		return;
	if (outside == REGION_PREHEADER)
	{
		html->seen = true;
		put_shown(html, p, true);
		html->seen = true;
		return;
	}
	consent_fold_put(html->fold, ' ', p.chars, p.chars + 1);
	consent_fold_region(html->fold, region);
	put_shown(html, p, true);
	consent_fold_put(html->fold, ' ', p.chars, p.chars + 1);
	consent_fold_region(html->fold, outside);
}

/* A start tag from the cursor to byte "end"; "name" may be "". */
static void
start_tag(Html *html, const char *name, int end)
{
	ConsentRegion region = html->fold->region;
	bool		is_void = is_listed(name, void_elements);
	bool		pictured = strcmp(name, "img") == 0 || strcmp(name, "area") == 0;
	bool		input = strcmp(name, "input") == 0;
	bool		shown = true;
	bool		reversed = false;
	int			breaks = breaks_of(name);
	int			at = html->at + 1;
	int			seen = html->at;
	int32		chars = html->chars;
	Piece		attribute;
	Piece		value;
	Piece		alt = {.len = 0};
	Piece		title = {.len = 0};
	Piece		label = {.len = 0};
	Piece		button = {.len = 0};

	while (at < end && !is_space(html->source[at]) && html->source[at] != '/')
		at++;
	while (next_attribute(html, &at, end - 1, &attribute, &value))
	{
		chars += count_chars(html->source + seen, (int) (value.s - html->source) - seen);
		seen = (int) (value.s - html->source);
		value.chars = chars;

		if (is_named(attribute, "alt") && pictured)
			alt = value;
		else if (is_named(attribute, "title"))
			title = value;
		else if (is_named(attribute, "aria-label"))
			label = value;
		else if (is_named(attribute, "value") && input)
			button = value;
		else if (is_named(attribute, "type") && input && !is_named(value, "submit") &&
				 !is_named(value, "button"))
			shown = false;
		else if (is_named(attribute, "hidden"))
			region = REGION_PREHEADER;
		else if (is_named(attribute, "href") && strcmp(name, "a") == 0)
		{
			if (region == REGION_BODY)
				region = REGION_LINK;
			if (html->naddresses < ADDRESSES_MAX &&
				consent_url_length(value.s, value.len) > 0)
				html->address[html->naddresses++] = value;
		}
		else if ((is_named(attribute, "class") || is_named(attribute, "id")) &&
				 mentions(value, "footer") && region != REGION_PREHEADER)
			region = REGION_FOOTER;
		else if (is_named(attribute, "dir") && strcmp(name, "bdo") == 0)
			reversed = is_named(value, "rtl");
		else if (is_named(attribute, "style"))
		{
			char		v[32];

			if (style_hides(value))
				region = REGION_PREHEADER;
			else if (style_is_block(value))
				breaks = 2;
			reversed |= style_value(value, "unicode-bidi", v, sizeof(v)) &&
				strstr(v, "override") != NULL &&
				style_value(value, "direction", v, sizeof(v)) && strncmp(v, "rtl", 3) == 0;
		}
	}
	if (strcmp(name, "footer") == 0 && region != REGION_PREHEADER)
		region = REGION_FOOTER;

	if (strcmp(name, "img") == 0 && alt.len == 0)
		html->fold->text->pictures = true;
	/* a hidden <br> ends no line */
	if (!is_void || region != REGION_PREHEADER || html->fold->region == REGION_PREHEADER)
		put_breaks(html, breaks);
	if (!is_void)
		open_element(html, name, region, reversed, breaks);
	put_aside(html, alt, REGION_ALT);
	put_aside(html, title, REGION_ALT);
	put_aside(html, label, REGION_ALT);
	if (shown)
		put_aside(html, button, html->fold->region);
}

/* What a style sheet puts in: content: "..." */
static void
read_style(Html *html, int end)
{
	static const char property[] = "content";
	int			at = html->at;

	while ((at = find(html, at, end, property)) < end)
	{
		const char *close;

		for (at += sizeof(property) - 1; at < end && is_space(html->source[at]);)
			at++;
		if (at == end || html->source[at] != ':')
			continue;
		for (at++; at < end && is_space(html->source[at]);)
			at++;
		if (at >= end || (html->source[at] != '"' && html->source[at] != '\''))
			continue;
		close = memchr(html->source + at + 1, html->source[at], end - at - 1);
		if (close == NULL)
			continue;
		move_to(html, at + 1);
		at = (int) (close - html->source);
		put_aside(html, (Piece) {html->source + html->at, at - html->at, html->chars},
				  REGION_ALT);
	}
}

/* At '<': handle the tag or comment and return true, or say that it is text. */
static bool
read_markup(Html *html)
{
	const char *s = html->source + html->at;
	int			left = html->len - html->at;
	bool		closing = left > 1 && s[1] == '/';
	char		name[NAME_MAX_LEN + 1];
	int			end;

	if (left >= 4 && strncmp(s, "<!--", 4) == 0)
	{
		/* what one mail program is told to show, somebody reads */
		if (left > 7 && pg_strncasecmp(s, "<!--[if", 7) == 0 &&
			(end = find(html, html->at + 7, Min(html->len, html->at + CONDITION_MAX), "]>")) <
			Min(html->len, html->at + CONDITION_MAX))
			move_to(html, end + 2);
		else
			move_to(html, behind_comment(html, html->at));
		return true;
	}
	if (left >= 9 && pg_strncasecmp(s, "<![endif]", 9) == 0)
	{
		end = html->at + 9;
		while (end < html->len && end < html->at + 12 && html->source[end] != '>')
			end++;
		/* without its end it ends here: not in the middle of a character */
		move_to(html, end < html->len && html->source[end] == '>' ? end + 1 : html->at + 9);
		return true;
	}
	if (left < 2 || !(is_alpha(s[1]) || s[1] == '!' || s[1] == '?' ||
					  (closing && left > 2 && is_alpha(s[2]))))
		return false;
	end = tag_end(html);
	if (end == 0)
		return false;

	element_name(s + 1 + closing, left - 1 - closing, name);
	if (closing)
		put_breaks(html, close_element(html, name));
	else
		close_implied(html, name);
	if (!closing && is_alpha(s[1]))
	{
		char		close_tag[NAME_MAX_LEN + 3];

		if (strcmp(name, "style") == 0)
		{
			move_to(html, end);
			end = find(html, end, html->len, "</style");
			read_style(html, end);
		}
		else if (is_listed(name, unread_elements))
		{
			snprintf(close_tag, sizeof(close_tag), "</%s", name);
			end = find(html, end, html->len, close_tag);
		}
		else
			start_tag(html, name, end);
	}
	move_to(html, end);
	return true;
}

void
consent_html_read(const char *source, int len, bool addresses, TextFold *fold)
{
	Html	   *html = palloc(sizeof(Html));
	int			steps = 0;

	html->source = source;
	html->len = len;
	html->at = 0;
	html->chars = 0;
	html->heed_quotes = true;
	html->fold = fold;
	html->depth = 0;
	html->naddresses = 0;
	html->nhidden = 0;
	html->hidden_capacity = 0;
	html->hidden = NULL;
	html->seen = false;
	html->last_close = last_index(source, len, '>');

	while (html->at < len)
	{
		const char *open;
		int			end;

		if (++steps % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (source[html->at] == '<' && read_markup(html))
			continue;
		/* text, up to the next '<'; the one it may begin with is text itself */
		open = memchr(source + html->at + 1, '<', len - html->at - 1);
		end = open ? (int) (open - source) : len;
		put_shown(html, (Piece) {source + html->at, end - html->at, html->chars}, false);
		move_to(html, end);
	}
	put_hidden(html);
	consent_fold_region(fold, REGION_URL);
	for (int i = 0; addresses && i < html->naddresses; i++)
		consent_url_put(fold, html->address[i].s, html->address[i].len,
						html->address[i].chars);
	pfree(html);
}
