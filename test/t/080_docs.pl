# Every example of the documentation runs: the blocks marked sql of README.md
# and docs/*.md, in order, each document in a database of its own.
#
# A line that ends in a comment beginning with "refused" or "error" ends a
# statement that must fail; every other statement must not.  A block marked text
# is what psql shows of the block before it, in the end; one that begins with
# ERROR, what it complains of there, with "..." for anything.  What a reader need
# not see is in comments of the document:
#   <!-- test: ... -->             SQL to run at this place
# Blocks marked sh, which is how a reader installs it, are what this suite does
# to install itself; what they do as postgres is done here.
# A block marked otherwise must be one of those below, which are no examples, and
# nothing can be skipped.  docs/reference.md has signatures, which 081 compares.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_prepared_transactions = 10");
$node->start;

# A header of a message, and how a query is planned.
my %no_example = map { $_ => 1 } qw(email plan);

# steps TEXT: [line, "sql", "text", "sh", "hidden" or another mark, what] in the order of the document
sub steps
{
  my ($text) = @_;
  my @steps;
  while ($text =~ /^(?:```(\w*)[^\n]*\n(.*?)^```[^\n]*$|<!-- test:\s*(.*?)\s*-->)/gms)
  {
    my ($language, $block, $test) = ($1, $2, $3);
    my $line = 1 + (() = substr($text, 0, $-[0]) =~ /\n/g);
    if (!defined $test) { push @steps, [ $line + 1, $language, $block ]; }
    else { push @steps, [ $line, 'hidden', $test . "\n" ]; }
  }
  return @steps;
}

# run DATABASE, SQL: the lines, of the SQL, at which statements failed, with the
# message; what psql showed is in $shown, and what it complained of in $complained
my ($shown, $complained, $settings) = ('', '', '');
sub failures
{
  my ($database, $sql) = @_;
  my ($status, $stdout, $stderr) = $node->psql($database, $settings . $sql, on_error_stop => 0, extra_params => [ '-P', 'format=aligned', '-P', 'tuples_only=off' ]);
  $shown = $stdout;
  $complained = $stderr =~ s/^psql:<stdin>:\d+: //gmr;
  my %failed;
  $failed{$1} = $2 while $stderr =~ /^psql:<stdin>:(\d+): (?:ERROR|FATAL):\s+(.*)$/gm;
  $failed{0} = $stderr if $status != 0 && !%failed;
  return %failed;
}

# as_installed COMMAND: does the suite install itself by it?  What is done as
# postgres is tried.
my ($runner, $makefile) = (slurp_file('test/run'), slurp_file('Makefile'));
sub as_installed
{
  my ($command) = @_;
  return $runner =~ m{^"\$top/test/setup"}m if $command eq 'test/setup';
  return $runner =~ m{^make -s -k -C "\$top"}m if $command eq 'make';
  return $runner =~ m{^make -s -C "\$top" install\b}m if $command eq 'make install';
  # What it shows is tried by 090_demo.pl, in a server that can be thrown away.
  return $makefile =~ m{^\Q$1\E:\n\t\$\(SRCROOT\)/test/demo/demo st(?:art|op)$}m if $command =~ /^make (demo(?:-stop)?)$/;
  return 0 unless $command =~ /^su - postgres -c '([^']+)'$/;
  local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port);
  return system("$1 </dev/null >/dev/null") == 0;
}

# The test of the test.
$node->safe_psql('postgres', 'CREATE TABLE t (a int CHECK (a > 0))');
my @self = steps("x\n```sql\nSELECT 1;\n```\n```\nno sql\n```\n```sql\nSELECT 2;\n```\n<!-- test:\nSELECT 3;\n-->\n");
is(join(' ', map { "$_->[0]$_->[1]" } @self), '3sql 6 9sql 11hidden', 'blocks are found');
ok(as_installed('make') && as_installed(q{su - postgres -c 'psql postgres'}), 'installing is recognised');
ok(!as_installed('make world') && !as_installed('make demo-start') && !as_installed(q{su - postgres -c 'psql nothing'}), '... and what is not');
my %self = failures('postgres', "INSERT INTO t VALUES (1);\nINSERT INTO t\nVALUES (0);\nSELECT nonsense;\nSELECT 1;\n");
is(join(' ', sort keys %self), '3 4', 'and failures');

foreach my $document ('README.md', sort glob('docs/*.md'))
{
  my $database = $document =~ s/\W/_/gr;
  my $text = slurp_file($document);
  my @steps = steps($text);
  is(2 * (grep { $_->[1] ne 'hidden' } @steps), scalar(() = $text =~ /^[ \t>]*(?:```|~~~)/gm), "$document: every block is found");
  is(join(' ', map { "$document:$_->[0]" } grep { $_->[1] !~ /^(?:sql|text|sh|hidden)$/ && !$no_example{ $_->[1] } } @steps),
    '', "$document: ... and is an example, or said not to be")
    unless $document eq 'docs/reference.md';
  is(scalar(() = $text =~ /<!--/g), scalar(grep { $_->[1] eq 'hidden' } @steps), "$document: ... and every comment");
  $node->safe_psql('postgres', qq{CREATE DATABASE "$database" TEMPLATE template0});
  $settings = '';
  foreach my $step (@steps)
  {
    my ($line, $kind, $sql) = @$step;
    if ($kind eq 'text' && $sql =~ /^ERROR:/)
    {
      my $pattern = join '.*', map { quotemeta } split /\Q...\E/, $sql =~ s/\s+\z//r, -1;
      like($complained, qr/^$pattern$/m, "$document:$line is what it complains of");
      next;
    }
    if ($kind eq 'text')
    {
      (my $expected = $sql) =~ s/[ \t]+$//gm;
      $shown =~ s/[ \t]+$//gm;
      s/\s+\z// foreach $shown, $expected;
      my @lines = split /\n/, $shown;
      splice @lines, 0, @lines - (() = $expected =~ /^/mg) if @lines > (() = $expected =~ /^/mg);
      is(join("\n", @lines), $expected, "$document:$line is what is shown");
      next;
    }
    if ($kind eq 'sh')
    {
      ok(as_installed($_), "$document:$line: $_") foreach map { split / && / } map { s/\s*#.*//r } split /\n/, $sql;
      next;
    }
    next unless $kind eq 'sql' || $kind eq 'hidden';
    my %failed = failures($database, $sql);
    my @lines = split /\n/, $sql;
    foreach my $i (0 .. $#lines)
    {
      next unless $lines[$i] =~ /--\s*(?:refused|error)\b.*$/i && $lines[$i] =~ /;\s*--/;
      my $there = delete $failed{ $i + 1 };
      ok(defined $there, "$document:" . ($line + $i) . ' fails, as it says');
    }
    # Each block has a session of its own; a reader has one for all.
    $settings .= "$1 " while $sql =~ /^(SET [^;]*;)$/gm;
    ok(!%failed, "$document:$line runs");
    diag("$document:" . ($line + $_ - 1) . ": $failed{$_}") foreach sort { $a <=> $b } keys %failed;
  }
}

$node->stop;
done_testing();
