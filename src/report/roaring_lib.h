/*-------------------------------------------------------------------------
 *
 * roaring_lib.h
 *	  What we use of CRoaring, as a list.
 *
 * Only sessions that work with audiences need it, so it is linked by a shared library
 * of its own, pg_consent_roaring, which hands out this table.  roaring.c has
 * functions of the same names that call through it.  Who uses one more adds it
 * here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_ROARING_LIB_H
#define PG_CONSENT_ROARING_LIB_H

#include <roaring/roaring.h>

#define CONSENT_ROARING_LIBRARY		"$libdir/pg_consent_roaring"
#define CONSENT_ROARING_FUNCTION	"pg_consent_roaring"

/* V(name, parameters, arguments) returns nothing, F(type, name, parameters, arguments) something. */
#define CONSENT_ROARING(V, F) \
	V(roaring_bitmap_add, (roaring_bitmap_t *r, uint32_t x), (r, x)) \
	V(roaring_bitmap_add_range_closed, (roaring_bitmap_t *r, uint32_t min, uint32_t max), (r, min, max)) \
	V(roaring_bitmap_and_inplace, (roaring_bitmap_t *r, const roaring_bitmap_t *other), (r, other)) \
	V(roaring_bitmap_andnot_inplace, (roaring_bitmap_t *r, const roaring_bitmap_t *other), (r, other)) \
	V(roaring_bitmap_or_inplace, (roaring_bitmap_t *r, const roaring_bitmap_t *other), (r, other)) \
	V(roaring_bitmap_free, (const roaring_bitmap_t *r), (r)) \
	F(roaring_bitmap_t *, roaring_bitmap_copy, (const roaring_bitmap_t *r), (r)) \
	F(uint64_t, roaring_bitmap_get_cardinality, (const roaring_bitmap_t *r), (r)) \
	F(roaring_bitmap_t *, roaring_bitmap_portable_deserialize_safe, (const char *from, size_t size), (from, size)) \
	F(size_t, roaring_bitmap_portable_serialize, (const roaring_bitmap_t *r, char *to), (r, to)) \
	F(size_t, roaring_bitmap_portable_size_in_bytes, (const roaring_bitmap_t *r), (r)) \
	F(bool, roaring_bitmap_range_uint32_array, (const roaring_bitmap_t *r, size_t offset, size_t limit, uint32_t *to), \
	  (r, offset, limit, to)) \
	F(bool, roaring_bitmap_remove_run_compression, (roaring_bitmap_t *r), (r)) \
	F(bool, roaring_bitmap_run_optimize, (roaring_bitmap_t *r), (r)) \
	F(bool, roaring_iterate, (const roaring_bitmap_t *r, roaring_iterator each, void *arg), (r, each, arg)) \
	V(roaring_bitmap_remove, (roaring_bitmap_t *r, uint32_t x), (r, x)) \
	F(uint32_t, roaring_bitmap_minimum, (const roaring_bitmap_t *r), (r)) \
	F(uint32_t, roaring_bitmap_maximum, (const roaring_bitmap_t *r), (r))

/*
 * Functions that are inline in some version are not to be called: what they call
 * would have to be here.  So there is no roaring_bitmap_create(), and
 * consent_roaring_contains() is roaring_bitmap_contains().
 */
typedef struct ConsentRoaring
{
	roaring_bitmap_t *(*roaring_bitmap_create_with_capacity) (uint32_t capacity);
	bool		(*contains) (const roaring_bitmap_t *r, uint32_t x);
#define VOID_MEMBER(name, parameters, arguments) void (*name) parameters;
#define MEMBER(type, name, parameters, arguments) type (*name) parameters;
	CONSENT_ROARING(VOID_MEMBER, MEMBER)
#undef VOID_MEMBER
#undef MEMBER
} ConsentRoaring;

typedef const ConsentRoaring *(*ConsentRoaringFunction) (void);

extern bool consent_roaring_contains(const roaring_bitmap_t *r, uint32_t x);

#endif							/* PG_CONSENT_ROARING_LIB_H */
