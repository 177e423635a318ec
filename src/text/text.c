/*-------------------------------------------------------------------------
 *
 * text.c
 *	  The text room's front door: source in, folded text out.
 *
 * MIME is not unpacked yet: a body is plain text or HTML.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "module/compat.h"
#include "text/fold.h"
#include "text/text.h"

PG_FUNCTION_INFO_V1(pg_consent_folded_text);

void
consent_text_read(const char *source, int len, ConsentText *text)
{
	TextFold	fold;

	text->truncated = len > CONSENT_TEXT_MAX_BYTES;
	if (text->truncated)
		len = pg_encoding_mbcliplen(PG_UTF8, source, len, CONSENT_TEXT_MAX_BYTES);
	text->html = consent_html_looks_like(source, len);

	consent_fold_begin(&fold, text, len);
	if (text->html)
		consent_html_strip(source, len, &fold);
	else
	{
		int32		chars = 0;

		for (int at = 0; at < len; chars++)
		{
			const unsigned char *s = (const unsigned char *) source + at;

			consent_fold_put(&fold, utf8_to_unicode(s), chars, chars + 1);
			at += pg_utf_mblen(s);
		}
	}
	consent_fold_end(&fold);
}

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
