
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
-- The trigger sets "address"; a generated column would have every row made twice.
-- The foreign keys tell pg_dump to load the vocabulary first.
-- It is found by a hash index: that takes two pages for a row that is loaded or an
-- address that is looked up, where a tree would take four.
-- Partitioned by the address, all its +tag forms together, so that each part and
-- its indexes stay small while the whole grows; a verdict reads one part.
CREATE TABLE consent.ledger (
  event_id bigint,
  contact consent.contact NOT NULL,
  kind text NOT NULL,
  channels consent.channel[],
  organisation text REFERENCES consent.organisation,
  purpose text REFERENCES consent.purpose,
  method text,
  wording text,
  product_category text,
  refusal_offered boolean,
  refused boolean,
  relationship text,
  reference text,
  about text,
  collected_by text,
  named_organisations text[],
  subscriber consent.subscriber,
  register text,
  listed_on date,
  delisted_on date,
  expires_at timestamptz,
  effective_at timestamptz DEFAULT now(),
  recorded_at timestamptz NOT NULL,
  recorded_by text NOT NULL,
  source text,
  evidence jsonb,
  defects text[],
  address consent.contact NOT NULL CONSTRAINT ledger_address_of_contact CHECK (address = consent.contact_root(contact)),
  digest bytea NOT NULL,
  PRIMARY KEY (event_id, contact))
  PARTITION BY HASH (contact consent.contact_root_ops);
ALTER SEQUENCE consent.ledger_event_id OWNED BY consent.ledger.event_id;
CREATE INDEX ledger_address ON consent.ledger USING hash (address);
CREATE INDEX ledger_reference ON consent.ledger (reference) WHERE reference IS NOT NULL;

COMMENT ON TABLE consent.ledger IS
  'What was said, by whom, when, and when we heard of it. Append-only: rows are never changed or removed; a later event supersedes an earlier one';
COMMENT ON COLUMN consent.ledger.event_id IS
  'Number of the event, in the order of recording. Left out by loaders; only the owner may set it, to restore a dump';
COMMENT ON COLUMN consent.ledger.contact IS 'The one address the event is about';
COMMENT ON COLUMN consent.ledger.kind IS
  'consent, withdrawal (of consent: UK GDPR 7(3)), objection (to direct marketing: UK GDPR 21(2)), non_objection (to calls although listed: PECR reg 21(4)), soft_opt_in (details collected in a sale or as support: PECR reg 22(3), 22(3A)), request (for particular information), answer (to it), contacted (first contact made elsewhere), suppression, unsuppression, subscriber (who holds the line), or listing (on a register)';
COMMENT ON COLUMN consent.ledger.channels IS
  'A consent or request names its channels; a withdrawal, objection or suppression without any means every channel';
COMMENT ON COLUMN consent.ledger.organisation IS
  'Whom it concerns; a withdrawal, objection or suppression without one means every organisation';
COMMENT ON COLUMN consent.ledger.purpose IS
  'Of a consent: ''marketing'' unless given. A withdrawal or objection without one means every purpose but service_optional ones';
COMMENT ON COLUMN consent.ledger.method IS
  'How a consent was expressed: ticked_box, clicked_icon, sent_email, sent_text, subscribed, oral, written, double_opt_in; or pre_ticked_box, silence, bundled_terms, condition_of_service, unknown, which are recorded but never count';
COMMENT ON COLUMN consent.ledger.wording IS
  'The words the person saw. A consent without them is consent_unevidenced';
COMMENT ON COLUMN consent.ledger.product_category IS
  'Of a soft opt-in: what was sold. It serves sends of the same category; without one it serves none';
COMMENT ON COLUMN consent.ledger.refusal_offered IS
  'Of a soft opt-in: was a simple means of refusing offered when the details were collected? Not known counts as no';
COMMENT ON COLUMN consent.ledger.refused IS
  'Of a soft opt-in: did the person refuse then? Not known counts as yes for this one; a recorded yes also bars every other of that organisation until a consent';
COMMENT ON COLUMN consent.ledger.relationship IS
  'Of a soft opt-in: sale (unless given), negotiation, support (of a charity''s purposes), or client_relationship (pensions)';
COMMENT ON COLUMN consent.ledger.reference IS
  'Of a request and its answer: what both are known by';
