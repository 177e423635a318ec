/*-------------------------------------------------------------------------
 *
 * calendar.c
 *	  The British calendar: days begin at midnight in London, whatever the
 *	  session's time zone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "ledger/calendar.h"

PG_FUNCTION_INFO_V1(pg_consent_london_date);

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

/* What the clock shows, and by how much that is behind UTC. */
static int
clock_at(TimestampTz at, struct pg_tm *tm, fsec_t *fsec)
{
	int			tz;

	if (TIMESTAMP_NOT_FINITE(at) || timestamp2tm(at, &tz, tm, fsec, NULL, london()) != 0)
		out_of_range();
	return tz;
}

/* Has the clock, which is behind UTC by tz, been put back in the last hour? */
static bool
was_put_back(TimestampTz at, int tz)
{
	struct pg_tm tm;
	fsec_t		fsec;

	return clock_at(at - USECS_PER_HOUR, &tm, &fsec) < tz;
}

/*
 * From when on the clock shows that time of day, or a later one, so many days
 * later: of an hour that comes twice that is the first, and of one that summer
 * time leaves out, its beginning.  In an hour that comes again the clock has shown
 * all of it before, so that what is later is never so sooner.  (London's clock is
 * changed on the hour.)
 */
TimestampTz
consent_london_days_later(TimestampTz at, int32 days)
{
	struct pg_tm tm;
	struct pg_tm shown;
	fsec_t		fsec;
	fsec_t		shown_fsec;
	int			tz;
	TimestampTz result;

	tz = clock_at(at, &tm, &fsec);
	if (was_put_back(at, tz))
	{
		tm.tm_hour++;
		tm.tm_min = tm.tm_sec = fsec = 0;
	}
	j2date(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) + days, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tz = DetermineTimeZoneOffset(&tm, london());
	if (tm2timestamp(&tm, fsec, &tz, &result) != 0)
		out_of_range();
	if (clock_at(result, &shown, &shown_fsec) != tz)	/* left out */
		return result - (tm.tm_min * SECS_PER_MINUTE + tm.tm_sec) * USECS_PER_SEC - fsec;
	return was_put_back(result, tz) ? result - USECS_PER_HOUR : result;
}

/*
 * Days of late, by the hour (UTC): in London days begin on the hour, and have
 * since it keeps Greenwich time.
 */
typedef struct KnownHour
{
	int64		hour;			/* since 2000 */
	DateADT		date;
} KnownHour;

static KnownHour known_hours[64];

/* The date in London at a moment. */
DateADT
consent_london_date(TimestampTz at)
{
	int64		hour = at / USECS_PER_HOUR;
	KnownHour  *known = &known_hours[hour & (lengthof(known_hours) - 1)];
	struct pg_tm tm;
	fsec_t		fsec;
	DateADT		date;

	/* London is at most two hours ahead of UTC, and never behind. */
	if (at > 0 && !TIMESTAMP_NOT_FINITE(at) && hour % HOURS_PER_DAY < HOURS_PER_DAY - 2)
		return hour / HOURS_PER_DAY;
	if (at > 0 && known->hour == hour && known->date != 0)
		return known->date;
	clock_at(at, &tm, &fsec);
	date = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
	if (at > 0)
		*known = (KnownHour) {hour, date};
	return date;
}

/* Before this moment it is still the same date: not the last such moment, but a cheap one. */
TimestampTz
consent_london_date_until(TimestampTz at)
{
	return at > 0 ? (at / USECS_PER_HOUR + 1) * USECS_PER_HOUR : at + 1;
}

/* consent.london_date() */
PGDLLEXPORT Datum
pg_consent_london_date(PG_FUNCTION_ARGS)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);

	if (TIMESTAMP_IS_NOBEGIN(at))
		PG_RETURN_DATEADT(DATEVAL_NOBEGIN);
	if (TIMESTAMP_IS_NOEND(at))
		PG_RETURN_DATEADT(DATEVAL_NOEND);
	PG_RETURN_DATEADT(consent_london_date(at));
}
