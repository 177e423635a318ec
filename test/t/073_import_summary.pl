# consent.import_audit shows the same whether or not summarise_imports() has
# counted a part of the ledger: on random ledgers, with events that commit late,
# erasures, restored events, and for who sees a part of the ledger only.
# The numbers of events jump, so that a few hundred events lie in many stretches.
use strict;
use warnings FATAL => 'all';

use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{PG_CONSENT_SEED} // 20261127;
srand($seed);
note("PG_CONSENT_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('imports');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "max_prepared_transactions = 2\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', q{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name) VALUES ('acme'), ('broker');
  ALTER SYSTEM SET pg_consent.organisation = 'acme';
  SELECT pg_reload_conf();
  -- What the view shows with what is summarised, and without.
  CREATE FUNCTION differences() RETURNS SETOF text LANGUAGE plpgsql AS $$
  BEGIN
    CREATE TEMP TABLE summarised ON COMMIT DROP AS SELECT * FROM consent.import_audit;
    CREATE TEMP TABLE stretch ON COMMIT DROP AS SELECT * FROM consent.import_stretch;
    CREATE TEMP TABLE summary ON COMMIT DROP AS SELECT * FROM consent.import_summary;
    PERFORM consent.discard_import_summaries();
    CREATE TEMP TABLE plain ON COMMIT DROP AS SELECT * FROM consent.import_audit;
    INSERT INTO consent.import_stretch SELECT * FROM stretch;
    INSERT INTO consent.import_summary SELECT * FROM summary;
    RETURN QUERY (SELECT 'only summarised: ' || s::text FROM (TABLE summarised EXCEPT ALL TABLE plain) s)
                 UNION ALL (SELECT 'only plain: ' || p::text FROM (TABLE plain EXCEPT ALL TABLE summarised) p);
  END $$;
});

sub query { return $node->safe_psql('postgres', shift) }

sub same
{
	is(query('SELECT * FROM differences()'), '', shift);
	return;
}

# From now on events have numbers of the stretch after the next.
sub jump
{
	query(q{SELECT setval('consent.ledger_event_id', ((SELECT last_value FROM consent.ledger_event_id) / 65536 + 2) * 65536 + 10)});
	return;
}

