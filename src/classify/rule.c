/*-------------------------------------------------------------------------
 *
 * rule.c
 *	  What a row of consent.rule must live up to, and consent.try_rule().
 *
 * A rule that does not do what its own examples say is refused when it is
 * written, so that it need not be doubted when it is used.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "classify/classify.h"
#include "classify/literal.h"
#include "classify/pattern.h"
#include "classify/rule.h"
#include "module/errors.h"
#include "text/text.h"

#define TRY_RULE_MAX_ROWS	1000

PG_FUNCTION_INFO_V1(pg_consent_rule_check);
PG_FUNCTION_INFO_V1(pg_consent_try_rule);
PG_FUNCTION_INFO_V1(pg_consent_pattern_literals);

static char *
utf8_of(text *value)
{
	char	   *s = text_to_cstring(value);

	return pg_server_to_any(s, strlen(s), PG_UTF8);
}

static void
limit_exceeded(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_RULE_LIMIT_EXCEEDED),
			 errmsg("pattern gave up on the text"),
			 errdetail("It needs more steps or memory than a match may use."),
			 errhint("Bound its repetitions, as in \".{0,40}\", and avoid one repetition inside another.")));
}

static void
check_examples(const ConsentPattern *pattern, const char *code,
			   Datum examples, bool must_match)
{
	Datum	   *elems;
	bool	   *nulls;
	int			nelems;

	deconstruct_array(DatumGetArrayTypeP(examples), TEXTOID, -1, false,
					  TYPALIGN_INT, &elems, &nulls, &nelems);
	for (int i = 0; i < nelems; i++)
	{
		ConsentText example;
		ConsentMatch found;
		char	   *source;
		int			start;
		int			end;

		if (nulls[i])
			continue;
		source = utf8_of(DatumGetTextPP(elems[i]));
		consent_text_read(source, strlen(source), &example);
		found = consent_pattern_match(pattern, example.data, example.len, 0, &start, &end);
		if (found == MATCH_LIMIT)
			limit_exceeded();
		if ((found == MATCH_FOUND) != must_match)
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("rule \"%s\" does not behave as its examples say", code),
					 must_match ?
					 errdetail("It does not match positive example %d: \"%s\".",
							   i + 1, TextDatumGetCString(elems[i])) :
					 errdetail("It matches negative example %d: \"%s\".",
							   i + 1, TextDatumGetCString(elems[i]))));
	}
}

/*
 * pg_dump saves a shipped rule that was adjusted as a whole row.  When that
 * row is loaded, the rule is already there, so we carry the adjustment over
 * to it.  A rule that is shipped no longer has nothing to adjust.
 */
static void
adjust_shipped(Relation rel, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Oid			types[] = {TEXTOID, FLOAT4OID, BOOLOID};
	Datum		values[3];
	bool		isnull;

	values[0] = heap_getattr(row, Anum_rule_code, desc, &isnull);
	values[1] = heap_getattr(row, Anum_rule_weight, desc, &isnull);
	values[2] = heap_getattr(row, Anum_rule_enabled, desc, &isnull);

	SPI_connect();
	if (SPI_execute_with_args("UPDATE consent.rule SET weight = $2, enabled = $3"
							  " WHERE code OPERATOR(pg_catalog.=) $1 AND shipped",
							  3, types, values, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not adjust a shipped rule");
	if (SPI_processed == 0)
		ereport(NOTICE,
				(errmsg("rule \"%s\" is not shipped with this version, skipped",
						TextDatumGetCString(values[0]))));
	SPI_finish();
}

/* What may change in a shipped rule: weight, enabled; adjusted follows. */
static void
check_shipped_update(Relation rel, HeapTuple old, HeapTuple new)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 1; i <= desc->natts; i++)
	{
		bool		oldnull;
		bool		newnull;
		Datum		o = heap_getattr(old, i, desc, &oldnull);
		Datum		n = heap_getattr(new, i, desc, &newnull);
		Form_pg_attribute att = TupleDescAttr(desc, i - 1);

		if (i == Anum_rule_weight || i == Anum_rule_enabled || i == Anum_rule_adjusted)
			continue;
		if (oldnull != newnull ||
			(!oldnull && !datum_image_eq(o, n, att->attbyval, att->attlen)))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("column \"%s\" of a shipped rule cannot be changed",
							NameStr(att->attname)),
					 errdetail("Of a shipped rule, weight and enabled can be changed."),
					 errhint("Disable it and add a rule of your own under another code.")));
	}
}

/* So that sessions need not look for them. */
static bytea *
pack_literals(const char *source)
{
	ConsentLiteral *literals = NULL;
	int			n = consent_literals(source, consent_pattern_is_caseless(source), &literals);
	int			size;
	char	   *bytes = consent_literals_pack(source, literals, n, &size);
	bytea	   *packed = palloc(VARHDRSZ + size);

	SET_VARSIZE(packed, VARHDRSZ + size);
	memcpy(VARDATA(packed), bytes, size);
	return packed;
}

