-- Policies: what each jurisdiction lays down, and from when.
LOAD 'pg_consent';
SET pg_consent.default_region = 'GB';
\set SHOW_CONTEXT never
\pset footer off
SET timezone = 'Europe/London';

-- What ships; the United Kingdom's numbers are those of PECR.
SELECT jurisdiction AS j, version AS v, valid_from, COALESCE(law, '(each reason''s own)') AS law, certainty FROM consent.policy
 WHERE version = 1 ORDER BY certainty DESC, jurisdiction;
SELECT jurisdiction AS j, opt_out_individual, opt_out_corporate, registers FROM consent.policy
 WHERE opt_out_individual || opt_out_corporate <> '{}' ORDER BY jurisdiction;
SELECT jurisdiction AS j, soft_opt_in AS soi, soft_opt_in_sale_months AS sale, soft_opt_in_negotiation_months AS negotiation, charity_soft_opt_in_from AS charity,
       double_opt_in AS doi, consent_months AS consent, third_party_months AS third, listing_days AS listing, screening_days AS screening
  FROM consent.policy ORDER BY jurisdiction;
SELECT count(*) AS without_source FROM consent.policy WHERE source IS NULL;

CREATE TABLE pol_j (n serial, j text);
INSERT INTO pol_j (j) SELECT unnest('{GB,EU,DE,FR,IE,NL,US,CA,AU}'::text[]);
INSERT INTO consent.organisation (name, jurisdiction, is_charity, pensions_authorised) SELECT 'pol ' || j, j, true, true FROM pol_j ORDER BY n;
INSERT INTO consent.organisation (name, jurisdiction) VALUES ('pol nowhere', 'XN');
-- nothing is said of what is not stored, nor of a restore, where policies come later
INSERT INTO consent.organisation (name, jurisdiction) VALUES ('pol nowhere', 'XN') ON CONFLICT DO NOTHING;
SET check_function_bodies = off;
INSERT INTO consent.organisation (name, jurisdiction) VALUES ('pol restored', 'XN');
RESET check_function_bodies;
UPDATE consent.organisation SET jurisdiction = 'XM' WHERE name = 'pol restored';
INSERT INTO consent.purpose (name, kind, parent) VALUES ('pol appeal', 'charitable', 'marketing'), ('pol review', 'pensions', 'marketing');

-- % in a contact is the jurisdiction: each has contacts of its own.
CREATE FUNCTION judge(c text, j text, channel consent.channel DEFAULT 'email', at timestamptz DEFAULT '2026-06-01 12:00+01',
                      purpose text DEFAULT 'marketing', opt_out boolean DEFAULT true) RETURNS text LANGUAGE sql AS
$$ SELECT d.reason FROM consent.evaluate(replace(c, '%', j)::consent.contact, channel, 'pol ' || j, 'direct_marketing', purpose, at, NULL, NULL, 'boilers', opt_out_offered => opt_out) d $$;

-- Nobody said anything: individuals, and companies.
SELECT consent.set_subscriber('corp@pol.example', 'corporate', at => '2020-01-01') > 0 AS email, consent.set_subscriber('+442079460202', 'corporate', at => '2020-01-01') > 0 AS phone;
SELECT j, judge('none@pol.example', j) AS email, judge('none@pol.example', j, 'sms') AS sms, judge('corp@pol.example', j) AS company,
       judge('corp@pol.example', j, 'sms') AS company_sms, judge('+442079460202', j, 'fax') AS company_fax FROM pol_j ORDER BY n;
-- Live calls: the British registers open British calls and no others.
SELECT consent.screened('tps', 10, at => '2026-05-25') > 0 AS tps, consent.screened('ctps', 10, at => '2026-05-25') > 0 AS ctps;
SELECT j, judge('+442079460201', j, 'live_call') AS individual, judge('+442079460202', j, 'live_call') AS company, judge('+442079460201', j, 'automated_call') AS automated FROM pol_j ORDER BY n;

