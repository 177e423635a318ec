/*-------------------------------------------------------------------------
 *
 * reasons.h
 *	  Every reason a decision can give, with its regulation and its meaning.
 *
 * The list is the one copy: the C enum, the set type, the SQL view
 * consent.reason and the citation in every decision come from it.  Its order
 * matters: it is the order in which predicates are tried, so the first failing
 * predicate of a consent is its lowest member in the set, and the order in
 * which decision.reasons lists what was found.
 *
 * Provenance: the numbering V1-V25, SO1-SO10, CS1-CS9 follows the rule book
 * the project is built from; citations name the instrument, not the rule book.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_REASONS_H
#define PG_CONSENT_REASONS_H

#define PECR(reg) "PECR reg " reg
#define GDPR(article) "UK GDPR " article

/* X(symbol, code, kind, citation, explanation); kind: basis, refusal */
#define CONSENT_REASONS(X) \
/* why a send is allowed */ \
X(BASIS_NOT_MARKETING, "not_marketing", "basis", PECR("22(1), DPA 2018 s122(5)"), \
  "The message is not direct marketing, so no marketing opt-out applies to it.") \
X(BASIS_SOLICITED, "solicited", "basis", PECR("22(1)"), \
  "The person asked for this very information, and it has not been answered yet.") \
X(BASIS_CONSENT, "consent", "basis", PECR("22(2)") ", " GDPR("4(11), 7"), \
  "The person consented to this organisation, channel and purpose, and the consent is valid and in force.") \
X(BASIS_SOFT_OPT_IN, "soft_opt_in", "basis", PECR("22(3)"), \
  "The organisation collected the address in a sale or its negotiation, offered a refusal, and sells something similar.") \
X(BASIS_CHARITY_SOFT_OPT_IN, "charity_soft_opt_in", "basis", PECR("22(3A)"), \
  "The charity collected the address when the person showed interest in or gave support to its purposes.") \
X(BASIS_CORPORATE_SUBSCRIBER, "corporate_subscriber", "basis", PECR("20, 22(1)"), \
  "The subscriber is a corporate body that has not objected.") \
X(BASIS_LIVE_CALL_NO_OBJECTION, "live_call_no_objection", "basis", PECR("21(1)"), \
  "Nobody on this line has objected, and the number is on no register or the subscriber lets this caller call all the same.") \
X(BASIS_LEGITIMATE_INTERESTS, "legitimate_interests", "basis", GDPR("6(1)(f)"), \
  "The organisation recorded an assessment of legitimate interests and the person has not objected.") \
X(BASIS_OPT_OUT_REGIME, "opt_out_regime", "basis", "the law named in consent.policy", \
  "The organisation's jurisdiction lets this channel be used until the person says no, and the person has not.") \
/* step 1: what cannot be judged is refused */ \
X(RECIPIENT_UNKNOWN, "recipient_unknown", "refusal", GDPR("5(2), 24"), \
  "No recipient was given.") \
X(RECIPIENT_UNREADABLE, "recipient_unreadable", "refusal", GDPR("5(2), 24"), \
  "The recipient is not an address that can be read.") \
X(INPUT_INVALID, "input_invalid", "refusal", GDPR("5(2), 24"), \
  "Channel, class or time of the send is missing.") \
X(CHANNEL_UNKNOWN, "channel_unknown", "refusal", GDPR("5(2), 24"), \
  "The channel named is none that this extension knows.") \
X(ORGANISATION_UNKNOWN, "organisation_unknown", "refusal", GDPR("5(2), 24"), \
  "The organisation is not in consent.organisation, or none was given.") \
X(PURPOSE_UNKNOWN, "purpose_unknown", "refusal", GDPR("5(2), 24"), \
  "The purpose is not in consent.purpose, or none was given.") \
X(JURISDICTION_UNKNOWN, "jurisdiction_unknown", "refusal", GDPR("5(2), 24"), \
  "No policy is known for the organisation's jurisdiction.") \
/* steps 4 to 8: what stands against the send, strongest first */ \
X(OBJECTED, "objected", "refusal", GDPR("21(2)-(3)") "; " PECR("21(1)(a)"), \
  "The person objected, and no later explicit consent has lifted the objection.") \
