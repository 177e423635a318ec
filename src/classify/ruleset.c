/*-------------------------------------------------------------------------
 *
 * ruleset.c
 *	  The compiled rule set each backend keeps.
 *
 * A set has its own memory context and is never edited: a change in
 * consent.rule makes us get another one and drop the old.  One that sessions
 * share will do, or the one that was stored when the rules were last changed, if
 * it was made of the very rows that are there; else one is built of these.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "classify/rule.h"
#include "classify/ruleset.h"
#include "module/errors.h"

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
PG_FUNCTION_INFO_V1(pg_consent_compile_rules);

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
			consent_rule_forget_metas();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			built_while_writing = false;
			consent_rule_forget_metas();
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
	consent_ruleset_share_init();
	CacheRegisterRelcacheCallback(relcache_callback, (Datum) 0);
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}

static void
rule_context(void *arg)
{
	errcontext("rule \"%s\"", (const char *) arg);
}

/* Unpacked or compiled when it is first tried: most are not, in most sessions. */
static const ConsentPattern *
compiled(const ConsentRuleset *set, const ConsentRule *rule, ConsentPattern **pattern,
		 const char *source, const bytea *packed)
{
	if (*pattern == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(set->cxt);
		ErrorContextCallback context;

		context.callback = rule_context;
		context.arg = unconstify(char *, rule->code);
		context.previous = error_context_stack;
		error_context_stack = &context;
		*pattern = packed ? consent_pattern_unpack(source, packed) : NULL;
		if (*pattern == NULL)
			*pattern = consent_pattern_compile(source);
		error_context_stack = context.previous;
		MemoryContextSwitchTo(caller);
	}
	return *pattern;
}

const ConsentPattern *
consent_ruleset_pattern(const ConsentRuleset *set, int i)
{
	ConsentRule *rule = &set->rules[i];

	return compiled(set, rule, &rule->pattern, rule->source, rule->packed);
}

const ConsentPattern *
consent_ruleset_exceptions(const ConsentRuleset *set, int i)
{
	ConsentRule *rule = &set->rules[i];

	return rule->exceptions_source == NULL ? NULL :
		compiled(set, rule, &rule->exceptions, rule->exceptions_source, rule->exceptions_packed);
}

/* The set of the rows with that stamp, in the current context. */
static ConsentRuleset *
load(uint64 stamp)
{
	const char *image = consent_ruleset_attach(stamp);
	const char *shared;
	ConsentRuleset *built = NULL;
	MemoryContext own;
	MemoryContext caller;
	Size		size;

	if (image != NULL)
		return consent_ruleset_of_image(image);

	own = AllocSetContextCreate(CurrentMemoryContext, "consent rule set of one session",
								ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(own);
	image = consent_ruleset_fetch(stamp, &size);
	if (image == NULL)
	{
		Relation	rel = table_open(rule_relid, AccessShareLock);

		built = consent_ruleset_build(rel, false);
		table_close(rel, AccessShareLock);
		stamp = built->stamp;
		image = consent_ruleset_image(built, &size);
	}
	MemoryContextSwitchTo(caller);
	shared = consent_ruleset_share(stamp, image);
	if (shared != NULL)
	{
		MemoryContextDelete(own);
		return consent_ruleset_of_image(shared);
	}
	if (built == NULL)
		return consent_ruleset_of_image(image);
	pfree(unconstify(char *, image));
	return built;
}

const ConsentRuleset *
consent_ruleset_get(void)
{
	MemoryContext cxt;
	MemoryContext caller;
	ConsentRuleset *set;
	uint64		building;
	uint64		stamp;
	bool		own;

	/*
	 * A statement that reads no table takes no lock, and it is locks that
	 * bring in the news of other sessions' changes.
	 */
	AcceptInvalidationMessages();
	if (current != NULL && current_generation == generation)
		return current;

	/* Before the scan, so that a change during it is noticed. */
	building = generation;
	stamp = consent_ruleset_stamp(&rule_relid, &own);
	if (current != NULL && current->stamp == stamp && !own)
	{
		current_generation = building;
		return current;
	}

	cxt = AllocSetContextCreate(CurrentMemoryContext, "consent rule set",
								ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(cxt);
	set = load(stamp);
	set->cxt = cxt;
	set->hits = palloc(2 * sizeof(PrefilterHits));
	for (int i = 0; i < 2; i++)
		consent_prefilter_hits_init(&set->hits[i], set->nrules);
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

Oid
consent_ruleset_relid(const char *name)
{
	Oid			relid = get_relname_relid(name, get_namespace_oid("consent", false));

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"consent.%s\" does not exist", name),
				 errhint(CONSENT_VERSIONS_HINT)));
	return relid;
}

/* Statement trigger on consent.rule: tell every session. */
PGDLLEXPORT Datum
pg_consent_rule_changed(PG_FUNCTION_ARGS)
{
	Relation	rel;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"rule_changed\" must be called as a trigger")));
	rel = ((TriggerData *) fcinfo->context)->tg_relation;
	CacheInvalidateRelcache(rel);
	/* the install script has many statements, and stores once, at its end */
	if (!creating_extension)
	{
		consent_ruleset_store(rel);
		consent_rule_check_metas();
	}
	return PointerGetDatum(NULL);
}

PGDLLEXPORT Datum
pg_consent_compile_rules(PG_FUNCTION_ARGS)
{
	Relation	rel = table_open(consent_ruleset_relid("rule"), AccessShareLock);

	consent_ruleset_store(rel);
	table_close(rel, AccessShareLock);
	consent_rule_check_metas();
	PG_RETURN_VOID();
}
