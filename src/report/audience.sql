
-------------------------------------------------------------------------------
-- report: audiences, as sets that can be stored, compared and filtered by.
-------------------------------------------------------------------------------

CREATE TYPE consent.audience;
CREATE FUNCTION consent.audience_in(cstring) RETURNS consent.audience
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_audience_in';
COMMENT ON FUNCTION consent.audience_in(cstring) IS 'Reads {1,4-9,12}: numbers and ranges of numbers';
CREATE FUNCTION consent.audience_out(consent.audience) RETURNS cstring
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_audience_out';
COMMENT ON FUNCTION consent.audience_out(consent.audience) IS 'Writes {1,4-9,12}: numbers and ranges of numbers';
CREATE TYPE consent.audience (
  INPUT = consent.audience_in,
  OUTPUT = consent.audience_out,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = double,
  STORAGE = external);
COMMENT ON TYPE consent.audience IS
  'A set of contacts by their numbers (consent.contact_id), compressed: about a byte for every eight events of the ledger at most. Store it, compare it, filter by it';

CREATE FUNCTION consent.audience_union(consent.audience, consent.audience) RETURNS consent.audience
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_union';
COMMENT ON FUNCTION consent.audience_union(consent.audience, consent.audience) IS 'a | b: whoever is in either';
CREATE FUNCTION consent.audience_intersection(consent.audience, consent.audience) RETURNS consent.audience
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_intersection';
COMMENT ON FUNCTION consent.audience_intersection(consent.audience, consent.audience) IS 'a & b: whoever is in both';
CREATE FUNCTION consent.audience_difference(consent.audience, consent.audience) RETURNS consent.audience
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_difference';
COMMENT ON FUNCTION consent.audience_difference(consent.audience, consent.audience) IS 'a - b: whoever is in the first and not in the second';
CREATE FUNCTION consent.audience_eq(consent.audience, consent.audience) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_eq';
COMMENT ON FUNCTION consent.audience_eq(consent.audience, consent.audience) IS 'a = b: the same members';
CREATE FUNCTION consent.audience_ne(consent.audience, consent.audience) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_ne';
COMMENT ON FUNCTION consent.audience_ne(consent.audience, consent.audience) IS 'a <> b: not the same members';
CREATE FUNCTION consent.audience_has(bigint, consent.audience) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_has';
COMMENT ON FUNCTION consent.audience_has(bigint, consent.audience) IS 'number <@ audience: is it a member? NULL, a number that is not known, is none';
CREATE FUNCTION consent.audience_holds(consent.audience, bigint) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_holds';
COMMENT ON FUNCTION consent.audience_holds(consent.audience, bigint) IS 'audience @> number: is it a member?';
CREATE FUNCTION consent.count(consent.audience) RETURNS bigint
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_count';
COMMENT ON FUNCTION consent.count(consent.audience) IS 'How many members has it? Without reading it';
CREATE FUNCTION consent.numbers(consent.audience) RETURNS SETOF bigint
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100000 AS 'MODULE_PATHNAME', 'pg_consent_audience_numbers';
COMMENT ON FUNCTION consent.numbers(consent.audience) IS 'Its members'' numbers, in order';

CREATE OPERATOR pg_catalog.| (LEFTARG = consent.audience, RIGHTARG = consent.audience, FUNCTION = consent.audience_union, COMMUTATOR = OPERATOR(pg_catalog.|));
CREATE OPERATOR pg_catalog.& (LEFTARG = consent.audience, RIGHTARG = consent.audience, FUNCTION = consent.audience_intersection, COMMUTATOR = OPERATOR(pg_catalog.&));
CREATE OPERATOR pg_catalog.- (LEFTARG = consent.audience, RIGHTARG = consent.audience, FUNCTION = consent.audience_difference);
CREATE OPERATOR pg_catalog.= (LEFTARG = consent.audience, RIGHTARG = consent.audience, FUNCTION = consent.audience_eq,
  COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>), RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR pg_catalog.<> (LEFTARG = consent.audience, RIGHTARG = consent.audience, FUNCTION = consent.audience_ne,
  COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=), RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR pg_catalog.<@ (LEFTARG = bigint, RIGHTARG = consent.audience, FUNCTION = consent.audience_has, COMMUTATOR = OPERATOR(pg_catalog.@>));
CREATE OPERATOR pg_catalog.@> (LEFTARG = consent.audience, RIGHTARG = bigint, FUNCTION = consent.audience_holds, COMMUTATOR = OPERATOR(pg_catalog.<@));

