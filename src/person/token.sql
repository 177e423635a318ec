
-------------------------------------------------------------------------------
-- person: one-click unsubscription.
--
-- unsubscribe_token() and unsubscribe() are SECURITY DEFINER, so that whoever
-- sends messages and whoever answers the web need no right on any table: the
-- token is the authority.  Both are revoked from PUBLIC, because a role that
-- may mint can speak for everybody.
-------------------------------------------------------------------------------

CREATE TABLE consent.token_key (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  secret     bytea NOT NULL CHECK (pg_catalog.length(secret) = 32),
  created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  retired_at timestamptz
);
COMMENT ON TABLE consent.token_key IS
  'The keys that sign unsubscribe tokens. The newest one signs, all that are not retired verify. For the owner alone; a dump holds them, because links in messages already sent must outlive a restore. The first is made with the first token, the others by consent.rotate_token_key()';
COMMENT ON SEQUENCE consent.token_key_id_seq IS 'Numbers the keys of consent.token_key';
COMMENT ON COLUMN consent.token_key.id IS 'Stands in every token the key has signed';
COMMENT ON COLUMN consent.token_key.secret IS '32 random bytes';
COMMENT ON COLUMN consent.token_key.created_at IS 'When the key was made';
COMMENT ON COLUMN consent.token_key.retired_at IS
  'From then on every token of the key is refused; NULL: not for now';

CREATE TABLE consent.unsubscribe_link (
  id           uuid PRIMARY KEY,
  key_id       integer NOT NULL,
  contact      consent.contact NOT NULL,
  organisation text NOT NULL,
  purpose      text,
  channels     consent.channel[],
  event_id     bigint
);
-- For erasure and subject access.
CREATE INDEX unsubscribe_link_address ON consent.unsubscribe_link (consent.contact_root(contact));
COMMENT ON TABLE consent.unsubscribe_link IS
  'What unsubscribe tokens stand for: a row per key, contact and scope, however many tokens are minted. For the owner alone';
COMMENT ON COLUMN consent.unsubscribe_link.id IS
  'What a token carries: an HMAC of the rest, which tells nothing to who has no key';
COMMENT ON COLUMN consent.unsubscribe_link.key_id IS 'The key of consent.token_key that the id was made with';
COMMENT ON COLUMN consent.unsubscribe_link.contact IS 'Who unsubscribes';
COMMENT ON COLUMN consent.unsubscribe_link.organisation IS 'From whom';
COMMENT ON COLUMN consent.unsubscribe_link.purpose IS 'From what; NULL: all marketing';
COMMENT ON COLUMN consent.unsubscribe_link.channels IS 'By which channels; NULL: every channel';
COMMENT ON COLUMN consent.unsubscribe_link.event_id IS
  'The event of consent.ledger that its last use recorded';

SELECT pg_catalog.pg_extension_config_dump('consent.token_key', '');
SELECT pg_catalog.pg_extension_config_dump('consent.token_key_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('consent.unsubscribe_link', '');

CREATE FUNCTION consent.unsubscribe_token(
  contact consent.contact,
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT NULL,
  channels consent.channel[] DEFAULT NULL,
  expires_at timestamptz DEFAULT now() + interval '400 days') RETURNS text
  LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS 'MODULE_PATHNAME', 'pg_consent_unsubscribe_token';
COMMENT ON FUNCTION consent.unsubscribe_token(consent.contact, text, text, consent.channel[], timestamptz) IS
  'A token for the List-Unsubscribe link of a message (RFC 8058): 56 URL-safe characters that tell nothing about the address. Who posts it to consent.unsubscribe() objects to the organisation''s marketing, for this purpose and these channels or, NULL, all. Writes a row for each new contact and scope. Errors: 22004 no contact, organisation or expiry, 23503 unknown organisation or purpose, 22023 an expiry that is past or infinite, or no channel in the list';

CREATE FUNCTION consent.unsubscribe(
  token text,
  at timestamptz DEFAULT now(),
  source text DEFAULT 'one_click',
  evidence jsonb DEFAULT NULL) RETURNS bigint
  LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS 'MODULE_PATHNAME', 'pg_consent_unsubscribe';
COMMENT ON FUNCTION consent.unsubscribe(text, timestamptz, text, jsonb) IS
  'Redeems a token of consent.unsubscribe_token(): records an objection and returns the event id. Used again, by anybody at any time, it returns the same event id and records nothing, unless the contact, or another of the same person, has consented or asked for something since: then it is a new objection. Needs no right but EXECUTE. Call it for POST requests only, never for GET: mail scanners follow links (RFC 8058). Errors: 22023 for any token that is not good, with one message for all reasons, and for a time in the future';

CREATE FUNCTION consent.rotate_token_key(keep interval DEFAULT '400 days') RETURNS integer
  LANGUAGE C VOLATILE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_rotate_token_key';
COMMENT ON FUNCTION consent.rotate_token_key(interval) IS
  'Makes a new key for unsubscribe tokens and returns its number. Tokens of the former keys are good for that long still (0: refused at once, for a key that leaked), or until they expire. Forgets what tokens of retired keys stood for. For the owner of consent.token_key';

REVOKE EXECUTE ON FUNCTION
  consent.unsubscribe_token(consent.contact, text, text, consent.channel[], timestamptz),
  consent.unsubscribe(text, timestamptz, text, jsonb),
  consent.rotate_token_key(interval)
FROM PUBLIC;
