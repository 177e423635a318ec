-- Whole messages.
LOAD 'pg_consent';
CREATE FUNCTION pg_temp.raw(lines text) RETURNS bytea LANGUAGE sql AS $$ SELECT convert_to(lines, 'UTF8') $$;
\pset format unaligned

-- The disguises of the corpus that are messages: transfer encodings, encoded words.
\getenv top PG_ABS_SRCDIR
\set corpus :top '/test/corpus/evasion.jsonl'
CREATE TEMP TABLE line (l text);
COPY line FROM :'corpus' WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
SELECT l ->> 'id' AS id, consent.folded_text(COALESCE(NULLIF(m.body, ''), m.subject)) AS read,
       consent.folded_text(COALESCE(NULLIF(m.body, ''), m.subject)) = consent.folded_text(l ->> 'canonical') AS same,
       (consent.classify_raw(pg_temp.raw(l ->> 'body'))).class
  FROM (SELECT l::jsonb FROM line) AS s, consent.read_raw(pg_temp.raw(l ->> 'body')) AS m
 WHERE l ->> 'body' ~ '^(MIME-Version|Subject):';

-- HTML with a plain alternative, an attachment, and a message within.
\set multipart 'Subject: =?iso-8859-1?Q?Caf=E9_=A320?=\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain\n\nYour parcel arrives today\n20% < 30% & so\n--a\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n<p>Save =A320 on sofas</p>\n--a--\n--m\nContent-Type: text/plain\nContent-Disposition: attachment; filename=x.txt\n\nattached\n--m\nContent-Type: message/rfc822\n\nSubject: inner\n\nforwarded\n--m--\n'
SELECT * FROM consent.read_raw(pg_temp.raw(replace(:'multipart', '\n', E'\r\n')));
SELECT * FROM consent.classify_raw(pg_temp.raw(replace(:'multipart', '\n', E'\n')));
-- A plain alternative that most do not see makes no service of promotion; a plain text that they see counts.
SELECT class FROM consent.classify_raw(pg_temp.raw(replace(replace(:'multipart', '\n', E'\n'), 'multipart/alternative', 'multipart/mixed')));

-- Charsets: declared, wrong, unknown, two bytes wide, seven bits.
SELECT name, (consent.read_raw(convert_to(E'Content-Type: text/plain; charset=' || name || E'\n\n', 'UTF8') || bytes)).body
  FROM (VALUES ('iso-8859-1', '\x4361 66e9 20a3 3230'::bytea), ('windows-1252', '\x80 3230 20 96 20 9c'), ('us-ascii', '\xa3 3230'),
               ('utf-8', '\xc2a3 3230 ff 3c'), ('utf-8', '\xa3 3230'), ('nonsense', '\xc2a3 3230'), ('utf-16', '\xfeff 00a3 0032 0030'),
               ('utf-7', '\x2b 414b 4d 2d 3230'), ('koi8-r', '\xd3cb c9c4 cbc1')) AS v(name, bytes);

SELECT (consent.read_raw(convert_to(E'Content-Type: text/plain; charset=iso-2022-jp\n\n', 'UTF8') || '\x1b24422353234123 4c23451b2842'::bytea)).body;
-- XHTML and rich text are as good as HTML; a message in base64 is read, but none within it.
SELECT type, (consent.read_raw(pg_temp.raw(E'Content-Type: ' || type || E'\n\nYour p<bold>ar</bold>cel'))).*
  FROM unnest(ARRAY['application/xhtml+xml', 'text/enriched', 'text/richtext']) AS type;
WITH RECURSIVE coded (n, lines) AS (
  VALUES (0, E'Subject: inner\n\nSave 20% on sofas')
  UNION ALL
  SELECT n + 1, E'Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n' || encode(convert_to(lines, 'UTF8'), 'base64') FROM coded WHERE n < 2)
SELECT n, r.*, (consent.classify_raw(pg_temp.raw(lines))).class FROM coded, consent.read_raw(pg_temp.raw(lines)) AS r;

