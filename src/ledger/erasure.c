/*-------------------------------------------------------------------------
 *
 * erasure.c
 *	  Takes a contact's events out of the ledger, and remembers that it did.
 *
 * The one place where events are deleted.  consent.ledger_keep() lets a DELETE
 * through only while consent_is_erasing(), which nothing but this file sets.
 *
 * What outlives an erasure is found again by a digest of the address under a
 * key of its own: without the key the digest of a guessable address would name
 * the person.  For a verdict the erasure is an event like any other, which
 * refuses until a new explicit consent: UK GDPR 17 and 21(3).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "ledger/apply.h"
#include "ledger/calendar.h"
#include "ledger/digest.h"
#include "ledger/erasure.h"
#include "ledger/ledger.h"
#include "ledger/link.h"
#include "ledger/relation.h"

PG_FUNCTION_INFO_V1(pg_consent_forget);
PG_FUNCTION_INFO_V1(pg_consent_erased_digest);
PG_FUNCTION_INFO_V1(pg_consent_expire_contacts);

#define KEY_BYTES 32

/* Columns of consent.erasure and consent.erasure_key, as erasure.sql creates them. */
#define Anum_erasure_event_id		1
#define Anum_erasure_address_digest	2
#define Anum_erasure_effective_at	3
#define Anum_erasure_erased_at		4
#define Anum_erasure_suppressed		8
#define Anum_erasure_key_secret		2

static bool erasing = false;

bool
consent_is_erasing(void)
{
	return erasing;
}

