-- The sweep: what is queued for somebody is cancelled by their withdrawal, in
-- its own transaction.
SET client_min_messages = warning;
\set VERBOSITY terse
SET timezone = 'Europe/London';
INSERT INTO consent.organisation (name) VALUES ('sweep acme'), ('sweep bolt');
\set promo '''Get 20% off all boilers this weekend only! Order now.'''
\set service '''Your order 4411 is out for delivery today.'''
\set agree 'SELECT count(consent.give(c::consent.contact, ''{email,sms}'', o, method => ''ticked_box'', wording => ''Send me offers'')) FROM unnest(''{jo@sweep.example,jo+news@sweep.example,sam@sweep.example,kim@sweep.example,+447700900311}''::text[]) c, unnest(''{sweep acme,sweep bolt}''::text[]) o;'
:agree

-- One table diverts, one has nowhere to put rows but the quarantine, one only
-- watches; one is partitioned and one holds lists and arrays of recipients.
CREATE TABLE sweep_divert (id int, to_addr text, channel text DEFAULT 'email', body text, org text DEFAULT 'sweep acme', status text DEFAULT 'queued', error text);
SELECT consent.guard('sweep_divert', recipient => 'to_addr', channel => 'channel', body => 'body', organisation => 'org',
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled', error = consent.refusal_reason()$$);
CREATE TABLE sweep_quarantine (id int, to_addr text, body text);
SELECT consent.guard('sweep_quarantine', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$);
CREATE TABLE sweep_flag (id int, to_addr text, body text);
SELECT consent.guard('sweep_flag', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$, on_block => 'flag');
CREATE TABLE sweep_part (id int, to_addr text, body text, day int, status text DEFAULT 'queued') PARTITION BY LIST (day);
CREATE TABLE sweep_part_1 PARTITION OF sweep_part FOR VALUES IN (1);
CREATE TABLE sweep_part_2 (status text DEFAULT 'queued', body text, day int, id int, to_addr text);
ALTER TABLE sweep_part ATTACH PARTITION sweep_part_2 FOR VALUES IN (2);
SELECT consent.guard('sweep_part', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
CREATE TABLE sweep_list (id int, rcpt text[], cc text, body text, status text DEFAULT 'queued');
SELECT consent.guard('sweep_list', recipient => 'rcpt || cc', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);

INSERT INTO sweep_divert (id, to_addr, channel, body, org, status) VALUES
  (1, 'Jo@Sweep.Example', 'email', :promo, 'sweep acme', 'queued'),
  (2, 'Jo <jo@sweep.example>', 'email', :service, 'sweep acme', 'queued'),
  (3, 'jo@sweep.example', 'email', :promo, 'sweep acme', 'sent'),
  (4, 'jo@sweep.example', 'email', :promo, 'sweep bolt', 'queued'),
  (5, 'jo+news@sweep.example', 'email', :promo, 'sweep acme', 'queued'),
  (6, 'sam@sweep.example', 'email', :promo, 'sweep acme', 'queued'),
  (7, '07700 900311', 'sms', :promo, 'sweep acme', 'queued');
INSERT INTO sweep_quarantine VALUES (1, 'jo@sweep.example', :promo), (2, 'jo@sweep.example', :service), (3, 'sam@sweep.example', :promo);
INSERT INTO sweep_flag VALUES (1, 'jo@sweep.example', :promo);
INSERT INTO sweep_part VALUES (1, 'jo@sweep.example', :promo, 1), (2, 'jo@sweep.example', :promo, 2), (3, 'sam@sweep.example', :promo, 2);
INSERT INTO sweep_list VALUES (1, '{sam@sweep.example,jo@sweep.example}', 'sam@sweep.example', :promo), (2, '{sam@sweep.example}', 'kim@sweep.example, Jo <jo@sweep.example>', :promo),
  (3, '{sam@sweep.example}', 'kim@sweep.example', :promo);

-- jo withdraws from acme: bolt's, the other form's and the service message stay
SELECT consent.withdraw('jo@sweep.example', organisation => 'sweep acme') > 0 AS withdrawn;
SELECT id, to_addr, org, status, error FROM sweep_divert ORDER BY id;
SELECT id, to_addr FROM sweep_quarantine ORDER BY id;
SELECT relation, "row"->>'id' AS id, reason, event_id IS NOT NULL AS event FROM consent.quarantine WHERE relation = 'sweep_quarantine'::regclass;
SELECT id FROM sweep_flag;
SELECT id, tableoid::regclass, status FROM sweep_part ORDER BY id;
SELECT id, status FROM sweep_list ORDER BY id;
SELECT relation, cancelled, skipped, problem FROM consent.sweep_log WHERE contact_digest = int8send(consent.guard_key('JO+x@sweep.example', 'GB')) ORDER BY relation::text;
-- each of them is a decision, told like others
SELECT relation, contact, allowed, reason, class, organisation, action, event_id IS NOT NULL AS event, evidence -> 'class' AS evidence
  FROM consent.decision_log WHERE relation::text LIKE 'sweep%' AND decided_at >= now() - interval '1 hour' ORDER BY relation::text, action, contact;

-- an objection reaches every form, a number every spelling; who has nothing queued leaves no trace
SELECT consent.object('jo@sweep.example') > 0 AS objected, consent.suppress('+447700900311') > 0 AS suppressed, consent.object('nobody@sweep.example') > 0 AS stranger;
SELECT id, to_addr, status, error FROM sweep_divert WHERE id IN (4, 5, 7, 2) ORDER BY id;
SELECT count(*) FROM consent.sweep_log WHERE contact_digest = int8send(consent.guard_key('nobody@sweep.example', 'GB'));

-- with the withdrawal's transaction, and not without it
INSERT INTO sweep_divert (id, to_addr, body) VALUES (10, 'sam@sweep.example', :promo);
BEGIN;
SAVEPOINT a;
SELECT consent.withdraw('sam@sweep.example') > 0 AS withdrawn;
ROLLBACK TO a;
COMMIT;
SELECT status FROM sweep_divert WHERE id = 10;
-- queued and withdrawn in one transaction
BEGIN;
INSERT INTO sweep_divert (id, to_addr, body) VALUES (11, 'sam@sweep.example', :promo);
SELECT consent.withdraw('sam@sweep.example') > 0 AS withdrawn;
COMMIT;
SELECT id, status FROM sweep_divert WHERE id IN (10, 11) ORDER BY id;
:agree

-- At every isolation level, and read only from now on.
INSERT INTO sweep_divert (id, to_addr, body) VALUES (20, 'sam@sweep.example', :promo), (21, 'kim@sweep.example', :promo);
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT consent.withdraw('sam@sweep.example') > 0 AS withdrawn;
SET TRANSACTION READ ONLY;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
COMMIT;
SELECT id, status FROM sweep_divert WHERE id IN (20, 21) ORDER BY id;
SHOW transaction_isolation;
SHOW lock_timeout;
:agree

-- Many at once: every pending row is looked at.
INSERT INTO sweep_divert (id, to_addr, body) VALUES (30, 'sam@sweep.example', :promo), (31, 'kim@sweep.example', :promo), (32, 'kim@sweep.example', :service);
INSERT INTO consent.ledger (contact, kind) SELECT ('n' || n || '@sweep.example')::consent.contact, 'withdrawal' FROM generate_series(1, 20000) n UNION ALL SELECT 'sam@sweep.example', 'withdrawal';
SELECT id, status FROM sweep_divert WHERE id IN (30, 31, 32) ORDER BY id;
SELECT keys IS NULL AS too_many, cardinality(keys) FROM consent.gate_log ORDER BY xid DESC LIMIT 1;
:agree

-- A guard that is broken does not keep anybody from withdrawing; nor does one row.
INSERT INTO sweep_quarantine VALUES (10, 'kim@sweep.example', :promo);
INSERT INTO sweep_divert (id, to_addr, body) VALUES (40, 'kim@sweep.example', :promo), (41, 'kim@sweep.example', :promo);
ALTER TABLE sweep_divert ADD CHECK (id <> 40 OR status <> 'cancelled');
ALTER TABLE sweep_quarantine RENAME to_addr TO recipient;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT id, status FROM sweep_divert WHERE id IN (40, 41) ORDER BY id;
SELECT id FROM sweep_quarantine WHERE id = 10;
SELECT relation, cancelled, skipped, problem FROM consent.sweep_log WHERE problem IS NOT NULL AND relation IN ('sweep_divert'::regclass, 'sweep_quarantine'::regclass) ORDER BY relation::text;
SELECT health FROM consent.guards WHERE relation = 'sweep_quarantine'::regclass;
ALTER TABLE sweep_quarantine RENAME recipient TO to_addr;
ALTER TABLE sweep_divert DROP CONSTRAINT sweep_divert_check;
:agree

-- One recipient of several may have been refused before, and the row be there all the same: that hides no withdrawal of another.
INSERT INTO sweep_list VALUES (33, '{jo@sweep.example,kim@sweep.example}', 'sam@sweep.example', :promo), (34, '{jo@sweep.example}', 'sam@sweep.example', :promo);
ALTER TABLE sweep_list DISABLE TRIGGER consent_guard;
SELECT consent.withdraw('jo@sweep.example') > 0 AS withdrawn;
ALTER TABLE sweep_list ENABLE ALWAYS TRIGGER consent_guard;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT id, status FROM sweep_list WHERE id IN (33, 34) ORDER BY id;
SELECT refused FROM consent.verify('sweep_list');
:agree

-- With the rights of the table's owner, not of who withdraws, whatever that one has set.
CREATE ROLE regress_sweep_person;
GRANT consent_writer TO regress_sweep_person;
INSERT INTO sweep_divert (id, to_addr, body) VALUES (50, 'kim@sweep.example', :promo);
ALTER TABLE sweep_divert ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SET ROLE regress_sweep_person;
CREATE TEMP TABLE sweep_divert (id int, to_addr text, body text);
SET search_path = pg_temp, public;
SET pg_consent.default_region = 'DE';
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT current_user, current_setting('search_path') AS path;
RESET search_path;
RESET pg_consent.default_region;
DROP TABLE pg_temp.sweep_divert;
RESET ROLE;
ALTER TABLE sweep_divert DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
SELECT id, status FROM sweep_divert WHERE id = 50;
REVOKE consent_writer FROM regress_sweep_person;
DROP ROLE regress_sweep_person;
:agree

-- Triggers of the table run; what they queue and what they withdraw is judged and swept too.
CREATE FUNCTION sweep_sorry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO sweep_quarantine VALUES (60, 'sam@sweep.example', 'Get 20% off all boilers this weekend only!');
  PERFORM consent.withdraw('sam@sweep.example');
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER sorry AFTER UPDATE ON sweep_divert DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'cancelled') EXECUTE FUNCTION sweep_sorry();
INSERT INTO sweep_divert (id, to_addr, body) VALUES (61, 'kim@sweep.example', :promo);
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT id, status FROM sweep_divert WHERE id = 61;
SELECT count(*) AS live FROM sweep_quarantine WHERE id = 60;
SELECT "row"->>'id' AS id, reason FROM consent.quarantine WHERE "row"->>'id' = '60';
DROP TRIGGER sorry ON sweep_divert;
:agree

-- A cursor that a trigger leaves open, as many do, is closed with the transaction.  One that is to be held
-- would be read to its end by whoever withdraws, with the rights of that one.
CREATE FUNCTION sweep_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  c refcursor;
  n int;
BEGIN
  OPEN c FOR SELECT id FROM sweep_divert;
  FETCH c INTO n;
  IF TG_ARGV[0] = 'hold' THEN EXECUTE 'DECLARE sweep_held CURSOR WITH HOLD FOR SELECT id FROM sweep_divert'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER leaves_open AFTER UPDATE ON sweep_divert FOR EACH ROW EXECUTE FUNCTION sweep_cursor();
INSERT INTO sweep_divert (id, to_addr, body) VALUES (62, 'kim@sweep.example', :promo);
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT count(*) AS open FROM pg_cursors;
SELECT id, status FROM sweep_divert WHERE id = 62;
:agree
DROP TRIGGER leaves_open ON sweep_divert;
CREATE TRIGGER leaves_open AFTER UPDATE ON sweep_divert FOR EACH ROW EXECUTE FUNCTION sweep_cursor('hold');
INSERT INTO sweep_divert (id, to_addr, body) VALUES (63, 'kim@sweep.example', :promo);
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT count(*) AS open FROM pg_cursors;
SELECT id, status FROM sweep_divert WHERE id = 63;
SELECT relation, cancelled, skipped, problem FROM consent.sweep_log ORDER BY ctid DESC LIMIT 1;
DROP TRIGGER leaves_open ON sweep_divert;
DROP FUNCTION sweep_cursor();
SELECT FROM consent.finish_sweeps();
SELECT id, status FROM sweep_divert WHERE id = 63;
:agree

-- The index by which it finds its rows.
SELECT * FROM consent.guard_index('sweep_divert') \gexec
SELECT * FROM consent.guard_index('sweep_quarantine') \gexec
SELECT * FROM consent.guard_index('sweep_part') \gexec
SELECT * FROM consent.guard_index('sweep_list') \gexec
SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'sweep%' ORDER BY 1;
INSERT INTO sweep_divert (id, to_addr, body) SELECT 1000 + n, 'p' || n || '@sweep.example', :service FROM generate_series(1, 2000) n;
ANALYZE sweep_divert;
EXPLAIN (COSTS OFF) SELECT ctid FROM sweep_divert WHERE (status = 'queued') IS NOT FALSE AND consent.guard_key(to_addr, 'GB') = ANY ('{1,0}');
INSERT INTO sweep_divert (id, to_addr, body) VALUES (70, 'kim@sweep.example', :promo);
INSERT INTO sweep_list VALUES (70, '{kim@sweep.example}', 'sam@sweep.example', :promo), (71, '{sam@sweep.example}', 'sam@sweep.example', :promo);
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT id, status FROM sweep_divert WHERE id = 70 UNION ALL SELECT id, status FROM sweep_list WHERE id IN (70, 71) ORDER BY id, status;
SELECT consent.guard_key('jo@sweep.example', 'GB') = consent.guard_key('JO+tag@Sweep.Example', 'GB') AS same,
       consent.guard_key('07700 900311', 'GB') = consent.guard_key('+447700900311', 'FR') AS number,
       consent.guard_key('a@b.example, c@d.example', 'GB') AS several, consent.guard_key('nonsense', 'GB') AS none,
       consent.guard_key('{a@b.example,NULL}'::text[], 'GB') = consent.guard_key('a@b.example', 'GB') AS element;
SELECT consent.guard_key('jo@sweep.example', 'gb');
\echo :LAST_ERROR_SQLSTATE

-- Rows of another queue may hold what a guard's mappings cannot read.
CREATE TABLE sweep_queues (id int, queue text, data jsonb, state text NOT NULL DEFAULT 'created');
SELECT consent.guard('sweep_queues', recipient => $$data->'to'->>((data->>'n')::int)$$, channel => $$'email'$$, body => $$data->>'text'$$, organisation => $$'sweep acme'$$,
                     pending => $$state = 'created'$$, applies => $$queue = 'email'$$, divert => $$state = 'cancelled'$$, name => 'email');
INSERT INTO sweep_queues VALUES (1, 'thumbnails', '{"n": "small"}'), (2, 'email', '{"n": 0, "to": ["sam@sweep.example"], "text": "Get 20% off all boilers this weekend only!"}');
SELECT consent.withdraw('sam@sweep.example') > 0 AS withdrawn;
SELECT id, state FROM sweep_queues ORDER BY id;
SELECT * FROM consent.guard_index('sweep_queues') \gexec
:agree
UPDATE sweep_queues SET state = 'created' WHERE id = 2;
INSERT INTO sweep_queues VALUES (3, 'thumbnails', '{"n": "small"}');
SET enable_seqscan = off;
SELECT consent.withdraw('sam@sweep.example') > 0 AS withdrawn;
RESET enable_seqscan;
SELECT id, state FROM sweep_queues ORDER BY id;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'sweep_queues'::regclass ORDER BY at;
DROP TABLE sweep_queues;
:agree

-- What parking a row puts off to the commit runs as the table's owner, whoever withdraws; and if
-- that fails, or changes settings, it is not the withdrawal that suffers.
CREATE ROLE regress_sweep_owner IN ROLE consent_admin;
CREATE SCHEMA regress_sweep AUTHORIZATION regress_sweep_owner;
SET ROLE regress_sweep_owner;
CREATE TABLE regress_sweep.q (id int PRIMARY KEY, to_addr text, body text, status text DEFAULT 'queued');
CREATE TABLE regress_sweep.seen (who text);
CREATE FUNCTION regress_sweep.late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO seen VALUES (current_user);
  PERFORM set_config('search_path', 'regress_sweep', false);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON regress_sweep.q DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION regress_sweep.late();
SELECT consent.guard('regress_sweep.q', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$, pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
RESET ROLE;
SELECT consent.give('late@sweep.example', '{email}', 'sweep acme', method => 'oral', wording => 'w', at => '2026-01-01') > 0 AS given;
INSERT INTO regress_sweep.q VALUES (1, 'late@sweep.example', :promo);
SELECT consent.withdraw('late@sweep.example') > 0 AS withdrawn;
SELECT status FROM regress_sweep.q;
SELECT who FROM regress_sweep.seen;
SHOW search_path;
SELECT consent.unguard('regress_sweep.q');
CREATE TABLE regress_sweep.dj (id int PRIMARY KEY, to_addr text, body text, status text DEFAULT 'queued');
CREATE TABLE regress_sweep.dj_log (id int REFERENCES regress_sweep.dj DEFERRABLE INITIALLY DEFERRED);
SELECT consent.guard('regress_sweep.dj', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$, pending => $$status = 'queued'$$, on_block => 'quarantine');
SELECT consent.give('late@sweep.example', '{email}', 'sweep acme', method => 'oral', wording => 'w', at => clock_timestamp()) > 0 AS given;
INSERT INTO regress_sweep.dj VALUES (1, 'late@sweep.example', :promo);
INSERT INTO regress_sweep.dj_log VALUES (1);
SELECT consent.withdraw('late@sweep.example', at => clock_timestamp()) > 0 AS withdrawn;
SELECT reason FROM consent.evaluate('late@sweep.example', 'email', 'sweep acme');
SELECT status FROM regress_sweep.dj;
SELECT cancelled, skipped FROM consent.sweep_log WHERE relation = 'regress_sweep.dj'::regclass;
SELECT consent.unguard('regress_sweep.dj');
-- A worker who changes what generated columns are made of, and claims in the same statement, is seen through.
CREATE TABLE regress_sweep.gq (id int, payload jsonb, locked_by text, done_at timestamptz,
  to_addr text GENERATED ALWAYS AS (payload->>'to') STORED, body text GENERATED ALWAYS AS (payload->>'text') STORED);
SELECT consent.guard('regress_sweep.gq', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => 'done_at IS NULL', claim => 'locked_by IS NOT NULL', divert => $$done_at = '2000-01-01'$$);
INSERT INTO regress_sweep.gq VALUES (1, '{"to": "late@sweep.example", "text": "Your order 4411 is out for delivery today."}');
UPDATE regress_sweep.gq SET locked_by = 'me', payload = '{"to": "late@sweep.example", "text": "Get 20% off all boilers this weekend only! Order now."}';
\echo :LAST_ERROR_SQLSTATE
UPDATE regress_sweep.gq SET locked_by = 'me';
SELECT locked_by, done_at FROM regress_sweep.gq;
-- A row that a mapping errs on does not keep the sweep from the others.
CREATE TABLE regress_sweep.odd (id int, n int, to_addr text, status text DEFAULT 'queued');
INSERT INTO regress_sweep.odd VALUES (1, 0, 'odd@sweep.example');
SELECT consent.guard('regress_sweep.odd', recipient => 'to_addr', channel => $$'email'$$, body => $$'Get ' || 20 / n || '% off all boilers this weekend only!'$$, organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
SELECT consent.give('odd@sweep.example', '{email}', 'sweep acme', method => 'oral', wording => 'w', at => '2026-01-01') > 0 AS given;
INSERT INTO regress_sweep.odd VALUES (2, 1, 'odd@sweep.example');
SELECT consent.withdraw('odd@sweep.example') > 0 AS withdrawn;
SELECT id, status FROM regress_sweep.odd ORDER BY id;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'regress_sweep.odd'::regclass;
DROP SCHEMA regress_sweep CASCADE;
DROP ROLE regress_sweep_owner;

-- What a trigger says of a row it does not want changed is not kept, and what is kept is forgotten with the person.
CREATE TABLE sweep_talks (to_addr text, body text, status text DEFAULT 'queued');
CREATE FUNCTION sweep_talk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE '% is dear to us', NEW.to_addr; END $$;
CREATE TRIGGER talk BEFORE UPDATE ON sweep_talks FOR EACH ROW EXECUTE FUNCTION sweep_talk();
SELECT consent.guard('sweep_talks', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$, pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
SELECT consent.give('talk@sweep.example', '{email}', 'sweep acme', method => 'oral', wording => 'w', at => '2026-01-01') > 0 AS given;
INSERT INTO sweep_talks VALUES ('talk@sweep.example', :promo);
SELECT consent.withdraw('talk@sweep.example') > 0 AS withdrawn;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'sweep_talks'::regclass;
DELETE FROM sweep_talks;
SELECT consent.forget('Talk+tag@sweep.example') > 0 AS forgotten;
SELECT count(*) FROM consent.sweep_log WHERE relation = 'sweep_talks'::regclass;
DROP TABLE sweep_talks;
DROP FUNCTION sweep_talk();

-- What is not guarded any more, or switched off, is not swept.
INSERT INTO sweep_divert (id, to_addr, body) VALUES (80, 'sam@sweep.example', :promo);
INSERT INTO sweep_quarantine VALUES (80, 'sam@sweep.example', :promo);
ALTER TABLE sweep_divert DISABLE TRIGGER consent_guard;
SELECT consent.unguard('sweep_quarantine');
SELECT consent.withdraw('sam@sweep.example') > 0 AS withdrawn;
SELECT id, status FROM sweep_divert WHERE id = 80;
SELECT count(*) FROM sweep_quarantine WHERE id = 80;
-- a trigger made by hand guards nothing, and does no harm
CREATE TABLE sweep_hand (to_addr text);
INSERT INTO sweep_hand VALUES ('sam@sweep.example');
CREATE TRIGGER by_hand AFTER INSERT ON sweep_hand FOR EACH ROW EXECUTE FUNCTION consent.guard_check('recipient', 'to_addr');
SELECT consent.withdraw('sam@sweep.example') > 0 AS withdrawn;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'sweep_hand'::regclass;
DROP TABLE sweep_hand, sweep_divert, sweep_quarantine, sweep_flag, sweep_part, sweep_list;
DROP FUNCTION sweep_sorry();

-- In a large table a withdrawal needs an index: guard() offers it, and so does the view.
CREATE TABLE sweep_large (to_addr text, body text, filler text, status text DEFAULT 'queued');
INSERT INTO sweep_large SELECT 'n' || n || '@sweep.example', :promo, repeat('x', 1000) FROM generate_series(1, 9000) n;
SET client_min_messages = notice;
\set VERBOSITY default
SELECT consent.guard('sweep_large', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, applies => 'true', on_block => 'flag', name => 'watch');
SELECT consent.guard('sweep_large', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$, applies => 'true', on_block => 'flag', name => 'park');
SELECT consent.guard('sweep_large', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
\set VERBOSITY terse
SELECT count(judged) FROM consent.verify('sweep_large');
SELECT health, detail FROM consent.guards WHERE relation = 'sweep_large'::regclass ORDER BY detail;
-- what a sweep of it had to leave nobody does in passing
INSERT INTO sweep_large VALUES ('kim@sweep.example', :promo);
ALTER TABLE sweep_large RENAME to_addr TO recipient;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
ALTER TABLE sweep_large RENAME recipient TO to_addr;
SELECT consent.withdraw('jo@sweep.example') > 0 AS withdrawn;
SELECT status FROM sweep_large WHERE to_addr = 'kim@sweep.example';
SELECT consent.finish_sweeps();
SELECT status FROM sweep_large WHERE to_addr = 'kim@sweep.example';
:agree
SELECT * FROM consent.guard_index('sweep_large') WHERE guard_index NOT LIKE '%CASE%' \gexec
SELECT health, detail FROM consent.guards WHERE relation = 'sweep_large'::regclass;
-- one that CREATE INDEX CONCURRENTLY has left half made is none
UPDATE pg_index SET indisvalid = false WHERE indrelid = 'sweep_large'::regclass;
SELECT name, detail FROM consent.guards WHERE relation = 'sweep_large'::regclass ORDER BY 1;
SELECT consent.unguard('sweep_large');
DROP TABLE sweep_large;

-- A lock that was taken in a part of a sweep that failed is held when it is wanted again.
CREATE TABLE sweep_first (to_addr text, body text, status text DEFAULT 'queued');
CREATE TABLE sweep_second (to_addr text, body text, status text DEFAULT 'queued');
CREATE TABLE sweep_locks (n bigint);
SELECT consent.guard(t, recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$) FROM unnest('{sweep_first,sweep_second}'::regclass[]) t;
CREATE FUNCTION sweep_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM consent.object('other@sweep.example', at => '2026-01-02');
  IF TG_TABLE_NAME = 'sweep_first' THEN RAISE 'no'; END IF;
  INSERT INTO public.sweep_locks SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid = 3 AND classid = 1 AND mode = 'ExclusiveLock';
  RETURN NEW;
END $$;
CREATE TRIGGER others BEFORE UPDATE ON sweep_first FOR EACH ROW EXECUTE FUNCTION sweep_others();
CREATE TRIGGER others BEFORE UPDATE ON sweep_second FOR EACH ROW EXECUTE FUNCTION sweep_others();
SELECT consent.give('locked@sweep.example', '{email}', 'sweep acme', method => 'oral', wording => 'w', at => '2026-01-01') > 0 AS given;
INSERT INTO sweep_first VALUES ('locked@sweep.example', :promo);
INSERT INTO sweep_second VALUES ('locked@sweep.example', :promo);
SELECT consent.withdraw('locked@sweep.example', at => '2026-02-01') > 0 AS withdrawn;
SELECT relation, cancelled, skipped, problem FROM consent.sweep_log WHERE relation IN ('sweep_first'::regclass, 'sweep_second'::regclass) ORDER BY relation::text;
SELECT n AS "locks of two addresses" FROM sweep_locks;
DROP TABLE sweep_first, sweep_second, sweep_locks;
DROP FUNCTION sweep_others();

-- A mapping that sleeps on a row, or while rows are looked for, or a trigger that
-- does when one is parked: the table is given up, and the withdrawal stands.
CREATE FUNCTION sweep_sleeps(body text, here text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF body LIKE 'slow%' AND current_setting('sweep.sleeps', true) = here THEN PERFORM pg_sleep(30); END IF;
  RETURN body;
END $$;
CREATE TABLE sweep_slow (id int, to_addr text, body text, status text DEFAULT 'queued');
SELECT consent.guard('sweep_slow', recipient => 'to_addr', channel => $$'email'$$, body => $$sweep_sleeps(body, 'body')$$, organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued' AND sweep_sleeps(body, 'pending') IS NOT NULL$$, divert => $$status = 'cancelled'$$);
CREATE FUNCTION sweep_sleeps_too() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM public.sweep_sleeps(NEW.body, 'trigger');
  RETURN NEW;
END $$;
CREATE TRIGGER sleeps BEFORE UPDATE ON sweep_slow FOR EACH ROW EXECUTE FUNCTION sweep_sleeps_too();
SET pg_consent.sweep_timeout = '300ms';
SELECT consent.give(('slow' || n || '@sweep.example')::consent.contact, '{email}', 'sweep acme', method => 'oral', wording => 'w', at => '2026-01-01') > 0 AS given FROM generate_series(1, 3) n;
INSERT INTO sweep_slow SELECT 10 * n + i, 'slow' || n || '@sweep.example', CASE WHEN i = 2 THEN 'slow: ' ELSE '' END || :promo FROM generate_series(1, 3) n, generate_series(1, 3) i;
SET sweep.sleeps = 'body';
SELECT consent.withdraw('slow1@sweep.example') > 0 AS withdrawn;
SET sweep.sleeps = 'trigger';
SELECT consent.withdraw('slow2@sweep.example') > 0 AS withdrawn;
SET sweep.sleeps = 'pending';
SELECT consent.withdraw('slow3@sweep.example') > 0 AS withdrawn;
RESET sweep.sleeps;
SELECT array_agg(kind) AS said FROM consent.ledger WHERE contact::text LIKE 'slow_@sweep.example' AND kind = 'withdrawal';
SELECT id, status FROM sweep_slow ORDER BY id;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'sweep_slow'::regclass ORDER BY at;
-- what was left is refused to whoever asks, is shown, and makes nobody wait who has not been asked to do it
SELECT count(*) AS pending, count(*) FILTER (WHERE consent.cleared(s)) AS cleared FROM sweep_slow s WHERE status = 'queued';
SELECT health, detail FROM consent.guards WHERE relation = 'sweep_slow'::regclass;
SET sweep.sleeps = 'body';
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
INSERT INTO sweep_slow VALUES (1, 'sam@sweep.example', :service);
RESET sweep.sleeps;
SELECT count(*) AS pending FROM sweep_slow WHERE status = 'queued' AND id > 1;
RESET pg_consent.sweep_timeout;
SELECT consent.finish_sweeps();
SELECT count(*) AS pending FROM sweep_slow WHERE status = 'queued' AND id > 1;
SELECT health, detail FROM consent.guards WHERE relation = 'sweep_slow'::regclass;
SELECT consent.finish_sweeps();
:agree
-- (versions word the range differently)
\set VERBOSITY sqlstate
SET pg_consent.sweep_timeout = -1;
\set VERBOSITY terse
RESET pg_consent.sweep_timeout;
DROP TABLE sweep_slow;

-- What is left stays left while a guard is disabled or broken, and is forgotten with it.
CREATE TABLE sweep_owing (id int, to_addr text, body text);
SELECT consent.guard('sweep_owing', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$);
INSERT INTO sweep_owing VALUES (1, 'kim@sweep.example', :promo);
ALTER TABLE sweep_owing RENAME to_addr TO recipient;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
ALTER TABLE sweep_owing DISABLE TRIGGER consent_guard;
SELECT consent.finish_sweeps();
ALTER TABLE sweep_owing ENABLE ALWAYS TRIGGER consent_guard;
ALTER TABLE sweep_owing RENAME recipient TO to_addr;
SELECT consent.finish_sweeps();
SELECT consent.finish_sweeps(), count(*) AS left FROM sweep_owing;
:agree
INSERT INTO sweep_owing VALUES (2, 'kim@sweep.example', :promo);
ALTER TABLE sweep_owing RENAME to_addr TO recipient;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
DROP TABLE sweep_owing;
SELECT consent.finish_sweeps();
SELECT consent.finish_sweeps();
BEGIN READ ONLY;
SELECT consent.finish_sweeps();
ROLLBACK;

-- Where "pending" covers rows in work, one that is inserted as taken is judged, and a withdrawal reaches the row that a worker has.
CREATE TABLE sweep_in_work (id int, to_addr text, body text, status text DEFAULT 'queued');
SELECT consent.guard('sweep_in_work', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status IN ('queued', 'sending')$$, claim => $$status = 'sending'$$, divert => $$status = 'cancelled'$$);
INSERT INTO sweep_in_work VALUES (1, 'kim@sweep.example', :promo, 'sending');
:agree
INSERT INTO sweep_in_work VALUES (2, 'kim@sweep.example', :promo);
UPDATE sweep_in_work SET status = 'sending' RETURNING id, status;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
TABLE sweep_in_work;
DROP TABLE sweep_in_work;

-- A diversion that the table's constraints forbid: the row stays, and everybody is told.
CREATE TABLE sweep_forbidden (id int, to_addr text, body text, status text DEFAULT 'queued' CHECK (status IN ('queued', 'sent')));
SELECT consent.guard('sweep_forbidden', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
:agree
INSERT INTO sweep_forbidden VALUES (1, 'kim@sweep.example', :promo);
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'sweep_forbidden'::regclass;
SELECT health FROM consent.guards WHERE relation = 'sweep_forbidden'::regclass;
SELECT * FROM consent.verify('sweep_forbidden');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE sweep_forbidden DROP CONSTRAINT sweep_forbidden_status_check;
SELECT judged, refused FROM consent.verify('sweep_forbidden');
SELECT status FROM sweep_forbidden;
DROP TABLE sweep_forbidden;
-- A rule that has something else done instead: nobody is told that the row was cancelled.
CREATE TABLE sweep_ruled (id int, to_addr text, body text, status text DEFAULT 'queued');
CREATE TABLE sweep_elsewhere (LIKE sweep_ruled);
SELECT consent.guard('sweep_ruled', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
CREATE RULE elsewhere AS ON UPDATE TO sweep_ruled DO INSTEAD UPDATE sweep_elsewhere SET status = NEW.status WHERE id = OLD.id RETURNING *;
:agree
INSERT INTO sweep_ruled VALUES (1, 'kim@sweep.example', :promo);
INSERT INTO sweep_elsewhere TABLE sweep_ruled;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT status FROM sweep_ruled UNION ALL SELECT status FROM sweep_elsewhere;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'sweep_ruled'::regclass;
SELECT health FROM consent.guards WHERE relation = 'sweep_ruled'::regclass;
SELECT judged FROM consent.verify('sweep_ruled');
ALTER TABLE sweep_ruled DISABLE RULE elsewhere;
SELECT refused FROM consent.verify('sweep_ruled');
SELECT status FROM sweep_ruled;
DROP TABLE sweep_ruled, sweep_elsewhere;
DROP FUNCTION sweep_sleeps(text, text), sweep_sleeps_too();
-- A trigger of the table touches the person's other rows when one is parked: they are parked too.
CREATE TABLE sweep_touch (id int, to_addr text, body text, status text DEFAULT 'queued', touched int DEFAULT 0);
SELECT consent.guard('sweep_touch', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
CREATE FUNCTION sweep_touches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sweep_touch SET touched = touched + 1, body = CASE id WHEN 3 THEN 'Your order 4411 is out for delivery today.' ELSE body END
   WHERE to_addr = NEW.to_addr AND status = 'queued';
  RETURN NULL;
END $$;
CREATE TRIGGER touches AFTER UPDATE OF status ON sweep_touch FOR EACH ROW EXECUTE FUNCTION sweep_touches();
:agree
INSERT INTO sweep_touch SELECT n, 'kim@sweep.example', :promo FROM generate_series(1, 4) n;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT id, status, touched FROM sweep_touch ORDER BY id;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'sweep_touch'::regclass;
DROP TABLE sweep_touch;
DROP FUNCTION sweep_touches();
-- ... and moves them to another partition, or deletes them: those that are moved are left, which is said, until all are parked.
CREATE TABLE sweep_move (id int, to_addr text, body text, place int, status text DEFAULT 'queued') PARTITION BY LIST (place);
CREATE TABLE sweep_move_1 PARTITION OF sweep_move FOR VALUES IN (1);
CREATE TABLE sweep_move_2 PARTITION OF sweep_move FOR VALUES IN (2);
SELECT consent.guard('sweep_move', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
CREATE FUNCTION sweep_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM sweep_move WHERE to_addr = NEW.to_addr AND status = 'queued' AND id = 5;
  UPDATE sweep_move SET place = 3 - place WHERE to_addr = NEW.to_addr AND status = 'queued';
  RETURN NULL;
END $$;
CREATE TRIGGER moves AFTER UPDATE OF status ON sweep_move FOR EACH ROW EXECUTE FUNCTION sweep_moves();
:agree
INSERT INTO sweep_move SELECT n, 'kim@sweep.example', :promo, 1 FROM generate_series(1, 5) n;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT tableoid::regclass, id, status FROM sweep_move ORDER BY id;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'sweep_move'::regclass;
SELECT leaf, health FROM consent.guards WHERE relation = 'sweep_move'::regclass ORDER BY leaf::text;
SELECT consent.finish_sweeps();
SELECT consent.finish_sweeps();
SELECT consent.finish_sweeps();
SELECT consent.finish_sweeps();
SELECT tableoid::regclass, id, status FROM sweep_move ORDER BY id;
SELECT leaf, health FROM consent.guards WHERE relation = 'sweep_move'::regclass ORDER BY leaf::text;
DROP TABLE sweep_move;
DROP FUNCTION sweep_moves();

-- A child that nobody guards keeps no row of its parent from being swept.
CREATE TABLE sweep_parent (id int, to_addr text, body text);
SELECT consent.guard('sweep_parent', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$);
CREATE TABLE sweep_child () INHERITS (sweep_parent);
:agree
INSERT INTO sweep_child VALUES (1, 'kim@sweep.example', :promo);
INSERT INTO sweep_parent VALUES (2, 'kim@sweep.example', :promo);
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
SELECT tableoid::regclass, id FROM sweep_parent;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'sweep_parent'::regclass;
DROP TABLE sweep_parent CASCADE;

-- What can be said of a row only by its owner is said by him: whose policies hide it from everybody, and whose mapping asks who calls.
-- A row of which nobody can tell whether it is pending is; and each guard of a table is swept by its own mappings.
SET client_min_messages = warning;
CREATE ROLE regress_sweep_owner IN ROLE consent_admin;
CREATE ROLE regress_sweep_person;
GRANT consent_writer TO regress_sweep_person;
CREATE SCHEMA regress_sweep AUTHORIZATION regress_sweep_owner;
GRANT USAGE ON SCHEMA regress_sweep TO PUBLIC;
SET ROLE regress_sweep_owner;
CREATE FUNCTION regress_sweep.by_owner(to_addr text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF current_user <> 'regress_sweep_owner' THEN
    RAISE 'not the owner but %', current_user;
  END IF;
  RETURN to_addr;
END $$;
CREATE TABLE regress_sweep.hidden (id int, queue text, to_addr text, cc text, body text, status text DEFAULT 'queued');
ALTER TABLE regress_sweep.hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY writes ON regress_sweep.hidden FOR INSERT WITH CHECK (true);
SELECT consent.guard('regress_sweep.hidden', recipient => 'regress_sweep.by_owner(to_addr)', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$, applies => $$queue = 'a'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$, name => 'a'),
       consent.guard('regress_sweep.hidden', recipient => 'cc', channel => $$'email'$$, body => 'body', organisation => $$'sweep acme'$$, applies => $$queue = 'b'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'stopped'$$, name => 'b');
RESET ROLE;
:agree
GRANT INSERT ON regress_sweep.hidden TO regress_sweep_person;
SET ROLE regress_sweep_person;
INSERT INTO regress_sweep.hidden VALUES (1, 'a', 'kim@sweep.example', NULL, :promo, 'queued'), (2, 'b', NULL, 'kim@sweep.example', :promo, 'queued'), (3, 'a', 'kim@sweep.example', NULL, :promo, NULL),
  (4, 'b', 'kim@sweep.example', 'sam@sweep.example', :promo, 'queued');
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
RESET ROLE;
SELECT id, status FROM regress_sweep.hidden ORDER BY id;
-- ... of each of the many that he is asked about in turn
:agree
INSERT INTO regress_sweep.hidden SELECT n, 'a', 'kim@sweep.example', NULL, :promo, 'queued' FROM generate_series(11, 1111) n;
SET ROLE regress_sweep_person;
SELECT consent.withdraw('kim@sweep.example') > 0 AS withdrawn;
RESET ROLE;
SELECT status, count(*) FROM regress_sweep.hidden WHERE id > 10 GROUP BY status;
SELECT cancelled, skipped, problem FROM consent.sweep_log WHERE relation = 'regress_sweep.hidden'::regclass ORDER BY cancelled DESC;
DROP SCHEMA regress_sweep CASCADE;
REVOKE consent_writer FROM regress_sweep_person;
DROP ROLE regress_sweep_owner, regress_sweep_person;
