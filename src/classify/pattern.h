/*-------------------------------------------------------------------------
 *
 * pattern.h
 *	  Regular expressions with limits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_PATTERN_H
#define PG_CONSENT_PATTERN_H

typedef struct ConsentPattern ConsentPattern;

#define CONSENT_PATTERN_MAX_BYTES	4096

/* Whether a pattern is compiled to ignore case; see there. */
extern bool consent_pattern_is_caseless(const char *source);

typedef enum ConsentMatch
{
	MATCH_NONE,
	MATCH_FOUND,
	MATCH_LIMIT					/* gave up: nothing is known about the rest */
} ConsentMatch;

/*
 * Compile a pattern (UTF-8), or raise 2201B.  It belongs to the current
 * memory context and goes with it; its source must stay as long.
 */
extern ConsentPattern *consent_pattern_compile(const char *source);

/*
 * What was compiled, as bytes from which other sessions of the server get the
 * pattern in a tenth of the time.  NULL, of either: it must be compiled.
 */
extern bytea *consent_pattern_pack(const char *source);
extern ConsentPattern *consent_pattern_unpack(const char *source, const bytea *packed);

/*
 * First match at or after byte "from" of a valid UTF-8 text.  *start and *end
 * are byte offsets; a match is never empty.
 */
extern ConsentMatch consent_pattern_match(const ConsentPattern *pattern,
										  const char *text, int len, int from,
										  int *start, int *end);

/* The same for matches that begin from "from" up to, and including, "last". */
extern ConsentMatch consent_pattern_match_within(const ConsentPattern *pattern,
												 const char *text, int len,
												 int from, int last,
												 int *start, int *end);

#endif							/* PG_CONSENT_PATTERN_H */
