# The filter by which guards know without reading that nothing is on record of
# an address: that it is used, and that nothing gets past it.  Everybody here may
# be sent marketing until they say no (the organisation is American), so whatever
# the filter wrongly rules out is a leak.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $promo = 'Get 20% off all boilers this weekend only! Order now.';

sub new_node {
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--locale=C' ], allows_streaming => 'logical');
	$node->append_conf('postgresql.conf', join "\n",
		"shared_preload_libraries = 'pg_consent'", 'max_prepared_transactions = 5', 'restart_after_crash = on', @settings, '');
	$node->start;
	return $node;
}

my $make = q{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name, jurisdiction) VALUES ('acme', 'US');
  CREATE TABLE outbox (id bigserial, to_addr text, body text, status text DEFAULT 'queued');
  SELECT consent.guard('outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$,
                       pending => $$status = 'queued'$$);
};
my $node = new_node('filter');
$node->safe_psql('postgres', $make);

# What becomes of marketing to an address.
sub queue {
	my ($on, $to, $db) = @_;
	my ($rc, $stdout, $stderr) = $on->psql($db // 'postgres', "INSERT INTO outbox (to_addr, body) VALUES ('$to', '$promo')");
	return 'queued' if $rc == 0;
	return $stderr =~ /not permitted: (\w+)/ ? $1 : $stderr;
}

sub in_use {
	my ($on, $db) = @_;
	return $on->safe_psql($db // 'postgres', 'SELECT in_use FROM consent.filter_state()');
}

sub wait_for_filter {
	my ($on, $what) = @_;
	$on->poll_query_until('postgres', 'SELECT in_use FROM consent.filter_state()') or die "the filter does not come into use: $what";
}

# How often verdicts have read the ledger.
sub reads {
	my ($on) = @_;
	return $on->safe_psql('postgres', "SELECT pg_stat_force_next_flush()")
	  . $on->safe_psql('postgres', "SELECT sum(idx_scan) FROM pg_stat_all_indexes WHERE relname LIKE 'ledger_%' AND indexrelname LIKE '%address%'");
}

# A worker reads the ledger after a start, and then strangers cost no reading.
is(queue($node, 'first@strangers.example'), 'queued', 'the filter is not there yet: the ledger is read');
wait_for_filter($node, 'after the start');
$node->safe_psql('postgres', "SELECT consent.object('known\@people.example')");
my $before = reads($node);
is($node->safe_psql('postgres', "WITH i AS (INSERT INTO outbox (to_addr, body) SELECT 's' || n || '\@strangers.example', '$promo' FROM generate_series(1, 500) n RETURNING 1) SELECT count(*) FROM i"),
	500, 'strangers may be sent it');
is(reads($node), $before, 'and nothing was read for them');

# One statement, two organisations: what is known of a stranger to one says nothing of the other, whose law is another.
$node->safe_psql('postgres', q{
  INSERT INTO consent.organisation (name, jurisdiction) VALUES ('british', 'GB');
  CREATE TABLE mixed (id int, org text, to_addr text, body text);
  SELECT consent.guard('mixed', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => 'org', on_block => 'quarantine');
});
$before = reads($node);
$node->safe_psql('postgres', "INSERT INTO mixed SELECT n, CASE WHEN n IN (1, 4) THEN 'acme' ELSE 'british' END, 'm' || n || '\@strangers.example', '$promo' FROM generate_series(1, 5) n");
is($node->safe_psql('postgres', "SELECT string_agg(id::text, ',' ORDER BY id) FROM mixed"), '1,4', 'each stranger is judged by the law of who writes to him');
is(reads($node), $before, 'and nothing was read for that');
# Nor what is known of a stranger to a service that can be switched off of a stranger to marketing.
$node->safe_psql('postgres', q{
  INSERT INTO consent.purpose (name, kind) VALUES ('tips', 'service_optional');
  CREATE TABLE tips (id int, to_addr text, body text);
  SELECT consent.guard('tips', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'british'$$, purpose => $$'tips'$$, on_block => 'quarantine');
});
$node->safe_psql('postgres', "INSERT INTO tips SELECT n, 't' || n || '\@strangers.example', CASE n WHEN 2 THEN '$promo' ELSE 'Your order 4411 is out for delivery today.' END FROM generate_series(1, 3) n");
is($node->safe_psql('postgres', "SELECT string_agg(id::text, ',' ORDER BY id) FROM tips"), '1,3', 'each by what he is written');
is(queue($node, 'known@people.example'), 'objected', 'somebody who objected may not');
is(queue($node, 'known+tag@people.example'), 'objected', 'nor under another form of the address');

# Every way into the ledger.
my %ways = (
	'a function' => "SELECT consent.withdraw('%s')",
	'INSERT' => "INSERT INTO consent.ledger (contact, kind) VALUES ('%s', 'objection')",
	'INSERT ... SELECT' => "INSERT INTO consent.ledger (contact, kind) SELECT '%s', 'objection' FROM generate_series(1, 3)",
	'COPY' => "COPY consent.ledger (contact, kind) FROM stdin;\n%s\tobjection\n\\.\n",
	'session_replication_role' => "SET session_replication_role = replica; INSERT INTO consent.ledger (contact, kind) VALUES ('%s', 'objection')",
	'a bounce' => "SELECT consent.suppress('%s', 'bounced')",
	'a savepoint' => "BEGIN; SAVEPOINT s; SELECT consent.object('%s'); RELEASE s; COMMIT",
	'two phases' => "BEGIN; SELECT consent.object('%s'); PREPARE TRANSACTION 't'; COMMIT PREPARED 't'",
	'REPEATABLE READ' => "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT consent.object('%s'); COMMIT",
);
my $n = 0;
for my $way (sort keys %ways) {
	my $who = 'way' . $n++ . '@ways.example';
	is(queue($node, $who), 'queued', "$way: before");
	$node->safe_psql('postgres', sprintf($ways{$way}, $who));
	isnt(queue($node, $who), 'queued', "$way: after");
}
my $part = $node->safe_psql('postgres', "SELECT tableoid::regclass FROM consent.ledger WHERE contact = 'known\@people.example'");
$node->safe_psql('postgres', "INSERT INTO $part (contact, kind) VALUES ('known+direct\@people.example', 'objection')");
$node->safe_psql('postgres', "BEGIN; SELECT consent.object('undone\@ways.example'); ROLLBACK");
is(queue($node, 'undone@ways.example'), 'queued', 'what was rolled back stands against nobody');
my ($rc, $stdout, $stderr) = $node->psql('postgres', "BEGIN; SELECT consent.object('own\@ways.example'); INSERT INTO outbox (to_addr, body) VALUES ('own\@ways.example', '$promo'); COMMIT");
like($stderr, qr/not permitted: objected/, 'the same transaction');
is(in_use($node), 't', 'all that while it was in use');

# Links: another contact of the same person said no.
$node->safe_psql('postgres', "SELECT consent.link('mine\@links.example', 'p1'), consent.link('+447700900123', 'p1')");
is(queue($node, 'mine@links.example'), 'queued', 'a contact with a link may be sent it');
$node->safe_psql('postgres', "SELECT consent.object('+447700900123')");
is(queue($node, 'mine@links.example'), 'objected', 'until another contact of the person objects');
$node->safe_psql('postgres', "SELECT consent.link('mine2\@links.example', 'p1')");
is(queue($node, 'mine2@links.example'), 'objected', 'and so is one that is linked afterwards');

# Somebody of whom nothing was on record is erased.
is(queue($node, 'gone@erased.example'), 'queued', 'before the erasure');
$node->safe_psql('postgres', "SELECT consent.forget('gone\@erased.example')");
is(queue($node, 'gone@erased.example'), 'suppressed', 'after the erasure');
is(queue($node, 'other@erased.example'), 'queued', 'others are not erased');
# Who asks about many asks in parallel, where no process may take another snapshot.
$node->safe_psql('postgres', q{CREATE TABLE sent AS SELECT i || '@strangers.example' AS to_addr, now() AS at FROM generate_series(1, 5000) i; ANALYZE sent});
is($node->safe_psql('postgres', q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
  SELECT messages || ' ' || people FROM consent.exposure('sent', recipient => 'to_addr', channel => $$'email'$$, sent_at => 'at', organisation => $$'british'$$)
   WHERE breakdown = 'total'}), '5000 5000', 'an audit of many, after an erasure');

# A restart: what is known is read anew, the erasure by its digest.
$node->safe_psql('postgres', "BEGIN; SELECT consent.object('prepared\@crash.example'); PREPARE TRANSACTION 'old'");
for my $stop ('fast', 'immediate') {
	$node->stop($stop);
	$node->start;
	is(in_use($node), 'f', "$stop: the filter is empty");
	is(queue($node, 'known@people.example'), 'objected', "$stop: the ledger is read");
	wait_for_filter($node, $stop);
	is(queue($node, $_->[0]), $_->[1], "$stop: $_->[0]")
	  for [ 'known@people.example', 'objected' ], [ 'mine@links.example', 'objected' ],
	  [ 'gone@erased.example', 'suppressed' ], [ 'other2@erased.example', 'queued' ], [ 'way0@ways.example', 'objected' ];
}
$before = reads($node);
is(queue($node, 'other3@erased.example'), 'queued', 'a stranger where somebody was erased');
is(reads($node), $before, 'costs no reading of the ledger either');

# A withdrawal that was prepared before the filter was filled.
$node->safe_psql('postgres', "COMMIT PREPARED 'old'");
is(queue($node, 'prepared@crash.example'), 'objected', 'a prepared objection older than the filter');

# A backend is killed: shared memory starts afresh.
$node->safe_psql('postgres', "SELECT consent.object('killed\@crash.example')");
my $victim = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'background writer'");
kill 'KILL', $victim;
$node->poll_query_until('postgres', 'SELECT NOT in_use FROM consent.filter_state()') or die 'the server does not come back';
is(queue($node, 'killed@crash.example'), 'objected', 'killed: the ledger is read');
wait_for_filter($node, 'killed');
is(queue($node, 'killed@crash.example'), 'objected', 'killed: and the filter filled anew');
is(queue($node, 'killed2@crash.example'), 'queued', 'killed: strangers');

# A dump comes back.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->safe_psql('restored', 'CREATE EXTENSION pg_consent; SELECT consent.fill_filter()');
is(in_use($node, 'restored'), 't', 'a filter of an empty ledger');
$node->command_ok([ 'psql', '-Xq', '-d', $node->connstr('restored'), '-f', $dump ], 'restored into it');
is(queue($node, $_->[0], 'restored'), $_->[1], "restored: $_->[0]")
  for [ 'known@people.example', 'objected' ], [ 'mine@links.example', 'objected' ], [ 'gone@erased.example', 'suppressed' ],
  [ 'nobody@people.example', 'queued' ];

# Written behind the back of the trigger that tells the filter.
sub row_of {
	my ($who) = @_;
	return "INSERT INTO consent.ledger (event_id, contact, address, kind, recorded_at, recorded_by, digest) VALUES (nextval('consent.ledger_event_id'), '$who', consent.contact_root('$who'), 'objection', now(), 'x', '\\x00')";
}
sub triggers {
	my ($what) = @_;
	return join '', map { sprintf "ALTER TABLE consent.ledger_%02d %s TRIGGER ledger_record;\n", $_, $what } 0 .. 15;
}
is(queue($node, 'behind@tricks.example'), 'queued', 'before');
my $filled_at = $node->safe_psql('postgres', 'SELECT filled_at FROM consent.filter_state()');
$node->safe_psql('postgres', "BEGIN;\n" . triggers('DISABLE') . row_of('behind@tricks.example') . ";\n" . triggers('ENABLE ALWAYS') . 'COMMIT');
is(queue($node, 'behind@tricks.example'), 'objected', 'what was written meanwhile is found');
wait_for_filter($node, 'after the triggers were enabled');
is($node->safe_psql('postgres', "SELECT filled_at > '$filled_at' FROM consent.filter_state()"), 't', 'the triggers were disabled and enabled: the filter has been filled again');
is(queue($node, 'behind@tricks.example'), 'objected', 'also when the filter has been filled again');
$node->safe_psql('postgres', triggers('ENABLE'));
($rc, $stdout, $stderr) = $node->psql('postgres', 'SELECT consent.fill_filter()');
like($stderr, qr/the filter cannot be used/, 'with a trigger that a replica role would not fire there is no filter');
is(queue($node, 'behind@tricks.example'), 'objected', 'and the ledger is read');
$node->safe_psql('postgres', "SET session_replication_role = replica; " . row_of('replica@tricks.example'));
is(queue($node, 'replica@tricks.example'), 'objected', 'what such a role wrote is found');
$node->safe_psql('postgres', triggers('ENABLE ALWAYS'));
$node->safe_psql('postgres', 'SELECT consent.fill_filter()');
is(queue($node, 'replica@tricks.example'), 'objected', 'and filled in');

# A part is detached, written to, and attached again.
my $lost = $node->safe_psql('postgres', "SELECT tableoid::regclass FROM consent.ledger WHERE contact = 'replica\@tricks.example'");
my ($remainder) = $lost =~ /(\d\d)$/;
$node->safe_psql('postgres', "BEGIN; ALTER TABLE consent.ledger DETACH PARTITION $lost; ALTER TABLE $lost DISABLE TRIGGER ledger_record;"
	  . "ALTER TABLE $lost ENABLE ALWAYS TRIGGER ledger_record;"
	  . 'ALTER TABLE consent.ledger ATTACH PARTITION ' . $lost . ' FOR VALUES WITH (MODULUS 16, REMAINDER ' . int($remainder) . '); COMMIT');
is(in_use($node), 'f', 'a part came back: the filter is not used');
$node->safe_psql('postgres', 'SELECT consent.fill_filter()');
is(in_use($node), 't', 'until it is filled');

# While one is missing, what lies in it is not known, and the filter must not say that nothing is.
$node->safe_psql('postgres', "ALTER TABLE consent.ledger DETACH PARTITION $lost");
(undef, undef, $stderr) = $node->psql('postgres', 'SELECT consent.fill_filter()');
like($stderr, qr/the filter cannot be used/, 'without all its parts a ledger is not filled in');
is(in_use($node), 'f', '... nor is the filter used');
(undef, undef, $stderr) = $node->psql('postgres', "SELECT consent.may_send('replica\@tricks.example', 'email', 'acme')");
like($stderr, qr/a part of consent.ledger or its index on address is missing/, '... and nobody is judged by what is left');
$node->safe_psql('postgres', "ALTER TABLE consent.ledger ATTACH PARTITION $lost FOR VALUES WITH (MODULUS 16, REMAINDER " . int($remainder) . ')');
$node->safe_psql('postgres', 'SELECT consent.fill_filter()');
is(queue($node, 'replica@tricks.example'), 'objected', 'whole again, it is');

# Another database, and one copied from this one.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', $make);
$node->safe_psql('other', 'SELECT consent.fill_filter()');
is(queue($node, 'known@people.example', 'other'), 'queued', 'of another database nothing counts here');
$node->safe_psql('other', "SELECT consent.object('known3\@people.example')");
is(queue($node, 'known3@people.example', 'other'), 'objected', 'but its own does');
$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE other');
is(in_use($node, 'copied'), 'f', 'a copy of a database has no filter yet');
is(queue($node, 'known3@people.example', 'copied'), 'objected', 'and reads its ledger');
$node->safe_psql('other', 'DROP EXTENSION pg_consent CASCADE; DROP TABLE outbox;' . $make);
is(in_use($node, 'other'), 'f', 'nor has the extension when it is made anew');

# A subscription's apply worker.
my $subscriber = new_node('subscriber', "max_logical_replication_workers = 4");
$subscriber->safe_psql('postgres', $make);
$node->safe_psql('postgres', 'CREATE PUBLICATION p FOR TABLE consent.ledger, consent.person_link, consent.erasure, consent.erasure_key WITH (publish_via_partition_root = false)');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '" . $node->connstr('postgres') =~ s/'/''/gr . "' PUBLICATION p WITH (copy_data = false)");
$subscriber->safe_psql('postgres', 'SELECT consent.fill_filter()');
is(queue($subscriber, 'applied@people.example'), 'queued', 'subscriber: before');
$node->safe_psql('postgres', "SELECT consent.object('applied\@people.example')");
$node->wait_for_catchup('s');
is($subscriber->safe_psql('postgres', "SELECT count(*) FROM consent.ledger WHERE contact = 'applied\@people.example'"), 1, 'subscriber: applied');
is(in_use($subscriber), 't', 'subscriber: the filter is in use');
is(queue($subscriber, 'applied@people.example'), 'objected', 'subscriber: after');
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s');
$subscriber->stop('immediate');

