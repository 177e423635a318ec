# No room for what guards write down.  The files of one session may not grow above
# 2 MB (prlimit), and the logs have that size already: what cannot be logged is not
# stored, what needs no log goes on, and a withdrawal that cannot be written down
# whole is an error to who withdraws.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'there is no prlimit' if system('prlimit --version >/dev/null 2>&1') != 0;

my $node = PostgreSQL::Test::Cluster->new('full');
# Small segments, so that the WAL fits.
$node->init(extra => [ '--encoding=UTF8', '--locale=C', '--wal-segsize=1' ]);
$node->append_conf('postgresql.conf', "min_wal_size = 2MB\nautovacuum = off");
$node->start;
sub sql { return $node->safe_psql('postgres', shift) }

my $promo = 'Get 20% off all boilers this weekend only! Order now.';
my $mappings = q{recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$, pending => $$status = 'queued'$$};
sql(qq{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name) VALUES ('acme');
  SELECT consent.give(c::consent.contact, '{email}', 'acme', method => 'ticked_box', wording => 'Offers from Acme')
    FROM unnest('{yes\@a.example,later\@a.example}'::text[]) c;
  CREATE TABLE diverting (to_addr text, body text, status text DEFAULT 'queued');
  CREATE TABLE keeping (to_addr text, body text, status text DEFAULT 'queued');
  SELECT consent.guard('diverting', $mappings, on_block => 'divert', divert => \$\$status = 'cancelled'\$\$);
  SELECT consent.guard('keeping', $mappings, on_block => 'quarantine');
  INSERT INTO diverting VALUES ('later\@a.example', '$promo'), ('no\@a.example', '$promo');
  INSERT INTO keeping VALUES ('no\@a.example', '$promo');
  INSERT INTO consent.sweep_log (contact_digest, relation, cancelled, skipped) SELECT '', 'diverting'::regclass, 0, 0 FROM generate_series(1, 40000);
  INSERT INTO consent.decision_log SELECT d.* FROM consent.decision_log d, generate_series(1, 20000);
  INSERT INTO consent.quarantine (relation, "row", reason) SELECT relation, "row", reason FROM consent.quarantine, generate_series(1, 20000);
  -- what is left of the last page is not used
  ALTER TABLE consent.sweep_log SET (fillfactor = 10);
  ALTER TABLE consent.decision_log SET (fillfactor = 10);
  ALTER TABLE consent.quarantine SET (fillfactor = 10);
});
cmp_ok(sql("SELECT min(pg_relation_size(r)) FROM unnest('{consent.sweep_log,consent.decision_log,consent.quarantine}'::regclass[]) r"), '>=', 2097152,
  'the logs are as large as a file may be');

# What is said to statements of a session whose files may not grow.
sub cramped
{
  my $session = $node->background_psql('postgres', on_error_stop => 0);
  my ($pid) = $session->query('SELECT pg_backend_pid()') =~ /(\d+)/;
  $session->query('SELECT consent.classify($$x$$)');	# what else it opens, it opens now
  system_or_bail('prlimit', '--pid', $pid, '--fsize=2097152');
  $session->query('\set VERBOSITY terse');
  my $said = '';
  foreach my $statement (@_)
  {
    $session->query($statement);
    $said .= $session->{stderr} =~ s/^background_psql.*\n//gmr;
  }
  $session->quit;
  return $said;
}
my $rows = sub { sql("SELECT count(*), count(*) FILTER (WHERE status = 'queued') FROM $_[0]") };
like(cramped("INSERT INTO diverting VALUES ('no\@a.example', '$promo')"), qr/could not extend file/, 'a diversion that cannot be logged fails');
is($rows->('diverting'), '2|1', '... and nothing is stored');
like(cramped("INSERT INTO keeping VALUES ('no\@a.example', '$promo')"), qr/could not extend file/, 'a quarantine that cannot be filled fails');
is($rows->('keeping'), '0|0', '... and nothing is stored');
is(cramped("INSERT INTO diverting VALUES ('yes\@a.example', '$promo')", "INSERT INTO keeping VALUES ('no\@a.example', 'Your order 4411 is out for delivery today.')"),
  '', 'what needs no log is stored');
is($rows->('diverting') . ' ' . $rows->('keeping'), '3|2 1|1', '... all of it');
my $left = q{SELECT e.reason, d.status FROM diverting d, consent.evaluate(d.to_addr::consent.contact, 'email', 'acme') e WHERE d.to_addr LIKE 'later%'};
like(cramped("SELECT consent.withdraw('later\@a.example')"), qr/could not extend file/, 'a withdrawal whose sweep cannot be logged fails');
is(sql($left), 'consent|queued', '... as a whole');
sql("SELECT consent.withdraw('later\@a.example')");
is(sql($left), 'consent_withdrawn|cancelled', '... and is there when there is room again');
done_testing();
