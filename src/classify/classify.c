/*-------------------------------------------------------------------------
 *
 * classify.c
 *	  consent.classify(), consent.evidence(), consent.highlight().
 *
 * A campaign sends one template many times, so the last message and its
 * verdict are remembered: the same message again costs a comparison.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "classify/classify.h"
#include "text/mime.h"

#define MEMO_MAX_BYTES		(64 * 1024)
#define EVIDENCE_PER_PART	100

typedef struct Memo
{
	MemoryContext cxt;
	bool		valid;
	uint64		ruleset;
	int			channel;
	char	   *body;			/* NULL if there was none, as below */
	int			bodylen;
	char	   *subject;
	int			subjectlen;
	ConsentClassification result;
} Memo;

static Memo memo;

PG_FUNCTION_INFO_V1(pg_consent_classify);
PG_FUNCTION_INFO_V1(pg_consent_classify_raw);
PG_FUNCTION_INFO_V1(pg_consent_evidence);
PG_FUNCTION_INFO_V1(pg_consent_highlight);

void
consent_classify_init(void)
{
	consent_ruleset_init();
}

static bool
same_text(const char *a, int alen, const char *b, int blen)
{
	if (a == NULL || b == NULL)
		return a == b;
	return alen == blen && memcmp(a, b, alen) == 0;
}

static char *
copy_text(const char *s, int len)
{
	return s ? pnstrdup(s, len) : NULL;
}

static void
copy_result(const ConsentClassification *from, ConsentClassification *to)
{
	*to = *from;
	to->rules = palloc(Max(from->nrules, 1) * sizeof(char *));
	for (int i = 0; i < from->nrules; i++)
		to->rules[i] = pstrdup(from->rules[i]);
}

static void
remember(uint64 ruleset, int channel, const char *body, int bodylen,
		 const char *subject, int subjectlen, const ConsentClassification *result)
{
	MemoryContext caller;

	memo.valid = false;
	if (bodylen + subjectlen > MEMO_MAX_BYTES)
		return;
	if (memo.cxt == NULL)
		memo.cxt = AllocSetContextCreate(CacheMemoryContext, "consent last message",
										 ALLOCSET_SMALL_SIZES);
	MemoryContextReset(memo.cxt);
	caller = MemoryContextSwitchTo(memo.cxt);
	memo.ruleset = ruleset;
	memo.channel = channel;
	memo.body = copy_text(body, bodylen);
	memo.bodylen = bodylen;
	memo.subject = copy_text(subject, subjectlen);
	memo.subjectlen = subjectlen;
	copy_result(result, &memo.result);
	memo.valid = true;
	MemoryContextSwitchTo(caller);
}

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

void
consent_classify(const char *body, int bodylen, const char *subject, int subjectlen,
				 int channel, ConsentClassification *result)
{
	const ConsentRuleset *set = consent_ruleset_get();
	MemoryContext work;
	MemoryContext caller;
	ConsentFindings found;
	const char *body_utf8;
	const char *subject_utf8;
	int			body_utf8_len = bodylen;
	int			subject_utf8_len = subjectlen;

	if (memo.valid && memo.ruleset == set->id && memo.channel == channel &&
		same_text(body, bodylen, memo.body, memo.bodylen) &&
		same_text(subject, subjectlen, memo.subject, memo.subjectlen))
	{
		copy_result(&memo.result, result);
		return;
	}

	work = AllocSetContextCreate(CurrentMemoryContext, "consent classification",
								 ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	body_utf8 = to_utf8(body, &body_utf8_len);
	subject_utf8 = to_utf8(subject, &subject_utf8_len);
	consent_classify_findings(set, body_utf8, body_utf8_len,
							  subject_utf8, subject_utf8_len, channel, 1, &found);
	MemoryContextSwitchTo(caller);
	consent_classify_decide(&found, result);
	MemoryContextDelete(work);

	remember(set->id, channel, body, bodylen, subject, subjectlen, result);
}

/* The three arguments that the SQL functions share. */
typedef struct Message
{
	const char *body;
	int			bodylen;
	const char *subject;
	int			subjectlen;
	int			channel;
} Message;

static void
get_message(FunctionCallInfo fcinfo, Message *m)
{
	memset(m, 0, sizeof(Message));
	if (!PG_ARGISNULL(0))
	{
		text	   *t = PG_GETARG_TEXT_PP(0);

		m->body = VARDATA_ANY(t);
		m->bodylen = VARSIZE_ANY_EXHDR(t);
	}
	if (!PG_ARGISNULL(1))
	{
		text	   *t = PG_GETARG_TEXT_PP(1);

		m->subject = VARDATA_ANY(t);
		m->subjectlen = VARSIZE_ANY_EXHDR(t);
	}
	m->channel = PG_ARGISNULL(2) ? -1 : (int) consent_channel_from_oid(PG_GETARG_OID(2));
}

/* The same with its texts in UTF-8 and NUL-terminated, for evidence. */
static void
get_message_utf8(FunctionCallInfo fcinfo, Message *m)
{
	get_message(fcinfo, m);
	m->body = to_utf8(copy_text(m->body, m->bodylen), &m->bodylen);
	m->subject = to_utf8(copy_text(m->subject, m->subjectlen), &m->subjectlen);
}

/* The row type of the result, looked up once per query. */
static TupleDesc
result_desc(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		TupleDesc	desc;

		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "a classification must be a row");
		fcinfo->flinfo->fn_extra = BlessTupleDesc(CreateTupleDescCopy(desc));
		MemoryContextSwitchTo(caller);
	}
	return (TupleDesc) fcinfo->flinfo->fn_extra;
}

