/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  How a row of a guarded table is judged.
 *
 * A guard is a constraint trigger whose arguments are its whole configuration
 * (trigger.c).  Here that is compiled, and a row put through it: what does it
 * say, what is it, and may it go to each of its recipients?
 *
 * The verdict is made under the latest snapshot, not the transaction's or the
 * statement's: a withdrawal that has committed is seen at any isolation level.
 * One that commits between this check and our own commit is not seen here, but
 * by the gate (gate.c), which judges such rows again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "port/pg_bitutils.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "classify/classify.h"
#include "classify/ruleset.h"
#include "contact/contact.h"
#include "guard/ahead.h"
#include "guard/divert.h"
#include "guard/gate.h"
#include "guard/guard.h"
#include "ledger/filter.h"
#include "ledger/ledger.h"
#include "ledger/reader.h"
#include "ledger/world.h"
#include "module/compat.h"
#include "module/errors.h"
#include "module/module.h"

static char *
row_text(const ConsentRow *row, ConsentMapped mapped)
{
	return row->nulls[mapped] ? NULL : TextDatumGetCString(row->values[mapped]);
}

/* Of a table or index, as a statement names it whatever the search_path. */
const char *
consent_qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

/* A trigger function of ours. */
Oid
consent_guard_function(const char *name)
{
	return LookupFuncName(list_make2(makeString("consent"), makeString(pstrdup(name))), 0, NULL, false);
}

/*
 * The next trigger, from *position on, that guards a relation; NULL if there
 * is none.  A guard is known by its function, not by its name.
 */
Trigger *
consent_guard_next(Relation rel, int *position)
{
	Oid			guard_check = consent_guard_function("guard_check");

	while (rel->trigdesc != NULL && *position < rel->trigdesc->numtriggers)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[(*position)++];

		if (trigger->tgfoid == guard_check)
			return trigger;
	}
	return NULL;
}

/* The guard whose trigger is called that, NULL if there is none. */
Trigger *
consent_guard_by_trigger(Relation rel, const char *name)
{
	Trigger    *trigger;
	int			position = 0;

	while ((trigger = consent_guard_next(rel, &position)) != NULL)
	{
		if (strcmp(trigger->tgname, name) == 0)
			return trigger;
	}
	return NULL;
}

/*
 * A copy that outlives what a mapping may do: rel's own description of its
 * triggers is freed when another session touches the table.  NULL of NULL.
 */
Trigger *
consent_guard_copy(Relation rel, const Trigger *trigger)
{
	TriggerDesc *all = trigger ? CopyTriggerDesc(rel->trigdesc) : NULL;

	return all ? &all->triggers[trigger - rel->trigdesc->triggers] : NULL;
}

/* One argument of a guard's trigger, NULL if it has none such. */
const char *
consent_guard_argument(const Trigger *trigger, const char *argument)
{
	for (int i = 0; i + 1 < trigger->tgnargs; i += 2)
	{
		if (strcmp(trigger->tgargs[i], argument) == 0)
			return trigger->tgargs[i + 1];
	}
	return NULL;
}

/*
 * Does a guard hold nothing back, whatever happens?  To flag is what is done with
 * a row as it is queued.  Who has said, too, how a row is parked wants those parked
 * that are refused when they are asked about again, as with any other action: by a
 * sweep or the gate, by verify() and cleared(), at a claim or a retry.
 */
bool
consent_guard_only_flags(ConsentBlockAction on_block, bool diverts)
{
	return on_block == BLOCK_FLAG && !diverts;
}

/* Do withdrawals cancel rows of its table?  Asked of guards that may be broken, too. */
bool
consent_guard_is_swept(const Trigger *trigger)
{
	const char *on_block = consent_guard_argument(trigger, "on_block");

	return on_block == NULL ||
		!consent_guard_only_flags(consent_word_lookup(consent_block_action_names, CONSENT_NBLOCKACTIONS, on_block),
								  consent_guard_argument(trigger, "divert") != NULL);
}

/* Does it use a column that is computed only when the row is stored? */
static bool
reads_generated(const ConsentMapping *mapping, Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	if (desc->constr == NULL || !desc->constr->has_generated_stored)
		return false;
	if (bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, mapping->reads))
		return true;
	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attgenerated != '\0' &&
			bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, mapping->reads))
			return true;
	}
	return false;
}

/* A row cannot be sent to another partition before it is stored. */
static bool
assigns_partition_key(const ConsentMapping *mapping, Relation rel)
{
	List	   *ancestors;
	ListCell   *lc;
	bool		found = false;

	if (!rel->rd_rel->relispartition)
		return false;
	ancestors = get_partition_ancestors(RelationGetRelid(rel));
	foreach(lc, ancestors)
	{
		Relation	parent = table_open(lfirst_oid(lc), AccessShareLock);
		Bitmapset  *keys = NULL;

		/* Its columns may have other numbers there. */
		for (int i = 0; i < mapping->divert->n; i++)
			keys = bms_add_member(keys,
								  get_attnum(RelationGetRelid(parent),
											 get_attname(RelationGetRelid(rel), mapping->divert->columns[i], false)) -
								  FirstLowInvalidHeapAttributeNumber);
		found = found || has_partition_attrs(parent, keys, NULL);
		table_close(parent, AccessShareLock);
	}
	return found;
}

