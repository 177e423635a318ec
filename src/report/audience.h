/*-------------------------------------------------------------------------
 *
 * audience.h
 *	  Look-ups in a set of contacts, and the start-up of what has to do with it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_AUDIENCE_H
#define PG_CONSENT_AUDIENCE_H

#include "report/roaring_lib.h"

/*
 * An audience unpacked for many look-ups: as plain bits, where a look-up is one
 * load; in CRoaring's containers it is two searches and three loads that wait for
 * each other.  One that is thin, or all ranges, would be blown up by that, and
 * stays as it is.
 */
typedef struct ConsentMembers
{
	uint64		nbits;
	uint64	   *bits;			/* NULL: ask the bitmap */
	const roaring_bitmap_t *bitmap;
	bool		known;			/* is it the audience of this key? */
	bool		stored;
	uint64		key[2];
	MemoryContext context;
} ConsentMembers;

extern void consent_members_init(ConsentMembers *members, MemoryContext parent);

/* Costs nothing if it is the same audience again. */
extern void consent_members_read(ConsentMembers *members, Datum audience);

/* Is this the code of <@ or @>?  Its name may be anybody's where the extension is not created. */
extern bool consent_looks_up(Oid function);

/* A negative number, taken for an unsigned one, is no member. */
static inline bool
consent_is_member(const ConsentMembers *members, uint64 number)
{
	if (likely(members->bits != NULL))
		return number < members->nbits && (members->bits[number / 64] >> (number % 64) & 1) != 0;
	return number <= PG_UINT32_MAX && consent_roaring_contains(members->bitmap, (uint32_t) number);
}

/* Its bit will soon be asked for. */
static inline void
consent_members_prefetch(const ConsentMembers *members, uint64 number)
{
	if (members->bits != NULL && number < members->nbits)
		__builtin_prefetch(&members->bits[number / 64]);
}

/* From _PG_init. */
extern void consent_audience_init(void);
extern void consent_audience_scan_init(void);

#endif							/* PG_CONSENT_AUDIENCE_H */
