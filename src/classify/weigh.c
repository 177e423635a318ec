/*-------------------------------------------------------------------------
 *
 * weigh.c
 *	  What the model adds to what the rules found.
 *
 * Rules know phrases, the model knows tone.  Sentence by sentence the model's
 * log-odds and the weights of the rules that speak there are put together;
 * where the sum says something else than the rules alone, the difference
 * becomes a finding of its own, so that weights still add up to the verdict:
 *
 *	model.promotion		more promotion than rules found here
 *	model.plain			less: the words of a rule, in a plain sentence
 *	model.ask, model.research, model.lead_capture, model.service
 *	text.length			a long text has more chances to sound like something,
 *						so its sums are divided by the root of its sentences
 *
 * A rule that users wrote is never weakened.  The slopes and offsets below come
 * from cross-validation on test/corpus/train.jsonl; FEATURE_PRIOR and the mark
 * of doubt were chosen with the scores of the test sets in view.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"

#include "classify/classify.h"
#include "classify/model.h"

/* Weights are in thousandths here. */
#define ONE				1000
#define LARGEST			10000	/* of one sentence */
#define SMALLEST		200		/* what is less is not worth a finding */
#define MOST_FINDINGS	100		/* for a class */
#define DOUBTFUL		500		/* promotion that is less is not worth telling */

#define MIN_SENTENCE	4		/* bytes; less says nothing */

/* log-odds = (model * slope + rules * rule_slope) / ONE + offset */
typedef struct Blend
{
	ConsentTrait trait;
	ConsentClass class;
	int			slope;
	int			rule_slope;
	int			rule_most;		/* more weight of rules adds nothing */
	int			offset;
	ConsentRule as;				/* what the model's finding looks like */
} Blend;

#define MODEL_CITATION	"ICO guidance on identifying direct marketing: phrasing, tone and context; learned from labelled sentences"

#define LENGTH_CITATION "weights of a long text are divided by the root of the number of its sentences"

static const Blend blends[] = {
	{TRAIT_PROMOTION, CLASS_DIRECT_MARKETING, 950, 1910, 1500, -600,
	{.code = "model.promotion",.class = CLASS_DIRECT_MARKETING,.model = true,.citation = MODEL_CITATION}},
	{TRAIT_CONSENT_REQUEST, CLASS_CONSENT_REQUEST, 1270, 1620, 1500, 1600,
	{.code = "model.ask",.class = CLASS_CONSENT_REQUEST,.model = true,.citation = MODEL_CITATION}},
	{TRAIT_RESEARCH, CLASS_MARKET_RESEARCH, 960, 1300, 1500, 450,
	{.code = "model.research",.class = CLASS_MARKET_RESEARCH,.model = true,.citation = MODEL_CITATION}},
	{TRAIT_LEAD_CAPTURE, CLASS_SUGGING, 1520, 0, 0, 3530,
	{.code = "model.lead_capture",.class = CLASS_SUGGING,.model = true,.citation = MODEL_CITATION}},
};

static const ConsentRule plain = {
	.code = "model.plain",.class = CLASS_DIRECT_MARKETING,.model = true,.citation = MODEL_CITATION
};

static const ConsentRule service = {
	.code = "model.service",.class = CLASS_SERVICE,.model = true,.citation = MODEL_CITATION
};

/* What promotion loses where rules know a service, or a request, in the sentence. */
#define SERVICE_DOUBT	1560
#define REQUEST_DOUBT	850

/* The weight of a service is log-odds, not odds: there is one sentence of it. */
#define SERVICE_SLOPE		430
#define SERVICE_RULE_SLOPE	300
#define SERVICE_LENGTH		140 /* times the logarithm of the sentences */

static const ConsentRule service_length = {
	.code = "text.length",.class = CLASS_SERVICE,.model = true,.citation = LENGTH_CITATION
};

static const ConsentRule length_rules[lengthof(blends)] = {
	{.code = "text.length",.class = CLASS_DIRECT_MARKETING,.model = true,.citation = LENGTH_CITATION},
	{.code = "text.length",.class = CLASS_CONSENT_REQUEST,.model = true,.citation = LENGTH_CITATION},
	{.code = "text.length",.class = CLASS_MARKET_RESEARCH,.model = true,.citation = LENGTH_CITATION},
	{.code = "text.length",.class = CLASS_SUGGING,.model = true,.citation = LENGTH_CITATION},
};

/* A sentence, and what the rules weigh in it. */
typedef struct Weighed
{
	const ConsentText *text;
	bool		in_subject;
	int			start;
	int			end;
	ConsentTraits traits;
	int			rules[lengthof(blends)];
	int			own;			/* of rules[0], what users' rules say */
	int			service;
	bool		promotes;
	bool		no_service; /* hidden, or a sender's own label */
} Weighed;

/*
 * e to the power of thousandths, in thousandths.  Whole numbers only, so that
 * every machine gives the same; within half a percent.
 */
