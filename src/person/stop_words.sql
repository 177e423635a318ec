
-------------------------------------------------------------------------------
-- person: the shipped stop words.
--
-- What carriers and gateways take for a stop (STOP, STOPALL, UNSUBSCRIBE, END,
-- QUIT, CANCEL, REVOKE, OPTOUT, ARRET, REMOVE, TD), and how people put it.
-- Words that are also everyday answers count only as the whole message.
-- Written without accents, which do not count, so that every database encoding
-- can hold them.
-------------------------------------------------------------------------------

-- English.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'take my number off', 'take my name off', 'take my email off',
    'remove my number', 'remove my email', 'remove my email address', 'remove my name', 'remove my details',
    'delete my number', 'delete my email', 'delete my details', 'no marketing', 'no marketing * texts',
    'no marketing * emails', 'no promotional * texts', 'no promotional * emails', 'no promotions', 'no spam',
    'lose this number', 'unsubcribe', 'unsubscibe', 'unsuscribe', 'unsubscrib', 'text stop', 'stop msg', 'stop msgs',
    'stop all msgs', 'stop * msgs',
    'stop', 'stop all', 'stopall', 'unsubscribe', 'st0p', 'unsub', 'un subscribe', 'unsubscribe all', 'opt out',
    'optout', 'opt out all', 'stop sending', 'stop texting', 'stop emailing', 'stop messaging', 'stop contacting',
    'stop calling', 'stop ringing', 'stop phoning', 'stop spamming', 'stop texts', 'stop * texts', 'stop * messages',
    'stop * sms', 'stop * emails', 'stop * mails', 'stop * calls', 'stop * marketing', 'stop * offers', 'stop * spam',
    'stop * newsletter', 'stop * newsletters', 'can you stop', 'could you stop', 'will you stop', 'would you stop',
    'i said stop', 'i want to stop', 'you can stop', 'no more texts', 'no more messages', 'no more emails',
    'no more calls', 'no more offers', 'no more marketing', 'no more spam', 'no texts', 'no more * texts',
    'no more * messages', 'no more * emails', 'do not text me', 'don''t text me', 'do not text', 'don''t text',
    'do not email me', 'don''t email me', 'do not contact me', 'don''t contact me', 'do not message me',
    'don''t message me', 'do not call me', 'don''t call me', 'do not ring me', 'don''t ring me',
    'do not send * messages', 'don''t send * messages', 'do not send * texts', 'don''t send * texts',
    'do not send * emails', 'don''t send * emails', 'do not send me any', 'don''t send me any', 'do not contact',
    'don''t contact', 'remove me', 'take me off', 'leave me alone', 'go away', 'piss off', 'fuck off',
    'withdraw consent', 'consent withdrawn', 'get lost', 'do not want any more', 'don''t want any more',
    'i would like to be removed', 'i want to be removed', 'stop txting', 'stop txt', 'stop txts', 'end texts',
    'quit texting', 'stop everything', 'stop text', 'stop mail', 'stop email', 'cancel texts', 'cancel messages',
    'cancel emails', 'cancel marketing', 'unsubscribe from all', 'unsubscribe from everything', 'unsubscribe from this',
    'unsubscribe from these', 'can you remove me', 'could you remove me', 'i object', 'cease contact',
    'cease all contact', 'cease sending', 'do not call this number', 'don''t call this number',
    'do not call this number again', 'don''t call this number again', 'do not text this number',
    'don''t text this number', 'do not text this number again', 'don''t text this number again', 'f off', 'stahp',
    'sotp', 'stpo', 'delete my email address', 'delete this email', 'stop msging', 'don''t msg me', 'do not msg me',
    'no contact', 'do not disturb', 'unsubscribe from marketing', 'opt out of marketing', 'opt out of everything',
    'i opt out', 'i revoke consent', 'i do not consent', 'i don''t consent', 'i want off', 'i want out',
    'opting out', 'i''m opting out', 'i am opting out', 'no further contact', 'knock it off', 'pack it in',
    'do not call', 'don''t call', 'no more ads', 'no ads', 'no adverts', 'erase my data', 'erase my details',
    'delete my data', 'stop advertising', 'stop all contact', 'i''d like off this list',
    'i would like off this list',
    'don''t bother me', 'do not bother me', 'unsubscribeme', 'stoppit', 'bugger off']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'stopped', 'revoke', 'stop it', 'stop this', 'stop that', 'no more', 'end', 'end all', 'cancel', 'cancel all', 'quit',
    'remove', 'td', 'delete', 'delete me', 'enough', 'unfollow', 'not any more', 'never again', 'cease',
    'desist',
    'dnc', 'not wanted']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'remove my * from your', 'remove my * from the * list', 'remove my * from this * list', 'remove my * from all',
    'take my * off your', 'take my * off the * list', 'take my * off this * list', 'delete my * from your',
    'delete my * from the * list', 'do not want any of your', 'don''t want any of your', 'do not want these any more',
    'don''t want these any more', 'do not want these anymore', 'don''t want these anymore', 'no longer want these',
    'no longer want your', 'do not want to be on your', 'don''t want to be on your', 'never contact me', 'never text me',
    'never email me', 'asked you to stop', 'told to stop', 'told you to stop', 'do not process my', 'don''t process my',
    'right to object', 'cease and desist', 'unsubcribe me', 'unsubscibe me', 'unsuscribe me', 'take me of your',
    'take me of the', 'take me of this',
    'do not want any more of', 'don''t want any more of', 'delete me from', 'delete us from', 'want off this * list',
    'want off your * list', 'to say stop', 'stop msging me', 'don''t msg me again', 'do not msg me again',
    'stop marketing to me', 'stop marketing to us', 'object to you using my', 'opt me out',
    'unsubscribe me', 'unsubscribe us', 'unsubscribe my', 'want to unsubscribe', 'like to unsubscribe',
    'wish to unsubscribe', 'want to opt out', 'like to opt out', 'wish to opt out', 'opt us out', 'take me off the',
    'take me off your', 'take me off this', 'take me off that', 'take me off * list', 'take us off * list', 'get me off * list', 'remove me from',
    'remove us from', 'remove this number', 'remove this email', 'delete this number', 'lose my number', 'be taken off', 'be unsubscribed', 'stop sending me',
    'stop sending us', 'stop sending these', 'stop sending this', 'stop sending * texts', 'stop sending * messages',
    'stop sending * emails', 'stop texting me', 'stop texting us', 'stop emailing me', 'stop emailing us',
    'stop messaging me', 'stop contacting me', 'stop contacting us', 'stop calling me', 'stop calling us',
    'stop phoning me', 'stop ringing me', 'stop spamming me', 'stop bothering me', 'stop harassing me',
    'stop mailing me', 'stop writing to me', 'want to stop receiving', 'like to stop receiving',
    'want to stop getting', 'want these to stop', 'want this to stop', 'do not * text me * again',
    'do not * text me * any more', 'do not * text me * anymore', 'do not * email me * again',
    'do not * email me * any more', 'do not * email me * anymore', 'do not * contact me * again',
    'do not * contact me * any more', 'do not * contact me * anymore', 'do not * message me * again',
    'do not * message me * any more', 'do not * message me * anymore', 'do not * call me * again',
    'do not * call me * any more', 'do not * call me * anymore', 'do not * ring me * again',
    'do not * ring me * any more', 'do not * ring me * anymore', 'do not * write to me * again',
    'do not * write to me * any more', 'do not * write to me * anymore', 'do not send me * again',
    'do not send me any more', 'do not send me anymore', 'do not send me anything', 'do not send me any * texts',
    'do not send me any * messages', 'do not send me any * emails', 'don''t * text me * again',
    'don''t * text me * any more', 'don''t * text me * anymore', 'don''t * email me * again',
    'don''t * email me * any more', 'don''t * email me * anymore', 'don''t * contact me * again',
    'don''t * contact me * any more', 'don''t * contact me * anymore', 'don''t * message me * again',
    'don''t * message me * any more', 'don''t * message me * anymore', 'don''t * call me * again',
    'don''t * call me * any more', 'don''t * call me * anymore', 'don''t * ring me * again',
    'don''t * ring me * any more', 'don''t * ring me * anymore', 'don''t * write to me * again',
    'don''t * write to me * any more', 'don''t * write to me * anymore', 'don''t send me * again',
    'don''t send me any more', 'don''t send me anymore', 'don''t send me anything', 'don''t send me any * texts',
    'don''t send me any * messages', 'don''t send me any * emails', 'never * text me * again',
    'never * text me * any more', 'never * text me * anymore', 'never * email me * again',
    'never * email me * any more', 'never * email me * anymore', 'never * contact me * again',
    'never * contact me * any more', 'never * contact me * anymore', 'never * message me * again',
    'never * message me * any more', 'never * message me * anymore', 'never * call me * again',
    'never * call me * any more', 'never * call me * anymore', 'never * ring me * again',
    'never * ring me * any more', 'never * ring me * anymore', 'never * write to me * again',
    'never * write to me * any more', 'never * write to me * anymore', 'never send me * again',
    'never send me any more', 'never send me anymore', 'never send me anything', 'never send me any * texts',
    'never send me any * messages', 'never send me any * emails', 'do not want to receive', 'do not wish to receive',
    'do not want to get * texts', 'do not want to get * messages', 'do not want to get * emails',
    'do not want to hear from', 'do not wish to hear from', 'do not wish to be contacted',
    'do not want to be contacted', 'don''t want to receive', 'don''t wish to receive', 'don''t want to get * texts',
    'don''t want to get * messages', 'don''t want to get * emails', 'don''t want to hear from',
    'don''t wish to hear from', 'don''t wish to be contacted', 'don''t want to be contacted',
    'no longer want to receive', 'no longer wish to receive', 'no longer want to get * texts',
    'no longer want to get * messages', 'no longer want to get * emails', 'no longer want to hear from',
    'no longer wish to hear from', 'no longer wish to be contacted', 'no longer want to be contacted',
    'do not want your * messages', 'do not want your * texts', 'do not want your * emails',
    'do not want these * messages', 'do not want these * texts', 'do not want these * emails',
    'do not want * marketing', 'do not want * spam', 'do not consent to', 'don''t want your * messages',
    'don''t want your * texts', 'don''t want your * emails', 'don''t want these * messages',
    'don''t want these * texts', 'don''t want these * emails', 'don''t want * marketing', 'don''t want * spam',
    'don''t consent to', 'withdraw my consent', 'withdraw * consent', 'revoke my consent', 'object to receiving',
    'object to * direct marketing', 'object to * marketing', 'no more messages from', 'no more texts from',
    'no more emails from', 'want no more', 'be removed from your', 'be removed from this',
    'be removed from the mailing', 'be removed from all', 'like to be removed from * mailing list', 'stop texting my',
    'stop calling my', 'stop txting me', 'stop txting my', 'quit texting me', 'quit calling me', 'quit emailing me',
    'cease sending me', 'cease contacting me', 'cease texting me', 'never want to hear from',
    'object to the processing of my * data for direct marketing', 'do not contact me any further',
    'don''t contact me any further', 'unsubscribe this', 'do not send me any further', 'don''t send me any further',
    'do not want any more * texts', 'do not want any more * messages', 'do not want any more * emails',
    'do not want any more * calls', 'do not want any more * offers', 'do not want any more * marketing',
    'don''t want any more * texts', 'don''t want any more * messages', 'don''t want any more * emails',
    'don''t want any more * calls', 'don''t want any more * offers', 'don''t want any more * marketing',
    'don''t * message this number again', 'do not * message this number again', 'don''t * text this number again',
    'do not * text this number again', 'don''t * call this number again', 'do not * call this number again',
    'cancel my subscription to * emails', 'cancel my subscription to * texts', 'cancel my subscription to * messages',
    'stop advertising to me', 'stop advertising to us', 'do not send any more * messages',
    'do not send any more * texts', 'do not send any more * emails', 'don''t send any more * messages',
    'don''t send any more * texts', 'don''t send any more * emails']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'start', 'message', word FROM pg_catalog.unnest(ARRAY[
    'start', 'unstop', 'un stop', 'start all', 'subscribe', 'resubscribe', 're subscribe', 'opt in', 'optin',
    'opt back in', 'resume', 'subscribe me', 'resubscribe me', 'opt me in', 'opt me back in', 'sign me up',
    'sign me back up']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'help', 'message', word FROM pg_catalog.unnest(ARRAY[
    'help', 'info', 'help me']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'review', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'remove my number', 'remove my email', 'remove my name', 'remove my details', 'remove my address',
    'take my name off', 'take my number off', 'take my email off', 'delete my number', 'delete my email',
    'delete my details', 'article 21',
    'not interested', 'wrong number', 'wrong person', 'unsubscribed', 'unsubscribing', 'to opt out', 'opted out',
    'spam', 'spammers', 'harassment', 'harassing', 'gdpr', 'ico', 'solicitor', 'data protection', 'trading standards',
    'mailing list', 'report you', 'reporting you', 'who gave you', 'where did you get', 'unsubscribe', 'optout',
    'be removed from', 'be removed', 'i stop these', 'i stop this', 'i stop getting', 'i stop receiving',
    'i stop * texts', 'i stop * messages', 'i stop * emails', 'cease', '7726', 'block you', 'blocked you',
    'blocking you',
    'erase my data', 'erase my details', 'delete my data', 'opting out',
    'never signed up', 'not sign up', 'didn''t sign up', 'never subscribed', 'not subscribe', 'didn''t subscribe',
    'never consented', 'not consent', 'didn''t consent', 'never agreed to', 'not agreed to', 'not agree to',
    'didn''t agree to', 'never gave you', 'not give you', 'didn''t give you', 'how did you get', 'unsolicited',
    'do not want this', 'do not want these', 'do not want them', 'don''t want these', 'don''t want them',
    'unsubscibed', 'forget me', 'erase all my', 'delete all my', 'my data deleted', 'my data erased',
    'my details deleted', 'deceased', 'died', 'passed away', 'not your customer', 'not a customer',
    'no longer a customer']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'review', 'message', word FROM pg_catalog.unnest(ARRAY[
    'i don''t want this', 'i do not want this']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'please', 'pls', 'plz', 'plse', 'pleas', 'thanks', 'thank you', 'thank u', 'thankyou', 'thx', 'tks', 'ta',
    'cheers', 'many thanks', 'thanks very much', 'thank you very much', 'hi', 'hello', 'hiya', 'hey', 'dear', 'sir',
    'madam', 'dear all', 'good morning', 'good afternoon', 'good evening', 'regards', 'kind regards', 'best regards',
    'best wishes', 'yours sincerely', 'yours faithfully', 'sorry', 'ok', 'okay', 'just', 'now', 'right now',
    'immediately', 'at once', 'asap', 'kindly', 'team', 'mate', 'there', 'x', 'xx']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'not', 'don''t', 'do not', 'never', 'didn''t', 'won''t', 'wouldn''t', 'cannot', 'can''t', 'if you want to',
    'if you wish to', 'if you would like to', 'how', 'why', 'instead of', 'without', 'did you', 'did he', 'did she',
    'should i', 'reply stop to', 'text stop to']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'account', 'appointment', 'appointments', 'auto renewal', 'automatic renewal', 'bill', 'billing', 'bills',
    'booking', 'bookings', 'card', 'deliveries', 'delivery', 'direct debit', 'invoice', 'invoices', 'order', 'orders',
    'overdraft', 'paper', 'paperless', 'parcel', 'parcels', 'payment', 'payments', 'pension', 'prescription',
    'prescriptions', 'receipt', 'receipts', 'refund', 'statement', 'statements', 'waiting list', 'wrong item',
    'wrong items', 'wrong one', 'wrong ones', 'wrong product', 'wrong products', 'wrong size', 'wrong thing',
    'wrong things']) AS word;

