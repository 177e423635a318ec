/*-------------------------------------------------------------------------
 *
 * judge.c
 *	  consent.evaluate() and its kin: gathers the facts, asks the pure core.
 *
 * Nothing here decides.  What is missing or unknown is noted as the reason
 * why the send cannot be judged, and that is a refusal; an error of any kind
 * propagates, so it can never be mistaken for a permission.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/supportnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "ledger/calendar.h"
#include "ledger/judge.h"
#include "ledger/ledger.h"
#include "ledger/policy.h"
#include "ledger/sent.h"
#include "ledger/vocabulary.h"
#include "ledger/world.h"
#include "module/module.h"

PG_FUNCTION_INFO_V1(pg_consent_evaluate);
PG_FUNCTION_INFO_V1(pg_consent_may_send);
PG_FUNCTION_INFO_V1(pg_consent_permits);
PG_FUNCTION_INFO_V1(pg_consent_permits_support);
PG_FUNCTION_INFO_V1(pg_consent_ledger_readable);

/* Arguments of consent.evaluate() and consent.may_send(), by position. */
enum
{
	ARG_CONTACT,
	ARG_CHANNEL,
	ARG_ORGANISATION,
	ARG_CLASS,
	ARG_PURPOSE,
	ARG_AT,
	ARG_KNOWN_AT,
	ARG_REFERENCE,
	ARG_PRODUCT_CATEGORY,
	ARG_INSTIGATORS,
	ARG_OPT_OUT_OFFERED,
	ARG_IDENTITY_SHOWN,
	ARG_SENDER
};

/* The first thing found wrong stands: callers ask in order of precedence. */
static void
set_invalid(ConsentCase *c, ConsentReason reason)
{
	if (c->invalid == REASON_NONE)
		c->invalid = reason;
}

/* name may be NULL: then nobody knows whose message it is. */
void
consent_case_set_organisation(ConsentCase *c, const char *name)
{
	const ConsentOrganisation *organisation = name ? consent_organisation_lookup(name) : NULL;

	if (organisation == NULL)
	{
		set_invalid(c, ORGANISATION_UNKNOWN);
		return;
	}
	c->send.organisation = organisation->id;
	c->send.organisation_key = consent_name_key(organisation->name);
	c->send.is_charity = organisation->is_charity;
	c->send.pensions_authorised = organisation->pensions_authorised;
	c->jurisdiction = pstrdup(organisation->jurisdiction);
}

/*
 * name is that of a contractor, NULL if the organisation sends itself.  One that
 * nobody has heard of has no contract, and nobody can have said no to it.
 */
void
consent_case_set_sender(ConsentCase *c, const char *name)
{
	const ConsentOrganisation *sender;

	if (name == NULL)
		return;
	sender = consent_organisation_lookup(name);
	c->send.sender = sender ? sender->id : CONSENT_UNHEARD_OF;
}

void
consent_case_set_purpose(ConsentCase *c, const char *name)
{
	const ConsentPurpose *purpose = name ? consent_purpose_lookup(name) : NULL;

	if (purpose == NULL)
	{
		set_invalid(c, PURPOSE_UNKNOWN);
		return;
	}
	c->send.npurposes = purpose->nsteps;
	memcpy(c->send.purposes, purpose->steps, purpose->nsteps * sizeof(ConsentPurposeStep));
}

/* names is a text array */
void
consent_case_set_instigators(ConsentCase *c, Datum array)
{
	Datum	   *names;
	bool	   *nulls;
	int			n;
	int32	   *ids;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	ids = palloc(n * sizeof(int32));
	for (int i = 0; i < n; i++)
	{
		const ConsentOrganisation *organisation =
			nulls[i] ? NULL : consent_organisation_lookup(TextDatumGetCString(names[i]));

		if (organisation == NULL)
			set_invalid(c, ORGANISATION_UNKNOWN);
		else
			ids[c->send.ninstigators++] = organisation->id;
	}
	c->send.instigators = ids;
}

void
consent_case_set_category(ConsentCase *c, const char *category)
{
	c->send.category = category;
	c->send.category_len = category ? strlen(category) : 0;
}

void
consent_case_set_reference(ConsentCase *c, const char *reference)
{
	c->send.reference = reference;
	c->send.reference_len = reference ? strlen(reference) : 0;
}

/* Nothing that a person can have said matters to this send. */
bool
consent_needs_no_standing(const ConsentCase *c)
{
	return !consent_class_is_marketing(c->send.class) &&
		c->send.class != CLASS_SOLICITED_RESPONSE &&
		c->send.purposes[0].kind != PURPOSE_SERVICE_OPTIONAL;
}

