
-------------------------------------------------------------------------------
-- guard: what is known of queues that live in PostgreSQL, as rows.
--
-- An adapter says in the queue's own columns what consent.guard() needs: which
-- rows are still to be sent, what a worker taking one looks like, and into which
-- state of the queue's own a refused one goes.  In its texts {queue} stands for
-- the name of the queue, as a literal, and {schema} for the schema and a dot.
-------------------------------------------------------------------------------

CREATE TABLE consent.adapter (
  adapter   text PRIMARY KEY CHECK (adapter ~ '[[:alnum:]]'),
  versions  text NOT NULL,
  certified text,
  schema    text,
  tables    text NOT NULL,
  applies   text,
  pending   text,
  claim     text,
  retry     text,
  at_once   text,
  on_block  consent.block_action NOT NULL,
  divert    text,
  parked    text,
  release   text,
  recipient text,
  channel   text,
  body      text,
  subject   text,
  undecided text,
  shipped   boolean NOT NULL DEFAULT false,
  CHECK (divert IS NOT NULL OR (on_block <> 'divert' AND claim IS NULL)),
  CHECK ((parked IS NULL) = (release IS NULL))
);
CREATE UNIQUE INDEX adapter_letters ON consent.adapter (lower(regexp_replace(adapter, '[^[:alnum:]]', '', 'g')));
COMMENT ON TABLE consent.adapter IS
  'Queues that consent.guard_queue() can guard. Add rows of your own, as the owner of the extension: nobody else may, because what stands here runs as the owner of a guarded queue. In its texts {queue} stands for the name of the queue, as a literal, and {schema} for the schema and a dot, or nothing. pg_dump keeps your rows';
COMMENT ON COLUMN consent.adapter.adapter IS 'The queue, as its project calls it; case and punctuation do not matter';
COMMENT ON COLUMN consent.adapter.versions IS 'The versions whose tables it was written for';
COMMENT ON COLUMN consent.adapter.certified IS 'The versions that the tests of pg_consent run for real; NULL: written from the project''s schema and documentation, and not run';
COMMENT ON COLUMN consent.adapter.schema IS 'Where its tables are unless said otherwise; NULL: on the search path';
COMMENT ON COLUMN consent.adapter.tables IS 'SQL query for the names of the tables to guard; it finds none if the queue does not exist';
COMMENT ON COLUMN consent.adapter.applies IS 'Boolean expression over a row: is it of that queue? NULL: there is no such distinction in the table';
COMMENT ON COLUMN consent.adapter.pending IS 'Boolean expression over a row: is it still to be sent? NULL: every row is';
COMMENT ON COLUMN consent.adapter.claim IS 'Boolean expression over a row: has a worker taken it? NULL: taking leaves no trace that a guard could see';
COMMENT ON COLUMN consent.adapter.retry IS 'Boolean expression over a row: has it been tried before? A refused retry is parked, and never an error';
COMMENT ON COLUMN consent.adapter.at_once IS 'Boolean expression over a row: does its writer send it without reading it again? Such a row is always refused by an error';
COMMENT ON COLUMN consent.adapter.on_block IS 'What happens to a refused row unless said otherwise: the action this queue''s clients were seen, or are expected, to bear best';
COMMENT ON COLUMN consent.adapter.divert IS 'SET list that puts a row into the queue''s own terminal state; NULL: it has none, and refused rows go into consent.quarantine';
COMMENT ON COLUMN consent.adapter.parked IS 'Condition over OLD and NEW: has a guard kept a row from the worker that took it?';
COMMENT ON COLUMN consent.adapter.release IS 'Statement that gives back what the worker took along; it runs as the table''s owner at the end of the transaction. $1 is the row';
COMMENT ON COLUMN consent.adapter.recipient IS 'Default mapping; NULL: it lies in what the application puts into the job';
COMMENT ON COLUMN consent.adapter.channel IS 'Default mapping';
COMMENT ON COLUMN consent.adapter.body IS 'Default mapping';
COMMENT ON COLUMN consent.adapter.subject IS 'Default mapping';
COMMENT ON COLUMN consent.adapter.undecided IS 'What a guard of this queue cannot see or decide';
COMMENT ON COLUMN consent.adapter.shipped IS 'Comes with the extension; set by the extension only';
GRANT SELECT ON consent.adapter TO PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('consent.adapter', 'WHERE NOT shipped');

