/*-------------------------------------------------------------------------
 *
 * reply.c
 *	  consent.read_reply() and consent.inbound(): does a reply mean stop?
 *
 * An answer that is clearly a refusal must be taken as one, however it is
 * put, and one that merely contains the word must not.  What is neither goes
 * to a person.  The words are rows of consent.stop_word; this file holds the
 * order in which they are tried, and nothing about any language.
 *
 * A stop is recorded as an objection, not as a withdrawal: whoever says stop
 * may never have consented (soft opt-in, corporate mail, live calls), and
 * only the person's own later consent may lift it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unictype.h>

#include "access/htup_details.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "ledger/vocabulary.h"
#include "module/compat.h"
#include "module/module.h"
#include "module/words.h"
#include "person/reply.h"

PG_FUNCTION_INFO_V1(pg_consent_stop_word_check);
PG_FUNCTION_INFO_V1(pg_consent_read_reply);
PG_FUNCTION_INFO_V1(pg_consent_inbound);

/* Of a reply that is a stop, this much is kept as its wording. */
#define WORDING_MAX_CHARS	1000

/* Words that "*" in a phrase may stand for. */
#define GAP_MAX_WORDS	3
#define GAPS_MAX		21		/* of a phrase: a bit of 64 for each word they stand for */

/* A negation this many words before a phrase makes it doubtful. */
#define NEGATION_REACH	4

/* So does a matter other than messages, this many words after it. */
#define MATTER_REACH	4

/* A reply this short is about the word it contains. */
#define SHORT_REPLY_WORDS	4

/* Greek and what comes after it: the Latin letters there have been folded. */
#define FIRST_FOREIGN	0x370

/* Columns of consent.stop_word, as reply.sql creates it. */
#define Anum_stop_word_word		1
#define Anum_stop_word_shipped	5

/* In the order of the CHECK constraints of consent.stop_word. */
typedef enum Meaning
{
	MEANS_STOP,
	MEANS_START,
	MEANS_HELP,
	MEANS_REVIEW,
	MEANS_POLITE,
	MEANS_NEGATION,
	MEANS_MATTER
} Meaning;

#define NMEANINGS (MEANS_MATTER + 1)

static const char *const meaning_names[NMEANINGS] = {
	"stop", "start", "help", "review", "polite", "negation", "matter"
};

/* What a phrase must be to count: each includes the ones before it. */
typedef enum Reach
{
	REACH_MESSAGE,
	REACH_SENTENCE,
	REACH_ANYWHERE
} Reach;

static const char *const reach_names[] = {"message", "sentence", "anywhere"};

typedef struct Phrase
{
	Meaning		meaning;
	Reach		reach;
	ReplyWords	words;
} Phrase;

typedef struct PhraseBook
{
	int			n;
	Phrase	   *phrase;
} PhraseBook;

/* The stricter ones last. */
typedef enum Outcome
{
	REPLY_START,
	REPLY_NOT_STOP,
	REPLY_REVIEW,
	REPLY_STOP
} Outcome;

static const char *const outcome_names[] = {
	[REPLY_START] = "start",
	[REPLY_NOT_STOP] = "not_stop",
	[REPLY_REVIEW] = "review",
	[REPLY_STOP] = "stop",
};

static int
known_word(const char *const *words, int n, const char *word)
{
	int			found = consent_word_lookup(words, n, word);

	if (found < 0)
		elog(ERROR, "unknown word \"%s\" in consent.stop_word", word);
	return found;
}

