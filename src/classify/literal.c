/*-------------------------------------------------------------------------
 *
 * literal.c
 *	  Which texts a pattern cannot match without.
 *
 * A recursive descent over the pattern.  Of each part it knows either all the
 * strings it can match ("exact": few and short), or a set of strings one of
 * which it must contain, or nothing; and how many characters it can be wide.
 * Strings that follow each other are joined, "(?:big|huge) sav" + "ings?"
 * being four strings; of the sets so found, the rarest in messages is taken, or
 * one that is nearer to where a match begins.
 * Where a string stands tells which bytes can be beside it: behind "from " in
 * "from \d" is a digit, and before and behind "off" in "\boff\b" no letter.
 *
 * It must never claim too much: what it does not know for certain (options
 * within the pattern, back references, verbs, conditions, recursion) makes it
 * give up, and such a rule is tried on every text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>
#include <unicase.h>

#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"

#include "classify/literal.h"

#define EXACT_MAX		64		/* strings that a part can match */
#define REQUIRED_MAX	2000	/* literals of a pattern */
#define DEPTH_MAX		60		/* groups within groups */
#define CLASS_MAX		8		/* characters of a class that are spelled out */
#define REPEAT_MAX		4		/* repetitions that are spelled out */
/* What reaches further is FAR, and least of all more: as literals are packed. */
#define CHARS_MAX		(PG_UINT16_MAX - 1)
#define SPACES_MAX		(PG_UINT8_MAX - 1)
#define LEAST_MAX		PG_UINT8_MAX
#define WORTHWHILE		4		/* less rare than 2^-4: not worth looking for */
#define FAR_PLACES		1000.0	/* places before a literal, where nobody knows */
#define WORD_PLACES		6.0		/* from a space to the next */
#define PLACES_COST		16.0	/* so many cost as much as the literal itself */

typedef struct Strings
{
	int			n;
	int			capacity;
	ConsentLiteral *s;
} Strings;

typedef struct Part
{
	bool		exact;
	Strings		all;			/* if exact: what it can match */
	bool		required;
	Strings		some;			/* if required: it contains one of them */
	ConsentReach reach;			/* of what it matches */
	uint32		first;			/* kinds of bytes that this may begin with, */
	uint32		last;			/* and end with, if it is not empty */
} Part;

typedef struct Parser
{
	const char *at;
	bool		caseless;
	bool		places_count;	/* see cost() */
	int			depth;
	bool		failed;
} Parser;

static void parse_alternatives(Parser *p, Part *part);

/* How rare one character is, and after another: -log2, in hexadecimal. */
static const char single_cost[] = "465536654a756446a45457695c5258";
static const char pair_cost[][31] = {
	"c655a76a5e6452c6c34375894bb47a",
	"39992cc949c49c3cc4585ccc3c7668",
	"3d5d3dd35d449d3dd6945adb7bb67a",
	"38d6397b4ab7874ad55b68ad6da14a",
	"485456887f8554869345a7667bd249",
	"5cbc34cc3cc6ca2cc3945cbc9c9269",
	"48cc2c744cc6c648c45a5c9c8ca24a",
	"29a81aba3db8ab3dd6757d9d7da35a",
	"7845545eee736256b53395e8c9e679",
	"388848886888883888881888886548",
	"79b728893bb67588b9489b7b7b8239",
	"4b8427da3d837948d856689d4da358",
	"34ac2aaa4cb96934c5596ccc7c935a",
	"695337395966974beb5368bb6ec259",
	"7776848c7c754355b36526598bd379",
	"3ba739865cc26c34c3656ccb6cb358",
	"758888887878888887780887884888",
	"4875296c4c67664ac645769e5ea259",
	"596839c54e688756ab535b6e9ca14a",
	"4b8a3ba24ee7993ae5566b7a7eb249",
	"6766596d6d845385d234dabd8bb359",
	"4bbb1bbb3bbbbb5bbaab8bbb8b8778",
	"3baa2cb32cb9a53cc66bbc8ccc935a",
	"255949985988899399929959995359",
	"78895dad7db86919b857adbddda23b",
	"377727775775774777775737545477",
	"7a9bba99ad9a99d6ab88ddbbdd122a",
	"34456565488555458543674b4c5a76",
	"8886689a8da67787c65596a9a94149",
	"697756695a867668a566888a9a1373",
};

static int
letter_index(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= '0' && c <= '9')
		return 26;
	if (c == ' ' || c == '\n')
		return 27;
	return c < 0x80 ? 28 : 29;
}

