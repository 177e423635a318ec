/*-------------------------------------------------------------------------
 *
 * gate.c
 *	  Makes guards decide on what is true at commit.
 *
 * The guard judges a row under the latest snapshot.  What commits after that
 * and before the commit of the transaction that queues is seen here:
 *
 *	- The guard notes which row it let through, and for which addresses.  An
 *	  address falls into one of 256 buckets, each with a lock.
 *	- A transaction that has recorded what may stand against a message takes
 *	  its buckets' locks exclusively at pre-commit and leaves a row in
 *	  consent.gate_log: its number and the addresses.  Where it has to leave rows
 *	  to those who have locked them, it leaves another, later than any number (debt.c).
 *	- A transaction that has queued takes its buckets' locks shared at
 *	  pre-commit, then looks in the log for transactions that were not visible
 *	  when its first row was judged, and judges again its rows for the
 *	  addresses found there.
 *	- While one withdraws, or links an address to a person, somebody else may do so
 *	  about the same address or person, and neither sees what the other does.
 *	  Whoever commits second looks what its addresses are linked to now, and takes
 *	  that for its own.
 *	- As one that queues does one that has changed a pending row in a way that is no new
 *	  decision: a sweep would have skipped it, locked as it was.
 *
 * Locks are taken in order and held to the end of the transaction, so for the
 * commit only.  Whoever takes a bucket second sees the other: the one who
 * queues finds the entry in the log; the one who withdraws finds the row and
 * sweeps it (sweep.c).  So a withdrawal waits at most for another's commit,
 * never for the work before it, and nobody waits who has nothing to do with
 * either.
 *
 * Out of order is only what comes up while locks are held: a table's own trigger
 * that queues or records when a row of it is parked at a commit.  Those locks
 * cannot be known before, and giving up the others would undo verdicts that are
 * the last ones.  So two such commits may wait for each other; then one of
 * them fails as a whole with 40P01 and is to be tried again.  Within a sweep
 * it is that row that is left, after 0.1 s, and not the withdrawal.
 *
 * "Not visible then" is a comparison of transaction numbers: all that a
 * snapshot does not see are at or above its xmin.  Rows of gate_log whose
 * numbers lie below what any transaction may still ask for are deleted by
 * those who write to it; a transaction that has noted a row keeps its first
 * snapshot registered so that the horizon stays below it.  The log is an
 * ordinary, logged table because a prepared withdrawal outlives a crash.  It is
 * read with SnapshotSelf: what has committed by now, and nothing that a
 * serializable transaction would have to answer for.
 *
 * Covered is what is recorded in consent.ledger, which is everything a person
 * can say or have said about them.  Not covered, and judged as of the time
 * the row was written, is what the keepers of the database lay down: rules,
 * policies, organisations, contracts, assessments and screenings.  Nor does
 * the gate wait for time to pass: a consent that runs out between the check
 * and the commit was good when it was asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/bufmgr.h"
#include "storage/buffile.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/procarray.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

#include "guard/debt.h"
#include "guard/gate.h"
#include "guard/guard.h"
#include "guard/sweep.h"
#include "guard/trigger.h"
#include "ledger/apply.h"
#include "ledger/erasure.h"
#include "ledger/ledger.h"
#include "ledger/link.h"
#include "module/compat.h"
#include "module/module.h"

PG_FUNCTION_INFO_V1(pg_consent_finish_sweeps);

#define NBUCKETS 256
#define BUCKET(key) ((int) ((key) % NBUCKETS))

/* Words of notes kept in memory, 256 kB; more go to a temporary file, which is as cheap as fresh memory. */
#define NOTES_IN_MEMORY (64 * 1024)

/* More addresses than this in one transaction are not remembered; for others KEYS_IN_LOG count as all. */
#define KEYS_IN_MEMORY (1024 * 1024)

/* Of so many what they are linked to is looked up one by one; of more all links are read. */
#define CONTACTS_IN_MEMORY (16 * 1024)

/* How often, and how many at a time, old rows of the log are deleted. */
#define PRUNE_EVERY 16
#define PRUNE_AT_ONCE 64

/* Keys of persons are to be others than those of addresses. */
#define PERSON_SEED 0x706572736f6eULL

/*
 * Rows that were let through, each for one address, that lie one after the other; or
 * one that was for several.  There are many, so of an address there is but half
 * of its key, in the words that follow: judged again is what is like it.
 */
typedef struct Note
{
	BlockNumber block;			/* of the first row */
	OffsetNumber offset;
	uint16		rel:15;			/* into Gate.rels */
	uint16		decided:1;		/* has it been judged? */
	uint32		one_row:1;
	uint32		nkeys:31;
} Note;

#define NOTE_WORDS (sizeof(Note) / sizeof(uint32))
#define KEY_WORD(key) ((uint32) ((key) >> 32))

#define MAX_RELS (1 << 15)

