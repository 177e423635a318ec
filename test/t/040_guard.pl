# Guards through dump and restore, crashes and rollbacks.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('guard');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_consent'\nmax_prepared_transactions = 10\n");
$node->start;
my $db = 'kept';
sub sql { return $node->safe_psql($db, shift) }
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(kept restored);

my $promo = 'Get 20% off all boilers this weekend only! Order now.';
sql(qq{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name) VALUES ('acme');
  SELECT consent.give(c::consent.contact, '{email}', 'acme', method => 'ticked_box', wording => 'Offers from Acme')
    FROM unnest('{yes\@a.example,later\@a.example}'::text[]) c;
  CREATE TABLE raising (id int, to_addr text, body text, status text DEFAULT 'queued');
  CREATE TABLE diverting (id int, to_addr text, body text, status text DEFAULT 'queued', why text);
  CREATE TABLE keeping (id int PRIMARY KEY, to_addr text, body text, status text DEFAULT 'queued', size int GENERATED ALWAYS AS (length(body)) STORED);
  CREATE TABLE flagging (id int, to_addr text, body text, status text DEFAULT 'queued');
  CREATE TABLE parted (id int, to_addr text, body text, status text DEFAULT 'queued') PARTITION BY LIST (id);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1, 2, 3);
  CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
  CREATE TABLE "odd ""parent""" (id int, to_addr text, body text, status text DEFAULT 'queued');
  CREATE TABLE odd_child () INHERITS ("odd ""parent""");
});
my $mappings = q{recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$, pending => $$status = 'queued'$$};
sql("SELECT consent.guard('raising', $mappings)");
sql("SELECT consent.guard('diverting', $mappings, claim => \$\$status = 'sending'\$\$, on_block => 'divert', divert => \$\$status = 'cancelled', why = consent.refusal_reason()\$\$)");
sql("SELECT consent.guard('keeping', $mappings, on_block => 'quarantine')");
sql("SELECT consent.guard('flagging', $mappings, on_block => 'flag')");
sql("SELECT consent.guard('parted', $mappings, on_block => 'divert', divert => \$\$status = 'cancelled'\$\$, log => 'all')");
sql("SELECT consent.guard('\"odd \"\"parent\"\"\"', $mappings, name => 'a \"name\"')");
my @tables = ('diverting', 'keeping', 'flagging', 'parted', '"odd ""parent"""', 'odd_child');

# queue DATABASE: the same messages everywhere, to who agreed and to who did not.
sub queue {
  my ($where, $first) = @_;
  foreach my $table (@tables) {
    my ($status, undef, $stderr) = $node->psql($where,
      "INSERT INTO $table (id, to_addr, body) VALUES ($first, 'yes\@a.example', '$promo'), ($first + 1, 'no\@a.example', '$promo')");
    is($status == 0 ? 'stored' : $stderr =~ /: no_permission/ ? 'refused' : $stderr,
      $table =~ /odd/ ? 'refused' : 'stored', "$where: rows of $table are " . ($table =~ /odd/ ? 'refused' : 'stored'));
  }
}
my $contents = join(' UNION ALL ',
  map { "SELECT '$_', id, status FROM $_" } qw(raising diverting keeping flagging parted odd_child)) . ' ORDER BY 1, 2';
