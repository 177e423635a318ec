-- The ledger: what may be recorded, and what it is completed with.
LOAD 'pg_consent';
SET pg_consent.default_region = 'GB';
\set SHOW_CONTEXT never
SET timezone = 'Europe/London';
INSERT INTO consent.organisation (name) VALUES ('ledger acme'), ('ledger bolt');
INSERT INTO consent.purpose (name, kind, parent) VALUES ('ledger boilers', 'commercial', 'marketing');

-- Every function returns the number of the event it recorded.
SELECT consent.give(contact => 'a@ledger.example', channels => '{email,sms}', organisation => 'ledger acme',
                    method => 'ticked_box', wording => 'Yes, send me offers from Acme',
                    source => 'web form', evidence => '{"ip": "192.0.2.1"}', at => '2026-03-01 12:00+00') > 0 AS recorded;
SELECT consent.withdraw(contact => 'a@ledger.example', channels => '{sms}', at => '2026-03-02 12:00+00') > 0 AS recorded;
SELECT consent.object(contact => 'a@ledger.example', organisation => 'ledger acme', at => '2026-03-03 12:00+00') > 0 AS recorded;
SELECT consent.set_subscriber(contact => 'a@ledger.example', subscriber => 'corporate', at => '2026-03-04 12:00+00') > 0 AS recorded;

SELECT contact, kind, channels, organisation, purpose, method, effective_at,
       recorded_at > now() - interval '1 hour' AS stamped, recorded_by = session_user AS by_me, source, evidence, defects
  FROM consent.ledger WHERE contact = 'a@ledger.example' ORDER BY event_id;

-- Two events of one transaction are never recorded at the same time.
BEGIN;
SELECT consent.object(contact => 'same@ledger.example') < consent.object(contact => 'same@ledger.example') AS in_order;
SELECT count(DISTINCT recorded_at) FROM consent.ledger WHERE contact = 'same@ledger.example';
COMMIT;

-- A setting names the organisation when the call does not.
SET pg_consent.organisation = 'ledger bolt';
SELECT consent.give(contact => 'b@ledger.example', channels => '{email}', method => 'oral', wording => 'Said yes on the phone') > 0 AS recorded;
-- not when it is a row that does not: a gap in an import is no consent
INSERT INTO consent.ledger (contact, kind, channels) VALUES ('b@ledger.example', 'consent', '{sms}');
\echo :LAST_ERROR_SQLSTATE
RESET pg_consent.organisation;
SELECT organisation, purpose FROM consent.ledger WHERE contact = 'b@ledger.example';

-- What is wrong with a consent is recorded, not refused: by the method,
SELECT count(consent.give(contact => 'm@ledger.example', channels => '{email}', organisation => 'ledger acme',
                          method => m, wording => 'w')) AS recorded
  FROM unnest(ARRAY['ticked_box', 'clicked_icon', 'sent_email', 'sent_text', 'subscribed', 'oral', 'written', 'double_opt_in',
                    'pre_ticked_box', 'silence', 'bundled_terms', 'condition_of_service', 'unknown']) AS m;
SELECT method, defects FROM consent.ledger WHERE contact = 'm@ledger.example' ORDER BY event_id;
-- by missing evidence (E34), and by a reviewer's word.
CREATE FUNCTION ledger_defects(bigint) RETURNS text[] LANGUAGE sql VOLATILE
  AS 'SELECT defects FROM consent.ledger WHERE event_id = $1';
SELECT ledger_defects(consent.give('d@ledger.example', '{email}', 'ledger acme', method => 'ticked_box')) AS no_wording;
SELECT ledger_defects(consent.give('d@ledger.example', '{email}', 'ledger acme', method => 'ticked_box', wording => E' \t ')) AS blank_wording;
SELECT ledger_defects(consent.give('d@ledger.example', '{email}', 'ledger acme', method => 'ticked_box', wording => E'\ufeff\u00a0\u200b')) AS nothing_to_see;
SELECT ledger_defects(consent.give('d@ledger.example', '{email}', 'ledger acme', wording => 'w')) AS no_method;
SELECT ledger_defects(consent.give('d@ledger.example', '{email}', 'ledger acme', method => 'ticked_box', wording => 'w', at => NULL)) AS no_time;
SELECT ledger_defects(consent.give('d@ledger.example', '{email}', 'ledger acme', method => 'ticked_box', wording => 'w',
                                   defects => '{consent_not_informed,consent_bundled,consent_bundled}')) AS reviewed;

