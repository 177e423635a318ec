# ConsentModel: the law, written a second time, slowly and plainly.
#
# Written from the description of the law alone, rule by rule and under the
# rule's own number, so that it can be read beside it.  It shares nothing with
# the C code it is compared with: do not make it faster, and do not settle a
# disagreement by copying from src/decision; the text of the law settles it.
#
# Times are whole microseconds since 1970 (UTC); days are whole days since
# 1970 in London.  undef is SQL's NULL throughout.
#
# evaluate($ledger, $send, $world) takes
#   $ledger  list of events in the order of recording, hashes named like the
#            columns of consent.ledger (listed_on and delisted_on are days;
#            kind "erasure" is what consent.forget() leaves behind; kind "link"
#            says that a contact is, or with linked => 0 is not, a person's);
#   $send    hash named like the arguments of consent.evaluate();
#   $world   organisations => { name => { jurisdiction, is_charity,
#            pensions_authorised } }, purposes => { name => { kind, parent } },
#            assessments => [ { organisation, purpose, channel, assessed_on } ],
#            contractors => [ { organisation, sender, valid_from, valid_to } ],
#            screenings => [ { register, at, recorded_at } ].
# and returns allowed, reason, basis, reasons (a set: codes that must be
# listed), open (a set: codes the law leaves free to be listed besides) and
# either (a set: codes of which the law does not say which one decides).

package ConsentModel;

use strict;
use warnings;

use constant DAY => 86_400_000_000;
use constant HOUR => 3_600_000_000;

# Law, section 4: what is direct marketing (DM).
my %is_marketing =
  map { $_ => 1 } qw(direct_marketing mixed consent_request sugging unknown);

# D5, D6, T3, and push "treat as email".
my %electronic_mail =
  map { $_ => 1 } qw(email sms mms voicemail in_app social_dm push);

# Contract, section 4: "The last five are recorded but never count".
my %affirmative = map { $_ => 1 }
  qw(ticked_box clicked_icon sent_email sent_text subscribed oral written double_opt_in);

# ---------------------------------------------------------------------------
# Calendar: Europe/London without any module.
# ---------------------------------------------------------------------------

# Days since 1970-01-01 of a date of the Gregorian calendar.
sub day_of
{
	my ($year, $month, $day) = @_;
	my $days = 0;

	foreach my $y (1970 .. $year - 1)
	{
		$days += is_leap($y) ? 366 : 365;
	}
	foreach my $m (1 .. $month - 1)
	{
		$days += days_in_month($year, $m);
	}
	return $days + $day - 1;
}

sub is_leap
{
	my ($year) = @_;
	return ($year % 4 == 0 && $year % 100 != 0) || $year % 400 == 0;
}

