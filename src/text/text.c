/*-------------------------------------------------------------------------
 *
 * text.c
 *	  The text room's front door: source in, folded text out.
 *
 * A body is plain text or HTML; whole messages are taken apart by mime.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "text/fold.h"
#include "text/text.h"

#define ADDRESSES_MAX	64		/* of a plain text that are read */

const char *const consent_region_names[CONSENT_NREGIONS] = {
	"body", "link", "alt", "preheader", "footer", "url"
};

/* The addresses in a plain text, each on a line behind it. */
static void
put_addresses(const char *source, int len, TextFold *fold)
{
	const char *s = source;
	int32		chars = 0;
	const char *counted = source;
	int			n = 0;

	consent_fold_region(fold, REGION_URL);
	while (n < ADDRESSES_MAX && (s = memchr(s, ':', source + len - s)) != NULL)
	{
		const char *from = s;
		int			length;

		while (from > source && s - from < 5 &&
			   ((from[-1] >= 'a' && from[-1] <= 'z') || (from[-1] >= 'A' && from[-1] <= 'Z')))
			from--;
		length = consent_url_length(from, (int) (source + len - from));
		s++;
		if (length == 0)
			continue;
		for (; counted < from; counted++)
			chars += ((unsigned char) *counted & 0xC0) != 0x80;
		consent_url_put(fold, from, length, chars);
		s = from + length;
		n++;
	}
}

static void
fold_source(const char *source, int len, bool addresses, ConsentText *text)
{
	TextFold	fold;

	text->truncated = len > CONSENT_TEXT_MAX_BYTES;
	if (text->truncated)
		len = pg_encoding_mbcliplen(PG_UTF8, source, len, CONSENT_TEXT_MAX_BYTES);
	text->html = consent_html_looks_like(source, len);
	text->pictures = false;

	consent_fold_begin(&fold, text, len);
	fold.unquote = addresses && !text->html;
	if (text->html)
		consent_html_read(source, len, addresses, &fold);
	else
	{
		consent_fold_put_plain(&fold, source, len, 0);
		if (addresses)
			put_addresses(source, len, &fold);
	}
	consent_fold_end(&fold);
}

void
consent_text_fold(const char *source, int len, ConsentText *text)
{
	fold_source(source, len, false, text);
}

void
consent_text_read(const char *source, int len, ConsentText *text)
{
	fold_source(source, len, true, text);
	consent_text_join_paragraphs(text);
	consent_text_respell(text);
}

void
consent_text_free(ConsentText *text)
{
	pfree(text->data);
	pfree(text->run);
	pfree(text->zone);
	if (text->line)
		pfree(text->line);
}

/* The run that a byte of the text belongs to. */
static const ConsentRun *
run_of(const ConsentText *text, int byte)
{
	int			low = 0;
	int			high = text->nruns;

	while (high - low > 1)
	{
		int			middle = (low + high) / 2;

		if (text->run[middle].at <= byte)
			low = middle;
		else
			high = middle;
	}
	return &text->run[low];
}

int32
consent_text_start(const ConsentText *text, int byte)
{
	const ConsentRun *run = run_of(text, byte);

	return run->start + (run->width == 0 ? byte - run->at : 0);
}

int32
consent_text_end(const ConsentText *text, int byte)
{
	const ConsentRun *run = run_of(text, byte);

	return run->start + (run->width == 0 ? byte - run->at + 1 : run->width);
}

/*
 * Reversed text has its end before its start; what is between belongs to the
 * piece all the same.
 */
void
consent_text_source(const ConsentText *text, int from, int to, int32 *start, int32 *end)
{
	int32		a = consent_text_start(text, from);
	int32		b = consent_text_end(text, to - 1);

	*start = Min(a, consent_text_start(text, to - 1));
	*end = Max(b, consent_text_end(text, from));
}

/* The byte of the text that came from source character "at", or the next. */
int
consent_text_byte(const ConsentText *text, int32 at)
{
	const ConsentZone *last = text->nzones > 0 ? &text->zone[text->nzones - 1] : NULL;
	int			len = last && last->region == REGION_URL ? last->at : text->len;	/* what is behind came from before */
	int			low = 0;
	int			high = text->nruns;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const ConsentRun *run = &text->run[middle];
		int			stop = middle + 1 < text->nruns ? Min(run[1].at, len) : len;

		if (run->at < len && run->start + (run->width == 0 ? stop - run->at : run->width) <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == text->nruns || text->run[low].at >= len)
		return len;
	return text->run[low].at + (text->run[low].width == 0 ? Max(at - text->run[low].start, 0) : 0);
}

ConsentRegion
consent_text_region(const ConsentText *text, int byte)
{
	int			low = 0;
	int			high = text->nzones;

	while (high - low > 1)
	{
		int			middle = (low + high) / 2;

		if (text->zone[middle].at <= byte)
			low = middle;
		else
			high = middle;
	}
	return text->zone[low].region;
}
