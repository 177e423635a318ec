/*-------------------------------------------------------------------------
 *
 * digest.c
 *	  The SHA-256 of an event, and of a seal.
 *
 * An auditor must come to the same digest years later, elsewhere, without
 * this code, from nothing but what the columns show.  So what is hashed is
 * text, not our storage:
 *
 *		item("pg_consent event 1")
 *		for each column that is not NULL, in the order of the table,
 *		but for "digest" and generated columns:
 *			item(its name) item(its value)
 *
 * where item(s) is the length of s in bytes in decimal, a colon, and s.  A
 * value is what psql and COPY show under SET timezone = 'UTC' and datestyle =
 * 'ISO', in UTF-8: a boolean is t or f, a time 2026-03-01 12:00:00+00, an array
 * {email,sms}.  A seal begins with "pg_consent seal 1".
 *
 * NULLs leave no trace, so columns that are added later leave old digests as
 * they are.  Any other change of the form needs another number in its first
 * item, and this one stays for the rows that have it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef USE_OPENSSL
#include <openssl/evp.h>
#endif

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hmac.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "ledger/digest.h"
#include "module/compat.h"

PG_FUNCTION_INFO_V1(pg_consent_event_digest);
PG_FUNCTION_INFO_V1(pg_consent_seal_digest);
PG_FUNCTION_INFO_V1(pg_consent_erasure_digest);
PG_FUNCTION_INFO_V1(pg_consent_person_link_digest);
PG_FUNCTION_INFO_V1(pg_consent_fact_digest);
PG_FUNCTION_INFO_V1(pg_consent_take_digest);

#define EVENT_FORM "pg_consent event 1"
#define SEAL_FORM "pg_consent seal 1"
#define ERASURE_FORM "pg_consent erasure 1"
#define LINK_FORM "pg_consent link 1"
#define FACT_FORM "pg_consent fact 1"

/* How a value of a type that is not known here is written. */
typedef struct OtherWriter
{
	int16		attlen;
	FmgrInfo	out;
	Size		last_len;		/* of the last value that was short, 0: none */
	char		last_value[64];
	char		last_text[64];
} OtherWriter;

/* How a column is written.  Small, for there is one to each column of a bulk load's events. */
typedef struct ColumnWriter
{
	Oid			type;			/* InvalidOid: it is not hashed */
	int			name;			/* its place among the names, as an item */
	int			name_len;
	OtherWriter *other;			/* made when first needed */
} ColumnWriter;

/* So many bytes of a name can be read, and written, whatever its length: that needs no call. */
#define NAME_ROOM 32

/* The columns of a table, found out once per query, and room to write in. */
struct ConsentDigestWriter
{
	int			natts;
	MemoryContext context;
	StringInfoData form;
	int			tag_len;		/* the first item, which stays written */
	StringInfoData names;		/* of the columns, with NAME_ROOM behind the last */
	ColumnWriter columns[FLEXIBLE_ARRAY_MEMBER];
};

pg_cryptohash_ctx *
consent_digest_begin(void)
{
	pg_cryptohash_ctx *sha = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(sha) < 0)
		elog(ERROR, "SHA-256 failed: %s", pg_cryptohash_error(sha));
	return sha;
}

void
consent_digest_add(pg_cryptohash_ctx *sha, const void *data, Size len)
{
	if (pg_cryptohash_update(sha, data, len) < 0)
		elog(ERROR, "SHA-256 failed: %s", pg_cryptohash_error(sha));
}

bytea *
consent_digest_end(pg_cryptohash_ctx *sha)
{
	bytea	   *digest = palloc(VARHDRSZ + CONSENT_DIGEST_LEN);

	SET_VARSIZE(digest, VARHDRSZ + CONSENT_DIGEST_LEN);
	if (pg_cryptohash_final(sha, (uint8 *) VARDATA(digest), CONSENT_DIGEST_LEN) < 0)
		elog(ERROR, "SHA-256 failed: %s", pg_cryptohash_error(sha));
	pg_cryptohash_free(sha);
	return digest;
}

/*
 * The SHA-256 of what is all there, for the events of a bulk load.  pg_cryptohash
 * lets OpenSSL look for the algorithm each time, which takes as long as to hash
 * an event.
 */
