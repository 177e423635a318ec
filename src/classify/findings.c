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
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "classify/classify.h"
#include "classify/matcher.h"
#include "text/text.h"

#define COVER_MAX_SPANS		500
#define REQUEST_MAX_REST	200	/* bytes */

typedef struct Span
{
	int			start;
	int			end;
} Span;

typedef struct Part
{
	bool		given;
	bool		is_subject;
	ConsentText text;
	int			ncovers;
	Span		cover[COVER_MAX_SPANS];
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
	f->weight = rule->weight;
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
add_cover(Part *part, int start, int end)
{
	if (part->ncovers == COVER_MAX_SPANS)
		return;
	part->cover[part->ncovers].start = start;
	part->cover[part->ncovers++].end = end;
}

static int
sentence_end(const ConsentText *text, int at)
{
	int			stop = Min(text->len, at + REQUEST_MAX_REST);

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

static void
apply_rule(const ConsentRuleset *set, int i, Part *part, const PrefilterHits *hits,
		   int per_part, ConsentFindings *found)
{
	const ConsentRule *rule = &set->rules[i];
	ConsentSearch search;
	int			start;
	int			end;

	consent_search_begin(&search, set, i, hits, part->text.data, part->text.len);
	if (rule->neutral)
		per_part = COVER_MAX_SPANS - part->ncovers;
	while (per_part > 0)
	{
		switch (consent_search_next(&search, &start, &end))
		{
			case MATCH_NONE:
				return;
			case MATCH_LIMIT:
				add_finding(found, rule, part, true, 0, 0);
				return;
			case MATCH_FOUND:
				break;
		}
		if (!speaks_at(rule, part, start))
			continue;
		if (rule->neutral)
		{
			add_cover(part, start, end);
			per_part--;
		}
		else if (!is_covered(part, start, end))
		{
			add_finding(found, rule, part, false, start, end);
			per_part--;
			if (rule->class == CLASS_CONSENT_REQUEST)
				add_cover(part, start, sentence_end(&part->text, end));
		}
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
		consent_text_read(source, len, &part->text);
}

void
consent_classify_findings(const ConsentRuleset *set,
						  const char *body, int bodylen,
						  const char *subject, int subjectlen,
						  int channel, int per_part, ConsentFindings *found)
{
	Part	   *parts = palloc(2 * sizeof(Part));
	PrefilterHits *hits = set->hits;
	const ConsentText *texts[2];

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
					apply_rule(set, i, &parts[p], &hits[p], per_part, found);
			}
		}
	}
	for (int p = 0; p < 2; p++)
		texts[p] = parts[p].given ? &parts[p].text : NULL;
	consent_weigh(texts, per_part > 1, found);
	pfree(parts);
}
