/*-------------------------------------------------------------------------
 *
 * sentence.c
 *	  Where the sentences of a folded text are.
 *
 * A sentence ends with its paragraph, with a line that somebody ended (a
 * heading, an item, a button), or with ".", "!" or "?" before a space.  Lines that
 * are full, or stop in the middle of a sentence as those around them do, were
 * broken by a program, or by who wants no filter to see more than a word.
 * A full stop behind a single letter or a common abbreviation ends none.
 * Text that is hidden, in a footer or an address stands apart; links and
 * images are part of the sentence they are in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "port/pg_bitutils.h"
#include "text/bytes.h"
#include "text/text.h"

/* Where mail programs break lines, in characters of the source; two full ones tell. */
#define WRAP_NARROWEST	50
#define WRAP_WIDEST		80

/* A paragraph of more of them may be narrower or wider. */
#define WRAP_SURE		3
#define WRAP_LEAST		25
#define WRAP_MOST		120

/*
 * So few words may be a line of a sentence that was broken without regard to its
 * width, if so many follow one another; of single words so many ends may be none.
 */
#define SHORT_WORDS		4
#define SHORT_LINES		3
#define SINGLE_WORDS	6

/* Filled up with NUL bytes, so that eight bytes are compared in one go. */
static const char abbreviations[][8] = {
	"approx", "co", "dept", "dr", "e.g", "eg", "etc", "i.e", "ie", "inc",
	"incl", "ltd", "min", "mr", "mrs", "ms", "no", "nos", "p.a", "prof", "ref", "st",
	"tel", "vs"
};

/* With these hardly a line ends that somebody ended. */
static const char open_words[][8] = {
	"a", "an", "and", "as", "at", "be", "by", "for", "from", "has", "i", "if", "is", "it's",
	"my", "of", "or", "our", "the", "to", "was", "we", "we'll", "will", "with", "you're",
	"you've", "your"
};

/* Does the full stop at byte "at" only shorten a word? */
static bool
is_abbreviation(const ConsentText *text, int from, int at)
{
	int			start = at;
	char		word[8] = {0};

	while (start > from && text->data[start - 1] != ' ' && at - start < 8)
		start--;
	if (at - start == 1 && text->data[start] >= 'a' && text->data[start] <= 'z')
		return true;
	memcpy(word, text->data + start, at - start);
	for (int i = 0; i < lengthof(abbreviations); i++)
	{
		if (memcmp(abbreviations[i], word, sizeof(word)) == 0)
			return true;
	}
	return false;
}

/* Where the next byte from "at" on is that may end a sentence; "last", if none is before it. */
static inline int
next_end(const ConsentText *text, int at, int last, uint64 *ends, int *seen_at)
{
	while (at < last)
	{
		uint64		next;

		if (at - *seen_at >= CONSENT_BYTES_SEEN)
		{
			*ends = consent_see_bytes(text->data + at).ends;
			*seen_at = at;
		}
		next = *ends >> (at - *seen_at);
		if (next != 0)
			return Min(last, at + pg_rightmost_one_pos64(next));
		at = *seen_at + CONSENT_BYTES_SEEN;
	}
	return last;
}

/* Links and images are within the text around them. */
static ConsentRegion
apart(ConsentRegion region)
{
	return region == REGION_LINK || region == REGION_ALT ? REGION_BODY : region;
}

/* What is at the end of a line. */
typedef enum LineEnd
{
	END_SURE,					/* an end that somebody made */
	END_DOUBTFUL,
	END_NONE					/* the sentence goes on */
} LineEnd;

