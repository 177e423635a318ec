/*-------------------------------------------------------------------------
 *
 * contact_table.c
 *	  A table of contacts in memory, of one process or made by several together.
 *
 * Contacts lie one after the other in chunks.  A slot holds half of a hash and where
 * its contact lies, so that most others are told apart without looking at them.  Many
 * are looked up at once: what one of them needs is fetched while the others are read.
 *
 * Several processes fill chunks of their own, in memory that all see, and then enter
 * what they have put there into the slots.  They wait for each other until the table
 * is ready, so a process that has begun must not return a row before that: whoever
 * takes the rows may be one of those who wait.  A process that comes late joins in
 * where the others are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_bitutils.h"
#include "storage/barrier.h"
#include "storage/spin.h"
#include "utils/memutils.h"

#include "ledger/contact_table.h"
#include "module/compat.h"

#define CHUNK_SIZE		((Size) 256 * 1024) /* what 16 bits can point into */
#define MAX_CHUNKS		((uint32) (CONSENT_CONTACT_TABLE_MAX / CHUNK_SIZE))
#define CONTACT_ALIGN	4
#define SLOTS_FOR(n)	pg_nextpower2_64((uint64) (n) * 2 + 2)

typedef struct Chunk
{
	dsa_pointer next;			/* of those that are shared */
	uint32		number;
} Chunk;

/* A contact of ours that is not in the slots yet. */
typedef struct Added
{
	uint64		hash;
	uint32		where;
} Added;

/* What the processes are doing: the phases of the barrier. */
enum
{
	FILLING,
	MAKING_SLOTS,
	ENTERING,
	READY
};

struct ConsentSharedContacts
{
	Barrier		barrier;
	bool		fit;			/* else one process does without this */
	slock_t		mutex;			/* of the next four */
	bool		claimed;
	dsa_pointer chunks;
	uint32		nchunks;
	uint64		ncontacts;
	dsa_pointer slots;
};

Size
consent_shared_contacts_size(void)
{
	return sizeof(ConsentSharedContacts);
}

void
consent_shared_contacts_init(ConsentSharedContacts *shared, bool fit)
{
	shared->fit = fit;
	shared->claimed = false;
	BarrierInit(&shared->barrier, 0);
	SpinLockInit(&shared->mutex);
	shared->chunks = InvalidDsaPointer;
	shared->nchunks = 0;
	shared->ncontacts = 0;
	shared->slots = InvalidDsaPointer;
}

/* To be filled again.  No other process uses it. */
void
consent_shared_contacts_reset(ConsentSharedContacts *shared, dsa_area *area, bool fit)
{
	while (DsaPointerIsValid(shared->chunks))
	{
		dsa_pointer next = ((Chunk *) dsa_get_address(area, shared->chunks))->next;

		dsa_free(area, shared->chunks);
		shared->chunks = next;
	}
	if (DsaPointerIsValid(shared->slots))
		dsa_free(area, shared->slots);
	consent_shared_contacts_init(shared, fit);
}

bool
consent_shared_contacts_fit(const ConsentSharedContacts *shared)
{
	return shared->fit;
}

bool
consent_shared_contacts_claim(ConsentSharedContacts *shared)
{
	bool		ours;

	SpinLockAcquire(&shared->mutex);
	ours = !shared->claimed;
	shared->claimed = true;
	SpinLockRelease(&shared->mutex);
	return ours;
}

void
consent_contact_table_init(ConsentContactTable *table, MemoryContext parent)
{
	memset(table, 0, sizeof(*table));
	table->context = AllocSetContextCreate(parent, "pg_consent contacts", ALLOCSET_DEFAULT_SIZES);
}

void
consent_contact_table_reset(ConsentContactTable *table)
{
	MemoryContext context = table->context;

	MemoryContextReset(context);
	memset(table, 0, sizeof(*table));
	table->context = context;
}