static int
hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The same of signs that are rarer, or more frequent, than others. */
static int
sign_cost(const char *bytes)
{
	switch (bytes[0])
	{
		case '.':
			return 6;
		case ',':
		case '\'':
			return 7;
		case '?':
			return 9;
		case '%':
		case '!':
		case '"':
		case '$':
		case '#':
		case '&':
		case ';':
		case '(':
		case ')':
		case '*':
		case '+':
		case '=':
		case '@':
			return 11;
		case '\xC2':			/* £, for the most part */
			return 9;
		default:
			return IS_HIGHBIT_SET(bytes[0]) ? 11 : 0;
	}
}

/* Words so frequent that their letters do not tell; from the most frequent. */
#define FIRST_WORD_COST	7

static const char *const frequent_words[] = {
	"| the |",
	"| your | you | a | to | and | on | for |",
	"| in | is | of | at | it |",
	"| we | with | if | from | our | be | us | will | are | can | by | this | have | or | has | about | that | may |",
	"| new | free | please | no | get | do | up | been | one | was | dear | month | we'll | it's | like | account | now | an | as "
	"| need | out | before | off | not | what | back | how | i | reply | you're |"
};

int
consent_literal_rarity(const char *bytes, int len)
{
	int			rarity = sign_cost(bytes);
	char		word[CONSENT_LITERAL_MAX + 1];

	if (rarity == 0)
		rarity = hex_digit(single_cost[letter_index(bytes[0])]);

	for (int i = 1; i < len; i++)
	{
		/* the bytes of one character come together */
		if (((unsigned char) bytes[i] & 0xC0) != 0x80)
			rarity += hex_digit(pair_cost[letter_index(bytes[i - 1])]
								[letter_index(bytes[i])]);
	}
	if (len >= 2)
	{
		memcpy(word, bytes, len);
		word[len] = '\0';
		for (int i = 0; i < lengthof(frequent_words) && rarity > FIRST_WORD_COST + i; i++)
		{
			if (strstr(frequent_words[i], word) != NULL)
				rarity = FIRST_WORD_COST + i;
		}
	}
	return rarity;
}

/*-------------------------------------------------------------------------
 * Sets of strings
 *-------------------------------------------------------------------------
 */

static int
add_bounds(int a, int b, int most)
{
	return a == CONSENT_LITERAL_FAR || b == CONSENT_LITERAL_FAR || a + b > most ?
		CONSENT_LITERAL_FAR : a + b;
}

static ConsentReach
add_reach(ConsentReach a, ConsentReach b)
{
	return (ConsentReach) {
		Min(a.least + b.least, LEAST_MAX),
			add_bounds(a.chars, b.chars, CHARS_MAX), add_bounds(a.spaces, b.spaces, SPACES_MAX)
	};
}

/* What reaches as little as the one and as far as the other. */
static ConsentReach
either(ConsentReach a, ConsentReach b)
{
	return (ConsentReach) {
		Min(a.least, b.least), Max(a.chars, b.chars), Max(a.spaces, b.spaces)
	};
}

static int
times(int bound, int n, int most)
{
	if (bound == 0 || n == 0)
		return 0;
	return bound == CONSENT_LITERAL_FAR || n > most / bound ?
		CONSENT_LITERAL_FAR : bound * n;
}

static int
count_spaces(const char *bytes, int len)
{
	int			n = 0;

	for (int i = 0; i < len; i++)
		n += bytes[i] == ' ' || bytes[i] == '\n';
	return n;
}

/* What may be beside the one or the other. */
static ConsentBeside
beside_either(ConsentBeside a, ConsentBeside b)
{
	return (ConsentBeside) {a.known | b.known, a.open | b.open};
}

/* One that stands for both, which are the same bytes, or the other's first. */
static void
merge(ConsentLiteral *s, const ConsentLiteral *other)
{
	s->before = either(s->before, other->before);
	s->left = beside_either(s->left, other->left);
	s->right = beside_either(s->right, other->right);
	s->boundary &= other->boundary;
}

static void
add_string(Strings *set, const ConsentLiteral *string)
{
	/* in a large set one twice does no harm */
	for (int i = 0; i < Min(set->n, EXACT_MAX / 4); i++)
	{
		if (set->s[i].len == string->len &&
			memcmp(set->s[i].bytes, string->bytes, string->len) == 0)
		{
			merge(&set->s[i], string);
			return;
		}
	}
	if (set->n == set->capacity)
	{
		set->capacity = set->capacity ? 2 * set->capacity : 2;
		set->s = set->s ? repalloc(set->s, set->capacity * sizeof(ConsentLiteral)) :
			palloc(set->capacity * sizeof(ConsentLiteral));
	}
	set->s[set->n++] = *string;
}

