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
 * are read when the first have been looked up by all rows, which are kept on disk
 * until then.
 *
 * Only the rows of a plain SELECT, or of what an INSERT selects, are joined so: where
 * rows are locked or changed, they may have to be asked again (EvalPlanQual), which
 * we leave to PostgreSQL's own joins, and likewise joins of several processes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
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
#include "port/pg_bitutils.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"
#include "utils/tuplestore.h"

#include "contact/contact.h"
#include "ledger/join.h"
#include "ledger/plan.h"
#include "module/compat.h"

#define AT_ONCE 64				/* rows */

/* A row that is being looked up, and where it has got to. */
typedef struct Row
{
	MinimalTuple tuple;
	const ConsentContact *key;
	uint64		hash;
	uint32		at;				/* slot of the table: empty, or its contact may be the key */
} Row;

typedef struct ContactJoin
{
	CustomScanState css;
	PlanState  *outer;
	PlanState  *inner;
	ExprState  *key;
	TupleTableSlot *outer_slot;	/* for rows that were kept */

	/*
	 * The table: contacts one after the other, each at a multiple of 4 bytes; and slots,
	 * which hold half of a hash and where its contact is, or 0.
	 */
	MemoryContext context;
	char	   *contacts;
	Size		used;
	Size		size;
	uint32		ncontacts;
	uint64	   *slots;
	uint32		mask;
	bool		built;
	bool		inner_done;

	Tuplestorestate *kept;		/* the outer rows, if not all contacts fit */
	bool		outer_done;		/* they are all there */
	bool		again;			/* and are read again */

	MemoryContext rows_context;
	Row			row[AT_ONCE];
	int			at_once;
	int			nrows;
	int			next;
} ContactJoin;

#define CONTACT_ALIGN	4
#define CONTACT_SPACE	64		/* about what a contact takes, with its slots */

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

static void
add_join_path(PlannerInfo *root, RelOptInfo *join, RelOptInfo *outer, RelOptInfo *inner,
			  JoinType type, JoinPathExtraData *extra)
{
	RangeTblEntry *rte;
	RestrictInfo *look_up = NULL;
	List	   *others = NIL;
	ListCell   *cell;
	CustomPath *path;
	double		passes;
	double		pages;
	Path	   *outer_path = outer->cheapest_total_path;
	Path	   *inner_path = inner->cheapest_total_path;

	if (previous_hook != NULL)
		previous_hook(root, join, outer, inner, type, extra);

	if (!enabled || (type != JOIN_INNER && type != JOIN_SEMI) || inner->reloptkind != RELOPT_BASEREL || inner->rtekind != RTE_SUBQUERY)
		return;
	rte = planner_rt_fetch(inner->relid, root);
	if (!rte->inh || rte->subquery == NULL || !consent_is_contacts(rte->subquery, 1) || !gives_contacts_only(inner))
		return;
	if (root->rowMarks != NIL || (root->parse->commandType != CMD_SELECT && root->parse->commandType != CMD_INSERT) ||
		!bms_is_empty(join->lateral_relids) || outer_path == NULL || inner_path == NULL ||
		outer_path->param_info != NULL || inner_path->param_info != NULL)
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

	/* As a hash join, but that contacts are put into no tuples, and rows are kept for all passes but the first. */
	passes = ceil(inner->rows * CONTACT_SPACE / get_hash_memory_limit());
	pages = passes > 1 ? ceil(outer->rows * (outer_path->pathtarget->width + MAXALIGN(SizeofHeapTupleHeader)) / BLCKSZ) : 0;
	path = makeNode(CustomPath);
	path->path.pathtype = T_CustomScan;
	path->path.parent = join;
	path->path.pathtarget = join->reltarget;
	path->path.parallel_safe = join->consider_parallel && outer_path->parallel_safe && inner_path->parallel_safe;
	path->path.rows = join->rows;
	path->path.startup_cost = inner_path->total_cost + outer_path->startup_cost + inner->rows * cpu_operator_cost;
	path->path.total_cost = path->path.startup_cost + (outer_path->total_cost - outer_path->startup_cost) +
		Max(passes, 1) * (outer->rows * cpu_operator_cost + pages * seq_page_cost) + join->rows * cpu_tuple_cost;
#if PG_VERSION_NUM >= 180000
	path->path.disabled_nodes = outer_path->disabled_nodes + inner_path->disabled_nodes;
#endif
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_paths = list_make2(outer_path, inner_path);
	path->custom_private = list_make2(look_up, others);
	path->methods = &path_methods;
	add_path(join, &path->path);
}

/* ---------- execution ---------- */