-- Welsh.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'stopiwch', 'stopia', 'stopio', 'dad danysgrifio', 'daddanysgrifio', 'dad danysgrifiwch', 'optio allan',
    'dim mwy', 'dim mwy o negeseuon', 'dim mwy o negesau', 'dim rhagor', 'dim rhagor o negeseuon', 'dim mwy o ebyst',
    'dim marchnata', 'peidiwch', 'peidiwch a thecstio', 'peidiwch a ffonio', 'peidiwch ag e bostio',
    'gadewch lonydd i mi', 'gad lonydd i mi', 'atal negeseuon',
    'dim negeseuon', 'dim rhagor o e byst', 'dim mwy o e byst', 'dim rhagor o ebyst', 'dileu fy rhif',
    'dileu fy manylion', 'peidiwch ag ebostio', 'peidiwch a gysylltu']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'diwedd', 'dileu', 'canslo', 'gorffen', 'tynnu', 'atal']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'dad danysgrifiwch fi', 'peidiwch a chysylltu', 'eisiau dad danysgrifio', 'hoffwn ddad danysgrifio',
    'peidiwch a chysylltu a mi', 'peidiwch a chysylltu gyda mi', 'peidiwch ag anfon', 'peidiwch a thecstio fi',
    'peidiwch a fy ffonio', 'peidiwch a ffonio fi', 'stopiwch anfon', 'stopiwch decstio', 'stopiwch gysylltu',
    'stopiwch ffonio', 'stopiwch e bostio', 'rhowch y gorau i anfon', 'tynnwch fi oddi ar', 'tynnwch fy enw',
    'tynnwch fy rhif', 'dilewch fy rhif', 'dilewch fy manylion', 'ddim eisiau * negeseuon', 'ddim eisiau derbyn',
    'ddim am dderbyn', 'tynnu fy nghaniatad yn ol', 'gwrthwynebu * marchnata', 'gwrthwynebu marchnata',
    'tynnwch fi o''ch', 'tynnwch fi o eich', 'tynna fi oddi ar', 'ddim eisiau clywed', 'ddim am glywed',
    'peidiwch ag ebostio fi', 'peidiwch ag e bostio fi']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'start', 'message', word FROM pg_catalog.unnest(ARRAY[
    'cychwyn', 'dechrau', 'ail danysgrifio', 'tanysgrifio']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'help', 'message', word FROM pg_catalog.unnest(ARRAY[
    'cymorth', 'help llaw']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'review', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'dim diddordeb', 'rhif anghywir', 'cwyn']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'os gwelwch yn dda', 'plis', 'diolch', 'diolch yn fawr', 'helo', 'shwmae', 'bore da', 'prynhawn da', 'annwyl syr',
    'cofion', 'cofion gorau', 'yn gywir', 'nawr', 'rwan', 'ar unwaith']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'sut', 'pam', 'os ydych']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'anfoneb', 'anfonebau', 'apwyntiad', 'archeb', 'archebion', 'bil', 'biliau', 'cyfrif', 'papur', 'parsel',
    'taliad']) AS word;

