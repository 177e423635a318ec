
-------------------------------------------------------------------------------
-- ledger: everything a contact or an organisation ever said, append-only.
--
-- The table is the interface: give(), withdraw() and the rest are INSERTs into
-- it, and COPY or INSERT ... SELECT have the same effect and the same checks,
-- because the BEFORE trigger is where they live.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.ledger_record() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_ledger_record';
COMMENT ON FUNCTION consent.ledger_record() IS
  'Trigger of consent.ledger: checks an event and completes it';
REVOKE EXECUTE ON FUNCTION consent.ledger_record() FROM PUBLIC;

CREATE FUNCTION consent.ledger_keep() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_ledger_keep';
COMMENT ON FUNCTION consent.ledger_keep() IS
  'Trigger of consent.ledger: refuses UPDATE, DELETE and TRUNCATE (55000)';
REVOKE EXECUTE ON FUNCTION consent.ledger_keep() FROM PUBLIC;

CREATE SEQUENCE consent.ledger_event_id;
COMMENT ON SEQUENCE consent.ledger_event_id IS 'Numbers the events of consent.ledger';

-- src/ledger/ledger.h knows the columns by number: add new ones at the end.
-- The foreign keys also tell pg_dump to load the vocabulary first.
CREATE TABLE consent.ledger (
  event_id bigint PRIMARY KEY,
  contact consent.contact NOT NULL,
  kind text NOT NULL,
  channels consent.channel[],
  organisation text REFERENCES consent.organisation,
  purpose text REFERENCES consent.purpose,
  method text,
  wording text,
  collected_by text,
  named_organisations text[],
  subscriber consent.subscriber,
  expires_at timestamptz,
  effective_at timestamptz,
  recorded_at timestamptz NOT NULL,
  recorded_by text NOT NULL,
  source text,
  evidence jsonb,
  defects text[]);
ALTER SEQUENCE consent.ledger_event_id OWNED BY consent.ledger.event_id;
CREATE INDEX ledger_contact ON consent.ledger (contact);

COMMENT ON TABLE consent.ledger IS
  'What was said, by whom, when, and when we heard of it. Append-only: rows are never changed or removed; a later event supersedes an earlier one';
COMMENT ON COLUMN consent.ledger.event_id IS
  'Number of the event, in the order of recording. Left out by loaders; only the owner may set it, to restore a dump';
COMMENT ON COLUMN consent.ledger.contact IS 'The one address the event is about';
COMMENT ON COLUMN consent.ledger.kind IS
  'consent, withdrawal (of consent: UK GDPR 7(3)), objection (to direct marketing: UK GDPR 21(2)), or subscriber (who holds the line)';
COMMENT ON COLUMN consent.ledger.channels IS
  'A consent names its channels; a withdrawal or objection without any means every channel';
COMMENT ON COLUMN consent.ledger.organisation IS
  'A consent names its organisation; a withdrawal or objection without one means every organisation';
COMMENT ON COLUMN consent.ledger.purpose IS
  'Of a consent: ''marketing'' unless given. A withdrawal or objection without one means every purpose but service_optional ones';
COMMENT ON COLUMN consent.ledger.method IS
  'How a consent was expressed: ticked_box, clicked_icon, sent_email, sent_text, subscribed, oral, written, double_opt_in; or pre_ticked_box, silence, bundled_terms, condition_of_service, unknown, which are recorded but never count';
COMMENT ON COLUMN consent.ledger.wording IS
  'The words the person saw. A consent without them is consent_unevidenced';
COMMENT ON COLUMN consent.ledger.collected_by IS
  'A third party that collected the consent; then only named_organisations are covered';
COMMENT ON COLUMN consent.ledger.named_organisations IS
  'Organisations the consent names beside its own';
COMMENT ON COLUMN consent.ledger.subscriber IS
  'Of kind subscriber: who holds the line or mailbox. Unknown is treated as individual';
COMMENT ON COLUMN consent.ledger.expires_at IS
  'When a consent ends by itself; it is valid before that moment, not at it';
COMMENT ON COLUMN consent.ledger.effective_at IS
  'When it was said. NULL for a consent: the time is not known, so it is consent_unevidenced; NULL for anything else: in force at once';
COMMENT ON COLUMN consent.ledger.recorded_at IS
  'When we recorded it. Left out by loaders; only the owner may set it, to restore a dump';
COMMENT ON COLUMN consent.ledger.recorded_by IS
  'Session user who recorded it. Left out by loaders; only the owner may set it, to restore a dump';