/* A relation with such rows. */
typedef struct NotedRelation
{
	Oid			relid;
	Oid			filenode;		/* its storage then: row addresses hold in it */
} NotedRelation;

/* What a transaction brings to its commit; lives in TopTransactionContext. */
typedef struct Gate
{
	bool		passed;			/* locks are taken: verdicts are the last ones */
	uint64		ours[NBUCKETS / 64];	/* buckets that we want a lock of */
	uint8		held[NBUCKETS]; /* LOCKMODEs */
	uint8		wanted[NBUCKETS];

	/* what it queued */
	Snapshot	since;			/* before its first row was judged, registered */
	FullTransactionId unseen;	/* nothing below was invisible then */
	int			nrels;
	int			maxrels;
	NotedRelation *rels;
	int64		nnoted;
	int			nwords;			/* in memory */
	int			maxwords;
	uint32	   *words;			/* notes, each with its addresses */
	int			last_note;		/* where it begins in them */
	int			nspilled;		/* how often, NOTES_IN_MEMORY each time */
	BufFile    *spilled;
	int			nlisted;		/* of rels, in tables */
	List	   *tables;
	bool		owing;			/* a sweep had to leave rows in one of them */

	/* what it recorded against messages */
	int			nkeys;
	int			maxkeys;
	uint64	   *keys;
	bool		all_keys;		/* too many to remember */
	int			ncontacts;		/* whose keys they are, but for persons' */
	int			maxcontacts;
	ConsentContact **contacts;	/* NULL: none, or too many */
	bool		too_many_contacts;
	bool		swept;			/* for them */

	bool		finishing;		/* consent.finish_sweeps() was called */
} Gate;

static Gate *gate = NULL;
static uint64 recorded = 0;

uint64
consent_address_key(const ConsentContact *contact)
{
	return consent_contact_root_hash(contact, 0);
}

static Gate *
get_gate(void)
{
	if (gate == NULL)
		gate = MemoryContextAllocZero(TopTransactionContext, sizeof(Gate));
	return gate;
}

static void
want_bucket(int bucket, LOCKMODE mode)
{
	gate->wanted[bucket] = Max(gate->wanted[bucket], mode);
	gate->ours[bucket / 64] |= UINT64CONST(1) << bucket % 64;
}

/* The next of ours from this one on; NBUCKETS: there is none. */
static int
next_bucket(int bucket)
{
	while (bucket < NBUCKETS)
	{
		uint64		rest = gate->ours[bucket / 64] >> bucket % 64;

		if (rest != 0)
			return bucket + pg_rightmost_one_pos64(rest);
		bucket = (bucket / 64 + 1) * 64;
	}
	return NBUCKETS;
}

#define foreach_bucket(bucket) \
	for (int bucket = next_bucket(0); bucket < NBUCKETS; bucket = next_bucket(bucket + 1))

/* For the transaction, also where a part of it is rolled back: a sweep tries in such parts. */
static void
lock_bucket(int bucket, LOCKMODE mode)
{
	ResourceOwner owner = CurrentResourceOwner;
	LOCKTAG		tag;

	if (gate->held[bucket] >= mode)
		return;
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, LOCK_SPACE_BUCKET, bucket, LOCK_CLASS);
	CurrentResourceOwner = TopTransactionResourceOwner;
	(void) LockAcquire(&tag, mode, false, false);
	CurrentResourceOwner = owner;
	gate->held[bucket] = mode;
}

/*
 * All that are wanted, in order.  Where some are held already, and others are
 * wanted now, those are given back first: nothing has been done under them yet.
 */
static void
lock_buckets(void)
{
	ResourceOwner owner = CurrentResourceOwner;
	bool		lacking = false;

	foreach_bucket(i)
		lacking = lacking || gate->held[i] < gate->wanted[i];
	if (!lacking)
		return;
	CurrentResourceOwner = TopTransactionResourceOwner;
	foreach_bucket(i)
	{
		LOCKTAG		tag;

		if (gate->held[i] == NoLock)
			continue;
		SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, LOCK_SPACE_BUCKET, i, LOCK_CLASS);
		(void) LockRelease(&tag, gate->held[i], false);
		gate->held[i] = NoLock;
	}
	CurrentResourceOwner = owner;
	foreach_bucket(i)
		lock_bucket(i, gate->wanted[i]);
}

/*
 * Wait for those who are at their commit, but for who has only queued: they looked for
 * guards before there was one that there is now, and have not swept its table.
 */
void
consent_gate_wait(void)
{
	for (int i = 0; i < NBUCKETS; i++)
	{
		LOCKTAG		tag;

		SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, LOCK_SPACE_BUCKET, i, LOCK_CLASS);
		WaitForLockers(tag, ShareLock, false);
	}
}

/* The number of a transaction that is running now or ended not long ago. */
static FullTransactionId
full_xid(TransactionId xid)
{
	FullTransactionId next = ReadNextFullTransactionId();
	uint32		epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return FullTransactionIdFromEpochAndXid(epoch, xid);
}