static bytea *
digest_of(const void *data, Size len)
{
#if defined(USE_OPENSSL) && OPENSSL_VERSION_NUMBER >= 0x30000000L
	static EVP_MD *sha256 = NULL;
	static EVP_MD_CTX *sha = NULL;
	bytea	   *digest = palloc(VARHDRSZ + CONSENT_DIGEST_LEN);

	SET_VARSIZE(digest, VARHDRSZ + CONSENT_DIGEST_LEN);
	if ((sha256 == NULL && (sha256 = EVP_MD_fetch(NULL, "SHA256", NULL)) == NULL) ||
		(sha == NULL && (sha = EVP_MD_CTX_new()) == NULL) ||
		EVP_DigestInit_ex2(sha, sha256, NULL) != 1 ||
		EVP_DigestUpdate(sha, data, len) != 1 ||
		EVP_DigestFinal_ex(sha, (unsigned char *) VARDATA(digest), NULL) != 1)
		elog(ERROR, "SHA-256 failed");
	return digest;
#else
	pg_cryptohash_ctx *sha = consent_digest_begin();

	consent_digest_add(sha, data, len);
	return consent_digest_end(sha);
#endif
}

/*
 * HMAC-SHA-256 of a tag and some data, CONSENT_DIGEST_LEN bytes.  The tag says
 * what the mac is for, so that one made for one thing is never good for another.
 */
void
consent_hmac(const uint8 *key, Size keylen, char tag, const void *data, Size len, uint8 *mac)
{
	pg_hmac_ctx *ctx = pg_hmac_create(PG_SHA256);

	if (ctx == NULL ||
		pg_hmac_init(ctx, key, keylen) < 0 ||
		pg_hmac_update(ctx, (uint8 *) &tag, 1) < 0 ||
		pg_hmac_update(ctx, data, len) < 0 ||
		pg_hmac_final(ctx, mac, CONSENT_DIGEST_LEN) < 0)
		elog(ERROR, "could not compute an HMAC: %s", pg_hmac_error(ctx));
	pg_hmac_free(ctx);
}

/* Called ten times for an event of a bulk load.  A column's name is written first, as it is. */
static void
append_item(StringInfo form, const char *name, int name_len, const char *s, int len)
{
	char	   *utf8 = (char *) s;
	char	   *end;

	/* In SQL_ASCII nobody knows what the bytes mean: they stand for themselves. */
	if (GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		utf8 = pg_server_to_any(s, len, PG_UTF8);
		if (utf8 != s)
			len = strlen(utf8);
	}
	/* There are some twenty short items to an event: most need no call. */
	if ((Size) form->len + name_len + NAME_ROOM + MAXINT8LEN + 1 + len >= form->maxlen)
		enlargeStringInfo(form, name_len + NAME_ROOM + MAXINT8LEN + 1 + len);
	end = form->data + form->len;
	if (name_len > NAME_ROOM)
		memcpy(end, name, name_len);
	else if (name_len > 0)
		memcpy(end, name, NAME_ROOM);
	end += name_len;
	if (len >= 100)
		end += pg_ltoa(len, end);
	else
	{
		if (len >= 10)
			*end++ = '0' + len / 10;
		*end++ = '0' + len % 10;
	}
	*end++ = ':';
	memcpy(end, utf8, len);
	form->len = end + len - form->data;
}

/* ISO 8601 as PostgreSQL writes it, in UTC whatever the session is set to. */
static void
write_any_time(char *buf, TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(time))
		EncodeSpecialTimestamp(time, buf);
	else if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) == 0)
	{
		/* Without this it would be a time without zone. */
		tm.tm_isdst = 0;
		EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, buf);
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
}

/* The same; returns its length.  One time of a bulk load is mostly of the day of another. */
static int
write_time(char *buf, TimestampTz time)
{
	static struct
	{
		int64		day;
		int			len;		/* 0: none yet */
		char		date[16];	/* and a space */
	}			known[1024];
	int64		day = time / USECS_PER_DAY;
	int64		rest = time % USECS_PER_DAY;
	int			i = day & (lengthof(known) - 1);
	int			seconds;
	char	   *end;

	if (time < 0 || known[i].len == 0 || known[i].day != day)
	{
		char	   *space;

		write_any_time(buf, time);
		space = strchr(buf, ' ');
		if (time >= 0 && space != NULL && space - buf < sizeof(known[i].date))
		{
			known[i].day = day;
			known[i].len = space + 1 - buf;
			memcpy(known[i].date, buf, known[i].len);
		}
		return strlen(buf);
	}

	memcpy(buf, known[i].date, known[i].len);
	end = buf + known[i].len;
	seconds = rest / USECS_PER_SEC;
	rest %= USECS_PER_SEC;
	end = pg_ultostr_zeropad(end, seconds / SECS_PER_HOUR, 2);
	*end++ = ':';
	end = pg_ultostr_zeropad(end, seconds % SECS_PER_HOUR / SECS_PER_MINUTE, 2);
	*end++ = ':';
	end = pg_ultostr_zeropad(end, seconds % SECS_PER_MINUTE, 2);
	if (rest != 0)
	{
		*end++ = '.';
		end = pg_ultostr_zeropad(end, rest, 6);
		while (end[-1] == '0')
			end--;
	}
	memcpy(end, "+00", 3);
	return end + 3 - buf;
}

