/*-------------------------------------------------------------------------
 *
 * prefilter.c
 *	  Finds the literals of all rules in a text, in one pass.
 *
 * Of each literal its rarest four bytes are taken.  A bit map tells for the
 * four bytes at each place of the text whether they may be some literal's;
 * it fits into the nearest cache and nearly always says no.  Literals too
 * short for that are found by two bytes, in the same manner.
 *
 * Where the map says yes, the literals with these bytes are compared whole.
 * The filter is one piece of memory with offsets instead of pointers, so it
 * can be stored, and shared by processes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "classify/prefilter.h"

#define GRAM		4
#define GRAM_BITS	17			/* of the hash: 16 kB of map */
#define CHAINS		8192		/* a power of two */
#define NO_ENTRY	0xFFFFFFFF

/* The literal "bytes", which a rule must have so far into it. */
typedef struct Entry
{
	uint32		next;			/* with the same hash */
	uint32		gram;
	uint32		rule;
	ConsentReach before;
	uint8		len;
	uint8		offset;			/* of the bytes that stand in the maps */
	char		bytes[CONSENT_LITERAL_MAX];
} Entry;

struct ConsentPrefilter
{
	Size		size;
	uint32		nrules;
	uint32		nentries;
	bool		has_short;
	uint64		gram_bits[(1 << GRAM_BITS) / 64];
	uint64		pair_bits[65536 / 64];
	uint32		gram_chain[CHAINS];
	uint32		pair_chain[256];	/* by the first of the two bytes */
	uint64		data[FLEXIBLE_ARRAY_MEMBER];	/* bits of the rules to be
												 * tried always, entries */
};

struct PrefilterBuilder
{
	int			nrules;
	uint64	   *always;
	int			n;
	int			capacity;
	Entry	   *entry;
};

#define RULE_WORDS(nrules)	(((nrules) + 63) / 64)

static inline uint32
load_gram(const char *s)
{
	uint32		gram;

	memcpy(&gram, s, GRAM);
	return gram;
}

static inline uint32
hash_gram(uint32 gram)
{
	return (gram * 2654435761u) >> (32 - GRAM_BITS);
}

PrefilterBuilder *
consent_prefilter_begin(int nrules)
{
	PrefilterBuilder *b = palloc0(sizeof(PrefilterBuilder));

	b->nrules = nrules;
	b->always = palloc0(Max(RULE_WORDS(nrules), 1) * sizeof(uint64));
	b->capacity = 1024;
	b->entry = palloc(b->capacity * sizeof(Entry));
	return b;
}

/* The rarest window of n bytes. */
static int
rarest(const ConsentLiteral *literal, int n)
{
	int			best = 0;
	int			best_rarity = -1;

	for (int i = 0; i + n <= literal->len; i++)
	{
		int			rarity = consent_literal_rarity(literal->bytes + i, n);

		if (rarity > best_rarity)
		{
			best_rarity = rarity;
			best = i;
		}
	}
	return best;
}

void
consent_prefilter_add(PrefilterBuilder *b, int rule, const ConsentLiteral *literals, int n)
{
	if (n == 0)
		b->always[rule / 64] |= UINT64CONST(1) << (rule % 64);
	for (int i = 0; i < n; i++)
	{
		Entry	   *e;

		if (b->n == b->capacity)
		{
			b->capacity *= 2;
			b->entry = repalloc_huge(b->entry, b->capacity * sizeof(Entry));
		}
		e = &b->entry[b->n++];
		memset(e, 0, sizeof(Entry));
		e->rule = rule;
		e->before = literals[i].before;
		e->len = (uint8) literals[i].len;
		e->offset = (uint8) rarest(&literals[i], Min(literals[i].len, literals[i].len < GRAM ? 2 : GRAM));
		memcpy(e->bytes, literals[i].bytes, literals[i].len);
	}
}

static inline const Entry *
entries_of(const ConsentPrefilter *f)
{
	return (const Entry *) (f->data + RULE_WORDS(f->nrules));
}

