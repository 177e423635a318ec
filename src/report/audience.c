/*-------------------------------------------------------------------------
 *
 * audience.c
 *	  The type consent.audience: a set of contacts by their numbers, in the
 *	  compressed bitmaps of CRoaring.
 *
 * A contact's number is the id of the first event that the ledger has of it.
 * So numbers need no dictionary: they are dense enough for bitmaps, the same
 * in a restored dump and on a replica, and never used again.
 *
 * CRoaring allocates with malloc.  Every bitmap is therefore owned by a memory
 * context, through a callback that frees it whatever way the context ends.
 *
 * A value carries its count and a digest of its members, so that a filter over
 * millions of rows can see that it was handed the same audience again without
 * reading it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "decision/standing.h"
#include "ledger/digest.h"
#include "ledger/ledger.h"
#include "module/compat.h"
#include "report/audience.h"

PG_FUNCTION_INFO_V1(pg_consent_audience_in);
PG_FUNCTION_INFO_V1(pg_consent_audience_out);
PG_FUNCTION_INFO_V1(pg_consent_audience_add);
PG_FUNCTION_INFO_V1(pg_consent_audience_merge);
PG_FUNCTION_INFO_V1(pg_consent_audience_combine);
PG_FUNCTION_INFO_V1(pg_consent_audience_serialize);
PG_FUNCTION_INFO_V1(pg_consent_audience_deserialize);
PG_FUNCTION_INFO_V1(pg_consent_audience_final);
PG_FUNCTION_INFO_V1(pg_consent_audience_union);
PG_FUNCTION_INFO_V1(pg_consent_audience_intersection);
PG_FUNCTION_INFO_V1(pg_consent_audience_difference);
PG_FUNCTION_INFO_V1(pg_consent_audience_eq);
PG_FUNCTION_INFO_V1(pg_consent_audience_ne);
PG_FUNCTION_INFO_V1(pg_consent_audience_has);
PG_FUNCTION_INFO_V1(pg_consent_audience_holds);
PG_FUNCTION_INFO_V1(pg_consent_audience_count);
PG_FUNCTION_INFO_V1(pg_consent_audience_numbers);
PG_FUNCTION_INFO_V1(pg_consent_contact_number);
PG_FUNCTION_INFO_V1(pg_consent_sample_add);
PG_FUNCTION_INFO_V1(pg_consent_sample_final);

#define AUDIENCE_DIGEST_LEN 16
#define CONTAINER_BITS 65536		/* numbers of one container */
#define CONTAINER_MOST (CONTAINER_BITS / BITS_PER_BYTE)	/* bytes */
#define CONTAINER_COST 96			/* what one takes besides */
#define CONTAINERS_MOST 65536
#define SLICE (UINT64CONST(1024) * CONTAINER_BITS)	/* numbers that take 8 MB at most */
#define SLICE_MOST (1024 * CONTAINER_MOST)
#define ADDED_AT_ONCE 1024

typedef struct Audience
{
	int32		vl_len_;		/* varlena header, do not touch directly */
	char		digest[AUDIENCE_DIGEST_LEN];	/* of the bitmap that follows */
	int64		count;
	char		bitmap[FLEXIBLE_ARRAY_MEMBER];	/* CRoaring's portable form */
} Audience;

#define AUDIENCE_HDRSZ offsetof(Audience, bitmap)

/* A bitmap, and the callback that frees it. */
typedef struct Owned
{
	roaring_bitmap_t *bitmap;
	MemoryContextCallback callback;
} Owned;

static void
free_bitmap(void *arg)
{
	Owned	   *owned = arg;

	if (owned->bitmap != NULL)
		roaring_bitmap_free(owned->bitmap);
}

/* Give a new bitmap to the current memory context; until that has it, nothing may throw. */
static Owned *
own(roaring_bitmap_t *bitmap)
{
	Owned	   *owned = bitmap ? palloc_extended(sizeof(Owned), MCXT_ALLOC_NO_OOM) : NULL;

	if (owned == NULL)
	{
		if (bitmap != NULL)
			roaring_bitmap_free(bitmap);
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("CRoaring could not make a bitmap.")));
	}
	owned->bitmap = bitmap;
	owned->callback.func = free_bitmap;
	owned->callback.arg = owned;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owned->callback);
	return owned;
}