COMMENT ON OPERATOR pg_catalog.| (consent.audience, consent.audience) IS 'union: whoever is in either';
COMMENT ON OPERATOR pg_catalog.& (consent.audience, consent.audience) IS 'intersection: whoever is in both';
COMMENT ON OPERATOR pg_catalog.- (consent.audience, consent.audience) IS 'difference: whoever is in the first only';
COMMENT ON OPERATOR pg_catalog.= (consent.audience, consent.audience) IS 'equal: the same members';
COMMENT ON OPERATOR pg_catalog.<> (consent.audience, consent.audience) IS 'not equal';
COMMENT ON OPERATOR pg_catalog.<@ (bigint, consent.audience) IS 'is a member of';
COMMENT ON OPERATOR pg_catalog.@> (consent.audience, bigint) IS 'has the member';

CREATE FUNCTION consent.audience_add(internal, bigint) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_add';
COMMENT ON FUNCTION consent.audience_add(internal, bigint) IS 'Transition function of the aggregate consent.audience_of';
CREATE FUNCTION consent.audience_combine(internal, internal) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_combine';
COMMENT ON FUNCTION consent.audience_combine(internal, internal) IS 'Combine function of the aggregate consent.audience_of';
CREATE FUNCTION consent.audience_serialize(internal) RETURNS bytea
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_serialize';
COMMENT ON FUNCTION consent.audience_serialize(internal) IS 'Serialization function of the aggregate consent.audience_of';
CREATE FUNCTION consent.audience_deserialize(bytea, internal) RETURNS internal
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_deserialize';
COMMENT ON FUNCTION consent.audience_deserialize(bytea, internal) IS 'Deserialization function of the aggregate consent.audience_of';
CREATE FUNCTION consent.audience_final(internal) RETURNS consent.audience
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_final';
COMMENT ON FUNCTION consent.audience_final(internal) IS 'Final function of the aggregate consent.audience_of';
CREATE AGGREGATE consent.audience_of(bigint) (
  SFUNC = consent.audience_add, STYPE = internal, FINALFUNC = consent.audience_final,
  COMBINEFUNC = consent.audience_combine, SERIALFUNC = consent.audience_serialize, DESERIALFUNC = consent.audience_deserialize,
  PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.audience_of(bigint) IS 'The audience of these contact numbers; NULLs are left out';
CREATE FUNCTION consent.audience_merge(internal, consent.audience) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_merge';
COMMENT ON FUNCTION consent.audience_merge(internal, consent.audience) IS 'Transition function of the aggregate consent.union_of';
CREATE AGGREGATE consent.union_of(consent.audience) (
  SFUNC = consent.audience_merge, STYPE = internal, FINALFUNC = consent.audience_final,
  COMBINEFUNC = consent.audience_combine, SERIALFUNC = consent.audience_serialize, DESERIALFUNC = consent.audience_deserialize,
  PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.union_of(consent.audience) IS 'Whoever is in one of these audiences; NULLs are left out';
-- Only the aggregates may hand them their state.
REVOKE EXECUTE ON FUNCTION
  consent.audience_add(internal, bigint), consent.audience_merge(internal, consent.audience), consent.audience_combine(internal, internal), consent.audience_serialize(internal),
  consent.audience_deserialize(bytea, internal), consent.audience_final(internal)
FROM PUBLIC;

CREATE FUNCTION consent.contact_number(consent.standing, consent.contact) RETURNS bigint
  LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_contact_number';
COMMENT ON FUNCTION consent.contact_number(consent.standing, consent.contact) IS
  'consent.contact_id() by the standing of the address';

CREATE FUNCTION consent.contact_id(contact consent.contact) RETURNS bigint
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT min(l.event_id)
    FROM consent.ledger l
   WHERE l.address = consent.contact_root(contact_id.contact) AND l.contact = contact_id.contact;
END;
COMMENT ON FUNCTION consent.contact_id(consent.contact) IS
  'The number of a contact, to store beside it: the id of the first event that the ledger has of it. It never changes and is never used again. NULL while the ledger has none, and then no audience has it';

CREATE FUNCTION consent.audience(
  channel consent.channel,
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT 'marketing',
  product_category text DEFAULT NULL,
  at timestamptz DEFAULT NULL) RETURNS consent.audience
  LANGUAGE sql STABLE PARALLEL SAFE COST 1000000
BEGIN ATOMIC
  SELECT consent.audience_of(consent.contact_number(s.standing, s.contact))
    FROM consent.contact_standing s
   WHERE consent.ledger_readable()
     AND consent.permits(s.standing, s.contact, audience.channel, audience.organisation, audience.purpose,
                         audience.product_category, audience.at);
END;
COMMENT ON FUNCTION consent.audience(consent.channel, text, text, text, timestamptz) IS
  'The contacts that consent.permitted() returns, as a set; at: at another time than now. In a WHERE put it into a sub-select, which is asked once: c.contact_id <@ (SELECT consent.audience(''email'', ''acme''))';

CREATE FUNCTION consent.unnest(consent.audience) RETURNS SETOF consent.contact
  LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100000
BEGIN ATOMIC
  SELECT l.contact FROM consent.numbers($1) AS n(number) JOIN consent.ledger l ON l.event_id = n.number;
END;
COMMENT ON FUNCTION consent.unnest(consent.audience) IS
  'The contacts of an audience. Reads the ledger with the caller''s rights';

CREATE FUNCTION consent.sample_add(internal, anyelement, integer) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_sample_add';
COMMENT ON FUNCTION consent.sample_add(internal, anyelement, integer) IS 'Transition function of the aggregate consent.sample';
CREATE FUNCTION consent.sample_final(internal, anyelement, integer) RETURNS anyarray
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_sample_final';
COMMENT ON FUNCTION consent.sample_final(internal, anyelement, integer) IS 'Final function of the aggregate consent.sample';
CREATE AGGREGATE consent.sample(anyelement, integer) (
  SFUNC = consent.sample_add, STYPE = internal, FINALFUNC = consent.sample_final, FINALFUNC_EXTRA, PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.sample(anyelement, integer) IS 'So many of the values, the first that come';
REVOKE EXECUTE ON FUNCTION consent.sample_add(internal, anyelement, integer), consent.sample_final(internal, anyelement, integer) FROM PUBLIC;

CREATE FUNCTION consent.why_not(
  channel consent.channel,
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT 'marketing',
  product_category text DEFAULT NULL,
  samples integer DEFAULT 5)
  RETURNS TABLE (reason text, contacts bigint, citation text, explanation text, examples consent.contact[])
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
  SELECT r.code, v.contacts, COALESCE((SELECT (consent.policy_in_force(why_not.organisation)).law), r.citation), r.explanation, v.examples
    FROM unnest((SELECT consent.tally(s.standing, s.contact, ARRAY[why_not.channel], ARRAY[why_not.organisation], ARRAY[why_not.purpose],
                                      why_not.product_category, 'direct_marketing', false, why_not.samples)
                   FROM consent.contact_standing s
                  WHERE consent.ledger_readable())) AS v
    JOIN consent.reason r ON r.code = v.reason AND r.kind = 'refusal'
   ORDER BY v.contacts DESC, r.code;
END;
COMMENT ON FUNCTION consent.why_not(consent.channel, text, text, text, integer) IS
  'Why are the others not in consent.permitted()? One row per reason, with some of the contacts';

CREATE FUNCTION consent.preflight(
  audience text,
  body text,
  subject text DEFAULT NULL,
  channel consent.channel DEFAULT 'email',
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT 'marketing',
  product_category text DEFAULT NULL,
  recipient text DEFAULT NULL,
  class text DEFAULT NULL,
  sender text DEFAULT NULL,
  samples integer DEFAULT 5) RETURNS jsonb
  LANGUAGE plpgsql STABLE
AS $$
DECLARE
  found consent.classification := consent.classify(body, subject, channel);
  judged consent.message_class := consent.class_to_judge(found.class, preflight.class);
  relation pg_catalog.regclass;
  source pg_catalog.text;
  answer pg_catalog.jsonb;
BEGIN
  IF audience OPERATOR(pg_catalog.~) '^\s*[[:alnum:]_."]+\s*$' THEN
    relation := audience::pg_catalog.regclass;
    IF recipient IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
        MESSAGE = 'preflight of a table needs to know where the recipient is',
        HINT = 'recipient is an expression over its rows, such as recipient => ''email''.';
    END IF;
    source := pg_catalog.format('SELECT (%s)::pg_catalog.text AS recipient FROM %s', recipient, relation);
  ELSE
    source := pg_catalog.format('SELECT (%s)::pg_catalog.text AS recipient FROM (%s) AS q(recipient)', COALESCE(recipient, 'q.recipient'), audience);
  END IF;
  EXECUTE pg_catalog.format($query$
    WITH recipient AS (
      SELECT t.contact, CASE WHEN t.contact IS NULL THEN t.recipient END AS unreadable, pg_catalog.count(*) AS messages
        FROM (SELECT s.recipient, consent.try_contact(s.recipient) AS contact, pg_catalog.generate_series(1, 1) AS read_once FROM (%s) s) t
       GROUP BY 1, 2),
    judged AS (
      SELECT consent.judge(a.standing, r.contact, $1, $2, $3, $4, class => $5, sender => $6) AS d, r.contact, r.unreadable, r.messages
        FROM recipient r
        LEFT JOIN consent.address_standing a ON a.address OPERATOR(pg_catalog.=) consent.contact_root(r.contact)
       WHERE consent.ledger_readable() OFFSET 0),
    -- All +tag forms of an address are one person, so there may be fewer in the whole than in its parts together.
    reason AS (
      SELECT g.reason, g.allowed, GROUPING(g.reason) OPERATOR(pg_catalog.=) 1 AS whole, pg_catalog.sum(g.messages) AS messages,
             pg_catalog.count(DISTINCT consent.contact_root(g.contact)) OPERATOR(pg_catalog.+) pg_catalog.count(g.unreadable) AS people,
             COALESCE(pg_catalog.sum(g.messages) FILTER (WHERE g.sent_to IS NOT NULL), 0) AS addressed, consent.sample(g.sent_to, $7) AS examples
        FROM (SELECT j.*, COALESCE(j.contact::pg_catalog.text, j.unreadable) AS sent_to, (j.d).allowed AS allowed,
                     CASE WHEN (j.d).reason OPERATOR(pg_catalog.=) 'recipient_unknown' AND j.unreadable IS NOT NULL THEN 'recipient_unreadable' ELSE (j.d).reason END AS reason
                FROM judged j) g
       GROUP BY GROUPING SETS ((1, 2), ()))
    SELECT pg_catalog.jsonb_build_object(
             'audience', COALESCE(w.messages, 0),
             'people', w.people,
             'duplicates', w.addressed OPERATOR(pg_catalog.-) w.people,
             'permitted', COALESCE((SELECT pg_catalog.sum(messages) FROM reason WHERE allowed), 0),
             'refused', COALESCE((SELECT pg_catalog.sum(messages) FROM reason WHERE NOT allowed), 0),
             'permitted_by', COALESCE((SELECT pg_catalog.jsonb_object_agg(reason, messages) FROM reason WHERE allowed), '{}'),
             'refused_for', COALESCE((
               SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                        'reason', x.reason, 'messages', x.messages, 'people', x.people, 'citation', r.citation,
                        'explanation', r.explanation, 'examples', x.examples) ORDER BY x.messages DESC, x.reason)
                 FROM reason x LEFT JOIN consent.reason r ON r.code OPERATOR(pg_catalog.=) x.reason WHERE NOT x.allowed), '[]'))
      FROM reason w WHERE w.whole
    $query$, source)
    INTO answer
    USING channel, organisation, purpose, product_category, judged, sender, samples;
  RETURN pg_catalog.jsonb_build_object(
    'class', found.class, 'judged_as', judged, 'is_marketing', consent.is_marketing(judged), 'score', pg_catalog.round(found.score::numeric, 2),
    'needs_review', found.needs_review, 'rules', pg_catalog.to_jsonb(found.rules),
    'evidence', COALESCE((SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(e) ORDER BY e.part DESC, e.start) FROM consent.evidence(body, subject, channel) e), '[]'),
    'channel', channel, 'organisation', organisation, 'purpose', purpose) OPERATOR(pg_catalog.||) answer;
END;
$$;
COMMENT ON FUNCTION consent.preflight(text, text, text, consent.channel, text, text, text, text, text, text, integer) IS
  'A campaign before anything is queued: what the message is, with the rows of consent.evidence(), some of which have no place; how many it would go to; how many may not be sent it, by reason, with examples. people: addresses, all +tag forms of one together; duplicates: messages beyond one for each. audience: a query whose first column is the recipient, or a table, and recipient the expression over its rows. class: what the sender would declare. Runs with the caller''s rights. Nothing is stored';

REVOKE EXECUTE ON FUNCTION
  consent.contact_id(consent.contact),
  consent.audience(consent.channel, text, text, text, timestamptz),
  consent.unnest(consent.audience),
  consent.why_not(consent.channel, text, text, text, integer),
  consent.preflight(text, text, text, consent.channel, text, text, text, text, text, text, integer)
FROM PUBLIC;
