/*-------------------------------------------------------------------------
 *
 * ledger.c
 *	  Reads the ledger back: rows to events, events to a standing.
 *
 * Whoever wants a standing "as of" a moment of knowledge passes known_at and
 * gets the same fold over fewer events.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "ledger/ledger.h"
#include "ledger/vocabulary.h"

PG_FUNCTION_INFO_V1(pg_consent_fold_add);
PG_FUNCTION_INFO_V1(pg_consent_fold_final);
PG_FUNCTION_INFO_V1(pg_consent_standing_in);
PG_FUNCTION_INFO_V1(pg_consent_standing_out);

static int32
organisation_id(const char *name)
{
	const ConsentOrganisation *organisation = consent_organisation_lookup(name);

	if (organisation == NULL)
		elog(ERROR, "organisation \"%s\" of an event does not exist", name);
	return organisation->id;
}

static int32
purpose_id(const char *name)
{
	const ConsentPurpose *purpose = consent_purpose_lookup(name);

	if (purpose == NULL)
		elog(ERROR, "purpose \"%s\" of an event does not exist", name);
	return purpose->steps[0].id;
}

static Datum *
text_array(Datum array, int *n)
{
	Datum	   *elements;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, n);
	return elements;
}

static uint16
channel_bits(Datum array)
{
	ArrayType  *channels = DatumGetArrayTypeP(array);
	uint16		bits = 0;
	Datum	   *elements;
	int			n;

	deconstruct_array(channels, ARR_ELEMTYPE(channels), sizeof(Oid), true, TYPALIGN_INT,
					  &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		bits |= CHANNEL_BIT(consent_channel_from_oid(DatumGetObjectId(elements[i])));
	return bits;
}

/* Six calendar months later in the United Kingdom, at the start of that day. */
static TimestampTz
third_party_stale_at(TimestampTz effective_at)
{
	static pg_tz *london = NULL;
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;
	TimestampTz result;

	if (london == NULL)
		london = pg_tzset("Europe/London");
	if (london == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("time zone \"Europe/London\" is not known to this server")));
	if (timestamp2tm(effective_at, &tz, &tm, &fsec, NULL, london) != 0)
		return effective_at;	/* out of range: stale from the start */

	tm.tm_mon += 6;
	if (tm.tm_mon > MONTHS_PER_YEAR)
	{
		tm.tm_mon -= MONTHS_PER_YEAR;
		tm.tm_year++;
	}
	if (tm.tm_mday > day_tab[isleap(tm.tm_year)][tm.tm_mon - 1])
		tm.tm_mday = day_tab[isleap(tm.tm_year)][tm.tm_mon - 1];
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tz = DetermineTimeZoneOffset(&tm, london);
	if (tm2timestamp(&tm, 0, &tz, &result) != 0)
		return effective_at;
	return result;
}

/* A row of consent.ledger, in the caller's memory. */
ConsentEvent *
consent_ledger_event(HeapTuple tuple, TupleDesc desc)
{
	ConsentEvent *event = palloc0(sizeof(ConsentEvent));
	Datum		values[Natts_ledger];
	bool		nulls[Natts_ledger];

#define HAS(column) (!nulls[Anum_ledger_##column - 1])
#define VALUE(column) (values[Anum_ledger_##column - 1])
	Assert(desc->natts == Natts_ledger);
	heap_deform_tuple(tuple, desc, values, nulls);

	event->event_id = DatumGetInt64(VALUE(event_id));
	event->kind = consent_event_kind(TextDatumGetCString(VALUE(kind)));
	event->channels = HAS(channels) ? channel_bits(VALUE(channels)) : EVERY_CHANNEL;
	if (HAS(organisation))
		event->organisation = organisation_id(TextDatumGetCString(VALUE(organisation)));
	if (HAS(purpose))
		event->purpose = purpose_id(TextDatumGetCString(VALUE(purpose)));
	event->effective_at = HAS(effective_at) ? DatumGetTimestampTz(VALUE(effective_at)) : DT_NOEND;
	event->recorded_at = DatumGetTimestampTz(VALUE(recorded_at));
	event->expires_at = HAS(expires_at) ? DatumGetTimestampTz(VALUE(expires_at)) : DT_NOEND;
	event->third_party = HAS(collected_by);
	event->stale_at = HAS(effective_at) ? third_party_stale_at(event->effective_at) : DT_NOEND;
	if (HAS(subscriber))
		event->subscriber = consent_subscriber_from_oid(DatumGetObjectId(VALUE(subscriber)));
	if (HAS(named_organisations))
	{
		Datum	   *names = text_array(VALUE(named_organisations), &event->nnamed);
		int32	   *ids = palloc(event->nnamed * sizeof(int32));

		for (int i = 0; i < event->nnamed; i++)
			ids[i] = organisation_id(TextDatumGetCString(names[i]));
		event->named = ids;
	}
	if (HAS(defects))
	{
		int			n;
		Datum	   *codes = text_array(VALUE(defects), &n);

		for (int i = 0; i < n; i++)
		{
			ConsentReason reason = consent_reason_lookup(TextDatumGetCString(codes[i]));

			/* A code we do not know is still something wrong. */
			consent_reason_add(&event->defects, reason == REASON_NONE ? CONSENT_UNEVIDENCED : reason);
		}
	}
#undef HAS
#undef VALUE
	return event;
}

