/*-------------------------------------------------------------------------
 *
 * join.c
 *	  A hash join with consent.permitted() that does not wait for memory.
 *
 * A campaign looks up each of its customers among the contacts that may be sent
 * to.  Of ten million contacts PostgreSQL's hash join spends most of its time
 * waiting: for the bucket of a row, then for what lies in it, and then it turns to
 * the next row.  Here some rows are taken at once, and what one of them needs is
 * fetched while the others are read.  A table of contacts is all that is kept of
 * permitted(): it has one column, which is what is looked up, and no contact twice.
 *
 * The table keeps to the memory that hash tables may take.  Contacts that do not fit
 * are divided by their hashes into parts, and so are the rows that have not found
 * theirs; each part is joined like the whole.
 *
 * Several processes make one table together, where all its contacts are sure to fit,
 * and look up the rows of their own.  If the ledger has grown too large since that was
 * planned, one of them joins alone.
 *
 * Only the rows of a plain SELECT, or of what an INSERT selects, are joined so: where
 * rows are locked or changed, they may have to be asked again (EvalPlanQual), which
 * we leave to PostgreSQL's own joins.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/tableam.h"
#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#endif
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"
#include "utils/tuplestore.h"

#include "contact/contact.h"
#include "ledger/contact_table.h"
#include "ledger/join.h"
#include "ledger/plan.h"
#include "module/compat.h"

#define AT_ONCE 64				/* rows */

/* Contacts that did not fit into the table, and the rows that may have one of them. */
#define PARTS_BITS	5
#define PARTS		(1 << PARTS_BITS)
typedef struct Part
{
	int			level;			/* how often it was divided; the whole: 0 */
	Tuplestorestate *contacts;	/* NULL: the plan */
	Tuplestorestate *rows;
} Part;

typedef struct ContactJoin
{
	CustomScanState css;
	PlanState  *outer;
	PlanState  *inner;
	ExprState  *key;
	TupleTableSlot *outer_slot;	/* for rows that were kept */
	TupleTableSlot *inner_slot;

	ConsentSharedContacts *shared;	/* NULL: one process joins */
	bool		alone;			/* of several processes, only this one joins */
	ConsentContactTable table;
	bool		built;
	bool		whole;			/* there are no other contacts */

	MemoryContext parts_context;
	Part	   *part;			/* that is being joined */
	Part	   *rest;			/* the parts of what of it did not fit, or NULL */
	List	   *waiting;		/* parts for later */
	int64		nparts;			/* that were joined, in all rounds */
	bool		outer_done;

	MemoryContext rows_context;
	ConsentLookUp asked[AT_ONCE];
	MinimalTuple row[AT_ONCE];
	int			at_once;
	int			nrows;
	int			next;
} ContactJoin;

static bool enabled = true;
static set_join_pathlist_hook_type previous_hook = NULL;

static const CustomScanMethods scan_methods;

/* ---------- planning ---------- */

/* outer expression = contact of permitted(): the outer expression, or NULL. */
static Expr *
looks_up(const RestrictInfo *info, const RelOptInfo *outer, const RelOptInfo *inner)
{
	OpExpr	   *op = (OpExpr *) info->clause;
	Expr	   *sides[2];

	if (!info->can_join || !IsA(op, OpExpr) || list_length(op->args) != 2 || !OidIsValid(info->hashjoinoperator))
		return NULL;
	sides[0] = linitial(op->args);
	sides[1] = lsecond(op->args);
	for (int i = 0; i < 2; i++)
	{
		Var		   *contact = (Var *) sides[i];
		Relids		others = i == 0 ? info->right_relids : info->left_relids;

		if (IsA(contact, Var) && contact->varno == inner->relid && contact->varattno == 1 && contact->varlevelsup == 0 &&
			bms_is_subset(others, outer->relids) && !contain_volatile_functions((Node *) sides[1 - i]) &&
			consent_contact_equates(get_opcode(op->opno)))
			return sides[1 - i];
	}
	return NULL;
}