X(SUPPRESSED, "suppressed", "refusal", GDPR("21(3), 17(3)"), \
  "The address is on the suppression list: bounced, complained, or erased.") \
X(CONSENT_WITHDRAWN, "consent_withdrawn", "refusal", GDPR("7(3)") "; " PECR("22(2)"), \
  "The person withdrew, and has not consented again since.") \
X(CLAIMS_NO_CONSENT, "claims_no_consent", "refusal", PECR("21A"), \
  "Calls about claims management need consent to exactly that.") \
X(PENSION_NOT_PERMITTED, "pension_not_permitted", "refusal", PECR("21B"), \
  "Calls about pensions need an authorised caller and consent or a client relationship.") \
X(TPS_LISTED, "tps_listed", "refusal", PECR("21(1)(b)"), \
  "The number has been on the Telephone Preference Service for 28 days or more.") \
X(CTPS_LISTED, "ctps_listed", "refusal", PECR("21(1)(b)"), \
  "The number has been on the Corporate Telephone Preference Service for 28 days or more.") \
X(FPS_LISTED, "fps_listed", "refusal", PECR("20(1)(b)"), \
  "The number has been on the Fax Preference Service for 28 days or more.") \
X(REGISTER_SNAPSHOT_STALE, "register_snapshot_stale", "refusal", PECR("21(3), 26"), \
  "The register was not screened in time: within 28 days in the United Kingdom.") \
/* consent, V1 to V25 in the order they are tried */ \
X(CONSENT_MISSING, "consent_missing", "refusal", PECR("22(2)"), \
  "No consent is on record for this contact.") \
X(CONSENT_NOT_FROM_RECIPIENT, "consent_not_from_recipient", "refusal", PECR("19(2), 22(2)"), \
  "Somebody other than the recipient gave the consent.") \
X(CONSENT_LINE_MISMATCH, "consent_line_mismatch", "refusal", PECR("19(2), 21A"), \
  "The consent was given for another number or address.") \
X(CONSENT_CHANNEL_NOT_COVERED, "consent_channel_not_covered", "refusal", GDPR("4(11)") "; " PECR("22(2)"), \
  "The consent does not name this channel.") \
X(CONSENT_ORG_NOT_NAMED, "consent_org_not_named", "refusal", PECR("22(2)") "; " GDPR("4(11)"), \
  "The consent does not name this organisation.") \
X(CONSENT_INSTIGATOR_NOT_NAMED, "consent_instigator_not_named", "refusal", PECR("22(2)"), \
  "The consent does not name everyone on whose behalf the message is sent.") \
X(CONSENT_PURPOSE_MISMATCH, "consent_purpose_mismatch", "refusal", GDPR("5(1)(b), 6(1)(a)"), \
  "The consent was given for another purpose.") \
X(CONSENT_NOT_AFFIRMATIVE, "consent_not_affirmative", "refusal", GDPR("4(11)"), \
  "There was no clear affirmative act.") \
X(CONSENT_PRETICKED, "consent_preticked", "refusal", GDPR("4(11), recital 32"), \
  "The box was ticked beforehand.") \
X(CONSENT_SILENCE, "consent_silence", "refusal", GDPR("4(11), recital 32"), \
  "Silence, inactivity or not opting out is not consent.") \
X(CONSENT_BUNDLED, "consent_bundled", "refusal", GDPR("7(2)"), \
  "The consent was bundled with terms or with another statement.") \
X(CONSENT_CONDITION_OF_SERVICE, "consent_condition_of_service", "refusal", GDPR("7(4)"), \
  "The service was made conditional on the consent.") \
X(CONSENT_UNFAIR_INCENTIVE, "consent_unfair_incentive", "refusal", GDPR("4(11), recital 42"), \
  "The consent was obtained by an unfair inducement.") \
X(CONSENT_NOT_INFORMED, "consent_not_informed", "refusal", GDPR("4(11), 7(3)"), \
  "The person was not told who would send what, or how to stop it.") \
X(CONSENT_NOT_GRANULAR, "consent_not_granular", "refusal", GDPR("4(11), recital 43"), \
  "There was no separate choice per channel or party.") \
