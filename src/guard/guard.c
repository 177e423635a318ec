/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  The trigger that refuses a message.
 *
 * A guard is a constraint trigger, AFTER ROW and ENABLE ALWAYS, whose
 * arguments are its whole configuration: it is dumped, cloned to partitions
 * and dropped with its table, and there is no second place that could
 * disagree.  AFTER, because only then the row is final; ROW, because such
 * triggers are cloned to partitions; ALWAYS, because a replica role must not
 * open the door.
 *
 * The verdict is made under the latest snapshot, not the transaction's or the
 * statement's: a withdrawal that has committed is seen at any isolation level.
 * One that commits between this check and our own commit is not seen here, but
 * by the gate (gate.c), which judges such rows again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "classify/classify.h"
#include "contact/contact.h"
#include "guard/gate.h"
#include "guard/guard.h"
#include "ledger/ledger.h"
#include "module/compat.h"
#include "module/errors.h"
#include "module/module.h"

PG_FUNCTION_INFO_V1(pg_consent_guard_check);

static char *
row_text(const ConsentRow *row, ConsentMapped mapped)
{
	return row->nulls[mapped] ? NULL : TextDatumGetCString(row->values[mapped]);
}

/*
 * The next trigger, from *position on, that guards a relation; NULL if there
 * is none.  A guard is known by its function, not by its name.
 */
Trigger *
consent_guard_next(Relation rel, int *position)
{
	Oid			guard_check = LookupFuncName(list_make2(makeString("consent"), makeString("guard_check")),
											 0, NULL, false);

	while (rel->trigdesc != NULL && *position < rel->trigdesc->numtriggers)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[(*position)++];

		if (trigger->tgfoid == guard_check)
			return trigger;
	}
	return NULL;
}

/* One argument of a guard's trigger, NULL if it has none such. */
const char *
consent_guard_argument(const Trigger *trigger, const char *argument)
{
	for (int i = 0; i + 1 < trigger->tgnargs; i += 2)
	{
		if (strcmp(trigger->tgargs[i], argument) == 0)
			return trigger->tgargs[i + 1];
	}
	return NULL;
}

/*
 * The mappings of a guard, compiled in the current memory context.  They hold
 * as long as the relation is locked, so that its columns cannot change.
 */
ConsentMapping *
consent_guard_mapping(Relation rel, Trigger *trigger)
{
	ConsentMapping *mapping = palloc0(sizeof(ConsentMapping));
	ConsentPinned pinned;

	mapping->owner = rel->rd_rel->relowner;
	pinned = consent_pin(mapping->owner, NULL);
	for (int i = 0; i + 1 < trigger->tgnargs; i += 2)
	{
		int			mapped = consent_mapping_lookup(trigger->tgargs[i]);

		if (mapped >= 0)
			consent_mapping_compile(mapping, rel, mapped, trigger->tgargs[i + 1]);
		else if (strcmp(trigger->tgargs[i], "region") == 0)
			mapping->region = pstrdup(trigger->tgargs[i + 1]);
		else if (strcmp(trigger->tgargs[i], "name") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
					 errmsg("consent.guard_check() does not know the argument \"%s\"", trigger->tgargs[i]),
					 errhint("Make the guard with consent.guard().")));
	}
	consent_unpin(pinned);

	if (mapping->region == NULL ||
		mapping->state[MAPPED_RECIPIENT] == NULL ||
		mapping->state[MAPPED_CHANNEL] == NULL ||
		mapping->state[MAPPED_ORGANISATION] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.guard_check() lacks a mapping"),
				 errhint("Make the guard with consent.guard().")));

	return mapping;
}

/* The same, kept for the statement in the trigger's FmgrInfo. */
static ConsentMapping *
mapping_for(FunctionCallInfo fcinfo, TriggerData *trigdata)
{
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		fcinfo->flinfo->fn_extra = consent_guard_mapping(trigdata->tg_relation, trigdata->tg_trigger);
		MemoryContextSwitchTo(caller);
	}
	return fcinfo->flinfo->fn_extra;
}

