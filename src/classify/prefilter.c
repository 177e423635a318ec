/*-------------------------------------------------------------------------
 *
 * prefilter.c
 *	  Finds the literals of all rules in a text, in one pass.
 *
 * Nearly all literals have a place where a word or a number starts, or a sign
 * is: there it is enough to look for them, and most of a text is none of these.
 * Up to eight bytes from such a place on are hashed, and a bit map that fits
 * into the nearest cache tells whether they may be some literal's; it nearly
 * always says no.  Literals that may be found in the middle of a word and have
 * no such place are looked for where the first two of their rarest bytes are.
 *
 * Places are gathered first and looked at then, step by step, so that the loops
 * which see most of them do not branch.  At what is left, the literals with
 * these bytes, whose hash is their key, are compared whole; each literal knows
 * the rules that want it.  The filter is one piece of memory with offsets
 * instead of pointers, so it can be stored, and shared by processes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "classify/prefilter.h"
#include "text/bytes.h"

#define MAP_SPARSITY	32		/* bits of the map for each key, at least */
#define MAP_BITS_MIN	13
#define MAP_BITS_MAX	20		/* 128 kB */
#define SELDOM			8		/* rarity; what is less is not looked for at each start */
#define BLOCK			512		/* bytes read at a time */

/*
 * A literal; those with the same key follow each other.  A session
 * touches all of these in its first call, and keeps them: so they are small.
 */
typedef struct Entry
{
	uint32		bytes;			/* where it stands among the bytes */
	uint32		use;			/* the first of its uses; the last is before the
								 * next entry's first */
	uint8		len;
	uint8		offset;			/* of the key's bytes; LAST_OF_KEY */
	char		first_byte;		/* what tells most of them apart is here */
	char		last_byte;
} Entry;

#define LAST_OF_KEY		0x80	/* of those with the same key */

/* A rule that has a literal so far into it: ConsentReach in few bytes. */
typedef struct Use
{
	uint16		rule;
	uint16		chars;			/* PG_UINT16_MAX: farther */
	uint8		spaces;			/* PG_UINT8_MAX: farther */
	uint8		least;			/* or more */
	uint16		beside;			/* which of these */
} Use;

/* Kinds of bytes that may be beside a literal; many have the same. */
typedef struct Beside
{
	uint32		left;
	uint32		right;
} Beside;

#define BESIDES_MAX		4096	/* for more, anything may be beside them */

/* The first of the literals with a key; no entry has the number 0. */
typedef struct Slot
{
	uint32		key;
	uint32		entry;
} Slot;

/* How many bytes are hashed: the most of these that the literal has there. */
#define WIDTHS			4
static const uint8 widths[WIDTHS] = {8, 5, 3, 1};

/* The places at which literals are looked for. */
typedef enum Where
{
	AT_STARTS,
	AT_PAIRS,
	NWHERE
} Where;

struct ConsentPrefilter
{
	Size		size;
	uint32		nrules;
	uint32		map_shift;		/* 32 - log2 of the map's words */
	uint32		slot_shift;		/* 32 - log2 of the slots */
	uint32		slot_mask;
	uint32		nwanted[NWHERE];	/* literals looked for there */
	/* where things are, in bytes from the beginning */
	uint32		map;			/* bits of grams */
	uint32		slots;
	uint32		entries;
	uint32		uses;
	uint32		besides;
	uint32		bytes;
	uint64		pairs[65536 / 64];	/* bits of two bytes */
	uint64		always[FLEXIBLE_ARRAY_MEMBER];	/* bits of the rules to be
												 * tried on every text */
};

/* A literal of a rule, while the filter is built. */
typedef struct Wanted
{
	uint32		key;
	int			rule;
	ConsentReach before;
	Beside		beside;
	uint8		offset;
	uint8		where;
	uint8		width;			/* which */
	uint8		len;
	char		bytes[CONSENT_LITERAL_MAX + sizeof(uint64)];
} Wanted;

struct PrefilterBuilder
{
	int			nrules;
	uint64	   *always;
	int			n;
	int			capacity;
	Wanted	   *wanted;
};

#define RULE_WORDS(nrules)	(((nrules) + 63) / 64)

static inline uint64
eight_bytes(const char *s)
{
	uint64		eight;

	memcpy(&eight, s, sizeof(eight));
	return eight;
}

