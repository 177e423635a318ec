-- The guard: from here on the database decides, whoever writes to the outbox.

\echo :bold'5. The guard':plain
\echo

SELECT consent.guard(target => 'outbox', recipient => 'to_addr', channel => 'channel', body => 'body', subject => 'subject',
                     organisation => 'organisation', purpose => 'purpose', class => 'kind',
                     pending => $$status = 'queued'$$, on_block => 'raise') \g /dev/null

\echo 'The boiler offer, to every energy customer, in one statement.  Not all of them agreed to that:'
\echo
\set ON_ERROR_STOP off
INSERT INTO outbox SELECT * FROM message WHERE template = 'en-autumn-boiler' ORDER BY customer_id;
\set ON_ERROR_STOP on
\echo
\echo 'SQLSTATE' :LAST_ERROR_SQLSTATE
SELECT count(*) AS "queued by that statement" FROM outbox;

\echo 'The same statement with the campaign filter:'
\echo
INSERT INTO outbox
SELECT * FROM message
 WHERE template = 'en-autumn-boiler' AND consent.try_contact(to_addr) IN (SELECT consent.permitted('email', 'larkmoor_energy'));
SELECT count(*) AS "queued by that statement" FROM outbox;

\echo 'COPY is held to the same rule.  Maggie unsubscribed in 2023:'
\echo
\set ON_ERROR_STOP off
COPY outbox (message_id, customer_id, organisation, purpose, channel, kind, to_addr, body) FROM STDIN WITH (FORMAT csv);
900001,10017,larkmoor_energy,marketing,email,service,"Maggie Okafor <Maggie.Okafor@EXAMPLE.com>","Save £400 on a new boiler. Book before Sunday!"
\.
\set ON_ERROR_STOP on
\echo
\echo 'SQLSTATE' :LAST_ERROR_SQLSTATE
\echo

\echo 'Now the rest of the campaign, message by message, as a program that knows nothing of consent'
\echo 'would queue it.  It only notes what the database answers.'
\echo
DO $$
DECLARE
  m message;
  total int := (SELECT count(*) FROM message);
  done int := 0;
  why text;
  detail jsonb;
BEGIN
  FOR m IN SELECT * FROM message WHERE message_id NOT IN (SELECT message_id FROM outbox) ORDER BY message_id LOOP
    BEGIN
      INSERT INTO outbox SELECT m.*;
    EXCEPTION WHEN SQLSTATE 'PC001' THEN
      GET STACKED DIAGNOSTICS why = CONSTRAINT_NAME, detail = PG_EXCEPTION_DETAIL;
      INSERT INTO refused
      VALUES (m.message_id, why, detail->>'citation', detail->>'class',
              ARRAY(SELECT jsonb_array_elements_text(detail->'reasons')));
    END;
    done := done + 1;
    IF done % 500 = 0 THEN
      RAISE NOTICE '% of % messages', done, total;
      COMMIT;
    END IF;
  END LOOP;
END $$;
\echo
