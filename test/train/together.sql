-- together.sql: adds messages that are put together of others to what sentences.sql has read.
--
-- One sentence that promotes is enough, whatever stands around it.  Of that writers wrote
-- too little, who made messages of one piece: what promotes is also learned amid notices
-- that have nothing to do with it, and such notices without it.  A piece is the body of a
-- short message of the same fold; the first one brings its subject along.  What promotes
-- does so in the body, for the subject may be left out.
\set together 800
\set longest_piece 8

CREATE FUNCTION pg_temp.drawn(below bigint, VARIADIC which int[]) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN ('x' || left(md5(array_to_string(which, ' ')), 7))::bit(28)::bigint % below;

CREATE TEMP TABLE piece AS
SELECT number, fold, promotes, row_number() OVER (PARTITION BY fold, promotes ORDER BY number) - 1 AS nth
  FROM (SELECT number, fold, label <> 'service' AS promotes
          FROM message
         WHERE times > 0 AND jsonb_array_length(sentences) <= :longest_piece AND body <> ''
           AND (label = 'service' OR
                label IN ('marketing', 'mixed') AND
                EXISTS (SELECT FROM jsonb_array_elements(sentences) s WHERE s->>0 = 'P' AND s->>1 LIKE 'b%'))) m;

-- Of each fold so many, of three to seven places; in every other message one of them promotes.
CREATE TEMP TABLE place AS
SELECT fold, made, made % 2 = 0 AS mixed, place,
       made % 2 = 0 AND place = 1 + pg_temp.drawn(places, fold, made, 0) AS promotes
  FROM (SELECT DISTINCT fold FROM piece) f,
       generate_series(1, :together) made,
       LATERAL (SELECT 3 + pg_temp.drawn(5, fold, made) AS places) n,
       generate_series(1, places::int) place;

ANALYZE piece;
ANALYZE place;
CREATE TEMP TABLE together AS
SELECT fold, made, mixed, place, subject, body, sentences,
       sum(length(body) + 2) OVER (PARTITION BY fold, made ORDER BY place) - length(body) - 2 AS before
  FROM (SELECT p.*, pg_temp.drawn(pieces, fold, made, place) AS nth
          FROM place p JOIN (SELECT fold, promotes, count(*) AS pieces FROM piece GROUP BY 1, 2) n USING (fold, promotes)) p
       JOIN piece USING (fold, promotes, nth) JOIN message USING (number, fold);

CREATE INDEX ON together (fold, made);
ANALYZE together;
INSERT INTO message (number, put_together, fold, times, label, channel, subject, body, sentences)
SELECT (SELECT max(number) FROM message) + row_number() OVER (ORDER BY fold, made), 1, fold, 2,
       CASE WHEN mixed THEN 'mixed' ELSE 'service' END, 'email',
       min(subject) FILTER (WHERE place = 1), string_agg(body, E'\n\n' ORDER BY place),
       (SELECT jsonb_agg(jsonb_build_array(s->0, s->1, (s->>2)::int + CASE WHEN s->>1 LIKE 'b%' THEN before ELSE 0 END, s->3))
          FROM together t, jsonb_array_elements(t.sentences) s
         WHERE t.fold = o.fold AND t.made = o.made AND (s->>1 LIKE 'b%' OR t.place = 1))
  FROM together o
 GROUP BY fold, made, mixed;