static void
add_all(Strings *to, const Strings *from)
{
	for (int i = 0; i < from->n; i++)
		add_string(to, &from->s[i]);
}

static Strings
one_string(const char *bytes, int len)
{
	Strings		set = {0};
	ConsentLiteral string = {.len = len,.left.open = CONSENT_BYTES_ALL,.right.open = CONSENT_BYTES_ALL};

	memcpy(string.bytes, bytes, len);
	add_string(&set, &string);
	return set;
}

/* The kinds of bytes that may be across a word boundary from this one. */
static uint32
across_boundary(char c)
{
	uint32		kind = consent_byte_kind(c);

	if (kind == CONSENT_BYTES_HIGH)
		return CONSENT_BYTES_ALL;
	return kind & CONSENT_BYTES_WORD ? ~CONSENT_BYTES_WORD : CONSENT_BYTES_WORD | CONSENT_BYTES_HIGH;
}

/* How often one of them turns up, per character of text. */
static double
frequency(const Strings *set)
{
	double		sum = 0;

	for (int i = 0; i < set->n; i++)
	{
		if (set->s[i].len == 0)
			return 2;
		sum += ldexp(1, -consent_literal_rarity(set->s[i].bytes, set->s[i].len));
	}
	return sum;
}

/*-------------------------------------------------------------------------
 * A sequence of parts
 *-------------------------------------------------------------------------
 */

typedef struct Sequence
{
	Part		so_far;			/* exact: no part has been inexact */
	Strings		run;			/* strings that the last parts can match,
								 * some of them cut */
	Part		before_run;		/* what was there so far */
	bool		places_count;	/* see cost() */
	double		best;			/* cost of so_far.some */
} Sequence;

static void
begin_sequence(Sequence *seq, bool places_count)
{
	memset(seq, 0, sizeof(Sequence));
	seq->places_count = places_count;
	seq->so_far.exact = true;
	seq->run = one_string("", 0);
	seq->best = HUGE_VAL;
}

static int
compare_literals(const void *a, const void *b)
{
	const ConsentLiteral *la = a;
	const ConsentLiteral *lb = b;
	int			order = memcmp(la->bytes, lb->bytes, Min(la->len, lb->len));

	return order != 0 ? order : la->len - lb->len;
}

/* Where there is "offer", "offers" is found already. */
static Strings
without_longer(const Strings *set)
{
	Strings		kept = {0};

	if (set->n == 0)
		return kept;
	kept.s = palloc(set->n * sizeof(ConsentLiteral));
	memcpy(kept.s, set->s, set->n * sizeof(ConsentLiteral));
	qsort(kept.s, set->n, sizeof(ConsentLiteral), compare_literals);
	for (int i = 0; i < set->n; i++)
	{
		ConsentLiteral *last = &kept.s[kept.n - 1];
		const ConsentLiteral *s = &kept.s[i];

		if (kept.n > 0 && s->len >= last->len && memcmp(s->bytes, last->bytes, last->len) == 0)
		{
			ConsentLiteral shorter = *s;

			if (s->len > last->len)
				shorter.right = (ConsentBeside) {consent_byte_kind(s->bytes[last->len]), 0};
			merge(last, &shorter);
		}
		else
			kept.s[kept.n++] = *s;
	}
	kept.capacity = set->n;
	return kept;
}

/*
 * What it costs to look for these: how often they turn up and, if places_count,
 * how many places there are then at which a match may begin.
 */
static double
cost(const Strings *set, ConsentReach before, bool places_count)
{
	double		often = 0;
	double		tried = 0;

	for (int i = 0; i < set->n; i++)
	{
		const ConsentLiteral *s = &set->s[i];
		ConsentReach reach = add_reach(s->before, before);
		double		places = Min(reach.chars, FAR_PLACES);
		double		f;

		if (s->len == 0)
			return HUGE_VAL;
		f = ldexp(1, -consent_literal_rarity(s->bytes, s->len));
		places = Min(places, (reach.spaces + 1.0) * WORD_PLACES) - reach.least;
		often += f;
		tried += f * Max(places, 0) / PLACES_COST;
	}
	return often >= 1 ? HUGE_VAL : often + (places_count ? tried : 0);
}

/*
 * One of these is needed.  What they know of what is before them is within
 * what follows "before"; "boundary": there is a word boundary between.
 */
