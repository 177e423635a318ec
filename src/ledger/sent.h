/*-------------------------------------------------------------------------
 *
 * sent.h
 *	  What was let go to a contact, as the decision log has it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_SENT_H
#define PG_CONSENT_SENT_H

#include "decision/decision.h"
#include "utils/snapshot.h"

extern void consent_sent_facts(ConsentSend *send, const ConsentStanding *standing, Datum contact,
							   TimestampTz known_at, Snapshot snapshot);
extern bool consent_was_sent(Datum contact, int32 organisation, TimestampTz since, Snapshot snapshot);

#endif							/* PG_CONSENT_SENT_H */
