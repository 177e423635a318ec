
-------------------------------------------------------------------------------
-- report: views for analysts.
-------------------------------------------------------------------------------

-- consent.contact_standing unfolds the +tags of every address that has some; here
-- one contact with a tag is looked up in the ledger (ledger_tagged).
CREATE VIEW consent.current WITH (security_invoker = true) AS
  SELECT s.contact, c.channel, o.name AS organisation, p.name AS purpose,
         consent.status(d.allowed, d.reason) AS status, d.reason, d.citation, d.event_id, e.effective_at AS since,
         CASE WHEN d.reason = 'soft_opt_in' THEN e.product_category END AS product_category, d.reasons
    FROM (SELECT a.address AS contact, a.address, a.standing
            FROM consent.address_standing a
           WHERE a.plain
          UNION ALL
          SELECT t.contact, a.address, a.standing
            FROM (SELECT DISTINCT l.contact, l.address FROM consent.ledger l WHERE l.contact <> l.address) t
            JOIN consent.address_standing a ON a.address = t.address) s
   CROSS JOIN consent.organisation o
   CROSS JOIN unnest(enum_range(NULL::consent.channel)) AS c(channel)
   CROSS JOIN consent.purpose p
   CROSS JOIN LATERAL consent.judge(
           s.standing, s.contact, c.channel, o.name, p.name,
           class => CASE WHEN p.kind = 'service_optional' THEN 'service_optional'::consent.message_class
                         ELSE 'direct_marketing'::consent.message_class END,
           any_category => true) AS d
    LEFT JOIN consent.ledger e ON e.event_id = d.event_id AND e.address = s.address
   WHERE consent.ledger_readable();
COMMENT ON VIEW consent.current IS
  'May this contact be sent marketing now, by which channel, from which organisation, for what purpose, and why? One row for each combination, for every contact of the ledger: ask with a WHERE on contact, or on channel and organisation';
COMMENT ON COLUMN consent.current.contact IS 'Who';
COMMENT ON COLUMN consent.current.channel IS 'By what';
COMMENT ON COLUMN consent.current.organisation IS 'From whom';
COMMENT ON COLUMN consent.current.purpose IS 'For what';
COMMENT ON COLUMN consent.current.status IS 'permitted, refused or never_asked';
COMMENT ON COLUMN consent.current.reason IS 'The code that decided: see consent.reason';
COMMENT ON COLUMN consent.current.citation IS 'The regulation';
COMMENT ON COLUMN consent.current.event_id IS 'The event of the ledger it rests on, NULL if none';
COMMENT ON COLUMN consent.current.since IS 'When that event took effect';
COMMENT ON COLUMN consent.current.product_category IS 'For a soft opt-in: what may be advertised';
COMMENT ON COLUMN consent.current.reasons IS 'All codes that were found';

CREATE VIEW consent.coverage WITH (security_invoker = true) AS
  SELECT o.name AS organisation, c.channel, p.name AS purpose,
         COALESCE(sum(v.contacts) FILTER (WHERE v.status = 'permitted'), 0)::bigint AS permitted,
         COALESCE(sum(v.contacts) FILTER (WHERE v.reason IN ('soft_opt_in', 'charity_soft_opt_in')), 0)::bigint AS soft_opt_in,
         COALESCE(sum(v.contacts) FILTER (WHERE v.status = 'refused'), 0)::bigint AS refused,
         COALESCE(sum(v.contacts) FILTER (WHERE v.status = 'never_asked'), 0)::bigint AS never_asked,
         COALESCE(sum(v.contacts), 0)::bigint AS contacts
    FROM consent.organisation o
   CROSS JOIN unnest(enum_range(NULL::consent.channel)) AS c(channel)
   CROSS JOIN consent.purpose p
    LEFT JOIN LATERAL consent.verdicts(c.channel, o.name, p.name) v ON true
   GROUP BY o.name, c.channel, p.name;
COMMENT ON VIEW consent.coverage IS
  'Of the contacts we know, how many may be sent marketing, how many must not, and how many were never asked, per organisation, channel and purpose? Each row judges every contact: name the organisation and channel you ask about';
