/*-------------------------------------------------------------------------
 *
 * errors.h
 *	  The SQLSTATEs of pg_consent.
 *
 * Class PC is ours: the SQL standard leaves classes beginning with I-Z to
 * implementations.  Misuse (wrong arguments, missing rights, bad input)
 * keeps PostgreSQL's own codes, and a race that a retry can cure stays
 * 40001 / 40P01, so that clients' retry loops keep working.
 *
 *	PC001	the guard refused a message; CONSTRAINT NAME is the reason code
 *	PC002	a rule's pattern hit a match limit, so the text was not judged
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_ERRORS_H
#define PG_CONSENT_ERRORS_H

#define ERRCODE_MESSAGE_NOT_PERMITTED	MAKE_SQLSTATE('P','C','0','0','1')
#define ERRCODE_RULE_LIMIT_EXCEEDED		MAKE_SQLSTATE('P','C','0','0','2')

/* Who has made install behind them and ALTER EXTENSION before them meets one of several errors. */
#define CONSENT_VERSIONS_HINT \
	"The library and the extension's tables are of different versions; reconnect, or ALTER EXTENSION pg_consent UPDATE."

#endif							/* PG_CONSENT_ERRORS_H */
