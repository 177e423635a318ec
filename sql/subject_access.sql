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
  ('pg_class', '{"payload": {"to": ["jo@dsar.example"]}, "body": "nested"}', 'objected'),
  ('pg_class', '{"to": "third@dsar.example; \"Bloggs, Jo\" <jo@dsar.example>", "body": "in a list"}', 'objected'),
  ('pg_class', '{"phone": 447700900999, "body": "a number"}', 'objected'),
  ('pg_class', '{"phone": "07700 900999", "body": "a number as text"}', 'objected');
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

-- Whose else she is: links with what proves them, her other addresses, past sends with the complaint.
SELECT consent.link('jo@dsar.example', 'customer 1', source => 'crm', evidence => '{"crm": 4711}') > 0 AS linked;
SELECT consent.link('07700 900999', 'customer 1') > 0 AS linked;
SELECT consent.link('ex@dsar.example', 'customer 1') > 0 AS linked;
SELECT consent.unlink('ex@dsar.example', 'customer 1') > 0 AS unlinked;
SELECT consent.link('other@dsar.example', 'customer 2') > 0 AS linked;
INSERT INTO consent.exposure_run (id, relation, mapping) OVERRIDING SYSTEM VALUE VALUES (-1, 'pg_class', '{}') RETURNING id AS run \gset
INSERT INTO consent.exposure_finding (run, contact, person, channel, campaign, sent_at, complaint, reason) VALUES
  (:run, 'jo+x@dsar.example', 'jo@dsar.example', 'email', 'spring', '2026-03-01', true, 'objected'),
  (:run, 'jo@dsar.example', 'jo@dsar.example', 'email', 'undated', 'infinity', false, 'objected'),
  (:run, 'other@dsar.example', 'other@dsar.example', 'email', 'spring', '2026-03-01', true, 'objected');
SELECT l -> 'person' AS person, l -> 'linked' AS linked, l -> 'source' AS source, l -> 'evidence' AS evidence FROM jsonb_array_elements(consent.subject_access('jo@dsar.example') -> 'links') l;
SELECT consent.subject_access('jo@dsar.example') -> 'linked_contacts' AS jo, consent.subject_access('ex@dsar.example') -> 'linked_contacts' AS ex;
SELECT p - 'audit' AS past_send FROM jsonb_array_elements(consent.subject_access('jo@dsar.example') -> 'past_sends') p;
SELECT q -> 'row' ->> 'body' AS kept FROM jsonb_array_elements(consent.subject_access('+447700900999') -> 'quarantine') q ORDER BY 1;
SELECT consent.subject_access_of('customer 1') -> 'person' AS person, jsonb_path_query_array(consent.subject_access_of('customer 1'), '$.contacts[*].contact') AS contacts,
       consent.subject_access_of('nobody') -> 'contacts' AS nobody;
-- An address of two persons: each is told of it, and nothing of the other.
SELECT count(consent.link(c::consent.contact, p, evidence => jsonb_build_object('of', p))) AS linked
  FROM (VALUES ('ivy@dsar.example', 'tenant 1'), ('flat@dsar.example', 'tenant 1'), ('flat@dsar.example', 'tenant 2'), ('max@dsar.example', 'tenant 2')) AS v(c, p);
SELECT p AS person, a::text ~ o AS tells_of_the_other, jsonb_path_query_array(a, '$.contacts[*].contact') AS contacts, jsonb_path_query_array(a, '$.contacts[*].linked_contacts') AS linked,
       jsonb_path_query_array(a, '$.contacts[*].history[*].in_words') AS history, jsonb_path_query_array(a, '$.contacts[*].links[*].evidence') AS evidence
  FROM (VALUES ('tenant 1', 'tenant 2|max'), ('tenant 2', 'tenant 1|ivy')) AS v(p, o), consent.subject_access_of(p) a;
-- Asked by the address alone, nobody knows which of them asks.  Of who has moved out nothing is told.
SELECT c AS contact, a -> 'shared' AS shared, a::text ~ 'tenant|(ivy|max)@' AS tells_of_somebody, a -> 'linked_contacts' AS linked, a -> 'links' AS links, a -> 'history' AS history
  FROM unnest('{flat@dsar.example,flat+tag@dsar.example}'::consent.contact[]) c, consent.subject_access(c) a;
