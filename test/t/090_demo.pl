# The demonstration is documentation that runs: what it says must be true.
use strict;
use warnings;

use Cwd qw(abs_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $demo = 'test/demo';

# -- The committed files are what the generator writes -------------------------

my $again = abs_path(PostgreSQL::Test::Utils::tempdir());
system_or_bail("$demo/data/generate", $again);
for my $file (qw(customers.csv history.csv campaign.csv))
{
	ok(slurp_file("$demo/data/$file") eq slurp_file("$again/$file"), "generate reproduces $file");
}

# -- It runs to the end -----------------------------------------------------------

my $node = PostgreSQL::Test::Cluster->new('demo');
$node->init;
$node->start;
$node->safe_psql('postgres', q(CREATE DATABASE demo TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'));

my $log = "$again/output";
my $connection = $node->connstr('demo');
my $status = system("cd $demo && cat [1-9]_*.sql | PGCLIENTENCODING=UTF8 psql -X -q -d \"$connection\" >$log 2>&1");
my $output = slurp_file($log);
is($status, 0, 'the demonstration runs to its end') or diag($output);

# Two errors belong to it: the statement and the COPY that the guard refuses.
my @errors = $output =~ /^(?:psql:.*)?(ERROR:.*)$/mg;
is(scalar(@errors), 2, 'two refusals are shown and nothing else goes wrong') or diag(join "\n", @errors);
like($_, qr/not permitted/, 'an error on the screen is a refusal') for @errors;
is(() = $output =~ /^SQLSTATE PC001$/mg, 2, 'and carries the SQLSTATE of a refusal');

utf8::decode(my $screen = $output);
my @wide = grep { length > 100 && !/^(?:DETAIL|CONTEXT):/ } split /\n/, $screen;
is(scalar(@wide), 0, 'it fits a terminal of 100 columns') or diag(join "\n", @wide);

# Where a cell is wrapped, a dot stands against the rule between the columns.
my @wrapped = grep { /\S\|/ } split /\n/, $screen;
is(scalar(@wrapped), 0, 'and no table has to wrap for it') or diag(join "\n", @wrapped);

my ($spoke) = $screen =~ /\| +what spoke most for that *\n(.*?)\n\n/s;
ok(defined $spoke && $spoke !~ /\| *-?$/m, 'something speaks for every verdict') or diag($spoke // $screen);

# -- What it claims is so -----------------------------------------------------------

# What the messages are, as their author meant them.
my @truth;
for (split /\n/, slurp_file("$demo/data/templates.txt"))
{
	next unless s/^\@\s*//;
	my ($template, undef, undef, undef, $truth) = split /\s*\|\s*/;
	push @truth, "('$template', '$truth'::consent.message_class)";
}
$node->safe_psql('demo', 'CREATE TABLE truth AS SELECT * FROM (VALUES ' . join(', ', @truth) . ') AS t (template, class)');

sub none
{
	my ($name, $query) = @_;
	my $rows = $node->safe_psql('demo', $query);
	is($rows, '', $name);
}

is($node->safe_psql('demo', 'SELECT count(*) >= 2000 FROM campaign'), 't', 'the campaign is of some size');

none('every message is either queued or refused, and none is both', q{
	SELECT message_id FROM campaign c
	 WHERE (SELECT count(*) FROM outbox o WHERE o.message_id = c.message_id)
	       + (SELECT count(*) FROM refused r WHERE r.message_id = c.message_id) <> 1});

none('every refusal has a reason and a citation', q{
	SELECT message_id FROM refused WHERE reason = '' OR coalesce(citation, '') = '' OR class IS NULL});

none('what was classified as marketing went only to people who may be sent it', q{
	SELECT o.message_id, j.class
	  FROM outbox o JOIN judged j USING (message_id)
	 WHERE consent.is_marketing(j.class)
	   AND NOT coalesce((consent.evaluate(contact => consent.try_contact(o.to_addr), channel => o.channel::consent.channel,
	                                      organisation => o.organisation, purpose => o.purpose, at => o.queued_at)).allowed, false)});

none('so did everything that is marketing by its author\'s own account', q{
	SELECT o.template, count(*)
	  FROM outbox o JOIN truth t USING (template)
	 WHERE consent.is_marketing(t.class)
	   AND NOT coalesce((consent.evaluate(contact => consent.try_contact(o.to_addr), channel => o.channel::consent.channel,
	                                      organisation => o.organisation, purpose => o.purpose, at => o.queued_at)).allowed, false)
	 GROUP BY 1 ORDER BY 1});

none('no service message was refused', q{
	SELECT m.template, count(*)
	  FROM refused r JOIN campaign m USING (message_id) JOIN truth t USING (template)
	 WHERE NOT consent.is_marketing(t.class)
	   -- An unreadable address might belong to somebody who asked for no surveys.
	   AND NOT (t.class = 'market_research' AND r.reason = 'recipient_unreadable')
	 GROUP BY 1 ORDER BY 1});

is($node->safe_psql('demo', q{
	SELECT count(*) > 0 FROM outbox WHERE consent.try_contact(to_addr) IS NULL}),
	't', 'a service message to an unreadable address is let through');

is($node->safe_psql('demo', q{
	SELECT array_agg(DISTINCT organisation ORDER BY organisation) FROM outbox o JOIN judged j USING (message_id)
	 WHERE customer_id = 10017 AND consent.is_marketing(j.class)}),
	'{larkmoor_broadband}', 'Maggie hears offers only from the company she did not leave');

is($node->safe_psql('demo', q{
	SELECT (consent.evaluate(contact => '07700900018', channel => 'sms', organisation => 'larkmoor_energy')).reason}),
	'objected', 'Tom\'s STOP counts');

is($node->safe_psql('demo', q{SELECT string_agg("row" ->> 'message_id' || ' ' || reason, ', ') FROM consent.quarantine}),
	'900002 objected', 'and takes the offer that waited out of the outbox');

$node->stop;
done_testing();
