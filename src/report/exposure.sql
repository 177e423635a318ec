
-------------------------------------------------------------------------------
-- report: past sends, judged as of their time.
--
-- One query does it, made from the mappings of the caller and run with the
-- caller's rights: join each row with the standing of its recipient and ask
-- consent.judge().  exposure() runs it over the whole table at once, in parallel
-- where the server likes; exposure_work() over a range of blocks at a time, with
-- a commit between, so that it can be stopped, resumed, and run from several
-- sessions.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.exposure_mapping(mapping jsonb, name text, fallback text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT COALESCE('(' || (mapping ->> name) || ')', fallback);
END;
COMMENT ON FUNCTION consent.exposure_mapping(jsonb, text, text) IS
  'One mapping of an exposure audit as an expression';

-- Rows: every message and recipient that should not have gone.  A NULL time is
-- no time that a send can be judged by, so it becomes one that is refused.
-- A set-returning function keeps the planner from merging the sub-select that
-- reads and classifies with the ones around it, which would do so for every
-- mention of the result; unlike OFFSET 0 it leaves the query parallel.  The verdict
-- is its argument for the same reason, and so that no condition on it is asked below.
CREATE FUNCTION consent.exposure_query(target regclass, mapping jsonb, blocks text DEFAULT NULL, tally boolean DEFAULT false) RETURNS text
  LANGUAGE plpgsql STABLE
AS $$
DECLARE
  recipient pg_catalog.text := consent.exposure_mapping(mapping, 'recipient', NULL);
  recipient_type pg_catalog.text;
  rows pg_catalog.text;
BEGIN
  EXECUTE pg_catalog.format('SELECT pg_catalog.pg_typeof((SELECT %s FROM %s LIMIT 0))::pg_catalog.text', recipient, target) INTO recipient_type;
  rows := pg_catalog.format(
    'SELECT %s AS recipient, %s::pg_catalog.text AS channel_name, consent.try_channel(%2$s::pg_catalog.text) AS channel,'
    ' %s::pg_catalog.text AS organisation, COALESCE(%s::pg_catalog.text, ''marketing'') AS purpose, %s::pg_catalog.text AS product_category,'
    ' %s::pg_catalog.text AS reference, %s::pg_catalog.text[] AS instigators, %s::boolean AS opt_out, %s::boolean AS identity,'
    ' %s::pg_catalog.text AS sender, COALESCE(%s::pg_catalog.timestamptz, ''infinity'') AS sent_at, %s::pg_catalog.text AS campaign,'
    ' COALESCE(%s::boolean, false) AS complaint, %s::pg_catalog.text AS body, %s::pg_catalog.text AS subject, %s::pg_catalog.text AS declared'
    ' FROM %s WHERE %s',
    pg_catalog.format(CASE WHEN recipient_type OPERATOR(pg_catalog.~~) '%[]' THEN
                        'pg_catalog.unnest(CASE WHEN pg_catalog.cardinality(%s) OPERATOR(pg_catalog.>) 0 THEN %1$s::pg_catalog.text[] ELSE ARRAY[NULL::pg_catalog.text] END)'
                      ELSE '%s::pg_catalog.text' END, recipient),
    consent.exposure_mapping(mapping, 'channel', NULL),
    consent.exposure_mapping(mapping, 'organisation', 'consent.default_organisation()'),
    consent.exposure_mapping(mapping, 'purpose', 'NULL'),
    consent.exposure_mapping(mapping, 'product_category', 'NULL'),
    consent.exposure_mapping(mapping, 'reference', 'NULL'),
    consent.exposure_mapping(mapping, 'instigators', 'NULL'),
    consent.exposure_mapping(mapping, 'opt_out', 'true'),
    consent.exposure_mapping(mapping, 'identity', 'true'),
    consent.exposure_mapping(mapping, 'sender', 'NULL'),
    consent.exposure_mapping(mapping, 'sent_at', NULL),
    consent.exposure_mapping(mapping, 'campaign', 'NULL'),
    consent.exposure_mapping(mapping, 'complaint', 'NULL'),
    consent.exposure_mapping(mapping, 'body', 'NULL'),
    consent.exposure_mapping(mapping, 'subject', 'NULL'),
    consent.exposure_mapping(mapping, 'class', 'NULL'),
    target, COALESCE(blocks, 'true'));
  IF tally THEN
    RETURN pg_catalog.format(
      'SELECT s.campaign, %s AS month, s.channel_name AS channel, pg_catalog.count(*) AS messages FROM (%s) s GROUP BY 1, 2, 3',
      consent.exposure_month('s.sent_at'), rows);
  END IF;
  RETURN pg_catalog.format(
    'SELECT v.contact, COALESCE(consent.contact_root(v.contact)::pg_catalog.text, v.recipient, '''') AS person, v.organisation, v.channel_name AS channel, v.campaign,'
    ' %s AS month, v.sent_at, v.complaint, v.class, v.d AS decision,'
    ' CASE WHEN (v.d).reason OPERATOR(pg_catalog.=) ''recipient_unknown'' AND v.recipient IS NOT NULL THEN ''recipient_unreadable'''
    ' WHEN (v.d).reason OPERATOR(pg_catalog.=) ''input_invalid'' AND v.channel IS NULL THEN ''channel_unknown'' ELSE (v.d).reason END AS reason'
    ' FROM (SELECT s.*, pg_catalog.unnest(ARRAY[consent.judge(a.standing, s.contact, s.channel, s.organisation, s.purpose, s.product_category, s.sent_at,'
    ' known_at => %s, class => s.class, reference => s.reference, instigators => s.instigators, opt_out_offered => s.opt_out,'
    ' identity_shown => s.identity, sender => s.sender)]) AS d'
    ' FROM (SELECT r.*, consent.try_contact(r.recipient) AS contact,'
    ' consent.class_to_judge((consent.classify(r.body, r.subject, r.channel)).class, r.declared) AS class,'
    ' pg_catalog.generate_series(1, 1) AS read_once FROM (%s) r) s'
    ' LEFT JOIN consent.address_standing a ON a.address OPERATOR(pg_catalog.=) consent.contact_root(s.contact)) v'
    ' WHERE consent.ledger_readable() AND NOT (v.d).allowed',
    consent.exposure_month('v.sent_at'), CASE WHEN (mapping OPERATOR(pg_catalog.->>) 'as_known')::boolean THEN 's.sent_at' ELSE 'NULL' END, rows);
END;
$$;
COMMENT ON FUNCTION consent.exposure_query(regclass, jsonb, text, boolean) IS
  'The query of an exposure audit: the sends of a table that should not have gone, in a range of blocks; or, as a tally, how many there are to judge';

-- A slip of the pen in a mapping would be counted as messages that should not have gone.
CREATE FUNCTION consent.exposure_check(target regclass, mapping jsonb) RETURNS void
  LANGUAGE plpgsql STABLE
AS $body$
DECLARE
  name pg_catalog.text;
  expression pg_catalog.text;
  constant pg_catalog.text;
  its_hint pg_catalog.text;
BEGIN
  IF target IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'the table to audit is NULL';
  END IF;
  FOR name, expression IN SELECT * FROM pg_catalog.jsonb_each_text(mapping OPERATOR(pg_catalog.-) 'as_known') LOOP
    BEGIN
      EXECUTE pg_catalog.format('SELECT (%s) FROM %s LIMIT 0', expression, target);
    EXCEPTION WHEN syntax_error OR undefined_column THEN
      GET STACKED DIAGNOSTICS its_hint = PG_EXCEPTION_HINT;
      RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = SQLERRM, DETAIL = pg_catalog.format('It is in the mapping "%s".', name),
        HINT = CASE WHEN its_hint OPERATOR(pg_catalog.<>) '' THEN its_hint ELSE 'A mapping is an SQL expression over the row; a constant is written $$''acme''$$.' END;
    END;
    IF expression OPERATOR(pg_catalog.~) '^\s*''([^'']|'''')*''\s*$' THEN
      EXECUTE pg_catalog.format('SELECT %s', expression) INTO constant;
      PERFORM consent.guard_constant(name, constant);
    END IF;
  END LOOP;
END;
$body$;
COMMENT ON FUNCTION consent.exposure_check(regclass, jsonb) IS
  'Refuses mappings of an exposure audit that are no expressions over its table, or constants that are not known, as consent.guard() does';

CREATE FUNCTION consent.exposure_month(time_expression text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT pg_catalog.format('CASE WHEN pg_catalog.isfinite(%s) THEN pg_catalog.date_trunc(''month'', consent.london_date(%1$s)::timestamp)::pg_catalog.date END', time_expression);
END;
COMMENT ON FUNCTION consent.exposure_month(text) IS
  'The month of a send (in the United Kingdom) as an expression';

CREATE TABLE consent.exposure_run (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  relation regclass NOT NULL,
  mapping jsonb NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_by name NOT NULL DEFAULT current_user);
COMMENT ON TABLE consent.exposure_run IS 'Which audits of past sends were begun, of what, and by whom? See consent.exposure_progress';
COMMENT ON COLUMN consent.exposure_run.id IS 'For exposure_work() and exposure_result()';
COMMENT ON COLUMN consent.exposure_run.relation IS 'The table of sends';
COMMENT ON COLUMN consent.exposure_run.mapping IS 'The mappings, expressions over its rows';
COMMENT ON COLUMN consent.exposure_run.started_at IS 'When';
COMMENT ON COLUMN consent.exposure_run.started_by IS 'By whom; only they may go on with it, for the mappings run with their rights';
COMMENT ON SEQUENCE consent.exposure_run_id_seq IS 'Numbers the audits';

CREATE TABLE consent.exposure_batch (
  run bigint NOT NULL REFERENCES consent.exposure_run ON DELETE CASCADE,
  leaf regclass NOT NULL,
  first_block bigint NOT NULL,
  end_block bigint NOT NULL,
  done_at timestamptz,
  PRIMARY KEY (run, leaf, first_block));
COMMENT ON TABLE consent.exposure_batch IS 'The pieces of an audit: which are done?';
COMMENT ON COLUMN consent.exposure_batch.run IS 'The audit';
COMMENT ON COLUMN consent.exposure_batch.leaf IS 'The table or partition';
COMMENT ON COLUMN consent.exposure_batch.first_block IS 'Its first block';
COMMENT ON COLUMN consent.exposure_batch.end_block IS 'The block it ends before';
COMMENT ON COLUMN consent.exposure_batch.done_at IS 'When it was judged, NULL if it was not yet';

-- Whoever goes on with an audit judges what its batches name, with their own rights:
-- somebody else's view in one would run their code.  And what it found is what they say.
CREATE FUNCTION consent.exposure_own() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  another bigint;
BEGIN
  IF pg_has_role((SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
    RETURN NULL;
  END IF;
  SELECT r.id INTO another FROM written w JOIN consent.exposure_run r ON r.id = w.run WHERE r.started_by <> current_user LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('exposure audit %s was started by another role', another);
  END IF;
  RETURN NULL;
END;
$$;
COMMENT ON FUNCTION consent.exposure_own() IS
  'Trigger of consent.exposure_batch, consent.exposure_tally and consent.exposure_finding: an audit''s are for whoever started it (42501)';
REVOKE EXECUTE ON FUNCTION consent.exposure_own() FROM PUBLIC;
CREATE TRIGGER own_run AFTER INSERT ON consent.exposure_batch REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION consent.exposure_own();
CREATE TRIGGER own_run_still AFTER UPDATE ON consent.exposure_batch REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION consent.exposure_own();

CREATE TABLE consent.exposure_tally (
  run bigint NOT NULL REFERENCES consent.exposure_run ON DELETE CASCADE,
  campaign text,
  month date,
  channel text,
  messages bigint NOT NULL);
CREATE INDEX exposure_tally_run ON consent.exposure_tally (run);
CREATE TRIGGER own_run AFTER INSERT ON consent.exposure_tally REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION consent.exposure_own();
COMMENT ON TABLE consent.exposure_tally IS 'How many messages were judged in an audit, by campaign, month and channel? Several rows add up';
COMMENT ON COLUMN consent.exposure_tally.run IS 'The audit';
COMMENT ON COLUMN consent.exposure_tally.campaign IS 'As mapped';
COMMENT ON COLUMN consent.exposure_tally.month IS 'The first day of the month of sending, NULL if that is not known';
COMMENT ON COLUMN consent.exposure_tally.channel IS 'As mapped';
COMMENT ON COLUMN consent.exposure_tally.messages IS 'Messages, one per recipient';

CREATE TABLE consent.exposure_finding (
  run bigint NOT NULL REFERENCES consent.exposure_run ON DELETE CASCADE,
  contact consent.contact,
  person text NOT NULL,
  organisation text,
  channel text,
  campaign text,
  month date,
  sent_at timestamptz,
  complaint boolean NOT NULL,
  class consent.message_class,
  decision consent.decision,
  reason text NOT NULL);
CREATE INDEX exposure_finding_run ON consent.exposure_finding (run);
CREATE INDEX exposure_finding_person ON consent.exposure_finding (person);
CREATE TRIGGER own_run AFTER INSERT ON consent.exposure_finding REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION consent.exposure_own();
COMMENT ON TABLE consent.exposure_finding IS 'Which past messages should not have gone, to whom, and why? One row per message and recipient';
COMMENT ON COLUMN consent.exposure_finding.run IS 'The audit';
COMMENT ON COLUMN consent.exposure_finding.contact IS 'The recipient, NULL if unreadable';
COMMENT ON COLUMN consent.exposure_finding.person IS 'The recipient''s address without its +tag, or what stood there: what people are counted by';
COMMENT ON COLUMN consent.exposure_finding.organisation IS 'Whose message';
COMMENT ON COLUMN consent.exposure_finding.channel IS 'As mapped';
COMMENT ON COLUMN consent.exposure_finding.campaign IS 'As mapped';
COMMENT ON COLUMN consent.exposure_finding.month IS 'The first day of the month of sending';
COMMENT ON COLUMN consent.exposure_finding.sent_at IS 'When it was sent; infinity if that is not known';
COMMENT ON COLUMN consent.exposure_finding.complaint IS 'Did it bring a complaint?';
COMMENT ON COLUMN consent.exposure_finding.class IS 'What it was';
COMMENT ON COLUMN consent.exposure_finding.decision IS 'The verdict of consent.judge() as of its time';
COMMENT ON COLUMN consent.exposure_finding.reason IS 'Why it should not have gone: see consent.reason';

SELECT pg_catalog.pg_extension_config_dump('consent.exposure_run', '');
SELECT pg_catalog.pg_extension_config_dump('consent.exposure_run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('consent.exposure_batch', '');
SELECT pg_catalog.pg_extension_config_dump('consent.exposure_tally', '');
SELECT pg_catalog.pg_extension_config_dump('consent.exposure_finding', '');

CREATE TYPE consent.exposure_row AS (
  breakdown text,
  reason text,
  campaign text,
  channel text,
  month date,
  messages bigint,
  people bigint,
  complaints bigint,
  judged bigint,
  first_sent timestamptz,
  last_sent timestamptz,
  days integer,
  citation text);
COMMENT ON TYPE consent.exposure_row IS
  'A line of an exposure audit. breakdown: total, reason, campaign, channel, month, or detail (all four); messages: that should not have gone, one per recipient; people: who got them, counted once per line; complaints: messages that brought one; judged: all messages of the campaign, channel or month; first_sent, last_sent, days: how long it went on';

-- People are numbered, in one sort, so that who got several messages is counted
-- once in each line by adding bitmaps up.
CREATE FUNCTION consent.exposure_summary(findings text, tallies text) RETURNS SETOF consent.exposure_row
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  line consent.exposure_row;
  total bigint;
BEGIN
  FOR line IN EXECUTE format($query$
    WITH detail AS (
      SELECT f.reason, f.campaign, f.channel, f.month, count(*) AS messages, consent.audience_of(f.number) AS people,
             count(*) FILTER (WHERE f.complaint) AS complaints,
             min(f.sent_at) FILTER (WHERE isfinite(f.sent_at)) AS first_sent, max(f.sent_at) FILTER (WHERE isfinite(f.sent_at)) AS last_sent
        FROM (SELECT p.*, dense_rank() OVER (ORDER BY p.person COLLATE "C") AS number FROM %s p) f
       GROUP BY f.reason, f.campaign, f.channel, f.month),
    finding AS (
      SELECT CASE WHEN grouping(f.reason, f.campaign, f.channel, f.month) = 0 THEN 'detail'
                  WHEN grouping(f.reason) = 0 THEN 'reason' WHEN grouping(f.campaign) = 0 THEN 'campaign'
                  WHEN grouping(f.channel) = 0 THEN 'channel' WHEN grouping(f.month) = 0 THEN 'month' ELSE 'total' END AS breakdown,
             f.reason, f.campaign, f.channel, f.month, COALESCE(sum(f.messages), 0)::bigint AS messages, COALESCE(consent.count(consent.union_of(f.people)), 0) AS people,
             COALESCE(sum(f.complaints), 0)::bigint AS complaints, min(f.first_sent) AS first_sent, max(f.last_sent) AS last_sent
        FROM detail f
       GROUP BY GROUPING SETS ((), (f.reason), (f.campaign), (f.channel), (f.month), (f.reason, f.campaign, f.channel, f.month))),
    tally AS (
      SELECT CASE WHEN grouping(t.campaign) = 0 THEN 'campaign' WHEN grouping(t.channel) = 0 THEN 'channel'
                  WHEN grouping(t.month) = 0 THEN 'month' ELSE 'total' END AS breakdown,
             t.campaign, t.channel, t.month, COALESCE(sum(t.messages), 0)::bigint AS judged
        FROM %s t
       GROUP BY GROUPING SETS ((), (t.campaign), (t.channel), (t.month)))
    SELECT COALESCE(f.breakdown, t.breakdown), f.reason, COALESCE(f.campaign, t.campaign), COALESCE(f.channel, t.channel),
           COALESCE(f.month, t.month), COALESCE(f.messages, 0), COALESCE(f.people, 0), COALESCE(f.complaints, 0), t.judged,
           f.first_sent, f.last_sent, ((f.last_sent AT TIME ZONE 'Europe/London')::date - (f.first_sent AT TIME ZONE 'Europe/London')::date) + 1,
           r.citation
      FROM finding f
      -- In arrays NULLs are equal, and no NULL is an empty text.
      FULL JOIN tally t ON t.breakdown = f.breakdown AND ARRAY[t.campaign, t.channel, t.month::text] = ARRAY[f.campaign, f.channel, f.month::text]
      LEFT JOIN consent.reason r ON r.code = f.reason
     ORDER BY array_position('{total,reason,campaign,channel,month,detail}', COALESCE(f.breakdown, t.breakdown)),
              COALESCE(f.month, t.month) NULLS FIRST, COALESCE(f.messages, 0) DESC, f.reason, COALESCE(f.campaign, t.campaign), COALESCE(f.channel, t.channel)
    $query$, findings, tallies)
  LOOP
    RETURN NEXT line;
    IF line.breakdown = 'total' THEN
      total := line.judged;
    ELSIF line.breakdown = 'reason' AND line.messages * 2 > total
          AND line.reason IN ('recipient_unknown', 'recipient_unreadable', 'input_invalid', 'channel_unknown', 'organisation_unknown', 'purpose_unknown', 'jurisdiction_unknown') THEN
      RAISE WARNING USING MESSAGE = format('%s of %s messages could not be judged: %s', line.messages, total, line.reason),
        HINT = 'Look at the mappings before you take these messages for unlawful ones.';
    END IF;
  END LOOP;
END;
$$;
COMMENT ON FUNCTION consent.exposure_summary(text, text) IS
  'Findings and tallies of an exposure audit, two queries, as its lines. Warns if more than half of the messages could not be judged, for one reason';

CREATE FUNCTION consent.exposure(
  target regclass,
  recipient text,
  channel text,
  sent_at text,
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
  sender text DEFAULT NULL,
  campaign text DEFAULT NULL,
  complaint text DEFAULT NULL,
  as_known boolean DEFAULT true) RETURNS SETOF consent.exposure_row
  LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  mapping pg_catalog.jsonb := consent.exposure_mappings(recipient, channel, sent_at, body, subject, organisation, class, purpose, product_category,
                                                        reference, instigators, opt_out, identity, sender, campaign, complaint, as_known);
  notices pg_catalog.text := pg_catalog.current_setting('client_min_messages');
BEGIN
  PERFORM consent.exposure_check(target, mapping);
  -- A scratch table and not a common table expression: this is planned in parallel.
  PERFORM pg_catalog.set_config('client_min_messages', 'warning', true);
  DROP TABLE IF EXISTS pg_temp.consent_exposure_finding, pg_temp.consent_exposure_tally;
  PERFORM pg_catalog.set_config('client_min_messages', notices, true);
  EXECUTE pg_catalog.format('CREATE TEMP TABLE consent_exposure_finding ON COMMIT DROP AS'
                            ' SELECT f.person, f.reason, f.campaign, f.channel, f.month, f.sent_at, f.complaint FROM (%s) f', consent.exposure_query(target, mapping));
  EXECUTE pg_catalog.format('CREATE TEMP TABLE consent_exposure_tally ON COMMIT DROP AS %s', consent.exposure_query(target, mapping, tally => true));
  RETURN QUERY SELECT * FROM consent.exposure_summary('pg_temp.consent_exposure_finding', 'pg_temp.consent_exposure_tally');
  DROP TABLE pg_temp.consent_exposure_finding, pg_temp.consent_exposure_tally;
END;
$$;

CREATE FUNCTION consent.exposure_mappings(
  recipient text, channel text, sent_at text, body text, subject text, organisation text, class text, purpose text, product_category text,
  reference text, instigators text, opt_out text, identity text, sender text, campaign text, complaint text, as_known boolean) RETURNS jsonb
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  IF recipient IS NULL OR channel IS NULL OR sent_at IS NULL OR COALESCE(organisation, consent.default_organisation()) IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = 'an exposure audit needs mappings of recipient, channel, sent_at and organisation',
      HINT = 'Each is an SQL expression over the row, such as recipient => ''to_addr'', channel => $$''email''$$; the setting pg_consent.organisation will do for the last.';
  END IF;
  RETURN jsonb_strip_nulls(jsonb_build_object(
    'recipient', recipient, 'channel', channel, 'sent_at', sent_at, 'body', body, 'subject', subject,
    'organisation', COALESCE(organisation, quote_nullable(consent.default_organisation())),
    'class', class, 'purpose', purpose, 'product_category', product_category, 'reference', reference, 'instigators', instigators,
    'opt_out', opt_out, 'identity', identity, 'sender', sender, 'campaign', campaign, 'complaint', complaint,
    'as_known', COALESCE(as_known, true)));
END;
$body$;
COMMENT ON FUNCTION consent.exposure_mappings(text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, boolean) IS
  'The mappings of an exposure audit as one value. Error 22004: recipient, channel, sent_at or organisation missing';
COMMENT ON FUNCTION consent.exposure(regclass, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, boolean) IS
  'Judges the past sends of a table as of their time: which should not have gone, to how many people, by reason, campaign, channel and month. Mappings are SQL expressions over the row, as for consent.guard(); further sent_at, campaign and complaint (boolean: did it bring one). as_known => false counts what was recorded only later, such as a history that was imported. Warns if most messages could not be judged. Runs with the caller''s rights, and needs a transaction that may make temporary tables: not on a standby. Errors: 22004 a mapping is missing, 22023, 23503 a constant is not known';

CREATE FUNCTION consent.exposure_start(
  target regclass,
  recipient text,
  channel text,
  sent_at text,
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
  sender text DEFAULT NULL,
  campaign text DEFAULT NULL,
  complaint text DEFAULT NULL,
  as_known boolean DEFAULT true,
  batch_blocks integer DEFAULT 4096) RETURNS bigint
  LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  mapping pg_catalog.jsonb := consent.exposure_mappings(recipient, channel, sent_at, body, subject, organisation, class, purpose, product_category,
                                                        reference, instigators, opt_out, identity, sender, campaign, complaint, as_known);
  new_run bigint;
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) target AND c.relkind OPERATOR(pg_catalog.<>) ALL ('{r,p,m}')) THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
      MESSAGE = pg_catalog.format('"%s" has no blocks to go through', target),
      HINT = 'Use consent.exposure(), which judges everything at once.';
  END IF;
  PERFORM consent.exposure_check(target, mapping);
  INSERT INTO consent.exposure_run (relation, mapping) VALUES (target, mapping) RETURNING id INTO new_run;
  INSERT INTO consent.exposure_batch (run, leaf, first_block, end_block)
  SELECT new_run, l.leaf, b.first_block, b.first_block OPERATOR(pg_catalog.+) GREATEST(batch_blocks, 1)
    FROM (SELECT exposure_start.target AS leaf WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_partition_tree(exposure_start.target))
          UNION ALL
          SELECT t.relid FROM pg_catalog.pg_partition_tree(exposure_start.target) t WHERE t.isleaf) l,
         pg_catalog.generate_series(0, pg_catalog.pg_relation_size(l.leaf) OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::bigint,
                                    GREATEST(batch_blocks, 1)) AS b(first_block);
  RETURN new_run;
END;
$$;
COMMENT ON FUNCTION consent.exposure_start(regclass, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, boolean, integer) IS
  'Begins an exposure audit of a big table, to be done by CALL consent.exposure_work(run) in batches of so many blocks. Returns the run. Messages stored after this are not judged, nor those that an UPDATE moves. Errors: 22004 a mapping is missing, 22023, 23503 a constant is not known, 42809 not a table';

CREATE PROCEDURE consent.exposure_work(run bigint, batches bigint DEFAULT NULL)
  LANGUAGE plpgsql
AS $$
DECLARE
  audit consent.exposure_run;
  batch consent.exposure_batch;
  blocks pg_catalog.text;
  n bigint := 0;
BEGIN
  SELECT * INTO audit FROM consent.exposure_run r WHERE r.id OPERATOR(pg_catalog.=) exposure_work.run;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('there is no exposure audit %s', exposure_work.run);
  END IF;
  IF audit.started_by OPERATOR(pg_catalog.<>) current_user THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = pg_catalog.format('exposure audit %s was started by another role', exposure_work.run),
      DETAIL = 'Its mappings run with the rights of whoever goes on with it.';
  END IF;
  WHILE batches IS NULL OR n OPERATOR(pg_catalog.<) batches LOOP
    SELECT b.* INTO batch
      FROM consent.exposure_batch b
     WHERE b.run OPERATOR(pg_catalog.=) exposure_work.run AND b.done_at IS NULL
     ORDER BY b.leaf, b.first_block
       FOR UPDATE SKIP LOCKED LIMIT 1;
    EXIT WHEN NOT FOUND;
    blocks := pg_catalog.format('ctid OPERATOR(pg_catalog.>=) ''(%s,0)'' AND ctid OPERATOR(pg_catalog.<) ''(%s,0)''', batch.first_block, batch.end_block);
    EXECUTE pg_catalog.format('INSERT INTO consent.exposure_finding SELECT %s, f.* FROM (%s) f', batch.run,
                              consent.exposure_query(batch.leaf, audit.mapping, blocks));
    EXECUTE pg_catalog.format('INSERT INTO consent.exposure_tally SELECT %s, t.* FROM (%s) t', batch.run,
                              consent.exposure_query(batch.leaf, audit.mapping, blocks, tally => true));
    UPDATE consent.exposure_batch b SET done_at = pg_catalog.clock_timestamp()
     WHERE b.run OPERATOR(pg_catalog.=) batch.run AND b.leaf OPERATOR(pg_catalog.=) batch.leaf AND b.first_block OPERATOR(pg_catalog.=) batch.first_block;
    n := n OPERATOR(pg_catalog.+) 1;
    COMMIT;
  END LOOP;
