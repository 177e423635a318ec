/*-------------------------------------------------------------------------
 *
 * language.h
 *	  Whether a message is in a language that the model has learned.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_LANGUAGE_H
#define PG_CONSENT_LANGUAGE_H

#include "text/text.h"

typedef enum ConsentLanguage
{
	LANGUAGE_KNOWN,
	LANGUAGE_UNSURE,			/* too little of it to tell */
	LANGUAGE_FOREIGN
} ConsentLanguage;

/* subject and body, NULL if there is none */
extern ConsentLanguage consent_language(const ConsentText *const *parts);

#endif							/* PG_CONSENT_LANGUAGE_H */
