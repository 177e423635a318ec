/*-------------------------------------------------------------------------
 *
 * sweep.h
 *	  Cancels what is queued for whoever has withdrawn: see sweep.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_SWEEP_H
#define PG_CONSENT_SWEEP_H

#include "guard/gate.h"
#include "nodes/pg_list.h"

/* At pre-commit, under the addresses' locks. */
extern void consent_sweep(const ConsentKeySet *set);

/* At pre-commit: of these guarded tables, NIL: of all. */
extern void consent_sweep_debts(List *tables, bool in_passing);

#endif							/* PG_CONSENT_SWEEP_H */