/* The key, or false if there is none yet.  By index: that asks no file its size. */
static bool
read_key(uint8 *secret, Snapshot snapshot)
{
	Relation	rel = table_open(consent_relation("erasure_key"), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, consent_relation("erasure_key_pkey"), true, snapshot, 0, NULL);
	HeapTuple	tuple = systable_getnext(scan);
	bool		found = HeapTupleIsValid(tuple);

	if (found)
	{
		bool		isnull;
		bytea	   *bytes = DatumGetByteaPP(heap_getattr(tuple, Anum_erasure_key_secret, RelationGetDescr(rel), &isnull));

		if (isnull || VARSIZE_ANY_EXHDR(bytes) != KEY_BYTES)
			elog(ERROR, "the key in consent.erasure_key has the wrong length");
		memcpy(secret, VARDATA_ANY(bytes), KEY_BYTES);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

static bytea *
address_digest(const uint8 *secret, const ConsentContact *root)
{
	bytea	   *digest = palloc(VARHDRSZ + CONSENT_DIGEST_LEN);

	SET_VARSIZE(digest, VARHDRSZ + CONSENT_DIGEST_LEN);
	consent_hmac(secret, KEY_BYTES, 'e', VARDATA_ANY(root), VARSIZE_ANY_EXHDR(root), (uint8 *) VARDATA(digest));
	return digest;
}

/*
 * The key as a backend remembers it: once there it stays the same.  An abort
 * forgets it, because it may have been of our own making.
 */
static uint8 known_key[KEY_BYTES];
static bool key_known = false;

/* Whom this transaction has forgotten. */
typedef struct Forgotten
{
	int64		event_id;		/* of the erasure, which may be rolled back */
	ConsentContact *root;
	Oid			type;
} Forgotten;

static List *forgotten = NIL;	/* in TopTransactionContext */

static void
transaction_ended(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		key_known = false;
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		forgotten = NIL;
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId mySubid, SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		key_known = false;
}

/* DROP EXTENSION takes the key with it. */
static void
relation_changed(Datum arg, Oid relid)
{
	key_known = false;
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	registered = true;
}

/*
 * The digest that is left of an address if it has been erased.  False if there
 * is no key that the latest snapshot sees.
 */
bool
consent_erasure_digest(const ConsentContact *contact, uint8 *digest)
{
	ConsentContact *root;

	register_callbacks();
	if (!key_known)
	{
		/* Parallel workers may take none; a key that is not found yet is looked for in the ledger. */
		Snapshot	snapshot = RegisterSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
		uint8		secret[KEY_BYTES];
		bool		found = read_key(secret, snapshot);

		UnregisterSnapshot(snapshot);
		if (!found)
			return false;
		memcpy(known_key, secret, KEY_BYTES);
		key_known = true;
	}
	root = consent_contact_root(contact);
	consent_hmac(known_key, KEY_BYTES, 'e', VARDATA_ANY(root), VARSIZE_ANY_EXHDR(root), digest);
	pfree(root);
	return true;
}

static ConsentEvent *
erasure_event(HeapTuple tuple, TupleDesc desc)
{
	ConsentEvent *event = palloc0(sizeof(ConsentEvent));
	ConsentFacts *facts = &event->facts;
	bool		isnull;

	facts->event_id = DatumGetInt64(heap_getattr(tuple, Anum_erasure_event_id, desc, &isnull));
	facts->kind = EVENT_ERASURE;
	facts->form = CONSENT_EVERY_FORM;
	facts->channels = EVERY_CHANNEL;
	facts->effective_at = DatumGetTimestampTz(heap_getattr(tuple, Anum_erasure_effective_at, desc, &isnull));
	facts->recorded_at = DatumGetTimestampTz(heap_getattr(tuple, Anum_erasure_erased_at, desc, &isnull));
	event->details.expires_at = DT_NOEND;
	facts->day = consent_london_date(facts->effective_at);
	return event;
}

/*
 * Add to a standing the erasures after which the address is suppressed.  root
 * is the address without its +tag.  Most databases have erased nobody, or few.
 */
ConsentStanding *
consent_erasure_fold(ConsentStanding *standing, const ConsentContact *root,
					 TimestampTz known_at, Snapshot snapshot)
{
	uint8		secret[KEY_BYTES];

	if (!consent_index_is_empty("erasure_key_pkey") && read_key(secret, snapshot))
	{
		Relation	rel = table_open(consent_relation("erasure"), AccessShareLock);
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyInit(&key, Anum_erasure_address_digest, BTEqualStrategyNumber, F_BYTEAEQ,
					PointerGetDatum(address_digest(secret, root)));
		scan = systable_beginscan(rel, consent_relation("erasure_address"), true, snapshot, 1, &key);
		while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		{
			bool		isnull;
			ConsentEvent *event = erasure_event(tuple, RelationGetDescr(rel));

			if (DatumGetBool(heap_getattr(tuple, Anum_erasure_suppressed, RelationGetDescr(rel), &isnull)) &&
				event->facts.recorded_at <= known_at)
				standing = consent_fold(standing, event);
			pfree(event);
		}
		systable_endscan(scan);
		table_close(rel, AccessShareLock);
	}
	return standing;
}

/* Has anybody been erased? */
bool
consent_has_erasures(void)
{
	Relation	rel = table_open(consent_relation("erasure"), AccessShareLock);
	bool		some = RelationGetNumberOfBlocks(rel) > 0;

	table_close(rel, AccessShareLock);
	return some;
}

static void
run(const char *query, int expected, int nargs, Oid *types, Datum *values, const char *nulls)
{
	int			rc = SPI_execute_with_args(query, nargs, types, values, nulls, false, 0);

	if (rc != expected)
		elog(ERROR, "\"%s\" failed: %s", query, SPI_result_code_string(rc));
}

/*
 * The same for what is run once per contact, by a plan that is kept.  That may be
 * made while a table is empty and serve when it has grown: no sequential scans.
 */
static void
run_saved(SPIPlanPtr *plan, const char *query, int expected, int nargs, Oid *types, Datum *values, const char *nulls)
{
	int			level = NewGUCNestLevel();
	int			rc;

	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	rc = SPI_execute_plan(consent_saved_plan(plan, query, nargs, types), values, nulls, false, 0);
	if (rc != expected)
		elog(ERROR, "\"%s\" failed: %s", query, SPI_result_code_string(rc));
	AtEOXact_GUC(true, level);
}

/* The key, made if there is none.  In SPI. */
static void
require_key(uint8 *secret)
{
	bytea	   *fresh = palloc(VARHDRSZ + KEY_BYTES);
	Datum		values[1];
	Oid			types[] = {BYTEAOID};
	bool		isnull;
	bytea	   *kept;

	SET_VARSIZE(fresh, VARHDRSZ + KEY_BYTES);
	if (!pg_strong_random(VARDATA(fresh), KEY_BYTES))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random key")));
	values[0] = PointerGetDatum(fresh);
	run("INSERT INTO consent.erasure_key (secret) VALUES ($1) ON CONFLICT DO NOTHING",
		SPI_OK_INSERT, 1, types, values, NULL);
	run("SELECT secret FROM consent.erasure_key", SPI_OK_SELECT, 0, NULL, NULL, NULL);
	if (SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the key of consent.erasure was made by a concurrent transaction"),
				 errhint("Try again.")));
	kept = DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (VARSIZE_ANY_EXHDR(kept) != KEY_BYTES)
		elog(ERROR, "the key in consent.erasure_key has the wrong length");
	memcpy(secret, VARDATA_ANY(kept), KEY_BYTES);
}

/*
 * What other contacts of the same person owe to this one: its "no" becomes
 * theirs, with the times it had, so that a later consent lifts it as before.
 */
static const char bequeath_query[] =
"INSERT INTO consent.ledger (contact, kind, channels, organisation, purpose, effective_at, recorded_at, recorded_by, source) "
"SELECT o.address, l.kind, l.channels, l.organisation, l.purpose, l.effective_at, l.recorded_at, l.recorded_by, "
"'said under another contact of the same person, since erased' "
"FROM consent.linked_addresses($1) o(address), consent.events_of($1) l "
"WHERE l.kind OPERATOR(pg_catalog.=) ANY ('{objection,withdrawal}'::pg_catalog.text[]) "
"ORDER BY o.address, l.event_id";

/* Events that are left over already were restored from a dump of before. */
static const char erase_query[] =
"WITH gone AS (DELETE FROM consent.ledger l WHERE l.address OPERATOR(pg_catalog.=) $1 "
"RETURNING l.event_id, l.digest, l.kind OPERATOR(pg_catalog.=) ANY ('{objection,withdrawal,suppression}'::pg_catalog.text[]) OR l.refused IS TRUE AS said_no), "
"unlinked AS (DELETE FROM consent.person_link k WHERE k.address OPERATOR(pg_catalog.=) $1 "
"RETURNING k.event_id, consent.person_link_digest(k) AS digest, false AS said_no), "
"every AS (SELECT * FROM gone UNION ALL SELECT * FROM unlinked), "
"left_over AS (INSERT INTO consent.erased_event SELECT e.event_id, e.digest FROM every e ON CONFLICT DO NOTHING) "
"INSERT INTO consent.erasure (event_id, address_digest, effective_at, erased_at, erased_by, ground, reason, suppressed, events) "
"SELECT pg_catalog.nextval('consent.ledger_event_id'), $2, $5, pg_catalog.clock_timestamp(), SESSION_USER, $3, $4, "
"$3 OPERATOR(pg_catalog.=) 'request' OR COALESCE(pg_catalog.bool_or(e.said_no), false) "
"OR EXISTS (SELECT FROM consent.erasure b WHERE b.address_digest OPERATOR(pg_catalog.=) $2 AND b.suppressed), "
"COALESCE(pg_catalog.range_agg(pg_catalog.int8range(e.event_id, e.event_id, '[]')), '{}') FROM every e "
"RETURNING event_id";

static const char standing_query[] =
"DELETE FROM consent.address_standing WHERE address OPERATOR(pg_catalog.=) $1";

/*
 * The rest of what is held of some addresses ($1), whose guard keys are $2, but for
 * what users keep in tables of their own.  Logs have no index on addresses, so they
 * are read once for many.
 */
static const char guard_keys_query[] =
"SELECT pg_catalog.array_agg(consent.guard_key(a::pg_catalog.text, 'GB')) FROM pg_catalog.unnest($1) a";

static const char *const elsewhere_queries[] = {
	"DELETE FROM consent.unsubscribe_link WHERE consent.contact_root(contact) OPERATOR(pg_catalog.=) ANY ($1)",
	"DELETE FROM consent.decision_log WHERE consent.contact_root(contact) OPERATOR(pg_catalog.=) ANY ($1)",
	"DELETE FROM consent.sweep_log WHERE contact_digest OPERATOR(pg_catalog.=) ANY (SELECT pg_catalog.int8send(k) FROM pg_catalog.unnest($2) k)",
	/* As consent.row_is_for() has it, which a 0.1.0 that is to be updated lacks. */
	"DELETE FROM consent.quarantine WHERE EXISTS (SELECT FROM "
	"pg_catalog.jsonb_path_query(\"row\", 'strict $.** ? (@.type() == \"string\" || @.type() == \"number\")') v, "
	"LATERAL (SELECT v OPERATOR(pg_catalog.#>>) '{}' AS said) t, "
	"LATERAL pg_catalog.unnest("
	"consent.guard_keys(t.said, COALESCE(pg_catalog.current_setting('pg_consent.default_region', true), 'GB')) OPERATOR(pg_catalog.||) "
	"CASE WHEN t.said OPERATOR(pg_catalog.~) '^[0-9]+$' THEN consent.guard_keys('+' OPERATOR(pg_catalog.||) t.said, 'GB') ELSE '{}' END) k "
	"WHERE k OPERATOR(pg_catalog.=) ANY ($2))",
};

/* The first of them that the sweep of our own commit may write to again. */
#define TRACES_FROM		1

/* So many addresses at a time. */
#define ADDRESSES_AT_ONCE 10000

static void
erase_elsewhere(Datum *addresses, int64 n, Oid contact_type, int from)
{
	Oid			types[] = {get_array_type(contact_type), INT8ARRAYOID};

	for (int64 done = 0; done < n; done += ADDRESSES_AT_ONCE)
	{
		Datum		values[2];
		bool		isnull;

		values[0] = PointerGetDatum(construct_array(addresses + done, Min(n - done, ADDRESSES_AT_ONCE),
													contact_type, -1, false, TYPALIGN_INT));
		run(guard_keys_query, SPI_OK_SELECT, 1, types, values, NULL);
		values[1] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		for (int i = from; i < lengthof(elsewhere_queries); i++)
			run(elsewhere_queries[i], SPI_OK_DELETE, 2, types, values, NULL);
	}
}

/* An audit's figures must stay: whom a finding is about is counted, not known. */
static const char audit_query[] =
"UPDATE consent.exposure_finding SET contact = NULL, person = 'erased '::pg_catalog.text OPERATOR(pg_catalog.||) $2::pg_catalog.text "
"WHERE person OPERATOR(pg_catalog.=) $1::pg_catalog.text";

static void
note_forgotten(int64 event_id, const ConsentContact *root, Oid type)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	Forgotten  *f = palloc(sizeof(Forgotten));

	register_callbacks();
	f->event_id = event_id;
	f->root = memcpy(palloc(VARSIZE_ANY(root)), root, VARSIZE_ANY(root));
	f->type = type;
	forgotten = lappend(forgotten, f);
	MemoryContextSwitchTo(caller);
}

