/*-------------------------------------------------------------------------
 *
 * tally.c
 *	  consent.tally(): verdicts counted by reason, for several sends at once.
 *
 * Millions of standings do not fit into a processor's caches, so reading them
 * costs more than judging them: whoever counts for five channels reads once and
 * judges five times.  No decision is built, only a counter goes up; the same
 * consent_evaluate() decides.
 *
 * The sends and the number of examples are those of the first row: they are
 * meant to be constants of the query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "ledger/judge.h"
#include "ledger/ledger.h"
#include "ledger/sent.h"
#include "module/module.h"
#include "report/verdict.h"

PG_FUNCTION_INFO_V1(pg_consent_tally_add);
PG_FUNCTION_INFO_V1(pg_consent_tally_combine);
PG_FUNCTION_INFO_V1(pg_consent_tally_serialize);
PG_FUNCTION_INFO_V1(pg_consent_tally_deserialize);
PG_FUNCTION_INFO_V1(pg_consent_tally_final);

/* Arguments of consent.tally(), by position; the state is before them. */
enum
{
	ARG_STATE,
	ARG_STANDING,
	ARG_CONTACT,
	ARG_CHANNELS,
	ARG_ORGANISATIONS,
	ARG_PURPOSES,
	ARG_PRODUCT_CATEGORY,
	ARG_CLASS,
	ARG_ANY_CATEGORY,
	ARG_SAMPLES
};

/* So many contacts had this verdict; here are some of them. */
typedef struct Line
{
	int64		contacts;
	int			nexamples;
	struct varlena **examples;
} Line;

typedef struct Tally
{
	int			ncases;
	ConsentCase *cases;			/* NULL where the state came from a worker */
	int			samples;
	bool		any_category;
	Line		lines[FLEXIBLE_ARRAY_MEMBER];	/* by case and reason */
} Tally;

#define LINE(tally, n, reason) (&(tally)->lines[(n) * REASON_COUNT + (reason)])

static Tally *
new_tally(MemoryContext context, int ncases, int samples)
{
	Size		size;
	Tally	   *tally;

	if (ncases > 10000 || samples > 10000)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many sends or examples to count at once"),
				 errdetail("The limit is 10000 of each.")));
	size = offsetof(Tally, lines) + (Size) ncases * REASON_COUNT * sizeof(Line);
	tally = MemoryContextAllocExtended(context, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	tally->ncases = ncases;
	tally->samples = Max(samples, 0);
	return tally;
}

static char *
text_or_null(Datum *values, bool *nulls, int n)
{
	return nulls[n] ? NULL : TextDatumGetCString(values[n]);
}

/* The cases of a query: channels, organisations and purposes go together by position. */
static Tally *
begin(FunctionCallInfo fcinfo, MemoryContext context)
{
	Datum	   *channels,
			   *organisations,
			   *purposes;
	bool	   *no_channel,
			   *no_organisation,
			   *no_purpose;
	int			n,
				norganisations,
				npurposes;
	ArrayType  *array;
	Tally	   *tally;
	char	   *category;
	TimestampTz now = GetCurrentTimestamp();

	if (PG_ARGISNULL(ARG_CHANNELS) || PG_ARGISNULL(ARG_ORGANISATIONS) || PG_ARGISNULL(ARG_PURPOSES))
		return new_tally(context, 0, 0);
	array = PG_GETARG_ARRAYTYPE_P(ARG_CHANNELS);
	deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(Oid), true, TYPALIGN_INT, &channels, &no_channel, &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ARG_ORGANISATIONS), TEXTOID, -1, false, TYPALIGN_INT,
					  &organisations, &no_organisation, &norganisations);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ARG_PURPOSES), TEXTOID, -1, false, TYPALIGN_INT,
					  &purposes, &no_purpose, &npurposes);
	if (norganisations != n || npurposes != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("channels, organisations and purposes must be lists of one length")));

	tally = new_tally(context, n, PG_ARGISNULL(ARG_SAMPLES) ? 0 : PG_GETARG_INT32(ARG_SAMPLES));
	tally->any_category = !PG_ARGISNULL(ARG_ANY_CATEGORY) && PG_GETARG_BOOL(ARG_ANY_CATEGORY);
	tally->cases = palloc0(n * sizeof(ConsentCase));
	category = consent_text_arg(fcinfo, ARG_PRODUCT_CATEGORY);
	for (int i = 0; i < n; i++)
	{
		ConsentCase *c = &tally->cases[i];

		consent_case_set_organisation(c, text_or_null(organisations, no_organisation, i));
		consent_case_set_purpose(c, text_or_null(purposes, no_purpose, i));
		consent_case_set_category(c, category);
		c->send.at = now;
		c->send.opt_out_offered = true;
		c->send.identity_shown = true;
		if (no_channel[i])
			c->invalid = INPUT_INVALID;
		else
			c->send.channel = consent_channel_from_oid(DatumGetObjectId(channels[i]));
		if (!PG_ARGISNULL(ARG_CLASS))
			c->send.class = consent_class_from_oid(PG_GETARG_OID(ARG_CLASS));
		else
			c->send.class = c->send.purposes[0].kind == PURPOSE_SERVICE_OPTIONAL ? CLASS_SERVICE_OPTIONAL : CLASS_DIRECT_MARKETING;
		if (c->invalid == REASON_NONE)
			consent_case_complete(c, DT_NOEND, GetActiveSnapshot());
	}
	return tally;
}

