/*-------------------------------------------------------------------------
 *
 * action.c
 *	  Parks a refused row in its queue's terminal state, keeps it in
 *	  consent.quarantine, and lets it out again.
 *
 * A row that is still on its way into the table is diverted by rewriting it
 * (trigger.c, divert.c).  Here the row is stored already: it was taken by a
 * worker, found by a sweep, or is to be judged only when it is final.  So we
 * change it by an ordinary statement, run as the table's owner, and the
 * table's own triggers see that as they would any other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "rewrite/rewriteDefine.h"
#include "tcop/pquery.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "guard/action.h"
#include "guard/divert.h"
#include "guard/gate.h"
#include "guard/log.h"
#include "ledger/relation.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_release);

/*
 * Become the owner of a table for statements of ours, under pinned settings.
 * Not a security-restricted operation: the table may have deferred triggers.
 * As with the cascades of a foreign key, its triggers run as its owner.
 */
ConsentPinned
consent_pin_for_statement(Oid owner, const char *region)
{
	ConsentPinned pinned = consent_pin(InvalidOid, region);

	(void) consent_become(owner);
	return pinned;
}

/*
 * A statement of ours on a user's table.  It is read and planned under the pinned
 * search_path, where nobody can put another meaning under its names.  But the
 * table's own triggers may name what lies in the table's schema, as those of
 * procrastinate do, so that is added when its execution begins.  Not the writer's
 * path: the triggers run as the table's owner.
 */
typedef struct OwnStatement
{
	const char *text;			/* NULL: none is about to begin */
	const char *schema;
} OwnStatement;

static OwnStatement own_statement = {NULL, NULL};
static ExecutorStart_hook_type previous_start_hook = NULL;

