
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
  'consent.evaluate() by a standing in hand, for whoever judges many at once. A NULL standing: the ledger is asked for it, for this contact alone; at NULL: now; any_category: is there any product for which it would be allowed, by soft opt-in?';
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

CREATE FUNCTION consent.verdicts(
  channel consent.channel,
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT 'marketing')
  RETURNS TABLE (status text, reason text, citation text, contacts bigint)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
  SELECT consent.status(r.kind = 'basis', r.code), r.code,
         COALESCE((SELECT (consent.policy_in_force(verdicts.organisation)).law), r.citation), v.contacts
    FROM (SELECT (consent.judge(s.standing, s.contact, verdicts.channel, verdicts.organisation, verdicts.purpose,
                                class => (SELECT CASE WHEN p.kind = 'service_optional' THEN 'service_optional'::consent.message_class
                                                      ELSE 'direct_marketing'::consent.message_class END
                                            FROM (SELECT 1) AS one LEFT JOIN consent.purpose p ON p.name = verdicts.purpose),
                                any_category => true)).reason, count(*) AS contacts
            FROM consent.contact_standing s
           WHERE consent.ledger_readable()
           GROUP BY 1) v
    JOIN consent.reason r ON r.code = v.reason
   ORDER BY v.contacts DESC, r.code;
END;
COMMENT ON FUNCTION consent.verdicts(consent.channel, text, text) IS
  'How many contacts of the ledger may be sent marketing now, and how many may not, by reason. A soft opt-in counts if there is any product it serves';
REVOKE EXECUTE ON FUNCTION consent.verdicts(consent.channel, text, text) FROM PUBLIC;
