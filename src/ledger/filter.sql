
-------------------------------------------------------------------------------
-- ledger: the filter by which most verdicts on strangers read nothing.
--
-- Of the ledger's own rows consent.ledger_record() tells it.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.filter_recorded() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_filter_recorded';
COMMENT ON FUNCTION consent.filter_recorded() IS
  'Trigger of consent.person_link and consent.erasure: tells the filter that something is on record of a contact';
REVOKE EXECUTE ON FUNCTION consent.filter_recorded() FROM PUBLIC;

CREATE TRIGGER filter_recorded BEFORE INSERT ON consent.person_link
  FOR EACH ROW EXECUTE FUNCTION consent.filter_recorded();
CREATE TRIGGER filter_recorded BEFORE INSERT ON consent.erasure
  FOR EACH ROW EXECUTE FUNCTION consent.filter_recorded();
ALTER TABLE consent.person_link ENABLE ALWAYS TRIGGER filter_recorded;
ALTER TABLE consent.erasure ENABLE ALWAYS TRIGGER filter_recorded;
COMMENT ON TRIGGER filter_recorded ON consent.person_link IS 'A guard reads what is on record of a contact only if the filter knows of it';
COMMENT ON TRIGGER filter_recorded ON consent.erasure IS 'A guard reads what is on record of a contact only if the filter knows of it';

CREATE FUNCTION consent.fill_filter() RETURNS bigint
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_fill_filter';
COMMENT ON FUNCTION consent.fill_filter() IS
  'Reads the ledger into the filter, by which guards know without reading that nothing is on record of an address. After a start of the server a background worker does it by itself when the first guarded row is written; until then guards read the ledger. Returns the number of rows read. Error: 55000 there is no filter (it takes shared_preload_libraries = ''pg_consent''), or a table or trigger of the ledger is not as it was made';
REVOKE EXECUTE ON FUNCTION consent.fill_filter() FROM PUBLIC;

CREATE FUNCTION consent.filter_state(
  OUT in_use boolean, OUT bytes bigint, OUT share_set double precision, OUT false_hits double precision,
  OUT filled_at timestamptz)
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_filter_state';
COMMENT ON FUNCTION consent.filter_state() IS
  'The filter of this server: do guards of this database use it, how large is it, what share of its bits is set, for what share of strangers is the ledger read all the same (more than 0.02: pg_consent.filter_size is too small), and when was the ledger read into it. All NULL but the first if there is none';
REVOKE EXECUTE ON FUNCTION consent.filter_state() FROM PUBLIC;
