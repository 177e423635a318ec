-- The law beyond consent: soft opt-ins, requests, registers, suppression,
-- +tags, sectors, legitimate interests.  Cases are named after their rules.
LOAD 'pg_consent';
SET pg_consent.default_region = 'GB';
\set SHOW_CONTEXT never
\pset footer off
SET timezone = 'Europe/London';
INSERT INTO consent.organisation (name, is_charity, pensions_authorised) VALUES
  ('law acme', false, false), ('law bolt', false, false), ('law charity', true, false), ('law pensions', false, true);
INSERT INTO consent.purpose (name, kind, parent) VALUES
  ('law appeal', 'charitable', 'marketing'), ('law claims', 'claims_management', 'marketing'), ('law review', 'pensions', 'marketing');

CREATE FUNCTION judge(c consent.contact, channel consent.channel DEFAULT 'email', at timestamptz DEFAULT '2026-06-01 12:00+01',
                      org text DEFAULT 'law acme', class consent.message_class DEFAULT 'direct_marketing', purpose text DEFAULT 'marketing',
                      category text DEFAULT 'boilers', reference text DEFAULT NULL, known_at timestamptz DEFAULT NULL,
                      instigators text[] DEFAULT '{}', opt_out boolean DEFAULT true,
                      OUT reason text, OUT reasons text[]) LANGUAGE sql AS
$$ SELECT d.reason, d.reasons FROM consent.evaluate(c, channel, org, class, purpose, at, known_at, reference, category, instigators, opt_out) d $$;
CREATE FUNCTION soi(c consent.contact, at timestamptz DEFAULT '2026-03-01 12:00+00', org text DEFAULT 'law acme', category text DEFAULT 'boilers',
                    offered boolean DEFAULT true, refused boolean DEFAULT false, kind text DEFAULT 'sale', by text DEFAULT NULL) RETURNS boolean LANGUAGE sql AS
$$ SELECT consent.soft_opt_in(c, org, category, offered, refused, kind, at, collected_by => by) > 0 $$;

-- Soft opt-in, SO1 to SO9 (SO3 is s3 and s3b; SO10 is a matter of jurisdictions: sql/policy.sql)
SELECT soi('s1@law.example');
SELECT (judge('s1@law.example')).*;
SELECT allowed, basis, citation, event_id IS NOT NULL AS event FROM consent.evaluate('s1@law.example', 'sms', 'law acme', product_category => 'boilers');
SELECT c AS channel, (judge('s1@law.example', c)).reason FROM unnest(enum_range(NULL::consent.channel)) c ORDER BY c;
SELECT (judge('s1@law.example', at => '2026-03-01 11:59+00')).reason AS before, (judge('s1@law.example', at => '2026-03-01 12:00+00')).reason AS at_once;
SELECT (judge('s1@law.example', org => 'law bolt')).reason AS so2, (judge('s1@law.example', category => 'phones')).reason AS so4,
       (judge('s1@law.example', category => NULL)).reason AS so4_null, (judge('s1@law.example', instigators => '{law bolt}')).reason AS so4_other,
       (judge('s1@law.example', instigators => '{law acme}')).reason AS itself,
       (judge('s1@law.example', opt_out => false)).reason AS so7, (judge('s1@law.example', purpose => 'law appeal')).reason AS so9;
-- SO9: nor claims management and pensions, nor what lies below them, nor optional services
BEGIN;
INSERT INTO consent.purpose (name, kind, parent) VALUES ('law ppi', 'commercial', 'law claims'), ('law offers', 'commercial', 'marketing'), ('law hints', 'service_optional', 'marketing');
SELECT p, (judge('s1@law.example', purpose => p)).reasons FROM unnest('{marketing,law offers,law claims,law ppi,law review,law hints}'::text[]) p;
ROLLBACK;
SELECT soi('s2@law.example', by => 'broker'), (judge('s2@law.example')).reason AS so2;
SELECT soi('s3@law.example', kind => 'support'), soi('s3b@law.example', kind => 'client_relationship'), soi('s3c@law.example', kind => 'negotiation');
SELECT (judge('s3@law.example')).reasons AS support, (judge('s3b@law.example')).reason AS client, (judge('s3c@law.example')).reason AS negotiation;
SELECT soi('s4@law.example', category => NULL), (judge('s4@law.example', category => NULL)).reason AS so4;
SELECT soi('s5@law.example', offered => false), soi('s5b@law.example', offered => NULL);
SELECT (judge('s5@law.example')).reason AS so5, (judge('s5b@law.example')).reason AS so5_unknown;
SELECT soi('s6@law.example', refused => true), soi('s6b@law.example', refused => NULL);
SELECT (judge('s6@law.example')).reasons AS so6, (judge('s6b@law.example')).reasons AS so6_unknown;
-- a refusal ends earlier and bars later ones, of that organisation, until a consent
SELECT soi('bar@law.example'), soi('bar@law.example', at => '2026-03-02', refused => true), soi('bar@law.example', at => '2026-03-03'), soi('bar@law.example', org => 'law bolt');
SELECT (judge('bar@law.example', at => '2026-03-01 13:00+00')).reason AS before, (judge('bar@law.example')).reason AS after, (judge('bar@law.example', org => 'law bolt')).reason AS other;
SELECT consent.give('bar@law.example', '{sms,email}', 'law acme', method => 'ticked_box', wording => 'w', at => '2026-04-01', expires_at => '2026-05-01') > 0 AS consented;
SELECT (judge('bar@law.example', at => '2026-04-15')).reason AS consent, (judge('bar@law.example')).reason AS after_it_expired;
-- SO8: a withdrawal or objection, before or after (E11)
SELECT soi('s8@law.example'), consent.withdraw('s8@law.example', at => '2026-04-01') > 0 AS withdrawn;
SELECT (judge('s8@law.example', at => '2026-03-15')).reason AS before, (judge('s8@law.example')).reasons AS after;
SELECT consent.object('e11@law.example', at => '2026-01-01') > 0 AS objected, soi('e11@law.example');
SELECT (judge('e11@law.example')).reasons;
-- at an unknown time nothing was collected
SELECT soi('s0@law.example', at => NULL), (judge('s0@law.example')).reason;

-- Charitable purposes soft opt-in, CS1 to CS9
SELECT soi('c1@law.example', org => 'law charity', category => NULL, kind => 'support');
SELECT (judge('c1@law.example', org => 'law charity', purpose => 'law appeal')).*;
SELECT (judge('c1@law.example', org => 'law charity')).reasons AS cs5, (judge('c1@law.example', org => 'law charity', purpose => 'law appeal', instigators => '{law bolt}')).reason AS cs6,
       (judge('c1@law.example', org => 'law charity', purpose => 'law appeal', opt_out => false)).reason AS cs8,
       (judge('c1@law.example', 'automated_call', org => 'law charity', purpose => 'law appeal')).reason AS call;
BEGIN;
INSERT INTO consent.purpose (name, kind, parent) VALUES ('law victims', 'charitable', 'law claims'), ('law poor', 'charitable', 'law appeal');
SELECT p, (judge('c1@law.example', org => 'law charity', purpose => p)).reasons AS cs5_below FROM unnest('{law victims,law poor}'::text[]) p;
ROLLBACK;
SELECT soi('c1b@law.example', org => 'law acme', kind => 'support'), (judge('c1b@law.example', purpose => 'law appeal')).reason AS cs1;
SELECT soi('c2@law.example', org => 'law charity', kind => 'support', by => 'shop'), (judge('c2@law.example', org => 'law charity', purpose => 'law appeal')).reason AS cs2;
SELECT soi('c4@law.example', org => 'law charity', kind => 'support', at => '2026-02-04 23:59:59+00'), soi('c4b@law.example', org => 'law charity', kind => 'support', at => '2026-02-05 00:00+00');
SELECT (judge('c4@law.example', org => 'law charity', purpose => 'law appeal')).reason AS cs4, (judge('c4b@law.example', org => 'law charity', purpose => 'law appeal')).reason AS in_force;
SELECT soi('c7@law.example', org => 'law charity', kind => 'support', offered => false), soi('c7b@law.example', org => 'law charity', kind => 'support', refused => true);
SELECT (judge('c7@law.example', org => 'law charity', purpose => 'law appeal')).reason AS cs7, (judge('c7b@law.example', org => 'law charity', purpose => 'law appeal')).reason AS cs7_refused;

