-- Views for analysts: each finds the wrong row and leaves the right one alone.
LOAD 'pg_consent';
SET timezone = 'Europe/London';
\set SHOW_CONTEXT never
\pset footer off
\pset null '-'

INSERT INTO consent.organisation (name) VALUES ('report acme'), ('report bolt');
INSERT INTO consent.purpose (name, kind) VALUES ('report bulletin', 'service_optional');
CREATE FUNCTION pg_temp.good(contact text, channels text DEFAULT '{email}', at timestamptz DEFAULT now()) RETURNS void
BEGIN ATOMIC
  SELECT consent.give(contact::consent.contact, channels::consent.channel[], 'report acme', method => 'ticked_box', wording => 'Yes, offers please', at => good.at);
END;
SELECT pg_temp.good('ann@report.example');
SELECT pg_temp.good('bob@report.example');
SELECT pg_temp.good('cat@report.example', '{sms}');
SELECT pg_temp.good('dan+news@report.example');
SELECT consent.withdraw('bob@report.example', organisation => 'report acme') > 0 AS recorded;
SELECT consent.soft_opt_in('eve@report.example', 'report acme', 'boilers', refusal_offered => true, refused => false) > 0 AS recorded;
SELECT consent.soft_opt_in('fay@report.example', 'report acme', 'boilers', refused => false) > 0 AS recorded;
SELECT consent.give('gus@report.example', '{email}', 'report acme', method => 'pre_ticked_box', wording => 'Offers') > 0 AS recorded;
SELECT consent.give('hal@report.example', '{email}', 'report acme', method => 'ticked_box') > 0 AS recorded;
SELECT consent.give('ida@report.example', '{email}', 'report acme', method => 'ticked_box', wording => 'Offers from our partners',
                    collected_by => 'listbroker') > 0 AS recorded;
SELECT consent.give('joe@report.example', '{email}', 'report acme', method => 'ticked_box', wording => 'Offers from Acme',
                    collected_by => 'listbroker', named_organisations => '{report acme}', at => now() - interval '7 months') > 0 AS recorded;
SELECT consent.give('kim@report.example', '{email}', 'report acme', method => 'ticked_box', wording => 'Offers from Acme',
                    collected_by => 'listbroker', named_organisations => '{report acme}', at => now() - interval '5 months') > 0 AS recorded;

-- consent.current says what consent.evaluate() says, in every combination.
SELECT c.contact, c.status, c.reason, c.product_category
  FROM consent.current c
 WHERE c.organisation = 'report acme' AND c.channel = 'email' AND c.purpose = 'marketing' AND c.contact::text LIKE '%@report.example'
 ORDER BY c.contact::text;
SELECT c.contact, c.channel, c.reason
  FROM consent.current c
 WHERE c.contact = 'ann@report.example' AND c.purpose = 'marketing' AND c.organisation LIKE 'report %' AND c.status <> 'never_asked'
 ORDER BY 1, 2, c.organisation;
SELECT count(*) > 100 AS enough,
       count(*) FILTER (WHERE (c.reason, c.event_id, c.reasons, c.citation) IS DISTINCT FROM (e.reason, e.event_id, e.reasons, e.citation)) AS different
  FROM consent.current c
 CROSS JOIN LATERAL consent.evaluate(c.contact, c.channel, c.organisation, purpose => c.purpose, product_category => c.product_category,
                       class => CASE WHEN c.purpose IN ('marketing') THEN 'direct_marketing' ELSE 'service_optional' END::consent.message_class) e
 WHERE c.contact::text LIKE '%@report.example' AND c.organisation LIKE 'report %' AND c.purpose IN ('marketing', 'report bulletin') AND c.contact::text NOT LIKE 'fay@%'
   AND (c.contact <> 'eve@report.example' OR c.product_category IS NOT NULL);

-- What counts as never asked.
SELECT array_agg(code ORDER BY code COLLATE "C") AS never_asked FROM consent.reason WHERE consent.status(false, code) = 'never_asked';
SELECT DISTINCT consent.status(true, code) AS allowed FROM consent.reason;
SELECT DISTINCT consent.status(false, code) FROM consent.reason WHERE code IN ('objected', 'consent_withdrawn', 'consent_expired', 'soi_not_similar', 'suppressed');
-- A contact that is only known with a +tag is no contact without it, and is one however much it said.
SELECT consent.withdraw('dan+news@report.example', '{post}', 'report acme') > 0 AS recorded;
SELECT contact, address FROM consent.contact_standing WHERE address = 'dan@report.example';
SELECT contact FROM consent.current WHERE contact IN ('dan@report.example', 'dan+news@report.example') AND organisation = 'report acme' AND channel = 'email' AND purpose = 'marketing';

