/*-------------------------------------------------------------------------
 *
 * health.c
 *	  Does a guard work, and do the rows of its table come from before it?
 *
 * What is wrong with a guard's triggers can be read off them.  That a table
 * has rows which never passed its guard cannot: consent.verified_rows remembers,
 * for each guard of each table, the trigger, and the version of its row in pg_trigger
 * under which all rows were known to have passed.  Disabling the trigger or
 * enabling it writes another version, and one that is made anew is another, so
 * whatever was written behind the guard's back shows as unverified_rows until
 * consent.verify() has judged the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "guard/action.h"
#include "guard/counters.h"
#include "guard/debt.h"
#include "guard/guard.h"
#include "guard/health.h"
#include "guard/log.h"
#include "guard/trigger.h"
#include "ledger/relation.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_guard_fault);
PG_FUNCTION_INFO_V1(pg_consent_guarded_table);
PG_FUNCTION_INFO_V1(pg_consent_guarded_rows);
PG_FUNCTION_INFO_V1(pg_consent_verify);

/* From here on it takes a while to read a table: 8 MB. */
#define LARGE_TABLE_BLOCKS 1024

/*
 * Why a guard cannot be compiled, or NULL if it can.  It is tried in a
 * subtransaction of its own, so that an error is only an answer.
 */
static char *
mapping_fault(Relation rel, Trigger *trigger)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile fault = NULL;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		(void) consent_guard_mapping(rel, trigger);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		fault = error->message;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return fault;
}

/* What keeps a trigger from firing always, NULL if nothing does. */
static const char *
enabled_fault(const Trigger *trigger, const char **health)
{
	switch (trigger->tgenabled)
	{
		case TRIGGER_FIRES_ALWAYS:
			return NULL;
		case TRIGGER_FIRES_ON_REPLICA:
			*health = "replica_only";
			return psprintf("the trigger %s fires in replica sessions only", quote_identifier(trigger->tgname));
		case TRIGGER_FIRES_ON_ORIGIN:
			*health = "disabled";
			return psprintf("the trigger %s does not fire in replica sessions", quote_identifier(trigger->tgname));
		default:
			*health = "disabled";
			return psprintf("the trigger %s is disabled", quote_identifier(trigger->tgname));
	}
}

/* What keeps it from firing for every row that is written: it was made by hand. */
static const char *
reach_fault(const Trigger *trigger, bool inserts, const char **health)
{
	if (consent_guard_sees_all(trigger, inserts))
		return NULL;
	*health = "disabled";
	return psprintf("the trigger %s does not fire for every row that is %s", quote_identifier(trigger->tgname),
					inserts ? "inserted or updated" : "updated");
}

static bool
calls_guard_key(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr))
	{
		char	   *name = get_func_name(((FuncExpr *) node)->funcid);

		if (name != NULL && strcmp(name, "guard_key") == 0 &&
			get_func_namespace(((FuncExpr *) node)->funcid) == get_namespace_oid("consent", true))
			return true;
	}
	return expression_tree_walker(node, calls_guard_key, context);
}

/* The indexes of a table that consent.guard_index() is about. */
List *
consent_health_indexes(Relation rel)
{
	List	   *indexes = RelationGetIndexList(rel);
	List	   *found = NIL;
	ListCell   *cell;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (calls_guard_key((Node *) RelationGetIndexExpressions(index), NULL))
			found = lappend_oid(found, lfirst_oid(cell));
		index_close(index, AccessShareLock);
	}
	return found;
}

/* One that CREATE INDEX CONCURRENTLY has left half made is of no use. */
static bool
has_valid_index(Relation rel)
{
	List	   *indexes = consent_health_indexes(rel);
	ListCell   *cell;
	bool		found = false;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		found = found || index->rd_index->indisvalid;
		index_close(index, AccessShareLock);
	}
	return found;
}