-- Requests: E19, E21, S23
SELECT consent.request('r1@law.example', 'law acme', 'email', 'q-1', 'a quote', at => '2026-05-01', until => '2026-07-01') > 0 AS requested;
SELECT (judge('r1@law.example', class => 'solicited_response', reference => 'q-1')).*;
SELECT (judge('r1@law.example', class => 'solicited_response')).reason AS no_reference, (judge('r1@law.example', class => 'solicited_response', reference => 'q-2')).reason AS other_reference,
       (judge('r1@law.example', 'sms', class => 'solicited_response', reference => 'q-1')).reason AS other_channel,
       (judge('r1@law.example', org => 'law bolt', class => 'solicited_response', reference => 'q-1')).reason AS other_org,
       (judge('r1@law.example', reference => 'q-1')).reason AS marketing, (judge('r1@law.example', class => 'solicited_response', reference => 'q-1', opt_out => false)).reason AS no_optout,
       (judge('r1@law.example', class => 'solicited_response', reference => 'q-1', at => '2026-04-30')).reason AS before,
       (judge('r1@law.example', class => 'solicited_response', reference => 'q-1', at => '2026-07-01')).reason AS over;
SELECT consent.answered('q-1', at => '2026-06-01 13:00+01') > 0 AS answered, consent.answered('q-none') AS no_such_request;
SELECT (judge('r1@law.example', class => 'solicited_response', reference => 'q-1')).reason AS before_answer,
       (judge('r1@law.example', class => 'solicited_response', reference => 'q-1', at => '2026-06-01 13:00+01')).reason AS after_answer;
SELECT consent.object('r2@law.example', at => '2026-04-01') > 0 AS objected, consent.request('r2@law.example', 'law acme', 'email', 'q-3', at => '2026-05-01') > 0 AS requested;
SELECT (judge('r2@law.example', class => 'solicited_response', reference => 'q-3')).reason AS newer_request;
SELECT consent.withdraw('r2@law.example', at => '2026-05-15') > 0 AS withdrawn, (judge('r2@law.example', class => 'solicited_response', reference => 'q-3')).reason AS no_since;

-- Suppression: beats consent, lifted only by unsuppress
SELECT consent.give('sup@law.example', '{email,sms}', 'law acme', method => 'ticked_box', wording => 'w', at => '2026-05-01') > 0 AS consented,
       consent.suppress('sup@law.example', 'hard bounce', channels => '{email}', at => '2026-04-01') > 0 AS suppressed;
SELECT (judge('sup@law.example')).*, (judge('sup@law.example', 'sms')).reason AS sms, (judge('sup@law.example', class => 'service')).reason AS service;
SELECT consent.unsuppress('sup@law.example', 'works again', at => '2026-04-02') > 0 AS unsuppressed, (judge('sup@law.example')).reason AS after, (judge('sup@law.example', at => '2026-04-01 12:00+01')).reasons AS between;

-- +tags: an objection or suppression reaches every form, a consent its own (E33)
SELECT consent.give('tag+a@law.example', '{email}', 'law acme', method => 'ticked_box', wording => 'w', at => '2026-01-01') > 0 AS a,
       consent.give('tag@law.example', '{email}', 'law acme', method => 'ticked_box', wording => 'w', at => '2026-01-01') > 0 AS plain;
SELECT (judge('tag+a@law.example')).reason AS a, (judge('tag@law.example')).reason AS plain, (judge('tag+b@law.example')).reason AS b;
SELECT consent.withdraw('tag+a@law.example', at => '2026-02-01') > 0 AS withdrawn;
SELECT (judge('tag+a@law.example')).reason AS a, (judge('tag@law.example')).reason AS plain;
SELECT consent.object('tag+c@law.example', at => '2026-03-01') > 0 AS objected;
SELECT (judge('tag+a@law.example')).reason AS a, (judge('tag@law.example')).reason AS plain, (judge('tag+b@law.example')).reason AS b;
SELECT c, consent.contact_root(c::consent.contact) FROM unnest('{jo@law.example,jo+x@law.example,jo+x+y@law.example,+x@law.example,"\"a+b c\"@law.example",+447700900123,account:a+b}'::text[]) c;

-- Third parties: E18, first contact in time
SELECT consent.give('t1@law.example', '{email}', 'law acme', method => 'ticked_box', wording => 'w', collected_by => 'broker', named_organisations => '{law acme}', at => '2025-01-31 12:00+00') > 0 AS given;
SELECT (judge('t1@law.example')).reason AS stale;
SELECT consent.contacted('t1@law.example', 'law acme', at => '2025-07-31 00:00+01') > 0 AS too_late, (judge('t1@law.example')).reason;
SELECT consent.contacted('t1@law.example', 'law bolt', at => '2025-03-01') > 0 AS other_org, (judge('t1@law.example')).reason;
SELECT consent.contacted('t1@law.example', 'law acme', at => '2025-07-30 23:59:59+01') > 0 AS in_time, (judge('t1@law.example')).reason;

-- Registers: T4, T5, T6, E22, E23, E24
SELECT (judge('+442079460101', 'live_call')).reasons AS never_screened;
SELECT consent.screened('tps', 1000, at => '2026-05-10 12:00+01') > 0 AS tps, (judge('+442079460101', 'live_call')).reason AS only_tps;
SELECT consent.screened('ctps', 1000, at => '2026-05-10 12:00+01') > 0 AS ctps, (judge('+442079460101', 'live_call')).*;
SELECT (judge('+442079460101', 'live_call', at => '2026-06-08 11:59:59+01')).reason AS under_29_days, (judge('+442079460101', 'live_call', at => '2026-06-08 12:00+01')).reason AS days_29;
SELECT consent.list_on_register('+442079460102', 'tps', '2026-05-05') > 0 AS listed, consent.list_on_register('+442079460103', 'ctps', '2026-05-04') > 0 AS listed;
SELECT (judge('+442079460102', 'live_call')).reason AS days_27, (judge('+442079460102', 'live_call', at => '2026-06-01 23:59:59+01')).reason AS last_moment,
       (judge('+442079460102', 'live_call', at => '2026-06-02 00:00+01')).reason AS days_28, (judge('+442079460103', 'live_call')).reason AS ctps;
SELECT consent.set_subscriber('+442079460103', 'corporate', at => '2026-01-01') > 0 AS corporate, (judge('+442079460103', 'live_call')).reason;
SELECT consent.list_on_register('+442079460103', 'ctps', '2026-05-04', delisted_on => '2026-05-30') > 0 AS delisted, (judge('+442079460103', 'live_call')).reason, (judge('+442079460103', 'live_call', at => '2026-05-29', known_at => now())).reason AS while_young;
SELECT consent.list_on_register('+442079460104', 'tps', '2020-01-01') > 0 AS listed, consent.non_objection('+442079460104', 'law acme', at => '2026-01-01') > 0 AS does_not_object;
SELECT (judge('+442079460104', 'live_call')).reason AS acme, (judge('+442079460104', 'live_call', org => 'law bolt')).reason AS bolt;
SELECT (judge('+442079460104', 'live_call', instigators => '{law bolt}')).reason AS by_that_caller_for_another, (judge('+442079460104', 'live_call', org => 'law bolt', instigators => '{law acme}')).reason AS by_another_for_that_caller;
SELECT consent.object('+442079460104', '{live_call}', 'law acme', at => '2026-02-01') > 0 AS objects_after_all, (judge('+442079460104', 'live_call')).reasons;
SELECT consent.list_on_register('+442079460105', 'tps', '2020-01-01') > 0 AS listed, consent.give('+442079460105', '{live_call}', 'law acme', method => 'oral', wording => 'w', at => '2026-01-01') > 0 AS consented;
SELECT (judge('+442079460105', 'live_call')).reason AS e22, (judge('+442079460105', 'live_call', at => '2026-09-01')).reason AS stale_too;
SELECT consent.withdraw('+442079460105', '{live_call}', at => '2026-02-01') > 0 AS withdrawn, (judge('+442079460105', 'live_call')).reasons AS e23;
SELECT (judge('+442079460102', 'live_call', at => '2026-06-02 00:00+01', known_at => '2026-01-01')).reason AS nothing_known;
-- fax: companies opt out, and the register counts where it was ever screened
SELECT consent.set_subscriber('+442079460106', 'corporate', at => '2026-01-01') > 0 AS corporate, consent.list_on_register('+442079460106', 'fps', '2020-01-01') > 0 AS listed;
SELECT (judge('+442079460106', 'fax')).reason AS never_screened, (judge('+442079460101', 'fax')).reason AS individual;
SELECT consent.screened('fps', 10, at => '2026-05-10 12:00+01') > 0 AS fps, (judge('+442079460106', 'fax')).reason AS screened, (judge('+442079460106', 'fax', at => '2026-08-01')).reasons AS stale;

-- E38: its 29 days are London's, where one in March has 23 hours
BEGIN;
SELECT count(consent.screened(r, 1, at => '2026-03-25 00:30+00')) AS screened FROM unnest('{tps,ctps}'::text[]) r;
SELECT (judge('+442079460101', 'live_call', at => '2026-04-23 00:29:59+01')).reason AS under_29_days, (judge('+442079460101', 'live_call', at => '2026-04-23 00:30+01')).reason AS days_29;
ROLLBACK;
-- and they end no later where the clock is changed: in an hour that comes twice in its first, in one left out as it begins
CREATE FUNCTION good_until(screening timestamptz, VARIADIC calls timestamptz[]) RETURNS TABLE (call timestamptz, reason text)
LANGUAGE sql BEGIN ATOMIC
	SELECT consent.screened('tps', 1, at => screening) + consent.screened('ctps', 1, at => screening);
	SELECT c, (judge('+442079460101', 'live_call', at => c)).reason FROM unnest(calls) c;