/* The phrases, in the context of the call's query. */
static PhraseBook *
read_phrases(MemoryContext cxt)
{
	MemoryContext caller = MemoryContextSwitchTo(cxt);
	PhraseBook *book = palloc0(sizeof(PhraseBook));
	uint64		nrows;

	MemoryContextSwitchTo(caller);
	SPI_connect();
	if (SPI_execute("SELECT w.word, w.meaning, w.reach"
					"  FROM consent.stop_word AS w"
					" WHERE w.meaning OPERATOR(pg_catalog.<>) 'none'"
					"   AND NOT (w.shipped AND EXISTS ("
					"     SELECT FROM consent.stop_word AS o"
					"      WHERE NOT o.shipped"
					"        AND o.word OPERATOR(pg_catalog.=) w.word"
					"        AND o.language OPERATOR(pg_catalog.=) w.language))",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read consent.stop_word");
	nrows = SPI_processed;

	caller = MemoryContextSwitchTo(cxt);
	book->phrase = palloc(Max(nrows, 1) * sizeof(Phrase));
	for (uint64 row = 0; row < nrows; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Phrase	   *phrase = &book->phrase[book->n++];
		char	   *word = SPI_getvalue(tuple, desc, 1);

		word = pg_server_to_any(word, strlen(word), PG_UTF8);
		consent_phrase_words(word, strlen(word), &phrase->words);
		phrase->meaning = known_word(meaning_names, NMEANINGS, SPI_getvalue(tuple, desc, 2));
		phrase->reach = known_word(reach_names, lengthof(reach_names), SPI_getvalue(tuple, desc, 3));
	}
	MemoryContextSwitchTo(caller);
	SPI_finish();
	return book;
}

/* Of the words from at on that bits stand for, those which are this word, NULL for any, and go on if they must. */
static uint64
passed(uint64 bits, const char *word, bool goes_on, const ReplyWords *reply, int at, int end)
{
	uint64		those = 0;

	for (; bits != 0; bits &= bits - 1)
	{
		int			i = at + pg_rightmost_one_pos64(bits);

		if (i < end && (word == NULL || strcmp(word, reply->word[i]) == 0) && !(goes_on && reply->ends[i]))
			those |= bits & -bits;
	}
	return those;
}

/*
 * Does the phrase match the reply from word at on?  Returns the word after the
 * shortest match, or -1.  A match stays in one sentence.
 *
 * What stars stand for is not tried one after the other, which would take four
 * times as long for each, but all at once: bit n is set if those so far may stand
 * for n words, which GAPS_MAX leaves room for.
 */
static int
match(const ReplyWords *phrase, const ReplyWords *reply, int at, int end)
{
	uint64		skipped = 1;

	for (int p = 0; p < phrase->n && skipped != 0; p++)
	{
		if (strcmp(phrase->word[p], "*") != 0)
			skipped = passed(skipped, phrase->word[p], p + 1 < phrase->n, reply, at++, end);
		else
		{
			for (int gap = 0; gap < GAP_MAX_WORDS; gap++)
				skipped |= passed(skipped, NULL, true, reply, at, end) << 1;
		}
	}
	return skipped != 0 ? at + pg_rightmost_one_pos64(skipped) : -1;
}

/* The longest phrase of a meaning that begins here; the word after it, or -1. */
static int
longest(const PhraseBook *book, Meaning meaning, const ReplyWords *reply, int at, int end)
{
	int			best = -1;

	for (int i = 0; i < book->n; i++)
	{
		if (book->phrase[i].meaning == meaning)
			best = Max(best, match(&book->phrase[i].words, reply, at, end));
	}
	return best;
}

static bool
holds_courtesy(const PhraseBook *book, const ReplyWords *words)
{
	for (int at = 0; at < words->n; at++)
	{
		if (longest(book, MEANS_POLITE, words, at, words->n) > at)
			return true;
	}
	return false;
}

/* Does a matter other than messages begin at one of these words? */
static bool
holds_matter(const PhraseBook *book, const ReplyWords *reply, int from, int to)
{
	for (int at = from; at < to; at++)
	{
		if (longest(book, MEANS_MATTER, reply, at, reply->n) > at)
			return true;
	}
	return false;
}

/* Are the words from "from" to "to" phrases of these meanings, end to end? */
static bool
consists_of(const PhraseBook *book, uint32 meanings, Reach least,
			const ReplyWords *reply, int from, int to)
{
	bool	   *reached = palloc0(to - from + 1);
	bool		all;

	reached[0] = true;
	for (int at = from; at < to; at++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < book->n && reached[at - from]; i++)
		{
			const Phrase *phrase = &book->phrase[i];
			int			after;

			if ((meanings & (1 << phrase->meaning)) == 0 || phrase->reach < least)
				continue;
			after = match(&phrase->words, reply, at, to);
			if (after > at &&
				(phrase->meaning != MEANS_STOP || !holds_matter(book, reply, at, after)))
				reached[after - from] = true;
		}
	}
	all = to > from && reached[to - from];
	pfree(reached);
	return all;
}

/*
 * The reply without what is said for politeness; if "keep", but for what is part
 * of a phrase that must not be missed and holds such words.
 */
static ReplyWords
drop_courtesies(const PhraseBook *book, const ReplyWords *reply, bool keep)
{
	ReplyWords	rest = *reply;
	int			kept_until = 0;

	rest.n = 0;
	rest.word = palloc(reply->n * sizeof(char *));
	rest.ends = palloc(reply->n * sizeof(bool));
	for (int at = 0; at < reply->n;)
	{
		int			after = longest(book, MEANS_POLITE, reply, at, reply->n);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; keep && i < book->n; i++)
		{
			const Phrase *phrase = &book->phrase[i];
			int			end;

			if (phrase->meaning != MEANS_STOP && phrase->meaning != MEANS_REVIEW)
				continue;
			end = match(&phrase->words, reply, at, reply->n);
			if (end > kept_until && holds_courtesy(book, &phrase->words))
				kept_until = end;
		}
		if (after > at && at >= kept_until)
		{
			if (rest.n > 0 && reply->ends[after - 1])
				rest.ends[rest.n - 1] = true;
			at = after;
			continue;
		}
		rest.word[rest.n] = reply->word[at];
		rest.ends[rest.n] = reply->ends[at];
		rest.n++;
		at++;
	}
	return rest;
}

