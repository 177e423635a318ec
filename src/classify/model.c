/*-------------------------------------------------------------------------
 *
 * model.c
 *	  Looking sentences up in the shipped model.
 *
 * The file is mapped when a backend first asks, and read only: all backends of
 * the machine share it.  Where the library is preloaded the server reads it, and
 * sessions inherit it.  There is nothing but whole numbers in it and in what is
 * done with them, so that every machine gives the same answer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "classify/features.h"
#include "classify/language.h"
#include "classify/model.h"

#define ROOTS			1024	/* of longer messages they are computed */

/*
 * An axis's weights, in two halves of 16 bits: a processor multiplies eight of
 * these at once, and adds up two and two.  A row has the weights of a number's
 * products with those that are not behind it, the last row those of the numbers
 * themselves.  Four rows stand together, a pair of numbers at a time.  So large a weight is
 * none that the sums of these in 32 bits might not hold.
 */
#define HALF			4096
#define WEIGHT_MOST		(1 << 24)
#define SINGLE			OVERVIEW_NUMBERS	/* the last row */
#define ROWS			4
#define FOURS			(SINGLE / ROWS + 1)
#define PAIRS			(OVERVIEW_ROOM / 2)

typedef struct Weights
{
	int16		high[PAIRS][ROWS][2];
	int16		low[PAIRS][ROWS][2];
} Weights;

#define PLACE_LANES		8		/* added in one go */

/* The buckets of one sort of feature. */
#define BUCKET_BYTES	64

typedef struct Buckets
{
	const char *first;
	uint32		n;
} Buckets;

typedef struct Model
{
	Buckets		buckets[2];		/* of words: the second */
	ConsentModelHeader header;	/* in this machine's byte order */
	int32		root[ROOTS];	/* 2^16 / sqrt(n) */
	int32		place[FEATURE_PLACES][PLACE_LANES];	/* of the header, filled up with zeros */
	Weights		axis[CONSENT_NAXES][FOURS];
} Model;

static Model *model = NULL;

static inline uint32
little_endian(uint32 n)
{
#ifdef WORDS_BIGENDIAN
	return pg_bswap32(n);
#else
	return n;
#endif
}

/* The largest number whose square is not larger; on every machine the same. */
static uint64
integer_root(uint64 n)
{
	uint64		root = 0;

	for (uint64 bit = UINT64CONST(1) << 31; bit; bit >>= 1)
	{
		if ((root + bit) * (root + bit) <= n)
			root += bit;
	}
	return root;
}

static void
unusable(const char *path, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("the model of pg_consent cannot be used: %s", why),
			 errdetail("File \"%s\".", path),
			 errhint("Install the extension's files again, and connect anew: a session keeps the library that it began with.")));
}

static bool
split_axis(const int32 *weight, Weights *to)
{
	bool		fits = true;

	for (int row = 0; row <= SINGLE; row++)
	{
		for (int i = 0; i < OVERVIEW_NUMBERS && i <= row; i++)
		{
			int32		w = weight[row == SINGLE ? i : overview_pair(row, i)];

			fits &= w > -WEIGHT_MOST && w < WEIGHT_MOST;
			to[row / ROWS].high[i / 2][row % ROWS][i % 2] = (int16) (w / HALF);
			to[row / ROWS].low[i / 2][row % ROWS][i % 2] = (int16) (w % HALF);
		}
	}
	return fits;
}

/*
 * A sentence's rows are anywhere in the model, and a processor remembers the places
 * of few pages: where these are small, to look them up takes longer than the rest.
 */
#define HUGE_PAGE		((Size) 2 * 1024 * 1024)

static void *
copy_for_sessions(const void *map, Size size)
{
	Size		room = TYPEALIGN(HUGE_PAGE, size);
	char	   *own = MemoryContextAllocHuge(TopMemoryContext, room + HUGE_PAGE);

	own = (char *) TYPEALIGN(HUGE_PAGE, own);
#ifdef MADV_HUGEPAGE
	/* where there are none, the others do */
	(void) madvise(own, room, MADV_HUGEPAGE);
#endif
	return memcpy(own, map, size);
}

