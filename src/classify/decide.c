/*-------------------------------------------------------------------------
 *
 * decide.c
 *	  From findings to a class.
 *
 * Each rule counts once, with its weight, for the class it speaks for, and a
 * class is established when the weights for it reach 1.  So one strong hit
 * (weight 1) is enough, while tone (praise, urgency: 0.5) needs a second one.
 *
 * A sender's own label ("this is a service message") is a rule of weight 0:
 * it establishes nothing, and next to promotion it asks for a second look.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "classify/classify.h"

/* Weights are decimal fractions: 0.7 + 0.3 must do. */
#define ESTABLISHED(weight)	((weight) >= 1.0 - 1e-6)

/* What a message may be besides marketing or a survey; the first wins a tie. */
static const ConsentClass neutral_classes[] = {
	CLASS_PUBLIC_TASK, CLASS_REGULATORY, CLASS_SERVICE, CLASS_SERVICE_OPTIONAL
};

static ConsentClass
decide(const float8 *weight)
{
	bool		promotes = ESTABLISHED(weight[CLASS_DIRECT_MARKETING]);
	bool		asks = ESTABLISHED(weight[CLASS_CONSENT_REQUEST]);
	bool		surveys = ESTABLISHED(weight[CLASS_MARKET_RESEARCH]);
	ConsentClass neutral = CLASS_UNKNOWN;

	for (int i = 0; i < lengthof(neutral_classes); i++)
	{
		ConsentClass c = neutral_classes[i];

		if (ESTABLISHED(weight[c]) &&
			(neutral == CLASS_UNKNOWN || weight[c] > weight[neutral]))
			neutral = c;
	}

	if (surveys)
		return promotes || asks ? CLASS_SUGGING : CLASS_MARKET_RESEARCH;
	if (asks && promotes)
		return CLASS_MIXED;
	/* also when bolted onto a receipt: the request is all that is marketing */
	if (asks)
		return CLASS_CONSENT_REQUEST;
	if (promotes)
		return neutral == CLASS_UNKNOWN ? CLASS_DIRECT_MARKETING : CLASS_MIXED;
	return neutral;
}

void
consent_classify_decide(const ConsentFindings *found, ConsentClassification *result)
{
	float8		weight[CONSENT_NCLASSES] = {0};
	bool		limited = false;
	bool		labelled = false;
	bool		review = found->truncated || found->empty;
	const ConsentRule *last = NULL;
	float8		promotion;

	result->rules = palloc(Max(found->n, 1) * sizeof(char *));
	result->nrules = 0;

	for (int i = 0; i < found->n; i++)
	{
		const ConsentFinding *f = &found->finding[i];

		if (f->limit)
		{
			limited = true;
			result->rules[result->nrules++] = psprintf("limit:%s", f->rule->code);
			continue;
		}
		if (f->rule == last)
			continue;
		last = f->rule;
		weight[last->class] += last->weight;
		review |= last->review;
		labelled |= last->class == CLASS_SERVICE && last->weight == 0;
		result->rules[result->nrules++] = pstrdup(last->code);
	}

	promotion = weight[CLASS_DIRECT_MARKETING] + weight[CLASS_CONSENT_REQUEST];
	result->class = decide(weight);

	/* Traces of promotion below the mark, or beside such a label. */
	if (promotion > 0 && (labelled || !consent_class_is_marketing(result->class)))
		review = true;

	/*
	 * What was not read, or the rule that gave up, might have been what
	 * mattered.
	 */
	if ((limited || found->truncated) && !consent_class_is_marketing(result->class))
		result->class = CLASS_UNKNOWN;

	result->score = (float4) promotion;
	result->needs_review = review || limited || result->class == CLASS_UNKNOWN;
}
