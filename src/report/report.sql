
-------------------------------------------------------------------------------
-- report: one page for whoever has to answer for the messages.
--
-- report_json() gathers, report() shows: what the page says is in the JSON and
-- nowhere else.  The page is XHTML in HTML's clothes, so that a parser can check
-- it; it loads nothing and runs nothing.  All text of the data goes through
-- consent.html(), at the place where it is put into the page.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.report_json(
  organisation text DEFAULT NULL,
  since timestamptz DEFAULT now() - interval '2160 hours',
  until timestamptz DEFAULT now(),
  channels consent.channel[] DEFAULT '{email,sms,push,live_call,post}',
  exposure_run bigint DEFAULT NULL,
  title text DEFAULT NULL) RETURNS jsonb
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
  only_organisation text := organisation;
  bucket text;
  audit bigint := exposure_run;
  past_sends jsonb;
  guards jsonb;
  -- Rows in quarantine, imports and guards do not say whose they are.
  among_others boolean := EXISTS (SELECT FROM consent.organisation o WHERE o.name <> only_organisation);
BEGIN
  PERFORM consent.ledger_readable();
  IF only_organisation IS NOT NULL AND NOT EXISTS (SELECT FROM consent.organisation o WHERE o.name = only_organisation) THEN
    RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
      MESSAGE = format('organisation "%s" is not in consent.organisation', only_organisation);
  END IF;
  IF since IS NULL OR until IS NULL OR NOT isfinite(since) OR NOT isfinite(until) OR since >= until THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = 'a report needs a period that begins before it ends';
  END IF;
  bucket := CASE WHEN until - since <= interval '45 days' THEN 'day' WHEN until - since <= interval '400 days' THEN 'week' ELSE 'month' END;
  IF audit IS NULL THEN
    SELECT p.run INTO audit
      FROM consent.exposure_progress p
      JOIN consent.exposure_run e ON e.id = p.run
     WHERE p.finished_at IS NOT NULL AND (NOT among_others OR e.mapping ->> 'organisation' = quote_literal(only_organisation))
     ORDER BY p.finished_at DESC, p.run DESC LIMIT 1;
  END IF;

  -- What may not be planned in parallel keeps a whole query from it.
  past_sends := (
    WITH line AS MATERIALIZED (SELECT x.* FROM consent.exposure_result(audit) x WHERE x.breakdown <> 'detail')
    SELECT jsonb_build_object(
             'run', p.run, 'relation', p.relation::text, 'started_by', p.started_by, 'finished_at', p.finished_at, 'percent', p.percent,
             'complaints_mapped', (SELECT e.mapping ? 'complaint' FROM consent.exposure_run e WHERE e.id = p.run),
             'of_any_organisation', (SELECT among_others AND e.mapping ->> 'organisation' IS DISTINCT FROM quote_literal(only_organisation) FROM consent.exposure_run e WHERE e.id = p.run),
             'total', (SELECT to_jsonb(x) - '{breakdown,reason,campaign,channel,month,citation}'::text[] FROM line x WHERE x.breakdown = 'total'),
             'reasons', COALESCE((SELECT jsonb_agg(jsonb_build_object('reason', x.reason, 'messages', x.messages, 'people', x.people, 'complaints', x.complaints,
                                                                      'citation', x.citation) ORDER BY x.messages DESC, x.reason)
                                    FROM line x WHERE x.breakdown = 'reason'), '[]'),
             'campaigns', COALESCE((SELECT jsonb_agg(to_jsonb(y) ORDER BY y.messages DESC, y.campaign)
                                      FROM (SELECT x.campaign, x.messages, x.people, x.complaints, x.judged FROM line x
                                             WHERE x.breakdown = 'campaign' AND x.messages > 0 ORDER BY x.messages DESC LIMIT 12) y), '[]'),
             'months', COALESCE((SELECT jsonb_agg(jsonb_build_object('month', x.month, 'messages', x.messages, 'people', x.people, 'judged', x.judged) ORDER BY x.month)
                                   FROM line x WHERE x.breakdown = 'month' AND x.month IS NOT NULL), '[]'))
      FROM consent.exposure_progress p WHERE p.run = audit);
  guards := (
    SELECT jsonb_build_object('guards', COALESCE(jsonb_agg(jsonb_build_object('relation', g.relation::text, 'leaf', g.leaf::text, 'name', g.name, 'on_block', g.on_block,
                                                                              'health', g.health, 'detail', g.detail)
                                                           ORDER BY g.health = 'ok', g.relation::text, g.leaf::text, g.name), '[]'))
      FROM consent.guards g);

  -- One expression of a RETURN: PL/pgSQL plans that in parallel, but not what is
  -- assigned.
  RETURN jsonb_build_object(
    'title', COALESCE(title, 'Marketing consent'),
    'organisation', only_organisation,
    'since', since, 'until', until, 'bucket', bucket,
    'generated_at', now(),
    'version', (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'pg_consent'),
    'exposure', past_sends)
  || guards
  || (
    WITH cover AS MATERIALIZED (
      SELECT c.* FROM consent.coverage_of(CASE WHEN only_organisation IS NOT NULL THEN ARRAY[only_organisation] END, channels) c)
    SELECT jsonb_build_object(
             'coverage', COALESCE((SELECT jsonb_agg(to_jsonb(c) - 'purpose' ORDER BY c.organisation, c.channel) FROM cover c), '[]'),
             'ledger', jsonb_build_object(
               -- Counted with it, unless there was nothing to judge.
               'contacts', COALESCE((SELECT max(c.contacts) FROM cover c), (SELECT count(*) FROM consent.contact_standing)),
               'last_event', (SELECT max(l.event_id) FROM consent.ledger l),
               'last_recorded_at', (SELECT max(l.recorded_at) FROM consent.ledger l WHERE l.event_id = (SELECT max(m.event_id) FROM consent.ledger m)),
               'seals', (SELECT count(*) FROM consent.seal))))

  || (
    WITH decision AS (
      SELECT d.* FROM consent.decision_log d
       WHERE d.decided_at >= since AND d.decided_at < until AND (only_organisation IS NULL OR d.organisation = only_organisation)),
    bucketed AS (
      SELECT date_trunc(bucket, d.decided_at AT TIME ZONE 'Europe/London')::date AS starts,
             count(*) FILTER (WHERE d.allowed) AS allowed, count(*) FILTER (WHERE NOT d.allowed) AS refused
        FROM decision d GROUP BY 1)
    SELECT jsonb_build_object('decisions', jsonb_build_object(
      'total', count(*), 'allowed', count(*) FILTER (WHERE d.allowed), 'refused', count(*) FILTER (WHERE NOT d.allowed),
      'people_refused', count(DISTINCT consent.contact_root(d.contact)) FILTER (WHERE NOT d.allowed),
      'over_time', COALESCE((
        SELECT jsonb_agg(jsonb_build_object('starts', t.starts::date, 'allowed', COALESCE(b.allowed, 0), 'refused', COALESCE(b.refused, 0)) ORDER BY t.starts)
          FROM generate_series(date_trunc(bucket, since AT TIME ZONE 'Europe/London'), until AT TIME ZONE 'Europe/London', ('1 ' || bucket)::interval) AS t(starts)
          LEFT JOIN bucketed b ON b.starts = t.starts::date
         WHERE t.starts < until AT TIME ZONE 'Europe/London'), '[]'),
      'reasons', COALESCE((
        SELECT jsonb_agg(jsonb_build_object('reason', r.reason, 'messages', r.messages, 'people', r.people, 'citation', x.citation, 'explanation', x.explanation)
                         ORDER BY r.messages DESC, r.reason)
          FROM (SELECT e.reason, count(*) AS messages, count(DISTINCT consent.contact_root(e.contact)) AS people FROM decision e WHERE NOT e.allowed GROUP BY 1) r
          LEFT JOIN consent.reason x ON x.code = r.reason), '[]'),
      'channels', COALESCE((
        SELECT jsonb_agg(jsonb_build_object('channel', COALESCE(c.channel::text, 'not known'), 'allowed', c.allowed, 'refused', c.refused) ORDER BY c.allowed + c.refused DESC, c.channel)
          FROM (SELECT e.channel, count(*) FILTER (WHERE e.allowed) AS allowed, count(*) FILTER (WHERE NOT e.allowed) AS refused
                  FROM decision e GROUP BY 1) c), '[]'),
      'actions', COALESCE((
        SELECT jsonb_object_agg(a.action, a.messages) FROM (SELECT e.action, count(*) AS messages FROM decision e GROUP BY 1) a), '{}')))
      FROM decision d)

  -- Of a big ledger these are millions of rows: they are kept narrow, and
  -- counted by hashing.
  || (
    WITH risk AS MATERIALIZED (
      SELECT a.defect, a.event_id, consent.contact_root(a.contact) AS contact, a.source
        FROM consent.at_risk a
       WHERE only_organisation IS NULL OR a.organisation = only_organisation),
    defect AS (
      SELECT x.defect, sum(x.records)::bigint AS records, count(*) AS people
        FROM (SELECT r.defect, r.contact, count(*) AS records FROM risk r GROUP BY 1, 2) x
       GROUP BY 1),
    origin AS (
      SELECT r.defect, r.source, min(r.event_id) AS oldest, max(r.event_id) AS newest FROM risk r GROUP BY 1, 2)
    SELECT jsonb_build_object('at_risk', jsonb_build_object(
      'records', (SELECT count(*) FROM (SELECT FROM risk r GROUP BY r.event_id) x),
      'people', (SELECT count(*) FROM (SELECT FROM risk r GROUP BY r.contact) x),
      'defects', COALESCE((
        SELECT jsonb_agg(jsonb_build_object('defect', d.defect, 'records', d.records, 'people', d.people, 'citation', r.citation, 'ruling', u.ruling,
                                            'explanation', r.explanation, 'sources', s.sources, 'examples', e.examples) ORDER BY d.records DESC, d.defect)
          FROM defect d
          LEFT JOIN consent.reason r ON r.code = d.defect
          LEFT JOIN consent.ruling u ON u.reason = d.defect
         CROSS JOIN LATERAL (
               SELECT array_agg(x.source ORDER BY x.source) AS sources
                 FROM (SELECT k.source FROM origin k WHERE k.defect = d.defect AND k.source IS NOT NULL ORDER BY 1 LIMIT 3) x) s
         CROSS JOIN LATERAL (
               SELECT array_agg(x.event_id ORDER BY x.event_id) AS examples
                 FROM (SELECT DISTINCT k.event_id FROM origin o, unnest(ARRAY[o.oldest, o.newest]) AS k(event_id) WHERE o.defect = d.defect ORDER BY 1 LIMIT 3) x) e), '[]'))))

  || (
    WITH ending AS MATERIALIZED (
      SELECT e.contact, e.days_left, e.then_reason
        FROM consent.expiring e
       WHERE only_organisation IS NULL OR e.organisation = only_organisation)
    SELECT jsonb_build_object('expiring', jsonb_build_object(
      'permissions', count(*), 'people', count(DISTINCT consent.contact_root(e.contact)),
      'within_30_days', count(*) FILTER (WHERE e.days_left <= 30),
      'reasons', COALESCE((SELECT jsonb_object_agg(x.then_reason, x.n) FROM (SELECT y.then_reason, count(*) AS n FROM ending y GROUP BY 1) x), '{}')))
      FROM ending e)

  || (
    SELECT jsonb_build_object('withdrawals', jsonb_build_object(
      'count', count(*),
      'median_seconds', round(EXTRACT(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY w.latency))::numeric, 1),
      'p95_seconds', round(EXTRACT(epoch FROM percentile_disc(0.95) WITHIN GROUP (ORDER BY w.latency))::numeric, 1),
      'slowest_seconds', round(EXTRACT(epoch FROM max(w.latency))::numeric, 1),
      'over_a_day', count(*) FILTER (WHERE w.latency > interval '1 day')))
      FROM consent.withdrawal_latency w
     WHERE w.in_effect_at >= since AND w.in_effect_at < until
       AND (only_organisation IS NULL OR w.organisation = only_organisation OR w.organisation IS NULL))

  || (
    SELECT jsonb_build_object('imports', CASE WHEN NOT among_others THEN COALESCE(jsonb_agg(to_jsonb(i) ORDER BY i.recorded_on DESC, i.source), '[]') END)
      FROM (SELECT a.recorded_on, a.source, a.recorded_by, a.events, a.people, a.consents, a.defective, a.unevidenced, a.time_unknown,
                   a.third_party, a.back_dated, a.against_refusal
              FROM consent.import_audit a
             WHERE NOT among_others AND a.source IS NOT NULL AND (a.defective > 0 OR a.against_refusal > 0)
             ORDER BY a.against_refusal DESC, a.defective DESC LIMIT 10) i)

  || (
    WITH disguised AS (
      SELECT d.* FROM consent.disguised_marketing d
       WHERE d.decided_at >= since AND d.decided_at < until AND (only_organisation IS NULL OR d.organisation = only_organisation))
    SELECT jsonb_build_object('disguised', jsonb_build_object(
      'messages', count(*), 'sent', count(*) FILTER (WHERE d.allowed OR d.action = 'flagged'), 'people', count(DISTINCT consent.contact_root(d.contact)),
      'groups', COALESCE((
        SELECT jsonb_agg(to_jsonb(g) ORDER BY g.messages DESC, g.relation, g.rules, g.declared_class, g.class)
          FROM (SELECT x.relation::text AS relation, x.declared_class, x.class, x.evidence -> 'rules' AS rules, count(*) AS messages,
                       count(*) FILTER (WHERE x.allowed OR x.action = 'flagged') AS sent, min(x.decided_at) AS first_at, max(x.decided_at) AS last_at
                  FROM disguised x GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 4, 2, 3 LIMIT 10) g), '[]'),
      'examples', COALESCE((
        SELECT jsonb_agg(jsonb_build_object('relation', e.relation, 'column', e.key, 'text', left(e.value, 2000), 'class', e.class, 'reason', e.reason) ORDER BY e.id DESC)
          FROM (SELECT DISTINCT ON (t.value) q.id, q.relation::text AS relation, t.key, t.value, q.class, q.reason
                  FROM (SELECT * FROM consent.quarantine h
                         WHERE h.decided_at >= since AND h.decided_at < until AND NOT among_others
                           AND ('declared_class_contradicted' = ANY (h.reasons) OR h.reason = 'declared_class_contradicted')
                         ORDER BY h.id DESC LIMIT 50) q,
                       jsonb_each_text(q."row") AS t(key, value)
                 WHERE length(t.value) > 20 AND consent.is_marketing((consent.classify(t.value)).class) AND (consent.classify(t.value)).class <> 'unknown'
                 ORDER BY t.value, q.id DESC LIMIT 5) e), '[]')))
      FROM disguised d)

  || (
    SELECT jsonb_build_object('quarantine', jsonb_build_object('of_all_organisations', among_others, 'held', count(*) FILTER (WHERE q.released_at IS NULL),
                                                        'released', count(*) FILTER (WHERE q.released_at IS NOT NULL)))
      FROM consent.quarantine q
     WHERE q.decided_at >= since AND q.decided_at < until);