/*
 * CRoaring does not survive being refused memory: it writes to what it was not
 * given.  So what a step of it can take is asked for before, and given back;
 * an error, out of memory, is ours.
 */
static void
need(Size bytes)
{
	pfree(palloc_extended(bytes, MCXT_ALLOC_HUGE));
}

/* What a bitmap takes at most that is so large when it is written: twice, as arrays grow, and for each container. */
static Size
room_for(Size written)
{
	return 2 * written + Min(written / 10 + 1, CONTAINERS_MOST) * CONTAINER_COST + 2 * CONTAINER_MOST;
}

static Size
size_of(const Owned *owned)
{
	return roaring_bitmap_portable_size_in_bytes(owned->bitmap);
}

/* The union of both, or what is like it, is made in the first. */
static void
need_for_both(const Owned *a, const Owned *b)
{
	need(room_for(size_of(a) + size_of(b)));
}

static void
give_back(Owned *owned)
{
	roaring_bitmap_free(owned->bitmap);
	owned->bitmap = NULL;
}

static Owned *
read_written(const char *bitmap, Size size)
{
	need(room_for(size));
	return own(roaring_bitmap_portable_deserialize_safe(bitmap, size));
}

static Owned *
read_bitmap(const Audience *audience)
{
	return read_written(audience->bitmap, VARSIZE(audience) - AUDIENCE_HDRSZ);
}

/*
 * The bitmap without runs.  CRoaring before 0.7.1 makes an array of a run that
 * ends at the last number of a container without ever coming to an end, and
 * writes all over the memory; so these numbers are put aside meanwhile.
 */
static void
remove_runs(roaring_bitmap_t *bitmap)
{
	uint8		aside[CONTAINER_BITS / BITS_PER_BYTE] = {0};
	uint64		first = roaring_bitmap_minimum(bitmap) | (CONTAINER_BITS - 1);
	uint64		last = roaring_bitmap_maximum(bitmap);

	for (uint64 number = first; number <= last; number += CONTAINER_BITS)
	{
		uint32		container = number / CONTAINER_BITS;

		if (!consent_roaring_contains(bitmap, number))
			continue;
		aside[container / BITS_PER_BYTE] |= 1 << container % BITS_PER_BYTE;
		roaring_bitmap_remove(bitmap, number);
	}
	roaring_bitmap_remove_run_compression(bitmap);
	for (uint64 number = first; number <= last; number += CONTAINER_BITS)
	{
		uint32		container = number / CONTAINER_BITS;

		if (aside[container / BITS_PER_BYTE] & 1 << container % BITS_PER_BYTE)
			roaring_bitmap_add(bitmap, number);
	}
}

/*
 * The same members always make the same bytes: of two forms that take as much
 * room, run_optimize() keeps the one there is.
 */
static void
normalise_slice(roaring_bitmap_t *bitmap)
{
	remove_runs(bitmap);
	roaring_bitmap_run_optimize(bitmap);
}

/* A slice at a time: without runs all the numbers there are take half a gigabyte, and seconds. */
static void
normalise(Owned *owned)
{
	uint64		from = roaring_bitmap_minimum(owned->bitmap);
	uint64		last = roaring_bitmap_maximum(owned->bitmap);
	Owned	   *whole;

	/* once more, and a slice with and without its runs */
	need(room_for(size_of(owned)) + 3 * Min(2 * roaring_bitmap_get_cardinality(owned->bitmap), SLICE_MOST));

	/* a number takes two bytes at most, so few are never much, however far apart */
	if (last < from + SLICE || roaring_bitmap_get_cardinality(owned->bitmap) <= SLICE / 16)
	{
		normalise_slice(owned->bitmap);
		return;
	}
	whole = own(roaring_bitmap_create_with_capacity(0));
	for (from -= from % SLICE; from <= last; from += SLICE)
	{
		Owned	   *slice = own(roaring_bitmap_create_with_capacity(0));

		CHECK_FOR_INTERRUPTS();
		roaring_bitmap_add_range_closed(slice->bitmap, from, from + SLICE - 1);
		roaring_bitmap_and_inplace(slice->bitmap, owned->bitmap);
		normalise_slice(slice->bitmap);
		roaring_bitmap_or_inplace(whole->bitmap, slice->bitmap);
		give_back(slice);
	}
	give_back(owned);
	owned->bitmap = whole->bitmap;
	whole->bitmap = NULL;
}

