/*-------------------------------------------------------------------------
 *
 * trigger.c
 *	  The triggers that stand at the door of an outbound table.
 *
 * consent.guard_check() is the guard: a constraint trigger, AFTER ROW and ENABLE
 * ALWAYS, whose arguments are its whole configuration: it is dumped, cloned to
 * partitions and dropped with its table, and there is no second place that
 * could disagree.  AFTER, because only then the row is final; ROW, because such
 * triggers are cloned to partitions; ALWAYS, because a replica role must not
 * open the door.
 *
 * consent.guard_divert() is its herald: a BEFORE ROW trigger, made where the
 * guard has a diversion, or partitions (then for UPDATE only, because it would
 * make COPY slow).  It can do what is too late later:
 * store a refused row in its terminal state at once, so that clients get their
 * ids back and nobody ever sees it pending; keep a worker from the row it
 * takes; and tell a row that moves to another partition from a new one.  It
 * guarantees nothing: whatever passes it is judged by the guard.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "guard/action.h"
#include "guard/cache.h"
#include "guard/counters.h"
#include "guard/divert.h"
#include "guard/gate.h"
#include "guard/guard.h"
#include "guard/log.h"
#include "guard/trigger.h"
#include "ledger/digest.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_guard_check);
PG_FUNCTION_INFO_V1(pg_consent_guard_divert);

/* What happens to a row, as far as a guard is concerned. */
typedef enum RowEvent
{
	EVENT_NOTHING,
	EVENT_QUEUED,
	EVENT_RETRIED,				/* queued once more: it never raises */
	EVENT_CLAIMED				/* a worker takes it */
} RowEvent;

static bool
mapped_true(const ConsentRow *row, ConsentMapped mapped)
{
	return !row->nulls[mapped] && DatumGetBool(row->values[mapped]);
}

static bool
is_pending(const ConsentRow *row)
{
	return consent_row_is(row, MAPPED_PENDING) && consent_row_is(row, MAPPED_APPLIES);
}

/* old is NULL for a new row. */
static RowEvent
row_event(const ConsentMapping *mapping, const ConsentRow *row, const ConsentRow *old)
{
	bool		claimed = false;
	bool		again;

	if (!consent_row_is(row, MAPPED_APPLIES))
		return EVENT_NOTHING;
	if (old != NULL && mapping->state[MAPPED_CLAIM] != NULL)
	{
		claimed = mapped_true(old, MAPPED_CLAIM) && consent_row_is(old, MAPPED_APPLIES);
		if (!claimed && consent_row_is(row, MAPPED_CLAIM))
			return EVENT_CLAIMED;
	}
	if (!consent_row_is(row, MAPPED_PENDING))
		return EVENT_NOTHING;
	if (old == NULL)
		return mapped_true(row, MAPPED_RETRY) ? EVENT_RETRIED : EVENT_QUEUED;

	again = consent_row_is(old, MAPPED_APPLIES) && consent_same_message(mapping, row, old);
	if (again && is_pending(old))
		return EVENT_NOTHING;
	if (mapping->state[MAPPED_RETRY] != NULL)
		return mapped_true(row, MAPPED_RETRY) ? EVENT_RETRIED : EVENT_QUEUED;

	/*
	 * Nothing tells a retry from a draft that is finished; where the guard
	 * knows how to park a row, it does that rather than raise.
	 */
	return again && (claimed || mapping->divert != NULL) ? EVENT_RETRIED : EVENT_QUEUED;
}

/*
 * Rows that move to another partition.  Such an UPDATE is an INSERT for the
 * partition it ends in, and of that we know what the herald saw of the UPDATE:
 * which message it was, and whether it is to be judged.  It is forgotten when
 * the statement ends, and when a part of the transaction is rolled back: then
 * a row is judged once more than needed.
 */
typedef struct MovedKey
{
	Oid			guarded;		/* the table that was guarded */
	NameData	guard;
	uint8		message[CONSENT_DIGEST_LEN];
} MovedKey;

typedef struct Moved
{
	MovedKey	key;
	int			count;
	bool		retried;
} Moved;

static HTAB *moved = NULL;		/* in TopTransactionContext */
static MemoryContext moving = NULL; /* of the statement that moves rows */