INSERT INTO consent.adapter
  (adapter, versions, certified, schema, tables, applies, pending, claim, retry, at_once, on_block, divert,
   parked, release, recipient, channel, body, subject, undecided, shipped)
VALUES
('graphile-worker', '0.16 to 0.18', '0.17.3, 0.18.0', 'graphile_worker',
 $$VALUES ('{schema}_private_jobs')$$,
 $$consent.task_identifier('{schema}_private_tasks', task_id) = {queue}$$,
 $$locked_at IS NULL AND attempts < max_attempts$$,
 $$locked_at IS NOT NULL$$,
 $$attempts > 0$$,
 NULL,
 'divert', $$attempts = max_attempts, last_error = consent.refusal_reason()$$,
 $$NEW.job_queue_id IS NOT NULL AND OLD.locked_at IS NULL AND NEW.locked_at IS NULL AND OLD.attempts < OLD.max_attempts AND NEW.attempts >= NEW.max_attempts$$,
 $$UPDATE {schema}_private_job_queues q SET locked_at = NULL, locked_by = NULL
    WHERE q.id = ($1).job_queue_id AND q.locked_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM {schema}_private_jobs j WHERE j.job_queue_id = q.id AND j.locked_at IS NOT NULL)$$,
 NULL, NULL, NULL, NULL,
 'A payload that is an array of messages is one row: one refused recipient parks all of them.', true),

('pg-boss', '10 to 12', '10.4.2, 12.38.0', 'pgboss',
 $$VALUES ('{schema}job')$$,
 $$name = {queue}$$,
 $$state < 'active'$$,
 $$state = 'active'$$,
 $$state = 'retry'$$,
 NULL,
 'divert', $$state = 'cancelled', completed_on = now(), output = jsonb_build_object('consent', consent.refusal_reason())$$,
 NULL, NULL,
 NULL, NULL, NULL, NULL,
 'A failed job that moves to a dead-letter queue is a new job there, judged by that queue''s guard if it has one.', true),

('PgQ', '3.5', '3.5', 'pgq',
 $$SELECT inhrelid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_inherits, {schema}queue
    WHERE queue_name OPERATOR(pg_catalog.=) {queue} AND inhparent OPERATOR(pg_catalog.=) queue_data_pfx::pg_catalog.regclass$$,
 NULL, NULL, NULL,
 $$ev_retry IS NOT NULL$$,
 NULL,
 'raise', NULL,
 NULL, NULL,
 NULL, NULL, NULL, NULL,
 'Consumers read batches and leave no trace in the event: nothing is judged when one is read, the events of a batch that is open already are delivered, and a withdrawal takes out delivered events too. A queue that is dropped and made again needs its guard made again.', true),

('pgmq', '1.x', NULL, 'pgmq',
 $$SELECT pg_catalog.concat('{schema}', pg_catalog.quote_ident(pg_catalog.concat('q_', pg_catalog.lower(queue_name)))) FROM {schema}meta
    WHERE queue_name OPERATOR(pg_catalog.=) {queue}$$,
 NULL,
 $$vt < 'infinity'$$,
 $$read_ct > 0$$,
 $$read_ct > 0$$,
 NULL,
 'divert', $$vt = 'infinity'$$,
 NULL, NULL,
 NULL, NULL, $$message::text$$, NULL,
 'Only the first delivery of a message is judged, not another after its time-out. pop() deletes the message that it returns: nothing is judged then. A parked message stays in the queue and counts in its length until it is archived. There is no column for a reason: see consent.decision_log.', true),

