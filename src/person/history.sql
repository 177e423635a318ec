
-------------------------------------------------------------------------------
-- person: what people may ask to see.
--
-- All in SQL, over the ledger and with the reader's rights.  Kinds of event
-- that this file does not name are shown by their name, so nothing is left out
-- of an answer because it is new.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.event_in_words(event consent.ledger) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE (event).kind
           WHEN 'consent' THEN pg_catalog.format('agreed to %s from %s for %s (%s)', s.channels, s.organisation,
                                                 s.purpose, pg_catalog.replace((event).method, '_', ' '))
           WHEN 'withdrawal' THEN pg_catalog.format('withdrew consent to %s from %s for %s', s.channels, s.organisation, s.purpose)
           WHEN 'objection' THEN pg_catalog.format('objected to %s from %s for %s', s.channels, s.organisation, s.purpose)
           WHEN 'non_objection' THEN pg_catalog.format('does not object to calls from %s', s.organisation)
           WHEN 'soft_opt_in' THEN pg_catalog.format('gave details to %s (%s)', s.organisation,
                                                     pg_catalog.concat_ws(', ', pg_catalog.replace((event).relationship, '_', ' '), (event).product_category))
           WHEN 'request' THEN pg_catalog.format('asked %s for %s by %s', s.organisation, coalesce((event).about, 'information'), s.channels)
           WHEN 'answer' THEN pg_catalog.format('was answered by %s', s.organisation)
           WHEN 'contacted' THEN pg_catalog.format('was first contacted by %s', s.organisation)
           WHEN 'suppression' THEN pg_catalog.format('suppressed %s from %s (%s)', s.channels, s.organisation,
                                                      coalesce((event).about, 'no reason given'))
           WHEN 'unsuppression' THEN pg_catalog.format('suppressed no longer: %s from %s', s.channels, s.organisation)
           WHEN 'subscriber' THEN pg_catalog.format('recorded as held by: %s', pg_catalog.replace((event).subscriber::text, '_', ' '))
           WHEN 'listing' THEN pg_catalog.format('listed on the register %s on %s', pg_catalog.upper((event).register),
                                                 pg_catalog.to_char((event).listed_on, 'FMDD FMMonth YYYY'))
           ELSE pg_catalog.format('%s (%s, %s, %s)', pg_catalog.replace((event).kind, '_', ' '), s.channels, s.organisation, s.purpose)
         END
         || CASE WHEN (event).refused THEN ', refusing marketing'
                 WHEN (event).refusal_offered THEN ', offered to refuse marketing'
                 WHEN (event).kind = 'soft_opt_in' THEN ', without an offer to refuse marketing' ELSE '' END
         || coalesce(', reference ' || (event).reference, '')
         || coalesce(', collected by ' || (event).collected_by, '')
         || coalesce(', naming ' || pg_catalog.array_to_string((event).named_organisations, ', '), '')
         || coalesce(', until ' || pg_catalog.to_char(coalesce((event).expires_at, (event).delisted_on), 'FMDD FMMonth YYYY'), '')
         || coalesce('; does not count: ' || pg_catalog.array_to_string((event).defects, ', '),
                     CASE WHEN (event).effective_at IS NULL THEN '; does not count: nobody knows when' ELSE '' END)
    FROM (SELECT coalesce(pg_catalog.replace(pg_catalog.array_to_string((event).channels, ', '), '_', ' '), 'every channel') AS channels,
                 coalesce((event).organisation, 'every organisation') AS organisation,
                 coalesce((event).purpose, 'all marketing') AS purpose) AS s;
END;
COMMENT ON FUNCTION consent.event_in_words(consent.ledger) IS
  'One event of the ledger as an English sentence without its subject';

CREATE FUNCTION consent.history(contact consent.contact)
  RETURNS TABLE (event_id bigint, form consent.contact, kind text, channels consent.channel[], organisation text, purpose text,
                 effective_at timestamptz, recorded_at timestamptz, recorded_by text, source text,
                 defects text[], in_words text)
  LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