static void
load(void)
{
	static Model loaded;
	char		share[MAXPGPATH];
	char		path[MAXPGPATH + 64];
	struct stat st;
	const ConsentModelHeader *header;
	void	   *map;
	int			failure;
	int			fd;

	get_share_path(my_exec_path, share);
	snprintf(path, sizeof(path), "%s/extension/pg_consent.model", share);
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path),
				 errhint("Install the extension's files again.")));
	if (fstat(fd, &st) != 0 || st.st_size < sizeof(ConsentModelHeader))
		unusable(path, "it is cut short");
	map = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	failure = errno;
	CloseTransientFile(fd);
	if (map == MAP_FAILED)
	{
		int			code = failure == ENOMEM ? ERRCODE_OUT_OF_MEMORY : ERRCODE_SYSTEM_ERROR;

		errno = failure;
		ereport(ERROR,
				(errcode(code),
				 errmsg("could not map file \"%s\": %m", path)));
	}

	StaticAssertStmt(sizeof(ConsentModelHeader) <= MODEL_ROWS_AT, "the header must fit before the rows");
	header = map;
	if (memcmp(header->magic, MODEL_MAGIC, sizeof(header->magic)) != 0 ||
		little_endian(header->size) != sizeof(ConsentModelHeader) ||
		little_endian(header->words) == 0 || little_endian(header->others) == 0 ||
		st.st_size != MODEL_ROWS_AT + (off_t) little_endian(header->words) * sizeof(ConsentModelWords) +
		(off_t) little_endian(header->others) * sizeof(ConsentModelOthers))
	{
		munmap(map, st.st_size);
		unusable(path, "it is not of this version");
	}
	for (int i = 0; i < sizeof(ConsentModelHeader) / sizeof(uint32); i++)
		((uint32 *) &loaded.header)[i] = little_endian(((const uint32 *) header)[i]);
	for (int a = 0; a < CONSENT_NAXES; a++)
	{
		if (!split_axis(loaded.header.axis[a], loaded.axis[a]))
		{
			munmap(map, st.st_size);
			unusable(path, "its weights are too large");
		}
	}
	for (int p = 0; p < FEATURE_PLACES; p++)
		memcpy(loaded.place[p], loaded.header.place[p], sizeof(loaded.header.place[p]));
	for (int n = 1; n < ROOTS; n++)
		loaded.root[n] = (int32) integer_root((UINT64CONST(1) << 32) / n);
	if (process_shared_preload_libraries_in_progress)
	{
		/* memory is inherited as it is; a mapped file's pages each session must find again */
		header = copy_for_sessions(map, st.st_size);
		munmap(map, st.st_size);
	}
	StaticAssertStmt(sizeof(ConsentModelWords) == BUCKET_BYTES && sizeof(ConsentModelOthers) == BUCKET_BYTES,
					 "a bucket must be one line of cache");
	loaded.buckets[true].first = (const char *) header + MODEL_ROWS_AT;
	loaded.buckets[true].n = loaded.header.words;
	loaded.buckets[false].first = loaded.buckets[true].first + (Size) loaded.header.words * BUCKET_BYTES;
	loaded.buckets[false].n = loaded.header.others;
	model = &loaded;
}

static int32
inverse_root(int n)
{
	return n < ROOTS ? model->root[n] : (int32) integer_root((UINT64CONST(1) << 32) / n);
}

/* The bucket of a feature, which is a word or none. */
static inline const void *
bucket_of(uint32 hash, bool word)
{
	const Buckets *sort = &model->buckets[word];

	return sort->first + (Size) model_bucket(hash, sort->n) * BUCKET_BYTES;
}

static inline uint16
little_endian_16(uint16 n)
{
#ifdef WORDS_BIGENDIAN
	return pg_bswap16(n);
#else
	return n;
#endif
}

/* Which row of the bucket is the owner's?  A bit for each that is; most have none. */
static inline uint32
rows_of_owner(const ConsentModelOthers *bucket, uint16 owner)
{
#ifdef __SSE2__
	__m128i		owners = _mm_loadu_si128((const __m128i *) bucket->owner);
	__m128i		same = _mm_cmpeq_epi16(owners, _mm_set1_epi16((short) owner));

	StaticAssertStmt(sizeof(bucket->owner) == sizeof(owners), "owners are compared in one go");
	return (uint32) _mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128()));
