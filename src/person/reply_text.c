/*-------------------------------------------------------------------------
 *
 * reply_text.c
 *	  What a person wrote in a reply: without what they quoted, in words.
 *
 * A reply carries along what it answers, and that is our own message with its
 * own "reply STOP".  Reading any of it as the person's words would opt out
 * whoever answers, so everything from the first sign of a quotation on is
 * left out.  Only where nothing stands above it do we read what is written
 * below or between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unictype.h>
#include <uninorm.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "module/compat.h"
#include "person/reply.h"
#include "text/text.h"

PG_FUNCTION_INFO_V1(pg_consent_reply_words);

/* The lines of a reply, folded and without accents. */
typedef struct Lines
{
	int			n;
	int			capacity;
	char	  **line;
} Lines;

/* How far an attribution ("On Monday, Acme wrote:") or a header may run. */
#define ATTRIBUTION_LINES	3
#define HEADER_LINES		4

/* Accents and apostrophes are gone from all of these, as from the lines. */
static const char *const attribution_openings[] = {
	"on ", "le ", "am ", "op ", "el ", "ar ", "w dniu ", "dnia ", "il ", "em ", "in ", "pe ", NULL
};
static const char *const attribution_verbs[] = {
	"wrote", "a ecrit", "schrieb", "schreef", "escribio", "ysgrifennodd",
	"napisal", "ha scritto", "escreveu", "a scris", NULL
};
static const char *const header_from[] = {
	"from:", "de:", "de :", "von:", "van:", "oddi wrth:", "od:", "da:", "de la:", NULL
};
static const char *const header_other[] = {
	"sent:", "date:", "to:", "subject:",
	"date :", "a :", "objet :", "objet:", "envoye :", "envoye:",
	"gesendet:", "an:", "betreff:", "datum:",
	"verzonden:", "aan:", "onderwerp:",
	"enviado:", "enviado el:", "para:", "asunto:", "fecha:",
	"anfonwyd:", "at:", "pwnc:",
	"wyslano:", "do:", "temat:",
	"inviato:", "data:", "oggetto:",
	"enviada:", "assunto:",
	"trimis:", "catre:", "subiect:", NULL
};
static const char *const dividers[] = {
	"original message", "forwarded message", "begin forwarded message",
	"message dorigine", "message original", "message transfere",
	"ursprungliche nachricht", "weitergeleitete nachricht",
	"oorspronkelijk bericht", "doorgestuurd bericht",
	"mensaje original", "mensaje reenviado", "neges wreiddiol",
	"oryginalna wiadomosc", "wiadomosc oryginalna", "messaggio originale", "messaggio inoltrato",
	"mensagem original", "mensagem encaminhada", "mesaj original", NULL
};
static const char *const signatures[] = {
	"sent from my ", "sent via ", "get outlook for ",
	"sent from outlook", "sent from yahoo", "sent from mail for ", "sent from bt ", "sent from aol",
	"sent from the all new aol", "sent from samsung", "sent from gmail", "sent from proton",
	"sent from windows", "sent from android",
	"envoye de mon ", "envoye depuis ", "von meinem ", "gesendet von ",
	"verstuurd vanaf ", "verzonden vanaf ", "enviado desde ", "anfonwyd o ",
	"wyslane z ", "wyslano z ", "inviato da ", "enviado do meu ", "trimis de pe ",
	NULL
};

/* Where mail programs begin a quotation in HTML. */
static const char *const html_quotes[] = {
	"<blockquote", "gmail_quote", "yahoo_quoted", "divrplyfwdmsg",
	"moz-cite-prefix", "appendonsend", NULL
};

static bool
starts_with_any(const char *line, const char *const *list)
{
	for (; *list; list++)
	{
		if (strncmp(line, *list, strlen(*list)) == 0)
			return true;
	}
	return false;
}

static bool
contains_any(const char *line, const char *const *list)
{
	for (; *list; list++)
	{
		if (strstr(line, *list) != NULL)
			return true;
	}
	return false;
}

