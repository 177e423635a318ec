/*-------------------------------------------------------------------------
 *
 * mime_lib.c
 *	  Takes a message apart with gmime.
 *
 * Of attachments those that are texts, and no tables, are read, and kept apart, also
 * bytes in a file that is named like one;
 * messages within the message are part of it, because mail programs show them.
 * Of calendars and contact cards there is read what people are shown.
 * Encrypted parts cannot be read.
 *
 * GLib ends the process when malloc fails, which in a server means every
 * session.  So we ask for more memory than gmime can need before it begins,
 * and give it back: then it is there.
 *
 *-------------------------------------------------------------------------
 */
#include <gmime/gmime.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "text/ical.h"
#include "text/mime_lib.h"

#define DEPTH_MAX		50		/* parts within parts */
#define MEMORY_FACTOR	8		/* gmime's memory, in message lengths */
#define MEMORY_BASE		(32 * 1024 * 1024)

/*
 * What costs gmime more than its length: a kilobyte and microseconds for each
 * field and part; for what it decodes of a field, the square of its length; and
 * for a group of addresses within a group, stack, which it does not limit.
 */
#define LINES_MAX		5000	/* that may part it */
#define FIELDS_MAX		10000
#define HEADERS_MAX		(1024 * 1024)	/* bytes of these */
#define DECODED_MAX		(256 * 1024)	/* of all fields that are decoded */
#define DECODED_FIELD_MAX	(16 * 1024) /* of one */
#define COLONS_MAX		200		/* in one */
#define COMMAS_MAX		1000	/* likewise: behind each that stands wrong it reads all the rest */
#define WORDS_MAX		200		/* "=?" in a field of any name: it looks for the end of each in all the rest */

typedef struct Reader
{
	ConsentMimeMessage *message;
	ConsentMimePart **tail;
	ConsentMimePart **attachments_tail;
	bool		unread;			/* there are parts that are no text */
	bool		coded;			/* within a message that was coded itself */
	bool		failed;
} Reader;

/*
 * The server loads these by name; nobody calls them directly.  PostgreSQL 16 and
 * later hide what is not marked.
 */
extern __attribute__((visibility("default"))) ConsentMimeMessage *pg_consent_mime_read(const char *message, size_t len);
extern __attribute__((visibility("default"))) void pg_consent_mime_free(ConsentMimeMessage *message);

/* gmime's opinions belong in no server log. */
static void
stay_silent(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data)
{
}

static void
note_issue(gint64 offset, GMimeParserWarning issue, const gchar *item, gpointer data)
{
	ConsentMimeMessage *message = data;

	switch (issue)
	{
		case GMIME_WARN_TRUNCATED_MESSAGE:
		case GMIME_CRIT_MULTIPART_WITHOUT_BOUNDARY:
		case GMIME_CRIT_NESTING_OVERFLOW:
			message->complete = false;
			break;
		default:
			break;
	}
}

/* Is it the name of a field that gmime decodes, whatever we ask for? */
static bool
is_decoded(const char *name, size_t len)
{
	static const char *const names[] = {
		"Subject", "Sender", "From", "Reply-To", "To", "Cc", "Bcc", "Date", "Message-Id"
	};

	if (len > 8 && g_ascii_strncasecmp(name, "Content-", 8) == 0)
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
	{
		if (strlen(names[i]) == len && g_ascii_strncasecmp(name, names[i], len) == 0)
			return true;
	}
	return false;
}