/* The first parent of an inheritance child; InvalidOid: it is none. */
static Oid
first_parent(Oid relid)
{
	Relation	inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			parent = InvalidOid;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		parent = ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent;
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return parent;
}

/*
 * The table that a trigger was made for, of which this one, a partition, has a
 * clone.  Not get_partition_ancestors(), which knows none of a partition that
 * is being detached, and still has it.
 */
static Oid
table_of_clone(Relation rel, const Trigger *trigger)
{
	Oid			relid = RelationGetRelid(rel);
	char	   *name = pstrdup(trigger->tgname);	/* the relcache's may go */
	bool		clone;

	do
	{
		Relation	above;
		TriggerDesc *triggers;

		relid = get_partition_parent(relid, true);
		above = table_open(relid, AccessShareLock);
		triggers = above->trigdesc;
		clone = above->rd_rel->relispartition;
		for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		{
			/* A clone has the name of what it was cloned from. */
			if (strcmp(triggers->triggers[i].tgname, name) == 0)
				clone = triggers->triggers[i].tgisclone;
		}
		table_close(above, AccessShareLock);
	} while (clone);
	return relid;
}

/*
 * The table that was guarded, where this is a partition of it, or a child that
 * was given the same guard.
 */
Oid
consent_guarded_table(Relation rel, const char *trigger)
{
	Trigger    *guard = consent_guard_by_trigger(rel, trigger);
	Oid			root = RelationGetRelid(rel);

	if (guard != NULL && guard->tgisclone)
		return table_of_clone(rel, guard);
	while (guard != NULL && consent_guard_argument(guard, "child") != NULL)
	{
		Oid			parent = first_parent(root);
		Relation	above = OidIsValid(parent) ? try_relation_open(parent, AccessShareLock) : NULL;

		guard = above ? consent_guard_by_trigger(above, trigger) : NULL;
		if (guard != NULL)
			root = parent;
		if (above != NULL)
			relation_close(above, AccessShareLock);
	}
	return root;
}

/*
 * Whom what a trigger was given runs as: the owner of the table it was made for,
 * not of the partition, which somebody else may have made, such as a superuser.
 */
Oid
consent_trigger_owner(Relation rel, const Trigger *trigger)
{
	Relation	made_for;
	Oid			owner = rel->rd_rel->relowner;

	if (!trigger->tgisclone)
		return owner;
	made_for = table_open(table_of_clone(rel, trigger), AccessShareLock);
	owner = made_for->rd_rel->relowner;
	table_close(made_for, AccessShareLock);
	return owner;
}

static int
word_argument(const char *value, const char *const *words, int nwords, const char *argument)
{
	int			found = consent_word_lookup(words, nwords, value);

	if (found < 0)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.guard_check() does not know the %s \"%s\"", argument, value),
				 errhint("Make the guard with consent.guard().")));
	return found;
}

const char *const consent_log_mode_names[] = {"none", "sample", "all"};

/*
 * A guard, compiled in the current memory context.  It holds as long as the
 * relation is locked, so that its columns cannot change.
 */
