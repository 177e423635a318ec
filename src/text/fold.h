/*-------------------------------------------------------------------------
 *
 * fold.h
 *	  Inside the text room: characters go in one by one, folded text and the
 *	  map back to the source come out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_FOLD_H
#define PG_CONSENT_FOLD_H

#include "mb/pg_wchar.h"

#include "text/text.h"

/* A base character and the marks upon it; what exceeds it starts a new one. */
#define FOLD_CLUSTER_MARKS	30

typedef struct TextFold
{
	ConsentText *text;
	int			capacity;

	/* white space seen but not yet written */
	int			newlines;
	bool		space;
	int32		space_start;
	int32		space_end;

	/* the characters that may still combine, in UTF-8 */
	unsigned char cluster[4 * (FOLD_CLUSTER_MARKS + 1)];
	int			cluster_len;
	int			cluster_chars;
	int32		cluster_start;
	int32		cluster_end;
} TextFold;

extern void consent_fold_begin(TextFold *fold, ConsentText *text, int expected);

/* c stands for the source's characters start (0-based) to end (exclusive) */
extern void consent_fold_put(TextFold *fold, pg_wchar c, int32 start, int32 end);
extern void consent_fold_end(TextFold *fold);

/* html_strip.c */
extern bool consent_html_looks_like(const char *source, int len);
extern void consent_html_strip(const char *source, int len, TextFold *fold);

#endif							/* PG_CONSENT_FOLD_H */
