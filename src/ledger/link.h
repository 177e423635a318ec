/*-------------------------------------------------------------------------
 *
 * link.h
 *	  The other contacts of a person.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_LINK_H
#define PG_CONSENT_LINK_H

#include "contact/contact.h"
#include "nodes/pg_list.h"
#include "utils/snapshot.h"

/* Is it one of those that are asked about? */
typedef bool (*ConsentLinkWanted) (const ConsentContact *root, const char *person, int len, void *arg);

extern List *consent_linked_addresses(const ConsentContact *root, TimestampTz known_at,
									  Snapshot snapshot);
extern List *consent_addresses_in_links(ConsentLinkWanted wanted, void *arg, Snapshot snapshot);
extern bool consent_has_links(void);

#endif							/* PG_CONSENT_LINK_H */
