/*-------------------------------------------------------------------------
 *
 * standing.h
 *	  What a contact's events amount to: the input of every verdict.
 *
 * A standing is a flat value: a header, then one entry per event, in order of
 * event id.  It is the same whatever order the events were folded in and
 * however often, so the state kept up to date, the state rebuilt from the
 * ledger and the state "as of last March" are one thing.
 *
 * Organisations and purposes are the ids of the vocabulary (ledger room), 0
 * standing for "every one"; channels are a bit set.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_STANDING_H
#define PG_CONSENT_STANDING_H

#include "datatype/timestamp.h"
#include "decision/reasons.h"
#include "module/words.h"

/* In the order of the SQL type consent.event_kind. */
typedef enum ConsentEventKind
{
	EVENT_CONSENT,
	EVENT_WITHDRAWAL,
	EVENT_OBJECTION,
	EVENT_SUBSCRIBER
} ConsentEventKind;

#define EVENT_KIND_COUNT (EVENT_SUBSCRIBER + 1)

#define CHANNEL_BIT(channel) ((uint16) (1 << (channel)))
#define EVERY_CHANNEL ((uint16) 0xFFFF)

/*
 * An event as the fold takes it.  Times that the event does not have are
 * DT_NOEND: never effective, never ending.
 */
typedef struct ConsentEvent
{
	int64		event_id;
	ConsentEventKind kind;
	uint16		channels;
	int32		organisation;
	int32		purpose;
	TimestampTz effective_at;
	TimestampTz recorded_at;
	TimestampTz expires_at;
	TimestampTz stale_at;		/* third-party consent: six months after */
	bool		third_party;	/* collected by another organisation */
	ConsentSubscriber subscriber;	/* of an EVENT_SUBSCRIBER */
	ConsentReasonSet defects;	/* what was wrong with a consent from the start */
	int			nnamed;
	const int32 *named;			/* organisations named beside the first */
} ConsentEvent;

/* The same inside a standing, followed by its named organisations. */
typedef struct ConsentEntry
{
	int64		event_id;
	TimestampTz effective_at;
	TimestampTz recorded_at;
	TimestampTz expires_at;
	TimestampTz stale_at;
	ConsentReasonSet defects;
	int32		organisation;
	int32		purpose;
	uint16		channels;
	uint8		kind;
	uint8		subscriber;
	uint8		third_party;
	uint8		pad;
	uint16		nnamed;
	int32		named[FLEXIBLE_ARRAY_MEMBER];
} ConsentEntry;

#define CONSENT_ENTRY_SIZE(nnamed) \
	MAXALIGN(offsetof(ConsentEntry, named) + (nnamed) * sizeof(int32))

typedef struct ConsentStanding
{
	int32		vl_len_;		/* varlena header, do not touch directly */
	uint16		version;		/* of this layout */
	uint16		pad;
	int32		nentries;
	int32		pad2;
} ConsentStanding;

#define CONSENT_STANDING_VERSION 1

#define consent_standing_first(standing) \
	((const ConsentEntry *) ((const char *) (standing) + sizeof(ConsentStanding)))
#define consent_standing_next(entry) \
	((const ConsentEntry *) ((const char *) (entry) + CONSENT_ENTRY_SIZE((entry)->nnamed)))

/* for (entry of standing): i counts, entry walks */
#define foreach_entry(entry, standing) \
	for (int entry##_i_ = 0, \
		 entry##_ok_ = ((entry) = consent_standing_first(standing)) != NULL; \
		 entry##_ok_ && entry##_i_ < (standing)->nentries; \
		 entry##_i_++, (entry) = consent_standing_next(entry))

extern ConsentStanding *consent_standing_empty(void);
extern ConsentStanding *consent_fold(ConsentStanding *standing, const ConsentEvent *event);

#endif							/* PG_CONSENT_STANDING_H */