static void
consider(Sequence *seq, const Strings *all, const Part *before, bool boundary)
{
	Strings		set = without_longer(all);
	double		c = cost(&set, before->reach, seq->places_count);

	if (c >= seq->best || set.n > REQUIRED_MAX)
		return;
	seq->best = c;
	seq->so_far.required = true;
	for (int i = 0; i < set.n; i++)
	{
		ConsentLiteral *s = &set.s[i];

		s->before = add_reach(s->before, before->reach);
		if (boundary)
			s->left.open &= across_boundary(s->bytes[0]);
		s->left.known |= s->left.open & before->last;
		if (before->reach.least > 0)
			s->left.open = 0;
	}
	seq->so_far.some = set;
}

static bool
is_boundary(const Strings *set)
{
	for (int i = 0; i < set->n; i++)
	{
		if (!set->s[i].boundary)
			return false;
	}
	return set->n > 0;
}

/* Of what stood at the end until now, tell that this part follows. */
static void
follow(Strings *set, const Part *part)
{
	bool		boundary = part->exact && is_boundary(&part->all);

	for (int i = 0; i < set->n; i++)
	{
		ConsentLiteral *s = &set->s[i];

		if (boundary)
			s->right.open &= across_boundary(s->bytes[s->len - 1]);
		s->right.known |= s->right.open & part->first;
		if (part->reach.least > 0)
			s->right.open = 0;
	}
}

/* What would be too long is cut, and never added to. */
static bool
is_cut(const ConsentLiteral *s)
{
	return s->len > 0 && s->right.open == 0;
}

static ConsentLiteral
join_two(const ConsentLiteral *a, const ConsentLiteral *b)
{
	ConsentLiteral both = *a;
	int			n = Min(b->len, CONSENT_LITERAL_MAX - a->len);

	if (a->len == 0)
	{
		both = *b;
		if (b->len == 0)
			both.boundary |= a->boundary;
		else if (a->boundary)
			both.left.open &= across_boundary(b->bytes[0]);
		return both;
	}
	if (is_cut(a))
		return both;
	memcpy(both.bytes + a->len, b->bytes, n);
	both.len += n;
	if (n < b->len)
		both.right = (ConsentBeside) {a->right.known | consent_byte_kind(b->bytes[n]), 0};
	else if (n > 0)
		both.right = b->right;
	else if (b->boundary)
		both.right.open &= across_boundary(a->bytes[a->len - 1]);
	return both;
}

static bool
join(Sequence *seq, const Strings *with)
{
	const Strings *run = &seq->run;
	Strings		joined = {0};

	if (run->n * with->n > EXACT_MAX)
		return false;
	for (int i = 0; i < run->n; i++)
	{
		for (int k = 0; k < (is_cut(&run->s[i]) ? 1 : with->n); k++)
		{
			ConsentLiteral both = join_two(&run->s[i], &with->s[k]);

			add_string(&joined, &both);
			seq->so_far.exact &= !is_cut(&both);
		}
	}
	seq->run = joined;
	return true;
}

static void
add_part(Sequence *seq, const Part *part)
{
	Part		before = seq->so_far;

	consider(seq, &seq->run, &seq->before_run, false);
	if (seq->so_far.required)
		follow(&seq->so_far.some, part);

	seq->so_far.reach = add_reach(before.reach, part->reach);
	if (before.reach.least == 0)
		seq->so_far.first |= part->first;
	seq->so_far.last = part->last | (part->reach.least == 0 ? before.last : 0);

	if (part->exact && join(seq, &part->all))
		return;
	if (part->required)
		consider(seq, &part->some, &before, is_boundary(&seq->run));
	seq->so_far.exact = false;
	seq->run = part->exact ? part->all : one_string("", 0);
	seq->before_run = part->exact ? before : seq->so_far;
}

static void
end_sequence(Sequence *seq, Part *part)
{
	consider(seq, &seq->run, &seq->before_run, false);
	*part = seq->so_far;
	if (part->exact)
		part->all = seq->run;
}

/*-------------------------------------------------------------------------
 * Parts
 *-------------------------------------------------------------------------
 */

static void
set_any(Part *part, int least, int chars, int spaces)
{
	memset(part, 0, sizeof(Part));
	part->reach = (ConsentReach) {least, chars, spaces};
	part->first = part->last = CONSENT_BYTES_ALL;
}

/* Something that is a character of these kinds. */
static void
set_one_of(Part *part, uint32 kinds)
{
	set_any(part, 1, 1, (kinds & CONSENT_BYTES_SPACE) != 0);
	part->first = part->last = kinds;
}

static void
set_nothing(Part *part)
{
	set_any(part, 0, 0, 0);
	part->first = part->last = 0;
	part->exact = true;
	part->all = one_string("", 0);
}

