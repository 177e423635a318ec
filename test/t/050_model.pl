# The law twice: consent.evaluate() against a slow and plain model in Perl
# (test/model/ConsentModel.pm) on random ledgers and sends.
#
#   PG_CONSENT_MODEL_CASES   how many cases (ledger, send, time); 150000
#
# A disagreement is printed as SQL, reduced to the events that matter.

use strict;
use warnings;
use File::Basename;
use File::Spec;
use lib File::Spec->rel2abs(dirname(__FILE__) . '/../model');
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ConsentCases;
use ConsentModel;
use ConsentRows;

my $cases = $ENV{PG_CONSENT_MODEL_CASES} || 150_000;
my $seed = $ENV{PG_CONSENT_SEED} // 20260205;
my $batches = 10;
my $sends_per_ledger = 8;
my $shown_at_most = $ENV{PG_CONSENT_MODEL_SHOW} || 12;

note("seed $seed, $cases cases");

# The server reads and writes files here, so the path has to be absolute.
my $scratch = File::Spec->rel2abs(PostgreSQL::Test::Utils::tempdir);
my $node = PostgreSQL::Test::Cluster->new('model');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nfsync = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_consent');

# ---------------------------------------------------------------------------
# What this server can record decides what is generated.
# ---------------------------------------------------------------------------

my %supported = map { $_ => 1 } split(
	/\n/,
	$node->safe_psql(
		'postgres', q{
	SELECT DISTINCT proname FROM pg_proc
	 WHERE pronamespace = 'consent'::regnamespace
	   AND proname IN ('soft_opt_in', 'request', 'answered', 'contacted', 'non_objection',
					   'suppress', 'unsuppress', 'list_on_register', 'screened')
	UNION ALL
	SELECT 'assessment' WHERE to_regclass('consent.assessment') IS NOT NULL}));
note('beside consent, withdrawal, objection and subscriber: '
	  . (join(', ', sort keys %supported) || 'nothing'));

my @send_columns = qw(contact channel organisation class purpose at known_at
  reference product_category instigators opt_out_offered identity_shown sender);

sub send_sql
{
	my ($send) = @_;

	return 'consent.evaluate('
	  . join(', ', map { "$_ => " . literal($_, $send->{$_}) }
		  grep { defined $send->{$_} } @send_columns) . ')';
}

# ---------------------------------------------------------------------------
# Worlds.
# ---------------------------------------------------------------------------

my $source = ConsentCases->new($seed, %supported);
my @worlds = $source->worlds(30);

$node->safe_psql('postgres', join("\n", 'BEGIN;', (map { world_sql($_) } @worlds), 'COMMIT;'));
# As a dump would restore them: consent.screened() takes no time later than now.
foreach my $screening (@{ $worlds[0]{screenings} })
{
	my $at = instant($screening->{at});
	$node->safe_psql('postgres',
		"INSERT INTO consent.screening (register, screened_at, recorded_at) VALUES ('$screening->{register}', '$at', '$at')");
}

$node->safe_psql(
	'postgres', q{
	CREATE TABLE send (
	  id int, contact consent.contact, channel consent.channel, organisation text,
	  class consent.message_class, purpose text, at timestamptz, known_at timestamptz,
	  reference text, product_category text, instigators text[], opt_out_offered boolean,
	  identity_shown boolean, sender text)});

# ---------------------------------------------------------------------------
# Both verdicts, and whether they are the same.
# ---------------------------------------------------------------------------

# Load ledgers.
sub record
{
	my (@ledgers) = @_;
	my @events = map { @$_ } @ledgers;
	my $erased = ConsentModel::day_of(2090, 1, 1) * ConsentModel::DAY();
	my @rows = grep { is_row($_) } @events;
	my @links = grep { $_->{kind} eq 'link' || $_->{kind} eq 'sent' } @events;
	my @erasures = grep { $_->{kind} eq 'erasure' } @events;

	copy_rows(grep { $_->{recorded_at} < $erased } @rows);
	# An erasure is recorded now, after everything but what the model has later.
	$node->safe_psql('postgres', join(";\n", 'BEGIN', (map { call($_) } @links, @erasures), 'COMMIT;'))
	  if @links || @erasures;
	copy_rows(grep { $_->{recorded_at} >= $erased } @rows);
}

sub copy_rows
{
	my (@rows) = @_;

	return if !@rows;
	my $file = spew("$scratch/ledger", map { copy_line($_, @ledger_columns) } @rows);
	$node->safe_psql('postgres',
		'COPY consent.ledger (' . join(', ', @ledger_columns) . ") FROM '$file'");
}

