-- Audiences: sets of contacts, by number.
LOAD 'pg_consent';
SET timezone = 'Europe/London';
\set SHOW_CONTEXT never
\pset footer off
\pset null '-'

-- The type.
SELECT '{}'::consent.audience, '{3,1,2,9}'::consent.audience, '{4294967295,0}'::consent.audience, '{5,5-7}'::consent.audience, '{4-4}'::consent.audience, (SELECT consent.audience_of(4294967295)) AS greatest;
SELECT consent.count('{1-1000000}'::consent.audience) AS million, pg_column_size('{1-1000000}'::consent.audience) < 500 AS small;
SELECT '{1-5}'::consent.audience | '{4-9}' AS "union", '{1-5}'::consent.audience & '{4-9}' AS intersection, '{1-5}'::consent.audience - '{4-9}' AS difference;
SELECT '{1-3}'::consent.audience = '{1,2,3}' AS same, '{1-3}'::consent.audience <> '{1,2}' AS other, ('{1-5}'::consent.audience - '{1-5}') = '{}' AS nothing;
-- However they came together, also where a range takes as much room as its members.
SELECT a, a = (SELECT consent.audience_of(n) FROM consent.numbers(a) n) AS one_by_one, a = (SELECT consent.union_of(format('{%s}', n)::consent.audience) FROM consent.numbers(a) n) AS of_parts,
       (a | '{90-99}') - '{90-99}' = a AS less_again, '{0-99}'::consent.audience - ('{0-99}'::consent.audience - a) = a AS what_is_left
  FROM unnest('{"{1,2}","{1,2,5,6}","{1-3}","{1-4,7,9}","{1-3,5,7,8}","{0-89}"}'::consent.audience[]) a;
SELECT 3::bigint <@ '{1-5}'::consent.audience AS t, 6::bigint <@ '{1-5}'::consent.audience AS f, '{1-5}'::consent.audience @> 5 AS t, -1::bigint <@ '{1-5}'::consent.audience AS f,
       5000000000 <@ '{1-5}'::consent.audience AS f, NULL::bigint <@ '{1-5}'::consent.audience AS unknown;
SELECT consent.audience_of(n) FROM generate_series(1, 10) n WHERE n % 3 <> 0;
SELECT consent.audience_of(NULL), consent.audience_of(n) = '{}' AS empty FROM generate_series(1, 0) n;
SELECT consent.union_of(a), consent.union_of(a) FILTER (WHERE false) AS of_none FROM (VALUES ('{1,4-9}'::consent.audience), (NULL), ('{}'), ('{2,8-12}')) t(a);
SELECT array_agg(n) FROM consent.numbers('{7-9,100000,3000000000}'::consent.audience) n;
SELECT count(*), sum(n) FROM consent.numbers('{1-200000}'::consent.audience) n;
SELECT consent.audience_of(5000000000);
\echo :LAST_ERROR_SQLSTATE
SELECT '1,2'::consent.audience;
\echo :LAST_ERROR_SQLSTATE
SELECT '{1,}'::consent.audience;
SELECT '{-1}'::consent.audience;
SELECT '{9-1}'::consent.audience;
SELECT '{4294967296}'::consent.audience;
SELECT '{1}x'::consent.audience;
-- Another audience for every row is read anew, also where they are stored out of line.
CREATE TEMP TABLE audience_many AS SELECT i, consent.audience_of(n) AS a FROM generate_series(1, 20) i, generate_series(1, 40000) n WHERE n * 7919 % 104729 % 20 >= i - 1 GROUP BY i;
SELECT count(*) AS wrong FROM audience_many m, generate_series(1, 40000, 97) n WHERE (n <@ m.a) <> (n * 7919 % 104729 % 20 >= m.i - 1);
-- Thin, thick, all ranges and empty ones, stored and made, in turn: whatever is kept of one is not taken for the other.
CREATE TABLE audience_shape AS
SELECT s.shape, COALESCE(consent.audience_of(n) FILTER (WHERE s.has), '{}') AS a
  FROM generate_series(0, 400000) n,
       LATERAL (VALUES ('thin', n % 20011 = 7), ('thick', n % 3 = 1), ('ranges', n / 50000 % 2 = 1), ('all', true), ('mixed', CASE n / 65536 % 3 WHEN 0 THEN n % 3 = 1 WHEN 1 THEN n % 20011 = 7 ELSE n % 1000 < 900 END), ('none', false), ('last', n = 400000)) AS s(shape, has)
 GROUP BY s.shape;
