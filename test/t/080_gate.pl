# The gate under load: many write to an outbox in every way and at every
# isolation level while people withdraw.  Commit order is recorded, and no
# marketing row that committed after its recipient's withdrawal may be there;
# what committed before must have been swept, unless the sweep says that
# somebody had it locked, or the whole table; in the end that, too.  The same load on a table with
# the trigger that everybody writes first shows that the load can tell.
# Then the same through a crash, a standby's promotion, and a withdrawal that
# is prepared when the server dies.  Of half of the people nothing is on record
# before they withdraw, so that the filter (src/ledger/filter.c) rules them out.
use strict;
use warnings FATAL => 'all';

use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{PG_CONSENT_SEED} // 20261127;
srand($seed);
note("PG_CONSENT_SEED=$seed");

my $promo = 'Get 20% off all boilers this weekend only! Order now.';
my $service = 'Your order 4411 is out for delivery today.';
my @levels = ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
my $contacts = 400;
my $round = 0;

my $node = PostgreSQL::Test::Cluster->new('gate');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ], allows_streaming => 1);
$node->append_conf('postgresql.conf', qq(
track_commit_timestamp = on
max_prepared_transactions = 10
max_connections = 50
log_min_messages = fatal
deadlock_timeout = 100ms
log_error_verbosity = terse
shared_preload_libraries = 'pg_consent'
));
$node->start;

$node->safe_psql('postgres', q{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name, jurisdiction) VALUES ('acme', 'US');
  CREATE TABLE outbox (id bigserial, to_addr text, body text, status text DEFAULT 'queued', by_xid xid8 DEFAULT pg_current_xact_id(), key int UNIQUE);
  SELECT consent.guard('outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$,
                       pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$);
  CREATE TABLE part (LIKE outbox INCLUDING DEFAULTS) PARTITION BY HASH (to_addr);
  CREATE TABLE part_0 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE part_1 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  SELECT consent.guard('part', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$,
                       pending => $$status = 'queued'$$, divert => $$status = 'cancelled'$$, on_block => 'divert');

  -- the trigger that everybody writes first
  CREATE TABLE naive (LIKE outbox INCLUDING DEFAULTS, UNIQUE (key));
  CREATE FUNCTION naive_check() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF NEW.body LIKE '%20!% off%' ESCAPE '!' AND EXISTS (SELECT FROM consent.ledger l WHERE l.contact = NEW.to_addr::consent.contact AND l.kind = 'withdrawal') THEN
      RAISE 'opted out' USING ERRCODE = 'PC001';
    END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER naive BEFORE INSERT OR UPDATE ON naive FOR EACH ROW EXECUTE FUNCTION naive_check();

  -- when each contact's withdrawal and each row committed
  CREATE VIEW stopped AS
    SELECT l.contact::text AS to_addr, pg_xact_commit_timestamp(l.xmin) AS at,
           EXISTS (SELECT FROM consent.sweep_log s WHERE s.contact_digest = int8send(consent.guard_key(l.contact::text, 'GB')) AND s.skipped > 0
                      OR s.problem IS NOT NULL AND s.at BETWEEN l.recorded_at AND pg_xact_commit_timestamp(l.xmin)) AS skipped
      FROM consent.ledger l WHERE l.kind = 'withdrawal';
  CREATE VIEW marketing AS
    SELECT 'outbox' AS t, to_addr, status, pg_xact_commit_timestamp(by_xid::xid) AS at FROM outbox WHERE body LIKE 'Get%'
    UNION ALL SELECT 'part', to_addr, status, pg_xact_commit_timestamp(by_xid::xid) FROM part WHERE body LIKE 'Get%'
    UNION ALL SELECT 'naive', to_addr, status, pg_xact_commit_timestamp(by_xid::xid) FROM naive WHERE body LIKE 'Get%';
});

