-- The people's side: what they answer, how they unsubscribe, what they may see.
LOAD 'pg_consent';
\set SHOW_CONTEXT never
SET timezone = 'Europe/London';
INSERT INTO consent.organisation (name, controller) VALUES ('person acme', 'Acme Group plc'), ('person bolt', NULL);

-- Replies.  Every message with what it means.
CREATE TEMP TABLE reply (n serial, expected text, language text, body text);
INSERT INTO reply (expected, language, body) VALUES
  ('stop','en','STOP'),
  ('stop','en','Stop. Thank you'),
  ('stop','en','please stop sending'),
  ('stop','en','STOP ALL'),
  ('stop','en','STOPALL'),
  ('stop','en','UNSUBSCRIBE'),
  ('stop','en','CANCEL'),
  ('stop','en','END'),
  ('stop','en','QUIT'),
  ('stop','en','REVOKE'),
  ('stop','en','OPTOUT'),
  ('stop','en','OPT-OUT'),
  ('stop','fr','ARRET'),
  ('stop','en','REMOVE'),
  ('stop','en','TD'),
  ('stop','en','Stop pls'),
  ('stop','en','stop!!!'),
  ('stop','en','  STOP  '),
  ('stop','en','"STOP"'),
  ('stop','en','ＳＴＯＰ'),
  ('stop','en','S T O P'),
  ('stop','en','s.t.o.p.'),
  ('stop','en','Stoppppp'),
  ('stop','en','STOP 🛑'),
  ('stop','en','🛑🛑 stop 😡'),
  ('stop','en','𝐒𝐓𝐎𝐏'),
  ('stop','en',E'S\u200bT\u00adOP'),
  ('stop','en','STOP STOP STOP'),
  ('stop','en','Hi, can you stop please'),
  ('stop','en','Stop texting me'),
  ('stop','en','Who is this? STOP'),
  ('stop','en','STOP. I never signed up for this.'),
  ('stop','en','Stop, I have told you three times already'),
  ('stop','en','Please take me off your list'),
  ('stop','en','don''t text me again'),
  ('stop','en','Don’t ever text me again!'),
  ('stop','en','no more messages'),
  ('stop','en','No more messages, thank you.'),
  ('stop','en','unsubscribe me'),
  ('stop','en','Could you unsubscribe me from this newsletter, I no longer live in Leeds'),
  ('stop','en','I no longer wish to receive these emails.'),
  ('stop','en','I do not want to hear from you any more'),
  ('stop','en','Please remove my number from your database'),
  ('stop','en','leave me alone'),
  ('stop','en','I would like to opt out of marketing'),
  ('stop','en','Kindly stop all these messages'),
  ('stop','en','I withdraw my consent to marketing emails with immediate effect'),
  ('stop','en','I object to receiving direct marketing'),
  ('stop','en',E'Unsubscribe\n\nSent from my iPhone'),
  ('stop','en',E'Please remove me from your mailing list.\n\nRegards,\nJo Bloggs\n-- \nJo Bloggs, START Ltd'),
  ('stop','en',E'STOP\r\n\r\nOn Mon, 3 Nov 2025 at 10:00, Acme <news@acme.example> wrote:\r\n> Big sale! Reply START for more'),
  ('stop','en',E'> Big sale this weekend\n> Reply HELP for help\n\nSTOP'),
  ('stop','en','<html><body><div>Unsubscribe</div><br><div class="gmail_quote">On Mon Acme wrote:<blockquote>Sale!</blockquote></div></body></html>'),
  ('stop','en','<p>Please stop</p><p>Sent from my iPhone</p>'),
  ('stop','fr','ARRÊT'),
  ('stop','fr','Arrêtez s''il vous plaît'),
  ('stop','fr','STOP SVP'),
  ('stop','fr','désabonnez-moi'),
  ('stop','fr','Bonjour, je souhaite me désinscrire de votre liste. Merci'),
  ('stop','fr','Merci de ne plus m''envoyer de sms'),
  ('stop','fr','Ne m’envoyez plus de publicité'),
  ('stop','fr','plus de messages svp'),
  ('stop','fr',E'Stop\n\nLe lun. 3 nov. 2025 à 10:00, Acme <news@acme.example> a écrit :\n> Soldes'),
  ('stop','de','Stopp'),
  ('stop','de','Abmelden bitte'),
  ('stop','de','Keine Werbung mehr!'),
  ('stop','de','Bitte melden Sie mich ab'),
  ('stop','de','Löschen Sie meine Nummer'),
  ('stop','de','Ich möchte keine Nachrichten mehr erhalten'),
  ('stop','de','Hiermit widerrufe ich meine Einwilligung'),
  ('stop','de',E'abbestellen\n\nAm 03.11.2025 um 10:00 schrieb Acme <news@acme.example>:\n> Angebote'),
  ('stop','nl','Afmelden aub'),
  ('stop','nl','Uitschrijven'),
  ('stop','nl','Geen reclame meer'),
  ('stop','nl','Schrijf mij uit van deze lijst'),
  ('stop','nl','Ik wil geen berichten meer ontvangen'),
  ('stop','nl','stop met sturen'),
  ('stop','nl',E'STOP\nOp ma 3 nov. 2025 om 10:00 schreef Acme <a@acme.example>:\n> Korting'),
  ('stop','es','BAJA'),
  ('stop','es','Baja por favor'),
  ('stop','es','No quiero recibir más mensajes'),
  ('stop','es','Denme de baja, gracias'),
  ('stop','es','no más mensajes'),
  ('stop','es','Quiero darme de baja'),
  ('stop','es','Dejen de enviarme publicidad'),
  ('stop','cy','Stopiwch os gwelwch yn dda'),
  ('stop','cy','Dim mwy o negeseuon'),
  ('stop','cy','Dad-danysgrifio'),
  ('stop','cy','Peidiwch â chysylltu â mi eto'),
  ('stop','cy','Tynnwch fi oddi ar y rhestr, diolch'),
  ('stop','cy','Dydw i ddim eisiau derbyn negeseuon'),
  ('start','en','START'),
  ('start','en','UNSTOP'),
  ('start','en','Start please'),
  ('start','en','Resubscribe'),
  ('start','fr','réabonner'),
  ('start','de','Anmelden'),
  ('start','nl','aanmelden'),
  ('start','es','ALTA'),
  ('start','cy','cychwyn'),
  ('review','en','STOP 12345'),
  ('review','en','STOP?? START'),
  ('review','en','START. No wait, STOP'),
  ('review','en','how do I unsubscribe'),
  ('review','en','Please don''t unsubscribe me!'),
  ('stop','en','stop that'),
  ('review','en','Stop by the shop on Friday'),
  ('review','en','not interested thanks'),
  ('review','en','wrong number mate'),
  ('review','en','I clicked unsubscribe last week and nothing happened'),
  ('review','en','This is harassment and I am talking to the ICO'),
  ('review','en','👍'),
  ('review','en',''),
  ('review','en','   '),
  ('review','en',NULL),
  ('review','en',E'---------- Forwarded message ---------\nFrom: Acme <news@acme.example>\nSubject: Sale\n\nUnsubscribe me'),
  ('review','en',E'> STOP\n> to end'),
  ('review','en','Do not remove me from the list please'),
  ('review','en','I did not ask to unsubscribe'),
  ('review','en','cancel my appointment'),
  ('review','en','the end'),
  ('stop','pl','Wypisz mnie, proszę'),
  ('stop','pl','Proszę nie wysyłać'),
  ('stop','pl','NIE WYSYŁAJCIE MI reklam'),
  ('stop','pl','Nie życzę sobie'),
  ('stop','pl','Cofam zgodę na marketing'),
  ('stop','pl','koniec'),
  ('review','pl','Nie wysyłajcie mi faktury na stary adres'),
  ('not_stop','pl','Dziękuję, do zobaczenia we wtorek'),
  ('not_stop','pl','Koniec remontu jest we wtorek o piątej'),
  ('stop','ro','Dezabonare'),
  ('stop','ro','Dezabonați-mă, vă rog'),
  ('stop','ro','Nu mai vreau să primesc mesaje'),
  ('stop','ro','Nu mai trimiteți!'),
  ('review','ro','Nu-mi mai trimiteți facturile pe hârtie'),
  ('not_stop','ro','Mulțumesc, ne vedem marți'),
  ('stop','it','Cancellatemi, grazie'),
  ('stop','it','disiscrivimi'),
  ('stop','it','Non voglio più ricevere messaggi'),
  ('stop','it','annulla'),
  ('review','it','Non mandatemi più la fattura di carta'),
  ('not_stop','it','Grazie, a martedì'),
  ('not_stop','it','Posso annullare la prenotazione di martedì?'),
  ('stop','pt','Não quero receber mais mensagens'),
  ('stop','pt','SAIR'),
  ('stop','pt','Parem de me enviar isto, obrigado'),
  ('review','pt','Não me enviem mais a fatura em papel'),
  ('not_stop','pt','Obrigado, até terça'),
  ('not_stop','pl',E'Dziękuję, do wtorku\n\nW dniu pon., 1 cze 2026 o 10:00 Acme <a@acme.example> napisał(a):\n\nReply STOP to unsubscribe'),
  ('not_stop','it',E'Grazie, a domani\n\nIl giorno lun 1 giu 2026 alle ore 10:00 Acme <a@acme.example> ha scritto:\n\nReply STOP to unsubscribe'),
  ('not_stop','pt',E'Até terça\n\nEm seg., 1 de jun. de 2026 às 10:00, Acme <a@acme.example> escreveu:\n\nReply STOP to unsubscribe'),
  ('not_stop','ro',E'Pe marți\n\nÎn lun., 1 iun. 2026 la 10:00, Acme <a@acme.example> a scris:\n\nReply STOP to unsubscribe'),
  ('not_stop','pl',E'Dzięki\n\nOd: Acme <a@acme.example>\nWysłano: poniedziałek\nDo: Jo\nTemat: Oferty\n\nReply STOP to unsubscribe'),
  ('stop','en',E'On reflection, please stop emailing me\n\nOn Mon, 3 Nov 2025 at 10:00, Acme wrote:\n> Big sale'),
  ('stop','en',E'Hello\nOn second thoughts, stop emailing me\nOn Mon, 3 Nov 2025 at 10:00, Acme\n<news@acme.example> wrote:\n> Big sale'),
  ('stop','fr',E'Bonjour\nLe plus simple : ne m''écrivez plus\n\nLe lun. 3 nov. 2025 à 10:00, Acme a écrit :\n> Soldes'),
  ('stop','it',E'Basta messaggi\nInviato da iPhone'),
  ('review','ru','стоп'),
  ('review','ru','Отпишите меня, спасибо'),
  ('review','ar','توقف'),
  ('review','pa','ਬੰਦ ਕਰੋ'),
  ('review','zh','退订'),
  ('review','en','STOР'),
  ('stop','ru','Хватит. STOP'),
  ('stop','en','Don''t bother me'),
  ('review','en','I never signed up for this'),
  ('review','en','I did not subscribe'),
  ('review','en','How did you get my number'),
  ('review','en','I do not want these'),
  ('review','en','Please erase all my data'),
  ('review','en','Mr Bloggs died in May'),
  ('not_stop','en','A café at 5 or 6 °C, naïve Łukasz, costs 5 €'),
  ('review','fr','Comment puis-je me désabonner de votre newsletter ?'),
  ('review','de','Wie kann ich mich abmelden?'),
  ('review','de','kein Interesse'),
  ('review','nl','hoe kan ik me afmelden'),
  ('review','nl','geen interesse'),
  ('review','es','no me interesa'),
  ('review','cy','dim diddordeb'),
  ('review','en','STOP4'),
  ('not_stop','en','we have got to STOP this bill'),
  ('not_stop','en','Yes please'),
  ('not_stop','en','Thanks!'),
  ('not_stop','en','HELP'),
  ('not_stop','en','INFO'),
  ('not_stop','en','See you at the bus stop outside the station at ten'),
  ('not_stop','en','Can you cancel my appointment on Tuesday please, I have a cold'),
  ('not_stop','en','I will be there at the end of the week'),
  ('not_stop','en','I quit my job so my address has changed'),
  ('not_stop','en','Please remove the boiler before you fit the new one'),
  ('not_stop','en','The heating will not stop making a noise all night'),
  ('not_stop','en','OK'),
  ('not_stop','en','What time do you open?'),
  ('not_stop','en','My order has not arrived'),
  ('not_stop','en','Please keep the messages coming, love the offers'),
  ('not_stop','en','Can I start on Monday instead?'),
  ('not_stop','en','Is http://acme.example/stop a safe link to open from here?'),
  ('not_stop','en','The last train does not stop at Crewe on Sundays'),
  ('not_stop','en','Nothing will stop me from coming to the sale'),
  ('not_stop','en','I have no more milk in the house, deliver today'),
  ('not_stop','en','Please call me again tomorrow'),
  ('not_stop','en','Don''t worry, text me again when you are here'),
  ('not_stop','en','I started on the tablets and the pain has ended'),
  ('not_stop','en','Has the offer ended?'),
  ('not_stop','en',E'Great, thanks\n\nOn Mon, 3 Nov 2025 at 10:00, Acme wrote:\n> Reply STOP to opt out'),
  ('not_stop','en',E'Yes that is fine\n-----Original Message-----\nFrom: Acme\nUnsubscribe me'),
  ('not_stop','en',E'Interested\r\n\r\nFrom: Acme\r\nSent: Monday\r\nTo: Jo\r\nSubject: Sale\r\n\r\nSTOP'),
  ('not_stop','en',E'Yes please\n\n-- \nJo Bloggs\nSTOP'),
  ('not_stop','en',E'Count me in\nSent from my iPhone. STOP'),
  ('not_stop','en','<p>Yes please book me in</p><blockquote>Reply STOP</blockquote>'),
  ('not_stop','en',E'Lovely\n\nOn Mon, 3 Nov 2025 at 10:00,\nAcme Offers <news@acme.example>\nwrote:\n\n> STOP'),
  ('not_stop','fr','Rendez-vous à l''arrêt de bus de la gare'),
  ('not_stop','fr','Merci beaucoup'),
  ('not_stop','fr','Je voudrais annuler mon rendez-vous de mardi'),
  ('not_stop','fr','Avez-vous plus de tailles ?'),
  ('not_stop','fr','aide'),
  ('not_stop','fr',E'Oui merci\n\nLe lun. 3 nov. 2025 à 10:00, Acme <news@acme.example> a écrit :\n> STOP'),
  ('not_stop','de','Danke, das passt'),
  ('not_stop','de','Am Ende der Straße links abbiegen'),
  ('not_stop','de','Ich möchte meinen Termin am Dienstag verschieben'),
  ('not_stop','de','Hilfe'),
  ('not_stop','de',E'Ja gerne\n\nAm 03.11.2025 um 10:00 schrieb Acme <news@acme.example>:\n> Abmelden'),
  ('not_stop','de','Ich kann mich nicht beschweren'),
  ('not_stop','nl','Prima, tot morgen'),
  ('not_stop','nl','De bus gaat aan het einde van de straat'),
  ('not_stop','nl','Kan ik de afspraak van dinsdag verzetten?'),
  ('not_stop','nl','hulp'),
  ('not_stop','nl',E'Ja graag\n\nOp ma 3 nov. 2025 om 10:00 schreef Acme <a@acme.example>:\n> Afmelden'),
  ('not_stop','es','Gracias, nos vemos mañana'),
  ('not_stop','es','El precio ha bajado, qué alto estaba antes'),
  ('not_stop','es','Quiero cancelar mi cita del martes por la tarde'),
  ('not_stop','es','ayuda'),
  ('not_stop','es','La planta baja del edificio está abierta'),
  ('not_stop','cy','Diolch yn fawr'),
  ('not_stop','cy','Welwn ni chi ddydd Llun'),
  ('not_stop','cy','Ble mae''r safle bws agosaf?'),
  ('not_stop','cy','cymorth'),
  ('not_stop','cy','Dw i eisiau newid fy apwyntiad ddydd Mawrth'),
  ('stop','en','Pls take my number off, thx'),
  ('stop','en','Fed up with this. Please don''t contact me any more.'),
  ('stop','en','STOP!!! STOP!!!'),
  ('stop','en','Stop - I never signed up'),
  ('stop','en','go away'),
  ('stop','en',E'remove\nthank you'),
  ('stop','en','<div>STOP<br>Regards<br>Jo</div>'),
  ('stop','en',E'\u041d\u0435\u0442. STOP'),
  ('stop','en','St0p'),
  ('not_stop','en','Stopped by earlier and your staff were lovely, will come again'),
  ('not_stop','en','Send the quote please and call me again on Friday'),
  ('review','en','Unsubscribe 4411'),
  ('not_stop','en','OPTOMETRIST appointment at 3?'),
  ('review','en','1234 STOP'),
  ('not_stop','en','The unit stops at 20 degrees, is that a fault?'),
  ('not_stop','fr','On se retrouve où le bus s''arrête ?'),
  ('review','en','How do I opt out of paper bills'),
  ('stop','en','Stop texting my phone'),
  ('stop','en','Please cease sending me promotional emails'),
  ('stop','en','quit texting me'),
  ('stop','en','I never want to hear from you again'),
  ('stop','en','can u stop txting me'),
  ('stop','en','Please unsubscribe this email address'),
  ('stop','en','I am writing to object to the processing of my data for direct marketing.'),
  ('stop','en','I would like to be removed from your mailing list'),
  ('review','en','Don''t call me before 9, I work nights'),
  ('review','en','Please don''t text me the code, email it'),
  ('review','en','please do not stop texting me'),
  ('review','en','Please stop the order 4411, wrong size'),
  ('review','en','I would like to be removed from the waiting list for Tuesday and added to Friday'),
  ('review','en','I do not want any more furniture, just the sofa'),
  ('not_stop','en','No more than two tickets please'),
  ('not_stop','en','I''ll stop by tomorrow to pick it up'),
  ('not_stop','en','I ended up buying two'),
  ('not_stop','en','When does the offer stop?'),
  ('not_stop','en','No thanks'),
  ('stop','en','I dont want any of your emails'),
  ('stop','en','I don''t want these any more'),
  ('stop','en','I no longer want these emails'),
  ('stop','en','I do not want to be on your list'),
  ('stop','en','no marketing please'),
  ('stop','en','No promotional texts please'),
  ('stop','en','I asked you to stop'),
  ('stop','en','You were told to stop'),
  ('stop','en','never contact me'),
  ('stop','en','Do not process my data for marketing'),
  ('stop','en','I exercise my right to object under article 21'),
  ('stop','en','Please cease and desist'),
  ('stop','en','lose this number'),
  ('stop','en','STOPPED'),
  ('stop','en','Unsubcribe'),
  ('stop','en','take me of your list'),
  ('stop','en','STOP ALL MSGS'),
  ('stop','en','remove my number from your records now'),
  ('review','en','Please remove my number 07700 900123 and use 07700 900456 instead'),
  ('review','en','Remove my address 1 High St from my account, I have moved'),
  ('review','en','take my name off the booking'),
  -- of a matter that is no message
  ('review','en','stop sending me the wrong bill'),
  ('review','en','Please stop sending me paper statements'),
  ('review','en','don''t send me the wrong size again'),
  ('review','en','I want to opt out of paperless billing'),
  ('review','en','I no longer wish to receive invoices by post'),
  ('review','en','Take me off the waiting list'),
  ('review','en','Please remove my old card from your system'),
  ('review','fr','Je souhaite ne plus recevoir de facture papier'),
  ('review','de','Ich habe keine Rechnung mehr erhalten'),
  ('review','nl','Ik heb geen factuur meer ontvangen'),
  ('review','es','Elimine mi último pedido'),
  ('review','cy','Dydw i ddim eisiau derbyn biliau papur'),
  ('stop','en','STOP. My order was wrong'),
  ('stop','en','I never placed an order, remove me from your list'),
  ('stop','en','Please remove me from your mailing list and close my account'),
  -- what raises doubt by itself takes none of a stop away
  ('stop','en','Please remove my email address from your mailing list'),
  ('stop','en','Not interested, stop'),
  ('stop','en','Wrong number, stop texting'),
  ('stop','en','I object'),
  ('stop','en','cease all contact'),
  ('stop','en','Could you remove me please?'),
  ('stop','en','Stop xx'),
  ('stop','en','Do not call this number again'),
  ('review','en','How do I stop these?'),
  ('review','en','Don''t call this number before 9'),
  ('start','en','Subscribe me'),
  ('start','en','opt me back in please'),
  -- what mail programs add
  ('stop','en',E'Cancel\n\nSent from Outlook for iOS'),
  ('stop','en',E'remove\nSent from Yahoo Mail on Android'),
  ('stop','en',E'End\n\nSent from BT Email App'),
  ('not_stop','en',E'Great\n\n*From:* Acme <news@acme.example>\n*Sent:* Monday\n*To:* Jo\n*Subject:* Sale\n\nUnsubscribe me'),
  ('not_stop','en',E'Thanks, Jo\n---\nUnsubscribe me from this list'),
  ('stop','en',E'***\nSTOP\n***'),
  ('stop','en','Delete me from your list'),
  ('stop','en','How many times do I have to say STOP'),
  ('stop','en','GDPR request: stop marketing to me'),
  ('stop','en','I do not consent'),
  ('stop','fr','Je ne veux plus recevoir vos emails'),
  ('stop','fr','Veuillez me désinscrire'),
  ('stop','de','Hören Sie auf, mir zu schreiben'),
  ('stop','de','Bitte melden Sie mich vom Newsletter ab'),
  ('review','de','Ich bekomme keine E-Mails mehr von Ihnen, warum?'),
  ('stop','nl','Stuur me niets meer'),
  ('review','nl','Ik heb geen berichten meer ontvangen'),
  ('stop','es','Dadme de baja'),
  ('stop','cy','Atal negeseuon'),
  -- what a reader of another list of words wrote
  ('stop','cy','Dim negeseuon'),
  ('stop','cy','Dwi ddim eisiau clywed gennych chi'),
  ('stop','cy','Tynnwch fi o''ch rhestr'),
  ('stop','cy','Peidiwch ag ebostio fi'),
  ('stop','cy','Dileu fy rhif'),
  ('stop','de','Senden Sie mir nichts mehr'),
  ('stop','de','Schick mir nichts mehr'),
  ('stop','de','Bitte entfernen Sie mich aus Ihrer Liste'),
  ('stop','de','Nicht mehr schreiben'),
  ('stop','de','Ich kündige den Newsletter'),
  ('stop','de','Bitte kein Newsletter mehr'),
  ('stop','de','Schreiben Sie mir nie wieder'),
  ('stop','de','Hört auf mit dem Spam'),
  ('stop','fr','Pas de pub'),
  ('stop','fr','Je me désabonne'),
  ('stop','fr','Veuillez cesser tout envoi'),
  ('stop','fr','Plus rien svp'),
  ('stop','fr','Cessez de m''envoyer des mails'),
  ('stop','fr','Merci de me retirer de votre liste de diffusion'),
  ('stop','fr','Rayez-moi de votre liste'),
  ('stop','fr','Je ne veux pas recevoir vos promotions'),
  ('stop','fr','Arrêtez ça'),
  ('stop','nl','Contacteer mij niet meer'),
  ('stop','nl','Mail mij niet meer'),
  ('stop','nl','Hou op'),
  ('stop','nl','Hou op met spammen'),
  ('stop','nl','Niet meer sturen'),
  ('stop','es','Me opongo al uso de mis datos'),
  ('stop','es','No envíen más'),
  ('stop','es','Borren mis datos'),
  ('stop','es','Dar de baja'),
  ('stop','es','Eliminar mi número'),
  ('stop','es','Paren de molestar'),
  ('stop','en','I''m opting out'),
  ('stop','en','dont ever message this number again'),
  ('stop','en','I''d like off this list'),
  ('stop','en','Please cancel my subscription to these emails'),
  ('stop','en','Erase my data'),
  ('stop','en','No further contact please'),
  ('stop','en','DNC'),
  ('stop','en','do not call'),
  ('stop','en','No more ads'),
  ('stop','en','Do not send any more messages to this number'),
  ('review','en','I don''t want this'),
  ('review','en','Can you delete my data from the warranty form'),
  ('review','en','Is opting out the same as closing it?'),
  ('review','en','Please cancel my subscription to emails about the order'),
  ('review','de','Schicken Sie mir nichts mehr an die alte Adresse, sondern die Rechnung per Post'),
  ('review','fr','Je ne veux pas recevoir la facture par courrier'),
  ('review','en','Do not call before nine, the baby sleeps'),
  ('not_stop','en','I am opting for the blue one'),
  ('review','de','Hört auf euer Herz, schöner Slogan'),
  ('not_stop','de','Ich habe meinen Tarif gekündigt und bin umgezogen'),
  ('review','fr','Plus rien ne fonctionne depuis ce matin'),
  ('not_stop','fr','Je me désole de ce retard'),
  ('not_stop','nl','Het houdt niet op met regenen, kan de monteur later komen'),
  ('not_stop','es','Los datos de mi tarjeta han cambiado'),
  ('not_stop','cy','Dw i eisiau clywed am y cynnig');
