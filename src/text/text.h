/*-------------------------------------------------------------------------
 *
 * text.h
 *	  What a recipient would read, folded for matching.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_TEXT_H
#define PG_CONSENT_TEXT_H

/* Source read per text; what lies beyond is not, and "truncated" says so. */
#define CONSENT_TEXT_MAX_BYTES	(1024 * 1024)

/* Where in a message a piece of text stands. */
typedef enum ConsentRegion
{
	REGION_BODY,
	REGION_LINK,				/* the words of a link */
	REGION_ALT,					/* texts that stand for an image, tooltips,
								 * texts that a style sheet puts in */
	REGION_PREHEADER,			/* hidden in the message; a list of messages
								 * shows it */
	REGION_FOOTER,
	REGION_URL					/* the words of addresses, behind all the rest */
} ConsentRegion;

#define CONSENT_NREGIONS	(REGION_URL + 1)

extern const char *const consent_region_names[CONSENT_NREGIONS];

/*
 * The map back: bytes from "at" up to the next run's came from the source's
 * characters start (0-based) up to, not including, start + width; all of them
 * from all of it.  If width is 0 each byte came from one character, in order.
 */
typedef struct ConsentRun
{
	int32		at;
	int32		start;
	int32		width;
} ConsentRun;

/* From byte "at" up to the next zone's the text stands in region. */
typedef struct ConsentZone
{
	int32		at;
	ConsentRegion region;
} ConsentZone;

/* Where a paragraph ends or, in plain text, a line within it. */
typedef struct ConsentLineEnd
{
	int32		at;				/* in characters of the source */
	bool		paragraph;
	bool		lower;			/* the next line begins with a small letter */
} ConsentLineEnd;

/*
 * A folded text: UTF-8, lower case, NFKC, invisible characters gone, white
 * space a single ' ' within a paragraph and '\n' between paragraphs, quotes
 * and dashes in their ASCII form, disguised words as they would be read, and
 * sums and percentages written as in "£20" and "20%".
 */
typedef struct ConsentText
{
	char	   *data;			/* NUL-terminated; see bytes.h */
	int			len;
	int			nruns;
	ConsentRun *run;			/* by at; the first, if any, begins at 0 */
	int			nzones;
	ConsentZone *zone;			/* likewise */
	int			nlines;
	ConsentLineEnd *line;		/* NULL if none */
	bool		html;			/* tags were taken out */
	bool		truncated;		/* the source was longer than we read */
	bool		pictures;		/* there are pictures without words */
} ConsentText;

/*
 * The source is in UTF-8; allocates in the current context.  _fold only folds:
 * words stay as they are spelled, and the words of addresses are not added.
 */
extern void consent_text_read(const char *source, int len, ConsentText *text);
extern void consent_text_fold(const char *source, int len, ConsentText *text);
extern void consent_text_free(ConsentText *text);

/* Source characters that a byte of the text came from; 0-based, end exclusive. */
extern int32 consent_text_start(const ConsentText *text, int byte);
extern int32 consent_text_end(const ConsentText *text, int byte);

/* The same for bytes from up to, not including, to; at least one. */
extern void consent_text_source(const ConsentText *text, int from, int to,
								int32 *start, int32 *end);

/* The other way: the byte that source character "at" became, or the next one's. */
extern int	consent_text_byte(const ConsentText *text, int32 at);

extern ConsentRegion consent_text_region(const ConsentText *text, int byte);

/* A sentence, in bytes of the folded text, without the white space around it. */
typedef struct ConsentSentence
{
	int			start;
	int			end;			/* exclusive */
	ConsentRegion region;
} ConsentSentence;

/*
 * Sentences never reach over a paragraph, over the end of a line that somebody
 * ended, or into another region, except that links and images within a
 * sentence belong to it.  Where it cannot be told who ended a line, "join" reads on,
 * and "doubtful", unless NULL, is set.  Allocates in the current context; returns how many.
 */
extern int	consent_text_sentences(const ConsentText *text, bool join, bool *doubtful,
								   ConsentSentence **sentences);

#endif							/* PG_CONSENT_TEXT_H */
