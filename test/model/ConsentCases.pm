# ConsentCases: random worlds, ledgers and sends for the model to be compared on.
#
# Uniformly random cases never meet: every ledger here has a handful of
# instants, one organisation, channel and purpose of its own, and draws from
# those most of the time, so that times coincide, miss each other by one
# microsecond, or lie 28 days or six months apart.
#
# The same seed and the same list of supported kinds give the same cases.

package ConsentCases;

use strict;
use warnings;

use ConsentModel;

use constant DAY => ConsentModel::DAY;
use constant HOUR => ConsentModel::HOUR;

my @channels = qw(email sms mms voicemail in_app social_dm push live_call
  automated_call fax post online_ad);
my @good_methods =
  qw(ticked_box clicked_icon sent_email sent_text subscribed oral written double_opt_in);
my @bad_methods = qw(pre_ticked_box silence bundled_terms condition_of_service unknown);

# Codes a reviewer may give: consent.give() takes those of section 6.1 that a
# recording can show.
my @defects = qw(consent_not_from_recipient consent_line_mismatch
  consent_not_affirmative consent_preticked consent_silence consent_bundled
  consent_condition_of_service consent_unfair_incentive consent_not_informed
  consent_not_granular consent_unevidenced consent_purpose_spent
  consent_relationship_ended third_party_consent_generic consent_unconfirmed
  consent_tainted);
my @categories = ('boilers', 'windows');

sub one_of { return $_[ int(rand(@_)) ]; }
sub chance { return rand() < $_[0]; }

sub new
{
	my ($class, $seed, %supported) = @_;

	srand($seed);
	return bless { supported => \%supported, ledgers => 0 }, $class;
}

# ---------------------------------------------------------------------------
# Worlds.  Names carry the world's number, because one database holds them all.
# ---------------------------------------------------------------------------

sub worlds
{
	my ($self, $count) = @_;
	my @screenings = $self->{supported}{screened} ? $self->screenings() : ();

	return map { $self->world($_, \@screenings) } 1 .. $count;
}

sub world
{
	my ($self, $number, $screenings) = @_;
	my %organisations = (
		"acme $number" => {},
		"bolt $number" => {},
		"care $number" => { is_charity => 1 },
		"pens $number" => { pensions_authorised => 1 },
		"mars $number" => { jurisdiction => 'ZZ' });
	my %purposes = (marketing => { kind => 'commercial', parent => undef });
	my @assessments;

	foreach my $organisation (values %organisations)
	{
		$organisation->{jurisdiction} ||= 'GB';
		$organisation->{is_charity} ||= 0;
		$organisation->{pensions_authorised} ||= 0;
	}
	foreach my $n (1 .. 9)
	{
		my $kind = (qw(charitable pensions claims_management service_optional))[ $n - 1 ]
		  || one_of(
			qw(commercial commercial commercial charitable political
			  claims_management claims_management pensions
			  service_optional service_optional));

		$purposes{"purpose $number.$n"} = {
			kind => $kind,
			parent => chance(0.8) ? one_of(sort keys %purposes) : undef
		};
	}
	if ($self->{supported}{assessment})
	{
		foreach my $n (1 .. 6)
		{
			push @assessments,
			  { organisation => one_of(sort keys %organisations),
				purpose => one_of(sort keys %purposes),
				channel => one_of('post', 'online_ad'),
				assessed_on => ConsentModel::day_of(2025, 1, 1) + int(rand(700)) };
		}
	}
	return {
		number => $number,
		organisations => \%organisations,
		purposes => \%purposes,
		assessments => \@assessments,
		contractors => [
			{ organisation => "acme $number", sender => "bolt $number", valid_from => ConsentModel::day_of(2025, 6, 1) },
			{ organisation => "care $number", sender => "acme $number",
			  valid_from => ConsentModel::day_of(2025, 3, 1), valid_to => ConsentModel::day_of(2026, 2, 5) }
		],
		screenings => $screenings
	};
}

# Registers are the same in every world.  TPS and CTPS files come most months,
# a gap now and then; FPS begins late.
sub screenings
{
	my ($self) = @_;
	my @screenings;

	foreach my $register ('tps', 'ctps', 'fps')
	{
		my $at = ConsentModel::day_of($register eq 'fps' ? 2026 : 2025, 1, 5) * DAY + 9 * HOUR;

		while ($at < ConsentModel::day_of(2026, 11, 1) * DAY)
		{
			push @screenings, { register => $register, at => $at };
			$at += one_of(7, 14, 20, 28, 29, 30, 40) * DAY;
		}
		# 29 days before the hour in which the clock is changed
		push @screenings,
		  map { { register => $register, at => ConsentModel::day_of(@$_) * DAY - 29 * DAY + one_of(1, 3) * HOUR / 2 } }
		  [ 2025, 10, 26 ], [ 2026, 3, 29 ]
		  if $register ne 'fps';
	}
	$_->{recorded_at} = $_->{at} foreach @screenings;
	return @screenings;
}

