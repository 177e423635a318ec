/*-------------------------------------------------------------------------
 *
 * guard.h
 *	  How a row of a guarded table is judged: the same for all who ask.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_GUARD_H
#define PG_CONSENT_GUARD_H

#include "classify/classify.h"
#include "guard/mapping.h"
#include "ledger/judge.h"

/* What was found about a row; the verdict is that of the recipient refused. */
typedef struct ConsentJudgement
{
	ConsentVerdict verdict;
	ConsentClass class;
	ConsentClassification found;
	int			nkeys;			/* addresses whose standing mattered; the last is */
	uint64	   *keys;			/* that of the recipient refused, if its did */
} ConsentJudgement;

typedef enum ConsentRowVerdict
{
	ROW_NOT_PENDING,
	ROW_ALLOWED,
	ROW_REFUSED
} ConsentRowVerdict;

extern Trigger *consent_guard_next(Relation rel, int *position);
extern const char *consent_guard_argument(const Trigger *trigger, const char *argument);
extern ConsentMapping *consent_guard_mapping(Relation rel, Trigger *trigger);
extern ConsentRowVerdict consent_guard_judge(ConsentMapping *mapping, TupleTableSlot *slot,
											 ConsentJudgement *judgement);
extern void consent_guard_raise(Relation rel, const ConsentJudgement *judgement) pg_attribute_noreturn();

#endif							/* PG_CONSENT_GUARD_H */