COMMENT ON COLUMN consent.coverage.organisation IS 'From whom';
COMMENT ON COLUMN consent.coverage.channel IS 'By what';
COMMENT ON COLUMN consent.coverage.purpose IS 'For what';
COMMENT ON COLUMN consent.coverage.permitted IS 'Contacts that may be sent marketing';
COMMENT ON COLUMN consent.coverage.soft_opt_in IS 'Those of them that rest on a soft opt-in: only for what resembles the product sold, or the charity''s own purposes';
COMMENT ON COLUMN consent.coverage.refused IS 'Contacts that something on record stands against, or whose permission does not suffice';
COMMENT ON COLUMN consent.coverage.never_asked IS 'Contacts with nothing on record about this channel, organisation and purpose';
COMMENT ON COLUMN consent.coverage.contacts IS 'All contacts of the ledger, whatever kind of address: what a person said of texts may be on record under their e-mail address, and consent.permitted() names that; consent.contact_kind() tells whom a channel reaches';

CREATE VIEW consent.ruling AS
  SELECT * FROM (VALUES
    ('consent_not_affirmative', 'Digital Growth Experts (ICO 2020; FTT 2023): an automatic opt-in is none'),
    ('consent_preticked', 'Digital Growth Experts (ICO 2020; FTT 2023): an automatic opt-in is none'),
    ('consent_silence', 'Honda Motor Europe (ICO 2017): a status that is not known is not consent'),
    ('consent_bundled', 'HelloFresh (ICO 2024): the statement was bundled with another; Tempcover (ICO 2022)'),
    ('consent_condition_of_service', 'Tempcover (ICO 2022): marketing was a condition of the service; Colour Car Sales (ICO 2021)'),
    ('consent_unfair_incentive', 'HelloFresh (ICO 2024): an inducement was tied to the statement'),
    ('consent_not_informed', 'HelloFresh (ICO 2024): marketing went on for 24 months after cancelling, which was not explained'),
    ('consent_not_granular', 'Colour Car Sales (ICO 2021); Tempcover (ICO 2022): no choice per channel or party'),
    ('consent_unevidenced', 'Vote Leave (ICO 2019): the evidence was gone; Sports Direct (ICO 2021)'),
    ('consent_purpose_mismatch', 'Telegraph Media Group (ICO 2015): a political plea was outside what people signed up for'),
    ('consent_org_not_named', 'Saga (ICO 2021): the consents did not name the sender'),
    ('consent_instigator_not_named', 'Leave.EU and Eldon (UT 2021): another''s offers in an agreed newsletter'),
    ('consent_relationship_ended', 'HelloFresh (ICO 2024): kept mailing after customers had cancelled'),
    ('consent_tainted', 'Virgin Media (ICO 2021): 6,500 who opted back in did not excuse the request'),
    ('third_party_consent_generic', 'Saga (ICO 2021); Quick Tax Claims (ICO 2024): bought lists that do not name the sender'),
    ('third_party_consent_stale', 'ICO direct marketing guidance (2013): first use within six months'),
    ('soi_not_own_collection', 'Quick Tax Claims (ICO 2024): there is no soft opt-in for a bought list'),
    ('soi_no_refusal_at_collection', 'Papa John''s (ICO 2021); Royal Mail (ICO 2022): no opt-out when the details were taken'),
    ('soi_refused_at_collection', 'Halfords (ICO 2022): customers who had opted out cannot be mailed under the soft opt-in')
  ) AS ruling (reason, ruling);
COMMENT ON VIEW consent.ruling IS
  'In which case was a consent or soft opt-in with this defect found not to stand up? Short references to decisions of the Information Commissioner (ICO) and the tribunals (FTT, UT), not to be cited unread';
COMMENT ON COLUMN consent.ruling.reason IS 'The reason code: see consent.reason';
COMMENT ON COLUMN consent.ruling.ruling IS 'The case, and what it said';
GRANT SELECT ON consent.ruling TO PUBLIC;

