/*-------------------------------------------------------------------------
 *
 * ruleset_store.c
 *	  Keeps the compiled set in the database, for sessions to come.
 *
 * To build a set takes many times as long as to copy it.  So whoever changes
 * the rules leaves the set behind, in consent.ruleset: one piece of memory in
 * which pointers are offsets, cut into rows that fit a page each.  They are read
 * without opening the table (rows.c), so there is no TOAST.
 *
 * It is a cache, and proves itself: it carries a stamp of the very rows that it
 * was made of.  A set that does not fit the rows, because somebody wrote them
 * with triggers disabled, or fits another version of this code, is not used.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/mman.h>
#include <unistd.h>

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "classify/rows.h"
#include "classify/ruleset.h"

#define IMAGE_VERSION	7		/* of the layout and what is in it, together with the sizes */
#define PIECE			8000	/* bytes of it in a row */

#define Anum_ruleset_n		1
#define Anum_ruleset_piece	2

typedef struct Image
{
	uint32		version;
	uint32		sizes;			/* of what it is made of */
	Size		size;
	ConsentRuleset set;
	ConsentRule rules[FLEXIBLE_ARRAY_MEMBER];	/* then metas, strings, the filter */
} Image;

#define IMAGE_SIZES		((uint32) (sizeof(Image) << 16 | sizeof(ConsentRule)))

/*-------------------------------------------------------------------------
 * From pointers to offsets and back
 *-------------------------------------------------------------------------
 */

typedef struct Writer
{
	char	   *base;			/* NULL: only count */
	Size		at;
} Writer;

static void *
put(Writer *w, const void *what, Size size)
{
	Size		at = w->at;

	if (w->base)
		memcpy(w->base + at, what, size);
	w->at += MAXALIGN(size);
	return (void *) at;
}

static const char *
put_string(Writer *w, const char *s)
{
	return s ? put(w, s, strlen(s) + 1) : NULL;
}

static const bytea *
put_bytes(Writer *w, const bytea *bytes)
{
	return bytes ? put(w, bytes, VARSIZE(bytes)) : NULL;
}

static ConsentRule
flat_rule(Writer *w, const ConsentRule *from)
{
	ConsentRule rule = *from;

	rule.code = put_string(w, rule.code);
	rule.family = put_string(w, rule.family);
	rule.citation = put_string(w, rule.citation);
	rule.source = put_string(w, rule.source);
	rule.packed = put_bytes(w, rule.packed);
	rule.exceptions_source = put_string(w, rule.exceptions_source);
	rule.exceptions_packed = put_bytes(w, rule.exceptions_packed);
	rule.program = rule.program ? put(w, rule.program, rule.program_len * sizeof(int32)) : NULL;
	rule.literals = NULL;
	rule.pattern = NULL;
	rule.exceptions = NULL;
	return rule;
}

/* Bytes from the beginning, where nothing is that a pointer could be to. */
static void
write_image(Writer *w, const ConsentRuleset *set)
{
	Image		head = {.version = IMAGE_VERSION,.sizes = IMAGE_SIZES};
	Size		rules = offsetof(Image, rules);

	w->at = MAXALIGN(rules + (set->nrules + set->nmetas) * sizeof(ConsentRule));
	head.set = *set;
	head.set.rules = NULL;
	head.set.metas = NULL;
	head.set.cxt = NULL;
	head.set.hits = NULL;
	head.set.digest = put_string(w, set->digest);
	head.set.filter = put(w, set->filter, consent_prefilter_size(set->filter));
	for (int i = 0; i < set->nrules + set->nmetas; i++)
	{
		ConsentRule rule = flat_rule(w, i < set->nrules ? &set->rules[i] :
									 &set->metas[i - set->nrules]);

		if (w->base)
			memcpy(w->base + rules + i * sizeof(ConsentRule), &rule, sizeof(rule));
	}
	head.size = w->at;
	if (w->base)
		memcpy(w->base, &head, rules);
}