/* Nothing but its contacts is asked for. */
static bool
gives_contacts_only(const RelOptInfo *inner)
{
	ListCell   *cell;

	foreach(cell, inner->reltarget->exprs)
	{
		Var		   *var = lfirst(cell);

		if (!IsA(var, Var) || var->varno != inner->relid || var->varattno != 1)
			return false;
	}
	return true;
}

static Index
level_of(const RestrictInfo *info)
{
	return info->leakproof && info->eval_cost.per_tuple < 10 * cpu_operator_cost ? 0 : info->security_level;
}

static int
by_level_and_cost(const ListCell *a, const ListCell *b)
{
	const RestrictInfo *one = lfirst_node(RestrictInfo, a);
	const RestrictInfo *other = lfirst_node(RestrictInfo, b);

	if (level_of(one) != level_of(other))
		return level_of(one) < level_of(other) ? -1 : 1;
	return (one->eval_cost.per_tuple > other->eval_cost.per_tuple) - (one->eval_cost.per_tuple < other->eval_cost.per_tuple);
}

static Plan *
plan_join(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *targets, List *clauses, List *plans)
{
	CustomScan *scan = makeNode(CustomScan);
	RestrictInfo *look_up = linitial_node(RestrictInfo, path->custom_private);
	List	   *others = lsecond_node(List, path->custom_private);
	RelOptInfo *outer = ((Path *) linitial(path->custom_paths))->parent;
	RelOptInfo *inner = ((Path *) lsecond(path->custom_paths))->parent;
	Plan	   *outer_plan = linitial(plans);
	List	   *sides = ((OpExpr *) look_up->clause)->args;
	Expr	   *key = looks_up(look_up, outer, inner);
	Expr	   *contact = key == linitial(sides) ? lsecond(sides) : linitial(sides);
	List	   *row = NIL;
	ListCell   *cell;

	/* A row of the join: what the outer plan returns, and the contact. */
	foreach(cell, outer_plan->targetlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		row = lappend(row, makeTargetEntry(copyObject(entry->expr), list_length(row) + 1, NULL, false));
	}
	row = lappend(row, makeTargetEntry(copyObject(contact), list_length(row) + 1, NULL, false));

	scan->scan.plan.targetlist = targets;
	/* As order_qual_clauses() does: what keeps rows from whom they are hidden first, then what costs least. */
	list_sort(others, by_level_and_cost);
	scan->scan.plan.qual = extract_actual_clauses(others, false);
	scan->flags = path->flags;
	scan->custom_plans = plans;
	scan->custom_exprs = list_make2(key, look_up->clause);
	scan->custom_scan_tlist = row;
	scan->methods = &scan_methods;
	return &scan->scan.plan;
}

static const CustomPathMethods path_methods = {
	.CustomName = "ConsentContactJoin",
	.PlanCustomPath = plan_join
};

/* How many contacts there may be, whatever is thought of the conditions: as many as addresses. */
static double
contacts_at_most(PlannerInfo *root, const RelOptInfo *inner)
{
	double		most = inner->rows;
	ListCell   *cell;

	foreach(cell, root->append_rel_list)
	{
		AppendRelInfo *member = lfirst_node(AppendRelInfo, cell);
		PlannerInfo *of_member;

		if (member->parent_relid != inner->relid)
			continue;
		of_member = root->simple_rel_array[member->child_relid]->subroot;
		for (int i = 1; of_member != NULL && i < of_member->simple_rel_array_size; i++)
		{
			if (of_member->simple_rel_array[i] != NULL)
				most = Max(most, of_member->simple_rel_array[i]->tuples);
		}
	}
	return most;
}

/* Do so many contacts fit into what the hash tables of all processes may take? */
static bool
fits_shared(double contacts, int nworkers)
{
	return contacts * CONSENT_CONTACT_SPACE <= Min((double) get_hash_memory_limit() * (nworkers + 1), CONSENT_CONTACT_TABLE_MAX);
}

/*
 * As a hash join costs, but that contacts are put into no tuples.  Of partial paths, which
 * are for several processes, the costs are those of one.
 */
