/*-------------------------------------------------------------------------
 *
 * meta.c
 *	  A condition is taken or refused, whatever it is; and one that is taken
 *	  holds where a plain reading of it says so, and tells a place.
 *
 * Input that begins with '?' goes on with any condition.  Other input decides
 * which condition is put together, what was found, and where.  The condition is
 * judged while it is written, once for what was found and once for nothing:
 * one that holds for nothing must be refused, and no other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "backend.h"
#include "classify/meta.h"

#define PLACES_MAX		12
#define CONDITION_MAX	4000

static const char *const codes[] = {"a.x", "a.y", "b.x", "b.y", "c.x"};
static const char *const families[] = {"a", "a", "b", "b", "c"};
static const char *const texts[2] = {"now. a sale! x", "one é two. three £4 five! six? seven and eight. nine"};

typedef struct Input
{
	const unsigned char *at;
	const unsigned char *end;
	MetaPlaces	places;
	char		condition[CONDITION_MAX + 100];
	int			len;
} Input;

/* What a condition is for what was found, and for nothing. */
typedef struct Plain
{
	bool		found;
	bool		nothing;
} Plain;

static enum
{
	UNKNOWN, TAKEN, REFUSED
}			expected, outcome;

static int
take(Input *in, int n)
{
	return in->at < in->end ? *in->at++ % n : 0;
}

static void
put(Input *in, const char *s)
{
	if (in->len + strlen(s) > CONDITION_MAX)
		ereport(ERROR, (errmsg("too long to be of use")));
	in->len += sprintf(in->condition + in->len, "%s", s);
}

/* A rule or a family; returns the rules, as bits. */
static int
put_name(Input *in)
{
	int			rule = take(in, lengthof(codes));
	int			rules = 1 << rule;

	if (take(in, 3) == 0)
	{
		put(in, families[rule]);
		put(in, ".*");
		for (int i = 0; i < lengthof(codes); i++)
			rules |= strcmp(families[i], families[rule]) == 0 ? 1 << i : 0;
	}
	else
		put(in, codes[rule]);
	return rules;
}

static int
rules_found(const Input *in, int rules)
{
	int			found = 0;

	for (int i = 0; i < in->places.n; i++)
		found |= rules & 1 << in->places.place[i].rule;
	return found;
}

/* Which sentence of a text is a byte in? */
static int
sentence_of(const ConsentText *text, int at)
{
	ConsentSentence *sentence;
	int			n = consent_text_sentences(text, false, NULL, &sentence);

	for (int i = 0; i < n; i++)
	{
		if (at >= sentence[i].start && at < sentence[i].end)
			return i;
	}
	return -1;
}

static bool
near(const Input *in, int one, int other, int distance)
{
	for (int i = 0; i < in->places.n; i++)
	{
		for (int k = 0; k < in->places.n; k++)
		{
			const MetaPlace *a = &in->places.place[i];
			const MetaPlace *b = &in->places.place[k];
			const ConsentText *text = in->places.text[a->in_subject ? 0 : 1];
			int			between = 0;

			if (i == k || !(one & 1 << a->rule) || !(other & 1 << b->rule) ||
				a->in_subject != b->in_subject)
				continue;
			if (distance < 0)
			{
				int			sentence = sentence_of(text, a->start);

				if (sentence >= 0 && sentence == sentence_of(text, b->start))
					return true;
				continue;
			}
			/* characters that are behind one and before the other */
			for (int at = 0; at < text->len; at++)
			{
				if (((unsigned char) text->data[at] & 0xC0) != 0x80)
					between += (at >= a->end && at < b->start) || (at >= b->end && at < a->start);
			}
			if (between <= distance)
				return true;
		}
	}
	return false;
}

static Plain put_any(Input *in, int depth);

