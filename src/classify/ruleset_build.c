/*-------------------------------------------------------------------------
 *
 * ruleset_build.c
 *	  From the rows of consent.rule to a set of rules.
 *
 * Rules are read with a fresh snapshot even inside a REPEATABLE READ
 * transaction.  A set outlives that transaction; one made with an old snapshot
 * would leave a session blind to a change it was already told of.  The scan
 * goes below privileges, row security and search_path, so the rules are the
 * same for everybody.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "classify/meta.h"
#include "classify/rows.h"
#include "classify/rule.h"
#include "classify/ruleset.h"
#include "module/errors.h"

static int
rank(const ConsentRule *rule)
{
	if (rule->neutral)
		return 0;
	if (rule->class == CLASS_CONSENT_REQUEST)
		return 1;
	return consent_class_is_marketing(rule->class) ? 2 : 3;
}

static int
compare_rules(const void *a, const void *b)
{
	const ConsentRule *ra = a;
	const ConsentRule *rb = b;

	if (rank(ra) != rank(rb))
		return rank(ra) - rank(rb);
	return strcmp(ra->code, rb->code);
}

static Datum
column(HeapTuple tuple, TupleDesc desc, int attnum, bool *isnull)
{
	Datum		value = heap_getattr(tuple, attnum, desc, isnull);

	if (*isnull && attnum != Anum_rule_class && attnum != Anum_rule_channels &&
		attnum != Anum_rule_literals && attnum != Anum_rule_pattern &&
		attnum != Anum_rule_condition && attnum != Anum_rule_exceptions)
		elog(ERROR, "null in column %d of consent.rule", attnum);
	return value;
}

/* A text column as UTF-8, in the current context; NULL if it is null. */
static char *
text_column(HeapTuple tuple, TupleDesc desc, int attnum)
{
	bool		isnull;
	Datum		datum = column(tuple, desc, attnum, &isnull);
	char	   *value;

	if (isnull)
		return NULL;
	value = TextDatumGetCString(datum);
	return pg_server_to_any(value, strlen(value), PG_UTF8);
}

static int
parts_of(Datum array)
{
	Datum	   *elems;
	int			nelems;
	int			parts = 0;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elems, NULL, &nelems);
	for (int i = 0; i < nelems; i++)
	{
		char	   *name = TextDatumGetCString(elems[i]);

		if (strcmp(name, "subject") == 0)
			parts |= RULE_PART_SUBJECT;
		else if (strcmp(name, "body") == 0)
			parts |= RULE_PART_BODY;
		for (int region = REGION_BODY + 1; region < CONSENT_NREGIONS; region++)
		{
			if (strcmp(name, consent_region_names[region]) == 0)
				parts |= RULE_PART_REGION(region);
		}
	}
	return parts;
}

static uint32
channels_of(Datum array)
{
	ArrayType  *arr = DatumGetArrayTypeP(array);
	Datum	   *elems;
	int			nelems;
	uint32		channels = 0;

	deconstruct_array(arr, ARR_ELEMTYPE(arr), sizeof(Oid), true,
					  TYPALIGN_INT, &elems, NULL, &nelems);
	for (int i = 0; i < nelems; i++)
		channels |= 1u << consent_channel_from_oid(DatumGetObjectId(elems[i]));
	return channels;
}

/* With its length before it, so that where one text ends and the next begins is told. */
static void
add_to_fingerprint(StringInfo all, const char *s)
{
	if (s)
		appendStringInfo(all, " %zu:%s", strlen(s), s);
	else
		appendStringInfoString(all, " -");
}

/* Read a rule; returns a fingerprint of all that decides what it does. */
static uint64
read_rule(HeapTuple tuple, TupleDesc desc, ConsentRule *rule)
{
	Datum		value;
	bool		isnull;
	bool		is_meta;
	StringInfoData all;
	uint64		fingerprint;

	memset(rule, 0, sizeof(ConsentRule));
	rule->code = text_column(tuple, desc, Anum_rule_code);
	value = column(tuple, desc, Anum_rule_class, &isnull);
	rule->neutral = isnull;
	rule->class = isnull ? CLASS_UNKNOWN : consent_class_from_oid(DatumGetObjectId(value));
	rule->weight = DatumGetFloat4(column(tuple, desc, Anum_rule_weight, &isnull));
	rule->review = DatumGetBool(column(tuple, desc, Anum_rule_review, &isnull));
	rule->shipped = DatumGetBool(column(tuple, desc, Anum_rule_shipped, &isnull));
	rule->parts = parts_of(column(tuple, desc, Anum_rule_parts, &isnull));
	value = column(tuple, desc, Anum_rule_channels, &isnull);
	rule->channels = isnull ? ~(uint32) 0 : channels_of(value);
	rule->citation = text_column(tuple, desc, Anum_rule_citation);
	rule->family = text_column(tuple, desc, Anum_rule_family);
	rule->exceptions_source = text_column(tuple, desc, Anum_rule_exceptions);
	rule->source = text_column(tuple, desc, Anum_rule_pattern);
	is_meta = rule->source == NULL;
	if (is_meta)
		rule->source = text_column(tuple, desc, Anum_rule_condition);
	value = column(tuple, desc, Anum_rule_literals, &isnull);
	rule->literals = isnull ? NULL : DatumGetByteaPCopy(value);

	initStringInfo(&all);
	appendStringInfo(&all, "%d %d %d %.9g %d %d %u", is_meta, rule->neutral, rule->class, rule->weight,
					 rule->review, rule->parts, rule->channels);
	add_to_fingerprint(&all, rule->code);
	add_to_fingerprint(&all, rule->family);
	add_to_fingerprint(&all, rule->source);
	add_to_fingerprint(&all, rule->exceptions_source);
	fingerprint = hash_bytes_extended((unsigned char *) all.data, all.len, 0);
	pfree(all.data);
	return fingerprint;
}

