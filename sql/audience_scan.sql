-- A scan that looks up whole pages of rows in an audience returns what conditions on single rows return.
LOAD 'pg_consent';
\set SHOW_CONTEXT never
\pset footer off
\pset null '-'
SET max_parallel_workers_per_gather = 0;

-- Rows with NULLs, some changed and some deleted, a column added later that has its default and no place in the rows.
CREATE TABLE scan_row (gone int, id int, contact_id bigint, note text) WITH (fillfactor = 80, autovacuum_enabled = off);
INSERT INTO scan_row
SELECT 0, i, CASE WHEN i % 11 = 0 THEN NULL WHEN i % 97 = 0 THEN 5000000000 + i WHEN i % 89 = 0 THEN -i ELSE i::bigint * 7919 % 300007 END, repeat('x', i % 50) FROM generate_series(1, 2000) i;
ALTER TABLE scan_row DROP COLUMN gone, ADD COLUMN later bigint DEFAULT 7;
INSERT INTO scan_row SELECT i, i * 7919::bigint % 300007, 'later', NULL FROM generate_series(2001, 2200) i;
UPDATE scan_row SET contact_id = id * 104729::bigint % 300007 WHERE id % 13 = 0;
UPDATE scan_row SET later = id * 104729::bigint % 300007 WHERE id % 17 = 0;
DELETE FROM scan_row WHERE id % 7 = 0 OR id BETWEEN 1000 AND 1200;
CREATE TABLE scan_part (LIKE scan_row) PARTITION BY RANGE (id);
CREATE TABLE scan_part_1 PARTITION OF scan_part FOR VALUES FROM (0) TO (700);
CREATE TABLE scan_part_2 (note text, later bigint, id int, contact_id bigint);
ALTER TABLE scan_part ATTACH PARTITION scan_part_2 FOR VALUES FROM (700) TO (100000);
INSERT INTO scan_part SELECT * FROM scan_row;
CREATE TABLE scan_parent (LIKE scan_row);
CREATE TABLE scan_child (more int, LIKE scan_row);
ALTER TABLE scan_child INHERIT scan_parent;
INSERT INTO scan_parent SELECT * FROM scan_row WHERE id % 2 = 0;
INSERT INTO scan_child SELECT 1, * FROM scan_row WHERE id % 2 = 1;
CREATE MATERIALIZED VIEW scan_kept AS SELECT * FROM scan_row;
CREATE TEMP TABLE scan_temp AS SELECT * FROM scan_row;
CREATE TABLE scan_empty (LIKE scan_row);
CREATE TABLE scan_audience AS
SELECT 'thin' AS shape, consent.audience_of(n) AS a FROM generate_series(7, 300000, 97) n
UNION ALL SELECT 'dense', consent.audience_of(n) FROM generate_series(1, 300000, 3) n
UNION ALL VALUES ('runs', '{50000-99999,150000-199999,250000-299999}'::consent.audience), ('all', '{0-400000}'), ('none', '{}'), ('NULL', NULL), ('seven', '{7}');
ANALYZE scan_row, scan_part, scan_parent, scan_child, scan_kept, scan_temp, scan_audience;

-- A digest of the rows that a condition finds, with all that identifies them.
CREATE FUNCTION pg_temp.found(relation text, condition text, with_scan bool, workers int, OUT rows bigint, OUT digest text, OUT custom int) AS $$
DECLARE
	query text := format($q$SELECT count(*), md5(string_agg(concat_ws(':', t.tableoid, t.ctid, t.*), '|' ORDER BY t.tableoid, t.ctid)) FROM %s t WHERE %s$q$, relation, condition);
	plan text;
BEGIN
	PERFORM set_config('pg_consent.audience_scan', with_scan::text, true), set_config('max_parallel_workers_per_gather', workers::text, true);
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	custom := (SELECT count(*) FROM regexp_matches(plan, 'ConsentAudienceScan', 'g'));
	IF workers > 0 AND plan !~ '"Gather' THEN RAISE EXCEPTION 'not parallel'; END IF;
	EXECUTE query INTO rows, digest;