('Oban', 'migrations 9 to 14', NULL, NULL,
 $$VALUES ('{schema}oban_jobs')$$,
 $$queue = {queue}$$,
 $$state NOT IN ('executing', 'completed', 'discarded', 'cancelled')$$,
 $$state = 'executing'$$,
 $$attempted_at IS NOT NULL$$,
 NULL,
 'divert', $$state = 'cancelled', cancelled_at = pg_catalog.timezone('UTC', now()), meta = coalesce(meta, '{}') || jsonb_build_object('consent', consent.refusal_reason())$$,
 NULL, NULL,
 NULL, NULL, NULL, NULL,
 'args often hold an id and no address: map recipient and body with consent.lookup().', true),

('River', 'migrations 4 to 7', NULL, NULL,
 $$VALUES ('{schema}river_job')$$,
 $$queue = {queue}$$,
 $$state IN ('available', 'pending', 'retryable', 'scheduled')$$,
 $$state = 'running'$$,
 $$attempted_at IS NOT NULL$$,
 NULL,
 'divert', $$state = 'cancelled', finalized_at = now(), metadata = metadata || jsonb_build_object('consent', consent.refusal_reason())$$,
 NULL, NULL,
 NULL, NULL, NULL, NULL,
 'args often hold an id and no address: map recipient and body with consent.lookup().', true),

('procrastinate', '2.6 to 3', NULL, NULL,
 $$VALUES ('{schema}procrastinate_jobs')$$,
 $$queue_name = {queue}$$,
 $$status = 'todo'$$,
 $$status = 'doing'$$,
 $$attempts > 0$$,
 NULL,
 'divert', $$status = 'cancelled'$$,
 NULL, NULL,
 NULL, NULL, NULL, NULL,
 'args often hold an id and no address: map recipient and body with consent.lookup(). There is no column for a reason: see consent.decision_log.', true),

('Solid Queue', '1.x', NULL, NULL,
 $$VALUES ('{schema}solid_queue_jobs')$$,
 $$queue_name = {queue}$$,
 $$finished_at IS NULL$$,
 NULL, NULL, NULL,
 'raise', NULL,
 NULL, NULL,
 NULL, NULL, NULL, NULL,
 'Workers take rows of other tables (executions): nothing is judged when a job is taken. Active Job often serialises a GlobalID and no address: map recipient and body with consent.lookup(). What is parked or swept goes into consent.quarantine and its executions go with it, also one that is running.', true),

('Odoo mail', '15 to 18', NULL, NULL,
 $$VALUES ('{schema}mail_mail')$$,
 NULL,
 $$state = 'outgoing'$$,
 NULL, $$false$$, NULL,
 'raise', $$state = 'cancel', failure_type = 'mail_bl', failure_reason = consent.refusal_reason()$$,
 NULL, NULL,
 $$nullif(concat_ws(',', email_to, email_cc), '')$$, $$'email'$$, $$body_html$$,
 $$consent.lookup('{schema}mail_message', 'subject', 'id', mail_message_id::text)$$,
 'What creates a mail and sends it at once (mass mailings up to 16, force_send) believes its own memory that it is outgoing: so a refusal is an error, and with on_block => ''divert'' such mail is sent all the same. Partners are linked to a mail after it is inserted (recipient_ids): marketing without an address in email_to or email_cc is refused, and partners beside such an address are not judged. Nothing is judged when a mail is taken, but whatever has changed it by then makes the sender fail and look again.', true),

('Odoo sms', '15 to 18', NULL, NULL,
 $$VALUES ('{schema}sms_sms')$$,
 NULL,
 $$state = 'outgoing'$$,
 NULL, $$false$$, NULL,
 'raise', $$state = 'canceled', failure_type = 'sms_blacklist'$$,
 NULL, NULL,
 $$number$$, $$'sms'$$, $$body$$, NULL,
 'What creates or resends a message and sends it at once believes its own memory that it is outgoing: so a refusal is an error, and with on_block => ''divert'' such a message is sent all the same. Sending leaves no trace before it is done: nothing is judged then. There is no column for a reason: see consent.decision_log.', true),

