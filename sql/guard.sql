-- The guard: what it lets through, what it refuses, and how it says so.
LOAD 'pg_consent';
SET pg_consent.default_region = 'GB';
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset footer off
SET timezone = 'Europe/London';
INSERT INTO consent.organisation (name) VALUES ('guard acme'), ('guard bolt');
SELECT count(consent.give(c::consent.contact, '{email,sms}', 'guard acme', method => 'ticked_box', wording => 'Send me offers from Acme', at => '2026-01-01'))
  FROM unnest('{yes@guard.example,yes2@guard.example,stopped@guard.example,+447700900201}'::text[]) AS c;
SELECT consent.withdraw('stopped@guard.example', at => '2026-02-01') > 0 AS withdrawn;
\set promo '''Get 20% off all boilers this weekend only! Order now.'''
\set service '''Your order 4411 is out for delivery today.'''

CREATE TABLE guard_outbox (
  id int GENERATED ALWAYS AS IDENTITY, to_addr text, channel text DEFAULT 'email', subject text, body text, kind text,
  org text DEFAULT 'guard acme', status text NOT NULL DEFAULT 'queued', attempts int NOT NULL DEFAULT 0);
SELECT consent.guard(target => 'guard_outbox', recipient => 'to_addr', channel => 'channel', body => 'body', subject => 'subject',
                     organisation => 'org', class => 'kind', pending => $$status = 'queued'$$, on_block => 'raise');
SELECT relation, leaf, on_block, health, detail FROM consent.guards WHERE relation = 'guard_outbox'::regclass;
-- The trigger's arguments are the configuration, with every name qualified.
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'guard_outbox'::regclass AND tgname = 'consent_guard';

-- Marketing goes to who agreed and to nobody else; service to all.
INSERT INTO guard_outbox (to_addr, body) VALUES ('Yes@Guard.Example', :promo);
INSERT INTO guard_outbox (to_addr, body) VALUES ('stopped@guard.example', :promo);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO guard_outbox (to_addr, body) VALUES ('stopped@guard.example', :service);
INSERT INTO guard_outbox (to_addr, body) VALUES ('unseen@guard.example', :promo);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO guard_outbox (to_addr, body) VALUES ('unseen@guard.example', :service);
INSERT INTO guard_outbox (to_addr, channel, body) VALUES ('07700 900201', 'sms', :promo);
SELECT to_addr, channel, left(body, 20) AS body FROM guard_outbox ORDER BY id;

-- A refusal in the fields that programs read.
DO $$
DECLARE s text; c text; t text; n text; d text; h text; m text;
BEGIN
  INSERT INTO guard_outbox (to_addr, subject, body, kind)
  VALUES ('stopped@guard.example', 'Weekend offer', 'Get 20% off all boilers this weekend only! Order now.', 'service');
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, c = CONSTRAINT_NAME, t = TABLE_NAME, n = SCHEMA_NAME, d = PG_EXCEPTION_DETAIL, m = MESSAGE_TEXT;
  RAISE NOTICE '% % %.% "%"', s, c, n, t, m;
  RAISE NOTICE '% % % %', d::json->>'reason', d::json->>'reasons', d::json->>'citation', d::json->>'class';
  RAISE NOTICE 'names an event: %, rules: %', (d::json->>'event_id')::bigint > 0, json_array_length(d::json->'rules') > 0;
  RAISE NOTICE 'leaks the address: %', (m || d) LIKE '%guard.example%';
END $$;

-- The sender's label only makes it stricter.
INSERT INTO guard_outbox (to_addr, body, kind) VALUES ('stopped@guard.example', :service, 'direct_marketing');
INSERT INTO guard_outbox (to_addr, body, kind) VALUES ('stopped@guard.example', :service, 'newsletter');
INSERT INTO guard_outbox (to_addr, body, kind) VALUES ('yes@guard.example', :promo, 'service');

-- What was found out about one row is for another only if that says the same: its state, its class, its channel.
BEGIN;
INSERT INTO guard_outbox (to_addr, body, status) VALUES ('stopped@guard.example', :promo, 'queued later') RETURNING to_addr, status;
SAVEPOINT s;
INSERT INTO guard_outbox (to_addr, body, status) VALUES ('stopped@guard.example', :promo, 'queued');
ROLLBACK TO s;
INSERT INTO guard_outbox (to_addr, body, kind) VALUES ('unseen@guard.example', :service, 'service_optional'), ('unseen@guard.example', :promo, NULL);
ROLLBACK TO s;
INSERT INTO consent.rule (code, class, pattern, channels, citation, description) VALUES ('own.sms', 'direct_marketing', 'qwertyuiop', '{sms}', 'x', 'x');
INSERT INTO guard_outbox (to_addr, channel, body) VALUES ('unseen@guard.example', 'email', :service || ' Qwertyuiop.');
INSERT INTO guard_outbox (to_addr, channel, body) VALUES ('unseen@guard.example', 'email', :service || ' Qwertyuiop.'), ('+447700900299', 'sms', :service || ' Qwertyuiop.');
ROLLBACK;
-- A mapping that writes a date reads the same whatever the writer has set.
CREATE TABLE guard_dated (to_addr text, body text, day date);
SELECT consent.guard('guard_dated', recipient => $$CASE WHEN day::text = '2026-02-01' THEN 'stopped@guard.example' ELSE to_addr END$$, channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$);
SET datestyle = 'German';
INSERT INTO guard_dated VALUES ('yes@guard.example', :promo, '2026-02-01');
RESET datestyle;
DROP TABLE guard_dated;

-- What cannot be judged is refused; a service message to who cannot be read is not.
INSERT INTO guard_outbox (to_addr, body) VALUES (NULL, :promo);
INSERT INTO guard_outbox (to_addr, body) VALUES ('not an address', :promo);
INSERT INTO guard_outbox (to_addr, body) VALUES (NULL, :service);
INSERT INTO guard_outbox (to_addr, body) VALUES ('not an address', :service);
INSERT INTO guard_outbox (to_addr, channel, body) VALUES ('yes@guard.example', 'pigeon', :service);
INSERT INTO guard_outbox (to_addr, channel, body) VALUES ('yes@guard.example', NULL, :promo);
INSERT INTO guard_outbox (to_addr, org, body) VALUES ('yes@guard.example', 'guard nobody', :promo);
INSERT INTO guard_outbox (to_addr, org, body) VALUES ('yes@guard.example', NULL, :promo);
-- No name is needed to tell that a service message may go.
INSERT INTO guard_outbox (to_addr, org, body) VALUES ('stopped@guard.example', 'guard nobody', :service), ('stopped@guard.example', NULL, :service);
SELECT status, consent.cleared(o) FROM guard_outbox o WHERE org IS DISTINCT FROM 'guard acme';
DELETE FROM guard_outbox WHERE org IS DISTINCT FROM 'guard acme';
-- Words are known by any case.
INSERT INTO guard_outbox (to_addr, channel, body) VALUES ('stopped@guard.example', 'EMail', :promo);
INSERT INTO guard_outbox (to_addr, body, kind) VALUES ('stopped@guard.example', :service, 'Direct_Marketing');
INSERT INTO guard_outbox (to_addr, body, kind) VALUES ('stopped@guard.example', :service, 'Marketing');
INSERT INTO guard_outbox (to_addr, body, kind) VALUES ('stopped@guard.example', :service, 'promotional');
INSERT INTO guard_outbox (to_addr, body) VALUES ('stopped@guard.example', NULL);
-- Nor does the sender's word make a service of a message that has no text, or none that can be judged.
DO $$
DECLARE t text; m text; d text; h text;
BEGIN
  FOREACH t IN ARRAY ARRAY[NULL, ' ', 'Votre colis arrive chez vous demain matin'] LOOP
    BEGIN
      INSERT INTO guard_outbox (to_addr, body, kind) VALUES ('stopped@guard.example', t, 'service');
    EXCEPTION WHEN SQLSTATE 'PC001' THEN
      GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
      RAISE NOTICE '% % "%"', m, d::json->>'class', h;
    END;
  END LOOP;
