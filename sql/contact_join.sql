-- The join with consent.permitted() that looks up several rows at once gives what
-- PostgreSQL's own joins give, and is planned where it may be.
LOAD 'pg_consent';
\set SHOW_CONTEXT never
SET max_parallel_workers_per_gather = 0;
INSERT INTO consent.organisation (name) VALUES ('join acme'), ('join bolt');

-- One in three agreed to Bolt, half of them to Acme too, like the rest; one in seven
-- refuses Acme; one in fifty has a +tag.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording)
SELECT ('j' || i || CASE WHEN i % 50 = 0 THEN '+tag' ELSE '' END || '@join.example')::consent.contact, 'consent', '{email}',
       CASE WHEN i % 3 = 0 THEN 'join bolt' ELSE 'join acme' END, 'ticked_box', 'Email me offers'
  FROM generate_series(1, 3000) i;
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording)
SELECT ('j' || i || CASE WHEN i % 50 = 0 THEN '+tag' ELSE '' END || '@join.example')::consent.contact, 'consent', '{email}', 'join acme', 'ticked_box', 'Email me offers'
  FROM generate_series(6, 3000, 6) i;
INSERT INTO consent.ledger (contact, kind, organisation)
SELECT ('j' || i || '@join.example')::consent.contact, 'withdrawal', 'join acme' FROM generate_series(7, 3000, 7) i;

-- Some customers twice, some unknown, some without an address, some with a long note.
CREATE TABLE join_customer (id int, email consent.contact, dropped int, typed text, note text);
ALTER TABLE join_customer DROP dropped;
INSERT INTO join_customer
SELECT i, a::consent.contact, CASE WHEN i % 5 = 0 THEN upper(a) WHEN i % 11 = 0 THEN 'nobody' ELSE a END,
       CASE WHEN i % 100 = 0 THEN (SELECT string_agg(md5((i * 1000 + n)::text), '') FROM generate_series(1, 300) n) ELSE 'note ' || i END
  FROM generate_series(1, 5000) i,
       LATERAL (SELECT CASE WHEN i % 17 <> 0 THEN 'j' || i % 3600 || CASE WHEN i % 50 = 0 THEN '+tag' ELSE '' END || '@join.example' END AS a) a;
ALTER TABLE join_customer ADD added text DEFAULT 'added';
ANALYZE join_customer;
-- Plans are not to depend on what was vacuumed of it before.
VACUUM (FULL, ANALYZE) consent.address_standing;

-- Is it planned?
CREATE FUNCTION join_plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, VERBOSE) ' || query LOOP
    IF line ~ 'Contact Cond' THEN
      RETURN trim(line);
    END IF;
  END LOOP;
  RETURN 'another join';
