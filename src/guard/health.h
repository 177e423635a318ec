/*-------------------------------------------------------------------------
 *
 * health.h
 *	  What is remembered about guards, to see what became of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_HEALTH_H
#define PG_CONSENT_HEALTH_H

#include "utils/relcache.h"

extern List *consent_health_indexes(Relation rel);
extern bool consent_health_lacks_index(Relation rel);
extern bool consent_health_made(Oid relid, const char *trigger, const char *name, const char *on_block);
extern uint64 consent_health_removed(Oid relid, const char *name);

#endif							/* PG_CONSENT_HEALTH_H */
