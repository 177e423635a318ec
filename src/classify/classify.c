/*-------------------------------------------------------------------------
 *
 * classify.c
 *	  consent.classify(), consent.evidence(), consent.highlight().
 *
 * A campaign sends one template many times, so the last message and its
 * verdict are remembered: the same message again costs a comparison, and
 * the same verdict again a copy of its row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "classify/classify.h"
#include "text/mime.h"

#define MEMO_MAX_BYTES		(64 * 1024)
#define WORK_KEPT_BYTES		(32 * 1024) /* of memory, from message to message */

/* A text; NULL if there is none. */
typedef struct Piece
{
	const char *data;
	int			len;
	bool		packed;			/* compressed, as it is stored */
} Piece;

typedef struct Message
{
	Piece		body;
	Piece		subject;
	int			channel;
} Message;

typedef struct Memo
{
	MemoryContext cxt;
	bool		valid;
	uint64		ruleset;
	Message		message;
} Memo;

/* The verdict on it, which the messages before it may have shared. */
typedef struct Verdict
{
	MemoryContext cxt;
	bool		valid;
	uint64		ruleset;
	ConsentClassification result;
	HeapTupleHeader row;		/* the same as a row of row_type, or NULL */
	Oid			row_type;
} Verdict;

/* What a query keeps of the row type that it returns. */
typedef struct ResultType
{
	TupleDesc	desc;
	Oid			class_oid[CONSENT_NCLASSES];	/* InvalidOid: not looked up yet */
} ResultType;

static Memo memo;
static Verdict verdict;

PG_FUNCTION_INFO_V1(pg_consent_classify);
PG_FUNCTION_INFO_V1(pg_consent_classify_raw);
PG_FUNCTION_INFO_V1(pg_consent_evidence);
PG_FUNCTION_INFO_V1(pg_consent_highlight);

/*
 * What the first call of a session makes, it inherits from a server that has
 * the library preloaded: the model, and the tables that are made once.
 */