END $$;

-- Every way of writing.
INSERT INTO guard_outbox (to_addr, body) SELECT a, :promo FROM unnest('{yes@guard.example,yes2@guard.example}'::text[]) a;
INSERT INTO guard_outbox (to_addr, body) SELECT a, :promo FROM unnest('{yes@guard.example,stopped@guard.example}'::text[]) a;
COPY guard_outbox (to_addr, body) FROM stdin;
stopped@guard.example	Get 20% off all boilers this weekend only! Order now.
\.
UPDATE guard_outbox SET to_addr = 'stopped@guard.example' WHERE to_addr = 'yes2@guard.example';
UPDATE guard_outbox SET body = :promo WHERE to_addr = 'stopped@guard.example';
MERGE INTO guard_outbox o USING (VALUES ('stopped@guard.example')) v(a) ON false WHEN NOT MATCHED THEN INSERT (to_addr, body) VALUES (v.a, 'Get 20% off all boilers!');
WITH w AS (INSERT INTO guard_outbox (to_addr, body) VALUES ('stopped@guard.example', :promo) RETURNING 1) SELECT * FROM w;
CREATE UNIQUE INDEX guard_outbox_id ON guard_outbox (id);
INSERT INTO guard_outbox (id, to_addr, body) OVERRIDING SYSTEM VALUE VALUES (1, 'yes2@guard.example', :promo)
  ON CONFLICT (id) DO UPDATE SET to_addr = 'stopped@guard.example';
INSERT INTO guard_outbox (id, to_addr, body) OVERRIDING SYSTEM VALUE VALUES (1, 'stopped@guard.example', :promo)
  ON CONFLICT (id) DO NOTHING;
SET session_replication_role = replica;
INSERT INTO guard_outbox (to_addr, body) VALUES ('stopped@guard.example', :promo);
RESET session_replication_role;
-- a withdrawal of this very statement counts
WITH w AS (INSERT INTO consent.ledger (contact, kind) VALUES ('yes2@guard.example', 'withdrawal') RETURNING contact::text)
INSERT INTO guard_outbox (to_addr, body) SELECT contact, :promo FROM w;
SELECT count(*) AS still_permitted FROM consent.permitted('email', 'guard acme') p WHERE p = 'yes2@guard.example';

-- What the mapping does not read is not decided again; neither is what is not pending.
BEGIN;
SELECT consent.withdraw('yes@guard.example') > 0 AS withdrawn;
UPDATE guard_outbox SET attempts = attempts + 1 WHERE to_addr = 'yes@guard.example';
UPDATE guard_outbox SET status = 'sent' WHERE to_addr = 'yes@guard.example';
INSERT INTO guard_outbox (to_addr, body, status) VALUES ('yes@guard.example', :promo, 'draft');
UPDATE guard_outbox SET status = 'queued' WHERE to_addr = 'yes@guard.example' AND status = 'draft';
ROLLBACK;

-- Arrays of recipients: one refused recipient refuses the row.
CREATE TABLE guard_many (rcpt text[], body text);
SELECT consent.guard('guard_many', recipient => 'rcpt', channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$);
INSERT INTO guard_many VALUES ('{yes@guard.example,"Yes Two <yes2@guard.example>"}', :promo);
INSERT INTO guard_many VALUES ('{yes@guard.example,stopped@guard.example}', :promo);
INSERT INTO guard_many VALUES ('{yes@guard.example,NULL}', :promo);
INSERT INTO guard_many VALUES ('{}', :promo);
-- ... where several columns make them, as guard()'s hint has it
CREATE TABLE guard_cc (to_addr text, cc text, body text);
SELECT consent.guard('guard_cc', recipient => 'array_remove(ARRAY[to_addr, cc], NULL)', channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$);
INSERT INTO guard_cc VALUES ('yes@guard.example', NULL, :promo);
INSERT INTO guard_cc VALUES ('yes@guard.example', 'stopped@guard.example', :promo);
INSERT INTO guard_cc VALUES (NULL, NULL, :promo);
DROP TABLE guard_cc;
CREATE TABLE guard_contacts (rcpt consent.contact, data jsonb);
SELECT consent.guard('guard_contacts', recipient => 'rcpt', channel => $$data->>'channel'$$, body => $$data->>'text'$$,
                     organisation => $$'guard acme'$$, instigators => $$ARRAY['guard acme', data->>'for']$$,
                     opt_out => $$(data->>'optout')::boolean$$, identity => $$data->>'from' IS NOT NULL$$);
INSERT INTO guard_contacts VALUES ('yes@guard.example', '{"channel": "email", "text": "Get 20% off!", "optout": true, "from": "Acme", "for": "guard acme"}');
INSERT INTO guard_contacts VALUES ('yes@guard.example', '{"channel": "email", "text": "Get 20% off!", "optout": true, "from": "Acme", "for": "guard bolt"}');
INSERT INTO guard_contacts VALUES ('yes@guard.example', '{"channel": "email", "text": "Get 20% off!", "from": "Acme", "for": "guard acme"}');
INSERT INTO guard_contacts VALUES ('yes@guard.example', '{"channel": "email", "text": "Get 20% off!", "optout": true, "for": "guard acme"}');
-- the hint says what is to be mended
SELECT consent.soft_opt_in('buyer@guard.example', 'guard acme', product_category => 'boilers', refusal_offered => true, refused => false) > 0 AS bought;
DO $$
DECLARE c record; m text; h text;
BEGIN
  FOR c IN SELECT * FROM (VALUES ('yes@guard.example', 'email', '{"from": "Acme"}'), ('yes@guard.example', 'email', '{"optout": true}'),
                                 ('buyer@guard.example', 'email', '{"optout": true, "from": "Acme"}'), ('account:yes', 'online_ad', '{"optout": true, "from": "Acme"}'),
                                 ('+442079460999', 'live_call', '{"optout": true, "from": "Acme"}'), ('nobody@guard.example', 'email', '{"optout": true, "from": "Acme"}')) AS v (rcpt, channel, data) LOOP
    BEGIN
      INSERT INTO guard_contacts VALUES (c.rcpt::consent.contact, c.data::jsonb || jsonb_build_object('channel', c.channel, 'text', 'Get 20% off!', 'for', 'guard acme'));
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS m = CONSTRAINT_NAME, h = PG_EXCEPTION_HINT;
      RAISE NOTICE '% %', rpad(m, 25), h;
    END;
  END LOOP;
