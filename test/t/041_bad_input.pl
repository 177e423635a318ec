# Bad input: large and hostile texts, other encodings, a cancel in the middle,
# and no memory.  An answer or a clear error; never a crash, and never "service"
# for what was not read.

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('bad');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'restart_after_crash = off');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_consent');

# psql's answer, or the SQLSTATE
sub answer
{
  my ($db, $sql, %more) = @_;
  my ($status, $out, $err) = $node->psql($db, "\\set VERBOSITY sqlstate\n$sql", %more);

  return $status == 0 ? $out : $err =~ /ERROR:\s+(\w{5})/ ? $1 : "no answer: $err";
}

# 100 MB, of which a megabyte is read: always to be looked at, and never free to send.
my %large = (
  'plain text' => q{repeat('Your parcel arrives today. ', 3800000)},
  'one word' => q{repeat('x', 100000000)},
  'pound signs' => q{repeat('£', 50000000)},
  'nested elements' => q{'<div>Your parcel arrives today.' || repeat('<b>', 33000000)},
  'references' => q{'<p>Your parcel arrives today.' || repeat('&amp;', 20000000)},
  'attributes' => q{'<p>Your parcel arrives today.<a ' || repeat('a=b ', 25000000) || '>'},
  'a comment without end' => q{'<p>Your parcel arrives today.<!--' || repeat('-', 100000000)},
  'comments that end in another way' => q{'<p>Your parcel arrives today.' || repeat('<!--a--!>', 11000000)},
  'marketing at the end' => q{repeat('Your parcel arrives today. ', 3800000) || 'Save 20% today!'},
  'marketing at the beginning' => q{'Save 20% today!' || repeat(' x', 50000000)});
foreach my $name (sort keys %large)
{
  is(answer('postgres', "SELECT consent.is_marketing(class), needs_review FROM consent.classify($large{$name})"),
    't|t', "100 MB: $name");
}
is(answer('postgres', q{SELECT class, needs_review FROM consent.classify_raw(convert_to(E'Subject: x\n\n' || repeat('Your parcel arrives today. ', 3800000), 'UTF8'))}),
  'unknown|t', '100 MB: a whole message');
is(answer('postgres', q{SELECT class, needs_review FROM consent.classify_raw(convert_to(E'Subject: x\nX-Comment: ' || repeat('a=?x?q?b', 120000) || E'\n\nSave 20% today!', 'UTF8'))}),
  'unknown|t', 'a megabyte: encoded words without end');
is(answer('postgres', q{SELECT class, needs_review FROM consent.classify_raw(convert_to(E'Content-Type: multipart/digest; boundary=b\n\n--b\n\n' || repeat(E'X: y\n', 1000000) || E'\nSave 20% today!', 'UTF8'))}),
  'unknown|t', 'a million fields in a digest');
is(answer('postgres', q{SELECT class, needs_review FROM consent.classify_raw(convert_to(repeat(E'Content-Type: multipart/mixed; boundary=b\n\n--b\n', 2000000), 'UTF8'))}),
  'unknown|t', '100 MB: parts in parts');

# A cancel comes through, however a text is made to take long.
$node->safe_psql('postgres', <<'SQL');
INSERT INTO consent.rule (code, class, pattern, citation, description)
VALUES ('own.slow', 'direct_marketing', '(?:a|b|ab)*c{3}d|a{1,200}b{1,200}q', 'x', 'slow');
SQL
my %slow = (
  'a slow pattern' => q{(SELECT string_agg(md5(i::text), 'aabb') FROM generate_series(1, 20000) i) || repeat('ab', 100000) || 'cccq'},
  'many words' => q{repeat('Save 20% today, s a l e, fr33 d1sc0unt. ', 24000)},
  'deep HTML' => q{repeat('<div><a href="http://x.example/sale">s<b>a</b>le</a>', 19000)},
  'strange letters' => q{repeat('ѕаlе ｓａｖｅ ', 40000)});
foreach my $name (sort keys %slow)
{
  my $started = time;

  is( answer('postgres', <<SQL), '57014', "cancelled: $name");
SELECT $slow{$name} AS body \\gset
SET statement_timeout = '300ms';
SELECT count(consent.classify(:'body' || i)) FROM generate_series(1, 100000) i;
SQL
  cmp_ok(time - $started, '<', 60, '... in time');
}
$node->safe_psql('postgres', q{DELETE FROM consent.rule WHERE code = 'own.slow'});

# What could take the square of its length, or four times as long with each star
# more: it is done long before this.
$node->safe_psql('postgres', <<'SQL');
INSERT INTO consent.stop_word (word, reach) VALUES (repeat('* ', 12) || 'zork', 'anywhere');
INSERT INTO consent.organisation (name) VALUES ('acme');
INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, effective_at)
SELECT 'jo@example.com', 'consent', '{email}', 'acme', 'ticked_box', 'Yes', now() - interval '1 day' FROM generate_series(1, 100000);
SQL
my %linear = (
  'a phrase of many stars' => [ q{consent.read_reply(repeat('apples and pears ', 3000))}, 'not_stop' ],
  'a long JSON array' => [ q{cardinality(consent.json_texts(('[' || repeat('1,', 2000000) || '1]')::jsonb, '$[*]'))}, '2000001' ],
  'a long history' => [ q{count(consent.may_send('jo@example.com', 'email', 'acme')) FROM generate_series(1, 40)}, '40' ]);
