/*-------------------------------------------------------------------------
 *
 * setup.c
 *	  consent.guard() and consent.unguard(): make and remove a guard.
 *
 * Everything a guard is lies in the trigger made here; see guard.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "parser/parser.h"
#include "parser/parse_utilcmd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "guard/divert.h"
#include "guard/guard.h"
#include "guard/health.h"
#include "guard/trigger.h"
#include "ledger/vocabulary.h"
#include "module/compat.h"
#include "module/module.h"
#include "module/words.h"

#define GUARD_TRIGGER "consent_guard"

/* BEFORE triggers are fired by name, and this one is to be the last. */
#define HERALD_TRIGGER "zzz_consent_guard"

/* Arguments of consent.guard(), by position. */
enum
{
	ARG_TARGET,
	ARG_RECIPIENT,
	ARG_CHANNEL,
	ARG_BODY,
	ARG_SUBJECT,
	ARG_ORGANISATION,
	ARG_CLASS,
	ARG_PURPOSE,
	ARG_PRODUCT_CATEGORY,
	ARG_REFERENCE,
	ARG_INSTIGATORS,
	ARG_OPT_OUT,
	ARG_IDENTITY,
	ARG_PENDING,
	ARG_ON_BLOCK,
	ARG_DIVERT,
	ARG_SENDER,
	ARG_CLAIM,
	ARG_RETRY,
	ARG_APPLIES,
	ARG_LOG,
	ARG_NAME
};

static const int mapping_arg[CONSENT_NMAPPED] = {
	[MAPPED_RECIPIENT] = ARG_RECIPIENT,
	[MAPPED_CHANNEL] = ARG_CHANNEL,
	[MAPPED_BODY] = ARG_BODY,
	[MAPPED_SUBJECT] = ARG_SUBJECT,
	[MAPPED_ORGANISATION] = ARG_ORGANISATION,
	[MAPPED_CLASS] = ARG_CLASS,
	[MAPPED_PURPOSE] = ARG_PURPOSE,
	[MAPPED_PRODUCT_CATEGORY] = ARG_PRODUCT_CATEGORY,
	[MAPPED_REFERENCE] = ARG_REFERENCE,
	[MAPPED_INSTIGATORS] = ARG_INSTIGATORS,
	[MAPPED_OPT_OUT] = ARG_OPT_OUT,
	[MAPPED_IDENTITY] = ARG_IDENTITY,
	[MAPPED_SENDER] = ARG_SENDER,
	[MAPPED_PENDING] = ARG_PENDING,
	[MAPPED_CLAIM] = ARG_CLAIM,
	[MAPPED_RETRY] = ARG_RETRY,
	[MAPPED_APPLIES] = ARG_APPLIES,
};

PG_FUNCTION_INFO_V1(pg_consent_guard);
PG_FUNCTION_INFO_V1(pg_consent_unguard);
PG_FUNCTION_INFO_V1(pg_consent_guard_argument);
PG_FUNCTION_INFO_V1(pg_consent_guard_constant);
PG_FUNCTION_INFO_V1(pg_consent_guard_mapping);
PG_FUNCTION_INFO_V1(pg_consent_guard_index);

static Relation
open_target(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);

	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel)),
				 errhint("Guard the table behind it.")));
	if (!consent_object_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(rel));
	return rel;
}

/* The guard of that name; NULL is the one without a name. */
static Trigger *
find_guard(Relation rel, const char *name)
{
	Trigger    *trigger;
	int			position = 0;

	while ((trigger = consent_guard_next(rel, &position)) != NULL)
	{
		const char *other = consent_guard_argument(trigger, "name");

		if (name == NULL ? other == NULL : other != NULL && strcmp(name, other) == 0)
			return trigger;
	}
	return NULL;
}

/*
 * A free name for the guard's trigger: names of queues can be longer than an
 * identifier, and the same up to there.
 */
