/*-------------------------------------------------------------------------
 *
 * ruleset.c
 *	  The compiled rule set each backend keeps.
 *
 * A set is built in its own memory context and never edited: a change in
 * consent.rule makes us build another one and drop the old.
 *
 * Rules are read with a fresh snapshot even inside a REPEATABLE READ
 * transaction.  The cache outlives that transaction; filling it from an old
 * snapshot would leave this session blind to a change it was already told of.
 * The scan goes below privileges, row security and search_path, so the rules
 * are the same for everybody.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "classify/rule.h"
#include "classify/ruleset.h"

/* Bumped by whatever may have changed the rules; see set_is_current(). */
static uint64 generation = 1;

static ConsentRuleset *current = NULL;
static MemoryContext current_cxt = NULL;
static uint64 current_generation = 0;
static Oid	rule_relid = InvalidOid;
static uint64 last_id = 0;

/* The current set may hold rows that its transaction can still roll back. */
static bool built_while_writing = false;

PG_FUNCTION_INFO_V1(pg_consent_rule_changed);

static void
relcache_callback(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == rule_relid)
		generation++;
}

static void
xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			if (built_while_writing)
				generation++;
			built_while_writing = false;
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			built_while_writing = false;
			break;
		default:
			break;
	}
}

static void
subxact_callback(SubXactEvent event, SubTransactionId mySubid,
				 SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && built_while_writing)
		generation++;
}

void
consent_ruleset_init(void)
{
	CacheRegisterRelcacheCallback(relcache_callback, (Datum) 0);
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}

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
		attnum != Anum_rule_literals)
		elog(ERROR, "null in column %d of consent.rule", attnum);
	return value;
}

/* A text column as UTF-8, in the current context. */
static char *
text_column(HeapTuple tuple, TupleDesc desc, int attnum)
{
	bool		isnull;
	char	   *value = TextDatumGetCString(column(tuple, desc, attnum, &isnull));

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

/* Read a rule; returns a fingerprint of all that decides what it does. */
static uint64
read_rule(HeapTuple tuple, TupleDesc desc, ConsentRule *rule)
{
	Datum		value;
	bool		isnull;
	char	   *all;

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
	rule->source = text_column(tuple, desc, Anum_rule_pattern);
	rule->pattern = NULL;
	value = column(tuple, desc, Anum_rule_literals, &isnull);
	rule->literals = isnull ? NULL : DatumGetByteaPCopy(value);

	all = psprintf("%s %d %d %g %d %d %u %s", rule->code, rule->neutral, rule->class, rule->weight, rule->review,
				   rule->parts, rule->channels, rule->source);
	return hash_bytes_extended((unsigned char *) all, strlen(all), 0);
}

/* All enabled rules, in the current context. */
static ConsentRuleset *
load(Oid relid)
{
	ConsentRuleset *set = palloc0(sizeof(ConsentRuleset));
	Relation	rel = table_open(relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	int			capacity = 256;
	uint64		digest = 0;
	SysScanDesc scan;
	HeapTuple	tuple;

	set->rules = palloc(capacity * sizeof(ConsentRule));
	/* no snapshot given: a fresh one, as for a catalog */
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;

		if (!DatumGetBool(column(tuple, desc, Anum_rule_enabled, &isnull)))
			continue;
		if (set->nrules == capacity)
		{
			capacity *= 2;
			set->rules = repalloc(set->rules, capacity * sizeof(ConsentRule));
		}
		/* A sum, because rules come in no particular order. */
		digest += read_rule(tuple, desc, &set->rules[set->nrules++]);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	qsort(set->rules, set->nrules, sizeof(ConsentRule), compare_rules);
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
			consent_literals_unpack(VARDATA_ANY(rule->literals),
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
	set->hits = palloc(2 * sizeof(PrefilterHits));
	for (int i = 0; i < 2; i++)
		consent_prefilter_hits_init(&set->hits[i], set->nrules);
	MemoryContextDelete(work);
}

static void
rule_context(void *arg)
{
	errcontext("rule \"%s\"", (const char *) arg);
}

const ConsentPattern *
consent_ruleset_pattern(const ConsentRuleset *set, int i)
{
	ConsentRule *rule = &set->rules[i];

	if (rule->pattern == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(set->cxt);
		ErrorContextCallback context;

		context.callback = rule_context;
		context.arg = unconstify(char *, rule->code);
		context.previous = error_context_stack;
		error_context_stack = &context;
		rule->pattern = consent_pattern_compile(rule->source);
		error_context_stack = context.previous;
		MemoryContextSwitchTo(caller);
	}
	return rule->pattern;
}

const ConsentRuleset *
consent_ruleset_get(void)
{
	MemoryContext cxt;
	MemoryContext caller;
	ConsentRuleset *set;
	uint64		building;

	/*
	 * A statement that reads no table takes no lock, and it is locks that
	 * bring in the news of other sessions' changes.
	 */
	AcceptInvalidationMessages();
	if (current != NULL && current_generation == generation)
		return current;

	/* Before the scan, so that a change during it is noticed. */
	rule_relid = get_relname_relid("rule", get_namespace_oid("consent", false));
	if (!OidIsValid(rule_relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"consent.rule\" does not exist"),
				 errhint("Is the extension pg_consent installed in this database?")));
	building = generation;

	cxt = AllocSetContextCreate(CurrentMemoryContext, "consent rule set",
								ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(cxt);
	set = load(rule_relid);
	set->cxt = cxt;
	add_filter(set);
	MemoryContextSwitchTo(caller);
	set->id = ++last_id;

	/* Nothing can fail from here on. */
	MemoryContextSetParent(cxt, CacheMemoryContext);
	if (current_cxt != NULL)
		MemoryContextDelete(current_cxt);
	current_cxt = cxt;
	current = set;
	current_generation = building;
	built_while_writing = TransactionIdIsValid(GetTopTransactionIdIfAny());
	return current;
}

/* Statement trigger on consent.rule: tell every session. */
PGDLLEXPORT Datum
pg_consent_rule_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"rule_changed\" must be called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}