/* What commits from here on is looked for at commit. */
static void
begin_watching(void)
{
	Gate	   *g = gate;

	if (g->since != NULL)
		return;
	g->since = RegisterSnapshotOnOwner(GetLatestSnapshot(), TopTransactionResourceOwner);
	g->unseen = full_xid(g->since->xmin);

	/* Who looks for links does so by the transaction's snapshot. */
	if (IsolationUsesXactSnapshot())
	{
		FullTransactionId first = full_xid(GetTransactionSnapshot()->xmin);

		if (FullTransactionIdPrecedes(first, g->unseen))
			g->unseen = first;
	}
}

/*
 * When we are at our commit already, and a trigger or somebody's callback still
 * writes rows, the bucket is locked at once: then the verdict that follows is
 * the last one.
 */
void
consent_gate_enter(uint64 key)
{
	Gate	   *g = get_gate();

	if (g->passed)
		lock_bucket(BUCKET(key), ShareLock);
	else
		begin_watching();
}

bool
consent_gate_will_look(void)
{
	return gate != NULL && !gate->passed && gate->since != NULL;
}

bool
consent_gate_has_passed(void)
{
	return gate != NULL && gate->passed;
}

uint64
consent_gate_recorded(void)
{
	return recorded;
}

/* Relations are few, and rows of one come together. */
static int
noted_relation(Relation rel)
{
	Gate	   *g = gate;
	Oid			relid = RelationGetRelid(rel);
	Oid			filenode = rel->rd_rel->relfilenode;

	for (int i = g->nrels - 1; i >= 0; i--)
	{
		if (g->rels[i].relid == relid && g->rels[i].filenode == filenode)
			return i;
	}
	if (g->nrels == MAX_RELS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many guarded tables written to in one transaction")));
	if (g->nrels == g->maxrels)
	{
		g->maxrels = g->maxrels ? g->maxrels * 2 : 4;
		g->rels = g->rels ? repalloc(g->rels, g->maxrels * sizeof(NotedRelation)) :
			MemoryContextAlloc(TopTransactionContext, g->maxrels * sizeof(NotedRelation));
	}
	g->rels[g->nrels].relid = relid;
	g->rels[g->nrels].filenode = filenode;
	return g->nrels++;
}

static void
spill_notes(void)
{
	Gate	   *g = gate;

	if (g->spilled == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
		ResourceOwner owner = CurrentResourceOwner;

		/* It outlives the statement and the subtransaction. */
		CurrentResourceOwner = TopTransactionResourceOwner;
		g->spilled = BufFileCreateTemp(false);
		CurrentResourceOwner = owner;
		MemoryContextSwitchTo(caller);
	}

	/* All of it, for what is left is too short for a note. */
	BufFileWrite(g->spilled, g->words, NOTES_IN_MEMORY * sizeof(uint32));
	g->nspilled++;
	g->nwords = 0;
}

/* Room in memory for so many words more. */
static void
make_room(int n)
{
	Gate	   *g = gate;

	if (g->nwords + n <= g->maxwords)
		return;
	if (g->nwords + n > NOTES_IN_MEMORY)
		spill_notes();
	else
	{
		g->maxwords = g->maxwords ? g->maxwords * 2 : 64;
		g->words = g->words ? repalloc(g->words, g->maxwords * sizeof(uint32)) :
			MemoryContextAlloc(TopTransactionContext, g->maxwords * sizeof(uint32));
	}
}

static void
begin_note(int rel, ItemPointer tid, bool decided, bool one_row)
{
	Gate	   *g = gate;

	make_room(NOTE_WORDS + 1);
	g->last_note = g->nwords;
	*(Note *) &g->words[g->last_note] = (Note) {
		.block = ItemPointerGetBlockNumber(tid),
		.offset = ItemPointerGetOffsetNumber(tid),
		.rel = rel,
		.decided = decided,
		.one_row = one_row,
	};
	g->nwords += NOTE_WORDS;
}

/* Is it about the row that comes after those of the last note? */
static bool
is_next(int rel, ItemPointer tid, bool decided)
{
	const Note *note = (const Note *) &gate->words[gate->last_note];

	return gate->nwords > 0 && gate->nwords < gate->maxwords &&
		note->rel == rel && note->decided == decided && !note->one_row &&
		note->block == ItemPointerGetBlockNumber(tid) && note->offset + note->nkeys == ItemPointerGetOffsetNumber(tid);
}

void
consent_gate_note(Relation rel, ItemPointer tid, const uint64 *keys, int nkeys, bool decided)
{
	Gate	   *g = gate;
	int			index;

	/* The verdict was made under lock: see above. */
	if (nkeys == 0 || g->passed)
		return;

	index = noted_relation(rel);
	if (nkeys > 1 || !is_next(index, tid, decided))
		begin_note(index, tid, decided, nkeys > 1);
	for (int i = 0; i < nkeys; i++)
	{
		want_bucket(BUCKET(keys[i]), ShareLock);
		if (g->nwords == g->maxwords)
			begin_note(index, tid, decided, true);
		((Note *) &g->words[g->last_note])->nkeys++;
		g->words[g->nwords++] = KEY_WORD(keys[i]);
	}
	g->nnoted += nkeys;
}

/* Returns false if it is one that was noted a moment ago. */
static bool
note_restricted_key(uint64 key)
{
	Gate	   *g = gate;

	recorded++;
	want_bucket(BUCKET(key), ExclusiveLock);
	if (g->passed)
		lock_bucket(BUCKET(key), ExclusiveLock);
	if (g->all_keys || (g->nkeys > 0 && g->keys[g->nkeys - 1] == key))
		return false;
	if (g->nkeys == KEYS_IN_MEMORY)
	{
		g->all_keys = true;
		return false;
	}
	if (g->nkeys == g->maxkeys)
	{
		g->maxkeys = g->maxkeys ? g->maxkeys * 2 : 4;
		g->keys = g->keys ? repalloc(g->keys, g->maxkeys * sizeof(uint64)) :
			MemoryContextAlloc(TopTransactionContext, g->maxkeys * sizeof(uint64));
	}
	g->keys[g->nkeys++] = key;
	return true;
}

static void
forget_contacts(void)
{
	for (int i = 0; i < gate->ncontacts; i++)
		pfree(gate->contacts[i]);
	if (gate->contacts != NULL)
		pfree(gate->contacts);
	gate->contacts = NULL;
	gate->ncontacts = gate->maxcontacts = 0;
}

static void
note_contact(const ConsentContact *contact)
{
	Gate	   *g = gate;
	Size		size = VARSIZE_ANY(contact);

	if (g->too_many_contacts)
		return;
	if (g->ncontacts == CONTACTS_IN_MEMORY)
	{
		g->too_many_contacts = true;
		forget_contacts();
		return;
	}
	if (g->ncontacts == g->maxcontacts)
	{
		g->maxcontacts = g->maxcontacts ? g->maxcontacts * 2 : 4;
		g->contacts = g->contacts ? repalloc(g->contacts, g->maxcontacts * sizeof(ConsentContact *)) :
			MemoryContextAlloc(TopTransactionContext, g->maxcontacts * sizeof(ConsentContact *));
	}
	g->contacts[g->ncontacts++] = memcpy(MemoryContextAlloc(TopTransactionContext, size), contact, size);
}

/* Something was recorded that may stand against messages to this contact. */
static void
note_restriction(const ConsentContact *contact)
{
	if (!get_gate()->passed)
		begin_watching();
	if (note_restricted_key(consent_address_key(contact)))
		note_contact(contact);
}

static uint64
person_key(const char *person, int len)
{
	return DatumGetUInt64(hash_any_extended((const unsigned char *) person, len, PERSON_SEED));
}

/* Contacts were linked to this person: who links others to them must meet us. */
static void
note_person(const char *person, int len)
{
	if (!get_gate()->passed)
		begin_watching();
	(void) note_restricted_key(person_key(person, len));
}

static int
compare_keys(const void *a, const void *b)
{
	uint64		left = *(const uint64 *) a;
	uint64		right = *(const uint64 *) b;

	return left < right ? -1 : left > right;
}

void
consent_sort_keys(ConsentKeySet *set)
{
	int			n = 0;

	qsort(set->keys, set->n, sizeof(uint64), compare_keys);
	for (int i = 0; i < set->n; i++)
	{
		if (n == 0 || set->keys[n - 1] != set->keys[i])
			set->keys[n++] = set->keys[i];
	}
	set->n = n;
}

bool
consent_key_in_set(const ConsentKeySet *set, uint64 key)
{
	return set->all || (set->n > 0 &&
						bsearch(&key, set->keys, set->n, sizeof(uint64), compare_keys) != NULL);
}

void
consent_add_keys(ConsentKeySet *set, Datum array)
{
	Datum	   *keys;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &keys, NULL, &n);
	set->keys = set->keys ? repalloc_huge(set->keys, (set->n + n) * sizeof(uint64)) : palloc(n * sizeof(uint64));
	for (int i = 0; i < n; i++)
		set->keys[set->n++] = (uint64) DatumGetInt64(keys[i]);
	pfree(keys);
}