-- consent.verdicts() and consent.coverage count the same.
SELECT v.status, v.reason, v.contacts >= n.n AS all_of_ours
  FROM consent.verdicts('email', 'report acme') v
  JOIN (SELECT reason, count(*) AS n FROM consent.current
         WHERE organisation = 'report acme' AND channel = 'email' AND purpose = 'marketing' AND contact::text LIKE '%@report.example'
         GROUP BY 1) n USING (reason)
 ORDER BY v.reason;
SELECT permitted >= 4 AS permitted, soft_opt_in, refused >= 6 AS others_too, permitted + refused + never_asked = contacts AS adds_up
  FROM consent.coverage
 WHERE organisation = 'report acme' AND channel = 'email' AND purpose = 'marketing';
SELECT permitted >= 2 AS permitted, refused >= 2 AS others_too, permitted + refused + never_asked = contacts AS adds_up
  FROM consent.coverage
 WHERE organisation = 'report acme' AND channel = 'sms' AND purpose = 'marketing';

-- The most frequent verdict first, with the regulation as the verdict has it.
INSERT INTO consent.organisation (name, jurisdiction, is_charity) VALUES ('report de', 'DE', false), ('report charity', 'GB', true);
SELECT o AS organisation, array_agg(v.reason ORDER BY v.n) = array_agg(v.reason ORDER BY v.contacts DESC, v.reason) AS sorted,
       count(*) FILTER (WHERE v.citation IS DISTINCT FROM c.citation) AS other_citation
  FROM unnest('{report acme,report de}'::text[]) o,
       LATERAL (SELECT * FROM consent.verdicts('email', o) WITH ORDINALITY AS v(status, reason, citation, contacts, n)) v,
       LATERAL (SELECT DISTINCT c.citation FROM consent.current c WHERE c.organisation = o AND c.channel = 'email' AND c.purpose = 'marketing' AND c.reason = v.reason) c
 GROUP BY o ORDER BY o;
SELECT DISTINCT citation FROM consent.verdicts('email', 'report de');
-- The charities' soft opt-in is one.
INSERT INTO consent.purpose (name, kind) VALUES ('report appeals', 'charitable');
SELECT consent.soft_opt_in('sue@report.example', 'report charity', refusal_offered => true, refused => false, kind => 'support') > 0 AS recorded;
SELECT reason FROM consent.current WHERE contact = 'sue@report.example' AND organisation = 'report charity' AND channel = 'email' AND purpose = 'report appeals';
SELECT soft_opt_in FROM consent.coverage WHERE organisation = 'report charity' AND channel = 'email' AND purpose = 'report appeals';
SELECT soft_opt_in FROM consent.coverage_of('{report charity}', '{email}', '{report appeals}');

-- consent.coverage_of() counts the same, in one reading.
SELECT purpose, array_agg(channel ORDER BY n) AS channels FROM consent.coverage_of('{report acme}') WITH ORDINALITY AS c(organisation, channel, purpose, permitted, soft_opt_in, refused, never_asked, contacts, n) GROUP BY purpose;
SELECT organisation, channel, purpose FROM consent.coverage_of('{report bolt,report acme}', '{sms,email}', '{report bulletin}');
SELECT count(*) AS rows, count(*) FILTER (WHERE permitted > 0) > 0 AS some_permitted, count(*) FILTER (WHERE never_asked > 0) > 0 AS some_never_asked
  FROM consent.coverage_of('{report acme,report bolt}', '{email,sms,live_call}', NULL)
 WHERE purpose IN ('marketing', 'report bulletin');
SELECT organisation, channel, purpose FROM (
  SELECT * FROM consent.coverage WHERE organisation IN ('report acme', 'report bolt') AND channel IN ('email', 'sms', 'live_call') AND purpose IN ('marketing', 'report bulletin')
  EXCEPT SELECT * FROM consent.coverage_of('{report acme,report bolt}', '{email,sms,live_call}', NULL)) AS differs;
SELECT count(*) FROM consent.coverage_of('{report nobody}');
SELECT send, reason, contacts, examples FROM unnest((
  SELECT consent.tally(s.standing, s.contact, '{email,NULL,sms}', '{report acme,report acme,report nobody}', '{marketing,marketing,marketing}', NULL, NULL, true, 1)
    FROM (SELECT * FROM consent.contact_standing c WHERE c.contact IN ('ann@report.example', 'bob@report.example', 'cat@report.example') ORDER BY c.contact) s));
SELECT consent.tally(s.standing, s.contact, '{email}', '{report acme,report bolt}', '{marketing}', NULL, NULL, true, 1) FROM consent.contact_standing s;
SELECT consent.about_distinct(c), consent.about_distinct(c) FILTER (WHERE false) AS none
  FROM unnest('{ann@report.example,bob@report.example,ann@report.example,NULL}'::consent.contact[]) c;
