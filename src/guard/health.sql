
-------------------------------------------------------------------------------
-- guard: which guards there are, and does each of them work?
-------------------------------------------------------------------------------

CREATE TABLE consent.expected_guard (
  relation text NOT NULL,
  name text NOT NULL,
  on_block consent.block_action NOT NULL,
  PRIMARY KEY (relation, name));
COMMENT ON TABLE consent.expected_guard IS
  'Guards that were made and not removed by consent.unguard(). By name, so that a guard is missed when its table is dropped and made anew';
COMMENT ON COLUMN consent.expected_guard.relation IS 'The guarded table, with its schema';
COMMENT ON COLUMN consent.expected_guard.name IS 'The name of the guard, empty if it has none';
COMMENT ON COLUMN consent.expected_guard.on_block IS 'What it did with a refused message';
-- As for consent.organisation, see there.
ALTER TABLE consent.expected_guard SET (autovacuum_analyze_threshold = 0);
ANALYZE consent.expected_guard;
SELECT pg_catalog.pg_extension_config_dump('consent.expected_guard', '');

-- Not dumped: a restored table has rows that its guard has not seen.
CREATE TABLE consent.verified_rows (
  trigger oid PRIMARY KEY,
  trigger_xid xid NOT NULL,
  verified_at timestamptz NOT NULL);
COMMENT ON TABLE consent.verified_rows IS
  'Which guards, of tables and partitions, have judged all their rows, or had none when they were made';
COMMENT ON COLUMN consent.verified_rows.trigger IS
  'The guard''s trigger, in pg_trigger: one that is made anew is another, also in the transaction that made both';
COMMENT ON COLUMN consent.verified_rows.trigger_xid IS
  'The version of the trigger''s row there: another one means that it was disabled meanwhile';
COMMENT ON COLUMN consent.verified_rows.verified_at IS 'When';

CREATE FUNCTION consent.relation_name(relation regclass) RETURNS text
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = relation;
END;
COMMENT ON FUNCTION consent.relation_name(regclass) IS 'The name of a table, always with its schema';

CREATE FUNCTION consent.guard_fault(target regclass, trigger name, OUT health text, OUT detail text) RETURNS record
  LANGUAGE C STABLE STRICT PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'pg_consent_guard_fault';
COMMENT ON FUNCTION consent.guard_fault(regclass, name) IS
  'What can be read off a guard''s triggers: see consent.guards. NULL if you may read neither the table nor the ledger';

CREATE FUNCTION consent.guarded_table(target regclass, trigger name) RETURNS regclass
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_guarded_table';
COMMENT ON FUNCTION consent.guarded_table(regclass, name) IS
  'The table that consent.guard() was called for, where this one is a partition or an inheritance child of it';

CREATE FUNCTION consent.guarded_rows(target regclass) RETURNS boolean
  LANGUAGE C STABLE STRICT PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'pg_consent_guarded_rows';
COMMENT ON FUNCTION consent.guarded_rows(regclass) IS 'Has a guarded table any row? False for every other table, and if you may read neither the table nor the ledger';

CREATE FUNCTION consent.verify(target regclass,
  OUT leaf regclass, OUT guard text, OUT judged bigint, OUT refused bigint, OUT skipped bigint) RETURNS SETOF record
  LANGUAGE C VOLATILE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_verify';
COMMENT ON FUNCTION consent.verify(regclass) IS
  'Judges the pending rows of a guarded table, its partitions and children, by every guard. Refused ones are parked by the guard''s diversion, or go to consent.quarantine; where the guard only flags, they are logged. Rows that another transaction has locked are skipped: then run it again; so do after the commit where the same transaction has made the guard, attached the partition or enabled the trigger, because until then withdrawals do not see that. Waits for withdrawals that are being committed. One row per table and guard. You must own the table. Error: 42704 not guarded';
REVOKE EXECUTE ON FUNCTION consent.verify(regclass) FROM PUBLIC;

-- A partition that has no row when it gets its guard needs no judging: one that is
-- made, and one that is attached empty, as pg-boss does for every queue.
CREATE FUNCTION consent.partition_guarded() RETURNS event_trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- Not pg_partition_tree(), which locks what others may be working at.
  WITH RECURSIVE made (relid) AS (
    SELECT d.objid FROM pg_catalog.pg_event_trigger_ddl_commands() d WHERE d.classid = 'pg_catalog.pg_class'::regclass
    UNION
    SELECT i.inhrelid FROM made m JOIN pg_catalog.pg_inherits i ON i.inhparent = m.relid),
  triggers AS (
    SELECT t.oid, t.tgrelid, t.tgparentid, t.tgenabled, t.xmin AS version
      FROM made m JOIN pg_catalog.pg_trigger t ON t.tgrelid = m.relid
     WHERE t.tgfoid = 'consent.guard_check()'::regprocedure OFFSET 0),
  -- One that is disabled and enabled in the transaction that made it has no other version in the end.
  disabled AS (
    DELETE FROM consent.verified_rows v USING triggers t
     WHERE v.trigger = t.oid AND t.tgenabled <> 'A'),
  guarded AS (
    SELECT t.oid, t.tgrelid, t.version FROM triggers t
     WHERE t.tgparentid <> 0 AND t.tgenabled = 'A'
       -- made by this transaction, or at least since it began
       AND pg_catalog.age(t.version) <= pg_catalog.age(pg_catalog.pg_current_xact_id()::xid)
    OFFSET 0)
  INSERT INTO consent.verified_rows (trigger, trigger_xid, verified_at)
  SELECT g.oid, g.version, pg_catalog.clock_timestamp() FROM guarded g WHERE NOT consent.guarded_rows(g.tgrelid)
  ON CONFLICT (trigger) DO UPDATE SET trigger_xid = excluded.trigger_xid, verified_at = excluded.verified_at;
  IF FOUND THEN
    DELETE FROM consent.verified_rows WHERE trigger IN (
      SELECT v.trigger FROM consent.verified_rows v
       WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.oid = v.trigger) FOR UPDATE SKIP LOCKED);
  END IF;
