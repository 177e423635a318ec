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

/* What a statement that records events keeps from row to row, of all parts; for record.c. */
typedef struct ConsentStatement
{
	uint64		ntuples;		/* see free_forgotten() */
	Size		in_use;
} ConsentStatement;

struct ConsentEventWords;

extern ConsentStatement *consent_statement(MemoryContext memory);
extern void consent_gather(ConsentStatement *statement, const Datum *values, const bool *nulls,
						   const struct ConsentEventWords *words, bool as_it_stands);
extern void consent_refresh_standings(Datum *addresses, int n, Oid contact_type);
extern void consent_refresh_overtaken(List *addresses);

#endif							/* PG_CONSENT_APPLY_H */