static void
write_date(char *buf, DateADT date)
{
	struct pg_tm tm;

	if (DATE_NOT_FINITE(date))
		EncodeSpecialDate(date, buf);
	else
	{
		j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		EncodeDateOnly(&tm, USE_ISO_DATES, buf);
	}
}

/*
 * What a type's output function says.  An event says what the one before it said:
 * the same channels, mostly.
 */
static const char *
write_other(ColumnWriter *column, Datum value, MemoryContext context)
{
	OtherWriter *other = column->other;
	char	   *text;
	Size		len;

	if (other == NULL)
	{
		Oid			function;
		bool		is_varlena;

		other = column->other = MemoryContextAllocZero(context, sizeof(OtherWriter));
		other->attlen = get_typlen(column->type);
		getTypeOutputInfo(column->type, &function, &is_varlena);
		fmgr_info_cxt(function, &other->out, context);
	}
	if (other->attlen == -1)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	len = other->attlen == -1 ? VARSIZE_ANY(DatumGetPointer(value)) : 0;
	if (len > 0 && len == other->last_len && memcmp(DatumGetPointer(value), other->last_value, len) == 0)
		return other->last_text;

	text = OutputFunctionCall(&other->out, value);
	other->last_len = 0;
	if (len > 0 && len <= sizeof(other->last_value) && strlen(text) < sizeof(other->last_text))
	{
		memcpy(other->last_value, DatumGetPointer(value), len);
		strcpy(other->last_text, text);
		other->last_len = len;
	}
	return text;
}

static void
append_column(ConsentDigestWriter *writer, Datum value, ColumnWriter *column)
{
	StringInfo	form = &writer->form;
	const char *name = writer->names.data + column->name;
	char		buf[MAXDATELEN + 1];
	const char *s = buf;
	int			len;

	switch (column->type)
	{
		case TEXTOID:
			{
				text	   *t = DatumGetTextPP(value);

				append_item(form, name, column->name_len, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
				return;
			}
		case INT8OID:
			len = pg_lltoa(DatumGetInt64(value), buf);
			break;
		case TIMESTAMPTZOID:
			len = write_time(buf, DatumGetTimestampTz(value));
			break;
		case DATEOID:
			write_date(buf, DatumGetDateADT(value));
			len = strlen(buf);
			break;
		default:
			s = write_other(column, value, writer->context);
			len = strlen(s);
	}
	append_item(form, name, column->name_len, s, len);
}

static ConsentDigestWriter *
make_writer(const char *tag, TupleDesc desc, MemoryContext context)
{
	ConsentDigestWriter *writer = MemoryContextAllocZero(context, offsetof(ConsentDigestWriter, columns) +
														 desc->natts * sizeof(ColumnWriter));
	MemoryContext caller = MemoryContextSwitchTo(context);

	writer->natts = desc->natts;
	writer->context = context;
	initStringInfo(&writer->form);
	append_item(&writer->form, NULL, 0, tag, strlen(tag));
	writer->tag_len = writer->form.len;
	initStringInfo(&writer->names);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		ColumnWriter *column = &writer->columns[i];

		/* "address" by its name, because it need not be a generated column. */
		if (att->attisdropped || att->attgenerated != '\0' ||
			strcmp(NameStr(att->attname), "address") == 0 ||
			strcmp(NameStr(att->attname), "digest") == 0)
			continue;
		column->type = att->atttypid;
		column->name = writer->names.len;
		append_item(&writer->names, NULL, 0, NameStr(att->attname), strlen(NameStr(att->attname)));
		column->name_len = writer->names.len - column->name;
	}
	enlargeStringInfo(&writer->names, NAME_ROOM);
	MemoryContextSwitchTo(caller);
	return writer;
}