/* A line; lengths are those that a mail program counted, in characters of the source. */
typedef struct TextLine
{
	int			from;			/* bytes of the text */
	int			to;
	int			len;
	int			first_word;		/* its length */
	int			broken_at;		/* as a byte of the text; -1: its paragraph ends with it */
	LineEnd		end;
	bool		is_rule;		/* of no words: ------ */
	bool		is_item;		/* begins with a mark: - or * */
	bool		is_last;		/* of a paragraph, or before or after a rule */
	bool		is_lower;		/* a small letter follows */
	/* of those that are not the last: */
	bool		may_go_on;		/* there is no mark at its end or behind it */
	bool		is_open;		/* its last word is one of open_words */
	bool		goes_on;		/* so, or is_lower */
} TextLine;

/* How often it shows that lines stop in the middle of a sentence. */
typedef struct Signs
{
	int			ends;			/* that may be none */
	int			open;			/* of these, twice if the word stands alone */
	int			going_on;
	int			full;			/* of those that go on */
} Signs;

/* Of what is read backwards the end comes first. */
static int
source_length(const ConsentText *text, int from, int end)
{
	return end > from ? Max(consent_text_end(text, end - 1) - consent_text_start(text, from), 0) : 0;
}

static TextLine
read_line(const ConsentText *text, int from, int end, int broken_at, bool is_lower)
{
	const char *s = text->data + from;
	const char *space = memchr(s, ' ', end - from);
	int			word_end = space ? space - text->data : end;
	TextLine	line = {.from = from,.to = end,.broken_at = broken_at,.is_rule = true,.is_lower = is_lower};

	line.len = source_length(text, from, end);
	line.first_word = source_length(text, from, word_end);
	line.is_item = word_end - from == 1 && ispunct((unsigned char) *s);
	for (int i = 0; i < end - from && line.is_rule; i++)
		line.is_rule = !isalnum((unsigned char) s[i]) && !IS_HIGHBIT_SET(s[i]);
	line.is_last = line.is_rule || broken_at < 0;
	return line;
}

/* Addresses take a line of their own, of any width. */
static bool
is_prose(const TextLine *line)
{
	return line->first_word < line->len && !line->is_rule;
}

/* Had the line no room for the first word of the next? */
static bool
is_full(const TextLine *line, int width)
{
	return is_prose(line) && !line[1].is_item && line[0].len + 1 + line[1].first_word > width;
}

static bool
is_width_of_mail(int width)
{
	return width >= WRAP_NARROWEST && width <= WRAP_WIDEST;
}

static int
widest_of_run(const TextLine *line, int n)
{
	int			width = 0;

	for (int i = 0; i < n; i++)
		width = is_prose(&line[i]) ? Max(width, line[i].len) : width;
	return width;
}

/* Of n lines that follow one another: only if but for the last all that are prose are full. */
static int
width_of_run(const TextLine *line, int n, int width)
{
	int			full = 0;

	for (int i = 0; i < n - 1; i++)
	{
		if (is_full(&line[i], width))
			full++;
		else if (is_prose(&line[i]))
			return INT_MAX;
	}
	if (full >= WRAP_SURE && width >= WRAP_LEAST && width <= WRAP_MOST)
		return width;
	return full > 1 && is_width_of_mail(width) ? width : INT_MAX;
}

/* The lines of the text, of which there is room for 2 * nlines + 1; returns how many. */
static int
read_lines(const ConsentText *text, TextLine *line)
{
	int			from = 0;
	int			n = 0;

	for (int i = 0; i <= text->nlines; i++)
	{
		int			end = i < text->nlines ? consent_text_byte(text, text->line[i].at) : text->len;
		const char *paragraph;

		/* read as one with what is around it */
		if (end < from || (i < text->nlines && text->data[end] != ' '))
			continue;
		paragraph = memchr(text->data + from, '\n', end - from);
		if (paragraph != NULL)
		{
			line[n++] = read_line(text, from, paragraph - text->data, -1, false);
			for (from = end; text->data[from - 1] != '\n'; from--)
				;
		}
		if (i < text->nlines)
			line[n++] = read_line(text, from, end, end, text->line[i].lower);
		else if (paragraph == NULL)
			line[n++] = read_line(text, from, end, -1, false);
		from = end + 1;
	}
	line[n - 1].is_last = true;
	for (int i = 1; i < n; i++)
		line[i - 1].is_last |= line[i].is_rule;
	return n;
}