# One transaction of somebody who queues.
sub enqueue {
	my ($table) = @_;
	my $sql = 'BEGIN ISOLATION LEVEL ' . $levels[ rand @levels ] . ";\n";
	# Without a number or a snapshot, before anything is said.
	$sql .= "LOCK TABLE $table IN " . ('SHARE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE')[ rand 3 ] . " MODE;\nSELECT pg_sleep(" . rand(0.01) . ");\n"
	  if $table ne 'naive' && rand() < 0.03;
	$sql .= "SELECT 1;\n";
	for (1 .. 1 + int rand 4) {
		my $to = sub { "r$round.c" . int(rand $contacts) . '@gate.example' };
		my ($a, $b, $key) = ($to->(), $to->(), int(rand 50));
		my $t = $table eq 'outbox' && rand() < 0.3 ? 'part' : $table;
		my @ways = (
			"INSERT INTO $t (to_addr, body) VALUES ('$a', '$promo');",
			"INSERT INTO $t (to_addr, body) SELECT x, '$promo' FROM unnest('{$a,$b}'::text[]) x;",
			"COPY $t (to_addr, body) FROM stdin;\n$a\t$promo\n\\.",
			"INSERT INTO $t (to_addr, body) VALUES ('$a', '$service');",
			"SAVEPOINT s;\nINSERT INTO $t (to_addr, body) VALUES ('$a', '$promo');\nROLLBACK TO s;",
			"SAVEPOINT s;\nINSERT INTO $t (to_addr, body) VALUES ('$a', '$promo');\nRELEASE s;",
			"INSERT INTO $t (to_addr, body, status) VALUES ('$a', '$promo', 'draft');\n"
			  . "UPDATE $t SET status = 'queued', by_xid = pg_current_xact_id() WHERE to_addr = '$a' AND status = 'draft';",
			"UPDATE $t SET key = key WHERE to_addr = '$a';",
			"SAVEPOINT s;\nUPDATE $t SET to_addr = '$b', by_xid = pg_current_xact_id() WHERE to_addr = '$a';\nSELECT pg_sleep(" . rand(0.01) . ");\nROLLBACK TO s;",
			"UPDATE $t SET body = '$promo', by_xid = pg_current_xact_id() WHERE id IN (SELECT id FROM $t WHERE to_addr = '$a' AND body <> '$promo' LIMIT 1);");
		# Many at once, whose standings are read ahead: each partition gets a hundred.
		@ways = ("INSERT INTO part (to_addr, body) SELECT 'r$round.c' || n || '\@gate.example', '$promo' FROM generate_series(0, $contacts - 1, 2) n;\nSELECT pg_sleep(" . rand(0.01) . ");")
		  if $t eq 'part' && rand() < 0.05;
		push @ways, "INSERT INTO $table (to_addr, body, key) VALUES ('$a', '$promo', $key) ON CONFLICT (key) DO UPDATE SET to_addr = EXCLUDED.to_addr, status = 'queued', by_xid = pg_current_xact_id();",
		  "MERGE INTO $table t USING (VALUES ($key)) v(key) ON t.key = v.key WHEN MATCHED THEN UPDATE SET to_addr = '$b', status = 'queued', by_xid = pg_current_xact_id() WHEN NOT MATCHED THEN INSERT (to_addr, body, key) VALUES ('$a', '$promo', $key);"
		  if $t eq $table;
		$sql .= $ways[ rand @ways ] . "\n";
		$sql .= 'SELECT pg_sleep(' . rand(0.01) . ");\n" if rand() < 0.5;
	}
	return $sql . (rand() < 0.05 ? "ROLLBACK;\n" : "COMMIT;\n");
}

# One transaction of somebody who withdraws; a contact withdraws once.
sub withdraw {
	my (@who) = @_;
	my $sql = 'BEGIN ISOLATION LEVEL ' . $levels[ rand @levels ] . ";\n";
	$sql .= "SELECT consent.withdraw('r$round.c$_\@gate.example');\n" for @who;
	$sql .= 'SELECT pg_sleep(' . rand(0.01) . ");\n" if rand() < 0.5;
	return $sql . "COMMIT;\n";
}

