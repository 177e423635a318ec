/*-------------------------------------------------------------------------
 *
 * vocabulary.h
 *	  Organisations, purposes and policies by name, as the tables have them now.
 *
 * A pointer returned here is good until the next call of a lookup function:
 * copy what you need.  Lookups see rows committed by others and rows of our
 * own transaction, whatever the transaction's snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_VOCABULARY_H
#define PG_CONSENT_VOCABULARY_H

#include "decision/decision.h"

typedef struct ConsentOrganisation
{
	char	   *name;
	int32		id;
	bool		is_charity;
	bool		pensions_authorised;
	char	   *jurisdiction;	/* need not have a policy */
} ConsentOrganisation;

typedef struct ConsentPurpose
{
	char	   *name;
	char	   *parent;			/* NULL at the root of a tree */
	int			nsteps;			/* itself, its parent, and so on up */
	ConsentPurposeStep steps[CONSENT_PURPOSE_DEPTH];
} ConsentPurpose;

/* Room for a word that is only looked up. */
typedef struct ConsentWord
{
	char		s[64];
} ConsentWord;

extern const char *consent_word(Datum value, ConsentWord *room);
extern const ConsentOrganisation *consent_organisation_lookup(const char *name);
extern const ConsentOrganisation *consent_organisation_then(int32 id, TimestampTz at);
extern const ConsentPurpose *consent_purpose_lookup(const char *name);
extern const ConsentOrganisation *consent_require_organisation(const char *name);
extern const ConsentPurpose *consent_require_purpose(const char *name);
extern const ConsentPolicy *consent_policy_lookup(const char *jurisdiction, TimestampTz at);
extern TimestampTz consent_policy_until(const char *jurisdiction, TimestampTz at);
extern uint64 consent_vocabulary_generation(void);
extern void consent_vocabulary_init(void);

#endif							/* PG_CONSENT_VOCABULARY_H */