static Audience *
write_audience(Owned *owned)
{
	Size		size;
	Audience   *audience;
	pg_cryptohash_ctx *sha;
	bytea	   *digest;

	normalise(owned);
	size = size_of(owned);
	if (!AllocSizeIsValid(AUDIENCE_HDRSZ + size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("audience is too large")));
	audience = palloc0(AUDIENCE_HDRSZ + size);
	SET_VARSIZE(audience, AUDIENCE_HDRSZ + size);
	audience->count = roaring_bitmap_get_cardinality(owned->bitmap);
	roaring_bitmap_portable_serialize(owned->bitmap, audience->bitmap);
	sha = consent_digest_begin();
	consent_digest_add(sha, audience->bitmap, size);
	digest = consent_digest_end(sha);
	memcpy(audience->digest, VARDATA(digest), AUDIENCE_DIGEST_LEN);
	give_back(owned);
	return audience;
}

static uint32
member(int64 number)
{
	if (number < 0 || number > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("contact number %lld does not fit into an audience", (long long) number),
				 errdetail("Numbers are from 0 to %u.", PG_UINT32_MAX)));
	return (uint32) number;
}

static int64
scan_number(const char **s, const char *whole)
{
	char	   *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(*s, &end, 10);
	if (end == *s || **s < '0' || **s > '9' || errno != 0 || number > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type consent.audience"),
				 errdetail("At character %d there is no number from 0 to %u.", (int) (*s - whole) + 1, PG_UINT32_MAX),
				 errhint("It looks like {1,4-9,12}.")));
	*s = end;
	return (int64) number;
}

/* {1,4-9,12}: numbers and ranges */
PGDLLEXPORT Datum
pg_consent_audience_in(PG_FUNCTION_ARGS)
{
	const char *whole = PG_GETARG_CSTRING(0);
	const char *s = whole;
	Owned	   *owned = own(roaring_bitmap_create_with_capacity(0));

	if (*s++ != '{')
		goto invalid;
	while (*s != '}')
	{
		int64		from = scan_number(&s, whole);
		int64		to = from;

		CHECK_FOR_INTERRUPTS();
		if (*s == '-')
		{
			s++;
			to = scan_number(&s, whole);
			if (to < from)
				goto invalid;
		}
		need(room_for(0) + (to - from) / CONTAINER_BITS * 2 * CONTAINER_COST);
		roaring_bitmap_add_range_closed(owned->bitmap, (uint32_t) from, (uint32_t) to);
		if (*s == ',' && s[1] != '}')
			s++;
		else if (*s != '}')
			goto invalid;
	}
	if (s[1] != '\0')
		goto invalid;
	PG_RETURN_POINTER(write_audience(owned));

invalid:
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type consent.audience"),
			 errhint("It looks like {1,4-9,12}.")));
	PG_RETURN_NULL();
}

/* Ranges as they are found, for the text form. */
typedef struct Ranges
{
	StringInfoData out;
	bool		any;
	uint32		from;
	uint32		to;
	uint32		seen;
} Ranges;

static void
write_range(Ranges *ranges)
{
	if (ranges->out.len > 1)
		appendStringInfoChar(&ranges->out, ',');
	appendStringInfo(&ranges->out, "%u", ranges->from);
	if (ranges->to > ranges->from)
		appendStringInfo(&ranges->out, "%c%u", ranges->to == ranges->from + 1 ? ',' : '-', ranges->to);
}

