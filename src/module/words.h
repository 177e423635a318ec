/*-------------------------------------------------------------------------
 *
 * words.h
 *	  The vocabulary every room shares, as C enums.
 *
 * Each enum lists the values of the SQL enum of the same name in the same
 * order (src/module/words.sql).  An Oid of an SQL value is good in one
 * database only; the C value is what code compares, stores and passes on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_WORDS_H
#define PG_CONSENT_WORDS_H

typedef enum ConsentChannel
{
	CHANNEL_EMAIL,
	CHANNEL_SMS,
	CHANNEL_MMS,
	CHANNEL_VOICEMAIL,
	CHANNEL_IN_APP,
	CHANNEL_SOCIAL_DM,
	CHANNEL_PUSH,
	CHANNEL_LIVE_CALL,
	CHANNEL_AUTOMATED_CALL,
	CHANNEL_FAX,
	CHANNEL_POST,
	CHANNEL_ONLINE_AD
} ConsentChannel;

#define CONSENT_NCHANNELS	(CHANNEL_ONLINE_AD + 1)

typedef enum ConsentClass
{
	CLASS_SERVICE,
	CLASS_SERVICE_OPTIONAL,
	CLASS_REGULATORY,
	CLASS_PUBLIC_TASK,
	CLASS_MARKET_RESEARCH,
	CLASS_SOLICITED_RESPONSE,
	CLASS_DIRECT_MARKETING,
	CLASS_MIXED,
	CLASS_CONSENT_REQUEST,
	CLASS_SUGGING,
	CLASS_UNKNOWN
} ConsentClass;

#define CONSENT_NCLASSES	(CLASS_UNKNOWN + 1)

typedef enum ConsentSubscriber
{
	SUBSCRIBER_INDIVIDUAL,
	SUBSCRIBER_SOLE_TRADER,
	SUBSCRIBER_PARTNERSHIP,
	SUBSCRIBER_CORPORATE
} ConsentSubscriber;

#define CONSENT_NSUBSCRIBERS	(SUBSCRIBER_CORPORATE + 1)

typedef enum ConsentBlockAction
{
	BLOCK_RAISE,
	BLOCK_DIVERT,
	BLOCK_QUARANTINE,
	BLOCK_FLAG
} ConsentBlockAction;

#define CONSENT_NBLOCKACTIONS	(BLOCK_FLAG + 1)

/* The SQL spelling of each value, indexed by the enums above. */
extern const char *const consent_channel_names[CONSENT_NCHANNELS];
extern const char *const consent_class_names[CONSENT_NCLASSES];

/* A class may also be told by these, which are no values of the type. */
#define CONSENT_NUSUAL_CLASSES	4
extern const char *const consent_usual_class_names[CONSENT_NUSUAL_CLASSES];
extern const char *const consent_subscriber_names[CONSENT_NSUBSCRIBERS];
extern const char *const consent_block_action_names[CONSENT_NBLOCKACTIONS];

/*
 * From the Oid of an SQL enum value, and back.  These read the system
 * catalogs through the syscache, so they need a transaction; an Oid that is
 * no value of the enum is an internal error.
 */
extern ConsentChannel consent_channel_from_oid(Oid value);
extern ConsentClass consent_class_from_oid(Oid value);
extern ConsentSubscriber consent_subscriber_from_oid(Oid value);
extern ConsentBlockAction consent_block_action_from_oid(Oid value);

extern Oid	consent_channel_oid(ConsentChannel channel);
extern Oid	consent_class_oid(ConsentClass class);

/* The same for who knows consent.message_class already. */
extern Oid	consent_class_oid_in(Oid message_class, ConsentClass class);

/* From text, for callers that hold words rather than Oids: -1 if there is none. */
extern int	consent_channel_from_name(const char *name);
extern int	consent_class_from_name(const char *name);

/* Which of the words it is, to the letter; -1: none. */
extern int	consent_word_lookup(const char *const *words, int n, const char *word);

/* "a, b and c", for hints */
extern char *consent_words_listed(const char *const *names, int n);

extern bool consent_class_is_marketing(ConsentClass class);
extern ConsentClass consent_class_to_judge(ConsentClass found, const char *label);

#endif							/* PG_CONSENT_WORDS_H */
