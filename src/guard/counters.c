/*-------------------------------------------------------------------------
 *
 * counters.c
 *	  Counts the decisions of guards in shared memory.
 *
 * A refusal that raises takes everything in the database back with it, the log
 * entry too.  What is counted here stays, until the server is restarted, or the
 * table has been dropped and somebody makes another guard.
 * Shared memory is there for the asking only while the server starts, so it
 * takes shared_preload_libraries = 'pg_consent'; without that nothing is
 * counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/syscache.h"

#include "guard/counters.h"
#include "module/compat.h"
#include "module/shmem.h"

PG_FUNCTION_INFO_V1(pg_consent_guard_counts);

/* Guarded tables that are counted; those that come after are not. */
#define MAX_COUNTED 1000

typedef struct CountedKey
{
	Oid			database;
	Oid			relation;
} CountedKey;

typedef struct Counted
{
	CountedKey	key;
	pg_atomic_uint64 count[REASON_COUNT];
} Counted;

/* NULL where the library was not preloaded. */
static LWLock *lock = NULL;
static HTAB *counted = NULL;

static Size
counters_size(void)
{
	return hash_estimate_size(MAX_COUNTED, sizeof(Counted));
}

static void
start_counters(LWLock *own_lock)
{
	HASHCTL		ctl = {.keysize = sizeof(CountedKey), .entrysize = sizeof(Counted)};

	lock = own_lock;
	counted = ShmemInitHash("pg_consent counters", 16, MAX_COUNTED, &ctl, HASH_ELEM | HASH_BLOBS);
}

void
consent_counters_init(void)
{
	static const ConsentShmemPart part = {"pg_consent counters", counters_size, start_counters};

	if (process_shared_preload_libraries_in_progress)
		consent_shmem_add(&part);
}

/* The counters of a table.  They stay where they are, until the table is gone. */
static Counted *
counters_of(const CountedKey *key)
{
	Counted    *entry;
	bool		found;

	LWLockAcquire(lock, LW_SHARED);
	entry = hash_search(counted, key, HASH_FIND, NULL);
	LWLockRelease(lock);
	if (entry != NULL)
		return entry;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	entry = hash_search(counted, key, HASH_ENTER_NULL, &found);
	if (entry != NULL && !found)
	{
		for (int i = 0; i < REASON_COUNT; i++)
			pg_atomic_init_u64(&entry->count[i], 0);
	}
	LWLockRelease(lock);
	return entry;
}

void
consent_counters_count(Oid relation, ConsentReason reason)
{
	/* Rows of one table come together. */
	static Counted *last = NULL;
	CountedKey	key = {MyDatabaseId, relation};

	if (counted == NULL)
		return;

	/* It may have become another's; ours it stays while we have our table open. */
	if (last == NULL || memcmp(&key, &last->key, sizeof(key)) != 0)
		last = counters_of(&key);
	if (last != NULL)
		pg_atomic_fetch_add_u64(&last->count[reason], 1);
}

/* Nobody will count for it any more.  A table that is only being made is locked. */
static bool
is_gone(const CountedKey *key)
{
	bool		gone;

	if (key->database != MyDatabaseId)
		return !SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(key->database));
	if (!ConditionalLockRelationOid(key->relation, AccessShareLock))
		return false;
	gone = !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(key->relation));
	UnlockRelationOid(key->relation, AccessShareLock);
	return gone;
}

/* The room of tables that are gone is for others. */
void
consent_counters_forget_dropped(void)
{
	HASH_SEQ_STATUS seq;
	Counted    *entry;
	CountedKey *keys;
	int			n = 0;

	if (counted == NULL)
		return;
	LWLockAcquire(lock, LW_SHARED);
	keys = palloc((hash_get_num_entries(counted) + 1) * sizeof(CountedKey));
	hash_seq_init(&seq, counted);
	while ((entry = hash_seq_search(&seq)) != NULL)
		keys[n++] = entry->key;
	LWLockRelease(lock);

	for (int i = 0; i < n; i++)
	{
		if (!is_gone(&keys[i]))
			continue;
		LWLockAcquire(lock, LW_EXCLUSIVE);
		entry = hash_search(counted, &keys[i], HASH_REMOVE, NULL);

		/* Some session may still point to it. */
		if (entry != NULL)
			memset(&entry->key, 0, sizeof(entry->key));
		LWLockRelease(lock);
	}
	pfree(keys);
}

/* consent.guard_counts(OUT relation, OUT reason, OUT decisions), of this database */
PGDLLEXPORT Datum
pg_consent_guard_counts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HASH_SEQ_STATUS seq;
	Counted    *entry;

	InitMaterializedSRF(fcinfo, 0);
	if (counted == NULL)
		return (Datum) 0;
	LWLockAcquire(lock, LW_SHARED);
	hash_seq_init(&seq, counted);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->key.database != MyDatabaseId)
			continue;
		for (int i = 0; i < REASON_COUNT; i++)
		{
			uint64		count = pg_atomic_read_u64(&entry->count[i]);
			Datum		values[3];
			bool		nulls[3] = {false};

			if (count == 0)
				continue;
			values[0] = ObjectIdGetDatum(entry->key.relation);
			values[1] = CStringGetTextDatum(consent_reason_code((ConsentReason) i));
			values[2] = Int64GetDatum((int64) count);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	LWLockRelease(lock);
	return (Datum) 0;
}
