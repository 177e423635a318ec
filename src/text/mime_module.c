/*-------------------------------------------------------------------------
 *
 * mime_module.c
 *	  What makes pg_consent_mime a library that PostgreSQL will open.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
