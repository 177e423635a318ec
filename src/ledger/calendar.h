/*-------------------------------------------------------------------------
 *
 * calendar.h
 *	  The British calendar: the law counts its days in the United Kingdom.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_CALENDAR_H
#define PG_CONSENT_CALENDAR_H

#include "datatype/timestamp.h"
#include "utils/date.h"

extern TimestampTz consent_london_midnight(DateADT date);
extern TimestampTz consent_london_days_later(TimestampTz at, int32 days);
extern DateADT consent_london_date(TimestampTz at);
extern TimestampTz consent_london_date_until(TimestampTz at);

#endif							/* PG_CONSENT_CALENDAR_H */
