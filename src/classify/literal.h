/*-------------------------------------------------------------------------
 *
 * literal.h
 *	  Texts that every match of a pattern must contain one of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_LITERAL_H
#define PG_CONSENT_LITERAL_H

#define CONSENT_LITERAL_MAX		24	/* bytes */
#define CONSENT_LITERAL_FAR		INT_MAX

typedef struct ConsentLiteral
{
	char		bytes[CONSENT_LITERAL_MAX];
	int			len;
	int			before;			/* a match begins at most so many characters
								 * before it; FAR: nobody knows */
} ConsentLiteral;

/*
 * In a text that is folded, every match of the pattern contains one of these
 * literals, whole.  Returns how many, allocated in the current context; 0 if
 * nothing could be found that is worth looking for.
 */
extern int	consent_literals(const char *pattern, bool caseless, ConsentLiteral **literals);

/*
 * To be stored with the pattern: finding literals takes much longer than
 * reading them.  Packed in the current context.
 */
extern char *consent_literals_pack(const ConsentLiteral *literals, int n, int *size);

/* -1: not packed by this version. */
extern int	consent_literals_unpack(const char *packed, int size, ConsentLiteral **literals);

/* How rare a text is in messages: -log2 of how often it begins at a character. */
extern int	consent_literal_rarity(const char *bytes, int len);

#endif							/* PG_CONSENT_LITERAL_H */