/*
 * Erase an address, but for what erase_elsewhere() does.  In SPI, as the owner.
 * Returns the erasure's number.
 *
 * The caller has locked the links and the address's part of the ledger, so that
 * who links or records is kept out until we commit: what they wrote before is seen
 * by the statements here, each of which takes a new snapshot.
 */
static int64
erase(const ConsentContact *root, Oid contact_type, const uint8 *secret, const char *ground, text *reason,
	  TimestampTz at)
{
	static SPIPlanPtr bequeath_plan = NULL;
	static SPIPlanPtr erase_plan = NULL;
	static SPIPlanPtr standing_plan = NULL;
	static SPIPlanPtr audit_plan = NULL;
	Oid			types[] = {contact_type, BYTEAOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	Datum		values[5];
	char		nulls[] = {' ', ' ', ' ', reason ? ' ' : 'n', ' ', '\0'};
	List	   *linked = consent_linked_addresses(root, DT_NOEND, GetLatestSnapshot());
	Datum	   *others = palloc(list_length(linked) * sizeof(Datum));
	int64		event_id;
	bool		isnull;

	values[0] = PointerGetDatum(root);
	values[1] = PointerGetDatum(address_digest(secret, root));
	values[2] = CStringGetTextDatum(ground);
	values[3] = PointerGetDatum(reason);
	values[4] = TimestampTzGetDatum(at);
	if (linked != NIL)
		run_saved(&bequeath_plan, bequeath_query, SPI_OK_INSERT, 1, types, values, NULL);

	erasing = true;
	PG_TRY();
	{
		run_saved(&erase_plan, erase_query, SPI_OK_INSERT_RETURNING, 5, types, values, nulls);
		event_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	PG_FINALLY();
	{
		erasing = false;
	}
	PG_END_TRY();

	run_saved(&standing_plan, standing_query, SPI_OK_DELETE, 1, types, values, NULL);
	types[1] = INT8OID;
	values[1] = Int64GetDatum(event_id);
	run_saved(&audit_plan, audit_query, SPI_OK_UPDATE, 2, types, values, NULL);
	note_forgotten(event_id, root, contact_type);
	consent_ledger_restricted(root);
	for (int i = 0; i < list_length(linked); i++)
		others[i] = PointerGetDatum(list_nth(linked, i));
	consent_refresh_standings(others, list_length(linked), contact_type);
	return event_id;
}

/* So often it is tried to lock everything without waiting while something is locked. */
#define LOCK_TRIES 20

/*
 * Let nobody else link, nor record for addresses in the same parts of the ledger,
 * until our transaction ends, and wait for those who do: otherwise an address would
 * stay behind in a link, and what it said in standings of others.  relids has no
 * duplicates.
 *
 * Who links and records in one transaction does so in an order of their own.  So we
 * wait for one table with none locked, and take the others only if they are free:
 * then nobody whom we wait for waits for us, nor does anybody else meanwhile.  Where
 * something is always in use that is given up after a while.
 */
static void
lock_all(const Oid *relids, int n)
{
	int			awaited = 0;
	int			locked = 0;

	for (int tries = 0; tries < LOCK_TRIES && locked < n; tries++)
	{
		LockRelationOid(relids[awaited], ShareRowExclusiveLock);
		for (locked = 0; locked < n; locked++)
		{
			if (locked != awaited && !ConditionalLockRelationOid(relids[locked], ShareRowExclusiveLock))
				break;
		}
		if (locked < n)
		{
			for (int i = 0; i < locked; i++)
			{
				if (i != awaited)
					UnlockRelationOid(relids[i], ShareRowExclusiveLock);
			}
			UnlockRelationOid(relids[awaited], ShareRowExclusiveLock);
			awaited = locked;
			locked = 0;
		}
	}
	for (; locked < n; locked++)
		LockRelationOid(relids[locked], ShareRowExclusiveLock);
}

/* The links, and the parts of the ledger that these addresses lie in. */
static void
lock_links_and_parts(const Datum *addresses, int64 n)
{
	List	   *relids = list_make1_oid(consent_relation("person_link"));
	Oid		   *array;
	int			nrelids = 0;
	ListCell   *lc;

	for (int64 i = 0; i < n; i++)
		relids = list_append_unique_oid(relids, consent_ledger_part(DatumGetConsentContactPP(addresses[i])));
	array = palloc(list_length(relids) * sizeof(Oid));
	foreach(lc, relids)
		array[nrelids++] = lfirst_oid(lc);
	lock_all(array, nrelids);
}

/* Whoever may erase need not be able to delete. */
static ConsentCaller
become_owner(void)
{
	Relation	rel = table_open(consent_relation("erasure"), AccessShareLock);
	ConsentCaller caller = consent_become(rel->rd_rel->relowner);

	table_close(rel, NoLock);
	return caller;
}

/*
 * What has been queued for somebody who is forgotten is cancelled when we
 * commit, and written down: the guard calls this when it is done.
 */
void
consent_erase_traces(void)
{
	static SPIPlanPtr plan = NULL;
	Datum	   *addresses;
	Oid			contact_type = InvalidOid;
	int			n = 0;
	ConsentCaller caller;
	ListCell   *lc;

	if (forgotten == NIL)
		return;
	caller = become_owner();
	SPI_connect();
	addresses = palloc(list_length(forgotten) * sizeof(Datum));
	foreach(lc, forgotten)
	{
		Forgotten  *f = lfirst(lc);
		Datum		values[] = {Int64GetDatum(f->event_id)};
		Oid			types[] = {INT8OID};

		run_saved(&plan, "SELECT FROM consent.erasure WHERE event_id OPERATOR(pg_catalog.=) $1", SPI_OK_SELECT,
				  1, types, values, NULL);
		SPI_freetuptable(SPI_tuptable);
		if (SPI_processed == 0)
			continue;
		addresses[n++] = PointerGetDatum(f->root);
		contact_type = f->type;
	}
	if (n > 0)
		erase_elsewhere(addresses, n, contact_type, TRACES_FROM);
	SPI_finish();
	consent_resume(caller);
}

PGDLLEXPORT Datum
pg_consent_erased_digest(PG_FUNCTION_ARGS)
{
	bytea	   *digest = palloc(VARHDRSZ + CONSENT_DIGEST_LEN);

	SET_VARSIZE(digest, VARHDRSZ + CONSENT_DIGEST_LEN);
	if (!consent_erasure_digest(PG_GETARG_CONSENT_CONTACT_PP(0), (uint8 *) VARDATA(digest)))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(digest);
}

/*
 * Above READ COMMITTED what was recorded since our snapshot would stay behind,
 * unseen.
 */
static void
check_isolation(const char *function)
{
	PreventCommandIfReadOnly(function);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s needs isolation level READ COMMITTED", function),
				 errdetail("What was recorded since the transaction's snapshot would not be erased.")));
}

