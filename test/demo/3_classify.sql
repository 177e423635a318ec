-- What the messages are, whatever their sender calls them.

\echo :bold'3. Reading the messages':plain
\echo 'Each text is classified by what it says.  The label its sender gave it is not asked.'
\echo

CREATE TABLE judged AS
  SELECT m.message_id, m.template, m.kind AS declared, c.class, c.score, c.needs_review, c.rules
    FROM campaign m,
         LATERAL consent.classify(body => m.body, subject => m.subject, channel => m.channel::consent.channel) c;
ALTER TABLE judged ADD PRIMARY KEY (message_id);

SELECT class AS "found to be",
       count(*) AS messages,
       count(*) FILTER (WHERE declared IN ('service', 'regulatory')) AS "sent as service",
       count(*) FILTER (WHERE declared = 'market_research') AS "as research",
       count(*) FILTER (WHERE declared = 'direct_marketing') AS "as marketing",
       CASE WHEN consent.is_marketing(class) THEN 'needed' ELSE 'not needed' END AS permission
  FROM judged GROUP BY class ORDER BY class;

\echo 'What cannot be told apart ("unknown") needs permission too: a doubt is settled for the recipient.'
\echo '"sugging" is selling under the guise of research.'
\echo
\echo 'Called service or research by their senders, but not taken for that:'
\echo
SELECT j.template, j.class AS "found to be", count(*) AS messages,
       (SELECT string_agg(code, ', ' ORDER BY place)
          FROM (SELECT f.code, row_number() OVER (ORDER BY r.code IS NULL, count(*) DESC, f.code) AS place
                  FROM judged k, unnest(k.rules) AS f (code) LEFT JOIN consent.rule r USING (code)
                 WHERE k.template = j.template AND k.class = j.class
                   AND (consent.is_marketing(r.class) OR f.code IN ('model.promotion', 'model.ask', 'model.lead_capture'))
                 GROUP BY f.code, r.code) AS most
         WHERE place <= 2) AS "what spoke most for that"
  FROM judged j
 WHERE consent.is_marketing(j.class) AND j.declared <> 'direct_marketing'
 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2;

\echo 'A rule knows phrases and is a row of consent.rule; "model." is the learned model, which knows tone.'
\echo
-- The text with its marketing passages marked, for a terminal.
-- (consent.highlight() does this in HTML, for a review page.)
CREATE FUNCTION marked(body text, subject text, channel text, mark text, unmark text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  finding record;
  shown text := '';
  at int := 1;
BEGIN
  FOR finding IN SELECT e.start, e.length
                   FROM consent.evidence(body => marked.body, subject => marked.subject, channel => marked.channel::consent.channel) e
                  WHERE e.part = 'body' AND consent.is_marketing(e.class) ORDER BY e.start, e.length DESC LOOP
    CONTINUE WHEN finding.start < at;
    shown := shown || substr(body, at, finding.start - at) || mark || substr(body, finding.start, finding.length) || unmark;
    at := finding.start + finding.length;
  END LOOP;
  RETURN shown || substr(body, at);
END $$;

CREATE FUNCTION folded(text, indent text DEFAULT '  ', width int DEFAULT 92) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg(rtrim(regexp_replace(line, format('(.{1,%s})(\s+|$)', width), indent || E'\\1\n', 'g'), E'\n'), E'\n' ORDER BY n)
    FROM regexp_split_to_table($1, '\n') WITH ORDINALITY AS l (line, n)
$$;

\echo 'Three of them, with the passages that decided and what each rests on:'
\pset format unaligned
\pset tuples_only on
SELECT E'\n' || format('  Declared %s, found to be %s:', upper(j.declared), upper(j.class::text)) || E'\n\n'
       || coalesce('    | Subject: ' || m.subject || E'\n\n', '')
       || folded(marked(m.body, m.subject, m.channel, :'mark', :'unmark'), '    | ', 88) || E'\n\n'
       || (SELECT string_agg(folded(format('%s: "%s" (%s)', e.rule, regexp_replace(e.excerpt, '\s+', ' ', 'g'), e.citation), '      '),
                             E'\n' ORDER BY e.part DESC, e.start)
             FROM consent.evidence(body => m.body, subject => m.subject, channel => m.channel::consent.channel) e
            WHERE consent.is_marketing(e.class))
  FROM campaign m JOIN judged j USING (message_id)
 WHERE m.message_id IN (SELECT min(message_id) FROM campaign WHERE template IN ('dz-scheme', 'mx-delivery', 'cr-missing') GROUP BY template)
 ORDER BY m.template DESC;
\pset format wrapped
\pset tuples_only off