# So many random events: of few people, from few sources, some back-dated, of no
# time, by a third party or without evidence.
sub load
{
	my ($n, $people) = @_;
	my @rows;
	for (1 .. $n)
	{
		my $who = sprintf(q{'%s%d%s@imports.example'}, $people // 'p', int(rand(60)), rand() < 0.1 ? '+tag' : '');
		my $at = rand() < 0.05 ? 'NULL' : rand() < 0.6 ? sprintf(q{now() - interval '%d hours'}, rand(900)) : 'now()';
		my $source = (q{'crm'}, q{'form'}, q{'list 7'}, 'NULL')[ rand(4) ];
		my $kind = rand();

		push @rows,
		    $kind < 0.5
		  ? sprintf(q{(%s, 'consent', 'acme', '{email}', %s, %s, NULL, NULL, NULL, NULL, %s, %s)},
			$who, rand() < 0.7 ? q{'ticked_box'} : rand() < 0.5 ? q{'pre_ticked_box'} : q{'unknown'}, rand() < 0.8 ? q{'Offers'} : 'NULL', $at, $source)
		  : $kind < 0.6 ? sprintf(q{(%s, 'consent', 'broker', '{email}', 'ticked_box', 'Offers', NULL, NULL, NULL, 'Lead Broker', %s, %s)}, $who, $at, $source)
		  : $kind < 0.75 ? sprintf(q{(%s, 'soft_opt_in', 'acme', NULL, NULL, NULL, 'boilers', true, false, NULL, %s, %s)}, $who, $at, $source)
		  : $kind < 0.85 ? sprintf(q{(%s, 'withdrawal', 'acme', NULL, NULL, NULL, NULL, NULL, NULL, NULL, now(), %s)}, $who, $source)
		  : $kind < 0.92 ? sprintf(q{(%s, 'objection', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, now(), %s)}, $who, $source)
		  : sprintf(q{(%s, '%s', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, now(), %s)}, $who, rand() < 0.5 ? 'suppression' : 'unsuppression', $source);
	}
	return 'INSERT INTO consent.ledger (contact, kind, organisation, channels, method, wording, product_category, refusal_offered, refused, collected_by, effective_at, source) VALUES '
	  . join(",\n", @rows) . ';';
}

sub summarise { query('CALL consent.summarise_imports()'); return; }
sub stretches { return query('SELECT count(*) FROM consent.import_stretch') }

same('an empty ledger');
summarise();
is(stretches(), 0, 'nothing to summarise');

for my $round (1 .. 6)
{
	query(load(150));
	jump() if rand() < 0.7;
	query("BEGIN;\n" . load(30) . "\nROLLBACK");    # numbers that nobody has
	summarise() if rand() < 0.6;
	same("round $round: loaded");
	query(q{SELECT consent.forget((SELECT contact FROM consent.ledger ORDER BY random() LIMIT 1))});
	same("round $round: erased");
}
jump();
summarise();
cmp_ok(stretches(), '>', 1, 'some stretches are summarised');
cmp_ok(query('SELECT sum(against_refusal) FROM consent.import_audit'), '>', 0, 'some imports are against refusals');
cmp_ok(query(q{SELECT count(*) FROM consent.import_summary}), '>', 3, 'in groups');
is(query(q{SELECT count(*) FROM consent.import_stretch WHERE stretch * 65536 > (SELECT last_value FROM consent.ledger_event_id) - 65536}),
	0, 'a stretch that still fills is not');

# What a person said no to passes to the other contacts when one is erased.
query(q{SELECT consent.give('one@imports.example', '{email}', method => 'ticked_box', wording => 'Offers', source => 'crm');
        SELECT consent.link('one@imports.example', 'person 1'); SELECT consent.link('two@imports.example', 'person 1');
        SELECT consent.object('one@imports.example')});
query(q{INSERT INTO consent.ledger (contact, kind, organisation, channels, method, wording, effective_at, source)
        VALUES ('two@imports.example', 'consent', 'acme', '{email}', 'ticked_box', 'Offers', now() - interval '1 year', 'crm')});
jump();
summarise();
my $before = stretches();
query(q{SELECT consent.forget('one@imports.example')});
is(query(q{SELECT count(*) FROM consent.ledger WHERE contact = 'two@imports.example' AND kind = 'objection'}), 1, 'an objection passed on');
cmp_ok(stretches(), '<', $before, 'an erasure throws the figures of its stretch away');
same('an erasure of somebody with two contacts');
summarise();
is(stretches(), $before, 'and they are made anew');
same('they are the same');
query(load(40));
same('what came after');

# An erasure that does not happen.
$before = stretches();
query(q{BEGIN; SELECT consent.forget('two@imports.example'); ROLLBACK});
is(stretches(), $before, 'an erasure rolled back throws nothing away');

# Who records for long has numbers below those of others who have committed.
for my $how ('COMMIT', 'ROLLBACK', q{PREPARE TRANSACTION 'late'})
{
	my $late = $node->background_psql('postgres');
	$late->query_safe('BEGIN');
	$late->query_safe(load(20, 'late'));    # others wait for who records of the same people
	jump();
	query(load(20));
	jump();
	query(load(5));

	my ($out, $err) = ('', '');
	my $worker = start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', 'CALL consent.summarise_imports()' ], '>', \$out, '2>', \$err);
	ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'CALL consent.summarise%' AND wait_event = 'PgSleep'}),
		"$how: a summary waits for who is recording");
	query(load(5));    # and nobody waits for it
	same("$how: meanwhile");
	$late->query_safe($how);
	if ($how =~ /PREPARE/)
	{
		sleep(1);
		$worker->pump_nb;
		ok($worker->pumpable, 'also while it is prepared');
		query(q{COMMIT PREPARED 'late'});
	}
	$worker->finish;
	is($err, '', "$how: then it goes on");
	$late->quit;
	cmp_ok(query(q{SELECT max(stretch) FROM consent.import_stretch}),
		'>=', query(q{SELECT last_value / 65536 - 1 FROM consent.ledger_event_id}), "$how: up to where it began");
	same("$how: what committed late is counted");
}

