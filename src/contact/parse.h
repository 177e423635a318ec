/*-------------------------------------------------------------------------
 *
 * parse.h
 *	  Between the files of the contact room; not for other rooms.
 *
 * The parsers take UTF-8 in normal form C without control characters or
 * surrounding white space, and append the canonical spelling to "out".  They
 * return false after a soft error.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_CONTACT_PARSE_H
#define PG_CONSENT_CONTACT_PARSE_H

#include "lib/stringinfo.h"

struct Node;

/* The longest plain e-mail address: RFC 5321 4.5.3.1.3, less the brackets */
#define EMAIL_MAX_BYTES		254

extern bool consent_contact_refuse(struct Node *escontext, const char *detail,
								   const char *hint);
extern bool consent_has_high_bit(const char *s, int len);
extern void consent_trim(const char **s, int *len);

typedef enum CaseChange
{
	CASE_KEEP,
	CASE_LOWER,
	CASE_FOLD
} CaseChange;

extern char *consent_normalise(const char *s, int len, CaseChange change,
							   int *outlen);

extern int	consent_email_parse_plain(const char *s, int len, char *out);
extern bool consent_email_parse(const char *s, int len, bool display_name,
								StringInfo out, struct Node *escontext);

extern bool consent_phone_is_plain(const char *s, int len);
extern bool consent_phone_parse(const char *s, int len, bool uri,
								const char *region,
								StringInfo out, struct Node *escontext);

#endif							/* PG_CONSENT_CONTACT_PARSE_H */
