-- Every condition of the views for analysts: a row that only it finds, or only it leaves alone.
LOAD 'pg_consent';
SET timezone = 'Europe/London';
\set SHOW_CONTEXT never
\pset footer off
\pset null '-'

INSERT INTO consent.organisation (name, jurisdiction, is_charity) VALUES
  ('views shop', 'GB', false), ('views broker', 'GB', false), ('views charity', 'GB', true), ('views de', 'DE', false), ('views fr', 'FR', false), ('views ca', 'CA', false);
INSERT INTO consent.purpose (name, kind) VALUES ('views appeals', 'charitable');
-- Policies that no shipped jurisdiction has.
INSERT INTO consent.policy (jurisdiction, version, law, soft_opt_in, soft_opt_in_sale_months, soft_opt_in_negotiation_months) VALUES
  ('VIEWS NONE', 1, 'views', false, NULL, NULL), ('VIEWS SALE', 1, 'views', true, 12, NULL), ('VIEWS TALK', 1, 'views', true, NULL, 12);
INSERT INTO consent.organisation (name, jurisdiction) VALUES ('views none', 'VIEWS NONE'), ('views sale', 'VIEWS SALE'), ('views talk', 'VIEWS TALK');
-- How often a part of a view was looked into: a condition that spares work finds no other rows.
CREATE FUNCTION pg_temp.loops(query text, alias text) RETURNS numeric LANGUAGE plpgsql SET max_parallel_workers_per_gather = 0 SET enable_memoize = off AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, FORMAT JSON) ' || query INTO plan;
  RETURN (SELECT sum((n ->> 'Actual Loops')::numeric) FROM jsonb_path_query(plan::jsonb, '$.**') n
           WHERE jsonb_typeof(n) = 'object' AND n ->> 'Alias' = loops.alias);
END $$;
CREATE FUNCTION pg_temp.views(who text) RETURNS consent.contact LANGUAGE sql RETURN (who || '@views.example')::consent.contact;
-- as loaded: whose, kind, organisation, and what differs from a good record
CREATE TABLE views_record (who text, kind text, organisation text DEFAULT 'views shop', channels consent.channel[], purpose text, method text, wording text,
  relationship text, product_category text, refusal_offered boolean, refused boolean, collected_by text, named_organisations text[], expires_at timestamptz,
  effective_at timestamptz DEFAULT now() - interval '1 hour', source text DEFAULT 'views', defects text[]);
CREATE FUNCTION pg_temp.load() RETURNS void LANGUAGE sql BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, organisation, channels, purpose, method, wording, relationship, product_category, refusal_offered, refused,
                              collected_by, named_organisations, expires_at, effective_at, source, defects)
  SELECT pg_temp.views(who), kind, organisation, channels, purpose, method, wording, relationship, product_category, refusal_offered, refused,
         collected_by, named_organisations, expires_at, effective_at, source, defects
    FROM views_record;
  DELETE FROM views_record;
END;

-- consent.at_risk
INSERT INTO views_record (who, kind, channels, method, wording) VALUES ('right', 'consent', '{email}', 'ticked_box', 'Offers');
INSERT INTO views_record (who, kind, channels, method, wording, defects) VALUES ('reviewed', 'consent', '{email}', 'ticked_box', 'Offers', '{consent_bundled}');
INSERT INTO views_record (who, kind, product_category, refusal_offered, refused, relationship, collected_by) VALUES
  ('right-soi', 'soft_opt_in', 'boilers', true, false, 'sale', NULL),
  ('not-offered', 'soft_opt_in', 'boilers', false, false, 'sale', NULL),
  ('refused-unknown', 'soft_opt_in', 'boilers', true, NULL, 'sale', NULL),
  ('no-category', 'soft_opt_in', NULL, true, false, 'sale', NULL),
  ('bought', 'soft_opt_in', 'boilers', true, false, 'sale', 'listbroker'),
  ('refused-then', 'soft_opt_in', 'boilers', NULL, true, 'sale', NULL),
  ('right-client', 'soft_opt_in', NULL, true, false, 'client_relationship', NULL),
  ('client', 'soft_opt_in', NULL, NULL, false, 'client_relationship', NULL),
  ('client-unknown', 'soft_opt_in', NULL, true, NULL, 'client_relationship', NULL),
  ('client-bought', 'soft_opt_in', NULL, true, false, 'client_relationship', 'listbroker'),
  ('client-refused', 'soft_opt_in', NULL, false, true, 'client_relationship', NULL);