END;
$$;
COMMENT ON FUNCTION consent.report_json(text, timestamptz, timestamptz, consent.channel[], bigint, text) IS
  'What consent.report() shows, as JSON: decisions of the guards, coverage, consents at risk, what expires, how fast withdrawals took effect, doubtful imports, the exposure audit that was finished last (or exposure_run), disguised marketing, guards, quarantine. organisation NULL: all; one of several: exposure is null unless an audit is named, which is shown whole (of_any_organisation), or has its quoted name as organisation, imports is null, guards and quarantine are those of all. examples of a defect: up to three events, each the oldest or newest of its source. channels: those whose coverage is counted. since: 90 times 24 hours ago unless given. people: addresses, all +tag forms of one together. Errors: 23503 unknown organisation, 22023 no period';

CREATE FUNCTION consent.html(value text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
           pg_catalog.regexp_replace(value, '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]', '', 'g'),
           '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;');
END;
COMMENT ON FUNCTION consent.html(text) IS
  'The text as HTML shows it: escaped, without control characters. NULL stays NULL';

CREATE FUNCTION consent.report_number(value numeric) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN value IS NULL THEN '&#8211;'
              WHEN value = pg_catalog.trunc(value) THEN pg_catalog.to_char(value, 'FM999,999,999,999,990')
              ELSE pg_catalog.to_char(value, 'FM999,999,999,990.0') END;
