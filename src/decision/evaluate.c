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

#include "miscadmin.h"

#include "decision/permission.h"

/* What the steps learn about the send and hand down. */
typedef struct Findings
{
	bool		corporate;		/* unknown subscribers are individuals */
	const ConsentEntry *subscriber; /* what says who it is, or NULL */
	const ConsentEntry *consent;	/* newest valid consent in force, or NULL */
	const ConsentEntry *failed_consent; /* newest one that fails, or NULL */
	ConsentReasonSet consent_failures;	/* the predicates that one fails */
	const ConsentEntry *soft_opt_in;	/* newest valid one, or NULL */
	bool		charity;		/* is it the charitable purposes soft opt-in? */
	const ConsentEntry *failed_soft_opt_in; /* newest one that fails, or NULL */
	ConsentReasonSet soft_opt_in_failures;
	const ConsentEntry *client; /* newest pensions client relationship, or NULL */
	const ConsentEntry *barred; /* refusal at collection, or NULL */
	const ConsentEntry *objection;	/* latest objection in force, or NULL */
	const ConsentEntry *suppression;	/* latest suppression in force, or NULL */
	const ConsentEntry *withdrawal; /* latest withdrawal in force, or NULL */
	const ConsentEntry *non_objection;	/* newest in force, or NULL */
	const ConsentEntry *listing[REGISTER_COUNT];	/* one that bites, or NULL */
} Findings;

/* The order of events of one kind: by effect, then by recording. */
static bool
is_later(const ConsentEntry *entry, const ConsentEntry *than)
{
	if (than == NULL)
		return true;
	if (entry->facts.effective_at != than->facts.effective_at)
		return entry->facts.effective_at > than->facts.effective_at;
	return entry->facts.event_id > than->facts.event_id;
}

/*
 * An objection is lifted only by a valid consent of the person's own, later
 * in effect and later recorded: a consent back-dated, or produced afterwards
 * from a drawer, lifts nothing.  When that consent ends, the objection bites
 * again, which is why this is asked anew for every send.
 */
static bool
is_lifted(const ConsentEntry *objection, const ConsentStanding *standing,
		  const ConsentSend *send, const ConsentRefusals *refusals)
{
	const ConsentEntry *latest = refusals->latest;
	const ConsentEntry *entry;

	/* Mostly these tell: a long history must not be walked for each objection. */
	if (latest == NULL || latest->facts.effective_at <= objection->facts.effective_at ||
		refusals->recorded_at <= objection->facts.recorded_at || !consent_in_force(latest, refusals, send))
		return false;
	if (latest->facts.recorded_at > objection->facts.recorded_at)
		return true;

	foreach_entry(entry, standing)
	{
		CHECK_FOR_INTERRUPTS();
		if (entry->facts.kind == EVENT_CONSENT && !consent_third_party(entry, send) &&
			entry->facts.form == send->form &&
			entry->facts.effective_at > objection->facts.effective_at &&
			entry->facts.recorded_at > objection->facts.recorded_at &&
			consent_in_force(entry, refusals, send) &&
			consent_is_valid(entry, standing, send))
			return true;
	}
	return false;
}

/* A suppression reaches every form of the address, like an objection. */
static bool
covers_party(const ConsentEntry *entry, const ConsentSend *send)
{
	return consent_effective(entry, send) && consent_covers_channel(entry, send) &&
		(entry->facts.organisation == 0 || consent_is_party(entry->facts.organisation, send));
}

/*
 * Who takes an address off the list of one organisation leaves it on those of
 * the others.  Of a suppression for all it takes off the sends of its own.
 */
static bool
ends_suppression(const ConsentEntry *end, const ConsentEntry *suppression, const ConsentSend *send)
{
	int32		organisation = end->facts.organisation;

	if (!consent_effective(end, send) || !consent_covers_channel(end, send) ||
		end->facts.effective_at <= suppression->facts.effective_at)
		return false;
	if (organisation == 0 || suppression->facts.organisation != 0)
		return organisation == 0 || organisation == suppression->facts.organisation;
	return consent_is_only_party(organisation, send);
}

static bool
is_unsuppressed(const ConsentEntry *suppression, const ConsentStanding *standing,
				const ConsentSend *send)
{
	const ConsentEntry *entry;

	foreach_entry(entry, standing)
	{
		CHECK_FOR_INTERRUPTS();
		if (entry->facts.kind == EVENT_UNSUPPRESSION && ends_suppression(entry, suppression, send))
			return true;
	}
	return false;
}

