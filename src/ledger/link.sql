
-------------------------------------------------------------------------------
-- ledger: whose contacts are whose.
--
-- A person's "no" covers all their contacts, so an objection or withdrawal under
-- one is read with every other that is linked to the same person.  A "yes" stays
-- with the contact it was given for.  Not events of the ledger: a verdict
-- has to find the others of a person, which may lie anywhere in it.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.person_link_applied() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_person_link_applied';
COMMENT ON FUNCTION consent.person_link_applied() IS
  'Trigger of consent.person_link: brings consent.address_standing up to date with the links of a statement';
REVOKE EXECUTE ON FUNCTION consent.person_link_applied() FROM PUBLIC;

-- src/ledger/link.c knows the columns by number: add new ones at the end.
CREATE TABLE consent.person_link (
  event_id bigint PRIMARY KEY DEFAULT nextval('consent.ledger_event_id'),
  contact consent.contact NOT NULL,
  person text NOT NULL CHECK (person <> '' AND octet_length(person) <= 1000),
  linked boolean NOT NULL DEFAULT true,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  recorded_by text NOT NULL DEFAULT session_user,
  source text,
  evidence jsonb,
  address consent.contact GENERATED ALWAYS AS (consent.contact_root(contact)) STORED,
  digest bytea NOT NULL);
CREATE INDEX person_link_address ON consent.person_link (address);
CREATE INDEX person_link_person ON consent.person_link (person);
COMMENT ON TABLE consent.person_link IS
  'Which contacts are of the same person. Append-only: the last row of an address and person says whether they are linked';
COMMENT ON COLUMN consent.person_link.event_id IS 'Its number among the events';
COMMENT ON COLUMN consent.person_link.contact IS 'The contact; all its +tag forms are meant';
COMMENT ON COLUMN consent.person_link.person IS 'What your system knows the person by';
COMMENT ON COLUMN consent.person_link.linked IS 'true: linked from now on; false: no longer, and then as if they had never been';
COMMENT ON COLUMN consent.person_link.recorded_at IS 'When it was recorded; known_at of evaluate() looks at it';
COMMENT ON COLUMN consent.person_link.recorded_by IS 'Session user who recorded it';
COMMENT ON COLUMN consent.person_link.source IS 'Where it is known from';
COMMENT ON COLUMN consent.person_link.evidence IS 'Anything else that proves it';
COMMENT ON COLUMN consent.person_link.address IS 'The contact without its +tag';
COMMENT ON COLUMN consent.person_link.digest IS
  'consent.person_link_digest() of the row when it was recorded. Left out by loaders; a restored dump brings it, and it must match';
SELECT pg_catalog.pg_extension_config_dump('consent.person_link', '');

CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.person_link
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
CREATE TRIGGER person_link_applied AFTER INSERT ON consent.person_link
  REFERENCING NEW TABLE AS recorded
  FOR EACH STATEMENT EXECUTE FUNCTION consent.person_link_applied();
ALTER TABLE consent.person_link ENABLE ALWAYS TRIGGER ledger_keep;
ALTER TABLE consent.person_link ENABLE ALWAYS TRIGGER person_link_applied;
COMMENT ON TRIGGER ledger_keep ON consent.person_link IS 'What is written stays written';
COMMENT ON TRIGGER person_link_applied ON consent.person_link IS 'Keeps consent.address_standing up to date';

-- A constraint would print the address.
CREATE FUNCTION consent.person_link_refused() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NEW.contact IS NULL OR NEW.person IS NULL OR NEW.linked IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a link needs a contact and a person, and whether they are linked';
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'the name of a person has 1 to 1,000 bytes';
END;
$$;
COMMENT ON FUNCTION consent.person_link_refused() IS
  'Trigger of consent.person_link: refuses a link without a contact or person (22004), or whose person has an empty or too long name (23514)';
REVOKE EXECUTE ON FUNCTION consent.person_link_refused() FROM PUBLIC;
CREATE TRIGGER person_link_refused BEFORE INSERT ON consent.person_link
  FOR EACH ROW WHEN (NEW.contact IS NULL OR NEW.person IS NULL OR NEW.linked IS NULL OR NEW.person = '' OR octet_length(NEW.person) > 1000)
  EXECUTE FUNCTION consent.person_link_refused();
ALTER TABLE consent.person_link ENABLE ALWAYS TRIGGER person_link_refused;
COMMENT ON TRIGGER person_link_refused ON consent.person_link IS 'Says what is missing without printing the address';

CREATE FUNCTION consent.person_link_digest(consent.person_link) RETURNS bytea
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_person_link_digest';
COMMENT ON FUNCTION consent.person_link_digest(consent.person_link) IS
  'SHA-256 of a link, made like consent.event_digest() but beginning with item(''pg_consent link 1'')';

-- Last of the row triggers, by its name.
CREATE FUNCTION consent.take_digest() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_take_digest';
COMMENT ON FUNCTION consent.take_digest() IS
  'Trigger of consent.person_link and consent.erasure: keeps the digest of a row with it; a restored row must match its own (23514)';
REVOKE EXECUTE ON FUNCTION consent.take_digest() FROM PUBLIC;
CREATE TRIGGER take_digest BEFORE INSERT ON consent.person_link
  FOR EACH ROW EXECUTE FUNCTION consent.take_digest('pg_consent link 1');
ALTER TABLE consent.person_link ENABLE ALWAYS TRIGGER take_digest;
COMMENT ON TRIGGER take_digest ON consent.person_link IS 'A changed link is found';

CREATE FUNCTION consent.linked_addresses(address consent.contact) RETURNS SETOF consent.contact
  LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 2
  AS 'MODULE_PATHNAME', 'pg_consent_linked_addresses';
COMMENT ON FUNCTION consent.linked_addresses(consent.contact) IS
  'The other addresses of the persons that this one is linked to';

CREATE FUNCTION consent.link(
  contact consent.contact,
  person text,
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.person_link (contact, person, source, evidence)
  VALUES (link.contact, link.person, link.source, link.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.link(consent.contact, text, text, jsonb) IS
  'Records that a contact is a person''s: an objection or withdrawal under one contact of a person covers all of them, whenever it was made, as the strictest of what is merged; a consent stays with its contact. Returns the event id. consent.unlink() undoes it. Errors: 22004 no contact or person, 23514 empty person, 54000 too many contacts of one person';

CREATE FUNCTION consent.unlink(
  contact consent.contact,
  person text,
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.person_link (contact, person, linked, source, evidence)
  VALUES (unlink.contact, unlink.person, false, unlink.source, unlink.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.unlink(consent.contact, text, text, jsonb) IS
  'Records that a contact is not a person''s after all: what was said under the person''s other contacts no longer covers it. Returns the event id. Errors: 22004 no contact or person, 23514 empty person';
REVOKE EXECUTE ON FUNCTION consent.link(consent.contact, text, text, jsonb), consent.unlink(consent.contact, text, text, jsonb),
  consent.linked_addresses(consent.contact) FROM PUBLIC;
