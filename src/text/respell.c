/*-------------------------------------------------------------------------
 *
 * respell.c
 *	  Reads disguised words as what they are, and writes sums, percentages
 *	  and multi-buy offers in one way.
 *
 * Senders who hide promotion from filters spell it "s a l e", "d1sc0unt",
 * "Saaaale", "frеe" with a Cyrillic letter.  The reader is not deceived, so
 * rules must not be either.  But what only looks disguised, such as an order
 * number, a postcode or a Greek word, stays as it is: a token is respelled if
 * what comes out is a known word, or if it mixes scripts in a way that no
 * honest word does.
 *
 * One pass over the text, token by token.  Nothing is copied until the first
 * token that changes; most texts have none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "text/bytes.h"
#include "text/fold.h"
#include "text/lexicon.h"

#define TOKEN_MAX		64		/* bytes of a token that is looked at */
#define SPACED_LETTERS	4		/* so many single letters are a word */
#define SPACED_MAX		400		/* characters of such a stretch */
#define SPLIT_FROM		9		/* letters of words written together */
#define SPLIT_WORDS		12
#define PARTED_BY_STOPS	4		/* so many full stops part words */
#define PARTED_BY_LINES	8		/* and so many "_": programs have long names */

/* Character classes. */
#define LETTER	1
#define DIGIT	2
#define HIGH	4				/* part of a character that is not ASCII */

typedef struct Respell
{
	const ConsentText *in;
	ConsentText out;
	TextFold	fold;
	bool		writing;		/* false: out is in, so far */
	int			copied;			/* bytes of "in" that are in "out" */
	int			run;			/* where "copied" stands in the map */
	int			zone;
	int			tried;			/* up to here no word is spelled out */
} Respell;

static unsigned char class_of[256];

static void
prepare_classes(void)
{
	for (int c = 'a'; c <= 'z'; c++)
		class_of[c] = LETTER;
	for (int c = '0'; c <= '9'; c++)
		class_of[c] = DIGIT;
	for (int c = 0x80; c <= 0xFF; c++)
		class_of[c] = HIGH;
}

/*
 * Bring "out" up to byte "to" of "in".  The map is copied run by run, and
 * zones begin where they began.
 */
static void
copy_to(Respell *r, int to)
{
	const ConsentText *in = r->in;

	while (r->copied < to)
	{
		const ConsentRun *run;
		int			stop = to;

		while (r->run + 1 < in->nruns && in->run[r->run + 1].at <= r->copied)
			r->run++;
		while (r->zone + 1 < in->nzones && in->zone[r->zone + 1].at <= r->copied)
			r->zone++;
		run = &in->run[r->run];
		if (r->run + 1 < in->nruns)
			stop = Min(stop, in->run[r->run + 1].at);
		if (r->zone + 1 < in->nzones)
			stop = Min(stop, in->zone[r->zone + 1].at);
		r->fold.region = in->zone[r->zone].region;
		if (run->width == 0)
			consent_fold_append(&r->fold, in->data + r->copied, stop - r->copied,
								run->start + (r->copied - run->at), 0, true);
		else
			consent_fold_append(&r->fold, in->data + r->copied, stop - r->copied,
								run->start, run->start + run->width, false);
		r->copied = stop;
	}
}

/* Write n bytes in the place of bytes from to "to" of "in". */
static void
replace(Respell *r, int from, int to, const char *bytes, int n)
{
	if (!r->writing)
	{
		r->writing = true;
		consent_fold_begin(&r->fold, &r->out, r->in->len);
	}
	copy_to(r, from);
	if (n > 0)
	{
		int32		start,
					end;

		/* Reversed text may end where it begins: never an empty source. */
		consent_text_source(r->in, from, Max(to, from + 1), &start, &end);
		r->fold.region = consent_text_region(r->in, from);
		consent_fold_append(&r->fold, bytes, n, start, end, false);
	}
	r->copied = to;
}

static void
replace_with(Respell *r, int from, int to, const char *word)
{
	replace(r, from, to, word, (int) strlen(word));
}

/* Does the text go on with s at "at", and no letter or digit behind it? */
static bool
follows(const ConsentText *in, int at, const char *s)
{
	int			n = (int) strlen(s);

	return at + n <= in->len && memcmp(in->data + at, s, n) == 0 &&
		!(class_of[(unsigned char) in->data[at + n]] & (LETTER | DIGIT));
}

/* The length of the first of the words that follows, else 0. */
static int
follows_any(const ConsentText *in, int at, const char *const *words)
{
	for (; *words; words++)
	{
		if (follows(in, at, *words))
			return (int) strlen(*words);
	}
	return 0;
}

/*-------------------------------------------------------------------------
 * Look-alikes
 *-------------------------------------------------------------------------
 */

/*
 * Letters of other scripts, folded, and the Latin letters they pass for; the
 * second is the one that their capital looks like, if that is another.
 */
typedef struct Lookalike
{
	pg_wchar	c;
	char		latin;
	char		other;
} Lookalike;

