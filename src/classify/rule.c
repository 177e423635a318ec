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
#include "classify/meta.h"
#include "classify/pattern.h"
#include "classify/rule.h"
#include "module/errors.h"
#include "text/text.h"

#define TRY_RULE_MAX_ROWS	1000

PG_FUNCTION_INFO_V1(pg_consent_rule_check);
PG_FUNCTION_INFO_V1(pg_consent_try_rule);
PG_FUNCTION_INFO_V1(pg_consent_try_condition);
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

/* Does the rule speak in the text? */
static ConsentMatch
speaks(const ConsentPattern *pattern, const ConsentPattern *exceptions, const ConsentText *text)
{
	int			start;
	int			end = 0;
	ConsentMatch found;

	while ((found = consent_pattern_match(pattern, text->data, text->len, end, &start, &end)) == MATCH_FOUND)
	{
		found = consent_find_exception(exceptions, text, start, end);
		if (found != MATCH_FOUND)
			return found == MATCH_NONE ? MATCH_FOUND : found;
	}
	return found;
}

static void
does_not_behave(const char *code, bool must_match, int n, Datum example)
{
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("rule \"%s\" does not behave as its examples say", code),
			 must_match ?
			 errdetail("It does not match positive example %d: \"%s\".",
					   n, TextDatumGetCString(example)) :
			 errdetail("It matches negative example %d: \"%s\".",
					   n, TextDatumGetCString(example))));
}

static void
check_examples(const ConsentPattern *pattern, const ConsentPattern *exceptions, const char *code,
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

		if (nulls[i])
			continue;
		source = utf8_of(DatumGetTextPP(elems[i]));
		consent_text_read(source, strlen(source), &example);
		found = speaks(pattern, exceptions, &example);
		if (found == MATCH_LIMIT)
			limit_exceeded();
		if ((found == MATCH_FOUND) != must_match)
			does_not_behave(code, must_match, i + 1, elems[i]);
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

/* A text column as UTF-8, or NULL. */
static char *
text_of(HeapTuple row, TupleDesc desc, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(row, attnum, desc, &isnull);

	return isnull ? NULL : utf8_of(DatumGetTextPP(value));
}

/* What the extension keeps itself: the family unless it is given, and literals. */
static HeapTuple
fill_in(HeapTuple row, TupleDesc desc)
{
	char	   *source = text_of(row, desc, Anum_rule_pattern);
	char	   *code = text_of(row, desc, Anum_rule_code);
	char	   *family = text_of(row, desc, Anum_rule_family);
	int			attnums[] = {Anum_rule_literals, Anum_rule_family};
	Datum		values[2] = {0};
	bool		nulls[2];

	if (family == NULL && code != NULL)
		family = pnstrdup(code, strcspn(code, "."));
	nulls[0] = source == NULL;
	nulls[1] = family == NULL;
	/* a pattern that is none is refused first */
	if (source != NULL)
	{
		(void) consent_pattern_compile(source);
		values[0] = PointerGetDatum(pack_literals(source));
	}
	if (family != NULL)
		values[1] = CStringGetTextDatum(pg_any_to_server(family, strlen(family), PG_UTF8));
	return heap_modify_tuple_by_cols(row, desc, 2, attnums, values, nulls);
}

/*
 * What the pattern has that no text has when it is folded, as far as that is easy
 * to tell; NULL: nothing.  In a class it may stand beside what there is.
 */
static char *
never_there(const char *source)
{
	static const char *const capitals[] = {"[[:upper:]]", "\\p{Lu}", "(?-i"};
	bool		in_class = false;
	int			len;

	for (const char *s = source; *s; s += len)
	{
		len = pg_utf_mblen((const unsigned char *) s);
		for (int i = 0; i < lengthof(capitals) && !in_class; i++)
		{
			if (strncmp(s, capitals[i], strlen(capitals[i])) == 0)
				return psprintf("capitals (\"%s\")", capitals[i]);
		}
		if (*s == '\\' && s[1])
			len += pg_utf_mblen((const unsigned char *) s + 1);
		else if (in_class)
			in_class = *s != ']' || s[-1] == ':';	/* as in [[:alpha:]x] */
		else if (*s == '[')
		{
			in_class = true;
			len += strspn(s + 1, "^]");
		}
		else if (IS_HIGHBIT_SET(*s))
		{
			char	   *c = pnstrdup(s, len);
			ConsentText folded;

			consent_text_read(c, len, &folded);
			if (!consent_pattern_is_caseless(c) && strncmp(folded.data, c, len) != 0)
				return psprintf("\"%s\"", c);
		}
	}
	return NULL;
}

/* Not refused: it may have been written before we said so, and be in a dump. */
static void
warn_never_there(const char *source)
{
	char	   *what = never_there(source);

	if (what != NULL)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("pattern asks for %s, which no text has when it is matched",
						pg_any_to_server(what, strlen(what), PG_UTF8)),
				 errhint("consent.folded_text() shows a text as it is matched: in lower case, with straight quotes and single spaces. Capitals written as they are stand for either case.")));
}