foreach my $name (sort keys %linear)
{
  is(answer('postgres', "SET statement_timeout = '60s'; SELECT $linear{$name}[0]"), $linear{$name}[1], "linear: $name");
}
$node->safe_psql('postgres', 'DELETE FROM consent.stop_word WHERE NOT shipped');

# Other encodings: converted, or refused where there is nothing to convert from.
$node->safe_psql('postgres', qq{CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('postgres', qq{CREATE DATABASE japan ENCODING 'EUC_JP' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('postgres', qq{CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0});
my $utf8 = "SET client_encoding = UTF8;";
$node->safe_psql($_, "$utf8 CREATE EXTENSION pg_consent") foreach qw(latin1 bytes);
is(answer('japan', "$utf8 CREATE EXTENSION pg_consent"), '22P05', 'EUC_JP has no pound sign: the extension is refused');
is(answer('latin1', "$utf8 SELECT class, rules FROM consent.classify('Café: £20 off today only')"),
  answer('postgres', "SELECT class, rules FROM consent.classify('Café: £20 off today only')"), 'LATIN1: the same as in UTF-8');
is(answer('latin1', "$utf8 SELECT rule, start, excerpt FROM consent.evidence('Café: £20 off') WHERE rule = 'price.amount_off'"),
  'price.amount_off|7|£20 off', 'LATIN1: characters are counted, not bytes');
# Folding makes a Greek letter of the micro sign, which LATIN1 has not.
is(answer('latin1', "$utf8 SELECT count(*) > 0 FROM consent.evidence('Treat your µbrew to a µglass, a µbargain and a µdiscount: 20% off')"),
  't', 'LATIN1: what cannot be written does not keep evidence from being shown');
is(answer('latin1', "$utf8 SELECT consent.folded_text('µ')"), '22P05', '... but the folded text itself cannot be shown');
is(answer('bytes', q{SELECT class FROM consent.classify('20% off everything')}), 'direct_marketing', 'SQL_ASCII: ASCII is read');
is(answer('bytes', q{SELECT class FROM consent.classify(E'20% off \xe9')}), '22021', 'SQL_ASCII: what is no UTF-8 is refused');
is(answer('bytes', q{SELECT class FROM consent.classify_raw(E'Subject: x\n\n20% off \\351'::bytea)}), 'direct_marketing', 'SQL_ASCII: a whole message says what it is in');

# No memory: the address space of the session is cut to a little more than it
# has, a little more each time.  The answer is the right one, or "out of memory";
# 58P01 is the loader, which has no memory for a library.
sub starved
{
  my ($call, $sizes) = @_;
  my $right = answer('postgres', "SELECT $call");
  my %seen;

  foreach my $kilobytes (@$sizes)
  {
    my $got = answer('postgres', <<SQL);
SELECT pg_backend_pid() AS pid \\gset
\\setenv PID :pid
\\! prlimit --pid \$PID --as=\$(( (\$(awk '/^VmSize/ {print \$2}' /proc/\$PID/status) + $kilobytes) * 1024 ))
SELECT $call;
SQL
    $seen{$got}++;
  }
  my @odd = grep { $_ ne $right && $_ ne '53200' && $_ ne '58P01' } keys %seen;
  is("@odd", '', "short of memory: $call (right $seen{$right} times of " . scalar(@$sizes) . ")");
  cmp_ok($seen{$right} // 0, '<', scalar(@$sizes), '... and it was short');
}
my @sizes = (0, 100, 300, 1000, 2000, 3000, 4000, 6000, 8000, 12_000, 16_000, 32_000, 64_000, 128_000);
starved(q{(consent.classify('Your order is on its way. Upgrade to Prime+ today and save £20!')).class}, \@sizes);
starved(q{(consent.classify(repeat('Your ｏｒｄｅｒ is on its way. Upgrade today and save £20! ', 15000))).class}, \@sizes);
starved(q{(consent.classify_raw(convert_to(E'Subject: x\nContent-Type: multipart/mixed; boundary=b\n' || repeat(E'\n--b\nContent-Type: text/html\n\n<p>Upgrade today and save &pound;20!', 9000), 'UTF8'))).class}, \@sizes);
# A set of numbers far apart takes memory in many small pieces.
my $apart = q{(SELECT consent.audience_of((n::bigint * n * 7919) % 4294967291) FROM generate_series(%s) n)};
starved(sprintf("consent.count($apart)", '1, 200000'), \@sizes);
starved(sprintf("consent.count($apart | $apart)", '1, 40000', '30000, 90000'), \@sizes);
starved(sprintf("consent.count($apart - $apart)", '1, 90000', '50000, 60000'), \@sizes);
starved(q{consent.count((SELECT consent.union_of(format('{%s-%s}', n * 7000000, n * 7000000 + 2500000)::consent.audience) FROM generate_series(1::bigint, 600) n))}, \@sizes);

# All numbers there are take a few bytes, and took half a gigabyte.
is(answer('postgres', <<'SQL'), '4294967295', 'a set of all numbers takes little memory');
SELECT pg_backend_pid() AS pid, consent.count('{1}') AS opened \gset
\setenv PID :pid
\! prlimit --pid $PID --as=$(( ($(awk '/^VmSize/ {print $2}' /proc/$PID/status) + 128000) * 1024 ))
SELECT consent.count('{0-4294967295}'::consent.audience - '{7}'::consent.audience);
SQL

is(answer('postgres', 'SELECT 1'), '1', 'the server is still there');
unlike(slurp_file($node->logfile), qr/terminated by signal|server process .* exited with exit code [^01]|PANIC/, '... and no session crashed');

$node->stop;
done_testing();
