
-------------------------------------------------------------------------------
-- report: what was loaded, and what is wrong with it.
--
-- What an event says of its import never changes, nor does what was on record
-- of its contact when it was recorded.  So the events of each stretch of 65,536
-- numbers are counted once, by summarise_imports(), and the view counts the rest
-- while it is read.  A stretch is counted when nobody can write into it any more;
-- who erases one of its events, or restores events with numbers of their own,
-- throws its figures away.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.distinct_add(internal, consent.contact) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_add';
COMMENT ON FUNCTION consent.distinct_add(internal, consent.contact) IS 'Transition function of the aggregate consent.about_distinct';
CREATE FUNCTION consent.distinct_combine(internal, internal) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_combine';
COMMENT ON FUNCTION consent.distinct_combine(internal, internal) IS 'Combine function of the aggregate consent.about_distinct';
CREATE FUNCTION consent.distinct_serialize(internal) RETURNS bytea
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_serialize';
COMMENT ON FUNCTION consent.distinct_serialize(internal) IS 'Serialization function of the aggregate consent.about_distinct';
CREATE FUNCTION consent.distinct_deserialize(bytea, internal) RETURNS internal
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_deserialize';
COMMENT ON FUNCTION consent.distinct_deserialize(bytea, internal) IS 'Deserialization function of the aggregate consent.about_distinct';
CREATE FUNCTION consent.distinct_final(internal) RETURNS bigint
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_final';
COMMENT ON FUNCTION consent.distinct_final(internal) IS 'Final function of the aggregate consent.about_distinct';
CREATE AGGREGATE consent.about_distinct(consent.contact) (
  SFUNC = consent.distinct_add, STYPE = internal, SSPACE = 512, FINALFUNC = consent.distinct_final,
  COMBINEFUNC = consent.distinct_combine, SERIALFUNC = consent.distinct_serialize, DESERIALFUNC = consent.distinct_deserialize,
  PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.about_distinct(consent.contact) IS
  'About how many different contacts? A few per cent off when there are many, and without a sort';
CREATE AGGREGATE consent.distinct_state(consent.contact) (
  SFUNC = consent.distinct_add, STYPE = internal, SSPACE = 512, FINALFUNC = consent.distinct_serialize,
  COMBINEFUNC = consent.distinct_combine, SERIALFUNC = consent.distinct_serialize, DESERIALFUNC = consent.distinct_deserialize,
  PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.distinct_state(consent.contact) IS
  'What consent.about_distinct() counts by, to be kept and added up by consent.about_distinct_of()';
CREATE FUNCTION consent.distinct_add_state(internal, bytea) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_add_state';
COMMENT ON FUNCTION consent.distinct_add_state(internal, bytea) IS 'Transition function of the aggregate consent.about_distinct_of';
CREATE AGGREGATE consent.about_distinct_of(bytea) (
  SFUNC = consent.distinct_add_state, STYPE = internal, SSPACE = 512, FINALFUNC = consent.distinct_final,
  COMBINEFUNC = consent.distinct_combine, SERIALFUNC = consent.distinct_serialize, DESERIALFUNC = consent.distinct_deserialize,
  PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.about_distinct_of(bytea) IS
  'consent.about_distinct() of all contacts of several consent.distinct_state()s: the same number as if they had been counted at once';
REVOKE EXECUTE ON FUNCTION
  consent.distinct_add_state, consent.distinct_add, consent.distinct_combine, consent.distinct_serialize, consent.distinct_deserialize, consent.distinct_final
FROM PUBLIC;

CREATE TABLE consent.import_stretch (
  stretch bigint PRIMARY KEY);
COMMENT ON TABLE consent.import_stretch IS
  'Which stretches of the ledger are summarised in consent.import_summary? Made by consent.summarise_imports(), and made anew: not dumped';
COMMENT ON COLUMN consent.import_stretch.stretch IS 'Event id / 65536';

CREATE TABLE consent.import_summary (
  stretch bigint NOT NULL,
  recorded_on date NOT NULL,
  source text,
  recorded_by text NOT NULL,
  events bigint NOT NULL,
  people bytea NOT NULL,
  consents bigint NOT NULL,
  defective bigint NOT NULL,
  unevidenced bigint NOT NULL,
  time_unknown bigint NOT NULL,
  third_party bigint NOT NULL,
  back_dated bigint NOT NULL,
  against_refusal bigint NOT NULL,
  earliest timestamptz,
  latest timestamptz,
  first_event bigint NOT NULL,
  last_event bigint NOT NULL);
CREATE INDEX import_summary_stretch ON consent.import_summary (stretch);
COMMENT ON TABLE consent.import_summary IS
  'What consent.import_audit says of the events of a stretch of the ledger. Made by consent.summarise_imports(), and made anew: not dumped';
COMMENT ON COLUMN consent.import_summary.stretch IS 'Event id / 65536';
COMMENT ON COLUMN consent.import_summary.people IS 'consent.distinct_state() of their addresses';
COMMENT ON COLUMN consent.import_summary.recorded_on IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.source IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.recorded_by IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.events IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.consents IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.defective IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.unevidenced IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.time_unknown IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.third_party IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.back_dated IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.against_refusal IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.earliest IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.latest IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.first_event IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.last_event IS 'As in consent.import_audit';

-- Figures of the events from first to before last, stretch by stretch.  PL/pgSQL,
-- because it is planned with the numbers at hand.
CREATE FUNCTION consent.import_figures(first bigint, last bigint) RETURNS SETOF consent.import_summary
  LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 20 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  SELECT l.event_id >> 16, consent.london_date(l.recorded_at), l.source, l.recorded_by,
         count(*),
         consent.distinct_state(l.address),
         count(*) FILTER (WHERE l.kind = 'consent'),
         count(*) FILTER (WHERE l.defects IS NOT NULL),
         count(*) FILTER (WHERE 'consent_unevidenced' = ANY (l.defects)),
         count(*) FILTER (WHERE l.effective_at IS NULL),
         count(*) FILTER (WHERE l.collected_by IS NOT NULL),
         count(*) FILTER (WHERE l.effective_at < l.recorded_at - interval '24 hours'),
         count(r.event_id),
         min(l.effective_at), max(l.effective_at), min(l.event_id), max(l.event_id)
    FROM consent.ledger l
    LEFT JOIN LATERAL (
         SELECT e.event_id
           FROM consent.events_of(CASE WHEN l.kind IN ('consent', 'soft_opt_in') AND l.effective_at < l.recorded_at - interval '24 hours'
                                       THEN l.address END) e
          WHERE e.kind IN ('withdrawal', 'objection', 'suppression') AND e.event_id < l.event_id
          LIMIT 1) r ON true
   WHERE l.event_id >= import_figures.first AND l.event_id < import_figures.last
   GROUP BY 1, 2, 3, 4;
END;
$$;
COMMENT ON FUNCTION consent.import_figures(bigint, bigint) IS
  'What consent.import_audit says of the events from first to before last, for each stretch of the ledger. Needs SELECT on consent.ledger';

CREATE FUNCTION consent.imports_summarised() RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT NOT pg_catalog.row_security_active('consent.ledger'::regclass) AND EXISTS (SELECT FROM consent.import_stretch);
END;
COMMENT ON FUNCTION consent.imports_summarised() IS
  'Does consent.import_audit use what was summarised? Not before the first summary, nor for those who see a part of the ledger only';

CREATE FUNCTION consent.unsummarised_imports() RETURNS TABLE (first bigint, last bigint)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
  SELECT g.after << 16, g.stretch << 16
    FROM (SELECT s.stretch, COALESCE(pg_catalog.lag(s.stretch) OVER (ORDER BY s.stretch) + 1, '-140737488355328') AS after
            FROM consent.import_stretch s) g
   WHERE g.after < g.stretch
  UNION ALL
  SELECT COALESCE(max(s.stretch) + 1, '-140737488355328') << 16, '9223372036854775807'
    FROM consent.import_stretch s;
END;
COMMENT ON FUNCTION consent.unsummarised_imports() IS
  'The event ids that are not summarised: from first to before last';

CREATE FUNCTION consent.discard_import_summaries(stretches bigint[] DEFAULT NULL) RETURNS void
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  DELETE FROM consent.import_stretch s WHERE discard_import_summaries.stretches IS NULL OR s.stretch = ANY (discard_import_summaries.stretches);
  DELETE FROM consent.import_summary s WHERE discard_import_summaries.stretches IS NULL OR s.stretch = ANY (discard_import_summaries.stretches);
END;
COMMENT ON FUNCTION consent.discard_import_summaries(bigint[]) IS
  'Throws away what consent.summarise_imports() made, of these stretches or all. What consent.import_audit shows stays the same';

CREATE FUNCTION consent.discard_erased_imports() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM consent.discard_import_summaries((SELECT array_agg(DISTINCT g.event_id >> 16) FROM gone g));
  RETURN NULL;
END;
$$;
COMMENT ON FUNCTION consent.discard_erased_imports() IS
  'Trigger of consent.ledger: the figures of a stretch are made anew when an event of it was erased';
CREATE TRIGGER discard_imports AFTER DELETE ON consent.ledger
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION consent.discard_erased_imports();
ALTER TABLE consent.ledger ENABLE ALWAYS TRIGGER discard_imports;
COMMENT ON TRIGGER discard_imports ON consent.ledger IS 'An erased event is in no summary';

-- One step: the oldest stretches below "before" that are not summarised.  The
-- lock keeps erasures and other summaries waiting, so it is taken for a few
-- seconds at a time, and before anything is read.
CREATE FUNCTION consent.summarise_imports_step(before bigint, at_most integer) RETURNS integer
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  from_stretch bigint;
  to_stretch bigint;
BEGIN
  -- What has no number yet cannot have been counted, whatever the caller says.
  before := LEAST(before, COALESCE(pg_sequence_last_value('consent.ledger_event_id') + 1, 0));
  LOCK TABLE consent.import_stretch IN SHARE ROW EXCLUSIVE MODE;
  SELECT GREATEST(u.first >> 16, 0), LEAST(u.last >> 16, before >> 16, GREATEST(u.first >> 16, 0) + at_most)
    INTO from_stretch, to_stretch
    FROM consent.unsummarised_imports() u
   WHERE GREATEST(u.first >> 16, 0) < LEAST(u.last >> 16, before >> 16)
   ORDER BY u.first LIMIT 1;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  INSERT INTO consent.import_summary SELECT * FROM consent.import_figures(from_stretch << 16, to_stretch << 16);
  INSERT INTO consent.import_stretch SELECT * FROM generate_series(from_stretch, to_stretch - 1);
  RETURN to_stretch - from_stretch;
END;
$$;
COMMENT ON FUNCTION consent.summarise_imports_step(bigint, integer) IS
  'A step of consent.summarise_imports(): summarises some stretches of the ledger that lie before an event id. The caller vouches that nobody can record an event below it any more';

-- An event takes its number after its table is locked.  So when those who hold
-- a lock now have ended, no number given so far will turn up any more: the way
-- in which CREATE INDEX CONCURRENTLY waits.  It makes nobody wait.
CREATE PROCEDURE consent.summarise_imports()
  LANGUAGE plpgsql
AS $$
DECLARE
  before bigint;
  writers pg_catalog.text[];
BEGIN
  IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) ALL ('{read committed,read uncommitted}') THEN
    RAISE EXCEPTION USING ERRCODE = 'active_sql_transaction', MESSAGE = 'consent.summarise_imports() needs isolation level READ COMMITTED',
      DETAIL = 'What was recorded since the transaction''s snapshot would be missing for ever.';
  END IF;
  before := COALESCE(pg_catalog.pg_sequence_last_value('consent.ledger_event_id') OPERATOR(pg_catalog.+) 1, 0);
  LOOP
    SELECT COALESCE(pg_catalog.array_agg(DISTINCT w.virtualtransaction), '{}') INTO writers
      FROM pg_catalog.pg_locks w
     WHERE w.locktype OPERATOR(pg_catalog.=) 'relation' AND w.granted AND (w.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()) IS NOT TRUE
       AND w.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
       AND w.relation OPERATOR(pg_catalog.=) ANY (SELECT t.relid FROM pg_catalog.pg_partition_tree('consent.ledger') t)
       AND w.mode OPERATOR(pg_catalog.=) ANY ('{RowExclusiveLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}')
       AND (writers IS NULL OR w.virtualtransaction OPERATOR(pg_catalog.=) ANY (writers));
    EXIT WHEN writers OPERATOR(pg_catalog.=) '{}';
    COMMIT;
    PERFORM pg_catalog.pg_sleep(0.05);
  END LOOP;
  LOOP
    COMMIT;
    EXIT WHEN consent.summarise_imports_step(before, 8) OPERATOR(pg_catalog.=) 0;
  END LOOP;
END;
$$;
COMMENT ON PROCEDURE consent.summarise_imports() IS
  'Counts for consent.import_audit what was recorded since the last time, so that the view need not read the whole ledger again. To be called now and then, by cron for example; the view shows the same figures without it. Waits for transactions that are recording or erasing events, and lets nobody wait but erasures: for seconds, or for the end of the erasure that it waits for itself. Commits as it goes: what is done stays done when it is stopped. Error 25001: isolation level above READ COMMITTED';

REVOKE EXECUTE ON FUNCTION
  consent.import_figures, consent.imports_summarised, consent.unsummarised_imports, consent.discard_import_summaries,
  consent.discard_erased_imports, consent.summarise_imports_step
FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE consent.summarise_imports FROM PUBLIC;

CREATE VIEW consent.import_audit WITH (security_invoker = true) AS
  SELECT f.recorded_on, f.source, f.recorded_by, sum(f.events)::bigint AS events,
         -- An estimate, but never of more people than events.
         LEAST(consent.about_distinct_of(f.people), sum(f.events)::bigint) AS people,
         sum(f.consents)::bigint AS consents, sum(f.defective)::bigint AS defective, sum(f.unevidenced)::bigint AS unevidenced,
         sum(f.time_unknown)::bigint AS time_unknown, sum(f.third_party)::bigint AS third_party, sum(f.back_dated)::bigint AS back_dated,
         sum(f.against_refusal)::bigint AS against_refusal, min(f.earliest) AS earliest, max(f.latest) AS latest,
         min(f.first_event) AS first_event, max(f.last_event) AS last_event
    FROM (SELECT s.recorded_on, s.source, s.recorded_by, s.events, s.people, s.consents, s.defective, s.unevidenced, s.time_unknown,
                 s.third_party, s.back_dated, s.against_refusal, s.earliest, s.latest, s.first_event, s.last_event
            FROM consent.import_summary s
           WHERE consent.imports_summarised()
          UNION ALL
          SELECT i.recorded_on, i.source, i.recorded_by, i.events, i.people, i.consents, i.defective, i.unevidenced, i.time_unknown,
                 i.third_party, i.back_dated, i.against_refusal, i.earliest, i.latest, i.first_event, i.last_event
            FROM consent.unsummarised_imports() u, consent.import_figures(u.first, u.last) i
           WHERE consent.imports_summarised()
          UNION ALL
          -- The same by one pass over all of it, if nothing is summarised.
          SELECT consent.london_date(l.recorded_at), l.source, l.recorded_by,
                 count(*),
                 consent.distinct_state(l.address),
                 count(*) FILTER (WHERE l.kind = 'consent'),
                 count(*) FILTER (WHERE l.defects IS NOT NULL),
                 count(*) FILTER (WHERE 'consent_unevidenced' = ANY (l.defects)),
                 count(*) FILTER (WHERE l.effective_at IS NULL),
                 count(*) FILTER (WHERE l.collected_by IS NOT NULL),
                 count(*) FILTER (WHERE l.effective_at < l.recorded_at - interval '24 hours'),
                 -- First what is so of the fewest.
                 count(*) FILTER (WHERE l.event_id > r.first_refusal AND l.kind IN ('consent', 'soft_opt_in')
                                    AND l.effective_at < l.recorded_at - interval '24 hours'),
                 min(l.effective_at), max(l.effective_at), min(l.event_id), max(l.event_id)
            FROM consent.ledger l
            LEFT JOIN (SELECT address, min(event_id) AS first_refusal
                         FROM consent.ledger
                        WHERE kind IN ('withdrawal', 'objection', 'suppression')
                        GROUP BY address) r ON r.address = l.address
           WHERE NOT consent.imports_summarised()
           GROUP BY 1, 2, 3) f
   GROUP BY 1, 2, 3;
COMMENT ON VIEW consent.import_audit IS
  'What was loaded, from where, by whom, and what is wrong with it? One row per day of recording, source and user';
COMMENT ON COLUMN consent.import_audit.recorded_on IS 'The day (in the United Kingdom)';
COMMENT ON COLUMN consent.import_audit.source IS 'Where the events came from, NULL if nobody said';
COMMENT ON COLUMN consent.import_audit.recorded_by IS 'Session user who recorded them';
COMMENT ON COLUMN consent.import_audit.events IS 'How many events';
COMMENT ON COLUMN consent.import_audit.people IS 'About how many addresses';
COMMENT ON COLUMN consent.import_audit.consents IS 'Consents among them';
COMMENT ON COLUMN consent.import_audit.defective IS 'Consents on record with a defect of their own. Whether a third party''s names the sender and was used in time, consent.at_risk tells besides';
COMMENT ON COLUMN consent.import_audit.unevidenced IS 'Consents without time, wording or method';
COMMENT ON COLUMN consent.import_audit.time_unknown IS 'Events of which nobody knows when they took effect';
COMMENT ON COLUMN consent.import_audit.third_party IS 'Events collected by a third party';
COMMENT ON COLUMN consent.import_audit.back_dated IS 'Events that took effect more than a day before they were recorded';
COMMENT ON COLUMN consent.import_audit.against_refusal IS 'Back-dated consents and soft opt-ins of people whose refusal had been recorded before: an import that tries to bring back who had said no. No objection is lifted by one';
COMMENT ON COLUMN consent.import_audit.earliest IS 'First time of effect';
COMMENT ON COLUMN consent.import_audit.latest IS 'Last time of effect';
COMMENT ON COLUMN consent.import_audit.first_event IS 'First event';
COMMENT ON COLUMN consent.import_audit.last_event IS 'Last event';
