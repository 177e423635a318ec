/*-------------------------------------------------------------------------
 *
 * erasure.h
 *	  What is remembered of a contact whose events were erased.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_ERASURE_H
#define PG_CONSENT_ERASURE_H

#include "contact/contact.h"
#include "decision/standing.h"
#include "utils/snapshot.h"

extern ConsentStanding *consent_erasure_fold(ConsentStanding *standing, const ConsentContact *root,
											 TimestampTz known_at, Snapshot snapshot);
extern bool consent_erasure_digest(const ConsentContact *contact, uint8 *digest);
extern bool consent_has_erasures(void);
extern bool consent_is_erasing(void);
extern void consent_erase_traces(void);

#endif							/* PG_CONSENT_ERASURE_H */
