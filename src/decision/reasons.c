/*-------------------------------------------------------------------------
 *
 * reasons.c
 *	  Names, citations and explanations of the reasons in reasons.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"

#include "decision/reasons.h"

PG_FUNCTION_INFO_V1(pg_consent_reasons);
extern PGDLLEXPORT Datum pg_consent_reasons(PG_FUNCTION_ARGS);

typedef struct ReasonText
{
	const char *code;
	const char *kind;
	const char *citation;
	const char *explanation;
} ReasonText;

static const ReasonText reason_text[REASON_COUNT] = {
#define X(symbol, code, kind, citation, explanation) [symbol] = {code, kind, citation, explanation},
	CONSENT_REASONS(X)
#undef X
};

const char *
consent_reason_code(ConsentReason reason)
{
	return reason_text[reason].code;
}

const char *
consent_reason_citation(ConsentReason reason)
{
	return reason_text[reason].citation;
}

/* REASON_NONE when there is no such code. */
ConsentReason
consent_reason_lookup(const char *code)
{
	for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
	{
		if (strcmp(reason_text[reason].code, code) == 0)
			return (ConsentReason) reason;
	}
	return REASON_NONE;
}

/* The member that comes first in the list, REASON_NONE when the set is empty. */
ConsentReason
consent_reason_first(const ConsentReasonSet *set)
{
	for (int i = 0; i < CONSENT_REASON_WORDS; i++)
	{
		if (set->word[i] != 0)
			return (ConsentReason) (64 * i + pg_rightmost_one_pos64(set->word[i]));
	}
	return REASON_NONE;
}

/* consent.reasons(): the rows of the view consent.reason, in precedence order */
Datum
pg_consent_reasons(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
	{
		const ReasonText *text = &reason_text[reason];
		Datum		values[4] = {
			CStringGetTextDatum(text->code),
			CStringGetTextDatum(text->kind),
			CStringGetTextDatum(text->citation),
			CStringGetTextDatum(text->explanation)
		};
		bool		nulls[4] = {false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
