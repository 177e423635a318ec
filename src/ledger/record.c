/*-------------------------------------------------------------------------
 *
 * record.c
 *	  What may be written to the ledger: the triggers of consent.ledger.
 *
 * Everything that holds for an event holds because this BEFORE trigger says
 * so, and it fires for functions, INSERT and COPY alike.  What is wrong with
 * a consent is not an error: it is recorded, with its defects, because the
 * record of a bad consent is what an auditor needs.  Errors are for rows that
 * do not say what they mean.
 *
 * A restored dump brings its own event_id, recorded_at, recorded_by and digest,
 * which only the table's owner may give: they decide whether a consent can lift
 * an objection.  The digest must be that of the row, so that a dump that was
 * changed on its way is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unictype.h>
#include <unistr.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "contact/contact.h"
#include "ledger/apply.h"
#include "ledger/digest.h"
#include "ledger/erasure.h"
#include "ledger/filter.h"
#include "ledger/ledger.h"
#include "ledger/relation.h"
#include "ledger/vocabulary.h"
#include "ledger/wording.h"

PG_FUNCTION_INFO_V1(pg_consent_ledger_record);
PG_FUNCTION_INFO_V1(pg_consent_ledger_keep);

ConsentRestrictedHook consent_ledger_restricted_hook = NULL;
ConsentLinkedHook consent_ledger_linked_hook = NULL;

void
consent_ledger_restricted(const ConsentContact *contact)
{
	if (consent_ledger_restricted_hook != NULL)
		consent_ledger_restricted_hook(contact);
}

/* What the trigger of a part finds out once per statement; lives as long. */
typedef struct Recorder
{
	MemoryContext context;
	Oid			sequence;
	bool		is_last;
	Oid			user;			/* whose name is kept; InvalidOid: nobody's yet */
	Datum		user_name;
	ConsentDigestWriter *writer;
	bool		restoring;
} Recorder;

/* From so many on a statement is a load. */
#define EVENTS_OF_A_LOAD 1000

/* From so many tuples it is known what the server does with them. */
#define TUPLES_WATCHED 16

/* An event on its way into the ledger. */
typedef struct Draft
{
	Relation	rel;
	Recorder   *recorder;
	ConsentStatement *statement;
	TimestampTz now;
	ConsentEventWords words;
	Datum		values[Natts_ledger];
	bool		nulls[Natts_ledger];
} Draft;

