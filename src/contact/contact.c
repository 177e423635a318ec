/*-------------------------------------------------------------------------
 *
 * contact.c
 *	  The SQL face of type consent.contact.
 *
 * Input depends on pg_consent.default_region and is therefore STABLE, as is
 * consent.contact(text).  consent.contact(text, text) must never look at a
 * setting: people build indexes on it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"
#include "utils/varlena.h"

#include "contact/contact.h"
#include "module/compat.h"
#include "module/module.h"

static const struct
{
	const char *prefix;
	ConsentContactKind kind;
}			prefixes[] = {
	{"device:", CONSENT_CONTACT_DEVICE},
	{"account:", CONSENT_CONTACT_ACCOUNT},
	{"postal:", CONSENT_CONTACT_POSTAL},
};

/* An unquoted local part has no colon, and a number has no "@". */
ConsentContactKind
consent_contact_kind(const ConsentContact *contact)
{
	const char *s = VARDATA_ANY(contact);
	int			len = VARSIZE_ANY_EXHDR(contact);

	if (len > 0 && s[0] == '+' && memchr(s, '@', len) == NULL)
		return CONSENT_CONTACT_PHONE;
	for (int i = 0; i < lengthof(prefixes); i++)
	{
		int			n = strlen(prefixes[i].prefix);

		if (len > n && memcmp(s, prefixes[i].prefix, n) == 0)
			return prefixes[i].kind;
	}
	return CONSENT_CONTACT_EMAIL;
}

const char *
consent_contact_kind_name(ConsentContactKind kind)
{
	switch (kind)
	{
		case CONSENT_CONTACT_EMAIL:
			return "email";
		case CONSENT_CONTACT_PHONE:
			return "phone";
		case CONSENT_CONTACT_DEVICE:
			return "device";
		case CONSENT_CONTACT_ACCOUNT:
			return "account";
		case CONSENT_CONTACT_POSTAL:
			return "postal";
	}
	elog(ERROR, "unrecognized kind of contact: %d", (int) kind);
	return NULL;				/* keep compiler quiet */
}

/* Byte order, the shorter first: the order that varstr_sortsupport() sorts by */
int
consent_contact_compare(const ConsentContact *a, const ConsentContact *b)
{
	int			alen = VARSIZE_ANY_EXHDR(a);
	int			blen = VARSIZE_ANY_EXHDR(b);
	int			result = a == b ? 0 : memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(alen, blen));

	return result != 0 ? result : (alen > blen) - (alen < blen);
}

uint32
consent_contact_hash(const ConsentContact *contact)
{
	return hash_bytes((const unsigned char *) VARDATA_ANY(contact),
					  VARSIZE_ANY_EXHDR(contact));
}

/*
 * Where the +tag of the local part begins, and where it ends; NULL if there is
 * none.  Other kinds of contact, quoted local parts and a local part that begins
 * with "+" have none; nor has one with a dot before it: what would be left is no
 * address, and a dump with it could not be restored.
 */
static const char *
find_tag(const ConsentContact *contact, const char **end)
{
	const char *s = VARDATA_ANY(contact);
	int			len = VARSIZE_ANY_EXHDR(contact);
	const char *plus = memchr(s, '+', len);

	if (plus == NULL || plus == s || plus[-1] == '.' || s[0] == '"' || consent_contact_kind(contact) != CONSENT_CONTACT_EMAIL)
		return NULL;
	*end = memchr(s, '@', len);
	return *end != NULL && plus < *end ? plus : NULL;
}

bool
consent_contact_has_tag(const ConsentContact *contact)
{
	const char *end;

	return find_tag(contact, &end) != NULL;
}

/* The address without its +tag, in the caller's memory. */
ConsentContact *
consent_contact_root(const ConsentContact *contact)
{
	const char *s = VARDATA_ANY(contact);
	int			len = VARSIZE_ANY_EXHDR(contact);
	const char *end;
	const char *tag = find_tag(contact, &end);
	ConsentContact *root = palloc(VARHDRSZ + len);
	int			kept = tag ? tag - s : len;

	memcpy(VARDATA(root), s, kept);
	if (tag != NULL)
	{
		memcpy(VARDATA(root) + kept, end, len - (end - s));
		kept += len - (end - s);
	}
	SET_VARSIZE(root, VARHDRSZ + kept);
	return root;
}

uint64
consent_contact_hash_extended(const ConsentContact *contact, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) VARDATA_ANY(contact),
							   VARSIZE_ANY_EXHDR(contact), seed);
}

