/*-------------------------------------------------------------------------
 *
 * findings.c
 *	  Which rules speak in a message, and where.
 *
 * Neutral rules come first: what lies wholly inside their matches (a footer,
 * an opt-out line, "feel free") is no evidence of anything.
 *
 * Requests for permission come next.  They name what they ask permission for
 * ("would you like our latest offers?"), which is the request and no promotion
 * besides: the rest of such a sentence is taken as part of the request.
 *
 * Last come rules over other rules.  Conditions are all judged by what was
 * found, so their order does not matter; then those that hold add evidence of
 * their own, take that of others away, or bound it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "classify/classify.h"
#include "classify/matcher.h"
#include "classify/meta.h"
#include "text/mime.h"
#include "text/text.h"

#define COVER_MAX_SPANS		500
#define REQUEST_MAX_REST	200	/* bytes */
#define SENTENCE_MAX		400 /* bytes to either side that are looked at for exceptions */
#define PLACES_MAX			200 /* of a rule in a part, for conditions */

typedef struct Part
{
	bool		given;
	bool		is_subject;
	ConsentText text;
	int			ncovers;
	ConsentCover cover[COVER_MAX_SPANS];
} Part;

ConsentFinding *
consent_findings_add(ConsentFindings *found)
{
	ConsentFinding *f;

	if (found->n == found->capacity)
	{
		found->capacity = found->capacity ? 2 * found->capacity : 16;
		found->finding = found->finding ?
			repalloc(found->finding, found->capacity * sizeof(ConsentFinding)) :
			palloc(found->capacity * sizeof(ConsentFinding));
	}
	f = &found->finding[found->n++];
	memset(f, 0, sizeof(ConsentFinding));
	return f;
}

static void
add_finding(ConsentFindings *found, const ConsentRule *rule, const Part *part,
			bool limit, int start, int end)
{
	const ConsentFinding *last = found->n > 0 ? &found->finding[found->n - 1] : NULL;
	bool		again = last != NULL && last->rule == rule && !last->limit;
	ConsentFinding *f = consent_findings_add(found);

	f->rule = rule;
	f->weight = rule->neutral ? 0 : rule->weight;
	f->counts = !again && !limit;
	f->in_subject = part->is_subject;
	f->limit = limit;
	f->nowhere = limit;
	f->at = start;
	if (!limit)
		consent_text_source(&part->text, start, end, &f->start, &f->end);
}

static bool
is_covered(const Part *part, int start, int end)
{
	for (int i = 0; i < part->ncovers; i++)
	{
		if (start >= part->cover[i].start && end <= part->cover[i].end)
			return true;
	}
	return false;
}

static void
add_cover(Part *part, int start, int end, bool neutral)
{
	if (part->ncovers == COVER_MAX_SPANS)
		return;
	part->cover[part->ncovers].neutral = neutral;
	part->cover[part->ncovers].start = start;
	part->cover[part->ncovers++].end = end;
}

static int
sentence_end(const ConsentText *text, int at, int most)
{
	int			stop = Min(text->len, at + most);

	while (at < stop && strchr(".!?\n", text->data[at]) == NULL)
		at++;
	return at;
}

/* May the rule speak of what begins at this byte of the part? */
static bool
speaks_at(const ConsentRule *rule, const Part *part, int start)
{
	ConsentRegion region;

	if (part->is_subject)
		return (rule->parts & RULE_PART_SUBJECT) != 0;
	region = consent_text_region(&part->text, start);
	if ((rule->parts & RULE_PART_REGION(region)) == 0)
		return false;

	/*
	 * A list of messages shows the preheader, so promotion in it counts.  But
	 * words that no reader of the message sees do not make it a service.
	 */
	return region != REGION_PREHEADER || rule->neutral ||
		consent_class_is_marketing(rule->class);
}

/*
 * Does an exception to the rule match in the sentence of bytes start to end?
 * Sentences are told by their marks alone here, as the rest of a request is.
 */
ConsentMatch
consent_find_exception(const ConsentPattern *exceptions, const ConsentText *text,
					   int start, int end)
{
	int			from = start;
	int			stop = Max(0, start - SENTENCE_MAX);

	if (exceptions == NULL)
		return MATCH_NONE;
	while (from > stop && strchr(".!?\n", text->data[from - 1]) == NULL)
		from--;
	while (from < start && ((unsigned char) text->data[from] & 0xC0) == 0x80)
		from++;
	return consent_pattern_match_within(exceptions, text->data, text->len, from,
										sentence_end(text, end, SENTENCE_MAX) - 1,
										&start, &end);
}