-- Several processes that have each a part count what one does.
CREATE TABLE report_many AS SELECT n, ('c' || n || '@report.example')::consent.contact AS c FROM generate_series(1, 50000) n;
SET max_parallel_workers_per_gather = 0;
SELECT consent.about_distinct(c) AS distinct, consent.audience_of(n) AS audience FROM report_many \gset
BEGIN;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT consent.about_distinct(c), consent.audience_of(n) FROM report_many;
SELECT consent.about_distinct(c) = :distinct AS same, consent.audience_of(n) = :'audience' AS same_audience FROM report_many;
SELECT v.reason, v.contacts, cardinality(v.examples) AS examples
  FROM unnest((SELECT consent.tally((SELECT s.standing FROM consent.contact_standing s WHERE s.contact = 'ann@report.example'), m.c, '{email}', '{report acme}', '{marketing}', NULL, NULL, true, 5)
                 FROM report_many m)) v;
COMMIT;
SELECT consent.about_distinct_of(state) = :distinct AS same FROM (SELECT consent.distinct_state(c) AS state FROM report_many GROUP BY n % 2) x;
RESET max_parallel_workers_per_gather;
DROP TABLE report_many;

-- consent.at_risk: gus, hal, ida, joe and fay; not ann, eve or kim.
SELECT contact, kind, defect, citation, ruling FROM consent.at_risk WHERE contact::text LIKE '%@report.example' ORDER BY event_id, defect;
SELECT consent.contacted('joe@report.example', 'report acme', at => now() - interval '3 months') > 0 AS recorded;
SELECT contact, defect FROM consent.at_risk WHERE contact = 'joe@report.example';
-- That a live call needs no consent makes a bought one no better; what a charity collected is of no use to others, nor from before 5 February 2026.
SELECT consent.give('liv@report.example', '{live_call}', 'report acme', method => 'ticked_box', wording => 'Calls from our partners', collected_by => 'listbroker') > 0 AS recorded;
SELECT consent.soft_opt_in('mia@report.example', 'report acme', 'boilers', refusal_offered => true, refused => false, kind => 'support', at => '2026-02-04 23:59') > 0 AS recorded;
SELECT contact, defect FROM consent.at_risk WHERE contact IN ('liv@report.example', 'mia@report.example') ORDER BY 1, 2;
-- What was said before does not make a record worse.
SELECT consent.object('ann@report.example') > 0 AS recorded;
SELECT count(*) FROM consent.at_risk WHERE contact = 'ann@report.example';

-- consent.expiring
SELECT consent.give('lee@report.example', '{email,sms}', 'report acme', method => 'ticked_box', wording => 'Offers until then', expires_at => now() + interval '10 days') > 0 AS recorded;
SELECT consent.give('meg@report.example', '{email}', 'report acme', method => 'ticked_box', wording => 'Offers until then', expires_at => now() + interval '200 days') > 0 AS recorded;
SELECT consent.give('ned@report.example', '{email}', 'report acme', method => 'ticked_box', wording => 'Offers until then', expires_at => now() + interval '10 days') > 0 AS recorded;
SELECT consent.give('ned@report.example', '{email}', 'report acme', method => 'ticked_box', wording => 'Offers') > 0 AS recorded;
SELECT contact, channel, days_left BETWEEN 9 AND 40 AS soon, then_reason
  FROM consent.expiring WHERE contact::text LIKE '%@report.example' ORDER BY contact::text, channel;

-- consent.withdrawal_latency
SELECT consent.withdraw('cat@report.example', organisation => 'report acme', at => now() - interval '3 days', source => 'call centre') > 0 AS recorded;
SELECT contact, kind, latency > interval '2 days' AS late FROM consent.withdrawal_latency WHERE contact::text LIKE '%@report.example' ORDER BY event_id;

-- consent.import_audit: bob had withdrawn, and an import brings him back.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at, source)
VALUES ('bob@report.example', 'consent', '{email}', 'report acme', 'ticked_box', 'Offers', now() - interval '2 years', 'report crm 2019'),
       ('pat@report.example', 'consent', '{email}', 'report acme', 'ticked_box', 'Offers', now() - interval '2 years', 'report crm 2019'),
       ('ray@report.example', 'consent', '{email}', 'report acme', NULL, NULL, NULL, 'report crm 2019');
SELECT source, events, people, consents, defective, unevidenced, time_unknown, third_party, back_dated, against_refusal
  FROM consent.import_audit WHERE source = 'report crm 2019';
SELECT reason FROM consent.evaluate('bob@report.example', 'email', 'report acme');