#define DRAFT_NULL(draft, column) ((draft)->nulls[Anum_ledger_##column - 1])
#define DRAFT_VALUE(draft, column) ((draft)->values[Anum_ledger_##column - 1])
#define DRAFT_SET(draft, column, datum) \
	((draft)->values[Anum_ledger_##column - 1] = (datum), \
	 (draft)->nulls[Anum_ledger_##column - 1] = false)

#define COLUMN(column) (UINT64CONST(1) << Anum_ledger_##column)

/* What only some kinds of event may carry. */
#define KIND_COLUMNS \
	(COLUMN(channels) | COLUMN(organisation) | COLUMN(purpose) | COLUMN(method) | \
	 COLUMN(product_category) | COLUMN(refusal_offered) | COLUMN(refused) | \
	 COLUMN(relationship) | COLUMN(reference) | COLUMN(about) | COLUMN(collected_by) | \
	 COLUMN(named_organisations) | COLUMN(subscriber) | COLUMN(register) | \
	 COLUMN(listed_on) | COLUMN(delisted_on) | COLUMN(expires_at) | COLUMN(defects))

/* An event of unknown time is in force at once, or never: whatever refuses. */
typedef enum UnknownTime
{
	AT_ONCE,
	NEVER
} UnknownTime;

typedef struct KindRule
{
	const char *name;
	uint64		needs;
	uint64		may_have;
	UnknownTime unknown_time;
	bool		never_in_future;
} KindRule;

/* What stands against messages is in force at once, and never in the future. */
static bool
stands_against(Draft *draft, const KindRule *rule)
{
	return rule->never_in_future ||
		(!DRAFT_NULL(draft, refused) && DatumGetBool(DRAFT_VALUE(draft, refused)));
}

static const KindRule kind_rules[EVENT_KIND_COUNT] = {
	[EVENT_CONSENT] = {
		"consent", COLUMN(channels) | COLUMN(organisation),
		COLUMN(purpose) | COLUMN(method) | COLUMN(collected_by) |
		COLUMN(named_organisations) | COLUMN(expires_at) | COLUMN(defects), NEVER
	},
	[EVENT_WITHDRAWAL] = {
		"withdrawal", 0, COLUMN(channels) | COLUMN(organisation) | COLUMN(purpose), AT_ONCE, true
	},
	[EVENT_OBJECTION] = {
		"objection", 0, COLUMN(channels) | COLUMN(organisation) | COLUMN(purpose), AT_ONCE, true
	},
	[EVENT_NON_OBJECTION] = {"non_objection", COLUMN(organisation), 0, NEVER},
	[EVENT_SOFT_OPT_IN] = {
		"soft_opt_in", COLUMN(organisation),
		COLUMN(product_category) | COLUMN(refusal_offered) | COLUMN(refused) |
		COLUMN(relationship) | COLUMN(collected_by), NEVER
	},
	[EVENT_REQUEST] = {
		"request", COLUMN(organisation) | COLUMN(channels) | COLUMN(reference),
		COLUMN(about) | COLUMN(expires_at), NEVER
	},
	[EVENT_ANSWER] = {"answer", COLUMN(organisation) | COLUMN(reference), 0, AT_ONCE},
	[EVENT_CONTACTED] = {"contacted", COLUMN(organisation), 0, NEVER},
	[EVENT_SUPPRESSION] = {
		"suppression", 0, COLUMN(channels) | COLUMN(organisation) | COLUMN(about), AT_ONCE
	},
	[EVENT_UNSUPPRESSION] = {
		"unsuppression", 0, COLUMN(channels) | COLUMN(organisation) | COLUMN(about), NEVER
	},
	[EVENT_SUBSCRIBER] = {"subscriber", COLUMN(subscriber), 0, AT_ONCE},
	[EVENT_ERASURE] = {"erasure"},
	[EVENT_LISTING] = {"listing", COLUMN(register) | COLUMN(listed_on), COLUMN(delisted_on), AT_ONCE},
};

static const char *const register_names[REGISTER_COUNT] = {
	[REGISTER_TPS] = "tps",
	[REGISTER_CTPS] = "ctps",
	[REGISTER_FPS] = "fps",
};

static const char *const relationship_names[RELATIONSHIP_COUNT] = {
	[RELATIONSHIP_SALE] = "sale",
	[RELATIONSHIP_NEGOTIATION] = "negotiation",
	[RELATIONSHIP_SUPPORT] = "support",
	[RELATIONSHIP_CLIENT] = "client_relationship",
};

/* How consent is expressed, and what is wrong with the ways that never count. */
typedef struct MethodRule
{
	const char *name;
	ConsentReason defect;
} MethodRule;

static const MethodRule method_rules[] = {
	{"ticked_box", REASON_NONE},
	{"clicked_icon", REASON_NONE},
	{"sent_email", REASON_NONE},
	{"sent_text", REASON_NONE},
	{"subscribed", REASON_NONE},
	{"oral", REASON_NONE},
	{"written", REASON_NONE},
	{"double_opt_in", REASON_NONE},
	{"pre_ticked_box", CONSENT_PRETICKED},
	{"silence", CONSENT_SILENCE},
	{"bundled_terms", CONSENT_BUNDLED},
	{"condition_of_service", CONSENT_CONDITION_OF_SERVICE},
	{"unknown", CONSENT_UNEVIDENCED},
};

ConsentEventKind
consent_event_kind(const char *name)
{
	StringInfoData known;

	for (int kind = 0; kind < EVENT_ERASURE; kind++)
	{
		if (kind_rules[kind].name[0] == name[0] && strcmp(kind_rules[kind].name, name) == 0)
			return (ConsentEventKind) kind;
	}

	initStringInfo(&known);
	for (int kind = 0; kind < EVENT_ERASURE; kind++)
		appendStringInfo(&known, "%s%s", kind > 0 ? ", " : "", kind_rules[kind].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown kind of event \"%s\"", name),
			 errhint("Kinds are %s.", known.data)));
}

const char *
consent_event_kind_name(ConsentEventKind kind)
{
	return kind_rules[kind].name;
}

/* ConsentRegister, or -1 */
int
consent_register_lookup(const char *name)
{
	return consent_word_lookup(register_names, REGISTER_COUNT, name);
}

/* ConsentRelationship, or -1 */
int
consent_relationship_lookup(const char *name)
{
	return consent_word_lookup(relationship_names, RELATIONSHIP_COUNT, name);
}

static Datum
session_user_name(Recorder *recorder)
{
	Oid			user = GetSessionUserId();

	if (recorder->user != user)
	{
		char	   *name = GetUserNameFromId(user, false);
		MemoryContext caller = MemoryContextSwitchTo(recorder->context);

		recorder->user_name = CStringGetTextDatum(name);
		recorder->user = user;
		MemoryContextSwitchTo(caller);
	}
	return recorder->user_name;
}

/*
 * An event with a number of its own comes among those that were counted already,
 * so what was counted is thrown away: once a statement, and by the owner, who
 * alone restores events.  Also what has been counted since the transaction's
 * snapshot: so it is done as READ COMMITTED has it.
 */
static void
note_restored(Recorder *recorder)
{
	const int	isolation = XactIsoLevel;

	if (recorder->restoring)
		return;
	recorder->restoring = true;
	SPI_connect();
	PG_TRY();
	{
		XactIsoLevel = XACT_READ_COMMITTED;
		if (SPI_execute("SELECT consent.discard_import_summaries()", false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not discard summaries of the ledger");
	}
	PG_FINALLY();
	{
		XactIsoLevel = isolation;
	}
	PG_END_TRY();
	SPI_finish();
}

/*
 * event_id, recorded_at, recorded_by and digest are the ledger's to give.  A backend
 * never stamps two events alike, so that of an objection and a consent taken
 * down by one loader it is known which came later.
 */
static void
stamp(Draft *draft)
{
	static TimestampTz last_recorded = 0;

	if (!(DRAFT_NULL(draft, event_id) && DRAFT_NULL(draft, recorded_at) &&
		  DRAFT_NULL(draft, recorded_by) && DRAFT_NULL(draft, digest)) &&
		!has_privs_of_role(GetUserId(), draft->rel->rd_rel->relowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("event_id, recorded_at, recorded_by and digest are set by the ledger"),
				 errhint("Leave these columns out; only the owner of consent.ledger may restore them.")));

	if (DRAFT_NULL(draft, event_id))
		DRAFT_SET(draft, event_id, Int64GetDatum(nextval_internal(draft->recorder->sequence, false)));
	else
		note_restored(draft->recorder);
	if (DRAFT_NULL(draft, recorded_at))
	{
		last_recorded = Max(draft->now, last_recorded + 1);
		DRAFT_SET(draft, recorded_at, TimestampTzGetDatum(last_recorded));
	}
	if (DRAFT_NULL(draft, recorded_by))
		DRAFT_SET(draft, recorded_by, session_user_name(draft->recorder));
}

/* By which the ledger is looked up. */
static void
set_address(Draft *draft)
{
	ConsentContact *contact = DatumGetConsentContactPP(DRAFT_VALUE(draft, contact));
	ConsentContact *root = consent_contact_has_tag(contact) ? consent_contact_root(contact) : contact;

	if (!DRAFT_NULL(draft, address) &&
		consent_contact_compare(DatumGetConsentContactPP(DRAFT_VALUE(draft, address)), root) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("\"address\" of an event is not that of its contact"),
				 errhint("Leave this column out; the ledger sets it.")));
	DRAFT_SET(draft, address, PointerGetDatum(root));
}

static const char *
column_name(Draft *draft, int attnum)
{
	return NameStr(TupleDescAttr(RelationGetDescr(draft->rel), attnum - 1)->attname);
}

/* Columns that would change nothing are refused rather than ignored. */
static void
check_columns(Draft *draft, const KindRule *rule)
{
	uint64		present = 0;
	uint64		wrong;

	for (int attnum = 1; attnum <= Natts_ledger; attnum++)
		present |= (uint64) !draft->nulls[attnum - 1] << attnum;
	wrong = (rule->needs & ~present) | (KIND_COLUMNS & ~(rule->needs | rule->may_have) & present);
	if (wrong == 0)
		return;

	for (int attnum = 1; attnum <= Natts_ledger; attnum++)
	{
		if ((wrong & (UINT64CONST(1) << attnum)) == 0)
			continue;
		if (draft->nulls[attnum - 1])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an event of kind \"%s\" needs \"%s\"", rule->name, column_name(draft, attnum)),
					 attnum == Anum_ledger_organisation ?
					 errhint("Name it. A function for which none is named takes pg_consent.organisation; a row does not.") : 0));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" means nothing for an event of kind \"%s\"",
						column_name(draft, attnum), rule->name)));
	}
}

