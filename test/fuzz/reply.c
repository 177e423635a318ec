/*-------------------------------------------------------------------------
 *
 * reply.c
 *	  Any reply is read, and means something; what it quotes below means nothing.
 *
 * The input is a phrase that means stop, a NUL byte, and a reply.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "backend.h"
#include "person/reply.h"

#define PHRASE	0				/* the input's */

/* word, meaning, reach */
static const char *stop_words[][3] = {
	{NULL, "stop", "anywhere"},
	{"stop", "stop", "message"}, {"take me * list", "stop", "sentence"}, {"not * * more", "stop", "anywhere"},
	{"start", "start", "message"}, {"help", "help", "message"}, {"who * this", "review", "sentence"},
	{"please", "polite", "message"}, {"now", "polite", "message"}, {"not", "negation", "message"},
	{"bill", "matter", "message"}
};

extern Datum pg_consent_read_reply(PG_FUNCTION_ARGS);

/* All that is ever asked for is the phrases. */
int
SPI_execute(const char *src, bool read_only, long tcount)
{
	int			first = stop_words[PHRASE][0] == NULL;

	SPI_tuptable = palloc0(sizeof(SPITupleTable));
	SPI_tuptable->vals = palloc(lengthof(stop_words) * sizeof(HeapTuple));
	SPI_processed = 0;
	for (int i = first; i < lengthof(stop_words); i++)
		SPI_tuptable->vals[SPI_processed++] = (HeapTuple) stop_words[i];
	return SPI_OK_SELECT;
}

char *
SPI_getvalue(HeapTuple tuple, TupleDesc tupdesc, int fnumber)
{
	return pstrdup(((const char **) tuple)[fnumber - 1]);
}

static const char *
read_reply(const char *s)
{
	FmgrInfo	function = {.fn_mcxt = CurrentMemoryContext};
	LOCAL_FCINFO(fcinfo, 1);

	InitFunctionCallInfoData(*fcinfo, &function, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = PointerGetDatum(cstring_to_text(s));
	fcinfo->args[0].isnull = false;
	return text_to_cstring(DatumGetTextPP(pg_consent_read_reply(fcinfo)));
}

static char *
joined(const ReplyWords *words)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < words->n; i++)
	{
		appendStringInfoString(&out, i > 0 ? " " : "");
		appendStringInfoString(&out, words->word[i]);
		appendStringInfoString(&out, words->ends[i] ? "." : "");
	}
	return out.data;
}

static void
check_words(const ReplyWords *words)
{
	for (int i = 0; i < words->n; i++)
	{
		const unsigned char *s = (const unsigned char *) words->word[i];

		MUST(*s != '\0');
		for (; *s; s += pg_utf_mblen(s))
			MUST(pg_utf8_islegal(s, pg_utf_mblen(s)) && !(*s >= 'A' && *s <= 'Z') && *s != ' ' && *s != '\'');
	}
	MUST(words->n == 0 || words->ends[words->n - 1]);
}

static void
run(const char *data, int size)
{
	int			split = (int) strnlen(data, size);
	int			len;
	char	   *phrase = palloc(split + 1);
	char	   *reply = palloc(size - split + 1);
	ReplyWords	of_phrase;
	ReplyWords	words;
	const char *means;

	memcpy(phrase, data, split);
	len = consent_fuzz_utf8(phrase, split);
	memcpy(reply, data + split, size - split);
	size = consent_fuzz_utf8(reply, size - split);

	/* as consent.stop_word has it; "*" alone is none */
	consent_phrase_words(phrase, len, &of_phrase);
	check_words(&of_phrase);
	stop_words[PHRASE][0] = strspn(joined(&of_phrase), "*. ") < strlen(joined(&of_phrase)) && of_phrase.n < 12 ? phrase : NULL;

	consent_reply_words(reply, size, &words);
	check_words(&words);
	means = read_reply(reply);
	MUST(strcmp(means, "stop") == 0 || strcmp(means, "start") == 0 || strcmp(means, "not_stop") == 0 ||
		 strcmp(means, "review") == 0);
	MUST(words.n > 0 || strcmp(means, "review") == 0);
	MUST(!words.truncated || strcmp(means, "not_stop") != 0);
	if (words.n == 1 && strcmp(words.word[0], "stop") == 0)
		MUST(strcmp(means, "stop") == 0);

	if (words.n > 0 && strchr(reply, '<') == NULL && !words.truncated)
	{
		char	   *quoting = palloc(size + 20);
		ReplyWords	same;

		sprintf(quoting, "%s\n> stop", reply);
		consent_reply_words(quoting, strlen(quoting), &same);
		MUST(same.truncated || strcmp(joined(&same), joined(&words)) == 0);
	}
}

FUZZ_TARGET(run)
