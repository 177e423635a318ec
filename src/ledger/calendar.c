/*-------------------------------------------------------------------------
 *
 * calendar.c
 *	  The British calendar: days begin at midnight in London, whatever the
 *	  session's time zone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "ledger/calendar.h"

static pg_tz *
london(void)
{
	static pg_tz *zone = NULL;	/* pg_tzset's cache owns it, for ever */

	if (zone == NULL)
		zone = pg_tzset("Europe/London");
	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("time zone \"Europe/London\" is not known to this server")));
	return zone;
}

static void
out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("timestamp out of range")));
}

/* The beginning of a day. */
TimestampTz
consent_london_midnight(DateADT date)
{
	struct pg_tm tm = {0};
	TimestampTz result;
	int			tz;

	if (DATE_NOT_FINITE(date))
		out_of_range();
	j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tz = DetermineTimeZoneOffset(&tm, london());
	if (tm2timestamp(&tm, 0, &tz, &result) != 0)
		out_of_range();
	return result;
}

/* The date in London at a moment. */
DateADT
consent_london_date(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;

	if (TIMESTAMP_NOT_FINITE(at) || timestamp2tm(at, &tz, &tm, &fsec, NULL, london()) != 0)
		out_of_range();
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}
