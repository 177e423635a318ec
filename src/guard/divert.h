/*-------------------------------------------------------------------------
 *
 * divert.h
 *	  The SET list that puts a row of a guarded table into its terminal state.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_DIVERT_H
#define PG_CONSENT_DIVERT_H

#include "guard/mapping.h"

/* Ready to run on rows of one table or partition. */
typedef struct ConsentDivert
{
	const char *list;			/* as stored, every name qualified */
	int			n;
	int		   *columns;
	ExprState **state;
} ConsentDivert;

extern char *consent_divert_check(Relation rel, const char *list, char **pending);
extern ConsentDivert *consent_divert_compile(ConsentMapping *mapping, Relation rel, const char *list);
extern HeapTuple consent_divert_tuple(ConsentMapping *mapping, Relation rel,
									  HeapTuple tuple, TupleTableSlot *slot, const char *reason);

/* What consent.refusal_reason() says, until it is set back to what it was. */
extern const char *consent_set_refusal_reason(const char *reason);

#endif							/* PG_CONSENT_DIVERT_H */