END;
BEGIN;
SELECT call AT TIME ZONE 'UTC' AS utc, reason FROM good_until('2026-02-28 01:30+00', '2026-03-29 00:59:59.999999+00', '2026-03-29 01:00+00', '2026-03-29 01:30+00');
ROLLBACK;
BEGIN;
SELECT call AT TIME ZONE 'UTC' AS utc, reason FROM good_until('2026-09-26 01:30+01', '2026-10-25 00:29:59.999999+00', '2026-10-25 00:30+00', '2026-10-25 01:00+00', '2026-10-25 01:30+00');
ROLLBACK;
BEGIN;
SELECT call AT TIME ZONE 'UTC' AS utc, reason FROM good_until('2026-09-26 02:00+01', '2026-10-25 01:59:59.999999+00', '2026-10-25 02:00+00');
ROLLBACK;
-- nor does a later one end sooner, made when the clock had been put back
BEGIN;
SELECT count(*) AS calls FROM good_until('2026-10-25 00:59+00', '2026-11-23 01:30+00');
SELECT call AT TIME ZONE 'UTC' AS utc, reason FROM good_until('2026-10-25 01:05+00', '2026-11-23 01:30+00', '2026-11-23 01:59:59.999999+00', '2026-11-23 02:00+00');
ROLLBACK;
DROP FUNCTION good_until(timestamptz, timestamptz[]);

-- Sectors: 21A, 21B
SELECT (judge('+442079460101', 'live_call', purpose => 'law claims')).*;
SELECT (judge('+442079460101', 'live_call', purpose => 'law review')).reason AS not_authorised, (judge('+442079460101', 'live_call', org => 'law pensions', purpose => 'law review')).reason AS no_relationship;
-- who is not authorised may not call on a consent either, and what another consent lacks is no reason
SELECT count(consent.give('+442079460119', '{live_call}', o, 'law review', method => 'oral', wording => 'w', at => '2026-02-01')) AS consents FROM unnest('{law acme,law bolt}'::text[]) o;
SELECT (judge('+442079460119', 'live_call', purpose => 'law review')).*;
SELECT soi('+442079460107', org => 'law pensions', category => NULL, kind => 'client_relationship'), (judge('+442079460107', 'live_call', org => 'law pensions', purpose => 'law review')).*;
-- nor on a client relationship
BEGIN;
SELECT soi('+442079460107', category => NULL, kind => 'client_relationship'), consent.give('+442079460107', '{email}', 'law bolt', method => 'oral', wording => 'w', at => '2026-02-01') > 0 AS other,
       (judge('+442079460107', 'live_call', purpose => 'law review')).*;
ROLLBACK;
-- what lies below such a purpose is that business, whatever kind it was given, and consent to either of them will do
BEGIN;
INSERT INTO consent.purpose (name, kind, parent) VALUES ('law ppi', 'commercial', 'law claims'), ('law ppi tips', 'service_optional', 'law ppi'), ('law drawdown', 'commercial', 'law review');
SELECT p, (judge('+442079460101', 'live_call', purpose => p)).* FROM unnest('{law ppi,law ppi tips,law drawdown}'::text[]) p;
SELECT count(consent.give(c, '{live_call}', 'law acme', p, method => 'oral', wording => 'w', at => '2026-02-01')) AS consents
  FROM (VALUES ('+442079460120'::consent.contact, 'law ppi'), ('+442079460121', 'law claims'), ('+442079460122', 'marketing')) g(c, p);
SELECT c, (judge(c, 'live_call', purpose => 'law ppi')).* FROM unnest('{+442079460120,+442079460121,+442079460122}'::consent.contact[]) c;
ROLLBACK;
SELECT (judge('+442079460107', 'live_call', org => 'law pensions', purpose => 'law review', instigators => '{law pensions}')).reason AS itself,
       (judge('+442079460107', 'live_call', org => 'law pensions', purpose => 'law review', instigators => '{law bolt}')).reason AS for_another;
SELECT consent.set_subscriber('+442079460108', 'corporate', at => '2026-01-01') > 0 AS corporate, (judge('+442079460108', 'live_call', purpose => 'law review')).reason AS falls_back_to_reg_21;

-- Post and list-matched advertising: consent, or an assessment, and no objection
SELECT (judge('postal:1 High Street, Leeds', 'post')).reasons;
INSERT INTO consent.assessment (organisation, purpose, channel, reference, assessed_on) VALUES ('law acme', 'marketing', 'post', 'LIA-7', '2026-05-01');
SELECT (judge('postal:1 High Street, Leeds', 'post')).reason, (judge('postal:1 High Street, Leeds', 'post', at => '2026-04-30 23:59+01')).reason AS before,
       (judge('postal:1 High Street, Leeds', 'online_ad')).reason AS other_channel, (judge('postal:1 High Street, Leeds', 'post', org => 'law bolt')).reason AS other_org;
SELECT consent.object('postal:1 High Street, Leeds', at => '2026-05-15') > 0 AS objected, (judge('postal:1 High Street, Leeds', 'post')).reason;
INSERT INTO consent.assessment (organisation, channel, reference, assessed_on) VALUES ('law bolt', 'email', 'LIA-8', '2026-01-01');
SELECT (judge('nobody@law.example', org => 'law bolt')).reason AS never_for_email;

-- The campaign filter agrees, for every form of every address
SELECT count(*) AS disagreements
  FROM (SELECT DISTINCT contact FROM consent.ledger) l, unnest('{law acme,law charity,law pensions}'::text[]) AS org,
       unnest('{email,live_call,post}'::consent.channel[]) AS channel, unnest('{marketing,law appeal,law review}'::text[]) AS purpose
 WHERE consent.may_send(l.contact, channel, org, purpose => purpose, product_category => 'boilers')
       <> (l.contact IN (SELECT consent.permitted(channel, org, purpose, 'boilers')))
   AND (l.contact::text LIKE '%law.example' OR l.contact::text LIKE '+4420794601%' OR consent.contact_kind(l.contact) = 'postal');
-- of two addresses with very many forms, too, whose standings are kept out of line
BEGIN;
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording)
  SELECT 'many' || a || '+' || i || '@law.example', CASE WHEN i % 3 = a THEN 'withdrawal' ELSE 'consent' END, '{email}', 'law acme',
         CASE WHEN i % 3 <> a THEN 'ticked_box' END, CASE WHEN i % 3 <> a THEN 'w' END
    FROM generate_series(0, 1) a, generate_series(1, 600) i;
SELECT left(p::text, 5) AS address, count(*), count(*) FILTER (WHERE NOT consent.may_send(p, 'email', 'law acme', at => clock_timestamp())) AS wrong FROM consent.permitted('email', 'law acme') p WHERE p::text LIKE 'many%' GROUP BY 1 ORDER BY 1;
SELECT bool_and(pg_column_size(standing) > 2000) AS out_of_line FROM consent.address_standing WHERE address IN ('many0@law.example', 'many1@law.example');
ROLLBACK;

-- Errors
SELECT consent.soft_opt_in('x@law.example', 'law acme', kind => 'friendship');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.soft_opt_in('x@law.example', 'law acme', repeat('x', 1001));
\echo :LAST_ERROR_SQLSTATE
SELECT consent.request('x@law.example', 'law acme', 'email');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.request('x@law.example', 'law acme', reference => 'q');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.request('x@law.example', 'law acme', 'email', 'q', at => '2026-02-01', until => '2026-01-01');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.list_on_register('x@law.example', 'tps', '2026-01-01');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.list_on_register('+442079460109', 'mps', '2026-01-01');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.list_on_register('+442079460109', 'tps', '2026-01-02', '2026-01-01');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.list_on_register('+442079460109', 'tps', NULL);
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
SELECT consent.screened('mps', 1);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.screened('tps', 1, at => now() + interval '1 day');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default
DELETE FROM consent.screening;
\echo :LAST_ERROR_SQLSTATE
SELECT consent.non_objection('x@law.example', NULL);
\echo :LAST_ERROR_SQLSTATE


