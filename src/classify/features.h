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

#include <stdint.h>

/* A sentence is read this far. */
#define FEATURE_MAX_TOKENS	80

/* Up to four for each token, and one for how the sentence ends. */
#define FEATURE_MAX			(4 * FEATURE_MAX_TOKENS + 1)

/*
 * A sentence's sum is divided by the root of its features and so many more: a
 * word or two prove little.
 */
#define FEATURE_PRIOR		8

typedef struct ConsentFeature
{
	uint32_t	hash;
	int32_t		start;			/* bytes of the sentence it was read from */
	int32_t		end;			/* exclusive */
} ConsentFeature;

/*
 * The features of len bytes of folded text (text.h), in reading order; feature
 * has room for FEATURE_MAX.  Returns how many.
 */
extern int	consent_features(const char *text, int len, ConsentFeature *feature);

#endif							/* PG_CONSENT_FEATURES_H */
