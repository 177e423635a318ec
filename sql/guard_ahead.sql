-- What is read ahead of the verdicts costs no more than there is to gain: guard_ahead.spec has whether it is right.
LOAD 'pg_consent';
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset footer off
SET client_min_messages = warning;
INSERT INTO consent.organisation (name) VALUES ('ahead acme');
CREATE TABLE ahead_people AS SELECT n AS id, format('p%s@ahead.example', n) AS address FROM generate_series(1, 600) n;
SELECT count(consent.give(address::consent.contact, '{email}', 'ahead acme', method => 'ticked_box', wording => 'Email me offers')) FROM ahead_people WHERE id <= 599;

-- Rows that lie far apart, and those of others between them: the statement does not read the whole table.
CREATE TABLE ahead_sparse (id int PRIMARY KEY, to_addr text, filler text, status text) WITH (fillfactor = 50, autovacuum_enabled = off);
INSERT INTO ahead_sparse SELECT n, format('p%s@ahead.example', n % 500 + 1), repeat('x', 450), 'sent' FROM generate_series(1, 20000) n;
ANALYZE ahead_sparse;
SELECT consent.guard('ahead_sparse', recipient => 'to_addr', channel => $$'email'$$, body => $$'Get 20% off boilers this weekend!'$$,
                     organisation => $$'ahead acme'$$, pending => $$status = 'queued'$$);
BEGIN;
SET LOCAL enable_seqscan = off;
SELECT pg_stat_get_xact_blocks_fetched('ahead_sparse'::regclass) AS before \gset
UPDATE ahead_sparse SET status = 'queued' WHERE id = ANY (ARRAY(SELECT n FROM generate_series(1, 20000, 100) n));
SELECT pg_stat_get_xact_blocks_fetched('ahead_sparse'::regclass) - :before < relpages AS few_pages FROM pg_class WHERE oid = 'ahead_sparse'::regclass;
COMMIT;

-- Many partitions, each with its own: no more memory than their rows need.
CREATE TABLE ahead_parts (id int, part int, to_addr text, status text DEFAULT 'queued') PARTITION BY LIST (part);
SELECT format('CREATE TABLE ahead_part_%s PARTITION OF ahead_parts FOR VALUES IN (%s)', n, n) FROM generate_series(0, 39) n \gexec
SELECT consent.guard('ahead_parts', recipient => 'to_addr', channel => $$'email'$$, body => $$'Get 20% off boilers this weekend!'$$,
                     organisation => $$'ahead acme'$$, pending => $$status = 'queued'$$);
CREATE FUNCTION ahead_look() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE found record;
  BEGIN
    SELECT count(*) AS n, sum(total_bytes) < 40 * 1024 * 1024 AS is_little INTO found
      FROM pg_backend_memory_contexts WHERE name = 'pg_consent read ahead';
    RAISE WARNING 'read ahead in % partitions, in little memory: %', found.n, found.is_little;
    RETURN NULL;
  END $$;
SET work_mem = '64MB';
CREATE TRIGGER z_look AFTER INSERT ON ahead_parts FOR EACH ROW WHEN (NEW.id = 2000) EXECUTE FUNCTION ahead_look();
INSERT INTO ahead_parts SELECT n, n % 40, format('p%s@ahead.example', n % 500 + 1) FROM generate_series(1, 2000) n;
RESET work_mem;

-- One row to many, some of them twice: each is asked for in the order of the row, and the one who has not consented is found.
CREATE TABLE ahead_many (to_addr text[], status text DEFAULT 'queued');
SELECT consent.guard('ahead_many', recipient => 'to_addr', channel => $$'email'$$, body => $$'Get 20% off boilers this weekend!'$$,
                     organisation => $$'ahead acme'$$, pending => $$status = 'queued'$$);
INSERT INTO ahead_many SELECT array_agg(address ORDER BY id % 7, id) || array_agg(address ORDER BY id) FROM ahead_people WHERE id < 600;
INSERT INTO ahead_many SELECT array_agg(address ORDER BY id) FROM ahead_people;
SELECT cardinality(to_addr) FROM ahead_many;

-- What the transaction itself says in the middle of it counts at once.
CREATE TABLE ahead_outbox (id int, to_addr text, status text DEFAULT 'queued');
CREATE FUNCTION ahead_guard(t regclass) RETURNS void LANGUAGE sql AS $$
  SELECT consent.guard(t, recipient => 'to_addr', channel => $c$'email'$c$, body => $b$'Get 20% off boilers this weekend!'$b$,
                       organisation => $o$'ahead acme'$o$, pending => $p$status = 'queued'$p$) $$;
SELECT ahead_guard('ahead_outbox');
-- A function in the SELECT list: row 100 withdraws for the recipient of row 400; and so does it in a part that is undone.
CREATE FUNCTION ahead_says(id int, undo boolean) RETURNS int LANGUAGE plpgsql AS $$
  BEGIN
    IF id <> 100 THEN
      RETURN id;
    END IF;
    PERFORM consent.withdraw('p400@ahead.example');
    IF undo THEN
      RAISE 'undone';
    END IF;
    RETURN id;
  EXCEPTION WHEN raise_exception THEN
    RETURN id;
  END $$;
