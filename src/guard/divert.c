/*-------------------------------------------------------------------------
 *
 * divert.c
 *	  How a refused row is stored in its queue's own terminal state.
 *
 * A diversion is a SET list, as of an UPDATE.  Like a mapping it is read
 * twice: consent_divert_check() writes it back with every name qualified,
 * consent_divert_compile() reads that under pinned settings and as the
 * table's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#include "guard/divert.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_refusal_reason);

/* Set while a diversion is computed, and by whoever sets it also set back: after an error, too. */
static const char *refusal_reason = NULL;

const char *
consent_set_refusal_reason(const char *reason)
{
	const char *before = refusal_reason;

	refusal_reason = reason;
	return before;
}

/* consent.refusal_reason(): of the row being diverted, NULL elsewhere */
PGDLLEXPORT Datum
pg_consent_refusal_reason(PG_FUNCTION_ARGS)
{
	if (refusal_reason == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(refusal_reason));
}

typedef struct DivertErrorArg
{
	Relation	rel;
	bool		in_use;
} DivertErrorArg;

static void
divert_error_context(void *arg)
{
	DivertErrorArg *where = (DivertErrorArg *) arg;
	const char *table = RelationGetRelationName(where->rel);

	errcontext("diversion of the consent guard on table \"%s\"", table);
	if (where->in_use)
		errhint("The diversion of the consent guard on table \"%s\" no longer works; make the guard anew with consent.unguard() and consent.guard().",
				table);
	else
		errhint("A diversion is a SET list over the row, as in $$status = 'cancelled', error = consent.refusal_reason()$$.");
}

/* The assignments of the list; anything else in it is an error. */
static List *
parse_assignments(const char *list)
{
	List	   *statements = raw_parser(psprintf("UPDATE " CONSENT_ROW_NAME " SET %s\n", list), RAW_PARSE_DEFAULT);
	UpdateStmt *update;

	if (list_length(statements) == 1 &&
		IsA(linitial_node(RawStmt, statements)->stmt, UpdateStmt))
	{
		update = (UpdateStmt *) linitial_node(RawStmt, statements)->stmt;
		if (update->whereClause == NULL && update->fromClause == NIL && update->withClause == NULL &&
#if PG_VERSION_NUM >= 180000
			update->returningClause == NULL
#else
			update->returningList == NIL
#endif
			)
			return update->targetList;
	}
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("a diversion must be a list of assignments")));
}

static int
assigned_column(Relation rel, const ResTarget *target)
{
	int			attnum = attnameAttNum(rel, target->name, false);
	Form_pg_attribute att;

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", target->name, RelationGetRelationName(rel))));
	att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	if (target->indirection != NIL || IsA(target->val, MultiAssignRef) || IsA(target->val, SetToDefault) ||
		att->attgenerated != '\0' || att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a diversion must assign an expression to the whole of column \"%s\"", target->name),
				 errdetail("Generated and identity columns, parts of columns, row assignments and DEFAULT are not supported.")));
	return attnum;
}

/* Resolve the list over a row of rel: one expression per column, in order. */
static List *
transform_divert(Relation rel, const char *row, const char *list, int **columns)
{
	DivertErrorArg where = {rel, row != NULL};
	ErrorContextCallback context = {
		.callback = divert_error_context, .arg = &where, .previous = error_context_stack
	};
	ParseState *pstate = consent_row_namespace(rel, row);
	List	   *exprs = NIL;
	Bitmapset  *seen = NULL;
	ListCell   *lc;
	List	   *targets;

	error_context_stack = &context;
	targets = parse_assignments(list);
	*columns = palloc(list_length(targets) * sizeof(int));
	foreach(lc, targets)
	{
		ResTarget  *target = lfirst_node(ResTarget, lc);
		int			attnum = assigned_column(rel, target);
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
		Node	   *node = transformExpr(pstate, target->val, EXPR_KIND_TRIGGER_WHEN);
		Oid			from = exprType(node);

		if (bms_is_member(attnum, seen))
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("multiple assignments to same column \"%s\"", target->name)));
		seen = bms_add_member(seen, attnum);
		node = coerce_to_target_type(pstate, node, from, att->atttypid, att->atttypmod,
									 COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
		if (node == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" is of type %s but expression is of type %s", target->name,
							format_type_be(att->atttypid), format_type_be(from))));
		assign_expr_collations(pstate, node);
		consent_refuse_columns(rel, node);
		(*columns)[list_length(exprs)] = attnum;
		exprs = lappend(exprs, node);
	}
	free_parsestate(pstate);
	error_context_stack = context.previous;
	return exprs;
}

