/*-------------------------------------------------------------------------
 *
 * phone_module.c
 *	  What makes pg_consent_phone a library that PostgreSQL will open.
 *
 * Apart from phone_lib.cpp, so that no server header is ever read by a C++
 * compiler.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
