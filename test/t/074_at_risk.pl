# consent.at_risk, which an index answers, shows what a plain reading of the ledger
# shows: on random ledgers, of several jurisdictions, with third parties whose
# consents were used or not, and with records that are too long for the index.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{PG_CONSENT_SEED} // 20261127;
srand($seed);
note("PG_CONSENT_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('risk');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off");
$node->start;

# Every record in doubt, or of somebody whose law wants more, is folded by itself
# (a third party's with the first contacts of its address), and the law is asked.
# A live call needs no consent, so its consents are asked about as such to automated
# calls, which do; and of a sale that is to come, or of which nobody knows when it was, as of one of now.
$node->safe_psql('postgres', q{
  CREATE EXTENSION pg_consent;
  INSERT INTO consent.organisation (name, jurisdiction, is_charity) VALUES
    ('acme', 'GB', false), ('charity', 'GB', true), ('broker', 'GB', false), ('de', 'DE', false), ('fr', 'FR', false);
  INSERT INTO consent.purpose (name, kind, parent) VALUES ('appeals', 'charitable', NULL), ('claims', 'claims_management', NULL);
  CREATE VIEW plain AS
    SELECT e.event_id, e.contact, e.kind, e.organisation, e.channels, e.purpose, e.method, e.collected_by, e.effective_at,
           e.recorded_at, e.source, d.code AS defect, r.citation, u.ruling, r.explanation
      FROM (SELECT l.*, l.kind = 'consent' AND l.collected_by IS NULL AND l.defects IS NOT NULL AS is_known,
                   (SELECT consent.fold(jsonb_populate_record(x, CASE x.channels WHEN '{live_call}' THEN '{"channels": ["automated_call"]}'::jsonb ELSE '{}' END
                                                               || CASE x.kind WHEN 'soft_opt_in' THEN jsonb_build_object('effective_at', least(x.effective_at, now())) ELSE '{}' END)) FROM consent.events_of(l.contact) x
                     WHERE x.event_id = l.event_id OR (l.kind = 'consent' AND l.collected_by IS NOT NULL AND x.kind = 'contacted')) AS standing
              FROM consent.ledger l
             WHERE (l.kind = 'consent' AND (l.defects IS NOT NULL OR l.collected_by IS NOT NULL))
                OR (l.kind = 'soft_opt_in'
                    AND (l.refusal_offered IS NOT TRUE OR l.refused IS NULL OR l.product_category IS NULL OR l.collected_by IS NOT NULL OR l.relationship = 'support' OR l.effective_at IS NULL)
                    AND l.refused IS NOT TRUE)
                OR (l.kind = 'consent' AND l.method <> 'double_opt_in'
                    AND l.organisation IN (SELECT o.name FROM consent.organisation o JOIN consent.policy p USING (jurisdiction) WHERE p.double_opt_in))) e
     CROSS JOIN LATERAL (
           SELECT consent.judge(e.standing, e.contact, CASE e.channels WHEN '{live_call}' THEN 'automated_call' ELSE COALESCE((SELECT min(c) FROM unnest(e.channels) c), 'email') END,
                                CASE WHEN e.collected_by IS NOT NULL THEN COALESCE(e.named_organisations[1], e.organisation) ELSE e.organisation END,
                                COALESCE(e.purpose, 'marketing'), e.product_category) AS d OFFSET 0) j
     CROSS JOIN LATERAL unnest(CASE WHEN e.is_known THEN e.defects
                                    -- Of pensions, for calls that only this law lets through.
                                    WHEN e.relationship = 'client_relationship' THEN
                                      CASE WHEN e.organisation IN ('acme', 'charity', 'broker') AND (e.refusal_offered AND NOT e.refused AND e.collected_by IS NULL) IS NOT TRUE THEN '{pension_not_permitted}'::text[] END
                                    WHEN NOT (j.d).allowed THEN (j.d).reasons END
                                    -- Of unknown time it never counts, where there are any.
                                    || CASE WHEN e.kind = 'soft_opt_in' AND e.effective_at IS NULL
                                             AND (e.relationship NOT IN ('client_relationship', 'support') OR e.organisation IN ('acme', 'charity', 'broker')) THEN '{consent_unevidenced}'::text[] END) AS d(code)
      LEFT JOIN consent.reason r ON r.code = d.code
      LEFT JOIN consent.ruling u ON u.reason = d.code
     WHERE d.code ~ '^(third_party_)?(consent|soi|csoi|pension)_'
       AND d.code NOT IN ('consent_missing', 'consent_expired', 'consent_not_yet_given', 'csoi_not_sole_purpose');
});

sub query { return $node->safe_psql('postgres', shift) }

sub one_of { return $_[ rand(@_) ] }
sub quote { return defined $_[0] ? "'$_[0]'" : 'NULL' }

