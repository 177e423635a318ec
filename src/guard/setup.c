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

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "guard/divert.h"
#include "guard/guard.h"
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
PG_FUNCTION_INFO_V1(pg_consent_guard_problem);

static Relation
open_target(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);

	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel))));
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

/* The guard whose trigger is called that. */
static Trigger *
find_trigger(Relation rel, const char *tgname)
{
	Trigger    *trigger;
	int			position = 0;

	while ((trigger = consent_guard_next(rel, &position)) != NULL)
	{
		if (strcmp(trigger->tgname, tgname) == 0)
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

static const char *
qualified_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

/* A constant that no row could ever be judged by is a slip of the pen. */
static void
check_constant(ConsentMapped mapped, const char *constant)
{
	if (mapped == MAPPED_CHANNEL && consent_channel_from_name(constant) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown channel \"%s\"", constant)));
	if (mapped == MAPPED_CLASS && consent_class_from_name(constant) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown message class \"%s\"", constant)));
	if (mapped == MAPPED_ORGANISATION || mapped == MAPPED_SENDER)
		(void) consent_require_organisation(constant);
	if (mapped == MAPPED_PURPOSE)
		(void) consent_require_purpose(constant);
}

static char *
text_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
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
	for (int i = 0; log != NULL && strcmp(log, consent_log_mode_names[i]) != 0; i++)
	{
		if (i == LOG_ALL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown log mode \"%s\"", log),
					 errhint("Of allowances it can log none, a sample, or all.")));
	}
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

/*
 * consent.guard(target, ...mappings..., on_block, divert, ..., name)
 *
 * CREATE CONSTRAINT TRIGGER consent_guard AFTER INSERT OR UPDATE ON target
 * FOR EACH ROW EXECUTE FUNCTION consent.guard_check('region', 'GB',
 * 'name', '...', 'on_block', 'divert', 'recipient', '...', ...);
 * CREATE TRIGGER zzz_consent_guard BEFORE INSERT OR UPDATE ON target
 * FOR EACH ROW EXECUTE FUNCTION consent.guard_divert('consent_guard')
 */
PGDLLEXPORT Datum
pg_consent_guard(PG_FUNCTION_ARGS)
{
	Relation	rel;
	StringInfoData arguments;
	const char *table;
	const char *name = text_arg(fcinfo, ARG_NAME);
	const char *divert = text_arg(fcinfo, ARG_DIVERT);
	const char *log = text_arg(fcinfo, ARG_LOG);
	const char *trigger;
	const char *herald;
	bool		partitioned;
	ConsentBlockAction on_block;
	char	   *not_diverted = NULL;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the table to guard is NULL")));
	if (PG_ARGISNULL(ARG_ON_BLOCK))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("on_block is NULL"),
				 errhint("It can be raise, divert, quarantine or flag.")));
	on_block = consent_block_action_from_oid(PG_GETARG_OID(ARG_ON_BLOCK));
	check_log_mode(log);
	if (divert == NULL && on_block == BLOCK_DIVERT)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("on_block => 'divert' needs a diversion"),
				 errhint("Give the SET list of the terminal state, as in divert => $$status = 'cancelled', error = consent.refusal_reason()$$.")));
	if (divert == NULL && !PG_ARGISNULL(ARG_CLAIM))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a claim guard needs a diversion"),
				 errdetail("A refused row that a worker takes is parked in its terminal state."),
				 errhint("Give the SET list of the terminal state, as in divert => $$status = 'cancelled', error = consent.refusal_reason()$$.")));

	rel = open_target(PG_GETARG_OID(0));
	table = qualified_name(rel);
	if (rel->rd_rel->relkind == RELKIND_RELATION && has_subclass(RelationGetRelid(rel)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" has inheritance children", RelationGetRelationName(rel)),
				 errdetail("Triggers are not inherited: rows of the children would not be judged."),
				 errhint("Guard each child, or use partitions.")));
	if (find_guard(rel, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 name ? errmsg("table \"%s\" has a guard \"%s\" already", RelationGetRelationName(rel), name) :
				 errmsg("table \"%s\" is already guarded", RelationGetRelationName(rel)),
				 errhint("Use consent.unguard() first, or give this guard another name.")));
	trigger = choose_trigger_name(rel, GUARD_TRIGGER, name);
	herald = choose_trigger_name(rel, HERALD_TRIGGER, name);

	/* Settings are pinned: what a writer sets later opens nothing. */
	initStringInfo(&arguments);
	appendStringInfo(&arguments, "'region', %s", quote_literal_cstr(consent_default_region));
	if (name != NULL)
		appendStringInfo(&arguments, ", 'name', %s", quote_literal_cstr(name));
	if (on_block != BLOCK_RAISE)
		appendStringInfo(&arguments, ", 'on_block', %s", quote_literal_cstr(consent_block_action_names[on_block]));
	if (log != NULL && strcmp(log, consent_log_mode_names[LOG_NONE]) != 0)
		appendStringInfo(&arguments, ", 'log', %s", quote_literal_cstr(log));
	if (divert != NULL)
		appendStringInfo(&arguments, ", 'divert', %s",
						 quote_literal_cstr(consent_divert_check(rel, divert, &not_diverted)));
	for (int i = 0; i < CONSENT_NMAPPED; i++)
	{
		char	   *expression = text_arg(fcinfo, mapping_arg[i]);

		if (expression == NULL && i == MAPPED_ORGANISATION && consent_organisation[0] != '\0')
			expression = quote_literal_cstr(consent_organisation);
		if (expression == NULL && i == MAPPED_PENDING && divert != NULL)
			expression = pending_unless_diverted(not_diverted);
		if (expression == NULL &&
			(i == MAPPED_RECIPIENT || i == MAPPED_CHANNEL || i == MAPPED_ORGANISATION))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a guard needs the mapping \"%s\"", consent_mapping_name(i)),
					 errhint("Give an SQL expression over the row; a constant is one too, as in $$'email'$$.")));
		if (expression != NULL)
		{
			char	   *constant;
			char	   *qualified = consent_mapping_check(rel, i, expression, &constant);

			if (constant != NULL)
				check_constant(i, constant);
			appendStringInfo(&arguments, ", %s, %s",
							 quote_literal_cstr(consent_mapping_name(i)),
							 quote_literal_cstr(qualified));
		}
	}
	partitioned = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE || rel->rd_rel->relispartition;
	table_close(rel, NoLock);

	run_ddl(psprintf("CREATE CONSTRAINT TRIGGER %s AFTER INSERT OR UPDATE ON %s "
					 "FOR EACH ROW EXECUTE FUNCTION consent.guard_check(%s)",
					 quote_identifier(trigger), table, arguments.data));
	run_ddl(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, quote_identifier(trigger)));
	if (divert != NULL || partitioned)
	{
		run_ddl(psprintf("CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s "
						 "FOR EACH ROW EXECUTE FUNCTION consent.guard_divert(%s)",
						 quote_identifier(herald), table, quote_literal_cstr(trigger)));
		run_ddl(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, quote_identifier(herald)));
	}
	PG_RETURN_VOID();
}