/* Row trigger on consent.rule, before insert, update and delete. */
PGDLLEXPORT Datum
pg_consent_rule_check(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	Relation	rel;
	TupleDesc	desc;
	HeapTuple	row;
	MemoryContext work;
	MemoryContext caller;
	ConsentPattern *pattern;
	bytea	   *packed;
	char	   *source;
	char	   *code;
	bool		shipped;
	bool		isnull;
	Datum		value;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"rule_check\" must be called as a row trigger")));

	rel = trigdata->tg_relation;
	desc = RelationGetDescr(rel);
	row = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ?
		trigdata->tg_newtuple : trigdata->tg_trigtuple;

	/* the old row decides: shipped cannot be taken off first */
	value = heap_getattr(trigdata->tg_trigtuple, Anum_rule_shipped, desc, &isnull);
	shipped = !isnull && DatumGetBool(value);

	if (shipped && !creating_extension)
	{
		if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("a shipped rule cannot be deleted"),
					 errhint("Disable it: UPDATE consent.rule SET enabled = false WHERE code = ...")));
		if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		{
			adjust_shipped(rel, row);
			return PointerGetDatum(NULL);
		}
		check_shipped_update(rel, trigdata->tg_trigtuple, row);
	}
	if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
		return PointerGetDatum(row);

	/* What is shipped, and what of that was adjusted, is not for users to say. */
	if (!creating_extension)
	{
		int			attnums[] = {Anum_rule_shipped, Anum_rule_adjusted};
		Datum		values[] = {BoolGetDatum(shipped), BoolGetDatum(shipped)};
		bool		nulls[] = {false, false};

		row = heap_modify_tuple_by_cols(row, desc, 2, attnums, values, nulls);
	}

	/* Column constraints have not been checked yet: leave nulls to them. */
	value = heap_getattr(row, Anum_rule_pattern, desc, &isnull);
	if (isnull)
		return PointerGetDatum(row);

	work = AllocSetContextCreate(CurrentMemoryContext, "consent rule check",
								 ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	source = utf8_of(DatumGetTextPP(value));
	pattern = consent_pattern_compile(source);
	value = heap_getattr(row, Anum_rule_code, desc, &isnull);
	code = isnull ? "" : TextDatumGetCString(value);
	value = heap_getattr(row, Anum_rule_positive, desc, &isnull);
	if (!isnull)
		check_examples(pattern, code, value, true);
	value = heap_getattr(row, Anum_rule_negative, desc, &isnull);
	if (!isnull)
		check_examples(pattern, code, value, false);
	packed = pack_literals(source);
	MemoryContextSwitchTo(caller);
	{
		int			attnum = Anum_rule_literals;
		Datum		literals = PointerGetDatum(packed);

		isnull = false;
		row = heap_modify_tuple_by_cols(row, desc, 1, &attnum, &literals, &isnull);
	}
	MemoryContextDelete(work);

	return PointerGetDatum(row);
}

PGDLLEXPORT Datum
pg_consent_try_rule(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ConsentPattern *pattern = consent_pattern_compile(utf8_of(PG_GETARG_TEXT_PP(0)));
	char	   *source = utf8_of(PG_GETARG_TEXT_PP(1));
	ConsentText folded;
	int			from = 0;

	InitMaterializedSRF(fcinfo, 0);
	consent_text_read(source, strlen(source), &folded);
	for (int row = 0; row < TRY_RULE_MAX_ROWS; row++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};
		int			start;
		int			end;
		int32		from_char;
		int32		to_char;
		ConsentMatch found = consent_pattern_match(pattern, folded.data, folded.len,
												   from, &start, &end);

		if (found == MATCH_LIMIT)
			limit_exceeded();
		if (found == MATCH_NONE)
			break;
		consent_text_source(&folded, start, end, &from_char, &to_char);
		values[0] = Int32GetDatum(from_char + 1);
		values[1] = Int32GetDatum(to_char - from_char);
		values[2] = consent_excerpt(source, from_char, to_char);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		from = end;
	}
	return (Datum) 0;
}

PGDLLEXPORT Datum
pg_consent_pattern_literals(PG_FUNCTION_ARGS)
{
	char	   *source = utf8_of(PG_GETARG_TEXT_PP(0));
	ConsentLiteral *literals;
	Datum	   *elems;
	int			n;

	(void) consent_pattern_compile(source);
	n = consent_literals(source, consent_pattern_is_caseless(source), &literals);
	if (n == 0)
		PG_RETURN_NULL();
	elems = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		char	   *bytes = pnstrdup(literals[i].bytes, literals[i].len);

		elems[i] = CStringGetTextDatum(pg_any_to_server(bytes, literals[i].len, PG_UTF8));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(elems, n, TEXTOID, -1, false, TYPALIGN_INT));
}