SELECT html ~ 'tenant|(ivy|max)@' AS tells_of_somebody, html LIKE '%An address of several people%' AS page FROM consent.subject_access_html('flat@dsar.example') html;
SELECT consent.unlink('flat@dsar.example', 'tenant 1') > 0 AS unlinked;
SELECT c AS contact, a -> 'shared' AS shared, a::text ~ 'tenant 1' AS tells_of_1, a::text ~ 'tenant 2' AS tells_of_2, a -> 'linked_contacts' AS linked, jsonb_path_query_array(a, '$.history[*].in_words') AS history
  FROM unnest('{flat@dsar.example,ivy@dsar.example,max@dsar.example,ex@dsar.example}'::consent.contact[]) c, consent.subject_access(c) a;
SELECT html LIKE '%An address of several people%' AS several, html LIKE '%Your other addresses%<code>max@dsar.example</code>%' AS others FROM consent.subject_access_html('flat@dsar.example') html;
-- What stands in any column of a row about a contact is shown: of a new column, too.
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, declared_class, channel, organisation, purpose, contact, event_id, ruleset, policy, evidence, action, written_by)
VALUES (now(), 'pg_class', false, 'objected', '{objected}', 'mixed', 'service', 'email', 'dsar acme', 'marketing', 'all@dsar.example', 1, 'r', 'GB 1', '{"rules": []}', 'diverted', 'x');
INSERT INTO consent.quarantine (relation, "row", reason, released_at, reasons, citation, event_id, class, guard, released_by)
VALUES ('pg_class', '{"to": "all@dsar.example", "cc": null}', 'objected', now(), '{objected}', 'PECR', 1, 'mixed', 'g', 'x');
INSERT INTO consent.exposure_finding (run, contact, person, organisation, channel, campaign, month, sent_at, complaint, class, decision, reason)
SELECT :run, 'all@dsar.example', 'all@dsar.example', 'dsar acme', 'email', 'c', '2026-03-01', '2026-03-01', true, 'mixed', consent.evaluate('all@dsar.example', 'email', 'dsar acme'), 'objected';
SELECT consent.link('all@dsar.example', 'customer 3', source => 'crm', evidence => '{}') > 0 AS linked;
SELECT t.relation, array_agg(c.attname::text ORDER BY c.attnum) FILTER (WHERE NOT a #> ARRAY[t.key, '0'] ? c.attname) AS not_shown
  FROM consent.subject_access('all@dsar.example') a,
       (VALUES ('consent.decision_log'::regclass, 'decisions'), ('consent.quarantine', 'quarantine'), ('consent.exposure_finding', 'past_sends'), ('consent.person_link', 'links')) AS t(relation, key)
  JOIN pg_attribute c ON c.attrelid = t.relation AND c.attnum > 0 AND NOT c.attisdropped
 GROUP BY t.relation ORDER BY t.relation::text;
SELECT consent.subject_access('all@dsar.example') #> '{quarantine,0,row}' AS whole_row;
-- Every table of ours that can hold something about a contact is known here: of a new one decide what is to be shown.
SELECT array_agg(DISTINCT c.relname::text ORDER BY c.relname::text)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relnamespace = 'consent'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND (a.atttypid IN ('consent.contact'::regtype, 'consent.contact[]'::regtype) OR a.attname ~ 'person|contact|address|keys|row' AND a.atttypid <> 'int8'::regtype);

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

SELECT (length(html) - length(replace(html, 'it brought a complaint', ''))) / length('it brought a complaint') AS complaints, html LIKE '%As jo@dsar.example%' AS another_form, html LIKE '%As jo+news@%' AS this_form FROM dsar_page;
SELECT consent.give('pre@dsar.example', '{email}', 'dsar acme', method => 'pre_ticked_box', wording => 'Offers') > 0 AS recorded;
SELECT substring(consent.subject_access_html('pre@dsar.example') FROM '; does not count: [a-z ]*') AS does_not_count;
-- Whichever form of the address is asked about, all forms are told of; what nobody was asked is left out.
SELECT consent.subject_access('jo+other@dsar.example') -> 'wordings' AS wordings, consent.subject_access('jo+other@dsar.example') -> 'linked_contacts' AS linked,
       consent.subject_access('sam+x@dsar.example') -> 'unsubscribe_links' AS links, jsonb_array_length(consent.subject_access('sam+x@dsar.example') -> 'sweeps') AS sweeps,
       jsonb_array_length(consent.subject_access('jo+other@dsar.example') -> 'receipts') AS receipts;
SELECT s ->> 'status' AS status, count(*) > 0 AS some FROM unnest('{jo@dsar.example,other@dsar.example}'::consent.contact[]) c, jsonb_array_elements(consent.subject_access(c) -> 'status') s
 WHERE s ->> 'organisation' = 'dsar acme' GROUP BY 1 ORDER BY 1;
SELECT c, regexp_replace(row, '<[^>]*>+', ' ', 'g') AS may_be_sent
  FROM unnest('{jo@dsar.example,other@dsar.example}'::consent.contact[]) c,
       regexp_split_to_table(substring(consent.subject_access_html(c) FROM '<section aria-labelledby="h-status">(.*?)</section>'), '</tr>') AS row
 WHERE row LIKE '%dsar acme%for marketing%';

-- What became of each message is said as it was: what was only flagged went out.
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, channel, organisation, contact, action, written_by)
SELECT now() + n * interval '1 s', 'pg_class', a IN ('sent', 'claimed', 'released'), CASE WHEN a IN ('sent', 'claimed', 'released') THEN 'consent' ELSE 'objected' END, '{}', 'direct_marketing', 'email', 'dsar ' || a, 'acts@dsar.example', a, 'x'
  FROM unnest('{sent,claimed,flagged,diverted,parked,quarantined,held,released,new_word}'::text[]) WITH ORDINALITY AS t(a, n);