# A standby uses none, and becomes a primary with an empty one.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('filter_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->safe_psql('postgres', "SELECT consent.object('replicated\@people.example')");
$node->wait_for_catchup($standby);
is(in_use($standby), 'f', 'a standby uses no filter');
($rc, $stdout, $stderr) = $standby->psql('postgres', 'SELECT consent.fill_filter()');
like($stderr, qr/a standby uses no filter/, 'and fills none');
is($standby->safe_psql('postgres', "SELECT allowed FROM consent.evaluate('replicated\@people.example', 'email', 'acme')"), 'f', 'its verdicts read what was replicated');
$node->stop('immediate');
$standby->promote;
is(in_use($standby), 'f', 'promoted: empty');
is(queue($standby, 'replicated@people.example'), 'objected', 'promoted: the ledger is read');
wait_for_filter($standby, 'promoted');
is(queue($standby, 'replicated@people.example'), 'objected', 'promoted: and the filter filled');
is(queue($standby, 'replicated2@people.example'), 'queued', 'promoted: strangers');

# Why the bits are set before the row is stored.  The same trigger twice, with a
# filter made of a sequence per address, which like shared memory knows nothing
# of transactions; the one is told before the commit, the other after it.
$standby->safe_psql('postgres', q{
  CREATE TABLE said_no (to_addr text);
  CREATE SEQUENCE bit;
  CREATE FUNCTION filtered_check() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF (SELECT is_called FROM bit) AND EXISTS (SELECT FROM said_no s WHERE s.to_addr = NEW.to_addr) THEN
      RAISE 'opted out' USING ERRCODE = 'PC001';
    END IF;
    RETURN NEW;
  END $$;
  CREATE TABLE filtered (to_addr text);
  CREATE TRIGGER t BEFORE INSERT ON filtered FOR EACH ROW EXECUTE FUNCTION filtered_check();
});
for my $when ('after', 'before') {
	$standby->safe_psql('postgres', "TRUNCATE said_no, filtered; ALTER SEQUENCE bit RESTART");
	$standby->safe_psql('postgres', "SELECT nextval('bit')") if $when eq 'before';
	$standby->safe_psql('postgres', "INSERT INTO said_no VALUES ('a')");
	$standby->psql('postgres', "INSERT INTO filtered VALUES ('a')");
	$standby->safe_psql('postgres', "SELECT nextval('bit')") if $when eq 'after';
	is($standby->safe_psql('postgres', 'SELECT count(*) FROM filtered'), $when eq 'after' ? 1 : 0,
		"bits that are set $when the commit " . ($when eq 'after' ? 'let a row through' : 'do not'));
}

# Without room for it everything is as before.
$standby->append_conf('postgresql.conf', 'pg_consent.filter_size = 0');
$standby->restart;
is($standby->safe_psql('postgres', 'SELECT * FROM consent.filter_state()'), 'f||||', 'no filter');
is(queue($standby, 'replicated@people.example'), 'objected', 'the ledger is read');
is(queue($standby, 'replicated3@people.example'), 'queued', 'for strangers too');

done_testing();
