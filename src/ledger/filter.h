/*-------------------------------------------------------------------------
 *
 * filter.h
 *	  Tells, mostly without reading anything, that nothing is on record of an
 *	  address.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_FILTER_H
#define PG_CONSENT_FILTER_H

#include "contact/contact.h"

/* Before anything is stored about a contact, or about one that was erased. */
extern void consent_filter_add(const ConsentContact *contact);
extern void consent_filter_add_link(const ConsentContact *contact);
extern void consent_filter_add_erasure(const uint8 *digest);

/* Where what the filter knows of an address lies. */
typedef struct ConsentFilterPlace
{
	uint64		block;
	uint64		bits;
} ConsentFilterPlace;

/* key is the hash of the address without its +tag */
extern ConsentFilterPlace consent_filter_place(uint64 key);

/* It will be asked about soon: what it must look at is far away. */
extern void consent_filter_prefetch(const ConsentFilterPlace *place);

/*
 * Is there certainly nothing on record of an address?  What had committed when this
 * is called is known; so is what our own transaction has recorded.  The caller
 * has let AcceptInvalidationMessages() bring in the news of other sessions' changes
 * to the ledger's tables, since it last did anything that takes time.
 */
extern bool consent_filter_rules_out(const ConsentContact *contact, const ConsentFilterPlace *place);

/*
 * The same of erasures and of links alone; root is the address without its +tag, key its hash.
 * The first brings in the news itself, the second is to be asked after it.
 */
extern bool consent_filter_rules_out_erasure(const ConsentContact *root);
extern bool consent_filter_rules_out_links(uint64 key);

/* From _PG_init. */
extern void consent_filter_init(void);

#endif							/* PG_CONSENT_FILTER_H */
