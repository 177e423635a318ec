-- Adapters: what is known of queues, and guards made from it.
LOAD 'pg_consent';
SET pg_consent.default_region = 'GB';
\set SHOW_CONTEXT never
\pset footer off
INSERT INTO consent.organisation (name) VALUES ('queue acme');
SELECT count(consent.give(c::consent.contact, '{email,sms}', 'queue acme', method => 'ticked_box', wording => 'Send me offers from Acme', at => '2026-01-01'))
  FROM unnest('{yes@queue.example,+447700900301}'::text[]) AS c;

SELECT adapter, versions, on_block, divert IS NOT NULL AS parks, claim IS NOT NULL AS claim, certified FROM consent.adapter ORDER BY lower(adapter);
SELECT adapter FROM consent.adapter WHERE undecided IS NULL OR NOT shipped;

-- Writes past the guards, as if the person had agreed then.
CREATE FUNCTION queue_unguarded(target regclass, statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t name;
BEGIN
  EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', target);
  EXECUTE statement;
  FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = target AND NOT tgisinternal LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', target, t);
  END LOOP;
END $$;

-- A table of the shape of graphile-worker's: the name of the task is in another table.
CREATE SCHEMA graphile_worker;
CREATE TABLE graphile_worker._private_tasks (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, identifier text NOT NULL UNIQUE);
CREATE TABLE graphile_worker._private_jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task_id int NOT NULL, payload json NOT NULL DEFAULT '{}',
  attempts smallint NOT NULL DEFAULT 0, max_attempts smallint NOT NULL DEFAULT 25, last_error text, locked_at timestamptz, locked_by text, job_queue_id int);
CREATE TABLE graphile_worker._private_job_queues (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue_name text, locked_at timestamptz, locked_by text);
INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('thumbnail');
SELECT consent.guard_queue('graphile-worker', queue => 'send_email', recipient => $$payload->>'to'$$, channel => $$'email'$$,
                           body => $$payload->>'text'$$, organisation => $$'queue acme'$$, on_block => 'raise');
SELECT consent.guard_queue('GraphileWorker', 'send_sms', $$payload->>'phone'$$, $$'sms'$$, $$payload->>'text'$$,
                           organisation => $$'queue acme'$$, on_block => 'raise');
