-- Queues that no test runs for real: their tables with all that a guard could
-- run into (constraints, indexes, triggers), and what their clients send to
-- add, take, finish, fail and requeue a job.  Written anew and no more than is
-- needed; what each follows is said with it.
--
-- Of every queue the same is played: refused offers, permitted ones and service
-- messages are added; one that nobody may be sent any more is about to be taken;
-- somebody objects while a job waits and while one runs; that one fails.
LOAD 'pg_consent';
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset footer off
SET pg_consent.default_region = 'GB';
SET client_min_messages = warning;
INSERT INTO consent.organisation (name) VALUES ('queues acme');
SELECT count(consent.give(c::consent.contact, '{email,sms,post}', 'queues acme', method => 'ticked_box', wording => 'Send me offers from Acme', at => '2026-01-01'))
  FROM unnest('{yes@queues.example,+447700900501,postal:1 high street town ab1 2cd}'::text[]) AS c;
-- people who will object
SELECT count(consent.give(format('%s-%s@queues.example', who, queue)::consent.contact, '{email}', 'queues acme', method => 'ticked_box', wording => 'Send me offers from Acme', at => '2026-01-01'))
  FROM unnest('{waits,runs}'::text[]) who, unnest('{pgmq,oban,river,procrastinate,solid,odoo,django,notify}'::text[]) queue;
