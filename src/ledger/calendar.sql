
-------------------------------------------------------------------------------
-- ledger: the British day, by which the law and reports count.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.london_date(at timestamptz) RETURNS date
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_london_date';
COMMENT ON FUNCTION consent.london_date(timestamptz) IS
  'The day it is in the United Kingdom, as (at AT TIME ZONE ''Europe/London'')::date, and sooner';
