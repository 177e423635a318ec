
-------------------------------------------------------------------------------
-- ledger: the standing of every address, kept up to date.
--
-- Derived from consent.ledger and from nothing else: the campaign filter and
-- views read it, because folding a ledger of millions takes minutes.  Verdicts
-- on one contact, the guard's above all, read the ledger itself.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.fold_add(internal, consent.ledger) RETURNS internal
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_fold_add';
COMMENT ON FUNCTION consent.fold_add(internal, consent.ledger) IS
  'Transition function of the aggregate consent.fold';
CREATE FUNCTION consent.fold_final(internal) RETURNS consent.standing
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_fold_final';
COMMENT ON FUNCTION consent.fold_final(internal) IS
  'Final function of the aggregate consent.fold';
CREATE AGGREGATE consent.fold(consent.ledger) (
  SFUNC = consent.fold_add,
  STYPE = internal,
  FINALFUNC = consent.fold_final,
  PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.fold(consent.ledger) IS
  'The standing that events of one contact amount to; the order of the events does not matter';

REVOKE EXECUTE ON FUNCTION consent.fold_add(internal, consent.ledger), consent.fold_final(internal), consent.fold(consent.ledger) FROM PUBLIC;

CREATE FUNCTION consent.events_of(contact consent.contact) RETURNS SETOF consent.ledger
  LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 5
  AS 'MODULE_PATHNAME', 'pg_consent_events_of';
COMMENT ON FUNCTION consent.events_of(consent.contact) IS
  'The events of a contact''s address, all its +tag forms, in no order: the same as asking consent.ledger by its address, and faster. Needs SELECT on consent.ledger';
REVOKE EXECUTE ON FUNCTION consent.events_of(consent.contact) FROM PUBLIC;

CREATE TABLE consent.address_standing (
  address consent.contact PRIMARY KEY,
  plain boolean NOT NULL,
  tagged consent.contact[],
  standing consent.standing NOT NULL);
CREATE INDEX address_standing_tagged ON consent.address_standing (address) WHERE tagged IS NOT NULL;
COMMENT ON TABLE consent.address_standing IS
  'What do the events of each address amount to? Kept by a trigger of consent.ledger; consent.rebuild_standings() makes it anew';
COMMENT ON COLUMN consent.address_standing.address IS 'The contact without its +tag';
COMMENT ON COLUMN consent.address_standing.plain IS 'Has the ledger events of the address itself?';
COMMENT ON COLUMN consent.address_standing.tagged IS 'Its forms with a +tag that the ledger has events of, NULL if none';
COMMENT ON COLUMN consent.address_standing.standing IS 'consent.fold() of those events, with what consent.with_others() adds';

CREATE FUNCTION consent.standing_union(consent.standing, consent.standing) RETURNS consent.standing
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_standing_union';
COMMENT ON FUNCTION consent.standing_union(consent.standing, consent.standing) IS
  'The standing that the events of both amount to; events in both count once';

CREATE FUNCTION consent.standing_eq(consent.standing, consent.standing) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_standing_eq';
COMMENT ON FUNCTION consent.standing_eq(consent.standing, consent.standing) IS
  'Are they made of the same events?';

CREATE FUNCTION consent.with_others(address consent.contact, standing consent.standing) RETURNS consent.standing
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_with_others';
COMMENT ON FUNCTION consent.with_others(consent.contact, consent.standing) IS
  'The standing of an address together with what the other contacts of the same person said no to, and with its erasure';

CREATE FUNCTION consent.standing_own(consent.standing) RETURNS consent.standing
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_standing_own';
COMMENT ON FUNCTION consent.standing_own(consent.standing) IS
  'A standing of the address''s own events alone';

CREATE FUNCTION consent.last_event_at(consent.standing) RETURNS timestamptz
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_last_event_at';
COMMENT ON FUNCTION consent.last_event_at(consent.standing) IS
  'When the last of the address''s own events was recorded or took effect';
REVOKE EXECUTE ON FUNCTION consent.with_others(consent.contact, consent.standing) FROM PUBLIC;

CREATE FUNCTION consent.ledger_apply() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_ledger_apply';
COMMENT ON FUNCTION consent.ledger_apply() IS
  'Trigger of consent.ledger: brings consent.address_standing up to date with the events of a statement';
REVOKE EXECUTE ON FUNCTION consent.ledger_apply() FROM PUBLIC;

-- On the parts too: a restored dump is loaded into them.
DO $$
DECLARE
  part regclass;
BEGIN
  FOR part IN SELECT t.relid FROM pg_catalog.pg_partition_tree('consent.ledger') t LOOP
    EXECUTE pg_catalog.format('CREATE TRIGGER ledger_apply AFTER INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_apply()', part);
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER ledger_apply', part);
    EXECUTE pg_catalog.format('COMMENT ON TRIGGER ledger_apply ON %s IS %L', part, 'Keeps consent.address_standing up to date');
  END LOOP;
END $$;

CREATE FUNCTION consent.rebuild_standings() RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  DELETE FROM consent.address_standing;
  WITH made AS (
    INSERT INTO consent.address_standing (address, plain, tagged, standing)
    SELECT l.address, bool_or(l.contact = l.address), array_agg(DISTINCT l.contact) FILTER (WHERE l.contact <> l.address),
           consent.with_others(l.address, consent.fold(l))
      FROM consent.ledger l
     GROUP BY l.address
    RETURNING 1)
  SELECT count(*) FROM made;
END;
COMMENT ON FUNCTION consent.rebuild_standings() IS
  'Makes consent.address_standing anew from the ledger, where its trigger did not run: on a logical subscriber, for example. Returns the number of addresses';
REVOKE EXECUTE ON FUNCTION consent.rebuild_standings() FROM PUBLIC;

CREATE FUNCTION consent.wrong_standings() RETURNS SETOF consent.contact
  LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT COALESCE(s.address, f.address)
    FROM consent.address_standing s
    FULL JOIN (SELECT l.address, bool_or(l.contact = l.address) AS plain,
                      array_agg(DISTINCT l.contact) FILTER (WHERE l.contact <> l.address) AS tagged,
                      consent.with_others(l.address, consent.fold(l)) AS standing
                 FROM consent.ledger l
                GROUP BY l.address) f ON f.address = s.address
   WHERE (s.plain = f.plain AND s.tagged IS NOT DISTINCT FROM f.tagged AND consent.standing_eq(s.standing, f.standing)) IS NOT TRUE;
END;
COMMENT ON FUNCTION consent.wrong_standings() IS
  'Which addresses have a standing that is not the fold of their events? None, unless something went wrong; consent.rebuild_standings() mends it';
REVOKE EXECUTE ON FUNCTION consent.wrong_standings() FROM PUBLIC;
