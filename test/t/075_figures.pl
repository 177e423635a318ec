# The figures that analysts are shown, worked out a second time: consent.current,
# coverage, at_risk, expiring, withdrawal_latency, import_audit, exposure(), preflight()
# and report_json() against the model of the law (test/model/ConsentModel.pm) and plain
# counting in Perl, on random ledgers, logs and past sends whose times lie on the
# borders of periods, days and limits, in sessions of three time zones.
#
#   FIGURES_ROUNDS   how many ledgers; 2
#
# A round is one transaction, which is rolled back, so that now() stands still.

use strict;
use warnings;
use File::Basename;
use File::Spec;
use lib File::Spec->rel2abs(dirname(__FILE__) . '/../model');
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use ConsentCases;
use ConsentModel;
use ConsentRows;

use constant DAY => ConsentModel::DAY;
use constant HOUR => ConsentModel::HOUR;

my $seed = $ENV{PG_CONSENT_SEED} // 20261127;
my $rounds = $ENV{FIGURES_ROUNDS} // 2;
note("PG_CONSENT_SEED=$seed");

my $scratch = File::Spec->rel2abs(PostgreSQL::Test::Utils::tempdir);
my $node = PostgreSQL::Test::Cluster->new('figures');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_consent');

my $source = ConsentCases->new($seed, map { $_ => 1 } qw(soft_opt_in request answered contacted non_objection suppress unsuppress list_on_register assessment));
my ($session, $now, $n);

sub one_of { return $_[ int(rand(@_)) ]; }
sub chance { return rand() < $_[0]; }

# What is asked and answered is too long for the log of the test.
{
	no warnings qw(redefine once);
	*PostgreSQL::Test::BackgroundPsql::note = sub { };
	*PostgreSQL::Test::BackgroundPsql::explain = sub { };
}
sub query { return $session->query_safe(shift); }

# The rows of a query, hashes; times as us('column') has them.
sub rows { return @{ decode_json(query("SELECT coalesce(jsonb_agg(to_jsonb(x)), '[]') FROM ($_[0]) x")) }; }
sub us { return "(extract(epoch FROM $_[0]) * 1000000)::bigint"; }

sub copy
{
	my ($table, @lines) = @_;

	query("COPY $table FROM '" . spew("$scratch/rows", @lines) . "'");
	return;
}

# The rows of two lists, whatever their order.
sub same
{
	my ($got, $expected, $what) = @_;
	my $json = JSON::PP->new->canonical;
	my %count;

	$count{ $json->encode($_) }++ foreach @$got;
	$count{ $json->encode($_) }-- foreach @$expected;
	my @wrong = map { ($count{$_} > 0 ? 'only the server: ' : 'only we: ') . $_ } grep { $count{$_} } sort keys %count;
	ok(!@wrong, "$what: " . scalar(@$expected)) or diag(join("\n", splice(@wrong, 0, 10)));
	return;
}

# Texts and numbers as the server's JSON has them.
sub text { return defined $_[0] ? "$_[0]" : undef; }
sub number { return defined $_[0] ? $_[0] + 0 : undef; }

# ---------------------------------------------------------------------------
# Time in London.
# ---------------------------------------------------------------------------

sub london { return $_[0] + (ConsentModel::is_summer($_[0]) ? HOUR : 0); }
sub from_london { return ConsentModel::is_summer($_[0]) ? $_[0] - HOUR : $_[0]; }

# At this time of day, so many days on.
sub in_days { return from_london(london($_[0]) + $_[1] * DAY); }
sub midnight { return from_london($_[0] * DAY); }

# A zone where it is another day than in London, whose clock is put forward by three
# hours in so many days, and back in so many.
sub other_clock
{
	my @changes = map { sprintf('J%d/2', 1 + (gmtime($now / 1_000_000 + $_ * 86400))[7] % 365) } @_;
	return (london($now) % DAY < 12 * HOUR ? 'AAA12BBB9' : 'AAA-12BBB-15') . ",$changes[0],$changes[1]";
}

sub date { return sprintf('%04d-%02d-%02d', ConsentModel::date_of($_[0])); }

sub month_of
{
	my ($y, $m) = ConsentModel::date_of($_[0]);
	return ConsentModel::day_of($y, $m, 1);
}

# ---------------------------------------------------------------------------
# What there is to count.
# ---------------------------------------------------------------------------

# Six months on, a third party's consent of that day goes stale so many days from now.
sub stale_in
{
	my ($days) = @_;
	my $today = ConsentModel::london_day($now);

	for my $back (180 - $days .. 186 - $days)
	{
		my $day = $today - $back;
		return $day if ConsentModel::add_months($day, 6) == $today + $days;
	}
	return $today - 183 + $days;    # no day goes stale then
}

sub instants
{
	my @instants = ($now, $now, $now - DAY, $now - 28 * DAY, $now - int(rand(300 * DAY)));

	my $once = $now - (200 + int(rand(100))) * DAY;

	# For past sends: what went stale since.
	push @instants, $once, midnight(ConsentModel::add_months(ConsentModel::london_day($once), 6)) + one_of(0, -1, 1);
	push @instants, midnight(stale_in(one_of(-1, 0, 1, 30, 89, 90, 91))) + one_of(0, -1, 12 * HOUR) foreach 1 .. 3;
	return \@instants;
}

# Nothing changes in the minutes in which the server is asked.
sub calm { return $_[0] > $now && $_[0] < $now + HOUR ? $now + HOUR : $_[0]; }

sub may_begin_later { return $_[0]{kind} eq 'consent' || $_[0]{kind} eq 'soft_opt_in' && !$_[0]{refused}; }

