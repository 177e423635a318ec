/*-------------------------------------------------------------------------
 *
 * filter.c
 *	  Tells, mostly without reading anything, that nothing is on record of an
 *	  address: a Bloom filter in shared memory.
 *
 * Of most recipients of a campaign under an opt-out law nothing is on record, and
 * to learn that from the ledger's index costs more than all the rest of a
 * verdict.  The filter holds a few bits for every address that the ledger, a
 * link or an erasure knows, all in one cache line.  If one of an address's bits
 * is missing, nothing is on record of it; if all are there, something may be,
 * and the ledger is read.  So it can be wrong in one direction only, and these
 * are the reasons why:
 *
 *	- Bits are set before the row is stored, by the BEFORE ROW trigger that every
 *	  way into those tables fires (COPY, a part written directly, a subscription's
 *	  apply worker, a restore; all are ENABLE ALWAYS).  So they are there before
 *	  the row can commit, and whoever has a snapshot that sees the row sees the
 *	  bits.  Bits set after the commit would be too late: a verdict in between
 *	  would let a message through that the gate need not look at again.
 *	- Bits are never cleared.  What is rolled back or erased leaves them behind
 *	  until the server is restarted.
 *	- Absence counts only in a database whose tables have been read into the
 *	  filter since the server started.  Who reads them sees rows of transactions
 *	  in progress too, for a prepared one may be older than the filter; rows
 *	  that come in behind the reader's back set their own bits.
 *	- And only while the tables and their triggers are the ones that were there
 *	  then: whoever disables a trigger, writes, and enables it again, or attaches
 *	  a part, leaves traces in the catalogs.  Those are compared (fingerprint()),
 *	  and if they differ the tables are read again.
 *	- It is empty after a start or a crash, and it is not used on a standby, whose
 *	  tables change without us.
 *
 * Shared memory takes shared_preload_libraries = 'pg_consent'; without that every
 * verdict reads the ledger.  All databases share one filter: the database is part
 * of what is hashed.  The tables are read by a background worker, which the first
 * verdict that could have used the filter asks for.
 *
 * It holds nothing that tells an address: not even whether one is there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "postmaster/bgworker.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "ledger/digest.h"
#include "ledger/erasure.h"
#include "ledger/filter.h"
#include "ledger/ledger.h"
#include "ledger/vocabulary.h"
#include "module/compat.h"
#include "module/module.h"
#include "module/shmem.h"

PG_FUNCTION_INFO_V1(pg_consent_filter_recorded);
PG_FUNCTION_INFO_V1(pg_consent_fill_filter);
PG_FUNCTION_INFO_V1(pg_consent_filter_state);

/* A block is a cache line: all bits of an address lie in one. */
#define WORDS_PER_BLOCK 8
#define BITS_PER_ADDRESS 6

/* Databases that the filter can be filled for; in others it is not used. */
#define MAX_DATABASES 64

/* A worker that was asked for and has not come is asked for again. */
#define PATIENCE_MS (30 * 1000)

/* What a hash is of, so that no two things are taken for one another. */
typedef enum FilterDomain
{
	DOMAIN_ADDRESS = 1,
	DOMAIN_LINK,				/* of an address to a person */
	DOMAIN_ERASURE,				/* of an address, by its keyed digest */
	DOMAIN_ANY_ERASURE			/* has anybody been erased at all? */
} FilterDomain;

/* A database whose tables have been read. */
typedef struct FilledDatabase
{
	Oid			database;
	uint64		fingerprint;	/* of what was read; 0: nothing yet */
	TimestampTz filled_at;
	TimestampTz asked_at;		/* for a worker */
} FilledDatabase;

typedef struct Filter
{
	LWLock	   *lock;			/* for all but the words */
	int			ndatabases;
	FilledDatabase databases[MAX_DATABASES];
	uint64		nblocks;
} Filter;

/* In kB; 0: none. */
static int	filter_size = 16 * 1024;

/* NULL where the library was not preloaded, or the size is 0. */
static Filter *filter = NULL;
static pg_atomic_uint64 *words = NULL;

/* Bumped by callbacks: what a fingerprint was taken of may have changed. */
static uint64 changes = 1;

/* What this backend knows about its database: at which count of changes, which filling. */
static uint64 checked_changes = 0;
static TimestampTz checked_filling = 0;
static bool checked_good = false;

/* The relations of the last fingerprint. */
static Oid *watched = NULL;
static int	nwatched = 0;
static int	watchable = 0;		/* there is room for */

PGDLLEXPORT void pg_consent_filter_worker(Datum database);