Datum
consent_keys_array(const uint64 *keys, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum((int64) keys[i]);
	return PointerGetDatum(construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * Rows that nobody can ask for any more.  One transaction at a time does
 * this, so that no two delete the same row.
 */
static void
prune_log(Relation rel, Oid indexid)
{
	FullTransactionId horizon;
	LOCKTAG		tag;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	int			n = 0;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, LOCK_SPACE_PRUNE, 0, LOCK_CLASS);
	if (LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return;

	horizon = full_xid(GetOldestNonRemovableTransactionId(rel));
	ScanKeyInit(&key, Anum_gate_log_xid, BTLessStrategyNumber, F_XID8LT,
				FullTransactionIdGetDatum(horizon));
	scan = systable_beginscan(rel, indexid, true, SnapshotSelf, 1, &key);
	while (n++ < PRUNE_AT_ONCE && HeapTupleIsValid(tuple = systable_getnext(scan)))
		simple_heap_delete(rel, &tuple->t_self);
	systable_endscan(scan);
}

/* Tell those who have queued: under our exclusive locks. */
static void
write_log(const ConsentKeySet *set)
{
	FullTransactionId xid = GetTopFullTransactionId();
	Oid			indexid;
	Relation	rel = consent_gate_log_open(RowExclusiveLock, &indexid);
	Datum		values[Natts_gate_log];
	bool		nulls[Natts_gate_log];

	memset(nulls, true, sizeof(nulls));
	nulls[Anum_gate_log_xid - 1] = false;
	values[Anum_gate_log_xid - 1] = FullTransactionIdGetDatum(xid);
	values[Anum_gate_log_keys - 1] = consent_gate_log_keys(set, &nulls[Anum_gate_log_keys - 1]);
	CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	if (U64FromFullTransactionId(xid) % PRUNE_EVERY == 0)
		prune_log(rel, indexid);
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

/* The tables that we have queued in, and of which they are partitions. */
static List *
gate_tables(void)
{
	for (; gate->nlisted < gate->nrels; gate->nlisted++)
	{
		Oid			relid = gate->rels[gate->nlisted].relid;
		MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

		gate->tables = list_append_unique_oid(gate->tables, relid);
		if (get_rel_relispartition(relid))
			gate->tables = list_concat_unique_oid(gate->tables, get_partition_ancestors(relid));
		MemoryContextSwitchTo(caller);
	}
	return gate->tables;
}

/*
 * The addresses that something was recorded about by transactions we did not
 * see when we began to judge, our own included, and those whose rows a sweep of
 * one of our tables had to leave.  When that is more reading than judging again,
 * we judge all again.
 */
static ConsentKeySet
suspects(void)
{
	ConsentKeySet set = {0};
	int64		worth = gate->nnoted + 100;
	Oid			indexid;
	Relation	rel = consent_gate_log_open(AccessShareLock, &indexid);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_gate_log_xid, BTGreaterEqualStrategyNumber, F_XID8GE,
				FullTransactionIdGetDatum(gate->unseen));
	scan = systable_beginscan(rel, indexid, true, SnapshotSelf, 1, &key);
	while (!set.all && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		relation = heap_getattr(tuple, Anum_gate_log_relation, RelationGetDescr(rel), &isnull);
		Datum		keys;

		CHECK_FOR_INTERRUPTS();
		if (!isnull)
		{
			if (!list_member_oid(gate_tables(), DatumGetObjectId(relation)))
				continue;
			gate->owing = true;
		}
		keys = heap_getattr(tuple, Anum_gate_log_keys, RelationGetDescr(rel), &isnull);
		if (isnull || worth-- == 0)
			set.all = true;
		else
			consent_add_keys(&set, keys);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	consent_sort_keys(&set);
	return set;
}

/* For consent_addresses_in_links(): is a link about one of these addresses, or one of these persons? */
static bool
is_met(const ConsentContact *root, const char *person, int len, void *met)
{
	return consent_key_in_set(met, consent_address_key(root)) || consent_key_in_set(met, person_key(person, len));
}

/*
 * What these addresses of ours are linked to by now becomes ours.  Only what is
 * linked to them: a "no" goes no further.
 */
static bool
join_linked(const ConsentKeySet *ours, List *contacts, Snapshot snapshot)
{
	bool		joined = false;
	List	   *overtaken = NIL;
	ListCell   *contact;

	foreach(contact, contacts)
	{
		ConsentContact *root = consent_contact_root(lfirst(contact));
		List	   *linked = consent_linked_addresses(root, DT_NOEND, snapshot);
		ListCell   *cell;

		CHECK_FOR_INTERRUPTS();
		foreach(cell, linked)
		{
			uint64		key = consent_address_key(lfirst(cell));

			if (!consent_key_in_set(ours, key))
				joined |= note_restricted_key(key);
		}
		if (linked != NIL)
			overtaken = list_concat(lappend(overtaken, root), linked);
	}

	/* Now that we hold all locks: who comes after us sees it. */
	if (gate->passed)
		consent_refresh_overtaken(overtaken);
	return joined;
}

/*
 * Which of ours has somebody recorded about since we began to record, and unseen
 * by us?  Sorted; one is enough where all of ours are looked up anyway.
 */
static ConsentKeySet
overtaken(const ConsentKeySet *ours)
{
	ConsentKeySet met = {0};
	Oid			indexid;
	Relation	rel = consent_gate_log_open(AccessShareLock, &indexid);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_gate_log_xid, BTGreaterEqualStrategyNumber, F_XID8GE,
				FullTransactionIdGetDatum(gate->unseen));
	scan = systable_beginscan(rel, indexid, true, SnapshotSelf, 1, &key);
	while ((met.n == 0 || gate->too_many_contacts) && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		bool		is_debt = !heap_attisnull(tuple, Anum_gate_log_relation, RelationGetDescr(rel));
		Datum		keys = heap_getattr(tuple, Anum_gate_log_keys, RelationGetDescr(rel), &isnull);
		int			n = met.n;

		CHECK_FOR_INTERRUPTS();
		if (is_debt)
			break;				/* they come last */
		if (isnull)
		{
			/* They may have recorded about any of them. */
			met = *ours;
			break;
		}
		consent_add_keys(&met, keys);
		for (int i = n; i < met.n; i++)
		{
			if (consent_key_in_set(ours, met.keys[i]))
				met.keys[n++] = met.keys[i];
		}
		met.n = n;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	if (met.keys != ours->keys)
		consent_sort_keys(&met);
	return met;
}

/*
 * What is linked to those of ours that others have recorded about, or linked,
 * becomes ours.  Of too many we keep no addresses, but those that matter stand in
 * a link.  Returns false if there was nothing.
 */
static bool
join_others(void)
{
	ConsentKeySet ours = {.all = gate->all_keys, .n = gate->nkeys};
	ConsentKeySet met;
	bool		joined = false;

	if (gate->nkeys == 0 || gate->since == NULL)
		return false;
	ours.keys = palloc_extended(ours.n * sizeof(uint64), MCXT_ALLOC_HUGE);
	memcpy(ours.keys, gate->keys, ours.n * sizeof(uint64));
	consent_sort_keys(&ours);

	met = overtaken(&ours);
	if (met.all || met.n > 0)
	{
		Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
		List	   *contacts = NIL;

		if (gate->too_many_contacts)
			contacts = consent_addresses_in_links(is_met, &met, snapshot);
		for (int i = 0; i < gate->ncontacts; i++)
			contacts = lappend(contacts, gate->contacts[i]);
		joined = join_linked(&ours, contacts, snapshot);
		UnregisterSnapshot(snapshot);
	}
	return joined;
}

/* A relation whose rows are judged again. */
typedef struct Rejudged
{
	Relation	rel;			/* NULL: gone, or no longer guarded */
	bool		rewritten;		/* row addresses no longer hold */
	bool		opened;
	bool		preparing;		/* its rows may not wait */
	List	   *mappings;		/* of its guards */
	TupleTableSlot *slot;
	TableScanDesc scan;
} Rejudged;

static Rejudged *
open_rejudged(Rejudged *r, const NotedRelation *noted, Snapshot snapshot)
{
	Trigger    *trigger;
	int			position = 0;

	if (r->opened)
		return r;
	r->opened = true;

	/* Somebody has locked it already: the statement that wrote the rows. */
	r->rel = try_relation_open(noted->relid, AccessShareLock);
	if (r->rel == NULL)
		return r;
	while ((trigger = consent_guard_next(r->rel, &position)) != NULL)
	{
		ConsentMapping *mapping = consent_guard_mapping(r->rel, trigger);

		if (!mapping->only_flags)
			r->mappings = lappend(r->mappings, mapping);
	}
	if (r->mappings == NIL)
	{
		relation_close(r->rel, AccessShareLock);
		r->rel = NULL;
		return r;
	}
	r->rewritten = r->rel->rd_rel->relfilenode != noted->filenode;
	r->slot = table_slot_create(r->rel, NULL);
	r->scan = r->rewritten ? table_beginscan(r->rel, snapshot, 0, NULL) :
		table_beginscan_tid(r->rel, snapshot);
	return r;
}

static void
close_rejudged(Rejudged *r)
{
	if (r->rel == NULL)
		return;
	table_endscan(r->scan);
	ExecDropSingleTupleTableSlot(r->slot);
	relation_close(r->rel, AccessShareLock);
}

static bool
is_ours(TupleTableSlot *slot)
{
	bool		isnull;
	Datum		xmin = slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull);

	return !isnull && TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin));
}

