/*-------------------------------------------------------------------------
 *
 * world.c
 *	  Facts of a send that are about no contact: when the registers were
 *	  screened, whether legitimate interests were assessed, and whether there is
 *	  a contract with whoever sends it.
 *
 * The tables are small and are read whole, and only for the channels that
 * need them.  Like the ledger they are scanned directly, so that nothing in the
 * session comes between the facts and the verdict.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/rel.h"

#include "ledger/calendar.h"
#include "ledger/ledger.h"
#include "ledger/relation.h"
#include "ledger/vocabulary.h"
#include "ledger/world.h"

/* Columns, as world.sql creates them. */
#define Anum_screening_register		1
#define Anum_screening_screened_at	2
#define Anum_screening_recorded_at	4

#define Anum_contractor_organisation	1
#define Anum_contractor_sender			2
#define Anum_contractor_valid_from		4
#define Anum_contractor_valid_to		5
#define Anum_contractor_recorded_at		6
#define Anum_contractor_end_recorded_at	7

#define Anum_assessment_organisation	1
#define Anum_assessment_purpose			2
#define Anum_assessment_channel			3
#define Anum_assessment_assessed_on		5
#define Anum_assessment_recorded_at		6
#define Anum_assessment_ended_on		7
#define Anum_assessment_end_recorded_at	8

typedef void (*RowReader) (HeapTuple tuple, TupleDesc desc, ConsentSend *send, TimestampTz known_at);

/* All the columns read are NOT NULL. */
static Datum
column(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;
	Datum		datum = heap_getattr(tuple, attnum, desc, &isnull);

	if (isnull)
		elog(ERROR, "unexpected NULL in column %d", attnum);
	return datum;
}

/* Of a register's screenings the latest counts: of that screened_until is made when all are read. */
static void
read_screening(HeapTuple tuple, TupleDesc desc, ConsentSend *send, TimestampTz known_at)
{
	int			reg = consent_register_lookup(TextDatumGetCString(column(tuple, Anum_screening_register, desc)));
	TimestampTz screened_at = DatumGetTimestampTz(column(tuple, Anum_screening_screened_at, desc));
	TimestampTz recorded_at = DatumGetTimestampTz(column(tuple, Anum_screening_recorded_at, desc));

	if (reg >= 0 && screened_at <= send->at && recorded_at <= known_at)
		send->screened_until[reg] = Max(send->screened_until[reg], screened_at);
}

/*
 * The day in a column that says when it ends, if that was known by then.  0.1.0
 * did not note when it was told.
 */
static bool
has_end(HeapTuple tuple, int attnum, int recorded_attnum, TupleDesc desc, TimestampTz known_at, DateADT *day)
{
	bool		endless;
	Datum		end = heap_getattr(tuple, attnum, desc, &endless);

	if (endless ||
		(recorded_attnum <= desc->natts && DatumGetTimestampTz(column(tuple, recorded_attnum, desc)) > known_at))
		return false;
	*day = DatumGetDateADT(end);
	return true;
}

/* Is this the number of the organisation of that name? */
static bool
is_organisation(Datum name, int32 id)
{
	const ConsentOrganisation *organisation = consent_organisation_lookup(TextDatumGetCString(name));

	return organisation != NULL && organisation->id == id;
}

static void
read_assessment(HeapTuple tuple, TupleDesc desc, ConsentSend *send, TimestampTz known_at)
{
	DateADT		day = consent_london_date(send->at);
	DateADT		ended_on;
	const ConsentPurpose *purpose;

	if (!is_organisation(column(tuple, Anum_assessment_organisation, desc), send->organisation) ||
		consent_channel_from_oid(DatumGetObjectId(column(tuple, Anum_assessment_channel, desc))) != send->channel ||
		DatumGetTimestampTz(column(tuple, Anum_assessment_recorded_at, desc)) > known_at ||
		DatumGetDateADT(column(tuple, Anum_assessment_assessed_on, desc)) > day ||
		(has_end(tuple, Anum_assessment_ended_on, Anum_assessment_end_recorded_at, desc, known_at, &ended_on) &&
		 ended_on <= day))
		return;

	purpose = consent_purpose_lookup(TextDatumGetCString(column(tuple, Anum_assessment_purpose, desc)));
	for (int i = 0; purpose != NULL && i < send->npurposes; i++)
	{
		if (send->purposes[i].id == purpose->steps[0].id)
			send->assessed = true;
	}
}

static void
read_contractor(HeapTuple tuple, TupleDesc desc, ConsentSend *send, TimestampTz known_at)
{
	DateADT		day = consent_london_date(send->at);
	DateADT		valid_to;

	if (is_organisation(column(tuple, Anum_contractor_organisation, desc), send->organisation) &&
		is_organisation(column(tuple, Anum_contractor_sender, desc), send->sender) &&
		DatumGetTimestampTz(column(tuple, Anum_contractor_recorded_at, desc)) <= known_at &&
		DatumGetDateADT(column(tuple, Anum_contractor_valid_from, desc)) <= day &&
		(!has_end(tuple, Anum_contractor_valid_to, Anum_contractor_end_recorded_at, desc, known_at, &valid_to) ||
		 day <= valid_to))
		send->contracted = true;
}

static void
read_table(const char *name, RowReader reader, ConsentSend *send, TimestampTz known_at, Snapshot snapshot)
{
	Relation	rel = table_open(consent_relation(name), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		reader(tuple, RelationGetDescr(rel), send, known_at);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* A screening 28 days good is so until 29 full days, of London, have passed. */
static void
read_screenings(ConsentSend *send, TimestampTz known_at, Snapshot snapshot)
{
	read_table("screening", read_screening, send, known_at, snapshot);
	for (int reg = 0; reg < REGISTER_COUNT; reg++)
	{
		if (send->policy != NULL && !TIMESTAMP_IS_NOBEGIN(send->screened_until[reg]))
			send->screened_until[reg] = consent_london_days_later(send->screened_until[reg],
																  send->policy->screening_days + 1);
	}
}

static bool
screening_matters(const ConsentSend *send)
{
	return send->channel == CHANNEL_LIVE_CALL || send->channel == CHANNEL_FAX;
}

static bool
assessment_matters(const ConsentSend *send)
{
	return send->channel == CHANNEL_POST || send->channel == CHANNEL_ONLINE_AD;
}

static bool
contract_matters(const ConsentSend *send)
{
	return send->sender != 0 && send->sender != send->organisation;
}

/* Does a send of this channel, organisation and sender depend on them? */
bool
consent_world_matters(const ConsentSend *send)
{
	return screening_matters(send) || assessment_matters(send) || contract_matters(send);
}

/* Complete a send whose channel, organisation, purposes and time are known. */
void
consent_world_facts(ConsentSend *send, TimestampTz known_at, Snapshot snapshot)
{
	for (int reg = 0; reg < REGISTER_COUNT; reg++)
		send->screened_until[reg] = DT_NOBEGIN;
	send->assessed = false;
	send->contracted = false;

	if (screening_matters(send))
		read_screenings(send, known_at, snapshot);
	if (assessment_matters(send))
		read_table("assessment", read_assessment, send, known_at, snapshot);
	if (contract_matters(send))
		read_table("contractor", read_contractor, send, known_at, snapshot);
}
