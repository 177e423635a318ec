/*-------------------------------------------------------------------------
 *
 * weigh.c
 *	  What the model adds to what the rules found.
 *
 * Rules know phrases, the model knows tone and where it stands.  Given what
 * the rules for each class weigh, the model says how likely the message
 * promotes, asks, surveys, gathers leads, or serves beside its promotion, and
 * the odds of that become the class's weight: 1 is even, and enough.  Where
 * that is not what the rules say, the difference becomes findings of its own,
 * so that weights still add up to the verdict:
 *
 *	model.promotion, model.ask, model.research, model.lead_capture,
 *	model.service		more than the rules found, in the sentences that say it
 *	model.plain			less: the words of a rule, in a plain text
 *
 * A rule that users wrote is never weakened, nor one of weight 2, which speaks of what
 * the model has not learned, as numbers; nor what rules find promotional in
 * a text of a few words that serves nothing, "Sale ends today", or in a sentence
 * that promotes when it is read alone.  A sender's own label is not shown to the
 * model, which would believe it; nor is a footer.  Where it is doubtful who ended
 * a line, that reading counts which clearly promotes.
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
#define LARGEST			10000	/* of a class, by the model */
#define SURE			2000	/* a rule that weighs as much is not weakened */
#define SMALLEST		200		/* what is less is not worth a finding */
#define DOUBTFUL		500		/* promotion that is less is not worth telling */

#define CLEAR			150		/* the logarithm of odds that lines may be joined for */
#define ENOUGH			2000	/* likewise, for a sentence read alone to promote */

#define MIN_SENTENCE	4		/* bytes; less says nothing */
#define FEW				2		/* fewer words say nothing, either */
#define TERSE			8		/* more words, and the model knows better than a rule */
#define ECHO			4		/* a sentence speaks, too, if its odds are such a part
								 * of the loudest one's */

#define MODEL_CITATION	"ICO guidance on identifying direct marketing: phrasing, tone and context; learned from labelled sentences"

/* What the model's findings look like. */
#define FINDING(name, of) \
	{.code = (name),.class = (of),.model = true,.citation = MODEL_CITATION}

typedef struct Axis
{
	ConsentClass class;
	ConsentTrait trait;
	ConsentRule more;
	ConsentRule less;
} Axis;

static const Axis axes[CONSENT_NAXES] = {
	[AXIS_PROMOTES] = {CLASS_DIRECT_MARKETING, TRAIT_PROMOTION,
		FINDING("model.promotion", CLASS_DIRECT_MARKETING),
		FINDING("model.plain", CLASS_DIRECT_MARKETING)},
	[AXIS_ASKS] = {CLASS_CONSENT_REQUEST, TRAIT_CONSENT_REQUEST,
		FINDING("model.ask", CLASS_CONSENT_REQUEST),
		FINDING("model.plain", CLASS_CONSENT_REQUEST)},
	[AXIS_SURVEYS] = {CLASS_MARKET_RESEARCH, TRAIT_RESEARCH,
		FINDING("model.research", CLASS_MARKET_RESEARCH),
		FINDING("model.plain", CLASS_MARKET_RESEARCH)},
	[AXIS_GATHERS] = {CLASS_SUGGING, TRAIT_LEAD_CAPTURE,
		FINDING("model.lead_capture", CLASS_SUGGING),
		FINDING("model.plain", CLASS_SUGGING)},
	[AXIS_SERVES] = {CLASS_SERVICE, TRAIT_SERVICE,
		FINDING("model.service", CLASS_SERVICE),
		FINDING("model.plain", CLASS_SERVICE)},
};

/* Where a passage is, and what the rules weigh in it. */
typedef struct Place
{
	const ConsentText *text;
	int			start;
	int			end;
	int			rules[CONSENT_NAXES];
	bool		hidden;
	bool		label;			/* its sender says what the message is */
} Place;

typedef struct Message
{
	int			n;
	ConsentPassage *passage;
	Place	   *place;			/* of each */
	int32		rules[CONSENT_NAXES];	/* what they weigh in all */
	int32		sure[CONSENT_NAXES];	/* of that, what is not to be weakened */
	ConsentOverview *part;
	int			nparts;
} Message;

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

