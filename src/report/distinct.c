/*-------------------------------------------------------------------------
 *
 * distinct.c
 *	  consent.about_distinct(): about how many different contacts there are.
 *
 * Counting them exactly sorts or hashes every address of the ledger, once for
 * each group.  This is PostgreSQL's own HyperLogLog as an aggregate: 4 kB for a
 * group, exact as good as always for a few dozen, a few per cent off for many.
 * What it counts by can be kept, and added up later: nothing is lost by that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/hyperloglog.h"

#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_distinct_add);
PG_FUNCTION_INFO_V1(pg_consent_distinct_combine);
PG_FUNCTION_INFO_V1(pg_consent_distinct_add_state);
PG_FUNCTION_INFO_V1(pg_consent_distinct_serialize);
PG_FUNCTION_INFO_V1(pg_consent_distinct_deserialize);
PG_FUNCTION_INFO_V1(pg_consent_distinct_final);

#define REGISTER_BITS 12

/* In the current memory context. */
static hyperLogLogState *
new_state(void)
{
	hyperLogLogState *state = palloc(sizeof(hyperLogLogState));

	initHyperLogLog(state, REGISTER_BITS);
	return state;
}

static hyperLogLogState *
state_arg(FunctionCallInfo fcinfo, int n)
{
	MemoryContext aggregate;
	MemoryContext caller;
	hyperLogLogState *state;

	if (!AggCheckCallContext(fcinfo, &aggregate))
		elog(ERROR, "called outside an aggregate");
	if (!PG_ARGISNULL(n))
		return (hyperLogLogState *) PG_GETARG_POINTER(n);
	caller = MemoryContextSwitchTo(aggregate);
	state = new_state();
	MemoryContextSwitchTo(caller);
	return state;
}

PGDLLEXPORT Datum
pg_consent_distinct_add(PG_FUNCTION_ARGS)
{
	hyperLogLogState *state = state_arg(fcinfo, 0);

	if (!PG_ARGISNULL(1))
	{
		struct varlena *contact = PG_GETARG_VARLENA_PP(1);

		addHyperLogLog(state, hash_bytes((unsigned char *) VARDATA_ANY(contact), VARSIZE_ANY_EXHDR(contact)));
	}
	PG_RETURN_POINTER(state);
}

PGDLLEXPORT Datum
pg_consent_distinct_combine(PG_FUNCTION_ARGS)
{
	hyperLogLogState *into = state_arg(fcinfo, 0);

	if (!PG_ARGISNULL(1))
	{
		hyperLogLogState *from = (hyperLogLogState *) PG_GETARG_POINTER(1);

		for (Size i = 0; i < into->nRegisters; i++)
			into->hashesArr[i] = Max(into->hashesArr[i], from->hashesArr[i]);
	}
	PG_RETURN_POINTER(into);
}

PGDLLEXPORT Datum
pg_consent_distinct_add_state(PG_FUNCTION_ARGS)
{
	hyperLogLogState *into = state_arg(fcinfo, 0);

	if (!PG_ARGISNULL(1))
	{
		bytea	   *from = PG_GETARG_BYTEA_PP(1);
		const uint8 *registers = (const uint8 *) VARDATA_ANY(from);

		if (VARSIZE_ANY_EXHDR(from) != into->nRegisters)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("not a state of consent.distinct_state()")));
		for (Size i = 0; i < into->nRegisters; i++)
			into->hashesArr[i] = Max(into->hashesArr[i], registers[i]);
	}
	PG_RETURN_POINTER(into);
}

PGDLLEXPORT Datum
pg_consent_distinct_serialize(PG_FUNCTION_ARGS)
{
	hyperLogLogState *state = state_arg(fcinfo, 0);
	bytea	   *serial = palloc(VARHDRSZ + state->nRegisters);

	SET_VARSIZE(serial, VARHDRSZ + state->nRegisters);
	memcpy(VARDATA(serial), state->hashesArr, state->nRegisters);
	PG_RETURN_BYTEA_P(serial);
}

PGDLLEXPORT Datum
pg_consent_distinct_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *serial = PG_GETARG_BYTEA_PP(0);
	hyperLogLogState *state;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "called outside an aggregate");
	state = new_state();
	if (VARSIZE_ANY_EXHDR(serial) != state->nRegisters)
		elog(ERROR, "not a state of consent.about_distinct()");
	memcpy(state->hashesArr, VARDATA_ANY(serial), state->nRegisters);
	PG_RETURN_POINTER(state);
}

PGDLLEXPORT Datum
pg_consent_distinct_final(PG_FUNCTION_ARGS)
{
	hyperLogLogState *state = state_arg(fcinfo, 0);

	PG_RETURN_INT64((int64) rint(estimateHyperLogLog(state)));
}
