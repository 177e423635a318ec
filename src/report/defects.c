/*-------------------------------------------------------------------------
 *
 * defects.c
 *	  consent.record_defects(): what is wrong with a consent or soft opt-in by
 *	  itself.
 *
 * The law's conditions for it are asked, of a standing of the one event, as if a
 * message went out now to whom it is about, from whom it names, by one of its
 * channels.  The verdict is not: a live call needs no consent, and one that is
 * void is void all the same.  Of the other events only first contact counts, and
 * is looked up, in the standing kept for the address, where a third party's
 * consent were stale without it.
 *
 * It takes columns and not a row, so that consent.at_risk finds all of them in an
 * index.  Millions of records are of few organisations, purposes and channels and
 * fail in few ways, so sends and results are kept for the statement.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/spccache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "contact/contact.h"
#include "decision/permission.h"
#include "ledger/judge.h"
#include "ledger/ledger.h"
#include "ledger/relation.h"
#include "ledger/sent.h"

PG_FUNCTION_INFO_V1(pg_consent_record_defects);
PG_FUNCTION_INFO_V1(pg_consent_stored_size);

/* Arguments of consent.record_defects(): columns of the ledger. */
static const AttrNumber arg_columns[] = {
	Anum_ledger_event_id, Anum_ledger_contact, Anum_ledger_kind, Anum_ledger_channels, Anum_ledger_organisation,
	Anum_ledger_purpose, Anum_ledger_method, Anum_ledger_product_category, Anum_ledger_refusal_offered,
	Anum_ledger_refused, Anum_ledger_relationship, Anum_ledger_collected_by, Anum_ledger_named_organisations,
	Anum_ledger_expires_at, Anum_ledger_effective_at, Anum_ledger_recorded_at, Anum_ledger_defects
};

/* Columns of consent.address_standing, as standing.sql creates them. */
#define Anum_standing_address	1
#define Anum_standing_standing	4

/* Of a row as consent_ledger_event() takes it. */
#define IS_NULL(column) (nulls[Anum_ledger_##column - 1])
#define VALUE(column) (values[Anum_ledger_##column - 1])

typedef struct KeptSend
{
	struct varlena *organisation;	/* NULL: none is named */
	struct varlena *purpose;
	ConsentChannel channel;
	ConsentCase c;
} KeptSend;

typedef struct KeptResult
{
	ConsentReasonSet set;
	Datum		array;
} KeptResult;

/*
 * After so many lookups in a partition of the ledger, a process asks for so many
 * blocks around each of its lookups: they are random, but there will be some of them
 * in most places, and one by one each would wait for the disk.
 */
#define LOOKUPS_FEW 1000
#define BLOCKS_AROUND 32

/* Of a relation: which stretches of BLOCKS_AROUND blocks were asked for. */
typedef struct AskedFor
{
	BlockNumber nblocks;
	uint8	   *stretches;		/* a bit for each; NULL at first */
} AskedFor;

typedef struct DefectsCache
{
	TimestampTz now;			/* the same throughout the query */
	ConsentReasonSet of_record; /* the reasons that speak of a record */
	MemoryContext sends_context;
	int			nsends;
	KeptSend	sends[32];
	MemoryContext results_context;
	int			nresults;
	KeptResult	results[32];
	bool		may_read;		/* the ledger, which was asked */
	int64		nlookups;
	AskedFor	standings;
	AskedFor	index;
} DefectsCache;

static bool
begins_with(const char **code, int *len, const char *prefix)
{
	int			n = strlen(prefix);

	if (*len < n || memcmp(*code, prefix, n) != 0)
		return false;
	*code += n;
	*len -= n;
	return true;
}

/*
 * Does a reason speak of a consent or soft opt-in on record?  Not that there is
 * none, that its time has come or is to come, or what else the message is for.
 */
static bool
is_of_record(const char *code, int len)
{
	static const char *const others[] = {
		"consent_missing", "consent_expired", "consent_not_yet_given", "csoi_not_sole_purpose"
	};

	for (int i = 0; i < lengthof(others); i++)
	{
		if (len == strlen(others[i]) && memcmp(code, others[i], len) == 0)
			return false;
	}
	(void) begins_with(&code, &len, "third_party_");
	return begins_with(&code, &len, "consent_") || begins_with(&code, &len, "soi_") || begins_with(&code, &len, "csoi_") ||
		begins_with(&code, &len, "pension_");
}

