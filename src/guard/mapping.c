/*-------------------------------------------------------------------------
 *
 * mapping.c
 *	  Mapping expressions: parsed and checked when a guard is made, stored
 *	  with every name qualified, compiled when it is used.
 *
 * An expression is read twice.  consent_mapping_check() reads it under the
 * settings of whoever makes the guard and writes it back with every name
 * qualified; consent_mapping_compile() reads that text under pinned settings
 * and as the table's owner.  So no writer's search_path, other setting,
 * privilege or temporary object can change its meaning, and a writer needs no
 * right on what it calls.  Expressions run like those of a trigger's WHEN
 * clause: over one row, without subqueries.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/heap.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "guard/mapping.h"

static const struct
{
	const char *name;
	Oid			type;			/* what the expression is cast to */
	bool		or_array;		/* or to an array of it */
}			mapped_rules[CONSENT_NMAPPED] = {
	[MAPPED_RECIPIENT] = {"recipient", TEXTOID, true},
	[MAPPED_CHANNEL] = {"channel", TEXTOID},
	[MAPPED_BODY] = {"body", TEXTOID},
	[MAPPED_SUBJECT] = {"subject", TEXTOID},
	[MAPPED_ORGANISATION] = {"organisation", TEXTOID},
	[MAPPED_CLASS] = {"class", TEXTOID},
	[MAPPED_PURPOSE] = {"purpose", TEXTOID},
	[MAPPED_PRODUCT_CATEGORY] = {"product_category", TEXTOID},
	[MAPPED_REFERENCE] = {"reference", TEXTOID},
	[MAPPED_INSTIGATORS] = {"instigators", TEXTARRAYOID},
	[MAPPED_OPT_OUT] = {"opt_out", BOOLOID},
	[MAPPED_IDENTITY] = {"identity", BOOLOID},
	[MAPPED_SENDER] = {"sender", TEXTOID},
	[MAPPED_PENDING] = {"pending", BOOLOID},
	[MAPPED_CLAIM] = {"claim", BOOLOID},
	[MAPPED_RETRY] = {"retry", BOOLOID},
	[MAPPED_APPLIES] = {"applies", BOOLOID},
};

const char *
consent_mapping_name(ConsentMapped mapped)
{
	return mapped_rules[mapped].name;
}

/* -1 when there is no such mapping */
int
consent_mapping_lookup(const char *name)
{
	for (int i = 0; i < CONSENT_NMAPPED; i++)
	{
		if (strcmp(mapped_rules[i].name, name) == 0)
			return i;
	}
	return -1;
}

/*
 * The settings that change what a text or a value means.  pg_temp is named in
 * the path because it would be searched first if it were not.
 */
static const char *const pinned_settings[][2] = {
	{"search_path", "pg_catalog, pg_temp"},
	{"standard_conforming_strings", "on"},
	{"DateStyle", "ISO, YMD"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "Europe/London"},
	{"bytea_output", "hex"},
	{"array_nulls", "on"},
	{"extra_float_digits", "1"},
	{"xmloption", "content"},
	{"transform_null_equals", "off"},
};

/*
 * Become the table's owner, under pinned settings, until consent_unpin(); an
 * error in between restores both.  owner may be InvalidOid: then only the
 * settings are pinned; region may be NULL, to leave it as it is.
 */
