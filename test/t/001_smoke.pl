# The extension as a package: it comes, it goes, it survives a dump.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The version is written once, in the control file.
my ($version) =
  slurp_file('pg_consent.control') =~ /^default_version\s*=\s*'([^']+)'/m;
ok($version, 'the control file names a version');

my $node = PostgreSQL::Test::Cluster->new('smoke');
$node->init;
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0")
  foreach qw(plain squatted dumped restored);

# How many rows each catalog has that an extension can add to.
my $inventory = join(
  ' UNION ALL ',
  map { "SELECT '$_', count(*) FROM pg_catalog.$_" }
    qw(pg_namespace pg_class pg_proc pg_type pg_operator pg_opclass pg_opfamily
    pg_cast pg_trigger pg_event_trigger pg_policy pg_rewrite pg_constraint
    pg_depend pg_shdepend pg_description pg_init_privs pg_default_acl));
my $installed =
  q{SELECT extversion FROM pg_extension WHERE extname = 'pg_consent'};
# What the extension made, each with its definition as pg_identify_object has it.
my $members = q{
  SELECT (pg_identify_object(classid, objid, 0)).identity
  FROM pg_depend
  WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_consent')
  ORDER BY 1};

# Comes and goes.
my $before = $node->safe_psql('plain', $inventory);
$node->safe_psql('plain', 'CREATE EXTENSION pg_consent');
is($node->safe_psql('plain', $installed),
  $version, 'CREATE EXTENSION installs the version of the control file');
$node->safe_psql('plain', 'DROP EXTENSION pg_consent');
is( $node->safe_psql(
    'plain', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'consent'}),
  0,
  'DROP EXTENSION takes the schema along');
is($node->safe_psql('plain', $inventory),
  $before, 'DROP EXTENSION leaves nothing behind in the catalogs');

# The module names itself, and its version, since PostgreSQL 18.
if ($node->safe_psql('plain', 'SHOW server_version_num') >= 180000)
{
  is( $node->safe_psql(
      'plain', q{LOAD 'pg_consent';
        SELECT version FROM pg_get_loaded_modules()
        WHERE module_name = 'pg_consent'}),
    $version,
    'the library has the version of the control file');
}

# A schema that somebody else made is refused, not adopted.
$node->safe_psql('squatted', 'CREATE SCHEMA consent');
my ($status, $stdout, $stderr) = $node->psql('squatted',
  "\\set VERBOSITY sqlstate\nCREATE EXTENSION pg_consent");
isnt($status, 0, 'CREATE EXTENSION fails where a schema consent exists');
like($stderr, qr/ERROR:\s+42P06/, '... with duplicate_schema');
is($node->safe_psql('squatted', $installed), '', '... and installs nothing');

# Survives a dump.
my $file = $node->basedir . '/dump';
$node->safe_psql('dumped', 'CREATE EXTENSION pg_consent');
# Rules of one's own, of which one is about another that is dumped behind it.
$node->safe_psql('dumped', <<'SQL');
INSERT INTO consent.rule (code, class, pattern, exceptions, citation, description, positive, negative)
VALUES ('own.zork', 'direct_marketing', 'zork', 'grue', 'x', 'x', '{a zork}', '{a zork and a grue}');
INSERT INTO consent.rule (code, class, condition, citation, description, positive, negative)
VALUES ('own.meta', NULL, 'own.zork near service.* then suppress own.zork', 'x', 'x', '{the zork arrives today with your parcel}', '{a zork}');
UPDATE consent.rule SET description = 'y' WHERE code = 'own.zork';
UPDATE consent.rule SET enabled = false, weight = 0.25 WHERE code = 'tone.urgency';
SQL
my $rules = q{SELECT code, class, weight, enabled, family, pattern, exceptions, condition, adjusted, positive
  FROM consent.rule WHERE NOT shipped OR adjusted ORDER BY code};
my $verdicts = q{SELECT class, rules FROM unnest('{a zork,a zork and a grue,the zork arrives today with your parcel}'::text[]) b, consent.classify(b)};
command_ok([ 'pg_dump', '-Fc', '-f', $file, '-d', $node->connstr('dumped') ],
  'pg_dump of a database with the extension');
command_ok(
  [
    'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $file
  ],
  'pg_restore of that dump');
is($node->safe_psql('restored', $installed),
  $version, 'the restored database has the extension');
is( $node->safe_psql('restored', $members),
  $node->safe_psql('dumped', $members),
  '... with the same members');
my $kept = $node->safe_psql('dumped', $rules);
like($kept, qr/own\.meta.*own\.zork.*tone\.urgency/s, 'rules of one\'s own, and an adjusted one');
is($node->safe_psql('restored', $rules), $kept, '... are restored');
is($node->safe_psql('restored', $verdicts), $node->safe_psql('dumped', $verdicts), '... and do the same');

$node->stop;
done_testing();
