/*-------------------------------------------------------------------------
 *
 * evaluate.c
 *	  The law: may this message be sent, why, and on the strength of what.
 *
 * Pure: see decision.h.  The order of the steps in consent_evaluate() is the
 * order of precedence; what stands against a send is looked at before what
 * speaks for it, so a fact we fail to find can only refuse.
 *
 * An event counts for a send at time T when it was effective at or before T.
 * At equal times the person's "no" wins over their "yes".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "decision/decision.h"

/* What the steps learn about the send and hand down. */
typedef struct Findings
{
	ConsentSubscriber subscriber;
	const ConsentEntry *consent;	/* newest valid consent in force, or NULL */
	const ConsentEntry *failed; /* newest consent that is not, or NULL */
	ConsentReasonSet failures;	/* the predicates that one fails */
	const ConsentEntry *objection;	/* latest objection in force, or NULL */
	const ConsentEntry *withdrawal; /* latest withdrawal in force, or NULL */
} Findings;

/*
 * PECR has no policy table yet but one row: the United Kingdom's.  Any other
 * jurisdiction is refused rather than judged by British law.
 */
static const ConsentPolicy policy_gb = {
	.jurisdiction = "GB",
	.corporate_mail_opt_out = true,
};

const ConsentPolicy *
consent_policy_for(const char *jurisdiction)
{
	return strcmp(jurisdiction, policy_gb.jurisdiction) == 0 ? &policy_gb : NULL;
}

/* Electronic mail is what can be stored until collected: PECR reg 2(1). */
static bool
is_electronic_mail(ConsentChannel channel)
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

/* Did the person say it by then? */
static bool
effective(const ConsentEntry *entry, const ConsentSend *send)
{
	return entry->effective_at <= send->at;
}

/* The order of events of one kind: by effect, then by recording. */
static bool
is_later(const ConsentEntry *entry, const ConsentEntry *than)
{
	if (than == NULL)
		return true;
	if (entry->effective_at != than->effective_at)
		return entry->effective_at > than->effective_at;
	return entry->event_id > than->event_id;
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

static bool
covers_purpose(const ConsentEntry *entry, const ConsentSend *send)
{
	for (int i = 0; i < send->npurposes; i++)
	{
		if (entry->purpose == send->purposes[i].id)
			return true;
	}
	return false;
}

/*
 * Does a withdrawal or objection reach this send?  One that names no
 * organisation, channel or purpose reaches all of them.
 */
static bool
reaches(const ConsentEntry *entry, const ConsentSend *send)
{
	if (!effective(entry, send) ||
		(entry->channels & CHANNEL_BIT(send->channel)) == 0)
		return false;
	if (entry->organisation != 0 &&
		entry->organisation != send->organisation &&
		!is_instigator(entry->organisation, send))
		return false;
	return entry->purpose == 0 || covers_purpose(entry, send);
}

/*
 * Does a consent name this organisation?  A third party's own name on the
 * form does not speak for anybody else, so there only the list counts.
 */
static bool
names(const ConsentEntry *consent, int32 organisation)
{
	if (!consent->third_party && consent->organisation == organisation)
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
		if (consent->purpose == send->purposes[i].id)
			return true;
	}
	return false;
}

/* The predicates a consent fails for this send, withdrawal left aside. */
static ConsentReasonSet
consent_failures(const ConsentEntry *consent, const ConsentSend *send)
{
	ConsentReasonSet failed = consent->defects;

	if ((consent->channels & CHANNEL_BIT(send->channel)) == 0)
		consent_reason_add(&failed, CONSENT_CHANNEL_NOT_COVERED);
	if (!names(consent, send->organisation))
		consent_reason_add(&failed, consent->third_party ?
						   THIRD_PARTY_CONSENT_GENERIC : CONSENT_ORG_NOT_NAMED);
	for (int i = 0; i < send->ninstigators; i++)
	{
		if (send->instigators[i] != send->organisation &&
			!names(consent, send->instigators[i]))
			consent_reason_add(&failed, CONSENT_INSTIGATOR_NOT_NAMED);
	}
	if (!consents_to_purpose(consent, send))
		consent_reason_add(&failed, CONSENT_PURPOSE_MISMATCH);
	if (!effective(consent, send))
		consent_reason_add(&failed, CONSENT_NOT_YET_GIVEN);
	if (consent->expires_at <= send->at)
		consent_reason_add(&failed, CONSENT_EXPIRED);
	if (consent->third_party && consent->stale_at <= send->at)
		consent_reason_add(&failed, THIRD_PARTY_CONSENT_STALE);
	return failed;
}

static bool
is_valid(const ConsentEntry *consent, const ConsentSend *send)
{
	ConsentReasonSet failed = consent_failures(consent, send);

	return consent_reason_none(&failed);
}

