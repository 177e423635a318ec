/*-------------------------------------------------------------------------
 *
 * permission.c
 *	  Whether a consent or a soft opt-in is good for a send, and if not, why.
 *
 * Pure.  Each function returns the set of predicates that fail; the empty set
 * is a permission.  A fact that nobody wrote down fails its predicate.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "decision/permission.h"

/* 5 February 2026, 00:00 in London: commencement of reg 22(3A), SI 2026/82 */
#define CHARITY_COMMENCEMENT \
	((TimestampTz) (INT64CONST(9532) * USECS_PER_DAY))

bool
consent_is_electronic_mail(ConsentChannel channel)
{
	switch (channel)
	{
		case CHANNEL_EMAIL:
		case CHANNEL_SMS:
		case CHANNEL_MMS:
		case CHANNEL_VOICEMAIL:
		case CHANNEL_IN_APP:
		case CHANNEL_SOCIAL_DM:
		case CHANNEL_PUSH:
			return true;
		case CHANNEL_LIVE_CALL:
		case CHANNEL_AUTOMATED_CALL:
		case CHANNEL_FAX:
		case CHANNEL_POST:
		case CHANNEL_ONLINE_AD:
			break;
	}
	return false;
}

bool
consent_is_instigator(int32 organisation, const ConsentSend *send)
{
	for (int i = 0; i < send->ninstigators; i++)
	{
		if (send->instigators[i] == organisation)
			return true;
	}
	return false;
}

static bool
has_other_instigator(const ConsentSend *send)
{
	for (int i = 0; i < send->ninstigators; i++)
	{
		if (send->instigators[i] != send->organisation)
			return true;
	}
	return false;
}

bool
consent_covers_purpose(const ConsentEntry *entry, const ConsentSend *send)
{
	for (int i = 0; i < send->npurposes; i++)
	{
		if (entry->facts.purpose == send->purposes[i].id)
			return true;
	}
	return false;
}

/*
 * Does a withdrawal or objection reach this send?  One that names no
 * organisation, channel or purpose reaches all of them.  An objection under
 * any +tag form reaches every form of the address; a withdrawal only its own.
 */
bool
consent_reaches(const ConsentEntry *entry, const ConsentSend *send)
{
	const ConsentFacts *facts = &entry->facts;

	if (!consent_effective(entry, send) || !consent_covers_channel(entry, send))
		return false;
	if (facts->kind == EVENT_WITHDRAWAL && facts->form != send->form)
		return false;
	if (facts->organisation != 0 &&
		facts->organisation != send->organisation &&
		!consent_is_instigator(facts->organisation, send))
		return false;
	return facts->purpose == 0 || consent_covers_purpose(entry, send);
}

/*
 * Does a consent name this organisation?  A third party's own name on the
 * form does not speak for anybody else, so there only the list counts.
 */
bool
consent_names(const ConsentEntry *consent, int32 organisation, const ConsentSend *send)
{
	if (!consent_third_party(consent, send) && consent->facts.organisation == organisation)
		return true;
	for (int i = 0; i < consent->nnamed; i++)
	{
		if (consent->named[i] == organisation)
			return true;
	}
	return false;
}

/*
 * Claims management and pensions need consent to that purpose itself: a
 * consent to "marketing" in general does not reach them (PECR reg 21A, 21B).
 */
static bool
consents_to_purpose(const ConsentEntry *consent, const ConsentSend *send)
{
	ConsentPurposeKind kind = send->purposes[0].kind;
	bool		sector = kind == PURPOSE_CLAIMS_MANAGEMENT || kind == PURPOSE_PENSIONS;

	for (int i = 0; i < send->npurposes; i++)
	{
		if (sector && send->purposes[i].kind != kind)
			break;
		if (consent->facts.purpose == send->purposes[i].id)
			return true;
	}
	return false;
}

