/*-------------------------------------------------------------------------
 *
 * line.c
 *	  Who ended the lines of a folded text.
 *
 * Lines that are full, or stop in the middle of a sentence as those around them do,
 * were broken by a program, or by who wants no filter to see more than a word; all
 * others somebody ended: a heading, an item, a button.  Paragraphs of a few words
 * that stop so are lines.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "text/fold.h"

/* Where mail programs break lines, in characters of the source; two full ones tell. */
#define WRAP_NARROWEST	50
#define WRAP_WIDEST		80

/* A paragraph of more of them may be narrower or wider. */
#define WRAP_SURE		3
#define WRAP_LEAST		25
#define WRAP_MOST		120

/*
 * So few words may be a line of a sentence that was broken without regard to its
 * width, if so many follow one another; of single words so many ends may be none, and
 * so many paragraphs need no other sign than small letters behind their ends.
 */
#define SHORT_WORDS		4
#define SHORT_LINES		3
#define SINGLE_WORDS	6

/* With these hardly a line ends that somebody ended. */
static const char open_words[][8] = {
	"a", "an", "and", "as", "at", "be", "by", "for", "from", "has", "i", "if", "is", "it's",
	"my", "of", "or", "our", "the", "to", "was", "we", "we'll", "will", "with", "you're",
	"you've", "your"
};

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
	int			mark;			/* which of the text's line ends its end is */
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

/* The lines or paragraphs of the text, of which there is room for nlines + 1; returns how many. */
static int
read_lines(const ConsentText *text, bool paragraphs, TextLine *line)
{
	int			from = 0;
	int			n = 0;
	const char *behind;

	for (int i = 0; i < text->nlines; i++)
	{
		const ConsentLineEnd *e = &text->line[i];
		int			end;

		if (paragraphs && !e->paragraph)
			continue;
		end = consent_text_byte(text, e->at);
		/* else it is read as one with what is around it */
		if (end >= from && text->data[end] == (e->paragraph ? '\n' : ' '))
		{
			line[n] = read_line(text, from, end, e->paragraph ? -1 : end, e->lower);
			line[n++].mark = i;
			from = end + 1;
		}
	}
	behind = memchr(text->data + from, '\n', text->len - from);	/* words of addresses */
	line[n++] = read_line(text, from, behind ? behind - text->data : text->len, -1, false);
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
is_short(const ConsentText *text, int from, int to)
{
	int			words = 1;

	for (int i = from; i < to && words <= SHORT_WORDS; i++)
		words += text->data[i] == ' ';
	return words <= SHORT_WORDS;
}

/* What is at the end of a line that another one follows? */
static void
see_end(const ConsentText *text, TextLine *line)
{
	line->may_go_on = line->to > line->from && strchr(".!?:", text->data[line->to - 1]) == NULL &&
		!line[1].is_item;
	line->is_open = line->may_go_on && is_open(text, line);
	line->goes_on = line->is_open || line->is_lower;
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

static bool
is_open_often(const Signs *signs)
{
	return signs->open > 1 && 8 * signs->open >= signs->ends;
}

/* Lines of a few words, which may be broken anywhere. */
static void
judge_short_lines(TextLine *line, int n)
{
	Signs		signs = read_signs(line, n - 1, INT_MAX);
	bool		broken = most_go_on(&signs) || is_open_often(&signs);

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
		see_end(text, &line[i]);
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
		for (end = i; end < n && is_short(text, line[end].from, line[end].to); end++)
			;
		if (end - i >= SHORT_LINES)
			judge_short_lines(&line[i], end - i);
	}
}

/* Is any line not the last of its paragraph? */
static bool
any_line_end(const ConsentText *text)
{
	for (int i = 0; i < text->nlines; i++)
	{
		if (!text->line[i].paragraph)
			return true;
	}
	return false;
}

int
consent_text_line_ends(const ConsentText *text, bool join, bool *doubtful, int **ends)
{
	TextLine   *line;
	int			nlines;
	int			width;
	int		   *at;
	int			n = 0;

	if (!any_line_end(text))
		return 0;
	line = palloc((text->nlines + 1) * sizeof(TextLine));
	nlines = read_lines(text, false, line);
	width = width_of_text(line, nlines);
	at = palloc(text->nlines * sizeof(int));
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

/* How many paragraphs of a few words follow one another in a region? */
static int
run_of_short(const ConsentText *text, const TextLine *line, int n)
{
	ConsentRegion region = consent_region_around(consent_text_region(text, line->from));
	int			run = 0;

	while (run < n && !line[run].is_rule && is_short(text, line[run].from, line[run].to) &&
		   consent_region_around(consent_text_region(text, line[run].from)) == region)
		run++;
	return run;
}

/* Most texts have none, and need not be read in paragraphs. */
static bool
any_short_run(const ConsentText *text)
{
	int			run = 0;
	int			end;

	for (int from = 0; from <= text->len && run < SHORT_LINES; from = end + 1)
	{
		const char *found = memchr(text->data + from, '\n', text->len - from);

		end = found ? found - text->data : text->len;
		run = is_short(text, from, end) ? run + 1 : 0;
	}
	return run >= SHORT_LINES;
}

void
consent_text_join_paragraphs(ConsentText *text)
{
	TextLine   *line;
	int			n;

	if (text->nlines < SHORT_LINES - 1 || !any_short_run(text))
		return;
	line = palloc((text->nlines + 1) * sizeof(TextLine));
	n = read_lines(text, true, line);
	for (int i = 0, run; i < n; i += Max(run, 1))
	{
		bool		joined = false;
		Signs		signs;

		run = run_of_short(text, &line[i], n - i);
		if (run < SHORT_LINES)
			continue;
		for (int k = i; k < i + run - 1; k++)
			see_end(text, &line[k]);
		signs = read_signs(&line[i], run - 1, INT_MAX);
		/* a few in small letters are a list, or cells of a table */
		if (run < SINGLE_WORDS && !is_open_often(&signs))
			continue;
		judge_short_lines(&line[i], run);
		for (int k = i; k < i + run - 1; k++)
			joined |= line[k].end != END_SURE;
		for (int k = i; joined && k < i + run - 1; k++)
		{
			text->data[line[k].to] = ' ';
			text->line[line[k].mark].paragraph = false;
		}
	}
	pfree(line);
}
