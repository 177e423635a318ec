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

#include "classify/classify.h"
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

static void
add_finding(ConsentFindings *found, const ConsentRule *rule, const Part *part,
			bool limit, int start, int end)
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
	f->rule = rule;
	f->in_subject = part->is_subject;
	f->limit = limit;
	f->start = 0;
	f->end = 0;
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

static void
apply_rule(const ConsentRule *rule, Part *part, int per_part, ConsentFindings *found)
{
	int			from = 0;
	int			start;
	int			end;

	if (rule->neutral)
		per_part = COVER_MAX_SPANS - part->ncovers;
	while (per_part > 0)
	{
		switch (consent_pattern_match(rule->pattern, part->text.data, part->text.len,
									  from, &start, &end))
		{
			case MATCH_NONE:
				return;
			case MATCH_LIMIT:
				add_finding(found, rule, part, true, 0, 0);
				return;
			case MATCH_FOUND:
				break;
		}
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
		from = end;
	}
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

	read_part(&parts[0], true, subject, subjectlen);
	read_part(&parts[1], false, body, bodylen);

	memset(found, 0, sizeof(ConsentFindings));
	found->empty = true;
	for (int p = 0; p < 2; p++)
	{
		if (!parts[p].given)
			continue;
		found->truncated |= parts[p].text.truncated;
		found->empty &= parts[p].text.len == 0;
	}

	for (int i = 0; i < set->nrules; i++)
	{
		const ConsentRule *rule = &set->rules[i];

		if (channel >= 0 && (rule->channels & (1u << channel)) == 0)
			continue;
		for (int p = 0; p < 2; p++)
		{
			if (parts[p].given &&
				(rule->parts & (parts[p].is_subject ? RULE_PART_SUBJECT : RULE_PART_BODY)))
				apply_rule(rule, &parts[p], per_part, found);
		}
	}
	pfree(parts);
}