/* Is it the same message? */
static bool
same_message(const ConsentMapping *mapping, const ConsentRow *a, const ConsentRow *b)
{
	for (int i = 0; i < CONSENT_NMESSAGE; i++)
	{
		if (a->nulls[i] != b->nulls[i])
			return false;
		if (!a->nulls[i] &&
			!datum_image_eq(a->values[i], b->values[i],
							mapping->typbyval[i], mapping->typlen[i]))
			return false;
	}
	return true;
}

/* Not mapped, it is true of every row; and of one that cannot tell, too. */
static bool
is_true(const ConsentRow *row, ConsentMapped mapped)
{
	return row->nulls[mapped] || DatumGetBool(row->values[mapped]);
}

/* Is it this guard's to judge, and still to be sent? */
static bool
is_pending(const ConsentRow *row)
{
	return is_true(row, MAPPED_PENDING) && is_true(row, MAPPED_APPLIES);
}

/* How far a class is from being free to send. */
static int
strictness(ConsentClass class)
{
	switch (class)
	{
		case CLASS_SERVICE:
		case CLASS_REGULATORY:
		case CLASS_PUBLIC_TASK:
			return 0;
		case CLASS_SERVICE_OPTIONAL:
		case CLASS_MARKET_RESEARCH:
			return 1;
		case CLASS_SOLICITED_RESPONSE:
			return 2;
		case CLASS_DIRECT_MARKETING:
		case CLASS_MIXED:
		case CLASS_CONSENT_REQUEST:
		case CLASS_SUGGING:
		case CLASS_UNKNOWN:
			break;
	}
	return 3;
}

/*
 * The class to judge by: what the text shows, or what the sender declares
 * where that is stricter.  A label never moves a message away from marketing.
 */
static void
classify_row(const ConsentRow *row, int channel, ConsentJudgement *judgement, bool *contradicted)
{
	char	   *body = row_text(row, MAPPED_BODY);
	char	   *subject = row_text(row, MAPPED_SUBJECT);
	char	   *label = row_text(row, MAPPED_CLASS);
	int			declared = label ? consent_class_from_name(label) : -1;

	consent_classify(body, body ? strlen(body) : 0, subject, subject ? strlen(subject) : 0,
					 channel, &judgement->found);
	judgement->class = judgement->found.class;
	*contradicted = false;
	if (declared >= 0 && strictness(declared) > strictness(judgement->class))
		judgement->class = declared;
	else if (declared >= 0 && judgement->class != CLASS_UNKNOWN)
		*contradicted = !consent_class_is_marketing(declared) && consent_class_is_marketing(judgement->class);
}

/* The recipients of a row, as texts, at least one; NULL is none we know of. */
static int
recipients_of(const ConsentMapping *mapping, const ConsentRow *row, char ***recipients)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	*recipients = palloc0(sizeof(char *));
	if (row->nulls[MAPPED_RECIPIENT])
		return 1;
	if (mapping->type[MAPPED_RECIPIENT] == TEXTOID)
	{
		(*recipients)[0] = row_text(row, MAPPED_RECIPIENT);
		return 1;
	}
	deconstruct_array(DatumGetArrayTypeP(row->values[MAPPED_RECIPIENT]),
					  TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	if (n == 0)
		return 1;
	*recipients = palloc(n * sizeof(char *));
	for (int i = 0; i < n; i++)
		(*recipients)[i] = nulls[i] ? NULL : TextDatumGetCString(elements[i]);
	return n;
}

/*
 * Returns false, with *verdict, if the message may not go to this recipient.
 * One that is no marketing goes to whom we cannot read too: no opt-out could
 * apply to it.
 */
