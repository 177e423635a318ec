# A database of the version before, brought up to this one: made of the same
# objects as a fresh one, with everything that was in it, and the same verdicts.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $before = '0.1.0';
my ($now) = slurp_file('pg_consent.control') =~ /^default_version\s*=\s*'([^']+)'/m;

# Every object of the extension with its definition, one a line; $oid stands for its own.
my $definition = q{
  SELECT i.type || ' ' || i.identity || ': ' || COALESCE(CASE d.classid
    WHEN 'pg_proc'::regclass THEN
      (SELECT CASE WHEN p.prokind = 'a' THEN format('%s %s', a.aggtransfn, a.aggfinalfn) ELSE pg_get_functiondef(p.oid) END ||
              COALESCE(p.proacl::text, '')
         FROM pg_proc p LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid WHERE p.oid = d.objid)
    WHEN 'pg_class'::regclass THEN
      (SELECT concat_ws(' | ', c.relkind, c.reloptions, c.relacl, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
                CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
                (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                                             pg_get_expr(f.adbin, f.adrelid), a.attacl, a.attstorage, col_description(c.oid, a.attnum)), ', ' ORDER BY a.attnum)
                   FROM pg_attribute a LEFT JOIN pg_attrdef f ON (f.adrelid, f.adnum) = (a.attrelid, a.attnum)
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
                (SELECT string_agg(k.conname || ' ' || pg_get_constraintdef(k.oid), ', ' ORDER BY k.conname) FROM pg_constraint k WHERE k.conrelid = c.oid),
                (SELECT string_agg(pg_get_indexdef(x.indexrelid) || COALESCE(obj_description(x.indexrelid), ''), ', ' ORDER BY pg_get_indexdef(x.indexrelid)) FROM pg_index x WHERE x.indrelid = c.oid),
                (SELECT string_agg(concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger')), ', ' ORDER BY t.tgname)
                   FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
                (SELECT string_agg(t.tgenabled::text, '' ORDER BY t.tgfoid::regproc::text) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgisinternal),
                (SELECT s.seqincrement || ' ' || s.seqstart FROM pg_sequence s WHERE s.seqrelid = c.oid))
         FROM pg_class c WHERE c.oid = d.objid)
    WHEN 'pg_type'::regclass THEN
      (SELECT concat_ws(' | ', t.typlen, t.typalign, t.typstorage, t.typinput, t.typoutput, t.typreceive, t.typsend, t.typacl,
                (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
                (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
                   FROM pg_attribute a WHERE a.attrelid = t.typrelid AND t.typrelid <> 0 AND NOT a.attisdropped
                    AND (SELECT relkind FROM pg_class WHERE oid = t.typrelid) = 'c'))
         FROM pg_type t WHERE t.oid = d.objid)
    WHEN 'pg_operator'::regclass THEN
      (SELECT concat_ws(' ', o.oprcode, o.oprcom::regoper, o.oprnegate::regoper, o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash) FROM pg_operator o WHERE o.oid = d.objid)
    WHEN 'pg_cast'::regclass THEN (SELECT concat_ws(' ', c.castfunc::regproc, c.castcontext, c.castmethod) FROM pg_cast c WHERE c.oid = d.objid)
    WHEN 'pg_event_trigger'::regclass THEN (SELECT concat_ws(' ', e.evtevent, e.evttags, e.evtfoid::regproc, e.evtenabled) FROM pg_event_trigger e WHERE e.oid = d.objid)
    ELSE '' END, '') || ' -- ' || COALESCE(obj_description(d.objid, d.classid::regclass::name), '')
    FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) i
   WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_consent') AND d.deptype = 'e'
   ORDER BY 1};

my $dumped = q{
  SELECT c.oid::regclass || ' ' || e.condition
    FROM pg_extension x, unnest(x.extconfig, x.extcondition) e(oid, condition) JOIN pg_class c ON c.oid = e.oid
   WHERE x.extname = 'pg_consent' ORDER BY 1};

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\njit = off");
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0") foreach qw(fresh old used);

sub compare
{
  my ($query, $what) = @_;
  # Multi-line definitions are one record.
  my %found = map {
    my $db = $_;
    $db => { map { $_ => 1 } split /\x1e/, $node->safe_psql($db, $query, extra_params => [ '-R', "\x1e" ]) }
  } qw(fresh old);
  my @missing = grep { !$found{old}{$_} } sort keys %{ $found{fresh} };
  my @extra = grep { !$found{fresh}{$_} } sort keys %{ $found{old} };
  is(join("\n", map({ "missing: $_" } @missing), map({ "left over: $_" } @extra)), '', $what);
}

$node->safe_psql('fresh', 'CREATE EXTENSION pg_consent');
$node->safe_psql('old', "CREATE EXTENSION pg_consent VERSION '$before'");
$node->safe_psql('old', 'ALTER EXTENSION pg_consent UPDATE');
is($node->safe_psql('old', q{SELECT extversion FROM pg_extension WHERE extname = 'pg_consent'}), $now, "ALTER EXTENSION UPDATE brings $before to $now");
compare($definition, '... with the same objects, each with the same definition, rights and comment');
compare($dumped, '... of which the same are dumped');

# What is shipped in tables, but for when it was put there, and the compiled rules,
# which tell of the very rows they were made of.
my @tables = split /\n/, $node->safe_psql('fresh', q{
  SELECT format('SELECT %L || (to_jsonb(t) - %L::text[])::text FROM %s t ORDER BY 1', c.oid::regclass || ' ',
           ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND atttypid = 'timestamptz'::regtype AND attnum > 0 AND attname <> 'valid_from'), c.oid::regclass)
    FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
   WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_consent') AND c.relkind = 'r' AND c.relname NOT IN ('erasure_key', 'token_key', 'ruleset')
   ORDER BY 1});