/* The axis that rules of the class speak for; -1 if none. */
static int
axis_of(ConsentClass class)
{
	for (int a = 0; a < CONSENT_NAXES; a++)
	{
		if (axes[a].class == class)
			return a;
	}
	return consent_class_is_marketing(class) ? -1 : AXIS_SERVES;
}

/* Adds a finding, in the passage or (-1) nowhere. */
static ConsentFinding *
add(ConsentFindings *found, const ConsentRule *as, int weight, const Message *m, int passage)
{
	ConsentFinding *f = consent_findings_add(found);

	f->rule = as;
	f->weight = (float4) (weight / 1000.0);
	f->counts = true;
	f->nowhere = passage < 0;
	if (passage >= 0)
	{
		const Place *place = &m->place[passage];

		f->in_subject = m->passage[passage].in_subject;
		f->at = place->start;
		consent_text_source(place->text, place->start, place->end, &f->start, &f->end);
	}
	return f;
}

/* The loudest words, for the citation. */
static char *
loudest(const ConsentPassage *passage, ConsentTrait trait)
{
	ConsentSpeaker speaker[3];
	int			n = consent_model_speakers(passage, trait, speaker, lengthof(speaker));
	StringInfoData said;

	if (n == 0)
		return NULL;
	initStringInfo(&said);
	for (int i = 0; i < n; i++)
		appendStringInfo(&said, "%s\"%.*s\"", i > 0 ? ", " : "",
						 speaker[i].end - speaker[i].start, passage->text + speaker[i].start);
	return said.data;
}

static void
read_sentences(const ConsentText *const *parts, bool in_text, bool join, bool *doubtful, Message *m)
{
	ConsentSentence *sentence[2] = {NULL, NULL};
	int			n[2] = {0, 0};

	for (int p = 0; p < 2; p++)
	{
		if (parts[p] != NULL)
			n[p] = consent_text_sentences(parts[p], join, doubtful, &sentence[p]);
	}
	m->n = 0;
	m->passage = palloc0(Max(n[0] + n[1], 1) * sizeof(ConsentPassage));
	m->place = palloc0(Max(n[0] + n[1], 1) * sizeof(Place));
	for (int p = 0; p < 2; p++)
	{
		for (int i = 0; i < n[p]; i++)
		{
			const ConsentSentence *s = &sentence[p][i];
			ConsentPassage *passage = &m->passage[m->n];
			Place	   *place = &m->place[m->n];

			if (s->region == REGION_FOOTER || s->end - s->start < MIN_SENTENCE)
				continue;
			passage->text = parts[p]->data + s->start;
			passage->len = s->end - s->start;
			passage->in_subject = p == 0;
			passage->in_text = in_text;
			place->text = parts[p];
			place->start = s->start;
			place->end = s->end;
			place->hidden = s->region == REGION_PREHEADER;
			m->n++;
		}
	}
}

/*
 * Can what a reader sees be judged: are there some words, and two of three such
 * as the model has learned?
 */
static bool
is_learned(const Message *m)
{
	int			words = 0;
	int			known = 0;

	for (int i = 0; i < m->n; i++)
	{
		int			k;

		if (m->place[i].hidden)
			continue;
		words += consent_model_knows(m->passage[i].text, m->passage[i].len, &k);
		known += k;
	}
	return words >= FEW && 3 * known >= 2 * words;
}

/* The passage that byte "at" of the part is in; -1 if none. */
static int
passage_at(const Message *m, bool in_subject, int at)
{
	int			low = 0;
	int			high = m->n;

	/* the last one that begins at or before it */
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (m->passage[middle].in_subject == in_subject ?
			m->place[middle].start <= at : m->passage[middle].in_subject)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || m->passage[low - 1].in_subject != in_subject ||
		at >= m->place[low - 1].end)
		return -1;
	return low - 1;
}

