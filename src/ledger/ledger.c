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
#include "access/tableam.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "contact/contact.h"
#include "ledger/calendar.h"
#include "ledger/erasure.h"
#include "ledger/filter.h"
#include "ledger/ledger.h"
#include "ledger/link.h"
#include "ledger/reader.h"
#include "ledger/relation.h"
#include "ledger/vocabulary.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_fold_add);
PG_FUNCTION_INFO_V1(pg_consent_fold_final);
PG_FUNCTION_INFO_V1(pg_consent_standing_in);
PG_FUNCTION_INFO_V1(pg_consent_standing_out);
PG_FUNCTION_INFO_V1(pg_consent_with_others);
PG_FUNCTION_INFO_V1(pg_consent_events_of);
PG_FUNCTION_INFO_V1(pg_consent_standing_own);
PG_FUNCTION_INFO_V1(pg_consent_last_event_at);

static Datum *
text_array(Datum array, int *n)
{
	Datum	   *elements;

	/* NULL elements are an error here, as they are in the ledger. */
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, n);
	return elements;
}

uint16
consent_channel_bits(Datum array)
{
	ArrayType  *channels = DatumGetArrayTypeP(array);
	int			n = ArrayGetNItems(ARR_NDIM(channels), ARR_DIMS(channels));
	uint16		bits = 0;
	const Oid  *elements;

	if (array_contains_nulls(channels))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the list of channels contains NULL")));
	elements = (const Oid *) ARR_DATA_PTR(channels);
	for (int i = 0; i < n; i++)
		bits |= CHANNEL_BIT(consent_channel_from_oid(elements[i]));
	return bits;
}

/* Which form of the address it is; forms differ in their +tag. */
uint64
consent_ledger_form(Datum contact)
{
	return consent_contact_hash_extended(DatumGetConsentContactPP(contact), 0);
}

static ConsentFlag
flag(Datum value, bool isnull)
{
	if (isnull)
		return FLAG_UNKNOWN;
	return DatumGetBool(value) ? FLAG_YES : FLAG_NO;
}

static int
known_word(int found)
{
	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an event has an unknown register or relationship")));
	return found;
}

static ConsentReasonSet
defect_set(Datum array)
{
	ConsentReasonSet set = {0};
	int			n;
	Datum	   *codes = text_array(array, &n);

	for (int i = 0; i < n; i++)
	{
		ConsentReason reason = consent_reason_lookup(TextDatumGetCString(codes[i]));

		/* A code we do not know is still something wrong. */
		consent_reason_add(&set, reason == REASON_NONE ? CONSENT_UNEVIDENCED : reason);
	}
	return set;
}

#define HAS(column) (!nulls[Anum_ledger_##column - 1])
#define VALUE(column) (values[Anum_ledger_##column - 1])
#define TIME(column) (HAS(column) ? DatumGetTimestampTz(VALUE(column)) : DT_NOEND)
#define FLAG(column) flag(VALUE(column), !HAS(column))
/* A row of consent.ledger, in the caller's memory. */
ConsentEvent *
consent_ledger_event(const Datum *values, const bool *nulls)
{
	ConsentEvent *event = palloc(sizeof(ConsentEvent));
	ConsentEventWords words = {0};
	ConsentWord word;

	/* A row need not come from the table: anybody can write down a ROW(). */
	if (!HAS(event_id) || !HAS(contact) || !HAS(kind) || !HAS(recorded_at))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an event lacks its number, contact, kind or time of recording")));

	words.kind = consent_event_kind(consent_word(VALUE(kind), &word));
	if (HAS(organisation))
		words.organisation = consent_require_organisation(consent_word(VALUE(organisation), &word))->id;
	if (HAS(purpose))
		words.purpose = consent_require_purpose(consent_word(VALUE(purpose), &word))->steps[0].id;
	consent_ledger_event_of(event, values, nulls, &words);
	return event;
}

