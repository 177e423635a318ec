/*-------------------------------------------------------------------------
 *
 * log.h
 *	  consent.decision_log
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_LOG_H
#define PG_CONSENT_LOG_H

#include "guard/guard.h"

extern void consent_log_decision(const ConsentMapping *mapping, const ConsentJudgement *judgement,
								 const char *action);
extern bool consent_log_first_contacts(const ConsentMapping *mapping, const ConsentJudgement *judgement,
									   const char *action);
extern void consent_log_allowance(const ConsentMapping *mapping, const ConsentJudgement *judgement,
								  bool claimed);

#endif							/* PG_CONSENT_LOG_H */