/* Blanks the sender's own label in what the model reads. */
static void
hide_label(ConsentPassage *passage, Place *place, const ConsentFinding *f)
{
	int			from = f->at - place->start;
	int			to = consent_text_byte(place->text, f->end) - place->start;
	char	   *rest;

	if (!place->label)
		passage->text = pnstrdup(passage->text, passage->len);
	place->label = true;
	rest = unconstify(char *, passage->text);
	for (int i = from; i < Min(to, passage->len); i++)
		rest[i] = ' ';
}

/*
 * Closes the gaps that labels have left.  A sentence of which next to nothing is
 * left is not read: it would stand beside the others, and soften them.
 */
static void
drop_labels(Message *m)
{
	int			n = 0;

	for (int i = 0; i < m->n; i++)
	{
		ConsentPassage *passage = &m->passage[i];
		int			known;

		if (m->place[i].label)
		{
			char	   *rest = unconstify(char *, passage->text);
			int			len = 0;

			for (int at = 0; at < passage->len; at++)
			{
				if (rest[at] != ' ' || (len > 0 && rest[len - 1] != ' '))
					rest[len++] = rest[at];
			}
			rest[len] = '\0';		/* the byte behind a word is looked at */
			passage->len = len;
			if (len < MIN_SENTENCE || consent_model_knows(rest, len, &known) < FEW)
				continue;
		}
		m->passage[n] = m->passage[i];
		m->place[n++] = m->place[i];
	}
	m->n = n;
}

/*
 * Hides the labels; a rule for service that speaks within one ("please note") is
 * part of it.
 */
static void
hide_labels(ConsentFindings *found, Message *m)
{
	bool		any = false;

	for (int i = 0; i < found->n; i++)
	{
		const ConsentFinding *f = &found->finding[i];
		int			at;

		if (!consent_rule_is_label(f->rule) || f->nowhere)
			continue;
		at = passage_at(m, f->in_subject, f->at);
		if (at < 0)
			continue;
		hide_label(&m->passage[at], &m->place[at], f);
		any = true;
	}
	for (int i = 0; i < found->n && any; i++)
	{
		ConsentFinding *f = &found->finding[i];
		int			at;

		if (!f->counts || f->nowhere || f->rule->neutral || f->weight <= 0 ||
			axis_of(f->rule->class) != AXIS_SERVES)
			continue;
		at = passage_at(m, f->in_subject, f->at);
		if (at < 0 || !m->place[at].label || m->passage[at].text[f->at - m->place[at].start] != ' ')
			continue;
		f->counts = false;
		f->weight = 0;
		f->because = pstrdup("part of the sender's own label");
	}
}

/* Adds up the rules, and credits each to the sentence where it first speaks. */
static void
credit_rules(const ConsentFindings *found, Message *m)
{
	for (int i = 0; i < found->n; i++)
	{
		const ConsentFinding *f = &found->finding[i];
		int			weight = in_thousandths(f->weight);
		int			a = axis_of(f->rule->class);
		int			at = f->nowhere ? -1 : passage_at(m, f->in_subject, f->at);

		if (!f->counts || f->rule->neutral || a < 0)
			continue;
		m->rules[a] += weight;
		if (!f->rule->shipped || weight >= SURE)
			m->sure[a] += weight;
		if (at >= 0)
			m->place[at].rules[a] += weight;
	}
}

/* Is the passage of the body for the most part what neutral rules cover? */
static bool
is_neutral(const Place *place, const ConsentCover *cover, int ncovers)
{
	int			covered = 0;

	for (int a = 0; a < CONSENT_NAXES; a++)
	{
		if (a != AXIS_SERVES && place->rules[a] != 0)
			return false;
	}
	for (int i = 0; i < ncovers; i++)
	{
		if (cover[i].neutral)
			covered += Max(Min(cover[i].end, place->end) - Max(cover[i].start, place->start), 0);
	}
	return 2 * covered >= place->end - place->start;
}

/*
 * How to opt out, and who is registered where, belongs below every message, and
 * says nothing about it: read, it would soften what stands above it.  But "Opt out
 * of boring weekends" promotes, read by itself.
 */
