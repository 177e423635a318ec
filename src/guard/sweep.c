/*-------------------------------------------------------------------------
 *
 * sweep.c
 *	  Cancels what is queued for an address when something has been recorded
 *	  that stands against it, in the same transaction.
 *
 * The gate calls this at pre-commit, under the exclusive locks of the
 * addresses: who has queued for them and committed is seen here, and who has
 * not committed yet will find our entry in the log of the gate.  Every row
 * found is judged again, by the same guard that let it in, and only what is
 * refused now is parked in its terminal state, or in consent.quarantine: a
 * service message stays.
 *
 * A sweep must neither wait nor fail the withdrawal that it is part of.  Rows
 * and tables that another transaction has locked are skipped, any other wait
 * ends after a moment, and each guard, and each row, has a subtransaction of
 * its own: a guard that is broken is written down in consent.sweep_log, and the
 * withdrawal stands.  A mapping that sleeps is stopped after
 * pg_consent.sweep_timeout, and then its guard is given up: withdrawals of others
 * who share a lock wait for ours.  What was left is swept later (debt.c).
 *
 * Statements run as the table's owner, under pinned settings, and each under a
 * snapshot of its own whatever the isolation level of the transaction, so that
 * they see what has committed by now.
 *
 * To find the rows of one address among millions the table needs an index on
 * consent.guard_key() of its recipients, which consent.guard_index() makes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "guard/action.h"
#include "guard/debt.h"
#include "guard/guard.h"
#include "guard/health.h"
#include "guard/log.h"
#include "guard/sweep.h"
#include "ledger/relation.h"
#include "module/compat.h"
#include "module/module.h"

/* Columns of consent.sweep_log, as log.sql creates them. */
enum
{
	SWEEP_LOG_AT,
	SWEEP_LOG_CONTACT_DIGEST,
	SWEEP_LOG_RELATION,
	SWEEP_LOG_CANCELLED,
	SWEEP_LOG_SKIPPED,
	SWEEP_LOG_PROBLEM,
	SWEEP_LOG_NATTS
};

PG_FUNCTION_INFO_V1(pg_consent_guard_keys);
PG_FUNCTION_INFO_V1(pg_consent_guard_key);

/* Nobody holds a lock for longer without a reason that we had better not wait for. */
#define LOCK_TIMEOUT "100ms"

/* With more addresses than this the pending rows are read whole. */
#define KEYS_IN_QUERY (16 * 1024)

#define ROWS_AT_ONCE 1000

/* Debts are paid in passing for so many addresses at most. */
#define KEYS_IN_PASSING 1000

/* In passing, what could not be paid is tried again when it is twice as old, but after so many seconds. */
#define RETRY_AFTER_MIN 1
#define RETRY_AFTER_MAX 60

#define TIME_IS_UP "a mapping or a trigger took longer than pg_consent.sweep_timeout: rows are left pending"

/* What happened to the rows of one address in one table. */
typedef struct Tally
{
	uint64		key;
	int64		cancelled;
	int64		skipped;
} Tally;

/* A guard at work. */
typedef struct Sweep
{
	const ConsentKeySet *set;
	Oid			relid;
	Oid			trigger;
	NameData	name;			/* its */
	bool		again;			/* what an earlier sweep had to leave */
	bool		in_passing;		/* and only if it costs little */
	MemoryContext context;		/* of the two below */
	HTAB	   *tallies;
	const char *problem;		/* the first, NULL: none */
	bool		given_up;		/* it takes too long */
} Sweep;

/* While a sweep runs: what it does now has to be done by then. */
static TimeoutId timer = MAX_TIMEOUTS;	/* none yet */
static volatile sig_atomic_t time_is_up = false;

/* Is the transaction, in which we work as READ COMMITTED, SERIALIZABLE? */
static bool serializable = false;