/* How many bytes of a message gmime can read in reasonable time and space. */
static size_t
readable(const char *source, size_t len)
{
	const char *end = source + len;
	const char *line = source;
	int			lines = 0;
	int			fields = 0;
	size_t		headers = 0;
	size_t		all_decoded = 0;
	size_t		decoded = 0;	/* of this field; 0: it is none of these */
	int			colons = 0;
	int			commas = 0;
	int			words = 0;
	bool		head = true;	/* fields may stand here */
	bool		any = false;	/* some do */
	bool		begins = false; /* a part begins here */

	if (len >= 3 && memcmp(source, "\xEF\xBB\xBF", 3) == 0)
		line += 3;
	while (line < end)
	{
		const char *next = memchr(line, '\n', end - line);
		const char *name = line;
		const char *colon;
		size_t		length;			/* of the name */
		bool		blank;

		next = next ? next + 1 : end;
		while (name < next && g_ascii_isspace(*name))
			name++;
		/* to gmime a line of spaces is none: it goes on with the field before it */
		blank = *line == '\n' || (*line == '\r' && next - line == 2);
		for (colon = name; colon < next && (unsigned char) *colon > ' ' && *colon != ':'; colon++)
			;
		length = colon - name;
		/* it takes these for part of the name, and no name for one */
		while (colon < next && (*colon == ' ' || *colon == '\t'))
			colon++;
		if (name == line || blank)
			decoded = colons = commas = words = 0;

		if (next - line >= 2 && line[0] == '-' && line[1] == '-')
		{
			if (++lines > LINES_MAX)
				return line - source;
			head = begins = true;
			any = false;
		}
		else if (blank)
		{
			/* a message within the message begins with its own; in a digest its part has none */
			head = head && (any || begins);
			any = begins = false;
		}
		else if (head && colon < next && *colon == ':')
		{
			if (++fields > FIELDS_MAX)
				return line - source;
			any = true;
		}
		if (head && any)
		{
			headers += next - line;
			for (const char *s = line; (s = memchr(s, '=', next - s)) != NULL; s++)
				words += s + 1 < next && s[1] == '?';
			if (headers > HEADERS_MAX || words > WORDS_MAX)
				return line - source;
		}

		if (decoded > 0 || is_decoded(name, length))
		{
			decoded += next - line;
			all_decoded += next - line;
			for (const char *s = line; s < next; s++)
			{
				colons += *s == ':';
				commas += *s == ',';
			}
			if (decoded > DECODED_FIELD_MAX || all_decoded > DECODED_MAX || colons > COLONS_MAX || commas > COMMAS_MAX)
				return line - source;
		}
		line = next;
	}
	return len;
}

