/*-------------------------------------------------------------------------
 *
 * phone.c
 *	  Telephone numbers: every spelling of one becomes its E.164 form.
 *
 * Numbering plans are libphonenumber's business.  It lives in a library of
 * its own that is opened on first need, because reading its tables costs a
 * backend milliseconds and megabytes, and most addresses arrive as e-mail or
 * as E.164 already.
 *
 * The table below says which E.164 spellings need no library.  It must never
 * hold a spelling that libphonenumber would write otherwise (a trunk prefix
 * in front, an obsolete mobile prefix): one telephone would then be two
 * contacts.  The TAP test compares the two, and the table is part of what
 * stored contacts mean: lines may be added, never taken away.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unictype.h>
#include <unistr.h>

#include "fmgr.h"

#include "contact/parse.h"
#include "contact/phone_lib.h"
#include "module/compat.h"

/* National numbers that are canonical as they stand: lengths, first digits */
typedef struct PlainPlan
{
	uint16		lengths;
	uint16		first_digits;
} PlainPlan;

#define LEN(n)			(1 << (n))
#define LENS(from, to)	((LEN((to) + 1) - 1) & ~(LEN(from) - 1))
#define FIRST(from, to) LENS(from, to)

/*
 * By country code.  No first digit is a trunk prefix of its country, and the
 * lengths are those of ordinary subscriber numbers.  Argentina is absent on
 * purpose (mobile prefixes are moved about), and so is whatever has rare
 * lengths or recent changes.
 */
static const PlainPlan plain_plans[1000] = {
	[1] = {LEN(10), FIRST(2, 9)},
	[7] = {LEN(10), FIRST(3, 9)},
	[20] = {LENS(9, 10), FIRST(1, 9)},
	[27] = {LEN(9), FIRST(1, 9)},
	[30] = {LEN(10), FIRST(2, 9)},
	[31] = {LEN(9), FIRST(1, 9)},
	[32] = {LENS(8, 9), FIRST(1, 9)},
	[33] = {LEN(9), FIRST(1, 9)},
	[34] = {LEN(9), FIRST(1, 9)},
	[36] = {LENS(8, 9), FIRST(1, 9)},
	[39] = {LENS(8, 11), FIRST(0, 9)},
	[40] = {LEN(9), FIRST(2, 9)},
	[41] = {LEN(9), FIRST(1, 9)},
	[43] = {LENS(8, 13), FIRST(1, 9)},
	[44] = {LEN(10), FIRST(1, 9)},
	[45] = {LEN(8), FIRST(2, 9)},
	[46] = {LENS(7, 9), FIRST(1, 9)},
	[47] = {LEN(8), FIRST(2, 9)},
	[48] = {LEN(9), FIRST(1, 9)},
	[49] = {LENS(7, 12), FIRST(1, 9)},
	[51] = {LENS(8, 9), FIRST(1, 9)},
	[52] = {LEN(10), FIRST(2, 9)},
	[55] = {LENS(10, 11), FIRST(1, 8)},
	[56] = {LEN(9), FIRST(2, 9)},
	[57] = {LEN(10), FIRST(1, 9)},
	[58] = {LEN(10), FIRST(2, 9)},
	[60] = {LENS(8, 10), FIRST(1, 9)},
	[61] = {LEN(9), FIRST(2, 8)},
	[62] = {LENS(9, 11), FIRST(2, 9)},
	[63] = {LEN(10), FIRST(2, 9)},
	[64] = {LENS(8, 10), FIRST(2, 9)},
	[65] = {LEN(8), FIRST(3, 9)},
	[66] = {LENS(8, 9), FIRST(2, 9)},
	[81] = {LENS(9, 10), FIRST(1, 9)},
	[82] = {LENS(8, 10), FIRST(1, 9)},
	[84] = {LENS(9, 10), FIRST(2, 9)},
	[86] = {LENS(10, 11), FIRST(2, 9)},
	[90] = {LEN(10), FIRST(2, 9)},
	[91] = {LEN(10), FIRST(1, 9)},
	[92] = {LENS(9, 10), FIRST(2, 9)},
	[94] = {LEN(9), FIRST(1, 9)},
	[212] = {LEN(9), FIRST(5, 9)},
	[213] = {LENS(8, 9), FIRST(1, 9)},
	[216] = {LEN(8), FIRST(2, 9)},
	[233] = {LEN(9), FIRST(2, 9)},
	[234] = {LEN(10), FIRST(7, 9)},
	[254] = {LEN(9), FIRST(1, 9)},
	[255] = {LEN(9), FIRST(2, 9)},
	[256] = {LEN(9), FIRST(2, 9)},
	[351] = {LEN(9), FIRST(2, 9)},
	[353] = {LENS(7, 9), FIRST(1, 9)},
	[354] = {LEN(7), FIRST(3, 9)},
	[356] = {LEN(8), FIRST(2, 9)},
	[357] = {LEN(8), FIRST(2, 9)},
	[358] = {LENS(7, 10), FIRST(1, 9)},
	[359] = {LENS(8, 9), FIRST(2, 9)},
	[370] = {LEN(8), FIRST(3, 7)},
	[371] = {LEN(8), FIRST(2, 9)},
	[372] = {LENS(7, 8), FIRST(3, 9)},
	[380] = {LEN(9), FIRST(3, 9)},
	[381] = {LENS(8, 9), FIRST(1, 9)},
	[385] = {LENS(8, 9), FIRST(1, 9)},
	[386] = {LEN(8), FIRST(1, 9)},
	[420] = {LEN(9), FIRST(2, 9)},
	[421] = {LEN(9), FIRST(2, 9)},
	[852] = {LEN(8), FIRST(2, 9)},
	[853] = {LEN(8), FIRST(2, 9)},
	[880] = {LEN(10), FIRST(1, 9)},
	[886] = {LENS(8, 9), FIRST(2, 9)},
	[965] = {LEN(8), FIRST(2, 9)},
	[966] = {LEN(9), FIRST(1, 9)},
	[971] = {LENS(8, 9), FIRST(2, 9)},
	[972] = {LENS(8, 9), FIRST(2, 9)},
	[973] = {LEN(8), FIRST(1, 9)},
	[974] = {LEN(8), FIRST(2, 9)},
};