static const char *
choose_trigger_name(Relation rel, const char *prefix, const char *name)
{
	char	   *chosen = name ? makeObjectName(prefix, name, NULL) : pstrdup(prefix);

	for (int n = 2;; n++)
	{
		bool		taken = false;

		for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
			taken = taken || strcmp(rel->trigdesc->triggers[i].tgname, chosen) == 0;
		if (!taken)
			return chosen;
		chosen = makeObjectName(prefix, name ? name : "", psprintf("%d", n));
	}
}

/* A constant that no row could ever be judged by is a slip of the pen. */
static void
check_constant(ConsentMapped mapped, const char *constant)
{
	if (mapped == MAPPED_CHANNEL && consent_channel_from_name(constant) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown channel \"%s\"", constant),
				 errhint("Channels are %s.", consent_words_listed(consent_channel_names, CONSENT_NCHANNELS))));
	if (mapped == MAPPED_CLASS && consent_class_from_name(constant) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown message class \"%s\"", constant),
				 errhint("Classes are %s; %s are understood, too.", consent_words_listed(consent_class_names, CONSENT_NCLASSES),
						 consent_words_listed(consent_usual_class_names, CONSENT_NUSUAL_CLASSES))));
	if (mapped == MAPPED_ORGANISATION || mapped == MAPPED_SENDER)
		(void) consent_require_organisation(constant);
	if (mapped == MAPPED_PURPOSE)
		(void) consent_require_purpose(constant);
}

/* consent.guard_constant(mapping, constant): the same for others who take mappings */
PGDLLEXPORT Datum
pg_consent_guard_constant(PG_FUNCTION_ARGS)
{
	int			mapped = consent_mapping_lookup(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (mapped >= 0)
		check_constant(mapped, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}

/* consent.guard_mapping(target, mapping, expression): to be read by consent.guard() */
PGDLLEXPORT Datum
pg_consent_guard_mapping(PG_FUNCTION_ARGS)
{
	Relation	rel = open_target(PG_GETARG_OID(0));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int			mapped = consent_mapping_lookup(name);
	char	   *constant;
	char	   *qualified;

	if (mapped < 0)
		elog(ERROR, "there is no mapping \"%s\"", name);
	qualified = consent_mapping_check(rel, RelationGetRelationName(rel), mapped,
									  text_to_cstring(PG_GETARG_TEXT_PP(2)), &constant);
	table_close(rel, NoLock);
	PG_RETURN_TEXT_P(cstring_to_text(qualified));
}

/* Run DDL as the caller, names as the catalogs have them. */
static void
run_ddl(const char *command)
{
	ConsentPinned pinned = consent_pin(InvalidOid, NULL);
	int			rc;

	SPI_connect();
	rc = SPI_execute(command, false, 0);
	if (rc != SPI_OK_UTILITY)
		elog(ERROR, "\"%s\" failed: %s", command, SPI_result_code_string(rc));
	SPI_finish();
	consent_unpin(pinned);
}

static void
check_log_mode(const char *log)
{
	if (log != NULL && consent_word_lookup(consent_log_mode_names, LOG_ALL + 1, log) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown log mode \"%s\"", log),
				 errhint("Of allowances it can log none, a sample, or all.")));
}

/* Where nobody says what is pending, every row is that has not been diverted. */
static char *
pending_unless_diverted(char *not_diverted)
{
	if (not_diverted == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a guard with a diversion needs the mapping \"pending\""),
				 errdetail("The diversion assigns no constant by which a diverted row could be known.")));
	return not_diverted;
}

static void
check_actions(FunctionCallInfo fcinfo)
{
	static const char *const hint =
		"Give the SET list of the terminal state, as in divert => $$status = 'cancelled', error = consent.refusal_reason()$$.";

	if (PG_ARGISNULL(ARG_ON_BLOCK))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("on_block is NULL"),
				 errhint("It can be raise, divert, quarantine or flag.")));
	if (!PG_ARGISNULL(ARG_DIVERT))
		return;
	if (consent_block_action_from_oid(PG_GETARG_OID(ARG_ON_BLOCK)) == BLOCK_DIVERT)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("on_block => 'divert' needs a diversion"),
				 errhint("%s", hint)));
	if (!PG_ARGISNULL(ARG_CLAIM))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a claim guard needs a diversion"),
				 errdetail("A refused row that a worker takes is parked in its terminal state."),
				 errhint("%s", hint)));
}