SELECT count(*) AS wrong
  FROM generate_series(-64, 401000, 3343) n, audience_shape s
 WHERE (n <@ s.a) <> (n BETWEEN 0 AND 400000 AND CASE s.shape WHEN 'thin' THEN n % 20011 = 7 WHEN 'thick' THEN n % 3 = 1 WHEN 'ranges' THEN n / 50000 % 2 = 1
                                                             WHEN 'all' THEN true WHEN 'mixed' THEN CASE n / 65536 % 3 WHEN 0 THEN n % 3 = 1 WHEN 1 THEN n % 20011 = 7 ELSE n % 1000 < 900 END WHEN 'none' THEN false ELSE n = 400000 END)
    OR (n <@ s.a) <> (n <@ (s.a | '{}'));
SELECT s.shape, consent.count(s.a), (SELECT count(*) FROM generate_series(0, 400000) n WHERE n <@ s.a) AS found FROM audience_shape s ORDER BY 1;
DROP TABLE audience_shape;
SELECT bool_and(a::text::consent.audience = a) AS round_trip FROM audience_many;

-- At the limits of the stored form: four parts with ranges among them, a part of 4,096 members, the last number there is.
CREATE TEMP TABLE audience_limit AS
SELECT consent.audience_of(n) FILTER (WHERE n % 3 = 1 OR n >= 196608) AS four, consent.audience_of(n) FILTER (WHERE n % 2 = 0 AND n < 8192) AS most FROM generate_series(0::bigint, 262143) n;
SELECT count(*) FILTER (WHERE (n <@ four) <> (n % 3 = 1 OR n >= 196608)) AS four_wrong, count(*) FILTER (WHERE (n <@ most) <> (n % 2 = 0 AND n < 8192)) AS most_wrong
  FROM audience_limit, generate_series(0::bigint, 262143, 7) n;
SELECT n, n <@ '{0,4294967295}'::consent.audience AS member FROM unnest('{-4294967296,-1,0,4294967295,4294967296}'::bigint[]) n;
SELECT consent.audience_of(-1);

-- The contacts that permitted() returns.
INSERT INTO consent.organisation (name) VALUES ('aud acme');
SELECT count(consent.give((n || '@aud.example')::consent.contact, '{email}', 'aud acme', method => 'ticked_box', wording => 'Offers'))
  FROM unnest('{ann,bob,cat,dan+a,dan+b}'::text[]) n;
SELECT consent.soft_opt_in('eve@aud.example', 'aud acme', 'boilers', refusal_offered => true, refused => false) > 0 AS recorded;
SELECT consent.withdraw('bob@aud.example', organisation => 'aud acme') > 0 AS recorded;
SELECT consent.object('cat@aud.example', organisation => 'aud acme') > 0 AS recorded;
SELECT u FROM consent.unnest(consent.audience('email', 'aud acme')) u WHERE u::text LIKE '%aud.example' ORDER BY u::text;
SELECT u FROM consent.unnest(consent.audience('email', 'aud acme', product_category => 'boilers') - consent.audience('email', 'aud acme')) u;
SELECT count(*) AS different
  FROM (SELECT consent.permitted('email', 'aud acme') EXCEPT SELECT consent.unnest(consent.audience('email', 'aud acme'))) a
  FULL JOIN (SELECT consent.unnest(consent.audience('email', 'aud acme')) EXCEPT SELECT consent.permitted('email', 'aud acme')) b ON true;
