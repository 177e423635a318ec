
-------------------------------------------------------------------------------
-- ledger: facts about the world that are about no contact.
-------------------------------------------------------------------------------

CREATE TABLE consent.screening (
  register text NOT NULL CHECK (register IN ('tps', 'ctps', 'fps')),
  screened_at timestamptz NOT NULL,
  contact_count bigint CHECK (contact_count >= 0),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (recorded_at >= screened_at),
  recorded_by text NOT NULL DEFAULT session_user,
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
COMMENT ON TABLE consent.screening IS
  'When a register was last screened: how stale is what we know of it? Append-only';
COMMENT ON COLUMN consent.screening.register IS 'tps, ctps or fps';
COMMENT ON COLUMN consent.screening.screened_at IS 'When the file was loaded; good for 28 days';
COMMENT ON COLUMN consent.screening.contact_count IS 'How many numbers it held';
COMMENT ON COLUMN consent.screening.recorded_at IS 'When we recorded it';
COMMENT ON COLUMN consent.screening.recorded_by IS 'Session user who recorded it';
COMMENT ON COLUMN consent.screening.id IS 'What consent.screened() returned';
CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.screening
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
CREATE TRIGGER ledger_keep_row BEFORE UPDATE OR DELETE ON consent.screening
  FOR EACH ROW EXECUTE FUNCTION consent.ledger_keep();
ALTER TABLE consent.screening ENABLE ALWAYS TRIGGER ledger_keep;
ALTER TABLE consent.screening ENABLE ALWAYS TRIGGER ledger_keep_row;
COMMENT ON TRIGGER ledger_keep_row ON consent.screening IS 'What is written stays written, whatever table the statement names';
COMMENT ON TRIGGER ledger_keep ON consent.screening IS 'What is written stays written';
COMMENT ON SEQUENCE consent.screening_id_seq IS 'Numbers the screenings';

CREATE FUNCTION consent.screened(
  register text,
  contact_count bigint DEFAULT NULL,
  at timestamptz DEFAULT now()) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.screening (register, contact_count, screened_at)
  VALUES (screened.register, screened.contact_count, screened.at)
  RETURNING id;
END;
COMMENT ON FUNCTION consent.screened(text, bigint, timestamptz) IS
  'Records that a file of a register was loaded. Live calls need tps and ctps screened within 28 days (register_snapshot_stale); faxes fps, where it has ever been screened. Error 23514: unknown register, or a time in the future';
REVOKE EXECUTE ON FUNCTION consent.screened(text, bigint, timestamptz) FROM PUBLIC;

CREATE TABLE consent.assessment (
  organisation text NOT NULL REFERENCES consent.organisation,
  purpose text NOT NULL DEFAULT 'marketing' REFERENCES consent.purpose,
  channel consent.channel NOT NULL,
  reference text NOT NULL CHECK (reference <> ''),
  assessed_on date NOT NULL DEFAULT consent.london_date(now()),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_on date CHECK (ended_on >= assessed_on),
  end_recorded_at timestamptz,
  CONSTRAINT assessment_end_recorded CHECK ((end_recorded_at IS NULL) = (ended_on IS NULL)));
COMMENT ON TABLE consent.assessment IS
  'Assessments of legitimate interests (UK GDPR 6(1)(f)): on what footing post and list-matched advertising go to people who were not asked. Only those two channels can rest on one';
COMMENT ON COLUMN consent.assessment.organisation IS 'Whose interests';
COMMENT ON COLUMN consent.assessment.purpose IS 'For what; it covers the children of the purpose too';
COMMENT ON COLUMN consent.assessment.channel IS 'By what channel; only post and online_ad have an effect';
COMMENT ON COLUMN consent.assessment.reference IS 'Where the document is kept';
COMMENT ON COLUMN consent.assessment.assessed_on IS 'The day from which it counts (in the United Kingdom)';
COMMENT ON COLUMN consent.assessment.recorded_at IS 'When it was recorded; known_at of evaluate() looks at it';
COMMENT ON COLUMN consent.assessment.ended_on IS 'The first day on which it no longer counts, NULL while it does: all that may be changed, once';
COMMENT ON COLUMN consent.assessment.end_recorded_at IS 'When that was recorded; known_at of evaluate() looks at it. Only the owner may set it, to restore a dump';

CREATE TABLE consent.contractor (
  organisation text NOT NULL REFERENCES consent.organisation,
  sender text NOT NULL REFERENCES consent.organisation,
  contract_reference text NOT NULL CHECK (contract_reference <> ''),
  valid_from date NOT NULL DEFAULT consent.london_date(now()),
  valid_to date CHECK (valid_to >= valid_from),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  end_recorded_at timestamptz,
  PRIMARY KEY (organisation, sender, valid_from),
  CONSTRAINT contractor_end_recorded CHECK ((end_recorded_at IS NULL) = (valid_to IS NULL)));
COMMENT ON TABLE consent.contractor IS
  'Written contracts with those who send on an organisation''s behalf (UK GDPR 28(3)): without one for the day their marketing is refused with no_contract_with_sender';
COMMENT ON COLUMN consent.contractor.organisation IS 'On whose behalf';
COMMENT ON COLUMN consent.contractor.sender IS 'Who sends';
COMMENT ON COLUMN consent.contractor.contract_reference IS 'Where the contract is kept';
COMMENT ON COLUMN consent.contractor.valid_from IS 'Its first day';
COMMENT ON COLUMN consent.contractor.valid_to IS 'Its last day, NULL while it runs: all that may be changed, once';
COMMENT ON COLUMN consent.contractor.recorded_at IS 'When it was recorded; known_at of evaluate() looks at it';
COMMENT ON COLUMN consent.contractor.end_recorded_at IS 'When its last day was recorded; known_at of evaluate() looks at it. Only the owner may set it, to restore a dump';

CREATE FUNCTION consent.end_recorded() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.end_recorded_at := CASE TG_OP WHEN 'INSERT' THEN NEW.recorded_at ELSE clock_timestamp() END;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION consent.end_recorded() IS 'Trigger of consent.assessment and consent.contractor: when was the end recorded?';
REVOKE EXECUTE ON FUNCTION consent.end_recorded() FROM PUBLIC;
CREATE TRIGGER end_recorded BEFORE INSERT OR UPDATE ON consent.assessment
  FOR EACH ROW WHEN (NEW.ended_on IS NOT NULL AND NEW.end_recorded_at IS NULL) EXECUTE FUNCTION consent.end_recorded();
CREATE TRIGGER end_recorded BEFORE INSERT OR UPDATE ON consent.contractor
  FOR EACH ROW WHEN (NEW.valid_to IS NOT NULL AND NEW.end_recorded_at IS NULL) EXECUTE FUNCTION consent.end_recorded();
ALTER TABLE consent.assessment ENABLE ALWAYS TRIGGER end_recorded;
ALTER TABLE consent.contractor ENABLE ALWAYS TRIGGER end_recorded;
COMMENT ON TRIGGER end_recorded ON consent.assessment IS 'Notes when the end was recorded';
COMMENT ON TRIGGER end_recorded ON consent.contractor IS 'Notes when the end was recorded';

CREATE TRIGGER ledger_keep BEFORE DELETE OR TRUNCATE ON consent.assessment
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
CREATE TRIGGER ledger_keep_row BEFORE UPDATE ON consent.assessment
  FOR EACH ROW WHEN (OLD.ended_on IS NOT NULL OR
    ROW(OLD.organisation, OLD.purpose, OLD.channel, OLD.reference, OLD.assessed_on, OLD.recorded_at) IS DISTINCT FROM
    ROW(NEW.organisation, NEW.purpose, NEW.channel, NEW.reference, NEW.assessed_on, NEW.recorded_at))
  EXECUTE FUNCTION consent.ledger_keep();
CREATE TRIGGER ledger_keep BEFORE DELETE OR TRUNCATE ON consent.contractor
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
CREATE TRIGGER ledger_keep_row BEFORE UPDATE ON consent.contractor
  FOR EACH ROW WHEN (OLD.valid_to IS NOT NULL OR
    ROW(OLD.organisation, OLD.sender, OLD.contract_reference, OLD.valid_from, OLD.recorded_at) IS DISTINCT FROM
    ROW(NEW.organisation, NEW.sender, NEW.contract_reference, NEW.valid_from, NEW.recorded_at))
  EXECUTE FUNCTION consent.ledger_keep();
ALTER TABLE consent.assessment ENABLE ALWAYS TRIGGER ledger_keep;
ALTER TABLE consent.assessment ENABLE ALWAYS TRIGGER ledger_keep_row;
ALTER TABLE consent.contractor ENABLE ALWAYS TRIGGER ledger_keep;
ALTER TABLE consent.contractor ENABLE ALWAYS TRIGGER ledger_keep_row;
COMMENT ON TRIGGER ledger_keep ON consent.assessment IS 'What is written stays written';
COMMENT ON TRIGGER ledger_keep_row ON consent.assessment IS 'It can be ended, once';
COMMENT ON TRIGGER ledger_keep ON consent.contractor IS 'What is written stays written';
COMMENT ON TRIGGER ledger_keep_row ON consent.contractor IS 'It can be ended, once';

SELECT pg_catalog.pg_extension_config_dump('consent.screening', '');
SELECT pg_catalog.pg_extension_config_dump('consent.screening_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('consent.assessment', '');
SELECT pg_catalog.pg_extension_config_dump('consent.contractor', '');