END;
$$;
SELECT join_plan(q) AS plan, q AS query FROM (VALUES
  ($q$SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email$q$),
  ($q$SELECT c.id FROM join_customer c, consent.permitted('email', 'join acme') p WHERE c.email = p$q$),
  ($q$SELECT c.id FROM join_customer c WHERE c.email IN (SELECT consent.permitted('email', 'join acme'))$q$),
  ($q$SELECT c.id FROM join_customer c WHERE EXISTS (SELECT FROM consent.permitted('email', 'join acme') p WHERE p = c.email)$q$),
  ($q$SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = consent.try_contact(c.typed)$q$),
  ($q$SELECT c.id FROM join_customer c JOIN join_customer d USING (id) JOIN consent.permitted('email', 'join acme') p ON p = c.email$q$),
  ($q$INSERT INTO join_customer SELECT c.* FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email$q$),
-- and not where rows may have to be asked again, or the join is another one
  ($q$SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email FOR UPDATE OF c$q$),
  ($q$UPDATE join_customer c SET note = '' FROM consent.permitted('email', 'join acme') p WHERE p = c.email$q$),
  ($q$DELETE FROM join_customer c USING consent.permitted('email', 'join acme') p WHERE p = c.email$q$),
  ($q$SELECT c.id FROM join_customer c LEFT JOIN consent.permitted('email', 'join acme') p ON p = c.email$q$),
  ($q$SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p <> c.email$q$),
  ($q$SELECT c.id FROM join_customer c JOIN LATERAL consent.permitted('email', c.added) p ON p = c.email$q$),
  ($q$SELECT c.id FROM join_customer c JOIN (SELECT address FROM consent.address_standing OFFSET 0) p ON p.address = c.email$q$),
-- nor with what looks like permitted() and may have a contact twice
  ($q$SELECT c.id FROM join_customer c JOIN (SELECT address FROM consent.address_standing UNION ALL SELECT t FROM unnest(ARRAY['j1@join.example', 'j1@join.example']::consent.contact[]) t) p ON p.address = c.email$q$),
  ($q$SELECT c.id FROM join_customer c JOIN (SELECT address FROM consent.address_standing, generate_series(1, 2) UNION ALL SELECT t FROM consent.address_standing, unnest(tagged) t) p ON p.address = c.email$q$),
  ($q$SELECT c.id FROM join_customer c JOIN (SELECT address FROM consent.address_standing UNION ALL SELECT t FROM consent.address_standing, unnest(tagged || tagged) t) p ON p.address = c.email$q$),
  ($q$SELECT c.id FROM join_customer c JOIN (SELECT address FROM consent.address_standing UNION ALL SELECT t FROM consent.address_standing, unnest(tagged) t, generate_series(1, 2)) p ON p.address = c.email$q$),
  ($q$SELECT c.id FROM join_customer c JOIN (SELECT address FROM (SELECT address, generate_series(1, 2) FROM consent.address_standing) s UNION ALL SELECT t FROM consent.address_standing, unnest(tagged) t) p ON p.address = c.email$q$),
  ($q$SELECT c.id FROM join_customer c JOIN (SELECT address FROM consent.address_standing GROUP BY GROUPING SETS ((address), (address)) UNION ALL SELECT t FROM consent.address_standing, unnest(tagged) t) p ON p.address = c.email$q$)) v (q);
SET pg_consent.contact_join = off;
SELECT join_plan($q$SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email$q$) AS plan;
RESET pg_consent.contact_join;
EXPLAIN (COSTS OFF) SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email;