cmp_ok(scalar(@tables), '>', 20, 'there are tables to compare');
compare(join("\nUNION ALL\n", map { "($_)" } @tables), '... they hold the same');

# A database in use: what was recorded, queued and configured is there after it.
# The library is the new one all the time, so what is in it is what that can put
# into the tables of before.
$node->safe_psql('used', "CREATE EXTENSION pg_consent VERSION '$before'");
# But for two that it knows in another shape: the gate's log, whose rows are of the moment, and which guards have judged all rows.
my $tables_of_now = q{
  ALTER TABLE consent.verified_rows RENAME TO verified_of_before;
  ALTER INDEX consent.verified_rows_pkey RENAME TO verified_of_before_pkey;
  CREATE TABLE consent.verified_rows (trigger oid PRIMARY KEY, trigger_xid xid NOT NULL, verified_at timestamptz NOT NULL);
  ALTER TABLE consent.gate_log RENAME TO gate_log_before;
  ALTER INDEX consent.gate_log_xid RENAME TO gate_log_before_xid;
  CREATE TABLE consent.gate_log (xid xid8 NOT NULL, keys bigint[], relation regclass, guard name, since timestamptz, retry_at timestamptz);
  CREATE INDEX gate_log_xid ON consent.gate_log (xid)};
my $tables_of_before = q{
  INSERT INTO consent.verified_of_before SELECT t.tgrelid, t.tgname, v.trigger_xid, v.verified_at FROM consent.verified_rows v JOIN pg_trigger t ON t.oid = v.trigger;
  DROP TABLE consent.verified_rows;
  ALTER TABLE consent.verified_of_before RENAME TO verified_rows;
  ALTER INDEX consent.verified_of_before_pkey RENAME TO verified_rows_pkey;
  DROP TABLE consent.gate_log;
  ALTER TABLE consent.gate_log_before RENAME TO gate_log;
  ALTER INDEX consent.gate_log_before_xid RENAME TO gate_log_xid};