-- INSERT and COPY have the effect and the checks of the functions.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording)
  VALUES ('C@Ledger.Example', 'consent', '{email}', 'ledger acme', 'pre_ticked_box', 'w')
  RETURNING contact, purpose, effective_at = now() AS now, defects;
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at)
  VALUES ('c@ledger.example', 'consent', '{email}', 'ledger acme', 'ticked_box', 'w', NULL)
  RETURNING contact, purpose, effective_at, defects;
COPY consent.ledger (contact, kind, channels, organisation, method, wording, effective_at) FROM stdin;
07700 900111	consent	{sms}	ledger acme	ticked_box	Text me	2026-01-01 00:00+00
07700 900111	withdrawal	\N	\N	\N	\N	\N
\.
SELECT contact, kind, purpose, effective_at = recorded_at AS at_once, defects FROM consent.ledger
 WHERE contact = '+447700900111' ORDER BY event_id;

-- Errors: each says what is wrong, with its SQLSTATE.
SELECT consent.give('e@ledger.example', '{email}', 'nobody', method => 'oral', wording => 'w');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', '{email}', 'ledger acme', purpose => 'nothing', method => 'oral', wording => 'w');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', '{email}', 'ledger acme', named_organisations => '{nobody}', method => 'oral', wording => 'w');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', '{email}', method => 'oral', wording => 'w');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', NULL, 'ledger acme', method => 'oral', wording => 'w');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', '{}', 'ledger acme', method => 'oral', wording => 'w');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', '{email,NULL}', 'ledger acme', method => 'oral', wording => 'w');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', '{email}', 'ledger acme', method => 'telepathy', wording => 'w');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', '{email}', 'ledger acme', method => 'oral', wording => 'w', defects => '{tps_listed}');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', '{email}', 'ledger acme', method => 'oral', wording => 'w', defects => '{consent_smells}');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', '{email}', 'ledger acme', method => 'oral', wording => 'w',
                    at => '2026-01-02 00:00+00', expires_at => '2026-01-01 00:00+00');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('e@ledger.example', '{email}', 'ledger acme', method => 'oral', wording => 'w', at => 'infinity');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give(NULL, '{email}', 'ledger acme', method => 'oral', wording => 'w');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('not an address', '{email}', 'ledger acme');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.withdraw('e@ledger.example', at => now() + interval '1 day');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.object('e@ledger.example', at => 'infinity');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.object('e@ledger.example', organisation => 'nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.withdraw('e@ledger.example', channels => '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.set_subscriber('e@ledger.example', NULL);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.ledger (contact, kind, address) VALUES ('e+x@ledger.example', 'withdrawal', 'f@ledger.example');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.ledger (contact, kind) VALUES ('e@ledger.example', 'rumour');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.ledger (contact, kind, method) VALUES ('e@ledger.example', 'withdrawal', 'oral');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.ledger (contact, kind, subscriber, channels) VALUES ('e@ledger.example', 'subscriber', 'corporate', '{sms}');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.ledger (contact, kind, subscriber) VALUES ('e@ledger.example', 'objection', 'corporate');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) AS recorded FROM consent.ledger WHERE contact = 'e@ledger.example';

-- Append-only, for everybody.
UPDATE consent.ledger SET wording = 'better' WHERE contact = 'a@ledger.example';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM consent.ledger WHERE false;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE consent.ledger;
\echo :LAST_ERROR_SQLSTATE
SET session_replication_role = replica;
DELETE FROM consent.ledger;
\echo :LAST_ERROR_SQLSTATE
RESET session_replication_role;