static bool
add_to_ranges(uint32 number, void *arg)
{
	Ranges	   *ranges = arg;

	/* there may be thousands of millions; roaring_iterate() holds nothing that an error would lose */
	if (++ranges->seen % 65536 == 0)
		CHECK_FOR_INTERRUPTS();
	if (ranges->any && number == ranges->to + 1)
		ranges->to = number;
	else
	{
		if (ranges->any)
			write_range(ranges);
		ranges->any = true;
		ranges->from = ranges->to = number;
	}
	return true;
}

PGDLLEXPORT Datum
pg_consent_audience_out(PG_FUNCTION_ARGS)
{
	Owned	   *owned = read_bitmap((Audience *) PG_GETARG_VARLENA_P(0));
	Ranges		ranges = {.any = false};

	initStringInfo(&ranges.out);
	appendStringInfoChar(&ranges.out, '{');
	roaring_iterate(owned->bitmap, add_to_ranges, &ranges);
	if (ranges.any)
		write_range(&ranges);
	appendStringInfoChar(&ranges.out, '}');
	PG_RETURN_CSTRING(ranges.out.data);
}

/* Aggregation: the state is an Owned, in the aggregate's context. */
static Owned *
state_arg(FunctionCallInfo fcinfo, int n)
{
	MemoryContext aggregate;
	MemoryContext caller;
	Owned	   *state;

	if (!AggCheckCallContext(fcinfo, &aggregate))
		elog(ERROR, "called outside an aggregate");
	if (!PG_ARGISNULL(n))
		return (Owned *) PG_GETARG_POINTER(n);
	caller = MemoryContextSwitchTo(aggregate);
	state = own(roaring_bitmap_create_with_capacity(0));
	MemoryContextSwitchTo(caller);
	return state;
}

PGDLLEXPORT Datum
pg_consent_audience_add(PG_FUNCTION_ARGS)
{
	static uint32 added = 0;
	Owned	   *state = state_arg(fcinfo, 0);

	/* each can make a container, or a larger one */
	if (added++ % ADDED_AT_ONCE == 0)
		need((ADDED_AT_ONCE + 1) * (CONTAINER_MOST + CONTAINER_COST) + CONTAINERS_MOST * CONTAINER_COST);
	if (!PG_ARGISNULL(1))
		roaring_bitmap_add(state->bitmap, member(PG_GETARG_INT64(1)));
	PG_RETURN_POINTER(state);
}

/* Transition function of consent.union_of(). */
PGDLLEXPORT Datum
pg_consent_audience_merge(PG_FUNCTION_ARGS)
{
	Owned	   *state = state_arg(fcinfo, 0);
	Owned	   *other;

	if (!PG_ARGISNULL(1))
	{
		other = read_bitmap((Audience *) PG_GETARG_VARLENA_P(1));
		need_for_both(state, other);
		roaring_bitmap_or_inplace(state->bitmap, other->bitmap);
	}
	PG_RETURN_POINTER(state);
}

PGDLLEXPORT Datum
pg_consent_audience_combine(PG_FUNCTION_ARGS)
{
	Owned	   *state = state_arg(fcinfo, 0);

	if (!PG_ARGISNULL(1))
	{
		Owned	   *other = (Owned *) PG_GETARG_POINTER(1);

		need_for_both(state, other);
		roaring_bitmap_or_inplace(state->bitmap, other->bitmap);
	}
	PG_RETURN_POINTER(state);
}

PGDLLEXPORT Datum
pg_consent_audience_serialize(PG_FUNCTION_ARGS)
{
	Owned	   *state = state_arg(fcinfo, 0);
	Size		size = roaring_bitmap_portable_size_in_bytes(state->bitmap);
	bytea	   *result = palloc(VARHDRSZ + size);

	SET_VARSIZE(result, VARHDRSZ + size);
	roaring_bitmap_portable_serialize(state->bitmap, VARDATA(result));
	PG_RETURN_BYTEA_P(result);
}

