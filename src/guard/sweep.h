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

/* At pre-commit, under the addresses' locks. */
extern bool consent_sweep(const ConsentKeySet *set);

#endif							/* PG_CONSENT_SWEEP_H */