/*
 * No purpose and no organisation bears on what a service message needs, and a
 * queue gives receipts a purpose of their own that consent knows nothing of.
 * consent.evaluate() refuses unknown names all the same: who asks about one
 * message is told of the mistake, and nothing is held up by that.
 */
bool
consent_needs_no_names(const ConsentCase *c)
{
	return (c->invalid == ORGANISATION_UNKNOWN || c->invalid == PURPOSE_UNKNOWN) &&
		(c->send.class == CLASS_SERVICE || c->send.class == CLASS_REGULATORY || c->send.class == CLASS_PUBLIC_TASK);
}

/*
 * The policy that judges a case, in the current memory context: a copy, for the
 * next lookup may drop what it finds.  NULL if there is none.
 */
static const ConsentPolicy *
case_policy(const ConsentCase *c)
{
	return c->jurisdiction ? consent_policy_copy(consent_policy_lookup(c->jurisdiction, c->send.at)) : NULL;
}

/*
 * The case with the organisation as it was at the time of the send, as far as
 * that was known: a change of jurisdiction must not rewrite past decisions.
 */
static ConsentCase
case_then(const ConsentCase *c, TimestampTz known_at)
{
	ConsentCase then = *c;
	const ConsentOrganisation *was = consent_organisation_then(c->send.organisation, Min(c->send.at, known_at));

	if (was != NULL)
	{
		then.send.is_charity = was->is_charity;
		then.send.pensions_authorised = was->pensions_authorised;
		then.jurisdiction = pstrdup(was->jurisdiction);
	}
	return then;
}

/*
 * A case with names and a time is settled when all that follows from these is
 * known: what is missing then is the contact, and the world.  It holds for other
 * times until the policy or the day changes, or might.
 */
void
consent_case_settle(ConsentCase *c, TimestampTz known_at)
{
	c->vocabulary = consent_vocabulary_generation();
	*c = case_then(c, known_at);
	c->send.policy = case_policy(c);
	c->send.day = consent_london_date(c->send.at);
	c->until = consent_london_date_until(c->send.at);
	if (c->jurisdiction)
		c->until = Min(c->until, consent_policy_until(c->jurisdiction, c->send.at));
}

/* Does a settled case hold at another time?  As far as we have been told of changes. */
bool
consent_case_holds(const ConsentCase *c, TimestampTz at)
{
	return at >= c->send.at && at < c->until && c->vocabulary == consent_vocabulary_generation();
}

/* What a case with names and a time lacks to be judged but its class and contact. */
void
consent_case_complete(ConsentCase *c, TimestampTz known_at, Snapshot snapshot)
{
	consent_case_settle(c, known_at);
	consent_world_facts(&c->send, known_at, snapshot);
}

/* A case that cannot be judged, by its own fault or else for this reason. */
ConsentVerdict
consent_case_refusal(const ConsentCase *c, ConsentReason reason)
{
	return consent_refusal(c->invalid != REASON_NONE ? c->invalid : reason, case_policy(c));
}

/*
 * The verdict by what the ledger holds under a snapshot, recorded by known_at.
 * The case is settled.
 */
ConsentVerdict
consent_judge_settled(const ConsentCase *c, Datum contact, TimestampTz known_at, Snapshot snapshot,
					  struct ConsentReader *reader)
{
	ConsentSend send = c->send;
	const ConsentStanding *standing;

	if (c->invalid != REASON_NONE)
		return consent_case_refusal(c, c->invalid);
	if (consent_needs_no_standing(c))
		return consent_evaluate(consent_standing_empty(), &send);
	send.form = consent_ledger_form(contact);
	consent_world_facts(&send, known_at, snapshot);
	standing = consent_ledger_standing(contact, known_at, snapshot, reader);
	consent_sent_facts(&send, standing, contact, known_at, snapshot);
	return consent_evaluate(standing, &send);
}

/*
 * The same by a standing in hand.  Returns false, without verdict, where that and
 * the case do not say all.
 */
bool
consent_judge_standing(const ConsentCase *c, Datum contact, const ConsentStanding *standing, ConsentVerdict *verdict)
{
	ConsentSend send = c->send;

	send.form = consent_ledger_form(contact);
	if (c->invalid != REASON_NONE || consent_world_matters(&send) || consent_awaits_contact(standing, &send))
		return false;
	*verdict = consent_evaluate(standing, &send);
	return true;
}

/*
 * The verdict on somebody of whom nothing is on record.  The case is settled, and
 * of one that needs no facts of the world.
 */
