-- What a guard does with a refused row, and with a row that a worker takes.
LOAD 'pg_consent';
SET pg_consent.default_region = 'GB';
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset footer off
SET timezone = 'Europe/London';
INSERT INTO consent.organisation (name) VALUES ('actions acme'), ('actions agency'), ('actions other');
SELECT count(consent.give(c::consent.contact, '{email,sms}', 'actions acme', method => 'ticked_box', wording => 'Send me offers from Acme', at => '2026-01-01'))
  FROM unnest('{yes@actions.example,yes2@actions.example,yes3@actions.example,stopped@actions.example}'::text[]) AS c;
SELECT consent.withdraw('stopped@actions.example', at => '2026-02-01') > 0 AS withdrawn;
\set promo '''Get 20% off all boilers this weekend only! Order now.'''
\set service '''Your order 4411 is out for delivery today.'''

-- A contractor sends: it needs a written contract, and what people said to it counts.
CREATE TABLE act_sender (to_addr text, body text, agency text);
SELECT consent.guard('act_sender', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'actions acme'$$, sender => 'agency');
INSERT INTO act_sender VALUES ('yes@actions.example', :promo, NULL);
INSERT INTO act_sender VALUES ('yes@actions.example', :promo, 'actions agency');
INSERT INTO act_sender VALUES ('yes@actions.example', :service, 'actions agency');
INSERT INTO act_sender VALUES ('yes@actions.example', :promo, 'actions nobody');
INSERT INTO consent.contractor (organisation, sender, contract_reference, valid_from) VALUES ('actions acme', 'actions agency', 'C-1', '2026-01-01');
INSERT INTO act_sender VALUES ('yes@actions.example', :promo, 'actions agency');
BEGIN;
SELECT consent.object('yes@actions.example', organisation => 'actions agency') > 0 AS objected;
INSERT INTO act_sender VALUES ('yes@actions.example', :promo, 'actions agency');
ROLLBACK;