/* Channels, organisations and purpose: what the event is about. */
static void
check_scope(Draft *draft, const KindRule *rule)
{
	ConsentWord word;

	if (!DRAFT_NULL(draft, channels))
	{
		ArrayType  *channels = DatumGetArrayTypeP(DRAFT_VALUE(draft, channels));

		if (ArrayGetNItems(ARR_NDIM(channels), ARR_DIMS(channels)) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the list of channels is empty"),
					 (rule->needs & COLUMN(channels)) == 0 ?
					 errhint("Leave it NULL to mean every channel.") : 0));
		if (array_contains_nulls(channels))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the list of channels contains NULL")));
	}
	if (!DRAFT_NULL(draft, organisation))
		draft->words.organisation = consent_require_organisation(consent_word(DRAFT_VALUE(draft, organisation), &word))->id;
	if (!DRAFT_NULL(draft, purpose))
		draft->words.purpose = consent_require_purpose(consent_word(DRAFT_VALUE(draft, purpose), &word))->steps[0].id;
	if (!DRAFT_NULL(draft, named_organisations))
	{
		Datum	   *names;
		bool	   *nulls;
		int			n;

		deconstruct_array(DatumGetArrayTypeP(DRAFT_VALUE(draft, named_organisations)),
						  TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
		if (n > CONSENT_NAMED_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a consent names at most %d organisations", CONSENT_NAMED_MAX)));
		for (int i = 0; i < n; i++)
		{
			if (nulls[i])
				ereport(ERROR,
						(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						 errmsg("the list of named organisations contains NULL")));
			(void) consent_require_organisation(TextDatumGetCString(names[i]));
		}
	}
}

/* Companies have less protection, so since when it is one must be known. */
static bool
is_corporate(Draft *draft)
{
	return !DRAFT_NULL(draft, subscriber) &&
		consent_subscriber_from_oid(DatumGetObjectId(DRAFT_VALUE(draft, subscriber))) == SUBSCRIBER_CORPORATE;
}

static void
check_times(Draft *draft, const KindRule *rule)
{
	TimestampTz recorded_at = DatumGetTimestampTz(DRAFT_VALUE(draft, recorded_at));
	TimestampTz effective_at;

	/*
	 * "Now" is the wall clock for what stands against messages, or may: now() of a
	 * transaction that began before the person agreed, or asked, or the address
	 * worked again, would be undone by that.  stamp() may be ahead of the clock by
	 * a little.
	 */
	if ((rule->unknown_time == AT_ONCE || stands_against(draft, rule)) &&
		(DRAFT_NULL(draft, effective_at) ? !is_corporate(draft) :
		 DatumGetTimestampTz(DRAFT_VALUE(draft, effective_at)) == GetCurrentTransactionStartTimestamp()))
		DRAFT_SET(draft, effective_at, TimestampTzGetDatum(Min(recorded_at, draft->now)));

	if (!DRAFT_NULL(draft, effective_at))
	{
		effective_at = DatumGetTimestampTz(DRAFT_VALUE(draft, effective_at));
		if (TIMESTAMP_NOT_FINITE(effective_at))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the time of an event must be finite")));
		if (stands_against(draft, rule) && effective_at > recorded_at)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the time of an event of kind \"%s\" lies in the future", rule->name),
					 errhint("Whoever says stop means now; leave the time out if it is not known.")));
		if (!DRAFT_NULL(draft, expires_at) &&
			DatumGetTimestampTz(DRAFT_VALUE(draft, expires_at)) <= effective_at)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("an event of kind \"%s\" ends before it begins", rule->name)));
	}
	if (!DRAFT_NULL(draft, listed_on))
	{
		DateADT		listed_on = DatumGetDateADT(DRAFT_VALUE(draft, listed_on));

		if (DATE_NOT_FINITE(listed_on) ||
			(!DRAFT_NULL(draft, delisted_on) &&
			 DatumGetDateADT(DRAFT_VALUE(draft, delisted_on)) < listed_on))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a listing must begin at a date, and not after it ends")));
	}
}