static void
add_argument(StringInfo arguments, const char *argument, const char *value)
{
	appendStringInfo(arguments, "%s%s, %s", arguments->len > 0 ? ", " : "",
					 quote_literal_cstr(argument), quote_literal_cstr(value));
}

/* The arguments of the guard's trigger: all that the guard will know. */
static char *
guard_arguments(FunctionCallInfo fcinfo, Relation rel)
{
	const char *name = consent_text_arg(fcinfo, ARG_NAME);
	const char *divert = consent_text_arg(fcinfo, ARG_DIVERT);
	const char *log = consent_text_arg(fcinfo, ARG_LOG);
	ConsentBlockAction on_block = consent_block_action_from_oid(PG_GETARG_OID(ARG_ON_BLOCK));
	char	   *not_diverted = NULL;
	StringInfoData arguments;

	/* Settings are pinned: what a writer sets later opens nothing. */
	initStringInfo(&arguments);
	add_argument(&arguments, "region", consent_default_region);
	if (name != NULL)
		add_argument(&arguments, "name", name);
	if (on_block != BLOCK_RAISE)
		add_argument(&arguments, "on_block", consent_block_action_names[on_block]);
	if (log != NULL && strcmp(log, consent_log_mode_names[LOG_NONE]) != 0)
		add_argument(&arguments, "log", log);
	if (divert != NULL)
		add_argument(&arguments, "divert", consent_divert_check(rel, divert, &not_diverted));
	for (int i = 0; i < CONSENT_NMAPPED; i++)
	{
		char	   *expression = consent_text_arg(fcinfo, mapping_arg[i]);
		bool		ours = expression == NULL && i == MAPPED_PENDING && divert != NULL;
		char	   *qualified;
		char	   *constant;

		if (expression == NULL && i == MAPPED_ORGANISATION && consent_organisation[0] != '\0')
			expression = quote_literal_cstr(consent_organisation);
		if (ours)
			expression = pending_unless_diverted(not_diverted);
		if (expression == NULL &&
			(i == MAPPED_RECIPIENT || i == MAPPED_CHANNEL || i == MAPPED_ORGANISATION))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a guard needs the mapping \"%s\"", consent_mapping_name(i)),
					 i == MAPPED_ORGANISATION ?
					 errhint("Give an SQL expression over the row, such as $$'acme'$$, or set pg_consent.organisation, which the guard keeps.") :
					 errhint("Give an SQL expression over the row; a constant is one too, as in $$'email'$$.")));
		if (expression == NULL)
			continue;
		/* What we wrote does not mean what the caller's search_path makes of it. */
		if (ours)
		{
			ConsentPinned pinned = consent_pin(InvalidOid, NULL);

			qualified = consent_mapping_check(rel, CONSENT_ROW_NAME, i, expression, &constant);
			consent_unpin(pinned);
		}
		else
			qualified = consent_mapping_check(rel, CONSENT_ROW_NAME, i, expression, &constant);
		if (constant != NULL)
			check_constant(i, constant);
		add_argument(&arguments, consent_mapping_name(i), qualified);
	}
	return arguments.data;
}

/*
 * CREATE CONSTRAINT TRIGGER consent_guard AFTER INSERT OR UPDATE ON target
 * FOR EACH ROW EXECUTE FUNCTION consent.guard_check('region', 'GB',
 * 'name', '...', 'on_block', 'divert', 'recipient', '...', ...);
 * CREATE TRIGGER zzz_consent_guard BEFORE INSERT OR UPDATE ON target
 * FOR EACH ROW EXECUTE FUNCTION consent.guard_divert('consent_guard')
 */