ConsentVerdict
consent_judge_stranger(const ConsentCase *c)
{
	Assert(!consent_world_matters(&c->send));
	if (c->invalid != REASON_NONE)
		return consent_case_refusal(c, c->invalid);
	return consent_evaluate(consent_standing_empty(), &c->send);
}

/* The same as consent_judge_settled() of a case that is not. */
ConsentVerdict
consent_judge(const ConsentCase *c, Datum contact, TimestampTz known_at, Snapshot snapshot)
{
	ConsentCase settled = *c;

	if (c->invalid != REASON_NONE)
		return consent_case_refusal(c, c->invalid);
	consent_case_settle(&settled, known_at);
	return consent_judge_settled(&settled, contact, known_at, snapshot, NULL);
}

/* decision.reasons: what decided first, then the rest in order of precedence */
Datum
consent_reasons_array(const ConsentVerdict *verdict)
{
	Datum		codes[REASON_COUNT];
	int			n = 0;

	codes[n++] = CStringGetTextDatum(consent_reason_code(verdict->reason));
	for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
	{
		if (reason != verdict->reason && consent_reason_in(&verdict->found, (ConsentReason) reason))
			codes[n++] = CStringGetTextDatum(consent_reason_code((ConsentReason) reason));
	}
	return PointerGetDatum(construct_array(codes, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* What is not known to be there is not there. */
static bool
bool_arg(FunctionCallInfo fcinfo, int n)
{
	return !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
}

static ConsentVerdict
judge_call(FunctionCallInfo fcinfo)
{
	ConsentCase c = {0};

	if (PG_ARGISNULL(ARG_CONTACT))
		set_invalid(&c, RECIPIENT_UNKNOWN);
	if (PG_ARGISNULL(ARG_CHANNEL) || PG_ARGISNULL(ARG_CLASS) || PG_ARGISNULL(ARG_AT) ||
		TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(ARG_AT)))
		set_invalid(&c, INPUT_INVALID);
	consent_case_set_organisation(&c, consent_text_arg(fcinfo, ARG_ORGANISATION));
	consent_case_set_purpose(&c, consent_text_arg(fcinfo, ARG_PURPOSE));
	if (!PG_ARGISNULL(ARG_INSTIGATORS))
		consent_case_set_instigators(&c, PG_GETARG_DATUM(ARG_INSTIGATORS));

	consent_case_set_sender(&c, consent_text_arg(fcinfo, ARG_SENDER));

	/*
	 * "Now" is the wall clock, as for the guard: in a long transaction now()
	 * lies before withdrawals that our snapshot sees.
	 */
	if (!PG_ARGISNULL(ARG_AT))
		c.send.at = PG_GETARG_TIMESTAMPTZ(ARG_AT);
	if (c.send.at == GetCurrentTransactionStartTimestamp())
		c.send.at = GetCurrentTimestamp();
	if (c.invalid != REASON_NONE)
		return consent_case_refusal(&c, c.invalid);

	c.send.channel = consent_channel_from_oid(PG_GETARG_OID(ARG_CHANNEL));
	c.send.class = consent_class_from_oid(PG_GETARG_OID(ARG_CLASS));
	consent_case_set_category(&c, consent_text_arg(fcinfo, ARG_PRODUCT_CATEGORY));
	consent_case_set_reference(&c, consent_text_arg(fcinfo, ARG_REFERENCE));
	c.send.opt_out_offered = bool_arg(fcinfo, ARG_OPT_OUT_OFFERED);
	c.send.identity_shown = bool_arg(fcinfo, ARG_IDENTITY_SHOWN);

	consent_ledger_check_readable();
	return consent_judge(&c, PG_GETARG_DATUM(ARG_CONTACT),
						 PG_ARGISNULL(ARG_KNOWN_AT) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(ARG_KNOWN_AT),
						 GetActiveSnapshot());
}

/* A row of type consent.decision */
Datum
consent_decision_datum(const ConsentVerdict *verdict, TupleDesc desc)
{
	Datum		values[7];
	bool		nulls[7] = {false};

	values[0] = BoolGetDatum(verdict->allowed);
	values[1] = CStringGetTextDatum(consent_reason_code(verdict->reason));
	values[2] = values[1];
	nulls[2] = !verdict->allowed;
	values[3] = CStringGetTextDatum(consent_verdict_citation(verdict));
	values[4] = Int64GetDatum(verdict->event_id);
	nulls[4] = verdict->event_id == 0;
	values[5] = consent_reasons_array(verdict);
	nulls[6] = verdict->policy == NULL;
	if (verdict->policy != NULL)
		values[6] = CStringGetTextDatum(consent_policy_label(verdict->policy));
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

PGDLLEXPORT Datum
pg_consent_evaluate(PG_FUNCTION_ARGS)
{
	ConsentVerdict verdict = judge_call(fcinfo);
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PG_RETURN_DATUM(consent_decision_datum(&verdict, desc));
}

PGDLLEXPORT Datum
pg_consent_may_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(judge_call(fcinfo).allowed);
}

/*
 * consent.permits(standing, contact, channel, organisation, purpose,
 * product_category, at): the verdict on marketing by a standing in hand; at NULL
 * is the moment when the query began to ask.  Names and the world's facts are
 * looked up once, and again when an argument changes: within one query they
 * are the same for every row in all that matters.  A simple expression of
 * PL/pgSQL outlives its query, so what the query sees is compared too.
 */
enum
{
	PERMITS_STANDING,
	PERMITS_CONTACT,
	PERMITS_CHANNEL,
	PERMITS_ORGANISATION,
	PERMITS_PURPOSE,
	PERMITS_CATEGORY,
	PERMITS_AT
};

typedef struct Sight
{
	TimestampTz statement;
	uint64		completed;		/* how many transactions had ended */
	CommandId	command;
} Sight;

/*
 * From the standing of a row of consent.address_standing back to where the next
 * one begins is mostly not farther than that: what the scan looks at first is its header.
 */
#define PREFETCH_LINES 8

typedef struct PermitsCache
{
	MemoryContext context;		/* what the case points into */
	ConsentCase c;
	Sight		sight;
	bool		constant;		/* the arguments below are */
	Oid			channel;
	char	   *organisation;
	char	   *purpose;
	char	   *category;
	struct varatt_external kept;	/* where "standing" lies in its table */
	ConsentStanding *standing;	/* NULL: none is kept */
} PermitsCache;

static Sight
current_sight(void)
{
	Snapshot	snapshot = GetActiveSnapshot();

	return (Sight) {
		.statement = GetCurrentStatementStartTimestamp(),
			.completed = snapshot->snapXactCompletionCount,
			.command = snapshot->curcid
	};
}

static bool
same_sight(const Sight *a, const Sight *b)
{
	return a->statement == b->statement && a->completed == b->completed && a->command == b->command;
}

/* Are all arguments that say what is asked the same for ever? */
static bool
asks_constant(const FmgrInfo *flinfo)
{
	Node	   *call = flinfo->fn_expr;

	if (call == NULL || !IsA(call, FuncExpr))
		return false;
	for (int n = PERMITS_CHANNEL; n < list_length(((FuncExpr *) call)->args); n++)
	{
		if (!IsA(list_nth(((FuncExpr *) call)->args, n), Const))
			return false;
	}
	return true;
}

static bool
asks_the_same(const PermitsCache *cache, FunctionCallInfo fcinfo)
{
	return cache->channel == PG_GETARG_OID(PERMITS_CHANNEL) &&
		(PG_ARGISNULL(PERMITS_AT) || cache->c.send.at == PG_GETARG_TIMESTAMPTZ(PERMITS_AT)) &&
		consent_is_text_arg(cache->organisation, fcinfo, PERMITS_ORGANISATION) &&
		consent_is_text_arg(cache->purpose, fcinfo, PERMITS_PURPOSE) &&
		consent_is_text_arg(cache->category, fcinfo, PERMITS_CATEGORY);
}

/* A cache anew, or the one there is for what is asked now. */
static pg_noinline PermitsCache *
fill_permits_cache(PermitsCache *cache, FunctionCallInfo fcinfo, const Sight *sight)
{
	MemoryContext caller;
	ConsentCase *c;

	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(PermitsCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pg_consent permits",
											   ALLOCSET_SMALL_SIZES);
		cache->constant = asks_constant(fcinfo->flinfo);
	}
	fcinfo->flinfo->fn_extra = NULL;
	MemoryContextReset(cache->context);
	caller = MemoryContextSwitchTo(cache->context);
	cache->sight = *sight;
	cache->channel = PG_GETARG_OID(PERMITS_CHANNEL);
	cache->organisation = consent_text_arg(fcinfo, PERMITS_ORGANISATION);
	cache->purpose = consent_text_arg(fcinfo, PERMITS_PURPOSE);
	cache->category = consent_text_arg(fcinfo, PERMITS_CATEGORY);
	c = memset(&cache->c, 0, sizeof(ConsentCase));
	c->send.channel = consent_channel_from_oid(cache->channel);
	c->send.class = CLASS_DIRECT_MARKETING;
	c->send.at = PG_ARGISNULL(PERMITS_AT) ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(PERMITS_AT);
	if (TIMESTAMP_NOT_FINITE(c->send.at))
		set_invalid(c, INPUT_INVALID);
	c->send.opt_out_offered = true;
	c->send.identity_shown = true;
	consent_case_set_organisation(c, cache->organisation);
	consent_case_set_purpose(c, cache->purpose);
	consent_case_set_category(c, cache->category);
	if (c->invalid == ORGANISATION_UNKNOWN || c->invalid == PURPOSE_UNKNOWN)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("nobody may be sent anything: %s", consent_reason_code(c->invalid)),
				 cache->organisation == NULL ?
				 errhint("Name the organisation, or set pg_consent.organisation.") :
				 errhint("Insert it into consent.organisation or consent.purpose, or mend the name.")));
	if (c->invalid == REASON_NONE)
		consent_case_complete(c, DT_NOEND, GetActiveSnapshot());
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