sub days_in_month
{
	my ($year, $month) = @_;
	return 29 if $month == 2 && is_leap($year);
	return (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[ $month - 1 ];
}

# The date (year, month, day) of a day.
sub date_of
{
	my ($days) = @_;
	my ($year, $month) = (1970, 1);

	while ($days >= (is_leap($year) ? 366 : 365))
	{
		$days -= is_leap($year) ? 366 : 365;
		$year++;
	}
	while ($days >= days_in_month($year, $month))
	{
		$days -= days_in_month($year, $month);
		$month++;
	}
	return ($year, $month, $days + 1);
}

# 1970-01-01 was a Thursday; Sunday is 0.
sub last_sunday
{
	my ($year, $month) = @_;
	my $day = day_of($year, $month, days_in_month($year, $month));

	$day-- while (($day + 4) % 7 != 0);
	return $day;
}

# Summer time: from the last Sunday of March, 01:00 UTC, to the last Sunday of
# October, 01:00 UTC.
my %summer;

sub is_summer
{
	my ($time) = @_;
	my ($year) = date_of(int($time / DAY));

	$summer{$year} ||=
	  [ last_sunday($year, 3) * DAY + HOUR, last_sunday($year, 10) * DAY + HOUR ];
	return $time >= $summer{$year}[0] && $time < $summer{$year}[1];
}

sub london_time
{
	my ($time) = @_;
	return $time + (is_summer($time) ? HOUR : 0);
}

# The latest time that the clock has shown by then: put back in October, it
# shows for an hour what it had shown before.
sub latest_shown
{
	my ($time) = @_;
	my ($year) = date_of(int($time / DAY));
	my $put_back = last_sunday($year, 10) * DAY + HOUR;
	my $shown = london_time($time);

	return $time >= $put_back && $shown < $put_back + HOUR ? $put_back + HOUR - 1 : $shown;
}

sub london_day { return int(london_time($_[0]) / DAY); }

# The same day of the month, or the month's last where it has no such day.
sub add_months
{
	my ($day, $months) = @_;
	my ($y, $m, $d) = date_of($day);

	$m += $months;
	while ($m > 12) { $m -= 12; $y++; }
	$d = days_in_month($y, $m) if $d > days_in_month($y, $m);
	return day_of($y, $m, $d);
}

# ---------------------------------------------------------------------------
# Small questions.
# ---------------------------------------------------------------------------

sub among
{
	my ($wanted, $list) = @_;
	foreach my $item (@{ $list || [] })
	{
		return 1 if defined $item && $item eq $wanted;
	}
	return 0;
}

# The purpose and everything above it.
sub with_ancestors
{
	my ($world, $purpose) = @_;
	my @line;

	while (defined $purpose)
	{
		push @line, $purpose;
		$purpose = $world->{purposes}{$purpose}{parent};
	}
	return @line;
}

sub kind_of_purpose
{
	my ($world, $purpose) = @_;
	return $world->{purposes}{$purpose}{kind};
}

# What lies below claims management or pensions is that business, whatever kind
# it was given ("Purposes form a tree"; 21A and 21B speak of calls about them).
sub business_of
{
	my ($world, $purpose) = @_;
	foreach my $above (with_ancestors($world, $purpose))
	{
		my $kind = kind_of_purpose($world, $above);
		return $kind if $kind eq 'claims_management' || $kind eq 'pensions';
	}
	return kind_of_purpose($world, $purpose);
}

# E33: jo+news@example.com and jo@example.com are forms of one address.
sub without_tag
{
	my ($contact) = @_;
	return "$1\@$2" if $contact =~ /^([^+@]+)\+[^@]*@(.*)$/;
	return $contact;
}

# Instigators other than the organisation itself.
sub others
{
	my ($send) = @_;
	return grep { $_ ne $send->{organisation} } @{ $send->{instigators} || [] };
}

# "with NULL time it is in force at once" (section 15, Times): at its
# recording.  But 6.6, "timestamp of a consent (as not given)": what speaks for a
# message never counts if nobody knows when it was said.
sub said_at
{
	my ($event) = @_;
	return $event->{effective_at} if defined $event->{effective_at};
	return undef if speaks_for_messages($event);
	return $event->{recorded_at};
}

sub speaks_for_messages
{
	my ($event) = @_;
	my $kind = $event->{kind};

	return !$event->{refused} if $kind eq 'soft_opt_in';
	return $event->{subscriber} eq 'corporate' if $kind eq 'subscriber';
	return among($kind, [qw(consent request contacted non_objection unsuppression)]);
}

# ---------------------------------------------------------------------------
# What of the ledger this send may look at.
# ---------------------------------------------------------------------------

# known_at "restricts further to what had been recorded by then".
sub known
{
	my ($event, $send) = @_;
	return !defined $send->{known_at} || $event->{recorded_at} <= $send->{known_at};
}

# Events of a kind, said by the time of the send, of exactly this contact; and
# consents of unknown time, of which V16 and V17 say what is wrong.
sub events_of
{
	my ($ledger, $send, $kind) = @_;
	my @found;

	foreach my $event (@$ledger)
	{
		next if $event->{kind} ne $kind;
		next if $event->{contact} ne $send->{contact};
		next if !known($event, $send);
		next if !defined said_at($event) && $kind ne 'consent';
		next if defined said_at($event) && said_at($event) > $send->{at};
		push @found, $event;
	}
	return @found;
}

# The same, under any +tag form: "An objection or suppression under any +tag
# form of an e-mail address reaches all forms of it".
sub events_of_any_form
{
	my ($ledger, $send, $kind) = @_;
	my @found;

	foreach my $event (@$ledger)
	{
		next if $event->{kind} ne $kind;
		next if without_tag($event->{contact}) ne without_tag($send->{contact});
		next if !known($event, $send);
		next if !defined said_at($event) || said_at($event) > $send->{at};
		push @found, $event;
	}
	return @found;
}

# "link(contact, person) so that an objection by a person covers all their
# contacts": of a contact and a person the link recorded last counts.
sub persons_of
{
	my ($ledger, $send, $contact) = @_;
	my %persons;

	foreach my $link (@$ledger)
	{
		next if $link->{kind} ne 'link';
		next if without_tag($link->{contact}) ne without_tag($contact);
		next if !known($link, $send);
		$persons{ $link->{person} } = $link->{linked};
	}
	return grep { $persons{$_} } sort keys %persons;
}

# What other contacts of the same person said no to.
sub events_of_the_person
{
	my ($ledger, $send, $kind) = @_;
	my %mine = map { $_ => 1 } persons_of($ledger, $send, $send->{contact});
	my @found;

	foreach my $event (@$ledger)
	{
		next if $event->{kind} ne $kind;
		next if without_tag($event->{contact}) eq without_tag($send->{contact});
		next if !known($event, $send);
		next if said_at($event) > $send->{at};
		next if !grep { $mine{$_} } persons_of($ledger, $send, $event->{contact});
		push @found, $event;
	}
	return @found;
}

# Erasure: "data gone from ledger", and what is left is that it was erased.
sub what_is_left
{
	my ($ledger) = @_;
	my %erased;

	foreach my $erasure (grep { $_->{kind} eq 'erasure' } @$ledger)
	{
		$erased{ without_tag($erasure->{contact}) } = $erasure->{recorded_at};
	}
	return [
		grep {
			my $at = $erased{ without_tag($_->{contact}) };
			!defined $at || $_->{kind} eq 'erasure' || $_->{recorded_at} > $at
		} @$ledger
	];
}

# Section 15, Scope; 6.5: org in {sender, instigators} or none, and E42: "sender
# and instigator both evaluated"; the channel or all; E8: no channel is all
# channels, no organisation all organisations.
sub covers_channel_and_organisation
{
	my ($event, $send) = @_;

	return 0
	  if defined $event->{channels} && !among($send->{channel}, $event->{channels});
	return 0
	  if defined $event->{organisation}
	  && !among($event->{organisation},
		[ $send->{organisation}, others($send), defined $send->{sender} ? $send->{sender} : () ]);
	return 1;
}

# "A withdrawal or objection of a child purpose leaves its parent and siblings;
# of a parent it covers the children."  Without a purpose it is against all
# direct marketing (contract: "Art 21(2): all direct marketing").
sub stops_marketing
{
	my ($event, $send, $world) = @_;

	return 0 if !covers_channel_and_organisation($event, $send);
	return 1 if !defined $event->{purpose};
	return among($event->{purpose}, [ with_ancestors($world, $send->{purpose}) ]);
}

# service_optional purposes "are switched off only by name": by a "no" that
# names the purpose, or a service_optional purpose above it.  One that names a
# purpose of marketing is a marketing opt-out, and those never block service.
sub stops_optional_service
{
	my ($event, $send, $world) = @_;

	return 0 if !covers_channel_and_organisation($event, $send);
	return 0 if !defined $event->{purpose};
	return 0 if kind_of_purpose($world, $event->{purpose}) ne 'service_optional';
	return among($event->{purpose}, [ with_ancestors($world, $send->{purpose}) ]);
}

# What a "no" stops depends on what is to be sent: one without a purpose never
# touches service_optional purposes, nor the consent that switched one on.
sub stops
{
	my ($event, $send, $world) = @_;

	return $is_marketing{ $send->{class} } || $send->{class} eq 'solicited_response'
	  ? stops_marketing($event, $send, $world)
	  : stops_optional_service($event, $send, $world);
}

sub objections
{
	return (
		events_of_any_form($_[0], $_[1], 'objection'),
		events_of_the_person($_[0], $_[1], 'objection'));
}

# "An objection or suppression under any +tag form ...": a withdrawal takes
# back a consent, and that is held for the form given.
sub withdrawals
{
	return (
		events_of($_[0], $_[1], 'withdrawal'),
		events_of_the_person($_[0], $_[1], 'withdrawal'));
}

# Erasure stands for whatever "no" it took out of the ledger.
sub erasures
{
	return events_of_any_form($_[0], $_[1], 'erasure');
}

# ---------------------------------------------------------------------------
# 6.1: is a consent valid for this send?  Each says whether its rule holds.
# V1 is that there is one at all; V3 that it is this contact's, which
# candidate_consents() sees to.  Codes a reviewer found come in "defects".
# ---------------------------------------------------------------------------

sub has_defect { return among($_[1], $_[0]{defects}); }

# "third-party consent: consent collected by someone other than the sender"
# (section 13).
sub is_third_party
{
	my ($consent, $send) = @_;
	return defined $consent->{collected_by}
	  && $consent->{collected_by} ne $send->{organisation};
}

sub V2 { return !has_defect($_[0], 'consent_not_from_recipient'); }
sub V3 { return !has_defect($_[0], 'consent_line_mismatch'); }

sub V4
{
	my ($consent, $send) = @_;
	return among($send->{channel}, $consent->{channels})
	  && !has_defect($consent, 'consent_channel_not_covered');
}

# "give(organisation => X, named_organisations => '{Y}') covers X and Y as
# sender and as instigator."
sub names
{
	my ($consent, $organisation) = @_;
	return among($organisation,
		[ $consent->{organisation}, @{ $consent->{named_organisations} || [] } ]);
}

# A third party's consent that does not name the sender is
# third_party_consent_generic and not this (F3, F4, F7): V22 asks the same.
sub V5
{
	my ($consent, $send) = @_;
	return (is_third_party($consent, $send) || names($consent, $send->{organisation}))
	  && !has_defect($consent, 'consent_org_not_named');
}

# Of a third party's consent only those it names are covered: what V22 asks
# for the sender holds for instigators.
sub V6
{
	my ($consent, $send) = @_;

	foreach my $instigator (others($send))
	{
		return 0 if !names($consent, $instigator);
		return 0
		  if is_third_party($consent, $send)
		  && !among($instigator, $consent->{named_organisations});
	}
	return !has_defect($consent, 'consent_instigator_not_named');
}

# "consent to a parent covers its children"; but "Claims management and
# pensions need consent given to that purpose itself, not to a commercial
# ancestor": to claims management (or pensions) itself, so parents cover as far
# up as they are of that kind.  (Strictly the very purpose could be meant.)
sub V7
{
	my ($consent, $send, $world) = @_;
	my $kind = business_of($world, $send->{purpose});
	my $reached = 0;

	return 0 if has_defect($consent, 'consent_purpose_mismatch');
	foreach my $purpose (with_ancestors($world, $send->{purpose}))
	{
		my $is = kind_of_purpose($world, $purpose) eq $kind;

		return 0
		  if ($kind eq 'claims_management' || $kind eq 'pensions')
		  && $reached && !$is;
		$reached ||= $is;
		return 1 if $consent->{purpose} eq $purpose;
	}
	return 0;
}

sub V8 { return !has_defect($_[0], 'consent_not_affirmative'); }

# F5: a pre-ticked box is consent_preticked and nothing else.
sub has_method { return defined $_[0]{method} && $_[0]{method} eq $_[1]; }

sub V9
{
	return !has_method($_[0], 'pre_ticked_box') && !has_defect($_[0], 'consent_preticked');
}

sub V10
{
	return !has_method($_[0], 'silence') && !has_defect($_[0], 'consent_silence');
}

sub V11
{
	return !has_method($_[0], 'bundled_terms') && !has_defect($_[0], 'consent_bundled');
}

sub V12
{
	return !has_method($_[0], 'condition_of_service')
	  && !has_defect($_[0], 'consent_condition_of_service');
}
sub V13 { return !has_defect($_[0], 'consent_unfair_incentive'); }
sub V14 { return !has_defect($_[0], 'consent_not_informed'); }
sub V15 { return !has_defect($_[0], 'consent_not_granular'); }

# E34, and "A consent without wording or method is consent_unevidenced".
sub V16
{
	my ($consent) = @_;

	return 0 if !defined $consent->{effective_at};
	return 0 if !defined $consent->{wording} || $consent->{wording} !~ /\S/;
	return 0 if !defined $consent->{method} || $consent->{method} eq 'unknown';
	return !has_defect($consent, 'consent_unevidenced');
}

# E3: given at the very time of the send is in time.  E5.  6.6: "timestamp of
# a consent (as not given)".
sub V17
{
	my ($consent, $send) = @_;
	return 0 if !defined $consent->{effective_at};
	return 0 if $consent->{effective_at} > $send->{at};
	return !has_defect($consent, 'consent_not_yet_given');
}

# E1: at the same instant the withdrawal wins.  E2: so it does at the very
# time of the send.
sub V18
{
	my ($consent, $send, $world, $ledger) = @_;

	foreach my $withdrawal (withdrawals($ledger, $send))
	{
		next if !stops($withdrawal, $send, $world);
		return 0
		  if !defined $consent->{effective_at}
		  || said_at($withdrawal) >= $consent->{effective_at};
	}
	return !has_defect($consent, 'consent_withdrawn');
}

# E4: "valid on [given_at, expires_at); at expires_at it is expired".
sub V19
{
	my ($consent, $send) = @_;
	return 0 if defined $consent->{expires_at} && $send->{at} >= $consent->{expires_at};
	return !has_defect($consent, 'consent_expired');
}
sub V20 { return !has_defect($_[0], 'consent_purpose_spent'); }
sub V21 { return !has_defect($_[0], 'consent_relationship_ended'); }

sub V22
{
	my ($consent, $send) = @_;

	return 0
	  if is_third_party($consent, $send)
	  && !among($send->{organisation}, $consent->{named_organisations});
	return !has_defect($consent, 'third_party_consent_generic');
}

# "the earliest logged allowed send": of marketing, for a service message is no
# use of a consent.
sub logged_sends
{
	my ($ledger, $send) = @_;
	return grep { $_->{allowed} && $is_marketing{ $_->{class} } } events_of($ledger, $send, 'sent');
}

# E17, E18; section 15: "Stale from the very day six calendar months later
# (Europe/London) unless first contact was made before".
sub V23
{
	my ($consent, $send, $world, $ledger) = @_;

	return 0 if has_defect($consent, 'third_party_consent_stale');
	return 1 if !is_third_party($consent, $send);
	return 1 if !defined $consent->{effective_at};

	my $stale = add_months(london_day($consent->{effective_at}), 6);

	return 1 if london_day($send->{at}) < $stale;
	foreach my $contacted (events_of($ledger, $send, 'contacted'), logged_sends($ledger, $send))
	{
		next if $contacted->{organisation} ne $send->{organisation};
		next if said_at($contacted) < $consent->{effective_at};
		return 1 if london_day(said_at($contacted)) < $stale;
	}
	return 0;
}

# Of the jurisdictions judged, none needs double opt-in (section 11: GB no).
sub V24 { return !has_defect($_[0], 'consent_unconfirmed'); }
sub V25 { return !has_defect($_[0], 'consent_tainted'); }

my @predicates = (
	[ 'consent_not_from_recipient', \&V2 ],
	[ 'consent_line_mismatch', \&V3 ],
	[ 'consent_channel_not_covered', \&V4 ],
	[ 'consent_org_not_named', \&V5 ],
	[ 'consent_instigator_not_named', \&V6 ],
	[ 'consent_purpose_mismatch', \&V7 ],
	[ 'consent_not_affirmative', \&V8 ],
	[ 'consent_preticked', \&V9 ],
	[ 'consent_silence', \&V10 ],
	[ 'consent_bundled', \&V11 ],
	[ 'consent_condition_of_service', \&V12 ],
	[ 'consent_unfair_incentive', \&V13 ],
	[ 'consent_not_informed', \&V14 ],
	[ 'consent_not_granular', \&V15 ],
	[ 'consent_unevidenced', \&V16 ],
	[ 'consent_not_yet_given', \&V17 ],
	[ 'consent_withdrawn', \&V18 ],
	[ 'consent_expired', \&V19 ],
	[ 'consent_purpose_spent', \&V20 ],
	[ 'consent_relationship_ended', \&V21 ],
	[ 'third_party_consent_generic', \&V22 ],
	[ 'third_party_consent_stale', \&V23 ],
	[ 'consent_unconfirmed', \&V24 ],
	[ 'consent_tainted', \&V25 ]);

# The codes of the rules that do not hold, in the order of the law.
sub failing
{
	my ($consent, $send, $world, $ledger) = @_;
	my @codes;

	foreach my $predicate (@predicates)
	{
		my ($code, $holds) = @$predicate;
		push @codes, $code if !$holds->($consent, $send, $world, $ledger);
	}
	return @codes;
}

# "A newer invalid or expired consent does not hide an older valid one."
sub valid_consents
{
	my ($ledger, $send, $world) = @_;
	my @valid;

	foreach my $consent (events_of($ledger, $send, 'consent'))
	{
		push @valid, $consent if !failing($consent, $send, $world, $ledger);
	}
	return @valid;
}

# Later said, else later recorded, is newer; one without a time is oldest.
sub newest
{
	my $newest;

	foreach my $event (@_)
	{
		if (  !defined $newest
			|| (said_at($event) // -1) > (said_at($newest) // -1)
			|| ((said_at($event) // -1) == (said_at($newest) // -1)
				&& $event->{recorded_at} >= $newest->{recorded_at}))
		{
			$newest = $event;
		}
	}
	return $newest;
}

# The consent whose failings explain a refusal: the newest of those given by
# then; if there is none, one that is still to come (V17, E5).
sub explaining_consent
{
	my ($ledger, $send) = @_;
	my (@given, @to_come);

	@given = events_of($ledger, $send, 'consent');
	return newest(@given) if @given;
	foreach my $event (@$ledger)
	{
		push @to_come, $event
		  if $event->{kind} eq 'consent'
		  && $event->{contact} eq $send->{contact}
		  && known($event, $send);
	}
	return newest(@to_come);
}

# ---------------------------------------------------------------------------
# 6.2, 6.3: soft opt-ins.
# ---------------------------------------------------------------------------

# SO8, CS9: "Ends with a later withdrawal, and one collected after a
# withdrawal or objection gives nothing": whichever came first.
sub refused_by_word
{
	my ($send, $world, $ledger) = @_;

	foreach my $event (objections($ledger, $send), withdrawals($ledger, $send), erasures($ledger, $send))
	{
		return 1 if stops_marketing($event, $send, $world);
	}
	return 0;
}

# "refused = true ends every earlier and bars every later soft opt-in of that
# organisation until a consent": one that covers this send, as in E12 ("for the
# stated channel/org only").  (Any consent to the organisation could be meant.)
sub barred_by_refusal
{
	my ($soi, $send, $world, $ledger) = @_;

	foreach my $refusal (events_of($ledger, $send, 'soft_opt_in'))
	{
		next if !$refusal->{refused} || $refusal == $soi;
		next if $refusal->{organisation} ne $send->{organisation};
		return 1 if !is_overtaken($refusal, $ledger, $send, $world);
	}
	return 0;
}

sub SO1 { return $electronic_mail{ $_[1]{channel} }; }

# "Group companies do not share SOI."  And "directly from the recipient".
sub SO2
{
	my ($soi, $send) = @_;
	return $soi->{organisation} eq $send->{organisation} && !is_third_party($soi, $send);
}
sub SO3 { return $_[0]{relationship} eq 'sale' || $_[0]{relationship} eq 'negotiation'; }

# "NULL product_category on either side gives nothing.  Instigators other than
# the organisation itself refuse it."
sub SO4
{
	my ($soi, $send) = @_;

	return 0 if others($send);
	return 0 if !defined $soi->{product_category} || !defined $send->{product_category};
	return $soi->{product_category} eq $send->{product_category};
}
sub SO5 { return $_[0]{refusal_offered}; }

# 6.6: a missing flag is not in the sender's favour.
sub SO6 { return defined $_[0]{refused} && !$_[0]{refused}; }
sub SO7 { return $_[1]{opt_out_offered}; }

sub SO8
{
	my ($soi, $send, $world, $ledger) = @_;
	return 0 if refused_by_word($send, $world, $ledger);
	return !barred_by_refusal($soi, $send, $world, $ledger);
}

# "Serves every commercial purpose"; but "Claims management and pensions need
# consent given to that purpose itself".
sub SO9 { return business_of($_[2], $_[1]{purpose}) eq 'commercial'; }

# SO10: GB has no window.
my @soft_opt_in = (
	[ 'soi_channel_not_email_type', \&SO1 ],
	[ 'soi_not_own_collection', \&SO2 ],
	[ 'soi_no_sale_or_negotiation', \&SO3 ],
	[ 'soi_not_similar', \&SO4 ],
	[ 'soi_no_refusal_at_collection', \&SO5 ],
	[ 'soi_refused_at_collection', \&SO6 ],
	[ 'soi_no_refusal_in_message', \&SO7 ],
	[ 'soi_refused_later', \&SO8 ],
	[ 'soi_aims_and_ideals', \&SO9 ]);

sub CS1 { return $_[2]{organisations}{ $_[1]{organisation} }{is_charity}; }
sub CS2 { return SO2(@_); }
sub CS3 { return $_[0]{relationship} eq 'support'; }
sub CS4 { return london_day(said_at($_[0])) >= day_of(2026, 2, 5); }
sub CS5 { return business_of($_[2], $_[1]{purpose}) eq 'charitable'; }
sub CS6 { return !others($_[1]); }
sub CS7_offered { return SO5(@_); }
sub CS7_refused { return SO6(@_); }
sub CS8 { return SO7(@_); }
sub CS9 { return SO8(@_); }

my @charity_soft_opt_in = (
	[ 'csoi_not_charity', \&CS1 ],
	[ 'csoi_not_own_collection', \&CS2 ],
	[ 'csoi_no_interest_or_support', \&CS3 ],
	[ 'csoi_before_commencement', \&CS4 ],
	[ 'csoi_not_sole_purpose', \&CS5 ],
	[ 'csoi_promotes_other', \&CS6 ],
	[ 'csoi_no_refusal_at_collection', \&CS7_offered ],
	[ 'csoi_refused', \&CS7_refused ],
	[ 'csoi_no_refusal_in_message', \&CS8 ],
	[ 'csoi_refused_later', \&CS9 ]);

# Reg 22(3A) is about electronic mail too; 6.3 has no code of its own for it.
sub failing_soft_opt_in
{
	my ($soi, $send, $world, $ledger) = @_;
	my @codes;
	my @rules =
	  $soi->{relationship} eq 'support'
	  ? ([ 'soi_channel_not_email_type', \&SO1 ], @charity_soft_opt_in)
	  : @soft_opt_in;

	foreach my $rule (@rules)
	{
		my ($code, $holds) = @$rule;
		push @codes, $code if !$holds->($soi, $send, $world, $ledger);
	}
	# For a charity's own purposes a collection that is no support fails CS3 too.
	push @codes, 'csoi_no_interest_or_support'
	  if $soi->{relationship} ne 'support'
	  && CS1($soi, $send, $world)
	  && CS5($soi, $send, $world);
	return @codes;
}

# ---------------------------------------------------------------------------
# Subscriber and registers.
# ---------------------------------------------------------------------------

# T1: "Unknown subscriber type = individual (fail closed)."
sub is_corporate
{
	my ($ledger, $send) = @_;
	my $subscriber = newest(events_of($ledger, $send, 'subscriber'));

	return defined $subscriber && $subscriber->{subscriber} eq 'corporate';
}

# T5, E24: "call_date - listed_date >= 28 blocks", "a listing counts from
# listed_on (Europe/London date) to delisted_on".  Nothing is ever changed in
# the ledger: the same listing recorded again is how a delisting is told.
sub is_listed
{
	my ($ledger, $send, $register) = @_;
	my $today = london_day($send->{at});
	my %latest;

	foreach my $event (@$ledger)
	{
		next if $event->{kind} ne 'listing';
		next if $event->{contact} ne $send->{contact};
		next if !known($event, $send);
		next if $event->{register} ne $register;
		$latest{ $event->{listed_on} } = $event;
	}
	foreach my $event (values %latest)
	{
		next if defined $event->{delisted_on} && $today >= $event->{delisted_on};
		return 1 if $today - $event->{listed_on} >= 28;
	}
	return 0;
}

# "an age of up to 29 full days counts as 28"; E38: days are counted in London.
# What was too old once is so in the hour that comes a second time, too, and a
# screening made in it is as young as one at its end.
sub is_fresh
{
	my ($world, $send, $register) = @_;

	foreach my $screening (@{ $world->{screenings} || [] })
	{
		next if $screening->{register} ne $register;
		next if $screening->{at} > $send->{at} || !known($screening, $send);
		my $since = latest_shown($screening->{at});

		$since++ if $since != london_time($screening->{at});
		return 1 if int((latest_shown($send->{at}) - $since) / DAY) <= 28;
	}
	return 0;
}

sub ever_screened
{
	my ($world, $send, $register) = @_;

	foreach my $screening (@{ $world->{screenings} || [] })
	{
		next if $screening->{register} ne $register || !known($screening, $send);
		return 1 if $screening->{at} <= $send->{at};
	}
	return 0;
}

# Reg 21(4), (5); E22, E23: given to this caller, and not withdrawn since.  It
# is about calls: 6.4 has it under fax as well, but says "(reg 21(4))".
sub does_not_object
{
	my ($ledger, $send, $world) = @_;

  NON_OBJECTION:
	foreach my $event (events_of($ledger, $send, 'non_objection'))
	{
		next if $event->{organisation} ne $send->{organisation};
		foreach my $no (objections($ledger, $send), withdrawals($ledger, $send), erasures($ledger, $send))
		{
			next NON_OBJECTION
			  if stops_marketing($no, $send, $world) && said_at($no) >= said_at($event);
		}
		return 1;
	}
	return 0;
}

# ---------------------------------------------------------------------------
# 6.4: precedence.
# ---------------------------------------------------------------------------

# 1. Invalid input.  Section 15, Times: "refusals when evaluating".
sub step1
{
	my ($send, $world) = @_;

	foreach my $organisation ($send->{organisation}, @{ $send->{instigators} || [] })
	{
		return 'organisation_unknown'
		  if !defined $organisation || !$world->{organisations}{$organisation};
	}
	return 'purpose_unknown'
	  if !defined $send->{purpose} || !$world->{purposes}{ $send->{purpose} };
	return undef;
}

# 2. The one "no" that a message which is no marketing heeds.
sub step2
{
	my ($ledger, $send, $world) = @_;

	return ()
	  if $send->{class} ne 'service_optional' && $send->{class} ne 'market_research';
	return () if kind_of_purpose($world, $send->{purpose}) ne 'service_optional';

	my @codes;
	foreach my $objection (objections($ledger, $send))
	{
		push @codes, 'objected'
		  if stops($objection, $send, $world)
		  && !is_lifted($objection, $ledger, $send, $world);
	}
	foreach my $withdrawal (withdrawals($ledger, $send))
	{
		push @codes, 'consent_withdrawn'
		  if stops($withdrawal, $send, $world)
		  && !is_overtaken($withdrawal, $ledger, $send, $world);
	}
	# Nobody knows any more what they had switched off.
	foreach my $erasure (erasures($ledger, $send))
	{
		push @codes, 'suppressed' if !is_lifted($erasure, $ledger, $send, $world);
	}
	return @codes;
}

# 3. "same organisation and channel, before its until and not yet answered";
# "An objection or withdrawal made after the request ends it", and erasure may
# have been one.  Of the same
# instant the law says nothing here; as in E1 the "no" wins.  An answer older
# than the request answered another one.
sub step3
{
	my ($ledger, $send, $world) = @_;

	return 0 if $send->{class} ne 'solicited_response';
	return 0 if !defined $send->{reference};

  REQUEST:
	foreach my $request (events_of($ledger, $send, 'request'))
	{
		next if $request->{reference} ne $send->{reference};
		next if $request->{organisation} ne $send->{organisation};
		next if !among($send->{channel}, $request->{channels});
		next if defined $request->{expires_at} && $send->{at} >= $request->{expires_at};
		foreach my $answer (events_of($ledger, $send, 'answer'))
		{
			next REQUEST
			  if $answer->{reference} eq $request->{reference}
			  && said_at($answer) >= said_at($request);
		}
		foreach my $no (objections($ledger, $send), withdrawals($ledger, $send), erasures($ledger, $send))
		{
			next REQUEST
			  if stops_marketing($no, $send, $world) && said_at($no) >= said_at($request);
		}
		return 1;
	}
	return 0;
}

# "Every objection in force must be lifted, each by a valid explicit consent
# with later effective_at AND later recorded_at; a third-party consent lifts
# nothing.  When the lifting consent ends, the objection is in force again."
sub is_lifted
{
	my ($no, $ledger, $send, $world) = @_;

	foreach my $consent (valid_consents($ledger, $send, $world))
	{
		next if is_third_party($consent, $send);
		return 1
		  if $consent->{effective_at} > said_at($no)
		  && $consent->{recorded_at} > $no->{recorded_at};
	}
	return 0;
}

# "Against a withdrawal only effective_at is compared."  The consent has to be
# as explicit (E6), and "a third-party consent lifts nothing".
sub is_overtaken
{
	my ($no, $ledger, $send, $world) = @_;

	foreach my $consent (valid_consents($ledger, $send, $world))
	{
		next if is_third_party($consent, $send);
		return 1 if $consent->{effective_at} > said_at($no);
	}
	return 0;
}

# 4. Objection in force.
sub step4
{
	my ($ledger, $send, $world) = @_;

	foreach my $objection (objections($ledger, $send))
	{
		next if !stops_marketing($objection, $send, $world);
		return 'objected' if !is_lifted($objection, $ledger, $send, $world);
	}
	return ();
}

# Who takes an address off the list of one organisation leaves it on those of the
# others: an unsuppression ends a suppression of the same scope or a narrower
# one, and of a wider one the part that this send is in.
sub ends_suppression
{
	my ($end, $suppression, $send) = @_;
	my @parties = ($send->{organisation}, others($send), defined $send->{sender} ? $send->{sender} : ());

	return 0 if defined $end->{channels} && !among($send->{channel}, $end->{channels});
	return 1 if !defined $end->{organisation};
	return $suppression->{organisation} eq $end->{organisation}
	  if defined $suppression->{organisation};
	return !grep { $_ ne $end->{organisation} } @parties;
}

# 5. Suppression, until unsuppressed; erasure, "until a new explicit consent".
sub step5
{
	my ($ledger, $send, $world) = @_;

  SUPPRESSION:
	foreach my $suppression (events_of_any_form($ledger, $send, 'suppression'))
	{
		next if !covers_channel_and_organisation($suppression, $send);
		foreach my $end (events_of_any_form($ledger, $send, 'unsuppression'))
		{
			next SUPPRESSION
			  if ends_suppression($end, $suppression, $send)
			  && said_at($end) > said_at($suppression);
		}
		return 'suppressed';
	}
	foreach my $erasure (erasures($ledger, $send))
	{
		return 'suppressed' if !is_lifted($erasure, $ledger, $send, $world);
	}
	return ();
}

# 6. Withdrawal covering this channel: also on corporate e-mail and fax, also
# where there never was a consent.
sub step6
{
	my ($ledger, $send, $world) = @_;

	foreach my $withdrawal (withdrawals($ledger, $send))
	{
		next if !stops_marketing($withdrawal, $send, $world);
		return 'consent_withdrawn'
		  if !is_overtaken($withdrawal, $ledger, $send, $world);
	}
	return ();
}

# Reg 21B(3): with an authorised caller "a client relationship suffices".  It
# is no soft opt-in: what ends it, beside a refusal, are steps 4 to 6.
sub has_client_relationship
{
	my ($ledger, $send, $world) = @_;
	my @others = others($send);

	# 21B: "an existing client relationship ... with the caller"
	return 0 if @others;
	foreach my $soi (events_of($ledger, $send, 'soft_opt_in'))
	{
		return 1
		  if $soi->{relationship} eq 'client_relationship'
		  && SO2($soi, $send)
		  && SO5($soi)
		  && SO6($soi)
		  && !barred_by_refusal($soi, $send, $world, $ledger);
	}
	return 0;
}

# 7. Sector bans are about live calls.  21A: every subscriber; 21B protects
# individuals, "fall back to reg 21" for corporate subscribers.
sub step7
{
	my ($ledger, $send, $world) = @_;
	my $kind = business_of($world, $send->{purpose});
	my @consents = valid_consents($ledger, $send, $world);

	return () if $send->{channel} ne 'live_call';
	return 'claims_no_consent' if $kind eq 'claims_management' && !@consents;
	if ($kind eq 'pensions' && !is_corporate($ledger, $send))
	{
		return 'pension_not_permitted'
		  if !$world->{organisations}{ $send->{organisation} }{pensions_authorised};
		return 'pension_not_permitted'
		  if !@consents && !has_client_relationship($ledger, $send, $world);
	}
	return ();
}

# Reg 21(6): "paragraph (1) does not apply to cases within 21A or 21B".
sub is_sector_call
{
	my ($ledger, $send, $world) = @_;
	my $kind = business_of($world, $send->{purpose});

	return 0 if $send->{channel} ne 'live_call';
	return $kind eq 'claims_management'
	  || $kind eq 'pensions' && !is_corporate($ledger, $send);
}

# 8. Registers, "unless a valid live-call consent or non-objection overrides".
# Fax: only a corporate subscriber may be sent one without consent (section 5).
sub step8
{
	my ($ledger, $send, $world) = @_;
	my @codes;

	return () if $send->{channel} ne 'live_call' && $send->{channel} ne 'fax';
	return () if valid_consents($ledger, $send, $world);
	return () if does_not_object($ledger, $send, $world);
	return () if is_sector_call($ledger, $send, $world);
	return () if $send->{channel} eq 'fax' && !is_corporate($ledger, $send);

	if ($send->{channel} eq 'live_call')
	{
		push @codes, 'tps_listed' if is_listed($ledger, $send, 'tps');
		push @codes, 'ctps_listed' if is_listed($ledger, $send, 'ctps');
		push @codes, 'register_snapshot_stale'
		  if !is_fresh($world, $send, 'tps') || !is_fresh($world, $send, 'ctps');
	}
	# "FPS is judged only where it has ever been screened."
	elsif (ever_screened($world, $send, 'fps'))
	{
		push @codes, 'fps_listed' if is_listed($ledger, $send, 'fps');
		push @codes, 'register_snapshot_stale' if !is_fresh($world, $send, 'fps');
	}
	return @codes;
}

# 9. Valid consent.
sub step9
{
	my ($ledger, $send, $world) = @_;
	return valid_consents($ledger, $send, $world) ? 'consent' : undef;
}

# 10, 11. Soft opt-ins.
sub step10
{
	my ($ledger, $send, $world) = @_;

	foreach my $soi (events_of($ledger, $send, 'soft_opt_in'))
	{
		return 'soft_opt_in'
		  if $soi->{relationship} ne 'support'
		  && !failing_soft_opt_in($soi, $send, $world, $ledger);
	}
	return undef;
}

sub step11
{
	my ($ledger, $send, $world) = @_;

	foreach my $soi (events_of($ledger, $send, 'soft_opt_in'))
	{
		return 'charity_soft_opt_in'
		  if $soi->{relationship} eq 'support'
		  && !failing_soft_opt_in($soi, $send, $world, $ledger);
	}
	return undef;
}

# 12. Corporate subscriber, and section 15, Corporate fax.
sub step12
{
	my ($ledger, $send) = @_;

	return undef if !$electronic_mail{ $send->{channel} } && $send->{channel} ne 'fax';
	return is_corporate($ledger, $send) ? 'corporate_subscriber' : undef;
}

# 13. Live calls: the opt-out regime.
sub step13
{
	my ($send) = @_;
	return $send->{channel} eq 'live_call' ? 'live_call_no_objection' : undef;
}

# 14. Post and list-matched advertising.  That an assessment for a parent
# purpose covers its children, as consent does, the law does not say in words.
sub step14
{
	my ($send, $world) = @_;

	return undef if $send->{channel} ne 'post' && $send->{channel} ne 'online_ad';
	foreach my $assessment (@{ $world->{assessments} || [] })
	{
		next if $assessment->{organisation} ne $send->{organisation};
		next
		  if !among($assessment->{purpose}, [ with_ancestors($world, $send->{purpose}) ]);
		next if $assessment->{channel} ne $send->{channel};
		return 'legitimate_interests' if $assessment->{assessed_on} <= london_day($send->{at});
	}
	return undef;
}

# 15. Why there is no permission, the deciding code first.
sub step15
{
	my ($ledger, $send, $world) = @_;
	my $consent = explaining_consent($ledger, $send);
	my $soi = newest(events_of($ledger, $send, 'soft_opt_in'));

	return failing($consent, $send, $world, $ledger) if defined $consent;
	return failing_soft_opt_in($soi, $send, $world, $ledger) if defined $soi;
	return 'no_permission';
}

# "opt_out_offered = false refuses only on electronic mail channels;
# identity_shown = false on every channel but post and online_ad."  6.6: a
# flag that is missing is not in the sender's favour.
# Contract: "contractor: needs a written contract on record".
sub message_checks
{
	my ($send, $world) = @_;
	my @codes;

	if (defined $send->{sender} && $send->{sender} ne $send->{organisation})
	{
		my $today = london_day($send->{at});

		push @codes, 'no_contract_with_sender'
		  if !grep {
			     $_->{organisation} eq $send->{organisation}
			  && $_->{sender} eq $send->{sender}
			  && $_->{valid_from} <= $today
			  && (!defined $_->{valid_to} || $today <= $_->{valid_to})
		  } @{ $world->{contractors} };
	}

	push @codes, 'sender_identity_concealed'
	  if !$send->{identity_shown}
	  && $send->{channel} ne 'post'
	  && $send->{channel} ne 'online_ad';
	push @codes, 'no_optout_address'
	  if !$send->{opt_out_offered} && $electronic_mail{ $send->{channel} };
	return @codes;
}

# ---------------------------------------------------------------------------
# The verdict.
# ---------------------------------------------------------------------------

# The checks of the message, and the registers of step 8.
my @same_rank = (
	{ map { $_ => 1 } qw(sender_identity_concealed no_optout_address no_contract_with_sender) },
	{ map { $_ => 1 } qw(tps_listed ctps_listed fps_listed register_snapshot_stale) });

sub allow
{
	my ($basis, $send, $world) = @_;
	my @codes = $basis eq 'not_marketing' ? () : message_checks($send, $world);

	return refuse([], @codes) if @codes;
	return {
		allowed => 1,
		reason => $basis,
		basis => $basis,
		either => { $basis => 1 },
		reasons => {},
		open => {}
	};
}

# What may be listed besides: where a higher code decides, why permission is
# wanting, too; why the soft opt-ins fail beside a consent; message checks; and
# the registers of sector calls, which are not their law (reg 21(6)).
sub explanations
{
	my ($ledger, $send, $world) = @_;
	my @codes = message_checks($send, $world);

	foreach my $event (@$ledger)
	{
		next if $event->{contact} ne $send->{contact} || !known($event, $send);
		push @codes, failing($event, $send, $world, $ledger) if $event->{kind} eq 'consent';
		next if $event->{kind} ne 'soft_opt_in' || !defined said_at($event);
		push @codes, failing_soft_opt_in($event, $send, $world, $ledger);
		# By which code a refusal bars other collections has no number.
		push @codes, qw(soi_refused_later csoi_refused_later) if $event->{refused};
	}
	push @codes, qw(tps_listed ctps_listed register_snapshot_stale)
	  if $send->{channel} eq 'live_call';
	return (@codes, 'consent_missing');
}

# The first code decides; "either" are those that might as well, where the law
# does not rank them.
sub refuse
{
	my ($open, @codes) = @_;
	my ($unranked) = grep { $_->{ $codes[0] } } @same_rank;

	return {
		either => { map { $_ => 1 } $codes[0], grep { $unranked->{$_} } @codes },
		allowed => 0,
		reason => $codes[0],
		basis => undef,
		reasons => { map { $_ => 1 } @codes },
		open => { map { $_ => 1 } @$open }
	};
}

sub evaluate
{
	my ($ledger, $send, $world) = @_;
	my ($code, $basis, @against, @lacking);

	$ledger = what_is_left($ledger);
	$code = step1($send, $world);
	return refuse([], $code) if defined $code;

	if (!$is_marketing{ $send->{class} } && $send->{class} ne 'solicited_response')
	{
		@against = step2($ledger, $send, $world);
		return allow('not_marketing', $send, $world) if !@against;
		# Which code this refusal has, and what else is listed, the law leaves open.
		return {
			%{ refuse(\@against, $against[0]) },
			either => { map { $_ => 1 } @against },
			reasons => {}
		};
	}

	# 6.6: an unknown jurisdiction is refused; what is solicited depends on it.
	return refuse([], 'jurisdiction_unknown')
	  if $world->{organisations}{ $send->{organisation} }{jurisdiction} ne 'GB';

	return allow('solicited', $send, $world) if step3($ledger, $send, $world);

	push @against, step4($ledger, $send, $world);
	push @against, step5($ledger, $send, $world);
	push @against, step6($ledger, $send, $world);

	# Beside a "no" of the person, what steps 7 and 8 add is left open: it turns
	# on whether a consent that the "no" has ended still counts for them.
	my @sector = (step7($ledger, $send, $world), step8($ledger, $send, $world));
	my @beside = @against
	  ? qw(claims_no_consent pension_not_permitted tps_listed ctps_listed fps_listed register_snapshot_stale)
	  : ();
	push @against, @sector if !@against;

	$basis =
	     step9($ledger, $send, $world)
	  || step10($ledger, $send, $world)
	  || step11($ledger, $send, $world)
	  || step12($ledger, $send, $world)
	  || step13($send)
	  || step14($send, $world);

	@lacking =
	  $send->{channel} eq 'post' || $send->{channel} eq 'online_ad'
	  ? 'no_lawful_basis'
	  : step15($ledger, $send, $world);

	return allow($basis, $send, $world) if defined $basis && !@against;
	return refuse([ @lacking, @beside, explanations($ledger, $send, $world) ],
		@against ? @against : $lacking[0] eq 'no_lawful_basis' ? $lacking[0] : @lacking);
}

1;