#else
	uint32		rows = 0;

	for (int i = 0; i < MODEL_OTHERS; i++)
		rows |= (uint32) (bucket->owner[i] == owner) << i;
	return rows;
#endif
}

#define OTHERS_AT_ONCE	256		/* whose sums fit in 16 bits */

/* What a word without a row says. */
static const int8 no_row[MODEL_LANES];

static inline const int8 *
row_of_word(uint32 hash)
{
	const ConsentModelWords *bucket = bucket_of(hash, true);
	uint16		owner = model_owner(hash, true);
	const int8 *row = no_row;

	for (int i = MODEL_WORDS - 1; i >= 0; i--)
		row = (uint8) bucket->row[i][MODEL_OWNER] == owner ? bucket->row[i] : row;
	return row;
}

/* The row of what is no word: some row, if "has" is false. */
static inline const int8 *
row_of_other(uint32 hash, bool *has)
{
	const ConsentModelOthers *bucket = bucket_of(hash, false);
	uint32		rows = rows_of_owner(bucket, little_endian_16(model_owner(hash, false)));

	*has = rows != 0;
	return bucket->row[pg_rightmost_one_pos32(rows | 1 << (MODEL_OTHERS - 1))];
}

/* The feature's row, or NULL. */
static inline const int8 *
row_of(const ConsentFeature *feature)
{
	const int8 *row;
	bool		has;

	if (feature->word)
	{
		row = row_of_word(feature->hash);
		has = row != no_row;
	}
	else
		row = row_of_other(feature->hash, &has);
	return has ? row : NULL;
}

/* The rows are anywhere in the file: ask for all before the first is needed. */
static inline void
fetch_rows(const uint32 *hash, int n, bool word)
{
#ifdef __GNUC__
	for (int i = 0; i < n; i++)
		__builtin_prefetch(bucket_of(hash[i], word));
#endif
}

/*
 * Adds up the rows of the sentence's features.  Which of these have rows no processor
 * can guess, so nothing depends on it but numbers.
 */
static void
add_up(ConsentPassage *p)
{
	ConsentHashes hashes;
	int			with_rows = 0;
	int16		words[MODEL_LANES] = {0};

	StaticAssertDecl(FEATURE_MAX_TOKENS * 2 * 128 <= PG_INT16_MAX,
					 "the sums of the longest sentence must fit");

	consent_feature_hashes(p->text, p->len, &hashes);
	fetch_rows(hashes.word, hashes.nwords, true);
	fetch_rows(hashes.other, hashes.nothers, false);
	for (int i = 0; i < hashes.nwords; i++)
	{
		const int8 *row = row_of_word(hashes.word[i]);

		with_rows += row != no_row;
		for (int t = 0; t < MODEL_LANES; t++)
			words[t] += row[t];
	}
	p->words = with_rows;
	for (int i = 0; i < hashes.nwords && p->in_text; i++)
	{
		const int8 *row = row_of_word(model_in_texts(hashes.word[i]));

		for (int t = 0; t < MODEL_LANES; t++)
			words[t] += row[t];
	}
	for (int t = 0; t < MODEL_LANES; t++)
		p->sum[t] = words[t];
	for (int from = 0; from < hashes.nothers; from += OTHERS_AT_ONCE)
	{
		int16		others[8] = {0};

		for (int i = from; i < Min(from + OTHERS_AT_ONCE, hashes.nothers); i++)
		{
			bool		has;
			const int8 *row = row_of_other(hashes.other[i], &has);
			uint64		lanes;
			int8		eight[8];

			with_rows += has;
			/* with what is behind it in the bucket: eight are added in one go */
			memcpy(&lanes, row, sizeof(lanes));
			lanes &= -(uint64) has;
			memcpy(eight, &lanes, sizeof(eight));
			for (int t = 0; t < lengthof(eight); t++)
				others[t] += eight[t];
		}
		for (int t = 0; t < CONSENT_NTRAITS; t++)
			p->sum[MODEL_LANE(REACH_OWN, t)] += others[t];
	}
	p->features = with_rows;
}

