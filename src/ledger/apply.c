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

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "decision/standing.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_ledger_apply);
PG_FUNCTION_INFO_V1(pg_consent_standing_union);
PG_FUNCTION_INFO_V1(pg_consent_standing_eq);

/* Every name is qualified but "recorded", the transition table. */
static const char apply_query[] =
"INSERT INTO consent.address_standing AS s (address, plain, tagged, standing) "
"SELECT l.address, pg_catalog.bool_or(l.contact OPERATOR(pg_catalog.=) l.address), "
"pg_catalog.array_agg(DISTINCT l.contact) FILTER (WHERE l.contact OPERATOR(pg_catalog.<>) l.address), "
"consent.fold(l.*::consent.ledger) "
"FROM recorded l GROUP BY l.address ORDER BY l.address "
"ON CONFLICT (address) DO UPDATE SET "
"standing = consent.standing_union(s.standing, excluded.standing), "
"plain = s.plain OR excluded.plain, "
"tagged = CASE WHEN excluded.tagged IS NULL OR s.tagged OPERATOR(pg_catalog.@>) excluded.tagged THEN s.tagged "
"ELSE (SELECT pg_catalog.array_agg(DISTINCT f) FROM pg_catalog.unnest(s.tagged OPERATOR(pg_catalog.||) excluded.tagged) f) END";

PGDLLEXPORT Datum
pg_consent_ledger_apply(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	Oid			user;
	int			context;
	int			rc;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigdata->tg_event) || trigdata->tg_newtable == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.ledger_apply() must be fired after each inserting statement")));

	/*
	 * Whoever may record need not be able to write here.  An error restores
	 * the user, as in ri_triggers.c.
	 */
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(trigdata->tg_relation->rd_rel->relowner,
						   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	SPI_connect();
	rc = SPI_register_trigger_data(trigdata);
	if (rc != SPI_OK_TD_REGISTER)
		elog(ERROR, "SPI_register_trigger_data failed: %s", SPI_result_code_string(rc));
	rc = SPI_execute(apply_query, false, 0);
	if (rc != SPI_OK_INSERT)
		elog(ERROR, "updating consent.address_standing failed: %s", SPI_result_code_string(rc));
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
