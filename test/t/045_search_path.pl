# Nobody who may create objects on a search_path makes our functions run theirs.
# What our functions name is either parsed when they are created (BEGIN ATOMIC),
# or found under a search_path of their own, or, where text of the user's is run
# with it, qualified by hand; and the user's text still means what the user's
# search_path makes of it.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('path');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\njit = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_consent');

# All functions that are qualified by hand: they run text of the user's, or commit,
# and can do neither under a search_path of their own.
$node->safe_psql('postgres', q{
  CREATE VIEW by_hand AS
  SELECT p.proname::text AS name, p.prosrc AS source
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
   WHERE p.pronamespace = 'consent'::regnamespace AND l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL
     AND NOT 'search_path=pg_catalog, pg_temp' = ANY (COALESCE(p.proconfig, '{}'));
});
is($node->safe_psql('postgres', q{SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM by_hand}),
	join(' ', qw(exposure exposure_check exposure_query exposure_start exposure_work guard_queue lookup preflight
		queue_relations sample_messages summarise_imports unguard_queue what_if)),
	'these are qualified by hand, and no others');
is($node->safe_psql('postgres', q{
	SELECT b.name, m[1] FROM by_hand b, regexp_matches(b.source, '(?<![.\w])(\w+)\s*\(', 'g') m
	 WHERE EXISTS (SELECT FROM pg_proc p WHERE p.proname = lower(m[1]))}),
	'', 'they call no function by its bare name');
is($node->safe_psql('postgres', q{
	SELECT b.name, m FROM by_hand b, regexp_matches(b.source, '::\s*(\w+)(?![\w.])|\n  \w+ (\w+)(?:\[\])?(?: :=|;)', 'g') m
	 WHERE COALESCE(m[1], m[2]) NOT IN ('bigint', 'boolean', 'numeric', 'timestamp')
	   AND EXISTS (SELECT FROM pg_type t WHERE t.typname = COALESCE(m[1], m[2]))}),
	'', 'they name no type so');
is($node->safe_psql('postgres', q{
	SELECT b.name, m[1]
	  FROM by_hand b,
	       regexp_replace(b.source, '\m(ERRCODE|MESSAGE|DETAIL|HINT|its_hint|SET done_at) =|SELECT \*', '', 'g') s,
	       regexp_matches(s, '[^\n]*(?:\s[-+*/<>=~!@#^&|]+\s|\sIN \(|LIKE|BETWEEN|SIMILAR|NULLIF|DISTINCT FROM|\sUSING \()[^\n]*', 'g') m
	 WHERE m[1] !~ '^\s*--' AND m[1] !~ '\w+ => '}),
	'', 'nor an operator, also where SQL has a word for it');