# Start the load; returns what finish_load wants.
sub start_load {
	my ($table, $transactions, $on) = @_;
	$on //= $node;
	$round++;
	$on->safe_psql('postgres', "SELECT count(consent.give(('r$round.c' || n || '\@gate.example')::consent.contact, '{email}', 'acme', method => 'ticked_box', wording => 'w')) FROM generate_series(0, $contacts - 1, 2) n");
	my @who = sort { rand() <=> 0.5 } 0 .. $contacts - 1;
	@who = @who[ 0 .. int($contacts * 0.8) ];
	my @scripts = map { join '', map { enqueue($table) } 1 .. $transactions } 1 .. 6;
	for (1 .. 2) {
		my $script = '';
		my @mine = splice @who, 0, int(@who / (3 - $_));
		while (@mine) {
			$script .= 'SELECT pg_sleep(' . rand(0.02) . ");\n" . withdraw(splice @mine, 0, 1 + int rand 2);
		}
		push @scripts, $script;
	}
	# From files to files: pipes would be served only by finish().
	my @running;
	for my $script (@scripts) {
		my $file = PostgreSQL::Test::Utils::tempdir_short() . '/load';
		append_to_file("$file.sql", $script);
		push @running, {
			errors => "$file.err",
			handle => start([ 'psql', '-XqAt', '-v', 'VERBOSITY=verbose', '-d', $on->connstr('postgres'), '-f', "$file.sql" ],
				'>', '/dev/null', '2>', "$file.err") };
	}
	return @running;
}

sub finish_load {
	my %errors;
	for my $run (@_) {
		finish($run->{handle});
		my $err = slurp_file($run->{errors});
		while ($err =~ /(?:ERROR|FATAL): +((\w{5}): .*)/g) {
			$errors{$2}++;
			note($1) if $2 =~ /^XX/;
		}
	}
	return \%errors;
}

# Rows that committed after the withdrawal and wait to be sent, or before and still do.
sub leaks {
	my ($on, $tables) = @_;
	return $on->safe_psql('postgres', "SELECT count(*) FILTER (WHERE m.at > s.at) || ' late, ' || count(*) FILTER (WHERE m.at <= s.at AND NOT s.skipped) || ' left' FROM marketing m JOIN stopped s USING (to_addr) WHERE m.status = 'queued' AND m.t IN ($tables)");
}

# What a sweep had to leave, because somebody had it locked, is swept when all is over.
sub none_left {
	my ($on, $what) = @_;
	$on->safe_psql('postgres', 'SELECT consent.finish_sweeps()');
	is($on->safe_psql('postgres', "SELECT count(*) FROM marketing m JOIN stopped s USING (to_addr) WHERE m.status = 'queued' AND m.t <> 'naive'"), 0, "$what: finish_sweeps() parks what was locked");
	is($on->safe_psql('postgres', "SELECT count(*) FROM consent.guards WHERE health <> 'ok'"), 0, "$what: nothing is left to do");
}

sub check_errors {
	my ($errors, $what) = @_;
	my %unexpected = %$errors;
	delete @unexpected{qw(PC001 40001 40P01 25P02 23505 3B001)};
	is_deeply(\%unexpected, {}, "$what: nothing but refusals and what is to be tried again");
}

$node->safe_psql('postgres', 'SELECT consent.fill_filter()');
my $errors = finish_load(start_load('outbox', 60));
is($node->safe_psql('postgres', 'SELECT in_use FROM consent.filter_state()'), 't', 'the filter was in use');
is(leaks($node, "'outbox', 'part'"), '0 late, 0 left', 'no marketing waits for who has withdrawn');
check_errors($errors, 'the gate under load');
none_left($node, 'the gate under load');
cmp_ok($errors->{PC001} // 0, '>', 0, 'rows were refused');
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM marketing m JOIN stopped s USING (to_addr) WHERE m.status = 'cancelled' AND m.at <= s.at"), '>', 0, 'rows were swept');
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM marketing WHERE status = 'queued'"), '>', 0, 'others wait');
is($node->safe_psql('postgres', "SELECT count(*) FROM (TABLE outbox UNION ALL TABLE part) o WHERE body = '$service' AND status <> 'queued'"), 0, 'no service message was touched');
is($node->safe_psql('postgres', 'SELECT count(*) FROM consent.wrong_standings()'), 0, 'the standings are right');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock is left');

# The load finds the leak of a trigger that only looks.
my $late = 0;
for (1 .. 10) {
	finish_load(start_load('naive', 40));
	($late) = leaks($node, "'naive'") =~ /^(\d+) late/;
	last if $late > 0;
}
cmp_ok($late, '>', 0, 'a trigger that only looks lets rows through that commit after the withdrawal');

# Killed in the middle.
my @running = start_load('outbox', 200);
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM stopped WHERE to_addr LIKE 'r$round.%')") or die "nobody withdrew\n";
select(undef, undef, undef, rand 1);
$node->stop('immediate');
finish_load(@running);
$node->start;
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM stopped WHERE to_addr LIKE 'r$round.%'"), '>', 0, 'some had withdrawn before the crash');
is(leaks($node, "'outbox', 'part'"), '0 late, 0 left', 'after a crash: no marketing waits for who has withdrawn');
$errors = finish_load(start_load('outbox', 20));
is(leaks($node, "'outbox', 'part'"), '0 late, 0 left', 'and it goes on');
check_errors($errors, 'after the crash');
none_left($node, 'after the crash');

