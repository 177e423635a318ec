/*-------------------------------------------------------------------------
 *
 * vocabulary.c
 *	  The per-backend copy of consent.organisation, consent.purpose and
 *	  consent.policy.
 *
 * The copy is built in a memory context of its own and never edited.  A change
 * to any of these tables reaches every backend as a relcache invalidation (sent by a
 * statement trigger), which only bumps a generation; the next lookup builds a
 * new copy and drops the old one.  It is filled with a fresh snapshot even
 * inside a REPEATABLE READ transaction, because it outlives that transaction,
 * and an abort bumps the generation, because it may hold rows of our own that
 * never came to be.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "ledger/policy.h"
#include "ledger/relation.h"
#include "ledger/vocabulary.h"
#include "module/module.h"
#include "module/words.h"

/* Columns, as vocabulary.sql creates them. */
#define Anum_organisation_name					1
#define Anum_organisation_controller			2
#define Anum_organisation_jurisdiction			3
#define Anum_organisation_is_charity			4
#define Anum_organisation_pensions_authorised	5
#define Anum_organisation_id					6

#define Anum_purpose_name	1
#define Anum_purpose_kind	2
#define Anum_purpose_parent 3
#define Anum_purpose_id		4

#define Anum_history_id						1
#define Anum_history_until					2
#define Anum_history_jurisdiction			3
#define Anum_history_is_charity				4
#define Anum_history_pensions_authorised	5

/* What an organisation was until a moment. */
typedef struct FormerOrganisation
{
	TimestampTz until;
	ConsentOrganisation was;
} FormerOrganisation;

typedef struct Vocabulary
{
	MemoryContext context;
	uint64		generation;		/* what it was when the fill began */
	int			norganisations;
	int			maxorganisations;
	ConsentOrganisation *organisations; /* sorted by name */
	int			nformer;
	int			maxformer;
	FormerOrganisation *former; /* sorted by id, then until */
	int			npurposes;
	int			maxpurposes;
	ConsentPurpose *purposes;	/* sorted by name */
	ConsentPolicies policies;
} Vocabulary;

static const char *const purpose_kind_names[PURPOSE_KIND_COUNT] = {
	[PURPOSE_COMMERCIAL] = "commercial",
	[PURPOSE_CHARITABLE] = "charitable",
	[PURPOSE_POLITICAL] = "political",
	[PURPOSE_CLAIMS_MANAGEMENT] = "claims_management",
	[PURPOSE_PENSIONS] = "pensions",
	[PURPOSE_SERVICE_OPTIONAL] = "service_optional",
};

static uint64 generation = 1;
static Vocabulary *current = NULL;
static Oid	organisation_relid = InvalidOid;
static Oid	purpose_relid = InvalidOid;
static Oid	policy_relid = InvalidOid;

PG_FUNCTION_INFO_V1(pg_consent_vocabulary_changed);
PG_FUNCTION_INFO_V1(pg_consent_vocabulary_keep);
PG_FUNCTION_INFO_V1(pg_consent_default_organisation);

/* Only mark: this runs in the middle of anything. */
static void
relation_invalidated(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == organisation_relid || relid == purpose_relid ||
		relid == policy_relid)
		generation++;
}

static void
transaction_ended(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
		generation++;
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId mine,
					 SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		generation++;
}

void
consent_vocabulary_init(void)
{
	CacheRegisterRelcacheCallback(relation_invalidated, (Datum) 0);
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
}

static int
compare_organisations(const void *a, const void *b)
{
	return strcmp(((const ConsentOrganisation *) a)->name,
				  ((const ConsentOrganisation *) b)->name);
}

static int
compare_purposes(const void *a, const void *b)
{
	return strcmp(((const ConsentPurpose *) a)->name,
				  ((const ConsentPurpose *) b)->name);
}

static const ConsentPurpose *
find_purpose(const Vocabulary *v, const char *name)
{
	ConsentPurpose key = {.name = unconstify(char *, name)};

	if (v->npurposes == 0)
		return NULL;
	return bsearch(&key, v->purposes, v->npurposes, sizeof(ConsentPurpose), compare_purposes);
}

