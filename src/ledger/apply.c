/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  Keeps consent.address_standing up to date with the ledger.
 *
 * One statement trigger, so that a COPY of a million events is one set-wise
 * upsert.  Addresses are taken in order, so that two loaders cannot deadlock.
 * A second transaction that records for the same address waits for the first
 * to end; under REPEATABLE READ and above it then fails with 40001.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "ledger/apply.h"
#include "ledger/ledger.h"
#include "ledger/link.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_ledger_apply);
PG_FUNCTION_INFO_V1(pg_consent_person_link_applied);
PG_FUNCTION_INFO_V1(pg_consent_standing_union);
PG_FUNCTION_INFO_V1(pg_consent_standing_eq);

/* A person with more contacts than that is none. */
#define CONSENT_CROWD 100

/* Every name is qualified but "recorded", the transition table. */
static const char apply_query[] =
"INSERT INTO consent.address_standing AS s (address, plain, tagged, standing) "
"SELECT l.address, pg_catalog.bool_or(l.contact OPERATOR(pg_catalog.=) l.address), "
"pg_catalog.array_agg(DISTINCT l.contact) FILTER (WHERE l.contact OPERATOR(pg_catalog.<>) l.address), "
"consent.with_others(l.address, consent.fold(l.*::consent.ledger)) "
"FROM recorded l GROUP BY l.address ORDER BY l.address "
"ON CONFLICT (address) DO UPDATE SET "
"standing = consent.standing_union(s.standing, excluded.standing), "
"plain = s.plain OR excluded.plain, "
"tagged = CASE WHEN excluded.tagged IS NULL OR s.tagged OPERATOR(pg_catalog.@>) excluded.tagged THEN s.tagged "
"ELSE (SELECT pg_catalog.array_agg(DISTINCT f) FROM pg_catalog.unnest(s.tagged OPERATOR(pg_catalog.||) excluded.tagged) f) END";

/* The other contacts of a person that a "no", or a link, matters to. */
static const char spoken_query[] =
"SELECT DISTINCT o.address FROM recorded l, consent.linked_addresses(l.address) o(address) "
"WHERE l.kind OPERATOR(pg_catalog.=) ANY ('{objection,withdrawal}'::pg_catalog.text[])";

static const char linked_query[] =
"SELECT DISTINCT k.address FROM consent.person_link k "
"WHERE k.person OPERATOR(pg_catalog.=) ANY (SELECT r.person FROM recorded r)";

/*
 * Their rows are locked first, by a statement of its own, so that the next one's
 * snapshot sees whatever others have recorded for them.  They are not in one
 * order with the addresses above: two loaders of linked contacts may deadlock,
 * and one is then to try again.
 */
static const char lock_query[] =
"SELECT FROM consent.address_standing s WHERE s.address OPERATOR(pg_catalog.=) ANY ($1) "
"ORDER BY s.address FOR NO KEY UPDATE";

static const char refresh_query[] =
"UPDATE consent.address_standing s SET standing = consent.with_others(s.address, consent.standing_own(s.standing)) "
"WHERE s.address OPERATOR(pg_catalog.=) ANY ($1)";

static const char crowd_query[] =
"SELECT k.person FROM consent.person_link k "
"WHERE k.person OPERATOR(pg_catalog.=) ANY (SELECT r.person FROM recorded r) "
"GROUP BY k.person HAVING pg_catalog.count(DISTINCT k.address) OPERATOR(pg_catalog.>) $1";

static void
run(const char *query, int expected, int nargs, Oid *types, Datum *values)
{
	int			rc = SPI_execute_with_args(query, nargs, types, values, NULL, false, 0);

	if (rc != expected)
		elog(ERROR, "updating consent.address_standing failed: %s", SPI_result_code_string(rc));
}

/*
 * Bring the standings of some addresses up to date with what others say and with
 * erasures, and tell who watches over messages.  In SPI, as the owner.
 */
void
consent_refresh_standings(Datum *addresses, int n, Oid contact_type)
{
	Oid			types[] = {get_array_type(contact_type)};
	Datum		values[1];

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		consent_ledger_restricted(DatumGetConsentContactPP(addresses[i]));
	values[0] = PointerGetDatum(construct_array(addresses, n, contact_type, -1, false, TYPALIGN_INT));
	run(lock_query, SPI_OK_SELECT, 1, types, values);
	run(refresh_query, SPI_OK_UPDATE, 1, types, values);
}

static void
refresh_found(const char *query)
{
	SPITupleTable *found;
	uint64		n;
	Datum	   *addresses;

	run(query, SPI_OK_SELECT, 0, NULL, NULL);
	found = SPI_tuptable;
	n = SPI_processed;
	addresses = palloc(n * sizeof(Datum));
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;

		addresses[i] = SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull);
	}
	consent_refresh_standings(addresses, n, SPI_gettypeid(found->tupdesc, 1));
}

/*
 * Whoever may record need not be able to write standings.  An error restores
 * the user, as in ri_triggers.c.
 */
static void
begin_apply(TriggerData *trigdata, const char *function, Oid *user, int *context)
{
	int			rc;

	if (trigdata == NULL || !IsA(trigdata, TriggerData) || !TRIGGER_FIRED_AFTER(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigdata->tg_event) || trigdata->tg_newtable == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s must be fired after each inserting statement", function)));
	GetUserIdAndSecContext(user, context);
	SetUserIdAndSecContext(trigdata->tg_relation->rd_rel->relowner,
						   *context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	SPI_connect();
	rc = SPI_register_trigger_data(trigdata);
	if (rc != SPI_OK_TD_REGISTER)
		elog(ERROR, "SPI_register_trigger_data failed: %s", SPI_result_code_string(rc));
}

PGDLLEXPORT Datum
pg_consent_ledger_apply(PG_FUNCTION_ARGS)
{
	Oid			user;
	int			context;

	begin_apply((TriggerData *) fcinfo->context, "consent.ledger_apply()", &user, &context);
	run(apply_query, SPI_OK_INSERT, 0, NULL, NULL);
	if (consent_has_links())
		refresh_found(spoken_query);
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	return PointerGetDatum(NULL);
}

/* consent.person_link_applied() */
PGDLLEXPORT Datum
pg_consent_person_link_applied(PG_FUNCTION_ARGS)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(CONSENT_CROWD)};
	Oid			user;
	int			context;

	begin_apply((TriggerData *) fcinfo->context, "consent.person_link_applied()", &user, &context);
	refresh_found(linked_query);
	if (SPI_execute_with_args(crowd_query, 1, types, values, NULL, false, 1) != SPI_OK_SELECT || SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a person has more than %d contacts", CONSENT_CROWD),
				 errhint("Is the column that identifies a person the right one?")));
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	return PointerGetDatum(NULL);
}

PGDLLEXPORT Datum
pg_consent_standing_union(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(consent_standing_union((ConsentStanding *) PG_GETARG_VARLENA_P(0),
											 (ConsentStanding *) PG_GETARG_VARLENA_P(1)));
}

/* Padding is always zero, so equal standings are equal bytes. */
PGDLLEXPORT Datum
pg_consent_standing_eq(PG_FUNCTION_ARGS)
{
	struct varlena *a = PG_GETARG_VARLENA_P(0);
	struct varlena *b = PG_GETARG_VARLENA_P(1);

	PG_RETURN_BOOL(VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0);
}
