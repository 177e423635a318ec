# What the report room keeps survives a dump: audits with their findings, and
# contacts' numbers, so that audiences stored before it still hold after it.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('report_dump');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\njit = off");
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0") foreach qw(before after);
my ($sql) = run_command([ 'bash', 'test/bench/generate', '500', '3' ]);
$node->safe_psql('before', $sql);
$node->safe_psql('before', q{
  ALTER TABLE gen_customer ADD contact_id bigint;
  UPDATE gen_customer SET contact_id = consent.contact_id(email);
  CREATE TABLE saved AS SELECT consent.audience('email', 'gen_shop') AS members;
  CREATE TABLE sent AS SELECT email_text AS rcpt, timestamptz '2024-01-01' + id * interval '1 hour' AS at FROM gen_customer;
  SELECT consent.exposure_start('sent', 'rcpt', $$'email'$$, 'at', organisation => $$'gen_shop'$$, as_known => false, batch_blocks => 1)});
# Half done when it is dumped.
$node->safe_psql('before', 'CALL consent.exposure_work(1, 1)');

my $file = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $file, '-d', $node->connstr('before') ], 'pg_dump');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('after'), $file ], 'pg_restore');

foreach my $query (
  'SELECT members = consent.audience(\'email\', \'gen_shop\') FROM saved',
  'SELECT count(*) = 0 FROM gen_customer WHERE contact_id IS DISTINCT FROM consent.contact_id(email)')
{
  is($node->safe_psql('after', $query), 't', $query);
}
foreach my $query (
  'SELECT count(*), md5(string_agg(contact_id::text, \',\' ORDER BY id)) FROM gen_customer WHERE contact_id <@ (SELECT members FROM saved)',
  'SELECT batches_done, batches, judged FROM consent.exposure_progress',
  'SELECT * FROM consent.exposure_result(1)')
{
  is($node->safe_psql('after', $query), $node->safe_psql('before', $query), "the same in both: $query");
}
# It goes on where it was, and both come to the same end.
$node->safe_psql($_, 'CALL consent.exposure_work(1)') foreach qw(before after);
my $result = 'SELECT * FROM consent.exposure_result(1)';
is($node->safe_psql('after', $result), $node->safe_psql('before', $result), 'an audit goes on after a restore');
is($node->safe_psql('after', q{SELECT percent FROM consent.exposure_progress}), '100.0', '... to its end');
cmp_ok($node->safe_psql('after', q{SELECT consent.exposure_start('sent', 'rcpt', $$'email'$$, 'at', organisation => $$'gen_shop'$$)}), '>', 1, 'and the next one has a number of its own');

$node->stop;
done_testing();
