-- Past sends judged as of their time.
LOAD 'pg_consent';
SET timezone = 'Europe/London';
SET datestyle = 'ISO';
\set SHOW_CONTEXT never
\pset footer off
\pset null '-'
INSERT INTO consent.organisation (name) VALUES ('expo acme');

CREATE TABLE expo_sent (id serial, to_addr text, via text, sent timestamptz, text text, campaign text, complained boolean DEFAULT false, kind text);
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at)
SELECT n || '@expo.example', 'consent', '{email}', 'expo acme', 'ticked_box', 'Offers from Acme', '2026-01-10'
  FROM unnest('{amy,ben,col}'::text[]) n;
SELECT consent.withdraw('ben@expo.example', organisation => 'expo acme', at => '2026-03-01') > 0 AS recorded;
INSERT INTO expo_sent (to_addr, via, sent, text, campaign, complained) VALUES
  ('amy@expo.example', 'email', '2026-02-01 10:00', 'Get 20% off all boilers this weekend only!', 'spring', false),
  ('ben@expo.example', 'email', '2026-02-01 10:00', 'Get 20% off all boilers this weekend only!', 'spring', false),
  ('Ben <BEN@expo.example>', 'email', '2026-03-02 10:00', 'Get 20% off all boilers this weekend only!', 'easter', true),
  ('ben@expo.example', 'email', '2026-03-03 10:00', 'Get 20% off all boilers this weekend only!', 'easter', false),
  ('ben@expo.example', 'email', '2026-03-04 10:00', 'Your order 4411 is out for delivery today.', NULL, false),
  ('amy@expo.example', 'email', '2025-12-24 10:00', 'Get 20% off all boilers this weekend only!', 'xmas', false),
  ('zoe@expo.example', 'email', '2026-02-01 10:00', 'Get 20% off all boilers this weekend only!', 'spring', false),
  ('not an address', 'email', '2026-02-01 10:00', 'Get 20% off all boilers this weekend only!', 'spring', false),
  ('col@expo.example', 'pigeon', '2026-02-01 10:00', 'Get 20% off all boilers this weekend only!', 'spring', false),
  ('col@expo.example', 'email', NULL, 'Get 20% off all boilers this weekend only!', 'spring', false),
  ('col@expo.example', 'email', '2026-02-01 10:00', 'Get 20% off all boilers this weekend only!', 'spring', false);

-- The history was recorded today: as it was known then, nobody had consented.
SELECT breakdown, messages, people, judged FROM consent.exposure('expo_sent', 'to_addr', 'via', 'sent', body => 'text', organisation => $$'expo acme'$$) WHERE breakdown = 'total';
-- Counting what was recorded later:
SELECT breakdown, reason, campaign, channel, month, messages, people, complaints, judged, first_sent, last_sent, days, citation
  FROM consent.exposure('expo_sent', recipient => 'to_addr', channel => 'via', sent_at => 'sent', body => 'text',
                        organisation => $$'expo acme'$$, campaign => 'campaign', complaint => 'complained', as_known => false);
-- What was recorded in time counts as known.
SELECT consent.give('una@expo.example', '{email}', 'expo acme', method => 'ticked_box', wording => 'Offers') > 0 AS recorded;
CREATE TABLE expo_today AS SELECT 'una@expo.example'::text AS rcpt, clock_timestamp() + interval '1 second' AS t
                     UNION ALL SELECT 'una@expo.example', now() - interval '1 minute';
SELECT reason, messages, judged FROM consent.exposure('expo_today', 'rcpt', $$'email'$$, 't', organisation => $$'expo acme'$$) WHERE breakdown IN ('total', 'reason');
-- The verdict is consent.evaluate()'s.
SELECT e.reason FROM expo_sent s, consent.evaluate(consent.try_contact(s.to_addr), 'email', 'expo acme', at => s.sent) e WHERE s.campaign = 'easter';

