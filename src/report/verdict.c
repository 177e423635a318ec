/*-------------------------------------------------------------------------
 *
 * verdict.c
 *	  consent.judge(): the whole verdict on one send, by a standing in hand.
 *
 * What consent.permits() is to the campaign filter, this is to whoever counts,
 * explains or audits: set-wise, parallel, and no second copy of the law.  Names
 * are looked up when they change and the facts of the world when the time of
 * the send changes, so rows should come with the same names together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "decision/permission.h"
#include "ledger/calendar.h"
#include "ledger/judge.h"
#include "ledger/ledger.h"
#include "ledger/sent.h"
#include "ledger/vocabulary.h"
#include "ledger/world.h"
#include "module/module.h"
#include "report/verdict.h"

PG_FUNCTION_INFO_V1(pg_consent_judge);

/* Arguments of consent.judge(), by position. */
enum
{
	ARG_STANDING,
	ARG_CONTACT,
	ARG_CHANNEL,
	ARG_ORGANISATION,
	ARG_PURPOSE,
	ARG_PRODUCT_CATEGORY,
	ARG_AT,
	ARG_KNOWN_AT,
	ARG_CLASS,
	ARG_REFERENCE,
	ARG_INSTIGATORS,
	ARG_OPT_OUT_OFFERED,
	ARG_IDENTITY_SHOWN,
	ARG_ANY_CATEGORY,
	ARG_SENDER
};

/* One send, but for what differs from row to row. */
typedef struct JudgeCache
{
	MemoryContext names;		/* what the names resolved to */
	ConsentCase named;			/* organisation, purpose, sender */
	char	   *organisation;
	char	   *purpose;
	char	   *sender;
	MemoryContext times;		/* the policy, reset when it is looked up */
	ConsentCase c;				/* named, complete for this channel and time */
	bool		complete;
	Oid			channel;
	Oid			class_oid;
	ConsentClass class;
	TimestampTz at;
	TimestampTz known_at;
	TimestampTz now;			/* what a NULL time means, throughout the query */
	TupleDesc	desc;
} JudgeCache;

static void
look_up_names(JudgeCache *cache, FunctionCallInfo fcinfo)
{
	MemoryContext caller;

	MemoryContextReset(cache->names);
	caller = MemoryContextSwitchTo(cache->names);
	memset(&cache->named, 0, sizeof(cache->named));
	cache->organisation = consent_text_arg(fcinfo, ARG_ORGANISATION);
	cache->purpose = consent_text_arg(fcinfo, ARG_PURPOSE);
	consent_case_set_organisation(&cache->named, cache->organisation);
	consent_case_set_purpose(&cache->named, cache->purpose);
	cache->sender = consent_text_arg(fcinfo, ARG_SENDER);
	consent_case_set_sender(&cache->named, cache->sender);
	MemoryContextSwitchTo(caller);
	cache->complete = false;
}

static void
complete(JudgeCache *cache, Oid channel, TimestampTz at, TimestampTz known_at)
{
	MemoryContext caller;

	cache->complete = false;
	MemoryContextReset(cache->times);
	caller = MemoryContextSwitchTo(cache->times);
	cache->c = cache->named;
	cache->c.send.channel = consent_channel_from_oid(channel);
	cache->c.send.at = at;
	consent_case_complete(&cache->c, known_at, GetActiveSnapshot());
	MemoryContextSwitchTo(caller);
	cache->channel = channel;
	cache->at = at;
	cache->known_at = known_at;
	cache->complete = true;
}

/*
 * Is the complete case good for another channel and time, but for the day?  It is
 * if the same policy was in force and the organisation was the same, as far as
 * known; and if no facts of the world matter.
 */
static bool
holds(const JudgeCache *cache, Oid channel, TimestampTz at, TimestampTz known_at)
{
	const ConsentCase *c = &cache->c;

	if (!cache->complete || cache->channel != channel)
		return false;
	if (cache->at == at && cache->known_at == known_at)
		return true;
	return c->send.policy != NULL && at >= c->send.policy->valid_from && at < c->until &&
		!consent_world_matters(&c->send) && c->vocabulary == consent_vocabulary_generation() &&
		consent_organisation_then(c->send.organisation, Min(at, known_at)) ==
		consent_organisation_then(c->send.organisation, Min(cache->at, cache->known_at));
}

static ConsentClass
message_class(JudgeCache *cache, Oid value)
{
	if (cache->class_oid != value)
	{
		cache->class = consent_class_from_oid(value);
		cache->class_oid = value;
	}
	return cache->class;
}

