/*-------------------------------------------------------------------------
 *
 * classify.h
 *	  What a message is, and why.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_CLASSIFY_H
#define PG_CONSENT_CLASSIFY_H

#include "classify/ruleset.h"

typedef struct ConsentClassification
{
	ConsentClass class;
	float4		score;			/* weights of the promotion found, each rule once */
	bool		needs_review;
	int			nrules;
	char	  **rules;			/* codes, marketing first; "limit:code" for a
								 * rule that could not be tried to the end */
} ConsentClassification;

/*
 * Classify a message.  Texts are in the server's encoding; NULL is none.
 * channel is a ConsentChannel, or -1 if unknown: then every rule applies.
 * The result is allocated in the current context.
 */
extern void consent_classify(const char *body, int bodylen,
							 const char *subject, int subjectlen,
							 int channel, ConsentClassification *result);

/* One place where one rule speaks. */
typedef struct ConsentFinding
{
	const ConsentRule *rule;
	bool		in_subject;
	bool		limit;			/* the rule gave up on this part: no position */
	int			start;			/* characters of the part as given, 0-based */
	int			end;			/* exclusive */
} ConsentFinding;

typedef struct ConsentFindings
{
	int			n;
	int			capacity;
	ConsentFinding *finding;	/* by rule, then part (subject first), then place */
	bool		truncated;		/* not all of the text was read */
	bool		empty;			/* there was nothing to read */
} ConsentFindings;

/* As above, in UTF-8; at most per_part findings of a rule in each part. */
extern void consent_classify_findings(const ConsentRuleset *set,
									  const char *body, int bodylen,
									  const char *subject, int subjectlen,
									  int channel, int per_part,
									  ConsentFindings *found);

extern void consent_classify_decide(const ConsentFindings *found,
									ConsentClassification *result);

/* Characters start to end (0-based, exclusive) of a UTF-8 text, as SQL text. */
extern Datum consent_excerpt(const char *source, int start, int end);

/* From _PG_init. */
extern void consent_classify_init(void);

#endif							/* PG_CONSENT_CLASSIFY_H */