PGDLLEXPORT Datum
pg_consent_audience_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *serial = PG_GETARG_BYTEA_PP(0);

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "called outside an aggregate");
	PG_RETURN_POINTER(read_written(VARDATA_ANY(serial), VARSIZE_ANY_EXHDR(serial)));
}

PGDLLEXPORT Datum
pg_consent_audience_final(PG_FUNCTION_ARGS)
{
	Owned	   *state = state_arg(fcinfo, 0);

	need(room_for(size_of(state)));

	/* A copy: the same state may go on as a window's frame grows. */
	PG_RETURN_POINTER(write_audience(own(roaring_bitmap_copy(state->bitmap))));
}

#define SET_OPERATION(name, operation) \
PGDLLEXPORT Datum \
name(PG_FUNCTION_ARGS) \
{ \
	Owned	   *a = read_bitmap((Audience *) PG_GETARG_VARLENA_P(0)); \
	Owned	   *b = read_bitmap((Audience *) PG_GETARG_VARLENA_P(1)); \
	need_for_both(a, b); \
	operation(a->bitmap, b->bitmap); \
	PG_RETURN_POINTER(write_audience(a)); \
}

SET_OPERATION(pg_consent_audience_union, roaring_bitmap_or_inplace)
SET_OPERATION(pg_consent_audience_intersection, roaring_bitmap_and_inplace)
SET_OPERATION(pg_consent_audience_difference, roaring_bitmap_andnot_inplace)

static bool
same_audience(FunctionCallInfo fcinfo)
{
	Audience   *a = (Audience *) PG_GETARG_VARLENA_P(0);
	Audience   *b = (Audience *) PG_GETARG_VARLENA_P(1);

	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

PGDLLEXPORT Datum
pg_consent_audience_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(same_audience(fcinfo));
}

PGDLLEXPORT Datum
pg_consent_audience_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!same_audience(fcinfo));
}

PGDLLEXPORT Datum
pg_consent_audience_count(PG_FUNCTION_ARGS)
{
	Audience   *head = (Audience *) PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, AUDIENCE_HDRSZ - VARHDRSZ);
	int64		count;

	memcpy(&count, (char *) head + offsetof(Audience, count), sizeof(count));
	PG_RETURN_INT64(count);
}

StaticAssertDecl(sizeof(varatt_external) == AUDIENCE_DIGEST_LEN, "a TOAST pointer is as long as a digest");
StaticAssertDecl(sizeof(((ConsentMembers *) NULL)->key) == AUDIENCE_DIGEST_LEN, "either fills the key of an audience that was read");

#define FLAT_AT_MOST 8			/* times the compressed form */

/* CRoaring's portable form, as its format specification lays it down. */
#define COOKIE_NO_RUNS 12346
#define COOKIE_RUNS 12347
#define OFFSETS_FROM 4			/* fewer containers have none, where there are runs */
#define ARRAY_MOST 4096			/* members; more make a bitset */

/* A place in the portable form, and what is left of it. */
typedef struct Portable
{
	const char *at;
	Size		left;
} Portable;

static const char *
take(Portable *p, Size size)
{
	const char *taken = p->at;

	if (size > p->left)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("audience is damaged"),
				 errdetail("It ends too early.")));
	p->at += size;
	p->left -= size;
	return taken;
}

static uint16
take_uint16(Portable *p)
{
	uint16		value;

	memcpy(&value, take(p, sizeof(value)), sizeof(value));
	return value;
}

static uint32
take_uint32(Portable *p)
{
	uint32		value;

	memcpy(&value, take(p, sizeof(value)), sizeof(value));
	return value;
}

static inline void
set_bit(uint64 *bits, uint32 i)
{
	bits[i / 64] |= UINT64CONST(1) << (i % 64);
}

/*
 * Straight from the stored form: every process of a parallel scan does this,
 * and by way of CRoaring's own structures it takes several times as long.
 */