-- French.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'arret', 'arretez', 'arreter', 'arretez tout', 'stop sms', 'stop pub', 'desabonner', 'desabonnement',
    'desinscrire', 'desinscription', 'me desabonner', 'me desinscrire', 'resiliation', 'plus de messages',
    'plus de message', 'plus de sms', 'plus de mails', 'plus d''emails', 'plus de pub', 'plus de publicite',
    'plus de publicites', 'laissez moi tranquille', 'fichez moi la paix', 'arretez les messages',
    'arretez les sms',
    'pas de pub', 'pas de publicite', 'pas de publicites', 'plus rien', 'arretez ca', 'arretez cela',
    'effacez mes donnees', 'supprimez mes donnees']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'fin', 'annuler', 'supprimer', 'resilier']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'desabonnez moi', 'desinscrivez moi', 'ne m''ecrivez plus', 'souhaite me desabonner', 'souhaite me desinscrire',
    'veux me desabonner', 'veux me desinscrire', 'voudrais me desabonner', 'voudrais me desinscrire',
    'ne m''envoyez plus', 'ne me contactez plus', 'ne m''appelez plus', 'ne plus recevoir', 'ne plus etre contacte',
    'ne plus etre contactee', 'ne veux plus * messages', 'ne veux plus * mails', 'ne veux plus * sms',
    'retirez moi de', 'enlevez moi de', 'supprimez moi de', 'supprimez mon numero', 'supprimez mon adresse',
    'supprimez mes coordonnees', 'arretez de m''envoyer', 'arretez de m''ecrire', 'arretez de me contacter',
    'arretez de m''appeler', 'arretez de me harceler', 'retire mon consentement', 'm''oppose a la prospection',
    'm''oppose a * prospection', 'ne plus m''envoyer', 'ne plus m''ecrire', 'ne plus me contacter',
    'ne plus m''appeler', 'ne veux plus recevoir', 'ne souhaite plus recevoir', 'ne desire plus recevoir',
    'de me desabonner', 'de me desinscrire', 'veuillez me desabonner', 'veuillez me desinscrire',
    'je me desabonne', 'je me desinscris', 'cessez de m''envoyer', 'cessez de m''ecrire', 'cessez de m''appeler',
    'cessez de me contacter', 'cesser de m''envoyer', 'cesser de me contacter', 'cessez tout envoi',
    'cesser tout envoi', 'cessez vos envois', 'cesser vos envois', 'me retirer de votre', 'me retirer de la liste',
    'me supprimer de votre', 'me rayer de votre', 'rayez moi de', 'effacez moi de', 'effacez mon numero',
    'ne veux pas recevoir', 'ne souhaite pas recevoir', 'arretez vos * messages', 'arretez vos * mails',
    'arretez vos * sms']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'start', 'message', word FROM pg_catalog.unnest(ARRAY[
    'reabonner', 'm''abonner']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'help', 'message', word FROM pg_catalog.unnest(ARRAY[
    'aide']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'review', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'pas interesse', 'pas interessee', 'rgpd', 'cnil', 'mauvais numero', 'desabonner', 'desinscrire',
    'desinscription', 'desabonnement']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'merci', 'merci beaucoup', 'merci d''avance', 'svp', 'stp', 's''il vous plait', 's''il te plait', 'bonjour',
    'bonsoir', 'salut', 'madame', 'monsieur', 'cordialement', 'bien cordialement', 'bonne journee', 'immediatement',
    'tout de suite']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'pas', 'comment', 'pourquoi', 'si vous souhaitez']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'colis', 'commande', 'commandes', 'compte', 'facture', 'factures', 'paiement', 'papier', 'prelevement', 'releve',
    'releves', 'rendez vous']) AS word;

