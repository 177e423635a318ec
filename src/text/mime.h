/*-------------------------------------------------------------------------
 *
 * mime.h
 *	  Whole messages, as RFC 5322 and MIME have them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_MIME_H
#define PG_CONSENT_MIME_H

/* Of a message so many bytes are read; "complete" says if that was all. */
#define CONSENT_MIME_MAX_BYTES	(8 * 1024 * 1024)

/* An attached file that is a text. */
typedef struct ConsentAttachment
{
	char	   *name;			/* NULL: it has none */
	bool		title;			/* not the text, but what calendars are called */
	char	   *body;
} ConsentAttachment;

/* What can be read of a message, in UTF-8; NULL: nothing. */
typedef struct ConsentMessage
{
	char	   *subject;
	char	   *body;			/* HTML if any of its texts is */
	bool		complete;
	int			nattachments;
	ConsentAttachment *attachment;
} ConsentMessage;

/* Allocates in the current context. */
extern void consent_mime_read(const char *source, int len, ConsentMessage *message);

/*
 * Is it the source of a message, or of its subject, that says nothing before it is
 * decoded?  Who is given such a text has not been given what it says.
 */
extern bool consent_mime_is_encoded(const char *source, int len);

#endif							/* PG_CONSENT_MIME_H */
