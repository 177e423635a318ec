/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  Unicode folding with a map back to the source.
 *
 * Text is folded one combining sequence at a time (a character and the marks
 * that follow it), because that is the unit whose source position is known.
 * Normalisation across two base characters, which only Hangul jamo and a few
 * Indic vowels have, is therefore not done; no rule could tell.
 *
 * ASCII, which most text is, takes a path of its own: it needs no library,
 * and a stretch of it costs one run of the map.
 *
 * What needs more than one character to be told (disguised words, sums of
 * money) is left to respell.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>

#include "text/bytes.h"
#include "text/fold.h"

/*
 * Room for a folded cluster.  NFKC makes at most 18 characters of one, so no
 * cluster can outgrow it and libunistring never allocates for the result.
 */
#define FOLDED_MAX	(18 * 4 * (FOLD_CLUSTER_MARKS + 1))

#define CCC_OVERLAY	1			/* strokes through a letter */

/* What ASCII characters are to us: 0 drop, ' ' white space, else what to write. */
static unsigned char ascii_form[128];

static void
prepare_ascii(void)
{
	for (int c = ' ' + 1; c < 0x7F; c++)
		ascii_form[c] = pg_tolower((unsigned char) c);
	for (int c = '\t'; c <= '\r'; c++)
		ascii_form[c] = ' ';
	ascii_form[' '] = ' ';
}

void
consent_fold_begin(TextFold *fold, ConsentText *text, int expected)
{
	if (ascii_form[' '] == 0)
		prepare_ascii();
	/* all but the long buffers at its end, which have counts */
	memset(fold, 0, offsetof(TextFold, reversed));
	fold->text = text;
	fold->capacity = expected + 64;
	fold->run_capacity = 32;
	fold->zone_capacity = 4;
	text->data = palloc(fold->capacity + CONSENT_BYTES_SEEN);
	text->run = palloc(fold->run_capacity * sizeof(ConsentRun));
	text->zone = palloc(fold->zone_capacity * sizeof(ConsentZone));
	text->len = 0;
	text->nruns = 0;
	text->nzones = 0;
	text->nlines = 0;
	text->line = NULL;
	fold->region = REGION_BODY;
}

static void
note_zone(TextFold *fold)
{
	ConsentText *text = fold->text;

	if (text->nzones > 0 && text->zone[text->nzones - 1].region == fold->region)
		return;
	if (text->nzones == fold->zone_capacity)
	{
		fold->zone_capacity *= 2;
		text->zone = repalloc(text->zone, fold->zone_capacity * sizeof(ConsentZone));
	}
	text->zone[text->nzones].at = text->len;
	text->zone[text->nzones++].region = fold->region;
}

static void
note_run(TextFold *fold, int32 start, int32 width)
{
	ConsentText *text = fold->text;

	if (width == 0 && text->nruns > 0)
	{
		ConsentRun *last = &text->run[text->nruns - 1];

		if (last->width == 0 && last->start + (text->len - last->at) == start)
			return;
	}
	if (text->nruns == fold->run_capacity)
	{
		fold->run_capacity *= 2;
		text->run = repalloc(text->run, fold->run_capacity * sizeof(ConsentRun));
	}
	text->run[text->nruns].at = text->len;
	text->run[text->nruns].start = start;
	text->run[text->nruns++].width = width;
}

/* Make room for n more bytes that come from "start" on. */
static char *
extend(TextFold *fold, int n, int32 start, int32 width)
{
	ConsentText *text = fold->text;

	if (text->len + n > fold->capacity)
	{
		fold->capacity = 2 * fold->capacity + n;
		text->data = repalloc(text->data, fold->capacity + CONSENT_BYTES_SEEN);
	}
	note_zone(fold);
	note_run(fold, start, width);
	text->len += n;
	return text->data + text->len - n;
}

void
consent_fold_append(TextFold *fold, const char *bytes, int n,
					int32 start, int32 end, bool linear)
{
	if (n > 0)
		memcpy(extend(fold, n, start, linear ? 0 : end - start), bytes, n);
}