/* A signal handler. */
static void
stop_waiting(void)
{
	time_is_up = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

/* A step begins: a row, or the search for the next ones. */
static void
start_timer(void)
{
	if (consent_sweep_timeout == 0)
		return;
	if (timer == MAX_TIMEOUTS)
		timer = RegisterTimeout(USER_TIMEOUT, stop_waiting);
	enable_timeout_after(timer, consent_sweep_timeout);
}

static void
stop_timer(void)
{
	if (timer != MAX_TIMEOUTS)
		disable_timeout(timer, false);

	/* It may have come too late to stop anything. */
	if (time_is_up)
		QueryCancelPending = false;
	time_is_up = false;
}

/* The guards, but for clones: a partitioned table is swept as a whole. */
static List *
find_guards(void)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	Relation	triggers = table_open(TriggerRelationId, AccessShareLock);
	List	   *guards = NIL;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ProcedureRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(consent_guard_function("guard_check")));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend dependent = (Form_pg_depend) GETSTRUCT(tuple);
		ScanKeyData key;
		SysScanDesc one;

		if (dependent->classid != TriggerRelationId)
			continue;
		ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(dependent->objid));
		one = systable_beginscan(triggers, TriggerOidIndexId, true, NULL, 1, &key);
		tuple = systable_getnext(one);
		if (HeapTupleIsValid(tuple))
		{
			Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

			/* Another session's temporary table is out of reach, and of nobody's queue. */
			if (!OidIsValid(form->tgparentid) && form->tgenabled != TRIGGER_DISABLED &&
				!isOtherTempNamespace(get_rel_namespace(form->tgrelid)))
			{
				Sweep	   *sweep = palloc0(sizeof(Sweep));

				sweep->relid = form->tgrelid;
				sweep->trigger = form->oid;
				sweep->name = form->tgname;
				guards = lappend(guards, sweep);
			}
		}
		systable_endscan(one);
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	table_close(depend, AccessShareLock);
	return guards;
}

static Tally *
tally(Sweep *sweep, uint64 key)
{
	Tally	   *entry;
	bool		found;

	entry = hash_search(sweep->tallies, &key, HASH_ENTER, &found);
	if (!found)
		entry->cancelled = entry->skipped = 0;
	return entry;
}

/*
 * What went wrong, for the log, which outlives an erasure: the error's message
 * as its source has it, without what was put into it, for that may be an
 * address.  All of it goes to the server's log.
 */
static const char *
describe(Sweep *sweep, const ErrorData *error)
{
	MemoryContext caller = MemoryContextSwitchTo(sweep->context);
	const char *format = error->message_id;
	StringInfoData text;

	ereport(LOG_SERVER_ONLY,
			(errcode(error->sqlerrcode),
			 errmsg("sweep of table %u: %s", sweep->relid, error->message ? error->message : "")));
	initStringInfo(&text);
	for (const char *p = format; p != NULL && *p != '\0'; p++)
	{
		if (*p != '%')
			appendStringInfoChar(&text, *p);
		else if (p[1] == '%')
			appendStringInfoChar(&text, *p++);
		else
		{
			/* a conversion: flags, width and length, and the letter */
			p += 1 + strspn(p + 1, "-+ #0123456789.*hlzjt$");
			appendStringInfoString(&text, "...");
			if (*p == '\0')
				break;
		}
	}
	if (text.len == 0 || strcmp(text.data, "...") == 0)
	{
		resetStringInfo(&text);
		appendStringInfo(&text, "an error of SQLSTATE %s; the server's log has its message",
						 unpack_sql_state(error->sqlerrcode));
	}
	if (error->constraint_name != NULL)
		appendStringInfo(&text, ": %s", error->constraint_name);
	MemoryContextSwitchTo(caller);
	return text.data;
}

/*
 * Run a step in a subtransaction, so that an error is only something to be
 * noted.  What is not the guard's fault is an error of the whole.
 */