/* Would every withdrawal read the whole of a large table, for want of one? */
bool
consent_health_lacks_index(Relation rel)
{
	return rel->rd_rel->relkind == RELKIND_RELATION && RelationGetNumberOfBlocks(rel) >= LARGE_TABLE_BLOCKS &&
		!has_valid_index(rel);
}

/* By DETACH PARTITION CONCURRENTLY, which may have been cancelled: it has a guard, and no sweep of the table above finds it. */
static bool
is_being_detached(Oid relid)
{
	for (; get_rel_relispartition(relid); relid = get_partition_parent(relid, true))
	{
		if (PartitionHasPendingDetach(relid))
			return true;
	}
	return false;
}

static const char *
guard_fault(Relation rel, Trigger *guard, const char **health)
{
	Trigger    *herald = consent_guard_copy(rel, consent_guard_herald(rel, guard->tgname));
	const char *detail = enabled_fault(guard, health);

	if (detail == NULL)
		detail = reach_fault(guard, true, health);
	if (detail != NULL)
		return detail;
	if (herald == NULL &&
		(consent_guard_argument(guard, "divert") != NULL || rel->rd_rel->relispartition ||
		 rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE))
	{
		*health = "missing";
		return "the trigger that diverts refused rows is missing; they are parked after they are stored";
	}
	detail = herald ? enabled_fault(herald, health) : NULL;
	if (detail == NULL && herald != NULL)
		detail = reach_fault(herald, consent_guard_argument(guard, "divert") != NULL, health);
	if (detail != NULL)
		return detail;
	detail = mapping_fault(rel, guard);
	if (detail != NULL)
	{
		*health = "mapping_broken";
		return detail;
	}
	detail = consent_guard_overtaken_by(rel, guard->tgname);
	if (detail != NULL)
	{
		*health = "overtaken";
		return psprintf("the trigger %s is fired after %s: rows that it rewrites are refused, not diverted",
						quote_identifier(detail), quote_identifier(herald->tgname));
	}
	if (is_being_detached(RelationGetRelid(rel)))
	{
		*health = "unverified_rows";
		return "withdrawals leave rows of a partition that is being detached: ALTER TABLE ... DETACH PARTITION ... FINALIZE, and guard it";
	}
	*health = "ok";
	if (consent_guard_is_swept(guard) && consent_health_lacks_index(rel))
		return "every withdrawal reads the whole table: consent.guard_index() says which index it needs";
	return NULL;
}

static bool
may_read(Oid relid)
{
	return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK;
}

/*
 * How a guard is and whether its table is empty is for whoever may read
 * something of the table, or of the one that it is a partition of, or the ledger.
 */
static bool
may_know(Relation rel)
{
	Oid			root = RelationGetRelid(rel);

	if (may_read(root) || may_read(consent_relation("ledger")))
		return true;
	while (get_rel_relispartition(root))
		root = get_partition_parent(root, true);
	return may_read(root);
}

/*
 * consent.guard_fault(table, trigger, OUT health, OUT detail): NULLs, where that is
 * none of the caller's business, or there is no such table.  This and what else
 * consent.guards calls may find one dropped that the view has seen.
 */
