/*-------------------------------------------------------------------------
 *
 * parse.c
 *	  From what people have in their tables to one canonical spelling.
 *
 * Most values are plain e-mail or E.164 and are read in one pass over their
 * bytes.  Everything else is converted to UTF-8, cleaned of surrounding white
 * space, checked, put into normal form C, told apart by its beginning, and
 * converted back to the database encoding at the end.
 *
 * Nothing is dropped in silence: an invisible character, a second address or
 * an extension is an error, because the address without it may be somebody
 * else's.  And whatever is accepted has a spelling that reads as itself, or
 * dump and restore would change it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>
#include <unictype.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "contact/contact.h"
#include "contact/parse.h"
#include "module/compat.h"

/* More than any canonical spelling needs, display names included */
#define INPUT_MAX_BYTES		2048

#define PAYLOAD_MAX_BYTES	512

typedef enum Scheme
{
	SCHEME_NONE,
	SCHEME_MAILTO,
	SCHEME_TEL,
	SCHEME_DEVICE,
	SCHEME_ACCOUNT,
	SCHEME_POSTAL
} Scheme;

static const struct
{
	const char *prefix;
	Scheme		scheme;
}			schemes[] = {
	{"mailto:", SCHEME_MAILTO},
	{"tel:", SCHEME_TEL},
	{"device:", SCHEME_DEVICE},
	{"account:", SCHEME_ACCOUNT},
	{"postal:", SCHEME_POSTAL},
};

/*
 * The one error of this type.  It says which rule was broken and never the
 * address: messages end up in logs that outlive consent.
 */
bool
consent_contact_refuse(struct Node *escontext, const char *detail, const char *hint)
{
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s", "consent.contact"),
			 errdetail("%s", detail),
			 hint ? errhint("%s", hint) : 0));
}

bool
consent_has_high_bit(const char *s, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (IS_HIGHBIT_SET(s[i]))
			return true;
	}
	return false;
}

static bool
is_space(ucs4_t c)
{
	if (c < 0x80)
		return c == ' ' || (c >= '\t' && c <= '\r');
	return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Zs);
}

/* Take white space off both ends. */
void
consent_trim(const char **s, int *len)
{
	const uint8_t *start = (const uint8_t *) *s;
	const uint8_t *end = start + *len;
	ucs4_t		c;

	while (start < end)
	{
		int			n = u8_mbtouc(&c, start, end - start);

		if (!is_space(c))
			break;
		start += n;
	}
	while (start < end)
	{
		const uint8_t *previous = u8_prev(&c, end, start);

		if (previous == NULL || !is_space(c))
			break;
		end = previous;
	}
	*s = (const char *) start;
	*len = end - start;
}

/*
 * Normal form C, with case changed.  Case changes can take more than one round
 * to settle; NULL if they do not.
 */
char *
consent_normalise(const char *s, int len, CaseChange change, int *outlen)
{
	char	   *current = pnstrdup(s, len);

	if (!consent_has_high_bit(s, len))
	{
		if (change != CASE_KEEP)
		{
			for (int i = 0; i < len; i++)
				current[i] = pg_ascii_tolower(current[i]);
		}
		*outlen = len;
		return current;
	}

	for (int round = 0; round < 4; round++)
	{
		const uint8_t *from = (const uint8_t *) current;
		uint8_t    *result;
		size_t		n;
		char	   *copy;
		bool		settled;

		if (change == CASE_LOWER)
			result = u8_tolower(from, len, NULL, UNINORM_NFC, NULL, &n);
		else if (change == CASE_FOLD)
			result = u8_casefold(from, len, NULL, UNINORM_NFC, NULL, &n);
		else
			result = u8_normalize(UNINORM_NFC, from, len, NULL, &n);

		copy = NULL;
		if (result != NULL)
		{
			copy = MemoryContextAllocExtended(CurrentMemoryContext, n + 1,
											  MCXT_ALLOC_NO_OOM);
			if (copy != NULL)
			{
				memcpy(copy, result, n);
				copy[n] = '\0';
			}
			free(result);
		}
		if (copy == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));

		settled = n == (size_t) len && memcmp(copy, current, n) == 0;
		current = copy;
		len = n;
		if (settled)
		{
			*outlen = len;
			return current;
		}
	}
	return NULL;
}

/*
 * Characters that cannot be seen make two different addresses look alike, and
 * unassigned ones have no lower case yet: accepted now, they would mean
 * something else under the next version of Unicode.
 */