-- Mappings: arrays of recipients, declared classes, purposes, missing ones.
CREATE TABLE expo_list (rcpts text[], b text, k text, at timestamptz DEFAULT '2026-02-01');
INSERT INTO expo_list VALUES ('{amy@expo.example,zoe@expo.example}', 'Your order 4411 is out for delivery today.', 'direct_marketing'),
                             ('{}', 'Your order 4411 is out for delivery today.', 'service'), (NULL, 'Get 20% off boilers!', 'service'),
                             ('{zoe@expo.example}', 'Get 20% off boilers!', 'service');
SELECT reason, messages, people FROM consent.exposure('expo_list', 'rcpts', $$'email'$$, 'at', body => 'b', class => 'k', organisation => $$'expo acme'$$, as_known => false) WHERE breakdown = 'reason' ORDER BY reason;
-- Of an organisation or purpose that is not known, service messages were all right, as a guard has it.
SELECT m.organisation, e.reason, e.messages, e.judged
  FROM (VALUES ('expo nobody', NULL), ('expo acme', 'expo receipts')) AS m(organisation, purpose),
       LATERAL consent.exposure('expo_list', 'rcpts', $$'email'$$, 'at', body => 'b', class => 'k', organisation => format('lower(%L)', m.organisation), purpose => format('lower(%L)', m.purpose)) e
 WHERE breakdown IN ('total', 'reason') ORDER BY m.organisation, e.reason NULLS FIRST;
-- Every mapping reaches the verdict: each of these turns it, and without it the message was all right.
INSERT INTO consent.purpose (name, kind) VALUES ('expo appeals', 'charitable');
INSERT INTO consent.organisation (name) VALUES ('expo other');
SELECT consent.soft_opt_in('sam@expo.example', 'expo acme', 'boilers', refusal_offered => true, refused => false, at => '2026-01-10') > 0 AS recorded;
SELECT consent.request('pat@expo.example', 'expo acme', 'email', reference => 'quote-1', about => 'glazing', at => '2026-01-10') > 0 AS recorded;
CREATE TABLE expo_map (who text, says text, b text, s text, at timestamptz DEFAULT '2026-02-01');
INSERT INTO expo_map VALUES ('amy', 'purpose', 'Get 20% off boilers!', NULL), ('sam', 'product_category', 'Get 20% off boilers!', NULL), ('pat', 'reference', 'Here is the quote that you asked for.', NULL),
  ('amy', 'instigators', 'Get 20% off boilers!', NULL), ('amy', 'opt_out', 'Get 20% off boilers!', NULL), ('amy', 'identity', 'Get 20% off boilers!', NULL),
  ('amy', 'sender', 'Get 20% off boilers!', NULL), ('zoe', 'subject', 'Your order 4411 is out for delivery today.', 'Get 20% off all boilers this weekend only!');
SELECT m.mapped, e.campaign AS says, e.reason
  FROM (VALUES (true), (false)) AS m(mapped), LATERAL consent.exposure('expo_map', $$who || '@expo.example'$$, $$'email'$$, 'at', body => 'b', organisation => $$'expo acme'$$, campaign => 'says', as_known => false,
         class => $$CASE says WHEN 'reference' THEN 'solicited_response' END$$,
         product_category => CASE WHEN m.mapped THEN $$CASE WHEN says = 'product_category' THEN 'holidays' ELSE 'boilers' END$$ ELSE $$'boilers'$$ END,
         reference => CASE WHEN m.mapped THEN $$'quote-2'$$ ELSE $$'quote-1'$$ END,
         purpose => CASE WHEN m.mapped THEN $$CASE says WHEN 'purpose' THEN 'expo appeals' END$$ END,
         instigators => CASE WHEN m.mapped THEN $$CASE says WHEN 'instigators' THEN '{expo other}' END$$ END,
         opt_out => CASE WHEN m.mapped THEN $$says <> 'opt_out'$$ END, identity => CASE WHEN m.mapped THEN $$says <> 'identity'$$ END,
         sender => CASE WHEN m.mapped THEN $$CASE says WHEN 'sender' THEN 'expo mailer' END$$ END, subject => CASE WHEN m.mapped THEN 's' END) e
 WHERE e.breakdown = 'detail' ORDER BY 1, 2;