/* A word out of a list. */
static void
check_word(Draft *draft, int attnum, const char *const *words, int n)
{
	char	   *word;

	if (draft->nulls[attnum - 1])
		return;
	word = TextDatumGetCString(draft->values[attnum - 1]);
	if (consent_word_lookup(words, n, word) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown %s \"%s\"", column_name(draft, attnum), word),
				 errhint("Known are %s.", consent_words_listed(words, n))));
}

/* Labels are compared byte by byte and kept in every standing. */
static void
check_label(Draft *draft, int attnum)
{
	if (!draft->nulls[attnum - 1] &&
		VARSIZE_ANY_EXHDR(PG_DETOAST_DATUM_PACKED(draft->values[attnum - 1])) > CONSENT_LABEL_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("\"%s\" is longer than %d bytes", column_name(draft, attnum), CONSENT_LABEL_MAX)));
}

static bool
is_blank(Draft *draft, int attnum)
{
	text	   *value;
	char	   *words;

	if (draft->nulls[attnum - 1])
		return true;
	value = DatumGetTextPP(draft->values[attnum - 1]);
	words = VARDATA_ANY(value);
	if (VARSIZE_ANY_EXHDR(value) > 0 && words[0] > ' ' && words[0] < 0x7f)
		return false;			/* as nearly always, without a copy */
	words = text_to_cstring(value);
	if (GetDatabaseEncoding() == PG_UTF8)
	{
		ucs4_t		c;
		const uint8_t *rest = (const uint8_t *) words;

		while ((rest = u8_next(&c, rest)) != NULL)
		{
			if (!uc_is_property_white_space(c) && !uc_is_property_default_ignorable_code_point(c))
				return false;
		}
		return true;
	}
	return words[strspn(words, " \t\r\n")] == '\0';
}

