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
DROP TABLE ahead_sparse, ahead_parts, ahead_many, ahead_people;
DROP FUNCTION ahead_look;
