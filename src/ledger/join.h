/*-------------------------------------------------------------------------
 *
 * join.h
 *	  A hash join with consent.permitted() that does not wait for memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_JOIN_H
#define PG_CONSENT_JOIN_H

/* From _PG_init. */
extern void consent_join_init(void);

#endif							/* PG_CONSENT_JOIN_H */