/* Does it write with bytes of ASCII what is not? */
static bool
is_in_disguise(const char *charset)
{
	static const char *const names[] = {"utf-16", "utf-7", "unicode-1-1-utf-7", "iso-2022-"};

	for (size_t i = 0; charset && i < G_N_ELEMENTS(names); i++)
	{
		if (g_ascii_strncasecmp(charset, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

/*
 * To UTF-8, malloc'ed.  What is UTF-8 already is left alone, whatever it calls
 * itself; what its charset cannot explain is left out.
 */
static char *
to_utf8(const char *bytes, size_t len, const char *charset, size_t *outlen)
{
	iconv_t		cd = (iconv_t) -1;
	size_t		size = 4 * len + 16;
	char	   *out = malloc(size);
	char	   *to = out;
	char	   *from = (char *) bytes;

	if (out == NULL)
		return NULL;
	if (is_in_disguise(charset) || !g_utf8_validate_len(bytes, len, NULL))
	{
		/* as browsers do: Latin-1 is Windows-1252 */
		if (charset == NULL || g_ascii_strcasecmp(charset, "iso-8859-1") == 0 ||
			g_ascii_strcasecmp(charset, "us-ascii") == 0 ||
			g_ascii_strcasecmp(charset, "utf-8") == 0 ||
			(cd = iconv_open("UTF-8", charset)) == (iconv_t) -1)
			cd = iconv_open("UTF-8", "WINDOWS-1252");
	}
	if (cd == (iconv_t) -1)
	{
		memcpy(out, bytes, len);
		*outlen = len;
		return out;
	}
	for (size_t left = len, room = size; left > 0;)
	{
		if (iconv(cd, &from, &left, &to, &room) == (size_t) -1 && left > 0)
		{
			if (room < 8)
				break;
			from++;
			left--;
		}
	}
	iconv_close(cd);
	*outlen = to - out;
	return out;
}

static void
free_parts(ConsentMimePart *parts)
{
	while (parts)
	{
		ConsentMimePart *part = parts;

		parts = part->next;
		free(part->text);
		free(part->name);
		free(part);
	}
}

/* The part, at the end of the list that "tail" is of; NULL: out of memory. */
static ConsentMimePart *
add_part(ConsentMimePart ***tail, const char *bytes, size_t len, const char *charset)
{
	ConsentMimePart *part = calloc(1, sizeof(ConsentMimePart));

	if (part)
		part->text = to_utf8(bytes, len, charset, &part->len);
	if (part == NULL || part->text == NULL)
	{
		free(part);
		return NULL;
	}
	**tail = part;
	*tail = &part->next;
	return part;
}

/* Base64 comes in groups of four: what is left over was cut off. */
static bool
is_cut_off(GMimeDataWrapper *content)
{
	GMimeStream *coded = g_mime_data_wrapper_get_stream(content);
	char		buffer[4096];
	ssize_t		n;
	size_t		digits = 0;

	if (g_mime_data_wrapper_get_encoding(content) != GMIME_CONTENT_ENCODING_BASE64)
		return false;
	g_mime_stream_reset(coded);
	while ((n = g_mime_stream_read(coded, buffer, sizeof(buffer))) > 0)
	{
		for (ssize_t i = 0; i < n; i++)
			digits += g_ascii_isalnum(buffer[i]) || buffer[i] == '+' ||
				buffer[i] == '/' || buffer[i] == '=';
	}
	g_mime_stream_reset(coded);
	return digits % 4 != 0;
}

typedef enum Kind
{
	KIND_OTHER, KIND_PLAIN, KIND_HTML, KIND_ICAL, KIND_TABLE
} Kind;

/* A part of bytes, of which mail programs tell by the name of its file what it is. */
static bool
is_named(GMimeContentType *type)
{
	return g_mime_content_type_is_type(type, "application", "octet-stream");
}

static Kind
kind_of(GMimeContentType *type, const char *name)
{
	static const struct
	{
		const char *subtype;	/* of text/, if any */
		const char *ending;		/* if any */
		Kind		kind;
	}			kinds[] = {
		{"calendar", ".ics", KIND_ICAL}, {"x-vcalendar", ".vcs", KIND_ICAL},
		{"vcard", ".vcf", KIND_ICAL}, {"x-vcard", ".vcard", KIND_ICAL}, {"directory", NULL, KIND_ICAL},
		{"html", ".html", KIND_HTML}, {NULL, ".htm", KIND_HTML}, {NULL, ".xhtml", KIND_HTML},
		{"enriched", NULL, KIND_HTML}, {"richtext", NULL, KIND_HTML}, {"plain", ".txt", KIND_PLAIN},
		{"csv", ".csv", KIND_TABLE}, {"tab-separated-values", ".tsv", KIND_TABLE}
	};
	size_t		len = name ? strlen(name) : 0;

	if (g_mime_content_type_is_type(type, "application", "ics"))
		return KIND_ICAL;
	if (g_mime_content_type_is_type(type, "application", "xhtml+xml"))
		return KIND_HTML;
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
	{
		size_t		n = kinds[i].ending ? strlen(kinds[i].ending) : 0;

		if (is_named(type) ? n > 0 && len >= n && g_ascii_strcasecmp(name + len - n, kinds[i].ending) == 0 :
			kinds[i].subtype && g_mime_content_type_is_type(type, "text", kinds[i].subtype))
			return kinds[i].kind;
	}
	return g_mime_content_type_is_type(type, "text", "*") ? KIND_PLAIN : KIND_OTHER;
}

/* Adds a text that was shown beside another; NULL: out of memory. */
static ConsentMimePart *
add_shown(ConsentMimePart ***tail, const char *text)
{
	return add_part(tail, text, strlen(text), NULL);
}

/* Of such a part leaves what people are shown, and adds one each if some of it is HTML or a title. */
static bool
keep_shown(Reader *r, ConsentMimePart *part, ConsentMimePart ***tail)
{
	char	   *plain = malloc(part->len + 1);
	char	   *html = malloc(part->len + 1);
	char	   *titles = malloc(part->len + 1);
	bool		done = plain && html && titles;
	bool		unread = false;

	if (done && consent_ical_read(part->text, part->len, plain, html, titles, &unread))
	{
		char	   *source = part->text;
		ConsentMimePart *more;

		part->text = plain;
		part->len = strlen(plain);
		plain = source;
		if (*html && (done = (more = add_shown(tail, html)) != NULL))
			more->html = true;
		if (*titles && done && (done = (more = add_shown(&r->attachments_tail, titles)) != NULL))
			more->title = true;
	}
	if (unread)
		r->message->complete = false;
	free(plain);
	free(html);
	free(titles);
	return done;
}

static void read_object(Reader *r, GMimeObject *object, bool alternative, int depth);

static GMimeMessage *
parse(Reader *r, const char *source, size_t len)
{
	GMimeParserOptions *options = g_mime_parser_options_new();
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *message;

	/* 3.2.13 takes one argument less than 3.2.15. */
#if GMIME_CHECK_VERSION(3, 2, 14)
	g_mime_parser_options_set_warning_callback(options, note_issue, r->message, NULL);
#else
	g_mime_parser_options_set_warning_callback(options, note_issue, r->message);
#endif
	stream = g_mime_stream_mem_new_with_buffer(source, len);
	parser = g_mime_parser_new_with_stream(stream);
	message = g_mime_parser_construct_message(parser, options);
	g_object_unref(parser);
	g_object_unref(stream);
	g_mime_parser_options_free(options);
	return message;
}

/*
 * A message in base64, which it must not be, but mail programs open it.  One within
 * another is not read, for the memory it would take.
 */
static void
read_coded_message(Reader *r, GByteArray *bytes, int depth)
{
	const char *source = bytes->data ? (const char *) bytes->data : "";
	size_t		most = readable(source, bytes->len);
	GMimeMessage *message = r->coded ? NULL : parse(r, source, most);

	if (most < bytes->len || message == NULL)
		r->message->complete = false;
	if (message == NULL)
		return;
	r->coded = true;
	read_object(r, g_mime_message_get_mime_part(message), false, depth + 1);
	r->coded = false;
	g_object_unref(message);
}

static void
read_part(Reader *r, GMimePart *part, bool alternative, int depth)
{
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
	const char *disposition = g_mime_object_get_disposition(GMIME_OBJECT(part));
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	bool		attached = is_named(type) || (disposition && g_ascii_strcasecmp(disposition, "attachment") == 0);
	ConsentMimePart ***tail = attached ? &r->attachments_tail : &r->tail;
	const char *name = attached ? g_mime_part_get_filename(part) : NULL;
	Kind		kind = kind_of(type, name);
	bool		is_message = g_mime_content_type_is_type(type, "message", "rfc822") ||
		g_mime_content_type_is_type(type, "message", "global");
	ConsentMimePart *read;
	GMimeStream *stream;
	GByteArray *bytes;

	if (content == NULL)
		return;
	if (kind == KIND_OTHER && !is_message)
	{
		r->unread = true;
		return;
	}
	/* the model takes prices in a row for an offer */
	if (attached && kind == KIND_TABLE)
		return;
	if (is_cut_off(content))
		r->message->complete = false;
	stream = g_mime_stream_mem_new();
	if (g_mime_data_wrapper_write_to_stream(content, stream) < 0)
		r->message->complete = false;
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	if (is_message)
	{
		read_coded_message(r, bytes, depth);
		g_object_unref(stream);
		return;
	}
	read = add_part(tail, bytes->data ? (const char *) bytes->data : "", bytes->len,
					g_mime_content_type_get_parameter(type, "charset"));
	g_object_unref(stream);
	if (read == NULL || (kind == KIND_ICAL && !keep_shown(r, read, tail)))
	{
		r->failed = true;
		return;
	}
	read->html = kind == KIND_HTML;
	read->alternative = alternative;
	for (; name && read; read = read->next)
	{
		if ((read->name = strdup(name)) == NULL)
			r->failed = true;
	}
}

static void
read_object(Reader *r, GMimeObject *object, bool alternative, int depth)
{
	if (object == NULL || r->failed)
		return;
	if (depth > DEPTH_MAX)
	{
		r->message->complete = false;
		return;
	}
	if (GMIME_IS_MULTIPART(object))
	{
		GMimeMultipart *multipart = GMIME_MULTIPART(object);

		alternative |= g_mime_content_type_is_type(g_mime_object_get_content_type(object),
												   "multipart", "alternative");
		for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
			read_object(r, g_mime_multipart_get_part(multipart, i), alternative, depth + 1);
	}
	else if (GMIME_IS_MESSAGE_PART(object))
	{
		GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));

		if (inner)
			read_object(r, g_mime_message_get_mime_part(inner), false, depth + 1);
	}
	else if (GMIME_IS_MESSAGE_PARTIAL(object))
		r->message->complete = false;
	else if (GMIME_IS_PART(object))
		read_part(r, GMIME_PART(object), alternative, depth);
}

void
pg_consent_mime_free(ConsentMimeMessage *message)
{
	free_parts(message->parts);
	free_parts(message->attachments);
	free(message->subject);
	free(message);
}

ConsentMimeMessage *
pg_consent_mime_read(const char *source, size_t len)
{
	static bool initialized = false;
	Reader		r = {.message = calloc(1, sizeof(ConsentMimeMessage))};
	/* volatile: a compiler may leave out what is allocated and freed again */
	void	   *volatile reserve = malloc(MEMORY_BASE + MEMORY_FACTOR * len);
	GMimeMessage *message;
	size_t		most;

	if (r.message == NULL || reserve == NULL)
	{
		free(reserve);
		free(r.message);
		return NULL;
	}
	free(reserve);
	if (!initialized)
	{
		g_log_set_handler("gmime", G_LOG_LEVEL_MASK, stay_silent, NULL);
		g_mime_init();
		initialized = true;
	}
	most = readable(source, len);
	r.message->complete = true;
	r.tail = &r.message->parts;
	r.attachments_tail = &r.message->attachments;

	message = parse(&r, source, most);
	if (message)
	{
		const char *subject = g_mime_message_get_subject(message);

		if (subject && (r.message->subject = strdup(subject)) == NULL)
			r.failed = true;
		read_object(&r, g_mime_message_get_mime_part(message), false, 0);
		g_object_unref(message);
	}
	else
		r.message->complete = false;
	/* a picture, or a secret: it may say anything */
	if (r.unread && r.message->parts == NULL)
		r.message->complete = false;
	if (most < len)
		r.message->complete = false;

	if (r.failed)
	{
		pg_consent_mime_free(r.message);
		return NULL;
	}
	return r.message;
}
