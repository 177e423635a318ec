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

#include "miscadmin.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "decision/permission.h"

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

static bool
is_instigator(int32 organisation, const ConsentSend *send)
{
	for (int i = 0; i < send->ninstigators; i++)
	{
		if (send->instigators[i] == organisation)
			return true;
	}
	return false;
}

/*
 * Whose "no" counts: that said to the organisation, to whoever instigates the
 * message, and to the contractor that transmits it.
 */
bool
consent_is_party(int32 organisation, const ConsentSend *send)
{
	return organisation == send->organisation || organisation == send->sender ||
		is_instigator(organisation, send);
}

/* Is nobody else behind the message? */
bool
consent_is_only_party(int32 organisation, const ConsentSend *send)
{
	for (int i = 0; i < send->ninstigators; i++)
	{
		if (send->instigators[i] != organisation)
			return false;
	}
	return organisation == send->organisation && (send->sender == 0 || send->sender == organisation);
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
	if (facts->kind == EVENT_WITHDRAWAL && !consent_of_form(entry, send))
		return false;
	if (facts->organisation != 0 && !consent_is_party(facts->organisation, send))
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
	for (int i = 0; i < consent_entry_details(consent)->nnamed; i++)
	{
		if (consent_entry_named(consent)[i] == organisation)
			return true;
	}
	return false;
}

/*
 * Which of the purpose and those above it is first about claims management or
 * pensions?  What lies below such a purpose is that business, whatever kind it
 * was given: a call about one sort of claims is a call about claims.  -1: none.
 */
static int
sector_step(const ConsentSend *send)
{
	for (int i = 0; i < send->npurposes; i++)
	{
		if (send->purposes[i].kind == PURPOSE_CLAIMS_MANAGEMENT || send->purposes[i].kind == PURPOSE_PENSIONS)
			return i;
	}
	return -1;
}

/* What a send is for: the business of a sector, or what its purpose is by itself. */
ConsentPurposeKind
consent_business(const ConsentSend *send)
{
	return send->purposes[Max(sector_step(send), 0)].kind;
}

/*
 * Claims management and pensions need consent to that purpose itself: a
 * consent to "marketing" in general does not reach them (PECR reg 21A, 21B).
 */
static bool
consents_to_purpose(const ConsentEntry *consent, const ConsentSend *send)
{
	int			sector = sector_step(send);

	for (int i = 0; i < send->npurposes; i++)
	{
		if (sector >= 0 && i > sector && send->purposes[i].kind != send->purposes[sector].kind)
			break;
		if (consent->facts.purpose == send->purposes[i].id)
			return true;
	}
	return false;
}

/*
 * The day that many calendar months later: the day of the same number, or the
 * month's last where there is none.  Never, of what never happened.
 */
static int32
months_later(int32 day, int months)
{
	int			y,
				m,
				d;

	if (DATE_NOT_FINITE(day))
		return day;
	j2date(day + POSTGRES_EPOCH_JDATE, &y, &m, &d);
	y += (m - 1 + months) / MONTHS_PER_YEAR;
	m = (m - 1 + months) % MONTHS_PER_YEAR + 1;
	return date2j(y, m, Min(d, day_tab[isleap(y)][m - 1])) - POSTGRES_EPOCH_JDATE;
}

bool
consent_months_old(const ConsentEntry *entry, int months, const ConsentSend *send)
{
	return months_later(entry->facts.day, months) <= send->day;
}

/*
 * First contact under a third party's consent, made before it went stale: one
 * that was recorded, or marketing that was let go.
 */
static bool
contacted_in_time(const ConsentEntry *consent, const ConsentStanding *standing,
				  const ConsentSend *send)
{
	const ConsentEntry *entry;
	int32		stale = months_later(consent->facts.day, send->policy->third_party_months);

	for (int i = 0; i < send->nsent; i++)
	{
		if (send->sent[i].at >= consent->facts.effective_at && send->sent[i].day < stale)
			return true;
	}

	foreach_entry(entry, standing)
	{
		CHECK_FOR_INTERRUPTS();
		if (entry->facts.kind == EVENT_CONTACTED &&
			entry->facts.form == send->form &&
			entry->facts.organisation == send->organisation &&
			entry->facts.effective_at >= consent->facts.effective_at &&
			entry->facts.day < stale &&
			consent_effective(entry, send))
			return true;
	}
	return false;
}

