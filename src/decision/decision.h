/*-------------------------------------------------------------------------
 *
 * decision.h
 *	  The verdict on one send.
 *
 * consent_evaluate() is a pure function of its two arguments: no SPI, no
 * clock, no globals, no allocation.  Whatever the law needs to know about the
 * world (who the organisation is, what time it is, what its jurisdiction lays
 * down) is a fact in ConsentSend, fetched by the caller, under the caller's
 * snapshot.
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

/*
 * What a jurisdiction lays down, as a row of consent.policy has it.  Months and
 * days are calendar ones; 0 months: no limit.
 */
typedef struct ConsentPolicy
{
	const char *jurisdiction;
	int32		version;
	TimestampTz valid_from;
	const char *law;			/* cited for every reason, NULL: as reasons.h */
	uint16		opt_out_individual; /* channels open until the person says no */
	uint16		opt_out_corporate;	/* the same for corporate subscribers */
	bool		registers[REGISTER_COUNT];	/* which ones calls and faxes heed */
	bool		soft_opt_in;
	int32		soft_opt_in_sale_months;
	int32		soft_opt_in_negotiation_months;
	TimestampTz charity_soft_opt_in_from;	/* DT_NOEND: there is none */
	bool		double_opt_in;	/* of consents to electronic mail */
	int32		consent_months;
	int32		third_party_months;
	int32		listing_days;	/* a listing counts when it is that old */
	int32		screening_days; /* a screening is good for that long */
} ConsentPolicy;

/* When marketing was let go to a contact, and the date of that, as in ConsentFacts. */
typedef struct ConsentSent
{
	TimestampTz at;
	int32		day;
} ConsentSent;

/* The id that no organisation has. */
#define CONSENT_UNHEARD_OF (-1)

/* The facts of a send. */
typedef struct ConsentSend
{
	const ConsentPolicy *policy;	/* in force at the time, NULL: none known */
	ConsentChannel channel;
	ConsentClass class;
	uint64		form;			/* which +tag form of the address it goes to */
	int32		organisation;
	uint64		organisation_key;	/* consent_name_key() of its name */
	int32		sender;			/* a contractor that transmits it, 0 if none does,
								 * CONSENT_UNHEARD_OF if we know none of the name */
	bool		contracted;		/* is a written contract with it on record? */
	bool		is_charity;
	bool		pensions_authorised;
	int			npurposes;		/* the purpose, its parent, and so on up */
	ConsentPurposeStep purposes[CONSENT_PURPOSE_DEPTH];
	int			ninstigators;
	const int32 *instigators;
	TimestampTz at;
	int32		day;			/* the date of that, as in ConsentFacts */
	int			category_len;
	const char *category;		/* what is advertised, NULL if not known */
	bool		any_category;	/* or whatever was sold */
	int			reference_len;
	const char *reference;		/* of the request it answers, NULL if none */
	bool		assessed;		/* legitimate interests, on record by then */
	TimestampTz screened_until[REGISTER_COUNT]; /* by then, that is good; DT_NOBEGIN: never */
	int			nsent;			/* what it let go to this form by then, known only */
	const ConsentSent *sent;	/* if consent_awaits_contact() */
	bool		opt_out_offered;
	bool		identity_shown;
} ConsentSend;

typedef struct ConsentVerdict
{
	bool		allowed;
	ConsentReason reason;		/* the one that decides; a BASIS_ if allowed */
	int64		event_id;		/* the event it rests on, 0 if none */
	ConsentReasonSet found;		/* all that were found, reason included */
	const ConsentPolicy *policy;	/* by which it was judged: that of the send */
	ConsentChannel channel;		/* of the send: which regulation is cited */
	bool		exception;		/* allowed by reg 21(4) or 21B(3), not 21(1) */
	bool		third_party;	/* allowed on a consent that somebody else collected */
	TimestampTz given_at;		/* when that was given */
} ConsentVerdict;

extern ConsentVerdict consent_evaluate(const ConsentStanding *standing,
									   const ConsentSend *send);
extern bool consent_awaits_contact(const ConsentStanding *standing, const ConsentSend *send);
extern ConsentVerdict consent_refusal(ConsentReason reason, const ConsentPolicy *policy);
extern const char *consent_verdict_citation(const ConsentVerdict *verdict);

#endif							/* PG_CONSENT_DECISION_H */
