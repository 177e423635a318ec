/*-------------------------------------------------------------------------
 *
 * pattern.c
 *	  Regular expressions with limits: the only place that knows PCRE2.
 *
 * What a match may do from one starting point is bounded by PCRE2's match, depth
 * and heap limits, and by the stack that its compiled code may use.  A pattern
 * that meets a limit has said nothing about the text, and callers must not take it
 * for "no match".
 *
 * A match looks for interrupts, by a callout, at each starting point.  In a long
 * text that is too seldom: there a step may read all of it.  So for long texts
 * there is other code, with a callout before each item of the pattern, which is
 * slower, and made when the first of these comes.
 *
 * Compiling just in time takes longer than most patterns are worth that a
 * session meets once, so it waits until a pattern has been tried some times.
 * Until then the interpreter has much tighter limits, and a pattern that meets
 * them is compiled and tried again: whether a pattern gives up on a text does
 * not depend on how often it was used before.
 *
 * PCRE2 allocates with malloc: were it given palloc, an error would jump
 * across its frames.  A compiled pattern is freed by a reset callback of the
 * memory context that it was compiled in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include <unicase.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "classify/pattern.h"
#include "module/compat.h"

#define MATCH_STEPS		100000	/* per starting point */
#define MATCH_DEPTH		10000
#define MATCH_HEAP_KB	8192
#define JIT_STACK_START	(32 * 1024)
#define JIT_STACK_MAX	(512 * 1024)
#define TRIES			8		/* before code is compiled just in time */
#define TRY_STEPS		2000
#define TRY_DEPTH		1000
#define CALLOUT			"(?C)"
#define LONG_TEXT		16384	/* bytes; longer ones are */

struct ConsentPattern
{
	const char *source;
	pcre2_code *code;
	pcre2_code *careful;		/* the same for long texts, or NULL */
	bool		jit;			/* there is code compiled just in time */
	int			tries;			/* before that; more than TRIES: it was attempted */
	MemoryContextCallback release;
};

/* What a match needs besides the pattern: one of each per backend, for good. */
static pcre2_match_data *match_data = NULL;
static pcre2_match_context *match_context = NULL;
static pcre2_match_context *try_context = NULL;
static pcre2_jit_stack *jit_stack = NULL;

/* Where the last match was interrupted. */
static PCRE2_SIZE interrupted_at;

static void
out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("Failed while preparing a regular expression.")));
}

static int
look_for_interrupts(pcre2_callout_block *block, void *arg)
{
	if (!INTERRUPTS_PENDING_CONDITION() || !INTERRUPTS_CAN_BE_PROCESSED())
		return 0;
	interrupted_at = block->start_match;
	return PCRE2_ERROR_CALLOUT;
}

static void
prepare_matching(void)
{
	if (match_data == NULL &&
		(match_data = pcre2_match_data_create(1, NULL)) == NULL)
		out_of_memory();
	if (match_context == NULL)
	{
		if ((match_context = pcre2_match_context_create(NULL)) == NULL)
			out_of_memory();
		pcre2_set_match_limit(match_context, MATCH_STEPS);
		pcre2_set_depth_limit(match_context, MATCH_DEPTH);
		pcre2_set_heap_limit(match_context, MATCH_HEAP_KB);
		pcre2_set_callout(match_context, look_for_interrupts, NULL);
	}
	if (try_context == NULL)
	{
		if ((try_context = pcre2_match_context_copy(match_context)) == NULL)
			out_of_memory();
		pcre2_set_match_limit(try_context, TRY_STEPS);
		pcre2_set_depth_limit(try_context, TRY_DEPTH);
	}
}

/* Compile just in time.  Where that cannot be, the interpreter does the same, slower. */
static bool
compile_jit(pcre2_code *code)
{
	if (jit_stack == NULL)
	{
		jit_stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
		if (jit_stack == NULL)
			out_of_memory();
		pcre2_jit_stack_assign(match_context, NULL, jit_stack);
	}
	return pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
}

static void
release_code(void *arg)
{
	pcre2_code_free(((ConsentPattern *) arg)->code);
	pcre2_code_free(((ConsentPattern *) arg)->careful);
}

static void
refuse(const char *reason, int chars_read)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
			 errmsg("invalid pattern: %s", reason),
			 chars_read >= 0 ?
			 errdetail("The error was found after character %d of the pattern.", chars_read) : 0));
}

