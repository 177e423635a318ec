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
#define CONSENT_LITERAL_FAR		PG_INT32_MAX

/*
 * How far something reaches: at least and at most so many characters, of which
 * at most so many are spaces or line feeds; FAR: nobody knows.  "(?:\w+ ){0,2}"
 * may be any number of characters wide, but has two spaces at most.
 */
typedef struct ConsentReach
{
	int			least;
	int			chars;
	int			spaces;
} ConsentReach;

/*
 * Kinds of bytes, as bits: each letter, digits, white space, other bytes that
 * are part of words, signs, bytes of characters beyond ASCII, and what is
 * beside the first and the last byte of a text.
 */
#define CONSENT_BYTES_DIGIT		((uint32) 1 << 26)
#define CONSENT_BYTES_OTHER		((uint32) 1 << 27)
#define CONSENT_BYTES_SPACE		((uint32) 1 << 28)
#define CONSENT_BYTES_SIGN		((uint32) 1 << 29)
#define CONSENT_BYTES_HIGH		((uint32) 1 << 30)
#define CONSENT_BYTES_END		((uint32) 1 << 31)
#define CONSENT_BYTES_WORD		(CONSENT_BYTES_SPACE - 1)
#define CONSENT_BYTES_ALL		(~(uint32) 0)

static inline uint32
consent_byte_kind(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return (uint32) 1 << (c - 'a');
	if (c >= '0' && c <= '9')
		return CONSENT_BYTES_DIGIT;
	if (c == ' ' || c == '\n')
		return CONSENT_BYTES_SPACE;
	if (c == '_' || (c >= 'A' && c <= 'Z'))
		return CONSENT_BYTES_OTHER;
	return c < 0x80 ? CONSENT_BYTES_SIGN : CONSENT_BYTES_HIGH;
}

/* What may be beside a literal. */
typedef struct ConsentBeside
{
	uint32		known;			/* kinds of bytes */
	uint32		open;			/* while it is being found: of these, those
								 * may be that are beside the part it is in */
} ConsentBeside;

typedef struct ConsentLiteral
{
	char		bytes[CONSENT_LITERAL_MAX];
	int			len;
	ConsentReach before;		/* from where a match may begin up to it */
	ConsentBeside left;
	ConsentBeside right;
	bool		boundary;		/* empty: it is a word boundary */
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
extern char *consent_literals_pack(const char *pattern, const ConsentLiteral *literals,
								   int n, int *size);

/* -1: not packed by this version, or of another pattern. */
extern int	consent_literals_unpack(const char *pattern, const char *packed, int size, ConsentLiteral **literals);

/* How rare a text is in messages: -log2 of how often it begins at a character. */
extern int	consent_literal_rarity(const char *bytes, int len);

#endif							/* PG_CONSENT_LITERAL_H */
