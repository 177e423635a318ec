
-------------------------------------------------------------------------------
-- ledger: organisations and purposes, the words events are about.
--
-- Users fill these by plain INSERTs.  The ledger refers to the rows by name,
-- for ever: names never change and rows are never deleted.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.vocabulary_changed() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_vocabulary_changed';
COMMENT ON FUNCTION consent.vocabulary_changed() IS
  'Trigger of consent.organisation, consent.purpose and consent.policy: checks the purpose tree and the numbers of policies, warns of a jurisdiction that has no policy, and tells every session';
REVOKE EXECUTE ON FUNCTION consent.vocabulary_changed() FROM PUBLIC;

CREATE FUNCTION consent.vocabulary_keep() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_vocabulary_keep';
COMMENT ON FUNCTION consent.vocabulary_keep() IS
  'Trigger of consent.organisation and consent.purpose: refuses (55000) to delete a row or change its name';
REVOKE EXECUTE ON FUNCTION consent.vocabulary_keep() FROM PUBLIC;

CREATE FUNCTION consent.purpose_kind() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.kind := 'commercial';
  IF NEW.parent IS NOT NULL THEN
    SELECT kind INTO NEW.kind FROM consent.purpose WHERE name = NEW.parent;
    IF NOT FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
        MESSAGE = format('the parent of purpose "%s" does not exist', NEW.name),
        HINT = 'Insert the parent first, or give the kind.';
    END IF;
  END IF;
  RETURN NEW;
END;
$$;
COMMENT ON FUNCTION consent.purpose_kind() IS
  'Trigger of consent.purpose: a purpose without a kind is of its parent''s, or commercial at the root';
REVOKE EXECUTE ON FUNCTION consent.purpose_kind() FROM PUBLIC;

CREATE FUNCTION consent.default_organisation() RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_default_organisation';
COMMENT ON FUNCTION consent.default_organisation() IS
  'The setting pg_consent.organisation, NULL when it is empty';

CREATE TABLE consent.organisation (
  name text PRIMARY KEY CHECK (name <> ''),
  controller text,
  jurisdiction text NOT NULL DEFAULT 'GB',
  is_charity boolean NOT NULL DEFAULT false,
  pensions_authorised boolean NOT NULL DEFAULT false,
  id integer GENERATED ALWAYS AS IDENTITY UNIQUE CHECK (id > 0));
COMMENT ON TABLE consent.organisation IS
  'Legal entities that send messages or are named in consents. One row per entity: group companies are separate organisations';
COMMENT ON COLUMN consent.organisation.name IS
  'How calls and events name it. Never changes';
COMMENT ON COLUMN consent.organisation.controller IS
  'The data controller it belongs to, if it is not one itself';
COMMENT ON COLUMN consent.organisation.jurisdiction IS
  'Whose law its sends are judged by: a jurisdiction of consent.policy. Marketing under one that has no policy is refused with jurisdiction_unknown';
COMMENT ON COLUMN consent.organisation.is_charity IS
  'Is it a charity under the law of England and Wales, Scotland or Northern Ireland? (PECR reg 22(3A))';
COMMENT ON COLUMN consent.organisation.pensions_authorised IS
  'Is it an authorised person, or trustee or manager of a pension scheme? (PECR reg 21B)';
COMMENT ON COLUMN consent.organisation.id IS
  'Its number inside standings. Never changes';

CREATE TABLE consent.organisation_history (
  id integer NOT NULL,
  until timestamptz NOT NULL,
  jurisdiction text NOT NULL,
  is_charity boolean NOT NULL,
  pensions_authorised boolean NOT NULL);
COMMENT ON TABLE consent.organisation_history IS
  'What organisations were before they were changed: decisions about the past are made by it. Kept by a trigger of consent.organisation; append-only';
COMMENT ON COLUMN consent.organisation_history.id IS 'consent.organisation.id';
COMMENT ON COLUMN consent.organisation_history.until IS 'When it was changed';
COMMENT ON COLUMN consent.organisation_history.jurisdiction IS 'What it was until then';
COMMENT ON COLUMN consent.organisation_history.is_charity IS 'What it was until then';
COMMENT ON COLUMN consent.organisation_history.pensions_authorised IS 'What it was until then';
CREATE TRIGGER vocabulary_keep_rows BEFORE DELETE OR TRUNCATE ON consent.organisation_history
  FOR EACH STATEMENT EXECUTE FUNCTION consent.vocabulary_keep();
ALTER TABLE consent.organisation_history ENABLE ALWAYS TRIGGER vocabulary_keep_rows;
COMMENT ON TRIGGER vocabulary_keep_rows ON consent.organisation_history IS 'Rows are never deleted';

CREATE TABLE consent.purpose (
  name text PRIMARY KEY CHECK (name <> ''),
  kind text NOT NULL
    CHECK (kind IN ('commercial', 'charitable', 'political', 'claims_management', 'pensions', 'service_optional')),
  parent text,
  id integer GENERATED ALWAYS AS IDENTITY UNIQUE CHECK (id > 0));
