# The report: what it says is the data's, what it is made of is ours, and it
# can be read by everybody: on paper, on a telephone, by a screen reader.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('report');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'Europe/London'");
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE \"$_\" TEMPLATE template0") foreach qw(full bare);
$node->command_ok(
  [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('full'), '-f', 'test/report/fixture.sql' ],
  'a company with a history');
$node->safe_psql('bare', 'CREATE EXTENSION pg_consent');

# Nobody is in the ledger: organisations have their lines all the same.
is( $node->safe_psql('bare', q{BEGIN; INSERT INTO consent.organisation (name) VALUES ('o');
  SELECT permitted, soft_opt_in, refused, never_asked, contacts FROM consent.coverage WHERE channel = 'email' AND purpose = 'marketing';
  SELECT organisation, channel, permitted, soft_opt_in, refused, never_asked, contacts FROM consent.coverage_of('{o}', '{sms}')}),
  "0|0|0|0|0\no|sms|0|0|0|0|0", 'coverage of an empty ledger');

# A law that is about to change ends what is good today, however long ago it was given.
is( $node->safe_psql('bare', q{BEGIN;
  INSERT INTO consent.policy (jurisdiction, version, law, double_opt_in, valid_from) VALUES ('SOON', 1, 'soon', false, '-infinity'), ('SOON', 2, 'soon', true, now() + interval '30 days');
  INSERT INTO consent.organisation (name, jurisdiction) VALUES ('soon', 'SOON'), ('lists', 'GB');
  INSERT INTO consent.ledger (contact, kind, channels, organisation, method, wording, collected_by, named_organisations, effective_at) VALUES
    ('a@mail.example', 'consent', '{email}', 'lists', 'ticked_box', 'Offers', 'broker', '{soon}', now() - interval '20 months'), ('a@mail.example', 'contacted', NULL, 'soon', NULL, NULL, NULL, NULL, now() - interval '19 months');
  SELECT consent.give('b@mail.example', '{email}', 'soon', method => 'ticked_box', wording => 'Offers') > 0;
  SELECT contact, basis, days_left, then_reason FROM consent.expiring ORDER BY contact::text}),
  "t\na\@mail.example|consent|30|consent_unconfirmed\nb\@mail.example|consent|30|consent_unconfirmed", 'a law that is about to change');

my %page = (
  full => $node->safe_psql('full', q{SELECT consent.report(title => 'Acme & <b>Group</b> "2026"')}),
  bare => $node->safe_psql('bare', 'SELECT consent.report()'));

# luminance COLOUR and contrast A, B: as WCAG 2.2 defines them.
sub luminance
{
  my ($colour) = @_;
  my @c = map { $_ <= 0.04045 ? $_ / 12.92 : (($_ + 0.055) / 1.055)**2.4 }
    map { hex($_) / 255 } $colour =~ /([0-9a-f]{2})/gi;
  return 0.2126 * $c[0] + 0.7152 * $c[1] + 0.0722 * $c[2];
}

sub contrast
{
  my ($light, $dark) = sort { $b <=> $a } map { luminance($_) } @_;
  return ($light + 0.05) / ($dark + 0.05);
}