static bool
attempt(void (*step) (Sweep *sweep, void *arg), Sweep *sweep, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		step(sweep, arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();

		/* Always: the transaction is in its commit, and could not go on in a part of it. */
		RollbackAndReleaseCurrentSubTransaction();
		switch (error->sqlerrcode)
		{
			case ERRCODE_QUERY_CANCELED:
				if (time_is_up)
				{
					sweep->given_up = true;
					break;
				}
				/* FALLTHROUGH */
			case ERRCODE_ADMIN_SHUTDOWN:
			case ERRCODE_CRASH_SHUTDOWN:
			case ERRCODE_T_R_SERIALIZATION_FAILURE:

				/*
				 * heapam_tuple_lock() says it at any level, of a row that somebody
				 * has moved to another partition.
				 */
				if (error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE && !serializable)
					break;
				stop_timer();
				MemoryContextSwitchTo(caller);
				CurrentResourceOwner = owner;
				ReThrowError(error);
		}
		if (sweep->given_up)
		{
			ereport(LOG_SERVER_ONLY,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("a mapping or a trigger took longer than pg_consent.sweep_timeout"),
					 errdetail("It was part of the sweep of table %u.", sweep->relid)));
			sweep->problem = TIME_IS_UP;
		}
		else if (sweep->problem == NULL)
			sweep->problem = describe(sweep, error);
		done = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return done;
}

/* A row that is refused now. */
typedef struct Doomed
{
	Relation	rel;
	ConsentMapping *mapping;
	TupleTableSlot *slot;
	ConsentJudgement judgement;
	bool		refused;
	bool		skipped;
	bool		cancelled;
} Doomed;

/*
 * Lock it, unless somebody else has, and park it.  Who changed it in the
 * meantime may have made it another message, so it is judged once more.
 */
static void
park(Sweep *sweep, void *arg)
{
	Doomed	   *doomed = arg;
	ItemPointerData tid = doomed->slot->tts_tid;
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TM_FailureData failure;
	TM_Result	result;

	result = table_tuple_lock(doomed->rel, &tid, snapshot, doomed->slot, GetCurrentCommandId(false),
							  LockTupleNoKeyExclusive, LockWaitSkip,
							  TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
	UnregisterSnapshot(snapshot);
	if (result == TM_WouldBlock)
	{
		doomed->skipped = true;
		return;
	}
	if (result != TM_Ok)
		return;					/* deleted */
	if (failure.traversed &&
		consent_guard_judge_for(doomed->mapping, doomed->slot, sweep->set, &doomed->judgement) != ROW_REFUSED)
		return;
	tid = doomed->slot->tts_tid;
	if (consent_action_park(doomed->rel, doomed->mapping, &tid, &doomed->judgement))
	{
		consent_log_decision(doomed->mapping, &doomed->judgement,
							 doomed->mapping->divert != NULL ? "diverted" : "quarantined");
		consent_action_fire_deferred(doomed->rel, doomed->mapping->owner);
		doomed->cancelled = true;
	}
	else
		doomed->skipped = true;
}

/*
 * Lock a guarded table, or a partition, if that takes no waiting.  Who has ended,
 * and is letting go of its locks one by one, is no hindrance: it has made its
 * last check and will not see us.
 */
static bool
lock_guarded(Oid relid)
{
	LOCKTAG		tag;
	int			n;

	if (ConditionalLockRelationOid(relid, RowExclusiveLock))
		return true;
	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
	(void) GetLockConflicts(&tag, RowExclusiveLock, &n);
	if (n > 0)
		return false;
	LockRelationOid(relid, RowExclusiveLock);
	return true;
}

/* A partition, or the table itself, while its rows come by. */
typedef struct Leaf
{
	Relation	rel;
	ConsentMapping *mapping;
	TupleTableSlot *slot;
} Leaf;

static void
close_leaf(Leaf *leaf)
{
	if (leaf->rel == NULL)
		return;
	ExecDropSingleTupleTableSlot(leaf->slot);
	table_close(leaf->rel, NoLock);
	leaf->rel = NULL;
}

/* The clone there of a guard, or the guard itself; false if somebody has locked it. */
static bool
open_leaf(Leaf *leaf, Oid relid, const Trigger *guard)
{
	Trigger    *trigger;

	if (leaf->rel != NULL && RelationGetRelid(leaf->rel) == relid)
		return true;
	close_leaf(leaf);
	if (!lock_guarded(relid))
		return false;
	leaf->rel = table_open(relid, NoLock);
	leaf->slot = table_slot_create(leaf->rel, NULL);

	/* A clone has the name of what it was cloned from. */
	trigger = consent_guard_by_trigger(leaf->rel, guard->tgname);
	if (trigger == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("partition \"%s\" has lost its guard", RelationGetRelationName(leaf->rel))));
	leaf->mapping = consent_guard_mapping(leaf->rel, trigger);
	return true;
}

