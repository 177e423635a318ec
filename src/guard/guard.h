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
#include "contact/contact.h"
#include "guard/gate.h"
#include "guard/mapping.h"
#include "ledger/judge.h"
#include "module/compat.h"

/* A recipient that a message goes to on a consent which somebody else collected. */
typedef struct ConsentIntroduced
{
	const ConsentContact *contact;
	int32		organisation;
	ConsentVerdict verdict;
} ConsentIntroduced;

/* What was found about a row; of several recipients, about the one refused. */
typedef struct ConsentJudgement
{
	ConsentVerdict verdict;
	ConsentClass class;			/* what it is judged as */
	ConsentClassification found;	/* what its text shows */
	int			declared;		/* ConsentClass, -1: none that we know */
	bool		contradicted;	/* declared service, found marketing */
	bool		unreadable;		/* it may go, and we cannot read to whom */
	int			channel;		/* ConsentChannel, -1: none that we know */
	const char *organisation;	/* as the row has it, NULL if it has none */
	const char *purpose;
	const ConsentContact *contact;	/* NULL if it cannot be read; may lie in the row */
	int			nkeys;			/* addresses whose standing mattered; the last is */
	uint64	   *keys;			/* that of the recipient refused, if its did */
	uint64		first_key;		/* of one recipient they are here */
	int			nintroduced;
	ConsentIntroduced *introduced;
} ConsentJudgement;

/*
 * What a statement keeps from row to row, because a campaign says the same to
 * everybody: what its text was found to be, and its names looked up.  Of that
 * only what depends on the recipient is asked anew for each row.  All zeroes but
 * for the context at first; that of the statement, which it must not outlive.
 */
typedef struct ConsentRemembered
{
	MemoryContext context;		/* NULL: nothing is remembered */
	Datum		values[CONSENT_NMESSAGE];	/* of the mappings it follows from */
	bool		nulls[CONSENT_NMESSAGE];
} ConsentRemembered;

typedef struct ConsentSitting
{
	MemoryContext context;
	ConsentRemembered text;
	uint64		ruleset;
	int			channel;		/* it was classified for */
	ConsentClassification found;
	ConsentRemembered names;
	ConsentCase c;
	const char *organisation;	/* of them */
	const char *purpose;
	bool		stranger_known; /* the verdict on whom nothing is on record of */
	ConsentClass stranger_class;	/* of a message of this class */
	ConsentVerdict stranger;
	struct ConsentReader *reader;	/* NULL: not opened yet */
	Relation	rel;			/* where the row in question is stored, NULL: it is not yet */
	ItemPointerData tid;
	struct ConsentAhead *ahead; /* NULL: nothing was read ahead */
} ConsentSitting;

typedef enum ConsentRowVerdict
{
	ROW_NOT_PENDING,
	ROW_ALLOWED,
	ROW_REFUSED
} ConsentRowVerdict;

extern const char *const consent_log_mode_names[];

extern const char *consent_qualified_name(Oid relid);
extern Oid	consent_guard_function(const char *name);
extern Trigger *consent_guard_next(Relation rel, int *position);
extern Trigger *consent_guard_by_trigger(Relation rel, const char *name);
extern Trigger *consent_guard_copy(Relation rel, const Trigger *trigger);
extern Oid	consent_trigger_owner(Relation rel, const Trigger *trigger);
extern Oid	consent_guarded_table(Relation rel, const char *trigger);
extern const char *consent_guard_argument(const Trigger *trigger, const char *argument);
extern bool consent_guard_only_flags(ConsentBlockAction on_block, bool diverts);
extern bool consent_guard_is_swept(const Trigger *trigger);
extern ConsentMapping *consent_guard_mapping(Relation rel, Trigger *trigger);
extern bool consent_row_is(const ConsentRow *row, ConsentMapped mapped);
extern bool consent_same_message(const ConsentMapping *mapping, const ConsentRow *a, const ConsentRow *b);
extern bool consent_guard_judge_row(const ConsentMapping *mapping, const ConsentRow *row,
									ConsentSitting *sitting, ConsentJudgement *judgement);
extern ConsentRowVerdict consent_guard_judge(ConsentMapping *mapping, TupleTableSlot *slot,
											 ConsentJudgement *judgement);
extern ConsentRowVerdict consent_guard_judge_for(ConsentMapping *mapping, TupleTableSlot *slot,
												 const ConsentKeySet *set, ConsentJudgement *judgement);
extern int	consent_guard_contacts(const ConsentMapping *mapping, const ConsentRow *row, ConsentContact ***contacts);
extern int	consent_guard_keys(const ConsentMapping *mapping, const ConsentRow *row, uint64 **keys);
extern char *consent_refusal_json(const ConsentJudgement *judgement);
extern pg_noreturn void consent_guard_still_pending(Relation rel);
extern pg_noreturn void consent_guard_raise(Relation rel, const ConsentJudgement *judgement);

#endif							/* PG_CONSENT_GUARD_H */