INSERT INTO consent.quarantine (relation, "row", reason, class, decided_at, released_at) VALUES
  ('pg_class', '{"to": "acts@dsar.example"}', 'objected', 'mixed', '2026-03-01 12:00+00', NULL), ('pg_class', '{"to": "acts@dsar.example"}', 'odd_reason', NULL, '2026-03-01 12:00+00', '2026-03-02 12:00+00');
SELECT substring(row FROM 'dsar (\w+)') AS action, regexp_replace(row, '.*</small></td><td>|</td>', '', 'g') AS outcome
  FROM regexp_split_to_table(consent.subject_access_html('acts@dsar.example'), '</tr>') AS row WHERE row LIKE '%dsar %' AND row LIKE '%<th scope="row">%';
SELECT unnest(regexp_matches(consent.subject_access_html('acts@dsar.example'), '<h3>Messages that were kept back</h3>.*?</table>')) AS kept_back;
SELECT consent.subject_access_html('nobody@dsar.example') LIKE '%kept back%' AS none_kept_back;

SELECT html LIKE '%Your other addresses%<code>+447700900999</code>%' AS others, html LIKE '%Kept with it: {&quot;crm&quot;: 4711}%' AS evidence, html LIKE '%it brought a complaint%' AS complaint,
       html LIKE '%<th scope="row">time not known</th>%' AS undated, html NOT LIKE '%What was erased%' AS none_erased FROM dsar_page;
SELECT consent.subject_access_html('sam@dsar.example') LIKE '%waiting messages in public.dsar_outbox%1 cancelled, 0 left for later%' AS sweep,
       consent.subject_access_html('sam@dsar.example') LIKE '%Links to unsubscribe%in the name of dsar acme.%' AS links;
-- After an erasure: that there was one.
SELECT consent.forget('sam@dsar.example', reason => 'request <7>') > 0 AS erased;
SELECT jsonb_array_length(a -> 'history') AS events, a #> '{erasures,0,ground}' AS ground, a #> '{erasures,0,suppressed}' AS suppressed, a -> 'unsubscribe_links' AS links, a -> 'sweeps' AS sweeps
  FROM consent.subject_access('Sam+x@dsar.example') a;
SELECT consent.subject_access_html('sam@dsar.example') LIKE '%what we held was erased (request &lt;7&gt;). A digest of the address is kept, so that you are sent no marketing.%' AS page;

CREATE ROLE regress_dsar_reader IN ROLE consent_reader;
CREATE ROLE regress_dsar_writer IN ROLE consent_writer;
SET ROLE regress_dsar_reader;
SELECT consent.subject_access('jo@dsar.example') ->> 'contact' AS reader, consent.subject_access_of('customer 1') ->> 'person' AS person;
SELECT consent.erased_digest('sam@dsar.example');
SET ROLE regress_dsar_writer;
SELECT consent.subject_access('jo@dsar.example');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP ROLE regress_dsar_reader, regress_dsar_writer;
DROP TABLE dsar_outbox;
DELETE FROM consent.exposure_run WHERE id = :run;