static void
forget_moves(void)
{
	moved = NULL;
}

static void
moves_xact_callback(XactEvent event, void *arg)
{
	forget_moves();
}

static void
moves_subxact_callback(SubXactEvent event, SubTransactionId mySubid, SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_moves();
}

static void
statement_ended(void *arg)
{
	if (moved != NULL)
		hash_destroy(moved);
	forget_moves();
	moving = NULL;
}

void
consent_trigger_init(void)
{
	RegisterXactCallback(moves_xact_callback, NULL);
	RegisterSubXactCallback(moves_subxact_callback, NULL);
}

static void
message_key(const ConsentMapping *mapping, const ConsentRow *row, MovedKey *key)
{
	pg_cryptohash_ctx *sha = consent_digest_begin();

	memset(key, 0, sizeof(*key));
	key->guarded = mapping->root;
	namestrcpy(&key->guard, mapping->trigger);
	for (int i = 0; i < CONSENT_NMESSAGE; i++)
	{
		struct varlena *value;
		uint32		len;

		consent_digest_add(sha, &row->nulls[i], sizeof(bool));
		if (row->nulls[i])
			continue;
		if (mapping->typbyval[i])
		{
			consent_digest_add(sha, &row->values[i], sizeof(Datum));
			continue;
		}
		value = PG_DETOAST_DATUM_PACKED(row->values[i]);
		len = VARSIZE_ANY_EXHDR(value);
		consent_digest_add(sha, &len, sizeof(len));
		consent_digest_add(sha, VARDATA_ANY(value), len);
	}
	memcpy(key->message, VARDATA(consent_digest_end(sha)), sizeof(key->message));
}

/* The herald sees a row that is about to leave its partition; statement lives as long as that. */
static void
note_moved(MemoryContext statement, const ConsentMapping *mapping, const ConsentRow *row, RowEvent event)
{
	MovedKey	key;
	Moved	   *entry;
	bool		found;

	if (moving != statement)
	{
		MemoryContextCallback *callback = MemoryContextAllocZero(statement, sizeof(MemoryContextCallback));

		callback->func = statement_ended;
		MemoryContextRegisterResetCallback(statement, callback);
		moving = statement;
	}
	if (moved == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(MovedKey), .entrysize = sizeof(Moved), .hcxt = TopTransactionContext};

		moved = hash_create("pg_consent moved rows", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	message_key(mapping, row, &key);
	entry = hash_search(moved, &key, HASH_ENTER, &found);
	if (!found)
		entry->count = 0;
	entry->count++;
	entry->retried = event == EVENT_RETRIED;
}

/*
 * A new row: has it only moved?  Then *event is what the UPDATE was.  The
 * guard, which is the last to see it, takes it off the list.
 */
static bool
has_moved(const ConsentMapping *mapping, const ConsentRow *row, bool last, RowEvent *event)
{
	MovedKey	key;
	Moved	   *entry;

	if (moved == NULL)
		return false;
	message_key(mapping, row, &key);
	entry = hash_search(moved, &key, HASH_FIND, NULL);
	if (entry == NULL)
		return false;
	*event = entry->retried ? EVENT_RETRIED : EVENT_NOTHING;
	if (last && --entry->count == 0)
		hash_search(moved, &key, HASH_REMOVE, NULL);
	return true;
}

/* The herald of a guard, NULL if it has none. */
Trigger *
consent_guard_herald(Relation rel, const char *guard)
{
	Oid			guard_divert = consent_guard_function("guard_divert");

	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgfoid == guard_divert && trigger->tgnargs == 1 && strcmp(trigger->tgargs[0], guard) == 0)
			return trigger;
	}
	return NULL;
}

/*
 * The name of a BEFORE trigger that is fired after the herald of a guard, and
 * so could rewrite what that left; NULL if there is none.
 */
const char *
consent_guard_overtaken_by(Relation rel, const char *guard)
{
	Oid			guard_divert = consent_guard_function("guard_divert");
	Trigger    *herald = consent_guard_herald(rel, guard);

	for (int i = 0; herald != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[i];

		if (TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_BEFORE(trigger->tgtype) &&
			(TRIGGER_FOR_INSERT(trigger->tgtype) || TRIGGER_FOR_UPDATE(trigger->tgtype)) &&
			trigger->tgenabled != TRIGGER_DISABLED && trigger->tgfoid != guard_divert &&
			strcmp(trigger->tgname, herald->tgname) > 0)
			return trigger->tgname;
	}
	return NULL;
}

