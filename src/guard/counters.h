/*-------------------------------------------------------------------------
 *
 * counters.h
 *	  How many decisions there were, also those that were rolled back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_COUNTERS_H
#define PG_CONSENT_COUNTERS_H

#include "decision/reasons.h"

extern void consent_counters_count(Oid relation, ConsentReason reason);
extern void consent_counters_forget_dropped(void);

/* From _PG_init. */
extern void consent_counters_init(void);

#endif							/* PG_CONSENT_COUNTERS_H */