COMMENT ON COLUMN consent.ledger.about IS
  'Of a request: what was asked for; of a suppression: why';
COMMENT ON COLUMN consent.ledger.register IS
  'Of a listing: tps, ctps or fps';
COMMENT ON COLUMN consent.ledger.listed_on IS
  'Of a listing: its first day (in the United Kingdom). It counts from 28 days later';
COMMENT ON COLUMN consent.ledger.delisted_on IS
  'Of a listing: the day from which the number is no longer listed. A listing recorded again with the same listed_on replaces the earlier record';
COMMENT ON COLUMN consent.ledger.address IS
  'The contact without its +tag: an objection under one form reaches all forms';
COMMENT ON COLUMN consent.ledger.collected_by IS
  'A third party that collected the consent; then only named_organisations are covered';
COMMENT ON COLUMN consent.ledger.named_organisations IS
  'Organisations the consent names beside its own';
COMMENT ON COLUMN consent.ledger.subscriber IS
  'Of kind subscriber: who holds the line or mailbox. Unknown is treated as individual';
COMMENT ON COLUMN consent.ledger.expires_at IS
  'When a consent or a request ends by itself; it is good before that moment, not at it';
COMMENT ON COLUMN consent.ledger.effective_at IS
  'When it was said; now() if the column is left out. NULL, not known: what stands against a message is in force at once, what speaks for one never (a consent is consent_unevidenced)';
COMMENT ON COLUMN consent.ledger.recorded_at IS
  'When we recorded it. Left out by loaders; only the owner may set it, to restore a dump';
COMMENT ON COLUMN consent.ledger.recorded_by IS
  'Session user who recorded it. Left out by loaders; only the owner may set it, to restore a dump';
COMMENT ON COLUMN consent.ledger.source IS 'Where it came from: a form, a call, a file';
COMMENT ON COLUMN consent.ledger.evidence IS 'Anything else that proves it';
COMMENT ON COLUMN consent.ledger.digest IS
  'consent.event_digest() of the row when it was recorded: SHA-256. Left out by loaders; a restored dump brings it, and it must match';
COMMENT ON COLUMN consent.ledger.defects IS
  'Reason codes of what is wrong with a consent: those a reviewer gave, and those that follow from method, wording and time';

CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.ledger
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
COMMENT ON TRIGGER ledger_keep ON consent.ledger IS 'What is written stays written';
ALTER TABLE consent.ledger ENABLE ALWAYS TRIGGER ledger_keep;

-- Row triggers are made on each partition, not cloned from the whole: after a
-- cloned one PostgreSQL checks for every row that it stays in its partition.
-- Ours never changes the contact.
--
-- The checks of the foreign keys on this side are switched off: ledger_record
-- makes them, the vocabulary never loses a row, and a third of the time that a
-- bulk load takes is theirs.
DO $$
DECLARE
  part text;
BEGIN
  FOR i IN 0..15 LOOP
    part := pg_catalog.format('consent.ledger_%s', pg_catalog.lpad(i::text, 2, '0'));
    EXECUTE pg_catalog.format('CREATE TABLE %s PARTITION OF consent.ledger FOR VALUES WITH (MODULUS 16, REMAINDER %s)', part, i);
    EXECUTE pg_catalog.format('COMMENT ON TABLE %s IS %L', part, 'A part of consent.ledger, by address');
    EXECUTE pg_catalog.format('CREATE TRIGGER ledger_record BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION consent.ledger_record()', part);
    EXECUTE pg_catalog.format('COMMENT ON TRIGGER ledger_record ON %s IS %L', part, 'Checks and completes an event');
    EXECUTE pg_catalog.format('CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep()', part);
    EXECUTE pg_catalog.format('COMMENT ON TRIGGER ledger_keep ON %s IS %L', part, 'What is written stays written');
    EXECUTE pg_catalog.format('CREATE TRIGGER ledger_keep_row BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION consent.ledger_keep()', part);
    EXECUTE pg_catalog.format('COMMENT ON TRIGGER ledger_keep_row ON %s IS %L', part, 'What is written stays written, whatever table the statement names');
    EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER ALL, ENABLE ALWAYS TRIGGER ledger_record, ENABLE ALWAYS TRIGGER ledger_keep, ENABLE ALWAYS TRIGGER ledger_keep_row', part);
    PERFORM pg_catalog.pg_extension_config_dump(part::regclass, '');
  END LOOP;