static void
see_schema(const char *schema)
{
	(void) set_config_option("search_path",
							 psprintf("pg_catalog, %s, pg_temp", quote_identifier(schema)),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * What is read or written elsewhere at a commit would be committed there by nobody:
 * postgres_fdw does so before us, or has not been asked yet, and takes it for a
 * reason to bring the server down.  And a cursor that is to be held would be read
 * to its end by whoever commits, with the rights of that one.
 */
static void
refuse_at_commit(const PlannedStmt *plan)
{
	ListCell   *cell;

	if (ActivePortal != NULL && (ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a cursor WITH HOLD cannot be made while a transaction is being committed")));

	foreach(cell, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, cell);

		if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("foreign table \"%s\" cannot be used while a transaction is being committed", get_rel_name(rte->relid)),
					 errdetail("A mapping of a guard, or a trigger of a guarded table, uses it when rows are judged again or parked."),
					 errhint("consent.verify() judges and parks rows before the commit.")));
	}
}

static void
start_executor(QueryDesc *query, int eflags)
{
	if (consent_gate_has_passed())
		refuse_at_commit(query->plannedstmt);
	if (own_statement.text != NULL && strcmp(query->sourceText, own_statement.text) == 0)
	{
		own_statement.text = NULL;
		see_schema(own_statement.schema);
	}
	if (previous_start_hook)
		previous_start_hook(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

void
consent_action_init(void)
{
	previous_start_hook = ExecutorStart_hook;
	ExecutorStart_hook = start_executor;
}

/* In SPI, pinned and as the owner; reason is what a diversion is told, else NULL. */
static int
run_on_table(Oid relid, const char *statement, Oid type, Datum value, const char *reason)
{
	OwnStatement before = own_statement;
	const char *schema = get_namespace_name(get_rel_namespace(relid));
	const char *reason_before = consent_set_refusal_reason(reason);
	int			nestlevel = NewGUCNestLevel();
	volatile int rc = 0;

	own_statement = (OwnStatement) {statement, schema};
	PG_TRY();
	{
		rc = SPI_execute_with_args(statement, 1, &type, &value, NULL, false, 0);
	}
	PG_FINALLY();
	{
		own_statement = before;
		(void) consent_set_refusal_reason(reason_before);
	}
	PG_END_TRY();
	AtEOXact_GUC(false, nestlevel);
	return rc;
}

/*
 * At a commit: what our statement put off to it, deferred foreign keys and
 * triggers, is done at once, as the table's owner and not as whoever commits,
 * and where an error undoes our statement alone.
 */
void
consent_action_fire_deferred(Relation rel, Oid owner)
{
	ConsentPinned pinned = consent_pin_for_statement(owner, NULL);

	see_schema(get_namespace_name(RelationGetNamespace(rel)));
	AfterTriggerFireDeferred();
	consent_unpin(pinned);
}

/*
 * A rule that has something else done in place of a statement may leave our row
 * as it is, and what comes back would look as if it had not.
 */
static void
refuse_instead_rules(Oid relid, CmdType command)
{
	Relation	rel = table_open(relid, RowExclusiveLock);

	for (int i = 0; rel->rd_rules != NULL && i < rel->rd_rules->numLocks; i++)
	{
		const RewriteRule *rule = rel->rd_rules->rules[i];

		if (rule->isInstead && rule->event == command && rule->enabled != RULE_DISABLED)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("refused rows of table \"%s\" cannot be put away, because it has a DO INSTEAD rule for %s",
							RelationGetRelationName(rel), command == CMD_UPDATE ? "UPDATE" : "DELETE"),
					 errhint("Do by a trigger what the rule does.")));
	}
	table_close(rel, NoLock);
}

/* Run an UPDATE or DELETE on one row of a table; returns how many it found. */
static uint64
run_on_row(Oid relid, const char *statement, ItemPointer tid, int expected, const char *reason)
{
	int			rc;

	refuse_instead_rules(relid, expected == SPI_OK_UPDATE_RETURNING ? CMD_UPDATE : CMD_DELETE);
	rc = run_on_table(relid, statement, TIDOID, PointerGetDatum(tid), reason);

	if (rc != expected)
		elog(ERROR, "\"%s\" failed: %s", statement, SPI_result_code_string(rc));
	return SPI_processed;
}

/*
 * UPDATE ONLY t AS outbound_row SET status = 'cancelled', ...
 * WHERE outbound_row.ctid = $1 RETURNING (status = 'queued')
 *
 * Of a partition the statement names the table that was guarded, and where the
 * diversion may move the row to another partition the one above all.
 */
static bool
park_by_update(Relation rel, const ConsentMapping *mapping, ItemPointer tid, const ConsentJudgement *judgement)
{
	Oid			relid = mapping->moves ? llast_oid(get_partition_ancestors(RelationGetRelid(rel))) : mapping->root;
	bool		partition = relid != RelationGetRelid(rel);
	ConsentPinned pinned = consent_pin_for_statement(mapping->owner, mapping->region);
	bool		found;

	SPI_connect();
	found = run_on_row(relid,
					   psprintf("UPDATE %s%s AS " CONSENT_ROW_NAME " SET %s WHERE " CONSENT_ROW_NAME ".ctid = $1%s RETURNING (%s)",
								partition ? "" : "ONLY ", consent_qualified_name(relid), mapping->divert->list,
								partition ? psprintf(" AND " CONSENT_ROW_NAME ".tableoid = %u::oid", RelationGetRelid(rel)) : "",
								mapping->pending),
					   tid, SPI_OK_UPDATE_RETURNING, consent_reason_code(judgement->verdict.reason)) > 0;
	if (found)
	{
		bool		isnull;
		Datum		pending = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		if (isnull || DatumGetBool(pending))
			consent_guard_still_pending(rel);
	}
	SPI_finish();
	consent_unpin(pinned);
	return found;
}

/*
 * The row as jsonb, gone from its table; in the caller's memory, NULL if it was
 * not found.  Where a partition is somebody else's, the owner of the guarded
 * table has rights on that alone.
 */
static Jsonb *
take_row(Relation rel, const ConsentMapping *mapping, ItemPointer tid)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		elsewhere = rel->rd_rel->relowner != mapping->owner;
	Oid			relid = elsewhere ? mapping->root : RelationGetRelid(rel);
	ConsentPinned pinned = consent_pin_for_statement(mapping->owner, mapping->region);
	Jsonb	   *row = NULL;

	SPI_connect();
	if (run_on_row(relid,
				   psprintf("DELETE FROM %s%s AS " CONSENT_ROW_NAME " WHERE " CONSENT_ROW_NAME ".ctid = $1%s "
							"RETURNING pg_catalog.to_jsonb(" CONSENT_ROW_NAME ".*)",
							elsewhere ? "" : "ONLY ", consent_qualified_name(relid),
							elsewhere ? psprintf(" AND " CONSENT_ROW_NAME ".tableoid = %u::oid", RelationGetRelid(rel)) : ""),
				   tid, SPI_OK_DELETE_RETURNING, NULL) > 0)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		MemoryContext spi = MemoryContextSwitchTo(caller);

		row = DatumGetJsonbPCopy(value);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	consent_unpin(pinned);
	return row;
}