-- What a reader of replies found missed.
INSERT INTO reply (expected, language, body) VALUES
  ('stop','en','I''d rather you didn''t contact me again'),
  ('stop','en','I would prefer not to receive these emails'),
  ('review','en','I would prefer not to receive paper bills'),
  ('review','en','I''d rather you didn''t call me before 9'),
  ('stop','en','This mailbox is no longer monitored. Please do not email this address again.'),
  ('stop','en','I no longer work here. Please remove this address from your records.'),
  ('stop','en','Do not email this address'),
  ('not_stop','en','Please remove this from my order'),
  ('stop','en','No emails please'),
  ('not_stop','en','No email yet, can you resend it?'),
  ('stop','en','No SMS'),
  ('stop','en','ST OP'),
  ('stop','en','5top'),
  ('stop','en','I keep asking you to stop'),
  ('review','en','I am not asking you to stop'),
  ('stop','en','I asked u to stop'),
  ('stop','en','I rescind my consent'),
  ('review','en','Please only email me'),
  ('review','en','How do I stop the alarm?'),
  ('review','en','What personal data do you hold about me?'),
  ('review','en','This is a subject access request'),
  ('review','en','She is dead'),
  ('review','en','blocked'),
  ('not_stop','en','Is there an exit near the station?'),
  ('not_stop','en','I want to withdraw £50'),
  ('review','en','I want to withdraw'),
  ('stop','es','no más'),
  ('review','es','para mañana'),
  ('stop','pl','Nie dzwońcie'),
  ('stop','ro','oprit'),
  ('stop','hi','band karo'),
  ('stop','tr','durdur'),
  ('stop','lt','Nustokite!');
