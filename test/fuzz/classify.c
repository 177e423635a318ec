/*-------------------------------------------------------------------------
 *
 * classify.c
 *	  Any message is classified by a few rules, conditions and the shipped model;
 *	  where they speak is within it, and what is kept of messages before it changes
 *	  nothing.
 *
 * The input is a subject, a NUL byte, and a body; without that byte there is no
 * subject.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "backend.h"
#include "classify/classify.h"
#include "classify/features.h"
#include "classify/language.h"
#include "classify/meta.h"

#define PARTS	(RULE_PART_SUBJECT | RULE_PART_BODY)

static const struct
{
	ConsentRule rule;			/* neutral ones first, then requests */
	const char *exceptions;
}			rules[] = {
	{{.code = "neutral.x", .family = "neutral", .neutral = true, .source = "opt out[^.\\n]{0,20}"}, NULL},
	{{.code = "ask.x", .family = "ask", .class = CLASS_CONSENT_REQUEST, .weight = 1, .source = "would you like"}, NULL},
	{{.code = "price.off", .family = "price", .class = CLASS_DIRECT_MARKETING, .weight = 0.5, .source = "\\d+% off"}, NULL},
	{{.code = "price.sale", .family = "price", .class = CLASS_DIRECT_MARKETING, .weight = 1, .source = "\\bsale"}, "sale of"},
	{{.code = "research.x", .family = "research", .class = CLASS_MARKET_RESEARCH, .weight = 1, .source = "[a-z]{11}"}, NULL},
	{{.code = "service.order", .family = "service", .class = CLASS_SERVICE, .weight = 0.6, .shipped = true, .source = "your order"}, NULL},
	{{.code = "service.says", .family = "service", .class = CLASS_SERVICE, .weight = 0, .shipped = true, .source = "service message:?|note"}, NULL},
};

static const ConsentRule metas[] = {
	{.code = "meta.add", .family = "meta", .class = CLASS_SERVICE, .weight = 0.5, .source = "service.* near price.*"},
	{.code = "meta.cap", .family = "meta", .neutral = true, .source = "count(price.*) >= 2 then cap price.* at 0.7"},
	{.code = "meta.suppress", .family = "meta", .neutral = true, .source = "ask.x near(5) price.off then suppress ask.x"},
};

static ConsentRuleset set;

int
OpenTransientFile(const char *fileName, int fileFlags)
{
	return open(FUZZ_MODEL, fileFlags);
}

int
CloseTransientFile(int fd)
{
	return close(fd);
}

char		my_exec_path[MAXPGPATH];
bool		process_shared_preload_libraries_in_progress = false;

const ConsentPattern *
consent_ruleset_pattern(const ConsentRuleset *s, int rule)
{
	return s->rules[rule].pattern;
}

const ConsentPattern *
consent_ruleset_exceptions(const ConsentRuleset *s, int rule)
{
	return s->rules[rule].exceptions;
}

/* Once, and for good. */
static void
make_set(void)
{
	MemoryContext caller = CurrentMemoryContext;
	PrefilterBuilder *builder;

	CurrentMemoryContext = AllocSetContextCreateInternal(NULL, "set", 0, 0, 0);
	set.nrules = lengthof(rules);
	set.rules = palloc0(sizeof(ConsentRule) * set.nrules);
	builder = consent_prefilter_begin(set.nrules);
	for (int i = 0; i < set.nrules; i++)
	{
		ConsentRule *rule = &set.rules[i];
		ConsentLiteral *literals = NULL;
		int			n = consent_literals(rules[i].rule.source, false, &literals);

		*rule = rules[i].rule;
		rule->parts = PARTS;
		rule->channels = ~(uint32) 0;
		rule->citation = "";
		rule->pattern = consent_pattern_compile(rule->source);
		rule->exceptions = rules[i].exceptions ? consent_pattern_compile(rules[i].exceptions) : NULL;
		consent_prefilter_add(builder, i, literals, n);
	}
	set.filter = consent_prefilter_finish(builder);
	set.hits = palloc(2 * sizeof(PrefilterHits));
	consent_prefilter_hits_init(&set.hits[0], set.nrules);
	consent_prefilter_hits_init(&set.hits[1], set.nrules);
	set.nmetas = lengthof(metas);
	set.metas = palloc0(sizeof(metas));
	for (int i = 0; i < set.nmetas; i++)
	{
		set.metas[i] = metas[i];
		set.metas[i].parts = PARTS;
		set.metas[i].channels = ~(uint32) 0;
		set.metas[i].citation = "";
		consent_meta_compile(&set.metas[i], &set, NIL, true);
	}
	CurrentMemoryContext = caller;
}