static bool
check_characters(const char *s, int len, bool lines, struct Node *escontext)
{
	const uint8_t *at = (const uint8_t *) s;
	const uint8_t *end = at + len;

	while (at < end)
	{
		ucs4_t		c;
		bool		bad;

		at += u8_mbtouc(&c, at, end - at);
		if (c < 0x80)
			bad = (c < ' ' || c == 0x7F) && !(lines && is_space(c));
		else
			bad = uc_is_general_category_withtable(c,
												   UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf |
												   UC_CATEGORY_MASK_Cs | UC_CATEGORY_MASK_Co |
												   UC_CATEGORY_MASK_Cn |
												   UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp) ||
				uc_is_property_default_ignorable_code_point(c);
		if (bad)
			return consent_contact_refuse(escontext,
										  psprintf("It contains an invisible or unassigned character (U+%04X).", c),
										  NULL);
	}
	return true;
}

static bool
has_digit(const char *s, int len)
{
	const uint8_t *at = (const uint8_t *) s;
	const uint8_t *end = at + len;

	while (at < end)
	{
		ucs4_t		c;

		at += u8_mbtouc(&c, at, end - at);
		if (uc_decimal_value(c) >= 0)
			return true;
	}
	return false;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = pg_ascii_tolower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo the %XX of a URI. */
static bool
decode_uri(const char **s, int *len, struct Node *escontext)
{
	char	   *out = palloc(*len + 1);
	int			n = 0;

	for (int i = 0; i < *len; i++)
	{
		int			high;
		int			low;

		if ((*s)[i] != '%')
		{
			out[n++] = (*s)[i];
			continue;
		}
		high = i + 2 < *len ? hex_digit((*s)[i + 1]) : -1;
		low = i + 2 < *len ? hex_digit((*s)[i + 2]) : -1;
		if (high < 0 || low < 0)
			return consent_contact_refuse(escontext,
										  "A \"%\" of the URI is not followed by two hexadecimal digits.",
										  NULL);
		out[n++] = high << 4 | low;
		i += 2;
	}
	if (u8_check((uint8_t *) out, n) != NULL)
		return consent_contact_refuse(escontext, "The URI does not decode to UTF-8.", NULL);
	*s = out;
	*len = n;
	return true;
}

/*
 * The header fields of a mailto: URI are no part of the address, unless they
 * name further recipients.
 */
static bool
cut_header_fields(const char *s, int *len, struct Node *escontext)
{
	const char *query = memchr(s, '?', *len);
	const char *end = s + *len;

	if (memchr(s, '#', *len) != NULL)
		return consent_contact_refuse(escontext, "The URI has a fragment.", NULL);
	if (query == NULL)
		return true;
	*len = query - s;

	while (query < end)
	{
		const char *field = query + 1;
		int			left = end - field;

		if ((left >= 3 && pg_strncasecmp(field, "to=", 3) == 0) ||
			(left >= 3 && pg_strncasecmp(field, "cc=", 3) == 0) ||
			(left >= 4 && pg_strncasecmp(field, "bcc=", 4) == 0) ||
			memchr(field, '%', Min(left, 3)) != NULL)
			return consent_contact_refuse(escontext,
										  "The mailto: URI may name further recipients.", NULL);
		query = memchr(field, '&', left);
		if (query == NULL)
			break;
	}
	return true;
}

/* device:, account: and postal: keep what follows, within reason. */
static bool
parse_payload(Scheme scheme, const char *s, int len, StringInfo out,
			  struct Node *escontext)
{
	if (scheme == SCHEME_POSTAL)
	{
		StringInfoData line;
		bool		space = false;

		initStringInfo(&line);
		while (len > 0)
		{
			ucs4_t		c;
			int			n = u8_mbtouc(&c, (const uint8_t *) s, len);

			if (!is_space(c))
			{
				if (space)
					appendStringInfoChar(&line, ' ');
				appendBinaryStringInfo(&line, s, n);
			}
			space = is_space(c);
			s += n;
			len -= n;
		}
		s = consent_normalise(line.data, line.len, CASE_FOLD, &len);
		if (s == NULL)
			return consent_contact_refuse(escontext, "The postal address has no stable spelling.", NULL);
	}

	if (len == 0)
		return consent_contact_refuse(escontext, "There is nothing after the scheme.", NULL);
	if (len > PAYLOAD_MAX_BYTES)
		return consent_contact_refuse(escontext,
									  psprintf("There are more than %d bytes after the scheme.",
											   PAYLOAD_MAX_BYTES),
									  NULL);
	appendBinaryStringInfo(out, s, len);
	return true;
}

/* Everything but the plain spellings, in UTF-8. */
static bool
parse_any(const char *s, int len, const char *region, StringInfo out,
		  struct Node *escontext)
{
	Scheme		scheme = SCHEME_NONE;

	consent_trim(&s, &len);
	for (int i = 0; i < lengthof(schemes); i++)
	{
		int			n = strlen(schemes[i].prefix);

		if (len >= n && pg_strncasecmp(s, schemes[i].prefix, n) == 0)
		{
			scheme = schemes[i].scheme;
			s += n;
			len -= n;
			if (scheme >= SCHEME_DEVICE)
				appendStringInfoString(out, schemes[i].prefix);
			break;
		}
	}
	if (scheme == SCHEME_MAILTO && !cut_header_fields(s, &len, escontext))
		return false;
	if ((scheme == SCHEME_MAILTO || scheme == SCHEME_TEL) &&
		!decode_uri(&s, &len, escontext))
		return false;

	consent_trim(&s, &len);
	if (!check_characters(s, len, scheme == SCHEME_POSTAL, escontext))
		return false;
	if (consent_has_high_bit(s, len))
	{
		s = consent_normalise(s, len, CASE_KEEP, &len);
		Assert(s != NULL);
	}

	switch (scheme)
	{
		case SCHEME_MAILTO:
			return consent_email_parse(s, len, false, out, escontext);
		case SCHEME_TEL:
			return consent_phone_parse(s, len, true, region, out, escontext);
		case SCHEME_DEVICE:
		case SCHEME_ACCOUNT:
		case SCHEME_POSTAL:
			return parse_payload(scheme, s, len, out, escontext);
		case SCHEME_NONE:
			break;
	}

	if (len == 0)
		return consent_contact_refuse(escontext, "It is empty.", NULL);
	if (memchr(s, '@', len) != NULL)
		return consent_email_parse(s, len, true, out, escontext);
	if (!has_digit(s, len))
		return consent_contact_refuse(escontext,
									  "It is neither an e-mail address nor a telephone number.",
									  "Addresses of other kinds begin with device:, account: or postal:.");
	return consent_phone_parse(s, len, false, region, out, escontext);
}

ConsentContact *
consent_contact_parse(const char *str, int len, const char *region,
					  struct Node *escontext)
{
	char		plain[EMAIL_MAX_BYTES];
	int			plainlen;
	StringInfoData out;
	char	   *canonical;

	if (consent_phone_is_plain(str, len))
		return cstring_to_text_with_len(str, len);
	plainlen = consent_email_parse_plain(str, len, plain);
	if (plainlen > 0)
		return cstring_to_text_with_len(plain, plainlen);

	if (len > INPUT_MAX_BYTES)
	{
		consent_contact_refuse(escontext,
							   psprintf("It is longer than %d bytes.", INPUT_MAX_BYTES),
							   NULL);
		return NULL;
	}

	/* A database of encoding SQL_ASCII promises nothing about its bytes. */
	if (GetDatabaseEncoding() == PG_SQL_ASCII && !pg_verify_mbstr(PG_UTF8, str, len, true))
	{
		consent_contact_refuse(escontext, "It is not UTF-8.",
							   "A database of encoding SQL_ASCII takes addresses in UTF-8 only.");
		return NULL;
	}
	if (consent_has_high_bit(str, len))
	{
		char	   *utf8 = pg_server_to_any(str, len, PG_UTF8);

		if (utf8 != str)
		{
			str = utf8;
			len = strlen(utf8);
		}
	}

	initStringInfo(&out);
	if (!parse_any(str, len, region, &out, escontext))
		return NULL;

	/* What the database encoding cannot hold is an error here, never a '?'. */
	canonical = out.data;
	if (consent_has_high_bit(out.data, out.len))
		canonical = pg_any_to_server(out.data, out.len, PG_UTF8);
	return cstring_to_text_with_len(canonical,
									canonical == out.data ? out.len : (int) strlen(canonical));
}

ConsentContact *
consent_contact_parse_text(struct varlena *text, const char *region, struct Node *escontext)
{
	const char *str = VARDATA_ANY(text);
	int			len = VARSIZE_ANY_EXHDR(text);
	char		plain[EMAIL_MAX_BYTES];

	if (consent_email_parse_plain(str, len, plain) == len && memcmp(plain, str, len) == 0)
		return text;
	return consent_contact_parse(str, len, region, escontext);
}