-- ... nor where calls need consent
INSERT INTO views_record (who, kind, organisation, relationship, refusal_offered, refused) VALUES ('client-de', 'soft_opt_in', 'views de', 'client_relationship', false, false);
INSERT INTO views_record (who, kind, product_category, refusal_offered, refused, relationship, effective_at) VALUES
  ('sold-later', 'soft_opt_in', 'boilers', false, false, 'sale', now() + interval '1 day'),
  ('right-later', 'soft_opt_in', 'boilers', true, false, 'sale', now() + interval '1 day');
INSERT INTO views_record (who, kind, organisation, relationship, refusal_offered, refused) VALUES ('where-none', 'soft_opt_in', 'views none', 'sale', false, false);
INSERT INTO views_record (who, kind, organisation, relationship, refusal_offered, refused) VALUES
  ('right-supporter', 'soft_opt_in', 'views charity', 'support', true, false),
  ('supporter', 'soft_opt_in', 'views charity', 'support', NULL, false);
INSERT INTO views_record (who, kind, organisation, channels, method, wording, collected_by, named_organisations, expires_at, effective_at) VALUES
  ('right-third', 'consent', 'views broker', '{sms}', 'ticked_box', 'Offers', 'listbroker', '{views shop}', NULL, now() - interval '1 month'),
  ('unnamed', 'consent', 'views broker', '{email}', 'ticked_box', 'Offers', 'listbroker', NULL, NULL, now() - interval '1 month'),
  ('stale', 'consent', 'views broker', '{email}', 'ticked_box', 'Offers', 'listbroker', '{views shop}', NULL, now() - interval '7 months'),
  ('used', 'consent', 'views broker', '{email}', 'ticked_box', 'Offers', 'listbroker', '{views shop}', NULL, now() - interval '7 months'),
  ('coming', 'consent', 'views broker', '{email}', 'ticked_box', 'Offers', 'listbroker', '{views shop}', NULL, now() + interval '1 day'),
  ('unscreened', 'consent', 'views broker', '{live_call}', 'oral', 'Offers', 'listbroker', '{views shop}', NULL, now() - interval '1 month'),
  ('stale-post', 'consent', 'views broker', '{post}', 'ticked_box', 'Offers', 'listbroker', '{views shop}', NULL, now() - interval '7 months'),
  ('ended', 'consent', 'views broker', '{email}', 'ticked_box', 'Offers', 'listbroker', '{views shop}', now() - interval '1 day', now() - interval '1 month');
INSERT INTO views_record (who, kind, organisation, effective_at) VALUES ('used', 'contacted', 'views shop', now() - interval '5 months');
-- Where a consent counts when it was confirmed.
INSERT INTO views_record (who, kind, organisation, channels, method, wording, collected_by, named_organisations, defects) VALUES
  ('right-de', 'consent', 'views de', '{email}', 'double_opt_in', 'Angebote', NULL, NULL, NULL),
  ('unconfirmed', 'consent', 'views de', '{email}', 'ticked_box', 'Angebote', NULL, NULL, NULL),
  ('unconfirmed-too', 'consent', 'views de', '{email}', 'ticked_box', 'Angebote', NULL, '{views shop}', NULL),
  ('reviewed-de', 'consent', 'views de', '{email}', 'ticked_box', 'Angebote', NULL, NULL, '{consent_bundled}'),
  ('third-de', 'consent', 'views de', '{email}', 'ticked_box', 'Angebote', 'listbroker', '{views de}', NULL);