/* One character, as the folded text would have it. */
static void
set_char(const Parser *p, Part *part, pg_wchar c)
{
	unsigned char bytes[4];

	set_any(part, 1, 1, c == ' ' || c == '\n');
	if (c < 0x80)
		c = p->caseless ? pg_tolower((unsigned char) c) : c;
	else if (p->caseless && (uc_tolower(c) != c || uc_toupper(c) != c))
		return;
	unicode_to_utf8(c, bytes);
	part->first = part->last = consent_byte_kind(bytes[0]);
	part->exact = true;
	part->all = one_string((char *) bytes, pg_utf_mblen(bytes));
}

static pg_wchar
take_char(Parser *p)
{
	pg_wchar	c = utf8_to_unicode((const unsigned char *) p->at);

	p->at += pg_utf_mblen((const unsigned char *) p->at);
	return c;
}

/* What a backslash begins; "in_class" if in a class. */
typedef enum Escape
{
	ESCAPE_CHAR,				/* stands for one character */
	ESCAPE_SET,					/* for one of many */
	ESCAPE_NOTHING,				/* for a place */
	ESCAPE_BOUNDARY,			/* for one between a word and something else */
	ESCAPE_LINE,				/* for a line end, two characters at most */
	ESCAPE_CLUSTER,				/* for who knows how many */
	ESCAPE_STRANGE
} Escape;

static Escape
take_escape(Parser *p, pg_wchar *c, uint32 *set)
{
	char		e = *p->at++;
	char	   *end;

	*set = CONSENT_BYTES_ALL;

	if (e == '\0')
		return ESCAPE_STRANGE;
	if (IS_HIGHBIT_SET(e))
		return ESCAPE_STRANGE;
	*c = (unsigned char) e;
	switch (e)
	{
		case 'd':
			*set = CONSENT_BYTES_DIGIT | CONSENT_BYTES_HIGH;
			return ESCAPE_SET;
		case 'w':
			*set = CONSENT_BYTES_WORD | CONSENT_BYTES_HIGH;
			return ESCAPE_SET;
		case 'S':
			*set = ~CONSENT_BYTES_SPACE;
			return ESCAPE_SET;
		case 'D': case 'W': case 's':
		case 'h': case 'H': case 'v': case 'V': case 'N':
			return e == 'N' && *p->at == '{' ? ESCAPE_STRANGE : ESCAPE_SET;
		case 'b':
			return ESCAPE_BOUNDARY;
		case 'B': case 'A': case 'z': case 'Z': case 'K':
			return ESCAPE_NOTHING;
		case 'R':
			return ESCAPE_LINE;
		case 'X':
			return ESCAPE_CLUSTER;
		case 'p': case 'P':
			if (*p->at == '{')
			{
				const char *close = strchr(p->at, '}');

				if (close == NULL)
					return ESCAPE_STRANGE;
				p->at = close + 1;
			}
			else if (*p->at)
				p->at++;
			return ESCAPE_SET;
		case 'x':
			if (*p->at != '{')
				return ESCAPE_STRANGE;
			*c = (pg_wchar) strtoul(p->at + 1, &end, 16);
			if (end == p->at + 1 || *end != '}' || *c == 0 || *c > 0x10FFFF ||
				(*c >= 0xD800 && *c <= 0xDFFF))
				return ESCAPE_STRANGE;
			p->at = end + 1;
			return ESCAPE_CHAR;
		case 't':
			*c = '\t';
			return ESCAPE_CHAR;
		case 'n':
			*c = '\n';
			return ESCAPE_CHAR;
		case 'r':
			*c = '\r';
			return ESCAPE_CHAR;
		default:
			return isalnum((unsigned char) e) ? ESCAPE_STRANGE : ESCAPE_CHAR;
	}
}

/* The next character of a class, or ESCAPE_SET and the kinds of many. */
static Escape
take_member(Parser *p, pg_wchar *c, uint32 *set)
{
	*set = CONSENT_BYTES_ALL;
	if (*p->at == '\0')
		return ESCAPE_STRANGE;
	if (*p->at == '[' && (p->at[1] == ':' || p->at[1] == '.' || p->at[1] == '='))
	{
		const char *close = strstr(p->at + 2, ":]");

		if (close == NULL || p->at[1] != ':')
			return ESCAPE_STRANGE;
		p->at = close + 2;
		return ESCAPE_SET;
	}
	if (*p->at == '\\')
	{
		p->at++;
		/* what is a place elsewhere is a character here */
		if (*p->at != 'b')
			return take_escape(p, c, set);
		p->at++;
		*c = '\b';
		return ESCAPE_CHAR;
	}
	*c = take_char(p);
	return ESCAPE_CHAR;
}