/* Of the address without its +tag: mostly that is the address itself. */
uint64
consent_contact_root_hash(const ConsentContact *contact, uint64 seed)
{
	const char *end;
	ConsentContact *root;
	uint64		hash;

	if (find_tag(contact, &end) == NULL)
		return consent_contact_hash_extended(contact, seed);
	root = consent_contact_root(contact);
	hash = consent_contact_hash_extended(root, seed);
	pfree(root);
	return hash;
}

PG_FUNCTION_INFO_V1(pg_consent_contact_in);
PGDLLEXPORT Datum
pg_consent_contact_in(PG_FUNCTION_ARGS)
{
	char	   *str = PG_GETARG_CSTRING(0);
	ConsentContact *result;

	result = consent_contact_parse(str, strlen(str), consent_default_region,
								   fcinfo->context);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_CONSENT_CONTACT_P(result);
}

PG_FUNCTION_INFO_V1(pg_consent_contact_out);
PGDLLEXPORT Datum
pg_consent_contact_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(text_to_cstring(PG_GETARG_CONSENT_CONTACT_PP(0)));
}

/* Binary input is text too, and is trusted no more than text is. */
PG_FUNCTION_INFO_V1(pg_consent_contact_recv);
PGDLLEXPORT Datum
pg_consent_contact_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	char	   *str;
	int			len;

	str = pq_getmsgtext(buf, buf->len - buf->cursor, &len);
	PG_RETURN_CONSENT_CONTACT_P(consent_contact_parse(str, len,
													  consent_default_region,
													  NULL));
}