static CustomPath *
make_path(PlannerInfo *root, RelOptInfo *join, JoinType type, SpecialJoinInfo *join_info,
		  Path *outer_path, Path *inner_path, RestrictInfo *look_up, List *others, bool fits)
{
	RelOptInfo *outer = outer_path->parent;
	RelOptInfo *inner = inner_path->parent;
	CustomPath *path = makeNode(CustomPath);
	double		share = outer_path->rows / outer->rows;
	double		found = clause_selectivity(root, (Node *) look_up, 0, type, join_info) * outer_path->rows * (type == JOIN_SEMI ? 1 : inner->rows);
	QualCost	key;
	QualCost	conditions;
	Cost		startup;
	Cost		run;

	cost_qual_eval_node(&key, (Node *) looks_up(look_up, outer, inner), root);
	cost_qual_eval(&conditions, others, root);
	startup = inner_path->total_cost + outer_path->startup_cost + inner_path->rows * cpu_operator_cost +
		key.startup + conditions.startup + join->reltarget->cost.startup;
	run = outer_path->total_cost - outer_path->startup_cost + outer_path->rows * (key.per_tuple + cpu_operator_cost) +
		found * conditions.per_tuple + join->rows * share * (cpu_tuple_cost + join->reltarget->cost.per_tuple);
	if (!fits)
	{
		/* What does not fit is written and read again. */
		startup += seq_page_cost * ceil(inner_path->rows * (inner_path->pathtarget->width + SizeofHeapTupleHeader) / BLCKSZ);
		run += 2 * seq_page_cost * ceil(outer_path->rows * (outer_path->pathtarget->width + SizeofHeapTupleHeader) / BLCKSZ);
	}

	path->path.pathtype = T_CustomScan;
	path->path.parent = join;
	path->path.pathtarget = join->reltarget;
	path->path.parallel_safe = join->consider_parallel && outer_path->parallel_safe && inner_path->parallel_safe;
	path->path.rows = clamp_row_est(join->rows * share);
	path->path.startup_cost = startup;
	path->path.total_cost = startup + run;
#if PG_VERSION_NUM >= 180000
	path->path.disabled_nodes = outer_path->disabled_nodes + inner_path->disabled_nodes;
#endif
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_paths = list_make2(outer_path, inner_path);
	path->custom_private = list_make2(look_up, others);
	path->methods = &path_methods;
	return path;
}

static void
add_join_paths(PlannerInfo *root, RelOptInfo *join, RelOptInfo *outer, RelOptInfo *inner,
			   JoinType type, JoinPathExtraData *extra)
{
	RangeTblEntry *rte;
	RestrictInfo *look_up = NULL;
	List	   *others = NIL;
	ListCell   *cell;
	Path	   *outer_path = outer->cheapest_total_path;
	Path	   *inner_path = inner->cheapest_total_path;
	CustomPath *path;

	if (previous_hook != NULL)
		previous_hook(root, join, outer, inner, type, extra);

	if (!enabled || (type != JOIN_INNER && type != JOIN_SEMI) || inner->reloptkind != RELOPT_BASEREL || inner->rtekind != RTE_SUBQUERY)
		return;
	rte = planner_rt_fetch(inner->relid, root);
	if (!rte->inh || rte->subquery == NULL || !consent_is_contacts(rte->subquery, 1) || !gives_contacts_only(inner))
		return;
	if (root->rowMarks != NIL || (root->parse->commandType != CMD_SELECT && root->parse->commandType != CMD_INSERT) ||
		!bms_is_empty(join->lateral_relids))
		return;
	foreach(cell, extra->restrictlist)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, cell);

		if (info->pseudoconstant)
			return;
		if (look_up == NULL && looks_up(info, outer, inner) != NULL)
			look_up = info;
		else
			others = lappend(others, info);
	}
	if (look_up == NULL)
		return;

	if (outer_path != NULL && outer_path->param_info == NULL && inner_path != NULL && inner_path->param_info == NULL)
	{
		path = make_path(root, join, type, extra->sjinfo, outer_path, inner_path, look_up, others,
						 inner->rows * CONSENT_CONTACT_SPACE <= get_hash_memory_limit());
		add_path(join, &path->path);
	}

	/* By several processes. */
	if (join->consider_parallel && outer->partial_pathlist != NIL && inner->partial_pathlist != NIL)
	{
		outer_path = linitial(outer->partial_pathlist);
		if (!fits_shared(contacts_at_most(root, inner), outer_path->parallel_workers))
			return;
		path = make_path(root, join, type, extra->sjinfo, outer_path, linitial(inner->partial_pathlist), look_up, others, true);
		path->path.parallel_aware = true;
		path->path.parallel_workers = outer_path->parallel_workers;
		add_partial_path(join, &path->path);
	}
}

