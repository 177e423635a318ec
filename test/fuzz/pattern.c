/*-------------------------------------------------------------------------
 *
 * pattern.c
 *	  The rule compiler takes any pattern, or refuses it; and what a pattern
 *	  matches contains one of its literals; packed and unpacked, and with
 *	  interrupts, it is the same.
 *
 * The input is a pattern, a NUL byte, and a text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "backend.h"
#include "classify/literal.h"
#include "classify/pattern.h"
#include "text/text.h"

static void
run(const char *data, int size)
{
	int			split = (int) strnlen(data, size);
	char	   *source = palloc(split + 1);
	char	   *given = palloc(size - split + 1);
	ConsentPattern *pattern;
	ConsentPattern *again;
	ConsentLiteral *literals;
	ConsentText text;
	int			n;
	int			start;
	int			end;
	int			start_again;
	int			end_again;
	ConsentMatch found;

	memcpy(source, data, split);
	consent_fuzz_utf8(source, split);
	memcpy(given, data + split, size - split);
	n = consent_fuzz_utf8(given, size - split);
	consent_text_fold(given, n, &text);

	pattern = consent_pattern_compile(source);
	n = consent_literals(source, consent_pattern_is_caseless(source), &literals);
	if (n > 0)
	{
		int			size;
		char	   *packed = consent_literals_pack(source, literals, n, &size);
		ConsentLiteral *unpacked;

		MUST(consent_literals_unpack(source, packed, size, &unpacked) == n);
		for (int i = 0; i < n; i++)
			MUST(unpacked[i].len == literals[i].len && unpacked[i].before.chars == literals[i].before.chars &&
				 unpacked[i].before.spaces == literals[i].before.spaces &&
				 unpacked[i].before.least == literals[i].before.least &&
				 memcmp(unpacked[i].bytes, literals[i].bytes, literals[i].len) == 0);
	}
	found = consent_pattern_match(pattern, text.data, text.len, 0, &start, &end);
	again = consent_pattern_unpack(source, consent_pattern_pack(source));
	MUST(again != NULL);
	consent_fuzz_interrupts = 2;
	InterruptPending = true;
	MUST(consent_pattern_match(again, text.data, text.len, 0, &start_again, &end_again) == found);
	/* one comes before the match, so the others have come within */
	MUST(found != MATCH_FOUND || (start_again == start && end_again == end && !InterruptPending));
	InterruptPending = false;
	if (n > 0 && found == MATCH_FOUND)
	{
		bool		contained = false;

		for (int i = 0; i < n && !contained; i++)
		{
			for (int at = 0; at + literals[i].len <= text.len && !contained; at++)
				contained = memcmp(text.data + at, literals[i].bytes, literals[i].len) == 0;
		}
		MUST(contained);
	}
}

FUZZ_TARGET(run)
