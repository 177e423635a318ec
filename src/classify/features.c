/*-------------------------------------------------------------------------
 *
 * features.c
 *	  From a sentence to hashed features: words, pairs and threes of words, the
 *	  beginning and the end of longer words.
 *
 * Sums, percentages, times, numbers, addresses and the slots of templates
 * ({{name}}, <%= name %>, %s) are kinds, not values: which sum a message names
 * says nothing about what it is.  "!" and "?" are words of their own; other
 * punctuation is not seen.
 *
 * Whatever is changed here changes what the shipped model means: run
 * "make model" afterwards.
 *
 *-------------------------------------------------------------------------
 */
#include <stddef.h>

#include "classify/features.h"

#define STEM_LETTERS		5	/* a longer word is also known by so many */
#define SUFFIX_LETTERS		3
/* What is longer is no slot, nor what reads as a sentence, nor one slot after another. */
#define SLOT_BYTES			80
#define SLOT_WORDS			2
#define SLOTS_IN_A_ROW		2

/* What a token is known by. */
typedef struct Token
{
	uint32_t	hash;
	uint32_t	stem;
	uint32_t	suffix;
	bool		has_stem;
	bool		has_suffix;
} Token;

/* FNV-1a */
#define HASH_START	2166136261u

static inline uint32_t
hash_byte(uint32_t hash, unsigned char c)
{
	return (hash ^ c) * 16777619u;
}

/* What stands for tokens that are no words. */
typedef enum Kind
{
	KIND_BEGIN, KIND_END, KIND_SLOT, KIND_EXCLAMATION, KIND_QUESTION, KIND_MONEY, KIND_PERCENT,
	KIND_TIME, KIND_ONE_DIGIT, KIND_TWO_DIGITS, KIND_YEAR, KIND_CODE, KIND_ADDRESS, NKINDS
} Kind;

static const char *const kind_name[NKINDS] = {
	"begin", "end", "slot", "!", "?", "money", "percent",
	"time", "one digit", "two digits", "year", "code", "address"
};

static uint32_t hash_kind[NKINDS];

/* Spreads the hash over all bits (the finalizer of MurmurHash3). */
static inline uint32_t
spread(uint32_t hash)
{
	hash ^= hash >> 16;
	hash *= 0x85ebca6bu;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35u;
	hash ^= hash >> 16;
	return hash;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char) c >= 0x80;
}

/* As what a letter or digit is read: in lower case, any digit as '#'; 0: it is neither. */
static unsigned char read_as[256];

/* What may begin with a byte. */
typedef enum Start
{
	START_NOTHING, START_LETTER, START_DIGIT, START_SIGN, START_SLOT
} Start;

static unsigned char start_of[256];