/* Without a policy nothing says how long a third party's consent lasts. */
static bool
is_stale(const ConsentEntry *consent, const ConsentStanding *standing, const ConsentSend *send)
{
	return send->policy == NULL ||
		(send->policy->third_party_months > 0 &&
		 consent_months_old(consent, send->policy->third_party_months, send) &&
		 !contacted_in_time(consent, standing, send));
}

/*
 * Is there a consent that the events alone make stale?  Then the caller must
 * say what was sent, before it asks for a verdict.
 */
bool
consent_awaits_contact(const ConsentStanding *standing, const ConsentSend *send)
{
	const ConsentEntry *entry;

	/* Who collected it is among the details. */
	if (send->policy == NULL || consent_standing_undetailed(standing))
		return false;
	foreach_entry(entry, standing)
	{
		if (entry->facts.kind == EVENT_CONSENT && entry->facts.form == send->form &&
			consent_third_party(entry, send) && is_stale(entry, standing, send))
			return true;
	}
	return false;
}

/* V2 to V25, withdrawal (V18) left aside: evaluate.c weighs it. */
ConsentReasonSet
consent_failures(const ConsentEntry *consent, const ConsentStanding *standing,
				 const ConsentSend *send)
{
	const ConsentPolicy *policy = send->policy;
	const ConsentDetails *details = consent_entry_details(consent);
	ConsentReasonSet failed = details->defects;
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
	if (details->expires_at <= send->at ||
		(policy != NULL && policy->consent_months > 0 &&
		 consent_months_old(consent, policy->consent_months, send)))
		consent_reason_add(&failed, CONSENT_EXPIRED);
	if (third_party && is_stale(consent, standing, send))
		consent_reason_add(&failed, THIRD_PARTY_CONSENT_STALE);
	if (policy != NULL && policy->double_opt_in && !(consent->facts.marks & CONSENT_MARK_CONFIRMED) &&
		consent_is_electronic_mail(send->channel))
		consent_reason_add(&failed, CONSENT_UNCONFIRMED);
	return failed;
}

bool
consent_is_valid(const ConsentEntry *consent, const ConsentStanding *standing,
				 const ConsentSend *send)
{
	ConsentReasonSet failed;

	/* What most of a person's consents lack for a send is soon found. */
	if (!consent_covers_channel(consent, send) || !consent_names(consent, send->organisation, send))
		return false;
	failed = consent_failures(consent, standing, send);
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
	ConsentRefusals refusals = {.withdrawn_at = DT_NOBEGIN, .refused_at = DT_NOBEGIN, .recorded_at = DT_NOBEGIN};
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
		/* It may have been a "no", and what came before it may be loaded again. */
		if (facts->kind == EVENT_ERASURE && consent_effective(entry, send))
			refusals.refused_at = Max(refusals.refused_at, facts->effective_at);
		if (facts->kind == EVENT_SOFT_OPT_IN && consent_entry_details(entry)->refused == FLAG_YES &&
			facts->form == send->form && facts->organisation == send->organisation &&
			consent_effective(entry, send) &&
			(refusals.barred == NULL || facts->effective_at >= refusals.barred->facts.effective_at))
			refusals.barred = entry;
		if (facts->kind == EVENT_CONSENT && consent_of_form(entry, send) && consent_is_valid(entry, standing, send))
		{
			if (entry_i_ < CONSENT_VALID_BITS)
				refusals.valid |= UINT64CONST(1) << entry_i_;
			if (facts->form != send->form)
				continue;
			consented_at = Max(consented_at, facts->effective_at);
			if (!consent_third_party(entry, send))
			{
				if (refusals.latest == NULL || facts->effective_at > refusals.latest->facts.effective_at)
					refusals.latest = entry;
				refusals.recorded_at = Max(refusals.recorded_at, facts->recorded_at);
			}
		}
	}
	if (refusals.barred != NULL && consented_at > refusals.barred->facts.effective_at)
		refusals.barred = NULL;
	return refusals;
}

/* A later "no", and also an earlier one: a sale does not undo an opt-out. */
static bool
is_refused_otherwise(const ConsentRefusals *refusals)
{
	return refusals->refused_at != DT_NOBEGIN || refusals->barred != NULL;
}

static bool
is_similar(const ConsentEntry *entry, const ConsentSend *send)
{
	int			label_len = consent_entry_details(entry)->label_len;

	if (label_len == 0 || send->any_category)
		return label_len > 0;
	return label_len == send->category_len &&
		memcmp(consent_entry_label(entry), send->category, label_len) == 0;
}

