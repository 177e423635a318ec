
-------------------------------------------------------------------------------
-- person: what people answer.
--
-- src/person/reply.c knows the meanings and reaches by name.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.reply_words(body text) RETURNS text
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
  AS 'MODULE_PATHNAME', 'pg_consent_reply_words';
COMMENT ON FUNCTION consent.reply_words(text) IS
  'The words of a reply as consent.read_reply() compares them: lower case, without accents and apostrophes, a bar between sentences; without quotation, forwarded message and signature. Reads the first 64 kilobytes';

CREATE TABLE consent.stop_word (
  word     text NOT NULL CHECK (word ~ '[^* ]'),
  language text NOT NULL DEFAULT 'en',
  meaning  text NOT NULL DEFAULT 'stop'
           CHECK (meaning IN ('stop', 'start', 'help', 'review', 'polite', 'negation', 'matter', 'none')),
  reach    text NOT NULL DEFAULT 'message'
           CHECK (reach IN ('message', 'sentence', 'anywhere')),
  shipped  boolean NOT NULL DEFAULT false,
  PRIMARY KEY (word, language, meaning, shipped)
);
COMMENT ON TABLE consent.stop_word IS
  'What people say when they want no more messages, for consent.inbound(). Add rows of your own: one with the word and language of a shipped row takes its place, and with meaning none it takes it away. pg_dump keeps your rows';
COMMENT ON COLUMN consent.stop_word.word IS
  'A word or phrase, stored as it is compared: lower case, without accents and apostrophes. A star stands for up to three words of one sentence';
COMMENT ON COLUMN consent.stop_word.language IS
  'ISO 639 code; for information, every row is tried on every reply';
COMMENT ON COLUMN consent.stop_word.meaning IS
  'stop; start; help (asks for information: not a stop); review (a person should look); polite (left out before comparing, but for what is in a stop or review); negation (a phrase shortly after it is for review); matter (other than messages, as a bill: a phrase with it or shortly before it is for review); none (switches a shipped row off)';
COMMENT ON COLUMN consent.stop_word.reach IS
  'When a stop or review counts: message (it is the whole reply: for words that are also everyday answers), sentence (it is a whole sentence of it), anywhere. Of the other meanings start and help are whole replies, polite, negation and matter stand anywhere';
COMMENT ON COLUMN consent.stop_word.shipped IS
  'Comes with the extension; set by the extension only';
GRANT SELECT ON consent.stop_word TO PUBLIC;

CREATE FUNCTION consent.stop_word_check() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_stop_word_check';
COMMENT ON FUNCTION consent.stop_word_check() IS
  'Trigger of consent.stop_word: stores a word as it is compared; shipped rows are the extension''s alone (55000)';
REVOKE EXECUTE ON FUNCTION consent.stop_word_check() FROM PUBLIC;
CREATE TRIGGER check_stop_word BEFORE INSERT OR UPDATE OR DELETE ON consent.stop_word
  FOR EACH ROW EXECUTE FUNCTION consent.stop_word_check();

SELECT pg_catalog.pg_extension_config_dump('consent.stop_word', 'WHERE NOT shipped');

CREATE FUNCTION consent.read_reply(body text) RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE COST 1000
  AS 'MODULE_PATHNAME', 'pg_consent_read_reply';
COMMENT ON FUNCTION consent.read_reply(text) IS
  'What an answer to a message means: stop (no more messages), start (wants them again), not_stop, or review (a person should look; also for a reply without words, one with words in other than Latin letters that no stop word holds, and NULL). Records nothing. Plain text or HTML; quotations, forwarded messages and signatures are left out. The words are in consent.stop_word';

CREATE FUNCTION consent.inbound(
  contact consent.contact,
  channel consent.channel,
  body text,
  organisation text DEFAULT consent.default_organisation(),
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL) RETURNS text
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_inbound';
COMMENT ON FUNCTION consent.inbound(consent.contact, consent.channel, text, text, timestamptz, text, jsonb) IS
  'Reads an answer and acts on it. stop: recorded as an objection to the organisation''s direct marketing on every channel (UK GDPR 21(2)), of every organisation if none is given; the body is kept as its wording. start, not_stop, review: nothing is recorded, see consent.read_reply(). Runs with the caller''s rights. Errors: 22004 no contact, 22023 a time in the future, 23503 unknown organisation';
REVOKE EXECUTE ON FUNCTION
  consent.inbound(consent.contact, consent.channel, text, text, timestamptz, text, jsonb)
FROM PUBLIC;
