/*-------------------------------------------------------------------------
 *
 * adapter.c
 *	  What adapters need that SQL is too slow, or comes too early, for: the name
 *	  of a graphile-worker task, the operator that compares a key, and what is to
 *	  be done after a row was kept from a worker.
 *
 * A worker that takes a job may take something else along in the same
 * statement, such as the lock of a named queue of jobs.  It gets no job and
 * will never give that back.  Statements of that kind have not run yet when
 * the row is parked, so this is a deferred trigger: it runs when all is done.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "guard/action.h"
#include "guard/guard.h"

PG_FUNCTION_INFO_V1(pg_consent_guard_release);
PG_FUNCTION_INFO_V1(pg_consent_key_operator);
PG_FUNCTION_INFO_V1(pg_consent_task_identifier);

/*
 * The task that a call asked for last: a campaign asks for one again and again.
 * Kept for a transaction, because guards are kept for longer.
 */
typedef struct LastTask
{
	TimestampTz transaction;
	Oid			tasks;
	int32		id;
	text	   *identifier;
} LastTask;

static AttrNumber
require_column(Relation rel, const char *name, Oid type)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), name);

	if (attnum <= 0 || get_atttype(RelationGetRelid(rel), attnum) != type)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no column \"%s\" of type %s",
						RelationGetRelationName(rel), name, format_type_be(type)),
				 errhint("This is for the table of tasks of graphile-worker.")));
	return attnum;
}

/* The table has a few dozen rows, so we read it as it lies. */
static text *
find_task(Oid relid, int32 id, MemoryContext context)
{
	Relation	rel = table_open(relid, AccessShareLock);
	AttrNumber	id_column;
	AttrNumber	identifier_column;
	Snapshot	snapshot;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	text	   *identifier = NULL;

	if (rel->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel))));
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK ||
		check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(rel));
	id_column = require_column(rel, "id", INT4OID);
	identifier_column = require_column(rel, "identifier", TEXTOID);

	ScanKeyInit(&key, id_column, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
	/* a plan of several processes keeps to its own snapshot */
	snapshot = RegisterSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, identifier_column, RelationGetDescr(rel), &isnull);

		if (!isnull)
		{
			MemoryContext caller = MemoryContextSwitchTo(context);

			identifier = DatumGetTextPCopy(value);
			MemoryContextSwitchTo(caller);
		}
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return identifier;
}

/* consent.task_identifier(tasks, id) */
PGDLLEXPORT Datum
pg_consent_task_identifier(PG_FUNCTION_ARGS)
{
	Oid			tasks = PG_GETARG_OID(0);
	int32		id = PG_GETARG_INT32(1);
	LastTask   *last = fcinfo->flinfo->fn_extra;

	if (last == NULL)
		last = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(LastTask));
	if (last->identifier == NULL || last->tasks != tasks || last->id != id ||
		last->transaction != GetCurrentTransactionStartTimestamp())
	{
		text	   *identifier = find_task(tasks, id, fcinfo->flinfo->fn_mcxt);

		if (last->identifier != NULL)
			pfree(last->identifier);
		*last = (LastTask) {GetCurrentTransactionStartTimestamp(), tasks, id, identifier};
	}
	if (last->identifier == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(DatumGetTextPCopy(PointerGetDatum(last->identifier)));
}

/*
 * consent.key_operator(source, key).  Not "=", which means what the search_path
 * of whoever asks makes of it.
 */
PGDLLEXPORT Datum
pg_consent_key_operator(PG_FUNCTION_ARGS)
{
	Oid			source = PG_GETARG_OID(0);
	char	   *key = NameStr(*PG_GETARG_NAME(1));
	AttrNumber	attnum = get_attnum(source, key);
	Oid			type;
	Oid			operator;
	HeapTuple	tuple;
	Form_pg_operator form;
	char	   *found;

	if (attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" does not exist", key)));
	type = get_atttype(source, attnum);
	operator = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	if (!OidIsValid(operator))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an equality operator for type %s", format_type_be(type))));
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	found = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
					 NameStr(form->oprname));
	ReleaseSysCache(tuple);
	PG_RETURN_TEXT_P(cstring_to_text(found));
}

/*
 * consent.guard_release('statement'): run it as the table's owner, as what
 * parked the row ran; $1 is the row.
 */
PGDLLEXPORT Datum
pg_consent_guard_release(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	Relation	rel;
	ConsentPinned pinned;
	Oid			type;
	Datum		row;
	char	   *statement;
	int			rc;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) || !TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ||
		trigdata->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.guard_release() must be fired AFTER UPDATE for each ROW, with one argument"),
				 errhint("Make the guard with consent.guard_queue().")));

	rel = trigdata->tg_relation;
	type = rel->rd_rel->reltype;
	row = heap_copy_tuple_as_datum(trigdata->tg_newtuple, RelationGetDescr(rel));
	statement = pstrdup(trigdata->tg_trigger->tgargs[0]);
	pinned = consent_pin_for_statement(consent_trigger_owner(rel, trigdata->tg_trigger), NULL);
	SPI_connect();
	rc = SPI_execute_with_args(statement, 1, &type, &row, NULL, false, 0);
	if (rc < 0)
		elog(ERROR, "\"%s\" failed: %s", statement, SPI_result_code_string(rc));
	SPI_finish();
	consent_unpin(pinned);
	return PointerGetDatum(NULL);
}
