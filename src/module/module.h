/*-------------------------------------------------------------------------
 *
 * module.h
 *	  The settings every room may read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_MODULE_H
#define PG_CONSENT_MODULE_H

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

/* Two capital letters? */
extern bool consent_region_is_well_formed(const char *region);

#endif							/* PG_CONSENT_MODULE_H */