/* The key of the first bytes, which others may have as well. */
static pg_attribute_always_inline uint32
key_of(uint64 eight, int width, Where where)
{
#ifdef WORDS_BIGENDIAN
	eight &= PG_UINT64_MAX << (64 - 8 * width);
#else
	eight &= PG_UINT64_MAX >> (64 - 8 * width);
#endif
	eight *= where == AT_STARTS ? UINT64CONST(0x9E3779B97F4A7C15) : UINT64CONST(0xC2B2AE3D27D4EB4F);
	return (uint32) (eight >> 32);
}

/* Two bytes as a number. */
static inline uint16
pair_of(const char *s)
{
	uint16		pair;

	memcpy(&pair, s, sizeof(pair));
	return pair;
}

/* Maps are words of 64 bits; of a number its lower bits tell which of these. */
static inline void
mark(uint64 *word, uint32 number)
{
	*word |= UINT64CONST(1) << (number % 64);
}

static inline int
is_marked(uint64 word, uint32 number)
{
	return (word >> (number % 64)) & 1;
}

PrefilterBuilder *
consent_prefilter_begin(int nrules)
{
	PrefilterBuilder *b = palloc0(sizeof(PrefilterBuilder));

	b->nrules = nrules;
	b->always = palloc0(Max(RULE_WORDS(nrules), 1) * sizeof(uint64));
	b->capacity = 1024;
	b->wanted = palloc(b->capacity * sizeof(Wanted));
	return b;
}

static bool
is_word(char c)
{
	return (consent_byte_kind(c) & CONSENT_BYTES_WORD) != 0;
}

/*
 * Is the byte at "at" always where something starts?  gather_starts() finds
 * these places in a text; both must mean the same.
 */
static bool
starts(const ConsentLiteral *literal, int at)
{
	const char *s = literal->bytes + at;

	if (consent_byte_kind(*s) == CONSENT_BYTES_SPACE)
		return false;
	if (!is_word(*s))
		return true;
	return at > 0 ? !is_word(s[-1]) : (literal->left.known & CONSENT_BYTES_WORD) == 0;
}

/* Decide where the literal is looked for. */
static void
choose_gram(const ConsentLiteral *literal, Wanted *w)
{
	int			best = 0;

	for (int where = 0; best == 0; where++)
	{
		for (int at = 0; at < literal->len; at++)
		{
			int			width = 0;
			int			rarity;

			if (where == AT_STARTS && !starts(literal, at))
				continue;
			while (widths[width] > literal->len - at)
				width++;
			rarity = consent_literal_rarity(literal->bytes + at, widths[width]);
			if (where == AT_STARTS && rarity < SELDOM)
				continue;
			if (rarity > best)
			{
				best = rarity;
				w->offset = (uint8) at;
				w->where = (uint8) where;
				w->width = (uint8) width;
			}
		}
	}
	w->key = key_of(eight_bytes(w->bytes + w->offset), widths[w->width], w->where);
}

void
consent_prefilter_add(PrefilterBuilder *b, int rule, const ConsentLiteral *literals, int n)
{
	if (n == 0)
		b->always[rule / 64] |= UINT64CONST(1) << (rule % 64);
	for (int i = 0; i < n; i++)
	{
		Wanted	   *w;

		if (b->n == b->capacity)
		{
			b->capacity *= 2;
			b->wanted = repalloc_huge(b->wanted, b->capacity * sizeof(Wanted));
		}
		w = &b->wanted[b->n++];
		memset(w, 0, sizeof(Wanted));
		w->rule = rule;
		w->before = literals[i].before;
		w->beside = (Beside) {literals[i].left.known, literals[i].right.known};
		w->len = (uint8) literals[i].len;
		memcpy(w->bytes, literals[i].bytes, literals[i].len);
		choose_gram(&literals[i], w);
	}
}

/* By key; alike together. */
static int
compare_wanted(const void *a, const void *b)
{
	const Wanted *wa = a;
	const Wanted *wb = b;
	int			order;

	if (wa->key != wb->key)
		return wa->key < wb->key ? -1 : 1;
	order = memcmp(wa->bytes, wb->bytes, CONSENT_LITERAL_MAX);
	if (order != 0)
		return order;
	if (wa->len != wb->len)
		return wa->len - wb->len;
	return wa->rule - wb->rule;
}

