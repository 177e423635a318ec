/*-------------------------------------------------------------------------
 *
 * features.h
 *	  What the learned model sees of a sentence.
 *
 * This file and features.c know nothing of PostgreSQL, because the trainer
 * (test/train/train.c) is built from them too: what is learned and what is
 * looked up later cannot differ.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_FEATURES_H
#define PG_CONSENT_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

/* A sentence is read this far. */
#define FEATURE_MAX_TOKENS	80

/* Up to five for each token, and one for how the sentence ends. */
#define FEATURE_MAX			(5 * FEATURE_MAX_TOKENS + 1)

/*
 * A sentence's sum is divided by the root of its features that were learned and
 * so many more: a word or two prove little.  Likewise the sum of the words around it.
 */
#define FEATURE_PRIOR		8
#define CONTEXT_PRIOR		30

/*
 * Of more words around it, with the prior, only the mean counts: their sum would grow
 * with the message, and drown what a sentence of a long one says itself.  Traits
 * are learned without it, for few messages are so long: with it, too much was trusted
 * of what is around sentences of short ones.  Axes are learned with it.
 */
#define CONTEXT_MOST		100

typedef struct ConsentFeature
{
	uint32_t	hash;
	int32_t		start;			/* bytes of the sentence it was read from */
	int32_t		end;			/* exclusive */
	bool		word;			/* a whole word or what stands for one */
} ConsentFeature;

/*
 * The features of len bytes of folded text (text.h), in reading order; feature
 * has room for FEATURE_MAX.  Returns how many.
 */
extern int	consent_features(const char *text, int len, ConsentFeature *feature);

/* Of the same, the hashes of whole words and of all else. */
typedef struct ConsentHashes
{
	int			nwords;
	int			nothers;
	uint32_t	word[FEATURE_MAX];
	uint32_t	other[FEATURE_MAX];
} ConsentHashes;

extern void consent_feature_hashes(const char *text, int len, ConsentHashes *hashes);

/*
 * Where a sentence stands, and how long it is: which of FEATURE_PLACES hold.
 * It is number "at" (from 0) of n, and has so many words.
 */
#define PLACE_STEPS			4	/* from the beginning, and from the end */
#define PLACE_COUNTS		6	/* of sentences */
#define PLACE_LENGTHS		7	/* of four words each */
#define FEATURE_PLACES		(1 + 2 * PLACE_STEPS + PLACE_COUNTS + PLACE_LENGTHS)
#define FEATURE_PLACE_MAX	5	/* at once */

extern int	consent_places(bool in_subject, int at, int n, int words, int *place);

#endif							/* PG_CONSENT_FEATURES_H */
