/*-------------------------------------------------------------------------
 *
 * newcomer.c
 *	  Writes the standings of addresses that have none yet, many at a time.
 *
 * INSERT ... ON CONFLICT looks each address up, inserts it provisionally and then
 * confirms that, with WAL for each.  Most of a first import is people nobody has
 * heard of: of those many are put into the table at once, and into its indexes
 * one after another.
 *
 * Who is new is only a guess, made by the index: somebody else may be recording
 * for the same address.  The index finds that out, as it does for ON CONFLICT;
 * then our row is taken back, and the address is written as a known one is, which
 * waits for the other.  No subtransaction, nor anything else that could end before
 * the rows of the ledger do.
 *
 * All who record take addresses in their order, so that none waits for one who waits for
 * it.  So behind the first one that is known, or that the index finds somebody at,
 * no more are taken here: what the index has not yet seen of them is in nobody's
 * way.  The row of that one is, because it is taken back by deleting it, where ON
 * CONFLICT undoes it: whoever finds that another is at it leaves all to ON CONFLICT.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "contact/contact.h"
#include "ledger/newcomer.h"
#include "ledger/relation.h"
#include "module/compat.h"

/* So many are put into the table at once. */
#define NEWCOMERS_AT_ONCE 500

struct ConsentNewcomers
{
	Relation	rel;
	LOCKTAG		tag;
	Tuplestorestate *others;	/* for those who turn out to be known */
	EState	   *estate;
	ResultRelInfo *target;
	List	   *arbiters;
	IndexScanDesc scan;			/* of the primary key, for one address */
	RegProcedure equal;
	ConsentContact *greatest;	/* who had a standing before; NULL: nobody has */
	bool		met_known;		/* then the rest is not ours */
	uint64		ntaken_back;
	int			n;
	TupleTableSlot *slots[NEWCOMERS_AT_ONCE];
};

static ConsentContact *
greatest_address(Relation rel, Relation index)
{
	IndexScanDesc scan = consent_index_beginscan(rel, index, SnapshotAny, 0);
	ConsentContact *greatest = NULL;

	scan->xs_want_itup = true;
	index_rescan(scan, NULL, 0, NULL, 0);
	if (index_getnext_tid(scan, BackwardScanDirection) != NULL)
	{
		bool		isnull;
		Datum		address = index_getattr(scan->xs_itup, 1, scan->xs_itupdesc, &isnull);

		greatest = (ConsentContact *) DatumGetPointer(datumCopy(address, false, -1));
	}
	index_endscan(scan);
	return greatest;
}

/* Would anything of somebody's own see the row on its way? */
static bool
is_plain(Relation rel)
{
	const TupleConstr *constraints = RelationGetDescr(rel)->constr;

	return rel->trigdesc == NULL && !rel->rd_rel->relhasrules && !rel->rd_rel->relrowsecurity &&
		(constraints == NULL || constraints->num_check == 0);
}

/*
 * NULL: not now.  Everything lives in the caller's memory until the end.  Values
 * that are added must, too.
 */
ConsentNewcomers *
consent_newcomers_begin(Relation standings, Tuplestorestate *others)
{
	Oid			primary_key = consent_relation("address_standing_pkey");
	ConsentNewcomers *newcomers;
	Relation	index = NULL;
	LOCKTAG		tag;

	/* a lock that nobody else takes: who records by ON CONFLICT does not wait for it */
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, RelationGetRelid(standings), 1);
	if (!is_plain(standings) || LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return NULL;

	newcomers = palloc0(sizeof(ConsentNewcomers));
	newcomers->rel = standings;
	newcomers->tag = tag;
	newcomers->others = others;
	newcomers->estate = CreateExecutorState();
	newcomers->target = makeNode(ResultRelInfo);
	newcomers->arbiters = list_make1_oid(primary_key);
	InitResultRelInfo(newcomers->target, standings, 0, NULL, 0);
	ExecOpenIndices(newcomers->target, false);
	for (int i = 0; i < newcomers->target->ri_NumIndices; i++)
	{
		if (RelationGetRelid(newcomers->target->ri_IndexRelationDescs[i]) == primary_key)
			index = newcomers->target->ri_IndexRelationDescs[i];
	}
	if (index == NULL)
		elog(ERROR, "consent.address_standing has lost its primary key");
	newcomers->equal = lookup_type_cache(TupleDescAttr(RelationGetDescr(index), 0)->atttypid,
										 TYPECACHE_EQ_OPR_FINFO)->eq_opr_finfo.fn_oid;
	newcomers->greatest = greatest_address(standings, index);
	newcomers->scan = consent_index_beginscan(standings, index, SnapshotAny, 1);
	return newcomers;
}