# A withdrawal is prepared, the server dies, somebody queues, and only then it is committed.
$node->safe_psql('postgres', "SELECT consent.give('twice\@gate.example', '{email}', 'acme', method => 'ticked_box', wording => 'w')");
$node->safe_psql('postgres', "BEGIN; SELECT consent.withdraw('twice\@gate.example'); PREPARE TRANSACTION 'stop'");
$node->stop('immediate');
$node->start;
my $file = PostgreSQL::Test::Utils::tempdir_short() . '/writer';
append_to_file("$file.sql", "BEGIN;\nINSERT INTO outbox (to_addr, body) VALUES ('twice\@gate.example', '$promo');\nSELECT 'queued';\nCOMMIT;\n");
my $writer = start([ 'psql', '-XqAt', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr('postgres'), '-f', "$file.sql" ], '>', "$file.out", '2>', "$file.err");
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
  or die 'who has queued for them does not wait';
$node->safe_psql('postgres', "COMMIT PREPARED 'stop'");
finish($writer);
like(slurp_file("$file.out"), qr/queued/, 'queued while the withdrawal was prepared');
like(slurp_file("$file.err"), qr/PC001/, 'and refused when it had been committed');

# More rows than are remembered in memory, some to several; one of the first, of the middle and of the last is overtaken.
$node->safe_psql('postgres', "SELECT count(consent.give(c::consent.contact, '{email}', 'acme', method => 'ticked_box', wording => 'w')) FROM unnest('{many\@gate.example,also\@gate.example}'::text[]) c");
my $connstr = $node->connstr('postgres');
for my $row (1, 70000, 139999)
{
	for my $to ("one\@gate.example", "many\@gate.example, also\@gate.example, one\@gate.example")
	{
		$node->safe_psql('postgres', "SELECT consent.give('one\@gate.example', '{email}', 'acme', method => 'ticked_box', wording => 'w')");
		my ($status, $stdout, $stderr) = $node->psql('postgres', qq{
		  BEGIN;
		  INSERT INTO outbox (to_addr, body)
		    SELECT CASE WHEN n = $row THEN '$to' WHEN n % 1000 = 0 THEN 'many\@gate.example, also\@gate.example' ELSE 'many\@gate.example' END, '$promo'
		      FROM generate_series(1, 140000) n;
		  \\! psql -XqAt -d "$connstr" -c "SELECT count(consent.withdraw(c::consent.contact)) FROM unnest('{one\@gate.example}'::text[] || ARRAY(SELECT 'other$row.' || n || '\@gate.example' FROM generate_series(1, 40) n)) c"
		  COMMIT;}, on_error_stop => 0);
		like($stderr, qr/not permitted: consent_withdrawn/, "row $row of very many, to $to, is judged again");
		is($node->safe_psql('postgres', "SELECT count(*) FROM outbox WHERE to_addr LIKE '%many\@gate.example%' OR to_addr LIKE '%one\@gate.example%'"), 0, 'and none of them is there');
	}
}

