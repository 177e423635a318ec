-- Settings: what they take and what they refuse.
LOAD 'pg_consent';
SHOW pg_consent.default_region;
SET pg_consent.default_region = 'IE';
SET pg_consent.default_region = 'ie';
\echo :LAST_ERROR_SQLSTATE
SET pg_consent.default_region = 'Ireland';
\echo :LAST_ERROR_SQLSTATE
SET pg_consent.default_region = '';
SHOW pg_consent.default_region;
SHOW pg_consent.organisation;
-- A misspelt setting is refused rather than ignored.
SET pg_consent.organization = 'acme';
\echo :LAST_ERROR_SQLSTATE
