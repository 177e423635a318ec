/*-------------------------------------------------------------------------
 *
 * lexicon.h
 *	  The words that disguised words are compared with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_LEXICON_H
#define PG_CONSENT_LEXICON_H

typedef enum WordKind
{
	WORD_NONE,
	WORD_PLAIN,					/* may stand beside a word of the trade */
	WORD_TRADE					/* is worth disguising */
} WordKind;

extern WordKind consent_lexicon_find(const char *word, int len);

/*
 * Take run-together words apart: the ends of up to max words, or 0 if s is
 * not made of known words of at least min_part letters.  One of them is of
 * the trade, or all of them are long.
 */
extern int	consent_lexicon_split(const char *s, int len, int min_part, int *ends, int max);

#endif							/* PG_CONSENT_LEXICON_H */