# ---------------------------------------------------------------------------
# Time.
# ---------------------------------------------------------------------------

# Days on which calendars disagree: month ends, the clocks' changes, the day
# the charitable soft opt-in began.
my @odd_days = (
	[ 2025, 3, 30 ], [ 2025, 8, 31 ], [ 2025, 10, 26 ], [ 2025, 11, 30 ],
	[ 2026, 2, 5 ], [ 2026, 2, 28 ], [ 2026, 3, 29 ], [ 2026, 3, 31 ]);

# A few instants that events and sends of one ledger share.
sub instants
{
	my $day =
	  chance(0.5)
	  ? ConsentModel::day_of(@{ one_of(@odd_days) })
	  : ConsentModel::day_of(2025, 3, 1) + int(rand(400));
	my $start = $day * DAY
	  + one_of(0, -HOUR, HOUR, HOUR - 1, 12 * HOUR, 23 * HOUR, int(rand(DAY)));
	my @instants = ($start);

	foreach (1 .. 2 + int(rand(4)))
	{
		my $from = one_of(@instants);

		push @instants,
		  one_of(
			$from + 1,
			$from + HOUR,
			$from + DAY,
			$from + one_of(27, 28, 29) * DAY,
			$from + one_of(27, 28, 29) * DAY - HOUR,
			six_months_after($from),
			$from + int(rand(200 * DAY)));
	}
	return \@instants;
}

# The start of the London day six months later, or a moment near it.
sub six_months_after
{
	my ($from) = @_;
	my $day = ConsentModel::add_months(ConsentModel::london_day($from), 6);
	my $midnight = $day * DAY;

	$midnight -= HOUR if ConsentModel::is_summer($midnight);
	return $midnight + one_of(0, 0, -1, HOUR, -HOUR, DAY);
}

sub near
{
	my ($instants) = @_;
	return one_of(@$instants) + one_of(0, 0, 0, 0, 1, -1);
}

# ---------------------------------------------------------------------------
# Ledgers.
# ---------------------------------------------------------------------------

# What most events and sends of a ledger are about.  A theme brings together
# what a corner of the law needs.
my %themes = (
	charity => { organisation => 'care', kind => 'charitable', often => ['soft_opt_in'] },
	sale => { organisation => 'acme', kind => 'commercial', often => ['soft_opt_in'] },
	pensions => {
		organisation => 'pens', kind => 'pensions', channel => 'live_call',
		often => [ 'soft_opt_in', 'listing' ]
	},
	calls => { channel => 'live_call', often => [ 'listing', 'non_objection' ] },
	fax => { channel => 'fax', often => [ 'listing', 'subscriber' ] },
	broker => { often => [ 'consent', 'contacted', 'sent' ] });

sub focus
{
	my ($self, $world) = @_;
	my $number = ++$self->{ledgers};
	my $w = $world->{number};
	my $name = one_of(('') x 6, sort keys %themes);
	my $theme = $themes{$name} || { often => [] };
	my @purposes = sort keys %{ $world->{purposes} };
	my $phone = defined $theme->{channel} || chance(0.15);
	my @forms =
	  $phone
	  ? (sprintf('+447700%06d', $number))
	  : ("m$number\@model.example") x 3;

	push @forms, "m$number+a\@model.example", "m$number+b\@model.example"
	  if !$phone && chance(0.4);
	@purposes = grep { $world->{purposes}{$_}{kind} eq $theme->{kind} } @purposes
	  if $theme->{kind};
	my $instants = instants();
	push @$instants, map { six_months_after($_) } @$instants if $name eq 'broker';
	push @$instants, one_of(@{ $world->{screenings} })->{at} + one_of(28, 29) * DAY + one_of(0, 0, HOUR / 2, -HOUR / 2)
	  if ($name eq 'calls' || $name eq 'fax') && @{ $world->{screenings} };
	return {
		world => $world,
		theme => $name,
		often => $theme->{often},
		forms => \@forms,
		instants => $instants,
		organisation => ($theme->{organisation} || one_of(qw(acme acme acme bolt care pens))) . " $w",
		purpose => !$theme->{kind} && chance(0.4) ? 'marketing' : one_of(@purposes),
		channel => $theme->{channel} || (
			$phone ? one_of(qw(live_call live_call sms fax automated_call))
			: one_of('email', 'email', 'email', @channels))
	};
}