-- Every query gives the same rows with it, without it, and in parts: the table of
-- contacts takes 64 kB then, and the rows are kept for the next part.
CREATE FUNCTION join_rows(query text, OUT rows bigint, OUT digest text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT count(*), md5(string_agg(r::text, E''\n'' ORDER BY r::text)) FROM (%s) r', query) INTO rows, digest;
END;
$$;
CREATE TABLE join_query AS SELECT row_number() OVER () AS n, q FROM (VALUES
  ($q$SELECT c.*, p FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email$q$),
  ($q$SELECT p FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email$q$),
  ($q$SELECT c.ctid, c.id, length(c.note) FROM join_customer c WHERE c.email IN (SELECT consent.permitted('email', 'join acme'))$q$),
  ($q$SELECT c, c.added, p || '!' AS said FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = consent.try_contact(c.typed)$q$),
  ($q$SELECT c.id, p FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email AND p::text > c.note AND c.id % 2 = 0$q$),
  ($q$SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email AND p = consent.try_contact(c.typed)$q$),
  ($q$SELECT c.id, a, b FROM join_customer c JOIN consent.permitted('email', 'join acme') a ON a = c.email JOIN consent.permitted('email', 'join bolt') b ON b = c.email$q$),
  ($q$SELECT c.id, d.n FROM join_customer c JOIN (SELECT email, count(*) AS n FROM join_customer GROUP BY 1) d USING (email) JOIN consent.permitted('email', 'join bolt') p ON p = email$q$),
  ($q$SELECT i, (SELECT count(*) FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email WHERE c.id < i * 500) FROM generate_series(0, 9) i$q$),
  ($q$SELECT o, (SELECT count(*) FROM join_customer c JOIN consent.permitted('email', o) p ON p = c.email) FROM (VALUES ('join acme'), ('join bolt'), (NULL), ('join acme')) v (o)$q$),
  ($q$SELECT c.id FROM join_customer c JOIN consent.permitted('email', NULL) p ON p = c.email$q$),
  ($q$SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email WHERE c.id < 0$q$),
  ($q$SELECT c.id FROM join_customer c JOIN consent.permitted('sms', 'join acme') p ON p = c.email$q$),
  ($q$SELECT i, (SELECT count(*) FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email WHERE p::text < (SELECT 'j' || i)) FROM generate_series(1, 9) i$q$)) v (q);
CREATE TABLE join_result AS
SELECT n, j.*, join_plan(q) ~ 'Contact Cond' AS planned FROM join_query, join_rows(q) j;
SELECT n, rows, planned FROM join_result ORDER BY n;
SET pg_consent.contact_join = off;
SELECT n, j.* FROM join_query, join_rows(q) j EXCEPT SELECT n, rows, digest FROM join_result;
RESET pg_consent.contact_join;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT n, j.* FROM join_query, join_rows(q) j EXCEPT SELECT n, rows, digest FROM join_result;
SELECT string_agg(n::text, ',' ORDER BY n) AS planned FROM join_query WHERE join_plan(q) ~ 'Contact Cond';
-- Parts that are too large are divided again: six thousand devices with long names.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording)
SELECT ('device:' || repeat('d', 400) || i)::consent.contact, 'consent', '{push}', 'join acme', 'ticked_box', 'Notify me of offers' FROM generate_series(1, 6000) i;
ANALYZE consent.address_standing;
CREATE TABLE join_device AS
SELECT i AS id, ('device:' || repeat('d', 400) || i)::consent.contact AS device, repeat('note', 50) || i AS note FROM generate_series(1, 12000) i;
ANALYZE join_device;
CREATE FUNCTION join_parts(query text, OUT rows bigint, OUT parts bigint) LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
    rows := coalesce(rows, substring(line FROM 'Custom Scan \(ConsentContactJoin\).* rows=(\d+)')::bigint);
    parts := coalesce(substring(line FROM 'Parts: (\d+)')::bigint, parts);
  END LOOP;
END;
$$;
SELECT rows, parts > 33 AND parts < 33 * 32 AS divided_again
  FROM join_parts($q$SELECT d.id, d.note FROM join_device d JOIN consent.permitted('push', 'join acme') p ON p = d.device$q$);
SELECT count(*), sum(d.id), count(DISTINCT d.id), bool_and(p = d.device AND d.note = repeat('note', 50) || d.id)
  FROM join_device d JOIN consent.permitted('push', 'join acme') p ON p = d.device;
SELECT i, (SELECT count(*) FROM join_device d JOIN consent.permitted('push', 'join acme') p ON p = d.device WHERE d.id <= i * 5000) FROM generate_series(0, 2) i;
RESET work_mem;
RESET hash_mem_multiplier;
SELECT * FROM join_parts($q$SELECT d.id, d.note FROM join_device d JOIN consent.permitted('push', 'join acme') p ON p = d.device$q$);
DROP TABLE join_device;
RESET enable_hashjoin;
RESET enable_mergejoin;

