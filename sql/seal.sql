-- Digests, seals, and what verify_ledger() finds.  Tampering is test/t/030_ledger.pl.
LOAD 'pg_consent';
\set SHOW_CONTEXT never
SET timezone = 'Europe/London';
INSERT INTO consent.organisation (name) VALUES ('seal "acme", {Ltd}');

-- The digest of an event follows from what its columns show, by the formula of
-- consent.event_digest()'s comment, here in SQL.
CREATE FUNCTION seal_item(s text) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT octet_length(convert_to(s, 'UTF8')) || ':' || s $$;
CREATE FUNCTION seal_recompute(l consent.ledger) RETURNS bytea LANGUAGE sql STABLE
  SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
  SELECT sha256(convert_to(seal_item('pg_consent event 1') || string_agg(seal_item(name) || seal_item(value), '' ORDER BY n), 'UTF8'))
    FROM (VALUES (1, 'event_id', format('%s', l.event_id)), (2, 'contact', format('%s', l.contact)), (3, 'kind', l.kind),
                 (4, 'channels', nullif(format('%s', l.channels), '')), (5, 'organisation', l.organisation),
                 (6, 'purpose', l.purpose), (7, 'method', l.method), (8, 'wording', l.wording),
                 (9, 'product_category', l.product_category), (10, 'refusal_offered', nullif(format('%s', l.refusal_offered), '')),
                 (11, 'refused', nullif(format('%s', l.refused), '')), (12, 'relationship', l.relationship),
                 (13, 'reference', l.reference), (14, 'about', l.about), (15, 'collected_by', l.collected_by),
                 (16, 'named_organisations', nullif(format('%s', l.named_organisations), '')),
                 (17, 'subscriber', nullif(format('%s', l.subscriber), '')), (18, 'register', l.register),
                 (19, 'listed_on', nullif(format('%s', l.listed_on), '')), (20, 'delisted_on', nullif(format('%s', l.delisted_on), '')),
                 (21, 'expires_at', nullif(format('%s', l.expires_at), '')), (22, 'effective_at', nullif(format('%s', l.effective_at), '')),
                 (23, 'recorded_at', format('%s', l.recorded_at)), (24, 'recorded_by', l.recorded_by), (25, 'source', l.source),
                 (26, 'evidence', nullif(format('%s', l.evidence), '')), (27, 'defects', nullif(format('%s', l.defects), '')))
         AS f (n, name, value)
   WHERE value IS NOT NULL $$;
SELECT consent.give('jo@seal.example', '{email,sms}', 'seal "acme", {Ltd}', method => 'pre_ticked_box', wording => 'Ja, bitte: £5 für 3 €',
                    source => '', collected_by => 'broker', named_organisations => ARRAY['seal "acme", {Ltd}'],
                    expires_at => 'infinity', at => '2026-06-30 23:59:59.5+01', evidence => '{"b": 1.50, "a": [null, "x"]}') > 0 AS recorded;
SELECT consent.soft_opt_in('jo@seal.example', 'seal "acme", {Ltd}', product_category => 'boilers', refusal_offered => true,
                           refused => false, at => '0044-03-15 12:00+00 BC') > 0 AS recorded;
SELECT consent.set_subscriber('jo@seal.example', 'sole_trader', at => '2026-01-01') > 0 AS recorded;
SELECT consent.list_on_register('+442079460000', 'tps', '0001-12-31 BC', delisted_on => 'infinity', at => '2026-01-01') > 0 AS recorded;
SELECT kind, digest = seal_recompute(l) AS recomputed, digest = consent.event_digest(l) AS own, octet_length(digest)
  FROM consent.ledger l WHERE contact IN ('jo@seal.example', '+442079460000') ORDER BY event_id;
