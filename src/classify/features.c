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
#include "classify/features.h"

#define STEM_LETTERS		5	/* a longer word is also known by so many */
#define SUFFIX_LETTERS		3
/* What is longer is no slot, nor what reads as a sentence, nor one slot after another. */
#define SLOT_BYTES			80
#define SLOT_WORDS			2
#define SLOTS_IN_A_ROW		2

typedef struct Token
{
	uint32_t	hash;
	uint32_t	stem;			/* 0 if the word is too short to have one */
	uint32_t	suffix;
	int			start;
	int			end;
} Token;

/* FNV-1a */
#define HASH_START	2166136261u

static inline uint32_t
hash_byte(uint32_t hash, unsigned char c)
{
	return (hash ^ c) * 16777619u;
}

static uint32_t
hash_kind(const char *name)
{
	uint32_t	hash = hash_byte(HASH_START, '<');

	for (; *name; name++)
		hash = hash_byte(hash, (unsigned char) *name);
	return hash;
}

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

static void
prepare_letters(void)
{
	for (int c = 0; c < 256; c++)
	{
		if (is_digit((char) c))
			read_as[c] = '#';
		else if (is_letter((char) c))
			read_as[c] = (unsigned char) (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
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
static inline int
end_of_slot(const char *text, int len, int at)
{
	int			end = 0;

	switch (text[at])
	{
		case '{':
		case '<':
		case '(':
		case '[':
		case '$':
		case '#':
		case '%':
			break;
		default:
			return 0;
	}
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

	token->hash = hash_kind("money");
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
		token->hash = hash_kind("percent");
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
	token->hash = hash_kind(time ? "time" : digits == 1 ? "one digit" :
							digits == 2 ? "two digits" : digits <= 4 ? "year" : "code");
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
	uint32_t	hash = HASH_START;
	uint32_t	last = 0;		/* letters, a byte each */
	int			letters = 0;
	bool		address = false;

	for (;; at++)
	{
		const char *s = text + at;
		unsigned char letter;

		for (; s < text + len && (letter = read_as[(unsigned char) *s]) != 0; s++)
		{
			hash = hash_byte(hash, letter);
			if (++letters == STEM_LETTERS)
				token->stem = hash_byte(hash, '*');
			last = last << 8 | letter;
		}
		at = (int) (s - text);
		if (at == len)
			break;
		if (text[at] == '\'' && is_letter(peek(text, len, at + 1)))
			continue;			/* don't is dont */
		else if (joins_address(text, len, at, address))
			address = true;
		else
			break;
	}
	if (address)
	{
		token->hash = hash_kind("address");
		token->stem = 0;
		return at;
	}
	token->hash = hash;
	if (letters <= STEM_LETTERS)
		token->stem = 0;
	if (letters >= STEM_LETTERS)
	{
		token->suffix = hash_byte(HASH_START, '-');
		for (int i = SUFFIX_LETTERS - 1; i >= 0; i--)
			token->suffix = hash_byte(token->suffix, (unsigned char) (last >> (8 * i)));
	}
	return at;
}

static int
read_tokens(const char *text, int len, Token *token)
{
	int			n = 0;
	int			at = 0;
	int			slots = 0;

	while (at < len && n < FEATURE_MAX_TOKENS)
	{
		char		c = text[at];
		Token	   *t = &token[n];
		int			end;

		t->start = at;
		t->stem = 0;
		t->suffix = 0;
		if (slots < SLOTS_IN_A_ROW && (end = end_of_slot(text, len, at)) > 0)
		{
			t->hash = hash_kind("slot");
			t->end = at = end;
			slots++;
			n++;
			continue;
		}
		if (c == '!' || c == '?')
		{
			t->hash = hash_kind(c == '!' ? "!" : "?");
			while (peek(text, len, at) == '!' || peek(text, len, at) == '?')
				at++;
		}
		else if (c == '$')
			at = read_money(text, len, at + 1, t);
		else if (c == '\xc2' && peek(text, len, at + 1) == '\xa3')	/* £ */
			at = read_money(text, len, at + 2, t);
		else if (is_digit(c))
			at = read_number(text, len, at, t);
		else if (is_letter(c))
			at = read_word(text, len, at, t);
		else
		{
			at++;
			continue;
		}
		t->end = at;
		slots = 0;
		n++;
	}
	return n;
}

int
consent_features(const char *text, int len, ConsentFeature *feature)
{
	Token		token[FEATURE_MAX_TOKENS];
	int			ntokens;
	int			n = 0;
	uint32_t	before = hash_kind("begin");
	uint32_t	twice_before = before;
	int			before_start = 0;
	int			twice_before_start = 0;

	if (read_as['a'] == 0)
		prepare_letters();
	ntokens = read_tokens(text, len, token);

	/* One multiplier for each sort of feature keeps the sorts apart. */
#define PUT(h, from, to) \
	(feature[n].hash = spread(h), feature[n].start = (from), \
	 feature[n].end = (to), feature[n++].word = false)

	for (int i = 0; i < ntokens; i++)
	{
		const Token *t = &token[i];

		PUT(t->hash, t->start, t->end);
		feature[n - 1].word = true;
		PUT(before * 31 + t->hash * 7 + 1, before_start, t->end);
		if (i > 0)
			PUT(twice_before * 961 + before * 37 + t->hash * 11 + 4, twice_before_start, t->end);
		if (t->stem)
			PUT(t->stem * 3 + 2, t->start, t->end);
		if (t->suffix)
			PUT(t->suffix * 5 + 3, t->start, t->end);
		twice_before = before;
		twice_before_start = before_start;
		before = t->hash;
		before_start = t->start;
	}
	if (ntokens > 0)
		PUT(before * 31 + hash_kind("end") * 7 + 1, before_start, token[ntokens - 1].end);
#undef PUT
	return n;
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
