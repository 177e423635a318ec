-- Verdicts: the law on hand-made ledgers.  Times are fixed, so that each case
-- reads as in the rule it is named after.
LOAD 'pg_consent';
\set SHOW_CONTEXT never
\pset footer off
SET timezone = 'Europe/London';

-- Every reason has a regulation and an explanation, and a kind.
SELECT kind, count(*), bool_and(citation <> '' AND explanation <> '') AS explained, count(DISTINCT code) = count(*) AS distinct
  FROM consent.reason GROUP BY kind ORDER BY kind;

INSERT INTO consent.organisation (name, jurisdiction, pensions_authorised)
VALUES ('dec acme', 'GB', false), ('dec bolt', 'GB', false), ('dec pensions', 'GB', true), ('dec paris', 'ZZ', false);
INSERT INTO consent.purpose (name, kind, parent) VALUES
  ('dec boilers', 'commercial', 'marketing'), ('dec combi', 'commercial', 'dec boilers'),
  ('dec claims', 'claims_management', 'marketing'), ('dec pension review', 'pensions', 'marketing'),
  ('dec tips', 'service_optional', NULL);

-- A consent that fails nothing; n tells cases apart.
CREATE FUNCTION dec_give(n text, at timestamptz, channels consent.channel[] DEFAULT '{email}', org text DEFAULT 'dec acme',
                         purpose text DEFAULT 'marketing', method text DEFAULT 'ticked_box', wording text DEFAULT 'Email me offers from Acme',
                         collected_by text DEFAULT NULL, named text[] DEFAULT NULL, expires_at timestamptz DEFAULT NULL,
                         defects text[] DEFAULT NULL) RETURNS void LANGUAGE sql AS
$$ SELECT consent.give((n || '@dec.example')::consent.contact, channels, org, purpose, method, wording, NULL, collected_by, named,
                       expires_at, at, NULL, defects) $$;
CREATE FUNCTION judge(n text, at timestamptz DEFAULT '2026-06-01 12:00+01', channel consent.channel DEFAULT 'email', org text DEFAULT 'dec acme',
                    class consent.message_class DEFAULT 'direct_marketing', purpose text DEFAULT 'marketing',
                    known_at timestamptz DEFAULT NULL, instigators text[] DEFAULT '{}', opt_out boolean DEFAULT true,
                    identity boolean DEFAULT true, OUT allowed boolean, OUT reason text, OUT reasons text[]) LANGUAGE sql AS
$$ SELECT d.allowed, d.reason, d.reasons
     FROM consent.evaluate((n || '@dec.example')::consent.contact, channel, org, class, purpose, at, known_at,
                           instigators => instigators, opt_out_offered => opt_out, identity_shown => identity) d $$;

-- All columns once: allowed, and refused.
SELECT dec_give('plain', '2026-01-01 12:00+00');
SELECT allowed, reason, basis, citation, event_id IS NOT NULL AS event, reasons
  FROM consent.evaluate('plain@dec.example', 'email', 'dec acme');
SELECT allowed, reason, basis, citation, event_id, reasons
  FROM consent.evaluate('nobody@dec.example', 'email', 'dec acme');
SELECT consent.may_send('plain@dec.example', 'email', 'dec acme') AS plain, consent.may_send('nobody@dec.example', 'email', 'dec acme') AS nobody;