static int
chars_of(const char *s)
{
	int			n = 0;

	for (; s && *s; s += pg_utf_mblen((const unsigned char *) s))
		n++;
	return n;
}

static void
classify(const char *subject, const char *body, int per_part, ConsentFindings *found, ConsentClassification *result)
{
	consent_classify_findings(&set, body, strlen(body), subject, subject ? strlen(subject) : 0, -1, per_part, found);
	consent_classify_decide(found, result);
}

static void
check_findings(const ConsentFindings *found, int subject, int body)
{
	for (int i = 0; i < found->n; i++)
	{
		const ConsentFinding *f = &found->finding[i];

		MUST(f->nowhere || (f->start >= 0 && f->end > f->start && f->end <= (f->in_subject ? subject : body)));
		for (const char *s = f->because ? f->because : ""; *s; s += pg_utf_mblen((const unsigned char *) s))
			MUST(pg_utf8_islegal((const unsigned char *) s, pg_utf_mblen((const unsigned char *) s)));
	}
}

static void
same_result(const ConsentClassification *a, const ConsentClassification *b)
{
	MUST(a->class == b->class && a->score == b->score && a->needs_review == b->needs_review && a->nrules == b->nrules);
	for (int i = 0; i < a->nrules; i++)
		MUST(strcmp(a->rules[i], b->rules[i]) == 0);
}

/* Features are within the text, and their hashes alone are the same. */
static void
check_features(const char *source, int len)
{
	/* of their size and no larger, so that any byte beyond is seen */
	ConsentFeature *feature = palloc(FEATURE_MAX * sizeof(ConsentFeature));
	ConsentHashes *hashes = palloc(sizeof(ConsentHashes));
	ConsentText text;
	char	   *own;
	int			n;
	int			words = 0;
	int			others = 0;

	consent_text_fold(source, len, &text);
	own = memcpy(palloc(text.len), text.data, text.len);
	n = consent_features(own, text.len, feature);
	MUST(n <= FEATURE_MAX);
	consent_feature_hashes(own, text.len, hashes);
	for (int i = 0; i < n; i++)
	{
		MUST(feature[i].start >= 0 && feature[i].end > feature[i].start && feature[i].end <= text.len);
		if (feature[i].word)
			MUST(words < hashes->nwords && hashes->word[words++] == feature[i].hash);
		else
			MUST(others < hashes->nothers && hashes->other[others++] == feature[i].hash);
	}
	MUST(words == hashes->nwords && others == hashes->nothers);
}

static void
run(const char *data, int size)
{
	int			split = (int) strnlen(data, size);
	char	   *subject = split < size ? palloc(split + 1) : NULL;
	char	   *body = palloc(size + 1);
	int			from = subject ? split + 1 : 0;
	ConsentFindings found;
	ConsentClassification first;
	ConsentClassification second;

	if (set.rules == NULL)
		make_set();
	if (subject)
	{
		memcpy(subject, data, split);
		consent_fuzz_utf8(subject, split);
	}
	memcpy(body, data + from, size - from);
	size = consent_fuzz_utf8(body, size - from);

	classify(subject, body, 1, &found, &first);
	check_findings(&found, chars_of(subject), chars_of(body));
	MUST(first.score >= 0 && first.class < CONSENT_NCLASSES);
	/* sentences of the first are kept; and evidence of more places */
	classify(subject, body, EVIDENCE_PER_PART, &found, &second);
	check_findings(&found, chars_of(subject), chars_of(body));
	classify(subject, body, 1, &found, &second);
	same_result(&first, &second);
	check_features(body, size);
}

FUZZ_TARGET(run)
