-- What a message is, and why.
LOAD 'pg_consent';
\pset format unaligned

-- The verdicts.
SELECT * FROM consent.classify(body => 'Your order 4411 is out for delivery. Upgrade to Prime+ today and save £20!');
SELECT c.* FROM (VALUES
  (1, 'Your security code is 482913. Never share it.'),
  (2, 'Black Friday is here: 20% off everything. Shop now!'),
  (3, 'Would you like to hear from us about our new range?'),
  (4, 'How did we do? Rate your delivery from 1 to 5.'),
  (5, 'Please take our short survey and get 20% off your next visit.'),
  (6, 'Ofcom rules mean that we must tell you this.'),
  (7, 'Severe flood warning: evacuate now.'),
  (8, 'Qwertyuiop.')) AS v(n, body), consent.classify(v.body) c ORDER BY n;

-- One hit of tone proves little, two leave a doubt.
SELECT * FROM consent.classify('Amazing.');
SELECT * FROM consent.classify('Amazing. Hurry.');
SELECT * FROM consent.classify('Your parcel is at the depot. Hurry.');

-- A sender's own label proves nothing, and next to promotion looks odd.
SELECT * FROM consent.classify('This is a service message.');
SELECT * FROM consent.classify('This is a service message. 20% off everything.');
-- ... wherever it stands, and however often it is said.
SELECT b AS body, label, w.class FROM
  unnest(ARRAY['Vote for Jane Smith on Thursday 2 May.', 'Leave us a review on Trustpilot and tell others about us.',
               'Your premium of £31.20 is due on the 5th.']) AS b,
  unnest(ARRAY['%s', 'This is a service message. %s', 'SERVICE MESSAGE: %s', '%s This is a service message and not marketing.',
               '%s You are receiving this service email because you are a customer.',
               'Please note this is a purely administrative message and contains no marketing. %s']) WITH ORDINALITY AS l(label, n),
  consent.classify(format(label, b)) w ORDER BY b, n;

-- What other rules find in it is part of it.
SELECT class, score = (consent.classify('Only four of the oak tables left, and we''re not making more.')).score AS no_less, rules
  FROM consent.classify('Please note this is a purely administrative message and contains no marketing. Only four of the oak tables left, and we''re not making more.');
-- Footers and everyday phrases are neutral.
SELECT * FROM consent.classify('Your parcel arrives today. To stop receiving our latest offers text STOP to 60777.');
-- Below a message they change nothing of it,
SELECT body, footer, w.class FROM
  unnest(ARRAY['Vote for Jane Smith on Thursday 2 May.', 'Your table for two is booked for 7pm on Friday.']) AS body,
  unnest(ARRAY['', E'\n\nTo stop receiving marketing texts reply STOP.', E'\n\nUnsubscribe | Privacy policy | View in browser',
               E'\n\nThis email was sent to jo@example.com by Acme Ltd.', E'\n\nYou are receiving this email because you have an account with us.']) WITH ORDINALITY AS f(footer, n),
  consent.classify(body || footer) w ORDER BY body, n;
SELECT class FROM consent.classify('Your order is out for delivery today. Opt out of boring weekends with our new spa breaks.');
-- ... but hide no promotion behind them.
SELECT class, rules FROM consent.classify('Your parcel arrives today. Reply STOP to opt out, or shop now for 20% off.');
SELECT class, rules FROM consent.classify('We offer our apologies: your refund is on its way. Feel free to call.');
SELECT class, rules FROM consent.classify('The sale of your house has completed. Save this number for any questions.');
SELECT class, rules FROM consent.classify('Scam alert: fraudsters promise a free prize. Your card has been blocked.');

-- Details and marketing preferences in one breath (Flybe), and a permission that is not on record: unknown, if the model takes so plain a request for a notice.
SELECT class, rules FROM unnest('{"Please confirm that your contact details and communication preferences are correct.",
  "Check that your details are up to date and tell us whether you want marketing from us.",
  "We have no record of your consent to marketing. Please confirm.",
  "We have no record of your consent to the operation. Please sign the form.",
  "We confirm your details and marketing preferences have been updated."}'::text[]) WITH ORDINALITY AS m(body, n), consent.classify(body) ORDER BY n;

-- A line that somebody ended is no part of the next, however wide it is; a request is one beside promotion that is none yet.
SELECT consent.is_marketing(class) FROM unnest(ARRAY[E'Your parcel from Marlowe and Finch has been dispatched with Northway today\nHalf price kettles all week',
  E'Your receipt is attached.\nPlease confirm you still want our emails.\nCome and see us.']) WITH ORDINALITY AS m(body, n), consent.classify(body, NULL, 'email') ORDER BY n;
-- A word to a line, in capitals too, a message is what it would be in one; where it is doubtful whether a line was ended, it is what either reading promotes.
SELECT consent.is_marketing(class) FROM unnest(ARRAY[E'We\nthink\nyou\nwill\nlove\nwhat\nwe\nhave\ndone\nwith\nthe\nspa', E'We\nThink\nYou\nWill\nLove\nWhat\nWe\nHave\nDone\nWith\nThe\nSpa',
  E'Choose\nBrightwell\nWindows\nWarmer\nHomes\nLower\nBills', E'Your lease ends in May. Come\nto us for the next one instead.', E'Your table is booked for 4 May\nhalf price starters all week',
  E'Your\nnew\nglasses\nare\nready\nto\ncollect\nfrom\nour\nshop\nin\nDeal.', E'Your\nvoucher\nwas\nused\ntoday\nat\nour\nLeeds\nstore.']) WITH ORDINALITY AS m(body, n), consent.classify(body, NULL, 'sms') ORDER BY n;
