
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

-- What a verdict rests on beside the ledger.  Its tables are read when a seal is
-- made, and not told by triggers, which a restored dump would fire again.  Each
-- is taken apart into what never changes: an organisation into its versions, and
-- the end of an assessment or a contract is a fact of its own.  Policies that
-- everybody has are made by the install script, at another time in each database.
-- Keys and contents must be the same in every session, after every restore and in
-- every later version: leave out a new column where it has its default.
CREATE FUNCTION consent.fact_digest(record) RETURNS bytea
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_fact_digest';
COMMENT ON FUNCTION consent.fact_digest(record) IS
  'SHA-256 of a row, made like consent.event_digest() but beginning with item(''pg_consent fact 1'')';

CREATE VIEW consent.fact AS
  SELECT 'organisation' AS relation, ARRAY[f.name, f.version::text] AS key, consent.fact_digest(f) AS contents
    FROM (SELECT o.name, o.id, row_number() OVER in_time AS version, lag(v.until) OVER in_time AS since,
                 v.jurisdiction, v.is_charity, v.pensions_authorised
            FROM consent.organisation o,
                 LATERAL (SELECT h.until, h.jurisdiction, h.is_charity, h.pensions_authorised
                            FROM consent.organisation_history h WHERE h.id = o.id
                          UNION ALL
                          SELECT 'infinity', o.jurisdiction, o.is_charity, o.pensions_authorised) v
          WINDOW in_time AS (PARTITION BY o.id ORDER BY v.until)) f
  UNION ALL
  SELECT 'purpose', ARRAY[p.name], consent.fact_digest(p) FROM consent.purpose p
  UNION ALL
  SELECT 'policy', ARRAY[f.jurisdiction, f.version::text], consent.fact_digest(f)
    FROM (SELECT p.jurisdiction, p.version, p.valid_from, p.law, p.opt_out_individual, p.opt_out_corporate, p.registers, p.soft_opt_in,
                 p.soft_opt_in_sale_months, p.soft_opt_in_negotiation_months, p.charity_soft_opt_in_from, p.double_opt_in,
                 p.consent_months, p.third_party_months, p.listing_days, p.screening_days, p.certainty, p.source, p.not_judged,
                 CASE WHEN p.version > 1 THEN p.recorded_at END AS recorded_at
            FROM consent.policy p) f
  UNION ALL
  SELECT 'screening', ARRAY[s.register, s.id::text], consent.fact_digest(s) FROM consent.screening s
  UNION ALL
  SELECT 'wording', ARRAY[w.name, w.version::text, w.language], consent.fact_digest(w) FROM consent.wording w
  UNION ALL
  SELECT 'contract', ARRAY[f.organisation, f.sender, to_char(f.valid_from, 'YYYY-MM-DD')], consent.fact_digest(f)
    FROM (SELECT c.organisation, c.sender, c.contract_reference, c.valid_from, c.recorded_at FROM consent.contractor c) f
  UNION ALL
  SELECT 'end of contract', ARRAY[f.organisation, f.sender, to_char(f.valid_from, 'YYYY-MM-DD')], consent.fact_digest(f)
    FROM (SELECT c.organisation, c.sender, c.valid_from, c.valid_to, c.end_recorded_at FROM consent.contractor c WHERE c.valid_to IS NOT NULL) f
  UNION
  SELECT 'assessment', ARRAY[f.organisation, f.purpose, f.channel::text, f.reference, to_char(f.assessed_on, 'YYYY-MM-DD'),
                             to_char(f.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')], consent.fact_digest(f)
    FROM (SELECT a.organisation, a.purpose, a.channel, a.reference, a.assessed_on, a.recorded_at FROM consent.assessment a) f
  UNION
  SELECT 'end of assessment', ARRAY[f.organisation, f.purpose, f.channel::text, f.reference, to_char(f.assessed_on, 'YYYY-MM-DD'),
                                    to_char(f.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')], consent.fact_digest(f)
    FROM (SELECT a.* FROM consent.assessment a WHERE a.ended_on IS NOT NULL) f;
COMMENT ON VIEW consent.fact IS
  'What verdicts rest on beside the ledger, in pieces that never change: organisations in their versions, purposes, policies, screenings, wordings, contracts and assessments, and the ends of these';
COMMENT ON COLUMN consent.fact.relation IS 'What it is';
COMMENT ON COLUMN consent.fact.key IS 'Which one';
COMMENT ON COLUMN consent.fact.contents IS 'consent.fact_digest() of it';

CREATE TABLE consent.sealed_fact (
  event_id bigint PRIMARY KEY,
  relation text NOT NULL,
  key text[] NOT NULL,
  contents bytea NOT NULL,
  UNIQUE (relation, key));
COMMENT ON TABLE consent.sealed_fact IS
  'Rows of consent.fact as they were when they were first sealed. Written by consent.seal(), append-only: consent.verify_ledger() compares';
COMMENT ON COLUMN consent.sealed_fact.event_id IS 'Its number among the events';
COMMENT ON COLUMN consent.sealed_fact.relation IS 'As in consent.fact';
COMMENT ON COLUMN consent.sealed_fact.key IS 'As in consent.fact';
COMMENT ON COLUMN consent.sealed_fact.contents IS 'As in consent.fact, then';
CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.sealed_fact
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
ALTER TABLE consent.sealed_fact ENABLE ALWAYS TRIGGER ledger_keep;
COMMENT ON TRIGGER ledger_keep ON consent.sealed_fact IS 'What is written stays written';
SELECT pg_catalog.pg_extension_config_dump('consent.sealed_fact', '');

CREATE VIEW consent.sealable AS
  SELECT l.event_id, l.digest FROM consent.ledger l
  UNION ALL
  SELECT e.event_id, e.digest FROM consent.erased_event e
  UNION ALL
  SELECT e.event_id, consent.erasure_digest(e) FROM consent.erasure e
  UNION ALL
  SELECT k.event_id, consent.person_link_digest(k) FROM consent.person_link k
  UNION ALL
  SELECT f.event_id, consent.fact_digest(f) FROM consent.sealed_fact f;
COMMENT ON VIEW consent.sealable IS
  'What seals cover: events, what is left of erased ones, the erasures, the links of contacts to persons, and the facts that verdicts rest on beside them';
COMMENT ON COLUMN consent.sealable.event_id IS 'Its number';
COMMENT ON COLUMN consent.sealable.digest IS 'Its digest';

CREATE FUNCTION consent.seal() RETURNS bigint
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_seal';
COMMENT ON FUNCTION consent.seal() IS
  'Seals every event that is visible and not sealed yet, and with them what verdicts rest on beside the ledger (consent.fact). Returns the number of the new row of consent.seal, NULL if there was nothing to seal. Needs no right to the tables. Waits for another seal() to commit; above READ COMMITTED it then fails (23505) and is to be tried again';
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
  SELECT k.event_id, 'changed: the link does not match its digest'
    FROM consent.person_link k
   WHERE k.digest IS DISTINCT FROM consent.person_link_digest(k)
  UNION ALL
  SELECT e.event_id, 'changed: the erasure does not match its digest'
    FROM consent.erasure e
   WHERE e.digest IS DISTINCT FROM consent.erasure_digest(e)
  UNION ALL
  SELECT n, d.problem
    FROM (SELECT COALESCE(range_agg(e.events), '{}') AS events FROM consent.erasure e) counted,
         (SELECT COALESCE(range_agg(int8range(x.event_id, x.event_id, '[]')), '{}') AS events FROM consent.erased_event x) left_over,
         LATERAL (VALUES ('missing: what is left of it; an erasure counts it', counted.events - left_over.events),
                         ('missing: the erasure of it', left_over.events - counted.events)) d(problem, events),
         unnest(d.events) r, generate_series(lower(r), upper(r) - 1) n
  UNION ALL
  SELECT b.event_id, b.problem
    FROM consent.broken_seals() b
  UNION ALL
  SELECT k.event_id, format(CASE WHEN f.relation IS NULL THEN 'missing: the %s (%s), which was sealed'
                                 ELSE 'changed: the %s (%s) is not as it was sealed' END,
                            k.relation, array_to_string(k.key, ', '))
    FROM consent.sealed_fact k LEFT JOIN consent.fact f ON f.relation = k.relation AND f.key = k.key
   WHERE f.contents IS DISTINCT FROM k.contents
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
  'What is wrong with the ledger, and with what verdicts rest on beside it? No rows: nothing. The first row names the first event, link or erasure that was changed, removed or added, or the first fact that was sealed and is not there, or not so (consent.sealed_fact has its number); event_id is NULL where a seal is wrong. expected_seal is the digest of a seal that was kept elsewhere: only that shows that seals were removed from the end, or made anew. Needs SELECT on consent.ledger, consent.address_standing, consent.person_link, consent.erasure, consent.erased_event, consent.sealable, consent.seal, consent.fact and consent.sealed_fact';
REVOKE EXECUTE ON FUNCTION consent.verify_ledger(bytea) FROM PUBLIC;
