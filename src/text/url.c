/*-------------------------------------------------------------------------
 *
 * url.c
 *	  The words of an address: where a link leads says what it is for.
 *
 * "https://shop.example/c/summer%20sale?utm_campaign=friday" becomes the line
 * "shop.example c summer sale utm_campaign friday".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "text/fold.h"

#define URL_MAX_BYTES	300		/* of an address that are read */

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char) pg_tolower((unsigned char) c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes that "http://", "https://" take at s; 0 if it is no such address. */
static int
scheme_length(const char *s, int len)
{
	if (len > 7 && pg_strncasecmp(s, "http://", 7) == 0)
		return 7;
	if (len > 8 && pg_strncasecmp(s, "https://", 8) == 0)
		return 8;
	return 0;
}

/* Length of the web address at s, 0 if there is none. */
int
consent_url_length(const char *s, int len)
{
	int			n = scheme_length(s, len);

	if (n == 0)
		return 0;
	while (n < len && (unsigned char) s[n] > ' ' && strchr("<>\"'`", s[n]) == NULL)
		n++;
	while (strchr(".,;:!?)]", s[n - 1]) != NULL)
		n--;
	return n;
}

/* A line of its own: the host as it is, then the words behind it. */
void
consent_url_put(TextFold *fold, const char *url, int len, int32 start)
{
	int			at;
	bool		host = true;

	len = Min(consent_url_length(url, len), URL_MAX_BYTES);
	at = scheme_length(url, len);
	if (at == 0)
		return;
	consent_fold_put(fold, '\n', start, start + 1);
	consent_fold_put(fold, '\n', start, start + 1);
	start += at;
	while (at < len)
	{
		unsigned char bytes[4];
		int			nbytes = 0;
		int			from = at;
		int32		chars = 0;
		pg_wchar	c;

		/* a character, of which each byte may be given as %XX */
		do
		{
			if (url[at] == '%' && at + 2 < len && hex_value(url[at + 1]) >= 0 &&
				hex_value(url[at + 2]) >= 0)
			{
				bytes[nbytes++] = (unsigned char) (hex_value(url[at + 1]) * 16 +
												   hex_value(url[at + 2]));
				at += 3;
			}
			else
				bytes[nbytes++] = (unsigned char) url[at++];
		} while (nbytes < pg_utf_mblen(bytes) && at < len);

		for (int i = from; i < at; i++)
			chars += ((unsigned char) url[i] & 0xC0) != 0x80;
		c = nbytes == pg_utf_mblen(bytes) && pg_utf8_islegal(bytes, nbytes) ?
			utf8_to_unicode(bytes) : ' ';
		if (c == '/' || c == '?' || c == '#')
			host = false;
		if (c < 0x80 && !isalnum((unsigned char) c) &&
			!(host && (c == '.' || c == '-')) && c != '_')
			c = ' ';
		consent_fold_put(fold, c, start, start + chars);
		start += chars;
	}
}