static const Lookalike lookalikes[] = {
	{0x0251, 'a', 0}, {0x0261, 'g', 0}, {0x0262, 'g', 0}, {0x026A, 'i', 0},
	{0x0274, 'n', 0}, {0x0280, 'r', 0}, {0x028F, 'y', 0}, {0x0299, 'b', 0},
	{0x029C, 'h', 0}, {0x029F, 'l', 0},
	{0x03B1, 'a', 0}, {0x03B2, 'b', 0}, {0x03B5, 'e', 0}, {0x03B6, 'z', 0},
	{0x03B7, 'n', 'h'}, {0x03B9, 'i', 0}, {0x03BA, 'k', 0}, {0x03BC, 'u', 'm'},
	{0x03BD, 'v', 'n'}, {0x03BF, 'o', 0}, {0x03C1, 'p', 0}, {0x03C3, 'o', 0},
	{0x03C4, 't', 0}, {0x03C5, 'u', 'y'}, {0x03C7, 'x', 0}, {0x03C9, 'w', 0},
	{0x03F2, 'c', 0}, {0x03F3, 'j', 0},
	{0x0430, 'a', 0}, {0x0432, 'b', 0}, {0x0433, 'r', 0}, {0x0435, 'e', 0},
	{0x043A, 'k', 0}, {0x043C, 'm', 0}, {0x043D, 'h', 0}, {0x043E, 'o', 0},
	{0x043F, 'n', 0}, {0x0440, 'p', 0}, {0x0441, 'c', 0}, {0x0442, 't', 0},
	{0x0443, 'y', 0}, {0x0445, 'x', 0}, {0x044C, 'b', 0}, {0x0451, 'e', 0},
	{0x0454, 'e', 0}, {0x0455, 's', 0}, {0x0456, 'i', 0}, {0x0457, 'i', 0},
	{0x0458, 'j', 0}, {0x0475, 'v', 0}, {0x0493, 'f', 0}, {0x04BB, 'h', 0},
	{0x04CF, 'l', 0}, {0x0501, 'd', 0}, {0x051B, 'q', 0}, {0x051D, 'w', 0},
	{0x0561, 'w', 0}, {0x0563, 'q', 0}, {0x0566, 'q', 0}, {0x0570, 'h', 0},
	{0x0578, 'n', 0}, {0x057D, 'u', 0}, {0x0581, 'g', 0}, {0x0585, 'o', 0},
	{0x13A0, 'd', 0}, {0x13A1, 'r', 0}, {0x13A2, 't', 0}, {0x13A5, 'i', 0},
	{0x13A9, 'y', 0}, {0x13AA, 'a', 0}, {0x13AB, 'j', 0}, {0x13AC, 'e', 0},
	{0x13B3, 'w', 0}, {0x13B7, 'm', 0}, {0x13BB, 'h', 0}, {0x13C0, 'g', 0},
	{0x13C3, 'z', 0}, {0x13CF, 'b', 0}, {0x13D2, 'r', 0}, {0x13D4, 'w', 0},
	{0x13D5, 's', 0}, {0x13D9, 'v', 0}, {0x13DA, 's', 0}, {0x13DE, 'l', 0},
	{0x13DF, 'c', 0}, {0x13E2, 'p', 0}, {0x13E6, 'k', 0}, {0x13E7, 'd', 0},
	{0x1D00, 'a', 0}, {0x1D04, 'c', 0}, {0x1D05, 'd', 0}, {0x1D07, 'e', 0},
	{0x1D0A, 'j', 0}, {0x1D0B, 'k', 0}, {0x1D0D, 'm', 0}, {0x1D0F, 'o', 0},
	{0x1D11, 'o', 0}, {0x1D18, 'p', 0}, {0x1D1B, 't', 0}, {0x1D1C, 'u', 0},
	{0x1D20, 'v', 0}, {0x1D21, 'w', 0}, {0x1D22, 'z', 0},
	{0xA730, 'f', 0}, {0xA731, 's', 0}
};

#define IS_SMALL_CAPITAL(c) (((c) >= 0x250 && (c) <= 0x2AF) || \
							 ((c) >= 0x1D00 && (c) <= 0x1D2F) || (c) == 0xA730 || (c) == 0xA731)
#define IS_FLAG_LETTER(c)	((c) >= 0x1F1E6 && (c) <= 0x1F1FF)