/* ---------- execution ---------- */

/* Where what has this hash goes when a part is divided: by bits other than those by which its slot is found. */
static Part *
part_for(ContactJoin *join, uint64 hash)
{
	int			level = join->part->level;
	Part	   *part = &join->rest[hash >> (32 + Min(level, 5) * PARTS_BITS) & (PARTS - 1)];

	part->level = level + 1;
	return part;
}

/* Together what is kept takes about work_mem, or what is least for so many. */
static void
keep(ContactJoin *join, Tuplestorestate **rows, TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(join->parts_context);

	if (*rows == NULL)
		*rows = tuplestore_begin_heap(false, false, Max(64, work_mem / (2 * PARTS)));
	tuplestore_puttupleslot(*rows, slot);
	MemoryContextSwitchTo(caller);
}

static void
forget_part(Part *part)
{
	if (part->contacts != NULL)
		tuplestore_end(part->contacts);
	if (part->rows != NULL)
		tuplestore_end(part->rows);
	part->contacts = part->rows = NULL;
}

/* Makes a table of the contacts of this part, and parts of those that do not fit. */
static void
build_table(ContactJoin *join)
{
	if (consent_contact_table_begin(&join->table, join->alone ? NULL : join->shared, join->css.ss.ps.state->es_query_dsa))
	{
		for (;;)
		{
			TupleTableSlot *slot;
			bool		isnull;
			Datum		datum;
			ConsentContact *contact;
			uint64		hash;

			CHECK_FOR_INTERRUPTS();
			if (join->part->contacts == NULL)
				slot = ExecProcNode(join->inner);
			else
				slot = tuplestore_gettupleslot(join->part->contacts, true, false, join->inner_slot) ? join->inner_slot : NULL;
			if (TupIsNull(slot))
				break;
			datum = slot_getattr(slot, 1, &isnull);
			if (isnull)
				continue;
			contact = DatumGetConsentContactPP(datum);
			hash = consent_contact_hash_extended(contact, 0);
			if (join->rest == NULL && consent_contact_table_is_full(&join->table))
				join->rest = MemoryContextAllocZero(join->parts_context, PARTS * sizeof(Part));
			if (join->rest == NULL)
				consent_contact_table_add(&join->table, contact, hash);
			else
				keep(join, &part_for(join, hash)->contacts, slot);
			if ((Pointer) contact != DatumGetPointer(datum))
				pfree(contact);
		}
	}
	consent_contact_table_finish(&join->table);
	join->built = true;
	join->whole = join->shared == NULL && join->part->level == 0 && join->rest == NULL;
}

/* Turns to the next part; false if there is none. */
static bool
next_part(ContactJoin *join)
{
	MemoryContext caller = MemoryContextSwitchTo(join->parts_context);

	forget_part(join->part);
	for (int i = 0; join->rest != NULL && i < PARTS; i++)
	{
		/* Contacts that no row is left for need not be looked at. */
		if (join->rest[i].rows != NULL)
			join->waiting = lappend(join->waiting, &join->rest[i]);
		else
			forget_part(&join->rest[i]);
	}
	MemoryContextSwitchTo(caller);
	join->rest = NULL;
	join->outer_done = true;
	if (join->waiting == NIL)
		return false;
	join->part = llast(join->waiting);
	join->waiting = list_delete_last(join->waiting);
	join->outer_done = false;
	join->built = false;
	join->nparts++;
	return true;
}