/* May the row not be in a transaction that is committed nobody knows when? */
static void
refuse_to_prepare(Rejudged *r, bool decided)
{
	ListCell   *cell;

	foreach(cell, r->mappings)
	{
		ConsentJudgement judgement;

		if (consent_guard_judge(lfirst(cell), r->slot, &judgement) == ROW_NOT_PENDING || judgement.nkeys == 0)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has queued marketing"),
				 decided ? errdetail("Withdrawals of its recipients would have to wait until it is committed.") :
				 errdetail("It has changed a row that waits to be sent. Withdrawals of its recipient would have to wait until it is committed."),
				 errhint("Commit it in one step, or have a superuser set pg_consent.prepared_transactions to 'wait'.")));
	}
}

/*
 * Judge the row in the slot as things are now, if it is ours, and treat it as
 * the guard would have.  With a set, only what is refused for its addresses.
 */
static void
rejudge_row(Rejudged *r, bool decided, const ConsentKeySet *set)
{
	ListCell   *cell;

	if (!is_ours(r->slot))
		return;
	if (r->preparing)
	{
		refuse_to_prepare(r, decided);
		return;
	}
	foreach(cell, r->mappings)
	{
		ConsentJudgement judgement;

		if (consent_guard_judge_for(lfirst(cell), r->slot, set, &judgement) == ROW_REFUSED)
		{
			consent_guard_refuse(r->rel, lfirst(cell), &r->slot->tts_tid, decided, &judgement);
			return;
		}
	}
}

