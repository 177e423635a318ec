-- Contacts: one address, one spelling.
LOAD 'pg_consent';
SET pg_consent.default_region = 'GB';

-- What people have in their tables.
SELECT spelling, spelling::consent.contact AS contact,
       consent.contact_kind(spelling::consent.contact) AS kind
FROM (VALUES
  ('Jo.Bloggs@EXAMPLE.co.uk'),
  ('  jo@example.com  '),
  ('jo@example.com.'),
  ('jo+news@example.com'),
  ('Jo <jo@example.com>'),
  ('<jo@example.com>'),
  ('"Bloggs, Jo" <jo@example.com>'),
  ('Jo B. O''Bloggs < jo@example.com >'),
  ('mailto:jo@example.com'),
  ('MAILTO:Jo%2Bnews@example.com?subject=Hello&body=you'),
  ('"jo"@example.com'),
  ('"jo.b"@example.com'),
  ('"Jo Bloggs"@example.com'),
  ('"j\o"@example.com'),
  ('"j\"o\\b"@example.com'),
  ('"jo@home"@example.com'),
  ('"a..b"@example.com'),
  ('jo@münchen.example'),
  ('jo@MÜNCHEN.example'),
  ('jo@XN--MNCHEN-3YA.example'),
  ('jo@faß.example'),
  ('jo@fass.example'),
  ('JÖRG@example.com'),
  ('groß@example.com'),
  ('+44@example.com'),
  ('07700 900123'),
  ('07700900123'),
  ('7700 900123'),
  ('447700900123'),
  ('0044 7700 900123'),
  ('00447700900123'),
  ('+44 7700 900123'),
  ('+44 (0)7700 900123'),
  ('+44(0) 7700 900123'),
  ('+4407700900123'),
  ('(+44) 7700-900-123'),
  ('(07700) 900123'),
  ('07700.900.123'),
  ('07700/900123'),
  (E'\u00a007700\u2011900\u00a0123'),
  ('＋４４　７７００　９００１２３'),
  ('tel:+447700900123'),
  ('tel:+44-(0)7700-900123'),
  ('TEL:07700-900-123;phone-context=+44'),
  ('0161 496 0000'),
  ('+44 0161 496 0000'),
  ('+44 (0)20 7946 0000'),
  ('+442079460000'),
  ('+39 06 6988 3145'),
  ('+39 (0)6 6988 3145'),
  ('+1 (212) 555-0123'),
  ('device:Ab-12'),
  ('Device:  Ab-12  '),
  ('account:4411'),
  ('postal:12 High Street, London'),
  (E'POSTAL:  12 HIGH   Street,\n London ')
) AS t (spelling);

-- By other regions' rules.
SELECT spelling, region, consent.contact(spelling, region)
FROM (VALUES
  ('07700 900123', 'GB'),
  ('06 6988 3145', 'IT'),
  ('347 123 4567', 'IT'),
  ('085 123 4567', 'IE'),
  ('(212) 555-0123', 'US'),
  ('011 44 7700 900123', 'US'),
  ('0151 23456789', 'DE'),
  ('030/123456', 'DE'),
  ('+49 (0)2331/123456', 'DE'),
  ('0049 2331/123456', 'DE'),
  ('8 912 345-67-89', 'RU'),
  ('011 15-2345-6789', 'AR'),
  ('712345', 'AD'),
  ('+44 7700 900123', 'FR'),
  ('jo@example.com', 'FR'),
  ('+44 (0)7700 900123', NULL),
  ('jo@example.com', NULL),
  ('device:x', NULL),
  (NULL, 'GB')
) AS t (spelling, region);
SELECT consent.contact(region => 'GB', value => '07700 900123');
SELECT consent.contact(value => '07700 900123'), consent.contact(NULL);

-- The setting decides where no region is given, and only there.
SET pg_consent.default_region = 'IE';
SELECT '085 123 4567'::consent.contact AS by_setting, consent.contact('07700 900123', 'GB') AS by_argument;
RESET pg_consent.default_region;

-- Italy keeps its zero.
SELECT consent.contact('+390669883145') = consent.contact('06 6988 3145', 'IT') AS same;

-- Rubbish.  The message never holds the address; the detail says what is wrong.
CREATE FUNCTION pg_temp.complaint(spelling text, region text DEFAULT 'GB') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  RETURN 'accepted as ' || consent.contact(spelling, region);
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', SQLSTATE, nullif(SQLERRM, 'invalid input syntax for type consent.contact'),
                   nullif(detail, ''), nullif(hint, ''));