static bool
flatten(ConsentMembers *members, const Audience *audience)
{
	Size		size = VARSIZE(audience) - AUDIENCE_HDRSZ;
	Portable	p = {audience->bitmap, size};
	uint32		cookie = take_uint32(&p);
	bool		runs = (cookie & 0xFFFF) == COOKIE_RUNS;
	uint32		n = runs ? (cookie >> 16) + 1 : take_uint32(&p);
	const char *is_run = runs ? take(&p, (n + 7) / 8) : NULL;
	Portable	keys;
	uint16		last;

	if (n == 0 || n > CONTAINER_BITS || (!runs && cookie != COOKIE_NO_RUNS))
		return false;
	keys.at = take(&p, n * 4);
	keys.left = n * 4;
	if (!runs || n >= OFFSETS_FROM)
		take(&p, n * 4);
	memcpy(&last, keys.at + (n - 1) * 4, sizeof(last));
	members->nbits = ((uint64) last + 1) * CONTAINER_BITS;
	if (members->nbits / 8 > FLAT_AT_MOST * size && members->nbits > CONTAINER_BITS)
		return false;
	members->bits = palloc_extended(members->nbits / 8, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < n; i++)
	{
		uint64	   *bits = members->bits + (Size) take_uint16(&keys) * (CONTAINER_BITS / 64);
		uint32		most = take_uint16(&keys) + 1;

		if (bits >= members->bits + members->nbits / 64)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("audience is damaged"),
					 errdetail("Its parts are out of order.")));
		if (is_run != NULL && (is_run[i / 8] >> (i % 8) & 1))
		{
			for (uint32 run = take_uint16(&p); run > 0; run--)
			{
				uint32		from = take_uint16(&p);
				uint32		to = from + take_uint16(&p);

				to = Min(to, CONTAINER_BITS - 1);
				while (from <= to && from % 64 != 0)
					set_bit(bits, from++);
				for (; from + 63 <= to; from += 64)
					bits[from / 64] = PG_UINT64_MAX;
				while (from <= to)
					set_bit(bits, from++);
			}
		}
		else if (most > ARRAY_MOST)
			memcpy(bits, take(&p, CONTAINER_BITS / 8), CONTAINER_BITS / 8);
		else
		{
			while (most-- > 0)
				set_bit(bits, take_uint16(&p));
		}
	}
	return true;
}

static pg_noinline void
read_members(ConsentMembers *members, Datum audience)
{
	MemoryContext caller;
	Audience   *read;

	members->known = false;		/* whatever fails from here on */
	members->bits = NULL;
	MemoryContextReset(members->context);
	caller = MemoryContextSwitchTo(members->context);
	read = (Audience *) PG_DETOAST_DATUM(audience);
	if (!flatten(members, read))
		members->bitmap = read_bitmap(read)->bitmap;
	if ((Pointer) read != DatumGetPointer(audience))
		pfree(read);
	MemoryContextSwitchTo(caller);
}

void
consent_members_init(ConsentMembers *members, MemoryContext parent)
{
	memset(members, 0, sizeof(ConsentMembers));
	members->context = AllocSetContextCreate(parent, "pg_consent audience", ALLOCSET_SMALL_SIZES);
}

/*
 * Is it the same one again?  The value of a stored audience is a pointer into its
 * TOAST table, and of one in memory the digest is enough.
 */
void
consent_members_read(ConsentMembers *members, Datum audience)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(audience);
	uint64		key[lengthof(members->key)];
	bool		stored = VARATT_IS_EXTERNAL_ONDISK(value);
	bool		known = true;

	if (likely(stored))
		memcpy(key, VARDATA_EXTERNAL(value), sizeof(key));
	else if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value))
		known = false;
	else
		memcpy(key, VARDATA_ANY(value), sizeof(key));
	if (unlikely(!known || !members->known || stored != members->stored || memcmp(key, members->key, sizeof(key)) != 0))
	{
		read_members(members, audience);
		if (known)
		{
			memcpy(members->key, key, sizeof(key));
			members->stored = stored;
			members->known = true;
		}
	}
}