/* Is a negation in the sentence, shortly before this word? */
static bool
is_negated(const PhraseBook *book, const ReplyWords *reply, int at)
{
	for (int back = 1; back <= NEGATION_REACH && back <= at; back++)
	{
		if (reply->ends[at - back])
			return false;
		if (longest(book, MEANS_NEGATION, reply, at - back, at) > 0)
			return true;
	}
	return false;
}

/* Is a matter other than messages in the phrase, or in the sentence shortly after it? */
static bool
is_of_matter(const PhraseBook *book, const ReplyWords *reply, int at, int after)
{
	int			end = after;

	while (end < reply->n && end < after + MATTER_REACH && !reply->ends[end - 1])
		end++;
	return holds_matter(book, reply, at, end);
}

/* Is a word in letters that no shipped phrase is written in, or that only look like them? */
static bool
holds_foreign(const ReplyWords *reply)
{
	for (int i = 0; i < reply->n; i++)
	{
		const unsigned char *s = (const unsigned char *) reply->word[i];

		for (; *s; s += pg_utf_mblen(s))
		{
			pg_wchar	c = utf8_to_unicode(s);

			if (c >= FIRST_FOREIGN && uc_is_alpha(c))
				return true;
		}
	}
	return false;
}

/* What a reply without courtesies means. */
static Outcome
read_words(const PhraseBook *book, const ReplyWords *reply)
{
	const uint32 stop = 1 << MEANS_STOP;
	const uint32 start = 1 << MEANS_START;
	const uint32 help = 1 << MEANS_HELP;
	bool		stops = false;
	bool		starts = false;
	bool		doubtful = false;
	int			n = reply->n;

	/* The whole of it. */
	if (consists_of(book, stop, REACH_MESSAGE, reply, 0, n))
		return REPLY_STOP;
	if (consists_of(book, start, REACH_MESSAGE, reply, 0, n))
		return REPLY_START;
	if (consists_of(book, help, REACH_MESSAGE, reply, 0, n))
		return REPLY_NOT_STOP;
	if (consists_of(book, stop | start | help, REACH_MESSAGE, reply, 0, n))
		return REPLY_REVIEW;

	/* A sentence of it. */
	for (int from = 0, to; from < n; from = to)
	{
		for (to = from + 1; to < n && !reply->ends[to - 1]; to++)
			;
		if (consists_of(book, stop, REACH_SENTENCE, reply, from, to))
			stops = true;
		if (consists_of(book, start, REACH_MESSAGE, reply, from, to))
			starts = true;
	}

	/* A phrase in it, or the mere word. */
	for (int at = 0; at < n; at++)
	{
		bool		opens = at == 0 || reply->ends[at - 1];

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < book->n; i++)
		{
			const Phrase *phrase = &book->phrase[i];
			int			after;

			if (phrase->meaning != MEANS_STOP && phrase->meaning != MEANS_REVIEW)
				continue;
			after = match(&phrase->words, reply, at, n);
			if (after <= at)
				continue;
			if (phrase->reach == REACH_ANYWHERE)
			{
				if (phrase->meaning == MEANS_STOP && !is_negated(book, reply, at) &&
					!is_of_matter(book, reply, at, after))
					stops = true;
				else
					doubtful = true;
			}
			else if (n <= SHORT_REPLY_WORDS ||
					 (phrase->reach == REACH_SENTENCE && (opens || phrase->words.n > 1)))
				doubtful = true;
		}
	}

	if (stops)
		return starts ? REPLY_REVIEW : REPLY_STOP;
	return doubtful || reply->truncated || holds_foreign(reply) ? REPLY_REVIEW : REPLY_NOT_STOP;
}