/*
 * Check a diversion and write it with every name qualified.  *pending is the
 * condition that a row has not been diverted, as far as constants tell; NULL if
 * they do not.
 */
char *
consent_divert_check(Relation rel, const char *list, char **pending)
{
	int		   *columns;
	List	   *exprs = transform_divert(rel, NULL, list, &columns);
	List	   *dpcontext = deparse_context_for(CONSENT_ROW_NAME, RelationGetRelid(rel));
	ConsentPinned pinned = consent_pin(InvalidOid, NULL);
	StringInfoData qualified;
	StringInfoData unlike;
	int			i = 0;
	ListCell   *lc;

	initStringInfo(&qualified);
	initStringInfo(&unlike);
	foreach(lc, exprs)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), columns[i++] - 1);
		const char *column = quote_identifier(NameStr(att->attname));
		Node	   *value = eval_const_expressions(NULL, lfirst(lc));

		appendStringInfo(&qualified, "%s%s = %s", qualified.len > 0 ? ", " : "", column,
						 deparse_expression(lfirst(lc), dpcontext, false, false));
		if (!IsA(value, Const) ||
			!OidIsValid(lookup_type_cache(att->atttypid, TYPECACHE_EQ_OPR)->eq_opr))
			continue;
		appendStringInfo(&unlike, "%s(%s IS DISTINCT FROM %s)", unlike.len > 0 ? " OR " : "", column,
						 deparse_expression(value, dpcontext, false, false));
	}
	consent_unpin(pinned);
	*pending = unlike.len > 0 ? unlike.data : NULL;
	return qualified.data;
}

/* Make a checked diversion ready to run, in the current memory context. */
ConsentDivert *
consent_divert_compile(ConsentMapping *mapping, Relation rel, const char *list)
{
	ConsentDivert *divert = palloc0(sizeof(ConsentDivert));
	List	   *exprs = transform_divert(rel, CONSENT_ROW_NAME, list, &divert->columns);
	ListCell   *lc;

	divert->list = pstrdup(list);
	divert->state = palloc(list_length(exprs) * sizeof(ExprState *));
	foreach(lc, exprs)
		divert->state[divert->n++] = ExecInitExpr(expression_planner(lfirst(lc)), NULL);
	return divert;
}

/* The row of a slot, which is also tuple, as its diversion leaves it. */
HeapTuple
consent_divert_tuple(ConsentMapping *mapping, Relation rel, HeapTuple tuple, TupleTableSlot *slot,
					 const char *reason)
{
	ConsentDivert *divert = mapping->divert;
	Datum	   *values = palloc(divert->n * sizeof(Datum));
	bool	   *nulls = palloc(divert->n * sizeof(bool));
	ConsentPinned pinned = consent_pin(mapping->owner, mapping->region);
	const char *before = consent_set_refusal_reason(reason);

	mapping->econtext->ecxt_scantuple = slot;
	PG_TRY();
	{
		for (int i = 0; i < divert->n; i++)
			values[i] = ExecEvalExpr(divert->state[i], mapping->econtext, &nulls[i]);
	}
	PG_FINALLY();
	{
		(void) consent_set_refusal_reason(before);
	}
	PG_END_TRY();
	consent_unpin(pinned);
	return heap_modify_tuple_by_cols(tuple, RelationGetDescr(rel), divert->n, divert->columns, values, nulls);
}