SELECT pg_temp.load();
SELECT contact, kind, defect FROM consent.at_risk WHERE source = 'views' ORDER BY event_id, defect;
-- Good ones are not judged, but those of support, and where a consent counts when it was confirmed.
SELECT pg_temp.loops('SELECT * FROM consent.at_risk', 'd')
     = (SELECT count(*) FROM consent.ledger l
         WHERE (l.kind = 'consent' AND (l.defects IS NOT NULL OR l.collected_by IS NOT NULL
                                        OR l.method <> 'double_opt_in' AND l.organisation IN (SELECT o.name FROM consent.organisation o JOIN consent.policy p USING (jurisdiction) WHERE p.double_opt_in)))
            OR (l.kind = 'soft_opt_in' AND l.refused IS NOT TRUE
                AND (l.refusal_offered IS NOT TRUE OR l.refused IS NULL OR l.product_category IS NULL OR l.collected_by IS NOT NULL OR l.relationship = 'support' OR l.effective_at IS NULL))) AS only_doubtful_ones;
-- By itself: what is bad about it stays, whatever was said since.
SELECT l.contact, consent.record_defects(l.event_id, l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.refusal_offered, l.refused,
         l.relationship, l.collected_by, l.named_organisations, l.expires_at, l.effective_at, l.recorded_at, l.defects) AS defects
  FROM consent.ledger l WHERE l.contact IN (pg_temp.views('right'), pg_temp.views('reviewed'), pg_temp.views('used'), pg_temp.views('bought')) ORDER BY l.event_id;

-- consent.coverage: a supporter counts as a soft opt-in.
SELECT permitted >= soft_opt_in AS among_permitted, soft_opt_in FROM consent.coverage WHERE organisation = 'views charity' AND channel = 'email' AND purpose = 'views appeals';

-- consent.expiring
INSERT INTO views_record (who, kind, channels, method, wording, expires_at, effective_at) VALUES
  ('ends', 'consent', '{email}', 'ticked_box', 'Offers', now() + interval '10 days', now() - interval '1 year'),
  ('ends-later', 'consent', '{email}', 'ticked_box', 'Offers', now() + interval '100 days', now() - interval '1 year'),
  ('withdrawn', 'consent', '{email}', 'ticked_box', 'Offers', now() + interval '10 days', now() - interval '1 year'),
  ('renewed', 'consent', '{email}', 'ticked_box', 'Offers', now() + interval '10 days', now() - interval '1 year'),
  ('renewed', 'consent', '{email}', 'ticked_box', 'Offers', now() + interval '20 days', now() - interval '1 month'),
  ('begins-again', 'consent', '{email}', 'ticked_box', 'Offers', now() + interval '10 days', now() - interval '1 year'),
  ('begins-again', 'consent', '{email}', 'ticked_box', 'Offers', NULL, now() + interval '20 days');
INSERT INTO views_record (who, kind) VALUES ('withdrawn', 'withdrawal');
INSERT INTO views_record (who, kind, organisation, channels, method, wording, effective_at) VALUES
  ('old-fr', 'consent', 'views fr', '{email}', 'ticked_box', 'Offres', now() - interval '35 months'),
  ('new-fr', 'consent', 'views fr', '{email}', 'ticked_box', 'Offres', now() - interval '5 months');
INSERT INTO views_record (who, kind, organisation, relationship, product_category, refusal_offered, refused, effective_at) VALUES
  ('sold-sale', 'soft_opt_in', 'views sale', 'sale', 'boilers', true, false, now() - interval '11 months'),
  ('asked-talk', 'soft_opt_in', 'views talk', 'negotiation', 'boilers', true, false, now() - interval '11 months'),
  ('sold-ca', 'soft_opt_in', 'views ca', 'sale', 'boilers', true, false, now() - interval '23 months'),
  ('sold-lately-ca', 'soft_opt_in', 'views ca', 'sale', 'boilers', true, false, now() - interval '5 months'),
  ('asked-ca', 'soft_opt_in', 'views ca', 'negotiation', 'boilers', true, false, now() - interval '5 months');
INSERT INTO views_record (who, kind, organisation, channels, method, wording, collected_by, named_organisations, effective_at) VALUES
  ('third-fr', 'consent', 'views broker', '{email}', 'ticked_box', 'Offres', 'listbroker', '{views fr}', now() - interval '35 months'),
  ('third-stale-soon', 'consent', 'views broker', '{email}', 'ticked_box', 'Offers', 'listbroker', '{views shop}', now() - interval '5 months');