static bool
has_case(pg_wchar c)
{
	return c < 0x80 ? c >= 'A' && c <= 'Z' : uc_tolower(c) != c || uc_toupper(c) != c;
}

/* The character that is written as its number behind a backslash; 0: it is not. */
static pg_wchar
numbered(const char *s)
{
	static const struct
	{
		const char *prefix;
		int			base;
	}			ways[] = {{"x{", 16}, {"N{U+", 16}, {"o{", 8}};

	for (int i = 0; i < lengthof(ways); i++)
	{
		if (strncmp(s, ways[i].prefix, strlen(ways[i].prefix)) == 0)
		{
			unsigned long c = strtoul(s + strlen(ways[i].prefix), NULL, ways[i].base);

			return c <= 0x10FFFF ? c : 0;
		}
	}
	if (*s == 'x')
	{
		char		digits[3] = {0};

		strlcpy(digits, s + 1, sizeof(digits));
		return strtoul(digits, NULL, 16);
	}
	return 0;
}

/*
 * The folded text has no capitals.  A pattern with capitals in it would never
 * match them, so it is compiled to ignore case; the others are faster without.
 * Not every capital is one: "\\S" is a class; and "\\x53" is one.
 */
bool
consent_pattern_is_caseless(const char *source)
{
	for (const char *s = source; *s;)
	{
		if (*s == '\\' && s[1] && !IS_HIGHBIT_SET(s[1]))
		{
			if (has_case(numbered(s + 1)))
				return true;
			s += 2;
			continue;
		}
		if (has_case(utf8_to_unicode((const unsigned char *) s)))
			return true;
		s += pg_utf_mblen((const unsigned char *) s);
	}
	return false;
}

static pcre2_code *
compile(const char *source, bool careful, int *error, PCRE2_SIZE *offset)
{
	/* verbs that may only stand at the beginning leave no place for a callout */
	bool		everywhere = careful || strncmp(source, "(*", 2) == 0;
	char	   *text = psprintf("%s%s", everywhere ? "" : CALLOUT, source);
	pcre2_code *code = pcre2_compile((PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED,
									 PCRE2_UTF | PCRE2_UCP |
									 PCRE2_NEVER_BACKSLASH_C |
									 PCRE2_USE_OFFSET_LIMIT |
									 (everywhere ? PCRE2_AUTO_CALLOUT : 0) |
									 (consent_pattern_is_caseless(source) ? PCRE2_CASELESS : 0),
									 error, offset, NULL);

	if (!everywhere)
		*offset -= Min(*offset, strlen(CALLOUT));
	pfree(text);
	return code;
}

static bool
matches_empty(const pcre2_code *code)
{
	uint32_t	empty;

	pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &empty);
	return empty != 0;
}

/* A pattern of the current context, without code so far. */
static ConsentPattern *
new_pattern(const char *source)
{
	ConsentPattern *pattern = palloc0(sizeof(ConsentPattern));

	prepare_matching();
	pattern->source = source;
	pattern->release.func = release_code;
	pattern->release.arg = pattern;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &pattern->release);
	return pattern;
}

ConsentPattern *
consent_pattern_compile(const char *source)
{
	ConsentPattern *pattern;
	size_t		len = strlen(source);
	int			error;
	PCRE2_SIZE	offset;

	if (len > CONSENT_PATTERN_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("pattern is too long"),
				 errdetail("A pattern may have %d bytes; this one has %zu.",
						   CONSENT_PATTERN_MAX_BYTES, len)));

	pattern = new_pattern(source);
	pattern->code = compile(source, false, &error, &offset);
	if (pattern->code == NULL)
	{
		char		reason[256];
		int			chars = 0;

		for (size_t at = 0; at < offset; at += pg_utf_mblen((const unsigned char *) source + at))
			chars++;
		pcre2_get_error_message(error, (PCRE2_UCHAR *) reason, sizeof(reason));
		refuse(reason, chars);
	}
	if (matches_empty(pattern->code))
		refuse("it matches the empty string", -1);

	return pattern;
}