sub organisation
{
	my ($focus) = @_;
	my $number = $focus->{world}{number};

	return $focus->{organisation} if chance(0.85);
	return "mars $number" if chance(0.04);
	return one_of("acme $number", "bolt $number", "care $number", "pens $number");
}

# The ledger's purpose, its parent, a child of it, or any.
sub purpose
{
	my ($focus) = @_;
	my $purposes = $focus->{world}{purposes};
	my $parent = $purposes->{ $focus->{purpose} }{parent};
	my @children =
	  grep { defined $purposes->{$_}{parent} && $purposes->{$_}{parent} eq $focus->{purpose} }
	  sort keys %$purposes;

	return $focus->{purpose} if chance(0.7);
	return $parent if defined $parent && chance(0.5);
	return one_of(@children) if @children && chance(0.6);
	return one_of(sort keys %$purposes);
}

sub some_channels
{
	my ($focus) = @_;
	my %picked;

	$picked{ $focus->{channel} } = 1 if chance(0.85);
	$picked{ one_of(@channels) } = 1 foreach 1 .. int(rand(3));
	$picked{ $focus->{channel} } = 1 if !%picked;
	return [ sort keys %picked ];
}

sub some_organisations
{
	my ($focus) = @_;
	return [ map { organisation($focus) } 1 .. 1 + int(rand(2)) ];
}

sub ledger
{
	my ($self, $focus) = @_;
	my @kinds = (
		(('consent') x 6), (('withdrawal') x 3),
		(('objection') x 3), (('subscriber') x 1));
	my (@later, @ledger);

	push @later, ('soft_opt_in') x 4 if $self->{supported}{soft_opt_in};
	push @later, ('request') x 2 if $self->{supported}{request};
	push @later, 'contacted', 'sent' if $self->{supported}{contacted};
	push @later, 'non_objection' if $self->{supported}{non_objection};
	push @later, 'suppression' if $self->{supported}{suppress};
	push @later, 'unsuppression' if $self->{supported}{unsuppress};
	push @later, ('listing') x 2
	  if $self->{supported}{list_on_register} && $focus->{forms}[0] =~ /^\+/;
	push @kinds, @later;
	foreach my $kind (@{ $focus->{often} })
	{
		push @kinds, ($kind) x 10 if grep { $_ eq $kind } @kinds;
	}

	my $events = chance(0.05) ? 0 : 1 + int(rand(one_of(3, 6, 10)));

	foreach (1 .. $events)
	{
		push @ledger, $self->event($focus, one_of(@kinds));
	}
	# A request may be answered, and anybody may ask to be forgotten.
	if ($self->{supported}{answered})
	{
		foreach my $request (grep { $_->{kind} eq 'request' } @ledger)
		{
			next if chance(0.6);
			push @ledger,
			  { %{ stamp($focus, 'answer') },
				contact => $request->{contact},
				organisation => $request->{organisation},
				reference => $request->{reference} };
		}
	}
	push @ledger, $self->others_of_the_person($focus) if chance(0.15);
	# Events are numbered in the order of recording.
	@ledger = sort { $a->{recorded_at} <=> $b->{recorded_at} } @ledger;
	push @ledger, $self->erasure($focus, @ledger) if chance(0.07);
	return \@ledger;
}

# Another contact of the same person, or of somebody who was taken for the same:
# links made and undone, and what was said under it.
sub others_of_the_person
{
	my ($self, $focus) = @_;
	my $other = "o$self->{ledgers}\@model.example";
	my @events;

	foreach my $contact ($other, $focus->{forms}[0], chance(0.3) ? $focus->{forms}[-1] : ())
	{
		my $link = stamp($focus, 'link');

		$link->{contact} = $contact;
		$link->{person} = "person $self->{ledgers}";
		$link->{linked} = 1;
		push @events, $link;
		push @events, { %$link, linked => 0, recorded_at => near($focus->{instants}) } if chance(0.2);
	}
	foreach my $kind (map { one_of(qw(objection withdrawal consent suppression)) } 1 .. 1 + int(rand(3)))
	{
		push @events, { %{ $self->event($focus, $kind) }, contact => $other };
	}
	return @events;
}