/* What one kind alone carries. */
static void
check_details(Draft *draft, ConsentEventKind kind)
{
	/* Nobody is nobody: an empty name must not make a third party. */
	if (is_blank(draft, Anum_ledger_collected_by))
		DRAFT_NULL(draft, collected_by) = true;
	if (kind == EVENT_CONSENT && DRAFT_NULL(draft, purpose))
		DRAFT_SET(draft, purpose, CStringGetTextDatum("marketing"));
	if (kind == EVENT_SOFT_OPT_IN && DRAFT_NULL(draft, relationship))
		DRAFT_SET(draft, relationship, CStringGetTextDatum(relationship_names[RELATIONSHIP_SALE]));

	check_word(draft, Anum_ledger_relationship, relationship_names, RELATIONSHIP_COUNT);
	check_word(draft, Anum_ledger_register, register_names, REGISTER_COUNT);
	check_label(draft, Anum_ledger_product_category);
	check_label(draft, Anum_ledger_reference);
	if (!DRAFT_NULL(draft, reference) && is_blank(draft, Anum_ledger_reference))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the reference of an event is empty")));

	if (kind == EVENT_LISTING &&
		consent_contact_kind(DatumGetConsentContactPP(DRAFT_VALUE(draft, contact))) != CONSENT_CONTACT_PHONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only telephone numbers are listed on a register")));
}

/* The defects that are facts of the recording; see V8 to V16 in reasons.h. */
static void
complete_defects(Draft *draft)
{
	ConsentReasonSet set = {0};
	Datum		codes[REASON_COUNT];
	int			n = 0;
	const MethodRule *method = NULL;
	ConsentWord word;
	const char *name;

	if (DRAFT_NULL(draft, method))
		DRAFT_SET(draft, method, CStringGetTextDatum("unknown"));
	name = consent_word(DRAFT_VALUE(draft, method), &word);
	for (int i = 0; i < lengthof(method_rules) && method == NULL; i++)
	{
		if (strcmp(method_rules[i].name, name) == 0)
			method = &method_rules[i];
	}
	if (method == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown method of consent \"%s\"", name),
				 errhint("Methods are ticked_box, clicked_icon, sent_email, sent_text, subscribed, oral, written, double_opt_in, pre_ticked_box, silence, bundled_terms, condition_of_service and unknown.")));

	if (method->defect != REASON_NONE)
		consent_reason_add(&set, method->defect);
	if (is_blank(draft, Anum_ledger_wording) || DRAFT_NULL(draft, effective_at))
		consent_reason_add(&set, CONSENT_UNEVIDENCED);
	if (!DRAFT_NULL(draft, defects))
	{
		ConsentReasonSet reviewed = consent_defects_from_codes(DRAFT_VALUE(draft, defects));

		consent_reason_join(&set, &reviewed);
	}
	/* A restored dump has them already, as they were known then. */
	if (!DRAFT_NULL(draft, wording) && DRAFT_NULL(draft, digest))
	{
		ConsentReasonSet known = consent_wording_defects(DRAFT_VALUE(draft, wording));

		consent_reason_join(&set, &known);
	}

	for (int reason = CONSENT_NOT_FROM_RECIPIENT; reason <= CONSENT_TAINTED; reason++)
	{
		if (consent_reason_in(&set, (ConsentReason) reason))
			codes[n++] = CStringGetTextDatum(consent_reason_code((ConsentReason) reason));
	}
	if (n > 0)
		DRAFT_SET(draft, defects, PointerGetDatum(construct_array(codes, n, TEXTOID, -1, false, TYPALIGN_INT)));
	else
		DRAFT_NULL(draft, defects) = true;
}

