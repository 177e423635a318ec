/*-------------------------------------------------------------------------
 *
 * ahead.c
 *	  Reads the standings of those whose rows a statement is going to judge
 *	  next, many at a time and one part of the ledger after the other.
 *
 * When the guard is fired, the statement has stored all of its rows.  Of a
 * campaign they lie one after the other, but their recipients are anywhere in
 * the ledger, and to fetch one page of its index and one of its own for each,
 * cold, is most of what a verdict costs under an opt-in law.  So the rows that come
 * next are looked through, and their recipients are looked up part by part, while
 * what leads to the rows of a part is warm; and within it in the order of addresses,
 * for those that were imported in that order lie together.
 *
 * What is read ahead is a little older than the verdict that is made by it.  That
 * is safe because of the gate: it was entered before, so whatever has been
 * recorded since is news to it, and at commit the row is judged again (gate.c).
 * Therefore nothing is read ahead when there is no such second look: at the commit
 * itself, and for a guard that only flags.  What this transaction has recorded
 * itself makes all of it void at once.  And only what allows a message is taken
 * from here: before one is refused the ledger is asked again (guard.c), for somebody
 * may have consented in the meantime.
 *
 * Nothing depends on a guess.  A row that was not foreseen is looked up as
 * ever, and what was foreseen and is not asked for has cost some time; where that
 * happens, less is read ahead, and less often.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "guard/ahead.h"
#include "guard/gate.h"
#include "ledger/filter.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "module/compat.h"

/* Before so many were looked up one by one it is no campaign. */
#define PATIENCE_MIN 32

/* Of the table, at a time. */
#define PAGES_MIN 8
#define PAGES_MAX 1024

/* So many recipients at a time, each of about so many bytes of work_mem: with more of them no cache helps. */
#define EXPECTED_MAX (32 * 1024)
#define BYTES_EACH 256

/* No more than this for each page: a statement may write to a thousand partitions, each with its own. */
#define EXPECTED_PER_PAGE 64

/* What is needed so many recipients later is asked of the memory now. */
#define PREFETCH_DISTANCE 8

#ifdef __GNUC__
#define prefetch(address) __builtin_prefetch(address)
#else
#define prefetch(address) ((void) 0)
#endif

/* A recipient of a row that is still to be judged. */
typedef struct Expected
{
	ItemPointerData tid;		/* of the row */
	uint16		part;			/* of the ledger */
	uint64		beginning;		/* of the address, for the sort */
	uint64		key;			/* of the address */
	ConsentFilterPlace place;
	ConsentContact *contact;
	ConsentContact *root;		/* mostly that is the same */
	ConsentStanding *standing;	/* NULL: nothing is on record of it, or there was no room */
} Expected;

struct ConsentAhead
{
	MemoryContext context;		/* of contacts and standings */
	Size		used;			/* of it */
	uint64		recorded;		/* when it was read: see consent_gate_recorded() */
	int			room;
	int			n;
	int			next;
	Expected   *expected;		/* in the order of rows */
	Expected  **sorted;			/* in that of the ledger */
	ItemPointerData last;		/* row that was looked at */
	bool		tried;			/* then it tells how well that did */
	int64		nrows;			/* that were looked at, also those of others */
	int64		npages;
	int64		nused;			/* standings that allowed a message */
	int64		patience;		/* how many to look up one by one before the next attempt */
	int64		nsingle;		/* have been */
	BlockNumber pages;			/* to look at then */
};

static int
compare_places(const void *a, const void *b)
{
	const Expected *left = *(Expected *const *) a;
	const Expected *right = *(Expected *const *) b;

	if (left->part != right->part)
		return left->part < right->part ? -1 : 1;
	if (left->beginning != right->beginning)
		return left->beginning < right->beginning ? -1 : 1;
	return consent_contact_compare(left->contact, right->contact);
}

static uint64
beginning(const ConsentContact *contact)
{
	uint64		first = 0;

	memcpy(&first, VARDATA_ANY(contact), Min(VARSIZE_ANY_EXHDR(contact), sizeof(first)));
	return pg_ntoh64(first);
}

static void *
keep(struct ConsentAhead *ahead, const void *value)
{
	Size		size = VARSIZE_ANY(value);

	ahead->used += size;
	return memcpy(MemoryContextAlloc(ahead->context, size), value, size);
}

