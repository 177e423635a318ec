/*-------------------------------------------------------------------------
 *
 * sentence.c
 *	  Where the sentences of a folded text are.
 *
 * A sentence ends with its paragraph, with a line that somebody ended (line.c
 * knows), or with ".", "!" or "?" before a space.  A full stop behind a single
 * letter or a common abbreviation ends none.
 * Text that is hidden, in a footer or an address stands apart; links and
 * images are part of the sentence they are in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "text/bytes.h"
#include "text/fold.h"

/* Filled up with NUL bytes, so that eight bytes are compared in one go. */
static const char abbreviations[][8] = {
	"approx", "co", "dept", "dr", "e.g", "eg", "etc", "i.e", "ie", "inc",
	"incl", "ltd", "min", "mr", "mrs", "ms", "no", "nos", "p.a", "prof", "ref", "st",
	"tel", "vs"
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

int
consent_text_sentences(const ConsentText *text, bool join, bool *doubtful, ConsentSentence **sentences)
{
	int			capacity = 16;
	int			n = 0;
	int			from = 0;
	int			limit = 0;		/* where another region begins */
	int			zone = 0;
	int		   *line = NULL;
	int			nlines = consent_text_line_ends(text, join, doubtful, &line);
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
			region = consent_region_around(text->zone[zone].region);
			while (zone + 1 < text->nzones && consent_region_around(text->zone[zone + 1].region) == region)
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