-- One sentence that promotes is enough among ten notices or a thousand, unless a cap takes what was found in it.
SELECT says, n, class FROM (VALUES ('Get 20% off all boilers this weekend only! Order now.', 'Your meter at flat %s was read on the 4th and the reading was %s.'),
  ('Deals: shop now.', 'Minutes of the allotment committee, item %s: plot %s was let, the water was turned off, and Mr Hale thanked the volunteers.')) m(says, notice),
  unnest('{10,1000}'::int[]) n, LATERAL consent.classify(says || E'\n\n' || (SELECT string_agg(format(notice, i, i * 37), E'\n') FROM generate_series(1, n) i), NULL, 'email') c ORDER BY says, n;
INSERT INTO consent.rule (code, class, condition, citation, description, positive, negative) VALUES
  ('own.offer', NULL, 'price.offer then cap price.* at 0.8', 'x', 'x', '{}', '{}'), ('own.shop', NULL, 'ask.shop then cap ask.* at 0', 'x', 'x', '{}', '{}');
SELECT class FROM consent.classify('Deals: shop now.' || E'\n\n' || (SELECT string_agg(format('Minutes of the allotment committee, item %s: plot %s was let, the water was turned off, and Mr Hale thanked the volunteers.', i, i * 37), E'\n')
  FROM generate_series(1, 10) i), NULL, 'email');
DELETE FROM consent.rule WHERE code IN ('own.offer', 'own.shop');
-- A plea to donate is promotion whatever stands around it.
SELECT class FROM unnest(ARRAY['Your booking is confirmed for 3 May at 10am. Please bring photo ID. We are a small charity, please donate to help us carry on.',
  'Thank you for your donation of £20. Your receipt is attached.', 'Your appointment to give blood is on 3 May at 10am in the town hall. Please donate blood only if you feel well.']) WITH ORDINALITY AS m(body, n), consent.classify(body, NULL, 'email') ORDER BY n;
-- Findings are told in no order of their places, of both parts.
SELECT count(*) > 10 AS some, bool_and(excerpt = substr(CASE part WHEN 'subject' THEN subject ELSE body END, start, length)) AS in_place
  FROM (VALUES ('Été: save £20 today', repeat('Café: save £20 today. Order now! Your parcel has arrived. ', 20))) AS m(subject, body),
       consent.evidence(body, subject);

-- An offer within a long notice is not drowned by it.
SELECT class FROM repeat('If you received this email in error, please accept our apologies. Your statement is ready and the payment will be taken from your account on the date that is shown there. ', 30) notice,
  consent.classify(notice || 'Why not treat yourself to a bigger bundle this month? ' || notice);

-- For texts like this one EE was fined: whatever the model thinks of it, it is no service message.
SELECT class <> 'service' AS stopped FROM consent.classify('From EE: have you tried the My EE app yet? Use it to check your bills and keep track of your data and usage.', NULL, 'sms');

-- Free minutes and a handset are promotion; minutes that are left are not, nor is naming a number that is dear to call, shorthand or opening hours.
SELECT consent.is_marketing(class) FROM unnest(ARRAY['Nokia colour handset, 300 free minutes and free camcorder, delivered tomorrow. Call 0800 112 0000',
  'You have a new message. Dial 901 to hear it', 'Your bill: 2 calls to 0906 112 0000 came to £12.40. To stop such calls, text BAR to 60123.',
  'Ur txts r bk on, sorry 4 the wait. Pls switch ur fone off & on', 'You have 80 free minutes left this month.', 'Phone lines open 0900-1700.',
  'Your SIM-free handset is repaired.']) WITH ORDINALITY AS m(body, n), consent.classify(body, NULL, 'sms') ORDER BY n;

-- A lure to a number or code that costs more is promotion, however plain the model finds it; that bills, warnings and disputes name such a number is not.
SELECT n, consent.is_marketing(class), array_to_string(ARRAY(SELECT r FROM unnest(rules) r WHERE r LIKE 'price.premium%' OR r LIKE 'price.lure%' ORDER BY r), ' ') AS by
  FROM unnest(ARRAY['Your 2026 account statement shows 640 un-redeemed bonus points. Call 0871 112 0000 quoting 4471', 'Please call 0871 112 0000, there is an urgent message waiting for you.',
  'Hiya its Dee, home alone again. Leave me a msg on 09050 112 000 x', 'We hold an item for you that could not be left. To arrange release ring 09050 112 000.', '200 free texts! Just text OK to 80000 and we credit your account',
  'Your April bill is £31.40. It includes a call of 2 min 10 s to 0906 112 0000 (£3.90).', 'You complained that you were charged £18 for calls to 09050 112 000, which you did not make.', 'Scam warning: do not ring 09050 112 000 back.',
  'For a refund call 0871 112 0000, 13p a minute plus your access charge.', 'Your repair is booked. Questions? Call 0871 112 0000.', 'Your parcel could not be left. Rebook on 0345 112 0000, ref 09050112.']) WITH ORDINALITY AS m(body, n), consent.classify(body, NULL, 'sms') ORDER BY n;
-- In texts words have other weights, learned from texts; a channel that is not said is none. What such a text sells is found all the same.
SELECT n, channel, consent.is_marketing(class) FROM unnest(ARRAY['Great. I''m in church now, will holla when i get out', 'Got a gap Fri 3pm, cut n blow dry half price if u fancy it x']) WITH ORDINALITY AS m(body, n),
  unnest('{sms,mms,social_dm,email,NULL}'::consent.channel[]) WITH ORDINALITY AS c(channel, o), consent.classify(body, NULL, channel) ORDER BY n, o;
SELECT count(DISTINCT citation) AS by_other_words FROM unnest('{sms,email}'::consent.channel[]) channel, consent.evidence('Hiya hun im doing candles now, 3 for 10, shout if u want any x', NULL, channel) WHERE rule = 'model.promotion';
-- Of a rule that weighs 1 the model may take back what it finds plain.
BEGIN;
UPDATE consent.rule SET weight = 1 WHERE code = 'price.premium_number';
SELECT class FROM consent.classify('We hold an item for you that could not be left. To arrange its release we are on 09050 112 000.', NULL, 'sms');
ROLLBACK;

