-- sentences.sql: labelled messages in, what test/train/train.c learns from out.
--
--   psql -f test/train/sentences.sql < FILE
--
-- FILE has messages in the form of test/corpus.  Sentences are where the
-- extension finds them and read as it folds them, so that the model learns from
-- what it will see.  A sentence has the letter of what was labelled in it; of
-- several, the first of P, L, A, R, S, N that is there for its larger part.
--
-- A message is a line of "=", its fold, how often it counts, 1 if it was put together (together.sql), 1 if it is a text
-- message (as consent_weigh() has it), its label and what the rules for marketing, requests, surveys, lead capture and services weigh in it; then
-- a line for each sentence: letter, "s" or "b" for subject or body, folded text.
\set QUIET yes
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only
\pset fieldsep '\t'
SET client_min_messages = warning;

CREATE TEMP TABLE line (number serial, l text);
\copy line (l) FROM PSTDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')

CREATE TEMP TABLE message AS
SELECT number, 0 AS put_together, (j->>'fold')::int AS fold, coalesce((j->>'times')::int, 1) AS times, j->>'label' AS label, j->>'subject' AS subject, j->>'body' AS body, j->'sentences' AS sentences,
       (CASE j->>'channel' WHEN 'letter' THEN 'post' WHEN 'call_script' THEN 'live_call' ELSE j->>'channel' END)::consent.channel AS channel
  FROM (SELECT number, l::jsonb AS j FROM line) m;
\ir together.sql

CREATE TEMP TABLE rules AS
SELECT number,
       coalesce(sum(weight) FILTER (WHERE e.class = 'direct_marketing'), 0) AS marketing,
       coalesce(sum(weight) FILTER (WHERE e.class = 'consent_request'), 0) AS request,
       coalesce(sum(weight) FILTER (WHERE e.class = 'market_research'), 0) AS research,
       coalesce(sum(weight) FILTER (WHERE e.class = 'sugging'), 0) AS sugging,
       coalesce(sum(weight) FILTER (WHERE e.class IN ('service', 'service_optional', 'regulatory', 'public_task')), 0) AS service
  FROM message LEFT JOIN LATERAL (SELECT DISTINCT rule, class, weight FROM consent.evidence(body, subject, channel)) e
       ON e.rule NOT LIKE 'model.%' AND e.rule <> 'text.length'
 GROUP BY number;

CREATE TEMP TABLE labelled AS
SELECT number, s->>0 AS letter, left(s->>1, 1) AS part, (s->>2)::int AS first, (s->>2)::int + (s->>3)::int AS behind
  FROM message, jsonb_array_elements(sentences) s;
CREATE INDEX ON labelled (number, part);
ANALYZE labelled;

SELECT CASE WHEN kind = 0 THEN text ELSE concat_ws(E'\t', letter, part, text) END
  FROM (SELECT number, 0 AS kind, 0 AS start, NULL AS letter, NULL AS part,
               concat_ws(E'\t', '=', fold, times, put_together, (channel IN ('sms', 'mms', 'social_dm'))::int, label, marketing, request, research, sugging, service) AS text
          FROM message JOIN rules USING (number)
        UNION ALL
        SELECT number, CASE part WHEN 's' THEN 1 ELSE 2 END, s.start,
               coalesce((SELECT letter FROM (SELECT letter, least(behind, s.start + s.length) - greatest(first, s.start) AS shared, behind - first AS of
                                               FROM labelled l WHERE l.number = m.number AND l.part = p.part AND first < s.start + s.length AND behind > s.start) l
                          ORDER BY 2 * shared < of, CASE WHEN 2 * shared < of THEN -shared END, position(letter IN 'PLARSN') LIMIT 1), 'N'),
               part, s.folded
          FROM message m, LATERAL (VALUES ('s', subject), ('b', body)) p (part, source), LATERAL consent.sentences(source) s
         WHERE source IS NOT NULL AND s.region <> 'footer' AND octet_length(s.folded) >= 4) s
 ORDER BY number, kind, start;