/* Has the person withdrawn at or after the consent? */
static bool
is_withdrawn(const ConsentEntry *consent, const ConsentStanding *standing,
			 const ConsentSend *send)
{
	const ConsentEntry *entry;

	foreach_entry(entry, standing)
	{
		if (entry->kind == EVENT_WITHDRAWAL && reaches(entry, send) &&
			entry->effective_at >= consent->effective_at)
			return true;
	}
	return false;
}

/*
 * An objection is lifted only by a valid consent of the person's own, later
 * in effect and later recorded: a consent back-dated, or produced afterwards
 * from a drawer, lifts nothing.  When that consent ends, the objection bites
 * again, which is why this is asked anew for every send.
 */
static bool
is_lifted(const ConsentEntry *objection, const ConsentStanding *standing,
		  const ConsentSend *send)
{
	const ConsentEntry *entry;

	foreach_entry(entry, standing)
	{
		if (entry->kind == EVENT_CONSENT && !entry->third_party &&
			entry->effective_at > objection->effective_at &&
			entry->recorded_at > objection->recorded_at &&
			is_valid(entry, send) && !is_withdrawn(entry, standing, send))
			return true;
	}
	return false;
}

/*
 * Of the consents that fail, explain by the newest: among those already
 * given, and only if there are none, among those not yet given.
 */
static bool
explains_better(const ConsentEntry *entry, const ConsentEntry *than,
				const ConsentSend *send)
{
	if (than == NULL || effective(entry, send) != effective(than, send))
		return than == NULL || effective(entry, send);
	return is_later(entry, than);
}

static void
look_at(const ConsentStanding *standing, const ConsentSend *send, Findings *f)
{
	const ConsentEntry *entry;
	const ConsentEntry *subscriber = NULL;

	memset(f, 0, sizeof(*f));
	foreach_entry(entry, standing)
	{
		switch ((ConsentEventKind) entry->kind)
		{
			case EVENT_CONSENT:
				if (is_valid(entry, send))
				{
					if (is_later(entry, f->consent) &&
						!is_withdrawn(entry, standing, send))
						f->consent = entry;
				}
				else if (explains_better(entry, f->failed, send))
					f->failed = entry;
				break;
			case EVENT_WITHDRAWAL:
				if (reaches(entry, send) && is_later(entry, f->withdrawal))
					f->withdrawal = entry;
				break;
			case EVENT_OBJECTION:
				if (reaches(entry, send) && is_later(entry, f->objection) &&
					!is_lifted(entry, standing, send))
					f->objection = entry;
				break;
			case EVENT_SUBSCRIBER:
				if (effective(entry, send) && is_later(entry, subscriber))
					subscriber = entry;
				break;
		}
	}

	/* A valid consent in force is newer than every withdrawal. */
	if (f->consent != NULL)
		f->withdrawal = NULL;
	if (f->failed != NULL)
		f->failures = consent_failures(f->failed, send);

	/* Unknown subscribers are protected as individuals. */
	f->subscriber = subscriber ? (ConsentSubscriber) subscriber->subscriber :
		SUBSCRIBER_INDIVIDUAL;
}

/*
 * The person's choice about optional service messages: switched off only by
 * the purpose's name, and on again by consenting to it.
 */
static const ConsentEntry *
switched_off(const ConsentStanding *standing, const ConsentSend *send)
{
	const ConsentEntry *entry;
	const ConsentEntry *off = NULL;
	const ConsentEntry *on = NULL;

	if (send->purposes[0].kind != PURPOSE_SERVICE_OPTIONAL)
		return NULL;

	foreach_entry(entry, standing)
	{
		if ((entry->kind == EVENT_WITHDRAWAL || entry->kind == EVENT_OBJECTION) &&
			entry->purpose != 0 && reaches(entry, send) && is_later(entry, off))
			off = entry;
		if (entry->kind == EVENT_CONSENT && effective(entry, send) &&
			(entry->channels & CHANNEL_BIT(send->channel)) != 0 &&
			names(entry, send->organisation) && covers_purpose(entry, send) &&
			is_later(entry, on))
			on = entry;
	}
	if (off != NULL && on != NULL && on->effective_at > off->effective_at)
		return NULL;
	return off;
}

static void
refuse(ConsentVerdict *verdict, ConsentReason reason, const ConsentEntry *entry)
{
	consent_reason_add(&verdict->found, reason);
	if (verdict->reason != REASON_NONE)
		return;					/* an earlier step has decided */
	verdict->reason = reason;
	verdict->event_id = entry ? entry->event_id : 0;
}

static void
allow(ConsentVerdict *verdict, ConsentReason basis, const ConsentEntry *entry)
{
	if (verdict->reason != REASON_NONE)
		return;					/* refused, or allowed on a stronger basis */
	verdict->allowed = true;
	verdict->reason = basis;
	verdict->event_id = entry ? entry->event_id : 0;
}