PGDLLEXPORT Datum
pg_consent_forget(PG_FUNCTION_ARGS)
{
	ConsentContact *root;
	Datum		address;
	Oid			contact_type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	uint8		secret[KEY_BYTES];
	ConsentCaller caller;
	int64		event_id;
	TimestampTz at;
	bool		is_now;

	check_isolation("consent.forget()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the contact to forget is NULL")));
	/* As in record.c: "now" is when it is done, after all that it erases. */
	is_now = PG_ARGISNULL(2) || PG_GETARG_TIMESTAMPTZ(2) == GetCurrentTransactionStartTimestamp();
	at = is_now ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(2);
	if (TIMESTAMP_NOT_FINITE(at) || at > GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time of an erasure must be finite and lies not in the future")));
	root = consent_contact_root(PG_GETARG_CONSENT_CONTACT_PP(0));

	caller = become_owner();
	SPI_connect();
	require_key(secret);
	address = PointerGetDatum(root);
	lock_links_and_parts(&address, 1);
	event_id = erase(root, contact_type, secret, "request",
					 PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1), is_now ? GetCurrentTimestamp() : at);
	erase_elsewhere(&address, 1, contact_type, 0);
	SPI_finish();
	consent_resume(caller);
	PG_RETURN_INT64(event_id);
}

