/*-------------------------------------------------------------------------
 *
 * apply.h
 *	  The standings kept for the campaign filter.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_APPLY_H
#define PG_CONSENT_APPLY_H

#include "decision/standing.h"
#include "nodes/pg_list.h"

extern void consent_gather(MemoryContext statement, const Datum *values, const bool *nulls, bool as_it_stands);
extern void consent_refresh_standings(Datum *addresses, int n, Oid contact_type);
extern void consent_refresh_overtaken(List *addresses);

#endif							/* PG_CONSENT_APPLY_H */
