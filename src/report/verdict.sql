
-------------------------------------------------------------------------------
-- report: verdicts by the set.
--
-- Everything in this room asks consent.judge(), which asks the same
-- consent_evaluate() as the guard: there is no second copy of the law.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.judge(
  standing consent.standing,
  contact consent.contact,
  channel consent.channel,
  organisation text,
  purpose text DEFAULT 'marketing',
  product_category text DEFAULT NULL,
  at timestamptz DEFAULT NULL,
  known_at timestamptz DEFAULT NULL,
  class consent.message_class DEFAULT 'direct_marketing',
  reference text DEFAULT NULL,
  instigators text[] DEFAULT '{}',
  opt_out_offered boolean DEFAULT true,
  identity_shown boolean DEFAULT true,
  any_category boolean DEFAULT false,
  sender text DEFAULT NULL) RETURNS consent.decision
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_judge';
COMMENT ON FUNCTION consent.judge(consent.standing, consent.contact, consent.channel, text, text, text, timestamptz, timestamptz, consent.message_class, text, text[], boolean, boolean, boolean, text) IS
  'consent.evaluate() by a standing in hand, for whoever judges many at once. A NULL standing: the ledger is asked for it, for this contact alone; at NULL: now; any_category: is there any product for which it would be allowed, by soft opt-in? As for a guard, a service message needs no contact, and no known organisation or purpose';
REVOKE EXECUTE ON FUNCTION consent.judge(consent.standing, consent.contact, consent.channel, text, text, text, timestamptz, timestamptz, consent.message_class, text, text[], boolean, boolean, boolean, text) FROM PUBLIC;

-- Views run with the rights of who reads them: a verdict on part of the ledger
-- would be wrong, and row security on it must hold here too.
CREATE VIEW consent.contact_standing WITH (security_invoker = true) AS
  SELECT a.address AS contact, a.address, a.standing
    FROM consent.address_standing a
   WHERE a.plain
  UNION ALL
  SELECT t.contact, a.address, a.standing
    FROM consent.address_standing a, unnest(a.tagged) AS t(contact)
   WHERE a.tagged IS NOT NULL;
COMMENT ON VIEW consent.contact_standing IS
  'Which contacts does the ledger know, and what do their events amount to? One row per contact';
COMMENT ON COLUMN consent.contact_standing.contact IS 'The contact, with its +tag';
COMMENT ON COLUMN consent.contact_standing.address IS 'The contact without its +tag';
COMMENT ON COLUMN consent.contact_standing.standing IS 'Of the address, for consent.judge()';

