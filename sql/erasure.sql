-- Whose contacts are whose, and what is left of a person who is forgotten.
LOAD 'pg_consent';
SET pg_consent.default_region = 'GB';
SET timezone = 'Europe/London';
\set SHOW_CONTEXT never
\pset footer off
INSERT INTO consent.organisation (name) VALUES ('erasure acme'), ('erasure bolt');
CREATE FUNCTION verdict(c consent.contact, channel consent.channel DEFAULT 'email', at timestamptz DEFAULT now(), known_at timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT d.reason FROM consent.evaluate(c, channel, 'erasure acme', at => at, known_at => known_at) d $$;
CREATE FUNCTION agrees(c consent.contact, at timestamptz DEFAULT '2026-01-01') RETURNS boolean LANGUAGE sql AS
$$ SELECT consent.give(c, '{email,sms}', 'erasure acme', method => 'ticked_box', wording => 'Offers from Acme', at => at) > 0 $$;
CREATE FUNCTION listed() RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(p::text, ' ' ORDER BY p) FROM consent.permitted('email', 'erasure acme') p WHERE p::text LIKE '%erasure.example' $$;

--
-- Links: a person's "no" covers all their contacts
--
SELECT agrees('jo@erasure.example'), agrees('jo.work@erasure.example'), agrees('+447700900991'), agrees('sam@erasure.example');
SELECT consent.link('jo@erasure.example', 'crm-1') > 0 AS linked, consent.link('jo.work+x@erasure.example', 'crm-1', source => 'crm') > 0 AS linked, consent.link('+447700900991', 'crm-1') > 0 AS linked,
       consent.link('sam@erasure.example', 'crm-2') > 0 AS linked;
SELECT a FROM consent.linked_addresses('jo@erasure.example') a ORDER BY a;
SELECT verdict('jo@erasure.example'), verdict('jo.work@erasure.example'), verdict('+447700900991', 'sms'), listed();
SELECT now() AS before_it \gset
SELECT consent.object('jo@erasure.example', at => '2026-02-01') > 0 AS objected;
SELECT verdict('jo@erasure.example'), verdict('jo.work@erasure.example') AS work, verdict('jo.work@erasure.example', at => '2026-01-15') AS work_before, verdict('+447700900991', 'sms') AS phone, verdict('sam@erasure.example') AS sam, listed();
SELECT verdict('jo.work@erasure.example', known_at => :'before_it') AS not_known_then;
-- a later consent lifts it for the contact it was given for
SELECT agrees('jo.work@erasure.example', now()), verdict('jo.work@erasure.example') AS work, verdict('+447700900991', 'sms') AS phone, verdict('jo@erasure.example') AS home, listed();
-- reversible: as if they had never been linked
SELECT consent.unlink('+447700900991', 'crm-1') > 0 AS unlinked, verdict('+447700900991', 'sms') AS phone, verdict('jo@erasure.example') AS home;
SELECT count(*) FROM consent.permitted('sms', 'erasure acme') p WHERE p = '+447700900991'::consent.contact;
SELECT consent.link('+447700900991', 'crm-1') > 0 AS linked_again, verdict('+447700900991', 'sms') AS phone;
SELECT count(*) FROM consent.permitted('sms', 'erasure acme') p WHERE p = '+447700900991'::consent.contact;
-- a withdrawal too, for its channels; a suppression and a listing are about the address
SELECT agrees('w1@erasure.example'), agrees('w2@erasure.example'), consent.link('w1@erasure.example', 'crm-3') > 0 AS l1, consent.link('w2@erasure.example', 'crm-3') > 0 AS l2;
SELECT consent.withdraw('w1@erasure.example', '{sms}') > 0 AS withdrawn, verdict('w2@erasure.example', 'sms') AS sms, verdict('w2@erasure.example') AS email;
SELECT consent.suppress('w1@erasure.example', 'bounce') > 0 AS bounced, verdict('w1@erasure.example') AS w1, verdict('w2@erasure.example') AS w2;
-- linked after the fact: the strictest of both holds
SELECT agrees('late@erasure.example'), verdict('late@erasure.example'), consent.link('late@erasure.example', 'crm-1') > 0 AS linked;
SELECT verdict('late@erasure.example') AS linked_after_the_objection, listed();
-- one address, two persons (E25)
SELECT agrees('house@erasure.example'), agrees('ann@erasure.example'), agrees('bob@erasure.example'), consent.link('house@erasure.example', 'ann') > 0 AS l1, consent.link('house@erasure.example', 'bob') > 0 AS l2,
       consent.link('ann@erasure.example', 'ann') > 0 AS l3, consent.link('bob@erasure.example', 'bob') > 0 AS l4;
SELECT consent.object('ann@erasure.example') > 0 AS ann_objects, verdict('house@erasure.example') AS house, verdict('bob@erasure.example') AS bob;
SELECT count(*) AS wrong FROM consent.wrong_standings();
SELECT kind, in_words FROM consent.history('+447700900991') ORDER BY event_id;
-- No address is printed.
SELECT consent.link(NULL, 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.link('x@erasure.example', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.link('x@erasure.example', '');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.person_link (contact, person, linked) VALUES ('x@erasure.example', 'p', NULL);
SELECT consent.unlink('x@erasure.example', NULL);
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY sqlstate
INSERT INTO consent.person_link (contact, person) VALUES ('x@erasure.example', repeat('x', 1001));
INSERT INTO consent.person_link (contact, person) SELECT (i || '@crowd.example')::consent.contact, 'everybody' FROM generate_series(1, 101) i;
UPDATE consent.person_link SET person = 'x';
DELETE FROM consent.person_link;
TRUNCATE consent.person_link;
\set VERBOSITY default

--
-- Erasure
--
SELECT consent.unsubscribe_token('sam@erasure.example', 'erasure acme') AS token \gset
SELECT agrees('sam+news@erasure.example'), consent.give('bystander@erasure.example', '{email}', 'erasure acme', method => 'oral', wording => 'w') > 0 AS bystander;
SELECT consent.seal() > 0 AS sealed;
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, contact, action, written_by)
SELECT now(), 'consent.ledger', false, 'objected', '{objected}', c::consent.contact, 'sent', 'me' FROM unnest('{sam@erasure.example,sam+x@erasure.example,bystander@erasure.example}'::text[]) c;
INSERT INTO consent.quarantine (relation, "row", reason)
SELECT 'consent.ledger', r::jsonb, 'objected' FROM unnest('{"{\"to\": \"Sam@Erasure.example\"}","{\"to\": \"\\\"Bloggs, Sam\\\" <sam@erasure.example>\"}","{\"payload\": {\"to\": [\"x@y.example; sam+1@erasure.example\"]}}","{\"to\": \"bystander@erasure.example\"}"}'::text[]) r;
-- what an audit found is still counted, and no longer known
INSERT INTO consent.exposure_run (id, relation, mapping) OVERRIDING SYSTEM VALUE VALUES (-1, 'consent.ledger', '{}') RETURNING id AS run \gset
INSERT INTO consent.exposure_finding (run, contact, person, complaint, reason)
SELECT :run, c::consent.contact, consent.contact_root(c::consent.contact)::text, false, 'objected' FROM unnest('{sam@erasure.example,sam+x@erasure.example,bystander@erasure.example}'::text[]) c;
SELECT consent.forget('Sam <sam+anything@erasure.example>') AS erasure \gset
SELECT contact, replace(person, :'erasure', 'N') AS person, count(*) FROM consent.exposure_finding WHERE run = :run GROUP BY 1, 2 ORDER BY 1;
DELETE FROM consent.exposure_run WHERE id = :run;
SELECT event_id = :erasure AS this_one, ground, suppressed FROM consent.erasures_of('sam+other@erasure.example');
SELECT count(*) AS of_others FROM consent.erasures_of('bystander@erasure.example');
SELECT (SELECT count(*) FROM consent.ledger WHERE address = 'sam@erasure.example') AS ledger, (SELECT count(*) FROM consent.address_standing WHERE address = 'sam@erasure.example') AS standing,
       (SELECT count(*) FROM consent.person_link WHERE address = 'sam@erasure.example') AS links, (SELECT count(*) FROM consent.unsubscribe_link WHERE contact = 'sam@erasure.example') AS unsubscribe_links,
       (SELECT array_agg(contact::text) FROM consent.decision_log) AS log, (SELECT array_agg("row" ->> 'to') FROM consent.quarantine) AS quarantine, (SELECT count(*) FROM consent.history('sam@erasure.example')) AS history;
SELECT ground, reason, suppressed, erased_by = session_user AS by_me, (SELECT count(*) FROM consent.erased_event x WHERE x.event_id <@ e.events) AS events, length(address_digest) FROM consent.erasure e WHERE event_id = :erasure;
SELECT relname FROM pg_class c WHERE relnamespace = 'consent'::regnamespace AND relkind = 'r' AND (SELECT xpath('//row', query_to_xml(format('SELECT * FROM consent.%I t WHERE t::text ILIKE %L', relname, '%sam@erasure.example%'), false, false, '')))::text <> '{}';
-- nothing in the ledger is broken by it
SELECT * FROM consent.verify_ledger();
SELECT consent.seal() > 0 AS sealed;
SELECT * FROM consent.verify_ledger();
SELECT count(*) AS wrong FROM consent.wrong_standings();
-- the objection bites, through every form of the address, and service messages pass
SELECT verdict('sam@erasure.example'), verdict('SAM+other@erasure.example') AS tagged, verdict('sam@erasure.example', 'sms') AS sms, verdict('sam@erasure.example', 'post') AS post,
       (consent.evaluate('sam@erasure.example', 'email', 'erasure acme', 'service')).reason AS service, (consent.evaluate('sam@erasure.example', 'email', 'erasure bolt')).reason AS other_organisation;
SELECT event_id = :erasure AS rests_on_it, citation FROM consent.evaluate('sam@erasure.example', 'email', 'erasure acme');
SELECT verdict('sam@erasure.example', known_at => now() - interval '1 hour') AS nothing_known_of_it_then;
-- an import cannot resurrect
SELECT agrees('sam@erasure.example'), agrees('sam@erasure.example', '2026-03-01'), verdict('sam@erasure.example');
SELECT consent.set_subscriber('sam@erasure.example', 'corporate') > 0 AS corporate, consent.soft_opt_in('sam@erasure.example', 'erasure acme', 'hats', true, false) > 0 AS bought, verdict('sam@erasure.example');
SELECT listed() ~ 'sam@' AS listed, consent.unsuppress('sam@erasure.example') > 0 AS unsuppressed, verdict('sam@erasure.example');
SELECT consent.give('sam@erasure.example', '{email}', 'erasure acme', method => 'ticked_box', wording => 'w', collected_by => 'broker', named_organisations => '{erasure acme}') > 0 AS by_a_third_party, verdict('sam@erasure.example');
-- nor does an old request, or the loss of what had been switched off by name
INSERT INTO consent.purpose (name, kind) VALUES ('erasure tips', 'service_optional');
INSERT INTO consent.ledger (contact, kind, organisation, channels, reference, effective_at) VALUES ('sam@erasure.example', 'request', 'erasure acme', '{email}', 'old', '2026-01-01');
SELECT consent.request('sam@erasure.example', 'erasure acme', 'email', 'new', at => clock_timestamp()) > 0 AS asked_again;
SELECT r AS reference, (consent.evaluate('sam+x@erasure.example', 'email', 'erasure acme', 'solicited_response', reference => r)).reason AS tagged,
       (consent.evaluate('sam@erasure.example', 'email', 'erasure acme', 'solicited_response', reference => r)).reason FROM unnest('{old,new}'::text[]) r;
SELECT c AS class, p AS purpose, d.reason, d.event_id = :erasure AS rests_on_it, n.reason AS before
  FROM (VALUES ('service_optional'::consent.message_class, 'erasure tips'), ('market_research', 'erasure tips'), ('service', 'erasure tips'), ('service_optional', 'marketing')) v(c, p),
       consent.evaluate('sam@erasure.example', 'email', 'erasure acme', c, p) d, consent.evaluate('sam@erasure.example', 'email', 'erasure acme', c, p, known_at => now() - interval '1 hour') n;
-- a new explicit consent does
SELECT pg_sleep(0.01);
SELECT agrees('sam@erasure.example', clock_timestamp()), verdict('sam@erasure.example', at => clock_timestamp()), verdict('sam@erasure.example', 'live_call', at => clock_timestamp()) AS call;
SELECT consent.give('sam@erasure.example', '{email}', 'erasure acme', 'erasure tips', method => 'oral', wording => 'w', at => clock_timestamp()) > 0 AS tips_again,
       (consent.evaluate('sam@erasure.example', 'sms', 'erasure acme', 'service_optional', 'erasure tips')).reason AS sms;
SELECT (consent.evaluate('sam@erasure.example', 'email', 'erasure acme', 'service_optional', 'erasure tips')).reason AS tips;
SELECT listed() ~ 'sam@' AS listed;
-- forgotten again, and somebody we never heard of
SELECT consent.forget('sam@erasure.example', 'asked twice') > 0 AS again, verdict('sam@erasure.example', at => clock_timestamp()), consent.forget('never@erasure.example') > 0 AS never, verdict('never@erasure.example', at => clock_timestamp());
SELECT count(DISTINCT address_digest) AS addresses, count(*) AS erasures FROM consent.erasure;
-- what was said after our transaction began was said before
BEGIN;
SELECT clock_timestamp() AS just_now \gset
SELECT agrees('slow@erasure.example', :'just_now'), consent.forget('slow@erasure.example') > 0 AS forgotten;
COMMIT;
SELECT agrees('slow@erasure.example', :'just_now') AS loaded_again;
SELECT verdict('slow@erasure.example', at => clock_timestamp());
-- what others of the same person owe to it stays with them
SELECT verdict('jo.work@erasure.example') AS work, verdict('late@erasure.example') AS late, consent.forget('jo@erasure.example') > 0 AS forgotten;
SELECT verdict('jo.work@erasure.example') AS work, verdict('late@erasure.example') AS late, verdict('late@erasure.example', at => '2026-01-15') AS late_then;
SELECT kind, effective_at, source FROM consent.history('late@erasure.example') WHERE source IS NOT NULL;
SELECT * FROM consent.verify_ledger();
SELECT count(*) AS wrong FROM consent.wrong_standings();

--
-- Retention
--
INSERT INTO consent.ledger (event_id, contact, kind, channels, organisation, method, wording, effective_at, recorded_at, recorded_by)
SELECT nextval('consent.ledger_event_id'), c, k, CASE k WHEN 'consent' THEN '{email}'::consent.channel[] END, CASE k WHEN 'consent' THEN 'erasure acme' END, CASE k WHEN 'consent' THEN 'oral' END, CASE k WHEN 'consent' THEN 'w' END, t, t, 'import'
  FROM (VALUES ('old@erasure.example'::consent.contact, 'consent', timestamptz '2015-01-01'), ('old.no@erasure.example', 'consent', '2015-01-01'), ('old.no@erasure.example', 'objection', '2015-06-01'),
               ('old.new@erasure.example', 'consent', '2015-01-01'), ('old.new@erasure.example', 'consent', '2026-01-01')) v (c, k, t);
-- a refusal when the address was collected, and a suppression, are a no as well
INSERT INTO consent.ledger (contact, kind, organisation, product_category, refusal_offered, refused, effective_at, recorded_at)
VALUES ('old.refused@erasure.example', 'soft_opt_in', 'erasure acme', 'hats', true, true, '2015-01-01', '2015-01-01'), ('old.bought@erasure.example', 'soft_opt_in', 'erasure acme', 'hats', true, false, '2015-01-01', '2015-01-01');
INSERT INTO consent.ledger (contact, kind, effective_at, recorded_at) VALUES ('old.bounced@erasure.example', 'suppression', '2015-01-01', '2015-01-01');
SELECT consent.expire_contacts('2020-01-01', 'six years after the last purchase') AS expired;
SELECT ground, reason, suppressed, count(*) FROM consent.erasure WHERE ground = 'retention' GROUP BY 1, 2, 3 ORDER BY 3;
SELECT verdict('old@erasure.example') AS unknown_again, verdict('old.no@erasure.example') AS said_no, verdict('old.new@erasure.example') AS still_there;
SELECT verdict('old.refused@erasure.example') AS refused, verdict('old.bought@erasure.example') AS bought, verdict('old.bounced@erasure.example') AS bounced;
SELECT agrees('old@erasure.example'), verdict('old@erasure.example'), agrees('old.no@erasure.example'), verdict('old.no@erasure.example');
SELECT consent.expire_contacts('2020-01-01', 'again') AS expired;
-- the logs are read once for all who go, and lose no more than what is of them
INSERT INTO consent.ledger (contact, kind, effective_at, recorded_at) SELECT format('gone%s@erasure.example', n)::consent.contact, 'objection', '2015-01-01', '2015-01-01' FROM generate_series(1, 20) n;
CREATE TEMPORARY TABLE erasure_who AS SELECT who::consent.contact FROM (SELECT format('gone%s+%s@erasure.example', n, t) FROM generate_series(1, 21) n, unnest('{x,y}'::text[]) t) v (who);
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, contact, action, written_by) SELECT now(), 'consent.ledger', false, 'objected', '{objected}', who, 'sent', 'me' FROM erasure_who;
INSERT INTO consent.unsubscribe_link (id, key_id, contact, organisation) SELECT gen_random_uuid(), 1, who, 'erasure acme' FROM erasure_who;
INSERT INTO consent.sweep_log (contact_digest, relation, cancelled, skipped) SELECT int8send(consent.guard_key(who::text, 'GB')), 'consent.ledger', 1, 0 FROM erasure_who;
INSERT INTO consent.quarantine (relation, "row", reason) SELECT 'consent.ledger', jsonb_build_object('to', jsonb_build_array('x@y.example', who)), 'objected' FROM erasure_who;
INSERT INTO consent.quarantine (relation, "row", reason) VALUES ('consent.ledger', '{"to": "x@y.example", "n": [1, null]}', 'objected');
SELECT consent.expire_contacts('2020-01-01', 'old') AS expired;
SELECT 'log' AS in, contact::text AS who FROM consent.decision_log WHERE contact::text LIKE 'gone%'
UNION ALL SELECT 'links', contact::text FROM consent.unsubscribe_link WHERE contact::text LIKE 'gone%'
UNION ALL SELECT 'sweeps', count(*)::text FROM consent.sweep_log WHERE contact_digest IN (SELECT int8send(consent.guard_key(who::text, 'GB')) FROM erasure_who)
UNION ALL SELECT 'quarantine', "row"->>'to' FROM consent.quarantine WHERE "row"->>'to' ~ 'gone|x@y' ORDER BY 1, 2;
DELETE FROM consent.quarantine WHERE "row"->>'to' ~ 'gone|x@y';
SELECT count(consent.forget(who)) AS forgotten FROM erasure_who;
SELECT count(*) AS logged FROM consent.decision_log WHERE contact::text LIKE 'gone%';
DROP TABLE erasure_who;
SELECT * FROM consent.verify_ledger();

-- errors
\set VERBOSITY sqlstate
SELECT consent.forget(NULL);
SELECT consent.forget('x@erasure.example', at => now() + interval '1 hour');
SELECT consent.expire_contacts(NULL, 'x');
SELECT consent.expire_contacts('2020-01-01', NULL);
SELECT consent.expire_contacts('2100-01-01', 'x');
BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT consent.forget('x@erasure.example'); ROLLBACK;
BEGIN READ ONLY; SELECT consent.forget('x@erasure.example'); ROLLBACK;
UPDATE consent.erasure SET suppressed = false;
DELETE FROM consent.erased_event;
TRUNCATE consent.erasure;
DELETE FROM consent.ledger_00;
INSERT INTO consent.ledger (contact, kind) VALUES ('x@erasure.example', 'erasure');
-- the door closes behind an erasure, also one that fails
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING errcode = 'P0099'; END $$;
CREATE TRIGGER fail BEFORE INSERT ON consent.erasure FOR EACH ROW EXECUTE FUNCTION fail();
SELECT consent.forget('late@erasure.example');
DROP TRIGGER fail ON consent.erasure;
DELETE FROM consent.ledger;
\set VERBOSITY default
SELECT count(*) > 0 AS still_there FROM consent.history('late@erasure.example');

-- What is queued for somebody is cancelled when the erasure commits, and leaves no trace of whom; a rolled back one takes nothing.
INSERT INTO consent.organisation (name) VALUES ('erasure shop');
CREATE TABLE erasure_outbox (to_addr text, body text);
SELECT consent.guard('erasure_outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'erasure shop'$$, on_block => 'quarantine');
SELECT consent.give(contact => c::consent.contact, channels => '{email}', organisation => 'erasure shop', method => 'ticked_box', wording => 'Yes, email me offers') > 0 AS given
  FROM unnest('{queued@erasure.example,stays@erasure.example}'::text[]) c;
INSERT INTO erasure_outbox SELECT c, '20% off all boilers this week' FROM unnest('{queued@erasure.example,stays@erasure.example}'::text[]) c;
SELECT consent.withdraw(contact => 'stays@erasure.example') > 0 AS withdrawn;
BEGIN;
SAVEPOINT s;
SELECT consent.forget('stays@erasure.example') > 0 AS forgotten;
ROLLBACK TO s;
SELECT consent.forget('queued@erasure.example') > 0 AS forgotten;
COMMIT;
SELECT count(*) AS queued FROM erasure_outbox;
SELECT "row"->>'to_addr' AS quarantined FROM consent.quarantine WHERE "row"->>'to_addr' LIKE '%@erasure.example';
SELECT contact AS logged FROM consent.decision_log WHERE contact::text LIKE '%@erasure.example' ORDER BY 1;
SELECT count(*) AS swept FROM consent.sweep_log WHERE relation = 'erasure_outbox'::regclass;
DROP TABLE erasure_outbox;

-- An old dump brings back what was erased: it is erased once more, and what the seals need of it is left once.
SELECT consent.withdraw(contact => 'back@erasure.example') > 0 AS withdrawn;
CREATE TEMPORARY TABLE erasure_dump AS SELECT * FROM consent.ledger WHERE contact = 'back@erasure.example';
SELECT consent.forget('back@erasure.example') > 0 AS forgotten;
INSERT INTO consent.ledger SELECT * FROM erasure_dump;
SELECT kind FROM consent.ledger WHERE contact = 'back@erasure.example';
SELECT consent.forget('back@erasure.example') > 0 AS forgotten_again;
SELECT count(*) AS still_there FROM consent.ledger WHERE contact = 'back@erasure.example';
SELECT count(*) AS left_over, bool_and(x.digest = d.digest) AS as_it_was FROM consent.erased_event x JOIN erasure_dump d USING (event_id);
SELECT count(*) AS erasures FROM consent.erasure e JOIN erasure_dump d ON e.events @> d.event_id;
DROP TABLE erasure_dump;

-- privileges
CREATE ROLE regress_erasure_writer IN ROLE consent_writer;
CREATE ROLE regress_erasure_admin IN ROLE consent_admin;
SET ROLE regress_erasure_writer;
SELECT consent.link('priv@erasure.example', 'p') > 0 AS linked;
INSERT INTO consent.person_link (contact, person, recorded_at) VALUES ('priv@erasure.example', 'p', '2020-01-01');
SELECT consent.forget('late@erasure.example');
SELECT count(*) FROM consent.erasure_key;
SET ROLE regress_erasure_admin;
SELECT consent.forget('late@erasure.example') > 0 AS forgotten;
DELETE FROM consent.ledger;
RESET ROLE;
DROP ROLE regress_erasure_writer, regress_erasure_admin;
DROP FUNCTION verdict, agrees, listed, fail;