END $$;
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
  evidence jsonb DEFAULT NULL,
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, subscriber, effective_at, source, wording, evidence)
  VALUES (set_subscriber.contact, 'subscriber', set_subscriber.subscriber, set_subscriber.at,
          set_subscriber.source, set_subscriber.wording, set_subscriber.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.set_subscriber(consent.contact, consent.subscriber, timestamptz, text, jsonb, text) IS
  'Records who holds the line or mailbox; until then, and by a corporate one of unknown time, the contact is protected as an individual. Returns the event id';

CREATE FUNCTION consent.soft_opt_in(
  contact consent.contact,
  organisation text DEFAULT consent.default_organisation(),
  product_category text DEFAULT NULL,
  refusal_offered boolean DEFAULT NULL,
  refused boolean DEFAULT NULL,
  kind text DEFAULT 'sale',
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  wording text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  collected_by text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, organisation, product_category, refusal_offered, refused, relationship,
                              effective_at, source, wording, evidence, collected_by)
  VALUES (soft_opt_in.contact, 'soft_opt_in', soft_opt_in.organisation, soft_opt_in.product_category,
          soft_opt_in.refusal_offered, soft_opt_in.refused, soft_opt_in.kind, soft_opt_in.at, soft_opt_in.source,
          soft_opt_in.wording, soft_opt_in.evidence, soft_opt_in.collected_by)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.soft_opt_in(consent.contact, text, text, boolean, boolean, text, timestamptz, text, text, jsonb, text) IS
  'Records that details were collected in a sale or its negotiation (PECR reg 22(3)), with support for a charity (kind support: reg 22(3A)), or of a pensions client (kind client_relationship: reg 21B), and whether a refusal was offered and used. Returns the event id';

CREATE FUNCTION consent.request(
  contact consent.contact,
  organisation text DEFAULT consent.default_organisation(),
  channel consent.channel DEFAULT NULL,
  reference text DEFAULT NULL,
  about text DEFAULT NULL,
  until timestamptz DEFAULT NULL,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  wording text DEFAULT NULL,
  evidence jsonb DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, organisation, channels, reference, about, expires_at, effective_at, source, wording, evidence)
  VALUES (request.contact, 'request', request.organisation,
          CASE WHEN request.channel IS NOT NULL THEN ARRAY[request.channel] END,
          request.reference, request.about, request.until, request.at, request.source, request.wording, request.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.request(consent.contact, text, consent.channel, text, text, timestamptz, timestamptz, text, text, jsonb) IS
  'Records that a contact asked an organisation for particular information, to be sent by this channel; a message of class solicited_response with the same reference is then allowed, until it is answered or until has passed. Returns the event id. Error 22004: channel or reference missing';

CREATE FUNCTION consent.answered(
  reference text,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  organisation text DEFAULT consent.default_organisation(),
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  WITH answer AS (
    INSERT INTO consent.ledger (contact, kind, organisation, reference, effective_at, source, wording, evidence)
    SELECT DISTINCT r.contact, 'answer', r.organisation, r.reference, answered.at, answered.source, answered.wording, answered.evidence
      FROM consent.ledger r
     WHERE r.kind = 'request' AND r.reference = answered.reference
       AND (answered.organisation IS NULL OR r.organisation = answered.organisation)
    RETURNING event_id)
  SELECT max(event_id) FROM answer;
END;
COMMENT ON FUNCTION consent.answered(text, timestamptz, text, jsonb, text, text) IS
  'Records that the requests with this reference, to this organisation or, NULL, to any, have been answered: the next message is unsolicited. Returns the event id, NULL if there is no such request';

CREATE FUNCTION consent.contacted(
  contact consent.contact,
  organisation text DEFAULT consent.default_organisation(),
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, organisation, effective_at, source, wording, evidence)
  VALUES (contacted.contact, 'contacted', contacted.organisation, contacted.at, contacted.source, contacted.wording, contacted.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.contacted(consent.contact, text, timestamptz, text, jsonb, text) IS
  'Records that first contact under a third party''s consent was made, elsewhere; within six months of the consent it keeps the consent from going stale. Returns the event id';

CREATE FUNCTION consent.non_objection(
  contact consent.contact,
  organisation text DEFAULT consent.default_organisation(),
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  wording text DEFAULT NULL,
  evidence jsonb DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, organisation, effective_at, source, wording, evidence)
  VALUES (non_objection.contact, 'non_objection', non_objection.organisation, non_objection.at, non_objection.source,
          non_objection.wording, non_objection.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.non_objection(consent.contact, text, timestamptz, text, text, jsonb) IS
  'Records that a subscriber does not object to this caller''s calls although the number is on a register (PECR reg 21(4)). Returns the event id';

CREATE FUNCTION consent.suppress(
  contact consent.contact,
  reason text DEFAULT NULL,
  organisation text DEFAULT NULL,
  channels consent.channel[] DEFAULT NULL,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, about, organisation, channels, effective_at, source, wording, evidence)
  VALUES (suppress.contact, 'suppression', suppress.reason, suppress.organisation, suppress.channels, suppress.at,
          suppress.source, suppress.wording, suppress.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.suppress(consent.contact, text, text, consent.channel[], timestamptz, text, jsonb, text) IS
  'Puts a contact on the do-not-contact list (a bounce, a complaint); NULL organisation or channels: all. Not even a consent lifts it, only unsuppress(). Returns the event id';

CREATE FUNCTION consent.unsuppress(
  contact consent.contact,
  reason text DEFAULT NULL,
  organisation text DEFAULT NULL,
  channels consent.channel[] DEFAULT NULL,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, about, organisation, channels, effective_at, source, wording, evidence)
  VALUES (unsuppress.contact, 'unsuppression', unsuppress.reason, unsuppress.organisation, unsuppress.channels,
          unsuppress.at, unsuppress.source, unsuppress.wording, unsuppress.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.unsuppress(consent.contact, text, text, consent.channel[], timestamptz, text, jsonb, text) IS
  'Takes a contact off the do-not-contact list, for the sends it covers. Returns the event id';

CREATE FUNCTION consent.list_on_register(
  contact consent.contact,
  register text,
  listed_on date,
  delisted_on date DEFAULT NULL,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, register, listed_on, delisted_on, effective_at, source, wording, evidence)
  VALUES (list_on_register.contact, 'listing', list_on_register.register, list_on_register.listed_on,
          list_on_register.delisted_on, list_on_register.at, list_on_register.source, list_on_register.wording, list_on_register.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.list_on_register(consent.contact, text, date, date, timestamptz, text, jsonb, text) IS
  'Records that a number is on the Telephone (tps), Corporate Telephone (ctps) or Fax (fps) Preference Service from listed_on to delisted_on, which alone decide whether it counts; at is when that was learnt. Returns the event id. Error 22023: not a telephone number, unknown register';

-- They run with the caller's rights, so they are useless without INSERT on the
-- ledger; revoking them too makes that plain.
REVOKE EXECUTE ON FUNCTION
  consent.give(consent.contact, consent.channel[], text, text, text, text, text, text, text[], timestamptz, timestamptz, jsonb, text[]),
  consent.withdraw(consent.contact, consent.channel[], text, text, timestamptz, text, text, jsonb),
  consent.object(consent.contact, consent.channel[], text, text, timestamptz, text, text, jsonb),
  consent.set_subscriber(consent.contact, consent.subscriber, timestamptz, text, jsonb, text),
  consent.soft_opt_in(consent.contact, text, text, boolean, boolean, text, timestamptz, text, text, jsonb, text),
  consent.request(consent.contact, text, consent.channel, text, text, timestamptz, timestamptz, text, text, jsonb),
  consent.answered(text, timestamptz, text, jsonb, text, text),
  consent.contacted(consent.contact, text, timestamptz, text, jsonb, text),
  consent.non_objection(consent.contact, text, timestamptz, text, text, jsonb),
  consent.suppress(consent.contact, text, text, consent.channel[], timestamptz, text, jsonb, text),
  consent.unsuppress(consent.contact, text, text, consent.channel[], timestamptz, text, jsonb, text),
  consent.list_on_register(consent.contact, text, date, date, timestamptz, text, jsonb, text)
FROM PUBLIC;
