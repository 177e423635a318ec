
-------------------------------------------------------------------------------
-- contact: one address, canonical.
--
-- The operators live in pg_catalog.  An operator is looked up by name through
-- search_path, and IN (SELECT consent.permitted(...)) must work for people who
-- have never heard of the schema consent.
--
-- No cast is implicit: contact = text must be an error, because the text may be
-- another spelling of the same address.
-------------------------------------------------------------------------------

CREATE TYPE consent.contact;

CREATE FUNCTION consent.contact_in(cstring) RETURNS consent.contact
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_in';
COMMENT ON FUNCTION consent.contact_in(cstring) IS
  'text input; STABLE because a national telephone number is read by setting pg_consent.default_region';

CREATE FUNCTION consent.contact_out(consent.contact) RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_out';
COMMENT ON FUNCTION consent.contact_out(consent.contact) IS
  'text output: the canonical spelling';

CREATE FUNCTION consent.contact_recv(internal) RETURNS consent.contact
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_recv';
COMMENT ON FUNCTION consent.contact_recv(internal) IS
  'binary input: the text in the client encoding, read like any other input';

CREATE FUNCTION consent.contact_send(consent.contact) RETURNS bytea
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_send';
COMMENT ON FUNCTION consent.contact_send(consent.contact) IS
  'binary output: the canonical spelling in the client encoding';

CREATE TYPE consent.contact (
  INPUT = consent.contact_in,
  OUTPUT = consent.contact_out,
  RECEIVE = consent.contact_recv,
  SEND = consent.contact_send,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = int4,
  STORAGE = extended
);
COMMENT ON TYPE consent.contact IS
  'one address in its canonical spelling: e-mail with lower-case local part and A-label domain, telephone number in E.164, device:, account: or postal: with up to 512 bytes; anything else is 22P02, among it lists of addresses, comments, extensions, short codes, network addresses for domains, and invisible or unassigned characters. Stored values never change; but a number outside the built-in table of countries is checked against the installed libphonenumber whenever it is read, so that a restore beside a newer one can refuse a number of a length that its country has given up';

CREATE FUNCTION consent.contact(value text) RETURNS consent.contact
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact';
COMMENT ON FUNCTION consent.contact(text) IS
  'the contact that value spells; a telephone number without country code belongs to setting pg_consent.default_region; 22P02 if value is no address';

CREATE FUNCTION consent.contact(value text, region text) RETURNS consent.contact
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_in_region';
COMMENT ON FUNCTION consent.contact(text, text) IS
  'the contact that value spells, with telephone numbers of the given region (ISO 3166-1, two capital letters, else 22023); depends on no setting and can be indexed; region NULL: no region, so that a number without country code is 22P02';

CREATE FUNCTION consent.try_contact(value text) RETURNS consent.contact
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_try_contact';
COMMENT ON FUNCTION consent.try_contact(text) IS
  'consent.contact(value), or NULL if value is no address: for columns in which not everything is one';

CREATE FUNCTION consent.try_contact(value text, region text) RETURNS consent.contact
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_try_contact';
COMMENT ON FUNCTION consent.try_contact(text, text) IS
  'consent.contact(value, region), or NULL if value is no address: for columns in which not everything is one, and for indexes on them';

CREATE FUNCTION consent.contact_root(contact consent.contact) RETURNS consent.contact
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_root';
COMMENT ON FUNCTION consent.contact_root(consent.contact) IS
'The e-mail address without its +tag (jo+news@example.com: jo@example.com); any other contact itself. An objection under one form reaches all that have the same root';

CREATE FUNCTION consent.contact_kind(contact consent.contact) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_kind';
COMMENT ON FUNCTION consent.contact_kind(consent.contact) IS
  'what the contact is: email, phone, device, account or postal';

CREATE FUNCTION consent.contact_text(contact consent.contact) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_text';
COMMENT ON FUNCTION consent.contact_text(consent.contact) IS
  'the canonical spelling; what contact::text calls';

CREATE CAST (text AS consent.contact)
WITH FUNCTION consent.contact(text) AS ASSIGNMENT;
COMMENT ON CAST (text AS consent.contact) IS
  'canonicalise, by setting pg_consent.default_region';

