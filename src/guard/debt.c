/*-------------------------------------------------------------------------
 *
 * debt.c
 *	  What sweeps had to leave, until somebody has done it.
 *
 * A sweep waits for nobody: a row or a table that another transaction has locked
 * it leaves, and so a guard that is broken or too slow (sweep.c).  What is left is
 * a debt: the guard, and the addresses whose rows are to be looked at once more.
 *
 * A debt is a row of consent.gate_log whose transaction number is later than any
 * other, so that every transaction that queues finds it when it commits, whenever
 * it began, and judges again what it has for these addresses (gate.c).  That is
 * what reaches who kept the sweep out: a transaction that has locked the table may
 * have had no number yet, and see the withdrawal committed before it does anything;
 * but as long as it holds the lock nobody else can pay.
 *
 * Paying is sweeping again.  It takes no bucket: the withdrawal told those who
 * queue of itself, and every row is judged anew.  One transaction at a time pays,
 * so that no two delete the same row of the log.
 *
 * Whoever withdraws, or queues in that table, pays in passing when it commits: a
 * few addresses, not again and again while the other still holds on, and not what
 * has taken too long before.  consent.finish_sweeps() pays all there is, and
 * consent.verify() what a table owes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "guard/debt.h"
#include "ledger/relation.h"

Relation
consent_gate_log_open(LOCKMODE mode, Oid *indexid)
{
	Relation	rel = table_open(consent_relation("gate_log"), mode);

	*indexid = consent_relation("gate_log_xid");
	consent_check_columns("gate_log", RelationGetDescr(rel), Natts_gate_log);
	return rel;
}

/* The addresses as the log has them: NULL where they are all, or too many. */
Datum
consent_gate_log_keys(const ConsentKeySet *set, bool *isnull)
{
	*isnull = set->all || set->n > KEYS_IN_LOG;
	return *isnull ? (Datum) 0 : consent_keys_array(set->keys, set->n);
}

/* To pay, or to say that it has been done.  Until the end of the transaction. */
bool
consent_debts_lock(bool wait)
{
	ResourceOwner owner = CurrentResourceOwner;
	LOCKTAG		tag;
	bool		locked;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, LOCK_SPACE_DEBTS, 0, LOCK_CLASS);
	CurrentResourceOwner = TopTransactionResourceOwner;
	locked = LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
	CurrentResourceOwner = owner;
	return locked;
}

static ConsentDebt *
read_debt(HeapTuple tuple, TupleDesc desc)
{
	ConsentDebt *debt = palloc0(sizeof(ConsentDebt));
	bool		isnull;
	Datum		keys = heap_getattr(tuple, Anum_gate_log_keys, desc, &debt->keys.all);
	Datum		relation = heap_getattr(tuple, Anum_gate_log_relation, desc, &isnull);

	debt->tid = tuple->t_self;
	debt->relid = DatumGetObjectId(relation);
	debt->guard = *DatumGetName(heap_getattr(tuple, Anum_gate_log_guard, desc, &isnull));
	debt->since = DatumGetTimestampTz(heap_getattr(tuple, Anum_gate_log_since, desc, &isnull));
	debt->retry_at = DatumGetTimestampTz(heap_getattr(tuple, Anum_gate_log_retry_at, desc, &isnull));
	if (!debt->keys.all)
		consent_add_keys(&debt->keys, keys);
	return debt;
}

/* All that others have left. */
List *
consent_debts(void)
{
	List	   *debts = NIL;
	Oid			indexid;
	Relation	rel = consent_gate_log_open(AccessShareLock, &indexid);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_gate_log_xid, BTEqualStrategyNumber, F_XID8EQ, FullTransactionIdGetDatum(DEBT_XID));
	scan = systable_beginscan(rel, indexid, true, SnapshotSelf, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)))
			debts = lappend(debts, read_debt(tuple, RelationGetDescr(rel)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return debts;
}

/* Is there no guard of that name?  It may have been removed, or renamed. */
bool
consent_debt_is_orphan(const ConsentDebt *debt)
{
	return !OidIsValid(get_trigger_oid(debt->relid, NameStr(debt->guard), true));
}

/* What was left for a guard that is called otherwise by now is left for each of the table's: one of them may be that. */
bool
consent_debt_is_of(const ConsentDebt *debt, Oid relid, const char *guard)
{
	return debt->relid == relid && (strcmp(NameStr(debt->guard), guard) == 0 || consent_debt_is_orphan(debt));
}

void
consent_debt_add(const ConsentDebt *debt)
{
	Oid			indexid;
	Relation	rel = consent_gate_log_open(RowExclusiveLock, &indexid);
	Datum		values[Natts_gate_log];
	bool		nulls[Natts_gate_log] = {false};

	values[Anum_gate_log_xid - 1] = FullTransactionIdGetDatum(DEBT_XID);
	values[Anum_gate_log_keys - 1] = consent_gate_log_keys(&debt->keys, &nulls[Anum_gate_log_keys - 1]);
	values[Anum_gate_log_relation - 1] = ObjectIdGetDatum(debt->relid);
	values[Anum_gate_log_guard - 1] = NameGetDatum(&debt->guard);
	values[Anum_gate_log_since - 1] = TimestampTzGetDatum(debt->since);
	values[Anum_gate_log_retry_at - 1] = TimestampTzGetDatum(debt->retry_at);
	CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

/* Under the lock. */
void
consent_debt_delete(ConsentDebt *debt)
{
	Oid			indexid;
	Relation	rel = consent_gate_log_open(RowExclusiveLock, &indexid);
	ItemPointerData tid = debt->tid;

	CatalogTupleDelete(rel, &tid);
	debt->deleted = true;
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}