/* Whose a table of ours is; it is about to be written to. */
Oid
consent_table_owner(const char *name)
{
	Relation	rel = table_open(consent_relation(name), RowExclusiveLock);
	Oid			owner = rel->rd_rel->relowner;

	table_close(rel, NoLock);
	return owner;
}

static void
keep_row(const ConsentMapping *mapping, Jsonb *row, const ConsentJudgement *judgement)
{
	static const char insert[] =
		"INSERT INTO consent.quarantine (relation, \"row\", reason, decided_at, reasons, citation, event_id, class, guard) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8::consent.message_class, $9)";
	Oid			types[] = {REGCLASSOID, JSONBOID, TEXTOID, TIMESTAMPTZOID, TEXTARRAYOID, TEXTOID, INT8OID, TEXTOID, TEXTOID};
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types) + 1] = "         ";
	ConsentPinned pinned = consent_pin_for_statement(consent_table_owner("quarantine"), NULL);

	values[0] = ObjectIdGetDatum(mapping->root);
	values[1] = JsonbPGetDatum(row);
	values[2] = CStringGetTextDatum(consent_reason_code(judgement->verdict.reason));
	values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[4] = consent_reasons_array(&judgement->verdict);
	values[5] = CStringGetTextDatum(consent_verdict_citation(&judgement->verdict));
	values[6] = Int64GetDatum(judgement->verdict.event_id);
	nulls[6] = judgement->verdict.event_id == 0 ? 'n' : ' ';
	values[7] = CStringGetTextDatum(consent_class_names[judgement->class]);
	values[8] = CStringGetTextDatum(mapping->trigger);

	SPI_connect();
	if (SPI_execute_with_args(insert, lengthof(types), types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not keep a row in consent.quarantine");
	SPI_finish();
	consent_unpin(pinned);
}

bool
consent_action_quarantine(Relation rel, const ConsentMapping *mapping, ItemPointer tid,
						  const ConsentJudgement *judgement)
{
	Jsonb	   *row = take_row(rel, mapping, tid);

	if (row == NULL)
		return false;
	keep_row(mapping, row, judgement);
	return true;
}

/* Into the terminal state, or into the quarantine where none was given. */
bool
consent_action_park(Relation rel, const ConsentMapping *mapping, ItemPointer tid,
					const ConsentJudgement *judgement)
{
	if (mapping->divert == NULL)
		return consent_action_quarantine(rel, mapping, tid, judgement);
	return park_by_update(rel, mapping, tid, judgement);
}

/* What has become of a row: its last version, and its place; false if it is gone. */
bool
consent_action_follow(Relation rel, ItemPointer tid, TupleTableSlot *slot)
{
	Snapshot	snapshot;
	TableScanDesc scan;
	bool		found = false;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = table_beginscan_tid(rel, snapshot);
	if (table_tuple_tid_valid(scan, tid))
	{
		table_tuple_get_latest_tid(scan, tid);
		found = table_tuple_fetch_row_version(rel, tid, snapshot, slot);
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	return found;
}

/* A kept row, locked, as SPI has it; an error if it cannot be released. */
static Jsonb *
fetch_kept(int64 id, Oid *relation)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(id)};
	bool		isnull;

	if (SPI_execute_with_args("SELECT relation, \"row\", released_at FROM consent.quarantine WHERE id = $1 FOR UPDATE",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read consent.quarantine");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("row " INT64_FORMAT " is not in consent.quarantine", id)));
	(void) SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull);
	if (!isnull)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("row " INT64_FORMAT " of consent.quarantine has been released", id)));
	*relation = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	return DatumGetJsonbPCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
}

/*
 * The columns to put back: those of the row, but for what the table computes.
 * A column that the table no longer has would be lost, so that is an error.
 */