CREATE FUNCTION queues_offer(who text) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('to', who || '@queues.example', 'text', 'Get 20% off all boilers this weekend only!') $$;
CREATE FUNCTION queues_notice(who text) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('to', who || '@queues.example', 'text', 'Your order 4411 is out for delivery today.') $$;
-- "no offer": to whom, and which of the two
CREATE FUNCTION queues_job(job jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT split_part(job->>'to', '@', 1) || CASE WHEN job->>'text' LIKE 'Your order%' THEN ' notice' ELSE ' offer' END $$;
-- Writes past the guards, as if a sweep had found the row locked.
CREATE FUNCTION queues_unguarded(target regclass, statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t name;
BEGIN
  FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = target AND NOT tgisinternal AND tgname ~ 'consent' LOOP
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', target, t);
  END LOOP;
  EXECUTE statement;
  FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = target AND NOT tgisinternal AND tgname ~ 'consent' LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', target, t);
  END LOOP;
END $$;

-------------------------------------------------------------------------------
-- pgmq 1.5: functions that run statements they have put together.
-------------------------------------------------------------------------------
CREATE SCHEMA pgmq;
CREATE TABLE pgmq.meta (queue_name varchar UNIQUE NOT NULL, is_partitioned boolean NOT NULL, is_unlogged boolean NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO pgmq.meta VALUES ('My news', false, false);
CREATE TABLE pgmq."q_my news" (msg_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, read_ct int NOT NULL DEFAULT 0, enqueued_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL, message jsonb, headers jsonb);
CREATE INDEX ON pgmq."q_my news" (vt);
CREATE TABLE pgmq."a_my news" (msg_id bigint PRIMARY KEY, read_ct int NOT NULL, enqueued_at timestamptz NOT NULL, archived_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL, message jsonb, headers jsonb);
CREATE FUNCTION pgmq.send_batch(queue text, msgs jsonb[], delay int DEFAULT 0) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('INSERT INTO pgmq.%I (vt, message, headers) SELECT $2, unnest($1), NULL RETURNING msg_id', lower('q_' || queue))
    USING msgs, clock_timestamp() + make_interval(secs => delay);
END $$;
CREATE FUNCTION pgmq.send(queue text, msg jsonb, delay int DEFAULT 0) RETURNS SETOF bigint LANGUAGE sql AS $$ SELECT pgmq.send_batch(queue, ARRAY[msg], delay) $$;
CREATE FUNCTION pgmq.read(queue text, vt int, qty int) RETURNS SETOF pgmq."q_my news" LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    WITH next AS (SELECT msg_id FROM pgmq.%1$I WHERE vt <= clock_timestamp() ORDER BY msg_id LIMIT $1 FOR UPDATE SKIP LOCKED)
    UPDATE pgmq.%1$I m SET vt = clock_timestamp() + %2$L, read_ct = read_ct + 1 FROM next WHERE m.msg_id = next.msg_id RETURNING m.*$q$,
    lower('q_' || queue), make_interval(secs => vt)) USING qty;
END $$;
CREATE FUNCTION pgmq.archive(queue text, id bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  archived bigint;
BEGIN
  EXECUTE format($q$
    WITH gone AS (DELETE FROM pgmq.%I WHERE msg_id = $1 RETURNING msg_id, vt, read_ct, enqueued_at, message, headers)
    INSERT INTO pgmq.%I (msg_id, vt, read_ct, enqueued_at, message, headers) SELECT * FROM gone RETURNING msg_id$q$,
    lower('q_' || queue), lower('a_' || queue)) INTO archived USING id;
  RETURN archived IS NOT NULL;
END $$;
CREATE FUNCTION pgmq.set_vt(queue text, id bigint, vt int) RETURNS SETOF pgmq."q_my news" LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('UPDATE pgmq.%I SET vt = clock_timestamp() + %L WHERE msg_id = $1 RETURNING *', lower('q_' || queue), make_interval(secs => vt)) USING id;
END $$;
CREATE VIEW queues_pgmq AS SELECT msg_id, queues_job(message) AS job, read_ct, vt = 'infinity' AS parked FROM pgmq."q_my news";

SELECT consent.guard_queue('pgmq', 'My news', recipient => $$message->>'to'$$, channel => $$'email'$$, organisation => $$'queues acme'$$);
-- every client gets its ids
SELECT pgmq.send('My news', queues_offer('no'));
SELECT pgmq.send_batch('My news', ARRAY[queues_offer('no'), queues_offer('yes'), queues_notice('no'), queues_offer('waits-pgmq'), queues_offer('runs-pgmq')]);
SELECT queues_unguarded('pgmq."q_my news"', $$SELECT pgmq.send('My news', queues_offer('no'))$$);
TABLE queues_pgmq ORDER BY msg_id;
-- taken: what is refused only now is not handed out, and the others are
SELECT queues_job(message) AS taken, read_ct FROM pgmq.read('My news', 0, 10) ORDER BY msg_id;
SELECT consent.object('waits-pgmq@queues.example') > 0 AS objected;
SELECT queues_job(message) AS taken FROM pgmq.read('My news', 0, 10) ORDER BY msg_id;
-- a message in somebody's hands is parked too, and delivered to nobody again; what was done is done
SELECT consent.object('runs-pgmq@queues.example') > 0 AS objected;
SELECT pgmq.archive('My news', msg_id) FROM queues_pgmq WHERE job = 'yes offer';
-- nobody can bring a parked one back
SELECT vt = 'infinity' AS parked FROM pgmq.set_vt('My news', 1, 0);
SELECT vt = 'infinity' AS parked FROM pgmq.set_vt('My news', (SELECT msg_id FROM queues_pgmq WHERE job = 'runs-pgmq offer'), 0);
TABLE queues_pgmq ORDER BY msg_id;
-- but it can be archived
SELECT pgmq.archive('My news', 1);
DROP VIEW queues_pgmq;
DROP SCHEMA pgmq CASCADE;

-------------------------------------------------------------------------------
-- Oban 2.23, migrations to 14.  Ecto inserts one job returning its id alone, so
-- the struct in the client's hands goes on saying "available"; insert_all returns
-- all of it.
-------------------------------------------------------------------------------
CREATE SCHEMA queues_oban;
SET search_path = queues_oban, public;
CREATE TYPE oban_job_state AS ENUM ('available', 'suspended', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled');
CREATE TABLE oban_jobs (
  id bigserial PRIMARY KEY, state oban_job_state NOT NULL DEFAULT 'available', queue text NOT NULL DEFAULT 'default', worker text NOT NULL, args jsonb NOT NULL DEFAULT '{}',
  errors jsonb[] NOT NULL DEFAULT '{}', attempt int NOT NULL DEFAULT 0, max_attempts int NOT NULL DEFAULT 20, inserted_at timestamp NOT NULL DEFAULT timezone('UTC', now()),
  scheduled_at timestamp NOT NULL DEFAULT timezone('UTC', now()), attempted_at timestamp, completed_at timestamp, attempted_by text[], discarded_at timestamp,
  priority int NOT NULL DEFAULT 0, tags text[] DEFAULT '{}', meta jsonb DEFAULT '{}', cancelled_at timestamp,
  CONSTRAINT positive_max_attempts CHECK (max_attempts > 0), CONSTRAINT attempt_range CHECK (attempt BETWEEN 0 AND max_attempts), CONSTRAINT non_negative_priority CHECK (priority >= 0));
CREATE VIEW queues_now AS SELECT id, queues_job(args) AS job, state, attempt, cancelled_at IS NOT NULL AS timed, meta FROM oban_jobs;
PREPARE oban_take(int) AS
  WITH subset AS (SELECT id FROM oban_jobs WHERE state = 'available' AND queue = 'news' ORDER BY priority, scheduled_at, id LIMIT $1 FOR UPDATE SKIP LOCKED),
  taken AS (UPDATE oban_jobs j SET state = 'executing', attempted_at = timezone('UTC', now()), attempted_by = '{node,uuid}', attempt = attempt + 1
    FROM subset x WHERE j.id = x.id AND j.attempt < j.max_attempts RETURNING j.*)
  SELECT queues_job(args) AS taken FROM taken ORDER BY id;
PREPARE oban_fail(text) AS
  UPDATE oban_jobs SET state = 'retryable', scheduled_at = timezone('UTC', now()), errors = errors || ARRAY['{"attempt": 1}'::jsonb] WHERE queues_job(args) = $1;
PREPARE oban_stage AS
  UPDATE oban_jobs j SET state = 'available' FROM (SELECT id, state FROM oban_jobs WHERE state IN ('scheduled', 'retryable') AND scheduled_at <= timezone('UTC', now()) LIMIT 100) x WHERE j.id = x.id
    RETURNING queues_job(args) AS staged;

SELECT consent.guard_queue('Oban', 'news', recipient => $$args->>'to'$$, channel => $$'email'$$, body => $$args->>'text'$$, organisation => $$'queues acme'$$);
INSERT INTO oban_jobs (args, queue, worker, meta) VALUES (queues_offer('no'), 'news', 'Mailer', '{"flow": 1}') RETURNING id;
INSERT INTO oban_jobs (args, queue, worker, state) SELECT queues_offer(w), 'news', 'Mailer', 'available' FROM unnest('{no,yes,runs-oban,waits-oban}'::text[]) w
  ON CONFLICT DO NOTHING RETURNING id, state;
INSERT INTO oban_jobs (args, queue, worker, state) VALUES (queues_offer('no'), 'other', 'Mailer', 'available'), (queues_notice('no'), 'news', 'Mailer', 'available'),
  (queues_offer('waits-oban'), 'news', 'Mailer', 'suspended') RETURNING id, state;
SELECT queues_unguarded('oban_jobs', $$INSERT INTO oban_jobs (args, queue, worker) VALUES (queues_offer('no'), 'news', 'Mailer')$$);
EXECUTE oban_take(2);
SELECT consent.object(c::consent.contact) > 0 AS objected FROM unnest('{waits-oban@queues.example,runs-oban@queues.example}'::text[]) c;
EXECUTE oban_take(10);
-- what runs fails, snoozes (which takes an attempt back) or is rescued from a dead node: each is a retry
EXECUTE oban_fail('runs-oban offer');
UPDATE oban_jobs SET state = 'scheduled', scheduled_at = timezone('UTC', now()), attempt = attempt - 1, meta = '{"snoozed": 1}' WHERE queues_job(args) = 'yes offer';
UPDATE oban_jobs SET state = 'completed', completed_at = timezone('UTC', now()) WHERE queues_job(args) = 'no notice' AND queue = 'news';
EXECUTE oban_stage;
TABLE queues_now ORDER BY id;
-- "retry" in somebody's dashboard
UPDATE oban_jobs j SET state = 'available', max_attempts = greatest(max_attempts, attempt + 1), scheduled_at = timezone('UTC', now()), completed_at = NULL, cancelled_at = NULL, discarded_at = NULL
  FROM (SELECT id FROM oban_jobs WHERE state NOT IN ('available', 'executing') AND queues_job(args) = 'runs-oban offer') x WHERE j.id = x.id;
SELECT job, state FROM queues_now WHERE job = 'runs-oban offer';
-- A snoozed job of somebody who has objected never makes its worker fail, also where a refusal is an error.
SELECT consent.unguard_queue('Oban', 'news');
SELECT consent.guard_queue('Oban', 'news', recipient => $$args->>'to'$$, channel => $$'email'$$, body => $$args->>'text'$$, organisation => $$'queues acme'$$, on_block => 'raise');
INSERT INTO oban_jobs (args, queue, worker) VALUES (queues_offer('no'), 'news', 'Mailer');
SELECT queues_unguarded('oban_jobs', $$INSERT INTO oban_jobs (args, queue, worker, state, attempt, attempted_at) VALUES (queues_offer('no'), 'news', 'Mailer', 'executing', 1, now())$$);
UPDATE oban_jobs SET state = 'scheduled', attempt = attempt - 1 WHERE state = 'executing' RETURNING state;
DROP SCHEMA queues_oban CASCADE;
DEALLOCATE ALL;

-------------------------------------------------------------------------------
-- River 0.43, migrations to 7.
-------------------------------------------------------------------------------
CREATE SCHEMA queues_river;
SET search_path = queues_river, public;
CREATE TYPE river_job_state AS ENUM ('available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled');
CREATE FUNCTION river_job_state_in_bitmask(bitmask bit(8), state river_job_state) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT get_bit(bitmask, array_position('{scheduled,running,retryable,pending,discarded,completed,cancelled,available}'::text[], state::text) - 1) = 1 $$;
CREATE TABLE river_job (
  id bigserial PRIMARY KEY, state river_job_state NOT NULL DEFAULT 'available', attempt smallint NOT NULL DEFAULT 0, max_attempts smallint NOT NULL DEFAULT 25, attempted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(), finalized_at timestamptz, scheduled_at timestamptz NOT NULL DEFAULT now(), priority smallint NOT NULL DEFAULT 1, args jsonb NOT NULL,
  attempted_by text[], errors jsonb[], kind text NOT NULL, metadata jsonb NOT NULL DEFAULT '{}', queue text NOT NULL DEFAULT 'default', tags varchar(255)[] NOT NULL DEFAULT '{}',
  unique_key bytea, unique_states bit(8),
  CONSTRAINT finalized_or_finalized_at_null CHECK ((finalized_at IS NOT NULL) = (state IN ('cancelled', 'completed', 'discarded'))),
  CONSTRAINT priority_in_range CHECK (priority BETWEEN 1 AND 4));
CREATE UNIQUE INDEX river_job_unique_idx ON river_job (unique_key) WHERE unique_key IS NOT NULL AND unique_states IS NOT NULL AND river_job_state_in_bitmask(unique_states, state);
CREATE VIEW queues_now AS SELECT id, queues_job(args) AS job, state, attempt, finalized_at IS NOT NULL AS finalized, metadata FROM river_job;
PREPARE river_insert(jsonb[], text) AS
  INSERT INTO river_job (args, kind, max_attempts, queue, scheduled_at, state, unique_key, unique_states)
    SELECT a, 'mail', 25, 'news', now(), 'available', $2::bytea, CASE WHEN $2 IS NOT NULL THEN B'11110101' END FROM unnest($1) a
    ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND unique_states IS NOT NULL AND river_job_state_in_bitmask(unique_states, state) DO UPDATE SET kind = EXCLUDED.kind
    RETURNING id, state, xmax <> 0 AS duplicate;
PREPARE river_take(int) AS
  WITH locked AS (SELECT * FROM river_job WHERE state = 'available' AND queue = 'news' AND scheduled_at <= now() ORDER BY priority, scheduled_at, id LIMIT $1 FOR UPDATE SKIP LOCKED),
  taken AS (UPDATE river_job SET state = 'running', attempt = river_job.attempt + 1, attempted_at = now(), attempted_by = array_append(river_job.attempted_by, 'client')
    FROM locked WHERE river_job.id = locked.id RETURNING river_job.*)
  SELECT queues_job(args) AS taken FROM taken ORDER BY id;
-- what the completer does with several at once
PREPARE river_finish(text[], text[], int[]) AS
  WITH input AS (SELECT unnest($1) AS job, unnest($2)::river_job_state AS state, unnest($3) AS attempt),
  updated AS (
    UPDATE river_job SET state = input.state, attempt = coalesce(input.attempt, river_job.attempt), scheduled_at = now(), finalized_at = CASE WHEN input.state = 'completed' THEN now() END
      FROM input WHERE queues_job(river_job.args) = input.job AND river_job.state = 'running' RETURNING river_job.*)
  SELECT queues_job(args) AS finished, state FROM updated ORDER BY id;

SELECT consent.guard_queue('River', 'news', recipient => $$args->>'to'$$, channel => $$'email'$$, body => $$args->>'text'$$, organisation => $$'queues acme'$$);
-- the client is told: the job it gets back is cancelled
EXECUTE river_insert(ARRAY[queues_offer('no'), queues_offer('yes'), queues_notice('no'), queues_offer('waits-river'), queues_offer('runs-river')], NULL);
-- a refused job takes no unique key from an allowed one
EXECUTE river_insert(ARRAY[queues_offer('no')], 'k');
EXECUTE river_insert(ARRAY[queues_notice('yes')], 'k');
EXECUTE river_insert(ARRAY[queues_offer('no')], 'k');
-- InsertManyFast
COPY river_job (args, kind, max_attempts, queue) FROM stdin;
{"to": "no@queues.example", "text": "Get 20% off all boilers this weekend only!"}	mail	25	news
{"to": "no@queues.example", "text": "Get 20% off all boilers this weekend only!"}	mail	25	other
\.
SELECT queues_unguarded('river_job', $$INSERT INTO river_job (args, kind, queue) VALUES (queues_offer('no'), 'mail', 'news')$$);
SELECT consent.object('waits-river@queues.example') > 0 AS objected;
EXECUTE river_take(10);
SELECT consent.object('runs-river@queues.example') > 0 AS objected;
EXECUTE river_finish('{no notice,runs-river offer,yes offer,yes notice}', '{completed,retryable,scheduled,completed}', '{NULL,NULL,0,NULL}');
TABLE queues_now ORDER BY id;
-- rescued, or asked for again
UPDATE river_job SET state = 'available', finalized_at = NULL, scheduled_at = now() WHERE queues_job(args) = 'runs-river offer' AND state <> 'running' RETURNING state, finalized_at IS NOT NULL AS finalized;
-- A snoozed job of somebody who has objected never makes its worker fail, also where a refusal is an error.
SELECT consent.unguard_queue('River', 'news');
SELECT consent.guard_queue('River', 'news', recipient => $$args->>'to'$$, channel => $$'email'$$, body => $$args->>'text'$$, organisation => $$'queues acme'$$, on_block => 'raise');
EXECUTE river_insert(ARRAY[queues_offer('no'), queues_offer('yes')], NULL);
SELECT queues_unguarded('river_job', $$INSERT INTO river_job (args, kind, queue, state, attempt, attempted_at) VALUES (queues_offer('no'), 'mail', 'news', 'running', 1, now())$$);
EXECUTE river_finish('{no offer}', '{scheduled}', '{0}');
DROP SCHEMA queues_river CASCADE;
DEALLOCATE ALL;

-------------------------------------------------------------------------------
-- procrastinate 3.9: functions, and triggers that keep a diary of the jobs.
-------------------------------------------------------------------------------
CREATE SCHEMA queues_procrastinate;
SET search_path = queues_procrastinate, public;
CREATE TYPE procrastinate_job_status AS ENUM ('todo', 'doing', 'succeeded', 'failed', 'cancelled', 'aborting', 'aborted');
CREATE TABLE procrastinate_jobs (
  id bigserial PRIMARY KEY, queue_name varchar(128) NOT NULL, task_name varchar(128) NOT NULL, priority int NOT NULL DEFAULT 0, lock text, queueing_lock text, args jsonb NOT NULL DEFAULT '{}',
  status procrastinate_job_status NOT NULL DEFAULT 'todo', scheduled_at timestamptz, attempts int NOT NULL DEFAULT 0, abort_requested boolean NOT NULL DEFAULT false, worker_id bigint,
  CONSTRAINT check_not_todo_abort_requested CHECK (NOT (status = 'todo' AND abort_requested)));
CREATE UNIQUE INDEX ON procrastinate_jobs (queueing_lock) WHERE status = 'todo';
CREATE UNIQUE INDEX ON procrastinate_jobs (lock) WHERE status = 'doing';
CREATE TABLE procrastinate_events (id bigserial PRIMARY KEY, job_id bigint NOT NULL REFERENCES procrastinate_jobs ON DELETE CASCADE, type text);
CREATE FUNCTION procrastinate_defer(what jsonb[], qlock text DEFAULT NULL, tlock text DEFAULT NULL) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  ids bigint[];
BEGIN
  WITH inserted AS (INSERT INTO procrastinate_jobs (queue_name, task_name, args, queueing_lock, lock) SELECT 'news', 'send', a, qlock, tlock FROM unnest(what) a RETURNING id)
  SELECT array_agg(id ORDER BY id) FROM inserted INTO ids;
  RETURN ids;
END $$;
CREATE FUNCTION procrastinate_fetch() RETURNS procrastinate_jobs LANGUAGE plpgsql AS $$
DECLARE
  found procrastinate_jobs;
BEGIN
  WITH candidate AS (
    SELECT * FROM procrastinate_jobs jobs
     WHERE status = 'todo' AND queue_name = 'news' AND (scheduled_at IS NULL OR scheduled_at <= now())
       AND NOT EXISTS (SELECT FROM procrastinate_jobs o WHERE jobs.lock IS NOT NULL AND o.lock = jobs.lock AND (o.status = 'doing' OR o.status = 'todo' AND o.id < jobs.id))
     ORDER BY priority DESC, id LIMIT 1 FOR UPDATE OF jobs SKIP LOCKED)
  UPDATE procrastinate_jobs SET status = 'doing', worker_id = 1 FROM candidate WHERE procrastinate_jobs.id = candidate.id RETURNING procrastinate_jobs.* INTO found;
  RETURN found;
END $$;
CREATE FUNCTION procrastinate_retry(job bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  found bigint;
BEGIN
  UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, scheduled_at = now() WHERE id = job AND status IN ('doing', 'failed') RETURNING id INTO found;
  IF found IS NULL THEN
    RAISE 'Job was not found or has an invalid status to retry (job id: %)', job;
  END IF;
END $$;
-- as procrastinate's own, these count on finding their types on the search path
CREATE FUNCTION procrastinate_note_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO procrastinate_events (job_id, type) VALUES (NEW.id, 'deferred');
  PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, NEW.id::text);
  RETURN NEW;
END $$;
CREATE FUNCTION procrastinate_note_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO procrastinate_events (job_id, type)
    SELECT NEW.id, t FROM (SELECT CASE WHEN OLD.status = 'todo'::procrastinate_job_status AND NEW.status = 'doing'::procrastinate_job_status THEN 'started'
      WHEN OLD.status = 'doing'::procrastinate_job_status AND NEW.status = 'todo'::procrastinate_job_status THEN 'deferred_for_retry'
      WHEN OLD.status = 'todo'::procrastinate_job_status AND NEW.status = 'cancelled'::procrastinate_job_status THEN 'cancelled' END) AS e (t) WHERE t IS NOT NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER procrastinate_note_insert AFTER INSERT ON procrastinate_jobs FOR EACH ROW WHEN (NEW.status = 'todo') EXECUTE FUNCTION procrastinate_note_insert();
CREATE TRIGGER procrastinate_note_update AFTER UPDATE OF status ON procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION procrastinate_note_update();
CREATE VIEW queues_now AS SELECT id, queues_job(args) AS job, status, attempts, (SELECT string_agg(type, ' ' ORDER BY e.id) FROM procrastinate_events e WHERE job_id = j.id) AS events FROM procrastinate_jobs j;

SELECT consent.guard_queue('procrastinate', 'news', recipient => $$args->>'to'$$, channel => $$'email'$$, body => $$args->>'text'$$, organisation => $$'queues acme'$$);
SELECT procrastinate_defer(ARRAY[queues_offer('no'), queues_offer('runs-procrastinate'), queues_notice('no'), queues_offer('waits-procrastinate')]);
-- a refused job takes no queueing lock from an allowed one
SELECT procrastinate_defer(ARRAY[queues_offer('no')], 'q');
SELECT procrastinate_defer(ARRAY[queues_offer('yes')], 'q', 'l');
SELECT queues_unguarded('procrastinate_jobs', $$INSERT INTO procrastinate_jobs (queue_name, task_name, args, priority, lock) VALUES ('news', 'send', queues_offer('no'), 1, 'm')$$);
SELECT procrastinate_defer(ARRAY[queues_notice('yes')], NULL, 'm');
SELECT consent.object('waits-procrastinate@queues.example') > 0 AS objected;
-- the job that is parked is one empty answer; those behind its lock are free
SELECT queues_job(args) AS taken FROM procrastinate_fetch();
SELECT queues_job(args) AS taken FROM procrastinate_fetch();
SELECT queues_job(args) AS taken FROM procrastinate_fetch();
SELECT queues_job(args) AS taken FROM procrastinate_fetch();
SELECT queues_job(args) AS taken FROM procrastinate_fetch();
SELECT consent.object('runs-procrastinate@queues.example') > 0 AS objected;
-- no error for the worker
SELECT procrastinate_retry(id) FROM queues_now WHERE job IN ('runs-procrastinate offer', 'yes offer');
TABLE queues_now ORDER BY id;
DROP SCHEMA queues_procrastinate CASCADE;

-------------------------------------------------------------------------------
-- Solid Queue 1.5: a worker takes the row of another table.
-------------------------------------------------------------------------------
CREATE SCHEMA queues_solid;
SET search_path = queues_solid, public;
CREATE TABLE solid_queue_jobs (
  id bigserial PRIMARY KEY, queue_name varchar NOT NULL, class_name varchar NOT NULL, arguments text, priority int NOT NULL DEFAULT 0, active_job_id varchar, scheduled_at timestamp(6),
  finished_at timestamp(6), concurrency_key varchar, created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL);
CREATE TABLE solid_queue_ready_executions (id bigserial PRIMARY KEY, job_id bigint NOT NULL UNIQUE REFERENCES solid_queue_jobs ON DELETE CASCADE, queue_name varchar NOT NULL, priority int NOT NULL DEFAULT 0, created_at timestamp(6) NOT NULL);
CREATE TABLE solid_queue_claimed_executions (id bigserial PRIMARY KEY, job_id bigint NOT NULL UNIQUE REFERENCES solid_queue_jobs ON DELETE CASCADE, process_id bigint, created_at timestamp(6) NOT NULL);
CREATE TABLE solid_queue_failed_executions (id bigserial PRIMARY KEY, job_id bigint NOT NULL UNIQUE REFERENCES solid_queue_jobs ON DELETE CASCADE, error text, created_at timestamp(6) NOT NULL);
CREATE FUNCTION solid_arguments(job jsonb, executions int DEFAULT 0) RETURNS text LANGUAGE sql AS $$
  SELECT jsonb_build_object('job_class', 'MailJob', 'arguments', jsonb_build_array(job->>'to', job->>'text'), 'executions', executions, 'exception_executions', '{}'::jsonb)::text $$;
PREPARE solid_job(jsonb, int) AS INSERT INTO solid_queue_jobs (queue_name, class_name, arguments, created_at, updated_at) VALUES ('news', 'MailJob', solid_arguments($1, $2), now(), now()) RETURNING id;
PREPARE solid_ready AS INSERT INTO solid_queue_ready_executions (job_id, queue_name, created_at) SELECT id, queue_name, now() FROM solid_queue_jobs WHERE finished_at IS NULL ORDER BY id ON CONFLICT DO NOTHING;
CREATE VIEW queues_now AS SELECT queues_job(jsonb_build_object('to', a->>0, 'text', a->>1)) AS job, r.id IS NOT NULL AS ready, c.id IS NOT NULL AS claimed, f.id IS NOT NULL AS failed
  FROM (SELECT id, arguments::jsonb->'arguments' AS a FROM solid_queue_jobs) j LEFT JOIN solid_queue_ready_executions r ON r.job_id = j.id LEFT JOIN solid_queue_claimed_executions c ON c.job_id = j.id
  LEFT JOIN solid_queue_failed_executions f ON f.job_id = j.id;
SELECT consent.guard_queue('Solid Queue', 'news', recipient => $$arguments::jsonb->'arguments'->>0$$, channel => $$'email'$$, body => $$arguments::jsonb->'arguments'->>1$$, organisation => $$'queues acme'$$);
-- an error when it is added, and when Active Job tries it again, which is another job
EXECUTE solid_job(queues_offer('no'), 0);
EXECUTE solid_job(queues_offer('no'), 1);
EXECUTE solid_job(queues_offer('yes'), 0);
EXECUTE solid_job(queues_notice('no'), 0);
EXECUTE solid_job(queues_offer('waits-solid'), 0);
EXECUTE solid_job(queues_offer('runs-solid'), 0);
EXECUTE solid_ready;
-- claiming is seen by nobody, but a sweep reaches also what is claimed or has failed
WITH claimed AS (DELETE FROM solid_queue_ready_executions r USING solid_queue_jobs j WHERE r.job_id = j.id AND j.arguments LIKE '%runs-solid%' RETURNING job_id)
  INSERT INTO solid_queue_claimed_executions (job_id, created_at) SELECT job_id, now() FROM claimed;
TABLE queues_now ORDER BY job;
SELECT consent.object(c::consent.contact) > 0 AS objected FROM unnest('{waits-solid@queues.example,runs-solid@queues.example}'::text[]) c;
TABLE queues_now ORDER BY job;
-- the worker finds its claim gone, which Solid Queue takes for finished
SELECT count(*) AS claims FROM solid_queue_claimed_executions;
SELECT count(*) AS kept FROM consent.quarantine WHERE relation = 'solid_queue_jobs'::regclass;
-- a retry by hand touches the counters and nothing that a guard reads
UPDATE solid_queue_jobs SET arguments = jsonb_set(arguments::jsonb, '{executions}', '0')::text, updated_at = now() WHERE queue_name = 'news';
-- quarantine is nothing for the client: it adds the execution to a job that is gone
SELECT consent.unguard_queue('Solid Queue', 'news');
SELECT consent.guard_queue('Solid Queue', 'news', recipient => $$arguments::jsonb->'arguments'->>0$$, channel => $$'email'$$, body => $$arguments::jsonb->'arguments'->>1$$, organisation => $$'queues acme'$$, on_block => 'quarantine');
BEGIN;
EXECUTE solid_job(queues_offer('no'), 0);
INSERT INTO solid_queue_ready_executions (job_id, queue_name, created_at) VALUES (currval('solid_queue_jobs_id_seq'), 'news', now());
ROLLBACK;
DELETE FROM consent.quarantine WHERE relation = 'solid_queue_jobs'::regclass;
DROP SCHEMA queues_solid CASCADE;
DEALLOCATE ALL;

-------------------------------------------------------------------------------
-- Odoo 15 to 18: a mail is a mail.message and what is needed to send it.
-------------------------------------------------------------------------------
CREATE SCHEMA queues_odoo;
SET search_path = queues_odoo, public;
CREATE TABLE mail_message (id serial PRIMARY KEY, subject varchar, body text, message_type varchar NOT NULL);
CREATE TABLE mail_mail (
  id serial PRIMARY KEY, mail_message_id int NOT NULL REFERENCES mail_message ON DELETE CASCADE, body_html text, email_to text, email_cc varchar, state varchar, failure_type varchar, failure_reason text,
  auto_delete boolean, scheduled_date timestamp);
CREATE TABLE mail_mail_res_partner_rel (mail_mail_id int NOT NULL REFERENCES mail_mail ON DELETE CASCADE, res_partner_id int NOT NULL);
CREATE TABLE sms_sms (id serial PRIMARY KEY, uuid varchar UNIQUE, number varchar, body text, partner_id int, mail_message_id int, state varchar NOT NULL, failure_type varchar, to_delete boolean);
INSERT INTO mail_message (subject, message_type) VALUES ('Get 20% off all boilers this weekend only!', 'email'), ('Your order', 'notification');
PREPARE odoo_mail(int, text, text, text) AS INSERT INTO mail_mail (mail_message_id, email_to, email_cc, body_html, state) VALUES ($1, $2, $3, $4, 'outgoing') RETURNING id, state;
SELECT consent.guard_queue('Odoo mail', organisation => $$'queues acme'$$);
EXECUTE odoo_mail(1, '"No, One" <no@queues.example>', NULL, '<p>See our site.</p>');
EXECUTE odoo_mail(1, 'yes@queues.example', 'Yes <yes@queues.example>', '<p>See our site.</p>');
EXECUTE odoo_mail(1, 'yes@queues.example', 'no@queues.example', '<p>See our site.</p>');
EXECUTE odoo_mail(2, 'no@queues.example', NULL, '<p>Your order 4411 is out for delivery today.</p>');
-- of partners, who are linked later, nothing is known: a notice goes, an offer does not
EXECUTE odoo_mail(2, NULL, NULL, '<p>Your order 4411 is out for delivery today.</p>');
EXECUTE odoo_mail(1, NULL, NULL, '<p>See our site.</p>');
EXECUTE odoo_mail(1, 'waits-odoo@queues.example', NULL, '<p>See our site.</p>');
EXECUTE odoo_mail(1, 'runs-odoo@queues.example', NULL, '<p>See our site.</p>');
-- Odoo writes a failure down before it sends, and takes it back later
UPDATE mail_mail SET state = 'exception', failure_reason = 'Error without exception.' WHERE email_to LIKE 'runs%';
SELECT consent.object(c::consent.contact) > 0 AS objected FROM unnest('{waits-odoo@queues.example,runs-odoo@queues.example}'::text[]) c;
SELECT email_to, state, failure_type, failure_reason FROM mail_mail WHERE email_to LIKE '%-odoo%' ORDER BY id;
-- "Retry": whoever pressed it is told
UPDATE mail_mail SET state = 'outgoing' WHERE email_to LIKE '%-odoo%';
UPDATE mail_mail SET state = 'cancel' WHERE state = 'outgoing' RETURNING id;
SELECT consent.guard_queue('Odoo sms', organisation => $$'queues acme'$$);
INSERT INTO sms_sms (uuid, number, body, state) VALUES ('a', '07700 900501', 'Get 20% off all boilers this weekend only!', 'outgoing'), ('b', '+44 7700 900502', 'Your order 4411 is out for delivery today.', 'outgoing') RETURNING id, state;
INSERT INTO sms_sms (uuid, number, body, state) VALUES ('c', '07700 900501', 'Get 20% off all boilers this weekend only!', 'outgoing'), ('d', '07700 900502', 'Get 20% off all boilers this weekend only!', 'outgoing') RETURNING id, state;
UPDATE sms_sms SET state = 'error', failure_type = 'sms_server' WHERE uuid = 'a';
SELECT consent.object('+447700900501') > 0 AS objected;
UPDATE sms_sms SET state = 'outgoing' WHERE state = 'error';
INSERT INTO sms_sms (uuid, number, body, state) VALUES ('e', NULL, 'Get 20% off all boilers this weekend only!', 'outgoing');
DROP SCHEMA queues_odoo CASCADE;
DEALLOCATE ALL;

-------------------------------------------------------------------------------
-- django-post_office 3.11: mail can be rendered when it is delivered.
-------------------------------------------------------------------------------
CREATE SCHEMA queues_django;
SET search_path = queues_django, public;
CREATE TABLE post_office_emailtemplate (id serial PRIMARY KEY, name varchar(255) NOT NULL, subject varchar(255) NOT NULL, content text NOT NULL, html_content text NOT NULL);
CREATE TABLE post_office_email (
  id serial PRIMARY KEY, from_email varchar(254) NOT NULL DEFAULT 'shop@acme.example', "to" text NOT NULL, cc text NOT NULL DEFAULT '', bcc text NOT NULL DEFAULT '', subject varchar(989) NOT NULL DEFAULT '', message text NOT NULL DEFAULT '', html_message text NOT NULL DEFAULT '',
  status smallint CHECK (status >= 0), priority smallint, scheduled_time timestamptz, expires_at timestamptz, number_of_retries int, template_id int REFERENCES post_office_emailtemplate, context jsonb,
  backend_alias varchar(64) NOT NULL DEFAULT '');
INSERT INTO post_office_emailtemplate (name, subject, content, html_content) VALUES
  ('sale', 'A weekend offer for {{ name }}', 'Dear {{ name }}, get 20% off all boilers this weekend only!', ''), ('shipped', 'Your order', 'Your order {{ number }} is out for delivery today.', '<p>Your order {{ number }} is out for delivery today.</p>');
PREPARE django_rendered(text, int, int) AS INSERT INTO post_office_email ("to", template_id, context, status) VALUES ($1, $2, '{"name": "Jo", "number": 4411}', $3) RETURNING id, status;
SELECT consent.guard_queue('django-post_office', organisation => $$'queues acme'$$);
EXECUTE django_rendered('no@queues.example', 1, 2);
EXECUTE django_rendered('yes@queues.example', 1, 2);
EXECUTE django_rendered('no@queues.example', 2, 2);
EXECUTE django_rendered('no@queues.example', 1, NULL);
-- what would be sent counts: with a context the template, without one what the row says
INSERT INTO post_office_email ("to", message, template_id, context, status) VALUES ('no@queues.example', 'Your order 4411 is out for delivery today.', 1, '{}', 2) RETURNING status;
INSERT INTO post_office_email ("to", message, template_id, status) VALUES ('no@queues.example', 'Your order 4411 is out for delivery today.', 1, 2) RETURNING status;
INSERT INTO post_office_email ("to", template_id, context, status) VALUES ('waits-django@queues.example', 1, '{}', 2), ('runs-django@queues.example', 1, '{}', 2) RETURNING status;
SELECT consent.object(c::consent.contact) > 0 AS objected FROM unnest('{waits-django@queues.example,runs-django@queues.example}'::text[]) c;
-- the sender had read it before that, and writes down what became of it
UPDATE post_office_email SET status = 3, number_of_retries = 1, scheduled_time = now() WHERE "to" LIKE 'runs%' RETURNING status;
SELECT "to", status FROM post_office_email WHERE "to" LIKE '%-django%' ORDER BY id;
DROP SCHEMA queues_django CASCADE;
DEALLOCATE ALL;

-------------------------------------------------------------------------------
-- GOV.UK Notify's API as of August 2026.
-------------------------------------------------------------------------------
CREATE SCHEMA queues_notify;
SET search_path = queues_notify, public;
CREATE TYPE notification_type AS ENUM ('email', 'sms', 'letter');
CREATE TABLE notification_status_types (name varchar PRIMARY KEY);
INSERT INTO notification_status_types VALUES ('created'), ('sending'), ('delivered'), ('permanent-failure'), ('pending-virus-check'), ('temporary-failure');
CREATE TABLE templates_history (id uuid, version int, content text NOT NULL, subject text, PRIMARY KEY (id, version));
CREATE TABLE notifications (
  id uuid PRIMARY KEY, "to" varchar NOT NULL, normalised_to varchar, template_id uuid, template_version int NOT NULL, key_type varchar NOT NULL, billable_units int NOT NULL DEFAULT 0,
  notification_type notification_type NOT NULL, created_at timestamp NOT NULL, sent_at timestamp, updated_at timestamp, notification_status text REFERENCES notification_status_types DEFAULT 'created', _personalisation varchar,
  unsubscribe_link varchar, FOREIGN KEY (template_id, template_version) REFERENCES templates_history, CHECK (notification_type = 'email' OR unsubscribe_link IS NULL));
INSERT INTO templates_history VALUES ('00000000-0000-0000-0000-000000000001', 1, 'Get 20% off all boilers this weekend only!'), ('00000000-0000-0000-0000-000000000002', 1, 'Your order ((number)) is out for delivery today.');
PREPARE notify(text, text, text, int, text) AS
  INSERT INTO notifications (id, "to", normalised_to, template_id, template_version, key_type, notification_type, created_at, notification_status, billable_units)
    VALUES (gen_random_uuid(), $1, $2, ('00000000-0000-0000-0000-00000000000' || $4)::uuid, 1, $5, $3::notification_type, timezone('UTC', now()), 'created', 0)
    RETURNING notification_status, updated_at IS NOT NULL AS timed;
SELECT consent.guard_queue('govuk notify', channel => NULL, body => $$consent.lookup('templates_history', 'content', 'id', template_id::text)$$, organisation => $$'queues acme'$$);
EXECUTE notify('No@queues.example', 'no@queues.example', 'email', 1, 'normal');
EXECUTE notify('Yes@queues.example', 'yes@queues.example', 'email', 1, 'normal');
EXECUTE notify('No@queues.example', 'no@queues.example', 'email', 2, 'normal');
EXECUTE notify('07700 900502', '447700900502', 'sms', 1, 'normal');
EXECUTE notify('07700 900502', '447700900502', 'sms', 2, 'normal');
-- what is tried with a test key goes to nobody
EXECUTE notify('No@queues.example', 'no@queues.example', 'email', 1, 'test');
-- letters
EXECUTE notify(E'1 High Street\nTown\nAB1 2CD', '1highstreettownab12cd', 'letter', 1, 'normal');
EXECUTE notify(E'2 High Street\nTown\nAB1 2CD', '2highstreettownab12cd', 'letter', 1, 'normal');
EXECUTE notify(E'2 High Street, Town,\nAB1 2CD', '2highstreet,town,ab12cd', 'letter', 2, 'normal');
EXECUTE notify('waits-notify@queues.example', 'waits-notify@queues.example', 'email', 1, 'normal');
EXECUTE notify('runs-notify@queues.example', 'runs-notify@queues.example', 'email', 1, 'normal');
SELECT consent.object(c::consent.contact) > 0 AS objected FROM unnest('{waits-notify@queues.example,postal:1 High Street Town AB1 2CD}'::text[]) c;
-- the task reads the row by its id, and does nothing unless it says "created"
SELECT "to", notification_status FROM notifications WHERE "to" LIKE 'waits%' OR notification_type = 'letter' ORDER BY "to";
-- one that was being sent when its person objected has been sent; what is written then is no new message
UPDATE notifications SET notification_status = 'sending', sent_at = timezone('UTC', now()), updated_at = timezone('UTC', now()) WHERE "to" LIKE 'runs%' RETURNING notification_status;
SELECT consent.object('runs-notify@queues.example') > 0 AS objected;
UPDATE notifications SET notification_status = 'delivered', updated_at = timezone('UTC', now()) WHERE "to" LIKE 'runs%' RETURNING notification_status;
DROP SCHEMA queues_notify CASCADE;
DEALLOCATE ALL;

RESET search_path;
DROP FUNCTION queues_offer(text), queues_notice(text), queues_job(jsonb), queues_unguarded(regclass, text);