END
$$;
\x on
\pset format unaligned
SELECT ''::consent.contact;
\echo :LAST_ERROR_SQLSTATE
SELECT 'jo at example.com'::consent.contact;
\echo :LAST_ERROR_SQLSTATE
SELECT regexp_replace(left(spelling, 60), '[^ -~]', '?', 'g') AS spelling, region,
       pg_temp.complaint(spelling, region)
FROM (VALUES
  ('', 'GB'),
  (' ', 'GB'),
  ('hello', 'GB'),
  ('http://example.com', 'GB'),
  ('@', 'GB'),
  ('@example.com', 'GB'),
  ('jo@', 'GB'),
  ('jo@example', 'GB'),
  ('jo@localhost.', 'GB'),
  ('jo@example..com', 'GB'),
  ('jo@.example.com', 'GB'),
  ('jo@-example.com', 'GB'),
  ('jo@example-.com', 'GB'),
  ('jo@exam_ple.com', 'GB'),
  ('jo@exam ple.com', 'GB'),
  ('jo@10.0.0.1', 'GB'),
  ('jo@[10.0.0.1]', 'GB'),
  ('jo@xn--a.example', 'GB'),
  ('jo@☃.example', 'GB'),
  ('jo@münchen。', 'GB'),
  ('jo@home@example.com', 'GB'),
  ('jo bloggs@example.com', 'GB'),
  ('.jo@example.com', 'GB'),
  ('jo.@example.com', 'GB'),
  ('j..o@example.com', 'GB'),
  ('j(comment)o@example.com', 'GB'),
  ('""@example.com', 'GB'),
  ('"jo@example.com', 'GB'),
  ('jo."b"@example.com', 'GB'),
  ('Jo <jo@example.com', 'GB'),
  ('Jo jo@example.com>', 'GB'),
  ('<<jo@example.com>>', 'GB'),
  ('jo@home <jo@example.com>', 'GB'),
  ('Jo <jo@example.com> (work)', 'GB'),
  ('Friends: jo@example.com;', 'GB'),
  ('Bloggs, Jo <jo@example.com>', 'GB'),
  ('jo@example.com, sam@example.com', 'GB'),
  ('jo@example.com;sam@example.com', 'GB'),
  ('mailto:jo@example.com,sam@example.com', 'GB'),
  ('mailto:jo@example.com?cc=sam@example.com', 'GB'),
  ('mailto:jo@example.com?subject=x&bcc=sam@example.com', 'GB'),
  ('mailto:jo@example.com#x', 'GB'),
  ('mailto:Jo <jo@example.com>', 'GB'),
  ('mailto:jo%4', 'GB'),
  ('mailto:jo%00@example.com', 'GB'),
  ('mailto:jo%FF@example.com', 'GB'),
  ('mailto:', 'GB'),
  (E'jo@example.com\u200b', 'GB'),
  (E'j\u202eo@example.com', 'GB'),
  (E'jo\t@example.com', 'GB'),
  (E'"jo\u00a0b"@example.com', 'GB'),
  ('jo＠home@example.com', 'GB'),
  ('jo＠example.com', 'GB'),
  (repeat('x', 65) || '@example.com', 'GB'),
  ('jo@' || repeat('x', 64) || '.com', 'GB'),
  ('jo@' || repeat('x.', 126) || 'com', 'GB'),
  (repeat('x', 64) || '@' || repeat('x.', 94) || 'com', 'GB'),
  ('60777', 'GB'),
  ('60777', 'DE'),
  ('999', 'GB'),
  ('7946 0000', 'GB'),
  ('555-0123', 'US'),
  ('+44 7700', 'GB'),
  ('0207 946 000 000', 'GB'),
  ('07700 9001', 'GB'),
  ('+44077009001', 'GB'),
  ('0800 FLOWERS', 'GB'),
  ('020 7946 0000 x123', 'GB'),
  ('020 7946 0000 ext. 123', 'GB'),
  ('020 7946 0000/1', 'GB'),
  ('030 12345 / 67890', 'DE'),
  ('030/12345/678', 'DE'),
  ('020 7946 0000, 020 7946 0001', 'GB'),
  ('tel:+442079460000;ext=123', 'GB'),
  ('tel:7042;phone-context=example.com', 'GB'),
  ('+44+7700900123', 'GB'),
  ('44 + 7700 900123', 'GB'),
  ('+44 (0)(0)7700 900123', 'GB'),
  ('+49 3(0)1234567', 'GB'),
  ('+39 (0)347 1234567', 'GB'),
  ('(07700 900123', 'GB'),
  ('07700) 900123', 'GB'),
  ('07700 () 900123', 'GB'),
  ('-07700 900123', 'GB'),
  ('07700 900123-', 'GB'),
  ('+', 'GB'),
  ('+0 7700 900123', 'GB'),
  ('+999 7700 900123', 'GB'),
  ('123456789012345678901234567890', 'GB'),
  (E'07700\u200b900123', 'GB'),
  ('07700 900123', NULL),
  ('0044 7700 900123', NULL),
  ('07700 900123', 'UK'),
  ('07700 900123', 'gb'),
  ('jo@example.com', 'England'),
  ('jo@example.com', ''),
  ('device:', 'GB'),
  ('device:   ', 'GB'),
  (E'device:a\nb', 'GB'),
  (E'account:a\u200bb', 'GB'),
  ('account:' || repeat('x', 513), 'GB'),
  (repeat('x', 2049) || '@example.com', 'GB')
) AS t (spelling, region);
\pset format aligned
\x off
-- No character of an internationalised domain is dropped; which rule it breaks
-- depends on the version of libidn2.
SELECT spelling, left(pg_temp.complaint(spelling), 5)
FROM unnest(ARRAY['jo@mün:chen.example', 'jo@mün_chen.example', 'jo@münchen（.example', 'jo@münchen＠.example']) AS spelling;