BEGIN ATOMIC
  SELECT l.event_id, l.contact, l.kind, l.channels, l.organisation, l.purpose, l.effective_at, l.recorded_at, l.recorded_by,
         l.source, l.defects, consent.event_in_words(l)
    FROM consent.events_of(history.contact) AS l
  UNION ALL
  SELECT k.event_id, k.contact, CASE WHEN k.linked THEN 'link' ELSE 'unlink' END, NULL, NULL, NULL, NULL, k.recorded_at, k.recorded_by,
         k.source, NULL, pg_catalog.format(CASE WHEN k.linked THEN 'is a contact of %s' ELSE 'is no contact of %s after all' END, k.person)
    FROM consent.person_link AS k
   WHERE k.address OPERATOR(pg_catalog.=) consent.contact_root(history.contact)
   ORDER BY 1;
END;
COMMENT ON FUNCTION consent.history(consent.contact) IS
  'Everything the ledger holds about a contact, in the order of recording: under which form of the address (jo+news@example.com is a form of jo@example.com, and an objection under one reaches all), what was said, what it covered (NULL: all), when, when and by whom recorded, where it came from, what is wrong with it, and the whole in words. Reads with the caller''s rights; a contact without events has no rows';

CREATE FUNCTION consent.event_state(event consent.ledger) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE
           WHEN (event).kind = 'withdrawal' THEN 'dpv:ConsentWithdrawn'
           WHEN (event).kind = 'objection' THEN 'dpv:ConsentRefused'
           WHEN (event).kind <> 'consent' THEN NULL
           WHEN (event).defects IS NOT NULL THEN 'dpv:ConsentInvalidated'
           WHEN (event).expires_at <= pg_catalog.now() THEN 'dpv:ConsentExpired'
           ELSE 'dpv:ConsentGiven'
         END;
END;
COMMENT ON FUNCTION consent.event_state(consent.ledger) IS
  'The consent status, in the W3C Data Privacy Vocabulary, that one event speaks of by itself; NULL: of none. What all events together amount to is consent.evaluate()';

