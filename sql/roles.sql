-- The three roles, and nobody: what each may do, asked of the catalogs and tried.
LOAD 'pg_consent';
\set SHOW_CONTEXT never
\pset footer off
CREATE ROLE regress_roles_reader IN ROLE consent_reader;
CREATE ROLE regress_roles_writer IN ROLE consent_writer;
CREATE ROLE regress_roles_admin IN ROLE consent_admin;
CREATE ROLE regress_roles_nobody;

-- Functions that are not everybody's, by role.
SELECT p.proname AS function,
       has_function_privilege('regress_roles_nobody', p.oid, 'EXECUTE') AS nobody,
       has_function_privilege('regress_roles_reader', p.oid, 'EXECUTE') AS reader,
       has_function_privilege('regress_roles_writer', p.oid, 'EXECUTE') AS writer,
       has_function_privilege('regress_roles_admin', p.oid, 'EXECUTE') AS admin
  FROM pg_proc p
 WHERE p.pronamespace = 'consent'::regnamespace AND NOT has_function_privilege('regress_roles_nobody', p.oid, 'EXECUTE')
 ORDER BY p.proname COLLATE "C", p.oid;
-- And those that are.
SELECT DISTINCT p.proname COLLATE "C" AS public
  FROM pg_proc p
 WHERE p.pronamespace = 'consent'::regnamespace AND has_function_privilege('regress_roles_nobody', p.oid, 'EXECUTE')
   AND p.proname !~ '^(contact|standing)_(in|out|recv|send|eq|ne|lt|le|gt|ge|cmp|hash.*|sortsupport|smaller|larger|min|max)$'
 ORDER BY 1;
-- Tables and views.
SELECT c.relname AS relation, r.role,
       concat_ws(' ', CASE WHEN has_table_privilege(r.oid, c.oid, 'SELECT') THEN 'select' END,
                      CASE WHEN has_table_privilege(r.oid, c.oid, 'INSERT') THEN 'insert' END,
                      CASE WHEN has_table_privilege(r.oid, c.oid, 'UPDATE') THEN 'update' END,
                      CASE WHEN has_table_privilege(r.oid, c.oid, 'DELETE') THEN 'delete' END,
                      CASE WHEN has_table_privilege(r.oid, c.oid, 'TRUNCATE') THEN 'truncate' END) AS may
  FROM pg_class c,
       (SELECT oid, replace(rolname, 'regress_roles_', '') AS role FROM pg_roles WHERE rolname LIKE 'regress\_roles\_%') r
 WHERE c.relnamespace = 'consent'::regnamespace AND c.relkind IN ('r', 'v', 'p') AND NOT c.relispartition
 ORDER BY 1, 2;