END;
$$;
COMMENT ON PROCEDURE consent.exposure_work(bigint, bigint) IS
  'Goes on with an exposure audit: so many batches, or all that are left, with a commit after each. Stop it and call it again as you like; call it in several sessions to go faster. Errors: 42704 no such audit, 42501 somebody else''s';

CREATE FUNCTION consent.exposure_result(run bigint) RETURNS SETOF consent.exposure_row
  LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT *
    FROM consent.exposure_summary(
           pg_catalog.format('(SELECT * FROM consent.exposure_finding WHERE run = %s)', run),
           pg_catalog.format('(SELECT * FROM consent.exposure_tally WHERE run = %s)', run));
END;
COMMENT ON FUNCTION consent.exposure_result(bigint) IS
  'What an exposure audit has found so far: the lines that consent.exposure() returns';

CREATE VIEW consent.exposure_progress WITH (security_invoker = true) AS
  SELECT r.id AS run, r.relation, r.started_by, r.started_at, count(b.done_at) AS batches_done, count(*) AS batches,
         round(100.0 * count(b.done_at) / count(*), 1) AS percent,
         max(b.done_at) AS last_batch_at, CASE WHEN count(b.done_at) = count(*) THEN max(b.done_at) END AS finished_at,
         COALESCE((SELECT sum(t.messages) FROM consent.exposure_tally t WHERE t.run = r.id), 0)::bigint AS judged
    FROM consent.exposure_run r
    JOIN consent.exposure_batch b ON b.run = r.id
   GROUP BY r.id;
