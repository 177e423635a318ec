/*-------------------------------------------------------------------------
 *
 * prefilter.h
 *	  Which rules are worth trying on a text, and where.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_PREFILTER_H
#define PG_CONSENT_PREFILTER_H

#include "classify/literal.h"

typedef struct ConsentPrefilter ConsentPrefilter;

/*
 * Literals are added rule by rule, then the filter is finished and never
 * changes.  It is one piece of memory without pointers.
 */
typedef struct PrefilterBuilder PrefilterBuilder;

extern PrefilterBuilder *consent_prefilter_begin(int nrules);

/* No literals: the rule is tried on every text. */
extern void consent_prefilter_add(PrefilterBuilder *builder, int rule,
								  const ConsentLiteral *literals, int n);
extern ConsentPrefilter *consent_prefilter_finish(PrefilterBuilder *builder);
extern Size consent_prefilter_size(const ConsentPrefilter *filter);

/* A literal of a rule, found in the text. */
typedef struct PrefilterHit
{
	int			at;				/* byte */
	ConsentReach before;		/* as in ConsentLiteral */
	int			next;			/* another of that rule, farther to the left; -1 */
} PrefilterHit;

/* So many hits of a rule are kept; with more it is tried everywhere. */
#define PREFILTER_HITS	250

typedef struct PrefilterHits
{
	int			nrules;
	uint64	   *rules;			/* bit per rule that is worth trying */
	int		   *last;			/* of each: its last hit, -1 */
	uint8	   *count;			/* PREFILTER_HITS: try it everywhere */
	PrefilterHit *hit;
	int			nhits;
	int			capacity;
} PrefilterHits;

/* Room for hits, to be used for many texts. */
extern void consent_prefilter_hits_init(PrefilterHits *hits, int nrules);

/* Behind the text are CONSENT_BYTES_SEEN NUL bytes (text/bytes.h).  What was in hits is forgotten. */
extern void consent_prefilter_scan(const ConsentPrefilter *filter,
								   const char *text, int len, PrefilterHits *hits);

/* Is rule worth trying? */
static inline bool
consent_prefilter_hit(const PrefilterHits *hits, int rule)
{
	return (hits->rules[rule / 64] >> (rule % 64)) & 1;
}

#endif							/* PG_CONSENT_PREFILTER_H */