static void
prepare_sessions(void)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "consent preparation",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);

	PG_TRY();
	{
		static const char sample[] = "Your order will be delivered on Monday.";
		ConsentText text;
		const ConsentText *parts[2] = {NULL, &text};
		ConsentFindings found = {0};

		consent_text_read(sample, strlen(sample), &text);
		consent_weigh(parts, NULL, 0, -1, false, &found);
	}
	PG_CATCH();
	{
		/* sessions will see for themselves, and say so to those who ask */
		MemoryContextSwitchTo(caller);
		EmitErrorReport();
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

void
consent_classify_init(void)
{
	consent_ruleset_init();
	if (process_shared_preload_libraries_in_progress)
		prepare_sessions();
}

/*-------------------------------------------------------------------------
 * The last message
 *-------------------------------------------------------------------------
 */

static bool
same_piece(const Piece *a, const Piece *b)
{
	if (a->data == NULL || b->data == NULL)
		return a->data == b->data;
	return a->len == b->len && a->packed == b->packed && memcmp(a->data, b->data, a->len) == 0;
}

static bool
is_remembered(const ConsentRuleset *set, const Message *m)
{
	return memo.valid && memo.ruleset == set->id && memo.message.channel == m->channel &&
		same_piece(&m->body, &memo.message.body) &&
		same_piece(&m->subject, &memo.message.subject);
}

static char *
copy_text(const char *s, int len)
{
	return s ? pnstrdup(s, len) : NULL;
}

static Piece
copy_piece(Piece piece)
{
	if (piece.data)
		piece.data = memcpy(palloc(Max(piece.len, 1)), piece.data, piece.len);
	return piece;
}

static void
copy_result(const ConsentClassification *from, ConsentClassification *to)
{
	*to = *from;
	to->rules = palloc(Max(from->nrules, 1) * sizeof(char *));
	for (int i = 0; i < from->nrules; i++)
		to->rules[i] = pstrdup(from->rules[i]);
}

static HeapTupleHeader
copy_row(HeapTupleHeader row)
{
	Size		size = HeapTupleHeaderGetDatumLength(row);

	return memcpy(palloc(size), row, size);
}

static bool
same_result(const ConsentClassification *a, const ConsentClassification *b)
{
	if (a->class != b->class || a->score != b->score || a->needs_review != b->needs_review ||
		a->nrules != b->nrules)
		return false;
	for (int i = 0; i < a->nrules; i++)
	{
		if (strcmp(a->rules[i], b->rules[i]) != 0)
			return false;
	}
	return true;
}

static void
remember_verdict(uint64 ruleset, const ConsentClassification *result)
{
	MemoryContext caller;

	if (verdict.valid && verdict.ruleset == ruleset && same_result(&verdict.result, result))
		return;
	verdict.valid = false;
	verdict.row = NULL;
	if (verdict.cxt == NULL)
		verdict.cxt = AllocSetContextCreate(CacheMemoryContext, "consent last verdict",
											ALLOCSET_SMALL_SIZES);
	MemoryContextReset(verdict.cxt);
	caller = MemoryContextSwitchTo(verdict.cxt);
	copy_result(result, &verdict.result);
	verdict.ruleset = ruleset;
	verdict.valid = true;
	MemoryContextSwitchTo(caller);
}

static void
remember(uint64 ruleset, const Message *m, const ConsentClassification *result)
{
	MemoryContext caller;

	memo.valid = false;
	remember_verdict(ruleset, result);
	if (m->body.len + m->subject.len > MEMO_MAX_BYTES)
		return;
	if (memo.cxt == NULL)
		memo.cxt = AllocSetContextCreate(CacheMemoryContext, "consent last message",
										 ALLOCSET_SMALL_SIZES);
	MemoryContextReset(memo.cxt);
	caller = MemoryContextSwitchTo(memo.cxt);
	memo.ruleset = ruleset;
	memo.message.body = copy_piece(m->body);
	memo.message.subject = copy_piece(m->subject);
	memo.message.channel = m->channel;
	memo.valid = true;
	MemoryContextSwitchTo(caller);
}

/*-------------------------------------------------------------------------
 * Messages
 *-------------------------------------------------------------------------
 */

static const char *
to_utf8(const char *s, int *len)
{
	char	   *converted;

	if (s == NULL)
		return NULL;
	converted = pg_server_to_any(s, *len, PG_UTF8);
	if (converted != s)
		*len = (int) strlen(converted);
	return converted;
}

/*
 * The three arguments that the SQL functions share.  A text stays compressed
 * if it is: one that is remembered need not be unpacked.
 */
static Piece
piece_of(FunctionCallInfo fcinfo, int arg)
{
	Piece		piece = {0};
	struct varlena *v;

	if (PG_ARGISNULL(arg))
		return piece;
	v = (struct varlena *) DatumGetPointer(PG_GETARG_DATUM(arg));
	piece.packed = VARATT_IS_COMPRESSED(v);
	if (piece.packed)
	{
		piece.data = (char *) v;
		piece.len = VARSIZE(v);
	}
	else
	{
		v = (struct varlena *) PG_GETARG_TEXT_PP(arg);
		piece.data = VARDATA_ANY(v);
		piece.len = VARSIZE_ANY_EXHDR(v);
	}
	return piece;
}

static Piece
unpacked(Piece piece)
{
	if (piece.packed)
	{
		text	   *t = DatumGetTextPP(PointerGetDatum(piece.data));

		piece.data = VARDATA_ANY(t);
		piece.len = VARSIZE_ANY_EXHDR(t);
		piece.packed = false;
	}
	return piece;
}

static void
get_message(FunctionCallInfo fcinfo, Message *m)
{
	m->body = piece_of(fcinfo, 0);
	m->subject = piece_of(fcinfo, 1);
	m->channel = PG_ARGISNULL(2) ? -1 : (int) consent_channel_from_oid(PG_GETARG_OID(2));
}

/* The same with its texts in UTF-8 and NUL-terminated, for evidence. */
static void
get_message_utf8(FunctionCallInfo fcinfo, Message *m)
{
	get_message(fcinfo, m);
	m->body = unpacked(m->body);
	m->subject = unpacked(m->subject);
	m->body.data = to_utf8(copy_text(m->body.data, m->body.len), &m->body.len);
	m->subject.data = to_utf8(copy_text(m->subject.data, m->subject.len), &m->subject.len);
}

/* Classify what is not remembered, and remember it. */
static void
classify_message(const ConsentRuleset *set, const Message *m, ConsentClassification *result)
{
	static MemoryContext work = NULL;
	MemoryContext caller;
	ConsentFindings found;
	Piece		body;
	Piece		subject;

	/* it keeps a block of its own, and after an error what was in it */
	if (work == NULL)
		work = AllocSetContextCreate(TopMemoryContext, "consent classification",
									 0, WORK_KEPT_BYTES, ALLOCSET_DEFAULT_MAXSIZE);
	MemoryContextReset(work);
	caller = MemoryContextSwitchTo(work);
	body = unpacked(m->body);
	subject = unpacked(m->subject);
	body.data = to_utf8(body.data, &body.len);
	subject.data = to_utf8(subject.data, &subject.len);
	consent_classify_findings(set, body.data, body.len, subject.data, subject.len,
							  m->channel, 1, &found);
	MemoryContextSwitchTo(caller);
	consent_classify_decide(&found, result);
	MemoryContextReset(work);

	remember(set->id, m, result);
}

void
consent_classify(const char *body, int bodylen, const char *subject, int subjectlen,
				 int channel, ConsentClassification *result)
{
	const ConsentRuleset *set = consent_ruleset_get();
	Message		m = {{body, bodylen, false}, {subject, subjectlen, false}, channel};

	if (is_remembered(set, &m))
		copy_result(&verdict.result, result);
	else
		classify_message(set, &m, result);
}

/*-------------------------------------------------------------------------
 * SQL functions
 *-------------------------------------------------------------------------
 */

static ResultType *
result_type(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		ResultType *type = palloc0(sizeof(ResultType));
		TupleDesc	desc;

		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "a classification must be a row");
		type->desc = BlessTupleDesc(CreateTupleDescCopy(desc));
		fcinfo->flinfo->fn_extra = type;
		MemoryContextSwitchTo(caller);
	}
	return (ResultType *) fcinfo->flinfo->fn_extra;
}