-- Cut off, broken, empty: an answer, and never a silent service.
SELECT n, r.body IS NULL AS nothing, r.complete, c.class, c.needs_review
  FROM (VALUES (1, E'Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nYour parcel arrives today'),
               (2, E'Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\n20% off everything'),
               (3, E'Content-Type: multipart/mixed\n\nYour parcel arrives today'),
               (4, E'Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nWW91ciBwYXJjZWwgYXJyaXZ'),
               (5, 'no header at all'), (6, ''), (7, E'\n\nYour parcel arrives today'),
               (8, E'Content-Type: application/pkcs7-mime\n\nxyz'),
               (9, E'Subject: Your parcel arrives today\nContent-Type: image/png\n\nxyz')) AS v(n, lines),
       pg_temp.raw(lines) AS raw, consent.read_raw(raw) AS r, consent.classify_raw(raw) AS c;
SELECT class, needs_review FROM consent.classify_raw(NULL);
SELECT length(body) FROM consent.read_raw(E'Subject: a\\000b\n\nc\\000d\\377e');

-- Bombs: parts within parts, more than eight megabytes, an endless header.
SELECT complete, body IS NULL AS nothing FROM consent.read_raw(pg_temp.raw(
  (SELECT string_agg(format(E'Content-Type: multipart/mixed; boundary=b%s\n\n--b%s\n', i, i), '') FROM generate_series(1, 3000) AS i)));
SELECT complete FROM consent.read_raw(pg_temp.raw(E'Subject: x\n\n' || repeat('Your parcel arrives today. ', 400000)));
SELECT complete FROM consent.read_raw(pg_temp.raw('Subject: ' || repeat('x', 10000) || E'\n\nbody'));
-- So much that gmime would read it for minutes, or end the server: groups within groups, words that
-- never end, and more fields, fields that are decoded and parts than any message has.
SELECT n, complete FROM (VALUES
    (1, 'To: ' || repeat('a:', 4000000) || E'\n\nhello'),
    (2, E'\ufeffTo: x\n ' || repeat('a:', 4000000) || E'\n\nhello'),
    (3, E'Content-Type: message/rfc822\n\nReply-To: ' || repeat('a:', 4000000) || E'\n\nhello'),
    (4, 'Subject: ' || repeat('=?utf-8?b?YQ', 600000) || E'\n\nhello'),
    (5, 'Content-Type: text/plain; a="' || repeat('=?utf-8?b?YQ', 600000) || E'"\n\nhello'),
    (6, repeat(E'a:\n', 2000000) || E'\nhello'),
    (7, repeat(E'To: a@b\n', 900000) || E'\nhello'),
    (8, 'Received: ' || repeat('x', 2000000) || E'\n\nhello'),
    (9, E'Content-Type: multipart/mixed; boundary=b\n\n' || repeat(E'--b\n\na\n', 900000)),
    (10, E'Content-Type: multipart/mixed; boundary=b\n\n' || repeat(E'--b\na:b\n\n', 700000)),
    -- a field goes on behind a line of spaces, and so does a header
    (11, 'To: ' || repeat(repeat('a:', 90) || E'\n \n ', 5000) || E'\n\nhello'),
    (12, 'To: ' || repeat(repeat('a:', 90) || E'\r\n\t\r\n ', 5000) || E'\r\n\r\nhello'),
    (13, E'Content-Type: multipart/mixed; boundary=b\n\n--b\n \n' || repeat(E'a:\n', 2000000) || E'\nhello\n--b--\n'),
    (14, repeat(E'a\t :\n', 1500000) || E'\nhello'),
    (15, repeat('To: ' || repeat('a,', 8000) || E'\n', 16) || E'\nhello')) AS v(n, lines),
  consent.read_raw(pg_temp.raw(lines));
-- That is far from what messages have: 300 recipients, 100 messages within, a line that is long.
SELECT complete, length(body) > 1000000 AS all_of_it FROM consent.read_raw(pg_temp.raw(
  'To: ' || (SELECT string_agg(format('"Somebody" <somebody%s@mime.example>', i), E',\n ') FROM generate_series(1, 300) AS i) ||
  E'\nContent-Type: multipart/mixed; boundary=b\n' ||
  (SELECT string_agg(E'\n--b\nContent-Type: message/rfc822\n\nSubject: x\n' || repeat(E'Received: x; y\n', 20) || E'\nhello\n', '') FROM generate_series(1, 100)) ||
  E'\n--b\nContent-Type: text/plain\n\n' || repeat('9:00 ', 50000) || repeat(E'-- 9:00\n', 1000) || repeat(E'see you at 9:00\n', 100000) || E'\n--b--\n'));