static void
drop_footer(const ConsentCover *cover, int ncovers, Message *m)
{
	while (m->n > 1 && !m->passage[m->n - 1].in_subject &&
		   is_neutral(&m->place[m->n - 1], cover, ncovers) &&
		   consent_model_alone(&m->passage[m->n - 1], TRAIT_PROMOTION) < 0)
		m->n--;
}

/* Is there nothing that a reader sees, but what the sender calls it? */
static bool
says_nothing(const Message *m)
{
	for (int i = 0; i < m->n; i++)
	{
		if (!m->place[i].hidden)
			return false;
	}
	return true;
}

/*
 * Which passage says most of the axis?  Hidden text serves nobody;
 * "unsaid" are those in which no rule of the axis speaks.
 */
static int
loudest_passage(const Message *m, int a, bool unsaid)
{
	int			top = -1;

	for (int i = 0; i < m->n; i++)
	{
		if (a == AXIS_SERVES && m->place[i].hidden)
			continue;
		if (unsaid && (m->place[i].rules[a] > 0 || m->passage[i].odds[axes[a].trait] < 0))
			continue;
		if (top < 0 || m->passage[i].odds[axes[a].trait] > m->passage[top].odds[axes[a].trait])
			top = i;
	}
	return top;
}

/* Adds findings that weigh "more" together.  False if there is nobody to say it. */
static bool
say_more(const Message *m, int a, int more, bool unsaid, bool explain, ConsentFindings *found)
{
	ConsentTrait trait = axes[a].trait;
	int			top = loudest_passage(m, a, unsaid);
	int			loudest_of_all = loudest_passage(m, a, false);
	int			least;
	int64		sum = 0;
	int			left = more;

	if (top < 0)
		return false;
	/* what readers do not see may have been heard, too */
	if (a == AXIS_SERVES && m->passage[top].odds[trait] < 0)
		return false;
	/* next to what a rule points at, a plain sentence is no evidence */
	least = Max(exponential(m->passage[loudest_of_all].odds[trait]) / ECHO, 1);
	if (unsaid && exponential(m->passage[top].odds[trait]) < least)
		return false;
	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < m->n; i++)
		{
			int			odds = exponential(m->passage[i].odds[trait]);
			int			share;
			ConsentFinding *f;

			/* one sentence of service is enough, and speaks for all others */
			if (i != top && (odds < least || a == AXIS_SERVES ||
							 (unsaid && m->place[i].rules[a] > 0)))
				continue;
			odds = Max(odds, 1);
			if (pass == 0)
			{
				sum += odds;
				continue;
			}
			share = sum > odds ? (int) (left * (int64) odds / sum) : left;
			sum -= odds;
			left -= share;
			f = add(found, &axes[a].more, share, m, i);
			if (explain)
				f->because = loudest(&m->passage[i], trait);
		}
	}
	return true;
}

/* Takes "less" from where rules speak, or from nowhere. */
static void
say_less(const Message *m, int a, int less, bool explain, ConsentFindings *found)
{
	int			said = 0;
	int			left = less;

	for (int i = 0; i < m->n; i++)
		said += m->place[i].rules[a];
	for (int i = 0; i < m->n && said > 0; i++)
	{
		int			rules = m->place[i].rules[a];
		int			share;
		ConsentFinding *f;

		if (rules <= 0)
			continue;
		share = said > rules ? (int) (left * (int64) rules / said) : left;
		said -= rules;
		left -= share;
		f = add(found, &axes[a].less, -share, m, i);
		if (explain)
			f->because = loudest(&m->passage[i], TRAIT_SERVICE);
	}
	if (left > 0)
		(void) add(found, &axes[a].less, -left, m, -1);
}

/* Do rules find promotion, and nothing else, in a text too short to tell them better? */
static bool
tersely_promotes(const Message *m)
{
	int			words = 0;

	for (int i = 0; i < m->n; i++)
		words += m->passage[i].words;
	return words <= TERSE && m->rules[AXIS_PROMOTES] >= ONE && m->rules[AXIS_SERVES] < ONE;
}