bool
consent_contact_table_begin(ConsentContactTable *table, ConsentSharedContacts *shared, dsa_area *area)
{
	consent_contact_table_reset(table);
	table->shared = shared;
	table->area = area;
	return shared == NULL || BarrierAttach(&shared->barrier) == FILLING;
}

static void
keep_chunk(ConsentContactTable *table, Chunk *chunk)
{
	if (chunk->number >= table->maxchunks)
	{
		uint32		max = pg_nextpower2_32(Max(chunk->number + 1, 16));

		if (table->chunks == NULL)
			table->chunks = MemoryContextAlloc(table->context, max * sizeof(Chunk *));
		else
			table->chunks = repalloc(table->chunks, max * sizeof(Chunk *));
		table->maxchunks = max;
	}
	table->chunks[chunk->number] = chunk;
}

static void
add_chunk(ConsentContactTable *table)
{
	ConsentSharedContacts *shared = table->shared;
	Chunk	   *chunk;

	if (shared != NULL)
	{
		dsa_pointer pointer = dsa_allocate(table->area, CHUNK_SIZE);

		chunk = dsa_get_address(table->area, pointer);
		SpinLockAcquire(&shared->mutex);
		chunk->next = shared->chunks;
		chunk->number = shared->nchunks++;
		shared->chunks = pointer;
		SpinLockRelease(&shared->mutex);
	}
	else
	{
		chunk = MemoryContextAlloc(table->context, CHUNK_SIZE);
		chunk->number = table->nchunks++;
		keep_chunk(table, chunk);
	}
	if (chunk->number >= MAX_CHUNKS)
		elog(ERROR, "too many contacts for one table");
	table->filling = chunk;
	table->filled = MAXALIGN(sizeof(Chunk));
}

void
consent_contact_table_add(ConsentContactTable *table, const ConsentContact *contact, uint64 hash)
{
	Size		size = VARSIZE_ANY(contact);

	if (table->filling == NULL || table->filled + size > CHUNK_SIZE)
		add_chunk(table);
	if (table->filled + size > CHUNK_SIZE)
		elog(ERROR, "a contact of %zu bytes", size);
	if (table->ncontacts >= table->maxadded)
	{
		table->maxadded = Max(table->maxadded * 2, 1024);
		if (table->added == NULL)
			table->added = MemoryContextAlloc(table->context, table->maxadded * sizeof(Added));
		else
			table->added = repalloc_huge(table->added, table->maxadded * sizeof(Added));
	}
	/* No contact is at 0, where the chunk's head is: a slot of 0 is empty. */
	table->added[table->ncontacts++] = (Added) {
		.hash = hash,
		.where = table->filling->number << 16 | table->filled / CONTACT_ALIGN
	};
	memcpy((char *) table->filling + table->filled, contact, size);
	table->filled = TYPEALIGN(CONTACT_ALIGN, table->filled + size);
	table->size += TYPEALIGN(CONTACT_ALIGN, size);
}

/*
 * With its slots, does it take the memory that a hash table may?  What is shared is
 * not limited: it was estimated to fit when the processes were started.
 */
bool
consent_contact_table_is_full(const ConsentContactTable *table)
{
	return table->shared == NULL && table->ncontacts > 0 &&
		(table->size + (Size) table->ncontacts * 4 * sizeof(uint64) > get_hash_memory_limit() || table->nchunks == MAX_CHUNKS);
}

