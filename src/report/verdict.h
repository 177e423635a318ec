/*-------------------------------------------------------------------------
 *
 * verdict.h
 *	  Between the files of the report room; not for other rooms.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_VERDICT_H
#define PG_CONSENT_VERDICT_H

#include "decision/decision.h"

extern ConsentVerdict consent_evaluate_any_category(const ConsentStanding *standing, ConsentSend *send);

#endif							/* PG_CONSENT_VERDICT_H */