/* Last of all: the digest is of the event as it will stand. */
static void
take_digest(Draft *draft)
{
	bytea	   *digest = consent_digest_event(RelationGetDescr(draft->rel), draft->values, draft->nulls,
											  &draft->recorder->writer, draft->recorder->context);

	if (!DRAFT_NULL(draft, digest))
	{
		bytea	   *given = DatumGetByteaPP(DRAFT_VALUE(draft, digest));

		if (VARSIZE_ANY_EXHDR(given) != CONSENT_DIGEST_LEN ||
			memcmp(VARDATA_ANY(given), VARDATA(digest), CONSENT_DIGEST_LEN) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("event " INT64_FORMAT " does not match its digest",
							DatumGetInt64(DRAFT_VALUE(draft, event_id))),
					 errhint("The event was changed after it was recorded.  See consent.event_digest().")));
	}
	DRAFT_SET(draft, digest, PointerGetDatum(digest));
}

/* Could it refuse a message that is permitted without it?  In doubt, yes. */
static bool
may_restrict(Draft *draft, ConsentEventKind kind)
{
	switch (kind)
	{
		case EVENT_CONSENT:
		case EVENT_NON_OBJECTION:
		case EVENT_REQUEST:
		case EVENT_CONTACTED:
		case EVENT_UNSUPPRESSION:
			return false;
		case EVENT_SOFT_OPT_IN:
			return DRAFT_NULL(draft, refused) || DatumGetBool(DRAFT_VALUE(draft, refused));
		case EVENT_WITHDRAWAL:
		case EVENT_OBJECTION:
		case EVENT_ANSWER:
		case EVENT_SUPPRESSION:
		case EVENT_SUBSCRIBER:
		case EVENT_LISTING:
		case EVENT_ERASURE:
			break;
	}
	return true;
}

/* Does no other trigger see the row between us and the table? */
static bool
is_last(const TriggerData *trigdata)
{
	const TriggerDesc *triggers = trigdata->tg_relation->trigdesc;

	for (int i = triggers->numtriggers - 1; i >= 0; i--)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgoid == trigdata->tg_trigger->tgoid)
			return true;
		if (TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_INSERT))
			return false;
	}
	return false;
}

/*
 * Of each row of a COPY into the whole ledger PostgreSQL makes a tuple for us, and if
 * that comes back unchanged it forgets it until the statement ends: 2 GB in a load of ten
 * million.  So we free it; but not where the server has learned to do that itself.
 * So it is watched first, when all parts have been opened: does the memory that is in use,
 * but for what the slot holds of the row, grow by the size of every tuple?
 */
static void
free_forgotten(ConsentStatement *statement, TupleTableSlot *slot, HeapTuple tuple)
{
	static int	forgotten = 0;
	static bool forgets = true;

	if (!forgets || ++statement->ntuples < EVENTS_OF_A_LOAD)
		return;
	if (forgotten < TUPLES_WATCHED)
	{
		MemoryContext context = GetMemoryChunkContext(tuple);
		MemoryContextCounters counters = {0};
		char	   *held = ((VirtualTupleTableSlot *) slot)->data;
		Size		before = statement->in_use;

		context->methods->stats(context, NULL, NULL, &counters, false);
		statement->in_use = counters.totalspace - counters.freespace;
		if (held != NULL && GetMemoryChunkContext(held) == context)
			statement->in_use -= GetMemoryChunkSpace(held);
		if (before == 0)
			return;				/* the first that is watched */
		forgets = statement->in_use >= before + GetMemoryChunkSpace(tuple);
		forgotten++;
	}
	else
		heap_freetuple(tuple);
}