/* The same, where it is known that it has what every row has, and what its words mean. */
void
consent_ledger_event_of(ConsentEvent *event, const Datum *values, const bool *nulls, const ConsentEventWords *words)
{
	ConsentFacts *facts = &event->facts;
	ConsentDetails *details = &event->details;
	ConsentWord word;

	memset(event, 0, sizeof(*event));
	facts->event_id = DatumGetInt64(VALUE(event_id));
	facts->kind = words->kind;
	facts->organisation = words->organisation;
	facts->purpose = words->purpose;
	facts->form = consent_ledger_form(VALUE(contact));
	facts->channels = HAS(channels) ? consent_channel_bits(VALUE(channels)) : EVERY_CHANNEL;
	facts->effective_at = TIME(effective_at);
	facts->recorded_at = TIME(recorded_at);
	details->expires_at = TIME(expires_at);
	if (HAS(collected_by))
		details->collector = consent_name_key(TextDatumGetCString(VALUE(collected_by)));
	details->refusal_offered = FLAG(refusal_offered);
	details->refused = FLAG(refused);
	if (HAS(subscriber))
		details->subscriber = consent_subscriber_from_oid(DatumGetObjectId(VALUE(subscriber)));
	if (HAS(relationship))
		details->relationship = known_word(consent_relationship_lookup(TextDatumGetCString(VALUE(relationship))));
	if (HAS(defects))
		details->defects = defect_set(VALUE(defects));
	if (HAS(method) && strcmp(consent_word(VALUE(method), &word), "double_opt_in") == 0)
		facts->marks |= CONSENT_MARK_CONFIRMED;
	if (facts->kind == EVENT_LISTING)
	{
		DateADT		listed_on;

		if (!HAS(listed_on) || !HAS(register))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a listing lacks its register or its day")));
		listed_on = DatumGetDateADT(VALUE(listed_on));
		details->reg = known_word(consent_register_lookup(TextDatumGetCString(VALUE(register))));
		facts->effective_at = consent_london_midnight(listed_on);
		if (HAS(delisted_on) && !DATE_NOT_FINITE(DatumGetDateADT(VALUE(delisted_on))))
			details->expires_at = consent_london_midnight(DatumGetDateADT(VALUE(delisted_on)));
	}
	facts->day = facts->effective_at == DT_NOEND ? DATEVAL_NOEND : consent_london_date(facts->effective_at);

	if (HAS(digest))
	{
		bytea	   *digest = DatumGetByteaPP(VALUE(digest));

		memcpy(facts->digest, VARDATA_ANY(digest), Min(VARSIZE_ANY_EXHDR(digest), CONSENT_FACTS_DIGEST_LEN));
	}

	if (HAS(named_organisations))
	{
		int			n;
		Datum	   *names = text_array(VALUE(named_organisations), &n);
		int32	   *ids = palloc(n * sizeof(int32));

		if (n > CONSENT_NAMED_MAX)
			elog(ERROR, "an event names %d organisations", n);

		for (int i = 0; i < n; i++)
			ids[i] = consent_require_organisation(TextDatumGetCString(names[i]))->id;
		event->named = ids;
		details->nnamed = n;
	}
	if (HAS(product_category) || HAS(reference))
	{
		event->label = TextDatumGetCString(HAS(reference) ? VALUE(reference) : VALUE(product_category));
		if (strlen(event->label) > CONSENT_LABEL_MAX)
			elog(ERROR, "an event has a label of %zu bytes", strlen(event->label));
		details->label_len = strlen(event->label);
	}
}
#undef HAS
#undef VALUE
#undef TIME
#undef FLAG

/*
 * The index on address of each part of the ledger.  To ask the catalogs for
 * every verdict would cost a good part of it; an index that comes or goes
 * invalidates its table.
 */
typedef struct PartIndex
{
	Oid			part;
	Oid			whole_index;
	Oid			index;
} PartIndex;

static PartIndex part_indexes[64];
static int	npart_indexes = 0;

/* Only mark: this runs in the middle of anything. */
static void
part_invalidated(Datum arg, Oid relid)
{
	for (int i = 0; i < npart_indexes; i++)
	{
		if (relid == InvalidOid || relid == part_indexes[i].part)
			npart_indexes = 0;
	}
}