# Somebody asks to be forgotten, after everything else was recorded.  Then they may
# agree again, or ask for something, and what spoke for sends may be loaded again.
sub erasure
{
	my ($self, $focus, @before) = @_;
	my $erasure = stamp($focus, 'erasure');
	my @after;

	return () if $erasure->{effective_at} >= ConsentModel::day_of(2026, 10, 1) * DAY;
	$erasure->{recorded_at} = ConsentModel::day_of(2090, 1, 1) * DAY;
	push @after, { %{ stamp($focus, 'consent') }, contact => one_of(@{ $focus->{forms} }),
		channels => [ $focus->{channel} ], organisation => $focus->{organisation},
		purpose => $focus->{purpose}, method => 'written', wording => 'Yes please' }
	  if chance(0.5);
	push @after, $self->event($focus, 'request') if chance(0.3) && $self->{supported}{request};
	push @after, map { {%$_} } grep { $_->{kind} =~ /^(consent|soft_opt_in|request|non_objection|unsuppression)$/ } @before
	  if chance(0.5);
	$_->{recorded_at} = ConsentModel::day_of(2091, 1, 1) * DAY foreach @after;
	return ($erasure, @after);
}

# When it was said and when it was recorded: mostly soon after, sometimes long
# after, and a consent even before.  A "no" is never of the future.
sub stamp
{
	my ($focus, $kind) = @_;
	my $effective = near($focus->{instants});
	my $recorded = chance(0.6) ? $effective + one_of(0, 0, 1, HOUR) : near($focus->{instants});

	$recorded = $effective if $recorded < $effective && $kind ne 'consent';
	# A time that is not known is that of the recording, which for the server
	# cannot lie in the future of its clock.
	$effective = undef
	  if chance(0.03)
	  && $recorded < ConsentModel::day_of(2026, 6, 1) * DAY
	  && $kind =~ /^(consent|withdrawal|objection|soft_opt_in|request|contacted|non_objection|unsuppression|subscriber)$/;
	return {
		kind => $kind,
		contact => one_of(@{ $focus->{forms} }),
		effective_at => $effective,
		recorded_at => $recorded
	};
}

sub event
{
	my ($self, $focus, $kind) = @_;
	my $event = stamp($focus, $kind);

	if ($kind eq 'consent')
	{
		$event->{channels} = some_channels($focus);
		$event->{organisation} = organisation($focus);
		$event->{purpose} = purpose($focus);
		$event->{method} = chance(0.9) ? one_of(@good_methods) : one_of(@bad_methods);
		$event->{wording} = chance(0.95) ? 'Yes please' : chance(0.5) ? ' ' : undef;
		$event->{named_organisations} = some_organisations($focus)
		  if chance($focus->{theme} eq 'broker' ? 0.9 : 0.3);
		$event->{collected_by} = one_of(('listbroker') x 4, organisation($focus))
		  if chance($focus->{theme} eq 'broker' ? 0.8 : 0.1);
		$event->{defects} = [ one_of(@defects) ] if chance(0.06);
		if (chance(0.4))
		{
			my $expires = near($focus->{instants});
			$event->{expires_at} = $expires
			  if !defined $event->{effective_at} || $expires > $event->{effective_at};
		}
	}
	elsif ($kind eq 'withdrawal' || $kind eq 'objection')
	{
		$event->{channels} = some_channels($focus) if chance(0.5);
		$event->{organisation} = organisation($focus) if chance(0.5);
		$event->{purpose} = purpose($focus) if chance(0.5);
	}
	elsif ($kind eq 'subscriber')
	{
		$event->{subscriber} =
		  one_of('corporate', 'corporate', 'corporate', 'individual', 'sole_trader', 'partnership');
	}
	elsif ($kind eq 'soft_opt_in')
	{
		$event->{organisation} = organisation($focus);
		$event->{product_category} = chance(0.9) ? one_of(@categories) : undef;
		$event->{refusal_offered} = chance(0.9) ? 1 : one_of(0, undef);
		$event->{refused} = chance(0.85) ? 0 : one_of(1, 1, undef);
		# A refusal whose time nobody wrote down is in force at once.
		$event->{effective_at} = undef
		  if $event->{refused} && chance(0.1) && $event->{recorded_at} < ConsentModel::day_of(2026, 6, 1) * DAY;
		$event->{collected_by} = 'listbroker' if chance(0.05);
		$event->{relationship} =
		  $focus->{theme} eq 'charity' && chance(0.8) ? 'support'
		  : $focus->{theme} eq 'pensions' && chance(0.8) ? 'client_relationship'
		  : one_of(qw(sale sale sale negotiation support support client_relationship));
	}
	elsif ($kind eq 'request')
	{
		$event->{organisation} = organisation($focus);
		$event->{channels} = [ chance(0.8) ? $focus->{channel} : one_of(@channels) ];
		$event->{reference} = "ref-$self->{ledgers}-" . int(rand(1000000));
		if (chance(0.5))
		{
			my $until = near($focus->{instants});
			$event->{expires_at} = $until
			  if !defined $event->{effective_at} || $until > $event->{effective_at};
		}
	}
	elsif ($kind eq 'contacted' || $kind eq 'non_objection')
	{
		$event->{organisation} = organisation($focus);
	}
	elsif ($kind eq 'sent')
	{
		# A line of the decision log has one time only.
		$event->{organisation} = organisation($focus);
		$event->{recorded_at} = $event->{effective_at};
		$event->{allowed} = chance(0.8) ? 1 : 0;
		$event->{class} = chance(0.8) ? one_of(qw(direct_marketing mixed unknown)) : one_of(qw(service solicited_response));
	}
	elsif ($kind eq 'suppression' || $kind eq 'unsuppression')
	{
		$event->{channels} = some_channels($focus) if chance(0.4);
		$event->{organisation} = organisation($focus) if chance(0.4);
	}
	elsif ($kind eq 'listing')
	{
		$event->{register} =
		  $focus->{channel} eq 'fax' ? 'fps' : one_of('tps', 'ctps', 'fps');
		$event->{listed_on} =
		  ConsentModel::london_day(one_of(@{ $focus->{instants} })) - one_of(0, 0, 27, 28, 29);
		$event->{delisted_on} = $event->{listed_on} + one_of(1, 28, 29, 60) if chance(0.3);
	}
	return $event;
}