END;
COMMENT ON FUNCTION consent.report_number(numeric) IS 'A number as a page shows it, in HTML';

CREATE FUNCTION consent.report_share(part numeric, whole numeric) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN COALESCE(whole, 0) = 0 THEN '&#8211;'
              WHEN part > 0 AND part * 1000 < whole THEN '&lt; 0.1&#160;%'
              ELSE pg_catalog.to_char(100 * part / whole, 'FM990.0') || '&#160;%' END;
END;
COMMENT ON FUNCTION consent.report_share(numeric, numeric) IS 'A share as a page shows it, in HTML';

CREATE FUNCTION consent.report_duration(seconds numeric) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN seconds IS NULL THEN '&#8211;'
              WHEN seconds < 1 THEN 'at once'
              WHEN seconds < 120 THEN pg_catalog.round(seconds)::text || ' s'
              WHEN seconds < 7200 THEN pg_catalog.round(seconds / 60)::text || ' min'
              WHEN seconds < 172800 THEN pg_catalog.round(seconds / 3600)::text || ' h'
              ELSE consent.report_number(pg_catalog.round(seconds / 86400)) || ' days' END;
END;
COMMENT ON FUNCTION consent.report_duration(numeric) IS 'A duration as a page shows it, in HTML';

CREATE FUNCTION consent.report_words(code text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN w.words ~ '^(sms|mms|tps|ctps|fps)' THEN pg_catalog.upper(pg_catalog.split_part(w.words, ' ', 1)) || pg_catalog.substr(w.words, pg_catalog.length(pg_catalog.split_part(w.words, ' ', 1)) + 1)
              ELSE pg_catalog.upper(pg_catalog.left(w.words, 1)) || pg_catalog.substr(w.words, 2) END
    FROM (SELECT pg_catalog.regexp_replace(pg_catalog.regexp_replace(
                   consent.html(pg_catalog.replace(code, '_', ' ')), '^soi ', 'soft opt-in: '), '^csoi ', 'charity soft opt-in: ') AS words) w;
END;
COMMENT ON FUNCTION consent.report_words(text) IS 'A code as words, in HTML';

CREATE FUNCTION consent.report_action(action text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE action
           WHEN 'sent' THEN 'Let through'
           WHEN 'claimed' THEN 'Let through to the worker that took it'
           WHEN 'flagged' THEN 'Not permitted, but only flagged: let through'
           WHEN 'diverted' THEN 'Stored as cancelled'
           WHEN 'parked' THEN 'Stopped when a worker took it'
           WHEN 'quarantined' THEN 'Kept back'
           WHEN 'held' THEN 'Kept back: its release was refused'
           WHEN 'released' THEN 'Released after it had been kept back'
           ELSE consent.report_words(action) END;
END;
COMMENT ON FUNCTION consent.report_action(text) IS 'What became of a message, as a page says it, in HTML: see consent.decision_log.action';

-- A bar in a cell of a table: the table is the chart, and the other way round.
CREATE FUNCTION consent.report_bar(parts numeric[], kinds text[], whole numeric) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT '<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
         || '<rect class="track" width="1000" height="10"/>'
         || pg_catalog.string_agg(pg_catalog.format('<rect class="%s" x="%s" width="%s" height="10"/>', p.kind, pg_catalog.round(p.x, 2), pg_catalog.round(p.width, 2)), '' ORDER BY p.i)
         || '</svg>'
    FROM (SELECT u.i, u.kind, 1000 * u.part / GREATEST(whole, 1) AS width,
                 1000 * (pg_catalog.sum(u.part) OVER (ORDER BY u.i) - u.part) / GREATEST(whole, 1) AS x
            FROM ROWS FROM (pg_catalog.unnest(parts), pg_catalog.unnest(kinds)) WITH ORDINALITY AS u(part, kind, i)) p;
END;
COMMENT ON FUNCTION consent.report_bar(numeric[], text[], numeric) IS 'A horizontal bar of a report: parts of a whole, each in the colour of its kind';

CREATE FUNCTION consent.report_top(value numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT pg_catalog.min(step.n * p.unit)
    FROM (SELECT pg_catalog.power(10::numeric, pg_catalog.floor(pg_catalog.log(GREATEST(value, 2)))) AS unit) AS p,
         (VALUES (1::numeric), (1.2), (1.6), (2), (3), (4), (5), (6), (8), (10)) AS step (n)
   WHERE step.n * p.unit >= GREATEST(value, 2) AND step.n * p.unit % 2 = 0;
END;
COMMENT ON FUNCTION consent.report_top(numeric) IS 'Where the axis of a chart ends: a round even number that is not less';

-- Columns over time.  The labels are text of the page, so that they stay
-- readable when the columns are squeezed.
CREATE FUNCTION consent.report_columns(data jsonb, first_key text, second_key text, label_key text, first_kind text, second_kind text, description text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH step AS (
    SELECT v.i - 1 AS i, (v.value ->> first_key)::numeric AS a, (v.value ->> second_key)::numeric AS b, v.value ->> label_key AS label
      FROM pg_catalog.jsonb_array_elements(data) WITH ORDINALITY AS v(value, i)),
  -- Few columns are no wider than those of six.
  scale AS (SELECT consent.report_top(pg_catalog.max(s.a + s.b)) AS top, pg_catalog.count(*) AS n,
                   pg_catalog.round(7 * LEAST(pg_catalog.count(*), 6) / 6.0, 2) AS width, pg_catalog.left(pg_catalog.min(s.label), 4) AS year FROM step s)
  SELECT '<div class="plot"><div class="axis" aria-hidden="true"><span>' || consent.report_number(c.top) || '</span><span>'
         || consent.report_number(pg_catalog.trunc(c.top / 2)) || '</span><span>0</span></div>'
         || pg_catalog.format('<svg class="columns" viewBox="0 0 %s 100" preserveAspectRatio="none" role="img" aria-label="%s">', c.n * 10, consent.html(description))
         || pg_catalog.format('<path class="grid" d="M0 0.2H%1$s M0 50H%1$s M0 99.8H%1$s"/>', c.n * 10)
         || pg_catalog.string_agg(
              pg_catalog.format('<g><title>%1$s: %2$s %3$s, %4$s %5$s</title><rect class="%6$s" x="%7$s" y="%8$s" width="%13$s" height="%9$s"/><rect class="%10$s" x="%7$s" y="%11$s" width="%13$s" height="%12$s"/></g>',
                                pg_catalog.to_char(s.label::date, CASE label_key WHEN 'month' THEN 'FMMonth YYYY' ELSE 'FMDD Mon YYYY' END), consent.report_number(s.a), consent.html(first_key), consent.report_number(s.b), consent.html(second_key),
                                first_kind, s.i * 10 + (10 - c.width) / 2, pg_catalog.round(100 - 100 * s.a / c.top, 2), pg_catalog.round(100 * s.a / c.top, 2),
                                second_kind, pg_catalog.round(100 - 100 * (s.a + s.b) / c.top, 2), pg_catalog.round(100 * s.b / c.top, 2), c.width), '' ORDER BY s.i)
         || '</svg><div class="ticks" aria-hidden="true">'
         || (SELECT pg_catalog.string_agg(pg_catalog.format('<span%s style="%s:%s%%">', CASE WHEN c.n <= 3 OR t.i NOT IN (0, c.n - 1) THEN ' class="at"' END,
                                                            CASE WHEN c.n > 3 AND t.i = c.n - 1 THEN 'right' ELSE 'left' END,
                                                            pg_catalog.round(CASE WHEN c.n > 3 AND t.i IN (0, c.n - 1) THEN (10 - c.width) / 2 ELSE t.i * 10 + 5 END * 10 / c.n, 2))
                                          || pg_catalog.to_char(t.label::date, CASE label_key WHEN 'month' THEN 'Mon' ELSE 'FMDD Mon' END
                                                                               || CASE WHEN c.n <= 3 OR t.i IN (0, c.n - 1) OR pg_catalog.left(t.label, 4) <> c.year THEN ' YYYY' ELSE '' END)
                                          || '</span>', '' ORDER BY t.i)
               FROM step t WHERE t.i IN (0, c.n - 1) OR (t.i = (c.n - 1) / 2 AND c.n <> 4))
         || '</div></div>'
    FROM step s CROSS JOIN scale c
   GROUP BY c.top, c.n, c.width, c.year;
END;
COMMENT ON FUNCTION consent.report_columns(jsonb, text, text, text, text, text, text) IS 'Columns of a report over time: two stacked series';

CREATE FUNCTION consent.report_style() RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT '
:root{--ink:#16202b;--soft:#4d5b69;--line:#d9dee4;--paper:#ffffff;--ground:#f3f5f7;--yes:#1b6a8f;--no:#c2410c;--unasked:#b4bec9;--mark:#fff0c2;--good:#176b43;--bad:#a3240f}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;color-scheme:light}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif}
a{color:#0b5a86}
.skip{position:absolute;left:-999rem}.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem 1rem;z-index:2}
header.top{background:#10222f;color:#fff;padding:2.6rem 1.5rem 6rem}
header.top>div{max-width:67rem;margin:0 auto}main,footer{max-width:70rem;margin:0 auto}
header.top .eyebrow{margin:0;font-size:.8rem;letter-spacing:.09em;text-transform:uppercase;color:#b9cbd8}
h1{font-size:clamp(1.7rem,4vw,2.6rem);line-height:1.15;margin:.25rem 0 .6rem;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
header.top p.lead{margin:0;color:#dbe5ec;max-width:46rem}
main{padding:0 1.5rem;margin-top:-3.6rem}
.tiles{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:.9rem;padding:0;margin:0 0 1.4rem;list-style:none}
.tiles li{background:var(--paper);border:1px solid var(--line);border-left:5px solid var(--unasked);border-radius:.3rem;padding:.95rem 1.1rem 1rem}
.tiles li.good{border-left-color:var(--good)}.tiles li.bad{border-left-color:var(--no)}.tiles li.plain{border-left-color:var(--yes)}
.tiles b{display:block;font-size:2rem;line-height:1.15;font-weight:650;font-variant-numeric:tabular-nums;letter-spacing:-.02em}
.tiles span{display:block;font-size:.88rem;color:var(--soft)}
.tiles span.what{color:var(--ink);font-weight:600}
nav{margin:0 0 1.4rem;font-size:.92rem}nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;margin:0;padding:0}
section{background:var(--paper);border:1px solid var(--line);border-radius:.4rem;padding:1.5rem 1.5rem 1.7rem;margin:0 0 1.4rem}
h2{font-size:1.3rem;line-height:1.25;margin:0 0 .3rem;font-weight:650}
h3{font-size:1.02rem;margin:1.7rem 0 .4rem;font-weight:650}
p.says{margin:0 0 1.1rem;color:var(--soft);max-width:48rem}
p.none+p.says,table+p.says{margin:1rem 0 0}section>:last-child{margin-bottom:0}p.none{margin:.8rem 0 0;padding:1rem 1.1rem;background:var(--ground);border-radius:.3rem;color:var(--soft)}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1.2rem;margin:0 0 .6rem;padding:0;list-style:none;font-size:.88rem;color:var(--soft)}
.key i{display:inline-block;width:.85em;height:.85em;border-radius:.15em;margin-right:.4em;vertical-align:-.08em}
.key .yes,.key i.yes{background:var(--yes)}.key i.no{background:var(--no)}.key i.unasked{background:var(--unasked)}.key i.soft{background:#6fb1cc}
.plot{display:grid;grid-template-columns:auto 1fr;gap:.35rem .7rem;margin:1rem 0}
.axis{display:flex;flex-direction:column;justify-content:space-between;text-align:right;font-size:.78rem;line-height:1;color:var(--soft);font-variant-numeric:tabular-nums}
.axis span:first-child{transform:translateY(-50%)}.axis span:last-child{transform:translateY(50%)}
.ticks{grid-column:2;position:relative;height:1.3em;font-size:.78rem;color:var(--soft)}.ticks span{position:absolute;white-space:nowrap}.ticks span.at{transform:translateX(-50%)}
svg.columns{width:100%;height:13rem;display:block;overflow:visible}
svg .grid{stroke:var(--line);stroke-width:1;fill:none;vector-effect:non-scaling-stroke}
svg.bar{width:100%;height:.7rem;display:block;border-radius:.15rem}
svg .track{fill:#edf0f3}svg .yes{fill:var(--yes)}svg .soft{fill:#6fb1cc}svg .no{fill:var(--no)}svg .unasked{fill:var(--unasked)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}table.stack{table-layout:fixed}.stack th,.stack td,.chart th,.chart td{overflow-wrap:anywhere}table.stack thead th:first-child{width:15rem}table.chart{table-layout:fixed}table.chart thead th:first-child{width:46%}table.slim thead th:first-child{width:28%}table.chart tr.group th{padding-top:1.3rem;font-size:1rem}table.chart tr.group+tr>*{border-top-color:var(--ink)}table.chart tbody tr.group:first-child th{padding-top:.6rem}table.chart thead th.n{width:8.5em;overflow-wrap:normal}
caption{text-align:left;color:var(--soft);font-size:.88rem;padding:0 0 .4rem}
th,td{text-align:left;vertical-align:top;padding:.5rem .9rem .5rem 0;border-top:1px solid var(--line)}
thead td{border-top:0}thead th{border-top:0;font-size:.78rem;letter-spacing:.03em;color:var(--soft);font-weight:600;vertical-align:bottom}
tbody th{font-weight:600}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}thead th.n{white-space:normal}
td.b{vertical-align:top;padding-top:.86rem}
td:last-child,th:last-child{padding-right:0}
small{display:block;color:var(--soft);font-size:.86rem;line-height:1.45;font-weight:400;overflow-wrap:anywhere;max-width:34rem}small+small{margin-top:.15rem}small em{font-style:normal}small.law{color:var(--ink)}
code{font:.86em/1.4 ui-monospace,"SFMono-Regular",Menlo,Consolas,"Liberation Mono",monospace;background:#eef1f4;border-radius:.2rem;padding:.08em .35em;overflow-wrap:anywhere}blockquote code,p.none code{background:var(--paper)}
.chips{display:flex;flex-wrap:wrap;gap:.3rem}
.health{display:inline-block;font-size:.82rem;font-weight:600;border-radius:1rem;padding:.05rem .65rem;border:1px solid currentColor}
.health.good{color:var(--good)}.health.bad{color:var(--bad)}
blockquote{margin:.7rem 0 1rem;padding:.8rem 1rem;background:var(--ground);border-left:4px solid var(--unasked);border-radius:.2rem;overflow-wrap:anywhere;white-space:pre-wrap}blockquote.bad{border-left-color:var(--no)}
blockquote footer{font-size:.84rem;color:var(--soft);white-space:normal;margin:.5rem 0 0;padding:0}
mark{background:var(--mark);color:inherit;box-shadow:inset 0 -2px 0 #d18b00;padding:.05em .1em}
details{margin:.2rem 0 0}summary{cursor:pointer;color:#0b5a86;font-size:.92rem;padding:.3rem 0}
summary:focus-visible,a:focus-visible,.scroll:focus-visible{outline:3px solid #f0a202;outline-offset:2px}
footer.end{padding:0 1.5rem 3rem;color:var(--soft);font-size:.86rem}
@media (max-width:40rem){header.top{padding:1.6rem 1rem 5rem}main{padding:0 .8rem}section{padding:1.1rem 1rem 1.3rem}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:.6rem}.tiles li{padding:.7rem .7rem}.tiles b{font-size:clamp(1.1rem,5.2vw,1.4rem);overflow-wrap:anywhere}svg.columns{height:9rem}
table.chart thead{position:absolute;left:-999rem}table.chart tr{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;padding:.65rem 0;border-top:1px solid var(--line)}
table.chart th,table.chart td{border:0;padding:0}table.chart tbody th,table.chart td.b,table.chart td.wide{flex:1 0 100%}table.chart td.b{padding:.25rem 0 .15rem}
table.stack thead{position:absolute;left:-999rem}table.stack tr{display:block;border-top:1px solid var(--line);padding:.6rem 0}table.stack th,table.stack td{display:block;border:0;padding:0;width:auto}table.stack td[data-of]:before{content:attr(data-of) ": ";color:var(--soft)}table.stack td .health{margin-top:.3rem}
table.chart td.n{flex:0 0 calc(50% - .6rem);text-align:left;white-space:normal}table.chart td.n[data-of]:after{content:" " attr(data-of);color:var(--soft);font-size:.84rem}}
@page{size:A4;margin:15mm 14mm 18mm;@bottom-left{content:"Compliance report";font:8pt "Liberation Sans",Arial,sans-serif;color:#4d5b69}@bottom-right{content:"Page " counter(page) " of " counter(pages);font:8pt "Liberation Sans",Arial,sans-serif;color:#4d5b69}}
@media print{html{font-size:12.5px}body{background:#fff;font-size:9.5pt;line-height:1.45}header.top{background:none;color:#000;padding:0 0 1.2rem}header.top p,header.top .eyebrow,header.top p.lead{color:#333}
main{margin-top:0;padding:0}nav,.skip,summary{display:none}.scroll{overflow:visible}footer.end{padding:0}
section{border:0;border-top:2px solid #000;border-radius:0;padding:.9rem 0 0;margin:0 0 1.7rem}section:last-child{margin-bottom:.8rem}
.tiles{gap:.7rem;margin-bottom:1.7rem}.tiles li{padding:.6rem .9rem .7rem}.tiles b{font-size:1.7rem}svg.columns{height:11rem}
th,td{padding-top:.34rem;padding-bottom:.34rem}td.b{padding-top:.68rem}table.chart thead th.n{width:7.8em}details th,details td{padding-top:.12rem;padding-bottom:.12rem}
.tiles li,tr,blockquote,.plot,.key,p,details{break-inside:avoid}h2,h3,p.says,.key,caption,thead,tr.group{break-after:avoid}p.says:last-child{break-after:auto}
svg rect,mark,.tiles li,.key i,code,blockquote,p.none{-webkit-print-color-adjust:exact;print-color-adjust:exact}details::details-content{content-visibility:visible;height:auto}}
';
END;
COMMENT ON FUNCTION consent.report_style() IS 'The style sheet of a report';

CREATE FUNCTION consent.report_page(title text, body text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT pg_catalog.regexp_replace(
    '<!DOCTYPE html>' || E'\n' || '<html lang="en-GB"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>'
    || '<meta http-equiv="Content-Security-Policy" content="default-src ''none''; style-src ''unsafe-inline''"/>'
    || '<meta name="robots" content="noindex"/><title>' || consent.html(title) || '</title><style>' || consent.report_style() || '</style></head><body>'
    || '<a class="skip" href="#main">Skip to the content</a>' || body || '</body></html>' || E'\n',
    '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]', '', 'g');
END;
COMMENT ON FUNCTION consent.report_page(text, text) IS 'A self-contained page: nothing is loaded and nothing runs';

CREATE FUNCTION consent.report_html(report jsonb) RETURNS text
  LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d jsonb := report -> 'decisions';
  x jsonb := report -> 'exposure';
  t jsonb := report -> 'exposure' -> 'total';
  g jsonb := report -> 'disguised';
  r jsonb := report -> 'at_risk';
  w jsonb := report -> 'withdrawals';
  e jsonb := report -> 'expiring';
  first_day text := to_char((report ->> 'since')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY');
  last_day text := to_char((report ->> 'until')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY');
  broken bigint := (SELECT count(*) FROM jsonb_array_elements(report -> 'guards') v WHERE v ->> 'health' <> 'ok');
  of_any boolean := COALESCE((report #>> '{exposure,of_any_organisation}')::boolean, false);
  complaints boolean := COALESCE((report #>> '{exposure,complaints_mapped}')::boolean, false);
  raises boolean := EXISTS (SELECT FROM jsonb_array_elements(report -> 'guards') v WHERE v ->> 'on_block' = 'raise');
  among_others boolean := COALESCE((report #>> '{quarantine,of_all_organisations}')::boolean, false);
  page text;
  rows text;
BEGIN
  page := '<header class="top"><div><p class="eyebrow">Compliance report</p><h1>' || consent.html(report ->> 'title')
    || COALESCE(': ' || consent.html(report ->> 'organisation'), '') || '</h1><p class="lead">' || first_day || CASE WHEN last_day <> first_day THEN ' to ' || last_day ELSE '' END || '. Made on '
    || to_char((report ->> 'generated_at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY at HH24:MI') || ' from a ledger of '
    || consent.report_number((report #>> '{ledger,contacts}')::numeric) || ' contacts'
    || COALESCE(', last event ' || consent.html(report #>> '{ledger,last_event}'), '') || '.</p></div></header><main id="main">';

  -- What matters at a glance.
  page := page || '<ul class="tiles">'
    || format('<li class="plain"><b>%s</b><span class="what">Decisions logged</span><span>%s</span></li>',
              consent.report_number((d ->> 'total')::numeric),
              CASE WHEN (d ->> 'total')::bigint = 0 THEN 'none were logged' ELSE consent.report_share((d ->> 'refused')::numeric, (d ->> 'total')::numeric) || ' refused' || COALESCE(', ' || consent.report_number((d #>> '{actions,flagged}')::numeric) || ' of them only flagged', '') || CASE WHEN raises THEN ', without those that raised an error' ELSE '' END END)
    || format('<li class="%s"><b>%s</b><span class="what">Should not have gone</span><span>%s</span></li>',
              CASE WHEN x IS NULL OR x = 'null' THEN 'plain' WHEN (t ->> 'messages')::bigint > 0 THEN 'bad' ELSE 'good' END,
              consent.report_number((t ->> 'messages')::numeric),
              CASE WHEN x IS NULL OR x = 'null' THEN CASE WHEN among_others THEN 'no audit of this organisation alone' ELSE 'no audit of past sends yet' END ELSE 'to ' || consent.report_number((t ->> 'people')::numeric) || ' people, in past sends' || CASE WHEN of_any THEN ' of any organisation' ELSE '' END END)
    || format('<li class="%s"><b>%s</b><span class="what">Consents at risk</span><span>%s</span></li>',
              CASE WHEN (r ->> 'records')::bigint > 0 THEN 'bad' ELSE 'good' END, consent.report_number((r ->> 'records')::numeric),
              CASE WHEN (r ->> 'records')::bigint = 0 THEN 'none on record' ELSE 'of ' || consent.report_number((r ->> 'people')::numeric) || ' people' END)
    || format('<li class="%s"><b>%s</b><span class="what">Disguised marketing</span><span>%s</span></li>',
              CASE WHEN (g ->> 'messages')::bigint > 0 THEN 'bad' ELSE 'good' END, consent.report_number((g ->> 'messages')::numeric),
              CASE WHEN (g ->> 'messages')::bigint = 0 THEN 'none was logged' ELSE consent.report_number((g ->> 'sent')::numeric) || ' of them sent' END)
    || format('<li class="%s"><b>%s</b><span class="what">Opt-outs in effect</span><span>%s</span></li>',
              CASE WHEN (w ->> 'over_a_day')::bigint > 0 THEN 'bad' WHEN (w ->> 'count')::bigint = 0 THEN 'plain' ELSE 'good' END,
              consent.report_duration((w ->> 'p95_seconds')::numeric),
              CASE WHEN (w ->> 'count')::bigint = 0 THEN 'nobody opted out' ELSE 'for 95 of 100; the slowest ' || consent.report_duration((w ->> 'slowest_seconds')::numeric) END)
    || format('<li class="%s"><b>%s</b><span class="what">Guards</span><span>%s</span></li>',
              CASE WHEN broken > 0 OR jsonb_array_length(report -> 'guards') = 0 THEN 'bad' ELSE 'good' END,
              consent.report_number(jsonb_array_length(report -> 'guards')),
              CASE WHEN jsonb_array_length(report -> 'guards') = 0 THEN 'nothing is guarded' WHEN broken > 0 THEN broken || ' not working' ELSE 'all working' END || CASE WHEN among_others THEN ', of all organisations' ELSE '' END)
    || '</ul><nav aria-label="Contents"><ul><li><a href="#decisions">Decisions</a></li><li><a href="#coverage">Coverage</a></li>'
    || '<li><a href="#risk">Consents at risk</a></li><li><a href="#exposure">Past sends</a></li><li><a href="#disguised">Disguised marketing</a></li>'
    || '<li><a href="#optouts">Opt-outs</a></li><li><a href="#guards">Guards</a></li></ul></nav>';

  -- Decisions
  page := page || '<section id="decisions" aria-labelledby="h-decisions"><h2 id="h-decisions">What the guards decided</h2>'
    || '<p class="says">What was logged in the period: refusals, and as many allowances as each guard logs. A refusal that raised an error in the sender&#39;s own statement leaves no trace here.</p>';
  IF (d ->> 'total')::bigint = 0 THEN
    page := page || '<p class="none">No decisions were logged in this period.</p>';
  ELSE
    page := page || '<ul class="key"><li><i class="yes"></i>allowed</li><li><i class="no"></i>refused</li></ul>'
      || consent.report_columns(d -> 'over_time', 'allowed', 'refused', 'starts', 'yes', 'no',
                                format('Decisions logged per %s: %s allowed and %s refused in all', report ->> 'bucket', d ->> 'allowed', d ->> 'refused'));
    SELECT string_agg(format('<tr><th scope="row">%s</th><td class="n">%s</td><td class="n">%s</td></tr>', to_char((v ->> 'starts')::date, 'FMDD Mon YYYY'),
                             consent.report_number((v ->> 'allowed')::numeric), consent.report_number((v ->> 'refused')::numeric)), '' ORDER BY v ->> 'starts')
      INTO rows FROM jsonb_array_elements(d -> 'over_time') v;
    page := page || format('<details><summary>The figures</summary><table><caption>Decisions logged per %s</caption><thead><tr><th scope="col">From</th><th scope="col" class="n">Allowed</th><th scope="col" class="n">Refused</th></tr></thead><tbody>%s</tbody></table></details>',
                           consent.html(report ->> 'bucket'), rows);
    SELECT string_agg(format('<tr><th scope="row">%s<small>%s%s</small></th><td class="b">%s</td><td class="n" data-of="messages">%s</td><td class="n" data-of="people">%s</td></tr>',
                             consent.report_words(v ->> 'reason'), COALESCE(consent.html(v ->> 'explanation') || ' ', ''), COALESCE(consent.html(v ->> 'citation') || '.', ''),
                             consent.report_bar(ARRAY[(v ->> 'messages')::numeric], '{no}', (d #>> '{reasons,0,messages}')::numeric),
                             consent.report_number((v ->> 'messages')::numeric), consent.report_number((v ->> 'people')::numeric)), '' ORDER BY i)
      INTO rows FROM jsonb_array_elements(d -> 'reasons') WITH ORDINALITY AS a(v, i);
    page := page || '<h3>Why messages were refused</h3>' || COALESCE(
      '<table class="chart"><thead><tr><th scope="col">Reason</th><td></td><th scope="col" class="n">Messages</th><th scope="col" class="n">People</th></tr></thead><tbody>'
      || rows || '</tbody></table>', '<p class="none">No refusal was logged.</p>');
    SELECT string_agg(format('<tr><th scope="row">%s</th><td class="b">%s</td><td class="n" data-of="allowed">%s</td><td class="n" data-of="refused">%s</td></tr>',
                             consent.report_words(v ->> 'channel'),
                             consent.report_bar(ARRAY[(v ->> 'allowed')::numeric, (v ->> 'refused')::numeric], '{yes,no}',
                                                (SELECT max((m ->> 'allowed')::numeric + (m ->> 'refused')::numeric) FROM jsonb_array_elements(d -> 'channels') m)),
                             consent.report_number((v ->> 'allowed')::numeric), consent.report_number((v ->> 'refused')::numeric)), '' ORDER BY i)
      INTO rows FROM jsonb_array_elements(d -> 'channels') WITH ORDINALITY AS a(v, i);
    page := page || '<h3>By channel</h3><table class="chart slim"><thead><tr><th scope="col">Channel</th><td></td><th scope="col" class="n">Allowed</th><th scope="col" class="n">Refused</th></tr></thead><tbody>'
      || rows || '</tbody></table>';
    SELECT string_agg(format('<tr><th scope="row">%s</th><td class="n">%s</td></tr>', consent.report_action(v.key), consent.report_number(v.value::numeric)), '' ORDER BY v.value::numeric DESC, v.key)
      INTO rows FROM jsonb_each_text(d -> 'actions') v;
    page := page || '<h3>What became of them</h3><table><thead><tr><th scope="col">What</th><th scope="col" class="n">Decisions</th></tr></thead><tbody>' || rows || '</tbody></table>';
  END IF;
  page := page || '</section>';

  -- Coverage
  SELECT string_agg(CASE WHEN a.before IS DISTINCT FROM v ->> 'organisation'
                         THEN CASE WHEN a.before IS NOT NULL THEN '</tbody><tbody>' ELSE '' END
                              || '<tr class="group"><th scope="rowgroup" colspan="6">' || consent.html(v ->> 'organisation') || '</th></tr>' ELSE '' END
                    || format('<tr><th scope="row">%s</th><td class="b">%s</td><td class="n" data-of="permitted">%s</td><td class="n" data-of="by soft opt-in">%s</td><td class="n" data-of="refused">%s</td><td class="n" data-of="never asked">%s</td></tr>',
                           consent.report_words(v ->> 'channel'),
                           consent.report_bar(ARRAY[(v ->> 'permitted')::numeric - (v ->> 'soft_opt_in')::numeric, (v ->> 'soft_opt_in')::numeric,
                                                    (v ->> 'refused')::numeric, (v ->> 'never_asked')::numeric], '{yes,soft,no,unasked}', (v ->> 'contacts')::numeric),
                           consent.report_number((v ->> 'permitted')::numeric), consent.report_number((v ->> 'soft_opt_in')::numeric),
                           consent.report_number((v ->> 'refused')::numeric), consent.report_number((v ->> 'never_asked')::numeric)), '' ORDER BY i)
    INTO rows
    FROM (SELECT c.v, c.i, lag(c.v ->> 'organisation') OVER (ORDER BY c.i) AS before
            FROM jsonb_array_elements(report -> 'coverage') WITH ORDINALITY AS c(v, i) WHERE (c.v ->> 'contacts')::bigint > 0) a;
  page := page || '<section id="coverage" aria-labelledby="h-coverage"><h2 id="h-coverage">Who may be sent marketing</h2>'
    || '<p class="says">All contacts of the ledger, judged now for every channel, also where an address is of another kind. A soft opt-in serves only what resembles the product that was sold. Whoever was never asked may not be sent marketing, and may not be asked by a message either: that is marketing too.</p>'
    || COALESCE('<ul class="key"><li><i class="yes"></i>permitted</li><li><i class="soft"></i>permitted by soft opt-in</li><li><i class="no"></i>refused</li><li><i class="unasked"></i>never asked</li></ul>'
         || '<table class="chart slim"><thead><tr><th scope="col">Channel</th><td></td><th scope="col" class="n">Permitted</th><th scope="col" class="n">By soft opt&#8209;in</th><th scope="col" class="n">Refused</th><th scope="col" class="n">Never asked</th></tr></thead><tbody>'
         || rows || '</tbody></table>', '<p class="none">The ledger holds no contacts yet.</p>');
  IF (e ->> 'permissions')::bigint > 0 THEN
    page := page || format('<h3>Soon to end</h3><p class="says">%s permissions of %s people end within 90 days if nothing is done, %s of them within 30 days: %s.</p>',
                           consent.report_number((e ->> 'permissions')::numeric), consent.report_number((e ->> 'people')::numeric),
                           consent.report_number((e ->> 'within_30_days')::numeric),
                           (SELECT string_agg(CASE WHEN consent.report_words(k.key) ~ '^[A-Z]{2}' THEN consent.report_words(k.key) ELSE lower(consent.report_words(k.key)) END || ' (' || consent.report_number(k.value::numeric) || ')', ', ' ORDER BY k.value::numeric DESC, k.key)
                              FROM jsonb_each_text(e -> 'reasons') k));
  END IF;
  page := page || '</section>';

  -- At risk
  SELECT string_agg(format('<tr><th scope="row">%s<small>%s %s.</small>%s%s</th><td class="b">%s</td><td class="n" data-of="records">%s</td></tr>',
                           consent.report_words(v ->> 'defect'), consent.html(v ->> 'explanation'), consent.html(v ->> 'citation'),
                           COALESCE('<small>Compare ' || consent.html(v ->> 'ruling') || '.</small>', ''),
                           COALESCE((SELECT '<small>From: ' || string_agg(consent.html(source), ', ') || '.</small>' FROM jsonb_array_elements_text(NULLIF(v -> 'sources', 'null')) source), ''),
                           consent.report_bar(ARRAY[(v ->> 'records')::numeric], '{no}', (r #>> '{defects,0,records}')::numeric),
                           consent.report_number((v ->> 'records')::numeric)), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(r -> 'defects') WITH ORDINALITY AS a(v, i);
  page := page || '<section id="risk" aria-labelledby="h-risk"><h2 id="h-risk">Consents that would not stand up</h2>'
    || '<p class="says">Recorded consents and soft opt-ins with a defect of their own. No message is sent on the strength of them; the risk is a list, elsewhere, that counts them in.</p>'
    || COALESCE('<table class="chart"><thead><tr><th scope="col">Defect</th><td></td><th scope="col" class="n">Records</th></tr></thead><tbody>'
         || rows || '</tbody></table>', '<p class="none">None are on record.</p>');
  SELECT string_agg(format('<tr><th scope="row">%s<small>%s, by %s</small></th><td class="n" data-of="events">%s</td><td class="n" data-of="defective">%s</td><td class="n" data-of="back-dated">%s</td><td class="n" data-of="against refusals">%s</td></tr>',
                           consent.html(v ->> 'source'), to_char((v ->> 'recorded_on')::date, 'FMDD Mon YYYY'), consent.html(v ->> 'recorded_by'),
                           consent.report_number((v ->> 'events')::numeric), consent.report_number((v ->> 'defective')::numeric),
                           consent.report_number((v ->> 'back_dated')::numeric), consent.report_number((v ->> 'against_refusal')::numeric)), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(NULLIF(report -> 'imports', 'null')) WITH ORDINALITY AS a(v, i);
  page := page || COALESCE('<h3>Imports to look at</h3><table class="chart"><caption>Against refusals: consents that came after the person had said no, dated back before it</caption><thead><tr><th scope="col">Source</th><th scope="col" class="n">Events</th><th scope="col" class="n">Defective</th><th scope="col" class="n">Back-dated</th><th scope="col" class="n">Against refusals</th></tr></thead><tbody>'
         || rows || '</tbody></table>',
         CASE WHEN among_others THEN '<h3>Imports to look at</h3><p class="none">They are not counted by organisation: see <code>consent.import_audit</code>.</p>' ELSE '' END)
    || '</section>';

  -- Exposure
  page := page || '<section id="exposure" aria-labelledby="h-exposure"><h2 id="h-exposure">Past sends that should not have gone</h2>';
  IF (x IS NULL OR x = 'null') AND among_others THEN
    page := page || format('<p class="none">No finished audit of past sends is known to be of this organisation alone. Name one as <code>exposure_run</code> (<code>consent.exposure_progress</code> has them), or begin one with <code>consent.exposure_start()</code> and <code>organisation =&gt; %s</code>.</p>',
                           consent.html(quote_literal(quote_literal(report ->> 'organisation'))));
  ELSIF x IS NULL OR x = 'null' THEN
    page := page || '<p class="none">No audit of past sends has been finished. Begin one with <code>consent.exposure_start()</code>.</p>';
  ELSE
    page := page || format('<p class="says">%s messages in <code>%s</code> were judged as of the time they were sent. %s of them (%s) should not have gone, to %s people%s%s.</p>',
                           consent.report_number((t ->> 'judged')::numeric), consent.html(x ->> 'relation'), consent.report_number((t ->> 'messages')::numeric),
                           consent.report_share((t ->> 'messages')::numeric, (t ->> 'judged')::numeric), consent.report_number((t ->> 'people')::numeric),
                           COALESCE(format(', over %s days from %s to %s', consent.report_number((t ->> 'days')::numeric), to_char((t ->> 'first_sent')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY'),
                                           to_char((t ->> 'last_sent')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY')), ''),
                           CASE WHEN complaints THEN '; ' || consent.report_number((t ->> 'complaints')::numeric) || ' brought a complaint' ELSE '' END)
      -- Who may audit can also write down what it found.
      || format('<p class="says">This is what audit %s says. It was begun by <code>%s</code>, and %s.</p>', x ->> 'run', consent.html(x ->> 'started_by'),
                COALESCE('finished on ' || to_char((x ->> 'finished_at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY at HH24:MI'),
                         'is not finished: ' || consent.report_number((x ->> 'percent')::numeric) || '&#160;% is done'))
      || CASE WHEN of_any THEN '<p class="says">This audit was named, and is shown whole: messages of other organisations may be among them.</p>' ELSE '' END;
    IF (t ->> 'messages')::bigint > 0 THEN
      SELECT jsonb_agg(jsonb_build_object('month', v ->> 'month', 'should not have gone', (v ->> 'messages')::bigint, 'lawful', (v ->> 'judged')::bigint - (v ->> 'messages')::bigint) ORDER BY v ->> 'month')
        INTO STRICT d FROM jsonb_array_elements(x -> 'months') v;
      IF jsonb_array_length(d) > 1 THEN
        page := page || '<ul class="key"><li><i class="yes"></i>lawful</li><li><i class="no"></i>should not have gone</li></ul>'
          || consent.report_columns(d, 'lawful', 'should not have gone', 'month', 'yes', 'no', 'Messages per month, lawful and not; the figures are in the table');
        SELECT string_agg(format('<tr><th scope="row">%s</th><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td></tr>', to_char((v ->> 'month')::date, 'FMMonth YYYY'),
                                 consent.report_number((v ->> 'judged')::numeric), consent.report_number((v ->> 'messages')::numeric), consent.report_number((v ->> 'people')::numeric)), '' ORDER BY v ->> 'month')
          INTO rows FROM jsonb_array_elements(x -> 'months') v;
        page := page || '<details><summary>The figures</summary><table><caption>Messages per month</caption><thead><tr><th scope="col">Month</th><th scope="col" class="n">Sent</th><th scope="col" class="n">Should not have gone</th><th scope="col" class="n">People</th></tr></thead><tbody>'
          || rows || '</tbody></table></details>';
      END IF;
      SELECT string_agg(format('<tr><th scope="row">%s<small>%s</small></th><td class="b">%s</td><td class="n" data-of="messages">%s</td><td class="n" data-of="people">%s</td></tr>',
                               consent.report_words(v ->> 'reason'), COALESCE(consent.html(v ->> 'citation'), ''),
                               consent.report_bar(ARRAY[(v ->> 'messages')::numeric], '{no}', (x #>> '{reasons,0,messages}')::numeric),
                               consent.report_number((v ->> 'messages')::numeric), consent.report_number((v ->> 'people')::numeric)), '' ORDER BY i)
        INTO rows FROM jsonb_array_elements(x -> 'reasons') WITH ORDINALITY AS a(v, i);
      page := page || '<h3>Why</h3><table class="chart"><thead><tr><th scope="col">Reason</th><td></td><th scope="col" class="n">Messages</th><th scope="col" class="n">People</th></tr></thead><tbody>'
        || rows || '</tbody></table>';
      SELECT string_agg(format('<tr><th scope="row">%s</th><td class="b">%s</td><td class="n" data-of="sent">%s</td><td class="n" data-of="should not have gone">%s</td><td class="n" data-of="people">%s</td>%s</tr>',
                               COALESCE(consent.html(v ->> 'campaign'), '(none named)'),
                               consent.report_bar(ARRAY[(v ->> 'judged')::numeric - (v ->> 'messages')::numeric, (v ->> 'messages')::numeric], '{yes,no}', (v ->> 'judged')::numeric), consent.report_number((v ->> 'judged')::numeric),
                               consent.report_number((v ->> 'messages')::numeric), consent.report_number((v ->> 'people')::numeric),
                               CASE WHEN complaints THEN '<td class="n" data-of="complaints">' || consent.report_number((v ->> 'complaints')::numeric) || '</td>' ELSE '' END), '' ORDER BY i)
        INTO rows FROM jsonb_array_elements(x -> 'campaigns') WITH ORDINALITY AS a(v, i);
      page := page || '<h3>By campaign</h3><table class="chart slim"><caption>The bar is all messages of the campaign</caption><thead><tr><th scope="col">Campaign</th><td></td><th scope="col" class="n">Sent</th><th scope="col" class="n">Should not have gone</th><th scope="col" class="n">People</th>' || CASE WHEN complaints THEN '<th scope="col" class="n">Complaints</th>' ELSE '' END || '</tr></thead><tbody>'
        || rows || '</tbody></table>';
    END IF;
  END IF;
  page := page || '</section>';

  -- Disguised marketing
  page := page || '<section id="disguised" aria-labelledby="h-disguised"><h2 id="h-disguised">Marketing that was called something else</h2>'
    || '<p class="says">Messages that their sender declared to be no marketing, and whose text shows marketing. What a message is called does not decide what it is.</p>';
  SELECT string_agg(format('<tr><th scope="row">%s<small>declared %s, found %s</small></th><td class="wide"><div class="chips">%s</div></td><td class="n" data-of="messages">%s</td><td class="n" data-of="sent">%s</td></tr>',
                           consent.html(v ->> 'relation'), lower(consent.report_words(v ->> 'declared_class')), lower(consent.report_words(v ->> 'class')),
                           COALESCE((SELECT string_agg('<code>' || consent.html(rule) || '</code>', ' ')
                                       FROM jsonb_array_elements_text(CASE jsonb_typeof(v -> 'rules') WHEN 'array' THEN v -> 'rules' ELSE '[]' END) rule), ''),
                           consent.report_number((v ->> 'messages')::numeric), consent.report_number((v ->> 'sent')::numeric)), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(g -> 'groups') WITH ORDINALITY AS a(v, i);
  page := page || COALESCE('<table class="chart"><thead><tr><th scope="col">Table</th><th scope="col">What was found</th><th scope="col" class="n">Messages</th><th scope="col" class="n">Sent</th></tr></thead><tbody>'
    || rows || '</tbody></table>', '<p class="none">None were logged in this period.</p>');
  SELECT string_agg(format('<blockquote class="bad" dir="auto">%s<footer dir="ltr">Kept back from <code>%s</code>, column <code>%s</code>: %s.</footer></blockquote>', consent.highlight(v ->> 'text'),
                           consent.html(v ->> 'relation'), consent.html(v ->> 'column'), lower(consent.report_words(v ->> 'reason'))), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(g -> 'examples') WITH ORDINALITY AS a(v, i);
  page := page || COALESCE('<h3>Examples, with the evidence marked</h3>' || rows, '') || '</section>';

  -- Opt-outs
  page := page || '<section id="optouts" aria-labelledby="h-optouts"><h2 id="h-optouts">How fast an opt-out takes effect</h2>'
    || CASE WHEN (w ->> 'count')::bigint = 0 THEN '<p class="none">Nobody withdrew or objected in this period.</p>' ELSE
       format('<p class="says">From what the person said to its being on record, where it binds every message. In a history that was loaded afterwards that is the day of loading. What was said nobody knows when counts as said when it was recorded.</p><table><tbody><tr><th scope="row">Withdrawals and objections</th><td class="n">%s</td></tr><tr><th scope="row">Half of them within</th><td class="n">%s</td></tr><tr><th scope="row">95 of 100 within</th><td class="n">%s</td></tr><tr><th scope="row">The slowest</th><td class="n">%s</td></tr><tr><th scope="row">That took more than a day</th><td class="n">%s</td></tr></tbody></table>',
              consent.report_number((w ->> 'count')::numeric), consent.report_duration((w ->> 'median_seconds')::numeric), consent.report_duration((w ->> 'p95_seconds')::numeric),
              consent.report_duration((w ->> 'slowest_seconds')::numeric), consent.report_number((w ->> 'over_a_day')::numeric)) END || '</section>';

  -- Guards
  SELECT string_agg(format('<tr><th scope="row">%s%s%s</th><td data-of="A refused message">%s</td><td><span class="health %s">%s</span>%s</td></tr>', consent.html(v ->> 'relation'),
                           CASE WHEN v ->> 'leaf' <> v ->> 'relation' THEN '<small>partition ' || consent.html(v ->> 'leaf') || '</small>' ELSE '' END,
                           COALESCE('<small>guard ' || consent.html(v ->> 'name') || '</small>', ''),
                           CASE v ->> 'on_block' WHEN 'raise' THEN 'fails with an error' WHEN 'divert' THEN 'is stored as cancelled' WHEN 'quarantine' THEN 'goes to quarantine' WHEN 'flag' THEN 'goes out, and is logged' ELSE '&#8211;' END, CASE v ->> 'health' WHEN 'ok' THEN 'good' ELSE 'bad' END, CASE v ->> 'health' WHEN 'ok' THEN 'Working' ELSE consent.report_words(v ->> 'health') END,
                           COALESCE('<small>' || consent.html(v ->> 'detail') || '</small>', '')), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(report -> 'guards') WITH ORDINALITY AS a(v, i);
  page := page || '<section id="guards" aria-labelledby="h-guards"><h2 id="h-guards">The guards themselves</h2>'
    || CASE WHEN among_others THEN '<p class="says">Those of all organisations.</p>' ELSE '' END
    || COALESCE('<table class="stack"><thead><tr><th scope="col">Table</th><th scope="col">A refused message</th><th scope="col">Health</th></tr></thead><tbody>' || rows || '</tbody></table>',
                '<p class="none">No table is guarded: nothing stops a message to somebody who said no.</p>')
    || format('<p class="says">In quarantine from this period%s: %s held, %s released.</p></section>', CASE WHEN among_others THEN ', of all organisations' ELSE '' END, consent.report_number((report #>> '{quarantine,held}')::numeric),
              consent.report_number((report #>> '{quarantine,released}')::numeric));

  page := page || format('</main><footer class="end"><p>Made by pg_consent %s. The same figures: <code>consent.report_json()</code>. References to cases are short forms, not legal advice.</p></footer>',
                         consent.html(report ->> 'version'));
  RETURN consent.report_page((report ->> 'title') || COALESCE(': ' || (report ->> 'organisation'), ''), page);
END;
$$;
COMMENT ON FUNCTION consent.report_html(jsonb) IS
  'What consent.report_json() returned, as the page of consent.report()';

CREATE FUNCTION consent.report(
  organisation text DEFAULT NULL,
  since timestamptz DEFAULT now() - interval '2160 hours',
  until timestamptz DEFAULT now(),
  channels consent.channel[] DEFAULT '{email,sms,push,live_call,post}',
  exposure_run bigint DEFAULT NULL,
  title text DEFAULT NULL) RETURNS text
  LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT consent.report_html(consent.report_json(report.organisation, report.since, report.until, report.channels, report.exposure_run, report.title));
END;
COMMENT ON FUNCTION consent.report(text, timestamptz, timestamptz, consent.channel[], bigint, text) IS
  'One self-contained HTML page: decisions over time, reasons, coverage, consents at risk, past sends that should not have gone, disguised marketing, opt-outs, guards. Write it with psql -XAt -c "SELECT consent.report()" > report.html. Arguments and errors as consent.report_json(). Reads with the caller''s rights: for members of consent_reader';

REVOKE EXECUTE ON FUNCTION
  consent.report_json(text, timestamptz, timestamptz, consent.channel[], bigint, text),
  consent.report(text, timestamptz, timestamptz, consent.channel[], bigint, text)
FROM PUBLIC;
