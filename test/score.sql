-- Scores the messages in table line (one JSON object each).  Run by test/score,
-- and with :brief by test/t/040_classify.pl.
\pset footer off
CREATE UNLOGGED TABLE scored AS
SELECT m.*, c.*,
       -- the six classes that corpora know; what is like a service is one
       CASE WHEN class IN ('regulatory', 'public_task', 'service_optional', 'solicited_response')
            THEN 'service' ELSE class::text END AS given
  FROM (SELECT l::jsonb ->> 'id' AS id,
               CASE l::jsonb ->> 'label' WHEN 'marketing' THEN 'direct_marketing'
                                         WHEN 'research' THEN 'market_research'
                                         ELSE l::jsonb ->> 'label' END AS label,
               COALESCE(l::jsonb ->> 'body', l::jsonb ->> 'text') AS body,
               l::jsonb ->> 'subject' AS subject,
               (SELECT ch FROM unnest(enum_range(NULL::consent.channel)) ch
                 WHERE ch::text = CASE l::jsonb ->> 'channel' WHEN 'letter' THEN 'post'
                                                              WHEN 'call_script' THEN 'live_call'
                                                              ELSE l::jsonb ->> 'channel' END) AS channel,
               l::jsonb -> 'promo_spans' AS promo_spans
          FROM line) m,
       LATERAL consent.classify(m.body, m.subject, m.channel) c
 WHERE m.label <> 'other'
   AND :'part' = ANY (ARRAY['all', CASE WHEN ('x0' || left(md5(m.id), 1))::bit(8)::int % 2 = 0
                                        THEN 'dev' ELSE 'held' END]);

CREATE TEMP VIEW per_class AS
SELECT c AS class, labelled, answered, hit,
       round(100.0 * hit / NULLIF(answered, 0), 1) AS precision,
       round(100.0 * hit / NULLIF(labelled, 0), 1) AS recall,
       round(2.0 * hit / NULLIF(labelled + answered, 0), 3) AS f1
  FROM (SELECT c, count(*) FILTER (WHERE label = c::text) AS labelled,
               count(*) FILTER (WHERE given = c::text) AS answered,
               count(*) FILTER (WHERE given = c::text AND label = c::text) AS hit
          FROM scored, unnest(enum_range(NULL::consent.message_class)) c GROUP BY c) s
 WHERE labelled + answered > 0;

CREATE TEMP VIEW per_side AS
SELECT count(*) FILTER (WHERE truth) AS marketing,
       round(100.0 * count(*) FILTER (WHERE truth AND gate) / NULLIF(count(*) FILTER (WHERE truth), 0), 1) AS gate_recall,
       round(100.0 * count(*) FILTER (WHERE truth AND found) / NULLIF(count(*) FILTER (WHERE truth), 0), 1) AS found_recall,
       count(*) FILTER (WHERE NOT truth) AS other,
       round(100.0 * count(*) FILTER (WHERE NOT truth AND gate) / NULLIF(count(*) FILTER (WHERE NOT truth), 0), 1) AS gate_alarm,
       round(100.0 * count(*) FILTER (WHERE NOT truth AND found) / NULLIF(count(*) FILTER (WHERE NOT truth), 0), 1) AS found_alarm,
       (SELECT round(avg(f1), 3) FROM per_class WHERE labelled > 0) AS macro_f1
  FROM (SELECT consent.is_marketing(label::consent.message_class) AS truth,
               consent.is_marketing(class) AS gate,
               consent.is_marketing(class) AND class <> 'unknown' AS found
          FROM scored) s;

\if :brief
SELECT gate_recall, gate_alarm, macro_f1 FROM per_side;
\else
SELECT count(*) AS messages,
       round(100.0 * count(*) FILTER (WHERE given = label) / count(*), 1) AS "exact %",
       (SELECT macro_f1 FROM per_side) AS "macro-F1",
       round(100.0 * count(*) FILTER (WHERE class = 'unknown') / count(*), 1) AS "unknown %",
       round(100.0 * count(*) FILTER (WHERE needs_review) / count(*), 1) AS "review %"
  FROM scored;

\echo Marketing or not (the gate treats unknown as marketing; "found" leaves unknown out):
SELECT marketing, gate_recall AS "gate recall %", found_recall AS "found recall %",
       other, gate_alarm AS "gate false alarm %", found_alarm AS "found false alarm %" FROM per_side;

SELECT class, labelled, answered AS given, precision AS "precision %", recall AS "recall %", f1 AS "F1"
  FROM per_class ORDER BY class;

\echo Confusion (rows: label, columns: class given):
SELECT label, given, count(*) AS n FROM scored GROUP BY 1, 2 ORDER BY 1, 2
\crosstabview label given n

\echo Caught messages whose evidence of marketing overlaps a labelled span of promotion:
SELECT count(*) AS caught,
       round(100.0 * count(*) FILTER (WHERE EXISTS (
         SELECT FROM consent.evidence(s.body, s.subject, s.channel) e,
                     jsonb_array_elements_text(s.promo_spans) p,
                     strpos(s.body, p) AS at
          WHERE e.part = 'body' AND e.weight > 0 AND consent.is_marketing(e.class) AND at > 0
            AND e.start < at + length(p) AND at < e.start + e.length)) / NULLIF(count(*), 0), 1) AS "overlap %"
  FROM scored s
 WHERE jsonb_array_length(promo_spans) > 0 AND consent.is_marketing(class) AND class <> 'unknown';

-- Worst first: marketing let through, then service stopped with most confidence.
SELECT :mistakes > 0 AS wanted \gset
\if :wanted
SELECT id, label, class, score, rules, left(regexp_replace(COALESCE(subject || ' | ', '') || body, '\s+', ' ', 'g'), 160) AS message
  FROM scored
 WHERE consent.is_marketing(label::consent.message_class) <> consent.is_marketing(class)
 ORDER BY consent.is_marketing(class), score DESC, id LIMIT :mistakes;

\echo Rules and model: messages they speak in, by label, and how often they are right.
SELECT rule, count(*) AS messages,
       count(*) FILTER (WHERE consent.is_marketing(label::consent.message_class)) AS marketing,
       round(100.0 * count(*) FILTER (WHERE consent.is_marketing(label::consent.message_class)) / count(*), 1) AS "marketing %"
  FROM scored, unnest(rules) AS rule
 GROUP BY rule ORDER BY count(*) DESC, rule;
\endif
DROP VIEW per_side, per_class;
DROP TABLE line, scored;
\endif