Oid
consent_ledger_index_of_part(Relation part, Oid whole_index)
{
	static bool registered = false;
	Oid			index;

	if (!registered)
		CacheRegisterRelcacheCallback(part_invalidated, (Datum) 0);
	registered = true;
	for (int i = 0; i < npart_indexes; i++)
	{
		if (part_indexes[i].part == RelationGetRelid(part) && part_indexes[i].whole_index == whole_index)
			return part_indexes[i].index;
	}
	index = index_get_partition(part, whole_index);
	if (OidIsValid(index) && npart_indexes < lengthof(part_indexes))
		part_indexes[npart_indexes++] = (PartIndex) {RelationGetRelid(part), whole_index, index};
	return index;
}

/* The ledger as a whole, and its index on address. */
Oid
consent_ledger_relid(Oid *whole_index)
{
	*whole_index = consent_relation("ledger_address");
	return consent_relation("ledger");
}

void
consent_ledger_part_missing(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a part of consent.ledger or its index on address is missing"),
			 errhint("Attach it again; until then nothing can be judged.")));
}

/*
 * The part of the ledger that an address lies in, and its index on address.
 * A ledger without parts, or that has lost one, is an error and not an empty
 * history.
 */
static Relation
open_part(Datum contact, Oid *indexid)
{
	Oid			whole_index;
	Relation	whole = table_open(consent_ledger_relid(&whole_index), AccessShareLock);
	Relation	part = NULL;
	PartitionKey key;
	PartitionDesc parts;
	bool		isnull = false;
	int			found;

	key = RelationGetPartitionKey(whole);
	parts = key ? RelationGetPartitionDesc(whole, true) : NULL;
	if (parts != NULL && parts->nparts > 0 && key->strategy == PARTITION_STRATEGY_HASH)
	{
		uint64		hash = compute_partition_hash_value(key->partnatts, key->partsupfunc,
														key->partcollation, &contact, &isnull);

		found = parts->boundinfo->indexes[hash % parts->boundinfo->nindexes];
		if (found >= 0)
			part = table_open(parts->oids[found], AccessShareLock);
	}
	*indexid = part ? consent_ledger_index_of_part(part, whole_index) : InvalidOid;
	if (!OidIsValid(*indexid))
		consent_ledger_part_missing();
	table_close(whole, NoLock);
	return part;
}

/* The part of the ledger that a contact's address lies in. */
Oid
consent_ledger_part(const ConsentContact *contact)
{
	Oid			indexid;
	Relation	part = open_part(PointerGetDatum(contact), &indexid);
	Oid			relid = RelationGetRelid(part);

	table_close(part, NoLock);
	return relid;
}

/*
 * Does it count for the other contacts of the same person?  What they said no
 * to, yes; but a bounce or a listing is about the address.
 */
static bool
is_personal(ConsentEventKind kind)
{
	return kind == EVENT_OBJECTION || kind == EVENT_WITHDRAWAL;
}

/* Does anything in it count for the other contacts of the person? */
bool
consent_standing_is_personal(const ConsentStanding *standing)
{
	const ConsentEntry *entry;

	foreach_entry(entry, standing)
	{
		if (is_personal((ConsentEventKind) entry->facts.kind))
			return true;
	}
	return false;
}

/* To look up an address in the index of a part; before an update from 0.1.0 that is a tree. */
void
consent_ledger_address_key(Relation index, const ConsentContact *root, ScanKey key)
{
	TypeCacheEntry *type = lookup_type_cache(TupleDescAttr(RelationGetDescr(index), 0)->atttypid, TYPECACHE_EQ_OPR_FINFO);

	ScanKeyEntryInitialize(key, 0, 1, index->rd_rel->relam == HASH_AM_OID ? HTEqualStrategyNumber : BTEqualStrategyNumber,
						   InvalidOid, InvalidOid,
						   type->eq_opr_finfo.fn_oid, PointerGetDatum(root));
}

