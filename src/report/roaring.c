/*-------------------------------------------------------------------------
 *
 * roaring.c
 *	  Stands in for CRoaring, which is opened by the first call: see
 *	  roaring_lib.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "report/audience.h"
#include "report/roaring_lib.h"

static const ConsentRoaring *
roaring(void)
{
	static const ConsentRoaring *opened = NULL;

	if (unlikely(opened == NULL))
	{
		ConsentRoaringFunction open = (ConsentRoaringFunction)
			load_external_function(CONSENT_ROARING_LIBRARY, CONSENT_ROARING_FUNCTION, true, NULL);

		opened = open();
	}
	return opened;
}

/* Sessions of a preloaded server inherit it. */
void
consent_audience_init(void)
{
	if (process_shared_preload_libraries_in_progress)
		(void) roaring();
}

roaring_bitmap_t *
roaring_bitmap_create_with_capacity(uint32_t capacity)
{
	return roaring()->roaring_bitmap_create_with_capacity(capacity);
}

bool
consent_roaring_contains(const roaring_bitmap_t *r, uint32_t x)
{
	return roaring()->contains(r, x);
}

#define VOID_FUNCTION(name, parameters, arguments) \
	void name parameters \
	{ \
		roaring()->name arguments; \
	}
#define FUNCTION(type, name, parameters, arguments) \
	type name parameters \
	{ \
		return roaring()->name arguments; \
	}
CONSENT_ROARING(VOID_FUNCTION, FUNCTION)