-- The vocabulary: names never change, rows never go, purposes are a tree.
UPDATE consent.organisation SET name = 'ledger acme ltd' WHERE name = 'ledger acme';
\echo :LAST_ERROR_SQLSTATE
UPDATE consent.organisation SET controller = 'Acme Group' WHERE name = 'ledger acme';
DELETE FROM consent.organisation WHERE name = 'ledger acme';
\echo :LAST_ERROR_SQLSTATE
SET client_min_messages = warning;
TRUNCATE consent.purpose CASCADE;
RESET client_min_messages;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.organisation (name) VALUES ('');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.purpose (name, kind) VALUES ('ledger fun', 'amusing');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.purpose (name, parent) VALUES ('ledger orphan', 'nowhere');
\echo :LAST_ERROR_SQLSTATE
-- left out, the kind is that of the parent, or commercial at the root
BEGIN;
INSERT INTO consent.purpose (name, kind, parent) VALUES ('ledger appeals', 'charitable', NULL), ('ledger shop', 'commercial', 'ledger appeals');
INSERT INTO consent.purpose (name, parent) VALUES ('ledger winter appeal', 'ledger appeals'), ('ledger shelter appeal', 'ledger winter appeal'), ('ledger jumpers', 'ledger shop'), ('ledger root', NULL);
SELECT name, kind, parent FROM consent.purpose WHERE name LIKE 'ledger%' ORDER BY name;
SAVEPOINT before;
INSERT INTO consent.purpose (name, parent) VALUES ('ledger child', 'ledger father'), ('ledger father', NULL);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO before;
INSERT INTO consent.purpose (name, kind, parent) VALUES ('ledger child', 'political', 'ledger father'), ('ledger father', 'charitable', NULL);
-- also for who may insert and not read
CREATE ROLE regress_ledger_purposes;
GRANT USAGE ON SCHEMA consent TO regress_ledger_purposes;
GRANT INSERT ON consent.purpose TO regress_ledger_purposes;
SET ROLE regress_ledger_purposes;
INSERT INTO consent.purpose (name, parent) VALUES ('ledger spring appeal', 'ledger appeals');
RESET ROLE;
SELECT kind FROM consent.purpose WHERE name = 'ledger spring appeal';
ROLLBACK;
UPDATE consent.purpose SET parent = 'ledger boilers' WHERE name = 'marketing';
\echo :LAST_ERROR_SQLSTATE
SELECT name, kind, parent FROM consent.purpose WHERE name IN ('marketing', 'ledger boilers') ORDER BY name;

-- Who may do what: nobody anything, until granted.
CREATE ROLE regress_ledger_app;
SET ROLE regress_ledger_app;
SELECT consent.object('p@ledger.example');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.ledger (contact, kind) VALUES ('p@ledger.example', 'objection');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.evaluate('p@ledger.example', 'email', 'ledger acme');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT EXECUTE ON FUNCTION consent.object(consent.contact, consent.channel[], text, text, timestamptz, text, text, jsonb) TO regress_ledger_app;
GRANT INSERT, SELECT (event_id) ON consent.ledger TO regress_ledger_app;
SET ROLE regress_ledger_app;
SELECT consent.object('p@ledger.example') > 0 AS recorded;
-- A loader cannot forge the time of recording, nor the order of events.
INSERT INTO consent.ledger (contact, kind, recorded_at) VALUES ('p@ledger.example', 'objection', '2020-01-01');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.ledger (contact, kind, event_id) VALUES ('p@ledger.example', 'objection', 1);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.ledger (contact, kind, recorded_by) VALUES ('p@ledger.example', 'objection', 'somebody');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
-- The owner can, to restore a dump.
INSERT INTO consent.ledger (contact, kind, recorded_at, effective_at) VALUES ('p@ledger.example', 'objection', '2020-01-02', '2020-01-01')
  RETURNING recorded_at;