/* The next event of the address; the index knows no more of it than its hash. */
bool
consent_ledger_next(IndexScanDesc scan, const ConsentContact *root, TupleTableSlot *slot)
{
	consent_check_columns("ledger", slot->tts_tupleDescriptor, Natts_ledger);
	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		slot_getallattrs(slot);
		if (consent_contact_compare(DatumGetConsentContactPP(slot->tts_values[Anum_ledger_address - 1]), root) == 0)
			return true;
	}
	return false;
}

/* The events of an address, in no order. */
typedef struct AddressScan
{
	const ConsentContact *root;
	Relation	part;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
} AddressScan;

static AddressScan
begin_address(const ConsentContact *root, Snapshot snapshot)
{
	AddressScan scan = {.root = root};
	Oid			indexid;
	ScanKeyData key;

	scan.part = open_part(PointerGetDatum(root), &indexid);
	scan.index = index_open(indexid, AccessShareLock);
	scan.slot = table_slot_create(scan.part, NULL);
	scan.scan = consent_index_beginscan(scan.part, scan.index, snapshot, 1);
	consent_ledger_address_key(scan.index, root, &key);
	index_rescan(scan.scan, &key, 1, NULL, 0);
	return scan;
}

static bool
next_of_address(AddressScan *scan)
{
	return consent_ledger_next(scan->scan, scan->root, scan->slot);
}

static void
end_address(AddressScan *scan)
{
	index_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	index_close(scan->index, AccessShareLock);
	table_close(scan->part, AccessShareLock);
}

/*
 * What is folded of an address, whose events come in no order.  To put each in its
 * place among all of a long history would take the square of its length, so they
 * are folded a block at a time, and each block is joined with one as long.
 */
#define BLOCK_ENTRIES 64

typedef struct Blocks
{
	ConsentStanding *last;		/* the one that is folded into */
	ConsentStanding *joined[32];	/* of one block, two, four and so on; or NULL */
} Blocks;

static ConsentStanding *
join_blocks(ConsentStanding *one, ConsentStanding *other)
{
	ConsentStanding *both = consent_standing_union(one, other);

	pfree(one);
	pfree(other);
	return both;
}

static void
begin_block(Blocks *blocks)
{
	int			i = 0;

	for (; blocks->joined[i] != NULL; i++)
	{
		blocks->last = join_blocks(blocks->joined[i], blocks->last);
		blocks->joined[i] = NULL;
	}
	blocks->joined[i] = blocks->last;
	blocks->last = consent_standing_empty();
}

static ConsentStanding *
join_all(Blocks *blocks)
{
	for (int i = 0; i < lengthof(blocks->joined); i++)
	{
		if (blocks->joined[i] != NULL)
			blocks->last = join_blocks(blocks->joined[i], blocks->last);
	}
	return blocks->last;
}

/* Fold in an event: or only if it counts for another address. */
static void
fold_row(Blocks *blocks, TupleTableSlot *row, bool for_another, TimestampTz known_at, MemoryContext rows)
{
	MemoryContext caller = MemoryContextSwitchTo(rows);
	ConsentEvent *event = consent_ledger_event(row->tts_values, row->tts_isnull);

	MemoryContextSwitchTo(caller);
	if (for_another)
		event->facts.form = CONSENT_EVERY_FORM;
	if (event->facts.recorded_at <= known_at && (!for_another || is_personal((ConsentEventKind) event->facts.kind)))
	{
		if (blocks->last->nentries >= BLOCK_ENTRIES && event->facts.event_id < blocks->last->newest)
			begin_block(blocks);
		blocks->last = consent_fold(blocks->last, event);
	}
	MemoryContextReset(rows);
}

/*
 * Fold in the events of an address: all, or those that count for another.  part is the
 * one they lie in, where there is a reader.
 */