/*
 * A version of a row never changes, so this stands for what is in it.  A sum of
 * these, because rows come in no particular order.
 */
static uint64
stamp_of(HeapTuple tuple)
{
	uint32		what[3] = {
		HeapTupleHeaderGetRawXmin(tuple->t_data),
		ItemPointerGetBlockNumber(&tuple->t_self),
		ItemPointerGetOffsetNumber(&tuple->t_self)
	};

	return hash_bytes_extended((unsigned char *) what, sizeof(what), 0);
}

typedef struct Stamp
{
	uint64		sum;
	bool		own;			/* some rows are our transaction's */
} Stamp;

static void
add_stamp(HeapTuple row, void *arg)
{
	Stamp	   *stamp = arg;

	stamp->sum += stamp_of(row);
	stamp->own |= TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetRawXmin(row->t_data));
}

uint64
consent_ruleset_stamp(Oid *relid, bool *own)
{
	ConsentRows rows;
	Stamp		stamp = {0};

	consent_rows_open("rule", &rows);
	*relid = rows.relid;
	consent_rows_read(&rows, add_stamp, &stamp);
	consent_rows_close(&rows);
	*own = stamp.own;
	return stamp.sum;
}

static void
add_rule(ConsentRule **rules, int *n, int *capacity, const ConsentRule *rule)
{
	if (*n == *capacity)
	{
		*capacity = *capacity ? 2 * *capacity : 128;
		*rules = *rules ? repalloc(*rules, *capacity * sizeof(ConsentRule)) :
			palloc(*capacity * sizeof(ConsentRule));
	}
	(*rules)[(*n)++] = *rule;
}

/* All enabled rules. */
static ConsentRuleset *
read_rules(Relation rel, bool strict)
{
	ConsentRuleset *set = palloc0(sizeof(ConsentRuleset));
	TupleDesc	desc = RelationGetDescr(rel);
	int			capacity = 0;
	int			meta_capacity = 0;
	uint64		digest = 0;
	List	   *disabled = NIL;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (desc->natts < Natts_rule)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("consent.rule is of a version before this library"),
				 errhint(CONSENT_VERSIONS_HINT)));

	/* no snapshot given: a fresh one, as for a catalog */
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		ConsentRule rule;
		bool		isnull;

		set->stamp += stamp_of(tuple);
		if (!DatumGetBool(column(tuple, desc, Anum_rule_enabled, &isnull)))
		{
			disabled = lappend(disabled, text_column(tuple, desc, Anum_rule_code));
			continue;
		}
		/* A sum, because rules come in no particular order. */
		digest += read_rule(tuple, desc, &rule);
		(void) column(tuple, desc, Anum_rule_condition, &isnull);
		if (isnull)
			add_rule(&set->rules, &set->nrules, &capacity, &rule);
		else
			add_rule(&set->metas, &set->nmetas, &meta_capacity, &rule);
	}
	systable_endscan(scan);

	qsort(set->rules, set->nrules, sizeof(ConsentRule), compare_rules);
	qsort(set->metas, set->nmetas, sizeof(ConsentRule), compare_rules);
	for (int i = 0; i < set->nmetas; i++)
		consent_meta_compile(&set->metas[i], set, disabled, strict);
	set->digest = psprintf("%016llx", (unsigned long long) digest);
	return set;
}

/* Find the literals of the rules, and make the filter of them. */
static void
add_filter(ConsentRuleset *set)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext,
											   "consent literals",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	PrefilterBuilder *builder = consent_prefilter_begin(set->nrules);
	/* its first block stays when it is reset: so memory is touched once */
	MemoryContext each = AllocSetContextCreate(work, "consent literals of a rule",
											   0, 512 * 1024, 8 * 1024 * 1024);

	for (int i = 0; i < set->nrules; i++)
	{
		const ConsentRule *rule = &set->rules[i];
		ConsentLiteral *literals = NULL;
		int			n;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(each);
		n = rule->literals == NULL ? -1 :
			consent_literals_unpack(rule->source, VARDATA_ANY(rule->literals),
									VARSIZE_ANY_EXHDR(rule->literals), &literals);
		if (n < 0)
			n = consent_literals(rule->source, consent_pattern_is_caseless(rule->source),
								 &literals);
		MemoryContextSwitchTo(work);
		consent_prefilter_add(builder, i, literals, n);
		MemoryContextReset(each);
	}
	MemoryContextSwitchTo(caller);
	set->filter = consent_prefilter_finish(builder);
	MemoryContextDelete(work);
}

ConsentRuleset *
consent_ruleset_build(Relation rel, bool strict)
{
	ConsentRuleset *set = read_rules(rel, strict);

	add_filter(set);
	return set;
}