-- Collected by an organisation for itself, under its own name.
INSERT INTO views_record (who, kind, organisation, channels, method, wording, collected_by, expires_at) VALUES
  ('own-name', 'consent', 'views broker', '{email}', 'ticked_box', 'Offers', 'views broker', now() + interval '10 days');
INSERT INTO views_record (who, kind, organisation, effective_at) VALUES ('third-fr', 'contacted', 'views fr', now() - interval '34 months');
SELECT pg_temp.load();
SELECT contact, organisation, basis, count(DISTINCT channel) AS channels, count(DISTINCT event_id) AS events, min(days_left) BETWEEN 8 AND 35 AS soon, then_reason
  FROM consent.expiring WHERE contact::text LIKE '%@views.example' GROUP BY 1, 2, 3, then_reason ORDER BY contact::text;

-- What ends later, or has ended, is not judged.
SELECT pg_temp.loops('SELECT * FROM consent.expiring', 'a') AS judged \gset
INSERT INTO views_record (who, kind, channels, method, wording, expires_at, effective_at) VALUES
  ('ends-later-still', 'consent', '{email}', 'ticked_box', 'Offers', now() + interval '100 days', now() - interval '1 year'),
  ('ended-before', 'consent', '{email}', 'ticked_box', 'Offers', now() - interval '1 day', now() - interval '1 year');
SELECT pg_temp.load();
SELECT pg_temp.loops('SELECT * FROM consent.expiring', 'a') = :judged AS not_judged;

-- consent.withdrawal_latency: a bounce is nobody's word.
SELECT consent.withdraw(pg_temp.views('late'), at => now() - interval '3 days', source => 'views latency') > 0
   AND consent.object(pg_temp.views('at-once'), source => 'views latency') > 0
   AND consent.suppress(pg_temp.views('bounced'), 'bounce', at => now() - interval '3 days') > 0 AS recorded;
SELECT contact, kind, latency > interval '2 days' AS late FROM consent.withdrawal_latency
 WHERE source = 'views latency' OR contact = pg_temp.views('bounced') ORDER BY event_id;

-- consent.import_audit
INSERT INTO views_record (who, kind, channels, method, wording, effective_at, source) VALUES
  ('before', 'consent', '{email}', 'ticked_box', 'Offers', now() - interval '2 years', 'views import');
SELECT pg_temp.load();
SELECT consent.withdraw(pg_temp.views('gone'), organisation => 'views shop') > 0 AND consent.object(pg_temp.views('objects')) > 0
   AND consent.suppress(pg_temp.views('bounces'), 'bounce') > 0 AND consent.withdraw(pg_temp.views('before'), organisation => 'views shop') > 0
   AND consent.withdraw(pg_temp.views('again'), organisation => 'views shop') > 0 AS recorded;
INSERT INTO views_record (who, kind, channels, method, wording, effective_at, source) VALUES
  ('gone', 'consent', '{email}', 'ticked_box', 'Offers', now() - interval '2 years', 'views import'),
  ('objects', 'consent', '{email}', 'ticked_box', 'Offers', now() - interval '2 years', 'views import'),
  ('bounces', 'consent', '{email}', 'ticked_box', 'Offers', now() - interval '2 years', 'views import'),
  ('again', 'consent', '{email}', 'ticked_box', 'Offers', now() - interval '2 hours', 'views import'),
  ('tag+a', 'consent', '{email}', 'ticked_box', 'Offers', now() - interval '2 years', 'views import'),
  ('tag+b', 'consent', '{email}', 'pre_ticked_box', 'Offers', now() - interval '2 years', 'views import'),
  ('words-gone', 'consent', '{email}', 'ticked_box', NULL, now() - interval '2 years', 'views import'),
  ('timeless', 'consent', '{email}', 'ticked_box', 'Offers', NULL, 'views import');
INSERT INTO views_record (who, kind, product_category, refusal_offered, refused, relationship, effective_at, source) VALUES
  ('gone', 'soft_opt_in', 'boilers', true, false, 'sale', now() - interval '2 years', 'views import');