static ConsentStanding *
fold_address(ConsentStanding *standing, const ConsentContact *root, bool for_another,
			 TimestampTz known_at, Snapshot snapshot, ConsentReader *reader, int part)
{
	TupleTableSlot *row;
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "pg_consent ledger rows",
											   ALLOCSET_SMALL_SIZES);
	Blocks		blocks = {.last = standing};

	if (reader != NULL)
	{
		consent_reader_begin(reader, root, part, snapshot);
		while ((row = consent_reader_next(reader)) != NULL)
		{
			CHECK_FOR_INTERRUPTS();
			fold_row(&blocks, row, for_another, known_at, rows);
		}
	}
	else
	{
		AddressScan scan = begin_address(root, snapshot);

		while (next_of_address(&scan))
		{
			CHECK_FOR_INTERRUPTS();
			fold_row(&blocks, scan.slot, for_another, known_at, rows);
		}
		end_address(&scan);
	}
	MemoryContextDelete(rows);
	return join_all(&blocks);
}

/*
 * consent.events_of(contact): the rows of its address, read from the one part
 * where they are; a query would look into all of them.
 */
PGDLLEXPORT Datum
pg_consent_events_of(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	AddressScan scan;

	InitMaterializedSRF(fcinfo, 0);
	consent_ledger_check_readable();
	scan = begin_address(consent_contact_root(PG_GETARG_CONSENT_CONTACT_PP(0)), GetActiveSnapshot());
	while (next_of_address(&scan))
	{
		CHECK_FOR_INTERRUPTS();
		tuplestore_puttupleslot(result->setResult, scan.slot);
	}
	end_address(&scan);
	return (Datum) 0;
}

/* Fold in what is not said in the address's own events: see standing.h.  key is the hash of the root. */
static ConsentStanding *
fold_others(ConsentStanding *standing, const ConsentContact *root, uint64 key, TimestampTz known_at, Snapshot snapshot)
{
	ConsentStanding *said;		/* by others: little, where the contact's own history may be long */
	ListCell   *other;

	if (!consent_filter_rules_out_erasure(root))
		standing = consent_erasure_fold(standing, root, known_at, snapshot);
	if (consent_filter_rules_out_links(key))
		return standing;
	said = consent_standing_empty();
	foreach(other, consent_linked_addresses(root, known_at, snapshot))
		said = fold_address(said, lfirst(other), true, known_at, snapshot, NULL, 0);
	return said->nentries > 0 ? join_blocks(standing, said) : standing;
}

/*
 * The standing of a contact's address, all its +tag forms, by what the ledger
 * holds under a snapshot.
 * Events recorded after known_at are left out; DT_NOEND leaves out none.  reader
 * is NULL where nothing is kept open.
 *
 * These are index scans of our own rather than queries, so nothing in the
 * session (search_path, row security, privileges, a temporary table) comes
 * between the ledger and the verdict.  Callers that answer to a user check
 * that user's right to read the ledger first.
 */
ConsentStanding *
consent_ledger_standing(Datum contact, TimestampTz known_at, Snapshot snapshot, ConsentReader *reader)
{
	ConsentContact *root = consent_contact_root(DatumGetConsentContactPP(contact));
	ConsentStanding *standing;

	standing = fold_address(consent_standing_empty(), root, false, known_at, snapshot, reader,
							reader ? consent_reader_part(reader, root) : 0);
	return fold_others(standing, root, consent_contact_hash_extended(root, 0), known_at, snapshot);
}

/* All there is, for who has found out already what is to be known of the address. */
ConsentStanding *
consent_ledger_standing_at(const ConsentContact *root, uint64 key, int part, Snapshot snapshot, ConsentReader *reader)
{
	ConsentStanding *standing = fold_address(consent_standing_empty(), root, false, DT_NOEND, snapshot, reader, part);

	return fold_others(standing, root, key, DT_NOEND, snapshot);
}

/* The same of the address's own events alone, under a snapshot. */
ConsentStanding *
consent_ledger_own_standing(const ConsentContact *root, Snapshot snapshot)
{
	return fold_address(consent_standing_empty(), root, false, DT_NOEND, snapshot, NULL, 0);
}

/*
 * consent.with_others(address, standing): the standing kept for an address, of
 * its own events and of what it owes to others.  Mostly there are no others, and
 * a statement asks once: it sees no more of them later.
 */