PGDLLEXPORT Datum
pg_consent_guard_fault(PG_FUNCTION_ARGS)
{
	Relation	rel = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	Trigger    *guard;
	const char *health = "missing";
	const char *detail;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (rel == NULL)
		PG_RETURN_NULL();
	if (!may_know(rel))
	{
		table_close(rel, AccessShareLock);
		PG_RETURN_NULL();
	}
	guard = consent_guard_copy(rel, consent_guard_by_trigger(rel, NameStr(*PG_GETARG_NAME(1))));
	detail = guard ? guard_fault(rel, guard, &health) : "there is no such guard";
	nulls[1] = detail == NULL;
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(health);
	values[1] = detail ? CStringGetTextDatum(detail) : (Datum) 0;
	table_close(rel, AccessShareLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* consent.guarded_table(table, trigger): the table that was guarded, where this is a partition or child of it */
PGDLLEXPORT Datum
pg_consent_guarded_table(PG_FUNCTION_ARGS)
{
	Relation	rel = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	Oid			root;

	if (rel == NULL)
		PG_RETURN_NULL();
	root = consent_guarded_table(rel, NameStr(*PG_GETARG_NAME(1)));
	table_close(rel, AccessShareLock);
	PG_RETURN_OID(root);
}

/*
 * Has a table any row?  Under the latest snapshot: one from before the guard's
 * lock would not see what that waited for.
 */
static bool
has_rows(Relation rel)
{
	TableScanDesc scan;
	TupleTableSlot *slot;
	Snapshot	snapshot;
	bool		found;

	if (rel->rd_rel->relkind != RELKIND_RELATION)
		return false;

	/* Nobody but its session can look. */
	if (RELATION_IS_OTHER_TEMP(rel))
		return true;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	slot = table_slot_create(rel, NULL);
	scan = table_beginscan(rel, snapshot, 0, NULL);
	found = table_scan_getnextslot(scan, ForwardScanDirection, slot);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	return found;
}

/* consent.guarded_rows(table): has a guarded table any row?  Of no other table we tell. */
PGDLLEXPORT Datum
pg_consent_guarded_rows(PG_FUNCTION_ARGS)
{
	Relation	rel = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	int			position = 0;
	bool		found;

	if (rel == NULL)
		PG_RETURN_BOOL(false);
	found = consent_guard_next(rel, &position) != NULL && may_know(rel) && has_rows(rel);
	table_close(rel, AccessShareLock);
	PG_RETURN_BOOL(found);
}

/*
 * Run a statement on the tables of this file, as their owner: $1 is the guarded
 * table, $2 and $3 are texts or NULL.
 */
static uint64
remember(const char *statement, int expected, Oid relid, const char *second, const char *third)
{
	Oid			types[] = {REGCLASSOID, TEXTOID, TEXTOID};
	Datum		values[3] = {ObjectIdGetDatum(relid)};
	char		nulls[] = "   ";
	uint64		n;
	ConsentPinned pinned = consent_pin_for_statement(consent_table_owner("verified_rows"), NULL);

	nulls[1] = second ? ' ' : 'n';
	values[1] = second ? CStringGetTextDatum(second) : (Datum) 0;
	nulls[2] = third ? ' ' : 'n';
	values[2] = third ? CStringGetTextDatum(third) : (Datum) 0;
	SPI_connect();
	if (SPI_execute_with_args(statement, lengthof(types), types, values, nulls, false, 0) != expected)
		elog(ERROR, "\"%s\" failed", statement);
	n = SPI_processed;
	SPI_finish();
	consent_unpin(pinned);
	return n;
}

/* All rows of the leaf are known to have passed the guard with this trigger. */
static void
remember_verified(Oid leaf, const char *trigger)
{
	(void) remember("INSERT INTO consent.verified_rows (trigger, trigger_xid, verified_at) "
					"SELECT t.oid, t.xmin, pg_catalog.clock_timestamp() FROM pg_catalog.pg_trigger t "
					"WHERE t.tgrelid = $1 AND t.tgname = $2::name "
					"ON CONFLICT (trigger) DO UPDATE SET trigger_xid = excluded.trigger_xid, verified_at = excluded.verified_at",
					SPI_OK_INSERT, leaf, trigger, NULL);
}

/* What is remembered of triggers that are gone, with their tables or without. */
static void
forget_dropped(Oid relid)
{
	(void) remember("DELETE FROM consent.verified_rows WHERE trigger IN "
					"(SELECT v.trigger FROM consent.verified_rows v WHERE NOT EXISTS "
					"(SELECT FROM pg_catalog.pg_trigger t WHERE t.oid = v.trigger) FOR UPDATE SKIP LOCKED)",
					SPI_OK_DELETE, relid, NULL, NULL);
	consent_counters_forget_dropped();
}

/*
 * A guard has been made.  It is to be there, also when somebody drops its table
 * and makes another of that name.  Are there rows already?  They never passed it.
 */
bool
consent_health_made(Oid relid, const char *trigger, const char *name, const char *on_block)
{
	List	   *leaves;
	ListCell   *lc;
	bool		rows = false;

	/* Nobody could ever miss a temporary table. */
	if (get_rel_persistence(relid) != RELPERSISTENCE_TEMP)
		(void) remember("INSERT INTO consent.expected_guard (relation, name, on_block) "
						"SELECT consent.relation_name($1), COALESCE($2, ''), $3::consent.block_action "
						"ON CONFLICT (relation, name) DO UPDATE SET on_block = excluded.on_block",
						SPI_OK_INSERT, relid, name, on_block);
	forget_dropped(relid);
	leaves = find_all_inheritors(relid, AccessShareLock, NULL);
	foreach(lc, leaves)
	{
		Relation	leaf = table_open(lfirst_oid(lc), AccessShareLock);

		if (has_rows(leaf))
			rows = true;
		else
			remember_verified(RelationGetRelid(leaf), trigger);
		table_close(leaf, AccessShareLock);
	}
	return rows;
}

/* A guard has been removed, all of them if name is NULL.  How many were expected? */
uint64
consent_health_removed(Oid relid, const char *name)
{
	uint64		n = remember("DELETE FROM consent.expected_guard WHERE relation = consent.relation_name($1) AND name = COALESCE($2, name)",
						 SPI_OK_DELETE, relid, name, NULL);

	forget_dropped(relid);
	return n;
}

/* What verify() found in one table by one guard. */
typedef struct Verified
{
	int64		judged;
	int64		refused;
	int64		skipped;		/* locked by somebody: they may be on their way out */
} Verified;

/* Is it ours to change now? */
static bool
lock_row(Relation rel, ItemPointer tid, TupleTableSlot *slot)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TM_FailureData failure;
	bool		locked = table_tuple_lock(rel, tid, snapshot, slot, GetCurrentCommandId(true), LockTupleNoKeyExclusive,
										  LockWaitSkip, 0, &failure) == TM_Ok;

	UnregisterSnapshot(snapshot);
	return locked;
}

static void
verify_row(Relation rel, ConsentMapping *mapping, TupleTableSlot *slot, TupleTableSlot *locked, Verified *found)
{
	ConsentJudgement judgement;
	ItemPointerData tid = slot->tts_tid;
	bool		ours;
	ConsentRowVerdict verdict = consent_guard_judge(mapping, slot, &judgement);

	if (verdict == ROW_NOT_PENDING)
		return;
	found->judged++;
	if (verdict == ROW_ALLOWED)
		return;
	if (mapping->only_flags)
	{
		consent_log_decision(mapping, &judgement, "flagged");
		found->refused++;
		return;
	}

	/* A trigger of the table may have changed it when others were parked. */
	ours = lock_row(rel, &tid, locked);
	if (!ours && consent_action_follow(rel, &tid, locked))
	{
		if (consent_guard_judge(mapping, locked, &judgement) != ROW_REFUSED)
			return;
		ours = lock_row(rel, &tid, locked);
	}
	if (!ours || !consent_action_park(rel, mapping, &tid, &judgement))
	{
		found->skipped++;
		return;
	}
	consent_log_decision(mapping, &judgement, mapping->divert ? "diverted" : "quarantined");
	found->refused++;
}

/*
 * Has this transaction made the trigger, or enabled it?  Then whoever withdraws does
 * not know of it before our commit, and does not sweep what we have judged.
 */
static bool
is_unseen(const Trigger *trigger)
{
	Relation	triggers = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		unseen;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger->tgoid));
	scan = systable_beginscan(triggers, TriggerOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	unseen = HeapTupleIsValid(tuple) && TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	return unseen;
}

