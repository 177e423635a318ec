/*-------------------------------------------------------------------------
 *
 * cleared.c
 *	  consent.cleared(row): may a queued row still be sent?
 *
 * For queues whose workers take rows by SELECT ... FOR UPDATE, and so give no
 * claim guard an UPDATE to stand at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tupconvert.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "guard/guard.h"

PG_FUNCTION_INFO_V1(pg_consent_cleared);

/* The guards of the table that a call asks about, kept for the statement. */
typedef struct Cleared
{
	Oid			type;			/* of the row */
	List	   *mappings;
	TupleTableSlot *slot;
	MemoryContext per_row;
} Cleared;

static Cleared *
cleared_for(FunctionCallInfo fcinfo, Oid type)
{
	Cleared    *cleared = fcinfo->flinfo->fn_extra;
	MemoryContext caller;
	Relation	rel;
	Trigger    *trigger;
	int			position = 0;

	if (cleared != NULL && cleared->type == type)
		return cleared;

	/* The statement that has the row has locked the table. */
	rel = OidIsValid(get_typ_typrelid(type)) ? try_relation_open(get_typ_typrelid(type), AccessShareLock) : NULL;
	if (rel == NULL || consent_guard_next(rel, &position) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type %s is not that of a guarded table's row", format_type_be(type)),
				 errhint("Pass the row by the table's name or alias, as in consent.cleared(o) FROM outbox o.")));

	/*
	 * Mappings run as the table's owner, and a row can be made up.  So this is
	 * for whoever may read the table's rows whole.
	 */
	if (pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(RelationGetRelid(rel), GetUserId(), ACL_SELECT, ACLMASK_ALL) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(rel));

	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	cleared = palloc0(sizeof(Cleared));
	cleared->type = type;
	position = 0;
	while ((trigger = consent_guard_next(rel, &position)) != NULL)
		cleared->mappings = lappend(cleared->mappings, consent_guard_mapping(rel, trigger));
	cleared->slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(RelationGetDescr(rel)), &TTSOpsHeapTuple);
	cleared->per_row = AllocSetContextCreate(CurrentMemoryContext, "pg_consent cleared", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(caller);
	relation_close(rel, AccessShareLock);
	fcinfo->flinfo->fn_extra = cleared;
	return cleared;
}

/* NULL is no row, and no row is no permission. */
PGDLLEXPORT Datum
pg_consent_cleared(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row;
	HeapTupleData tuple;
	Cleared    *cleared;
	MemoryContext caller;
	ListCell   *lc;
	bool		allowed = true;

	if (!type_is_rowtype(get_fn_expr_argtype(fcinfo->flinfo, 0)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("consent.cleared() takes a row of a guarded table"),
				 errhint("Pass the row by the table's name or alias, as in consent.cleared(o) FROM outbox o.")));
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	row = PG_GETARG_HEAPTUPLEHEADER(0);
	cleared = cleared_for(fcinfo, HeapTupleHeaderGetTypeId(row));

	tuple = (HeapTupleData) {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};
	caller = MemoryContextSwitchTo(cleared->per_row);
	ExecStoreHeapTuple(&tuple, cleared->slot, false);
	foreach(lc, cleared->mappings)
	{
		ConsentMapping *mapping = lfirst(lc);
		ConsentJudgement judgement;
		ConsentRow	said;

		/*
		 * Whether it is pending does not matter: a worker may ask when it has
		 * taken the row.
		 */
		consent_mapping_evaluate(mapping, cleared->slot, &said);
		if (!mapping->only_flags && consent_row_is(&said, MAPPED_APPLIES))
			allowed = allowed && consent_guard_judge_row(mapping, &said, NULL, &judgement);
	}
	ExecClearTuple(cleared->slot);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(cleared->per_row);
	PG_RETURN_BOOL(allowed);
}