static Size
words_size(void)
{
	return (Size) filter_size * 1024;
}

static Size
filter_bytes(void)
{
	return filter_size == 0 ? 0 : MAXALIGN(sizeof(Filter)) + words_size() + PG_CACHE_LINE_SIZE;
}

static void
start_filter(LWLock *lock)
{
	bool		found;

	filter = ShmemInitStruct("pg_consent filter", filter_bytes(), &found);
	words = (pg_atomic_uint64 *) TYPEALIGN(PG_CACHE_LINE_SIZE, (char *) filter + MAXALIGN(sizeof(Filter)));
	if (!found)
	{
		memset(filter, 0, sizeof(Filter));
		filter->lock = lock;
		filter->nblocks = words_size() / (WORDS_PER_BLOCK * sizeof(uint64));
		for (uint64 i = 0; i < filter->nblocks * WORDS_PER_BLOCK; i++)
			pg_atomic_init_u64(&words[i], 0);
	}
}

/* Only mark: this runs in the middle of anything. */
static void
relation_changed(Datum arg, Oid relid)
{
	if (relid == InvalidOid || nwatched == 0)
		changes++;
	for (int i = 0; i < nwatched; i++)
	{
		if (watched[i] == relid)
			changes++;
	}
}

void
consent_filter_init(void)
{
	static const ConsentShmemPart part = {"pg_consent filter", filter_bytes, start_filter};

	if (!process_shared_preload_libraries_in_progress)
		return;
	DefineCustomIntVariable("pg_consent.filter_size",
							"Shared memory by which a guard knows that nothing is on record of an address.",
							"About 13 bits for every address are enough; 0: none.",
							&filter_size,
							16 * 1024, 0, MAX_KILOBYTES / 2,
							PGC_POSTMASTER, GUC_UNIT_KB,
							NULL, NULL, NULL);
	consent_shmem_add(&part);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
}

/* Every bit of the result depends on every bit of the value, and no two collide. */
static uint64
scramble(uint64 value)
{
	value ^= value >> 30;
	value *= UINT64CONST(0xBF58476D1CE4E5B9);
	value ^= value >> 27;
	value *= UINT64CONST(0x94D049BB133111EB);
	return value ^ value >> 31;
}

/*
 * Where the bits of something are: which block, and BITS_PER_ADDRESS nine-bit
 * places in it.  All that is to be known of one key lies in the same block.
 */
static uint64
place(FilterDomain domain, uint64 key, uint64 *bits)
{
	static uint64 database = 0;
	uint64		hash;

	if (database == 0)
		database = scramble(MyDatabaseId);
	hash = scramble(key ^ database);
	*bits = scramble(hash + domain);
	return (hash >> 32) * filter->nblocks >> 32;
}

ConsentFilterPlace
consent_filter_place(uint64 key)
{
	ConsentFilterPlace found = {0};

	if (filter != NULL)
		found.block = place(DOMAIN_ADDRESS, key, &found.bits);
	return found;
}

void
consent_filter_prefetch(const ConsentFilterPlace *place)
{
#ifdef __GNUC__
	if (filter != NULL)
		__builtin_prefetch(&words[place->block * WORDS_PER_BLOCK]);
#endif
}

static bool
holds_at(uint64 place, uint64 bits)
{
	pg_atomic_uint64 *block = &words[place * WORDS_PER_BLOCK];

	for (int i = 0; i < BITS_PER_ADDRESS; i++, bits >>= 9)
	{
		if ((pg_atomic_read_u64(&block[(bits >> 6) & 7]) & (UINT64CONST(1) << (bits & 63))) == 0)
			return false;
	}
	return true;
}

static bool
holds(FilterDomain domain, uint64 key)
{
	uint64		bits;
	uint64		at = place(domain, key, &bits);

	return holds_at(at, bits);
}

static void
add(FilterDomain domain, uint64 key)
{
	uint64		bits;
	pg_atomic_uint64 *block = &words[place(domain, key, &bits) * WORDS_PER_BLOCK];

	for (int i = 0; i < BITS_PER_ADDRESS; i++, bits >>= 9)
	{
		pg_atomic_uint64 *word = &block[(bits >> 6) & 7];
		uint64		bit = UINT64CONST(1) << (bits & 63);

		if ((pg_atomic_read_u64(word) & bit) == 0)
			pg_atomic_fetch_or_u64(word, bit);
	}
}

void
consent_filter_add(const ConsentContact *contact)
{
	if (filter != NULL)
		add(DOMAIN_ADDRESS, consent_contact_root_hash(contact, 0));
}

