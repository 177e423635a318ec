/*-------------------------------------------------------------------------
 *
 * classify.c
 *	  The matcher against the plain loop that it stands for, outside a server.
 *
 *	  classify RULES N TEXTS: the first N patterns of a file, one a line; texts
 *	  likewise, with \n for a line feed.
 *
 * Both say of each rule whether it matches a folded text.  The loop tries every
 * rule, compiled just in time, on the whole text.  CPU time, best of five.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "backend.h"
#include "classify/matcher.h"

#define TEXTS_MAX	2000

static const char *rules_file;
static const char *texts_file;
static int	nrules;
static ConsentRuleset set;

const ConsentPattern *
consent_ruleset_pattern(const ConsentRuleset *s, int rule)
{
	if (s->rules[rule].pattern == NULL)
		s->rules[rule].pattern = consent_pattern_compile(s->rules[rule].source);
	return s->rules[rule].pattern;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* The lines of a file, at most max. */
static int
read_lines(const char *name, char **lines, int max)
{
	FILE	   *f = fopen(name, "r");
	static char line[200000];
	int			n = 0;

	if (f == NULL)
	{
		perror(name);
		exit(1);
	}
	while (n < max && fgets(line, sizeof(line), f))
	{
		char	   *out = line;

		line[strcspn(line, "\n")] = '\0';
		for (char *in = line; *in; in++)
		{
			if (texts_file == name && in[0] == '\\' && in[1] == 'n')
			{
				*out++ = '\n';
				in++;
			}
			else
				*out++ = *in;
		}
		*out = '\0';
		lines[n++] = pstrdup(line);
	}
	fclose(f);
	return n;
}

static void
run(const char *unused, int zero)
{
	char	  **rules = palloc(nrules * sizeof(char *));
	char	  **texts = palloc(TEXTS_MAX * sizeof(char *));
	ConsentText *folded;
	PrefilterBuilder *builder;
	PrefilterHits hits;
	int			ntexts;
	long		bytes = 0;
	long		loop_hits = 0;
	long		our_hits = 0;
	double		loop = 1e9;
	double		ours = 1e9;
	double		reading = 1e9;

	nrules = read_lines(rules_file, rules, nrules);
	ntexts = read_lines(texts_file, texts, TEXTS_MAX);
	set.nrules = nrules;
	set.rules = palloc0(nrules * sizeof(ConsentRule));
	builder = consent_prefilter_begin(nrules);
	for (int i = 0; i < nrules; i++)
	{
		ConsentLiteral *literals = NULL;
		int			n = consent_literals(rules[i], consent_pattern_is_caseless(rules[i]), &literals);

		set.rules[i].source = rules[i];
		consent_prefilter_add(builder, i, literals, n);
	}
	set.filter = consent_prefilter_finish(builder);
	consent_prefilter_hits_init(&hits, nrules);

	folded = palloc(ntexts * sizeof(ConsentText));
	for (int round = 0; round < 5; round++)
	{
		double		start = seconds();

		for (int t = 0; t < ntexts; t++)
		{
			if (round > 0)
				consent_text_free(&folded[t]);
			consent_text_read(texts[t], strlen(texts[t]), &folded[t]);
		}
		reading = Min(reading, seconds() - start);
	}
	for (int t = 0; t < ntexts; t++)
		bytes += folded[t].len;

	for (int round = 0; round < 5; round++)
	{
		double		start = seconds();

		our_hits = 0;
		for (int t = 0; t < ntexts; t++)
		{
			consent_prefilter_scan(set.filter, folded[t].data, folded[t].len, &hits);
			for (int i = 0; i < nrules; i++)
			{
				ConsentSearch search;
				int			from;
				int			to;

				if (!consent_prefilter_hit(&hits, i))
					continue;
				consent_search_begin(&search, &set, i, &hits, folded[t].data, folded[t].len);
				our_hits += consent_search_next(&search, &from, &to) == MATCH_FOUND;
			}
		}
		ours = Min(ours, seconds() - start);
	}
	for (int round = 0; round < 2; round++)
	{
		double		start = seconds();

		loop_hits = 0;
		for (int t = 0; t < ntexts; t++)
		{
			for (int i = 0; i < nrules; i++)
			{
				int			from;
				int			to;

				loop_hits += consent_pattern_match(consent_ruleset_pattern(&set, i),
												   folded[t].data, folded[t].len, 0,
												   &from, &to) == MATCH_FOUND;
			}
		}
		loop = Min(loop, seconds() - start);
	}
	MUST(loop_hits == our_hits);
	printf("%5d rules %6ld bytes   loop %9.2f us   ours %7.2f us (%6.1f x)   with reading %7.2f us (%6.1f x)   %5.1f hits a text\n",
		   nrules, bytes / ntexts, loop / ntexts * 1e6, ours / ntexts * 1e6, loop / ours,
		   (ours + reading) / ntexts * 1e6, loop / (ours + reading), (double) our_hits / ntexts);
}

int
main(int argc, char **argv)
{
	rules_file = argv[1];
	nrules = atoi(argv[2]);
	texts_file = argv[3];
	consent_fuzz_run(run, "", 0);
	return 0;
}