CREATE FUNCTION consent.status(allowed boolean, reason text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE
           WHEN allowed THEN 'permitted'
           WHEN reason IN ('no_permission', 'no_lawful_basis', 'consent_missing', 'consent_channel_not_covered',
                           'consent_org_not_named', 'consent_purpose_mismatch') THEN 'never_asked'
           ELSE 'refused'
         END;
END;
COMMENT ON FUNCTION consent.status(boolean, text) IS
  'A verdict in a word. permitted; never_asked: nothing on record is about this channel, organisation and purpose; refused: something on record stands against it, or does not suffice';

-- Counting what consent.judge() would say, without building it: reading the
-- standings once is what counting costs, so several sends are counted together.
CREATE TYPE consent.tally_line AS (send integer, reason text, contacts bigint, examples consent.contact[]);
COMMENT ON TYPE consent.tally_line IS
  'A line of consent.tally(). send: the place of the send in its lists; reason: the verdict; contacts: how many have it; examples: some of them';

CREATE FUNCTION consent.tally_add(internal, consent.standing, consent.contact, consent.channel[], text[], text[], text, consent.message_class, boolean, integer) RETURNS internal
  LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_tally_add';
COMMENT ON FUNCTION consent.tally_add(internal, consent.standing, consent.contact, consent.channel[], text[], text[], text, consent.message_class, boolean, integer) IS
  'Transition function of the aggregate consent.tally';
CREATE FUNCTION consent.tally_combine(internal, internal) RETURNS internal
  LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_tally_combine';
COMMENT ON FUNCTION consent.tally_combine(internal, internal) IS 'Combine function of the aggregate consent.tally';
CREATE FUNCTION consent.tally_serialize(internal) RETURNS bytea
  LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_tally_serialize';
COMMENT ON FUNCTION consent.tally_serialize(internal) IS 'Serialization function of the aggregate consent.tally';
CREATE FUNCTION consent.tally_deserialize(bytea, internal) RETURNS internal
  LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_tally_deserialize';
COMMENT ON FUNCTION consent.tally_deserialize(bytea, internal) IS 'Deserialization function of the aggregate consent.tally';
CREATE FUNCTION consent.tally_final(internal, consent.standing, consent.contact, consent.channel[], text[], text[], text, consent.message_class, boolean, integer) RETURNS consent.tally_line[]
  LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_tally_final';
COMMENT ON FUNCTION consent.tally_final(internal, consent.standing, consent.contact, consent.channel[], text[], text[], text, consent.message_class, boolean, integer) IS
  'Final function of the aggregate consent.tally';
CREATE AGGREGATE consent.tally(
  standing consent.standing, contact consent.contact, channels consent.channel[], organisations text[], purposes text[],
  product_category text, class consent.message_class, any_category boolean, samples integer) (
  SFUNC = consent.tally_add, STYPE = internal, FINALFUNC = consent.tally_final, FINALFUNC_EXTRA,
  COMBINEFUNC = consent.tally_combine, SERIALFUNC = consent.tally_serialize, DESERIALFUNC = consent.tally_deserialize,
  PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.tally(consent.standing, consent.contact, consent.channel[], text[], text[], text, consent.message_class, boolean, integer) IS
  'Verdicts as consent.judge() gives them now, counted by reason, for several sends: channels, organisations and purposes of one length, which go together by place. class NULL: as the purpose''s kind has it; samples: so many examples. All but standing and contact must be constants';
REVOKE EXECUTE ON FUNCTION
  consent.tally_add, consent.tally_combine, consent.tally_serialize, consent.tally_deserialize, consent.tally_final, consent.tally
FROM PUBLIC;

CREATE FUNCTION consent.verdicts(
  channel consent.channel,
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT 'marketing')
  RETURNS TABLE (status text, reason text, citation text, contacts bigint)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
  SELECT consent.status(r.kind = 'basis', r.code), r.code,
         COALESCE((SELECT (consent.policy_in_force(verdicts.organisation)).law), r.citation), v.contacts
    FROM unnest((SELECT consent.tally(s.standing, s.contact, ARRAY[verdicts.channel], ARRAY[verdicts.organisation], ARRAY[verdicts.purpose],
                                      NULL, NULL, true, 0)
                   FROM consent.contact_standing s
                  WHERE consent.ledger_readable())) AS v
    JOIN consent.reason r ON r.code = v.reason
   ORDER BY v.contacts DESC, r.code;
END;
COMMENT ON FUNCTION consent.verdicts(consent.channel, text, text) IS
  'How many contacts of the ledger may be sent marketing now, and how many may not, by reason. A soft opt-in counts if there is any product it serves';
REVOKE EXECUTE ON FUNCTION consent.verdicts(consent.channel, text, text) FROM PUBLIC;

CREATE FUNCTION consent.coverage_of(
  organisations text[] DEFAULT NULL,
  channels consent.channel[] DEFAULT NULL,
  purposes text[] DEFAULT '{marketing}')
  RETURNS TABLE (organisation text, channel consent.channel, purpose text, permitted bigint, soft_opt_in bigint, refused bigint,
                 never_asked bigint, contacts bigint)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 50
BEGIN ATOMIC
  WITH send AS (
    SELECT row_number() OVER (ORDER BY o.name, c.channel, p.name) AS n, o.name AS organisation, c.channel, p.name AS purpose
      FROM consent.organisation o, unnest(COALESCE(coverage_of.channels, enum_range(NULL::consent.channel))) AS c(channel), consent.purpose p
     WHERE (coverage_of.organisations IS NULL OR o.name = ANY (coverage_of.organisations))
       AND (coverage_of.purposes IS NULL OR p.name = ANY (coverage_of.purposes))),
  line AS (
    SELECT v.send, v.contacts, v.reason, consent.status(r.kind = 'basis', v.reason) AS status
      FROM unnest((SELECT consent.tally(s.standing, s.contact, (SELECT array_agg(channel ORDER BY n) FROM send),
                                        (SELECT array_agg(organisation ORDER BY n) FROM send),
                                        (SELECT array_agg(purpose ORDER BY n) FROM send), NULL, NULL, true, 0)
                     FROM consent.contact_standing s
                    WHERE consent.ledger_readable())) AS v
      JOIN consent.reason r ON r.code = v.reason)
  SELECT s.organisation, s.channel, s.purpose,
         COALESCE(sum(l.contacts) FILTER (WHERE l.status = 'permitted'), 0)::bigint,
         COALESCE(sum(l.contacts) FILTER (WHERE l.reason IN ('soft_opt_in', 'charity_soft_opt_in')), 0)::bigint,
         COALESCE(sum(l.contacts) FILTER (WHERE l.status = 'refused'), 0)::bigint,
         COALESCE(sum(l.contacts) FILTER (WHERE l.status = 'never_asked'), 0)::bigint,
         COALESCE(sum(l.contacts), 0)::bigint
    FROM send s LEFT JOIN line l ON l.send = s.n
   GROUP BY s.n, s.organisation, s.channel, s.purpose
   ORDER BY s.n;
END;
COMMENT ON FUNCTION consent.coverage_of(text[], consent.channel[], text[]) IS
  'The rows of consent.coverage for these organisations, channels and purposes; NULL: all. Reads the contacts once for all of them, where the view reads them for each of its rows';
REVOKE EXECUTE ON FUNCTION consent.coverage_of(text[], consent.channel[], text[]) FROM PUBLIC;
