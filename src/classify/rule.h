/*-------------------------------------------------------------------------
 *
 * rule.h
 *	  The columns of consent.rule, as src/classify/rule.sql declares them, and
 *	  what is left to check when a statement that writes rules is over.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_RULE_H
#define PG_CONSENT_RULE_H

#define Anum_rule_code			1
#define Anum_rule_class			2
#define Anum_rule_weight		3
#define Anum_rule_review		4
#define Anum_rule_pattern		5
#define Anum_rule_parts			6
#define Anum_rule_channels		7
#define Anum_rule_language		8
#define Anum_rule_citation		9
#define Anum_rule_description	10
#define Anum_rule_enabled		11
#define Anum_rule_shipped		12
#define Anum_rule_adjusted		13
#define Anum_rule_positive		14
#define Anum_rule_negative		15
#define Anum_rule_literals		16
#define Anum_rule_family		17
#define Anum_rule_exceptions	18
#define Anum_rule_condition		19
#define Natts_rule				19

/*
 * Raise 23514 if a rule with a condition, written since this was last called,
 * does not do what its examples say.
 */
extern void consent_rule_check_metas(void);

/* When a transaction ends. */
extern void consent_rule_forget_metas(void);

#endif							/* PG_CONSENT_RULE_H */
