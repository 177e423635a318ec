/*-------------------------------------------------------------------------
 *
 * ahead.h
 *	  The standings of those whose rows a statement is going to judge next.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_AHEAD_H
#define PG_CONSENT_AHEAD_H

#include "contact/contact.h"
#include "decision/standing.h"
#include "guard/guard.h"

/*
 * The standing of a recipient of the row that a statement is judging, if it was
 * read ahead; NULL: it was not.  The gate has been entered.
 */
extern const ConsentStanding *consent_ahead_standing(ConsentSitting *sitting, const ConsentContact *contact);

/* What was returned allowed a message, so that it was not read in vain. */
extern void consent_ahead_served(ConsentSitting *sitting);

/* Is there anything that was read ahead? */
extern bool consent_ahead_is_read(const ConsentSitting *sitting);

/* The same as the first, of one that would have to be looked up now: so others may be, too. */
extern const ConsentStanding *consent_ahead_read(const ConsentMapping *mapping, ConsentSitting *sitting,
												 const ConsentContact *contact);

#endif							/* PG_CONSENT_AHEAD_H */
