/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  Keeps consent.address_standing up to date with the ledger.
 *
 * consent.ledger_record() hands over each event of a statement, as little of it
 * as a standing keeps; here they are sorted by address, if there are several, those
 * that follow one another about one address as one.  When the statement has
 * stored its rows, a trigger folds what was gathered of each address into one
 * standing and writes them many at a time.  (A transition table copies whole rows,
 * which took as long as all the rest of a bulk load; an AFTER ROW trigger would
 * have every row read back from pages that a COPY has long let go; a hash table of
 * standings meets a cache miss at every turn where rows come in no order.)
 *
 * A BEFORE trigger does not know that its row will be stored.  If it is not:
 *	- after an error, what was gathered goes with the statement's memory;
 *	- ON CONFLICT DO NOTHING has found an event of that number and contact, which
 *	  the standing has already, and a union keeps what it has;
 *	- a trigger of somebody's own that fires later may have left the row out, or
 *	  changed it.  Where there is one, no more than the address is gathered, and
 *	  its events are read when they are stored.
 *
 * Addresses are taken in order, so that two loaders cannot deadlock.  A second
 * transaction that records for the same address waits for the first to end;
 * under REPEATABLE READ and above it then fails with 40001.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "ledger/apply.h"
#include "ledger/erasure.h"
#include "ledger/ledger.h"
#include "ledger/link.h"
#include "ledger/newcomer.h"
#include "ledger/relation.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_ledger_apply);
PG_FUNCTION_INFO_V1(pg_consent_person_link_applied);
PG_FUNCTION_INFO_V1(pg_consent_standing_union);
PG_FUNCTION_INFO_V1(pg_consent_standing_eq);

/* A person with more contacts than that is none. */
#define CONSENT_CROWD 100

/* So many standings are written by one query: enough that it costs nothing to start one. */
#define ADDRESSES_AT_ONCE 5000

/* So many are brought up to date by one: each may read the whole table. */
#define STANDINGS_AT_ONCE 25000

/* From so many on it is worth seeing who is new. */
#define ADDRESSES_OF_A_LOAD 100

/* Columns of consent.address_standing, as standing.sql creates them. */
enum
{
	STANDING_ADDRESS = 1,
	STANDING_PLAIN,
	STANDING_TAGGED,
	STANDING_STANDING,
	Natts_standing = STANDING_STANDING
};

/* What has been gathered of one address. */
typedef struct Gathered
{
	ConsentContact *address;	/* NULL: nothing */
	bool		plain;
	int			ntagged;
	Datum	   *tagged;			/* in order, each once */
	ConsentStanding *standing;	/* NULL: its events are to be read when they are stored */
} Gathered;

/* What a statement that is not over is recording. */
typedef struct Gathering
{
	ConsentStatement statement; /* first */
	dlist_node	node;
	MemoryContext memory;		/* by which it is known, and with which it goes */
	MemoryContext context;
	MemoryContextCallback callback;
	Gathered	last;			/* of the address of the last event */
	MemoryContext of_last;
	TupleTableSlot *slot;		/* a row of consent.address_standing */
	Tuplesortstate *sort;		/* what came before; NULL: nothing */
	uint64		nsorted;
} Gathering;

static dlist_head gatherings = DLIST_STATIC_INIT(gatherings);

/* Every name is qualified but "gathered": the standings of the statement's events. */
static const char apply_query[] =
"INSERT INTO consent.address_standing AS s (address, plain, tagged, standing) "
"SELECT g.address, g.plain, g.tagged, consent.with_others(g.address, g.standing) FROM gathered g "
"ON CONFLICT (address) DO UPDATE SET "
"standing = consent.standing_union(s.standing, excluded.standing), "
"plain = s.plain OR excluded.plain, "
"tagged = CASE WHEN excluded.tagged IS NULL OR s.tagged OPERATOR(pg_catalog.@>) excluded.tagged THEN s.tagged "
"ELSE (SELECT pg_catalog.array_agg(DISTINCT f) FROM pg_catalog.unnest(s.tagged OPERATOR(pg_catalog.||) excluded.tagged) f) END";

static SPIPlanPtr apply_plan = NULL;

/* The other contacts of a person that a "no", or a link, matters to. */
static const char spoken_query[] =
"SELECT DISTINCT o.address FROM pg_catalog.unnest($1) a, consent.linked_addresses(a) o(address) "
"ORDER BY o.address";

