/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  Rows of consent.policy, and which of them is in force.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_POLICY_H
#define PG_CONSENT_POLICY_H

#include "decision/decision.h"

/* Every version of every jurisdiction's policy, those of one in order. */
typedef struct ConsentPolicies
{
	int			n;
	int			max;
	ConsentPolicy *policy;
} ConsentPolicies;

extern char *consent_policy_label(const ConsentPolicy *policy);
extern void consent_policies_load(ConsentPolicies *policies, Oid relid);
extern TimestampTz consent_policies_until(const ConsentPolicies *policies, const char *jurisdiction,
										  TimestampTz at);
extern const ConsentPolicy *consent_policies_find(const ConsentPolicies *policies,
												  const char *jurisdiction, TimestampTz at);
extern ConsentPolicy *consent_policy_copy(const ConsentPolicy *policy);

#endif							/* PG_CONSENT_POLICY_H */