-- German.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'stopp', 'stop bitte', 'abmelden', 'abmeldung', 'abbestellen', 'abbestellung', 'austragen', 'austragung',
    'newsletter abbestellen', 'newsletter abmelden', 'keine werbung', 'keine nachrichten mehr', 'keine sms mehr',
    'keine mails mehr', 'keine e mails mehr', 'keine anrufe mehr', 'keine weiteren nachrichten', 'lasst mich in ruhe',
    'lassen sie mich in ruhe', 'mich abmelden', 'ich will keine werbung', 'ich mochte keine werbung',
    'keine weiteren mails', 'keine weiteren e mails', 'keine weiteren sms', 'keine weitere werbung', 'stoppen sie das',
    'ich will das nicht mehr', 'horen sie auf', 'hoeren sie auf',
    'schicken sie mir nichts mehr', 'senden sie mir nichts mehr', 'schick mir nichts mehr', 'schickt mir nichts mehr',
    'sendet mir nichts mehr', 'nicht mehr schreiben', 'nicht mehr schicken', 'nicht mehr senden', 'kein newsletter',
    'kein newsletter mehr', 'keinen newsletter', 'keinen newsletter mehr', 'hort auf', 'hoert auf', 'hort auf mit',
    'schluss damit', 'schluss mit der werbung', 'ich kundige den newsletter', 'ich kuendige den newsletter',
    'newsletter kundigen', 'newsletter kuendigen']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'ende', 'kundigen', 'loschen', 'loeschen', 'aufhoren', 'aufhoeren', 'schluss']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'keine werbung mehr', 'melden sie mich ab', 'melde mich ab', 'mich * abmelden', 'mich * austragen',
    'mich abzumelden', 'tragen sie mich * aus', 'nehmen sie mich * liste', 'nehmen sie mich aus', 'loschen sie meine',
    'loschen sie mich', 'loeschen sie meine', 'loeschen sie mich', 'schicken sie mir keine', 'senden sie mir keine',
    'schickt mir keine', 'keine * mehr schicken', 'keine * mehr senden', 'keine * mehr erhalten',
    'keine * mehr bekommen', 'keine * mehr von ihnen', 'nicht mehr kontaktieren', 'nicht mehr anrufen',
    'nicht mehr anschreiben', 'kontaktieren sie mich nicht mehr', 'rufen sie mich nicht mehr an',
    'schreiben sie mir nicht mehr', 'widerrufe * einwilligung', 'widerspreche * werbung', 'widerspreche der nutzung',
    'horen sie auf mir', 'hoeren sie auf mir', 'streichen sie mich',
    'melden sie mich * ab', 'loscht meine nummer', 'loscht meine daten', 'loescht meine nummer', 'loescht meine daten',
    'widerspreche der verwendung', 'widerspreche der verarbeitung',
    'schreiben sie mir nie', 'schreib mir nicht mehr', 'schreibt mir nicht mehr', 'ruf mich nicht mehr an',
    'ruft mich nicht mehr an', 'kontaktiert mich nicht mehr', 'entfernen sie mich', 'entfernt mich',
    'entfernen sie meine nummer', 'entfernen sie meine adresse', 'losche meine nummer', 'loesche meine nummer',
    'verschonen sie mich', 'nehmt mich * liste', 'nehmt mich aus', 'hort auf mir', 'hoert auf mir',
    'hort auf mit dem spam', 'hoert auf mit dem spam', 'hort auf mit der werbung',
    'hoert auf mit der werbung']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'start', 'message', word FROM pg_catalog.unnest(ARRAY[
    'anmelden', 'wieder anmelden']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'help', 'message', word FROM pg_catalog.unnest(ARRAY[
    'hilfe']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'review', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'kein interesse', 'nicht interessiert', 'falsche nummer', 'dsgvo', 'wie kann ich mich abmelden', 'belastigung',
    'anwalt', 'abmelden', 'abbestellen']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'bitte', 'danke', 'danke schon', 'dankeschon', 'vielen dank', 'besten dank', 'hallo', 'guten tag', 'guten morgen',
    'sehr geehrte damen und herren', 'mit freundlichen grussen', 'freundliche grusse', 'viele grusse', 'liebe grusse',
    'mfg', 'lg', 'sofort', 'umgehend', 'jetzt']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'nicht', 'nie', 'warum', 'wie kann ich', 'wenn sie', 'habe', 'bekomme', 'erhalte']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'antwort', 'bestellung', 'bestellungen', 'konto', 'kontoauszug', 'kontoauszuge', 'paket', 'pakete', 'papier',
    'rechnung', 'rechnungen', 'termin', 'zahlung']) AS word;

