/*-------------------------------------------------------------------------
 *
 * judge.h
 *	  From names and Datums to the facts of a send, and from a verdict back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_JUDGE_H
#define PG_CONSENT_JUDGE_H

#include "access/tupdesc.h"
#include "decision/decision.h"
#include "utils/snapshot.h"

struct ConsentReader;

/* A send whose names have been looked up. */
typedef struct ConsentCase
{
	ConsentReason invalid;		/* REASON_NONE, or why it cannot be judged */
	ConsentSend send;			/* its policy and day are found when it is judged */
	char	   *jurisdiction;	/* of the organisation, NULL if that is not known */
	TimestampTz until;			/* before that the policy and the day are the same */
	uint64		vocabulary;		/* and while this is the generation of the words */
} ConsentCase;

extern void consent_case_set_organisation(ConsentCase *c, const char *name);
extern void consent_case_set_sender(ConsentCase *c, const char *name);
extern void consent_case_set_purpose(ConsentCase *c, const char *name);
extern void consent_case_set_instigators(ConsentCase *c, Datum array);
extern void consent_case_set_category(ConsentCase *c, const char *category);
extern void consent_case_set_reference(ConsentCase *c, const char *reference);
extern void consent_case_complete(ConsentCase *c, TimestampTz known_at, Snapshot snapshot);
extern bool consent_needs_no_standing(const ConsentCase *c);
extern bool consent_needs_no_names(const ConsentCase *c);
extern void consent_case_settle(ConsentCase *c, TimestampTz known_at);
extern bool consent_case_holds(const ConsentCase *c, TimestampTz at);
extern ConsentVerdict consent_judge_settled(const ConsentCase *c, Datum contact, TimestampTz known_at,
											Snapshot snapshot, struct ConsentReader *reader);
extern bool consent_judge_standing(const ConsentCase *c, Datum contact, const ConsentStanding *standing, ConsentVerdict *verdict);
extern ConsentVerdict consent_judge_stranger(const ConsentCase *c);
extern ConsentVerdict consent_case_refusal(const ConsentCase *c, ConsentReason reason);
extern ConsentVerdict consent_judge(const ConsentCase *c, Datum contact,
									TimestampTz known_at, Snapshot snapshot);
extern Datum consent_decision_datum(const ConsentVerdict *verdict, TupleDesc desc);
extern Datum consent_reasons_array(const ConsentVerdict *verdict);

#endif							/* PG_CONSENT_JUDGE_H */