sub event_of_now
{
	my ($event) = @_;

	return if $event->{recorded_at} >= ConsentModel::day_of(2089, 1, 1) * DAY;
	$event->{recorded_at} = $now if $event->{recorded_at} > $now;
	if (defined $event->{effective_at} && $event->{effective_at} > $now)
	{
		$event->{effective_at} = may_begin_later($event) ? calm($event->{effective_at}) : $now;
	}
	# A "no" takes its time to be heard.
	if ($event->{kind} =~ /^(withdrawal|objection)$/ && defined $event->{effective_at} && chance(0.5))
	{
		my $heard = $event->{effective_at} + one_of(DAY, DAY, DAY + 1, DAY - 1, int(rand(2 * DAY)), int(rand(HOUR)));
		$event->{recorded_at} = $heard if $heard <= $now;
	}
	$event->{effective_at} = in_days($now, one_of(1, 89, 90, 91)) if may_begin_later($event) && chance(0.03);
	$event->{recorded_at} = $event->{effective_at}
	  if !may_begin_later($event) && defined $event->{effective_at} && $event->{effective_at} > $event->{recorded_at};
	if ($event->{kind} eq 'consent')
	{
		$event->{effective_at} = $event->{recorded_at} - DAY + one_of(-1, 0, 1) if chance(0.1);
		$event->{expires_at} = in_days($now, one_of(1, 1, 29, 30, 31, 89, 90, 90, 91)) + one_of(-1, 0, 0, 1) if chance(0.4);
	}
	if (defined $event->{expires_at})
	{
		$event->{expires_at} = calm($event->{expires_at});
		$event->{expires_at} = $now + HOUR if $event->{expires_at} == $now;
		delete $event->{expires_at} if $event->{expires_at} <= ($event->{effective_at} // $event->{recorded_at});
	}
	return;
}

sub cases
{
	my ($world, $count) = @_;
	my @cases;

	foreach (1 .. $count)
	{
		my $focus = $source->focus($world);
		my ($ledger, $erased);

		$focus->{instants} = instants();
		$ledger = $source->ledger($focus);
		$erased = grep { $_->{kind} eq 'erasure' } @$ledger;
		# A "no" of who is erased passes on to the person's other contacts: another matter.
		@$ledger = grep { $_->{kind} ne 'link' && $_->{contact} !~ /^o/ } @$ledger if $erased;
		# What was sent the log has.
		@$ledger = grep { $_->{kind} ne 'sent' } @$ledger;
		foreach my $event (@$ledger)
		{
			event_of_now($event);
			$event->{source} = one_of('crm', 'form', undef);
			$event->{evidence} = sprintf('{"n": %d}', ++$n) if is_row($event);
		}
		@$ledger = sort { $a->{recorded_at} <=> $b->{recorded_at} } @$ledger;
		push @cases, { focus => $focus, ledger => $ledger, erased => $erased, world => $world };
	}
	return @cases;
}

sub load
{
	my (@events) = @_;
	my @columns = (@ledger_columns, 'source', 'evidence');
	my $late = ConsentModel::day_of(2090, 1, 1) * DAY;
	my $table = 'consent.ledger (' . join(', ', @columns) . ')';
	my @calls = grep { $_->{kind} eq 'link' || $_->{kind} eq 'erasure' } @events;

	copy($table, map { copy_line($_, @columns) } grep { is_row($_) && $_->{recorded_at} < $late } @events);
	query(join("\n", map { 'SELECT count(*) FROM (' . call($_) . ') x;' } grep { $_->{kind} eq 'erasure' } @calls) . join("\n", map { call($_) . ';' } grep { $_->{kind} eq 'link' } @calls)) if @calls;
	copy($table, map { copy_line($_, @columns) } grep { is_row($_) && $_->{recorded_at} >= $late } @events);
	return;
}

# Lines of the log, about the borders of these periods.
sub log_lines
{
	my ($case, @borders) = @_;
	my @lines;

	foreach (1 .. int(rand(8)))
	{
		my $focus = $case->{focus};
		my $at = one_of(@borders) + one_of(0, 0, -1, 1, HOUR, int(rand(20 * DAY)));

		push @lines,
		  { decided_at => $at > $now ? $now : $at,
			allowed => chance(0.5) ? 1 : 0,
			reason => one_of(qw(consent objected consent_withdrawn no_permission)),
			class => one_of(qw(direct_marketing direct_marketing mixed service unknown), undef),
			declared_class => one_of(qw(service service_optional direct_marketing), undef),
			channel => one_of(qw(email sms), undef),
			organisation => one_of('acme 1', 'acme 1', 'bolt 1', undef),
			contact => $case->{erased} || chance(0.1) ? undef : one_of(@{ $focus->{forms} }),
			rules => one_of('{"rules": ["a"]}', '{"rules": ["b", "c"]}', undef),
			action => one_of(qw(sent claimed flagged diverted parked quarantined held released)) };
	}
	# First contact, for the model.
	push @{ $case->{ledger} },
	  map { { kind => 'sent', contact => $_->{contact}, allowed => 1, class => $_->{class}, organisation => $_->{organisation},
		effective_at => $_->{decided_at}, recorded_at => $_->{decided_at} } }
	  grep { $_->{allowed} && defined $_->{contact} && defined $_->{class} && defined $_->{organisation} } @lines;
	return @lines;
}

sub past_sends
{
	my ($case, $count) = @_;
	my @sends;

	return () if $case->{erased};
	foreach (1 .. $count)
	{
		my $send = $source->send($case->{focus}, $case->{ledger});

		# What nobody knows is for the verdict on one message, and in the guard's tests.
		redo if $send->{organisation} eq 'nobody' || $send->{purpose} eq 'nobody' || grep { $_ eq 'nobody' } @{ $send->{instigators} };
		$send->{at} = one_of($send->{at}, midnight(month_of(ConsentModel::london_day($send->{at}))) + one_of(-1, 0, 1)) if chance(0.3);
		$send->{at} = $now if $send->{at} > $now;
		# What is declared can only make it marketing.
		($send->{body}, $send->{declared}, $send->{class}) = @{ one_of(
				[ 'Get 20% off all boilers this weekend only!', one_of('service', 'direct_marketing', undef), 'direct_marketing' ],
				[ undef, one_of('service', 'nonsense', undef), 'unknown' ],
				[ 'Your order 4411 is out for delivery today.', one_of('service', 'nonsense', undef), 'service' ],
				[ 'Your order 4411 is out for delivery today.', 'direct_marketing', 'direct_marketing' ]) };
		delete $send->{reference};
		$send->{recipient} = one_of($send->{contact}, uc($send->{contact}), " $send->{contact} ");
		$send->{campaign} = one_of('spring', 'autumn', '', undef);
		$send->{complaint} = chance(0.3) ? 1 : 0;
		if ($send->{class} ne 'service' && chance(0.12))
		{
			my $what = one_of(qw(channel recipient_unreadable recipient_unknown at));
			@$send{qw(channel wrong)} = ('pigeon', 'channel_unknown') if $what eq 'channel';
			@$send{qw(recipient contact wrong)} = ('no address', undef, $what) if $what eq 'recipient_unreadable';
			@$send{qw(recipient contact wrong)} = (undef, undef, $what) if $what eq 'recipient_unknown';
			@$send{qw(at wrong)} = (undef, 'input_invalid') if $what eq 'at';
		}
		@$send{qw(id case)} = (++$n, $case);
		push @sends, $send;
	}
	return @sends;
}

# ---------------------------------------------------------------------------
# The law, asked of the model.
# ---------------------------------------------------------------------------

# Is there any product for which it is allowed?
sub verdict
{
	my ($case, $contact, $channel, $organisation, $purpose, $class, $at, @categories) = @_;
	my @verdicts = map {
		ConsentModel::evaluate($case->{ledger},
			{ contact => $contact, channel => $channel, organisation => $organisation, purpose => $purpose, at => $at,
				class => $class, product_category => $_,
				instigators => [], opt_out_offered => 1, identity_shown => 1 },
			$case->{world})
	} @categories ? @categories : (undef, 'boilers', 'windows');
	my @allowed = grep { $_->{allowed} } @verdicts;

	@verdicts = @allowed if @allowed;
	return { allowed => @allowed ? 1 : 0, either => { map { %{ $_->{either} } } @verdicts } };
}

# What is on record and left.
sub events { return map { @{ ConsentModel::what_is_left($_->{ledger}) } } @_; }

# "never asked: nothing on record about this channel, organisation and purpose".
my %never_asked = map { $_ => 1 }
  qw(no_permission no_lawful_basis consent_missing consent_channel_not_covered consent_org_not_named consent_purpose_mismatch);

sub status { return $_[0] ? 'permitted' : $never_asked{ $_[1] } ? 'never_asked' : 'refused'; }

# What is wrong with a record by itself, whatever was said before or after it.
sub defects
{
	my ($case, $event) = @_;
	my $organisation = $event->{organisation};
	my (@codes, @first_contacts);

	$organisation = $event->{named_organisations}[0] if $event->{kind} eq 'consent' && defined $event->{collected_by} && $event->{named_organisations};
	my $send = { contact => $event->{contact}, organisation => $organisation, at => $now, class => 'direct_marketing',
		channel => $event->{channels} ? $event->{channels}[0] : 'email', purpose => $event->{purpose} // 'marketing',
		product_category => $event->{product_category}, instigators => [], opt_out_offered => 1, identity_shown => 1 };
	# Where no law is known a record has its own defects, and no others.
	my $is_law = $case->{world}{organisations}{$organisation}{jurisdiction} eq 'GB';
	@first_contacts = grep { $_->{kind} =~ /^(contacted|sent)$/ } events($case);
	if ($event->{kind} eq 'consent')
	{
		# Its time has come or is to come: no fault of the record.
		@codes = grep { !/^consent_(expired|not_yet_given)$/ && ($is_law || !/^third_party/ || ConsentModel::has_defect($event, $_)) } ConsentModel::failing($event, $send, $case->{world}, [ $event, @first_contacts ]);
	}
	# Who refused is on record as one who did.
	elsif ($event->{kind} eq 'soft_opt_in' && $is_law && !$event->{refused})
	{
		# A client relationship is for pensions.
		if ($event->{relationship} eq 'client_relationship')
		{
			@codes = ConsentModel::SO2($event, $send) && ConsentModel::SO5($event) && ConsentModel::SO6($event) ? () : 'pension_not_permitted';
		}
		else
		{
			@codes = grep { $_ ne 'csoi_not_sole_purpose' } ConsentModel::failing_soft_opt_in($event, $send, $case->{world}, [$event]);
		}
		# 6.6: of unknown time it speaks for nothing; whether before a law came in nobody can say.
		@codes = ('consent_unevidenced', grep { $_ ne 'csoi_before_commencement' } @codes) if !defined $event->{effective_at};
	}
	return @codes;
}

# ---------------------------------------------------------------------------
# A report's sections.
# ---------------------------------------------------------------------------

sub count_of
{
	my ($key, @rows) = @_;
	my %count;

	$count{ $key->($_) }++ foreach @rows;
	return \%count;
}

sub people { return scalar(keys %{ { map { ConsentModel::without_tag($_) => 1 } grep { defined } @_ } }); }

# A code to the lines with it, the most frequent first.
sub by
{
	my ($key, @rows) = @_;
	my %of;

	push @{ $of{ $_->{$key} // '' } }, $_ foreach @rows;
	return map { [ $_, $of{$_} ] } sort { @{ $of{$b} } <=> @{ $of{$a} } || $a cmp $b } keys %of;
}

# The first day of the day, week or month.
sub truncated
{
	my ($bucket, $day) = @_;
	return $bucket eq 'day' ? $day : $bucket eq 'week' ? $day - ($day + 3) % 7 : month_of($day);
}

sub buckets
{
	my ($bucket, $since, $until) = @_;
	my @starts = (truncated($bucket, ConsentModel::london_day($since)));

	while (1)
	{
		my $next = $bucket eq 'day' ? $starts[-1] + 1 : $bucket eq 'week' ? $starts[-1] + 7 : ConsentModel::add_months($starts[-1], 1);
		last if midnight($next) >= $until;
		push @starts, $next;
	}
	return @starts;
}

# So many seconds, to a tenth; the shortest that that share takes no longer than.
sub seconds { return defined $_[0] ? int(($_[0] + 50_000) / 100_000) / 10 : undef; }

sub percentile
{
	my ($share, @sorted) = @_;
	my $place = int($share * @sorted / 100);

	$place++ if $place * 100 < $share * @sorted;
	return @sorted ? $sorted[ $place - 1 ] : undef;
}

# ---------------------------------------------------------------------------
# A round.
# ---------------------------------------------------------------------------

foreach my $round (1 .. $rounds)
{
	# Not over midnight in London; a session would time out if it waited.
	sleep(601) if london(time * 1_000_000) % DAY > DAY - 10 * 60_000_000;
	$session = $node->background_psql('postgres');
	query('SET client_min_messages = error; BEGIN');
	$now = query('SELECT ' . us('now()'));
	$n = 0;

	my $world = $source->world(1, [ map { { register => $_, at => $now - one_of(3 * DAY, 28 * DAY, 29 * DAY - HOUR, 29 * DAY, 40 * DAY) } } 'tps', 'ctps', chance(0.5) ? 'fps' : () ]);
	query(join("\n", world_sql($world)));
	foreach my $screening (@{ $world->{screenings} })
	{
		$screening->{recorded_at} = $screening->{at};
		query(sprintf(q{INSERT INTO consent.screening (register, screened_at, recorded_at) VALUES ('%s', '%s', '%2$s')}, $screening->{register}, instant($screening->{at})));
	}

	my @cases = cases($world, 50);
	my $year = (ConsentModel::date_of(ConsentModel::london_day($now)))[0];
	$year-- if $now < midnight(ConsentModel::day_of($year, 8, 2));
	my @noes = map { $_->{recorded_at} } grep { $_->{kind} =~ /^(withdrawal|objection)$/ } events(@cases);
	my @periods = (
		[ midnight(ConsentModel::day_of($year, 7, 1)), midnight(ConsentModel::day_of($year, 8, 1)) ],
		[ midnight(ConsentModel::day_of($year, 3, 15)), midnight(ConsentModel::day_of($year, 5, 1)) ],
		[ midnight(ConsentModel::day_of($year - 1, 3, 15)), $now ],
		(map { [ sort { $a <=> $b } one_of(@noes), one_of(@noes) ] } 1 .. 4),
		[ $now - 45 * DAY, $now ], [ $now - 45 * DAY - 1, $now ], [ $now - 400 * DAY, $now ], [ $now - 400 * DAY - 1, $now ]);
	my @borders = map { @$_ } @periods[ 0 .. 3, 7 ];
	my @log = map { log_lines($_, @borders) } @cases;
	my @sends = map { past_sends($_, 8) } @cases;

	load(map { @{ $_->{ledger} } } @cases);
	copy('consent.decision_log (decided_at, relation, allowed, reason, reasons, class, declared_class, channel, organisation, contact, action, evidence, written_by)',
		map { join("\t", map { $_ // '\N' } instant($_->{decided_at}), 'pg_class', $_->{allowed} ? 't' : 'f', $_->{reason}, '{}', @$_{qw(class declared_class channel organisation contact action rules)}, 'figures') . "\n" } @log);
	my @held = map { { decided_at => one_of(@borders) + one_of(-1, 0, 1, int(rand(9 * DAY))), released_at => chance(0.4) ? $now : undef } } 1 .. 40;
	copy('consent.quarantine (relation, "row", reason, decided_at, released_at)',
		map { join("\t", 'pg_class', '{}', 'objected', instant($_->{decided_at}), defined $_->{released_at} ? instant($_->{released_at}) : '\N') . "\n" } @held);
	query('CREATE TABLE figures_send (id int, recipients text[], channel text, organisation text, purpose text, at timestamptz, product_category text, instigators text[], opt_out_offered boolean, identity_shown boolean, sender text, body text, declared text, campaign text, complaint boolean)');
	copy('figures_send',
		map { join("\t", map { $_ // '\N' } $_->{id}, defined $_->{recipient} ? "{\"$_->{recipient}\"}" : one_of('{NULL}', '{}', undef), @$_{qw(channel organisation purpose)}, defined $_->{at} ? instant($_->{at}) : undef, $_->{product_category},
				'{' . join(',', map { "\"$_\"" } @{ $_->{instigators} }) . '}', (map { $_ ? 't' : 'f' } @$_{qw(opt_out_offered identity_shown)}), @$_{qw(sender body declared campaign)}, $_->{complaint} ? 't' : 'f') . "\n" } @sends);
	query('ANALYZE consent.ledger; ANALYZE consent.address_standing') if $round % 2;

	# Which event of the ledger is which of ours.
	my %id = map { $_->{n} => $_->{event_id} } rows(q{SELECT event_id, evidence ->> 'n' AS n FROM consent.ledger});
	my @events = grep { is_row($_) } events(@cases);
	$_->{event_id} = $id{ ($_->{evidence} =~ /(\d+)/)[0] } foreach @events;
	is(scalar(keys %id), scalar(grep { defined $_->{event_id} } @events), "round $round: as many events as we know of");

	my %case_of;
	foreach my $case (@cases) { $case_of{ $_->{contact} } = $case foreach grep { is_row($_) } events($case); }

	# In every zone the same.
	foreach my $zone ('UTC', 'Europe/London', 'America/New_York', other_clock(20, 200))
	{
		query("SET LOCAL timezone = '$zone'");
		# ... and by one process as by several.
		my %alone = (parallel_setup_cost => 1000, parallel_tuple_cost => 0.1, min_parallel_table_scan_size => "'8MB'", min_parallel_index_scan_size => "'512kB'");
		query(join(' ', map { "SET LOCAL $_ = " . ($zone =~ /AAA/ ? '0;' : "$alone{$_};") } sort keys %alone) . ' SET LOCAL parallel_leader_participation = ' . ($zone =~ /AAA/ ? 'off' : 'on'));
		my $what = sub { return "round $round, $zone: $_[0]" };

		# consent.current
		my @asked = map { [ one_of(qw(email email sms live_call post)), one_of('acme 1', 'acme 1', 'bolt 1', 'care 1', 'pens 1', 'mars 1'), one_of('marketing', sort keys %{ $world->{purposes} }) ] } 1 .. 6;
		@asked = values %{ { map { join('|', @$_) => $_ } @asked } };
		my $asked = join(', ', map { "('$_->[0]'::consent.channel, '$_->[1]', '$_->[2]')" } @asked);
		my @current = rows("SELECT contact, channel, organisation, purpose, status, reason, product_category, " . us('since') . " AS since, event_id FROM consent.current WHERE (channel, organisation, purpose) IN ($asked)");
		is(scalar(@current), scalar(@asked) * scalar(keys %case_of), $what->('consent.current has a row for each contact')) or next;
		my @wrong;
		foreach my $row (@current)
		{
			my $class = $world->{purposes}{ $row->{purpose} }{kind} eq 'service_optional' ? 'service_optional' : 'direct_marketing';
			my @send = ($case_of{ $row->{contact} }, @$row{qw(contact channel organisation purpose)}, $class, $now);
			my $verdict = verdict(@send);
			my $serves = !defined $row->{product_category} || verdict(@send, $row->{product_category})->{either}{soft_opt_in};

			push @wrong, encode_json($row) . ' and not ' . join(' or ', sort keys %{ $verdict->{either} })
			  if !$verdict->{either}{ $row->{reason} } || $row->{status} ne status($verdict->{allowed}, $row->{reason}) || !$serves || ($row->{reason} eq 'soft_opt_in') != defined $row->{product_category};
		}
		ok(!@wrong, $what->('consent.current is the law: ' . @current)) or diag(join("\n", splice(@wrong, 0, 5)));

		# consent.coverage, coverage_of(), verdicts(), why_not(), audiences
		my @coverage = map {
			my $send = $_;
			my @of = grep { join('|', @$_{qw(channel organisation purpose)}) eq join('|', @$send) } @current;
			my $status = count_of(sub { $_[0]{status} }, @of);
			{ channel => $send->[0], organisation => $send->[1], purpose => $send->[2], contacts => scalar(@of), (map { $_ => $status->{$_} // 0 } qw(permitted refused never_asked)),
				soft_opt_in => scalar(grep { $_->{reason} =~ /^(charity_)?soft_opt_in$/ } @of) }
		} @asked;
		same([ rows("SELECT * FROM consent.coverage WHERE (channel, organisation, purpose) IN ($asked)") ], \@coverage, $what->('consent.coverage'));
		same([ rows("SELECT * FROM consent.coverage_of(NULL, NULL, NULL) WHERE (channel, organisation, purpose) IN ($asked)") ], \@coverage, $what->('consent.coverage_of()'));
		foreach my $send (@asked)
		{
			my ($channel, $organisation, $purpose) = @$send;
			my @of = grep { join('|', @$_{qw(channel organisation purpose)}) eq join('|', @$send) } @current;
			same([ rows("SELECT status, reason, contacts FROM consent.verdicts('$channel', '$organisation', '$purpose')") ],
				[ map { { status => $_->[1][0]{status}, reason => $_->[0], contacts => scalar(@{ $_->[1] }) } } by('reason', @of) ], $what->("consent.verdicts(@$send)"));
			my $each = "(SELECT l.contact, e.* FROM (SELECT DISTINCT contact FROM consent.ledger) l, consent.evaluate(l.contact, '$channel', '$organisation', purpose => '$purpose', product_category => 'boilers') e) e";
			same([ rows("SELECT reason, contacts, cardinality(examples) AS shown FROM consent.why_not('$channel', '$organisation', '$purpose', 'boilers', 3)") ],
				[ rows("SELECT reason, count(*) AS contacts, least(count(*), 3) AS shown FROM $each WHERE NOT allowed GROUP BY 1") ], $what->("consent.why_not(@$send)"));
			same([ rows("SELECT consent.unnest(consent.audience('$channel', '$organisation', '$purpose', 'boilers')) AS contact") ], [ rows("SELECT contact FROM $each WHERE allowed") ], $what->("consent.audience(@$send)"));
		}

		# consent.at_risk
		my @risks;
		foreach my $case (@cases)
		{
			foreach my $event (grep { is_row($_) } events($case))
			{
				push @risks, map { { event_id => $event->{event_id}, contact => $event->{contact}, organisation => $event->{organisation}, source => $event->{source}, defect => $_ } } defects($case, $event)
				  if $event->{kind} =~ /^(consent|soft_opt_in)$/;
			}
		}
		same([ rows('SELECT event_id, contact, organisation, source, defect FROM consent.at_risk') ],
			\@risks, $what->('consent.at_risk'));

		# consent.expiring
		my (@expiring, %seen, %rests_on);
		foreach my $case (@cases)
		{
			foreach my $event (grep { $_->{kind} eq 'consent' } events($case))
			{
				foreach my $organisation ($event->{organisation}, @{ $event->{named_organisations} || [] })
				{
					foreach my $channel (@{ $event->{channels} })
					{
						my @send = ($event->{contact}, $channel, $organisation, $event->{purpose}, 'direct_marketing');

						my $today = verdict($case, @send, $now, undef);
						my $later = verdict($case, @send, in_days($now, 90), undef);
						next if !$today->{either}{consent} || $later->{allowed};
						# On which of several that are valid the law does not say; one for a parent purpose is shown there.
						my @valid = ConsentModel::valid_consents(ConsentModel::what_is_left($case->{ledger}),
							{ contact => $event->{contact}, channel => $channel, organisation => $organisation, purpose => $event->{purpose}, at => $now, class => 'direct_marketing', instigators => [] }, $case->{world});
						my @own = grep { $_->{purpose} eq $event->{purpose} } @valid;
						next if !@own;
						$rests_on{ join('|', @send[ 0 .. 3 ]) } = { map { $_->{event_id} => 1 } @own };
						next if $seen{ join('|', @send[ 0 .. 3 ]) }++;
						my ($first) = grep { !verdict($case, @send, in_days($now, $_), undef)->{allowed} } 1 .. 90;
						push @expiring, { contact => $send[0], channel => $channel, organisation => $organisation, purpose => $send[3], basis => 'consent',
							days_left => $first, ends_on => date(ConsentModel::london_day(in_days($now, $first))), then => $later->{either}, elsewhere => @own < @valid };
					}
				}
			}
		}
		my @ends = rows('SELECT contact, channel, organisation, purpose, event_id, basis, ends_on, days_left, then_reason FROM consent.expiring');
		my %then = map { join('|', @$_{qw(contact channel organisation purpose)}) => $_->{then} } @expiring;
		@wrong = grep { my $key = join('|', @$_{qw(contact channel organisation purpose)}); !$then{$key}{ $_->{then_reason} } || !$rests_on{$key}{ $_->{event_id} } } @ends;
		ok(!@wrong, $what->('consent.expiring rests on a consent that is valid now')) or diag(map { encode_json($_) . "\n" } splice(@wrong, 0, 5));
		my %shown = map { join('|', @$_{qw(contact channel organisation purpose)}) => 1 } @ends;
		same([ map { my %row = %$_; delete @row{qw(event_id then_reason)}; \%row } @ends ],
			[ map { my %row = %$_; delete @row{qw(then elsewhere)}; \%row } grep { !$_->{elsewhere} || $shown{ join('|', @$_{qw(contact channel organisation purpose)}) } } @expiring ], $what->('consent.expiring'));

		# consent.withdrawal_latency
		my @latency = map { { event_id => $_->{event_id}, organisation => $_->{organisation}, latency => $_->{recorded_at} - ConsentModel::said_at($_), recorded_at => $_->{recorded_at} } }
		  grep { $_->{kind} =~ /^(withdrawal|objection)$/ } @events;
		same([ rows('SELECT event_id, organisation, ' . us('latency') . ' AS latency, ' . us('in_effect_at') . ' AS recorded_at FROM consent.withdrawal_latency') ], \@latency, $what->('consent.withdrawal_latency'));

		# consent.import_audit
		my (%import, %refused_by);
		foreach my $event (sort { $a->{event_id} <=> $b->{event_id} } @events)
		{
			my $address = ConsentModel::without_tag($event->{contact});
			my $i = $import{ ConsentModel::london_day($event->{recorded_at}) . '|' . ($event->{source} // '') } ||= {
				recorded_on => date(ConsentModel::london_day($event->{recorded_at})), source => $event->{source}, addresses => {},
				map { $_ => 0 } qw(events consents defective unevidenced time_unknown third_party back_dated against_refusal) };
			my $said = defined $event->{effective_at} || $event->{kind} eq 'consent' ? $event->{effective_at} : ConsentModel::said_at($event);
			my $back_dated = defined $said && $said < $event->{recorded_at} - DAY;
			my @by_itself = $event->{kind} eq 'consent' ? grep { !/^(third_party_consent_generic|third_party_consent_stale)$/ || ConsentModel::has_defect($event, $_) } defects($case_of{ $event->{contact} }, $event) : ();

			$i->{events}++;
			$i->{addresses}{$address} = 1;
			$i->{consents}++ if $event->{kind} eq 'consent';
			$i->{defective}++ if @by_itself;
			$i->{unevidenced}++ if grep { $_ eq 'consent_unevidenced' } @by_itself;
			$i->{time_unknown}++ if !defined $said;
			$i->{third_party}++ if defined $event->{collected_by};
			$i->{back_dated}++ if $back_dated;
			$i->{against_refusal}++ if $back_dated && $event->{kind} =~ /^(consent|soft_opt_in)$/ && $refused_by{$address};
			$refused_by{$address} = 1 if $event->{kind} =~ /^(withdrawal|objection|suppression)$/;
		}
		my @imports = rows('SELECT recorded_on, source, events, people, consents, defective, unevidenced, time_unknown, third_party, back_dated, against_refusal FROM consent.import_audit');
		my %people = map { $_->{recorded_on} . '|' . ($_->{source} // '') => scalar(keys %{ delete $_->{addresses} }) } values %import;
		@wrong = grep { abs((delete $_->{people}) - ($people{ $_->{recorded_on} . '|' . ($_->{source} // '') } // 0)) > 2 } @imports;
		ok(!@wrong, $what->('consent.import_audit: about as many people'));
		same(\@imports, [ values %import ], $what->('consent.import_audit'));

		# consent.exposure()
		my (%found);
		foreach my $as_known ('true', 'false')
		{
			my $mappings = sub {
				return sprintf(q{consent.exposure('figures_send', recipient => '%s', channel => 'channel', sent_at => 'at', body => 'body', organisation => 'organisation', class => 'declared', purpose => 'purpose', product_category => 'product_category',
				  instigators => 'instigators', opt_out => 'opt_out_offered', identity => 'identity_shown', sender => 'sender', campaign => '%s', complaint => 'complaint', as_known => %s)}, @_, $as_known);
			};
			my %each = map { $_->{campaign} => $_ } grep { $_->{breakdown} eq 'detail' } rows('SELECT breakdown, campaign, reason, people FROM ' . $mappings->('recipients[1]', 'id::text'));
			my %send = map { $_->{id} => $_ } @sends;
			@wrong = ();
			foreach my $send (@sends)
			{
				my $verdict = $send->{wrong} ? { allowed => 0, either => { $send->{wrong} => 1 } }
				  : ConsentModel::evaluate($send->{case}{ledger}, { %$send, known_at => $as_known eq 'true' ? $send->{at} : undef }, $world);
				my $reason = $each{ $send->{id} } ? $each{ $send->{id} }{reason} : undef;

				push @wrong, "$send->{id}: " . ($reason // 'allowed') . ' and not ' . join(' or ', sort keys %{ $verdict->{either} }) . ": $send->{organisation}, " . ($send->{contact} // '-') . ", $send->{channel}, $send->{class}"
				  if $verdict->{allowed} ? defined $reason : !defined $reason || !$verdict->{either}{$reason};
			}
			ok(!@wrong, $what->("consent.exposure() is the law, as_known => $as_known: " . @sends)) or diag(join("\n", splice(@wrong, 0, 5)));

			my @bad = map { { %{ $send{$_} }, reason => $each{$_}{reason} } } keys %each;
			my @lines = (
				[ 'total', sub { () } ], [ 'reason', sub { (reason => $_[0]{reason}) } ], [ 'campaign', sub { (campaign => $_[0]{campaign}) } ],
				[ 'channel', sub { (channel => $_[0]{channel}) } ], [ 'month', sub { (month => defined $_[0]{at} ? date(month_of(ConsentModel::london_day($_[0]{at}))) : undef) } ]);
			push @lines, [ 'detail', sub { my ($row) = @_; return map { $_->[1]->($row) } @lines[ 1 .. 4 ] } ];
			my @expected;
			foreach my $line (@lines)
			{
				my ($breakdown, $key) = @$line;
				my (%of, %judged, %keys);

				foreach my $row (@bad, @sends)
				{
					my %k = $key->($row);
					my $k = JSON::PP->new->canonical->encode(\%k);
					$keys{$k} = \%k;
					push @{ $of{$k} }, $row if defined $row->{reason};
					$judged{$k}++ if !defined $row->{reason};
				}
				foreach my $k (keys %keys)
				{
					my @rows = @{ $of{$k} || [] };
					my @times = sort { $a <=> $b } map { $_->{at} // () } @rows;

					# Reasons are of those that should not have gone only.
					next if !@rows && $breakdown =~ /reason|detail/;
					push @expected, { breakdown => $breakdown, reason => undef, campaign => undef, channel => undef, month => undef, %{ $keys{$k} }, messages => scalar(@rows),
						people => scalar(keys %{ { map { (defined $_->{contact} ? ConsentModel::without_tag($_->{contact}) : $_->{recipient} // '') => 1 } @rows } }),
						complaints => scalar(grep { $_->{complaint} } @rows), judged => $breakdown =~ /reason|detail/ ? undef : $judged{$k} // 0,
						first_sent => $times[0], last_sent => $times[-1], days => @times ? ConsentModel::london_day($times[-1]) - ConsentModel::london_day($times[0]) + 1 : undef };
				}
			}
			same([ rows('SELECT breakdown, reason, campaign, channel, month, messages, people, complaints, judged, ' . us('first_sent') . ' AS first_sent, ' . us('last_sent') . ' AS last_sent, days FROM ' . $mappings->('recipients', 'campaign')) ],
				\@expected, $what->("consent.exposure(), as_known => $as_known"));
		}

		# consent.preflight(), of the recipients of these, by evaluate()
		my %says = map { $_->{contact} => $_ } rows(q{SELECT c AS contact, e.allowed, e.reason
		  FROM (SELECT DISTINCT consent.try_contact(recipients[1]) AS c FROM figures_send) x, consent.evaluate(c, 'email', 'acme 1', product_category => 'boilers') e WHERE c IS NOT NULL});
		my @to = map {
			my $said = defined $_->{contact} ? $says{ $_->{contact} } : { allowed => JSON::PP::false, reason => defined $_->{recipient} ? 'recipient_unreadable' : 'recipient_unknown' };
			+{ %$said, who => defined $_->{contact} ? $_->{contact} : $_->{recipient} }
		} @sends;
		my $preflight = decode_json(query(q{SELECT consent.preflight('SELECT recipients[1] FROM figures_send', 'Get 20% off all boilers this weekend only!', organisation => 'acme 1', product_category => 'boilers')}));
		my @named = map { $_->{who} // () } @to;
		is_deeply([ map { number($_) } @$preflight{qw(audience people duplicates permitted refused)} ],
			[ scalar(@to), people(@named), @named - people(@named), scalar(grep { $_->{allowed} } @to), scalar(grep { !$_->{allowed} } @to) ], $what->('consent.preflight()'));
		is_deeply($preflight->{permitted_by}, count_of(sub { $_[0]{reason} }, grep { $_->{allowed} } @to), $what->('consent.preflight(): by what'));
		is_deeply([ map { [ $_->{reason}, number($_->{messages}), number($_->{people}) ] } @{ $preflight->{refused_for} } ],
			[ map { my ($reason, $rows) = @$_; [ $reason, scalar(@$rows), people(map { $_->{who} } @$rows) ] } by('reason', grep { !$_->{allowed} } @to) ], $what->('consent.preflight(): for what not'));

		# consent.report_json()
		foreach my $period (@periods)
		{
			my ($since, $until) = @$period;
			next if $since >= $until;
			my $organisation = one_of(undef, 'acme 1');
			my $report = decode_json(query(sprintf(q{SELECT consent.report_json(%s, '%s', '%s', channels => '{email,sms}')}, defined $organisation ? "'$organisation'" : 'NULL', instant($since), instant($until))));
			my $this = sub { return $what->(sprintf('report of %s, %s to %s: %s', $organisation // 'all', instant($since), instant($until), $_[0])) };
			my $of = sub { return !defined $organisation || defined $_[0]{organisation} && $_[0]{organisation} eq $organisation };
			my $bucket = $until - $since <= 45 * DAY ? 'day' : $until - $since <= 400 * DAY ? 'week' : 'month';

			my @in = grep { $_->{decided_at} >= $since && $_->{decided_at} < $until && $of->($_) } @log;
			my @refused = grep { !$_->{allowed} } @in;
			my $decisions = $report->{decisions};
			is($report->{bucket}, $bucket, $this->('bucket'));
			is_deeply([ map { number($_) } @$decisions{qw(total allowed refused people_refused)} ], [ scalar(@in), @in - @refused, scalar(@refused), people(map { $_->{contact} } @refused) ], $this->('decisions ' . @in));
			is_deeply($decisions->{actions}, count_of(sub { $_[0]{action} }, @in), $this->('actions'));
			is_deeply([ map { [ $_->{reason}, $_->{messages}, $_->{people} ] } @{ $decisions->{reasons} } ],
				[ map { my ($reason, $rows) = @$_; [ $reason, scalar(@$rows), people(map { $_->{contact} } @$rows) ] } by('reason', @refused) ], $this->('reasons'));
			same([ map { { channel => $_->{channel}, allowed => $_->{allowed}, refused => $_->{refused} } } @{ $decisions->{channels} } ],
				[ map { my ($channel, $rows) = @$_; { channel => $channel eq '' ? 'not known' : $channel, allowed => scalar(grep { $_->{allowed} } @$rows), refused => scalar(grep { !$_->{allowed} } @$rows) } } by('channel', @in) ], $this->('channels'));
			my $starts = sub { return truncated($bucket, ConsentModel::london_day($_[0]{decided_at})) };
			my ($good, $bad) = (count_of($starts, grep { $_->{allowed} } @in), count_of($starts, @refused));
			is_deeply([ map { [ $_->{starts}, $_->{allowed}, $_->{refused} ] } @{ $decisions->{over_time} } ], [ map { [ date($_), $good->{$_} // 0, $bad->{$_} // 0 ] } buckets($bucket, $since, $until) ], $this->('over time'));

			my @disguised = grep { defined $_->{declared_class} && $_->{declared_class} =~ /^service/ && ($_->{class} // '') =~ /^(direct_marketing|mixed)$/ && $_->{action} ne 'claimed' } @in;
			my @went = grep { $_->{allowed} || $_->{action} eq 'flagged' } @disguised;
			is_deeply([ map { number($_) } @{ $report->{disguised} }{qw(messages sent people)} ], [ scalar(@disguised), scalar(@went), people(map { $_->{contact} } @disguised) ], $this->('disguised ' . @disguised));
			my $group = sub { return join(' ', map { $_ // '-' } @{ $_[0] }{qw(declared_class class)}, $_[0]{rules} ? encode_json(decode_json($_[0]{rules})->{rules}) : '-') };
			my ($groups, $gone) = (count_of($group, @disguised), count_of($group, @went));
			my @shown = map { [ join(' ', @$_{qw(declared_class class)}, $_->{rules} ? encode_json($_->{rules}) : '-'), $_->{messages}, $_->{sent} ] } @{ $report->{disguised}{groups} };
			is_deeply([ grep { $_->[1] != ($groups->{ $_->[0] } // 0) || $_->[2] != ($gone->{ $_->[0] } // 0) } @shown ], [], $this->('groups of disguised ones'));
			is(scalar(@shown), scalar(keys %$groups) > 10 ? 10 : scalar(keys %$groups), $this->('ten groups at most'));

			my @sorted = sort { $a <=> $b } map { $_->{latency} } grep { $_->{recorded_at} >= $since && $_->{recorded_at} < $until && (!defined $_->{organisation} || $of->($_)) } @latency;
			is_deeply([ map { number($_) } @{ $report->{withdrawals} }{qw(count median_seconds p95_seconds slowest_seconds over_a_day)} ],
				[ map { number($_) } scalar(@sorted), seconds(percentile(50, @sorted)), seconds(percentile(95, @sorted)), seconds($sorted[-1]), scalar(grep { $_ > DAY } @sorted) ], $this->('withdrawals ' . @sorted));

			is_deeply([ map { number($_) } @{ $report->{quarantine} }{qw(held released)} ],
				[ map { my $out = $_; scalar(grep { $_->{decided_at} >= $since && $_->{decided_at} < $until && defined $_->{released_at} == $out } @held) } 0, 1 ], $this->('quarantine'));

			# What does not turn on the period.
			my @at_risk = grep { $of->($_) } @risks;
			if (defined $organisation)
			{
				is_deeply([ map { number($_) } @{ $report->{at_risk} }{qw(records people)} ], [ scalar(keys %{ { map { $_->{event_id} => 1 } @at_risk } }), people(map { $_->{contact} } @at_risk) ], $this->('records at risk'));
				same([ map { { defect => $_->{defect}, records => $_->{records}, people => $_->{people}, sources => $_->{sources}, examples => $_->{examples} } } @{ $report->{at_risk}{defects} } ],
					[ map {
						my ($defect, $rows) = @$_;
						my @ids = map { my @id = sort { $a <=> $b } map { $_->{event_id} } @{ $_->[1] }; @id[ 0, -1 ] } by('source', @$rows);
						my @ids_once = sort { $a <=> $b } keys %{ { map { $_ => 1 } @ids } };
						my @sources = sort keys %{ { map { $_->{source} => 1 } grep { defined $_->{source} } @$rows } };
						{ defect => $defect, records => scalar(@$rows), people => people(map { $_->{contact} } @$rows), sources => @sources ? \@sources : undef, examples => [ map { number($_) } splice(@ids_once, 0, 3) ] }
					} by('defect', @at_risk) ], $this->('defects'));
			}
			my @end = grep { $of->($_) } @ends;
			is_deeply([ map { number($_) } @{ $report->{expiring} }{qw(permissions people within_30_days)} ], [ scalar(@end), people(map { $_->{contact} } @end), scalar(grep { $_->{days_left} <= 30 } @end) ], $this->('expiring'));
			is_deeply($report->{expiring}{reasons}, count_of(sub { $_[0]{then_reason} }, @end), $this->('why they expire'));
			is($report->{ledger}{contacts}, scalar(keys %case_of), $this->('contacts'));
			is($report->{ledger}{last_event}, (sort { $b <=> $a } map { $_->{event_id} } @events)[0], $this->('last event'));
		}
	}
	# A report's 90 days are the same in every session.
	query("SET LOCAL timezone = '" . other_clock(-160, -45) . "'");
	is(query('SELECT ' . us(q{(consent.report_json() ->> 'since')::timestamptz})), $now - 90 * DAY, "round $round: a report's 90 days");
	query('ROLLBACK');
	$session->quit;
}

$node->stop;
done_testing();
