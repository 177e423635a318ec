/*-------------------------------------------------------------------------
 *
 * model.h
 *	  The learned part: what a sentence is, judged by its words.
 *
 * The shipped file is an array of small whole numbers, one row for each value
 * a feature's hash can have.  It is made by test/train ("make model").
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_MODEL_H
#define PG_CONSENT_MODEL_H

#include <stdint.h>

/* What a sentence may be.  Each is asked on its own: none excludes another. */
typedef enum ConsentTrait
{
	TRAIT_PROMOTION,
	TRAIT_CONSENT_REQUEST,
	TRAIT_SERVICE,
	TRAIT_RESEARCH,
	TRAIT_LEAD_CAPTURE
} ConsentTrait;

#define CONSENT_NTRAITS		(TRAIT_LEAD_CAPTURE + 1)

/*
 * The file: this, then 2^bits rows of MODEL_ROW signed bytes, a trait each.
 * Numbers are little-endian.  For a sentence with n features whose rows add
 * up to s, the log-odds of a trait are bias + s * scale / sqrt(n +
 * FEATURE_PRIOR), all in thousandths; scale has MODEL_SCALE_BITS bits behind the point.
 */
#define MODEL_MAGIC			"pgconsM1"
#define MODEL_ROW			8
#define MODEL_SCALE_BITS	16

typedef struct ConsentModelHeader
{
	char		magic[8];
	uint32_t	bits;
	uint32_t	ntraits;
	int32_t		bias[MODEL_ROW];
	int32_t		scale[MODEL_ROW];
} ConsentModelHeader;

/* A sentence's log-odds, in thousandths. */
typedef struct ConsentTraits
{
	int32_t		odds[CONSENT_NTRAITS];
} ConsentTraits;

/* len bytes of folded text */
extern void consent_model_judge(const char *text, int len, ConsentTraits *traits);

/*
 * The parts of the sentence that spoke loudest for the trait, at most max,
 * loudest first, as bytes of it.  Returns how many.
 */
typedef struct ConsentSpeaker
{
	int			start;
	int			end;
} ConsentSpeaker;

extern int	consent_model_speakers(const char *text, int len, ConsentTrait trait,
								   ConsentSpeaker *speaker, int max);

#endif							/* PG_CONSENT_MODEL_H */