/*
 * Marks upon Latin letters that made no letter of their own are there to
 * disguise; so are strokes through any letter.
 */
static int
drop_marks(uint8_t *s, int len)
{
	bool		latin = true;
	int			out = 0;

	for (int at = 0; at < len;)
	{
		int			n = pg_utf_mblen(s + at);
		pg_wchar	c = utf8_to_unicode(s + at);
		int			ccc = c < 0x300 ? 0 : uc_combining_class(c);

		if (at == 0)
			latin = c < 0x250;
		if (at == 0 || !(ccc == CCC_OVERLAY || (latin && ccc != 0)))
		{
			memmove(s + out, s + at, n);
			out += n;
		}
		at += n;
	}
	return out;
}

/*
 * Fold len bytes; returns how many there are in "folded", which has room for
 * FOLDED_MAX.  Twice, because NFKC may bring out capitals that case folding
 * could not see: U+1D412 (bold S) first becomes 'S'.
 */
static int
fold_bytes(const uint8_t *s, int len, uint8_t *folded)
{
	uint8_t		once[FOLDED_MAX];
	size_t		once_len = sizeof(once);
	size_t		twice_len = FOLDED_MAX;

	/* of a megabyte of these more than a second is spent here */
	CHECK_FOR_INTERRUPTS();
	if (u8_casefold(s, len, NULL, UNINORM_NFKC, once, &once_len) != once ||
		u8_casefold(once, once_len, NULL, UNINORM_NFKC, folded, &twice_len) != folded)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not fold text: %m")));
	return (int) twice_len;
}

/* Of the characters beyond ASCII a few, as the pound sign, come again and again. */
#define KEPT		256
#define KEPT_MAX	7

static struct
{
	uint8		source[4];
	uint8		len;			/* of folded; 0: nothing is kept here */
	uint8		folded[KEPT_MAX];
}			kept[KEPT];

/* The same for one character, of 2 to 4 bytes. */
static int
fold_character(const uint8_t *s, int len, uint8_t *folded)
{
	uint8		source[4] = {0};
	int			k = (s[0] * 67 + s[1] * 31 + s[len - 1]) % KEPT;
	int			n;

	memcpy(source, s, len);
	if (kept[k].len > 0 && memcmp(kept[k].source, source, sizeof(source)) == 0)
	{
		memcpy(folded, kept[k].folded, kept[k].len);
		return kept[k].len;
	}
	n = fold_bytes(s, len, folded);
	if (n <= KEPT_MAX)
	{
		memcpy(kept[k].source, source, sizeof(source));
		memcpy(kept[k].folded, folded, n);
		kept[k].len = (uint8) n;
	}
	return n;
}

static void
flush_cluster(TextFold *fold)
{
	uint8_t		folded[FOLDED_MAX];
	int			n;

	if (fold->cluster_len == 0)
		return;

	if (fold->cluster_len == 1)
	{
		*extend(fold, 1, fold->cluster_start,
				fold->cluster_end - fold->cluster_start == 1 ? 0 :
				fold->cluster_end - fold->cluster_start) = ascii_form[fold->cluster[0]];
	}
	else
	{
		if (fold->cluster_chars == 1)
			n = fold_character(fold->cluster, fold->cluster_len, folded);
		else
			n = drop_marks(folded, fold_bytes(fold->cluster, fold->cluster_len, folded));
		consent_fold_append(fold, (char *) folded, n, fold->cluster_start,
							fold->cluster_end,
							n == 1 && fold->cluster_end - fold->cluster_start == 1);
	}
	fold->cluster_len = 0;
	fold->cluster_chars = 0;
}

