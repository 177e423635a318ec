-- docs/reference.md, from the catalogs: what is said of an object is its COMMENT
-- and is said nowhere else.  test/reference runs this; test/t/081_reference.pl
-- runs it again and compares.
--
-- The chapters below only bring order into the functions that people call.  A
-- function that is in none is listed at the end, in one line, as is what types,
-- operators, triggers and other functions are made of.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
LOAD 'pg_consent';
SET search_path = pg_catalog;

CREATE TEMP TABLE chapter (n integer, title text, functions text);
INSERT INTO chapter VALUES
  (1, 'Addresses', 'contact try_contact contact_kind contact_root contact_text'),
  (2, 'Classifying messages', 'classify evidence highlight classify_raw read_raw read_attachments is_marketing try_rule try_condition compile_rules rule_stats what_if pattern_literals folded_text sentences'),
  (3, 'Recording', 'give withdraw object soft_opt_in request answered contacted non_objection suppress unsuppress set_subscriber list_on_register screened wording_in_force wording_digest'),
  (4, 'Replies and unsubscribing', 'inbound read_reply unsubscribe_token unsubscribe rotate_token_key'),
  (5, 'Persons and erasure', 'link unlink linked_addresses forget expire_contacts'),
  (6, 'What a person may see', 'history record receipt events_of subject_access subject_access_of subject_access_html'),
  (7, 'Proof', 'seal verify_ledger event_digest rebuild_standings wrong_standings'),
  (8, 'Deciding', 'evaluate may_send policy_in_force default_organisation'),
  (9, 'Campaigns', 'permitted audience contact_id count numbers unnest audience_of union_of why_not preflight verdicts coverage_of status judge record_defects stored_size'),
  (10, 'Guarding tables and queues', 'guard unguard guard_queue unguard_queue refusal_reason lookup json_texts cleared release verify finish_sweeps guard_index expire_log fill_filter filter_state'),
  (11, 'Audits and reports', 'exposure exposure_start exposure_work exposure_result summarise_imports report report_json report_html');

-- A comment as a sentence: some are notes that begin small and end without a stop.
CREATE FUNCTION pg_temp.sentence(comment text, capital boolean DEFAULT true) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN right(s, 1) IN ('.', '?') OR s = '' THEN s ELSE s || '.' END
    FROM (SELECT CASE WHEN capital AND c ~ '^[a-z]+[ ,:;]' THEN upper(left(c, 1)) || substr(c, 2) ELSE c END AS s
            FROM (SELECT replace(replace(replace(COALESCE(comment, ''), '<', '&lt;'), '|', '\|'), '*', '\*') AS c) c) s