static void
look(Sweep *sweep, void *arg)
{
	Doomed	   *doomed = arg;

	doomed->refused = consent_guard_judge_for(doomed->mapping, doomed->slot, sweep->set, &doomed->judgement) == ROW_REFUSED;
}

/* Those of some addresses that are in the set. */
static ConsentKeySet
for_us(const ConsentKeySet *set, Datum array)
{
	ConsentKeySet ours = {0};
	int			n = 0;

	consent_add_keys(&ours, array);
	for (int i = 0; i < ours.n; i++)
	{
		if (consent_key_in_set(set, ours.keys[i]))
			ours.keys[n++] = ours.keys[i];
	}
	ours.n = n;
	consent_sort_keys(&ours);
	return ours;
}

/* A row is left for all of them: by the time it can be had, one may have agreed again. */
static void
leave_row(Sweep *sweep, const ConsentKeySet *ours)
{
	for (int i = 0; i < ours->n; i++)
		tally(sweep, ours->keys[i])->skipped++;
}

/*
 * A row that is not found any more: has it been updated, and not just deleted?
 * Then it has most likely moved to another partition, where the chain of its
 * versions does not lead.  heap_delete() points a row that was deleted to itself.
 */
static bool
was_updated(Leaf *leaf, ItemPointer tid)
{
	return table_tuple_fetch_row_version(leaf->rel, tid, SnapshotAny, leaf->slot) &&
		!ItemPointerEquals(tid, &ExecFetchSlotHeapTuple(leaf->slot, false, NULL)->t_data->t_ctid);
}

/*
 * A row that is pending, for some of the addresses: ours.  A mapping that errs on
 * it must not keep the sweep from the others.
 */
static void
sweep_row(Sweep *sweep, Leaf *leaf, ItemPointer tid, const ConsentKeySet *ours)
{
	Doomed		doomed = {.rel = leaf->rel, .mapping = leaf->mapping, .slot = leaf->slot};

	/* A trigger of the table may have changed it when others were parked. */
	bool		found = consent_action_follow(leaf->rel, tid, leaf->slot);

	if (found ? !attempt(look, sweep, &doomed) : was_updated(leaf, tid))
		leave_row(sweep, ours);
	else if (doomed.refused)
	{
		if (!attempt(park, sweep, &doomed) || doomed.skipped)
			leave_row(sweep, ours);
		else if (doomed.cancelled)
			tally(sweep, doomed.judgement.keys[doomed.judgement.nkeys - 1])->cancelled++;
	}
	ExecClearTuple(leaf->slot);
}

/*
 * SELECT tableoid, ctid, guard_keys(recipient, region) FROM t AS outbound_row
 * WHERE guard_key(recipient, region) = ANY ($1) AND (pending) IS NOT FALSE
 *
 * guard_key() of a list of addresses is 0, and so is what we ask for beside the
 * addresses themselves.
 */