-- A rule of one channel is asked for that one only.
BEGIN;
INSERT INTO consent.rule (code, class, weight, pattern, citation, description, channels) VALUES ('expo.texts', 'direct_marketing', 2, 'zebra day', 'test', 'x', '{sms}');
CREATE TEMP TABLE expo_zebra AS SELECT 'zoe@expo.example' AS who, v AS via, 'Your order 4411 is out for delivery today. Zebra day.' AS b, '2026-02-01'::timestamptz AS at FROM unnest('{email,sms}'::text[]) v;
SELECT channel, messages FROM consent.exposure('expo_zebra', 'who', 'via', 'at', body => 'b', organisation => $$'expo acme'$$, as_known => false) WHERE breakdown = 'channel' ORDER BY 1;
ROLLBACK;
-- Who has two forms of one address is one person; the month is that of the United Kingdom.
CREATE TEMP TABLE expo_form AS SELECT v AS who, '2026-06-30 23:30+00'::timestamptz AS at FROM unnest('{dan+a@expo.example,dan+b@expo.example}'::text[]) v;
SELECT breakdown, month, messages, people FROM consent.exposure('expo_form', 'who', $$'email'$$, 'at', organisation => $$'expo acme'$$) WHERE breakdown IN ('total', 'month');
DROP TABLE expo_map, expo_form;
-- An empty name of a campaign or channel is none, but no NULL: each has one line.
CREATE TEMP TABLE expo_empty AS SELECT * FROM (VALUES ('dan@expo.example', '', ''), ('eve@expo.example', NULL, NULL), ('zoe@expo.example', NULL, NULL)) AS v(who, says, via);
SELECT breakdown, campaign IS NULL AS no_campaign, channel IS NULL AS no_channel, messages, people, judged
  FROM consent.exposure('expo_empty', 'who', 'via', $$'2026-06-30'::timestamptz$$, organisation => $$'expo acme'$$, campaign => 'says')
 WHERE breakdown IN ('total', 'campaign', 'channel') ORDER BY 1, 2, 3;
