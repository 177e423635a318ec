/*-------------------------------------------------------------------------
 *
 * relation.h
 *	  Our tables and indexes by name, and their owner; plans that are kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_RELATION_H
#define PG_CONSENT_RELATION_H

#include "access/tupdesc.h"
#include "executor/spi.h"

extern Oid	consent_find_relation(const char *name);
extern Oid	consent_relation(const char *name);
extern void consent_check_columns(const char *name, TupleDesc desc, int expected);
extern bool consent_index_is_empty(const char *name);
extern SPIPlanPtr consent_saved_plan(SPIPlanPtr *plan, const char *command, int nargs, Oid *types);

/* Whoever we are while we work as somebody else. */
typedef struct ConsentCaller
{
	Oid			user;
	int			context;
} ConsentCaller;

extern ConsentCaller consent_become(Oid owner);
extern void consent_resume(ConsentCaller caller);

#endif							/* PG_CONSENT_RELATION_H */
