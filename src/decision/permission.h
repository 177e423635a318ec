/*-------------------------------------------------------------------------
 *
 * permission.h
 *	  What speaks for a send: consent and the soft opt-ins.
 *
 * Between the files of the decision room; not for other rooms.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_PERMISSION_H
#define PG_CONSENT_PERMISSION_H

#include "decision/decision.h"

/* Electronic mail is what can be stored until collected: PECR reg 2(1). */
extern bool consent_is_electronic_mail(ConsentChannel channel);

/* Did the person say it by then? */
static inline bool
consent_effective(const ConsentEntry *entry, const ConsentSend *send)
{
	return entry->facts.effective_at <= send->at;
}

static inline bool
consent_covers_channel(const ConsentEntry *entry, const ConsentSend *send)
{
	return (entry->facts.channels & CHANNEL_BIT(send->channel)) != 0;
}

extern bool consent_covers_purpose(const ConsentEntry *entry, const ConsentSend *send);
extern bool consent_names(const ConsentEntry *consent, int32 organisation);
extern bool consent_reaches(const ConsentEntry *entry, const ConsentSend *send);
extern bool consent_refused_since(TimestampTz since, const ConsentStanding *standing,
								  const ConsentSend *send);
extern ConsentReasonSet consent_failures(const ConsentEntry *consent,
										 const ConsentStanding *standing,
										 const ConsentSend *send);
extern ConsentReasonSet consent_soft_opt_in_failures(const ConsentEntry *entry,
													 const ConsentStanding *standing,
													 const ConsentSend *send);
extern ConsentReasonSet consent_charity_failures(const ConsentEntry *entry,
												 const ConsentStanding *standing,
												 const ConsentSend *send);

#endif							/* PG_CONSENT_PERMISSION_H */