# A trigger of a table queues for somebody else when a sweep parks a row of it, which is at the commit: who
# withdraws then waits for the end of that, and finds it.
my $objects = qq{psql -XqAt -v VERBOSITY=sqlstate -d "$connstr" -c "SET lock_timeout = 300" -c "SELECT consent.object('late\@gate.example')" 2>"$file.late" || true};
$node->safe_psql('postgres', qq{
  CREATE TABLE chain (LIKE outbox INCLUDING DEFAULTS);
  SELECT consent.guard('chain', recipient => 'to_addr', channel => \$\$'email'\$\$, body => 'body', organisation => \$\$'acme'\$\$,
                       pending => \$\$status = 'queued'\$\$, divert => \$\$status = 'cancelled'\$\$);
  CREATE FUNCTION chain_on() RETURNS trigger LANGUAGE plpgsql AS \$f\$
  BEGIN
    INSERT INTO outbox (to_addr, body) VALUES ('late\@gate.example', '$promo');
    COPY (SELECT 1) TO PROGRAM \$p\$cat >/dev/null; $objects\$p\$;
    RETURN NULL;
  END \$f\$;
  CREATE TRIGGER chain_on AFTER UPDATE ON chain FOR EACH ROW EXECUTE FUNCTION chain_on();
  INSERT INTO chain (to_addr, body) VALUES ('early\@gate.example', '$promo');
  SELECT consent.object('early\@gate.example')});
is($node->safe_psql('postgres', 'SELECT status FROM chain'), 'cancelled', 'a row is parked at the commit');
is($node->safe_psql('postgres', "SELECT status FROM outbox WHERE to_addr = 'late\@gate.example'"), 'queued', 'and its trigger queues another');
like(slurp_file("$file.late"), qr/55P03/, 'for somebody whose withdrawal waits for that');
$node->safe_psql('postgres', "SELECT consent.object('late\@gate.example')");
is($node->safe_psql('postgres', "SELECT status FROM outbox WHERE to_addr = 'late\@gate.example'"), 'cancelled', 'and then finds it');

# What a trigger of a table waits for no withdrawal waits for: the row is left.  Whoever has locked that gives up after a minute.
$node->safe_psql('postgres', qq{
  CREATE TABLE tied (LIKE outbox INCLUDING DEFAULTS);
  CREATE TABLE tally (n int);
  INSERT INTO tally VALUES (0);
  SELECT consent.guard('tied', recipient => 'to_addr', channel => \$\$'email'\$\$, body => 'body', organisation => \$\$'acme'\$\$,
                       pending => \$\$status = 'queued'\$\$, divert => \$\$status = 'cancelled'\$\$);
  CREATE FUNCTION count_on() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE tally SET n = n + 1; RETURN NULL; END';
  CREATE TRIGGER count_on AFTER UPDATE ON tied FOR EACH ROW EXECUTE FUNCTION count_on();
  SELECT consent.give('tied\@gate.example', '{email}', 'acme', method => 'ticked_box', wording => 'w');
  INSERT INTO tied (to_addr, body) VALUES ('tied\@gate.example', '$promo')});
my $counting = $node->background_psql('postgres', on_error_stop => 0);
$counting->query("SET idle_in_transaction_session_timeout = '60s'; BEGIN; UPDATE tally SET n = n + 1;");
$node->safe_psql('postgres', "SELECT consent.object('tied\@gate.example')");
is($node->safe_psql('postgres', 'SELECT status FROM tied'), 'queued', 'a row is left that a trigger would have to wait for');
$counting->query('ROLLBACK');
$counting->quit;
$node->safe_psql('postgres', 'SELECT consent.finish_sweeps()');
is($node->safe_psql('postgres', 'SELECT status FROM tied'), 'cancelled', '... and parked later');
$node->safe_psql('postgres', q{SELECT consent.unguard('tied'); DROP TABLE tied, tally});

# Promoted in the middle.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
@running = start_load('outbox', 200);
select(undef, undef, undef, 1 + rand 1);
$node->stop('immediate');
$standby->promote;
finish_load(@running);
is(leaks($standby, "'outbox', 'part'"), '0 late, 0 left', 'after a promotion: no marketing waits for who has withdrawn');
$errors = finish_load(start_load('outbox', 20, $standby));
is(leaks($standby, "'outbox', 'part'"), '0 late, 0 left', 'and it goes on');
check_errors($errors, 'after the promotion');
none_left($standby, 'after the promotion');

done_testing();
