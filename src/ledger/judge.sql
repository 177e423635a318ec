
-------------------------------------------------------------------------------
-- ledger: verdicts on what it holds.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.evaluate(
  contact consent.contact,
  channel consent.channel,
  organisation text DEFAULT consent.default_organisation(),
  class consent.message_class DEFAULT 'direct_marketing',
  purpose text DEFAULT 'marketing',
  at timestamptz DEFAULT now(),
  known_at timestamptz DEFAULT NULL,
  reference text DEFAULT NULL,
  product_category text DEFAULT NULL,
  instigators text[] DEFAULT '{}',
  opt_out_offered boolean DEFAULT true,
  identity_shown boolean DEFAULT true,
  sender text DEFAULT NULL) RETURNS consent.decision
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_evaluate';
COMMENT ON FUNCTION consent.evaluate(consent.contact, consent.channel, text, consent.message_class, text, timestamptz, timestamptz, text, text, text[], boolean, boolean, text) IS
  'May this be sent? at: events with effective_at <= at count; known_at: only what had been recorded by then; instigators: others on whose behalf it is sent; opt_out_offered, identity_shown: does the message carry them (PECR reg 23); reference: the request that a solicited_response answers; product_category: what is advertised, for the soft opt-in; sender: a contractor that transmits it for the organisation, whose written contract must be in consent.contractor. An unknown organisation or purpose is refused whatever the class, for who asks should know of it; a guard, which must not hold up a receipt for that, lets service, regulatory and public_task messages through, and so does consent.exposure()';

CREATE FUNCTION consent.may_send(
  contact consent.contact,
  channel consent.channel,
  organisation text DEFAULT consent.default_organisation(),
  class consent.message_class DEFAULT 'direct_marketing',
  purpose text DEFAULT 'marketing',
  at timestamptz DEFAULT now(),
  known_at timestamptz DEFAULT NULL,
  reference text DEFAULT NULL,
  product_category text DEFAULT NULL,
  instigators text[] DEFAULT '{}',
  opt_out_offered boolean DEFAULT true,
  identity_shown boolean DEFAULT true,
  sender text DEFAULT NULL) RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_may_send';
COMMENT ON FUNCTION consent.may_send(consent.contact, consent.channel, text, consent.message_class, text, timestamptz, timestamptz, text, text, text[], boolean, boolean, text) IS
  'consent.evaluate(...).allowed; never NULL';

CREATE FUNCTION consent.permits_support(internal) RETURNS internal
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_permits_support';
COMMENT ON FUNCTION consent.permits_support(internal) IS
  'Tells the planner how many contacts consent.permits() lets through: about half';

CREATE FUNCTION consent.permits(consent.standing, consent.contact, consent.channel, text, text, text, timestamptz) RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE SUPPORT consent.permits_support
  AS 'MODULE_PATHNAME', 'pg_consent_permits';
COMMENT ON FUNCTION consent.permits(consent.standing, consent.contact, consent.channel, text, text, text, timestamptz) IS
  'By this standing of the address, would direct marketing to this form of it, by this channel, organisation and purpose, for this product category, be allowed at that time? NULL: now';

CREATE FUNCTION consent.ledger_readable() RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_ledger_readable';
COMMENT ON FUNCTION consent.ledger_readable() IS
  'true if the current user may read all of consent.ledger, else an error (42501): a verdict on part of it would be wrong';

CREATE FUNCTION consent.permitted(
  channel consent.channel,
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT 'marketing',
  product_category text DEFAULT NULL) RETURNS SETOF consent.contact
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 100000
BEGIN ATOMIC
  SELECT a.address
    FROM consent.address_standing a
   WHERE a.plain AND consent.ledger_readable()
     AND consent.permits(a.standing, a.address, permitted.channel, permitted.organisation, permitted.purpose,
                         permitted.product_category, NULL)
  UNION ALL
  SELECT c.contact
    FROM consent.address_standing a, unnest(a.tagged) AS c(contact)
   WHERE a.tagged IS NOT NULL AND consent.ledger_readable()
     AND consent.permits(a.standing, c.contact, permitted.channel, permitted.organisation, permitted.purpose,
                         permitted.product_category, NULL);
END;
COMMENT ON FUNCTION consent.permitted(consent.channel, text, text, text) IS
  'The campaign filter: every contact of the ledger that direct marketing may be sent to now; product_category says what is advertised, for the soft opt-in. The planner sees through it in FROM, as in JOIN consent.permitted(''email'', ''acme'') p ON p = c.email, and, once the session has loaded the library, where it is all that is selected, as in IN (SELECT consent.permitted(''email'', ''acme''))';

-- They read the ledger with the caller's rights.
REVOKE EXECUTE ON FUNCTION
  consent.permits(consent.standing, consent.contact, consent.channel, text, text, text, timestamptz),
  consent.evaluate(consent.contact, consent.channel, text, consent.message_class, text, timestamptz, timestamptz, text, text, text[], boolean, boolean, text),
  consent.may_send(consent.contact, consent.channel, text, consent.message_class, text, timestamptz, timestamptz, text, text, text[], boolean, boolean, text),
  consent.permitted(consent.channel, text, text, text)
FROM PUBLIC;