static inline uint64
slot_of(uint64 hash, Size at)
{
	return (hash >> 32 << 32) | (at / CONTACT_ALIGN + 1);
}

static inline const ConsentContact *
contact_at(const ContactJoin *join, uint64 slot)
{
	return (const ConsentContact *) (join->contacts + (Size) ((uint32) slot - 1) * CONTACT_ALIGN);
}

/* Where the search for a hash begins. */
static inline uint32
first_slot(const ContactJoin *join, uint64 hash)
{
	return (uint32) hash & join->mask;
}

static void
forget_table(ContactJoin *join)
{
	MemoryContextReset(join->context);
	join->contacts = NULL;
	join->slots = NULL;
	join->used = join->size = 0;
	join->ncontacts = 0;
	join->built = false;
}

/* Reads contacts until there are no more, or they fill the memory. */
static void
build_table(ContactJoin *join)
{
	Size		limit = Min(get_hash_memory_limit(), (Size) UINT32_MAX * CONTACT_ALIGN / 2);	/* what a slot can point to */
	uint64		nslots;
	uint64	   *hashes;
	Size		nhashes = 1024;
	Size		at = 0;

	forget_table(join);
	join->size = 64 * 1024;
	join->contacts = MemoryContextAllocHuge(join->context, join->size);
	hashes = MemoryContextAllocHuge(join->context, nhashes * sizeof(uint64));
	while (!join->inner_done)
	{
		TupleTableSlot *slot;
		bool		isnull;
		Datum		datum;
		ConsentContact *contact;
		Size		size;

		/* With the slots, which are two to four times the contacts. */
		if (join->used + (Size) join->ncontacts * 4 * sizeof(uint64) > limit && join->ncontacts > 0)
			break;
		CHECK_FOR_INTERRUPTS();
		slot = ExecProcNode(join->inner);
		if (TupIsNull(slot))
		{
			join->inner_done = true;
			break;
		}
		datum = slot_getattr(slot, 1, &isnull);
		if (isnull)
			continue;
		contact = DatumGetConsentContactPP(datum);
		size = VARSIZE_ANY(contact);
		if (join->used + size + CONTACT_ALIGN > join->size)
		{
			join->size = Max(join->size * 2, join->used + size + CONTACT_ALIGN);
			join->contacts = repalloc_huge(join->contacts, join->size);
		}
		if (join->ncontacts >= nhashes)
		{
			nhashes *= 2;
			hashes = repalloc_huge(hashes, nhashes * sizeof(uint64));
		}
		hashes[join->ncontacts++] = consent_contact_hash_extended(contact, 0);
		memcpy(join->contacts + join->used, contact, size);
		join->used = TYPEALIGN(CONTACT_ALIGN, join->used + size);
		if ((Pointer) contact != DatumGetPointer(datum))
			pfree(contact);
	}

	nslots = pg_nextpower2_64((uint64) join->ncontacts * 2 + 2);
	join->slots = MemoryContextAllocExtended(join->context, nslots * sizeof(uint64), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	join->mask = (uint32) (nslots - 1);
	for (uint32 i = 0; i < join->ncontacts; i++)
	{
		uint32		s = first_slot(join, hashes[i]);

		if (i + AT_ONCE < join->ncontacts)
			__builtin_prefetch(&join->slots[first_slot(join, hashes[i + AT_ONCE])], 1);
		while (join->slots[s] != 0)
			s = (s + 1) & join->mask;
		join->slots[s] = slot_of(hashes[i], at);
		at = TYPEALIGN(CONTACT_ALIGN, at + VARSIZE_ANY(join->contacts + at));
	}
	pfree(hashes);
	join->built = true;
}

/* The next outer row: from the plan, or when it has ended once, from where its rows were kept. */
static TupleTableSlot *
next_outer(ContactJoin *join)
{
	TupleTableSlot *slot;

	if (join->outer_done)
	{
		if (!join->again || !tuplestore_gettupleslot(join->kept, true, false, join->outer_slot))
			return NULL;
		return join->outer_slot;
	}
	slot = ExecProcNode(join->outer);
	if (TupIsNull(slot))
	{
		join->outer_done = true;
		return NULL;
	}
	if (!join->inner_done)
	{
		if (join->kept == NULL)
			join->kept = tuplestore_begin_heap(false, false, work_mem);
		tuplestore_puttupleslot(join->kept, slot);
	}
	return slot;
}

/* Takes some outer rows and leaves those whose contact is in the table; false at the end. */
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
		Row		   *row = &join->row[n];
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
		row->key = DatumGetConsentContactPP(datumCopy(key, false, -1));
		row->tuple = consent_form_minimal_tuple(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull);
		MemoryContextSwitchTo(caller);
		row->hash = consent_contact_hash_extended(row->key, 0);
		__builtin_prefetch(&join->slots[first_slot(join, row->hash)]);
		n++;
	}
	ExecClearTuple(scan);
	join->nrows = join->next = 0;
	if (taken == 0)
		return false;

	/* The first slot of each that may be its own, and what that points to. */
	for (int i = 0; i < n; i++)
	{
		Row		   *row = &join->row[i];
		uint64		slot;

		row->at = first_slot(join, row->hash);
		while ((slot = join->slots[row->at]) != 0 && slot >> 32 != row->hash >> 32)
			row->at = (row->at + 1) & join->mask;
		if (slot != 0)
			__builtin_prefetch(contact_at(join, slot));
	}
	for (int i = 0; i < n; i++)
	{
		Row		   *row = &join->row[i];
		uint64		slot;

		while ((slot = join->slots[row->at]) != 0)
		{
			if (slot >> 32 == row->hash >> 32 && consent_contact_compare(contact_at(join, slot), row->key) == 0)
			{
				join->row[join->nrows++] = *row;
				break;
			}
			row->at = (row->at + 1) & join->mask;
		}
	}
	return true;
}

