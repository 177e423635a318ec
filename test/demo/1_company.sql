-- What the company has before pg_consent: customers, messages to send, an
-- outbox that some program empties.  Run with psql from this folder; "make
-- demo" feeds it all seven files in one session.

\if :{?bold}
\else
  \set bold ''
  \set plain ''
  \set mark '['
  \set unmark ']'
\endif
\set QUIET on
\set ON_ERROR_STOP on
\pset footer off
\pset null '-'
\pset format wrapped
\pset columns 98

\echo
\echo :bold'1. The company':plain
\echo 'Larkmoor sells energy and broadband and has a charity.  It has 1,000 customers and wants to send'
\echo '2,700 messages: bills, outages, offers, appeals.  Nothing here knows about consent yet.'
\echo

CREATE TABLE customers (
  customer_id int PRIMARY KEY,
  name        text NOT NULL,
  kind        text NOT NULL,      -- consumer, sole_trader, company
  email       text,               -- as people typed them
  mobile      text,
  device      text,               -- the app's push token
  takes       text NOT NULL,      -- energy, broadband, trust
  town        text
);

CREATE TABLE campaign (
  message_id   int PRIMARY KEY,
  customer_id  int NOT NULL REFERENCES customers,
  organisation text NOT NULL,     -- which company of the group it speaks for
  purpose      text NOT NULL,
  channel      text NOT NULL,     -- email, sms, push
  kind         text NOT NULL,     -- what the sender says it is
  template     text NOT NULL,
  subject      text,
  body         text NOT NULL
);

CREATE TABLE outbox (
  message_id   int PRIMARY KEY,
  customer_id  int NOT NULL REFERENCES customers,
  organisation text NOT NULL,
  purpose      text NOT NULL,
  channel      text NOT NULL,
  kind         text NOT NULL,
  template     text,
  to_addr      text NOT NULL,
  subject      text,
  body         text NOT NULL,
  status       text NOT NULL DEFAULT 'queued',
  queued_at    timestamptz NOT NULL DEFAULT now()
);

-- What the company's mailer writes down when the database says no.
CREATE TABLE refused (
  message_id int PRIMARY KEY REFERENCES campaign,
  reason     text NOT NULL,
  citation   text,
  class      text,
  reasons    text[]
);

\copy customers FROM 'data/customers.csv' WITH (FORMAT csv, HEADER)
\copy campaign FROM 'data/campaign.csv' WITH (FORMAT csv, HEADER)

-- A row of the outbox, ready to be inserted.
CREATE VIEW message AS
  SELECT m.message_id, m.customer_id, m.organisation, m.purpose, m.channel, m.kind, m.template,
         CASE m.channel WHEN 'email' THEN c.email WHEN 'sms' THEN c.mobile ELSE c.device END AS to_addr,
         m.subject, m.body
    FROM campaign m JOIN customers c USING (customer_id);

ANALYZE customers, campaign;

SELECT organisation,
       count(*) FILTER (WHERE channel = 'email') AS email,
       count(*) FILTER (WHERE channel = 'sms') AS sms,
       count(*) FILTER (WHERE channel = 'push') AS push,
       count(*) FILTER (WHERE kind IN ('service', 'regulatory')) AS "called service",
       count(*) FILTER (WHERE kind = 'direct_marketing') AS "called marketing",
       count(*) FILTER (WHERE kind = 'market_research') AS "called research"
  FROM campaign GROUP BY 1 ORDER BY 1;