-- consent.london_date(): as SQL has it, at any hour, before and after summer time, and for ever.
SELECT count(*) AS moments, count(*) FILTER (WHERE consent.london_date(at) = (at AT TIME ZONE 'Europe/London')::date) AS same
  FROM (SELECT generate_series('1946-01-01', '2037-12-31', interval '311 minutes') - random() * interval '1 hour' UNION ALL VALUES (timestamptz 'infinity'), ('-infinity'), ('2000-01-01 00:00+00'), ('1999-12-31 23:30+00')) AS t(at);

-- A judgement "as known then" is the fold of fewer events.
SELECT (consent.judge(s.standing, s.contact, 'email', 'report acme')).reason AS now,
       (consent.judge(s.standing, s.contact, 'email', 'report acme', known_at => now() - interval '1 day')).reason AS known_yesterday,
       (consent.evaluate(s.contact, 'email', 'report acme', known_at => now() - interval '1 day')).reason AS the_same
  FROM consent.contact_standing s WHERE s.contact = 'pat@report.example';
SELECT reason FROM consent.judge(NULL, 'nobody@report.example', 'email', 'report acme');
-- Who was erased has no standing, and is still refused.
SELECT consent.give('+447700900777', '{sms}', 'report acme', method => 'ticked_box', wording => 'Offers') > 0 AS recorded;
SELECT consent.forget('+447700900777') IS NOT NULL AS erased;
SELECT count(*) FROM consent.contact_standing WHERE contact = '+447700900777';
SELECT j.reason, j.reason = e.reason AS the_same
  FROM consent.judge(NULL, '+447700900777', 'sms', 'report acme') j, consent.evaluate('+447700900777', 'sms', 'report acme') e;
SELECT reason FROM consent.judge(NULL, NULL, 'email', 'report acme');
SELECT reason FROM consent.judge(NULL, NULL, 'email', 'report acme', class => 'service');
SELECT reason FROM consent.judge(NULL, NULL, NULL, 'report acme');
SELECT reason FROM consent.judge(NULL, 'nobody@report.example', 'email', 'report nobody');
-- What needs no standing needs no names either, where many are judged, as for a guard; who asks about one is told.
SELECT class, j.reason, j.reasons, e.reason AS evaluate
  FROM unnest('{service,regulatory,public_task,service_optional,market_research,unknown}'::consent.message_class[]) class,
       LATERAL consent.judge(NULL, 'nobody@report.example', 'email', 'report nobody', 'no purpose', class => class) j,
       LATERAL consent.evaluate('nobody@report.example', 'email', 'report nobody', class, 'no purpose') e;
SELECT reasons FROM consent.judge(NULL, NULL, 'email', 'report acme', 'no purpose', class => 'service', instigators => '{report nobody}');
SELECT consent.try_channel('sms'), consent.try_channel('pigeon') AS unknown,
       consent.class_to_judge('service', 'direct_marketing'), consent.class_to_judge('mixed', 'service'), consent.class_to_judge('service', 'nonsense');

-- consent.disguised_marketing: declared no marketing, and found to be some; what cannot be told is not said to be, nor is one message twice.
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, declared_class, channel, organisation, action, written_by)
SELECT now(), 'pg_class', l.action NOT IN ('diverted', 'flagged'), 'consent', '{consent}', l.class::consent.message_class, l.declared::consent.message_class, 'email', 'report disguise', l.action, l.says
  FROM (VALUES ('mixed', 'service', 'sent', 'wrong: sent'), ('direct_marketing', 'regulatory', 'diverted', 'wrong: stopped'), ('consent_request', 'market_research', 'flagged', 'wrong: flagged'),
               ('mixed', 'service', 'claimed', 'right: the same, as a worker took it'), ('service', 'service', 'sent', 'right: is a service message'),
               ('unknown', 'service', 'sent', 'right: cannot be told'), ('direct_marketing', 'direct_marketing', 'sent', 'right: was said to be'),
               ('direct_marketing', NULL, 'sent', 'right: nothing was declared')) AS l(class, declared, action, says);
SELECT written_by, declared_class, class FROM consent.disguised_marketing WHERE organisation = 'report disguise' ORDER BY 1;
-- What was only flagged was sent all the same.
INSERT INTO consent.organisation (name) VALUES ('report disguise');
SELECT r #> '{disguised,messages}' AS messages, r #> '{disguised,sent}' AS sent, jsonb_path_query_array(r, '$.disguised.groups[*].sent') AS by_group, r #> '{decisions,actions}' AS actions
  FROM consent.report_json('report disguise') r;