/* How wide the widest line that has a neighbour is, if two are as full. */
static int
width_of_text(const TextLine *line, int n)
{
	int			width = 0;
	int			full = 0;

	for (int i = 0; i < n; i++)
	{
		if (is_prose(&line[i]) && (!line[i].is_last || (i > 0 && !line[i - 1].is_last)))
			width = Max(width, line[i].len);
	}
	for (int i = 0; i < n; i++)
		full += !line[i].is_last && is_full(&line[i], width);
	return full > 1 && is_width_of_mail(width) ? width : INT_MAX;
}

static bool
is_open(const ConsentText *text, const TextLine *line)
{
	int			start = line->to;
	char		word[8] = {0};

	while (start > line->from && text->data[start - 1] != ' ')
	{
		if (line->to - --start == sizeof(word))
			return false;
	}
	memcpy(word, text->data + start, line->to - start);
	for (int i = 0; i < lengthof(open_words); i++)
	{
		if (memcmp(open_words[i], word, sizeof(word)) == 0)
			return true;
	}
	return false;
}

static bool
is_short(const ConsentText *text, const TextLine *line)
{
	int			words = 1;

	for (int i = line->from; i < line->to && words <= SHORT_WORDS; i++)
		words += text->data[i] == ' ';
	return words <= SHORT_WORDS;
}

/* Of n lines and the one behind them. */
static Signs
read_signs(const TextLine *line, int n, int width)
{
	Signs		signs = {0};

	for (int i = 0; i < n; i++)
	{
		if (!line[i].may_go_on)
			continue;
		signs.ends++;
		signs.open += line[i].is_open + (line[i].is_open && !is_prose(&line[i]));
		signs.going_on += line[i].goes_on;
		signs.full += line[i].goes_on && is_full(&line[i], width);
	}
	return signs;
}

static bool
most_go_on(const Signs *signs)
{
	return signs->going_on > 1 && 2 * signs->going_on >= signs->ends;
}

/* Lines of a few words, which may be broken anywhere. */
static void
judge_short_lines(TextLine *line, int n)
{
	Signs		signs = read_signs(line, n - 1, INT_MAX);
	bool		broken = most_go_on(&signs) || (signs.open > 1 && 8 * signs.open >= signs.ends);

	for (int i = 0; i < n - 1; i++)
	{
		if (!line[i].may_go_on)
			continue;
		if (broken)
			line[i].end = END_NONE;
		else if (line[i].end == END_SURE && signs.ends >= SINGLE_WORDS && !is_prose(&line[i]) && !is_prose(&line[i + 1]))
			line[i].end = END_DOUBTFUL;
	}
}

/*
 * The ends of n lines that follow one another.  Mail programs break those that are
 * full, by the widest line of the text, or by that of their paragraph.
 */
static void
judge_ends(const ConsentText *text, TextLine *line, int n, int width_of_text)
{
	int			widest = widest_of_run(line, n);
	int			width = Min(width_of_run(line, n, widest), width_of_text);
	Signs		signs;
	bool		narrow;

	for (int i = 0; i < n - 1; i++)
	{
		line[i].may_go_on = line[i].to > line[i].from && strchr(".!?:", text->data[line[i].to - 1]) == NULL &&
			!line[i + 1].is_item;
		line[i].is_open = line[i].may_go_on && is_open(text, &line[i]);
		line[i].goes_on = line[i].is_open || line[i].is_lower;
	}
	signs = read_signs(line, n - 1, widest);
	narrow = most_go_on(&signs) && 5 * signs.full >= 4 * signs.going_on;
	for (int i = 0; i < n - 1; i++)
	{
		if (is_full(&line[i], width))
			line[i].end = END_NONE;
		else if (!line[i].may_go_on)
			continue;
		else if (narrow && (line[i].goes_on || is_full(&line[i], widest)))
			line[i].end = END_NONE;
		else if (line[i].goes_on)
			line[i].end = END_DOUBTFUL;
	}
	for (int i = 0, end; n - i >= SHORT_LINES; i = end + 1)
	{
		for (end = i; end < n && is_short(text, &line[end]); end++)
			;
		if (end - i >= SHORT_LINES)
			judge_short_lines(&line[i], end - i);
	}
}

