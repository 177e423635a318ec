/*-------------------------------------------------------------------------
 *
 * audience_scan.c
 *	  A scan of a table that looks up a whole page of rows in an audience at once.
 *
 * "contact_id <@ audience" costs one bit a row, but where customers lie in another
 * order than their numbers the scan waits for memory once for each of them, and
 * each row that is no member goes through the executor only to be dropped there.
 * Here the bits of all rows of a page are fetched while the next number is
 * read, and only members become rows of the executor.
 *
 * What is visible, what is locked and what SERIALIZABLE must know is decided where
 * it always is: heap_getnext() reads a page, we only look at the rows that it found
 * visible (rs_vistuples).  Any other condition on the table is checked by the
 * executor as usual.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#endif
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "module/compat.h"
#include "report/audience.h"

typedef struct AudienceScan
{
	CustomScanState css;
	AttrNumber	column;			/* that holds the number */
	ExprState  *audience;
	ExprState  *condition;		/* for a row that somebody else has changed since */
	ConsentMembers members;
	bool		known;			/* has the audience been asked for? */
	bool		nobody;			/* it is NULL */
	TableScanDesc scan;
	int			found;			/* members on this page */
	int			next;
	HeapTupleData tuple[MaxHeapTuplesPerPage];
} AudienceScan;

static bool enabled = true;
static set_rel_pathlist_hook_type previous_hook = NULL;

static const CustomScanMethods scan_methods;

/* column <@ audience, or the other way round: the column, or NULL, and in *audience what it is looked up in. */
static Var *
column_of(OpExpr *condition, Expr **audience)
{
	Var		   *column = linitial(condition->args);

	*audience = lsecond(condition->args);
	if (!IsA(column, Var))
	{
		*audience = (Expr *) column;
		column = lsecond(condition->args);
	}
	return IsA(column, Var) ? column : NULL;
}

/* Is it a look-up of a column of this table in what is the same for every row? */
static bool
looks_up(Expr *clause, Index rti)
{
	OpExpr	   *op = (OpExpr *) clause;
	Expr	   *audience;
	Var		   *column;

	if (!IsA(op, OpExpr) || list_length(op->args) != 2)
		return false;
	column = column_of(op, &audience);
	if (column == NULL || column->vartype != INT8OID || column->varno != rti || column->varattno <= 0 || column->varlevelsup != 0)
		return false;
	if (contain_var_clause((Node *) audience) || contain_volatile_functions((Node *) audience) || contain_subplans((Node *) audience))
		return false;
	set_opfuncid(op);
	return op->opfuncid >= FirstNormalObjectId && consent_looks_up(op->opfuncid);
}

static bool
is_heap(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	bool		heap = rel->rd_tableam == GetHeapamTableAmRoutine();

	table_close(rel, NoLock);
	return heap;
}

static Plan *
plan_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *targets, List *clauses, List *plans)
{
	CustomScan *scan = makeNode(CustomScan);
	RestrictInfo *look_up = linitial_node(RestrictInfo, path->custom_private);

	scan->scan.plan.targetlist = targets;
	scan->scan.plan.qual = extract_actual_clauses(list_delete_ptr(list_copy(clauses), look_up), false);
	scan->scan.scanrelid = rel->relid;
	scan->flags = path->flags;
	scan->custom_exprs = list_make1(look_up->clause);
	scan->methods = &scan_methods;
	return &scan->scan.plan;
}

static const CustomPathMethods path_methods = {
	.CustomName = "ConsentAudienceScan",
	.PlanCustomPath = plan_scan
};

/*
 * As the sequential scan among these, less what the look-ups cost there.  Where there is
 * none any more it is too dear, or wrong: for WHERE CURRENT OF, or because the rows are
 * not, or not only, in the heap as far as another extension is concerned.
 */
static Path *
instead_of(List *paths, RelOptInfo *rel, RestrictInfo *look_up)
{
	ListCell   *cell;

	foreach(cell, paths)
	{
		Path	   *plain = lfirst(cell);
		CustomPath *path;

		if (plain->pathtype != T_SeqScan || plain->param_info != NULL)
			continue;
		path = makeNode(CustomPath);
		path->path = *plain;
		path->path.type = T_CustomPath;
		path->path.pathtype = T_CustomScan;
		path->path.total_cost -= Min(rel->tuples * cpu_operator_cost / Max(plain->parallel_workers, 1), (plain->total_cost - plain->startup_cost) / 2);
		path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
		path->custom_private = list_make1(look_up);
		path->methods = &path_methods;
		return &path->path;
	}
	return NULL;
}