SELECT n, language, expected, consent.read_reply(body) AS got, body, consent.reply_words(body) AS words
  FROM reply WHERE consent.read_reply(body) IS DISTINCT FROM expected ORDER BY n;
SELECT expected, count(*) FROM reply GROUP BY expected ORDER BY expected;
SELECT language, count(*) FILTER (WHERE expected = 'stop') AS stops, count(*) FILTER (WHERE expected <> 'stop') AS others
  FROM reply GROUP BY language ORDER BY language;
-- What the carriers' lists hold is understood in any case and with any trimmings.
SELECT word, form, consent.read_reply(form)
  FROM unnest('{STOP,STOPALL,STOP ALL,UNSUBSCRIBE,CANCEL,END,QUIT,REVOKE,OPTOUT,OPT-OUT,ARRET,REMOVE,TD}'::text[]) AS word,
       unnest(ARRAY[word, lower(word), initcap(word), ' ' || word || '. ', word || ' please', 'Hi, ' || word || ' thanks!']) AS form
 WHERE consent.read_reply(form) <> 'stop';
-- What was read: above the quotation, without signature, in words.
SELECT consent.reply_words(E'ARRÊTEZ, s''il vous plaît !\n\nLe lun. 3 nov., Acme a écrit :\n> Soldes');
SELECT consent.reply_words(repeat('word ', 20000)) LIKE 'word word%' AS read, length(consent.reply_words(repeat('word ', 20000))) < 66000 AS but_not_all;
-- What cannot be read to its end is for a person, unless it has said stop before.
SELECT consent.read_reply(repeat('word ', 20000)), consent.read_reply('Unsubscribe me. ' || repeat('word ', 20000));