DROP TABLE expo_empty;
-- What was all right has its lines, too, and so has a table that is empty.
CREATE TEMP TABLE expo_quiet AS SELECT 'zoe@expo.example' AS to_addr, 'Your order 4411 is out for delivery today.' AS b, '2026-02-01'::timestamptz AS at, 'quiet' AS campaign;
SELECT breakdown, campaign, channel, month, messages, people, complaints, judged FROM consent.exposure('expo_quiet', 'to_addr', $$'email'$$, 'at', body => 'b', organisation => $$'expo acme'$$, campaign => 'campaign');
DELETE FROM expo_quiet;
SELECT breakdown, messages, people, complaints, judged FROM consent.exposure('expo_quiet', 'to_addr', $$'email'$$, 'at', body => 'b', organisation => $$'expo acme'$$, campaign => 'campaign');
-- Half of them could not be judged: no warning.
INSERT INTO expo_quiet VALUES ('zoe@expo.example', 'Your order 4411 is out for delivery today.', '2026-02-01', 'half'), ('nobody', 'Get 20% off all boilers this weekend only!', '2026-02-01', 'half');
SELECT breakdown, reason, messages FROM consent.exposure('expo_quiet', 'to_addr', $$'email'$$, 'at', body => 'b', organisation => $$'expo acme'$$) WHERE breakdown IN ('total', 'reason');
-- Days are counted to each send's own: a third party's consent is good until the very day six months later.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, collected_by, named_organisations, effective_at)
VALUES ('tia@expo.example', 'consent', '{email}', 'expo acme', 'ticked_box', 'Offers', 'listbroker', '{expo acme}', '2026-01-10 12:00+00');
DELETE FROM expo_quiet;
INSERT INTO expo_quiet VALUES ('tia@expo.example', 'Get 20% off all boilers this weekend only!', '2026-07-09 23:00+00', 'stale'), ('tia@expo.example', 'Get 20% off all boilers this weekend only!', '2026-07-09 22:59:59+00', 'in time');
SELECT campaign, reason, messages FROM consent.exposure('expo_quiet', 'to_addr', $$'email'$$, 'at', body => 'b', organisation => $$'expo acme'$$, campaign => 'campaign', as_known => false) WHERE breakdown = 'detail';
SELECT * FROM consent.exposure('expo_list', 'rcpts', NULL, 'at');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.exposure('expo_list', 'rcpts', $$'email'$$, 'at');
\echo :LAST_ERROR_SQLSTATE
-- A slip of the pen is an error, as for a guard: not messages that should not have gone.
SELECT * FROM consent.exposure('expo_list', 'no_such_column', $$'email'$$, 'at', organisation => $$'expo acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.exposure('expo_list', 'rcpt', $$'email'$$, 'at', organisation => $$'expo acme'$$);
SELECT * FROM consent.exposure('expo_list', 'rcpts', 'email', 'at', organisation => $$'expo acme'$$);
SELECT * FROM consent.exposure('expo_list', 'rcpts', $$'email$$, 'at', organisation => $$'expo acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.exposure('expo_list', 'rcpts', $$'e-mail'$$, 'at', organisation => $$'expo acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.exposure('expo_list', 'rcpts', $$'email'$$, 'at', organisation => $$'expo''s acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.exposure_start('expo_list', 'rcpts', $$'email'$$, 'at', organisation => $$'expo acme'$$, purpose => $$'expo receipts'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.exposure_start('expo_list', 'rcpts', $$'email'$$, 'at', organisation => $$'expo acme'$$, class => $$'newsletter'$$);
\echo :LAST_ERROR_SQLSTATE

-- The same in batches: stopped, resumed, and with a partition each.
ALTER TABLE consent.exposure_run ALTER COLUMN id RESTART WITH 1001;	-- whatever ran before
CREATE TABLE expo_part (LIKE expo_sent) PARTITION BY LIST (via);
CREATE TABLE expo_part_a PARTITION OF expo_part FOR VALUES IN ('email');
CREATE TABLE expo_part_b PARTITION OF expo_part DEFAULT;
INSERT INTO expo_part SELECT * FROM expo_sent;
SELECT consent.exposure_start('expo_part', 'to_addr', 'via', 'sent', body => 'text', organisation => $$'expo acme'$$, campaign => 'campaign',
                              complaint => 'complained', as_known => false, batch_blocks => 1) AS run \gset
SELECT batches_done, batches, percent, judged, finished_at FROM consent.exposure_progress WHERE run = :run;
CALL consent.exposure_work(:run, 1);
SELECT batches_done, batches, percent, judged, finished_at FROM consent.exposure_progress WHERE run = :run;
-- Another one is none of its business.
SELECT consent.exposure_start('expo_list', 'rcpts', $$'email'$$, 'at', organisation => $$'expo acme'$$) AS other \gset
CALL consent.exposure_work(:other);
SELECT run = :other AS other, batches_done, batches, judged FROM consent.exposure_progress WHERE run IN (:run, :other) ORDER BY run;
CALL consent.exposure_work(:run);
SELECT batches_done = batches AS done, percent, judged, finished_at IS NOT NULL AS finished FROM consent.exposure_progress WHERE run = :run;
SELECT p.last_batch_at = max(b.done_at) AS last, p.finished_at = max(b.done_at) AS finished, max(b.done_at) > min(b.done_at) AS one_after_another
  FROM consent.exposure_progress p JOIN consent.exposure_batch b USING (run) WHERE p.run = :run GROUP BY p.last_batch_at, p.finished_at;
CALL consent.exposure_work(:run);
CREATE TEMP TABLE expo_at_once AS
  SELECT * FROM consent.exposure('expo_sent', 'to_addr', 'via', 'sent', body => 'text', organisation => $$'expo acme'$$, campaign => 'campaign',
                                 complaint => 'complained', as_known => false);
SELECT count(*) AS lines FROM consent.exposure_result(:run);
(SELECT * FROM consent.exposure_result(:run) EXCEPT ALL TABLE expo_at_once) UNION ALL
(TABLE expo_at_once EXCEPT ALL SELECT * FROM consent.exposure_result(:run));
SELECT person, campaign, class, reason, (decision).event_id IS NOT NULL AS has_event FROM consent.exposure_finding WHERE run = :run ORDER BY 1, 2, sent_at;

-- Who may: a reader of the table, with their own rights, and nobody goes on with another's.
CREATE ROLE regress_expo_reader IN ROLE consent_reader;
CREATE ROLE regress_expo_other IN ROLE consent_reader;
CREATE ROLE regress_expo_poor;
SET ROLE regress_expo_reader;
SELECT * FROM consent.exposure('expo_sent', 'to_addr', 'via', 'sent', organisation => $$'expo acme'$$);
\echo :LAST_ERROR_SQLSTATE
CALL consent.exposure_work(:run);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.exposure_run (relation, mapping, started_by) VALUES ('expo_sent', '{}', 'postgres');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT ON expo_sent TO regress_expo_reader;
SET ROLE regress_expo_reader;
SELECT messages > 0 AS found FROM consent.exposure('expo_sent', 'to_addr', 'via', 'sent', organisation => $$'expo acme'$$) WHERE breakdown = 'total';
SELECT consent.exposure_start('expo_sent', 'to_addr', 'via', 'sent', organisation => $$'expo acme'$$) AS run \gset
CALL consent.exposure_work(:run);
SELECT messages > 0 AS found FROM consent.exposure_result(:run) WHERE breakdown = 'total';
-- nor are what it goes through and what is done others' to say
SET ROLE regress_expo_other;
UPDATE consent.exposure_batch SET leaf = 'consent.guards' WHERE run = :run;
\echo :LAST_ERROR_SQLSTATE
UPDATE consent.exposure_batch SET done_at = NULL WHERE run = :run;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.exposure_batch (run, leaf, first_block, end_block) VALUES (:run, 'consent.guards', 0, 1);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.exposure_run (relation, mapping) VALUES ('expo_sent', '{}') RETURNING id AS own \gset
INSERT INTO consent.exposure_batch (run, leaf, first_block, end_block) VALUES (:own, 'consent.guards', 0, 1);
UPDATE consent.exposure_batch SET run = :own WHERE run = :run;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.exposure_tally (run, messages) VALUES (:own, 1);
INSERT INTO consent.exposure_tally (run, messages) VALUES (:own, 1), (:run, -1000000);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.exposure_finding (run, person, complaint, reason) VALUES (:own, 'una@expo.example', false, 'objected');
WITH beside AS (INSERT INTO consent.exposure_finding (run, person, complaint, reason) VALUES (:run, 'una@expo.example', true, 'objected')) SELECT;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_expo_poor;
SELECT * FROM consent.exposure('expo_sent', 'to_addr', 'via', 'sent', organisation => $$'expo acme'$$);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
CALL consent.exposure_work(-1);
\echo :LAST_ERROR_SQLSTATE
CREATE VIEW expo_view AS SELECT * FROM expo_sent;
SELECT consent.exposure_start('expo_view', 'to_addr', 'via', 'sent', organisation => $$'expo acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT messages > 0 AS found FROM consent.exposure('expo_view', 'to_addr', 'via', 'sent', organisation => $$'expo acme'$$) WHERE breakdown = 'total';
DROP VIEW expo_view;
DROP TABLE expo_sent, expo_today, expo_list, expo_part;
DROP ROLE regress_expo_reader, regress_expo_other, regress_expo_poor;
