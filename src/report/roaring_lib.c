/*-------------------------------------------------------------------------
 *
 * roaring_lib.c
 *	  All of the shared library pg_consent_roaring: see roaring_lib.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "report/roaring_lib.h"

PG_MODULE_MAGIC;

PGDLLEXPORT const ConsentRoaring *pg_consent_roaring(void);

const ConsentRoaring *
pg_consent_roaring(void)
{
	static const ConsentRoaring roaring = {
		.roaring_bitmap_create_with_capacity = roaring_bitmap_create_with_capacity,
		.contains = roaring_bitmap_contains,
#define VOID_ENTRY(name, parameters, arguments) .name = name,
#define ENTRY(type, name, parameters, arguments) .name = name,
		CONSENT_ROARING(VOID_ENTRY, ENTRY)
#undef VOID_ENTRY
#undef ENTRY
	};

	return &roaring;
}
