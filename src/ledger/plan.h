/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  Helps the planner with the campaign filter.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_PLAN_H
#define PG_CONSENT_PLAN_H

/* From _PG_init. */
extern void consent_plan_init(void);

#endif							/* PG_CONSENT_PLAN_H */