void
consent_filter_add_link(const ConsentContact *contact)
{
	uint64		key = consent_contact_root_hash(contact, 0);

	if (filter == NULL)
		return;
	add(DOMAIN_ADDRESS, key);
	add(DOMAIN_LINK, key);
}

static uint64
digest_key(const uint8 *digest)
{
	uint64		key;

	memcpy(&key, digest, sizeof(key));
	return key;
}

void
consent_filter_add_erasure(const uint8 *digest)
{
	if (filter == NULL)
		return;
	add(DOMAIN_ANY_ERASURE, 0);
	add(DOMAIN_ERASURE, digest_key(digest));
}

/*
 * consent.filter_recorded(): BEFORE ROW trigger of the tables that
 * consent.ledger_record() is not for.
 */
PGDLLEXPORT Datum
pg_consent_filter_recorded(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	HeapTuple	tuple;
	int			contact;
	bool		isnull;
	Datum		value;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) || TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.filter_recorded() must be fired before each row is stored")));
	desc = RelationGetDescr(trigdata->tg_relation);
	tuple = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ? trigdata->tg_newtuple : trigdata->tg_trigtuple;
	contact = SPI_fnumber(desc, "contact");
	value = heap_getattr(tuple, contact > 0 ? contact : SPI_fnumber(desc, "address_digest"), desc, &isnull);
	if (!isnull && contact > 0)
		consent_filter_add_link(DatumGetConsentContactPP(value));
	else if (!isnull)
		consent_filter_add_erasure((uint8 *) VARDATA_ANY(DatumGetByteaPP(value)));
	return PointerGetDatum(tuple);
}

static uint64
mix(uint64 hash, uint64 value)
{
	return scramble(hash ^ scramble(value + 1));
}

/* Which transaction made this row of a catalog; updates in place leave it. */
static uint64
maker(HeapTuple tuple)
{
	return HeapTupleHeaderGetRawXmin(tuple->t_data);
}

/*
 * A table and its triggers, as the catalogs have them; 0 if it does not tell the
 * filter of every row.
 */
static uint64
table_fingerprint(Oid relid, const char *recorder)
{
	Oid			function = LookupFuncName(list_make2(makeString("consent"), makeString(pstrdup(recorder))), 0, NULL, true);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	uint64		hash = relid;
	bool		tells = false;
	Relation	triggers;
	ScanKeyData key;
	SysScanDesc scan;

	if (!HeapTupleIsValid(tuple))
		return 0;
	tells = ((Form_pg_class) GETSTRUCT(tuple))->relkind == RELKIND_RELATION;
	hash = mix(hash, maker(tuple));
	hash = mix(hash, ((Form_pg_class) GETSTRUCT(tuple))->relfilenode);
	ReleaseSysCache(tuple);
	if (!tells)
		return 0;

	tells = false;
	triggers = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);

		hash = mix(hash, trigger->oid);
		hash = mix(hash, maker(tuple));
		tells = tells || (trigger->tgfoid == function && OidIsValid(function) &&
						  trigger->tgenabled == TRIGGER_FIRES_ALWAYS &&
						  TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_BEFORE(trigger->tgtype) &&
						  TRIGGER_FOR_INSERT(trigger->tgtype) &&
						  heap_attisnull(tuple, Anum_pg_trigger_tgqual, RelationGetDescr(triggers)));
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	return tells ? hash : 0;
}

/*
 * Has the ledger all its parts?  What lies in one that was detached is not known:
 * a verdict on its addresses is an error, and the filter must not answer first.
 */
static bool
is_whole(Oid ledger)
{
	Relation	rel = table_open(ledger, AccessShareLock);
	PartitionDesc parts = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? RelationGetPartitionDesc(rel, true) : NULL;
	bool		whole = parts != NULL && parts->nparts > 0;

	for (int i = 0; whole && i < parts->boundinfo->nindexes; i++)
		whole = parts->boundinfo->indexes[i] >= 0;
	table_close(rel, AccessShareLock);
	return whole;
}

/* The tables that hold what a verdict is made by: the parts of the ledger, then the others. */
static List *
tables(int *nparts)
{
	Oid			nsp = get_namespace_oid("consent", true);
	Oid			ledger = OidIsValid(nsp) ? get_relname_relid("ledger", nsp) : InvalidOid;
	List	   *parts = OidIsValid(ledger) && is_whole(ledger) ? find_inheritance_children(ledger, AccessShareLock) : NIL;

	*nparts = list_length(parts);
	if (parts == NIL)
		return NIL;
	return lappend_oid(lappend_oid(parts, get_relname_relid("person_link", nsp)),
					   get_relname_relid("erasure", nsp));
}

