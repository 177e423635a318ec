/*-------------------------------------------------------------------------
 *
 * email.c
 *	  E-mail addresses: RFC 5321 mailboxes, with what people write around them.
 *
 * Two rules are policy and not grammar.  The local part is lower-cased,
 * although a host may tell Jo from jo: for consent it is worse to miss an
 * objection than to honour one too many.  Nothing else in it is touched:
 * dots and +tags stay, for whether they matter is known to its host alone.
 *
 * libidn2 hands out malloc'ed memory: between getting and freeing it nothing
 * may be called that can throw.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <idn2.h>
#include <unictype.h>
#include <unistr.h>

#include "contact/parse.h"
#include "module/compat.h"

#define LOCAL_MAX_BYTES		64
#define DOMAIN_MAX_BYTES	253
#define LABEL_MAX_BYTES		63

/* Letters and digits, lower-cased, as entries of a table by character */
#define LETTERS_AND_DIGITS \
	['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', \
	['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', \
	['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', \
	['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', \
	['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', \
	['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', \
	['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', \
	['z'] = 'z', \
	['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', \
	['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', \
	['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', \
	['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', \
	['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', \
	['Z'] = 'z'

/* atext of RFC 5322, already lower-cased; zero means that quotes are needed */
static const char atext[128] = {
	['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&',
	['\''] = '\'', ['*'] = '*', ['+'] = '+', ['-'] = '-', ['/'] = '/',
	['='] = '=', ['?'] = '?', ['^'] = '^', ['_'] = '_', ['`'] = '`',
	['{'] = '{', ['|'] = '|', ['}'] = '}', ['~'] = '~',
	LETTERS_AND_DIGITS
};

/* What may stand in a host name's label, lower-cased; zero for anything else */
static const char ldh[256] = {
	['-'] = '-',
	LETTERS_AND_DIGITS
};

/* What is wrong with a label, NULL if nothing is; its characters are known to be good. */
static const char *
wrong_with_label(const char *label, int len)
{
	if (len == 0)
		return "The domain has an empty label.";
	if (len > LABEL_MAX_BYTES)
		return "A label of the domain is longer than 63 bytes.";
	if (label[0] == '-' || label[len - 1] == '-')
		return "A label of the domain begins or ends with a hyphen.";
	return NULL;
}

static bool
is_number(const char *label, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (label[i] < '0' || label[i] > '9')
			return false;
	}
	return true;
}

/*
 * Write the host name s, lower-cased, to out and return its length; or return
 * 0, with the broken rule in *why.  out has room for DOMAIN_MAX_BYTES.  A label
 * beginning with xn-- sets *encoded, and must still be validated.
 */
static int
ascii_domain(const char *s, int len, char *out, bool *encoded, const char **why)
{
	int			label = 0;

	*encoded = false;
	if (len > 0 && s[len - 1] == '.')
		len--;
	*why = "The domain is empty.";
	if (len == 0)
		return 0;
	*why = "The domain is longer than 253 bytes.";
	if (len > DOMAIN_MAX_BYTES)
		return 0;

	for (int i = 0;; i++)
	{
		char		c;

		while (i < len && (c = ldh[(unsigned char) s[i]]) != '\0')
			out[i++] = c;
		*why = "The domain has a character that no host name has.";
		if (i < len && s[i] != '.')
			return 0;
		*why = wrong_with_label(out + label, i - label);
		if (*why != NULL)
			return 0;
		if (i - label > 4 && memcmp(out + label, "xn--", 4) == 0)
			*encoded = true;
		if (i == len)
			break;
		out[i] = '.';
		label = i + 1;
	}

	*why = "The domain has no dot.";
	if (label == 0)
		return 0;
	*why = "The domain ends in a number.";
	if (is_number(out + label, len - label))
		return 0;
	*why = NULL;
	return len;
}

/*
 * The common case, jo.bloggs+news@Example.com and nothing around it: write
 * the canonical spelling to out, which has room for EMAIL_MAX_BYTES, and return
 * its length, or 0 to send s through the whole parser.
 */
int
consent_email_parse_plain(const char *s, int len, char *out)
{
	bool		encoded;
	const char *why;
	int			n;
	int			i;

	if (len > EMAIL_MAX_BYTES)
		return 0;
	for (i = 0;; i++)
	{
		int			start = i;
		unsigned char c;

		while (i < len && (c = s[i]) < 128 && atext[c] != '\0')
			out[i++] = atext[c];
		if (i == start || i == len || (s[i] != '.' && s[i] != '@'))
			return 0;
		out[i] = s[i];
		if (s[i] == '@')
			break;
	}
	if (i++ > LOCAL_MAX_BYTES)
		return 0;
	n = ascii_domain(s + i, len - i, out + i, &encoded, &why);
	return (n == 0 || encoded) ? 0 : i + n;
}

/* dot-atom of RFC 6531; the rule that is broken goes to *why */
static bool
is_dot_atom(const char *s, int len, const char **why)
{
	bool		dot = true;

	for (int i = 0; i < len; i++)
	{
		unsigned char c = s[i];

		if (c == '.')
		{
			*why = "The part before the \"@\" begins with a dot, ends with one, or has two in a row.";
			if (dot)
				return false;
			dot = true;
			continue;
		}
		*why = c == ' ' ? "The part before the \"@\" has a space in it." :
			"The part before the \"@\" has a character that needs quotes.";
		if (c < 128 && atext[c] == '\0')
			return false;
		dot = false;
	}
	*why = "The part before the \"@\" begins with a dot, ends with one, or has two in a row.";
	return !dot;
}

/*
 * Spaces and at signs that are not ASCII's are never part of a mailbox; they
 * come from keyboards and word processors.
 */
static bool
has_lookalike(const char *s, int len)
{
	const uint8_t *at = (const uint8_t *) s;
	const uint8_t *end = at + len;

	while (at < end)
	{
		ucs4_t		c;

		at += u8_mbtouc(&c, at, end - at);
		if (c > 0x7F &&
			(c == 0xFE6B || c == 0xFF20 ||
			 uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Zs)))
			return true;
	}
	return false;
}

/* The closing quote of the quoted string that begins at s, or NULL */
static const char *
closing_quote(const char *s, const char *end)
{
	for (s++; s < end; s++)
	{
		if (*s == '\\')
			s++;
		else if (*s == '"')
			return s;
	}
	return NULL;
}

/*
 * Lower-case, and write with quotes only if there is no other way.
 */
static bool
append_local_part(const char *s, int len, StringInfo out, struct Node *escontext)
{
	int			start = out->len;
	const char *why;
	char	   *lower;

	if (len == 0)
		return consent_contact_refuse(escontext, "The part before the \"@\" is empty.", NULL);
	if (has_lookalike(s, len))
		return consent_contact_refuse(escontext,
									  "The part before the \"@\" has a look-alike of a space or an \"@\".", NULL);
	lower = consent_normalise(s, len, CASE_LOWER, &len);
	if (lower == NULL)
		return consent_contact_refuse(escontext, "The part before the \"@\" has no stable lower-case spelling.", NULL);

	if (is_dot_atom(lower, len, &why))
		appendBinaryStringInfo(out, lower, len);
	else
	{
		appendStringInfoChar(out, '"');
		for (int i = 0; i < len; i++)
		{
			if (lower[i] == '"' || lower[i] == '\\')
				appendStringInfoChar(out, '\\');
			appendStringInfoChar(out, lower[i]);
		}
		appendStringInfoChar(out, '"');
	}
	if (out->len - start > LOCAL_MAX_BYTES)
		return consent_contact_refuse(escontext,
									  "The part before the \"@\" is longer than 64 bytes.", NULL);
	return true;
}

/*
 * Write s in A-labels.  out has room for DOMAIN_MAX_BYTES.  Twice, because
 * what we store must come back as itself.
 *
 * Never ask libidn2 for IDN2_USE_STD3_ASCII_RULES: some versions then leave
 * out what no host name may have, and another domain remains.  Such characters
 * stay visible in an A-label, so ascii_domain() finds them.
 */
static bool
to_alabels(const char *s, int len, char *out, int *outlen, struct Node *escontext)
{
	char	   *domain = pnstrdup(s, len);
	const char *why;
	bool		encoded;
	int			n = 0;

	for (int round = 0; round < 2; round++)
	{
		uint8_t    *ascii = NULL;
		char	   *copy;
		int			rc;

		rc = idn2_lookup_u8((const uint8_t *) domain, &ascii,
							IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
		if (rc == IDN2_OK)
		{
			copy = MemoryContextAllocExtended(CurrentMemoryContext,
											  strlen((char *) ascii) + 1,
											  MCXT_ALLOC_NO_OOM);
			if (copy != NULL)
				strcpy(copy, (char *) ascii);
			else
				rc = IDN2_MALLOC;
			idn2_free(ascii);
		}
		if (rc == IDN2_MALLOC)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
		if (rc != IDN2_OK)
			return consent_contact_refuse(escontext,
										  "The domain is not a valid internationalised name.", NULL);
		n = ascii_domain(copy, strlen(copy), out, &encoded, &why);
		if (n == 0)
			return consent_contact_refuse(escontext, why, NULL);
		if (round == 1 && (strlen(domain) != n || memcmp(domain, out, n) != 0))
			return consent_contact_refuse(escontext,
										  "The internationalised domain has no stable spelling.", NULL);
		domain = pnstrdup(out, n);
	}
	*outlen = n;
	return true;
}

static bool
append_domain(const char *s, int len, StringInfo out, struct Node *escontext)
{
	char		domain[DOMAIN_MAX_BYTES];
	const char *why;
	bool		encoded;
	int			n;

	if (len > 0 && s[0] == '[')
		return consent_contact_refuse(escontext,
									  "Network addresses are not accepted in place of a domain.", NULL);
	if (consent_has_high_bit(s, len))
	{
		if (!to_alabels(s, len, domain, &n, escontext))
			return false;
	}
	else
	{
		n = ascii_domain(s, len, domain, &encoded, &why);
		if (n == 0)
			return consent_contact_refuse(escontext, why, NULL);
		if (encoded && !to_alabels(pnstrdup(domain, n), n, domain, &n, escontext))
			return false;
	}
	appendBinaryStringInfo(out, domain, n);
	return true;
}

static bool
parse_mailbox(const char *s, int len, StringInfo out, struct Node *escontext)
{
	const char *end = s + len;
	const char *at;
	int			start = out->len;

	if (len > 0 && s[0] == '"')
	{
		const char *quote = closing_quote(s, end);
		StringInfoData content;

		if (quote == NULL || quote + 1 == end || quote[1] != '@')
			return consent_contact_refuse(escontext,
										  "A quoted part of the address does not end before the \"@\".",
										  NULL);
		initStringInfo(&content);
		for (const char *p = s + 1; p < quote; p++)
		{
			if (*p == '\\')
				p++;
			appendStringInfoChar(&content, *p);
		}
		if (!append_local_part(content.data, content.len, out, escontext))
			return false;
		at = quote + 1;
	}
	else
	{
		const char *why;

		at = memchr(s, '@', len);
		if (at == NULL)
			return consent_contact_refuse(escontext, "There is no \"@\" in the address.", NULL);
		if (at > s && !is_dot_atom(s, at - s, &why))
			return consent_contact_refuse(escontext, why,
										  "If the address is right, put that part in double quotes.");
		if (!append_local_part(s, at - s, out, escontext))
			return false;
	}

	if (memchr(at + 1, '@', end - at - 1) != NULL)
		return consent_contact_refuse(escontext, "There is more than one \"@\" in the address.", NULL);
	appendStringInfoChar(out, '@');
	if (!append_domain(at + 1, end - at - 1, out, escontext))
		return false;
	if (out->len - start > EMAIL_MAX_BYTES)
		return consent_contact_refuse(escontext, "The address is longer than 254 bytes.", NULL);
	return true;
}

/*
 * Read a mailbox, alone or in angle brackets, after a display name if one is
 * allowed.  What RFC 5322 has besides (comments, groups, source routes, lists)
 * is refused: dropping it could drop an address.
 */
bool
consent_email_parse(const char *s, int len, bool display_name,
					StringInfo out, struct Node *escontext)
{
	const char *end = s + len;
	const char *angle = NULL;
	int			mailboxlen;

	for (const char *p = s; p < end; p++)
	{
		switch (*p)
		{
			case '"':
				p = closing_quote(p, end);
				if (p == NULL)
					return consent_contact_refuse(escontext, "A quoted string has no end.", NULL);
				break;
			case ',':
			case ';':
				return consent_contact_refuse(escontext,
											  "There is more than one address.",
											  "Store each in a row of its own, or quote a display name with a comma in it.");
			case '(':
			case ')':
				return consent_contact_refuse(escontext,
											  "Comments in parentheses are not accepted.", NULL);
			case '<':
				if (angle != NULL || !display_name)
					return consent_contact_refuse(escontext, "There is a \"<\" too many.", NULL);
				angle = p;
				break;
			case '@':
			case ':':
			case '\\':
				if (angle == NULL && memchr(p, '<', end - p) != NULL)
					return consent_contact_refuse(escontext,
												  "The display name has a character that needs quotes.",
												  NULL);
				break;
			case '>':
				if (angle == NULL || p != end - 1)
					return consent_contact_refuse(escontext, "There is a \">\" too many.", NULL);
				break;
		}
	}

	if (angle == NULL)
		return parse_mailbox(s, len, out, escontext);
	if (end[-1] != '>')
		return consent_contact_refuse(escontext, "There is a \"<\" without its \">\".", NULL);

	s = angle + 1;
	mailboxlen = end - 1 - s;
	consent_trim(&s, &mailboxlen);
	return parse_mailbox(s, mailboxlen, out, escontext);
}
