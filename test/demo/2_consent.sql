-- Who we are, and what people have said to us.

\echo :bold'2. Recording what people have said':plain
\echo 'Eleven years of sign-up forms, imports, unsubscribe links and letters go into the ledger.'
\echo

CREATE EXTENSION pg_consent;

-- Two companies of one group and their charity.  Each is a sender of its own:
-- a consent given to one says nothing about the others.
INSERT INTO consent.organisation (name) VALUES ('larkmoor_energy'), ('larkmoor_broadband');
INSERT INTO consent.organisation (name, is_charity) VALUES ('larkmoor_hearth_trust', true);

-- 'marketing' is there already; a charity's appeals are a purpose of their own.
INSERT INTO consent.purpose (name, kind) VALUES ('appeals', 'charitable');

-- Somebody typed "n/a" into the address field in 2014.  Casting that to
-- consent.contact is an error; consent.try_contact() answers NULL instead.
-- One row per address.  However it was typed, one address is one contact.
CREATE TABLE address AS
  SELECT c.customer_id, c.name, c.kind, c.takes, a.channel::consent.channel, a.typed, consent.try_contact(a.typed) AS contact
    FROM customers c,
         LATERAL (VALUES ('email', c.email), ('sms', c.mobile), ('push', c.device)) AS a (channel, typed)
   WHERE a.typed IS NOT NULL;
CREATE INDEX ON address (contact);
ANALYZE address;

SELECT typed AS "as typed", contact AS "the contact"
  FROM address WHERE customer_id IN (10002, 10003, 10017, 10020, 10032) AND channel <> 'push' OR contact IS NULL
 ORDER BY contact NULLS LAST, typed;

-- Who is a company.  Everybody else, sole traders too, is protected as an
-- individual (PECR regulation 22); an unknown subscriber counts as one.
SELECT count(consent.set_subscriber(contact => contact,
                                    subscriber => CASE kind WHEN 'company' THEN 'corporate' ELSE 'sole_trader' END::consent.subscriber))
       AS "addresses of companies and sole traders"
  FROM address WHERE kind <> 'consumer' AND contact IS NOT NULL AND channel <> 'push';

CREATE TEMP TABLE history (
  happened_at timestamptz, event text, address text, channels text, organisation text, purpose text, method text,
  wording text, collected_by text, named_organisations text, expires_at timestamptz, source text);
\copy history FROM 'data/history.csv' WITH (FORMAT csv, HEADER)

-- The refusals first.  Only a consent that is both given and recorded after an
-- objection lifts it, so what people refused should be on record before the
-- rest arrives.
SELECT count(consent.object(contact => address::consent.contact, at => happened_at, source => source)) AS objections
  FROM history WHERE event = 'objection';

SELECT count(consent.withdraw(contact => address::consent.contact, channels => ARRAY[channels]::consent.channel[],
                              organisation => organisation, at => happened_at, source => source)) AS withdrawals
  FROM history WHERE event = 'withdrawal' AND channels IS NOT NULL;

-- "Every channel" is a withdrawal without channels.
SELECT count(consent.withdraw(contact => address::consent.contact, organisation => organisation,
                              at => happened_at, source => source)) AS "withdrawals from every channel"
  FROM history WHERE event = 'withdrawal' AND channels IS NULL;

-- The consents in one go: the ledger is a table.  Pre-ticked boxes and the
-- like are kept as what they are; they will not count as consent.
INSERT INTO consent.ledger (kind, contact, channels, organisation, purpose, method, wording, collected_by,
                            named_organisations, expires_at, effective_at, source)
SELECT 'consent', address::consent.contact, ARRAY[channels]::consent.channel[], organisation, purpose, method, wording, collected_by,
       string_to_array(named_organisations, ','), expires_at, happened_at, source
  FROM history WHERE event = 'consent';

SELECT kind AS "in the ledger", count(*) AS events, count(DISTINCT contact) AS contacts,
       min(effective_at)::date AS earliest, max(effective_at)::date AS latest
  FROM consent.ledger GROUP BY 1 ORDER BY 1;
