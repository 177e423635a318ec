/*-------------------------------------------------------------------------
 *
 * wording.h
 *	  What a reviewer found wrong with the words of a consent.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_WORDING_H
#define PG_CONSENT_WORDING_H

#include "decision/reasons.h"

extern ConsentReasonSet consent_wording_defects(Datum wording);
extern ConsentReasonSet consent_defects_from_codes(Datum codes);

#endif							/* PG_CONSENT_WORDING_H */