/*
 * The event as it will stand.  Who inserts stores the row from the slot, and would
 * only take apart there what we put together here; so where that can be done the
 * slot itself is completed, and nothing is returned as changed.  A trigger after
 * us would not see it.
 */
static Datum
complete_row(const TriggerData *trigdata, Draft *draft)
{
	TupleTableSlot *slot = trigdata->tg_trigslot;

	if (!draft->recorder->is_last || !TTS_IS_VIRTUAL(slot))
		return PointerGetDatum(heap_form_tuple(RelationGetDescr(draft->rel), draft->values, draft->nulls));
	memcpy(slot->tts_values, draft->values, sizeof(draft->values));
	memcpy(slot->tts_isnull, draft->nulls, sizeof(draft->nulls));
	free_forgotten(draft->statement, slot, trigdata->tg_trigtuple);
	return PointerGetDatum(trigdata->tg_trigtuple); /* which is only compared */
}

PGDLLEXPORT Datum
pg_consent_ledger_record(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	Draft		draft;
	ConsentWord word;
	ConsentEventKind kind;
	const KindRule *rule;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) || !TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.ledger_record() must be fired before each inserted row")));

	draft.rel = trigdata->tg_relation;
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		Recorder   *recorder = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Recorder));

		recorder->context = fcinfo->flinfo->fn_mcxt;
		recorder->sequence = consent_relation("ledger_event_id");
		recorder->is_last = is_last(trigdata);
		fcinfo->flinfo->fn_extra = recorder;
	}
	draft.recorder = fcinfo->flinfo->fn_extra;
	draft.statement = consent_statement(fcinfo->flinfo->fn_mcxt);
	consent_check_columns("ledger", RelationGetDescr(draft.rel), Natts_ledger);
	slot_getallattrs(trigdata->tg_trigslot);
	memcpy(draft.values, trigdata->tg_trigslot->tts_values, sizeof(draft.values));
	memcpy(draft.nulls, trigdata->tg_trigslot->tts_isnull, sizeof(draft.nulls));
	draft.now = GetCurrentTimestamp();

	if (DRAFT_NULL(&draft, contact) || DRAFT_NULL(&draft, kind))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s of an event is NULL", DRAFT_NULL(&draft, contact) ? "the contact" : "the kind"),
				 DRAFT_NULL(&draft, contact) ? errhint("Leave out rows in which consent.try_contact() finds no address.") : 0));

	kind = consent_event_kind(consent_word(DRAFT_VALUE(&draft, kind), &word));
	draft.words = (ConsentEventWords) {.kind = kind};
	rule = &kind_rules[kind];
	set_address(&draft);
	stamp(&draft);
	check_columns(&draft, rule);
	check_details(&draft, kind);
	check_scope(&draft, rule);
	check_times(&draft, rule);
	if (kind == EVENT_CONSENT)
		complete_defects(&draft);
	take_digest(&draft);
	consent_gather(draft.statement, draft.values, draft.nulls, &draft.words, draft.recorder->is_last);
	consent_filter_add(DatumGetConsentContactPP(DRAFT_VALUE(&draft, contact)));
	if (may_restrict(&draft, kind))
		consent_ledger_restricted(DatumGetConsentContactPP(DRAFT_VALUE(&draft, contact)));

	return complete_row(trigdata, &draft);
}

/* consent.ledger_keep(): what is written stays written, but for erasure.c. */
PGDLLEXPORT Datum
pg_consent_ledger_keep(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (CALLED_AS_TRIGGER(fcinfo) && TRIGGER_FIRED_BY_DELETE(trigdata->tg_event) && consent_is_erasing())
		return PointerGetDatum(TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) ? trigdata->tg_trigtuple : NULL);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the consent ledger is append-only"),
			 errhint("Record a later event that supersedes the wrong one; consent.forget() erases a person.")));
	PG_RETURN_NULL();
}