static Datum
result_row(ResultType *type, const ConsentClassification *result)
{
	Datum	   *rules = palloc(Max(result->nrules, 1) * sizeof(Datum));
	Oid		   *class = &type->class_oid[result->class];
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	if (!OidIsValid(*class))
		*class = consent_class_oid_in(TupleDescAttr(type->desc, 0)->atttypid, result->class);
	for (int i = 0; i < result->nrules; i++)
		rules[i] = CStringGetTextDatum(result->rules[i]);
	values[0] = ObjectIdGetDatum(*class);
	values[1] = Float4GetDatum(result->score);
	values[2] = BoolGetDatum(result->needs_review);
	values[3] = PointerGetDatum(construct_array(rules, result->nrules, TEXTOID,
												-1, false, TYPALIGN_INT));
	return HeapTupleGetDatum(heap_form_tuple(type->desc, values, nulls));
}

PGDLLEXPORT Datum
pg_consent_classify(PG_FUNCTION_ARGS)
{
	const ConsentRuleset *set = consent_ruleset_get();
	ResultType *type = result_type(fcinfo);
	ConsentClassification result;
	Message		m;

	get_message(fcinfo, &m);
	if (!is_remembered(set, &m))
		classify_message(set, &m, &result);
	if (verdict.row == NULL || verdict.row_type != type->desc->tdtypeid)
	{
		Datum		row = result_row(type, &verdict.result);
		MemoryContext caller = MemoryContextSwitchTo(verdict.cxt);

		verdict.row = copy_row(DatumGetHeapTupleHeader(row));
		verdict.row_type = type->desc->tdtypeid;
		MemoryContextSwitchTo(caller);
		PG_RETURN_DATUM(row);
	}
	PG_RETURN_HEAPTUPLEHEADER(copy_row(verdict.row));
}

/*
 * Adds what an attached text promotes or asks for, if that is enough to make it
 * marketing by itself; nothing else of it counts, as nothing does of a file that
 * is no text.  Takes what it reads from the bytes that are left to read of all of
 * them; what is not read then might have been marketing.  Of titles the model knows
 * nothing, only the rules.  True: somebody should look.
 */
