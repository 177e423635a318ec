/*-------------------------------------------------------------------------
 *
 * calendar.c
 *	  The British calendar: days and months begin at midnight in London,
 *	  whatever the session's time zone.
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

static TimestampTz
midnight(struct pg_tm *tm)
{
	TimestampTz result;
	int			tz;

	tm->tm_hour = tm->tm_min = tm->tm_sec = 0;
	tz = DetermineTimeZoneOffset(tm, london());
	if (tm2timestamp(tm, 0, &tz, &result) != 0)
		out_of_range();
	return result;
}

/* The beginning of the day that many days after a date. */
TimestampTz
consent_london_midnight(DateADT date, int days)
{
	struct pg_tm tm = {0};

	if (DATE_NOT_FINITE(date))
		out_of_range();
	j2date(date + days + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	return midnight(&tm);
}

/*
 * The beginning of the day that many calendar months after a moment: the day
 * of the same number, or the month's last where there is none.
 */
TimestampTz
consent_london_months_later(TimestampTz at, int months)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;

	if (TIMESTAMP_NOT_FINITE(at) || timestamp2tm(at, &tz, &tm, &fsec, NULL, london()) != 0)
		out_of_range();
	tm.tm_year += (tm.tm_mon - 1 + months) / MONTHS_PER_YEAR;
	tm.tm_mon = (tm.tm_mon - 1 + months) % MONTHS_PER_YEAR + 1;
	tm.tm_mday = Min(tm.tm_mday, day_tab[isleap(tm.tm_year)][tm.tm_mon - 1]);
	return midnight(&tm);
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