# The user: tables, a function and a type with an equality of its own, which only
# their path finds.
$node->safe_psql('postgres', q{
  INSERT INTO consent.organisation (name) VALUES ('acme');
  SELECT consent.give('ann@path.example', '{email}', 'acme', method => 'ticked_box', wording => 'Yes, offers please', at => '2026-01-01'),
         consent.give('zoe@path.example', '{email}', 'acme', method => 'pre_ticked_box', wording => 'Offers', at => '2026-01-01'),
         consent.give('leo@path.example', '{email}', 'acme', method => 'ticked_box', wording => 'Offers'),
         consent.withdraw('bob@path.example', organisation => 'acme'),
         consent.link('ann@path.example', 'ann'), consent.unsubscribe_token('ann@path.example', 'acme');
  CREATE SCHEMA mine;
  CREATE FUNCTION mine.address(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN $1 || '@path.example';
  CREATE TYPE mine.word;
  CREATE FUNCTION mine.word_in(cstring) RETURNS mine.word LANGUAGE internal IMMUTABLE STRICT AS 'textin';
  CREATE FUNCTION mine.word_out(mine.word) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
  CREATE TYPE mine.word (INPUT = mine.word_in, OUTPUT = mine.word_out, LIKE = text);
  CREATE CAST (mine.word AS text) WITHOUT FUNCTION AS ASSIGNMENT;
  CREATE CAST (text AS mine.word) WITHOUT FUNCTION AS ASSIGNMENT;
  CREATE FUNCTION mine.same(mine.word, mine.word) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN lower($1::text) = lower($2::text);
  CREATE FUNCTION mine.hash(mine.word) RETURNS integer LANGUAGE sql IMMUTABLE RETURN hashtext(lower($1::text));
  CREATE OPERATOR mine.= (LEFTARG = mine.word, RIGHTARG = mine.word, FUNCTION = mine.same, HASHES);
  CREATE OPERATOR CLASS mine.word_ops DEFAULT FOR TYPE mine.word USING hash AS OPERATOR 1 mine.=, FUNCTION 1 mine.hash(mine.word);
  CREATE DOMAIN mine.code AS text;
  CREATE TABLE mine.sent (id integer, code mine.code, word mine.word, short varchar, who text, body text, at timestamptz);
  INSERT INTO mine.sent
  SELECT i, i, 'Word' || i, i, CASE WHEN i % 3 = 0 THEN 'ann' ELSE 'bob' END, 'Get 20% off all boilers this weekend only!', '2026-02-01' FROM generate_series(1, 20) i;
  CREATE TABLE mine.post (who text, state varchar);
  CREATE TABLE mine.labelled AS SELECT 'Get 20% off all boilers this weekend only!' AS body, 'direct_marketing' AS label;
  CREATE SCHEMA pgmq;
  CREATE TABLE pgmq.meta (queue_name varchar);
  INSERT INTO pgmq.meta VALUES ('Mail');
  CREATE TABLE pgmq.q_mail (msg_id bigint PRIMARY KEY, read_ct integer DEFAULT 0, vt timestamptz DEFAULT now(), message jsonb);
  CREATE SCHEMA pgq;
  CREATE TABLE pgq.event_1 (ev_id bigint, ev_retry integer, ev_data text);
  CREATE TABLE pgq.event_1_0 () INHERITS (pgq.event_1);
  CREATE TABLE pgq.queue AS SELECT 'mail' AS queue_name, 'pgq.event_1' AS queue_data_pfx;
  CREATE TABLE mine._private_tasks (id integer PRIMARY KEY, identifier text NOT NULL);
  CREATE TABLE mine._private_jobs (
    id bigint PRIMARY KEY, task_id integer NOT NULL, payload json, attempts smallint DEFAULT 0, max_attempts smallint DEFAULT 25,
    last_error text, locked_at timestamptz, locked_by text, job_queue_id integer);
  CREATE TABLE mine._private_job_queues (id integer PRIMARY KEY, queue_name text, locked_at timestamptz, locked_by text);
  CREATE TABLE mine.post_office_email (
    id integer PRIMARY KEY, "to" text, cc text, bcc text, subject text, message text, html_message text, status smallint, backend_alias varchar,
    template_id integer, context json);
  CREATE TABLE mine.post_office_emailtemplate (id integer PRIMARY KEY, subject text, content text, html_content text);
  -- The attacker: whatever our functions could mean by a name, and what fits better.
  CREATE ROLE attacker;
  CREATE SCHEMA trap AUTHORIZATION attacker;
  GRANT USAGE ON SCHEMA mine TO attacker;
  CREATE TABLE command AS
  WITH named AS (
    SELECT string_agg(p.prosrc, ' ') AS source FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
     WHERE p.pronamespace = 'consent'::regnamespace AND l.lanname = 'plpgsql'),
  f AS (
    SELECT p.oid, p.prokind, p.proname, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
      FROM pg_proc p, named
     WHERE p.pronamespace = 'pg_catalog'::regnamespace
       AND (p.oid IN (SELECT o.oprcode FROM pg_operator o) OR named.source ~ ('\m' || p.proname || '\M')))
  SELECT 1 AS step, format('CREATE FUNCTION trap.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION ''caught: %s''; END$f$',
                           proname, arguments, result, proname) AS command
    FROM f WHERE prokind IN ('f', 'w')
  UNION ALL
  SELECT 2, format('CREATE FUNCTION trap.%I(integer%s) RETURNS integer LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION ''caught: %s''; END$f$',
                   'step_of_' || proname, COALESCE(', ' || NULLIF(replace(replace(arguments, '"any"', 'anyelement'), 'VARIADIC ', ''), ''), ''), proname)
    FROM f WHERE prokind = 'a'
  UNION ALL
  SELECT 3, format('CREATE AGGREGATE trap.%I(%s) (SFUNC = trap.%I, STYPE = integer)', proname,
                   COALESCE(NULLIF(replace(arguments, '"any"', 'anyelement'), ''), '*'), 'step_of_' || proname)
    FROM f WHERE prokind = 'a'
  UNION ALL
  SELECT 4, format('CREATE OPERATOR trap.%s (%sRIGHTARG = %s, FUNCTION = trap.%I)', o.oprname,
                   'LEFTARG = ' || NULLIF(o.oprleft, 0)::regtype || ', ', o.oprright::regtype, p.proname)
    FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
   WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND p.pronamespace = 'pg_catalog'::regnamespace
  UNION ALL
  SELECT 5, format('CREATE DOMAIN trap.%I AS %s CHECK (trap.fell())', t.typname, t.oid::regtype)
    FROM pg_type t, named
   WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typcategory <> 'A' AND named.source ~ ('\m' || t.typname || '\M')
  UNION ALL
  SELECT 6, format('CREATE TABLE trap.%I ()', c.relname)
    FROM pg_class c, named
   WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') AND named.source ~ ('\m' || c.relname || '\M')
  UNION ALL
  SELECT 7, format('CREATE FUNCTION trap.%s RETURNS %s LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION ''caught: better''; END$f$', better, result)
    FROM (VALUES ('format(text, text)', 'text'), ('format(text, VARIADIC text[])', 'text'), ('format(text, anyelement)', 'text'),
                 ('format(text, anyelement, anycompatible)', 'text'), ('format(text, text, anyelement)', 'text'), ('format(text, bigint, text)', 'text'),
                 ('concat_ws(text, VARIADIC text[])', 'text'), ('concat(text, text)', 'text'),
                 ('jsonb_build_object(text, text)', 'jsonb'), ('jsonb_build_object(text, bigint)', 'jsonb'), ('jsonb_build_object(text, jsonb)', 'jsonb'),
                 ('jsonb_build_object(VARIADIC text[])', 'jsonb'), ('jsonb_build_object(VARIADIC anycompatiblearray)', 'jsonb'),
                 ('equals(mine.code, mine.code)', 'boolean'), ('equals(varchar, varchar)', 'boolean'),
                 ('equals(consent.contact, text)', 'boolean')) b(better, result)
  UNION ALL
  SELECT 8, format('CREATE OPERATOR trap.= (LEFTARG = %s, RIGHTARG = %s, FUNCTION = trap.equals)', l, r)
    FROM (VALUES ('mine.code', 'mine.code'), ('varchar', 'varchar'), ('consent.contact', 'text')) v(l, r);
  GRANT SELECT ON command TO attacker;
  SET ROLE attacker;
  CREATE FUNCTION trap.fell() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'caught: a type'; END$$;
  DO $$
  DECLARE
    c command;
  BEGIN
    FOR c IN SELECT * FROM command ORDER BY step LOOP
      BEGIN
        EXECUTE c.command;
      EXCEPTION WHEN OTHERS THEN
        -- Not everything that pg_catalog has can be made by somebody else.
        IF c.step > 4 THEN RAISE; END IF;
      END;
    END LOOP;
  END $$;
});
is($node->safe_psql('postgres', q{
	SELECT count(*) FILTER (WHERE p.prokind = 'f') > 500, count(*) FILTER (WHERE p.prokind = 'a') > 40,
	       (SELECT count(*) > 600 FROM pg_operator o WHERE o.oprnamespace = 'trap'::regnamespace),
	       (SELECT count(*) > 4 FROM pg_type t WHERE t.typnamespace = 'trap'::regnamespace AND t.typtype = 'd')
	  FROM pg_proc p WHERE p.pronamespace = 'trap'::regnamespace}),
	't|t|t|t', 'the traps are set');

# A session for each, because a variable keeps the type that was found first.
my $sends = q{'sent', 'address(who)', $$'email'$$, 'at', body => 'body', organisation => $$'acme'$$, as_known => false};
my @asked = (
	[ 'exposure',           qq{SELECT messages, judged FROM consent.exposure($sends) LIMIT 1}, '14|20' ],
	[ 'exposure of lists',  q{SELECT messages FROM consent.exposure('sent', 'ARRAY[address(who)]', $$'email'$$, 'at', organisation => $$'acme'$$, campaign => 'who', complaint => 'false', as_known => false) LIMIT 1}, '14' ],
	[ 'a wrong mapping',    q{SELECT consent.exposure('sent', 'nothing', $$'email'$$, 'at', organisation => $$'acme'$$)}, undef, qr/column "nothing" does not exist/ ],
	[ 'a wrong constant',   q{SELECT consent.exposure('sent', 'who', $$'pigeon'$$, 'at', organisation => $$'acme'$$)}, undef, qr/pigeon/ ],
	[ 'no mapping',         q{SELECT consent.exposure('sent', NULL, $$'email'$$, 'at')}, undef, qr/an exposure audit needs mappings/ ],
	[ 'exposure_start',     qq{SELECT pg_catalog.count(consent.exposure_start($sends, batch_blocks => 1))}, '1' ],
	[ 'not a table',        q{SELECT consent.exposure_start('consent.guards', 'name', $$'email'$$, 'at', organisation => $$'acme'$$)}, undef, qr/has no blocks/ ],
	[ 'exposure_work',      qq{SELECT pg_catalog.max(id) AS run FROM consent.exposure_run \\gset\nCALL consent.exposure_work(:run)}, '' ],
	[ 'not an audit',       q{CALL consent.exposure_work(99)}, undef, qr/there is no exposure audit 99/ ],
	[ 'exposure_result',    q{SELECT messages, judged FROM consent.exposure_result((SELECT pg_catalog.max(id) FROM consent.exposure_run)) LIMIT 1}, '14|20' ],
	[ 'preflight',          q{SELECT p['audience'], p['refused'], p['permitted'] FROM consent.preflight('SELECT address(who) FROM sent', 'Get 20% off all boilers!', organisation => 'acme') p}, '20|14|6' ],
	[ 'preflight, a table', q{SELECT p['audience'] FROM consent.preflight('sent', 'Get 20% off all boilers!', organisation => 'acme', recipient => 'address(who)') p}, '20' ],
	[ 'preflight, a mapping', q{SELECT p['audience'] FROM consent.preflight('SELECT who FROM sent', 'Get 20% off all boilers!', organisation => 'acme', recipient => 'address(q.recipient)') p}, '20' ],
	[ 'preflight, no recipient', q{SELECT consent.preflight('sent', 'Get 20% off all boilers!', organisation => 'acme')}, undef, qr/needs to know where the recipient is/ ],
	[ 'report_json',        q{SELECT r['exposure']['total']['messages'], pg_catalog.jsonb_array_length(r['at_risk']['defects']), r['imports'] IS NOT NULL FROM consent.report_json() r}, '14|1|t' ],
	[ 'report_json of one', q{SELECT r['organisation'] FROM consent.report_json('acme') r}, '"acme"' ],
	[ 'report_json of none', q{SELECT consent.report_json('nobody')}, undef, qr/is not in consent.organisation/ ],
	[ 'report',             q{SELECT pg_catalog.length(consent.report(title => 'Mine')) IS NOT NULL}, 't' ],
	[ 'subject_access',     q{SELECT a['past_sends'][0]['reason'], pg_catalog.jsonb_array_length(a['history']) FROM consent.subject_access('bob@path.example') a}, '"no_permission"|1' ],
	[ 'subject_access_of',  q{SELECT pg_catalog.jsonb_array_length((consent.subject_access_of('ann'))['contacts'])}, '1' ],
	[ 'subject_access_html', q{SELECT pg_catalog.length(consent.subject_access_html('bob@path.example', 'Acme')) IS NOT NULL, pg_catalog.length(consent.subject_access_html('ann@path.example')) IS NOT NULL}, 't|t' ],
	[ 'rule_stats',         q{SELECT pg_catalog.bool_and(hits IS NOT NULL) FROM consent.rule_stats('labelled')}, 't' ],
	[ 'rule_stats, a query', q{SELECT pg_catalog.bool_and(hits IS NOT NULL) FROM consent.rule_stats('SELECT body FROM labelled')}, 't' ],
	[ 'what_if',            q{SELECT label FROM consent.what_if('UPDATE consent.rule SET enabled = address(code) IS NULL', 'labelled')}, 'direct_marketing' ],
	[ 'lookup',             q{SELECT consent.lookup('sent', 'who', 'id', '3'), consent.lookup('sent', 'who', 'code', '3'), consent.lookup('sent', 'who', 'short', '3'), consent.lookup('sent', 'who', 'word', 'WORD3')}, 'ann|ann|ann|ann' ],
	[ 'lookup of nothing',  q{SELECT consent.lookup('sent', 'who', 'nothing', '3')}, undef, qr/column "nothing" does not exist/ ],
	[ 'summarise_imports',  q{CALL consent.summarise_imports()}, '' ],
	[ 'guard_queue',        q{SELECT consent.guard_queue('pgmq', 'Mail', recipient => $$message->>'to'$$, channel => $$'email'$$, organisation => $$'acme'$$)}, '{pgmq.q_mail}' ],
	[ 'unguard_queue',      q{SELECT consent.unguard_queue('pgmq', 'Mail')}, '{pgmq.q_mail}' ],
	[ 'guard_queue, inherited', q{SELECT consent.guard_queue('PgQ', 'mail', recipient => 'ev_data', channel => $$'email'$$, organisation => $$'acme'$$)}, '{pgq.event_1_0}' ],
	[ 'unguard_queue, inherited', q{SELECT consent.unguard_queue('PgQ', 'mail')}, '{pgq.event_1_0}' ],
	[ 'guard_queue, at once', q{SELECT consent.guard_queue('django-post_office', 'default', organisation => $$'acme'$$)}, '{post_office_email}' ],
	[ 'unguard_queue, at once', q{SELECT consent.unguard_queue('django-post_office', 'default')}, '{post_office_email}' ],
	[ 'guard',              q{SELECT consent.guard('post', 'address(who)', $$'email'$$, organisation => $$'acme'$$, divert => $$state = 'refused'$$)}, '' ],
	[ 'unguard',            q{SELECT consent.unguard('post')}, '' ],
	[ 'no queue',           q{SELECT consent.guard_queue('pgmq', 'none', organisation => $$'acme'$$)}, undef, qr/has no queue "none"/ ],
	[ 'guard_queue, with release', q{SELECT consent.guard_queue('graphile-worker', 'mail', recipient => $$payload->>'to'$$, channel => $$'email'$$, organisation => $$'acme'$$, schema => 'mine')}, '{_private_jobs}' ],
	[ 'unguard_queue, with release', q{SELECT consent.unguard_queue('graphile-worker', 'mail', schema => 'mine')}, '{_private_jobs}' ],
	[ 'evaluate',           q{SELECT e.reason FROM consent.evaluate('ann@path.example', 'email', 'acme') e}, 'consent' ],
	[ 'may_send',           q{SELECT consent.may_send('bob@path.example', 'email', 'acme')}, 'f' ],
	[ 'permitted',          q{SELECT pg_catalog.count(*) IS NOT NULL FROM consent.permitted('email', 'acme')}, 't' ],
	[ 'audience',           q{SELECT consent.count(consent.audience('email', 'acme')) IS NOT NULL}, 't' ],
	[ 'why_not',            q{SELECT pg_catalog.sum(contacts) IS NOT NULL FROM consent.why_not('email', 'acme')}, 't' ],
	[ 'views',              q{SELECT (SELECT pg_catalog.count(*) FROM consent.current) IS NOT NULL, (SELECT pg_catalog.count(*) FROM consent.at_risk) IS NOT NULL, (SELECT pg_catalog.count(*) FROM consent.expiring) IS NOT NULL, (SELECT pg_catalog.count(*) FROM consent.import_audit) IS NOT NULL, (SELECT pg_catalog.count(*) FROM consent.guards) IS NOT NULL}, 't|t|t|t|t' ],
	[ 'classify',           q{SELECT c.class FROM consent.classify('Get 20% off all boilers this weekend only!') c}, 'direct_marketing' ],
	[ 'record',             q{SELECT consent.record('ann@path.example') IS NOT NULL, (SELECT pg_catalog.count(*) FROM consent.history('bob@path.example')), consent.receipt((SELECT pg_catalog.min(event_id) FROM consent.ledger)) IS NOT NULL}, 't|1|t' ],
	[ 'inbound',            q{SELECT pg_catalog.count(*) FROM consent.inbound('eve@path.example', 'email', 'STOP', organisation => 'acme') i}, '1' ],
	[ 'unsubscribe',        q{SELECT consent.unsubscribe(consent.unsubscribe_token('fay@path.example', 'acme')) IS NOT NULL}, 't' ],
	[ 'rotate_token_key',   q{SELECT pg_catalog.count(consent.rotate_token_key()) IS NOT NULL}, 't' ],
	[ 'seal',               q{SELECT consent.seal() IS NOT NULL, (SELECT pg_catalog.count(*) FROM consent.verify_ledger()) IS NOT NULL}, 't|t' ],
	[ 'standings',          q{SELECT consent.rebuild_standings() IS NOT NULL, (SELECT pg_catalog.count(*) FROM consent.wrong_standings())}, 't|0' ],
	[ 'compile_rules',      q{SELECT consent.compile_rules()}, '' ],
	[ 'a guard at work',    q{SELECT consent.guard('post', 'address(who)', $$'email'$$, organisation => $$'acme'$$, divert => $$state = 'refused'$$, on_block => 'divert');
		INSERT INTO post VALUES ('ann'), ('bob'); SELECT state FROM post ORDER BY who; SELECT pg_catalog.count(v) IS NOT NULL FROM consent.verify('post') v; SELECT pg_catalog.count(i) FROM consent.guard_index('post') i;
		SELECT consent.finish_sweeps() IS NOT NULL; SELECT consent.expire_log('2000-01-01') IS NOT NULL; SELECT consent.unguard('post'); TRUNCATE post}, "\n\nrefused\nt\n1\nt\nt\n" ],
	[ 'quarantine',         q{SELECT consent.guard('post', 'address(who)', $$'email'$$, organisation => $$'acme'$$, pending => 'true', on_block => 'quarantine');
		INSERT INTO post VALUES ('gus'); SELECT consent.give('gus@path.example', '{email}', 'acme', method => 'ticked_box', wording => 'Yes') IS NOT NULL;
		SELECT consent.release(id) FROM consent.quarantine WHERE released_at IS NULL; SELECT consent.unguard('post'); SELECT who FROM post; TRUNCATE post; SELECT consent.forget('gus@path.example') IS NOT NULL}, "\nt\nt\n\ngus\nt" ],
	[ 'a wrong link',       q{SELECT consent.link(NULL, 'x')}, undef, qr/a link needs a contact and a person/ ],
	[ 'forget',             q{SELECT consent.forget('leo@path.example') IS NOT NULL}, 't' ]);
for my $path ('mine, trap, pg_catalog', 'mine, trap')
{
	for (@asked)
	{
		my ($name, $sql, $answer, $error) = @$_;
		my ($out, $err);
		my $rc = $node->psql('postgres', "SET search_path = $path;\n$sql", stdout => \$out, stderr => \$err);
		if (defined $answer)
		{
			is($err =~ s/^.*NOTICE.*$//mgr =~ s/^(HINT|DETAIL|WARNING).*$//mgr =~ s/\s+//gr, '', "$name under $path: no error");
			is($out, $answer, "$name under $path");
		}
		else
		{
			like($err, $error, "$name under $path");
		}
	}
}

$node->stop;
done_testing();