static const char linked_query[] =
"SELECT DISTINCT k.address FROM consent.person_link k "
"WHERE k.person OPERATOR(pg_catalog.=) ANY (SELECT r.person FROM recorded r) "
"ORDER BY k.address";

/*
 * Their rows are locked first, by a statement of its own, so that the next one's
 * snapshot sees whatever others have recorded for them.  They are not in one
 * order with the addresses above: two loaders of linked contacts may deadlock,
 * and one is then to try again.
 */
static const char lock_query[] =
"SELECT FROM consent.address_standing s WHERE s.address OPERATOR(pg_catalog.=) ANY ($1) "
"ORDER BY s.address FOR NO KEY UPDATE";

static const char refresh_query[] =
"UPDATE consent.address_standing s SET standing = consent.with_others(s.address, consent.standing_own(s.standing)) "
"WHERE s.address OPERATOR(pg_catalog.=) ANY ($1)";

static const char persons_query[] =
"SELECT DISTINCT r.person FROM recorded r";

static const char crowd_query[] =
"SELECT k.person FROM consent.person_link k "
"WHERE k.person OPERATOR(pg_catalog.=) ANY (SELECT r.person FROM recorded r) "
"GROUP BY k.person HAVING pg_catalog.count(DISTINCT k.address) OPERATOR(pg_catalog.>) $1";

static void
run(const char *query, int expected, int nargs, Oid *types, Datum *values)
{
	int			rc = SPI_execute_with_args(query, nargs, types, values, NULL, false, 0);

	if (rc != expected)
		elog(ERROR, "updating consent.address_standing failed: %s", SPI_result_code_string(rc));
}

/*
 * Bring the standings of some addresses up to date with what others say and with
 * erasures, and tell who watches over messages.  In SPI, as the owner.
 */
void
consent_refresh_standings(Datum *addresses, int n, Oid contact_type)
{
	Oid			types[] = {get_array_type(contact_type)};
	Datum		values[1];

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		consent_ledger_restricted(DatumGetConsentContactPP(addresses[i]));
	values[0] = PointerGetDatum(construct_array(addresses, n, contact_type, -1, false, TYPALIGN_INT));
	run(lock_query, SPI_OK_SELECT, 1, types, values);
	run(refresh_query, SPI_OK_UPDATE, 1, types, values);
}

/* A query on addresses under the latest snapshot, whatever the isolation level. */
static void
run_latest(const char *query, int expected, Oid type, Datum value)
{
	SPIPlanPtr	plan = SPI_prepare(query, 1, &type);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	int			rc;

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	rc = SPI_execute_snapshot(plan, &value, NULL, snapshot, InvalidSnapshot, false, true, 0);
	if (rc != expected)
		elog(ERROR, "updating consent.address_standing failed: %s", SPI_result_code_string(rc));
	UnregisterSnapshot(snapshot);
	SPI_freeplan(plan);
}

static const char free_query[] =
"SELECT s.address FROM consent.address_standing s WHERE s.address OPERATOR(pg_catalog.=) ANY ($1) "
"ORDER BY s.address FOR NO KEY UPDATE SKIP LOCKED";

/*
 * The same at commit, for addresses (ConsentContact *) whose standings were brought
 * up to date before others had committed who recorded or linked at the same time.
 * It may not wait: whoever has a standing locked may be waiting for us.
 */
