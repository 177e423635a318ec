/*-------------------------------------------------------------------------
 *
 * phone_lib.h
 *	  The one door between pg_consent and libphonenumber.
 *
 * Plain C on both sides: no PostgreSQL type crosses it and no C++ exception.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_PHONE_LIB_H
#define PG_CONSENT_PHONE_LIB_H

#define CONSENT_PHONE_LIBRARY	"$libdir/pg_consent_phone"
#define CONSENT_PHONE_FUNCTION	"pg_consent_phone_parse"

/* A plus sign, fifteen digits, a terminating zero */
#define CONSENT_PHONE_MAX_DIGITS	15
#define CONSENT_PHONE_BUFFER		(CONSENT_PHONE_MAX_DIGITS + 2)

typedef enum ConsentPhoneOutcome
{
	PHONE_OK,
	PHONE_NOT_A_NUMBER,
	PHONE_NEEDS_REGION,
	PHONE_UNKNOWN_REGION,
	PHONE_UNKNOWN_COUNTRY_CODE,
	PHONE_TOO_SHORT,
	PHONE_TOO_LONG,
	PHONE_IMPOSSIBLE_LENGTH,
	PHONE_LOCAL_ONLY,
	PHONE_AMBIGUOUS,
	PHONE_OUT_OF_MEMORY,
	PHONE_FAILED
} ConsentPhoneOutcome;

#ifdef __cplusplus
extern "C"
{
#endif

/*
 * number: ASCII digits, with or without a plus sign in front.
 * region: ISO 3166-1 alpha-2, or NULL where none is known.
 * trunk_zero: how many digits stand before a "(0)", or -1 if there is none.
 * e164: receives the canonical spelling, if the outcome is PHONE_OK.
 */
typedef ConsentPhoneOutcome (*ConsentPhoneParse) (const char *number,
												  const char *region,
												  int trunk_zero,
												  char e164[CONSENT_PHONE_BUFFER]);

#ifdef __cplusplus
}
#endif

#endif							/* PG_CONSENT_PHONE_LIB_H */