ConsentMapping *
consent_guard_mapping(Relation rel, Trigger *trigger)
{
	ConsentMapping *mapping = palloc0(sizeof(ConsentMapping));
	int			nargs = trigger->tgnargs;
	char	  **args = palloc((nargs + 1) * sizeof(char *));
	ConsentPinned pinned;

	/* The trigger may be the relcache's, which changes when it likes. */
	for (int i = 0; i < nargs; i++)
		args[i] = pstrdup(trigger->tgargs[i]);
	mapping->trigger = pstrdup(trigger->tgname);
	mapping->owner = consent_trigger_owner(rel, trigger);
	mapping->root = consent_guarded_table(rel, mapping->trigger);
	pinned = consent_pin(mapping->owner, NULL);
	for (int i = 0; i + 1 < nargs; i += 2)
	{
		const char *argument = args[i];
		const char *value = args[i + 1];
		int			mapped = consent_mapping_lookup(argument);

		if (mapped == MAPPED_PENDING)
			mapping->pending = pstrdup(value);
		if (mapped >= 0)
			consent_mapping_compile(mapping, rel, mapped, value);
		else if (strcmp(argument, "region") == 0)
			mapping->region = pstrdup(value);
		else if (strcmp(argument, "on_block") == 0)
			mapping->on_block = word_argument(value, consent_block_action_names, CONSENT_NBLOCKACTIONS, argument);
		else if (strcmp(argument, "log") == 0)
			mapping->log = word_argument(value, consent_log_mode_names, LOG_ALL + 1, argument);
		else if (strcmp(argument, "divert") == 0)
			mapping->divert = consent_divert_compile(mapping, rel, value);
		else if (strcmp(argument, "name") != 0 && strcmp(argument, "child") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
					 errmsg("consent.guard_check() does not know the argument \"%s\"", argument),
					 errhint("Make the guard with consent.guard().")));
	}
	consent_unpin(pinned);

	if (mapping->region == NULL ||
		mapping->state[MAPPED_RECIPIENT] == NULL ||
		mapping->state[MAPPED_CHANNEL] == NULL ||
		mapping->state[MAPPED_ORGANISATION] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("consent.guard_check() lacks a mapping"),
				 errhint("Make the guard with consent.guard().")));
	if (rel->rd_rel->relispartition && rel->rd_rel->relkind == RELKIND_RELATION)
		consent_mapping_set_partition(mapping, RelationGetPartitionQual(rel));
	mapping->only_flags = consent_guard_only_flags(mapping->on_block, mapping->divert != NULL);
	mapping->moves = mapping->divert != NULL && assigns_partition_key(mapping, rel);
	mapping->early = mapping->divert != NULL && !reads_generated(mapping, rel) && !mapping->moves;
	return mapping;
}

/* Is it the same message? */
bool
consent_same_message(const ConsentMapping *mapping, const ConsentRow *a, const ConsentRow *b)
{
	for (int i = 0; i < CONSENT_NMESSAGE; i++)
	{
		if (a->nulls[i] != b->nulls[i])
			return false;
		if (!a->nulls[i] &&
			!datum_image_eq(a->values[i], b->values[i],
							mapping->typbyval[i], mapping->typlen[i]))
			return false;
	}
	return true;
}

/* Not mapped, it is true of every row; and of one that cannot tell, too. */
bool
consent_row_is(const ConsentRow *row, ConsentMapped mapped)
{
	return row->nulls[mapped] || DatumGetBool(row->values[mapped]);
}

/* What a message is said to be, and what is done with it: all but to whom. */
#define TEXT_MAPPINGS (MAPPED_BIT(MAPPED_BODY) | MAPPED_BIT(MAPPED_SUBJECT))
#define NAME_MAPPINGS \
	(MAPPED_BIT(MAPPED_CHANNEL) | MAPPED_BIT(MAPPED_ORGANISATION) | MAPPED_BIT(MAPPED_PURPOSE) | \
	 MAPPED_BIT(MAPPED_PRODUCT_CATEGORY) | MAPPED_BIT(MAPPED_REFERENCE) | MAPPED_BIT(MAPPED_INSTIGATORS) | \
	 MAPPED_BIT(MAPPED_OPT_OUT) | MAPPED_BIT(MAPPED_IDENTITY) | MAPPED_BIT(MAPPED_SENDER))

/* Longer texts are not kept from row to row. */
#define REMEMBERED_MAX_BYTES (64 * 1024)

/* As datum_image_eq(), without its calls for what is stored in the row: that is most. */
static inline bool
is_same(Datum a, Datum b, bool typbyval, int typlen)
{
	struct varlena *left = (struct varlena *) DatumGetPointer(a);
	struct varlena *right = (struct varlena *) DatumGetPointer(b);

	if (typlen != -1 || VARATT_IS_COMPRESSED(left) || VARATT_IS_EXTERNAL(left) ||
		VARATT_IS_COMPRESSED(right) || VARATT_IS_EXTERNAL(right))
		return datum_image_eq(a, b, typbyval, typlen);
	return VARSIZE_ANY_EXHDR(left) == VARSIZE_ANY_EXHDR(right) &&
		memcmp(VARDATA_ANY(left), VARDATA_ANY(right), VARSIZE_ANY_EXHDR(left)) == 0;
}

/* Does the row say the same as what is remembered? */
static bool
is_remembered(const ConsentRemembered *remembered, const ConsentMapping *mapping, const ConsentRow *row,
			  uint32 mappings)
{
	if (remembered->context == NULL)
		return false;
	for (mappings &= mapping->varies; mappings != 0; mappings &= mappings - 1)
	{
		int			mapped = pg_rightmost_one_pos32(mappings);

		if (row->nulls[mapped] != remembered->nulls[mapped])
			return false;
		if (!row->nulls[mapped] &&
			!is_same(row->values[mapped], remembered->values[mapped], mapping->typbyval[mapped], mapping->typlen[mapped]))
			return false;
	}
	return true;
}

/*
 * Begin to remember: what follows from the values belongs into the memory of
 * the result, which is emptied here.  The caller sets remembered->context when
 * that is there, so that an error in between leaves nothing half done.
 */