/* A listing entered again, with the day it ended, replaces the first entry. */
static bool
is_superseded(const ConsentEntry *listing, const ConsentStanding *standing)
{
	const ConsentEntry *entry;

	foreach_entry(entry, standing)
	{
		CHECK_FOR_INTERRUPTS();
		if (entry->facts.kind == EVENT_LISTING && consent_entry_details(entry)->reg == consent_entry_details(listing)->reg &&
			entry->facts.form == listing->facts.form &&
			entry->facts.effective_at == listing->facts.effective_at &&
			entry->facts.event_id > listing->facts.event_id)
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
	if (than == NULL || consent_effective(entry, send) != consent_effective(than, send))
		return than == NULL || consent_effective(entry, send);
	return is_later(entry, than);
}

static void
look_at_soft_opt_in(const ConsentEntry *entry, const ConsentRefusals *refusals,
					const ConsentSend *send, Findings *f)
{
	bool		charity = consent_entry_details(entry)->relationship == RELATIONSHIP_SUPPORT;
	ConsentReasonSet failed;

	if (!consent_effective(entry, send))
		return;

	if (consent_is_client(entry, send) && !refusals->barred && is_later(entry, f->client))
		f->client = entry;

	if (!consent_has_soft_opt_in(send->policy, charity))
		return;
	failed = charity ? consent_charity_failures(entry, refusals, send) :
		consent_soft_opt_in_failures(entry, refusals, send);
	/* CS3: a sale is no expression of interest in a charity's purposes */
	if (!charity && send->is_charity && consent_business(send) == PURPOSE_CHARITABLE &&
		send->policy->charity_soft_opt_in_from != DT_NOEND)
		consent_reason_add(&failed, CSOI_NO_INTEREST_OR_SUPPORT);
	if (!consent_reason_none(&failed))
	{
		if (is_later(entry, f->failed_soft_opt_in))
		{
			f->failed_soft_opt_in = entry;
			f->soft_opt_in_failures = failed;
		}
	}
	else if (f->soft_opt_in == NULL || (f->charity && !charity) ||
			 (f->charity == charity && is_later(entry, f->soft_opt_in)))
	{
		f->soft_opt_in = entry;
		f->charity = charity;
	}
}

static void
look_at(const ConsentStanding *standing, const ConsentSend *send, Findings *f)
{
	ConsentRefusals refusals = consent_refusals(standing, send);
	const ConsentEntry *entry;

	memset(f, 0, sizeof(*f));
	foreach_entry(entry, standing)
	{
		ConsentEventKind kind = (ConsentEventKind) entry->facts.kind;

		/* Only these reach all +tag forms of an address. */
		if (!consent_of_form(entry, send) && kind != EVENT_OBJECTION &&
			kind != EVENT_SUPPRESSION && kind != EVENT_UNSUPPRESSION)
			continue;

		switch (kind)
		{
			case EVENT_CONSENT:
				if (entry_i_ < CONSENT_VALID_BITS ? (refusals.valid >> entry_i_) & 1 : consent_is_valid(entry, standing, send))
				{
					if (consent_in_force(entry, &refusals, send) && is_later(entry, f->consent))
						f->consent = entry;
				}
				else if (explains_better(entry, f->failed_consent, send))
					f->failed_consent = entry;
				break;
			case EVENT_WITHDRAWAL:
				if (consent_reaches(entry, send) && is_later(entry, f->withdrawal))
					f->withdrawal = entry;
				break;
			case EVENT_OBJECTION:
				if (consent_reaches(entry, send) && is_later(entry, f->objection) &&
					!is_lifted(entry, standing, send, &refusals))
					f->objection = entry;
				break;
			case EVENT_SUPPRESSION:
				if (covers_party(entry, send) && is_later(entry, f->suppression) &&
					!is_unsuppressed(entry, standing, send))
					f->suppression = entry;
				break;
			case EVENT_ERASURE:
				/* UK GDPR 17: as an objection, which it may have been */
				if (consent_effective(entry, send) && is_later(entry, f->suppression) &&
					!is_lifted(entry, standing, send, &refusals))
					f->suppression = entry;
				break;
			case EVENT_NON_OBJECTION:
				if (consent_effective(entry, send) &&
					entry->facts.organisation == send->organisation &&
					entry->facts.effective_at > refusals.refused_at &&
					is_later(entry, f->non_objection))
					f->non_objection = entry;
				break;
			case EVENT_SOFT_OPT_IN:
				look_at_soft_opt_in(entry, &refusals, send, f);
				break;
			case EVENT_SUBSCRIBER:
				if (consent_effective(entry, send) && is_later(entry, f->subscriber))
					f->subscriber = entry;
				break;
			case EVENT_LISTING:
				if (consent_effective(entry, send) &&
					entry->facts.day + send->policy->listing_days <= send->day &&
					consent_entry_details(entry)->expires_at > send->at && !is_superseded(entry, standing))
					f->listing[consent_entry_details(entry)->reg] = entry;
				break;
			case EVENT_REQUEST:
			case EVENT_ANSWER:
			case EVENT_CONTACTED:
			case EVENT_UNSUPPRESSION:
				break;
		}
	}

	/* A valid consent in force is newer than every withdrawal. */
	if (f->consent != NULL)
		f->withdrawal = NULL;
	if (f->failed_consent != NULL)
		f->consent_failures = consent_failures(f->failed_consent, standing, send);

	f->barred = refusals.barred;
	f->corporate = f->subscriber != NULL &&
		consent_entry_details(f->subscriber)->subscriber == SUBSCRIBER_CORPORATE;
}

/*
 * Does an event name this optional service, or one that it is part of?  A "no"
 * to a purpose of marketing above it never reaches it.
 */
static bool
names_service(const ConsentEntry *entry, const ConsentSend *send)
{
	for (int i = 0; i < send->npurposes; i++)
	{
		if (send->purposes[i].kind == PURPOSE_SERVICE_OPTIONAL &&
			entry->facts.purpose == send->purposes[i].id)
			return true;
	}
	return false;
}

/* Has the person, since they switched it off, switched it on again? */
static bool
is_switched_on(const ConsentEntry *off, const ConsentStanding *standing, const ConsentSend *send)
{
	const ConsentEntry *entry;

	foreach_entry(entry, standing)
	{
		CHECK_FOR_INTERRUPTS();
		if (entry->facts.kind == EVENT_CONSENT && !consent_third_party(entry, send) &&
			entry->facts.form == send->form &&
			entry->facts.effective_at > off->facts.effective_at &&
			(off->facts.kind == EVENT_WITHDRAWAL ||
			 entry->facts.recorded_at > off->facts.recorded_at) &&
			consent_is_valid(entry, standing, send))
			return true;
	}
	return false;
}

/*
 * The person's choice about optional service messages: switched off by name
 * only, and on again by a good consent that covers it.  Of who was erased nobody
 * knows what they had switched off.
 */
static const ConsentEntry *
switched_off(const ConsentStanding *standing, const ConsentSend *send)
{
	const ConsentEntry *entry;
	const ConsentEntry *off = NULL;

	if (send->purposes[0].kind != PURPOSE_SERVICE_OPTIONAL)
		return NULL;

	foreach_entry(entry, standing)
	{
		bool		says_off = entry->facts.kind == EVENT_ERASURE ? consent_effective(entry, send) :
			(entry->facts.kind == EVENT_WITHDRAWAL || entry->facts.kind == EVENT_OBJECTION) &&
			names_service(entry, send) && consent_reaches(entry, send);

		if (says_off && is_later(entry, off) && !is_switched_on(entry, standing, send))
			off = entry;
	}
	return off;
}

static bool
same_reference(const ConsentEntry *entry, const ConsentSend *send)
{
	int			label_len = consent_entry_details(entry)->label_len;

	return send->reference != NULL && label_len == send->reference_len &&
		(label_len == 0 || memcmp(consent_entry_label(entry), send->reference, label_len) == 0);
}

/*
 * The open request that this message answers: same reference, organisation
 * and channel, not over, not answered, and no "no" since.
 */
static const ConsentEntry *
open_request(const ConsentStanding *standing, const ConsentSend *send)
{
	ConsentRefusals refusals = consent_refusals(standing, send);
	const ConsentEntry *request;
	const ConsentEntry *answer;
	const ConsentEntry *found = NULL;

	foreach_entry(request, standing)
	{
		bool		answered = false;

		CHECK_FOR_INTERRUPTS();
		if (request->facts.kind != EVENT_REQUEST || request->facts.form != send->form ||
			request->facts.organisation != send->organisation ||
			!consent_effective(request, send) || !consent_covers_channel(request, send) ||
			!same_reference(request, send) || consent_entry_details(request)->expires_at <= send->at ||
			request->facts.effective_at <= refusals.refused_at)
			continue;
		foreach_entry(answer, standing)
		{
			if (answer->facts.kind == EVENT_ANSWER && answer->facts.form == send->form &&
				answer->facts.organisation == send->organisation &&
				consent_effective(answer, send) && same_reference(answer, send) &&
				answer->facts.effective_at >= request->facts.effective_at)
				answered = true;
		}
		if (!answered && is_later(request, found))
			found = request;
	}
	return found;
}

static void
refuse(ConsentVerdict *verdict, ConsentReason reason, const ConsentEntry *entry)
{
	consent_reason_add(&verdict->found, reason);
	if (verdict->reason != REASON_NONE)
		return;					/* an earlier step has decided */
	verdict->reason = reason;
	verdict->event_id = entry ? entry->facts.event_id : 0;
}

static void
allow(ConsentVerdict *verdict, ConsentReason basis, const ConsentEntry *entry)
{
	if (verdict->reason != REASON_NONE)
		return;					/* refused, or allowed on a stronger basis */
	verdict->allowed = true;
	verdict->reason = basis;
	verdict->event_id = entry ? entry->facts.event_id : 0;
}

/* Refused because the consent it needs is not there, or fails: say what fails. */
static void
refuse_for_want(ConsentVerdict *verdict, ConsentReason reason, const Findings *f)
{
	refuse(verdict, reason, f->failed_consent);
	if (f->failed_consent != NULL)
		consent_reason_join(&verdict->found, &f->consent_failures);
}

/*
 * Live calls about claims and pensions are banned but for what these two
 * regulations let through, and then reg 21(1) does not apply: reg 21(6).
 * Returns false if neither regulation is about this call.
 */
static bool
judge_sector(const ConsentSend *send, const Findings *f, ConsentVerdict *verdict)
{
	switch (consent_business(send))
	{
		case PURPOSE_CLAIMS_MANAGEMENT:
			if (f->consent == NULL)
				refuse_for_want(verdict, CLAIMS_NO_CONSENT, f);
			break;
		case PURPOSE_PENSIONS:
			if (f->corporate)
				return false;
			if (f->consent == NULL && f->client == NULL)
				refuse_for_want(verdict, PENSION_NOT_PERMITTED, f);
			else if (!send->pensions_authorised)
				refuse(verdict, PENSION_NOT_PERMITTED, NULL);
			break;
		default:
			return false;
	}
	allow(verdict, f->consent ? BASIS_CONSENT : BASIS_LIVE_CALL_NO_OBJECTION,
		  f->consent ? f->consent : f->client);
	verdict->exception = verdict->allowed && f->consent == NULL;
	return true;
}

/* Does the jurisdiction open this channel until the person says no? */
static bool
is_opt_out(const ConsentSend *send, const Findings *f)
{
	uint16		channels = f->corporate ?
		send->policy->opt_out_corporate : send->policy->opt_out_individual;

	return (channels & CHANNEL_BIT(send->channel)) != 0;
}

static void
allow_opt_out(const Findings *f, ConsentVerdict *verdict)
{
	if (f->corporate)
		allow(verdict, BASIS_CORPORATE_SUBSCRIBER, f->subscriber);
	else
		allow(verdict, BASIS_OPT_OUT_REGIME, NULL);
}

static bool
is_unscreened(ConsentRegister reg, const ConsentSend *send)
{
	return send->at >= send->screened_until[reg];
}

/* Live calls that are opt-out, with registers.  PECR reg 21, 26 */
static void
judge_live_call(const ConsentSend *send, const Findings *f, ConsentVerdict *verdict)
{
	bool		tps = send->policy->registers[REGISTER_TPS];
	bool		ctps = send->policy->registers[REGISTER_CTPS];

	if (f->consent == NULL && f->non_objection == NULL)
	{
		if (tps && f->listing[REGISTER_TPS] != NULL)
			refuse(verdict, TPS_LISTED, f->listing[REGISTER_TPS]);
		if (ctps && f->listing[REGISTER_CTPS] != NULL)
			refuse(verdict, CTPS_LISTED, f->listing[REGISTER_CTPS]);
		if ((tps && is_unscreened(REGISTER_TPS, send)) || (ctps && is_unscreened(REGISTER_CTPS, send)))
			refuse(verdict, REGISTER_SNAPSHOT_STALE, NULL);
	}
	if (f->consent != NULL)
		allow(verdict, BASIS_CONSENT, f->consent);
	allow(verdict, BASIS_LIVE_CALL_NO_OBJECTION, f->non_objection);
	verdict->exception = verdict->allowed && f->consent == NULL && f->non_objection != NULL;
}

/* Fax that is opt-out, with a register where one is in use.  PECR reg 20, 25 */
static void
judge_fax(const ConsentSend *send, const Findings *f, ConsentVerdict *verdict)
{
	if (f->consent == NULL && f->non_objection == NULL && send->policy->registers[REGISTER_FPS] &&
		send->screened_until[REGISTER_FPS] != DT_NOBEGIN)
	{
		if (f->listing[REGISTER_FPS] != NULL)
			refuse(verdict, FPS_LISTED, f->listing[REGISTER_FPS]);
		if (is_unscreened(REGISTER_FPS, send))
			refuse(verdict, REGISTER_SNAPSHOT_STALE, NULL);
	}
	if (f->consent != NULL)
		allow(verdict, BASIS_CONSENT, f->consent);
	allow_opt_out(f, verdict);
}

/* What speaks for any other send, strongest basis first. */
static void
judge_permission(const ConsentSend *send, const Findings *f, ConsentVerdict *verdict)
{
	bool		opt_out = is_opt_out(send, f);
	bool		said_no = !f->corporate && f->barred != NULL;
	bool		needs_basis = send->channel == CHANNEL_POST || send->channel == CHANNEL_ONLINE_AD;

	if (f->consent != NULL)
		allow(verdict, BASIS_CONSENT, f->consent);
	if (f->soft_opt_in != NULL)
		allow(verdict, f->charity ? BASIS_CHARITY_SOFT_OPT_IN : BASIS_SOFT_OPT_IN, f->soft_opt_in);
	if (opt_out && !said_no)
		allow_opt_out(f, verdict);
	if (needs_basis && send->assessed)
		allow(verdict, BASIS_LEGITIMATE_INTERESTS, NULL);
	if (verdict->allowed || f->consent != NULL)
		return;					/* allowed, or refused for something else */

	/* Refused for want of permission: say what the newest one lacks. */
	if (opt_out && said_no)
		refuse(verdict, SOI_REFUSED_AT_COLLECTION, f->barred);
	if (needs_basis)
		refuse(verdict, NO_LAWFUL_BASIS, NULL);
	if (f->failed_consent != NULL)
	{
		refuse(verdict, consent_reason_first(&f->consent_failures), f->failed_consent);
		consent_reason_join(&verdict->found, &f->consent_failures);
	}
	if (f->failed_soft_opt_in != NULL)
	{
		refuse(verdict, consent_reason_first(&f->soft_opt_in_failures), f->failed_soft_opt_in);
		consent_reason_join(&verdict->found, &f->soft_opt_in_failures);
	}
	if (verdict->reason == REASON_NONE)
	{
		refuse(verdict, NO_PERMISSION, NULL);
		consent_reason_add(&verdict->found, CONSENT_MISSING);
	}
}

/* PECR reg 23 and 24: what every marketing message must carry; UK GDPR 28(3). */
static void
judge_message(const ConsentSend *send, ConsentVerdict *verdict)
{
	ConsentReason lacks[3];
	int			n = 0;

	if (!send->opt_out_offered && consent_is_electronic_mail(send->channel))
		lacks[n++] = NO_OPTOUT_ADDRESS;
	if (!send->identity_shown &&
		send->channel != CHANNEL_POST && send->channel != CHANNEL_ONLINE_AD)
		lacks[n++] = SENDER_IDENTITY_CONCEALED;
	if (send->sender != 0 && send->sender != send->organisation && !send->contracted)
		lacks[n++] = NO_CONTRACT_WITH_SENDER;

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

static void
judge_marketing(const ConsentStanding *standing, const ConsentSend *send,
				ConsentVerdict *verdict)
{
	Findings	f;
	bool		opt_out;

	look_at(standing, send, &f);
	if (f.objection != NULL)
		refuse(verdict, OBJECTED, f.objection);
	if (f.suppression != NULL)
		refuse(verdict, SUPPRESSED, f.suppression);
	if (f.withdrawal != NULL)
		refuse(verdict, CONSENT_WITHDRAWN, f.withdrawal);

	opt_out = is_opt_out(send, &f);
	if (send->channel == CHANNEL_LIVE_CALL && opt_out)
	{
		if (!judge_sector(send, &f, verdict))
			judge_live_call(send, &f, verdict);
	}
	else if (send->channel == CHANNEL_FAX && opt_out)
		judge_fax(send, &f, verdict);
	else
		judge_permission(send, &f, verdict);
	verdict->third_party = verdict->reason == BASIS_CONSENT && consent_third_party(f.consent, send);
	if (verdict->third_party)
		verdict->given_at = f.consent->facts.effective_at;
}

/* Where consent to a channel is asked for. */
static const char *
consent_citation(ConsentReason reason, ConsentChannel channel)
{
	switch (channel)
	{
		case CHANNEL_AUTOMATED_CALL:
			return "PECR reg 19(2); UK GDPR 4(11), 7";
		case CHANNEL_FAX:
			return "PECR reg 20(1)(a); UK GDPR 4(11), 7";
		case CHANNEL_LIVE_CALL:
			return "PECR reg 21, 21A, 21B; UK GDPR 4(11), 7";
		case CHANNEL_POST:
		case CHANNEL_ONLINE_AD:
			return "UK GDPR 6(1)(a), 4(11), 7";
		default:
			return consent_reason_citation(reason);
	}
}

/*
 * The reasons are British and cite British law.  Elsewhere they are the nearest
 * ones, so there the law is cited by its name only.
 */
const char *
consent_verdict_citation(const ConsentVerdict *verdict)
{
	if (verdict->policy != NULL && verdict->policy->law != NULL)
		return verdict->policy->law;
	if (verdict->exception)
		return verdict->reason == BASIS_LIVE_CALL_NO_OBJECTION ? "PECR reg 21(4), 21B(3)" :
			consent_reason_citation(verdict->reason);
	switch (verdict->reason)
	{
		case BASIS_CONSENT:
		case CONSENT_MISSING:
		case CONSENT_ORG_NOT_NAMED:
		case CONSENT_INSTIGATOR_NOT_NAMED:
		case NO_PERMISSION:
			return consent_citation(verdict->reason, verdict->channel);
		default:
			return consent_reason_citation(verdict->reason);
	}
}

ConsentVerdict
consent_refusal(ConsentReason reason, const ConsentPolicy *policy)
{
	ConsentVerdict verdict = {.policy = policy};

	refuse(&verdict, reason, NULL);
	return verdict;
}

ConsentVerdict
consent_evaluate(const ConsentStanding *standing, const ConsentSend *send)
{
	ConsentVerdict verdict = {.policy = send->policy, .channel = send->channel};
	const ConsentEntry *entry;

	if (!consent_class_is_marketing(send->class) && send->class != CLASS_SOLICITED_RESPONSE)
	{
		if ((send->class == CLASS_SERVICE_OPTIONAL || send->class == CLASS_MARKET_RESEARCH) &&
			(entry = switched_off(standing, send)) != NULL)
			refuse(&verdict, entry->facts.kind == EVENT_OBJECTION ? OBJECTED :
				   entry->facts.kind == EVENT_ERASURE ? SUPPRESSED : CONSENT_WITHDRAWN, entry);
		allow(&verdict, BASIS_NOT_MARKETING, NULL);
	}
	else if (send->policy == NULL)
		refuse(&verdict, JURISDICTION_UNKNOWN, NULL);
	else
	{
		/* Without a request on record, a reply is marketing like any other. */
		if (send->class == CLASS_SOLICITED_RESPONSE &&
			(entry = open_request(standing, send)) != NULL)
			allow(&verdict, BASIS_SOLICITED, entry);
		else
			judge_marketing(standing, send, &verdict);
		judge_message(send, &verdict);
	}

	if (verdict.allowed)
		consent_reason_add(&verdict.found, verdict.reason);
	return verdict;
}