void
consent_refresh_overtaken(List *addresses)
{
	Relation	standings;
	Oid			contact_type;
	Oid			array_type;
	ConsentCaller caller;
	bool		read_only = XactReadOnly;
	Datum	   *values;
	int			n = 0;
	ListCell   *cell;

	if (addresses == NIL)
		return;
	values = palloc(list_length(addresses) * sizeof(Datum));
	standings = table_open(consent_relation("address_standing"), RowExclusiveLock);
	contact_type = TupleDescAttr(RelationGetDescr(standings), STANDING_ADDRESS - 1)->atttypid;
	array_type = get_array_type(contact_type);
	foreach(cell, addresses)
		values[n++] = PointerGetDatum(lfirst(cell));

	/* SET TRANSACTION READ ONLY binds what comes after it, not us. */
	XactReadOnly = false;
	caller = consent_become(standings->rd_rel->relowner);
	SPI_connect();
	run_latest(free_query, SPI_OK_SELECT, array_type,
			   PointerGetDatum(construct_array(values, n, contact_type, -1, false, TYPALIGN_INT)));
	n = SPI_processed;
	values = palloc(Max(n, 1) * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		values[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	}
	if (n > 0)
		run_latest(refresh_query, SPI_OK_UPDATE, array_type,
				   PointerGetDatum(construct_array(values, n, contact_type, -1, false, TYPALIGN_INT)));
	SPI_finish();
	consent_resume(caller);
	XactReadOnly = read_only;
	table_close(standings, NoLock);
}

/* A batch of them at a time, in order, so that many take no more memory than few. */
static void
refresh_found(const char *query, int nargs, Oid *types, Datum *values)
{
	Portal		found = SPI_cursor_open_with_args(NULL, query, nargs, types, values, NULL, false, 0);
	uint64		n;

	do
	{
		Datum	   *addresses;

		SPI_connect();
		SPI_cursor_fetch(found, true, STANDINGS_AT_ONCE);
		n = SPI_processed;
		addresses = palloc(n * sizeof(Datum));
		for (uint64 i = 0; i < n; i++)
		{
			bool		isnull;

			addresses[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		}
		consent_refresh_standings(addresses, n, SPI_gettypeid(SPI_tuptable->tupdesc, 1));
		SPI_finish();
	} while (n == STANDINGS_AT_ONCE);
	SPI_cursor_close(found);
}

static void
tell_of_persons(void)
{
	Portal		found = SPI_cursor_open_with_args(NULL, persons_query, 0, NULL, NULL, NULL, false, 0);
	uint64		n;

	do
	{
		SPITupleTable *persons;

		SPI_cursor_fetch(found, true, STANDINGS_AT_ONCE);
		persons = SPI_tuptable;
		n = SPI_processed;
		for (uint64 i = 0; i < n && consent_ledger_linked_hook != NULL; i++)
		{
			bool		isnull;
			text	   *person = DatumGetTextPP(SPI_getbinval(persons->vals[i], persons->tupdesc, 1, &isnull));

			consent_ledger_linked_hook(VARDATA_ANY(person), VARSIZE_ANY_EXHDR(person));
		}
		SPI_freetuptable(persons);
	} while (n == STANDINGS_AT_ONCE);
	SPI_cursor_close(found);
}

static ConsentCaller
begin_apply(TriggerData *trigdata, const char *function)
{
	ConsentCaller caller;

	if (trigdata == NULL || !IsA(trigdata, TriggerData) || !TRIGGER_FIRED_AFTER(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigdata->tg_event) || !TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s must be fired after each inserting statement", function)));
	caller = consent_become(trigdata->tg_relation->rd_rel->relowner);
	SPI_connect();
	return caller;
}

/*
 * The statement is over, in whatever way.  The files of a large sort belong to
 * its resource owner and go with that, if they have not gone with the sort.
 */
static void
forget_gathering(void *arg)
{
	dlist_delete(&((Gathering *) arg)->node);
}

static Gathering *
find_gathering(MemoryContext memory)
{
	dlist_iter	iter;

	dlist_foreach(iter, &gatherings)
	{
		Gathering  *gathering = dlist_container(Gathering, node, iter.cur);

		if (gathering->memory == memory)
			return gathering;
	}
	return NULL;
}

static Gathering *
begin_gathering(MemoryContext memory)
{
	MemoryContext context = AllocSetContextCreate(memory, "pg_consent gathered events", ALLOCSET_SMALL_SIZES);
	Gathering  *gathering = MemoryContextAllocZero(context, sizeof(Gathering));

	gathering->memory = memory;
	gathering->context = context;
	gathering->of_last = AllocSetContextCreate(context, "pg_consent gathered address", ALLOCSET_SMALL_SIZES);
	gathering->callback.func = forget_gathering;
	gathering->callback.arg = gathering;
	MemoryContextRegisterResetCallback(context, &gathering->callback);
	dlist_push_head(&gatherings, &gathering->node);
	return gathering;
}

/* The contact may live in what the caller is about to let go: copy it. */
static void
add_tagged(Gathered *gathered, Datum contact)
{
	int			place = 0;

	while (place < gathered->ntagged)
	{
		int			order = consent_contact_compare(DatumGetConsentContactPP(gathered->tagged[place]),
													DatumGetConsentContactPP(contact));

		if (order == 0)
			return;
		if (order > 0)
			break;
		place++;
	}
	gathered->tagged = gathered->tagged ? repalloc(gathered->tagged, (gathered->ntagged + 1) * sizeof(Datum)) : palloc(sizeof(Datum));
	memmove(&gathered->tagged[place + 1], &gathered->tagged[place], (gathered->ntagged - place) * sizeof(Datum));
	gathered->tagged[place] = datumCopy(contact, false, -1);
	gathered->ntagged++;
}

/* As a row of consent.address_standing. */
static void
gathered_row(const Gathered *gathered, Oid contact_type, Datum *values, bool *nulls)
{
	values[STANDING_ADDRESS - 1] = PointerGetDatum(gathered->address);
	values[STANDING_PLAIN - 1] = BoolGetDatum(gathered->plain);
	values[STANDING_TAGGED - 1] = gathered->ntagged == 0 ? (Datum) 0 :
		PointerGetDatum(construct_array(gathered->tagged, gathered->ntagged, contact_type, -1, false, TYPALIGN_INT));
	values[STANDING_STANDING - 1] = PointerGetDatum(gathered->standing);
	nulls[STANDING_ADDRESS - 1] = false;
	nulls[STANDING_PLAIN - 1] = false;
	nulls[STANDING_TAGGED - 1] = gathered->ntagged == 0;
	nulls[STANDING_STANDING - 1] = gathered->standing == NULL;
}

/* What is known of the last event's address goes to the sort. */
static void
sort_last(Gathering *gathering)
{
	TupleTableSlot *slot = gathering->slot;
	MemoryContext caller = MemoryContextSwitchTo(gathering->context);
	Oid			contact_type;

	if (gathering->sort == NULL)
	{
		Relation	standings = table_open(consent_relation("address_standing"), AccessShareLock);
		AttrNumber	column = STANDING_ADDRESS;
		Oid			operator;
		Oid			collation = InvalidOid;
		bool		nulls_first = false;

		slot = gathering->slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(RelationGetDescr(standings)), &TTSOpsVirtual);
		operator = lookup_type_cache(TupleDescAttr(slot->tts_tupleDescriptor, STANDING_ADDRESS - 1)->atttypid, TYPECACHE_LT_OPR)->lt_opr;
		gathering->sort = tuplesort_begin_heap(slot->tts_tupleDescriptor, 1, &column, &operator, &collation, &nulls_first,
											   work_mem, NULL, TUPLESORT_NONE);
		table_close(standings, AccessShareLock);
	}
	MemoryContextSwitchTo(gathering->of_last);
	contact_type = TupleDescAttr(slot->tts_tupleDescriptor, STANDING_ADDRESS - 1)->atttypid;
	ExecClearTuple(slot);
	gathered_row(&gathering->last, contact_type, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(gathering->sort, slot);
	gathering->nsorted++;
	ExecClearTuple(slot);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(gathering->of_last);
	gathering->last.address = NULL;
}

/* The statement whose memory, that of its triggers, is given.  A row must be gathered then. */
ConsentStatement *
consent_statement(MemoryContext memory)
{
	Gathering  *gathering = find_gathering(memory);

	return &(gathering ? gathering : begin_gathering(memory))->statement;
}

/* A row is about to be stored, as it stands or perhaps otherwise. */
void
consent_gather(ConsentStatement *statement, const Datum *values, const bool *nulls,
			   const ConsentEventWords *words, bool as_it_stands)
{
	Gathering  *gathering = (Gathering *) statement;
	Datum		contact = values[Anum_ledger_contact - 1];
	ConsentContact *address = DatumGetConsentContactPP(values[Anum_ledger_address - 1]);
	Gathered   *last = &gathering->last;
	ConsentEvent event;
	MemoryContext caller;

	if (as_it_stands)
		consent_ledger_event_of(&event, values, nulls, words);
	if (last->address != NULL && consent_contact_compare(last->address, address) != 0)
		sort_last(gathering);

	caller = MemoryContextSwitchTo(gathering->of_last);
	if (last->address == NULL)
		*last = (Gathered) {
			.address = (ConsentContact *) DatumGetPointer(datumCopy(PointerGetDatum(address), false, -1)),
			.standing = as_it_stands ? consent_standing_empty() : NULL,
		};
	if (consent_contact_compare(DatumGetConsentContactPP(contact), address) == 0)
		last->plain = true;
	else
		add_tagged(last, contact);
	if (!as_it_stands)
		last->standing = NULL;
	else if (last->standing != NULL)
		last->standing = consent_fold(last->standing, &event);
	MemoryContextSwitchTo(caller);
}

/* What a row of the sort says of an address. */
static void
join_row(Gathered *gathered, TupleTableSlot *slot, Oid contact_type)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, STANDING_STANDING, &isnull);

	if (isnull)
		gathered->standing = NULL;
	else if (gathered->standing != NULL)
		gathered->standing = consent_standing_union(gathered->standing, (ConsentStanding *) PG_DETOAST_DATUM(value));
	gathered->plain |= DatumGetBool(slot_getattr(slot, STANDING_PLAIN, &isnull));
	value = slot_getattr(slot, STANDING_TAGGED, &isnull);
	if (!isnull)
	{
		Datum	   *tagged;
		int			ntagged;

		deconstruct_array(DatumGetArrayTypeP(value), contact_type, -1, false, TYPALIGN_INT, &tagged, NULL, &ntagged);
		for (int i = 0; i < ntagged; i++)
			add_tagged(gathered, tagged[i]);
	}
}

/*
 * The next address, the first row of which is in the slot; leave there the first of
 * the one after that, or return false.
 */
static bool
next_gathered(Gathering *gathering, TupleTableSlot *slot, Oid contact_type, Gathered *gathered)
{
	bool		isnull;
	bool		more;

	memset(gathered, 0, sizeof(*gathered));
	gathered->address = (ConsentContact *) DatumGetPointer(datumCopy(slot_getattr(slot, STANDING_ADDRESS, &isnull), false, -1));
	gathered->standing = consent_standing_empty();
	do
	{
		CHECK_FOR_INTERRUPTS();
		join_row(gathered, slot, contact_type);
		more = tuplesort_gettupleslot(gathering->sort, true, false, slot, NULL);
	} while (more && consent_contact_compare(DatumGetConsentContactPP(slot_getattr(slot, STANDING_ADDRESS, &isnull)),
											 gathered->address) == 0);
	return more;
}

/* Write the standings of a batch of addresses. */
static void
write_standings(EphemeralNamedRelation gathered, Tuplestorestate *standings, uint64 n)
{
	int			rc;

	gathered->reldata = standings;
	gathered->md.enrtuples = n;
	if (apply_plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(apply_query, 0, NULL);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
		apply_plan = plan;
	}
	rc = SPI_execute_plan(apply_plan, NULL, NULL, false, 0);
	if (rc != SPI_OK_INSERT)
		elog(ERROR, "updating consent.address_standing failed: %s", SPI_result_code_string(rc));
}

/* What was gathered, on its way into the table. */
typedef struct Application
{
	Gathering  *gathering;
	Relation	standings;
	Oid			contact_type;
	TupleTableSlot *slot;		/* the first row of the next address, where there was a sort */
	bool		more;
	bool		linked;			/* is anybody? */
	ArrayBuildState *spoken;	/* addresses that matter to others; NULL: none */
} Application;

/* The next addresses, as rows to be written by ON CONFLICT; returns how many.  Who is new is written here. */
static uint64
fill_batch(Application *a, Tuplestorestate *store, MemoryContext query)
{
	Gathering  *gathering = a->gathering;
	ConsentNewcomers *newcomers = NULL;
	uint64		n = 0;

	if (gathering->nsorted >= ADDRESSES_OF_A_LOAD && !a->linked && !consent_has_erasures())
		newcomers = consent_newcomers_begin(a->standings, store);
	for (int i = 0; a->more && i < ADDRESSES_AT_ONCE; i++)
	{
		Gathered	gathered;
		Datum		values[Natts_standing];
		bool		nulls[Natts_standing];

		if (gathering->sort != NULL)
			a->more = next_gathered(gathering, a->slot, a->contact_type, &gathered);
		else
		{
			gathered = gathering->last;
			a->more = false;
		}
		if (gathered.standing == NULL)
			gathered.standing = consent_ledger_own_standing(gathered.address, GetLatestSnapshot());
		if (gathered.standing->nentries == 0)
			continue;			/* somebody's own trigger has left it out */
		gathered_row(&gathered, a->contact_type, values, nulls);
		if (a->linked && consent_standing_is_personal(gathered.standing))
			a->spoken = accumArrayResult(a->spoken, values[STANDING_ADDRESS - 1], false, a->contact_type, query);
		if (newcomers != NULL && consent_newcomers_add(newcomers, values, nulls))
			continue;
		tuplestore_putvalues(store, RelationGetDescr(a->standings), values, nulls);
		n++;
	}
	return newcomers ? n + consent_newcomers_end(newcomers) : n;
}

/*
 * Bring the standings up to date with what was gathered.  In SPI, as the owner.
 */
static void
apply_gathered(Gathering *gathering)
{
	Relation	standings = table_open(consent_relation("address_standing"), RowExclusiveLock);
	EphemeralNamedRelation ours = palloc0(sizeof(EphemeralNamedRelationData));
	MemoryContext batch = AllocSetContextCreate(CurrentMemoryContext, "pg_consent standings", ALLOCSET_DEFAULT_SIZES);
	Application a = {
		.gathering = gathering,
		.standings = standings,
		.contact_type = TupleDescAttr(RelationGetDescr(standings), STANDING_ADDRESS - 1)->atttypid,
		.slot = MakeSingleTupleTableSlot(RelationGetDescr(standings), &TTSOpsMinimalTuple),
		.more = true,
		.linked = consent_has_links(),
	};
	int			rc;

	ours->md.name = "gathered";
	ours->md.reliddesc = RelationGetRelid(standings);
	ours->md.enrtype = ENR_NAMED_TUPLESTORE;
	rc = SPI_register_relation(ours);
	if (rc != SPI_OK_REL_REGISTER)
		elog(ERROR, "SPI_register_relation failed: %s", SPI_result_code_string(rc));

	CommandCounterIncrement();	/* what the statement has stored can be read */
	if (gathering->sort != NULL)
	{
		sort_last(gathering);
		tuplesort_performsort(gathering->sort);
		a.more = tuplesort_gettupleslot(gathering->sort, true, false, a.slot, NULL);
	}
	while (a.more)
	{
		Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
		MemoryContext query = MemoryContextSwitchTo(batch);
		uint64		n = fill_batch(&a, store, query);

		MemoryContextSwitchTo(query);
		if (n > 0)
			write_standings(ours, store, n);
		tuplestore_end(store);
		MemoryContextReset(batch);
	}
	ExecDropSingleTupleTableSlot(a.slot);
	if (gathering->sort != NULL)
		tuplesort_end(gathering->sort);
	MemoryContextDelete(gathering->context);
	SPI_unregister_relation("gathered");
	table_close(standings, NoLock);

	if (a.spoken != NULL)
	{
		Datum		values[] = {makeArrayResult(a.spoken, CurrentMemoryContext)};
		Oid			types[] = {get_array_type(a.contact_type)};

		refresh_found(spoken_query, 1, types, values);
	}
}

PGDLLEXPORT Datum
pg_consent_ledger_apply(PG_FUNCTION_ARGS)
{
	ConsentCaller caller = begin_apply((TriggerData *) fcinfo->context, "consent.ledger_apply()");
	Gathering  *gathering = find_gathering(fcinfo->flinfo->fn_mcxt);

	if (gathering != NULL)
		apply_gathered(gathering);
	SPI_finish();
	consent_resume(caller);
	return PointerGetDatum(NULL);
}

/* consent.person_link_applied() */
PGDLLEXPORT Datum
pg_consent_person_link_applied(PG_FUNCTION_ARGS)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(CONSENT_CROWD)};
	ConsentCaller caller = begin_apply((TriggerData *) fcinfo->context, "consent.person_link_applied()");
	int			rc = SPI_register_trigger_data((TriggerData *) fcinfo->context);

	if (rc != SPI_OK_TD_REGISTER)
		elog(ERROR, "SPI_register_trigger_data failed: %s", SPI_result_code_string(rc));
	refresh_found(linked_query, 0, NULL, NULL);
	tell_of_persons();
	if (SPI_execute_with_args(crowd_query, 1, types, values, NULL, false, 1) != SPI_OK_SELECT || SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a person has more than %d contacts", CONSENT_CROWD),
				 errhint("Is the column that identifies a person the right one?")));
	SPI_finish();
	consent_resume(caller);
	return PointerGetDatum(NULL);
}

PGDLLEXPORT Datum
pg_consent_standing_union(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(consent_standing_union((ConsentStanding *) PG_GETARG_VARLENA_P(0),
											 (ConsentStanding *) PG_GETARG_VARLENA_P(1)));
}

/* Padding is always zero, so equal standings are equal bytes. */
PGDLLEXPORT Datum
pg_consent_standing_eq(PG_FUNCTION_ARGS)
{
	struct varlena *a = PG_GETARG_VARLENA_P(0);
	struct varlena *b = PG_GETARG_VARLENA_P(1);

	PG_RETURN_BOOL(VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0);
}
