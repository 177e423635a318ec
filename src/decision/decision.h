/*-------------------------------------------------------------------------
 *
 * decision.h
 *	  The verdict on one send.
 *
 * consent_evaluate() is a pure function of its three arguments: no SPI, no
 * clock, no globals, no allocation.  Whatever the law needs to know about the
 * world (who the organisation is, what time it is) is a fact in ConsentSend,
 * fetched by the caller, under the caller's snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_DECISION_H
#define PG_CONSENT_DECISION_H

#include "decision/standing.h"

/* What consent.purpose.kind may say. */
typedef enum ConsentPurposeKind
{
	PURPOSE_COMMERCIAL,
	PURPOSE_CHARITABLE,
	PURPOSE_POLITICAL,
	PURPOSE_CLAIMS_MANAGEMENT,
	PURPOSE_PENSIONS,
	PURPOSE_SERVICE_OPTIONAL
} ConsentPurposeKind;

#define PURPOSE_KIND_COUNT (PURPOSE_SERVICE_OPTIONAL + 1)

/* A purpose tree deeper than this is refused when it is made. */
#define CONSENT_PURPOSE_DEPTH 16

typedef struct ConsentPurposeStep
{
	int32		id;
	ConsentPurposeKind kind;
} ConsentPurposeStep;

/* The facts of a send. */
typedef struct ConsentSend
{
	ConsentChannel channel;
	ConsentClass class;
	uint64		form;			/* which +tag form of the address it goes to */
	int32		organisation;
	bool		is_charity;
	bool		pensions_authorised;
	int			npurposes;		/* the purpose, its parent, and so on up */
	ConsentPurposeStep purposes[CONSENT_PURPOSE_DEPTH];
	int			ninstigators;
	const int32 *instigators;
	TimestampTz at;
	int			category_len;
	const char *category;		/* what is advertised, NULL if not known */
	int			reference_len;
	const char *reference;		/* of the request it answers, NULL if none */
	bool		assessed;		/* legitimate interests, on record by then */
	TimestampTz screened[REGISTER_COUNT];	/* latest by then; DT_NOBEGIN: never */
	bool		opt_out_offered;
	bool		identity_shown;
} ConsentSend;

/* What a jurisdiction lays down. */
typedef struct ConsentPolicy
{
	const char *jurisdiction;
	bool		corporate_mail_opt_out; /* corporate e-mail needs no consent */
} ConsentPolicy;

typedef struct ConsentVerdict
{
	bool		allowed;
	ConsentReason reason;		/* the one that decides; a BASIS_ if allowed */
	int64		event_id;		/* the event it rests on, 0 if none */
	ConsentReasonSet found;		/* all that were found, reason included */
} ConsentVerdict;

extern const ConsentPolicy *consent_policy_for(const char *jurisdiction);
extern ConsentVerdict consent_evaluate(const ConsentStanding *standing,
									   const ConsentSend *send,
									   const ConsentPolicy *policy);
extern ConsentVerdict consent_refusal(ConsentReason reason);

#endif							/* PG_CONSENT_DECISION_H */
