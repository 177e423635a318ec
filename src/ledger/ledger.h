/*-------------------------------------------------------------------------
 *
 * ledger.h
 *	  Rows of consent.ledger as events, and the standing they amount to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_LEDGER_H
#define PG_CONSENT_LEDGER_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "decision/standing.h"
#include "utils/snapshot.h"

/* Columns of consent.ledger, as ledger.sql creates them. */
#define Anum_ledger_event_id			1
#define Anum_ledger_contact				2
#define Anum_ledger_kind				3
#define Anum_ledger_channels			4
#define Anum_ledger_organisation		5
#define Anum_ledger_purpose				6
#define Anum_ledger_method				7
#define Anum_ledger_wording				8
#define Anum_ledger_collected_by		9
#define Anum_ledger_named_organisations 10
#define Anum_ledger_subscriber			11
#define Anum_ledger_expires_at			12
#define Anum_ledger_effective_at		13
#define Anum_ledger_recorded_at			14
#define Anum_ledger_recorded_by			15
#define Anum_ledger_source				16
#define Anum_ledger_evidence			17
#define Anum_ledger_defects				18
#define Natts_ledger					18

extern ConsentEventKind consent_event_kind(const char *name);
extern const char *consent_event_kind_name(ConsentEventKind kind);
extern ConsentEvent *consent_ledger_event(HeapTuple tuple, TupleDesc desc);
extern ConsentStanding *consent_ledger_standing(Datum contact, TimestampTz known_at,
												Snapshot snapshot);
extern void consent_ledger_check_readable(void);

#endif							/* PG_CONSENT_LEDGER_H */
