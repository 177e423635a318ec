/*-------------------------------------------------------------------------
 *
 * relation.h
 *	  Our tables and indexes by name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_RELATION_H
#define PG_CONSENT_RELATION_H

extern Oid	consent_find_relation(const char *name);
extern Oid	consent_relation(const char *name);
extern bool consent_index_is_empty(const char *name);

#endif							/* PG_CONSENT_RELATION_H */
