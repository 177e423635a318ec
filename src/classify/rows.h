/*-------------------------------------------------------------------------
 *
 * rows.h
 *	  The rows of a table of ours, read without opening it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_ROWS_H
#define PG_CONSENT_ROWS_H

#include "access/htup.h"
#include "storage/block.h"
#include "utils/snapshot.h"

/* A table, as the catalog says now; locked with AccessShareLock. */
typedef struct ConsentRows
{
	Oid			relid;
	HeapTuple	class;			/* its row of pg_class */
	Snapshot	snapshot;		/* a fresh one, as for a catalog */
	BlockNumber nblocks;
} ConsentRows;

/*
 * Calls read with each row that is visible now, in the order they are stored.
 * The row's page is locked: read must not do more than to look at it.
 */
typedef void (*ConsentRowReader) (HeapTuple row, void *arg);

extern void consent_rows_open(const char *name, ConsentRows *rows);
extern void consent_rows_read(const ConsentRows *rows, ConsentRowReader read, void *arg);
extern void consent_rows_close(ConsentRows *rows);

#endif							/* PG_CONSENT_ROWS_H */