-- Dutch.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'afmelden', 'afmelding', 'uitschrijven', 'uitschrijving', 'geen reclame', 'geen reclame meer',
    'geen berichten meer', 'geen sms meer', 'geen smsjes meer', 'geen mails meer', 'geen e mails meer',
    'niet meer bellen', 'niet meer mailen', 'stop met sturen', 'stop ermee', 'stop hiermee', 'laat me met rust',
    'laat mij met rust', 'ik wil geen reclame', 'stop met mailen', 'stop met bellen', 'stop met appen',
    'hou op', 'houd op', 'hou hiermee op', 'niet meer sturen', 'niet meer appen', 'niet meer schrijven',
    'geen contact meer', 'geen berichten']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'stoppen', 'einde', 'opzeggen', 'verwijderen', 'annuleren']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'mij afmelden', 'me afmelden', 'schrijf mij uit', 'schrijf me uit', 'schrijf mij * uit', 'schrijf me * uit',
    'meld mij af', 'meld me af', 'meld mij * af', 'meld me * af', 'mij uitschrijven', 'me uitschrijven',
    'haal mij van', 'haal me van', 'haal mij uit', 'haal me uit', 'verwijder mij', 'verwijder me uit',
    'verwijder me van', 'verwijder mijn nummer', 'verwijder mijn gegevens', 'verwijder mijn adres', 'wil geen * meer',
    'wens geen * meer', 'stuur mij geen * meer', 'stuur me geen * meer', 'geen * meer ontvangen',
    'niet meer ontvangen', 'niet meer benaderd', 'bel me niet meer', 'bel mij niet meer', 'app me niet meer',
    'stop met het sturen', 'trek mijn toestemming in', 'maak bezwaar tegen', 'stuur me niets meer',
    'stuur mij niets meer',
    'mail me niet meer', 'mail mij niet meer', 'sms me niet meer', 'sms mij niet meer', 'app mij niet meer',
    'contacteer mij niet meer', 'contacteer me niet meer', 'benader mij niet meer', 'benader me niet meer',
    'schrijf mij niet meer', 'schrijf me niet meer', 'hou op met spammen', 'hou op met sturen', 'hou op met mailen',
    'hou op met bellen', 'hou op met appen']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'start', 'message', word FROM pg_catalog.unnest(ARRAY[
    'aanmelden', 'opnieuw aanmelden']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'help', 'message', word FROM pg_catalog.unnest(ARRAY[
    'hulp']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'review', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'geen interesse', 'niet geinteresseerd', 'verkeerd nummer', 'avg', 'klacht', 'afmelden', 'uitschrijven']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'alstublieft', 'alsjeblieft', 'aub', 'svp', 'graag', 'bedankt', 'dank u', 'dank u wel', 'dank je', 'dank je wel',
    'dankjewel', 'hallo', 'goedemorgen', 'goedemiddag', 'geachte heer', 'geachte mevrouw', 'groet', 'groeten',
    'met vriendelijke groet', 'mvg', 'nu', 'onmiddellijk']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'niet', 'nooit', 'waarom', 'hoe kan ik', 'als u', 'heb', 'krijg', 'ontvang']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'afschrift', 'afschriften', 'afspraak', 'antwoord', 'bestelling', 'bestellingen', 'betaling', 'facturen',
    'factuur', 'pakket', 'pakketten', 'papier', 'papieren', 'rekening', 'rekeningen']) AS word;