/*
 * The standing of a contact by what the ledger holds under a snapshot.
 * Events recorded after known_at are left out; DT_NOEND leaves out none.
 *
 * This is an index scan of our own rather than a query, so nothing in the
 * session (search_path, row security, privileges, a temporary table) comes
 * between the ledger and the verdict.  Callers that answer to a user check
 * that user's right to read the ledger first.
 */
ConsentStanding *
consent_ledger_standing(Datum contact, TimestampTz known_at, Snapshot snapshot)
{
	Oid			nsp = get_namespace_oid("consent", false);
	Oid			relid = get_relname_relid("ledger", nsp);
	Oid			indexid = get_relname_relid("ledger_contact", nsp);
	ConsentStanding *standing = consent_standing_empty();
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	MemoryContext rows;
	MemoryContext caller;

	if (!OidIsValid(relid) || !OidIsValid(indexid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"consent.ledger\" or its index on contact does not exist")));

	rel = table_open(relid, AccessShareLock);
	ScanKeyEntryInitialize(&key, 0, Anum_ledger_contact, BTEqualStrategyNumber,
						   InvalidOid, InvalidOid,
						   lookup_type_cache(TupleDescAttr(RelationGetDescr(rel),
														   Anum_ledger_contact - 1)->atttypid,
											 TYPECACHE_EQ_OPR_FINFO)->eq_opr_finfo.fn_oid,
						   contact);
	rows = AllocSetContextCreate(CurrentMemoryContext, "pg_consent ledger rows",
								 ALLOCSET_SMALL_SIZES);
	scan = systable_beginscan(rel, indexid, true, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		ConsentEvent *event;

		caller = MemoryContextSwitchTo(rows);
		event = consent_ledger_event(tuple, RelationGetDescr(rel));
		MemoryContextSwitchTo(caller);
		if (event->recorded_at <= known_at)
			standing = consent_fold(standing, event);
		MemoryContextReset(rows);
	}
	systable_endscan(scan);
	MemoryContextDelete(rows);
	table_close(rel, AccessShareLock);
	return standing;
}

/*
 * May the current user read the ledger?  Row security on it would make our
 * scan see what the user may not, so that is refused too.
 */
void
consent_ledger_check_readable(void)
{
	Oid			relid = get_relname_relid("ledger", get_namespace_oid("consent", false));
	AclResult	acl = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_TABLE, "ledger");
	if (check_enable_rls(relid, InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row security on \"consent.ledger\" hides part of it from this role"),
				 errhint("A verdict on part of the ledger would be wrong; ask a role that sees all of it.")));
}

/*
 * Transition function of consent.fold(consent.ledger).  The state is a pointer
 * to the standing, because folding moves it and nodeAgg would free a moved
 * pass-by-reference value a second time.
 */
PGDLLEXPORT Datum
pg_consent_fold_add(PG_FUNCTION_ARGS)
{
	MemoryContext aggregate;
	MemoryContext caller;
	ConsentStanding **state;

	if (!AggCheckCallContext(fcinfo, &aggregate))
		elog(ERROR, "consent.fold_add() called outside an aggregate");

	if (PG_ARGISNULL(0))
	{
		caller = MemoryContextSwitchTo(aggregate);
		state = palloc(sizeof(ConsentStanding *));
		*state = consent_standing_empty();
		MemoryContextSwitchTo(caller);
	}
	else
		state = (ConsentStanding **) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
	{
		HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(1);
		TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row),
												  HeapTupleHeaderGetTypMod(row));
		HeapTupleData tuple;

		tuple.t_len = HeapTupleHeaderGetDatumLength(row);
		ItemPointerSetInvalid(&tuple.t_self);
		tuple.t_tableOid = InvalidOid;
		tuple.t_data = row;
		*state = consent_fold(*state, consent_ledger_event(&tuple, desc));
		ReleaseTupleDesc(desc);
	}
	PG_RETURN_POINTER(state);
}

PGDLLEXPORT Datum
pg_consent_fold_final(PG_FUNCTION_ARGS)
{
	ConsentStanding *standing;

	if (PG_ARGISNULL(0))
		PG_RETURN_POINTER(consent_standing_empty());

	/* A copy: the same state may go on as a window's frame grows. */
	standing = *(ConsentStanding **) PG_GETARG_POINTER(0);
	PG_RETURN_POINTER(DatumGetPointer(datumCopy(PointerGetDatum(standing), false, -1)));
}

PGDLLEXPORT Datum
pg_consent_standing_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a standing is computed from the ledger and has no text form"),
			 errhint("Use the aggregate consent.fold(consent.ledger).")));
	PG_RETURN_NULL();
}

PGDLLEXPORT Datum
pg_consent_standing_out(PG_FUNCTION_ARGS)
{
	ConsentStanding *standing = (ConsentStanding *) PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	const ConsentEntry *entry;
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	foreach_entry(entry, standing)
		appendStringInfo(&out, "%s%s " INT64_FORMAT, out.len > 1 ? ", " : "",
						 consent_event_kind_name((ConsentEventKind) entry->kind), entry->event_id);
	appendStringInfoChar(&out, '}');
	PG_RETURN_CSTRING(out.data);
}