/* What the sum over n features is multiplied with. */
static inline int32
mean_root(ModelReach reach, int n)
{
	n += reach == REACH_OWN ? FEATURE_PRIOR : CONTEXT_PRIOR;
	if (reach == REACH_REST && n > CONTEXT_MOST)
		return (int32) ((int64) inverse_root(CONTEXT_MOST) * CONTEXT_MOST / n);
	return inverse_root(n);
}

/*
 * The log-odds that a sum over features is worth, given their mean_root().  The
 * division is one of 64 bits because the shift of a negative number is not the
 * same everywhere.
 */
static inline int32
worth(ModelReach reach, int trait, int32 sum, int32 root)
{
	int64		odds = (int64) sum * model->header.scale[reach][trait] * root;

	return (int32) (odds / (INT64CONST(1) << (16 + MODEL_SCALE_BITS)));
}

/*
 * A campaign says to many what differs in a name or a number, so that most
 * sentences come again: what the rows of the last ones add up to is kept.
 */
#define KEPT			128
#define KEPT_SHORTEST	8		/* bytes */
#define KEPT_LONGEST	240

typedef struct Kept
{
	int			len;			/* 0: nothing is kept here */
	char		text[KEPT_LONGEST];
	ConsentPassage passage;
} Kept;

static Kept kept[KEPT];

/* Sentences that begin and end alike share a place: they make way for each other. */
static Kept *
place_of(const char *text, int len)
{
	uint64		first;
	uint64		last;

	memcpy(&first, text, sizeof(first));
	memcpy(&last, text + len - sizeof(last), sizeof(last));
	first = first * UINT64CONST(0x9E3779B97F4A7C15) + last * UINT64CONST(0xC2B2AE3D27D4EB4F);
	return &kept[(first >> 32) % KEPT];
}

/* The same as add_up(). */
static void
recall(ConsentPassage *p)
{
	Kept	   *k;

	if (p->len < KEPT_SHORTEST || p->len > KEPT_LONGEST)
	{
		add_up(p);
		return;
	}
	k = place_of(p->text, p->len);
	if (k->len != p->len || k->passage.in_text != p->in_text || memcmp(k->text, p->text, p->len) != 0)
	{
		add_up(p);
		k->passage = *p;
		k->len = p->len;
		memcpy(k->text, p->text, p->len);
		return;
	}
	p->features = k->passage.features;
	p->words = k->passage.words;
	memcpy(p->sum, k->passage.sum, sizeof(p->sum));
}

static void
judge_sentences(ConsentPassage *passage, int n)
{
	int32		all[MODEL_LANES] = {0};
	int			words = 0;

	for (int i = 0; i < n; i++)
	{
		for (int t = 0; t < MODEL_LANES; t++)
			all[t] += passage[i].sum[t];
		words += passage[i].words;
	}
	for (int i = 0; i < n; i++)
	{
		ConsentPassage *p = &passage[i];
		int			place[FEATURE_PLACE_MAX];
		int			nplaces = consent_places(p->in_subject, i, n, p->words, place);
		int32		own = mean_root(REACH_OWN, p->features);
		int32		rest = mean_root(REACH_REST, words - p->words);
		int32		before = i > 0 ? mean_root(REACH_NEAR, p[-1].words) : 0;
		int32		behind = i + 1 < n ? mean_root(REACH_NEAR, p[1].words) : 0;
		int32		here[PLACE_LANES] = {0};

		for (int k = 0; k < nplaces; k++)
		{
			for (int t = 0; t < PLACE_LANES; t++)
				here[t] += model->place[place[k]][t];
		}
		for (int t = 0; t < CONSENT_NTRAITS; t++)
		{
			int			near = MODEL_LANE(REACH_NEAR, t);
			int			far = MODEL_LANE(REACH_REST, t);
			int32		odds = model->header.bias[t] + here[t] + worth(REACH_OWN, t, p->sum[t], own);

			if (n > 1)
				odds += worth(REACH_REST, t, all[far] - p->sum[far], rest);
			if (i > 0)
				odds += worth(REACH_NEAR, t, p[-1].sum[near], before);
			if (i + 1 < n)
				odds += worth(REACH_NEAR, t, p[1].sum[near], behind);
			p->odds[t] = odds;
		}
	}
}

