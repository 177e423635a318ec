/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  Shared memory, where the library is preloaded.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_SHMEM_H
#define PG_CONSENT_SHMEM_H

#include "storage/lwlock.h"

/* A part of it, with a lock of its own. */
typedef struct ConsentShmemPart
{
	const char *name;			/* also of the lock's tranche */
	Size		(*size) (void); /* 0: not wanted after all */
	void		(*start) (LWLock *lock);	/* finds it, or makes it */
} ConsentShmemPart;

/* From _PG_init, if the library is being preloaded. */
extern void consent_shmem_add(const ConsentShmemPart *part);

#endif							/* PG_CONSENT_SHMEM_H */