-- Comparison: with literals through the input function, never with plain text.
SELECT 'JO@example.com'::consent.contact = 'Jo <jo@example.com>' AS same,
       'jo@example.com'::consent.contact <> '07700 900123' AS differ,
       'a@example.com'::consent.contact < 'b@example.com' AS lt,
       'a@example.com'::consent.contact <= 'b@example.com' AS le,
       'a@example.com'::consent.contact > 'b@example.com' AS gt,
       'a@example.com'::consent.contact >= 'b@example.com' AS ge;
\set VERBOSITY sqlstate
SELECT 'jo@example.com'::consent.contact = 'Jo@example.com'::text;
\set VERBOSITY default
SELECT '07700 900123'::consent.contact::text AS text, '07700 900123'::varchar::consent.contact AS contact;
SELECT 'a@example.com'::consent.contact || '' AS concatenated;

-- Tables: assignment canonicalises, and a unique index sees one address.
CREATE TABLE contact_test (id int, c consent.contact UNIQUE);
INSERT INTO contact_test VALUES (1, 'Jo@example.com'), (2, '07700 900123'), (3, 'device:x');
INSERT INTO contact_test SELECT 4, 'sam@example.com'::text;
INSERT INTO contact_test VALUES (5, 'jo@EXAMPLE.com');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO contact_test VALUES (6, '+44 (0)7700 900123') ON CONFLICT (c) DO UPDATE SET id = excluded.id;
SELECT id, c FROM contact_test ORDER BY c;
SELECT min(c), max(c), count(DISTINCT c) FROM contact_test;
SELECT c FROM contact_test WHERE c IN ('JO@example.com', 'tel:+44-7700-900123') ORDER BY c DESC;
SELECT c, count(*) FROM (SELECT c FROM contact_test UNION ALL SELECT '"jo"@example.com') u GROUP BY c ORDER BY c;
SELECT DISTINCT consent.contact_kind(c) FROM contact_test ORDER BY 1;
DROP TABLE contact_test;

-- Only the function with a region can be indexed: the other reads a setting.
CREATE TABLE contact_raw (addr text);
\set VERBOSITY sqlstate
CREATE INDEX ON contact_raw (consent.contact(addr));
\set VERBOSITY default
CREATE INDEX contact_raw_idx ON contact_raw (consent.contact(addr, 'GB'));
INSERT INTO contact_raw VALUES ('Jo <jo@example.com>'), ('07700 900123');
SET enable_seqscan = off; SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT addr FROM contact_raw WHERE consent.contact(addr, 'GB') = '+447700900123';
SELECT addr FROM contact_raw WHERE consent.contact(addr, 'GB') = '+447700900123';
RESET enable_seqscan; RESET enable_bitmapscan;
ALTER TABLE contact_raw DROP COLUMN addr;
ALTER TABLE contact_raw ADD addr text;
INSERT INTO contact_raw VALUES ('Jo <jo@example.com>'), ('07700 900123');
ALTER TABLE contact_raw ALTER addr TYPE consent.contact;
SELECT addr FROM contact_raw WHERE addr IS NOT NULL ORDER BY addr;
DROP TABLE contact_raw;

-- Statistics: equality and joins are estimated as for any scalar type.
CREATE TABLE contact_stats AS
  SELECT i, ('user' || i % 500 || '@example.com')::consent.contact AS c FROM generate_series(1, 5000) i;
