/*-------------------------------------------------------------------------
 *
 * matcher.c
 *	  The matcher finds what a plain loop over all rules finds, no more and
 *	  no less.
 *
 * The input decides how patterns and a text are put together: pieces that
 * occur in both, so that they match often, with all of the syntax that rules
 * use around them.  Where the input ends, a generator seeded with it goes on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "backend.h"
#include "classify/matcher.h"

#define PATTERNS	6
#define PATTERN_MAX	300
#define TEXT_MAX	3000

static const char *const pieces[] = {
	"sale", "save", "s", "e", "free", "offer", " ", "£", "20", "%", "ee", "now on",
	"é", "a", "ab", "sav", "ings", "-", ".", "\n", "off", "big sale", "x", "é offer"
};

typedef struct Input
{
	const unsigned char *at;
	const unsigned char *end;
	uint64		seed;
} Input;

typedef struct Buffer
{
	char		s[TEXT_MAX + 64];
	int			len;
	int			max;
} Buffer;

static ConsentRuleset set;

const ConsentPattern *
consent_ruleset_pattern(const ConsentRuleset *s, int rule)
{
	return s->rules[rule].pattern;
}

static int
take(Input *in, int n)
{
	if (in->at < in->end)
		return *in->at++ % n;
	in->seed ^= in->seed << 13;
	in->seed ^= in->seed >> 7;
	in->seed ^= in->seed << 17;
	return (int) (in->seed % n);
}

static void
put(Buffer *b, const char *s)
{
	int			n = (int) strlen(s);

	if (b->len + n <= b->max)
	{
		memcpy(b->s + b->len, s, n + 1);
		b->len += n;
	}
}

static void
put_piece(Input *in, Buffer *b, bool quoted)
{
	const char *piece = pieces[take(in, lengthof(pieces))];

	put(b, quoted && strcmp(piece, ".") == 0 ? "\\." : piece);
}

static void put_alternatives(Input *in, Buffer *b, int depth);

static void
put_atom(Input *in, Buffer *b, int depth)
{
	static const char *const atoms[] = {
		"\\b", "\\d", "\\w", "\\s", ".", "[ae]", "[^s]", "[a-f]", "\\S", "^", "$", "[£s]",
		"\\K", "\\x{e9}", "\\R", "\\B", "[\\d-]", "[[:alpha:]]", "\\p{L}", "é"
	};
	static const char *const groups[] = {
		"(?:", "(", "(?>", "(?=", "(?!", "(?<=", "(?<!", "(?<n>", "(?i:", "(?|"
	};

	switch (take(in, depth > 2 ? 6 : 8))
	{
		case 0:
		case 1:
			put(b, atoms[take(in, lengthof(atoms))]);
			break;
		default:
			put_piece(in, b, true);
			break;
		case 6:
		case 7:
			put(b, groups[take(in, lengthof(groups))]);
			put_alternatives(in, b, depth + 1);
			put(b, ")");
			break;
	}
}

static void
put_alternatives(Input *in, Buffer *b, int depth)
{
	/*
	 * Not {0}: after "(?=...){0}" PCRE2 10.42 looks for a first character that
	 * only the part which never runs would need, and the plain loop is wrong.
	 */
	static const char *const quantifiers[] = {
		"?", "*", "+", "{2}", "{0,3}", "{1,2}", "{2,}", "??", "*?", "++", "{1}"
	};

	for (int n = 1 + take(in, depth ? 3 : 2); n > 0; n--)
	{
		for (int k = 1 + take(in, 4); k > 0; k--)
		{
			put_atom(in, b, depth);
			if (take(in, 3) == 0)
				put(b, quantifiers[take(in, lengthof(quantifiers))]);
		}
		if (n > 1)
			put(b, "|");
	}
}

static void
compare(int rule, const char *text, int len, const PrefilterHits *hits)
{
	const ConsentPattern *pattern = set.rules[rule].pattern;
	ConsentSearch search;
	bool		worth = consent_prefilter_hit(hits, rule);
	int			from = 0;

	if (worth)
		consent_search_begin(&search, &set, rule, hits, text, len);
	for (int n = 0; n < 10000; n++)
	{
		int			start = -1;
		int			end = -1;
		int			plain_start = -1;
		int			plain_end = -1;
		ConsentMatch plain = consent_pattern_match(pattern, text, len, from,
												   &plain_start, &plain_end);
		ConsentMatch found = worth ? consent_search_next(&search, &start, &end) : MATCH_NONE;

		/*
		 * A plain loop may give up on places where nothing can match, and
		 * then says less than we do.
		 */
		if (plain == MATCH_LIMIT)
			return;
		if (found != plain || start != plain_start || end != plain_end)
		{
			fprintf(stderr, "pattern \"%s\"\ntext \"%s\"\nfrom %d: plain loop %d [%d, %d), matcher %d [%d, %d)\n",
					set.rules[rule].source, text, from, plain, plain_start, plain_end,
					found, start, end);
			abort();
		}
		if (plain == MATCH_NONE)
			return;
		from = end;
	}
}

static void
run(const char *data, int size)
{
	Input		in = {(const unsigned char *) data, (const unsigned char *) data + size, 88172645463325252u};
	Buffer	   *b = palloc0(sizeof(Buffer));
	ConsentText folded;
	PrefilterBuilder *builder;
	PrefilterHits hits;
	int			n = 0;
	int			words;

	for (int i = 0; i < size; i++)
		in.seed = (in.seed ^ (unsigned char) data[i]) * 1099511628211u;
	in.seed |= 1;
	set.rules = palloc0(PATTERNS * sizeof(ConsentRule));
	set.nrules = 1 + take(&in, PATTERNS - 1);
	builder = consent_prefilter_begin(set.nrules);
	for (; n < set.nrules; n++)
	{
		ConsentRule *rule = &set.rules[n];
		ConsentLiteral *literals = NULL;
		int			nliterals;

		b->len = 0;
		b->max = PATTERN_MAX;
		put_alternatives(&in, b, 0);
		b->s[b->len] = '\0';
		rule->source = pstrdup(b->s);
		/* an error here ends the run: such a pattern can be no rule */
		rule->pattern = consent_pattern_compile(rule->source);
		nliterals = consent_literals(rule->source, consent_pattern_is_caseless(rule->source),
									 &literals);
		consent_prefilter_add(builder, n, literals, nliterals);
	}
	set.filter = consent_prefilter_finish(builder);
	consent_prefilter_hits_init(&hits, set.nrules);

	b->len = 0;
	b->max = TEXT_MAX;
	b->s[0] = '\0';
	for (words = take(&in, 100); words > 0 && b->len < TEXT_MAX - 20; words--)
		put_piece(&in, b, false);
	consent_text_fold(b->s, b->len, &folded);
	consent_prefilter_scan(set.filter, folded.data, folded.len, &hits);
	for (int i = 0; i < set.nrules; i++)
		compare(i, folded.data, folded.len, &hits);
}

FUZZ_TARGET(run)