/* The kinds of bytes that a class may begin with which has c, or all from "from" to c. */
static uint32
kinds_of(const Parser *p, pg_wchar from, pg_wchar c)
{
	uint32		kinds = 0;

	for (pg_wchar k = Min(from, c); k <= Min(c, 0x80); k++)
		kinds |= consent_byte_kind(p->caseless ? pg_tolower((unsigned char) k) : k);
	if (c >= 0x80)
		kinds |= p->caseless ? CONSENT_BYTES_ALL : CONSENT_BYTES_HIGH;
	return kinds;
}

/* After '[': spelled out if it is a few single characters. */
static void
parse_class(Parser *p, Part *part)
{
	Strings		few = {0};
	bool		simple = true;
	uint32		kinds = 0;
	pg_wchar	from = 0;		/* where a range begins */

	if (*p->at == '^')
	{
		simple = false;
		kinds = CONSENT_BYTES_ALL;
		p->at++;
	}
	for (bool first = true; first || *p->at != ']'; first = false)
	{
		pg_wchar	c;
		uint32		set;
		Part		one;

		switch (take_member(p, &c, &set))
		{
			case ESCAPE_CHAR:
				break;
			case ESCAPE_SET:
				kinds |= set;
				simple = false;
				continue;
			default:
				p->failed = true;
				return;
		}
		kinds |= kinds_of(p, from ? from : c, c);
		from = 0;
		if (*p->at == '-' && p->at[1] != ']' && p->at[1] != '\0')
		{
			/* a range: its other end is the next to be read */
			from = c;
			p->at++;
			simple = false;
			continue;
		}
		set_char(p, &one, c);
		if (one.exact && few.n <= CLASS_MAX)
			add_all(&few, &one.all);
		else
			simple = false;
	}
	p->at++;
	set_one_of(part, kinds);
	if (simple && few.n > 0 && few.n <= CLASS_MAX)
	{
		part->exact = true;
		part->all = few;
	}
}

/* After '(' */
static void
parse_group(Parser *p, Part *part)
{
	bool		look = false;
	bool		group = true;

	if (*p->at == '*')
		group = false;
	else if (*p->at == '?')
	{
		const char *s = p->at + 1;

		if (*s == ':' || *s == '>' || *s == '|')
			p->at = s + 1;
		else if (*s == '=' || *s == '!')
		{
			look = true;
			p->at = s + 1;
		}
		else if (*s == '<' && (s[1] == '=' || s[1] == '!'))
		{
			look = true;
			p->at = s + 2;
		}
		else if (*s == '<' || *s == '\'' || (*s == 'P' && s[1] == '<'))
		{
			char		close = *s == '\'' ? '\'' : '>';
			const char *end = strchr(s + 2, close);

			group = end != NULL;
			if (group)
				p->at = end + 1;
		}
		else
			group = false;
	}
	if (!group || ++p->depth > DEPTH_MAX)
	{
		p->failed = true;
		return;
	}
	parse_alternatives(p, part);
	p->depth--;
	if (p->failed || *p->at != ')')
	{
		p->failed = true;
		return;
	}
	p->at++;
	if (look)
		set_nothing(part);
}

static void
parse_atom(Parser *p, Part *part)
{
	pg_wchar	c;
	uint32		set;

	switch (*p->at)
	{
		case '(':
			p->at++;
			parse_group(p, part);
			return;
		case '[':
			p->at++;
			parse_class(p, part);
			return;
		case '.':
			p->at++;
			set_any(part, 1, 1, 1);
			return;
		case '^':
		case '$':
			p->at++;
			set_nothing(part);
			return;
		case '*':
		case '+':
		case '?':
			p->failed = true;
			return;
		case '\\':
			p->at++;
			switch (take_escape(p, &c, &set))
			{
				case ESCAPE_CHAR:
					set_char(p, part, c);
					return;
				case ESCAPE_SET:
					set_one_of(part, set);
					return;
				case ESCAPE_NOTHING:
					set_nothing(part);
					return;
				case ESCAPE_BOUNDARY:
					set_nothing(part);
					part->all.s[0].boundary = true;
					return;
				case ESCAPE_LINE:
					set_any(part, 1, 2, 2);
					return;
				case ESCAPE_CLUSTER:
					set_any(part, 1, CONSENT_LITERAL_FAR, CONSENT_LITERAL_FAR);
					return;
				case ESCAPE_STRANGE:
					p->failed = true;
					return;
			}
			return;
		default:
			set_char(p, part, take_char(p));
			return;
	}
}

