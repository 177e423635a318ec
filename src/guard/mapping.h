/*-------------------------------------------------------------------------
 *
 * mapping.h
 *	  The expressions that tell a guard what a row means.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_MAPPING_H
#define PG_CONSENT_MAPPING_H

#include "executor/executor.h"
#include "parser/parse_node.h"
#include "utils/reltrigger.h"
#include "utils/relcache.h"

#include "module/words.h"

/* What can be mapped; mapping.c has their names and types. */
typedef enum ConsentMapped
{
	MAPPED_RECIPIENT,
	MAPPED_CHANNEL,
	MAPPED_BODY,
	MAPPED_SUBJECT,
	MAPPED_ORGANISATION,
	MAPPED_CLASS,
	MAPPED_PURPOSE,
	MAPPED_PRODUCT_CATEGORY,
	MAPPED_REFERENCE,
	MAPPED_INSTIGATORS,
	MAPPED_OPT_OUT,
	MAPPED_IDENTITY,
	MAPPED_SENDER,
	/* from here on: not what the message is, but where it stands */
	MAPPED_PENDING,
	MAPPED_CLAIM,
	MAPPED_RETRY,
	MAPPED_APPLIES				/* the last one: evaluated before the others */
} ConsentMapped;

#define CONSENT_NMAPPED (MAPPED_APPLIES + 1)
#define CONSENT_NMESSAGE MAPPED_PENDING
#define MAPPED_BIT(mapped) (UINT32_C(1) << (mapped))

/* What a row says, all from the mappings. */
typedef struct ConsentRow
{
	Datum		values[CONSENT_NMAPPED];
	bool		nulls[CONSENT_NMAPPED];
} ConsentRow;

/* Which allowances a guard logs. */
typedef enum ConsentLogMode
{
	LOG_NONE,
	LOG_SAMPLE,
	LOG_ALL
} ConsentLogMode;

/*
 * What a stored mapping calls the row: its table's name would not do, because
 * the same text is read for partitions.
 */
#define CONSENT_ROW_NAME "outbound_row"

/*
 * The last answer of a mapping that says yes or no by one column alone, as most
 * do: status = 'queued'.  Rows of a campaign all say the same there.
 */
typedef struct ConsentAnswer
{
	AttrNumber	column;			/* 0: it reads more than one, or is not a matter of the row alone */
	bool		known;
	bool		value;
	bool		isnull;
	int			len;			/* of what it was asked of */
	char		asked[48];
} ConsentAnswer;

/*
 * A guard ready to run on rows of one table or partition: its mappings, state
 * being NULL where nothing is mapped, and what it does.
 */
typedef struct ConsentMapping
{
	ExprState  *state[CONSENT_NMAPPED];
	ConsentRow	fixed;			/* constants, NULL for what depends on the row */
	int			nrun;			/* what does: expressions to be run */
	ConsentMapped run[CONSENT_NMAPPED];
	uint32		varies;			/* the same as a set: MAPPED_BIT() of each */
	AttrNumber	column[CONSENT_NMAPPED];	/* what it is no more than; 0: an expression */
	ConsentAnswer answers[CONSENT_NMAPPED];
	Oid			type[CONSENT_NMAPPED];
	bool		typbyval[CONSENT_NMAPPED];
	int16		typlen[CONSENT_NMAPPED];
	bool		depends;		/* on more than the row: settings, rights, time */
	char	   *region;			/* pg_consent.default_region, pinned */
	Oid			owner;			/* of the table: who the expressions run as */
	ExprContext *econtext;
	SubTransactionId evaluating;	/* in which one, if it is at it */
	Bitmapset  *reads;			/* columns, offset as pull_varattnos() does */
	int			last_read;		/* the last of them, 0: none */
	ConsentBlockAction on_block;	/* of a row as it is queued */
	struct ConsentDivert *divert;	/* NULL: none */
	bool		only_flags;		/* consent_guard_only_flags() */
	ConsentLogMode log;
	const char *trigger;		/* its name */
	const char *pending;		/* the mapping as stored, NULL: every row is */
	Oid			root;			/* the table that was guarded: of a clone, one above */
	ExprState  *belongs;		/* to this partition, NULL: there is no other */
	bool		moves;			/* may its diversion move a row to another partition? */
	bool		early;			/* can a row be judged before it is stored? */
} ConsentMapping;

/* Where expressions are read and run: the same for every writer. */
typedef struct ConsentPinned
{
	Oid			user;
	int			context;
	int			nestlevel;
} ConsentPinned;

extern const char *consent_mapping_name(ConsentMapped mapped);
extern int	consent_mapping_lookup(const char *name);
extern char *consent_mapping_check(Relation rel, const char *row, ConsentMapped mapped,
								   const char *expression, char **constant);
extern char *consent_mapping_rewrite(Relation rel, ConsentMapped mapped, const char *stored);
extern bool consent_mapping_looks_beyond(Relation rel, ConsentMapped mapped, const char *stored);
extern void consent_mapping_compile(ConsentMapping *mapping, Relation rel,
									ConsentMapped mapped, const char *expression);
extern void consent_mapping_evaluate(ConsentMapping *mapping, TupleTableSlot *slot, ConsentRow *row);
extern void consent_mapping_set_partition(ConsentMapping *mapping, List *qual);
extern bool consent_mapping_leaves(ConsentMapping *mapping, TupleTableSlot *slot);
extern ParseState *consent_row_namespace(Relation rel, const char *row);
extern void consent_refuse_columns(Relation rel, Node *node);
extern ConsentPinned consent_pin(Oid owner, const char *region);
extern void consent_unpin(ConsentPinned pinned);

#endif							/* PG_CONSENT_MAPPING_H */