/* An l with an accent that Unicode takes for part of the letter. */
#define LETTER_L_STROKE	0x142

/* Folded text without its accents and apostrophes, as a new string. */
static char *
plain_letters(const char *folded, int len)
{
	size_t		size;
	char	   *plain;
	int			n = 0;
	uint8_t    *parts = u8_normalize(UNINORM_NFD, (const uint8_t *) folded, len, NULL, &size);

	/* libunistring's memory: nothing may throw until it is freed */
	plain = parts == NULL ? NULL : palloc_extended(size + 1, MCXT_ALLOC_NO_OOM);
	if (plain != NULL)
	{
		for (size_t at = 0; at < size;)
		{
			int			mblen = pg_utf_mblen(parts + at);

			if (utf8_to_unicode(parts + at) == LETTER_L_STROKE)
				plain[n++] = 'l';
			else if (parts[at] != '\'' && uc_combining_class(utf8_to_unicode(parts + at)) == 0)
			{
				memcpy(plain + n, parts + at, mblen);
				n += mblen;
			}
			at += mblen;
		}
		plain[n] = '\0';
	}
	free(parts);
	if (plain == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not read a reply: out of memory")));
	return plain;
}

static void
add_line(Lines *lines, const char *folded, int len)
{
	if (lines->n == lines->capacity)
	{
		lines->capacity = lines->capacity ? 2 * lines->capacity : 16;
		lines->line = lines->line == NULL ?
			palloc(lines->capacity * sizeof(char *)) :
			repalloc(lines->line, lines->capacity * sizeof(char *));
	}
	lines->line[lines->n++] = plain_letters(folded, len);
}

static void
plain_lines(const char *source, int len, Lines *lines)
{
	int			from = 0;

	while (from < len)
	{
		int			to = from;
		ConsentText text;

		while (to < len && source[to] != '\n' && source[to] != '\r')
			to++;
		consent_text_fold(source + from, to - from, &text);
		add_line(lines, text.data, text.len);
		consent_text_free(&text);
		from = to + 1;
	}
}

/* Byte at which the quotation in a piece of HTML begins, or its length. */
static int
html_quote_start(const char *source, int len)
{
	for (int at = 0; at < len; at++)
	{
		for (const char *const *mark = html_quotes; *mark; mark++)
		{
			int			n = strlen(*mark);

			if (at + n <= len && pg_strncasecmp(source + at, *mark, n) == 0)
			{
				while (at > 0 && source[at] != '<')
					at--;
				return at;
			}
		}
	}
	return len;
}

/*
 * The text room writes a line break as a space.  It came from a tag if the
 * character it stands for is '<'.
 */
static void
html_lines(const char *source, int len, Lines *lines)
{
	ConsentText text;
	int			from = 0;
	int			byte = 0;
	int32		chars = 0;

	consent_text_fold(source, len, &text);
	for (int i = 0; i < text.len; i++)
	{
		bool		breaks = text.data[i] == '\n';

		if (text.data[i] == ' ')
		{
			while (chars < consent_text_end(&text, i))
			{
				if (chars >= consent_text_start(&text, i) && source[byte] == '<')
					breaks = true;
				byte += pg_utf_mblen((const unsigned char *) source + byte);
				chars++;
			}
		}
		if (breaks)
		{
			add_line(lines, text.data + from, i - from);
			from = i + 1;
		}
	}
	add_line(lines, text.data + from, text.len - from);
	consent_text_free(&text);
}

static bool
is_blank(const char *line)
{
	return line[strspn(line, " ")] == '\0';
}

/* Lines that an attribution beginning at "at" takes up, 0 if none does. */
static int
attribution_length(const Lines *lines, int at)
{
	bool		verb = false;

	if (!starts_with_any(lines->line[at], attribution_openings))
		return 0;
	for (int i = at; i < lines->n && i < at + ATTRIBUTION_LINES; i++)
	{
		int			len = strlen(lines->line[i]);

		/* "On reflection, stop" above one is the person's own. */
		if (i > at && (is_blank(lines->line[i]) || starts_with_any(lines->line[i], attribution_openings)))
			return 0;
		verb = verb || contains_any(lines->line[i], attribution_verbs);
		if (verb && len > 0 && lines->line[i][len - 1] == ':')
			return i - at + 1;
	}
	return 0;
}

/* A line without the stars that stand for bold letters: "*From:* Acme". */
static const char *
without_stars(const char *line)
{
	return line + strspn(line, "*");
}

static bool
is_header(const Lines *lines, int at)
{
	if (!starts_with_any(without_stars(lines->line[at]), header_from))
		return false;
	for (int i = at + 1; i < lines->n && i <= at + HEADER_LINES; i++)
	{
		if (starts_with_any(without_stars(lines->line[i]), header_other))
			return true;
	}
	return false;
}

/*
 * Does nothing of the person's follow from this line on?  A short rule only ends
 * what has "begun".
 */
static bool
is_end(const Lines *lines, int at, bool begun)
{
	const char *line = lines->line[at];
	int			dashes = strspn(line, "-_*= ");

	if (strcmp(line, "--") == 0 || starts_with_any(line, signatures))
		return true;
	if (dashes >= (begun ? 3 : 10) && line[dashes] == '\0')
		return true;
	if ((dashes > 0 || strcmp(line, "begin forwarded message:") == 0) &&
		starts_with_any(line + dashes, dividers))
		return true;
	return is_header(lines, at);
}

/* Calls for each word; a pattern's "*" is a word too. */
static void
add_word(ReplyWords *words, char *word)
{
	if (words->n == words->capacity)
	{
		words->capacity = words->capacity ? 2 * words->capacity : 16;
		if (words->word == NULL)
		{
			words->word = palloc(words->capacity * sizeof(char *));
			words->ends = palloc(words->capacity * sizeof(bool));
		}
		else
		{
			words->word = repalloc(words->word, words->capacity * sizeof(char *));
			words->ends = repalloc(words->ends, words->capacity * sizeof(bool));
		}
	}
	words->word[words->n] = word;
	words->ends[words->n] = false;
	words->n++;
}

/* A letter three times or more is a letter once: "stoppp". */
static void
squeeze(char *word)
{
	char	   *to = word;

	for (char *from = word; *from;)
	{
		int			run = 1;

		while (from[run] == from[0])
			run++;
		if (run >= 3 && from[0] >= 'a' && from[0] <= 'z')
			*to++ = *from;
		else
		{
			memmove(to, from, run);
			to += run;
		}
		from += run;
	}
	*to = '\0';
}

/* The words of one line; "pattern" keeps a star that stands alone. */
static void
split_line(const char *line, bool pattern, ReplyWords *words)
{
	const unsigned char *s = (const unsigned char *) line;
	const unsigned char *start = NULL;
	bool		in_digits = false;	/* is the word a number? */
	bool		breaker = false;	/* seen since the last word */
	bool		spaced = true;	/* was the last character a space? */

	for (;;)
	{
		int			mblen = *s ? pg_utf_mblen(s) : 1;
		pg_wchar	c = utf8_to_unicode(s);

		bool		digit = c >= '0' && c <= '9';

		/* "stop4" is two words */
		if (c != 0 && uc_is_alnum(c) && (start == NULL || digit == in_digits))
		{
			if (start == NULL)
				start = s;
			in_digits = digit;
			spaced = false;
			s += mblen;
			continue;
		}
		if (start != NULL)
		{
			char	   *word = pnstrdup((const char *) start, (const char *) s - (const char *) start);

			squeeze(word);
			add_word(words, word);
			start = NULL;
			breaker = false;
			if (c != 0 && uc_is_alnum(c))
				continue;
		}
		if (c == '*' && pattern)
			add_word(words, pstrdup("*"));

		/* "acme.example/stop" is one sentence, "Stop. Thanks" is two. */
		if (c == ' ' || c == 0)
		{
			if (breaker && words->n > 0)
				words->ends[words->n - 1] = true;
			spaced = true;
			if (c == 0)
				break;
		}
		else
		{
			if (c < 0x80 && strchr(".!?,;:", (char) c) != NULL)
				breaker = true;
			/* a dash between spaces, or a symbol: an emoji, a bullet */
			if (c >= 0x80 || (c == '-' && spaced && (s[1] == ' ' || s[1] == '\0')))
				breaker = true;
			spaced = false;
		}
		s += mblen;
	}
	if (words->n > 0)
		words->ends[words->n - 1] = true;
}

static bool
is_letter(const char *word)
{
	return word[0] >= 'a' && word[0] <= 'z' && word[1] == '\0';
}

/* "S T O P" and "s.t.o.p." are one word. */
static void
join_spelled(ReplyWords *words)
{
	int			to = 0;

	for (int from = 0; from < words->n;)
	{
		int			run = 0;

		while (from + run < words->n && is_letter(words->word[from + run]))
			run++;
		if (run >= 3)
		{
			char	   *joined = palloc0(run + 1);

			for (int i = 0; i < run; i++)
				joined[i] = words->word[from + i][0];
			words->word[to] = joined;
		}
		else
		{
			run = 1;
			words->word[to] = words->word[from];
		}
		words->ends[to] = words->ends[from + run - 1];
		to++;
		from += run;
	}
	words->n = to;
}

void
consent_reply_words(const char *source, int len, ReplyWords *words)
{
	Lines		lines = {0};
	ConsentText whole;
	bool		html;

	memset(words, 0, sizeof(ReplyWords));
	words->truncated = len > REPLY_MAX_BYTES;
	if (words->truncated)
		len = pg_encoding_mbcliplen(PG_UTF8, source, len, REPLY_MAX_BYTES);

	consent_text_fold(source, len, &whole);
	html = whole.html;
	consent_text_free(&whole);
	if (html)
		html_lines(source, html_quote_start(source, len), &lines);
	else
		plain_lines(source, len, &lines);

	for (int i = 0; i < lines.n; i++)
	{
		int			attribution = attribution_length(&lines, i);

		if (is_end(&lines, i, words->n > 0))
			break;
		if (attribution > 0 || lines.line[i][0] == '>')
		{
			/* With words above it, all that follows is the quotation's. */
			if (words->n > 0)
				break;
			i += Max(attribution, 1) - 1;
			continue;
		}
		if (!is_blank(lines.line[i]))
			split_line(lines.line[i], false, words);
	}
	join_spelled(words);
}

void
consent_phrase_words(const char *source, int len, ReplyWords *words)
{
	ConsentText text;

	memset(words, 0, sizeof(ReplyWords));
	consent_text_fold(source, len, &text);
	split_line(plain_letters(text.data, text.len), true, words);
	consent_text_free(&text);
}

/* consent.reply_words(body): for whoever wants to know what was read */
PGDLLEXPORT Datum
pg_consent_reply_words(PG_FUNCTION_ARGS)
{
	text	   *body = PG_GETARG_TEXT_PP(0);
	char	   *source = pg_server_to_any(text_to_cstring(body), VARSIZE_ANY_EXHDR(body), PG_UTF8);
	ReplyWords	words;
	StringInfoData out;

	consent_reply_words(source, strlen(source), &words);
	initStringInfo(&out);
	for (int i = 0; i < words.n; i++)
		appendStringInfo(&out, "%s%s%s", i > 0 ? " " : "", words.word[i],
						 words.ends[i] && i < words.n - 1 ? " |" : "");
	PG_RETURN_TEXT_P(cstring_to_text(pg_any_to_server(out.data, out.len, PG_UTF8)));
}
