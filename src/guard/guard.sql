
-------------------------------------------------------------------------------
-- guard: the door of an outbound table.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.guard_check() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_guard_check';
COMMENT ON FUNCTION consent.guard_check() IS
  'Trigger made by consent.guard(): judges each pending row and raises PC001 if a recipient may not be sent it. CONSTRAINT NAME is the reason code, DETAIL a JSON object';

CREATE FUNCTION consent.guard_divert() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_guard_divert';
COMMENT ON FUNCTION consent.guard_divert() IS
  'Trigger made by consent.guard() where there is a diversion, or partitions: stores a refused row in its terminal state, and keeps one from the worker that takes it. What it lets pass is judged by consent.guard_check()';

CREATE FUNCTION consent.refusal_reason() RETURNS text
  LANGUAGE C STABLE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'pg_consent_refusal_reason';
COMMENT ON FUNCTION consent.refusal_reason() IS
  'In a diversion: the reason code of the row that is diverted. NULL elsewhere';

CREATE FUNCTION consent.guard(
  target regclass,
  recipient text,
  channel text,
  body text DEFAULT NULL,
  subject text DEFAULT NULL,
  organisation text DEFAULT NULL,
  class text DEFAULT NULL,
  purpose text DEFAULT NULL,
  product_category text DEFAULT NULL,
  reference text DEFAULT NULL,
  instigators text DEFAULT NULL,
  opt_out text DEFAULT NULL,
  identity text DEFAULT NULL,
  pending text DEFAULT NULL,
  on_block consent.block_action DEFAULT 'raise',
  divert text DEFAULT NULL,
  sender text DEFAULT NULL,
  claim text DEFAULT NULL,
  retry text DEFAULT NULL,
  applies text DEFAULT NULL,
  log text DEFAULT 'none',
  name text DEFAULT NULL) RETURNS void
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_guard';
COMMENT ON FUNCTION consent.guard(regclass, text, text, text, text, text, text, text, text, text, text, text, text, text, consent.block_action, text, text, text, text, text, text, text) IS
  'Guards an outbound table. Each mapping is an SQL expression over the row: recipient (address, or array of them), channel, body and subject (classified; without them every row counts as marketing), organisation (default: the setting pg_consent.organisation, pinned), class (what the sender declares; it can only make the verdict stricter), purpose (default marketing), product_category, reference (of the request it answers), instigators (text array), opt_out and identity (boolean: does the message carry them), pending (boolean: is the row still to be sent; it must depend on the row alone), sender (a contractor that transmits it: it needs a row of consent.contractor), claim (boolean: an UPDATE that makes it true is a worker taking the row: it is judged again, and a refused one is parked instead), retry (boolean: the row has been queued before; a refused retry is parked, never an error), applies (boolean: is the row this guard''s concern). pending, claim, retry and applies must depend on the row alone. on_block is what happens to a refused row: raise (the statement fails), divert (it is stored in its terminal state), quarantine (it goes to consent.quarantine), flag (it stays). divert is the SET list of the terminal state, as in $$status = ''cancelled'', error = consent.refusal_reason()$$; without it a row is parked in consent.quarantine. With flag it parks what is refused later: by a withdrawal, when a worker takes it, by a retry or consent.verify(); without it flag holds nothing back. log: which allowances consent.decision_log holds: none, sample (1 in 100) or all; it always holds refusals that do not raise. A table can have several guards, each with a name of its own. Mappings run as the table''s owner. You must own the table. Errors: 42710 already guarded, 22004 mapping or diversion missing, 42P17 a mapping depends on more than the row';

CREATE FUNCTION consent.unguard(target regclass, name text DEFAULT NULL) RETURNS void
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_unguard';
COMMENT ON FUNCTION consent.unguard(regclass, text) IS
  'Removes the guard of that name, or without one every guard of the table. You must own it. Error: 42704 not guarded';

-- guard_check answers questions about anybody's consent, so not everybody may
-- hang it on a table; who writes to a guarded table needs no right on it.
REVOKE EXECUTE ON FUNCTION
  consent.guard_check(),
  consent.guard(regclass, text, text, text, text, text, text, text, text, text, text, text, text, text, consent.block_action, text, text, text, text, text, text, text),
  consent.unguard(regclass, text)
FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION consent.guard_divert() FROM PUBLIC;