bytea *
consent_pattern_pack(const char *source)
{
	int			error;
	PCRE2_SIZE	offset;
	pcre2_code *code = strlen(source) > CONSENT_PATTERN_MAX_BYTES ? NULL : compile(source, false, &error, &offset);
	const pcre2_code *codes[1] = {code};
	uint8_t    *bytes;
	PCRE2_SIZE	size;
	bytea	   *packed = NULL;

	/* one that would be refused is refused to those who try it */
	if (code != NULL && !matches_empty(code) &&
		pcre2_serialize_encode(codes, 1, &bytes, &size, NULL) == 1)
	{
		packed = palloc_extended(VARHDRSZ + size, MCXT_ALLOC_NO_OOM);
		if (packed != NULL)
		{
			SET_VARSIZE(packed, VARHDRSZ + size);
			memcpy(VARDATA(packed), bytes, size);
		}
		pcre2_serialize_free(bytes);
	}
	pcre2_code_free(code);
	return packed;
}

ConsentPattern *
consent_pattern_unpack(const char *source, const bytea *packed)
{
	ConsentPattern *pattern = new_pattern(source);

	return pcre2_serialize_decode(&pattern->code, 1, (const uint8_t *) VARDATA(packed), NULL) == 1 ?
		pattern : NULL;
}

static bool
is_limit(int rc)
{
	return rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
		rc == PCRE2_ERROR_HEAPLIMIT || rc == PCRE2_ERROR_JIT_STACKLIMIT ||
		rc == PCRE2_ERROR_RECURSELOOP;
}

/* By the code compiled just in time, if there is any. */
static int
run(const pcre2_code *code, const char *text, int len, int from, int last,
	pcre2_match_context *context)
{
	pcre2_set_offset_limit(context, last);
	return pcre2_match(code, (PCRE2_SPTR) text, len, from,
					   PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, match_data, context);
}

static int
match_long(ConsentPattern *pattern, const char *text, int len, int from, int last)
{
	int			error;
	PCRE2_SIZE	offset;

	if (pattern->careful == NULL)
	{
		pattern->careful = compile(pattern->source, true, &error, &offset);
		/* it takes more room than the other */
		if (pattern->careful == NULL)
			return PCRE2_ERROR_HEAPLIMIT;
		(void) compile_jit(pattern->careful);
	}
	return run(pattern->careful, text, len, from, last, match_context);
}

static int
match(ConsentPattern *pattern, const char *text, int len, int from, int last)
{
	if (len > LONG_TEXT)
		return match_long(pattern, text, len, from, last);
	if (pattern->tries < TRIES)
	{
		int			rc = run(pattern->code, text, len, from, last, try_context);

		if (!is_limit(rc))
		{
			pattern->tries++;
			return rc;
		}
		pattern->tries = TRIES;
	}
	if (pattern->tries == TRIES)
	{
		pattern->jit = compile_jit(pattern->code);
		pattern->tries++;
	}
	if (!pattern->jit)
		return run(pattern->code, text, len, from, last, match_context);
	pcre2_set_offset_limit(match_context, last);
	return pcre2_jit_match(pattern->code, (PCRE2_SPTR) text, len, from,
						   PCRE2_NOTEMPTY, match_data, match_context);
}

ConsentMatch
consent_pattern_match_within(const ConsentPattern *pattern, const char *text, int len,
							 int from, int last, int *start, int *end)
{
	int			rc;

	if (from > last)
		return MATCH_NONE;
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		rc = match(unconstify(ConsentPattern *, pattern), text, len, from, last);
		if (rc != PCRE2_ERROR_CALLOUT)
			break;
		/* if it was nothing that ends the query, we go on from there; \K is told as where the match began */
		if (strstr(pattern->source, "\\K") == NULL)
			from = (int) interrupted_at;
	}
	if (rc >= 0)
	{
		PCRE2_SIZE *ovector = pcre2_get_ovector_pointer(match_data);

		/* \K in a lookahead may turn a match inside out */
		if (ovector[0] >= ovector[1])
			return MATCH_LIMIT;
		*start = (int) ovector[0];
		*end = (int) ovector[1];
		return MATCH_FOUND;
	}
	if (is_limit(rc))
		return MATCH_LIMIT;
	if (rc == PCRE2_ERROR_NOMEMORY)
		out_of_memory();
	if (rc != PCRE2_ERROR_NOMATCH)
		elog(ERROR, "pcre2_match failed: %d", rc);
	return MATCH_NONE;
}

ConsentMatch
consent_pattern_match(const ConsentPattern *pattern, const char *text, int len,
					  int from, int *start, int *end)
{
	return consent_pattern_match_within(pattern, text, len, from, len - 1, start, end);
}
