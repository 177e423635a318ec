/*-------------------------------------------------------------------------
 *
 * debt.h
 *	  consent.gate_log, and in it what sweeps had to leave: see debt.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_DEBT_H
#define PG_CONSENT_DEBT_H

#include "access/transam.h"
#include "guard/gate.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

/* Columns of consent.gate_log, as guard.sql creates them. */
#define Anum_gate_log_xid		1
#define Anum_gate_log_keys		2
#define Anum_gate_log_relation	3
#define Anum_gate_log_guard		4
#define Anum_gate_log_since		5
#define Anum_gate_log_retry_at	6
#define Natts_gate_log			6

/* A debt is news to every transaction, so it bears the number of the last there could be. */
#define DEBT_XID FullTransactionIdFromU64(PG_UINT64_MAX)

/* More addresses than this count as all. */
#define KEYS_IN_LOG (64 * 1024)

/* Rows that a sweep had to leave. */
typedef struct ConsentDebt
{
	ItemPointerData tid;
	Oid			relid;			/* the guarded table */
	NameData	guard;			/* its trigger */
	ConsentKeySet keys;			/* of whose rows */
	TimestampTz since;
	TimestampTz retry_at;		/* in passing; DT_NOEND: only by who is asked to */
	bool		deleted;
	bool		open;			/* for consent.verify(): something is left again */
} ConsentDebt;

extern Relation consent_gate_log_open(LOCKMODE mode, Oid *indexid);
extern Datum consent_gate_log_keys(const ConsentKeySet *set, bool *isnull);

extern bool consent_debts_lock(bool wait);
extern List *consent_debts(void);
extern bool consent_debt_is_orphan(const ConsentDebt *debt);
extern bool consent_debt_is_of(const ConsentDebt *debt, Oid relid, const char *guard);
extern void consent_debt_add(const ConsentDebt *debt);
extern void consent_debt_delete(ConsentDebt *debt);

#endif							/* PG_CONSENT_DEBT_H */
