# The file of the learned model, damaged: a file that is cut short, too long, of
# another version or not there is an error that says so, with no message classified;
# a server that preloads the library starts all the same; and whatever stands in
# the place of the weights, nothing crashes.
# The server finds its files from where its program is, so a copy of the program
# in a tree of links has a file of the model of its own.
use strict;
use warnings FATAL => 'all';

use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{PG_CONSENT_SEED} // 20261127;
srand($seed);
note("PG_CONSENT_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('model');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name) VALUES ('acme');
  CREATE TABLE outbox (to_addr text, body text);
  SELECT consent.guard('outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$)});
$node->stop;

my %at;
foreach my $what (qw(bindir sharedir pkglibdir))
{
	($at{$what}) = run_command([ 'pg_config', "--$what" ]);
}
my $common = $at{bindir};
$common = dirname($common) while grep { index($_, "$common/") != 0 } @at{qw(sharedir pkglibdir)};
my $tree = PostgreSQL::Test::Utils::tempdir;
my %there = map { $_ => $tree . substr($at{$_}, length($common eq '/' ? '' : $common)) } keys %at;
make_path(@there{qw(bindir sharedir)}, "$there{sharedir}/extension", dirname($there{pkglibdir}));
copy("$at{bindir}/postgres", "$there{bindir}/postgres");
chmod(0755, "$there{bindir}/postgres");
symlink($at{pkglibdir}, $there{pkglibdir});
foreach my $file (grep { basename($_) ne 'extension' } glob("$at{sharedir}/*"))
{
	symlink($file, "$there{sharedir}/" . basename($file));
}
my $model = "$there{sharedir}/extension/pg_consent.model";
foreach my $file (grep { basename($_) ne 'pg_consent.model' } glob("$at{sharedir}/extension/*"))
{
	symlink($file, "$there{sharedir}/extension/" . basename($file));
}
my $good = slurp_file("$at{sharedir}/extension/pg_consent.model", 0);
utf8::downgrade($good);

# ask MODEL, SETTING...: what a server says that has this file; none if undefined.
sub ask
{
	my ($contents, @settings) = @_;

	unlink $model;
	if (defined $contents)
	{
		open(my $f, '>:raw', $model) or die $!;
		print $f $contents;
		close($f);
	}
	my ($in, $said, $err) = (<<'EOF', '', '');
SELECT (consent.classify('Get 20% off all boilers this weekend only! Your order 4411 is out for delivery. Would you rather not hear from us?')).class
INSERT INTO outbox VALUES ('jo@example.com', 'Your order 4411 is out for delivery today.')
SELECT count(*) AS stored FROM outbox
EOF
	my $alive = IPC::Run::run(
		[ "$there{bindir}/postgres", '--single', '-D', $node->data_dir, '-c', 'log_min_messages=warning', @settings, 'postgres' ],
		'<', \$in, '>', \$said, '2>', \$err);
	return {
		alive => $alive,
		class => $said =~ /class = "(\w+)"/ ? "$1" : undef,
		stored => $said =~ /stored = "(\d+)"/ ? "$1" : undef,
		err => $err };
}

my $answer = ask($good);
is($answer->{class}, 'mixed', 'the model as it is shipped') or diag($answer->{err});
is($answer->{stored}, 1, '... and a row');

my ($words, $others, $size) = unpack('VVV', substr($good, 8, 12));
sub with { my ($place, $bytes) = @_; my $m = $good; substr($m, $place, length($bytes)) = $bytes; return $m; }
my $cut = qr/the model of pg_consent cannot be used: it is cut short/;
my $other = qr/the model of pg_consent cannot be used: it is not of this version/;
my @damaged = (
	[ 'empty', '', $cut ],
	[ 'cut in its header', substr($good, 0, $size - 1), $cut ],
	[ 'cut behind its header', substr($good, 0, $size), $other ],
	[ 'cut by a byte', substr($good, 0, -1), $other ],
	[ 'a byte too long', $good . "\0", $other ],
	[ 'all zeros', "\0" x length($good), $other ],
	[ 'of another form', with(7, '0'), $other ],
	[ 'with no words', with(8, pack('V', 0)) , $other ],
	[ 'with a row more than there is', with(12, pack('V', $others + 1)), $other ],
	[ 'whose size overflows', with(8, pack('VV', 0xFFFFFFFF, 0xFFFFFFFF)), $other ],
	[ 'with a header of another size', with(16, pack('V', $size + 4)), $other ],
	[ 'not there', undef, qr/could not open file ".*pg_consent\.model"/ ]);
push @damaged, map { [ "with bit $_ of its counts flipped", with(8 + int($_ / 8), chr(ord(substr($good, 8 + int($_ / 8), 1)) ^ 1 << $_ % 8)), $other ] }
  map { 7 * $_ } 0 .. 13;
my @wrong;
foreach my $case (@damaged)
{
	my ($what, $contents, $message) = @$case;
	$answer = ask($contents);
	push @wrong, "$what: " . ($answer->{err} || 'no error')
	  unless $answer->{alive} && !$answer->{class} && ($answer->{stored} // '') eq '1' && $answer->{err} =~ $message && $answer->{err} !~ /PANIC|signal/;
}
is(join("\n", @wrong), '', scalar(@damaged) . ' damaged files are errors: nothing is classified, and no row stored');

# Where the library is preloaded the server starts, and says it in its log.
$answer = ask(substr($good, 0, -1), '-c', 'shared_preload_libraries=pg_consent');
ok($answer->{alive}, 'a server that preloads the library starts beside a damaged model');
like($answer->{err}, qr/$other.*$other/s, '... says so, and is refused the model when a message comes');
is(ask($good, '-c', 'shared_preload_libraries=pg_consent')->{class}, 'mixed', '... which it has when the file is mended');

# The weights have no checksum: they may be anything, and mean something else.  So
# do buckets that are taken for words where they are not.
my @strange = map { my $byte = $_; substr($good, 0, 20) . $byte x (length($good) - 20) } "\x00", "\x7F", "\x80", "\xFF";
push @strange, with(8, pack('VV', $others, $words)), with(8, pack('VV', 1, $words + $others - 1)), with(8, pack('VV', $words + $others - 1, 1));
foreach (1 .. 8)
{
	my $m = $good;
	substr($m, 20 + int(rand($_ % 2 ? $size - 20 : length($m) - 20)), 1) = chr(int(rand(256))) for 1 .. 2000;
	push @strange, $m;
}
my $too_large = qr/the model of pg_consent cannot be used: its weights are too large/;
my @answers = map { ask($_) } @strange;
my @refused = grep { !$_->{class} && $_->{err} =~ $too_large } @answers;
@wrong = grep { !$_->{alive} || ($_->{err} !~ $too_large &&
	(!$_->{class} || $_->{err} =~ /(?:ERROR|PANIC|FATAL):  (?!message to this recipient is not permitted)/)) } @answers;
is(scalar(@wrong), 0, 'with strange weights every message has some class, unless they are too large');
ok(@refused > 0 && @refused < @answers, '... and there were some of either');

done_testing();