-- Consent: Germany wants it confirmed, for electronic mail; in France it ends.
SELECT count(*) AS given FROM (
  SELECT consent.give(replace(c, '%', j)::consent.contact, '{email,post}', 'pol ' || j, method => m, wording => 'w', at => t)
    FROM pol_j, (VALUES ('ticked.%@pol.example', 'ticked_box', '2026-01-01'::timestamptz), ('twice.%@pol.example', 'double_opt_in', '2026-01-01'),
                        ('old.%@pol.example', 'double_opt_in', '2023-06-01 18:00+01')) v (c, m, t)) g;
SELECT j, judge('ticked.%@pol.example', j) AS ticked, judge('twice.%@pol.example', j) AS confirmed, judge('ticked.%@pol.example', j, 'post') AS ticked_post,
       judge('old.%@pol.example', j, at => '2026-05-31 23:59:59+01') AS day_before, judge('old.%@pol.example', j) AS months_36 FROM pol_j ORDER BY n;

-- Soft opt-ins: none in the United States, twelve months in Ireland, 24 and 6 in Canada; the charities' in the United Kingdom alone.
SELECT count(*) AS collected FROM (
  SELECT consent.soft_opt_in(replace(c, '%', j)::consent.contact, 'pol ' || j, 'boilers', true, false, k, t)
    FROM pol_j, (VALUES ('sale.%@pol.example', 'sale', '2024-06-01 18:00+01'::timestamptz), ('lately.%@pol.example', 'sale', '2025-06-01 18:00+01'),
                        ('enquiry.%@pol.example', 'negotiation', '2025-12-01 18:00+00'), ('friend.%@pol.example', 'support', '2026-03-01'),
                        ('+442079460203', 'client_relationship', '2026-03-01')) v (c, k, t)) s;
SELECT j, judge('lately.%@pol.example', j, 'sms', '2026-05-31 23:59:59+01') AS before_12, judge('lately.%@pol.example', j, 'sms') AS months_12,
       judge('sale.%@pol.example', j, 'sms', '2026-05-31 23:59:59+01') AS before_24, judge('sale.%@pol.example', j, 'sms') AS months_24 FROM pol_j ORDER BY n;
SELECT j, judge('enquiry.%@pol.example', j, 'sms', '2026-05-31 23:59:59+01') AS before_6, judge('enquiry.%@pol.example', j, 'sms') AS months_6,
       judge('friend.%@pol.example', j, 'sms', purpose => 'pol appeal') AS charity, judge('+442079460203', j, 'live_call', purpose => 'pol review') AS pensions FROM pol_j ORDER BY n;

-- Where nobody need ask, a no counts all the same, and so does what the message lacks.
SELECT consent.withdraw('withdrew@pol.example', at => '2026-01-01') > 0 AS withdrawn, consent.object('objected@pol.example', at => '2026-01-01') > 0 AS objected,
       consent.suppress('bounced@pol.example', 'hard bounce', at => '2026-01-01') > 0 AS suppressed,
       consent.soft_opt_in('refused@pol.example', 'pol US', 'boilers', true, true, at => '2026-01-01') > 0 AS refused;
SELECT judge('withdrew@pol.example', 'US') AS withdrew, judge('objected@pol.example', 'US') AS objected, judge('bounced@pol.example', 'US') AS bounced,
       judge('refused@pol.example', 'US') AS refused, judge('refused@pol.example', 'US', at => '2025-12-31') AS before, judge('none@pol.example', 'US', opt_out => false) AS no_opt_out;
SELECT allowed, reason, event_id IS NOT NULL AS event, reasons FROM consent.evaluate('refused@pol.example', 'email', 'pol US', at => '2026-06-01');
SELECT consent.give('refused@pol.example', '{email}', 'pol US', method => 'ticked_box', wording => 'w', at => '2026-02-01') > 0 AS consented, judge('refused@pol.example', 'US');
SELECT allowed, reason, basis, event_id, reasons FROM consent.evaluate('none@pol.example', 'email', 'pol US', at => '2026-06-01');