static char *
kept_columns(Relation rel, Jsonb *row)
{
	TupleDesc	desc = RelationGetDescr(rel);
	StringInfoData columns;
	JsonbIterator *it = JsonbIteratorInit(&row->root);
	JsonbValue	v;
	JsonbIteratorToken token;

	initStringInfo(&columns);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		char	   *name;
		AttrNumber	attnum;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(v.val.string.val, v.val.string.len);
		attnum = get_attnum(RelationGetRelid(rel), name);
		if (attnum <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("table \"%s\" has no column \"%s\" any more", RelationGetRelationName(rel), name),
					 errhint("The row stays in consent.quarantine.")));
		if (TupleDescAttr(desc, attnum - 1)->attgenerated == '\0')
			appendStringInfo(&columns, "%s%s", columns.len > 0 ? ", " : "", quote_identifier(name));
	}
	return columns.data;
}

/* Judge a row that is not in its table by every guard whose it is, and log that. */
static bool
may_return(Relation rel, HeapTupleHeader row)
{
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
	Trigger    *trigger;
	int			position = 0;
	int			njudged = 0;
	bool		allowed = true;

	ItemPointerSetInvalid(&tuple.t_self);
	ExecStoreHeapTuple(&tuple, slot, false);
	while (allowed && (trigger = consent_guard_next(rel, &position)) != NULL)
	{
		ConsentMapping *mapping = consent_guard_mapping(rel, trigger);
		ConsentJudgement judgement;
		ConsentRowVerdict verdict = consent_guard_judge(mapping, slot, &judgement);

		if (verdict == ROW_NOT_PENDING)
			continue;
		njudged++;
		allowed = verdict == ROW_ALLOWED;
		if (!allowed || !consent_log_first_contacts(mapping, &judgement, "released"))
			consent_log_decision(mapping, &judgement, allowed ? "released" : "held");
	}
	if (njudged == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no guard of table \"%s\" judges this row any more", RelationGetRelationName(rel)),
				 errhint("Guard the table again; the row stays in consent.quarantine.")));
	ExecDropSingleTupleTableSlot(slot);
	return allowed;
}

/*
 * consent.release(id): judge a kept row again, and put it back if it may go.
 *
 * INSERT INTO t (columns) OVERRIDING SYSTEM VALUE
 * SELECT columns FROM jsonb_populate_record(NULL::t, row)
 *
 * The table's guards judge that INSERT too, so nothing we do here can let
 * through what they refuse.
 */
PGDLLEXPORT Datum
pg_consent_release(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	Oid			kept_owner = consent_table_owner("quarantine");
	ConsentPinned pinned = consent_pin_for_statement(kept_owner, NULL);
	Oid			types[] = {JSONBOID};
	Oid			id_types[] = {INT8OID};
	Datum		values[1];
	Oid			relid;
	Jsonb	   *row;
	Relation	rel;
	const char *name;
	bool		isnull;
	bool		released;

	SPI_connect();
	row = fetch_kept(id, &relid);
	rel = try_relation_open(relid, RowExclusiveLock);
	if (rel == NULL || (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table that row " INT64_FORMAT " of consent.quarantine left does not exist any more", id)));
	name = consent_qualified_name(relid);
	values[0] = JsonbPGetDatum(row);

	(void) consent_become(rel->rd_rel->relowner);
	if (SPI_execute_with_args(psprintf("SELECT pg_catalog.jsonb_populate_record(NULL::%s, $1)", name),
							  1, types, values, NULL, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not read a row of consent.quarantine");
	released = may_return(rel, DatumGetHeapTupleHeader(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
	if (released)
	{
		const char *columns = kept_columns(rel, row);

		if (run_on_table(relid,
						 psprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE "
								  "SELECT %s FROM pg_catalog.jsonb_populate_record(NULL::%s, $1)",
								  name, columns, columns, name),
						 JSONBOID, values[0], NULL) != SPI_OK_INSERT)
			elog(ERROR, "could not put a row back into %s", name);
		(void) consent_become(kept_owner);
		values[0] = Int64GetDatum(id);
		if (SPI_execute_with_args("UPDATE consent.quarantine SET released_at = pg_catalog.clock_timestamp(), "
								  "released_by = SESSION_USER WHERE id = $1",
								  1, id_types, values, NULL, false, 0) != SPI_OK_UPDATE)
			elog(ERROR, "could not mark a row of consent.quarantine");
	}
	relation_close(rel, NoLock);
	SPI_finish();
	consent_unpin(pinned);
	PG_RETURN_BOOL(released);
}
