/*-------------------------------------------------------------------------
 *
 * contact.h
 *	  One address, canonical: what other rooms may use.
 *
 * A contact is a varlena holding the canonical spelling in the database
 * encoding, without a terminating zero.  Its beginning tells its kind:
 *
 *		+447700900123			telephone, E.164
 *		device:  account:		scheme and payload
 *		postal:
 *		anything else			e-mail, local@domain
 *
 * Equality is equality of bytes: whoever writes a contact by other means than
 * consent_contact_parse() breaks every index on it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_CONTACT_H
#define PG_CONSENT_CONTACT_H

#include "fmgr.h"

struct Node;

typedef struct varlena ConsentContact;

#define DatumGetConsentContactPP(d) \
	((ConsentContact *) PG_DETOAST_DATUM_PACKED(d))
#define PG_GETARG_CONSENT_CONTACT_PP(n) \
	DatumGetConsentContactPP(PG_GETARG_DATUM(n))
#define PG_RETURN_CONSENT_CONTACT_P(c)	PG_RETURN_POINTER(c)

typedef enum ConsentContactKind
{
	CONSENT_CONTACT_EMAIL,
	CONSENT_CONTACT_PHONE,
	CONSENT_CONTACT_DEVICE,
	CONSENT_CONTACT_ACCOUNT,
	CONSENT_CONTACT_POSTAL
} ConsentContactKind;

/*
 * Read one address, given in the database encoding.  A region of NULL means
 * that none is known, and then a number without country code is an error.
 * Returns NULL only where escontext takes soft errors.
 */
extern ConsentContact *consent_contact_parse(const char *str, int len,
											 const char *region,
											 struct Node *escontext);

/* The same of a text: the result may be the text itself. */
extern ConsentContact *consent_contact_parse_text(struct varlena *text, const char *region, struct Node *escontext);

extern ConsentContactKind consent_contact_kind(const ConsentContact *contact);
extern const char *consent_contact_kind_name(ConsentContactKind kind);

extern bool consent_contact_has_tag(const ConsentContact *contact);
extern ConsentContact *consent_contact_root(const ConsentContact *contact);

extern int	consent_contact_compare(const ConsentContact *a, const ConsentContact *b);
extern uint32 consent_contact_hash(const ConsentContact *contact);
extern uint64 consent_contact_hash_extended(const ConsentContact *contact, uint64 seed);
extern uint64 consent_contact_root_hash(const ConsentContact *contact, uint64 seed);

/* Is it the function behind "=" of contacts?  Others may have its name. */
extern bool consent_contact_equates(Oid function);

#endif							/* PG_CONSENT_CONTACT_H */
