
-------------------------------------------------------------------------------
-- guard: what was decided, and what was kept back.
--
-- The log is one table with a BRIN index, not partitions by time: partitions
-- made at need would be no members of the extension, so that a dump would have
-- them twice or not at all, and somebody would have to make the next one in
-- time or decisions would fail.  Old rows lie together in the heap, the index
-- costs a few pages and next to nothing per row, and consent.expire_log() gives
-- their room back to the rows to come.
-------------------------------------------------------------------------------

-- src/guard/log.c knows the columns by number: add new ones at the end.
CREATE TABLE consent.decision_log (
  decided_at timestamptz NOT NULL,
  relation regclass NOT NULL,
  allowed boolean NOT NULL,
  reason text NOT NULL,
  reasons text[] NOT NULL,
  class consent.message_class,
  declared_class consent.message_class,
  channel consent.channel,
  organisation text,
  purpose text,
  contact consent.contact,
  event_id bigint,
  ruleset text,
  policy text,
  evidence jsonb,
  action text NOT NULL,
  written_by text NOT NULL);
CREATE INDEX decision_log_decided_at ON consent.decision_log USING brin (decided_at) WITH (pages_per_range = 32);
-- Of whom a third party's consent is from, it is looked up what was sent: see
-- src/ledger/sent.c.
CREATE INDEX decision_log_sent ON consent.decision_log (contact) WHERE allowed AND consent.is_marketing(class);
COMMENT ON TABLE consent.decision_log IS
  'Decisions of the guards: every refusal but those that raised (an error takes its own log entry back with it; consent.guard_counters counts those too), and allowances as the guard says (log => none, sample or all). Always logged: a message that its sender called something else than its text shows, one that is no marketing and goes to an address we cannot read, and the first marketing that goes to somebody on a consent which a third party collected';
COMMENT ON COLUMN consent.decision_log.decided_at IS 'When, by the wall clock';
COMMENT ON COLUMN consent.decision_log.relation IS 'The guarded table; a number once it is dropped';
COMMENT ON COLUMN consent.decision_log.allowed IS 'The verdict';
COMMENT ON COLUMN consent.decision_log.reason IS 'The reason code that decided; see consent.reason';
COMMENT ON COLUMN consent.decision_log.reasons IS 'All reason codes found';
COMMENT ON COLUMN consent.decision_log.class IS 'What the message was judged as: what its text shows, or what was declared where that is stricter';
COMMENT ON COLUMN consent.decision_log.declared_class IS 'What the sender called it; NULL if nothing, or nothing we know';
COMMENT ON COLUMN consent.decision_log.channel IS 'By what channel; NULL if it named none we know';
COMMENT ON COLUMN consent.decision_log.organisation IS 'On whose behalf, as the row had it';
COMMENT ON COLUMN consent.decision_log.purpose IS 'For what, as the row had it';
COMMENT ON COLUMN consent.decision_log.contact IS 'To whom: of several the one that was refused; NULL if it could not be read';
COMMENT ON COLUMN consent.decision_log.event_id IS 'The event of consent.ledger it rests on';
COMMENT ON COLUMN consent.decision_log.ruleset IS 'Digest of the classification rules in force';
COMMENT ON COLUMN consent.decision_log.policy IS 'Jurisdiction and version of the row of consent.policy in force, as in GB 1';
COMMENT ON COLUMN consent.decision_log.evidence IS 'Of the classification: rules, score, and whether it asks for review';
COMMENT ON COLUMN consent.decision_log.action IS
  'What became of the row: sent (it stayed), claimed (a worker took it), flagged (it stayed although refused), diverted (stored in its terminal state; an INSERT whose ON CONFLICT becomes an UPDATE is logged for both), quarantined, parked (refused when a worker took it), released or held (consent.release())';
COMMENT ON COLUMN consent.decision_log.written_by IS 'Session user who wrote the row';

CREATE TABLE consent.quarantine (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  relation regclass NOT NULL,
  "row" jsonb NOT NULL,
  reason text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT now(),
  released_at timestamptz,
  reasons text[],
  citation text,
  event_id bigint,
  class consent.message_class,
  guard text,
  released_by text);
