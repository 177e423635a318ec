
-------------------------------------------------------------------------------
-- ledger: the wordings people are shown, version by version.
--
-- An event keeps the words themselves, which prove what was said.  This table
-- says of words that are used again and again which version of what they are,
-- and what a reviewer found wrong with them.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.wording_digest(wording text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT 'sha256:' || pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(wording, 'UTF8')), 'hex');
END;
COMMENT ON FUNCTION consent.wording_digest(text) IS
  'SHA-256 of a wording in UTF-8, as consent.record() and consent.receipt() show it';

CREATE FUNCTION consent.wording_check() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_wording_check';
COMMENT ON FUNCTION consent.wording_check() IS
  'Trigger of consent.wording: refuses defects that are none (22023)';
REVOKE EXECUTE ON FUNCTION consent.wording_check() FROM PUBLIC;

-- src/ledger/wording.c knows the columns by number: add new ones at the end.
CREATE TABLE consent.wording (
  name text NOT NULL CHECK (name <> ''),
  version integer NOT NULL CHECK (version > 0),
  language text NOT NULL DEFAULT 'en' CHECK (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]+)*$'),
  text text NOT NULL CHECK (text <> ''),
  valid_from timestamptz NOT NULL DEFAULT now(),
  defects text[],
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  recorded_by text NOT NULL DEFAULT session_user,
  digest text GENERATED ALWAYS AS (consent.wording_digest(text)) STORED,
  PRIMARY KEY (name, version, language));
CREATE INDEX wording_of_digest ON consent.wording (digest);
COMMENT ON TABLE consent.wording IS
  'Wordings of consents, version by version. Append-only: a change of words is a new version. Consents recorded with the very same words get the defects that a reviewer found in them';
COMMENT ON COLUMN consent.wording.name IS 'What you know it by: the form, the page, the script';
COMMENT ON COLUMN consent.wording.version IS 'Which version of it';
COMMENT ON COLUMN consent.wording.language IS 'In which language, as in HTML (BCP 47)';
COMMENT ON COLUMN consent.wording.text IS 'The words, to the letter';
COMMENT ON COLUMN consent.wording.valid_from IS 'Since when it is shown';
COMMENT ON COLUMN consent.wording.defects IS
  'Reason codes of what is wrong with the words (consent_bundled, consent_not_informed, third_party_consent_generic, ...): every consent recorded with them has these defects, and does not count. NULL: nothing was found';
COMMENT ON COLUMN consent.wording.recorded_at IS 'When it was recorded';
COMMENT ON COLUMN consent.wording.recorded_by IS 'Session user who recorded it';
COMMENT ON COLUMN consent.wording.digest IS 'consent.wording_digest() of the words: consent.record() and consent.receipt() show it';
SELECT pg_catalog.pg_extension_config_dump('consent.wording', '');

CREATE TRIGGER wording_check BEFORE INSERT ON consent.wording
  FOR EACH ROW EXECUTE FUNCTION consent.wording_check();
CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.wording
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
ALTER TABLE consent.wording ENABLE ALWAYS TRIGGER wording_check;
ALTER TABLE consent.wording ENABLE ALWAYS TRIGGER ledger_keep;
COMMENT ON TRIGGER wording_check ON consent.wording IS 'Checks the defects';
COMMENT ON TRIGGER ledger_keep ON consent.wording IS 'What is written stays written';

CREATE FUNCTION consent.wording_in_force(name text, language text DEFAULT 'en', at timestamptz DEFAULT now()) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT w.text FROM consent.wording w
   WHERE w.name = wording_in_force.name AND w.language = wording_in_force.language AND w.valid_from <= wording_in_force.at
   ORDER BY w.valid_from DESC, w.version DESC LIMIT 1;
END;
COMMENT ON FUNCTION consent.wording_in_force(text, text, timestamptz) IS
  'The words of a wording at a moment, to show, and to record with consent.give(wording => ...); NULL if there are none';
REVOKE EXECUTE ON FUNCTION consent.wording_in_force(text, text, timestamptz) FROM PUBLIC;