COMMENT ON COLUMN consent.ledger.source IS 'Where it came from: a form, a call, a file';
COMMENT ON COLUMN consent.ledger.evidence IS 'Anything else that proves it';
COMMENT ON COLUMN consent.ledger.defects IS
  'Reason codes of what is wrong with a consent: those a reviewer gave, and those that follow from method, wording and time';

CREATE TRIGGER ledger_record BEFORE INSERT ON consent.ledger
  FOR EACH ROW EXECUTE FUNCTION consent.ledger_record();
CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.ledger
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
ALTER TABLE consent.ledger ENABLE ALWAYS TRIGGER ledger_record;
ALTER TABLE consent.ledger ENABLE ALWAYS TRIGGER ledger_keep;

SELECT pg_catalog.pg_extension_config_dump('consent.ledger', '');
SELECT pg_catalog.pg_extension_config_dump('consent.ledger_event_id', '');

CREATE FUNCTION consent.give(
  contact consent.contact,
  channels consent.channel[],
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT 'marketing',
  method text DEFAULT 'unknown',
  wording text DEFAULT NULL,
  source text DEFAULT NULL,
  collected_by text DEFAULT NULL,
  named_organisations text[] DEFAULT NULL,
  expires_at timestamptz DEFAULT NULL,
  at timestamptz DEFAULT now(),
  evidence jsonb DEFAULT NULL,
  defects text[] DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, channels, organisation, purpose, method, wording, source,
                              collected_by, named_organisations, expires_at, effective_at, evidence, defects)
  VALUES (give.contact, 'consent', give.channels, give.organisation, give.purpose, give.method, give.wording,
          give.source, give.collected_by, give.named_organisations, give.expires_at, give.at, give.evidence,
          give.defects)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.give(consent.contact, consent.channel[], text, text, text, text, text, text, text[], timestamptz, timestamptz, jsonb, text[]) IS
  'Records that a contact consented, as it happened: what is wrong with it is recorded with it. Returns the event id. Errors: 23503 unknown organisation or purpose, 22004 no channels or organisation, 22023 unknown method or defect';

CREATE FUNCTION consent.withdraw(
  contact consent.contact,
  channels consent.channel[] DEFAULT NULL,
  organisation text DEFAULT NULL,
  purpose text DEFAULT NULL,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  wording text DEFAULT NULL,
  evidence jsonb DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, channels, organisation, purpose, effective_at, source, wording, evidence)
  VALUES (withdraw.contact, 'withdrawal', withdraw.channels, withdraw.organisation, withdraw.purpose, withdraw.at,
          withdraw.source, withdraw.wording, withdraw.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.withdraw(consent.contact, consent.channel[], text, text, timestamptz, text, text, jsonb) IS
  'Records that a contact withdrew consent (UK GDPR 7(3)); NULL channels, organisation or purpose: all of them. Returns the event id. Errors: 22023 a time in the future, 23503 unknown organisation or purpose';

CREATE FUNCTION consent.object(
  contact consent.contact,
  channels consent.channel[] DEFAULT NULL,
  organisation text DEFAULT NULL,
  purpose text DEFAULT NULL,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  wording text DEFAULT NULL,
  evidence jsonb DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, channels, organisation, purpose, effective_at, source, wording, evidence)
  VALUES (object.contact, 'objection', object.channels, object.organisation, object.purpose, object.at,
          object.source, object.wording, object.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.object(consent.contact, consent.channel[], text, text, timestamptz, text, text, jsonb) IS
  'Records that a contact objected to direct marketing (UK GDPR 21(2)); NULL channels, organisation or purpose: all of them. Only a later explicit consent lifts it. Returns the event id. Errors: 22023 a time in the future, 23503 unknown organisation or purpose';

CREATE FUNCTION consent.set_subscriber(
  contact consent.contact,
  subscriber consent.subscriber,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, subscriber, effective_at, source, evidence)
  VALUES (set_subscriber.contact, 'subscriber', set_subscriber.subscriber, set_subscriber.at,
          set_subscriber.source, set_subscriber.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.set_subscriber(consent.contact, consent.subscriber, timestamptz, text, jsonb) IS
  'Records who holds the line or mailbox; until then the contact is protected as an individual. Returns the event id';

-- They run with the caller's rights, so they are useless without INSERT on the
-- ledger; revoking them too makes that plain.
REVOKE EXECUTE ON FUNCTION
  consent.give(consent.contact, consent.channel[], text, text, text, text, text, text, text[], timestamptz, timestamptz, jsonb, text[]),
  consent.withdraw(consent.contact, consent.channel[], text, text, timestamptz, text, text, jsonb),
  consent.object(consent.contact, consent.channel[], text, text, timestamptz, text, text, jsonb),
  consent.set_subscriber(consent.contact, consent.subscriber, timestamptz, text, jsonb)
FROM PUBLIC;
