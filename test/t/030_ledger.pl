# The ledger as evidence: it survives a dump, and no change to it goes unseen.
use strict;
use warnings FATAL => 'all';

use Digest::SHA qw(sha256_hex);
use Encode qw(encode_utf8);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('ledger');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
my $db = 'kept';
sub sql { return $node->safe_psql($db, shift) }
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(kept restored lying);

# A history of every kind of event, three seals, and events after the last.
sql(q{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name, is_charity) VALUES ('acme', false), ('b "q", {x}', true);
  INSERT INTO consent.purpose (name, parent) VALUES ('boilers', 'marketing');
  CREATE TABLE outbox (id bigserial, to_addr text, body text);
  SELECT consent.guard('outbox', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$);
  SELECT consent.give((i || '@a.example')::consent.contact, '{email,sms}', 'acme', method => 'ticked_box', wording => 'Ja bitte, £' || i,
                      at => now() - i * interval '1 hour', evidence => jsonb_build_object('ip', '192.0.2.' || i, 'n', i / 7.0))
    FROM generate_series(1, 60) i;
  SELECT consent.withdraw((i || '@a.example')::consent.contact, '{sms}') FROM generate_series(1, 60, 3) i;
  SELECT consent.object((i || '+tag@a.example')::consent.contact) FROM generate_series(1, 60, 7) i;
  INSERT INTO consent.policy (jurisdiction, version, valid_from, law) VALUES ('XX', 1, '2026-01-01', 'Law of X'), ('XX', 2, '2900-01-01', 'Law of X');
  INSERT INTO consent.organisation (name, jurisdiction) VALUES ('xx', 'XX');
  INSERT INTO consent.wording (name, version, text, defects) VALUES ('form', 1, 'Ja bitte, £', '{consent_bundled}');
  INSERT INTO consent.contractor (organisation, sender, contract_reference, valid_from) VALUES ('acme', 'b "q", {x}', 'C1', '2026-01-01');
  INSERT INTO consent.assessment (organisation, channel, reference, assessed_on) VALUES ('acme', 'post', 'LIA', '2026-01-01');
  SELECT consent.seal();
  UPDATE consent.organisation SET jurisdiction = 'DE' WHERE name = 'b "q", {x}';
  UPDATE consent.organisation SET jurisdiction = 'GB' WHERE name = 'b "q", {x}';
  UPDATE consent.contractor SET valid_to = '2026-06-30';
  UPDATE consent.assessment SET ended_on = '2026-07-01';
  SELECT consent.soft_opt_in((i || '@b.example')::consent.contact, 'b "q", {x}', product_category => 'hats', refusal_offered => true,
                             refused => i % 5 = 0, kind => CASE WHEN i % 2 = 0 THEN 'support' ELSE 'sale' END)
    FROM generate_series(1, 30) i;
  SELECT consent.give((i || '@b.example')::consent.contact, '{email}', 'b "q", {x}', purpose => 'boilers', method => 'oral', wording => 'w',
                      collected_by => 'broker', named_organisations => ARRAY['acme', 'b "q", {x}'], expires_at => 'infinity')
    FROM generate_series(1, 30, 4) i;
  SELECT consent.set_subscriber((i || '@b.example')::consent.contact, 'corporate') FROM generate_series(1, 30, 6) i;
  SELECT consent.seal();
  SELECT consent.request('r@b.example', 'acme', 'email', 'quote-1', about => 'a quote');
  SELECT consent.answered('quote-1');
  SELECT consent.suppress('s@b.example', 'bounce');
  SELECT consent.unsuppress('s@b.example', 'mended');
  SELECT consent.list_on_register('+442079460000', 'tps', '2026-01-01', delisted_on => 'infinity');
  SELECT consent.non_objection('+442079460000', 'acme');
  SELECT consent.screened('tps'), consent.screened('ctps');
  SELECT consent.link('1@a.example', 'p 1'), consent.link('2@a.example', 'p 1');
  SELECT consent.forget('60@a.example', 'asked by letter');
  SELECT consent.seal();
  SELECT consent.contacted((i || '@c.example')::consent.contact, 'acme') FROM generate_series(1, 5) i;
  SELECT consent.give((i || '@c.example')::consent.contact, '{email}', 'acme', method => 'silence', wording => 'w', at => NULL) FROM generate_series(1, 5) i});
