/*-------------------------------------------------------------------------
 *
 * world.h
 *	  Facts of a send that are about no contact: screenings, assessments.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_WORLD_H
#define PG_CONSENT_WORLD_H

#include "decision/decision.h"
#include "utils/snapshot.h"

extern bool consent_world_matters(const ConsentSend *send);
extern void consent_world_facts(ConsentSend *send, TimestampTz known_at, Snapshot snapshot);

#endif							/* PG_CONSENT_WORLD_H */