X(CONSENT_UNEVIDENCED, "consent_unevidenced", "refusal", GDPR("5(2), 7(1)"), \
  "The record lacks the time, the wording or the method, so it proves no permission.") \
X(CONSENT_NOT_YET_GIVEN, "consent_not_yet_given", "refusal", PECR("22(2)"), \
  "The consent was given after the send, or its time is not known.") \
X(CONSENT_EXPIRED, "consent_expired", "refusal", PECR("22(2)"), \
  "The consent has reached its own end.") \
X(CONSENT_PURPOSE_SPENT, "consent_purpose_spent", "refusal", GDPR("5(1)(b)"), \
  "The consent was for one occasion, which is over.") \
X(CONSENT_RELATIONSHIP_ENDED, "consent_relationship_ended", "refusal", PECR("22(2)"), \
  "The relationship in which the consent was given has ended.") \
X(THIRD_PARTY_CONSENT_GENERIC, "third_party_consent_generic", "refusal", PECR("22(2)") "; " GDPR("4(11)"), \
  "A third party collected the consent without naming this organisation.") \
X(THIRD_PARTY_CONSENT_STALE, "third_party_consent_stale", "refusal", PECR("22(2)"), \
  "A third party collected the consent, and nobody made first contact in time: within six months in the United Kingdom.") \
X(CONSENT_UNCONFIRMED, "consent_unconfirmed", "refusal", GDPR("7(1)"), \
  "The sign-up was not confirmed from the address itself.") \
X(CONSENT_TAINTED, "consent_tainted", "refusal", PECR("22(2)"), \
  "The consent was won by an unlawful request to somebody who had opted out.") \
/* soft opt-in, SO1 to SO10 */ \
X(SOI_CHANNEL_NOT_EMAIL_TYPE, "soi_channel_not_email_type", "refusal", PECR("22(3)"), \
  "The soft opt-in serves electronic mail only.") \
X(SOI_NOT_OWN_COLLECTION, "soi_not_own_collection", "refusal", PECR("22(3)(a)"), \
  "The address was collected by somebody else.") \
X(SOI_NO_SALE_OR_NEGOTIATION, "soi_no_sale_or_negotiation", "refusal", PECR("22(3)(a)"), \
  "The address was not collected in a sale or its negotiation.") \
X(SOI_NOT_SIMILAR, "soi_not_similar", "refusal", PECR("22(3)(b)"), \
  "What is advertised is not the organisation's own similar product, or the product is not known.") \
X(SOI_NO_REFUSAL_AT_COLLECTION, "soi_no_refusal_at_collection", "refusal", PECR("22(3)(c)"), \
  "No refusal was offered when the address was collected.") \
X(SOI_REFUSED_AT_COLLECTION, "soi_refused_at_collection", "refusal", PECR("22(3)(c)"), \
  "The person refused when the address was collected.") \
X(SOI_NO_REFUSAL_IN_MESSAGE, "soi_no_refusal_in_message", "refusal", PECR("22(3)(c)"), \
  "The message itself offers no refusal.") \
X(SOI_REFUSED_LATER, "soi_refused_later", "refusal", PECR("22(3)(c)"), \
  "The person refused, withdrew or objected.") \
X(SOI_AIMS_AND_IDEALS, "soi_aims_and_ideals", "refusal", PECR("22(3)(b)"), \
  "The soft opt-in of a sale serves commercial purposes alone: no aims and ideals, no claims management, no pensions and no optional service.") \
X(SOI_WINDOW_EXCEEDED, "soi_window_exceeded", "refusal", PECR("22(3)"), \
  "The jurisdiction's time limit since the sale has passed.") \
/* charitable purposes soft opt-in, CS1 to CS9 */ \
X(CSOI_NOT_CHARITY, "csoi_not_charity", "refusal", PECR("22(3A)"), \
  "The organisation is not a charity.") \
X(CSOI_NOT_OWN_COLLECTION, "csoi_not_own_collection", "refusal", PECR("22(3A)"), \
  "The charity did not collect the address itself.") \
