# Contacts at large: ten thousand spellings, the table of plain telephone
# numbers against libphonenumber, dump and restore, a LATIN1 database, and
# what a backend does not load.

use strict;
use warnings;
use utf8;
use Encode qw(encode);
use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

srand(20260901);

# The server writes and reads files here, so the path has to be absolute.
my $scratch = PostgreSQL::Test::Utils::tempdir;
$scratch = File::Spec->rel2abs($scratch);

my $node = PostgreSQL::Test::Cluster->new('contact');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_consent');

sub one_of { return $_[ int(rand(@_)) ]; }
sub digits { return join('', map { int(rand(10)) } 1 .. $_[0]); }
sub word { return join('', map { one_of('a' .. 'z', 0 .. 9) } 1 .. 1 + int(rand(10))); }

sub mixed_case
{
	return join('', map { rand() < 0.3 ? uc($_) : $_ } split(//, $_[0]));
}

# Write rows of columns to a file for COPY, and load them.
sub load
{
	my ($db, $table, @rows) = @_;
	my $file = "$scratch/$table.copy";

	open(my $fh, '>', $file) or die "$file: $!";
	foreach my $row (@rows)
	{
		print $fh encode('UTF-8', join("\t", map {
			my $v = $_;
			if (defined $v)
			{
				$v =~ s/\\/\\\\/g;
				$v =~ s/\n/\\n/g;
			}
			defined $v ? $v : '\\N';
		} @$row)), "\n";
	}
	close($fh);
	$node->safe_psql($db, "COPY $table FROM '$file' (ENCODING 'UTF8')");
	return;
}

# Each returns a canonical spelling, another spelling of it, and a region.

my %idn = (
	'münchen' => 'xn--mnchen-3ya',
	'bücher' => 'xn--bcher-kva',
	'faß' => 'xn--fa-hia',
	'παράδειγμα' => 'xn--hxajbheg2az3al',
	'例え' => 'xn--r8jz45g',
	'испытание' => 'xn--80akhbyknj4f');

sub email
{
	my $quoted = rand() < 0.15;
	my $local;
	my $written;

	if ($quoted)
	{
		my @parts = map { word() } 1 .. 2;
		my $between = one_of(' ', '"', '\\', '@', ',', '..', '<', '>', ':');
		my $escaped = $between =~ /["\\]/ ? "\\$between" : $between;
		$local = '"' . join($escaped, @parts) . '"';
		$written = '"' . join($escaped, map { mixed_case($_) } @parts) . '"';
	}
	else
	{
		$local = join(one_of('.', '+', '-', '_', "'", '/', '='), map { word() } 1 .. 1 + int(rand(3)));
		if (rand() < 0.1)
		{
			my $letter = one_of('é', 'ö', 'ñ', 'ж', 'λ');
			$local .= $letter;
			$written = mixed_case($local);
			# the same letter as base and accent
			$written =~ s/é/e\x{301}/ if rand() < 0.5;
		}
		else
		{
			$written = mixed_case($local);
			$written = '"' . $written . '"' if rand() < 0.1;
		}
	}

	my @labels = map { 'x' . word() } 1 .. 1 + int(rand(2));
	my @spelt = map { mixed_case($_) } @labels;
	if (rand() < 0.2)
	{
		my $u = one_of(sort keys %idn);
		push @labels, $idn{$u};
		push @spelt, rand() < 0.5 ? ($u eq 'faß' ? $u : mixed_case($u)) : mixed_case($idn{$u});
	}
	my $domain = join('.', @labels, 'example');
	my $host = join('.', @spelt, mixed_case('example'));
	$host .= '.' if rand() < 0.05;

	my $style = int(rand(6));
	my $address = "$written\@$host";
	if ($style == 1)
	{
		$address = join(' ', map { ucfirst(word()) } 1 .. 2) . " <$address>";
	}
	elsif ($style == 2)
	{
		$address = '"' . word() . one_of(', ', ' @ ', ' (work) ', '; ') . word() . "\" <$address>";
	}
	elsif ($style == 3)
	{
		my $bytes = encode('UTF-8', $address);
		$bytes =~ s/([^A-Za-z0-9.@-])/sprintf('%%%02X', ord($1))/ge;
		$address = mixed_case('mailto:') . $bytes;
		$address .= '?subject=Hello' if rand() < 0.3;
	}
	elsif ($style == 4)
	{
		$address = one_of(' ', "\n", "\x{a0}", '  ') . $address . one_of(' ', '', "\x{3000}");
	}
	elsif ($style == 5)
	{
		$address = "<$address>";
	}
	return ("$local\@$domain", $address, one_of(undef, 'GB', 'FR'));
}

# country code, region, trunk prefix, international prefix, national numbers
my @plans = (
	[ 44, 'GB', '0', '00', sub { return one_of(2, 7, 8) . digits(9) } ],
	[ 33, 'FR', '0', '00', sub { return one_of(1 .. 7, 9) . digits(8) } ],
	[ 49, 'DE', '0', '00', sub { return one_of(2 .. 9) . digits(9) } ],
	[ 39, 'IT', '', '00', sub { return one_of('06', '02', '3') . digits(8) } ],
	[ 34, 'ES', '', '00', sub { return one_of(6, 7, 9) . digits(8) } ],
	[ 1, 'US', '', '011', sub { return one_of(2 .. 9) . digits(2) . one_of(2 .. 9) . digits(6) } ],
	[ 91, 'IN', '0', '00', sub { return one_of(7 .. 9) . digits(9) } ]);

sub separated
{
	my ($number) = @_;
	my $out = '';

	foreach my $c (split(//, $number))
	{
		$out .= one_of(' ', '-', '.', "\x{a0}", "\x{2011}", ' - ')
		  if $out =~ /[0-9]$/ && rand() < 0.2;
		$out .= $c;
	}
	return $out;
}

sub phone
{
	my ($code, $region, $trunk, $idd, $national) = @{ one_of(@plans) };
	my $nsn = $national->();
	my $canonical = "+$code$nsn";
	my $style = int(rand(7));

	return ($canonical, separated("$trunk$nsn"), $region) if $style == 0;
	return ($canonical, separated("$idd$code$nsn"), $region) if $style == 1;
	return ($canonical, "+$code " . ($trunk eq '' ? '' : '(0)') . separated($nsn), undef)
	  if $style == 2;
	return ($canonical, "tel:+$code-$nsn", one_of(undef, $region)) if $style == 3;
	return ($canonical, "+$code$trunk" . separated($nsn), one_of(undef, 'FR')) if $style == 4;
	if ($style == 5)
	{
		(my $wide = "+$code $nsn") =~ tr/+0-9/\x{ff0b}\x{ff10}-\x{ff19}/;
		return ($canonical, $wide, undef);
	}
	return ($canonical, ' ' . separated($canonical) . ' ', undef);
}

sub other
{
	my $scheme = one_of('device', 'account', 'postal');
	my @words = map { mixed_case(word()) } 1 .. 3;

	return ('postal:' . lc(join(' ', @words)),
		mixed_case('postal') . ': ' . join(one_of(' ', "  ", "\n"), @words), undef)
	  if $scheme eq 'postal';
	return ("$scheme:@words", mixed_case($scheme) . ":  @words ", undef);
}

my @rows;
push @rows, [ rand() < 0.5 ? email() : rand() < 0.8 ? phone() : other() ] for 1 .. 10_000;
$node->safe_psql('postgres', 'CREATE TABLE spelling (canonical text, spelling text, region text)');
load('postgres', 'spelling', @rows);

is( $node->safe_psql('postgres', q{
	SELECT count(*), count(*) FILTER (WHERE spelling <> canonical) > 9000 FROM spelling}),
	'10000|t',
	'ten thousand spellings, most of them not canonical');
is( $node->safe_psql('postgres', q{
	SELECT canonical, spelling, region, consent.contact(spelling, region)
	FROM spelling WHERE consent.contact(spelling, region)::text <> canonical LIMIT 5}),
	'',
	'every spelling is read as its canonical form');
is( $node->safe_psql('postgres', q{
	SELECT canonical FROM spelling
	WHERE consent.contact(canonical, NULL)::text <> canonical
	   OR canonical::consent.contact::text <> canonical
	   OR consent.contact_out(consent.contact_in(canonical::cstring))::text <> canonical LIMIT 5}),
	'',
	'every canonical form reads as itself');
is( $node->safe_psql('postgres', q{
	SELECT count(DISTINCT canonical) = count(DISTINCT consent.contact(spelling, region)),
	       count(DISTINCT canonical) = count(DISTINCT consent.contact_hash(consent.contact(spelling, region)))
	         OR count(DISTINCT canonical) - count(DISTINCT consent.contact_hash(consent.contact(spelling, region))) < 5
	FROM spelling}),
	't|t',
	'as many contacts as addresses');

# The table of plain numbers against the library: "+" and the digits may take
# the table, "00" and the same digits never do.
$node->safe_psql('postgres', q{
	CREATE FUNCTION try(spelling text, region text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		RETURN consent.contact(spelling, region);
	EXCEPTION WHEN invalid_text_representation THEN
		RETURN 'refused';
	END $$;
	CREATE TABLE number (digits text);
});
my @numbers;
foreach my $code (1, 7, 20, 27, 30 .. 36, 39 .. 41, 43 .. 49, 51 .. 58, 60 .. 66, 81, 82, 84, 86,
	90 .. 95, 98, 210 .. 299, 350 .. 389, 420 .. 423, 500 .. 509, 590 .. 599, 670 .. 692,
	800, 808, 850 .. 888, 960 .. 979, 992 .. 998)
{
	push @numbers, [ $code . digits(one_of(6 .. 12)) ] for 1 .. 120;
}
load('postgres', 'number', @numbers);
is( $node->safe_psql('postgres', q{
	SELECT digits, try('+' || digits, NULL), try('00' || digits, 'GB') FROM number
	WHERE try('+' || digits, NULL) <> try('00' || digits, 'GB') LIMIT 5}),
	'',
	'table and libphonenumber agree on which numbers there are and how they are written');
is( $node->safe_psql('postgres', q{
	SELECT n > 5000, refused > 5000 FROM (
		SELECT count(*) FILTER (WHERE c <> 'refused') AS n, count(*) FILTER (WHERE c = 'refused') AS refused
		FROM (SELECT try('+' || digits, NULL) AS c FROM number) t) u}),
	't|t',
	'both kinds were among them');
is( $node->safe_psql('postgres', q{
	SELECT digits, c FROM (SELECT digits, try('+' || digits, NULL) AS c FROM number OFFSET 0) t
	WHERE c <> 'refused' AND try(c, NULL) <> c LIMIT 5}),
	'',
	'every accepted number reads as itself');

# Dump and restore, text and binary, into a database with another region.
$node->safe_psql('postgres', q{
	CREATE TABLE contact (c consent.contact);
	INSERT INTO contact SELECT consent.contact(spelling, region) FROM spelling;
	CREATE INDEX ON contact (c);
	DROP TABLE spelling, number;
	DROP FUNCTION try;
});
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->safe_psql('postgres', q{ALTER DATABASE restored SET pg_consent.default_region = 'US'});
my $dump = "$scratch/contact.sql";
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-q', '-f', $dump, '-d', $node->connstr('restored') ], 'restore');
my $digest = q{SELECT count(*), md5(string_agg(c::text, '|' ORDER BY c)) FROM contact};
my $original = $node->safe_psql('postgres', $digest);
is($node->safe_psql('restored', $digest), $original, 'restored contacts are the same');

my $binary = "$scratch/contact.bin";
$node->safe_psql('postgres', "COPY contact TO '$binary' (FORMAT binary)");
$node->safe_psql('restored', "TRUNCATE contact; COPY contact FROM '$binary' (FORMAT binary)");
is($node->safe_psql('restored', $digest), $original, 'contacts that went through binary COPY are the same');

# A database that is not in UTF-8.
$node->safe_psql('postgres', q{CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('latin1', 'CREATE EXTENSION pg_consent');
my $utf8 = encode('UTF-8', "SET client_encoding = 'UTF8'; ");
is( $node->safe_psql('latin1', $utf8 . encode('UTF-8', q{
	SELECT c, octet_length(c::text), c = 'mailto:j%C3%B6rg@m%C3%BCnchen.example', c::text::consent.contact = c
	FROM (SELECT 'JÖRG@MÜNCHEN.example'::consent.contact AS c) s})),
	encode('UTF-8', 'jörg@xn--mnchen-3ya.example|27|t|t'),
	'LATIN1: stored in the database encoding, read through UTF-8');
is($node->safe_psql('latin1', $utf8 . encode('UTF-8', q{SELECT 'postal:1 Große  Straße'::consent.contact, '07700'||chr(160)||'900123' = '', consent.contact('07700'||chr(160)||'900123')})),
	'postal:1 grosse strasse|f|+447700900123',
	'LATIN1: case folding and non-breaking spaces');
my ($ret, $stdout, $stderr) =
  $node->psql('latin1', q{\set VERBOSITY sqlstate
SELECT 'mailto:%C4%80b@example.com'::consent.contact});
like($stderr, qr/22P05/, 'LATIN1: a character it cannot hold is an error');

# Soft errors, where the server has them.
SKIP:
{
	skip 'soft errors came with PostgreSQL 16', 1
	  if $node->safe_psql('postgres', 'SHOW server_version_num') < 160000;
	is( $node->safe_psql('postgres', q{
		SELECT string_agg(pg_input_is_valid(v, 'consent.contact')::text, ' ')
		FROM unnest(ARRAY['jo@example.com', 'jo@', '07700 900123', '999', 'x', 'jo@xn--a.example', 'device:']) v}),
		'true false true false false false false',
		'pg_input_is_valid');
}

SKIP:
{
	skip 'COPY ... ON_ERROR came with PostgreSQL 17', 1
	  if $node->safe_psql('postgres', 'SHOW server_version_num') < 170000;
	$node->safe_psql('postgres', "COPY (VALUES ('jo\@example.com'), ('jo\@'), ('999')) TO '$scratch/mixed.copy'");
	is( $node->safe_psql('postgres', qq{
		CREATE TABLE mixed (c consent.contact);
		COPY mixed FROM '$scratch/mixed.copy' (ON_ERROR ignore);
		SELECT string_agg(c::text, ' ') FROM mixed}),
		'jo@example.com',
		'COPY skips what is no address, when it is told to');
}

# A parallel worker opens the library that its leader has opened.
my $parallel = $node->safe_psql('postgres', 'SHOW server_version_num') < 160000 ? 'force_parallel_mode' : 'debug_parallel_query';
is( $node->safe_psql('postgres', qq{
	SELECT consent.contact('07700 900123', 'GB');
	SET $parallel = on;
	SELECT DISTINCT consent.contact('0' || 7700900000 + i % 2, 'GB') FROM generate_series(1, 10) i ORDER BY 1}),
	"+447700900123\n+447700900000\n+447700900001",
	'parallel workers read numbers too');

# libphonenumber is mapped by the first backend that needs it, when it does.
SKIP:
{
	skip 'no /proc/self/maps', 1 unless -r '/proc/self/maps';
	my $mapped = q{SELECT pg_read_file('/proc/self/maps') LIKE '%libphonenumber%';};
	is( $node->safe_psql('postgres', qq{
		SELECT count(*) FROM (SELECT '+447700900123'::consent.contact UNION ALL SELECT '+44 7700 900123'
			UNION ALL SELECT 'Jo.Bloggs\@example.com' UNION ALL SELECT 'Jo <jo\@example.com>'
			UNION ALL SELECT 'device:x') s;
		$mapped
		SELECT '07700 900123'::consent.contact;
		$mapped}),
		"5\nf\n+447700900123\nt",
		'libphonenumber is loaded for a national number and for nothing else');
}

# A backend that loaded it ends like any other.
$node->stop;
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|libprotobuf|terminate called/,
	'no backend died, and the library said nothing');

done_testing();
