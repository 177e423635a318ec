/*-------------------------------------------------------------------------
 *
 * module.c
 *	  The front hall: magic block, settings, start-up.
 *
 * Settings are defaults for the person at the keyboard.  Anything that must
 * hold against a hostile writer (a guard's region or organisation) is fixed
 * when the guard is made and never read from here at decision time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "classify/classify.h"
#include "guard/action.h"
#include "guard/cache.h"
#include "guard/counters.h"
#include "guard/gate.h"
#include "guard/trigger.h"
#include "ledger/filter.h"
#include "ledger/join.h"
#include "ledger/plan.h"
#include "ledger/reader.h"
#include "ledger/vocabulary.h"
#include "module/compat.h"
#include "module/module.h"
#include "report/audience.h"

PG_CONSENT_MODULE_MAGIC("0.2.0");

char	   *consent_default_region = NULL;
char	   *consent_organisation = NULL;
int			consent_prepared_transactions = PREPARED_REFUSE;
int			consent_sweep_timeout = 60 * 1000;

static const struct config_enum_entry prepared_options[] = {
	{"refuse", PREPARED_REFUSE, false},
	{"wait", PREPARED_WAIT, false},
	{NULL, 0, false}
};

PGDLLEXPORT void _PG_init(void);

/* ISO 3166-1 alpha-2 by shape; whether a country exists is libphonenumber's to say. */
static bool
is_region(const char *region)
{
	return region[0] >= 'A' && region[0] <= 'Z' &&
		region[1] >= 'A' && region[1] <= 'Z' &&
		region[2] == '\0';
}

static bool
check_default_region(char **newval, void **extra, GucSource source)
{
	if (is_region(*newval))
		return true;

	GUC_check_errdetail("A region is two capital letters, as in ISO 3166-1: GB, IE, FR.");
	return false;
}

char *
consent_region_arg(FunctionCallInfo fcinfo, int n)
{
	char	   *region = consent_text_arg(fcinfo, n);

	if (region != NULL && !is_region(region))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid region: \"%s\"", region),
				 errhint("A region is two capital letters, as in ISO 3166-1: GB, IE, FR.")));
	return region;
}

char *
consent_text_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

bool
consent_is_text_arg(const char *was, FunctionCallInfo fcinfo, int n)
{
	text	   *is;

	if (was == NULL || PG_ARGISNULL(n))
		return was == NULL && PG_ARGISNULL(n);
	is = PG_GETARG_TEXT_PP(n);
	return strlen(was) == VARSIZE_ANY_EXHDR(is) && memcmp(was, VARDATA_ANY(is), VARSIZE_ANY_EXHDR(is)) == 0;
}

void
_PG_init(void)
{
	DefineCustomStringVariable("pg_consent.default_region",
							   "Country whose rules read a telephone number written without a country code.",
							   "Two capital letters (ISO 3166-1 alpha-2).",
							   &consent_default_region,
							   "GB",
							   PGC_USERSET, 0,
							   check_default_region, NULL, NULL);

	DefineCustomStringVariable("pg_consent.organisation",
							   "Organisation meant where a call names none.",
							   "Must exist in consent.organisation; empty means that every call must name one.",
							   &consent_organisation,
							   "",
							   PGC_USERSET, 0,
							   NULL, NULL, NULL);

	/* Not the writer's to set: it decides how long others may have to wait. */
	DefineCustomEnumVariable("pg_consent.prepared_transactions",
							 "What PREPARE TRANSACTION does after marketing was queued.",
							 "refuse: it is an error; wait: withdrawals of the recipients wait until the transaction has ended.",
							 &consent_prepared_transactions,
							 PREPARED_REFUSE, prepared_options,
							 PGC_SUSET, 0,
							 NULL, NULL, NULL);

	/* Nor this: it decides what a withdrawal may leave behind. */
	DefineCustomIntVariable("pg_consent.sweep_timeout",
							"How long a withdrawal waits for a guarded table to find its next pending row, or to park one.",
							"Then the table is left as it is, and consent.sweep_log says so; 0: for ever.",
							&consent_sweep_timeout,
							60 * 1000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS,
							NULL, NULL, NULL);

	consent_filter_init();
	consent_audience_scan_init();
	consent_join_init();
	MarkGUCPrefixReserved("pg_consent");

	/* Rooms that keep a cache register their callbacks. */
	consent_classify_init();
	consent_vocabulary_init();
	consent_reader_init();
	consent_plan_init();
	consent_action_init();
	consent_gate_init();
	consent_trigger_init();
	consent_guard_cache_init();
	consent_counters_init();
	consent_audience_init();
}