/* The next outer row of this part. */
static TupleTableSlot *
next_outer(ContactJoin *join)
{
	TupleTableSlot *slot;

	if (join->outer_done)
		return NULL;
	if (join->part->rows == NULL)
		slot = ExecProcNode(join->outer);
	else
		slot = tuplestore_gettupleslot(join->part->rows, true, false, join->outer_slot) ? join->outer_slot : NULL;
	join->outer_done = TupIsNull(slot);
	return join->outer_done ? NULL : slot;
}

/* Takes some outer rows and looks up their contacts; false at the end. */
static bool
next_rows(ContactJoin *join)
{
	ExprContext *econtext = join->css.ss.ps.ps_ExprContext;
	TupleTableSlot *scan = join->css.ss.ss_ScanTupleSlot;
	int			natts = scan->tts_tupleDescriptor->natts - 1;
	int			n = 0;
	int			taken = 0;

	MemoryContextReset(join->rows_context);
	while (n < join->at_once)
	{
		TupleTableSlot *slot = next_outer(join);
		ConsentLookUp *asked = &join->asked[n];
		MemoryContext caller;
		Datum		key;
		bool		isnull;

		if (slot == NULL)
			break;
		CHECK_FOR_INTERRUPTS();
		taken++;
		slot_getallattrs(slot);
		ExecClearTuple(scan);
		memcpy(scan->tts_values, slot->tts_values, natts * sizeof(Datum));
		memcpy(scan->tts_isnull, slot->tts_isnull, natts * sizeof(bool));
		scan->tts_isnull[natts] = true;
		ExecStoreVirtualTuple(scan);
		ResetExprContext(econtext);
		econtext->ecxt_scantuple = scan;
		key = ExecEvalExprSwitchContext(join->key, econtext, &isnull);
		if (isnull)
			continue;
		caller = MemoryContextSwitchTo(join->rows_context);
		asked->contact = DatumGetConsentContactPP(datumCopy(key, false, -1));
		join->row[n] = consent_form_minimal_tuple(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull);
		MemoryContextSwitchTo(caller);
		asked->hash = consent_contact_hash_extended(asked->contact, 0);
		consent_contact_table_prefetch(&join->table, asked->hash);
		n++;
	}
	ExecClearTuple(scan);
	consent_contact_table_find(&join->table, join->asked, n);
	join->nrows = n;
	join->next = 0;

	/* A row has one contact at most, so only those that have not found it are looked up again. */
	for (int i = 0; join->rest != NULL && i < n; i++)
	{
		Part	   *part = part_for(join, join->asked[i].hash);

		if (!join->asked[i].found && part->contacts != NULL)
			keep(join, &part->rows, ExecStoreMinimalTuple(join->row[i], join->outer_slot, false));
	}
	return taken > 0;
}

static TupleTableSlot *
next_row(ScanState *node)
{
	ContactJoin *join = (ContactJoin *) node;
	TupleTableSlot *scan = node->ss_ScanTupleSlot;
	HeapTupleData tuple;
	int			i;

	for (;;)
	{
		if (!join->built)
		{
			/* It does not fit: whoever comes first does it all. */
			if (join->shared != NULL && !join->alone && !consent_shared_contacts_fit(join->shared))
			{
				join->alone = consent_shared_contacts_claim(join->shared);
				if (!join->alone)
					return NULL;
			}
			build_table(join);
		}
		while (join->next < join->nrows && !join->asked[join->next].found)
			join->next++;
		if (join->next < join->nrows)
			break;
		if ((join->table.ncontacts == 0 || !next_rows(join)) && !next_part(join))
			return NULL;
	}
	i = join->next++;
	tuple.t_len = join->row[i]->t_len + MINIMAL_TUPLE_OFFSET;
	tuple.t_data = (HeapTupleHeader) ((char *) join->row[i] - MINIMAL_TUPLE_OFFSET);
	ExecClearTuple(scan);
	heap_deform_tuple(&tuple, join->outer_slot->tts_tupleDescriptor, scan->tts_values, scan->tts_isnull);
	scan->tts_values[scan->tts_tupleDescriptor->natts - 1] = PointerGetDatum(join->asked[i].contact);
	scan->tts_isnull[scan->tts_tupleDescriptor->natts - 1] = false;
	return ExecStoreVirtualTuple(scan);
}