static void
check_pattern(HeapTuple row, TupleDesc desc, const char *source)
{
	ConsentPattern *pattern = consent_pattern_compile(source);
	char	   *exceptions_source = text_of(row, desc, Anum_rule_exceptions);
	ConsentPattern *exceptions = exceptions_source ? consent_pattern_compile(exceptions_source) : NULL;
	char	   *code = text_of(row, desc, Anum_rule_code);
	bool		isnull;
	Datum		value;

	warn_never_there(source);
	if (exceptions_source)
		warn_never_there(exceptions_source);
	value = heap_getattr(row, Anum_rule_positive, desc, &isnull);
	if (!isnull)
		check_examples(pattern, exceptions, code ? code : "", value, true);
	value = heap_getattr(row, Anum_rule_negative, desc, &isnull);
	if (!isnull)
		check_examples(pattern, exceptions, code ? code : "", value, false);
}

/*
 * Conditions written by the statement: whether their names exist, and what they
 * do with their examples, can only be told when all rules of it are there.
 */
static List *written_metas = NIL;

static void
check_condition_length(const char *condition)
{
	if (strlen(condition) > CONSENT_CONDITION_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("condition is too long"),
				 errdetail("A condition may have %d bytes; this one has %zu.",
						   CONSENT_CONDITION_MAX_BYTES, strlen(condition))));
}

static void
check_condition(HeapTuple row, TupleDesc desc, char *source)
{
	ConsentRule meta = {.source = source};
	char	   *code = text_of(row, desc, Anum_rule_code);
	bool		isnull;

	(void) heap_getattr(row, Anum_rule_class, desc, &isnull);
	meta.neutral = isnull;
	check_condition_length(source);
	consent_meta_compile(&meta, NULL, NIL, false);
	consent_meta_check_class(&meta);
	if (code != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

		written_metas = lappend(written_metas, pstrdup(code));
		MemoryContextSwitchTo(caller);
	}
}

/* At the end of a transaction what was written is checked, or never happened. */
void
consent_rule_forget_metas(void)
{
	written_metas = NIL;
}

static bool
meta_speaks(const ConsentRuleset *set, const ConsentRule *meta, const char *body)
{
	ConsentFindings found;

	consent_classify_findings(set, body, strlen(body), NULL, 0, -1, 1, &found);
	for (int i = 0; i < found.n; i++)
	{
		if (found.finding[i].limit)
			limit_exceeded();
		if (found.finding[i].rule == meta)
			return true;
	}
	return false;
}