CREATE FUNCTION consent.record(contact consent.contact) RETURNS jsonb
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  WITH event AS (
    SELECT l AS row, l.* FROM consent.events_of(record.contact) AS l),
  party AS (
    SELECT o.name, o.controller, o.jurisdiction
      FROM consent.organisation AS o
     WHERE o.name IN (SELECT e.organisation FROM event AS e
                      UNION SELECT pg_catalog.unnest(e.named_organisations) FROM event AS e)),
  purpose AS (
    SELECT p.name, p.kind
      FROM consent.purpose AS p
     WHERE p.name = 'marketing' OR p.name IN (SELECT e.purpose FROM event AS e)),
  channel AS (
    SELECT DISTINCT c.name
      FROM event AS e,
           pg_catalog.unnest(CASE
             WHEN e.channels IS NOT NULL THEN e.channels
             WHEN e.kind IN ('listing', 'non_objection') THEN '{live_call}'
             WHEN e.kind NOT IN ('subscriber', 'answer', 'contacted') THEN pg_catalog.enum_range(NULL::consent.channel)
           END) AS c(name)),
  -- what a soft opt-in serves, by electronic mail only: PECR reg 22(3)
  product AS (
    SELECT o.name AS party, NULL::text AS category FROM party AS o
    UNION
    SELECT e.organisation, e.product_category FROM event AS e WHERE e.kind = 'soft_opt_in'),
  verdict AS (
    SELECT o.name AS party, c.name AS channel, p.name AS purpose, g.category, d.allowed, d.reason, d.citation, d.event_id
      FROM party AS o
      JOIN product AS g ON g.party = o.name
      JOIN channel AS c ON g.category IS NULL OR c.name IN ('email', 'sms', 'mms', 'voicemail', 'in_app', 'social_dm', 'push')
     CROSS JOIN purpose AS p
     CROSS JOIN consent.evaluate(contact => record.contact, channel => c.name, organisation => o.name, purpose => p.name,
                                 product_category => g.category,
                                 class => CASE WHEN p.kind = 'service_optional' THEN 'service_optional'::consent.message_class
                                               ELSE 'direct_marketing'::consent.message_class END) AS d)
  SELECT pg_catalog.jsonb_build_object(
    '@context', pg_catalog.jsonb_build_object(
      'dpv', 'https://w3id.org/dpv#',
      'dct', 'http://purl.org/dc/terms/',
      'record_id', 'dct:identifier',
      'schema_version', 'dct:conformsTo',
      'pii_principal_id', 'dpv:hasDataSubject',
      'pii_processing', 'dpv:hasProcess',
      'purpose', 'dpv:hasPurpose',
      'pii_controllers', 'dpv:hasDataController',
      'lawful_basis', pg_catalog.jsonb_build_object('@id', 'dpv:hasLegalBasis', '@type', '@id'),
      'privacy_notices', 'dpv:hasNotice',
      'event_time', 'dpv:isIndicatedAtTime',
      'event_state', pg_catalog.jsonb_build_object('@id', 'dpv:hasConsentStatus', '@type', '@id')),
    '@type', 'dpv:ConsentRecord',
    'schema_version', 'ISO/IEC TS 27560:2023',
    'record_id', 'urn:sha256:' || pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(record.contact::text, 'UTF8')), 'hex'),
    'record_time', pg_catalog.now(),
    'pii_principal_id', record.contact::text,
    'pii_type', consent.contact_kind(record.contact),
    'pii_processing', coalesce((
      SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
               'purpose', a.purpose,
               'channels', a.channels,
               'pii_controllers', a.organisations,
               'lawful_basis', 'dpv:Consent',
               'withdrawal_method', 'at any time: consent.withdraw, consent.object, consent.unsubscribe, consent.inbound')
             ORDER BY a.purpose)
        FROM (SELECT v.purpose,
                     pg_catalog.array_agg(DISTINCT v.channel ORDER BY v.channel) AS channels,
                     pg_catalog.array_agg(DISTINCT v.party ORDER BY v.party) AS organisations
                FROM verdict AS v
               WHERE v.reason = 'consent'
               GROUP BY v.purpose) AS a), '[]'),
    'party_identification', coalesce((
      SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
               'party_id', o.name,
               'party_name', coalesce(o.controller, o.name),
               'party_role', 'dpv:DataController',
               'jurisdiction', o.jurisdiction)
             ORDER BY o.name)
        FROM party AS o), '[]'),
    'events', coalesce((
      SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
               'event_id', e.event_id,
               'event_type', e.kind,
               'pii_principal_id', CASE WHEN e.contact OPERATOR(pg_catalog.<>) record.contact THEN e.contact::text END,
               'event_state', consent.event_state(e.row),
               'event_time', e.effective_at,
               'recorded_time', e.recorded_at,
               'entity_id', e.recorded_by,
               'validity_until', e.expires_at,
               'channels', e.channels,
               'party_id', e.organisation,
               'named_parties', e.named_organisations,
               'collected_by', e.collected_by,
               'purpose', e.purpose,
               'collection_method', e.method,
               'privacy_notice', CASE WHEN e.kind NOT IN ('withdrawal', 'objection') THEN consent.wording_digest(e.wording) END,
               'statement', CASE WHEN e.kind IN ('withdrawal', 'objection') THEN e.wording END,
               'source', e.source,
               'evidence', e.evidence,
               'defects', e.defects,
               'product_category', e.product_category,
               'refusal_offered', e.refusal_offered,
               'refused', e.refused,
               'relationship', e.relationship,
               'reference', e.reference,
               'about', e.about,
               'subscriber', e.subscriber,
               'register', e.register,
               'listed_on', e.listed_on,
               'delisted_on', e.delisted_on,
               'in_words', consent.event_in_words(e.row)))
             ORDER BY e.event_id)
        FROM event AS e), '[]'),
    'privacy_notices', coalesce((
      SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('digest', n.digest, 'wording', n.wording, 'events', n.events)
             ORDER BY n.first_event)
        FROM (SELECT consent.wording_digest(e.wording) AS digest, e.wording,
                     pg_catalog.jsonb_agg(e.event_id ORDER BY e.event_id) AS events,
                     pg_catalog.min(e.event_id) AS first_event
                FROM event AS e
               WHERE e.wording IS NOT NULL AND e.kind NOT IN ('withdrawal', 'objection')
               GROUP BY e.wording) AS n), '[]'),
    'status', coalesce((
      SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
               'party_id', v.party,
               'channel', v.channel,
               'purpose', v.purpose,
               'product_category', v.category,
               'allowed', v.allowed,
               'reason', v.reason,
               'citation', v.citation,
               'event_id', v.event_id))
             ORDER BY v.party, v.channel, v.purpose, v.category)
        FROM verdict AS v), '[]'));
