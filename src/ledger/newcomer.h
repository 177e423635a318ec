/*-------------------------------------------------------------------------
 *
 * newcomer.h
 *	  Standings of addresses that have none yet, many at a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_NEWCOMER_H
#define PG_CONSENT_NEWCOMER_H

#include "utils/relcache.h"
#include "utils/tuplestore.h"

typedef struct ConsentNewcomers ConsentNewcomers;

extern ConsentNewcomers *consent_newcomers_begin(Relation standings, Tuplestorestate *others);
extern bool consent_newcomers_add(ConsentNewcomers *newcomers, const Datum *values, const bool *nulls);
extern uint64 consent_newcomers_end(ConsentNewcomers *newcomers);

#endif							/* PG_CONSENT_NEWCOMER_H */