-- The arguments of a guard's trigger run as the table's owner, so nobody else may
-- choose them: the right TRIGGER on the table is not enough.
CREATE FUNCTION consent.guard_hung() RETURNS event_trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  relation regclass;
BEGIN
  SELECT t.tgrelid INTO relation
    FROM pg_catalog.pg_event_trigger_ddl_commands() d
    JOIN pg_catalog.pg_trigger t ON d.classid = 'pg_catalog.pg_trigger'::regclass AND t.oid = d.objid
    JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
   WHERE p.pronamespace = 'consent'::regnamespace AND p.proname IN ('guard_check', 'guard_divert', 'guard_release')
     AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
   LIMIT 1;
  IF FOUND THEN
    RAISE insufficient_privilege USING
      MESSAGE = pg_catalog.format('must be owner of table %s to guard it', relation),
      DETAIL = 'What is given to a trigger of a guard runs as the table''s owner.';
  END IF;
END $$;
COMMENT ON FUNCTION consent.guard_hung() IS
  'Event trigger: only the owner of a table may hang a trigger of a guard on it, by consent.guard() or by hand. Error: 42501';
REVOKE EXECUTE ON FUNCTION consent.guard_hung() FROM PUBLIC;
CREATE EVENT TRIGGER consent_guard_hung ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER')
  EXECUTE FUNCTION consent.guard_hung();
ALTER EVENT TRIGGER consent_guard_hung ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER consent_guard_hung IS 'Only the owner of a table may hang a trigger of a guard on it';

CREATE FUNCTION consent.release(id bigint) RETURNS boolean
  LANGUAGE C VOLATILE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_release';
COMMENT ON FUNCTION consent.release(bigint) IS
  'Judges a row of consent.quarantine again. If it may go now it is put back into its table, as the table''s owner, and true is returned; else it stays, and false is returned. Errors: 42704 no such row, 55000 released already or no guard judges it, 42P01 the table is gone, 42703 one of its columns is';
REVOKE EXECUTE ON FUNCTION consent.release(bigint) FROM PUBLIC;

CREATE FUNCTION consent.cleared(outbox_row anyelement) RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000
  AS 'MODULE_PATHNAME', 'pg_consent_cleared';
COMMENT ON FUNCTION consent.cleared(anyelement) IS
  'Judges a queued row again, by every guard of its table: may it be sent now? Pass the row by its table''s name or alias: WHERE status = ''queued'' AND consent.cleared(outbox). What is not cleared stays as it is, and nothing is logged. A guard that only flags, without a diversion, clears everything. You must have the right to read the table. Errors: 42704 not a guarded table, 42804 not a row, 42501';
REVOKE EXECUTE ON FUNCTION consent.cleared(anyelement) FROM PUBLIC;

CREATE FUNCTION consent.guard_constant(mapping text, constant text) RETURNS void
  LANGUAGE C STABLE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_guard_constant';
COMMENT ON FUNCTION consent.guard_constant(text, text) IS
  'Refuses a mapping that is a constant by which no row could be judged. Errors: 22023 unknown channel or class, 23503 unknown organisation or purpose';
REVOKE EXECUTE ON FUNCTION consent.guard_constant(text, text) FROM PUBLIC;

CREATE FUNCTION consent.guard_mapping(target regclass, mapping text, expression text) RETURNS text
  LANGUAGE C STABLE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_guard_mapping';
COMMENT ON FUNCTION consent.guard_mapping(regclass, text, text) IS
  'A mapping for consent.guard() with every name in it qualified, as the caller''s search_path has it: for consent.guard_queue(), which guards under another';
REVOKE EXECUTE ON FUNCTION consent.guard_mapping(regclass, text, text) FROM PUBLIC;

CREATE FUNCTION consent.guard_argument(target regclass, trigger name, argument text) RETURNS text
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_guard_argument';
COMMENT ON FUNCTION consent.guard_argument(regclass, name, text) IS
  'What a guard was given for one of its arguments, as stored in its trigger: name, region, or a mapping; NULL if nothing';

-- Written and read by the gate alone (gate.c, debt.c), under locks of its own; rows
-- that no running transaction can ask for are deleted by those who write.
CREATE TABLE consent.gate_log (
  xid xid8 NOT NULL,
  keys bigint[],
  relation regclass,
  guard name,
  since timestamptz,
  retry_at timestamptz);