/*
 * What rules find promotional in sentences, where each first speaks, that clearly
 * promote, read by themselves: no more is taken back of it for what stands around them,
 * for one such sentence is enough.  A cap leaves less, and is not undone.
 */
static int
promoted_alone(const Message *m)
{
	int			rules = 0;

	for (int i = 0; i < m->n; i++)
	{
		if (m->place[i].rules[AXIS_PROMOTES] > 0 &&
			consent_model_alone(&m->passage[i], TRAIT_PROMOTION) >= ENOUGH)
			rules += m->place[i].rules[AXIS_PROMOTES];
	}
	return Min(rules, m->rules[AXIS_PROMOTES]);
}

/* Adds what the model has to say about an axis; returns what it weighs in all. */
static int
weigh_axis(const Message *m, int a, bool explain, ConsentFindings *found)
{
	int			rules = m->rules[a];
	int			odds = exponential(consent_model_axis(m->part, m->nparts, a));
	int			target = Max(odds, m->sure[a]);

	if (a == AXIS_PROMOTES && target < rules)
		target = tersely_promotes(m) ? rules : Max(target, promoted_alone(m));
	if ((rules >= ONE) == (target >= ONE) && abs(target - rules) < SMALLEST)
		return rules;
	/* everything sounds a little like everything */
	if (rules <= 0 && target < (a == AXIS_PROMOTES ? DOUBTFUL : ONE))
		return rules;
	if (target > rules)
	{
		/* where rules suffice they are the better evidence */
		if (!say_more(m, a, target - rules, rules >= ONE, explain, found))
			return rules;
	}
	else
		say_less(m, a, rules - target, explain, found);
	return target;
}

static void
judge(const ConsentCover *cover, int ncovers, ConsentFindings *found, Message *m)
{
	hide_labels(found, m);
	credit_rules(found, m);
	drop_labels(m);
	drop_footer(cover, ncovers, m);
	m->part = consent_model_judge(m->passage, m->n, m->rules, &m->nparts);
}

/* How surely does it promote, or ask? */
static int
loudness(const Message *m)
{
	return Max(consent_model_axis(m->part, m->nparts, AXIS_PROMOTES),
			   consent_model_axis(m->part, m->nparts, AXIS_ASKS));
}

void
consent_weigh(const ConsentText *const *parts, const ConsentCover *cover, int ncovers,
			  int channel, bool explain, ConsentFindings *found)
{
	Message		m = {0};
	bool		in_text = channel == CHANNEL_SMS || channel == CHANNEL_MMS || channel == CHANNEL_SOCIAL_DM;
	bool		doubtful = false;
	bool		promotes;

	/* what it has not learned the model should not judge */
	found->language = consent_language(parts);
	if (found->language == LANGUAGE_FOREIGN)
		return;
	read_sentences(parts, in_text, false, &doubtful, &m);
	if (found->language == LANGUAGE_UNSURE && is_learned(&m))
		found->language = LANGUAGE_KNOWN;
	if (found->language != LANGUAGE_KNOWN)
		return;
	judge(cover, ncovers, found, &m);
	if (doubtful && loudness(&m) < CLEAR)
	{
		Message		joined = {0};
		ConsentOverview *part = palloc(m.nparts * sizeof(ConsentOverview));

		/* the model keeps but what it judged last */
		m.part = memcpy(part, m.part, m.nparts * sizeof(ConsentOverview));
		read_sentences(parts, in_text, true, NULL, &joined);
		judge(cover, ncovers, found, &joined);
		if (loudness(&joined) >= CLEAR)
			m = joined;
	}
	found->empty |= says_nothing(&m);

	promotes = weigh_axis(&m, AXIS_PROMOTES, explain, found) >= ONE;
	(void) weigh_axis(&m, AXIS_ASKS, explain, found);
	/* gathering leads only matters where something asks questions */
	if (weigh_axis(&m, AXIS_SURVEYS, explain, found) >= ONE)
		(void) weigh_axis(&m, AXIS_GATHERS, explain, found);
	else if (promotes)
		(void) weigh_axis(&m, AXIS_SERVES, explain, found);
	pfree(m.passage);
	pfree(m.place);
}
