# Classification at large: the shipped model is what "make model" makes, weights
# add up to the verdict on every message of the corpora, and how well messages
# are told apart does not fall behind what was measured (test/score).
#
# Runs beside the others: it trains for minutes.
#
# test.jsonl, the held half of messages.jsonl and lines.jsonl were never learned from.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $scratch = File::Spec->rel2abs(PostgreSQL::Test::Utils::tempdir);

my $node = PostgreSQL::Test::Cluster->new('classify');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_consent');

command_ok(
	[   'bash', '-o', 'pipefail', '-c',
		'test/train/messages | psql -X -v ON_ERROR_STOP=1 -d "$1" -f test/train/sentences.sql | test/train/learn "$2"',
		'learn', $node->connstr('postgres'), "$scratch/again.model" ],
	'the model can be learned again');
ok(slurp_file("$scratch/again.model") eq slurp_file('src/classify/pg_consent.model'),
	'... and is the same, byte for byte');
is(system('test/train/learn', '--empty', "$scratch/empty.model"), 0, 'an empty model can be made, where the form has changed');

# For each set: the corpus, the part of it, and the least recall and most false
# alarms (in percent, unknown counting as marketing) and the least macro-F1.
my @floors = (
	[ 'test.jsonl', 'all', 95, 4, 0.94 ],
	[ 'messages.jsonl', 'held', 92, 3, 0.91 ],
	[ 'enforcement.jsonl', 'all', 86, 5, 0.80 ],
	[ 'lines.jsonl', 'all', 83, 1, 0.85 ]);

my $score = slurp_file('test/score.sql');
for my $floor (@floors)
{
	my ($file, $part, $recall, $alarms, $f1) = @$floor;
	my $path = abs_path("test/corpus/$file");

	$node->safe_psql('postgres', 'CREATE UNLOGGED TABLE line (l text)');
	$node->safe_psql('postgres',
		"\\copy line FROM '$path' WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')");
	my $got = $node->safe_psql('postgres',
		"\\set part $part\n\\set mistakes 0\n\\set brief 1\n$score");
	my ($r, $a, $f) = $got =~ /^([\d.]+)\|([\d.]+)\|([\d.]+)$/m;

	cmp_ok($r, '>=', $recall, "$file, $part: marketing found ($r %)");
	cmp_ok($a, '<=', $alarms, "$file, $part: false alarms ($a %)");
	cmp_ok($f, '>=', $f1, "$file, $part: macro-F1 ($f)");

	is($node->safe_psql('postgres', <<'SQL'), '0', "$file: weights add up to the score");
SELECT count(*) FROM scored s
 WHERE abs(score - greatest(0, (
       SELECT COALESCE(sum(weight), 0)
         FROM (SELECT DISTINCT ON (rule, class, CASE WHEN rule LIKE 'model.%' THEN (part, start) END) weight
                 FROM consent.evidence(s.body, s.subject, s.channel)
                WHERE class IN ('direct_marketing', 'consent_request') AND rule NOT LIKE 'limit:%') e))) > 0.01
SQL
	# As docs/guide.md has it.  What was not read is unknown whatever the weights say.
	is($node->safe_psql('postgres', <<'SQL'), '', "$file: ... and to the class");
SELECT string_agg(s.id || ': ' || s.class || ', not ' || r.class, '; ')
  FROM scored s,
       LATERAL (SELECT COALESCE(sum(weight) FILTER (WHERE e.class = 'direct_marketing'), 0) + 1e-5 AS promotion,
                       COALESCE(sum(weight) FILTER (WHERE e.class = 'direct_marketing' AND rule NOT LIKE 'model.%'), 0) + 1e-5 AS by_rules,
                       COALESCE(sum(weight) FILTER (WHERE e.class = 'consent_request'), 0) + 1e-5 AS request,
                       COALESCE(sum(weight) FILTER (WHERE e.class = 'consent_request' AND rule NOT LIKE 'model.%'), 0) + 1e-5 AS asked,
                       COALESCE(sum(weight) FILTER (WHERE e.class = 'market_research'), 0) + 1e-5 AS research,
                       COALESCE(sum(weight) FILTER (WHERE e.class = 'sugging'), 0) + 1e-5 AS gathering,
                       COALESCE(sum(weight) FILTER (WHERE e.class = 'public_task'), 0) + 1e-5 AS task,
                       COALESCE(sum(weight) FILTER (WHERE e.class = 'regulatory'), 0) + 1e-5 AS regulatory,
                       COALESCE(sum(weight) FILTER (WHERE e.class = 'service'), 0) + 1e-5 AS service,
                       COALESCE(sum(weight) FILTER (WHERE e.class = 'service_optional'), 0) + 1e-5 AS optional
                  FROM (SELECT DISTINCT ON (rule, class, CASE WHEN rule LIKE 'model.%' THEN (part, start) END) *
                          FROM consent.evidence(s.body, s.subject, s.channel) WHERE rule NOT LIKE 'limit:%') e) w,
       LATERAL (SELECT CASE WHEN research >= 1 THEN CASE WHEN promotion >= 1 OR request >= 1 OR gathering >= 1 THEN 'sugging' ELSE 'market_research' END
                            WHEN request >= 1 AND (request >= 2 * promotion OR promotion < 1 AND gathering < 1) THEN 'consent_request'
                            WHEN promotion >= 1 OR gathering >= 1 THEN
                              CASE WHEN task + regulatory + service + optional >= 1 OR request >= 1 THEN 'mixed' ELSE 'direct_marketing' END
                            WHEN promotion >= CASE WHEN by_rules >= 1 THEN 0.7 ELSE 0.9 END OR (asked >= 1 AND request >= 0.3) THEN 'unknown'
                            WHEN GREATEST(task, regulatory, service, optional) < 1 THEN 'service'
                            ELSE CASE GREATEST(task, regulatory, service, optional)
                                 WHEN task THEN 'public_task' WHEN regulatory THEN 'regulatory' WHEN service THEN 'service' ELSE 'service_optional' END
                            END AS class) r
 WHERE s.class::text <> r.class AND NOT (s.class = 'unknown' AND NOT consent.is_marketing(r.class::consent.message_class))
SQL
	$node->safe_psql('postgres', 'DROP TABLE line, scored');
}

$node->stop;
done_testing();