/*
 * The types of columns that are not known here must have output that no setting
 * changes.  What is found out about the columns is kept in *writer, which begins
 * as NULL, in a context that lives as long.
 */
static bytea *
digest_row(const char *tag, TupleDesc desc, const Datum *values, const bool *nulls,
		   ConsentDigestWriter **writer, MemoryContext context)
{
	ConsentDigestWriter *w = *writer;

	if (w == NULL || w->natts != desc->natts)
		w = *writer = make_writer(tag, desc, context);

	w->form.len = w->tag_len;
	for (int i = 0; i < w->natts; i++)
	{
		if (!nulls[i] && OidIsValid(w->columns[i].type))
			append_column(w, values[i], &w->columns[i]);
	}

	return digest_of(w->form.data, w->form.len);
}

bytea *
consent_digest_event(TupleDesc desc, const Datum *values, const bool *nulls,
					 ConsentDigestWriter **writer, MemoryContext context)
{
	return digest_row(EVENT_FORM, desc, values, nulls, writer, context);
}

static bytea *
digest_composite(const char *tag, FunctionCallInfo fcinfo)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row),
											  HeapTupleHeaderGetTypMod(row));
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};
	bytea	   *digest;

	heap_deform_tuple(&tuple, desc, values, nulls);
	digest = digest_row(tag, desc, values, nulls, (ConsentDigestWriter **) &fcinfo->flinfo->fn_extra, fcinfo->flinfo->fn_mcxt);
	ReleaseTupleDesc(desc);
	return digest;
}

PGDLLEXPORT Datum
pg_consent_event_digest(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(digest_composite(EVENT_FORM, fcinfo));
}

PGDLLEXPORT Datum
pg_consent_seal_digest(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(digest_composite(SEAL_FORM, fcinfo));
}

PGDLLEXPORT Datum
pg_consent_erasure_digest(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(digest_composite(ERASURE_FORM, fcinfo));
}

PGDLLEXPORT Datum
pg_consent_person_link_digest(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(digest_composite(LINK_FORM, fcinfo));
}

PGDLLEXPORT Datum
pg_consent_fact_digest(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(digest_composite(FACT_FORM, fcinfo));
}

/*
 * consent.take_digest(form): trigger of tables whose rows seals cover beside the
 * events.  As in record.c the digest is of the row as it will stand, and one that a
 * restored dump brings must match.
 */
PGDLLEXPORT Datum
pg_consent_take_digest(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	Datum	   *values;
	bool	   *nulls;
	int			attnum;
	bytea	   *digest;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) || !TRIGGER_FIRED_BY_INSERT(trigdata->tg_event) ||
		trigdata->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.take_digest() must be fired before each inserted row, and told the form")));

	desc = RelationGetDescr(trigdata->tg_relation);
	values = palloc(desc->natts * sizeof(Datum));
	nulls = palloc(desc->natts * sizeof(bool));
	heap_deform_tuple(trigdata->tg_trigtuple, desc, values, nulls);
	digest = digest_row(trigdata->tg_trigger->tgargs[0], desc, values, nulls,
						(ConsentDigestWriter **) &fcinfo->flinfo->fn_extra, fcinfo->flinfo->fn_mcxt);
	attnum = SPI_fnumber(desc, "digest");
	if (attnum <= 0)
		elog(ERROR, "\"%s\" has no column for a digest", RelationGetRelationName(trigdata->tg_relation));
	if (!nulls[attnum - 1])
	{
		bytea	   *given = DatumGetByteaPP(values[attnum - 1]);

		if (VARSIZE_ANY_EXHDR(given) != CONSENT_DIGEST_LEN ||
			memcmp(VARDATA_ANY(given), VARDATA(digest), CONSENT_DIGEST_LEN) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("a row of consent.%s does not match its digest", RelationGetRelationName(trigdata->tg_relation)),
					 errhint("It was changed after it was recorded.")));
	}
	values[attnum - 1] = PointerGetDatum(digest);
	nulls[attnum - 1] = false;
	return PointerGetDatum(heap_modify_tuple_by_cols(trigdata->tg_trigtuple, desc, 1, &attnum,
													 &values[attnum - 1], &nulls[attnum - 1]));
}