CREATE INDEX gate_log_xid ON consent.gate_log (xid);
COMMENT ON TABLE consent.gate_log IS
  'Which transactions of late have recorded what may stand against messages, and to whom? And what rows have sweeps had to leave? Transactions that queue messages look here before they commit';
COMMENT ON COLUMN consent.gate_log.xid IS 'The transaction that recorded; of rows that a sweep had to leave the greatest number there is, so that every transaction finds them';
COMMENT ON COLUMN consent.gate_log.keys IS 'Digests of the addresses it recorded about, or whose rows were left, NULL: too many to name';
COMMENT ON COLUMN consent.gate_log.relation IS 'The guarded table in which rows were left';
COMMENT ON COLUMN consent.gate_log.guard IS 'The trigger of the guard whose they are';
COMMENT ON COLUMN consent.gate_log.since IS 'When they were left';
COMMENT ON COLUMN consent.gate_log.retry_at IS
  'From when on other withdrawals, and commits of transactions that have queued in that table, try them again; infinity: only consent.finish_sweeps() and consent.verify()';

CREATE FUNCTION consent.finish_sweeps() RETURNS bigint
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_finish_sweeps';
COMMENT ON FUNCTION consent.finish_sweeps() IS
  'Sweeps once more, when the transaction commits, what withdrawals had to leave because it was locked, broken or too slow: see consent.guards and consent.sweep_log. Returns for how many guards there is something left before that. Run it each minute';
REVOKE EXECUTE ON FUNCTION consent.finish_sweeps() FROM PUBLIC;

CREATE FUNCTION consent.guard_keys(recipient text, region text) RETURNS bigint[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_guard_keys';
COMMENT ON FUNCTION consent.guard_keys(text, text) IS
  'Digests of the addresses in a text, or in a list with commas between; those that cannot be read are left out';
CREATE FUNCTION consent.guard_keys(recipient text[], region text) RETURNS bigint[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_guard_keys';
COMMENT ON FUNCTION consent.guard_keys(text[], text) IS 'The same of an array of them';
CREATE FUNCTION consent.guard_key(recipient text, region text) RETURNS bigint
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_guard_key';
COMMENT ON FUNCTION consent.guard_key(text, text) IS
  'Digest of the one address in a text, without its +tag: by it a sweep finds rows. 0 if there are several, NULL if there is none that can be read';
CREATE FUNCTION consent.guard_key(recipient text[], region text) RETURNS bigint
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_guard_key';
COMMENT ON FUNCTION consent.guard_key(text[], text) IS 'The same of an array of texts';

-- For subject access and erasure, which know no mapping: any text or number of
-- the row that a guard would read as this address, alone or in a list.
CREATE FUNCTION consent.row_is_for("row" jsonb, contact consent.contact) RETURNS boolean
  LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
  SELECT EXISTS (
    SELECT FROM pg_catalog.jsonb_array_elements_text(
                  pg_catalog.jsonb_path_query_array(row_is_for."row", 'strict $.** ? (@.type() == "string" || @.type() == "number")')) AS t(said)
     WHERE consent.guard_key(row_is_for.contact::text, 'GB') = ANY (
             consent.guard_keys(t.said, COALESCE(pg_catalog.current_setting('pg_consent.default_region', true), 'GB'))
             || CASE WHEN t.said ~ '^[0-9]+$' THEN consent.guard_keys('+' || t.said, 'GB') ELSE '{}' END));
END;
COMMENT ON FUNCTION consent.row_is_for(jsonb, consent.contact) IS
  'Does an address of this contact, in any form, stand in the row, in a field of its own or in a list? A field that only mentions it, and a row that names its recipient by the id of another table, are not found';
REVOKE EXECUTE ON FUNCTION consent.row_is_for(jsonb, consent.contact) FROM PUBLIC;

CREATE FUNCTION consent.guard_index(target regclass) RETURNS SETOF text
  LANGUAGE C STABLE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_guard_index';
COMMENT ON FUNCTION consent.guard_index(regclass) IS
  'The statement that makes the index by which a withdrawal finds its pending rows in a large guarded table: run it with \gexec. Nothing, and a NOTICE, where that index is there. Needs mappings that depend on the row alone';
REVOKE EXECUTE ON FUNCTION consent.guard_index(regclass) FROM PUBLIC;