# The server's verdicts on sends, in their order.
sub ask
{
	my (@sends) = @_;
	my $id = 0;
	my $file = spew("$scratch/send", map { $id++ . "\t" . copy_line($_, @send_columns) } @sends);
	my $out = $node->safe_psql(
		'postgres', qq{
		TRUNCATE send;
		COPY send FROM '$file';
		SELECT s.id, d.allowed, d.reason, d.basis, array_to_string(d.reasons, ','), m
		  FROM send s,
			   LATERAL consent.evaluate(s.contact, s.channel, s.organisation, s.class, s.purpose, s.at,
				 s.known_at, s.reference, s.product_category, s.instigators, s.opt_out_offered,
				 s.identity_shown, s.sender) d,
			   LATERAL consent.may_send(s.contact, s.channel, s.organisation, s.class, s.purpose, s.at,
				 s.known_at, s.reference, s.product_category, s.instigators, s.opt_out_offered,
				 s.identity_shown, s.sender) m
		 ORDER BY s.id});
	my @verdicts;

	foreach my $line (split(/\n/, $out))
	{
		my ($n, $allowed, $reason, $basis, $reasons, $may_send) = split(/\|/, $line, -1);
		push @verdicts,
		  { allowed => $allowed eq 't' ? 1 : 0,
			reason => $reason,
			basis => $basis eq '' ? undef : $basis,
			reasons => [ split(/,/, $reasons) ],
			may_send => $may_send eq 't' ? 1 : 0 };
	}
	die scalar(@verdicts) . ' verdicts on ' . scalar(@sends) . ' sends'
	  if @verdicts != @sends;
	return @verdicts;
}

