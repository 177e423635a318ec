/*-------------------------------------------------------------------------
 *
 * classify.h
 *	  What a message is, and why.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_CLASSIFY_H
#define PG_CONSENT_CLASSIFY_H

#include "classify/language.h"
#include "classify/ruleset.h"
#include "text/text.h"

typedef struct ConsentClassification
{
	ConsentClass class;
	float4		score;			/* weights of the promotion found, see decide.c */
	bool		needs_review;
	int			nrules;
	char	  **rules;			/* codes of what counted, each once: rules,
								 * then the model; "limit:code" for a rule
								 * that could not be tried to the end */
} ConsentClassification;

/*
 * Classify a message.  Texts are in the server's encoding; NULL is none.
 * channel is a ConsentChannel, or -1 if unknown: then every rule applies.
 * The result is allocated in the current context.
 */
extern void consent_classify(const char *body, int bodylen,
							 const char *subject, int subjectlen,
							 int channel, ConsentClassification *result);

/* One place where one rule, or the model, speaks. */
typedef struct ConsentFinding
{
	const ConsentRule *rule;	/* for the model, one of weigh.c's own */
	float4		weight;
	bool		counts;			/* not a further place of the same rule */
	bool		in_subject;
	bool		limit;			/* the rule gave up on this part */
	bool		nowhere;		/* has no position */
	int			at;				/* byte of the part's folded text */
	int			start;			/* characters of the part as given, 0-based */
	int			end;			/* exclusive */
	char	   *because;		/* for evidence: what spoke loudest, or what
								 * suppresses it; or NULL */
} ConsentFinding;

typedef struct ConsentFindings
{
	int			n;
	int			capacity;
	ConsentFinding *finding;	/* by rule, then part (subject first), then
								 * place; behind them those of conditions, and
								 * the model's */
	bool		truncated;		/* not all of the text was read */
	bool		empty;			/* there was nothing to read */
	ConsentLanguage language;
} ConsentFindings;

/* At most so many findings of a rule in each part are told. */
#define EVIDENCE_PER_PART	100

/* Does the rule find what the sender calls the message? */
static inline bool
consent_rule_is_label(const ConsentRule *rule)
{
	return rule->class == CLASS_SERVICE && rule->weight == 0 && !rule->neutral && !rule->model;
}

/* As above, in UTF-8; at most per_part findings of a rule in each part. */
extern void consent_classify_findings(const ConsentRuleset *set,
									  const char *body, int bodylen,
									  const char *subject, int subjectlen,
									  int channel, int per_part,
									  ConsentFindings *found);

/* Bytes of a part's folded text that a rule covers. */
typedef struct ConsentCover
{
	int			start;
	int			end;
	bool		neutral;		/* by a neutral rule: it is no evidence */
} ConsentCover;

/*
 * weigh.c: adds what the model finds to what the rules found, given the folded
 * subject and body (NULL: none), what rules cover in the body, and the channel
 * (-1: unknown).  explain: also say why, in evidence's words.
 */
extern void consent_weigh(const ConsentText *const *parts,
						  const ConsentCover *cover, int ncovers,
						  int channel, bool explain, ConsentFindings *found);

extern ConsentFinding *consent_findings_add(ConsentFindings *found);

/* findings.c: is there an exception in the sentence of bytes start to end? */
extern ConsentMatch consent_find_exception(const ConsentPattern *exceptions,
										   const ConsentText *text, int start, int end);

extern void consent_classify_decide(const ConsentFindings *found,
									ConsentClassification *result);

/* How far a text has been read; all zero to begin with. */
typedef struct ConsentReading
{
	const char *source;
	const char *at;
	int			chars;
} ConsentReading;

/*
 * Characters start to end (0-based, exclusive) of a UTF-8 text, as SQL text.
 * Excerpts in order of their start cost one reading of the text in all.
 */
extern Datum consent_excerpt(ConsentReading *reading, const char *source, int start, int end);

/* From _PG_init. */
extern void consent_classify_init(void);

#endif							/* PG_CONSENT_CLASSIFY_H */