static void
create_triggers(const char *table, const char *guard, const char *herald, bool diverts, const char *arguments)
{
	run_ddl(psprintf("CREATE CONSTRAINT TRIGGER %s AFTER INSERT OR UPDATE ON %s "
					 "FOR EACH ROW EXECUTE FUNCTION consent.guard_check(%s)",
					 quote_identifier(guard), table, arguments));
	run_ddl(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, quote_identifier(guard)));
	if (herald == NULL)
		return;
	run_ddl(psprintf("CREATE TRIGGER %s BEFORE %sUPDATE ON %s "
					 "FOR EACH ROW EXECUTE FUNCTION consent.guard_divert(%s)",
					 quote_identifier(herald), diverts ? "INSERT OR " : "", table, quote_literal_cstr(guard)));
	run_ddl(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, quote_identifier(herald)));
}

/*
 * Tables that inherit from rel: they have triggers of their own.  Partitions
 * are no such children: they get clones.
 */
static List *
children_of(Oid relid)
{
	List	   *children = NIL;
	List	   *all;
	ListCell   *lc;

	if (get_rel_relkind(relid) != RELKIND_RELATION)
		return NIL;
	all = find_all_inheritors(relid, AccessShareLock, NULL);
	foreach(lc, all)
	{
		if (lfirst_oid(lc) != relid && get_rel_relkind(lfirst_oid(lc)) == RELKIND_RELATION)
			children = lappend_oid(children, lfirst_oid(lc));
	}
	return children;
}

/* consent.guard(target, ...mappings..., on_block, divert, ..., name) */
PGDLLEXPORT Datum
pg_consent_guard(PG_FUNCTION_ARGS)
{
	Relation	rel;
	Oid			relid;
	const char *name = consent_text_arg(fcinfo, ARG_NAME);
	const char *arguments;
	const char *table;
	const char *guard;
	const char *herald = NULL;
	bool		diverts = !PG_ARGISNULL(ARG_DIVERT);
	bool		lacks_index;
	ConsentBlockAction on_block;
	ListCell   *lc;
	List	   *children;

	if (PG_ARGISNULL(ARG_TARGET))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the table to guard is NULL")));
	check_actions(fcinfo);
	check_log_mode(consent_text_arg(fcinfo, ARG_LOG));

	relid = PG_GETARG_OID(ARG_TARGET);
	rel = open_target(relid);
	table = consent_qualified_name(relid);
	if (find_guard(rel, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 name ? errmsg("table \"%s\" has a guard \"%s\" already", RelationGetRelationName(rel), name) :
				 errmsg("table \"%s\" is already guarded", RelationGetRelationName(rel)),
				 errhint("Use consent.unguard() first, or give this guard another name.")));
	guard = choose_trigger_name(rel, GUARD_TRIGGER, name);
	if (diverts || rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE || rel->rd_rel->relispartition)
		herald = choose_trigger_name(rel, HERALD_TRIGGER, name);
	arguments = guard_arguments(fcinfo, rel);
	on_block = consent_block_action_from_oid(PG_GETARG_OID(ARG_ON_BLOCK));
	lacks_index = !consent_guard_only_flags(on_block, diverts) && consent_health_lacks_index(rel);
	table_close(rel, NoLock);

	create_triggers(table, guard, herald, diverts, arguments);
	children = children_of(relid);
	foreach(lc, children)
	{
		Relation	child = open_target(lfirst_oid(lc));
		const char *child_table = consent_qualified_name(RelationGetRelid(child));

		table_close(child, NoLock);
		create_triggers(child_table, guard, herald, diverts, psprintf("%s, 'child', 'true'", arguments));
	}
	if (consent_health_made(relid, guard, name, consent_block_action_names[on_block]))
		ereport(NOTICE,
				(errmsg("rows of table \"%s\" that were there before its guard are not judged", get_rel_name(relid)),
				 errhint("Judge them: SELECT * FROM consent.verify(%s)", quote_literal_cstr(table))));
	if (lacks_index)
		ereport(NOTICE,
				(errmsg("every withdrawal will read the whole of table \"%s\"", get_rel_name(relid)),
				 errhint("Make the index it needs: SELECT consent.guard_index(%s) \\gexec",
						 quote_literal_cstr(table))));
	PG_RETURN_VOID();
}