static MemoryContext
begin_remembering(ConsentRemembered *remembered, ConsentSitting *sitting)
{
	MemoryContext context = remembered->context;

	remembered->context = NULL;
	if (context == NULL)
		context = AllocSetContextCreate(sitting->context, "pg_consent sitting", ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(context);
	return context;
}

static void
remember(ConsentRemembered *remembered, MemoryContext context, const ConsentMapping *mapping,
		 const ConsentRow *row, uint32 mappings)
{
	MemoryContext caller = MemoryContextSwitchTo(context);

	for (mappings &= mapping->varies; mappings != 0; mappings &= mappings - 1)
	{
		int			mapped = pg_rightmost_one_pos32(mappings);

		remembered->nulls[mapped] = row->nulls[mapped];
		if (row->nulls[mapped])
			continue;
		remembered->values[mapped] = mapping->typbyval[mapped] ? row->values[mapped] :
			PointerGetDatum(PG_DETOAST_DATUM_COPY(row->values[mapped]));
	}
	MemoryContextSwitchTo(caller);
	remembered->context = context;
}

static void
classify_text(const ConsentRow *row, int channel, ConsentClassification *found)
{
	char	   *body = row_text(row, MAPPED_BODY);
	char	   *subject = row_text(row, MAPPED_SUBJECT);

	consent_classify(body, body ? strlen(body) : 0, subject, subject ? strlen(subject) : 0,
					 channel, found);
}

static Size
text_size(const ConsentRow *row, ConsentMapped mapped)
{
	return row->nulls[mapped] ? 0 : toast_raw_datum_size(row->values[mapped]);
}

/* What its text shows. */
static void
find_out(const ConsentMapping *mapping, const ConsentRow *row, uint64 ruleset, ConsentSitting *sitting,
		 ConsentJudgement *judgement)
{
	if (sitting == NULL || ruleset != sitting->ruleset || judgement->channel != sitting->channel ||
		!is_remembered(&sitting->text, mapping, row, TEXT_MAPPINGS))
	{
		MemoryContext context;
		MemoryContext caller;

		if (sitting == NULL ||
			text_size(row, MAPPED_BODY) + text_size(row, MAPPED_SUBJECT) > REMEMBERED_MAX_BYTES)
		{
			classify_text(row, judgement->channel, &judgement->found);
			return;
		}
		context = begin_remembering(&sitting->text, sitting);
		caller = MemoryContextSwitchTo(context);
		classify_text(row, judgement->channel, &sitting->found);
		MemoryContextSwitchTo(caller);
		sitting->ruleset = ruleset;
		sitting->channel = judgement->channel;
		remember(&sitting->text, context, mapping, row, TEXT_MAPPINGS);
	}
	judgement->found = sitting->found;
}

/* What the row is, by its text and what the sender declares; see words.c. */
static void
classify_row(const ConsentMapping *mapping, const ConsentRow *row, uint64 ruleset, ConsentSitting *sitting,
			 ConsentJudgement *judgement)
{
	char	   *label = row_text(row, MAPPED_CLASS);
	int			declared = label ? consent_class_from_name(label) : -1;

	find_out(mapping, row, ruleset, sitting, judgement);
	judgement->class = consent_class_to_judge(judgement->found.class, label);
	judgement->declared = declared;
	judgement->contradicted = declared >= 0 && judgement->class != CLASS_UNKNOWN &&
		!consent_class_is_marketing(declared) && consent_class_is_marketing(judgement->class);
}

/* One recipient of a row: NULL, and why, where there is none that we can read. */
typedef struct Recipient
{
	ConsentContact *contact;
	uint64		key;			/* of its address */
	ConsentFilterPlace place;	/* in the filter, where it is to be judged */
	ConsentReason missing;
} Recipient;

/* Mostly there is one. */
typedef struct Recipients
{
	int			n;
	int			max;			/* there is room for */
	Recipient  *all;
	Recipient	first;
} Recipients;

static ConsentContact *
read_recipient(const ConsentMapping *mapping, const char *text, int len)
{
	ErrorSaveContext unreadable = {.type = T_ErrorSaveContext};

	return consent_contact_parse(text, len, mapping->region, (Node *) &unreadable);
}

static void
add_recipient(Recipients *recipients, ConsentContact *contact, ConsentReason missing)
{
	if (recipients->n == recipients->max)
	{
		Recipient  *more = palloc(recipients->max * 2 * sizeof(Recipient));

		recipients->all = memcpy(more, recipients->all, recipients->n * sizeof(Recipient));
		recipients->max *= 2;
	}
	recipients->all[recipients->n++] = (Recipient) {
		.contact = contact,
		.key = contact ? consent_address_key(contact) : 0,
		.missing = missing,
	};
}

static bool
is_blank(const char *text, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (strchr(" \t\r\n", text[i]) == NULL)
			return false;
	}
	return true;
}