my $health = q{SELECT leaf, coalesce(name, '-'), on_block, health FROM consent.guards ORDER BY leaf::text COLLATE "C"};
queue('kept', 1);
is($node->safe_psql('kept', $contents), <<'END' =~ s/\n\z//r, 'refused rows are diverted, kept, or flagged');
diverting|1|queued
diverting|2|cancelled
flagging|1|queued
flagging|2|queued
keeping|1|queued
parted|1|queued
parted|2|cancelled
END
my $healthy = $node->safe_psql('kept', $health);
is($healthy, <<'END' =~ s/\n\z//r, 'every guard is well');
"odd ""parent"""|a "name"|raise|ok
diverting|-|divert|ok
flagging|-|flag|ok
keeping|-|quarantine|ok
odd_child|a "name"|raise|ok
parted|-|divert|ok
parted_1|-|divert|ok
parted_rest|-|divert|ok
raising|-|raise|ok
END

# What was decided is counted, also what an error took back.
my ($status) = $node->psql('kept', "INSERT INTO raising (id, to_addr, body) VALUES (1, 'no\@a.example', '$promo')");
isnt($status, 0, 'a refusal that raises');
sql("BEGIN; INSERT INTO flagging (id, to_addr, body) VALUES (9, 'yes\@a.example', '$promo'); ROLLBACK");
is(sql("SELECT allowed, reason, decisions FROM consent.guard_counters WHERE relation = 'raising'::regclass"),
  'f|no_permission|1', '... is counted');
is(sql("SELECT allowed, reason, decisions FROM consent.guard_counters WHERE relation = 'flagging'::regclass ORDER BY reason"),
  "t|consent|2\nf|no_permission|1", '... and so is what was rolled back');
is(sql("SELECT reason, decisions FROM consent.guard_counters WHERE relation = 'diverting'::regclass ORDER BY reason"),
  "consent|1\nno_permission|1", '... and a diverted row once');
is(sql("SELECT count(*) FROM consent.decision_log WHERE relation = 'raising'::regclass"), '0', '... but not logged');

# What is refused at the commit is counted, too: it was an allowance before.
sql("SELECT consent.give('gate\@a.example', '{email}', 'acme', method => 'ticked_box', wording => 'Offers from Acme')");
my $queuer = $node->background_psql('kept', on_error_stop => 0);
$queuer->query_safe("BEGIN; INSERT INTO raising (id, to_addr, body) VALUES (2, 'gate\@a.example', '$promo'); INSERT INTO diverting (id, to_addr, body) VALUES (3, 'gate\@a.example', '$promo')");
sql("SELECT consent.withdraw('gate\@a.example')");
$queuer->query('COMMIT');
like($queuer->{stderr}, qr/: consent_withdrawn/, 'a commit refused by a withdrawal since');
$queuer->quit;
is(sql("SELECT relation, allowed, decisions FROM consent.guard_counters WHERE reason IN ('consent', 'consent_withdrawn') AND relation = 'raising'::regclass ORDER BY allowed"),
  "raising|f|1\nraising|t|1", '... is counted');

# Counters of a dropped table go when the next guard is made, and not before; of a table that is only being made they stay.
my $counted = sub { sql("SELECT string_agg(DISTINCT relation::oid::text, ' ') FROM consent.guard_counters WHERE relation::oid IN (" . join(',', @_) . ')') };
my $throwaway = sub {
  return "CREATE TABLE $_[0] (to_addr text, body text); SELECT consent.guard('$_[0]', recipient => 'to_addr', channel => \$\$'email'\$\$, body => 'body', organisation => \$\$'acme'\$\$);
    INSERT INTO $_[0] VALUES ('yes\@a.example', '$promo')"
};
my ($dropped) = sql($throwaway->('dropped') . "; SELECT 'dropped'::regclass::oid") =~ /(\d+)\s*\z/;
my $maker = $node->background_psql('kept');
my ($making) = $maker->query_safe('BEGIN; ' . $throwaway->('making') . "; SELECT 'making'::regclass::oid") =~ /(\d+)\s*\z/;
sql('DROP TABLE dropped');
is($counted->($dropped, $making), join(' ', sort $dropped, $making), 'a dropped table has its counters');
sql($throwaway->('dropped_next'));
is($counted->($dropped, $making), $making, '... until the next guard is made');
$maker->query_safe("INSERT INTO making VALUES ('yes\@a.example', '$promo'); COMMIT");
$maker->quit;
is(sql("SELECT decisions FROM consent.guard_counters WHERE relation = 'making'::regclass"), '2', '... which takes nothing from a table that is not yet committed');
is(sql("SELECT sum(decisions) FROM consent.guard_counters WHERE relation = 'flagging'::regclass"), '3', '... nor from one that stays');
sql('SELECT consent.unguard(t) FROM unnest(ARRAY[\'making\', \'dropped_next\']::regclass[]) t; DROP TABLE making, dropped_next');

# Through a dump: the guards, what they kept, and what they logged.
my $log = q{SELECT relation, allowed, reason, reasons, class, channel, organisation, contact, event_id, ruleset, policy, evidence, action
              FROM consent.decision_log ORDER BY decided_at, relation::text};
my $quarantine = q{SELECT id, relation, "row", reason, decided_at FROM consent.quarantine ORDER BY id};
# One of the tables is a keeper's, who makes its trigger anew when it is restored in that name.
$node->safe_psql('kept', 'CREATE ROLE keeper IN ROLE consent_admin; ALTER TABLE keeping OWNER TO keeper');
$node->safe_psql($_, 'GRANT CREATE ON SCHEMA public TO keeper') foreach qw(kept restored);
# Another is dropped before that, and what it kept is left.
sql("CREATE TABLE lost (to_addr text, body text); SELECT consent.guard('lost', recipient => 'to_addr', channel => \$\$'email'\$\$, body => 'body', organisation => \$\$'acme'\$\$, on_block => 'quarantine');
  INSERT INTO lost VALUES ('no\@a.example', '$promo')");
my $lost = sql("SELECT 'lost'::regclass::oid");
my $of_lost = "FROM consent.quarantine WHERE relation::oid = $lost";
sql('DROP TABLE lost');
my $file = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $file, '-d', $node->connstr('kept') ], 'pg_dump');
command_ok([ 'pg_restore', '--exit-on-error', '--use-set-session-authorization', '-d', $node->connstr('restored'), $file ], 'pg_restore');
is($node->safe_psql('restored', $contents), $node->safe_psql('kept', $contents), 'the restored database has the rows');
isnt($node->safe_psql('restored', "SELECT 'keeping'::regclass::oid"), $node->safe_psql('kept', "SELECT 'keeping'::regclass::oid"),
  '... in tables with other numbers');
is($node->safe_psql('restored', $log), $node->safe_psql('kept', $log), '... and the log');
is($node->safe_psql('restored', $quarantine), $node->safe_psql('kept', $quarantine), '... and the quarantine');
is($node->safe_psql('restored', "SELECT relation, \"row\" ->> 'to_addr' $of_lost"), "$lost|no\@a.example", '... with what a dropped table had kept');
like(($node->psql('restored', "SELECT consent.release(id) $of_lost"))[2], qr/the table that row \d+ of consent.quarantine left does not exist any more/,
  '... which there is no place for');
is(sql('WITH gone AS (DELETE FROM consent.quarantine WHERE relation NOT IN (SELECT oid FROM pg_class) RETURNING 1) SELECT count(*) FROM gone'),
  '1', '... and which could have been deleted before');
is($node->safe_psql('restored', 'SELECT * FROM consent.expected_guard ORDER BY 1, 2'),
  $node->safe_psql('kept', 'SELECT * FROM consent.expected_guard ORDER BY 1, 2'), '... and knows the guards it should have');
is($node->safe_psql('restored', q{SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE '%consent_guard%' ORDER BY tgrelid::regclass::text COLLATE "C", 2}),
  $node->safe_psql('kept', q{SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE '%consent_guard%' ORDER BY tgrelid::regclass::text COLLATE "C", 2}),
  '... with their triggers always enabled');
# Its rows were loaded before the triggers were made.
is($node->safe_psql('restored', q{SELECT leaf FROM consent.guards WHERE health <> 'ok' ORDER BY leaf::text}),
  "diverting\nflagging\nkeeping\nparted_1", 'guards of tables with rows say that they have not seen them');
$node->safe_psql('restored', "SELECT consent.verify(t) FROM unnest('{diverting,flagging,keeping,parted}'::regclass[]) t");
is($node->safe_psql('restored', $health), $healthy, '... until they have');
queue('restored', 3);
is($node->safe_psql('restored', "SELECT status, why FROM diverting WHERE id = 4"), 'cancelled|no_permission', 'the restored guards divert');
is($node->safe_psql('restored', "SELECT count(*) FROM keeping WHERE id = 4"), '0', '... and quarantine');
is($node->safe_psql('restored', "SELECT consent.release(1)"), 'f', 'a restored row is not released while it may not go');
$node->safe_psql('restored', "SELECT consent.give('no\@a.example', '{email}', 'acme', method => 'ticked_box', wording => 'Offers from Acme')");
is($node->safe_psql('restored', "SELECT consent.release(1)"), 't', '... and is when it may');
is($node->safe_psql('restored', "SELECT id, to_addr, status, size FROM keeping WHERE id = 2"),
  '2|no@a.example|queued|' . length($promo), '... whole');
is($node->safe_psql('restored', "SELECT max(id) > 1 FROM consent.quarantine"), 't', 'numbers of the quarantine go on');
# A dump of the restored database is the same again.
my $schema = sub {
  my $out = $node->basedir . "/schema-$_[0]";
  system_or_bail('pg_dump', '-s', '-f', $out, '-d', $node->connstr($_[0]));
  return slurp_file($out) =~ s/^\\(un)?restrict .*$//mgr;
};
is($schema->('restored'), $schema->('kept'), 'guards dump the same after a restore');

# A crash in the middle leaves no half of a diversion or of a quarantine.
sql("INSERT INTO diverting (id, to_addr, body) VALUES (10, 'later\@a.example', '$promo')");
my $before = sql('SELECT count(*) FROM diverting') . ' ' . sql('SELECT count(*) FROM keeping') . ' ' .
  sql('SELECT count(*) FROM consent.quarantine') . ' ' . sql('SELECT count(*) FROM consent.decision_log');
my ($stdin, $stdout, $stderr) = ('', '', '');
my $running = IPC::Run::start(
  [ 'psql', '-XAtq', '-d', $node->connstr('kept') ], '<', \$stdin, '>', \$stdout, '2>', \$stderr);
$stdin .= "BEGIN; INSERT INTO diverting (id, to_addr, body) SELECT i, 'no\@a.example', '$promo' FROM generate_series(100, 1000) i;\n";
$stdin .= "INSERT INTO keeping (id, to_addr, body) SELECT i, 'no\@a.example', '$promo' FROM generate_series(100, 200) i;\n";
$stdin .= "SELECT count(*) FROM consent.quarantine;\n";
pump_until($running, IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default), \$stdout, qr/\d+\n/);
is($stdout, "102\n", 'a transaction that diverts and quarantines');
$node->stop('immediate');
$running->finish;
$node->start;
is(sql('SELECT count(*) FROM diverting') . ' ' . sql('SELECT count(*) FROM keeping') . ' ' .
    sql('SELECT count(*) FROM consent.quarantine') . ' ' . sql('SELECT count(*) FROM consent.decision_log'),
  $before, '... leaves nothing behind in a crash');