-- How many bytes of an index's page these take: an index refuses rows that are too
-- long for it, and the ledger must not.
CREATE FUNCTION consent.stored_size(VARIADIC "any") RETURNS integer
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_stored_size';
COMMENT ON FUNCTION consent.stored_size("any") IS
  'How many bytes the values take, before any compression. An index of consent.ledger asks it, so everybody may';

-- Only bad records, those that end, those of +tags and refusals are in these, so
-- the rest costs little: whether a row belongs is asked of every row that is
-- loaded, so it is asked by what is NULL where it will do.  Only consents have
-- defects, and only soft opt-ins a relationship; one of support may be of somebody
-- who is no charity, or older than the law.
-- consent.at_risk finds all it shows in the first, and need not visit the ledger;
-- records that are too long for that are in the second.
CREATE INDEX ledger_doubtful ON consent.ledger (event_id)
  INCLUDE (contact, kind, channels, organisation, purpose, method, product_category, refusal_offered, refused, relationship, collected_by,
           named_organisations, expires_at, effective_at, recorded_at, source, defects)
  WHERE (defects IS NOT NULL OR collected_by IS NOT NULL
         OR (relationship IS NOT NULL AND (refusal_offered IS NOT TRUE OR refused IS NULL OR product_category IS NULL OR relationship = 'support' OR effective_at IS NULL)))
    AND consent.stored_size(contact, kind, channels, organisation, purpose, method, product_category, relationship, collected_by,
                            named_organisations, source, defects) <= 2000;
CREATE INDEX ledger_doubtful_long ON consent.ledger (event_id)
  WHERE (defects IS NOT NULL OR collected_by IS NOT NULL
         OR (relationship IS NOT NULL AND (refusal_offered IS NOT TRUE OR refused IS NULL OR product_category IS NULL OR relationship = 'support' OR effective_at IS NULL)))
    AND consent.stored_size(contact, kind, channels, organisation, purpose, method, product_category, relationship, collected_by,
                            named_organisations, source, defects) > 2000;