static char *
text_attribute(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;
	Datum		datum = heap_getattr(tuple, attnum, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(datum);
}

/* The array, moved if it was full. */
static void *
room_for(void *array, int n, int *max, Size size)
{
	if (n < *max)
		return array;
	*max = Max(2 * n, 16);
	return n == 0 ? palloc(*max * size) : repalloc(array, *max * size);
}

static void
load_organisations(Vocabulary *v)
{
	Relation	rel = table_open(organisation_relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	bool		isnull;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		ConsentOrganisation *org;

		v->organisations = room_for(v->organisations, v->norganisations, &v->maxorganisations, sizeof(ConsentOrganisation));
		org = &v->organisations[v->norganisations++];
		org->name = text_attribute(tuple, Anum_organisation_name, desc);
		org->id = DatumGetInt32(heap_getattr(tuple, Anum_organisation_id, desc, &isnull));
		org->is_charity = DatumGetBool(heap_getattr(tuple, Anum_organisation_is_charity, desc, &isnull));
		org->pensions_authorised =
			DatumGetBool(heap_getattr(tuple, Anum_organisation_pensions_authorised, desc, &isnull));
		org->jurisdiction = text_attribute(tuple, Anum_organisation_jurisdiction, desc);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	if (v->norganisations > 0)
		qsort(v->organisations, v->norganisations, sizeof(ConsentOrganisation), compare_organisations);
}

static int
compare_former(const void *a, const void *b)
{
	const FormerOrganisation *left = a;
	const FormerOrganisation *right = b;

	if (left->was.id != right->was.id)
		return left->was.id < right->was.id ? -1 : 1;
	return left->until < right->until ? -1 : left->until > right->until;
}

static void
load_history(Vocabulary *v)
{
	Relation	rel = table_open(consent_relation("organisation_history"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	bool		isnull;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		FormerOrganisation *former;

		v->former = room_for(v->former, v->nformer, &v->maxformer, sizeof(FormerOrganisation));
		former = &v->former[v->nformer++];
		former->until = DatumGetTimestampTz(heap_getattr(tuple, Anum_history_until, desc, &isnull));
		former->was.name = NULL;
		former->was.id = DatumGetInt32(heap_getattr(tuple, Anum_history_id, desc, &isnull));
		former->was.jurisdiction = text_attribute(tuple, Anum_history_jurisdiction, desc);
		former->was.is_charity = DatumGetBool(heap_getattr(tuple, Anum_history_is_charity, desc, &isnull));
		former->was.pensions_authorised =
			DatumGetBool(heap_getattr(tuple, Anum_history_pensions_authorised, desc, &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	if (v->nformer > 0)
		qsort(v->former, v->nformer, sizeof(FormerOrganisation), compare_former);
}

static void
load_purposes(Vocabulary *v)
{
	Relation	rel = table_open(purpose_relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	bool		isnull;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		ConsentPurpose *purpose;
		char	   *kind_name = text_attribute(tuple, Anum_purpose_kind, desc);
		int			kind = consent_word_lookup(purpose_kind_names, PURPOSE_KIND_COUNT, kind_name);

		if (kind < 0)
			elog(ERROR, "unknown kind of purpose \"%s\"", kind_name);

		v->purposes = room_for(v->purposes, v->npurposes, &v->maxpurposes, sizeof(ConsentPurpose));
		purpose = &v->purposes[v->npurposes++];
		purpose->name = text_attribute(tuple, Anum_purpose_name, desc);
		purpose->parent = text_attribute(tuple, Anum_purpose_parent, desc);
		purpose->nsteps = 1;
		purpose->steps[0].id = DatumGetInt32(heap_getattr(tuple, Anum_purpose_id, desc, &isnull));
		purpose->steps[0].kind = (ConsentPurposeKind) kind;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	if (v->npurposes > 0)
		qsort(v->purposes, v->npurposes, sizeof(ConsentPurpose), compare_purposes);

	/*
	 * Walk up from each; a loop shows as a path that is too long.  This is
	 * the foreign key of "parent" too: a declared one, pointing to its own
	 * table, would make pg_dump warn about the order of the rows.
	 */
	for (int i = 0; i < v->npurposes; i++)
	{
		ConsentPurpose *purpose = &v->purposes[i];
		const ConsentPurpose *up = purpose;

		while (up->parent != NULL)
		{
			up = find_purpose(v, up->parent);
			if (up == NULL)
				ereport(ERROR,
						(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
						 errmsg("the parent of purpose \"%s\" does not exist", purpose->name)));
			if (purpose->nsteps == CONSENT_PURPOSE_DEPTH)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("purpose \"%s\" is its own ancestor, or lies deeper than %d levels",
								purpose->name, CONSENT_PURPOSE_DEPTH)));
			purpose->steps[purpose->nsteps++] = up->steps[0];
		}
	}
}

static const Vocabulary *
vocabulary(void)
{
	MemoryContext context;
	MemoryContext caller;
	Vocabulary *fresh;

	if (current != NULL && current->generation == generation)
		return current;

	/* Built under the caller's context, so that an error leaves nothing. */
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_consent vocabulary",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	fresh = palloc0(sizeof(Vocabulary));
	fresh->context = context;
	organisation_relid = consent_relation("organisation");
	purpose_relid = consent_relation("purpose");
	policy_relid = consent_relation("policy");
	fresh->generation = generation;
	load_organisations(fresh);
	load_history(fresh);
	load_purposes(fresh);
	consent_policies_load(&fresh->policies, policy_relid);
	MemoryContextSwitchTo(caller);

	MemoryContextSetParent(context, CacheMemoryContext);
	if (current != NULL)
		MemoryContextDelete(current->context);
	current = fresh;
	return current;
}

static const ConsentOrganisation *
find_organisation(const Vocabulary *v, const char *name)
{
	ConsentOrganisation key = {.name = unconstify(char *, name)};

	if (v->norganisations == 0)
		return NULL;
	return bsearch(&key, v->organisations, v->norganisations,
				   sizeof(ConsentOrganisation), compare_organisations);
}

/*
 * A name that is not there may have been committed a moment ago by somebody
 * whose message we have not read: read it, and look once more.
 */
const ConsentOrganisation *
consent_organisation_lookup(const char *name)
{
	const ConsentOrganisation *found = find_organisation(vocabulary(), name);

	if (found == NULL)
	{
		AcceptInvalidationMessages();
		found = find_organisation(vocabulary(), name);
	}
	return found;
}

const ConsentPurpose *
consent_purpose_lookup(const char *name)
{
	const ConsentPurpose *found = find_purpose(vocabulary(), name);

	if (found == NULL)
	{
		AcceptInvalidationMessages();
		found = find_purpose(vocabulary(), name);
	}
	return found;
}

/*
 * What an organisation was at a moment, where it is something else now; else
 * NULL.  Only what decisions depend on: it has no name.
 */
const ConsentOrganisation *
consent_organisation_then(int32 id, TimestampTz at)
{
	const Vocabulary *v = vocabulary();

	for (int i = 0; i < v->nformer; i++)
	{
		if (v->former[i].was.id == id && at < v->former[i].until)
			return &v->former[i].was;
	}
	return NULL;
}

/* Where a name that is not there is an error. */
const ConsentOrganisation *
consent_require_organisation(const char *name)
{
	const ConsentOrganisation *found = consent_organisation_lookup(name);

	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("organisation \"%s\" does not exist", name),
				 errhint("Insert it into consent.organisation first.")));
	return found;
}

const ConsentPurpose *
consent_require_purpose(const char *name)
{
	const ConsentPurpose *found = consent_purpose_lookup(name);

	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("purpose \"%s\" does not exist", name),
				 errhint("Insert it into consent.purpose first.")));
	return found;
}

/* A text as a string: in the room given if it is short, else in the caller's memory. */
const char *
consent_word(Datum value, ConsentWord *room)
{
	text	   *t = DatumGetTextPP(value);
	int			len = VARSIZE_ANY_EXHDR(t);

	if (len >= sizeof(room->s))
		return text_to_cstring(t);
	memcpy(room->s, VARDATA_ANY(t), len);
	room->s[len] = '\0';
	return room->s;
}

/* The policy of a jurisdiction in force at a time, NULL if there is none. */
const ConsentPolicy *
consent_policy_lookup(const char *jurisdiction, TimestampTz at)
{
	const ConsentPolicy *found = consent_policies_find(&vocabulary()->policies, jurisdiction, at);

	if (found == NULL)
	{
		AcceptInvalidationMessages();
		found = consent_policies_find(&vocabulary()->policies, jurisdiction, at);
	}
	return found;
}

/* When the next version of it comes into force. */
TimestampTz
consent_policy_until(const char *jurisdiction, TimestampTz at)
{
	return consent_policies_until(&vocabulary()->policies, jurisdiction, at);
}

/* Another number: something has changed, as far as we have been told. */
uint64
consent_vocabulary_generation(void)
{
	return generation;
}

/*
 * 'UK' is taken for what it is, a place whose law nobody has laid down: all its marketing is
 * refused.  Nothing is said while a dump is restored, whose policies come behind its organisations.
 */
static void
warn_of_jurisdiction(TupleDesc desc, HeapTuple row)
{
	Datum		value;
	bool		isnull;

	if (!check_function_bodies)
		return;
	value = heap_getattr(row, Anum_organisation_jurisdiction, desc, &isnull);
	if (consent_policy_lookup(TextDatumGetCString(value), GetCurrentTimestamp()) != NULL)
		return;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("no policy of jurisdiction \"%s\" is in force", TextDatumGetCString(value)),
			 errdetail("All marketing of the organisation is refused with jurisdiction_unknown."),
			 errhint("Jurisdictions are those of consent.policy; the United Kingdom is GB.")));
}