-- Standings are kept by every statement, and can be made anew.
SELECT count(*) AS wrong FROM consent.wrong_standings();
SELECT address, plain, tagged, regexp_replace(standing::text, ' [0-9]+', '', 'g') AS standing FROM consent.address_standing WHERE address IN ('tag@law.example', 'sup@law.example') ORDER BY address;
DELETE FROM consent.address_standing WHERE address = 'sup@law.example';
UPDATE consent.address_standing SET standing = (SELECT consent.fold(l) FROM consent.ledger l WHERE contact = 's1@law.example') WHERE address = 'tag@law.example';
SELECT consent.wrong_standings() ORDER BY 1;
SELECT consent.rebuild_standings() > 0 AS rebuilt;
SELECT count(*) AS wrong FROM consent.wrong_standings();
SELECT count(*) AS wrong_unions
  FROM (SELECT address, consent.fold(l) FILTER (WHERE event_id % 2 = 0) AS even, consent.fold(l) FILTER (WHERE event_id % 2 = 1) AS odd,
               consent.fold(l) FILTER (WHERE event_id % 3 > 0) AS part, consent.fold(l) AS whole FROM consent.ledger l GROUP BY address) f
 WHERE NOT consent.standing_eq(consent.standing_union(even, odd), whole) OR NOT consent.standing_eq(consent.standing_union(odd, even), whole)
    OR NOT consent.standing_eq(consent.standing_union(part, whole), whole);

-- Rows that no ledger ever held are errors, not crashes.
SELECT consent.fold(row(1,'x@law.example',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)::consent.ledger);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.fold(row(1,'x@law.example','listing',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,now(),NULL,NULL,NULL,NULL,NULL,NULL)::consent.ledger);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.give('x@law.example', '{email}', 'law acme', method => 'oral', wording => 'w', named_organisations => array_fill('law bolt'::text, ARRAY[1001]));
\echo :LAST_ERROR_SQLSTATE
CREATE ROLE regress_law_nobody;
SET ROLE regress_law_nobody;
SELECT consent.fold(NULL::consent.ledger);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP ROLE regress_law_nobody;

-- "Now" is the wall clock: what was withdrawn since the transaction began counts.
SELECT consent.give('now@law.example', '{email}', 'law acme', method => 'oral', wording => 'w', at => '2026-01-01') > 0 AS given;
BEGIN;
SELECT count(*) FROM (SELECT pg_sleep(0.01)) s;
INSERT INTO consent.ledger (contact, kind) VALUES ('now@law.example', 'withdrawal');
SELECT reason FROM consent.evaluate('now@law.example', 'email', 'law acme');
SELECT count(*) FROM consent.permitted('email', 'law acme') p WHERE p = 'now@law.example';
COMMIT;

-- A simple expression of PL/pgSQL outlives its statement; it sees what was recorded since all the same.
INSERT INTO consent.organisation (name) VALUES ('law postal');
DO $$
DECLARE
  nothing consent.standing := (SELECT consent.fold(l) FROM consent.ledger l WHERE false);
  permitted boolean;
BEGIN
  FOR i IN 1..2 LOOP
    permitted := consent.permits(nothing, 'now@law.example', 'post', 'law postal', 'marketing', NULL, NULL);
    RAISE NOTICE 'assessments on record: %, permitted: %', i - 1, permitted;
    INSERT INTO consent.assessment (organisation, channel, reference, assessed_on) VALUES ('law postal', 'post', 'LIA-' || i, '2026-01-01');
  END LOOP;
END $$;

-- Whoever collected a consent may become an organisation later: no standing is wrong for that.
SELECT consent.give('late@law.example', '{email}', 'law acme', method => 'oral', wording => 'w', collected_by => 'law latecomer', at => now()) > 0 AS given;
INSERT INTO consent.organisation (name) VALUES ('law latecomer');
SELECT consent.wrong_standings();

-- A statement that names another table does not get at the rows either.
DELETE FROM consent.ledger_03 WHERE kind = 'objection';
\echo :LAST_ERROR_SQLSTATE
TRUNCATE consent.ledger_04;
\echo :LAST_ERROR_SQLSTATE

-- Three thousand events of one contact are no problem.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at)
  SELECT 'many@law.example', 'consent', '{email}', 'law acme', 'oral', 'w', timestamptz '2025-01-01' + i * interval '1 hour' FROM generate_series(1, 2000) i;
INSERT INTO consent.ledger (contact, kind, organisation, effective_at)
  SELECT 'many@law.example', 'objection', 'law acme', timestamptz '2024-01-01' + i * interval '1 hour' FROM generate_series(1, 1000) i;
SELECT consent.withdraw('many@law.example', at => '2026-03-01') > 0 AS withdrawn;
SELECT (judge('many@law.example')).reason, (judge('many@law.example', at => '2026-02-01')).reason AS before;

-- Nor is it one where among them the good consent is: the first takes effect last, and is for another channel.
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at)
  SELECT ('at' || n || '@law.example')::consent.contact, CASE WHEN i IN (1, n) THEN 'consent' ELSE 'contacted' END, CASE i WHEN 1 THEN '{sms}' WHEN n THEN '{email}' END::consent.channel[],
         'law acme', CASE WHEN i IN (1, n) THEN 'oral' END, CASE WHEN i IN (1, n) THEN 'w' END, timestamptz '2026-05-01' - i * interval '1 hour'
    FROM unnest('{2,63,64,65,66,129}'::int[]) n, generate_series(1, n) i ORDER BY n, i;
SELECT n, d.reason, l.channels FROM unnest('{2,63,64,65,66,129}'::int[]) n, consent.evaluate(('at' || n || '@law.example')::consent.contact, 'email', 'law acme', at => '2026-06-01') d
  LEFT JOIN consent.ledger l USING (event_id) ORDER BY n;
SELECT o, consent.permits(a.standing, a.address, 'email', o, 'marketing', NULL, '2026-06-01') FROM consent.address_standing a, unnest('{law acme,law bolt}'::text[]) o
 WHERE a.address = 'at2@law.example' ORDER BY o;
DROP FUNCTION judge(consent.contact, consent.channel, timestamptz, text, consent.message_class, text, text, text, timestamptz, text[], boolean);
DROP FUNCTION soi(consent.contact, timestamptz, text, text, boolean, boolean, text, text);

-- Contractors: both are judged, and a written contract is on record (E42, S38, S39)
INSERT INTO consent.organisation (name) VALUES ('law mailhouse');
SELECT consent.give('ctr@law.example', '{email}', 'law acme', method => 'ticked_box', wording => 'w', at => '2026-01-01') > 0 AS consented;
CREATE FUNCTION sent_by(c consent.contact, sender text, at timestamptz DEFAULT '2026-06-01 12:00+01', class consent.message_class DEFAULT 'direct_marketing') RETURNS text LANGUAGE sql AS
$$ SELECT reason || ' ' || reasons::text FROM consent.evaluate(c, 'email', 'law acme', class, at => at, sender => sender) $$;
SELECT sent_by('ctr@law.example', 'law mailhouse') AS no_contract, sent_by('ctr@law.example', 'law acme') AS itself, sent_by('ctr@law.example', NULL) AS nobody_else,
       sent_by('ctr@law.example', 'law nobody') AS unknown, sent_by('ctr@law.example', 'law mailhouse', class => 'service') AS service;
INSERT INTO consent.contractor (organisation, sender, contract_reference, valid_from, valid_to) VALUES ('law acme', 'law mailhouse', 'C-17', '2026-05-01', '2026-06-30');
SELECT sent_by('ctr@law.example', 'law mailhouse') AS contract, sent_by('ctr@law.example', 'law mailhouse', '2026-04-30 23:59:59+01') AS day_before,
       sent_by('ctr@law.example', 'law mailhouse', '2026-05-01 00:00+01') AS first_day, sent_by('ctr@law.example', 'law mailhouse', '2026-06-30 23:59:59+01') AS last_day,
       sent_by('ctr@law.example', 'law mailhouse', '2026-07-01 00:00+01') AS day_after;
SELECT (consent.evaluate('ctr@law.example', 'email', 'law mailhouse', at => '2026-06-01', sender => 'law acme')).reasons AS the_other_way_round;
SELECT consent.object('ctr@law.example', organisation => 'law mailhouse', at => '2026-05-20') > 0 AS objected_to_the_contractor;
SELECT sent_by('ctr@law.example', 'law mailhouse'), sent_by('ctr@law.example', NULL) AS sent_by_acme;

-- Every decision says by which policy it was made
SELECT (consent.evaluate('ctr@law.example', 'email', 'law acme')).policy, (consent.evaluate('ctr@law.example', 'email', 'law acme', 'service')).policy AS service, (consent.evaluate('ctr@law.example', 'email', 'law nobody')).policy AS unknown;
DROP FUNCTION sent_by;

-- Wordings, version by version, and what a reviewer found in them: F1 to F8
INSERT INTO consent.wording (name, version, text, valid_from, defects) VALUES
  ('law F1', 1, 'Yes, I''d like to receive sample gifts (including alcohol) and other offers, competitions and news via email. By ticking this box I confirm I am over 18 years old.', '2025-01-01', '{consent_bundled,consent_not_informed,consent_unfair_incentive}'),
  ('law F2', 1, 'By obtaining a quote from us, you consent to Tempcover contacting you, by email and/or SMS, with details of our new products, services and promotions.', '2025-01-01', '{consent_condition_of_service,consent_not_affirmative,consent_not_granular}'),
  ('law F3', 1, 'By starting an application you agree that immediatecarfinance may/will pass your details on to a third party', '2025-01-01', '{third_party_consent_generic,consent_condition_of_service,consent_not_granular}'),
  ('law F4', 1, 'You understand and agree that you are establishing a business relationship with our network of affiliate partners', '2025-01-01', '{third_party_consent_generic,consent_not_informed}'),
  ('law F6', 1, 'Email me offers from Acme Ltd', '2025-01-01', NULL), ('law F6', 2, 'Email me offers from Acme Ltd. You can stop at any time.', '2026-01-01', NULL),
  ('law F7', 1, 'Selected partners may contact you', '2025-01-01', '{third_party_consent_generic}');