SELECT consent.count(consent.audience('email', 'aud acme')) = (SELECT count(*) FROM consent.permitted('email', 'aud acme')) AS as_many;

-- Numbers: one for each form of an address, the first event's, and it stays.
SELECT consent.contact_id('nobody@aud.example') AS none,
       consent.contact_id('Ann@AUD.example') = (SELECT min(event_id) FROM consent.ledger WHERE contact = 'ann@aud.example') AS first_event,
       consent.contact_id('dan@aud.example') AS plain_form_has_none,
       consent.contact_id('dan+a@aud.example') <> consent.contact_id('dan+b@aud.example') AS two_forms;
SELECT count(*) AS different FROM consent.contact_standing s WHERE consent.contact_number(s.standing, s.contact) IS DISTINCT FROM consent.contact_id(s.contact);
SELECT consent.contact_id('ann@aud.example') AS before \gset
SELECT consent.contacted('ann@aud.example', 'aud acme') > 0 AS recorded;
SELECT consent.contact_id('ann@aud.example') = :before AS stays;

-- Filter a table that keeps the number.
CREATE TABLE audience_customer AS SELECT n AS name, consent.contact_id((n || '@aud.example')::consent.contact) AS contact_id FROM unnest('{ann,bob,cat,dan+a,eve,zoe}'::text[]) n;
SELECT name FROM audience_customer c WHERE c.contact_id <@ (SELECT consent.audience('email', 'aud acme')) ORDER BY name;
-- Who dropped out since Monday, and why.
CREATE TABLE audience_saved AS SELECT 'monday' AS name, consent.audience('email', 'aud acme') AS members;
SELECT consent.withdraw('ann@aud.example', organisation => 'aud acme') > 0 AS recorded;
SELECT u AS contact, e.reason
  FROM audience_saved s, consent.unnest(s.members - consent.audience('email', 'aud acme')) u, consent.evaluate(u, 'email', 'aud acme') e;
SELECT consent.contact_id('dan+a@aud.example') <@ consent.audience('email', 'aud acme', at => now() - interval '1 day') AS yesterday,
       consent.contact_id('dan+a@aud.example') <@ consent.audience('email', 'aud acme') AS today;

-- why_not
SELECT reason, contacts >= cardinality(examples) AS enough, citation FROM consent.why_not('email', 'aud acme') WHERE reason IN ('objected', 'consent_withdrawn', 'soi_not_similar') ORDER BY reason COLLATE "C";
SELECT examples FROM consent.why_not('email', 'aud acme', samples => 10000) WHERE reason = 'soi_not_similar';
SELECT (SELECT sum(contacts) FROM consent.why_not('email', 'aud acme')) + consent.count(consent.audience('email', 'aud acme')) = (SELECT count(*) FROM consent.contact_standing) AS adds_up;
SELECT bool_and(contacts <= before) AS most_first FROM (SELECT contacts, lag(contacts) OVER (ROWS UNBOUNDED PRECEDING) AS before FROM consent.why_not('email', 'aud acme')) w;
SELECT max(cardinality(examples)) <= 2 AS few FROM consent.why_not('email', 'aud acme', samples => 2);

-- preflight
CREATE TABLE audience_list (id int, email text);
INSERT INTO audience_list VALUES (1, 'ann@aud.example'), (2, 'DAN+a@aud.example'), (3, 'zoe@aud.example'), (4, 'rubbish'), (5, NULL), (6, 'dan+a@aud.example');
SELECT jsonb_pretty(consent.preflight('audience_list', 'Get 20% off all boilers this weekend only!', recipient => 'email', organisation => 'aud acme') - 'evidence' - 'rules' - 'score');
SELECT p ->> 'class' AS class, p -> 'is_marketing' AS marketing, p -> 'permitted' AS permitted, p -> 'permitted_by' AS "by", p -> 'refused' AS refused
  FROM consent.preflight('SELECT email, id FROM audience_list WHERE id < 4', 'Your order 4411 is out for delivery today.', organisation => 'aud acme') p;
