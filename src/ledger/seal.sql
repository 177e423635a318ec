
-------------------------------------------------------------------------------
-- ledger: proof that nothing was changed.
--
-- digest.c says how to come to a digest without us, seal.c what is found by
-- what.  Nothing in the database can keep its owner from making a different
-- database: that is found only against a seal's digest that was kept elsewhere.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.event_digest(consent.ledger) RETURNS bytea
  LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100
  AS 'MODULE_PATHNAME', 'pg_consent_event_digest';
COMMENT ON FUNCTION consent.event_digest(consent.ledger) IS
  'SHA-256 of an event: of item(''pg_consent event 1''), then item(name) and item(value) for each column that is not NULL, in order, but for digest and address. item(s) is the length of s in bytes, a colon, and s; a value is what psql shows in UTF-8, timezone UTC and datestyle ISO';

CREATE TABLE consent.seal (
  number bigint PRIMARY KEY,
  sealed_at timestamptz NOT NULL,
  sealed_by text NOT NULL,
  events bigint NOT NULL,
  covered int8multirange NOT NULL,
  contents bytea NOT NULL,
  previous bytea,
  digest bytea NOT NULL);
COMMENT ON TABLE consent.seal IS
  'What consent.seal() has sealed. Append-only; publish the digest of the last one, or keep it where nobody who can change this database can change it';
COMMENT ON COLUMN consent.seal.number IS 'Seals are numbered from 1 without holes';
COMMENT ON COLUMN consent.seal.sealed_at IS 'When it was made';
COMMENT ON COLUMN consent.seal.sealed_by IS 'Session user who made it';
COMMENT ON COLUMN consent.seal.events IS 'How many events it covers';
COMMENT ON COLUMN consent.seal.covered IS 'Which: their event ids';
COMMENT ON COLUMN consent.seal.contents IS 'SHA-256 of their digests, one after another in order of event id';
COMMENT ON COLUMN consent.seal.previous IS 'Digest of the seal before, NULL for the first';
COMMENT ON COLUMN consent.seal.digest IS 'consent.seal_digest() of this row: it stands for this seal, its events, and all before it';

CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.seal
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
CREATE TRIGGER ledger_keep_row BEFORE UPDATE OR DELETE ON consent.seal
  FOR EACH ROW EXECUTE FUNCTION consent.ledger_keep();
ALTER TABLE consent.seal ENABLE ALWAYS TRIGGER ledger_keep;
ALTER TABLE consent.seal ENABLE ALWAYS TRIGGER ledger_keep_row;
COMMENT ON TRIGGER ledger_keep ON consent.seal IS 'What is written stays written';
COMMENT ON TRIGGER ledger_keep_row ON consent.seal IS 'What is written stays written, whatever table the statement names';
SELECT pg_catalog.pg_extension_config_dump('consent.seal', '');

CREATE FUNCTION consent.seal_digest(consent.seal) RETURNS bytea
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_seal_digest';
COMMENT ON FUNCTION consent.seal_digest(consent.seal) IS
  'SHA-256 of a seal, made like consent.event_digest() but beginning with item(''pg_consent seal 1'')';

CREATE FUNCTION consent.seal() RETURNS bigint
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_seal';
COMMENT ON FUNCTION consent.seal() IS
  'Seals every event that is visible and not sealed yet. Returns the number of the new row of consent.seal, NULL if there was nothing to seal. Needs no right to the tables. Waits for another seal() to commit; above READ COMMITTED it then fails (23505) and is to be tried again';
REVOKE EXECUTE ON FUNCTION consent.seal() FROM PUBLIC;

CREATE FUNCTION consent.standing_events(consent.standing, OUT event_id bigint, OUT digest bytea) RETURNS SETOF record
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 3
  AS 'MODULE_PATHNAME', 'pg_consent_standing_events';
COMMENT ON FUNCTION consent.standing_events(consent.standing) IS
  'The events that a standing is made of, with the first 16 bytes of their digests';

CREATE FUNCTION consent.broken_seals() RETURNS TABLE (event_id bigint, problem text)
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_broken_seals';
COMMENT ON FUNCTION consent.broken_seals() IS
  'The part of consent.verify_ledger() that compares seals with their events. Needs SELECT on consent.ledger, consent.sealable and consent.seal';

CREATE FUNCTION consent.verify_ledger(expected_seal bytea DEFAULT NULL)
  RETURNS TABLE (event_id bigint, problem text)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT l.event_id, CASE WHEN l.address = consent.contact_root(l.contact)
                          THEN 'changed: it does not match its digest'
                          ELSE 'changed: its address is not that of its contact' END
    FROM consent.ledger l
   WHERE l.digest IS DISTINCT FROM consent.event_digest(l)
      OR l.address IS DISTINCT FROM consent.contact_root(l.contact)
  UNION ALL
  SELECT COALESCE(l.event_id, (s.event).event_id),
         CASE WHEN l.event_id IS NULL THEN 'missing: the standing of its contact counts it'
              WHEN s.event IS NULL THEN 'added: the standing of its contact does not count it'
              ELSE 'changed: the standing of its contact counts another event of this number' END
    FROM consent.ledger l
    FULL JOIN (SELECT a.address, consent.standing_events(a.standing) AS event
                 FROM consent.address_standing a) s
      ON (s.event).event_id = l.event_id
   WHERE l.event_id IS NULL OR s.event IS NULL OR s.address <> l.address
      OR (s.event).digest IS DISTINCT FROM substr(l.digest, 1, 16)
  UNION ALL
  SELECT b.event_id, b.problem
    FROM consent.broken_seals() b
  UNION ALL
  SELECT NULL, format('seal %s was changed: it does not match its digest', s.number)
    FROM consent.seal s
   WHERE s.digest IS DISTINCT FROM consent.seal_digest(s)
  UNION ALL
  SELECT NULL, CASE WHEN s.number = s.number_before + 1
                    THEN format('seal %s does not follow the seal before it', s.number)
                    ELSE format('seals are missing before seal %s', s.number) END
    FROM (SELECT c.number, c.previous, COALESCE(lag(c.number) OVER o, 0) AS number_before, lag(c.digest) OVER o AS digest_before
            FROM consent.seal c
          WINDOW o AS (ORDER BY c.number)) s
   WHERE s.number <> s.number_before + 1 OR s.previous IS DISTINCT FROM s.digest_before
  UNION ALL
  SELECT NULL, 'no seal has the expected digest: seals were removed or made anew'
   WHERE verify_ledger.expected_seal IS NOT NULL
     AND NOT EXISTS (SELECT FROM consent.seal e WHERE e.digest = verify_ledger.expected_seal)
  ORDER BY 1 NULLS LAST, 2;
END;
COMMENT ON FUNCTION consent.verify_ledger(bytea) IS
  'What is wrong with the ledger? No rows: nothing. The first row names the first event that was changed, removed or added; event_id is NULL where a seal is wrong. expected_seal is the digest of a seal that was kept elsewhere: only that shows that seals were removed from the end, or made anew. Needs SELECT on consent.ledger, consent.address_standing, consent.sealable and consent.seal';
REVOKE EXECUTE ON FUNCTION consent.verify_ledger(bytea) FROM PUBLIC;