SELECT consent.wording_in_force('law F6', at => '2025-06-01') AS then, consent.wording_in_force('law F6') AS now, consent.wording_in_force('law F6', 'cy') AS welsh;
CREATE FUNCTION says(c consent.contact, words text, how text DEFAULT 'ticked_box', channels consent.channel[] DEFAULT '{email}') RETURNS boolean LANGUAGE sql AS
$$ SELECT consent.give(c, channels, 'law acme', method => how, wording => words, at => '2026-05-01') > 0 $$;
CREATE FUNCTION wording(n text) RETURNS text LANGUAGE sql AS $$ SELECT text FROM consent.wording WHERE name = n AND version = 1 $$;
SELECT says('f1@law.example', wording('law F1')), says('f2@law.example', wording('law F2')), says('f3@law.example', wording('law F3')), says('f4@law.example', wording('law F4')),
       says('f5@law.example', 'Send me offers', 'pre_ticked_box'), says('f6@law.example', wording('law F6')), says('f7@law.example', wording('law F7'));
SELECT consent.give('f8@law.example', '{email}', 'law acme', method => 'ticked_box', wording => 'free sample', at => '2026-05-01', defects => '{consent_not_affirmative}') > 0 AS f8;
SELECT f, d.reason, d.reasons FROM generate_series(1, 8) f, consent.evaluate(('f' || f || '@law.example')::consent.contact, 'email', 'law acme', at => '2026-06-01') d ORDER BY f;
SELECT (consent.evaluate('f1@law.example', 'sms', 'law acme', at => '2026-06-01')).reasons AS f1_sms, (consent.evaluate('f6@law.example', 'sms', 'law acme', at => '2026-06-01')).reasons AS f6_sms;
SELECT l.contact, w.name, w.version FROM consent.ledger l JOIN consent.wording w ON w.digest = consent.wording_digest(l.wording) WHERE w.name LIKE 'law F%' ORDER BY 1;
\set VERBOSITY sqlstate
INSERT INTO consent.wording (name, version, text, defects) VALUES ('law F9', 1, 'x', '{objected}');
INSERT INTO consent.wording (name, version, text, language) VALUES ('law F9', 1, 'x', 'English');
UPDATE consent.wording SET defects = NULL;
\set VERBOSITY default
DROP FUNCTION says, wording;

-- The past is judged by what an organisation was then
INSERT INTO consent.organisation (name) VALUES ('law mover');
SELECT (consent.evaluate('mover@law.example', 'email', 'law mover', at => '2026-03-03')).reason, now() AS before \gset then_
UPDATE consent.organisation SET jurisdiction = 'US', is_charity = true WHERE name = 'law mover';
SELECT (consent.evaluate('mover@law.example', 'email', 'law mover', at => '2026-03-03')).policy AS at_alone, (consent.evaluate('mover@law.example', 'email', 'law mover', known_at => :'then_before')).policy AS known_then,
       d.reason AS now, d.policy FROM consent.evaluate('mover@law.example', 'email', 'law mover', at => clock_timestamp()) d;
SELECT (consent.policy_in_force('law mover', '2026-03-03')).jurisdiction AS then, (consent.policy_in_force('law mover', :'then_before')).jurisdiction AS before, (consent.policy_in_force('law mover', clock_timestamp())).jurisdiction AS now,
       (consent.policy_in_force('law mover', NULL)).jurisdiction AS never;
-- in one transaction, and after the clock was set back: the first change was recorded when it ran a day fast
INSERT INTO consent.organisation (name) VALUES ('law clock');
INSERT INTO consent.organisation_history SELECT id, now() + interval '1 day', 'DE', false, false FROM consent.organisation WHERE name = 'law clock';
BEGIN;
UPDATE consent.organisation SET jurisdiction = 'US' WHERE name = 'law clock';
UPDATE consent.organisation SET is_charity = true WHERE name = 'law clock';
UPDATE consent.organisation SET name = name WHERE name = 'law clock';
SELECT row_number() OVER (ORDER BY h.until) AS version, h.jurisdiction, h.is_charity
  FROM consent.organisation_history h JOIN consent.organisation o USING (id) WHERE o.name = 'law clock';
SELECT (consent.evaluate('mover@law.example', 'email', 'law clock', at => '2026-03-03')).policy;
COMMIT;
BEGIN;
UPDATE consent.organisation SET jurisdiction = 'FR' WHERE name = 'law mover';
SELECT (consent.evaluate('mover@law.example', 'email', 'law mover')).policy, (consent.policy_in_force('law mover')).jurisdiction AS changed_just_now;
ROLLBACK;
-- an assessment counts from when it was recorded, and can be ended once
INSERT INTO consent.assessment (organisation, purpose, channel, reference, assessed_on) VALUES ('law mover', 'marketing', 'post', 'LIA-9', '2026-01-01');
SELECT (consent.evaluate('mover@law.example', 'post', 'law mover', at => '2026-03-03')).reason AS known, (consent.evaluate('mover@law.example', 'post', 'law mover', at => '2026-03-03', known_at => '2026-03-03')).reason AS not_known_then;
UPDATE consent.assessment SET ended_on = '2026-04-01' WHERE reference = 'LIA-9';
SELECT (consent.evaluate('mover@law.example', 'post', 'law mover', at => '2026-03-03')).reason AS before_its_end, (consent.evaluate('mover@law.example', 'post', 'law mover', at => '2026-04-01')).reason AS after;
-- its end, and that of a contract, from when these were recorded
SELECT end_recorded_at AS before_end, end_recorded_at - interval '1 microsecond' AS known FROM consent.assessment WHERE reference = 'LIA-9' \gset end_
SELECT (consent.evaluate('mover@law.example', 'post', 'law mover', at => '2026-05-01', known_at => :'end_known')).reason AS not_known_yet,
       (consent.evaluate('mover@law.example', 'post', 'law mover', at => '2026-05-01', known_at => :'end_before_end')).reason AS known;
INSERT INTO consent.organisation (name) VALUES ('law courier');
INSERT INTO consent.contractor (organisation, sender, contract_reference, valid_from) VALUES ('law mover', 'law courier', 'C-18', '2026-01-01');
INSERT INTO consent.contractor (organisation, sender, contract_reference, valid_from, valid_to) VALUES ('law mover', 'law bolt', 'C-19', '2026-01-01', '2026-02-28');
SELECT sender, valid_to, end_recorded_at - recorded_at AS after FROM consent.contractor WHERE organisation = 'law mover' ORDER BY valid_to;
UPDATE consent.contractor SET valid_to = '2026-02-28' WHERE sender = 'law courier';
SELECT end_recorded_at AS at, end_recorded_at - interval '1 microsecond' AS before FROM consent.contractor WHERE sender = 'law courier' \gset end_
SELECT s AS sender, t AS at, bool_or((consent.evaluate('mover@law.example', 'post', 'law mover', at => t, known_at => k, sender => s)).reason = 'no_contract_with_sender') FILTER (WHERE k = :'end_before') AS refused_before,
       bool_or((consent.evaluate('mover@law.example', 'post', 'law mover', at => t, known_at => k, sender => s)).reason = 'no_contract_with_sender') FILTER (WHERE k = :'end_at') AS refused_then
  FROM unnest('{law courier,law bolt}'::text[]) s, unnest('{2026-02-28 12:00+00,2026-03-01 12:00+00}'::timestamptz[]) t, unnest(ARRAY[:'end_before', :'end_at']::timestamptz[]) k
 GROUP BY 1, 2 ORDER BY 1, 2;
-- They begin with the British day, wherever the session is.
BEGIN;
INSERT INTO consent.organisation (name) VALUES ('law afar'), ('law afar too');
SET LOCAL timezone = 'Pacific/Kiritimati';
INSERT INTO consent.contractor (organisation, sender, contract_reference) VALUES ('law afar', 'law courier', 'C-20');
INSERT INTO consent.assessment (organisation, channel, reference) VALUES ('law afar', 'post', 'LIA-20');
SET LOCAL timezone = 'Pacific/Pago_Pago';
INSERT INTO consent.contractor (organisation, sender, contract_reference) VALUES ('law afar too', 'law courier', 'C-20');
INSERT INTO consent.assessment (organisation, channel, reference) VALUES ('law afar too', 'post', 'LIA-20');
SELECT organisation, valid_from = (now() AT TIME ZONE 'Europe/London')::date AS contract_of_today,
       (SELECT a.assessed_on = (now() AT TIME ZONE 'Europe/London')::date FROM consent.assessment a WHERE a.organisation = c.organisation) AS assessed_today
  FROM consent.contractor c WHERE contract_reference = 'C-20' ORDER BY 1;