/* Is it fired for every row that is updated, or inserted?  It may have been made by hand. */
bool
consent_guard_sees_all(const Trigger *trigger, bool inserts)
{
	return TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_UPDATE(trigger->tgtype) &&
		(!inserts || TRIGGER_FOR_INSERT(trigger->tgtype)) &&
		trigger->tgqual == NULL && trigger->tgnattr == 0;
}

/* Has the herald seen the row as it is stored? */
static bool
was_heralded(Relation rel, const char *guard)
{
	Trigger    *herald = consent_guard_herald(rel, guard);

	return herald != NULL && herald->tgenabled == TRIGGER_FIRES_ALWAYS && consent_guard_sees_all(herald, false) &&
		consent_guard_overtaken_by(rel, guard) == NULL;
}

/* Does the herald divert it, if it is refused? */
static bool
is_diverted_early(const ConsentMapping *mapping, RowEvent event)
{
	return mapping->early &&
		((mapping->on_block == BLOCK_DIVERT && event == EVENT_QUEUED) || event == EVENT_RETRIED);
}

/* A guard at work in a statement: kept in the trigger's FmgrInfo. */
typedef struct Watch
{
	ConsentMapping *mapping;
	ConsentSitting sitting;
} Watch;

/* Judge a row, and count that. */
static bool
judge(Watch *watch, const ConsentRow *row, ConsentJudgement *judgement)
{
	bool		allowed = consent_guard_judge_row(watch->mapping, row, &watch->sitting, judgement);

	consent_counters_count(watch->mapping->root, judgement->verdict.reason);
	return allowed;
}

static Watch *
watch_for(FunctionCallInfo fcinfo, Relation rel, Trigger *guard)
{
	MemoryContext statement = fcinfo->flinfo->fn_mcxt;
	Watch	   *watch = fcinfo->flinfo->fn_extra;

	if (watch == NULL)
	{
		watch = MemoryContextAllocZero(statement, sizeof(Watch));
		watch->mapping = consent_guard_cached(rel, guard, statement);
		watch->sitting.context = statement;
		fcinfo->flinfo->fn_extra = watch;
	}
	return watch;
}

/* The herald's guard. */
static Watch *
heralded_watch(FunctionCallInfo fcinfo, TriggerData *trigdata)
{
	Trigger    *herald = trigdata->tg_trigger;
	Trigger    *guard;

	if (fcinfo->flinfo->fn_extra != NULL)
		return fcinfo->flinfo->fn_extra;
	guard = herald->tgnargs == 1 ? consent_guard_by_trigger(trigdata->tg_relation, herald->tgargs[0]) : NULL;
	if (guard == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" of table \"%s\" has no guard to divert for", herald->tgname,
						RelationGetRelationName(trigdata->tg_relation)),
				 errhint("Make the guard anew with consent.unguard() and consent.guard().")));
	return watch_for(fcinfo, trigdata->tg_relation, guard);
}

/* A refused row as it is stored: in its terminal state, and no longer pending. */
static HeapTuple
divert(Relation rel, ConsentMapping *mapping, HeapTuple tuple, TupleTableSlot *slot,
	   const ConsentJudgement *judgement, ConsentRow *row)
{
	HeapTuple	diverted = consent_divert_tuple(mapping, rel, tuple, slot,
												consent_reason_code(judgement->verdict.reason));
	TupleTableSlot *result = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);

	ExecStoreHeapTuple(diverted, result, false);
	consent_mapping_evaluate(mapping, result, row);
	ExecDropSingleTupleTableSlot(result);
	if (is_pending(row))
		consent_guard_still_pending(rel);
	return diverted;
}

/* Not yet committed: an AFTER trigger may be changing it before the guard has judged it. */
static bool
is_new(HeapTuple tuple)
{
	return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
}

