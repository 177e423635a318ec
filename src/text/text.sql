
-------------------------------------------------------------------------------
-- text: what a recipient would read.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.folded_text(body text) RETURNS text
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
  AS 'MODULE_PATHNAME', 'pg_consent_folded_text';
COMMENT ON FUNCTION consent.folded_text(text) IS
  'The text as rules see it: HTML tags removed, lower case, Unicode NFKC, invisible characters dropped, disguised words as they read, sums as in £20, one space between words and one line feed between paragraphs; at the end, a line for the words of each address. Reads the first megabyte';

CREATE FUNCTION consent.sentences(body text, OUT region text, OUT start integer,
                                  OUT length integer, OUT folded text)
  RETURNS SETOF record
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 20
  AS 'MODULE_PATHNAME', 'pg_consent_sentences';
COMMENT ON FUNCTION consent.sentences(text) IS
  'The sentences of a text as rules see it: the region each stands in (body, link, alt, preheader, footer or url), start (from 1) and length in characters of the text as given, and its folded form';

CREATE FUNCTION consent.read_raw(message bytea, OUT subject text, OUT body text, OUT complete boolean)
  LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000
  AS 'MODULE_PATHNAME', 'pg_consent_read_raw';
COMMENT ON FUNCTION consent.read_raw(bytea) IS
  'Subject and body of a whole message (RFC 5322, MIME), decoded: all of its texts but attachments, as HTML if one of them is. complete is false if the message is cut off or longer than 8 MB, or a part cannot be read. For consent.evidence() and consent.highlight()';

CREATE FUNCTION consent.read_attachments(message bytea, OUT name text, OUT body text)
  RETURNS SETOF record
  LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1
  AS 'MODULE_PATHNAME', 'pg_consent_read_attachments';
COMMENT ON FUNCTION consent.read_attachments(bytea) IS
  'The attachments of a whole message (RFC 5322, MIME) that are texts (text/plain, text/html and so on, or bytes in a file named .txt, .html, .ics or .vcf, but no tables), decoded: the name of the file, if it has one, and what is in it. Of a calendar or contact card it is what people are shown (SUMMARY, DESCRIPTION, LOCATION, COMMENT, NOTE, X-WR-CALDESC, and names, titles and addresses that are long or have a percentage or price), and in a row of its own what of that is HTML. For consent.evidence() and consent.highlight()';
