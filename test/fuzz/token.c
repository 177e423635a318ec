/*-------------------------------------------------------------------------
 *
 * token.c
 *	  No text is an unsubscribe token but what was signed, and is good still; what
 *	  is minted is good until it expires, and of one scope only.
 *
 * The input begins with what the rest of it is: 't' any text as a token, 's' what a
 * token says, signed here, 'm' an expiry and two scopes to be minted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "backend.h"
#include "ledger/digest.h"
#include "ledger/relation.h"

#define BYTES		42
#define CHARS		56
#define SAYS		26			/* of them, before the mac */
#define KEY			7
#define NOW			(INT64CONST(820000000) * USECS_PER_SEC)
#define SCOPE_MAX	4096

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static uint8 secret[VARHDRSZ + 32];

/* What the last id was made of. */
static uint8 scope[SCOPE_MAX + 64];
static int	scope_len;

/* What the last query was about. */
static const char *asked;

extern Datum pg_consent_unsubscribe(PG_FUNCTION_ARGS);
extern Datum pg_consent_unsubscribe_token(PG_FUNCTION_ARGS);

TimestampTz
GetCurrentTimestamp(void)
{
	return NOW;
}

/* Any function will do that tells its arguments apart. */
void
consent_hmac(const uint8 *key, Size keylen, char tag, const void *data, Size len, uint8 *mac)
{
	uint64		hash = UINT64CONST(0xcbf29ce484222325) ^ (uint8) tag;

	MUST(keylen == 32 && memcmp(key, VARDATA(secret), keylen) == 0);
	for (Size i = 0; i < len; i++)
		hash = (hash ^ ((const uint8 *) data)[i]) * UINT64CONST(0x100000001b3);
	for (int i = 0; i < CONSENT_DIGEST_LEN; i++)
	{
		hash = (hash ^ i) * UINT64CONST(0x100000001b3);
		mac[i] = hash >> 56;
	}
	if (tag == 'L')
	{
		MUST(len <= sizeof(scope));
		memcpy(scope, data, len);
		scope_len = len;
	}
}

static int
execute(const char *src, const Datum *values)
{
	static HeapTuple row;
	static SPITupleTable table = {.vals = &row};

	asked = src;
	SPI_tuptable = &table;
	SPI_processed = 1;
	if (strstr(src, "FROM consent.token_key") != NULL && values != NULL)
		SPI_processed = DatumGetInt32(values[0]) == KEY;
	return strncmp(src, "SELECT", 6) == 0 ? SPI_OK_SELECT : strncmp(src, "UPDATE", 6) == 0 ? SPI_OK_UPDATE : SPI_OK_INSERT_RETURNING;
}

int
SPI_execute_with_args(const char *src, int nargs, Oid *argtypes, Datum *values, const char *nulls, bool read_only, long tcount)
{
	return execute(src, values);
}

/* A plan is its query. */
SPIPlanPtr
consent_saved_plan(SPIPlanPtr *plan, const char *command, int nargs, Oid *types)
{
	return *plan = (SPIPlanPtr) unconstify(char *, command);
}

int
SPI_execute_plan(SPIPlanPtr plan, Datum *values, const char *nulls, bool read_only, long tcount)
{
	return execute((const char *) plan, values);
}

Datum
SPI_getbinval(HeapTuple tuple, TupleDesc tupdesc, int fnumber, bool *isnull)
{
	*isnull = strstr(asked, "FROM consent.unsubscribe_link") != NULL && strncmp(asked, "SELECT", 6) == 0;
	if (strstr(asked, "FROM consent.token_key") != NULL)
		return fnumber == 1 ? Int32GetDatum(KEY) : PointerGetDatum(secret);
	return Int64GetDatum(1);
}

int32
consent_require_organisation(const char *name)
{
	return 1;
}

int32
consent_require_purpose(const char *name)
{
	return 1;
}

Oid
get_fn_expr_argtype(FmgrInfo *flinfo, int argnum)
{
	return InvalidOid;
}

/* What a function of theirs returns; 0: an error. */
static Datum
call(PGFunction function, int nargs, const NullableDatum *args)
{
	FmgrInfo	flinfo = {.fn_mcxt = CurrentMemoryContext};
	Datum		volatile result = 0;
	LOCAL_FCINFO(fcinfo, 8);

	InitFunctionCallInfoData(*fcinfo, &flinfo, nargs, InvalidOid, NULL, NULL);
	memcpy(fcinfo->args, args, nargs * sizeof(NullableDatum));
	PG_TRY();
	{
		result = function(fcinfo);
	}
	PG_CATCH();
	{
		result = 0;
	}
	PG_END_TRY();
	return result;
}

static bool
is_good(const char *token, int len)
{
	NullableDatum args[4] = {{PointerGetDatum(cstring_to_text_with_len(token, len)), false},
	{0, true}, {0, true}, {0, true}};

	return call(pg_consent_unsubscribe, 4, args) != 0;
}

static void
sign(uint8 *bytes)
{
	uint8		mac[CONSENT_DIGEST_LEN];

	consent_hmac((uint8 *) VARDATA(secret), 32, 'T', bytes, SAYS, mac);
	memcpy(bytes + SAYS, mac, BYTES - SAYS);
}