END $$ LANGUAGE plpgsql;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TEMP TABLE scan_case AS
SELECT r.relation, s.shape, c.name,
       format(c.condition, format('(SELECT a FROM scan_audience WHERE shape = %L)', s.shape)) AS condition
  FROM unnest('{scan_row,scan_part,scan_parent,"ONLY scan_parent",scan_kept,scan_temp,scan_empty}'::text[]) WITH ORDINALITY r(relation, n), scan_audience s,
       (VALUES ('has', 'contact_id <@ %s'), ('holds', '%s @> contact_id'), ('later', 'later <@ %s'), ('other too', 'contact_id <@ %s AND id %% 3 = 0 AND note <> ''''')) c(name, condition)
 WHERE r.n <= 2 OR c.name = 'has';
SELECT relation, count(*) AS cases, count(*) FILTER (WHERE plain.rows > 0) AS with_rows, min(scan.custom) AS scans, count(*) FILTER (WHERE scan.rows <> plain.rows OR scan.digest IS DISTINCT FROM plain.digest) AS different, sum(plain.custom) AS none
  FROM scan_case, pg_temp.found(relation, condition, true, 0) scan, pg_temp.found(relation, condition, false, 0) plain
 GROUP BY 1 ORDER BY 1;
SELECT relation, count(*) AS cases, count(*) FILTER (WHERE plain.rows > 0) AS with_rows, min(scan.custom) AS scans, count(*) FILTER (WHERE scan.rows <> plain.rows OR scan.digest IS DISTINCT FROM plain.digest) AS different
  FROM scan_case, pg_temp.found(relation, condition, true, 2) scan, pg_temp.found(relation, condition, false, 0) plain
 WHERE relation IN ('scan_row', 'scan_part') AND shape IN ('dense', 'thin', 'NULL') AND name IN ('has', 'later') GROUP BY 1 ORDER BY 1;

-- What EXPLAIN shows.
CREATE FUNCTION pg_temp.explain(options text, query text) RETURNS SETOF text AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
		RETURN NEXT regexp_replace(line, '\$0|\(InitPlan 1\)\.col1', '$0');
	END LOOP;
END $$ LANGUAGE plpgsql;
SELECT j ->> 'Node Type' AS node, j ->> 'Custom Plan Provider' AS provider, j ->> 'Audience Cond' AS condition, j ->> 'Filter' AS filter, (j ->> 'Rows Removed by Filter')::numeric AS by_filter,
       (j ->> 'Actual Rows')::numeric + (j ->> 'Rows Removed by Filter')::numeric + (j ->> 'Rows Removed by Audience')::numeric = (SELECT count(*) FROM scan_row) AS all_told
  FROM pg_temp.explain('ANALYZE, TIMING OFF, SUMMARY OFF, FORMAT JSON', $$SELECT id FROM scan_row WHERE '{1-150000}' @> contact_id AND id > 0$$) l, LATERAL (SELECT l::json -> 0 -> 'Plan') j(j);
SELECT * FROM pg_temp.explain('COSTS OFF', $$SELECT id FROM scan_row r WHERE contact_id <@ '{1-3}'$$);
SELECT count(*) FILTER (WHERE l ~ 'never executed') AS never, count(*) FILTER (WHERE l ~ 'Removed by Audience') AS removed FROM pg_temp.explain('ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF', $$SELECT id FROM scan_row r WHERE contact_id <@ '{1-3}' LIMIT 0$$) l;

-- Where there is no such scan: an index is better, the audience is another for each row or must be asked again, it is a sample, the rows are not a table's.
CREATE FUNCTION pg_temp.scans(query text) RETURNS bool AS $$ SELECT bool_or(l ~ 'ConsentAudienceScan') FROM pg_temp.explain('COSTS OFF', query) l $$ LANGUAGE sql;
CREATE INDEX ON scan_row (id);
SELECT q, pg_temp.scans(q) AS scans FROM unnest(ARRAY[
	$$SELECT * FROM scan_row WHERE contact_id <@ '{1-3}'$$,
	$$SELECT * FROM scan_row WHERE contact_id <@ '{1-3}' AND id = 5$$,
	$$SELECT * FROM scan_row WHERE contact_id <@ (CASE WHEN id > 3 THEN '{1}' ELSE '{2}' END)::consent.audience$$,
	$$SELECT * FROM scan_row WHERE contact_id <@ format('{%s}', trunc(random()))::consent.audience$$,
	$$SELECT * FROM scan_row r WHERE contact_id <@ (SELECT a FROM scan_audience WHERE shape = r.note)$$,
	$$SELECT * FROM scan_row TABLESAMPLE SYSTEM (50) WHERE contact_id <@ '{1-3}'$$,
	$$SELECT * FROM scan_row WHERE id::bigint <@ '{1-3}'::consent.audience$$,
	$$SELECT * FROM scan_row WHERE NOT contact_id <@ '{1-3}'$$,
	$$SELECT * FROM scan_row WHERE contact_id <@ '[1,3]'::int8range$$,
	$$SELECT * FROM generate_series(1::bigint, 9) n WHERE n <@ '{1-3}'::consent.audience$$]) q;

-- Once more for every outer row, with another audience and with the same.
EXPLAIN (COSTS OFF) SELECT s.shape, x.n FROM scan_audience s, LATERAL (SELECT count(*) AS n FROM scan_row r WHERE r.contact_id <@ s.a) x;
SELECT s.shape, x.n, x.n = (SELECT count(*) FROM scan_row r WHERE CASE WHEN true THEN r.contact_id <@ s.a END) AS as_many
  FROM scan_audience s, generate_series(1, 2), LATERAL (SELECT count(*) AS n FROM scan_row r WHERE r.contact_id <@ s.a) x ORDER BY 1;
SELECT count(*) FROM generate_series(1, 3) g, LATERAL (SELECT * FROM scan_row r WHERE r.contact_id <@ (SELECT a FROM scan_audience WHERE shape = 'dense') AND r.id % 3 = g - 1 OFFSET 0) x;
SELECT count(*) FROM scan_row r WHERE r.contact_id <@ (SELECT a FROM scan_audience WHERE shape = 'dense');
SELECT g, x.id FROM generate_series(1, 3) g, LATERAL (SELECT id FROM scan_row r WHERE r.contact_id <@ '{0-400000}' AND r.id % 3 = g - 1 LIMIT 2) x;

-- A kept plan: its argument is another audience each time, and NULL.
SET plan_cache_mode = force_generic_plan;
PREPARE members AS SELECT count(*) FROM scan_row WHERE contact_id <@ $1;
EXPLAIN (COSTS OFF) EXECUTE members ('{1-3}');
EXECUTE members ('{0-400000}');
EXECUTE members ('{}');
EXECUTE members (NULL);
SET max_parallel_workers_per_gather = 2;
PREPARE members_parallel AS SELECT count(*) FROM scan_part WHERE contact_id <@ $1;
EXECUTE members_parallel ('{0-400000}');
EXECUTE members_parallel (NULL);
RESET plan_cache_mode;
SET max_parallel_workers_per_gather = 0;

-- Cursors: forwards, where there is no other way; SCROLL; at the current row.
BEGIN;
DECLARE here CURSOR FOR SELECT id FROM scan_row WHERE contact_id <@ (SELECT a FROM scan_audience WHERE shape = 'dense');
DECLARE there SCROLL CURSOR FOR SELECT id FROM scan_row WHERE contact_id <@ (SELECT a FROM scan_audience WHERE shape = 'dense');
FETCH 3 FROM here;
FETCH 3 FROM there;
FETCH BACKWARD 2 FROM there;
UPDATE scan_row SET note = 'here' WHERE CURRENT OF here RETURNING id;
FETCH 1 FROM here;
MOVE ALL IN here;
FETCH 1 FROM here;
ROLLBACK;

-- Rows that are changed by what looks them up, and a whole row.
BEGIN;
WITH changed AS (UPDATE scan_row SET contact_id = 1 WHERE contact_id <@ '{1-150000}' RETURNING id) SELECT count(*) = (SELECT count(*) FROM scan_row WHERE contact_id BETWEEN 1 AND 150000) AS once_each FROM changed;
SELECT count(DISTINCT r) AS whole_rows, count(*) FROM (SELECT r, r.xmin FROM scan_row r WHERE contact_id <@ '{1}') r;
WITH gone AS (DELETE FROM scan_part WHERE contact_id <@ '{1-150000}' RETURNING 1) SELECT count(*) > 0 AS some FROM gone;
SELECT count(*) AS left_over FROM scan_part WHERE contact_id BETWEEN 1 AND 150000;
ROLLBACK;

-- Who may not see a row may not learn of it: the policy comes first.
CREATE ROLE regress_scan_reader;
GRANT SELECT, UPDATE ON scan_row TO regress_scan_reader;
GRANT USAGE ON SCHEMA consent TO regress_scan_reader;
ALTER TABLE scan_row ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON scan_row USING (id % 5 = 0);
CREATE FUNCTION pg_temp.tell(bigint) RETURNS bool COST 0.0001 LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'told %', $1 % 5; END $$;
SET ROLE regress_scan_reader;
SELECT pg_temp.scans($$SELECT * FROM scan_row WHERE contact_id <@ '{1-3}'$$) AS before_the_policy;
RESET ROLE;
ALTER POLICY few ON scan_row USING (contact_id <@ '{}'::consent.audience);
SET ROLE regress_scan_reader;
SELECT pg_temp.scans('SELECT * FROM scan_row') AS the_policy;
SELECT count(*) FROM scan_row WHERE pg_temp.tell(id);
RESET ROLE;
ALTER POLICY few ON scan_row USING (contact_id <@ '{0-400000}'::consent.audience);
SET ROLE regress_scan_reader;
BEGIN;
DECLARE here CURSOR FOR SELECT id FROM scan_row ORDER BY id FOR UPDATE;
FETCH 1 FROM here;
UPDATE scan_row SET note = 'here' WHERE CURRENT OF here RETURNING id, note;
ROLLBACK;
RESET ROLE;
ALTER TABLE scan_row DISABLE ROW LEVEL SECURITY;

-- Nor is the operator's function called by who may not.
BEGIN;
REVOKE EXECUTE ON FUNCTION consent.audience_has FROM PUBLIC;
SET LOCAL ROLE regress_scan_reader;
SELECT count(*) FROM scan_row WHERE contact_id <@ '{1-3}';
ROLLBACK;
DROP OWNED BY regress_scan_reader;
DROP ROLE regress_scan_reader;

-- A function of that name that is somebody else's is not taken for ours.
CREATE FUNCTION consent.audience_has(bigint, int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 = $2; END';
CREATE OPERATOR public.<@ (LEFTARG = bigint, RIGHTARG = int, FUNCTION = consent.audience_has);
SELECT pg_temp.scans('SELECT * FROM scan_row WHERE later OPERATOR(public.<@) 7'), count(*) > 0 AS some FROM scan_row WHERE later OPERATOR(public.<@) 7;
DROP OPERATOR public.<@ (bigint, int);
DROP FUNCTION consent.audience_has(bigint, int);

SET client_min_messages = warning;
DROP TABLE scan_row, scan_part, scan_parent, scan_child, scan_empty, scan_audience CASCADE;