/* "next" begins the line behind it. */
static void
note_line(TextFold *fold, pg_wchar next)
{
	ConsentText *text = fold->text;

	if (text->nlines == fold->line_capacity)
	{
		fold->line_capacity = fold->line_capacity ? 2 * fold->line_capacity : 16;
		text->line = text->line ?
			repalloc(text->line, fold->line_capacity * sizeof(ConsentLineEnd)) :
			palloc(fold->line_capacity * sizeof(ConsentLineEnd));
	}
	text->line[text->nlines].at = fold->space_start;
	text->line[text->nlines].paragraph = fold->newlines > 1;
	text->line[text->nlines++].lower = uc_is_property_lowercase(next);
}

/* Write the white space that came before what comes now. */
static void
flush_space(TextFold *fold, pg_wchar next)
{
	if (!fold->space && fold->newlines == 0)
		return;
	/* HTML ends its lines where it likes */
	if (fold->text->len > 0 && fold->newlines > (fold->text->html ? 1 : 0) && fold->region != REGION_URL)
		note_line(fold, next);
	if (fold->text->len > 0)
		consent_fold_append(fold, fold->newlines > 1 ? "\n" : " ", 1,
							fold->space_start, fold->space_end,
							fold->space_end - fold->space_start == 1);
	fold->space = false;
	fold->newlines = 0;
}

static void
put_space(TextFold *fold, pg_wchar c, int32 start, int32 end)
{
	flush_cluster(fold);
	if (!fold->space && fold->newlines == 0)
	{
		fold->space_start = start;
		fold->space_end = end;
	}
	fold->space_start = Min(fold->space_start, start);
	fold->space_end = Max(fold->space_end, end);
	if (c == '\n' || c == 0x2028)
		fold->newlines++;
	else if (c == 0x2029)
		fold->newlines += 2;
	else
		fold->space = true;
}

/* Variants that NFKC keeps but no rule should have to list. */
static pg_wchar
plain_form(pg_wchar c)
{
	/* white letters and signs on black: the other enclosed letters are NFKC's */
	if ((c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189))
		return 'a' + (c - 0x1F150) % 32;
	/* and those in brackets */
	if (c >= 0x249C && c <= 0x24B5)
		return 'a' + (c - 0x249C);
	if (c >= 0x1F110 && c <= 0x1F129)
		return 'a' + (c - 0x1F110);

	switch (c)
	{
		case 0x2018:
		case 0x2019:
		case 0x201B:
		case 0x02BC:
			return '\'';
		case 0x201C:
		case 0x201D:
			return '"';
		case 0x2010:
		case 0x2011:
		case 0x2012:
		case 0x2013:
		case 0x2014:
		case 0x2015:
		case 0x2212:
			return '-';
		case 0x066A:			/* Arabic percent sign */
			return '%';
		case 0x2800:			/* blank braille pattern */
		case 0x3164:			/* Hangul fillers are as wide as a letter */
		case 0xFFA0:
			return ' ';
		default:
			return c;
	}
}

/* Does a > that comes now quote the line? */
static bool
quotes_line(const TextFold *fold)
{
	return fold->unquote && (fold->newlines > 0 || (fold->text->len == 0 && fold->cluster_len == 0));
}

static void
put_char(TextFold *fold, pg_wchar c, int32 start, int32 end)
{
	bool		space;
	bool		joins = false;

	if (c >= 0x80)
	{
		c = plain_form(c);
		if (c >= 0x80 && uc_is_property_default_ignorable_code_point(c))
			return;
	}
	if (c < 0x80)
	{
		if (ascii_form[c] == 0)
			return;				/* control characters show nothing */
		space = ascii_form[c] == ' ' || (c == '>' && quotes_line(fold));
	}
	else
	{
		space = uc_is_property_white_space(c);
		joins = !space && fold->cluster_len > 0 &&
			uc_combining_class(c) != 0 &&
			fold->cluster_chars <= FOLD_CLUSTER_MARKS;
	}

	if (space)
	{
		put_space(fold, c, start, end);
		return;
	}
	if (!joins)
	{
		flush_cluster(fold);
		flush_space(fold, c);
		fold->cluster_start = start;
		fold->cluster_end = end;
	}
	/* Of reversed text the mark comes first, and its letter before it. */
	fold->cluster_start = Min(fold->cluster_start, start);
	fold->cluster_end = Max(fold->cluster_end, end);
	unicode_to_utf8(c, fold->cluster + fold->cluster_len);
	fold->cluster_len += pg_utf_mblen(fold->cluster + fold->cluster_len);
	fold->cluster_chars++;
}