# Events with numbers of their own, as a restored dump has them.
# The restorer's snapshot may be older than the summary.
for my $level ('READ COMMITTED', 'REPEATABLE READ')
{
	query(q{DROP TABLE IF EXISTS kept;
	        CREATE TABLE kept AS SELECT * FROM consent.ledger
	         WHERE address IN (SELECT DISTINCT address FROM consent.ledger WHERE kind = 'objection' AND event_id NOT IN (SELECT event_id FROM consent.erased_event)
	                            ORDER BY address LIMIT 2)});
	query(q{SELECT consent.forget(address) FROM (SELECT DISTINCT address FROM kept) k});
	my $restorer = $node->background_psql('postgres');
	$restorer->query_safe("BEGIN ISOLATION LEVEL $level");
	$restorer->query_safe('SELECT count(*) FROM kept');
	summarise();
	cmp_ok(stretches(), '>', 0, "$level: summarised before the restore");
	$restorer->query_safe('INSERT INTO consent.ledger SELECT * FROM kept');
	$restorer->query_safe('COMMIT');
	$restorer->quit;
	is(stretches(), 0, "$level: restored events throw every summary away");
	same("$level: restored");
}
summarise();
same('restored and summarised');

# Who sees a part of the ledger.
query(q{CREATE ROLE part LOGIN IN ROLE consent_reader;
        CREATE POLICY part ON consent.ledger USING (source = 'crm');
        ALTER TABLE consent.ledger ENABLE ROW LEVEL SECURITY});
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT source, ',') FROM consent.import_audit}, extra_params => [ '-U', 'part' ]),
	'crm', 'who may see a part of the ledger sees no summary of the whole');
same('the owner sees all');
query('ALTER TABLE consent.ledger DISABLE ROW LEVEL SECURITY');

my ($rc, $out, $err) = $node->psql('postgres', q{SET default_transaction_isolation = 'repeatable read'; CALL consent.summarise_imports()});
like($err, qr/needs isolation level READ COMMITTED/, 'at READ COMMITTED only');
($rc, $out, $err) = $node->psql('postgres', q{CALL consent.summarise_imports()}, extra_params => [ '-U', 'part' ]);
like($err, qr/permission denied for procedure/, 'a reader may not summarise');
query(q{CREATE ROLE keeper LOGIN IN ROLE consent_admin});
query(load(30));
$node->safe_psql('postgres', q{SELECT consent.summarise_imports_step(9223372036854775807, 1000)}, extra_params => [ '-U', 'keeper' ]);
query(load(30));
same('nor can an administrator have counted what is not there yet');
jump();
is(($node->psql('postgres', q{CALL consent.summarise_imports()}, extra_params => [ '-U', 'keeper' ]))[0], 0, 'an administrator may');
same('in the end');

# So many people are estimated to be more than they are.
query(q{INSERT INTO consent.ledger (contact, kind, source) SELECT ('many' || i || '@imports.example')::consent.contact, 'withdrawal', 'many' FROM generate_series(1, 2000) i});
cmp_ok(query(q{SELECT consent.about_distinct(contact) FROM consent.ledger WHERE source = 'many'}), '>', 2000, 'an estimate of people that is too high');
is(query(q{SELECT events || ' ' || people FROM consent.import_audit WHERE source = 'many'}), '2000 2000', 'no import has more people than events');

$node->stop;
done_testing();
