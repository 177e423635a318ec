/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  Helps the planner with the campaign filter.
 *
 * PostgreSQL puts the body of a set-returning function in its place in FROM, and
 * nowhere else.  Most people write "IN (SELECT consent.permitted(...))", which would
 * be a loop over the function's rows, by one process, of which nothing is known.
 * So we move it to FROM, where it means the same; only, a kept plan asks for leave to
 * execute the function when it is made, as it does of any function that is inlined.
 *
 * And of a UNION ALL the planner knows no statistics, so it would take the contacts
 * for two hundred different ones, and sort out the others before it joins them.
 *
 * Neither hook is there in a session before the library is loaded, and then plans
 * are slower and no different in what they return.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "ledger/plan.h"

static planner_hook_type previous_planner_hook = NULL;
static get_relation_stats_hook_type previous_stats_hook = NULL;

static bool
is_ours(Oid nsp, const char *name, const char *ours)
{
	return name != NULL && strcmp(name, ours) == 0 && nsp == get_namespace_oid("consent", true);
}

/* SELECT consent.permitted(...) and no FROM */
static FuncExpr *
selects_permitted(const Query *query)
{
	FuncExpr   *call;

	if (!query->hasTargetSRFs || query->commandType != CMD_SELECT || list_length(query->targetList) != 1 ||
		query->jointree->fromlist != NIL || query->jointree->quals != NULL ||
		query->groupClause != NIL || query->groupingSets != NIL || query->havingQual != NULL ||
		query->hasAggs || query->hasWindowFuncs || query->setOperations != NULL)
		return NULL;
	call = (FuncExpr *) linitial_node(TargetEntry, query->targetList)->expr;
	if (!IsA(call, FuncExpr) || !call->funcretset || expression_returns_set((Node *) call->args) ||
		!is_ours(get_func_namespace(call->funcid), get_func_name(call->funcid), "permitted"))
		return NULL;
	return call;
}

/* SELECT permitted FROM consent.permitted(...) */
static void
move_to_from(Query *query, FuncExpr *call)
{
	RangeTblFunction *function = makeNode(RangeTblFunction);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);

	function->funcexpr = (Node *) call;
	function->funccolcount = 1;
	rte->rtekind = RTE_FUNCTION;
	rte->functions = list_make1(function);
	rte->eref = makeAlias("permitted", list_make1(makeString(pstrdup("permitted"))));
	rte->inFromCl = true;
	query->rtable = lappend(query->rtable, rte);	/* rules of views bring some of their own */
	ref->rtindex = list_length(query->rtable);
	query->jointree->fromlist = list_make1(ref);
	query->hasTargetSRFs = false;
	linitial_node(TargetEntry, query->targetList)->expr =
		(Expr *) makeVar(ref->rtindex, 1, call->funcresulttype, -1, call->funccollid, 0);
}

static bool move_calls(Node *node, void *context);

/* Most queries have no sub-select in an expression: then their expressions need not be walked. */
static void
move_calls_in(Query *query)
{
	FuncExpr   *call = selects_permitted(query);
	ListCell   *cell;

	if (call != NULL)
		move_to_from(query, call);
	if (query->hasSubLinks)
	{
		(void) query_tree_walker(query, move_calls, NULL, 0);
		return;
	}
	foreach(cell, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, cell);

		if (rte->rtekind == RTE_SUBQUERY && rte->subquery != NULL)
			move_calls_in(rte->subquery);
	}
	foreach(cell, query->cteList)
		(void) move_calls(lfirst_node(CommonTableExpr, cell)->ctequery, NULL);
}

static bool
move_calls(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		move_calls_in((Query *) node);
		return false;
	}
	return expression_tree_walker(node, move_calls, context);
}

static PlannedStmt *
plan(Query *query, const char *string, int options, ParamListInfo params)
{
	move_calls_in(query);
	if (previous_planner_hook != NULL)
		return previous_planner_hook(query, string, options, params);
	return standard_planner(query, string, options, params);
}

/* The range table entry that a member of a UNION ALL takes this column from, or NULL. */
static RangeTblEntry *
source_of(const RangeTblEntry *member, AttrNumber column, AttrNumber *source)
{
	const Query *query = member->subquery;
	TargetEntry *entry;
	Var		   *var;

	if (member->rtekind != RTE_SUBQUERY || query->setOperations != NULL || column > list_length(query->targetList) ||
		query->hasTargetSRFs || query->groupingSets != NIL)
		return NULL;
	entry = list_nth_node(TargetEntry, query->targetList, column - 1);
	var = (Var *) entry->expr;
	if (!IsA(var, Var) || var->varlevelsup != 0)
		return NULL;
	*source = var->varattno;
	return rt_fetch(var->varno, query->rtable);
}

static bool
is_standing(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && is_ours(get_rel_namespace(rte->relid), get_rel_name(rte->relid), "address_standing");
}

/* unnest(tagged) of the table of addresses, which is the only other thing in FROM */
static bool
unnests_tagged(const RangeTblEntry *rte, const Query *member)
{
	const FuncExpr *call;
	const Var  *tagged;
	const RangeTblEntry *source;

	if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1 || list_length(member->rtable) != 2)
		return false;
	call = (const FuncExpr *) linitial_node(RangeTblFunction, rte->functions)->funcexpr;
	if (!IsA(call, FuncExpr) || call->funcid != F_UNNEST_ANYARRAY)
		return false;
	tagged = linitial(call->args);
	if (!IsA(tagged, Var) || tagged->varlevelsup != 0)
		return false;
	source = rt_fetch(tagged->varno, member->rtable);
	return is_standing(source) && tagged->varattno == get_attnum(source->relid, "tagged");
}

/*
 * Is a column of a UNION ALL the addresses of consent.address_standing, and then those
 * with a tag, as consent.permitted() has them?  No contact is there twice, and the join
 * (join.c) counts on that, so whatever else could repeat one is not taken for it.
 */
bool
consent_is_contacts(const Query *query, AttrNumber column)
{
	SetOperationStmt *operation = (SetOperationStmt *) query->setOperations;
	RangeTblEntry *plain;
	RangeTblEntry *tagged;
	AttrNumber	source;

	if (operation == NULL || operation->op != SETOP_UNION || !operation->all || list_length(query->rtable) != 2)
		return false;
	tagged = source_of(rt_fetch(2, query->rtable), column, &source);
	if (tagged == NULL || source != 1 || !unnests_tagged(tagged, rt_fetch(2, query->rtable)->subquery))
		return false;
	plain = source_of(rt_fetch(1, query->rtable), column, &source);
	return plain != NULL && source == 1 && is_standing(plain) && list_length(rt_fetch(1, query->rtable)->subquery->rtable) == 1;
}

static bool
column_stats(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column, VariableStatData *stats)
{
	if (rte->rtekind == RTE_SUBQUERY && rte->inh && rte->subquery != NULL && column > 0 && consent_is_contacts(rte->subquery, column))
	{
		stats->isunique = true;
		return true;
	}
	return previous_stats_hook != NULL && previous_stats_hook(root, rte, column, stats);
}

void
consent_plan_init(void)
{
	previous_planner_hook = planner_hook;
	planner_hook = plan;
	previous_stats_hook = get_relation_stats_hook;
	get_relation_stats_hook = column_stats;
}