CREATE CAST (varchar AS consent.contact)
WITH FUNCTION consent.contact(text) AS ASSIGNMENT;
COMMENT ON CAST (varchar AS consent.contact) IS
  'canonicalise, by setting pg_consent.default_region';

-- The two are stored alike, but a cast without a function would have the planner of
-- PostgreSQL 18 look for the collation of an index on contacts: none (LIKE 'b%').
CREATE CAST (consent.contact AS text)
WITH FUNCTION consent.contact_text(consent.contact) AS ASSIGNMENT;
COMMENT ON CAST (consent.contact AS text) IS
  'the canonical spelling';

-- Comparison.

CREATE FUNCTION consent.contact_eq(consent.contact, consent.contact) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_eq';
COMMENT ON FUNCTION consent.contact_eq(consent.contact, consent.contact) IS
  'implementation of = operator';

CREATE FUNCTION consent.contact_ne(consent.contact, consent.contact) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_ne';
COMMENT ON FUNCTION consent.contact_ne(consent.contact, consent.contact) IS
  'implementation of <> operator';

CREATE FUNCTION consent.contact_lt(consent.contact, consent.contact) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_lt';
COMMENT ON FUNCTION consent.contact_lt(consent.contact, consent.contact) IS
  'implementation of < operator';

CREATE FUNCTION consent.contact_le(consent.contact, consent.contact) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_le';
COMMENT ON FUNCTION consent.contact_le(consent.contact, consent.contact) IS
  'implementation of <= operator';

CREATE FUNCTION consent.contact_gt(consent.contact, consent.contact) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_gt';
COMMENT ON FUNCTION consent.contact_gt(consent.contact, consent.contact) IS
  'implementation of > operator';

CREATE FUNCTION consent.contact_ge(consent.contact, consent.contact) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_ge';
COMMENT ON FUNCTION consent.contact_ge(consent.contact, consent.contact) IS
  'implementation of >= operator';

CREATE OPERATOR pg_catalog.= (
  LEFTARG = consent.contact, RIGHTARG = consent.contact, FUNCTION = consent.contact_eq,
  COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
  RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
  HASHES, MERGES
);
COMMENT ON OPERATOR pg_catalog.= (consent.contact, consent.contact) IS 'equal: the same address';

