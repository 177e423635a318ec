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

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "ledger/judge.h"
#include "ledger/ledger.h"
#include "ledger/vocabulary.h"

PG_FUNCTION_INFO_V1(pg_consent_evaluate);
PG_FUNCTION_INFO_V1(pg_consent_may_send);
PG_FUNCTION_INFO_V1(pg_consent_permits);

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
	ARG_IDENTITY_SHOWN
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
	c->send.pensions_authorised = organisation->pensions_authorised;
	c->policy = organisation->policy;
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

ConsentVerdict
consent_judge(const ConsentCase *c, const ConsentStanding *standing)
{
	if (c->invalid != REASON_NONE)
		return consent_refusal(c->invalid);
	return consent_evaluate(standing, &c->send, c->policy);
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

static ConsentVerdict
judge_call(FunctionCallInfo fcinfo)
{
	ConsentCase c = {0};
	ConsentStanding *standing;
	char	   *organisation;
	char	   *purpose;

	if (PG_ARGISNULL(ARG_CONTACT))
		set_invalid(&c, RECIPIENT_UNKNOWN);
	if (PG_ARGISNULL(ARG_CHANNEL) || PG_ARGISNULL(ARG_CLASS) || PG_ARGISNULL(ARG_AT) ||
		TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(ARG_AT)))
		set_invalid(&c, INPUT_INVALID);
	organisation = PG_ARGISNULL(ARG_ORGANISATION) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(ARG_ORGANISATION));
	consent_case_set_organisation(&c, organisation);
	purpose = PG_ARGISNULL(ARG_PURPOSE) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_PURPOSE));
	consent_case_set_purpose(&c, purpose);
	if (!PG_ARGISNULL(ARG_INSTIGATORS))
		consent_case_set_instigators(&c, PG_GETARG_DATUM(ARG_INSTIGATORS));
	if (c.invalid != REASON_NONE)
		return consent_refusal(c.invalid);

	c.send.channel = consent_channel_from_oid(PG_GETARG_OID(ARG_CHANNEL));
	c.send.class = consent_class_from_oid(PG_GETARG_OID(ARG_CLASS));
	c.send.at = PG_GETARG_TIMESTAMPTZ(ARG_AT);
	/* What is not known to be there is not there. */
	c.send.opt_out_offered = !PG_ARGISNULL(ARG_OPT_OUT_OFFERED) && PG_GETARG_BOOL(ARG_OPT_OUT_OFFERED);
	c.send.identity_shown = !PG_ARGISNULL(ARG_IDENTITY_SHOWN) && PG_GETARG_BOOL(ARG_IDENTITY_SHOWN);

	consent_ledger_check_readable();
	standing = consent_ledger_standing(PG_GETARG_DATUM(ARG_CONTACT),
									   PG_ARGISNULL(ARG_KNOWN_AT) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(ARG_KNOWN_AT),
									   GetActiveSnapshot());
	return consent_judge(&c, standing);
}

PGDLLEXPORT Datum
pg_consent_evaluate(PG_FUNCTION_ARGS)
{
	ConsentVerdict verdict = judge_call(fcinfo);
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	values[0] = BoolGetDatum(verdict.allowed);
	values[1] = CStringGetTextDatum(consent_reason_code(verdict.reason));
	values[2] = values[1];
	nulls[2] = !verdict.allowed;
	values[3] = CStringGetTextDatum(consent_reason_citation(verdict.reason));
	values[4] = Int64GetDatum(verdict.event_id);
	nulls[4] = verdict.event_id == 0;
	values[5] = consent_reasons_array(&verdict);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

PGDLLEXPORT Datum
pg_consent_may_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(judge_call(fcinfo).allowed);
}

/*
 * consent.permits(standing, channel, organisation, purpose, at): the verdict on
 * marketing by a standing in hand.  The names are looked up once per query:
 * within it they are the same for every row in all that matters, and a query
 * that names them by column is told apart by their text.
 */
typedef struct PermitsCache
{
	ConsentCase c;
	Oid			channel;
	text	   *organisation;
	text	   *purpose;
} PermitsCache;

static bool
same_text(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

PGDLLEXPORT Datum
pg_consent_permits(PG_FUNCTION_ARGS)
{
	ConsentStanding *standing = (ConsentStanding *) PG_GETARG_VARLENA_P(0);
	Oid			channel = PG_GETARG_OID(1);
	text	   *organisation = PG_GETARG_TEXT_PP(2);
	text	   *purpose = PG_GETARG_TEXT_PP(3);
	PermitsCache *cache = fcinfo->flinfo->fn_extra;

	if (cache == NULL || cache->channel != channel ||
		!same_text(cache->organisation, organisation) || !same_text(cache->purpose, purpose))
	{
		MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		cache = palloc0(sizeof(PermitsCache));
		cache->channel = channel;
		cache->organisation = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(organisation));
		cache->purpose = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(purpose));
		cache->c.send.channel = consent_channel_from_oid(channel);
		cache->c.send.class = CLASS_DIRECT_MARKETING;
		cache->c.send.opt_out_offered = true;
		cache->c.send.identity_shown = true;
		consent_case_set_organisation(&cache->c, text_to_cstring(organisation));
		consent_case_set_purpose(&cache->c, text_to_cstring(purpose));
		MemoryContextSwitchTo(caller);
		fcinfo->flinfo->fn_extra = cache;
	}
	cache->c.send.at = PG_GETARG_TIMESTAMPTZ(4);
	PG_RETURN_BOOL(consent_judge(&cache->c, standing).allowed);
}
