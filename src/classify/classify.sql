
-------------------------------------------------------------------------------
-- classify: what a message is, and why.
--
-- STABLE although rules are read with a fresh snapshot: within a statement
-- that changes no rules, the answer for a message stays the same.
-------------------------------------------------------------------------------

CREATE TYPE consent.classification AS (
  class        consent.message_class,
  score        real,
  needs_review boolean,
  rules        text[]
);
COMMENT ON TYPE consent.classification IS
  'Verdict on a message. score: summed weights of what found promotion or a request for permission, where 1 is enough for a verdict. needs_review: somebody should look, because there was too little to read, guidance leaves the case open, promotion came close to the mark from either side, part of the text was not read, or a rule gave up (listed as limit:<code>). rules: what was found, marketing first; model.* are findings of the learned model';

CREATE FUNCTION consent.classify(body text, subject text DEFAULT NULL,
                                 channel consent.channel DEFAULT NULL)
  RETURNS consent.classification
  LANGUAGE C STABLE PARALLEL SAFE COST 1000
  AS 'MODULE_PATHNAME', 'pg_consent_classify';
COMMENT ON FUNCTION consent.classify(text, text, consent.channel) IS
  'What a message is. body is plain text or HTML, detected; its first megabyte is read. Without a channel every rule applies, and words weigh as in mail; in texts (sms, mms, social_dm) they weigh something more or less. What cannot be told is unknown, with needs_review. Never an error because of the text';

CREATE FUNCTION consent.classify_raw(message bytea)
  RETURNS consent.classification
  LANGUAGE C STABLE PARALLEL SAFE COST 5000
  AS 'MODULE_PATHNAME', 'pg_consent_classify_raw';
COMMENT ON FUNCTION consent.classify_raw(bytea) IS
  'What a whole e-mail message (RFC 5322, MIME) is: as consent.classify() of what consent.read_raw() makes of it. An attached text that is marketing by itself makes the message marketing; one that nobody could judge sets needs_review. What lies behind the first megabyte of all of them is not read, and the message unknown, unless it is marketing already. Attached pictures, tables, PDFs and other documents are not read. A message that could not be read to its end is unknown, unless it is marketing already';

CREATE FUNCTION consent.evidence(body text, subject text DEFAULT NULL,
                                 channel consent.channel DEFAULT NULL,
                                 OUT rule text, OUT class consent.message_class,
                                 OUT weight real, OUT part text, OUT start integer,
                                 OUT length integer, OUT excerpt text, OUT citation text)
  RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10
  AS 'MODULE_PATHNAME', 'pg_consent_evidence';
COMMENT ON FUNCTION consent.evidence(text, text, consent.channel) IS
  'One row per finding: the rule (model.* for the learned model; model.plain takes back what a rule found in a plain text), the class it speaks for, its weight, the part (subject or body), start (from 1) and length in characters of the text as given, those characters, and the guidance or ruling the rule rests on; for the model also the words that spoke loudest. Weights add up to the verdict, a rule counting once. At most 100 per rule and part. A row that has no place has a NULL start, length and excerpt: limit:<code> for a rule that gave up, what is taken back of all there is, and what keeps a message from being judged, which has no class either: text.unread, text.empty, or text.language where it is not in English or too short to tell';

CREATE FUNCTION consent.highlight(body text, subject text DEFAULT NULL,
                                  channel consent.channel DEFAULT NULL)
  RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE COST 1000
  AS 'MODULE_PATHNAME', 'pg_consent_highlight';
COMMENT ON FUNCTION consent.highlight(text, text, consent.channel) IS
  'HTML that shows subject and body as given, all of it escaped, in <div class="subject"> and <div class="body">, findings in <mark title="class: rule">';

-------------------------------------------------------------------------------
-- classify: what rules do on messages that somebody has labelled.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.sample_messages(sample text) RETURNS SETOF jsonb
  LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  message pg_catalog.jsonb;
  first pg_catalog.bool := true;
BEGIN
  FOR message IN EXECUTE pg_catalog.format('SELECT pg_catalog.to_jsonb(s) FROM (%s) AS s',
    CASE WHEN sample OPERATOR(pg_catalog.~) '\s' THEN sample
         ELSE 'TABLE ' OPERATOR(pg_catalog.||) sample::pg_catalog.regclass::pg_catalog.text END) LOOP
    IF first AND NOT message OPERATOR(pg_catalog.?) 'body' THEN
      RAISE EXCEPTION 'the sample has no column "body"'
        USING ERRCODE = 'undefined_column', HINT = 'Give columns the names that are expected, as in SELECT message AS body, kind AS label FROM ...';
    ELSIF first AND NOT message OPERATOR(pg_catalog.?) 'label' THEN
      RAISE NOTICE 'the sample has no column "label": its messages are not told apart'
        USING HINT = 'If they have one by another name: SELECT body, kind AS label FROM ...';
    END IF;
    first := false;
    RETURN NEXT message;
  END LOOP;
