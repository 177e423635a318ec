# What docs/operations.md promises: restores, standbys, subscribers, and what to
# do with a guard that is not well.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "fsync = off\njit = off");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop TEMPLATE template0');
$node->safe_psql('shop', q{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name) VALUES ('acme');
  INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at)
  SELECT ('c' || i || '@ops.example')::consent.contact, 'consent', '{email}', 'acme', 'ticked_box', 'Yes, email me offers from Acme', '2026-01-01'
    FROM generate_series(1, 50) i;
  SELECT consent.withdraw('c7@ops.example', organisation => 'acme');
  SELECT consent.forget('c8@ops.example');
  SELECT consent.seal();
  CREATE TABLE outbox (id bigserial PRIMARY KEY, to_addr text, body text, status text NOT NULL DEFAULT 'queued');
  SELECT consent.guard(target => 'outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$, pending => $$status = 'queued'$$);
  INSERT INTO outbox (to_addr, body) VALUES ('c1@ops.example', 'Get 20% off all boilers this weekend only!'), ('c7@ops.example', 'Your order 4411 is out for delivery today.')});
my $seal = $node->safe_psql('shop', q{SELECT digest FROM consent.seal ORDER BY number DESC LIMIT 1});
my $promotion = q{INSERT INTO outbox (to_addr, body) VALUES ('c7@ops.example', 'Get 20% off all boilers this weekend only!')};
my $unwell = q{SELECT health FROM consent.guards WHERE health <> 'ok'};

# state_of SERVER, DATABASE: what a reader is told there
sub answers
{
  my ($server, $database) = @_;
  return $server->safe_psql($database, q{
    SELECT count(*), min(c::text COLLATE "C") FROM consent.permitted('email', 'acme') c;
    SELECT reason FROM consent.evaluate('c7@ops.example', 'email', 'acme');
    SELECT reason FROM consent.evaluate('c8@ops.example', 'email', 'acme');
    SELECT reason, contacts FROM consent.why_not('email', 'acme');
    SELECT permitted, refused FROM consent.coverage WHERE organisation = 'acme' AND channel = 'email' AND purpose = 'marketing';
    SELECT consent.count(consent.audience('email', 'acme'));
    SELECT count(*) FROM consent.history('c7@ops.example');
    SELECT consent.preflight('SELECT to_addr FROM outbox', body => 'Get 20% off!', organisation => 'acme') -> 'refused';
    SELECT count(*) FROM consent.verify_ledger()});
}
my $answers = answers($node, 'shop');
like($answers, qr/^48\|/, 'all but who withdrew and who was erased');

# Restore.
my $dump = $node->basedir . '/shop.dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('shop') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
is(answers($node, 'restored'), $answers, 'a restored database answers the same');
is($node->safe_psql('restored', "SELECT count(*) FROM consent.verify_ledger('$seal')"), 0, '... and the seal that was kept elsewhere holds');
is($node->safe_psql('restored', $unwell), 'unverified_rows', '... its rows have not passed the guard');
is($node->safe_psql('restored', q{SELECT sum(judged), sum(refused) FROM consent.verify('outbox')}), '2|0', '... consent.verify() judges them');
is($node->safe_psql('restored', $unwell), '', '... and all is well');
my ($status, $stdout, $stderr) = $node->psql('restored', "\\set VERBOSITY sqlstate\n$promotion");
like($stderr, qr/PC001/, '... and the guard guards');