-- Spanish.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'desuscribir', 'desuscribirme', 'desuscribirse', 'cancelar suscripcion', 'cancelar la suscripcion',
    'anular suscripcion', 'no mas mensajes', 'no mas correos', 'no mas sms', 'no mas publicidad', 'no mas llamadas',
    'no mas emails', 'no mas correo', 'dejenme en paz', 'dejame en paz', 'no quiero publicidad',
    'no me molesten mas',
    'no envien mas', 'no envie mas', 'no manden mas', 'paren de molestar', 'dejen de molestar', 'eliminar mi numero',
    'eliminar mis datos', 'borrar mi numero', 'borrar mis datos']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'baja', 'alto', 'parar', 'pare', 'paren', 'cancelar', 'basta', 'detener', 'eliminar', 'borrar',
    'dar de baja']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'darme de baja', 'denme de baja', 'deme de baja', 'dame de baja', 'quiero la baja', 'borren mi', 'borre mi',
    'borrenme de', 'borreme de', 'eliminenme de', 'elimineme de', 'eliminen mi', 'elimine mi', 'quitenme de',
    'quiteme de', 'saquenme de', 'saqueme de', 'no quiero recibir', 'no quiero mas mensajes', 'no quiero mas correos',
    'no quiero mas sms', 'no quiero mas publicidad', 'no deseo recibir', 'no deseo mas', 'no me envien mas',
    'no me envie mas', 'no me manden mas', 'no me mande mas', 'no me escriban mas', 'no me llamen mas',
    'no me contacten', 'no vuelvan a contactarme', 'no vuelvan a llamarme', 'no vuelvan a escribirme',
    'dejen de enviarme', 'deje de enviarme', 'dejen de mandarme', 'dejen de llamarme', 'dejen de escribirme',
    'dejen de molestarme', 'retiro mi consentimiento', 'me opongo * tratamiento',
    'me opongo a * publicidad', 'dadme de baja',
    'borren mis', 'borre mis', 'eliminen mis', 'elimine mis', 'me opongo al uso', 'me opongo al envio',
    'no me envien nada', 'no me manden nada', 'no me envies mas', 'no me mandes mas', 'no me escribas mas',
    'no me escriba mas', 'no me llame mas', 'no me llames mas', 'quitame de', 'sacame de', 'borrame de',
    'eliminame de']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'start', 'message', word FROM pg_catalog.unnest(ARRAY[
    'alta', 'suscribir', 'suscribirme']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'help', 'message', word FROM pg_catalog.unnest(ARRAY[
    'ayuda']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'review', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'no me interesa', 'no estoy interesado', 'no estoy interesada', 'numero equivocado', 'rgpd', 'dar de baja',
    'desuscribir', 'desuscribirme', 'darme de baja']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'por favor', 'gracias', 'muchas gracias', 'hola', 'buenos dias', 'buenas tardes', 'buenas', 'saludos',
    'un saludo', 'atentamente', 'estimados senores', 'ya', 'inmediatamente', 'ahora']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'no quiero', 'no he pedido', 'nunca', 'por que', 'como puedo', 'si desea']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'cita', 'cuenta', 'factura', 'facturas', 'pago', 'papel', 'paquete', 'paquetes', 'pedido', 'pedidos', 'recibo',
    'recibos', 'respuesta']) AS word;

