/*-------------------------------------------------------------------------
 *
 * trigger.h
 *	  The triggers of a guard.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_TRIGGER_H
#define PG_CONSENT_TRIGGER_H

#include "guard/guard.h"

extern Trigger *consent_guard_herald(Relation rel, const char *guard);
extern bool consent_guard_sees_all(const Trigger *trigger, bool inserts);
extern const char *consent_guard_overtaken_by(Relation rel, const char *guard);
extern void consent_guard_refuse(Relation rel, ConsentMapping *mapping, ItemPointer tid, bool decided,
								 const ConsentJudgement *judgement);

/* From _PG_init. */
extern void consent_trigger_init(void);

#endif							/* PG_CONSENT_TRIGGER_H */