/*
 * Judge a noted row as it is now.  It may have been changed or deleted since,
 * or its insertion undone, and then its place taken by somebody else's row.
 */
static void
rejudge_noted(Rejudged *r, BlockNumber block, OffsetNumber offset, bool decided, Snapshot snapshot)
{
	ItemPointerData tid;

	if (r->rel == NULL || r->rewritten)
		return;
	ItemPointerSet(&tid, block, offset);
	if (!table_tuple_tid_valid(r->scan, &tid))
		return;
	table_tuple_get_latest_tid(r->scan, &tid);
	if (table_tuple_fetch_row_version(r->rel, &tid, snapshot, r->slot))
		rejudge_row(r, decided, NULL);
}

/*
 * TRUNCATE, CLUSTER or ALTER TABLE came after: look through the whole of it.
 * It may make all rows look like ours, so what was refused before all this
 * began must not count.
 */
static void
rejudge_rewritten(Rejudged *r, const ConsentKeySet *set, MemoryContext per_row)
{
	while (table_scan_getnextslot(r->scan, ForwardScanDirection, r->slot))
	{
		MemoryContext caller = MemoryContextSwitchTo(per_row);

		CHECK_FOR_INTERRUPTS();
		rejudge_row(r, true, set);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(per_row);
	}
}

