/*-------------------------------------------------------------------------
 *
 * meta.c
 *	  Rules over other rules: conditions, and what follows from them.
 *
 *	condition := any [then effect]
 *	any       := all {or all}
 *	all       := one {and one}
 *	one       := not one | ( any ) | count( names ) >= number
 *				 | name [near name | near( number ) name]
 *	effect    := suppress names | cap names at number
 *	names     := name {, name}
 *
 * A name is a rule's code, or a family and ".*" for all rules of it.  It holds
 * where one of these was found; "near" where both were in one sentence, or at
 * most so many characters apart; "count" counts rules, not places.
 *
 * A condition becomes a program for a stack of truths, in numbers only, so that
 * it can be stored with the set.  A truth carries the place that tells; a
 * condition that holds without any place is refused, since evidence must say
 * where.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"

#include "classify/meta.h"

#define DEPTH_MAX		50
#define SAME_SENTENCE	(-1)

/* Behind the operator: numbers, or a list of rules after its length. */
typedef enum Operator
{
	OP_FOUND,					/* list */
	OP_COUNT,					/* least, list */
	OP_NEAR,					/* distance, list, list */
	OP_NOT,
	OP_AND,
	OP_OR,
	OP_SUPPRESS,				/* list */
	OP_CAP						/* thousandths, list */
} Operator;

typedef struct Compiler
{
	const char *source;
	const char *at;
	ConsentRuleset *set;
	List	   *others;
	bool		strict;
	int			depth;
	int32	   *program;
	int			n;
	int			capacity;
} Compiler;

/*-------------------------------------------------------------------------
 * Compiling
 *-------------------------------------------------------------------------
 */

static void
emit(Compiler *c, int32 number)
{
	if (c->n == c->capacity)
	{
		c->capacity = c->capacity ? 2 * c->capacity : 32;
		c->program = c->program ? repalloc(c->program, c->capacity * sizeof(int32)) :
			palloc(c->capacity * sizeof(int32));
	}
	c->program[c->n++] = number;
}

static void
expected(const Compiler *c, const char *what)
{
	int			chars = 0;

	for (const char *s = c->source; s < c->at; s += pg_utf_mblen((const unsigned char *) s))
		chars++;
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("invalid condition: %s expected", what),
			 errdetail("The error was found after character %d of the condition.", chars),
			 errhint("Conditions look like \"upsell.upgrade near price.* and not service.appointment\" or \"count(price.*) >= 2 then cap price.* at 1\".")));
}

static void
skip_space(Compiler *c)
{
	while (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')
		c->at++;
}

static bool
is_name_char(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '.' || ch == '*';
}

static bool
take_sign(Compiler *c, const char *sign)
{
	skip_space(c);
	if (strncmp(c->at, sign, strlen(sign)) != 0)
		return false;
	c->at += strlen(sign);
	return true;
}

static bool
take_word(Compiler *c, const char *word)
{
	int			len = (int) strlen(word);

	skip_space(c);
	if (strncmp(c->at, word, len) != 0 || is_name_char(c->at[len]))
		return false;
	c->at += len;
	return true;
}

static double
take_number(Compiler *c, double most)
{
	char	   *end;
	double		number;

	skip_space(c);
	number = *c->at >= '0' && *c->at <= '9' ? strtod(c->at, &end) : -1;
	if (number < 0 || number > most)
		expected(c, "a number");
	c->at = end;
	return number;
}

/* Adds the rules that a name stands for to a list. */
static void
take_name(Compiler *c)
{
	const char *from;
	char	   *name;
	int			len;
	bool		family;
	bool		known = false;

	skip_space(c);
	from = c->at;
	while (is_name_char(*c->at))
		c->at++;
	len = (int) (c->at - from);
	name = pnstrdup(from, len);
	family = len > 2 && strcmp(name + len - 2, ".*") == 0;
	if (family)
		name[len - 2] = '\0';
	if (strchr(name, '*') || (!family && strchr(name, '.') == NULL))
	{
		c->at = from;
		expected(c, "the code of a rule, or a family as in \"price.*\",");
	}
	if (c->set == NULL)
		return;
	for (int i = 0; i < c->set->nrules; i++)
	{
		ConsentRule *rule = &c->set->rules[i];

		if (strcmp(family ? rule->family : rule->code, name) != 0)
			continue;
		rule->operand = known = true;
		emit(c, i);
	}
	if (!known && !family && c->strict)
	{
		ListCell   *cell;

		foreach(cell, c->others)
			known |= strcmp(lfirst(cell), name) == 0;
		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("a condition is about rule \"%s\", which does not exist", name),
					 errdetail("The condition is: %s", c->source),
					 errhint("Conditions are about rules that have a pattern.")));
	}
}

