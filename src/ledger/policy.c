/*-------------------------------------------------------------------------
 *
 * policy.c
 *	  What each jurisdiction lays down: the rows of consent.policy.
 *
 * A send at a time T is judged by the version with the latest valid_from at or
 * before T, and of several with the same one by the highest version.  Versions
 * after the first begin no earlier than they were recorded (a CHECK), rows
 * never change, and versions are numbered without gaps, so that a first one
 * cannot come in late: thus what was decided stays decided.
 *
 * The rows live in the vocabulary's per-backend copy: see vocabulary.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "ledger/ledger.h"
#include "ledger/policy.h"
#include "ledger/relation.h"

/* Columns, as policy.sql creates them. */
#define Anum_policy_jurisdiction					1
#define Anum_policy_version							2
#define Anum_policy_valid_from						3
#define Anum_policy_law								4
#define Anum_policy_opt_out_individual				5
#define Anum_policy_opt_out_corporate				6
#define Anum_policy_registers						7
#define Anum_policy_soft_opt_in						8
#define Anum_policy_soft_opt_in_sale_months			9
#define Anum_policy_soft_opt_in_negotiation_months	10
#define Anum_policy_charity_soft_opt_in_from		11
#define Anum_policy_double_opt_in					12
#define Anum_policy_consent_months					13
#define Anum_policy_third_party_months				14
#define Anum_policy_listing_days					15
#define Anum_policy_screening_days					16
#define Natts_policy								20

PG_FUNCTION_INFO_V1(pg_consent_policy_keep);

static void
read_policy(ConsentPolicy *policy, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[Natts_policy];
	bool		nulls[Natts_policy];
	Datum	   *names;
	int			n;

#define HAS(column) (!nulls[Anum_policy_##column - 1])
#define VALUE(column) (values[Anum_policy_##column - 1])
#define MONTHS(column) (HAS(column) ? DatumGetInt32(VALUE(column)) : 0)
	consent_check_columns("policy", desc, Natts_policy);
	heap_deform_tuple(tuple, desc, values, nulls);

	/* What is not tested for NULL is NOT NULL. */
	policy->jurisdiction = TextDatumGetCString(VALUE(jurisdiction));
	policy->version = DatumGetInt32(VALUE(version));
	policy->valid_from = DatumGetTimestampTz(VALUE(valid_from));
	policy->law = HAS(law) ? TextDatumGetCString(VALUE(law)) : NULL;
	policy->opt_out_individual = consent_channel_bits(VALUE(opt_out_individual));
	policy->opt_out_corporate = consent_channel_bits(VALUE(opt_out_corporate));
	memset(policy->registers, 0, sizeof(policy->registers));
	deconstruct_array(DatumGetArrayTypeP(VALUE(registers)), TEXTOID, -1, false, TYPALIGN_INT,
					  &names, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		int			reg = consent_register_lookup(TextDatumGetCString(names[i]));

		if (reg < 0)
			elog(ERROR, "unknown register in consent.policy");
		policy->registers[reg] = true;
	}
	policy->soft_opt_in = DatumGetBool(VALUE(soft_opt_in));
	policy->soft_opt_in_sale_months = MONTHS(soft_opt_in_sale_months);
	policy->soft_opt_in_negotiation_months = MONTHS(soft_opt_in_negotiation_months);
	policy->charity_soft_opt_in_from = HAS(charity_soft_opt_in_from) ?
		DatumGetTimestampTz(VALUE(charity_soft_opt_in_from)) : DT_NOEND;
	policy->double_opt_in = DatumGetBool(VALUE(double_opt_in));
	policy->consent_months = MONTHS(consent_months);
	policy->third_party_months = MONTHS(third_party_months);
	policy->listing_days = DatumGetInt32(VALUE(listing_days));
	policy->screening_days = DatumGetInt32(VALUE(screening_days));
#undef HAS
#undef VALUE
#undef MONTHS
}

static int
compare_policies(const void *a, const void *b)
{
	const ConsentPolicy *left = a;
	const ConsentPolicy *right = b;
	int			result = strcmp(left->jurisdiction, right->jurisdiction);

	if (result == 0)
		result = left->version < right->version ? -1 : left->version > right->version;
	return result;
}

/* Read the table into an empty list, in the current memory context. */
void
consent_policies_load(ConsentPolicies *policies, Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	policies->max = 16;
	policies->policy = palloc(policies->max * sizeof(ConsentPolicy));
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (policies->n == policies->max)
		{
			policies->max *= 2;
			policies->policy = repalloc(policies->policy, policies->max * sizeof(ConsentPolicy));
		}
		read_policy(&policies->policy[policies->n++], tuple, RelationGetDescr(rel));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	qsort(policies->policy, policies->n, sizeof(ConsentPolicy), compare_policies);
	for (int i = 0; i < policies->n; i++)
	{
		const ConsentPolicy *policy = &policies->policy[i];
		bool		first = i == 0 || strcmp(policy[-1].jurisdiction, policy->jurisdiction) != 0;
		int			next = first ? 1 : policy[-1].version + 1;

		if (policy->version != next)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("version %d of the policy of \"%s\" comes before version %d",
							policy->version, policy->jurisdiction, next),
					 errhint("Number the versions 1, 2, 3 and so on.")));
	}
}

/* How a decision names the policy it was made by: "GB 1", in the caller's memory. */
char *
consent_policy_label(const ConsentPolicy *policy)
{
	return psprintf("%s %d", policy->jurisdiction, policy->version);
}

/* The policy of a jurisdiction in force at a time, NULL if there is none. */
const ConsentPolicy *
consent_policies_find(const ConsentPolicies *policies, const char *jurisdiction, TimestampTz at)
{
	const ConsentPolicy *found = NULL;

	for (int i = 0; i < policies->n; i++)
	{
		const ConsentPolicy *policy = &policies->policy[i];

		if (strcmp(policy->jurisdiction, jurisdiction) == 0 && policy->valid_from <= at &&
			(found == NULL || policy->valid_from >= found->valid_from))
			found = policy;
	}
	return found;
}

/* When the next version comes into force; DT_NOEND: none is known of. */
TimestampTz
consent_policies_until(const ConsentPolicies *policies, const char *jurisdiction, TimestampTz at)
{
	TimestampTz until = DT_NOEND;

	for (int i = 0; i < policies->n; i++)
	{
		const ConsentPolicy *policy = &policies->policy[i];

		if (policy->valid_from > at && policy->valid_from < until &&
			strcmp(policy->jurisdiction, jurisdiction) == 0)
			until = policy->valid_from;
	}
	return until;
}

/* In the current memory context; NULL of NULL. */
ConsentPolicy *
consent_policy_copy(const ConsentPolicy *policy)
{
	ConsentPolicy *copy;

	if (policy == NULL)
		return NULL;
	copy = palloc(sizeof(ConsentPolicy));
	*copy = *policy;
	copy->jurisdiction = pstrdup(policy->jurisdiction);
	copy->law = policy->law ? pstrdup(policy->law) : NULL;
	return copy;
}

/* consent.policy_keep(): BEFORE trigger.  What judged a send stays as it was. */
PGDLLEXPORT Datum
pg_consent_policy_keep(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.policy_keep() must be fired by a trigger")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("policies are never changed or deleted"),
			 errdetail("Sends have been judged by them."),
			 errhint("Add a version that is valid from a later time.")));
	PG_RETURN_NULL();
}