static void
make_slots(ConsentContactTable *table, uint64 ncontacts)
{
	ConsentSharedContacts *shared = table->shared;
	Size		size = SLOTS_FOR(ncontacts) * sizeof(uint64);

	if (shared != NULL)
		shared->slots = dsa_allocate_extended(table->area, size, DSA_ALLOC_HUGE | DSA_ALLOC_ZERO);
	else
		table->slots = MemoryContextAllocExtended(table->context, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* Enters our contacts. */
static void
enter(ConsentContactTable *table)
{
	const uint32 ahead = 64;

	for (uint32 i = 0; i < table->ncontacts; i++)
	{
		uint64		slot = table->added[i].hash >> 32 << 32 | table->added[i].where;
		uint32		at = (uint32) table->added[i].hash & table->mask;

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (i + ahead < table->ncontacts)
			__builtin_prefetch(&table->slots[(uint32) table->added[i + ahead].hash & table->mask], 1);
		for (;; at = (at + 1) & table->mask)
		{
			uint64		empty = 0;

			if (pg_atomic_read_u64(&table->slots[at]) == 0 &&
				pg_atomic_compare_exchange_u64(&table->slots[at], &empty, slot))
				break;
		}
	}
	if (table->added != NULL)
		pfree(table->added);
	table->added = NULL;
	table->maxadded = 0;
}

void
consent_contact_table_finish(ConsentContactTable *table)
{
	ConsentSharedContacts *shared = table->shared;

	if (shared == NULL)
	{
		make_slots(table, table->ncontacts);
		table->mask = (uint32) (SLOTS_FOR(table->ncontacts) - 1);
		enter(table);
		return;
	}

	switch (BarrierPhase(&shared->barrier))
	{
		case FILLING:
			SpinLockAcquire(&shared->mutex);
			shared->ncontacts += table->ncontacts;
			SpinLockRelease(&shared->mutex);
			/* One of us makes the slots. */
			if (BarrierArriveAndWait(&shared->barrier, PG_WAIT_EXTENSION))
				make_slots(table, shared->ncontacts);
			/* FALLTHROUGH */
		case MAKING_SLOTS:
			BarrierArriveAndWait(&shared->barrier, PG_WAIT_EXTENSION);
			/* FALLTHROUGH */
		case ENTERING:
			table->slots = dsa_get_address(table->area, shared->slots);
			table->mask = (uint32) (SLOTS_FOR(shared->ncontacts) - 1);
			enter(table);
			BarrierArriveAndWait(&shared->barrier, PG_WAIT_EXTENSION);
			/* FALLTHROUGH */
		case READY:
			BarrierDetach(&shared->barrier);
	}
	table->slots = dsa_get_address(table->area, shared->slots);
	table->mask = (uint32) (SLOTS_FOR(shared->ncontacts) - 1);
	table->ncontacts = (uint32) shared->ncontacts;
	for (dsa_pointer next = shared->chunks; DsaPointerIsValid(next); next = table->filling->next)
	{
		table->filling = dsa_get_address(table->area, next);
		keep_chunk(table, table->filling);
	}
}

static inline const ConsentContact *
contact_of(const ConsentContactTable *table, uint64 slot)
{
	return (const ConsentContact *) ((char *) table->chunks[(uint32) slot >> 16] + (slot & 0xffff) * CONTACT_ALIGN);
}

void
consent_contact_table_find(const ConsentContactTable *table, ConsentLookUp *asked, int n)
{
	/* The first slot of each that may be its own, and what that points to. */
	for (ConsentLookUp *one = asked; one < asked + n; one++)
	{
		uint64		slot;

		one->at = (uint32) one->hash & table->mask;
		while ((slot = pg_atomic_read_u64(&table->slots[one->at])) != 0 && slot >> 32 != one->hash >> 32)
			one->at = (one->at + 1) & table->mask;
		if (slot != 0)
			__builtin_prefetch(contact_of(table, slot));
	}
	for (ConsentLookUp *one = asked; one < asked + n; one++)
	{
		uint64		slot;

		one->found = false;
		while (!one->found && (slot = pg_atomic_read_u64(&table->slots[one->at])) != 0)
		{
			one->found = slot >> 32 == one->hash >> 32 && consent_contact_compare(contact_of(table, slot), one->contact) == 0;
			one->at = (one->at + 1) & table->mask;
		}
	}
}
