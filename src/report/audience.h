/*-------------------------------------------------------------------------
 *
 * audience.h
 *	  The start-up of the set type over CRoaring.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_AUDIENCE_H
#define PG_CONSENT_AUDIENCE_H

/* From _PG_init. */
extern void consent_audience_init(void);

#endif							/* PG_CONSENT_AUDIENCE_H */
