/*-------------------------------------------------------------------------
 *
 * mime.c
 *	  Any message is taken apart.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "backend.h"
#include "text/mime_lib.h"

extern ConsentMimeMessage *pg_consent_mime_read(const char *message, size_t len);
extern void pg_consent_mime_free(ConsentMimeMessage *message);

static void
run(const char *data, int size)
{
	ConsentMimeMessage *message = pg_consent_mime_read(data, size);
	size_t		sum = 0;

	MUST(message != NULL);
	for (ConsentMimePart *part = message->parts; part; part = part->next)
	{
		for (size_t i = 0; i < part->len; i++)
			sum += (unsigned char) part->text[i];
	}
	MUST(sum < (size_t) 1 << 40);
	pg_consent_mime_free(message);
}

FUZZ_TARGET(run)