-- inbound() acts on it: a stop is an objection on every channel of that organisation.
SELECT consent.give(contact => '+447700900201', channels => '{sms,email}', organisation => o, method => 'ticked_box', wording => 'Yes, text me') > 0 AS given
  FROM unnest('{person acme,person bolt}'::text[]) AS o;
SELECT body, consent.inbound(contact => '+447700900201', channel => 'sms', body => body, organisation => 'person acme')
  FROM unnest('{START,"see you at the bus stop by the station","STOP 12345"}'::text[]) AS body;
SELECT count(*) FROM consent.ledger WHERE contact = '+447700900201' AND kind <> 'consent';
SELECT consent.inbound(contact => '07700 900201', channel => 'sms', body => 'Stop pls', organisation => 'person acme',
                       evidence => '{"gateway": "one"}');
SELECT kind, channels, organisation, purpose, wording, source, evidence FROM consent.ledger
 WHERE contact = '+447700900201' AND kind <> 'consent';
SELECT o AS organisation, c AS channel, (consent.evaluate('+447700900201', c, o)).reason
  FROM unnest('{person acme,person bolt}'::text[]) AS o, unnest('{sms,email,post}'::consent.channel[]) AS c ORDER BY o, c;
-- It bites where nobody ever consented,
SELECT consent.set_subscriber('info@person.example', 'corporate') > 0 AS recorded;
SELECT (consent.evaluate('info@person.example', 'email', 'person acme')).allowed;
SELECT consent.inbound('info@person.example', 'email', 'Please remove us from your list', 'person acme');
SELECT allowed, reason FROM consent.evaluate('info@person.example', 'email', 'person acme');
-- and never stops a service message.
SELECT allowed FROM consent.evaluate('info@person.example', 'email', 'person acme', class => 'service');
-- The organisation of the setting; without any, every organisation's.
SET pg_consent.organisation = 'person bolt';
SELECT consent.inbound('one@person.example', 'email', 'stop', at => '2026-03-01 12:00+00', source => 'webhook');
RESET pg_consent.organisation;
SELECT consent.inbound('one@person.example', NULL, 'stop');
SELECT organisation, source, effective_at = '2026-03-01 12:00+00' AS as_given FROM consent.ledger
 WHERE contact = 'one@person.example' ORDER BY event_id;
