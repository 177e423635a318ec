-- What a guard does with a refused row, and with a row that a worker takes.
LOAD 'pg_consent';
SET pg_consent.default_region = 'GB';
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset footer off
SET timezone = 'Europe/London';
INSERT INTO consent.organisation (name) VALUES ('actions acme'), ('actions agency'), ('actions other');
SELECT count(consent.give(c::consent.contact, '{email,sms}', 'actions acme', method => 'ticked_box', wording => 'Send me offers from Acme', at => '2026-01-01'))
  FROM unnest('{yes@actions.example,yes2@actions.example,yes3@actions.example,stopped@actions.example}'::text[]) AS c;
SELECT consent.withdraw('stopped@actions.example', at => '2026-02-01') > 0 AS withdrawn;
\set promo '''Get 20% off all boilers this weekend only! Order now.'''
\set service '''Your order 4411 is out for delivery today.'''

-- A contractor sends: it needs a written contract, and what people said to it counts.
CREATE TABLE act_sender (to_addr text, body text, agency text);
SELECT consent.guard('act_sender', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, sender => 'agency');
INSERT INTO act_sender VALUES ('yes@actions.example', :promo, NULL);
INSERT INTO act_sender VALUES ('yes@actions.example', :promo, 'actions agency');
INSERT INTO act_sender VALUES ('yes@actions.example', :service, 'actions agency');
INSERT INTO act_sender VALUES ('yes@actions.example', :promo, 'actions nobody');
INSERT INTO consent.contractor (organisation, sender, contract_reference, valid_from) VALUES ('actions acme', 'actions agency', 'C-1', '2026-01-01');
INSERT INTO act_sender VALUES ('yes@actions.example', :promo, 'actions agency');
BEGIN;
SELECT consent.object('yes@actions.example', organisation => 'actions agency') > 0 AS objected;
INSERT INTO act_sender VALUES ('yes@actions.example', :promo, 'actions agency');
ROLLBACK;

-- Divert: a refused row is stored, already in its terminal state; clients get their ids back.
CREATE TABLE act_divert (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, to_addr text, body text, kind text, status text NOT NULL DEFAULT 'queued', error text, attempts int NOT NULL DEFAULT 0);
SELECT consent.guard('act_divert', recipient => 'to_addr', channel => $$'email'$$, body => 'body', class => 'kind', organisation => $$'actions acme'$$,
                     pending => $$status = 'queued'$$, claim => $$status = 'sending'$$, on_block => 'divert',
                     divert => $$status = 'cancelled', error = consent.refusal_reason()$$);
SELECT tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'act_divert'::regclass ORDER BY tgname;
SELECT on_block, health FROM consent.guards WHERE relation = 'act_divert'::regclass;
INSERT INTO act_divert (to_addr, body) VALUES ('yes@actions.example', :promo), ('stopped@actions.example', :promo), ('stopped@actions.example', :service), (NULL, :promo)
  RETURNING id, to_addr, status, error;
SELECT id, to_addr, status, error FROM act_divert ORDER BY id;
COPY act_divert (to_addr, body) FROM stdin;
stopped@actions.example	Get 20% off all boilers this weekend only! Order now.
yes2@actions.example	Get 20% off all boilers this weekend only! Order now.
\.
SELECT id, to_addr, status, error FROM act_divert WHERE id > 4 ORDER BY id;
-- by UPDATE, ON CONFLICT and MERGE
UPDATE act_divert SET to_addr = 'stopped@actions.example' WHERE id = 1 RETURNING id, to_addr, status, error;
INSERT INTO act_divert (id, to_addr, body) OVERRIDING SYSTEM VALUE VALUES (6, 'stopped@actions.example', :promo)
  ON CONFLICT (id) DO UPDATE SET to_addr = excluded.to_addr, status = 'queued' RETURNING id, to_addr, status, error;
INSERT INTO act_divert (id, to_addr, body) OVERRIDING SYSTEM VALUE VALUES (6, 'yes2@actions.example', :promo)
  ON CONFLICT (id) DO UPDATE SET to_addr = excluded.to_addr, status = 'queued', error = NULL RETURNING id, to_addr, status, error;
MERGE INTO act_divert o USING (VALUES ('stopped@actions.example')) v(a) ON false WHEN NOT MATCHED THEN INSERT (to_addr, body) VALUES (v.a, 'Get 20% off all boilers!');
SELECT to_addr, status, error FROM act_divert ORDER BY id DESC LIMIT 1;
-- the reason is nobody else's to read, not even where a diversion has failed
SELECT consent.refusal_reason();
CREATE TABLE act_failing (to_addr text, body text, status text DEFAULT 'queued', n int DEFAULT 0);
SELECT consent.guard('act_failing', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$,
                     pending => $$status = 'queued'$$, on_block => 'divert', divert => $$status = consent.refusal_reason(), n = 1 / n$$);