/* Drop the triggers of one guard of a table, of all if name is NULL; how many guards? */
static int
drop_triggers(Oid relid, const char *name, bool child)
{
	Relation	rel = open_target(relid);
	const char *table = consent_qualified_name(relid);
	Trigger    *guard;
	int			position = 0;
	int			nguards = 0;
	bool		remain = false;
	List	   *triggers = NIL;
	ListCell   *lc;

	while ((guard = consent_guard_next(rel, &position)) != NULL)
	{
		Trigger    *herald = consent_guard_herald(rel, guard->tgname);

		if ((name != NULL && guard != find_guard(rel, name)) ||
			(child && consent_guard_argument(guard, "child") == NULL))
		{
			remain = true;
			continue;
		}
		nguards++;
		triggers = lappend(triggers, pstrdup(guard->tgname));
		if (herald != NULL)
			triggers = lappend(triggers, pstrdup(herald->tgname));
	}

	/* What guard_queue() made for all guards of the table goes with the last one. */
	for (int i = 0; nguards > 0 && !remain && i < rel->trigdesc->numtriggers; i++)
	{
		if (rel->trigdesc->triggers[i].tgfoid == consent_guard_function("guard_release"))
			triggers = lappend(triggers, pstrdup(rel->trigdesc->triggers[i].tgname));
	}
	table_close(rel, NoLock);
	foreach(lc, triggers)
		run_ddl(psprintf("DROP TRIGGER %s ON %s", quote_identifier(lfirst(lc)), table));
	return nguards;
}

/*
 * What guard_index() had made is the user's, who may want it for the next guard.
 * While it is there DROP EXTENSION is refused.
 */
static void
tell_of_indexes(Oid relid)
{
	Relation	rel = open_target(relid);
	int			position = 0;
	List	   *indexes = consent_guard_next(rel, &position) == NULL ? consent_health_indexes(rel) : NIL;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Oid			index = lfirst_oid(lc);

		ereport(NOTICE,
				(errmsg("index \"%s\" of the guards of table \"%s\" stays", get_rel_name(index), RelationGetRelationName(rel)),
				 errhint("If the table is not to be guarded again: DROP INDEX %s",
						 consent_qualified_name(index))));
	}
	table_close(rel, NoLock);
}

/* consent.unguard(target, name): one guard, or without a name all of them */
PGDLLEXPORT Datum
pg_consent_unguard(PG_FUNCTION_ARGS)
{
	Oid			relid;
	const char *name = consent_text_arg(fcinfo, 1);
	int			nguards;
	List	   *children;
	ListCell   *lc;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	relid = PG_GETARG_OID(0);
	nguards = drop_triggers(relid, name, false);
	children = children_of(relid);
	foreach(lc, children)
		(void) drop_triggers(lfirst_oid(lc), name, true);

	/* One that is missing is still expected, until it is removed here. */
	if (consent_health_removed(relid, name) == 0 && nguards == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 name ? errmsg("table \"%s\" has no guard \"%s\"", get_rel_name(relid), name) :
				 errmsg("table \"%s\" is not guarded", get_rel_name(relid))));
	tell_of_indexes(relid);
	PG_RETURN_VOID();
}