$$;
CREATE FUNCTION pg_temp.plain_type(type text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT regexp_replace(replace(type, 'timestamp with time zone', 'timestamptz'), '(NULL|''[^'']*'')::[a-z_.]+(\[\])?', '\1', 'g')
$$;
CREATE FUNCTION pg_temp.roles(acl aclitem[], owner oid, kind "char", wanted text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN bool_or(a.grantee = 0) THEN 'everybody'
              ELSE string_agg('`' || pg_get_userbyid(a.grantee) || '`', ', '
                              ORDER BY array_position('{consent_reader,consent_writer,consent_admin}', pg_get_userbyid(a.grantee)::text), 1) END
    FROM aclexplode(COALESCE(acl, acldefault(kind, owner))) a
   WHERE a.grantee <> owner AND a.privilege_type = wanted
$$;

CREATE TEMP VIEW member AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
 WHERE e.extname = 'pg_consent' AND d.deptype = 'e';

CREATE TEMP VIEW fn AS
SELECT p.oid, p.proname::text AS name, c.n AS chapter, array_position(string_to_array(c.functions, ' '), p.proname::text) AS place,
       regexp_replace(regexp_replace(a."all", '(^|, )OUT [^,]+', '', 'g'), '^, ', '') AS arguments, pg_temp.plain_type(pg_get_function_identity_arguments(p.oid)) AS identity,
       CASE WHEN a."all" ~ '\mOUT '
            THEN CASE WHEN p.proretset THEN 'TABLE' ELSE 'ROW' END || '('
                 || (SELECT string_agg(o[1], ', ') FROM regexp_matches(a."all", 'OUT ([^,]+)', 'g') o) || ')'
            ELSE pg_temp.plain_type(pg_get_function_result(p.oid)) END AS result, p.prokind,
       pg_temp.roles(p.proacl, p.proowner, 'f', 'EXECUTE') AS roles,
       pg_temp.sentence(obj_description(p.oid, 'pg_proc'), c.n IS NOT NULL) AS comment
  FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
  CROSS JOIN LATERAL pg_temp.plain_type(pg_get_function_arguments(p.oid)) AS a("all")
  LEFT JOIN chapter c ON p.proname::text = ANY (string_to_array(c.functions, ' '));

-- A chapter that names what is not there is wrong.
DO $$
DECLARE
  gone text;
BEGIN
  SELECT string_agg(f, ', ') INTO gone FROM chapter c, string_to_table(c.functions, ' ') f WHERE NOT EXISTS (SELECT FROM fn WHERE fn.name = f);
  IF gone IS NOT NULL THEN RAISE EXCEPTION 'test/reference.sql names functions that are not there: %', gone; END IF;
END $$;

CREATE TEMP VIEW rel AS
SELECT c.oid, c.relname::text AS name, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS kind,
       pg_temp.roles(c.relacl, c.relowner, 'r', 'SELECT') AS readers, pg_temp.roles(c.relacl, c.relowner, 'r', 'INSERT') AS writers,
       pg_temp.sentence(obj_description(c.oid, 'pg_class')) AS comment
  FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
 WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition;

CREATE TEMP VIEW typ AS
SELECT t.oid, t.typname::text AS name, t.typtype, t.typrelid, pg_temp.sentence(obj_description(t.oid, 'pg_type')) AS comment
  FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
 WHERE t.typelem = 0 AND (t.typtype IN ('e', 'b') OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'));

\o :out
SELECT '# Reference

Every object of the extension, with what its COMMENT says of it. `make reference` writes this page from a database and a test
compares them, so it cannot differ from what `\df+ consent.*`, `\d+ consent.*` and `\dT+ consent.*` show. Arguments in the
order of the call; what follows DEFAULT may be left out. Call functions with more than two arguments by name:
`consent.give(contact => ..., channels => ...)`. Errors are explained in [errors.md](errors.md).
';
SELECT 'Chapters: ' || string_agg(format('[%s](#%s)', title, replace(lower(title), ' ', '-')), ', ' ORDER BY n)
       || ', [Tables and views](#tables-and-views), [Types](#types), [Settings](#settings), [Reason codes](#reason-codes), [Inner workings](#inner-workings).'
  FROM chapter;

SELECT E'\n## ' || c.title || E'\n'
       || (SELECT string_agg(format(E'\n### consent.%s\n\n```\n%s\n```\n\n%s\n%s', g.name, g.signatures, g.comments, g.roles), '' ORDER BY g.place)
             FROM (SELECT f.name, min(f.place) AS place,
                          string_agg(CASE WHEN f.prokind = 'p' THEN 'CALL ' ELSE '' END || 'consent.' || f.name || '('
                                     || CASE WHEN length(f.arguments) > 90 THEN E'\n  ' || replace(f.arguments, ', ', E',\n  ') ELSE f.arguments END || ')'
                                     || COALESCE(' -> ' || CASE WHEN length(f.result) > 60 THEN regexp_replace(regexp_replace(f.result, '^(TABLE|ROW)\(', E'\\1(\n  '), ', ', E',\n  ', 'g') ELSE f.result END, ''),
                                     E'\n' ORDER BY f.oid) AS signatures,
                          string_agg(f.comment, E'\n\n' ORDER BY f.oid) AS comments,
                          E'\nMay be called by: ' || COALESCE(min(f.roles), 'the owner of the extension') || E'.\n' AS roles
                     FROM fn f WHERE f.chapter = c.n GROUP BY f.name) g)
  FROM chapter c ORDER BY c.n;

SELECT E'\n## Tables and views\n';
SELECT format(E'\n### consent.%s\n\nA %s. %s Read by: %s%s.\n\n| column | type | what it holds |\n|---|---|---|\n%s', r.name, r.kind, r.comment,
              COALESCE(r.readers, 'the owner of the extension'), CASE WHEN r.kind = 'table' AND r.writers IS NOT NULL THEN '; rows are added by: ' || r.writers ELSE '' END,
              (SELECT string_agg(format('| `%s` | %s | %s |', a.attname, pg_temp.plain_type(format_type(a.atttypid, a.atttypmod)),
                                        pg_temp.sentence(col_description(r.oid, a.attnum), false)), E'\n' ORDER BY a.attnum)
                 FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM rel r ORDER BY r.name COLLATE "C";

SELECT E'\n## Types\n';
SELECT format(E'\n### consent.%s\n\n%s%s', t.name, t.comment,
              CASE WHEN t.typrelid <> 0 THEN
                   E'\n\nFields: ' || (SELECT string_agg(format('`%s` %s', a.attname, pg_temp.plain_type(format_type(a.atttypid, a.atttypmod))), ', ' ORDER BY a.attnum)
                                         FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) || '.'
                   ELSE '' END
              || COALESCE(E'\n\nOperators: ' || (
                   SELECT string_agg(format('`%s %s %s` (%s)', (SELECT typname FROM pg_type WHERE oid = o.oprleft), o.oprname, (SELECT typname FROM pg_type WHERE oid = o.oprright),
                                            obj_description(o.oid, 'pg_operator')), ', ' ORDER BY o.oid)
                     FROM member m JOIN pg_operator o ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid
                    WHERE t.oid IN (o.oprleft, o.oprright)) || '.', ''))
  FROM typ t ORDER BY t.oid;

SELECT E'\n## Settings\n\n| setting | default | who may change it | what it does |\n|---|---|---|---|';
SELECT format('| `%s` | %s | %s | %s |', s.name, CASE WHEN s.boot_val = '' THEN 'empty' ELSE '`' || s.boot_val || COALESCE(s.unit, '') || '`' END,
              CASE s.context WHEN 'user' THEN 'everybody' WHEN 'postmaster' THEN 'at the start of the server' ELSE 'superusers' END, s.short_desc || COALESCE(' ' || s.extra_desc, ''))
  FROM pg_settings s WHERE s.name LIKE 'pg\_consent.%' ORDER BY s.name COLLATE "C";

SELECT E'\n## Reason codes\n\nIn order of precedence: of all that are found, the first decides. `consent.reason` has the same.\n\n| code | kind | regulation | meaning |\n|---|---|---|---|';
SELECT format('| `%s` | %s | %s | %s |', r.code, r.kind, COALESCE(replace(r.citation, '|', '\|'), ''), replace(r.explanation, '|', '\|')) FROM consent.reason r;

SELECT E'\n## Inner workings\n\nFunctions that the others, types, operators, triggers and aggregates are made of. They are no interface and may change.\n\n| function | what it is for |\n|---|---|';
SELECT format('| `%s(%s)` | %s |', f.name, f.identity, f.comment) FROM fn f WHERE f.chapter IS NULL ORDER BY f.name COLLATE "C", f.identity COLLATE "C";
\o