-- what escaping makes of a text leaves no room for the next
SELECT length(body) < 6000000 AS bounded, body LIKE '%hello%' AS more, complete
  FROM consent.read_raw(pg_temp.raw(E'Content-Type: multipart/mixed; boundary=b\n\n--b\n\n' || repeat('&', 600000) ||
                                    E'\n--b\n\nhello\n--b\nContent-Type: text/html\n\n<p>hello</p>\n--b--\n'));
SELECT class FROM consent.classify_raw(pg_temp.raw(E'Subject: x\n\n' || repeat('Your parcel arrives today. ', 400000)));
-- What comes after eight megabytes is not read, however short the text before.
SELECT n, r.complete, c.class, c.needs_review
  FROM (VALUES (1, 8300000), (2, 8400000)) AS v(n, bytes),
       pg_temp.raw(E'Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nYour parcel arrives today\n--x\nContent-Type: application/pdf\n\n' ||
                   repeat('x', bytes) || E'\n--x\nContent-Type: text/plain\n\nSave 20% on everything today!\n--x--\n') AS raw,
       consent.read_raw(raw) AS r, consent.classify_raw(raw) AS c;
-- What an HTML text leaves open hides no other.
SELECT rules[1:1] AS rules FROM consent.classify_raw(pg_temp.raw(E'Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html\n\n<p>Hello <!--\n--x\nContent-Type: text/html\n\n<p>20% off everything</p>\n--x--\n'));
-- An attached text that promotes makes the message marketing; what serves in one, or cannot be judged, changes no class; what was not read of them makes it unknown.
CREATE FUNCTION pg_temp.attached(body text, type text, file text, VARIADIC texts text[]) RETURNS bytea LANGUAGE sql AS $$
  SELECT pg_temp.raw(E'Subject: Your order 4411\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\n' || body ||
                     (SELECT string_agg(format(E'\n--x\nContent-Type: %s\nContent-Disposition: attachment%s\n\n%s', type,
                                               '; filename="' || file || '"', t), '') FROM unnest(texts) AS t) || E'\n--x--\n') $$;
