/*-------------------------------------------------------------------------
 *
 * seal.c
 *	  Seals over the ledger, and what they show to be wrong with it.
 *
 * Three things must agree for an event to be intact: its row, with the digest
 * in it; the standing of its address, which lists its number and digest (the
 * link of a contact's events); and the seal that covers it.  Whoever can write
 * to all three can make them agree again, except that a seal that was copied
 * elsewhere cannot be made again: each contains the digest of the one before.
 *
 * The link is a list in order of event id and not a chain.  A chain has the
 * order in which concurrent transactions came to update the address, which a
 * restored dump does not know; the list is the same after a restore, and says
 * which event is missing where a chain only says that one is.
 *
 * What verdicts rest on beside the ledger (consent.fact) is written down when it
 * is first sealed, and compared with what it is: it never changes.
 *
 * Event ids become visible out of order, so a seal covers a set of them and not
 * all up to the last: what commits later falls into a later seal.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "ledger/digest.h"
#include "ledger/ledger.h"
#include "ledger/relation.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_seal);
PG_FUNCTION_INFO_V1(pg_consent_broken_seals);
PG_FUNCTION_INFO_V1(pg_consent_standing_events);

#define RANGES_AT_ONCE 1000
#define EVENTS_AT_ONCE 10000

/* Facts that are new since the last seal get a number among the events. */
static const char facts_query[] =
"INSERT INTO consent.sealed_fact (event_id, relation, key, contents) "
"SELECT pg_catalog.nextval('consent.ledger_event_id'), f.relation, f.key, f.contents FROM "
"(SELECT n.relation, n.key, n.contents FROM consent.fact n WHERE NOT EXISTS (SELECT FROM consent.sealed_fact k "
"WHERE k.relation OPERATOR(pg_catalog.=) n.relation AND k.key OPERATOR(pg_catalog.=) n.key) "
"ORDER BY n.relation, n.key) f";

/* Every range of ids that no seal covers, the last without end. */
static const char gaps_query[] =
"SELECT pg_catalog.lower(g), pg_catalog.upper(g) FROM pg_catalog.unnest('{(,)}'::pg_catalog.int8multirange "
"OPERATOR(pg_catalog.-) COALESCE((SELECT pg_catalog.range_agg(s.covered) FROM consent.seal s), '{}')) g ORDER BY g";

/* The digest is that of the row, so the row is made first. */
static const char seal_query[] =
"INSERT INTO consent.seal "
"SELECT (r).number, (r).sealed_at, (r).sealed_by, (r).events, (r).covered, (r).contents, (r).previous, consent.seal_digest(r) "
"FROM (SELECT ROW(COALESCE(l.number, 0) OPERATOR(pg_catalog.+) 1, pg_catalog.clock_timestamp(), SESSION_USER, "
"$1, $2::pg_catalog.int8multirange, $3, l.digest, NULL)::consent.seal AS r "
"FROM (SELECT) one LEFT JOIN (SELECT s.number, s.digest FROM consent.seal s ORDER BY s.number DESC LIMIT 1) l ON true OFFSET 0) made "
"RETURNING number";

static const char covered_query[] =
"SELECT s.number, s.contents, pg_catalog.lower(c), pg_catalog.upper(c) "
"FROM consent.seal s LEFT JOIN LATERAL pg_catalog.unnest(s.covered) c ON true ORDER BY s.number, c";

/* What seals cover, to be read in order of event id. */
static const char events_query[] =
"SELECT e.event_id, e.digest FROM consent.sealable e "
"WHERE e.event_id OPERATOR(pg_catalog.>=) $1 AND e.event_id OPERATOR(pg_catalog.<) $2 ORDER BY e.event_id";

typedef struct Events
{
	SPIPlanPtr	plan;
	bool		read_only;		/* under the active snapshot */
	Portal		range;
	SPITupleTable *rows;
	uint64		nrows;
	uint64		next;
} Events;

static void
open_events(Events *events, bool read_only)
{
	Oid			types[] = {INT8OID, INT8OID};

	memset(events, 0, sizeof(*events));
	events->read_only = read_only;
	events->plan = SPI_prepare(events_query, 2, types);
	if (events->plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
}

/* Events from "first" to before "end". */
static void
begin_range(Events *events, int64 first, int64 end)
{
	Datum		bounds[] = {Int64GetDatum(first), Int64GetDatum(end)};

	events->range = SPI_cursor_open(NULL, events->plan, bounds, NULL, events->read_only);
	events->rows = NULL;
	events->nrows = events->next = 0;
}

/* The next event's id, its digest being added to the sum; or false. */
static bool
next_event(Events *events, int64 *event_id, pg_cryptohash_ctx *sha)
{
	HeapTuple	row;
	Datum		digest;
	bool		isnull;

	CHECK_FOR_INTERRUPTS();
	if (events->next == events->nrows)
	{
		if (events->rows != NULL)
			SPI_freetuptable(events->rows);
		SPI_cursor_fetch(events->range, true, EVENTS_AT_ONCE);
		events->rows = SPI_tuptable;
		events->nrows = SPI_processed;
		events->next = 0;
		if (events->nrows == 0)
		{
			SPI_freetuptable(events->rows);
			SPI_cursor_close(events->range);
			return false;
		}
	}
	row = events->rows->vals[events->next++];
	*event_id = DatumGetInt64(SPI_getbinval(row, events->rows->tupdesc, 1, &isnull));
	digest = SPI_getbinval(row, events->rows->tupdesc, 2, &isnull);
	if (!isnull)
	{
		bytea	   *bytes = DatumGetByteaPP(digest);

		consent_digest_add(sha, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
		if (bytes != (bytea *) DatumGetPointer(digest))
			pfree(bytes);
	}
	return true;
}

/* The next rows of a cursor, in place of those before. */
static SPITupleTable *
fetch_ranges(Portal cursor, SPITupleTable *before)
{
	SPI_freetuptable(before);
	SPI_cursor_fetch(cursor, true, RANGES_AT_ONCE);
	return SPI_tuptable;
}

static int64
column_int8(SPITupleTable *rows, HeapTuple row, int column, int64 if_null)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, rows->tupdesc, column, &isnull);

	return isnull ? if_null : DatumGetInt64(value);
}