/*
 * What is no address may be a list of them, with commas or semicolons between
 * that are in no quotes and no angle brackets.  One that cannot be read makes
 * the row's recipients unreadable.
 */
static void
add_recipients(const ConsentMapping *mapping, Recipients *recipients, Datum value)
{
	text	   *all = DatumGetTextPP(value);
	const char *start = VARDATA_ANY(all);
	int			len = VARSIZE_ANY_EXHDR(all);
	const char *end = start + len;
	ErrorSaveContext unreadable = {.type = T_ErrorSaveContext};
	ConsentContact *contact = consent_contact_parse_text(all, mapping->region, (Node *) &unreadable);
	int			before = recipients->n;
	bool		quoted = false;
	bool		bracketed = false;

	if (contact != NULL || (memchr(start, ',', len) == NULL && memchr(start, ';', len) == NULL))
	{
		add_recipient(recipients, contact, contact ? REASON_NONE : RECIPIENT_UNREADABLE);
		return;
	}
	for (const char *p = start;; p++)
	{
		if (p < end && *p == '\\' && quoted && p + 1 < end)
			p++;
		else if (p < end && *p == '"')
			quoted = !quoted;
		else if (p < end && *p == '<' && !quoted)
			bracketed = true;
		else if (p < end && *p == '>' && !quoted)
			bracketed = false;
		else if (p == end || ((*p == ',' || *p == ';') && !quoted && !bracketed))
		{
			if (!is_blank(start, p - start))
			{
				contact = read_recipient(mapping, start, p - start);
				add_recipient(recipients, contact, contact ? REASON_NONE : RECIPIENT_UNREADABLE);
			}
			if (p == end)
				break;
			start = p + 1;
		}
	}
	if (recipients->n == before)
		add_recipient(recipients, NULL, RECIPIENT_UNREADABLE);
}

/* All recipients of a row, at least one. */
static void
recipients_of(const ConsentMapping *mapping, const ConsentRow *row, Recipients *recipients)
{
	Datum	   *elements;
	bool	   *nulls;
	int			nelements = 0;

	recipients->n = 0;
	recipients->max = 1;
	recipients->all = &recipients->first;
	if (!row->nulls[MAPPED_RECIPIENT] && mapping->type[MAPPED_RECIPIENT] == TEXTOID)
	{
		add_recipients(mapping, recipients, row->values[MAPPED_RECIPIENT]);
		return;
	}
	if (!row->nulls[MAPPED_RECIPIENT])
		deconstruct_array(DatumGetArrayTypeP(row->values[MAPPED_RECIPIENT]),
						  TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &nelements);
	for (int i = 0; i < nelements; i++)
	{
		if (nulls[i])
			add_recipient(recipients, NULL, RECIPIENT_UNKNOWN);
		else
			add_recipients(mapping, recipients, elements[i]);
	}
	if (recipients->n == 0)
		add_recipient(recipients, NULL, RECIPIENT_UNKNOWN);
}

/* Whom a row goes to, as far as it can be read. */
int
consent_guard_contacts(const ConsentMapping *mapping, const ConsentRow *row, ConsentContact ***contacts)
{
	Recipients	recipients;
	int			n = 0;

	recipients_of(mapping, row, &recipients);
	*contacts = palloc(recipients.n * sizeof(ConsentContact *));
	for (int i = 0; i < recipients.n; i++)
	{
		if (recipients.all[i].contact != NULL)
			(*contacts)[n++] = recipients.all[i].contact;
	}
	return n;
}

/* The addresses of a row that can be read, for the gate and the sweep. */
int
consent_guard_keys(const ConsentMapping *mapping, const ConsentRow *row, uint64 **keys)
{
	Recipients	recipients;
	int			n = 0;

	recipients_of(mapping, row, &recipients);
	*keys = palloc(recipients.n * sizeof(uint64));
	for (int i = 0; i < recipients.n; i++)
	{
		if (recipients.all[i].contact != NULL)
			(*keys)[n++] = recipients.all[i].key;
	}
	return n;
}

/*
 * The verdict on whom nothing is on record of.  It follows from the case and its
 * class alone: with no event there is nothing that the moment, within what a
 * case holds for, or the +tag of the address could be compared with.
 */
static const ConsentVerdict *
stranger_verdict(const ConsentCase *c, ConsentSitting *sitting)
{
	if (!sitting->stranger_known || sitting->stranger_class != c->send.class)
	{
		sitting->stranger = consent_judge_stranger(c);
		sitting->stranger_class = c->send.class;
		sitting->stranger_known = true;
	}
	return &sitting->stranger;
}

/*
 * Is it allowed by a standing that was read ahead, if there is one?  If not, that is
 * not the last word: a consent may have been given since.
 */
