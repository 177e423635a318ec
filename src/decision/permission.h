/*-------------------------------------------------------------------------
 *
 * permission.h
 *	  What speaks for a send: consent and the soft opt-ins.
 *
 * Between the files of the decision room; not for other rooms.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_PERMISSION_H
#define PG_CONSENT_PERMISSION_H

#include "decision/decision.h"

/* Electronic mail is what can be stored until collected: PECR reg 2(1). */
extern bool consent_is_electronic_mail(ConsentChannel channel);

/* Did the person say it by then? */
static inline bool
consent_effective(const ConsentEntry *entry, const ConsentSend *send)
{
	return entry->facts.effective_at <= send->at;
}

static inline bool
consent_covers_channel(const ConsentEntry *entry, const ConsentSend *send)
{
	return (entry->facts.channels & CHANNEL_BIT(send->channel)) != 0;
}

/* Collected by somebody other than the sender? */
static inline bool
consent_third_party(const ConsentEntry *entry, const ConsentSend *send)
{
	uint64		collector = consent_entry_details(entry)->collector;

	return collector != 0 && collector != send->organisation_key;
}

/* Has it become that many calendar months old by the day of the send? */
extern bool consent_months_old(const ConsentEntry *entry, int months, const ConsentSend *send);

/* Was it said under this +tag form, or under all of them? */
static inline bool
consent_of_form(const ConsentEntry *entry, const ConsentSend *send)
{
	return entry->facts.form == send->form || entry->facts.form == CONSENT_EVERY_FORM;
}

/* Where there is no such soft opt-in, one on record is neither good nor bad. */
static inline bool
consent_has_soft_opt_in(const ConsentPolicy *policy, bool charity)
{
	return charity ? policy->charity_soft_opt_in_from != DT_NOEND : policy->soft_opt_in;
}

/* So many events have a bit that says whether they are a valid consent. */
#define CONSENT_VALID_BITS 64

/* What was said against the send, looked up once. */
typedef struct ConsentRefusals
{
	TimestampTz withdrawn_at;	/* latest withdrawal that reaches it, or DT_NOBEGIN */
	TimestampTz refused_at;		/* the same of withdrawals, objections and erasures */
	const ConsentEntry *barred; /* the refusal at collection that bars soft
								 * opt-ins until a consent, or NULL */
	const ConsentEntry *latest; /* the person's own valid consent that took
								 * effect last, or NULL */
	TimestampTz recorded_at;	/* when the last of those was recorded */
	uint64		valid;			/* bit i: is event i, of the first, a valid consent? */
} ConsentRefusals;

extern ConsentRefusals consent_refusals(const ConsentStanding *standing, const ConsentSend *send);
extern bool consent_in_force(const ConsentEntry *consent, const ConsentRefusals *refusals,
							 const ConsentSend *send);
extern bool consent_is_party(int32 organisation, const ConsentSend *send);
extern bool consent_is_only_party(int32 organisation, const ConsentSend *send);
extern bool consent_covers_purpose(const ConsentEntry *entry, const ConsentSend *send);
extern bool consent_names(const ConsentEntry *consent, int32 organisation,
						  const ConsentSend *send);
extern bool consent_reaches(const ConsentEntry *entry, const ConsentSend *send);
extern ConsentReasonSet consent_failures(const ConsentEntry *consent,
										 const ConsentStanding *standing,
										 const ConsentSend *send);
extern bool consent_is_valid(const ConsentEntry *consent, const ConsentStanding *standing,
							 const ConsentSend *send);
extern ConsentReasonSet consent_soft_opt_in_failures(const ConsentEntry *entry,
													 const ConsentRefusals *refusals,
													 const ConsentSend *send);
extern ConsentPurposeKind consent_business(const ConsentSend *send);
extern bool consent_is_client(const ConsentEntry *entry, const ConsentSend *send);
extern ConsentReasonSet consent_charity_failures(const ConsentEntry *entry,
												 const ConsentRefusals *refusals,
												 const ConsentSend *send);

#endif							/* PG_CONSENT_PERMISSION_H */