COMMENT ON VIEW consent.exposure_progress IS
  'How far are the exposure audits?';
COMMENT ON COLUMN consent.exposure_progress.run IS 'The audit';
COMMENT ON COLUMN consent.exposure_progress.relation IS 'The table of sends';
COMMENT ON COLUMN consent.exposure_progress.started_by IS 'By whom';
COMMENT ON COLUMN consent.exposure_progress.started_at IS 'When';
COMMENT ON COLUMN consent.exposure_progress.batches_done IS 'Pieces judged';
COMMENT ON COLUMN consent.exposure_progress.batches IS 'Pieces in all';
COMMENT ON COLUMN consent.exposure_progress.percent IS 'Of the pieces';
COMMENT ON COLUMN consent.exposure_progress.last_batch_at IS 'When the last piece was done';
COMMENT ON COLUMN consent.exposure_progress.finished_at IS 'When the very last piece was done, NULL if some are left';
COMMENT ON COLUMN consent.exposure_progress.judged IS 'Messages judged so far';

REVOKE EXECUTE ON FUNCTION
  consent.exposure_mapping, consent.exposure_month, consent.exposure_mappings, consent.exposure_check, consent.exposure_query, consent.exposure_summary,
  consent.exposure, consent.exposure_start, consent.exposure_result
FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE consent.exposure_work FROM PUBLIC;
