/*-------------------------------------------------------------------------
 *
 * ruleset_share.c
 *	  One image of the rules in memory for all sessions of a database.
 *
 * Only where the library is preloaded.  The image that ruleset_store.c makes is
 * put into a dynamic shared memory segment once, and never changes; other rules
 * are another segment.  An image is known by its database and the stamp of the
 * rows that it was made of: a session that sees such rows may use it, and no
 * other asks for it.  So it needs no invalidation.  A transaction that has
 * written shares nothing: what it sees may never come to be.  What is left of a
 * dropped database goes when the next image is shared.
 *
 * Sharing is a matter of time and memory alone.  Where it does not work, a
 * session has its own copy.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "classify/ruleset.h"
#include "module/shmem.h"

#define SLOTS	64				/* databases; of more, some share nothing */

typedef struct Slot
{
	Oid			database;		/* InvalidOid: free */
	uint64		stamp;
	dsm_handle	segment;		/* pinned, as long as it is here */
} Slot;

typedef struct Shared
{
	LWLock	   *lock;
	uint32		next;			/* slot to be given up if none is free */
	Slot		slot[SLOTS];
} Shared;

/* Lets go of a segment with the memory context of the set that is in it. */
typedef struct Hold
{
	dsm_segment *segment;
	MemoryContextCallback release;
} Hold;

static Shared *shared = NULL;

static Size
shared_size(void)
{
	return MAXALIGN(sizeof(Shared));
}

static void
start_sharing(LWLock *lock)
{
	bool		found;

	shared = ShmemInitStruct("pg_consent rules", shared_size(), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(Shared));
		shared->lock = lock;
	}
}

void
consent_ruleset_share_init(void)
{
	static const ConsentShmemPart part = {"pg_consent rules", shared_size, start_sharing};

	if (process_shared_preload_libraries_in_progress)
		consent_shmem_add(&part);
}

static void
let_go(void *hold)
{
	dsm_detach(((Hold *) hold)->segment);
}

/* Keep the segment as long as the current context is there. */
static void
keep(Hold *hold, dsm_segment *segment)
{
	hold->segment = segment;
	hold->release.func = let_go;
	hold->release.arg = hold;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &hold->release);
}

/* The slot of the database, or a free one for InvalidOid; NULL if there is none. */
static Slot *
slot_of(Oid database)
{
	for (int i = 0; i < SLOTS; i++)
	{
		if (shared->slot[i].database == database)
			return &shared->slot[i];
	}
	return NULL;
}

/* A new segment of that size, or, if it is 0, the one with the handle; NULL if it cannot be had. */
static dsm_segment *
get_segment(dsm_handle handle, Size size)
{
	dsm_segment *volatile segment = NULL;
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	/* it outlives the transaction, and one that failed is nobody's leak */
	CurrentResourceOwner = NULL;
	PG_TRY();
	{
		segment = size > 0 ? dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS) : dsm_attach(handle);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		CurrentResourceOwner = owner;
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			PG_RE_THROW();
		FlushErrorState();
		ereport(DEBUG1,
				(errmsg("the rules are not shared between sessions: %s", error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	CurrentResourceOwner = owner;
	return segment;
}

const char *
consent_ruleset_attach(uint64 stamp)
{
	dsm_handle	handle = DSM_HANDLE_INVALID;
	dsm_segment *segment;
	const Slot *slot;
	Hold	   *hold;

	if (shared == NULL)
		return NULL;
	LWLockAcquire(shared->lock, LW_SHARED);
	slot = slot_of(MyDatabaseId);
	if (slot != NULL && slot->stamp == stamp)
		handle = slot->segment;
	LWLockRelease(shared->lock);
	/* a segment cannot be mapped twice; the set that has it may be about to go */
	if (handle == DSM_HANDLE_INVALID || dsm_find_mapping(handle) != NULL)
		return NULL;

	hold = palloc(sizeof(Hold));
	segment = get_segment(handle, 0);
	/* others may have given it up in the meantime, and its number with it */
	if (segment != NULL &&
		!consent_ruleset_is_usable(dsm_segment_address(segment), dsm_segment_map_length(segment), stamp))
	{
		dsm_detach(segment);
		segment = NULL;
	}
	if (segment == NULL)
		return NULL;
	keep(hold, segment);
	return dsm_segment_address(segment);
}

static void
empty(Slot *slot)
{
	if (OidIsValid(slot->database))
		dsm_unpin_segment(slot->segment);
	slot->database = InvalidOid;
}

/* Give up what belongs to databases that have been dropped. */
static void
forget_dropped(void)
{
	Oid			database[SLOTS];

	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < SLOTS; i++)
		database[i] = shared->slot[i].database;
	LWLockRelease(shared->lock);
	for (int i = 0; i < SLOTS; i++)
	{
		if (!OidIsValid(database[i]) ||
			SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database[i])))
			continue;
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		if (shared->slot[i].database == database[i])
			empty(&shared->slot[i]);
		LWLockRelease(shared->lock);
	}
}

const char *
consent_ruleset_share(uint64 stamp, const char *image)
{
	Size		size;
	Hold	   *hold;
	dsm_segment *segment;
	Slot	   *slot;
	MemoryContext work;
	MemoryContext caller;

	if (shared == NULL || TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return NULL;
	forget_dropped();
	hold = palloc(sizeof(Hold));

	/* What packing takes is several times what is shared, and the caller's context stays. */
	work = AllocSetContextCreate(CurrentMemoryContext, "consent rule set packing", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	image = consent_ruleset_packed(image, &size);
	MemoryContextSwitchTo(caller);
	segment = get_segment(DSM_HANDLE_INVALID, size);
	if (segment != NULL)
		memcpy(dsm_segment_address(segment), image, size);
	MemoryContextDelete(work);
	if (segment == NULL)
		return NULL;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = slot_of(MyDatabaseId);
	if (slot != NULL && slot->stamp == stamp)
	{
		/* somebody else was faster */
		LWLockRelease(shared->lock);
		dsm_detach(segment);
		return consent_ruleset_attach(stamp);
	}
	if (slot == NULL)
		slot = slot_of(InvalidOid);
	if (slot == NULL)
		slot = &shared->slot[shared->next++ % SLOTS];
	empty(slot);
	dsm_pin_segment(segment);
	slot->database = MyDatabaseId;
	slot->stamp = stamp;
	slot->segment = dsm_segment_handle(segment);
	LWLockRelease(shared->lock);
	keep(hold, segment);
	return dsm_segment_address(segment);
}