/*
 * A standing that is kept out of line is asked for each of the forms of its address,
 * of which there may be thousands: it is fetched and unpacked for the first of them.
 */
static const ConsentStanding *
permits_standing(PermitsCache *cache, FunctionCallInfo fcinfo)
{
	struct varlena *value = (struct varlena *) PG_GETARG_POINTER(PERMITS_STANDING);
	struct varatt_external place;
	MemoryContext caller;

	if (!VARATT_IS_EXTERNAL_ONDISK(value))
		return (ConsentStanding *) PG_GETARG_VARLENA_P(PERMITS_STANDING);
	VARATT_EXTERNAL_GET_POINTER(place, value);
	if (cache->standing != NULL && memcmp(&place, &cache->kept, sizeof(place)) == 0)
		return cache->standing;
	if (cache->standing != NULL)
		pfree(cache->standing);
	cache->standing = NULL;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	cache->standing = (ConsentStanding *) PG_DETOAST_DATUM_COPY(value);
	MemoryContextSwitchTo(caller);
	cache->kept = place;
	return cache->standing;
}

PGDLLEXPORT Datum
pg_consent_permits(PG_FUNCTION_ARGS)
{
	PermitsCache *cache = fcinfo->flinfo->fn_extra;
	const ConsentStanding *standing;
	Sight		sight;

	if (PG_ARGISNULL(PERMITS_STANDING) || PG_ARGISNULL(PERMITS_CONTACT) || PG_ARGISNULL(PERMITS_CHANNEL))
		PG_RETURN_BOOL(false);

	/* Rows of a page lie in reverse order: a scan comes next to what lies before this one. */
#pragma GCC unroll 8
	for (int line = 1; line <= PREFETCH_LINES; line++)
		__builtin_prefetch(DatumGetPointer(PG_GETARG_DATUM(PERMITS_STANDING)) - line * PG_CACHE_LINE_SIZE / 2);

	sight = current_sight();
	if (cache == NULL || !same_sight(&cache->sight, &sight) || !(cache->constant || asks_the_same(cache, fcinfo)))
		cache = fill_permits_cache(cache, fcinfo, &sight);
	if (cache->c.invalid != REASON_NONE)
		PG_RETURN_BOOL(false);
	standing = permits_standing(cache, fcinfo);
	cache->c.send.form = consent_ledger_form(PG_GETARG_DATUM(PERMITS_CONTACT));
	consent_sent_facts(&cache->c.send, standing, PG_GETARG_DATUM(PERMITS_CONTACT), DT_NOEND, GetActiveSnapshot());
	PG_RETURN_BOOL(consent_evaluate(standing, &cache->c.send).allowed);
}

/*
 * The planner's support function of consent.permits().  No statistics know what
 * a standing permits.  One half is within a factor of two of every share from a
 * quarter up, and campaigns to fewer than a quarter of all contacts are rare.
 */
PGDLLEXPORT Datum
pg_consent_permits_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (!IsA(request, SupportRequestSelectivity))
		PG_RETURN_POINTER(NULL);
	((SupportRequestSelectivity *) request)->selectivity = 0.5;
	PG_RETURN_POINTER(request);
}

/*
 * consent.ledger_readable(): true, or the error that says why the current user
 * must not draw conclusions from what they see of the ledger.
 */
PGDLLEXPORT Datum
pg_consent_ledger_readable(PG_FUNCTION_ARGS)
{
	consent_ledger_check_readable();
	PG_RETURN_BOOL(true);
}