/* All of them; 0 if something is not as the filter needs it. */
static uint64
fingerprint(void)
{
	int			nparts;
	List	   *relids = tables(&nparts);
	int			n = 0;
	uint64		hash = 1;
	ListCell   *cell;

	nwatched = 0;
	if (list_length(relids) > watchable)
	{
		if (watched != NULL)
			pfree(watched);
		watched = NULL;
		watched = MemoryContextAlloc(TopMemoryContext, list_length(relids) * sizeof(Oid));
		watchable = list_length(relids);
	}
	foreach(cell, relids)
		watched[nwatched++] = lfirst_oid(cell);
	foreach(cell, relids)
	{
		uint64		of_table = table_fingerprint(lfirst_oid(cell), n++ < nparts ? "ledger_record" : "filter_recorded");

		if (of_table == 0)
			return 0;
		hash = mix(hash, of_table);
	}
	return n > 0 ? hash | 1 : 0;
}

/* Ours, made if wanted; NULL if there is none, or no room.  Under the lock. */
static FilledDatabase *
our_database(bool make)
{
	for (int i = 0; i < filter->ndatabases; i++)
	{
		if (filter->databases[i].database == MyDatabaseId)
			return &filter->databases[i];
	}
	if (!make || filter->ndatabases == MAX_DATABASES)
		return NULL;
	filter->databases[filter->ndatabases] = (FilledDatabase) {.database = MyDatabaseId};
	return &filter->databases[filter->ndatabases++];
}

static void
ask_for_worker(void)
{
	BackgroundWorker worker = {0};
	TimestampTz now = GetCurrentTimestamp();
	FilledDatabase *ours;
	bool		wanted = false;

	LWLockAcquire(filter->lock, LW_EXCLUSIVE);
	ours = our_database(true);
	if (ours != NULL && (ours->asked_at == 0 || TimestampDifferenceExceeds(ours->asked_at, now, PATIENCE_MS)))
	{
		ours->asked_at = now;
		wanted = true;
	}
	LWLockRelease(filter->lock);
	if (!wanted)
		return;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "pg_consent", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "pg_consent_filter_worker", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "pg_consent filter", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "pg_consent filter", sizeof(worker.bgw_type));
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);

	/* No free slot: somebody asks again later. */
	(void) RegisterDynamicBackgroundWorker(&worker, NULL);
}

/* Does absence from the filter mean anything, as far as we have been told of changes? */
static bool
is_filled(void)
{
	FilledDatabase ours = {0};
	FilledDatabase *found;

	if (likely(checked_good && checked_changes == changes))
		return true;
	if (RecoveryInProgress())
		return false;
	LWLockAcquire(filter->lock, LW_SHARED);
	found = our_database(false);
	if (found != NULL)
		ours = *found;
	LWLockRelease(filter->lock);

	if (ours.fingerprint != 0 && (checked_changes != changes || checked_filling != ours.filled_at))
	{
		uint64		before = changes;

		checked_good = fingerprint() == ours.fingerprint;
		checked_filling = ours.filled_at;
		checked_changes = before;
	}
	if (ours.fingerprint == 0 || checked_changes != changes)
		checked_good = false;
	if (!checked_good)
		ask_for_worker();
	return checked_good;
}

/*
 * Where anybody has been erased, the address may be one of those; what is left
 * of them is a digest under a key.
 */
static bool
may_be_erased(const ConsentContact *contact)
{
	static uint64 any_at = 0;
	static uint64 any_bits = 0;
	uint8		digest[CONSENT_DIGEST_LEN];

	if (any_bits == 0)
		any_at = place(DOMAIN_ANY_ERASURE, 0, &any_bits);
	if (!holds_at(any_at, any_bits))
		return false;
	return !consent_erasure_digest(contact, digest) || holds(DOMAIN_ERASURE, digest_key(digest));
}

bool
consent_filter_rules_out_erasure(const ConsentContact *root)
{
	/* It is locks that bring in the news of other sessions' changes. */
	AcceptInvalidationMessages();
	return filter != NULL && is_filled() && !may_be_erased(root);
}

bool
consent_filter_rules_out_links(uint64 key)
{
	return filter != NULL && is_filled() && !holds(DOMAIN_LINK, key);
}

bool
consent_filter_rules_out(const ConsentContact *contact, const ConsentFilterPlace *place)
{
	if (filter == NULL || !is_filled())
		return false;
	return !holds_at(place->block, place->bits) && !may_be_erased(contact);
}