END $$;
COMMENT ON FUNCTION consent.sample_messages(text) IS
  'The rows of a table or query as JSON, for rule_stats() and what_if()';

CREATE FUNCTION consent.rule_stats(sample text, OUT rule text, OUT class consent.message_class,
                                   OUT label text, OUT hits bigint, OUT messages bigint)
  RETURNS SETOF record
  LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
  WITH m AS MATERIALIZED (
    SELECT j ->> 'label' AS label,
           consent.classify(j ->> 'body', j ->> 'subject', (j ->> 'channel')::consent.channel) AS c
      FROM consent.sample_messages(sample) AS j)
  SELECT h.rule, r.class, m.label, pg_catalog.count(*),
         (SELECT pg_catalog.count(*) FROM m AS all_of_it WHERE all_of_it.label IS NOT DISTINCT FROM m.label)
    FROM m, pg_catalog.unnest((m.c).rules) AS h(rule)
    LEFT JOIN consent.rule AS r ON r.code = h.rule
   GROUP BY h.rule, r.class, m.label
   ORDER BY h.rule, m.label;
END;
COMMENT ON FUNCTION consent.rule_stats(text) IS
  'How often each rule speaks in labelled messages. sample: a table, or a query, with the columns body, and if there are any label, subject and channel. One row per rule and label: messages it spoke in, of so many with that label; without that column there is one label, NULL, and a NOTICE. Error: 42703 no column body';

CREATE FUNCTION consent.what_if(change text, sample text,
                                OUT label text, OUT body text, OUT class_before consent.message_class,
                                OUT class_after consent.message_class, OUT rules_before text[],
                                OUT rules_after text[])
  RETURNS SETOF record
  LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE
  sampled pg_catalog.jsonb[] := ARRAY(SELECT consent.sample_messages(sample));
  before consent.classification[];
  after consent.classification[];
  done pg_catalog.bool := false;
BEGIN
  SELECT pg_catalog.array_agg(consent.classify(m OPERATOR(pg_catalog.->>) 'body', m OPERATOR(pg_catalog.->>) 'subject',
                                                 (m OPERATOR(pg_catalog.->>) 'channel')::consent.channel) ORDER BY n)
    INTO before FROM pg_catalog.unnest(sampled) WITH ORDINALITY AS s(m, n);
  -- What the change does is undone by the error; variables keep what they have.
  BEGIN
    EXECUTE change;
    SELECT pg_catalog.array_agg(consent.classify(m OPERATOR(pg_catalog.->>) 'body', m OPERATOR(pg_catalog.->>) 'subject',
                                                 (m OPERATOR(pg_catalog.->>) 'channel')::consent.channel) ORDER BY n)
      INTO after FROM pg_catalog.unnest(sampled) WITH ORDINALITY AS s(m, n);
    done := true;
    RAISE EXCEPTION USING ERRCODE = 'PC003', MESSAGE = 'undo';
  EXCEPTION WHEN SQLSTATE 'PC003' THEN
    -- the change may have raised that, too
    IF NOT done THEN
      RAISE;
    END IF;
  END;
  FOR i IN 1 .. COALESCE(pg_catalog.cardinality(sampled), 0) LOOP
    CONTINUE WHEN (before[i]).class OPERATOR(pg_catalog.=) (after[i]).class
              AND (before[i]).rules OPERATOR(pg_catalog.=) (after[i]).rules;
    label := sampled[i] OPERATOR(pg_catalog.->>) 'label';
    body := sampled[i] OPERATOR(pg_catalog.->>) 'body';
    class_before := (before[i]).class;
    class_after := (after[i]).class;
    rules_before := (before[i]).rules;
    rules_after := (after[i]).rules;
    RETURN NEXT;
  END LOOP;
END $$;
COMMENT ON FUNCTION consent.what_if(text, text) IS
  'The messages of a sample (as for rule_stats) that would be classified otherwise if rules were changed. change: a statement on consent.rule, as in UPDATE consent.rule SET weight = 0.5 WHERE code = ''tone.praise''; it is carried out with your rights and undone';