/*
 * None of our rows is asked again (see the head of this file), but a sub-select may be
 * executed for a row of the query around it that is: then we join as ever.  Of PostgreSQL,
 * only the minor releases since August 2025 see that themselves.
 */
static bool
recheck(ScanState *node, TupleTableSlot *slot)
{
	return next_row(node) != NULL;
}

static TupleTableSlot *
exec_join(CustomScanState *node)
{
	return ExecScan(&node->ss, next_row, recheck);
}

/* Rows that are locked as they are read are taken one by one: no more than are asked for. */
static bool
locks_rows(PlanState *node, void *context)
{
	return IsA(node, LockRowsState) || planstate_tree_walker(node, locks_rows, context);
}

/* From the first row of the whole. */
static void
start(ContactJoin *join)
{
	MemoryContextReset(join->parts_context);
	join->part = MemoryContextAllocZero(join->parts_context, sizeof(Part));
	join->rest = NULL;
	join->waiting = NIL;
	join->alone = false;
	join->outer_done = false;
	join->nrows = join->next = 0;
}

static void
forget_rows(ContactJoin *join)
{
	ListCell   *cell;

	ExecClearTuple(join->css.ss.ss_ScanTupleSlot);
	ExecClearTuple(join->outer_slot);
	ExecClearTuple(join->inner_slot);
	forget_part(join->part);
	for (int i = 0; join->rest != NULL && i < PARTS; i++)
		forget_part(&join->rest[i]);
	foreach(cell, join->waiting)
		forget_part(lfirst(cell));
	start(join);
}