-- Whatever the time; days of which another time came before are written another way.
SELECT t, bool_and(consent.event_digest(l) = seal_recompute(l)) AS recomputed, count(*)
  FROM unnest(ARRAY['-infinity', '4714-11-24 00:00+00 BC', '1969-07-20 20:17:40+00', '1999-12-31 23:59:59.999999+00', '2000-01-01 00:00+00',
                    '2026-03-01 00:00:00.1+00', '2026-03-01 09:08:07.000001+00', '2026-03-01 23:59:59.99999+00', '2028-12-19 10:20:30.05+00',
                    '9999-12-31 12:00+00', '10000-01-01 12:00+00', '294276-12-31 23:59:59.999999+00', 'infinity']::timestamptz[]) t,
       generate_series(1, 3),
       jsonb_populate_record(NULL::consent.ledger, jsonb_build_object('event_id', 1, 'contact', 'jo@seal.example', 'kind', 'withdrawal',
                             'effective_at', t, 'recorded_at', '2026-03-01 12:00+00', 'recorded_by', 'me')) l
 GROUP BY t ORDER BY t;
-- No setting changes it.
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SET bytea_output = 'escape';
SET lc_messages = 'C';
SET extra_float_digits = -3;
SELECT count(*) FROM consent.ledger l WHERE digest IS DISTINCT FROM consent.event_digest(l);
RESET timezone;
RESET datestyle;
RESET bytea_output;
RESET lc_messages;
RESET extra_float_digits;
SELECT consent.event_digest(NULL), consent.seal_digest(NULL);
-- A row need not come from the table.
SELECT octet_length(consent.event_digest(jsonb_populate_record(NULL::consent.ledger, '{}')));

