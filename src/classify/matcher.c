/*-------------------------------------------------------------------------
 *
 * matcher.c
 *	  The matches of all rules in a text, as if each were tried on all of it.
 *
 * A match contains one of its pattern's literals and begins at least and at
 * most so many characters before it.  So each literal that was found gives a
 * stretch of text in which matches may begin, and none begins outside of these.  They
 * are put in order, joined where they meet, and tried from the left: what is
 * found first is what comes first in the text.
 *
 * No place is tried twice.  A text full of literals takes no more trials than
 * it has characters, which is what the plain loop takes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "classify/matcher.h"

/* The first byte that is no farther before "at" than that. */
static int
step_back(const char *text, int at, ConsentReach before)
{
	if (before.spaces == CONSENT_LITERAL_FAR && before.chars >= at)
		return 0;
	while (before.chars > 0 && at > 0)
	{
		char		c = text[at - 1];

		if ((c == ' ' || c == '\n') && before.spaces-- == 0)
			break;
		at--;
		while (at > 0 && ((unsigned char) text[at] & 0xC0) == 0x80)
			at--;
		before.chars--;
	}
	return at;
}

/* The first byte of the character that is so many before "at". */
static int
last_start(const char *text, int at, int chars)
{
	for (; chars > 0 && at > 0; chars--)
	{
		at--;
		while (at > 0 && ((unsigned char) text[at] & 0xC0) == 0x80)
			at--;
	}
	return at;
}

void
consent_search_begin(ConsentSearch *s, const ConsentRuleset *set, int rule,
					 const PrefilterHits *hits, const char *text, int len)
{
	int			n = 0;
	int			joined = 0;

	s->set = set;
	s->rule = rule;
	s->text = text;
	s->len = len;
	s->from = 0;
	s->next = 0;
	if (hits->count[rule] == PREFILTER_HITS)
	{
		s->n = 1;
		s->stretch[0].first = 0;
		s->stretch[0].last = len - 1;
		return;
	}

	/* hits come from the right: sorted to descend, they are nearly in order */
	for (int h = hits->last[rule]; h >= 0; h = hits->hit[h].next)
	{
		ConsentStretch new;
		int			i = n++;

		new.first = step_back(text, hits->hit[h].at, hits->hit[h].before);
		new.last = last_start(text, hits->hit[h].at, hits->hit[h].before.least);
		for (; i > 0 && s->stretch[i - 1].first < new.first; i--)
			s->stretch[i] = s->stretch[i - 1];
		s->stretch[i] = new;
	}
	for (int i = 0, k = n - 1; i < k; i++, k--)
	{
		ConsentStretch swap = s->stretch[i];

		s->stretch[i] = s->stretch[k];
		s->stretch[k] = swap;
	}
	for (int i = 0; i < n; i++)
	{
		if (joined > 0 && s->stretch[i].first <= s->stretch[joined - 1].last)
			s->stretch[joined - 1].last = Max(s->stretch[joined - 1].last, s->stretch[i].last);
		else
			s->stretch[joined++] = s->stretch[i];
	}
	s->n = joined;
}

ConsentMatch
consent_search_next(ConsentSearch *s, int *start, int *end)
{
	const ConsentPattern *pattern = consent_ruleset_pattern(s->set, s->rule);

	for (; s->next < s->n; s->next++)
	{
		const ConsentStretch *stretch = &s->stretch[s->next];
		ConsentMatch found;

		found = consent_pattern_match_within(pattern, s->text, s->len,
											 Max(s->from, stretch->first), stretch->last,
											 start, end);
		if (found == MATCH_FOUND)
			s->from = *end;
		if (found != MATCH_NONE)
			return found;
	}
	return MATCH_NONE;
}