-- Step 1: what cannot be judged is refused (fail-closed list).
SELECT reason FROM consent.evaluate(NULL, 'email', 'dec acme');
SELECT reason FROM consent.evaluate('plain@dec.example', NULL, 'dec acme');
SELECT reason FROM consent.evaluate('plain@dec.example', 'email', 'dec acme', class => NULL);
SELECT reason FROM consent.evaluate('plain@dec.example', 'email', 'dec acme', at => NULL);
SELECT reason FROM consent.evaluate('plain@dec.example', 'email', 'dec acme', at => 'infinity');
SELECT reason FROM consent.evaluate('plain@dec.example', 'email', 'dec nobody');
SELECT reason FROM consent.evaluate('plain@dec.example', 'email', NULL);
SELECT reason FROM consent.evaluate('plain@dec.example', 'email');
SELECT reason FROM consent.evaluate('plain@dec.example', 'email', 'dec acme', purpose => 'nothing');
SELECT reason FROM consent.evaluate('plain@dec.example', 'email', 'dec acme', purpose => NULL);
SELECT reason FROM consent.evaluate('plain@dec.example', 'email', 'dec acme', instigators => '{dec nobody}');
SELECT reason FROM consent.evaluate('plain@dec.example', 'email', 'dec paris');
SELECT consent.may_send(NULL, NULL) AS never_null;

-- Step 2: what is not marketing passes, whatever was said about marketing.
SELECT consent.object('plain2@dec.example', at => '2026-01-01 12:00+00') > 0 AS objected;
SELECT c AS class, (judge('plain2', class => c)).* FROM unnest(enum_range(NULL::consent.message_class)) AS c ORDER BY c;

-- ... but a service_optional purpose has a switch of its own (S11), by name.
SELECT (judge('plain2', class => 'service_optional', purpose => 'dec tips')).*;
SELECT consent.withdraw('tips@dec.example', purpose => 'dec tips', at => '2026-01-01 12:00+00') > 0 AS switched_off;
SELECT (judge('tips', class => 'service_optional', purpose => 'dec tips')).*;
SELECT (judge('tips', class => 'market_research', purpose => 'dec tips')).*;
SELECT (judge('tips', class => 'service', purpose => 'dec tips')).*;
SELECT (judge('tips', class => 'service_optional', purpose => 'dec tips', at => '2025-12-31 12:00+00')).*;
SELECT dec_give('tips', '2026-02-01 12:00+00', purpose => 'dec tips');
SELECT (judge('tips', class => 'service_optional', purpose => 'dec tips')).*;
SELECT (judge('tips', class => 'service_optional', purpose => 'dec tips', channel => 'sms')).*;

-- Consent, V1 to V25; what a reviewer finds (V2, V3, V8 to V16, V20, V21, V25) by its code.
SELECT (judge('v1')).*;                                            -- V1
SELECT (judge('plain', channel => 'sms')).*;                       -- V4, E14
SELECT (judge('plain', org => 'dec bolt')).*;                      -- V5, E15
SELECT (judge('plain', instigators => '{dec bolt}')).*;            -- V6, E42
SELECT (judge('plain', instigators => '{dec acme}')).*;
SELECT dec_give('v6', '2026-01-01 12:00+00', named => '{dec bolt}');
SELECT (judge('v6', instigators => '{dec bolt}')).*;
SELECT (judge('v6', org => 'dec bolt')).*;
SELECT dec_give('v7', '2026-01-01 12:00+00', purpose => 'dec boilers');
SELECT (judge('v7')).*;                                            -- V7
SELECT (judge('v7', purpose => 'dec boilers')).*;
SELECT (judge('v7', purpose => 'dec combi')).*;
SELECT (judge('plain', purpose => 'dec combi')).*;
SELECT count(*) FROM (SELECT dec_give('v_' || code, '2026-01-01 12:00+00', defects => ARRAY[code])
  FROM unnest('{consent_not_from_recipient,consent_line_mismatch,consent_not_affirmative,consent_preticked,consent_silence,consent_bundled,consent_condition_of_service,consent_unfair_incentive,consent_not_informed,consent_not_granular,consent_unevidenced,consent_purpose_spent,consent_relationship_ended,consent_unconfirmed,consent_tainted}'::text[]) AS code) AS given;
