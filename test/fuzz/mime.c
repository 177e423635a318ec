/*-------------------------------------------------------------------------
 *
 * mime.c
 *	  Any message is taken apart, put together, and read, as classify_raw()
 *	  does it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "backend.h"
#include "text/mime.h"
#include "text/mime_lib.h"
#include "text/text.h"

extern ConsentMimeMessage *pg_consent_mime_read(const char *message, size_t len);
extern void pg_consent_mime_free(ConsentMimeMessage *message);

void *
load_external_function(const char *filename, const char *funcname, bool signalNotFound,
					   void **filehandle)
{
	return strcmp(funcname, CONSENT_MIME_READ) == 0 ? (void *) pg_consent_mime_read :
		(void *) pg_consent_mime_free;
}

static void
read_text(const char *source)
{
	int			len = (int) strlen(source);
	ConsentText text;
	ConsentSentence *sentences;
	int			n;
	int			last = 0;

	for (int at = 0; at < len; at += pg_utf_mblen((const unsigned char *) source + at))
		MUST(pg_utf8_islegal((const unsigned char *) source + at,
							 pg_utf_mblen((const unsigned char *) source + at)));
	consent_text_read(source, len, &text);
	n = consent_text_sentences(&text, false, NULL, &sentences);
	for (int i = 0; i < n; i++)
	{
		MUST(sentences[i].start >= last && sentences[i].end > sentences[i].start);
		last = sentences[i].end;
	}
	MUST(last <= text.len);
}

static void
run(const char *data, int size)
{
	ConsentMessage message;

	(void) consent_mime_is_encoded(data, size);
	consent_mime_read(data, size, &message);
	MUST(size <= CONSENT_MIME_MAX_BYTES || !message.complete);
	if (message.subject)
		read_text(message.subject);
	if (message.body)
		read_text(message.body);
	for (int i = 0; i < message.nattachments; i++)
	{
		if (message.attachment[i].name)
			read_text(message.attachment[i].name);
		read_text(message.attachment[i].body);
	}
}

FUZZ_TARGET(run)
