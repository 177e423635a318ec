-- What a recipient would read.
LOAD 'pg_consent';
-- Case, compatibility forms, invisible characters, typographic variants.
SELECT consent.folded_text(U&'\FF33\FF21\FF36\FF25 big: sa\200Bve fr\00ADee \2018now\2019 \2013 \00BD price');
SELECT consent.folded_text(U&'Stra\00DFe \+01D412\+01D40B\+01D41A cafe\0301 = caf\00E9');
-- Spaces are one within a paragraph; a paragraph ends with an empty line.
SELECT consent.folded_text(E'  Dear\tJo,\r\n\r\n\r\nyour   order\nis here.\n');
-- HTML: tags and comments go, blocks are paragraphs, entities are read once.
SELECT consent.folded_text('<html><head><title>T</title><style>p {x:y}</style></head><body><p>Hi&nbsp;Jo</p><!-- save -->
  <p>s<b></b>ave &#163;20 &amp;pound;5 &#x41;&bogus;<br>now</p><script>if (a<b) sale()</script></body></html>');
-- Not HTML: a heart, a comparison, an address.
SELECT consent.folded_text('I <3 you, a < b > c, write to <jo@example.com>');
-- Broken HTML ends somewhere.
SELECT consent.folded_text('<p>one <a href="x>two</a> <b three'), consent.folded_text('<p>one <!-- two'),
       consent.folded_text('<p>&'), consent.folded_text('<p>&#0;&#xD800;&#99999999;&#x;');
-- Hostile HTML takes no longer than its length.
SELECT length(consent.folded_text('<p>' || repeat('<a ">"', 50000)));
-- Marks without number on one letter.
SELECT length(consent.folded_text('a' || repeat(U&'\0301', 1000)));
-- A megabyte is read, cut between characters.
SELECT octet_length(consent.folded_text(repeat(U&'\20AC', 400000)));
SELECT consent.folded_text('') = '' AS empty, consent.folded_text(NULL) IS NULL AS strict;

-- Every disguise of the corpus is read as what it is ...
\getenv top PG_ABS_SRCDIR
\set corpus :top '/test/corpus/evasion.jsonl'
CREATE TEMP TABLE line (l text);
COPY line FROM :'corpus' WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
CREATE TEMP TABLE evasion AS
SELECT l ->> 'id' AS id, COALESCE(l ->> 'html', l ->> 'body') AS given,
       COALESCE(l ->> 'reads', consent.folded_text(NULLIF(l ->> 'canonical', ''))) AS reads
  FROM (SELECT l::jsonb FROM line) AS s
 WHERE l ->> 'body' !~ '^(MIME-Version|Subject):';
SELECT count(reads) AS disguised, count(*) FILTER (WHERE reads IS NULL) AS harmless FROM evasion;
SELECT id, given, reads, consent.folded_text(given) FROM evasion
 WHERE regexp_replace(consent.folded_text(given), '!+', '!', 'g') <> reads;
-- ... and what only looks like one is left alone.
SELECT id, consent.folded_text(given) FROM evasion WHERE reads IS NULL AND consent.folded_text(given) <> lower(given);

-- More that is no disguise: codes, places, initials, other languages, units.
SELECT consent.folded_text(t) FROM (VALUES
  ('Ref AB0CD1E, code G3TX99, flat W1N 4DJ, ward A1, at 3am, 2nd and 12th, 4x4, H2O'),
  ('Mr J. R. R. Tolkien, U.S.A., e.g. this, p.m. or a.m., B&Q and M&S'),
  (U&'\0441\043A\0438\0434\043A\0430 \03BA\03B1\03BB\03B7\03BC\03AD\03C1\03B1 caf\00E9 na\00EFve 5 \03BCm'),
  ('01632 960 123, 1 2 3 4 5 6, 3-2-1, half-term, freephone, overdue, 20 kg, table for two for one night')) AS v(t);
-- Disguises that no corpus has.
SELECT consent.folded_text(t) FROM (VALUES
  ('l-a-s-t  c.h.a.n.c.e, b*u*y, v o u c h e r s, salefriday'),
  (U&'\0410\0415\041E \0415XTRA \039F\039D\0395 d\0456s\0441\043Eunt \+01F198'),
  ('Get 10 pounds or 1,250.00 quid or GBP 5, fifty per cent, 3-for-2, BOGOF'),
  ('http://a.example/x%20y%C3%A9?a=b&c=d. See (https://b.example/free_gift).')) AS v(t);

-- Sentences, each with its region and its place in the text as given.
CREATE FUNCTION pg_temp.parts(body text) RETURNS TABLE (region text, folded text, given text) LANGUAGE sql AS
  $$ SELECT s.region, s.folded, substr(body, s.start, s.length) FROM consent.sentences(body) AS s $$;
SELECT * FROM pg_temp.parts('Dear Mr. Jo, it costs £4.50 approx. a day! Is it ok? "Yes." No' || E'\n\n' || 'Bye. See http://x.example/a?b=c');
-- Lines that a mail program broke are one sentence; what somebody ended, an address on a line of its own and a rule of dashes are not.
SELECT folded FROM pg_temp.parts($$Dear subscriber,
Your alert for the matters that you asked us to watch has found nothing
this week, because the council does not sit in August, and we shall
write again in September.

Your address
12 Long Lane
------------------------------------------------------------------------
This service is made and looked after by seven volunteers
only. Please think about giving us something that helps to
pay for its computers:
https://alerts.example/give?from=7f3b01c29ad4488812a1e0b6f2d95c317f3b01c29ad4488812a1e0b6f2d95c31
------------------------------------------------------------------------
Unsubscribe$$);
-- A paragraph that is as wide as mail is, each line of which had room for the next word: a list.
SELECT folded FROM pg_temp.parts($$Your order of 4 July, with thanks from all of us in Deal:
1 x Blue cotton shirt, medium, with two pockets
2 x Tea towel with the map of Kent, in linen or cotton
1 x Jar of honey$$);
-- Two lines prove no width; nor do lines wider than mail programs make them.
SELECT folded FROM pg_temp.parts($$A heading of some fifty letters that nobody has ended
Another heading under it$$);
SELECT folded FROM pg_temp.parts(E'Your parcel from Marlowe and Finch has been dispatched with Northway\nKettles at half price');
-- Three full lines prove a narrow one; what begins with a mark is an item; widths are those of the source, in which four per cent is no 4%.
SELECT folded FROM pg_temp.parts($$Please tell us by noon on Friday
whether you and your guests can
be there for the supper, so that
we know how many plates we need
to lay

- One line that is nearly as wide as the lines of mail are made
- Another line, which has no room for the mark of the next one
- A third of them, as wide as those before it in this message
- The last

Four per cent is not enough, the members say, and half of the others
would not have taken it either. The vote will be held on the second
floor, as it was.$$);
SELECT folded FROM pg_temp.parts(repeat('wide ', 30) || E'line\nnext line\nlast line');
-- A word or a few to a line, in capitals too, or narrow lines that stop in the middle of a sentence.
SELECT folded FROM pg_temp.parts(E'Your order is here.\nWe\nshall\nbring\nit\nto\nMarlowe\nRoad\non\nFriday.\nBe\nin!\n\nIs\nThis\nThe\nRight\nPlace');
SELECT folded FROM pg_temp.parts($$The lift is out of
order until Friday. The
engineer comes from
Leeds by the last
train.

You are in our
queue at place 14, and will
be called from Deal
by somebody of our team$$);
SELECT string_agg(folded, ' | ' ORDER BY start) FROM unnest(ARRAY[E'Your\nHouse\nPlants\nNeed\nWater\nOnly\nEvery\nOther\nDay', E'Sizes:\nsmall,\nmedium,\nlarge', E'come in\nand wait\nwith me\n- here\n- there'])
  WITH ORDINALITY AS t(body, n), consent.sentences(body) GROUP BY n ORDER BY n;
-- Marks of quoting stand before a line, not in a sentence; a sum or percentage is none of its ends.
SELECT folded FROM pg_temp.parts(E'Jo wrote:\n> The café is shut until\n> > Friday, and so is the\n>école. Is 5 > 4?\n>\n> Bye');
SELECT folded FROM pg_temp.parts(E'It rose by 20 per\ncent in May, by 50\n% in June and by £\n20 to 40\npounds in July');
-- Lists, tables, receipts and places are lines, and so is what is doubtful: a small letter in one place.
SELECT string_agg(folded, ' | ' ORDER BY start) FROM unnest(ARRAY[E'2 x Kettle\n£20.00\n1 x Toaster\n£15.00\nTotal\n£55.00',
  E'Ms J Smith\n12 Long Lane\nDeal\nCT14 6AB', E'Small\nMedium\nLarge\nBlue\nRed\nGreen\nWhite', E'Small\nMedium\nLarge\nin blue\nin red\nGreen\nWhite\nBlack',
  E'Your table is booked for 4 May at 7\ndogs may come too', E'hi all\nthe pitch is under water, so no match on Friday\nsubs carry over']) WITH ORDINALITY AS t(body, n), consent.sentences(body) GROUP BY n ORDER BY n;
-- Paragraphs of a word or a few are such lines, if they stop within a sentence; lists, tables, places and signatures are paragraphs.
SELECT string_agg(folded, ' | ' ORDER BY start) FROM unnest(ARRAY[E'The\n\nlift\n\nis\n\nout\n\nof\n\norder.\n\nA\n\nman\n\ncomes\n\non\n\nMonday', '<p>You are in<p>our queue at<p>place 14',
  '<table><tr><td>the<td>lift<td>is<td>out<td>of<td>order</table>', E'Your\n\nlift\n\nof\n---\n\nthe\n\nhouse', '<p>the<p>lift<p>of<div class=footer>the<p>house',
  E'milk\n\ntwo eggs\n\nbread\n\nsalt', '<tr><td>Kettle</td><td>£20</td><td>Toaster</td><td>£15</td><td>Total</td>', E'12 Long Lane\n\nDeal\n\nCT14 6AB', E'See you then\n\nKind regards\n\nJo\n\nMarlowe of Deal'])
  WITH ORDINALITY AS t(body, n), consent.sentences(body) GROUP BY n ORDER BY n;
SELECT * FROM pg_temp.parts('<div style="display: none">Preheader text</div><p>One <a href="https://x.example/sale">two</a> <img alt="three &amp; four"> five.
<p>Six<div class="page-footer">Seven. Eight</div><table><tr><td>Nine<td hidden>Ten<td>Eleven</table><footer>Twelve</footer>
<style>.a:after { content: "Thirteen" }</style><input type=submit value="Fourteen"><input value="none"><p style="color:#fff;background-color:white">Fifteen</p>');
SELECT * FROM pg_temp.parts('<!--[if mso]>a<![endif]-->b<!--[if !mso]><!-->c<!--<![endif]--><!-->d<!-- e -->f<b title=''g"h''>i</b>');
SELECT consent.folded_text('<p>&hearts;&notit;&notin;&NotEqualTilde;&ampx &copy2</p><p title="&copy=1&copy;"></p>');
-- Hostile HTML takes no longer than its length, whatever is left open.
SELECT length(consent.folded_text(repeat('<div>', 100000) || 'x' || repeat('</i>', 100000))),
       length(consent.folded_text('<a ' || (SELECT string_agg('a' || i, ' ') FROM generate_series(1, 100000) i) || '>x')),
       length(consent.folded_text('<p>' || repeat('<style>', 100000))), length(consent.folded_text('<p>' || repeat('<!--[if-->', 90000) || 'x')),
       length(consent.folded_text('<p>' || repeat('&', 900000))), length(consent.folded_text(repeat('1 a ', 250000))),
       length(consent.folded_text('<p>' || repeat('<a href=http://x.example>a.</a> ', 30000)));
-- Letters apart, and marks without number behind them.
SELECT length(consent.folded_text('s a l ' || repeat('%', 5000) || ' x')), length(consent.folded_text('s a l ' || repeat(' %', 5000) || ' x')),
       length(consent.folded_text('s a l e' || repeat('!', 5000) || ' x')), length(consent.folded_text(repeat('s a 1 ', 5000)));