/* consent.unguard(target, name): one guard, or without a name all of them */
PGDLLEXPORT Datum
pg_consent_unguard(PG_FUNCTION_ARGS)
{
	Relation	rel;
	const char *table;
	const char *name = text_arg(fcinfo, 1);
	Trigger    *trigger;
	int			position = 0;
	List	   *triggers = NIL;
	ListCell   *lc;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	rel = open_target(PG_GETARG_OID(0));
	table = qualified_name(rel);
	while ((trigger = consent_guard_next(rel, &position)) != NULL)
	{
		if (name != NULL && trigger != find_guard(rel, name))
			continue;
		triggers = lappend(triggers, pstrdup(trigger->tgname));
		if (consent_guard_herald(rel, trigger->tgname) != NULL)
			triggers = lappend(triggers, pstrdup(consent_guard_herald(rel, trigger->tgname)->tgname));
	}
	if (triggers == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 name ? errmsg("table \"%s\" has no guard \"%s\"", RelationGetRelationName(rel), name) :
				 errmsg("table \"%s\" is not guarded", RelationGetRelationName(rel))));
	table_close(rel, NoLock);

	foreach(lc, triggers)
		run_ddl(psprintf("DROP TRIGGER %s ON %s", quote_identifier(lfirst(lc)), table));
	PG_RETURN_VOID();
}

/* consent.guard_argument(table, trigger, argument): what the guard's trigger was given */
PGDLLEXPORT Datum
pg_consent_guard_argument(PG_FUNCTION_ARGS)
{
	Relation	rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	Trigger    *trigger = find_trigger(rel, NameStr(*PG_GETARG_NAME(1)));
	const char *value = trigger ? consent_guard_argument(trigger, text_arg(fcinfo, 2)) : NULL;
	text	   *result = value ? cstring_to_text(value) : NULL;

	table_close(rel, AccessShareLock);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/* consent.guard_problem(table, trigger): why the mappings of that guard do not work, or NULL */
PGDLLEXPORT Datum
pg_consent_guard_problem(PG_FUNCTION_ARGS)
{
	Relation	rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	Trigger    *trigger = find_trigger(rel, NameStr(*PG_GETARG_NAME(1)));
	char	   *problem = trigger ? consent_mapping_problem(rel, trigger) : NULL;

	table_close(rel, AccessShareLock);
	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}