('django-post_office', '3.6 to 3.11', 'a model of its shape, in Django', NULL,
 $$VALUES ('{schema}post_office_email')$$,
 $$backend_alias = {queue}$$,
 $$status IN (2, 3) OR status IS NULL$$,
 NULL,
 $$status = 3$$,
 $$status IS NULL$$,
 'divert', $$status = 1$$,
 NULL, NULL,
 $$concat_ws(',', "to", cc, bcc)$$, $$'email'$$,
 $$CASE WHEN template_id IS NULL OR context IS NULL THEN concat_ws(E'\n', message, html_message)
        ELSE concat_ws(E'\n', consent.lookup('{schema}post_office_emailtemplate', 'content', 'id', template_id::text), consent.lookup('{schema}post_office_emailtemplate', 'html_content', 'id', template_id::text)) END$$,
 $$CASE WHEN template_id IS NULL OR context IS NULL THEN subject ELSE consent.lookup('{schema}post_office_emailtemplate', 'subject', 'id', template_id::text) END$$,
 'Of mail that is rendered on delivery the template is judged, as it is then, without what is filled in. Sending leaves no trace before it is done: nothing is judged then. There is no column for a reason: see consent.decision_log.', true),

('GOV.UK Notify', 'notifications-api as of 2026', NULL, NULL,
 $$VALUES ('{schema}notifications')$$,
 $$notification_type = {queue}$$,
 $$notification_status = 'created' AND key_type <> 'test'$$,
 NULL, NULL, NULL,
 'divert', $$notification_status = 'permanent-failure', updated_at = pg_catalog.timezone('UTC', now())$$,
 NULL, NULL,
 $$CASE notification_type WHEN 'letter' THEN 'postal:' || "to" ELSE coalesce(normalised_to, "to") END$$, $$CASE notification_type WHEN 'letter' THEN 'post' ELSE notification_type::text END$$, NULL, NULL,
 'The text is in templates_history and what is filled in is signed and cannot be read: without a body every message is judged as marketing. Notifications of test keys go to nobody and are not judged. A letter goes to postal: and its address, on one line. Workers take ids from another queue: nothing is judged then, but what is no longer "created" is not sent. There is no column for a reason: see consent.decision_log.', true);

CREATE FUNCTION consent.adapter_check() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.shipped OR TG_OP <> 'DELETE' AND NEW.shipped THEN
    RAISE EXCEPTION 'shipped adapters are the extension''s alone'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Add a row of another name.';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;
COMMENT ON FUNCTION consent.adapter_check() IS
  'Trigger of consent.adapter: shipped rows are the extension''s alone (55000)';
REVOKE EXECUTE ON FUNCTION consent.adapter_check() FROM PUBLIC;
CREATE TRIGGER check_adapter BEFORE INSERT OR UPDATE OR DELETE ON consent.adapter
  FOR EACH ROW EXECUTE FUNCTION consent.adapter_check();

CREATE FUNCTION consent.key_operator(source regclass, key name) RETURNS text
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_key_operator';
COMMENT ON FUNCTION consent.key_operator(regclass, name) IS
  'How consent.lookup() compares a key: the operator that is equality for the type of the column, whatever the search_path holds under its name';

CREATE FUNCTION consent.lookup(source regclass, wanted name, key name, value text) RETURNS text
  LANGUAGE plpgsql STABLE
AS $$
DECLARE
  found pg_catalog.text;
BEGIN
  IF value IS NOT NULL THEN
    EXECUTE pg_catalog.format('SELECT %I::pg_catalog.text FROM %s WHERE %I %s %L', wanted, source, key, consent.key_operator(source, key), value) INTO found;
  END IF;
  RETURN found;