static Plain
put_one(Input *in, int depth)
{
	Plain		plain = {false, false};
	int			kind = take(in, depth > 8 ? 4 : 6);
	int			rules;
	char		number[20];

	if (kind < 2)
		plain.found = rules_found(in, put_name(in)) != 0;
	else if (kind == 2)
	{
		int			least;

		put(in, "count(");
		rules = put_name(in);
		for (int more = take(in, 3); more > 0; more--)
		{
			put(in, take(in, 2) ? ", " : ",");
			rules |= put_name(in);
		}
		least = take(in, 4);
		snprintf(number, sizeof(number), ") >= %d", least);
		put(in, number);
		plain.found = __builtin_popcount(rules_found(in, rules)) >= least;
		plain.nothing = least == 0;
	}
	else if (kind == 3)
	{
		int			distance = take(in, 30) - 1;

		rules = put_name(in);
		put(in, " near");
		if (distance >= 0)
		{
			snprintf(number, sizeof(number), "(%d)", distance);
			put(in, number);
		}
		put(in, " ");
		plain.found = near(in, rules, put_name(in), distance);
	}
	else if (kind == 4)
	{
		put(in, "not ");
		plain = put_one(in, depth + 1);
		plain.found = !plain.found;
		plain.nothing = !plain.nothing;
	}
	else
	{
		put(in, "(");
		plain = put_any(in, depth + 1);
		put(in, ")");
	}
	return plain;
}

static Plain
put_all(Input *in, int depth)
{
	Plain		plain = put_one(in, depth);

	while (take(in, 3) == 1)
	{
		Plain		other;

		put(in, " and ");
		other = put_one(in, depth);
		plain.found &= other.found;
		plain.nothing &= other.nothing;
	}
	return plain;
}

static Plain
put_any(Input *in, int depth)
{
	Plain		plain = put_all(in, depth);

	while (take(in, 3) == 1)
	{
		Plain		other;

		put(in, take(in, 2) ? " or " : "\n\tor ");
		other = put_all(in, depth);
		plain.found |= other.found;
		plain.nothing |= other.nothing;
	}
	return plain;
}

/* As findings.c has them: rule by rule, each once or at all its places. */
static void
add_places(Input *in, ConsentText folded[2])
{
	in->places.place = palloc(PLACES_MAX * sizeof(MetaPlace));
	for (int i = 0; i < 2; i++)
	{
		consent_text_fold(texts[i], strlen(texts[i]), &folded[i]);
		in->places.text[i] = &folded[i];
	}
	for (int rule = 0; rule < lengthof(codes); rule++)
	{
		for (int n = take(in, 3); n > 0 && in->places.n < PLACES_MAX; n--)
		{
			MetaPlace  *p = &in->places.place[in->places.n++];
			const ConsentText *text;

			p->rule = rule;
			p->in_subject = take(in, 2);
			text = in->places.text[p->in_subject ? 0 : 1];
			p->start = take(in, text->len);
			p->end = p->start + 1 + take(in, 5);
			p->end = Min(p->end, text->len);
		}
	}
}

static void
run(const char *data, int size)
{
	Input	   *in = palloc0(sizeof(Input));
	ConsentRuleset set = {.nrules = lengthof(codes)};
	ConsentRule meta = {.code = "meta"};
	ConsentText folded[2];
	MetaPlace	where;
	Plain		plain;
	float4		most;
	bool		given = size > 0 && data[0] == '?';

	in->at = (const unsigned char *) data + given;
	in->end = (const unsigned char *) data + size;
	set.rules = palloc0(lengthof(codes) * sizeof(ConsentRule));
	for (int i = 0; i < lengthof(codes); i++)
	{
		set.rules[i].code = codes[i];
		set.rules[i].family = families[i];
	}
	add_places(in, folded);
	if (given)
	{
		int			n = Min((int) (in->end - in->at), CONDITION_MAX);

		memcpy(in->condition, in->at, n);
		consent_fuzz_utf8(in->condition, n);
	}
	else
	{
		plain = put_any(in, 0);
		expected = plain.nothing ? REFUSED : TAKEN;
		if (take(in, 3) == 1)
			put(in, take(in, 2) ? " then suppress a.x, b.*" : " then cap c.x,a.* at 1.5");
	}

	meta.source = in->condition;
	outcome = REFUSED;
	consent_meta_compile(&meta, &set, NIL, true);
	outcome = TAKEN;

	if (consent_meta_holds(&meta, &in->places, &where))
	{
		MUST(where.rule >= 0 && where.rule < set.nrules);
		MUST(where.start >= 0 && where.end <= in->places.text[where.in_subject ? 0 : 1]->len);
		MUST(given || plain.found);
	}
	else
		MUST(given || !plain.found);
	if (consent_meta_effect(&meta, &most) != META_ADD)
	{
		for (int i = 0; i < set.nrules; i++)
			(void) consent_meta_is_target(&meta, i);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	expected = outcome = UNKNOWN;
	consent_fuzz_run(run, (const char *) data, size);
	MUST(expected == UNKNOWN || outcome == UNKNOWN || expected == outcome);
	return 0;
}
