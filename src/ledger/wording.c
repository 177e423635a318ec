/*-------------------------------------------------------------------------
 *
 * wording.c
 *	  Looks up what a reviewer found wrong with the words of a consent.
 *
 * Words are the same if they are so to the letter: consent.wording is found by
 * their digest.  Of several rows with the same words all defects count.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "ledger/digest.h"
#include "ledger/relation.h"
#include "ledger/wording.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_wording_check);

/* Columns of consent.wording, as wording.sql creates them. */
#define Anum_wording_defects	6
#define Anum_wording_digest		9

/* Codes of what can be wrong with a consent itself, as a set; or an error. */
ConsentReasonSet
consent_defects_from_codes(Datum array)
{
	ConsentReasonSet set = {0};
	Datum	   *codes;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &codes, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *code = nulls[i] ? pstrdup("") : TextDatumGetCString(codes[i]);
		ConsentReason reason = consent_reason_lookup(code);

		if (reason < CONSENT_NOT_FROM_RECIPIENT || reason > CONSENT_TAINTED)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" is not a defect of a consent", code),
					 errhint("See consent.reason, from consent_not_from_recipient to consent_tainted.")));
		consent_reason_add(&set, reason);
	}
	return set;
}

/* consent.wording_digest(), without the way through SQL */
static Datum
wording_digest(Datum wording)
{
	text	   *t = DatumGetTextPP(wording);
	char	   *utf8 = pg_server_to_any(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), PG_UTF8);
	Size		len = utf8 == VARDATA_ANY(t) ? VARSIZE_ANY_EXHDR(t) : strlen(utf8);
	pg_cryptohash_ctx *sha = consent_digest_begin();
	static const char prefix[] = "sha256:";
	char		digits[sizeof(prefix) + 2 * CONSENT_DIGEST_LEN];

	consent_digest_add(sha, utf8, len);
	memcpy(digits, prefix, sizeof(prefix) - 1);
	hex_encode(VARDATA(consent_digest_end(sha)), CONSENT_DIGEST_LEN, digits + sizeof(prefix) - 1);
	return PointerGetDatum(cstring_to_text_with_len(digits, sizeof(digits) - 1));
}

/* By the latest snapshot: what is known of the words when they are recorded. */
static ConsentReasonSet
find_defects(Datum wording)
{
	ConsentReasonSet set = {0};
	Relation	rel = table_open(consent_relation("wording"), AccessShareLock);

	if (RelationGetNumberOfBlocks(rel) > 0)
	{
		Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyEntryInitialize(&key, 0, Anum_wording_digest, BTEqualStrategyNumber, InvalidOid,
							   DEFAULT_COLLATION_OID, F_TEXTEQ, wording_digest(wording));
		scan = systable_beginscan(rel, consent_relation("wording_of_digest"), true, snapshot, 1, &key);
		while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		{
			bool		isnull;
			Datum		codes = heap_getattr(tuple, Anum_wording_defects, RelationGetDescr(rel), &isnull);

			if (!isnull)
			{
				ConsentReasonSet found = consent_defects_from_codes(codes);

				consent_reason_join(&set, &found);
			}
		}
		systable_endscan(scan);
		UnregisterSnapshot(snapshot);
	}
	table_close(rel, AccessShareLock);
	return set;
}

/*
 * What is wrong with these words?  A load repeats a few wordings: within one
 * command the last answer stands.
 */
ConsentReasonSet
consent_wording_defects(Datum wording)
{
	static LocalTransactionId last_transaction = InvalidLocalTransactionId;
	static CommandId last_command;
	static Size last_len;
	static char last_words[256];
	static ConsentReasonSet last_set;
	text	   *words = DatumGetTextPP(wording);
	Size		len = VARSIZE_ANY_EXHDR(words);
	LocalTransactionId transaction = consent_local_transaction();
	CommandId	command = GetCurrentCommandId(false);

	if (transaction == last_transaction && command == last_command && len == last_len &&
		memcmp(VARDATA_ANY(words), last_words, len) == 0)
		return last_set;

	last_transaction = InvalidLocalTransactionId;
	last_set = find_defects(wording);
	if (len <= sizeof(last_words))
	{
		last_transaction = transaction;
		last_command = command;
		last_len = len;
		memcpy(last_words, VARDATA_ANY(words), len);
	}
	return last_set;
}

/* consent.wording_check(): defects must be such */
PGDLLEXPORT Datum
pg_consent_wording_check(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	Datum		codes;
	bool		isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) || !TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.wording_check() must be fired before each inserted row")));
	codes = heap_getattr(trigdata->tg_trigtuple, Anum_wording_defects,
						 RelationGetDescr(trigdata->tg_relation), &isnull);
	if (!isnull)
		(void) consent_defects_from_codes(codes);
	return PointerGetDatum(trigdata->tg_trigtuple);
}
