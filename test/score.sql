-- Scores the messages in table line (one JSON object each).  Run by test/score.
\pset footer off
CREATE UNLOGGED TABLE scored AS
SELECT m.id, m.label, m.body, m.subject, c.*
  FROM (SELECT l::jsonb ->> 'id' AS id,
               CASE l::jsonb ->> 'label' WHEN 'marketing' THEN 'direct_marketing'
                                         WHEN 'research' THEN 'market_research'
                                         ELSE l::jsonb ->> 'label' END AS label,
               COALESCE(l::jsonb ->> 'body', l::jsonb ->> 'text') AS body,
               l::jsonb ->> 'subject' AS subject,
               CASE l::jsonb ->> 'channel' WHEN 'letter' THEN 'post'
                                           WHEN 'call_script' THEN 'live_call'
                                           ELSE l::jsonb ->> 'channel' END AS channel
          FROM line) m,
       LATERAL consent.classify(m.body, m.subject,
         (SELECT ch FROM unnest(enum_range(NULL::consent.channel)) ch WHERE ch::text = m.channel)) c
 WHERE m.label <> 'other'
   AND :'part' = ANY (ARRAY['all', CASE WHEN ('x0' || left(md5(m.id), 1))::bit(8)::int % 2 = 0
                                        THEN 'dev' ELSE 'held' END]);

SELECT count(*) AS messages,
       round(100.0 * count(*) FILTER (WHERE class::text = label) / count(*), 1) AS "exact %",
       round(100.0 * count(*) FILTER (WHERE class = 'unknown') / count(*), 1) AS "unknown %",
       round(100.0 * count(*) FILTER (WHERE needs_review) / count(*), 1) AS "review %"
  FROM scored;

\echo Marketing or not (the gate treats unknown as marketing; "found" leaves unknown out):
SELECT count(*) FILTER (WHERE truth) AS marketing,
       round(100.0 * count(*) FILTER (WHERE truth AND gate) / NULLIF(count(*) FILTER (WHERE truth), 0), 1) AS "gate recall %",
       round(100.0 * count(*) FILTER (WHERE truth AND found) / NULLIF(count(*) FILTER (WHERE truth), 0), 1) AS "found recall %",
       count(*) FILTER (WHERE NOT truth) AS other,
       round(100.0 * count(*) FILTER (WHERE NOT truth AND gate) / NULLIF(count(*) FILTER (WHERE NOT truth), 0), 1) AS "gate false alarm %",
       round(100.0 * count(*) FILTER (WHERE NOT truth AND found) / NULLIF(count(*) FILTER (WHERE NOT truth), 0), 1) AS "found false alarm %"
  FROM (SELECT consent.is_marketing(label::consent.message_class) AS truth,
               consent.is_marketing(class) AS gate,
               consent.is_marketing(class) AND class <> 'unknown' AS found
          FROM scored) s;

SELECT c AS class,
       count(*) FILTER (WHERE label = c::text) AS labelled,
       count(*) FILTER (WHERE class = c) AS given,
       round(100.0 * count(*) FILTER (WHERE class = c AND label = c::text) / NULLIF(count(*) FILTER (WHERE class = c), 0), 1) AS "precision %",
       round(100.0 * count(*) FILTER (WHERE class = c AND label = c::text) / NULLIF(count(*) FILTER (WHERE label = c::text), 0), 1) AS "recall %"
  FROM scored, unnest(enum_range(NULL::consent.message_class)) c
 GROUP BY c HAVING count(*) FILTER (WHERE label = c::text OR class = c) > 0 ORDER BY c;

\echo Confusion (rows: label, columns: class given):
SELECT label, class::text AS given, count(*) AS n FROM scored GROUP BY 1, 2 ORDER BY 1, 2
\crosstabview label given n

-- Worst first: marketing let through, then service stopped with most confidence.
SELECT :mistakes > 0 AS wanted \gset
\if :wanted
SELECT id, label, class, score, rules, left(regexp_replace(COALESCE(subject || ' | ', '') || body, '\s+', ' ', 'g'), 160) AS message
  FROM scored
 WHERE consent.is_marketing(label::consent.message_class) <> consent.is_marketing(class)
 ORDER BY consent.is_marketing(class), score DESC, id LIMIT :mistakes;
\endif
DROP TABLE line, scored;