/*
 * A phrase may hold a word that is left out elsewhere, as "enough now" does: it
 * is looked for too, and what it says can only be stricter.
 */
static Outcome
read_reply(const PhraseBook *book, const ReplyWords *reply)
{
	ReplyWords	rest;
	Outcome		outcome;

	if (reply->n == 0)
		return REPLY_REVIEW;	/* nothing to read: a picture, a quotation */
	rest = drop_courtesies(book, reply, false);
	outcome = read_words(book, &rest);
	if (rest.n < reply->n)
	{
		ReplyWords	more = drop_courtesies(book, reply, true);
		Outcome		other = more.n > rest.n ? read_words(book, &more) : outcome;

		if (other >= REPLY_REVIEW)
			outcome = Max(outcome, other);
	}
	return outcome;
}

/* The outcome for a body, given in the database encoding; NULL is unreadable. */
static Outcome
judge_body(FunctionCallInfo fcinfo, const char *body)
{
	ReplyWords	reply;
	char	   *source;

	if (body == NULL)
		return REPLY_REVIEW;
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = read_phrases(fcinfo->flinfo->fn_mcxt);
	source = pg_server_to_any(body, strlen(body), PG_UTF8);
	consent_reply_words(source, strlen(source), &reply);
	return read_reply(fcinfo->flinfo->fn_extra, &reply);
}

PGDLLEXPORT Datum
pg_consent_read_reply(PG_FUNCTION_ARGS)
{
	char	   *body = consent_text_arg(fcinfo, 0);

	PG_RETURN_TEXT_P(cstring_to_text(outcome_names[judge_body(fcinfo, body)]));
}

/* Arguments of consent.inbound(), by position. */
enum
{
	ARG_CONTACT,
	ARG_CHANNEL,
	ARG_BODY,
	ARG_ORGANISATION,
	ARG_AT,
	ARG_SOURCE,
	ARG_EVIDENCE,
	NARGS
};

