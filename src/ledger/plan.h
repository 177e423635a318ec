/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  Helps the planner with the campaign filter.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_PLAN_H
#define PG_CONSENT_PLAN_H

#include "nodes/parsenodes.h"

/* Is a column of this UNION ALL that of consent.permitted()? */
extern bool consent_is_contacts(const Query *query, AttrNumber column);

/* From _PG_init. */
extern void consent_plan_init(void);

#endif							/* PG_CONSENT_PLAN_H */