/*
 * consent.vocabulary_changed(): AFTER trigger.  For a statement it tells every
 * backend, and reads the tables back, which is what checks the purpose tree and the
 * numbers of policies.  For a row of consent.organisation it warns.
 */
PGDLLEXPORT Datum
pg_consent_vocabulary_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.vocabulary_changed() must be fired after the event")));

	if (TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
	{
		warn_of_jurisdiction(RelationGetDescr(trigdata->tg_relation),
							 TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ? trigdata->tg_newtuple : trigdata->tg_trigtuple);
		return PointerGetDatum(NULL);
	}
	CacheInvalidateRelcache(trigdata->tg_relation);
	CommandCounterIncrement();	/* or we would not see the new rows */
	generation++;
	(void) vocabulary();
	return PointerGetDatum(NULL);
}

/*
 * What an organisation was is kept, so that a decision about the past is made
 * by what held then.
 */
static void
remember_organisation(TriggerData *trigdata)
{
	TupleDesc	desc = RelationGetDescr(trigdata->tg_relation);
	Oid			types[] = {INT4OID, TEXTOID, BOOLOID, BOOLOID};
	static const int columns[] = {Anum_organisation_id, Anum_organisation_jurisdiction,
	Anum_organisation_is_charity, Anum_organisation_pensions_authorised};
	Datum		values[lengthof(columns)];
	bool		same = true;
	ConsentCaller caller;

	for (int i = 0; i < lengthof(columns); i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, columns[i] - 1);
		bool		isnull;

		values[i] = heap_getattr(trigdata->tg_trigtuple, columns[i], desc, &isnull);
		same = same && datumIsEqual(values[i], heap_getattr(trigdata->tg_newtuple, columns[i], desc, &isnull),
									att->attbyval, att->attlen);
	}
	if (same)
		return;

	caller = consent_become(trigdata->tg_relation->rd_rel->relowner);
	SPI_connect();
	/* The order of changes is that of their times, even when the clock was set back between. */
	if (SPI_execute_with_args("INSERT INTO consent.organisation_history "
							  "SELECT $1, GREATEST(pg_catalog.clock_timestamp(), "
							  "                    pg_catalog.max(h.until) OPERATOR(pg_catalog.+) pg_catalog.interval '1 microsecond'), $2, $3, $4 "
							  "  FROM consent.organisation_history h WHERE h.id OPERATOR(pg_catalog.=) $1",
							  lengthof(columns), types, values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "what the organisation was could not be kept");
	SPI_finish();
	consent_resume(caller);
}

