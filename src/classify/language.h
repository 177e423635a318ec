/*-------------------------------------------------------------------------
 *
 * language.h
 *	  Whether a message is in a language that the model has learned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_LANGUAGE_H
#define PG_CONSENT_LANGUAGE_H

#include <ctype.h>

#include "text/text.h"

typedef enum ConsentLanguage
{
	LANGUAGE_KNOWN,
	LANGUAGE_UNSURE,			/* too little of it to tell */
	LANGUAGE_FOREIGN
} ConsentLanguage;

/* Letters beside digits, as in "f47ac10b", are no word of any language. */
static inline bool
consent_is_part_of_code(const char *begin, const char *from, const char *to)
{
	return (from > begin && isdigit((unsigned char) from[-1])) || isdigit((unsigned char) *to);
}

/* subject and body, NULL if there is none */
extern ConsentLanguage consent_language(const ConsentText *const *parts);

#endif							/* PG_CONSENT_LANGUAGE_H */
