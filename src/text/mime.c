/*-------------------------------------------------------------------------
 *
 * mime.c
 *	  Makes a subject and a body of a whole message.
 *
 * gmime, with GLib behind it, costs a backend time and memory, so it has a
 * shared library of its own, which is opened by the first message.
 *
 * All texts of the message become one body.  If one of them is HTML, all are:
 * plain ones are escaped, and where they are but the alternative to HTML, they
 * are hidden, like a preheader.  Somebody may read what they promote, but
 * nobody is served by what most do not see.
 *
 * Attached texts stay apart from it, and from each other: whoever opens one reads
 * nothing else, and what serves in it must not soften what promotes elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "text/mime.h"
#include "text/mime_lib.h"
#include "text/text.h"

PG_FUNCTION_INFO_V1(pg_consent_read_raw);
PG_FUNCTION_INFO_V1(pg_consent_read_attachments);

/* So much text is put together: more than is read of it, with a reserve. */
#define BODY_MAX	(2 * CONSENT_TEXT_MAX_BYTES)

/* Ends whatever an HTML text left open, so that it hides none behind it. */
#define HTML_END	"\n-->\"'></style></script></title></textarea>\n"

/* Valid UTF-8 without NUL, the rest left out. */
static void
append_valid(StringInfo out, const char *s, size_t len, bool escape)
{
	for (size_t at = 0; at < len;)
	{
		int			n = pg_utf_mblen((const unsigned char *) s + at);

		if (s[at] == '\0' || at + n > len ||
			!pg_utf8_islegal((const unsigned char *) s + at, n))
		{
			at++;
			continue;
		}
		if (escape && s[at] == '<')
			appendStringInfoString(out, "&lt;");
		else if (escape && s[at] == '&')
			appendStringInfoString(out, "&amp;");
		else if (escape && s[at] == '\n')
			appendStringInfoString(out, "<br>");
		else
			appendBinaryStringInfo(out, s + at, n);
		at += n;
	}
}

static char *
valid_copy(const char *s, size_t len)
{
	StringInfoData out;

	initStringInfo(&out);
	append_valid(&out, s, len, false);
	return out.data;
}

static void
copy_attachments(const ConsentMimeMessage *mime, ConsentMessage *message)
{
	int			n = 0;

	for (const ConsentMimePart *p = mime->attachments; p; p = p->next)
		n++;
	message->attachment = palloc0(Max(n, 1) * sizeof(ConsentAttachment));
	for (const ConsentMimePart *p = mime->attachments; p; p = p->next)
	{
		ConsentAttachment *a = &message->attachment[message->nattachments++];

		a->title = p->title;
		a->name = p->name ? valid_copy(p->name, strlen(p->name)) : NULL;
		a->body = valid_copy(p->text, p->len);
	}
}

static void
put_together(const ConsentMimeMessage *mime, ConsentMessage *message)
{
	StringInfoData body;
	bool		html = false;
	bool		first = true;

	message->complete = mime->complete;
	if (mime->subject)
		message->subject = valid_copy(mime->subject, strlen(mime->subject));
	copy_attachments(mime, message);
	initStringInfo(&body);
	for (const ConsentMimePart *p = mime->parts; p; p = p->next)
		html |= p->html;
	if (html)
		appendStringInfoString(&body, "<html>");

	/* plain ones first, where nothing can hide them */
	for (int pass = 0; pass < 2; pass++)
	{
		for (const ConsentMimePart *p = mime->parts; p; p = p->next)
		{
			/* what was escaped may have taken more room than there was */
			size_t		room = Max(BODY_MAX - body.len, 0);
			size_t		len = Min(p->len, room);

			if (p->html != (pass == 1))
				continue;
			if (len < p->len)
				message->complete = false;
			if (html && !p->html)
			{
				appendStringInfo(&body, "<div%s>", p->alternative ? " hidden" : "");
				append_valid(&body, p->text, len, true);
				appendStringInfoString(&body, "</div>");
			}
			else
			{
				if (!first)
					appendStringInfoString(&body, html ? HTML_END : "\n\n");
				append_valid(&body, p->text, len, false);
				first = false;
			}
		}
	}
	if (mime->parts)
		message->body = body.data;
}

