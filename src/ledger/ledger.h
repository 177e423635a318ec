/*-------------------------------------------------------------------------
 *
 * ledger.h
 *	  Rows of consent.ledger as events, and the standing they amount to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_LEDGER_H
#define PG_CONSENT_LEDGER_H

#include "access/genam.h"
#include "access/skey.h"
#include "contact/contact.h"
#include "decision/standing.h"
#include "executor/tuptable.h"
#include "module/compat.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* Columns of consent.ledger, as ledger.sql creates them. */
#define Anum_ledger_event_id            1
#define Anum_ledger_contact             2
#define Anum_ledger_kind                3
#define Anum_ledger_channels            4
#define Anum_ledger_organisation        5
#define Anum_ledger_purpose             6
#define Anum_ledger_method              7
#define Anum_ledger_wording             8
#define Anum_ledger_product_category    9
#define Anum_ledger_refusal_offered     10
#define Anum_ledger_refused             11
#define Anum_ledger_relationship        12
#define Anum_ledger_reference           13
#define Anum_ledger_about               14
#define Anum_ledger_collected_by        15
#define Anum_ledger_named_organisations 16
#define Anum_ledger_subscriber          17
#define Anum_ledger_register            18
#define Anum_ledger_listed_on           19
#define Anum_ledger_delisted_on         20
#define Anum_ledger_expires_at          21
#define Anum_ledger_effective_at        22
#define Anum_ledger_recorded_at         23
#define Anum_ledger_recorded_by         24
#define Anum_ledger_source              25
#define Anum_ledger_evidence            26
#define Anum_ledger_defects             27
#define Anum_ledger_address             28
#define Anum_ledger_digest              29
#define Natts_ledger                    29

/*
 * Called for every change of what is on record of a contact that may stand
 * against a message: the guard room's gate listens.  Whoever makes a standing
 * stricter by other means than an INSERT into consent.ledger calls it too.
 */
typedef void (*ConsentRestrictedHook) (const ConsentContact *contact);
extern ConsentRestrictedHook consent_ledger_restricted_hook;
extern void consent_ledger_restricted(const ConsentContact *contact);

/* And this for every person that contacts were linked to, or no longer are. */
typedef void (*ConsentLinkedHook) (const char *person, int len);
extern ConsentLinkedHook consent_ledger_linked_hook;

extern ConsentEventKind consent_event_kind(const char *name);
extern const char *consent_event_kind_name(ConsentEventKind kind);
extern int	consent_register_lookup(const char *name);
extern int	consent_relationship_lookup(const char *name);

/* What the words of an event mean. */
typedef struct ConsentEventWords
{
	ConsentEventKind kind;
	int32		organisation;	/* 0: none is named */
	int32		purpose;
} ConsentEventWords;

extern ConsentEvent *consent_ledger_event(const Datum *values, const bool *nulls);
extern void consent_ledger_event_of(ConsentEvent *event, const Datum *values, const bool *nulls, const ConsentEventWords *words);
extern bool consent_standing_is_personal(const ConsentStanding *standing);
extern uint16 consent_channel_bits(Datum array);
extern uint64 consent_ledger_form(Datum contact);
struct ConsentReader;
extern ConsentStanding *consent_ledger_standing(Datum contact, TimestampTz known_at,
												Snapshot snapshot, struct ConsentReader *reader);
extern ConsentStanding *consent_ledger_standing_at(const ConsentContact *root, uint64 key, int part,
												   Snapshot snapshot, struct ConsentReader *reader);
extern ConsentStanding *consent_ledger_own_standing(const ConsentContact *root, Snapshot snapshot);
extern const ConsentStanding *consent_ledger_known_by(Datum contact, const ConsentStanding *standing, TimestampTz known_at,
													  Snapshot snapshot);
extern Oid	consent_ledger_relid(Oid *whole_index);
extern Oid	consent_ledger_index_of_part(Relation part, Oid whole_index);
extern void consent_ledger_address_key(Relation index, const ConsentContact *root, ScanKey key);
extern bool consent_ledger_next(IndexScanDesc scan, const ConsentContact *root, TupleTableSlot *slot);
extern pg_noreturn void consent_ledger_part_missing(void);
extern Oid	consent_ledger_part(const ConsentContact *contact);
extern void consent_ledger_check_readable(void);

#endif							/* PG_CONSENT_LEDGER_H */
