/*-------------------------------------------------------------------------
 *
 * words.c
 *	  Between the SQL enums of the shared vocabulary and their C values.
 *
 * The syscache keeps these rows, and a cached Oid would outlive DROP EXTENSION and
 * CREATE EXTENSION in one session.  Channels are kept all the same, until any enum
 * changes: each event of a ledger that is read has some.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "module/words.h"

const char *const consent_channel_names[CONSENT_NCHANNELS] = {
	[CHANNEL_EMAIL] = "email",
	[CHANNEL_SMS] = "sms",
	[CHANNEL_MMS] = "mms",
	[CHANNEL_VOICEMAIL] = "voicemail",
	[CHANNEL_IN_APP] = "in_app",
	[CHANNEL_SOCIAL_DM] = "social_dm",
	[CHANNEL_PUSH] = "push",
	[CHANNEL_LIVE_CALL] = "live_call",
	[CHANNEL_AUTOMATED_CALL] = "automated_call",
	[CHANNEL_FAX] = "fax",
	[CHANNEL_POST] = "post",
	[CHANNEL_ONLINE_AD] = "online_ad",
};

const char *const consent_class_names[CONSENT_NCLASSES] = {
	[CLASS_SERVICE] = "service",
	[CLASS_SERVICE_OPTIONAL] = "service_optional",
	[CLASS_REGULATORY] = "regulatory",
	[CLASS_PUBLIC_TASK] = "public_task",
	[CLASS_MARKET_RESEARCH] = "market_research",
	[CLASS_SOLICITED_RESPONSE] = "solicited_response",
	[CLASS_DIRECT_MARKETING] = "direct_marketing",
	[CLASS_MIXED] = "mixed",
	[CLASS_CONSENT_REQUEST] = "consent_request",
	[CLASS_SUGGING] = "sugging",
	[CLASS_UNKNOWN] = "unknown",
};

const char *const consent_subscriber_names[CONSENT_NSUBSCRIBERS] = {
	[SUBSCRIBER_INDIVIDUAL] = "individual",
	[SUBSCRIBER_SOLE_TRADER] = "sole_trader",
	[SUBSCRIBER_PARTNERSHIP] = "partnership",
	[SUBSCRIBER_CORPORATE] = "corporate",
};

const char *const consent_block_action_names[CONSENT_NBLOCKACTIONS] = {
	[BLOCK_RAISE] = "raise",
	[BLOCK_DIVERT] = "divert",
	[BLOCK_QUARANTINE] = "quarantine",
	[BLOCK_FLAG] = "flag",
};

PG_FUNCTION_INFO_V1(pg_consent_is_marketing);
PG_FUNCTION_INFO_V1(pg_consent_try_channel);
PG_FUNCTION_INFO_V1(pg_consent_class_to_judge);

char *
consent_words_listed(const char *const *names, int n)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
		appendStringInfo(&list, "%s%s", i == 0 ? "" : i == n - 1 ? " and " : ", ", names[i]);
	return list.data;
}

int
consent_word_lookup(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(words[i], word) == 0)
			return i;
	}
	return -1;
}

static int
find_name(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
	{
		if (pg_strcasecmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

static int
value_from_oid(Oid value, const char *type, const char *const *names, int n)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	int			found;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for enum value %u", value);
	found = find_name(names, n, NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	ReleaseSysCache(tuple);

	if (found < 0)
		elog(ERROR, "enum value %u is no consent.%s", value, type);
	return found;
}

static Oid
value_of_type(Oid typid, const char *type, const char *name)
{
	Oid			value = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid,
										ObjectIdGetDatum(typid), CStringGetDatum(name));

	if (!OidIsValid(value))
		elog(ERROR, "type consent.%s has no value \"%s\"", type, name);
	return value;
}

static Oid
value_oid(const char *type, const char *name)
{
	Oid			nsp = get_namespace_oid("consent", false);
	Oid			typid = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
										CStringGetDatum(type),
										ObjectIdGetDatum(nsp));

	if (!OidIsValid(typid))
		elog(ERROR, "type consent.%s does not exist", type);
	return value_of_type(typid, type, name);
}

static Oid	known_channels[CONSENT_NCHANNELS];

/* Only mark: this runs in the middle of anything. */
static void
enum_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	memset(known_channels, 0, sizeof(known_channels));
}

ConsentChannel
consent_channel_from_oid(Oid value)
{
	static bool registered = false;
	int			channel;

	if (!registered)
		CacheRegisterSyscacheCallback(ENUMOID, enum_changed, (Datum) 0);
	registered = true;
	for (channel = 0; channel < CONSENT_NCHANNELS; channel++)
	{
		if (known_channels[channel] == value && OidIsValid(value))
			return (ConsentChannel) channel;
	}
	channel = value_from_oid(value, "channel", consent_channel_names, CONSENT_NCHANNELS);
	known_channels[channel] = value;
	return (ConsentChannel) channel;
}

ConsentClass
consent_class_from_oid(Oid value)
{
	return value_from_oid(value, "message_class", consent_class_names, CONSENT_NCLASSES);
}

