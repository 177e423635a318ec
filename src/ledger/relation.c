/*-------------------------------------------------------------------------
 *
 * relation.c
 *	  Our tables and indexes by name, and their owner; plans that are kept.
 *
 * A verdict asks for ten of them, so a backend remembers what it found until a
 * relation or schema of the database changes its name, is made or is dropped.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/nbtree.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "ledger/relation.h"
#include "module/errors.h"

typedef struct KnownRelation
{
	char		name[NAMEDATALEN];
	Oid			relid;
} KnownRelation;

static KnownRelation known_relations[32];
static int	nknown_relations = 0;
static uint64 name_changes = 0;

/* Only mark: this runs in the middle of anything. */
static void
names_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	nknown_relations = 0;
	name_changes++;
}

/* A table or index of ours, by name; InvalidOid: there is none. */
Oid
consent_find_relation(const char *name)
{
	static bool registered = false;
	uint64		before;
	Oid			relid;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(RELNAMENSP, names_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACENAME, names_changed, (Datum) 0);
	}
	registered = true;
	for (int i = 0; i < nknown_relations; i++)
	{
		if (strcmp(known_relations[i].name, name) == 0)
			return known_relations[i].relid;
	}
	before = name_changes;
	relid = get_relname_relid(name, get_namespace_oid("consent", false));
	if (OidIsValid(relid) && before == name_changes && nknown_relations < lengthof(known_relations))
	{
		KnownRelation *known = &known_relations[nknown_relations++];

		strlcpy(known->name, name, NAMEDATALEN);
		known->relid = relid;
	}
	return relid;
}

/* The same; there must be one. */
Oid
consent_relation(const char *name)
{
	Oid			relid = consent_find_relation(name);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"consent.%s\" does not exist", name),
				 errhint(CONSENT_VERSIONS_HINT)));
	return relid;
}

/* By their numbers is how we read the columns of a table of ours. */
void
consent_check_columns(const char *name, TupleDesc desc, int expected)
{
	if (desc->natts != expected)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("consent.%s has %d columns, expected %d", name, desc->natts, expected),
				 errhint(CONSENT_VERSIONS_HINT)));
}

/*
 * Was nothing ever in the table of a btree index of ours?  For what most databases
 * have none of and every verdict asks about: it costs a third of a search.  A
 * search under SERIALIZABLE also notes what it did not find, so there the answer
 * is no.
 */
bool
consent_index_is_empty(const char *name)
{
	Relation	index;
	Buffer		buffer;
	bool		empty;

	if (IsolationIsSerializable())
		return false;
	index = index_open(consent_relation(name), AccessShareLock);
	buffer = ReadBuffer(index, BTREE_METAPAGE);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	empty = BTPageGetMeta(BufferGetPage(buffer))->btm_root == P_NONE;
	UnlockReleaseBuffer(buffer);
	index_close(index, AccessShareLock);
	return empty;
}

/*
 * A plan for the life of the session, for what is run by the thousand.  The types
 * of its arguments must be the same in every call; those of the extension's own
 * types are not once it has been dropped and made anew.
 */
SPIPlanPtr
consent_saved_plan(SPIPlanPtr *plan, const char *command, int nargs, Oid *types)
{
	SPIPlanPtr	fresh;

	if (*plan != NULL)
	{
		bool		same = true;

		for (int i = 0; i < nargs; i++)
			same = same && SPI_getargtypeid(*plan, i) == types[i];
		if (same)
			return *plan;
		SPI_freeplan(*plan);
		*plan = NULL;
	}

	fresh = SPI_prepare_cursor(command, nargs, types, CURSOR_OPT_GENERIC_PLAN);
	if (fresh == NULL || SPI_keepplan(fresh) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", command,
			 SPI_result_code_string(SPI_result));
	*plan = fresh;
	return fresh;
}

/*
 * Statements on our tables run as their owner: who may record need not be able to
 * write standings.  An error restores the user, as in ri_triggers.c.
 */
ConsentCaller
consent_become(Oid owner)
{
	ConsentCaller caller;

	GetUserIdAndSecContext(&caller.user, &caller.context);
	SetUserIdAndSecContext(owner, caller.context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	return caller;
}

void
consent_resume(ConsentCaller caller)
{
	SetUserIdAndSecContext(caller.user, caller.context);
}