-- Nothing to read is unknown.
SELECT * FROM consent.classify(NULL);
SELECT * FROM consent.classify('', '');
SELECT * FROM consent.classify(U&'\200B \00AD');
SELECT * FROM consent.classify(NULL, '20% off everything');
SELECT class, needs_review FROM consent.classify('Your parcel arrives today. ' || repeat('x ', 600000));

-- Nor can what is written in code be read: an id of a template, a digest, base64.
SELECT what, count(DISTINCT class) AS classes, min(class) AS class
  FROM generate_series(1, 200) n,
       LATERAL (VALUES ('digest', md5(n::text)), ('template', format('{"template_id": "%s"}', overlay(md5(n::text) PLACING '-' FROM 9 FOR 1))),
                ('base64', encode(convert_to(format('Get %s%% off all boilers this weekend only!', n), 'UTF8'), 'base64'))) AS t(what, body),
       consent.classify(body)
 GROUP BY what ORDER BY what;
SELECT body, class FROM unnest('{Your OTP is 482913,"Hi Jo, ref AB12CD34 has gone out",Ur parcel is due 2moro at 4pm}'::text[]) body, consent.classify(body);

-- Evidence points at the text as given.
SELECT * FROM consent.evidence(U&'Caf\00E9 \2013 sa\200Bve \FFE120 today. Your parcel arrives today.', '20% off');
SELECT start, length, excerpt, substr(b, start, length) = excerpt AS same
  FROM (SELECT '<p>Hi &amp; hello,</p><p>s<b></b>a&#118;e &pound;20 now</p>' AS b) s, consent.evidence(b) WHERE rule = 'price.save_amount';
SELECT count(*) FROM consent.evidence(repeat('20% off. ', 300)) WHERE rule = 'price.percent_off';
-- What cannot be judged says why, without a place.
SELECT body, e.rule, e.class, e.weight, e.start, e.citation, c.class AS judged
  FROM unnest('{Qwertyuiop.,Ihr Paket wird heute zugestellt.,Ваша посылка прибудет сегодня,"",Your parcel arrives today.,"20% de réduction sur tout"}'::text[]) AS body,
       consent.classify(body) AS c LEFT JOIN LATERAL consent.evidence(body) AS e ON e.rule ~ '^text';
SELECT e.rule, e.citation FROM consent.evidence('Your parcel arrives today. ' || repeat('x ', 600000)) AS e WHERE rule ~ '^text';

-- Highlighted, and safe to show.
SELECT consent.highlight('<script>alert("x & y")</script> 20% off, save £20!', E'It''s 20% off');
SELECT consent.highlight('', NULL), consent.highlight(NULL, NULL);
-- In a few words that serve nothing a rule is right; beside a service, or in a longer text, the model may know better.
SELECT t, (c).class, (c).rules FROM (SELECT t, consent.classify(t) AS c FROM unnest(ARRAY['SALE ends today', 'Free gift', 'Vote Labour on Thursday', 'You spent £42.10 at THE GREAT OFFER OUTLET.',
  'Your lottery ticket matched 3 numbers. You''ve won £30, which is in your account.']) t) s;
-- Findings that overlap share a mark.
SELECT consent.highlight('Use discount code SAVE20 at checkout');