DELETE FROM consent.decision_log WHERE organisation = 'report disguise';
-- The half of opt-outs within so long: a latency that there was, not one between two.
SELECT clock_timestamp() AS began \gset
SELECT consent.withdraw(('half' || i || '@report.example')::consent.contact, organisation => 'report disguise', at => now() - i * i * interval '1 hour') > 0 AS recorded FROM generate_series(1, 4) i;
-- Who withdrew from all withdrew from this one too; what has no time took effect when it was recorded.
SELECT consent.withdraw(('half' || h || '@report.example')::consent.contact, at => now() - h * interval '1 hour') > 0 AS recorded FROM unnest('{30,40}'::int[]) h;
SELECT consent.withdraw('half@report.example', organisation => 'report acme', at => now() - interval '50 hours') > 0 AS of_another;
INSERT INTO consent.ledger (contact, kind, organisation, effective_at) VALUES ('half@report.example', 'withdrawal', 'report disguise', NULL);
SELECT r #> '{withdrawals,count}' AS n, r #> '{withdrawals,over_a_day}' AS over_a_day, round((r #>> '{withdrawals,median_seconds}')::numeric / 3600, 2) AS median_hours, round((r #>> '{withdrawals,p95_seconds}')::numeric / 3600, 2) AS p95_hours FROM consent.report_json('report disguise', since => :'began', until => now() + interval '1 minute') r;

-- What was said of texts counts under an e-mail address too: consent.coverage counts whom consent.permitted() names.
SELECT consent.give('texts@report.example', '{sms}', 'report disguise', method => 'ticked_box', wording => 'Text me') > 0 AS recorded;
SELECT v.permitted = count(*) AS as_many, bool_or(p = 'texts@report.example') AS with_an_address
  FROM consent.coverage_of('{report disguise}', '{sms}') v, consent.permitted('sms', 'report disguise') p GROUP BY v.permitted;
-- A first contact is of the organisation that made it, whoever else is counted with it.
INSERT INTO consent.organisation (name) VALUES ('report first'), ('report second');
SELECT consent.give('named@report.example', '{email}', 'report first', method => 'ticked_box', wording => 'Offers', collected_by => 'listbroker',
                    named_organisations => '{report first,report second}', at => now() - interval '7 months') > 0 AS recorded;
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, channel, organisation, contact, action, written_by)
  VALUES (now() - interval '6 months', 'pg_class', true, 'consent', '{}', 'direct_marketing', 'email', 'report first', 'named@report.example', 'sent', 'x');
SELECT send, reason FROM unnest((
  SELECT consent.tally(s.standing, s.contact, '{email,email}', '{report first,report second}', '{marketing,marketing}', NULL, NULL, true, 0)
    FROM consent.contact_standing s WHERE s.contact = 'named@report.example'));

-- consent.report_json(): a month of long ago, of one organisation and of all.
INSERT INTO consent.organisation (name) VALUES ('report json');
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, declared_class, channel, organisation, contact, action, written_by, evidence) VALUES
  ('2001-01-01 00:00', 'pg_class', false, 'no_permission', '{no_permission}', 'direct_marketing', NULL, 'email', 'report json', 'rj1@report.example', 'quarantined', 'x', NULL),
  ('2001-01-05 12:00', 'pg_class', true, 'consent', '{consent}', 'mixed', 'service', 'email', 'report json', 'rj9@report.example', 'sent', 'x', '{"rules": ["a"]}'),
  ('2001-01-05 13:00', 'pg_class', false, 'objected', '{objected}', 'direct_marketing', NULL, 'sms', 'report json', 'rj1@report.example', 'diverted', 'x', NULL),
  ('2001-01-06 13:00', 'pg_class', false, 'objected', '{objected}', 'direct_marketing', NULL, 'sms', 'report json', 'rj1@report.example', 'diverted', 'x', NULL),
  ('2001-01-31 23:59', 'pg_class', false, 'objected', '{objected}', 'mixed', 'service', NULL, 'report json', 'rj2@report.example', 'flagged', 'x', '{"rules": ["a"]}'),
  ('2001-01-20 12:00', 'pg_class', false, 'objected', '{objected}', 'mixed', 'service', 'email', 'report acme', 'rj3@report.example', 'diverted', 'x', '{"rules": ["b"]}'),
  ('2000-12-31 23:59', 'pg_class', false, 'objected', '{objected}', 'mixed', 'service', 'email', 'report json', 'rj4@report.example', 'diverted', 'wrong: too early', NULL),
  ('2001-02-01 00:00', 'pg_class', false, 'objected', '{objected}', 'mixed', 'service', 'email', 'report json', 'rj5@report.example', 'diverted', 'wrong: too late', NULL);
