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
 * It holds the events of all +tag forms of one e-mail address, because an
 * objection under any form reaches them all; each entry says whose it was.  Of
 * the other contacts of the same person it holds what they said no to, and of
 * an address that was erased, that it was: these are under every form.
 *
 * Organisations and purposes are the ids of the vocabulary (ledger room), 0
 * standing for "every one"; channels are a bit set.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_STANDING_H
#define PG_CONSENT_STANDING_H

#include "common/hashfn.h"
#include "datatype/timestamp.h"
#include "decision/reasons.h"
#include "module/compat.h"
#include "module/words.h"

typedef enum ConsentEventKind
{
	EVENT_CONSENT,
	EVENT_WITHDRAWAL,
	EVENT_OBJECTION,
	EVENT_NON_OBJECTION,		/* to calls, although listed: PECR reg 21(4) */
	EVENT_SOFT_OPT_IN,
	EVENT_REQUEST,
	EVENT_ANSWER,				/* of a request */
	EVENT_CONTACTED,			/* first contact, made elsewhere */
	EVENT_SUPPRESSION,
	EVENT_UNSUPPRESSION,
	EVENT_SUBSCRIBER,
	EVENT_LISTING,				/* on a register */
	EVENT_ERASURE				/* no row of the ledger: what erasure.c remembers */
} ConsentEventKind;

#define EVENT_KIND_COUNT (EVENT_ERASURE + 1)

/* What the person was to the organisation when a soft opt-in was collected. */
typedef enum ConsentRelationship
{
	RELATIONSHIP_SALE,
	RELATIONSHIP_NEGOTIATION,
	RELATIONSHIP_SUPPORT,		/* of a charity's purposes, or interest in them */
	RELATIONSHIP_CLIENT			/* of a pensions adviser: PECR reg 21B(3) */
} ConsentRelationship;

#define RELATIONSHIP_COUNT (RELATIONSHIP_CLIENT + 1)

typedef enum ConsentRegister
{
	REGISTER_TPS,
	REGISTER_CTPS,
	REGISTER_FPS
} ConsentRegister;

#define REGISTER_COUNT (REGISTER_FPS + 1)

#define CHANNEL_BIT(channel) ((uint16) (1 << (channel)))
#define EVERY_CHANNEL ((uint16) 0xFFFF)

/* In place of a form: whatever the form. */
#define CONSENT_EVERY_FORM UINT64CONST(0)

/* Yes, no, or nobody wrote it down. */
typedef enum ConsentFlag
{
	FLAG_UNKNOWN,
	FLAG_NO,
	FLAG_YES
} ConsentFlag;

/*
 * How much of an event's digest a standing keeps: no two events can be made to
 * agree in that much, and it is a small part of an entry.
 */
#define CONSENT_FACTS_DIGEST_LEN 16

/*
 * What every event has, the same in a ConsentEvent and in a ConsentEntry.
 * Times that an event does not have are DT_NOEND: never effective, never ending.
 *
 * Standings are read by the million, so what few events have is kept apart:
 * most entries are this and no more, and this is one cache line.
 */
typedef struct ConsentFacts
{
	int64		event_id;
	TimestampTz effective_at;
	TimestampTz recorded_at;
	uint64		form;			/* which +tag form of the address was meant */
	int32		organisation;
	int32		purpose;
	int32		day;			/* the date of effective_at, in days since 2000:
								 * what months and days are counted from */
	uint16		channels;
	uint8		kind;			/* ConsentEventKind */
	uint8		marks;			/* CONSENT_MARK_ bits */
	uint8		digest[CONSENT_FACTS_DIGEST_LEN];
} ConsentFacts;

#define CONSENT_MARK_CONFIRMED 0x01	/* by a double opt-in */
#define CONSENT_MARK_DETAILED 0x02	/* of an entry: details follow */

/* What only some events have. */
typedef struct ConsentDetails
{
	TimestampTz expires_at;		/* end of a consent, a request, a listing */
	ConsentReasonSet defects;	/* what was wrong with a consent from the start */
	uint64		collector;		/* consent_name_key() of who collected it, 0: the
								 * organisation itself */
	uint16		nnamed;			/* organisations named beside the first */
	uint16		label_len;		/* product category, or reference of a request */
	uint8		subscriber;		/* ConsentSubscriber */
	uint8		relationship;	/* ConsentRelationship */
	uint8		reg;			/* ConsentRegister */
	uint8		refusal_offered;	/* ConsentFlag */
	uint8		refused;		/* ConsentFlag */
	uint8		pad[7];
} ConsentDetails;

