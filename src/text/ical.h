/*-------------------------------------------------------------------------
 *
 * ical.h
 *	  Calendars (RFC 5545) and contact cards (RFC 6350).
 *
 * As mime_lib.h: plain C, for the library that reads messages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_CONSENT_ICAL_H
#define PG_CONSENT_ICAL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What people are shown of a calendar or card: its texts into plain, those in
 * HTML into html, and what it is called, if that is short, into titles; each with room
 * for len + 1 bytes, NUL-terminated.  False: it is neither, or cannot be read;
 * *unread: and something in it may be encoded.
 */
extern bool consent_ical_read(const char *source, size_t len, char *plain, char *html, char *titles, bool *unread);

#endif							/* PG_CONSENT_ICAL_H */
