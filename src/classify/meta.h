/*-------------------------------------------------------------------------
 *
 * meta.h
 *	  Rules over other rules: conditions, and what follows from them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_META_H
#define PG_CONSENT_META_H

#include "classify/ruleset.h"

#define CONSENT_CONDITION_MAX_BYTES	16384	/* in consent.rule and consent.try_condition() */

/* A place where a rule was found: bytes of a part's folded text. */
typedef struct MetaPlace
{
	int			rule;			/* -1: none */
	bool		in_subject;
	int			start;
	int			end;
} MetaPlace;

/* All of them; the sentences of body and subject are looked up for "near". */
typedef struct MetaPlaces
{
	int			n;
	int			capacity;
	MetaPlace  *place;
	const ConsentText *text[2]; /* subject, body; NULL: none */
	int			nsentences[2];
	ConsentSentence *sentence[2];	/* NULL until needed */
} MetaPlaces;

/*
 * Compile meta->source, or raise 42601.  Its names are looked up among the
 * rules of the set, which are marked as its operands; without a set only the
 * syntax is checked.  A name that is among neither these nor "others" (codes of
 * rules that are disabled) is an error if "strict", else it is never found.
 */
extern void consent_meta_compile(ConsentRule *meta, ConsentRuleset *set,
								 List *others, bool strict);

/* A rule has a class, or an effect on others: raise 23514 if not. */
extern void consent_meta_check_class(const ConsentRule *meta);

/* Does the condition hold?  Then *where is the place that tells. */
extern bool consent_meta_holds(const ConsentRule *meta, MetaPlaces *places, MetaPlace *where);

/* What follows from it. */
typedef enum MetaEffect
{
	META_ADD,					/* it is evidence, as other rules are */
	META_SUPPRESS,				/* its targets are none */
	META_CAP					/* its targets together weigh no more than that */
} MetaEffect;

extern MetaEffect consent_meta_effect(const ConsentRule *meta, float4 *cap);
extern bool consent_meta_is_target(const ConsentRule *meta, int rule);

#endif							/* PG_CONSENT_META_H */
