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