static Datum
result_row(FunctionCallInfo fcinfo, const ConsentClassification *result)
{
	Datum	   *rules = palloc(Max(result->nrules, 1) * sizeof(Datum));
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	for (int i = 0; i < result->nrules; i++)
		rules[i] = CStringGetTextDatum(result->rules[i]);
	values[0] = ObjectIdGetDatum(consent_class_oid(result->class));
	values[1] = Float4GetDatum(result->score);
	values[2] = BoolGetDatum(result->needs_review);
	values[3] = PointerGetDatum(construct_array(rules, result->nrules, TEXTOID,
												-1, false, TYPALIGN_INT));
	return HeapTupleGetDatum(heap_form_tuple(result_desc(fcinfo), values, nulls));
}

PGDLLEXPORT Datum
pg_consent_classify(PG_FUNCTION_ARGS)
{
	Message		m;
	ConsentClassification result;

	get_message(fcinfo, &m);
	consent_classify(m.body, m.bodylen, m.subject, m.subjectlen, m.channel, &result);
	PG_RETURN_DATUM(result_row(fcinfo, &result));
}

PGDLLEXPORT Datum
pg_consent_classify_raw(PG_FUNCTION_ARGS)
{
	ConsentMessage message = {.complete = true};
	ConsentFindings found;
	ConsentClassification result;

	if (!PG_ARGISNULL(0))
	{
		bytea	   *source = PG_GETARG_BYTEA_PP(0);

		consent_mime_read(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source), &message);
	}
	consent_classify_findings(consent_ruleset_get(),
							  message.body, message.body ? strlen(message.body) : 0,
							  message.subject, message.subject ? strlen(message.subject) : 0,
							  CHANNEL_EMAIL, 1, &found);
	found.truncated |= !message.complete;
	consent_classify_decide(&found, &result);
	PG_RETURN_DATUM(result_row(fcinfo, &result));
}

Datum
consent_excerpt(const char *source, int start, int end)
{
	const char *from = source;
	const char *to;
	int			chars = 0;
	char	   *excerpt;

	for (; chars < start && *from; chars++)
		from += pg_utf_mblen((const unsigned char *) from);
	for (to = from; chars < end && *to; chars++)
		to += pg_utf_mblen((const unsigned char *) to);
	excerpt = pnstrdup(from, to - from);
	return CStringGetTextDatum(pg_any_to_server(excerpt, to - from, PG_UTF8));
}

PGDLLEXPORT Datum
pg_consent_evidence(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Message		m;
	ConsentFindings found;

	InitMaterializedSRF(fcinfo, 0);
	get_message_utf8(fcinfo, &m);
	consent_classify_findings(consent_ruleset_get(), m.body, m.bodylen,
							  m.subject, m.subjectlen, m.channel,
							  EVIDENCE_PER_PART, &found);

	for (int i = 0; i < found.n; i++)
	{
		const ConsentFinding *f = &found.finding[i];
		Datum		values[8];
		bool		nulls[8] = {false};
		char	   *citation = f->because ?
			psprintf("%s; here: %s", f->rule->citation, f->because) :
			pstrdup(f->rule->citation);

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
			consent_excerpt(f->in_subject ? m.subject : m.body, f->start, f->end);
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
		if (!found->finding[i].nowhere && found->finding[i].in_subject == is_subject)
			mine[n++] = found->finding[i];
	}
	qsort(mine, n, sizeof(ConsentFinding), compare_places);

	appendStringInfo(out, "<div class=\"%s\">", is_subject ? "subject" : "body");
	for (const char *s = source; *s; chars++)
	{
		int			len = pg_utf_mblen((const unsigned char *) s);

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
	consent_classify_findings(consent_ruleset_get(), m.body, m.bodylen,
							  m.subject, m.subjectlen, m.channel,
							  EVIDENCE_PER_PART, &found);
	initStringInfo(&out);
	if (m.subject)
		append_part(&out, m.subject, true, &found);
	if (m.body)
		append_part(&out, m.body, false, &found);
	PG_RETURN_TEXT_P(cstring_to_text(pg_any_to_server(out.data, out.len, PG_UTF8)));
}