ROLLBACK;
\set VERBOSITY sqlstate
UPDATE consent.assessment SET ended_on = NULL WHERE reference = 'LIA-9';
UPDATE consent.contractor SET sender = 'law bolt' WHERE sender = 'law mailhouse';
DELETE FROM consent.assessment;
DELETE FROM consent.contractor;
UPDATE consent.contractor SET end_recorded_at = '2026-01-01' WHERE sender = 'law courier';
UPDATE consent.assessment SET end_recorded_at = '2026-01-01' WHERE reference <> 'LIA-9';
DELETE FROM consent.organisation_history;
UPDATE consent.purpose SET kind = 'political' WHERE name = 'law appeal';
\set VERBOSITY default

-- What the hostile reader tried
SELECT consent.give('u1@law.example', '{email}', 'law acme', method => 'ticked_box', wording => 'w', named_organisations => '{law bolt}', at => '2026-05-01') > 0 AS consented,
       consent.suppress('u1@law.example', 'complaint', at => '2026-05-02') > 0 AS suppressed, consent.unsuppress('u1@law.example', organisation => 'law acme', at => '2026-05-03') > 0 AS of_acme;
SELECT (consent.evaluate('u1@law.example', 'email', 'law acme', at => '2026-06-01')).reason AS acme, (consent.evaluate('u1@law.example', 'email', 'law bolt', at => '2026-06-01')).reason AS bolt,
       (consent.evaluate('u1@law.example', 'email', 'law acme', at => '2026-06-01', instigators => '{law bolt}')).reason AS acme_for_bolt;
SELECT consent.soft_opt_in('u2@law.example', 'law acme', 'hats', true, false, at => '2026-05-01') > 0 AS sold, consent.soft_opt_in('u2@law.example', 'law acme', 'hats', true, true, at => NULL) > 0 AS refused_some_time;
SELECT (consent.evaluate('u2@law.example', 'email', 'law acme', product_category => 'hats', at => clock_timestamp())).reason;
BEGIN;
SELECT consent.give('u3@law.example', '{email}', 'law acme', method => 'ticked_box', wording => 'w', at => clock_timestamp()) > 0 AS agreed_after_our_begin, consent.withdraw('u3@law.example') > 0 AS withdrew_later;
SELECT (consent.evaluate('u3@law.example', 'email', 'law acme')).reason;
COMMIT;
-- a transaction that began before: its answer, bounce and correction come after what it saw
SELECT consent.suppress('u3b@law.example', 'bounce') > 0 AS bounced;
BEGIN;
SELECT consent.request('u3a@law.example', 'law acme', 'email', 'u3', at => clock_timestamp()) > 0 AS asked_after_our_begin, consent.answered('u3', organisation => 'law acme') > 0 AS answered;
SELECT consent.unsuppress('u3b@law.example', at => clock_timestamp()) > 0 AS works_again, consent.suppress('u3b@law.example', 'bounce') > 0 AS bounced_again;
SELECT consent.set_subscriber('u3c@law.example', 'corporate', at => clock_timestamp()) > 0 AS corporate, consent.set_subscriber('u3c@law.example', 'sole_trader') > 0 AS sole_trader;
SELECT consent.soft_opt_in('u3d@law.example', 'law acme', 'hats', true, false, at => clock_timestamp()) > 0 AS sold, consent.soft_opt_in('u3d@law.example', 'law acme', 'hats', true, true) > 0 AS refused;
COMMIT;
SELECT (consent.evaluate('u3a@law.example', 'email', 'law acme', 'solicited_response', reference => 'u3')).reason AS answered, (consent.evaluate('u3b@law.example', 'email', 'law acme')).reason AS bounced,
       (consent.evaluate('u3c@law.example', 'email', 'law acme')).reason AS corrected, (consent.evaluate('u3d@law.example', 'email', 'law acme', product_category => 'hats')).reasons AS refused;
-- what speaks for a message at an unknown time never counts (6.6); nor, later said to be one, does a company
SELECT consent.set_subscriber('n1@law.example', 'corporate', at => NULL) > 0 AS company_since_when, (consent.evaluate('n1@law.example', 'email', 'law acme', at => clock_timestamp())).reason;
SELECT consent.set_subscriber('n2@law.example', 'sole_trader', at => '2026-05-01') > 0 AS sole_trader, consent.set_subscriber('n2@law.example', 'corporate', at => NULL) > 0 AS once_a_company, (consent.evaluate('n2@law.example', 'email', 'law acme', at => clock_timestamp())).reason;
SELECT consent.set_subscriber('n3@law.example', 'corporate', at => '2026-05-01') > 0 AS company, consent.set_subscriber('n3@law.example', 'individual', at => NULL) > 0 AS no_longer, (consent.evaluate('n3@law.example', 'email', 'law acme', at => clock_timestamp())).reason;
SELECT consent.request('u4@law.example', 'law acme', 'email', 'same', at => '2026-05-01') > 0 AS acme, consent.request('u4@law.example', 'law bolt', 'email', 'same', at => '2026-05-01') > 0 AS bolt, consent.answered('same', organisation => 'law acme') > 0 AS answered;
SELECT (consent.evaluate('u4@law.example', 'email', o, 'solicited_response', reference => 'same', at => clock_timestamp())).reason AS reason, o FROM unnest('{law acme,law bolt}'::text[]) o;
\set VERBOSITY sqlstate
SELECT consent.request('u4@law.example', 'law acme', 'email', '');
SELECT consent.unsubscribe_token('u4@law.example', 'law acme', expires_at => '40000-01-01');
\set VERBOSITY default
SELECT consent.give('u5@law.example', '{email}', 'law acme', method => 'ticked_box', wording => U&'\00A0 ') > 0 AS nothing_but_space;
SELECT reason FROM consent.evaluate('u5@law.example', 'email', 'law acme');
-- what is sold later serves from then on, by whichever way it is asked, and also where time has brought that about
SELECT consent.soft_opt_in('u6@law.example', 'law acme', 'hats', true, false, at => '2100-01-01 12:00+00') > 0 AS sold_then, consent.soft_opt_in('u7@law.example', 'law acme', 'hats', true, false, at => clock_timestamp() + interval '10 milliseconds') > 0 AS sold_soon, pg_sleep(0.02);
SELECT at, (consent.evaluate('u6@law.example', 'email', 'law acme', product_category => 'hats', at => at)).reason, consent.permits(s.standing, s.contact, 'email', 'law acme', 'marketing', 'hats', at),
       consent.contact_id(s.contact) <@ consent.audience('email', 'law acme', product_category => 'hats', at => at) AS in_audience
  FROM consent.contact_standing s, unnest('{2100-01-01 11:59:59.999999+00,2100-01-01 12:00+00}'::timestamptz[]) at WHERE s.contact = 'u6@law.example';
SELECT p AS permitted_now, (consent.evaluate(p, 'email', 'law acme', product_category => 'hats')).reason FROM consent.permitted('email', 'law acme', product_category => 'hats') p WHERE p IN ('u6@law.example', 'u7@law.example');

-- Citations name the regulation of the channel
SELECT consent.give('cite@law.example', '{email,automated_call,live_call,fax,post}', 'law acme', method => 'oral', wording => 'w', at => '2026-05-01') > 0 AS consented;
SELECT ch AS channel, d.reason, d.citation, n.reason AS without, n.citation AS cites FROM unnest('{email,automated_call,live_call,fax,post}'::consent.channel[]) ch,
       consent.evaluate('cite@law.example', ch, 'law acme', at => '2026-06-01') d, consent.evaluate('nobody@law.example', ch, 'law acme', at => '2026-06-01') n ORDER BY ch;
SELECT reason, citation FROM consent.evaluate('+442079460104', 'live_call', 'law acme', at => '2026-01-15');

-- CS3 and CS9
SELECT consent.soft_opt_in('cs3@law.example', 'law charity', 'cards', true, false, at => '2026-03-01') > 0 AS bought_a_card, consent.soft_opt_in('cs9@law.example', 'law charity', NULL, true, false, kind => 'support', at => '2026-03-01') > 0 AS supported,
       consent.withdraw('cs9@law.example', at => '2026-04-01') > 0 AS withdrew;
SELECT c, d.reasons FROM unnest('{cs3@law.example,cs9@law.example}'::consent.contact[]) c, consent.evaluate(c, 'email', 'law charity', purpose => 'law appeal', at => '2026-06-01') d ORDER BY c;

