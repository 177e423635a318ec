-- A withdrawal counts from the moment it is recorded.

\echo :bold'7. Somebody changes his mind':plain
\echo 'Tom Ashworth agreed to texts in 2025:'
\echo
SELECT allowed, reason, basis, citation AS regulation
  FROM consent.evaluate(contact => '07700 900018', channel => 'sms', organisation => 'larkmoor_energy');

\echo 'He texts STOP.  The company records it:'
\echo
SELECT consent.withdraw(contact => '+44 (0)7700 900018', channels => '{sms}', organisation => 'larkmoor_energy',
                        source => 'STOP by text') AS event;

SELECT allowed, reason, basis, citation AS regulation
  FROM consent.evaluate(contact => '07700 900018', channel => 'sms', organisation => 'larkmoor_energy');

\echo 'An auditor asks next year: was the text we sent him on 1 September 2025 lawful?'
\echo
SELECT allowed, reason, basis, citation AS regulation
  FROM consent.evaluate(contact => '07700 900018', channel => 'sms', organisation => 'larkmoor_energy', at => '2025-09-01');