static bool
add_attachment(const ConsentRuleset *set, const ConsentAttachment *a, int *left, ConsentFindings *found)
{
	const char *text = a->body;
	int			all = (int) strlen(text);
	int			len = pg_encoding_mbcliplen(PG_UTF8, text, all, *left);
	MemoryContext own = AllocSetContextCreate(CurrentMemoryContext, "consent attachment",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(own);
	ConsentFindings attached;
	ConsentClassification result;

	consent_classify_findings(set, text, len, NULL, 0, CHANNEL_EMAIL, 1, &attached);
	found->truncated |= len < all;
	*left -= len;
	for (int i = 0; a->title && i < attached.n; i++)
		attached.finding[i].counts &= !attached.finding[i].rule->model;
	consent_classify_decide(&attached, &result);
	MemoryContextSwitchTo(caller);
	if (!consent_class_is_marketing(result.class) || result.class == CLASS_UNKNOWN)
	{
		MemoryContextDelete(own);
		/* mail programs attach empty files of their own */
		return !a->title && result.needs_review && (!attached.empty || attached.truncated);
	}
	for (int i = 0; i < attached.n; i++)
	{
		const ConsentFinding *f = &attached.finding[i];

		if (f->limit || (!f->rule->neutral && consent_class_is_marketing(f->rule->class)))
			*consent_findings_add(found) = *f;
	}
	return result.needs_review;
}

PGDLLEXPORT Datum
pg_consent_classify_raw(PG_FUNCTION_ARGS)
{
	const ConsentRuleset *set = consent_ruleset_get();
	ConsentMessage message = {.complete = true};
	ConsentFindings found;
	ConsentClassification result;
	bool		review = false;
	int			left = CONSENT_TEXT_MAX_BYTES;	/* of attached texts */

	if (!PG_ARGISNULL(0))
	{
		bytea	   *source = PG_GETARG_BYTEA_PP(0);

		consent_mime_read(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source), &message);
	}
	consent_classify_findings(set, message.body, message.body ? strlen(message.body) : 0,
							  message.subject, message.subject ? strlen(message.subject) : 0,
							  CHANNEL_EMAIL, 1, &found);
	found.truncated |= !message.complete;
	for (int i = 0; i < message.nattachments; i++)
		review |= add_attachment(set, &message.attachment[i], &left, &found);
	consent_classify_decide(&found, &result);
	result.needs_review |= review;
	PG_RETURN_DATUM(result_row(result_type(fcinfo), &result));
}

Datum
consent_excerpt(ConsentReading *reading, const char *source, int start, int end)
{
	const char *to;
	char	   *excerpt;

	if (reading->source != source || reading->chars > start)
	{
		reading->source = reading->at = source;
		reading->chars = 0;
	}
	for (; reading->chars < start && *reading->at; reading->chars++)
		reading->at += pg_utf_mblen((const unsigned char *) reading->at);
	to = reading->at;
	for (int chars = reading->chars; chars < end && *to; chars++)
		to += pg_utf_mblen((const unsigned char *) to);
	excerpt = pnstrdup(reading->at, to - reading->at);
	return CStringGetTextDatum(pg_any_to_server(excerpt, to - reading->at, PG_UTF8));
}