END $$;

-- Several guards on one table, each for its own rows; a row of none is nobody's concern.
CREATE TABLE guard_queues (queue text, data jsonb, state text NOT NULL DEFAULT 'created');
SELECT consent.guard('guard_queues', recipient => $$data->>'to'$$, channel => $$'email'$$, body => $$data->>'text'$$, organisation => $$'guard acme'$$,
                     applies => $$queue = 'email'$$, pending => $$state = 'created'$$, name => 'email');
SELECT consent.guard('guard_queues', recipient => $$data->>'phone'$$, channel => $$'sms'$$, body => $$data->>'words'$$, organisation => $$'guard acme'$$,
                     applies => $$queue = 'sms'$$, pending => $$state = 'created'$$, name => 'sms');
SELECT consent.guard('guard_queues', recipient => $$data->>'to'$$, channel => $$'email'$$, organisation => $$'guard acme'$$, applies => $$queue = 'email'$$, name => 'email');
SELECT name, health FROM consent.guards WHERE relation = 'guard_queues'::regclass ORDER BY name;
INSERT INTO guard_queues VALUES ('email', '{"to": "yes@guard.example", "text": "Get 20% off all boilers!"}');
INSERT INTO guard_queues VALUES ('email', '{"to": "stopped@guard.example", "text": "Get 20% off all boilers!"}');
INSERT INTO guard_queues VALUES ('sms', '{"phone": "07700 900201", "words": "Get 20% off all boilers!"}');
INSERT INTO guard_queues VALUES ('sms', '{"phone": "07700 900202", "words": "Get 20% off all boilers!"}');
INSERT INTO guard_queues VALUES ('thumbnails', '{"to": "stopped@guard.example", "text": "Get 20% off all boilers!"}');
UPDATE guard_queues SET queue = 'email' WHERE queue = 'thumbnails';
-- a row that cannot say which queue it is in is every guard's concern
INSERT INTO guard_queues VALUES (NULL, '{"to": "yes@guard.example", "text": "Get 20% off all boilers!"}');
SELECT consent.unguard('guard_queues', 'email');
SELECT consent.unguard('guard_queues', 'email');
INSERT INTO guard_queues VALUES ('email', '{"to": "stopped@guard.example", "text": "Get 20% off all boilers!"}');
INSERT INTO guard_queues VALUES ('sms', '{"phone": "07700 900202", "words": "Get 20% off all boilers!"}');
-- names of queues can be longer than those of triggers
SELECT consent.guard('guard_queues', recipient => $$data->>'to'$$, channel => $$'email'$$, organisation => $$'guard acme'$$, applies => format('queue = %L', n), name => n)
  FROM (VALUES (repeat('long', 20) || '1'), (repeat('long', 20) || '2')) v(n);
SELECT length(name), right(name, 5) AS name_ends FROM consent.guards WHERE relation = 'guard_queues'::regclass ORDER BY name;
SELECT consent.unguard('guard_queues');
SELECT count(*) FROM consent.guards WHERE relation = 'guard_queues'::regclass;

-- Partitions: through the root, straight into a leaf, into one made later.
CREATE TABLE guard_part (to_addr text, body text, day int) PARTITION BY LIST (day);
CREATE TABLE guard_part_1 PARTITION OF guard_part FOR VALUES IN (1);
SELECT consent.guard('guard_part', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$);
CREATE TABLE guard_part_2 PARTITION OF guard_part FOR VALUES IN (2);
INSERT INTO guard_part VALUES ('stopped@guard.example', :promo, 1);
INSERT INTO guard_part_1 VALUES ('stopped@guard.example', :promo, 1);
INSERT INTO guard_part_2 VALUES ('stopped@guard.example', :promo, 2);
SET session_replication_role = replica;
INSERT INTO guard_part_2 VALUES ('stopped@guard.example', :promo, 2);
RESET session_replication_role;
SELECT relation, leaf, health FROM consent.guards WHERE relation = 'guard_part'::regclass ORDER BY leaf::text;

-- Health shows a door left open.
ALTER TABLE guard_part_1 DISABLE TRIGGER consent_guard;
ALTER TABLE guard_part_2 ENABLE REPLICA TRIGGER consent_guard;
SELECT leaf, health, detail FROM consent.guards WHERE relation = 'guard_part'::regclass ORDER BY leaf::text;
SELECT consent.unguard('guard_part');
SELECT count(*) FROM consent.guards WHERE relation = 'guard_part'::regclass;
INSERT INTO guard_part VALUES ('stopped@guard.example', :promo, 1);

\set VERBOSITY default
-- Settings are pinned when the guard is made.
CREATE TABLE guard_pinned (to_addr text, body text);
SET pg_consent.organisation = 'guard acme';
SELECT consent.guard('guard_pinned', recipient => 'to_addr', channel => $$'sms'$$, body => 'body');
SET pg_consent.organisation = 'guard bolt';
SET pg_consent.default_region = 'FR';
INSERT INTO guard_pinned VALUES ('07700 900201', :promo);
RESET pg_consent.organisation;
RESET pg_consent.default_region;

-- A renamed column is followed by nothing, and refused loudly.
ALTER TABLE guard_pinned RENAME COLUMN to_addr TO recipient;
\set SHOW_CONTEXT always
INSERT INTO guard_pinned VALUES ('07700 900201', :service);
\echo :LAST_ERROR_SQLSTATE
\set SHOW_CONTEXT never
SELECT health, detail FROM consent.guards WHERE relation = 'guard_pinned'::regclass;
-- So is one whose text nobody could read any more, though it can be cast to text.
ALTER TABLE guard_pinned RENAME COLUMN recipient TO to_addr;
ALTER TABLE guard_pinned ALTER to_addr TYPE jsonb USING to_jsonb(to_addr);
INSERT INTO guard_pinned VALUES ('"07700 900201"', :service);
\echo :LAST_ERROR_SQLSTATE
SELECT health, detail FROM consent.guards WHERE relation = 'guard_pinned'::regclass;
ALTER TABLE guard_pinned ALTER to_addr TYPE text USING to_addr->>0;
SELECT consent.unguard('guard_pinned');
ALTER TABLE guard_pinned ALTER to_addr TYPE varchar(40);
SELECT consent.guard('guard_pinned', recipient => 'to_addr', channel => $$'sms'$$, body => 'body', organisation => $$'guard acme'$$);
ALTER TABLE guard_pinned ALTER to_addr TYPE bytea USING convert_to(to_addr, 'UTF8');
INSERT INTO guard_pinned VALUES ('07700 900201', :service);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE guard_pinned ALTER to_addr TYPE text USING convert_from(to_addr, 'UTF8');
ALTER TABLE guard_pinned RENAME COLUMN to_addr TO recipient;
SELECT consent.unguard('guard_pinned');