/*
 * consent.vocabulary_keep(): BEFORE trigger.  The ledger refers to
 * organisations and purposes by name, for ever, so a name is never changed
 * and a row never deleted.
 */
PGDLLEXPORT Datum
pg_consent_vocabulary_keep(PG_FUNCTION_ARGS)
{
	static const char *const kept[] = {"name", "id", "kind", "parent"};
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	TupleDesc	desc;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.vocabulary_keep() must be fired before the event")));

	desc = RelationGetDescr(trigdata->tg_relation);
	if (!TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rows of \"consent.%s\" are never deleted",
						RelationGetRelationName(trigdata->tg_relation)),
				 errdetail("The ledger refers to them.")));

	for (int i = 0; i < lengthof(kept); i++)
	{
		int			attnum = SPI_fnumber(desc, kept[i]);
		Form_pg_attribute att;
		Datum		was,
					is;
		bool		was_null,
					is_null;

		if (attnum <= 0)
			continue;			/* organisations have neither kind nor parent */
		att = TupleDescAttr(desc, attnum - 1);
		was = heap_getattr(trigdata->tg_trigtuple, attnum, desc, &was_null);
		is = heap_getattr(trigdata->tg_newtuple, attnum, desc, &is_null);
		if (was_null != is_null || (!was_null && !datumIsEqual(was, is, att->attbyval, att->attlen)))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("column \"%s\" of \"consent.%s\" never changes",
							kept[i], RelationGetRelationName(trigdata->tg_relation)),
					 errdetail("Past events and decisions refer to it.")));
	}
	if (strcmp(RelationGetRelationName(trigdata->tg_relation), "organisation") == 0)
		remember_organisation(trigdata);

	return PointerGetDatum(trigdata->tg_newtuple);
}

/* consent.default_organisation(): the setting pg_consent.organisation, or NULL */
PGDLLEXPORT Datum
pg_consent_default_organisation(PG_FUNCTION_ARGS)
{
	if (consent_organisation == NULL || consent_organisation[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(consent_organisation));
}