static void
add_place(MetaPlaces *places, int rule, bool in_subject, int start, int end)
{
	if (places->n == places->capacity)
	{
		places->capacity = places->capacity ? 2 * places->capacity : 16;
		places->place = places->place ?
			repalloc(places->place, places->capacity * sizeof(MetaPlace)) :
			palloc(places->capacity * sizeof(MetaPlace));
	}
	places->place[places->n].rule = rule;
	places->place[places->n].in_subject = in_subject;
	places->place[places->n].start = start;
	places->place[places->n++].end = end;
}

static void
apply_rule(const ConsentRuleset *set, int i, Part *part, const PrefilterHits *hits,
		   int per_part, MetaPlaces *places, ConsentFindings *found)
{
	const ConsentRule *rule = &set->rules[i];
	int			nplaces = rule->everywhere ? PLACES_MAX : rule->operand ? 1 : 0;
	ConsentSearch search;
	int			start;
	int			end;

	consent_search_begin(&search, set, i, hits, part->text.data, part->text.len);
	if (rule->neutral)
		per_part = COVER_MAX_SPANS - part->ncovers;
	else if (consent_rule_is_label(rule))
		per_part = EVIDENCE_PER_PART;	/* none is for the model */
	while (per_part > 0 || nplaces > 0)
	{
		ConsentMatch match = consent_search_next(&search, &start, &end);

		if (match == MATCH_FOUND && !speaks_at(rule, part, start))
			continue;
		if (match == MATCH_FOUND)
		{
			ConsentMatch exception = consent_find_exception(consent_ruleset_exceptions(set, i),
															&part->text, start, end);

			if (exception == MATCH_FOUND)
				continue;
			if (exception == MATCH_LIMIT)
				match = MATCH_LIMIT;
		}
		if (match == MATCH_NONE)
			return;
		if (match == MATCH_LIMIT)
		{
			add_finding(found, rule, part, true, 0, 0);
			return;
		}
		if (!rule->neutral && is_covered(part, start, end))
			continue;
		/* where a condition looks at all places, it must know them all */
		if (nplaces > 0)
		{
			add_place(places, i, part->is_subject, start, end);
			if (--nplaces == 0 && rule->everywhere)
			{
				add_finding(found, rule, part, true, 0, 0);
				return;
			}
		}
		if (per_part-- <= 0)
			continue;
		if (rule->neutral)
			add_cover(part, start, end, true);
		else
		{
			add_finding(found, rule, part, false, start, end);
			if (rule->class == CLASS_CONSENT_REQUEST)
				add_cover(part, start, sentence_end(&part->text, end, REQUEST_MAX_REST), false);
		}
	}
}

/*-------------------------------------------------------------------------
 * Rules over other rules
 *-------------------------------------------------------------------------
 */

static bool
is_of_target(const ConsentRuleset *set, const ConsentRule *meta, const ConsentFinding *f)
{
	return f->rule >= set->rules && f->rule < set->rules + set->nrules && !f->limit &&
		consent_meta_is_target(meta, (int) (f->rule - set->rules));
}

static void
suppress(const ConsentRuleset *set, const ConsentRule *meta, ConsentFindings *found)
{
	for (int i = 0; i < found->n; i++)
	{
		ConsentFinding *f = &found->finding[i];

		if (!is_of_target(set, meta, f))
			continue;
		f->counts = false;
		f->weight = 0;
		f->because = psprintf("suppressed by %s", meta->code);
	}
}

/* What the targets weigh beyond the cap is taken away again, class by class. */
static void
cap(const ConsentRuleset *set, const ConsentRule *meta, float4 most, ConsentFindings *found)
{
	float8		sum[CONSENT_NCLASSES] = {0};

	for (int i = 0; i < found->n; i++)
	{
		const ConsentFinding *f = &found->finding[i];

		if (f->counts && !f->rule->neutral && is_of_target(set, meta, f))
			sum[f->rule->class] += f->weight;
	}
	for (int c = 0; c < CONSENT_NCLASSES; c++)
	{
		ConsentRule *taken;
		ConsentFinding *f;

		if (sum[c] <= most)
			continue;
		taken = palloc(sizeof(ConsentRule));
		*taken = *meta;
		taken->neutral = false;
		taken->class = c;
		f = consent_findings_add(found);
		f->rule = taken;
		f->weight = (float4) (most - sum[c]);
		f->counts = true;
		f->nowhere = true;
	}
}

