-- The campaign filter: who may be written to at all.

\echo
\echo :bold'4. The audience':plain
\echo 'Marketing may go to those whom consent.permitted() names, and to nobody else:'
\echo

SELECT o.organisation, ch.channel, count(a.*) AS addresses, count(p.contact) AS permitted
  FROM (VALUES ('larkmoor_energy', 'marketing', 'energy'),
               ('larkmoor_broadband', 'marketing', 'broadband'),
               ('larkmoor_hearth_trust', 'appeals', 'trust')) AS o (organisation, purpose, product),
       (VALUES ('email'::consent.channel), ('sms'), ('push')) AS ch (channel),
       LATERAL (SELECT * FROM address WHERE address.channel = ch.channel AND takes LIKE '%' || o.product || '%') a
       LEFT JOIN LATERAL consent.permitted(channel => ch.channel, organisation => o.organisation, purpose => o.purpose) AS p (contact)
              ON p.contact = a.contact
 GROUP BY o.organisation, ch.channel ORDER BY 1, 2;

\echo 'Larkmoor Energy by email: who is left out, and why'
\echo
SELECT coalesce(d.reason, 'address unreadable') AS reason, count(*) AS customers, max(d.citation) AS regulation
  FROM address a
       LEFT JOIN LATERAL consent.evaluate(contact => a.contact, channel => 'email', organisation => 'larkmoor_energy') d
              ON a.contact IS NOT NULL
 WHERE a.channel = 'email' AND a.takes LIKE '%energy%' AND d.allowed IS NOT TRUE
 GROUP BY 1 ORDER BY 2 DESC, 1;

\echo '... and on what footing the others may be written to'
\echo
SELECT d.basis, count(*) AS customers
  FROM address a, LATERAL consent.evaluate(contact => a.contact, channel => 'email', organisation => 'larkmoor_energy') d
 WHERE a.channel = 'email' AND a.takes LIKE '%energy%' AND d.allowed
 GROUP BY 1 ORDER BY 2 DESC;