PGDLLEXPORT Datum
pg_consent_guard_divert(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	Relation	rel;
	Watch	   *watch;
	ConsentMapping *mapping;
	ConsentRow	row;
	ConsentJudgement judgement;
	RowEvent	event;
	HeapTuple	tuple;
	TupleTableSlot *slot;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) || TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.guard_divert() must be fired BEFORE INSERT OR UPDATE of each ROW"),
				 errhint("Make the guard with consent.guard().")));
	rel = trigdata->tg_relation;
	watch = heralded_watch(fcinfo, trigdata);
	mapping = watch->mapping;

	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
	{
		ConsentRow	old;

		tuple = trigdata->tg_newtuple;
		slot = trigdata->tg_newslot;
		consent_mapping_evaluate(mapping, slot, &row);
		consent_mapping_evaluate(mapping, trigdata->tg_trigslot, &old);
		event = row_event(mapping, &row, &old);
		if (event == EVENT_CLAIMED)
		{
			if (!judge(watch, &row, &judgement))
			{
				/*
				 * Rewriting the row would hand it to the worker all the same,
				 * and only holding it back would leave it at the head of the
				 * queue: so it is parked, and then there is nothing to claim.
				 */
				if (!consent_action_park(rel, mapping, &trigdata->tg_trigtuple->t_self, &judgement))
					consent_guard_raise(rel, &judgement);
				consent_log_decision(mapping, &judgement, "parked");
				return PointerGetDatum(NULL);
			}

			/* The guard judges it again only where this could not be the last word. */
			if (mapping->early && was_heralded(rel, mapping->trigger))
				consent_log_allowance(mapping, &judgement, true);
			event = EVENT_NOTHING;
		}
	}
	else
	{
		tuple = trigdata->tg_trigtuple;
		slot = trigdata->tg_trigslot;
		consent_mapping_evaluate(mapping, slot, &row);
		if (has_moved(mapping, &row, false, &event))
			return PointerGetDatum(tuple);
		event = row_event(mapping, &row, NULL);
	}

	/*
	 * What passes here is judged once more, and counted, by the guard.  That this
	 * is twice is no mistake: whether the row is stored at all (ON CONFLICT), and
	 * as what, and where the gate finds it, is known only then.
	 */
	if (is_diverted_early(mapping, event) && !consent_guard_judge_row(mapping, &row, &watch->sitting, &judgement))
	{
		consent_counters_count(mapping->root, judgement.verdict.reason);
		tuple = divert(rel, mapping, tuple, slot, &judgement, &row);
		consent_log_decision(mapping, &judgement, "diverted");
	}
	else if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) && event != EVENT_QUEUED && is_pending(&row) &&
			 consent_mapping_leaves(mapping, slot) &&
			 !is_new(trigdata->tg_trigtuple) &&
			 consent_guard_overtaken_by(rel, mapping->trigger) == NULL)
		note_moved(fcinfo->flinfo->fn_mcxt, mapping, &row, event);
	return PointerGetDatum(tuple);
}

/*
 * Away with a refused row.  Another AFTER trigger may have changed it since: that
 * was no new decision, because this one was still to come, so we go after it.
 */
static void
put_away(Relation rel, ConsentMapping *mapping, ItemPointer tid, bool park, const ConsentJudgement *judgement)
{
	TupleTableSlot *slot = NULL;
	ItemPointerData at = *tid;
	ConsentJudgement again;
	bool		followed = false;

	while (!(park ? consent_action_park(rel, mapping, &at, judgement) :
			 consent_action_quarantine(rel, mapping, &at, judgement)))
	{
		ItemPointerData before = at;

		if (slot == NULL)
			slot = table_slot_create(rel, NULL);
		if (!consent_action_follow(rel, &at, slot) ||
			consent_guard_judge(mapping, slot, &again) != ROW_REFUSED)
		{
			ExecDropSingleTupleTableSlot(slot);
			return;
		}

		/* Something does not let us: a trigger may even change it each time. */
		if (followed || ItemPointerEquals(&before, &at))
			consent_guard_raise(rel, &again);
		judgement = &again;
		followed = true;
	}
	consent_log_decision(mapping, judgement, mapping->divert != NULL && park ? "diverted" : "quarantined");
	if (slot != NULL)
		ExecDropSingleTupleTableSlot(slot);
}