/* First contact under a third party's consent, made before it went stale. */
static bool
contacted_in_time(const ConsentEntry *consent, const ConsentStanding *standing,
				  const ConsentSend *send)
{
	const ConsentEntry *entry;

	foreach_entry(entry, standing)
	{
		if (entry->facts.kind == EVENT_CONTACTED &&
			entry->facts.form == send->form &&
			entry->facts.organisation == send->organisation &&
			entry->facts.effective_at >= consent->facts.effective_at &&
			entry->facts.effective_at < consent->facts.bites_at &&
			consent_effective(entry, send))
			return true;
	}
	return false;
}

/* V2 to V25, withdrawal (V18) left aside: evaluate.c weighs it. */
ConsentReasonSet
consent_failures(const ConsentEntry *consent, const ConsentStanding *standing,
				 const ConsentSend *send)
{
	ConsentReasonSet failed = consent->facts.defects;
	bool		third_party = consent_third_party(consent, send);

	if (!consent_covers_channel(consent, send))
		consent_reason_add(&failed, CONSENT_CHANNEL_NOT_COVERED);
	if (!consent_names(consent, send->organisation, send))
		consent_reason_add(&failed, third_party ? THIRD_PARTY_CONSENT_GENERIC : CONSENT_ORG_NOT_NAMED);
	for (int i = 0; i < send->ninstigators; i++)
	{
		if (send->instigators[i] != send->organisation && !consent_names(consent, send->instigators[i], send))
			consent_reason_add(&failed, CONSENT_INSTIGATOR_NOT_NAMED);
	}
	if (!consents_to_purpose(consent, send))
		consent_reason_add(&failed, CONSENT_PURPOSE_MISMATCH);
	if (!consent_effective(consent, send))
		consent_reason_add(&failed, CONSENT_NOT_YET_GIVEN);
	if (consent->facts.expires_at <= send->at)
		consent_reason_add(&failed, CONSENT_EXPIRED);
	if (third_party && consent->facts.bites_at <= send->at &&
		!contacted_in_time(consent, standing, send))
		consent_reason_add(&failed, THIRD_PARTY_CONSENT_STALE);
	return failed;
}

bool
consent_is_valid(const ConsentEntry *consent, const ConsentStanding *standing,
				 const ConsentSend *send)
{
	ConsentReasonSet failed = consent_failures(consent, standing, send);

	return consent_reason_none(&failed);
}

/*
 * Has no withdrawal ended a valid consent?  At equal times the withdrawal
 * wins, and what a third party brings never lifts one.
 */
bool
consent_in_force(const ConsentEntry *consent, const ConsentRefusals *refusals,
				 const ConsentSend *send)
{
	if (consent_third_party(consent, send))
		return refusals->withdrawn_at == DT_NOBEGIN;
	return consent->facts.effective_at > refusals->withdrawn_at;
}

/*
 * A refusal at collection ends every earlier soft opt-in of that organisation
 * and bars every later one, until the person consents.
 */
ConsentRefusals
consent_refusals(const ConsentStanding *standing, const ConsentSend *send)
{
	ConsentRefusals refusals = {.withdrawn_at = DT_NOBEGIN, .refused_at = DT_NOBEGIN};
	TimestampTz barred_at = DT_NOBEGIN;
	TimestampTz consented_at = DT_NOBEGIN;
	const ConsentEntry *entry;

	foreach_entry(entry, standing)
	{
		const ConsentFacts *facts = &entry->facts;

		if ((facts->kind == EVENT_WITHDRAWAL || facts->kind == EVENT_OBJECTION) &&
			consent_reaches(entry, send))
		{
			refusals.refused_at = Max(refusals.refused_at, facts->effective_at);
			if (facts->kind == EVENT_WITHDRAWAL)
				refusals.withdrawn_at = Max(refusals.withdrawn_at, facts->effective_at);
		}
		if (facts->kind == EVENT_SOFT_OPT_IN && facts->refused == FLAG_YES &&
			facts->form == send->form && facts->organisation == send->organisation &&
			consent_effective(entry, send))
			barred_at = Max(barred_at, facts->effective_at);
		if (facts->kind == EVENT_CONSENT && facts->form == send->form &&
			facts->effective_at > consented_at && consent_is_valid(entry, standing, send))
			consented_at = facts->effective_at;
	}
	refusals.barred = barred_at != DT_NOBEGIN && consented_at <= barred_at;
	return refusals;
}

