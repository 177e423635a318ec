# What a packager does: build outside the sources, install under DESTDIR, clean.
# Without optimisation and bitcode, because only the plumbing is at stake.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path getcwd);
use File::Find;
use PostgreSQL::Test::Utils;
use Test::More;

my $sources = getcwd();
my $build = abs_path(PostgreSQL::Test::Utils::tempdir);
my $destdir = abs_path(PostgreSQL::Test::Utils::tempdir);
my ($version) =
  slurp_file('pg_consent.control') =~ /^default_version\s*=\s*'([^']+)'/m;
my @make = (
  'make', '-s', '-C', $build, '-f', "$sources/Makefile",
  "PG_CONFIG=$ENV{PG_CONFIG}", 'CFLAGS=-O0 -fPIC', 'CXXFLAGS=-O0 -fPIC', 'with_llvm=no');

# files FOLDER: all below it, save what this test run itself writes.
sub files
{
  my ($folder) = @_;
  my @found;
  find(
    {
      no_chdir => 1,
      wanted => sub {
        return unless -f $_;
        my $name = substr($_, length($folder) + 1);
        push @found, $name
          unless $name =~ m{^(tmp_check|results|output_iso)/};
      }
    },
    $folder);
  return join("\n", sort @found);
}

my $before = files($sources);
command_ok([@make], 'a build outside the sources');
like(files($build), qr{^pg_consent\.so$}m, '... makes the library');
is(files($sources), $before, '... writes nothing among the sources');

command_ok([ @make, 'install', "DESTDIR=$destdir" ], 'install under DESTDIR');
my $installed = files($destdir);
like($installed, qr{/\Q$_\E$}m, "... installs $_")
  foreach 'pg_consent.so', 'pg_consent_phone.so', 'pg_consent_mime.so', 'pg_consent_roaring.so',
  'pg_consent.control', "pg_consent--$version.sql";

command_ok([ @make, 'clean' ], 'clean');
is(files($build), '', '... leaves no file');

done_testing();