ConsentPrefilter *
consent_prefilter_finish(PrefilterBuilder *b)
{
	Size		size = offsetof(ConsentPrefilter, data) +
		RULE_WORDS(b->nrules) * sizeof(uint64) + b->n * sizeof(Entry);
	ConsentPrefilter *f = MemoryContextAllocExtended(CurrentMemoryContext, size,
													 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	Entry	   *entry = (Entry *) (f->data + RULE_WORDS(b->nrules));

	f->size = size;
	f->nrules = b->nrules;
	f->nentries = b->n;
	memset(f->gram_chain, 0xFF, sizeof(f->gram_chain));
	memset(f->pair_chain, 0xFF, sizeof(f->pair_chain));
	memcpy(f->data, b->always, RULE_WORDS(b->nrules) * sizeof(uint64));
	memcpy(entry, b->entry, b->n * sizeof(Entry));

	for (uint32 i = 0; i < f->nentries; i++)
	{
		Entry	   *e = &entry[i];
		uint32	   *chain;

		if (e->len >= GRAM)
		{
			uint32		h;

			e->gram = load_gram(e->bytes + e->offset);
			h = hash_gram(e->gram);
			f->gram_bits[h / 64] |= UINT64CONST(1) << (h % 64);
			chain = &f->gram_chain[h % CHAINS];
		}
		else
		{
			unsigned char first = (unsigned char) e->bytes[e->offset];

			f->has_short = true;
			for (int second = 0; second < 256; second++)
			{
				uint32		pair = first << 8 | second;

				if (e->len == 1 || second == (unsigned char) e->bytes[e->offset + 1])
					f->pair_bits[pair / 64] |= UINT64CONST(1) << (pair % 64);
			}
			chain = &f->pair_chain[first];
		}
		e->next = *chain;
		*chain = i;
	}
	return f;
}

Size
consent_prefilter_size(const ConsentPrefilter *filter)
{
	return filter->size;
}

void
consent_prefilter_hits_init(PrefilterHits *hits, int nrules)
{
	hits->nrules = nrules;
	hits->rules = palloc(Max(RULE_WORDS(nrules), 1) * sizeof(uint64));
	hits->last = palloc(Max(nrules, 1) * sizeof(int));
	hits->count = palloc(Max(nrules, 1) * sizeof(uint8));
	hits->capacity = 64;
	hits->hit = palloc(hits->capacity * sizeof(PrefilterHit));
}

static void
note_hit(PrefilterHits *hits, const Entry *e, int at)
{
	PrefilterHit *hit;
	uint64		bit = UINT64CONST(1) << (e->rule % 64);

	if ((hits->rules[e->rule / 64] & bit) == 0)
	{
		hits->rules[e->rule / 64] |= bit;
		hits->last[e->rule] = -1;
		hits->count[e->rule] = 0;
	}
	if (hits->count[e->rule] == PREFILTER_HITS)
		return;
	hits->count[e->rule]++;
	if (hits->nhits == hits->capacity)
	{
		hits->capacity *= 2;
		hits->hit = repalloc(hits->hit, hits->capacity * sizeof(PrefilterHit));
	}
	hit = &hits->hit[hits->nhits];
	hit->at = at;
	hit->before = e->before;
	hit->next = hits->last[e->rule];
	hits->last[e->rule] = hits->nhits++;
}

/* The bytes at "at" are in a map: compare the literals with them whole. */
static inline void
compare(const Entry *e, const char *text, int len, int at, PrefilterHits *hits)
{
	int			start = at - e->offset;

	if (start >= 0 && start + e->len <= len &&
		memcmp(text + start, e->bytes, e->len) == 0)
		note_hit(hits, e, start);
}

void
consent_prefilter_scan(const ConsentPrefilter *f, const char *text, int len,
					   PrefilterHits *hits)
{
	const uint64 *gram_bits = f->gram_bits;
	const uint64 *pair_bits = f->pair_bits;
	const Entry *entry = entries_of(f);

	Assert(hits->nrules == f->nrules);
	hits->nhits = 0;
	memcpy(hits->rules, f->data, RULE_WORDS(f->nrules) * sizeof(uint64));
	/* rules that are always tried need no places */
	for (int w = 0; w < RULE_WORDS(f->nrules); w++)
	{
		for (uint64 bits = hits->rules[w]; bits; bits &= bits - 1)
		{
			int			rule = w * 64 + pg_rightmost_one_pos64(bits);

			hits->last[rule] = -1;
			hits->count[rule] = PREFILTER_HITS;
		}
	}

	for (int at = 0; at + GRAM <= len; at++)
	{
		uint32		gram = load_gram(text + at);
		uint32		h = hash_gram(gram);

		if (likely(((gram_bits[h / 64] >> (h % 64)) & 1) == 0))
			continue;
		for (uint32 i = f->gram_chain[h % CHAINS]; i != NO_ENTRY; i = entry[i].next)
		{
			if (entry[i].gram == gram)
				compare(&entry[i], text, len, at, hits);
		}
	}
	if (f->has_short)
	{
		for (int at = 0; at < len; at++)
		{
			uint32		pair = (unsigned char) text[at] << 8 | (unsigned char) text[at + 1];

			if (likely(((pair_bits[pair / 64] >> (pair % 64)) & 1) == 0))
				continue;
			for (uint32 i = f->pair_chain[pair >> 8]; i != NO_ENTRY; i = entry[i].next)
				compare(&entry[i], text, len, at, hits);
		}
	}
}
