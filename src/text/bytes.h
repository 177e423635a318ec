/*-------------------------------------------------------------------------
 *
 * bytes.h
 *	  What the next bytes of a folded text are, all at once.
 *
 * Words are of no regular length: who goes byte by byte to the end of one, has
 * the processor guess wrong once a word.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_BYTES_H
#define PG_CONSENT_BYTES_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* So many are looked at; a folded text has as many NUL bytes behind its end. */
#define CONSENT_BYTES_SEEN	64

/* A bit for each of them, the lowest for the first. */
typedef struct ConsentBytes
{
	uint64		letters;		/* of ASCII */
	uint64		digits;
	uint64		spaces;			/* and line feeds */
	uint64		lines;			/* "_" */
	uint64		high;			/* parts of other characters */
	uint64		ends;			/* ".", "!", "?" and line feeds */
} ConsentBytes;

#ifdef __SSE2__
static inline __m128i
consent_are_between(__m128i bytes, char first, char last)
{
	/* what is less than others is so with a sign: so the range is put at the least number */
	__m128i		moved = _mm_add_epi8(bytes, _mm_set1_epi8((char) (0x80 - first)));

	return _mm_cmplt_epi8(moved, _mm_set1_epi8((char) (0x80 + last - first + 1)));
}

static inline uint64
consent_bytes_between(__m128i bytes, char first, char last)
{
	return _mm_movemask_epi8(consent_are_between(bytes, first, last));
}
#endif

static inline ConsentBytes
consent_see_bytes(const char *s)
{
	ConsentBytes seen = {0};

#ifdef __SSE2__
	for (int i = 0; i < CONSENT_BYTES_SEEN; i += 16)
	{
		__m128i		bytes = _mm_loadu_si128((const __m128i *) (s + i));
		__m128i		lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
		__m128i		spaces = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')),
										  _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
		__m128i		ends = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')),
													 _mm_cmpeq_epi8(bytes, _mm_set1_epi8('!'))),
										_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('?')),
													 _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'))));

		seen.letters |= consent_bytes_between(lower, 'a', 'z') << i;
		seen.digits |= consent_bytes_between(bytes, '0', '9') << i;
		seen.spaces |= (uint64) _mm_movemask_epi8(spaces) << i;
		seen.lines |= (uint64) _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('_'))) << i;
		seen.high |= (uint64) _mm_movemask_epi8(bytes) << i;
		seen.ends |= (uint64) _mm_movemask_epi8(ends) << i;
	}
#else
	for (int i = 0; i < CONSENT_BYTES_SEEN; i++)
	{
		unsigned char c = (unsigned char) s[i];
		unsigned char lower = c | 0x20;

		seen.letters |= (uint64) (lower >= 'a' && lower <= 'z') << i;
		seen.digits |= (uint64) (c >= '0' && c <= '9') << i;
		seen.spaces |= (uint64) (c == ' ' || c == '\n') << i;
		seen.lines |= (uint64) (c == '_') << i;
		seen.high |= (uint64) (c >= 0x80) << i;
		seen.ends |= (uint64) (c == '.' || c == '!' || c == '?' || c == '\n') << i;
	}
#endif
	return seen;
}

#endif							/* PG_CONSENT_BYTES_H */