static char *
candidates_query(Relation rel, Trigger *trigger, bool by_key)
{
	const char *recipient = consent_guard_argument(trigger, "recipient");
	const char *pending = consent_guard_argument(trigger, "pending");
	const char *applies = consent_guard_argument(trigger, "applies");
	const char *region = consent_guard_argument(trigger, "region");
	StringInfoData query;

	/* Somebody has made the trigger by hand. */
	if (recipient == NULL || region == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.guard_check() lacks a mapping")));
	region = quote_literal_cstr(region);

	/* In a row that is not its concern, a guard's mappings may be errors. */
	if (applies != NULL)
		recipient = psprintf("CASE WHEN (%s) IS NOT FALSE THEN %s END", applies, recipient);
	initStringInfo(&query);
	appendStringInfo(&query, "SELECT " CONSENT_ROW_NAME ".tableoid, " CONSENT_ROW_NAME ".ctid, consent.guard_keys(%s, %s) FROM %s%s AS "
					 CONSENT_ROW_NAME " WHERE (%s) IS NOT FALSE",
					 recipient, region,
					 rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					 consent_qualified_name(RelationGetRelid(rel)),
					 pending ? pending : "true");
	if (by_key)
		appendStringInfo(&query, " AND consent.guard_key(%s, %s) OPERATOR(pg_catalog.=) ANY ($1)", recipient, region);
	return query.data;
}

/* The addresses, and 0, as bigint[]. */
static Datum
keys_to_ask(const ConsentKeySet *set)
{
	uint64	   *keys = palloc0((set->n + 1) * sizeof(uint64));

	if (set->n > 0)
		memcpy(keys, set->keys, set->n * sizeof(uint64));
	return consent_keys_array(keys, set->n + 1);
}

/* Statements on the table run as its owner, who sees all of it. */
static void
become(Oid owner, const ConsentPinned *pinned)
{
	SetUserIdAndSecContext(owner, pinned->context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
}

static void
sweep_rows(Sweep *sweep, const Trigger *trigger, Leaf *leaf, SPITupleTable *rows, uint64 n, MemoryContext work)
{
	for (uint64 i = 0; i < n && !sweep->given_up; i++)
	{
		bool		isnull;
		Oid			relid = DatumGetObjectId(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull));
		ItemPointer tid = (ItemPointer) DatumGetPointer(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull));
		Datum		keys = SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &isnull);
		ConsentKeySet ours = {0};
		MemoryContext caller;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(work);
		caller = MemoryContextSwitchTo(work);
		if (!isnull)
			ours = for_us(sweep->set, keys);
		MemoryContextSwitchTo(caller);
		if (ours.n == 0)
			continue;
		start_timer();
		if (!open_leaf(leaf, relid, trigger))
		{
			leave_row(sweep, &ours);
			continue;
		}
		MemoryContextSwitchTo(work);
		sweep_row(sweep, leaf, tid, &ours);
		MemoryContextSwitchTo(caller);
	}
}

static bool
lacks_index(Relation rel)
{
	bool		lacking = consent_health_lacks_index(rel);
	List	   *leaves = NIL;
	ListCell   *cell;

	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		leaves = find_all_inheritors(RelationGetRelid(rel), AccessShareLock, NULL);
	foreach(cell, leaves)
	{
		Relation	leaf = table_open(lfirst_oid(cell), NoLock);

		lacking = lacking || consent_health_lacks_index(leaf);
		table_close(leaf, NoLock);
	}
	return lacking;
}

static void
sweep_guard(Sweep *sweep, void *arg)
{
	bool		by_key = !sweep->set->all && sweep->set->n <= KEYS_IN_QUERY;
	Relation	rel;
	TriggerDesc *triggers;
	Trigger    *trigger = NULL;
	Leaf		leaf = {NULL};
	MemoryContext work;
	ConsentPinned pinned;
	SPIPlanPtr	plan;
	Portal		portal;
	Oid			types[] = {INT8ARRAYOID};
	Datum		values[1];
	uint64		n;

	if (!lock_guarded(sweep->relid))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("the table is locked by another transaction")));
	rel = try_relation_open(sweep->relid, NoLock);
	if (rel == NULL)
		return;					/* dropped a moment ago, as below */
	triggers = CopyTriggerDesc(rel->trigdesc);
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (triggers->triggers[i].tgoid == sweep->trigger)
			trigger = &triggers->triggers[i];
	}
	if (trigger != NULL && !consent_guard_is_swept(trigger))
		trigger = NULL;
	if (trigger == NULL)
	{
		relation_close(rel, NoLock);
		return;
	}

	/* Whoever comes by had better not read all of a large table. */
	if (sweep->in_passing && lacks_index(rel))
	{
		sweep->given_up = true;
		relation_close(rel, NoLock);
		return;
	}

	pinned = consent_pin(InvalidOid, consent_guard_argument(trigger, "region"));
	SPI_connect();
	work = AllocSetContextCreate(CurrentMemoryContext, "pg_consent swept row", ALLOCSET_DEFAULT_SIZES);
	if (by_key)
		values[0] = keys_to_ask(sweep->set);
	become(rel->rd_rel->relowner, &pinned);
	plan = SPI_prepare(candidates_query(rel, trigger, by_key), by_key ? 1 : 0, types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, values, NULL, false);
	do
	{
		SPITupleTable *rows;

		start_timer();
		become(rel->rd_rel->relowner, &pinned);
		SPI_cursor_fetch(portal, true, ROWS_AT_ONCE);
		SetUserIdAndSecContext(pinned.user, pinned.context);
		rows = SPI_tuptable;
		n = SPI_processed;
		sweep_rows(sweep, trigger, &leaf, rows, n, work);
		SPI_freetuptable(rows);
	} while (n > 0 && !sweep->given_up);
	close_leaf(&leaf);
	SPI_cursor_close(portal);
	SPI_finish();
	consent_unpin(pinned);
	relation_close(rel, NoLock);
}