PG_FUNCTION_INFO_V1(pg_consent_contact_send);
PGDLLEXPORT Datum
pg_consent_contact_send(PG_FUNCTION_ARGS)
{
	ConsentContact *contact = PG_GETARG_CONSENT_CONTACT_PP(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendtext(&buf, VARDATA_ANY(contact), VARSIZE_ANY_EXHDR(contact));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

PG_FUNCTION_INFO_V1(pg_consent_contact);
PGDLLEXPORT Datum
pg_consent_contact(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	PG_RETURN_CONSENT_CONTACT_P(consent_contact_parse(VARDATA_ANY(value),
													  VARSIZE_ANY_EXHDR(value),
													  consent_default_region,
													  NULL));
}

PG_FUNCTION_INFO_V1(pg_consent_contact_in_region);
PGDLLEXPORT Datum
pg_consent_contact_in_region(PG_FUNCTION_ARGS)
{
	text	   *value;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(0);
	PG_RETURN_CONSENT_CONTACT_P(consent_contact_parse(VARDATA_ANY(value),
													  VARSIZE_ANY_EXHDR(value),
													  consent_region_arg(fcinfo, 1), NULL));
}

/* consent.try_contact(value [, region]): NULL where consent.contact() is an error */
PG_FUNCTION_INFO_V1(pg_consent_try_contact);
PGDLLEXPORT Datum
pg_consent_try_contact(PG_FUNCTION_ARGS)
{
	ErrorSaveContext unreadable = {.type = T_ErrorSaveContext};
	text	   *value;
	ConsentContact *contact;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(0);
	contact = consent_contact_parse(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
									PG_NARGS() > 1 ? consent_region_arg(fcinfo, 1) : consent_default_region,
									(Node *) &unreadable);
	if (contact == NULL)
		PG_RETURN_NULL();
	PG_RETURN_CONSENT_CONTACT_P(contact);
}

PG_FUNCTION_INFO_V1(pg_consent_contact_kind);
PGDLLEXPORT Datum
pg_consent_contact_kind(PG_FUNCTION_ARGS)
{
	ConsentContactKind kind = consent_contact_kind(PG_GETARG_CONSENT_CONTACT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(consent_contact_kind_name(kind)));
}

/* A contact is stored as the text is. */
PG_FUNCTION_INFO_V1(pg_consent_contact_text);
PGDLLEXPORT Datum
pg_consent_contact_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

PG_FUNCTION_INFO_V1(pg_consent_contact_root);
PGDLLEXPORT Datum
pg_consent_contact_root(PG_FUNCTION_ARGS)
{
	ConsentContact *contact = PG_GETARG_CONSENT_CONTACT_PP(0);

	PG_RETURN_CONSENT_CONTACT_P(consent_contact_has_tag(contact) ? consent_contact_root(contact) : contact);
}

#define CONTACT_COMPARISON(name, op) \
PG_FUNCTION_INFO_V1(pg_consent_contact_##name); \
PGDLLEXPORT Datum \
pg_consent_contact_##name(PG_FUNCTION_ARGS) \
{ \
	ConsentContact *a = PG_GETARG_CONSENT_CONTACT_PP(0); \
	ConsentContact *b = PG_GETARG_CONSENT_CONTACT_PP(1); \
	int			order = consent_contact_compare(a, b); \
	\
	PG_FREE_IF_COPY(a, 0); \
	PG_FREE_IF_COPY(b, 1); \
	PG_RETURN_BOOL(order op 0); \
} \
extern int	no_such_variable

CONTACT_COMPARISON(eq, ==);
CONTACT_COMPARISON(ne, !=);
CONTACT_COMPARISON(lt, <);
CONTACT_COMPARISON(le, <=);
CONTACT_COMPARISON(gt, >);
CONTACT_COMPARISON(ge, >=);

bool
consent_contact_equates(Oid function)
{
	FmgrInfo	info;

	fmgr_info(function, &info);
	return info.fn_addr == pg_consent_contact_eq;
}

PG_FUNCTION_INFO_V1(pg_consent_contact_cmp);
PGDLLEXPORT Datum
pg_consent_contact_cmp(PG_FUNCTION_ARGS)
{
	ConsentContact *a = PG_GETARG_CONSENT_CONTACT_PP(0);
	ConsentContact *b = PG_GETARG_CONSENT_CONTACT_PP(1);
	int			order = consent_contact_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	PG_RETURN_INT32(order);
}

/* A contact sorts as text does under collation C, abbreviated keys included. */
PG_FUNCTION_INFO_V1(pg_consent_contact_sortsupport);
PGDLLEXPORT Datum
pg_consent_contact_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);
	MemoryContext oldcontext = MemoryContextSwitchTo(ssup->ssup_cxt);

	varstr_sortsupport(ssup, TEXTOID, C_COLLATION_OID);
	MemoryContextSwitchTo(oldcontext);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(pg_consent_contact_larger);
PGDLLEXPORT Datum
pg_consent_contact_larger(PG_FUNCTION_ARGS)
{
	ConsentContact *a = PG_GETARG_CONSENT_CONTACT_PP(0);
	ConsentContact *b = PG_GETARG_CONSENT_CONTACT_PP(1);

	PG_RETURN_CONSENT_CONTACT_P(consent_contact_compare(a, b) > 0 ? a : b);
}

PG_FUNCTION_INFO_V1(pg_consent_contact_smaller);
PGDLLEXPORT Datum
pg_consent_contact_smaller(PG_FUNCTION_ARGS)
{
	ConsentContact *a = PG_GETARG_CONSENT_CONTACT_PP(0);
	ConsentContact *b = PG_GETARG_CONSENT_CONTACT_PP(1);

	PG_RETURN_CONSENT_CONTACT_P(consent_contact_compare(a, b) < 0 ? a : b);
}

PG_FUNCTION_INFO_V1(pg_consent_contact_hash);
PGDLLEXPORT Datum
pg_consent_contact_hash(PG_FUNCTION_ARGS)
{
	ConsentContact *contact = PG_GETARG_CONSENT_CONTACT_PP(0);
	uint32		hash = consent_contact_hash(contact);

	PG_FREE_IF_COPY(contact, 0);
	PG_RETURN_INT32((int32) hash);
}

PG_FUNCTION_INFO_V1(pg_consent_contact_hash_extended);
PGDLLEXPORT Datum
pg_consent_contact_hash_extended(PG_FUNCTION_ARGS)
{
	ConsentContact *contact = PG_GETARG_CONSENT_CONTACT_PP(0);
	uint64		hash = consent_contact_hash_extended(contact, PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(contact, 0);
	PG_RETURN_INT64((int64) hash);
}

/*
 * Hashes of the root, so that all forms of an address lie in one partition of
 * the ledger.
 */
PG_FUNCTION_INFO_V1(pg_consent_contact_root_hash);
PGDLLEXPORT Datum
pg_consent_contact_root_hash(PG_FUNCTION_ARGS)
{
	/* Seed 0: the low half must be what the 32-bit hash is. */
	PG_RETURN_INT32((int32) consent_contact_root_hash(PG_GETARG_CONSENT_CONTACT_PP(0), 0));
}

PG_FUNCTION_INFO_V1(pg_consent_contact_root_hash_extended);
PGDLLEXPORT Datum
pg_consent_contact_root_hash_extended(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) consent_contact_root_hash(PG_GETARG_CONSENT_CONTACT_PP(0), PG_GETARG_INT64(1)));
}