-- Patterns.
SELECT * FROM consent.try_rule('s[aā]ve', U&'SAVE, sa\00ADve, Sāve');
SELECT * FROM consent.try_rule('SAVE', 'Save');
SELECT * FROM consent.try_rule('é(b', 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.try_rule('a*', 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.try_rule('', 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.try_rule(repeat('x', 5000), 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.try_rule('(a+)+[bc]', repeat('a', 1000));
\echo :LAST_ERROR_SQLSTATE
-- A match can be stopped, in a short text and in a long one; what it finds is the same.
SET statement_timeout = '100ms';
SELECT * FROM consent.try_rule('(?:(?=[a-y]*z)b|a)+[xz]', repeat('a', 10000));
SELECT * FROM consent.try_rule('(?=[a-y]*z)a', repeat('a', 1000000));
\echo :LAST_ERROR_SQLSTATE
RESET statement_timeout;
SELECT start, length FROM consent.try_rule('a.*?[xz]', repeat('b', 10) || repeat('a', 10) || repeat('b', 20000) || 'z');
SELECT * FROM consent.try_rule('(a+)+[bc]', repeat('a', 20000));
-- What must stand at the beginning may, and mistakes are where they are.
SELECT * FROM consent.try_rule('(*UCP)(*NO_JIT)sale|b', 'A sale');
SELECT * FROM consent.try_rule('(*UCP)(', 'x');
SELECT * FROM consent.try_rule('(?#', 'x');
-- Capitals by their number, too, stand for either case; what folding leaves in no text is warned of.
SELECT p, consent.try_rule(p, 'Sale') FROM unnest(ARRAY['\x53', '\x{53}', '\N{U+53}', '\o{123}', '\x{53}\x{41}le']) AS p;
SELECT consent.pattern_literals('\x{53}\x{41}le');
SELECT p, (SELECT count(*) FROM consent.try_rule(p, 'Don’t miss the SALE: ½ of it – 5 § Été'))
  FROM unnest(ARRAY['[[:upper:]]', '(?-i)SALE', '(?-i:SALE)', 'don’t', '\bmiss –', '[[:alpha:]’]½', '[]’]½']) AS p;
-- Later releases of PCRE2 take this for any letter with a case.
SELECT FROM consent.try_rule('\p{Lu}\w', '1');
-- But not of what is there, or stands beside it.
SELECT p, (SELECT count(*) > 0 FROM consent.try_rule(p, 'Don’t miss the SALE: ½ of it – 5 § Été')) AS found
  FROM unnest(ARRAY['SALE', '[A-Z]', '\P{Lu}', '[^\p{Lu}]', '[[:^upper:]]', '(?i)SALE', 'don[’'']t', '[]’'']', '[^]’]', '[[:alpha:]–]', '\pL+', '\S\D\W', '\ASALE|\AD',
                    '(?<Name>sale)', '§', 'Été', '\\p{Lu}|s']) AS p;
INSERT INTO consent.rule (code, class, pattern, exceptions, citation, description) VALUES ('own.quotes', 'service', 'it’s', 'don’t', 'x', 'x');
DELETE FROM consent.rule WHERE code = 'own.quotes';
-- No shipped rule asks for such a thing.
SELECT count(*) FROM consent.rule AS r, consent.try_rule(r.pattern, 'x');
SELECT count(*) FROM consent.rule AS r, consent.try_rule(r.exceptions, 'x');
-- Found also where matching starts anew, after some thousand characters.
SELECT * FROM consent.try_rule('needle', repeat('é', 4096) || ' needle ' || repeat('x', 5000) || ' needle');

-- What each match contains, by which rules are chosen to be tried.
SELECT p, consent.pattern_literals(p) FROM unnest(ARRAY[
  '\bsale\b', '(?:big|huge) sav(?:e|ings?)', '£ ?\d+', '\d{1,2} ?%', 'sa(?=le)', '(?<=x)y+offer', 'of{2}er', 'h[ae]llo',
  '(?:deal|offer)?s ends', 'a.*zebra', 'ZEBRA', 'Straße', 'zebra|\d', '[^a]', '(?i)zebra', '(zebra)\1', '(?P<n>quiz)*x', 'é{2}|ü', 'zeb\x{72}a\.',
  'quiz(?#c)', '(?:zebra){0}x', '[]z]ebra', '(?>jinx|juke)+', '(*UCP)zebra', '\Qzebra\E', 'e',
  '(?:deal|offer).*(?:closes|quickly)', '(?:parcel|letter).*is on it']) AS p;

-- Where a rule may speak.
CREATE FUNCTION pg_temp.quux(part text) RETURNS TABLE (excerpt text) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO consent.rule (code, class, pattern, parts, citation, description)
    VALUES ('own.quux', 'direct_marketing', 'quux[a-z]+', ARRAY[part], 'house rule', 'quux');
  RETURN QUERY SELECT e.excerpt FROM consent.evidence('<p style="display:none">Quuxbar</p><a href="https://x.example/quuxurl">Quuxlink</a>
    <img alt="Quuxalt"> Quuxbody <footer>Quuxfoot</footer>', 'quuxsubject') AS e WHERE e.rule = 'own.quux';
  DELETE FROM consent.rule WHERE code = 'own.quux';
END $$;
SELECT part, (SELECT array_agg(excerpt) FROM pg_temp.quux(part)) FROM unnest('{body,link,alt,preheader,footer,url,subject}'::text[]) AS part;
-- What a template leaves to be filled in says nothing, but a sentence in its braces does.
SELECT class FROM (VALUES ('Dear %{first_name}, your parcel <%= parcel.number %> has been delivered to ((first line)).'),
  ('Your parcel has been delivered. ((Why not treat yourself to our lovely new range of sofas, in store now?))')) AS v(body), consent.classify(body);
-- The source of a message is for classify_raw(): what is encoded in it may say anything.
SELECT m, class, needs_review FROM unnest(ARRAY[
    E'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nR2V0IDQwJSBvZmYgdG9kYXkgd2l0aCBjb2RlIFNBVkU0MA==',
    E'From: a@b.example\nX-Long: a\n b\ncontent-type:  MULTIPART/mixed; boundary=x\n\n--x\n\nYour parcel arrives today.',
    E'Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\nYour parcel arrives today.',
    E'Delivery: today\nYour parcel arrives today.\nContent-Transfer-Encoding: base64',
    'Your parcel arrives today. =?utf-8?B?RmxhaCBzYWxl?=', 'Your parcel arrives today: a =?b, 2 = ?']) m, consent.classify(m);
SELECT class FROM consent.classify('Your parcel arrives today.', '=?iso-8859-1?q?Parcel?=');

-- A picture may say anything.
SELECT class, needs_review FROM (VALUES ('<p><img src=a.png></p>'), ('<p><img src=a.png alt="Your parcel arrives today"></p>'),
  ('<p><img src=a.png>Thank you</p>')) AS v(html), consent.classify(html, 'Your parcel arrives today');
-- Hidden words make no service of a message, but promotion of it.
SELECT class, rules FROM consent.classify('<p>Hello</p><p style="display:none">Your parcel arrives today</p>');
SELECT class, rules FROM consent.classify('<p>Your parcel arrives today</p><p style="display:none">20% off everything</p>');

-- Rules of one's own.
CREATE FUNCTION pg_temp.rules(text) RETURNS text LANGUAGE sql AS
  $$ SELECT class || ' ' || rules::text FROM consent.classify($1) $$;
SELECT pg_temp.rules('Zorkmid festival');
INSERT INTO consent.rule (code, class, pattern, citation, description, positive, negative)
VALUES ('own.zorkmid', 'direct_marketing', 'zorkmid', 'house rule', 'zorkmids', '{a Zorkmid}', '{no zork}');
SELECT pg_temp.rules('Zorkmid festival');
UPDATE consent.rule SET enabled = false WHERE code = 'own.zorkmid';
SELECT pg_temp.rules('Zorkmid festival');
UPDATE consent.rule SET enabled = true, class = 'service' WHERE code = 'own.zorkmid';
SELECT pg_temp.rules('Zorkmid festival');
-- A rule for one channel.
UPDATE consent.rule SET channels = '{sms}' WHERE code = 'own.zorkmid';
SELECT ch, class FROM unnest('{sms,email}'::consent.channel[]) ch, consent.classify('Zorkmid festival', NULL, ch);
SELECT class FROM consent.classify('Zorkmid festival');
-- A rule for subjects.
UPDATE consent.rule SET parts = '{subject}' WHERE code = 'own.zorkmid';
SELECT class FROM consent.classify('Zorkmid festival');
SELECT class FROM consent.classify('Festival', 'Zorkmid');

-- A change that is rolled back never happened, whoever looked at it.
BEGIN;
UPDATE consent.rule SET pattern = 'quatloo', parts = '{body}', positive = '{}', negative = '{}' WHERE code = 'own.zorkmid';
SELECT pg_temp.rules('quatloo');
ROLLBACK;
SELECT pg_temp.rules('quatloo');
BEGIN;
SAVEPOINT s;
UPDATE consent.rule SET pattern = 'quatloo', parts = '{body}', positive = '{}', negative = '{}' WHERE code = 'own.zorkmid';
SELECT pg_temp.rules('quatloo');
ROLLBACK TO s;
SELECT pg_temp.rules('quatloo');
COMMIT;
-- Rows of one transaction that lie where others of it have lain are others.
BEGIN;
TRUNCATE consent.rule;
INSERT INTO consent.rule (code, class, pattern, citation, description) VALUES ('own.zorkmid', 'service', 'zorkmid', 'house rule', 'x');
SELECT pg_temp.rules('The zorkmid is in room 4, the quatloo in room 5.');
TRUNCATE consent.rule;
INSERT INTO consent.rule (code, class, pattern, citation, description) VALUES ('own.quatloo', 'service', 'quatloo', 'house rule', 'x');
SELECT pg_temp.rules('The zorkmid is in room 4, the quatloo in room 5.');
ROLLBACK;
SELECT pg_temp.rules('The zorkmid is in room 4, the quatloo in room 5.');
-- A transaction with an old snapshot sees rules as they are.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) > 0 AS snapshot_taken FROM consent.rule;
UPDATE consent.rule SET pattern = 'quatloo', parts = '{body}', positive = '{}', negative = '{}' WHERE code = 'own.zorkmid';
SELECT pg_temp.rules('quatloo');
COMMIT;
SELECT pg_temp.rules('quatloo');

-- Sessions load the rules compiled; what was written behind the triggers' back is not overlooked.
SELECT count(*) > 10 AS compiled FROM consent.ruleset;
ALTER TABLE consent.rule DISABLE TRIGGER ALL;
UPDATE consent.rule SET pattern = 'flurbo' WHERE code = 'own.zorkmid';
ALTER TABLE consent.rule ENABLE ALWAYS TRIGGER check_rule;
ALTER TABLE consent.rule ENABLE ALWAYS TRIGGER tell_sessions;
\c -
SELECT class, rules FROM consent.classify('quatloo');
SELECT class, rules FROM consent.classify('flurbo');
SELECT consent.compile_rules();
\c -
SELECT class, rules FROM consent.classify('flurbo');
-- Somebody else's pieces are no rules.
INSERT INTO consent.ruleset VALUES (0, 'x'), (100000, 'y');
\c -
SELECT class, rules FROM consent.classify('flurbo');
UPDATE consent.rule SET pattern = 'quatloo' WHERE code = 'own.zorkmid';
SELECT count(*) FROM consent.ruleset WHERE piece IN ('x', 'y');
CREATE FUNCTION pg_temp.rules(text) RETURNS text LANGUAGE sql AS
  $$ SELECT class || ' ' || rules::text FROM consent.classify($1) $$;

-- A rule that gives up is never "no match".
INSERT INTO consent.rule (code, class, pattern, citation, description)
VALUES ('own.runaway', 'direct_marketing', '(a+)+[bc]', 'house rule', 'runs away');
SELECT * FROM consent.classify('Your parcel arrives today ' || repeat('a', 1000) || 'dab');
SELECT * FROM consent.classify('20% off ' || repeat('a', 1000) || 'dab');
SELECT rule, class, start, length, excerpt FROM consent.evidence('Your parcel arrives today ' || repeat('a', 1000) || 'dab');
-- Without b and c behind it there is no match, and no need to try.
SELECT class, rules FROM consent.classify('Your parcel arrives today ' || repeat('a', 1000));
DELETE FROM consent.rule WHERE code = 'own.runaway';

-- Rules that are refused.
\set own 'INSERT INTO consent.rule (code, class, pattern, citation, description, positive, negative) VALUES '
:own ('own.bad', 'service', 'a(b', 'x', 'x', '{}', '{}');
\echo :LAST_ERROR_SQLSTATE
:own ('own.bad', 'service', 'a?', 'x', 'x', '{}', '{}');
\echo :LAST_ERROR_SQLSTATE
:own ('own.bad', 'service', 'abc', 'x', 'x', '{abd}', '{}');
\echo :LAST_ERROR_SQLSTATE
:own ('own.bad', 'service', 'abc', 'x', 'x', '{}', '{d,ABC}');
\echo :LAST_ERROR_SQLSTATE
:own ('own.bad', 'service', '(a+)+[bc]', 'x', 'x', '{}', ARRAY[repeat('a', 1000)]);
\echo :LAST_ERROR_SQLSTATE
:own ('Own Bad', 'service', 'abc', 'x', 'x', '{}', '{}');
\echo :LAST_ERROR_SQLSTATE
:own ('own.bad', 'mixed', 'abc', 'x', 'x', '{}', '{}');
\echo :LAST_ERROR_SQLSTATE
:own ('own.bad', 'service', NULL, 'x', 'x', '{}', '{}');
\echo :LAST_ERROR_SQLSTATE

-- Where an exception is in the same sentence, a rule does not speak.
:own ('own.zork', 'service', 'zork', 'x', 'x', '{A zork. No grue}', '{A zork and a grue}');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.rule (code, class, pattern, exceptions, citation, description, positive, negative)
VALUES ('own.zork', 'service', 'zork', 'grue', 'x', 'x', '{A zork. No grue,A grue! One zork,A zork and a grue. A zork}', '{A zork and a grue,"A grue, a zork"}');
SELECT family, exceptions, condition FROM consent.rule WHERE code = 'own.zork';
SELECT rule, start, length FROM consent.evidence('A zork and a grue. A zork! The grue has a zork.') WHERE rule = 'own.zork';
UPDATE consent.rule SET exceptions = 'gr(ue' WHERE code = 'own.zork';
\echo :LAST_ERROR_SQLSTATE
UPDATE consent.rule SET exceptions = '(e+)+[bc]', negative = '{}' WHERE code = 'own.zork';
SELECT class, needs_review, rules FROM consent.classify('A zork ' || repeat('e', 1000) || 'db');
UPDATE consent.rule SET exceptions = NULL WHERE code = 'own.zork';

-- Rules over other rules.
INSERT INTO consent.rule (code, family, class, weight, pattern, citation, description) VALUES
  ('own.grue', 'beast', 'direct_marketing', 0.5, 'grue', 'x', 'x'), ('own.wumpus', 'beast', 'direct_marketing', 0.95, 'wumpus', 'x', 'x'),
  ('own.balrog', 'beast', 'direct_marketing', 0.5, 'balrog', 'x', 'x');
PREPARE try(text) AS SELECT v.body, (SELECT format('%s %s+%s', part, start, length) FROM consent.try_condition($1, v.body)) AS holds
  FROM (VALUES ('a zork'), ('a grue'), ('a zork, a grue'), ('a zork. A grue'), ('a wumpus, then a grue'), ('a grue, a grue'), ('nothing')) AS v(body);
EXECUTE try('own.zork');
EXECUTE try('own.zork and own.grue');
EXECUTE try('own.grue or own.zork');
EXECUTE try('own.grue and not own.zork');
EXECUTE try('own.grue near own.zork');
EXECUTE try('own.zork near beast.*');
EXECUTE try('own.zork near(2) own.grue');
EXECUTE try('own.zork near(4) own.grue');
EXECUTE try('own.grue near own.grue');
EXECUTE try('count(beast.*) >= 2');
EXECUTE try('count(beast.*, own.zork) >= 2 and not (own.wumpus or own.balrog)');
EXECUTE try('not own.wumpus and (own.grue)');
EXECUTE try('nobody.*');
SELECT * FROM consent.try_condition('own.grue near own.zork', 'no', 'A Zork! A grue; a ZORK');
-- among many sentences, and with much text between
SELECT * FROM consent.try_condition('own.grue near own.zork', repeat('A zork. ', 50) || 'A grue, a zork. ' || repeat('A grue. ', 50));
SELECT * FROM consent.try_condition('own.grue near own.zork', repeat('A zork. ', 50) || repeat('A grue. ', 50));
SELECT * FROM consent.try_condition('own.grue near(3) own.zork', repeat('A zork. ', 150) || repeat('x ', 400000) || repeat('A grue. ', 150));
SELECT * FROM consent.try_condition('own.grue', NULL);
-- It tells a place also behind a double negation.
SELECT * FROM consent.try_condition('not (own.grue or not own.zork)', 'no', 'A Zork');
-- Conditions that are refused.
SELECT consent.try_condition(c, 'x') FROM (VALUES ('own.zork own.grue')) v(c);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.try_condition('£own.zork', 'x');
SELECT consent.try_condition('', 'x');
SELECT consent.try_condition('zork', 'x');
SELECT consent.try_condition('own.*zork', 'x');
SELECT consent.try_condition('(own.zork', 'x');
SELECT consent.try_condition('own.zork and', 'x');
SELECT consent.try_condition('count(own.zork) > 1', 'x');
SELECT consent.try_condition('own.zork near(x) own.grue', 'x');
SELECT consent.try_condition('own.zork then', 'x');
SELECT consent.try_condition('own.zork then cap own.grue', 'x');
SELECT consent.try_condition(repeat('(', 100), 'x');
SELECT consent.try_condition('own.zork' || repeat(' or own.zork', 2000), 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.try_condition('own.nobody', 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.try_condition('not own.zork', 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.try_condition('count(own.zork) >= 0', 'x');
\set meta 'INSERT INTO consent.rule (code, class, condition, citation, description, positive, negative) VALUES '
:meta ('own.meta', 'direct_marketing', 'own.zork' || repeat(' or own.zork', 2000), 'x', 'x', '{}', '{}');
:meta ('own.meta', 'direct_marketing', 'own.zork then suppress own.grue', 'x', 'x', '{}', '{}');
\echo :LAST_ERROR_SQLSTATE
:meta ('own.meta', NULL, 'own.zork', 'x', 'x', '{}', '{}');
:meta ('own.meta', 'service', 'own.zork and own.nobody', 'x', 'x', '{}', '{}');
\echo :LAST_ERROR_SQLSTATE
:meta ('own.meta', 'service', 'own.zork near own.grue', 'x', 'x', '{a zork. A grue}', '{}');
\echo :LAST_ERROR_SQLSTATE
:meta ('own.meta', 'service', 'own.zork near own.grue', 'x', 'x', '{a zork or a grue}', '{a grue or a zork}');
INSERT INTO consent.rule (code, class, pattern, condition, citation, description) VALUES ('own.meta', 'service', 'x', 'own.zork', 'x', 'x');
\echo :LAST_ERROR_SQLSTATE
-- Evidence of its own.  In German, which the model does not judge.
:meta ('own.meta', 'direct_marketing', 'own.zork near beast.*', 'x', 'x', '{a zork or a grue,a wumpus and a zork}', '{a zork. A grue,a grue}');
SELECT class, rules FROM consent.classify('Der Zork und der Grue');
SELECT rule, class, weight, start, length, excerpt FROM consent.evidence('Der Zork und der Grue. Und ein Grue') WHERE rule LIKE 'own.%' OR rule LIKE 'text%';
SELECT consent.highlight('Der Zork und der Grue');
SELECT rule, hits FROM consent.rule_stats($$SELECT 'Der Zork und der Grue' AS body$$) WHERE rule ~ '^own';
SELECT class_before, class_after, rules_after FROM consent.what_if($$UPDATE consent.rule SET condition = 'own.zork and own.wumpus', positive = '{}' WHERE code = 'own.meta'$$,
  $$SELECT 'Der Zork und der Grue' AS body$$);
-- What it is about cannot go; it may be disabled.
DELETE FROM consent.rule WHERE code = 'own.zork';
\echo :LAST_ERROR_SQLSTATE
UPDATE consent.rule SET enabled = false WHERE code = 'own.zork';
SELECT class, rules FROM consent.classify('Der Zork und der Grue');
UPDATE consent.rule SET enabled = true WHERE code = 'own.zork';
-- Others count no more.
UPDATE consent.rule SET class = NULL, condition = 'own.zork near beast.* then suppress own.grue, own.balrog' WHERE code = 'own.meta';
SELECT rule, class, weight, start, length, citation FROM consent.evidence('Der Zork, ein Grue und ein Wumpus. Ein Grue') WHERE rule LIKE 'own.%';
SELECT class, score, rules FROM consent.classify('Der Zork, ein Grue und ein Wumpus. Ein Grue');
SELECT class, score, rules FROM consent.classify('Der Zork. Ein Grue und ein Wumpus. Ein Grue');
-- Others count together no more than that.
UPDATE consent.rule SET condition = 'count(beast.*) >= 2 then cap beast.* at 0.8', positive = '{a grue and a wumpus}' WHERE code = 'own.meta';
SELECT rule, class, weight, start, length FROM consent.evidence('Ein Grue, ein Wumpus und ein Balrog') WHERE rule LIKE 'own.%';
SELECT class, score, rules FROM consent.classify('Ein Grue, ein Wumpus und ein Balrog');
SELECT class, score, rules FROM consent.classify('Das ist ein Grue');
-- For one channel, or for subjects only.
UPDATE consent.rule SET channels = '{sms}', parts = '{subject}', positive = '{}' WHERE code = 'own.meta';
SELECT b, s, ch, 'own.meta' = ANY (rules) AS speaks FROM (VALUES ('a grue, a wumpus', NULL, 'sms'), ('no', 'a grue, a wumpus', 'sms'), ('no', 'a grue, a wumpus', 'email'))
  AS v(b, s, ch), consent.classify(b, s, ch::consent.channel);
-- With a rule whose every place matters, too many places are a limit, not "no".
UPDATE consent.rule SET class = 'direct_marketing', channels = NULL, parts = '{subject,body}', condition = 'own.zork near own.grue' WHERE code = 'own.meta';
SELECT class, needs_review, rules FROM consent.classify(repeat('der zork. ', 250) || 'der zork und der grue');
DELETE FROM consent.rule WHERE code = 'own.meta';
DELETE FROM consent.rule WHERE family IN ('beast', 'own') AND code <> 'own.zorkmid';
DEALLOCATE try;

-- What rules do on a sample, and what a change would do.
CREATE TEMP TABLE sample (body text, label text);
INSERT INTO sample VALUES ('20% off everything', 'marketing'), ('Your parcel arrives today', 'service'), ('20% off. Your parcel arrives today', 'mixed'),
  ('Save £20 today', 'marketing'), ('Qwertyuiop', NULL), ('Quatloo', 'ours');
SELECT * FROM consent.rule_stats('sample') WHERE rule !~ '^model';
SELECT * FROM consent.rule_stats('SELECT body FROM sample WHERE label = ''service''');
SELECT * FROM consent.what_if($$UPDATE consent.rule SET enabled = false WHERE code = 'own.zorkmid'$$, 'sample');
SELECT * FROM consent.what_if($$INSERT INTO consent.rule (code, class, pattern, citation, description)
  VALUES ('own.qwerty', 'service', 'qwerty', 'x', 'x')$$, 'sample');
SELECT * FROM consent.what_if('SELECT 1', 'sample');
SELECT * FROM consent.what_if($$UPDATE consent.rule SET pattern = '(' WHERE code = 'own.zorkmid'$$, 'sample');
\echo :LAST_ERROR_SQLSTATE
-- An error of the change is one, whatever its SQLSTATE.
SELECT * FROM consent.what_if($$DO 'BEGIN RAISE ''no such thing'' USING ERRCODE = ''PC003''; END'$$, 'sample');
\echo :LAST_ERROR_SQLSTATE
-- What a column is called matters.
\set SHOW_CONTEXT never
SELECT * FROM consent.rule_stats('SELECT body AS text, label FROM sample');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.what_if('SELECT 1', 'SELECT body AS text, label FROM sample');
\echo :LAST_ERROR_SQLSTATE
SELECT rule, label, hits FROM consent.rule_stats('SELECT body, label AS lable FROM sample') WHERE rule ~ '^price';
SELECT count(*) FROM consent.rule_stats('SELECT body AS text FROM sample WHERE false');
\set SHOW_CONTEXT errors
SELECT count(*) AS changed FROM consent.rule WHERE code = 'own.qwerty' OR adjusted;
SELECT class FROM consent.classify('20% off');

-- Shipped rules: weight and enabled only.
UPDATE consent.rule SET weight = 0.5 WHERE code = 'price.percent_off';
SELECT code, weight, enabled, adjusted FROM consent.rule WHERE adjusted;
SELECT class, score FROM consent.classify('20% off');
UPDATE consent.rule SET pattern = 'x' WHERE code = 'price.percent_off';
\echo :LAST_ERROR_SQLSTATE
UPDATE consent.rule SET shipped = false WHERE code = 'price.percent_off';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM consent.rule WHERE code = 'price.percent_off';
\echo :LAST_ERROR_SQLSTATE
-- Loading a dump: the row of a shipped rule carries its adjustment over.
INSERT INTO consent.rule (code, class, weight, pattern, citation, description, enabled, shipped, adjusted)
VALUES ('price.percent_off', 'direct_marketing', 2, 'x', 'x', 'x', false, true, true),
       ('price.gone', 'direct_marketing', 2, 'x', 'x', 'x', false, true, true);
SELECT code, weight, enabled, adjusted, pattern = 'x' AS overwritten FROM consent.rule WHERE adjusted;
UPDATE consent.rule SET weight = 1, enabled = true WHERE code = 'price.percent_off';
-- A rule of one's own cannot pass for a shipped one.
UPDATE consent.rule SET shipped = true WHERE code = 'own.zorkmid';
SELECT code, shipped, adjusted FROM consent.rule WHERE code = 'own.zorkmid';

-- Shipped rules are documented and bring examples.
SELECT count(*) FILTER (WHERE positive = '{}' OR negative = '{}' OR citation = '' OR description = '') AS incomplete,
       count(*) >= 90 AS enough
  FROM consent.rule WHERE shipped;

-- Anybody may classify, even where search_path and temporary tables lie.
CREATE ROLE regress_consent_nobody;
SET ROLE regress_consent_nobody;
CREATE TEMP TABLE rule (code text);
SET search_path = pg_temp, public;
SELECT class FROM consent.classify('Quatloo');
SELECT count(*) > 0 AS readable FROM consent.rule;
UPDATE consent.rule SET enabled = false;
\echo :LAST_ERROR_SQLSTATE
:own ('own.bad', 'service', 'abc', 'x', 'x', '{}', '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.rule_check();
\echo :LAST_ERROR_SQLSTATE
RESET search_path;
DROP TABLE pg_temp.rule;
RESET ROLE;
DROP ROLE regress_consent_nobody;

-- Nothing told, rules gone: still no marketing gets through.
DELETE FROM consent.rule WHERE NOT shipped;
SELECT class, consent.is_marketing(class) FROM consent.classify('Quatloo');

-- What no rule knows, the model does; its evidence says why.
SELECT class, rules FROM consent.classify('We have put a few bottles by for you, and the first glass costs nothing. Come and see us on Friday.');
SELECT rule, class, part, start, length, citation LIKE '%; here: "%' AS says_why
  FROM consent.evidence('We have put a few bottles by for you, and the first glass costs nothing. Come and see us on Friday.')
 WHERE rule = 'model.promotion';
SELECT class FROM consent.classify('running late, start without me');
SELECT class FROM consent.classify('I have put the money in your account. Let me know it has come.');
-- A language that it has not learned is never a service message for that.
SELECT class, needs_review FROM consent.classify('Ihr Paket wird morgen zwischen 9 und 11 Uhr zugestellt');
SELECT class, needs_review FROM consent.classify('Ваш заказ будет доставлен завтра');
SELECT class, needs_review FROM consent.classify('お荷物は明日届きます');
-- The weights add up to the score, a rule counting once.
SELECT b, round(sum(weight)::numeric, 2) = round((consent.classify(b)).score::numeric, 2) AS adds_up
  FROM (VALUES ('Black Friday is here: 20% off everything. Shop now!'),
               ('Your order is packed. Need a bow on that? They are £3, reply BOW. 20% off. 20% off.'),
               ('May we text you when the sale starts? Reply YES.')) v(b),
       LATERAL (SELECT DISTINCT ON (rule, class, CASE WHEN rule LIKE 'model.%' THEN start END) weight
                  FROM consent.evidence(b)
                 WHERE class IN ('direct_marketing', 'consent_request') AND weight IS NOT NULL) e
 GROUP BY b ORDER BY b;
-- Sentences as long as each other that begin and end alike are still told apart.
SELECT b, class FROM (VALUES
  ('Dear Ann, our driver brings your chair on Tuesday'),
  ('Dear Ann, our new lamps look so pretty on Tuesday'),
  ('Dear Ann, our driver brings your chair on Tuesday')) v(b), consent.classify(b);
-- So are messages whose words are the same to the model, where rules or the subject are not.
INSERT INTO consent.rule (code, class, weight, pattern, citation, description) VALUES
  ('own.seven', 'service', 1, 'table 7', 'x', 'x'), ('own.six', 'direct_marketing', 0.4, 'table 6', 'x', 'x');
SELECT t, class, score, rules FROM (VALUES (8), (7), (6), (9)) v(t),
       consent.classify('Your seats for Saturday are at table ' || t || ' by the window. The kitchen closes at ten, and the new chef is a treat.');
DELETE FROM consent.rule WHERE code IN ('own.seven', 'own.six');
SELECT s, b, class, score, rules FROM (VALUES
  (NULL, 'Our summer menu has started. Your table is booked for Tuesday.'),
  ('Our summer menu has started.', 'Your table is booked for Tuesday.'),
  (NULL, 'Our summer menu has started. Your table is booked for Tuesday.')) v(s, b), consent.classify(b, s);
-- Rules for other languages, which the model cannot judge.
SELECT b, class, needs_review, rules FROM (VALUES
  ('Cynnig arbennig: 20% oddi ar bopeth ddydd Sul yn y siop'),
  ('A hoffech chi dderbyn ein newyddion a''n cynigion?'),
  ('Les soldes ont commencé, profitez-en dans tous nos magasins'),
  ('Souhaitez-vous recevoir nos offres par e-mail ?'),
  ('Nur für kurze Zeit: 20 % Rabatt auf alles'),
  ('Dürfen wir Ihnen Angebote per E-Mail schicken?'),
  ('20% korting op alles, profiteer nu van de uitverkoop'),
  ('Mogen we u onze nieuwsbrief sturen?'),
  ('Rebajas de verano: 20% de descuento en todo'),
  ('¿Te gustaría recibir nuestras novedades?'),
  ('Pour ne plus recevoir nos offres, envoyez STOP au 36105')) v(b), consent.classify(b);
-- Promotion is in doubt from 0.9 on, though no binary fraction is 0.9.
INSERT INTO consent.rule (code, class, weight, pattern, citation, description) VALUES
  ('own.ogre', 'direct_marketing', 0.9, 'ogre', 'x', 'x'), ('own.elf', 'direct_marketing', 0.89, 'elf', 'x', 'x');
SELECT b, class, rules FROM (VALUES ('Your order 4411 is out for delivery today. Ogre.'), ('Your order 4411 is out for delivery today. Elf.')) v(b), consent.classify(b);
DELETE FROM consent.rule WHERE code IN ('own.ogre', 'own.elf');