/* How often an atom may stand there: true if it says so. */
static bool
take_quantifier(Parser *p, int *min, int *max)
{
	const char *s = p->at;
	char	   *end;

	switch (*s)
	{
		case '*':
		case '+':
		case '?':
			*min = *s == '+';
			*max = *s == '?' ? 1 : INT_MAX;
			p->at++;
			break;
		case '{':
			if (!isdigit((unsigned char) s[1]))
			{
				/* a brace, or one of the forms that newer PCRE2 reads */
				if (s[1] == ',' || s[1] == ' ')
					p->failed = true;
				return false;
			}
			*min = *max = (int) strtol(s + 1, &end, 10);
			if (*end == ',')
			{
				if (end[1] == '}')
				{
					*max = INT_MAX;
					end++;
				}
				else
					*max = (int) strtol(end + 1, &end, 10);
			}
			if (*end != '}' || *max < *min)
			{
				p->failed = true;
				return false;
			}
			p->at = end + 1;
			break;
		default:
			return false;
	}
	if (*p->at == '?' || *p->at == '+')
		p->at++;				/* lazy or possessive: matches no more */
	return true;
}

static void
add_repeated(Sequence *seq, Part *atom, int min, int max)
{
	int			spelled = Min(min, REPEAT_MAX);
	Part		rest;

	for (int i = 0; i < spelled; i++)
		add_part(seq, atom);
	if (max == spelled)
		return;
	if (min == 0 && max == 1 && atom->exact)
	{
		rest = *atom;
		rest.required = false;
		rest.reach.least = 0;
		rest.all = one_string("", 0);
		add_all(&rest.all, &atom->all);
	}
	else
	{
		int			more = max == INT_MAX ? INT_MAX : max - spelled;

		set_any(&rest, 0, times(atom->reach.chars, more, CHARS_MAX), times(atom->reach.spaces, more, SPACES_MAX));
		rest.reach.least = Min(times(atom->reach.least, min - spelled, LEAST_MAX), LEAST_MAX);
		rest.first = atom->first;
		rest.last = atom->last;
	}
	add_part(seq, &rest);
}

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == ' ' || c == '\'' || c == ',' || c == '/' || c == '-';
}

/*
 * Most of a pattern is words: take the characters that stand for themselves
 * together.  The last one before a quantifier is not of them.
 */
static bool
take_words(Parser *p, Part *part)
{
	char		bytes[CONSENT_LITERAL_MAX];
	int			n = 0;

	while (n < CONSENT_LITERAL_MAX && is_plain(p->at[n]))
	{
		bytes[n] = p->caseless ? (char) pg_tolower((unsigned char) p->at[n]) : p->at[n];
		n++;
	}
	if (n > 0 && strchr("*+?{", p->at[n]) && p->at[n])
		n--;
	if (n < 2)
		return false;
	p->at += n;
	set_any(part, n, n, count_spaces(bytes, n));
	part->first = consent_byte_kind(bytes[0]);
	part->last = consent_byte_kind(bytes[n - 1]);
	part->exact = true;
	part->all = one_string(bytes, n);
	return true;
}

static void
parse_sequence(Parser *p, Part *part)
{
	Sequence	seq;

	begin_sequence(&seq, p->places_count);
	while (!p->failed && *p->at && *p->at != '|' && *p->at != ')')
	{
		Part		atom;
		int			min = 1;
		int			max = 1;

		if (take_words(p, &atom))
		{
			add_part(&seq, &atom);
			continue;
		}
		parse_atom(p, &atom);
		if (p->failed)
			break;
		if (take_quantifier(p, &min, &max))
			add_repeated(&seq, &atom, min, max);
		else
			add_part(&seq, &atom);
	}
	end_sequence(&seq, part);
}

static void
parse_alternatives(Parser *p, Part *part)
{
	parse_sequence(p, part);
	if (!part->required)
		memset(&part->some, 0, sizeof(Strings));
	while (!p->failed && *p->at == '|')
	{
		Part		other;

		p->at++;
		parse_sequence(p, &other);
		if (part->exact && other.exact && part->all.n + other.all.n <= EXACT_MAX)
			add_all(&part->all, &other.all);
		else
			part->exact = false;
		if (part->required && other.required &&
			part->some.n + other.some.n <= REQUIRED_MAX)
			add_all(&part->some, &other.some);
		else
			part->required = false;
		part->reach = either(part->reach, other.reach);
		part->first |= other.first;
		part->last |= other.last;
	}
}