-- Polish.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pl', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'wypisz mnie', 'mnie wypisac', 'wypisac', 'o wypisanie', 'wypisuje sie', 'rezygnuje', 'rezygnacja',
    'chce zrezygnowac', 'nie wysylac', 'nie wysylajcie', 'nie pisac', 'nie piszcie', 'nie dzwonic', 'nie dzwoncie',
    'przestancie', 'nie zycze sobie', 'dajcie mi spokoj', 'nie chce reklam']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pl', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'wypisz', 'wypis', 'koniec', 'usun', 'usunac', 'anuluj', 'przestan']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pl', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'wypiszcie mnie', 'nie wysylajcie mi', 'nie przysylajcie mi', 'nie piszcie do mnie', 'nie dzwoncie do mnie',
    'nie chce dostawac', 'nie chce otrzymywac', 'nie chce wiecej', 'nie zycze sobie otrzymywania',
    'usuncie moj numer', 'usuncie moj adres', 'usuncie moje dane', 'cofam zgode', 'wycofuje zgode', 'wnosze sprzeciw']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pl', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'prosze', 'dziekuje', 'dzieki', 'dzien dobry', 'czesc', 'pozdrawiam']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pl', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'dlaczego', 'jak moge']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pl', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'faktura', 'faktury', 'faktur', 'paczka', 'paczki', 'paczke', 'zamowienie', 'zamowienia', 'rachunek',
    'rachunki', 'rachunkow', 'wizyta', 'wizyty']) AS word;

-- Romanian.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'ro', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'dezabonare', 'dezabonati ma', 'ma dezabonez', 'ma dezabona', 'nu mai trimiteti', 'nu mai trimite',
    'nu mai sunati', 'nu mai scrieti', 'opriti mesajele', 'lasati ma in pace', 'nu vreau reclame', 'fara reclame']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'ro', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'dezabonez', 'opriti', 'opreste', 'stergeti', 'anulare', 'renunt']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'ro', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'nu mai vreau sa primesc', 'nu vreau sa primesc', 'nu doresc sa primesc', 'nu mai doresc sa primesc',
    'nu mi mai trimiteti', 'nu imi mai trimiteti', 'nu ma mai contactati', 'nu ma mai sunati',
    'stergeti numarul meu', 'stergeti adresa mea', 'stergeti datele mele', 'retrag consimtamantul']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'ro', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'va rog', 'te rog', 'multumesc', 'mersi', 'buna ziua']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'ro', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'de ce', 'cum pot']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'ro', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'facturi', 'facturile', 'comanda', 'comenzi', 'colet', 'coletul']) AS word;

