/*-------------------------------------------------------------------------
 *
 * token.c
 *	  Unsubscribe tokens: minted into links, redeemed by whoever holds one.
 *
 * A token holds no address.  It names a row of consent.unsubscribe_link by an
 * id that is an HMAC of what the link covers, so that a million messages to
 * the same people write a row per person, once, and nothing can be guessed
 * from an id.  The rest of the token, its expiry above all, is vouched for by
 * a second HMAC:
 *
 *		version (1)  key id (4)  expiry (5)  id (16)  mac (16)
 *
 * in network order, 42 bytes, which base64url writes as 56 characters without
 * a bit to spare: no two spellings of one token.
 *
 * Whatever is wrong with a token, the error is the same, because the error is
 * seen by whoever made the token up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "contact/contact.h"
#include "ledger/digest.h"
#include "ledger/relation.h"
#include "ledger/vocabulary.h"
#include "module/module.h"
#include "module/words.h"

PG_FUNCTION_INFO_V1(pg_consent_unsubscribe_token);
PG_FUNCTION_INFO_V1(pg_consent_unsubscribe);
PG_FUNCTION_INFO_V1(pg_consent_rotate_token_key);

#define TOKEN_VERSION	1
#define TOKEN_KEY		1		/* where each part begins */
#define TOKEN_EXPIRY	5
#define TOKEN_ID		10
#define TOKEN_MAC		26
#define TOKEN_BYTES		42
#define TOKEN_CHARS		56		/* 4 for each 3 bytes */

#define ID_BYTES		UUID_LEN
#define MAC_BYTES		16
#define KEY_BYTES		32

/* What an HMAC is taken of, so that an id is never good as a mac. */
#define ABOUT_LINK		'L'
#define ABOUT_TOKEN		'T'

typedef struct TokenKey
{
	int32		id;
	uint8		secret[KEY_BYTES];
} TokenKey;

static const char alphabet[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
invalid_token(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid unsubscribe token"),
			 errdetail("It was not issued here, has expired, or was damaged on its way.")));
}

static void
encode(const uint8 *bytes, char *chars)
{
	for (int i = 0; i < TOKEN_BYTES; i += 3, chars += 4)
	{
		uint32		group = bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2];

		for (int j = 0; j < 4; j++)
			chars[j] = alphabet[(group >> (18 - 6 * j)) & 63];
	}
	*chars = '\0';
}

static bool
decode(const char *chars, uint8 *bytes)
{
	for (int i = 0; i < TOKEN_CHARS; i += 4, bytes += 3)
	{
		uint32		group = 0;

		for (int j = 0; j < 4; j++)
		{
			const char *found = chars[i + j] == '\0' ? NULL : strchr(alphabet, chars[i + j]);

			if (found == NULL)
				return false;
			group = group << 6 | (uint32) (found - alphabet);
		}
		bytes[0] = group >> 16;
		bytes[1] = (group >> 8) & 0xFF;
		bytes[2] = group & 0xFF;
	}
	return true;
}

/* The first bytes of the HMAC-SHA-256 of a tag and some data. */
static void
sign(const TokenKey *key, char tag, const void *data, int len, uint8 *mac, int maclen)
{
	uint8		digest[CONSENT_DIGEST_LEN];

	consent_hmac(key->secret, KEY_BYTES, tag, data, len, digest);
	memcpy(mac, digest, maclen);
}

