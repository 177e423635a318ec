/*-------------------------------------------------------------------------
 *
 * decide.c
 *	  From findings to a class.
 *
 * The weights of all findings are added up for each class they speak for, a
 * rule once however often it speaks, and a class is established when its sum
 * reaches 1.  There are two axes: what promotes (or asks for permission, or
 * gathers leads), and what serves; neither takes from the other.
 *
 * Promotion is in doubt between DOUBT and 1, or from OVERRULED on where rules find
 * it and the model denies it: such a message is unknown, which every guard treats
 * as marketing.  Below that nothing promotes, and a message
 * that promotes nothing is a service message, be it an order's confirmation or
 * a friend's regards; but only in a language that rules and model know.
 *
 * A sender's own label ("this is a service message") is a rule of weight 0:
 * it establishes nothing, and next to promotion it asks for a second look.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "classify/classify.h"

/* Weights are decimal fractions: 0.9 + 0.1 must do, and a single 0.9 be 0.9. */
#define REACHES(weight, mark)	((weight) >= (mark) - 1e-6)
#define ESTABLISHED(weight)	REACHES(weight, 1.0)

#define DOUBT				0.9
#define OVERRULED			0.7
#define ASKED				0.3	/* is left of a request that rules alone would establish */
#define TRACES				0.35	/* from here to SURE, look again */
#define SURE				1.5

/* A request so much louder than all promotion names what it asks for, no more. */
#define BESIDES				2.0

/* What a message may be besides marketing or a survey; the first wins a tie. */
static const ConsentClass neutral_classes[] = {
	CLASS_PUBLIC_TASK, CLASS_REGULATORY, CLASS_SERVICE, CLASS_SERVICE_OPTIONAL
};

/* By the weight of all that was found, and of what rules found. */
static ConsentClass
decide(const float8 *weight, const float8 *by_rules)
{
	bool		promotes = ESTABLISHED(weight[CLASS_DIRECT_MARKETING]);
	bool		asks = ESTABLISHED(weight[CLASS_CONSENT_REQUEST]);
	bool		surveys = ESTABLISHED(weight[CLASS_MARKET_RESEARCH]);
	bool		gathers = ESTABLISHED(weight[CLASS_SUGGING]);
	ConsentClass neutral = CLASS_UNKNOWN;
	float8		serves = 0;

	for (int i = 0; i < lengthof(neutral_classes); i++)
	{
		ConsentClass c = neutral_classes[i];

		serves += weight[c];
		if (ESTABLISHED(weight[c]) &&
			(neutral == CLASS_UNKNOWN || weight[c] > weight[neutral]))
			neutral = c;
	}

	if (surveys)
		return promotes || asks || gathers ? CLASS_SUGGING : CLASS_MARKET_RESEARCH;
	/* also when bolted onto a receipt: the request is all that is marketing */
	if (asks && (weight[CLASS_CONSENT_REQUEST] >= BESIDES * weight[CLASS_DIRECT_MARKETING] || !(promotes || gathers)))
		return CLASS_CONSENT_REQUEST;
	if (promotes || gathers)
		return ESTABLISHED(serves) || asks ? CLASS_MIXED : CLASS_DIRECT_MARKETING;
	if (REACHES(weight[CLASS_DIRECT_MARKETING], ESTABLISHED(by_rules[CLASS_DIRECT_MARKETING]) ? OVERRULED : DOUBT))
		return CLASS_UNKNOWN;
	if (ESTABLISHED(by_rules[CLASS_CONSENT_REQUEST]) && REACHES(weight[CLASS_CONSENT_REQUEST], ASKED))
		return CLASS_UNKNOWN;
	return neutral == CLASS_UNKNOWN ? CLASS_SERVICE : neutral;
}

/* Has the code been listed? */
static bool
is_listed(const ConsentClassification *result, const char *code)
{
	for (int i = 0; i < result->nrules; i++)
	{
		if (strcmp(result->rules[i], code) == 0)
			return true;
	}
	return false;
}

/*
 * Is it established what the message serves?  In a language the model has not
 * learned only rules can tell.
 */
static bool
serves(const ConsentFindings *found)
{
	float8		weight = 0;

	for (int i = 0; i < found->n; i++)
	{
		const ConsentFinding *f = &found->finding[i];

		if (f->counts && !f->rule->neutral && !consent_class_is_marketing(f->rule->class) &&
			!(f->rule->model && found->language == LANGUAGE_FOREIGN))
			weight += f->weight;
	}
	return ESTABLISHED(weight);
}

void
consent_classify_decide(const ConsentFindings *found, ConsentClassification *result)
{
	float8		weight[CONSENT_NCLASSES] = {0};
	bool		limited = false;
	bool		labelled = false;
	bool		review = found->truncated || found->empty ||
		found->language == LANGUAGE_FOREIGN;
	float8		promotion;
	float8		by_rules[CONSENT_NCLASSES] = {0};
	bool		unread;

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
		if (!f->counts)
			continue;
		weight[f->rule->class] += f->weight;
		if (!f->rule->model)
			by_rules[f->rule->class] += f->weight;
		review |= f->rule->review;
		labelled |= consent_rule_is_label(f->rule);
		if (!f->nowhere && !is_listed(result, f->rule->code))
			result->rules[result->nrules++] = pstrdup(f->rule->code);
	}

	promotion = weight[CLASS_DIRECT_MARKETING] + weight[CLASS_CONSENT_REQUEST];
	result->class = decide(weight, by_rules);

	/* Traces of promotion below the mark, or beside such a label; thin margins. */
	if (REACHES(weight[CLASS_DIRECT_MARKETING], TRACES) && weight[CLASS_DIRECT_MARKETING] < SURE &&
		!(ESTABLISHED(weight[CLASS_DIRECT_MARKETING]) && ESTABLISHED(by_rules[CLASS_DIRECT_MARKETING])))
		review = true;
	if (promotion > 0 && labelled)
		review = true;

	/*
	 * What was not read, or the rule that gave up, might have been what
	 * mattered.
	 */
	unread = limited || found->truncated || found->empty ||
		(found->language != LANGUAGE_KNOWN && !serves(found));
	if (unread && !consent_class_is_marketing(result->class))
		result->class = CLASS_UNKNOWN;

	result->score = (float4) Max(promotion, 0);
	result->needs_review = review || limited || result->class == CLASS_UNKNOWN;
}
