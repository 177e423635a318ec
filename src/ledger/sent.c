/*-------------------------------------------------------------------------
 *
 * sent.c
 *	  When marketing was let go to a contact: what the decision log tells of
 *	  first contact under a third party's consent.
 *
 * The guard writes no event of the ledger for what it lets go: that would have a
 * withdrawal wait for a campaign that has yet to commit, both bringing the same
 * standing up to date.  So the log is read here, by its index on the contact, and
 * only for a consent that without it were stale.  What the log forgets,
 * consent.expire_log() makes events of the ledger first.
 *
 * Like the ledger it is scanned directly, so that nothing in the session comes
 * between the facts and the verdict.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "ledger/calendar.h"
#include "ledger/relation.h"
#include "ledger/sent.h"
#include "ledger/vocabulary.h"

/* Columns of consent.decision_log, as log.sql creates them. */
#define Anum_log_decided_at		1
#define Anum_log_allowed		3
#define Anum_log_class			6
#define Anum_log_organisation	9
#define Anum_log_contact		11

/* What marketing the organisation let go to a contact. */
typedef struct SentScan
{
	Relation	log;
	SysScanDesc scan;
	int32		organisation;
} SentScan;

static void
begin_sent(SentScan *sent, Datum contact, int32 organisation, Snapshot snapshot)
{
	ScanKeyData key;
	TypeCacheEntry *type;

	sent->log = table_open(consent_relation("decision_log"), AccessShareLock);
	sent->organisation = organisation;
	type = lookup_type_cache(TupleDescAttr(RelationGetDescr(sent->log), Anum_log_contact - 1)->atttypid,
							 TYPECACHE_EQ_OPR_FINFO);
	ScanKeyEntryInitialize(&key, 0, Anum_log_contact, BTEqualStrategyNumber, InvalidOid, InvalidOid,
						   type->eq_opr_finfo.fn_oid, contact);
	sent->scan = systable_beginscan(sent->log, consent_relation("decision_log_sent"), true, snapshot, 1, &key);
}

/* The time of the next, in no order; false if there are no more. */
static bool
next_sent(SentScan *sent, TimestampTz *at)
{
	TupleDesc	desc = RelationGetDescr(sent->log);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(sent->scan)))
	{
		const ConsentOrganisation *organisation;
		bool		isnull;
		Datum		value;

		CHECK_FOR_INTERRUPTS();

		/* What the index leaves out, a scan without it would find. */
		if (!DatumGetBool(heap_getattr(tuple, Anum_log_allowed, desc, &isnull)))
			continue;
		value = heap_getattr(tuple, Anum_log_class, desc, &isnull);
		if (isnull || !consent_class_is_marketing(consent_class_from_oid(DatumGetObjectId(value))))
			continue;
		value = heap_getattr(tuple, Anum_log_organisation, desc, &isnull);
		organisation = isnull ? NULL : consent_organisation_lookup(TextDatumGetCString(value));
		if (organisation == NULL || organisation->id != sent->organisation)
			continue;
		*at = DatumGetTimestampTz(heap_getattr(tuple, Anum_log_decided_at, desc, &isnull));
		return true;
	}
	return false;
}

static void
end_sent(SentScan *sent)
{
	systable_endscan(sent->scan);
	table_close(sent->log, AccessShareLock);
}

/* Was any marketing of an organisation let go to this form of a contact's address, since then? */
bool
consent_was_sent(Datum contact, int32 organisation, TimestampTz since, Snapshot snapshot)
{
	SentScan	sent;
	TimestampTz at;
	bool		found = false;

	begin_sent(&sent, contact, organisation, snapshot);
	while (!found && next_sent(&sent, &at))
		found = at >= since;
	end_sent(&sent);
	return found;
}

/*
 * Complete a send that a standing is at hand for, in the caller's memory.  Whoever
 * asks consent_evaluate() by a standing that may hold a consent comes by here.
 */
void
consent_sent_facts(ConsentSend *send, const ConsentStanding *standing, Datum contact,
				   TimestampTz known_at, Snapshot snapshot)
{
	SentScan	scan;
	TimestampTz at;
	ConsentSent *sent = NULL;
	int			room = 0;

	send->nsent = 0;
	send->sent = NULL;
	if (!consent_awaits_contact(standing, send))
		return;
	begin_sent(&scan, contact, send->organisation, snapshot);
	while (next_sent(&scan, &at))
	{
		if (at > send->at || at > known_at)
			continue;
		if (send->nsent == room)
		{
			room = room ? room * 2 : 8;
			sent = sent ? repalloc(sent, room * sizeof(ConsentSent)) : palloc(room * sizeof(ConsentSent));
		}
		sent[send->nsent++] = (ConsentSent) {at, consent_london_date(at)};
	}
	end_sent(&scan);
	send->sent = sent;
}