COMMENT ON TABLE consent.purpose IS
  'What messages are sent for. Purposes form a tree: consent to a parent covers its children, withdrawal too';
COMMENT ON COLUMN consent.purpose.name IS
  'How calls and events name it. Never changes';
COMMENT ON COLUMN consent.purpose.kind IS
  'commercial, charitable, political, claims_management, pensions, or service_optional (neutral but not essential, with an opt-out of its own). Left out, it is that of the parent, or commercial at the root. What lies below claims_management or pensions is that business, whatever its kind. Never changes';
COMMENT ON COLUMN consent.purpose.parent IS
  'The wider purpose this one is part of, NULL at the root. Never changes';
COMMENT ON COLUMN consent.purpose.id IS
  'Its number inside standings. Never changes';

INSERT INTO consent.purpose (name, kind) VALUES ('marketing', 'commercial');

CREATE TRIGGER vocabulary_keep BEFORE UPDATE ON consent.organisation
  FOR EACH ROW EXECUTE FUNCTION consent.vocabulary_keep();
CREATE TRIGGER vocabulary_keep_rows BEFORE DELETE OR TRUNCATE ON consent.organisation
  FOR EACH STATEMENT EXECUTE FUNCTION consent.vocabulary_keep();
CREATE TRIGGER vocabulary_changed AFTER INSERT OR UPDATE ON consent.organisation
  FOR EACH STATEMENT EXECUTE FUNCTION consent.vocabulary_changed();
CREATE TRIGGER jurisdiction_warned_of AFTER INSERT OR UPDATE OF jurisdiction ON consent.organisation
  FOR EACH ROW EXECUTE FUNCTION consent.vocabulary_changed();
CREATE TRIGGER purpose_kind BEFORE INSERT ON consent.purpose
  FOR EACH ROW WHEN (NEW.kind IS NULL) EXECUTE FUNCTION consent.purpose_kind();
CREATE TRIGGER vocabulary_keep BEFORE UPDATE ON consent.purpose
  FOR EACH ROW EXECUTE FUNCTION consent.vocabulary_keep();
CREATE TRIGGER vocabulary_keep_rows BEFORE DELETE OR TRUNCATE ON consent.purpose
  FOR EACH STATEMENT EXECUTE FUNCTION consent.vocabulary_keep();
CREATE TRIGGER vocabulary_changed AFTER INSERT OR UPDATE ON consent.purpose
  FOR EACH STATEMENT EXECUTE FUNCTION consent.vocabulary_changed();

ALTER TABLE consent.organisation ENABLE ALWAYS TRIGGER vocabulary_keep;
ALTER TABLE consent.organisation ENABLE ALWAYS TRIGGER vocabulary_keep_rows;
ALTER TABLE consent.organisation ENABLE ALWAYS TRIGGER vocabulary_changed;
ALTER TABLE consent.purpose ENABLE ALWAYS TRIGGER purpose_kind;
ALTER TABLE consent.purpose ENABLE ALWAYS TRIGGER vocabulary_keep;
ALTER TABLE consent.purpose ENABLE ALWAYS TRIGGER vocabulary_keep_rows;
ALTER TABLE consent.purpose ENABLE ALWAYS TRIGGER vocabulary_changed;

COMMENT ON TRIGGER vocabulary_keep ON consent.organisation IS 'Name and id never change; what else it was is kept';
COMMENT ON TRIGGER vocabulary_keep_rows ON consent.organisation IS 'Rows are never deleted';
COMMENT ON TRIGGER vocabulary_changed ON consent.organisation IS 'Tells every session';
COMMENT ON TRIGGER jurisdiction_warned_of ON consent.organisation IS 'A jurisdiction without a policy is warned of';
COMMENT ON TRIGGER purpose_kind ON consent.purpose IS 'Left out, its kind is its parent''s';
COMMENT ON TRIGGER vocabulary_keep ON consent.purpose IS 'Nothing of it changes';
COMMENT ON TRIGGER vocabulary_keep_rows ON consent.purpose IS 'Rows are never deleted';
COMMENT ON TRIGGER vocabulary_changed ON consent.purpose IS 'Checks the tree and tells every session';
COMMENT ON SEQUENCE consent.organisation_id_seq IS 'Numbers the organisations';
COMMENT ON SEQUENCE consent.purpose_id_seq IS 'Numbers the purposes';

-- Tables of a few rows, which autovacuum would never look at, and of which the planner would
-- expect ten pages each: consent.current, their product, then costs so much that it is compiled
-- (jit) for seconds, to find one contact.
ALTER TABLE consent.organisation SET (autovacuum_analyze_threshold = 0);
ALTER TABLE consent.purpose SET (autovacuum_analyze_threshold = 0);
ANALYZE consent.organisation, consent.purpose;

SELECT pg_catalog.pg_extension_config_dump('consent.organisation', '');
SELECT pg_catalog.pg_extension_config_dump('consent.organisation_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('consent.organisation_history', '');
SELECT pg_catalog.pg_extension_config_dump('consent.purpose', 'WHERE name <> ''marketing''');
SELECT pg_catalog.pg_extension_config_dump('consent.purpose_id_seq', '');