static bool
same_literal(const Wanted *a, const Wanted *b)
{
	return a->key == b->key && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static uint32
power_of_two(uint32 at_least)
{
	return (uint32) 1 << (at_least > 1 ? pg_leftmost_one_pos32(at_least - 1) + 1 : 0);
}

/* Where this is in the list, or would be; the first is for all that find no room. */
static int
beside_index(Beside *list, int *n, Beside beside)
{
	for (int i = 0; i < *n; i++)
	{
		if (list[i].left == beside.left && list[i].right == beside.right)
			return i;
	}
	if (*n == BESIDES_MAX)
		return 0;
	list[*n] = beside;
	return (*n)++;
}

/* Let places be looked at where the literal can be. */
static void
mark_places(ConsentPrefilter *f, const Wanted *w)
{
	const char *s = w->bytes + w->offset;

	f->nwanted[w->where]++;
	mark((uint64 *) ((char *) f + f->map) + (w->key >> f->map_shift), w->key);
	if (w->where != AT_PAIRS)
		return;
	if (widths[w->width] > 1)
	{
		mark(&f->pairs[pair_of(s) / 64], pair_of(s));
		return;
	}
	for (int second = 0; second < 256; second++)
	{
		char		two[2] = {s[0], (char) second};

		mark(&f->pairs[pair_of(two) / 64], pair_of(two));
	}
}

/* Where everything is in the filter; the literals are in order. */
static void
lay_out(const PrefilterBuilder *b, int nbesides, ConsentPrefilter *layout)
{
	uint32		nentries = 1;
	uint32		nkeys = 0;
	uint32		nbytes = 0;
	uint32		map_bits;
	uint32		nslots;
	Size		at;

	for (int i = 0; i < b->n; i++)
	{
		const Wanted *w = &b->wanted[i];

		if (i > 0 && same_literal(w - 1, w))
			continue;
		nentries++;
		nbytes += w->len;
		nkeys += i == 0 || w[-1].key != w->key;
	}
	map_bits = pg_leftmost_one_pos32(power_of_two(nkeys * MAP_SPARSITY));
	map_bits = Max(MAP_BITS_MIN, Min(map_bits, MAP_BITS_MAX));
	nslots = power_of_two(nkeys + nkeys / 3 + 2);

	layout->nrules = b->nrules;
	layout->map_shift = 32 - (map_bits - 6);
	layout->slot_shift = 32 - pg_leftmost_one_pos32(nslots);
	layout->slot_mask = nslots - 1;
	at = offsetof(ConsentPrefilter, always) + Max(RULE_WORDS(b->nrules), 1) * sizeof(uint64);
	layout->map = (uint32) at;
	at += ((Size) 1 << map_bits) / 8;
	layout->slots = (uint32) at;
	at += nslots * sizeof(Slot);
	layout->entries = (uint32) at;
	at += (nentries + 1) * sizeof(Entry);
	layout->uses = (uint32) at;
	at += b->n * sizeof(Use);
	layout->besides = (uint32) at;
	at += nbesides * sizeof(Beside);
	layout->bytes = (uint32) at;
	at += nbytes;
	if (at > PG_INT32_MAX || b->nrules > PG_UINT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are too many rules")));
	layout->size = at;
}

/* Let the key lead to the first of its entries. */
static void
add_slot(ConsentPrefilter *f, uint32 key, uint32 entry)
{
	Slot	   *slot = (Slot *) ((char *) f + f->slots);
	uint32		k = key >> f->slot_shift;

	while (slot[k].entry)
		k = (k + 1) & f->slot_mask;
	slot[k].key = key;
	slot[k].entry = entry;
}

ConsentPrefilter *
consent_prefilter_finish(PrefilterBuilder *b)
{
	uint32		nentries = 0;
	uint32		nbytes = 0;
	ConsentPrefilter layout = {0};
	ConsentPrefilter *f;
	Entry	   *entry;
	Use		   *use;
	char	   *bytes;
	Beside	   *beside = palloc(BESIDES_MAX * sizeof(Beside));
	int			nbesides = 0;

	(void) beside_index(beside, &nbesides, (Beside) {CONSENT_BYTES_ALL, CONSENT_BYTES_ALL});
	for (int i = 0; i < b->n; i++)
		(void) beside_index(beside, &nbesides, b->wanted[i].beside);
	qsort(b->wanted, b->n, sizeof(Wanted), compare_wanted);
	lay_out(b, nbesides, &layout);

	f = MemoryContextAllocExtended(CurrentMemoryContext, layout.size,
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	memcpy(f, &layout, offsetof(ConsentPrefilter, always));
	memcpy(f->always, b->always, Max(RULE_WORDS(b->nrules), 1) * sizeof(uint64));
	entry = (Entry *) ((char *) f + f->entries);
	use = (Use *) ((char *) f + f->uses);
	bytes = (char *) f + f->bytes;
	memcpy((char *) f + f->besides, beside, nbesides * sizeof(Beside));

	for (int i = 0; i < b->n; i++)
	{
		const Wanted *w = &b->wanted[i];
		Entry	   *e;

		use[i].rule = (uint16) w->rule;
		use[i].chars = (uint16) Min(w->before.chars, PG_UINT16_MAX);
		use[i].spaces = (uint8) Min(w->before.spaces, PG_UINT8_MAX);
		use[i].least = (uint8) Min(w->before.least, PG_UINT8_MAX);
		use[i].beside = (uint16) beside_index(beside, &nbesides, w->beside);
		if (i > 0 && same_literal(w - 1, w))
			continue;
		e = &entry[++nentries];
		e->bytes = nbytes;
		e->use = i;
		e->len = w->len;
		e->offset = w->offset | LAST_OF_KEY;
		e->first_byte = w->bytes[0];
		e->last_byte = w->bytes[w->len - 1];
		mark_places(f, w);
		memcpy(bytes + nbytes, w->bytes, w->len);
		nbytes += w->len;
		if (i > 0 && w[-1].key == w->key)
			entry[nentries - 1].offset &= ~LAST_OF_KEY;
		else
			add_slot(f, w->key, nentries);
	}
	entry[nentries + 1].use = b->n;
	pfree(beside);
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
note_hit(PrefilterHits *hits, const Use *use, int at)
{
	PrefilterHit *hit;
	uint32		rule = use->rule;
	uint64		bit = UINT64CONST(1) << (rule % 64);

	if ((hits->rules[rule / 64] & bit) == 0)
	{
		hits->rules[rule / 64] |= bit;
		hits->last[rule] = -1;
		hits->count[rule] = 0;
	}
	if (hits->count[rule] == PREFILTER_HITS)
		return;
	hits->count[rule]++;
	if (hits->nhits == hits->capacity)
	{
		hits->capacity *= 2;
		hits->hit = repalloc(hits->hit, hits->capacity * sizeof(PrefilterHit));
	}
	hit = &hits->hit[hits->nhits];
	hit->at = at;
	hit->before.least = use->least;
	hit->before.chars = use->chars == PG_UINT16_MAX ? CONSENT_LITERAL_FAR : use->chars;
	hit->before.spaces = use->spaces == PG_UINT8_MAX ? CONSENT_LITERAL_FAR : use->spaces;
	hit->next = hits->last[rule];
	hits->last[rule] = hits->nhits++;
}

/* Compare the literals with that key, which is of the bytes at "at". */
static void
compare(const ConsentPrefilter *f, uint32 key, const char *text, int len, int at,
		PrefilterHits *hits)
{
	const Slot *slot = (const Slot *) ((const char *) f + f->slots);
	const Use  *uses = (const Use *) ((const char *) f + f->uses);
	const Beside *besides = (const Beside *) ((const char *) f + f->besides);
	uint32		i = key >> f->slot_shift;

	while (slot[i].entry && slot[i].key != key)
		i = (i + 1) & f->slot_mask;
	if (slot[i].entry == 0)
		return;
	for (const Entry *e = (const Entry *) ((const char *) f + f->entries) + slot[i].entry;; e++)
	{
		int			start = at - (e->offset & ~LAST_OF_KEY);

		if (start >= 0 && start + e->len <= len &&
			text[start] == e->first_byte && text[start + e->len - 1] == e->last_byte &&
			memcmp(text + start, (const char *) f + f->bytes + e->bytes, e->len) == 0)
		{
			int			end = start + e->len;
			uint32		left = start > 0 ? consent_byte_kind(text[start - 1]) : CONSENT_BYTES_END;
			uint32		right = end < len ? consent_byte_kind(text[end]) : CONSENT_BYTES_END;

			for (uint32 u = e->use; u < e[1].use; u++)
			{
				const Beside *beside = &besides[uses[u].beside];

				if ((beside->left & left) && (beside->right & right))
					note_hit(hits, &uses[u], start);
			}
		}
		if (e->offset & LAST_OF_KEY)
			return;
	}
}

static void
look_closer(const ConsentPrefilter *f, int width, Where where, const char *text, int len,
			const int *place, int n, PrefilterHits *hits)
{
	for (int i = 0; i < n; i++)
		compare(f, key_of(eight_bytes(text + place[i]), width, where), text, len, place[i], hits);
}

/* The places, from "from" up to "to", at which something starts. */
static int
gather_starts(const char *text, int from, int to, int *place)
{
	bool		in_word = from > 0 && is_word(text[from - 1]);
	int			n = 0;

	for (int at = from; at < to; at += CONSENT_BYTES_SEEN)
	{
		ConsentBytes seen = consent_see_bytes(text + at);
		uint64		words = seen.letters | seen.digits | seen.lines;
		uint64		starts = (words & ~(words << 1 | in_word)) | ~(words | seen.spaces);

		in_word = words >> (CONSENT_BYTES_SEEN - 1);
		if (to - at < CONSENT_BYTES_SEEN)
			starts &= (UINT64CONST(1) << (to - at)) - 1;
		for (; starts; starts &= starts - 1)
			place[n++] = at + pg_rightmost_one_pos64(starts);
	}
	return n;
}

static int
gather_pairs(const uint64 *pairs, const char *text, int from, int to, int *place)
{
	int			n = 0;

	for (int at = from; at < to; at++)
	{
		uint32		pair = pair_of(text + at);

		place[n] = at;
		n += is_marked(pairs[pair / 64], pair);
	}
	return n;
}

/* Look at the places for literals of all widths. */
static pg_attribute_always_inline void
look(const ConsentPrefilter *f, Where where, const char *text, int len,
	 const int *place, int n, PrefilterHits *hits)
{
	const uint64 *map = (const uint64 *) ((const char *) f + f->map);
	uint32		shift = f->map_shift;
	int			likely[WIDTHS][BLOCK];
	Size		n0 = 0;
	Size		n1 = 0;
	Size		n2 = 0;
	Size		n3 = 0;

	for (int i = 0; i < n; i++)
	{
		uint64		eight = eight_bytes(text + place[i]);
		uint32		k0 = key_of(eight, widths[0], where);
		uint32		k1 = key_of(eight, widths[1], where);
		uint32		k2 = key_of(eight, widths[2], where);
		uint32		k3 = key_of(eight, widths[3], where);

		likely[0][n0] = likely[1][n1] = likely[2][n2] = likely[3][n3] = place[i];
		n0 += is_marked(map[k0 >> shift], k0);
		n1 += is_marked(map[k1 >> shift], k1);
		n2 += is_marked(map[k2 >> shift], k2);
		n3 += is_marked(map[k3 >> shift], k3);
	}
	look_closer(f, widths[0], where, text, len, likely[0], n0, hits);
	look_closer(f, widths[1], where, text, len, likely[1], n1, hits);
	look_closer(f, widths[2], where, text, len, likely[2], n2, hits);
	look_closer(f, widths[3], where, text, len, likely[3], n3, hits);
}

void
consent_prefilter_scan(const ConsentPrefilter *f, const char *text, int len,
					   PrefilterHits *hits)
{
	Assert(hits->nrules == f->nrules);
	hits->nhits = 0;
	/* rules that are always tried need no places */
	for (int w = 0; w < RULE_WORDS(f->nrules); w++)
	{
		hits->rules[w] = f->always[w];
		for (uint64 bits = hits->rules[w]; bits; bits &= bits - 1)
		{
			int			rule = w * 64 + pg_rightmost_one_pos64(bits);

			hits->last[rule] = -1;
			hits->count[rule] = PREFILTER_HITS;
		}
	}

	for (int from = 0; from < len; from += BLOCK)
	{
		int			to = Min(len, from + BLOCK);
		int			place[BLOCK];

		look(f, AT_STARTS, text, len, place, gather_starts(text, from, to, place), hits);
		if (f->nwanted[AT_PAIRS] > 0)
			look(f, AT_PAIRS, text, len, place, gather_pairs(f->pairs, text, from, to, place), hits);
	}
}
