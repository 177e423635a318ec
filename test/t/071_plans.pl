# What the planner makes of the campaign filter and the views, on a ledger of
# twenty thousand contacts: nothing is a black box, and estimates are within a
# factor of two.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('plans');
$node->init;
$node->append_conf('postgresql.conf', "jit = off\nfsync = off");
$node->start;
my ($sql) = run_command([ 'bash', 'test/bench/generate', '20000', '7' ]);
$node->safe_psql('postgres', $sql);

# The same seed gives the same ledger.
$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE template0');
$node->safe_psql('again', (run_command([ 'bash', 'test/bench/generate', '2000', '7' ]))[0]);
my $content = q{SELECT md5(string_agg(md5(concat_ws('|', contact, kind, channels, organisation, purpose, method, effective_at)), '' ORDER BY contact, kind, effective_at, source))
  FROM consent.ledger WHERE contact::text ~ '^c[0-9]{1,3}@'};
is($node->safe_psql('again', $content), $node->safe_psql('postgres', $content), 'the generator makes the same of the same seed');

# plan_of QUERY: the JSON plan, of a query that was run.
sub plan_of
{
  my ($query, $set) = @_;
  return $node->safe_psql('postgres', ($set // 'SET max_parallel_workers_per_gather = 0;') . " EXPLAIN (ANALYZE, FORMAT JSON, COSTS ON, TIMING OFF) $query");
}

# rows of the node whose text matches: estimated and actual
sub within
{
  my ($estimate, $actual, $factor, $what) = @_;
  ok($actual > 0 && $estimate <= $factor * $actual && $estimate * $factor >= $actual, "$what: $estimate rows expected, $actual found");
}

foreach my $case (
  [ 'email, gen_shop', q{consent.permitted('email', 'gen_shop', 'marketing', 'boilers')} ],
  [ 'sms, gen_shop', q{consent.permitted('sms', 'gen_shop', 'marketing', 'boilers')} ],
  [ 'live_call, gen_charity', q{consent.permitted('live_call', 'gen_charity')} ])
{
  my ($what, $call) = @$case;
  my $plan = plan_of("SELECT c.* FROM gen_customer c JOIN $call p ON p = c.email");
  like($plan, qr/"Relation Name": "address_standing"/, "$what: the planner sees the table");
  unlike($plan, qr/"Function Name": "permitted"/, '... and no function in its way');
  like($plan, qr/"Node Type": "(?:Hash Join|Merge Join|Nested Loop)"/, '... and joins');
  my ($estimate) = $plan =~ /"Plan Rows": (\d+)/;
  my ($actual) = $plan =~ /"Actual Rows": ([\d.]+)/;
  within($estimate, $actual, 2, "$what, joined with the customers");
}

# "IN (SELECT consent.permitted(...))" is the same join, once the library is loaded.
my $permitted = q{consent.permitted('email', 'gen_shop', 'marketing', 'boilers')};
my $workers = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0.01; SET min_parallel_table_scan_size = 0;';
my $by_email = "SELECT c.id FROM gen_customer c WHERE c.email";
foreach my $in ("IN (SELECT $permitted)", "IN (SELECT p FROM $permitted p)", "= ANY (SELECT $permitted)")
{
  my $plan = plan_of("$by_email $in", q{LOAD 'pg_consent'; SET max_parallel_workers_per_gather = 0;});
  like($plan, qr/"Relation Name": "address_standing"/, "$in: the planner sees the table");
  unlike($plan, qr/"Node Type": "(?:ProjectSet|Function Scan)",(?:(?!\}).)*?"Alias": "permitted"|"Node Type": "ProjectSet"/s, '... and no function in its way');
  unlike($plan, qr/"Node Type": "(?:Aggregate|Unique)"/, '... knows that no contact is there twice');
  my ($estimate) = $plan =~ /"Plan Rows": (\d+)/;
  my ($actual) = $plan =~ /"Actual Rows": ([\d.]+)/;
  within($estimate, $actual, 2, '... and how many customers are among them');
  $plan = plan_of("$by_email $in", "LOAD 'pg_consent'; $workers");
  like($plan, qr/"Node Type": "Gather",(?:(?!"Node Type": "Gather).)*?"Parallel Aware": true,(?:(?!\}).)*?"Relation Name": "address_standing"/s, '... several processes ask about the contacts');
}

# Also where it is written within a part of the query.
$node->safe_psql('postgres', "CREATE VIEW asking AS $by_email IN (SELECT $permitted)");
foreach my $query ("SELECT q.id FROM (SELECT * FROM ($by_email IN (SELECT $permitted) OFFSET 0) o) q",
  "WITH q AS MATERIALIZED ($by_email IN (SELECT $permitted)) SELECT id FROM q",
  "SELECT 0 UNION ALL ($by_email IN (SELECT $permitted))",
  "SELECT g.id FROM gen_customer g LEFT JOIN asking a USING (id)",
  "SELECT (SELECT count(*) FROM asking)",
  "SELECT p FROM gen_customer c, LATERAL (SELECT $permitted) x (p) WHERE c.id = 1")
{
  my $plan = plan_of($query, q{LOAD 'pg_consent'; SET max_parallel_workers_per_gather = 0;});
  like($plan, qr/"Relation Name": "address_standing"/, "$query: the planner sees the table");
  unlike($plan, qr/"Node Type": "ProjectSet"/, '... and no function in its way');
}
$node->safe_psql('postgres', "DROP VIEW asking");

# The join with the contacts is our own, and auto_explain tells of it where it runs: within a function, in one process and in several.
$node->safe_psql('postgres', qq{CREATE FUNCTION joined() RETURNS bigint LANGUAGE plpgsql AS \$\$BEGIN RETURN (SELECT count(*) FROM gen_customer c JOIN $permitted p ON p = c.email); END\$\$});
foreach my $set ('SET max_parallel_workers_per_gather = 0;', $workers)
{
SKIP:
  {
    my ($status, $joined, $explained) = $node->psql('postgres',
      "LOAD 'auto_explain'; LOAD 'pg_consent'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on; SET auto_explain.log_verbose = on; SET auto_explain.log_nested_statements = on; SET client_min_messages = log; $set SELECT joined()");
    skip 'the server came without auto_explain', 2 if $status != 0;
    is($joined, $node->safe_psql('postgres', "SET pg_consent.contact_join = off; SELECT joined()"), "$set: joined as explained");
    my $node_name = $set eq $workers ? qr/Parallel Custom Scan/ : qr/Custom Scan/;
    like($explained, qr/$node_name \(ConsentContactJoin\) +\(cost=[^\n]*actual [^\n]*\n(?:[^\n]*\n)?[^\n]*Contact Cond: \(/, '... and explained');
  }
}

# It means the same wherever it is written, with the library loaded and without.
$node->safe_psql('postgres', qq{
  CREATE VIEW a_view AS SELECT $permitted;
  CREATE FUNCTION a_function() RETURNS SETOF consent.contact LANGUAGE sql STABLE AS \$\$SELECT $permitted\$\$;
  CREATE FUNCTION a_loop() RETURNS SETOF consent.contact LANGUAGE plpgsql STABLE AS \$\$BEGIN RETURN QUERY SELECT $permitted; END\$\$;
  CREATE TABLE a_table (contact consent.contact)});
my $whole = $node->safe_psql('postgres', "SELECT count(*), md5(string_agg(p::text, ' ' ORDER BY p)) FROM $permitted p");
like($whole, qr/^[1-9]/, 'some contacts may be sent e-mail');
my ($count) = $whole =~ /^(\d+)/;
my $digest = sub { "SELECT count(*), md5(string_agg(p::text, ' ' ORDER BY p)) FROM ($_[0]) x (p)" };
foreach my $same (
  "SELECT $permitted",
  "SELECT DISTINCT $permitted",
  "SELECT $permitted ORDER BY 1 DESC",
  "(SELECT $permitted LIMIT 10) UNION (SELECT $permitted)",
  "TABLE a_view", "SELECT a_function()", "SELECT * FROM a_function()", "SELECT a_loop()",
  "SELECT p FROM gen_customer c, LATERAL (SELECT $permitted) x (p) WHERE c.id = (SELECT min(id) FROM gen_customer)",
  "SELECT p FROM consent.organisation o, LATERAL (SELECT consent.permitted('email', o.name, product_category => 'boilers')) x (p) WHERE o.name = 'gen_shop'",
  "SELECT consent.permitted('email', (SELECT name FROM consent.organisation WHERE name = 'gen_shop'), product_category => 'boilers')",
  "SELECT consent.permitted('email', min(n), product_category => 'boilers') FROM (VALUES ('gen_shop')) v (n)",
  "SELECT consent.permitted('email', min('gen_shop'), product_category => 'boilers')",
  "SELECT consent.permitted('email', first_value('gen_shop'::text) OVER (), product_category => 'boilers')",
  "SELECT $permitted HAVING true",
  "SELECT consent.permitted('email', 'gen_shop', product_category => unnest('{boilers}'::text[]))",
  "SELECT unnest(ARRAY(SELECT $permitted))",
  "SELECT a.contact FROM consent.contact_standing a WHERE a.contact IN (SELECT $permitted)",
  "SELECT a.contact FROM consent.contact_standing a WHERE EXISTS (SELECT FROM (SELECT $permitted) p (p) WHERE p = a.contact)",
  "(SELECT a.contact FROM consent.contact_standing a) EXCEPT (SELECT a.contact FROM consent.contact_standing a WHERE a.contact NOT IN (SELECT $permitted))",
  "WITH p AS MATERIALIZED (SELECT $permitted) TABLE p")
{
  is($node->safe_psql('postgres', $_ . $digest->($same)), $whole, $same . ($_ ? '' : ', in a new session')) foreach '', q{LOAD 'pg_consent'; };
}
is($node->safe_psql('postgres', qq{LOAD 'pg_consent'; SET plan_cache_mode = force_generic_plan;
  PREPARE p (consent.channel, text) AS INSERT INTO a_table SELECT consent.permitted(\$1, \$2, product_category => 'boilers'); EXECUTE p ('email', 'gen_shop');
  EXECUTE p ('email', 'gen_shop'); DELETE FROM a_table WHERE ctid IN (SELECT max(ctid) FROM a_table GROUP BY contact); SELECT count(*) FROM a_table}), $count, 'a prepared INSERT');
is($node->safe_psql('postgres', qq{LOAD 'pg_consent'; SELECT count(*) FROM (SELECT $permitted LIMIT 7) p}), 7, 'with a limit');
is($node->safe_psql('postgres', qq{LOAD 'pg_consent'; SELECT p = $count FROM (SELECT count(*) OVER () FROM (SELECT $permitted) p LIMIT 1) w (p)}), 't', 'under a window');

# One contact is looked up, not searched for.
my $plan = plan_of(q{SELECT * FROM consent.current WHERE contact = 'c77@mail77.example' AND organisation = 'gen_shop' AND channel = 'email' AND purpose = 'marketing'});
like($plan, qr/"Index Name": "address_standing_pkey"/, 'consent.current of one contact uses the index');
unlike($plan, qr/"Node Type": "Seq Scan",(?:(?!\}).)*?"Relation Name": "ledger/s, '... and does not read the ledger');
my ($most) = sort { $b <=> $a } $plan =~ /"Actual Rows": (\d+)/g;
cmp_ok($most, '<', 100, '... nor anybody else');
my $tagged = $node->safe_psql('postgres', q{SELECT min(contact) FROM consent.contact_standing WHERE contact <> address});
is($node->safe_psql('postgres', "SELECT count(*) FROM consent.current WHERE contact = '$tagged' AND organisation = 'gen_shop' AND channel = 'email' AND purpose = 'marketing'"), 1, 'one with a +tag is there');
is($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT contact FROM consent.current WHERE organisation = 'gen_shop' AND channel = 'email' AND purpose = 'marketing' EXCEPT ALL SELECT contact FROM consent.contact_standing) x}) . ' '
    . $node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT contact FROM consent.contact_standing EXCEPT ALL SELECT contact FROM consent.current WHERE organisation = 'gen_shop' AND channel = 'email' AND purpose = 'marketing') x}), '0 0', 'and so is everybody, once');

