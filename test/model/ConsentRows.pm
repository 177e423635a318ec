# ConsentRows: what ConsentCases makes, as SQL and as rows of consent.ledger.

package ConsentRows;

use strict;
use warnings;

use Exporter qw(import);

use ConsentModel;

our @EXPORT = qw(instant literal copy_line @ledger_columns is_row call event_sql world_sql spew);

# ---------------------------------------------------------------------------
# SQL spelling.
# ---------------------------------------------------------------------------

sub instant
{
	my ($time) = @_;
	my $seconds = int($time / 1_000_000);

	return sprintf('%04d-%02d-%02d %02d:%02d:%02d.%06d+00',
		ConsentModel::date_of(int($seconds / 86400)),
		int($seconds / 3600) % 24, int($seconds / 60) % 60, $seconds % 60,
		$time % 1_000_000);
}

sub day { return sprintf('%04d-%02d-%02d', ConsentModel::date_of($_[0])); }

sub array { return '{' . join(',', map { "\"$_\"" } @{ $_[0] }) . '}'; }

my %is_time = map { $_ => 1 } qw(effective_at recorded_at expires_at at known_at until);
my %is_day = map { $_ => 1 } qw(listed_on delisted_on assessed_on valid_from valid_to);

sub text
{
	my ($name, $value) = @_;

	return undef if !defined $value;
	return instant($value) if $is_time{$name};
	return day($value) if $is_day{$name};
	return array($value) if ref($value);
	return $value;
}

sub literal
{
	my ($name, $value) = @_;
	my $text = text($name, $value);

	return 'NULL' if !defined $text;
	return $text ? 'true' : 'false'
	  if $name =~ /^(refusal_offered|refused|opt_out_offered|identity_shown|is_charity|pensions_authorised|linked|allowed)$/;
	$text =~ s/'/''/g;
	return "'$text'";
}

# COPY's text format: nothing here needs escaping.
sub copy_line
{
	my ($row, @columns) = @_;
	return join("\t", map { text($_, $row->{$_}) // '\N' } @columns) . "\n";
}

# ---------------------------------------------------------------------------
# Events.
# ---------------------------------------------------------------------------

our @ledger_columns = qw(contact kind channels organisation purpose method wording
  product_category refusal_offered refused relationship reference collected_by
  named_organisations subscriber register listed_on delisted_on expires_at
  effective_at recorded_at defects);

# Erasures, links and logged sends are no rows of the ledger; everything else is
# loaded straight into it, with a time of recording of our choice.
sub is_row { return $_[0]{kind} !~ /^(erasure|link|sent)$/; }

sub call
{
	my ($event) = @_;

	return 'SELECT consent.forget(contact => '
	  . literal('contact', $event->{contact})
	  . ', at => ' . literal('at', $event->{effective_at}) . ')'
	  if $event->{kind} eq 'erasure';
	return 'INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, channel, organisation, contact, action, written_by) VALUES ('
	  . join(', ', literal('effective_at', $event->{effective_at}), "'send'", literal('allowed', $event->{allowed}),
		$event->{allowed} ? "'consent', '{consent}'" : "'objected', '{objected}'",
		literal('class', $event->{class}), "'email'", literal('organisation', $event->{organisation}),
		literal('contact', $event->{contact}), "'sent'", "'model'") . ')'
	  if $event->{kind} eq 'sent';
	return 'INSERT INTO consent.person_link (contact, person, linked, recorded_at) VALUES ('
	  . join(', ', map { literal($_, $event->{$_}) } qw(contact person linked recorded_at)) . ')';
}

# One event as SQL to read.
sub event_sql
{
	my ($event) = @_;

	return call($event) . ';' if !is_row($event);
	my @given = grep { defined $event->{$_} || $_ eq 'effective_at' } @ledger_columns;
	return
	    'INSERT INTO consent.ledger ('
	  . join(', ', @given)
	  . ")\n  VALUES ("
	  . join(', ', map { literal($_, $event->{$_}) } @given) . ');';
}

# ---------------------------------------------------------------------------
# Worlds.
# ---------------------------------------------------------------------------

sub world_sql
{
	my ($world, $wanted_organisations, $wanted_purposes) = @_;
	my @sql;

	foreach my $name (sort keys %{ $world->{organisations} })
	{
		my $o = $world->{organisations}{$name};
		next if $wanted_organisations && !$wanted_organisations->{$name};
		push @sql,
		    'INSERT INTO consent.organisation (name, jurisdiction, is_charity, pensions_authorised) VALUES ('
		  . join(', ', literal('name', $name), map { literal($_, $o->{$_}) }
			  qw(jurisdiction is_charity pensions_authorised)) . ');';
	}
	# Parents first.
	my %purposes = %{ $world->{purposes} };
	my %done = (marketing => 1);
	while (my ($name) =
		grep { !$done{$_} && (!defined $purposes{$_}{parent} || $done{ $purposes{$_}{parent} }) }
		sort keys %purposes)
	{
		$done{$name} = 1;
		next if $wanted_purposes && !$wanted_purposes->{$name};
		push @sql,
		    'INSERT INTO consent.purpose (name, kind, parent) VALUES ('
		  . join(', ', map { literal('name', $_) } $name, $purposes{$name}{kind},
			  $purposes{$name}{parent}) . ');';
	}
	foreach my $a (@{ $world->{assessments} })
	{
		next if $wanted_organisations && !$wanted_organisations->{ $a->{organisation} };
		next if $wanted_purposes && !$wanted_purposes->{ $a->{purpose} };
		push @sql,
		    'INSERT INTO consent.assessment (organisation, purpose, channel, reference, assessed_on, recorded_at) VALUES ('
		  . join(', ',
			(map { literal($_, $a->{$_}) } qw(organisation purpose channel)),
			"'LIA'", literal('assessed_on', $a->{assessed_on}), "'2000-01-01'") . ');';
	}
	foreach my $c (@{ $world->{contractors} })
	{
		next if $wanted_organisations && !($wanted_organisations->{ $c->{organisation} } && $wanted_organisations->{ $c->{sender} });
		push @sql,
		    'INSERT INTO consent.contractor (organisation, sender, contract_reference, valid_from, valid_to, recorded_at) VALUES ('
		  . join(', ', literal('organisation', $c->{organisation}), literal('sender', $c->{sender}), "'C'",
			literal('valid_from', $c->{valid_from}), literal('valid_to', $c->{valid_to}), "'2000-01-01'") . ');';
	}
	return @sql;
}

# Lines in a file that the server can read.
sub spew
{
	my ($file, @lines) = @_;

	open(my $fh, '>', $file) or die "$file: $!";
	print $fh @lines;
	close($fh) or die "$file: $!";
	chmod(0644, $file);
	return $file;
}

1;