/* Live calls about claims and pensions are banned but for these: 21A, 21B. */
static void
judge_sector(const ConsentSend *send, const Findings *f, ConsentVerdict *verdict)
{
	if (send->channel != CHANNEL_LIVE_CALL)
		return;
	if (send->purposes[0].kind == PURPOSE_CLAIMS_MANAGEMENT && f->consent == NULL)
		refuse(verdict, CLAIMS_NO_CONSENT, f->failed);
	if (send->purposes[0].kind == PURPOSE_PENSIONS &&
		f->subscriber != SUBSCRIBER_CORPORATE &&
		(f->consent == NULL || !send->pensions_authorised))
		refuse(verdict, PENSION_NOT_PERMITTED, f->failed);
}

/*
 * A live call needs both registers screened within 28 days, unless the person
 * consented to calls from this caller.  No screening is recorded yet.
 */
static void
judge_registers(const ConsentSend *send, const Findings *f, ConsentVerdict *verdict)
{
	if (send->channel == CHANNEL_LIVE_CALL && f->consent == NULL)
		refuse(verdict, REGISTER_SNAPSHOT_STALE, NULL);
}

/* What speaks for the send, strongest basis first. */
static void
judge_permission(const ConsentSend *send, const ConsentPolicy *policy,
				 const Findings *f, ConsentVerdict *verdict)
{
	bool		corporate = f->subscriber == SUBSCRIBER_CORPORATE;

	if (f->consent != NULL)
		allow(verdict, BASIS_CONSENT, f->consent);
	if (corporate && is_electronic_mail(send->channel) && policy->corporate_mail_opt_out)
		allow(verdict, BASIS_CORPORATE_SUBSCRIBER, NULL);
	if (corporate && send->channel == CHANNEL_FAX)
		allow(verdict, BASIS_CORPORATE_SUBSCRIBER, NULL);
	if (send->channel == CHANNEL_LIVE_CALL)
		allow(verdict, BASIS_LIVE_CALL_NO_OBJECTION, NULL);
	if (verdict->allowed || send->channel == CHANNEL_LIVE_CALL)
		return;

	/* Refused for want of permission: say what the newest consent lacks. */
	if (send->channel == CHANNEL_POST || send->channel == CHANNEL_ONLINE_AD)
		refuse(verdict, NO_LAWFUL_BASIS, NULL);
	if (f->failed != NULL)
	{
		refuse(verdict, consent_reason_first(&f->failures), f->failed);
		consent_reason_join(&verdict->found, &f->failures);
	}
	else if (verdict->reason == REASON_NONE)
	{
		refuse(verdict, NO_PERMISSION, NULL);
		consent_reason_add(&verdict->found, CONSENT_MISSING);
	}
}

/* PECR reg 23 and 24: what every marketing message must carry. */
static void
judge_message(const ConsentSend *send, ConsentVerdict *verdict)
{
	ConsentReason lacks[2];
	int			n = 0;

	if (!send->opt_out_offered && is_electronic_mail(send->channel))
		lacks[n++] = NO_OPTOUT_ADDRESS;
	if (!send->identity_shown &&
		send->channel != CHANNEL_POST && send->channel != CHANNEL_ONLINE_AD)
		lacks[n++] = SENDER_IDENTITY_CONCEALED;

	for (int i = 0; i < n; i++)
	{
		if (verdict->allowed)
		{
			verdict->allowed = false;
			verdict->reason = REASON_NONE;
		}
		refuse(verdict, lacks[i], NULL);
	}
}

ConsentVerdict
consent_refusal(ConsentReason reason)
{
	ConsentVerdict verdict = {0};

	refuse(&verdict, reason, NULL);
	return verdict;
}

ConsentVerdict
consent_evaluate(const ConsentStanding *standing, const ConsentSend *send,
				 const ConsentPolicy *policy)
{
	ConsentVerdict verdict = {0};
	Findings	f;

	/* A reply to a request is solicited only with that request on record. */
	if (!consent_class_is_marketing(send->class) &&
		send->class != CLASS_SOLICITED_RESPONSE)
	{
		const ConsentEntry *off = NULL;

		if (send->class == CLASS_SERVICE_OPTIONAL || send->class == CLASS_MARKET_RESEARCH)
			off = switched_off(standing, send);
		if (off != NULL)
			refuse(&verdict, off->kind == EVENT_OBJECTION ? OBJECTED : CONSENT_WITHDRAWN, off);
		allow(&verdict, BASIS_NOT_MARKETING, NULL);
	}
	else if (policy == NULL)
		refuse(&verdict, JURISDICTION_UNKNOWN, NULL);
	else
	{
		look_at(standing, send, &f);
		if (f.objection != NULL)
			refuse(&verdict, OBJECTED, f.objection);
		if (f.withdrawal != NULL)
			refuse(&verdict, CONSENT_WITHDRAWN, f.withdrawal);
		judge_sector(send, &f, &verdict);
		judge_registers(send, &f, &verdict);
		judge_permission(send, policy, &f, &verdict);
		judge_message(send, &verdict);
	}

	if (verdict.allowed)
		consent_reason_add(&verdict.found, verdict.reason);
	return verdict;
}