ConsentPinned
consent_pin(Oid owner, const char *region)
{
	ConsentPinned pinned;

	GetUserIdAndSecContext(&pinned.user, &pinned.context);
	if (OidIsValid(owner))
		SetUserIdAndSecContext(owner, pinned.context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
	pinned.nestlevel = NewGUCNestLevel();
	for (int i = 0; i < lengthof(pinned_settings); i++)
		(void) set_config_option(pinned_settings[i][0], pinned_settings[i][1],
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (region != NULL)
		(void) set_config_option("pg_consent.default_region", region,
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return pinned;
}

void
consent_unpin(ConsentPinned pinned)
{
	/* As if it had failed: what a function or trigger has SET in between goes too. */
	AtEOXact_GUC(false, pinned.nestlevel);
	SetUserIdAndSecContext(pinned.user, pinned.context);
}

typedef struct MappingErrorArg
{
	Relation	rel;
	ConsentMapped mapped;
	bool		in_use;
} MappingErrorArg;

static void
mapping_error_context(void *arg)
{
	MappingErrorArg *where = (MappingErrorArg *) arg;

	errcontext("mapping \"%s\" of the consent guard on table \"%s\"",
			   mapped_rules[where->mapped].name, RelationGetRelationName(where->rel));

	/* Many clients show the hint and not the context.  Whoever makes a guard gets others: see transform_new(). */
	if (where->in_use)
		errhint("Mapping \"%s\" of the consent guard on table \"%s\" no longer works; make the guard anew with consent.unguard() and consent.guard().",
				mapped_rules[where->mapped].name, RelationGetRelationName(where->rel));
}

/* The one expression in the text; anything else in it is an error. */
static Node *
parse_bare_expression(const char *expression)
{
	List	   *statements = raw_parser(psprintf("SELECT (%s\n)", expression), RAW_PARSE_DEFAULT);
	SelectStmt *select;
	ResTarget  *target;

	if (list_length(statements) == 1 &&
		IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt))
	{
		select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
		target = list_length(select->targetList) == 1 ?
			linitial_node(ResTarget, select->targetList) : NULL;

		if (target != NULL && target->name == NULL && target->indirection == NIL &&
			select->distinctClause == NIL && select->intoClause == NULL &&
			select->fromClause == NIL && select->whereClause == NULL &&
			select->groupClause == NIL && select->havingClause == NULL &&
			select->windowClause == NIL && select->valuesLists == NIL &&
			select->sortClause == NIL && select->limitOffset == NULL &&
			select->limitCount == NULL && select->lockingClause == NIL &&
			select->withClause == NULL && select->op == SETOP_NONE)
			return target->val;
	}
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("a mapping must be one SQL expression over the row")));
}

/*
 * Which table a row lies in is not known before it is stored, nor of one that
 * consent.cleared() is asked about; and PostgreSQL 18 computes virtual columns in a
 * plan, and ours has none.
 */
void
consent_refuse_columns(Relation rel, Node *node)
{
	Bitmapset  *columns = NULL;
	int			member = -1;

	pull_varattnos(node, 1, &columns);
	while ((member = bms_next_member(columns, member)) >= 0)
	{
		int			attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum < 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a mapping cannot read the system column \"%s\"",
							NameStr(SystemAttributeDefinition(attnum)->attname)),
					 errhint("Map a column of the table; partitions that mean different things are guarded one by one.")));
#if PG_VERSION_NUM >= 180000
		if (attnum > 0 &&
			TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a mapping cannot read the virtual generated column \"%s\"",
							NameStr(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attname)),
					 errhint("Make the column STORED, or map its expression.")));
#endif
	}
}

/* The columns of a row of rel, which goes by the name row, or by its own. */
ParseState *
consent_row_namespace(Relation rel, const char *row)
{
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock,
															 row ? makeAlias(row, NIL) : NULL, false, false);

	addNSItemToQuery(pstate, item, false, true, true);
	return pstate;
}

/* What a text was before it was cast, by whoever wrote the mapping or by us when it was made. */
static Oid
type_before_casts(Node *node)
{
	for (;;)
	{
		FuncExpr   *func = IsA(node, FuncExpr) ? (FuncExpr *) node : NULL;

		if (IsA(node, RelabelType))
			node = (Node *) castNode(RelabelType, node)->arg;
		else if (IsA(node, CoerceViaIO))
			node = (Node *) castNode(CoerceViaIO, node)->arg;
		else if (IsA(node, ArrayCoerceExpr))
			node = (Node *) castNode(ArrayCoerceExpr, node)->arg;
		else if (IsA(node, CoerceToDomain))
			node = (Node *) castNode(CoerceToDomain, node)->arg;
		else if (IsA(node, CollateExpr))
			node = (Node *) castNode(CollateExpr, node)->arg;
		/* to a length, as varchar(100); a number out of JSON is one */
		else if (func != NULL && func->args != NIL && TypeCategory(func->funcresulttype) == TYPCATEGORY_STRING &&
				 (func->funcformat == COERCE_EXPLICIT_CAST || func->funcformat == COERCE_IMPLICIT_CAST))
			node = linitial(func->args);
		else
			return exprType(node);
	}
}