CREATE INDEX ledger_ending ON consent.ledger (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX ledger_tagged ON consent.ledger (contact, address) WHERE contact <> address;
CREATE INDEX ledger_third_party ON consent.ledger (effective_at) WHERE collected_by IS NOT NULL;
CREATE INDEX ledger_refusal ON consent.ledger (recorded_at, address) INCLUDE (kind, organisation, effective_at, event_id)
  WHERE kind IN ('withdrawal', 'objection', 'suppression');

-- Without it the planner takes each moment for a day of its own, and sorts.
CREATE STATISTICS consent.ledger_recorded_on ON (consent.london_date(recorded_at)) FROM consent.ledger;
COMMENT ON STATISTICS consent.ledger_recorded_on IS 'On how many days something was recorded, for consent.import_audit';

CREATE FUNCTION consent.record_defects(
  event_id bigint,
  contact consent.contact,
  kind text,
  channels consent.channel[],
  organisation text,
  purpose text,
  method text,
  product_category text,
  refusal_offered boolean,
  refused boolean,
  relationship text,
  collected_by text,
  named_organisations text[],
  expires_at timestamptz,
  effective_at timestamptz,
  recorded_at timestamptz,
  defects text[]) RETURNS text[]
  LANGUAGE C STABLE PARALLEL SAFE COST 10
  AS 'MODULE_PATHNAME', 'pg_consent_record_defects';
COMMENT ON FUNCTION consent.record_defects(bigint, consent.contact, text, consent.channel[], text, text, text, text, boolean, boolean, text, text, text[], timestamptz, timestamptz, timestamptz, text[]) IS
  'What is wrong with a consent or soft opt-in by itself, whatever was said before or after it; NULL: nothing. Its columns as consent.ledger has them. Of a third party''s consent it looks up whether first contact was made in time. Needs SELECT on consent.ledger then';
REVOKE EXECUTE ON FUNCTION consent.record_defects FROM PUBLIC;

-- A record is judged by itself: what was said before or after it does not make
-- it better or worse.  What is wrong with a consent from the start is recorded
-- with it; whether a third party's names its sender and was used in time, and
-- whether a soft opt-in meets its conditions, is asked of the law.
CREATE VIEW consent.at_risk WITH (security_invoker = true) AS
  SELECT e.event_id, e.contact, e.kind, e.organisation, e.channels, e.purpose, e.method, e.collected_by, e.effective_at,
         e.recorded_at, e.source, d.code AS defect, r.citation, u.ruling, r.explanation
    FROM (SELECT l.event_id, l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.refusal_offered,
                 l.refused, l.relationship, l.collected_by, l.named_organisations, l.expires_at, l.effective_at, l.recorded_at, l.source,
                 l.defects
            FROM consent.ledger l
           WHERE consent.ledger_readable()
             AND (l.defects IS NOT NULL OR l.collected_by IS NOT NULL
                  OR (l.relationship IS NOT NULL AND (l.refusal_offered IS NOT TRUE OR l.refused IS NULL OR l.product_category IS NULL OR l.relationship = 'support' OR l.effective_at IS NULL)))
             AND consent.stored_size(l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.relationship, l.collected_by,
                                     l.named_organisations, l.source, l.defects) <= 2000
             AND (l.kind = 'consent' OR l.refused IS NOT TRUE)
          UNION ALL
          SELECT l.event_id, l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.refusal_offered,
                 l.refused, l.relationship, l.collected_by, l.named_organisations, l.expires_at, l.effective_at, l.recorded_at, l.source,
                 l.defects
            FROM consent.ledger l
           WHERE consent.ledger_readable()
             AND (l.defects IS NOT NULL OR l.collected_by IS NOT NULL
                  OR (l.relationship IS NOT NULL AND (l.refusal_offered IS NOT TRUE OR l.refused IS NULL OR l.product_category IS NULL OR l.relationship = 'support' OR l.effective_at IS NULL)))
             AND consent.stored_size(l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.relationship, l.collected_by,
                                     l.named_organisations, l.source, l.defects) > 2000
             AND (l.kind = 'consent' OR l.refused IS NOT TRUE)
          UNION ALL
          SELECT l.event_id, l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.refusal_offered,
                 l.refused, l.relationship, l.collected_by, l.named_organisations, l.expires_at, l.effective_at, l.recorded_at, l.source,
                 l.defects
            FROM (SELECT DISTINCT o.name
                    FROM consent.organisation o JOIN consent.policy p USING (jurisdiction)
                   WHERE p.double_opt_in) o
            JOIN consent.ledger l ON l.organisation = o.name
           WHERE consent.ledger_readable()
             AND l.kind = 'consent' AND l.method <> 'double_opt_in' AND l.defects IS NULL AND l.collected_by IS NULL) e
   CROSS JOIN LATERAL unnest(
          consent.record_defects(
            e.event_id, e.contact, e.kind, e.channels, e.organisation, e.purpose, e.method, e.product_category, e.refusal_offered,
            e.refused, e.relationship, e.collected_by, e.named_organisations, e.expires_at, e.effective_at, e.recorded_at, e.defects)) AS d(code)
    -- Who does not ask for these columns does not pay for them, unless there is a
    -- condition on the whole of the join.
    LEFT JOIN (SELECT DISTINCT ON (code) code, citation, explanation FROM consent.reason) r ON r.code = d.code
    LEFT JOIN (SELECT DISTINCT ON (reason) reason, ruling FROM consent.ruling) u ON u.reason = d.code;
COMMENT ON VIEW consent.at_risk IS
  'Which recorded consents and soft opt-ins would not stand up if somebody asked, for what defect, and in which case was that found? One row per event and defect. They never count when a message is judged; the risk is that somebody believes in them';
COMMENT ON COLUMN consent.at_risk.event_id IS 'The event of the ledger';
COMMENT ON COLUMN consent.at_risk.contact IS 'Whose consent it is said to be';
COMMENT ON COLUMN consent.at_risk.kind IS 'consent or soft_opt_in';
COMMENT ON COLUMN consent.at_risk.organisation IS 'To whom';
COMMENT ON COLUMN consent.at_risk.channels IS 'By what';
COMMENT ON COLUMN consent.at_risk.purpose IS 'For what';
COMMENT ON COLUMN consent.at_risk.method IS 'How it was expressed';
COMMENT ON COLUMN consent.at_risk.collected_by IS 'The third party that collected it, NULL if none';
COMMENT ON COLUMN consent.at_risk.effective_at IS 'When it is said to have been given';
COMMENT ON COLUMN consent.at_risk.recorded_at IS 'When it was recorded';
COMMENT ON COLUMN consent.at_risk.source IS 'Where it came from';
COMMENT ON COLUMN consent.at_risk.defect IS 'What is wrong with it: see consent.reason';
COMMENT ON COLUMN consent.at_risk.citation IS 'The regulation that asks for it';
COMMENT ON COLUMN consent.at_risk.ruling IS 'A case in which it was found not to stand up, NULL if we know of none';
COMMENT ON COLUMN consent.at_risk.explanation IS 'The defect in a sentence';

-- What a jurisdiction sets limits to.  Most set none, and nothing is read; but
-- that the planner cannot know: in the view itself it would count with all that
-- people ever agreed to, and compile (jit) for many times as long as it runs.
CREATE FUNCTION consent.limited_consents()
  RETURNS TABLE (event_id bigint, contact consent.contact, address consent.contact, channels consent.channel[], purpose text, organisation text,
                 named_organisations text[], collected_by text, product_category text)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SET jit = off
BEGIN ATOMIC
  SELECT l.event_id, l.contact, l.address, l.channels, l.purpose, l.organisation, l.named_organisations, l.collected_by, l.product_category
    FROM (SELECT DISTINCT o.name
            FROM consent.organisation o JOIN consent.policy p USING (jurisdiction)
           WHERE p.consent_months > 0 OR p.soft_opt_in_sale_months > 0 OR p.soft_opt_in_negotiation_months > 0
              OR (p.valid_from > now() AND p.valid_from < now() + interval '91 days')) o
    JOIN consent.ledger l ON l.organisation = o.name
   WHERE l.kind IN ('consent', 'soft_opt_in');
END;
COMMENT ON FUNCTION consent.limited_consents() IS
  'The consents and soft opt-ins whose time a jurisdiction limits, or may limit within 91 days: of consent.expiring';
REVOKE EXECUTE ON FUNCTION consent.limited_consents FROM PUBLIC;

-- The law is asked twice, about now and about 90 days on; the day between is
-- found by asking about every day; at this time of day in London, for the
-- session's clock may change in between.
CREATE VIEW consent.expiring WITH (security_invoker = true) AS
  SELECT e.contact, e.organisation, e.channel, e.purpose, e.event_id, (j.d).reason AS basis,
         (now() AT TIME ZONE 'Europe/London')::date + x.day AS ends_on, x.day AS days_left, (j.later).reason AS then_reason
    FROM (SELECT l.event_id, l.contact, l.address, l.channels, l.purpose, l.organisation, l.named_organisations, l.collected_by, l.product_category
            FROM consent.ledger l
           WHERE l.kind = 'consent' AND l.expires_at IS NOT NULL AND l.expires_at > now()
             AND l.expires_at <= ((now() AT TIME ZONE 'Europe/London') + interval '90 days') AT TIME ZONE 'Europe/London'
          UNION
          -- Long before today they went stale or were used in time, unless a
          -- jurisdiction limits every consent, or is about to change its mind.
          SELECT l.event_id, l.contact, l.address, l.channels, l.purpose, l.organisation, l.named_organisations, l.collected_by, l.product_category
            FROM consent.ledger l
           WHERE l.kind = 'consent' AND l.collected_by IS NOT NULL
             AND l.effective_at <= now() AND l.effective_at >= (
                 SELECT CASE WHEN bool_or(p.consent_months > 0 OR p.valid_from > now()) THEN '-infinity'
                             ELSE now() - make_interval(months => max(p.third_party_months)) - interval '5 days' END
                   FROM consent.policy p
                  WHERE p.jurisdiction IN (SELECT o.jurisdiction FROM consent.organisation o))
          UNION
          SELECT l.* FROM consent.limited_consents() l) c
   CROSS JOIN LATERAL (
         SELECT c.event_id, c.contact, c.address, COALESCE(c.purpose, 'marketing') AS purpose, c.product_category, n.organisation, h.channel
           FROM (SELECT c.organisation UNION SELECT unnest(c.named_organisations)) AS n(organisation),
                unnest(COALESCE(c.channels, enum_range('email'::consent.channel, 'push'))) AS h(channel)) e
    -- Looked up one by one: few consents end, and a hash of all standings is big.
   CROSS JOIN LATERAL (SELECT a.standing FROM consent.address_standing a WHERE a.address = e.address OFFSET 0) s
   CROSS JOIN LATERAL (
         SELECT consent.judge(s.standing, e.contact, e.channel, e.organisation, e.purpose, e.product_category) AS d,
                consent.judge(s.standing, e.contact, e.channel, e.organisation, e.purpose, e.product_category,
                              ((now() AT TIME ZONE 'Europe/London') + interval '90 days') AT TIME ZONE 'Europe/London') AS later
         OFFSET 0) j
   CROSS JOIN LATERAL (
         SELECT day
           FROM generate_series(1, 90) AS day
          WHERE NOT (consent.judge(s.standing, e.contact, e.channel, e.organisation, e.purpose, e.product_category,
                                   ((now() AT TIME ZONE 'Europe/London') + day * interval '1 day') AT TIME ZONE 'Europe/London')).allowed
          ORDER BY day LIMIT 1) x
   WHERE consent.ledger_readable() AND (j.d).allowed AND (j.d).event_id = e.event_id AND NOT (j.later).allowed;
COMMENT ON VIEW consent.expiring IS
  'Whose permission for marketing ends within 90 days if nothing is done, when, and why? By its own date, by the six months of a third party''s consent, or by the limits of a jurisdiction';
COMMENT ON COLUMN consent.expiring.contact IS 'Whose';
COMMENT ON COLUMN consent.expiring.organisation IS 'To whom';
COMMENT ON COLUMN consent.expiring.channel IS 'By what';
COMMENT ON COLUMN consent.expiring.purpose IS 'For what';
COMMENT ON COLUMN consent.expiring.event_id IS 'The event of the ledger it rests on today';
COMMENT ON COLUMN consent.expiring.basis IS 'Why a message is allowed today';
COMMENT ON COLUMN consent.expiring.ends_on IS 'The first day (in the United Kingdom) at this time of which it is allowed no longer';
COMMENT ON COLUMN consent.expiring.days_left IS 'Days until then';
COMMENT ON COLUMN consent.expiring.then_reason IS 'Why it is refused in 90 days: see consent.reason';

CREATE VIEW consent.withdrawal_latency WITH (security_invoker = true) AS
  SELECT l.event_id, l.contact, l.kind, l.organisation, l.channels, l.source, l.effective_at AS said_at, l.recorded_at AS in_effect_at,
         l.recorded_at - l.effective_at AS latency
    FROM consent.ledger l
   WHERE l.kind IN ('withdrawal', 'objection');
COMMENT ON VIEW consent.withdrawal_latency IS
  'How long did it take from what a person said to its taking effect? A withdrawal or objection is in effect for every message from the moment it is recorded';
COMMENT ON COLUMN consent.withdrawal_latency.event_id IS 'The event of the ledger';
COMMENT ON COLUMN consent.withdrawal_latency.contact IS 'Who said it';
COMMENT ON COLUMN consent.withdrawal_latency.kind IS 'withdrawal or objection';
COMMENT ON COLUMN consent.withdrawal_latency.organisation IS 'To whom; NULL: every organisation';
COMMENT ON COLUMN consent.withdrawal_latency.channels IS 'By what; NULL: every channel';
COMMENT ON COLUMN consent.withdrawal_latency.source IS 'Where it came from';
COMMENT ON COLUMN consent.withdrawal_latency.said_at IS 'When it was said; when it was recorded, if nobody knows';
COMMENT ON COLUMN consent.withdrawal_latency.in_effect_at IS 'When it was recorded';
COMMENT ON COLUMN consent.withdrawal_latency.latency IS 'The time between; none if nobody knows when it was said';