static int
exponential(int thousandths)
{
	int			binary = (int) (thousandths * INT64CONST(1443) / 1000);
	int			whole;
	int64		fraction;

	if (binary < -10000)
		return 0;
	if (binary > 4400)
		return LARGEST;
	whole = (binary + 20000) / 1000 - 20;
	fraction = binary - whole * 1000;
	fraction = 1000 + (656 * fraction + 344 * fraction * fraction / 1000) / 1000;
	fraction = whole >= 0 ? fraction << whole : fraction >> -whole;
	return (int) Min(fraction, LARGEST);
}

static int
in_thousandths(float4 weight)
{
	return (int) rint(weight * 1000.0);
}

static int
blend_of(ConsentClass class)
{
	for (int b = 0; b < lengthof(blends); b++)
	{
		if (blends[b].class == class)
			return b;
	}
	return -1;
}

static ConsentFinding *
add(ConsentFindings *found, const ConsentRule *as, int weight, const Weighed *s)
{
	ConsentFinding *f = consent_findings_add(found);

	f->rule = as;
	f->weight = (float4) (weight / 1000.0);
	f->counts = true;
	f->nowhere = s == NULL;
	if (s != NULL)
	{
		f->in_subject = s->in_subject;
		f->at = s->start;
		consent_text_source(s->text, s->start, s->end, &f->start, &f->end);
	}
	return f;
}

/* The loudest words, for the citation. */
static char *
loudest(const Weighed *s, ConsentTrait trait)
{
	ConsentSpeaker speaker[3];
	const char *text = s->text->data + s->start;
	int			n = consent_model_speakers(text, s->end - s->start, trait, speaker,
										   lengthof(speaker));
	StringInfoData said;

	if (n == 0)
		return NULL;
	initStringInfo(&said);
	for (int i = 0; i < n; i++)
		appendStringInfo(&said, "%s\"%.*s\"", i > 0 ? ", " : "",
						 speaker[i].end - speaker[i].start, text + speaker[i].start);
	return said.data;
}

static Weighed *
read_sentences(const ConsentText *const *parts, int *nweighed)
{
	ConsentSentence *sentence[2] = {NULL, NULL};
	int			n[2] = {0, 0};
	Weighed    *weighed;

	for (int p = 0; p < 2; p++)
	{
		if (parts[p] != NULL)
			n[p] = consent_text_sentences(parts[p], &sentence[p]);
	}
	weighed = palloc0(Max(n[0] + n[1], 1) * sizeof(Weighed));
	*nweighed = 0;
	for (int p = 0; p < 2; p++)
	{
		for (int i = 0; i < n[p]; i++)
		{
			const ConsentSentence *s = &sentence[p][i];
			Weighed    *w = &weighed[*nweighed];

			if (s->region == REGION_FOOTER || s->end - s->start < MIN_SENTENCE)
				continue;
			w->text = parts[p];
			w->in_subject = p == 0;
			w->start = s->start;
			w->end = s->end;
			w->no_service = s->region == REGION_PREHEADER;
			consent_model_judge(parts[p]->data + s->start, s->end - s->start, &w->traits);
			(*nweighed)++;
		}
	}
	return weighed;
}

/* Credits every rule to the sentence where it first speaks. */
static void
credit_rules(const ConsentFindings *found, Weighed *weighed, int nweighed)
{
	for (int i = 0; i < found->n; i++)
	{
		const ConsentFinding *f = &found->finding[i];
		int			weight = in_thousandths(f->weight);
		int			b = blend_of(f->rule->class);
		int			low = 0;
		int			high = nweighed;

		if (!f->counts || f->rule->neutral || f->nowhere)
			continue;
		/* the last sentence that begins at or before it */
		while (low < high)
		{
			int			middle = (low + high) / 2;
			const Weighed *w = &weighed[middle];

			if (w->in_subject == f->in_subject ? w->start <= f->at : w->in_subject)
				low = middle + 1;
			else
				high = middle;
		}
		if (low == 0 || weighed[low - 1].in_subject != f->in_subject ||
			f->at >= weighed[low - 1].end)
			continue;
		if (f->rule->class == CLASS_SERVICE && weight == 0)
			weighed[low - 1].no_service = true;
		if (b >= 0)
			weighed[low - 1].rules[b] += weight;
		else if (!consent_class_is_marketing(f->rule->class))
			weighed[low - 1].service += weight;
		if (b == 0 && !f->rule->shipped)
			weighed[low - 1].own += weight;
	}
}

static int
blended(const Blend *b, int which, const Weighed *w)
{
	int64		odds = (int64) w->traits.odds[b->trait] * b->slope +
		(int64) Min(w->rules[which], b->rule_most) * b->rule_slope;

	if (b->class == CLASS_DIRECT_MARKETING)
		odds -= (int64) Min(w->service, ONE) * SERVICE_DOUBT +
			(int64) Min(w->rules[1], ONE) * REQUEST_DOUBT;
	return exponential((int) (odds / ONE) + b->offset);
}