/* ... and a character more. */
static char *
encode(const uint8 *bytes)
{
	char	   *chars = palloc(CHARS + 1);

	chars[CHARS] = 'A';
	for (int bit = 0; bit < BYTES * 8; bit += 6)
	{
		int			sextet = 0;

		for (int i = bit; i < bit + 6; i++)
			sextet = sextet << 1 | (bytes[i / 8] >> (7 - i % 8) & 1);
		chars[bit / 6] = alphabet[sextet];
	}
	return chars;
}

static void
decode(const char *chars, uint8 *bytes)
{
	memset(bytes, 0, BYTES);
	for (int bit = 0; bit < BYTES * 8; bit++)
	{
		const char *c = memchr(alphabet, chars[bit / 6], 64);

		MUST(c != NULL);
		bytes[bit / 8] |= ((c - alphabet) >> (5 - bit % 6) & 1) << (7 - bit % 8);
	}
}

static int64
expiry_of(const uint8 *bytes)
{
	int64		seconds = 0;

	for (int i = 5; i < 10; i++)
		seconds = seconds << 8 | bytes[i];
	return seconds;
}

static bool
says_good(const uint8 *bytes)
{
	uint32		key;

	memcpy(&key, bytes + 1, sizeof(key));
	return bytes[0] == 1 && pg_ntoh32(key) == KEY && expiry_of(bytes) > NOW / USECS_PER_SEC;
}

static void
any_text(const char *data, int size)
{
	uint8		bytes[BYTES];
	uint8		signed_bytes[BYTES];

	if (!is_good(data, size))
		return;
	MUST(size == CHARS);
	decode(data, bytes);
	memcpy(signed_bytes, bytes, SAYS);
	sign(signed_bytes);
	MUST(memcmp(bytes, signed_bytes, BYTES) == 0 && says_good(bytes));
}

static void
signed_here(const char *data, int size)
{
	uint8		bytes[BYTES] = {0};
	char	   *chars;

	memcpy(bytes, data, Min(size, SAYS));
	sign(bytes);
	chars = encode(bytes);
	MUST(is_good(chars, CHARS) == says_good(bytes));
	MUST(!is_good(chars, CHARS + 1) && !is_good(chars, CHARS - 1));

	/* The rest tells which character is changed, and to what. */
	if (size >= SAYS + 2 && chars[(uint8) data[SAYS] % CHARS] != data[SAYS + 1])
	{
		chars[(uint8) data[SAYS] % CHARS] = data[SAYS + 1];
		MUST(!is_good(chars, CHARS));
	}
}

/* A token for these three texts, the last of them NULL if it is empty; NULL: an error. */
static const char *
mint(TimestampTz expires_at, char **texts)
{
	NullableDatum args[5] = {{PointerGetDatum(cstring_to_text(texts[0])), false}, {PointerGetDatum(cstring_to_text(texts[1])), false},
	{PointerGetDatum(cstring_to_text(texts[2])), *texts[2] == '\0'}, {0, true}, {TimestampTzGetDatum(expires_at), false}};
	Datum		token = call(pg_consent_unsubscribe_token, 5, args);

	return token == 0 ? NULL : text_to_cstring(DatumGetTextPP(token));
}

static void
minted(const char *data, int size)
{
	TimestampTz expires_at;
	char	   *texts[6];
	uint8		first[sizeof(scope)];
	int			first_len;
	uint8		bytes[BYTES];
	const char *token;

	if (size < (int) sizeof(expires_at) || size > SCOPE_MAX)
		return;
	memcpy(&expires_at, data, sizeof(expires_at));
	data += sizeof(expires_at);
	size -= sizeof(expires_at);
	for (int i = 0; i < 6; i++)
	{
		int			len = strnlen(data, size);

		texts[i] = pnstrdup(data, len);
		data += Min(len + 1, size);
		size -= Min(len + 1, size);
	}

	token = mint(expires_at, texts);
	MUST((token != NULL) == (!TIMESTAMP_NOT_FINITE(expires_at) && expires_at > NOW && expires_at / USECS_PER_SEC < INT64CONST(1) << 39));
	if (token == NULL)
		return;
	MUST(strlen(token) == CHARS && is_good(token, CHARS));
	decode(token, bytes);
	MUST(expiry_of(bytes) == (expires_at - 1) / USECS_PER_SEC + 1);

	memcpy(first, scope, scope_len);
	first_len = scope_len;
	MUST(mint(expires_at, texts + 3) != NULL);
	MUST((first_len == scope_len && memcmp(first, scope, scope_len) == 0) ==
		 (strcmp(texts[0], texts[3]) == 0 && strcmp(texts[1], texts[4]) == 0 && strcmp(texts[2], texts[5]) == 0));
}

static void
run(const char *data, int size)
{
	SET_VARSIZE(secret, sizeof(secret));
	if (size == 0)
		return;
	if (data[0] == 's')
		signed_here(data + 1, size - 1);
	else if (data[0] == 'm')
		minted(data + 1, size - 1);
	else
		any_text(data + 1, size - 1);
}

FUZZ_TARGET(run)
