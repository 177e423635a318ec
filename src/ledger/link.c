/*-------------------------------------------------------------------------
 *
 * link.c
 *	  Finds the other contacts of the persons that a contact is linked to.
 *
 * A link has no time of its own: who somebody is does not begin on a day.  Of an
 * address and a person the row recorded last says whether they are linked, so
 * "as we knew it then" is the same rule over fewer rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "ledger/ledger.h"
#include "ledger/link.h"
#include "ledger/relation.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_linked_addresses);

/* Columns of consent.person_link, as link.sql creates them. */
#define Anum_link_event_id		1
#define Anum_link_person		3
#define Anum_link_linked		4
#define Anum_link_recorded_at	5
#define Anum_link_address		9

/* The last row of an address and a person. */
typedef struct Link
{
	struct varlena *other;		/* the person of an address, or the reverse */
	int64		event_id;
	bool		linked;
} Link;

static Relation
open_links(void)
{
	return table_open(consent_relation("person_link"), AccessShareLock);
}

static bool
same_bytes(const struct varlena *a, const struct varlena *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/*
 * The links whose column has this value: of each value of the other column the
 * last one, by what had been recorded by known_at.
 */
static List *
read_links(Relation rel, const char *index, int attnum, int other, Datum value,
		   TimestampTz known_at, Snapshot snapshot)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Oid			type = TupleDescAttr(desc, attnum - 1)->atttypid;
	List	   *links = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyEntryInitialize(&key, 0, attnum, BTEqualStrategyNumber, InvalidOid,
						   TupleDescAttr(desc, attnum - 1)->attcollation,
						   lookup_type_cache(type, TYPECACHE_EQ_OPR_FINFO)->eq_opr_finfo.fn_oid, value);
	scan = systable_beginscan(rel, consent_relation(index), true, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Link	   *link = NULL;
		struct varlena *found;
		int64		event_id;
		bool		isnull;
		ListCell   *cell;

		CHECK_FOR_INTERRUPTS();
		if (DatumGetTimestampTz(heap_getattr(tuple, Anum_link_recorded_at, desc, &isnull)) > known_at)
			continue;
		event_id = DatumGetInt64(heap_getattr(tuple, Anum_link_event_id, desc, &isnull));
		found = PG_DETOAST_DATUM_PACKED(heap_getattr(tuple, other, desc, &isnull));
		foreach(cell, links)
		{
			if (same_bytes(((Link *) lfirst(cell))->other, found))
				link = lfirst(cell);
		}
		if (link == NULL)
		{
			link = palloc(sizeof(Link));
			link->other = (struct varlena *) memcpy(palloc(VARSIZE_ANY(found)), found, VARSIZE_ANY(found));
			link->event_id = event_id - 1;
			links = lappend(links, link);
		}
		if (event_id > link->event_id)
		{
			link->event_id = event_id;
			link->linked = DatumGetBool(heap_getattr(tuple, Anum_link_linked, desc, &isnull));
		}
	}
	systable_endscan(scan);
	return links;
}

/* Is anybody linked to anybody?  Where nobody is, that is all there is to do. */
bool
consent_has_links(void)
{
	Relation	rel = open_links();
	bool		some = RelationGetNumberOfBlocks(rel) > 0;

	table_close(rel, AccessShareLock);
	return some;
}

/*
 * The other addresses of the persons that an address is linked to, in the
 * caller's memory.  root is an address without its +tag.
 */
List *
consent_linked_addresses(const ConsentContact *root, TimestampTz known_at, Snapshot snapshot)
{
	Relation	rel;
	List	   *addresses = NIL;
	List	   *persons;
	ListCell   *p;

	if (consent_index_is_empty("person_link_address"))
		return NIL;
	rel = open_links();
	persons = read_links(rel, "person_link_address", Anum_link_address, Anum_link_person,
						 PointerGetDatum(root), known_at, snapshot);
	foreach(p, persons)
	{
		Link	   *person = lfirst(p);
		ListCell   *a;

		if (!person->linked)
			continue;
		foreach(a, read_links(rel, "person_link_person", Anum_link_person, Anum_link_address,
							  PointerGetDatum(person->other), known_at, snapshot))
		{
			Link	   *address = lfirst(a);
			bool		known = same_bytes(address->other, (const struct varlena *) root);
			ListCell   *cell;

			CHECK_FOR_INTERRUPTS();
			foreach(cell, addresses)
				known = known || same_bytes(address->other, lfirst(cell));
			if (address->linked && !known)
				addresses = lappend(addresses, address->other);
		}
	}
	table_close(rel, AccessShareLock);
	return addresses;
}

static int
compare_addresses(const ListCell *a, const ListCell *b)
{
	return consent_contact_compare(lfirst(a), lfirst(b));
}

/*
 * The addresses that are in links, or have been, and that the caller wants.  For
 * those who ask about too many to look for each: here all links are read.
 */
List *
consent_addresses_in_links(ConsentLinkWanted wanted, void *arg, Snapshot snapshot)
{
	Relation	rel = open_links();
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	List	   *addresses = NIL;
	List	   *distinct = NIL;
	ListCell   *cell;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		ConsentContact *address = DatumGetConsentContactPP(heap_getattr(tuple, Anum_link_address, desc, &isnull));
		text	   *person = DatumGetTextPP(heap_getattr(tuple, Anum_link_person, desc, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (wanted(address, VARDATA_ANY(person), VARSIZE_ANY_EXHDR(person), arg))
			addresses = lappend(addresses, memcpy(palloc(VARSIZE_ANY(address)), address, VARSIZE_ANY(address)));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	list_sort(addresses, compare_addresses);
	foreach(cell, addresses)
	{
		if (distinct == NIL || consent_contact_compare(llast(distinct), lfirst(cell)) != 0)
			distinct = lappend(distinct, lfirst(cell));
	}
	return distinct;
}

/* consent.linked_addresses(address), by the latest snapshot as a verdict is */
PGDLLEXPORT Datum
pg_consent_linked_addresses(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ConsentContact *root = consent_contact_root(PG_GETARG_CONSENT_CONTACT_PP(0));
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	consent_ledger_check_readable();
	foreach(cell, consent_linked_addresses(root, DT_NOEND, GetActiveSnapshot()))
	{
		Datum		values[] = {PointerGetDatum(lfirst(cell))};
		bool		nulls[] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
