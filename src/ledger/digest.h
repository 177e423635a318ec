/*-------------------------------------------------------------------------
 *
 * digest.h
 *	  The SHA-256 of a row, and of a sequence of digests.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_DIGEST_H
#define PG_CONSENT_DIGEST_H

#include "access/tupdesc.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"

#define CONSENT_DIGEST_LEN PG_SHA256_DIGEST_LENGTH

/* What is known of the columns of a table; the caller keeps it from row to row. */
typedef struct ConsentDigestWriter ConsentDigestWriter;

extern bytea *consent_digest_event(TupleDesc desc, const Datum *values, const bool *nulls,
								   ConsentDigestWriter **writer, MemoryContext context);

extern void consent_hmac(const uint8 *key, Size keylen, char tag, const void *data, Size len, uint8 *mac);

extern pg_cryptohash_ctx *consent_digest_begin(void);
extern void consent_digest_add(pg_cryptohash_ctx *sha, const void *data, Size len);
extern bytea *consent_digest_end(pg_cryptohash_ctx *sha);

#endif							/* PG_CONSENT_DIGEST_H */