INSERT INTO ahead_outbox SELECT ahead_says(id, false), address FROM ahead_people WHERE id < 600 ORDER BY id;
INSERT INTO ahead_outbox SELECT ahead_says(id, true), address FROM ahead_people WHERE id < 600 ORDER BY id;
SELECT count(*) FROM ahead_outbox;
TRUNCATE ahead_outbox;
-- A trigger that is fired between the rows, at row 200, when those of all have been read: it withdraws for row 400; and so does it in a part that is undone.
CREATE FUNCTION ahead_say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM ahead_says(100, current_setting('ahead.undo')::boolean); RETURN NULL; END $$;
CREATE TRIGGER a_say AFTER INSERT ON ahead_outbox FOR EACH ROW WHEN (NEW.id = 200) EXECUTE FUNCTION ahead_say();
SET ahead.undo = off;
INSERT INTO ahead_outbox SELECT id, address FROM ahead_people WHERE id < 600 ORDER BY id;
SET ahead.undo = on;
INSERT INTO ahead_outbox SELECT id, address FROM ahead_people WHERE id < 600 ORDER BY id;
SELECT count(*) FROM ahead_outbox;
-- The same between statements of a loop, each in a part of its own: the second says it, the fourth is refused.
TRUNCATE ahead_outbox;
SET ahead.undo = off;
DO $$
  DECLARE refused int := 0;
  BEGIN
    FOR i IN 0..5 LOOP
      BEGIN
        INSERT INTO ahead_outbox SELECT id, address FROM ahead_people WHERE id BETWEEN i * 100 + 1 AND i * 100 + 100 AND id < 600 ORDER BY id;
      EXCEPTION WHEN SQLSTATE 'PC001' THEN
        refused := refused + 1;
      END;
    END LOOP;
    RAISE WARNING 'refused %', refused;
  END $$;
SELECT count(*), count(*) FILTER (WHERE to_addr LIKE 'p400@%') AS withdrawn FROM ahead_outbox;
-- A cursor whose rows are queued while somebody withdraws for one that is still to come.
TRUNCATE ahead_outbox;
DROP TRIGGER a_say ON ahead_outbox;
SELECT consent.give('p400@ahead.example', '{email}', 'ahead acme', method => 'ticked_box', wording => 'Email me offers') > 0 AS given;
CREATE FUNCTION ahead_enqueue(first int, last int) RETURNS bigint LANGUAGE sql AS $$
  WITH queued AS (INSERT INTO ahead_outbox SELECT id, address FROM ahead_people WHERE id BETWEEN first AND last ORDER BY id RETURNING 1) SELECT count(*) FROM queued $$;
BEGIN;
DECLARE c CURSOR FOR SELECT ahead_enqueue(n * 100 + 1, n * 100 + 99) FROM generate_series(0, 5) n;
FETCH 3 FROM c;
SELECT consent.withdraw('p350@ahead.example') > 0 AS withdrawn;
SAVEPOINT s;
FETCH 1 FROM c;
ROLLBACK TO s;
COMMIT;
SELECT count(*) FROM ahead_outbox;
-- What was queued already is put away when the same transaction withdraws for it.
BEGIN;
DECLARE c CURSOR FOR SELECT ahead_enqueue(n * 100 + 1, n * 100 + 99) FROM generate_series(4, 5) n;
FETCH ALL FROM c;
SELECT consent.withdraw('p450@ahead.example') > 0 AS withdrawn;
COMMIT;
SELECT count(*), count(*) FILTER (WHERE to_addr LIKE 'p450@%') AS withdrawn FROM ahead_outbox;

-- A guard that refuses most: nearly all are looked up once, as by one that reads nothing ahead.
CREATE TABLE ahead_refused (LIKE ahead_outbox INCLUDING ALL);
CREATE TABLE ahead_flagged (LIKE ahead_outbox INCLUDING ALL);
INSERT INTO consent.organisation (name) VALUES ('ahead other');
SELECT consent.guard(('ahead_' || on_block)::regclass, recipient => 'to_addr', channel => $$'email'$$, body => $$'Get 20% off boilers this weekend!'$$,
                     organisation => $$'ahead other'$$, pending => $$status = 'queued'$$, on_block => action)
  FROM (VALUES ('refused', 'quarantine'::consent.block_action), ('flagged', 'flag')) v(on_block, action);
CREATE FUNCTION ahead_reads() RETURNS numeric LANGUAGE sql AS $$
  SELECT sum(pg_stat_get_xact_blocks_fetched(indexrelid)) FROM pg_partition_tree('consent.ledger') p JOIN pg_index i ON i.indrelid = p.relid $$;