END $$;
COMMENT ON FUNCTION consent.lookup(regclass, name, name, text) IS
  'A value of another table, found by its key: for mappings, which cannot hold subqueries. Where a job holds an id and no address: consent.lookup(''customer'', ''email'', ''id'', args->>''customer_id''). What it finds later may differ: a row is judged by what it found when written or claimed';

CREATE FUNCTION consent.json_texts(value jsonb, path jsonpath) RETURNS text[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 500
  RETURN (SELECT pg_catalog.array_agg(v) FROM pg_catalog.jsonb_array_elements_text(pg_catalog.jsonb_path_query_array(value, path, silent => true)) v);
COMMENT ON FUNCTION consent.json_texts(jsonb, jsonpath) IS
  'The texts at a path of a JSON value, NULL if there is none: for mappings, which cannot hold subqueries. consent.json_texts(data, ''$.to[*]'') are the recipients, whether "to" is one address or an array of them, and whether the job is one message or an array of them';

CREATE FUNCTION consent.task_identifier(tasks regclass, id integer) RETURNS text
  LANGUAGE C IMMUTABLE STRICT PARALLEL RESTRICTED COST 10
  AS 'MODULE_PATHNAME', 'pg_consent_task_identifier';
COMMENT ON FUNCTION consent.task_identifier(regclass, integer) IS
  'The identifier of a graphile-worker task, whose jobs hold its number only. IMMUTABLE in effect: a number is never given to another task';

-- The texts of an adapter, made out to one queue.
CREATE FUNCTION consent.adapter_for(adapter text, queue text, schema text, OUT made consent.adapter)
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  known consent.adapter;
  place text;
  texts jsonb;
BEGIN
  SELECT * INTO known FROM consent.adapter a
   WHERE lower(regexp_replace(a.adapter, '[^[:alnum:]]', '', 'g')) = lower(regexp_replace(adapter_for.adapter, '[^[:alnum:]]', '', 'g'));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no adapter is known for the queue "%"', adapter
      USING ERRCODE = 'undefined_object',
            HINT = 'Known are ' || (SELECT string_agg(a.adapter, ', ' ORDER BY lower(a.adapter)) FROM consent.adapter a)
                   || '. Guard any other table with consent.guard(), or add a row to consent.adapter.';
  END IF;
  IF queue IS NULL AND known.tables LIKE '%{queue}%' THEN
    RAISE EXCEPTION 'the adapter "%" needs the name of a queue', known.adapter
      USING ERRCODE = 'null_value_not_allowed', HINT = 'Each of its queues is a table of its own.';
  END IF;
  IF queue IS NOT NULL AND known.applies IS NULL AND known.tables NOT LIKE '%{queue}%' THEN
    RAISE EXCEPTION 'the adapter "%" has one queue only, which has no name', known.adapter
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave out queue.';
  END IF;
  IF queue IS NULL THEN
    known.applies := NULL;
  END IF;
  place := COALESCE(quote_ident(COALESCE(schema, known.schema)) || '.', '');
  SELECT jsonb_object_agg(key, replace(replace(value, '{schema}', replace(place, '''', '''''')), '{queue}', quote_nullable(queue)))
    INTO texts
    FROM jsonb_each_text(to_jsonb(known))
   WHERE key IN ('tables', 'applies', 'pending', 'claim', 'retry', 'at_once', 'divert', 'parked', 'release', 'recipient', 'channel', 'body', 'subject');
  made := jsonb_populate_record(known, texts);
END $$;
COMMENT ON FUNCTION consent.adapter_for(text, text, text) IS
  'A row of consent.adapter with the names of queue and schema filled in. Errors: 42704 no such adapter, 22004 and 22023 a queue must, or cannot, be named';

CREATE FUNCTION consent.queue_relations(adapter consent.adapter, queue text) RETURNS SETOF regclass
  LANGUAGE plpgsql STABLE
AS $$
DECLARE
  name pg_catalog.text;
BEGIN
  FOR name IN EXECUTE adapter.tables LOOP
    RETURN NEXT name::pg_catalog.regclass;
  END LOOP;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% has no queue "%"', adapter.adapter, queue
      USING ERRCODE = 'undefined_object', HINT = 'Create the queue first: it is a table of its own.';
  END IF;
EXCEPTION WHEN undefined_table OR invalid_schema_name THEN
  RAISE EXCEPTION 'the tables of % were not found: %', adapter.adapter, SQLERRM
    USING ERRCODE = 'undefined_table',
          HINT = 'Install it first; if its tables are in another schema, name that: schema => ''...''.';
END $$;
COMMENT ON FUNCTION consent.queue_relations(consent.adapter, text) IS
  'The tables of a queue. Errors: 42P01 not installed here, 42704 no such queue';

CREATE FUNCTION consent.guard_release() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_guard_release';
COMMENT ON FUNCTION consent.guard_release() IS
  'Trigger made by consent.guard_queue(): gives back what a worker took along with a row that was kept from it. Its argument is the statement, run as the table''s owner; $1 is the row';
REVOKE EXECUTE ON FUNCTION consent.guard_release() FROM PUBLIC;

-- What the adapter says is read where the caller's search_path has no say; what the
-- caller maps comes with every name qualified.
CREATE FUNCTION consent.guard_queue_table(target regclass, adapter text, queue text, schema text, on_block consent.block_action, mapping jsonb) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  -- The other tables of a queue are beside it.
  known consent.adapter := consent.adapter_for(adapter, queue, COALESCE(schema, (
    SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = target)));
  action consent.block_action := COALESCE(on_block, known.on_block);
  at_once boolean;
BEGIN
  -- Rows that nobody reads again before they are sent have a guard of their own.
  FOREACH at_once IN ARRAY CASE WHEN known.at_once IS NOT NULL AND action IN ('divert', 'quarantine') THEN '{false,true}'
                                ELSE '{NULL}' END::boolean[] LOOP
    PERFORM consent.guard(
      target => target,
      recipient => COALESCE(mapping ->> 'recipient', known.recipient),
      channel => COALESCE(mapping ->> 'channel', known.channel),
      body => COALESCE(mapping ->> 'body', known.body),
      subject => COALESCE(mapping ->> 'subject', known.subject),
      organisation => mapping ->> 'organisation',
      class => mapping ->> 'class',
      purpose => mapping ->> 'purpose',
      product_category => mapping ->> 'product_category',
      reference => mapping ->> 'reference',
      instigators => mapping ->> 'instigators',
      sender => mapping ->> 'sender',
      opt_out => mapping ->> 'opt_out',
      identity => mapping ->> 'identity',
      pending => known.pending,
      -- Whoever only watches does not meddle with what is taken or swept.
      claim => CASE WHEN action <> 'flag' THEN known.claim END,
      retry => CASE WHEN at_once THEN NULL ELSE known.retry END,
      applies => NULLIF(concat_ws(' AND ', '(' || known.applies || ')',
                   CASE WHEN at_once THEN '(' || known.at_once || ') IS NOT FALSE'
                        WHEN NOT at_once THEN '(' || known.at_once || ') IS FALSE' END), ''),
      on_block => CASE WHEN at_once THEN 'raise' ELSE action END,
      divert => CASE WHEN action <> 'flag' THEN known.divert END,
      name => CASE WHEN at_once THEN concat_ws(' ', queue, 'at once') ELSE queue END);
  END LOOP;
  IF known.release IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger t
        WHERE t.tgrelid = target AND t.tgfoid = 'consent.guard_release()'::regprocedure) THEN
    EXECUTE format('CREATE CONSTRAINT TRIGGER consent_guard_release AFTER UPDATE ON %s DEFERRABLE INITIALLY DEFERRED '
                   'FOR EACH ROW WHEN (%s) EXECUTE FUNCTION consent.guard_release(%L)', target, known.parked, known.release);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER consent_guard_release', target);
  END IF;
END $$;
COMMENT ON FUNCTION consent.guard_queue_table(regclass, text, text, text, consent.block_action, jsonb) IS
  'Guards one table for consent.guard_queue(). mapping: what the caller maps, each as consent.guard_mapping() writes it';

CREATE FUNCTION consent.guard_queue(
  adapter text,
  queue text DEFAULT NULL,
  recipient text DEFAULT NULL,
  channel text DEFAULT NULL,
  body text DEFAULT NULL,
  subject text DEFAULT NULL,
  organisation text DEFAULT NULL,
  class text DEFAULT NULL,
  purpose text DEFAULT NULL,
  product_category text DEFAULT NULL,
  reference text DEFAULT NULL,
  instigators text DEFAULT NULL,
  sender text DEFAULT NULL,
  opt_out text DEFAULT NULL,
  identity text DEFAULT NULL,
  on_block consent.block_action DEFAULT NULL,
  schema text DEFAULT NULL) RETURNS regclass[]
  LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
  known consent.adapter := consent.adapter_for(adapter, queue, schema);
  relation pg_catalog.regclass;
  guarded pg_catalog.regclass[] := '{}';
BEGIN
  FOREACH relation IN ARRAY ARRAY(SELECT consent.queue_relations(known, queue)) LOOP
    PERFORM consent.guard_queue_table(relation, adapter, queue, COALESCE(schema, known.schema), on_block,
      (SELECT pg_catalog.jsonb_object_agg(m.name, consent.guard_mapping(relation, m.name, m.expression))
         FROM (VALUES ('recipient', recipient), ('channel', channel), ('body', body), ('subject', subject), ('organisation', organisation),
                      ('class', class), ('purpose', purpose), ('product_category', product_category), ('reference', reference),
                      ('instigators', instigators), ('sender', sender), ('opt_out', opt_out), ('identity', identity)) AS m(name, expression)));
    guarded := pg_catalog.array_append(guarded, relation);
  END LOOP;
  RETURN guarded;
END $$;
COMMENT ON FUNCTION consent.guard_queue(text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, consent.block_action, text) IS
  'Guards a queue that consent.adapter knows, and returns the tables guarded. queue is its name in that queue''s own terms (graphile-worker: task identifier, pg-boss and PgQ: queue name, django-post_office: backend alias), also of one made later where queues share a table; NULL: every queue of the table. Mappings are as for consent.guard(), over the queue''s row; left out, the adapter''s own are used. on_block NULL: what the adapter says. schema: where the tables are, if not in the usual place. You must own the tables. Errors: 42704 unknown adapter or queue, 42P01 tables not found, and those of consent.guard()';

CREATE FUNCTION consent.unguard_queue(adapter text, queue text DEFAULT NULL, schema text DEFAULT NULL) RETURNS regclass[]
  LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
  known consent.adapter := consent.adapter_for(adapter, queue, schema);
  relation pg_catalog.regclass;
  unguarded pg_catalog.regclass[] := '{}';
  at_once pg_catalog.text := queue OPERATOR(pg_catalog.||) ' at once';
BEGIN
  FOREACH relation IN ARRAY ARRAY(SELECT consent.queue_relations(known, queue)) LOOP
    PERFORM consent.unguard(relation, queue);
    IF EXISTS (SELECT FROM consent.guards g WHERE g.leaf OPERATOR(pg_catalog.=) relation AND g.name OPERATOR(pg_catalog.=) at_once) THEN
      PERFORM consent.unguard(relation, at_once);
    END IF;
    unguarded := pg_catalog.array_append(unguarded, relation);
  END LOOP;
  RETURN unguarded;
END $$;
COMMENT ON FUNCTION consent.unguard_queue(text, text, text) IS
  'Removes the guard of a queue, or with queue NULL every guard of its tables; returns the tables. Errors: as consent.guard_queue()';

REVOKE EXECUTE ON FUNCTION
  consent.guard_queue(text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, consent.block_action, text),
  consent.unguard_queue(text, text, text),
  consent.guard_queue_table(regclass, text, text, text, consent.block_action, jsonb)
FROM PUBLIC;
