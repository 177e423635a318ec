/*-------------------------------------------------------------------------
 *
 * reply.h
 *	  Inside the person room: the words of a reply.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_REPLY_H
#define PG_CONSENT_REPLY_H

/* What lies beyond is not read, and "truncated" says so. */
#define REPLY_MAX_BYTES	(64 * 1024)

/*
 * Words in UTF-8: lower case, without accents and apostrophes.  A word ends
 * its sentence where a full stop, comma, line break or symbol follows it.
 */
typedef struct ReplyWords
{
	int			n;
	int			capacity;
	char	  **word;
	bool	   *ends;
	bool		truncated;
} ReplyWords;

/* Source in UTF-8; both allocate in the current context. */
extern void consent_reply_words(const char *source, int len, ReplyWords *words);
extern void consent_phrase_words(const char *source, int len, ReplyWords *words);

#endif							/* PG_CONSENT_REPLY_H */