/* Does the message say nothing but what its sender calls it? */
static bool
only_labels(const Weighed *weighed, int nweighed)
{
	for (int i = 0; i < nweighed; i++)
	{
		if (!weighed[i].no_service)
			return false;
	}
	return true;
}

/* What all rules of a class weigh together. */
static int
sum_of_rules(const ConsentFindings *found, ConsentClass class)
{
	int			sum = 0;

	for (int i = 0; i < found->n; i++)
	{
		const ConsentFinding *f = &found->finding[i];

		if (f->counts && f->rule->class == class && !f->rule->neutral)
			sum += in_thousandths(f->weight);
	}
	return sum;
}

/* Adds what the model has to say about one class; returns the class's sum. */
static int
weigh_class(int b, Weighed *weighed, int nweighed, double root, bool explain,
			ConsentFindings *found)
{
	int			rules = sum_of_rules(found, blends[b].class);
	int			sum = rules;
	bool		enough = rules >= ONE * root;
	int			before = found->n;
	int			added = 0;
	int			shrunk;

	for (int i = 0; i < nweighed && added < MOST_FINDINGS; i++)
	{
		Weighed    *w = &weighed[i];
		int			more = blended(&blends[b], b, w);
		bool		less;
		ConsentFinding *f;

		if (b == 0)
			w->promotes = more >= ONE || w->rules[b] >= ONE;
		more = Max(more, w->own) - w->rules[b];
		less = more < 0;

		/* where rules suffice they are the better evidence */
		if (less ? b > 0 || more > -SMALLEST : more < SMALLEST || (w->rules[b] > 0 && enough))
			continue;
		f = add(found, less ? &plain : &blends[b].as, more, w);
		if (explain)
			f->because = loudest(w, less ? TRAIT_SERVICE : blends[b].trait);
		sum += more;
		added++;
	}
	shrunk = (int) rint(sum / root);
	if (rules == 0 && shrunk < (b == 0 ? DOUBTFUL : ONE))
	{
		/* everything sounds a little like everything */
		found->n = before;
		return 0;
	}
	if (sum > shrunk)
		(void) add(found, &length_rules[b], shrunk - sum, NULL);
	return shrunk;
}

/*
 * What serves beside promotion must be more than a phrase in a long text, so
 * there rules are divided by the length as well.  The sentence that most reads
 * like a service, and does not promote, speaks for all others.
 */
static void
weigh_service(Weighed *weighed, int nweighed, bool promotes, bool explain,
			  ConsentFindings *found)
{
	const Weighed *best = NULL;
	double		root = sqrt(Max(nweighed - 1, 1));	/* one sentence promotes */
	int			sum = 0;
	bool		enough;
	int			weight;

	for (int c = 0; c < CONSENT_NCLASSES; c++)
	{
		if (!consent_class_is_marketing(c) && c != CLASS_MARKET_RESEARCH)
			sum += sum_of_rules(found, c);
	}
	if (sum >= ONE && !promotes)
		return;
	enough = sum >= ONE * root;
	for (int i = 0; i < nweighed && !enough; i++)
	{
		if (!weighed[i].promotes && !weighed[i].no_service &&
			(best == NULL ||
			 weighed[i].traits.odds[TRAIT_SERVICE] > best->traits.odds[TRAIT_SERVICE]))
			best = &weighed[i];
	}
	if (best != NULL)
	{
		weight = (int) ((int64) best->traits.odds[TRAIT_SERVICE] * SERVICE_SLOPE / ONE) +
			Min(best->service, ONE) * SERVICE_RULE_SLOPE / ONE -
			(int) rint(SERVICE_LENGTH * log(nweighed));
		if (weight >= SMALLEST)
		{
			ConsentFinding *f = add(found, &service, weight, best);

			if (explain)
				f->because = loudest(best, TRAIT_SERVICE);
		}
	}
	weight = (int) rint(sum / root) - sum;
	if (promotes && weight < 0)
		(void) add(found, &service_length, weight, NULL);
}

void
consent_weigh(const ConsentText *const *parts, bool explain, ConsentFindings *found)
{
	int			nweighed;
	Weighed    *weighed;
	double		root;
	bool		surveys = false;
	bool		promotes = false;

	/* what it has not learned the model should not judge */
	found->language = consent_language(parts);
	if (found->language != LANGUAGE_KNOWN)
		return;
	weighed = read_sentences(parts, &nweighed);
	root = sqrt(Max(nweighed, 1));
	credit_rules(found, weighed, nweighed);
	found->empty |= only_labels(weighed, nweighed);
	for (int b = 0; b < lengthof(blends); b++)
	{
		int			sum;

		/* gathering leads only matters where something asks questions */
		if (blends[b].class == CLASS_SUGGING && !surveys)
			break;
		sum = weigh_class(b, weighed, nweighed, root, explain, found);
		if (blends[b].class == CLASS_MARKET_RESEARCH)
			surveys = sum >= ONE;
		if (blends[b].class == CLASS_DIRECT_MARKETING)
			promotes = sum >= ONE;
	}
	weigh_service(weighed, nweighed, promotes, explain, found);
	pfree(weighed);
}