SELECT code, (judge('v_' || code)).*
  FROM unnest('{consent_not_from_recipient,consent_line_mismatch,consent_not_affirmative,consent_preticked,consent_silence,consent_bundled,consent_condition_of_service,consent_unfair_incentive,consent_not_informed,consent_not_granular,consent_unevidenced,consent_purpose_spent,consent_relationship_ended,consent_unconfirmed,consent_tainted}'::text[]) WITH ORDINALITY AS t(code, n) ORDER BY n;
SELECT (judge('plain', at => '2025-12-31 12:00+00')).*;            -- V17, E5
SELECT (judge('plain', at => '2026-01-01 12:00+00')).*;            -- E3
SELECT dec_give('v19', '2026-01-01 12:00+00', expires_at => '2026-05-01 12:00+01');
SELECT (judge('v19', at => '2026-05-01 11:59:59+01')).*;           -- V19, E4
SELECT (judge('v19', at => '2026-05-01 12:00+01')).*;
SELECT dec_give('v22', '2026-01-01 12:00+00', collected_by => 'listbroker');
SELECT (judge('v22')).*;                                           -- V22, F7
-- V23, E17: stale from the day six calendar months later, by the British calendar
SELECT dec_give('v23', '2026-01-01 12:00+00', collected_by => 'listbroker', named => '{dec acme}');
SELECT (judge('v23', at => '2026-06-30 23:59:59+01')).*;
SELECT (judge('v23', at => '2026-07-01 00:00+01')).*;
SELECT dec_give('v23b', '2025-08-31 12:00+01', collected_by => 'listbroker', named => '{dec acme}');
SELECT (judge('v23b', at => '2026-02-27 23:59:59+00')).*;
SELECT (judge('v23b', at => '2026-02-28 00:00+00')).*;
-- the first failing predicate of the newest consent decides; an older valid one is not hidden
SELECT dec_give('order', '2026-01-01 12:00+00', method => 'pre_ticked_box', wording => NULL, org => 'dec bolt');
SELECT (judge('order', channel => 'sms')).*;
SELECT dec_give('hidden', '2026-01-01 12:00+00');
SELECT dec_give('hidden', '2026-02-01 12:00+00', method => 'silence');
SELECT (judge('hidden')).*;

-- Withdrawal, V18: E1, E2, E6, E7, E8, E35.
SELECT dec_give('e1', '2026-01-01 12:00+00', channels => '{email,sms}');
SELECT consent.withdraw('e1@dec.example', channels => '{email}', at => '2026-01-01 12:00+00') > 0 AS same_instant;
SELECT (judge('e1')).*;
SELECT (judge('e1', channel => 'sms')).*;
SELECT (judge('e1', at => '2026-01-01 12:00+00')).*;
SELECT dec_give('e1', '2026-01-02 12:00+00');
SELECT (judge('e1')).*;
SELECT (judge('e1', at => '2026-01-02 11:00+00')).*;
SELECT consent.withdraw('e8@dec.example', at => '2026-01-01 12:00+00') > 0 AS everything;
SELECT (judge('e8', channel => 'post')).*, (judge('e8', org => 'dec bolt')).reason AS at_bolt;
-- scope: another organisation's, another purpose's, a parent purpose's
SELECT dec_give('scope', '2026-01-01 12:00+00'), consent.withdraw('scope@dec.example', organisation => 'dec bolt', at => '2026-02-01') > 0 AS bolt;
SELECT (judge('scope')).reason AS acme, (judge('scope', org => 'dec bolt')).reason AS bolt, (judge('scope', instigators => '{dec bolt}')).reason AS for_bolt;
SELECT dec_give('child', '2026-01-01 12:00+00'), consent.withdraw('child@dec.example', purpose => 'dec boilers', at => '2026-02-01') > 0 AS boilers;
SELECT (judge('child')).reason AS parent, (judge('child', purpose => 'dec boilers')).reason AS itself, (judge('child', purpose => 'dec combi')).reason AS child;