static bool
judge_ahead(const ConsentCase *c, const ConsentContact *contact, const ConsentStanding *standing, ConsentSitting *sitting,
			ConsentVerdict *verdict)
{
	if (standing == NULL || !consent_judge_standing(c, PointerGetDatum(contact), standing, verdict) || !verdict->allowed)
		return false;
	consent_ahead_served(sitting);
	return true;
}

/*
 * Returns false, with the verdict, if the message may not go to this recipient.
 * One that is no marketing goes to whom we cannot read too: no opt-out could
 * apply to it.
 */
static bool
judge_recipient(const ConsentMapping *mapping, const ConsentCase *c, const Recipient *recipient, ConsentSitting *sitting,
				ConsentJudgement *judgement)
{
	ConsentVerdict *verdict = &judgement->verdict;
	Snapshot	snapshot;
	bool		by_standing = !consent_world_matters(&c->send);

	judgement->contact = recipient->contact;
	if (recipient->contact == NULL)
	{
		if (c->invalid == REASON_NONE && consent_needs_no_standing(c))
		{
			*verdict = consent_judge_settled(c, (Datum) 0, DT_NOEND, InvalidSnapshot, NULL);
			consent_reason_add(&verdict->found, recipient->missing);
			judgement->unreadable = true;
		}
		else
		{
			*verdict = consent_case_refusal(c, RECIPIENT_UNREADABLE);
			consent_reason_add(&verdict->found, recipient->missing);
		}
		return verdict->allowed;
	}
	if (c->invalid != REASON_NONE || consent_needs_no_standing(c))
	{
		*verdict = consent_judge_settled(c, PointerGetDatum(recipient->contact), DT_NOEND, InvalidSnapshot, NULL);
		return verdict->allowed;
	}

	judgement->keys[judgement->nkeys++] = recipient->key;
	consent_gate_enter(recipient->key);

	/* After the gate was entered: what is recorded from now on it tells us of. */
	if (sitting != NULL && by_standing &&
		judge_ahead(c, recipient->contact, consent_ahead_standing(sitting, recipient->contact), sitting, verdict))
		return true;
	if (by_standing && consent_filter_rules_out(recipient->contact, &recipient->place))
	{
		if (sitting != NULL)
			*verdict = *stranger_verdict(c, sitting);
		else
			*verdict = consent_judge_stranger(c);
		return verdict->allowed;
	}

	if (sitting != NULL && sitting->reader == NULL)
		sitting->reader = consent_reader_open(sitting->context);
	if (sitting != NULL && by_standing &&
		judge_ahead(c, recipient->contact, consent_ahead_read(mapping, sitting, recipient->contact), sitting, verdict))
		return true;

	/* As ri_triggers.c: what this very statement wrote counts as well. */
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	*verdict = consent_judge_settled(c, PointerGetDatum(recipient->contact), DT_NOEND, snapshot,
									 sitting ? sitting->reader : NULL);
	UnregisterSnapshot(snapshot);
	return verdict->allowed;
}

/* The case that the row's names make, settled; but for the class. */
static void
look_up_names(const ConsentMapping *mapping, const ConsentRow *row, TimestampTz at, ConsentCase *c,
			  const char **organisation, const char **purpose)
{
	char	   *channel = row_text(row, MAPPED_CHANNEL);

	memset(c, 0, sizeof(*c));
	c->send.channel = channel ? consent_channel_from_name(channel) : -1;
	if ((int) c->send.channel < 0)
		c->invalid = CHANNEL_UNKNOWN;
	*organisation = row_text(row, MAPPED_ORGANISATION);
	*purpose = row->nulls[MAPPED_PURPOSE] ? "marketing" : row_text(row, MAPPED_PURPOSE);
	consent_case_set_organisation(c, *organisation);
	consent_case_set_purpose(c, *purpose);
	if (!row->nulls[MAPPED_INSTIGATORS])
		consent_case_set_instigators(c, row->values[MAPPED_INSTIGATORS]);
	consent_case_set_sender(c, row_text(row, MAPPED_SENDER));
	consent_case_set_category(c, row_text(row, MAPPED_PRODUCT_CATEGORY));
	consent_case_set_reference(c, row_text(row, MAPPED_REFERENCE));
	c->send.opt_out_offered = mapping->state[MAPPED_OPT_OUT] == NULL ||
		(!row->nulls[MAPPED_OPT_OUT] && DatumGetBool(row->values[MAPPED_OPT_OUT]));
	c->send.identity_shown = mapping->state[MAPPED_IDENTITY] == NULL ||
		(!row->nulls[MAPPED_IDENTITY] && DatumGetBool(row->values[MAPPED_IDENTITY]));
	c->send.at = at;
	consent_case_settle(c, DT_NOEND);
}

/*
 * The same, as far as it can be had from the row before.  Two unknown names are
 * looked up each time: they may have become known.
 */