static void
apply_metas(const ConsentRuleset *set, int channel, const Part *parts, MetaPlaces *places,
			ConsentFindings *found)
{
	bool	   *holds = palloc0(Max(set->nmetas, 1) * sizeof(bool));
	float4		most;

	for (int p = 0; p < 2; p++)
		places->text[p] = parts[p].given ? &parts[p].text : NULL;
	for (int i = 0; i < set->nmetas; i++)
	{
		const ConsentRule *meta = &set->metas[i];
		MetaPlace	where;
		const Part *part;

		CHECK_FOR_INTERRUPTS();
		if ((channel >= 0 && (meta->channels & (1u << channel)) == 0) ||
			!consent_meta_holds(meta, places, &where))
			continue;
		part = &parts[where.in_subject ? 0 : 1];
		if (!speaks_at(meta, part, where.start))
			continue;
		holds[i] = true;
		add_finding(found, meta, part, false, where.start, where.end);
	}
	for (int i = 0; i < set->nmetas; i++)
	{
		if (holds[i] && consent_meta_effect(&set->metas[i], &most) == META_SUPPRESS)
			suppress(set, &set->metas[i], found);
	}
	for (int i = 0; i < set->nmetas; i++)
	{
		if (holds[i] && consent_meta_effect(&set->metas[i], &most) == META_CAP)
			cap(set, &set->metas[i], most, found);
	}
}

/* A body of nothing but pictures says what we cannot read. */
static bool
is_picture(const ConsentText *text)
{
	return text->pictures &&
		(text->len == 0 || text->zone[0].region == REGION_URL);
}

static void
read_part(Part *part, bool is_subject, const char *source, int len)
{
	part->is_subject = is_subject;
	part->ncovers = 0;
	part->given = source != NULL;
	if (part->given)
	{
		consent_text_read(source, len, &part->text);
		/* what only classify_raw() decodes may say anything */
		part->text.truncated |= consent_mime_is_encoded(source, len);
	}
}

/* What no rule says, and makes a message unknown unless something serves or promotes in it: for evidence. */
static void
tell_unread(ConsentFindings *found)
{
	static const ConsentRule unread = {.code = "text.unread",.neutral = true,
	.citation = "not all of the text was read: it is too long, a picture, or encoded"};
	static const ConsentRule empty = {.code = "text.empty",.neutral = true,
	.citation = "there is nothing to read, or nothing but what the sender calls the message"};
	static const ConsentRule foreign = {.code = "text.language",.neutral = true,
	.citation = "the text is in another language than English, which the model does not judge"};
	static const ConsentRule unsure = {.code = "text.language",.neutral = true,
	.citation = "there are too few English words to tell the language, so the model does not judge the text"};
	const ConsentRule *why[] = {
		found->truncated ? &unread : NULL,
		found->empty ? &empty :
		found->language == LANGUAGE_FOREIGN ? &foreign :
		found->language == LANGUAGE_UNSURE ? &unsure : NULL
	};

	for (int i = 0; i < lengthof(why); i++)
	{
		ConsentFinding *f;

		if (why[i] == NULL)
			continue;
		f = consent_findings_add(found);
		f->rule = why[i];
		f->nowhere = true;
	}
}

void
consent_classify_findings(const ConsentRuleset *set,
						  const char *body, int bodylen,
						  const char *subject, int subjectlen,
						  int channel, int per_part, ConsentFindings *found)
{
	Part		parts[2];
	PrefilterHits *hits = set->hits;
	const ConsentText *texts[2];
	MetaPlaces	places = {0};

	read_part(&parts[0], true, subject, subjectlen);
	read_part(&parts[1], false, body, bodylen);

	memset(found, 0, sizeof(ConsentFindings));
	found->empty = true;
	for (int p = 0; p < 2; p++)
	{
		if (!parts[p].given)
			continue;
		found->truncated |= parts[p].text.truncated || is_picture(&parts[p].text);
		found->empty &= parts[p].text.len == 0;
	}

	for (int p = 0; p < 2; p++)
	{
		if (parts[p].given)
			consent_prefilter_scan(set->filter, parts[p].text.data, parts[p].text.len,
								   &hits[p]);
	}
	for (int w = 0; w * 64 < set->nrules; w++)
	{
		uint64		worth = (parts[0].given ? hits[0].rules[w] : 0) |
			(parts[1].given ? hits[1].rules[w] : 0);

		for (; worth; worth &= worth - 1)
		{
			int			i = w * 64 + pg_rightmost_one_pos64(worth);
			const ConsentRule *rule = &set->rules[i];

			if (channel >= 0 && (rule->channels & (1u << channel)) == 0)
				continue;
			for (int p = 0; p < 2; p++)
			{
				if (parts[p].given && consent_prefilter_hit(&hits[p], i) &&
					(rule->parts & (parts[p].is_subject ? RULE_PART_SUBJECT :
									~RULE_PART_SUBJECT)))
					apply_rule(set, i, &parts[p], &hits[p], per_part, &places, found);
			}
		}
	}
	if (places.n > 0)
		apply_metas(set, channel, parts, &places, found);
	for (int p = 0; p < 2; p++)
		texts[p] = parts[p].given ? &parts[p].text : NULL;
	consent_weigh(texts, parts[1].cover, parts[1].ncovers, channel, per_part > 1, found);
	if (per_part > 1)
		tell_unread(found);
}
