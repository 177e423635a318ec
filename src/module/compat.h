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

/*
 * Soft errors (PostgreSQL 16): pg_input_is_valid() and COPY ... ON_ERROR ask
 * input functions to report instead of throwing.  On 15 we always throw.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#else
struct Node;
#define ereturn(escontext, retval, ...) \
	do { \
		(void) (escontext); \
		ereport(ERROR, __VA_ARGS__); \
		return retval; \
	} while (0)
#define SOFT_ERROR_OCCURRED(escontext) ((void) (escontext), false)
#endif

/* Loadable modules name themselves since PostgreSQL 18. */
#ifdef PG_MODULE_MAGIC_EXT
#define PG_CONSENT_MODULE_MAGIC(v) \
	PG_MODULE_MAGIC_EXT(.name = "pg_consent", .version = v)
#else
#define PG_CONSENT_MODULE_MAGIC(v) PG_MODULE_MAGIC
#endif

#endif							/* PG_CONSENT_COMPAT_H */
