# The people's side survives a dump: a link in a message that went out long ago
# works in the restored database, once, and words of one's own are understood.
# And replies are read in a database that is not UTF-8.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('person');
$node->init;
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0") foreach qw(old new);

$node->safe_psql(
  'old', q{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name) VALUES ('acme');
  INSERT INTO consent.stop_word (word, language, reach) VALUES ('halt', 'en', 'sentence');
  INSERT INTO consent.stop_word (word, language, meaning) VALUES ('quit', 'en', 'none');});
my $used = $node->safe_psql('old', q{SELECT consent.unsubscribe_token('used@person.example', 'acme')});
my $event = $node->safe_psql('old', qq{SELECT consent.unsubscribe('$used')});
$node->safe_psql('old', 'SELECT consent.rotate_token_key()');
my $unused = $node->safe_psql('old', q{SELECT consent.unsubscribe_token('unused@person.example', 'acme')});

my $file = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $file, '-d', $node->connstr('old') ], 'pg_dump');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('new'), $file ], 'pg_restore');

is($node->safe_psql('new', qq{SELECT consent.unsubscribe('$used')}),
  $event, 'a link used before the dump finds its event');
cmp_ok($node->safe_psql('new', qq{SELECT consent.unsubscribe('$unused')}),
  '>', $event, 'a link not used before works');
cmp_ok($node->safe_psql('new', 'SELECT consent.rotate_token_key()'),
  '>', 2, 'key numbers go on where they were');
is($node->safe_psql('new', qq{SELECT consent.unsubscribe('$used')}), $event, '... and the former keys verify');
is($node->safe_psql('new', q{SELECT consent.read_reply('HALT'), consent.read_reply('quit')}),
  'stop|not_stop', 'stop words of one\'s own are understood');

# Reading is enough for a link that is stored; a new one is a write.
my ($status, $stdout, $stderr) = $node->psql('new',
  "\\set VERBOSITY sqlstate\nBEGIN READ ONLY; SELECT length(consent.unsubscribe_token('unused2\@person.example', 'acme'));");
like($stderr, qr/25006/, 'a new link cannot be minted in a read-only transaction');
$node->safe_psql('new', q{SELECT consent.unsubscribe_token('unused@person.example', 'acme')});
is($node->safe_psql('new', q{BEGIN READ ONLY; SELECT length(consent.unsubscribe_token('unused@person.example', 'acme'));}),
  56, '... but one that is stored can');

# Accents are read in whatever encoding the database has.
$node->safe_psql('postgres', q{CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('latin1', 'CREATE EXTENSION pg_consent');
is( $node->safe_psql('latin1', "SET client_encoding = 'UTF8'; SELECT consent.read_reply('Arr\303\252tez, s''il vous pla\303\256t'), consent.read_reply('ARR\303\212T')"),
  'stop|stop', 'LATIN1: accents and all');

$node->stop;
done_testing();