# A hole, as a rolled back transaction leaves it.
sql(q{BEGIN; SELECT consent.object('gone@c.example'); ROLLBACK; SELECT consent.object('last@c.example')});

my $problems = 'SELECT event_id, problem FROM consent.verify_ledger()';
my $verdicts = q{
  SELECT f.contact, ch, o.name, cl, d
    FROM (SELECT DISTINCT contact FROM consent.ledger) f, unnest(enum_range(NULL::consent.channel)) ch, consent.organisation o,
         unnest('{direct_marketing,solicited_response,service}'::consent.message_class[]) cl,
         LATERAL consent.evaluate(contact => f.contact, channel => ch, organisation => o.name, class => cl, reference => 'quote-1',
                                  product_category => 'hats', at => '2100-01-01') d
   ORDER BY 1, 2, 3, 4};
my $events = q{SELECT * FROM consent.ledger ORDER BY event_id};
my $seals = q{SELECT * FROM consent.seal ORDER BY number};
is(sql($problems), '', 'what was recorded is intact');

# Digests and seals, worked out here from what the columns show.
sub item { my $s = encode_utf8(shift); return length($s) . ':' . $s }

sub digest_of
{
  my ($form, $names, $values) = @_;
  my $text = item($form);
  foreach my $i (0 .. $#$names)
  {
    $text .= item($names->[$i]) . item($values->[$i]) if defined $values->[$i];
  }
  return sha256_hex($text);
}

# rows TABLE WITHOUT...: the names of its columns, and each row's values as text
# with its digest at the end
sub rows
{
  my ($table, @without) = @_;
  my @names = grep { my $n = $_; !grep { $_ eq $n } @without }
    split /\n/, sql("SELECT attname FROM pg_attribute WHERE attrelid = '$table'::regclass AND attnum > 0 ORDER BY attnum");
  my $values = join ', ', map { "CASE WHEN \"$_\" IS NOT NULL THEN format('%s', \"$_\") END" } @names;
  my @rows = map { decode_json($_) }
    split /\n/, sql("SET timezone = 'UTC'; SET datestyle = 'ISO';"
      . "SELECT json_build_array($values, encode(digest, 'hex')) FROM $table ORDER BY $names[0]");
  return (\@names, @rows);
}

my ($names, @rows) = rows('consent.ledger', 'address', 'digest');
my @digests = map { $_->[-1] } @rows;
is(join(' ', map { digest_of('pg_consent event 1', $names, [ @$_[ 0 .. $#$_ - 1 ] ]) } @rows),
  join(' ', @digests), 'the digests of ' . @rows . ' events follow from what their columns show');
my %digest_by_id = (
  (map { split /\|/ } split /\n/, sql(q{SELECT event_id, encode(digest, 'hex') FROM consent.sealable})),
  (map { $_->[0] => $_->[-1] } @rows));
($names, my @seals) = rows('consent.seal', 'digest');
my ($recomputed, $contents, $previous) = (0, 0, 0);
my %at = map { $names->[$_] => $_ } 0 .. $#$names;
foreach my $i (0 .. $#seals)
{
  my $seal = $seals[$i];
  $recomputed++ if digest_of('pg_consent seal 1', $names, [ @$seal[ 0 .. $#$seal - 1 ] ]) eq $seal->[-1];
  $previous++ if ($seal->[ $at{previous} ] // '') eq ($i ? '\x' . $seals[ $i - 1 ][-1] : '');
  my @ids;
  push @ids, $1 .. $2 - 1 while $seal->[ $at{covered} ] =~ /\[(\d+),(\d+)\)/g;
  $contents++ if '\x' . sha256_hex(pack('H*', join '', map { $digest_by_id{$_} } @ids)) eq $seal->[ $at{contents} ];
}
is("$recomputed $contents $previous", '3 3 3', 'so do the digests, contents and order of three seals');

# Dump and restore.
my $file = $node->basedir . '/dump';
my %before = map { $_ => sql($_) } $verdicts, $events, $seals;
command_ok([ 'pg_dump', '-Fc', '-f', $file, '-d', $node->connstr('kept') ], 'pg_dump');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $file ], 'pg_restore');
$db = 'restored';
ok(length($before{$verdicts}) > 100_000, 'there are verdicts to compare');
ok(sql($verdicts) eq $before{$verdicts}, 'the restored database comes to the same verdicts');
is(sql($events), $before{$events}, '... has the same events');
is(sql($seals), $before{$seals}, '... and the same seals');
is(sql($problems), '', '... and a ledger that verifies');
is(sql('SELECT count(*) FROM consent.fact f FULL JOIN consent.sealed_fact s USING (relation, key) WHERE f.contents IS DISTINCT FROM s.contents'),
  '0', '... where all that verdicts rest on is as it was sealed, also what the install script made anew');
is(sql('SELECT * FROM consent.wrong_standings()'), '', '... with the right standings');
is(sql(q{SELECT reason FROM consent.evaluate('60+x@a.example', 'email', 'acme')}), 'suppressed', '... and who was forgotten stays so');
is(sql(q{SELECT reason FROM consent.evaluate('2@a.example', 'email', 'acme')}), 'objected', '... as do the contacts of a person');
is(sql(q{SELECT max(l.event_id) < consent.object('new@c.example') FROM consent.ledger l}), 't', 'new events have higher numbers');
is(sql('SELECT consent.seal()'), '4', 'new seals follow the old ones');
is(sql($problems), '', '... and all verifies');
my ($status, $stdout, $stderr) = $node->psql('restored', q{INSERT INTO outbox (to_addr, body) VALUES ('1@a.example', '20% off everything!')});
like($stderr, qr/not permitted: objected/, 'the guard refuses as before');
isnt($status, 0, '... with an error');

# A dump that was changed on its way.
my $plain = $node->basedir . '/dump.sql';
command_ok([ 'pg_restore', '-f', $plain, $file ], 'the dump as text');
my $text = slurp_file($plain);
is($text =~ s/£59/£58/, 1, 'it is changed in one place');
append_to_file("$plain.changed", $text);
($stdout, $stderr) = run_command([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$plain.changed", '-d', $node->connstr('lying') ]);
like($stderr, qr/event 59 does not match its digest/, 'a changed dump is refused');
unlike($stderr, qr/jurisdiction/, '... and an organisation not warned of, whose policy comes later');

# Tampering, by a superuser who switches the triggers off.  Each in a transaction
# that is rolled back.
$db = 'kept';
my $copy = sql(q{SELECT digest FROM consent.seal WHERE number = 3});
my $off = q{BEGIN;
  DO $$ DECLARE t regclass;
  BEGIN
    FOR t IN SELECT relid FROM pg_partition_tree('consent.ledger') UNION SELECT 'consent.seal' UNION SELECT 'consent.erasure' UNION SELECT 'consent.erased_event' UNION SELECT 'consent.person_link'
      UNION SELECT unnest('{consent.organisation,consent.organisation_history,consent.purpose,consent.policy,consent.screening,consent.wording,consent.contractor,consent.assessment,consent.sealed_fact}'::regclass[]) LOOP
      EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t);
    END LOOP;
  END $$;};
my ($own, $standing) = ('changed: it does not match its digest', 'the standing of its contact');
# what a thorough forger does next
my $digest = 'UPDATE consent.ledger l SET digest = consent.event_digest(l) WHERE digest <> consent.event_digest(l);';
my $rebuild = 'DO $$ BEGIN PERFORM consent.rebuild_standings(); END $$;';

sub found
{
  my ($what, $tamper, $expected, $argument) = @_;
  is(sql("$off $tamper SELECT event_id, problem FROM consent.verify_ledger(" . ($argument // '') . ')'), $expected, $what);
}
my $max = sql('SELECT max(event_id) FROM consent.ledger');
my $sealed = sql('SELECT max(upper(covered)) - 1 FROM consent.seal');
my $unsealed = sql("SELECT array_to_string(array_agg(event_id || '|missing: $standing counts it' ORDER BY event_id), E'\\n') FROM consent.ledger WHERE event_id > $sealed");

found('a changed wording', q{UPDATE consent.ledger SET wording = 'Yes!' WHERE event_id = 7;}, "7|$own");
found('a changed time of recording', q{UPDATE consent.ledger SET recorded_at = recorded_at - interval '1 day' WHERE event_id = 70;}, "70|$own");
found('a removed detail', q{UPDATE consent.ledger SET evidence = NULL WHERE event_id = 8;}, "8|$own");
found('two events that changed their numbers',
  q{UPDATE consent.ledger SET event_id = -event_id WHERE event_id IN (3, 4); UPDATE consent.ledger SET event_id = 7 + event_id WHERE event_id < 0;},
  join("\n", map { my $id = $_; "$id|$own", "$id|changed: $standing counts another event of this number" } 3, 4)
    . "\n|seal 1: its events are not those that were sealed");
found('a changed wording and digest', qq{UPDATE consent.ledger SET wording = 'Yes!' WHERE event_id = 7; $digest},
  "7|changed: $standing counts another event of this number\n|seal 1: its events are not those that were sealed");
found('... and standing', qq{UPDATE consent.ledger SET wording = 'Yes!' WHERE event_id = 7; $digest $rebuild},
  '|seal 1: its events are not those that were sealed');
found('a changed unsealed event and digest', qq{UPDATE consent.ledger SET wording = 'Yes!' WHERE event_id = $max; $digest},
  "$max|changed: $standing counts another event of this number");
found('an event moved to another address',
  q{ALTER TABLE consent.ledger DROP CONSTRAINT ledger_address_of_contact; UPDATE consent.ledger SET address = 'x@x.example' WHERE event_id = 5;}
    . qq{$rebuild}, '5|changed: its address is not that of its contact');
found('a deleted event', 'DELETE FROM consent.ledger WHERE event_id = 61;',
  "61|missing: seal 1 covers it\n61|missing: $standing counts it");
found('... and its standing', "DELETE FROM consent.ledger WHERE event_id = 61; $rebuild", '61|missing: seal 1 covers it');
found('a deleted event that no seal covers', "DELETE FROM consent.ledger WHERE event_id = $max;", "$max|missing: $standing counts it");
my @tail = split /\n/, sql("SELECT event_id FROM (SELECT event_id FROM consent.ledger WHERE event_id <= $sealed ORDER BY 1 DESC LIMIT 2) t ORDER BY 1");
found('a deleted sealed tail', "DELETE FROM consent.ledger WHERE event_id >= $tail[0]; $rebuild",
  join("\n", map { "$_|missing: seal 3 covers it" } @tail));
found('all after the last seal deleted', "DELETE FROM consent.ledger WHERE event_id > $sealed;", $unsealed);
found('everything deleted', 'TRUNCATE consent.ledger, consent.address_standing;',
  sql(q{SELECT string_agg(format('%s|missing: seal %s covers it', event_id, number), E'\n' ORDER BY event_id)
          FROM consent.ledger, consent.seal WHERE event_id <@ covered}));
found('an event behind the ledger\'s back',
  q{INSERT INTO consent.ledger (event_id, contact, address, kind, recorded_at, recorded_by, digest)
      VALUES (5000, 'x@x.example', 'x@x.example', 'unsuppression', now(), 'me', '\x00');},
  "5000|added: $standing does not count it\n5000|$own");
found('... with the right digest',
  qq{INSERT INTO consent.ledger (event_id, contact, address, kind, recorded_at, recorded_by, digest)
      VALUES (5000, 'x\@x.example', 'x\@x.example', 'unsuppression', now(), 'me', '\\x00'); $digest},
  "5000|added: $standing does not count it");
# What was copied from another database, with all that belongs to it.
foreach my $taken (60, 7)
{
  found("an event with the number of another, $taken",
    qq{INSERT INTO consent.ledger (event_id, contact, address, kind, recorded_at, recorded_by, digest)
        VALUES ($taken, 'x\@x.example', 'x\@x.example', 'unsuppression', now(), 'me', '\\x00'); $digest $rebuild},
    join("\n", "$taken|added: seal 1 covers one of this number",
      $taken == 7 ? ("$taken|changed: $standing counts another event of this number") x 2 : ()));
}
# What an erasure leaves behind, and links, are sealed as events are, and have digests of their own.
my ($erasure, $links) = split(/\|/, sql(q{SELECT (SELECT event_id FROM consent.erasure), (SELECT string_agg(event_id::text, ' ' ORDER BY event_id) FROM consent.person_link)}));
my @links = split ' ', $links;
found('what is left of an erased event removed', 'DELETE FROM consent.erased_event WHERE event_id = 60;',
  "60|missing: seal 1 covers it\n60|missing: what is left of it; an erasure counts it");
found('what is left of an erased event changed', q{UPDATE consent.erased_event SET digest = '\x00' WHERE event_id = 60;},
  '|seal 1: its events are not those that were sealed');
found('an erasure removed', 'DELETE FROM consent.erasure;', "60|missing: the erasure of it\n$erasure|missing: seal 3 covers it");
found('an erasure made ineffective', 'UPDATE consent.erasure SET suppressed = false;',
  "$erasure|changed: the erasure does not match its digest\n|seal 3: its events are not those that were sealed");
found('an erasure made ineffective, and its digest', 'UPDATE consent.erasure SET suppressed = false; UPDATE consent.erasure e SET digest = consent.erasure_digest(e);',
  '|seal 3: its events are not those that were sealed');
found('a link removed', "DELETE FROM consent.person_link WHERE event_id = $links[0];", "$links[0]|missing: seal 3 covers it");
found('a link changed', q{UPDATE consent.person_link SET person = 'p 2';},
  join("\n", (map { "$_|changed: the link does not match its digest" } @links), '|seal 3: its events are not those that were sealed'));
# So is what verdicts rest on beside them.
sub fact { return sql(qq{SELECT event_id FROM consent.sealed_fact WHERE relation = '$_[0]' AND key[1] = '$_[1]' AND (key[2] = '$_[2]' OR '$_[2]' = '')}) }
foreach my $case (
  [ 'a policy that everybody has', q{UPDATE consent.policy SET soft_opt_in = false WHERE jurisdiction = 'GB'}, 'policy', 'GB', '1' ],
  [ 'a policy of our own', q{UPDATE consent.policy SET third_party_months = 60 WHERE jurisdiction = 'XX' AND version = 2}, 'policy', 'XX', '2' ],
  [ 'since when a policy is known', q{UPDATE consent.policy SET recorded_at = '2020-01-01' WHERE jurisdiction = 'XX' AND version = 2}, 'policy', 'XX', '2' ],
  [ 'a purpose', q{UPDATE consent.purpose SET kind = 'pensions' WHERE name = 'boilers'}, 'purpose', 'boilers', '' ],
  [ 'an organisation', q{UPDATE consent.organisation SET is_charity = true WHERE name = 'acme'}, 'organisation', 'acme', '1' ],
  [ 'what an organisation was', q{UPDATE consent.organisation_history SET is_charity = false WHERE jurisdiction = 'DE'}, 'organisation', 'b "q", {x}', '2' ],
  [ 'a wording', q{UPDATE consent.wording SET defects = NULL}, 'wording', 'form', '1' ],
  [ 'a contract', q{UPDATE consent.contractor SET contract_reference = 'C2'}, 'contract', 'acme', 'b "q", {x}' ],
  [ 'the end of a contract', q{UPDATE consent.contractor SET valid_to = '2027-06-30'}, 'end of contract', 'acme', 'b "q", {x}' ],
  [ 'the end of an assessment', q{UPDATE consent.assessment SET ended_on = '2027-07-01'}, 'end of assessment', 'acme', 'marketing' ])
{
  my ($what, $tamper, $relation, @key) = @$case;
  like(sql("$off $tamper; SELECT event_id, problem FROM consent.verify_ledger()"),
    qr/^\Q@{[ fact($relation, @key) ]}|changed: the $relation ($key[0]\E[^)]*\) is not as it was sealed$/, "$what changed");
}
my $screening = fact('screening', 'tps', '');
found('a screening removed', q{DELETE FROM consent.screening WHERE register = 'tps';},
  "$screening|missing: the screening (tps, " . sql(q{SELECT id FROM consent.screening WHERE register = 'tps'}) . '), which was sealed');
like(sql("$off UPDATE consent.screening SET screened_at = screened_at - interval '30 days' WHERE register = 'tps'; SELECT event_id, problem FROM consent.verify_ledger()"),
  qr/^$screening\|changed: the screening \(tps, /, 'a screening changed');
found('a screening changed, and what was sealed of it',
  q{UPDATE consent.screening SET contact_count = 9 WHERE register = 'tps';
    UPDATE consent.sealed_fact s SET contents = f.contents FROM consent.fact f WHERE f.relation = s.relation AND f.key = s.key;},
  '|seal 3: its events are not those that were sealed');
found('what was sealed of it removed', "DELETE FROM consent.sealed_fact WHERE event_id = $screening;", "$screening|missing: seal 3 covers it");
found('the last seal removed, without a copy of it', 'DELETE FROM consent.seal WHERE number = 3;', '');
found('... and with one', 'DELETE FROM consent.seal WHERE number = 3;',
  '|no seal has the expected digest: seals were removed or made anew', "'$copy'");
found('an inner seal removed', 'DELETE FROM consent.seal WHERE number = 2;', '|seals are missing before seal 3');
found('the first seal removed', 'DELETE FROM consent.seal WHERE number = 1;', '|seals are missing before seal 2');
found('a changed seal', q{UPDATE consent.seal SET sealed_at = '2020-01-01' WHERE number = 2;}, '|seal 2 was changed: it does not match its digest');
found('a changed seal and digest',
  q{UPDATE consent.seal SET sealed_at = '2020-01-01' WHERE number = 2; UPDATE consent.seal s SET digest = consent.seal_digest(s);},
  '|seal 3 does not follow the seal before it');
found('events, standings and all seals made anew, found by a copy of a seal alone',
  qq{DELETE FROM consent.ledger WHERE event_id = 61; $rebuild DELETE FROM consent.seal; DO \$\$ BEGIN PERFORM consent.seal(); END \$\$;},
  '|no seal has the expected digest: seals were removed or made anew', "'$copy'");
is(sql($problems), '', 'and nothing of that was kept');
found('the copy is found in an intact ledger', '', '', "'$copy'");

# However long a COPY is, its rows leave nothing in the memory of the statement.
my %in_use;
foreach my $rows (2000, 20000)
{
  $in_use{$rows} = sql(qq{
    BEGIN;
    CREATE FUNCTION pg_temp.tell() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
      PERFORM set_config('test.in_use', (SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name = 'PortalContext')::text, true);
      RETURN NULL;
    END \$\$;
    CREATE TRIGGER tell AFTER INSERT ON consent.ledger EXECUTE FUNCTION pg_temp.tell();
    COPY consent.ledger (contact, kind) FROM PROGRAM 'seq $rows | sed s/\$/\@memory.example:objection/' (DELIMITER ':');
    SELECT current_setting('test.in_use');
    ROLLBACK});
}
cmp_ok($in_use{20000}, '<', $in_use{2000} + 500_000, 'ten times as many rows take no more memory');

# Nor do contacts that are erased one after the other.
foreach my $contacts (10, 100)
{
  $in_use{$contacts} = sql(qq{
    BEGIN;
    COPY consent.ledger (contact, kind) FROM PROGRAM 'seq 100 | sed s/\$/\@memory.example:objection/' (DELIMITER ':');
    CREATE FUNCTION pg_temp.tell() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
      PERFORM set_config('test.in_use', (SELECT COALESCE(sum(total_bytes), 0) FROM pg_backend_memory_contexts WHERE name LIKE 'SPI %')::text, true);
      RETURN NULL;
    END \$\$;
    CREATE TRIGGER tell AFTER INSERT ON consent.erasure EXECUTE FUNCTION pg_temp.tell();
    SELECT FROM consent.expire_contacts(clock_timestamp(), 'old', $contacts);
    SELECT current_setting('test.in_use');
    ROLLBACK});
}
cmp_ok($in_use{100}, '<', $in_use{10} + 200_000, 'ten times as many contacts that expire take no more memory');

# Nor do addresses that are linked by one statement.
foreach my $links (25_000, 75_000)
{
  $in_use{$links} = sql(qq{
    BEGIN;
    CREATE FUNCTION pg_temp.tell() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
      PERFORM set_config('test.in_use', (SELECT COALESCE(sum(total_bytes), 0) FROM pg_backend_memory_contexts WHERE name LIKE 'SPI %')::text, true);
      RETURN NULL;
    END \$\$;
    CREATE TRIGGER tell AFTER UPDATE ON consent.address_standing EXECUTE FUNCTION pg_temp.tell();
    INSERT INTO consent.person_link (contact, person) SELECT (i || '\@memory.example')::consent.contact, 'memory ' || i / 2 FROM generate_series(1, $links) i;
    SELECT current_setting('test.in_use');
    ROLLBACK});
}
cmp_ok($in_use{75_000}, '<', $in_use{25_000} + 500_000, 'three times as many links take no more memory');

$node->stop;
done_testing();