/* Of an event that has none of it. */
extern const ConsentDetails consent_no_details;

/*
 * What a collector is compared by.  A name and not the id of an organisation,
 * because anybody may have collected a consent, and one who becomes an
 * organisation later must not change what the events before amount to.
 */
static inline uint64
consent_name_key(const char *name)
{
	uint64		key = hash_bytes_extended((const unsigned char *) name, strlen(name), 0);

	return key ? key : 1;
}

/* An event as the fold takes it. */
typedef struct ConsentEvent
{
	ConsentFacts facts;
	ConsentDetails details;
	const int32 *named;
	const char *label;
} ConsentEvent;

/* The same inside a standing: details, if it has any, named organisations and label follow. */
typedef struct ConsentEntry
{
	ConsentFacts facts;
} ConsentEntry;

static inline const ConsentDetails *
consent_entry_details(const ConsentEntry *entry)
{
	return (entry->facts.marks & CONSENT_MARK_DETAILED) ? (const ConsentDetails *) (entry + 1) : &consent_no_details;
}

/* Only of an entry whose details say that there are any. */
static inline const int32 *
consent_entry_named(const ConsentEntry *entry)
{
	return (const int32 *) (consent_entry_details(entry) + 1);
}

static inline const char *
consent_entry_label(const ConsentEntry *entry)
{
	return (const char *) (consent_entry_named(entry) + consent_entry_details(entry)->nnamed);
}

static inline Size
consent_details_size(const ConsentDetails *details)
{
	return MAXALIGN(sizeof(ConsentDetails) + details->nnamed * sizeof(int32) + details->label_len);
}

static inline Size
consent_entry_size(const ConsentEntry *entry)
{
	Size		size = sizeof(ConsentEntry);

	if (entry->facts.marks & CONSENT_MARK_DETAILED)
		size += consent_details_size((const ConsentDetails *) (entry + 1));
	return size;
}

/* A longer label is refused when the event is recorded. */
#define CONSENT_LABEL_MAX 1000
#define CONSENT_NAMED_MAX 1000

/* To be raised when entries are laid out otherwise; 0 is what 0.1.0 wrote. */
#define CONSENT_STANDING_LAYOUT 1

typedef struct ConsentStanding
{
	int32		vl_len_;		/* varlena header, do not touch directly */
	uint32		nentries:24,
				layout:8;		/* CONSENT_STANDING_LAYOUT */
	int64		newest;			/* greatest event id, 0 if there are none */
} ConsentStanding;

extern pg_noreturn void consent_standing_foreign(void);

/* Whoever looks into a standing comes by here. */
static inline const ConsentEntry *
consent_standing_first(const ConsentStanding *standing)
{
	if (unlikely(standing->layout != CONSENT_STANDING_LAYOUT))
		consent_standing_foreign();
	return (const ConsentEntry *) ((const char *) standing + sizeof(ConsentStanding));
}

/* Has no event of it details? */
static inline bool
consent_standing_undetailed(const ConsentStanding *standing)
{
	return VARSIZE(standing) == sizeof(ConsentStanding) + standing->nentries * sizeof(ConsentEntry);
}

#define consent_standing_next(entry) \
	((const ConsentEntry *) ((const char *) (entry) + consent_entry_size(entry)))

/* for (entry of standing): i counts, entry walks */
#define foreach_entry(entry, standing) \
	for (int entry##_i_ = 0, \
		 entry##_ok_ = ((entry) = consent_standing_first(standing)) != NULL; \
		 entry##_ok_ && entry##_i_ < (standing)->nentries; \
		 entry##_i_++, (entry) = consent_standing_next(entry))

extern ConsentStanding *consent_standing_empty(void);
extern ConsentStanding *consent_standing_union(const ConsentStanding *a, const ConsentStanding *b);
extern const ConsentStanding *consent_standing_known_by(const ConsentStanding *standing,
														TimestampTz known_at);
extern ConsentStanding *consent_fold(ConsentStanding *standing, const ConsentEvent *event);

#endif							/* PG_CONSENT_STANDING_H */