static bool
is_json(Oid type)
{
	return type == JSONOID || type == JSONBOID;
}

/*
 * Bytes are written as hexadecimal digits, and JSON with its quotes: the cast works,
 * and nobody could read the address that comes of it.  What a reference looks like
 * means nothing to us, and of a message that is JSON the texts are read.
 */
static bool
is_no_text(ConsentMapped mapped, Oid type)
{
	Oid			element = get_base_element_type(type);

	type = OidIsValid(element) ? element : getBaseType(type);
	if (mapped == MAPPED_REFERENCE || mapped_rules[mapped].type != TEXTOID)
		return false;
	return type == BYTEAOID || (is_json(type) && mapped != MAPPED_BODY && mapped != MAPPED_SUBJECT);
}

/* So are several columns in brackets: "to_addr, cc" is one row in the eyes of the parser. */
static bool
is_no_address(ConsentMapped mapped, Oid type)
{
	Oid			element = get_base_element_type(type);

	return mapped == MAPPED_RECIPIENT && type_is_rowtype(OidIsValid(element) ? element : type);
}

/*
 * Parse, resolve and cast an expression over a row of rel, which goes by the
 * name row, or by its own if that is NULL.
 */
static Expr *
transform_mapping(Relation rel, const char *row, ConsentMapped mapped, const char *expression)
{
	MappingErrorArg where = {rel, mapped, row != NULL};
	ErrorContextCallback context = {
		.callback = mapping_error_context, .arg = &where, .previous = error_context_stack
	};
	ParseState *pstate = consent_row_namespace(rel, row);
	Node	   *node;
	Oid			from;
	Oid			to = mapped_rules[mapped].type;
	Oid			was;

	error_context_stack = &context;
	node = transformExpr(pstate, parse_bare_expression(expression), EXPR_KIND_TRIGGER_WHEN);
	from = exprType(node);
	was = type_before_casts(node);

	/* JSON written out has "\n" for the end of a line, and sentences would run into one another. */
	if ((mapped == MAPPED_BODY || mapped == MAPPED_SUBJECT) && is_json(getBaseType(was)))
	{
		expression = psprintf("pg_catalog.array_to_string(consent.json_texts((%s\n)::pg_catalog.jsonb, '$.** ? (@.type() == \"string\")'), E'\\n')",
							  expression);
		node = transformExpr(pstate, parse_bare_expression(expression), EXPR_KIND_TRIGGER_WHEN);
		from = was = exprType(node);
	}
	if (mapped_rules[mapped].or_array && type_is_array_domain(from))
		to = get_array_type(to);

	if (is_no_text(mapped, was))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("mapping \"%s\" has type %s, expected %s",
						mapped_rules[mapped].name, format_type_be(was), format_type_be(to)),
				 errdetail("Text is taken out of JSON with ->>, and out of bytes with convert_from().")));

	if (is_no_address(mapped, from))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("mapping \"%s\" has type %s, expected %s",
						mapped_rules[mapped].name, format_type_be(from), format_type_be(to)),
				 errhint("A mapping is one expression; several recipients are an array, as in array_remove(ARRAY[to_addr, cc], NULL).")));

	/* A text is no truth value, though it can be cast to one. */
	node = coerce_to_target_type(pstate, node, from, to, -1,
								 to == BOOLOID ? COERCION_ASSIGNMENT : COERCION_EXPLICIT,
								 COERCE_EXPLICIT_CAST, -1);
	if (node == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("mapping \"%s\" has type %s, expected %s",
						mapped_rules[mapped].name, format_type_be(from), format_type_be(to)),
				 errhint("Cast it, or compare it with something.")));
	assign_expr_collations(pstate, node);
	consent_refuse_columns(rel, node);

	/* Nobody looks again at a row because time has passed. */
	if (mapped >= CONSENT_NMESSAGE && contain_mutable_functions(node))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("mapping \"%s\" must depend on the row alone", mapped_rules[mapped].name),
				 mapped == MAPPED_PENDING ? errhint("A row that becomes due later is pending from the start.") : 0));
	free_parsestate(pstate);

	error_context_stack = context.previous;
	return (Expr *) node;
}

