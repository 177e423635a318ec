/*-------------------------------------------------------------------------
 *
 * matcher.h
 *	  The matches of all rules in a text, as if each were tried on all of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_MATCHER_H
#define PG_CONSENT_MATCHER_H

#include "classify/prefilter.h"
#include "classify/ruleset.h"

/* Bytes at which a match may begin, both inclusive. */
typedef struct ConsentStretch
{
	int			first;
	int			last;
} ConsentStretch;

/* The search for one rule's matches, from the left. */
typedef struct ConsentSearch
{
	const ConsentRuleset *set;
	int			rule;
	const char *text;
	int			len;
	int			from;			/* where the last match ended */
	int			n;
	int			next;			/* stretch to be looked at */
	ConsentStretch stretch[PREFILTER_HITS]; /* in order, apart */
} ConsentSearch;

/*
 * A search of a rule that consent_prefilter_scan(set->filter, text, ...) found
 * worth trying.  The text is folded.
 */
extern void consent_search_begin(ConsentSearch *search, const ConsentRuleset *set,
								 int rule, const PrefilterHits *hits,
								 const char *text, int len);

/* The next match; as consent_pattern_match() would, from the last one's end. */
extern ConsentMatch consent_search_next(ConsentSearch *search, int *start, int *end);

#endif							/* PG_CONSENT_MATCHER_H */