-- Edge cases that nothing above is named after.  E29 to E32 are the guard's (sql/guard.sql, test/isolation), E26 is in sql/erasure.sql.
CREATE FUNCTION edge(c consent.contact, channel consent.channel DEFAULT 'email', at timestamptz DEFAULT '2026-06-01 12:00+01', class consent.message_class DEFAULT 'direct_marketing',
                     org text DEFAULT 'law acme', purpose text DEFAULT 'marketing', reference text DEFAULT NULL, opt_out boolean DEFAULT true) RETURNS text LANGUAGE sql AS
$$ SELECT reason FROM consent.evaluate(c, channel, org, class, purpose, at, reference => reference, opt_out_offered => opt_out) $$;
CREATE FUNCTION agreed(c consent.contact, channels consent.channel[] DEFAULT '{email,sms,post}', org text DEFAULT 'law acme', at timestamptz DEFAULT '2026-01-01') RETURNS boolean LANGUAGE sql AS
$$ SELECT consent.give(c, channels, org, method => 'ticked_box', wording => 'w', at => at) > 0 $$;
SELECT agreed('+447700900909'), consent.inbound('+447700900909', 'sms', 'STOP', 'law acme') AS e9;
SELECT edge('+447700900909', 'sms', clock_timestamp()) AS e9_sms, edge('+447700900909', 'email', clock_timestamp()) AS e9_other_channel;
SELECT agreed('e10@law.example', '{email,post,online_ad}'), consent.object('e10@law.example', at => '2026-02-01') > 0 AS objected;
SELECT ch, edge('e10@law.example', ch) AS e10 FROM unnest('{email,post,online_ad}'::consent.channel[]) ch;
SELECT edge('e10@law.example', class => 'consent_request') AS e13, edge('e10@law.example', class => 'service') AS e43_acknowledgement;
INSERT INTO consent.organisation (name) VALUES ('law acme (new)');
SELECT agreed('e16@law.example'), edge('e16@law.example', org => 'law acme (new)') AS e16;
SELECT consent.request('e20@law.example', 'law acme', 'live_call', 'q-20', at => '2026-05-01') > 0 AS by_phone, edge('e20@law.example', class => 'solicited_response', reference => 'q-20') AS e20_by_email;
SELECT consent.set_subscriber('first.last@bigco.law.example', 'corporate', at => '2026-01-01') > 0 AS corporate;
SELECT edge('first.last@bigco.law.example') AS e27, consent.object('first.last@bigco.law.example', at => '2026-05-01') > 0 AS objected;
SELECT edge('first.last@bigco.law.example') AS e27_objected;
SELECT agreed('e37@law.example'), agreed('e37@law.example', org => 'law bolt'), consent.object('e37@law.example', organisation => 'law acme', at => '2026-05-01') > 0 AS objected_to_one;
SELECT edge('e37@law.example') AS e37_named, edge('e37@law.example', org => 'law bolt') AS e37_other;
SELECT consent.list_on_register('+442079460938', 'tps', '2026-03-02') > 0 AS listed_in_winter, edge('+442079460938', 'live_call', '2026-03-29 23:59:59+01') AS e38_day_27_after_the_clocks_change, edge('+442079460938', 'live_call', '2026-03-30 00:00+01') AS e38_day_28;
SELECT edge('e37@law.example', org => 'law bolt') AS e39_by_organisation, edge('e37@law.example', org => 'law bolt', opt_out => false) AS e40;
SELECT consent.give('e41@law.example', '{email}', 'law acme', method => 'ticked_box', wording => 'my friend would love this', at => '2026-01-01', defects => '{consent_not_from_recipient}') > 0 AS by_a_friend;
SELECT edge('e41@law.example') AS e41;
INSERT INTO consent.purpose (name, kind) VALUES ('law surveys', 'service_optional');
SELECT edge('e44@law.example', class => 'market_research', purpose => 'law surveys') AS e44_before, consent.object('e44@law.example', purpose => 'law surveys', at => '2026-05-01') > 0 AS objected;
SELECT edge('e44@law.example', class => 'market_research', purpose => 'law surveys') AS e44, edge('e44@law.example', class => 'market_research') AS e44_marketing_purpose;
SELECT agreed('e45@law.example'), consent.withdraw('e45@law.example', at => '2026-06-01 12:00+01') > 0 AS withdrew;
SELECT edge('e45@law.example', at => '2026-06-01 11:59:59+01') AS before, edge('e45@law.example') AS e45_no_grace;
DROP FUNCTION edge, agreed;

-- At the very instant, and by what was known.  Rows are restored with a time of recording of our choice.
CREATE FUNCTION at_once(c consent.contact, channel consent.channel DEFAULT 'email', at timestamptz DEFAULT '2026-06-01 12:00+01', class consent.message_class DEFAULT 'direct_marketing',
                        purpose text DEFAULT 'marketing', reference text DEFAULT NULL, known_at timestamptz DEFAULT NULL, sender text DEFAULT NULL) RETURNS text[] LANGUAGE sql AS
$$ SELECT reasons FROM consent.evaluate(c, channel, 'law acme', class, purpose, at, known_at, reference, sender => sender) $$;
CREATE FUNCTION agreed(c consent.contact, said timestamptz, recorded timestamptz, channel consent.channel DEFAULT 'email', purpose text DEFAULT 'marketing', by text DEFAULT NULL) RETURNS void LANGUAGE sql AS
$$ INSERT INTO consent.ledger (contact, kind, channels, organisation, purpose, method, wording, effective_at, recorded_at, collected_by, named_organisations)
   VALUES (c, 'consent', ARRAY[channel], 'law acme', purpose, 'written', 'w', said, recorded, by, CASE WHEN by IS NOT NULL THEN '{law acme}'::text[] END) $$;
CREATE FUNCTION said(c consent.contact, kind text, said timestamptz, recorded timestamptz, purpose text DEFAULT NULL, organisation text DEFAULT NULL) RETURNS void LANGUAGE sql AS
$$ INSERT INTO consent.ledger (contact, kind, effective_at, recorded_at, purpose, organisation) VALUES (c, kind, said, recorded, purpose, organisation) $$;
-- E36: of two consents one is later in effect, the other later recorded; neither lifts
SELECT agreed('i1@law.example', '2026-03-01', '2026-03-01'), said('i1@law.example', 'objection', '2026-02-01', '2026-04-01'), agreed('i1@law.example', '2026-01-01', '2026-05-01');
SELECT at_once('i1@law.example') AS e36, agreed('i1@law.example', '2026-03-02', '2026-05-02');
SELECT at_once('i1@law.example') AS one_that_is_both;
-- a third party's consent lifts no withdrawal either
SELECT said('i2@law.example', 'withdrawal', '2026-01-01', '2026-01-01'), agreed('i2@law.example', '2026-05-01', '2026-05-01', by => 'broker');
SELECT at_once('i2@law.example') AS third_party;
-- equal times: a suppression, a request, its answer, a non-objection
SELECT said('i3@law.example', 'suppression', '2026-05-01', '2026-05-01'), said('i3@law.example', 'unsuppression', '2026-05-01', '2026-05-02');
SELECT at_once('i3@law.example') AS suppressed;
SELECT consent.request('i4@law.example', 'law acme', 'email', 'i4', at => '2026-05-01') > 0 AS asked, said('i4@law.example', 'objection', '2026-05-01', '2026-05-01');
SELECT at_once('i4@law.example', class => 'solicited_response', reference => 'i4') AS objected;
SELECT consent.request('i5@law.example', 'law acme', 'email', 'i5', at => '2026-05-01') > 0 AS asked, consent.answered('i5', at => '2026-05-01', organisation => 'law acme') > 0 AS answered;
SELECT at_once('i5@law.example', class => 'solicited_response', reference => 'i5') AS answered;
SELECT consent.list_on_register('+442079460951', 'tps', '2020-01-01') > 0 AS listed, said('+442079460951', 'non_objection', '2026-05-01', '2026-05-01', organisation => 'law acme'), said('+442079460951', 'withdrawal', '2026-05-01', '2026-05-01');
SELECT at_once('+442079460951', 'live_call') AS listed_again;
-- a listing ends with the first moment of its last day
SELECT consent.list_on_register('+442079460952', 'tps', '2020-01-01', delisted_on => '2026-06-01') > 0 AS listed;
SELECT at_once('+442079460952', 'live_call', '2026-05-31 23:59:59+01') AS before, at_once('+442079460952', 'live_call', '2026-06-01 00:00+01') AS then;
-- a "no" to a purpose of marketing leaves the optional services below it; one of its own is lifted as any objection is
INSERT INTO consent.purpose (name, kind, parent) VALUES ('law tips', 'service_optional', 'marketing');
SELECT said('i6@law.example', 'objection', '2026-05-01', '2026-05-01', 'marketing');
SELECT at_once('i6@law.example', class => 'service_optional', purpose => 'law tips') AS no_to_the_parent;
SELECT agreed('i7@law.example', '2026-03-01', '2026-03-01', purpose => 'law tips'), said('i7@law.example', 'objection', '2026-02-01', '2026-04-01', 'law tips');
SELECT at_once('i7@law.example', class => 'service_optional', purpose => 'law tips') AS agreed_before_we_heard, agreed('i7@law.example', '2026-03-01', '2026-05-01', purpose => 'law tips');
SELECT at_once('i7@law.example', class => 'service_optional', purpose => 'law tips') AS agreed_after;
-- what was let go before the consent is no first contact under it
BEGIN;
SELECT agreed('i8@law.example', '2025-01-31 12:00+00', '2025-02-01', by => 'broker');
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, channel, organisation, contact, action, written_by)
SELECT t, 'consent.ledger', true, 'consent', '{consent}', 'direct_marketing', 'email', 'law acme', 'i8@law.example', 'sent', 'me' FROM unnest('{2025-01-31 11:59:59+00,2025-07-31 00:00+01}'::timestamptz[]) t;
SELECT at_once('i8@law.example') AS too_early_and_too_late;
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, channel, organisation, contact, action, written_by)
VALUES ('2025-01-31 12:00+00', 'consent.ledger', true, 'consent', '{consent}', 'direct_marketing', 'email', 'law acme', 'i8@law.example', 'sent', 'me');
SELECT at_once('i8@law.example') AS in_time;
ROLLBACK;
-- known_at: what was recorded at that very moment is known; contracts and links too
SELECT agreed('i9@law.example', '2026-05-01', '2026-05-02 12:00+01');
SELECT at_once('i9@law.example', known_at => '2026-05-02 12:00+01') AS known, at_once('i9@law.example', known_at => '2026-05-02 11:59:59.999999+01') AS not_yet;
INSERT INTO consent.organisation (name) VALUES ('law printer');
INSERT INTO consent.contractor (organisation, sender, contract_reference, valid_from, recorded_at) VALUES ('law acme', 'law printer', 'C-20', '2026-01-01', '2026-05-10');
SELECT at_once('i9@law.example', sender => 'law printer', known_at => '2026-05-09') AS no_contract_known, at_once('i9@law.example', sender => 'law printer', known_at => '2026-05-10') AS contract_known;
INSERT INTO consent.person_link (contact, person, linked, recorded_at) VALUES ('i9@law.example', 'law nine', true, '2026-05-03'), ('i9b@law.example', 'law nine', true, '2026-05-04'), ('i9b@law.example', 'law nine', false, '2026-05-06');
SELECT said('i9b@law.example', 'objection', '2026-05-01', '2026-05-01');
SELECT k AS known_at, at_once('i9@law.example', known_at => k) AS reasons, j.reasons AS by_the_standing
  FROM unnest('{2026-05-02 11:59:59.999999+01,2026-05-02 12:00+01,2026-05-03,2026-05-04,2026-05-05,2026-05-06}'::timestamptz[]) k,
       consent.contact_standing s, consent.judge(s.standing, s.contact, 'email', 'law acme', at => '2026-06-01 12:00+01', known_at => k) j
 WHERE s.contact = 'i9@law.example' ORDER BY k;
