/*-------------------------------------------------------------------------
 *
 * contact.c
 *	  Any text is an address or none; and what is one has a spelling that reads
 *	  as itself, whatever way it takes through the parsers.
 *
 * libphonenumber is another's: in its place stands what takes a few numbers, so
 * that what is done with its answers happens.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"

#include "backend.h"
#include "contact/contact.h"
#include "contact/phone_lib.h"
#include "module/compat.h"

#define SHORT	80				/* with one more no text is too long */

char	   *consent_default_region = NULL;

static ConsentPhoneOutcome
parse_phone(const char *number, const char *region, int trunk_zero, char e164[CONSENT_PHONE_BUFFER])
{
	const char *digits = number + (number[0] == '+');

	MUST(strspn(digits, "0123456789") == strlen(digits) && *digits);
	MUST(trunk_zero < (int) strlen(digits));
	if (number[0] != '+' && region == NULL)
		return PHONE_NEEDS_REGION;
	if (strlen(digits) > CONSENT_PHONE_MAX_DIGITS - 2)
		return PHONE_TOO_LONG;
	if (strlen(digits) < 3 || (number[0] == '+' && digits[0] == '0'))
		return PHONE_LOCAL_ONLY;
	snprintf(e164, CONSENT_PHONE_BUFFER, "+%s%s", number[0] == '+' ? "" : "44", digits);
	return PHONE_OK;
}

void *
load_external_function(const char *filename, const char *funcname, bool signalNotFound,
					   void **filehandle)
{
	return (void *) parse_phone;
}

static ConsentContact *
parse(const char *s, int len, const char *region)
{
	ErrorSaveContext unreadable = {.type = T_ErrorSaveContext};
	ConsentContact *contact = consent_contact_parse(s, len, region, (Node *) &unreadable);

	MUST((contact == NULL) == unreadable.error_occurred);
	return contact;
}

static bool
same(const ConsentContact *a, const ConsentContact *b)
{
	return a != NULL && b != NULL && consent_contact_compare(a, b) == 0;
}

static void
run(const char *data, int size)
{
	const char *region = size > 0 && data[0] == '@' ? "GB" : NULL;
	char	   *spaced = palloc(size + 2);
	char	   *source = spaced + 1;
	ConsentContact *contact;
	ConsentContact *root;
	const char *s;
	int			len;

	spaced[0] = ' ';
	memcpy(source, data + (region != NULL), size - (region != NULL));
	size = consent_fuzz_utf8(source, size - (region != NULL));
	contact = parse(source, size, region);
	if (contact == NULL)
		return;
	s = VARDATA_ANY(contact);
	len = VARSIZE_ANY_EXHDR(contact);
	MUST(len > 0);
	for (int at = 0; at < len; at += pg_utf_mblen((const unsigned char *) s + at))
	{
		MUST(pg_utf8_islegal((const unsigned char *) s + at, pg_utf_mblen((const unsigned char *) s + at)));
		MUST((unsigned char) s[at] >= ' ' && s[at] != 0x7F);
	}
	(void) consent_contact_kind_name(consent_contact_kind(contact));
	MUST(same(parse(s, len, NULL), contact));
	/* not as one of the plain spellings */
	MUST(size > SHORT || same(parse(spaced, size + 1, region), contact));

	root = consent_contact_root(contact);
	MUST(!consent_contact_has_tag(root));
	MUST(same(parse(VARDATA_ANY(root), VARSIZE_ANY_EXHDR(root), NULL), root));
	MUST(consent_contact_kind(root) == consent_contact_kind(contact));
	MUST(consent_contact_root_hash(contact, 0) == consent_contact_hash_extended(root, 0));
}

FUZZ_TARGET(run)