COMMENT ON SEQUENCE consent.quarantine_id_seq IS 'Numbers the rows of consent.quarantine';
CREATE INDEX quarantine_held ON consent.quarantine (relation, decided_at) WHERE released_at IS NULL;
COMMENT ON TABLE consent.quarantine IS
  'Refused rows that left their table, kept whole. consent.release(id) judges one again and puts it back if it may go now';
COMMENT ON COLUMN consent.quarantine.id IS 'What consent.release() takes';
COMMENT ON COLUMN consent.quarantine.relation IS 'The table it left: of partitions, the partitioned table; a number once it is dropped';
COMMENT ON COLUMN consent.quarantine."row" IS 'The row, column by column';
COMMENT ON COLUMN consent.quarantine.reason IS 'The reason code that decided; see consent.reason';
COMMENT ON COLUMN consent.quarantine.decided_at IS 'When it was refused';
COMMENT ON COLUMN consent.quarantine.released_at IS 'When it was put back, NULL while it is kept';
COMMENT ON COLUMN consent.quarantine.reasons IS 'All reason codes found';
COMMENT ON COLUMN consent.quarantine.citation IS 'The regulation that the refusal rests on';
COMMENT ON COLUMN consent.quarantine.event_id IS 'The event of consent.ledger it rests on';
COMMENT ON COLUMN consent.quarantine.class IS 'What the message was judged as';
COMMENT ON COLUMN consent.quarantine.guard IS 'The trigger that refused it';
COMMENT ON COLUMN consent.quarantine.released_by IS 'Session user who released it';

CREATE TABLE consent.sweep_log (
  at timestamptz NOT NULL DEFAULT now(),
  contact_digest bytea NOT NULL,
  relation regclass NOT NULL,
  cancelled bigint NOT NULL,
  skipped bigint NOT NULL,
  problem text);
CREATE INDEX sweep_log_at ON consent.sweep_log USING brin (at) WITH (pages_per_range = 32);
COMMENT ON TABLE consent.sweep_log IS
  'What withdrawals and objections did to rows that were waiting to be sent: nothing is written where there were none';
COMMENT ON COLUMN consent.sweep_log.at IS 'When';
COMMENT ON COLUMN consent.sweep_log.contact_digest IS
  'Digest of the contact''s address: int8send(consent.guard_key(address, region)). Whoever has it can try addresses one by one, so it is for readers';
COMMENT ON COLUMN consent.sweep_log.relation IS 'The guarded table that was swept; a number once it is dropped';
COMMENT ON COLUMN consent.sweep_log.cancelled IS 'Rows that were cancelled';
COMMENT ON COLUMN consent.sweep_log.skipped IS
  'Rows that another transaction had locked, because it was sending them, or that could not be changed: left for later, see consent.finish_sweeps()';
COMMENT ON COLUMN consent.sweep_log.problem IS
  'The first error, NULL if there was none; without what stood in it, which may be an address: the server''s log has all of it. If it came before any row was found, the whole table was left alone, and the digest is of one of the contacts';