/* "one" or "one, another": a list behind its length. */
static void
take_names(Compiler *c, bool several)
{
	int			length = c->n;

	emit(c, 0);
	do
	{
		take_name(c);
	} while (several && take_sign(c, ","));
	c->program[length] = c->n - length - 1;
}

static void take_any(Compiler *c);

static void
take_one(Compiler *c)
{
	int			from;

	if (++c->depth > DEPTH_MAX)
		expected(c, "something simpler");
	if (take_word(c, "not"))
	{
		take_one(c);
		emit(c, OP_NOT);
	}
	else if (take_sign(c, "("))
	{
		take_any(c);
		if (!take_sign(c, ")"))
			expected(c, "\")\"");
	}
	else if (take_word(c, "count"))
	{
		if (!take_sign(c, "("))
			expected(c, "\"(\"");
		emit(c, OP_COUNT);
		from = c->n;
		emit(c, 0);
		take_names(c, true);
		if (!take_sign(c, ")") || !take_sign(c, ">="))
			expected(c, "\") >= number\"");
		c->program[from] = (int32) take_number(c, 1000);
	}
	else
	{
		from = c->n;
		emit(c, OP_FOUND);
		take_names(c, false);
		if (take_word(c, "near"))
		{
			int32		distance = SAME_SENTENCE;

			if (take_sign(c, "("))
			{
				distance = (int32) take_number(c, 10000);
				if (!take_sign(c, ")"))
					expected(c, "\")\"");
			}
			/* the list that was read moves up, to make room for the distance */
			emit(c, 0);
			memmove(c->program + from + 2, c->program + from + 1,
					(c->n - from - 2) * sizeof(int32));
			c->program[from] = OP_NEAR;
			c->program[from + 1] = distance;
			take_names(c, false);
			/* of these one place will not do; numbers before the lists are none */
			for (int i = from + 3; c->set != NULL && i < c->n; i++)
			{
				if (i != from + 3 + c->program[from + 2])
					c->set->rules[c->program[i]].everywhere = true;
			}
		}
	}
	c->depth--;
}

static void
take_all(Compiler *c)
{
	take_one(c);
	while (take_word(c, "and"))
	{
		take_one(c);
		emit(c, OP_AND);
	}
}

static void
take_any(Compiler *c)
{
	take_all(c);
	while (take_word(c, "or"))
	{
		take_all(c);
		emit(c, OP_OR);
	}
}

static void
take_effect(Compiler *c)
{
	if (take_word(c, "suppress"))
	{
		emit(c, OP_SUPPRESS);
		take_names(c, true);
	}
	else if (take_word(c, "cap"))
	{
		int			from = c->n + 1;

		emit(c, OP_CAP);
		emit(c, 0);
		take_names(c, true);
		if (!take_word(c, "at"))
			expected(c, "\"at\"");
		c->program[from] = (int32) rint(take_number(c, 1000) * 1000);
	}
	else
		expected(c, "\"suppress\" or \"cap\"");
}

void
consent_meta_compile(ConsentRule *meta, ConsentRuleset *set, List *others, bool strict)
{
	Compiler	c = {
		.source = meta->source,.at = meta->source,.set = set,.others = others,.strict = strict
	};
	MetaPlaces	nothing = {0};
	MetaPlace	where;

	take_any(&c);
	meta->effect_at = c.n;
	if (take_word(&c, "then"))
		take_effect(&c);
	skip_space(&c);
	if (*c.at != '\0')
		expected(&c, "\"and\", \"or\", \"near\", \"then\" or the end");
	meta->program = c.program;
	meta->program_len = c.n;

	if (consent_meta_holds(meta, &nothing, &where))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("invalid condition: it holds for a message in which no rule speaks"),
				 errhint("Name a rule that must be found, as in \"service.delivery and not price.*\".")));
}

void
consent_meta_check_class(const ConsentRule *meta)
{
	bool		has_effect = meta->program_len > meta->effect_at;

	if (has_effect && !meta->neutral)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("a rule that suppresses or caps others has no class"),
				 errhint("Set class to NULL.")));
	if (!has_effect && meta->neutral)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("a rule with a condition needs a class, or an effect"),
				 errhint("Say what it is evidence of, or what it does, as in \"... then suppress tone.urgency\".")));
}

/*-------------------------------------------------------------------------
 * Judging
 *-------------------------------------------------------------------------
 */

typedef struct Truth
{
	bool		holds;
	MetaPlace	where;
} Truth;

static bool
is_in(const int32 *list, int rule)
{
	for (int i = 1; i <= list[0]; i++)
	{
		if (list[i] == rule)
			return true;
	}
	return false;
}