static DefectsCache *
defects_cache(FunctionCallInfo fcinfo)
{
	DefectsCache *cache = fcinfo->flinfo->fn_extra;
	MemoryContext query = fcinfo->flinfo->fn_mcxt;

	if (cache != NULL)
		return cache;
	cache = MemoryContextAllocZero(query, sizeof(DefectsCache));
	cache->now = GetCurrentTimestamp();
	for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
	{
		const char *code = consent_reason_code((ConsentReason) reason);

		if (is_of_record(code, strlen(code)))
			consent_reason_add(&cache->of_record, (ConsentReason) reason);
	}
	cache->sends_context = AllocSetContextCreate(query, "pg_consent defects sends", ALLOCSET_SMALL_SIZES);
	cache->results_context = AllocSetContextCreate(query, "pg_consent defects results", ALLOCSET_SMALL_SIZES);
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

/* What was found wrong when it was recorded; the array itself if that is all of record. */
static Datum
known_defects(FunctionCallInfo fcinfo, Datum array)
{
	Datum	   *codes;
	int			n,
				kept = 0;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &codes, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		const text *code = DatumGetTextPP(codes[i]);

		if (is_of_record(VARDATA_ANY(code), VARSIZE_ANY_EXHDR(code)))
			codes[kept++] = codes[i];
	}
	if (kept == 0)
		PG_RETURN_NULL();
	if (kept == n)
		return array;
	PG_RETURN_DATUM(PointerGetDatum(construct_array(codes, kept, TEXTOID, -1, false, TYPALIGN_INT)));
}