SELECT p ->> 'class' AS class, p ->> 'judged_as' AS judged_as, p -> 'refused' AS refused
  FROM consent.preflight('SELECT email FROM audience_list WHERE id < 4', 'Your order 4411 is out for delivery today.', organisation => 'aud acme', class => 'direct_marketing') p;
SELECT e ->> 'part' AS part, e ->> 'excerpt' AS excerpt
  FROM jsonb_array_elements(consent.preflight('SELECT email FROM audience_list', 'Get 20% off all boilers', subject => 'Sale', organisation => 'aud acme') -> 'evidence') e WHERE e ->> 'rule' = 'price.percent_off';
-- The subject is read, the channel counts, and a doubt is said to be one.
SELECT p -> 'class' AS class, p -> 'needs_review' AS review, p #> '{evidence,0,part}' AS part
  FROM consent.preflight('SELECT email FROM audience_list WHERE id = 1', 'Your order 4411 is out for delivery today.', subject => 'Get 20% off all boilers this weekend only!', organisation => 'aud acme') p;
SELECT p -> 'class' AS class, p -> 'needs_review' AS review, (p #> '{evidence,0}') - 'citation' AS evidence FROM consent.preflight('SELECT email FROM audience_list WHERE id = 1', 'Hm.', organisation => 'aud acme') p;
BEGIN;
INSERT INTO consent.rule (code, class, weight, pattern, citation, description, channels) VALUES ('aud.texts', 'direct_marketing', 2, 'zebra day', 'test', 'x', '{sms}');
SELECT c AS channel, p -> 'rules' @> '["aud.texts"]' AS found, p -> 'evidence' @> '[{"rule": "aud.texts"}]' AS shown
  FROM unnest('{email,sms}'::consent.channel[]) c, consent.preflight('SELECT email FROM audience_list WHERE id = 1', 'Come to our zebra day.', channel => c, organisation => 'aud acme') p;
ROLLBACK;
-- What most are refused for comes first.
SELECT jsonb_path_query_array(p, '$.refused_for[*].messages') AS messages, jsonb_path_query_array(p, '$.refused_for[*].reason') AS reasons
  FROM consent.preflight($$SELECT unnest('{zoe@aud.example,yan@aud.example,rubbish,cat@aud.example,cat@aud.example,cat@aud.example}'::text[])$$, 'Get 20% off all boilers this weekend only!', organisation => 'aud acme') p;
-- Whoever is written to under several +tags is one person, also where only one of them is permitted.
SELECT p -> 'audience' AS audience, p -> 'people' AS people, p -> 'duplicates' AS duplicates, p -> 'permitted' AS permitted, jsonb_path_query_array(p, '$.refused_for[*].people') AS refused
  FROM consent.preflight($$SELECT unnest('{dan+a@aud.example,dan+c@aud.example,Dan+C@aud.example,dan@aud.example,rubbish,NULL}'::text[])$$, 'Get 20% off all boilers this weekend only!', organisation => 'aud acme') p;
-- Nobody at all is no error, and not unknown.
SELECT p -> 'audience' AS audience, p -> 'people' AS people, p -> 'duplicates' AS duplicates, p -> 'permitted' AS permitted, p -> 'refused' AS refused, p -> 'permitted_by' AS "by", p -> 'refused_for' AS "for"
  FROM consent.preflight('SELECT email FROM audience_list WHERE false', 'Get 20% off all boilers', organisation => 'aud acme') p;
-- Of a query, too, the recipient may be an expression.
SELECT p -> 'permitted' AS permitted, p #> '{refused_for,0,examples}' AS examples FROM consent.preflight($$SELECT 1 AS n, 'zoe' AS name$$, 'Get 20% off all boilers', organisation => 'aud acme', recipient => $$name || '@aud.example'$$) p;
SELECT consent.preflight('audience_list', 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.preflight('no_such_list', 'x', recipient => 'email');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY sqlstate
SELECT consent.preflight('DELETE FROM audience_list RETURNING email', 'x');
\set VERBOSITY default
SELECT count(*) FROM audience_list;

-- For another purpose, about a product, under another law, by a contractor: each asks about that.
INSERT INTO consent.organisation (name, jurisdiction) VALUES ('aud de', 'DE');
INSERT INTO consent.purpose (name, kind, parent) VALUES ('aud news', 'commercial', 'marketing');
SELECT consent.give('fay@aud.example', '{email}', 'aud acme', 'aud news', method => 'ticked_box', wording => 'News') > 0 AS recorded;
SELECT u FROM consent.unnest(consent.audience('email', 'aud acme', 'aud news') - consent.audience('email', 'aud acme')) u;
SELECT p AS purpose, c AS product, bool_or('fay@aud.example' = ANY (examples)) AS fay_is_left_out, bool_or('eve@aud.example' = ANY (examples)) AS eve_is_left_out
  FROM (VALUES ('marketing', NULL), ('aud news', NULL), ('marketing', 'boilers')) AS v(p, c), consent.why_not('email', 'aud acme', p, c, samples => 10000) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT DISTINCT citation FROM consent.why_not('email', 'aud de');
-- A campaign is marketing, whatever it is for: the same are in permitted().
INSERT INTO consent.purpose (name, kind) VALUES ('aud notes', 'service_optional');
SELECT (SELECT sum(contacts) FROM consent.why_not('email', 'aud acme', 'aud notes')) + (SELECT count(*) FROM consent.permitted('email', 'aud acme', 'aud notes')) = (SELECT count(*) FROM consent.contact_standing) AS adds_up,
       (SELECT count(*) FROM consent.why_not('email', 'aud acme', 'aud notes')) > 0 AS some_are_left_out;
SELECT w AS who, a AS about, f AS "for", consent.preflight(format('SELECT %L', w || '@aud.example'), 'Get 20% off all boilers this weekend only!', organisation => 'aud acme', product_category => a, purpose => f) -> 'permitted' AS permitted
  FROM (VALUES ('eve', 'boilers', 'marketing'), ('eve', 'holidays', 'marketing'), ('fay', NULL, 'aud news'), ('fay', NULL, 'marketing')) AS v(w, a, f);
SELECT p #> '{refused_for,0,reason}' AS reason
  FROM consent.preflight('SELECT $$dan+a@aud.example$$', 'Get 20% off all boilers this weekend only!', organisation => 'aud acme', sender => 'aud bulk mailer') p;

-- Runs of numbers that end where a container of the bitmap does.
SELECT a, consent.count(a), a::text::consent.audience = a AS same, (a - '{65535}') | '{65535}' = a | '{65535}' AS in_steps
  FROM (VALUES ('{65000-65535}'::consent.audience), ('{65535}'), ('{131070-131073}'), ('{61439-65535}'), ('{1-3,65534-70000,4294967290-4294967295}'), ('{}')) AS v(a);
SELECT consent.audience_of(n) = '{65000-65540}' AS by_member FROM generate_series(65000, 65540) n;

-- Who may.
CREATE ROLE regress_audience_poor;
SET ROLE regress_audience_poor;
SELECT '{1}'::consent.audience | '{2}' AS sets_are_public;
SELECT consent.audience('email', 'aud acme');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.contact_id('ann@aud.example');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.why_not('email', 'aud acme');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP TABLE audience_customer, audience_saved, audience_list;
DROP ROLE regress_audience_poor;