/* Whoever looks up an address computes this digest with guard_key(). */
static Datum
digest_of(uint64 key)
{
	bytea	   *digest = palloc(VARHDRSZ + sizeof(uint64));

	SET_VARSIZE(digest, VARHDRSZ + sizeof(uint64));
	for (int i = 0; i < sizeof(uint64); i++)
		VARDATA(digest)[i] = (char) (key >> (8 * (sizeof(uint64) - 1 - i)));
	return PointerGetDatum(digest);
}

/* What was done, and what was left.  Of a debt only what was done: the rest has been said. */
static void
write_sweep_log(Sweep *sweep)
{
	Relation	rel;
	HASH_SEQ_STATUS status;
	Tally	   *entry;

	/* Something went wrong before a row was found: said once. */
	if (sweep->problem != NULL && hash_get_num_entries(sweep->tallies) == 0)
		(void) tally(sweep, sweep->set->n > 0 ? sweep->set->keys[0] : 0);
	if (hash_get_num_entries(sweep->tallies) == 0)
		return;

	rel = table_open(consent_relation("sweep_log"), RowExclusiveLock);
	consent_check_columns("sweep_log", RelationGetDescr(rel), SWEEP_LOG_NATTS);
	hash_seq_init(&status, sweep->tallies);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		Datum		values[SWEEP_LOG_NATTS];
		bool		nulls[SWEEP_LOG_NATTS] = {false};

		if (sweep->again && entry->cancelled == 0)
			continue;
		values[SWEEP_LOG_AT] = TimestampTzGetDatum(GetCurrentTimestamp());
		values[SWEEP_LOG_CONTACT_DIGEST] = digest_of(entry->key);
		values[SWEEP_LOG_RELATION] = ObjectIdGetDatum(sweep->relid);
		values[SWEEP_LOG_CANCELLED] = Int64GetDatum(entry->cancelled);
		values[SWEEP_LOG_SKIPPED] = Int64GetDatum(entry->skipped);
		if (sweep->problem != NULL)
			values[SWEEP_LOG_PROBLEM] = CStringGetTextDatum(sweep->problem);
		else
			nulls[SWEEP_LOG_PROBLEM] = true;
		CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	}
	table_close(rel, RowExclusiveLock);
	CommandCounterIncrement();
}

/*
 * Whose rows had to be left?  Those of all addresses where the table was left as
 * a whole, or given up before its end.
 */
static ConsentKeySet
left_over(Sweep *sweep)
{
	ConsentKeySet left = {0};
	HASH_SEQ_STATUS status;
	Tally	   *entry;

	if (sweep->given_up || (sweep->problem != NULL && hash_get_num_entries(sweep->tallies) == 0))
		return *sweep->set;
	if (hash_get_num_entries(sweep->tallies) == 0)
		return left;
	left.keys = palloc(hash_get_num_entries(sweep->tallies) * sizeof(uint64));
	hash_seq_init(&status, sweep->tallies);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->skipped > 0)
			left.keys[left.n++] = entry->key;
	}
	consent_sort_keys(&left);
	return left;
}