/* What is done with a refused row that is stored and final. */
static void
refuse(Relation rel, ConsentMapping *mapping, ItemPointer tid, RowEvent event,
	   const ConsentJudgement *judgement)
{
	ConsentBlockAction action = mapping->on_block;
	bool		park = event == EVENT_RETRIED && !mapping->only_flags;

	if (action == BLOCK_FLAG && !park)
	{
		consent_log_decision(mapping, judgement, "flagged");
		return;
	}

	/* The herald diverted it, and a trigger after it undid that. */
	if ((action == BLOCK_RAISE && !park) ||
		(is_diverted_early(mapping, event) && consent_guard_overtaken_by(rel, mapping->trigger) != NULL))
		consent_guard_raise(rel, judgement);

	put_away(rel, mapping, tid, park || action == BLOCK_DIVERT, judgement);
}

/* The same at commit: see gate.c.  There it is known of a row that it was let through, or has waited. */
void
consent_guard_refuse(Relation rel, ConsentMapping *mapping, ItemPointer tid, bool decided,
					 const ConsentJudgement *judgement)
{
	consent_counters_count(mapping->root, judgement->verdict.reason);
	refuse(rel, mapping, tid, decided && mapping->on_block != BLOCK_FLAG ? EVENT_QUEUED : EVENT_RETRIED, judgement);
}

/* A pending row that is no new decision is only remembered for the gate. */
static void
note_touched(Relation rel, const ConsentMapping *mapping, const ConsentRow *row, ItemPointer tid)
{
	uint64	   *keys;
	int			n = consent_guard_keys(mapping, row, &keys);

	for (int i = 0; i < n; i++)
		consent_gate_enter(keys[i]);
	consent_gate_note(rel, tid, keys, n, false);
}

PGDLLEXPORT Datum
pg_consent_guard_check(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	Relation	rel;
	Watch	   *watch;
	ConsentMapping *mapping;
	ConsentRow	row;
	ConsentJudgement judgement;
	RowEvent	event;
	TupleTableSlot *slot;

	/* One made by hand may hang on a foreign table, whose rows the gate could not find again. */
	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) ||
		trigdata->tg_relation->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.guard_check() must be fired AFTER each ROW of a table"),
				 errhint("Make the guard with consent.guard().")));
	if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
		return PointerGetDatum(NULL);

	rel = trigdata->tg_relation;
	watch = watch_for(fcinfo, rel, trigdata->tg_trigger);
	mapping = watch->mapping;
	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
	{
		ConsentRow	old;

		slot = trigdata->tg_newslot;
		consent_mapping_evaluate(mapping, slot, &row);
		consent_mapping_evaluate(mapping, trigdata->tg_trigslot, &old);
		event = row_event(mapping, &row, &old);

		/*
		 * The herald has judged it; if not, it is too late to park the row.  What
		 * it could judge of a row with generated columns was what they had been.
		 */
		if (event == EVENT_CLAIMED && mapping->early && was_heralded(rel, mapping->trigger))
			event = EVENT_NOTHING;
	}
	else
	{
		slot = trigdata->tg_trigslot;
		consent_mapping_evaluate(mapping, slot, &row);
		if (!has_moved(mapping, &row, true, &event))
			event = row_event(mapping, &row, NULL);
	}
	if (event == EVENT_NOTHING)
	{
		if (is_pending(&row) && !mapping->only_flags)
			note_touched(rel, mapping, &row, &slot->tts_tid);
		return PointerGetDatum(NULL);
	}

	watch->sitting.rel = rel;
	watch->sitting.tid = slot->tts_tid;
	if (judge(watch, &row, &judgement))
	{
		consent_log_allowance(mapping, &judgement, event == EVENT_CLAIMED);
		if (!mapping->only_flags)
			consent_gate_note(rel, &slot->tts_tid, judgement.keys, judgement.nkeys, event == EVENT_QUEUED);
	}
	else if (event == EVENT_CLAIMED)
		consent_guard_raise(rel, &judgement);
	else
		refuse(rel, mapping, &slot->tts_tid, event, &judgement);
	return PointerGetDatum(NULL);
}
