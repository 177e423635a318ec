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

const ConsentDetails consent_no_details = {.expires_at = DT_NOEND};

ConsentStanding *
consent_standing_empty(void)
{
	ConsentStanding *standing = palloc0(sizeof(ConsentStanding));

	SET_VARSIZE(standing, sizeof(ConsentStanding));
	standing->layout = CONSENT_STANDING_LAYOUT;
	return standing;
}

/* The library is newer than the tables, and they have not been updated yet. */
void
consent_standing_foreign(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a standing was written by another version of pg_consent"),
			 errhint("ALTER EXTENSION pg_consent UPDATE makes the standings anew; so does consent.rebuild_standings().")));
}

/*
 * Add an event to a standing, which must be a plain (not toasted, not packed)
 * palloc'd value; it may be moved.  The result lives where the standing lived.
 */
ConsentStanding *
consent_fold(ConsentStanding *standing, const ConsentEvent *event)
{
	Size		oldsize = VARSIZE(standing);
	bool		detailed = memcmp(&event->details, &consent_no_details, sizeof(ConsentDetails)) != 0;
	Size		size = sizeof(ConsentEntry) + (detailed ? consent_details_size(&event->details) : 0);
	const ConsentEntry *entry;
	ConsentEntry *slot;
	Size		offset = oldsize;

	if (standing->layout != CONSENT_STANDING_LAYOUT)
		consent_standing_foreign();

	/* Events usually come in order, and then there is nothing to look for. */
	if (event->facts.event_id <= standing->newest)
	{
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
	}

	standing = repalloc(standing, oldsize + size);
	slot = (ConsentEntry *) ((char *) standing + offset);
	memmove((char *) slot + size, slot, oldsize - offset);

	memset(slot, 0, size);
	slot->facts = event->facts;
	if (detailed)
	{
		ConsentDetails *details = (ConsentDetails *) (slot + 1);
		char	   *rest = (char *) (details + 1);
		Size		named_size = event->details.nnamed * sizeof(int32);

		slot->facts.marks |= CONSENT_MARK_DETAILED;
		*details = event->details;
		if (named_size > 0)
			memcpy(rest, event->named, named_size);
		if (event->details.label_len > 0)
			memcpy(rest + named_size, event->label, event->details.label_len);
	}

	standing->nentries++;
	standing->newest = Max(standing->newest, event->facts.event_id);
	SET_VARSIZE(standing, oldsize + size);
	return standing;
}

/* Both sets of events as one, in the caller's memory: a merge of two orders. */
ConsentStanding *
consent_standing_union(const ConsentStanding *a, const ConsentStanding *b)
{
	Size		size = VARSIZE(a) + VARSIZE(b);
	ConsentStanding *both = palloc0(size);
	const ConsentEntry *left = consent_standing_first(a);
	const ConsentEntry *right = consent_standing_first(b);
	char	   *end = (char *) both + sizeof(ConsentStanding);
	int			i = 0,
				j = 0;

	both->layout = CONSENT_STANDING_LAYOUT;
	both->newest = Max(a->newest, b->newest);
	while (i < a->nentries || j < b->nentries)
	{
		const ConsentEntry *next;
		bool		from_left = i < a->nentries &&
			(j >= b->nentries || left->facts.event_id <= right->facts.event_id);
		bool		from_right = j < b->nentries &&
			(i >= a->nentries || right->facts.event_id <= left->facts.event_id);
		Size		length;

		next = from_left ? left : right;
		length = consent_entry_size(next);
		memcpy(end, next, length);
		end += length;
		both->nentries++;
		if (from_left)
		{
			left = consent_standing_next(left);
			i++;
		}
		if (from_right)
		{
			right = consent_standing_next(right);
			j++;
		}
	}
	SET_VARSIZE(both, end - (char *) both);
	return both;
}

/*
 * The standing by what had been recorded by then: the fold of fewer events.
 * The standing itself, if that leaves out none.
 */
const ConsentStanding *
consent_standing_known_by(const ConsentStanding *standing, TimestampTz known_at)
{
	const ConsentEntry *entry;
	ConsentStanding *known = NULL;
	char	   *end = NULL;

	foreach_entry(entry, standing)
	{
		Size		length = consent_entry_size(entry);

		if (entry->facts.recorded_at > known_at)
		{
			/* The first to be left out: copy what came before it. */
			if (known == NULL)
			{
				Size		before = (const char *) entry - (const char *) standing;

				known = palloc(VARSIZE(standing));
				memcpy(known, standing, before);
				known->nentries = entry_i_;
				known->newest = 0;
				end = (char *) known + before;
			}
		}
		else if (known != NULL)
		{
			memcpy(end, entry, length);
			end += length;
			known->nentries++;
		}
	}
	if (known == NULL)
		return standing;
	SET_VARSIZE(known, end - (char *) known);
	foreach_entry(entry, known)
		known->newest = entry->facts.event_id;
	return known;
}
