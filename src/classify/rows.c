/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  The rows of a table of ours, read without opening it.
 *
 * To open consent.rule, with its columns, defaults, constraints, triggers and
 * indexes, takes a new session longer than everything else that its first call
 * does.  All that it wants to know is which versions of rows are there, and
 * for that the table's row of pg_class is enough: it says in which file they
 * are, the buffer manager has the pages, and a snapshot knows what is visible.
 *
 * The snapshot is a fresh one at any isolation level, as for a catalog, and no
 * predicate lock is taken: what SERIALIZABLE promises does not extend to these
 * tables.  Columns are the caller's matter.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/smgr.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "classify/rows.h"
#include "module/compat.h"
#include "module/errors.h"

static HeapTuple
find(const char *name)
{
	HeapTuple	class = SearchSysCache2(RELNAMENSP, CStringGetDatum(name),
										ObjectIdGetDatum(get_namespace_oid("consent", false)));

	if (!HeapTupleIsValid(class))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"consent.%s\" does not exist", name),
				 errhint(CONSENT_VERSIONS_HINT)));
	return class;
}

static void
check_storage(HeapTuple tuple)
{
	Form_pg_class class = (Form_pg_class) GETSTRUCT(tuple);

	if (class->relkind != RELKIND_RELATION || class->relam != HEAP_TABLE_AM_OID ||
		class->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("\"consent.%s\" is not an ordinary table", NameStr(class->relname)),
				 errhint("Set its access method to heap.")));
}

static ConsentFile
file_of(HeapTuple tuple)
{
	Form_pg_class class = (Form_pg_class) GETSTRUCT(tuple);

	/* in this order: tablespace, database, number */
	return (ConsentFile) {
		OidIsValid(class->reltablespace) ? class->reltablespace : MyDatabaseTableSpace,
		MyDatabaseId, class->relfilenode
	};
}

void
consent_rows_open(const char *name, ConsentRows *rows)
{
	rows->class = find(name);
	for (;;)
	{
		HeapTuple	before = rows->class;

		rows->relid = ((Form_pg_class) GETSTRUCT(before))->oid;
		LockRelationOid(rows->relid, AccessShareLock);
		/* the lock has brought the news; it may be another table by now, or file */
		rows->class = find(name);
		ReleaseSysCache(before);
		if (((Form_pg_class) GETSTRUCT(rows->class))->oid == rows->relid)
			break;
		UnlockRelationOid(rows->relid, AccessShareLock);
	}
	check_storage(rows->class);
	/* before the size: what it sees must not be in pages that we do not */
	rows->snapshot = RegisterSnapshot(GetCatalogSnapshot(rows->relid));
	rows->nblocks = smgrnblocks(smgropen(file_of(rows->class), consent_no_backend), MAIN_FORKNUM);
}

void
consent_rows_close(ConsentRows *rows)
{
	UnregisterSnapshot(rows->snapshot);
	UnlockRelationOid(rows->relid, AccessShareLock);
	ReleaseSysCache(rows->class);
}

void
consent_rows_read(const ConsentRows *rows, ConsentRowReader read, void *arg)
{
	ConsentFile file = file_of(rows->class);
	bool		permanent = ((Form_pg_class) GETSTRUCT(rows->class))->relpersistence == RELPERSISTENCE_PERMANENT;

	for (BlockNumber block = 0; block < rows->nblocks; block++)
	{
		Buffer		buffer;
		Page		page;

		CHECK_FOR_INTERRUPTS();
		buffer = ReadBufferWithoutRelcache(file, MAIN_FORKNUM, block, RBM_NORMAL, NULL, permanent);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		for (OffsetNumber at = FirstOffsetNumber; at <= PageGetMaxOffsetNumber(page); at++)
		{
			ItemId		item = PageGetItemId(page, at);
			HeapTupleData row;

			if (!ItemIdIsNormal(item))
				continue;
			row.t_data = (HeapTupleHeader) PageGetItem(page, item);
			row.t_len = ItemIdGetLength(item);
			row.t_tableOid = rows->relid;
			ItemPointerSet(&row.t_self, block, at);
			if (HeapTupleSatisfiesVisibility(&row, rows->snapshot, buffer))
				read(&row, arg);
		}
		UnlockReleaseBuffer(buffer);
	}
}