INSERT INTO views_record (who, kind, effective_at, source) VALUES ('gone', 'contacted', now() - interval '2 years', 'views import');
INSERT INTO views_record (who, kind, channels, method, wording, collected_by, effective_at, source) VALUES
  ('third', 'consent', '{email}', 'ticked_box', 'Offers', 'listbroker', now() - interval '2 years', 'views import');
SELECT pg_temp.load();
SELECT recorded_on = (now() AT TIME ZONE 'Europe/London')::date AS today, recorded_by = session_user AS by_me, events, people, consents, defective, unevidenced,
       time_unknown, third_party, back_dated, against_refusal, last_event > first_event AS in_order, latest > earliest + interval '1 year' AS years
  FROM consent.import_audit WHERE source = 'views import';

-- consent.disguised_marketing: what was declared, and what was seen.
CREATE TABLE views_out (to_addr text, body text, kind text);
SELECT consent.guard('views_out', recipient => 'to_addr', channel => $$'email'$$, body => 'body', class => 'kind', organisation => $$'views shop'$$, on_block => 'flag', log => 'all');
INSERT INTO views_out VALUES
  ('right@views.example', 'Get 20% off all boilers this weekend only!', 'service'),
  ('right@views.example', 'Get 20% off all boilers this weekend only!', 'direct_marketing'),
  ('right@views.example', 'Get 20% off all boilers this weekend only!', NULL),
  ('right@views.example', 'Your order 4411 is out for delivery today.', 'service'),
  ('right@views.example', 'Qwertyuiop.', 'service');
SELECT declared_class, class, count(*) FROM consent.decision_log WHERE relation = 'views_out'::regclass GROUP BY 1, 2 ORDER BY 1, 2;
SELECT declared_class, class, count(*) FROM consent.disguised_marketing WHERE relation = 'views_out'::regclass GROUP BY 1, 2 ORDER BY 1, 2;

-- consent.current: any product will do, the newest that may be advertised is named, what serves every product comes first
INSERT INTO views_record (who, kind, product_category, refusal_offered, refused, relationship, effective_at) VALUES
  ('twice', 'soft_opt_in', 'boilers', true, false, 'sale', now() - interval '3 days'),
  ('twice', 'soft_opt_in', 'service plans', true, false, 'sale', now() - interval '2 days'),
  ('thrice', 'soft_opt_in', 'boilers', true, false, 'sale', now() - interval '3 days'),
  ('thrice', 'soft_opt_in', 'service plans', false, false, 'sale', now() - interval '2 days'),
  ('company', 'soft_opt_in', 'boilers', true, false, 'sale', now() - interval '3 days');
SELECT pg_temp.load();
SELECT consent.set_subscriber(pg_temp.views('company'), 'corporate') > 0 AS recorded;
SELECT c.contact, c.organisation, c.channel, c.status, c.reason, c.product_category, c.reasons
  FROM consent.current c
 WHERE c.contact IN (pg_temp.views('twice'), pg_temp.views('thrice'), pg_temp.views('company'))
   AND c.organisation IN ('views shop', 'views sale') AND c.channel = 'email' AND c.purpose = 'marketing'
 ORDER BY 1, 2;

-- Who sees a part of the ledger is told so, and nothing else.
CREATE ROLE regress_views_part IN ROLE consent_reader;
CREATE POLICY views_part ON consent.ledger USING (contact::text LIKE 'r%');
ALTER TABLE consent.ledger ENABLE ROW LEVEL SECURITY;
SET ROLE regress_views_part;
SELECT count(*) FROM consent.current;
SELECT count(*) FROM consent.at_risk;
SELECT count(*) FROM consent.expiring;
RESET ROLE;
-- also where no verdict is asked for
ALTER POLICY views_part ON consent.ledger USING (contact::text = 'reviewed@views.example');
SET ROLE regress_views_part;
SELECT count(*) FROM consent.at_risk;
RESET ROLE;
ALTER TABLE consent.ledger DISABLE ROW LEVEL SECURITY;
DROP POLICY views_part ON consent.ledger;
DROP ROLE regress_views_part;
SELECT consent.unguard('views_out');
DROP FUNCTION pg_temp.load();
DROP TABLE views_out, views_record;