-- British regulations are cited for British senders only.
SELECT j, (consent.evaluate(replace('ticked.%@pol.example', '%', j)::consent.contact, 'post', 'pol ' || j)).citation AS allowed, (consent.evaluate('objected@pol.example', 'sms', 'pol ' || j)).citation AS refused FROM pol_j ORDER BY n;
SELECT (consent.evaluate('none@pol.example', 'sms', 'pol FR', 'service')).citation AS service, (consent.evaluate(NULL, 'sms', 'pol FR')).citation AS nobody, (consent.evaluate('none@pol.example', 'sms', 'pol none')).citation AS no_organisation;
CREATE TABLE pol_outbox (to_addr text, org text);
SELECT consent.guard('pol_outbox', recipient => 'to_addr', channel => $$'sms'$$, organisation => 'org');
DO $$
DECLARE org text; why text; detail text;
BEGIN
  FOR org IN SELECT 'pol ' || unnest('{DE,GB}'::text[]) LOOP
    FOREACH why IN ARRAY '{none@pol.example,nonsense}'::text[] LOOP
      BEGIN
        INSERT INTO pol_outbox VALUES (why, org);
      EXCEPTION WHEN SQLSTATE 'PC001' THEN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
        RAISE NOTICE '% %: %', org, detail::jsonb->>'reason', detail::jsonb->>'citation';
      END;
    END LOOP;
  END LOOP;
END $$;
DROP TABLE pol_outbox;

-- A jurisdiction without a policy is refused, until it has one.
SELECT judge('none@pol.example', 'nowhere'), consent.policy_in_force('pol nowhere') IS NULL AS no_policy,
       (consent.evaluate('none@pol.example', 'email', 'pol nowhere', 'service')).reason AS service;
INSERT INTO consent.policy (jurisdiction, version, valid_from, law) VALUES ('XN', 1, '2026-03-01', 'Law of Nowhere');
SELECT judge('none@pol.example', 'nowhere'), judge('none@pol.example', 'nowhere', at => '2026-02-28 23:59:59+00') AS before_it_began;
SELECT opt_out_individual, opt_out_corporate, registers, soft_opt_in, charity_soft_opt_in_from AS charity, third_party_months AS third, certainty FROM consent.policy_in_force('pol nowhere', '2026-06-01');

-- A new version judges from its day on, and the past stays as it was; calls may be opt-out without registers.
INSERT INTO consent.policy (jurisdiction, version, valid_from, law, opt_out_individual, third_party_months)
VALUES ('XN', 2, '2900-06-01', 'New Law of Nowhere', '{email,live_call,fax,post}', 1);
SELECT consent.give('third@pol.example', '{sms}', 'pol nowhere', method => 'ticked_box', wording => 'w', collected_by => 'broker', named_organisations => '{pol nowhere}', at => '2900-03-31 12:00+01') > 0 AS given;
SELECT t AS at, (d).reason, (d).citation, (consent.policy_in_force('pol nowhere', t)).version, judge('+442079460201', 'nowhere', 'live_call', t) AS call,
       judge('+442079460201', 'nowhere', 'fax', t) AS fax, judge('postal:1 High Street', 'nowhere', 'post', t) AS post, judge('third@pol.example', 'nowhere', 'sms', t) AS third
  FROM (SELECT t, consent.evaluate('none@pol.example', 'email', 'pol nowhere', at => t) AS d
          FROM unnest('{2026-06-01 12:00+01,2900-05-31 23:59:59+01,2900-06-01 00:00+01}'::timestamptz[]) t) v ORDER BY t;
-- entered again for the same day, the higher version holds
INSERT INTO consent.policy (jurisdiction, version, valid_from, law, third_party_months) VALUES ('XN', 3, '2900-06-01', 'Newer Law of Nowhere', NULL);
SELECT judge('none@pol.example', 'nowhere', at => '2900-06-01 00:00+01') AS email, judge('third@pol.example', 'nowhere', 'sms', '2950-01-01') AS third, (consent.policy_in_force('pol nowhere', '2900-06-01 00:00+01')).version;
-- what is rolled back never was
BEGIN;
INSERT INTO consent.policy (jurisdiction, version, law, opt_out_individual) VALUES ('XN', 4, 'Law of a Day', '{email}');
SELECT judge('none@pol.example', 'nowhere', at => clock_timestamp()) AS inside;
ROLLBACK;
SELECT judge('none@pol.example', 'nowhere', at => clock_timestamp()) AS afterwards;