foreach my $name (sort keys %page)
{
  my $html = $page{$name};

  # libxml, by way of the server.
  SKIP:
  {
    my ($status) = $node->psql($name, q{SELECT '<a/>'::xml});
    skip 'the server was built without libxml', 1 if $status != 0;
    is( $node->safe_psql($name, 'SELECT xml_is_well_formed_document(consent.report())'),
      't', "$name: well formed");
  }
  unlike($html, qr/<(?:script|iframe|img|link|object|embed)\b/i, "$name: nothing is loaded or run");
  # In a tag: what the data says is text, and may well speak of attributes.
  unlike($html, qr/<[^>]*\b(?:src|srcset|action|background)\s*=|\burl\(|\@import|<[^>]*\bon\w+\s*=/i, "$name: ... by no attribute or style");
  is(scalar(grep { !/^#/ } $html =~ /href="([^"]*)"/g), 0, "$name: links lead within the page");
  foreach my $target ($html =~ /href="#([^"]*)"/g)
  {
    like($html, qr/id="\Q$target\E"/, "$name: link to $target has its target");
  }

  my @levels = $html =~ /<h([1-6])\b/g;
  is(scalar(grep { $_ == 1 } @levels), 1, "$name: one main heading");
  my @jumps = grep { $levels[$_] > $levels[ $_ - 1 ] + 1 } 1 .. $#levels;
  is(scalar(@jumps), 0, "$name: no level of heading is left out");
  like($html, qr/<html lang="en-GB">/, "$name: says its language");
  like($html, qr/<meta name="viewport"/, "$name: made for small screens");
  is(scalar(() = $html =~ /<th(?![^>]*scope=)[ >]/g), 0, "$name: every heading of a table says what it heads");
  is( scalar(() = $html =~ /<svg(?![^>]*(?:aria-hidden="true"|aria-label="[^"]+"))/g),
    0, "$name: every chart has a label, or a table that says the same");
}

# Colours of text on what is behind it.
my %colour = $page{full} =~ /--(\w+):(#[0-9a-f]{6})/g;
foreach my $pair ([qw(ink paper)], [qw(soft paper)], [qw(soft ground)], [qw(ink mark)], [qw(good paper)], [qw(bad paper)])
{
  cmp_ok(contrast(@colour{@$pair}), '>=', 4.5, "contrast of @$pair");
}
cmp_ok(contrast($colour{$_}, $colour{paper}), '>=', 3, "contrast of a bar that is $_") foreach qw(yes no);
cmp_ok(contrast(@colour{qw(yes no)}), '>=', 1, 'bars differ');

# What the data says cannot break out of its place.
my $html = $page{full};
like($html, qr/Acme &amp; &lt;b&gt;Group&lt;\/b&gt; &quot;2026&quot;/, 'the title is escaped');
like($html, qr/Bolt &amp; Sons &lt;Energy&gt;/, 'so is the name of an organisation');
like($html, qr/list &lt;script&gt;alert\(&quot;x&quot;\)&lt;\/script&gt; &amp; co/, 'and a source');
like($html, qr/Winter &lt;b&gt;warmer&lt;\/b&gt;/, 'and a campaign');
like($html, qr/outbox &quot;&quot;quoted&quot;&quot; &lt;i&gt;/, 'and a table');
like($html, qr/<mark[^>]*>[^<]*<\/mark>.*&lt;script&gt;alert\(1\)/s, 'and a message, with its evidence marked');
is( $node->safe_psql('full', q{SELECT consent.html(E'<a href="x">&''\x01\x1f\t</a>')}),
  "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\t&lt;/a&gt;",
  'consent.html() escapes and drops control characters');

# The page says what the JSON says, and the JSON what the tables say.
my $figures = q{
  SELECT (r #>> '{decisions,total}') = (SELECT count(*)::text FROM consent.decision_log WHERE decided_at >= now() - interval '90 days')
     AND (r #>> '{decisions,refused}') = (SELECT count(*)::text FROM consent.decision_log WHERE NOT allowed AND decided_at >= now() - interval '90 days')
     AND (SELECT sum((v ->> 'allowed')::int + (v ->> 'refused')::int)::text FROM jsonb_array_elements(r #> '{decisions,over_time}') v) = r #>> '{decisions,total}'
     AND (r #>> '{at_risk,records}') = (SELECT count(DISTINCT event_id)::text FROM consent.at_risk)
     AND (r #>> '{exposure,total,messages}') = (SELECT count(*)::text FROM consent.exposure_finding)
     AND (r #>> '{exposure,total,people}') = (SELECT count(DISTINCT person)::text FROM consent.exposure_finding)
     AND (r #>> '{disguised,messages}') = (SELECT count(*)::text FROM consent.disguised_marketing WHERE decided_at >= now() - interval '90 days')
     AND (r #>> '{expiring,permissions}') = (SELECT count(*)::text FROM consent.expiring)
    FROM consent.report_json() r};
is($node->safe_psql('full', $figures), 't', 'the figures are those of the views');
foreach my $path ('decisions,total', 'at_risk,records', 'exposure,total,messages', 'disguised,messages')
{
  my $shown = $node->safe_psql('full', "SELECT consent.report_number((consent.report_json() #>> '{$path}')::numeric)");
  like($html, qr/<b>\Q$shown\E<\/b>/, "$path is on the page: $shown");
}
# What was only flagged went out, and is not called anything else.
my $flagged = $node->safe_psql('full', q{SELECT count(*) FROM consent.decision_log WHERE action = 'flagged'});
cmp_ok($flagged, '>', 0, 'some messages were only flagged');
like($html, qr{<th scope="row">Not permitted, but only flagged: let through</th><td class="n">$flagged</td>}, 'they are named as what they are');
like($html, qr/refused, $flagged of them only flagged/, 'at the top too');
like($html, qr{<th scope="row">Stored as cancelled</th>}, 'and so are those that were cancelled');

# Complaints are shown where the audit was told of them.
like($html, qr/ brought a complaint\.</, 'complaints of an audit that knows of them');
like($html, qr{<th scope="col" class="n">Complaints</th>}, '... by campaign');
$node->safe_psql('full', q{SELECT consent.exposure_start('sent_messages', 'recipient', $$'email'$$, 'sent_at', organisation => $$'Acme Boilers'$$, campaign => 'campaign') AS run \gset
  CALL consent.exposure_work(:run)});
my $untold = $node->safe_psql('full', 'SELECT consent.report()');
like($untold, qr/By campaign/, 'an audit that was told of no complaints');
unlike($untold, qr/complaint/i, '... does not say that there were none');
$node->safe_psql('full', 'DELETE FROM consent.exposure_run WHERE id = (SELECT max(id) FROM consent.exposure_run)');
is( $node->safe_psql('full', q{SELECT r #>> '{decisions,total}' FROM consent.report_json(organisation => 'Bolt & Sons <Energy>') r}),
  0, 'of one organisation only');
my ($status, $stdout, $stderr) = $node->psql('full', "\\set VERBOSITY sqlstate\nSELECT consent.report('nobody')");
like($stderr, qr/23503/, 'an unknown organisation is an error');
($status, $stdout, $stderr) = $node->psql('full', "\\set VERBOSITY sqlstate\nSELECT consent.report(since => 'infinity')");
like($stderr, qr/22023/, 'so is a period that never begins');

# Who may read it.
$node->safe_psql('full', 'CREATE ROLE report_reader LOGIN IN ROLE consent_reader; CREATE ROLE report_poor LOGIN');
like($node->safe_psql('full', 'SELECT consent.report()', extra_params => [ '-U', 'report_reader' ]), qr/<h1>/, 'a reader may');
($status, $stdout, $stderr) = $node->psql('full', "\\set VERBOSITY sqlstate\nSELECT consent.report()", extra_params => [ '-U', 'report_poor' ]);
like($stderr, qr/42501/, 'nobody else');

# As a browser shows it: nothing is wider than the screen, and axe-core finds
# nothing that keeps somebody from reading it.
$page{access} = $node->safe_psql('full', q{SELECT consent.subject_access_html('c10@mail.example', controller => 'Acme & <b>Co</b>')});
$page{hostile} = $node->safe_psql('full', q{SELECT consent.subject_access_html(min(contact), controller => 'Acme & <b>Co</b>') FROM consent.ledger WHERE organisation LIKE '"><img%'});
is(scalar(() = $page{hostile} =~ /<(?:script|img|iframe|style>\*|a href="javascript)/gi), 0, 'what a person said is text in their page');
like($page{hostile}, qr/&lt;iframe srcdoc=&quot;x&quot;&gt;/, '... and all of it');
my ($chromium) = grep { -x } qw(/usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome);
my $axe = abs_path('test/clients/node_modules/axe-core/axe.min.js');
SKIP:
{
  skip 'there is no Chromium to look at the page with', 20 unless $chromium;
  my $dir = abs_path(PostgreSQL::Test::Utils::tempdir);
  my $look = defined $axe && -e $axe ? '<script src="axe.min.js"></script><script>axe.run().then(function (r) {
    parent.document.getElementById("a").textContent = "axe " + r.passes.length + ":" + r.violations.map(function (v) { return v.id; }).join(",") + "."; });</script>' : '';
  append_to_file("$dir/axe.min.js", slurp_file($axe)) if $look ne '';
  foreach my $name (sort keys %page)
  {
    # What is looked at may load nothing, so axe could not run in it.
    my $html = $page{$name} =~ s/<meta http-equiv="Content-Security-Policy"[^>]*>//r;
    append_to_file("$dir/$name.html", $html =~ s{(?=</body>)}{$look}r);
    # On paper: about as many pages as when it was looked at; other fonts may take one more.
    run_command(
      [
        $chromium, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', "--user-data-dir=$dir/profile",
        '--no-pdf-header-footer', "--print-to-pdf=$dir/$name.pdf", "file://$dir/$name.html"
      ]);
  SKIP:
    {
      skip 'Chromium does not print here', 1 unless -s "$dir/$name.pdf";
      my $pages = () = slurp_file("$dir/$name.pdf") =~ m{/Type /Page\b(?!s)}g;
      my %most = (full => 6, bare => 3, access => 3, hostile => 3);
      ok($pages >= 1 && $pages <= $most{$name}, "$name: printed on $pages pages");
    }
    foreach my $width (1280, 360)
    {
      append_to_file("$dir/$name$width.html", <<"EOF");
<!DOCTYPE html><iframe id="f" src="$name.html" style="border:0;width:${width}px;height:800px"></iframe><p id="w"></p><p id="a"></p>
<script>onload = function () {
  var d = document.getElementById("f").contentDocument;
  document.getElementById("w").textContent = "width " + d.documentElement.scrollWidth + " headings " + d.querySelectorAll("h2").length;
}</script>
EOF
      my ($out) = run_command(
        [
          $chromium, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
          '--allow-file-access-from-files', "--user-data-dir=$dir/profile", '--virtual-time-budget=10000',
          '--dump-dom', "file://$dir/$name$width.html"
        ]);
      my ($found, $headings) = $out =~ /width (\d+) headings (\d+)/;
    SKIP:
      {
        skip 'Chromium does not work here', 2 unless defined $found;
        ok($found <= $width && $headings == ($name =~ /access|hostile/ ? 4 : 7), "$name at $width: $found wide, $headings sections");
        skip 'axe-core is not installed', 1 if $look eq '';
        my ($passes, $violations) = $out =~ /axe (\d+):([\w,-]*)\./;
        ok(($passes // 0) > 10 && $violations eq '', "$name at $width: axe-core finds nothing wrong, " . ($passes // 'no') . ' rules hold')
          or diag($violations // 'axe-core did not run');
      }
    }
  }
}

$node->stop;
done_testing();
