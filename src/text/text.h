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

/*
 * A folded text: UTF-8, lower case, NFKC, invisible characters gone, white
 * space a single ' ' within a paragraph and '\n' between paragraphs, quotes
 * and dashes in their ASCII form.
 *
 * Byte i of data came from the source's characters start[i] (0-based) up to,
 * not including, end[i].  Several bytes may share one source character and
 * one byte may stand for several.
 */
typedef struct ConsentText
{
	char	   *data;			/* NUL-terminated */
	int			len;
	int32	   *start;
	int32	   *end;
	bool		html;			/* tags were taken out */
	bool		truncated;		/* the source was longer than we read */
} ConsentText;

/* Both arguments in UTF-8; allocates in the current context. */
extern void consent_text_read(const char *source, int len, ConsentText *text);

#endif							/* PG_CONSENT_TEXT_H */
