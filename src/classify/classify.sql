
-------------------------------------------------------------------------------
-- classify: what a message is, and why.
--
-- STABLE although rules are read with a fresh snapshot: within a statement
-- that changes no rules, the answer for a message stays the same.
-------------------------------------------------------------------------------

CREATE TYPE consent.classification AS (
  class        consent.message_class,
  score        real,
  needs_review boolean,
  rules        text[]
);
COMMENT ON TYPE consent.classification IS
  'Verdict on a message. score: summed weights of the rules that found promotion or a request for permission. needs_review: somebody should look, because nothing was found, guidance leaves the case open, traces of promotion stayed below the mark, part of the text was not read, or a rule gave up (listed as limit:<code>). rules: what was found, marketing first';

CREATE FUNCTION consent.classify(body text, subject text DEFAULT NULL,
                                 channel consent.channel DEFAULT NULL)
  RETURNS consent.classification
  LANGUAGE C STABLE PARALLEL SAFE COST 1000
  AS 'MODULE_PATHNAME', 'pg_consent_classify';
COMMENT ON FUNCTION consent.classify(text, text, consent.channel) IS
  'What a message is. body is plain text or HTML, detected; its first megabyte is read. Without a channel every rule applies. What cannot be told is unknown, with needs_review. Never an error because of the text';

CREATE FUNCTION consent.classify_raw(message bytea)
  RETURNS consent.classification
  LANGUAGE C STABLE PARALLEL SAFE COST 5000
  AS 'MODULE_PATHNAME', 'pg_consent_classify_raw';
COMMENT ON FUNCTION consent.classify_raw(bytea) IS
  'What a whole e-mail message (RFC 5322, MIME) is: as consent.classify() of what consent.read_raw() makes of it. One that could not be read to its end is unknown, unless it is marketing already';

CREATE FUNCTION consent.evidence(body text, subject text DEFAULT NULL,
                                 channel consent.channel DEFAULT NULL,
                                 OUT rule text, OUT class consent.message_class,
                                 OUT weight real, OUT part text, OUT start integer,
                                 OUT length integer, OUT excerpt text, OUT citation text)
  RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
  AS 'MODULE_PATHNAME', 'pg_consent_evidence';
COMMENT ON FUNCTION consent.evidence(text, text, consent.channel) IS
  'One row per finding: the rule, the class it speaks for, its weight, the part (subject or body), start (from 1) and length in characters of the text as given, those characters, and the guidance or ruling the rule rests on. At most 100 per rule and part. A rule that gave up shows as limit:<code> without a position';

CREATE FUNCTION consent.highlight(body text, subject text DEFAULT NULL,
                                  channel consent.channel DEFAULT NULL)
  RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE COST 1000
  AS 'MODULE_PATHNAME', 'pg_consent_highlight';
COMMENT ON FUNCTION consent.highlight(text, text, consent.channel) IS
  'HTML that shows subject and body as given, all of it escaped, in <div class="subject"> and <div class="body">, findings in <mark title="class: rule">';