-- Objection: only a later explicit consent, later recorded, lifts it.
SELECT dec_give('o1', '2026-01-01 12:00+00'), consent.object('o1@dec.example', at => '2026-02-01 12:00+00') > 0 AS objected;
SELECT (judge('o1')).*;
SELECT (judge('o1', at => '2026-01-15')).*;
SELECT dec_give('o1', '2026-03-01 12:00+00');                    -- E12
SELECT (judge('o1')).*;
SELECT (judge('o1', channel => 'sms')).reason AS sms, (judge('o1', org => 'dec bolt')).reason AS bolt, (judge('o1', channel => 'post')).reason AS post;
-- E36: consent entered after the objection, dated before it
SELECT consent.object('e36@dec.example', at => '2026-02-01 12:00+00') > 0 AS objected, dec_give('e36', '2026-01-15 12:00+00');
SELECT (judge('e36')).*;
-- an objection entered late, effective before an earlier-entered consent, blocks
SELECT dec_give('late', '2026-03-01 12:00+00');
SELECT consent.object('late@dec.example', at => '2026-02-01 12:00+00') > 0 AS objected;
SELECT (judge('late')).*;
-- a withdrawal entered late is compared by effect alone (E35)
SELECT dec_give('latew', '2026-03-01 12:00+00');
SELECT consent.withdraw('latew@dec.example', at => '2026-02-01 12:00+00') > 0 AS withdrawn;
SELECT (judge('latew')).*;
-- when the lifting consent ends, the objection is in force again
SELECT consent.object('again@dec.example', at => '2026-01-01 12:00+00') > 0 AS objected, dec_give('again', '2026-02-01 12:00+00', expires_at => '2026-05-01');
SELECT (judge('again', at => '2026-04-01')).reason AS before, (judge('again')).reason AS after;
SELECT dec_give('again2', '2026-01-01'), consent.object('again2@dec.example', at => '2026-01-02 12:00+00') > 0 AS objected, dec_give('again2', '2026-02-01 12:00+00');
SELECT consent.withdraw('again2@dec.example', at => '2026-03-01') > 0 AS withdrawn;
SELECT (judge('again2')).*;
-- an invalid or a third party's consent lifts nothing
SELECT consent.object('inv@dec.example', at => '2026-01-01 12:00+00') > 0 AS objected, dec_give('inv', '2026-02-01', method => 'pre_ticked_box'),
       dec_give('inv', '2026-05-01', collected_by => 'listbroker', named => '{dec acme}');
SELECT (judge('inv')).*;
-- every objection in force must be lifted
SELECT consent.object('two@dec.example', at => '2026-01-01') > 0 AS first, dec_give('two', '2026-02-01');
SELECT consent.object('two@dec.example', channels => '{email}', at => '2026-03-01') > 0 AS second;
SELECT (judge('two')).*;

-- As of: at, and known_at.
SELECT (judge('o1', at => '2026-02-15')).reason AS at_objection, (judge('o1', known_at => '2020-01-01')).reason AS knew_nothing;

-- Corporate subscribers: e-mail is opt-out, T1, T2; calls by machine are not.
SELECT consent.set_subscriber('corp@dec.example', 'corporate', at => '2026-01-01') > 0 AS corporate;
SELECT c AS channel, (judge('corp', channel => c)).reason FROM unnest(enum_range(NULL::consent.channel)) AS c ORDER BY c;
SELECT (judge('corp', at => '2025-12-31')).reason AS not_yet_known;
SELECT consent.withdraw('corp@dec.example', channels => '{email,fax}', at => '2026-02-01') > 0 AS withdrawn;
SELECT (judge('corp')).reason AS email, (judge('corp', channel => 'fax')).reason AS fax, (judge('corp', channel => 'sms')).reason AS sms;
SELECT consent.set_subscriber('sole@dec.example', s, at => t) > 0 AS recorded
  FROM (VALUES ('corporate'::consent.subscriber, '2026-01-01'::timestamptz), ('sole_trader', '2026-02-01')) AS v(s, t);