static void
flush_reversed(TextFold *fold)
{
	fold->reversing = false;
	while (fold->nreversed > 0)
	{
		FoldChar   *f = &fold->reversed[--fold->nreversed];

		put_char(fold, f->c, f->start, f->end);
	}
}

/* Text that is written backwards and shown in reverse reads forwards. */
static void
put_in_order(TextFold *fold, pg_wchar c, int32 start, int32 end)
{
	if (c == FOLD_RIGHT_TO_LEFT)
	{
		flush_reversed(fold);
		fold->reversing = true;
		return;
	}
	if (!fold->reversing)
	{
		put_char(fold, c, start, end);
		return;
	}
	if (c == FOLD_POP || c == '\n' || fold->nreversed == FOLD_REVERSED_MAX)
	{
		flush_reversed(fold);
		put_char(fold, c, start, end);
		return;
	}
	fold->reversed[fold->nreversed].c = c;
	fold->reversed[fold->nreversed].start = start;
	fold->reversed[fold->nreversed++].end = end;
}

/* The byte that Windows-1252 shows as c; 0 if it is none of UTF-8's. */
static unsigned char
windows_byte(pg_wchar c)
{
	static const uint16 high[32] = {
		0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
		0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
		0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
		0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178
	};

	if (c >= 0x80 && c <= 0xFF)
		return (unsigned char) c;
	for (int i = 0; i < lengthof(high); i++)
	{
		if (high[i] == c)
			return (unsigned char) (0x80 + i);
	}
	return 0;
}

static void
flush_garbled(TextFold *fold)
{
	int			n = fold->ngarbled;

	fold->ngarbled = 0;
	for (int i = 0; i < n; i++)
		put_in_order(fold, fold->garbled[i].c, fold->garbled[i].start,
					 fold->garbled[i].end);
}

/* Bytes that UTF-8 begins the characters with that people get garbled. */
static bool
begins_garbled(pg_wchar c)
{
	return c == 0xC2 || c == 0xC3 || c == 0xE2 || c == 0xF0;
}

void
consent_fold_put(TextFold *fold, pg_wchar c, int32 start, int32 end)
{
	if (fold->ngarbled > 0)
	{
		unsigned char byte = windows_byte(c);

		if (byte >= 0x80 && byte <= 0xBF)
		{
			int			n = fold->ngarbled++;

			fold->garbled[n].c = c;
			fold->garbled[n].start = start;
			fold->garbled[n].end = end;
			fold->garbled_bytes[n++] = byte;
			if (n < pg_utf_mblen(fold->garbled_bytes))
				return;
			if (pg_utf8_islegal(fold->garbled_bytes, n))
			{
				fold->ngarbled = 0;
				put_in_order(fold, utf8_to_unicode(fold->garbled_bytes),
							 fold->garbled[0].start, end);
			}
			else
				flush_garbled(fold);
			return;
		}
		flush_garbled(fold);
	}
	if (c >= 0x80 && begins_garbled(c))
	{
		fold->garbled[0].c = c;
		fold->garbled[0].start = start;
		fold->garbled[0].end = end;
		fold->garbled_bytes[0] = (unsigned char) c;
		fold->ngarbled = 1;
		return;
	}
	put_in_order(fold, c, start, end);
}

/*
 * Fold eight bytes of ASCII, of which there are more; false if they are not all to
 * be copied: there is a control character, or white space that is no single space.
 */