CREATE TABLE contact_people AS
  SELECT ('USER' || i || '@Example.com')::consent.contact AS c FROM generate_series(1, 1000) i;
ANALYZE contact_stats, contact_people;
CREATE FUNCTION pg_temp.estimate(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END
$$;
SELECT pg_temp.estimate($$SELECT 1 FROM contact_stats WHERE c = 'User7@example.com'$$)::int BETWEEN 5 AND 20 AS equality,
       pg_temp.estimate($$SELECT 1 FROM contact_stats WHERE c >= 'user3@example.com'$$)::int BETWEEN 1300 AND 2100 AS range,
       pg_temp.estimate($$SELECT 1 FROM contact_stats JOIN contact_people USING (c)$$)::int BETWEEN 4000 AND 6000 AS join_,
       pg_temp.estimate($$SELECT DISTINCT c FROM contact_stats$$)::int BETWEEN 450 AND 550 AS distinct_,
       pg_temp.estimate($$SELECT 1 FROM contact_stats WHERE c IN (SELECT c FROM contact_people)$$)::int BETWEEN 2500 AND 6000 AS semi_join;

-- Joins by hash and by merge.
SET enable_mergejoin = off; SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM contact_stats JOIN contact_people USING (c);
SELECT count(*) FROM contact_stats JOIN contact_people USING (c);
SET enable_mergejoin = on; SET enable_hashjoin = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM contact_stats JOIN contact_people USING (c);
SELECT count(*) FROM contact_stats JOIN contact_people USING (c);
RESET enable_mergejoin; RESET enable_nestloop; RESET enable_hashjoin;

-- Sorted by abbreviated keys, and by the comparison function alone.
SELECT count(*) FROM (SELECT c, lag(c) OVER (ORDER BY c) AS before FROM contact_people) s WHERE before >= c;
SELECT count(*) FROM (SELECT c, lag(c) OVER (ORDER BY c::text COLLATE "C") AS before FROM contact_people) s WHERE before >= c;

-- Hash indexes and hash partitions.
CREATE INDEX ON contact_people USING hash (c);
SET enable_seqscan = off; SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM contact_people WHERE c = 'User7@EXAMPLE.com';
SELECT * FROM contact_people WHERE c = 'User7@EXAMPLE.com';
RESET enable_seqscan; RESET enable_bitmapscan;
CREATE TABLE contact_parts (c consent.contact PRIMARY KEY) PARTITION BY HASH (c);
CREATE TABLE contact_part_0 PARTITION OF contact_parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE contact_part_1 PARTITION OF contact_parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO contact_parts SELECT c FROM contact_people;
SELECT (SELECT count(*) FROM contact_part_0) BETWEEN 400 AND 600 AS balanced, count(*) FROM contact_parts;
SELECT * FROM contact_parts WHERE c = 'User7 <USER7@example.com>';
DROP TABLE contact_stats, contact_people, contact_parts;

-- Volatility is what is promised.
SELECT oid::regprocedure AS function, provolatile AS volatility, proparallel AS parallel
FROM pg_proc WHERE pronamespace = 'consent'::regnamespace AND proname IN ('contact', 'contact_in', 'contact_out', 'contact_recv', 'contact_kind')
ORDER BY oid::regprocedure::text;

-- Nobody needs a right to write an address down.
CREATE ROLE regress_consent_app;
SET ROLE regress_consent_app;
SELECT '07700 900123'::consent.contact AS contact, consent.contact('06 6988 3145', 'IT') AS indexable;
RESET ROLE;
DROP ROLE regress_consent_app;

-- Every operator class is complete.
SELECT amname, opcname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE opcintype = 'consent.contact'::regtype ORDER BY 1;

-- try_contact: NULL where contact() is an error; but a region must be one
SELECT v, consent.try_contact(v) AS here, consent.try_contact(v, 'IE') AS ireland, consent.try_contact(v, NULL) AS nowhere
  FROM unnest(ARRAY['Jo <Jo@Example.com>', '07700 900123', '+447700900123', 'n/a', '', NULL, 'a@b, c@d', '999']) WITH ORDINALITY t(v, n) ORDER BY n;
SELECT consent.try_contact('07700 900123', 'Ireland');
\echo :LAST_ERROR_SQLSTATE
-- Without its +tag an address reads as itself, or a dump of the ledger could not be restored.
SELECT v, consent.contact_root(v::consent.contact)::text::consent.contact AS root
  FROM unnest(ARRAY['jo+a@x.example', 'jo.b+a+.c@x.example', 'jo.+a@x.example', 'jo.+a+b@x.example', '+a@x.example']) WITH ORDINALITY t(v, n) ORDER BY n;
