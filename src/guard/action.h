/*-------------------------------------------------------------------------
 *
 * action.h
 *	  What is done with a refused row that is already in its table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_ACTION_H
#define PG_CONSENT_ACTION_H

#include "guard/guard.h"

extern Oid	consent_table_owner(const char *name);
extern ConsentPinned consent_pin_for_statement(Oid owner, const char *region);
extern void consent_action_fire_deferred(Relation rel, Oid owner);

/*
 * Both return whether they found the row: tid is of the version that was
 * judged, and if it is no longer the row's, somebody else has moved it on.
 */
extern bool consent_action_park(Relation rel, const ConsentMapping *mapping, ItemPointer tid,
								const ConsentJudgement *judgement);
extern bool consent_action_quarantine(Relation rel, const ConsentMapping *mapping, ItemPointer tid,
									  const ConsentJudgement *judgement);
extern bool consent_action_follow(Relation rel, ItemPointer tid, TupleTableSlot *slot);

/* From _PG_init. */
extern void consent_action_init(void);

#endif							/* PG_CONSENT_ACTION_H */