-- Of some tables only columns may be written.
\pset format unaligned
SELECT c.relname AS relation, x.privilege_type AS may, x.grantee::regrole::text AS role, string_agg(a.attname, ' ' ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) x
 WHERE c.relnamespace = 'consent'::regnamespace AND x.privilege_type <> 'SELECT'
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
\pset format aligned
-- Nothing else may be done with tables, and their partitions are nobody's; sequences and the schema.
SELECT c.relname AS relation, x.privilege_type AS may, x.grantee::regrole::text AS role
  FROM pg_class c, aclexplode(c.relacl) x
 WHERE c.relnamespace = 'consent'::regnamespace AND x.grantee <> c.relowner
   AND (x.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') OR c.relispartition OR x.is_grantable)
 ORDER BY 1, 2, 3;
SELECT x.privilege_type AS may, x.grantee::regrole AS role FROM pg_namespace n, aclexplode(n.nspacl) x WHERE n.nspname = 'consent' AND x.grantee <> n.nspowner;
-- What runs with the owner's rights: functions with a search_path that nobody else sets, and views.
SELECT p.proname AS definer, p.proconfig FROM pg_proc p WHERE p.pronamespace = 'consent'::regnamespace AND p.prosecdef ORDER BY p.proname COLLATE "C";
SELECT c.relname AS definer FROM pg_class c
 WHERE c.relnamespace = 'consent'::regnamespace AND c.relkind = 'v' AND NOT COALESCE(c.reloptions @> '{security_invoker=true}', false) ORDER BY c.relname COLLATE "C";

-- Of the log and the quarantine, all but the person is for who may ask.
SELECT a.attrelid::regclass || '.' || a.attname AS "for readers only"
  FROM pg_attribute a
 WHERE a.attrelid = ANY ('{consent.decision_log,consent.disguised_marketing,consent.quarantine,consent.sweep_log}'::regclass[])
   AND a.attnum > 0 AND has_column_privilege('regress_roles_reader', a.attrelid, a.attnum, 'SELECT')
   AND NOT (has_column_privilege('regress_roles_writer', a.attrelid, a.attnum, 'SELECT')
            AND has_column_privilege('regress_roles_admin', a.attrelid, a.attnum, 'SELECT'))
 ORDER BY a.attrelid::regclass::text COLLATE "C";

INSERT INTO consent.organisation (name) VALUES ('roles acme');
SET ROLE regress_roles_writer;
SELECT consent.give('jo@roles.example', '{email}', 'roles acme', method => 'ticked_box', wording => 'w') > 0 AS recorded;
SELECT consent.withdraw('jo@roles.example', '{sms}') > 0 AS recorded;
SELECT consent.screened('tps', 1) > 0 AS screened;
-- whoever it acts as, it is the session that recorded it
SELECT count(*), bool_and(recorded_by = session_user AND recorded_by <> current_user) AS by_the_session FROM consent.ledger WHERE contact = 'jo@roles.example';
INSERT INTO consent.organisation (name) VALUES ('roles bolt');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_roles_reader;
SELECT reason FROM consent.evaluate('jo@roles.example', 'email', 'roles acme');
SELECT p FROM consent.permitted('email', 'roles acme') p WHERE p::text LIKE '%roles.example';
SELECT consent.withdraw('jo@roles.example');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_roles_admin;
INSERT INTO consent.organisation (name) VALUES ('roles bolt');
INSERT INTO consent.assessment (organisation, channel, reference) VALUES ('roles bolt', 'post', 'LIA-1');
CREATE TEMP TABLE roles_outbox (to_addr text, body text);
SELECT consent.guard('roles_outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'roles acme'$$);
UPDATE consent.ledger SET wording = 'better';
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_roles_nobody;
SELECT reason FROM consent.evaluate('jo@roles.example', 'email', 'roles acme');
\echo :LAST_ERROR_SQLSTATE
SELECT (consent.classify('Get 20% off boilers!')).class;
SELECT count(*) > 0 AS reasons FROM consent.reason;
SELECT consent.contact('Jo@Roles.Example');
RESET ROLE;
DROP TABLE roles_outbox;
DROP ROLE regress_roles_reader, regress_roles_writer, regress_roles_admin, regress_roles_nobody;
-- Every object says what it is for.
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS "has no comment"
  FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
 WHERE e.extname = 'pg_consent' AND obj_description(d.objid, (SELECT relname FROM pg_class WHERE oid = d.classid)) IS NULL
   AND d.classid NOT IN ('pg_cast'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass, 'pg_operator'::regclass)
   AND NOT (d.classid = 'pg_proc'::regclass AND (SELECT proname FROM pg_proc WHERE oid = d.objid) ~ '^contact_')
   AND NOT (d.classid = 'pg_type'::regclass AND (SELECT typtype = 'c' OR typcategory = 'A' FROM pg_type WHERE oid = d.objid))
 ORDER BY 1;
SELECT a.attrelid::regclass || '.' || a.attname AS "has no comment"
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'consent'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
   AND col_description(c.oid, a.attnum) IS NULL
 ORDER BY 1;