/* The mapping of a guard that is being made.  An error that has no hint of its own gets one. */
static Expr *
transform_new(Relation rel, ConsentMapped mapped, const char *expression)
{
	MemoryContext caller = CurrentMemoryContext;
	Expr	   *expr = NULL;

	PG_TRY();
	{
		expr = transform_mapping(rel, NULL, mapped, expression);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		if (error->hint == NULL && error->sqlerrcode != ERRCODE_QUERY_CANCELED)
			error->hint = error->sqlerrcode == ERRCODE_FEATURE_NOT_SUPPORTED && strstr(error->message, "subquery") != NULL ?
				"A mapping reads one row. What is in another table is looked up by consent.lookup()." :
				"A mapping is an SQL expression over the row; a constant is written $$'acme'$$.";
		ReThrowError(error);
	}
	PG_END_TRY();
	return expr;
}

/* With every name qualified; the caller has pinned the settings. */
static char *
write_mapping(Relation rel, const char *row, Expr *expr)
{
	return deparse_expression((Node *) expr,
							  deparse_context_for(row, RelationGetRelid(rel)),
							  false, false);
}

/*
 * Check a mapping and write it with every name qualified, the row's name being
 * row.  *constant is its value if it is the same text for every row, else NULL.
 */
char *
consent_mapping_check(Relation rel, const char *row, ConsentMapped mapped, const char *expression, char **constant)
{
	Expr	   *expr = transform_new(rel, mapped, expression);
	Node	   *value = eval_const_expressions(NULL, (Node *) expr);
	ConsentPinned pinned = consent_pin(InvalidOid, NULL);
	char	   *qualified;

	*constant = NULL;
	if (IsA(value, Const) && ((Const *) value)->consttype == TEXTOID && !((Const *) value)->constisnull)
		*constant = TextDatumGetCString(((Const *) value)->constvalue);

	qualified = write_mapping(rel, row, expr);
	consent_unpin(pinned);
	return qualified;
}

/*
 * A stored mapping, for a statement that somebody else than the table's owner
 * is going to run in this session.  Whoever made the trigger by hand may have
 * stored anything: what is no expression is an error, and the rest is written
 * anew, with literals as this session reads them, and the row under its table's
 * name, for it is a statement about that.
 */
char *
consent_mapping_rewrite(Relation rel, ConsentMapped mapped, const char *stored)
{
	const char *literals = GetConfigOption("standard_conforming_strings", false, false);
	ConsentPinned pinned = consent_pin(rel->rd_rel->relowner, NULL);
	Expr	   *expr = transform_mapping(rel, CONSENT_ROW_NAME, mapped, stored);
	char	   *rewritten;

	(void) set_config_option("standard_conforming_strings", literals,
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	rewritten = write_mapping(rel, RelationGetRelationName(rel), expr);
	consent_unpin(pinned);
	return rewritten;
}

/* Does a stored mapping look beyond the row, so that no index can hold what it finds? */
bool
consent_mapping_looks_beyond(Relation rel, ConsentMapped mapped, const char *stored)
{
	ConsentPinned pinned = consent_pin(rel->rd_rel->relowner, NULL);
	bool		beyond = contain_mutable_functions((Node *) transform_mapping(rel, CONSENT_ROW_NAME, mapped, stored));

	consent_unpin(pinned);
	return beyond;
}

/*
 * What may depend on settings whatever the catalog says: functions that are not
 * PostgreSQL's own, and those that write numbers and bytes by extra_float_digits and
 * bytea_output though they are marked immutable.
 */
static bool
may_heed_settings(Oid funcid, void *context)
{
	switch (funcid)
	{
		case F_FLOAT4OUT:
		case F_FLOAT8OUT:
		case F_BYTEAOUT:
		case F_POINT_OUT:
		case F_LSEG_OUT:
		case F_LINE_OUT:
		case F_BOX_OUT:
		case F_PATH_OUT:
		case F_POLY_OUT:
		case F_CIRCLE_OUT:
			return true;
		default:
			return funcid >= FirstNormalObjectId;
	}
}

static bool
calls_what_may_heed_settings(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, may_heed_settings, context))
		return true;
	return expression_tree_walker(node, calls_what_may_heed_settings, context);
}