/* May a key of which this is the word be in the set? */
static bool
word_in_set(const ConsentKeySet *set, uint32 word)
{
	int			low = 0;
	int			high = set->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (KEY_WORD(set->keys[middle]) < word)
			low = middle + 1;
		else
			high = middle;
	}
	return set->all || (low < set->n && KEY_WORD(set->keys[low]) == word);
}

static void
rejudge_notes(const uint32 *words, int nwords, Rejudged *rejudged, const ConsentKeySet *set, Snapshot snapshot,
			  MemoryContext per_row)
{
	const Note *note;

	for (int at = 0; at + (int) NOTE_WORDS < nwords; at += NOTE_WORDS + note->nkeys)
	{
		note = (const Note *) &words[at];
		for (int i = 0; i < note->nkeys; i++)
		{
			Rejudged   *r;
			MemoryContext caller;

			CHECK_FOR_INTERRUPTS();
			if (!word_in_set(set, words[at + NOTE_WORDS + i]))
				continue;
			r = open_rejudged(&rejudged[note->rel], &gate->rels[note->rel], snapshot);
			caller = MemoryContextSwitchTo(per_row);
			rejudge_noted(r, note->block, note->offset + (note->one_row ? 0 : i), note->decided, snapshot);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(per_row);
		}
	}
}

/* Go through the rows that were noted for the addresses of a set. */
static void
revisit_notes(const ConsentKeySet *set, bool preparing)
{
	Snapshot	snapshot;
	MemoryContext per_row;
	Rejudged   *rejudged;

	/* Mappings may call functions that want an active one. */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(snapshot);
	per_row = AllocSetContextCreate(CurrentMemoryContext, "pg_consent row at commit",
									ALLOCSET_DEFAULT_SIZES);
	rejudged = palloc0(gate->nrels * sizeof(Rejudged));
	for (int i = 0; i < gate->nrels; i++)
		rejudged[i].preparing = preparing;
	rejudge_notes(gate->words, gate->nwords, rejudged, set, snapshot, per_row);
	if (gate->nspilled > 0 && BufFileSeek(gate->spilled, 0, 0, SEEK_SET) != 0)
		elog(ERROR, "could not rewind the gate's temporary file");
	for (int i = 0; i < gate->nspilled; i++)
	{
		consent_buffile_read(gate->spilled, gate->words, NOTES_IN_MEMORY * sizeof(uint32));
		rejudge_notes(gate->words, NOTES_IN_MEMORY, rejudged, set, snapshot, per_row);
	}
	for (int i = 0; i < gate->nrels; i++)
	{
		if (rejudged[i].rel != NULL && rejudged[i].rewritten)
			rejudge_rewritten(&rejudged[i], set, per_row);
		close_rejudged(&rejudged[i]);
	}
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
}

/* Judge again what we queued for addresses about which more is known now. */
static void
judge_again(void)
{
	ConsentKeySet set = suspects();

	if (set.all || set.n > 0)
		revisit_notes(&set, false);
}