-- Errors of guard() and unguard().
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'sms'$$, organisation => $$'guard acme'$$, on_block => 'divert');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_outbox', recipient => 'to_addr', channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => NULL, channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'sms'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'nothing', channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient) FROM pg_class --', channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient), (body', channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'sms'$$, organisation => $$'guard acme'$$, pending => $$now() > '2026-01-01'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => '(SELECT recipient)', channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'max(recipient)', channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'sms'$$, organisation => $$'guard acme'$$, pending => 'now()');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'sms'$$, organisation => $$'guard acme'$$, pending => 'body');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_queues', recipient => $$data->'to'$$, channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient, body', channel => $$'sms'$$, organisation => $$'guard acme'$$);
SELECT consent.guard('guard_pinned', recipient => 'guard_pinned', channel => $$'sms'$$, organisation => $$'guard acme'$$);
SELECT consent.guard('guard_queues', recipient => $$ARRAY[data->'to']$$, channel => $$'sms'$$, organisation => $$'guard acme'$$);
SELECT consent.guard('guard_queues', recipient => $$data->>'to'$$, channel => $$(data->'channel')::text$$, organisation => $$'guard acme'$$);
SELECT consent.guard('guard_queues', recipient => $$(data->'to')::varchar(100) COLLATE "C"$$, channel => $$'sms'$$, organisation => $$'guard acme'$$);
SELECT consent.guard('guard_queues', recipient => $$data->>'to'$$, channel => $$'sms'$$, body => $$decode(data->>'text', 'base64')$$, organisation => $$'guard acme'$$);
-- cleared(), and the trigger that stands at the claim, could not tell which table a row lies in
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'sms'$$, organisation => $$'guard acme'$$, applies => $$tableoid = 'guard_pinned'::regclass$$);
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'sms'$$, organisation => $$'guard acme'$$, divert => 'body = tableoid');
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => 'sms', organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'smss'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'sms'$$, organisation => $$'guard acne'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'sms'$$, organisation => $$'guard acme'$$, purpose => $$'guard fun'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('guard_pinned', recipient => 'recipient', channel => $$'sms'$$, organisation => $$'guard acme'$$, class => $$'newsletter'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard(NULL, recipient => 'recipient', channel => $$'sms'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.guard('consent.reason', recipient => 'code', channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unguard('guard_pinned');
\echo :LAST_ERROR_SQLSTATE
-- Of a message that is JSON the texts are read, also where a guard of before has it cast to text: written out, its sentences run into one another.
CREATE TABLE guard_json (data jsonb, state text DEFAULT 'created');
SELECT consent.guard('guard_json', recipient => $$data->>'to'$$, channel => $$'email'$$, body => 'data', organisation => $$'guard acme'$$, name => 'whole');
SELECT consent.guard('guard_json', recipient => $$data->>'to'$$, channel => $$'email'$$, body => '(data::text)', subject => $$data->'subject'$$, organisation => $$'guard acme'$$, name => 'text');
\set VERBOSITY terse
INSERT INTO guard_json VALUES (jsonb_build_object('to', 'stopped@guard.example', 'id', 4411, 'text', E'Hi Jo,\n\nYour boiler service is due on 12 May.\nBook now and save £50.\n\nAcme'));
INSERT INTO guard_json VALUES (jsonb_build_object('to', 'stopped@guard.example', 'id', 4411, 'text', E'Hi Jo,\n\nYour boiler service is booked for 12 May.\n\nAcme'));
\set VERBOSITY default
SELECT consent.unguard('guard_json', n) FROM unnest('{whole,text}'::text[]) n;
DROP TABLE guard_json;
CREATE TRIGGER by_hand AFTER INSERT ON guard_pinned FOR EACH ROW EXECUTE FUNCTION consent.guard_check('recipient', 'recipient');
INSERT INTO guard_pinned VALUES ('07700 900201', :service);
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER by_hand ON guard_pinned;
CREATE TRIGGER by_hand BEFORE INSERT ON guard_pinned FOR EACH ROW EXECUTE FUNCTION consent.guard_check('recipient', 'recipient');
INSERT INTO guard_pinned VALUES ('07700 900201', :service);
\echo :LAST_ERROR_SQLSTATE

-- What a poor and hostile writer can do about it: nothing.
CREATE ROLE regress_guard_writer;
GRANT INSERT, SELECT, UPDATE ON guard_outbox TO regress_guard_writer;
GRANT CREATE ON SCHEMA public TO regress_guard_writer;
SET ROLE regress_guard_writer;
-- the guard would answer questions about anybody: not everybody may make one
SELECT consent.guard('guard_outbox', recipient => 'to_addr', channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
CREATE TEMP TABLE guard_probe (a text);
CREATE TRIGGER t AFTER INSERT ON guard_probe FOR EACH ROW EXECUTE FUNCTION consent.guard_check('region', 'GB', 'recipient', 'a', 'channel', '''sms''', 'organisation', '''guard acme''');
\echo :LAST_ERROR_SQLSTATE
DROP TABLE guard_probe;
RESET ROLE;
GRANT EXECUTE ON FUNCTION consent.guard, consent.unguard, consent.guard_check TO regress_guard_writer;
SET ROLE regress_guard_writer;
SELECT consent.guard('guard_outbox', recipient => 'to_addr', channel => $$'sms'$$, organisation => $$'guard acme'$$);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unguard('guard_outbox');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
REVOKE EXECUTE ON FUNCTION consent.guard, consent.unguard, consent.guard_check FROM regress_guard_writer;
SET ROLE regress_guard_writer;
\set VERBOSITY terse
-- no rights on the ledger, yet the verdict is the same
INSERT INTO guard_outbox (to_addr, body) VALUES ('yes@guard.example', :promo);
INSERT INTO guard_outbox (to_addr, body) VALUES ('stopped@guard.example', :promo);
-- temporary tables, a search_path and operators of one's own
CREATE TEMP TABLE ledger (LIKE guard_outbox);
CREATE TEMP TABLE organisation (name text);
CREATE FUNCTION public.regress_guard_never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.regress_guard_never);
SET search_path = pg_temp, public, pg_catalog;
INSERT INTO public.guard_outbox (to_addr, body) VALUES ('stopped@guard.example', :promo);
UPDATE public.guard_outbox SET to_addr = 'stopped@guard.example' WHERE to_addr OPERATOR(pg_catalog.=) 'yes@guard.example';
RESET search_path;
DROP OPERATOR public.= (text, text);
DROP FUNCTION public.regress_guard_never(text, text);
DROP TABLE pg_temp.ledger, pg_temp.organisation;
RESET ROLE;
-- row security on the ledger does not blind the guard
ALTER TABLE consent.ledger ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SET ROLE regress_guard_writer;
INSERT INTO guard_outbox (to_addr, body) VALUES ('stopped@guard.example', :promo);
RESET ROLE;
-- and evaluate() refuses to answer from a part of it
GRANT SELECT ON consent.ledger TO regress_guard_writer;
GRANT EXECUTE ON FUNCTION consent.may_send(consent.contact, consent.channel, text, consent.message_class, text, timestamptz, timestamptz, text, text, text[], boolean, boolean, text) TO regress_guard_writer;
SET ROLE regress_guard_writer;
SELECT consent.may_send('stopped@guard.example', 'email', 'guard acme');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT EXECUTE ON FUNCTION consent.permitted, consent.permits TO regress_guard_writer;
GRANT SELECT ON consent.address_standing TO regress_guard_writer;
SET ROLE regress_guard_writer;
SELECT count(*) FROM consent.permitted('email', 'guard acme');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
REVOKE EXECUTE ON FUNCTION consent.permitted, consent.permits FROM regress_guard_writer;
REVOKE SELECT ON consent.address_standing FROM regress_guard_writer;
ALTER TABLE consent.ledger DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;

REVOKE ALL ON consent.ledger FROM regress_guard_writer;
REVOKE ALL ON FUNCTION consent.may_send(consent.contact, consent.channel, text, consent.message_class, text, timestamptz, timestamptz, text, text, text[], boolean, boolean, text) FROM regress_guard_writer;
-- The right TRIGGER on somebody else's table is none to choose what runs as that one,
-- whoever may call the functions of a guard.
CREATE ROLE regress_guard_owner IN ROLE consent_admin;
CREATE ROLE regress_guard_rival IN ROLE consent_admin;
GRANT CREATE ON SCHEMA public TO regress_guard_owner, regress_guard_rival;
SET ROLE regress_guard_rival;
CREATE FUNCTION regress_guard_spy(to_addr text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'runs as %', current_user; RETURN to_addr; END $$;
SET ROLE regress_guard_owner;
CREATE TABLE guard_owned (to_addr text, body text, status text DEFAULT 'queued');
GRANT TRIGGER ON guard_owned TO regress_guard_rival;
GRANT INSERT ON guard_owned TO regress_guard_writer;
SET ROLE regress_guard_rival;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON guard_owned FOR EACH ROW
  EXECUTE FUNCTION consent.guard_check('region', 'GB', 'recipient', 'public.regress_guard_spy(to_addr)', 'channel', '''email''', 'organisation', '''guard acme''');
\echo :LAST_ERROR_SQLSTATE
CREATE TRIGGER t BEFORE INSERT ON guard_owned FOR EACH ROW EXECUTE FUNCTION consent.guard_divert('consent_guard');
CREATE TRIGGER t AFTER UPDATE ON guard_owned FOR EACH ROW EXECUTE FUNCTION consent.guard_release('SELECT public.regress_guard_spy($1.to_addr)');
SET search_path = pg_temp, public;
CREATE TEMP TABLE pg_proc (LIKE pg_catalog.pg_proc);
CREATE OR REPLACE TRIGGER t AFTER UPDATE ON guard_owned FOR EACH ROW EXECUTE FUNCTION consent.guard_release('SELECT public.regress_guard_spy($1.to_addr)');
DROP TABLE pg_temp.pg_proc;
RESET search_path;
SET ROLE regress_guard_writer;
INSERT INTO guard_owned VALUES ('stopped@guard.example', :service);
-- the owner's right stays
SET ROLE regress_guard_owner;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON guard_owned FOR EACH ROW
  EXECUTE FUNCTION consent.guard_check('region', 'GB', 'recipient', 'to_addr', 'channel', '''email''', 'organisation', '''guard acme''', 'body', 'body');
SET ROLE regress_guard_writer;
INSERT INTO guard_owned VALUES ('stopped@guard.example', :service);
INSERT INTO guard_owned VALUES ('stopped@guard.example', :promo);
RESET ROLE;
-- What a superuser is handed for \gexec holds expressions and nothing else, however the trigger was made.
SELECT consent.guard_index('guard_owned');
DROP TRIGGER t ON guard_owned;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON guard_owned FOR EACH ROW
  EXECUTE FUNCTION consent.guard_check('region', 'GB', 'recipient', 'to_addr, ''GB'')); ALTER ROLE regress_guard_owner SUPERUSER; --', 'channel', '''email''', 'organisation', '''guard acme''');
SELECT consent.guard_index('guard_owned');
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER t ON guard_owned;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON guard_owned FOR EACH ROW
  EXECUTE FUNCTION consent.guard_check('region', 'GB', 'recipient', 'to_addr', 'channel', '''email''', 'organisation', '''guard acme''', 'pending', 'status <> ''\''''; DROP TABLE guard_owned; --''');
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT consent.guard_index('guard_owned');
RESET standard_conforming_strings;
RESET escape_string_warning;
DROP TABLE guard_owned;
-- The index outlives its guards; whoever removes the last one is told of it.
CREATE TABLE guard_indexed (to_addr text);
SELECT consent.guard('guard_indexed', recipient => 'to_addr', channel => $$'email'$$, organisation => $$'guard acme'$$, name => 'one');
SELECT consent.guard('guard_indexed', recipient => 'to_addr', channel => $$'email'$$, organisation => $$'guard acme'$$, name => 'two');
SELECT consent.guard_index('guard_indexed') \gexec
-- It is made once; where a guard has another pending or recipient, and where it came to nothing, it is wanted.
SELECT consent.guard_index('guard_indexed');
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'guard_indexed_guard_key_idx'::regclass;
SELECT consent.guard_index('guard_indexed');
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'guard_indexed_guard_key_idx'::regclass;
ALTER TABLE guard_indexed ADD cc text, ADD sent_at timestamptz, ADD queue text;
SELECT consent.guard('guard_indexed', recipient => 'cc', channel => $$'email'$$, organisation => $$'guard acme'$$, pending => 'sent_at IS NULL AND 1 + 1 = 2',
                     applies => $$queue LIKE 'mail%'$$, name => 'three');
SELECT consent.guard_index('guard_indexed') \gexec
SELECT consent.guard_index('guard_indexed');
SELECT consent.unguard('guard_indexed', 'three');
SELECT consent.guard('guard_indexed', recipient => 'cc', channel => $$'email'$$, organisation => $$'guard acme'$$, pending => 'sent_at IS NULL', name => 'three');
SELECT consent.guard_index('guard_indexed');
SELECT consent.unguard('guard_indexed', 'three');
DROP INDEX guard_indexed_guard_key_idx1;
\set VERBOSITY default
SELECT consent.unguard('guard_indexed', 'one');
SELECT consent.unguard('guard_indexed');
\set VERBOSITY terse
DROP TABLE guard_indexed;
-- A session that says it is a replica is watched, too.
SELECT evtname, evtenabled FROM pg_event_trigger WHERE evtname ~ '^consent' ORDER BY 1;
-- A number of a row is an address, as it stands or with the plus that numbers lose; one that is only mentioned is not.
SELECT r, consent.row_is_for(r::jsonb, '+33612345678') FROM unnest(ARRAY['{"to": 33612345678}', '{"a": ["b", {"to": "33612345678"}]}', '{"to": "+33 6 12 34 56 78"}', '{"to": "x@guard.example, +33612345678"}',
  '{"note": "call 33612345678"}', '{"to": 33612345679}']) AS r;
-- A partition that somebody else made runs nothing as that one.
SET ROLE regress_guard_owner;
CREATE FUNCTION regress_guard_who(to_addr text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'runs as %', current_user; RETURN to_addr; END $$;
CREATE TABLE guard_owned (to_addr text, body text, status text DEFAULT 'queued') PARTITION BY LIST (status);
SELECT consent.guard('guard_owned', recipient => 'regress_guard_who(to_addr)', channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$, on_block => 'quarantine');
RESET ROLE;
CREATE TABLE guard_owned_1 PARTITION OF guard_owned FOR VALUES IN ('queued', 'late') PARTITION BY LIST (status);
CREATE TABLE guard_owned_2 PARTITION OF guard_owned_1 FOR VALUES IN ('queued');
SET ROLE regress_guard_owner;
INSERT INTO guard_owned VALUES ('yes@guard.example', :promo), ('stopped@guard.example', :promo);
SELECT to_addr FROM guard_owned;
RESET ROLE;
SELECT "row" ->> 'to_addr' AS kept, reason FROM consent.quarantine WHERE relation = 'guard_owned'::regclass;
DELETE FROM consent.quarantine WHERE relation = 'guard_owned'::regclass;
-- and the partition owner's own trigger does not run as the owner of the table above
ALTER TABLE guard_owned_2 OWNER TO regress_guard_rival;
SET ROLE regress_guard_owner;
SELECT consent.unguard('guard_owned');
SET ROLE regress_guard_rival;
SELECT consent.guard('guard_owned_2', recipient => 'regress_guard_spy(to_addr)', channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$);
SET ROLE regress_guard_owner;
INSERT INTO guard_owned VALUES ('stopped@guard.example', :service);
RESET ROLE;
DROP TABLE guard_owned;
DROP FUNCTION regress_guard_spy(text), regress_guard_who(text);
REVOKE CREATE ON SCHEMA public FROM regress_guard_owner, regress_guard_rival;
DROP ROLE regress_guard_owner, regress_guard_rival;

-- no setting changes what a mapping means
CREATE TABLE guard_settings (to_addr text, phone text, body text);
GRANT INSERT, SELECT ON guard_settings TO regress_guard_writer;
SELECT consent.guard('guard_settings', recipient => $$regexp_replace(to_addr, '\s', '', 'g')$$, channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$);
SET ROLE regress_guard_writer;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
INSERT INTO guard_settings (to_addr, body) VALUES ('stopped@guard. example', :promo);
RESET standard_conforming_strings;
RESET escape_string_warning;
RESET ROLE;
SELECT consent.unguard('guard_settings');
SELECT consent.withdraw('+448701234567', at => '2026-02-01') > 0 AS withdrawn, consent.set_subscriber('+498701234567', 'corporate') > 0 AS german;
SELECT consent.guard('guard_settings', recipient => 'phone::consent.contact', channel => $$'sms'$$, body => 'body', organisation => $$'guard acme'$$);
SET ROLE regress_guard_writer;
SET pg_consent.default_region = 'DE';
INSERT INTO guard_settings (phone, body) VALUES ('0870 123 4567', :promo);
RESET pg_consent.default_region;
RESET ROLE;

-- mappings run as the owner: a writer needs no right on what they use
CREATE SCHEMA guard_app;
CREATE TYPE guard_app.state AS ENUM ('queued', 'sent');
CREATE TABLE guard_app.outbox (to_addr text, body text, status guard_app.state DEFAULT 'queued');
CREATE FUNCTION guard_app.address(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
REVOKE EXECUTE ON FUNCTION guard_app.address(text) FROM PUBLIC;
CREATE VIEW guard_api AS SELECT * FROM guard_app.outbox;
GRANT INSERT ON guard_api TO regress_guard_writer;
SELECT consent.guard('guard_app.outbox', recipient => 'guard_app.address(to_addr)', channel => $$'email'$$, body => 'body',
                     organisation => $$'guard acme'$$, pending => $$status = 'queued'$$);
SET ROLE regress_guard_writer;
INSERT INTO guard_api VALUES ('stopped@guard.example', :service);
INSERT INTO guard_api VALUES ('stopped@guard.example', :promo);
RESET ROLE;
DROP VIEW guard_api;
DROP SCHEMA guard_app CASCADE;

-- a mapping may read the whole row, also of a partition and after a rename
CREATE TABLE guard_whole (to_addr text, body text, day int) PARTITION BY LIST (day);
CREATE TABLE guard_whole_1 PARTITION OF guard_whole FOR VALUES IN (1);
SELECT consent.guard('guard_whole', recipient => $$to_jsonb(guard_whole)->>'to_addr'$$, channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$);
ALTER TABLE guard_whole_1 RENAME TO guard_whole_first;
INSERT INTO guard_whole VALUES ('yes@guard.example', :promo, 1);
INSERT INTO guard_whole VALUES ('stopped@guard.example', :promo, 1);

-- so may the index of a table whose rows are handed to a function
CREATE TABLE guard_row (to_addr text, body text);
CREATE FUNCTION guard_row_address(guard_row) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.to_addr';
SELECT consent.guard('guard_row', recipient => 'guard_row_address(guard_row)', channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$);
SELECT consent.guard_index('guard_row') \gexec
SELECT consent.guard_index('guard_row');
SELECT indexdef FROM pg_indexes WHERE tablename = 'guard_row';
DROP TABLE guard_row CASCADE;

-- what is written by a setting though the catalog calls it immutable is written as the guard says, not as the writer does
CREATE TABLE guard_written (to_addr text, body text, score float8, code bytea);
SELECT consent.guard('guard_written', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$,
                     class => $$CASE WHEN score::text = '0.3333333333333333' OR code::text = '\x61' THEN 'direct_marketing' END$$);
SET extra_float_digits = 0;
INSERT INTO guard_written VALUES ('stopped@guard.example', :service, 1.0 / 3);
RESET extra_float_digits;
SET bytea_output = 'escape';
INSERT INTO guard_written VALUES ('stopped@guard.example', :service, NULL, 'a');
RESET bytea_output;
DROP TABLE guard_written;

-- refused when the guard is made, because it would not hold
CREATE TABLE guard_later (to_addr text, body text, send_at timestamptz);
SELECT consent.guard('guard_later', recipient => 'to_addr', channel => $$'email'$$, organisation => $$'guard acme'$$, pending => 'send_at <= now()');
\echo :LAST_ERROR_SQLSTATE
DROP TABLE guard_later, guard_settings, guard_whole;
DROP TABLE guard_outbox, guard_many, guard_contacts, guard_part, guard_pinned;
REVOKE CREATE ON SCHEMA public FROM regress_guard_writer;
DROP ROLE regress_guard_writer;

-- A statement keeps the ledger open from row to row: errors in the middle, subtransactions
-- around them, statements within statements and at commit leave nothing behind.
CREATE TABLE guard_reads (n int, to_addr text, body text);
SELECT consent.guard('guard_reads', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$);
BEGIN;
DO $$
DECLARE
  refused int := 0;
BEGIN
  FOR i IN 1..3 LOOP
    BEGIN
      INSERT INTO guard_reads SELECT n, CASE WHEN n = 5 THEN 'stopped@guard.example' ELSE 'yes@guard.example' END, 'Get 20% off all boilers!'
        FROM generate_series(1, 10) n;
    EXCEPTION WHEN SQLSTATE 'PC001' THEN
      refused := refused + 1;
    END;
    INSERT INTO guard_reads SELECT n, 'yes2@guard.example', 'Get 20% off all boilers!' FROM generate_series(1, 10) n;
  END LOOP;
  RAISE NOTICE '% refused', refused;
END $$;
SAVEPOINT s;
INSERT INTO guard_reads SELECT n, CASE WHEN n = 5 THEN 'stopped@guard.example' ELSE 'yes@guard.example' END, 'Get 20% off all boilers!' FROM generate_series(1, 10) n;
ROLLBACK TO s;
INSERT INTO guard_reads VALUES (11, 'yes@guard.example', 'Get 20% off all boilers!');
COMMIT;
CREATE TABLE guard_orders (n int);
CREATE FUNCTION guard_advertise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO guard_reads SELECT NEW.n, 'yes@guard.example', 'Get 20% off all boilers!' FROM generate_series(1, 3);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER advertise AFTER INSERT ON guard_orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_advertise();
INSERT INTO guard_orders VALUES (100), (101);
CREATE FUNCTION guard_advertise_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO guard_reads VALUES (201, 'yes2@guard.example', 'Get 20% off all boilers!');
  RETURN NULL;
END $$;
CREATE TRIGGER again AFTER INSERT ON guard_reads FOR EACH ROW WHEN (NEW.n = 200) EXECUTE FUNCTION guard_advertise_again();
INSERT INTO guard_reads SELECT 200, 'yes@guard.example', 'Get 20% off all boilers!' FROM generate_series(1, 3);
SELECT n / 100 AS hundreds, to_addr, count(*) FROM guard_reads GROUP BY 1, 2 ORDER BY 1, 2;
DROP TABLE guard_reads, guard_orders;
DROP FUNCTION guard_advertise(), guard_advertise_again();

-- Guards of dropped tables do not stay in the session's memory.
DO $$
BEGIN
  FOR i IN 1..20 LOOP
    CREATE TEMP TABLE guard_passing (to_addr text, body text);
    PERFORM consent.guard('guard_passing', recipient => 'to_addr', channel => $c$'email'$c$, body => 'body', organisation => $c$'guard acme'$c$);
    INSERT INTO guard_passing VALUES ('yes@guard.example', 'Get 20% off all boilers!');
    DROP TABLE guard_passing;
  END LOOP;
END $$;
SELECT count(*) <= 2 AS few FROM pg_backend_memory_contexts WHERE name = 'pg_consent guard';

-- The logs keep what they are told to.
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, action, written_by)
  SELECT t, 'consent.reason', false, 'objected', '{objected}', 'diverted', 'x' FROM unnest('{2020-01-01,2020-02-01,2020-03-01}'::timestamptz[]) t;
INSERT INTO consent.sweep_log (at, contact_digest, relation, cancelled, skipped) VALUES ('2020-01-01', '\x00', 'consent.reason', 1, 0);
SELECT consent.expire_log('2020-02-01');
SELECT decided_at FROM consent.decision_log WHERE decided_at < '2021-01-01' ORDER BY 1;
SELECT consent.expire_log('2020-03-02'), consent.expire_log(NULL);

-- First contact under a third party's consent (law: E18): the first marketing that goes is in the log, whatever the guard logs, and the log is
-- where the verdict looks.
CREATE TABLE guard_brokered (to_addr text[], body text);
SELECT consent.guard('guard_brokered', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'guard acme'$$, log => 'none');
SELECT count(consent.give(c::consent.contact, '{email}', 'guard acme', method => 'ticked_box', wording => 'Acme may email me', collected_by => 'a broker',
                          named_organisations => '{guard acme,guard bolt}', at => now() - interval '5 months'))
  FROM unnest('{b1@guard.example,b2@guard.example,b2+tag@guard.example,b3@guard.example,b4@guard.example}'::text[]) AS c;
CREATE FUNCTION guard_later(c consent.contact, at timestamptz DEFAULT now() + interval '3 months', organisation text DEFAULT 'guard acme', known_at timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT (consent.evaluate(c, 'email', organisation, at => at, known_at => known_at)).reason $$;
SELECT guard_later('b1@guard.example', now()) AS fresh, guard_later('b1@guard.example') AS unused;
INSERT INTO guard_brokered VALUES ('{b1@guard.example}', :promo);
INSERT INTO guard_brokered VALUES ('{b1@guard.example}', :promo);
INSERT INTO guard_brokered VALUES ('{b2@guard.example,yes@guard.example,b3@guard.example}', :promo);
INSERT INTO guard_brokered VALUES ('{b4@guard.example}', :service);
INSERT INTO guard_brokered VALUES ('{b4@guard.example,stopped@guard.example}', :promo);
SELECT contact, allowed, reason, action, event_id IS NOT NULL AS event FROM consent.decision_log WHERE relation = 'guard_brokered'::regclass ORDER BY contact;
SELECT c AS contact, guard_later(c) AS later, guard_later(c, organisation => 'guard bolt') AS of_another, guard_later(c, known_at => now() - interval '1 day') AS not_known
  FROM unnest('{b1@guard.example,b2@guard.example,b2+tag@guard.example,b3@guard.example,b4@guard.example}'::consent.contact[]) AS c;
-- Too late is too late, and who has a standing in hand is told the same.
UPDATE consent.decision_log SET decided_at = now() + interval '1 month 7 days' WHERE contact = 'b3@guard.example';
SELECT guard_later('b3@guard.example');
SELECT contact, (consent.judge(standing, contact, 'email', 'guard acme', at => now() + interval '3 months')).reason,
       consent.permits(standing, contact, 'email', 'guard acme', 'marketing', NULL, now() + interval '3 months')
  FROM consent.contact_standing WHERE contact::text LIKE 'b%@guard.example' ORDER BY contact;
-- What was refused, is no marketing, went before the consent, or to whom had been contacted, is no first contact; nor is there one where the sender asked himself.
SELECT count(consent.give(c::consent.contact, '{email}', 'guard acme', method => 'ticked_box', wording => 'Acme may email me', collected_by => b,
                          named_organisations => '{guard acme}', at => now() - interval '5 months'))
  FROM (VALUES ('b6@guard.example', 'a broker'), ('b7@guard.example', 'a broker'), ('b8@guard.example', 'a broker'), ('b9@guard.example', 'guard acme')) AS v(c, b);
SELECT consent.contacted('b8@guard.example', 'guard acme', at => now() - interval '2 months') > 0 AS contacted;
INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, organisation, contact, action, written_by)
  SELECT now() - ago::interval, 'consent.reason', allowed, 'x', '{x}', class::consent.message_class, 'guard acme', contact::consent.contact, 'sent', 'x'
    FROM (VALUES ('1 month', false, 'direct_marketing', 'b6@guard.example'), ('1 month', true, 'service', 'b6@guard.example'), ('6 months', true, 'direct_marketing', 'b7@guard.example'),
                 ('1 month', true, 'direct_marketing', 'b8@guard.example'), ('1 month', true, 'direct_marketing', 'b9@guard.example')) AS v(ago, allowed, class, contact);
-- What the log forgets, the ledger is told, once.
SELECT consent.expire_log(now() + interval '1 second') > 0 AS expired, consent.expire_log(now() + interval '1 second');
SELECT contact, kind, organisation, effective_at <= now() AS past, recorded_at = effective_at AS known_since, source FROM consent.ledger WHERE kind = 'contacted' AND contact::text LIKE '%@guard.example' ORDER BY contact;
SELECT guard_later('b1@guard.example') AS b1, guard_later('b2@guard.example') AS b2, guard_later('b4@guard.example') AS b4;
INSERT INTO guard_brokered VALUES ('{b1@guard.example}', :promo);
SELECT consent.expire_log(now() + interval '1 second') AS expired, (SELECT count(*) FROM consent.ledger WHERE kind = 'contacted' AND contact = 'b1@guard.example') AS contacted;
-- What went before a consent was given is no first contact under it.
SELECT consent.give('b5@guard.example', '{email}', 'guard acme', method => 'ticked_box', wording => 'Acme may email me', collected_by => 'a broker',
                    named_organisations => '{guard acme}', at => now() - interval '5 months', expires_at => now() + interval '1 month') > 0 AS until_next_month;
INSERT INTO guard_brokered VALUES ('{b5@guard.example}', :promo);
UPDATE consent.decision_log SET decided_at = now() - interval '5 months' + interval '1 day' WHERE contact = 'b5@guard.example';
SELECT consent.give('b5@guard.example', '{email}', 'guard acme', method => 'ticked_box', wording => 'Acme may email me', collected_by => 'a broker',
                    named_organisations => '{guard acme}', at => now() - interval '4 months') > 0 AS given_again;
INSERT INTO guard_brokered VALUES ('{b5@guard.example}', :promo);
INSERT INTO guard_brokered VALUES ('{b5@guard.example}', :promo);
SELECT count(*) AS logged, guard_later('b5@guard.example') AS later FROM consent.decision_log WHERE contact = 'b5@guard.example';
DROP TABLE guard_brokered;
DROP FUNCTION guard_later;

-- Each row is asked whether it is pending, whatever those before it answered.
CREATE TABLE guard_answers (id int, rcpt text DEFAULT 'stopped@guard.example', status text);
SELECT consent.guard('guard_answers', recipient => 'rcpt', channel => $$'email'$$, body => $$'Get 20% off all boilers this weekend!'$$, organisation => $$'guard acme'$$,
                     pending => $$status LIKE 'queued%'$$, on_block => 'divert', divert => $$status = 'refused'$$);
INSERT INTO guard_answers (id, status)
  SELECT n, s FROM unnest(ARRAY['queued', 'sent', 'queued', 'queued', NULL, 'queued', 'sent', '', 'queue', 'queued' || repeat('x', 60), 'queued' || repeat('x', 60),
                                'sent' || repeat('x', 60), 'queued' || repeat('x', 60), 'sent', repeat('queued', 30000), repeat('sent', 30000), 'queued'])
         WITH ORDINALITY a (s, n);
SELECT id, left(status, 12) AS status FROM guard_answers ORDER BY id;
CREATE TABLE guard_states (id serial, rcpt text DEFAULT 'stopped@guard.example', state smallint, held bool);
SELECT consent.guard('guard_states', recipient => 'rcpt', channel => $$'email'$$, body => $$'Get 20% off all boilers this weekend!'$$, organisation => $$'guard acme'$$,
                     pending => 'state < 4', applies => 'NOT (held AND state > 1)', on_block => 'divert', divert => 'state = 9');
INSERT INTO guard_states (state, held) VALUES (1, false), (5, false), (1, true), (1, false), (2, true), (2, false), (-1, true), (NULL, NULL), (5, NULL), (3, false);
SELECT id, state, held FROM guard_states ORDER BY id;
DROP TABLE guard_answers, guard_states;

-- What one row says is not taken over for the next of its statement, whatever it is that differs, NULLs included.
CREATE TABLE guard_varied (what text, org text, channel text, purpose text, sender text, instigators text[], opt_out boolean, identity boolean, body text, status text, error text);
SELECT consent.guard('guard_varied', recipient => $$'yes@guard.example'$$, channel => 'channel', body => 'body', organisation => 'org', purpose => 'purpose', sender => 'sender',
                     instigators => 'instigators', opt_out => 'opt_out', identity => 'identity', pending => $$status = 'queued'$$,
                     on_block => 'divert', divert => $$status = 'refused', error = consent.refusal_reason()$$);
CREATE TABLE guard_variants (said jsonb);
INSERT INTO guard_variants VALUES ('{}'), ('{"org": "guard bolt"}'), ('{"org": null}'), ('{"channel": "live_call"}'), ('{"channel": null}'), ('{"purpose": "guard no purpose"}'),
  ('{"sender": "guard bolt"}'), ('{"instigators": ["guard bolt"]}'), ('{"opt_out": false}'), ('{"opt_out": null}'), ('{"identity": false}'), ('{"identity": null}'),
  ('{"body": "Your order 4411 is out for delivery today.", "org": "guard bolt"}'), ('{"body": null, "org": "guard bolt"}');
-- each of them after each
INSERT INTO guard_varied
  SELECT r.* FROM guard_variants a, guard_variants b, LATERAL (VALUES (1, a.said), (2, b.said)) AS pair (n, said),
         jsonb_populate_record(NULL::guard_varied, '{"org": "guard acme", "channel": "email", "opt_out": true, "identity": true, "status": "queued",
           "body": "Get 20% off all boilers this weekend only! Order now."}' || pair.said || jsonb_build_object('what', pair.said)) r
   ORDER BY a.said::text, b.said::text, pair.n;
SELECT what, status, error, count(*) FROM guard_varied GROUP BY what, status, error ORDER BY what COLLATE "C";
DROP TABLE guard_varied, guard_variants;

-- A requested reply passes by its request, once, if it reads as one; who declares a brochure to be requested changes nothing.
SELECT consent.request('asked@guard.example', 'guard acme', 'email', 'guard quote', 'windows', at => '2026-03-01') > 0 AS requested;
CREATE TABLE guard_replies (id serial, reference text, body text, status text DEFAULT 'queued');
SELECT consent.guard('guard_replies', recipient => $$'asked@guard.example'$$, channel => $$'email'$$, body => 'body', class => $$'solicited_response'$$, organisation => $$'guard acme'$$,
                     reference => 'reference', pending => $$status = 'queued'$$, on_block => 'divert', divert => 'status = consent.refusal_reason()', log => 'all');
INSERT INTO guard_replies (reference, body) SELECT r, b FROM unnest('{guard quote,guard order,NULL}'::text[]) r,
  unnest(ARRAY['As you asked, here is the quote for the six windows that we measured on Friday: £3,200.', :promo]) b;
UPDATE guard_replies SET status = 'sent' WHERE status = 'queued';
SELECT consent.answered('guard quote', organisation => 'guard acme') > 0 AS answered;
INSERT INTO guard_replies (reference, body) VALUES ('guard quote', 'As you asked, here is the quote for the six windows that we measured on Friday: £3,200.');
SELECT id, left(body, 12) AS body, reference, status FROM guard_replies ORDER BY id;
SELECT reason, class, count(*) FROM consent.decision_log WHERE relation = 'guard_replies'::regclass GROUP BY 1, 2 ORDER BY 1, 2;
DROP TABLE guard_replies;