static Verified
verify_leaf(Relation rel, Trigger *trigger)
{
	Verified	found = {0};
	ConsentMapping *mapping = consent_guard_mapping(rel, trigger);
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext, "pg_consent verify", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TupleTableSlot *locked = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		caller = MemoryContextSwitchTo(per_row);
		verify_row(rel, mapping, slot, locked, &found);
		MemoryContextSwitchTo(caller);
		ExecClearTuple(locked);
		MemoryContextReset(per_row);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	ExecDropSingleTupleTableSlot(locked);
	UnregisterSnapshot(snapshot);
	MemoryContextDelete(per_row);
	if (!is_unseen(trigger))
	{
		if (found.skipped == 0)
			remember_verified(RelationGetRelid(rel), trigger->tgname);
	}
	else if (has_rows(rel))
		ereport(NOTICE,
				(errmsg("rows of table \"%s\" stay unverified, because withdrawals do not see its guard before this transaction has ended",
						RelationGetRelationName(rel)),
				 errhint("Call consent.verify() once more after the commit.")));
	return found;
}

/* What sweeps had to leave in these tables.  We are about to look at all of their rows. */
static List *
debts_of(List *tables)
{
	List	   *debts = consent_debts();
	ListCell   *cell;

	if (debts == NIL)
		return NIL;

	/* Somebody may be paying: that takes as long as a commit. */
	(void) consent_debts_lock(true);
	debts = consent_debts();
	foreach(cell, debts)
	{
		if (!list_member_oid(tables, ((ConsentDebt *) lfirst(cell))->relid))
			debts = foreach_delete_current(debts, cell);
	}
	return debts;
}