X(CSOI_NO_INTEREST_OR_SUPPORT, "csoi_no_interest_or_support", "refusal", PECR("22(3A)"), \
  "The address was not collected with an expression of interest or support.") \
X(CSOI_BEFORE_COMMENCEMENT, "csoi_before_commencement", "refusal", PECR("22(3A)") "; SI 2026/82", \
  "The address was collected before this soft opt-in was in force: 5 February 2026 in the United Kingdom.") \
X(CSOI_NOT_SOLE_PURPOSE, "csoi_not_sole_purpose", "refusal", PECR("22(3A)"), \
  "The message does not serve charitable purposes alone.") \
X(CSOI_PROMOTES_OTHER, "csoi_promotes_other", "refusal", PECR("22(3A)"), \
  "The message promotes another organisation.") \
X(CSOI_NO_REFUSAL_AT_COLLECTION, "csoi_no_refusal_at_collection", "refusal", PECR("22(3A)"), \
  "No refusal was offered when the address was collected.") \
X(CSOI_REFUSED, "csoi_refused", "refusal", PECR("22(3A)"), \
  "The person refused when the address was collected.") \
X(CSOI_NO_REFUSAL_IN_MESSAGE, "csoi_no_refusal_in_message", "refusal", PECR("22(3A)"), \
  "The message itself offers no refusal.") \
X(CSOI_REFUSED_LATER, "csoi_refused_later", "refusal", PECR("22(3A)"), \
  "The person refused, withdrew or objected.") \
/* steps 14 and 15, then what the message itself lacks */ \
X(NO_LAWFUL_BASIS, "no_lawful_basis", "refusal", GDPR("6(1)"), \
  "Neither consent nor a recorded assessment of legitimate interests supports the send.") \
X(NO_PERMISSION, "no_permission", "refusal", PECR("22(2)"), \
  "Nothing on record permits the send.") \
X(NO_OPTOUT_ADDRESS, "no_optout_address", "refusal", PECR("23(b)"), \
  "The message gives no address at which it can be stopped.") \
X(SENDER_IDENTITY_CONCEALED, "sender_identity_concealed", "refusal", PECR("23(a), 24"), \
  "The message does not show on whose behalf it is sent.") \
X(NO_CONTRACT_WITH_SENDER, "no_contract_with_sender", "refusal", GDPR("28(3)") "; " PECR("22(2)"), \
  "A contractor sends the message, and no written contract with it is on record for the day.") \
X(DECLARED_CLASS_CONTRADICTED, "declared_class_contradicted", "refusal", PECR("22") "; DPA 2018 s122(5)", \
  "The sender called the message something else than its text shows.")

typedef enum ConsentReason
{
	REASON_NONE = 0,
#define X(symbol, code, kind, citation, explanation) symbol,
	CONSENT_REASONS(X)
#undef X
	REASON_COUNT
} ConsentReason;

/* A set of reasons: bit REASON of word REASON / 64. */
#define CONSENT_REASON_WORDS 2

typedef struct ConsentReasonSet
{
	uint64		word[CONSENT_REASON_WORDS];
} ConsentReasonSet;

StaticAssertDecl(REASON_COUNT <= 64 * CONSENT_REASON_WORDS, "a reason set is too small");

static inline void
consent_reason_add(ConsentReasonSet *set, ConsentReason reason)
{
	set->word[reason / 64] |= UINT64CONST(1) << (reason % 64);
}

static inline bool
consent_reason_in(const ConsentReasonSet *set, ConsentReason reason)
{
	return (set->word[reason / 64] >> (reason % 64)) & 1;
}

static inline void
consent_reason_join(ConsentReasonSet *set, const ConsentReasonSet *other)
{
	for (int i = 0; i < CONSENT_REASON_WORDS; i++)
		set->word[i] |= other->word[i];
}

static inline bool
consent_reason_none(const ConsentReasonSet *set)
{
	return (set->word[0] | set->word[1]) == 0;
}

extern const char *consent_reason_code(ConsentReason reason);
extern const char *consent_reason_citation(ConsentReason reason);
extern ConsentReason consent_reason_lookup(const char *code);
extern ConsentReason consent_reason_first(const ConsentReasonSet *set);

#endif							/* PG_CONSENT_REASONS_H */
