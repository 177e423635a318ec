/*-------------------------------------------------------------------------
 *
 * ruleset.h
 *	  The compiled rules of consent.rule.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_RULESET_H
#define PG_CONSENT_RULESET_H

#include "classify/pattern.h"
#include "module/words.h"

#define RULE_PART_SUBJECT	1
#define RULE_PART_BODY		2

typedef struct ConsentRule
{
	const char *code;
	bool		neutral;		/* no class: what it covers is no evidence */
	ConsentClass class;
	float4		weight;
	bool		review;			/* a finding asks for a second look */
	int			parts;			/* RULE_PART_* */
	uint32		channels;		/* bit per ConsentChannel; all set: any */
	const char *citation;
	ConsentPattern *pattern;
} ConsentRule;

typedef struct ConsentRuleset
{
	uint64		id;				/* another set has another id */
	const char *digest;			/* the same rules have the same, anywhere */
	int			nrules;
	ConsentRule *rules;			/* neutral ones first, then requests for
								 * permission, other marketing, and the
								 * rest, each by code */
} ConsentRuleset;

/*
 * The rules as of now.  Good until the caller next calls this, so take it
 * once per message.
 */
extern const ConsentRuleset *consent_ruleset_get(void);

/* From _PG_init. */
extern void consent_ruleset_init(void);

#endif							/* PG_CONSENT_RULESET_H */