static Portal
open_cursor(const char *query, bool read_only)
{
	return SPI_cursor_open_with_args(NULL, query, 0, NULL, NULL, NULL, read_only, CURSOR_OPT_NO_SCROLL);
}

/* Append to "covered" the runs of events without a hole in this gap, as [1,5],[7,7], and count them. */
static int64
cover_gap(StringInfo covered, Events *events, int64 first, int64 end, pg_cryptohash_ctx *sha)
{
	int64		event_id;
	int64		last = 0;
	int64		count = 0;

	begin_range(events, first, end);
	while (next_event(events, &event_id, sha))
	{
		if (count == 0 || event_id != last + 1)
		{
			if (count > 0)
				appendStringInfo(covered, INT64_FORMAT "],", last);
			appendStringInfo(covered, "[" INT64_FORMAT ",", event_id);
		}
		last = event_id;
		count++;
	}
	if (count > 0)
		appendStringInfo(covered, INT64_FORMAT "],", last);
	return count;
}

/*
 * consent.seal(): one more seal, over every visible event that has none.
 *
 * The lock is held to the end of the transaction, so seals are numbered without
 * holes.  Above READ COMMITTED our snapshot may be older than the lock; a seal
 * that another transaction made since then takes the number that we come to.
 */
PGDLLEXPORT Datum
pg_consent_seal(PG_FUNCTION_ARGS)
{
	Oid			types[] = {INT8OID, TEXTOID, BYTEAOID};
	Datum		values[3];
	int64		count = 0;
	int64		number = 0;
	StringInfoData covered;
	pg_cryptohash_ctx *sha;
	bytea	   *contents;
	Events		events;
	SPITupleTable *ranges;
	Portal		gaps;
	Relation	rel;
	ConsentCaller caller;

	PreventCommandIfReadOnly("consent.seal()");
	rel = table_open(consent_relation("seal"), ShareRowExclusiveLock);

	/* Whoever may seal need not be able to write seals of their own making. */
	caller = consent_become(rel->rd_rel->relowner);
	SPI_connect();
	if (OidIsValid(consent_find_relation("sealed_fact")) &&	/* 0.1.0 had none */
		SPI_execute(facts_query, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "the facts to be sealed could not be written");
	initStringInfo(&covered);
	sha = consent_digest_begin();
	open_events(&events, false);
	gaps = open_cursor(gaps_query, false);
	for (ranges = fetch_ranges(gaps, NULL); ranges->numvals > 0; ranges = fetch_ranges(gaps, ranges))
	{
		for (uint64 i = 0; i < ranges->numvals; i++)
			count += cover_gap(&covered, &events, column_int8(ranges, ranges->vals[i], 1, PG_INT64_MIN),
							   column_int8(ranges, ranges->vals[i], 2, PG_INT64_MAX), sha);
	}
	SPI_cursor_close(gaps);
	contents = consent_digest_end(sha);

	if (count > 0)
	{
		covered.data[--covered.len] = '\0';
		values[0] = Int64GetDatum(count);
		values[1] = CStringGetTextDatum(psprintf("{%s}", covered.data));
		values[2] = PointerGetDatum(contents);
		if (SPI_execute_with_args(seal_query, 3, types, values, NULL, false, 0) != SPI_OK_INSERT_RETURNING ||
			SPI_processed != 1)
			elog(ERROR, "the seal could not be written");
		number = column_int8(SPI_tuptable, SPI_tuptable->vals[0], 1, 0);
	}
	SPI_finish();
	consent_resume(caller);
	table_close(rel, NoLock);

	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(number);
}

/* A seal while its events are read. */
typedef struct OpenSeal
{
	int64		number;
	bytea	   *contents;		/* of the digests of its events, as sealed; NULL: it says nothing */
	pg_cryptohash_ctx *sha;		/* the same as they are; NULL: no seal is open */
	bool		complete;
} OpenSeal;

static void
open_seal(OpenSeal *seal, SPITupleTable *rows, HeapTuple row)
{
	bool		isnull;
	Datum		contents = SPI_getbinval(row, rows->tupdesc, 2, &isnull);

	seal->number = column_int8(rows, row, 1, 0);
	seal->contents = isnull ? NULL : DatumGetByteaPCopy(contents);
	seal->sha = consent_digest_begin();
	seal->complete = true;
}

static void
close_seal(OpenSeal *seal, ReturnSetInfo *result)
{
	bytea	   *found = consent_digest_end(seal->sha);
	Datum		values[2];
	bool		nulls[2] = {true, false};

	seal->sha = NULL;

	/* With an event missing, which is reported, they cannot agree. */
	if (!seal->complete ||
		(seal->contents != NULL && VARSIZE(seal->contents) == VARSIZE(found) &&
		 memcmp(seal->contents, found, VARSIZE(found)) == 0))
		return;
	values[1] = CStringGetTextDatum(psprintf("seal " INT64_FORMAT ": its events are not those that were sealed", seal->number));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* What is wrong with the events of these numbers, from "first" to before "end". */
static void
report_events(OpenSeal *seal, const char *problem, int64 first, int64 end, ReturnSetInfo *result)
{
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (first >= end)
		return;
	seal->complete = false;
	values[1] = CStringGetTextDatum(problem);
	for (int64 event_id = first; event_id < end; event_id++)
	{
		CHECK_FOR_INTERRUPTS();
		values[0] = Int64GetDatum(event_id);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* Read the events of a range that a seal covers. */
static void
check_range(OpenSeal *seal, Events *events, int64 first, int64 end, ReturnSetInfo *result)
{
	const char *missing = psprintf("missing: seal " INT64_FORMAT " covers it", seal->number);
	const char *added = psprintf("added: seal " INT64_FORMAT " covers one of this number", seal->number);
	int64		event_id;

	begin_range(events, first, end);
	while (next_event(events, &event_id, seal->sha))
	{
		if (event_id < first)
			report_events(seal, added, event_id, event_id + 1, result);
		report_events(seal, missing, first, event_id, result);
		first = event_id + 1;
	}
	report_events(seal, missing, first, end, result);
}

/*
 * consent.broken_seals(): sealed events that are missing, or whose number others
 * have too, and seals whose events are all there but not as they were.  It reads
 * everything under the snapshot of the query that calls it, as the rest of
 * verify_ledger() does.
 */
PGDLLEXPORT Datum
pg_consent_broken_seals(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	OpenSeal	seal = {0};
	Events		events;
	SPITupleTable *ranges;
	Portal		covered;

	InitMaterializedSRF(fcinfo, 0);
	consent_ledger_check_readable();

	SPI_connect();
	open_events(&events, true);
	covered = open_cursor(covered_query, true);
	for (ranges = fetch_ranges(covered, NULL); ranges->numvals > 0; ranges = fetch_ranges(covered, ranges))
	{
		for (uint64 i = 0; i < ranges->numvals; i++)
		{
			HeapTuple	row = ranges->vals[i];

			if (seal.sha != NULL && column_int8(ranges, row, 1, 0) != seal.number)
				close_seal(&seal, result);
			if (seal.sha == NULL)
				open_seal(&seal, ranges, row);
			check_range(&seal, &events, column_int8(ranges, row, 3, 0), column_int8(ranges, row, 4, 0), result);
		}
	}
	if (seal.sha != NULL)
		close_seal(&seal, result);
	SPI_cursor_close(covered);
	SPI_finish();
	return (Datum) 0;
}

/* consent.standing_events(standing): the address's own events in it, in order. */
PGDLLEXPORT Datum
pg_consent_standing_events(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	const ConsentStanding *standing;
	const ConsentEntry *entry;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &call->tuple_desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "consent.standing_events() must return rows");
		call->tuple_desc = BlessTupleDesc(call->tuple_desc);
		standing = (ConsentStanding *) PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0));
		call->max_calls = 0;
		foreach_entry(entry, standing)
		{
			if (entry->facts.form != CONSENT_EVERY_FORM)
				call->max_calls++;
		}
		call->user_fctx = (void *) consent_standing_first(standing);
		MemoryContextSwitchTo(caller);
	}

	call = SRF_PERCALL_SETUP();
	if (call->call_cntr < call->max_calls)
	{
		char		digest[VARHDRSZ + CONSENT_FACTS_DIGEST_LEN];
		Datum		values[2];
		bool		nulls[2] = {false, false};

		entry = call->user_fctx;
		while (entry->facts.form == CONSENT_EVERY_FORM)
			entry = consent_standing_next(entry);
		SET_VARSIZE(digest, sizeof(digest));
		memcpy(VARDATA(digest), entry->facts.digest, CONSENT_FACTS_DIGEST_LEN);
		values[0] = Int64GetDatum(entry->facts.event_id);
		values[1] = PointerGetDatum(digest);
		call->user_fctx = (void *) consent_standing_next(entry);
		SRF_RETURN_NEXT(call, HeapTupleGetDatum(heap_form_tuple(call->tuple_desc, values, nulls)));
	}
	SRF_RETURN_DONE(call);
}