/*
 * A message is the same to the model as one before it, if nothing differs but names and
 * numbers that it does not know.  Of short ones the last few are kept.
 */
#define LAST			128
#define LAST_LONGEST	12		/* sentences */

typedef struct Last
{
	int			n;				/* 0: nothing is kept here */
	int32		rules[CONSENT_NAXES];
	ConsentPassage passage[LAST_LONGEST];
	ConsentOverview part;
} Last;

static Last last[LAST];

/* Messages that begin and end alike share a place; NULL if this one is not kept. */
static Last *
last_place(const ConsentPassage *passage, int n)
{
	uint32		hash = n;

	if (n == 0 || n > LAST_LONGEST)
		return NULL;
	hash = hash * 31 + (uint32) passage[0].sum[0];
	hash = hash * 31 + (uint32) passage[0].sum[1];
	hash = hash * 31 + (uint32) passage[n - 1].sum[0];
	return &last[(hash * 0x9E3779B1u >> 16) % LAST];
}

static bool
is_like(const Last *l, const ConsentPassage *passage, int n, const int32_t *rules)
{
	if (l->n != n || memcmp(l->rules, rules, sizeof(l->rules)) != 0)
		return false;
	for (int i = 0; i < n; i++)
	{
		const ConsentPassage *a = &l->passage[i];
		const ConsentPassage *b = &passage[i];

		if (a->in_subject != b->in_subject || a->features != b->features || a->words != b->words ||
			memcmp(a->sum, b->sum, sizeof(a->sum)) != 0)
			return false;
	}
	return true;
}

/*
 * A long message is judged in parts, as it was learned: what promotes in one
 * must not be softened by all the others.
 */
ConsentOverview *
consent_model_judge(ConsentPassage *passage, int n, const int32_t *rules, int *nparts)
{
	ConsentOverview *part;
	Last	   *l;

	StaticAssertDecl(LAST_LONGEST <= OVERVIEW_LONGEST, "what is kept has one part");

	if (model == NULL)
		load();
	for (int i = 0; i < n; i++)
		recall(&passage[i]);
	*nparts = overview_parts(n);
	l = last_place(passage, n);
	if (l != NULL && is_like(l, passage, n, rules))
	{
		for (int i = 0; i < n; i++)
			memcpy(passage[i].odds, l->passage[i].odds, sizeof(passage[i].odds));
		return &l->part;
	}

	judge_sentences(passage, n);
	part = l != NULL ? &l->part : palloc(*nparts * sizeof(ConsentOverview));
	memset(part, 0, *nparts * sizeof(ConsentOverview));
	for (int i = 0; i < *nparts; i++)
	{
		int			from = overview_part_start(n, *nparts, i);
		int			to = overview_part_start(n, *nparts, i + 1);
		int32		number[OVERVIEW_NUMBERS];

		consent_overview(passage + from, to - from, rules, number);
		for (int k = 0; k < OVERVIEW_NUMBERS; k++)
			part[i].number[k] = (int16) Max(-OVERVIEW_MOST, Min(number[k] - model->header.usual[k], OVERVIEW_MOST));
	}
	if (l != NULL)
	{
		memcpy(l->rules, rules, sizeof(l->rules));
		memcpy(l->passage, passage, n * sizeof(ConsentPassage));
		l->n = n;
	}
	return part;
}

int32_t
consent_model_alone(const ConsentPassage *passage, ConsentTrait trait)
{
	ConsentPassage alone = *passage;

	if (model == NULL)
		load();
	recall(&alone);
	judge_sentences(&alone, 1);
	return alone.odds[trait];
}

