/*-------------------------------------------------------------------------
 *
 * reader.c
 *	  Reads the ledger's rows of one address after another, for statements that
 *	  ask about many.
 *
 * To open the ledger, its part and the part's index takes as long as to find a
 * row in them, so here they stay open, each with a scan that is started again
 * for every address.  Every address is read under a snapshot of its own.
 *
 * What is open belongs to the resource owner that the statement runs under, and
 * must be closed under the same.  The statement's memory does that when it goes,
 * which is within ExecutorEnd().  After an error it goes too, but then the
 * transaction is being aborted, its resource owner releases everything, and here
 * nothing must be touched.  A trigger that is fired when its transaction commits
 * may live in memory that outlives the transaction: what it left open is closed
 * before the commit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "lib/ilist.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
#include "utils/rel.h"

#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "module/compat.h"

/* A part of the ledger; NULLs until it is asked for. */
typedef struct OpenPart
{
	Oid			relid;			/* InvalidOid: it is missing */
	Relation	rel;
	Relation	index;
	IndexScanDesc scan;
	ScanKeyData key;			/* on address; what it is compared with changes */
	TupleTableSlot *slot;
} OpenPart;

struct ConsentReader
{
	dlist_node	node;			/* in open_readers, while it is open */
	bool		is_open;
	SubTransactionId opened_in;
	MemoryContext context;		/* the reader and all it has open live here */
	MemoryContextCallback callback;
	Relation	whole;
	Oid			whole_index;
	int			nparts;
	OpenPart   *parts;			/* by remainder */
	OpenPart   *reading;
};

static dlist_head open_readers = DLIST_STATIC_INIT(open_readers);

static void
forget(ConsentReader *reader)
{
	if (reader->is_open)
		dlist_delete(&reader->node);
	reader->is_open = false;
}

static void
close_reader(ConsentReader *reader)
{
	if (!reader->is_open)
		return;
	forget(reader);
	for (int i = 0; i < reader->nparts; i++)
	{
		OpenPart   *part = &reader->parts[i];

		if (part->scan != NULL)
			index_endscan(part->scan);
		if (part->slot != NULL)
			ExecDropSingleTupleTableSlot(part->slot);
		if (part->index != NULL)
			index_close(part->index, AccessShareLock);
		if (part->rel != NULL)
			table_close(part->rel, AccessShareLock);
	}
	table_close(reader->whole, NoLock);
}

/* An aborting transaction is none in progress. */
static void
statement_ended(void *arg)
{
	if (IsTransactionState())
		close_reader(arg);
	else
		forget(arg);
}

static void
transaction_event(XactEvent event, void *arg)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &open_readers)
	{
		ConsentReader *reader = dlist_container(ConsentReader, node, iter.cur);

		if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
			close_reader(reader);
		else
			forget(reader);
	}
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &open_readers)
	{
		ConsentReader *reader = dlist_container(ConsentReader, node, iter.cur);

		if (reader->opened_in != mine)
			continue;
		if (event == SUBXACT_EVENT_PRE_COMMIT_SUB)
			close_reader(reader);
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			forget(reader);
	}
}

void
consent_reader_init(void)
{
	RegisterXactCallback(transaction_event, NULL);
	RegisterSubXactCallback(subtransaction_event, NULL);
}

ConsentReader *
consent_reader_open(MemoryContext statement)
{
	MemoryContext context = AllocSetContextCreate(statement, "pg_consent reader", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ConsentReader *reader = palloc0(sizeof(ConsentReader));
	PartitionKey key;
	PartitionDesc parts;

	reader->context = context;
	reader->opened_in = GetCurrentSubTransactionId();
	reader->whole = table_open(consent_ledger_relid(&reader->whole_index), AccessShareLock);
	key = RelationGetPartitionKey(reader->whole);
	parts = key ? RelationGetPartitionDesc(reader->whole, true) : NULL;
	if (parts != NULL && parts->nparts > 0 && key->strategy == PARTITION_STRATEGY_HASH)
	{
		reader->nparts = parts->boundinfo->nindexes;
		reader->parts = palloc0(reader->nparts * sizeof(OpenPart));
		for (int i = 0; i < reader->nparts; i++)
		{
			if (parts->boundinfo->indexes[i] >= 0)
				reader->parts[i].relid = parts->oids[parts->boundinfo->indexes[i]];
		}
	}
	reader->callback.func = statement_ended;
	reader->callback.arg = reader;
	MemoryContextRegisterResetCallback(context, &reader->callback);
	dlist_push_head(&open_readers, &reader->node);
	reader->is_open = true;
	MemoryContextSwitchTo(caller);
	return reader;
}

int
consent_reader_part(ConsentReader *reader, const ConsentContact *root)
{
	Datum		value = PointerGetDatum(root);
	bool		isnull = false;
	PartitionKey key;

	if (reader->nparts == 0)
		consent_ledger_part_missing();
	key = RelationGetPartitionKey(reader->whole);
	return compute_partition_hash_value(key->partnatts, key->partsupfunc, key->partcollation, &value, &isnull) % reader->nparts;
}

/* A part, ready to be read.  A ledger that has lost one is an error and not an empty history. */
static OpenPart *
open_part(ConsentReader *reader, int number, Snapshot snapshot)
{
	OpenPart   *part = &reader->parts[number];
	MemoryContext caller;
	Oid			index;

	if (part->scan != NULL)
		return part;
	if (!OidIsValid(part->relid))
		consent_ledger_part_missing();

	caller = MemoryContextSwitchTo(reader->context);
	if (part->rel == NULL)
		part->rel = table_open(part->relid, AccessShareLock);
	index = consent_ledger_index_of_part(part->rel, reader->whole_index);
	if (!OidIsValid(index))
		consent_ledger_part_missing();
	if (part->index == NULL)
		part->index = index_open(index, AccessShareLock);
	if (part->slot == NULL)
		part->slot = table_slot_create(part->rel, NULL);
	consent_ledger_address_key(part->index, NULL, &part->key);
	part->scan = consent_index_beginscan(part->rel, part->index, snapshot, 1);
	MemoryContextSwitchTo(caller);
	return part;
}

void
consent_reader_begin(ConsentReader *reader, const ConsentContact *root, int number, Snapshot snapshot)
{
	OpenPart   *part = open_part(reader, number, snapshot);
	MemoryContext caller = MemoryContextSwitchTo(reader->context);

	part->key.sk_argument = PointerGetDatum(root);
	part->scan->xs_snapshot = snapshot;
	index_rescan(part->scan, &part->key, 1, NULL, 0);
	MemoryContextSwitchTo(caller);
	reader->reading = part;
}

/* Good until the next one; NULL: there are no more. */
TupleTableSlot *
consent_reader_next(ConsentReader *reader)
{
	OpenPart   *part = reader->reading;
	MemoryContext caller = MemoryContextSwitchTo(reader->context);	/* a scan allocates late */
	bool		found = consent_ledger_next(part->scan, (ConsentContact *) DatumGetPointer(part->key.sk_argument), part->slot);

	MemoryContextSwitchTo(caller);
	if (found)
		return part->slot;

	/* Nothing stays pinned while other rows are written: a scan of a hash index that has found nothing holds its bucket. */
	ExecClearTuple(part->slot);
	index_rescan(part->scan, &part->key, 1, NULL, 0);
	reader->reading = NULL;
	return NULL;
}