/* What was sent is the same for all sends of one organisation, which come together. */
static ConsentReason
judge(Tally *tally, int n, const ConsentStanding *standing, Datum contact, uint64 form, const ConsentSend **last)
{
	ConsentCase *c = &tally->cases[n];
	ConsentSend *send = &c->send;

	if (c->invalid != REASON_NONE)
		return c->invalid;
	send->form = form;
	if (*last != NULL && (*last)->organisation == send->organisation)
	{
		send->sent = (*last)->sent;
		send->nsent = (*last)->nsent;
	}
	else
		consent_sent_facts(send, standing, contact, DT_NOEND, GetActiveSnapshot());
	*last = send;
	return (tally->any_category ? consent_evaluate_any_category(standing, send) : consent_evaluate(standing, send)).reason;
}

/* In the current memory context, which is the state's. */
static void
add_example(Line *line, int samples, struct varlena *contact)
{
	if (line->examples == NULL)
		line->examples = palloc(samples * sizeof(struct varlena *));
	line->examples[line->nexamples] = palloc(VARSIZE_ANY(contact));
	memcpy(line->examples[line->nexamples++], contact, VARSIZE_ANY(contact));
}

PGDLLEXPORT Datum
pg_consent_tally_add(PG_FUNCTION_ARGS)
{
	MemoryContext aggregate;
	MemoryContext caller;
	Tally	   *tally;
	const ConsentStanding *standing;
	uint64		form;
	const ConsentSend *last = NULL;

	if (!AggCheckCallContext(fcinfo, &aggregate))
		elog(ERROR, "called outside an aggregate");
	if (PG_ARGISNULL(ARG_STATE))
	{
		caller = MemoryContextSwitchTo(aggregate);
		tally = begin(fcinfo, aggregate);
		MemoryContextSwitchTo(caller);
	}
	else
		tally = (Tally *) PG_GETARG_POINTER(ARG_STATE);
	if (PG_ARGISNULL(ARG_STANDING) || PG_ARGISNULL(ARG_CONTACT))
		PG_RETURN_POINTER(tally);

	standing = (const ConsentStanding *) PG_GETARG_VARLENA_P(ARG_STANDING);
	form = consent_ledger_form(PG_GETARG_DATUM(ARG_CONTACT));
	for (int i = 0; i < tally->ncases; i++)
	{
		Line	   *line = LINE(tally, i, judge(tally, i, standing, PG_GETARG_DATUM(ARG_CONTACT), form, &last));

		line->contacts++;
		if (line->nexamples < tally->samples)
		{
			caller = MemoryContextSwitchTo(aggregate);
			add_example(line, tally->samples, PG_GETARG_VARLENA_PP(ARG_CONTACT));
			MemoryContextSwitchTo(caller);
		}
	}
	PG_RETURN_POINTER(tally);
}

PGDLLEXPORT Datum
pg_consent_tally_combine(PG_FUNCTION_ARGS)
{
	MemoryContext aggregate;
	MemoryContext caller;
	Tally	   *into;
	Tally	   *from;

	if (!AggCheckCallContext(fcinfo, &aggregate))
		elog(ERROR, "called outside an aggregate");
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	from = (Tally *) PG_GETARG_POINTER(1);
	into = PG_ARGISNULL(0) ? new_tally(aggregate, from->ncases, from->samples) : (Tally *) PG_GETARG_POINTER(0);
	caller = MemoryContextSwitchTo(aggregate);
	for (int i = 0; i < from->ncases * REASON_COUNT; i++)
	{
		Line	   *line = &into->lines[i];

		line->contacts += from->lines[i].contacts;
		for (int n = 0; n < from->lines[i].nexamples && line->nexamples < into->samples; n++)
			add_example(line, into->samples, from->lines[i].examples[n]);
	}
	MemoryContextSwitchTo(caller);
	PG_RETURN_POINTER(into);
}