PGDLLEXPORT Datum
pg_consent_with_others(PG_FUNCTION_ARGS)
{
	bool	   *others = fcinfo->flinfo->fn_extra;
	ConsentStanding *standing;
	ConsentContact *root;

	if (others == NULL)
	{
		others = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(bool));
		*others = consent_has_links() || consent_has_erasures();
		fcinfo->flinfo->fn_extra = others;
	}
	if (!*others)
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));

	standing = (ConsentStanding *) PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(1));
	root = consent_contact_root(PG_GETARG_CONSENT_CONTACT_PP(0));
	PG_RETURN_POINTER(fold_others(standing, root, consent_contact_hash_extended(root, 0), DT_NOEND, GetActiveSnapshot()));
}

/* A standing of the address's own events alone: without what others said. */
static ConsentStanding *
own_standing(const ConsentStanding *standing)
{
	ConsentStanding *own = palloc0(VARSIZE(standing));
	char	   *end = (char *) own + sizeof(ConsentStanding);
	const ConsentEntry *entry;

	own->layout = CONSENT_STANDING_LAYOUT;
	foreach_entry(entry, standing)
	{
		Size		length = consent_entry_size(entry);

		if (entry->facts.form == CONSENT_EVERY_FORM)
			continue;
		memcpy(end, entry, length);
		end += length;
		own->nentries++;
		own->newest = entry->facts.event_id;
	}
	SET_VARSIZE(own, end - (char *) own);
	return own;
}

/* consent.standing_own(standing) */
PGDLLEXPORT Datum
pg_consent_standing_own(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(own_standing((ConsentStanding *) PG_GETARG_VARLENA_P(0)));
}

/*
 * The standing kept for an address, by what had been recorded by then.  It has what
 * others said by the links that there are now; those of then are asked for anew.
 */
const ConsentStanding *
consent_ledger_known_by(Datum contact, const ConsentStanding *standing, TimestampTz known_at, Snapshot snapshot)
{
	ConsentContact *root;
	uint64		key;

	if (known_at == DT_NOEND)
		return standing;
	root = consent_contact_root(DatumGetConsentContactPP(contact));
	key = consent_contact_hash_extended(root, 0);
	if (consent_filter_rules_out_links(key) || consent_index_is_empty("person_link_address"))
		return consent_standing_known_by(standing, known_at);
	/* What is left of our own copy is ours to add to. */
	return fold_others((ConsentStanding *) consent_standing_known_by(own_standing(standing), known_at),
					   root, key, known_at, snapshot);
}

/* consent.last_event_at(standing): when last something was said or recorded */
PGDLLEXPORT Datum
pg_consent_last_event_at(PG_FUNCTION_ARGS)
{
	ConsentStanding *standing = (ConsentStanding *) PG_GETARG_VARLENA_P(0);
	TimestampTz last = DT_NOBEGIN;
	const ConsentEntry *entry;

	foreach_entry(entry, standing)
	{
		if (entry->facts.form == CONSENT_EVERY_FORM)
			continue;
		last = Max(last, entry->facts.recorded_at);
		if (!TIMESTAMP_NOT_FINITE(entry->facts.effective_at))
			last = Max(last, entry->facts.effective_at);
	}
	PG_RETURN_TIMESTAMPTZ(last);
}

/*
 * May the current user read the ledger?  Row security on it would make our
 * scan see what the user may not, so that is refused too.
 */
void
consent_ledger_check_readable(void)
{
	Oid			relid = consent_relation("ledger");
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

	CHECK_FOR_INTERRUPTS();
	if (!PG_ARGISNULL(1))
	{
		HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(1);
		TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row),
												  HeapTupleHeaderGetTypMod(row));
		HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};
		Datum		values[Natts_ledger];
		bool		nulls[Natts_ledger];

		consent_check_columns("ledger", desc, Natts_ledger);
		heap_deform_tuple(&tuple, desc, values, nulls);
		*state = consent_fold(*state, consent_ledger_event(values, nulls));
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
						 consent_event_kind_name((ConsentEventKind) entry->facts.kind), entry->facts.event_id);
	appendStringInfoChar(&out, '}');
	PG_RETURN_CSTRING(out.data);
}