/* Rows of this guard had to be left in a table once more. */
static void
leave_open(List *debts, Oid relid, const char *guard)
{
	List	   *ancestors = get_rel_relispartition(relid) ? get_partition_ancestors(relid) : NIL;
	ListCell   *cell;

	foreach(cell, debts)
	{
		ConsentDebt *debt = lfirst(cell);

		if ((debt->relid == relid || list_member_oid(ancestors, debt->relid)) && consent_debt_is_of(debt, debt->relid, guard))
			debt->open = true;
	}
}

/*
 * consent.verify(table): judge the rows that are there, by every guard, in the
 * table and what belongs to it.
 */
PGDLLEXPORT Datum
pg_consent_verify(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			target = PG_GETARG_OID(0);
	List	   *leaves;
	List	   *debts;
	ListCell   *lc;
	int			nguards = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (!consent_object_ownercheck(target, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(target));
	leaves = find_all_inheritors(target, RowExclusiveLock, NULL);
	consent_gate_wait();
	debts = debts_of(leaves);
	foreach(lc, leaves)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);
		Trigger    *trigger;
		int			position = 0;

		while ((trigger = consent_guard_next(rel, &position)) != NULL)
		{
			Verified	found;
			Datum		values[5];
			bool		nulls[5] = {false};
			const char *name;

			nguards++;
			if (rel->rd_rel->relkind != RELKIND_RELATION)
				continue;
			trigger = consent_guard_copy(rel, trigger);
			found = verify_leaf(rel, trigger);
			if (found.skipped > 0)
				leave_open(debts, RelationGetRelid(rel), trigger->tgname);
			name = consent_guard_argument(trigger, "name");
			values[0] = ObjectIdGetDatum(RelationGetRelid(rel));
			values[1] = name ? CStringGetTextDatum(name) : (Datum) 0;
			nulls[1] = name == NULL;
			values[2] = Int64GetDatum(found.judged);
			values[3] = Int64GetDatum(found.refused);
			values[4] = Int64GetDatum(found.skipped);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
		table_close(rel, NoLock);
	}
	if (nguards == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" is not guarded", get_rel_name(target))));
	foreach(lc, debts)
	{
		if (!((ConsentDebt *) lfirst(lc))->open)
			consent_debt_delete(lfirst(lc));
	}
	return (Datum) 0;
}