static bool
judge_recipient(const ConsentMapping *mapping, const ConsentCase *c, const char *recipient,
				ConsentJudgement *judgement)
{
	ConsentVerdict *verdict = &judgement->verdict;
	ErrorSaveContext unreadable = {.type = T_ErrorSaveContext};
	ConsentContact *contact = NULL;
	Snapshot	snapshot;

	if (recipient != NULL)
		contact = consent_contact_parse(recipient, strlen(recipient), mapping->region, (Node *) &unreadable);
	if (contact == NULL)
	{
		*verdict = consent_case_refusal(c, recipient == NULL ? RECIPIENT_UNKNOWN : RECIPIENT_UNREADABLE);
		return c->invalid == REASON_NONE && consent_needs_no_standing(c);
	}

	if (c->invalid == REASON_NONE && !consent_needs_no_standing(c))
	{
		uint64		key = consent_address_key(contact);

		judgement->keys[judgement->nkeys++] = key;
		consent_gate_enter(key);
	}

	/* As ri_triggers.c: what this very statement wrote counts as well. */
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	*verdict = consent_judge(c, PointerGetDatum(contact), DT_NOEND, snapshot);
	UnregisterSnapshot(snapshot);
	return verdict->allowed;
}

/* Judge a row: the first recipient refused refuses it. */
static bool
is_refused(const ConsentMapping *mapping, const ConsentRow *row, ConsentJudgement *judgement)
{
	ConsentCase c = {0};
	char	   *channel_name = row_text(row, MAPPED_CHANNEL);
	char	   *purpose = row_text(row, MAPPED_PURPOSE);
	int			channel = channel_name ? consent_channel_from_name(channel_name) : -1;
	bool		contradicted;
	char	  **recipients;
	int			n;

	classify_row(row, channel, judgement, &contradicted);

	if (channel < 0)
		c.invalid = CHANNEL_UNKNOWN;
	consent_case_set_organisation(&c, row_text(row, MAPPED_ORGANISATION));
	consent_case_set_purpose(&c, purpose ? purpose : "marketing");
	if (!row->nulls[MAPPED_INSTIGATORS])
		consent_case_set_instigators(&c, row->values[MAPPED_INSTIGATORS]);
	consent_case_set_sender(&c, row_text(row, MAPPED_SENDER));
	consent_case_set_category(&c, row_text(row, MAPPED_PRODUCT_CATEGORY));
	consent_case_set_reference(&c, row_text(row, MAPPED_REFERENCE));
	c.send.channel = channel;
	c.send.class = judgement->class;

	/*
	 * Events of this transaction were effective at its start, others' may be
	 * as late as this very moment: only the wall clock has seen them all.
	 */
	c.send.at = GetCurrentTimestamp();
	c.send.opt_out_offered = mapping->state[MAPPED_OPT_OUT] == NULL ||
		(!row->nulls[MAPPED_OPT_OUT] && DatumGetBool(row->values[MAPPED_OPT_OUT]));
	c.send.identity_shown = mapping->state[MAPPED_IDENTITY] == NULL ||
		(!row->nulls[MAPPED_IDENTITY] && DatumGetBool(row->values[MAPPED_IDENTITY]));

	n = recipients_of(mapping, row, &recipients);
	judgement->keys = palloc(n * sizeof(uint64));
	for (int i = 0; i < n; i++)
	{
		if (judge_recipient(mapping, &c, recipients[i], judgement))
			continue;
		if (contradicted)
			consent_reason_add(&judgement->verdict.found, DECLARED_CLASS_CONTRADICTED);
		return true;
	}
	return false;
}

