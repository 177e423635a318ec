# The reference is what the COMMENTs say, and the chapter of errors knows every
# message of the sources.  Neither can drift.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('reference');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nshared_preload_libraries = 'pg_consent'");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_consent');
my $written = PostgreSQL::Test::Utils::tempdir . '/reference.md';
$node->command_ok([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-v', "out=$written", '-f', 'test/reference.sql' ], 'the reference is made');
my ($made, $kept) = (slurp_file($written), slurp_file('docs/reference.md'));
ok($made eq $kept, 'docs/reference.md is what the comments say')
  or diag("make reference, and look at what changed\n" . difference($kept, $made));
cmp_ok(length($made), '>', 50_000, '... which is a lot');
foreach my $name (qw(give permitted guard exposure report))
{
  like($made, qr/^### consent\.$name\n\n```\nconsent\.$name\(/m, "consent.$name is in it, with its arguments");
}
# What links to a place in the reference or another page finds it.
foreach my $page ('README.md', sort glob('docs/*.md'))
{
  my $text = slurp_file($page);
  while ($text =~ /\]\(([^)\s:]*?)(?:#([^)\s]+))?\)/g)
  {
    my ($file, $anchor) = ($1, $2);
    my $target = $file eq '' ? $page : $page =~ m{^docs/} ? "docs/$file" =~ s{docs/\.\./}{}r : $file;
    ok(-e $target, "$page links to $target") or next;
    next unless defined $anchor;
    my %anchors = map { (anchor($_) => 1) } slurp_file($target) =~ /^#+ (.*)$/mg;
    ok($anchors{$anchor}, "$page links to $target#$anchor");
  }
}

# anchor HEADING: as GitHub and others make it
sub anchor
{
  my ($heading) = @_;
  $heading = lc $heading;
  $heading =~ s/[^\w\- ]//g;
  return $heading =~ tr/ /-/r;
}

# difference A, B: the first lines that are in one only
sub difference
{
  my ($a, $b) = @_;
  my (%a, %b);
  $a{$_}++ foreach split /\n/, $a;
  $b{$_}++ foreach split /\n/, $b;
  my @gone = grep { !$b{$_} } split /\n/, $a;
  my @new = grep { !$a{$_} } split /\n/, $b;
  return join("\n", (map { "- $_" } @gone[ 0 .. ($#gone > 9 ? 9 : $#gone) ]), (map { "+ $_" } @new[ 0 .. ($#new > 9 ? 9 : $#new) ]));
}

# strings TEXT: what C strings one after another say
sub strings { return join '', $_[0] =~ /"((?:[^"\\]|\\.)*)"/g; }

# as_written MESSAGE: with a sign for what differs from case to case
sub as_written
{
  my ($message) = @_;
  $message =~ s/%(?:lld|[a-z])|%/\x{2026}/g;
  $message =~ s/invalid input syntax for type \x{2026}/invalid input syntax for type consent.contact/;
  $message =~ s/^relation "consent\.\w+" (?=does)/relation "consent.\x{2026}" /;
  utf8::encode($message);
  return $message;
}

# Every message of an error, as [file, SQLSTATE's name, text].
my @messages;
foreach my $file (sort glob('src/*/*.c src/*/*.cpp src/*/*.h'))
{
  my $source = slurp_file($file);
  while ($source =~ /\be(?:report|return)(\((?:[^()"]++|"(?:[^"\\]|\\.)*+"|(?1))*+\))/g)
  {
    my $call = $1;
    my ($code) = $call =~ /errcode\((\w+)\)/;
    my ($message) = $call =~ /errmsg(\((?:[^()"]++|"(?:[^"\\]|\\.)*+"|(?1))*+\))/;
    next if !defined $code || !defined $message;
    # the format, up to the comma that ends it
    my ($format) = $message =~ /^\(\s*((?:"(?:[^"\\]|\\.)*+"|\s|INT64_FORMAT)+)/;
    next unless defined $format;
    $format =~ s/INT64_FORMAT/"%d"/g;
    push @messages, [ $file, $code, as_written(strings($format) =~ s/\\"/"/gr) ];
  }
}
foreach my $file (sort glob('src/*/*.sql'))
{
  my $source = slurp_file($file);
  while ($source =~ /RAISE EXCEPTION\s+('(?:[^']|'')*'|USING[^;]*?MESSAGE = (?:(?:pg_catalog\.)?format\()?'(?:[^']|'')*')/g)
  {
    my ($message) = $1 =~ /'((?:[^']|'')*)'$/;
    next if $message eq 'undo';
    push @messages, [ $file, '', as_written($message =~ s/''/'/gr) ];
  }
}
cmp_ok(scalar(@messages), '>', 120, 'messages of the sources were found: ' . @messages);
my $errors = slurp_file('docs/errors.md');
foreach (@messages)
{
  my ($file, $code, $message) = @$_;
  next if $code eq 'ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED';
  ok(index($errors, "`$message`") >= 0, "docs/errors.md explains, of $file: $message");
}

# What a message, a hint or a page names is there.
my %there_is = map { ($_ => 1) } split /\n/, $node->safe_psql('postgres', q{
  LOAD 'pg_consent';
  SELECT 'consent.' || relname FROM pg_class WHERE relnamespace = 'consent'::regnamespace
  UNION SELECT 'consent.' || proname FROM pg_proc WHERE pronamespace = 'consent'::regnamespace
  UNION SELECT 'consent.' || typname FROM pg_type WHERE typnamespace = 'consent'::regnamespace
  UNION SELECT 'consent.' || code FROM consent.rule
  UNION SELECT name FROM pg_settings
  UNION SELECT 'pg_consent.model'});
my %named;
foreach my $file ('README.md', glob('docs/*.md src/*/*.c src/*/*.cpp src/*/*.sql'))
{
  my $text = slurp_file($file);
  $text = join "\n", ($text =~ s{/\*.*?\*/}{}gsr) =~ /"((?:[^"\\]|\\.)*+)"/g if $file =~ /\.c(?:pp)?$/;
  $text = join "\n", $text =~ /\bHINT\s*=\s*'((?:[^']|'')*+)'/g if $file =~ /\.sql$/;
  $named{$1}{$file} = 1 while $text =~ /\b((?:pg_)?consent\.[a-z_0-9]+)\b(?!%)/g;
}
cmp_ok(scalar(keys %named), '>', 200, 'names were found: ' . keys %named);
is(join(', ', map { "$_ of " . join(' ', sort keys %{ $named{$_} }) } grep { !$there_is{$_} } sort keys %named), '', 'and all of them name something');

# It explains none that is not there, but for some of PostgreSQL's own.
my %there = map { ($_->[2] => 1) } @messages;
my $own = qr/^(?:could not open file|column "…" does not exist|cannot use subquery in trigger|cannot drop extension pg_consent|invalid input value for enum|operator does not exist|function consent\.\w+\(text, …\) does not exist|could not serialize access|must be owner of|permission denied for|consent\.guard_\w+\(\) \.\.\.|function "\.\.\.")/;
foreach my $line (split /\n/, $errors)
{
  my ($states, $cell) = $line =~ /^\| ((?:[0-9A-Z]{5})(?:, [0-9A-Z]{5})*) \| ([^|]*) \|/ or next;
  foreach my $message ($cell =~ /`([^`]+)`/g)
  {
    ok($there{$message} || $message =~ $own, "a message of the sources: $message");
  }
}

# And says the right SQLSTATE, where a table has one.
my %sqlstate = map { my ($name, $state) = split; ($name => $state) } (
  'INVALID_PARAMETER_VALUE 22023', 'NULL_VALUE_NOT_ALLOWED 22004', 'FOREIGN_KEY_VIOLATION 23503', 'CHECK_VIOLATION 23514',
  'OBJECT_NOT_IN_PREREQUISITE_STATE 55000', 'UNDEFINED_OBJECT 42704', 'UNDEFINED_TABLE 42P01', 'UNDEFINED_COLUMN 42703',
  'PROGRAM_LIMIT_EXCEEDED 54000', 'FEATURE_NOT_SUPPORTED 0A000', 'INVALID_TEXT_REPRESENTATION 22P02', 'SYNTAX_ERROR 42601',
  'DATATYPE_MISMATCH 42804', 'WRONG_OBJECT_TYPE 42809', 'INSUFFICIENT_PRIVILEGE 42501', 'DUPLICATE_OBJECT 42710',
  'INVALID_OBJECT_DEFINITION 42P17', 'TRIGGERED_DATA_CHANGE_VIOLATION 27000', 'OBJECT_IN_USE 55006', 'LOCK_NOT_AVAILABLE 55P03',
  'ACTIVE_SQL_TRANSACTION 25001', 'T_R_SERIALIZATION_FAILURE 40001', 'INVALID_REGULAR_EXPRESSION 2201B', 'MESSAGE_NOT_PERMITTED PC001',
  'RULE_LIMIT_EXCEEDED PC002', 'DATETIME_VALUE_OUT_OF_RANGE 22008', 'CONFIG_FILE_ERROR F0000', 'OUT_OF_MEMORY 53200',
  'INTERNAL_ERROR XX000', 'SYSTEM_ERROR 58000', 'EXTERNAL_ROUTINE_EXCEPTION 38000', 'WARNING 01000');
foreach (@messages)
{
  my ($file, $code, $message) = @$_;
  my $state = $sqlstate{ $code =~ s/^ERRCODE_//r };
  next unless defined $state;
  foreach my $line (grep { index($_, "`$message`") >= 0 && /^\| / } split /\n/, $errors)
  {
    my ($states) = $line =~ /^\| ([^|]+) \|/;
    ok($states =~ /\b$state\b/, "... with SQLSTATE $state: $message");
  }
}

$node->stop;
done_testing();