int
consent_literals(const char *pattern, bool caseless, ConsentLiteral **literals)
{
	Part		whole;

	/* near ones, unless together they are too frequent */
	for (int places_count = 1; places_count >= 0; places_count--)
	{
		Parser		p = {.at = pattern, .caseless = caseless, .places_count = places_count};

		parse_alternatives(&p, &whole);
		if (p.failed || *p.at != '\0' || !whole.required)
			return 0;
		if (frequency(&whole.some) > ldexp(1, -WORTHWHILE))
			continue;
		for (int i = 0; i < whole.some.n; i++)
		{
			whole.some.s[i].left.known |= whole.some.s[i].left.open;
			whole.some.s[i].right.known |= whole.some.s[i].right.open;
		}
		*literals = whole.some.s;
		return whole.some.n;
	}
	return 0;
}

#define PACKED_VERSION	4

/* What packed literals of a pattern begin with. */
typedef struct PackedHead
{
	uint8		version;
	uint8		pattern[4];		/* a hash that tells it */
} PackedHead;

/* Then for each literal this, in network byte order, and itself. */
typedef struct PackedLiteral
{
	uint8		len;
	uint8		least;			/* or more */
	uint8		spaces;			/* PG_UINT8_MAX: FAR, as below */
	uint8		chars[2];
	uint8		left[4];
	uint8		right[4];
} PackedLiteral;

static PackedHead
packed_head(const char *pattern)
{
	PackedHead	head = {.version = PACKED_VERSION};
	uint32		hash = 2166136261u;

	for (; *pattern; pattern++)
		hash = (hash ^ (unsigned char) *pattern) * 16777619u;
	hash = pg_hton32(hash);
	memcpy(head.pattern, &hash, sizeof(hash));
	return head;
}

char *
consent_literals_pack(const char *pattern, const ConsentLiteral *literals, int n, int *size)
{
	PackedHead	head = packed_head(pattern);
	char	   *packed = palloc(sizeof(head) + n * (sizeof(PackedLiteral) + CONSENT_LITERAL_MAX));
	char	   *at = packed;

	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	for (int i = 0; i < n; i++)
	{
		const ConsentLiteral *literal = &literals[i];
		PackedLiteral p = {.len = (uint8) literal->len};
		uint16		chars = pg_hton16((uint16) Min(literal->before.chars, PG_UINT16_MAX));
		uint32		left = pg_hton32(literal->left.known);
		uint32		right = pg_hton32(literal->right.known);

		p.least = (uint8) literal->before.least;
		p.spaces = (uint8) Min(literal->before.spaces, PG_UINT8_MAX);
		memcpy(p.chars, &chars, sizeof(chars));
		memcpy(p.left, &left, sizeof(left));
		memcpy(p.right, &right, sizeof(right));
		memcpy(at, &p, sizeof(p));
		memcpy(at + sizeof(p), literal->bytes, literal->len);
		at += sizeof(p) + literal->len;
	}
	*size = (int) (at - packed);
	return packed;
}

int
consent_literals_unpack(const char *pattern, const char *packed, int size,
						ConsentLiteral **literals)
{
	PackedHead	head = packed_head(pattern);
	int			n = 0;

	if (size < sizeof(head) || memcmp(packed, &head, sizeof(head)) != 0)
		return -1;
	*literals = palloc0((size / (sizeof(PackedLiteral) + 1) + 1) * sizeof(ConsentLiteral));
	for (int at = sizeof(head); at < size; n++)
	{
		ConsentLiteral *literal = &(*literals)[n];
		PackedLiteral p;
		uint16		chars;
		uint32		left;
		uint32		right;

		if (size - at < sizeof(p))
			return -1;
		memcpy(&p, packed + at, sizeof(p));
		at += sizeof(p);
		if (p.len == 0 || p.len > CONSENT_LITERAL_MAX || size - at < p.len)
			return -1;
		memcpy(&chars, p.chars, sizeof(chars));
		memcpy(&left, p.left, sizeof(left));
		memcpy(&right, p.right, sizeof(right));
		chars = pg_ntoh16(chars);
		literal->len = p.len;
		literal->before.least = p.least;
		literal->before.chars = chars == PG_UINT16_MAX ? CONSENT_LITERAL_FAR : chars;
		literal->before.spaces = p.spaces == PG_UINT8_MAX ? CONSENT_LITERAL_FAR : p.spaces;
		literal->left.known = pg_ntoh32(left);
		literal->right.known = pg_ntoh32(right);
		memcpy(literal->bytes, packed + at, p.len);
		at += p.len;
	}
	return n;
}