-- Several processes make one table of contacts, if all of them are sure to fit.
CREATE FUNCTION join_shared(query text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF line ~ 'Parallel Custom Scan \(ConsentContactJoin\)' THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END;
$$;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET client_min_messages = error;	-- each process warns of an organisation that is not named
SELECT string_agg(n::text, ',' ORDER BY n) AS shared FROM join_query WHERE join_shared(q);
SELECT n, j.* FROM join_query, join_rows(q) j EXCEPT SELECT n, rows, digest FROM join_result;
SET parallel_leader_participation = off;
SELECT n, j.* FROM join_query, join_rows(q) j EXCEPT SELECT n, rows, digest FROM join_result;
RESET parallel_leader_participation;
RESET client_min_messages;
-- Three rounds, each with new processes; and with none.
SET enable_material = off;
SELECT join_shared($q$SELECT count(*) FROM generate_series(1, 3) LEFT JOIN (SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email OFFSET 0) j ON true$q$) AS shared;
SELECT count(*), count(DISTINCT id), sum(id) FROM generate_series(1, 3) LEFT JOIN (SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email OFFSET 0) j ON true;
SET max_parallel_workers = 0;
SELECT count(*), count(DISTINCT id), sum(id) FROM generate_series(1, 3) LEFT JOIN (SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email OFFSET 0) j ON true;
RESET max_parallel_workers;
RESET enable_material;
-- An error ends all of them, also while they make it.
SELECT join_shared($q$SELECT count(*) FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email WHERE 1 / (length(p::text) - 17) < 9$q$) AS shared;
SELECT count(*) FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email WHERE 1 / (length(p::text) - 17) < 9;
SELECT c.id / (c.id - 3000) FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email;
SELECT count(*) FROM (SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email LIMIT 5) l;
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT string_agg(n::text, ',' ORDER BY n) AS shared FROM join_query WHERE join_shared(q);
RESET work_mem;
RESET hash_mem_multiplier;
-- If they do not fit any more when it is executed, one process joins, in parts.
SET plan_cache_mode = force_generic_plan;
PREPARE join_kept AS SELECT count(*), sum(j.id) FROM generate_series(1, 2) LEFT JOIN (SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email OFFSET 0) j ON true;
SELECT join_shared('EXECUTE join_kept') AS shared;
EXECUTE join_kept;
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
EXECUTE join_kept;
SET parallel_leader_participation = off;
EXECUTE join_kept;
RESET parallel_leader_participation;
SET max_parallel_workers = 0;
EXECUTE join_kept;
SELECT join_shared('EXECUTE join_kept') AS shared, parts > 0 AS in_parts FROM join_parts('EXECUTE join_kept');
RESET max_parallel_workers;
RESET work_mem;
RESET hash_mem_multiplier;
RESET plan_cache_mode;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SET max_parallel_workers_per_gather = 0;

-- What costs least is asked first, as in other joins.
CREATE FUNCTION join_dear(text, text) RETURNS bool LANGUAGE plpgsql COST 1000 AS $$BEGIN RETURN true; END$$;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email AND join_dear(c.note, p::text) AND c.note <> p::text;
SET enable_nestloop = off;

-- Rows that row security hides are in none of what a query can call.
CREATE FUNCTION join_leak(id int, text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$BEGIN RAISE NOTICE 'saw %', id; RETURN true; END$$;
CREATE FUNCTION join_leaky_key(id int, email consent.contact) RETURNS consent.contact LANGUAGE plpgsql STABLE COST 0.0000001 AS $$BEGIN RAISE NOTICE 'was given %', id; RETURN email; END$$;
CREATE ROLE regress_join_reader IN ROLE consent_reader;
GRANT SELECT ON join_customer TO regress_join_reader;
ALTER TABLE join_customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY join_some ON join_customer TO regress_join_reader USING (id < 9 AND id % 2 = 0);
SET ROLE regress_join_reader;
SELECT join_plan($q$SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = join_leaky_key(c.id, c.email) AND join_leak(c.id, p::text)$q$) AS plan;
SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = join_leaky_key(c.id, c.email) AND join_leak(c.id, p::text);
RESET ROLE;
DROP POLICY join_some ON join_customer;
ALTER TABLE join_customer DISABLE ROW LEVEL SECURITY;
DROP OWNED BY regress_join_reader;
DROP ROLE regress_join_reader;

RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_nestloop;

-- A cursor that goes back, and one that is held.
SET cursor_tuple_fraction = 1;
BEGIN;
DECLARE both_ways SCROLL CURSOR FOR SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email;
FETCH 3 FROM both_ways;
FETCH BACKWARD 2 FROM both_ways;
DECLARE held CURSOR WITH HOLD FOR SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email;
FETCH 1 FROM held;
COMMIT;
MOVE ALL FROM held;
CLOSE held;

-- The contacts are read once for all rounds, if they fit and are the same.
CREATE FUNCTION join_reads(query text, OUT join_loops text, OUT contact_loops text) LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
    join_loops := coalesce(substring(line FROM 'Custom Scan \(ConsentContactJoin\).* loops=(\d+)'), join_loops);
    contact_loops := coalesce(substring(line FROM 'Scan on address_standing .* loops=(\d+)'), contact_loops);
  END LOOP;
END;
$$;
SELECT * FROM join_reads($q$SELECT i, (SELECT count(*) FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email WHERE c.id < i * 500) FROM generate_series(0, 9) i$q$);
SELECT * FROM join_reads($q$SELECT o, (SELECT count(*) FROM join_customer c JOIN consent.permitted('email', o) p ON p = c.email) FROM (VALUES ('join acme'), ('join bolt'), ('join acme')) v (o)$q$);

-- A prepared statement asks again each time.
SET plan_cache_mode = force_generic_plan;
PREPARE join_campaign (text) AS SELECT count(*) FROM join_customer c JOIN consent.permitted('email', $1) p ON p = c.email;
EXECUTE join_campaign ('join acme');
BEGIN;
SELECT consent.withdraw(contact => 'j1@join.example') > 0 AS recorded;
EXECUTE join_campaign ('join acme');
ROLLBACK;
EXECUTE join_campaign ('join bolt');
EXECUTE join_campaign (NULL);
EXECUTE join_campaign ('join nobody');

-- Only for whom may read the ledger.
CREATE ROLE regress_join_poor;
GRANT SELECT ON join_customer TO regress_join_poor;
GRANT EXECUTE ON FUNCTION join_plan, join_rows TO regress_join_poor;
SET ROLE regress_join_poor;
EXECUTE join_campaign ('join acme');
RESET ROLE;

-- Rows that are locked as they are read are not read ahead: with LIMIT, others can have the rest.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_nestloop = off;
BEGIN;
SELECT join_plan($q$SELECT c.id FROM (SELECT id, email FROM join_customer FOR UPDATE SKIP LOCKED) c JOIN consent.permitted('email', 'join acme') p ON p = c.email LIMIT 3$q$) AS plan;
SELECT c.id FROM (SELECT id, email FROM join_customer FOR UPDATE SKIP LOCKED) c JOIN consent.permitted('email', 'join acme') p ON p = c.email LIMIT 3;
SELECT count(*) FROM join_customer WHERE xmax <> 0;
ROLLBACK;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_nestloop;

-- MERGE, whose source may be such a join.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT join_plan($q$MERGE INTO join_customer c USING consent.permitted('email', 'join acme') p ON p = c.email WHEN MATCHED THEN UPDATE SET note = 'merged'$q$) AS plan;
SELECT join_plan($q$MERGE INTO join_customer m USING (SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email OFFSET 0) s ON s.id = m.id WHEN MATCHED THEN UPDATE SET note = 'merged'$q$) AS plan;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_nestloop;
BEGIN;
MERGE INTO join_customer c USING consent.permitted('email', 'join acme') p ON p = c.email WHEN MATCHED THEN UPDATE SET note = 'merged';
SELECT count(*), sum(id) FROM join_customer WHERE note = 'merged';
ROLLBACK;
BEGIN;
MERGE INTO join_customer m USING (SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email OFFSET 0) s ON s.id = m.id WHEN MATCHED THEN UPDATE SET note = 'merged';
SELECT count(*), sum(id) FROM join_customer WHERE note = 'merged';
ROLLBACK;

-- Stopped in the middle, it leaves nothing behind.
SELECT c.id / (c.id - 3000) FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email;
SELECT c.id FROM join_customer c JOIN consent.permitted('email', 'join acme') p ON p = c.email LIMIT 0;

DROP TABLE join_customer, join_query, join_result;
DROP FUNCTION join_plan, join_rows, join_reads, join_parts, join_shared, join_dear, join_leak, join_leaky_key;
DROP ROLE regress_join_poor;
