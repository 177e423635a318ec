/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  Shared memory, where the library is preloaded.
 *
 * It is there for the asking only while the server starts, by hooks that others
 * hang theirs on, too; start() is called by them, with AddinShmemInitLock held.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "module/shmem.h"

#define MOST_PARTS 4

static const ConsentShmemPart *parts[MOST_PARTS];
static int	nparts = 0;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static void
request_shmem(void)
{
	if (previous_request_hook)
		previous_request_hook();
	for (int i = 0; i < nparts; i++)
	{
		Size		size = parts[i]->size();

		if (size == 0)
			continue;
		RequestAddinShmemSpace(size);
		RequestNamedLWLockTranche(parts[i]->name, 1);
	}
}

static void
startup_shmem(void)
{
	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < nparts; i++)
	{
		if (parts[i]->size() > 0)
			parts[i]->start(&GetNamedLWLockTranche(parts[i]->name)->lock);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
consent_shmem_add(const ConsentShmemPart *part)
{
	Assert(process_shared_preload_libraries_in_progress);
	Assert(nparts < MOST_PARTS);
	if (nparts == 0)
	{
		previous_request_hook = shmem_request_hook;
		shmem_request_hook = request_shmem;
		previous_startup_hook = shmem_startup_hook;
		shmem_startup_hook = startup_shmem;
	}
	parts[nparts++] = part;
}