/* Takes the same time wherever the difference is. */
static bool
same_mac(const uint8 *a, const uint8 *b)
{
	volatile uint8 difference = 0;

	for (int i = 0; i < MAC_BYTES; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

/* A row (id, secret) of SPI's result, if there is one. */
static bool
fetch_key(TokenKey *key)
{
	bool		isnull;
	bytea	   *secret;

	if (SPI_processed == 0)
		return false;
	key->id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	secret = DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	if (VARSIZE_ANY_EXHDR(secret) != KEY_BYTES)
		elog(ERROR, "key %d of consent.token_key has the wrong length", key->id);
	memcpy(key->secret, VARDATA_ANY(secret), KEY_BYTES);
	return true;
}

/* A new key in consent.token_key; it is the one that signs from now on. */
static void
make_key(TokenKey *key)
{
	Oid			types[] = {BYTEAOID};
	Datum		values[1];
	bytea	   *secret = palloc(VARHDRSZ + KEY_BYTES);

	SET_VARSIZE(secret, VARHDRSZ + KEY_BYTES);
	if (!pg_strong_random(VARDATA(secret), KEY_BYTES))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random key")));
	values[0] = PointerGetDatum(secret);
	if (SPI_execute_with_args("INSERT INTO consent.token_key (secret) VALUES ($1) RETURNING id, secret",
							  1, types, values, NULL, false, 0) != SPI_OK_INSERT_RETURNING ||
		!fetch_key(key))
		elog(ERROR, "could not store a key");
}

static void
signing_key(TokenKey *key)
{
	static SPIPlanPtr plan = NULL;

	consent_saved_plan(&plan, "SELECT k.id, k.secret FROM consent.token_key AS k"
					   " WHERE k.retired_at IS NULL ORDER BY k.id DESC LIMIT 1", 0, NULL);
	if (SPI_execute_plan(plan, NULL, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read consent.token_key");
	if (fetch_key(key))
		return;

	/* Another call of this statement, whose snapshot is older, may have made the first. */
	if (SPI_execute_plan(plan, NULL, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read consent.token_key");
	if (!fetch_key(key))
		make_key(key);
}

/* Not by the snapshot of the statement, which may itself have made the key. */
static bool
verifying_key(int32 id, TokenKey *key)
{
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(id)};

	if (SPI_execute_with_args("SELECT k.id, k.secret FROM consent.token_key AS k"
							  " WHERE k.id OPERATOR(pg_catalog.=) $1"
							  "   AND (k.retired_at IS NULL"
							  "        OR k.retired_at OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp())",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read consent.token_key");
	return fetch_key(key);
}

/* Channels in the order of the enum, each once; NULL stays NULL, for all. */
static ArrayType *
sorted_channels(ArrayType *channels)
{
	bool		named[CONSENT_NCHANNELS] = {false};
	Datum		sorted[CONSENT_NCHANNELS];
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;
	int			n = 0;

	deconstruct_array(channels, ARR_ELEMTYPE(channels), sizeof(Oid), true, TYPALIGN_INT,
					  &elements, &nulls, &nelements);
	if (nelements == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the list of channels is empty"),
				 errhint("Leave it NULL to mean every channel.")));
	for (int i = 0; i < nelements; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the list of channels contains NULL")));
		named[consent_channel_from_oid(DatumGetObjectId(elements[i]))] = true;
	}
	for (int channel = 0; channel < CONSENT_NCHANNELS; channel++)
	{
		if (named[channel])
			sorted[n++] = ObjectIdGetDatum(consent_channel_oid(channel));
	}
	return construct_array(sorted, n, ARR_ELEMTYPE(channels), sizeof(Oid), true, TYPALIGN_INT);
}

/* Arguments of consent.unsubscribe_token(), by position. */
enum
{
	MINT_CONTACT,
	MINT_ORGANISATION,
	MINT_PURPOSE,
	MINT_CHANNELS,
	MINT_EXPIRES_AT,
	MINT_NARGS
};

static void
check_mint(FunctionCallInfo fcinfo)
{
	static const char *const needed[MINT_NARGS] = {
		[MINT_CONTACT] = "a contact",
		[MINT_ORGANISATION] = "an organisation",
		[MINT_EXPIRES_AT] = "an expiry",
	};
	TimestampTz expires_at;

	for (int arg = 0; arg < MINT_NARGS; arg++)
	{
		if (needed[arg] != NULL && PG_ARGISNULL(arg))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an unsubscribe token needs %s", needed[arg]),
					 arg == MINT_ORGANISATION ? errhint("Give one, or set pg_consent.organisation.") : 0));
	}
	(void) consent_require_organisation(consent_text_arg(fcinfo, MINT_ORGANISATION));
	if (!PG_ARGISNULL(MINT_PURPOSE))
		(void) consent_require_purpose(consent_text_arg(fcinfo, MINT_PURPOSE));
	expires_at = PG_GETARG_TIMESTAMPTZ(MINT_EXPIRES_AT);
	if (TIMESTAMP_NOT_FINITE(expires_at) || expires_at <= GetCurrentTimestamp() ||
		expires_at / USECS_PER_SEC >= INT64CONST(1) << (8 * (TOKEN_ID - TOKEN_EXPIRY) - 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the expiry of an unsubscribe token must be finite and in the future")));
}

static void
append_field(StringInfo scope, const char *data, int len)
{
	appendBinaryStringInfo(scope, (char *) &len, sizeof(len));
	appendBinaryStringInfo(scope, data, len);
}

static void
append_text(StringInfo scope, Datum value)
{
	text	   *t = DatumGetTextPP(value);

	append_field(scope, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
}

/* The id of what a link covers, under a key. */
static void
link_id(const TokenKey *key, const Datum *values, const char *nulls, uint8 *id)
{
	StringInfoData scope;
	ConsentContact *contact = DatumGetConsentContactPP(values[MINT_CONTACT]);

	/* Which fields follow, then the fields, so that no two scopes look alike. */
	initStringInfo(&scope);
	appendStringInfoChar(&scope, nulls[MINT_PURPOSE]);
	appendStringInfoChar(&scope, nulls[MINT_CHANNELS]);
	append_field(&scope, VARDATA_ANY(contact), VARSIZE_ANY_EXHDR(contact));
	append_text(&scope, values[MINT_ORGANISATION]);
	if (nulls[MINT_PURPOSE] == ' ')
		append_text(&scope, values[MINT_PURPOSE]);
	if (nulls[MINT_CHANNELS] == ' ')
	{
		ArrayType  *array = DatumGetArrayTypeP(values[MINT_CHANNELS]);
		Datum	   *channels;
		int			n;

		deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(Oid), true, TYPALIGN_INT,
						  &channels, NULL, &n);
		for (int i = 0; i < n; i++)
		{
			const char *name = consent_channel_names[consent_channel_from_oid(DatumGetObjectId(channels[i]))];

			append_field(&scope, name, strlen(name));
		}
	}
	sign(key, ABOUT_LINK, scope.data, scope.len, id, ID_BYTES);
	pfree(scope.data);
}

/* Sees to it that the row for an id is there. */
static void
keep_link(FunctionCallInfo fcinfo, const TokenKey *key, const uint8 *id,
		  const Datum *values, const char *nulls)
{
	static SPIPlanPtr find = NULL;
	static SPIPlanPtr store = NULL;
	Oid			types[] = {UUIDOID, INT4OID, InvalidOid, TEXTOID, TEXTOID, InvalidOid};
	Datum		args[lengthof(types)];
	char		argnulls[lengthof(types)] = {' ', ' ', ' ', ' ', ' ', ' '};

	args[0] = UUIDPGetDatum((pg_uuid_t *) id);
	consent_saved_plan(&find, "SELECT FROM consent.unsubscribe_link AS l"
					   " WHERE l.id OPERATOR(pg_catalog.=) $1", 1, types);
	if (SPI_execute_plan(find, args, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read consent.unsubscribe_link");
	if (SPI_processed > 0)
		return;

	args[1] = Int32GetDatum(key->id);
	for (int i = MINT_CONTACT; i <= MINT_CHANNELS; i++)
	{
		types[2 + i] = get_fn_expr_argtype(fcinfo->flinfo, i);
		args[2 + i] = values[i];
		argnulls[2 + i] = nulls[i];
	}
	consent_saved_plan(&store, "INSERT INTO consent.unsubscribe_link"
					   " (id, key_id, contact, organisation, purpose, channels)"
					   " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
					   lengthof(types), types);
	if (SPI_execute_plan(store, args, argnulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not store an unsubscribe link");
}

PGDLLEXPORT Datum
pg_consent_unsubscribe_token(PG_FUNCTION_ARGS)
{
	uint8		bytes[TOKEN_BYTES];
	char		chars[TOKEN_CHARS + 1];
	Datum		values[MINT_NARGS];
	char		nulls[MINT_NARGS];
	TokenKey	key;
	uint32		word;
	uint64		expiry;

	check_mint(fcinfo);
	for (int arg = 0; arg < MINT_NARGS; arg++)
	{
		values[arg] = PG_ARGISNULL(arg) ? (Datum) 0 : PG_GETARG_DATUM(arg);
		nulls[arg] = PG_ARGISNULL(arg) ? 'n' : ' ';
	}
	if (!PG_ARGISNULL(MINT_CHANNELS))
		values[MINT_CHANNELS] = PointerGetDatum(sorted_channels(PG_GETARG_ARRAYTYPE_P(MINT_CHANNELS)));

	SPI_connect();
	signing_key(&key);
	link_id(&key, values, nulls, bytes + TOKEN_ID);
	keep_link(fcinfo, &key, bytes + TOKEN_ID, values, nulls);
	SPI_finish();

	bytes[0] = TOKEN_VERSION;
	word = pg_hton32((uint32) key.id);
	memcpy(bytes + TOKEN_KEY, &word, sizeof(word));
	/* whole seconds since 2000, rounded up */
	expiry = (PG_GETARG_TIMESTAMPTZ(MINT_EXPIRES_AT) + USECS_PER_SEC - 1) / USECS_PER_SEC;
	for (int i = 0; i < TOKEN_ID - TOKEN_EXPIRY; i++)
		bytes[TOKEN_EXPIRY + i] = (expiry >> (8 * (TOKEN_ID - TOKEN_EXPIRY - 1 - i))) & 0xFF;
	sign(&key, ABOUT_TOKEN, bytes, TOKEN_MAC, bytes + TOKEN_MAC, MAC_BYTES);
	encode(bytes, chars);
	PG_RETURN_TEXT_P(cstring_to_text(chars));
}

/* Arguments of consent.unsubscribe(), by position. */
enum
{
	USE_TOKEN,
	USE_AT,
	USE_SOURCE,
	USE_EVIDENCE,
	USE_NARGS
};

/* The id in a token, once the token has been found good. */
static void
open_token(text *token, uint8 *bytes)
{
	uint8		mac[MAC_BYTES];
	uint32		key_id;
	uint64		expiry = 0;
	TokenKey	key;

	if (VARSIZE_ANY_EXHDR(token) != TOKEN_CHARS || !decode(VARDATA_ANY(token), bytes) ||
		bytes[0] != TOKEN_VERSION)
		invalid_token();
	memcpy(&key_id, bytes + TOKEN_KEY, sizeof(key_id));
	if (!verifying_key((int32) pg_ntoh32(key_id), &key))
		invalid_token();
	sign(&key, ABOUT_TOKEN, bytes, TOKEN_MAC, mac, MAC_BYTES);
	if (!same_mac(mac, bytes + TOKEN_MAC))
		invalid_token();
	for (int i = TOKEN_EXPIRY; i < TOKEN_ID; i++)
		expiry = expiry << 8 | bytes[i];
	if ((TimestampTz) (expiry * USECS_PER_SEC) <= GetCurrentTimestamp())
		invalid_token();
}

/*
 * A second click finds the event of the first.  Once the person has said since what
 * the first would not end, under whatever contact, it is a new refusal.
 */
static int64
redeem(FunctionCallInfo fcinfo, const uint8 *id)
{
	Oid			types[] = {UUIDOID, TIMESTAMPTZOID, TEXTOID, JSONBOID, INT8OID};
	Datum		args[lengthof(types)];
	char		nulls[lengthof(types)] = {' ', ' ', ' ', ' ', ' '};
	Datum		event_id;
	bool		isnull;
	bool		again;

	args[0] = UUIDPGetDatum((pg_uuid_t *) id);

	/* The row lock makes a second click wait for the first. */
	if (SPI_execute_with_args("SELECT l.event_id"
							  "  FROM consent.unsubscribe_link AS l"
							  " WHERE l.id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
							  1, types, args, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read consent.unsubscribe_link");
	if (SPI_processed == 0)
		invalid_token();
	event_id = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
	{
		if (SPI_execute_with_args("SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0"
								  "  FROM consent.unsubscribe_link AS l"
								  " CROSS JOIN LATERAL (SELECT l.contact AS said_by"
								  "                      UNION ALL SELECT consent.linked_addresses(l.contact)) AS c"
								  " CROSS JOIN LATERAL consent.events_of(c.said_by) AS e"
								  " WHERE l.id OPERATOR(pg_catalog.=) $1"
								  "   AND e.event_id OPERATOR(pg_catalog.>) l.event_id"
								  "   AND e.kind OPERATOR(pg_catalog.=) ANY ('{consent,request}'::pg_catalog.text[])",
								  1, types, args, NULL, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not read consent.ledger");
		again = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		if (!again)
			return DatumGetInt64(event_id);
	}

	for (int arg = USE_AT; arg < USE_NARGS; arg++)
	{
		args[arg] = PG_ARGISNULL(arg) ? (Datum) 0 : PG_GETARG_DATUM(arg);
		nulls[arg] = PG_ARGISNULL(arg) ? 'n' : ' ';
	}
	if (SPI_execute_with_args("INSERT INTO consent.ledger"
							  " (contact, kind, organisation, purpose, channels, effective_at, source, evidence)"
							  " SELECT l.contact, 'objection', l.organisation, l.purpose, l.channels, $2, $3, $4"
							  "   FROM consent.unsubscribe_link AS l"
							  "  WHERE l.id OPERATOR(pg_catalog.=) $1"
							  " RETURNING event_id",
							  USE_NARGS, types, args, nulls, false, 0) != SPI_OK_INSERT_RETURNING ||
		SPI_processed != 1)
		elog(ERROR, "could not record an objection");
	event_id = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	args[4] = event_id;
	if (SPI_execute_with_args("UPDATE consent.unsubscribe_link AS l SET event_id = $5"
							  " WHERE l.id OPERATOR(pg_catalog.=) $1",
							  lengthof(types), types, args, nulls, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not mark an unsubscribe link");
	return DatumGetInt64(event_id);
}

PGDLLEXPORT Datum
pg_consent_unsubscribe(PG_FUNCTION_ARGS)
{
	uint8		bytes[TOKEN_BYTES];
	int64		event_id;

	/* Before the token is looked at, or this error would tell a good one. */
	if (!PG_ARGISNULL(USE_AT) &&
		(TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(USE_AT)) ||
		 PG_GETARG_TIMESTAMPTZ(USE_AT) > GetCurrentTimestamp()))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time of an unsubscription must be finite and not in the future")));
	if (PG_ARGISNULL(USE_TOKEN))
		invalid_token();

	SPI_connect();
	open_token(PG_GETARG_TEXT_PP(USE_TOKEN), bytes);
	event_id = redeem(fcinfo, bytes + TOKEN_ID);
	SPI_finish();
	PG_RETURN_INT64(event_id);
}

/* consent.rotate_token_key(keep): former keys verify for that long still. */
PGDLLEXPORT Datum
pg_consent_rotate_token_key(PG_FUNCTION_ARGS)
{
	Oid			types[] = {INTERVALOID};
	Datum		values[] = {PG_GETARG_DATUM(0)};
	TokenKey	key;

	SPI_connect();
	if (SPI_execute_with_args("UPDATE consent.token_key AS k"
							  "   SET retired_at = LEAST(k.retired_at, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) $1)"
							  " WHERE k.retired_at IS NULL"
							  "    OR k.retired_at OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp()",
							  1, types, values, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not retire the former keys");
	/* Links that no token can name any more. */
	if (SPI_execute("DELETE FROM consent.unsubscribe_link AS l USING consent.token_key AS k"
					" WHERE k.id OPERATOR(pg_catalog.=) l.key_id"
					"   AND k.retired_at OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp()",
					false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete the links of retired keys");
	make_key(&key);
	SPI_finish();
	PG_RETURN_INT32(key.id);
}