static ConsentCase *
remembered_case(const ConsentMapping *mapping, const ConsentRow *row, TimestampTz at, ConsentSitting *sitting)
{
	if (sitting->c.invalid != REASON_NONE || !consent_case_holds(&sitting->c, at) ||
		!is_remembered(&sitting->names, mapping, row, NAME_MAPPINGS))
	{
		MemoryContext context = begin_remembering(&sitting->names, sitting);
		MemoryContext caller = MemoryContextSwitchTo(context);

		sitting->stranger_known = false;
		look_up_names(mapping, row, at, &sitting->c, &sitting->organisation, &sitting->purpose);
		MemoryContextSwitchTo(caller);
		remember(&sitting->names, context, mapping, row, NAME_MAPPINGS);
	}
	sitting->c.send.at = at;
	return &sitting->c;
}

/* Of whose recipients only those of a set are judged, where there is one. */
static bool
judge_row_for(const ConsentMapping *mapping, const ConsentRow *row, const ConsentKeySet *set, ConsentSitting *sitting,
			  ConsentJudgement *judgement)
{
	ConsentCase single;
	ConsentCase *c;
	ConsentCase nameless;
	ConsentReason unknown = REASON_NONE;
	Recipients	recipients;
	TimestampTz at;
	uint64		ruleset;
	bool		read;

	/* First, so that the filter's memory is on its way while the rest is done. */
	recipients_of(mapping, row, &recipients);
	read = sitting != NULL && consent_ahead_is_read(sitting);
	for (int i = 0; i < recipients.n; i++)
	{
		Recipient  *recipient = &recipients.all[i];

		if (recipient->contact == NULL)
			continue;
		recipient->place = consent_filter_place(recipient->key);
		if (!read)
			consent_filter_prefetch(&recipient->place);
	}

	/* Before all that follows: this brings in the news of other sessions' changes. */
	ruleset = consent_ruleset_get()->id;

	/*
	 * Events of this transaction were effective at its start, others' may be
	 * as late as this very moment: only the wall clock has seen them all.
	 */
	at = GetCurrentTimestamp();
	memset(judgement, 0, sizeof(*judgement));
	if (sitting != NULL)
	{
		c = remembered_case(mapping, row, at, sitting);
		judgement->organisation = sitting->organisation;
		judgement->purpose = sitting->purpose;
	}
	else
	{
		c = &single;
		look_up_names(mapping, row, at, c, &judgement->organisation, &judgement->purpose);
	}

	judgement->channel = c->send.channel;
	classify_row(mapping, row, ruleset, sitting, judgement);
	c->send.class = judgement->class;
	if (consent_needs_no_names(c))
	{
		unknown = c->invalid;
		nameless = *c;
		nameless.invalid = REASON_NONE;
		c = &nameless;
	}

	judgement->keys = recipients.n == 1 ? &judgement->first_key : palloc(recipients.n * sizeof(uint64));
	for (int i = 0; i < recipients.n; i++)
	{
		const Recipient *recipient = &recipients.all[i];

		if (set != NULL && (recipient->contact == NULL || !consent_key_in_set(set, recipient->key)))
			continue;
		if (!judge_recipient(mapping, c, recipient, sitting, judgement))
			break;
		if (judgement->verdict.third_party)
		{
			if (judgement->introduced == NULL)
				judgement->introduced = palloc(recipients.n * sizeof(ConsentIntroduced));
			judgement->introduced[judgement->nintroduced++] =
				(ConsentIntroduced) {recipient->contact, c->send.organisation, judgement->verdict};
		}
	}
	if (unknown != REASON_NONE)
		consent_reason_add(&judgement->verdict.found, unknown);
	if (judgement->contradicted)
		consent_reason_add(&judgement->verdict.found, DECLARED_CLASS_CONTRADICTED);
	return judgement->verdict.allowed;
}

/*
 * Judge what a row says: the first recipient refused refuses it.  Returns
 * whether it may be sent.  sitting is the statement's, NULL for a single row;
 * what the judgement points to holds until the next row.
 */
bool
consent_guard_judge_row(const ConsentMapping *mapping, const ConsentRow *row, ConsentSitting *sitting,
						ConsentJudgement *judgement)
{
	return judge_row_for(mapping, row, NULL, sitting, judgement);
}