static void
record_objection(FunctionCallInfo fcinfo, char *body)
{
	Oid			types[NARGS];
	Datum		values[NARGS];
	char		nulls[NARGS];

	for (int arg = 0; arg < NARGS; arg++)
	{
		types[arg] = get_fn_expr_argtype(fcinfo->flinfo, arg);
		values[arg] = PG_ARGISNULL(arg) ? (Datum) 0 : PG_GETARG_DATUM(arg);
		nulls[arg] = PG_ARGISNULL(arg) ? 'n' : ' ';
	}
	body[pg_mbcharcliplen(body, strlen(body), WORDING_MAX_CHARS)] = '\0';
	values[ARG_BODY] = CStringGetTextDatum(body);
	if (PG_ARGISNULL(ARG_SOURCE) && !PG_ARGISNULL(ARG_CHANNEL))
	{
		ConsentChannel channel = consent_channel_from_oid(PG_GETARG_OID(ARG_CHANNEL));

		values[ARG_SOURCE] = CStringGetTextDatum(psprintf("inbound %s", consent_channel_names[channel]));
		nulls[ARG_SOURCE] = ' ';
	}

	SPI_connect();
	if (SPI_execute_with_args("INSERT INTO consent.ledger"
							  " (contact, kind, wording, organisation, effective_at, source, evidence)"
							  " VALUES ($1, 'objection', $3, $4, $5, $6, $7)",
							  NARGS, types, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not record an objection");
	SPI_finish();
}

PGDLLEXPORT Datum
pg_consent_inbound(PG_FUNCTION_ARGS)
{
	char	   *body = consent_text_arg(fcinfo, ARG_BODY);
	Outcome		outcome;

	if (PG_ARGISNULL(ARG_CONTACT))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a reply needs the contact it came from"),
				 errhint("Leave out senders in which consent.try_contact() finds no address, such as short codes.")));

	/* Not only for a stop: a wrong name must show before the first one comes. */
	if (!PG_ARGISNULL(ARG_ORGANISATION))
		(void) consent_require_organisation(consent_text_arg(fcinfo, ARG_ORGANISATION));

	outcome = judge_body(fcinfo, body);
	if (outcome == REPLY_STOP)
		record_objection(fcinfo, body);
	PG_RETURN_TEXT_P(cstring_to_text(outcome_names[outcome]));
}

static bool
is_shipped(TriggerData *trigdata, HeapTuple row)
{
	bool		isnull;
	Datum		value = heap_getattr(row, Anum_stop_word_shipped,
									 RelationGetDescr(trigdata->tg_relation), &isnull);

	return !isnull && DatumGetBool(value);
}

/* The words of a phrase as replies are compared with them. */
static Datum
canonical_word(Datum word)
{
	ReplyWords	words;
	StringInfoData out;
	char	   *source = TextDatumGetCString(word);
	int			gaps = 0;

	source = pg_server_to_any(source, strlen(source), PG_UTF8);
	consent_phrase_words(source, strlen(source), &words);
	initStringInfo(&out);
	for (int i = 0; i < words.n; i++)
	{
		appendStringInfo(&out, "%s%s", i > 0 ? " " : "", words.word[i]);
		gaps += strcmp(words.word[i], "*") == 0;
	}
	if (gaps > GAPS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a stop word has %d stars, %d are the most", gaps, GAPS_MAX),
				 errhint("A star stands for up to three words; write two shorter phrases.")));
	return CStringGetTextDatum(pg_any_to_server(out.data, out.len, PG_UTF8));
}

/*
 * Row trigger on consent.stop_word.  A word is stored in the form it is
 * compared in, so that "Don't" and "DONT" are one row.  pg_dump leaves shipped
 * rows out, so a change to one would be lost without a word.
 */
PGDLLEXPORT Datum
pg_consent_stop_word_check(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	HeapTuple	row;
	int			attnum = Anum_stop_word_word;
	Datum		word;
	bool		isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"stop_word_check\" must be called as a row trigger")));

	row = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ?
		trigdata->tg_newtuple : trigdata->tg_trigtuple;
	if (!creating_extension &&
		(is_shipped(trigdata, trigdata->tg_trigtuple) || is_shipped(trigdata, row)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("shipped stop words cannot be added, changed or deleted"),
				 errhint("Add a row of your own with the same word and language; it takes the place of the shipped one.")));
	if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
		return PointerGetDatum(row);

	desc = RelationGetDescr(trigdata->tg_relation);
	word = heap_getattr(row, attnum, desc, &isnull);
	if (isnull)
		return PointerGetDatum(row);	/* left to the constraint */
	word = canonical_word(word);
	return PointerGetDatum(heap_modify_tuple_by_cols(row, desc, 1, &attnum, &word, &isnull));
}
