-- The shared vocabulary: types, their values in order, and what counts as marketing.
LOAD 'pg_consent';
SELECT t.typname, pg_catalog.string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
  FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
 WHERE t.typnamespace = 'consent'::regnamespace
   AND t.typname IN ('channel', 'message_class', 'subscriber', 'block_action')
 GROUP BY t.typname ORDER BY t.typname;
SELECT c AS class, consent.is_marketing(c)
  FROM unnest(enum_range(NULL::consent.message_class)) c ORDER BY c;
SELECT consent.is_marketing(NULL) IS NULL AS strict;
SELECT consent.is_marketing('advert');
\echo :LAST_ERROR_SQLSTATE
SELECT 'telegram'::consent.channel;
\echo :LAST_ERROR_SQLSTATE
-- Every word explains itself.
SELECT typname FROM pg_type
 WHERE typnamespace = 'consent'::regnamespace AND typtype = 'e'
   AND obj_description(oid, 'pg_type') IS NULL;
