/*-------------------------------------------------------------------------
 *
 * log.c
 *	  Writes consent.decision_log.
 *
 * Rows are put into the table directly, as those of a subscription are, and
 * not by a query: a campaign can make a million of them, and nothing in the
 * session (a temporary table, a privilege, row security) may come between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "common/pg_prng.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "classify/ruleset.h"
#include "guard/log.h"
#include "ledger/policy.h"
#include "ledger/relation.h"
#include "ledger/sent.h"
#include "module/compat.h"

/* Columns of consent.decision_log, as log.sql creates them. */
enum
{
	LOG_DECIDED_AT,
	LOG_RELATION,
	LOG_ALLOWED,
	LOG_REASON,
	LOG_REASONS,
	LOG_CLASS,
	LOG_DECLARED_CLASS,
	LOG_CHANNEL,
	LOG_ORGANISATION,
	LOG_PURPOSE,
	LOG_CONTACT,
	LOG_EVENT_ID,
	LOG_RULESET,
	LOG_POLICY,
	LOG_EVIDENCE,
	LOG_ACTION,
	LOG_WRITTEN_BY,
	LOG_NATTS
};

/* Of allowances in a sample, one in so many is logged. */
#define SAMPLE_ONE_IN 100

static Datum
evidence_jsonb(const ConsentJudgement *judgement)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"class\": ");
	escape_json(&json, consent_class_names[judgement->found.class]);
	appendStringInfo(&json, ", \"score\": %g, \"needs_review\": %s, \"rules\": [", judgement->found.score,
					 judgement->found.needs_review ? "true" : "false");
	for (int i = 0; i < judgement->found.nrules; i++)
	{
		appendStringInfoString(&json, i > 0 ? ", " : "");
		escape_json(&json, judgement->found.rules[i]);
	}
	appendStringInfoString(&json, "]}");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

static void
form_log_row(const ConsentMapping *mapping, const ConsentJudgement *judgement, const char *action,
			 Datum *values, bool *nulls)
{
	const ConsentVerdict *verdict = &judgement->verdict;

	memset(nulls, false, LOG_NATTS * sizeof(bool));
#define SET(column, present, value) \
	do { \
		if (present) \
			values[column] = (value); \
		else \
			nulls[column] = true; \
	} while (0)
	SET(LOG_DECIDED_AT, true, TimestampTzGetDatum(GetCurrentTimestamp()));
	SET(LOG_RELATION, true, ObjectIdGetDatum(mapping->root));
	SET(LOG_ALLOWED, true, BoolGetDatum(verdict->allowed));
	SET(LOG_REASON, true, CStringGetTextDatum(consent_reason_code(verdict->reason)));
	SET(LOG_REASONS, true, consent_reasons_array(verdict));
	SET(LOG_CLASS, true, ObjectIdGetDatum(consent_class_oid(judgement->class)));
	SET(LOG_DECLARED_CLASS, judgement->declared >= 0, ObjectIdGetDatum(consent_class_oid(judgement->declared)));
	SET(LOG_CHANNEL, judgement->channel >= 0, ObjectIdGetDatum(consent_channel_oid(judgement->channel)));
	SET(LOG_ORGANISATION, judgement->organisation != NULL, CStringGetTextDatum(judgement->organisation));
	SET(LOG_PURPOSE, judgement->purpose != NULL, CStringGetTextDatum(judgement->purpose));
	SET(LOG_CONTACT, judgement->contact != NULL, PointerGetDatum(judgement->contact));
	SET(LOG_EVENT_ID, verdict->event_id != 0, Int64GetDatum(verdict->event_id));
	SET(LOG_RULESET, true, CStringGetTextDatum(consent_ruleset_get()->digest));
	SET(LOG_POLICY, verdict->policy != NULL, CStringGetTextDatum(consent_policy_label(verdict->policy)));
	SET(LOG_EVIDENCE, true, evidence_jsonb(judgement));
	SET(LOG_ACTION, true, CStringGetTextDatum(action));
	SET(LOG_WRITTEN_BY, true, CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), true)));
#undef SET
}

void
consent_log_decision(const ConsentMapping *mapping, const ConsentJudgement *judgement, const char *action)
{
	Relation	rel = table_open(consent_relation("decision_log"), RowExclusiveLock);
	EState	   *estate = CreateExecutorState();
	ResultRelInfo *result = makeNode(ResultRelInfo);
	TupleTableSlot *slot;

	consent_check_columns("decision_log", RelationGetDescr(rel), LOG_NATTS);
	InitResultRelInfo(result, rel, 0, NULL, 0);
	ExecOpenIndices(result, false);
	slot = ExecInitExtraTupleSlot(estate, RelationGetDescr(rel), &TTSOpsVirtual);
	form_log_row(mapping, judgement, action, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	ExecSimpleRelationInsert(result, estate, slot);
	ExecCloseIndices(result);
	ExecResetTupleTable(estate->es_tupleTable, false);
	FreeExecutorState(estate);
	table_close(rel, NoLock);
}

/*
 * First contact under a third party's consent is always logged, for each
 * recipient: it is what keeps the consent from going stale, and what went under
 * an older one does not.  Returns whether the decision itself, which is about
 * the last of them, was logged by that.
 */
bool
consent_log_first_contacts(const ConsentMapping *mapping, const ConsentJudgement *judgement, const char *action)
{
	bool		logged = false;

	for (int i = 0; i < judgement->nintroduced; i++)
	{
		const ConsentIntroduced *introduced = &judgement->introduced[i];
		ConsentJudgement first = *judgement;
		Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

		if (!consent_was_sent(PointerGetDatum(introduced->contact), introduced->organisation,
							  introduced->verdict.given_at, snapshot))
		{
			first.contact = introduced->contact;
			first.verdict = introduced->verdict;
			if (judgement->contradicted)
				consent_reason_add(&first.verdict.found, DECLARED_CLASS_CONTRADICTED);
			consent_log_decision(mapping, &first, action);
			logged = logged || introduced->contact == judgement->contact;
		}
		UnregisterSnapshot(snapshot);
	}
	return logged;
}

/*
 * A row that may go.  That a sender called marketing something else, and that
 * a message goes to whom we cannot read, is always logged: when it is queued.
 */
void
consent_log_allowance(const ConsentMapping *mapping, const ConsentJudgement *judgement, bool claimed)
{
	bool		odd = !claimed && (judgement->contradicted || judgement->unreadable);
	const char *action = claimed ? "claimed" : "sent";

	if (judgement->nintroduced > 0 && consent_log_first_contacts(mapping, judgement, action))
		return;
	if (odd || mapping->log == LOG_ALL ||
		(mapping->log == LOG_SAMPLE && pg_prng_uint64_range(&pg_global_prng_state, 1, SAMPLE_ONE_IN) == 1))
		consent_log_decision(mapping, judgement, action);
}