/* SO10: is it too long ago? */
static bool
is_outside_window(const ConsentEntry *entry, const ConsentSend *send)
{
	int			months = consent_entry_details(entry)->relationship == RELATIONSHIP_NEGOTIATION ?
		send->policy->soft_opt_in_negotiation_months : send->policy->soft_opt_in_sale_months;

	return months > 0 && consent_months_old(entry, months, send);
}

/* SO1 to SO10 */
ConsentReasonSet
consent_soft_opt_in_failures(const ConsentEntry *entry, const ConsentRefusals *refusals,
							 const ConsentSend *send)
{
	ConsentReasonSet failed = {0};
	const ConsentFacts *facts = &entry->facts;
	const ConsentDetails *details = consent_entry_details(entry);

	if (!consent_is_electronic_mail(send->channel))
		consent_reason_add(&failed, SOI_CHANNEL_NOT_EMAIL_TYPE);
	if (facts->organisation != send->organisation || consent_third_party(entry, send))
		consent_reason_add(&failed, SOI_NOT_OWN_COLLECTION);
	if (details->relationship != RELATIONSHIP_SALE && details->relationship != RELATIONSHIP_NEGOTIATION)
		consent_reason_add(&failed, SOI_NO_SALE_OR_NEGOTIATION);
	if (!is_similar(entry, send) || has_other_instigator(send))
		consent_reason_add(&failed, SOI_NOT_SIMILAR);
	if (details->refusal_offered != FLAG_YES)
		consent_reason_add(&failed, SOI_NO_REFUSAL_AT_COLLECTION);
	if (details->refused != FLAG_NO)
		consent_reason_add(&failed, SOI_REFUSED_AT_COLLECTION);
	if (!send->opt_out_offered)
		consent_reason_add(&failed, SOI_NO_REFUSAL_IN_MESSAGE);
	if (is_refused_otherwise(refusals))
		consent_reason_add(&failed, SOI_REFUSED_LATER);
	if (consent_business(send) != PURPOSE_COMMERCIAL)
		consent_reason_add(&failed, SOI_AIMS_AND_IDEALS);
	if (is_outside_window(entry, send))
		consent_reason_add(&failed, SOI_WINDOW_EXCEEDED);
	return failed;
}

/*
 * PECR reg 21B(3): refusal offered and not used, as in reg 22(3).  It is a relationship
 * with the caller, so that nobody else may have calls made on the strength of it.
 */
bool
consent_is_client(const ConsentEntry *entry, const ConsentSend *send)
{
	const ConsentDetails *details = consent_entry_details(entry);

	return details->relationship == RELATIONSHIP_CLIENT &&
		entry->facts.organisation == send->organisation && !consent_third_party(entry, send) &&
		!has_other_instigator(send) &&
		details->refusal_offered == FLAG_YES && details->refused == FLAG_NO;
}

/* CS1 to CS9 */
ConsentReasonSet
consent_charity_failures(const ConsentEntry *entry, const ConsentRefusals *refusals,
						 const ConsentSend *send)
{
	ConsentReasonSet failed = {0};
	const ConsentFacts *facts = &entry->facts;
	const ConsentDetails *details = consent_entry_details(entry);

	if (!consent_is_electronic_mail(send->channel))
		consent_reason_add(&failed, SOI_CHANNEL_NOT_EMAIL_TYPE);
	if (!send->is_charity)
		consent_reason_add(&failed, CSOI_NOT_CHARITY);
	if (facts->organisation != send->organisation || consent_third_party(entry, send))
		consent_reason_add(&failed, CSOI_NOT_OWN_COLLECTION);
	if (details->relationship != RELATIONSHIP_SUPPORT)
		consent_reason_add(&failed, CSOI_NO_INTEREST_OR_SUPPORT);
	if (facts->effective_at < send->policy->charity_soft_opt_in_from)
		consent_reason_add(&failed, CSOI_BEFORE_COMMENCEMENT);
	if (consent_business(send) != PURPOSE_CHARITABLE)
		consent_reason_add(&failed, CSOI_NOT_SOLE_PURPOSE);
	if (has_other_instigator(send))
		consent_reason_add(&failed, CSOI_PROMOTES_OTHER);
	if (details->refusal_offered != FLAG_YES)
		consent_reason_add(&failed, CSOI_NO_REFUSAL_AT_COLLECTION);
	if (details->refused != FLAG_NO)
		consent_reason_add(&failed, CSOI_REFUSED);
	if (!send->opt_out_offered)
		consent_reason_add(&failed, CSOI_NO_REFUSAL_IN_MESSAGE);
	if (is_refused_otherwise(refusals))
		consent_reason_add(&failed, CSOI_REFUSED_LATER);
	return failed;
}