static inline bool
is_member(FunctionCallInfo fcinfo, int64 number, Datum audience)
{
	ConsentMembers *members = fcinfo->flinfo->fn_extra;

	if (unlikely(members == NULL))
	{
		members = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(ConsentMembers));
		consent_members_init(members, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = members;
	}
	consent_members_read(members, audience);
	return consent_is_member(members, (uint64) number);
}

/* number <@ audience */
PGDLLEXPORT Datum
pg_consent_audience_has(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_member(fcinfo, PG_GETARG_INT64(0), PG_GETARG_DATUM(1)));
}

/* audience @> number */
PGDLLEXPORT Datum
pg_consent_audience_holds(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_member(fcinfo, PG_GETARG_INT64(1), PG_GETARG_DATUM(0)));
}

bool
consent_looks_up(Oid function)
{
	FmgrInfo	info;

	fmgr_info(function, &info);
	return info.fn_addr == pg_consent_audience_has || info.fn_addr == pg_consent_audience_holds;
}

/* Read a piece at a time: an audience may have more members than an array can. */
#define PIECE 8192

typedef struct Numbers
{
	Owned	   *owned;
	uint64		count;
	uint64		next;
	uint32		piece[PIECE];
} Numbers;

PGDLLEXPORT Datum
pg_consent_audience_numbers(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	Numbers    *numbers;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		numbers = palloc0(sizeof(Numbers));
		numbers->owned = read_bitmap((Audience *) PG_GETARG_VARLENA_P(0));
		numbers->count = roaring_bitmap_get_cardinality(numbers->owned->bitmap);
		call->user_fctx = numbers;
		MemoryContextSwitchTo(caller);
	}
	call = SRF_PERCALL_SETUP();
	numbers = call->user_fctx;
	if (numbers->next < numbers->count)
	{
		int			i = numbers->next % PIECE;

		if (i == 0)
			roaring_bitmap_range_uint32_array(numbers->owned->bitmap, numbers->next,
											  Min(PIECE, numbers->count - numbers->next), numbers->piece);
		numbers->next++;
		SRF_RETURN_NEXT(call, Int64GetDatum((int64) numbers->piece[i]));
	}
	SRF_RETURN_DONE(call);
}

/* The first event of this form of the address; NULL if there is none. */
PGDLLEXPORT Datum
pg_consent_contact_number(PG_FUNCTION_ARGS)
{
	const ConsentStanding *standing = (const ConsentStanding *) PG_GETARG_VARLENA_P(0);
	uint64		form = consent_ledger_form(PG_GETARG_DATUM(1));
	const ConsentEntry *entry;

	foreach_entry(entry, standing)
	{
		if (entry->facts.form == form)
			PG_RETURN_INT64(entry->facts.event_id);
	}
	PG_RETURN_NULL();
}

/* consent.sample(anyelement, n): some n of them, the first that come */
typedef struct Sample
{
	ArrayBuildState *array;
	int			n;
} Sample;

PGDLLEXPORT Datum
pg_consent_sample_add(PG_FUNCTION_ARGS)
{
	MemoryContext aggregate;
	Sample	   *sample;

	if (!AggCheckCallContext(fcinfo, &aggregate))
		elog(ERROR, "called outside an aggregate");
	if (PG_ARGISNULL(0))
	{
		sample = MemoryContextAllocZero(aggregate, sizeof(Sample));
		sample->array = initArrayResult(get_fn_expr_argtype(fcinfo->flinfo, 1), aggregate, false);
	}
	else
		sample = (Sample *) PG_GETARG_POINTER(0);
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && sample->n < PG_GETARG_INT32(2))
	{
		sample->array = accumArrayResult(sample->array, PG_GETARG_DATUM(1), false, sample->array->element_type, aggregate);
		sample->n++;
	}
	PG_RETURN_POINTER(sample);
}

PGDLLEXPORT Datum
pg_consent_sample_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(makeArrayResult(((Sample *) PG_GETARG_POINTER(0))->array, CurrentMemoryContext));
}