ConsentSubscriber
consent_subscriber_from_oid(Oid value)
{
	return value_from_oid(value, "subscriber", consent_subscriber_names, CONSENT_NSUBSCRIBERS);
}

ConsentBlockAction
consent_block_action_from_oid(Oid value)
{
	return value_from_oid(value, "block_action", consent_block_action_names, CONSENT_NBLOCKACTIONS);
}

Oid
consent_channel_oid(ConsentChannel channel)
{
	return value_oid("channel", consent_channel_names[channel]);
}

Oid
consent_class_oid(ConsentClass class)
{
	return value_oid("message_class", consent_class_names[class]);
}

Oid
consent_class_oid_in(Oid message_class, ConsentClass class)
{
	return value_of_type(message_class, "message_class", consent_class_names[class]);
}

int
consent_channel_from_name(const char *name)
{
	return find_name(consent_channel_names, CONSENT_NCHANNELS, name);
}

/* What senders call them in their own queues, besides the names of consent.message_class. */
const char *const consent_usual_class_names[CONSENT_NUSUAL_CLASSES] = {
	"marketing", "promotional", "research", "transactional"
};
static const ConsentClass usual_class[CONSENT_NUSUAL_CLASSES] = {
	CLASS_DIRECT_MARKETING, CLASS_DIRECT_MARKETING, CLASS_MARKET_RESEARCH, CLASS_SERVICE
};

int
consent_class_from_name(const char *name)
{
	int			usual = find_name(consent_usual_class_names, CONSENT_NUSUAL_CLASSES, name);

	return usual >= 0 ? (int) usual_class[usual] : find_name(consent_class_names, CONSENT_NCLASSES, name);
}

/* How far a class is from being free to send. */
static int
strictness(ConsentClass class)
{
	switch (class)
	{
		case CLASS_SERVICE:
		case CLASS_REGULATORY:
		case CLASS_PUBLIC_TASK:
			return 0;
		case CLASS_SERVICE_OPTIONAL:
		case CLASS_MARKET_RESEARCH:
			return 1;
		case CLASS_SOLICITED_RESPONSE:
			return 2;
		case CLASS_DIRECT_MARKETING:
		case CLASS_MIXED:
		case CLASS_CONSENT_REQUEST:
		case CLASS_SUGGING:
		case CLASS_UNKNOWN:
			break;
	}
	return 3;
}

/*
 * The class to judge by: what the text shows, or what the sender declares where
 * that is stricter.  A label never moves a message away from marketing.
 */
ConsentClass
consent_class_to_judge(ConsentClass found, const char *label)
{
	int			declared = label ? consent_class_from_name(label) : -1;

	return declared >= 0 && strictness(declared) > strictness(found) ? declared : found;
}

/* What cannot be told is treated as marketing. */
bool
consent_class_is_marketing(ConsentClass class)
{
	switch (class)
	{
		case CLASS_SERVICE:
		case CLASS_SERVICE_OPTIONAL:
		case CLASS_REGULATORY:
		case CLASS_PUBLIC_TASK:
		case CLASS_MARKET_RESEARCH:
		case CLASS_SOLICITED_RESPONSE:
			return false;
		case CLASS_DIRECT_MARKETING:
		case CLASS_MIXED:
		case CLASS_CONSENT_REQUEST:
		case CLASS_SUGGING:
		case CLASS_UNKNOWN:
			break;
	}
	return true;
}

PGDLLEXPORT Datum
pg_consent_is_marketing(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(consent_class_is_marketing(consent_class_from_oid(PG_GETARG_OID(0))));
}

/*
 * For functions that are asked for every row: value_oid(), looked up once for each
 * value in a statement.
 */
static Oid
kept_oid(FunctionCallInfo fcinfo, const char *type, const char *const *names, int n, int value)
{
	Oid		   *kept = fcinfo->flinfo->fn_extra;

	if (kept == NULL)
		fcinfo->flinfo->fn_extra = kept = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, n * sizeof(Oid));
	if (!OidIsValid(kept[value]))
		kept[value] = value_oid(type, names[value]);
	return kept[value];
}

PGDLLEXPORT Datum
pg_consent_try_channel(PG_FUNCTION_ARGS)
{
	int			channel = consent_channel_from_name(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (channel < 0)
		PG_RETURN_NULL();
	PG_RETURN_OID(kept_oid(fcinfo, "channel", consent_channel_names, CONSENT_NCHANNELS, channel));
}

PGDLLEXPORT Datum
pg_consent_class_to_judge(PG_FUNCTION_ARGS)
{
	ConsentClass found;
	ConsentClass judged;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		PG_RETURN_OID(PG_GETARG_OID(0));
	found = consent_class_from_oid(PG_GETARG_OID(0));
	judged = consent_class_to_judge(found, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (judged == found)
		PG_RETURN_OID(PG_GETARG_OID(0));
	PG_RETURN_OID(kept_oid(fcinfo, "message_class", consent_class_names, CONSENT_NCLASSES, judged));
}