static char
latin_of(pg_wchar c, bool other)
{
	int			low = 0;
	int			high = lengthof(lookalikes);

	if (c < 0x80)
		return (char) c;
	if (IS_FLAG_LETTER(c))
		return (char) ('a' + (c - 0x1F1E6));
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (lookalikes[middle].c == c)
			return other && lookalikes[middle].other ? lookalikes[middle].other :
				lookalikes[middle].latin;
		if (lookalikes[middle].c < c)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

/* A token with characters that are not ASCII. */
static void
see_lookalikes(Respell *r, int from, int to)
{
	const unsigned char *s = (const unsigned char *) r->in->data;
	char		word[TOKEN_MAX];
	char		other[TOKEN_MAX];
	int			n = 0;
	bool		mixed = false;	/* some letters are ASCII */
	bool		small = true;	/* the others are all small capitals */
	bool		flags = false;

	for (int at = from; at < to; at += pg_utf_mblen(s + at))
	{
		pg_wchar	c = utf8_to_unicode(s + at);

		word[n] = latin_of(c, false);
		other[n] = latin_of(c, true);
		if (word[n++] == 0)
			return;
		if (c < 0x80)
			mixed |= class_of[c] == LETTER;
		else
			small &= IS_SMALL_CAPITAL(c);
		flags |= IS_FLAG_LETTER(c);
	}
	if (consent_lexicon_find(word, n) == WORD_NONE &&
		consent_lexicon_find(other, n) != WORD_NONE)
		memcpy(word, other, n);
	else if (consent_lexicon_find(word, n) == WORD_NONE && (flags || n < 2 || !(mixed || small)))
		return;
	replace(r, from, to, word, n);
}

/*-------------------------------------------------------------------------
 * Letters apart, words together, letters repeated, digits for letters
 *-------------------------------------------------------------------------
 */

static bool
is_single(const ConsentText *in, int at)
{
	unsigned char before = at > 0 ? (unsigned char) in->data[at - 1] : ' ';

	return at < in->len && (class_of[(unsigned char) in->data[at]] & (LETTER | DIGIT)) &&
		class_of[before] == 0 && class_of[(unsigned char) in->data[at + 1]] == 0;
}

/* Write letters that belong together; apart, if they turn out to be words. */
static int
put_joined(char *out, int n, const char *word, int len)
{
	int			ends[SPLIT_WORDS];
	int			nwords = 0;
	int			from = 0;

	if (len >= SPACED_LETTERS && consent_lexicon_find(word, len) == WORD_NONE)
		nwords = consent_lexicon_split(word, len, 2, ends, SPLIT_WORDS);
	for (int i = 0; i < nwords; i++)
	{
		memcpy(out + n, word + from, ends[i] - from);
		n += ends[i] - from;
		from = ends[i];
		if (i < nwords - 1)
			out[n++] = ' ';
	}
	memcpy(out + n, word + from, len - from);
	return n + len - from;
}

/*
 * "s a l e", "f.r.e.e": letters one by one with the same sign between them.
 * Where two spaces stood in plain text, a word ended.  Returns the byte
 * behind it, or "from" if it is no such thing.
 */
static int
join_letters(Respell *r, int from)
{
	const ConsentText *in = r->in;
	char		sign = in->data[from + 1];
	char		out[3 * SPACED_MAX];
	char		word[SPACED_MAX];
	int			len = 0;
	int			n = 0;
	int			letters = 0;
	int			steps = 0;
	int			at = from;
	int			end = from;

	/* in a table there may be a cell for each */
	if (sign == '\0' || strchr(in->html ? " \n._*-~|" : " ._*-~|", sign) == NULL)
		return from;
	while (is_single(in, at) && ++steps < SPACED_MAX)
	{
		char		c = in->data[at];
		bool		gap = false;

		letters += class_of[(unsigned char) c] == LETTER;
		if (len > 0 && class_of[(unsigned char) word[len - 1]] != class_of[(unsigned char) c])
		{
			n = put_joined(out, n, word, len);
			len = 0;
			out[n++] = ' ';
		}
		word[len++] = c;
		end = ++at;
		if (sign == ' ')
		{
			/* a mark at the end of a word, or a percentage */
			while (at < in->len && strchr(",.!?:;%", in->data[at]) && ++steps < SPACED_MAX)
			{
				n = put_joined(out, n, word, len);
				len = 0;
				out[n++] = in->data[at];
				end = ++at;
				gap = true;
			}
			if (in->data[at] == ' ' && in->data[at + 1] == '%')
				at++;
			while (in->data[at] == '%' && ++steps < SPACED_MAX)
			{
				n = put_joined(out, n, word, len);
				len = 0;
				out[n++] = '%';
				end = ++at;
				gap = true;
			}
		}
		if (in->data[at] != sign || !is_single(in, at + 1))
			break;
		if (sign == ' ' && !in->html &&
			consent_text_end(in, at) - consent_text_start(in, at) > 1)
			gap = true;
		if (gap)
		{
			n = put_joined(out, n, word, len);
			len = 0;
			out[n++] = ' ';
		}
		at++;
	}
	/* three will do for a word that is worth hiding: "b*u*y" */
	if (letters < SPACED_LETTERS &&
		(sign == ' ' || n > 0 || consent_lexicon_find(word, len) != WORD_TRADE))
	{
		r->tried = end;
		return from;
	}
	n = put_joined(out, n, word, len);
	replace(r, from, end, out, n);
	return end;
}

/* "freedelivery" */
static void
take_apart(Respell *r, int from, int to)
{
	const ConsentText *in = r->in;
	char		before = from > 0 ? in->data[from - 1] : ' ';
	char		after = in->data[to];
	int			ends[SPLIT_WORDS];
	int			n;
	int			start = from;

	/* a part of an address is no word */
	if (strchr("./@_-=#", before) || (after && strchr("/@_-=", after)) ||
		(after == '.' && class_of[(unsigned char) in->data[to + 1]] != 0))
		return;
	if (consent_lexicon_find(in->data + from, to - from) != WORD_NONE)
		return;
	n = consent_lexicon_split(in->data + from, to - from, 3, ends, SPLIT_WORDS);
	for (int i = 0; i < n; i++)
	{
		int			end = from + ends[i];

		replace(r, start, start, "", 0);
		copy_to(r, end);
		if (i < n - 1)
			consent_fold_append(&r->fold, " ", 1, consent_text_start(in, end),
								consent_text_start(in, end) + 1, false);
		start = end;
	}
	if (n > 0 && after == '&')
		replace_with(r, to, to + 1, " & ");
}

/* "saaaale": try each of its long runs as one letter and as two */
static void
shorten_repeats(Respell *r, int from, int to)
{
	const char *s = r->in->data;

	for (int twice = 0; twice < 2; twice++)
	{
		char		word[TOKEN_MAX];
		int			n = 0;

		for (int at = from; at < to;)
		{
			int			run = 1;

			while (at + run < to && s[at + run] == s[at])
				run++;
			for (int i = 0; i < (run < 3 ? run : 1 + twice); i++)
				word[n++] = s[at];
			at += run;
		}
		if (consent_lexicon_find(word, n) != WORD_NONE)
		{
			replace(r, from, to, word, n);
			return;
		}
	}
}

static char
letter_for(char digit, bool other)
{
	switch (digit)
	{
		case '0':
			return 'o';
		case '1':
			return other ? 'l' : 'i';
		case '3':
			return 'e';
		case '4':
			return 'a';
		case '5':
			return 's';
		case '7':
			return 't';
		case '8':
			return 'b';
		default:
			return digit;
	}
}

static const char *const short_spellings[][2] = {
	{"gr8", "great"}, {"2day", "today"}, {"2nite", "tonight"}, {"2night", "tonight"},
	{"2moro", "tomorrow"}, {"2morrow", "tomorrow"}, {"l8r", "later"},
	{"4u", "for you"}, {"2u", "to you"}, {"b4", "before"}, {"w8", "wait"}
};

/* Only zeros, each between letters, in a long word: "v0daf0ne". */
static bool
has_round_letters(const char *s, int n)
{
	if (n < 6 || class_of[(unsigned char) s[0]] != LETTER ||
		class_of[(unsigned char) s[n - 1]] != LETTER)
		return false;
	for (int i = 1; i < n - 1; i++)
	{
		if (class_of[(unsigned char) s[i]] == DIGIT &&
			(s[i] != '0' || class_of[(unsigned char) s[i - 1]] != LETTER ||
			 class_of[(unsigned char) s[i + 1]] != LETTER))
			return false;
	}
	return true;
}

/* A token of letters and digits, or with "pc" or "gbp" at a number. */
static void
see_digits(Respell *r, int from, int to)
{
	const ConsentText *in = r->in;
	const char *s = in->data + from;
	int			n = to - from;
	int			digits = 0;
	char		word[TOKEN_MAX];

	for (int i = 0; i < lengthof(short_spellings); i++)
	{
		if (short_spellings[i][0][0] == s[0] && strlen(short_spellings[i][0]) == n &&
			memcmp(short_spellings[i][0], s, n) == 0)
		{
			replace_with(r, from, to, short_spellings[i][1]);
			return;
		}
	}
	while (digits < n && class_of[(unsigned char) s[digits]] == DIGIT)
		digits++;
	if (digits > 0 && digits == n - 2 && memcmp(s + digits, "pc", 2) == 0)
	{
		replace_with(r, from + digits, to, "%");
		return;
	}
	if (n > 3 && memcmp(s, "gbp", 3) == 0)
	{
		int			rest = 3;

		while (rest < n && class_of[(unsigned char) s[rest]] == DIGIT)
			rest++;
		if (rest == n)
			replace_with(r, from, from + 3, "\xC2\xA3");
		return;
	}
	/* "W1N 4DJ" is a place */
	if (n < 3 || (in->data[to] == ' ' && to + 3 < in->len &&
				  class_of[(unsigned char) in->data[to + 1]] == DIGIT &&
				  class_of[(unsigned char) in->data[to + 2]] == LETTER &&
				  class_of[(unsigned char) in->data[to + 3]] == LETTER &&
				  class_of[(unsigned char) in->data[to + 4]] == 0))
		return;
	for (int other = 0; other < 2; other++)
	{
		for (int i = 0; i < n; i++)
			word[i] = letter_for(s[i], other);
		if (consent_lexicon_find(word, n) != WORD_NONE)
		{
			replace(r, from, to, word, n);
			return;
		}
	}
	if (has_round_letters(s, n))
	{
		for (int i = 0; i < n; i++)
			word[i] = s[i] == '0' ? 'o' : s[i];
		replace(r, from, to, word, n);
	}
}

/* "dis- count": a word that a line break cut in two */
static bool
mend_break(Respell *r, int from, int to)
{
	const ConsentText *in = r->in;
	char		word[2 * TOKEN_MAX];
	int			end = to + 2;

	while (end < in->len && class_of[(unsigned char) in->data[end]] == LETTER &&
		   end - to < TOKEN_MAX)
		end++;
	if (end == to + 2 || class_of[(unsigned char) in->data[end]] != 0)
		return false;
	memcpy(word, in->data + from, to - from);
	memcpy(word + (to - from), in->data + to + 2, end - to - 2);
	if (consent_lexicon_find(word, (to - from) + (end - to - 2)) == WORD_NONE)
		return false;
	replace(r, to, to + 2, "", 0);
	return true;
}

/*-------------------------------------------------------------------------
 * Money, percentages, multi-buy
 *-------------------------------------------------------------------------
 */

static const char *const money_words[] = {"pounds", "quid", "gbp", "pounds sterling", NULL};
static const char *const percent_words[] = {"per cent", "percent", "per-cent", NULL};

static const char *const number_words[][2] = {
	{"one", "1"}, {"two", "2"}, {"three", "3"}, {"four", "4"}, {"five", "5"},
	{"six", "6"}, {"seven", "7"}, {"eight", "8"}, {"nine", "9"}, {"ten", "10"},
	{"fifteen", "15"}, {"twenty", "20"}, {"thirty", "30"}, {"forty", "40"},
	{"fifty", "50"}, {"sixty", "60"}, {"seventy", "70"}, {"eighty", "80"},
	{"ninety", "90"}, {"hundred", "100"}
};

static const char *
number_word(const char *s, int n)
{
	for (int i = 0; i < lengthof(number_words); i++)
	{
		if (number_words[i][0][0] == s[0] && strlen(number_words[i][0]) == n &&
			memcmp(number_words[i][0], s, n) == 0)
			return number_words[i][1];
	}
	return NULL;
}

/* May what follows a number at "to" be a per cent, a currency or "-for-"? */
static inline bool
counts_something(const ConsentText *in, int to)
{
	switch (in->data[to])
	{
		case ' ':
			to++;
			break;
		case '-':
		case '%':
			return true;
		default:
			return false;
	}
	switch (in->data[to])
	{
		case 'p':
		case 'q':
		case 'g':
		case '%':
			return true;
		default:
			return false;
	}
}

/* A number from "from" to "to", of which digits[] is the value. */
static void
see_number(Respell *r, int from, int to, const char *digits)
{
	const ConsentText *in = r->in;
	int			at = to + (in->data[to] == ' ');
	int			n;
	int			start = from;

	if (in->data[at] == '%')
	{
		if (digits)
			replace_with(r, from, to, digits);
		if (at > to)
			replace(r, to, at, "", 0);
		return;
	}
	if (at == to)
		return;
	if ((n = follows_any(in, at, percent_words)) > 0)
	{
		if (digits)
			replace_with(r, from, to, digits);
		replace_with(r, to, at + n, "%");
		return;
	}
	if ((n = follows_any(in, at, money_words)) > 0)
	{
		char		sum[TOKEN_MAX];

		/* "1,250.00 pounds" */
		while (!digits && start > r->copied && from - start < TOKEN_MAX / 2 &&
			   (class_of[(unsigned char) in->data[start - 1]] == DIGIT ||
				((in->data[start - 1] == ',' || in->data[start - 1] == '.') && start - 1 > r->copied &&
				 class_of[(unsigned char) in->data[start - 2]] == DIGIT)))
			start--;
		if (start > 0 && (class_of[(unsigned char) in->data[start - 1]] ||
						  in->data[start - 1] == '$'))
			return;
		if (digits)
			n = snprintf(sum, sizeof(sum), "\xC2\xA3%s", digits);
		else
		{
			if (to - start > (int) sizeof(sum) - 3)
				return;
			memcpy(sum, "\xC2\xA3", 2);
			memcpy(sum + 2, in->data + start, to - start);
			n = 2 + to - start;
		}
		replace(r, start, at + follows_any(in, at, money_words), sum, n);
	}
}

/* "2-for-1", "two-for-one", "2 4 1" */
static bool
see_multibuy(Respell *r, int from, int to)
{
	const ConsentText *in = r->in;
	char		sign = in->data[to];
	int			at;
	int			end;
	const char *many;
	const char *few;
	char		form[16];

	if (sign != '-' && sign != ' ')
		return false;
	at = to + 1;
	if (strncmp(in->data + at, "for", 3) == 0)
		at += 3;
	else if (in->data[at] == '4')
		at++;
	else
		return false;
	many = number_word(in->data + from, to - from);
	if (many == NULL && to - from == 1 && class_of[(unsigned char) in->data[from]] == DIGIT)
		many = pnstrdup(in->data + from, 1);
	if (many == NULL || many[1])
		return false;
	if (in->data[at] != sign)
		return false;
	end = ++at;
	while (class_of[(unsigned char) in->data[end]] & (LETTER | DIGIT))
		end++;
	few = number_word(in->data + at, end - at);
	if (few == NULL && end - at == 1 && class_of[(unsigned char) in->data[at]] == DIGIT)
		few = pnstrdup(in->data + at, 1);
	/* "a table for two for one night" is none */
	if (few == NULL || few[1] || few[0] >= many[0] ||
		(sign == ' ' && class_of[(unsigned char) in->data[from]] == LETTER))
		return false;
	snprintf(form, sizeof(form), "%s for %s", many, few);
	replace_with(r, from, end, form);
	return true;
}

/*-------------------------------------------------------------------------
 * Signs
 *-------------------------------------------------------------------------
 */

static const struct
{
	pg_wchar	c;
	const char *word;
}			pictures[] =
{
	{0x1F193, "free"}, {0x1F195, "new"}, {0x1F381, "gift"}, {0x1F449, ""},
	{0x1F4B0, "money"}, {0x1F4B7, "money"}, {0x1F4B8, "money"}, {0x1F6CD, "shopping"},
	{0x1F6D2, "basket"}
};

/* A picture that stands for a word. */
static void
see_picture(Respell *r, int from, int n)
{
	const ConsentText *in = r->in;
	pg_wchar	c = utf8_to_unicode((const unsigned char *) in->data + from);

	for (int i = 0; i < lengthof(pictures); i++)
	{
		const char *word = pictures[i].word;
		char		spaced[16];
		int			to = from + n;

		if (pictures[i].c != c)
			continue;
		if (*word == '\0')
			to += in->data[to] == ' ';
		else
		{
			snprintf(spaced, sizeof(spaced), "%s%s%s",
					 from > 0 && class_of[(unsigned char) in->data[from - 1]] ? " " : "", word,
					 class_of[(unsigned char) in->data[to]] ? " " : "");
			word = spaced;
		}
		replace_with(r, from, to, word);
		return;
	}
}

/* References of HTML that somebody left in plain text. */
static void
see_reference(Respell *r, int at)
{
	static const char *const references[][2] = {
		{"&pound;", "\xC2\xA3"}, {"&amp;", "&"}, {"&nbsp;", " "}
	};

	for (int i = 0; i < lengthof(references); i++)
	{
		int			n = (int) strlen(references[i][0]);

		if (strncmp(r->in->data + at, references[i][0], n) == 0)
			replace_with(r, at, at + n, references[i][1]);
	}
}

/* Bytes of a character at "at" that is no letter, 0 if it may be one. */
static int
sign_length(const ConsentText *in, int at)
{
	const unsigned char *s = (const unsigned char *) in->data + at;

	if (s[0] == 0xC2)
		return 2;				/* signs of Latin-1 that NFKC leaves */
	if (s[0] == 0xE2)
		return 3;				/* U+2000 to U+2FFF: punctuation, signs */
	if (s[0] == 0xF0 && s[1] == 0x9F && !(s[2] == 0x87 && s[3] >= 0xA6))
		return 4;				/* pictures, except the letters of flags */
	return 0;
}

/*
 * Most words are nothing but what they are: two to eight letters, none of which comes
 * three times, and no unit of a number behind them.  All else is looked at; where that
 * is, is told for many bytes at once.
 */
#define AHEAD			64

typedef struct Ahead
{
	int			from;
	int			to;				/* no token goes on behind it, but one as long as all of this */
	uint64		tokens;			/* a bit for each byte that is part of one */
	uint64		worth;			/* for some bytes of each that is to be looked at, and "&" */
} Ahead;

#ifdef __SSE2__
#define IS(bytes, c)	_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c))
#define OR(a, b)		_mm_or_si128(a, b)
#define AND(a, b)		_mm_and_si128(a, b)
#endif

/*
 * Bits of the bytes: of tokens, of what is worth looking at by itself, of what is not
 * ASCII, and of what begins a unit; see counts_something().
 */
static inline void
see_ahead(const char *s, Ahead *ahead, uint64 *high, uint64 *units)
{
	ahead->tokens = ahead->worth = *high = *units = 0;
#ifdef __SSE2__
	for (int i = 0; i < AHEAD; i += 16)
	{
		__m128i		b = _mm_loadu_si128((const __m128i *) (s + i));
		__m128i		next = _mm_loadu_si128((const __m128i *) (s + i + 1));
		__m128i		letters = consent_are_between(b, 'a', 'z');
		__m128i		digits = consent_are_between(b, '0', '9');
		__m128i		unit = OR(OR(IS(next, 'p'), IS(next, 'q')), OR(IS(next, 'g'), IS(next, '%')));
		__m128i		begins = OR(AND(IS(b, 'g'), IS(next, 'b')), AND(IS(b, 'b'), IS(next, 'o')));

		unit = OR(AND(IS(b, ' '), unit), OR(IS(b, '-'), IS(b, '%')));
		ahead->tokens |= (uint64) _mm_movemask_epi8(OR(OR(letters, digits), b)) << i;
		ahead->worth |= (uint64) _mm_movemask_epi8(OR(OR(digits, begins), IS(b, '&'))) << i;
		*high |= (uint64) _mm_movemask_epi8(b) << i;
		*units |= (uint64) _mm_movemask_epi8(unit) << i;
	}
#else
	for (int i = 0; i < AHEAD; i++)
	{
		char		c = s[i];
		char		next = s[i + 1];
		int			class = class_of[(unsigned char) c];

		ahead->tokens |= (uint64) (class != 0) << i;
		ahead->worth |= (uint64) (class == DIGIT || c == '&' || (c == 'g' && next == 'b') ||
								  (c == 'b' && next == 'o')) << i;
		*high |= (uint64) (class == HIGH) << i;
		*units |= (uint64) (c == '-' || c == '%' ||
							(c == ' ' && (next == 'p' || next == 'q' || next == 'g' || next == '%'))) << i;
	}
#endif
}

static void
look_ahead(const ConsentText *text, int at, bool triples, Ahead *ahead)
{
	uint64		high;
	uint64		units;
	uint64		plain;
	uint64		many;
	uint64		tokens;

	see_ahead(text->data + at, ahead, &high, &units);
	tokens = ahead->tokens;
	plain = tokens & ~high;
	many = tokens & tokens << 1;
	many &= many << 2;
	many &= many << 4;
	StaticAssertStmt(SPLIT_FROM == 9, "those with eight bytes of the token before them");
	many &= tokens << 8;
	ahead->worth |= many | (plain & ~(plain << 1) & ~(plain >> 1)) | (tokens & units >> 1);
	/* of a token that is not ASCII all the rest: the sum carries up to its end */
	ahead->worth |= high | (((tokens + high) ^ tokens) & tokens);
	if (triples || ~tokens == 0)
		ahead->worth |= tokens;

	ahead->from = at;
	ahead->to = at + AHEAD;
	if (tokens >> (AHEAD - 1) && ~tokens != 0)
	{
		int			whole = pg_leftmost_one_pos64(~tokens) + 1;

		ahead->worth &= (UINT64CONST(1) << whole) - 1;
		ahead->to = at + whole;
	}
}

/* Where what is to be looked at next begins, not before "at"; -1 if nothing is. */
static inline int
next_worth(const Ahead *ahead, int at)
{
	uint64		worth = ahead->worth & PG_UINT64_MAX << (at - ahead->from);
	uint64		first = worth & -worth;
	uint64		between = ~ahead->tokens & (first - 1);

	if (worth == 0)
		return -1;
	if ((ahead->tokens & first) == 0)	/* "&" */
		return ahead->from + pg_rightmost_one_pos64(first);
	return Max(at, ahead->from + (between ? pg_leftmost_one_pos64(between) + 1 : 0));
}

/* Where the token ends that begins at "from", and of what it is. */
static int
end_of_token(const ConsentText *text, int from, int *flags)
{
	*flags = 0;
	for (int at = from;; at++)
	{
		int			class = class_of[(unsigned char) text->data[at]];

		/* the NUL byte at the end has none */
		if (class == 0 || (class == HIGH && sign_length(text, at) > 0))
			return at;
		*flags |= class;
	}
}

static bool
has_triple(const char *s, int n)
{
	for (int i = 2; i < n; i++)
	{
		if (s[i] == s[i - 1] && s[i] == s[i - 2])
			return true;
	}
	return false;
}

/* The same of a text's letters, of which sixteen places are looked at together. */
static bool
text_has_triple(const ConsentText *text)
{
	unsigned char triples[16] = {0};
	uint64		any[2];

	for (int at = 0; at < text->len; at += lengthof(triples))
	{
		const char *s = text->data + at;

		for (int i = 0; i < lengthof(triples); i++)
			triples[i] |= (s[i] == s[i + 1]) & (s[i] == s[i + 2]) & (s[i] >= 'a');
	}
	memcpy(any, triples, sizeof(any));
	return (any[0] | any[1]) != 0;
}

/* A token of letters only. */
static int
see_word(Respell *r, int from, int to)
{
	const ConsentText *in = r->in;
	const char *s = in->data + from;
	int			n = to - from;
	const char *digits;

	if (in->data[to] == '-' && in->data[to + 1] == ' ' && n > 1 &&
		class_of[(unsigned char) in->data[to + 2]] == LETTER && mend_break(r, from, to))
		return to;
	if (n <= 2)
		return to;
	if (memcmp(s, "gbp ", 4) == 0 && class_of[(unsigned char) in->data[to + 1]] == DIGIT)
	{
		replace_with(r, from, to + 1, "\xC2\xA3");
		return to + 1;
	}
	if (memcmp(s, "half-price", 10) == 0)
	{
		replace_with(r, to, to + 1, " ");
		return to + 1;
	}
	if (n == 5 && memcmp(s, "bogof", 5) == 0)
	{
		replace_with(r, from, to, "buy one get one free");
		return to;
	}
	if (n <= 7 && counts_something(in, to) && (digits = number_word(s, n)) != NULL)
	{
		if (!see_multibuy(r, from, to))
			see_number(r, from, to, digits);
	}
	else if (n >= SPLIT_FROM)
		take_apart(r, from, to);
	return to;
}

/* A token of digits only; returns the byte to go on at. */
static int
see_number_token(Respell *r, int from, int to)
{
	const ConsentText *in = r->in;
	const char *s = in->data + from;
	static const char *const u[] = {"u", NULL};

	if (to - from == 1)
	{
		/* "1/2 price", also with the fraction slash of NFKC */
		int			slash = s[1] == '/' ? 1 : strncmp(s + 1, "\xE2\x81\x84", 3) == 0 ? 3 : 0;

		if (s[0] == '1' && slash && s[1 + slash] == '2' &&
			(from == 0 || !class_of[(unsigned char) s[-1]]) &&
			(s[2 + slash] == ' ' || s[2 + slash] == '-') && follows(in, from + 3 + slash, "price"))
		{
			replace_with(r, from, from + 3 + slash, "half ");
			return from + 3 + slash;
		}
		if (see_multibuy(r, from, to))
			return r->copied;
		if ((s[0] == '4' || s[0] == '2') && s[1] == ' ' && follows_any(in, to + 1, u))
		{
			replace_with(r, from, to + 2, s[0] == '4' ? "for you" : "to you");
			return to + 2;
		}
		/* "text BUY 2 80488" */
		if (s[0] == '2' && s[1] == ' ' && strspn(s + 2, "0123456789") == 5 &&
			from > 0 && s[-1] == ' ')
		{
			replace_with(r, from, to, "to");
			return to;
		}
	}
	if (counts_something(in, to))
		see_number(r, from, to, NULL);
	return Max(to, r->copied);
}

/* A sign, at "at", of n bytes that are no ASCII; returns the byte to go on at. */
static int
see_sign(Respell *r, int at, int n)
{
	const char *s = r->in->data + at;

	if (n == 4)
		see_picture(r, at, n);
	else if (n == 2 && s[1] == '\xA3' && s[2] == ' ' && class_of[(unsigned char) s[3]] == DIGIT)
		replace(r, at + 2, at + 3, "", 0);
	return Max(at + n, r->copied);
}

/* A token of what "flags" say; returns the byte to go on at. */
static inline int
see_token(Respell *r, int from, int to, int flags, bool triples)
{
	if (to - from > TOKEN_MAX)
		return to;
	if (flags == DIGIT)
		return see_number_token(r, from, to);
	if (flags & HIGH)
		see_lookalikes(r, from, to);
	else if (flags == (LETTER | DIGIT))
		see_digits(r, from, to);
	else if (triples && has_triple(r->in->data + from, to - from))
		shorten_repeats(r, from, to);
	else
		return see_word(r, from, to);
	return to;
}

/* How many words are there that a sentence has, and the name of a computer or a program hardly? */
static int
small_words(const char *s, int n, char sign)
{
	static const char *const words[] = {"and", "are", "at", "for", "from", "in", "is", "now", "of", "off", "on", "our",
	"the", "this", "to", "with", "you", "your"};
	int			found = 0;

	for (int from = 0, to; from < n; from = to + 1)
	{
		for (to = from; to < n && s[to] != sign; to++)
			;
		for (int i = 0; i < lengthof(words); i++)
			found += strlen(words[i]) == to - from && memcmp(words[i], s + from, to - from) == 0;
	}
	return found;
}

/* Words.that.are.written.so, or_so: the signs between them become spaces. */
static void
part_words(ConsentText *text, char sign, int least)
{
	char	   *end = text->data + text->len;
	char	   *s = text->data;

	while ((s = memchr(s, sign, end - s)) != NULL)
	{
		char	   *from = s++;
		char	   *to = s;
		int			signs = 1;

		if (class_of[(unsigned char) *to] != LETTER)
			continue;
		while (from > text->data && from[-1] != ' ' && from[-1] != '\n')
			from--;
		for (; *to && *to != ' ' && *to != '\n'; to++)
			signs += *to == sign && class_of[(unsigned char) to[1]] == LETTER;
		s = to;
		if (signs < least || memchr(from, '/', to - from) || memchr(from, '@', to - from) ||
			small_words(from, to - from, sign) < 2)
			continue;
		for (char *c = from + 1; c < to - 1; c++)
		{
			if (*c == sign && class_of[(unsigned char) c[1]])
				*c = ' ';
		}
	}
}

/* What was written takes the place of the text. */
static void
finish(Respell *r, ConsentText *text)
{
	copy_to(r, text->len);
	consent_fold_end(&r->fold);
	r->out.html = text->html;
	r->out.truncated = text->truncated;
	r->out.pictures = text->pictures;
	r->out.nlines = text->nlines;
	r->out.line = text->line;
	text->line = NULL;
	consent_text_free(text);
	*text = r->out;
}

void
consent_text_respell(ConsentText *text)
{
	Respell		r;
	int			at = 0;
	int			addresses = text->len;
	bool		triples;
	Ahead		ahead = {0};

	if (class_of['a'] == 0)
		prepare_classes();
	part_words(text, '.', PARTED_BY_STOPS);
	part_words(text, '_', PARTED_BY_LINES);
	triples = text_has_triple(text);
	r.in = text;
	r.writing = false;
	r.copied = 0;
	r.run = 0;
	r.zone = 0;
	r.tried = 0;
	if (text->nzones > 0 && text->zone[text->nzones - 1].region == REGION_URL)
		addresses = text->zone[text->nzones - 1].at;

	while (at < text->len)
	{
		int			from;
		int			flags;

		/* what is between the words */
		if (class_of[(unsigned char) text->data[at]] == 0)
		{
			if (text->data[at] == '&' && !text->html)
				see_reference(&r, at);
			at = Max(at + 1, r.copied);
			if (at >= text->len)
				break;
		}
		if (at >= ahead.to)
			look_ahead(text, at, triples, &ahead);
		from = next_worth(&ahead, at);
		if (from < 0)
		{
			at = ahead.to;
			continue;
		}
		at = from;
		if (class_of[(unsigned char) text->data[at]] == 0)
			continue;
		if (class_of[(unsigned char) text->data[at]] == HIGH)
		{
			int			n = sign_length(text, at);

			if (n > 0)
			{
				at = see_sign(&r, at, n);
				continue;
			}
		}
		at = end_of_token(text, from, &flags);
		/* a single letter or digit may begin a word that is spelled out */
		if (at - from == 1 && flags != HIGH && from >= r.tried && from < addresses && is_single(text, at + 1))
		{
			int			end = join_letters(&r, from);

			if (end > from)
			{
				at = end;
				continue;
			}
		}
		at = see_token(&r, from, at, flags, triples);
	}

	if (r.writing)
		finish(&r, text);
}
