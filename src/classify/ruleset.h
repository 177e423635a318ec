/*-------------------------------------------------------------------------
 *
 * ruleset.h
 *	  The compiled rules of consent.rule.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_RULESET_H
#define PG_CONSENT_RULESET_H

#include "utils/relcache.h"

#include "classify/pattern.h"
#include "classify/prefilter.h"
#include "module/words.h"
#include "text/text.h"

/*
 * Where a rule speaks: in subjects, in all that is read of a body, or in one
 * region of it, as bits.  The words of addresses are not read.
 */
#define RULE_PART_SUBJECT	(1 << CONSENT_NREGIONS)
#define RULE_PART_REGION(region)	(1 << (region))
#define RULE_PART_BODY		(RULE_PART_REGION(REGION_BODY) | RULE_PART_REGION(REGION_LINK) | \
							 RULE_PART_REGION(REGION_ALT) | RULE_PART_REGION(REGION_PREHEADER) | \
							 RULE_PART_REGION(REGION_FOOTER))

typedef struct ConsentRule
{
	const char *code;
	bool		neutral;		/* no class: what it covers is no evidence */
	ConsentClass class;
	float4		weight;
	bool		review;			/* a finding asks for a second look */
	bool		shipped;
	bool		model;			/* no rule: the model, or the text's length */
	int			parts;			/* RULE_PART_* */
	uint32		channels;		/* bit per ConsentChannel; all set: any */
	const char *family;
	const char *citation;
	const char *source;			/* of the pattern, or the condition */
	const bytea *literals;		/* of the pattern, while the set is built;
								 * NULL: to be found */
	const bytea *packed;		/* the pattern, where the image is shared */
	ConsentPattern *pattern;	/* NULL until it is needed */
	const char *exceptions_source;	/* NULL: none */
	const bytea *exceptions_packed;	/* likewise */
	ConsentPattern *exceptions;

	/* of a rule with a pattern */
	bool		operand;		/* conditions are about it */
	bool		everywhere;		/* all its places matter to them */

	/* of a rule with a condition: meta.c's */
	const int32 *program;
	int			program_len;
	int			effect_at;		/* where its effect begins */
} ConsentRule;

typedef struct ConsentRuleset
{
	uint64		id;				/* another set has another id */
	const char *digest;			/* the same rules have the same, anywhere */
	uint64		stamp;			/* of the rows it was made of */
	int			nrules;
	ConsentRule *rules;			/* neutral ones first, then requests for
								 * permission, other marketing, and the
								 * rest, each by code */
	int			nmetas;
	ConsentRule *metas;			/* rules with conditions, by code */
	ConsentPrefilter *filter;
	MemoryContext cxt;			/* that all of it is in */
	PrefilterHits *hits;		/* two: room for the parts of a message */
} ConsentRuleset;

/*
 * The rules as of now.  Good until the caller next calls this, so take it
 * once per message.
 */
extern const ConsentRuleset *consent_ruleset_get(void);

/*
 * A rule's pattern.  It is compiled when it is first tried: most are not, in
 * most sessions.
 */
extern const ConsentPattern *consent_ruleset_pattern(const ConsentRuleset *set, int rule);
extern const ConsentPattern *consent_ruleset_exceptions(const ConsentRuleset *set, int rule);

/*
 * For the files ruleset*.c.  A set of the rules as of now, without cxt and hits,
 * in the current context.  strict: it is an error if a condition is about no
 * rule.
 */
extern ConsentRuleset *consent_ruleset_build(Relation rel, bool strict);

/*
 * A stamp of the rows as of now, of the table with that Oid.  Rows with the same
 * stamp are the same, unless some are our transaction's own: it may truncate the
 * table and write others in their places.
 */
extern uint64 consent_ruleset_stamp(Oid *relid, bool *own);

/*
 * An image is a set in one piece of memory that may be anywhere.  The set of an
 * image is in it, and does not change it.  The stored image is fetched, and a
 * shared one attached, if it has the stamp, else NULL; it is the current
 * context's, like one that is made.  A packed one has the compiled patterns in it,
 * which are good for this server alone.  To share returns the shared copy, packed,
 * or NULL.
 */
extern char *consent_ruleset_image(const ConsentRuleset *set, Size *size);
extern char *consent_ruleset_packed(const char *image, Size *size);
extern ConsentRuleset *consent_ruleset_of_image(const char *image);
extern bool consent_ruleset_is_usable(const char *image, Size size, uint64 stamp);
extern char *consent_ruleset_fetch(uint64 stamp, Size *size);
extern const char *consent_ruleset_attach(uint64 stamp);
extern const char *consent_ruleset_share(uint64 stamp, const char *image);
extern void consent_ruleset_store(Relation rules);
extern Oid	consent_ruleset_relid(const char *name);

/* From _PG_init. */
extern void consent_ruleset_init(void);
extern void consent_ruleset_share_init(void);

#endif							/* PG_CONSENT_RULESET_H */