INSERT INTO act_failing VALUES ('stopped@actions.example', :promo);
SELECT consent.refusal_reason();
INSERT INTO act_failing VALUES ('yes2@actions.example', :promo);
BEGIN;
SELECT consent.object('yes2@actions.example') > 0 AS objected;
SAVEPOINT judged;
SELECT judged FROM consent.verify('act_failing');
ROLLBACK TO judged;
SELECT consent.refusal_reason();
ROLLBACK;
DROP TABLE act_failing;
-- what the mapping does not read is not decided again
BEGIN;
SELECT consent.withdraw('yes2@actions.example') > 0 AS withdrawn;
UPDATE act_divert SET attempts = attempts + 1, body = body WHERE id = 6 RETURNING status, error;
-- a worker that takes it does not get it, and gets the next one
INSERT INTO act_divert (to_addr, body) VALUES ('yes3@actions.example', :promo);
UPDATE act_divert SET status = 'sending' WHERE id = (SELECT id FROM act_divert WHERE status = 'queued' AND to_addr NOT LIKE 'stopped%' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING to_addr;
SELECT to_addr, status, error FROM act_divert WHERE id = 6;
UPDATE act_divert SET status = 'sending' WHERE id = (SELECT id FROM act_divert WHERE status = 'queued' AND to_addr NOT LIKE 'stopped%' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING to_addr;
-- several at once
INSERT INTO act_divert (to_addr, body) VALUES ('yes@actions.example', :promo);
SELECT consent.withdraw('yes3@actions.example') > 0 AS withdrawn;
UPDATE act_divert SET status = 'queued' WHERE status = 'sending' RETURNING to_addr, status, error;
UPDATE act_divert SET status = 'sending' WHERE status = 'queued' RETURNING to_addr, status;
-- a requeue of a refused row is parked, not an error
UPDATE act_divert SET status = 'queued', error = NULL WHERE id = 6 RETURNING to_addr, status, error;
ROLLBACK;
SELECT relation, allowed, reason, class, declared_class, channel, organisation, purpose, contact, event_id > 0 AS event, ruleset ~ '^[0-9a-f]{16}$' AS ruleset, policy, action
  FROM consent.decision_log WHERE relation = 'act_divert'::regclass ORDER BY decided_at;
SELECT evidence->'rules' ? 'price.percent_off' AS evidence, reasons, written_by = session_user AS who FROM consent.decision_log WHERE relation = 'act_divert'::regclass ORDER BY decided_at LIMIT 1;

-- Quarantine: the row leaves the table and is kept whole, until it may go.
CREATE TABLE act_quarantine (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, to_addr text, gone int, body text, day date DEFAULT '2026-03-01', raw bytea DEFAULT '\x00ff',
  tags text[] DEFAULT '{a,"b c"}', size int GENERATED ALWAYS AS (length(body)) STORED, status text DEFAULT 'queued');
ALTER TABLE act_quarantine DROP COLUMN gone;
ALTER SEQUENCE consent.quarantine_id_seq RESTART WITH 700000;
SELECT consent.guard('act_quarantine', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$status = 'queued'$$, on_block => 'quarantine');
INSERT INTO act_quarantine (to_addr, body) VALUES ('yes@actions.example', :promo), ('stopped@actions.example', :promo) RETURNING id, to_addr;
UPDATE act_quarantine SET to_addr = 'stopped@actions.example' WHERE id = 1 RETURNING id, to_addr;
SELECT count(*) FROM act_quarantine;
SELECT relation, "row" - 'body' AS "row", reason, released_at, reasons, citation, event_id > 0 AS event, class, guard FROM consent.quarantine WHERE relation = 'act_quarantine'::regclass ORDER BY id;
SELECT min(id) AS kept FROM consent.quarantine WHERE relation = 'act_quarantine'::regclass \gset
SELECT consent.release(:kept);
SELECT consent.give('stopped@actions.example', '{email}', 'actions acme', method => 'ticked_box', wording => 'Send me offers from Acme') > 0 AS consented;
SELECT consent.release(:kept);
SELECT * FROM act_quarantine;
SELECT released_at IS NOT NULL AS released, released_by = session_user AS by_me FROM consent.quarantine WHERE id = :kept;
SELECT consent.release(:kept);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.release(0);
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SELECT consent.unguard('act_quarantine');
SAVEPOINT s;
SELECT consent.release(:kept + 1);
\echo :LAST_ERROR_SQLSTATE
-- nor is a guard that is there, but has no concern with it, a reason to put it back
ROLLBACK TO s;
SELECT consent.guard('act_quarantine', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$status = 'other'$$, on_block => 'quarantine');
SELECT consent.release(:kept + 1);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- what the table can no longer hold stays where it is
ALTER TABLE act_quarantine DROP COLUMN tags;
SELECT consent.release(:kept + 1);
\echo :LAST_ERROR_SQLSTATE
SELECT action, reason FROM consent.decision_log WHERE relation = 'act_quarantine'::regclass ORDER BY decided_at;
DROP TABLE act_quarantine;
SELECT consent.release(:kept + 1);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.withdraw('stopped@actions.example') > 0 AS withdrawn;

-- A trigger that is fired before the guard changes the new row: no new decision, but that of
-- the row is still to come.  The guard goes after it, also where it is moved to another partition.
CREATE TABLE act_touch (id int, to_addr text, body text, touched int DEFAULT 0, status text DEFAULT 'queued');
CREATE TABLE act_touch_late (id int, address text, to_addr text GENERATED ALWAYS AS (lower(address)) STORED, body text, touched int DEFAULT 0, status text DEFAULT 'queued');
CREATE TABLE act_touch_part (id int, to_addr text, body text, touched int DEFAULT 0, status text DEFAULT 'queued') PARTITION BY LIST (touched);
CREATE TABLE act_touch_part_0 PARTITION OF act_touch_part FOR VALUES IN (0);
CREATE TABLE act_touch_part_1 PARTITION OF act_touch_part FOR VALUES IN (1);
SELECT consent.guard('act_touch', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$status = 'queued'$$, on_block => 'quarantine'),
       consent.guard('act_touch_late', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$status = 'queued'$$, on_block => 'divert', divert => $$status = 'cancelled'$$),
       consent.guard('act_touch_part', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$status = 'queued'$$, on_block => 'quarantine');
CREATE FUNCTION act_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.touched = 0 THEN
    EXECUTE format('UPDATE %I SET touched = 1 WHERE id = $1', TG_ARGV[0]) USING NEW.id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER a_touch AFTER INSERT OR UPDATE ON act_touch FOR EACH ROW EXECUTE FUNCTION act_touched('act_touch');
CREATE TRIGGER a_touch AFTER INSERT ON act_touch_late FOR EACH ROW EXECUTE FUNCTION act_touched('act_touch_late');
CREATE TRIGGER a_touch AFTER INSERT ON act_touch_part FOR EACH ROW EXECUTE FUNCTION act_touched('act_touch_part');
INSERT INTO act_touch VALUES (1, 'yes@actions.example', :promo), (2, 'stopped@actions.example', :promo), (3, 'stopped@actions.example', :service), (4, 'yes@actions.example', :promo);
UPDATE act_touch SET to_addr = 'stopped@actions.example', touched = 0 WHERE id = 4;
SELECT id, to_addr, touched, status FROM act_touch ORDER BY id;
INSERT INTO act_touch_late (id, address, body) VALUES (1, 'yes@actions.example', :promo), (2, 'stopped@actions.example', :promo), (3, 'stopped@actions.example', :service);
SELECT id, to_addr, touched, status FROM act_touch_late ORDER BY id;
INSERT INTO act_touch_part VALUES (1, 'yes@actions.example', :promo), (2, 'stopped@actions.example', :promo), (3, 'stopped@actions.example', :service);
SELECT tableoid::regclass, id, to_addr, touched, status FROM act_touch_part ORDER BY id;
SELECT relation, "row"->>'id' AS id, "row"->>'touched' AS touched, reason FROM consent.quarantine WHERE relation::text LIKE 'act_touch%' ORDER BY 1, 2;
-- one that is fired before it and has ended the row, or taken it away, has ended it
CREATE OR REPLACE FUNCTION act_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id % 2 = 0 THEN
    UPDATE act_touch SET status = 'held' WHERE id = NEW.id AND status = 'queued';
  ELSE
    DELETE FROM act_touch WHERE id = NEW.id;
  END IF;
  RETURN NULL;
END $$;
INSERT INTO act_touch VALUES (10, 'stopped@actions.example', :promo), (11, 'stopped@actions.example', :promo);
SELECT id, status FROM act_touch WHERE id >= 10;
-- one that does not let it be taken away, and changes it instead
CREATE OR REPLACE FUNCTION act_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE act_touch SET touched = touched + 1 WHERE id = OLD.id;
  RETURN NULL;
END $$;
DROP TRIGGER a_touch ON act_touch;
CREATE TRIGGER keep BEFORE DELETE ON act_touch FOR EACH ROW EXECUTE FUNCTION act_touched();
INSERT INTO act_touch VALUES (20, 'stopped@actions.example', :promo);
SELECT count(*) FROM act_touch WHERE id = 20;
DROP TABLE act_touch, act_touch_late, act_touch_part;
DROP FUNCTION act_touched();
DELETE FROM consent.quarantine WHERE "row"->>'touched' IS NOT NULL;

-- Flag: the row stays, the decision is logged; and of allowances, what the guard says.
CREATE TABLE act_flag (to_addr text, body text, kind text);
SELECT consent.guard('act_flag', recipient => 'to_addr', channel => $$'email'$$, body => 'body', class => 'kind', organisation => $$'actions acme'$$, on_block => 'flag');
INSERT INTO act_flag VALUES ('stopped@actions.example', :promo, 'service'), ('yes@actions.example', :promo, 'service'), ('yes@actions.example', :promo, NULL), (NULL, :service, NULL), ('not an address', :service, 'newsletter');
SELECT count(*) FROM act_flag;
SELECT allowed, reason, reasons, class, declared_class, contact, action FROM consent.decision_log WHERE relation = 'act_flag'::regclass ORDER BY decided_at;
SELECT class, declared_class, allowed, contact, evidence->>'class' AS evidence FROM consent.disguised_marketing WHERE relation = 'act_flag'::regclass ORDER BY decided_at;
CREATE TABLE act_log (to_addr text, body text);
SELECT consent.guard('act_log', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, log => 'all');
INSERT INTO act_log VALUES ('yes@actions.example', :promo);
INSERT INTO act_log VALUES ('stopped@actions.example', :promo);
SELECT allowed, reason, action FROM consent.decision_log WHERE relation = 'act_log'::regclass;
CREATE TABLE act_sample (to_addr text, body text);
SELECT consent.guard('act_sample', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, log => 'sample');
INSERT INTO act_sample SELECT 'yes@actions.example', :promo FROM generate_series(1, 2000);
SELECT count(*) BETWEEN 1 AND 200 AS some FROM consent.decision_log WHERE relation = 'act_sample'::regclass;
SELECT consent.guard('act_sample', recipient => 'to_addr', channel => $$'email'$$, organisation => $$'actions acme'$$, log => 'most', name => 'x');
\echo :LAST_ERROR_SQLSTATE

-- With a diversion, to flag is for a row as it is queued: whoever asks again parks what is refused, and nobody is left out.
SELECT count(consent.give('watched@actions.example', '{email}', 'actions acme', method => 'ticked_box', wording => 'Yes, email me offers')) AS given;
CREATE TABLE act_watch (id int, to_addr text, body text DEFAULT 'Get 20% off all boilers this weekend only!', status text DEFAULT 'queued', error text);
SELECT consent.guard('act_watch', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$status = 'queued'$$,
                     claim => $$status = 'sending'$$, divert => $$status = 'cancelled', error = consent.refusal_reason()$$, on_block => 'flag');
INSERT INTO act_watch SELECT n, CASE WHEN n = 6 THEN 'watched' ELSE 'stopped' END || '@actions.example' FROM generate_series(1, 6) n RETURNING id, status;
SELECT id, consent.cleared(w) FROM act_watch w ORDER BY id;
UPDATE act_watch SET status = 'sending' WHERE id IN (1, 6) RETURNING id;
-- (by this time it was in a worker's hands)
BEGIN;
UPDATE act_watch SET status = 'failed' WHERE id = 2;
UPDATE act_watch SET status = 'queued' WHERE id = 2 RETURNING status;
UPDATE act_watch SET body = body || ' Hurry!' WHERE id = 3 RETURNING status;
COMMIT;
SELECT judged, refused FROM consent.verify('act_watch');
SELECT id, status, error FROM act_watch ORDER BY id;
SELECT allowed, action, count(*) FROM consent.decision_log WHERE relation = 'act_watch'::regclass GROUP BY 1, 2 ORDER BY 1, 2;
-- what is queued or changed, and withdrawn from, in one transaction
BEGIN;
INSERT INTO act_watch VALUES (7, 'watched@actions.example');
UPDATE act_watch SET status = 'queued' WHERE id = 6;
SELECT count(consent.withdraw('watched@actions.example')) AS withdrawn;
SELECT id, status FROM act_watch WHERE id > 5 ORDER BY id;
COMMIT;
SELECT id, status FROM act_watch WHERE id > 5 ORDER BY id;

-- Lists of recipients: one that is refused refuses the row.
CREATE TABLE act_list (id int, rcpt text, body text);
SELECT consent.guard('act_list', recipient => 'rcpt', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$);
INSERT INTO act_list VALUES (1, 'yes@actions.example, "Two, Yes" <yes2@actions.example>; yes3@actions.example,', :promo);
INSERT INTO act_list VALUES (2, 'yes@actions.example, stopped@actions.example', :promo);
INSERT INTO act_list VALUES (3, 'yes@actions.example, rubbish', :promo);
INSERT INTO act_list VALUES (4, 'yes@actions.example, rubbish', :service);
INSERT INTO act_list VALUES (5, ' , ', :promo);
INSERT INTO act_list VALUES (6, '"Bloggs, Jo" <yes@actions.example>', :promo);
INSERT INTO act_list VALUES (7, 'postal:1 High Street, Ipswich', :service);
SELECT id FROM act_list ORDER BY id;
CREATE TABLE act_lists (rcpt text[], body text);
SELECT consent.guard('act_lists', recipient => 'rcpt', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$);
INSERT INTO act_lists VALUES ('{"yes@actions.example, yes2@actions.example",yes3@actions.example}', :promo);
INSERT INTO act_lists VALUES ('{"yes@actions.example, stopped@actions.example",yes3@actions.example}', :promo);

-- Retries: never an error.  A retry that is a DELETE and an INSERT has to be mapped.
CREATE TABLE act_retry (id int, to_addr text, body text, state text DEFAULT 'created', retry_count int DEFAULT 0, output jsonb);
SELECT consent.guard('act_retry', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$state IN ('created', 'retry')$$,
                     retry => $$retry_count > 0$$, on_block => 'raise', divert => $$state = 'cancelled', output = jsonb_build_object('reason', consent.refusal_reason())$$);
INSERT INTO act_retry VALUES (1, 'yes3@actions.example', :promo);
BEGIN;
SELECT consent.withdraw('yes3@actions.example') > 0 AS withdrawn;
WITH gone AS (DELETE FROM act_retry WHERE id = 1 RETURNING *) INSERT INTO act_retry SELECT id, to_addr, body, 'retry', retry_count + 1 FROM gone RETURNING state, output;
UPDATE act_retry SET state = 'retry' WHERE id = 1 RETURNING state, output;
SAVEPOINT s;
INSERT INTO act_retry VALUES (2, 'yes3@actions.example', :promo);
ROLLBACK TO s;
-- a draft that is finished is no retry here
INSERT INTO act_retry VALUES (2, 'yes3@actions.example', :promo, 'draft');
UPDATE act_retry SET state = 'created' WHERE id = 2;
ROLLBACK;
-- without a diversion a retry is kept in quarantine
CREATE TABLE act_retry2 (to_addr text, body text, attempts int DEFAULT 0, state text DEFAULT 'queued');
SELECT consent.guard('act_retry2', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$state = 'queued'$$, retry => 'attempts > 0');
INSERT INTO act_retry2 VALUES ('yes3@actions.example', :promo, 1, 'failed');
BEGIN;
SELECT consent.withdraw('yes3@actions.example') > 0 AS withdrawn;
UPDATE act_retry2 SET state = 'queued';
SELECT count(*) FROM act_retry2;
SELECT "row"->>'attempts' AS attempts, reason FROM consent.quarantine WHERE relation = 'act_retry2'::regclass;
ROLLBACK;

-- Partitions: a diversion in a leaf; a row that moves is not decided again.
CREATE TABLE act_part (id int, to_addr text, body text, day int, state text DEFAULT 'queued') PARTITION BY LIST (day);
CREATE TABLE act_part_1 PARTITION OF act_part FOR VALUES IN (1);
CREATE TABLE act_part_2 (state text DEFAULT 'queued', extra int, day int, body text, to_addr text, id int);
ALTER TABLE act_part_2 DROP COLUMN extra;
ALTER TABLE act_part ATTACH PARTITION act_part_2 FOR VALUES IN (2);
SELECT consent.guard('act_part', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$state = 'queued'$$);
INSERT INTO act_part VALUES (1, 'yes3@actions.example', :promo, 1);
BEGIN;
SELECT consent.withdraw('yes3@actions.example') > 0 AS withdrawn;
UPDATE act_part SET day = 2 WHERE id = 1 RETURNING tableoid::regclass, id;
SAVEPOINT s;
INSERT INTO act_part_2 (id, to_addr, body, day) VALUES (2, 'yes3@actions.example', :promo, 2);
ROLLBACK TO s;
-- one that a trigger keeps from arriving has not moved, and leaves nothing behind
CREATE FUNCTION act_vanish() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER vanish BEFORE INSERT ON act_part_1 FOR EACH ROW EXECUTE FUNCTION act_vanish();
UPDATE act_part SET day = 1 WHERE id = 1;
DROP TRIGGER vanish ON act_part_1;
SAVEPOINT s;
INSERT INTO act_part_1 (id, to_addr, body, day) VALUES (1, 'yes3@actions.example', :promo, 1);
ROLLBACK TO s;
ROLLBACK;
BEGIN;
-- moved and changed at once
UPDATE act_part SET day = 2, to_addr = 'stopped@actions.example' WHERE id = 1;
ROLLBACK;
SELECT consent.unguard('act_part');
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('act_part'::regclass, 'act_part_1'::regclass, 'act_part_2'::regclass);
SELECT consent.guard('act_part', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, on_block => 'divert', divert => $$state = 'cancelled'$$);
INSERT INTO act_part (id, to_addr, body, day) VALUES (2, 'stopped@actions.example', :promo, 1), (3, 'stopped@actions.example', :promo, 2), (4, 'yes@actions.example', :promo, 2) RETURNING id, state;
SELECT tableoid::regclass, id, state, consent.cleared(p) FROM act_part p ORDER BY id;
-- not mapped, every row is pending that has not been diverted
SELECT consent.guard_argument('act_part', 'consent_guard', 'pending');
-- one whose diversion sends the row to another partition
CREATE TABLE act_state (id int, to_addr text, body text, state text DEFAULT 'queued') PARTITION BY LIST (state);
CREATE TABLE act_state_live PARTITION OF act_state FOR VALUES IN ('queued', 'sending');
CREATE TABLE act_state_done PARTITION OF act_state DEFAULT;
SELECT consent.guard('act_state', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$state = 'queued'$$, claim => $$state = 'sending'$$, on_block => 'divert', divert => $$state = 'cancelled'$$);
INSERT INTO act_state VALUES (1, 'stopped@actions.example', :promo), (2, 'yes3@actions.example', :promo), (3, 'yes@actions.example', :promo);
SELECT tableoid::regclass, id, state FROM act_state ORDER BY id;
BEGIN;
SELECT consent.withdraw('yes3@actions.example') > 0 AS withdrawn;
UPDATE act_state SET state = 'sending' WHERE state = 'queued' RETURNING id;
SELECT tableoid::regclass, id, state FROM act_state ORDER BY id;
ROLLBACK;

-- One partition alone is guarded, by its owner, who has no right on the table above it.
CREATE ROLE regress_actions_leaf IN ROLE consent_admin;
GRANT CREATE ON SCHEMA public TO regress_actions_leaf;
CREATE TABLE act_half (id int, to_addr text, body text, state text DEFAULT 'queued', day int) PARTITION BY LIST (day);
CREATE TABLE act_half_1 PARTITION OF act_half FOR VALUES IN (1);
CREATE TABLE act_half_2 PARTITION OF act_half FOR VALUES IN (2);
ALTER TABLE act_half_1 OWNER TO regress_actions_leaf;
SET ROLE regress_actions_leaf;
SELECT consent.guard('act_half_1', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$state = 'queued'$$, divert => $$state = 'cancelled'$$);
RESET ROLE;
BEGIN;
INSERT INTO act_half VALUES (1, 'yes3@actions.example', :promo, 'queued', 1), (2, 'stopped@actions.example', :promo, 'queued', 2);
SELECT consent.withdraw('yes3@actions.example') > 0 AS withdrawn;
COMMIT;
SELECT tableoid::regclass, id, state FROM act_half ORDER BY id;
SELECT relation, leaf, health FROM consent.guards WHERE leaf = 'act_half_1'::regclass;
SELECT consent.give('yes3@actions.example', '{email}', 'actions acme', method => 'ticked_box', wording => 'Send me offers from Acme') > 0 AS given;
SELECT consent.unguard('act_half_1');
SELECT consent.guard('act_half_1', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$state = 'queued'$$, on_block => 'quarantine');
BEGIN;
INSERT INTO act_half VALUES (3, 'half@actions.example', :promo, 'queued', 1);
SELECT relation, "row"->>'id' AS id FROM consent.quarantine WHERE relation = 'act_half_1'::regclass;
SELECT consent.give('half@actions.example', '{email}', 'actions acme', method => 'ticked_box', wording => 'Send me offers from Acme') > 0 AS given;
SELECT consent.release(id) FROM consent.quarantine WHERE relation = 'act_half_1'::regclass;
SELECT tableoid::regclass, id, state FROM act_half ORDER BY id;
ROLLBACK;
-- what its diversion sends to another partition goes by the table above
SELECT consent.unguard('act_half_1');
SELECT consent.guard('act_half_1', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$state = 'queued'$$, divert => $$state = 'cancelled', day = 2$$);
BEGIN;
GRANT UPDATE, SELECT ON act_half TO regress_actions_leaf;
INSERT INTO act_half VALUES (4, 'yes3@actions.example', :promo, 'queued', 1);
SELECT consent.withdraw('yes3@actions.example') > 0 AS withdrawn;
SAVEPOINT s;
SELECT leaf, refused FROM consent.verify('act_half_1');
SELECT tableoid::regclass, id, state FROM act_half ORDER BY id;
ROLLBACK;
SELECT consent.unguard('act_half_1');
DROP TABLE act_half;
REVOKE CREATE ON SCHEMA public FROM regress_actions_leaf;
DROP ROLE regress_actions_leaf;

-- Claims that may go are logged as the guard says, by whichever trigger has the last word.
CREATE TABLE act_claims (id int, to_addr text, body text, kind text, state text DEFAULT 'queued', n int GENERATED ALWAYS AS (id + 1) STORED);
SELECT consent.guard('act_claims', recipient => 'to_addr', channel => $$'email'$$, body => 'body', class => 'kind', organisation => $$'actions acme'$$, pending => $$state = 'queued'$$,
                     claim => $$state = 'sending'$$, divert => $$state = 'cancelled'$$, log => 'all');
SELECT consent.guard('act_claims', recipient => $$CASE WHEN n > 0 THEN to_addr END$$, channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$state = 'queued'$$,
                     claim => $$state = 'sending'$$, divert => $$state = 'cancelled'$$, log => 'all', name => 'generated');
INSERT INTO act_claims VALUES (1, 'yes@actions.example', :promo, 'service');
UPDATE act_claims SET state = 'sending';
SELECT action, allowed, class, count(*) FROM consent.decision_log WHERE relation = 'act_claims'::regclass GROUP BY 1, 2, 3 ORDER BY 1;
SELECT count(*) AS disguised FROM consent.disguised_marketing WHERE relation = 'act_claims'::regclass;
DROP TABLE act_claims;

-- cleared(): a row asked about when it is taken from the queue.
CREATE TABLE act_cleared (id int, gone int, to_addr text, body text, status text DEFAULT 'queued');
ALTER TABLE act_cleared DROP COLUMN gone;
SELECT consent.guard('act_cleared', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$status = 'queued'$$);
SELECT consent.guard('act_cleared', recipient => 'to_addr', channel => $$'sms'$$, organisation => $$'actions other'$$, applies => 'id >= 100', name => 'text');
INSERT INTO act_cleared VALUES (1, 'yes@actions.example', :promo), (2, 'yes3@actions.example', :promo), (3, 'yes3@actions.example', :service), (4, 'yes3@actions.example', :promo);
BEGIN;
SELECT consent.withdraw('yes3@actions.example') > 0 AS withdrawn;
SELECT o.id FROM act_cleared o WHERE status = 'queued' AND consent.cleared(o) ORDER BY id FOR UPDATE SKIP LOCKED;
SELECT o.id, consent.cleared(o) FROM act_cleared o ORDER BY id;
SELECT consent.cleared(act_cleared) FROM act_cleared WHERE id = 1;
SELECT consent.cleared(NULL::act_cleared);
-- a row that was taken already, and one of another guard
SELECT consent.cleared(ROW(1, 'yes@actions.example', 'Get 20% off all boilers!', 'sending')::act_cleared), consent.cleared(ROW(100, 'yes@actions.example', 'Get 20% off all boilers!', 'queued')::act_cleared);
-- each guard has a say, not only the last; and one that only flags holds nothing back
SELECT consent.guard('act_cleared', recipient => $$'yes@actions.example'$$, channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, applies => 'id = 5', name => 'zzz');
SELECT consent.guard('act_cleared', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions other'$$, on_block => 'flag', name => 'watch');
SELECT consent.cleared(ROW(5, 'stopped@actions.example', 'Get 20% off all boilers!', 'queued')::act_cleared) AS refused_by_the_first, consent.cleared(ROW(5, 'yes@actions.example', 'Get 20% off all boilers!', 'queued')::act_cleared) AS only_flagged;
ROLLBACK;
-- a row can be made up, and mappings run as the table's owner: it takes the right to read the table
CREATE ROLE regress_actions_worker IN ROLE consent_reader;
SET ROLE regress_actions_worker;
SELECT consent.cleared(ROW(1, 'yes@actions.example', 'x', 'queued')::act_cleared);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT (id, to_addr, body) ON act_cleared TO regress_actions_worker;
SET ROLE regress_actions_worker;
SELECT consent.cleared(ROW(1, 'yes@actions.example', 'x', 'queued')::act_cleared);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT (id, to_addr, body, status) ON act_cleared TO regress_actions_worker;
SET ROLE regress_actions_worker;
SELECT consent.cleared(c) FROM act_cleared c WHERE id = 3;
RESET ROLE;
REVOKE SELECT (id, to_addr, body, status) ON act_cleared FROM regress_actions_worker;
DROP ROLE regress_actions_worker;
SELECT consent.cleared(r) FROM consent.reason r LIMIT 1;
\echo :LAST_ERROR_SQLSTATE
SELECT consent.cleared(1);
\echo :LAST_ERROR_SQLSTATE
DROP TABLE act_cleared;

-- A later trigger gets nothing through.
CREATE TABLE act_late (to_addr text, body text, status text DEFAULT 'queued');
SELECT consent.guard('act_late', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$status = 'queued'$$, claim => $$status = 'sending'$$,
                     on_block => 'divert', divert => $$status = 'cancelled'$$);
CREATE FUNCTION act_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_ARGV[0] = 'undo' THEN NEW.status := 'queued'; ELSE NEW.to_addr := 'stopped@actions.example'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER zzzz_later BEFORE INSERT OR UPDATE ON act_late FOR EACH ROW EXECUTE FUNCTION act_rewrite('undo');
INSERT INTO act_late VALUES ('yes@actions.example', :promo);
INSERT INTO act_late VALUES ('stopped@actions.example', :promo);
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER zzzz_later ON act_late;
CREATE TRIGGER zzzz_later BEFORE INSERT OR UPDATE ON act_late FOR EACH ROW EXECUTE FUNCTION act_rewrite('rewrite');
INSERT INTO act_late VALUES ('yes@actions.example', :promo);
UPDATE act_late SET status = 'sending';
-- nor does it help that the guard's BEFORE trigger is not there
ALTER TABLE act_late DISABLE TRIGGER zzzz_later;
BEGIN;
ALTER TABLE act_late DISABLE TRIGGER zzz_consent_guard;
SELECT consent.withdraw('yes@actions.example') > 0 AS withdrawn;
UPDATE act_late SET status = 'sending' WHERE to_addr = 'yes@actions.example';
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- nor that one is there that somebody has made by hand, and that does not see the claim
BEGIN;
DROP TRIGGER zzz_consent_guard ON act_late;
CREATE TRIGGER zzz_consent_guard BEFORE INSERT OR UPDATE OF body ON act_late FOR EACH ROW EXECUTE FUNCTION consent.guard_divert('consent_guard');
ALTER TABLE act_late ENABLE ALWAYS TRIGGER zzz_consent_guard;
SELECT consent.withdraw('yes@actions.example') > 0 AS withdrawn;
UPDATE act_late SET status = 'sending' WHERE to_addr = 'yes@actions.example';
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- one that comes before is seen
DROP TRIGGER zzzz_later ON act_late;
CREATE TRIGGER aaa_before BEFORE INSERT OR UPDATE ON act_late FOR EACH ROW EXECUTE FUNCTION act_rewrite('rewrite');
INSERT INTO act_late VALUES ('yes@actions.example', :promo) RETURNING to_addr, status;
-- and an AFTER trigger that changes the row is another write
DROP TRIGGER aaa_before ON act_late;
CREATE FUNCTION act_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE act_late SET to_addr = 'stopped@actions.example' WHERE ctid = NEW.ctid; RETURN NULL; END $$;
CREATE TRIGGER aaa_after AFTER INSERT ON act_late FOR EACH ROW EXECUTE FUNCTION act_change();
INSERT INTO act_late VALUES ('yes2@actions.example', :promo);
SELECT to_addr, status FROM act_late ORDER BY ctid;

-- A mapping of a generated column: known only when the row is stored.
CREATE TABLE act_generated (data jsonb, to_addr text GENERATED ALWAYS AS (data->>'to') STORED, status text DEFAULT 'queued');
SELECT consent.guard('act_generated', recipient => 'to_addr', channel => $$'email'$$, body => $$data->>'text'$$, organisation => $$'actions acme'$$, pending => $$status = 'queued'$$,
                     on_block => 'divert', divert => $$status = 'cancelled'$$);
INSERT INTO act_generated (data) VALUES (jsonb_build_object('to', 'yes@actions.example', 'text', :promo)), (jsonb_build_object('to', 'stopped@actions.example', 'text', :promo));
SELECT to_addr, status FROM act_generated ORDER BY 1;

-- A diversion that does not divert is no diversion.
CREATE TABLE act_not (to_addr text, status text DEFAULT 'queued', note text, n int GENERATED ALWAYS AS (1) STORED, at point, mood text[]);
SELECT consent.guard('act_not', recipient => 'to_addr', channel => $$'email'$$, organisation => $$'actions acme'$$, pending => $$status = 'queued'$$, on_block => 'divert', divert => $$note = consent.refusal_reason()$$);
INSERT INTO act_not VALUES ('stopped@actions.example');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unguard('act_not');
SELECT consent.guard('act_not', recipient => 'to_addr', channel => $$'email'$$, organisation => $$'actions acme'$$, on_block => 'divert', divert => $$note = consent.refusal_reason()$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('act_not', recipient => 'to_addr', channel => $$'email'$$, organisation => $$'actions acme'$$, claim => $$status = 'sending'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('act_not', recipient => 'to_addr', channel => $$'email'$$, organisation => $$'actions acme'$$, on_block => NULL);
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION act_try(divert text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM consent.guard('act_not', recipient => 'to_addr', channel => $q$'email'$q$, organisation => $q$'actions acme'$q$, pending => $q$status = 'queued'$q$, divert => act_try.divert);
  RETURN 'made';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT act_try($$status = 'x' WHERE true$$);
SELECT act_try($$status = 'x'; DROP TABLE act_not$$);
SELECT act_try($$status = 'x' RETURNING 1$$);
SELECT act_try($$status = (SELECT 'x')$$);
SELECT act_try($$nothing = 'x'$$);
SELECT act_try($$ctid = '(0,1)'$$);
SELECT act_try($$status = DEFAULT$$);
SELECT act_try($$(status, note) = ('x', 'y')$$);
SELECT act_try($$mood[1] = 'x'$$);
SELECT act_try($$n = 2$$);
SELECT act_try($$status = 'x', status = 'y'$$);
SELECT act_try($$at = 3$$);
SELECT act_try($$status = nothing()$$);
SELECT act_try('');
SELECT act_try($$status = 'x', note = to_addr || ' ' || consent.refusal_reason()$$);
SELECT consent.unguard('act_not');

-- Faults: what cannot be looked up, logged or kept refuses the statement, and nothing is lost.
CREATE TABLE act_fault (id int, to_addr text, body text, status text DEFAULT 'queued');
CREATE FUNCTION act_address(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF $1 = 'boom' THEN RAISE EXCEPTION 'no such person'; END IF; RETURN $1; END $$;
SELECT consent.guard('act_fault', recipient => 'act_address(to_addr)', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$status = 'queued'$$,
                     claim => $$status = 'sending'$$, on_block => 'divert', divert => $$status = 'cancelled'$$);
INSERT INTO act_fault VALUES (1, 'yes@actions.example', :promo), (2, 'stopped@actions.example', :promo);
INSERT INTO act_fault VALUES (3, 'boom', :promo);
INSERT INTO act_fault VALUES (3, 'boom', :service);
BEGIN;
ALTER TABLE consent.ledger RENAME TO gone;
INSERT INTO act_fault VALUES (3, 'yes@actions.example', :promo);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
ALTER TABLE consent.decision_log RENAME TO gone;
INSERT INTO act_fault VALUES (3, 'stopped@actions.example', :promo);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
DROP FUNCTION act_address(text);
INSERT INTO act_fault VALUES (3, 'yes@actions.example', :promo);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- the disk is full
CREATE FUNCTION act_disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = 'disk_full'; END $$;
BEGIN;
CREATE TRIGGER disk_full BEFORE INSERT ON consent.decision_log FOR EACH ROW EXECUTE FUNCTION act_disk_full();
INSERT INTO act_fault VALUES (3, 'stopped@actions.example', :promo);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
SELECT consent.withdraw('yes@actions.example') > 0 AS withdrawn;
CREATE TRIGGER disk_full BEFORE INSERT ON consent.decision_log FOR EACH ROW EXECUTE FUNCTION act_disk_full();
UPDATE act_fault SET status = 'sending' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT consent.unguard('act_fault');
SELECT consent.guard('act_fault', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$status = 'queued'$$, on_block => 'quarantine');
BEGIN;
CREATE TRIGGER disk_full BEFORE INSERT ON consent.quarantine FOR EACH ROW EXECUTE FUNCTION act_disk_full();
UPDATE act_fault SET to_addr = 'stopped@actions.example' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
ALTER TABLE consent.quarantine RENAME TO gone;
INSERT INTO act_fault VALUES (3, 'stopped@actions.example', :promo);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- a trigger of the table's own that will not let the row go
CREATE FUNCTION act_keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep BEFORE DELETE ON act_fault FOR EACH ROW EXECUTE FUNCTION act_keep();
INSERT INTO act_fault VALUES (3, 'stopped@actions.example', :promo);
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER keep ON act_fault;
SELECT id, to_addr, status FROM act_fault ORDER BY id;
-- what was only diverted or kept may be prepared
BEGIN;
INSERT INTO act_fault VALUES (4, 'stopped@actions.example', :promo);
PREPARE TRANSACTION 'act_prepared';
SELECT count(*) FROM consent.quarantine WHERE relation = 'act_fault'::regclass;
COMMIT PREPARED 'act_prepared';
SELECT "row"->>'id' AS id FROM consent.quarantine WHERE relation = 'act_fault'::regclass;
DROP TABLE act_fault;
-- DROP EXTENSION asks first, because the guards go with it
BEGIN;
DO $$ BEGIN EXECUTE 'DROP EXTENSION pg_consent'; EXCEPTION WHEN dependent_objects_still_exist THEN RAISE NOTICE 'refused'; END $$;
ROLLBACK;

-- A compiled guard is kept from statement to statement, until what it was made from changes.
CREATE SCHEMA act_kept;
CREATE TABLE act_kept.outbox (to_addr text, body text, spare text);
CREATE FUNCTION act_kept.address(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
SELECT consent.guard('act_kept.outbox', recipient => 'act_kept.address(to_addr)', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$);
INSERT INTO act_kept.outbox VALUES ('yes@actions.example', :promo);
INSERT INTO act_kept.outbox VALUES ('stopped@actions.example', :promo);
INSERT INTO act_kept.outbox VALUES ('yes@actions.example', :promo);
CREATE OR REPLACE FUNCTION act_kept.address(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'stopped@actions.example' $$;
INSERT INTO act_kept.outbox VALUES ('yes@actions.example', :promo);
CREATE OR REPLACE FUNCTION act_kept.address(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
INSERT INTO act_kept.outbox VALUES ('yes@actions.example', :promo);
ALTER TABLE act_kept.outbox DROP COLUMN spare, ADD COLUMN more int DEFAULT 3;
INSERT INTO act_kept.outbox VALUES ('stopped@actions.example', :promo);
ALTER TABLE act_kept.outbox RENAME to_addr TO recipient;
INSERT INTO act_kept.outbox VALUES ('yes@actions.example', :promo);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE act_kept.outbox RENAME recipient TO to_addr;
BEGIN;
ALTER SCHEMA act_kept RENAME TO act_keep;
INSERT INTO act_keep.outbox VALUES ('yes@actions.example', :promo);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
INSERT INTO act_kept.outbox VALUES ('yes@actions.example', :promo);
PREPARE act_insert (text) AS INSERT INTO act_kept.outbox VALUES ($1, 'Get 20% off all boilers!');
EXECUTE act_insert('yes@actions.example');
SELECT consent.unguard('act_kept.outbox');
EXECUTE act_insert('stopped@actions.example');
SELECT consent.guard('act_kept.outbox', recipient => 'to_addr', channel => $$'sms'$$, body => 'body', organisation => $$'actions other'$$);
EXECUTE act_insert('yes@actions.example');
SELECT consent.unguard('act_kept.outbox');
-- one whose mapping comes back to it
CREATE FUNCTION act_kept.again(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN IF $1 <> 'inner' THEN INSERT INTO act_kept.outbox VALUES ('inner'); END IF; RETURN $1; END $$;
SELECT consent.guard('act_kept.outbox', recipient => 'act_kept.again(to_addr)', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$);
INSERT INTO act_kept.outbox VALUES ('yes@actions.example', :promo);
\echo :LAST_ERROR_SQLSTATE
-- an error in the middle of it does no harm
CREATE OR REPLACE FUNCTION act_kept.again(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN IF $1 = 'boom' THEN RAISE EXCEPTION 'boom'; END IF; RETURN $1; END $$;
BEGIN;
SAVEPOINT s;
INSERT INTO act_kept.outbox VALUES ('boom', :promo);
ROLLBACK TO s;
INSERT INTO act_kept.outbox VALUES ('yes@actions.example', :promo);
INSERT INTO act_kept.outbox VALUES ('stopped@actions.example', :promo);
ROLLBACK;
DROP SCHEMA act_kept CASCADE;

-- The writer's settings, rights and objects mean nothing to a diversion, a claim or a quarantine.
CREATE SCHEMA act_app;
CREATE TYPE act_app.state AS ENUM ('queued', 'sending', 'cancelled');
CREATE TABLE act_app.outbox (id int, to_addr text, body text, state act_app.state DEFAULT 'queued', error text);
CREATE FUNCTION act_app.note(text) RETURNS text LANGUAGE sql AS $$ SELECT current_user || ' ' || $1 $$;
REVOKE EXECUTE ON FUNCTION act_app.note(text) FROM PUBLIC;
CREATE ROLE regress_act_writer;
CREATE ROLE regress_act_owner;
ALTER TABLE act_app.outbox OWNER TO regress_act_owner;
GRANT USAGE ON SCHEMA act_app TO regress_act_writer, regress_act_owner;
GRANT EXECUTE ON FUNCTION act_app.note(text) TO regress_act_owner;
GRANT INSERT, SELECT, UPDATE (state) ON act_app.outbox TO regress_act_writer;
SELECT consent.guard('act_app.outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$state = 'queued'$$, claim => $$state = 'sending'$$,
                     on_block => 'divert', divert => $$state = 'cancelled', error = act_app.note(consent.refusal_reason())$$);
INSERT INTO act_app.outbox VALUES (1, 'yes3@actions.example', :promo);
BEGIN;
SELECT consent.withdraw('yes3@actions.example') > 0 AS withdrawn;
ALTER TABLE act_app.outbox ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON act_app.outbox FOR ALL TO regress_act_writer USING (id < 10) WITH CHECK (id < 10);
SET ROLE regress_act_writer;
CREATE TEMP TABLE quarantine (id int);
CREATE TEMP TABLE decision_log (id int);
CREATE FUNCTION pg_temp.note(text) RETURNS text LANGUAGE sql AS $$ SELECT 'mine' $$;
SET search_path = pg_temp, public, pg_catalog;
SET row_security = on;
UPDATE act_app.outbox SET state = 'sending' WHERE id = 1 RETURNING id;
INSERT INTO act_app.outbox VALUES (2, 'stopped@actions.example', 'Get 20% off all boilers!') RETURNING id, state, error;
SELECT id, state, error FROM act_app.outbox ORDER BY id;
RESET search_path;
DROP TABLE pg_temp.quarantine, pg_temp.decision_log;
DROP FUNCTION pg_temp.note(text);
RESET ROLE;
SELECT reason, action FROM consent.decision_log WHERE relation = 'act_app.outbox'::regclass ORDER BY decided_at;
COMMIT;
SELECT consent.unguard('act_app.outbox');
SELECT consent.guard('act_app.outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, pending => $$state = 'queued'$$, on_block => 'quarantine');
SET ROLE regress_act_writer;
CREATE TEMP TABLE quarantine (id int);
SET search_path = pg_temp, public, pg_catalog;
INSERT INTO act_app.outbox VALUES (3, 'stopped@actions.example', 'Get 20% off all boilers!') RETURNING id, state;
SELECT id FROM act_app.outbox WHERE id = 3;
SELECT count(*) FROM pg_temp.quarantine;
SELECT "row" FROM consent.quarantine;
\echo :LAST_ERROR_SQLSTATE
SELECT consent.release(1);
\echo :LAST_ERROR_SQLSTATE
RESET search_path;
DROP TABLE pg_temp.quarantine;
RESET ROLE;
SELECT "row"->>'id' AS id, reason FROM consent.quarantine WHERE relation = 'act_app.outbox'::regclass;
DROP SCHEMA act_app CASCADE;
DROP ROLE regress_act_writer, regress_act_owner;
DROP TABLE act_sender, act_divert, act_flag, act_watch, act_log, act_sample, act_list, act_lists, act_retry, act_retry2, act_part, act_state, act_late, act_generated, act_not;
-- Rules whose weights differ in the last digit that a real has are other rules, and so the log says.
CREATE TABLE guard_digest (to_addr text, body text);
SELECT consent.guard('guard_digest', recipient => 'to_addr', channel => $$'email'$$, organisation => $$'guard acme'$$, body => 'body', on_block => 'flag', log => 'all');
INSERT INTO consent.rule (code, class, pattern, weight, citation, description) VALUES ('own.digest', 'service', 'qwertyuiop', 0.5, 'x', 'x');
INSERT INTO guard_digest VALUES ('digest1@guard.example', 'qwertyuiop');
UPDATE consent.rule SET weight = '0.50000006' WHERE code = 'own.digest';
INSERT INTO guard_digest VALUES ('digest2@guard.example', 'qwertyuiop');
-- So are rules that read alike when their columns are put one after another.
UPDATE consent.rule SET exceptions = 'x ' WHERE code = 'own.digest';
INSERT INTO guard_digest VALUES ('digest3@guard.example', 'qwertyuiop');
UPDATE consent.rule SET pattern = 'qwertyuiop x', exceptions = NULL WHERE code = 'own.digest';
INSERT INTO guard_digest VALUES ('digest4@guard.example', 'qwertyuiop');
UPDATE consent.rule SET pattern = NULL, condition = 'price.save_amount' WHERE code = 'own.digest';
INSERT INTO guard_digest VALUES ('digest5@guard.example', 'qwertyuiop');
UPDATE consent.rule SET pattern = 'price.save_amount', condition = NULL WHERE code = 'own.digest';
INSERT INTO guard_digest VALUES ('digest6@guard.example', 'qwertyuiop');
SELECT count(*) AS rows, count(DISTINCT ruleset) AS rulesets FROM consent.decision_log WHERE relation = 'guard_digest'::regclass;
DELETE FROM consent.rule WHERE code = 'own.digest';
SELECT consent.unguard('guard_digest');
DROP TABLE guard_digest;
