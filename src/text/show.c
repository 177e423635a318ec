/*-------------------------------------------------------------------------
 *
 * show.c
 *	  consent.folded_text() and consent.sentences(): what rules see.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "module/compat.h"
#include "text/text.h"

PG_FUNCTION_INFO_V1(pg_consent_folded_text);
PG_FUNCTION_INFO_V1(pg_consent_sentences);

PGDLLEXPORT Datum
pg_consent_folded_text(PG_FUNCTION_ARGS)
{
	text	   *body = PG_GETARG_TEXT_PP(0);
	char	   *source = pg_server_to_any(text_to_cstring(body),
										  VARSIZE_ANY_EXHDR(body), PG_UTF8);
	ConsentText folded;

	consent_text_read(source, strlen(source), &folded);
	PG_RETURN_TEXT_P(cstring_to_text(pg_any_to_server(folded.data, folded.len, PG_UTF8)));
}

PGDLLEXPORT Datum
pg_consent_sentences(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	text	   *body = PG_GETARG_TEXT_PP(0);
	char	   *source = pg_server_to_any(text_to_cstring(body),
										  VARSIZE_ANY_EXHDR(body), PG_UTF8);
	ConsentText folded;
	ConsentSentence *sentences;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	consent_text_read(source, strlen(source), &folded);
	n = consent_text_sentences(&folded, false, NULL, &sentences);
	for (int i = 0; i < n; i++)
	{
		const ConsentSentence *s = &sentences[i];
		int32		start;
		int32		end;
		char	   *words = pnstrdup(folded.data + s->start, s->end - s->start);
		Datum		values[4];
		bool		nulls[4] = {false, false, false, false};

		consent_text_source(&folded, s->start, s->end, &start, &end);
		values[0] = CStringGetTextDatum(consent_region_names[s->region]);
		values[1] = Int32GetDatum(start + 1);
		values[2] = Int32GetDatum(end - start);
		values[3] = CStringGetTextDatum(pg_any_to_server(words, s->end - s->start, PG_UTF8));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
