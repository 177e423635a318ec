/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between the PostgreSQL versions we build on, in one place.
 *
 * Include it after postgres.h and the server's headers.  Code elsewhere is
 * written against the newest spelling; this file teaches it to older servers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_COMPAT_H
#define PG_CONSENT_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "pg_consent needs PostgreSQL 15 or later"
#endif

/* VARDATA and its kin moved out of postgres.h in PostgreSQL 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * Soft errors (PostgreSQL 16): pg_input_is_valid() and COPY ... ON_ERROR ask
 * input functions to report instead of throwing.  PostgreSQL 15 never asks,
 * but our own callers do, so there we bring the little that they need.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#else
#include "nodes/nodes.h"

#define T_ErrorSaveContext T_Invalid

typedef struct ErrorSaveContext
{
	NodeTag		type;
	bool		error_occurred;
} ErrorSaveContext;

#define ereturn(escontext, retval, ...) \
	do { \
		Node	   *escontext_ = (Node *) (escontext); \
		if (escontext_ == NULL) \
			ereport(ERROR, __VA_ARGS__); \
		((ErrorSaveContext *) escontext_)->error_occurred = true; \
		return retval; \
	} while (0)
#define SOFT_ERROR_OCCURRED(escontext) \
	((escontext) != NULL && ((ErrorSaveContext *) (escontext))->error_occurred)
#endif

/* Ownership of tables is asked of one function for all objects since 16. */
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_class.h"
#define consent_object_ownercheck(relid, roleid) \
	object_ownercheck(RelationRelationId, relid, roleid)
#else
#define consent_object_ownercheck(relid, roleid) \
	pg_class_ownercheck(relid, roleid)
#endif

/* Temporary files are read whole or not at all since 16. */
#if PG_VERSION_NUM >= 160000
#define consent_buffile_read(file, ptr, size) BufFileReadExact(file, ptr, size)
#else
#define consent_buffile_read(file, ptr, size) \
	do { \
		if (BufFileRead(file, ptr, size) != (size)) \
			ereport(ERROR, \
					(errcode_for_file_access(), \
					 errmsg("could not read from a temporary file: it is too short"))); \
	} while (0)
#endif

/* Functions that do not return are marked in front, and by another word, since 18. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Index scans can be asked to count for EXPLAIN since 18. */
#if PG_VERSION_NUM >= 180000
#define consent_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan(rel, index, snapshot, NULL, nkeys, 0)
#else
#define consent_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan(rel, index, snapshot, nkeys, 0)
#endif

/* Who puts a row into its indexes says which since 16. */
#if PG_VERSION_NUM >= 160000
#define consent_insert_index_tuples(target, slot, estate, conflict, arbiters) \
	ExecInsertIndexTuples(target, slot, estate, false, true, conflict, arbiters, false)
#else
#define consent_insert_index_tuples(target, slot, estate, conflict, arbiters) \
	ExecInsertIndexTuples(target, slot, estate, false, true, conflict, arbiters)
#endif

/* Room may be left in front of a tuple since 18. */
#if PG_VERSION_NUM >= 180000
#define consent_form_minimal_tuple(desc, values, nulls) heap_form_minimal_tuple(desc, values, nulls, 0)
#else
#define consent_form_minimal_tuple(desc, values, nulls) heap_form_minimal_tuple(desc, values, nulls)
#endif

/* Where a relation's pages are got new names in 16, and backends in 17. */
#if PG_VERSION_NUM >= 160000
#include "storage/relfilelocator.h"
typedef RelFileLocator ConsentFile;
#else
#include "storage/relfilenode.h"
typedef RelFileNode ConsentFile;
#endif
#if PG_VERSION_NUM >= 170000
#include "storage/procnumber.h"
#define consent_no_backend INVALID_PROC_NUMBER
#else
#define consent_no_backend InvalidBackendId
#endif

/* Loadable modules name themselves since PostgreSQL 18. */
#ifdef PG_MODULE_MAGIC_EXT
#define PG_CONSENT_MODULE_MAGIC(v) \
	PG_MODULE_MAGIC_EXT(.name = "pg_consent", .version = v)
#else
#define PG_CONSENT_MODULE_MAGIC(v) PG_MODULE_MAGIC
#endif

/* A transaction of this backend, by the number it had first. */
#include "storage/proc.h"
#if PG_VERSION_NUM >= 170000
#define consent_local_transaction() (MyProc->vxid.lxid)
#else
#define consent_local_transaction() (MyProc->lxid)
#endif

#endif							/* PG_CONSENT_COMPAT_H */
