# Every example of the documentation runs: the blocks marked sql of README.md
# and docs/*.md, in order, each document in a database of its own.
#
# A line that ends in a comment beginning with "refused" or "error" ends a
# statement that must fail; every other statement must not.  A block marked text
# is what psql shows of the block before it, in the end.  What a reader need not
# see is in comments of the document:
#   <!-- test: ... -->             SQL to run at this place
#   <!-- test: skip, REASON -->    the next block is not run
# Blocks marked sh, which is how a reader installs it, are what this suite does
# to install itself; what they do as postgres is done here.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_prepared_transactions = 10");
$node->start;

# steps TEXT: [line, "sql", "text", "sh", "hidden" or "skip", what] in the order of the document
sub steps
{
  my ($text) = @_;
  my @steps;
  while ($text =~ /^(?:```(\w*)[^\n]*\n(.*?)^```[^\n]*$|<!-- test:\s*(.*?)\s*-->)/gms)
  {
    my ($language, $block, $test) = ($1, $2, $3);
    my $line = 1 + (() = substr($text, 0, $-[0]) =~ /\n/g);
    if (!defined $test) { push @steps, [ $line + 1, $language, $block ] if $language =~ /^(?:sql|text|sh)$/; }
    elsif ($test =~ /^skip\b/) { push @steps, [ $line, 'skip', $test ]; }
    else { push @steps, [ $line, 'hidden', $test . "\n" ]; }
  }
  return @steps;
}

# run DATABASE, SQL: the lines, of the SQL, at which statements failed, with the
# message; what psql showed is in $shown
my ($shown, $settings) = ('', '');
sub failures
{
  my ($database, $sql) = @_;
  my ($status, $stdout, $stderr) = $node->psql($database, $settings . $sql, on_error_stop => 0, extra_params => [ '-P', 'format=aligned', '-P', 'tuples_only=off' ]);
  $shown = $stdout;
  my %failed;
  $failed{$1} = $2 while $stderr =~ /^psql:<stdin>:(\d+): (?:ERROR|FATAL):\s+(.*)$/gm;
  $failed{0} = $stderr if $status != 0 && !%failed;
  return %failed;
}

# as_installed COMMAND: does the suite install itself by it?  What is done as
# postgres is tried.
my $runner = slurp_file('test/run');
sub as_installed
{
  my ($command) = @_;
  return $runner =~ m{^"\$top/test/setup"}m if $command eq 'test/setup';
  return $runner =~ m{^make -s -k -C "\$top"}m if $command eq 'make';
  return $runner =~ m{^make -s -C "\$top" install\b}m if $command eq 'make install';
  return 0 unless $command =~ /^su - postgres -c '([^']+)'$/;
  local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port);
  return system("$1 </dev/null >/dev/null") == 0;
}

# The test of the test.
$node->safe_psql('postgres', 'CREATE TABLE t (a int CHECK (a > 0))');
my @self = steps("x\n```sql\nSELECT 1;\n```\n```\nno sql\n```\n<!-- test: skip, why -->\n```sql\nSELECT 2;\n```\n<!-- test:\nSELECT 3;\n-->\n");
is(join(' ', map { "$_->[0]$_->[1]" } @self), '3sql 8skip 10sql 12hidden', 'blocks are found');
ok(as_installed('make') && as_installed(q{su - postgres -c 'psql postgres'}), 'installing is recognised');
ok(!as_installed('make world') && !as_installed(q{su - postgres -c 'psql nothing'}), '... and what is not');
my %self = failures('postgres', "INSERT INTO t VALUES (1);\nINSERT INTO t\nVALUES (0);\nSELECT nonsense;\nSELECT 1;\n");
is(join(' ', sort keys %self), '3 4', 'and failures');

foreach my $document ('README.md', sort glob('docs/*.md'))
{
  my $database = $document =~ s/\W/_/gr;
  my $skip;
  $node->safe_psql('postgres', qq{CREATE DATABASE "$database" TEMPLATE template0});
  $settings = '';
  foreach my $step (steps(slurp_file($document)))
  {
    my ($line, $kind, $sql) = @$step;
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
    if ($kind eq 'skip') { $skip = $sql; next; }
    if (defined $skip)
    {
      note("$document:$line is skipped: $skip");
      undef $skip;
      next;
    }
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