CREATE TEMP TABLE attached (n int, message bytea);
INSERT INTO attached VALUES
  (1, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/plain', 'terms.txt', 'You can return your order to us within 14 days of its delivery.')),
  (2, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/plain', 'offer.txt', 'Upgrade to Prime+ today and save £20!')),
  (3, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/html', 'offer.html', '<p style="display:none">Dear Jo,</p><h1>20% off all boilers this weekend only!</h1>')),
  (4, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/plain', '=?utf-8?Q?offre=C3=A9.txt?=', 'Your parcel arrives today.', 'Would you like to hear about our latest offers by email? Reply YES.')),
  (5, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/plain', 'ATT00001.txt', '')),
  (6, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/plain', 'agb.txt', 'Sie können Ihre Bestellung innerhalb von 14 Tagen nach der Lieferung zurückgeben.')),
  (7, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/plain', 'log.txt', repeat('Your parcel arrives today. ', 50000))),
  (8, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/calendar', 'delivery.ics',
                       E'BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:4411@acme.example\nDTSTART:20261201T080000Z\nDTEND:20261201T100000Z\nSUMMARY:Delivery of your order 4411\nEND:VEVENT\nEND:VCALENDAR')),
  (9, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/csv', 'order.csv', E'item,quantity,price\nboiler,1,£899.00\npump,2,£49.50\ndelivery,1,£5.00')),
  (10, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/vcard', 'acme.vcf', E'BEGIN:VCARD\nVERSION:4.0\nFN:Acme Boilers Ltd\nTEL:+442079460000\nEMAIL:help@acme.example\nEND:VCARD')),
  (11, pg_temp.attached('Save £20 on a new boiler when you order before Sunday.', 'text/plain', 'terms.txt', repeat(E'You can return your order to us within 14 days of its delivery.\n', 100))),
  (12, pg_temp.attached('Save £20 on a new boiler when you order before Sunday.', 'application/pdf', 'terms.pdf', 'x')),
  (13, pg_temp.attached('Your order 4411 is out for delivery today.', 'application/pdf', 'offer.pdf', 'x')),
  -- a megabyte is read of all of them together, to the last whole character
  (14, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/plain', 'log.txt', repeat('Your parcel arrives today. ', 19000), repeat('Your parcel arrives today. ', 19000), 'Save £20 on boilers today!')),
  (15, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/plain', 'log.txt', repeat('Your parcel arrives today. ', 19000), repeat('Your parcel arrives today. ', 19840), 'Save £20 on boilers today!')),
  (16, pg_temp.attached('Your order 4411 is out for delivery today.', 'text/plain', 'log.txt', repeat('Your parcel arrives today. ', 19000), repeat('Your parcel arrives today. ', 19835) || repeat('x', 30), '£20 off boilers today!', '')),
  -- bytes are what the name of their file says
  (17, pg_temp.attached('Your order 4411 is out for delivery today.', 'application/octet-stream', 'OFFER.HTM', '<p style="display:none">Dear Jo,</p><h1>20% off all boilers this weekend only!</h1>')),
  (18, pg_temp.attached('Your order 4411 is out for delivery today.', 'application/octet-stream', '=?utf-8?Q?offre=C3=A9.txt?=', 'Upgrade to Prime+ today and save £20!')),
  (19, pg_temp.attached('Your order 4411 is out for delivery today.', 'application/octet-stream', 'visit.ics', E'BEGIN:VCALENDAR\nBEGIN:VEVENT\nX-A:b\nSUMMARY:20% off all boilers this weekend only!\nEND:VEVENT\nEND:VCALENDAR')),
  (20, pg_temp.attached('Your order 4411 is out for delivery today.', 'application/octet-stream', 'acme.vcf', E'BEGIN:VCARD\nVERSION:4.0\nFN:Summer Sale\nEND:VCARD')),
  (21, pg_temp.attached('Your order 4411 is out for delivery today.', 'application/octet-stream', 'order.csv', E'item,quantity,price\nboiler,1,£899.00\npump,2,£49.50\ndelivery,1,£5.00')),
  (22, pg_temp.attached('Your order 4411 is out for delivery today.', 'application/octet-stream', 'txt', 'Upgrade to Prime+ today and save £20!'));
SELECT n, c.* FROM attached, consent.classify_raw(message) AS c ORDER BY n;
SELECT n, (consent.read_raw(message)).body, a.name, left(a.body, 40) AS body FROM attached, consent.read_attachments(message) AS a ORDER BY n;
SELECT e.rule, e.excerpt FROM attached, consent.read_attachments(message) AS a, consent.evidence(a.body) AS e WHERE n = 2 ORDER BY rule, start;
SELECT count(*) FROM consent.read_attachments(NULL);
SELECT a.*, (consent.read_raw(message)).body FROM pg_temp.raw(E'Content-Type: application/octet-stream; name=offer.txt\n\nSave £20 on boilers today!') AS message, consent.read_attachments(message) AS a;
-- Of calendars and contact cards there is read what people are shown; what is not of their form, as it is.
CREATE FUNCTION pg_temp.calendar(lines text) RETURNS text LANGUAGE sql AS $$ SELECT E'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n' || lines || E'\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n' $$;
CREATE TEMP TABLE shown (n int, type text, source text);
INSERT INTO shown VALUES
  (1, 'text/calendar', pg_temp.calendar(E'UID:4411@acme.example\nDTSTART;TZID="Europe/London":20261201T080000\nSUMMARY;LANGUAGE=en:Visit of our engineer\\; order\\, 4411\nLOCATION;ALTREP="http://acme.example:80/;x":1 High St\\nLeeds\n' ||
     E'Description:We service your boil\r\n er between 8 and 10.\\NPlease be at\n\t home. C:\\\\\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nCOMMENT:soon\nEND:VALARM\n\nX-PROGRAM:Save £20 on boilers today')),
  (2, 'text/calendar', pg_temp.calendar(E'SUMMARY:Delivery of your order 4411\nDESCRIPTION:Upgrade to Prime+ to\n day and sa\n ve £20!')),
  (3, 'text/x-vcard', E'\ufeffBEGIN:VCARD\nVERSION:3.0\nN:Sale;Summer;;;\nFN:Summer Sale\nitem1.EMAIL;TYPE=INTERNET:sale@acme.example\nEND:VCARD\n\nbegin:vcard\nversion:4.0\nfn:Acme\nend:vcard'),
  (4, 'text/directory; profile=vcard', E'BEGIN:VCARD\nVERSION:3.0\nFN:Acme\nitem1.NOTE:20% off all boilers this weekend only!\nEND:VCARD'),
  -- HTML beside the text is a text of its own
  (5, 'text/calendar', pg_temp.calendar(E'SUMMARY:Delivery of your order 4411 <today>\nX-ALT-DESC;FMTTYPE=text/html:<html><p style="x:y">20% off all\\nboilers this weekend only!</p>')),
  -- no such object; not ended; text before, behind or within it; encoded as versions before had it; a quote that does not end
  (6, 'text/vcard', 'Save £20 on boilers today!'),
  (7, 'text/calendar', E'BEGIN:VCALENDAR\nBEGIN:VEVENT\nX-SUMMARY:Save £20 on boilers today!\nEND:VEVENT'),
  (8, 'text/calendar', pg_temp.calendar('X:') || 'Save £20 on boilers today!'),
  (9, 'text/calendar', 'NOTE:Save £20 on boilers today!' || E'\n' || pg_temp.calendar('X:')),
  (10, 'text/calendar', pg_temp.calendar(E'X:y\nSave £20 on boilers today!')),
  (11, 'text/calendar', pg_temp.calendar('DESCRIPTION;CHARSET=UTF-8;Encoding=Quoted-Printable:20=25 off, save £20 on boilers today!')),
  (12, 'text/calendar', pg_temp.calendar('DESCRIPTION;BASE64:save £20 on boilers today!')),
  (13, 'text/calendar', pg_temp.calendar('DESCRIPTION;X="a:save £20 on boilers today!')),
  (14, 'text/calendar', ''),
  -- other types are no calendars, whatever is in them
  (15, 'text/plain', pg_temp.calendar('UID:1')),
  -- as Gmail attaches invitations
  (16, 'application/ics', pg_temp.calendar('SUMMARY:20% off all boilers this weekend only!')),
  -- names of people, places and things are shown, but are no text, except where they are more than that
  (17, 'text/vcard', E'BEGIN:VCARD\nVERSION:3.0\nN:Müller;Jürgen;;Dr.;\nFN:Dr. Jürgen Müller\nNICKNAME:Jo\nORG:University of Newcastle upon Tyne;Department of Computer Science\nTITLE:Head of Sales and Marketing\n' ||
       E'ADR;LABEL="Flat 2, 14 Upper Brook St":;;14 Upper Brook Street;Newcastle upon Tyne;;NE1 1AA;United Kingdom\nTEL:+441912220000\nURL:https://acme.example/shop?a=50%25&b=$!\nCATEGORIES:Work,Business\nEND:VCARD'),
  (18, 'text/calendar', pg_temp.calendar(E'ORGANIZER;CN="Smith; Jane: Acme":mailto:jane@acme.example\nATTENDEE;RSVP=TRUE;CN=Bob Jones;X-NUM-GUESTS=0:mailto:bob@example.com\nSUMMARY:Project meeting\nCATEGORIES:APPOINTMENT')),
  (20, 'text/vcard', E'BEGIN:VCARD\nFN:20% off all boilers\nEND:VCARD'),
  (21, 'text/vcard', E'BEGIN:VCARD\nN:;Our\\nsummer\\nsale is now on\\, with everything half price\nEND:VCARD'),
  (22, 'text/vcard', E'BEGIN:VCARD\nNICKNAME:Save £20 today\nEND:VCARD'),
  (23, 'text/vcard', E'BEGIN:VCARD\nORG:Acme;20% off all boilers\nEND:VCARD'),
  (24, 'text/vcard', E'BEGIN:VCARD\nTITLE:20% off all boilers\nEND:VCARD'),
  (25, 'text/vcard', E'BEGIN:VCARD\nROLE:20% off all boilers\nEND:VCARD'),
  (26, 'text/vcard', E'BEGIN:VCARD\nADR;LABEL="20% off all boilers":;;1 High St;Leeds\nEND:VCARD'),
  (27, 'text/vcard', E'BEGIN:VCARD\nADR:;;20% off all boilers;Leeds\nEND:VCARD'),
  (28, 'text/vcard', E'BEGIN:VCARD\nURL:20% off all boilers\nEND:VCARD'),
  (29, 'text/calendar', pg_temp.calendar('CATEGORIES:20% off all boilers')),
  (30, 'text/calendar', pg_temp.calendar('CONTACT:20% off all boilers')),
  (31, 'text/calendar', pg_temp.calendar('NAME:20% off all boilers')),
  (32, 'text/calendar', pg_temp.calendar('X-WR-CALNAME:20% off all boilers')),
  (33, 'text/calendar', pg_temp.calendar('X-WR-CALDESC:20% off all boilers')),
  (34, 'text/calendar', pg_temp.calendar('ORGANIZER;CN="20% off: all boilers":mailto:a@acme.example')),
  (35, 'text/calendar', pg_temp.calendar(E'ATTENDEE;RSVP=TRUE;cn=20% off all boilers;X-Y=z:mailto:a@acme.example')),
  (36, 'text/calendar', pg_temp.calendar(E'X-APPLE-STRUCTURED-LOCATION;X-TITLE="20% off all boilers":geo:1,2')),
  -- of what calendars are called, if it is short, only rules tell: the model takes any of it for anything
  (38, 'text/calendar', pg_temp.calendar('X-WR-CALNAME:Half price kettles this week')),
  (39, 'text/calendar', pg_temp.calendar(E'NAME:Women in Business network\nCATEGORIES:Fitness classes at Brightwell')),
  (50, 'text/calendar', pg_temp.calendar('CATEGORIES:Brightwell summer sale')),
  (51, 'text/calendar', pg_temp.calendar(E'ORGANIZER;CN=Summer Sale:mailto:a@acme.example\nNAME:Sale Sharks fixtures')),
  (52, 'text/calendar', pg_temp.calendar('NAME:Rendez-vous avec le dentiste')),
  (37, 'text/calendar', pg_temp.calendar('ATTENDEE;CN="20% off all boilers";CN=Jo:mailto:a@acme.example')),
  -- encoded, as they had it up to vCard 3.0
  (40, 'text/x-vcard', E'BEGIN:VCARD\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=BCr=\ngen\nX-A;QUOTED-PRINTABLE:a=0D=0A=\n=\nb=\n\nPHOTO;ENCODING=BASE64;TYPE=JPEG:/9j/4AAQ\n SkZJRg==\nEND:VCARD'),
  (41, 'text/vcard', E'BEGIN:VCARD\nNOTE;ENCODING=b:' || left(encode('20% off all boilers this weekend only!', 'base64'), 30) || E'\n ' || substr(encode('20% off all boilers this weekend only!', 'base64'), 31) || E'\nEND:VCARD'),
  (42, 'text/x-vcard', E'BEGIN:VCARD\nNOTE;QUOTED-PRINTABLE:20=25 off all bo=\nilers this week=65nd only!\nEND:VCARD'),
  -- and what cannot be decoded is as good as unread: another encoding or two, what it has not, no UTF-8, a NUL, or within what is not of the form
  (43, 'text/vcard', E'BEGIN:VCARD\nNOTE;ENCODING=x:MjAlIG9mZg==\nEND:VCARD'),
  (44, 'text/vcard', E'BEGIN:VCARD\nNOTE;ENCODING=b;QUOTED-PRINTABLE:MjAlIG9mZiBib2lsZXJz\nEND:VCARD'),
  (45, 'text/vcard', E'BEGIN:VCARD\nNOTE;QUOTED-PRINTABLE:Your order, sa=\n le\nEND:VCARD'),
  (46, 'text/vcard', E'BEGIN:VCARD\nNOTE;QUOTED-PRINTABLE:Your order=A0\nEND:VCARD'),
  (47, 'text/vcard', E'BEGIN:VCARD\nNOTE;QUOTED-PRINTABLE:Your order=00\nEND:VCARD'),
  (48, 'text/vcard', E'BEGIN:VCARD\nYour order\nNOTE;ENC\n ODING=b:MjAlIG9mZg==\nEND:VCARD'),
  (49, 'text/vcard', E'BEGIN:VCARD\nYour order\nNOTE:Your order; delivered\nEND:VCARD');
SELECT n, c.class, c.needs_review, replace(a.body, E'\r', '') AS body
  FROM shown, pg_temp.attached('Your order 4411 is out for delivery today.', type, 'a', source) AS message, consent.classify_raw(message) AS c, consent.read_attachments(message) AS a ORDER BY n, a.body;
-- an invitation, which mail programs send as an alternative
SELECT n, m.body, (consent.classify_raw(message)).class
  FROM shown, pg_temp.raw(E'Subject: Your delivery\nContent-Type: multipart/alternative; boundary=x\n\n--x\n\nYour order arrives today.\n--x\nContent-Type: text/html\n\n<p>Your order arrives today.</p>\n--x\nContent-Type: ' || type ||
                          E'; method=REQUEST\n\n' || source || E'\n--x--\n') AS message, consent.read_raw(message) AS m
 WHERE n IN (1, 2, 3, 5) ORDER BY n;
