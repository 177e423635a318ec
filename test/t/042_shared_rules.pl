# Where the library is preloaded, the sessions of a database share one image of
# the rules (ruleset_share.c): that they do, that rules which are not committed
# stay with who wrote them, and that nobody classifies by rules of yesterday.
use strict;
use warnings FATAL => 'all';

use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('shared');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_consent'\ndynamic_shared_memory_type = posix\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_consent');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION pg_consent');

# A session that stays.
sub session {
	my ($db) = @_;
	my $s = { in => '', out => '' };
	$s->{run} = start([ 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db // 'postgres') ],
		'<', \$s->{in}, '>', \$s->{out}, '2>', \$s->{err}, my $timer = IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
	$s->{pid} = ask($s, 'SELECT pg_backend_pid()');
	$s->{mapped} = { map { $_ => 1 } segments($s->{pid}) };
	return $s;
}

sub ask {
	my ($s, $sql) = @_;
	$s->{out} = '';
	$s->{in} .= "$sql;\n\\echo done\n";
	$s->{run}->pump until $s->{out} =~ s/^done\n//m or $s->{err};
	die $s->{err} if $s->{err};
	chomp(my $answer = $s->{out});
	return $answer;
}

# The segments of shared memory that a process has mapped; of a session, those
# that it did not have from the beginning.
sub segments {
	my ($pid) = @_;
	my %seen;
	open my $maps, '<', "/proc/$pid/maps" or die "/proc/$pid/maps: $!";
	while (my $line = <$maps>) { $seen{$1} = 1 if $line =~ m{/dev/shm/(PostgreSQL\.\d+)} }
	return sort keys %seen;
}

sub image {
	my ($s) = @_;
	return join ' ', grep { !$s->{mapped}{$_} } segments($s->{pid});
}

sub rules {
	return ask($_[0], "SELECT array(SELECT r FROM unnest(rules) r WHERE r LIKE 'own.%' ORDER BY r) FROM consent.classify('one zorkmid and a quatloo')");
}

my $insert = "INSERT INTO consent.rule (code, class, pattern, citation, description) VALUES ('own.%s', 'direct_marketing', '%s', 'house rule', 'x')";
sub insert { return sprintf $insert, $_[0], $_[0] }

my $one = session();
is(rules($one), '{}', 'nothing is found');
like(image($one), qr/^PostgreSQL\.\d+$/, 'the first session has the rules in shared memory');
my $two = session();
rules($two);
is(image($two), image($one), '... the next one the same');
my $elsewhere = session('other');
rules($elsewhere);
isnt(image($elsewhere), image($one), '... and one of another database others');

my $before = image($one);
ask($two, 'BEGIN; ' . insert('zorkmid'));
is(rules($two), '{own.zorkmid}', 'a rule holds in the transaction that has written it');
is(image($two), '', '... which keeps its rules to itself');
is(rules($one), '{}', '... and nowhere else');
my $three = session();
is(rules($three), '{}', '... nor in a new session');
is(image($three), $before, '... which shares what is committed');
ask($two, 'SAVEPOINT s; ' . insert('quatloo'));
is(rules($two), '{own.quatloo,own.zorkmid}', 'likewise in a subtransaction');
ask($two, 'ROLLBACK TO s');
is(rules($two), '{own.zorkmid}', '... until it is rolled back');
ask($two, 'ROLLBACK');
is(rules($two), '{}', 'and so with the transaction');
is(image($two), $before, '... then the rules are shared again');

ask($two, insert('zorkmid'));
is(rules($one), '{own.zorkmid}', 'a committed rule holds in sessions that were there');
isnt(image($one), $before, '... which have let go of the old rules');
rules($_) for $two, $three;
is(image($_), image($one), '... for the same new ones') for $two, $three;
ok(!-e "/dev/shm/$before", '... and the old ones are gone');
is(rules($elsewhere), '{}', 'another database has its own rules');
my $four = session();
is(rules($four), '{own.zorkmid}', 'a new session has the new rules');
is(image($four), image($one), '... and shares them');

# Rules written behind the triggers: nothing was compiled, nobody was told.
$node->safe_psql('postgres', 'ALTER TABLE consent.rule DISABLE TRIGGER ALL; ' . insert('quatloo') =~ s/\(code,/(family, code,/r =~ s/VALUES \(/VALUES ('own', /r
	  . '; ALTER TABLE consent.rule ENABLE ALWAYS TRIGGER check_rule, ENABLE ALWAYS TRIGGER tell_sessions');
my $five = session();
is(rules($five), '{own.quatloo,own.zorkmid}', 'a rule written with triggers disabled holds in a new session');
my $six = session();
rules($six);
is(image($six), image($five), '... and what it compiled is shared');
isnt(image($six), '', '... indeed');

# The table moves to another file, and its rows to other places in it.
ask($six, 'VACUUM FULL consent.rule');
my $seven = session();
is(rules($seven), '{own.quatloo,own.zorkmid}', 'the rules hold when their table was written anew');
ask($six, 'TRUNCATE consent.rule');
is(rules($seven), '{}', '... and not when it is emptied');

# What a dropped database has left goes when the next rules are shared.
$node->safe_psql('postgres', 'CREATE DATABASE gone');
$node->safe_psql('gone', 'CREATE EXTENSION pg_consent');
my $doomed = session('gone');
rules($doomed);
my $left = image($doomed);
$doomed->{run}->finish;
$node->safe_psql('postgres', 'DROP DATABASE gone');
ok(-e "/dev/shm/$left", 'the rules of a dropped database are there');
ask($elsewhere, insert('quatloo'));
is(rules($elsewhere), '{own.quatloo}', '... until those of another change');
ok(!-e "/dev/shm/$left", '... and then no more');

# The extension goes and comes back within sessions that have its rules.
ask($six, 'SET client_min_messages = error; DROP EXTENSION pg_consent CASCADE; CREATE EXTENSION pg_consent');
is(rules($_), '{}', 'only shipped rules hold after the extension was made anew') for $six, $seven;
is(ask($seven, "SELECT class FROM consent.classify('Get 20% off all boilers this weekend only!')"), 'direct_marketing', '... and they do');

# Without shared memory to be had, a session has its own copy.
$_->{run}->finish for $one, $two, $three, $four, $five, $six, $seven, $elsewhere;
$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = mmap\n");
$node->restart;
my $folder = $node->data_dir . '/pg_dynshmem';
chmod 0500, $folder or die "$folder: $!";
my ($rc, $stdout, $stderr) = $node->psql('postgres', "SET client_min_messages = debug1; SELECT (consent.classify('Get 20% off all boilers this weekend only!')).class");
chmod 0700, $folder or die "$folder: $!";
is($stdout, 'direct_marketing', 'rules hold where there is no memory to share');
like($stderr, qr/the rules are not shared between sessions: could not open shared memory segment/, '... which is told to who wants to know');
my $segments = () = glob("$folder/*");
$node->safe_psql('postgres', "SELECT consent.classify('x')");
is(() = glob("$folder/*"), $segments + 1, '... and when there is some again, it is used');
$node->stop;
done_testing();