/* What a row of the tables tells of. */
typedef enum Recorded
{
	RECORDED_EVENT,
	RECORDED_LINK,
	RECORDED_ERASURE
} Recorded;

/* Read a table into the filter: rows of transactions in progress too. */
static int64
read_table(Oid relid, Recorded recorded)
{
	Relation	rel = table_open(relid, AccessShareLock);
	int			attnum = get_attnum(relid, recorded == RECORDED_ERASURE ? "address_digest" : "contact");
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext, "pg_consent filter", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(per_row);
	SnapshotData dirty;
	TableScanDesc scan;
	int64		n = 0;

	InitDirtySnapshot(dirty);
	MemoryContextSwitchTo(caller);
	scan = table_beginscan(rel, &dirty, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, attnum, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (isnull)
			continue;
		MemoryContextSwitchTo(per_row);
		switch (recorded)
		{
			case RECORDED_EVENT:
				consent_filter_add(DatumGetConsentContactPP(value));
				break;
			case RECORDED_LINK:
				consent_filter_add_link(DatumGetConsentContactPP(value));
				break;
			case RECORDED_ERASURE:
				consent_filter_add_erasure((uint8 *) VARDATA_ANY(DatumGetByteaPP(value)));
				break;
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(per_row);
		n++;
	}
	table_endscan(scan);
	MemoryContextDelete(per_row);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	return n;
}

/*
 * Read all there is, and say so if the tables are the same afterwards as they
 * were before.  Returns the number of rows, -1 if they are not, or are not such
 * that the filter can be used.
 */
static int64
fill(void)
{
	uint64		before = fingerprint();
	int			nparts;
	List	   *relids = tables(&nparts);
	FilledDatabase *ours;
	int64		n = 0;
	int			i = 0;
	ListCell   *cell;

	if (before == 0)
		return -1;
	foreach(cell, relids)
	{
		n += read_table(lfirst_oid(cell),
						i < nparts ? RECORDED_EVENT : i == nparts ? RECORDED_LINK : RECORDED_ERASURE);
		i++;
	}
	AcceptInvalidationMessages();
	if (fingerprint() != before)
		return -1;

	LWLockAcquire(filter->lock, LW_EXCLUSIVE);
	ours = our_database(true);
	if (ours != NULL)
	{
		ours->fingerprint = before;
		ours->filled_at = GetCurrentTimestamp();
		ours->asked_at = 0;
	}
	LWLockRelease(filter->lock);
	return ours ? n : -1;
}

void
pg_consent_filter_worker(Datum database)
{
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "reading the consent ledger into the filter");
	(void) fill();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* consent.fill_filter(): now, and not when a worker comes to it */
PGDLLEXPORT Datum
pg_consent_fill_filter(PG_FUNCTION_ARGS)
{
	int64		n;

	if (filter == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no filter"),
				 errhint("It takes shared_preload_libraries = 'pg_consent', and pg_consent.filter_size not 0.")));
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("a standby uses no filter")));
	n = fill();
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the filter cannot be used"),
				 errdetail("A table or trigger of the ledger is missing, disabled, or was changed meanwhile; or there are more than %d databases with a filter.",
						   MAX_DATABASES)));
	PG_RETURN_INT64(n);
}

/* consent.filter_state(OUT in_use, OUT bytes, OUT share_set, OUT false_hits, OUT filled_at) */
PGDLLEXPORT Datum
pg_consent_filter_state(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[5] = {0};
	bool		nulls[5] = {false, true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = BoolGetDatum(false);
	if (filter != NULL)
	{
		uint64		nwords = filter->nblocks * WORDS_PER_BLOCK;
		uint64		nset = 0;
		double		share;
		FilledDatabase *ours;

		AcceptInvalidationMessages();
		values[0] = BoolGetDatum(is_filled());
		for (uint64 i = 0; i < nwords; i++)
			nset += pg_popcount64(pg_atomic_read_u64(&words[i]));
		share = (double) nset / (nwords * 64);
		memset(nulls, false, sizeof(nulls));
		values[1] = Int64GetDatum((int64) (nwords * sizeof(uint64)));
		values[2] = Float8GetDatum(share);
		values[3] = Float8GetDatum(pow(share, BITS_PER_ADDRESS));
		LWLockAcquire(filter->lock, LW_SHARED);
		ours = our_database(false);
		nulls[4] = ours == NULL || ours->filled_at == 0;
		if (!nulls[4])
			values[4] = TimestampTzGetDatum(ours->filled_at);
		LWLockRelease(filter->lock);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