/* A later "no", and also an earlier one: a sale does not undo an opt-out. */
static bool
is_refused_otherwise(const ConsentRefusals *refusals)
{
	return refusals->refused_at != DT_NOBEGIN || refusals->barred;
}

static bool
is_similar(const ConsentEntry *entry, const ConsentSend *send)
{
	return entry->label_len > 0 && entry->label_len == send->category_len &&
		memcmp(consent_entry_label(entry), send->category, entry->label_len) == 0;
}

/* SO1 to SO9; the window of SO10 is for jurisdictions that have one. */
ConsentReasonSet
consent_soft_opt_in_failures(const ConsentEntry *entry, const ConsentRefusals *refusals,
							 const ConsentSend *send)
{
	ConsentReasonSet failed = {0};
	const ConsentFacts *facts = &entry->facts;

	if (!consent_is_electronic_mail(send->channel))
		consent_reason_add(&failed, SOI_CHANNEL_NOT_EMAIL_TYPE);
	if (facts->organisation != send->organisation || consent_third_party(entry, send))
		consent_reason_add(&failed, SOI_NOT_OWN_COLLECTION);
	if (facts->relationship != RELATIONSHIP_SALE && facts->relationship != RELATIONSHIP_NEGOTIATION)
		consent_reason_add(&failed, SOI_NO_SALE_OR_NEGOTIATION);
	if (!is_similar(entry, send) || has_other_instigator(send))
		consent_reason_add(&failed, SOI_NOT_SIMILAR);
	if (facts->refusal_offered != FLAG_YES)
		consent_reason_add(&failed, SOI_NO_REFUSAL_AT_COLLECTION);
	if (facts->refused != FLAG_NO)
		consent_reason_add(&failed, SOI_REFUSED_AT_COLLECTION);
	if (!send->opt_out_offered)
		consent_reason_add(&failed, SOI_NO_REFUSAL_IN_MESSAGE);
	if (is_refused_otherwise(refusals))
		consent_reason_add(&failed, SOI_REFUSED_LATER);
	if (send->purposes[0].kind != PURPOSE_COMMERCIAL)
		consent_reason_add(&failed, SOI_AIMS_AND_IDEALS);
	return failed;
}

/* CS1 to CS9 */
ConsentReasonSet
consent_charity_failures(const ConsentEntry *entry, const ConsentRefusals *refusals,
						 const ConsentSend *send)
{
	ConsentReasonSet failed = {0};
	const ConsentFacts *facts = &entry->facts;

	if (!consent_is_electronic_mail(send->channel))
		consent_reason_add(&failed, SOI_CHANNEL_NOT_EMAIL_TYPE);
	if (!send->is_charity)
		consent_reason_add(&failed, CSOI_NOT_CHARITY);
	if (facts->organisation != send->organisation || consent_third_party(entry, send))
		consent_reason_add(&failed, CSOI_NOT_OWN_COLLECTION);
	if (facts->relationship != RELATIONSHIP_SUPPORT)
		consent_reason_add(&failed, CSOI_NO_INTEREST_OR_SUPPORT);
	if (facts->effective_at < CHARITY_COMMENCEMENT)
		consent_reason_add(&failed, CSOI_BEFORE_COMMENCEMENT);
	if (send->purposes[0].kind != PURPOSE_CHARITABLE)
		consent_reason_add(&failed, CSOI_NOT_SOLE_PURPOSE);
	if (has_other_instigator(send))
		consent_reason_add(&failed, CSOI_PROMOTES_OTHER);
	if (facts->refusal_offered != FLAG_YES)
		consent_reason_add(&failed, CSOI_NO_REFUSAL_AT_COLLECTION);
	if (facts->refused != FLAG_NO)
		consent_reason_add(&failed, CSOI_REFUSED);
	if (!send->opt_out_offered)
		consent_reason_add(&failed, CSOI_NO_REFUSAL_IN_MESSAGE);
	if (is_refused_otherwise(refusals))
		consent_reason_add(&failed, CSOI_REFUSED_LATER);
	return failed;
}
