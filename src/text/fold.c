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
 * Look-alike letters of other scripts are left as they are for now: U+0410 is
 * not folded to 'a'.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>

#include "text/fold.h"

/*
 * Room for a folded cluster.  NFKC makes at most 18 characters of one, so no
 * cluster can outgrow it and libunistring never allocates for the result.
 */
#define FOLDED_MAX	(18 * 4 * (FOLD_CLUSTER_MARKS + 1))

void
consent_fold_begin(TextFold *fold, ConsentText *text, int expected)
{
	memset(fold, 0, sizeof(TextFold));
	fold->text = text;
	fold->capacity = expected + FOLDED_MAX;
	text->data = palloc(fold->capacity + 1);
	text->start = palloc(fold->capacity * sizeof(int32));
	text->end = palloc(fold->capacity * sizeof(int32));
	text->len = 0;
}

static void
append(TextFold *fold, const char *bytes, int n, int32 start, int32 end)
{
	ConsentText *text = fold->text;

	if (text->len + n > fold->capacity)
	{
		fold->capacity = 2 * fold->capacity + n;
		text->data = repalloc(text->data, fold->capacity + 1);
		text->start = repalloc(text->start, fold->capacity * sizeof(int32));
		text->end = repalloc(text->end, fold->capacity * sizeof(int32));
	}
	for (int i = 0; i < n; i++)
	{
		text->data[text->len] = bytes[i];
		text->start[text->len] = start;
		text->end[text->len] = end;
		text->len++;
	}
}

static void
flush_cluster(TextFold *fold)
{
	uint8_t		once[FOLDED_MAX];
	uint8_t		twice[FOLDED_MAX];
	size_t		once_len = sizeof(once);
	size_t		twice_len = sizeof(twice);

	if (fold->cluster_len == 0)
		return;

	if (fold->cluster_len == 1)
	{
		char		c = (char) pg_tolower(fold->cluster[0]);

		append(fold, &c, 1, fold->cluster_start, fold->cluster_end);
	}
	else
	{
		/*
		 * Twice, because NFKC may bring out capitals that case folding could
		 * not see: U+1D412 (bold S) first becomes 'S'.
		 */
		if (u8_casefold(fold->cluster, fold->cluster_len, NULL, UNINORM_NFKC,
						once, &once_len) != once ||
			u8_casefold(once, once_len, NULL, UNINORM_NFKC,
						twice, &twice_len) != twice)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("could not fold text: %m")));
		append(fold, (char *) twice, (int) twice_len,
			   fold->cluster_start, fold->cluster_end);
	}
	fold->cluster_len = 0;
	fold->cluster_chars = 0;
}

/* Typographic variants that NFKC keeps but no rule should have to list. */
static pg_wchar
plain_form(pg_wchar c)
{
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
		case 0x2800:			/* blank braille pattern */
			return ' ';
		default:
			return c;
	}
}

void
consent_fold_put(TextFold *fold, pg_wchar c, int32 start, int32 end)
{
	bool		space;
	bool		joins = false;

	if (c >= 0x80)
	{
		if (uc_is_property_default_ignorable_code_point(c))
			return;
		c = plain_form(c);
	}
	if (c < 0x80)
	{
		space = c == ' ' || (c >= '\t' && c <= '\r');
		if (!space && (c < ' ' || c == 0x7F))
			return;				/* control characters show nothing */
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
		flush_cluster(fold);
		if (!fold->space && fold->newlines == 0)
			fold->space_start = start;
		fold->space_end = end;
		if (c == '\n' || c == 0x2028)
			fold->newlines++;
		else if (c == 0x2029)
			fold->newlines += 2;
		else
			fold->space = true;
		return;
	}

	if (!joins)
	{
		flush_cluster(fold);
		if (fold->space || fold->newlines > 0)
		{
			if (fold->text->len > 0)
				append(fold, fold->newlines > 1 ? "\n" : " ", 1,
					   fold->space_start, fold->space_end);
			fold->space = false;
			fold->newlines = 0;
		}
		fold->cluster_start = start;
	}
	unicode_to_utf8(c, fold->cluster + fold->cluster_len);
	fold->cluster_len += pg_utf_mblen(fold->cluster + fold->cluster_len);
	fold->cluster_chars++;
	fold->cluster_end = end;
}

void
consent_fold_end(TextFold *fold)
{
	flush_cluster(fold);
	fold->text->data[fold->text->len] = '\0';
}
