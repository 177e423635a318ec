
-------------------------------------------------------------------------------
-- words: the vocabulary every room shares.
--
-- The C side (src/module/words.h) lists the same values in the same order.
-------------------------------------------------------------------------------

CREATE TYPE consent.channel AS ENUM (
  'email', 'sms', 'mms', 'voicemail', 'in_app', 'social_dm', 'push',
  'live_call', 'automated_call', 'fax', 'post', 'online_ad');
COMMENT ON TYPE consent.channel IS
  'How a message reaches a person: email, sms, mms, voicemail, in_app (message inside an app), social_dm (direct message on a social network), push (notification), live_call, automated_call, fax, post, online_ad';

CREATE TYPE consent.message_class AS ENUM (
  'service', 'service_optional', 'regulatory', 'public_task',
  'market_research', 'solicited_response', 'direct_marketing', 'mixed',
  'consent_request', 'sugging', 'unknown');
COMMENT ON TYPE consent.message_class IS
  'What a message is: service (neutral and needed), service_optional (neutral, not essential), regulatory (a regulator requires it), public_task, market_research, solicited_response (what the person asked for), direct_marketing, mixed (service with promotion), consent_request (asks for permission to market), sugging (selling under the guise of research), unknown (cannot be told). consent.is_marketing() says which need permission';

CREATE TYPE consent.subscriber AS ENUM (
  'individual', 'sole_trader', 'partnership', 'corporate');
COMMENT ON TYPE consent.subscriber IS
  'Who holds the line or mailbox. Sole traders and unincorporated partnerships are protected like individuals; corporate means a body with its own legal personality';

CREATE TYPE consent.block_action AS ENUM (
  'raise', 'divert', 'quarantine', 'flag');
COMMENT ON TYPE consent.block_action IS
  'What a guard does with a refused message: raise (the statement fails), divert (the row is stored in the queue''s own terminal state), quarantine (the row moves to consent.quarantine), flag (the row stays, the decision is logged)';

CREATE FUNCTION consent.is_marketing(consent.message_class) RETURNS boolean
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_is_marketing';
COMMENT ON FUNCTION consent.is_marketing(consent.message_class) IS
  'true for direct_marketing, mixed, consent_request, sugging and unknown: what cannot be told is treated as marketing';

CREATE FUNCTION consent.try_channel(text) RETURNS consent.channel
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_try_channel';
COMMENT ON FUNCTION consent.try_channel(text) IS
  'The channel of that name, in any case; NULL if there is none';

CREATE FUNCTION consent.class_to_judge(found consent.message_class, declared text) RETURNS consent.message_class
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_class_to_judge';
COMMENT ON FUNCTION consent.class_to_judge(consent.message_class, text) IS
  'The class a message is judged by: what its text shows, or what its sender declares where that is stricter';