END $$;
COMMENT ON FUNCTION consent.partition_guarded() IS
  'Event trigger: remembers in consent.verified_rows which partitions were empty when they got their guard';
REVOKE EXECUTE ON FUNCTION consent.partition_guarded() FROM PUBLIC;
CREATE EVENT TRIGGER consent_partition_guarded ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE SCHEMA')
  EXECUTE FUNCTION consent.partition_guarded();
ALTER EVENT TRIGGER consent_partition_guarded ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER consent_partition_guarded IS 'Partitions that are empty when they get their guard have no unverified rows';

CREATE VIEW consent.guards AS
  WITH made AS (
    SELECT t.oid, t.tgrelid, t.tgname, t.xmin, consent.guarded_table(t.tgrelid, t.tgname) AS relation,
           consent.guard_argument(t.tgrelid, t.tgname, 'on_block') AS on_block,
           consent.guard_argument(t.tgrelid, t.tgname, 'name') AS name
      FROM pg_catalog.pg_trigger t
     WHERE t.tgfoid = 'consent.guard_check()'::regprocedure),
  judged AS (
    SELECT m.*, f.health, f.detail,
           f.health = 'ok' AND NOT EXISTS (
             SELECT FROM consent.verified_rows v
              WHERE v.trigger = m.oid AND v.trigger_xid = m.xmin)
           AND consent.guarded_rows(m.tgrelid) AS unverified,
           f.health = 'ok' AND EXISTS (
             SELECT FROM consent.gate_log g
              WHERE g.xid = '18446744073709551615'::xid8 AND g.relation = m.tgrelid AND g.guard = m.tgname) AS owing
      FROM made m, LATERAL (SELECT (consent.guard_fault(m.tgrelid, m.tgname)).* OFFSET 0) f),
  expected AS (
    WITH RECURSIVE family AS (
      -- By the catalogues, because to_regclass() fails for whoever may not use the schema.
      SELECT c.oid::regclass AS relation, c.oid AS leaf, e.on_block, e.name
        FROM consent.expected_guard e
        JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)
             ON pg_catalog.format('%I.%I', n.nspname, c.relname) = e.relation
      UNION
      SELECT f.relation, i.inhrelid, f.on_block, f.name
        FROM family f JOIN pg_catalog.pg_inherits i ON i.inhparent = f.leaf)
    SELECT f.* FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.leaf WHERE c.relkind IN ('r', 'p'))
  SELECT j.relation, j.tgrelid::regclass AS leaf,
         COALESCE(j.on_block, 'raise')::consent.block_action AS on_block,
         CASE WHEN j.unverified OR j.owing THEN 'unverified_rows' ELSE j.health END AS health,
         CASE WHEN j.unverified
              THEN pg_catalog.format('rows of this table have not passed its guard: SELECT * FROM consent.verify(%L)',
                                     consent.relation_name(j.relation))
              WHEN j.owing
              THEN pg_catalog.format('withdrawals had to leave rows of this table: SELECT consent.finish_sweeps(), or SELECT * FROM consent.verify(%L)',
                                     consent.relation_name(j.relation))
              ELSE j.detail END AS detail,
         j.name
    FROM judged j
   -- it may have been dropped since
   WHERE j.relation IS NOT NULL
  UNION ALL
  SELECT e.relation, e.leaf::regclass, e.on_block, 'missing',
         'the guard''s trigger is not there: nothing is judged', NULLIF(e.name, '')
    FROM expected e
   WHERE NOT EXISTS (SELECT FROM made m WHERE m.tgrelid = e.leaf AND COALESCE(m.name, '') = e.name);
COMMENT ON VIEW consent.guards IS
  'Which tables are guarded, and does each guard work? One row per guard, table and partition';
COMMENT ON COLUMN consent.guards.relation IS 'The table that was guarded';
COMMENT ON COLUMN consent.guards.leaf IS 'That table, or the partition or child whose trigger this is';
COMMENT ON COLUMN consent.guards.on_block IS 'What happens to a refused message';
COMMENT ON COLUMN consent.guards.health IS
  'ok; missing: a trigger is not there, as when the table was dropped and made anew, or a child was added; disabled or replica_only: a trigger does not always fire; mapping_broken: every write fails until the guard is made anew; overtaken: another trigger could rewrite what was diverted, and then the write fails; unverified_rows: rows were there before the guard, were attached with a partition, were written while it was disabled, had to be left by a withdrawal''s sweep, or are in a partition that is being detached. NULL if you may read neither the table nor the ledger';
COMMENT ON COLUMN consent.guards.detail IS 'What that means here, NULL if ok';
COMMENT ON COLUMN consent.guards.name IS 'The name of the guard, NULL if it has none';
GRANT SELECT ON consent.guards TO PUBLIC;