my $parallel = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET min_parallel_index_scan_size = 0;';

# Views of what is wrong read what is wrong.
$plan = plan_of('SELECT * FROM consent.expiring');
like($plan, qr/"Index Name": "[^"]*(?:ledger_ending|expires_at)[^"]*"/, 'consent.expiring reads the consents that end');

# What no jurisdiction limits is not counted in: to compile the view takes seconds, to run it milliseconds.
cmp_ok($plan =~ /"Total Cost": ([\d.]+)/ && $1, '<', $node->safe_psql('postgres', 'SHOW jit_above_cost'), '... and is not compiled');

$plan = plan_of('SELECT defect, count(*) FROM consent.at_risk GROUP BY 1');
like($plan, qr/"Index Name": "[^"]*(?:ledger_doubtful|event_id_idx)[^"]*"/, 'consent.at_risk reads the consents that are in doubt');
unlike($plan, qr/"Relation Name": "ledger[^"]*",(?:(?!\}).)*?"Actual Loops": (?!1,|0,)\d+(?:(?!\}).)*?"Filter": "[^"]*defects/s, '... and once');

# The setting has another name since PostgreSQL 16; a plan that may not be parallel stays as it is.
$plan = plan_of('SELECT defect, count(*) FROM consent.at_risk GROUP BY 1',
  q{SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');});
like($plan, qr/"Plan": \{\s*"Node Type": "Gather|"Partial Mode": "Finalize"/, '... and may be shared out to workers');
$node->safe_psql('postgres', 'VACUUM consent.ledger');
my $latency = 'SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY latency) FROM consent.withdrawal_latency';
$plan = plan_of("$latency WHERE in_effect_at > now() - interval '30 days' AND (organisation = 'gen_shop' OR organisation IS NULL)");
like($plan, qr/"Node Type": "Index Only Scan"/, 'how fast refusals took effect is read from an index');
unlike($plan, qr/"Node Type": "(?:Seq|Index|Bitmap Heap) Scan"/, '... alone');
$node->safe_psql('postgres', 'CALL consent.summarise_imports()');
is($node->safe_psql('postgres', 'SELECT consent.imports_summarised()'), 't', 'there is something to summarise');
$plan = plan_of("SELECT * FROM consent.import_audit WHERE recorded_on >= current_date");
like($plan, qr/"Relation Name": "ledger_\d\d"/, 'consent.import_audit could read the whole ledger');
unlike($plan, qr/"Relation Name": "ledger_\d\d",(?:(?!\}).)*?"Actual Loops": [1-9]/s, '... and does not once it is summarised');
$node->safe_psql('postgres', 'SELECT consent.discard_import_summaries()');

# An audience is made and used in parallel, and asked for once.
$plan = plan_of(q{SELECT consent.audience_of(consent.contact_number(standing, contact)) FROM consent.contact_standing WHERE consent.permits(standing, contact, 'email', 'gen_shop', 'marketing', NULL, NULL)}, $parallel);
like($plan, qr/"Partial Mode": "Partial"/, 'an audience is put together by several workers');
$node->safe_psql('postgres', q{ALTER TABLE gen_customer ADD contact_id bigint; UPDATE gen_customer SET contact_id = consent.contact_id(email); ANALYZE gen_customer;
  CREATE TABLE saved AS SELECT consent.audience('email', 'gen_shop') AS members});
foreach my $set ('SET max_parallel_workers_per_gather = 0;', $parallel)
{
  is( $node->safe_psql('postgres', "$set SELECT count(*) FROM gen_customer WHERE contact_id <@ (SELECT members FROM saved)"),
    $node->safe_psql('postgres', q{SELECT count(*) FROM gen_customer c JOIN consent.permitted('email', 'gen_shop') p ON p = c.email}),
    'a stored audience filters like permitted()');
  is( $node->safe_psql('postgres', "$set SELECT count(*) FROM gen_customer WHERE contact_id <@ (SELECT consent.audience('email', 'gen_shop'))"),
    $node->safe_psql('postgres', q{SELECT consent.count(members) FROM saved}),
    'so does one made in the query');
}
$plan = plan_of(q{SELECT count(*) FROM gen_customer WHERE contact_id <@ (SELECT members FROM saved)}, $parallel);
like($plan, qr/"Parallel Aware": true,(?:(?!\}).)*?"Relation Name": "gen_customer"/s, 'the filter is parallel');

# What is counted by several workers is what one counts.
foreach my $count (q{consent.coverage_of(NULL, NULL, NULL)}, q{consent.import_audit}, q{consent.at_risk})
{
  my $serial = $node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; SELECT * FROM $count x ORDER BY x::text");
  is($node->safe_psql('postgres', "$parallel SELECT * FROM $count x ORDER BY x::text"), $serial, "$count in parallel");
}
$plan = plan_of('SELECT * FROM consent.import_audit', "$parallel SET parallel_tuple_cost = 0.1;");
like($plan, qr/"Partial Mode": "Partial"/, 'consent.import_audit is parallel');
unlike($plan, qr/"Sort Method": "external/, '... and sorts nothing on disk');
is( $node->safe_psql('postgres', q{SELECT permitted FROM consent.coverage_of('{gen_shop}', '{email}')}),
  $node->safe_psql('postgres', q{SELECT count(*) FROM consent.current WHERE organisation = 'gen_shop' AND channel = 'email' AND purpose = 'marketing' AND status = 'permitted'}),
  'coverage counts what consent.current shows');
is( $node->safe_psql('postgres', q{SELECT sum(contacts) FROM consent.why_not('email', 'gen_shop', 'marketing', 'boilers')}),
  $node->safe_psql('postgres', q{SELECT (SELECT count(*) FROM consent.contact_standing) - (SELECT count(*) FROM consent.permitted('email', 'gen_shop', 'marketing', 'boilers'))}),
  'consent.why_not() counts who is not in consent.permitted()');

# The report is put together by several workers, and says what one says.
my $report = q{SELECT consent.report_json(since => '2023-01-01', until => now()) - '{generated_at,until}'::text[]};
SKIP:
{
  my ($status, undef, $explained) = $node->psql('postgres',
    "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET client_min_messages = log; $parallel SET max_parallel_workers = 8; $report");
  skip 'the server came without auto_explain', 1 if $status != 0;
  my ($heavy) = $explained =~ /(Query Text: jsonb_build_object\(.*?)(?:LOG:|\z)/s;
  cmp_ok(scalar(() = ($heavy // '') =~ /^\s*->  (?:Parallel Seq|Parallel Index Only|Parallel Index|Parallel Bitmap Heap) Scan.* on (?:address_standing|ledger_00)\b/mg), '>=', 2,
    'consent.report_json() reads the contacts and the ledger in parallel');
}
is($node->safe_psql('postgres', "$parallel $report"), $node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; $report"), '... and says the same');

# Past sends are judged in parallel, and the result is that of one process.
$node->safe_psql('postgres', q{CREATE TABLE sent AS SELECT email_text AS rcpt, timestamptz '2024-01-01' + id * interval '1 hour' AS at FROM gen_customer; ANALYZE sent});
my $query = $node->safe_psql('postgres', q{SELECT consent.exposure_query('sent', consent.exposure_mappings('rcpt', '''email''', 'at', NULL, NULL, '''gen_shop''', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false))});
$plan = plan_of($query, $parallel);
like($plan, qr/"Node Type": "Gather/, 'an exposure audit runs in parallel');
my $serial = $node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; SELECT md5(string_agg(md5(q::text), '' ORDER BY q::text COLLATE \"C\")) FROM ($query) q");
is($node->safe_psql('postgres', "$parallel SELECT md5(string_agg(md5(q::text), '' ORDER BY q::text COLLATE \"C\")) FROM ($query) q"), $serial, '... and finds the same');
# The law as of then, one message at a time.
is( $node->safe_psql('postgres', "SELECT count(*) FROM ($query) q"),
  $node->safe_psql('postgres', q{SELECT count(*) FROM sent s WHERE NOT consent.may_send(s.rcpt::consent.contact, 'email', 'gen_shop', at => s.at)}),
  '... as many as consent.may_send() refuses');

# Of consents that third parties collected, consent.expiring reads only the recent
# ones, and misses none: the law asked about every one, now and in 90 days.
$node->safe_psql('postgres', q{
  INSERT INTO consent.ledger (contact, kind, channels, organisation, purpose, method, wording, collected_by, named_organisations, effective_at, source)
  SELECT ('t' || i || '@third.example')::consent.contact, 'consent', '{email}', 'gen_broker', 'marketing', 'ticked_box', 'Offers from gen_shop', 'Lead Broker Ltd', '{gen_shop}', now() - i * interval '1 day', 'list 8'
    FROM generate_series(1, 400) i;
  INSERT INTO consent.ledger (contact, kind, organisation, effective_at)
  SELECT ('t' || i || '@third.example')::consent.contact, 'contacted', 'gen_shop', now() - i * interval '1 day' + interval '20 days' FROM generate_series(20, 400, 3) i;
  ANALYZE consent.ledger, consent.address_standing});
my $third = q{SELECT contact, event_id, organisation, then_reason FROM consent.expiring WHERE contact::text LIKE 't%@third.example'};
my $asked = q{SELECT l.contact, l.event_id, 'gen_shop', (j.later).reason
  FROM consent.ledger l
  CROSS JOIN LATERAL (SELECT a.standing FROM consent.address_standing a WHERE a.address = l.address OFFSET 0) s
  CROSS JOIN LATERAL (SELECT consent.judge(s.standing, l.contact, 'email', 'gen_shop') AS d,
                             consent.judge(s.standing, l.contact, 'email', 'gen_shop', at => now() + interval '90 days') AS later OFFSET 0) j
 WHERE l.kind = 'consent' AND l.contact::text LIKE 't%@third.example' AND (j.d).allowed AND (j.d).event_id = l.event_id AND NOT (j.later).allowed};
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM ($third) t"), '>', 40, 'consents of third parties end');
is($node->safe_psql('postgres', "($third EXCEPT $asked) UNION ALL ($asked EXCEPT $third)"), '', '... those of which the law says so');
$plan = plan_of('SELECT * FROM consent.expiring');
like($plan, qr/"Index Name": "[^"]*effective_at[^"]*"/, '... and old ones are not read');

# In a database that nobody has analysed the views cost so little that no plan of theirs is
# compiled, which takes seconds.
$node->safe_psql('postgres', 'CREATE DATABASE young TEMPLATE template0');
$node->safe_psql('young', q{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name) VALUES ('acme'), ('bolt');
  SELECT consent.give('jo@young.example', '{email}', 'acme', method => 'ticked_box', wording => 'w')});
foreach my $of (q{current WHERE contact = 'jo@young.example'}, q{current WHERE channel = 'email' AND organisation = 'acme'}, 'guards', 'at_risk', 'expiring', 'withdrawal_latency')
{
  my ($cost) = $node->safe_psql('young', "EXPLAIN (FORMAT JSON) SELECT * FROM consent.$of") =~ /"Total Cost": ([\d.]+)/;
  cmp_ok($cost, '<', $node->safe_psql('young', 'SHOW jit_above_cost') / 10, "not analysed: consent.$of");
}

# Erasure finds what it erases by index, also by plans that were made while tables were empty, and reads a log once.
my $scans = $node->safe_psql('postgres', q{
  ANALYZE consent.person_link, consent.erasure, consent.decision_log, consent.unsubscribe_link, consent.exposure_finding;
  SELECT FROM consent.forget('nobody@plans.example');
  INSERT INTO consent.person_link (contact, person) SELECT email, 'p' || id / 2 FROM gen_customer WHERE id <= 2000;
  INSERT INTO consent.unsubscribe_link (id, key_id, contact, organisation) SELECT gen_random_uuid(), 1, email, 'gen_shop' FROM gen_customer;
  ANALYZE consent.unsubscribe_link;
  BEGIN;
  CREATE TEMPORARY TABLE before AS SELECT relid, seq_scan FROM pg_stat_xact_all_tables;
  SELECT FROM consent.expire_contacts(now(), 'old', 50);
  SELECT string_agg(relname || ' ' || a.seq_scan - b.seq_scan, ', ' ORDER BY relname) FROM pg_stat_xact_all_tables a JOIN before b USING (relid)
   WHERE schemaname = 'consent' AND a.seq_scan > b.seq_scan AND relname ~ '^(ledger.*|address_standing|person_link|erasure|unsubscribe_link|exposure_finding|decision_log|sweep_log|quarantine)$';
  COMMIT;
});
$scans =~ s/^\s+//;
is($scans, 'address_standing 1, decision_log 1, quarantine 1, sweep_log 1', 'fifty contacts that expire cost one scan of the standings and of each log');

$node->stop;

# Where so many parallel plans are open that no shared memory is left, one process joins, in each round.
my $poor = PostgreSQL::Test::Cluster->new('poor');
$poor->init;
$poor->append_conf('postgresql.conf', "jit = off\nfsync = off\nmax_connections = 6\nsuperuser_reserved_connections = 1\nmax_wal_senders = 0\nautovacuum_max_workers = 1\nmax_worker_processes = 4\nmax_parallel_workers = 0");
$poor->start;
$poor->safe_psql('postgres', q{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name) VALUES ('acme');
  INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording)
  SELECT ('p' || i || '@poor.example')::consent.contact, 'consent', '{email}', 'acme', 'ticked_box', 'Email me offers' FROM generate_series(1, 300) i;
  CREATE TABLE customer AS SELECT i AS id, ('p' || i % 360 || '@poor.example')::consent.contact AS email FROM generate_series(1, 800) i;
  CREATE TABLE other WITH (parallel_workers = 1) AS SELECT generate_series(1, 1000) AS n;
  ANALYZE customer, other, consent.address_standing});
my $joined = q{SELECT count(*) FROM generate_series(1, 3) LEFT JOIN (SELECT c.id FROM customer c JOIN consent.permitted('email', 'acme') p ON p = c.email OFFSET 0) j ON true};
$parallel = "LOAD 'pg_consent'; $parallel SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;";
like($poor->safe_psql('postgres', "$parallel EXPLAIN $joined"), qr/Parallel Custom Scan \(ConsentContactJoin\)/, 'several processes would join');
like($poor->safe_psql('postgres', "$parallel EXPLAIN SELECT count(*) FROM other"), qr/Gather/, '... as others do');
is($poor->safe_psql('postgres', "$parallel SELECT sum(count) FROM (" . '(SELECT count(*) FROM other) UNION ALL ' x 200 . "($joined)) c"),
  $poor->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; SELECT 200 * 1000 + ($joined)"), '... and one does, without shared memory');
$poor->stop;
done_testing();
