/*-------------------------------------------------------------------------
 *
 * module.h
 *	  The settings every room may read, and what it may ask of its arguments.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_MODULE_H
#define PG_CONSENT_MODULE_H

#include "fmgr.h"

/* pg_consent.default_region: how a number without a country code is read */
extern char *consent_default_region;

/* pg_consent.organisation: whose message it is when a call does not say */
extern char *consent_organisation;

/* pg_consent.prepared_transactions: what PREPARE does after marketing was queued */
typedef enum ConsentPrepared
{
	PREPARED_REFUSE,
	PREPARED_WAIT				/* allow it: withdrawals wait for its end */
} ConsentPrepared;

extern int	consent_prepared_transactions;

/* pg_consent.sweep_timeout: what a step of a sweep may take, in ms; 0: any time */
extern int	consent_sweep_timeout;

/* An argument that is a text, NULL if it is NULL; as a region, two capital letters or an error. */
extern char *consent_text_arg(FunctionCallInfo fcinfo, int n);
extern char *consent_region_arg(FunctionCallInfo fcinfo, int n);

/* Is it what it was? */
extern bool consent_is_text_arg(const char *was, FunctionCallInfo fcinfo, int n);

#endif							/* PG_CONSENT_MODULE_H */
