-- An answer counts from the moment it is recorded.

\echo :bold'7. Somebody changes his mind':plain
\echo 'Tom Ashworth agreed to texts in 2025, and an offer for him waits in the outbox:'
\echo
SELECT allowed, reason, basis, citation AS regulation
  FROM consent.evaluate(contact => '07700 900018', channel => 'sms', organisation => 'larkmoor_energy');

INSERT INTO outbox (message_id, customer_id, organisation, purpose, channel, kind, to_addr, body)
VALUES (900002, 10018, 'larkmoor_energy', 'marketing', 'sms', 'direct_marketing', '+44 (0)7700 900018',
        'Hi Tom, get £400 off a new boiler this month. Reply STOP to opt out.')
RETURNING message_id, status, left(body, 45) AS message;

\echo 'He answers.  Whatever receives texts hands the answer on as it came:'
\echo
SELECT consent.inbound(contact => '07700900018', channel => 'sms', organisation => 'larkmoor_energy',
                       body => 'Stop pls') AS "read as";

\echo 'That is on record as an objection, and the offer has left the outbox with it:'
\echo
SELECT allowed, reason, basis, citation AS regulation
  FROM consent.evaluate(contact => '07700 900018', channel => 'sms', organisation => 'larkmoor_energy');

SELECT relation AS "taken out of", reason, left("row" ->> 'body', 45) AS message, decided_at::time(0) AS at
  FROM consent.quarantine;

\echo 'His bill and the visit of the engineer he still hears of; they are still there:'
\echo
SELECT message_id, status, left(body, 60) AS message FROM outbox WHERE to_addr LIKE '%900018' ORDER BY 1;

\echo 'An auditor asks next year: was the text we sent him on 1 September 2025 lawful?'
\echo
SELECT allowed, reason, basis, citation AS regulation
  FROM consent.evaluate(contact => '07700 900018', channel => 'sms', organisation => 'larkmoor_energy', at => '2025-09-01');