static bool
same_text(const struct varlena *a, const struct varlena *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static struct varlena *
copy_text(const struct varlena *value)
{
	struct varlena *copy = NULL;

	if (value != NULL)
	{
		copy = palloc(VARSIZE_ANY(value));
		memcpy(copy, value, VARSIZE_ANY(value));
	}
	return copy;
}

/* Marketing now, from whom, for what and by what; purpose NULL: marketing. */
static const ConsentCase *
kept_send(DefectsCache *cache, struct varlena *organisation, struct varlena *purpose, ConsentChannel channel)
{
	KeptSend   *send;
	MemoryContext caller;

	for (int i = 0; i < cache->nsends; i++)
	{
		send = &cache->sends[i];
		if (send->channel == channel && same_text(send->organisation, organisation) && same_text(send->purpose, purpose))
			return &send->c;
	}

	if (cache->nsends == lengthof(cache->sends))
	{
		cache->nsends = 0;
		MemoryContextReset(cache->sends_context);
	}
	send = &cache->sends[cache->nsends];
	caller = MemoryContextSwitchTo(cache->sends_context);
	memset(send, 0, sizeof(*send));
	send->organisation = copy_text(organisation);
	send->purpose = copy_text(purpose);
	send->channel = channel;
	consent_case_set_organisation(&send->c, organisation ? text_to_cstring((text *) organisation) : NULL);
	consent_case_set_purpose(&send->c, purpose ? text_to_cstring((text *) purpose) : "marketing");
	send->c.send.channel = channel;
	send->c.send.class = CLASS_DIRECT_MARKETING;
	send->c.send.at = cache->now;
	send->c.send.opt_out_offered = true;
	send->c.send.identity_shown = true;
	if (send->c.invalid == REASON_NONE)
		consent_case_complete(&send->c, DT_NOEND, GetActiveSnapshot());
	MemoryContextSwitchTo(caller);
	cache->nsends++;
	return &send->c;
}

static Datum
kept_result(DefectsCache *cache, const ConsentReasonSet *set)
{
	Datum		codes[REASON_COUNT];
	Datum		array;
	MemoryContext caller;
	bool		keep;
	int			n = 0;

	for (int i = 0; i < cache->nresults; i++)
	{
		if (memcmp(&cache->results[i].set, set, sizeof(*set)) == 0)
			return cache->results[i].array;
	}

	/* Somebody may still look at one of those that are kept. */
	keep = cache->nresults < lengthof(cache->results);
	caller = MemoryContextSwitchTo(keep ? cache->results_context : CurrentMemoryContext);
	for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
	{
		if (consent_reason_in(set, (ConsentReason) reason))
			codes[n++] = CStringGetTextDatum(consent_reason_code((ConsentReason) reason));
	}
	array = PointerGetDatum(construct_array(codes, n, TEXTOID, -1, false, TYPALIGN_INT));
	MemoryContextSwitchTo(caller);
	if (keep)
		cache->results[cache->nresults++] = (KeptResult) {*set, array};
	return array;
}

/* An element of an array column as SQL's subscript finds it. */
static Datum
element(Datum array, int16 length, bool by_value, bool *isnull)
{
	int			subscript = 1;

	return array_get_element(array, 1, &subscript, -1, length, by_value, TYPALIGN_INT, isnull);
}

/* Whatever else is on record, and whatever would allow the message without it. */
static ConsentReasonSet
failures(const ConsentStanding *standing, int64 event_id, const ConsentSend *send)
{
	ConsentReasonSet found = {0};
	ConsentRefusals refusals;
	const ConsentEntry *entry;
	ConsentRelationship relationship;
	bool		charity;

	foreach_entry(entry, standing)
	{
		if (entry->facts.event_id != event_id)
			continue;
		if (entry->facts.kind == EVENT_CONSENT)
			return consent_failures(entry, standing, send);
		if (entry->facts.kind != EVENT_SOFT_OPT_IN)
			break;
		relationship = consent_entry_details(entry)->relationship;
		if (relationship == RELATIONSHIP_CLIENT)
		{
			/* It is for live calls, where these need no consent. */
			if ((send->policy->opt_out_individual & CHANNEL_BIT(CHANNEL_LIVE_CALL)) == 0)
				break;
			if (!consent_is_client(entry, send))
				consent_reason_add(&found, PENSION_NOT_PERMITTED);
		}
		else
		{
			charity = relationship == RELATIONSHIP_SUPPORT;
			if (!consent_has_soft_opt_in(send->policy, charity))
				break;
			refusals = consent_refusals(standing, send);
			found = charity ? consent_charity_failures(entry, &refusals, send) :
				consent_soft_opt_in_failures(entry, &refusals, send);
		}
		/* Of unknown time it never counts; of a consent that is recorded with it. */
		if (entry->facts.effective_at == DT_NOEND)
			consent_reason_add(&found, CONSENT_UNEVIDENCED);
		break;
	}
	return found;
}

static ConsentStanding *
fold_contacted(ConsentStanding *standing, const ConsentStanding *address)
{
	const ConsentEntry *entry;

	foreach_entry(entry, address)
	{
		ConsentEvent contacted = {.facts = entry->facts, .details = *consent_entry_details(entry)};

		CHECK_FOR_INTERRUPTS();
		if (entry->facts.kind != EVENT_CONTACTED)
			continue;
		if (entry->facts.marks & CONSENT_MARK_DETAILED)
		{
			contacted.named = consent_entry_named(entry);
			contacted.label = consent_entry_label(entry);
		}
		standing = consent_fold(standing, &contacted);
	}
	return standing;
}

static void
ask_for_more(AskedFor *asked, MemoryContext context, Relation rel, BlockNumber block)
{
	BlockNumber stretch = block / BLOCKS_AROUND;
	BlockNumber first = stretch * BLOCKS_AROUND;

	if (get_tablespace_io_concurrency(rel->rd_rel->reltablespace) == 0)
		return;					/* PrefetchBuffer() does not ask */
	if (asked->stretches == NULL)
	{
		asked->nblocks = RelationGetNumberOfBlocks(rel);
		asked->stretches = MemoryContextAllocZero(context, asked->nblocks / BLOCKS_AROUND / 8 + 1);
	}
	if (block >= asked->nblocks || (asked->stretches[stretch / 8] & (1 << stretch % 8)) != 0)
		return;
	asked->stretches[stretch / 8] |= 1 << stretch % 8;
	for (BlockNumber next = first; next < Min(first + BLOCKS_AROUND, asked->nblocks); next++)
	{
		if (next != block)
			PrefetchBuffer(rel, MAIN_FORKNUM, next);
	}
}

/*
 * Fold in the first contacts of an address.  Its standing is one row where its
 * events are many; where it was not kept, the ledger has it.
 */
static ConsentStanding *
add_first_contacts(DefectsCache *cache, ConsentStanding *standing, Datum contact, Snapshot snapshot)
{
	ConsentContact *root = consent_contact_root(DatumGetConsentContactPP(contact));
	Relation	standings = table_open(consent_relation("address_standing"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(standings);
	TypeCacheEntry *type = lookup_type_cache(TupleDescAttr(desc, Anum_standing_address - 1)->atttypid, TYPECACHE_EQ_OPR_FINFO);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyEntryInitialize(&key, 0, Anum_standing_address, BTEqualStrategyNumber, InvalidOid, InvalidOid,
						   type->eq_opr_finfo.fn_oid, PointerGetDatum(root));
	scan = systable_beginscan(standings, consent_relation("address_standing_pkey"), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		address = heap_getattr(tuple, Anum_standing_standing, desc, &isnull);

		standing = fold_contacted(standing, (ConsentStanding *) PG_DETOAST_DATUM(address));
		if (++cache->nlookups > LOOKUPS_FEW)
		{
			MemoryContext context = GetMemoryChunkContext(cache);

			ask_for_more(&cache->standings, context, standings, ItemPointerGetBlockNumber(&tuple->t_self));
			if (scan->iscan != NULL)
				ask_for_more(&cache->index, context, scan->irel, ((BTScanOpaque) scan->iscan->opaque)->currPos.currPage);
		}
	}
	else
		standing = fold_contacted(standing, consent_ledger_own_standing(root, snapshot));
	systable_endscan(scan);
	table_close(standings, AccessShareLock);
	return standing;
}

PGDLLEXPORT Datum
pg_consent_record_defects(PG_FUNCTION_ARGS)
{
	DefectsCache *cache = defects_cache(fcinfo);
	Datum		values[Natts_ledger] = {0};
	bool		nulls[Natts_ledger];
	ConsentEvent *event;
	ConsentStanding *standing;
	const ConsentCase *c;
	ConsentSend send;
	ConsentReasonSet found;
	Datum		organisation;
	bool		no_organisation;

	memset(nulls, true, sizeof(nulls));
	for (int i = 0; i < lengthof(arg_columns); i++)
	{
		values[arg_columns[i] - 1] = PG_GETARG_DATUM(i);
		nulls[arg_columns[i] - 1] = PG_ARGISNULL(i);
	}

	/* The organisation's own consents are judged when they are recorded. */
	if (!IS_NULL(defects) && IS_NULL(collected_by))
		return known_defects(fcinfo, VALUE(defects));

	event = consent_ledger_event(values, nulls);

	/* A third party's consent serves whom it names. */
	organisation = VALUE(organisation);
	no_organisation = IS_NULL(organisation);
	if (!IS_NULL(collected_by) && !IS_NULL(named_organisations))
	{
		bool		isnull;
		Datum		first = element(VALUE(named_organisations), -1, false, &isnull);

		if (!isnull)
		{
			organisation = first;
			no_organisation = false;
		}
	}
	c = kept_send(cache, no_organisation ? NULL : PG_DETOAST_DATUM_PACKED(organisation),
				  IS_NULL(purpose) ? NULL : PG_DETOAST_DATUM_PACKED(VALUE(purpose)),
				  (ConsentChannel) pg_rightmost_one_pos32(event->facts.channels));
	if (c->invalid != REASON_NONE || c->send.policy == NULL)
	{
		if (IS_NULL(defects))
			PG_RETURN_NULL();
		return known_defects(fcinfo, VALUE(defects));
	}

	send = c->send;
	send.form = event->facts.form;
	if (event->label != NULL)
	{
		send.category = event->label;
		send.category_len = event->details.label_len;
	}
	standing = consent_fold(consent_standing_empty(), event);
	if (consent_awaits_contact(standing, &send))
	{
		if (!cache->may_read)
			consent_ledger_check_readable();
		cache->may_read = true;
		standing = add_first_contacts(cache, standing, VALUE(contact), GetActiveSnapshot());
	}
	consent_sent_facts(&send, standing, VALUE(contact), DT_NOEND, GetActiveSnapshot());
	found = failures(standing, event->facts.event_id, &send);
	for (int i = 0; i < CONSENT_REASON_WORDS; i++)
		found.word[i] &= cache->of_record.word[i];
	if (consent_reason_none(&found))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(kept_result(cache, &found));
}

/* consent.stored_size(VARIADIC "any"): bytes, before any compression */
PGDLLEXPORT Datum
pg_consent_stored_size(PG_FUNCTION_ARGS)
{
	int64		size = 0;

	for (int i = 0; i < PG_NARGS(); i++)
	{
		int16		length = get_typlen(get_fn_expr_argtype(fcinfo->flinfo, i));

		if (PG_ARGISNULL(i))
			continue;
		if (length == -1)
			size += toast_raw_datum_size(PG_GETARG_DATUM(i));
		else if (length > 0)
			size += length;
		else
			size += strlen(PG_GETARG_CSTRING(i)) + 1;
	}
	PG_RETURN_INT32((int32) Min(size, PG_INT32_MAX));
}