static void
begin_join(CustomScanState *node, EState *estate, int eflags)
{
	ContactJoin *join = (ContactJoin *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;

	join->outer = ExecInitNode(linitial(plan->custom_plans), estate, eflags & ~(EXEC_FLAG_BACKWARD | EXEC_FLAG_MARK));
	join->inner = ExecInitNode(lsecond(plan->custom_plans), estate, eflags & ~(EXEC_FLAG_BACKWARD | EXEC_FLAG_MARK));
	node->custom_ps = list_make2(join->outer, join->inner);
	join->at_once = locks_rows(join->outer, NULL) ? 1 : AT_ONCE;
	join->key = ExecInitExpr(linitial(plan->custom_exprs), &node->ss.ps);
	(void) ExecInitExpr(lsecond(plan->custom_exprs), &node->ss.ps);	/* may its function be executed? */
	join->outer_slot = ExecInitExtraTupleSlot(estate, ExecGetResultType(join->outer), &TTSOpsMinimalTuple);
	join->inner_slot = ExecInitExtraTupleSlot(estate, ExecGetResultType(join->inner), &TTSOpsMinimalTuple);
	consent_contact_table_init(&join->table, estate->es_query_cxt);
	join->rows_context = AllocSetContextCreate(estate->es_query_cxt, "pg_consent rows", ALLOCSET_DEFAULT_SIZES);
	join->parts_context = AllocSetContextCreate(estate->es_query_cxt, "pg_consent parts", ALLOCSET_DEFAULT_SIZES);
	start(join);
}

static void
end_join(CustomScanState *node)
{
	ContactJoin *join = (ContactJoin *) node;

	forget_rows(join);
	consent_contact_table_reset(&join->table);
	ExecEndNode(join->outer);
	ExecEndNode(join->inner);
}

static void
rescan_join(CustomScanState *node)
{
	ContactJoin *join = (ContactJoin *) node;

	forget_rows(join);
	if (node->ss.ps.chgParam != NULL)
	{
		UpdateChangedParamSet(join->outer, node->ss.ps.chgParam);
		UpdateChangedParamSet(join->inner, node->ss.ps.chgParam);
	}
	if (join->outer->chgParam == NULL)
		ExecReScan(join->outer);

	/* As in a hash join, contacts that are all there are looked up again. */
	if (!join->built || !join->whole || join->inner->chgParam != NULL)
	{
		consent_contact_table_reset(&join->table);
		join->built = false;
		if (join->inner->chgParam == NULL)
			ExecReScan(join->inner);
	}
	ExecScanReScan(&node->ss);
}

/* ---------- several processes ---------- */

/* How many rows the largest table has that is read. */
static bool
largest_table(PlanState *node, double *rows)
{
	if (IsA(node, SeqScanState) || IsA(node, IndexScanState) || IsA(node, IndexOnlyScanState) || IsA(node, BitmapHeapScanState))
	{
		BlockNumber pages;
		double		tuples;
		double		visible;

		table_relation_estimate_size(((ScanState *) node)->ss_currentRelation, NULL, &pages, &tuples, &visible);
		*rows = Max(*rows, tuples);
	}
	return planstate_tree_walker(node, largest_table, rows);
}

/* The ledger may have grown, or hash tables may take less, since this was planned. */
static bool
still_fits(ContactJoin *join, ParallelContext *context)
{
	double		rows = 0;

	(void) largest_table(join->inner, &rows);
	return fits_shared(rows, context->nworkers);
}

static Size
estimate_shared(CustomScanState *node, ParallelContext *context)
{
	return consent_shared_contacts_size();
}

static void
make_shared(CustomScanState *node, ParallelContext *context, void *shared)
{
	ContactJoin *join = (ContactJoin *) node;

	/* If there was no shared memory left, there is no area for the table either, and no worker: we join alone. */
	join->shared = NULL;
	if (context->seg == NULL)
		return;
	join->shared = shared;
	consent_shared_contacts_init(shared, still_fits(join, context));
}

static void
remake_shared(CustomScanState *node, ParallelContext *context, void *shared)
{
	ContactJoin *join = (ContactJoin *) node;

	if (join->shared != NULL)
		consent_shared_contacts_reset(shared, node->ss.ps.state->es_query_dsa, still_fits(join, context));
}

static void
find_shared(CustomScanState *node, shm_toc *toc, void *shared)
{
	((ContactJoin *) node)->shared = shared;
}

static void
explain_join(CustomScanState *node, List *ancestors, ExplainState *es)
{
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, &plan->scan.plan, ancestors);

	ExplainPropertyText("Contact Cond", deparse_expression(lsecond(plan->custom_exprs), context, true, false), es);
	if (es->analyze && ((ContactJoin *) node)->nparts > 0)
		ExplainPropertyInteger("Parts", NULL, ((ContactJoin *) node)->nparts, es);
}

static const CustomExecMethods exec_methods = {
	.CustomName = "ConsentContactJoin",
	.BeginCustomScan = begin_join,
	.ExecCustomScan = exec_join,
	.EndCustomScan = end_join,
	.ReScanCustomScan = rescan_join,
	.EstimateDSMCustomScan = estimate_shared,
	.InitializeDSMCustomScan = make_shared,
	.ReInitializeDSMCustomScan = remake_shared,
	.InitializeWorkerCustomScan = find_shared,
	.ExplainCustomScan = explain_join
};

static Node *
create_state(CustomScan *plan)
{
	ContactJoin *join = palloc0(sizeof(ContactJoin));

	NodeSetTag(join, T_CustomScanState);
	join->css.methods = &exec_methods;
	return (Node *) join;
}

static const CustomScanMethods scan_methods = {
	.CustomName = "ConsentContactJoin",
	.CreateCustomScanState = create_state
};

void
consent_join_init(void)
{
	DefineCustomBoolVariable("pg_consent.contact_join",
							 "Lets the planner look up several rows at once in consent.permitted().",
							 "Off, PostgreSQL's own joins are used, with the same result.",
							 &enabled, true, PGC_USERSET, 0, NULL, NULL, NULL);
	RegisterCustomScanMethods(&scan_methods);
	previous_hook = set_join_pathlist_hook;
	set_join_pathlist_hook = add_join_paths;
}