SELECT (judge('sole', at => '2026-01-15')).reason AS corporate, (judge('sole')).reason AS sole_trader;   -- E28

-- The other channels, for an individual without and with consent to them all.
SELECT dec_give('all', '2026-01-01', channels => enum_range(NULL::consent.channel));
SELECT c AS channel, (judge('none', channel => c)).reason AS without, (judge('all', channel => c)).reason AS with
  FROM unnest(enum_range(NULL::consent.channel)) AS c ORDER BY c;

-- Claims management and pensions: consent to that purpose itself (21A, 21B).
SELECT (judge('all', channel => 'live_call', purpose => 'dec claims')).*;
SELECT dec_give('all', '2026-01-02', channels => '{live_call,email}', purpose => 'dec claims');
SELECT (judge('all', channel => 'live_call', purpose => 'dec claims')).*;
SELECT (judge('plain', purpose => 'dec claims')).*;
SELECT dec_give('pens', '2026-01-02', channels => '{live_call}', purpose => 'dec pension review', org => o) FROM unnest('{dec acme,dec pensions}'::text[]) AS o;
SELECT (judge('pens', channel => 'live_call', purpose => 'dec pension review')).*;
SELECT (judge('pens', channel => 'live_call', purpose => 'dec pension review', org => 'dec pensions')).*;

-- The message itself: reg 23 and 24.
SELECT (judge('all', opt_out => false)).reason AS email, (judge('all', channel => 'live_call', opt_out => false)).reason AS call;
SELECT (judge('all', opt_out => NULL)).reason AS unknown_opt_out, (judge('all', identity => NULL)).reason AS unknown_identity;
SELECT (judge('all', identity => false)).reason AS email, (judge('all', channel => 'post', identity => false)).reason AS post;
SELECT (judge('all', opt_out => false, identity => false)).*;
SELECT (judge('none', opt_out => false)).*;

-- The campaign filter is the same verdict, set-wise.
SELECT p FROM consent.permitted('email', 'dec acme') AS p WHERE p::text LIKE '%@dec.example' ORDER BY p;
SELECT count(*) AS disagreements
  FROM (SELECT DISTINCT contact FROM consent.ledger) l,
       (SELECT name AS org FROM consent.organisation) o,
       unnest(enum_range(NULL::consent.channel)) AS channel,
       unnest('{marketing,dec boilers,dec claims}'::text[]) AS purpose
 WHERE consent.may_send(l.contact, channel, o.org, purpose => purpose)
       <> (l.contact IN (SELECT consent.permitted(channel, o.org, purpose)))
   AND l.contact::text LIKE '%@dec.example' AND o.org LIKE 'dec %' AND channel IN ('email', 'sms', 'live_call');
SELECT count(*) FROM consent.permitted('email', 'dec nobody');
SELECT count(*) FROM consent.permitted('email', NULL);

-- Standings: computed, never written; the order of events does not matter.
SELECT consent.fold(l ORDER BY event_id)::text = consent.fold(l ORDER BY event_id DESC)::text AS same
  FROM consent.ledger l WHERE contact = 'o1@dec.example';
-- and however often
SELECT bool_and(consent.standing_eq(once, twice) AND once::text = twice::text) AS same
  FROM (SELECT consent.fold(l ORDER BY event_id) FILTER (WHERE n = 1) AS once, consent.fold(l ORDER BY n, event_id) AS twice
          FROM consent.ledger l, generate_series(1, 2) n GROUP BY l.address) f;
SELECT consent.fold(l) FROM consent.ledger l WHERE false;
SELECT '{}'::consent.standing;
\echo :LAST_ERROR_SQLSTATE

DROP FUNCTION dec_give(text, timestamptz, consent.channel[], text, text, text, text, text, text[], timestamptz, text[]);
DROP FUNCTION judge(text, timestamptz, consent.channel, text, consent.message_class, text, timestamptz, text[], boolean, boolean);