/* The refusal for programs: JSON, without the address. */
char *
consent_refusal_json(const ConsentJudgement *judgement)
{
	StringInfoData json;
	Datum	   *reasons;
	int			n;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"reason\": ");
	escape_json(&json, consent_reason_code(judgement->verdict.reason));
	appendStringInfoString(&json, ", \"reasons\": [");
	deconstruct_array(DatumGetArrayTypeP(consent_reasons_array(&judgement->verdict)),
					  TEXTOID, -1, false, TYPALIGN_INT, &reasons, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(&json, i > 0 ? ", " : "");
		escape_json(&json, TextDatumGetCString(reasons[i]));
	}
	appendStringInfoString(&json, "], \"citation\": ");
	escape_json(&json, consent_verdict_citation(&judgement->verdict));
	if (judgement->verdict.event_id != 0)
		appendStringInfo(&json, ", \"event_id\": " INT64_FORMAT, judgement->verdict.event_id);
	else
		appendStringInfoString(&json, ", \"event_id\": null");
	appendStringInfoString(&json, ", \"class\": ");
	escape_json(&json, consent_class_names[judgement->class]);
	appendStringInfoString(&json, ", \"rules\": [");
	for (int i = 0; i < judgement->found.nrules; i++)
	{
		appendStringInfoString(&json, i > 0 ? ", " : "");
		escape_json(&json, judgement->found.rules[i]);
	}
	appendStringInfoString(&json, "]}");
	return json.data;
}

/* A refused row must end up in a terminal state. */
void
consent_guard_still_pending(Relation rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("the diversion of table \"%s\" leaves a refused row pending", RelationGetRelationName(rel)),
			 errhint("Make the guard anew with a diversion that ends what its mapping \"pending\" says."),
			 errtable(rel)));
}

/* What to do about it. */
static const char *
refusal_hint(const ConsentJudgement *judgement)
{
	switch (judgement->verdict.reason)
	{
		case CHANNEL_UNKNOWN:
			return psprintf("Channels are %s.", consent_words_listed(consent_channel_names, CONSENT_NCHANNELS));
		case ORGANISATION_UNKNOWN:
			return "Insert the organisation into consent.organisation, or mend its name.";
		case PURPOSE_UNKNOWN:
			return "Insert the purpose into consent.purpose, or mend its name.";
		case RECIPIENT_UNKNOWN:
		case RECIPIENT_UNREADABLE:
			return "consent.contact() says what is wrong with an address.";
		case JURISDICTION_UNKNOWN:
			return "Mend the organisation's jurisdiction, or add a policy to consent.policy.";
		case REGISTER_SNAPSHOT_STALE:
			return "Load the register's file, and say so with consent.screened().";
		case SOI_NOT_SIMILAR:
			return "Map product_category in the guard, and name it in consent.permitted().";
		case NO_LAWFUL_BASIS:
			return "Record an assessment in consent.assessment, or ask for consent.";
		case NO_CONTRACT_WITH_SENDER:
			return "Record the written contract in consent.contractor.";
		case NO_OPTOUT_ADDRESS:
		case SOI_NO_REFUSAL_IN_MESSAGE:
		case CSOI_NO_REFUSAL_IN_MESSAGE:
			return "Offer a way to refuse in the message, or mend the guard's mapping \"opt_out\".";
		case SENDER_IDENTITY_CONCEALED:
			return "Say in the message who sends it, or mend the guard's mapping \"identity\".";
		default:
			if (judgement->class == CLASS_UNKNOWN)
				return "Its text could not be judged, or it has none, so it counts as marketing: consent.evidence() says why. Where the text is made later, map its template.";
			return "Join the audience with consent.permitted(); consent.evaluate() explains one recipient.";
	}
}

/* The one place that words a refusal. */
void
consent_guard_raise(Relation rel, const ConsentJudgement *judgement)
{
	const char *code = consent_reason_code(judgement->verdict.reason);

	ereport(ERROR,
			(errcode(ERRCODE_MESSAGE_NOT_PERMITTED),
			 errmsg("message to this recipient is not permitted: %s", code),
			 errdetail("%s", consent_refusal_json(judgement)),
			 errhint("%s", refusal_hint(judgement)),
			 errtableconstraint(rel, code)));
}

/*
 * Judge a row as it stands, for some of its recipients: is it refused because of
 * one of them?  Another may have been before, or be refused by nothing but time.
 */
ConsentRowVerdict
consent_guard_judge_for(ConsentMapping *mapping, TupleTableSlot *slot, const ConsentKeySet *set,
						ConsentJudgement *judgement)
{
	ConsentRow	row;

	consent_mapping_evaluate(mapping, slot, &row);
	if (!consent_row_is(&row, MAPPED_PENDING) || !consent_row_is(&row, MAPPED_APPLIES))
		return ROW_NOT_PENDING;
	if (judge_row_for(mapping, &row, set, NULL, judgement))
		return ROW_ALLOWED;

	/* Refused as it always was, and because of none of them. */
	if (set != NULL && judgement->nkeys == 0)
		return ROW_ALLOWED;
	return ROW_REFUSED;
}

/* Judge a row as it stands. */
ConsentRowVerdict
consent_guard_judge(ConsentMapping *mapping, TupleTableSlot *slot, ConsentJudgement *judgement)
{
	return consent_guard_judge_for(mapping, slot, NULL, judgement);
}