/* Sums of four rows' products with the numbers, of which so many pairs. */
static inline void
sum_products(const Weights *weights, const int16 *number, int pairs, int32 *high, int32 *low)
{
#ifdef __SSE2__
	__m128i		h = _mm_setzero_si128();
	__m128i		l = _mm_setzero_si128();

	for (int i = 0; i < pairs; i++)
	{
		int32		pair;
		__m128i		two;

		memcpy(&pair, &number[2 * i], sizeof(pair));
		two = _mm_set1_epi32(pair);
		h = _mm_add_epi32(h, _mm_madd_epi16(_mm_loadu_si128((const __m128i *) weights->high[i]), two));
		l = _mm_add_epi32(l, _mm_madd_epi16(_mm_loadu_si128((const __m128i *) weights->low[i]), two));
	}
	_mm_storeu_si128((__m128i *) high, h);
	_mm_storeu_si128((__m128i *) low, l);
#else
	for (int row = 0; row < ROWS; row++)
	{
		high[row] = low[row] = 0;
		for (int i = 0; i < 2 * pairs; i++)
		{
			high[row] += weights->high[i / 2][row][i % 2] * number[i];
			low[row] += weights->low[i / 2][row][i % 2] * number[i];
		}
	}
#endif
}

static int32
judge_axis(const ConsentOverview *part, ConsentAxis axis)
{
	const int16 *number = part->number;
	int			first = overview_pairs(axis) ? 0 : SINGLE;
	int32		high[FOURS * ROWS];
	int32		low[FOURS * ROWS];
	int64		sum;

	StaticAssertDecl(OVERVIEW_ROOM * (int64) OVERVIEW_MOST * (WEIGHT_MOST / HALF) <= PG_INT32_MAX,
					 "the sums of the largest products must fit");

	for (int four = first / ROWS; four < FOURS; four++)
		sum_products(&model->axis[axis][four], number, Min(2 * (four + 1), PAIRS),
					 &high[four * ROWS], &low[four * ROWS]);
	sum = (int64) high[SINGLE] * HALF + low[SINGLE];
	for (int row = first; row < SINGLE; row++)
		sum += ((int64) high[row] * HALF + low[row]) / 1000 * number[row];
	return (int32) (sum / 1000000) + model->header.axis[axis][OVERVIEW_FEATURES];
}

int32_t
consent_model_axis(ConsentOverview *part, int nparts, ConsentAxis axis)
{
	int32		most = PG_INT32_MIN;

	for (int p = 0; p < nparts; p++)
	{
		if ((part[p].judged & 1 << axis) == 0)
		{
			part[p].odds[axis] = judge_axis(&part[p], axis);
			part[p].judged |= 1 << axis;
		}
		most = Max(most, part[p].odds[axis]);
	}
	return most;
}

/* Numbers, signs, addresses and codes are the same in every language, and say nothing of this. */
static bool
is_of_a_language(const char *text, int start, int end)
{
	for (int i = start; i < end; i++)
	{
		if (!(islower((unsigned char) text[i]) || text[i] == '\'' || IS_HIGHBIT_SET(text[i])))
			return false;
	}
	return !consent_is_part_of_code(text, text + start, text + end);
}

int
consent_model_knows(const char *text, int len, int *known)
{
	ConsentFeature feature[FEATURE_MAX];
	int			n = consent_features(text, len, feature);
	int			words = 0;

	if (model == NULL)
		load();
	*known = 0;
	for (int i = 0; i < n; i++)
	{
		if (!feature[i].word || !is_of_a_language(text, feature[i].start, feature[i].end))
			continue;
		words++;
		if (row_of(&feature[i]) != NULL)
			(*known)++;
	}
	return words;
}

int
consent_model_speakers(const ConsentPassage *passage, ConsentTrait trait,
					   ConsentSpeaker *speaker, int max)
{
	ConsentFeature feature[FEATURE_MAX];
	int			n = consent_features(passage->text, passage->len, feature);
	int			nspeakers = 0;

	if (model == NULL)
		load();
	while (nspeakers < max)
	{
		int			best = -1;
		int			loudest = 0;

		for (int i = 0; i < n; i++)
		{
			const int8 *row = row_of(&feature[i]);
			bool		heard = false;
			int			said = row != NULL ? row[trait] : 0;

			for (int s = 0; s < nspeakers; s++)
				heard |= feature[i].start < speaker[s].end && feature[i].end > speaker[s].start;
			if (passage->in_text && feature[i].word)
				said += row_of_word(model_in_texts(feature[i].hash))[trait];
			if (!heard && said > loudest)
			{
				loudest = said;
				best = i;
			}
		}
		if (best < 0)
			break;
		speaker[nspeakers].start = feature[best].start;
		speaker[nspeakers++].end = feature[best].end;
	}
	return nspeakers;
}