$node->safe_psql('used', $tables_of_now);
$node->safe_psql('used', q{
  INSERT INTO consent.organisation (name) VALUES ('acme'), ('bolt');
  SELECT consent.give(('c' || i || '@mail.example')::consent.contact, '{email,sms}', 'acme', method => 'ticked_box', wording => 'Email me offers from Acme', at => now() - i * interval '1 day')
    FROM generate_series(1, 50) i;
  SELECT consent.object(('c' || i * 3 || '@mail.example')::consent.contact) FROM generate_series(1, 10) i;
  SELECT consent.give('third@mail.example', '{email}', 'acme', method => 'ticked_box', wording => 'Email me offers from Acme', collected_by => 'Listbroker Ltd', named_organisations => '{bolt}');
  SELECT consent.soft_opt_in('soft@mail.example', 'acme', 'boilers', true, false);
  SELECT consent.link('c1@mail.example', 'person 1'), consent.link('c3@mail.example', 'person 1');
  SELECT consent.forget('c6@mail.example', 'asked');
  SELECT consent.screened('tps');
  INSERT INTO consent.assessment (organisation, channel, reference, assessed_on) VALUES ('acme', 'post', 'LIA-1', '2026-01-01');
  INSERT INTO consent.contractor (organisation, sender, contract_reference, valid_from) VALUES ('acme', 'bolt', 'C-1', '2026-01-01');
  UPDATE consent.assessment SET ended_on = '2026-03-01';
  UPDATE consent.contractor SET valid_to = '2026-01-31';
  -- as the library of before left them: this one would not write to its rules
  ALTER TABLE consent.rule DISABLE TRIGGER USER;
  UPDATE consent.rule SET weight = 0.5, adjusted = true WHERE code = 'price.sale';
  INSERT INTO consent.rule (code, class, pattern, citation, description) VALUES ('acme.boilers', 'direct_marketing', $r$\bboilers from acme\b$r$, 'ours', 'our own');
  ALTER TABLE consent.rule ENABLE TRIGGER USER;
  SELECT consent.seal();
  CREATE TABLE outbox (id bigserial PRIMARY KEY, recipient text, body text, status text DEFAULT 'queued');
  INSERT INTO outbox (recipient, body) SELECT 'c' || i || '@mail.example', 'Get 20% off all boilers this weekend only! Order now.' FROM generate_series(1, 9) i;
  SELECT consent.guard('outbox', recipient => 'recipient', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$, pending => $$status = 'queued'$$, divert => $$status = 'blocked'$$, on_block => 'divert');
  CREATE TABLE outbox_2 (recipient text, body text);
  SELECT consent.guard('outbox_2', recipient => 'recipient', channel => $$'email'$$, body => 'body', organisation => $$'acme'$$)});
# With the library of one version and the tables of the other a guard says what is to be done.
my (undef, undef, $refused) = $node->psql('used', q{\set VERBOSITY verbose
  INSERT INTO outbox (recipient, body) VALUES ('c1@mail.example', 'Get 10% off all boilers this weekend only! Order now.')});