/*
 * Sweep the table of a guard, and leave as a debt what must be left.  since is
 * when that was left first.
 */
static void
sweep_and_tell(Sweep *sweep, const ConsentKeySet *set, TimestampTz since)
{
	HASHCTL		ctl = {
		.keysize = sizeof(uint64), .entrysize = sizeof(Tally), .hcxt = CurrentMemoryContext
	};
	ConsentDebt debt = {.relid = sweep->relid, .guard = sweep->name, .since = since};

	sweep->set = set;
	sweep->context = CurrentMemoryContext;
	sweep->tallies = hash_create("pg_consent sweep", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	start_timer();
	if (!attempt(sweep_guard, sweep, NULL))
	{
		/* What was counted has been undone. */
		hash_destroy(sweep->tallies);
		sweep->tallies = hash_create("pg_consent sweep", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	stop_timer();

	debt.keys = left_over(sweep);
	write_sweep_log(sweep);
	if (!debt.keys.all && debt.keys.n == 0)
		return;
	if (sweep->given_up)
		debt.retry_at = DT_NOEND;
	else
	{
		TimestampTz now = GetCurrentTimestamp();
		int64		age = (now - since) / USECS_PER_SEC;

		debt.retry_at = sweep->again ?
			now + Min(Max(age, RETRY_AFTER_MIN), RETRY_AFTER_MAX) * USECS_PER_SEC : now;
	}
	consent_debt_add(&debt);
}

static void
sweep_all(List *guards, void *set)
{
	ListCell   *cell;

	foreach(cell, guards)
		sweep_and_tell(lfirst(cell), set, GetCurrentTimestamp());
}

/* Who pays. */
typedef struct Payer
{
	List	   *debts;
	List	   *tables;			/* NIL: of all */
	bool		in_passing;
} Payer;

/* Has it any guard, by whatever name?  As the catalog has it: somebody may have locked the table. */
static bool
is_guarded(Oid relid)
{
	Oid			guard_check = consent_guard_function("guard_check");
	Relation	triggers = table_open(TriggerRelationId, AccessShareLock);
	bool		found = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = ((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid == guard_check;
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	return found;
}

/* Is a debt to be paid now, by us, or to be forgotten? */
static bool
is_due(const ConsentDebt *debt, const Payer *payer)
{
	if (payer->tables != NIL && !list_member_oid(payer->tables, debt->relid))
		return false;
	return !payer->in_passing ||
		(!debt->keys.all && debt->keys.n <= KEYS_IN_PASSING && debt->retry_at <= GetCurrentTimestamp() &&
		 !(consent_debt_is_orphan(debt) && is_guarded(debt->relid)));
}

static bool
any_due(const Payer *payer)
{
	ListCell   *cell;

	foreach(cell, payer->debts)
	{
		if (is_due(lfirst(cell), payer))
			return true;
	}
	return false;
}

/* What a guard owes, taken together, as far as it is due.  The debts are gone with that. */
static ConsentKeySet
take_debts(Sweep *sweep, const Payer *payer, TimestampTz *since)
{
	ConsentKeySet set = {0};
	ListCell   *cell;

	*since = DT_NOEND;
	foreach(cell, payer->debts)
	{
		ConsentDebt *debt = lfirst(cell);

		if (!consent_debt_is_of(debt, sweep->relid, NameStr(sweep->name)) ||
			!is_due(debt, payer) || (payer->in_passing && set.n + debt->keys.n > KEYS_IN_PASSING))
			continue;
		if (!debt->deleted)
			consent_debt_delete(debt);
		*since = Min(*since, debt->since);
		set.all = set.all || debt->keys.all;
		if (set.all || debt->keys.n == 0)
			continue;
		set.keys = set.keys ? repalloc_huge(set.keys, (set.n + debt->keys.n) * sizeof(uint64)) :
			palloc(debt->keys.n * sizeof(uint64));
		memcpy(set.keys + set.n, debt->keys.keys, debt->keys.n * sizeof(uint64));
		set.n += debt->keys.n;
	}
	consent_sort_keys(&set);
	return set;
}

static void
pay_all(List *guards, void *arg)
{
	Payer	   *payer = arg;
	ListCell   *cell;

	foreach(cell, guards)
	{
		Sweep	   *sweep = lfirst(cell);
		TimestampTz since;
		ConsentKeySet set = take_debts(sweep, payer, &since);

		sweep->again = true;
		sweep->in_passing = payer->in_passing;
		if (set.all || set.n > 0)
			sweep_and_tell(sweep, &set, since);
	}

	/* Of guards that are there no more, perhaps since we found them locked.  One that is disabled is. */
	foreach(cell, payer->debts)
	{
		ConsentDebt *debt = lfirst(cell);

		if (!debt->deleted && consent_debt_is_orphan(debt) && !is_guarded(debt->relid))
			consent_debt_delete(debt);
	}
}

/* Every statement sees what has committed by now, as READ COMMITTED has it. */
static void
work_read_committed(void (*work) (List *guards, void *arg), List *guards, void *arg)
{
	const int	isolation = XactIsoLevel;
	const bool	read_only = XactReadOnly;
	const bool	within = serializable;
	int			nestlevel = NewGUCNestLevel();

	(void) set_config_option("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	PG_TRY();
	{
		serializable = within || IsolationIsSerializable();
		XactIsoLevel = XACT_READ_COMMITTED;
		XactReadOnly = false;
		work(guards, arg);
	}
	PG_FINALLY();
	{
		serializable = within;
		XactIsoLevel = isolation;
		XactReadOnly = read_only;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nestlevel);
}

void
consent_sweep(const ConsentKeySet *set)
{
	List	   *guards = find_guards();

	if (guards != NIL)
		work_read_committed(sweep_all, guards, unconstify(ConsentKeySet *, set));
}

/*
 * Sweep once more what was left.  In passing only what costs little: and a
 * serializable transaction would have to answer for what it reads.
 */
void
consent_sweep_debts(List *tables, bool in_passing)
{
	Payer		payer = {.debts = consent_debts(), .tables = tables, .in_passing = in_passing};

	if (!any_due(&payer) || (in_passing && IsolationIsSerializable()))
		return;
	if (!consent_debts_lock(false))
	{
		/* Whoever asked for it must not take it for done. */
		if (!in_passing)
			ereport(WARNING,
					(errmsg("consent.finish_sweeps() has done nothing, because another transaction is at it"),
					 errhint("It pays, or consent.verify() has looked at what is owed. Call it again when that has ended.")));
		return;
	}

	/* Somebody may have paid in the meantime. */
	payer.debts = consent_debts();
	if (any_due(&payer))
		work_read_committed(pay_all, find_guards(), &payer);
}

/* The keys of the addresses in a text, or in an array of texts. */
static int
keys_arg(FunctionCallInfo fcinfo, uint64 **keys)
{
	ConsentMapping mapping = {.region = consent_region_arg(fcinfo, 1)};
	ConsentRow	row = {.values[MAPPED_RECIPIENT] = PG_GETARG_DATUM(0)};

	mapping.type[MAPPED_RECIPIENT] = get_fn_expr_argtype(fcinfo->flinfo, 0);
	if (mapping.type[MAPPED_RECIPIENT] != TEXTOID && mapping.type[MAPPED_RECIPIENT] != TEXTARRAYOID)
		elog(ERROR, "could not determine the type of the recipient");
	return consent_guard_keys(&mapping, &row, keys);
}

/* consent.guard_keys(recipient, region) */
PGDLLEXPORT Datum
pg_consent_guard_keys(PG_FUNCTION_ARGS)
{
	uint64	   *keys;
	int			n = keys_arg(fcinfo, &keys);

	PG_RETURN_DATUM(consent_keys_array(keys, n));
}

/* consent.guard_key(recipient, region): of one address; 0 of several; NULL of none */
PGDLLEXPORT Datum
pg_consent_guard_key(PG_FUNCTION_ARGS)
{
	uint64	   *keys;
	int			n = keys_arg(fcinfo, &keys);

	if (n == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(n == 1 ? (int64) keys[0] : 0);
}