static void
check_meta_examples(const ConsentRuleset *set, const ConsentRule *meta)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(pg_any_to_server(meta->code, strlen(meta->code), PG_UTF8))};

	SPI_connect();
	/* not read-only, to see what the statement has written */
	if (SPI_execute_with_args("SELECT positive, negative FROM consent.rule"
							  " WHERE code OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the examples of a rule");
	for (int column = 1; column <= 2 && SPI_processed == 1; column++)
	{
		bool		isnull;
		Datum		examples = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											 column, &isnull);
		Datum	   *elems;
		bool	   *nulls;
		int			nelems;

		deconstruct_array(DatumGetArrayTypeP(examples), TEXTOID, -1, false,
						  TYPALIGN_INT, &elems, &nulls, &nelems);
		for (int i = 0; i < nelems; i++)
		{
			if (!nulls[i] &&
				meta_speaks(set, meta, utf8_of(DatumGetTextPP(elems[i]))) != (column == 1))
				does_not_behave(meta->code, column == 1, i + 1, elems[i]);
		}
	}
	SPI_finish();
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
	char	   *source;
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

	/* Of a version before: checked when ALTER EXTENSION UPDATE rewrites it. */
	if (desc->natts < Natts_rule)
		return PointerGetDatum(row);

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

	row = fill_in(row, desc);
	work = AllocSetContextCreate(CurrentMemoryContext, "consent rule check",
								 ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	/* Constraints have not been checked yet: leave nulls to them. */
	source = text_of(row, desc, Anum_rule_pattern);
	if (source != NULL)
		check_pattern(row, desc, source);
	else if ((source = text_of(row, desc, Anum_rule_condition)) != NULL)
		check_condition(row, desc, source);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);

	return PointerGetDatum(row);
}

void
consent_rule_check_metas(void)
{
	List	   *codes = written_metas;
	const ConsentRuleset *set;
	ListCell   *cell;

	written_metas = NIL;
	if (codes == NIL)
		return;
	set = consent_ruleset_get();
	foreach(cell, codes)
	{
		for (int i = 0; i < set->nmetas; i++)
		{
			if (strcmp(set->metas[i].code, lfirst(cell)) == 0)
				check_meta_examples(set, &set->metas[i]);
		}
	}
}

PGDLLEXPORT Datum
pg_consent_try_rule(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *pattern_source = utf8_of(PG_GETARG_TEXT_PP(0));
	ConsentPattern *pattern = consent_pattern_compile(pattern_source);
	char	   *source = utf8_of(PG_GETARG_TEXT_PP(1));
	ConsentText folded;
	ConsentReading reading = {0};
	int			from = 0;

	InitMaterializedSRF(fcinfo, 0);
	warn_never_there(pattern_source);
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
		values[2] = consent_excerpt(&reading, source, from_char, to_char);
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

/* The rules as they are, and one more. */
PGDLLEXPORT Datum
pg_consent_try_condition(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ConsentRule meta = {
		.code = "try", .family = "try", .citation = "", .class = CLASS_SERVICE, .weight = 1,
		.parts = RULE_PART_SUBJECT | RULE_PART_BODY, .channels = ~(uint32) 0
	};
	const ConsentRuleset *current = consent_ruleset_get();
	ConsentRuleset set = *current;
	ConsentRule *rules = palloc(Max(set.nrules, 1) * sizeof(ConsentRule));
	ConsentFindings found;
	ConsentReading reading = {0};
	char	   *body;
	char	   *subject = NULL;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	meta.source = utf8_of(PG_GETARG_TEXT_PP(0));
	check_condition_length(meta.source);
	body = utf8_of(PG_GETARG_TEXT_PP(1));
	if (!PG_ARGISNULL(2))
		subject = utf8_of(PG_GETARG_TEXT_PP(2));

	/* a copy, since the condition's operands are marked in the set */
	memcpy(rules, set.rules, set.nrules * sizeof(ConsentRule));
	for (int i = 0; i < set.nrules; i++)
	{
		rules[i].pattern = unconstify(ConsentPattern *, consent_ruleset_pattern(current, i));
		rules[i].exceptions = unconstify(ConsentPattern *, consent_ruleset_exceptions(current, i));
	}
	set.rules = rules;
	set.metas = &meta;
	set.nmetas = 1;
	consent_meta_compile(&meta, &set, NIL, true);
	consent_classify_findings(&set, body, strlen(body), subject, subject ? strlen(subject) : 0,
							  -1, 1, &found);
	for (int i = 0; i < found.n; i++)
	{
		const ConsentFinding *f = &found.finding[i];
		Datum		values[4];
		bool		nulls[4] = {false, false, false, false};

		if (f->limit)
			limit_exceeded();
		if (f->rule != &meta)
			continue;
		values[0] = CStringGetTextDatum(f->in_subject ? "subject" : "body");
		values[1] = Int32GetDatum(f->start + 1);
		values[2] = Int32GetDatum(f->end - f->start);
		values[3] = consent_excerpt(&reading, f->in_subject ? subject : body, f->start, f->end);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