/* Those of our rows that come next, from this one on: whom do they go to? */
static void
look_through(struct ConsentAhead *ahead, const ConsentMapping *mapping, ConsentSitting *sitting, Snapshot snapshot)
{
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext, "pg_consent row ahead", ALLOCSET_SMALL_SIZES);
	TupleTableSlot *slot = table_slot_create(sitting->rel, NULL);
	TableScanDesc scan;

	ItemPointerSet(&ahead->last, ItemPointerGetBlockNumber(&sitting->tid) + ahead->pages - 1, MaxOffsetNumber);
	scan = table_beginscan_tidrange(sitting->rel, snapshot, &sitting->tid, &ahead->last);
	while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
	{
		MemoryContext caller = MemoryContextSwitchTo(per_row);
		ConsentRow	row;
		ConsentContact **contacts;
		bool		isnull;
		Datum		xmin = slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull);
		int			n = 0;

		CHECK_FOR_INTERRUPTS();
		if (!isnull && TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin)))
		{
			consent_mapping_evaluate(unconstify(ConsentMapping *, mapping), slot, &row);
			if (consent_row_is(&row, MAPPED_PENDING) && consent_row_is(&row, MAPPED_APPLIES))
				n = consent_guard_contacts(mapping, &row, &contacts);
		}
		ahead->nrows++;
		for (int i = 0; i < n && ahead->n < ahead->room; i++)
		{
			ConsentContact *root = consent_contact_root(contacts[i]);
			ConsentContact *contact = keep(ahead, contacts[i]);
			uint64		key = consent_contact_hash_extended(root, 0);

			ahead->sorted[ahead->n] = &ahead->expected[ahead->n];
			ahead->expected[ahead->n++] = (Expected) {
				.tid = slot->tts_tid,
				.part = consent_reader_part(sitting->reader, root),
				.beginning = beginning(contact),
				.key = key,
				.place = consent_filter_place(key),
				.contact = contact,
				.root = consent_contact_compare(root, contact) == 0 ? contact : keep(ahead, root),
			};
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(per_row);
		ahead->npages = ItemPointerGetBlockNumber(&slot->tts_tid) - ItemPointerGetBlockNumber(&sitting->tid) + 1;
		if (ahead->n == ahead->room)
		{
			ahead->last = slot->tts_tid;
			break;
		}
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(per_row);
}