/*
 * Is s canonical without asking the library?  Country codes are prefix-free,
 * so at most one of the three candidates has a plan.
 */
bool
consent_phone_is_plain(const char *s, int len)
{
	int			code = 0;

	if (len < 9 || len > CONSENT_PHONE_MAX_DIGITS + 1 || s[0] != '+' || s[1] == '0')
		return false;
	for (int i = 1; i < len; i++)
	{
		if (s[i] < '0' || s[i] > '9')
			return false;
	}
	for (int i = 1; i <= 3; i++)
	{
		const PlainPlan *plan;

		code = code * 10 + (s[i] - '0');
		plan = &plain_plans[code];
		if (plan->lengths != 0)
			return (plan->lengths & LEN(len - 1 - i)) != 0 &&
				(plan->first_digits & LEN(s[i + 1] - '0')) != 0;
	}
	return false;
}

static ConsentPhoneOutcome
ask_library(const char *number, const char *region, int trunk_zero, char *e164)
{
	static ConsentPhoneParse parse = NULL;

	if (parse == NULL)
		parse = (ConsentPhoneParse)
			load_external_function(CONSENT_PHONE_LIBRARY, CONSENT_PHONE_FUNCTION,
								   true, NULL);
	return parse(number, region, trunk_zero, e164);
}