END;
COMMENT ON FUNCTION consent.record(consent.contact) IS
  'The consent record of a contact as JSON-LD after ISO/IEC TS 27560:2023 with terms of the W3C Data Privacy Vocabulary: who, for what and by whom, every event, every wording with its SHA-256, and the status now of each organisation, channel, purpose and product category the events name. A contact without events has empty lists. Reads with the caller''s rights';

CREATE FUNCTION consent.receipt(event_id bigint) RETURNS jsonb
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
    'version', 'KI-CR-v1.1.0',
    'jurisdiction', coalesce(o.jurisdiction, 'GB'),
    'consentTimestamp', pg_catalog.floor(EXTRACT(epoch FROM coalesce(l.effective_at, l.recorded_at))),
    'collectionMethod', coalesce(l.method, l.source),
    'consentReceiptID', pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
        pg_catalog.concat_ws(' ', l.event_id, EXTRACT(epoch FROM l.recorded_at), l.contact::text), 'UTF8')), 'hex'), 1, 32)::uuid,
    'language', 'en',
    'piiPrincipalId', l.contact::text,
    'piiControllers', coalesce((
      SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('piiController', coalesce(c.controller, c.name), 'organisation', c.name)
                                  ORDER BY c.name)
        FROM consent.organisation AS c
       WHERE c.name = l.organisation OR c.name = ANY (l.named_organisations)), '[]'),
    'services', pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
      'service', 'messages',
      'channels', coalesce(l.channels, pg_catalog.enum_range(NULL::consent.channel)),
      'purposes', pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
        'purpose', coalesce(l.purpose, 'all marketing'),
        'consentType', CASE WHEN l.kind = 'consent' AND l.defects IS NULL THEN 'EXPLICIT' END,
        'piiCategory', pg_catalog.jsonb_build_array(consent.contact_kind(l.contact)),
        'primaryPurpose', true,
        'termination', coalesce(pg_catalog.to_jsonb(l.expires_at), pg_catalog.to_jsonb('on withdrawal'::text)),
        'thirdPartyDisclosure', l.collected_by IS NOT NULL,
        'thirdPartyName', l.collected_by)))),
    'sensitive', false,
    'event', pg_catalog.jsonb_build_object(
      'event_id', l.event_id,
      'kind', l.kind,
      'state', consent.event_state(l),
      'effective_at', l.effective_at,
      'recorded_at', l.recorded_at,
      'in_words', consent.event_in_words(l),
      'wording', l.wording,
      'wording_digest', consent.wording_digest(l.wording),
      'defects', l.defects)))
    FROM consent.ledger AS l
    LEFT JOIN consent.organisation AS o ON o.name = l.organisation
   WHERE l.event_id = receipt.event_id;
END;
COMMENT ON FUNCTION consent.receipt(bigint) IS
  'A receipt for one event, to hand to the person, in the form of the Kantara Consent Receipt 1.1 with the event itself added. NULL if there is no such event. Reads with the caller''s rights';

REVOKE EXECUTE ON FUNCTION
  consent.event_in_words(consent.ledger),
  consent.event_state(consent.ledger),
  consent.history(consent.contact),
  consent.record(consent.contact),
  consent.receipt(bigint)
FROM PUBLIC;