-- Errors
\set VERBOSITY terse
INSERT INTO consent.policy (jurisdiction, version, valid_from, law) VALUES ('XN', 4, '2026-06-01', 'Late Law');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.policy (jurisdiction, version, law) VALUES ('XN', 2, 'Law');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.policy (jurisdiction, version, law) VALUES ('XN', 0, 'Law');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.policy (jurisdiction, version) VALUES ('XM', 1);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.policy (jurisdiction, version, law, registers) VALUES ('XM', 1, 'Law', '{mps}');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.policy (jurisdiction, version, law, opt_out_individual) VALUES ('XM', 1, 'Law', '{NULL}');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.policy (jurisdiction, version, law, consent_months) VALUES ('XM', 1, 'Law', 0);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.policy (jurisdiction, version, law, certainty) VALUES ('XM', 1, 'Law', 'sure');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default
INSERT INTO consent.policy (jurisdiction, version, valid_from, law) VALUES ('XN', 5, '2950-01-01', 'Law');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.policy (jurisdiction, version, valid_from, law) VALUES ('XM', 2, '2950-01-01', 'Law');
\echo :LAST_ERROR_SQLSTATE
UPDATE consent.policy SET third_party_months = 60;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM consent.policy WHERE false;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE consent.policy;
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE consent.policy SET third_party_months = 60 WHERE jurisdiction = 'GB';
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT consent.policy_keep();
\echo :LAST_ERROR_SQLSTATE

-- Everybody may read the policies; nobody else may add one, or ask about organisations.
CREATE ROLE regress_policy_nobody;
SET ROLE regress_policy_nobody;
SELECT count(*) > 0 AS readable FROM consent.policy;
INSERT INTO consent.policy (jurisdiction, version, law) VALUES ('XM', 1, 'Law');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.policy_in_force('pol GB');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.policy_keep();
\echo :LAST_ERROR_SQLSTATE
-- Who keeps the policies may add versions, and back-date none.
RESET ROLE;
GRANT consent_admin TO regress_policy_nobody;
SET ROLE regress_policy_nobody;
INSERT INTO consent.policy (jurisdiction, version, valid_from, law) VALUES ('XN', 4, '2960-01-01', 'Law');
INSERT INTO consent.policy (jurisdiction, version, valid_from, law, recorded_at) VALUES ('XN', 5, '2020-01-01', 'Law', '2020-01-01');
\echo :LAST_ERROR_SQLSTATE
DELETE FROM consent.policy;
\echo :LAST_ERROR_SQLSTATE
SELECT (consent.policy_in_force('pol nowhere', '2960-01-01')).version;
RESET ROLE;
DROP ROLE regress_policy_nobody;

-- Standings know of no policy: the campaign filter agrees, whosever it is.
SELECT count(*) AS wrong FROM consent.wrong_standings();
SELECT count(*) AS asked, count(*) FILTER (WHERE may <> filtered) AS disagreements, count(*) FILTER (WHERE may) > 0 AS some_may
  FROM (SELECT consent.may_send(l.contact, channel, 'pol ' || j, product_category => 'boilers') AS may,
               l.contact IN (SELECT consent.permitted(channel, 'pol ' || j, 'marketing', 'boilers')) AS filtered
          FROM (SELECT DISTINCT contact FROM consent.ledger WHERE contact::text LIKE '%pol.example' OR contact::text LIKE '+4420794602%') l,
               pol_j, unnest('{email,sms,live_call,post}'::consent.channel[]) AS channel) v;
DROP FUNCTION judge(text, text, consent.channel, timestamptz, text, boolean);
DROP TABLE pol_j;