# In parallel, but for the data.
$node->safe_psql('postgres', 'CREATE DATABASE parts TEMPLATE template0');
foreach ([ 'pre-data', 4 ], [ 'data', 1 ], [ 'post-data', 4 ])
{
  my ($section, $jobs) = @$_;
  command_ok([ 'pg_restore', '--exit-on-error', '-j', $jobs, "--section=$section", '-d', $node->connstr('parts'), $dump ], "pg_restore of $section by $jobs");
}
is(answers($node, 'parts'), $answers, '... answers the same');
is($node->safe_psql('parts', "SELECT count(*) FROM consent.verify_ledger('$seal')"), 0, '... with nothing missing');
# Data alone, into tables that have their guards.
$node->safe_psql('postgres', 'CREATE DATABASE alone TEMPLATE template0');
command_ok([ 'pg_restore', '--exit-on-error', "--section=$_", '-d', $node->connstr('alone'), $dump ], "pg_restore of $_") foreach 'pre-data', 'post-data';
command_fails([ 'pg_restore', '--exit-on-error', '--data-only', '-N', 'consent', '-d', $node->connstr('alone'), $dump ], '... refuses rows that rest on what is not there yet');
command_ok([ 'pg_restore', '--exit-on-error', '--data-only', '-n', 'consent', '-d', $node->connstr('alone'), $dump ], '... takes that first');
command_ok([ 'pg_restore', '--exit-on-error', '--data-only', '-N', 'consent', '-d', $node->connstr('alone'), $dump ], '... and then the rows');
is(answers($node, 'alone'), $answers, '... answers the same');
# What a restore has lost shows: here the ledger alone, as by -j for the data.
$node->safe_psql('postgres', 'CREATE DATABASE lost TEMPLATE template0');
my ($contents) = run_command([ 'pg_restore', '-l', $dump ]);
append_to_file("$dump.list", $contents =~ s/^.* TABLE DATA consent ledger_.*\n//gmr);
command_ok([ 'pg_restore', '--exit-on-error', '-L', "$dump.list", '-d', $node->connstr('lost'), $dump ], 'pg_restore of all but the ledger');
cmp_ok($node->safe_psql('lost', 'SELECT count(*) FROM consent.verify_ledger()'), '>', 0, '... is seen by verify_ledger(), even without a seal that was kept elsewhere');

# Hot standby: reads are answered, as they are on the primary.
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is(answers($standby, 'shop'), $answers, 'a hot standby answers the same');
ok($standby->safe_psql('shop', 'SELECT consent.report() LIKE \'<!DOCTYPE html>%\'') eq 't', '... also with a report');
is($standby->safe_psql('shop', q{SELECT class FROM consent.classify('Get 20% off all boilers this weekend only!')}), 'direct_marketing', '... and classifies');
my (undef, undef, $readonly) = $standby->psql('shop', q{\set VERBOSITY sqlstate
  SELECT * FROM consent.exposure('outbox', recipient => 'to_addr', channel => $$'email'$$, sent_at => 'now()', organisation => $$'acme'$$)});
like($readonly, qr/25006/, '... but for an audit of past sends, which keeps what it finds');
$node->safe_psql('shop', q{SELECT consent.object('c9@ops.example')});
$node->wait_for_catchup($standby);
is($standby->safe_psql('shop', q{SELECT reason FROM consent.evaluate('c9@ops.example', 'email', 'acme')}), 'objected', '... and hears of a no');
$standby->stop;

# A logical subscriber of the ledger: verdicts on one contact need nothing, the
# campaign filter its standings.
$node->safe_psql('postgres', 'CREATE DATABASE branch TEMPLATE template0');
$node->safe_psql('branch', q{CREATE EXTENSION pg_consent; INSERT INTO consent.organisation (name) VALUES ('acme')});
$node->safe_psql('shop', q{CREATE PUBLICATION ledger FOR TABLE consent.ledger WITH (publish_via_partition_root = true);
  SELECT pg_create_logical_replication_slot('branch', 'pgoutput')});
$node->safe_psql('branch', q{INSERT INTO consent.organisation (name) SELECT 'acme' WHERE NOT EXISTS (SELECT FROM consent.organisation WHERE name = 'acme')});
my $source = $node->connstr('shop') =~ s{'}{''}gr;
$node->safe_psql('branch', "CREATE SUBSCRIPTION branch CONNECTION '$source' PUBLICATION ledger WITH (create_slot = false, slot_name = 'branch')");
$node->poll_query_until('branch', q{SELECT count(*) > 0 AND bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel});
my $events = $node->safe_psql('shop', 'SELECT count(*) FROM consent.ledger');
ok($node->poll_query_until('branch', "SELECT count(*) = $events FROM consent.ledger"), 'a subscriber has the ledger');
is($node->safe_psql('branch', q{SELECT reason FROM consent.evaluate('c7@ops.example', 'email', 'acme')}), 'consent_withdrawn', '... and judges one contact');
$node->safe_psql('branch', 'SELECT consent.rebuild_standings()');
# Erasures are not in the ledger: the branch knows no more of that contact.
is($node->safe_psql('branch', q{SELECT count(*) FROM consent.permitted('email', 'acme')}), $node->safe_psql('shop', q{SELECT count(*) FROM consent.permitted('email', 'acme')}),
  '... and everybody, once its standings are made');
# A no that is replicated reaches what the branch has queued.
$node->safe_psql('branch', q{
  CREATE TABLE local_outbox (to_addr text, body text, status text DEFAULT 'queued');
  SELECT consent.guard('local_outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$,
    pending => $$status = 'queued'$$, on_block => 'divert', divert => $$status = 'cancelled'$$);
  INSERT INTO local_outbox VALUES ('c4@ops.example', 'Get 20% off all boilers this weekend only!'), ('c4@ops.example', 'Your order 4411 is out for delivery today.')});
is($node->safe_psql('branch', q{SELECT string_agg(status, ' ' ORDER BY body) FROM local_outbox}), 'queued queued', 'the branch may send to somebody');
$node->safe_psql('shop', q{SELECT consent.object('c4@ops.example')});
ok($node->poll_query_until('branch', q{SELECT string_agg(status, ' ' ORDER BY body) = 'cancelled queued' FROM local_outbox}), '... until a no is replicated, which parks the offer');
$node->safe_psql('branch', 'ALTER SUBSCRIPTION branch DISABLE; ALTER SUBSCRIPTION branch SET (slot_name = NONE); DROP SUBSCRIPTION branch');
$node->safe_psql('shop', q{SELECT pg_drop_replication_slot('branch')});

# A guard that is not well, and what is to be done.
my @cases = (
  [ 'disabled', q{ALTER TABLE outbox DISABLE TRIGGER consent_guard}, q{ALTER TABLE outbox ENABLE ALWAYS TRIGGER consent_guard} ],
  [ 'replica_only', q{ALTER TABLE outbox ENABLE REPLICA TRIGGER consent_guard}, q{ALTER TABLE outbox ENABLE ALWAYS TRIGGER consent_guard} ],
  [ 'mapping_broken', q{ALTER TABLE outbox RENAME to_addr TO address},
    q{SELECT consent.unguard('outbox'); ALTER TABLE outbox RENAME address TO to_addr;
      SELECT consent.guard(target => 'outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$, pending => $$status = 'queued'$$)} ],
  [ 'missing', q{DROP TRIGGER consent_guard ON outbox; DROP TRIGGER IF EXISTS zzz_consent_guard ON outbox},
    q{SELECT consent.unguard('outbox');
      SELECT consent.guard(target => 'outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$, pending => $$status = 'queued'$$)} ]);
foreach (@cases)
{
  my ($health, $harm, $cure) = @$_;
  $node->safe_psql('shop', $harm);
  is($node->safe_psql('shop', $unwell), $health, "$health is shown");
  $node->psql('shop', $cure, on_error_stop => 0);
  $node->safe_psql('shop', q{SELECT * FROM consent.verify('outbox')});
  is($node->safe_psql('shop', $unwell), '', '... and cured as the page says');
}
($status, $stdout, $stderr) = $node->psql('shop', "\\set VERBOSITY sqlstate\n$promotion");
like($stderr, qr/PC001/, 'after all that the guard guards');

$node->stop;
done_testing();
