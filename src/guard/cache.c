/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  Compiled guards of a backend, so that a statement of one row does not
 *	  parse a dozen expressions.
 *
 * A compiled guard has a memory context of its own and is never edited.  What
 * it was made from (the table, the trigger, functions, types, operators,
 * schemas) may change: then it is marked, the next statement makes another one,
 * and this one goes when the last statement that uses it has ended, or, if its
 * table was dropped, when the next guard is compiled.  An abort
 * marks them all, because an error may have left one in the middle of an
 * evaluation.  Callbacks only mark.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "guard/cache.h"
#include "guard/guard.h"

typedef struct CachedGuard
{
	MemoryContext context;		/* it lives here, with all that is in it */
	ConsentMapping *mapping;
	Oid			relid;
	bool		stale;
	bool		listed;			/* in the table: the next statement finds it */
	int			users;
} CachedGuard;

typedef struct CacheEntry
{
	Oid			trigger;		/* key */
	CachedGuard *guard;			/* NULL: none */
} CacheEntry;

/* One user's hold, in the user's own memory. */
typedef struct Hold
{
	MemoryContextCallback callback;
	CachedGuard *guard;
} Hold;

static HTAB *cache = NULL;

/* Bumped by callbacks: a guard compiled while it changes is stale from the start. */
static uint64 generation = 0;

static void
mark(Oid relid)
{
	HASH_SEQ_STATUS seq;
	CacheEntry *entry;

	generation++;
	if (cache == NULL)
		return;
	hash_seq_init(&seq, cache);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->guard != NULL && (!OidIsValid(relid) || entry->guard->relid == relid))
			entry->guard->stale = true;
	}
}

static void
relation_changed(Datum arg, Oid relid)
{
	mark(relid);
}

static void
catalog_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	mark(InvalidOid);
}

static void
transaction_ended(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		mark(InvalidOid);
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId mySubid, SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		mark(InvalidOid);
}

void
consent_guard_cache_init(void)
{
	static const int catalogs[] = {PROCOID, TYPEOID, OPEROID, NAMESPACEOID, CASTSOURCETARGET, COLLOID};

	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	for (int i = 0; i < lengthof(catalogs); i++)
		CacheRegisterSyscacheCallback(catalogs[i], catalog_changed, (Datum) 0);
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
}

static void
release(void *arg)
{
	CachedGuard *guard = ((Hold *) arg)->guard;

	if (--guard->users == 0 && !guard->listed)
		MemoryContextDelete(guard->context);
}

static ConsentMapping *
hold(CachedGuard *guard, MemoryContext user)
{
	Hold	   *held = MemoryContextAlloc(user, sizeof(Hold));

	held->guard = guard;
	held->callback.func = release;
	held->callback.arg = held;
	guard->users++;
	MemoryContextRegisterResetCallback(user, &held->callback);
	return guard->mapping;
}

static CachedGuard *
compile(Relation rel, Trigger *trigger)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_consent guard", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	CachedGuard *guard = palloc0(sizeof(CachedGuard));
	uint64		before = generation;

	guard->context = context;
	guard->relid = RelationGetRelid(rel);
	guard->mapping = consent_guard_mapping(rel, trigger);
	guard->stale = generation != before;
	MemoryContextSwitchTo(caller);
	return guard;
}

/* Those that nobody will ask for again, of dropped tables, are among the stale ones. */
static void
drop_stale(void)
{
	HASH_SEQ_STATUS seq;
	CacheEntry *entry;

	hash_seq_init(&seq, cache);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->guard == NULL || !entry->guard->stale || entry->guard->users > 0)
			continue;
		MemoryContextDelete(entry->guard->context);
		entry->guard = NULL;
		(void) hash_search(cache, &entry->trigger, HASH_REMOVE, NULL);
	}
}

ConsentMapping *
consent_guard_cached(Relation rel, Trigger *trigger, MemoryContext user)
{
	CacheEntry *entry;
	CachedGuard *guard;
	bool		found;

	if (cache == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(CacheEntry), .hcxt = CacheMemoryContext};

		cache = hash_create("pg_consent guards", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(cache, &trigger->tgoid, HASH_FIND, NULL);
	if (entry != NULL && entry->guard != NULL && !entry->guard->stale)
		return hold(entry->guard, user);

	drop_stale();
	guard = compile(rel, trigger);
	entry = hash_search(cache, &trigger->tgoid, HASH_ENTER, &found);
	if (found && entry->guard != NULL)
	{
		entry->guard->listed = false;
		if (entry->guard->users == 0)
			MemoryContextDelete(entry->guard->context);
	}

	/* Nothing can fail from here on but hold(), and then it is kept for the next. */
	MemoryContextSetParent(guard->context, CacheMemoryContext);
	guard->listed = true;
	entry->guard = guard;
	return hold(guard, user);
}