static Truth
found(const int32 *list, int least, const MetaPlaces *places)
{
	Truth		truth = {.where.rule = -1};
	int			rules = 0;

	for (int i = 0; i < places->n; i++)
	{
		const MetaPlace *p = &places->place[i];

		if (!is_in(list, p->rule))
			continue;
		if (truth.where.rule < 0)
			truth.where = *p;
		/* places come rule by rule */
		rules += i == 0 || p[-1].rule != p->rule;
	}
	truth.holds = rules >= least;
	return truth;
}

static bool
in_one_sentence(MetaPlaces *places, const MetaPlace *a, const MetaPlace *b)
{
	int			part = a->in_subject ? 0 : 1;
	int			from = Min(a->start, b->start);
	int			to = Max(a->start, b->start);
	const ConsentSentence *s;
	int			low = 0;
	int			high;

	if (places->sentence[part] == NULL)
		places->nsentences[part] = consent_text_sentences(places->text[part], false, NULL,
														  &places->sentence[part]);
	/* the first that ends behind "from"; all pairs of places ask, and sentences may be many */
	high = places->nsentences[part];
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (from < places->sentence[part][middle].end)
			high = middle;
		else
			low = middle + 1;
	}
	s = &places->sentence[part][low];
	return low < places->nsentences[part] && from >= s->start && to < s->end;
}

static bool
are_near(MetaPlaces *places, const MetaPlace *a, const MetaPlace *b, int32 distance)
{
	int			from = Min(a->end, b->end);
	int			to = Max(a->start, b->start);

	if (a->in_subject != b->in_subject)
		return false;
	if (distance == SAME_SENTENCE)
		return in_one_sentence(places, a, b);
	for (const char *s = places->text[a->in_subject ? 0 : 1]->data; from < to && distance >= 0; from++)
		distance -= ((unsigned char) s[from] & 0xC0) != 0x80;
	return distance >= 0;
}

static Truth
near(const int32 *one, const int32 *other, int32 distance, MetaPlaces *places)
{
	Truth		truth = {.where.rule = -1};

	for (int i = 0; i < places->n && !truth.holds; i++)
	{
		const MetaPlace *a = &places->place[i];

		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < places->n && !truth.holds && is_in(one, a->rule); k++)
		{
			const MetaPlace *b = &places->place[k];

			if (i == k || !is_in(other, b->rule) || !are_near(places, a, b, distance))
				continue;
			truth.holds = true;
			truth.where = *a;
			truth.where.start = Min(a->start, b->start);
			truth.where.end = Max(a->end, b->end);
		}
	}
	return truth;
}

bool
consent_meta_holds(const ConsentRule *meta, MetaPlaces *places, MetaPlace *where)
{
	Truth	   *stack = palloc((meta->effect_at + 1) * sizeof(Truth));
	int			n = 0;
	const int32 *at = meta->program;
	const int32 *end = meta->program + meta->effect_at;
	bool		holds;

	while (at < end)
	{
		switch ((Operator) *at++)
		{
			case OP_FOUND:
				stack[n++] = found(at, 1, places);
				at += 1 + at[0];
				break;
			case OP_COUNT:
				stack[n++] = found(at + 1, at[0], places);
				at += 2 + at[1];
				break;
			case OP_NEAR:
				stack[n++] = near(at + 1, at + 2 + at[1], at[0], places);
				at += 2 + at[1];
				at += 1 + at[0];
				break;
			case OP_NOT:
				stack[n - 1].holds = !stack[n - 1].holds;
				break;
			case OP_AND:
			case OP_OR:
				{
					Truth	   *a = &stack[n - 2];
					Truth	   *b = &stack[--n];

					/* a place if either has one, for a "not" before it may need it; rather of what holds */
					if (b->where.rule >= 0 && (a->where.rule < 0 || (b->holds && !a->holds)))
						a->where = b->where;
					a->holds = at[-1] == OP_AND ? a->holds && b->holds : a->holds || b->holds;
				}
				break;
			case OP_SUPPRESS:
			case OP_CAP:
				Assert(false);
				break;
		}
	}
	holds = stack[0].holds;
	*where = stack[0].where;
	pfree(stack);
	return holds;
}

MetaEffect
consent_meta_effect(const ConsentRule *meta, float4 *cap)
{
	const int32 *effect = meta->program + meta->effect_at;

	if (meta->effect_at == meta->program_len)
		return META_ADD;
	if (effect[0] == OP_SUPPRESS)
		return META_SUPPRESS;
	*cap = (float4) (effect[1] / 1000.0);
	return META_CAP;
}

bool
consent_meta_is_target(const ConsentRule *meta, int rule)
{
	const int32 *effect = meta->program + meta->effect_at;

	return is_in(effect + (effect[0] == OP_CAP ? 2 : 1), rule);
}
