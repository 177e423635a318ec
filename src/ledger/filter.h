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

/*
 * Is there certainly nothing on record of an address, root being that without
 * its +tag and key its hash?  What had committed when this is called is known;
 * so is what our own transaction has recorded.
 */
extern bool consent_filter_rules_out(const ConsentContact *contact, uint64 key);

/* It will be asked about soon: what it must look at is far away. */
extern void consent_filter_prefetch(uint64 key);

/* The same of erasures and of links alone; root is the address without its +tag. */
extern bool consent_filter_rules_out_erasure(const ConsentContact *root);
extern bool consent_filter_rules_out_links(const ConsentContact *root);

/* From _PG_init. */
extern void consent_filter_init(void);

#endif							/* PG_CONSENT_FILTER_H */