INSERT INTO consent.quarantine (relation, "row", reason, reasons, class, decided_at, released_at) VALUES
  ('pg_class', '{"n": 1, "short": "50% off today!", "body": "Get 20% off all boilers this weekend only!"}', 'objected', '{objected,declared_class_contradicted}', 'mixed', '2001-01-03', NULL),
  ('pg_class', '{"body": "Get 25% off all kitchens this weekend only!"}', 'declared_class_contradicted', NULL, 'mixed', '2001-01-04', '2001-01-05'),
  ('pg_class', '{"body": "Wrong, not contradicted: get 30% off all boilers this weekend only!"}', 'objected', '{objected}', 'mixed', '2001-01-05', NULL),
  ('pg_class', '{"body": "Wrong, a service message: your order 4411 is out for delivery today."}', 'objected', '{declared_class_contradicted}', 'mixed', '2001-01-05', NULL),
  ('pg_class', '{"body": "Wrong, too early: get 40% off all boilers this weekend only!"}', 'objected', '{declared_class_contradicted}', 'mixed', '2000-12-31', NULL),
  ('pg_class', '{"body": "Wrong, too late: get 50% off all boilers this weekend only!"}', 'objected', '{declared_class_contradicted}', 'mixed', '2001-02-01', NULL);
CREATE TEMP TABLE report_month AS
SELECT o, consent.report_json(o, '2001-01-01', '2001-02-01', channels => '{email,sms}') AS r FROM unnest('{report json,NULL}'::text[]) o;
SELECT o, r #> '{decisions,total}' AS total, r #> '{decisions,allowed}' AS allowed, r #> '{decisions,refused}' AS refused, r #> '{decisions,people_refused}' AS people_refused, r #> '{decisions,actions}' AS actions,
       r -> 'bucket' AS bucket, jsonb_array_length(r #> '{decisions,over_time}') AS buckets, r #> '{withdrawals,count}' AS withdrawals FROM report_month ORDER BY o;
SELECT o, v ->> 'starts' AS starts, v -> 'allowed' AS allowed, v -> 'refused' AS refused FROM report_month, jsonb_array_elements(r #> '{decisions,over_time}') v
 WHERE v ->> 'allowed' <> '0' OR v ->> 'refused' <> '0' ORDER BY 1, 2;
SELECT o, v -> 'reason' AS reason, v -> 'messages' AS messages, v -> 'people' AS people, v -> 'citation' AS citation FROM report_month, jsonb_array_elements(r #> '{decisions,reasons}') WITH ORDINALITY AS e(v, i) ORDER BY o, i;
SELECT o, v -> 'channel' AS channel, v -> 'allowed' AS allowed, v -> 'refused' AS refused FROM report_month, jsonb_array_elements(r #> '{decisions,channels}') WITH ORDINALITY AS e(v, i) ORDER BY o, i;
SELECT o, r #> '{disguised,messages}' AS messages, r #> '{disguised,sent}' AS sent, r #> '{disguised,people}' AS people,
       jsonb_path_query_array(r, '$.disguised.groups[*].rules') AS rules, jsonb_path_query_array(r, '$.disguised.examples[*].column') AS columns, jsonb_path_query_array(r, '$.disguised.examples[*].text') AS texts, r -> 'quarantine' AS quarantine
  FROM report_month ORDER BY o;
SELECT o, count(DISTINCT v ->> 'organisation') > 1 AS of_several, array_agg(DISTINCT v ->> 'channel') AS channels,
       bool_and((v ->> 'contacts')::bigint = (r #>> '{ledger,contacts}')::bigint AND (v ->> 'contacts')::bigint = (SELECT count(*) FROM consent.contact_standing)) AS all_of_the_ledger
  FROM report_month, jsonb_array_elements(r -> 'coverage') v GROUP BY 1 ORDER BY 1;
SELECT r #> '{ledger,contacts}' = to_jsonb((SELECT count(*) FROM consent.contact_standing)) AS counted, r -> 'coverage' AS coverage FROM consent.report_json('report json', channels => '{}') r;
SELECT days, consent.report_json('report json', '2001-01-01', '2001-01-01'::timestamptz + days * interval '1 day') -> 'bucket' AS bucket FROM unnest('{45,46,400,401}'::int[]) days;
-- Records in doubt, and permissions that end, of that organisation alone.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at, expires_at, source, defects) VALUES
  ('rj1@report.example', 'consent', '{email}', 'report json', 'pre_ticked_box', 'Offers', '2026-01-10', NULL, 'b', NULL),
  ('rj1@report.example', 'consent', '{email}', 'report json', 'pre_ticked_box', 'Offers', '2026-01-11', NULL, 'a', '{consent_bundled}'),
  ('rj2@report.example', 'consent', '{email}', 'report json', 'pre_ticked_box', 'Offers', '2026-01-12', NULL, NULL, NULL),
  ('rj2@report.example', 'consent', '{email}', 'report json', 'pre_ticked_box', 'Offers', '2026-01-13', NULL, 'a', '{consent_bundled}'),
  ('rj6@report.example', 'consent', '{email}', 'report json', 'ticked_box', 'Offers', '2026-01-12', now() + interval '30 days' - interval '1 hour', 'c', NULL),
  ('rj7@report.example', 'consent', '{email}', 'report json', 'ticked_box', 'Offers', '2026-01-12', now() + interval '60 days', 'c', NULL);
SELECT r #> '{at_risk,records}' AS records, r #> '{at_risk,people}' AS people, v -> 'defect' AS defect, v -> 'records' AS of_it, v -> 'people' AS by_people, v -> 'sources' AS sources,
       (SELECT array_agg(l.contact ORDER BY l.event_id) FROM consent.ledger l WHERE to_jsonb(l.event_id) <@ (v -> 'examples')) AS examples, r -> 'expiring' AS expiring
  FROM consent.report_json('report json') r, jsonb_array_elements(r #> '{at_risk,defects}') WITH ORDINALITY AS e(v, i) ORDER BY i;
DROP TABLE report_month;
SELECT consent.report_json(since => '2001-01-01', until => '2001-01-01');
\echo :LAST_ERROR_SQLSTATE
SELECT array_agg(consent.report_duration(s)) FROM unnest('{0.9,1,119,120,7199,7200,172799,172800,NULL}'::numeric[]) s;
SELECT array_agg(consent.report_share(part, 2000)) FROM unnest('{0,1,2,2000}'::numeric[]) part;
-- Imports to look at: what brings back who had said no comes first, then what is defective; nobody looks for a source that has no name.
INSERT INTO consent.ledger (contact, kind, organisation) SELECT 'back' || i || '@report.example', 'objection', 'report json' FROM generate_series(1, 300) i;
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at, source)
SELECT 'back' || i || '@report.example', 'consent', '{email}', 'report json', v.method, 'Offers', '2020-01-01', v.source
  FROM (VALUES ('ticked_box', 'report: brings back', 1, 300), ('pre_ticked_box', 'report: defective', 301, 800), ('pre_ticked_box', NULL, 801, 1200), ('ticked_box', 'report: good', 1201, 1300)) AS v(method, source, a, z), generate_series(v.a, v.z) i;
SELECT v -> 'source' AS source, v -> 'events' AS events, v -> 'defective' AS defective, v -> 'against_refusal' AS against_refusal
  FROM consent.report_json() r, jsonb_array_elements(r -> 'imports') v WHERE v ->> 'source' IS NULL OR v ->> 'source' LIKE 'report: %' ORDER BY 1;

-- The labels of a chart are where their columns are: of three all, of four the ends, of more the ends and one between, without the year if it is the first one's.
SELECT n, regexp_replace(consent.report_columns(jsonb_agg(jsonb_build_object('starts', '2025-10-01'::date + 31 * i, 'a', 1, 'b', 2) ORDER BY i), 'a', 'b', 'starts', 'yes', 'no', 'x'), '^.*<div class="ticks" aria-hidden="true">', '') AS ticks
  FROM unnest('{1,3,4,6,9}'::int[]) n, generate_series(0, n - 1) i GROUP BY n ORDER BY n;

-- A report of one organisation among several has no past sends and no imports of another.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at, source)
SELECT 'bolt' || i || '@report.example', 'consent', '{email}', 'report bolt', 'pre_ticked_box', 'Offers', '2020-01-01', 'report: list of bolt' FROM generate_series(1, 600) i;
CREATE TABLE report_sends AS SELECT 'bolt1@report.example' AS who, timestamptz '2026-01-01' AS at, 'report bolt' AS organisation, body, campaign
  FROM (VALUES (NULL, 'campaign of bolt'), ('Your order 4411 is out for delivery today.', 'service of bolt')) AS v(body, campaign);
SELECT consent.exposure_start('report_sends', 'who', $$'email'$$, 'at', body => 'body', organisation => $$'report bolt'$$, campaign => 'campaign') AS bolt,
       consent.exposure_start('report_sends', 'who', $$'email'$$, 'at', organisation => 'organisation', campaign => $$'campaign of a column'$$) AS "column" \gset
CALL consent.exposure_work(:bolt);
CALL consent.exposure_work(:column);
SELECT o AS organisation, run = :bolt AS named, r #>> '{exposure,campaigns,0,campaign}' AS campaign, r -> 'imports' = 'null' AS no_imports,
       concat(r::text, page) LIKE '%campaign of %' AS campaign_shown, concat(r::text, page) LIKE '%list of bolt%' AS source_shown,
       page LIKE '%no audit of this organisation alone%' AND page LIKE '%<code>organisation =&gt; &#39;&#39;&#39;' || o || '&#39;&#39;&#39;</code>%' AS says_why,
       r #> '{exposure,of_any_organisation}' AS of_any, page LIKE '%messages of other organisations may be among them%' AND page LIKE '%in past sends of any organisation<%' AS says_whole,
       page LIKE '%They are not counted by organisation%' AS says_why_no_imports, (length(page) - length(replace(page, 'of all organisations', ''))) / 20 AS of_all
  FROM (VALUES (NULL, NULL), ('report bolt', NULL), ('report json', NULL), ('report json', :bolt), ('report bolt', :bolt)) AS c(o, run),
       LATERAL consent.report_json(o, exposure_run => run) r, LATERAL consent.report_html(r) page;
-- Who ran an audit, and when, stands beside what it found; one that is not finished is shown if it is named, and said not to be.
CREATE ROLE "regress_report <auditor>" IN ROLE consent_reader;
GRANT SELECT ON report_sends TO "regress_report <auditor>";
SET ROLE "regress_report <auditor>";
SELECT consent.exposure_start('report_sends', 'who', $$'email'$$, 'at', organisation => $$'report acme'$$) AS unfinished \gset
RESET ROLE;
UPDATE consent.exposure_batch SET done_at = '2126-07-01 23:30+00' WHERE run = :column;
SELECT CASE r #>> '{exposure,run}' WHEN :'column' THEN 'column' WHEN :'unfinished' THEN 'unfinished' END AS run, r #>> '{exposure,started_by}' = current_user AS by_us,
       replace(replace(substring(page FROM 'This is what audit .*?</p>'), 'audit ' || (r #>> '{exposure,run}'), 'audit N'), '<code>' || consent.html(current_user) || '</code>', '<code>us</code>') AS says
  FROM unnest(ARRAY[NULL, :unfinished]) run, LATERAL consent.report_json(exposure_run => run) r, LATERAL consent.report_html(r) page;
-- It is the one that was finished last, whichever was begun last; of two finished at once the one begun last.
UPDATE consent.exposure_batch SET done_at = '2126-07-01 23:30+00' WHERE run = :bolt;
SELECT consent.report_json() #>> '{exposure,campaigns,0,campaign}' AS at_once;
UPDATE consent.exposure_batch SET done_at = '2126-07-02 00:00+00' WHERE run = :bolt;
SELECT consent.report_json() #>> '{exposure,campaigns,0,campaign}' AS later;
-- A campaign with which nothing was wrong is left out.
SELECT r #>> '{exposure,total,judged}' AS judged, jsonb_path_query_array(r, '$.exposure.campaigns[*].campaign') AS campaigns FROM consent.report_json('report bolt') r;
DELETE FROM consent.exposure_run WHERE id IN (:bolt, :column, :unfinished);
DROP TABLE report_sends;
DROP ROLE "regress_report <auditor>";

-- Whoever sees a part of the ledger only is told, and given no figures.
CREATE ROLE regress_report_part IN ROLE consent_reader;
CREATE TABLE report_sent AS SELECT 'ann@report.example' AS who, timestamptz '2026-01-01' AS at;
GRANT SELECT ON report_sent TO regress_report_part;
ALTER TABLE consent.ledger ENABLE ROW LEVEL SECURITY;
SET ROLE regress_report_part;
SELECT count(*) FROM consent.current WHERE contact = 'ann@report.example';
SELECT * FROM consent.verdicts('email', 'report acme');
SELECT * FROM consent.coverage_of('{report acme}', '{email}');
SELECT * FROM consent.why_not('email', 'report acme');
SELECT consent.audience('email', 'report acme');
SELECT consent.preflight('SELECT $$ann@report.example$$', 'x', organisation => 'report acme');
SELECT consent.subject_access('ann@report.example');
SELECT * FROM consent.exposure('report_sent', 'who', $$'email'$$, 'at', organisation => $$'report acme'$$);
SELECT consent.report_json();
RESET ROLE;
ALTER TABLE consent.ledger DISABLE ROW LEVEL SECURITY;
DROP TABLE report_sent;
DROP ROLE regress_report_part;

-- Who may read them.
CREATE ROLE regress_report_poor;
SET ROLE regress_report_poor;
SELECT count(*) FROM consent.current;
SELECT count(*) FROM consent.at_risk;
SELECT * FROM consent.verdicts('email', 'report acme');
SELECT count(*) > 0 AS readable FROM consent.ruling;
RESET ROLE;
DROP ROLE regress_report_poor;
