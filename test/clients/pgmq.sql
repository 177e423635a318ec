-- pgmq is among neither Debian's packages nor npm's: the functions that its client
-- calls, of pgmq 1.5, written anew and no more than the client needs.  What they
-- do to the table is what pgmq does: see also sql/queues.sql.
CREATE SCHEMA pgmq;
CREATE TABLE pgmq.meta (queue_name varchar UNIQUE NOT NULL);
CREATE TYPE pgmq.message_record AS (msg_id bigint, read_ct int, enqueued_at timestamptz, vt timestamptz, message jsonb, headers jsonb);

CREATE FUNCTION pgmq."create"(queue text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE pgmq.%I (msg_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, read_ct int NOT NULL DEFAULT 0, '
                 'enqueued_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL, message jsonb, headers jsonb)', lower('q_' || queue));
  EXECUTE format('CREATE TABLE pgmq.%I (LIKE pgmq.%I, archived_at timestamptz NOT NULL DEFAULT now())', lower('a_' || queue), lower('q_' || queue));
  INSERT INTO pgmq.meta VALUES (queue);
END $$;

CREATE FUNCTION pgmq.send_batch(queue text, msgs jsonb[], delay int) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('INSERT INTO pgmq.%I (vt, message) SELECT $2, unnest($1) RETURNING msg_id', lower('q_' || queue))
    USING msgs, clock_timestamp() + make_interval(secs => delay);
END $$;

CREATE FUNCTION pgmq.send(queue text, msg jsonb, delay int) RETURNS SETOF bigint
  LANGUAGE sql AS $$ SELECT pgmq.send_batch(queue, ARRAY[msg], delay) $$;

CREATE FUNCTION pgmq.read(queue text, seconds int, qty int) RETURNS SETOF pgmq.message_record LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    WITH next AS (SELECT msg_id FROM pgmq.%1$I WHERE vt <= clock_timestamp() ORDER BY msg_id LIMIT $1 FOR UPDATE SKIP LOCKED)
    UPDATE pgmq.%1$I m SET vt = clock_timestamp() + $2, read_ct = read_ct + 1 FROM next
     WHERE m.msg_id = next.msg_id RETURNING m.msg_id, m.read_ct, m.enqueued_at, m.vt, m.message, m.headers$q$,
    lower('q_' || queue)) USING qty, make_interval(secs => seconds);
END $$;

CREATE FUNCTION pgmq.pop(queue text) RETURNS SETOF pgmq.message_record LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    WITH next AS (SELECT msg_id FROM pgmq.%1$I WHERE vt <= clock_timestamp() ORDER BY msg_id LIMIT 1 FOR UPDATE SKIP LOCKED)
    DELETE FROM pgmq.%1$I WHERE msg_id = (SELECT msg_id FROM next) RETURNING *$q$, lower('q_' || queue));
END $$;

CREATE FUNCTION pgmq.archive(queue text, id bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  archived bigint;
BEGIN
  EXECUTE format('WITH gone AS (DELETE FROM pgmq.%I WHERE msg_id = $1 RETURNING *) INSERT INTO pgmq.%I SELECT * FROM gone RETURNING msg_id',
                 lower('q_' || queue), lower('a_' || queue)) INTO archived USING id;
  RETURN archived IS NOT NULL;
END $$;

CREATE FUNCTION pgmq.set_vt(queue text, id bigint, seconds int) RETURNS SETOF pgmq.message_record LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('UPDATE pgmq.%I SET vt = clock_timestamp() + $2 WHERE msg_id = $1 RETURNING *', lower('q_' || queue))
    USING id, make_interval(secs => seconds);
END $$;