/* The last column of a set as pull_varattnos() makes it; 0: none. */
static int
last_column(const Bitmapset *columns)
{
	int			member = bms_prev_member(columns, -1);

	return Max(member + FirstLowInvalidHeapAttributeNumber, 0);
}

/* The one column that an expression reads; 0: there is none, or it reads more. */
static AttrNumber
only_column(Expr *expr)
{
	Bitmapset  *columns = NULL;
	int			member;

	pull_varattnos((Node *) expr, 1, &columns);
	return bms_get_singleton_member(columns, &member) ? Max(member + FirstLowInvalidHeapAttributeNumber, 0) : 0;
}

/* The column that an expression is no more than, but for a change of type that changes no byte; 0: it is more. */
static AttrNumber
bare_column(Expr *expr)
{
	while (IsA(expr, RelabelType))
		expr = ((RelabelType *) expr)->arg;
	return IsA(expr, Var) ? Max(((Var *) expr)->varattno, 0) : 0;
}

/*
 * Make a checked mapping ready to run, in the current memory context.  The
 * caller has pinned the settings.
 */
void
consent_mapping_compile(ConsentMapping *mapping, Relation rel,
						ConsentMapped mapped, const char *expression)
{
	Expr	   *expr = transform_mapping(rel, CONSENT_ROW_NAME, mapped, expression);

	if (mapping->econtext == NULL)
	{
		mapping->econtext = CreateStandaloneExprContext();
		memset(mapping->fixed.nulls, true, sizeof(mapping->fixed.nulls));
	}
	mapping->type[mapped] = exprType((Node *) expr);
	pull_varattnos((Node *) expr, 1, &mapping->reads);
	mapping->last_read = last_column(mapping->reads);
	get_typlenbyval(mapping->type[mapped], &mapping->typlen[mapped], &mapping->typbyval[mapped]);
	if (contain_mutable_functions((Node *) expr) || calls_what_may_heed_settings((Node *) expr, NULL))
		mapping->depends = true;
	else if (mapping->type[mapped] == BOOLOID)
		mapping->answers[mapped].column = only_column(expr);
	mapping->column[mapped] = bare_column(expr);
	expr = expression_planner(expr);
	mapping->state[mapped] = ExecInitExpr(expr, NULL);

	if (IsA(expr, Const))
	{
		mapping->fixed.values[mapped] = ((Const *) expr)->constvalue;
		mapping->fixed.nulls[mapped] = ((Const *) expr)->constisnull;
	}
	else
	{
		mapping->varies |= MAPPED_BIT(mapped);
		if (mapped != MAPPED_APPLIES)
			mapping->run[mapping->nrun++] = mapped;
	}
}

/* The bytes of a column, if they are few and all there. */
static const char *
column_bytes(TupleTableSlot *slot, AttrNumber column, int *len)
{
	Form_pg_attribute attribute = TupleDescAttr(slot->tts_tupleDescriptor, column - 1);
	bool		isnull;
	Datum		value = slot_getattr(slot, column, &isnull);

	*len = attribute->attbyval ? sizeof(Datum) : attribute->attlen;
	if (isnull)
		return NULL;
	if (attribute->attbyval)
		return (const char *) &slot->tts_values[column - 1];
	if (*len >= 0)
		return DatumGetPointer(value);
	if (*len != -1 || VARATT_IS_COMPRESSED(DatumGetPointer(value)) || VARATT_IS_EXTERNAL(DatumGetPointer(value)))
		return NULL;
	*len = VARSIZE_ANY_EXHDR(DatumGetPointer(value));
	return VARDATA_ANY(DatumGetPointer(value));
}

