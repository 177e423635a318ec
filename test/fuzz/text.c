/*-------------------------------------------------------------------------
 *
 * text.c
 *	  Any text is read; the map back and the regions are in order.
 *
 * If the input begins with '<' it is HTML, else it is what it looks like.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "backend.h"
#include "text/text.h"

static void
run(const char *data, int size)
{
	char	   *source = pnstrdup("", 0);
	ConsentText text;
	ConsentSentence *sentences;
	int			n;
	int			chars = 0;
	int			read = 0;
	bool		doubtful = false;

	source = palloc(size + 1);
	memcpy(source, data, size);
	size = consent_fuzz_utf8(source, size);
	for (int at = 0; at < size; at += pg_utf_mblen((unsigned char *) source + at))
		chars++;

	consent_text_read(source, size, &text);
	MUST(text.data[text.len] == '\0');
	MUST(text.len == 0 || (text.nruns > 0 && text.run[0].at == 0));
	MUST(text.len == 0 || (text.nzones > 0 && text.zone[0].at == 0));
	for (int i = 1; i < text.nruns; i++)
		MUST(text.run[i].at > text.run[i - 1].at && text.run[i].at < text.len);
	for (int i = 1; i < text.nzones; i++)
		MUST(text.zone[i].at > text.zone[i - 1].at && text.zone[i].at < text.len);
	for (int at = 0; at < text.len; at += pg_utf_mblen((unsigned char *) text.data + at))
	{
		int			start = consent_text_start(&text, at);
		int			end = consent_text_end(&text, at);

		MUST(pg_utf8_islegal((unsigned char *) text.data + at,
							 pg_utf_mblen((unsigned char *) text.data + at)));
		MUST(text.data[at] < 'A' || text.data[at] > 'Z');
		MUST(start >= 0 && end > start && end <= chars);
		MUST((int) consent_text_region(&text, at) < CONSENT_NREGIONS);
	}

	for (int join = 0; join < 2; join++)
	{
		int			last = 0;
		int			n = consent_text_sentences(&text, join, &doubtful, &sentences);

		for (int i = 0; i < n; i++)
		{
			MUST(sentences[i].start >= last && sentences[i].end > sentences[i].start);
			last = sentences[i].end;
		}
		MUST(last <= text.len);
		MUST(join == 0 || n == read || (n < read && doubtful));
		read = n;
	}
}

FUZZ_TARGET(run)
