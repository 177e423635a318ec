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

/* Characters that are shown in reverse order, kept until we know how many. */
#define FOLD_REVERSED_MAX	256

/* Shown from right to left, until FOLD_POP or a line ends. */
#define FOLD_RIGHT_TO_LEFT	0x202E
#define FOLD_POP			0x202C

typedef struct FoldChar
{
	pg_wchar	c;
	int32		start;
	int32		end;
} FoldChar;

typedef struct TextFold
{
	ConsentText *text;
	int			capacity;
	int			run_capacity;
	int			zone_capacity;
	int			line_capacity;
	ConsentRegion region;		/* of what comes next */
	bool		unquote;		/* > before a line is white space */

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

	/* UTF-8 that was taken for Windows-1252: its bytes as characters */
	FoldChar	garbled[4];
	unsigned char garbled_bytes[4];
	int			ngarbled;

	bool		reversing;
	int			nreversed;
	FoldChar	reversed[FOLD_REVERSED_MAX];
} TextFold;

/* fold.c */
extern void consent_fold_begin(TextFold *fold, ConsentText *text, int expected);

/* c stands for the source's characters start (0-based) to end (exclusive) */
extern void consent_fold_put(TextFold *fold, pg_wchar c, int32 start, int32 end);

/* Plain text; its first character is the source's character "chars". */
extern void consent_fold_put_plain(TextFold *fold, const char *s, int len, int32 chars);

/* What comes next stands in another region. */
extern void consent_fold_region(TextFold *fold, ConsentRegion region);

extern void consent_fold_end(TextFold *fold);

/*
 * For those who write a folded text themselves, respell.c: n bytes that came
 * from the characters start to end; if linear, each from one of them.
 */
extern void consent_fold_append(TextFold *fold, const char *bytes, int n,
								int32 start, int32 end, bool linear);

/* Links and images are within the text around them. */
static inline ConsentRegion
consent_region_around(ConsentRegion region)
{
	return region == REGION_LINK || region == REGION_ALT ? REGION_BODY : region;
}

/* line.c: paragraphs of a few words that are one text become its lines */
extern void consent_text_join_paragraphs(ConsentText *text);

/* Where lines end that somebody ended: as bytes, ascending; returns how many. */
extern int	consent_text_line_ends(const ConsentText *text, bool join, bool *doubtful, int **ends);

/* respell.c: read disguised words as what they are */
extern void consent_text_respell(ConsentText *text);

/* url.c: the words of an address, which begins at the source's character start */
extern int	consent_url_length(const char *s, int len);
extern void consent_url_put(TextFold *fold, const char *url, int len, int32 start);

/* html.c */
extern bool consent_html_looks_like(const char *source, int len);
extern void consent_html_read(const char *source, int len, bool addresses,
							  TextFold *fold);

#endif							/* PG_CONSENT_FOLD_H */