CREATE OPERATOR pg_catalog.<> (
  LEFTARG = consent.contact, RIGHTARG = consent.contact, FUNCTION = consent.contact_ne,
  COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
  RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (consent.contact, consent.contact) IS 'not equal: different addresses';

CREATE OPERATOR pg_catalog.< (
  LEFTARG = consent.contact, RIGHTARG = consent.contact, FUNCTION = consent.contact_lt,
  COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
  RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR pg_catalog.< (consent.contact, consent.contact) IS 'less than, in byte order';

CREATE OPERATOR pg_catalog.<= (
  LEFTARG = consent.contact, RIGHTARG = consent.contact, FUNCTION = consent.contact_le,
  COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
  RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR pg_catalog.<= (consent.contact, consent.contact) IS 'less than or equal, in byte order';

CREATE OPERATOR pg_catalog.> (
  LEFTARG = consent.contact, RIGHTARG = consent.contact, FUNCTION = consent.contact_gt,
  COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
  RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR pg_catalog.> (consent.contact, consent.contact) IS 'greater than, in byte order';

CREATE OPERATOR pg_catalog.>= (
  LEFTARG = consent.contact, RIGHTARG = consent.contact, FUNCTION = consent.contact_ge,
  COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
  RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.>= (consent.contact, consent.contact) IS 'greater than or equal, in byte order';

CREATE FUNCTION consent.contact_cmp(consent.contact, consent.contact) RETURNS integer
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_cmp';
COMMENT ON FUNCTION consent.contact_cmp(consent.contact, consent.contact) IS
  'less, equal, greater, in byte order';

CREATE FUNCTION consent.contact_sortsupport(internal) RETURNS void
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_sortsupport';
COMMENT ON FUNCTION consent.contact_sortsupport(internal) IS 'sort support';

CREATE FUNCTION consent.contact_hash(consent.contact) RETURNS integer
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_hash';
COMMENT ON FUNCTION consent.contact_hash(consent.contact) IS 'hash';

CREATE FUNCTION consent.contact_hash_extended(consent.contact, bigint) RETURNS bigint
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_hash_extended';
COMMENT ON FUNCTION consent.contact_hash_extended(consent.contact, bigint) IS 'hash, with a seed';

CREATE OPERATOR CLASS consent.contact_ops
DEFAULT FOR TYPE consent.contact USING btree AS
  OPERATOR 1 pg_catalog.<,
  OPERATOR 2 pg_catalog.<=,
  OPERATOR 3 pg_catalog.=,
  OPERATOR 4 pg_catalog.>=,
  OPERATOR 5 pg_catalog.>,
  FUNCTION 1 consent.contact_cmp(consent.contact, consent.contact),
  FUNCTION 2 consent.contact_sortsupport(internal),
  FUNCTION 4 pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS consent.contact_ops USING btree IS 'byte order of the canonical spelling';
COMMENT ON OPERATOR FAMILY consent.contact_ops USING btree IS 'byte order of the canonical spelling';

CREATE OPERATOR CLASS consent.contact_ops
DEFAULT FOR TYPE consent.contact USING hash AS
  OPERATOR 1 pg_catalog.=,
  FUNCTION 1 consent.contact_hash(consent.contact),
  FUNCTION 2 consent.contact_hash_extended(consent.contact, bigint);
COMMENT ON OPERATOR CLASS consent.contact_ops USING hash IS 'equality of the canonical spelling';
COMMENT ON OPERATOR FAMILY consent.contact_ops USING hash IS 'equality of the canonical spelling';

CREATE FUNCTION consent.contact_root_hash(consent.contact) RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_root_hash';
COMMENT ON FUNCTION consent.contact_root_hash(consent.contact) IS 'hash of contact_root()';

CREATE FUNCTION consent.contact_root_hash_extended(consent.contact, bigint) RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_root_hash_extended';
COMMENT ON FUNCTION consent.contact_root_hash_extended(consent.contact, bigint) IS 'hash of contact_root(), with a seed';

CREATE OPERATOR CLASS consent.contact_root_ops
FOR TYPE consent.contact USING hash AS
  OPERATOR 1 pg_catalog.=,
  FUNCTION 1 consent.contact_root_hash(consent.contact),
  FUNCTION 2 consent.contact_root_hash_extended(consent.contact, bigint);
COMMENT ON OPERATOR CLASS consent.contact_root_ops USING hash IS 'for partitions: all forms of an address hash alike';
COMMENT ON OPERATOR FAMILY consent.contact_root_ops USING hash IS 'for partitions: all forms of an address hash alike';

CREATE FUNCTION consent.contact_larger(consent.contact, consent.contact) RETURNS consent.contact
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_larger';
COMMENT ON FUNCTION consent.contact_larger(consent.contact, consent.contact) IS
  'the later of two contacts in byte order';

CREATE FUNCTION consent.contact_smaller(consent.contact, consent.contact) RETURNS consent.contact
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_smaller';
COMMENT ON FUNCTION consent.contact_smaller(consent.contact, consent.contact) IS
  'the earlier of two contacts in byte order';

CREATE AGGREGATE pg_catalog.max(consent.contact) (
  SFUNC = consent.contact_larger, STYPE = consent.contact,
  COMBINEFUNC = consent.contact_larger,
  SORTOP = OPERATOR(pg_catalog.>), PARALLEL = SAFE
);
COMMENT ON AGGREGATE pg_catalog.max(consent.contact) IS 'the last contact in byte order';

CREATE AGGREGATE pg_catalog.min(consent.contact) (
  SFUNC = consent.contact_smaller, STYPE = consent.contact,
  COMBINEFUNC = consent.contact_smaller,
  SORTOP = OPERATOR(pg_catalog.<), PARALLEL = SAFE
);
COMMENT ON AGGREGATE pg_catalog.min(consent.contact) IS 'the first contact in byte order';