static void
prepare(void)
{
	for (int c = 0; c < 256; c++)
	{
		if (is_digit((char) c))
		{
			read_as[c] = '#';
			start_of[c] = START_DIGIT;
		}
		else if (is_letter((char) c))
		{
			read_as[c] = (unsigned char) (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
			start_of[c] = START_LETTER;
		}
	}
	start_of['!'] = start_of['?'] = START_SIGN;
	for (const char *c = "{<([$#%"; *c; c++)
		start_of[(unsigned char) *c] = START_SLOT;
	for (int k = 0; k < NKINDS; k++)
	{
		hash_kind[k] = hash_byte(HASH_START, '<');
		for (const char *c = kind_name[k]; *c; c++)
			hash_kind[k] = hash_byte(hash_kind[k], (unsigned char) *c);
	}
}

/* What stands at "at", or 0 at the end. */
static inline char
peek(const char *text, int len, int at)
{
	return at < len ? text[at] : 0;
}

/* How the template languages write what is filled in later; the first that fits. */
static const struct
{
	const char *open;
	const char *close;
}			slot_form[] = {
	{"{{", "}}"}, {"{%", "%}"}, {"<%", "%>"}, {"((", "))"}, {"[[", "]]"},
	{"${", "}"}, {"#{", "}"}, {"%{", "}"}, {"%(", ")"}, {"{", "}"},
};

static bool
begins(const char *text, int len, int at, const char *what)
{
	for (; *what; what++, at++)
	{
		if (peek(text, len, at) != *what)
			return false;
	}
	return true;
}

/* Where a conversion of printf ends (%s, %d, %@, %1$s), or 0 if there is none. */
static int
end_of_conversion(const char *text, int len, int at)
{
	int			p = at + 1;
	char		type;

	if (is_digit(peek(text, len, p)) && peek(text, len, p + 1) == '$')
		p += 2;
	type = peek(text, len, p);
	return (type == 's' || type == 'd' || type == '@') && !is_letter(peek(text, len, p + 1)) ? p + 1 : 0;
}

/* Where what begins at "at" is closed, or 0 if that is no slot. */
static int
find_close(const char *text, int len, int at, const char *close)
{
	int			words = 0;		/* that nothing but spaces part */
	char		before = 0;

	for (int p = at + 1; p < len && p - at <= SLOT_BYTES; p++)
	{
		if (begins(text, len, p, close))
			return p + (close[1] ? 2 : 1);
		if (text[p] == ' ')
			continue;
		if (is_letter(text[p]) && !is_letter(before))
			words = 1;
		else if (is_letter(text[p]) && text[p - 1] == ' ')
			words++;
		if (words > SLOT_WORDS)
			return 0;
		before = text[p];
	}
	return 0;
}

/* Where a slot that begins at "at" ends, or 0 if none does. */
static int
end_of_slot(const char *text, int len, int at)
{
	int			end = 0;

	if (text[at] == '%')
		end = end_of_conversion(text, len, at);
	for (int i = 0; end == 0 && i < (int) (sizeof(slot_form) / sizeof(slot_form[0])); i++)
	{
		if (begins(text, len, at, slot_form[i].open))
			end = find_close(text, len, at, slot_form[i].close);
	}
	return end;
}

/* Digits and what joins them, as in 1,204.50, 9:30 or 4/5. */
static int
skip_number(const char *text, int len, int at, int *digits, bool *time)
{
	while (at < len)
	{
		char		c = text[at];

		if (is_digit(c))
			(*digits)++;
		else if ((c == '.' || c == ',' || c == ':' || c == '/') && is_digit(peek(text, len, at + 1)))
			*time |= c == ':' || c == '/';
		else
			break;
		at++;
	}
	return at;
}

static int
read_money(const char *text, int len, int at, Token *token)
{
	int			digits = 0;
	bool		time = false;

	token->hash = hash_kind[KIND_MONEY];
	while (peek(text, len, at) == ' ')
		at++;
	return skip_number(text, len, at, &digits, &time);
}

static int
read_number(const char *text, int len, int at, Token *token)
{
	int			digits = 0;
	bool		time = false;

	at = skip_number(text, len, at, &digits, &time);
	if (peek(text, len, at) == '%')
	{
		token->hash = hash_kind[KIND_PERCENT];
		return at + 1;
	}
	/* a unit written onto it: 4gb, 9am, 2nd */
	if (is_letter(peek(text, len, at)))
	{
		token->hash = hash_byte(HASH_START, '#');
		for (; read_as[(unsigned char) peek(text, len, at)]; at++)
			token->hash = hash_byte(token->hash, read_as[(unsigned char) text[at]]);
		return at;
	}
	token->hash = hash_kind[time ? KIND_TIME : digits == 1 ? KIND_ONE_DIGIT :
							digits == 2 ? KIND_TWO_DIGITS : digits <= 4 ? KIND_YEAR : KIND_CODE];
	return at;
}

/* Does the character at "at" carry on an address, as in a.example/b? */
static bool
joins_address(const char *text, int len, int at, bool address)
{
	char		next = peek(text, len, at + 1);

	switch (text[at])
	{
		case '.':
		case '@':
		case ':':
		case '/':
		case '_':
			return is_letter(next) || next == '/' || (address && is_digit(next));
		case '-':
		case '=':
		case '&':
		case '?':
		case '#':
			return address && (is_letter(next) || is_digit(next));
		default:
			return false;
	}
}

static int
read_word(const char *text, int len, int at, Token *token)
{
	const char *end = text + len;
	const char *s = text + at;
	uint32_t	hash = HASH_START;
	uint32_t	stem = hash;
	uint32_t	suffix = hash_byte(HASH_START, '-');
	uint32_t	last = 0;		/* letters, a byte each */
	int			letters = 0;
	bool		address = false;
	unsigned char letter;

	for (;; s++)
	{
		for (; s < end && (letter = read_as[(unsigned char) *s]) != 0; s++)
		{
			hash = hash_byte(hash, letter);
			last = last << 8 | letter;
			letters++;
			stem = letters == STEM_LETTERS ? hash : stem;
		}
		at = (int) (s - text);
		if (s == end)
			break;
		if (*s == '\'' && is_letter(peek(text, len, at + 1)))
			continue;			/* don't is dont */
		else if (joins_address(text, len, at, address))
			address = true;
		else
			break;
	}
	if (address)
	{
		token->hash = hash_kind[KIND_ADDRESS];
		return at;
	}
	for (int i = SUFFIX_LETTERS - 1; i >= 0; i--)
		suffix = hash_byte(suffix, (unsigned char) (last >> (8 * i)));
	token->hash = hash;
	token->stem = hash_byte(stem, '*');
	token->suffix = suffix;
	token->has_stem = letters > STEM_LETTERS;
	token->has_suffix = letters >= STEM_LETTERS;
	return at;
}

/* Reads what begins at "at"; returns where that ends, or "at" if nothing does. */
static inline int
read_token(const char *text, int len, int at, int *slots, Token *token)
{
	int			end = at;

	switch (start_of[(unsigned char) text[at]])
	{
		case START_LETTER:
			if (text[at] == '\xc2' && peek(text, len, at + 1) == '\xa3') /* £ */
				end = read_money(text, len, at + 2, token);
			else
				end = read_word(text, len, at, token);
			break;
		case START_DIGIT:
			end = read_number(text, len, at, token);
			break;
		case START_SIGN:
			token->hash = hash_kind[text[at] == '!' ? KIND_EXCLAMATION : KIND_QUESTION];
			while (peek(text, len, end) == '!' || peek(text, len, end) == '?')
				end++;
			break;
		case START_SLOT:
			if (*slots < SLOTS_IN_A_ROW && (end = end_of_slot(text, len, at)) > 0)
			{
				token->hash = hash_kind[KIND_SLOT];
				(*slots)++;
				return end;
			}
			end = text[at] == '$' ? read_money(text, len, at + 1, token) : at;
			break;
	}
	if (end > at)
		*slots = 0;
	return end;
}

/*
 * The features in reading order, or, if "hashes" is given, no more than their hashes;
 * the compiler makes one function for either.  One multiplier for each sort of feature
 * keeps the sorts apart.
 */
static inline __attribute__((always_inline)) int
read_features(const char *text, int len, ConsentFeature *feature, ConsentHashes *hashes)
{
	int			ntokens = 0;
	int			slots = 0;
	int			n = 0;
	int			nwords = 0;
	int			nothers = 0;
	uint32_t	before;
	uint32_t	twice_before;
	int			before_start = 0;
	int			twice_before_start = 0;
	int			end = 0;

	if (read_as['a'] == 0)
		prepare();
	before = twice_before = hash_kind[KIND_BEGIN];

	/* what is not there is written all the same, and the next one over it: to branch costs more */
#define PUT(there, h, from, is_word) \
	do { \
		if (hashes && (is_word)) \
			hashes->word[nwords] = spread(h), nwords += (there); \
		else if (hashes) \
			hashes->other[nothers] = spread(h), nothers += (there); \
		else \
		{ \
			feature[n].hash = spread(h); \
			feature[n].start = (from); \
			feature[n].end = end; \
			feature[n].word = (is_word); \
			n += (there); \
		} \
	} while (0)

	for (int at = 0; at < len && ntokens < FEATURE_MAX_TOKENS;)
	{
		Token		t = {0};
		int			start = at;

		if (start_of[(unsigned char) text[at]] == START_NOTHING)
		{
			at++;
			continue;
		}
		at = read_token(text, len, at, &slots, &t);
		if (at == start)
		{
			at++;
			continue;
		}
		end = at;
		PUT(1, t.hash, start, true);
		PUT(1, before * 31 + t.hash * 7 + 1, before_start, false);
		PUT(ntokens > 0, twice_before * 961 + before * 37 + t.hash * 11 + 4, twice_before_start, false);
		PUT(t.has_stem, t.stem * 3 + 2, start, false);
		PUT(t.has_suffix, t.suffix * 5 + 3, start, false);
		twice_before = before;
		twice_before_start = before_start;
		before = t.hash;
		before_start = start;
		ntokens++;
	}
	PUT(ntokens > 0, before * 31 + hash_kind[KIND_END] * 7 + 1, before_start, false);
#undef PUT
	if (hashes)
	{
		hashes->nwords = nwords;
		hashes->nothers = nothers;
	}
	return n;
}

int
consent_features(const char *text, int len, ConsentFeature *feature)
{
	return read_features(text, len, feature, NULL);
}

void
consent_feature_hashes(const char *text, int len, ConsentHashes *hashes)
{
	(void) read_features(text, len, NULL, hashes);
}

static inline int
at_most(int n, int most)
{
	return n < most ? n : most;
}

int
consent_places(bool in_subject, int at, int n, int words, int *place)
{
	int			nplaces = 0;
	int			base = 1;

	if (in_subject)
		place[nplaces++] = 0;
	place[nplaces++] = base + at_most(at, PLACE_STEPS - 1);
	base += PLACE_STEPS;
	place[nplaces++] = base + at_most(n - 1 - at, PLACE_STEPS - 1);
	base += PLACE_STEPS;
	place[nplaces++] = base + at_most(n, PLACE_COUNTS) - 1;
	base += PLACE_COUNTS;
	place[nplaces++] = base + at_most(words / 4, PLACE_LENGTHS - 1);
	return nplaces;
}