static TupleTableSlot *
next_row(ScanState *node)
{
	ContactJoin *join = (ContactJoin *) node;
	TupleTableSlot *scan = node->ss_ScanTupleSlot;
	HeapTupleData tuple;
	Row		   *row;

	for (;;)
	{
		if (!join->built)
			build_table(join);
		if (join->ncontacts == 0)
			return NULL;
		if (join->next < join->nrows)
			break;
		if (next_rows(join))
			continue;
		/* All rows have been looked up in these contacts; are there more? */
		if (join->inner_done || join->kept == NULL)
			return NULL;
		tuplestore_rescan(join->kept);
		join->again = true;
		join->built = false;
	}
	row = &join->row[join->next++];
	tuple.t_len = row->tuple->t_len + MINIMAL_TUPLE_OFFSET;
	tuple.t_data = (HeapTupleHeader) ((char *) row->tuple - MINIMAL_TUPLE_OFFSET);
	ExecClearTuple(scan);
	heap_deform_tuple(&tuple, join->outer_slot->tts_tupleDescriptor, scan->tts_values, scan->tts_isnull);
	scan->tts_values[scan->tts_tupleDescriptor->natts - 1] = PointerGetDatum(row->key);
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
	join->context = AllocSetContextCreate(estate->es_query_cxt, "pg_consent contacts", ALLOCSET_DEFAULT_SIZES);
	join->rows_context = AllocSetContextCreate(estate->es_query_cxt, "pg_consent rows", ALLOCSET_DEFAULT_SIZES);
}

static void
forget_rows(ContactJoin *join)
{
	ExecClearTuple(join->css.ss.ss_ScanTupleSlot);
	ExecClearTuple(join->outer_slot);
	if (join->kept != NULL)
		tuplestore_end(join->kept);
	join->kept = NULL;
	join->outer_done = join->again = false;
	join->nrows = join->next = 0;
}

static void
end_join(CustomScanState *node)
{
	ContactJoin *join = (ContactJoin *) node;

	forget_rows(join);
	forget_table(join);
	ExecEndNode(join->outer);
	ExecEndNode(join->inner);
}

static void
rescan_join(CustomScanState *node)
{
	ContactJoin *join = (ContactJoin *) node;
	bool		whole = join->built && join->inner_done && join->kept == NULL;

	forget_rows(join);
	if (node->ss.ps.chgParam != NULL)
	{
		UpdateChangedParamSet(join->outer, node->ss.ps.chgParam);
		UpdateChangedParamSet(join->inner, node->ss.ps.chgParam);
	}
	if (join->outer->chgParam == NULL)
		ExecReScan(join->outer);

	/* As in a hash join, contacts that are all there are looked up again. */
	if (!whole || join->inner->chgParam != NULL)
	{
		forget_table(join);
		join->inner_done = false;
		if (join->inner->chgParam == NULL)
			ExecReScan(join->inner);
	}
	ExecScanReScan(&node->ss);
}

static void
explain_join(CustomScanState *node, List *ancestors, ExplainState *es)
{
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, &plan->scan.plan, ancestors);

	ExplainPropertyText("Contact Cond", deparse_expression(lsecond(plan->custom_exprs), context, true, false), es);
}

static const CustomExecMethods exec_methods = {
	.CustomName = "ConsentContactJoin",
	.BeginCustomScan = begin_join,
	.ExecCustomScan = exec_join,
	.EndCustomScan = end_join,
	.ReScanCustomScan = rescan_join,
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
	set_join_pathlist_hook = add_join_path;
}