static void
look_up(struct ConsentAhead *ahead, ConsentSitting *sitting, Snapshot snapshot)
{
	MemoryContext per_address = AllocSetContextCreate(CurrentMemoryContext, "pg_consent standing ahead", ALLOCSET_DEFAULT_SIZES);
	Expected  **sorted = ahead->sorted;

	qsort(sorted, ahead->n, sizeof(Expected *), compare_places);
	for (int i = 0; i < ahead->n; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(per_address);

		if (i + 2 * PREFETCH_DISTANCE < ahead->n)
			prefetch(sorted[i + 2 * PREFETCH_DISTANCE]);
		if (i + PREFETCH_DISTANCE < ahead->n)
		{
			prefetch(sorted[i + PREFETCH_DISTANCE]->contact);
			consent_filter_prefetch(&sorted[i + PREFETCH_DISTANCE]->place);
		}
		CHECK_FOR_INTERRUPTS();
		if (!consent_filter_rules_out(sorted[i]->contact, &sorted[i]->place))
		{
			ConsentStanding *standing = consent_ledger_standing_at(sorted[i]->root, sorted[i]->key, sorted[i]->part,
																   snapshot, sitting->reader);

			if (ahead->used + VARSIZE(standing) <= (Size) ahead->room * BYTES_EACH)
				sorted[i]->standing = keep(ahead, standing);
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(per_address);
	}
	MemoryContextDelete(per_address);
}

/* How did the last attempt do?  Then try more, or wait longer. */
static bool
was_worth_it(struct ConsentAhead *ahead)
{
	if (ahead->nused > 0 && ahead->nused * 4 >= Max(ahead->nrows, ahead->npages))
	{
		ahead->patience = 0;
		ahead->pages = Min(ahead->pages * 4, PAGES_MAX);
		return true;
	}
	ahead->patience = Max(Max(ahead->patience, PATIENCE_MIN), ahead->nrows) * 8;
	ahead->pages = PAGES_MIN;
	return false;
}

static void
forget(struct ConsentAhead *ahead)
{
	ahead->n = ahead->next = 0;
	ahead->nrows = ahead->npages = ahead->nused = 0;
	ahead->nsingle = 0;
	ahead->tried = false;
}

/* As much as so many pages may need: it grows as they do. */
static void
make_room(struct ConsentAhead *ahead, ConsentSitting *sitting)
{
	int64		most = Min(Max(work_mem * (int64) 1024 / BYTES_EACH, 64), EXPECTED_MAX);
	int			room = Min(most, (int64) ahead->pages * EXPECTED_PER_PAGE);

	if (room <= ahead->room)
		return;
	if (ahead->context != NULL)
	{
		MemoryContextDelete(ahead->context);
		pfree(ahead->expected);
		pfree(ahead->sorted);
	}
	ahead->room = room;

	/* Memory that is given back and taken again is new to the machine each time. */
	ahead->context = AllocSetContextCreate(sitting->context, "pg_consent read ahead",
										   room * BYTES_EACH, ALLOCSET_DEFAULT_INITSIZE, ALLOCSET_DEFAULT_MAXSIZE);
	ahead->expected = MemoryContextAlloc(sitting->context, room * sizeof(Expected));
	ahead->sorted = MemoryContextAlloc(sitting->context, room * sizeof(Expected *));
}

static void
read_ahead(const ConsentMapping *mapping, ConsentSitting *sitting)
{
	struct ConsentAhead *ahead = sitting->ahead;
	bool		disappointed = ahead->tried && !was_worth_it(ahead);
	Snapshot	snapshot;

	forget(ahead);
	if (disappointed)
		return;

	ahead->tried = true;
	make_room(ahead, sitting);
	MemoryContextReset(ahead->context);
	ahead->used = 0;
	ahead->recorded = consent_gate_recorded();

	/* What this statement stored is to be seen, and what has committed by now. */
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	look_through(ahead, mapping, sitting, snapshot);
	look_up(ahead, sitting, snapshot);
	UnregisterSnapshot(snapshot);
}

static const ConsentStanding *
find(struct ConsentAhead *ahead, ItemPointer tid, const ConsentContact *contact)
{
	while (ahead->next < ahead->n && ItemPointerCompare(&ahead->expected[ahead->next].tid, tid) < 0)
		ahead->next++;

	/* They are asked for in the order they were found in, so none is passed by twice. */
	while (ahead->next < ahead->n && ItemPointerEquals(&ahead->expected[ahead->next].tid, tid))
	{
		int			i = ahead->next++;

		if (i + 2 * PREFETCH_DISTANCE < ahead->n)
		{
			prefetch(ahead->expected[i + 2 * PREFETCH_DISTANCE].contact);
			prefetch(ahead->expected[i + PREFETCH_DISTANCE].standing);
		}
		if (consent_contact_compare(ahead->expected[i].contact, contact) == 0)
			return ahead->expected[i].standing;
	}
	return NULL;
}

/* Can the rows be foreseen, and will the gate look at them again? */
static bool
is_possible(const ConsentMapping *mapping, const ConsentSitting *sitting)
{
	return sitting->rel != NULL && !mapping->only_flags && consent_gate_will_look() &&

	/* Whatever a mapping does besides, it does when its row is judged. */
		!mapping->depends && sitting->rel->rd_tableam->scan_set_tidrange != NULL &&

	/* It would have to answer for the rows of others that lie between. */
		!IsolationIsSerializable();
}

void
consent_ahead_served(ConsentSitting *sitting)
{
	sitting->ahead->nused++;
}

bool
consent_ahead_is_read(const ConsentSitting *sitting)
{
	return sitting->ahead != NULL && sitting->ahead->next < sitting->ahead->n;
}

const ConsentStanding *
consent_ahead_standing(ConsentSitting *sitting, const ConsentContact *contact)
{
	struct ConsentAhead *ahead = sitting->ahead;

	if (ahead == NULL || ahead->n == 0 || !consent_gate_will_look())
		return NULL;
	if (ahead->recorded != consent_gate_recorded())
	{
		/* Not again and again, where every row records something. */
		forget(ahead);
		ahead->patience = Max(ahead->patience, PATIENCE_MIN) * 8;
		return NULL;
	}
	return find(ahead, &sitting->tid, contact);
}

const ConsentStanding *
consent_ahead_read(const ConsentMapping *mapping, ConsentSitting *sitting, const ConsentContact *contact)
{
	struct ConsentAhead *ahead = sitting->ahead;

	if (!is_possible(mapping, sitting))
		return NULL;
	if (ahead == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(sitting->context);

		ahead = palloc0(sizeof(struct ConsentAhead));
		ahead->patience = PATIENCE_MIN;
		ahead->pages = PAGES_MIN;
		sitting->ahead = ahead;
		MemoryContextSwitchTo(caller);
	}
	if ((ahead->n > 0 && ItemPointerCompare(&sitting->tid, &ahead->last) <= 0) ||
		ahead->nsingle++ < ahead->patience)
		return NULL;
	read_ahead(mapping, sitting);
	return find(ahead, &sitting->tid, contact);
}