char *
consent_ruleset_image(const ConsentRuleset *set, Size *size)
{
	Writer		writer = {0};

	write_image(&writer, set);
	*size = writer.at;
	writer.base = MemoryContextAllocExtended(CurrentMemoryContext, writer.at,
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	write_image(&writer, set);
	return writer.base;
}

ConsentRuleset *
consent_ruleset_of_image(const char *base)
{
	const Image *image = (const Image *) base;
	ConsentRuleset *set = palloc(sizeof(ConsentRuleset));
	int			nrules = image->set.nrules + image->set.nmetas;

#define RELOCATE(pointer) \
	((pointer) = (pointer) ? (void *) (base + (Size) (pointer)) : NULL)
	*set = image->set;
	RELOCATE(set->digest);
	RELOCATE(set->filter);
	set->rules = palloc(Max(nrules, 1) * sizeof(ConsentRule));
	memcpy(set->rules, image->rules, nrules * sizeof(ConsentRule));
	set->metas = set->rules + set->nrules;
	for (int i = 0; i < nrules; i++)
	{
		ConsentRule *rule = &set->rules[i];

		RELOCATE(rule->code);
		RELOCATE(rule->family);
		RELOCATE(rule->citation);
		RELOCATE(rule->source);
		RELOCATE(rule->packed);
		RELOCATE(rule->exceptions_source);
		RELOCATE(rule->exceptions_packed);
		RELOCATE(rule->program);
	}
#undef RELOCATE
	return set;
}

char *
consent_ruleset_packed(const char *image, Size *size)
{
	ConsentRuleset *set = consent_ruleset_of_image(image);

	for (int i = 0; i < set->nrules; i++)
	{
		ConsentRule *rule = &set->rules[i];

		CHECK_FOR_INTERRUPTS();
		rule->packed = consent_pattern_pack(rule->source);
		if (rule->exceptions_source != NULL)
			rule->exceptions_packed = consent_pattern_pack(rule->exceptions_source);
	}
	return consent_ruleset_image(set, size);
}

bool
consent_ruleset_is_usable(const char *base, Size size, uint64 stamp)
{
	const Image *image = (const Image *) base;

	return size >= sizeof(Image) && image->version == IMAGE_VERSION &&
		image->sizes == IMAGE_SIZES && image->size <= size && image->set.stamp == stamp;
}

/*-------------------------------------------------------------------------
 * The table
 *-------------------------------------------------------------------------
 */

/*
 * Get the memory's pages at once, instead of one by one as they are written to;
 * where the kernel does not know how, they come by themselves.
 */
static void
populate(char *base, Size size)
{
#ifdef MADV_POPULATE_WRITE
	uintptr_t	page = (uintptr_t) sysconf(_SC_PAGESIZE);
	uintptr_t	from = ((uintptr_t) base + page - 1) & ~(page - 1);
	uintptr_t	to = ((uintptr_t) base + size) & ~(page - 1);

	if (from < to)
		(void) madvise((void *) from, to - from, MADV_POPULATE_WRITE);
#endif
}

/* A piece of the image, as it is on a page. */
typedef struct PieceRow
{
	int32		n;
	bytea		piece;
} PieceRow;

typedef struct Pieces
{
	char	   *base;
	Size		capacity;
	Size		size;			/* of those that were put there */
	bool		foreign;		/* there was one that is not ours */
} Pieces;

static void
read_piece(HeapTuple row, void *arg)
{
	Pieces	   *to = arg;
	PieceRow   *from = (PieceRow *) GETSTRUCT(row);
	Size		at = (Size) from->n * PIECE;
	Size		len = VARSIZE_ANY_EXHDR(&from->piece);

	/* rows are as many as say so, or there are some from elsewhere */
	if (from->n < 0 || at + len > to->capacity || !VARATT_IS_4B_U(&from->piece))
	{
		to->foreign = true;
		return;
	}
	memcpy(to->base + at, VARDATA(&from->piece), len);
	to->size += len;
	/* it tells how much there is: there is room for what of other versions nobody has vacuumed, too */
	if (from->n == 0 && len >= sizeof(Image))
		populate(to->base, Min(((Image *) to->base)->size, to->capacity));
}

char *
consent_ruleset_fetch(uint64 stamp, Size *size)
{
	Pieces		pieces = {0};
	ConsentRows rows;

	consent_rows_open("ruleset", &rows);
	pieces.capacity = (Size) rows.nblocks * PIECE;
	pieces.base = MemoryContextAllocHuge(CurrentMemoryContext, Max(pieces.capacity, 1));
	consent_rows_read(&rows, read_piece, &pieces);
	consent_rows_close(&rows);

	*size = pieces.size;
	if (!pieces.foreign && consent_ruleset_is_usable(pieces.base, pieces.size, stamp) &&
		((Image *) pieces.base)->size == pieces.size)
		return pieces.base;
	pfree(pieces.base);
	return NULL;
}

void
consent_ruleset_store(Relation rules)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "consent rule set to store",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	Relation	rel = table_open(consent_ruleset_relid("ruleset"), AccessShareLock);
	char	   *image;
	Size		size;
	SysScanDesc scan;
	HeapTuple	tuple;

	/*
	 * One after another, to the end of the transaction: each makes the set of
	 * what all before it have left.
	 */
	LockRelationOid(RelationGetRelid(rel), ShareRowExclusiveLock);
	CommandCounterIncrement();
	image = consent_ruleset_image(consent_ruleset_build(rules, true), &size);

	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		simple_heap_delete(rel, &tuple->t_self);
	systable_endscan(scan);
	for (Size at = 0; at < size; at += PIECE)
	{
		Size		len = Min(PIECE, size - at);
		bytea	   *piece = palloc(VARHDRSZ + PIECE);
		Datum		values[2];
		bool		nulls[2] = {false, false};

		SET_VARSIZE(piece, VARHDRSZ + len);
		memcpy(VARDATA(piece), image + at, len);
		values[Anum_ruleset_n - 1] = Int32GetDatum((int32) (at / PIECE));
		values[Anum_ruleset_piece - 1] = PointerGetDatum(piece);
		tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
		simple_heap_insert(rel, tuple);
		heap_freetuple(tuple);
		pfree(piece);
	}
	table_close(rel, NoLock);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}
