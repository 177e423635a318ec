/*-------------------------------------------------------------------------
 *
 * adapter.c
 *	  What a queue needs done after one of its rows was kept from a worker.
 *
 * A worker that takes a job may take something else along in the same
 * statement, such as the lock of a named queue of jobs.  It gets no job and
 * will never give that back.  Statements of that kind have not run yet when
 * the row is parked, so this is a deferred trigger: it runs when all is done.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "guard/mapping.h"

PG_FUNCTION_INFO_V1(pg_consent_guard_release);

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
	pinned = consent_pin(InvalidOid, NULL);
	SetUserIdAndSecContext(rel->rd_rel->relowner,
						   pinned.context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	SPI_connect();
	rc = SPI_execute_with_args(trigdata->tg_trigger->tgargs[0], 1, &type, &row, NULL, false, 0);
	if (rc < 0)
		elog(ERROR, "\"%s\" failed: %s", trigdata->tg_trigger->tgargs[0], SPI_result_code_string(rc));
	SPI_finish();
	consent_unpin(pinned);
	return PointerGetDatum(NULL);
}