-- Italian.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'it', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'cancellami', 'cancellatemi', 'cancellarmi', 'disiscrivi', 'disiscrivimi', 'disiscrivetemi', 'disiscrizione',
    'cancellazione', 'annulla iscrizione', 'rimuovimi', 'rimuovetemi', 'basta messaggi', 'basta sms', 'basta email',
    'basta pubblicita', 'niente pubblicita', 'non scrivetemi piu', 'non chiamatemi piu', 'non contattatemi',
    'non contattatemi piu', 'lasciatemi in pace', 'smettetela', 'smettila']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'it', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'cancella', 'annulla', 'rimuovi', 'ferma', 'smetti']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'it', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'non voglio piu ricevere', 'non voglio ricevere', 'non desidero ricevere', 'non desidero piu ricevere',
    'non mandatemi piu', 'non inviatemi piu', 'non mi contattate piu', 'non mi scrivete piu', 'non mi chiamate piu',
    'cancellate il mio numero', 'cancellate i miei dati', 'toglietemi dalla', 'revoco il mio consenso',
    'revoco il consenso']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'it', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'per favore', 'grazie', 'buongiorno', 'buonasera', 'cordiali saluti']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'it', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'perche', 'come posso']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'it', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'fattura', 'fatture', 'bolletta', 'bollette', 'ordine', 'ordini', 'pacco', 'pacchi']) AS word;

-- Portuguese.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pt', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'descadastrar', 'cancelar inscricao', 'cancelar subscricao', 'nao quero publicidade', 'deixem me em paz',
    'parem de enviar', 'pare de enviar', 'nao enviem mais', 'nao me contactem', 'chega de mensagens',
    'remover o meu numero']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pt', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'sair', 'remover', 'parem', 'chega', 'anular']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pt', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'nao quero receber', 'nao quero mais receber', 'nao desejo receber', 'nao me enviem mais',
    'nao me contactem mais', 'nao me liguem mais', 'parem de me enviar', 'parem de me ligar', 'removam me da',
    'removam o meu', 'retiro o meu consentimento', 'quero deixar de receber']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pt', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'obrigado', 'obrigada', 'bom dia', 'boa tarde', 'cumprimentos']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pt', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'porque', 'como posso']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pt', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'encomenda', 'encomendas', 'fatura', 'faturas', 'conta']) AS word;

-- What was missed among replies, and a few words of others who text in Latin letters.
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'do not email this address', 'don''t email this address', 'do not email this address again',
    'don''t email this address again', 'do not contact this address', 'don''t contact this address',
    'do not write to this address', 'don''t write to this address', 'remove this address', 'delete this address',
    'take us off', 'remove us', 'sod off', 'get stuffed', 'naff off', 'stop forever', 'stop for good', 'no sms',
    'no txts', 'no email marketing', 'no text messages', 'leave us alone']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'no text', 'no txt', 'no email', 'no emails', 'exit', 'withdraw', 'st op', 'sto p', 'sstop', '5top',
    'unsubscription', 'unsubscribtion', 'desubscribe', 'disubscribe']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'rather you did not * contact me * again', 'rather you didn''t * contact me * again',
    'rather you did not * text me * again', 'rather you didn''t * text me * again',
    'rather you did not * email me * again', 'rather you didn''t * email me * again',
    'rather you did not * message me * again', 'rather you didn''t * message me * again',
    'rather you did not * call me * again', 'rather you didn''t * call me * again', 'prefer not to receive',
    'rather not receive', 'prefer not to be contacted', 'rather not be contacted', 'prefer not to hear from',
    'rather not hear from', 'prefer not to get * emails', 'prefer not to get * texts',
    'prefer not to get * messages', 'rather not get * emails', 'rather not get * texts',
    'rather not get * messages', 'remove this address from', 'delete this address from', 'take this address off',
    'take this number off', 'asking you to stop', 'asked you several times to stop', 'asked you many times to stop',
    'asked you twice to stop', 'asked you before to stop', 'asked u to stop', 'told u to stop', 'rescind my consent']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'review', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'how do i stop', 'how can i stop', 'why do i keep getting', 'subject access', 'data you hold',
    'data do you hold', 'information you hold', 'information do you hold', 'right of access', 'he is dead',
    'she is dead', 'child''s phone', 'did not ask for these', 'didn''t ask for these', 'did not ask for this',
    'didn''t ask for this', 'rather you did not', 'rather you didn''t', 'only email me', 'only text me',
    'email only', 'text only']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'review', 'message', word FROM pg_catalog.unnest(ARRAY[
    'block', 'blocked', 'junk', 'scam', 'phishing', 'terminate', 'want to withdraw', 'i want to withdraw']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'para', 'cancela', 'no mas']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'pl', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'nie dzwon', 'nie pisz']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'ro', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'oprit']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'hi', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'band karo', 'bandh karo', 'bund karo', 'band kar do', 'mat bhejo', 'na bhejo', 'bas karo']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'tr', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'dur', 'durdur', 'durdurun', 'iptal']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'lt', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'atsisakau', 'nustokite']) AS word;