-- A long reply is kept by its beginning.
SELECT consent.inbound('long@person.example', 'email', 'Unsubscribe me. ' || repeat('é', 2000), 'person acme');
SELECT length(wording) FROM consent.ledger WHERE contact = 'long@person.example';
-- Errors.
SELECT consent.inbound('e@person.example', 'email', 'hello', 'nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.inbound(NULL, 'email', 'stop', 'person acme');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.inbound('e@person.example', 'email', 'stop', 'person acme', at => now() + interval '1 day');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.inbound('e@person.example', 'email', NULL, 'person acme');
SELECT count(*) FROM consent.ledger WHERE contact = 'e@person.example';

-- Words of one's own; one in the place of a shipped one; a shipped one taken away.
INSERT INTO consent.stop_word (word, language, meaning, reach) VALUES ('dość', 'pl', 'stop', 'sentence'), ('nie chcę * wiadomości', 'pl', 'stop', 'anywhere');
SELECT consent.read_reply('DOŚĆ'), consent.read_reply('Dziękuję, nie chcę już takich wiadomości od was');
INSERT INTO consent.stop_word (word, language, meaning) VALUES ('END!', 'en', 'none'), ('Yes', 'en', 'start');
SELECT word, meaning FROM consent.stop_word WHERE NOT shipped ORDER BY word;
SELECT consent.read_reply('END'), consent.read_reply('Yes please');
-- "jetzt", "bitte" and "please" are left out for politeness, but not where a phrase holds them.
SELECT word, meaning FROM consent.stop_word WHERE word IN ('jetzt', 'bitte', 'please') ORDER BY word;
INSERT INTO consent.stop_word (word, language, meaning, reach) VALUES ('genug jetzt', 'de', 'stop', 'message'), ('bitte nichts * senden', 'de', 'stop', 'anywhere'), ('please halt', 'en', 'review', 'anywhere');
SELECT body, consent.read_reply(body)
  FROM unnest('{Genug jetzt!,"Genug jetzt, danke",genug,"Davon gibt es nie genug jetzt im Herbst","Guten Tag, bitte nichts mehr senden an diese Adresse","Nichts mehr senden","If you could please halt at the gate","Jetzt nicht, bitte"}'::text[]) body;
DELETE FROM consent.stop_word WHERE NOT shipped;
-- How far words reach: a star over three words, a negation to the fourth after it, a matter to the fourth before it.
INSERT INTO consent.stop_word (word, language, meaning, reach) VALUES
  ('uno * due', 'it', 'stop', 'anywhere'), ('mica', 'it', 'negation', 'anywhere'), ('bolletta', 'it', 'matter', 'anywhere');
SELECT n AS between, consent.read_reply('uno ' || w || 'due') AS star, consent.read_reply('mica ' || w || 'uno due') AS negation, consent.read_reply('uno due ' || w || 'bolletta') AS matter
  FROM generate_series(2, 4) AS n, repeat('parola ', n) AS w;
DELETE FROM consent.stop_word WHERE NOT shipped;
SELECT consent.read_reply('END'), consent.read_reply('Yes please');
UPDATE consent.stop_word SET reach = 'anywhere' WHERE word = 'end';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM consent.stop_word WHERE word = 'stop';
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.stop_word (word, shipped) VALUES ('enough is enough', true);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.stop_word (word) VALUES ('* !!!');
\echo :LAST_ERROR_SQLSTATE
-- what stars stand for is counted in 63 bits
BEGIN;
INSERT INTO consent.stop_word (word, reach) VALUES (repeat('* ', 21) || 'zork', 'anywhere');
SELECT consent.read_reply(repeat('a ', 63) || 'zork');
INSERT INTO consent.stop_word (word, reach) VALUES (repeat('* ', 22) || 'zork', 'anywhere');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
INSERT INTO consent.stop_word (word) VALUES (NULL);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO consent.stop_word (word, meaning) VALUES ('halt', 'perhaps');
\echo :LAST_ERROR_SQLSTATE

-- Tokens: 56 characters for a URL, with nothing of the address in them.
SELECT consent.unsubscribe_token(contact => 'jo@person.example', organisation => 'person acme') AS token \gset
SELECT :'token' ~ '^[A-Za-z0-9_-]{56}$' AS url_safe,
       position('jo@person'::bytea IN decode(translate(:'token', '-_', '+/'), 'base64')) AS address_at;
-- The same link is stored once, however often and for how long it is minted, and in whatever order channels come.
SELECT count(DISTINCT consent.unsubscribe_token('jo@person.example', 'person acme', expires_at => now() + n * interval '1 day')) AS tokens
  FROM generate_series(1, 3) AS n;
SELECT count(consent.unsubscribe_token('jo@person.example', 'person acme', 'marketing', c)) AS minted
  FROM (VALUES ('{email,sms}'::consent.channel[]), ('{sms,email,sms}'), ('{email}'), (NULL)) AS v(c);
SELECT purpose, channels, event_id FROM consent.unsubscribe_link WHERE contact = 'jo@person.example' ORDER BY purpose, channels;
-- Purposes with the names of channels are other scopes than channels are.
INSERT INTO consent.purpose (name) VALUES ('email');
SELECT count(consent.unsubscribe_token('alike@person.example', 'person acme', p, c)) AS minted
  FROM (VALUES ('email', '{sms}'::consent.channel[]), (NULL, '{email,sms}'), ('email', NULL), (NULL, '{email}')) AS v(p, c);
SELECT purpose, channels FROM consent.unsubscribe_link WHERE contact = 'alike@person.example' ORDER BY purpose, channels;
-- It says when it expires, in seconds since 2000, rounded up.
SELECT extract(epoch FROM at) - 946684800 AS expires,
       ('x000000' || encode(substr(decode(translate(consent.unsubscribe_token('jo@person.example', 'person acme', expires_at => at), '-_', '+/'), 'base64'), 6, 5), 'hex'))::bit(64)::bigint AS says
  FROM unnest('{2100-01-01 00:00:00+00,2100-01-01 00:00:00.000001+00,2100-01-01 00:00:00.999999+00}'::timestamptz[]) AS at;
-- One that makes the first key is good in the very statement that made it.
BEGIN;
DELETE FROM consent.token_key;
SELECT consent.unsubscribe(consent.unsubscribe_token('first@person.example', 'person acme')) > 0 AS recorded;
ROLLBACK;
-- Used once and again.
SELECT consent.give('jo@person.example', '{email}', 'person acme', method => 'ticked_box', wording => 'Email me') > 0 AS given;
SELECT consent.unsubscribe(token => :'token', evidence => '{"ip": "192.0.2.7"}') AS event \gset
SELECT consent.unsubscribe(:'token') = :event AS same, consent.unsubscribe(:'token', source => 'again') = :event AS same_again;
SELECT kind, organisation, purpose, channels, source, evidence FROM consent.ledger
 WHERE contact = 'jo@person.example' AND kind <> 'consent';
SELECT allowed, reason, event_id = :event AS by_it FROM consent.evaluate('jo@person.example', 'email', 'person acme');
-- Who has consented since and clicks again, in whatever old message, means it.
SELECT consent.give('jo@person.example', '{email}', 'person acme', method => 'ticked_box', wording => 'Email me') > 0 AS given;
SELECT allowed FROM consent.evaluate('jo@person.example', 'email', 'person acme');
SELECT consent.unsubscribe(:'token') > :event AS recorded_anew;
SELECT reason FROM consent.evaluate('jo@person.example', 'email', 'person acme');
-- So does who has asked for something since: the answer is not sent.  And who has consented under another contact.
SELECT consent.request('ask@person.example', 'person acme', 'email', 'q-1', at => clock_timestamp()) > 0 AS asked, consent.unsubscribe_token('ask@person.example', 'person acme') AS ask \gset
SELECT consent.unsubscribe(:'ask') AS event \gset
SELECT consent.request('ask@person.example', 'person acme', 'email', 'q-2', at => clock_timestamp()) > 0 AS asked;
SELECT reason FROM consent.evaluate('ask@person.example', 'email', 'person acme', 'solicited_response', reference => 'q-2');
SELECT consent.unsubscribe(:'ask') AS again \gset
SELECT :again > :event AS recorded_anew, consent.unsubscribe(:'ask') = :again AS same;
SELECT reason FROM consent.evaluate('ask@person.example', 'email', 'person acme', 'solicited_response', reference => 'q-2');
SELECT consent.link('ask@person.example', 'person ask') > 0 AS linked, consent.link('ask.work@person.example', 'person ask') > 0 AS linked;
SELECT consent.give('ask.work@person.example', '{email}', 'person acme', method => 'ticked_box', wording => 'Email me', at => clock_timestamp()) > 0 AS given;
SELECT reason FROM consent.evaluate('ask.work@person.example', 'email', 'person acme');
SELECT consent.unsubscribe(:'ask') > :again AS recorded_anew;
SELECT reason FROM consent.evaluate('ask.work@person.example', 'email', 'person acme');
-- A link for one purpose and channel leaves the rest.
INSERT INTO consent.purpose (name, parent) VALUES ('person boilers', 'marketing');
SELECT consent.give('sam@person.example', '{email,sms}', 'person acme', method => 'ticked_box', wording => 'Yes') > 0 AS given;
SELECT consent.unsubscribe(consent.unsubscribe_token('sam@person.example', 'person acme', 'person boilers', '{email}')) > 0 AS recorded;
SELECT p AS purpose, c AS channel, (consent.evaluate('sam@person.example', c, 'person acme', purpose => p)).allowed
  FROM unnest('{marketing,person boilers}'::text[]) AS p, unnest('{email,sms}'::consent.channel[]) AS c ORDER BY p, c;

-- An optional service message has an unsubscribe link of its own.
INSERT INTO consent.purpose (name, kind) VALUES ('person tips', 'service_optional');
SELECT consent.unsubscribe(consent.unsubscribe_token('sam@person.example', 'person acme', 'person tips')) > 0 AS recorded;
SELECT allowed, reason FROM consent.evaluate('sam@person.example', 'email', 'person acme', 'service_optional', 'person tips');
SELECT allowed, reason FROM consent.evaluate('sam@person.example', 'email', 'person acme');

-- Whatever is wrong with a token, the answer is one, and nothing is recorded.
CREATE FUNCTION pg_temp.try(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM consent.unsubscribe(token);
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION pg_temp.flip(token text, n integer) RETURNS text LANGUAGE sql AS $$
  SELECT translate(encode(set_bit(b, n, 1 - get_bit(b, n)), 'base64'), '+/' || chr(10), '-_')
    FROM decode(translate(token, '-_', '+/'), 'base64') AS b;
$$;
SELECT consent.unsubscribe_token('fuzz@person.example', 'person acme') AS fuzz,
       consent.unsubscribe_token('fuzz@person.example', 'person acme', expires_at => clock_timestamp() + interval '1 millisecond') AS short \gset
-- every bit of what it says,
SELECT pg_temp.try(pg_temp.flip(:'fuzz', n)) AS answer, count(*) FROM generate_series(0, 42 * 8 - 1) AS n GROUP BY answer;
-- every bit of every character of how it says it,
SELECT pg_temp.try(overlay(:'fuzz' PLACING chr(c) FROM pos FOR 1)) AS answer, count(*)
  FROM generate_series(1, 56) AS pos, generate_series(0, 6) AS n, LATERAL (SELECT ascii(substr(:'fuzz', pos, 1)) # (1 << n)) AS x(c)
 WHERE c > 0 GROUP BY answer;
-- every length,
SELECT pg_temp.try(left(:'fuzz', n)) AS answer, count(*) FROM generate_series(0, 55) AS n GROUP BY answer;
SELECT pg_temp.try(t) AS answer, count(*)
  FROM unnest(ARRAY[NULL, '', ' ', 'x', :'fuzz' || 'A', :'fuzz' || ' ', ' ' || :'fuzz', upper(:'fuzz'), repeat('A', 56), repeat('_', 56), repeat('é', 28), repeat('x', 100000)]) AS t
 GROUP BY answer;
-- and one that has expired; a token is good to the full second.
SELECT pg_sleep(1.1);
SELECT pg_temp.try(:'short') AS answer;
SELECT consent.unsubscribe(:'short');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM consent.ledger WHERE contact = 'fuzz@person.example';
SELECT pg_temp.try(:'fuzz') AS answer;
-- The HMAC once more, by RFC 2104: with the key at hand a token can be made up, but for other versions than the first.
CREATE FUNCTION pg_temp.pad(key bytea, x integer) RETURNS bytea LANGUAGE sql AS $$
  SELECT string_agg(set_byte('\x00', 0, x # CASE WHEN i < length(key) THEN get_byte(key, i) ELSE 0 END), '' ORDER BY i) FROM generate_series(0, 63) AS i;
$$;
CREATE FUNCTION pg_temp.sign(token text, version integer) RETURNS text LANGUAGE sql AS $$
  SELECT translate(encode(head || substr(sha256(pg_temp.pad(secret, 92) || sha256(pg_temp.pad(secret, 54) || 'T' || head)), 1, 16), 'base64'), '+/' || chr(10), '-_')
    FROM set_byte(substr(decode(translate(token, '-_', '+/'), 'base64'), 1, 26), 0, version) AS head,
         (SELECT secret FROM consent.token_key ORDER BY id DESC LIMIT 1) AS k;
$$;
SELECT pg_temp.sign(:'fuzz', 1) = :'fuzz' AS same, pg_temp.try(pg_temp.sign(:'fuzz', 0)) AS before, pg_temp.try(pg_temp.sign(:'fuzz', 2)) AS after;
-- A time in the future is refused before the token is looked at.
SELECT consent.unsubscribe('x', at => now() + interval '1 hour');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unsubscribe(:'token', at => 'infinity');
\echo :LAST_ERROR_SQLSTATE
-- What cannot be minted.
SELECT consent.unsubscribe_token(NULL, 'person acme');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unsubscribe_token('jo@person.example');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unsubscribe_token('jo@person.example', 'nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unsubscribe_token('jo@person.example', 'person acme', 'nothing');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unsubscribe_token('jo@person.example', 'person acme', channels => '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unsubscribe_token('jo@person.example', 'person acme', channels => '{NULL}');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unsubscribe_token('jo@person.example', 'person acme', expires_at => NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unsubscribe_token('jo@person.example', 'person acme', expires_at => now() - interval '1 day');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unsubscribe_token('jo@person.example', 'person acme', expires_at => 'infinity');
\echo :LAST_ERROR_SQLSTATE

-- Keys: the first is made once, however many tokens its statement mints.
BEGIN;
DELETE FROM consent.unsubscribe_link;
DELETE FROM consent.token_key;
SELECT count(DISTINCT consent.unsubscribe_token(('key' || n || '@person.example')::consent.contact, 'person acme')) AS tokens FROM generate_series(1, 3) n;
SELECT count(*) AS keys FROM consent.token_key;
ROLLBACK;
-- a former one verifies until it is retired
SELECT consent.unsubscribe_token('key@person.example', 'person acme') AS old \gset
SELECT consent.rotate_token_key() > 0 AS rotated;
SELECT consent.unsubscribe_token('key@person.example', 'person acme') AS new \gset
SELECT pg_temp.try(:'old') AS old, pg_temp.try(:'new') AS new;
SELECT count(*) AS links FROM consent.unsubscribe_link WHERE contact = 'key@person.example';
-- Rotated again, the key before last is good for as long as it was, and no longer.
SELECT consent.rotate_token_key('1 hour') > 0 AS rotated, consent.rotate_token_key('400 days') > 0 AS again;
SELECT pg_temp.try(:'old') AS old, pg_temp.try(:'new') AS new;
SELECT retired_at > clock_timestamp() + interval '2 hours' AS long, retired_at IS NULL AS signing, count(*) FROM consent.token_key GROUP BY 1, 2 ORDER BY 1, 2;
SELECT consent.rotate_token_key('1 hour') > 0 AS rotated;
UPDATE consent.token_key SET retired_at = clock_timestamp() WHERE retired_at IS NOT NULL;	-- the hour is over
SELECT consent.unsubscribe_token('key@person.example', 'person acme') AS newest \gset
SELECT pg_temp.try(:'new') AS retired, pg_temp.try(:'newest') AS newest, (SELECT count(*) FROM consent.unsubscribe_link WHERE contact = 'key@person.example') AS links;
SELECT consent.rotate_token_key(keep => '0') > 0 AS rotated;
SELECT pg_temp.try(:'old') AS old, pg_temp.try(:'new') AS new, pg_temp.try(:'newest') AS newest;
SELECT count(*) AS links FROM consent.unsubscribe_link;
SELECT count(*) FILTER (WHERE retired_at IS NULL) AS signing, count(*) FILTER (WHERE retired_at <= clock_timestamp()) AS retired FROM consent.token_key;

-- Nobody may anything until granted; then EXECUTE is enough, and no more than that.
CREATE ROLE regress_person_web;
SET ROLE regress_person_web;
SELECT consent.unsubscribe('x');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.unsubscribe_token('web@person.example', 'person acme');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.rotate_token_key();
\echo :LAST_ERROR_SQLSTATE
SELECT consent.inbound('web@person.example', 'sms', 'stop', 'person acme');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.record('web@person.example');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.history('web@person.example');
\echo :LAST_ERROR_SQLSTATE
SELECT consent.receipt(1);
\echo :LAST_ERROR_SQLSTATE
SELECT consent.read_reply('stop');
RESET ROLE;
GRANT EXECUTE ON FUNCTION consent.unsubscribe_token(consent.contact, text, text, consent.channel[], timestamptz),
  consent.unsubscribe(text, timestamptz, text, jsonb), consent.rotate_token_key(interval),
  consent.history(consent.contact), consent.inbound(consent.contact, consent.channel, text, text, timestamptz, text, jsonb)
  TO regress_person_web;
SET ROLE regress_person_web;
-- Nothing of the session comes between: a table of the same name, a search path, an operator.
CREATE TEMP TABLE unsubscribe_link (id uuid);
SET search_path = pg_temp, public;
SELECT consent.unsubscribe(consent.unsubscribe_token('web@person.example', 'person acme')) > 0 AS recorded;
RESET search_path;
SELECT secret FROM consent.token_key;
\echo :LAST_ERROR_SQLSTATE
SELECT contact FROM consent.unsubscribe_link;
\echo :LAST_ERROR_SQLSTATE
SELECT consent.rotate_token_key();
\echo :LAST_ERROR_SQLSTATE
SELECT consent.inbound('web@person.example', 'sms', 'stop', 'person acme');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM consent.history('web@person.example');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT kind, organisation, recorded_by = session_user AS by_the_session FROM consent.ledger WHERE contact = 'web@person.example';
DROP OWNED BY regress_person_web;
DROP ROLE regress_person_web;

-- What a person may see: everything, in words too.
SELECT consent.give('see@person.example', '{email,sms}', 'person acme', method => 'ticked_box', wording => 'Yes, email and text me',
                    source => 'web form', evidence => '{"ip": "192.0.2.1"}', at => '2026-03-01 12:00+00', expires_at => '2036-03-01 00:00+00') AS first \gset
SELECT consent.give('see@person.example', '{email}', 'person acme', method => 'pre_ticked_box', wording => 'Yes, email and text me',
                    collected_by => 'broker', named_organisations => '{person bolt}', at => '2026-03-02 12:00+00') > 0 AS recorded;
SELECT consent.withdraw('see@person.example', '{sms}', 'person acme', at => '2026-03-03 12:00+00') > 0 AS recorded;
SELECT consent.set_subscriber('see@person.example', 'sole_trader', at => '2026-03-04 12:00+00') > 0 AS recorded;
SELECT consent.object('see@person.example', organisation => 'person bolt', at => '2026-03-05 12:00+00', wording => 'Never write again') > 0 AS recorded;
SELECT form, kind, channels, organisation, purpose, effective_at, recorded_at > now() - interval '1 hour' AS stamped,
       recorded_by = session_user AS by_me, source, defects, in_words
  FROM consent.history('see@person.example');
-- Every kind of event has its words; every form of the address is one person's.
SELECT consent.soft_opt_in('all@person.example', 'person acme', 'boilers', refusal_offered => true, refused => false) > 0,
       consent.soft_opt_in('all@person.example', 'person bolt', 'vans', refusal_offered => true, refused => true) > 0,
       consent.soft_opt_in('all@person.example', 'person bolt') > 0,
       consent.request('all@person.example', 'person acme', 'email', reference => 'quote-1', about => 'a quote') > 0;
SELECT consent.answered('quote-1') > 0,
       consent.contacted('all@person.example', 'person acme') > 0,
       consent.suppress('all@person.example', 'bounced') > 0;
SELECT consent.unsuppress('all@person.example') > 0,
       consent.object('all+news@person.example', channels => '{post,online_ad}', organisation => 'person acme') > 0;
SELECT form, kind, in_words FROM consent.history('all@person.example');
SELECT consent.list_on_register('+442079460201', 'tps', '2026-01-01', delisted_on => '2026-06-01') > 0,
       consent.non_objection('+442079460201', 'person acme') > 0;
SELECT kind, in_words FROM consent.history('+442079460201');
-- Of what nobody said why, and of what has ended or has not.
SELECT consent.request('bare@person.example', 'person acme', 'email', reference => 'quote-2') > 0,
       consent.suppress('bare@person.example') > 0,
       consent.give('bare@person.example', '{email}', 'person acme', method => 'ticked_box', wording => 'Yes', at => '2026-01-01', expires_at => '2026-02-01') > 0,
       consent.give('bare@person.example', '{sms}', 'person acme', method => 'ticked_box', wording => 'Yes', expires_at => now() + interval '1 year') > 0,
       consent.give('bare@person.example', '{post}', 'person acme', method => 'ticked_box', wording => 'Yes') > 0;
SELECT kind, split_part(in_words, ', until', 1) AS in_words FROM consent.history('bare@person.example');
SELECT e -> 'channels' AS channels, e ->> 'event_state' AS state FROM jsonb_array_elements(consent.record('bare@person.example') -> 'events') e WHERE e ->> 'event_type' = 'consent';
SELECT s ->> 'channel' AS channel, s ->> 'product_category' AS product_category, s ->> 'allowed' AS allowed
  FROM jsonb_array_elements(consent.record('all@person.example') -> 'status') AS s
 WHERE s ->> 'party_id' = 'person acme' AND s ->> 'channel' IN ('email', 'post');
-- What is asked about: who is named and never said anything to; of a listing calls, of a first contact nothing.  A receipt without a time is of when it was recorded.
SELECT consent.contacted('met@person.example', 'person acme') > 0;
INSERT INTO consent.ledger (contact, kind, channels, organisation, named_organisations, method, wording, effective_at, expires_at) VALUES
  ('named@person.example', 'consent', '{email}', 'person acme', '{person bolt}', 'ticked_box', 'Yes', NULL, NULL),
  ('named@person.example', 'consent', '{email}', 'person acme', NULL, 'ticked_box', 'Yes', '2026-01-01', now() - interval '1 hour');
SELECT c AS contact, jsonb_path_query_array(r, '$.party_identification[*].party_id') AS parties, (SELECT array_agg(DISTINCT s ->> 'channel') FROM jsonb_array_elements(r -> 'status') s) AS channels
  FROM unnest('{named@person.example,+442079460201,met@person.example}'::consent.contact[]) c, consent.record(c) r;
SELECT e #>> '{event,state}' AS state, e -> 'consentTimestamp' = to_jsonb(floor(extract(epoch FROM l.recorded_at))) AS when_recorded, jsonb_path_query_array(e, '$.piiControllers[*].organisation') AS controllers
  FROM consent.ledger l, consent.receipt(l.event_id) e WHERE l.contact = 'named@person.example' ORDER BY l.event_id;
-- One that does not count is no explicit consent.
SELECT e #> '{services,0,purposes,0,consentType}' AS type, e #> '{services,0,purposes,0,thirdPartyName}' AS third_party FROM consent.ledger l, consent.receipt(l.event_id) e
 WHERE l.contact = 'see@person.example' AND l.kind = 'consent' ORDER BY l.event_id;
-- What speaks for messages counts only if somebody knows when; what stands against them does in any case.
SELECT consent.soft_opt_in('when@person.example', 'person acme', 'hats', true, false, at => NULL) > 0 AS sold, consent.set_subscriber('when@person.example', 'corporate', at => NULL) > 0 AS company,
       consent.set_subscriber('when@person.example', 'individual', at => NULL) > 0 AS individual, consent.withdraw('when@person.example', at => NULL) > 0 AS withdrew;
SELECT kind, effective_at IS NULL AS unknown, in_words FROM consent.history('when@person.example');
SELECT count(*) FROM consent.history('nobody@person.example');
SELECT count(*) FROM consent.history(NULL);
-- The record, with numbers and times of this run taken out.
CREATE FUNCTION pg_temp.steady(j jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT regexp_replace(regexp_replace(jsonb_pretty(j), '("(event_id|first_event|entity_id|recorded_time|recorded_at|record_time|consentReceiptID)": )("[^"]*"|[0-9]+)', '\1...', 'g'),
                        '\n +[0-9]+(,?)(?=\n)', ' ...\1', 'g');
$$;
\pset format unaligned
\pset tuples_only on
SELECT pg_temp.steady(consent.record('see@person.example') - 'status');
SELECT pg_temp.steady(consent.receipt(:first));
SELECT pg_temp.steady(consent.record('nobody@person.example') - '@context');
\pset tuples_only off
\pset format aligned
-- Its status is consent.evaluate()'s, for every organisation, channel and purpose the events name.
SELECT s ->> 'party_id' AS organisation, s ->> 'channel' AS channel, s ->> 'purpose' AS purpose, s ->> 'allowed' AS allowed, s ->> 'reason' AS reason
  FROM jsonb_array_elements(consent.record('see@person.example') -> 'status') AS s WHERE s ->> 'channel' IN ('email', 'sms');
SELECT count(*) AS rows, count(*) FILTER (WHERE s ->> 'reason' IS DISTINCT FROM (consent.evaluate('see@person.example',
         (s ->> 'channel')::consent.channel, s ->> 'party_id', purpose => s ->> 'purpose')).reason) AS differing
  FROM jsonb_array_elements(consent.record('see@person.example') -> 'status') AS s;
SELECT consent.receipt(-1) IS NULL AS no_such_event, consent.receipt(NULL) IS NULL AS no_event, consent.record(NULL) IS NULL AS no_contact;
-- A digest proves a wording.
SELECT r #>> '{event,wording_digest}' = 'sha256:' || encode(sha256('Yes, email and text me'), 'hex') AS proven,
       (r ->> 'consentReceiptID')::uuid IS NOT NULL AS has_id
  FROM consent.receipt(:first) AS r;
