/*-------------------------------------------------------------------------
 *
 * overview.c
 *	  A message in numbers: what its sentences were judged to be.
 *
 * One sentence that promotes makes a message promote, but how sure we are of it
 * depends on the rest: whether it serves as well, whether another is like it,
 * whether it is the subject.  Products of two numbers let a sum say so.
 *
 * This file knows nothing of PostgreSQL, like features.c and for the same
 * reason.  There is nothing but whole numbers in it.
 *
 *-------------------------------------------------------------------------
 */
#include "classify/model.h"

#define ODDS_MOST		4000
#define ODDS_LEAST		(-4000)
#define MEAN_LEAST		(-3000) /* of each that a mean is made of */
#define RULES_MOST		2000
#define WORDS_MOST		160

static inline int32_t
within(int32_t n, int32_t least, int32_t most)
{
	return n < least ? least : n > most ? most : n;
}

/*
 * 1000 times the natural logarithm of n + 1, of which the steps between powers
 * of two are straight.
 */
static int32_t
logarithm(int n)
{
	int			power = 0;

	n++;
	while (n >> (power + 1))
		power++;
	return (int32_t) (693 * power + 693 * ((int64_t) n - (1 << power)) / (1 << power));
}

void
consent_overview(const ConsentPassage *passage, int n, const int32_t *rules, int32_t *number)
{
	int			loudest = -1;
	int			words = 0;

	for (int t = 0; t < CONSENT_NTRAITS; t++)
	{
		int32_t		top = ODDS_LEAST;
		int64_t		sum = 0;

		for (int i = 0; i < n; i++)
		{
			int32_t		odds = within(passage[i].odds[t], ODDS_LEAST, ODDS_MOST);

			if (odds > top)
				top = odds;
			sum += odds < MEAN_LEAST ? MEAN_LEAST : odds;
		}
		number[OVERVIEW_TOP + t] = top;
		number[OVERVIEW_MEAN + t] = n > 0 ? (int32_t) (sum / n) : MEAN_LEAST;
	}
	for (int a = 0; a < CONSENT_NAXES; a++)
		number[OVERVIEW_RULES + a] = within(rules[a], 0, RULES_MOST);

	for (int i = 0; i < n; i++)
	{
		if (loudest < 0 || passage[i].odds[TRAIT_PROMOTION] > passage[loudest].odds[TRAIT_PROMOTION])
			loudest = i;
	}
	number[OVERVIEW_SECOND] = ODDS_LEAST;
	number[OVERVIEW_LEAST] = n > 0 ? ODDS_MOST : ODDS_LEAST;
	number[OVERVIEW_IN_BODY] = ODDS_LEAST;
	for (int i = 0; i < n; i++)
	{
		int32_t		odds = within(passage[i].odds[TRAIT_PROMOTION], ODDS_LEAST, ODDS_MOST);

		if (i != loudest && odds > number[OVERVIEW_SECOND])
			number[OVERVIEW_SECOND] = odds;
		if (odds < number[OVERVIEW_LEAST])
			number[OVERVIEW_LEAST] = odds;
		if (!passage[i].in_subject && odds > number[OVERVIEW_IN_BODY])
			number[OVERVIEW_IN_BODY] = odds;
		words += passage[i].words;
	}
	for (int t = 1; t < CONSENT_NTRAITS; t++)
		number[OVERVIEW_LOUDEST + t - 1] = n > 0 ? within(passage[loudest].odds[t], ODDS_LEAST, ODDS_MOST) : ODDS_LEAST;
	number[OVERVIEW_LOUDEST_PLACE] = n > 0 ? 1000 * loudest / n : 0;
	number[OVERVIEW_LOUDEST_WORDS] = n > 0 ? logarithm(passage[loudest].words) : 0;
	number[OVERVIEW_LOUDEST_IN_SUBJECT] = n > 0 && passage[loudest].in_subject ? 1000 : 0;
	number[OVERVIEW_SENTENCES] = logarithm(n);
	number[OVERVIEW_WORDS] = logarithm(words > WORDS_MOST ? WORDS_MOST : words);
}
