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

/* So many numbers of events are drawn at once. */
#define CONSENT_NUMBERS_AT_ONCE 32

/* What a statement that records events keeps from row to row, of all parts; for record.c. */
typedef struct ConsentStatement
{
	uint64		nnumbered;		/* events without a pause */
	TimestampTz drawn_at;
	int			nnumbers;
	int64		numbers[CONSENT_NUMBERS_AT_ONCE];	/* drawn and not given yet, the first last */
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
