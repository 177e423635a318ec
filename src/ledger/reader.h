/*-------------------------------------------------------------------------
 *
 * reader.h
 *	  Reads the ledger's rows of one address after another.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_READER_H
#define PG_CONSENT_READER_H

#include "contact/contact.h"
#include "executor/tuptable.h"
#include "utils/palloc.h"
#include "utils/snapshot.h"

/* The ledger, kept open by a statement; it goes with the statement's memory. */
typedef struct ConsentReader ConsentReader;

extern ConsentReader *consent_reader_open(MemoryContext statement);

/* Which part of the ledger an address lies in: who looks up many does well to go part by part. */
extern int	consent_reader_part(ConsentReader *reader, const ConsentContact *root);

/* The rows of an address, in no order; one address at a time, to the end. */
extern void consent_reader_begin(ConsentReader *reader, const ConsentContact *root, int part, Snapshot snapshot);
extern TupleTableSlot *consent_reader_next(ConsentReader *reader);

/* From _PG_init. */
extern void consent_reader_init(void);

#endif							/* PG_CONSENT_READER_H */
