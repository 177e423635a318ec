
-------------------------------------------------------------------------------
-- decision: what a verdict is made of.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.reasons(OUT code text, OUT kind text, OUT citation text, OUT explanation text)
  RETURNS SETOF record
  LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 80
  AS 'MODULE_PATHNAME', 'pg_consent_reasons';
COMMENT ON FUNCTION consent.reasons() IS
  'The rows of consent.reason';

CREATE VIEW consent.reason AS SELECT * FROM consent.reasons();
COMMENT ON VIEW consent.reason IS
  'What does a reason code mean, and which regulation does it rest on? kind basis: why a send is allowed; kind refusal: why it is not. In order of precedence';
COMMENT ON COLUMN consent.reason.code IS 'As in decision.reason, decision.reasons and the guard''s CONSTRAINT NAME';
COMMENT ON COLUMN consent.reason.kind IS 'basis or refusal';
COMMENT ON COLUMN consent.reason.citation IS 'The regulation, in the United Kingdom; elsewhere decisions cite consent.policy.law';
COMMENT ON COLUMN consent.reason.explanation IS 'In a sentence';
GRANT SELECT ON consent.reason TO PUBLIC;

CREATE TYPE consent.decision AS (
  allowed boolean,
  reason text,
  basis text,
  citation text,
  event_id bigint,
  reasons text[],
  policy text);
COMMENT ON TYPE consent.decision IS
  'The verdict on one send: allowed; reason, the code that decided (see consent.reason); basis, the same when allowed, else NULL; citation, the regulation, or the law where it is not British (consent.policy); event_id, the event of consent.ledger it rests on, or NULL; reasons, all codes that were found, where consents or soft opt-ins fail those of the newest; policy, the jurisdiction and version of the consent.policy it was judged by, NULL if none was needed or known';

CREATE TYPE consent.standing;
CREATE FUNCTION consent.standing_in(cstring) RETURNS consent.standing
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_standing_in';
CREATE FUNCTION consent.standing_out(consent.standing) RETURNS cstring
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_standing_out';
CREATE TYPE consent.standing (
  INPUT = consent.standing_in,
  OUTPUT = consent.standing_out,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = double,
  STORAGE = extended);
COMMENT ON TYPE consent.standing IS
  'What a contact''s events amount to, as consent.fold() makes it. Has no text input: it is computed from consent.ledger and from nothing else';
COMMENT ON FUNCTION consent.standing_in(cstring) IS 'Always an error (0A000): a standing is computed, not written';
COMMENT ON FUNCTION consent.standing_out(consent.standing) IS 'A summary of the events in it, for people';
