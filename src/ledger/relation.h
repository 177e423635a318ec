/*-------------------------------------------------------------------------
 *
 * relation.h
 *	  Our tables and indexes by name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_RELATION_H
#define PG_CONSENT_RELATION_H

#include "access/tupdesc.h"

extern Oid	consent_find_relation(const char *name);
extern Oid	consent_relation(const char *name);
extern void consent_check_columns(const char *name, TupleDesc desc, int expected);
extern bool consent_index_is_empty(const char *name);

#endif							/* PG_CONSENT_RELATION_H */