INSERT INTO consent.person_link (contact, person, linked, recorded_at) VALUES ('i9b@law.example', 'law nine', true, '2026-05-07');
SELECT k AS known_at, at_once('i9@law.example', known_at => k) AS reasons, j.reasons AS by_the_standing
  FROM unnest('{2026-05-05,2026-05-06,2026-05-07}'::timestamptz[]) k,
       consent.contact_standing s, consent.judge(s.standing, s.contact, 'email', 'law acme', at => '2026-06-01 12:00+01', known_at => k) j
 WHERE s.contact = 'i9@law.example' ORDER BY k;
DROP FUNCTION at_once, agreed, said;

-- A standing is kept by every kind of statement, by those within others, and not by those that fail.
BEGIN;
CREATE FUNCTION law_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.source = 'fail' THEN
    RAISE EXCEPTION 'no';
  END IF;
  INSERT INTO consent.ledger (contact, kind) VALUES (NEW.contact, 'objection'), ('again@law.example', 'objection');
  RETURN NULL;
END $$;
CREATE TRIGGER law_again AFTER INSERT ON consent.ledger FOR EACH ROW WHEN (NEW.source IN ('again', 'fail')) EXECUTE FUNCTION law_again();
INSERT INTO consent.ledger (contact, kind, source)
  VALUES ('k1@law.example', 'withdrawal', 'again'), ('k2+b@law.example', 'withdrawal', NULL), ('k2+a@law.example', 'withdrawal', 'again'), ('k2+b@law.example', 'objection', NULL);
DO $$
BEGIN
  INSERT INTO consent.ledger (contact, kind, source) VALUES ('k1@law.example', 'suppression', NULL), ('k3@law.example', 'suppression', 'fail');
EXCEPTION WHEN raise_exception THEN
  INSERT INTO consent.ledger (contact, kind) VALUES ('k3@law.example', 'objection');
END $$;
WITH one AS (INSERT INTO consent.ledger (contact, kind) VALUES ('k4@law.example', 'objection') RETURNING contact),
     two AS (INSERT INTO consent.ledger (contact, kind) SELECT contact, 'withdrawal' FROM one RETURNING contact)
INSERT INTO consent.ledger (contact, kind) VALUES ('k4@law.example', 'suppression');
MERGE INTO consent.ledger l USING (VALUES ('k5@law.example'::consent.contact), ('k1@law.example')) m (contact) ON false
  WHEN NOT MATCHED THEN INSERT (contact, kind) VALUES (m.contact, 'unsuppression');
COPY consent.ledger (contact, kind) FROM STDIN;
k5@law.example	objection
k5+c@law.example	withdrawal
k1@law.example	objection
\.
DO $$
BEGIN
  EXECUTE format('INSERT INTO %s (contact, kind) VALUES (''k5@law.example'', ''suppression'')',
                 (SELECT tableoid::regclass FROM consent.ledger WHERE contact = 'k5@law.example' LIMIT 1));
END $$;
SELECT address, plain, tagged, regexp_replace(standing::text, ' [0-9]+', '', 'g') AS standing
  FROM consent.address_standing WHERE address::text ~ '^(k[0-9]|again)@law.example$' ORDER BY address;
SELECT consent.wrong_standings();
-- The events of an address may follow one another or lie far apart, in more rows than memory holds.
SAVEPOINT many;
SET LOCAL work_mem = '64kB';
INSERT INTO consent.ledger (contact, kind)
SELECT 'm' || i / 2 % 300 || CASE WHEN i / 2 % 7 = 0 THEN '+t' ELSE '' END || '@law.example', CASE i % 2 WHEN 0 THEN 'suppression' ELSE 'unsuppression' END
  FROM generate_series(0, 5999) i;
SELECT plain, cardinality(tagged) AS tagged, regexp_count(standing::text, ' suppression|{suppression') AS suppressed,
       regexp_count(standing::text, 'unsuppression') AS unsuppressed, count(*)
  FROM consent.address_standing WHERE address::text ~ '^m[0-9]+@law.example$' GROUP BY 1, 2, 3, 4;
SELECT consent.wrong_standings();
ROLLBACK TO many;

-- Nor are rows in it that were never stored, or were stored otherwise.
INSERT INTO consent.ledger (event_id, contact, kind) SELECT event_id, contact, 'suppression' FROM consent.ledger WHERE contact = 'k4@law.example'
  ON CONFLICT DO NOTHING;
CREATE FUNCTION law_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.source = 'drop' THEN
    RETURN NULL;
  END IF;
  NEW.kind := 'objection';
  RETURN NEW;
END $$;
CREATE TRIGGER z_later BEFORE INSERT ON consent.ledger FOR EACH ROW WHEN (NEW.source IN ('drop', 'change')) EXECUTE FUNCTION law_later();
INSERT INTO consent.ledger (contact, kind, source) VALUES
  ('k6@law.example', 'suppression', 'drop'), ('k7@law.example', 'suppression', 'drop'), ('k7@law.example', 'withdrawal', NULL),
  ('k8+a@law.example', 'suppression', 'change'), ('k4@law.example', 'objection', 'drop'), ('k9@law.example', 'objection', NULL);
SELECT address, plain, tagged, regexp_replace(standing::text, ' [0-9]+', '', 'g') AS standing
  FROM consent.address_standing WHERE address::text ~ '^k[4,6-9]@law.example$' ORDER BY address;
SELECT consent.wrong_standings();
ROLLBACK;
SELECT consent.wrong_standings();

-- A standing as 0.1.0 wrote it is an error, and not a person who never said no.
BEGIN;
SET LOCAL allow_system_table_mods = on;
INSERT INTO pg_cast (oid, castsource, casttarget, castfunc, castcontext, castmethod) VALUES (9999, 'bytea'::regtype, 'consent.standing'::regtype, 0, 'e', 'b');
SET LOCAL allow_system_table_mods = off;
SELECT consent.permits(('\x' || repeat('00', 124))::bytea::consent.standing, 'old@law.example', 'post', 'law postal', 'marketing', NULL, NULL);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