# What they disagree about, undef if nothing.
sub disagreement
{
	my ($model, $server) = @_;
	my %listed = map { $_ => 1 } @{ $server->{reasons} };

	return 'may_send() is not evaluate()' if $server->{may_send} != $server->{allowed};
	return 'allowed' if $model->{allowed} != $server->{allowed};
	return 'reason' if !$model->{either}{ $server->{reason} };
	return 'basis' if ($model->{basis} // '') ne ($server->{basis} // '');
	return undef if $model->{allowed};
	return 'the deciding reason is not the first'
	  if !@{ $server->{reasons} } || $server->{reasons}[0] ne $server->{reason};
	foreach my $code (sort keys %{ $model->{reasons} })
	{
		return "reasons lack $code" if !$listed{$code};
	}
	foreach my $code (sort keys %listed)
	{
		return "reasons have $code" if !$model->{reasons}{$code} && !$model->{open}{$code};
	}
	return undef;
}

sub verdict_text
{
	my ($verdict) = @_;
	my @reasons =
	  ref($verdict->{reasons}) eq 'HASH' ? sort keys %{ $verdict->{reasons} } : @{ $verdict->{reasons} };

	return ($verdict->{allowed} ? 'allowed' : 'refused')
	  . ", $verdict->{reason} {"
	  . join(', ', @reasons) . '}';
}

# ---------------------------------------------------------------------------
# The smallest case that still disagrees.
# ---------------------------------------------------------------------------

my $fresh = 0;

# The same ledger and send about a contact nobody has heard of.
sub renamed
{
	my ($ledger, $send) = @_;
	my $number = ++$fresh;

	return map {
		my %copy = %$_;
		if (defined $copy{contact})
		{
			$copy{contact} =~ s/^[ms]\d+/s$number/;
			$copy{contact} =~ s/^[oq]\d+/q$number/;
			$copy{contact} =~ s/^\+.*/sprintf('+447701%06d', $number)/e;
		}
		$copy{reference} =~ s/^\w+-\d+/s-$number/ if defined $copy{reference};
		$copy{person} = "other $number" if defined $copy{person};
		\%copy
	} @$ledger, $send;
}

sub still_disagrees
{
	my ($ledger, $send, $world, $what) = @_;
	my @renamed = renamed($ledger, $send);
	my $other_send = pop @renamed;

	record(\@renamed);
	my ($server) = ask($other_send);
	my $model = ConsentModel::evaluate(\@renamed, $other_send, $world);
	my $now = disagreement($model, $server);

	return undef if !defined $now || $now ne $what;
	return [ \@renamed, $other_send, $model, $server ];
}

sub smallest
{
	my ($ledger, $send, $world, $what) = @_;
	my $found = still_disagrees($ledger, $send, $world, $what);
	my $again = 1;

	return undef if !$found;
	while ($again)
	{
		$again = 0;
		foreach my $n (0 .. $#$ledger)
		{
			my @fewer = @$ledger;
			splice(@fewer, $n, 1);
			my $still = still_disagrees(\@fewer, $send, $world, $what);
			next if !$still;
			($ledger, $found, $again) = (\@fewer, $still, 1);
			last;
		}
	}
	my %plain = (
		known_at => undef, reference => undef, instigators => [], product_category => undef,
		opt_out_offered => 1, identity_shown => 1, sender => undef, class => 'direct_marketing',
		purpose => 'marketing');
	foreach my $name (sort keys %plain)
	{
		my %plainer = (%$send, $name => $plain{$name});
		my $still = still_disagrees($ledger, \%plainer, $world, $what);
		($send, $found) = (\%plainer, $still) if $still;
	}
	foreach my $n (0 .. $#$ledger)
	{
		foreach my $name (qw(expires_at named_organisations collected_by defects purpose channels organisation))
		{
			next if !defined $ledger->[$n]{$name};
			next
			  if $name =~ /^(purpose|channels|organisation)$/
			  && $ledger->[$n]{kind} !~ /^(withdrawal|objection|suppression|unsuppression)$/;
			my @plainer = map { {%$_} } @$ledger;
			$plainer[$n]{$name} = undef;
			my $still = still_disagrees(\@plainer, $send, $world, $what);
			($ledger, $found) = (\@plainer, $still) if $still;
		}
	}
	return $found;
}

sub show
{
	my ($found, $world, $what) = @_;
	my ($ledger, $send, $model, $server) = @$found;
	my (%organisations, %purposes);

	foreach my $thing (@$ledger, $send)
	{
		$organisations{$_} = 1
		  foreach grep { defined } $thing->{organisation}, $thing->{sender},
		  @{ $thing->{named_organisations} || [] }, @{ $thing->{instigators} || [] };
		$purposes{$_} = 1
		  foreach defined $thing->{purpose} && $world->{purposes}{ $thing->{purpose} }
		  ? ConsentModel::with_ancestors($world, $thing->{purpose}) : ();
	}
	diag(join("\n",
			"disagreement: $what",
			world_sql($world, \%organisations, \%purposes),
			(map { event_sql($_) } @$ledger),
			'SELECT allowed, reason, reasons FROM ' . send_sql($send) . ';',
			'-- server: ' . verdict_text($server),
			'-- model:  ' . verdict_text($model), ''));
}

# ---------------------------------------------------------------------------
# The comparison.
# ---------------------------------------------------------------------------

my (%seen, %count, %example);

foreach my $batch (1 .. $batches)
{
	my (@cases, @sends, $agreed);
	my $wanted = int($cases / $batches);

	while (@sends < $wanted)
	{
		my $case = $source->case($worlds[ int(rand(@worlds)) ], $sends_per_ledger);
		push @cases, $case;
		push @sends, @{ $case->{sends} };
	}
	record(map { $_->{ledger} } @cases);
	$node->safe_psql('postgres', 'ANALYZE consent.ledger') if $batch == 1;
	my @verdicts = ask(@sends);

	$agreed = 0;
	foreach my $case (@cases)
	{
		foreach my $send (@{ $case->{sends} })
		{
			my $server = shift @verdicts;
			my $model = ConsentModel::evaluate($case->{ledger}, $send, $case->{world});
			my $what = disagreement($model, $server);

			$seen{ $model->{reason} }++;
			if (!defined $what) { $agreed++; next; }

			# One example of each sort is enough: the one with the fewest events.
			my $sort = "$what: model $model->{reason}, server $server->{reason}";
			$count{$sort}++;
			if (!$example{$sort} || @{ $case->{ledger} } < @{ $example{$sort}[0] })
			{
				$example{$sort} =
				  [ $case->{ledger}, $send, $model, $server, $case->{world}, $what ];
			}
		}
	}
	is($agreed, scalar(@sends), "batch $batch: the model and the server agree on every case");
}
note("$_: $seen{$_}") foreach sort { $seen{$b} <=> $seen{$a} } keys %seen;

# Wrong verdicts first ("allowed" sorts before the rest), then the most frequent.
my @sorts = sort {
		 ($b =~ /^allowed/ ? 1 : 0) <=> ($a =~ /^allowed/ ? 1 : 0)
	  || $count{$b} <=> $count{$a}
	  || $a cmp $b
} keys %count;
foreach my $sort (@sorts)
{
	my ($ledger, $send, $model, $server, $world, $what) = @{ $example{$sort} };

	diag("$count{$sort} x $sort");
	next if $shown_at_most-- <= 0;
	show(smallest($ledger, $send, $world, $what) || [ $ledger, $send, $model, $server ],
		$world, $what);
}

# ---------------------------------------------------------------------------
# The campaign filter is the same law.
# ---------------------------------------------------------------------------

foreach my $sample ([ 'email', 'acme 1', 'marketing' ], [ 'sms', 'bolt 2', 'marketing' ],
	[ 'live_call', 'acme 3', 'marketing' ], [ 'post', 'pens 4', 'purpose 4.1' ],
	[ 'email', 'care 5', 'purpose 5.2' ], [ 'push', 'mars 6', 'marketing' ])
{
	my ($channel, $organisation, $purpose) = @$sample;

	is( $node->safe_psql(
			'postgres', qq{
		WITH p AS (SELECT consent.permitted('$channel', '$organisation', '$purpose', 'boilers') AS contact),
			 m AS (SELECT contact FROM (SELECT DISTINCT contact FROM consent.ledger) l
					WHERE consent.may_send(contact, '$channel', '$organisation', purpose => '$purpose',
										   product_category => 'boilers'))
		SELECT (SELECT count(*) FROM (TABLE p EXCEPT ALL TABLE m) x),
			   (SELECT count(*) FROM (TABLE m EXCEPT ALL TABLE p) y)}),
		'0|0',
		"permitted() and may_send() name the same contacts: $channel, $organisation, $purpose");
}

$node->stop;
done_testing();
