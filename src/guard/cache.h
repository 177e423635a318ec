/*-------------------------------------------------------------------------
 *
 * cache.h
 *	  Compiled guards of a backend.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_CACHE_H
#define PG_CONSENT_CACHE_H

#include "guard/mapping.h"

/*
 * A guard of a relation that is open and locked, compiled now or before.  It
 * stays good until the context "user" is reset.
 */
extern ConsentMapping *consent_guard_cached(Relation rel, Trigger *trigger, MemoryContext user);

/* From _PG_init. */
extern void consent_guard_cache_init(void);

#endif							/* PG_CONSENT_CACHE_H */