SELECT name, relation, health FROM consent.guards WHERE relation = 'graphile_worker._private_jobs'::regclass ORDER BY name;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'graphile_worker._private_jobs'::regclass AND tgname ~ 'release' ORDER BY 1;
-- tasks made after their guards
INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('send_email'), ('send_sms');
\set VERBOSITY terse
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (2, '{"to": "yes@queue.example", "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (2, '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (2, '{"to": "no@queue.example", "text": "Your order 4411 is out for delivery today."}');
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (3, '{"phone": "07700 900301", "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (3, '{"phone": "07700 900302", "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (1, '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}');
-- a task removed and made again has another number
DELETE FROM graphile_worker._private_jobs;
DELETE FROM graphile_worker._private_tasks WHERE identifier = 'send_email';
INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('send_email');
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (4, '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}');
-- a task nobody can name is everybody's concern
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (99, '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}');
SELECT consent.task_identifier('graphile_worker._private_tasks', 4), consent.task_identifier('graphile_worker._private_tasks', 99),
       consent.task_identifier('graphile_worker._private_tasks', id) FROM generate_series(1, 4) id;
-- ... nor does a plan of several processes keep it from being read (the setting has two names)
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT consent.task_identifier('graphile_worker._private_tasks', id) FROM generate_series(4, 4) id;
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT consent.task_identifier('graphile_worker._private_jobs', 4);
SELECT consent.task_identifier('consent.guards', 4);
SELECT 'graphile_worker._private_tasks'::regclass::oid AS tasks \gset
SET ROLE consent_reader;
SELECT consent.task_identifier(:tasks, 4);
RESET ROLE;
-- not pending: in a worker's hands, or out of attempts
INSERT INTO graphile_worker._private_jobs (task_id, payload, attempts) VALUES (4, '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}', 25);
SELECT consent.unguard_queue('graphile-worker', 'send_sms');
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (3, '{"phone": "07700 900302", "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (4, '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}');
SELECT consent.unguard_queue('graphile-worker');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'graphile_worker._private_jobs'::regclass;

-- The adapter's own action: the job is stored, and out of attempts.
DELETE FROM graphile_worker._private_jobs;
SELECT consent.guard_queue('graphile-worker', queue => 'send_email', recipient => $$payload->>'to'$$, channel => $$'email'$$,
                           body => $$payload->>'text'$$, organisation => $$'queue acme'$$);
INSERT INTO graphile_worker._private_jobs (task_id, payload)
  SELECT 4, json_build_object('to', a, 'text', t) FROM unnest('{yes@queue.example,no@queue.example}'::text[]) a,
         unnest('{Get 20% off all boilers this weekend only!,Your order 4411 is out for delivery today.}'::text[]) t
  RETURNING payload->>'to' AS "to", left(payload->>'text', 10) AS text, attempts, last_error;
SELECT consent.unguard('graphile_worker._private_jobs');

-- The owner of the queue needs to be in consent_admin, a worker's role needs nothing.
CREATE ROLE regress_queue_owner IN ROLE consent_admin;
CREATE ROLE regress_queue_worker;
ALTER SCHEMA graphile_worker OWNER TO regress_queue_owner;
ALTER TABLE graphile_worker._private_tasks OWNER TO regress_queue_owner;
ALTER TABLE graphile_worker._private_jobs OWNER TO regress_queue_owner;
ALTER TABLE graphile_worker._private_job_queues OWNER TO regress_queue_owner;
ALTER TABLE graphile_worker._private_tasks ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA graphile_worker TO regress_queue_worker;
GRANT SELECT, INSERT, UPDATE ON graphile_worker._private_jobs TO regress_queue_worker;
DELETE FROM graphile_worker._private_jobs;
SET ROLE regress_queue_owner;
SELECT consent.guard_queue('graphile-worker', queue => 'send_email', recipient => $$payload->>'to'$$, channel => $$'email'$$,
                           body => $$payload->>'text'$$, organisation => $$'queue acme'$$);
RESET ROLE;
SELECT queue_unguarded('graphile_worker._private_jobs', $$INSERT INTO graphile_worker._private_jobs (task_id, job_queue_id, payload) VALUES (4, 1, '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}')$$);
INSERT INTO graphile_worker._private_job_queues (queue_name, locked_at, locked_by) VALUES ('named', now(), 'worker');
SET ROLE regress_queue_worker;
INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (4, '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}') RETURNING attempts, last_error;
UPDATE graphile_worker._private_jobs SET attempts = attempts + 1, locked_at = now(), locked_by = 'worker' WHERE locked_at IS NULL AND attempts < max_attempts RETURNING id AS taken;
RESET ROLE;
SELECT job_queue_id, attempts, last_error, locked_by FROM graphile_worker._private_jobs ORDER BY id;
SELECT queue_name, locked_by FROM graphile_worker._private_job_queues;
SET ROLE regress_queue_owner;
SELECT consent.unguard_queue('graphile-worker', 'send_email');
RESET ROLE;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'graphile_worker._private_jobs'::regclass;

-- One of pg-boss's: a partition for each queue, also for one made later; in a schema of its own.
CREATE SCHEMA "regress boss";
CREATE TYPE "regress boss".job_state AS ENUM ('created', 'retry', 'active', 'completed', 'cancelled', 'failed');
CREATE TABLE "regress boss".job (id uuid NOT NULL DEFAULT gen_random_uuid(), name text NOT NULL, data jsonb, state "regress boss".job_state NOT NULL DEFAULT 'created',
  completed_on timestamptz, output jsonb) PARTITION BY LIST (name);
CREATE TABLE "regress boss".j1 PARTITION OF "regress boss".job FOR VALUES IN ('it''s mail');
SELECT consent.guard_queue('pgboss', queue => 'it''s mail', recipient => $$data->>'to'$$, channel => $$'email'$$, body => $$data->>'text'$$,
                           organisation => $$'queue acme'$$, on_block => 'raise', schema => 'regress boss');
SELECT consent.guard_queue('pgboss', queue => 'later', recipient => $$data->>'to'$$, channel => $$'email'$$, body => $$data->>'text'$$,
                           organisation => $$'queue acme'$$, on_block => 'raise', schema => 'regress boss');
CREATE TABLE "regress boss".j2 (LIKE "regress boss".job INCLUDING DEFAULTS);
ALTER TABLE "regress boss".job ATTACH PARTITION "regress boss".j2 FOR VALUES IN ('later');
INSERT INTO "regress boss".job (name, data) VALUES ('it''s mail', '{"to": "yes@queue.example", "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO "regress boss".job (name, data) VALUES ('it''s mail', '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO "regress boss".j2 (name, data) VALUES ('later', '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO "regress boss".job (name, data, state) VALUES ('later', '{"to": "no@queue.example", "text": "Get 20% off all boilers this weekend only!"}', 'failed');

-- One with mappings of its own: nothing to say but who sends.
CREATE TABLE post_office_emailtemplate (id int, subject text, content text, html_content text);
CREATE TABLE post_office_email (id serial, "to" text NOT NULL, cc text NOT NULL DEFAULT '', bcc text NOT NULL DEFAULT '', subject text, message text, html_message text NOT NULL DEFAULT '',
  status smallint, priority smallint, template_id int, context jsonb, backend_alias text NOT NULL DEFAULT '');
SELECT consent.guard_queue('django-post_office', organisation => $$'queue acme'$$, on_block => 'raise');
INSERT INTO post_office_email ("to", cc, subject, message, status) VALUES ('"Jo, the plumber" <yes@queue.example>', 'yes@queue.example, ', 'Offer', 'Get 20% off all boilers this weekend only!', 2);
INSERT INTO post_office_email ("to", bcc, subject, message, status) VALUES ('yes@queue.example', 'yes@queue.example, no@queue.example', 'Offer', 'Get 20% off all boilers this weekend only!', 2);
INSERT INTO post_office_email ("to", subject, message, status) VALUES ('no@queue.example', 'Your order', 'Your order 4411 is out for delivery today.', 2);
INSERT INTO post_office_email ("to", subject, message, status, priority) VALUES ('no@queue.example', 'Offer', 'Get 20% off all boilers this weekend only!', NULL, 3);

-- diverted, but for mail whose writer sends it without looking at the row again
SELECT consent.unguard_queue('django-post_office');
SELECT consent.guard_queue('django-post_office', organisation => $$'queue acme'$$);
SELECT name, on_block FROM consent.guards WHERE relation = 'post_office_email'::regclass ORDER BY name;
INSERT INTO post_office_email ("to", subject, message, status, priority) VALUES ('no@queue.example', 'Offer', 'Get 20% off all boilers this weekend only!', 2, 1) RETURNING status;
INSERT INTO post_office_email ("to", subject, message, status, priority) VALUES ('yes@queue.example', 'Offer', 'Get 20% off all boilers this weekend only!', NULL, 3) RETURNING status;
INSERT INTO post_office_email ("to", subject, message, status, priority) VALUES ('no@queue.example', 'Offer', 'Get 20% off all boilers this weekend only!', NULL, 3);
SELECT consent.unguard_queue('django-post_office');
-- The guard of a queue by name takes the other one with it.
SELECT consent.guard_queue('django-post_office', 'bulk', organisation => $$'queue acme'$$);
SELECT name, on_block FROM consent.guards WHERE relation = 'post_office_email'::regclass ORDER BY name;
INSERT INTO post_office_email ("to", subject, message, status, priority, backend_alias) VALUES ('no@queue.example', 'Offer', 'Get 20% off all boilers this weekend only!', NULL, 3, 'bulk');
SELECT consent.unguard_queue('django-post_office', 'bulk');
SELECT count(*) FROM consent.guards WHERE relation = 'post_office_email'::regclass;

-- An address that is in another table.
CREATE TABLE queue_customer (id int PRIMARY KEY, email text);
INSERT INTO queue_customer VALUES (1, 'no@queue.example');
SELECT consent.lookup('queue_customer', 'email', 'id', '1'), consent.lookup('queue_customer', 'email', 'id', '2'), consent.lookup('queue_customer', 'email', 'id', NULL);
SELECT consent.lookup('queue_customer', 'email', 'id', 'x');
SELECT consent.lookup('queue_customer', 'email', 'id', '1'' OR true --');
-- Recipients in an array, or in several messages of one job.
SELECT consent.json_texts(j, '$.to[*]') FROM unnest('{"{\"to\": \"a\"}","{\"to\": [\"a\", \"b\", null, 7]}","[{\"to\": \"a\"}, {\"to\": [\"b\"]}, {}]","{\"to\": []}","{}","[]","7",null}'::jsonb[]) j;
CREATE TABLE queue_batch (data json);
SELECT consent.guard('queue_batch', recipient => $$consent.json_texts(data::jsonb, '$.to[*]')$$, channel => $$'email'$$, body => $$array_to_string(consent.json_texts(data::jsonb, '$.text'), E'\n')$$,
                     organisation => $$'queue acme'$$);
INSERT INTO queue_batch VALUES ('{"to": ["yes@queue.example", "Yes <yes@queue.example>"], "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO queue_batch VALUES ('{"to": ["yes@queue.example", "no@queue.example"], "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO queue_batch VALUES ('[{"to": "yes@queue.example", "text": "Get 20% off all boilers this weekend only!"}, {"to": "no@queue.example", "text": "Your order 4411 is out for delivery today."}]');
INSERT INTO queue_batch VALUES ('[{"to": "no@queue.example", "text": "Your order 4411 is out for delivery today."}]');
INSERT INTO queue_batch VALUES ('{"to": {"address": "yes@queue.example"}, "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO queue_batch VALUES ('{"text": "Get 20% off all boilers this weekend only!"}');
SELECT consent.guard_index('queue_batch');
DROP TABLE queue_batch;
CREATE TYPE oban_job_state AS ENUM ('available', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled');
CREATE TABLE oban_jobs (id bigserial, queue text, state oban_job_state NOT NULL DEFAULT 'available', args jsonb, attempt int NOT NULL DEFAULT 0, attempted_at timestamp, cancelled_at timestamp, meta jsonb);
SELECT consent.guard_queue('oban', 'mailers', recipient => $$consent.lookup('queue_customer', 'email', 'id', args->>'customer')$$, channel => $$'email'$$,
                           body => $$args->>'text'$$, organisation => $$'queue acme'$$, on_block => 'raise');
-- Who only watches takes nothing out of the queue, and keeps nothing from a worker.  In a schema of any name.
CREATE SCHEMA "it's";
CREATE TABLE "it's".oban_jobs (LIKE oban_jobs INCLUDING ALL);
SELECT consent.guard_queue('oban', 'mailers', schema => 'it''s', recipient => $$args->>'to'$$, channel => $$'email'$$, body => $$args->>'text'$$, organisation => $$'queue acme'$$, on_block => 'flag');
INSERT INTO "it's".oban_jobs (queue, args) VALUES ('mailers', '{"to": "watched@queue.example", "text": "Get 20% off all boilers this weekend only!"}');
UPDATE "it's".oban_jobs SET state = 'executing' RETURNING state;
UPDATE "it's".oban_jobs SET state = 'retryable' RETURNING state;
BEGIN;
SELECT consent.withdraw('watched@queue.example') > 0 AS withdrawn;
COMMIT;
SELECT state FROM "it's".oban_jobs;
SELECT consent.unguard_queue('oban', 'mailers', schema => 'it''s');
DROP SCHEMA "it's" CASCADE;
SELECT consent.guard_index('oban_jobs');
INSERT INTO oban_jobs (queue, args) VALUES ('mailers', '{"customer": 1, "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO oban_jobs (queue, args) VALUES ('mailers', '{"customer": 2, "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO oban_jobs (queue, args) VALUES ('events', '{"customer": 1, "text": "Get 20% off all boilers this weekend only!"}');
-- mappings that would be errors in a job of another queue are not run there
INSERT INTO oban_jobs (queue, args) VALUES ('events', '{"customer": "Jo", "text": "Get 20% off all boilers this weekend only!"}');
INSERT INTO oban_jobs (queue, args) VALUES ('mailers', '{"customer": "Jo", "text": "Get 20% off all boilers this weekend only!"}');

\set VERBOSITY default

-- Errors.
SELECT consent.guard_queue('sidekiq', queue => 'mail');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard_queue(NULL, queue => 'mail');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard_queue('River', queue => 'mail', recipient => $$args->>'to'$$, channel => $$'email'$$, organisation => $$'queue acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard_queue('PgQ', queue => 'mail', recipient => $$ev_data$$, channel => $$'email'$$, organisation => $$'queue acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard_queue('pgmq', recipient => $$message->>'to'$$, channel => $$'email'$$, organisation => $$'queue acme'$$);
\echo :LAST_ERROR_SQLSTATE
CREATE SCHEMA pgmq;
CREATE TABLE pgmq.meta (queue_name text);
SELECT consent.guard_queue('pgmq', queue => 'mail', recipient => $$message->>'to'$$, channel => $$'email'$$, organisation => $$'queue acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard_queue('Odoo sms', queue => 'sms');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard_queue('oban', 'newsletters', channel => $$'email'$$, organisation => $$'queue acme'$$, on_block => 'raise');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard_queue('oban', 'mailers', recipient => $$args->>'to'$$, channel => $$'email'$$, organisation => $$'queue acme'$$, on_block => 'raise');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unguard_queue('oban', 'newsletters');
\echo :LAST_ERROR_SQLSTATE

-- Adapters of one's own; the shipped ones are the extension's.
INSERT INTO consent.adapter (adapter, versions, tables, pending, on_block, recipient, channel, body)
VALUES ('Acme outbox', '3', $$VALUES ('{schema}acme_outbox')$$, $$state = 'new'$$, 'raise', $$addr$$, $$'email'$$, $$words$$);
CREATE TABLE acme_outbox (addr text, words text, state text DEFAULT 'new');
SELECT consent.guard_queue('acme-outbox', organisation => $$'queue acme'$$);
INSERT INTO acme_outbox (addr, words) VALUES ('no@queue.example', 'Get 20% off all boilers this weekend only!');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.adapter (adapter, versions, tables, on_block) VALUES ('PG Boss', '1', 'VALUES (''job'')', 'raise');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.adapter (adapter, versions, tables, on_block) VALUES ('mine', '1', 'VALUES (''job'')', 'divert');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.adapter (adapter, versions, tables, on_block, shipped) VALUES ('mine', '1', 'VALUES (''job'')', 'raise', true);
\echo :LAST_ERROR_SQLSTATE
UPDATE consent.adapter SET pending = 'false' WHERE adapter = 'pg-boss';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM consent.adapter WHERE adapter = 'pg-boss';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM consent.adapter WHERE adapter = 'Acme outbox';
-- What is sent at once, or may be for all that anybody can tell, is an error also where it is tried again.
INSERT INTO consent.adapter (adapter, versions, tables, pending, retry, at_once, on_block, divert, recipient, channel, body)
VALUES ('Acme instant', '1', $$VALUES ('{schema}acme_instant')$$, $$state IN ('new', 'retry')$$, $$state = 'retry'$$, 'instant', 'divert', $$state = 'stopped'$$, 'addr', $$'email'$$, 'words');
CREATE TABLE acme_instant (instant boolean, state text, addr text DEFAULT 'no@queue.example', words text DEFAULT 'Get 20% off all boilers this weekend only!');
SELECT consent.guard_queue('acme-instant', organisation => $$'queue acme'$$);
INSERT INTO acme_instant VALUES (true, 'new');
INSERT INTO acme_instant VALUES (NULL, 'new');
INSERT INTO acme_instant VALUES (true, 'retry');
INSERT INTO acme_instant VALUES (false, 'new'), (false, 'retry') RETURNING instant, state;
DROP TABLE acme_instant;
DELETE FROM consent.adapter WHERE adapter = 'Acme instant';

-- What an adapter says runs as whoever owns a queue: consent_admin may not write it.
SET ROLE consent_admin;
SELECT count(*) > 10 AS readable FROM consent.adapter;
INSERT INTO consent.adapter (adapter, versions, tables, on_block) VALUES ('mine', '1', 'VALUES (''job'')', 'raise');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard_queue('oban', 'others', recipient => $$args->>'to'$$, channel => $$'email'$$, organisation => $$'queue acme'$$, on_block => 'raise');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
\set VERBOSITY terse
DROP SCHEMA graphile_worker, "regress boss", pgmq CASCADE;
DROP TABLE post_office_email, post_office_emailtemplate, oban_jobs, acme_outbox, queue_customer;
DROP TYPE oban_job_state;
DROP FUNCTION queue_unguarded;
DROP ROLE regress_queue_owner, regress_queue_worker;