static inline bool
fold_eight(const char *s, char *out)
{
	const uint64 ones = UINT64CONST(0x0101010101010101);
	const uint64 tops = ones << 7;
	uint64		eight;
	uint64		printing;
	uint64		letters;
	uint64		capitals;
	uint64		spaces;

	/* no byte has its top bit set, so sums of less than 128 do not carry over */
	memcpy(&eight, s, 8);
	printing = (eight + ones * (0x80 - ' ')) & ~(eight + ones) & tops;
	letters = (eight + ones * (0x80 - 'A')) & tops;
	capitals = letters & ~(eight + ones * (0x80 - 'Z' - 1));
	spaces = ~((eight ^ ones * ' ') + ones * 0x7F) & tops;
	if (printing != tops || (spaces & (spaces << 8)) ||
		(s[7] == ' ' && ascii_form[(unsigned char) s[8]] <= ' '))
		return false;
	eight |= capitals >> 2;
	memcpy(out, &eight, 8);
	return true;
}

/*
 * ASCII without anything that could combine, disguise or reverse it.  Words
 * with single spaces between them are copied in one go.
 */
static void
put_ascii(TextFold *fold, const char *s, int len, int32 start)
{
	int			i = 0;

	while (i < len)
	{
		int			from = i;
		char	   *out;

		if (ascii_form[(unsigned char) s[i]] <= ' ')
		{
			if (ascii_form[(unsigned char) s[i]] == ' ')
				put_space(fold, s[i], start + i, start + i + 1);
			i++;
			continue;
		}
		if (s[i] == '>' && quotes_line(fold))
		{
			put_space(fold, ' ', start + i, start + i + 1);
			i++;
			continue;
		}
		flush_space(fold, (unsigned char) s[i]);
		out = extend(fold, len - from, start + from, 0);
		while (i < len)
		{
			unsigned char c;

			if (i + 8 < len && fold_eight(s + i, out))
			{
				i += 8;
				out += 8;
				continue;
			}
			c = ascii_form[(unsigned char) s[i]];
			if (c <= ' ' && !(s[i] == ' ' && i + 1 < len &&
							  ascii_form[(unsigned char) s[i + 1]] > ' '))
				break;
			*out++ = c;
			i++;
		}
		/* give back the room for what was not copied */
		fold->text->len -= len - i;
	}
}

/* Where the next character beyond ASCII is, or the end. */
static int
end_of_ascii(const char *s, int len, int at)
{
	uint64		eight;

	for (; at + 8 <= len; at += 8)
	{
		memcpy(&eight, s + at, 8);
		if (eight & UINT64CONST(0x8080808080808080))
			break;
	}
	while (at < len && !IS_HIGHBIT_SET(s[at]))
		at++;
	return at;
}

void
consent_fold_put_plain(TextFold *fold, const char *s, int len, int32 chars)
{
	int			at = 0;

	while (at < len)
	{
		int			from = at;
		int			n;

		at = end_of_ascii(s, len, at);
		/* the last one waits for marks that may follow it */
		n = at - from - (at < len ? 1 : 0);
		if (n > 0 && fold->ngarbled == 0 && !fold->reversing)
		{
			flush_cluster(fold);
			put_ascii(fold, s + from, n, chars);
			chars += n;
			from += n;
		}
		for (; from < at; from++, chars++)
			consent_fold_put(fold, (unsigned char) s[from], chars, chars + 1);

		for (; at < len && IS_HIGHBIT_SET(s[at]); chars++)
		{
			consent_fold_put(fold, utf8_to_unicode((const unsigned char *) s + at),
							 chars, chars + 1);
			at += pg_utf_mblen((const unsigned char *) s + at);
		}
	}
}

void
consent_fold_region(TextFold *fold, ConsentRegion region)
{
	if (region == fold->region)
		return;
	flush_garbled(fold);
	flush_cluster(fold);
	fold->region = region;
}

void
consent_fold_end(TextFold *fold)
{
	flush_garbled(fold);
	flush_reversed(fold);
	flush_cluster(fold);
	memset(fold->text->data + fold->text->len, 0, CONSENT_BYTES_SEEN);
}
