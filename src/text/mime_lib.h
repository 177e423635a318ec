/*-------------------------------------------------------------------------
 *
 * mime_lib.h
 *	  The one door between pg_consent and gmime.
 *
 * Plain C on both sides: no PostgreSQL type crosses it, and what it returns
 * is malloc's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_MIME_LIB_H
#define PG_CONSENT_MIME_LIB_H

#include <stdbool.h>
#include <stddef.h>

#define CONSENT_MIME_LIBRARY	"$libdir/pg_consent_mime"
#define CONSENT_MIME_READ		"pg_consent_mime_read"
#define CONSENT_MIME_FREE		"pg_consent_mime_free"

/* A text of the message, decoded, in UTF-8 as far as it could be. */
typedef struct ConsentMimePart
{
	struct ConsentMimePart *next;
	bool		html;
	bool		alternative;	/* of several texts a reader is shown one */
	bool		title;			/* what calendars are called, which looks like anything */
	size_t		len;
	char	   *text;
	char	   *name;			/* of an attachment's file; NULL: none */
} ConsentMimePart;

typedef struct ConsentMimeMessage
{
	char	   *subject;		/* NULL: none */
	ConsentMimePart *parts;		/* in the message's order */
	bool		complete;		/* false: cut off, or not all of it could be read */
	ConsentMimePart *attachments;	/* those that are texts */
} ConsentMimeMessage;

/* NULL: out of memory. */
typedef ConsentMimeMessage *(*ConsentMimeRead) (const char *message, size_t len);
typedef void (*ConsentMimeFree) (ConsentMimeMessage *message);

#endif							/* PG_CONSENT_MIME_LIB_H */