/* The refusal for programs: JSON, without the address. */
static char *
refusal_json(const ConsentJudgement *judgement)
{
	StringInfoData json;
	Datum	   *reasons;
	int			n;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"reason\": ");
	escape_json(&json, consent_reason_code(judgement->verdict.reason));
	appendStringInfoString(&json, ", \"reasons\": [");
	deconstruct_array(DatumGetArrayTypeP(consent_reasons_array(&judgement->verdict)),
					  TEXTOID, -1, false, TYPALIGN_INT, &reasons, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(&json, i > 0 ? ", " : "");
		escape_json(&json, TextDatumGetCString(reasons[i]));
	}
	appendStringInfoString(&json, "], \"citation\": ");
	escape_json(&json, consent_verdict_citation(&judgement->verdict));
	if (judgement->verdict.event_id != 0)
		appendStringInfo(&json, ", \"event_id\": " INT64_FORMAT, judgement->verdict.event_id);
	else
		appendStringInfoString(&json, ", \"event_id\": null");
	appendStringInfoString(&json, ", \"class\": ");
	escape_json(&json, consent_class_names[judgement->class]);
	appendStringInfoString(&json, ", \"rules\": [");
	for (int i = 0; i < judgement->found.nrules; i++)
	{
		appendStringInfoString(&json, i > 0 ? ", " : "");
		escape_json(&json, judgement->found.rules[i]);
	}
	appendStringInfoString(&json, "]}");
	return json.data;
}

/* What to do about it. */
static const char *
refusal_hint(ConsentReason reason)
{
	switch (reason)
	{
		case CHANNEL_UNKNOWN:
			return "Channels are email, sms, mms, voicemail, in_app, social_dm, push, live_call, automated_call, fax, post and online_ad.";
		case ORGANISATION_UNKNOWN:
			return "Insert the organisation into consent.organisation, or mend its name.";
		case PURPOSE_UNKNOWN:
			return "Insert the purpose into consent.purpose, or mend its name.";
		case RECIPIENT_UNKNOWN:
		case RECIPIENT_UNREADABLE:
			return "consent.contact() says what is wrong with an address.";
		default:
			return "Join the audience with consent.permitted(); consent.evaluate() explains one recipient.";
	}
}

/* The one place that words a refusal. */
void
consent_guard_raise(Relation rel, const ConsentJudgement *judgement)
{
	const char *code = consent_reason_code(judgement->verdict.reason);

	ereport(ERROR,
			(errcode(ERRCODE_MESSAGE_NOT_PERMITTED),
			 errmsg("message to this recipient is not permitted: %s", code),
			 errdetail("%s", refusal_json(judgement)),
			 errhint("%s", refusal_hint(judgement->verdict.reason)),
			 errtableconstraint(rel, code)));
}

/* Judge a row as it stands. */
ConsentRowVerdict
consent_guard_judge(ConsentMapping *mapping, TupleTableSlot *slot, ConsentJudgement *judgement)
{
	ConsentRow	row;

	memset(judgement, 0, sizeof(*judgement));
	consent_mapping_evaluate(mapping, slot, &row);
	if (!is_pending(&row))
		return ROW_NOT_PENDING;
	return is_refused(mapping, &row, judgement) ? ROW_REFUSED : ROW_ALLOWED;
}

PGDLLEXPORT Datum
pg_consent_guard_check(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	ConsentMapping *mapping;
	ConsentRow	row;
	ConsentRow	old;
	ConsentJudgement judgement = {0};

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.guard_check() must be fired AFTER each ROW"),
				 errhint("Make the guard with consent.guard().")));
	if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
		return PointerGetDatum(NULL);

	mapping = mapping_for(fcinfo, trigdata);
	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
	{
		consent_mapping_evaluate(mapping, trigdata->tg_newslot, &row);
		if (!is_pending(&row))
			return PointerGetDatum(NULL);
		consent_mapping_evaluate(mapping, trigdata->tg_trigslot, &old);
		if (is_pending(&old) && same_message(mapping, &row, &old))
			return PointerGetDatum(NULL);
	}
	else
	{
		consent_mapping_evaluate(mapping, trigdata->tg_trigslot, &row);
		if (!is_pending(&row))
			return PointerGetDatum(NULL);
	}

	if (is_refused(mapping, &row, &judgement))
		consent_guard_raise(trigdata->tg_relation, &judgement);
	consent_gate_note(trigdata->tg_relation,
					  TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ?
					  &trigdata->tg_newslot->tts_tid : &trigdata->tg_trigslot->tts_tid,
					  judgement.keys, judgement.nkeys);
	return PointerGetDatum(NULL);
}