void
consent_mime_read(const char *source, int len, ConsentMessage *message)
{
	static ConsentMimeRead read_message = NULL;
	static ConsentMimeFree free_message = NULL;
	ConsentMimeMessage *mime;
	bool		cut = len > CONSENT_MIME_MAX_BYTES;

	memset(message, 0, sizeof(ConsentMessage));
	if (free_message == NULL)
	{
		read_message = (ConsentMimeRead)
			load_external_function(CONSENT_MIME_LIBRARY, CONSENT_MIME_READ, true, NULL);
		free_message = (ConsentMimeFree)
			load_external_function(CONSENT_MIME_LIBRARY, CONSENT_MIME_FREE, true, NULL);
	}
	mime = read_message(source, Min(len, CONSENT_MIME_MAX_BYTES));
	if (mime == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed while reading a message of %d bytes.", len)));
	PG_TRY();
	{
		put_together(mime, message);
	}
	PG_FINALLY();
	{
		free_message(mime);
	}
	PG_END_TRY();
	message->complete &= !cut;
}

/* RFC 2047: =?charset?B?...?=, also with Q. */
static bool
has_encoded_word(const char *source, const char *end)
{
	const char *s = source;

	while ((s = memchr(s, '=', end - s)) != NULL && ++s + 4 < end)
	{
		const char *charset = s + 1;

		if (*s != '?')
			continue;
		for (s = charset; s < end && (isalnum((unsigned char) *s) || *s == '-' || *s == '_'); s++)
			;
		if (s > charset && s + 2 < end && *s == '?' && (pg_tolower(s[1]) == 'b' || pg_tolower(s[1]) == 'q') && s[2] == '?')
			return true;
	}
	return false;
}

/* The source of a message whose header says that the text after it is encoded, or in parts. */
static bool
has_mime_header(const char *source, const char *end)
{
	static const struct
	{
		const char *name;
		const char *value;
	}			fields[] = {
		{"Content-Transfer-Encoding", "base64"},
		{"Content-Transfer-Encoding", "quoted-printable"},
		{"Content-Type", "multipart/"}
	};
	const char *line = source;

	while (line < end)
	{
		const char *next = memchr(line, '\n', end - line);
		const char *colon = line;

		next = next ? next + 1 : end;
		while (colon < next && (isalnum((unsigned char) *colon) || *colon == '-'))
			colon++;
		if (*line != ' ' && *line != '\t' && (colon == line || colon == next || *colon != ':'))
			return false;
		for (int i = 0; i < lengthof(fields); i++)
		{
			const char *value = colon + 1;

			if (colon - line != strlen(fields[i].name) || pg_strncasecmp(line, fields[i].name, colon - line) != 0)
				continue;
			while (value < next && *value == ' ')
				value++;
			if (next - value >= strlen(fields[i].value) &&
				pg_strncasecmp(value, fields[i].value, strlen(fields[i].value)) == 0)
				return true;
		}
		line = next;
	}
	return false;
}

bool
consent_mime_is_encoded(const char *source, int len)
{
	const char *end = source + Min(len, CONSENT_TEXT_MAX_BYTES);

	return has_encoded_word(source, end) || has_mime_header(source, end);
}

static Datum
server_text(const char *s)
{
	return s ? CStringGetTextDatum(pg_any_to_server(s, strlen(s), PG_UTF8)) : (Datum) 0;
}

PGDLLEXPORT Datum
pg_consent_read_raw(PG_FUNCTION_ARGS)
{
	bytea	   *source = PG_GETARG_BYTEA_PP(0);
	ConsentMessage message;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	consent_mime_read(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source), &message);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "consent.read_raw() must return a row");
	nulls[0] = message.subject == NULL;
	values[0] = server_text(message.subject);
	nulls[1] = message.body == NULL;
	values[1] = server_text(message.body);
	values[2] = BoolGetDatum(message.complete);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

PGDLLEXPORT Datum
pg_consent_read_attachments(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	bytea	   *source = PG_GETARG_BYTEA_PP(0);
	ConsentMessage message;

	InitMaterializedSRF(fcinfo, 0);
	consent_mime_read(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source), &message);
	for (int i = 0; i < message.nattachments; i++)
	{
		const ConsentAttachment *a = &message.attachment[i];
		Datum		values[2] = {server_text(a->name), server_text(a->body)};
		bool		nulls[2] = {a->name == NULL, false};

		if (a->title)
			continue;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
