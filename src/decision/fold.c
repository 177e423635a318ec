/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  Turns a contact's events into its standing.  Pure: no SPI, no clock.
 *
 * Folding is insertion into a set ordered by event id, so it commutes and
 * folding an event twice changes nothing.  Every event is kept: what an event
 * means can depend on a later one (a consent that ends brings back the
 * objection it had lifted), so "the latest wins" is decided by evaluate.c,
 * for the moment asked about, and nowhere else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "decision/standing.h"
#include "module/compat.h"

ConsentStanding *
consent_standing_empty(void)
{
	ConsentStanding *standing = palloc0(sizeof(ConsentStanding));

	SET_VARSIZE(standing, sizeof(ConsentStanding));
	standing->version = CONSENT_STANDING_VERSION;
	return standing;
}

/*
 * Add an event to a standing, which must be a plain (not toasted, not packed)
 * palloc'd value; it may be moved.  The result lives where the standing lived.
 */
ConsentStanding *
consent_fold(ConsentStanding *standing, const ConsentEvent *event)
{
	Size		oldsize = VARSIZE(standing);
	Size		size = CONSENT_ENTRY_SIZE(event->nnamed, event->label_len);
	const ConsentEntry *entry;
	ConsentEntry *slot;
	Size		offset = oldsize;

	/* Events usually come in order, so this usually walks to the end. */
	foreach_entry(entry, standing)
	{
		if (entry->facts.event_id == event->facts.event_id)
			return standing;
		if (entry->facts.event_id > event->facts.event_id)
		{
			offset = (const char *) entry - (const char *) standing;
			break;
		}
	}

	standing = repalloc(standing, oldsize + size);
	slot = (ConsentEntry *) ((char *) standing + offset);
	memmove((char *) slot + size, slot, oldsize - offset);

	memset(slot, 0, size);
	slot->facts = event->facts;
	slot->nnamed = event->nnamed;
	slot->label_len = event->label_len;
	if (event->nnamed > 0)
		memcpy(slot->named, event->named, event->nnamed * sizeof(int32));
	if (event->label_len > 0)
		memcpy(&slot->named[slot->nnamed], event->label, event->label_len);

	standing->nentries++;
	SET_VARSIZE(standing, oldsize + size);
	return standing;
}
