-- The account: what went, what did not, and why.

\echo :bold'6. The account':plain
\echo
\echo 'Queued for sending:'
\echo
SELECT j.class, count(*) AS messages,
       count(*) FILTER (WHERE o.channel = 'email') AS email,
       count(*) FILTER (WHERE o.channel = 'sms') AS sms,
       count(*) FILTER (WHERE o.channel = 'push') AS push
  FROM outbox o JOIN judged j USING (message_id)
 GROUP BY j.class ORDER BY j.class;

\echo 'Refused:'
\echo
SELECT reason, count(*) AS messages, max(citation) AS regulation
  FROM refused GROUP BY 1 ORDER BY 2 DESC, 1;

\echo 'Their senders had called them (a message called marketing is judged as that, whatever its text):'
\echo
SELECT m.kind AS declared, r.class AS "judged as", count(*) AS refused
  FROM refused r JOIN campaign m USING (message_id)
 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2;

-- A guard that stops bills and safety recalls does harm too.
\echo 'People who may not be sent marketing still hear what they need to know:'
\echo
SELECT j.class, count(*) AS "queued for them", count(DISTINCT o.customer_id) AS people
  FROM outbox o JOIN judged j USING (message_id),
       LATERAL consent.evaluate(contact => consent.try_contact(o.to_addr), channel => o.channel::consent.channel,
                                organisation => o.organisation, purpose => o.purpose) d
 WHERE consent.try_contact(o.to_addr) IS NOT NULL AND NOT d.allowed
 GROUP BY 1 ORDER BY 1;

\echo 'One person from end to end: Maggie Okafor.  What she said:'
\echo
SELECT effective_at::date AS "on", kind AS "event", coalesce(channels::text, 'every channel') AS channels,
       organisation, source
  FROM consent.ledger
 WHERE contact IN (SELECT contact FROM address WHERE customer_id = 10017)
 ORDER BY effective_at, contact, organisation;

\echo 'What happened to the messages meant for her (she left the energy company, not the broadband one):'
\echo
SELECT replace(m.organisation, 'larkmoor_', '') AS "from", m.channel,
       left(coalesce(m.subject, m.body), 22) AS message,
       CASE m.kind WHEN 'direct_marketing' THEN 'marketing' WHEN 'market_research' THEN 'research' ELSE m.kind END AS called, j.class AS "found to be", coalesce(r.reason, 'queued') AS outcome
  FROM campaign m JOIN judged j USING (message_id) LEFT JOIN refused r USING (message_id)
 WHERE m.customer_id = 10017
 ORDER BY r.reason IS NOT NULL, m.message_id;
