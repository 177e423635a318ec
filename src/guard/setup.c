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
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "guard/mapping.h"
#include "ledger/vocabulary.h"
#include "module/compat.h"
#include "module/module.h"
#include "module/words.h"

#define GUARD_TRIGGER "consent_guard"

/* Arguments of consent.guard() after the target, by position. */
#define GUARD_ARG_ON_BLOCK (CONSENT_NMAPPED + 1)

PG_FUNCTION_INFO_V1(pg_consent_guard);
PG_FUNCTION_INFO_V1(pg_consent_unguard);
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

/* A guard is known by its function, not by its name. */
static const char *
guard_of(Relation rel)
{
	Oid			guard_check = LookupFuncName(list_make2(makeString("consent"), makeString("guard_check")),
											 0, NULL, false);

	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		if (rel->trigdesc->triggers[i].tgfoid == guard_check)
			return rel->trigdesc->triggers[i].tgname;
	}
	return NULL;
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
	if (mapped == MAPPED_ORGANISATION)
		(void) consent_require_organisation(constant);
	if (mapped == MAPPED_PURPOSE)
		(void) consent_require_purpose(constant);
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

/*
 * consent.guard(target, ...mappings..., on_block)
 *
 * CREATE CONSTRAINT TRIGGER consent_guard AFTER INSERT OR UPDATE ON target
 * FOR EACH ROW EXECUTE FUNCTION consent.guard_check('region', 'GB',
 * 'recipient', '...', ...)
 */
PGDLLEXPORT Datum
pg_consent_guard(PG_FUNCTION_ARGS)
{
	Relation	rel;
	StringInfoData arguments;
	const char *name;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the table to guard is NULL")));
	if (PG_ARGISNULL(GUARD_ARG_ON_BLOCK) ||
		consent_block_action_from_oid(PG_GETARG_OID(GUARD_ARG_ON_BLOCK)) != BLOCK_RAISE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a guard can only raise so far"),
				 errhint("Use on_block => 'raise'.")));

	rel = open_target(PG_GETARG_OID(0));
	name = qualified_name(rel);
	if (rel->rd_rel->relkind == RELKIND_RELATION && has_subclass(RelationGetRelid(rel)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" has inheritance children", RelationGetRelationName(rel)),
				 errdetail("Triggers are not inherited: rows of the children would not be judged."),
				 errhint("Guard each child, or use partitions.")));
	if (guard_of(rel) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("table \"%s\" is already guarded", RelationGetRelationName(rel)),
				 errhint("Use consent.unguard() first.")));

	/* Settings are pinned: what a writer sets later opens nothing. */
	initStringInfo(&arguments);
	appendStringInfo(&arguments, "'region', %s", quote_literal_cstr(consent_default_region));
	for (int i = 0; i < CONSENT_NMAPPED; i++)
	{
		char	   *expression = PG_ARGISNULL(i + 1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i + 1));

		if (expression == NULL && i == MAPPED_ORGANISATION && consent_organisation[0] != '\0')
			expression = quote_literal_cstr(consent_organisation);
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
	table_close(rel, NoLock);

	run_ddl(psprintf("CREATE CONSTRAINT TRIGGER " GUARD_TRIGGER " AFTER INSERT OR UPDATE ON %s "
					 "FOR EACH ROW EXECUTE FUNCTION consent.guard_check(%s)",
					 name, arguments.data));
	run_ddl(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER " GUARD_TRIGGER, name));
	PG_RETURN_VOID();
}

PGDLLEXPORT Datum
pg_consent_unguard(PG_FUNCTION_ARGS)
{
	Relation	rel = open_target(PG_GETARG_OID(0));
	const char *name = qualified_name(rel);
	const char *trigger = guard_of(rel);

	if (trigger == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" is not guarded", RelationGetRelationName(rel))));
	trigger = quote_identifier(pstrdup(trigger));
	table_close(rel, NoLock);

	run_ddl(psprintf("DROP TRIGGER %s ON %s", trigger, name));
	PG_RETURN_VOID();
}

/* consent.guard_problem(table): why its guard's mappings do not work, or NULL */
PGDLLEXPORT Datum
pg_consent_guard_problem(PG_FUNCTION_ARGS)
{
	Relation	rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	const char *name = guard_of(rel);
	char	   *problem = NULL;

	for (int i = 0; name != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		if (strcmp(rel->trigdesc->triggers[i].tgname, name) == 0)
			problem = consent_mapping_problem(rel, &rel->trigdesc->triggers[i]);
	}
	table_close(rel, AccessShareLock);
	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}