/*
 * Addresses come in order.  What the index has is not asked whether it is still
 * there.
 */
static bool
is_new(ConsentNewcomers *newcomers, const ConsentContact *address)
{
	ScanKeyData key;

	if (newcomers->greatest == NULL || consent_contact_compare(address, newcomers->greatest) > 0)
		return true;
	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, InvalidOid,
						   newcomers->equal, PointerGetDatum(address));
	index_rescan(newcomers->scan, &key, 1, NULL, 0);
	return index_getnext_tid(newcomers->scan, ForwardScanDirection) == NULL;
}

static void
insert_newcomers(ConsentNewcomers *newcomers)
{
	bool		known = false;
	int			nindexed = 0;

	if (newcomers->n == 0)
		return;
	table_multi_insert(newcomers->rel, newcomers->slots, newcomers->n, GetCurrentCommandId(true), 0, NULL);
	while (!known && nindexed < newcomers->n)
	{
		(void) consent_insert_index_tuples(newcomers->target, newcomers->slots[nindexed++], newcomers->estate,
										   &known, newcomers->arbiters);
		ResetPerTupleExprContext(newcomers->estate);
	}
	if (known)
	{
		newcomers->met_known = true;
		CommandCounterIncrement();	/* what is to be deleted must be there */
		for (int i = nindexed - 1; i < newcomers->n; i++)
		{
			simple_table_tuple_delete(newcomers->rel, &newcomers->slots[i]->tts_tid, GetActiveSnapshot());
			tuplestore_puttupleslot(newcomers->others, newcomers->slots[i]);
			newcomers->ntaken_back++;
		}
	}
	for (int i = 0; i < newcomers->n; i++)
		ExecClearTuple(newcomers->slots[i]);
	newcomers->n = 0;
}

/* A row of consent.address_standing; or false, if it is for the others. */
bool
consent_newcomers_add(ConsentNewcomers *newcomers, const Datum *values, const bool *nulls)
{
	int			natts = RelationGetDescr(newcomers->rel)->natts;
	TupleTableSlot *slot;

	if (newcomers->met_known)
		return false;
	if (!is_new(newcomers, (const ConsentContact *) DatumGetPointer(values[0])))
	{
		newcomers->met_known = true;
		insert_newcomers(newcomers);
		return false;
	}
	if (newcomers->slots[newcomers->n] == NULL)
		newcomers->slots[newcomers->n] = table_slot_create(newcomers->rel, NULL);
	slot = newcomers->slots[newcomers->n++];
	memcpy(slot->tts_values, values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	if (newcomers->n == NEWCOMERS_AT_ONCE)
		insert_newcomers(newcomers);
	return true;
}

/* How many are for the others after all. */
uint64
consent_newcomers_end(ConsentNewcomers *newcomers)
{
	insert_newcomers(newcomers);
	for (int i = 0; i < NEWCOMERS_AT_ONCE && newcomers->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(newcomers->slots[i]);
	index_endscan(newcomers->scan);
	ExecCloseIndices(newcomers->target);
	FreeExecutorState(newcomers->estate);
	LockRelease(&newcomers->tag, ExclusiveLock, false);
	CommandCounterIncrement();
	return newcomers->ntaken_back;
}