static bool
refuse_outcome(ConsentPhoneOutcome outcome, const char *region, struct Node *escontext)
{
	switch (outcome)
	{
		case PHONE_NEEDS_REGION:
			return consent_contact_refuse(escontext,
										  "A telephone number without country code needs a region.",
										  "Write it with its country code, as in +44 7700 900123, or name a region, as in consent.contact(value, 'GB').");
		case PHONE_UNKNOWN_COUNTRY_CODE:
			return consent_contact_refuse(escontext,
										  "No country has the country code of this telephone number.", NULL);
		case PHONE_TOO_SHORT:
			return consent_contact_refuse(escontext, "The telephone number is too short.", NULL);
		case PHONE_TOO_LONG:
			return consent_contact_refuse(escontext,
										  "The telephone number is too long.",
										  "Keep extensions and second numbers in columns of their own.");
		case PHONE_IMPOSSIBLE_LENGTH:
			return consent_contact_refuse(escontext,
										  "No telephone number of this country has so many digits.", NULL);
		case PHONE_LOCAL_ONLY:
			return consent_contact_refuse(escontext,
										  "The number can be dialled only within an area or a network.",
										  "Write the area code too; short codes are nobody's address.");
		case PHONE_AMBIGUOUS:
			return consent_contact_refuse(escontext,
										  "The telephone number can be read in two ways.",
										  "Write it with its country code and without trunk prefix, as in +44 7700 900123.");
		case PHONE_UNKNOWN_REGION:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("region \"%s\" has no telephone numbering plan", region),
					 errhint("A region is a country's two capital letters in ISO 3166-1; the United Kingdom is GB.")));
			break;
		case PHONE_OUT_OF_MEMORY:
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory"),
					 errdetail("Failed while libphonenumber read a telephone number.")));
			break;
		case PHONE_FAILED:
			ereport(ERROR,
					(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
					 errmsg("libphonenumber failed to read a telephone number")));
			break;
		case PHONE_OK:
		case PHONE_NOT_A_NUMBER:
			break;
	}
	return consent_contact_refuse(escontext, "It is not a telephone number.", NULL);
}

/* Spaces and punctuation that people put between digits */
static bool
is_separator(ucs4_t c)
{
	return c == ' ' || c == '-' || c == '.' || c == '/' ||
		(c >= 0x2010 && c <= 0x2015) || c == 0x2212 ||
		c == 0xFF0D || c == 0xFF0E || c == 0xFF0F ||
		(c > 0x7F && uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Zs));
}

/*
 * A slash may follow an area code, as in 030/123456.  After as many digits as
 * a number has, or before as few as an extension has, it means something else.
 */
static bool
refuse_slash(struct Node *escontext)
{
	return consent_contact_refuse(escontext,
								  "The slash seems to separate two numbers or an extension.",
								  "Keep extensions and second numbers in columns of their own.");
}

/*
 * Take a written number apart: digits[] gets its digits, with a plus sign in
 * front if it has one.  Whatever we cannot account for is refused.
 */
static bool
scan_number(const char *s, int len, char *digits, int maxdigits,
			int *trunk_zero, struct Node *escontext)
{
	const uint8_t *at = (const uint8_t *) s;
	const uint8_t *end = at + len;
	int			n = 0;
	bool		plus = false;
	int			paren = -1;		/* digits before an open parenthesis */
	int			slash = -1;		/* digits before the slash */
	ucs4_t		c = 0;

	*trunk_zero = -1;
	while (at < end)
	{
		int			value;

		at += u8_mbtouc(&c, at, end - at);
		value = c < 0x80 ? ((c >= '0' && c <= '9') ? (int) (c - '0') : -1) :
			uc_decimal_value(c);

		if (value >= 0)
		{
			if (n >= maxdigits)
				return refuse_outcome(PHONE_TOO_LONG, NULL, escontext);
			digits[n++ + plus] = '0' + value;
		}
		else if (c == '+' || c == 0xFF0B)
		{
			if (n > 0 || plus)
				return consent_contact_refuse(escontext,
											  "The telephone number has a plus sign inside.",
											  NULL);
			plus = true;
			digits[0] = '+';
		}
		else if (c == '(' || c == 0xFF08)
		{
			if (paren >= 0)
				return refuse_outcome(PHONE_NOT_A_NUMBER, NULL, escontext);
			paren = n;
		}
		else if (c == ')' || c == 0xFF09)
		{
			if (paren < 0 || n == paren)
				return refuse_outcome(PHONE_NOT_A_NUMBER, NULL, escontext);

			/* "(0)" is the trunk prefix, to be left out after a country code */
			if (n == paren + 1 && digits[paren + plus] == '0')
			{
				if (*trunk_zero >= 0)
					return refuse_outcome(PHONE_AMBIGUOUS, NULL, escontext);
				*trunk_zero = paren;
			}
			paren = -1;
		}
		else if (is_separator(c))
		{
			if (n == 0 && !plus && paren < 0)
				return refuse_outcome(PHONE_NOT_A_NUMBER, NULL, escontext);
			if (c == '/' || c == 0xFF0F)
			{
				if (slash >= 0)
					return refuse_slash(escontext);
				slash = n;
			}
		}
		else
			return consent_contact_refuse(escontext,
										  "A telephone number has no letters, no extension, and no other signs.",
										  "Addresses of other kinds have an \"@\" or begin with device:, account: or postal:.");
	}

	if (n == 0 || paren >= 0 || is_separator(c))
		return refuse_outcome(PHONE_NOT_A_NUMBER, NULL, escontext);
	if (slash >= 0 && (n - slash < 4 || slash > (plus || digits[1] == '0' ? 9 : 6)))
		return refuse_slash(escontext);
	digits[n + plus] = '\0';
	return true;
}