is($node->safe_psql('kept', $health), $healthy, '... and the guards are as well as before');
is(sql('SELECT count(*) FROM consent.guard_counters'), '0', 'counters start anew with the server');

# While a statement asks about people nobody has heard of, it holds no page of the ledger's indexes between two of them.
$node->safe_psql('postgres', q{
  CREATE EXTENSION pg_consent;
  CREATE EXTENSION pg_buffercache;
  INSERT INTO consent.organisation (name) VALUES ('acme');
  CREATE TABLE outbox (id int, to_addr text, body text);
  SELECT consent.guard(target => 'outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$, on_block => 'flag');
  CREATE TABLE held (pages bigint);
  CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO held SELECT COALESCE(sum(b.pinning_backends), 0) FROM pg_buffercache b
      JOIN pg_partition_tree('consent.ledger_address') t ON t.isleaf AND b.relfilenode = pg_relation_filenode(t.relid);
    RETURN NULL; END $$;
  CREATE TRIGGER zzzz AFTER INSERT ON outbox FOR EACH ROW WHEN (new.id % 100 = 0) EXECUTE FUNCTION hold();
  INSERT INTO outbox SELECT i, 'nobody' || i || '@a.example', '20% off everything' FROM generate_series(1, 1000) i});
is($node->safe_psql('postgres', 'SELECT count(*), max(pages) FROM held'), '10|0', 'no page is pinned between two recipients');

# A guard's trigger on a foreign table, made by hand: its rows cannot be judged, and nobody comes to harm.
sql(q{
  CREATE EXTENSION postgres_fdw;
  CREATE TABLE far (id int, to_addr text, body text);
  DO $$ BEGIN EXECUTE format('CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
    split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database()); END $$;
  CREATE USER MAPPING FOR CURRENT_USER SERVER here;
  CREATE FOREIGN TABLE near (id int, to_addr text, body text) SERVER here OPTIONS (table_name 'far');
  SELECT count(consent.give(c::consent.contact, '{email}', 'acme', method => 'ticked_box', wording => 'Offers from Acme')) FROM unnest('{near@a.example,far@a.example}'::text[]) c;
  CREATE TRIGGER by_hand AFTER INSERT OR UPDATE ON near FOR EACH ROW
    EXECUTE FUNCTION consent.guard_check('region', 'GB', 'recipient', 'to_addr', 'channel', '''email''', 'organisation', '''acme''', 'body', 'body')});
my ($near_status, $near_out, $near_error) = $node->psql($db, "INSERT INTO near VALUES (1, 'near\@a.example', '$promo')");
like($near_error, qr/must be fired AFTER each ROW of a table/, 'a guard made by hand on a foreign table refuses what is written');
sql("INSERT INTO far VALUES (1, 'near\@a.example', '$promo')");
my $nothing_far = 'foreign table "..." cannot be used while a transaction is being committed';
is(sql(q{SELECT FROM consent.withdraw('near@a.example'); SELECT problem FROM consent.sweep_log WHERE relation = 'near'::regclass}),
  $nothing_far, '... and a withdrawal stands, and says that it could do nothing there');

# Nor can a trigger of a guarded table write to one when a row is parked at a commit: postgres_fdw would not commit that, and bring the server down.
sql(qq{
  DROP TRIGGER by_hand ON near;
  CREATE TABLE mirrored (id int, to_addr text, body text, status text DEFAULT 'queued');
  SELECT FROM consent.guard('mirrored', $mappings, divert => \$\$status = 'cancelled'\$\$);
  CREATE FUNCTION mirror() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO near VALUES (new.id, new.status); RETURN NULL; END \$\$;
  CREATE TRIGGER mirror AFTER UPDATE ON mirrored FOR EACH ROW EXECUTE FUNCTION mirror();
  INSERT INTO mirrored VALUES (2, 'far\@a.example', '$promo')});
is(sql(q{SELECT FROM consent.withdraw('far@a.example'); SELECT problem FROM consent.sweep_log WHERE relation = 'mirrored'::regclass}),
  $nothing_far, 'a trigger that writes to a foreign table at a commit: the withdrawal stands');
is(sql(q{SELECT count(*) FROM near; SELECT refused FROM consent.verify('mirrored'); SELECT to_addr FROM far WHERE id = 2; SELECT status FROM mirrored}),
  "1\n1\ncancelled\ncancelled", '... and what it had to leave is parked by verify()');
sql('DROP FOREIGN TABLE near; DROP TABLE mirrored');

# However many rows a sweep comes by, they leave nothing in its memory.
sql(q{
  CREATE TABLE in_use (bytes bigint);
  CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO in_use SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name = 'SPI Proc';
    RETURN NULL; END $$});
my %in_use;
foreach my $rows (500, 5000)
{
  $in_use{$rows} = sql(qq{
    CREATE TABLE swept (id int, to_addr text, body text, status text DEFAULT 'queued');
    SELECT FROM consent.guard('swept', $mappings, divert => \$\$status = 'cancelled'\$\$);
    SELECT FROM consent.give('swept\@a.example', '{email}', 'acme', method => 'ticked_box', wording => 'Offers from Acme');
    INSERT INTO swept SELECT i, 'swept\@a.example', '$promo' FROM generate_series(1, $rows) i;
    CREATE TRIGGER tell AFTER UPDATE ON swept FOR EACH ROW WHEN (new.id % 500 = 0) EXECUTE FUNCTION tell();
    TRUNCATE in_use;
    SELECT FROM consent.withdraw('swept\@a.example');
    SELECT max(bytes) FROM in_use;
    DROP TABLE swept});
}
cmp_ok($in_use{5000}, '<', $in_use{500} + 100_000, 'ten times as many rows take no more memory');

# A standby that is promoted guards as the primary did.
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
$node->stop('immediate');
$standby->promote;
is($standby->safe_psql('kept', $health), $healthy, 'a promoted standby has its guards');
is($standby->safe_psql('kept',
    "INSERT INTO diverting (id, to_addr, body) VALUES (20, 'no\@a.example', '$promo'), (21, 'yes\@a.example', '$promo') RETURNING status, why"),
  "cancelled|no_permission\nqueued|", '... and they work');

$standby->stop;
done_testing();
