/*-------------------------------------------------------------------------
 *
 * model.h
 *	  The learned part: what a sentence is, judged by its words and by those
 *	  around it, and what that makes of the message.
 *
 * The shipped file is made by test/train ("make model").  There is nothing but
 * whole numbers in it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_MODEL_H
#define PG_CONSENT_MODEL_H

#include <stdint.h>

#include "classify/features.h"

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
 * What a message may be.  Whether it gathers leads is asked of surveys, and
 * whether it serves of what promotes.
 */
typedef enum ConsentAxis
{
	AXIS_PROMOTES,
	AXIS_ASKS,
	AXIS_SURVEYS,
	AXIS_GATHERS,
	AXIS_SERVES
} ConsentAxis;

#define CONSENT_NAXES		(AXIS_SERVES + 1)

/*
 * A word's row: what it says of the sentence it is in, of all other sentences
 * of the message, and of the next ones.  Its last lane tells whose it is.  Of
 * what is no word, and there is far more of that, it is only asked what it
 * says of its own sentence.  Both stand in buckets of 64 bytes, what a processor
 * reads at once, which the hash chooses.  What no two messages had has no row,
 * and says nothing.
 */
typedef enum ModelReach
{
	REACH_OWN,
	REACH_REST,
	REACH_NEAR
} ModelReach;

#define CONSENT_NREACHES	(REACH_NEAR + 1)
#define MODEL_LANE(reach, trait) ((reach) * CONSENT_NTRAITS + (trait))
#define MODEL_LANES			16	/* of a word */
#define MODEL_OWNER			(MODEL_LANES - 1)
#define MODEL_WORDS			4	/* to a bucket */
#define MODEL_OTHERS		8

typedef struct ConsentModelWords
{
	int8_t		row[MODEL_WORDS][MODEL_LANES];
} ConsentModelWords;

typedef struct ConsentModelOthers
{
	int8_t		row[MODEL_OTHERS][CONSENT_NTRAITS + 1]; /* one more, to fill the line */
	uint16_t	owner[MODEL_OTHERS];	/* little-endian */
} ConsentModelOthers;

/* The bucket is told by the upper bits, the owner by the lower ones; 0 is none. */
static inline uint32_t
model_bucket(uint32_t hash, uint32_t buckets)
{
	return (uint32_t) (((uint64_t) hash * buckets) >> 32);
}

/* A word has another row, which counts in text messages only. */
static inline uint32_t
model_in_texts(uint32_t hash)
{
	return (hash ^ 0x5bd1e995u) * 0x9E3779B1u;
}

static inline uint16_t
model_owner(uint32_t hash, bool word)
{
	uint16_t	owner = word ? (uint8_t) hash : (uint16_t) hash;

	return owner ? owner : 1;
}

/*
 * What an axis is judged by: numbers that tell what the sentences were judged
 * to be (overview.c), less what is usual, and then the product of any two of
 * them.  All in thousandths.
 */
typedef enum OverviewNumber
{
	/* the odds of the sentence that has most of each trait; the mean of all */
	OVERVIEW_TOP,
	OVERVIEW_MEAN = OVERVIEW_TOP + CONSENT_NTRAITS,
	/* what the rules that speak for each axis weigh */
	OVERVIEW_RULES = OVERVIEW_MEAN + CONSENT_NTRAITS,
	/* the sentence that promotes most: the odds that it is something else too */
	OVERVIEW_LOUDEST = OVERVIEW_RULES + CONSENT_NAXES,
	OVERVIEW_LOUDEST_PLACE = OVERVIEW_LOUDEST + CONSENT_NTRAITS - 1,	/* from 0, at the beginning */
	OVERVIEW_LOUDEST_WORDS,
	OVERVIEW_LOUDEST_IN_SUBJECT,
	/* how much the next one promotes, the least one, and the most outside the subject */
	OVERVIEW_SECOND,
	OVERVIEW_LEAST,
	OVERVIEW_IN_BODY,
	/* logarithms */
	OVERVIEW_SENTENCES,
	OVERVIEW_WORDS
} OverviewNumber;

/* Sentences; what is longer is judged in parts of about the same length. */
#define OVERVIEW_LONGEST	20

static inline int
overview_parts(int n)
{
	return n > 0 ? (n + OVERVIEW_LONGEST - 1) / OVERVIEW_LONGEST : 1;
}

/* The first sentence of a part (from 0) of so many. */
static inline int
overview_part_start(int n, int parts, int part)
{
	return (int) ((int64_t) n * part / parts);
}