/*
 * The parameters of a tel: URI.  A phone-context with a country code is the
 * number's beginning; everything else would change whom the number reaches.
 */
static bool
split_uri(const char *s, int *len, const char **context, int *contextlen,
		  struct Node *escontext)
{
	static const char name[] = "phone-context=";
	const char *semicolon = memchr(s, ';', *len);
	const char *parameter;
	int			parameterlen;

	*contextlen = 0;
	if (semicolon == NULL)
		return true;

	parameter = semicolon + 1;
	parameterlen = *len - (parameter - s);
	*len = semicolon - s;
	if (parameterlen <= (int) strlen(name) ||
		pg_strncasecmp(parameter, name, strlen(name)) != 0 ||
		parameter[strlen(name)] != '+' || (*len > 0 && s[0] == '+') ||
		memchr(parameter, ';', parameterlen) != NULL)
		return consent_contact_refuse(escontext,
									  "The tel: URI has parameters other than one phone-context with a country code.",
									  "Keep extensions in a column of their own.");
	*context = parameter + strlen(name);
	*contextlen = parameterlen - strlen(name);
	return true;
}

/*
 * Read a number, or what follows "tel:" if uri.
 */
bool
consent_phone_parse(const char *s, int len, bool uri, const char *region,
					StringInfo out, struct Node *escontext)
{
	enum
	{
		max_digits = 24			/* an international prefix and then E.164 */
	};
	char		digits[max_digits + 2];
	char		e164[CONSENT_PHONE_BUFFER];
	int			trunk_zero;
	ConsentPhoneOutcome outcome;

	if (uri)
	{
		const char *context;
		int			contextlen;

		if (!split_uri(s, &len, &context, &contextlen, escontext))
			return false;
		if (contextlen > 0)
		{
			char	   *joined = palloc(contextlen + len);

			memcpy(joined, context, contextlen);
			memcpy(joined + contextlen, s, len);
			s = joined;
			len += contextlen;
		}
	}

	if (!scan_number(s, len, digits, max_digits, &trunk_zero, escontext))
		return false;

	if (trunk_zero < 0 && consent_phone_is_plain(digits, strlen(digits)))
	{
		appendStringInfoString(out, digits);
		return true;
	}

	outcome = ask_library(digits, region, trunk_zero, e164);

	/*
	 * The canonical spelling must mean itself when it is read again, or a
	 * restored dump would hold other numbers than the one it was made of.
	 */
	if (outcome == PHONE_OK && !consent_phone_is_plain(e164, strlen(e164)))
	{
		char		again[CONSENT_PHONE_BUFFER];

		outcome = ask_library(e164, NULL, -1, again);
		if (outcome != PHONE_OK || strcmp(e164, again) != 0)
			outcome = PHONE_AMBIGUOUS;
	}
	if (outcome != PHONE_OK)
		return refuse_outcome(outcome, region, escontext);
	appendStringInfoString(out, e164);
	return true;
}