/*
 * What we recorded against messages: tell, and sweep.  What the sweep sets off
 * may record more.
 */
static void
settle_restrictions(void)
{
	while (gate->nkeys > 0)
	{
		ConsentKeySet set;

		/* Of what was recorded meanwhile: we hold its locks. */
		(void) join_others();
		set = (ConsentKeySet) {.all = gate->all_keys, .n = gate->nkeys, .keys = gate->keys};

		gate->nkeys = gate->maxkeys = 0;
		gate->keys = NULL;
		gate->all_keys = false;
		gate->too_many_contacts = false;
		forget_contacts();
		consent_sort_keys(&set);
		PushActiveSnapshot(GetLatestSnapshot());
		write_log(&set);
		consent_sweep(&set);
		gate->swept = true;
		consent_erase_traces();
		PopActiveSnapshot();
		AfterTriggerFireDeferred();
	}
}

/* What sweeps of others had to leave (debt.c). */
static void
pay_debts(void)
{
	if (!gate->swept && !gate->owing && !gate->finishing)
		return;
	PushActiveSnapshot(GetLatestSnapshot());
	consent_sweep_debts(gate->swept || gate->finishing ? NIL : gate_tables(), !gate->finishing);
	PopActiveSnapshot();
	AfterTriggerFireDeferred();
	settle_restrictions();
}

static void
pass(bool preparing)
{
	MemoryContext work = AllocSetContextCreate(TopTransactionContext, "pg_consent gate",
											   ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	bool		installed = OidIsValid(get_namespace_oid("consent", true));

	/* Others are looked for under the locks, and what is found takes more of them. */
	do
	{
		lock_buckets();
	} while (installed && join_others());
	gate->passed = true;
	if (installed)
	{
		settle_restrictions();
		if (gate->nrels > 0)
		{
			bool		read_only = XactReadOnly;

			/* SET TRANSACTION READ ONLY binds what comes after it, not us. */
			XactReadOnly = false;
			judge_again();
			AfterTriggerFireDeferred();
			settle_restrictions();
			XactReadOnly = read_only;
		}
		if (!preparing)
			pay_debts();
		else if (gate->finishing && consent_debts() != NIL)
			ereport(WARNING,
					(errmsg("consent.finish_sweeps() has done nothing, because its transaction is prepared"),
					 errhint("Call it in a transaction that is committed in one step.")));
	}

	/* CommitTransaction() has closed the cursors already, but not those that triggers have left open since. */
	while (PreCommit_Portals(preparing))
	{
		AfterTriggerFireDeferred();
		if (installed)
			settle_restrictions();
	}
	if (gate->since != NULL)
		UnregisterSnapshotFromOwner(gate->since, TopTransactionResourceOwner);
	gate->since = NULL;
	if (gate->spilled != NULL)
		BufFileClose(gate->spilled);
	gate->spilled = NULL;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/*
 * Queued, prepared, and committed at anybody's leisure: the locks would be
 * held all that time, or a withdrawal in between would find the row locked, and
 * leave it.  Where that may not be, there may be no pending row of ours whose
 * fate a withdrawal could change.
 */
static void
check_prepare(void)
{
	const ConsentKeySet all = {.all = true};

	if (consent_prepared_transactions != PREPARED_REFUSE)
		return;
	if (gate->nrels > 0 && OidIsValid(get_namespace_oid("consent", true)))
		revisit_notes(&all, true);
	gate->nrels = 0;
	foreach_bucket(i)
	{
		if (gate->wanted[i] == ShareLock)
			gate->wanted[i] = NoLock;
	}
}

static void
transaction_event(XactEvent event, void *arg)
{
	if (gate == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			check_prepare();
			pass(true);
			break;
		case XACT_EVENT_PRE_COMMIT:
			pass(false);
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			gate = NULL;
			break;
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			break;
	}
}

/* consent.finish_sweeps(): in how many guards' tables are rows left? */
PGDLLEXPORT Datum
pg_consent_finish_sweeps(PG_FUNCTION_ARGS)
{
	List	   *debts;
	ListCell   *cell;
	int64		n = 0;

	PreventCommandDuringRecovery("consent.finish_sweeps()");
	PreventCommandIfReadOnly("consent.finish_sweeps()");
	get_gate()->finishing = true;
	debts = consent_debts();
	foreach(cell, debts)
	{
		ConsentDebt *debt = lfirst(cell);
		bool		first = true;

		for (int i = 0; first && i < foreach_current_index(cell); i++)
		{
			ConsentDebt *other = list_nth(debts, i);

			first = debt->relid != other->relid || strcmp(NameStr(debt->guard), NameStr(other->guard)) != 0;
		}
		n += first;
	}
	PG_RETURN_INT64(n);
}

void
consent_gate_init(void)
{
	RegisterXactCallback(transaction_event, NULL);
	consent_ledger_restricted_hook = note_restriction;
	consent_ledger_linked_hook = note_person;
}