static void
add_paths(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	ListCell   *cell;

	if (previous_hook != NULL)
		previous_hook(root, rel, rti, rte);
	if (!enabled || rte->rtekind != RTE_RELATION)
		return;
	foreach(cell, rel->baserestrictinfo)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, cell);
		Path	   *path;

		if (!looks_up(info->clause, rti) || !restriction_is_securely_promotable(info, rel) || !is_heap(rte->relid))
			continue;
		if ((path = instead_of(rel->pathlist, rel, info)) != NULL)
			add_path(rel, path);
		if ((path = instead_of(rel->partial_pathlist, rel, info)) != NULL)
			add_partial_path(rel, path);
		return;
	}
}

static void
begin_scan(CustomScanState *node, EState *estate, int eflags)
{
	AudienceScan *state = (AudienceScan *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	Expr	   *audience;

#if PG_VERSION_NUM < 160000
	/* The slot that it made holds values only: make ours, and again what looks into it. */
	ExecInitScanTupleSlot(estate, &node->ss, RelationGetDescr(node->ss.ss_currentRelation), &TTSOpsBufferHeapTuple);
	ExecAssignScanProjectionInfo(&node->ss);
	node->ss.ps.qual = ExecInitQual(plan->scan.plan.qual, &node->ss.ps);
#endif
	state->column = column_of(linitial(plan->custom_exprs), &audience)->varattno;
	state->audience = ExecInitExpr(audience, &node->ss.ps);
	state->condition = ExecInitQual(plan->custom_exprs, &node->ss.ps);
	consent_members_init(&state->members, estate->es_query_cxt);
}

static void
ask_audience(AudienceScan *state)
{
	Datum		audience = ExecEvalExprSwitchContext(state->audience, state->css.ss.ps.ps_ExprContext, &state->nobody);

	if (!state->nobody)
		consent_members_read(&state->members, audience);
	state->known = true;
}

/* The members of the next page that has rows; false at the end. */
static bool
next_page(AudienceScan *state)
{
	HeapScanDesc scan = (HeapScanDesc) state->scan;
	Relation	rel = state->css.ss.ss_currentRelation;
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTupleHeader row[MaxHeapTuplesPerPage];
	uint64		number[MaxHeapTuplesPerPage];
	HeapTuple	first = heap_getnext(state->scan, ForwardScanDirection);
	HeapTupleData tuple;
	Page		page;
	int			n;
	int			found = 0;

	if (first == NULL)
		return false;
	if (!(scan->rs_base.rs_flags & SO_ALLOW_PAGEMODE))
		elog(ERROR, "an audience is looked up in by snapshots of transactions only");
	CHECK_FOR_INTERRUPTS();
	page = BufferGetPage(scan->rs_cbuf);
	n = scan->rs_ntuples;
	for (int i = 0; i < n; i++)
	{
		row[i] = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, scan->rs_vistuples[i]));
		__builtin_prefetch(row[i]);
	}
	tuple = *first;
	for (int i = 0; i < n; i++)
	{
		Datum		value;
		bool		isnull;

		tuple.t_data = row[i];
		tuple.t_len = ItemIdGetLength(PageGetItemId(page, scan->rs_vistuples[i]));
		value = heap_getattr(&tuple, state->column, desc, &isnull);
		number[i] = isnull ? PG_UINT64_MAX : (uint64) DatumGetInt64(value);
		consent_members_prefetch(&state->members, number[i]);
	}
	for (int i = 0; i < n; i++)
	{
		HeapTuple	t = &state->tuple[found];

		t->t_data = row[i];
		ItemPointerSet(&t->t_self, scan->rs_cblock, scan->rs_vistuples[i]);
		t->t_len = ItemIdGetLength(PageGetItemId(page, scan->rs_vistuples[i]));
		t->t_tableOid = RelationGetRelid(rel);
		found += consent_is_member(&state->members, number[i]);
	}
	for (int i = 1; i < n; i++)
		pgstat_count_heap_getnext(rel);
	scan->rs_cindex = n - 1;	/* we have had them all */
	InstrCountFiltered2(&state->css.ss, n - found);
	state->found = found;
	state->next = 0;
	return true;
}

