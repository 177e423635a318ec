/*-------------------------------------------------------------------------
 *
 * contact_table.h
 *	  A table of contacts in memory, of one process or made by several together.
 *
 * It is filled, then made ready, then asked.  Contacts are put into it once each.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_CONTACT_TABLE_H
#define PG_CONSENT_CONTACT_TABLE_H

#include "port/atomics.h"
#include "utils/dsa.h"

#include "contact/contact.h"

#define CONSENT_CONTACT_SPACE	64	/* bytes: about what a contact takes, with its slots */
#define CONSENT_CONTACT_TABLE_MAX	((Size) 16 * 1024 * 1024 * 1024)	/* bytes of contacts */

typedef struct ConsentSharedContacts ConsentSharedContacts;

typedef struct ConsentContactTable
{
	MemoryContext context;		/* of all that is not shared */
	ConsentSharedContacts *shared;	/* NULL: it is ours alone */
	dsa_area   *area;
	uint32		ncontacts;		/* ours; when it is ready, all */
	Size		size;			/* of ours */
	struct Chunk **chunks;
	uint32		nchunks;
	uint32		maxchunks;
	struct Chunk *filling;
	Size		filled;			/* of that chunk */
	struct Added *added;		/* ours, until it is ready */
	Size		maxadded;
	pg_atomic_uint64 *slots;
	uint32		mask;
} ConsentContactTable;

/* A contact that is looked up: of the first two the caller tells. */
typedef struct ConsentLookUp
{
	const ConsentContact *contact;
	uint64		hash;
	uint32		at;
	bool		found;
} ConsentLookUp;

/* What processes share, in memory that all of them see: how much, and making it new. */
extern Size consent_shared_contacts_size(void);
extern void consent_shared_contacts_init(ConsentSharedContacts *shared, bool fit);
extern void consent_shared_contacts_reset(ConsentSharedContacts *shared, dsa_area *area, bool fit);

/* Do all contacts fit, so that processes make a table together?  If not, may this one do it alone? */
extern bool consent_shared_contacts_fit(const ConsentSharedContacts *shared);
extern bool consent_shared_contacts_claim(ConsentSharedContacts *shared);

extern void consent_contact_table_init(ConsentContactTable *table, MemoryContext parent);
extern void consent_contact_table_reset(ConsentContactTable *table);

/* Is there something for this process to put in?  Not if the others have done it all. */
extern bool consent_contact_table_begin(ConsentContactTable *table, ConsentSharedContacts *shared, dsa_area *area);
extern void consent_contact_table_add(ConsentContactTable *table, const ConsentContact *contact, uint64 hash);
extern bool consent_contact_table_is_full(const ConsentContactTable *table);

/* All is put in: waits until that is so of other processes, too. */
extern void consent_contact_table_finish(ConsentContactTable *table);

extern void consent_contact_table_find(const ConsentContactTable *table, ConsentLookUp *asked, int n);

/* It will be looked up soon. */
static inline void
consent_contact_table_prefetch(const ConsentContactTable *table, uint64 hash)
{
	__builtin_prefetch(&table->slots[(uint32) hash & table->mask]);
}

#endif							/* PG_CONSENT_CONTACT_TABLE_H */