/* Erase a contact, unless it has spoken since "before".  What that takes in memory is given back. */
static bool
expire_contact(Datum address, Oid contact_type, Datum before, const uint8 *secret, text *reason)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {TIMESTAMPTZOID, contact_type};
	Datum		values[] = {before, address};
	bool		expired;

	SPI_connect();

	/* It may have spoken while we waited for the locks. */
	run_saved(&plan, "SELECT FROM consent.address_standing s WHERE s.address OPERATOR(pg_catalog.=) $2 AND consent.last_event_at(s.standing) OPERATOR(pg_catalog.<) $1",
			  SPI_OK_SELECT, 2, types, values, NULL);
	expired = SPI_processed > 0;
	if (expired)
		erase(DatumGetConsentContactPP(address), contact_type, secret, "retention", reason, GetCurrentTimestamp());
	SPI_finish();
	return expired;
}

PGDLLEXPORT Datum
pg_consent_expire_contacts(PG_FUNCTION_ARGS)
{
	Oid			types[] = {TIMESTAMPTZOID, INT4OID};
	Datum		values[2];
	uint8		secret[KEY_BYTES];
	text	   *reason;
	ConsentCaller caller;
	SPITupleTable *found;
	uint64		nfound;
	Oid			contact_type;
	Datum	   *addresses;		/* at last those that were erased */
	int64		nerased = 0;

	check_isolation("consent.expire_contacts()");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("retention needs a moment, a reason and a number")));
	if (PG_GETARG_TIMESTAMPTZ(0) > GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the moment before which contacts expire lies in the future")));
	values[0] = PG_GETARG_DATUM(0);
	values[1] = Int32GetDatum(Max(PG_GETARG_INT32(2), 0));
	reason = PG_GETARG_TEXT_PP(1);

	caller = become_owner();
	SPI_connect();
	require_key(secret);
	run("SELECT s.address FROM consent.address_standing s WHERE consent.last_event_at(s.standing) OPERATOR(pg_catalog.<) $1 LIMIT $2",
		SPI_OK_SELECT, 2, types, values, NULL);
	found = SPI_tuptable;
	nfound = SPI_processed;
	contact_type = SPI_gettypeid(found->tupdesc, 1);
	addresses = MemoryContextAllocHuge(CurrentMemoryContext, Max(nfound, 1) * sizeof(Datum));
	for (uint64 i = 0; i < nfound; i++)
	{
		bool		isnull;

		addresses[i] = SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull);
	}
	lock_links_and_parts(addresses, nfound);
	for (uint64 i = 0; i < nfound; i++)
	{
		if (expire_contact(addresses[i], contact_type, values[0], secret, reason))
			addresses[nerased++] = addresses[i];
	}
	erase_elsewhere(addresses, nerased, contact_type, 0);
	SPI_finish();
	consent_resume(caller);
	PG_RETURN_INT64(nerased);
}
