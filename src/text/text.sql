
-------------------------------------------------------------------------------
-- text: what a recipient would read.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.folded_text(body text) RETURNS text
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
  AS 'MODULE_PATHNAME', 'pg_consent_folded_text';
COMMENT ON FUNCTION consent.folded_text(text) IS
  'The text as rules see it: HTML tags removed, lower case, Unicode NFKC, invisible characters dropped, one space between words and one line feed between paragraphs. Reads the first megabyte';