static void
evaluate_one(ConsentMapping *mapping, ConsentMapped mapped, ConsentRow *row)
{
	ConsentAnswer *answer = &mapping->answers[mapped];
	TupleTableSlot *slot = mapping->econtext->ecxt_scantuple;
	const char *bytes = NULL;
	int			len;

	if (answer->column != 0)
		bytes = column_bytes(slot, answer->column, &len);
	if (bytes == NULL || !answer->known || len != answer->len || memcmp(bytes, answer->asked, len) != 0)
	{
		row->values[mapped] = ExecEvalExpr(mapping->state[mapped], mapping->econtext, &row->nulls[mapped]);
		if (bytes == NULL || len > sizeof(answer->asked))
			return;
		answer->known = true;
		answer->value = DatumGetBool(row->values[mapped]);
		answer->isnull = row->nulls[mapped];
		answer->len = len;
		memcpy(answer->asked, bytes, len);
	}
	row->values[mapped] = BoolGetDatum(answer->value);
	row->nulls[mapped] = answer->isnull;
}

/*
 * Run all mappings over a row; what is not mapped is NULL.  So is everything
 * about a row that is not the guard's concern: in a job of another queue the
 * other mappings may be errors.
 */
void
consent_mapping_evaluate(ConsentMapping *mapping, TupleTableSlot *slot, ConsentRow *row)
{
	ConsentPinned pinned = {0};

	/* Expressions are not to be entered twice, and nobody needs that. */
	if (mapping->evaluating != InvalidSubTransactionId && SubTransactionIsActive(mapping->evaluating))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("a mapping of the consent guard \"%s\" writes to the guard's own table", mapping->trigger)));
	mapping->evaluating = GetCurrentSubTransactionId();

	/* Immutable built-in functions mean the same to everybody. */
	if (mapping->depends)
		pinned = consent_pin(mapping->owner, mapping->region);
	mapping->econtext->ecxt_scantuple = slot;
	*row = mapping->fixed;
	if (mapping->varies & MAPPED_BIT(MAPPED_APPLIES))
		evaluate_one(mapping, MAPPED_APPLIES, row);
	if (row->nulls[MAPPED_APPLIES] || DatumGetBool(row->values[MAPPED_APPLIES]))
	{
		slot_getsomeattrs(slot, mapping->last_read);	/* at once, not by and by */
		for (int i = 0; i < mapping->nrun; i++)
		{
			ConsentMapped mapped = mapping->run[i];
			AttrNumber	column = mapping->column[mapped];

			if (column != 0)
			{
				row->values[mapped] = slot->tts_values[column - 1];
				row->nulls[mapped] = slot->tts_isnull[column - 1];
			}
			else
				evaluate_one(mapping, mapped, row);
		}
	}
	else
		memset(row->nulls, true, MAPPED_APPLIES * sizeof(bool));
	if (mapping->depends)
		consent_unpin(pinned);
	mapping->evaluating = InvalidSubTransactionId;
}

/* qual is what rows of the partition have in common. */
void
consent_mapping_set_partition(ConsentMapping *mapping, List *qual)
{
	if (qual != NIL)
		mapping->belongs = ExecInitExpr(expression_planner((Expr *) make_ands_explicit(qual)), NULL);
}

/* Will the row of the slot be moved to another partition? */
bool
consent_mapping_leaves(ConsentMapping *mapping, TupleTableSlot *slot)
{
	bool		isnull;

	if (mapping->belongs == NULL)
		return false;
	mapping->econtext->ecxt_scantuple = slot;
	/* as ExecPartitionCheck(), unknown is within */
	return !DatumGetBool(ExecEvalExpr(mapping->belongs, mapping->econtext, &isnull)) && !isnull;
}