-- Seals: numbered, each following the one before; none when there is nothing to seal.
SELECT consent.seal() > 0 AS sealed;
SELECT consent.seal();
BEGIN;
SELECT consent.object('jo@seal.example') > 0 AS recorded;
ROLLBACK;
SELECT consent.object('jo@seal.example') > 0 AS recorded;
SELECT consent.seal() - lag AS next FROM (SELECT max(number) AS lag FROM consent.seal) s;
SELECT s.number - b.number AS next, s.previous = b.digest AS follows, s.events, s.sealed_by = session_user AS by_me,
       s.covered = int8multirange(int8range(l.event_id, l.event_id, '[]')) AS covers_it, s.contents = sha256(l.digest) AS contents,
       s.digest = consent.seal_digest(s) AS digest,
       s.digest = sha256(convert_to(seal_item('pg_consent seal 1') || seal_item('number') || seal_item(s.number::text) ||
         seal_item('sealed_at') || seal_item(to_char(s.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') ||
                                             rtrim(rtrim(to_char(s.sealed_at, '.US'), '0'), '.') || '+00') ||
         seal_item('sealed_by') || seal_item(s.sealed_by) || seal_item('events') || seal_item(s.events::text) ||
         seal_item('covered') || seal_item(s.covered::text) || seal_item('contents') || seal_item('\x' || encode(s.contents, 'hex')) ||
         seal_item('previous') || seal_item('\x' || encode(s.previous, 'hex')), 'UTF8')) AS recomputed
  FROM consent.seal s, consent.seal b, (SELECT * FROM consent.ledger ORDER BY event_id DESC LIMIT 1) l
 WHERE b.number = s.number - 1 ORDER BY s.number DESC LIMIT 1;
BEGIN READ ONLY;
SELECT consent.seal();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

-- Intact; and an expected seal is looked for.
SELECT * FROM consent.verify_ledger();
SELECT * FROM consent.verify_ledger(NULL);
SELECT * FROM consent.verify_ledger((SELECT digest FROM consent.seal ORDER BY number DESC LIMIT 1));
SELECT * FROM consent.verify_ledger('\x00');
SELECT * FROM consent.broken_seals();
SELECT l.kind, e.digest = substr(l.digest, 1, 16) AS digest
  FROM consent.address_standing a, consent.standing_events(a.standing) e JOIN consent.ledger l ON l.event_id = e.event_id
 WHERE a.address = 'jo@seal.example' ORDER BY l.event_id;
SELECT * FROM consent.standing_events(NULL);

-- What verdicts rest on beside the ledger is sealed with it, once; what may change is taken apart into what may not.
BEGIN;
INSERT INTO consent.organisation (name, jurisdiction) VALUES ('seal bolt', 'GB');
INSERT INTO consent.purpose (name, parent) VALUES ('seal offers', 'marketing');
INSERT INTO consent.policy (jurisdiction, version, valid_from, law) VALUES ('XS', 1, '2026-01-01', 'Law of Seals'), ('XS', 2, '2900-01-01', 'Law of Seals');
INSERT INTO consent.wording (name, version, text) VALUES ('seal form', 1, 'Yes please');
INSERT INTO consent.contractor (organisation, sender, contract_reference, valid_from) VALUES ('seal bolt', 'seal "acme", {Ltd}', 'C 1', '2026-01-01');
INSERT INTO consent.assessment (organisation, channel, reference, assessed_on) VALUES ('seal bolt', 'post', 'LIA 1', '2026-01-01');
SELECT consent.screened('tps', 5) > 0 AS screened;
SELECT relation, CASE relation WHEN 'screening' THEN key[:1] ELSE key[:5] END AS key, octet_length(contents)
  FROM consent.fact f WHERE NOT EXISTS (SELECT FROM consent.sealed_fact s WHERE s.relation = f.relation AND s.key = f.key) ORDER BY 1, 2;
SELECT consent.seal() > 0 AS sealed;
SELECT events FROM consent.seal ORDER BY number DESC LIMIT 1;
SELECT contents = sha256(convert_to(seal_item('pg_consent fact 1') || seal_item('name') || seal_item('seal offers') || seal_item('kind') || seal_item('commercial') ||
                                    seal_item('parent') || seal_item('marketing') || seal_item('id') || seal_item(p.id::text), 'UTF8')) AS recomputed
  FROM consent.sealed_fact s, consent.purpose p WHERE p.name = 'seal offers' AND s.key = ARRAY[p.name];
UPDATE consent.organisation SET is_charity = true WHERE name = 'seal bolt';
UPDATE consent.organisation SET controller = 'seal group' WHERE name = 'seal bolt';
UPDATE consent.contractor SET valid_to = '2026-06-30' WHERE organisation = 'seal bolt';
UPDATE consent.assessment SET ended_on = '2026-07-01' WHERE organisation = 'seal bolt';
SELECT * FROM consent.verify_ledger();
SELECT relation, key[:5] AS key FROM consent.fact f WHERE NOT EXISTS (SELECT FROM consent.sealed_fact s WHERE s.relation = f.relation AND s.key = f.key) ORDER BY 1, 2;
SELECT consent.seal() > 0 AS sealed;
SELECT consent.seal();
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SET intervalstyle = 'sql_standard';
SELECT * FROM consent.verify_ledger();
RESET timezone;
RESET datestyle;
RESET intervalstyle;
ROLLBACK;
UPDATE consent.sealed_fact SET contents = '\x00';
\echo :LAST_ERROR_SQLSTATE

-- Links and erasures have digests of their own, and each is named that was changed before it was sealed.
BEGIN;
SELECT consent.link('jo@seal.example', 'seal "p", {1}', source => 'crm', evidence => '{"a": 1}') > 0 AS linked, consent.forget('gone@seal.example', 'asked by telephone') > 0 AS forgotten,
       consent.object('taken@seal.example') > 0 AS objected;
SELECT consent.forget('taken@seal.example') > 0 AS forgotten;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SELECT digest = sha256(convert_to(seal_item('pg_consent link 1') || seal_item('event_id') || seal_item(event_id::text) || seal_item('contact') || seal_item(contact::text) ||
                                  seal_item('person') || seal_item(person) || seal_item('linked') || seal_item('t') || seal_item('recorded_at') || seal_item(recorded_at::text) ||
                                  seal_item('recorded_by') || seal_item(recorded_by) || seal_item('source') || seal_item('crm') || seal_item('evidence') || seal_item('{"a": 1}'), 'UTF8')) AS recomputed
  FROM consent.person_link WHERE address = 'jo@seal.example';
SELECT count(*) FROM consent.erasure e WHERE digest IS DISTINCT FROM consent.erasure_digest(e);
ALTER TABLE consent.person_link DISABLE TRIGGER USER;
ALTER TABLE consent.erasure DISABLE TRIGGER USER;
ALTER TABLE consent.erased_event DISABLE TRIGGER USER;
SAVEPOINT honest;
UPDATE consent.person_link SET linked = false WHERE address = 'jo@seal.example';
SELECT event_id = (SELECT k.event_id FROM consent.person_link k WHERE address = 'jo@seal.example') AS this_one, problem FROM consent.verify_ledger();
ROLLBACK TO honest;
INSERT INTO consent.person_link (contact, person, digest) VALUES ('jo@seal.example', 'somebody else', '\x00');
SELECT event_id = (SELECT k.event_id FROM consent.person_link k WHERE person = 'somebody else') AS this_one, problem FROM consent.verify_ledger();
ROLLBACK TO honest;
UPDATE consent.erasure SET suppressed = false WHERE reason = 'asked by telephone';
SELECT event_id = (SELECT e.event_id FROM consent.erasure e WHERE reason = 'asked by telephone') AS this_one, problem FROM consent.verify_ledger();
ROLLBACK TO honest;
DELETE FROM consent.erasure WHERE address_digest = consent.erased_digest('taken@seal.example');
SELECT problem, count(*) FROM consent.verify_ledger() GROUP BY 1 ORDER BY 1;
ROLLBACK TO honest;
DELETE FROM consent.erased_event x USING consent.erasure e WHERE address_digest = consent.erased_digest('taken@seal.example') AND x.event_id <@ e.events;
SELECT problem, count(*) FROM consent.verify_ledger() GROUP BY 1 ORDER BY 1;
ROLLBACK;
SELECT * FROM consent.verify_ledger();

-- In parallel too.
BEGIN;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SELECT * FROM consent.verify_ledger();
COMMIT;

-- The owner restores a digest, which must be right.
INSERT INTO consent.ledger (contact, kind, digest) VALUES ('r@seal.example', 'objection', '\x00');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.person_link (contact, person, digest) VALUES ('r@seal.example', 'p', '\x00');
\echo :LAST_ERROR_SQLSTATE
-- What is sealed stays sealed.
UPDATE consent.seal SET sealed_by = 'somebody';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM consent.seal;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE consent.seal;
\echo :LAST_ERROR_SQLSTATE

-- Rights.
CREATE ROLE regress_seal;
GRANT USAGE ON SCHEMA consent TO regress_seal;
GRANT INSERT, SELECT (event_id) ON consent.ledger TO regress_seal;
SET ROLE regress_seal;
SELECT consent.seal();
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.verify_ledger();
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.broken_seals();
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.ledger (contact, kind, digest) VALUES ('r@seal.example', 'objection', '\x00');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.ledger (contact, kind) VALUES ('r@seal.example', 'objection');
RESET ROLE;
-- Sealing needs no right to the tables, verifying needs to read them.
GRANT EXECUTE ON FUNCTION consent.seal(), consent.verify_ledger(bytea) TO regress_seal;
SET ROLE regress_seal;
SELECT consent.seal() > 0 AS sealed;
SELECT current_user;  -- and leaves the user as it was
SELECT * FROM consent.verify_ledger();
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT ON consent.ledger, consent.address_standing, consent.fact, consent.sealed_fact TO regress_seal;
SET ROLE regress_seal;
SELECT * FROM consent.verify_ledger();
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT ON consent.seal, consent.sealable, consent.person_link, consent.erasure, consent.erased_event TO regress_seal;
SET ROLE regress_seal;
SELECT * FROM consent.verify_ledger();
RESET ROLE;
REVOKE ALL ON consent.ledger, consent.address_standing, consent.seal, consent.sealable, consent.person_link, consent.erasure, consent.erased_event, consent.fact, consent.sealed_fact FROM regress_seal;
REVOKE ALL ON FUNCTION consent.seal(), consent.verify_ledger(bytea) FROM regress_seal;
REVOKE ALL ON SCHEMA consent FROM regress_seal;
DROP ROLE regress_seal;
DROP FUNCTION seal_recompute(consent.ledger);
DROP FUNCTION seal_item(text);