static JudgeCache *
judge_cache(FunctionCallInfo fcinfo)
{
	JudgeCache *cache = fcinfo->flinfo->fn_extra;

	if (cache == NULL)
	{
		MemoryContext query = fcinfo->flinfo->fn_mcxt;
		MemoryContext caller = MemoryContextSwitchTo(query);

		cache = palloc0(sizeof(JudgeCache));
		cache->names = AllocSetContextCreate(query, "pg_consent judge names", ALLOCSET_SMALL_SIZES);
		cache->times = AllocSetContextCreate(query, "pg_consent judge times", ALLOCSET_SMALL_SIZES);
		if (get_call_result_type(fcinfo, NULL, &cache->desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		cache->desc = BlessTupleDesc(CreateTupleDescCopy(cache->desc));
		cache->now = GetCurrentTimestamp();
		look_up_names(cache, fcinfo);
		MemoryContextSwitchTo(caller);
		fcinfo->flinfo->fn_extra = cache;
	}
	else if (!consent_is_text_arg(cache->organisation, fcinfo, ARG_ORGANISATION) ||
			 !consent_is_text_arg(cache->purpose, fcinfo, ARG_PURPOSE) ||
			 !consent_is_text_arg(cache->sender, fcinfo, ARG_SENDER))
		look_up_names(cache, fcinfo);
	return cache;
}

/*
 * A soft opt-in serves what resembles the product sold.  Here the question is
 * whether there is anything that may be advertised.  What serves everything is
 * the better answer, and seldom there is any beside a soft opt-in.
 */
ConsentVerdict
consent_evaluate_any_category(const ConsentStanding *standing, ConsentSend *send)
{
	ConsentVerdict verdict;
	ConsentVerdict given;

	send->any_category = true;
	verdict = consent_evaluate(standing, send);
	if (verdict.reason != BASIS_SOFT_OPT_IN)
		return verdict;
	send->any_category = false;
	given = consent_evaluate(standing, send);
	return given.allowed ? given : verdict;
}

static ConsentVerdict
judge(FunctionCallInfo fcinfo, JudgeCache *cache)
{
	TimestampTz at = PG_ARGISNULL(ARG_AT) ? cache->now : PG_GETARG_TIMESTAMPTZ(ARG_AT);
	TimestampTz known_at = PG_ARGISNULL(ARG_KNOWN_AT) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(ARG_KNOWN_AT);
	ConsentCase c;
	const ConsentStanding *standing;

	if (PG_ARGISNULL(ARG_CHANNEL) || PG_ARGISNULL(ARG_CLASS) || TIMESTAMP_NOT_FINITE(at))
		return consent_refusal(INPUT_INVALID, NULL);
	if (cache->named.invalid == REASON_NONE && !holds(cache, PG_GETARG_OID(ARG_CHANNEL), at, known_at))
		complete(cache, PG_GETARG_OID(ARG_CHANNEL), at, known_at);

	c = cache->named.invalid == REASON_NONE ? cache->c : cache->named;
	c.send.at = at;
	c.send.day = consent_london_date(at);
	c.send.class = message_class(cache, PG_GETARG_OID(ARG_CLASS));
	consent_case_set_category(&c, consent_text_arg(fcinfo, ARG_PRODUCT_CATEGORY));
	consent_case_set_reference(&c, consent_text_arg(fcinfo, ARG_REFERENCE));
	if (!PG_ARGISNULL(ARG_INSTIGATORS))
		consent_case_set_instigators(&c, PG_GETARG_DATUM(ARG_INSTIGATORS));
	c.send.opt_out_offered = !PG_ARGISNULL(ARG_OPT_OUT_OFFERED) && PG_GETARG_BOOL(ARG_OPT_OUT_OFFERED);
	c.send.identity_shown = !PG_ARGISNULL(ARG_IDENTITY_SHOWN) && PG_GETARG_BOOL(ARG_IDENTITY_SHOWN);
	if (consent_needs_no_names(&c))
	{
		ConsentReason unknown = c.invalid;
		ConsentVerdict verdict;

		c.invalid = REASON_NONE;
		c.send.channel = consent_channel_from_oid(PG_GETARG_OID(ARG_CHANNEL));
		verdict = consent_evaluate(consent_standing_empty(), &c.send);
		consent_reason_add(&verdict.found, unknown);
		return verdict;
	}
	if (c.invalid != REASON_NONE)
		return consent_case_refusal(&c, c.invalid);

	if (consent_needs_no_standing(&c))
		return consent_evaluate(consent_standing_empty(), &c.send);
	if (PG_ARGISNULL(ARG_CONTACT))
		return consent_refusal(RECIPIENT_UNKNOWN, c.send.policy);

	c.send.form = consent_ledger_form(PG_GETARG_DATUM(ARG_CONTACT));

	if (PG_ARGISNULL(ARG_STANDING) || known_at != DT_NOEND)
		consent_ledger_check_readable();
	/* An address without a standing may have been erased: the ledger knows. */
	if (PG_ARGISNULL(ARG_STANDING))
		standing = consent_ledger_standing(PG_GETARG_DATUM(ARG_CONTACT), known_at, GetActiveSnapshot(), NULL);
	else
		standing = consent_ledger_known_by(PG_GETARG_DATUM(ARG_CONTACT), (const ConsentStanding *) PG_GETARG_VARLENA_P(ARG_STANDING),
										   known_at, GetActiveSnapshot());
	consent_sent_facts(&c.send, standing, PG_GETARG_DATUM(ARG_CONTACT), known_at, GetActiveSnapshot());
	if (!PG_ARGISNULL(ARG_ANY_CATEGORY) && PG_GETARG_BOOL(ARG_ANY_CATEGORY))
		return consent_evaluate_any_category(standing, &c.send);
	return consent_evaluate(standing, &c.send);
}

PGDLLEXPORT Datum
pg_consent_judge(PG_FUNCTION_ARGS)
{
	JudgeCache *cache = judge_cache(fcinfo);
	ConsentVerdict verdict = judge(fcinfo, cache);

	PG_RETURN_DATUM(consent_decision_datum(&verdict, cache->desc));
}
