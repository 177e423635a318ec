-- A company with a history, for the report: good and bad consents, objections,
-- a guarded outbox, three months of decisions, and an audit of past sends.
-- Names and texts are hostile where a page could be broken by them.
\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS pg_consent;
SELECT setseed(0.42);
INSERT INTO consent.organisation (name) VALUES ('Acme Boilers'), ('Bolt & Sons <Energy>');

-- Most contacts agreed to mail, fewer to texts; some withdrew, some never answered.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at, source)
SELECT 'c' || i || '@mail.example', 'consent', CASE WHEN i % 3 = 0 THEN '{email,sms}' ELSE '{email}' END::consent.channel[], 'Acme Boilers',
       'ticked_box', 'Yes, send me offers from Acme Boilers', now() - interval '400 days' + i * interval '3 hours', 'web sign-up'
  FROM generate_series(1, 2400) i;
INSERT INTO consent.ledger (contact, kind, organisation, effective_at, source)
SELECT 'c' || i || '@mail.example', CASE WHEN i % 2 = 0 THEN 'withdrawal' ELSE 'objection' END, 'Acme Boilers',
       now() - random() * interval '80 days' - CASE WHEN i % 30 = 0 THEN interval '9 days' ELSE interval '20 seconds' END, 'preference centre'
  FROM generate_series(1, 2400, 9) i;
INSERT INTO consent.ledger (contact, kind, organisation, product_category, refusal_offered, refused, relationship, effective_at, source)
SELECT 's' || i || '@mail.example', 'soft_opt_in', 'Acme Boilers', 'boilers', i % 11 <> 0, false, 'sale', now() - i * interval '5 hours', 'till'
  FROM generate_series(1, 900) i;
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at, source, collected_by, named_organisations)
SELECT 'l' || i || '@mail.example', 'consent', '{email}', 'Bolt & Sons <Energy>', CASE WHEN i % 5 = 0 THEN 'pre_ticked_box' ELSE 'ticked_box' END,
       CASE WHEN i % 4 = 0 THEN NULL ELSE 'Offers from our carefully selected partners' END, now() - interval '11 months', 'list <script>alert("x")</script> & co',
       'Lead Broker Ltd', CASE WHEN i % 3 = 0 THEN '{Bolt & Sons <Energy>}'::text[] END
  FROM generate_series(1, 600) i;
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at, expires_at, source)
SELECT 'e' || i || '@mail.example', 'consent', '{email}', 'Acme Boilers', 'ticked_box', 'Offers until the end of the warranty', now() - interval '1 year',
       now() + i * interval '2 days', 'warranty card'
  FROM generate_series(1, 60) i;
-- An import that brings back who had said no.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at, source)
SELECT 'c' || i || '@mail.example', 'consent', '{email}', 'Acme Boilers', 'unknown', NULL, now() - interval '5 years', 'CRM export 2019'
  FROM generate_series(1, 300, 9) i;
SELECT consent.screened('tps', 1000);
SELECT consent.screened('ctps', 1000);

-- What was sent before there was a guard.
CREATE TABLE sent_messages AS
SELECT i AS id, CASE WHEN i % 13 = 0 THEN 'stranger' || i || '@mail.example' ELSE 'c' || 1 + i % 2400 || '@mail.example' END AS recipient,
       CASE WHEN i % 4 = 0 THEN 'Your order ' || i || ' is out for delivery today.' ELSE 'Get 20% off all boilers this weekend only!' END AS body,
       (ARRAY['Spring sale', 'Winter <b>warmer</b>', 'Summer & autumn', NULL])[1 + i % 4] AS campaign,
       now() - interval '210 days' + i * interval '2 minutes' * 21 AS sent_at, i % 401 = 0 AS complained
  FROM generate_series(1, 6000) i;
SELECT consent.exposure_start('sent_messages', 'recipient', $$'email'$$, 'sent_at', body => 'body', organisation => $$'Acme Boilers'$$,
                              campaign => 'campaign', complaint => 'complained', as_known => false) AS run \gset
CALL consent.exposure_work(:run);

-- A guarded outbox, and what its guard has logged.
CREATE TABLE "outbox ""quoted"" <i>" (id bigserial, to_addr text, channel text, body text, kind text, status text DEFAULT 'queued');
SELECT consent.guard(target => '"outbox ""quoted"" <i>"', recipient => 'to_addr', channel => 'channel', body => 'body', class => 'kind',
                     organisation => $$'Acme Boilers'$$, pending => $$status = 'queued'$$);
CREATE TABLE sms_queue (id bigserial, phone text, body text);
SELECT consent.guard(target => 'sms_queue', recipient => 'phone', channel => $$'sms'$$, body => 'body', organisation => $$'Acme Boilers'$$);
ALTER TABLE sms_queue DISABLE TRIGGER ALL;

INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, declared_class, channel, organisation, purpose, contact, event_id, ruleset, policy, evidence, action, written_by)
SELECT at, '"outbox ""quoted"" <i>"'::regclass, r.reason IN ('consent', 'soft_opt_in', 'not_marketing'), r.reason, ARRAY[r.reason], r.class, r.declared,
       (ARRAY['email', 'email', 'email', 'sms', 'sms', 'live_call'])[1 + i % 6]::consent.channel, 'Acme Boilers', 'marketing',
       ('c' || 1 + i % 900 || '@mail.example')::consent.contact, i, 'r1', 'GB/1', r.evidence,
       CASE WHEN r.reason IN ('consent', 'soft_opt_in', 'not_marketing') THEN 'sent' WHEN i % 10 = 0 THEN 'flagged' ELSE 'diverted' END, 'campaigns'
  FROM generate_series(1, 9000) i,
       LATERAL (SELECT now() - interval '89 days' + (i + 600 * sin(i / 300.0)) * interval '14 minutes' AS at) t,
       LATERAL (SELECT * FROM (VALUES
         (0, 'consent', 'direct_marketing', NULL, NULL), (1, 'consent', 'direct_marketing', NULL, NULL), (2, 'not_marketing', 'service', 'service', NULL),
         (3, 'soft_opt_in', 'direct_marketing', NULL, NULL), (4, 'not_marketing', 'service', NULL, NULL), (5, 'consent', 'mixed', NULL, NULL), (6, 'consent', 'direct_marketing', NULL, NULL),
         (7, 'objected', 'direct_marketing', NULL, NULL), (8, 'consent_withdrawn', 'direct_marketing', NULL, NULL), (9, 'no_permission', 'direct_marketing', NULL, NULL),
         (10, 'not_marketing', 'service', NULL, NULL), (11, 'consent_channel_not_covered', 'direct_marketing', NULL, NULL),
         (12, 'consent', 'mixed', 'service', '{"rules": ["upsell.upgrade", "price.save_amount", "service.delivery"], "score": 4.5}')) AS v (n, reason, class, declared, evidence)
         WHERE v.n = (i * 7919) % 13) AS raw,
       LATERAL (SELECT raw.reason, raw.class::consent.message_class AS class, raw.declared::consent.message_class AS declared, raw.evidence::jsonb AS evidence) r
 WHERE at < now();
INSERT INTO consent.quarantine (relation, "row", reason, reasons, class, decided_at) VALUES
  ('sms_queue', '{"id": 1, "phone": "+447700900123", "body": "Your order 4411 is out for delivery. Upgrade to Prime+ today and save \u00a320! <script>alert(1)</script>"}',
   'consent_withdrawn', '{consent_withdrawn,declared_class_contradicted}', 'mixed', now() - interval '2 days'),
  ('sms_queue', '{"id": 2, "phone": "+447700900124", "body": "This is a service message. We\u2019ve missed you & your discount ends tonight: 20% off everything."}',
   'objected', '{objected,declared_class_contradicted}', 'direct_marketing', now() - interval '1 day');

-- A person whose every word is markup, or wider than a telephone.
INSERT INTO consent.organisation (name) VALUES ('"><img src=x onerror=alert(1)> ' || repeat('W', 90));
INSERT INTO consent.purpose (name, kind) VALUES ('</td></table><script>alert("purpose")</script>', 'commercial');
INSERT INTO consent.ledger (contact, kind, channels, organisation, purpose, method, wording, effective_at, source, evidence)
SELECT ('"<script>alert(1)</script>&' || f || '"@' || repeat('long-', 11) || 'mail.example')::consent.contact, 'consent', '{email,sms}', o.name, '</td></table><script>alert("purpose")</script>',
       'ticked_box', '<iframe srcdoc="x"></iframe>' || repeat('unbroken', 60) || E'\x07 & \u202Ereversed\u202C', now() - interval '50 days', '<style>*{display:none}</style>' || repeat('s', 200), '{"<b>": "</pre>"}'
  FROM consent.organisation o, unnest('{"",+a}'::text[]) f WHERE o.name LIKE '"><img%';
INSERT INTO consent.ledger (contact, kind, effective_at, source)
SELECT DISTINCT l.contact, 'objection', now() - interval '2 days', '<a href="javascript:alert(1)">here</a>' FROM consent.ledger l WHERE l.organisation LIKE '"><img%';
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, channel, organisation, purpose, contact, action, written_by)
SELECT now() - interval '1 day', '"outbox ""quoted"" <i>"'::regclass, false, 'objected', '{objected}', 'direct_marketing', 'email', l.organisation, l.purpose, l.contact, 'diverted', '<b>x</b>'
  FROM consent.ledger l WHERE l.organisation LIKE '"><img%';