SELECT pg_catalog.pg_extension_config_dump('consent.decision_log', '');
SELECT pg_catalog.pg_extension_config_dump('consent.quarantine', '');
SELECT pg_catalog.pg_extension_config_dump('consent.quarantine_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('consent.sweep_log', '');

CREATE VIEW consent.disguised_marketing AS
  SELECT l.decided_at, l.relation, l.class, l.declared_class, l.allowed, l.reason, l.reasons, l.channel, l.organisation,
         l.purpose, l.contact, l.event_id, l.ruleset, l.policy, l.evidence, l.action, l.written_by
    FROM consent.decision_log l
   WHERE NOT consent.is_marketing(l.declared_class) AND consent.is_marketing(l.class)
     AND l.class <> 'unknown' AND l.action <> 'claimed';
COMMENT ON VIEW consent.disguised_marketing IS
  'Messages of the log that their senders called something else than marketing, and whose text shows marketing; with the evidence. They are logged whether or not the recipient had agreed';
COMMENT ON COLUMN consent.disguised_marketing.decided_at IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.relation IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.class IS 'What the text shows';
COMMENT ON COLUMN consent.disguised_marketing.declared_class IS 'What the sender called it';
COMMENT ON COLUMN consent.disguised_marketing.allowed IS 'The verdict, judged as marketing';
COMMENT ON COLUMN consent.disguised_marketing.reason IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.reasons IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.channel IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.organisation IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.purpose IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.contact IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.event_id IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.ruleset IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.policy IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.evidence IS 'The rules that found it';
COMMENT ON COLUMN consent.disguised_marketing.action IS 'As in consent.decision_log';
COMMENT ON COLUMN consent.disguised_marketing.written_by IS 'As in consent.decision_log';

-- As the owner: whoever may let the log expire may not pick what goes.
CREATE FUNCTION consent.expire_log(before timestamptz) RETURNS bigint
  LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH decisions AS (DELETE FROM consent.decision_log l WHERE l.decided_at < before
                     RETURNING l.contact, l.organisation, l.decided_at, l.allowed AND consent.is_marketing(l.class) AS sent),
       sweeps AS (DELETE FROM consent.sweep_log s WHERE s.at < before RETURNING 1),
       -- First contact: without it a third party's consent goes stale.  We have
       -- known of it since then, and known_at is to find it.
       contacts AS (
         INSERT INTO consent.ledger (contact, kind, organisation, effective_at, recorded_at, source)
         SELECT DISTINCT d.contact, 'contacted', d.organisation, min(d.decided_at), min(d.decided_at), 'consent.decision_log'
           FROM decisions d
           JOIN consent.organisation o ON o.name = d.organisation
           JOIN consent.ledger c ON c.address = consent.contact_root(d.contact) AND c.contact = d.contact
                                AND c.kind = 'consent' AND c.collected_by IS NOT NULL
                                AND c.collected_by <> d.organisation AND c.effective_at <= d.decided_at
          WHERE d.sent
            AND NOT EXISTS (SELECT FROM consent.ledger k
                             WHERE k.address = c.address AND k.contact = d.contact AND k.kind = 'contacted'
                               AND k.organisation = d.organisation AND k.effective_at BETWEEN c.effective_at AND d.decided_at)
          GROUP BY d.contact, d.organisation, c.event_id
         RETURNING 1)
  SELECT (SELECT count(*) FROM decisions) + (SELECT count(*) FROM sweeps);
END;
COMMENT ON FUNCTION consent.expire_log(timestamptz) IS
  'Deletes what consent.decision_log and consent.sweep_log hold from before a moment; what of it was the first marketing to somebody of whom a third party''s consent is on record stays in the ledger, as an event of kind contacted. Returns how many rows. Run it as often as your retention period asks';
REVOKE EXECUTE ON FUNCTION consent.expire_log(timestamptz) FROM PUBLIC;

CREATE FUNCTION consent.guard_counts(OUT relation regclass, OUT reason text, OUT decisions bigint) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL RESTRICTED
  AS 'MODULE_PATHNAME', 'pg_consent_guard_counts';
COMMENT ON FUNCTION consent.guard_counts() IS
  'What consent.guard_counters shows';

CREATE VIEW consent.guard_counters AS
  SELECT c.relation, r.kind = 'basis' AS allowed, c.reason, c.decisions
    FROM consent.guard_counts() c LEFT JOIN consent.reason r ON r.code = c.reason;
COMMENT ON VIEW consent.guard_counters IS
  'How often each guarded table''s guards decided since the server was started, by reason; also decisions whose statement failed or was rolled back. Empty unless pg_consent is in shared_preload_libraries';
COMMENT ON COLUMN consent.guard_counters.relation IS 'The guarded table; a number once it is dropped';
COMMENT ON COLUMN consent.guard_counters.allowed IS 'Is it a reason to allow?';
COMMENT ON COLUMN consent.guard_counters.reason IS 'The reason code that decided; see consent.reason';
COMMENT ON COLUMN consent.guard_counters.decisions IS 'How often';
GRANT SELECT ON consent.guard_counters TO PUBLIC;