-- And for the owner, too, a "no" is never from the future of its recording.
INSERT INTO consent.ledger (contact, kind, recorded_at, effective_at) VALUES ('p@ledger.example', 'objection', '2020-01-01', '2020-01-02');
\echo :LAST_ERROR_SQLSTATE

-- A load of people nobody has heard of: what is undone is undone whole, and only that.
BEGIN;
CREATE FUNCTION pg_temp.load(first integer, last integer, kind text) RETURNS void LANGUAGE sql
AS $$ INSERT INTO consent.ledger (contact, kind) SELECT 'new' || i || tag || '@ledger-load.example', load.kind
        FROM generate_series(first, last) i, (VALUES (''), ('+shop')) f (tag) WHERE i % 3 = 0 OR tag = '' $$;
CREATE FUNCTION pg_temp.stumble(address consent.contact) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN RETURN 1 / (address <> 'new777@ledger-load.example')::integer > 0; END $$;
CREATE INDEX stumble ON consent.address_standing (plain) WHERE pg_temp.stumble(address);
CREATE VIEW pg_temp.loaded AS
  SELECT count(*), count(*) FILTER (WHERE tagged IS NOT NULL) AS tagged, count(*) FILTER (WHERE a.standing::text ~ ',') AS heard_twice,
         (SELECT count(*) FROM consent.wrong_standings()) AS wrong
    FROM consent.address_standing a WHERE address::text LIKE 'new%@ledger-load.example';
SAVEPOINT load;
SELECT pg_temp.load(1, 300, 'objection');
SELECT * FROM pg_temp.loaded;
ROLLBACK TO load;
SELECT pg_temp.load(101, 400, 'objection');
RELEASE load;
SELECT * FROM pg_temp.loaded;
-- Two thirds are known by now; then a load that fails halfway, and is tried with less.
DO $$ BEGIN
  PERFORM pg_temp.load(1, 300, 'withdrawal');
EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'no';
END $$;
SELECT * FROM pg_temp.loaded;
DO $$ BEGIN
  PERFORM pg_temp.load(501, 1000, 'objection');
EXCEPTION WHEN division_by_zero THEN PERFORM pg_temp.load(501, 776, 'objection');
END $$;
SELECT * FROM pg_temp.loaded;
DO $$ BEGIN
  PERFORM pg_temp.load(501, 600, 'objection'), 1 / (SELECT count(*) FROM consent.ledger WHERE contact = 'nobody@ledger-load.example');
EXCEPTION WHEN division_by_zero THEN NULL;
END $$;
SELECT * FROM pg_temp.loaded;
ROLLBACK;

-- Whatever is recorded may say in what words, where from and with what proof.
BEGIN;
SELECT consent.set_subscriber('words@ledger.example', 'corporate', wording => 'w1', source => 's1', evidence => '1') > 0 AND
       consent.request('words@ledger.example', 'ledger acme', 'email', 'words', wording => 'w2', source => 's2', evidence => '2') > 0 AND
       consent.answered('words', organisation => 'ledger acme', wording => 'w3', source => 's3', evidence => '3') > 0 AND
       consent.contacted('words@ledger.example', 'ledger acme', wording => 'w4', source => 's4', evidence => '4') > 0 AND
       consent.suppress('words@ledger.example', 'bounce', wording => 'w5', source => 's5', evidence => '5') > 0 AND
       consent.unsuppress('words@ledger.example', 'back', wording => 'w6', source => 's6', evidence => '6') > 0 AND
       consent.list_on_register('+442079460199', 'tps', '2026-01-01', wording => 'w7', source => 's7', evidence => '7') > 0 AS recorded;
SELECT kind, wording, source, evidence FROM consent.ledger WHERE wording LIKE 'w_' AND source LIKE 's_' ORDER BY event_id;
ROLLBACK;

DROP FUNCTION ledger_defects(bigint);
REVOKE ALL ON consent.ledger FROM regress_ledger_app;
REVOKE ALL ON FUNCTION consent.object(consent.contact, consent.channel[], text, text, timestamptz, text, text, jsonb) FROM regress_ledger_app;
DROP ROLE regress_ledger_app;