PGDLLEXPORT Datum
pg_consent_evidence(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Message		m;
	ConsentFindings found;
	ConsentReading reading = {0};

	InitMaterializedSRF(fcinfo, 0);
	get_message_utf8(fcinfo, &m);
	consent_classify_findings(consent_ruleset_get(), m.body.data, m.body.len,
							  m.subject.data, m.subject.len, m.channel,
							  EVIDENCE_PER_PART, &found);

	for (int i = 0; i < found.n; i++)
	{
		const ConsentFinding *f = &found.finding[i];
		Datum		values[8];
		bool		nulls[8] = {false};
		char	   *citation = f->because ?
			psprintf("%s; here: %s", f->rule->citation, f->because) :
			pstrdup(f->rule->citation);

		CHECK_FOR_INTERRUPTS();
		values[0] = CStringGetTextDatum(f->limit ? psprintf("limit:%s", f->rule->code) :
										f->rule->code);
		if (f->rule->neutral)
			nulls[1] = true;
		else
			values[1] = ObjectIdGetDatum(consent_class_oid(f->rule->class));
		values[2] = Float4GetDatum(f->weight);
		values[3] = CStringGetTextDatum(f->in_subject ? "subject" : "body");
		values[4] = Int32GetDatum(f->start + 1);
		values[5] = Int32GetDatum(f->end - f->start);
		values[6] = f->nowhere ? (Datum) 0 :
			consent_excerpt(&reading, f->in_subject ? m.subject.data : m.body.data, f->start, f->end);
		nulls[4] = nulls[5] = nulls[6] = f->nowhere;
		values[7] = CStringGetTextDatum(pg_any_to_server(citation, strlen(citation), PG_UTF8));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* One character, as HTML. */
static void
append_escaped(StringInfo out, const char *s, int len)
{
	switch (*s)
	{
		case '&':
			appendStringInfoString(out, "&amp;");
			break;
		case '<':
			appendStringInfoString(out, "&lt;");
			break;
		case '>':
			appendStringInfoString(out, "&gt;");
			break;
		case '"':
			appendStringInfoString(out, "&quot;");
			break;
		case '\'':
			appendStringInfoString(out, "&#39;");
			break;
		default:
			appendBinaryStringInfo(out, s, len);
	}
}

static int
compare_places(const void *a, const void *b)
{
	const ConsentFinding *fa = a;
	const ConsentFinding *fb = b;

	if (fa->start != fb->start)
		return fa->start < fb->start ? -1 : 1;
	if (fa->end != fb->end)
		return fa->end < fb->end ? -1 : 1;
	return strcmp(fa->rule->code, fb->rule->code);
}

/*
 * One part of the message with its findings marked.  Findings that overlap
 * share a mark.  Rule codes are safe in an attribute: consent.rule allows
 * letters, digits, '.' and '_' in them.
 */
static void
append_part(StringInfo out, const char *source, bool is_subject,
			const ConsentFindings *found)
{
	ConsentFinding *mine = palloc(Max(found->n, 1) * sizeof(ConsentFinding));
	int			n = 0;
	int			next = 0;
	int			end = -1;
	int			chars = 0;

	for (int i = 0; i < found->n; i++)
	{
		if (!found->finding[i].nowhere && !found->finding[i].rule->neutral &&
			found->finding[i].in_subject == is_subject)
			mine[n++] = found->finding[i];
	}
	qsort(mine, n, sizeof(ConsentFinding), compare_places);

	appendStringInfo(out, "<div class=\"%s\">", is_subject ? "subject" : "body");
	for (const char *s = source; *s; chars++)
	{
		int			len = pg_utf_mblen((const unsigned char *) s);

		/* of a text we read a megabyte, and show all */
		if (chars % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (chars == end)
		{
			appendStringInfoString(out, "</mark>");
			end = -1;
		}
		if (end < 0 && next < n && mine[next].start == chars)
		{
			const char *separator = "";

			appendStringInfoString(out, "<mark title=\"");
			for (end = mine[next].end; next < n && mine[next].start < end; next++)
			{
				appendStringInfo(out, "%s%s: %s", separator,
								 consent_class_names[mine[next].rule->class],
								 mine[next].rule->code);
				separator = "; ";
				end = Max(end, mine[next].end);
			}
			appendStringInfoString(out, "\">");
		}
		append_escaped(out, s, len);
		s += len;
	}
	if (end >= 0)
		appendStringInfoString(out, "</mark>");
	appendStringInfoString(out, "</div>");
	pfree(mine);
}

PGDLLEXPORT Datum
pg_consent_highlight(PG_FUNCTION_ARGS)
{
	Message		m;
	ConsentFindings found;
	StringInfoData out;

	get_message_utf8(fcinfo, &m);
	consent_classify_findings(consent_ruleset_get(), m.body.data, m.body.len,
							  m.subject.data, m.subject.len, m.channel,
							  EVIDENCE_PER_PART, &found);
	initStringInfo(&out);
	if (m.subject.data)
		append_part(&out, m.subject.data, true, &found);
	if (m.body.data)
		append_part(&out, m.body.data, false, &found);
	PG_RETURN_TEXT_P(cstring_to_text(pg_any_to_server(out.data, out.len, PG_UTF8)));
}