like($refused, qr/ERROR:  (?:42P01|55000): .*HINT:  The library and the extension's tables are of different versions; reconnect, or ALTER EXTENSION pg_consent UPDATE\./s, 'a guard of before asks for the update');
my @questions = (
  q{SELECT event_id, contact, kind, channels, organisation, collected_by, digest FROM consent.ledger ORDER BY event_id},
  q{SELECT c, consent.evaluate(c, 'email', 'acme') FROM (SELECT DISTINCT contact FROM consent.ledger UNION SELECT 'c6@mail.example') t(c) ORDER BY c},
  q{SELECT at, (consent.evaluate('postal:a', 'post', 'acme', at => at, sender => 'bolt', known_at => now() + interval '1 day')).reason FROM unnest('{2026-01-15,2026-02-15,2026-03-15}'::timestamptz[]) at},
  q{SELECT p FROM consent.permitted('email', 'acme') p ORDER BY p},
  q{SELECT id, recipient, status FROM outbox ORDER BY id},
  q{SELECT contact, reason, action FROM consent.decision_log ORDER BY 1, 2},
  q{SELECT count(*) FROM consent.verify_ledger()},
  q{SELECT count(*) FROM consent.wrong_standings()},
  q{SELECT number, events, digest FROM consent.seal});
my @answers = map { $node->safe_psql('used', $_) } @questions;
$node->safe_psql('used', $tables_of_before);
$node->safe_psql('used', 'ALTER EXTENSION pg_consent UPDATE');
for my $i (0 .. $#questions)
{
  is($node->safe_psql('used', $questions[$i]), $answers[$i], "the same after the update: $questions[$i]");
}
is($node->safe_psql('used', q{SELECT weight, adjusted, family, literals IS NOT NULL FROM consent.rule WHERE code IN ('price.sale', 'acme.boilers') ORDER BY code}),
  "1|f|acme|t\n0.5|t|price|t", 'an adjusted rule keeps its weight, and rules of one\'s own are there');
is($node->safe_psql('used', q{SELECT rules @> '{acme.boilers}' FROM consent.classify('Ask for boilers from Acme.')}), 't', '... and speak');
# And it goes on.
$node->safe_psql('used', q{
  SELECT consent.withdraw('c2@mail.example');
  INSERT INTO outbox (recipient, body) SELECT 'c' || i || '@mail.example', 'Get 20% off all boilers this weekend only! Order now.' FROM generate_series(1, 2) i});
is($node->safe_psql('used', q{SELECT recipient, status FROM outbox WHERE id > 9 ORDER BY id}),
  "c1\@mail.example|blocked\nc2\@mail.example|blocked", 'the guard of before goes on guarding');
is($node->safe_psql('used', q{SELECT status FROM outbox WHERE id = 2}), 'blocked', 'and the sweep sweeps');
$node->safe_psql('used', q{INSERT INTO outbox_2 VALUES ('c2@mail.example', 'Your order 4411 is out for delivery today.')});
is($node->safe_psql('used', 'SELECT relation, health FROM consent.guards ORDER BY 1'), "outbox|unverified_rows\noutbox_2|ok", 'and which tables had rows before their guard is known');
is($node->safe_psql('used', 'SELECT count(*) FROM consent.verify_ledger()'), 0, 'the ledger verifies');
$node->safe_psql('used', 'SELECT consent.seal()');
is($node->safe_psql('used', q{SELECT count(*) FROM consent.sealed_fact WHERE relation IN ('policy', 'organisation', 'screening')}),
  $node->safe_psql('used', q{SELECT (SELECT count(*) FROM consent.policy) + (SELECT count(*) FROM consent.organisation) + (SELECT count(*) FROM consent.screening)}),
  'and what verdicts rest on beside it is sealed from now on');
command_ok([ 'pg_dump', '-Fc', '-f', $node->basedir . '/dump', '-d', $node->connstr('used') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $node->basedir . '/dump' ], 'pg_restore');
is($node->safe_psql('restored', 'SELECT count(*) FROM consent.verify_ledger()'), 0, 'a dump of it verifies in a database that was never updated');

# The library of before knew jo.+tag@ by the address "jo.@", and had its events elsewhere.
$node->safe_psql('postgres', 'CREATE DATABASE dotted TEMPLATE template0');
$node->safe_psql('dotted', "CREATE EXTENSION pg_consent VERSION '$before'");
$node->safe_psql('dotted', $tables_of_now);
$node->safe_psql('dotted', q{
  CREATE CAST (bytea AS consent.contact) WITHOUT FUNCTION;
  CREATE FUNCTION erased_digest(consent.contact) RETURNS bytea LANGUAGE C STABLE STRICT AS '$libdir/pg_consent', 'pg_consent_erased_digest';
  CREATE OR REPLACE FUNCTION consent.contact_root(contact consent.contact) RETURNS consent.contact LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT convert_to(regexp_replace(contact::text, '^([^+]+)\+.*@', '\1@'), 'UTF8')::consent.contact $$;
  CREATE OR REPLACE FUNCTION consent.contact_root_hash_extended(consent.contact, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT consent.contact_hash_extended(consent.contact_root($1), $2) $$});
my $contacts = q{unnest('{jo.+tag@x.example,jo.+b@x.example,ann.+tag@x.example,ben@x.example,ben+tag@x.example,ed.+tag@x.example,kim.+tag@x.example}'::consent.contact[])};
$node->safe_psql('dotted', qq{
  INSERT INTO consent.organisation (name) VALUES ('acme');
  SELECT consent.give(c, '{email}', 'acme', method => 'ticked_box', wording => 'Email me offers from Acme', at => now() - interval '1 day') FROM $contacts c;
  SELECT consent.object(c) FROM unnest('{jo.+tag\@x.example,ben\@x.example}'::consent.contact[]) c;
  SELECT consent.forget('nobody\@x.example');
  INSERT INTO consent.erasure SELECT nextval('consent.ledger_event_id'), erased_digest('kim.\@x.example'::bytea::consent.contact), now(), now(), 'owner', 'request', NULL, true, '{}';
  SELECT consent.link(c, 'person 1') FROM unnest('{ann.+tag\@x.example,ben\@x.example}'::consent.contact[]) c;
  SELECT consent.seal()});
my $place = q{SELECT tableoid::regclass, address::text FROM consent.ledger WHERE contact = 'jo.+tag@x.example' GROUP BY 1, 2};
my $place_before = $node->safe_psql('dotted', $place);
like($place_before, qr/\|jo\.\@x\.example$/, 'an address of before');
$node->safe_psql('dotted', q{
  CREATE OR REPLACE FUNCTION consent.contact_root(contact consent.contact) RETURNS consent.contact LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS '$libdir/pg_consent', 'pg_consent_contact_root';
  CREATE OR REPLACE FUNCTION consent.contact_root_hash_extended(consent.contact, bigint) RETURNS bigint LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS '$libdir/pg_consent', 'pg_consent_contact_root_hash_extended'});
$node->safe_psql('dotted', $tables_of_before);
$node->safe_psql('dotted', 'ALTER EXTENSION pg_consent UPDATE');
my ($part_before) = $place_before =~ /^([^|]+)/;
my $place_now = $node->safe_psql('dotted', $place);
like($place_now, qr/\|jo\.\+tag\@x\.example$/, '... is the one of now after the update');
unlike($place_now, qr/^\Q$part_before\E\|/, '... in another partition');
is($node->safe_psql('dotted', qq{SELECT c::text, reason FROM $contacts c, consent.evaluate(c, 'email', 'acme') ORDER BY c::text COLLATE "C"}),
  "ann.+tag\@x.example|objected\nben+tag\@x.example|objected\nben\@x.example|objected\ned.+tag\@x.example|consent\njo.+b\@x.example|objected\njo.+tag\@x.example|objected\nkim.+tag\@x.example|suppressed",
  '... and nobody\'s "no" is lost, nor a "yes"');
is($node->safe_psql('dotted', q{SELECT consent.may_send('jo.+tag@x.example', 'email', 'acme')}), 'f', '... nothing may be sent');
is($node->safe_psql('dotted', q{SELECT consent.permitted('email', 'acme')}), 'ed.+tag@x.example', '... nor is it in an audience');
is($node->safe_psql('dotted', 'SELECT (SELECT count(*) FROM consent.verify_ledger()), (SELECT count(*) FROM consent.wrong_standings())'), '0|0', '... and the ledger verifies');
my $triggers = q{SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'consent.%' ORDER BY tgrelid::regclass::text, 2};
is($node->safe_psql('dotted', $triggers), $node->safe_psql('fresh', $triggers), '... kept by its triggers as before');
command_ok([ 'pg_dump', '-Fc', '-f', $node->basedir . '/dotted', '-d', $node->connstr('dotted') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE undotted');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('undotted'), $node->basedir . '/dotted' ], 'pg_restore');
is($node->safe_psql('undotted', q{SELECT consent.may_send('jo.+tag@x.example', 'email', 'acme')}), 'f', '... its dump can be restored');

$node->stop;
done_testing();