BEGIN;
SELECT ahead_reads() AS begun \gset
INSERT INTO ahead_flagged SELECT n, address FROM generate_series(0, 4) n, ahead_people;
SELECT ahead_reads() AS flagged \gset
INSERT INTO ahead_refused SELECT n, address FROM generate_series(0, 4) n, ahead_people;
SELECT (ahead_reads() - :flagged) / (:flagged - :begun) < 1.4 AS seldom_twice, (SELECT count(*) FROM ahead_refused) AS stored;
COMMIT;

-- Foreign keys that write to a guarded table, and constraints that wait: the guard does not.
CREATE TABLE ahead_person (email text PRIMARY KEY);
INSERT INTO ahead_person SELECT address FROM ahead_people;
TRUNCATE ahead_outbox;
INSERT INTO ahead_outbox SELECT id, address FROM ahead_people WHERE id <= 300 ORDER BY id;
ALTER TABLE ahead_outbox ADD CONSTRAINT person FOREIGN KEY (to_addr) REFERENCES ahead_person ON DELETE SET NULL ON UPDATE SET DEFAULT DEFERRABLE INITIALLY DEFERRED;
-- no recipient
DELETE FROM ahead_person WHERE email IN (SELECT address FROM ahead_people WHERE id BETWEEN 101 AND 200);
UPDATE ahead_outbox SET status = 'sent' WHERE id > 200;
DELETE FROM ahead_person WHERE email IN (SELECT address FROM ahead_people WHERE id BETWEEN 201 AND 300);
-- one who has not consented
ALTER TABLE ahead_outbox ALTER to_addr SET DEFAULT 'p600@ahead.example';
UPDATE ahead_person SET email = 'other ' || email WHERE email IN (SELECT address FROM ahead_people WHERE id BETWEEN 1 AND 100);
-- one who has
ALTER TABLE ahead_outbox ALTER to_addr SET DEFAULT 'p500@ahead.example';
UPDATE ahead_person SET email = 'other ' || email WHERE email IN (SELECT address FROM ahead_people WHERE id BETWEEN 1 AND 100);
SELECT status, to_addr, count(*) FROM ahead_outbox WHERE id <= 100 OR id > 200 GROUP BY 1, 2 ORDER BY 1;
ALTER TABLE ahead_outbox DROP CONSTRAINT person, ADD FOREIGN KEY (to_addr) REFERENCES ahead_person ON DELETE CASCADE;
DELETE FROM ahead_person WHERE email = 'p500@ahead.example';
SELECT count(*) FROM ahead_outbox WHERE id <= 100;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO ahead_outbox SELECT id, address FROM ahead_people WHERE id >= 401 AND id NOT IN (450, 500) ORDER BY id;
ROLLBACK;

-- Rows that change places in one statement: each recipient is judged where it ends up.
CREATE TABLE ahead_keyed (id int PRIMARY KEY, to_addr text, status text DEFAULT 'queued');
SELECT ahead_guard('ahead_keyed');
INSERT INTO ahead_keyed SELECT id, address FROM ahead_people WHERE id <= 300 ORDER BY id;
MERGE INTO ahead_keyed k USING (SELECT * FROM ahead_people WHERE id <= 600 ORDER BY id) p ON k.id = 601 - p.id
  WHEN MATCHED THEN UPDATE SET to_addr = p.address WHEN NOT MATCHED THEN DO NOTHING;
INSERT INTO ahead_keyed SELECT id % 300 + 1, address FROM ahead_people WHERE id BETWEEN 301 AND 600 AND id NOT IN (350, 450) ORDER BY id
  ON CONFLICT (id) DO UPDATE SET to_addr = excluded.to_addr;
INSERT INTO ahead_keyed SELECT id % 300 + 1, address FROM ahead_people WHERE id BETWEEN 300 AND 599 AND id NOT IN (350, 450) ORDER BY id
  ON CONFLICT (id) DO UPDATE SET to_addr = excluded.to_addr;
SELECT count(*) FILTER (WHERE ltrim(split_part(to_addr, '@', 1), 'p')::int >= 300) AS changed, count(*) FROM ahead_keyed;

-- A guard that is made after rows of the same transaction: they were not judged, and it shows.
BEGIN;
CREATE TABLE ahead_late (id int, to_addr text, status text DEFAULT 'queued');
INSERT INTO ahead_late SELECT id, address FROM ahead_people;
SELECT ahead_guard('ahead_late');
COMMIT;
SELECT health FROM consent.guards WHERE relation = 'ahead_late'::regclass;
SELECT judged, refused FROM consent.verify('ahead_late');

DROP TABLE ahead_sparse, ahead_parts, ahead_many, ahead_people, ahead_outbox, ahead_person, ahead_keyed, ahead_late, ahead_refused, ahead_flagged;
DROP FUNCTION ahead_look, ahead_guard, ahead_says, ahead_say, ahead_enqueue, ahead_reads;