/* consent.guard_argument(table, trigger, argument): what the guard's trigger was given */
PGDLLEXPORT Datum
pg_consent_guard_argument(PG_FUNCTION_ARGS)
{
	Relation	rel = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	Trigger    *guard = rel ? consent_guard_by_trigger(rel, NameStr(*PG_GETARG_NAME(1))) : NULL;
	const char *value = guard ? consent_guard_argument(guard, consent_text_arg(fcinfo, 2)) : NULL;
	text	   *result = value ? cstring_to_text(value) : NULL;

	if (rel != NULL)
		relation_close(rel, AccessShareLock);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/* NULL if it is not mapped. */
static char *
rewritten_argument(Relation rel, const Trigger *guard, ConsentMapped mapped)
{
	const char *stored = consent_guard_argument(guard, consent_mapping_name(mapped));

	return stored ? consent_mapping_rewrite(rel, mapped, stored) : NULL;
}

/*
 * CREATE INDEX CONCURRENTLY ON t (consent.guard_key(CASE WHEN (applies) IS NOT FALSE
 * THEN recipient END, region)) WHERE (pending) IS NOT FALSE
 *
 * A superuser may run this, as it comes: of what the table's owner stored
 * nothing gets into it but expressions, written by us.  NULL, and a word of it,
 * where no index can be: what consent.lookup() finds is not the row's.
 */
static char *
index_statement(Relation rel, const Trigger *guard)
{
	char	   *recipient = rewritten_argument(rel, guard, MAPPED_RECIPIENT);
	char	   *applies = rewritten_argument(rel, guard, MAPPED_APPLIES);
	char	   *pending = rewritten_argument(rel, guard, MAPPED_PENDING);
	const char *region = consent_guard_argument(guard, "region");

	if (recipient == NULL || region == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.guard_check() lacks a mapping"),
				 errhint("Make the guard with consent.guard().")));
	if (consent_mapping_looks_beyond(rel, MAPPED_RECIPIENT, consent_guard_argument(guard, "recipient")))
	{
		ereport(NOTICE,
				(errmsg("a guard of table \"%s\" can have no index: its recipients are not in the row",
						RelationGetRelationName(rel)),
				 errhint("Every withdrawal reads its pending rows. Keep the address in a column if they are many.")));
		return NULL;
	}
	if (applies != NULL)
		recipient = psprintf("CASE WHEN (%s) IS NOT FALSE THEN %s END", applies, recipient);
	return psprintf("CREATE INDEX %sON %s (consent.guard_key(%s, %s))%s",
					rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? "" : "CONCURRENTLY ",
					consent_qualified_name(RelationGetRelid(rel)), recipient, quote_literal_cstr(region),
					pending ? psprintf(" WHERE (%s) IS NOT FALSE", pending) : "");
}

/* Is the index there that this statement would make?  InvalidOid: no. */
static Oid
index_made(Relation rel, const char *statement)
{
	RawStmt    *raw = linitial_node(RawStmt, raw_parser(statement, RAW_PARSE_DEFAULT));
	IndexStmt  *wanted = transformIndexStmt(RelationGetRelid(rel), castNode(IndexStmt, raw->stmt), statement);
	Node	   *key = eval_const_expressions(NULL, linitial_node(IndexElem, wanted->indexParams)->expr);
	Node	   *where = eval_const_expressions(NULL, wanted->whereClause);
	List	   *indexes = consent_health_indexes(rel);
	ListCell   *cell;
	Oid			made = InvalidOid;

	where = (Node *) make_ands_implicit(canonicalize_qual((Expr *) where, false));
	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_index->indisvalid && index->rd_index->indkey.values[0] == 0 &&
			equal(linitial(RelationGetIndexExpressions(index)), key) &&
			equal(RelationGetIndexPredicate(index), where))
			made = RelationGetRelid(index);
		index_close(index, AccessShareLock);
	}
	return made;
}

/* consent.guard_index(table): of all its guards, each statement once, but for what is there */
PGDLLEXPORT Datum
pg_consent_guard_index(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);
	Oid			guard_check = consent_guard_function("guard_check");
	List	   *statements = NIL;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (triggers->triggers[i].tgfoid == guard_check)
		{
			char	   *statement = index_statement(rel, &triggers->triggers[i]);

			if (statement != NULL)
				statements = list_append_unique(statements, makeString(statement));
		}
	}
	foreach(cell, statements)
	{
		Datum		values[] = {CStringGetTextDatum(strVal(lfirst(cell)))};
		bool		nulls[] = {false};
		Oid			made = index_made(rel, strVal(lfirst(cell)));

		if (OidIsValid(made))
		{
			ereport(NOTICE,
					(errmsg("index \"%s\" is there already, skipping", get_rel_name(made))));
			continue;
		}
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	table_close(rel, AccessShareLock);
	return (Datum) 0;
}