PGDLLEXPORT Datum
pg_consent_tally_serialize(PG_FUNCTION_ARGS)
{
	Tally	   *tally = (Tally *) PG_GETARG_POINTER(0);
	StringInfoData out;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "called outside an aggregate");
	pq_begintypsend(&out);
	pq_sendint32(&out, tally->ncases);
	pq_sendint32(&out, tally->samples);
	for (int i = 0; i < tally->ncases * REASON_COUNT; i++)
	{
		Line	   *line = &tally->lines[i];

		pq_sendint64(&out, line->contacts);
		pq_sendint32(&out, line->nexamples);
		for (int n = 0; n < line->nexamples; n++)
		{
			pq_sendint32(&out, VARSIZE_ANY(line->examples[n]));
			pq_sendbytes(&out, (char *) line->examples[n], VARSIZE_ANY(line->examples[n]));
		}
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

PGDLLEXPORT Datum
pg_consent_tally_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *serial = PG_GETARG_BYTEA_PP(0);
	StringInfoData in;
	Tally	   *tally;
	int			ncases;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "called outside an aggregate");
	initStringInfo(&in);
	appendBinaryStringInfo(&in, VARDATA_ANY(serial), VARSIZE_ANY_EXHDR(serial));
	ncases = pq_getmsgint(&in, 4);
	tally = new_tally(CurrentMemoryContext, ncases, pq_getmsgint(&in, 4));
	for (int i = 0; i < ncases * REASON_COUNT; i++)
	{
		Line	   *line = &tally->lines[i];
		int			nexamples;

		line->contacts = pq_getmsgint64(&in);
		nexamples = pq_getmsgint(&in, 4);
		for (int n = 0; n < nexamples; n++)
		{
			int			size = pq_getmsgint(&in, 4);

			/* The bytes may stand unaligned here: they are copied before they are read. */
			struct varlena *contact = palloc(size);

			memcpy(contact, pq_getmsgbytes(&in, size), size);
			if (line->examples == NULL)
				line->examples = palloc(tally->samples * sizeof(struct varlena *));
			line->examples[line->nexamples++] = contact;
		}
	}
	pq_getmsgend(&in);
	PG_RETURN_POINTER(tally);
}

/* An array of consent.tally_line: what was found, case by case. */
PGDLLEXPORT Datum
pg_consent_tally_final(PG_FUNCTION_ARGS)
{
	Tally	   *tally;
	Oid			line_type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	Oid			contact_type = get_fn_expr_argtype(fcinfo->flinfo, ARG_CONTACT);
	TupleDesc	desc;
	Datum	   *lines;
	int			n = 0;
	int16		length;
	bool		by_value;
	char		align;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "called outside an aggregate");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	tally = (Tally *) PG_GETARG_POINTER(0);
	desc = lookup_rowtype_tupdesc_copy(line_type, -1);
	get_typlenbyvalalign(contact_type, &length, &by_value, &align);
	lines = palloc(Max(tally->ncases, 1) * REASON_COUNT * sizeof(Datum));
	for (int i = 0; i < tally->ncases; i++)
	{
		for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
		{
			Line	   *line = LINE(tally, i, reason);
			Datum		values[4];
			bool		nulls[4] = {false};
			Datum	   *examples;

			if (line->contacts == 0)
				continue;
			values[0] = Int32GetDatum(i + 1);
			values[1] = CStringGetTextDatum(consent_reason_code((ConsentReason) reason));
			values[2] = Int64GetDatum(line->contacts);
			examples = palloc(Max(line->nexamples, 1) * sizeof(Datum));
			for (int e = 0; e < line->nexamples; e++)
				examples[e] = PointerGetDatum(line->examples[e]);
			values[3] = PointerGetDatum(construct_array(examples, line->nexamples, contact_type, length, by_value, align));
			lines[n++] = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
		}
	}
	get_typlenbyvalalign(line_type, &length, &by_value, &align);
	PG_RETURN_ARRAYTYPE_P(construct_array(lines, n, line_type, length, by_value, align));
}