# ---------------------------------------------------------------------------
# Sends.
# ---------------------------------------------------------------------------

sub send
{
	my ($self, $focus, $ledger) = @_;
	my @references = map { $_->{reference} } grep { $_->{kind} eq 'request' } @$ledger;
	my $send = {
		contact => one_of(@{ $focus->{forms} }),
		channel => chance(0.8) ? $focus->{channel} : one_of(@channels),
		organisation => organisation($focus),
		class => chance(0.7) ? 'direct_marketing'
		: one_of(qw(service service_optional service_optional service_optional
			  regulatory public_task market_research market_research
			  solicited_response mixed consent_request sugging unknown)),
		purpose => purpose($focus),
		at => near($focus->{instants}),
		known_at => chance(0.25) ? near($focus->{instants}) : undef,
		product_category => chance(0.8) ? one_of(@categories) : undef,
		instigators => chance(0.2) ? some_organisations($focus) : [],
		opt_out_offered => chance(0.94) ? 1 : 0,
		identity_shown => chance(0.94) ? 1 : 0,
		sender => chance(0.06) ? organisation($focus) : undef
	};

	# Who instigates is a question about marketing.
	@$send{qw(instigators sender)} = ([], undef) if $send->{class} =~ /^(service_optional|market_research)$/;
	# Back to what the ledger is about, where service_optional can matter.
	$send->{purpose} = $focus->{purpose}
	  if $send->{class} eq 'service_optional' && chance(0.5);
	if (@references && chance(0.5))
	{
		$send->{class} = 'solicited_response' if chance(0.8);
		$send->{reference} = one_of(@references);
		my ($request) =
		  grep { $_->{kind} eq 'request' && $_->{reference} eq $send->{reference} } @$ledger;
		if (chance(0.7))
		{
			$send->{organisation} = $request->{organisation};
			$send->{channel} = $request->{channels}[0];
			$send->{contact} = $request->{contact};
		}
	}
	# One name nobody knows; of several the law does not say which decides.
	if (chance(0.01))
	{
		my $unknown = one_of('organisation', 'purpose', 'instigators');

		$send->{$unknown} = $unknown eq 'instigators' ? ['nobody'] : 'nobody';
	}
	return $send;
}

# One ledger and some sends to judge by it.
sub case
{
	my ($self, $world, $sends) = @_;
	my $focus = $self->focus($world);
	my $ledger = $self->ledger($focus);
	my @sends = map { $self->send($focus, $ledger) } 1 .. $sends;

	# What erasure leaves to be said about the time before it is another matter.
	my ($erasure) = grep { $_->{kind} eq 'erasure' } @$ledger;
	if ($erasure)
	{
		@sends = grep { $_->{at} >= $erasure->{effective_at} } @sends;
		$_->{known_at} = undef foreach @sends;
	}
	return { world => $world, ledger => $ledger, sends => \@sends };
}

1;
