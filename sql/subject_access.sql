-- What is held about a person.
LOAD 'pg_consent';
SET timezone = 'Europe/London';
\set SHOW_CONTEXT never
\pset footer off
INSERT INTO consent.organisation (name) VALUES ('dsar acme');
SELECT consent.give('jo+news@dsar.example', '{email}', 'dsar acme', method => 'ticked_box', wording => 'Yes <b>please</b> & thanks', source => 'web') > 0 AS recorded;
SELECT consent.object('jo@dsar.example', organisation => 'dsar acme') > 0 AS recorded;
SELECT consent.give('other@dsar.example', '{email}', 'dsar acme', method => 'ticked_box', wording => 'Somebody else''s words', source => 'web') > 0 AS recorded;
-- The log and the quarantine, as a guard writes them.
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, channel, organisation, contact, action, written_by)
SELECT now(), 'pg_class', false, 'objected', '{objected}', 'direct_marketing', 'email', 'dsar acme', c::consent.contact, 'diverted', 'x'
  FROM unnest('{jo@dsar.example,jo+shop@dsar.example,other@dsar.example}'::text[]) c;
INSERT INTO consent.quarantine (relation, "row", reason) VALUES
  ('pg_class', '{"to_addr": "Jo <JO+x@dsar.example>", "body": "for jo"}', 'objected'),
  ('pg_class', '{"payload": {"to": ["other@dsar.example"]}, "body": "not jo@dsar.example"}', 'objected'),
  ('pg_class', '{"payload": {"to": ["jo@dsar.example"]}, "body": "nested"}', 'objected');
-- A message that waited when the person withdrew, and a link that was never used.
CREATE TABLE dsar_outbox (to_addr text, body text, status text DEFAULT 'queued');
SELECT consent.guard(target => 'dsar_outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'dsar acme'$$,
                     pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
SELECT consent.give('sam@dsar.example', '{email}', 'dsar acme', method => 'ticked_box', wording => 'Yes', source => 'web') > 0 AS recorded;
INSERT INTO dsar_outbox (to_addr, body) VALUES ('Sam@dsar.example', 'Get 20% off all boilers this weekend only!');
SELECT consent.withdraw('sam@dsar.example') > 0 AS recorded;
SELECT consent.unsubscribe_token('sam@dsar.example', 'dsar acme') IS NOT NULL AS token;
SELECT s -> 'relation' AS relation, s -> 'cancelled' AS cancelled FROM jsonb_array_elements(consent.subject_access('sam@dsar.example') -> 'sweeps') s;
SELECT consent.subject_access('sam@dsar.example') -> 'unsubscribe_links' AS links;
SELECT consent.subject_access('jo@dsar.example') -> 'sweeps' AS none, consent.subject_access('jo@dsar.example') -> 'unsubscribe_links' AS none;

SELECT jsonb_object_agg(key, CASE jsonb_typeof(value) WHEN 'array' THEN jsonb_array_length(value)::text ELSE jsonb_typeof(value) END ORDER BY key)
  FROM jsonb_each(consent.subject_access('jo+news@dsar.example'));
SELECT q -> 'row' ->> 'body' AS kept FROM jsonb_array_elements(consent.subject_access('jo@dsar.example') -> 'quarantine') q ORDER BY 1;
SELECT consent.subject_access('jo@dsar.example')::text ~ 'Somebody else|other@dsar' AS tells_of_others;
SELECT s ->> 'channel' AS channel, s ->> 'status' AS status, s ->> 'reason' AS reason, s ->> 'product_category' AS category
  FROM jsonb_array_elements(consent.subject_access('jo+news@dsar.example') -> 'status') s WHERE s ->> 'organisation' = 'dsar acme' AND s ->> 'purpose' = 'marketing' AND s ->> 'channel' IN ('email', 'sms');
-- Nothing is held, and that is an answer too.
SELECT jsonb_array_length(a -> 'history') AS events, jsonb_array_length(a -> 'decisions') AS decisions, a -> 'contact_number' AS number
  FROM consent.subject_access('nobody@dsar.example') a;
SELECT consent.subject_access(NULL) IS NULL AS nothing;

CREATE TEMP TABLE dsar_page AS SELECT consent.subject_access_html('jo+news@dsar.example', controller => 'Acme & <Co>') AS html;
SELECT html LIKE '%Acme &amp; &lt;Co&gt; holds%' AS controller, html LIKE '%Yes &lt;b&gt;please&lt;/b&gt; &amp; thanks%' AS wording,
       html LIKE '%Objected to every channel%' AS history, html NOT LIKE '%<b>please%' AS escaped, html LIKE '<!DOCTYPE html>%' AS page FROM dsar_page;
SELECT consent.subject_access_html('nobody@dsar.example') LIKE '%Nothing is on record.%' AS empty;

CREATE ROLE regress_dsar_reader IN ROLE consent_reader;
CREATE ROLE regress_dsar_writer IN ROLE consent_writer;
SET ROLE regress_dsar_reader;
SELECT consent.subject_access('jo@dsar.example') ->> 'contact' AS reader;
SET ROLE regress_dsar_writer;
SELECT consent.subject_access('jo@dsar.example');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP ROLE regress_dsar_reader, regress_dsar_writer;
DROP TABLE dsar_outbox;