#define OVERVIEW_NUMBERS	(OVERVIEW_WORDS + 1)
#define OVERVIEW_FEATURES	(OVERVIEW_NUMBERS + OVERVIEW_NUMBERS * (OVERVIEW_NUMBERS + 1) / 2)

/* Where the product of a number and one that is not behind it stands. */
static inline int
overview_pair(int one, int other)
{
	return OVERVIEW_NUMBERS + one * (one + 1) / 2 + other;
}

/* Is the axis judged by products, too?  They do not help the others. */
static inline bool
overview_pairs(ConsentAxis axis)
{
	return axis == AXIS_PROMOTES || axis == AXIS_ASKS || axis == AXIS_SERVES;
}

/*
 * The file: this, then at MODEL_ROWS_AT the buckets of words, then those of all
 * else.  Lanes are signed bytes, numbers little-endian.  For a sentence with n
 * features that have rows, whose own lanes (in a text message, with those of its
 * words' other rows) add up to s, the log-odds of a trait are the bias, the weights
 * of its places, and s * scale / sqrt(n + FEATURE_PRIOR); and likewise for the
 * words of the other sentences, with CONTEXT_PRIOR and CONTEXT_MOST.  All in
 * thousandths; scale has MODEL_SCALE_BITS bits behind the point.  An axis's weights are
 * millionths; its bias, the last of them, is in thousandths.
 */
#define MODEL_MAGIC			"pgconsM7"
#define MODEL_SCALE_BITS	16
#define MODEL_ROWS_AT		12288	/* whole pages, so that a bucket is one line of cache */

typedef struct ConsentModelHeader
{
	char		magic[8];
	uint32_t	words;			/* buckets */
	uint32_t	others;
	uint32_t	size;			/* of this */
	int32_t		bias[CONSENT_NTRAITS];
	int32_t		scale[CONSENT_NREACHES][CONSENT_NTRAITS];
	int32_t		place[FEATURE_PLACES][CONSENT_NTRAITS];
	int32_t		usual[OVERVIEW_NUMBERS];
	int32_t		axis[CONSENT_NAXES][OVERVIEW_FEATURES + 1]; /* the bias last */
} ConsentModelHeader;

/* A sentence and, once it is judged, its log-odds, in thousandths. */
typedef struct ConsentPassage
{
	const char *text;			/* folded */
	int			len;
	bool		in_subject;
	bool		in_text;		/* of a text message, whose words weigh otherwise */
	int32_t		odds[CONSENT_NTRAITS];

	/* for the model alone */
	int			features;		/* that have rows */
	int			words;			/* of these */
	int32_t		sum[MODEL_LANES];
} ConsentPassage;

/* From judged sentences, and what the rules weigh, to the numbers. */
extern void consent_overview(const ConsentPassage *passage, int n,
							 const int32_t *rules, int32_t *number);

/*
 * The numbers of a message, or of a part of a long one, less what is usual; and a
 * zero, if that is needed to make them even.  With them what was said of them, for
 * they are kept where the next message is likely to be the same.
 */
#define OVERVIEW_MOST		16000	/* none is larger */
#define OVERVIEW_ROOM		((OVERVIEW_NUMBERS + 1) / 2 * 2)

typedef struct ConsentOverview
{
	int16_t		number[OVERVIEW_ROOM];
	uint32_t	judged;			/* a bit for each axis whose odds are known */
	int32_t		odds[CONSENT_NAXES];
} ConsentOverview;

/*
 * Judges the sentences of a message, subject first, and looks over the message,
 * given what the rules that speak for each axis weigh.  The result is good until
 * the next call, or until the current context is reset.
 */
extern ConsentOverview *consent_model_judge(ConsentPassage *passage, int n,
											const int32_t *rules, int *nparts);

/* The log-odds of a trait of the sentence, if nothing else were in the message. */
extern int32_t consent_model_alone(const ConsentPassage *passage, ConsentTrait trait);

/* The log-odds of an axis: of the part that says most of it. */
extern int32_t consent_model_axis(ConsentOverview *part, int nparts, ConsentAxis axis);

/* How many words the text has, and how many of them the model has learned. */
extern int	consent_model_knows(const char *text, int len, int *known);

/*
 * The parts of the sentence that spoke loudest for the trait, at most max,
 * loudest first, as bytes of it.  Returns how many.
 */
typedef struct ConsentSpeaker
{
	int			start;
	int			end;
} ConsentSpeaker;

extern int	consent_model_speakers(const ConsentPassage *passage, ConsentTrait trait,
								   ConsentSpeaker *speaker, int max);

#endif							/* PG_CONSENT_MODEL_H */
