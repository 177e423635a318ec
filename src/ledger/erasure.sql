
-------------------------------------------------------------------------------
-- ledger: erasure (UK GDPR Art 17), and what must outlive it.
--
-- The only way in which events leave the ledger, and every use of it is logged
-- here.  What stays tells nobody who it was about: a keyed digest of the
-- address, so that a new import cannot bring the person's "no" to nothing, and
-- the numbers and digests of the events, so that the seals over them still hold.
-------------------------------------------------------------------------------

CREATE TABLE consent.erasure_key (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  secret bytea NOT NULL CHECK (pg_catalog.length(secret) = 32),
  created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp());
COMMENT ON TABLE consent.erasure_key IS
  'The key of the digests in consent.erasure. For the owner alone: who has it can try addresses one by one. Made with the first erasure; a dump holds it';
COMMENT ON COLUMN consent.erasure_key.one IS 'There is one';
COMMENT ON COLUMN consent.erasure_key.secret IS '32 random bytes';
COMMENT ON COLUMN consent.erasure_key.created_at IS 'When it was made';

CREATE TABLE consent.erasure (
  event_id bigint PRIMARY KEY,
  address_digest bytea NOT NULL,
  effective_at timestamptz NOT NULL,
  erased_at timestamptz NOT NULL,
  erased_by text NOT NULL,
  ground text NOT NULL CHECK (ground IN ('request', 'retention')),
  reason text,
  suppressed boolean NOT NULL,
  events int8multirange NOT NULL,
  digest bytea NOT NULL);
-- src/ledger/erasure.c knows the columns by number.
CREATE INDEX erasure_address ON consent.erasure (address_digest);
COMMENT ON TABLE consent.erasure IS
  'What was erased from the ledger, when and by whom, without saying about whom it was. Append-only';
COMMENT ON COLUMN consent.erasure.event_id IS 'Its number among the events';
COMMENT ON COLUMN consent.erasure.address_digest IS 'HMAC-SHA-256 of the address without its +tag, under consent.erasure_key';
COMMENT ON COLUMN consent.erasure.effective_at IS 'Since when marketing is refused: when the person asked';
COMMENT ON COLUMN consent.erasure.erased_at IS 'When it was done';
COMMENT ON COLUMN consent.erasure.erased_by IS 'Session user who did it';
COMMENT ON COLUMN consent.erasure.ground IS 'request (consent.forget) or retention (consent.expire_contacts)';
COMMENT ON COLUMN consent.erasure.reason IS 'In words; must not name the person';
COMMENT ON COLUMN consent.erasure.suppressed IS
  'Is marketing to the address refused until a new explicit consent? Always after consent.forget(); after consent.expire_contacts() if the person had ever said no';
COMMENT ON COLUMN consent.erasure.events IS 'Numbers of the events that were erased';
COMMENT ON COLUMN consent.erasure.digest IS
  'consent.erasure_digest() of the row when it was recorded. A restored dump brings it, and it must match';

CREATE TABLE consent.erased_event (
  event_id bigint PRIMARY KEY,
  digest bytea NOT NULL);
COMMENT ON TABLE consent.erased_event IS 'What is left of erased events: what seals over them need. Append-only';
COMMENT ON COLUMN consent.erased_event.event_id IS 'Its number';
COMMENT ON COLUMN consent.erased_event.digest IS 'consent.event_digest() of what it was';

CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.erasure
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.erased_event
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
CREATE TRIGGER take_digest BEFORE INSERT ON consent.erasure
  FOR EACH ROW EXECUTE FUNCTION consent.take_digest('pg_consent erasure 1');
ALTER TABLE consent.erasure ENABLE ALWAYS TRIGGER ledger_keep;
ALTER TABLE consent.erasure ENABLE ALWAYS TRIGGER take_digest;
ALTER TABLE consent.erased_event ENABLE ALWAYS TRIGGER ledger_keep;
COMMENT ON TRIGGER ledger_keep ON consent.erasure IS 'What is written stays written';
COMMENT ON TRIGGER ledger_keep ON consent.erased_event IS 'What is written stays written';
COMMENT ON TRIGGER take_digest ON consent.erasure IS 'A changed erasure is found';

SELECT pg_catalog.pg_extension_config_dump('consent.erasure_key', '');
SELECT pg_catalog.pg_extension_config_dump('consent.erasure', '');
SELECT pg_catalog.pg_extension_config_dump('consent.erased_event', '');

CREATE FUNCTION consent.erasure_digest(consent.erasure) RETURNS bytea
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_erasure_digest';
COMMENT ON FUNCTION consent.erasure_digest(consent.erasure) IS
  'SHA-256 of an erasure, made like consent.event_digest() but beginning with item(''pg_consent erasure 1'')';

CREATE FUNCTION consent.forget(contact consent.contact, reason text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS bigint
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_forget';
COMMENT ON FUNCTION consent.forget(consent.contact, text, timestamptz) IS
  'Erases what is held about a contact, all +tag forms of the address: its events, standing, links, unsubscribe links, log entries and quarantined rows, and the address in the findings of audits (UK GDPR 17). Marketing to it, and messages of optional services, stay refused (suppressed) until a new explicit consent, through a keyed digest; a request made before it is over; what other contacts of the same person owe to it stays with them. Returns the number of the row of consent.erasure, also where nothing was held. reason must not name the person; at is when the person asked. Waits for transactions that are recording events or links, and they wait for it. Errors: 22004 no contact, 22023 a time in the future, 25001 isolation level above READ COMMITTED';

CREATE FUNCTION consent.expire_contacts(before timestamptz, reason text, at_most integer DEFAULT 10000) RETURNS bigint
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_expire_contacts';
COMMENT ON FUNCTION consent.expire_contacts(timestamptz, text, integer) IS
  'Retention: erases contacts of which nothing has been recorded, and nothing has taken effect, since a moment. Who had ever said no stays suppressed until a new explicit consent; the others are unknown again. At most so many; returns how many, so call it until it returns 0. Each is logged in consent.erasure with the reason. Errors: 22004 no moment or reason, 22023 a moment in the future';

CREATE FUNCTION consent.erased_digest(contact consent.contact) RETURNS bytea
  LANGUAGE C STABLE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_erased_digest';
COMMENT ON FUNCTION consent.erased_digest(consent.contact) IS
  'What consent.erasure has of an address that was erased; NULL while there is no key. For the owner alone';

-- As the owner: whose an erasure was can only be asked of an address in hand.
CREATE FUNCTION consent.erasures_of(contact consent.contact)
  RETURNS TABLE (event_id bigint, effective_at timestamptz, erased_at timestamptz, ground text, reason text, suppressed boolean)
  LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1
BEGIN ATOMIC
  SELECT e.event_id, e.effective_at, e.erased_at, e.ground, e.reason, e.suppressed
    FROM consent.erasure e
   WHERE e.address_digest = consent.erased_digest(erasures_of.contact)
   ORDER BY e.event_id;
END;
COMMENT ON FUNCTION consent.erasures_of(consent.contact) IS
  'When and why what was held about a contact was erased: what a digest of the address still tells. suppressed: is marketing refused until a new explicit consent?';

REVOKE EXECUTE ON FUNCTION consent.forget(consent.contact, text, timestamptz), consent.expire_contacts(timestamptz, text, integer),
  consent.erased_digest(consent.contact), consent.erasures_of(consent.contact) FROM PUBLIC;