# What does not compress, and is longer than any row of an index may be.
sub long_text { return join('', map { chr(ord('!') + ($_ = int(rand(90))) + ($_ > 5)) } 1 .. $_[0]) =~ s/['\\]/x/gr }

sub event
{
	my $who = sprintf('r%d%s@risk.example', rand(80), rand() < 0.1 ? '+tag' : '');
	my $at = rand() < 0.05 ? 'NULL' : sprintf(q{now() - interval '%d days'}, rand(500));
	my $source = one_of('crm', 'form', 'list 7', undef, rand() < 0.2 ? long_text(1500 + rand(4000)) : 'form');
	my %e = (contact => quote($who), effective_at => $at, source => quote($source), organisation => quote(one_of('acme', 'charity', 'broker', 'de', 'fr')));
	my $kind = rand();
	if ($kind < 0.5)
	{
		@e{qw(kind channels method wording purpose)} = (q{'consent'}, quote(one_of('{email}', '{sms,email}', '{post}', '{live_call}', '{push}')),
			quote(one_of('ticked_box', 'double_opt_in', 'pre_ticked_box', 'unknown', 'oral', 'ticked_box')), quote(one_of('Offers', 'Offers', 'Offers', undef)),
			quote(one_of('marketing', 'marketing', 'appeals', 'claims')));
		if (rand() < 0.5)
		{
			$e{collected_by} = quote(one_of('Lead Broker', 'Lead Broker', 'acme', 'broker', rand() < 0.1 ? long_text(2500) : 'List Ltd'));
			$e{named_organisations} = quote(one_of('{acme}', '{charity,acme}', '{de}', '{fr}', undef));
		}
		@e{qw(effective_at expires_at)} = (q{now() - interval '300 days'}, sprintf(q{now() + interval '%d days'}, -200 + rand(400))) if rand() < 0.2;
		$e{defects} = quote(one_of('{consent_bundled}', '{consent_tainted,consent_not_informed}', '{consent_expired,consent_silence}', '{consent_not_yet_given}')) if rand() < 0.15;
	}
	elsif ($kind < 0.8)
	{
		@e{qw(kind product_category refusal_offered refused relationship)} = (q{'soft_opt_in'}, quote(one_of('boilers', 'cars', undef)), one_of('true', 'true', 'false', 'NULL'),
			one_of('false', 'false', 'true', 'NULL'), quote(one_of('sale', 'sale', 'negotiation', 'support', 'client_relationship')));
		$e{collected_by} = q{'Lead Broker'} if rand() < 0.2;
		$e{effective_at} = q{now() + interval '9 days'} if $e{refused} ne 'true' && rand() < 0.1;
	}
	elsif ($kind < 0.93) { $e{kind} = q{'contacted'}; $e{effective_at} = sprintf(q{now() - interval '%d days'}, rand(500)) }
	else { $e{kind} = quote(one_of('withdrawal', 'objection')); $e{effective_at} = 'now()' }
	return \%e;
}

my @columns = qw(contact kind channels organisation purpose method wording product_category refusal_offered refused relationship collected_by
  named_organisations expires_at effective_at source defects);

sub load
{
	my @rows = map { my $e = event(); '(' . join(', ', map { $e->{$_} // 'NULL' } @columns) . ')' } 1 .. $_[0];
	query('INSERT INTO consent.ledger (' . join(', ', @columns) . ") VALUES\n" . join(",\n", @rows));
	return;
}

my $differences = q{
  SELECT 'only the index: ' || left(i::text, 200) FROM (TABLE consent.at_risk EXCEPT ALL TABLE plain) i
  UNION ALL SELECT 'only the ledger: ' || left(p::text, 200) FROM (TABLE plain EXCEPT ALL TABLE consent.at_risk) p};
my $parallel = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET min_parallel_index_scan_size = 0;';

is(query($differences), '', 'an empty ledger');
for my $round (1 .. 4)
{
	load(300);
	query('VACUUM ANALYZE consent.ledger') if $round % 2;
	is(query($differences), '', "round $round");
	is(query("$parallel $differences"), '', "round $round, in parallel");
	query(q{SELECT consent.forget((SELECT contact FROM consent.ledger ORDER BY random() LIMIT 1))});
	is(query($differences), '', "round $round, somebody erased");
}

# Marketing that was let go is first contact too.
query(q{INSERT INTO consent.ledger (contact, kind, channels, organisation, purpose, method, wording, collected_by, named_organisations, effective_at)
        VALUES ('used@risk.example', 'consent', '{email}', 'acme', 'marketing', 'ticked_box', 'Offers', 'Lead Broker', '{acme}', now() - interval '300 days')});
my $stale = q{SELECT count(*) FROM consent.at_risk WHERE defect = 'third_party_consent_stale' AND contact = 'used@risk.example'};
is(query($stale), 1, 'a third party\'s consent of long ago is stale');
query(q{INSERT INTO consent.decision_log (decided_at, relation, allowed, reason, reasons, class, channel, organisation, purpose, contact, action, written_by)
        SELECT l.effective_at + interval '10 days', 'consent.ledger', true, 'consent', '{consent}', 'direct_marketing', 'email', 'acme', 'marketing', l.contact, 'sent', current_user
          FROM consent.ledger l WHERE l.kind = 'consent' AND l.collected_by = 'Lead Broker' AND l.named_organisations[1] = 'acme' AND l.channels[1] = 'email' AND isfinite(l.effective_at)});
is(query($stale), 0, '... not if it was used in time');
is(query($differences), '', 'and the ledger says the same');

# Where more than a thousand are looked up in each of the ledger's sixteen partitions, what
# lies around them is read too.
query(q{INSERT INTO consent.ledger (contact, kind, channels, organisation, purpose, method, wording, collected_by, named_organisations, effective_at)
        SELECT 'many' || i || '@risk.example', 'consent', '{email}', 'acme', 'marketing', 'ticked_box', 'Offers', 'Lead Broker', '{acme}', now() - interval '300 days' FROM generate_series(1, 30000) i});
query(q{INSERT INTO consent.ledger (contact, kind, organisation, effective_at)
        SELECT 'many' || i || '@risk.example', 'contacted', 'acme', now() - interval '290 days' FROM generate_series(1, 30000, 3) i});
my $many = q{SELECT count(*) FROM consent.at_risk WHERE defect = 'third_party_consent_stale' AND contact::text LIKE 'many%'};
is(query($many), 20000, 'of thirty thousand those are stale that nobody wrote to');
is(query("$parallel $many"), 20000, '... in parallel too');

# Nothing of this was about nothing; what chance may have left out is put in.
query(q{INSERT INTO consent.ledger (contact, kind, organisation, product_category, refusal_offered, refused, relationship, collected_by, effective_at)
        VALUES ('bought@risk.example', 'soft_opt_in', 'charity', 'boilers', true, false, 'support', 'Lead Broker', now() - interval '10 days'),
               ('unasked@risk.example', 'soft_opt_in', 'charity', 'boilers', false, false, 'support', NULL, now() - interval '10 days'),
               ('sometime@risk.example', 'soft_opt_in', 'acme', 'boilers', true, false, 'sale', NULL, NULL),
               ('sometime@risk.example', 'soft_opt_in', 'charity', 'boilers', true, false, 'support', NULL, NULL),
               ('sometime@risk.example', 'soft_opt_in', 'acme', NULL, true, false, 'client_relationship', NULL, NULL)});
is(query($differences), '', 'and the same of what was put in');
for my $defect (qw(consent_unevidenced consent_preticked consent_bundled consent_silence third_party_consent_generic third_party_consent_stale consent_unconfirmed
	soi_not_own_collection soi_not_similar soi_no_refusal_at_collection soi_refused_at_collection csoi_not_own_collection csoi_no_refusal_at_collection pension_not_permitted))
{
	cmp_ok(query("SELECT count(*) FROM consent.at_risk WHERE defect = '$defect'"), '>', 0, "some are $defect");
}
is(query(q{SELECT string_agg(DISTINCT format('%s %s', organisation, defect), ', ') FROM consent.at_risk WHERE contact = 'sometime@risk.example'}), 'acme consent_unevidenced, charity consent_unevidenced',
	'of a soft opt-in whose time nobody knows nothing else need be wrong');
is(query(q{SELECT string_agg(DISTINCT defect, ',') FROM consent.at_risk WHERE defect IN ('consent_expired', 'consent_missing', 'consent_not_yet_given', 'no_permission', 'objected')}), '',
	'what is no fault of the record is not among them');
cmp_ok(query(q{SELECT count(*) FROM consent.at_risk WHERE length(source) > 2000}), '>', 3, 'some are too long for the index');
query(q{SELECT consent.give('long@risk.example', '{email}', 'acme', source => string_agg(md5(i::text), '')) FROM generate_series(1, 300) i});
is(query(q{SELECT count(*) FROM consent.at_risk WHERE contact = 'long@risk.example' AND defect = 'consent_unevidenced'}), 1, 'a record of ten thousand bytes is recorded, and shown');

# What the index answers, it answers alone.
query('VACUUM ANALYZE consent.ledger');
my $plan = query(q{SET enable_seqscan = off; EXPLAIN (FORMAT JSON, ANALYZE, TIMING OFF) SELECT * FROM consent.at_risk WHERE organisation = 'acme'});
like($plan, qr/"Node Type": "Index Only Scan",(?:(?!\}).)*?"Relation Name": "ledger_00"/s, 'consent.at_risk is answered by an index');
unlike($plan, qr/"Heap Fetches": [1-9]/, '... alone');
$plan = query('EXPLAIN SELECT defect, count(*) FROM consent.at_risk GROUP BY 1');
unlike($plan, qr/reasons|Values Scan/, 'who does not ask for the citation does not pay for it');
like(query('EXPLAIN SELECT * FROM consent.at_risk'), qr/reasons/, '... as others do');

$node->stop;
done_testing();