static TupleTableSlot *
next_member(ScanState *node)
{
	AudienceScan *state = (AudienceScan *) node;
	TupleTableSlot *slot = node->ss_ScanTupleSlot;

	if (unlikely(!state->known))
		ask_audience(state);
	if (unlikely(state->scan == NULL))
		state->scan = table_beginscan(node->ss_currentRelation, node->ps.state->es_snapshot, 0, NULL);
	while (state->next >= state->found)
	{
		ExecClearTuple(slot);	/* it points into the page and into our array */
		if (state->nobody || !next_page(state))
			return NULL;
	}
	return ExecStoreBufferHeapTuple(&state->tuple[state->next++], slot, ((HeapScanDesc) state->scan)->rs_cbuf);
}

static bool
is_still_member(ScanState *node, TupleTableSlot *slot)
{
	node->ps.ps_ExprContext->ecxt_scantuple = slot;
	return ExecQualAndReset(((AudienceScan *) node)->condition, node->ps.ps_ExprContext);
}

static TupleTableSlot *
exec_scan(CustomScanState *node)
{
	return ExecScan(&node->ss, next_member, is_still_member);
}

static void
end_scan(CustomScanState *node)
{
	AudienceScan *state = (AudienceScan *) node;

	if (state->scan != NULL)
		table_endscan(state->scan);
}

static void
rescan(CustomScanState *node)
{
	AudienceScan *state = (AudienceScan *) node;

	if (node->ss.ps.chgParam != NULL)
		state->known = false;
	state->found = state->next = 0;
	if (state->scan != NULL)
		table_rescan(state->scan, NULL);
	ExecScanReScan(&node->ss);
}

static Size
estimate_dsm(CustomScanState *node, ParallelContext *pcxt)
{
	return table_parallelscan_estimate(node->ss.ss_currentRelation, node->ss.ps.state->es_snapshot);
}

static void
initialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *shared)
{
	table_parallelscan_initialize(node->ss.ss_currentRelation, shared, node->ss.ps.state->es_snapshot);
	((AudienceScan *) node)->scan = table_beginscan_parallel(node->ss.ss_currentRelation, shared);
}

static void
reinitialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *shared)
{
	table_parallelscan_reinitialize(node->ss.ss_currentRelation, shared);
}

static void
initialize_worker(CustomScanState *node, shm_toc *toc, void *shared)
{
	((AudienceScan *) node)->scan = table_beginscan_parallel(node->ss.ss_currentRelation, shared);
}

static void
explain_scan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, &plan->scan.plan, ancestors);
	Instrumentation *instrument = node->ss.ps.instrument;

	ExplainPropertyText("Audience Cond", deparse_expression(linitial(plan->custom_exprs), context, es->verbose, false), es);
	if (es->analyze && instrument != NULL && (instrument->nfiltered2 > 0 || es->format != EXPLAIN_FORMAT_TEXT))
		ExplainPropertyFloat("Rows Removed by Audience", NULL, instrument->nloops > 0 ? instrument->nfiltered2 / instrument->nloops : 0, 0, es);
}

static const CustomExecMethods exec_methods = {
	.CustomName = "ConsentAudienceScan",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.EstimateDSMCustomScan = estimate_dsm,
	.InitializeDSMCustomScan = initialize_dsm,
	.ReInitializeDSMCustomScan = reinitialize_dsm,
	.InitializeWorkerCustomScan = initialize_worker,
	.ExplainCustomScan = explain_scan
};

static Node *
create_state(CustomScan *plan)
{
	AudienceScan *state = palloc0(sizeof(AudienceScan));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
#if PG_VERSION_NUM >= 160000
	state->css.slotOps = &TTSOpsBufferHeapTuple;
#endif
	return (Node *) state;
}

static const CustomScanMethods scan_methods = {
	.CustomName = "ConsentAudienceScan",
	.CreateCustomScanState = create_state
};

void
consent_audience_scan_init(void)
{
	DefineCustomBoolVariable("pg_consent.audience_scan",
							 "Lets the planner look up whole pages of rows in an audience at once.",
							 "Off, conditions on audiences are checked row by row, with the same result.",
							 &enabled, true, PGC_USERSET, 0, NULL, NULL, NULL);
	RegisterCustomScanMethods(&scan_methods);
	previous_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_paths;
}
