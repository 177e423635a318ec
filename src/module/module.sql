\echo Use "CREATE EXTENSION pg_consent" to load this file. \quit

-------------------------------------------------------------------------------
-- module: the schema.
--
-- CREATE SCHEMA without IF NOT EXISTS: a schema that somebody else made, and
-- still owns, must stop the installation rather than be adopted by it.
-------------------------------------------------------------------------------

CREATE SCHEMA consent;
COMMENT ON SCHEMA consent IS
  'pg_consent: classification of messages, the consent ledger, decisions and guards';
GRANT USAGE ON SCHEMA consent TO PUBLIC;