/* Where lines end that somebody ended: as bytes, ascending. */
static int
line_ends(const ConsentText *text, bool join, bool *doubtful, int **ends)
{
	TextLine   *line = palloc((2 * text->nlines + 1) * sizeof(TextLine));
	int			nlines = read_lines(text, line);
	int			width = width_of_text(line, nlines);
	int		   *at = palloc(text->nlines * sizeof(int));
	int			n = 0;

	for (int i = 0, run; i < nlines; i += run)
	{
		for (run = 1; !line[i + run - 1].is_last; run++)
			;
		judge_ends(text, &line[i], run, width);
	}
	for (int i = 0; i < nlines; i++)
	{
		if (line[i].end == END_DOUBTFUL && doubtful)
			*doubtful = true;
		if (line[i].broken_at >= 0 && line[i].end < (join ? END_DOUBTFUL : END_NONE))
			at[n++] = line[i].broken_at;
	}
	pfree(line);
	*ends = at;
	return n;
}

int
consent_text_sentences(const ConsentText *text, bool join, bool *doubtful, ConsentSentence **sentences)
{
	int			capacity = 16;
	int			n = 0;
	int			from = 0;
	int			limit = 0;		/* where another region begins */
	int			zone = 0;
	int		   *line = NULL;
	int			nlines = text->nlines > 0 ? line_ends(text, join, doubtful, &line) : 0;
	int			next = 0;
	ConsentRegion region = REGION_BODY;
	uint64		ends = 0;
	int			seen_at = -CONSENT_BYTES_SEEN;

	*sentences = palloc(capacity * sizeof(ConsentSentence));
	while (from < text->len)
	{
		int			end = from;
		int			stop;

		if (from >= limit)
		{
			while (zone + 1 < text->nzones && text->zone[zone + 1].at <= from)
				zone++;
			region = apart(text->zone[zone].region);
			while (zone + 1 < text->nzones && apart(text->zone[zone + 1].region) == region)
				zone++;
			limit = zone + 1 < text->nzones ? text->zone[zone + 1].at : text->len;
		}
		while (next < nlines && line[next] <= from)
			next++;
		stop = next < nlines ? Min(limit, line[next]) : limit;
		while (end < limit && text->data[end] != '\n')
		{
			char		c;

			if (end < stop - 1)
				end = next_end(text, end, stop - 1, &ends, &seen_at);
			if (text->data[end] == '\n')
				break;
			c = text->data[end++];
			if (next < nlines && end == line[next])
				break;
			if ((c == '.' || c == '!' || c == '?') &&
				(end == limit || strchr(" \"')", text->data[end])) &&
				!(c == '.' && is_abbreviation(text, from, end - 1)))
			{
				while (end < limit && strchr(".!?\"')", text->data[end]))
					end++;
				break;
			}
		}
		stop = end;
		while (from < stop && text->data[from] == ' ')
			from++;
		while (stop > from && text->data[stop - 1] == ' ')
			stop--;
		if (stop > from)
		{
			if (n == capacity)
			{
				capacity *= 2;
				*sentences = repalloc(*sentences, capacity * sizeof(ConsentSentence));
			}
			(*sentences)[n].start = from;
			(*sentences)[n].end = stop;
			(*sentences)[n++].region = region;
		}
		from = end + (end < text->len && text->data[end] == '\n');
	}
	return n;
}
