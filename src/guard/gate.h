/*-------------------------------------------------------------------------
 *
 * gate.h
 *	  Judged again at commit: see gate.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_GATE_H
#define PG_CONSENT_GATE_H

#include "contact/contact.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

/*
 * Our locks are advisory ones of a class that no SQL function can name (those
 * use 1 and 2), so only we take them, and pg_locks shows them.
 */
#define LOCK_CLASS 3
#define LOCK_SPACE_BUCKET 1
#define LOCK_SPACE_PRUNE 2
#define LOCK_SPACE_DEBTS 3

/* A set of addresses. */
typedef struct ConsentKeySet
{
	bool		all;			/* of all there are */
	int			n;
	uint64	   *keys;			/* sorted, each once */
} ConsentKeySet;

extern bool consent_key_in_set(const ConsentKeySet *set, uint64 key);
extern void consent_sort_keys(ConsentKeySet *set);

/* Of a bigint[], to those of the set, which are no longer sorted; and the other way round. */
extern void consent_add_keys(ConsentKeySet *set, Datum array);
extern Datum consent_keys_array(const uint64 *keys, int n);

/* An address, all its +tag forms, as the gate knows it. */
extern uint64 consent_address_key(const ConsentContact *contact);

/* Before the snapshot that a recipient is judged under is taken. */
extern void consent_gate_enter(uint64 key);

/* Is a row that is let through now judged again when more becomes known before the commit? */
extern bool consent_gate_will_look(void);

/* Is this transaction at its commit? */
extern bool consent_gate_has_passed(void);

/* Changes whenever this transaction records what may stand against a message. */
extern uint64 consent_gate_recorded(void);

/*
 * After a row has been let through: whose standing it was let through by.  One
 * that is no new decision is parked, not refused, if it may no longer be sent.
 */
extern void consent_gate_note(Relation rel, ItemPointer tid, const uint64 *keys, int nkeys, bool decided);

/* Before rows are judged for good that those who are withdrawing right now may not know of. */
extern void consent_gate_wait(void);

/* From _PG_init. */
extern void consent_gate_init(void);

#endif							/* PG_CONSENT_GATE_H */
