-- pg_consent 0.1.0 to 0.2.0
--
-- test/t/003_upgrade.pl compares what this makes of a 0.1.0 with a fresh 0.2.0.

-- What was said nobody knows when is in force from when it was recorded.
COMMENT ON COLUMN consent.withdrawal_latency.said_at IS 'When it was said; when it was recorded, if nobody knows';
COMMENT ON COLUMN consent.withdrawal_latency.latency IS 'The time between; none if nobody knows when it was said';

-- contact::text calls a function.
DROP CAST (consent.contact AS text);
CREATE FUNCTION consent.contact_text(contact consent.contact) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_consent_contact_text';
COMMENT ON FUNCTION consent.contact_text(consent.contact) IS
  'the canonical spelling; what contact::text calls';

CREATE CAST (consent.contact AS text)
WITH FUNCTION consent.contact_text(consent.contact) AS ASSIGNMENT;
COMMENT ON CAST (consent.contact AS text) IS
  'the canonical spelling';

-- Rules over other rules.
ALTER TABLE consent.rule
  ALTER COLUMN pattern DROP NOT NULL,
  ADD CHECK (language ~ '^[a-z]{2,3}(-[A-Z]{2})?$'),
  ADD COLUMN family text,
  ADD CHECK (family ~ '^[a-z0-9_]+$'),
  ADD COLUMN exceptions text,
  ADD COLUMN condition text,
  ADD CONSTRAINT rule_pattern_or_condition CHECK ((pattern IS NULL) <> (condition IS NULL)),
  ADD CONSTRAINT rule_exceptions_of_pattern CHECK (exceptions IS NULL OR pattern IS NOT NULL);

COMMENT ON COLUMN consent.rule.pattern IS
  'PCRE2 regular expression, matched against the text as consent.folded_text() shows it (lower case, single spaces, straight quotes). Capitals in it stand for either case; what no folded text has is warned of. One that is invalid or matches the empty string is refused with 2201B. Try it with consent.try_rule()';
COMMENT ON COLUMN consent.rule.weight IS
  'A class is established when the weights of the rules that speak for it reach 1, each rule once. 1: enough alone, unless the model finds it plain; 2: whatever the model finds; 0.5: needs a second; 0: reported, but evidence of nothing. What your own rules weigh is never taken back';
COMMENT ON COLUMN consent.rule.family IS
  'Rules of one kind, for conditions: "price.*" is every rule of family price. Left out: the first word of the code';

COMMENT ON COLUMN consent.rule.exceptions IS
  'PCRE2 regular expression: where it matches in the same sentence, the rule does not speak';

COMMENT ON COLUMN consent.rule.condition IS
  'Instead of a pattern: what must have been found by rules that have one. Codes or families with and, or, not, "upsell.upgrade near price.*" (in one sentence; near(40): at most 40 characters apart), "count(price.*, tone.praise) >= 2"; then, for a rule without class, "then suppress tone.urgency" or "then cap price.* at 1"';

CREATE TABLE consent.ruleset (
  n     integer NOT NULL,
  piece bytea NOT NULL
) USING heap;

ALTER TABLE consent.ruleset ALTER COLUMN piece SET STORAGE PLAIN;

COMMENT ON TABLE consent.ruleset IS
  'The enabled rules, compiled, as sessions load them; kept by the extension, and only used while it fits consent.rule';

COMMENT ON COLUMN consent.ruleset.n IS 'Pieces are put together in this order, from 0';

COMMENT ON COLUMN consent.ruleset.piece IS 'Bytes';

COMMENT ON FUNCTION consent.try_channel(text) IS
  'The channel of that name, in any case; NULL if there is none';

CREATE FUNCTION consent.compile_rules() RETURNS void
  LANGUAGE C STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_compile_rules';

COMMENT ON FUNCTION consent.compile_rules() IS
  'Compiles the rules for sessions to come. Needed only where rules were written with triggers disabled: sessions then compile them themselves, each in its first call';

REVOKE ALL ON FUNCTION consent.compile_rules() FROM PUBLIC;

CREATE FUNCTION consent.try_condition(condition text, body text, subject text DEFAULT NULL,
                                      OUT part text, OUT start integer, OUT length integer, OUT excerpt text)
  RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1
  AS 'MODULE_PATHNAME', 'pg_consent_try_condition';

COMMENT ON FUNCTION consent.try_condition(text, text, text) IS
  'Where a condition over the rules as they are holds in a message: one row, or none if it does not. Errors: 42601 invalid condition, 42704 it is about a rule that does not exist, PC002 a rule gave up on the text';



-- Literals are packed anew, and some shipped patterns reach only so far back.
UPDATE consent.rule r SET family = split_part(r.code, '.', 1), pattern = COALESCE(n.pattern, r.pattern)
  FROM consent.rule o LEFT JOIN (VALUES
('price.offer', $r$\b(?:(?:special|exclusive|great|latest|best|amazing|fantastic|limited(?:[- ]time)?|introductory|launch|new|unbeatable|current|summer|winter|christmas|weekend|today's|this week's|personali[sz]ed|tailored|bank holiday|welcome|winning|member|loyalty|upgrade|discount) (?:\w+ )?(?:offers?|deals?)(?! (?:of (?:employment|work|a (?:job|place|home|tenancy|settlement))|letters?)\b)|(?:offers?|deals?) (?:ends?|expires?|just for you|on selected|for you|available|of the (?:week|day|month)|near you|in (?:store|your area))|(?:view|see|browse|explore|check out|shop|grab|claim|don't miss|unlock|enjoy) (?:\S+ ){0,3}(?:offers?|deals?)|great value|price drops?|multibuy|(?:even )?cheaper than ever|bargains?)\b$r$),
('price.free_thing', $r$\b(?:(?:a|your|our|for|get|claim|with|enjoy|plus|book|try|and|grab) (?:\w+ )?free (?:\w+ )?(?:trial|gift|sample|quote|consultation|valuation|survey|month|months|weeks?|upgrade|delivery|shipping|drink|drinks|coffee|lunch|dessert|class|session|pass|tickets?|entry|download|guide|ebook|webinar|demo|check|assessment|bottle|case|month's|estimate|fitting|installation|travel|spins?|bets?|credit|taster)|free (?:trial|gift|sample|quote|consultation|valuation|delivery on|shipping on|for \d+ (?:days|weeks|months)|when you|with every|prescription sunglasses|spins|bets?)|(?:first|extra|one|two|three|\d) (?:months?|weeks?|nights?|classes|sessions?)(?:'s)? (?:is |are )?(?:free|on us|half price)|(?:absolutely|completely|totally) free|get it free|on the house|no obligation|first month free)\b(?! (?:(?:has|have) (?:ended|expired)|ends on|ended|expired|period has))$r$),
('ask.shop', $r$\b(?:shop (?:now|online|today|the|our|new|here|in store|early)|buy (?:now|today|online|yours|one|it now|tickets)|order (?:now|yours|today|online today|by \w+ for)|(?:get|grab|bag|snap up|treat yourself to|pick up|reserve|secure) (?:yours|your (?:tickets?|seat|place|spot|copy|deal|free))|(?:get|grab) (?:it|them) (?:now|today|while)|add to (?:basket|bag|cart)|start shopping|treat yourself|stock up|new (?:in|arrivals?(?! times?\b)|collection|range|season)|just landed(?! (?:at|safely)\b)|back in stock|now in stock|(?:in|all) (?:\S+ ){0,3}(?:shops|stores) (?:now|from))\b$r$),
('ask.join', $r$\b(?:(?:join|sign up|subscribe|register)(?: up)? (?:now|today|for (?:free|just|only|the|our|a)|to (?:our|win|the)|us (?:today|for|at|as|in|and)(?! (?:room|hall|the (?:hall|room|call|meeting))\b)|online (?:now|today)|before|in minutes|here and)|become a (?:member|subscriber|friend|patron|supporter|vip)|(?:switch|move) (?:to us|today|now|across|over)|get started (?:today|now|for free|with)|take out (?:a|our)|open (?:an?|your) (?:new )?(?:\w+ ){0,2}(?:isa|account|saver|bond) (?:today|now|with|and)|start your (?:subscription|membership|journey|adventure))\b$r$),
('charity.ask', $r$(?:\b|(?=£))(?:(?:please|could you|will you|can you|would you|help us|to) (?:\w+ )?(?:donate|give (?:£|what|generously|today|just|a gift|monthly))|donate (?:now|today|here|£|online|by|to)|(?:your|a|every) (?:donation|gift|£\d+|support)(?: of £?\d+)? (?:could|can|will|would|today|helps)|£\d+ (?:a month )?(?:could|can|will|would|buys|pays for|feeds|helps)|set up a (?:regular|monthly) (?:gift|donation)|consider (?:donating|giving|(?:making )?an? (?:\w+ )?(?:donation|gift)|supporting (?:us|our))|leave a gift|gift in your will|(?:make|send) (?:a|something|your)(?: \w+)? (?:donation|gift|towards)|because of (?:people like )?you\b|sponsor (?:me|us|a (?:dog|child|cat))|with your (?:help|support)|our appeal|fundrais(?:e|ing) (?:for us|today|page|event)|text (?:give|donate)|support our (?:work|appeal|campaign|cause))\b$r$),
('prize.draw', $r$\b(?:(?:win|to win|winning|be in with a chance|enter (?:to|our|the) (?:win|prize|competition|draw)|entered into (?:a|our|the) (?:free )?(?:prize )?draw|chance to win|prize draw|you(?:'ve| have) (?:won (?:an?|our|one|£|up|tickets)\b|been (?:selected|chosen) (?:to (?:win|receive|get|claim)|for (?:a|an|our)))|congratulations[^.\n]{0,30}(?:won|winner|selected)|claim your prize|giveaway|raffle tickets?|jackpot|lucky (?:winner|draw)))\b(?! (?:the (?:dispute|case|appeal)|by \d|against|for (?:an? |the |your )?(?:interview|role|job|post|team)\b))$r$),
('research.survey', $r$\b(?:(?:our|a|short|quick|this|brief|annual|\d[- ]minute|national|customer|satisfaction|tenant|residents?|staff|independent|anonymous|issues|salary|lifestyle|energy|shopping|health|member|patient|supporter|consumer|local) (?:\w+ ){0,2}(?:survey|questionnaire|poll)\b|survey (?:of|about|on|\d{4}|for|asks)|questionnaire|(?:take part in|taking part in|complete|fill in|answer) (?:\w+ ){0,3}(?:survey|study|research|questionnaire|poll|questions|qs)|(?:market|user|customer|academic) research|research (?:study|panel|project|interview)|focus group|(?:\d+|three|four|five|six|seven|eight|nine|ten|eleven|twelve|few|couple of) (?:\w+ )?(?:questions|qs)\b)(?! (?:your )?(?:valuation|of your property|report on))$r$),
('research.views', $r$\b(?:(?:have your say|your (?:views|opinions?|thoughts) (?:on|about|matter|count|will help)|(?:like|value|want|hear|share|give (?:us )?|tell us) your (?:views|opinions?|thoughts)|what (?:do|did) you think|consultation (?:on|about|closes|runs)|voluntary and|(?:would|will|can|could) you tell us (?:which|how|what|why|whether)|picked at random|(?:answers|replies|responses) (?:are|will be|stay) (?:anonymous|confidential|not)))\b$r$),
('research.feedback', $r$\b(?:how (?:did we do|was (?:your|the|it|tonight's|today's)|would you rate|satisfied|likely are you|are we doing)|rate (?:your|the|our) (?:\w+ )?(?:delivery|visit|experience|service|call|stay|order|repair|appointment|driver|chat|care|advice)|(?:your|any|some|leave|give|us|welcome) feedback\b|(?:1|0) ?(?:\([^)]{0,40}\))? ?(?:to|-) ?(?:5|10)\b|on a scale of)(?! (?:working )?(?:days?|weeks?|minutes|mins))$r$),
('service.delivery', $r$\b(?:out for delivery|(?:on its way|on the way)|(?:has|have|been|was|were|is|are|will be) (?:been )?(?:dispatched|despatched|shipped|delivered|delivering)|(?:will|due to) (?:be )?(?:deliver|arrive)(?:ed)?\b|(?:track|tracking) (?:your|number|it|link|the|id|ref)|(?:your|the) (?:parcel|package|delivery|shipment)\b|(?:ready|available) (?:to|for) collect(?:ion)?|we(?:'ve| have)? (?:missed you|tried to deliver)|delivery (?:slot|date|driver|time|address|between|window|note|update|scheduled|attempt)|left (?:with|it with) (?:a |your )?neighbour|estimated (?:delivery|arrival))\b$r$),
('service.order', $r$\b(?:order (?:confirmation|confirmed|received|details|number|no|ref|summary|total|placed|cancelled|has been|is confirmed|is ready)|(?:thank you|thanks|thx) for (?:your|the|ordering|shopping) ?(?:order|purchase|payment|donation|gift|application|booking|enquiry|return|email|call|patience|feedback|message|joining|registering|interest)?\b(?<!interest)|receipt (?:for|is|no|number|attached|below|enclosed)|(?:your|a|e-?) ?receipt\b|(?:confirm(?:s|ing|ation)?|received) (?:\w+ ){0,4}(?:order|purchase|payment|donation|return|application|claim|request|registration|subscription|form|documents?)|(?:your|a|the|full) refund\b|refunded?\b|(?:has|have|been) (?:been )?(?:processed|credited|debited|accepted|approved|declined|received|completed|cancelled|amended|updated|issued|registered|renewed|activated|closed|paused|transferred)|(?:your )?(?:exchange|return) (?:is|has|was)|gift aid)\b$r$),
('service.booking', $r$\b(?:(?:your|the) (?:booking|reservation|table|flight|train|room|stay|trip|hire|tickets?|seats?|check[- ]in|coach|ferry|boarding pass|itinerary|hotel|class|viewing|course|lesson|interview|session|place|slot)\b (?:\w+ )?(?:is|are|has|have|will|was|for|at|on|ref|reference|confirmed|starts|departs|leaves|\d)|booking (?:ref|reference|confirmed|confirmation|number|details|id)|check[- ]?in (?:is|opens|closes|online|from|now)|bag drop|boarding (?:at|in|now|pass)|gate \d|see you (?:at|on|sat|sun|mon|tue|wed|thu|fri|tomorrow|tmrw|there)|(?:you(?:'re| are)|is|are) (?:all )?booked\b|table for \d|departs? at|we look forward to (?:welcoming|seeing) you)\b$r$),
('service.appointment', $r$\b(?:(?:appointment|appt)s?\b|(?:engineer|technician|nurse|surveyor|driver|plumber|electrician|inspector|midwife|carer|operative|contractor)s? (?:will|is|are|to|has|was|arriv|visit|attend|call|can)|(?:your|a|the) (?:\w+ ){0,2}(?:check[- ]?up|eye test|mot|vaccination|jab|screening|smear|scan|x-ray|blood test|service|inspection|safety check|meter reading|assessment|review|consultation|hearing test|repeat prescription|prescription|operation|test) (?:\w+ ){0,2}(?:is|are|was|due|on|at|will|has|booked|results?)|(?:you are|you're|are) (?:now )?due (?:for|a|your)|test results?|reschedule|to (?:cancel|rearrange|re-arrange|change) (?:it|your|this|or))\b(?! for you to)$r$),
('service.outage', $r$\b(?:(?:power|water|service|planned|unplanned|network|supply) (?:cut|outage|interruption|disruption|failure|works?|maintenance)|outage|(?:planned|essential|emergency|scheduled) (?:work|works|maintenance|closure|repairs)|(?:will be|is|are|has been|have been|remains?) (?:temporarily )?(?:closed|shut|unavailable|suspended|cancelled|delayed|out of (?:action|order|use|service)|off|down|diverted|disrupted|restored|back (?:on|to normal))|(?:closed|shut) (?:on|until|due|for|from|because|all)|out of (?:action|order|service)|no (?:hot water|water|power|service) |engineers are|(?:delay|delays|delayed) (?:of|by|to|on|due|because)|running late|(?:bin|refuse|recycling|waste) (?:collection|day)s?|road closure|strike action|diversion|flood (?:warning|alert)|we(?:'re| are) (?:very |so |really )?sorry (?:for|about|that|to))\b$r$),
('service.recall', $r$\b(?:(?:product|safety|urgent|vehicle|voluntary) (?:\w+ )?(?:recall|notice|warning|alert)|recall(?:ed|ing)? (?:of|the|on|because|notice|\w+ batch)|stop using (?:it|the|this|your)|do not (?:use|eat|consume|drink)|may (?:overheat|catch fire|contain|cause injury)|free of charge (?:repair|replacement)|(?:repair|replace)(?:ment)? (?:will be )?(?:carried out )?free of charge|safety (?:certificate|check|inspection))\b$r$),
('service.terms', $r$\b(?:(?:changes?|changing|update[sd]?|updating|amend(?:ed|ing|ments?)) (?:\w+ ){0,3}(?:terms|conditions|privacy (?:notice|policy)|tariff|contract|agreement|policy|rates? (?:on|for|from)|charges|fees|direct debit|opening (?:hours|times)|timetable|account number|bank details)|(?:terms and conditions|terms of (?:service|use)|privacy (?:notice|policy)|tariff|rent|price|charge|fee|interest rate|rate|premium|direct debit|payment|subscription|allowance) (?:\w+ ){0,4}(?:will (?:change|increase|rise|go up|be|go)|is changing|are changing|changes? (?:on|from|to)|increases? (?:on|from|to|by)|goes up|rises)|notice of (?:change|variation|increase|meeting)|your (?:contract|policy|membership|subscription|agreement|tenancy|cover|plan|licence|permit|passport|card|bond|fixed (?:rate|term)) (?:\([^)]*\) )?(?:\w+ ){0,2}(?:ends?|expires?|renews?|is (?:due|paid|about)|will (?:end|renew|expire|automatically)|runs out|matures?|lapses|is set to|was renewed|has (?:ended|expired)))\b$r$),
('service.security', $r$\b(?:(?:security|verification|one[- ]time|authentication|login|log-in|sign-?in|access|confirmation|activation|passcode|otp|2fa|pin|reset|gate|entry|door) ?(?:code|passcode|password|pin|number|link)|(?:code|passcode|otp|pin) (?:is|:|to|for)(?=\D{0,20}\d{4})|\d{4,8} is your|one[- ]time (?:code|passcode)|(?:do not|don't|never) share (?:this|it|your|the)|reset (?:your )?password|password (?:reset|was|has been|changed|will expire)|(?:verify|confirm) your (?:email|e-mail|identity|account|address|number|phone|new|date of birth)|(?:new|unusual|suspicious) (?:sign-?in|login|log-in|device|activity|transaction|payee)|(?:did|was) (?:you|this you)|(?:sim|card|account|log ?in) (?:has been |was |is )?(?:blocked|locked|frozen|suspended)|data breach|scam|fraud)\b$r$),
('service.bill', $r$\b(?:(?:your|latest|new|the|final|monthly|annual|attached|next|overdue|unpaid|a|this) (?:\w+ ){0,3}(?:bill|invoice|statement|balance|instalment|repayment|arrears|payslip|p60|tax code|direct debit|rent account|premium|payment)\b(?:\W+\w+){0,4}?\W+(?:is|are|was|of|for|will|has|on|due|now|failed|shows|from|ready|stands|number|no|by|attached|enclosed|below|came)|(?:payment|amount|balance) (?:of £|due|received|failed|reminder|overdue|is due|was|confirmed|date)|invoice (?:no|number|attached|for|#|\d)|(?:is|now|are|be) (?:overdue|payable|due (?:on|by|for payment))|in arrears|(?:we(?:'ll| will| have| could not|'ve)|couldn't) (?:take|taken|collect|collected) (?:\w+ ){0,3}(?:payment|£|from)|paid (?:on|by|from|into|in full)|you (?:owe|paid|have paid)|direct debit|standing order|bacs|sort code|sent you £|please pay|pay by|will come off your|credited (?:to|in|on|your))\b$r$),
('service.limit', $r$\b(?:(?:you've|you have|you) (?:now )?(?:used|reached|exceeded|gone over) (?:\w+ )?(?:\d+|all|your|half)|(?:data|usage|credit|spending|overdraft|storage) (?:limit|cap|allowance) (?:\w+ )?(?:reached|exceeded|has|is|will|resets)|(?:balance|account) (?:is|has gone|fell|dropped|went) (?:below|under|low|overdrawn)|overdrawn|arranged overdraft|out of (?:credit|data)|low balance|storage (?:is )?(?:almost )?full|(?:extra|further) use (?:costs|is charged))\b$r$),
('service.identity', $r$\b(?:(?:we (?:still )?need|please (?:send|provide|upload|supply|bring|submit|complete|return|sign|confirm)|you (?:must|need to|will need to|have to)|(?:required|needed) to) (?:\w+ ){0,5}(?:proof|id|passport|photo id|documents?|details|form|reading|readings|evidence|signature|certificate|information|timesheets?|declaration|licence|address|return|tax return|ticket|claim|instructions|register|apply by)\b|(?:legal|statutory|regulatory) (?:requirement|duty|notice|obligation)|(?:required|obliged) (?:by law|to (?:tell|inform|notify))|by law\b|meter reading|polling (?:station|card|place)|electoral|right to (?:appeal|cancel|complain)|jury|court date|hearing (?:on|date)|data protection request|subject access)$r$),
('service.opt_out_done', $r$\b(?:you(?:'ve| have| are|'re)? (?:now |been |have been |successfully ){0,4}(?:unsubscribed|opted out|removed)[^.\n]{0,60}(?:\.|you (?:will|won't)|no (?:more|further)|list)|you(?:'ll| will) (?:no longer|not) (?:receive|get|hear)|you won't (?:receive|get|hear)|we(?:'ve| have) (?:removed|stopped|unsubscribed|taken you off|recorded your)|no (?:more|further) (?:marketing|texts|emails|messages) (?:will|from))\b$r$),
('service.case', $r$\b(?:(?:your|the|this) (?:\w+ )?(?:complaint|claim|case|enquiry|query|application|request|petition|ticket|repair|report|referral|account (?:has|is|was|will)|password|username|email address|profile|shift|rota|timesheet|contract of|tenancy|planning|child|class|lesson|homework|trip)\b(?:\W+\w+){0,3}?\W+(?:is|are|was|has|have|ref|reference|number|will|been|about|on|of|to|at|for)|(?:case|complaint|claim|reference|ref|job|ticket|incident|account|policy|customer|membership|member|order) (?:no|number|id|ref|reference)\b\.? ?:?(?= ?\w)|ref(?:erence)?[:.]? ?[a-z]{0,4}[-/]?\d{3,}|following your (?:call|visit|request|complaint|email|report|enquiry)|as (?:you )?(?:requested|agreed|discussed)|you (?:asked|requested|contacted|reported|wrote|applied|told us)|we(?:'re| are) (?:looking into|investigating|processing|reviewing)|no action (?:is )?(?:needed|required)|you (?:do not|don't) need to (?:do|take)|(?:welcome|thank you) (?:to|for (?:joining|registering|signing))|account (?:created|activated|is ready|verification))\b$r$),
('neutral.registered_details', $r$\b(?:registered in (?:england|scotland|wales|northern ireland)|registered (?:office|charity|company|number)|company (?:no|number|reg)|vat (?:no|number|reg)|(?:is )?authori[sz]ed and regulated by)\b[^.!?\n]{0,120}|\bthis (?:email|message|text) (?:was|is|has been) sent (?:to|by) [^\s@]{1,64}@[^\s@]{1,64}|\byou(?:'re| are) receiving this (?:email|message|text) because you (?:have an account|are an? (?:\w+ )?(?:customer|member|subscriber)|signed up|registered|subscribed)\b$r$),
('consent.preferences', $r$(?<!doesn't )(?<!not )(?<!won't )\b(?:updat(?:e|ing)|check|review|confirm|refresh|set|choose|change|manage|tell us|switch on|amend) (?:\w+ ){0,3}(?:marketing|contact|communications?|email|mailing|sms) (?:preferences?|choices|permissions?|settings)(?= (?:to|so|and|now|today|by|for|you|below|here|,)|[.!?:]|$)|(?<!we )(?<!to )\b(?:check|review|confirm|verify|update) (?:\w+ ){0,4}(?:details|information|address) and (?:\w+ ){0,2}(?:marketing|communications?|contact|mailing) (?:preferences?|choices|permissions?)\b|\b(?:tell us|let us know) (?:whether|if) you(?:'d| would)? (?:still )?(?:want|like) (?:\w+ ){0,3}(?:marketing|offers|newsletters?)\b|\bpermission to (?:contact|email|text|call|send|write to|keep)\b|\b(?:need|like|have|ask(?:ing)? for) your (?:permission|consent|ok|okay|say-so)\b(?! (?:to|for) (?:the )?(?:treat|operat|proced|surg|shar|access|enter|disclos))|\bhow (?:would|do) you (?:like|want|prefer) (?:us )?to (?:hear|contact|be contacted|keep in touch)|\b(?:can|may|could|ok if|okay if|okay for|ok for) (?:we|us|i|me) (?:also |to )?(?:txt|text|email|e-?mail|call|ring|msg|message|send|contact|keep)(?:ing)? (?:u|you)\b[^.?\n]{0,60}(?:offer|deal|news|event|update|promo|code|new|about)$r$),
('consent.missing_out', $r$\b(?:(?:currently |at the moment |you(?:'re| are|'ve| have) )(?:opted out|unsubscribed|not (?:opted in|subscribed|signed up|getting|receiving))[^.\n]{0,60}(?:offers?|deals?|news|marketing|emails?|texts?|rewards?|updates)|you(?:'re| are| may be| might be|'ve been| could be) missing (?:out|our|all)|(?:don't|not) (?:have|hold) (?:a record of |your )(?:\w+ ){0,4}(?:consent|permission|preferences|wish to be contacted)|no record of your (?:\w+ ){0,2}(?:consent|permission) (?:to|for) (?:\w+ ){0,3}(?:marketing|emails?|texts?|news|offers))\b(?!\. you will no longer)$r$),
('label.service', $r$\b(?:(?:please note:? (?:that )?)?this (?:(?:message|email|text|letter|call) )?(?:is|isn't) (?:a|an|not a|not an|not|only a|just a) (?:\w+ ){0,2}?(?:service|marketing|sales|administrative|important|essential|account|promotional|operational|transactional) (?:message|email|text|communication|update|call|notice|notification|letter|announcement)|(?:you(?:'re| are) receiving this |you (?:cannot|can't) (?:opt out of|unsubscribe from) )?(?:(?:service|account|important) (?:message|update|notice|announcement)|service (?:email|communication)s?)|(?:this (?:(?:message|email|text|letter|call) )?|and |but |it )?(?:is not|isn't|not|contains? no|does(?: not|n't) contain) (?:any |an? )?(?:marketing|promotional|advert(?:s|ising|isements?)?|sales call|selling)(?: (?:material|content|message|email))?|(?:this (?:\w+ )?is )?(?:sent )?for information only)(?: (?:sent|issued) to all (?:our )?customers| because you(?:'re| are) (?:an?|our) (?:\w+ )?(?:customer|member))?\b$r$),
('public.health', $r$\b(?:(?:gov\.uk|nhs|ukhsa|environment agency|met office|police|hm government|emergency services)\b[^\n]{0,120}(?:stay (?:at home|indoors)|vaccin|evacuat|flood|severe (?:weather|flood)|danger to life|boil (?:your )?(?:water|notice)|missing person|emergency alert)|(?:stay (?:at home|indoors)|danger to life|evacuate|severe flood warning|emergency alert))\b$r$),
('regulatory.notice', $r$\b(?:(?:ofcom|ofgem|fca|ofwat|prudential regulation authority|the regulator|our regulator|pensions regulator|financial conduct authority|ofsted|care quality commission) (?:rules|requires?|asks?|has asked|have asked|says?|has told|expects)|required by (?:ofcom|ofgem|the fca|ofwat|our regulator|the regulator)|under (?:ofcom|ofgem|fca|ofwat) rules|fscs|financial services compensation scheme|end[- ]of[- ]contract notification|cheapest tariff message)\b$r$)) n (code, pattern) ON n.code = o.code
 WHERE o.code = r.code;
UPDATE consent.rule
   SET positive = '{"This is a service message","This is not a marketing email","This email contains no marketing"}',
       negative = '{"Our service team","You will get no marketing from us"}'
 WHERE code = 'label.service';
UPDATE consent.rule SET positive = '{"Please donate today","£10 could feed a family","With your help we can","Please consider donating to keep this service free"}' WHERE code = 'charity.ask';
UPDATE consent.rule SET negative = '{"We offer our apologies","We will deal with your complaint","New offer of employment"}' WHERE code = 'price.offer';
UPDATE consent.rule SET negative = '{"Feel free to call","This call is free","Free spins expired"}' WHERE code = 'price.free_thing';
UPDATE consent.rule SET negative = '{"Your order will arrive today","Buy-to-let statement","New arrival time 21.40"}' WHERE code = 'ask.shop';
UPDATE consent.rule SET negative = '{"Thank you for joining","Your membership has started","Join us in room 4, not room 5"}' WHERE code = 'ask.join';
UPDATE consent.rule SET negative = '{"You have won your appeal","You did not win the dispute","The window is open","Congratulations, you have been selected for interview"}' WHERE code = 'prize.draw';
-- What is sold by text message: premium-rate calls, handsets, prizes, chat lines.
INSERT INTO consent.rule (shipped, code, class, weight, channels, citation, description, pattern, positive, negative) VALUES
(true, 'price.a_text', 'direct_marketing', 0.5, '{sms}', 'Communications Act 2003 s.120(7): a premium rate service; weak alone, receipts state it too', 'What each text costs, or a minute if that is pounds',
 $r$(?:£ ?\d(?:\.\d\d)?|\b\d{2,3} ?p) ?(?:/|per|a|each|p)? ?(?:msgs?|messages?|texts?|txts?|sms|rcvd|rcv|received)\b|£ ?\d(?:\.\d\d)? ?(?:/|per|a|each|p) ?min(?:ute)?s?\b(?! (?:ago|later|walk))|\b(?:msgs?|messages?|texts?|txts?) ?(?:costs?|charged|billed)? ?(?:at|@)? ?(?:£ ?\d\.\d\d|\d{2,3} ?p)\b|\b(?:charged|billed|cost) ?(?:at|@) ?(?:£ ?\d\.\d\d|\d{2,3} ?p)\b$r$,
 '{"msgs cost 150p","calls £1.50 per min","25p/rcvd text","billed @ £1.50"}', '{"You have 200 texts left","Calls cost 13p per minute"}'),
(true, 'price.free_minutes', 'direct_marketing', 0.5, NULL, 'ICO guidance on identifying direct marketing: free gifts and trials; weak alone, plans name them too', 'Free minutes, texts or handsets as an inducement',
 $r$\b(?:\d+|unlimited|inclusive|extra|with|get|\+|plus) (?:\w+ )?free (?:minutes|mins|texts?|txts?|text messages|calls|tones|ringtones)\b(?! (?:left|remain|used|have been|(?:are|were) (?:left|used)))|(?<!-)(?<!\bsim )(?<!\bhands )(?<!\bduty )\bfree (?:line rental|handset|camera ?phone|camcorder|video ?phone|ringtones?|polyphonic|polys?|logos?|bluetooth|headset|car kit)\b$r$,
 '{"with 600 free minutes","Free line rental for a year"}', '{"You have 80 free minutes left","Free to call from any mobile","Your SIM-free handset is repaired"}'),
(true, 'prize.unclaimed', 'direct_marketing', 0.5, NULL, 'ICO guidance on identifying direct marketing: free gifts and trials; weak alone, statements name points too', 'Points, rewards or prizes that were not claimed',
 $r$\bun-?(?:redeemed|claimed|collected|used) (?:\w[\w.]* ){0,3}(?:points?|rewards?|prizes?|bonus(?:es)?|vouchers?|minutes)\b|\b(?:prize|reward|award|bonus|gift|winnings) (?:is |are |was |still |remains? |has )*(?:waiting|awaiting|unclaimed|not (?:been )?claimed)\b$r$,
 '{"You have 400 unredeemed points","Your prize is still unclaimed"}', '{"Your parcel is waiting"}'),
(true, 'ask.chat_line', 'direct_marketing', 0.5, NULL, 'ICO guidance on identifying direct marketing: products and services; weak alone', 'An invitation to a chat, dating or adult line',
 $r$\b(?:horny|(?:naughty|sexy|dirty|flirty|adult|live) (?:\w+ )?(?:chat|girls?|guys|babes?|singles?|pics?|videos?|txts?|texts?)|xxx (?:pics?|videos?|action)|(?:chat|dating|flirt)[- ]?lines?|singles (?:in your area|near you|waiting))\b$r$,
 '{"Live chat with sexy singles","Ring our chat line","hot pics of naughty girls"}', '{"Chat to our team about your bill","The sexual health clinic has moved"}');

-- What lures to a number or code that costs more.  Weight 2 is more than the model can take back:
-- notices that name such numbers are told from lures by the exceptions, as the model has not learned numbers.
INSERT INTO consent.rule (shipped, code, class, weight, channels, citation, description, pattern, exceptions, positive, negative) VALUES
(true, 'price.premium_call', 'direct_marketing', 2, NULL, 'Communications Act 2003 s.120(7): a premium rate service; ICO guidance on identifying direct marketing: products and services', 'A call to a number that begins with 09, or with 087 to hear a message',
 $r$\b(?:call|ring|dial|phone|fone|telephone|tel|ph)\b[^.!?\n]{0,60}\b09\d{2}\)?(?:[ .-]?\d){7}(?!\d)|\b(?:(?:1|one|new|unread|unheard|private|urgent|secret|saved|voice|video|picture) (?:\w+ )?(?:messages?|msgs?)|voice ?mails?|admirers?|fancies (?:you|u))\b[^!?\n]{0,40}\b(?:call|ring|dial|phone|fone|telephone)\b[^.!?\n]{0,30}\b087[0-3][ -]?\d{3}|\b(?:call|ring|dial|phone|fone|telephone)\b[^.!?\n]{0,10}\b087[0-3][ -]?\d{3}[^.!?\n]{0,60}\b(?:messages?|msgs?|voice ?mails?) (?:is |are )?(?:waiting|left)\b$r$,
 $r$\bcalls? (?:to|2|from|of)\b|\b(?:called|dialled|redialling|rang|phoned|rung|charged for|billed for|barr(?:ed|ing)|blocked|block|disput(?:e|ed|es)|refund(?:ed|s)?|complain(?:t|ed|ts)|scam|con|fraud|fraudsters?|prohibited|customer (?:services?|care)|do not|don't|dont|never|not arrive|minutes? at|\d+ ?min\w* \d\d? ?s)\b$r$,
 '{"To hear who it is call 0906 112 0000","dial 09050001122 now","You have an unread message. Ring 0871 112 0000 now","Call 0871 112 0000, an urgent message is waiting"}', '{"Call us on 0800 112 0000","Phone lines open 0900-1700","Your call ref is 09123456","To hear your messages dial 1571"}'),
(true, 'price.premium_number', 'direct_marketing', 2, '{sms}', 'Communications Act 2003 s.120(7): a premium rate service; ICO guidance on identifying direct marketing: products and services', 'A text that gives a number that begins with 09',
 $r$(?<!\d)(?<!\d )09(?:0[14-9]|1[1-3]|8[0-9])\)?(?:[ .-]?\d){7,8}(?!\d)$r$,
 $r$\bcalls? (?:to|2|from|of)\b|\b(?:called|dialled|redialling|rang|phoned|rung|charged for|charges?|billed|your bill|ur bill|barr(?:ed|ing)|blocked|block|disput(?:e|ed|es)|refund(?:ed|s)?|complain(?:t|ed|ts)|scam|con|fraud|fraudsters?|prohibited|numbers? (?:starting|beginning)|customer (?:services?|care)|do not|don't|dont|never|not arrive|minutes? at|\d+ ?min\w* \d\d? ?s)\b$r$,
 '{"who fancies u? 3 clues on 09055 112 000","Leave me a msg 09090001122"}', '{"Ring me on 07700 900123","Order 109055112000 is ready"}'),
(true, 'price.lure_call', 'direct_marketing', 2, '{sms}', 'Communications Act 2003 s.120(7): a premium rate service; ICO guidance on identifying direct marketing: free gifts and trials', 'A prize, a gift, a date or unclaimed points behind a number that begins with 087',
 $r$\b(?:un-?(?:redeemed|claimed|collected)|prizes?|prizewinners?|award(?:ed|s)?|rewards?|winners?|won|winnings|jackpot|(?:free|mystery|bonus) (?:\w+ )?(?:gift|holiday|hol|break|weekend|wknd|cruise|flights?|phone|fone|mobile|handset|camera|camcorder|laptop|points|pts|caller)|bonus (?:points|pts)|holiday (?:voucher|for (?:2|two)|4 (?:2|two))|break (?:for|4) (?:2|two)|half price (?:\w+ )?rental|handset upgrade|crush|admirer|fancies|(?:perfect|your|ur) match|flirt\w*|dating|chat ?lines?|(?:gay|lesbian|adult|sexy|live) chat|horny|naked|naughty)\b[^\n]{0,120}(?<!\d)(?<!\d )087[0-3](?:[ .-]?\d){7}(?!\d)|(?<!\d)(?<!\d )087[0-3](?:[ .-]?\d){7}(?!\d)[^\n]{0,60}\b(?:your|ur|a|the|see wot (?:u|you)) (?:prize|award|reward|won|free gift|winnings|match|date)\b$r$,
 $r$\bcalls? (?:to|2|from|of)\b|\b(?:called|dialled|rang|phoned|charged for|billed for|barr(?:ed|ing)|blocked|disput(?:e|ed|es)|refund(?:ed|s)?|complain(?:t|ed|ts)|scam|con|fraud|fraudsters?|do not|don't|dont|never)\b$r$,
 '{"Your statement shows 500 un-redeemed points. Call 0871 112 0000","Call 0871 112 0000 to get your prize"}', '{"Your gift could not be delivered, call 0345 112 0000","For a refund call 0871 112 0000"}'),
(true, 'price.lure_code', 'direct_marketing', 2, '{sms}', 'Communications Act 2003 s.120(7): a premium rate service; ICO guidance on identifying direct marketing: free gifts and trials', 'Free texts or tones, a prize or an adult service, got by a text to a short number',
 $r$\b(?:free (?:txts?|texts?|text (?:msgs?|messages)|msgs?|ringtones?|tones?|polys?|mins|minutes|entry)|prize|jackpot|win (?:an?|the|up to|cash)\b|win £|horny|naked|naughty|hardcore|xxx|(?:gay|lesbian|adult|sexy|live) (?:chat|girls?|guys|singles)|flirt\w*|draw (?:4|for) (?:an? )?£)[^\n]{0,120}\b(?:txt|text|send|reply|msg)\b(?: with)? (?!["']?(?:stop|end|no|help|balance|unsub\w*)\b)[^.!?\n]{0,30}\b(?:to|2|on) ?[68]\d{4}\b(?!\d)$r$,
 $r$\b(?:charged for|billed for|refund(?:ed|s)?|complain(?:t|ed|ts)|scam|con|fraud|fraudsters?|do not|don't|dont|never)\b$r$,
 '{"200 free texts! Just text OK to 80000","win a phone: send WIN to 60000"}', '{"Thank you for entering our prize draw. Text STOP to 60000 to end"}');

-- A plea for donations is one wherever it stands.  Weight 2: below a notice the model took it back.
INSERT INTO consent.rule (shipped, code, class, weight, citation, description, pattern, exceptions, positive, negative) VALUES
(true, 'charity.plea', 'direct_marketing', 2, 'DPA 2018 s122(5), aims and ideals; ICO guidance on identifying direct marketing: fundraising', 'A plea to donate',
 $r$\bplease (?:do |would you |will you |kindly |also )?(?:consider (?:donating|(?:making )?an? (?:\w+ )?donation)|(?:donate|make a donation)\b|give (?:generously|what(?:ever)? you can))\b$r$,
 $r$\b(?:blood|plasma|platelets?|organs?|corneas?|stem cells?|bone marrow|sperm|eggs?|milk)\b$r$,
 '{"Please donate to help us carry on","Please consider a donation","Please give what you can"}', '{"Please donate blood","Thank you for your donation","Please give us your new address"}');
ALTER TABLE consent.rule ALTER COLUMN family SET NOT NULL;
SELECT consent.compile_rules();

-- What a purpose is whose kind is left out, and what purposes below a sector's are.
COMMENT ON COLUMN consent.purpose.kind IS
  'commercial, charitable, political, claims_management, pensions, or service_optional (neutral but not essential, with an opt-out of its own). Left out, it is that of the parent, or commercial at the root. What lies below claims_management or pensions is that business, whatever its kind. Never changes';
ALTER TABLE consent.purpose ALTER COLUMN kind DROP DEFAULT;
CREATE FUNCTION consent.purpose_kind() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.kind := 'commercial';
  IF NEW.parent IS NOT NULL THEN
    SELECT kind INTO NEW.kind FROM consent.purpose WHERE name = NEW.parent;
    IF NOT FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
        MESSAGE = format('the parent of purpose "%s" does not exist', NEW.name),
        HINT = 'Insert the parent first, or give the kind.';
    END IF;
  END IF;
  RETURN NEW;
END;
$$;
COMMENT ON FUNCTION consent.purpose_kind() IS
  'Trigger of consent.purpose: a purpose without a kind is of its parent''s, or commercial at the root';
REVOKE EXECUTE ON FUNCTION consent.purpose_kind() FROM PUBLIC;
CREATE TRIGGER purpose_kind BEFORE INSERT ON consent.purpose
  FOR EACH ROW WHEN (NEW.kind IS NULL) EXECUTE FUNCTION consent.purpose_kind();
ALTER TABLE consent.purpose ENABLE ALWAYS TRIGGER purpose_kind;
COMMENT ON TRIGGER purpose_kind ON consent.purpose IS 'Left out, its kind is its parent''s';

-- What weights mean.
COMMENT ON TYPE consent.classification IS
  'Verdict on a message. score: summed weights of what found promotion or a request for permission, where 1 is enough for a verdict. needs_review: somebody should look, because there was too little to read, guidance leaves the case open, promotion came close to the mark from either side, part of the text was not read, or a rule gave up (listed as limit:<code>). rules: what was found, marketing first; model.* are findings of the learned model';
COMMENT ON FUNCTION consent.classify(text, text, consent.channel) IS
  'What a message is. body is plain text or HTML, detected; its first megabyte is read. Without a channel every rule applies, and words weigh as in mail; in texts (sms, mms, social_dm) they weigh something more or less. What cannot be told is unknown, with needs_review. Never an error because of the text';
COMMENT ON FUNCTION consent.evidence(text, text, consent.channel) IS
  'One row per finding: the rule (model.* for the learned model; model.plain takes back what a rule found in a plain text), the class it speaks for, its weight, the part (subject or body), start (from 1) and length in characters of the text as given, those characters, and the guidance or ruling the rule rests on; for the model also the words that spoke loudest. Weights add up to the verdict, a rule counting once. At most 100 per rule and part. A row that has no place has a NULL start, length and excerpt: limit:<code> for a rule that gave up, what is taken back of all there is, and what keeps a message from being judged, which has no class either: text.unread, text.empty, or text.language where it is not in English or too short to tell';

-- A constraint would print the address.
CREATE FUNCTION consent.person_link_refused() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NEW.contact IS NULL OR NEW.person IS NULL OR NEW.linked IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a link needs a contact and a person, and whether they are linked';
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'the name of a person has 1 to 1,000 bytes';
END;
$$;
COMMENT ON FUNCTION consent.person_link_refused() IS
  'Trigger of consent.person_link: refuses a link without a contact or person (22004), or whose person has an empty or too long name (23514)';
REVOKE EXECUTE ON FUNCTION consent.person_link_refused() FROM PUBLIC;
CREATE TRIGGER person_link_refused BEFORE INSERT ON consent.person_link
  FOR EACH ROW WHEN (NEW.contact IS NULL OR NEW.person IS NULL OR NEW.linked IS NULL OR NEW.person = '' OR octet_length(NEW.person) > 1000)
  EXECUTE FUNCTION consent.person_link_refused();
ALTER TABLE consent.person_link ENABLE ALWAYS TRIGGER person_link_refused;
COMMENT ON TRIGGER person_link_refused ON consent.person_link IS 'Says what is missing without printing the address';

COMMENT ON FUNCTION consent.link(consent.contact, text, text, jsonb) IS
  'Records that a contact is a person''s: an objection or withdrawal under one contact of a person covers all of them, whenever it was made, as the strictest of what is merged; a consent stays with its contact. Returns the event id. consent.unlink() undoes it. Errors: 22004 no contact or person, 23514 empty person, 54000 too many contacts of one person';
COMMENT ON FUNCTION consent.unlink(consent.contact, text, text, jsonb) IS
  'Records that a contact is not a person''s after all: what was said under the person''s other contacts no longer covers it. Returns the event id. Errors: 22004 no contact or person, 23514 empty person';

-- A jurisdiction that has no policy is warned of.
COMMENT ON FUNCTION consent.vocabulary_changed() IS
  'Trigger of consent.organisation, consent.purpose and consent.policy: checks the purpose tree and the numbers of policies, warns of a jurisdiction that has no policy, and tells every session';
CREATE TRIGGER jurisdiction_warned_of AFTER INSERT OR UPDATE OF jurisdiction ON consent.organisation
  FOR EACH ROW EXECUTE FUNCTION consent.vocabulary_changed();
COMMENT ON TRIGGER jurisdiction_warned_of ON consent.organisation IS 'A jurisdiction without a policy is warned of';

-- Tables of a few rows, which autovacuum would never look at, and of which the planner would
-- expect ten pages each: consent.current, their product, then costs so much that it is compiled
-- (jit) for seconds, to find one contact.
ALTER TABLE consent.organisation SET (autovacuum_analyze_threshold = 0);
ALTER TABLE consent.purpose SET (autovacuum_analyze_threshold = 0);
ALTER TABLE consent.expected_guard SET (autovacuum_analyze_threshold = 0);
ANALYZE consent.organisation, consent.purpose, consent.expected_guard;

CREATE FUNCTION consent.filter_recorded() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_filter_recorded';

COMMENT ON FUNCTION consent.filter_recorded() IS
  'Trigger of consent.person_link and consent.erasure: tells the filter that something is on record of a contact';

REVOKE EXECUTE ON FUNCTION consent.filter_recorded() FROM PUBLIC;

CREATE TRIGGER filter_recorded BEFORE INSERT ON consent.person_link
  FOR EACH ROW EXECUTE FUNCTION consent.filter_recorded();

CREATE TRIGGER filter_recorded BEFORE INSERT ON consent.erasure
  FOR EACH ROW EXECUTE FUNCTION consent.filter_recorded();

ALTER TABLE consent.person_link ENABLE ALWAYS TRIGGER filter_recorded;

ALTER TABLE consent.erasure ENABLE ALWAYS TRIGGER filter_recorded;

COMMENT ON TRIGGER filter_recorded ON consent.person_link IS 'A guard reads what is on record of a contact only if the filter knows of it';

COMMENT ON TRIGGER filter_recorded ON consent.erasure IS 'A guard reads what is on record of a contact only if the filter knows of it';

CREATE FUNCTION consent.fill_filter() RETURNS bigint
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_fill_filter';

COMMENT ON FUNCTION consent.fill_filter() IS
  'Reads the ledger into the filter, by which guards know without reading that nothing is on record of an address. After a start of the server a background worker does it by itself when the first guarded row is written; until then guards read the ledger. Returns the number of rows read. Error: 55000 there is no filter (it takes shared_preload_libraries = ''pg_consent''), or a table or trigger of the ledger is not as it was made';

REVOKE EXECUTE ON FUNCTION consent.fill_filter() FROM PUBLIC;

CREATE FUNCTION consent.filter_state(
  OUT in_use boolean, OUT bytes bigint, OUT share_set double precision, OUT false_hits double precision,
  OUT filled_at timestamptz)
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_filter_state';

COMMENT ON FUNCTION consent.filter_state() IS
  'The filter of this server: do guards of this database use it, how large is it, what share of its bits is set, for what share of strangers is the ledger read all the same (more than 0.02: pg_consent.filter_size is too small), and when was the ledger read into it. All NULL but the first if there is none';

REVOKE EXECUTE ON FUNCTION consent.filter_state() FROM PUBLIC;

CREATE TYPE consent.tally_line AS (send integer, reason text, contacts bigint, examples consent.contact[]);

COMMENT ON TYPE consent.tally_line IS
  'A line of consent.tally(). send: the place of the send in its lists; reason: the verdict; contacts: how many have it; examples: some of them';

CREATE FUNCTION consent.tally_add(internal, consent.standing, consent.contact, consent.channel[], text[], text[], text, consent.message_class, boolean, integer) RETURNS internal
  LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_tally_add';

COMMENT ON FUNCTION consent.tally_add(internal, consent.standing, consent.contact, consent.channel[], text[], text[], text, consent.message_class, boolean, integer) IS
  'Transition function of the aggregate consent.tally';

CREATE FUNCTION consent.tally_combine(internal, internal) RETURNS internal
  LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_tally_combine';

COMMENT ON FUNCTION consent.tally_combine(internal, internal) IS 'Combine function of the aggregate consent.tally';

CREATE FUNCTION consent.tally_serialize(internal) RETURNS bytea
  LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_tally_serialize';

COMMENT ON FUNCTION consent.tally_serialize(internal) IS 'Serialization function of the aggregate consent.tally';

CREATE FUNCTION consent.tally_deserialize(bytea, internal) RETURNS internal
  LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_tally_deserialize';

COMMENT ON FUNCTION consent.tally_deserialize(bytea, internal) IS 'Deserialization function of the aggregate consent.tally';

CREATE FUNCTION consent.tally_final(internal, consent.standing, consent.contact, consent.channel[], text[], text[], text, consent.message_class, boolean, integer) RETURNS consent.tally_line[]
  LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_tally_final';

COMMENT ON FUNCTION consent.tally_final(internal, consent.standing, consent.contact, consent.channel[], text[], text[], text, consent.message_class, boolean, integer) IS
  'Final function of the aggregate consent.tally';

CREATE AGGREGATE consent.tally(
  standing consent.standing, contact consent.contact, channels consent.channel[], organisations text[], purposes text[],
  product_category text, class consent.message_class, any_category boolean, samples integer) (
  SFUNC = consent.tally_add, STYPE = internal, FINALFUNC = consent.tally_final, FINALFUNC_EXTRA,
  COMBINEFUNC = consent.tally_combine, SERIALFUNC = consent.tally_serialize, DESERIALFUNC = consent.tally_deserialize,
  PARALLEL = SAFE);

COMMENT ON AGGREGATE consent.tally(consent.standing, consent.contact, consent.channel[], text[], text[], text, consent.message_class, boolean, integer) IS
  'Verdicts as consent.judge() gives them now, counted by reason, for several sends: channels, organisations and purposes of one length, which go together by place. class NULL: as the purpose''s kind has it; samples: so many examples. All but standing and contact must be constants';

REVOKE EXECUTE ON FUNCTION
  consent.tally_add, consent.tally_combine, consent.tally_serialize, consent.tally_deserialize, consent.tally_final, consent.tally
FROM PUBLIC;

CREATE OR REPLACE FUNCTION consent.verdicts(
  channel consent.channel,
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT 'marketing')
  RETURNS TABLE (status text, reason text, citation text, contacts bigint)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
  SELECT consent.status(r.kind = 'basis', r.code), r.code,
         COALESCE((SELECT (consent.policy_in_force(verdicts.organisation)).law), r.citation), v.contacts
    FROM unnest((SELECT consent.tally(s.standing, s.contact, ARRAY[verdicts.channel], ARRAY[verdicts.organisation], ARRAY[verdicts.purpose],
                                      NULL, NULL, true, 0)
                   FROM consent.contact_standing s
                  WHERE consent.ledger_readable())) AS v
    JOIN consent.reason r ON r.code = v.reason
   ORDER BY v.contacts DESC, r.code;
END;

COMMENT ON COLUMN consent.coverage.contacts IS 'All contacts of the ledger, whatever kind of address: what a person said of texts may be on record under their e-mail address, and consent.permitted() names that; consent.contact_kind() tells whom a channel reaches';

CREATE FUNCTION consent.coverage_of(
  organisations text[] DEFAULT NULL,
  channels consent.channel[] DEFAULT NULL,
  purposes text[] DEFAULT '{marketing}')
  RETURNS TABLE (organisation text, channel consent.channel, purpose text, permitted bigint, soft_opt_in bigint, refused bigint,
                 never_asked bigint, contacts bigint)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 50
BEGIN ATOMIC
  WITH send AS (
    SELECT row_number() OVER (ORDER BY o.name, c.channel, p.name) AS n, o.name AS organisation, c.channel, p.name AS purpose
      FROM consent.organisation o, unnest(COALESCE(coverage_of.channels, enum_range(NULL::consent.channel))) AS c(channel), consent.purpose p
     WHERE (coverage_of.organisations IS NULL OR o.name = ANY (coverage_of.organisations))
       AND (coverage_of.purposes IS NULL OR p.name = ANY (coverage_of.purposes))),
  line AS (
    SELECT v.send, v.contacts, v.reason, consent.status(r.kind = 'basis', v.reason) AS status
      FROM unnest((SELECT consent.tally(s.standing, s.contact, (SELECT array_agg(channel ORDER BY n) FROM send),
                                        (SELECT array_agg(organisation ORDER BY n) FROM send),
                                        (SELECT array_agg(purpose ORDER BY n) FROM send), NULL, NULL, true, 0)
                     FROM consent.contact_standing s
                    WHERE consent.ledger_readable())) AS v
      JOIN consent.reason r ON r.code = v.reason)
  SELECT s.organisation, s.channel, s.purpose,
         COALESCE(sum(l.contacts) FILTER (WHERE l.status = 'permitted'), 0)::bigint,
         COALESCE(sum(l.contacts) FILTER (WHERE l.reason IN ('soft_opt_in', 'charity_soft_opt_in')), 0)::bigint,
         COALESCE(sum(l.contacts) FILTER (WHERE l.status = 'refused'), 0)::bigint,
         COALESCE(sum(l.contacts) FILTER (WHERE l.status = 'never_asked'), 0)::bigint,
         COALESCE(sum(l.contacts), 0)::bigint
    FROM send s LEFT JOIN line l ON l.send = s.n
   GROUP BY s.n, s.organisation, s.channel, s.purpose
   ORDER BY s.n;
END;

COMMENT ON FUNCTION consent.coverage_of(text[], consent.channel[], text[]) IS
  'The rows of consent.coverage for these organisations, channels and purposes; NULL: all. Reads the contacts once for all of them, where the view reads them for each of its rows';

REVOKE EXECUTE ON FUNCTION consent.coverage_of(text[], consent.channel[], text[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION consent.why_not(
  channel consent.channel,
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT 'marketing',
  product_category text DEFAULT NULL,
  samples integer DEFAULT 5)
  RETURNS TABLE (reason text, contacts bigint, citation text, explanation text, examples consent.contact[])
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
  SELECT r.code, v.contacts, COALESCE((SELECT (consent.policy_in_force(why_not.organisation)).law), r.citation), r.explanation, v.examples
    FROM unnest((SELECT consent.tally(s.standing, s.contact, ARRAY[why_not.channel], ARRAY[why_not.organisation], ARRAY[why_not.purpose],
                                      why_not.product_category, 'direct_marketing', false, why_not.samples)
                   FROM consent.contact_standing s
                  WHERE consent.ledger_readable())) AS v
    JOIN consent.reason r ON r.code = v.reason AND r.kind = 'refusal'
   ORDER BY v.contacts DESC, r.code;
END;

CREATE OR REPLACE FUNCTION consent.preflight(
  audience text,
  body text,
  subject text DEFAULT NULL,
  channel consent.channel DEFAULT 'email',
  organisation text DEFAULT consent.default_organisation(),
  purpose text DEFAULT 'marketing',
  product_category text DEFAULT NULL,
  recipient text DEFAULT NULL,
  class text DEFAULT NULL,
  sender text DEFAULT NULL,
  samples integer DEFAULT 5) RETURNS jsonb
  LANGUAGE plpgsql STABLE
AS $$
DECLARE
  found consent.classification := consent.classify(body, subject, channel);
  judged consent.message_class := consent.class_to_judge(found.class, preflight.class);
  relation pg_catalog.regclass;
  source pg_catalog.text;
  answer pg_catalog.jsonb;
BEGIN
  IF audience OPERATOR(pg_catalog.~) '^\s*[[:alnum:]_."]+\s*$' THEN
    relation := audience::pg_catalog.regclass;
    IF recipient IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
        MESSAGE = 'preflight of a table needs to know where the recipient is',
        HINT = 'recipient is an expression over its rows, such as recipient => ''email''.';
    END IF;
    source := pg_catalog.format('SELECT (%s)::pg_catalog.text AS recipient FROM %s', recipient, relation);
  ELSE
    source := pg_catalog.format('SELECT (%s)::pg_catalog.text AS recipient FROM (%s) AS q(recipient)', COALESCE(recipient, 'q.recipient'), audience);
  END IF;
  EXECUTE pg_catalog.format($query$
    WITH recipient AS (
      SELECT t.contact, CASE WHEN t.contact IS NULL THEN t.recipient END AS unreadable, pg_catalog.count(*) AS messages
        FROM (SELECT s.recipient, consent.try_contact(s.recipient) AS contact, pg_catalog.generate_series(1, 1) AS read_once FROM (%s) s) t
       GROUP BY 1, 2),
    judged AS (
      SELECT consent.judge(a.standing, r.contact, $1, $2, $3, $4, class => $5, sender => $6) AS d, r.contact, r.unreadable, r.messages
        FROM recipient r
        LEFT JOIN consent.address_standing a ON a.address OPERATOR(pg_catalog.=) consent.contact_root(r.contact)
       WHERE consent.ledger_readable() OFFSET 0),
    -- All +tag forms of an address are one person, so there may be fewer in the whole than in its parts together.
    reason AS (
      SELECT g.reason, g.allowed, GROUPING(g.reason) OPERATOR(pg_catalog.=) 1 AS whole, pg_catalog.sum(g.messages) AS messages,
             pg_catalog.count(DISTINCT consent.contact_root(g.contact)) OPERATOR(pg_catalog.+) pg_catalog.count(g.unreadable) AS people,
             COALESCE(pg_catalog.sum(g.messages) FILTER (WHERE g.sent_to IS NOT NULL), 0) AS addressed, consent.sample(g.sent_to, $7) AS examples
        FROM (SELECT j.*, COALESCE(j.contact::pg_catalog.text, j.unreadable) AS sent_to, (j.d).allowed AS allowed,
                     CASE WHEN (j.d).reason OPERATOR(pg_catalog.=) 'recipient_unknown' AND j.unreadable IS NOT NULL THEN 'recipient_unreadable' ELSE (j.d).reason END AS reason
                FROM judged j) g
       GROUP BY GROUPING SETS ((1, 2), ()))
    SELECT pg_catalog.jsonb_build_object(
             'audience', COALESCE(w.messages, 0),
             'people', w.people,
             'duplicates', w.addressed OPERATOR(pg_catalog.-) w.people,
             'permitted', COALESCE((SELECT pg_catalog.sum(messages) FROM reason WHERE allowed), 0),
             'refused', COALESCE((SELECT pg_catalog.sum(messages) FROM reason WHERE NOT allowed), 0),
             'permitted_by', COALESCE((SELECT pg_catalog.jsonb_object_agg(reason, messages) FROM reason WHERE allowed), '{}'),
             'refused_for', COALESCE((
               SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                        'reason', x.reason, 'messages', x.messages, 'people', x.people, 'citation', r.citation,
                        'explanation', r.explanation, 'examples', x.examples) ORDER BY x.messages DESC, x.reason)
                 FROM reason x LEFT JOIN consent.reason r ON r.code OPERATOR(pg_catalog.=) x.reason WHERE NOT x.allowed), '[]'))
      FROM reason w WHERE w.whole
    $query$, source)
    INTO answer
    USING channel, organisation, purpose, product_category, judged, sender, samples;
  RETURN pg_catalog.jsonb_build_object(
    'class', found.class, 'judged_as', judged, 'is_marketing', consent.is_marketing(judged), 'score', pg_catalog.round(found.score::numeric, 2),
    'needs_review', found.needs_review, 'rules', pg_catalog.to_jsonb(found.rules),
    'evidence', COALESCE((SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(e) ORDER BY e.part DESC, e.start) FROM consent.evidence(body, subject, channel) e), '[]'),
    'channel', channel, 'organisation', organisation, 'purpose', purpose) OPERATOR(pg_catalog.||) answer;
END;
$$;
COMMENT ON FUNCTION consent.preflight(text, text, text, consent.channel, text, text, text, text, text, text, integer) IS
  'A campaign before anything is queued: what the message is, with the rows of consent.evidence(), some of which have no place; how many it would go to; how many may not be sent it, by reason, with examples. people: addresses, all +tag forms of one together; duplicates: messages beyond one for each. audience: a query whose first column is the recipient, or a table, and recipient the expression over its rows. class: what the sender would declare. Runs with the caller''s rights. Nothing is stored';

-- Its trigger sets it now.
ALTER TABLE consent.ledger
  ALTER COLUMN address DROP EXPRESSION,
  ALTER COLUMN address SET NOT NULL;

CREATE FUNCTION consent.erased_digest(contact consent.contact) RETURNS bytea
  LANGUAGE C STABLE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_erased_digest';
COMMENT ON FUNCTION consent.erased_digest(consent.contact) IS
  'What consent.erasure has of an address that was erased; NULL while there is no key. For the owner alone';

-- "jo.+tag@x" was of the address "jo.@x", which cannot be read, and is one of its
-- own now; its events may belong to another partition.  What had one address and
-- has several now is linked, and an erasure is found under each of them that the
-- ledger knows: a "no" goes on covering the others.
DO $$
DECLARE
  disable text;
  enable text;
BEGIN
  IF NOT EXISTS (SELECT FROM consent.ledger WHERE address <> consent.contact_root(contact)
                 UNION ALL SELECT FROM consent.person_link WHERE address <> consent.contact_root(contact)) THEN
    RETURN;
  END IF;
  INSERT INTO consent.person_link (contact, person, source)
  SELECT unnest(array_agg(DISTINCT t.contact)), 'forms of one address, event ' || min(t.event_id), 'ALTER EXTENSION pg_consent UPDATE'
    FROM (SELECT l.event_id, l.contact, l.address FROM consent.ledger l
          UNION ALL SELECT k.event_id, k.contact, k.address FROM consent.person_link k) t
   WHERE t.address <> consent.contact_root(t.contact)
   GROUP BY t.address HAVING count(DISTINCT t.contact) > 1;
  INSERT INTO consent.erasure (event_id, address_digest, effective_at, erased_at, erased_by, ground, reason, suppressed, events)
  SELECT nextval('consent.ledger_event_id'), consent.erased_digest(t.contact), e.effective_at, e.erased_at, e.erased_by, e.ground, e.reason, e.suppressed, '{}'
    FROM (SELECT DISTINCT contact, address FROM consent.ledger WHERE address <> consent.contact_root(contact)) t
    JOIN consent.erasure e ON e.address_digest = consent.erased_digest(t.address);
  SELECT string_agg(format('ALTER TABLE %s DISABLE TRIGGER %I', t.tgrelid::regclass, t.tgname), ';'),
         string_agg(format('ALTER TABLE %s ENABLE %s TRIGGER %I', t.tgrelid::regclass,
                           CASE t.tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' END, t.tgname), ';')
    INTO disable, enable
    FROM pg_catalog.pg_trigger t
   WHERE t.tgrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree('consent.ledger') UNION ALL SELECT 'consent.person_link'::regclass)
     AND NOT t.tgisinternal AND t.tgenabled <> 'D';
  EXECUTE disable;
  UPDATE consent.ledger SET address = consent.contact_root(contact) WHERE address <> consent.contact_root(contact);
  UPDATE consent.person_link SET contact = contact WHERE address <> consent.contact_root(contact);
  EXECUTE enable;
END $$;

ALTER TABLE consent.ledger
  ADD CONSTRAINT ledger_address_of_contact CHECK (address = consent.contact_root(contact));

-- Links and erasures keep a digest of their own, taken now of those that are there.
CREATE FUNCTION consent.take_digest() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_take_digest';
COMMENT ON FUNCTION consent.take_digest() IS
  'Trigger of consent.person_link and consent.erasure: keeps the digest of a row with it; a restored row must match its own (23514)';
REVOKE EXECUTE ON FUNCTION consent.take_digest() FROM PUBLIC;
ALTER TABLE consent.person_link ADD COLUMN digest bytea;
ALTER TABLE consent.erasure ADD COLUMN digest bytea;
ALTER TABLE consent.person_link DISABLE TRIGGER ledger_keep;
ALTER TABLE consent.erasure DISABLE TRIGGER ledger_keep;
UPDATE consent.person_link k SET digest = consent.person_link_digest(k);
UPDATE consent.erasure e SET digest = consent.erasure_digest(e);
ALTER TABLE consent.person_link ENABLE ALWAYS TRIGGER ledger_keep;
ALTER TABLE consent.erasure ENABLE ALWAYS TRIGGER ledger_keep;
ALTER TABLE consent.person_link ALTER COLUMN digest SET NOT NULL;
ALTER TABLE consent.erasure ALTER COLUMN digest SET NOT NULL;
CREATE TRIGGER take_digest BEFORE INSERT ON consent.person_link
  FOR EACH ROW EXECUTE FUNCTION consent.take_digest('pg_consent link 1');
CREATE TRIGGER take_digest BEFORE INSERT ON consent.erasure
  FOR EACH ROW EXECUTE FUNCTION consent.take_digest('pg_consent erasure 1');
ALTER TABLE consent.person_link ENABLE ALWAYS TRIGGER take_digest;
ALTER TABLE consent.erasure ENABLE ALWAYS TRIGGER take_digest;
COMMENT ON TRIGGER take_digest ON consent.person_link IS 'A changed link is found';
COMMENT ON TRIGGER take_digest ON consent.erasure IS 'A changed erasure is found';
COMMENT ON COLUMN consent.person_link.digest IS
  'consent.person_link_digest() of the row when it was recorded. Left out by loaders; a restored dump brings it, and it must match';
COMMENT ON COLUMN consent.erasure.digest IS
  'consent.erasure_digest() of the row when it was recorded. A restored dump brings it, and it must match';

DROP INDEX consent.ledger_address;
CREATE INDEX ledger_address ON consent.ledger USING hash (address);
CREATE INDEX ledger_tagged ON consent.ledger (contact, address) WHERE contact <> address;
DROP INDEX consent.ledger_request, consent.ledger_ending_consent;
CREATE INDEX ledger_reference ON consent.ledger (reference) WHERE reference IS NOT NULL;
CREATE INDEX ledger_ending ON consent.ledger (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX ledger_third_party ON consent.ledger (effective_at) WHERE collected_by IS NOT NULL;
CREATE INDEX ledger_refusal ON consent.ledger (recorded_at, address) INCLUDE (kind, organisation, effective_at, event_id)
  WHERE kind IN ('withdrawal', 'objection', 'suppression');

CREATE FUNCTION consent.london_date(at timestamptz) RETURNS date
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_london_date';
COMMENT ON FUNCTION consent.london_date(timestamptz) IS
  'The day it is in the United Kingdom, as (at AT TIME ZONE ''Europe/London'')::date, and sooner';

-- A contract or an assessment begins with the British day, wherever the session is.
ALTER TABLE consent.assessment ALTER COLUMN assessed_on SET DEFAULT consent.london_date(now());
ALTER TABLE consent.contractor ALTER COLUMN valid_from SET DEFAULT consent.london_date(now());

CREATE STATISTICS consent.ledger_recorded_on ON (consent.london_date(recorded_at)) FROM consent.ledger;

COMMENT ON STATISTICS consent.ledger_recorded_on IS 'On how many days something was recorded, for consent.import_audit';

CREATE FUNCTION consent.stored_size(VARIADIC "any") RETURNS integer
  LANGUAGE C IMMUTABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_stored_size';
COMMENT ON FUNCTION consent.stored_size("any") IS
  'How many bytes the values take, before any compression. An index of consent.ledger asks it, so everybody may';

COMMENT ON TYPE consent.decision IS
  'The verdict on one send: allowed; reason, the code that decided (see consent.reason); basis, the same when allowed, else NULL; citation, the regulation, or the law where it is not British (consent.policy); event_id, the event of consent.ledger it rests on, or NULL; reasons, all codes that were found, where consents or soft opt-ins fail those of the newest; policy, the jurisdiction and version of the consent.policy it was judged by, NULL if none was needed or known';

DROP INDEX consent.ledger_doubtful_consent, consent.ledger_doubtful_soft_opt_in;
CREATE INDEX ledger_doubtful ON consent.ledger (event_id)
  INCLUDE (contact, kind, channels, organisation, purpose, method, product_category, refusal_offered, refused, relationship, collected_by,
           named_organisations, expires_at, effective_at, recorded_at, source, defects)
  WHERE (defects IS NOT NULL OR collected_by IS NOT NULL
         OR (relationship IS NOT NULL AND (refusal_offered IS NOT TRUE OR refused IS NULL OR product_category IS NULL OR relationship = 'support' OR effective_at IS NULL)))
    AND consent.stored_size(contact, kind, channels, organisation, purpose, method, product_category, relationship, collected_by,
                            named_organisations, source, defects) <= 2000;
CREATE INDEX ledger_doubtful_long ON consent.ledger (event_id)
  WHERE (defects IS NOT NULL OR collected_by IS NOT NULL
         OR (relationship IS NOT NULL AND (refusal_offered IS NOT TRUE OR refused IS NULL OR product_category IS NULL OR relationship = 'support' OR effective_at IS NULL)))
    AND consent.stored_size(contact, kind, channels, organisation, purpose, method, product_category, relationship, collected_by,
                            named_organisations, source, defects) > 2000;

CREATE FUNCTION consent.record_defects(
  event_id bigint,
  contact consent.contact,
  kind text,
  channels consent.channel[],
  organisation text,
  purpose text,
  method text,
  product_category text,
  refusal_offered boolean,
  refused boolean,
  relationship text,
  collected_by text,
  named_organisations text[],
  expires_at timestamptz,
  effective_at timestamptz,
  recorded_at timestamptz,
  defects text[]) RETURNS text[]
  LANGUAGE C STABLE PARALLEL SAFE COST 10
  AS 'MODULE_PATHNAME', 'pg_consent_record_defects';
COMMENT ON FUNCTION consent.record_defects(bigint, consent.contact, text, consent.channel[], text, text, text, text, boolean, boolean, text, text, text[], timestamptz, timestamptz, timestamptz, text[]) IS
  'What is wrong with a consent or soft opt-in by itself, whatever was said before or after it; NULL: nothing. Its columns as consent.ledger has them. Of a third party''s consent it looks up whether first contact was made in time. Needs SELECT on consent.ledger then';
REVOKE EXECUTE ON FUNCTION consent.record_defects FROM PUBLIC;

CREATE FUNCTION consent.audience_merge(internal, consent.audience) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_audience_merge';
COMMENT ON FUNCTION consent.audience_merge(internal, consent.audience) IS 'Transition function of the aggregate consent.union_of';
CREATE AGGREGATE consent.union_of(consent.audience) (
  SFUNC = consent.audience_merge, STYPE = internal, FINALFUNC = consent.audience_final,
  COMBINEFUNC = consent.audience_combine, SERIALFUNC = consent.audience_serialize, DESERIALFUNC = consent.audience_deserialize,
  PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.union_of(consent.audience) IS 'Whoever is in one of these audiences; NULLs are left out';
REVOKE EXECUTE ON FUNCTION consent.audience_merge(internal, consent.audience) FROM PUBLIC;

CREATE OR REPLACE FUNCTION consent.exposure_month(time_expression text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT pg_catalog.format('CASE WHEN pg_catalog.isfinite(%s) THEN pg_catalog.date_trunc(''month'', consent.london_date(%1$s)::timestamp)::pg_catalog.date END', time_expression);
END;

CREATE OR REPLACE FUNCTION consent.exposure_query(target regclass, mapping jsonb, blocks text DEFAULT NULL, tally boolean DEFAULT false) RETURNS text
  LANGUAGE plpgsql STABLE
AS $$
DECLARE
  recipient pg_catalog.text := consent.exposure_mapping(mapping, 'recipient', NULL);
  recipient_type pg_catalog.text;
  rows pg_catalog.text;
BEGIN
  EXECUTE pg_catalog.format('SELECT pg_catalog.pg_typeof((SELECT %s FROM %s LIMIT 0))::pg_catalog.text', recipient, target) INTO recipient_type;
  rows := pg_catalog.format(
    'SELECT %s AS recipient, %s::pg_catalog.text AS channel_name, consent.try_channel(%2$s::pg_catalog.text) AS channel,'
    ' %s::pg_catalog.text AS organisation, COALESCE(%s::pg_catalog.text, ''marketing'') AS purpose, %s::pg_catalog.text AS product_category,'
    ' %s::pg_catalog.text AS reference, %s::pg_catalog.text[] AS instigators, %s::boolean AS opt_out, %s::boolean AS identity,'
    ' %s::pg_catalog.text AS sender, COALESCE(%s::pg_catalog.timestamptz, ''infinity'') AS sent_at, %s::pg_catalog.text AS campaign,'
    ' COALESCE(%s::boolean, false) AS complaint, %s::pg_catalog.text AS body, %s::pg_catalog.text AS subject, %s::pg_catalog.text AS declared'
    ' FROM %s WHERE %s',
    pg_catalog.format(CASE WHEN recipient_type OPERATOR(pg_catalog.~~) '%[]' THEN
                        'pg_catalog.unnest(CASE WHEN pg_catalog.cardinality(%s) OPERATOR(pg_catalog.>) 0 THEN %1$s::pg_catalog.text[] ELSE ARRAY[NULL::pg_catalog.text] END)'
                      ELSE '%s::pg_catalog.text' END, recipient),
    consent.exposure_mapping(mapping, 'channel', NULL),
    consent.exposure_mapping(mapping, 'organisation', 'consent.default_organisation()'),
    consent.exposure_mapping(mapping, 'purpose', 'NULL'),
    consent.exposure_mapping(mapping, 'product_category', 'NULL'),
    consent.exposure_mapping(mapping, 'reference', 'NULL'),
    consent.exposure_mapping(mapping, 'instigators', 'NULL'),
    consent.exposure_mapping(mapping, 'opt_out', 'true'),
    consent.exposure_mapping(mapping, 'identity', 'true'),
    consent.exposure_mapping(mapping, 'sender', 'NULL'),
    consent.exposure_mapping(mapping, 'sent_at', NULL),
    consent.exposure_mapping(mapping, 'campaign', 'NULL'),
    consent.exposure_mapping(mapping, 'complaint', 'NULL'),
    consent.exposure_mapping(mapping, 'body', 'NULL'),
    consent.exposure_mapping(mapping, 'subject', 'NULL'),
    consent.exposure_mapping(mapping, 'class', 'NULL'),
    target, COALESCE(blocks, 'true'));
  IF tally THEN
    RETURN pg_catalog.format(
      'SELECT s.campaign, %s AS month, s.channel_name AS channel, pg_catalog.count(*) AS messages FROM (%s) s GROUP BY 1, 2, 3',
      consent.exposure_month('s.sent_at'), rows);
  END IF;
  RETURN pg_catalog.format(
    'SELECT v.contact, COALESCE(consent.contact_root(v.contact)::pg_catalog.text, v.recipient, '''') AS person, v.organisation, v.channel_name AS channel, v.campaign,'
    ' %s AS month, v.sent_at, v.complaint, v.class, v.d AS decision,'
    ' CASE WHEN (v.d).reason OPERATOR(pg_catalog.=) ''recipient_unknown'' AND v.recipient IS NOT NULL THEN ''recipient_unreadable'''
    ' WHEN (v.d).reason OPERATOR(pg_catalog.=) ''input_invalid'' AND v.channel IS NULL THEN ''channel_unknown'' ELSE (v.d).reason END AS reason'
    ' FROM (SELECT s.*, pg_catalog.unnest(ARRAY[consent.judge(a.standing, s.contact, s.channel, s.organisation, s.purpose, s.product_category, s.sent_at,'
    ' known_at => %s, class => s.class, reference => s.reference, instigators => s.instigators, opt_out_offered => s.opt_out,'
    ' identity_shown => s.identity, sender => s.sender)]) AS d'
    ' FROM (SELECT r.*, consent.try_contact(r.recipient) AS contact,'
    ' consent.class_to_judge((consent.classify(r.body, r.subject, r.channel)).class, r.declared) AS class,'
    ' pg_catalog.generate_series(1, 1) AS read_once FROM (%s) r) s'
    ' LEFT JOIN consent.address_standing a ON a.address OPERATOR(pg_catalog.=) consent.contact_root(s.contact)) v'
    ' WHERE consent.ledger_readable() AND NOT (v.d).allowed',
    consent.exposure_month('v.sent_at'), CASE WHEN (mapping OPERATOR(pg_catalog.->>) 'as_known')::boolean THEN 's.sent_at' ELSE 'NULL' END, rows);
END;
$$;

CREATE FUNCTION consent.guard_constant(mapping text, constant text) RETURNS void
  LANGUAGE C STABLE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_guard_constant';
COMMENT ON FUNCTION consent.guard_constant(text, text) IS
  'Refuses a mapping that is a constant by which no row could be judged. Errors: 22023 unknown channel or class, 23503 unknown organisation or purpose';
REVOKE EXECUTE ON FUNCTION consent.guard_constant(text, text) FROM PUBLIC;

CREATE FUNCTION consent.exposure_check(target regclass, mapping jsonb) RETURNS void
  LANGUAGE plpgsql STABLE
AS $body$
DECLARE
  name pg_catalog.text;
  expression pg_catalog.text;
  constant pg_catalog.text;
  its_hint pg_catalog.text;
BEGIN
  IF target IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'the table to audit is NULL';
  END IF;
  FOR name, expression IN SELECT * FROM pg_catalog.jsonb_each_text(mapping OPERATOR(pg_catalog.-) 'as_known') LOOP
    BEGIN
      EXECUTE pg_catalog.format('SELECT (%s) FROM %s LIMIT 0', expression, target);
    EXCEPTION WHEN syntax_error OR undefined_column THEN
      GET STACKED DIAGNOSTICS its_hint = PG_EXCEPTION_HINT;
      RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = SQLERRM, DETAIL = pg_catalog.format('It is in the mapping "%s".', name),
        HINT = CASE WHEN its_hint OPERATOR(pg_catalog.<>) '' THEN its_hint ELSE 'A mapping is an SQL expression over the row; a constant is written $$''acme''$$.' END;
    END;
    IF expression OPERATOR(pg_catalog.~) '^\s*''([^'']|'''')*''\s*$' THEN
      EXECUTE pg_catalog.format('SELECT %s', expression) INTO constant;
      PERFORM consent.guard_constant(name, constant);
    END IF;
  END LOOP;
END;
$body$;
COMMENT ON FUNCTION consent.exposure_check(regclass, jsonb) IS
  'Refuses mappings of an exposure audit that are no expressions over its table, or constants that are not known, as consent.guard() does';
REVOKE EXECUTE ON FUNCTION consent.exposure_check(regclass, jsonb) FROM PUBLIC;

CREATE OR REPLACE FUNCTION consent.exposure_mappings(
  recipient text, channel text, sent_at text, body text, subject text, organisation text, class text, purpose text, product_category text,
  reference text, instigators text, opt_out text, identity text, sender text, campaign text, complaint text, as_known boolean) RETURNS jsonb
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  IF recipient IS NULL OR channel IS NULL OR sent_at IS NULL OR COALESCE(organisation, consent.default_organisation()) IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
      MESSAGE = 'an exposure audit needs mappings of recipient, channel, sent_at and organisation',
      HINT = 'Each is an SQL expression over the row, such as recipient => ''to_addr'', channel => $$''email''$$; the setting pg_consent.organisation will do for the last.';
  END IF;
  RETURN jsonb_strip_nulls(jsonb_build_object(
    'recipient', recipient, 'channel', channel, 'sent_at', sent_at, 'body', body, 'subject', subject,
    'organisation', COALESCE(organisation, quote_nullable(consent.default_organisation())),
    'class', class, 'purpose', purpose, 'product_category', product_category, 'reference', reference, 'instigators', instigators,
    'opt_out', opt_out, 'identity', identity, 'sender', sender, 'campaign', campaign, 'complaint', complaint,
    'as_known', COALESCE(as_known, true)));
END;
$body$;

CREATE OR REPLACE FUNCTION consent.exposure_start(
  target regclass,
  recipient text,
  channel text,
  sent_at text,
  body text DEFAULT NULL,
  subject text DEFAULT NULL,
  organisation text DEFAULT NULL,
  class text DEFAULT NULL,
  purpose text DEFAULT NULL,
  product_category text DEFAULT NULL,
  reference text DEFAULT NULL,
  instigators text DEFAULT NULL,
  opt_out text DEFAULT NULL,
  identity text DEFAULT NULL,
  sender text DEFAULT NULL,
  campaign text DEFAULT NULL,
  complaint text DEFAULT NULL,
  as_known boolean DEFAULT true,
  batch_blocks integer DEFAULT 4096) RETURNS bigint
  LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  mapping pg_catalog.jsonb := consent.exposure_mappings(recipient, channel, sent_at, body, subject, organisation, class, purpose, product_category,
                                                        reference, instigators, opt_out, identity, sender, campaign, complaint, as_known);
  new_run bigint;
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) target AND c.relkind OPERATOR(pg_catalog.<>) ALL ('{r,p,m}')) THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
      MESSAGE = pg_catalog.format('"%s" has no blocks to go through', target),
      HINT = 'Use consent.exposure(), which judges everything at once.';
  END IF;
  PERFORM consent.exposure_check(target, mapping);
  INSERT INTO consent.exposure_run (relation, mapping) VALUES (target, mapping) RETURNING id INTO new_run;
  INSERT INTO consent.exposure_batch (run, leaf, first_block, end_block)
  SELECT new_run, l.leaf, b.first_block, b.first_block OPERATOR(pg_catalog.+) GREATEST(batch_blocks, 1)
    FROM (SELECT exposure_start.target AS leaf WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_partition_tree(exposure_start.target))
          UNION ALL
          SELECT t.relid FROM pg_catalog.pg_partition_tree(exposure_start.target) t WHERE t.isleaf) l,
         pg_catalog.generate_series(0, pg_catalog.pg_relation_size(l.leaf) OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::bigint,
                                    GREATEST(batch_blocks, 1)) AS b(first_block);
  RETURN new_run;
END;
$$;

CREATE OR REPLACE FUNCTION consent.exposure_summary(findings text, tallies text) RETURNS SETOF consent.exposure_row
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  line consent.exposure_row;
  total bigint;
BEGIN
  FOR line IN EXECUTE format($query$
    WITH detail AS (
      SELECT f.reason, f.campaign, f.channel, f.month, count(*) AS messages, consent.audience_of(f.number) AS people,
             count(*) FILTER (WHERE f.complaint) AS complaints,
             min(f.sent_at) FILTER (WHERE isfinite(f.sent_at)) AS first_sent, max(f.sent_at) FILTER (WHERE isfinite(f.sent_at)) AS last_sent
        FROM (SELECT p.*, dense_rank() OVER (ORDER BY p.person COLLATE "C") AS number FROM %s p) f
       GROUP BY f.reason, f.campaign, f.channel, f.month),
    finding AS (
      SELECT CASE WHEN grouping(f.reason, f.campaign, f.channel, f.month) = 0 THEN 'detail'
                  WHEN grouping(f.reason) = 0 THEN 'reason' WHEN grouping(f.campaign) = 0 THEN 'campaign'
                  WHEN grouping(f.channel) = 0 THEN 'channel' WHEN grouping(f.month) = 0 THEN 'month' ELSE 'total' END AS breakdown,
             f.reason, f.campaign, f.channel, f.month, COALESCE(sum(f.messages), 0)::bigint AS messages, COALESCE(consent.count(consent.union_of(f.people)), 0) AS people,
             COALESCE(sum(f.complaints), 0)::bigint AS complaints, min(f.first_sent) AS first_sent, max(f.last_sent) AS last_sent
        FROM detail f
       GROUP BY GROUPING SETS ((), (f.reason), (f.campaign), (f.channel), (f.month), (f.reason, f.campaign, f.channel, f.month))),
    tally AS (
      SELECT CASE WHEN grouping(t.campaign) = 0 THEN 'campaign' WHEN grouping(t.channel) = 0 THEN 'channel'
                  WHEN grouping(t.month) = 0 THEN 'month' ELSE 'total' END AS breakdown,
             t.campaign, t.channel, t.month, COALESCE(sum(t.messages), 0)::bigint AS judged
        FROM %s t
       GROUP BY GROUPING SETS ((), (t.campaign), (t.channel), (t.month)))
    SELECT COALESCE(f.breakdown, t.breakdown), f.reason, COALESCE(f.campaign, t.campaign), COALESCE(f.channel, t.channel),
           COALESCE(f.month, t.month), COALESCE(f.messages, 0), COALESCE(f.people, 0), COALESCE(f.complaints, 0), t.judged,
           f.first_sent, f.last_sent, ((f.last_sent AT TIME ZONE 'Europe/London')::date - (f.first_sent AT TIME ZONE 'Europe/London')::date) + 1,
           r.citation
      FROM finding f
      -- In arrays NULLs are equal, and no NULL is an empty text.
      FULL JOIN tally t ON t.breakdown = f.breakdown AND ARRAY[t.campaign, t.channel, t.month::text] = ARRAY[f.campaign, f.channel, f.month::text]
      LEFT JOIN consent.reason r ON r.code = f.reason
     ORDER BY array_position('{total,reason,campaign,channel,month,detail}', COALESCE(f.breakdown, t.breakdown)),
              COALESCE(f.month, t.month) NULLS FIRST, COALESCE(f.messages, 0) DESC, f.reason, COALESCE(f.campaign, t.campaign), COALESCE(f.channel, t.channel)
    $query$, findings, tallies)
  LOOP
    RETURN NEXT line;
    IF line.breakdown = 'total' THEN
      total := line.judged;
    ELSIF line.breakdown = 'reason' AND line.messages * 2 > total
          AND line.reason IN ('recipient_unknown', 'recipient_unreadable', 'input_invalid', 'channel_unknown', 'organisation_unknown', 'purpose_unknown', 'jurisdiction_unknown') THEN
      RAISE WARNING USING MESSAGE = format('%s of %s messages could not be judged: %s', line.messages, total, line.reason),
        HINT = 'Look at the mappings before you take these messages for unlawful ones.';
    END IF;
  END LOOP;
END;
$$;

CREATE OR REPLACE FUNCTION consent.exposure(
  target regclass,
  recipient text,
  channel text,
  sent_at text,
  body text DEFAULT NULL,
  subject text DEFAULT NULL,
  organisation text DEFAULT NULL,
  class text DEFAULT NULL,
  purpose text DEFAULT NULL,
  product_category text DEFAULT NULL,
  reference text DEFAULT NULL,
  instigators text DEFAULT NULL,
  opt_out text DEFAULT NULL,
  identity text DEFAULT NULL,
  sender text DEFAULT NULL,
  campaign text DEFAULT NULL,
  complaint text DEFAULT NULL,
  as_known boolean DEFAULT true) RETURNS SETOF consent.exposure_row
  LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  mapping pg_catalog.jsonb := consent.exposure_mappings(recipient, channel, sent_at, body, subject, organisation, class, purpose, product_category,
                                                        reference, instigators, opt_out, identity, sender, campaign, complaint, as_known);
  notices pg_catalog.text := pg_catalog.current_setting('client_min_messages');
BEGIN
  PERFORM consent.exposure_check(target, mapping);
  -- A scratch table and not a common table expression: this is planned in parallel.
  PERFORM pg_catalog.set_config('client_min_messages', 'warning', true);
  DROP TABLE IF EXISTS pg_temp.consent_exposure_finding, pg_temp.consent_exposure_tally;
  PERFORM pg_catalog.set_config('client_min_messages', notices, true);
  EXECUTE pg_catalog.format('CREATE TEMP TABLE consent_exposure_finding ON COMMIT DROP AS'
                            ' SELECT f.person, f.reason, f.campaign, f.channel, f.month, f.sent_at, f.complaint FROM (%s) f', consent.exposure_query(target, mapping));
  EXECUTE pg_catalog.format('CREATE TEMP TABLE consent_exposure_tally ON COMMIT DROP AS %s', consent.exposure_query(target, mapping, tally => true));
  RETURN QUERY SELECT * FROM consent.exposure_summary('pg_temp.consent_exposure_finding', 'pg_temp.consent_exposure_tally');
  DROP TABLE pg_temp.consent_exposure_finding, pg_temp.consent_exposure_tally;
END;
$$;

-- Whoever goes on with an audit judges what its batches name, with their own rights:
-- somebody else's view in one would run their code.  And what it found is what they say.
CREATE FUNCTION consent.exposure_own() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  another bigint;
BEGIN
  IF pg_has_role((SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
    RETURN NULL;
  END IF;
  SELECT r.id INTO another FROM written w JOIN consent.exposure_run r ON r.id = w.run WHERE r.started_by <> current_user LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('exposure audit %s was started by another role', another);
  END IF;
  RETURN NULL;
END;
$$;
COMMENT ON FUNCTION consent.exposure_own() IS
  'Trigger of consent.exposure_batch, consent.exposure_tally and consent.exposure_finding: an audit''s are for whoever started it (42501)';
REVOKE EXECUTE ON FUNCTION consent.exposure_own() FROM PUBLIC;
CREATE TRIGGER own_run AFTER INSERT ON consent.exposure_batch REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION consent.exposure_own();
CREATE TRIGGER own_run_still AFTER UPDATE ON consent.exposure_batch REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION consent.exposure_own();
CREATE TRIGGER own_run AFTER INSERT ON consent.exposure_tally REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION consent.exposure_own();
CREATE TRIGGER own_run AFTER INSERT ON consent.exposure_finding REFERENCING NEW TABLE AS written
  FOR EACH STATEMENT EXECUTE FUNCTION consent.exposure_own();
REVOKE UPDATE ON consent.exposure_batch FROM consent_reader, consent_writer, consent_admin;
GRANT UPDATE (done_at) ON consent.exposure_batch TO consent_reader, consent_writer, consent_admin;

CREATE OR REPLACE PROCEDURE consent.exposure_work(run bigint, batches bigint DEFAULT NULL)
  LANGUAGE plpgsql
AS $$
DECLARE
  audit consent.exposure_run;
  batch consent.exposure_batch;
  blocks pg_catalog.text;
  n bigint := 0;
BEGIN
  SELECT * INTO audit FROM consent.exposure_run r WHERE r.id OPERATOR(pg_catalog.=) exposure_work.run;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = pg_catalog.format('there is no exposure audit %s', exposure_work.run);
  END IF;
  IF audit.started_by OPERATOR(pg_catalog.<>) current_user THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = pg_catalog.format('exposure audit %s was started by another role', exposure_work.run),
      DETAIL = 'Its mappings run with the rights of whoever goes on with it.';
  END IF;
  WHILE batches IS NULL OR n OPERATOR(pg_catalog.<) batches LOOP
    SELECT b.* INTO batch
      FROM consent.exposure_batch b
     WHERE b.run OPERATOR(pg_catalog.=) exposure_work.run AND b.done_at IS NULL
     ORDER BY b.leaf, b.first_block
       FOR UPDATE SKIP LOCKED LIMIT 1;
    EXIT WHEN NOT FOUND;
    blocks := pg_catalog.format('ctid OPERATOR(pg_catalog.>=) ''(%s,0)'' AND ctid OPERATOR(pg_catalog.<) ''(%s,0)''', batch.first_block, batch.end_block);
    EXECUTE pg_catalog.format('INSERT INTO consent.exposure_finding SELECT %s, f.* FROM (%s) f', batch.run,
                              consent.exposure_query(batch.leaf, audit.mapping, blocks));
    EXECUTE pg_catalog.format('INSERT INTO consent.exposure_tally SELECT %s, t.* FROM (%s) t', batch.run,
                              consent.exposure_query(batch.leaf, audit.mapping, blocks, tally => true));
    UPDATE consent.exposure_batch b SET done_at = pg_catalog.clock_timestamp()
     WHERE b.run OPERATOR(pg_catalog.=) batch.run AND b.leaf OPERATOR(pg_catalog.=) batch.leaf AND b.first_block OPERATOR(pg_catalog.=) batch.first_block;
    n := n OPERATOR(pg_catalog.+) 1;
    COMMIT;
  END LOOP;
END;
$$;

COMMENT ON FUNCTION consent.exposure_summary(text, text) IS
  'Findings and tallies of an exposure audit, two queries, as its lines. Warns if more than half of the messages could not be judged, for one reason';
COMMENT ON FUNCTION consent.exposure_mappings(text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, boolean) IS
  'The mappings of an exposure audit as one value. Error 22004: recipient, channel, sent_at or organisation missing';
COMMENT ON FUNCTION consent.exposure(regclass, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, boolean) IS
  'Judges the past sends of a table as of their time: which should not have gone, to how many people, by reason, campaign, channel and month. Mappings are SQL expressions over the row, as for consent.guard(); further sent_at, campaign and complaint (boolean: did it bring one). as_known => false counts what was recorded only later, such as a history that was imported. Warns if most messages could not be judged. Runs with the caller''s rights, and needs a transaction that may make temporary tables: not on a standby. Errors: 22004 a mapping is missing, 22023, 23503 a constant is not known';
COMMENT ON FUNCTION consent.exposure_start(regclass, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, boolean, integer) IS
  'Begins an exposure audit of a big table, to be done by CALL consent.exposure_work(run) in batches of so many blocks. Returns the run. Messages stored after this are not judged, nor those that an UPDATE moves. Errors: 22004 a mapping is missing, 22023, 23503 a constant is not known, 42809 not a table';

CREATE OR REPLACE VIEW consent.at_risk WITH (security_invoker = true) AS
  SELECT e.event_id, e.contact, e.kind, e.organisation, e.channels, e.purpose, e.method, e.collected_by, e.effective_at,
         e.recorded_at, e.source, d.code AS defect, r.citation, u.ruling, r.explanation
    FROM (SELECT l.event_id, l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.refusal_offered,
                 l.refused, l.relationship, l.collected_by, l.named_organisations, l.expires_at, l.effective_at, l.recorded_at, l.source,
                 l.defects
            FROM consent.ledger l
           WHERE consent.ledger_readable()
             AND (l.defects IS NOT NULL OR l.collected_by IS NOT NULL
                  OR (l.relationship IS NOT NULL AND (l.refusal_offered IS NOT TRUE OR l.refused IS NULL OR l.product_category IS NULL OR l.relationship = 'support' OR l.effective_at IS NULL)))
             AND consent.stored_size(l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.relationship, l.collected_by,
                                     l.named_organisations, l.source, l.defects) <= 2000
             AND (l.kind = 'consent' OR l.refused IS NOT TRUE)
          UNION ALL
          SELECT l.event_id, l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.refusal_offered,
                 l.refused, l.relationship, l.collected_by, l.named_organisations, l.expires_at, l.effective_at, l.recorded_at, l.source,
                 l.defects
            FROM consent.ledger l
           WHERE consent.ledger_readable()
             AND (l.defects IS NOT NULL OR l.collected_by IS NOT NULL
                  OR (l.relationship IS NOT NULL AND (l.refusal_offered IS NOT TRUE OR l.refused IS NULL OR l.product_category IS NULL OR l.relationship = 'support' OR l.effective_at IS NULL)))
             AND consent.stored_size(l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.relationship, l.collected_by,
                                     l.named_organisations, l.source, l.defects) > 2000
             AND (l.kind = 'consent' OR l.refused IS NOT TRUE)
          UNION ALL
          SELECT l.event_id, l.contact, l.kind, l.channels, l.organisation, l.purpose, l.method, l.product_category, l.refusal_offered,
                 l.refused, l.relationship, l.collected_by, l.named_organisations, l.expires_at, l.effective_at, l.recorded_at, l.source,
                 l.defects
            FROM (SELECT DISTINCT o.name
                    FROM consent.organisation o JOIN consent.policy p USING (jurisdiction)
                   WHERE p.double_opt_in) o
            JOIN consent.ledger l ON l.organisation = o.name
           WHERE consent.ledger_readable()
             AND l.kind = 'consent' AND l.method <> 'double_opt_in' AND l.defects IS NULL AND l.collected_by IS NULL) e
   CROSS JOIN LATERAL unnest(
          consent.record_defects(
            e.event_id, e.contact, e.kind, e.channels, e.organisation, e.purpose, e.method, e.product_category, e.refusal_offered,
            e.refused, e.relationship, e.collected_by, e.named_organisations, e.expires_at, e.effective_at, e.recorded_at, e.defects)) AS d(code)
    -- Who does not ask for these columns does not pay for them, unless there is a
    -- condition on the whole of the join.
    LEFT JOIN (SELECT DISTINCT ON (code) code, citation, explanation FROM consent.reason) r ON r.code = d.code
    LEFT JOIN (SELECT DISTINCT ON (reason) reason, ruling FROM consent.ruling) u ON u.reason = d.code;

CREATE OR REPLACE VIEW consent.current WITH (security_invoker = true) AS
  SELECT s.contact, c.channel, o.name AS organisation, p.name AS purpose,
         consent.status(d.allowed, d.reason) AS status, d.reason, d.citation, d.event_id, e.effective_at AS since,
         CASE WHEN d.reason = 'soft_opt_in' THEN e.product_category END AS product_category, d.reasons
    FROM (SELECT a.address AS contact, a.address, a.standing
            FROM consent.address_standing a
           WHERE a.plain
          UNION ALL
          SELECT t.contact, a.address, a.standing
            FROM (SELECT DISTINCT l.contact, l.address FROM consent.ledger l WHERE l.contact <> l.address) t
            JOIN consent.address_standing a ON a.address = t.address) s
   CROSS JOIN consent.organisation o
   CROSS JOIN unnest(enum_range(NULL::consent.channel)) AS c(channel)
   CROSS JOIN consent.purpose p
   CROSS JOIN LATERAL consent.judge(
           s.standing, s.contact, c.channel, o.name, p.name,
           class => CASE WHEN p.kind = 'service_optional' THEN 'service_optional'::consent.message_class
                         ELSE 'direct_marketing'::consent.message_class END,
           any_category => true) AS d
    LEFT JOIN consent.ledger e ON e.event_id = d.event_id AND e.address = s.address
   WHERE consent.ledger_readable();

-- What a jurisdiction sets limits to.  Most set none, and nothing is read; but
-- that the planner cannot know: in the view itself it would count with all that
-- people ever agreed to, and compile (jit) for many times as long as it runs.
CREATE FUNCTION consent.limited_consents()
  RETURNS TABLE (event_id bigint, contact consent.contact, address consent.contact, channels consent.channel[], purpose text, organisation text,
                 named_organisations text[], collected_by text, product_category text)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SET jit = off
BEGIN ATOMIC
  SELECT l.event_id, l.contact, l.address, l.channels, l.purpose, l.organisation, l.named_organisations, l.collected_by, l.product_category
    FROM (SELECT DISTINCT o.name
            FROM consent.organisation o JOIN consent.policy p USING (jurisdiction)
           WHERE p.consent_months > 0 OR p.soft_opt_in_sale_months > 0 OR p.soft_opt_in_negotiation_months > 0
              OR (p.valid_from > now() AND p.valid_from < now() + interval '91 days')) o
    JOIN consent.ledger l ON l.organisation = o.name
   WHERE l.kind IN ('consent', 'soft_opt_in');
END;
COMMENT ON FUNCTION consent.limited_consents() IS
  'The consents and soft opt-ins whose time a jurisdiction limits, or may limit within 91 days: of consent.expiring';
REVOKE EXECUTE ON FUNCTION consent.limited_consents FROM PUBLIC;

CREATE OR REPLACE VIEW consent.expiring WITH (security_invoker = true) AS
  SELECT e.contact, e.organisation, e.channel, e.purpose, e.event_id, (j.d).reason AS basis,
         (now() AT TIME ZONE 'Europe/London')::date + x.day AS ends_on, x.day AS days_left, (j.later).reason AS then_reason
    FROM (SELECT l.event_id, l.contact, l.address, l.channels, l.purpose, l.organisation, l.named_organisations, l.collected_by, l.product_category
            FROM consent.ledger l
           WHERE l.kind = 'consent' AND l.expires_at IS NOT NULL AND l.expires_at > now()
             AND l.expires_at <= ((now() AT TIME ZONE 'Europe/London') + interval '90 days') AT TIME ZONE 'Europe/London'
          UNION
          -- Long before today they went stale or were used in time, unless a
          -- jurisdiction limits every consent, or is about to change its mind.
          SELECT l.event_id, l.contact, l.address, l.channels, l.purpose, l.organisation, l.named_organisations, l.collected_by, l.product_category
            FROM consent.ledger l
           WHERE l.kind = 'consent' AND l.collected_by IS NOT NULL
             AND l.effective_at <= now() AND l.effective_at >= (
                 SELECT CASE WHEN bool_or(p.consent_months > 0 OR p.valid_from > now()) THEN '-infinity'
                             ELSE now() - make_interval(months => max(p.third_party_months)) - interval '5 days' END
                   FROM consent.policy p
                  WHERE p.jurisdiction IN (SELECT o.jurisdiction FROM consent.organisation o))
          UNION
          SELECT l.* FROM consent.limited_consents() l) c
   CROSS JOIN LATERAL (
         SELECT c.event_id, c.contact, c.address, COALESCE(c.purpose, 'marketing') AS purpose, c.product_category, n.organisation, h.channel
           FROM (SELECT c.organisation UNION SELECT unnest(c.named_organisations)) AS n(organisation),
                unnest(COALESCE(c.channels, enum_range('email'::consent.channel, 'push'))) AS h(channel)) e
    -- Looked up one by one: few consents end, and a hash of all standings is big.
   CROSS JOIN LATERAL (SELECT a.standing FROM consent.address_standing a WHERE a.address = e.address OFFSET 0) s
   CROSS JOIN LATERAL (
         SELECT consent.judge(s.standing, e.contact, e.channel, e.organisation, e.purpose, e.product_category) AS d,
                consent.judge(s.standing, e.contact, e.channel, e.organisation, e.purpose, e.product_category,
                              ((now() AT TIME ZONE 'Europe/London') + interval '90 days') AT TIME ZONE 'Europe/London') AS later
         OFFSET 0) j
   CROSS JOIN LATERAL (
         SELECT day
           FROM generate_series(1, 90) AS day
          WHERE NOT (consent.judge(s.standing, e.contact, e.channel, e.organisation, e.purpose, e.product_category,
                                   ((now() AT TIME ZONE 'Europe/London') + day * interval '1 day') AT TIME ZONE 'Europe/London')).allowed
          ORDER BY day LIMIT 1) x
   WHERE consent.ledger_readable() AND (j.d).allowed AND (j.d).event_id = e.event_id AND NOT (j.later).allowed;
COMMENT ON VIEW consent.expiring IS
  'Whose permission for marketing ends within 90 days if nothing is done, when, and why? By its own date, by the six months of a third party''s consent, or by the limits of a jurisdiction';

CREATE FUNCTION consent.distinct_add(internal, consent.contact) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_add';

COMMENT ON FUNCTION consent.distinct_add(internal, consent.contact) IS 'Transition function of the aggregate consent.about_distinct';

CREATE FUNCTION consent.distinct_combine(internal, internal) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_combine';

COMMENT ON FUNCTION consent.distinct_combine(internal, internal) IS 'Combine function of the aggregate consent.about_distinct';

CREATE FUNCTION consent.distinct_serialize(internal) RETURNS bytea
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_serialize';

COMMENT ON FUNCTION consent.distinct_serialize(internal) IS 'Serialization function of the aggregate consent.about_distinct';

CREATE FUNCTION consent.distinct_deserialize(bytea, internal) RETURNS internal
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_deserialize';

COMMENT ON FUNCTION consent.distinct_deserialize(bytea, internal) IS 'Deserialization function of the aggregate consent.about_distinct';

CREATE FUNCTION consent.distinct_final(internal) RETURNS bigint
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_final';

COMMENT ON FUNCTION consent.distinct_final(internal) IS 'Final function of the aggregate consent.about_distinct';

CREATE AGGREGATE consent.about_distinct(consent.contact) (
  SFUNC = consent.distinct_add, STYPE = internal, SSPACE = 512, FINALFUNC = consent.distinct_final,
  COMBINEFUNC = consent.distinct_combine, SERIALFUNC = consent.distinct_serialize, DESERIALFUNC = consent.distinct_deserialize,
  PARALLEL = SAFE);

COMMENT ON AGGREGATE consent.about_distinct(consent.contact) IS
  'About how many different contacts? A few per cent off when there are many, and without a sort';

CREATE AGGREGATE consent.distinct_state(consent.contact) (
  SFUNC = consent.distinct_add, STYPE = internal, SSPACE = 512, FINALFUNC = consent.distinct_serialize,
  COMBINEFUNC = consent.distinct_combine, SERIALFUNC = consent.distinct_serialize, DESERIALFUNC = consent.distinct_deserialize,
  PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.distinct_state(consent.contact) IS
  'What consent.about_distinct() counts by, to be kept and added up by consent.about_distinct_of()';
CREATE FUNCTION consent.distinct_add_state(internal, bytea) RETURNS internal
  LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_consent_distinct_add_state';
COMMENT ON FUNCTION consent.distinct_add_state(internal, bytea) IS 'Transition function of the aggregate consent.about_distinct_of';
CREATE AGGREGATE consent.about_distinct_of(bytea) (
  SFUNC = consent.distinct_add_state, STYPE = internal, SSPACE = 512, FINALFUNC = consent.distinct_final,
  COMBINEFUNC = consent.distinct_combine, SERIALFUNC = consent.distinct_serialize, DESERIALFUNC = consent.distinct_deserialize,
  PARALLEL = SAFE);
COMMENT ON AGGREGATE consent.about_distinct_of(bytea) IS
  'consent.about_distinct() of all contacts of several consent.distinct_state()s: the same number as if they had been counted at once';
REVOKE EXECUTE ON FUNCTION
  consent.distinct_add_state, consent.distinct_add, consent.distinct_combine, consent.distinct_serialize, consent.distinct_deserialize, consent.distinct_final
FROM PUBLIC;

CREATE TABLE consent.import_stretch (
  stretch bigint PRIMARY KEY);
COMMENT ON TABLE consent.import_stretch IS
  'Which stretches of the ledger are summarised in consent.import_summary? Made by consent.summarise_imports(), and made anew: not dumped';
COMMENT ON COLUMN consent.import_stretch.stretch IS 'Event id / 65536';

CREATE TABLE consent.import_summary (
  stretch bigint NOT NULL,
  recorded_on date NOT NULL,
  source text,
  recorded_by text NOT NULL,
  events bigint NOT NULL,
  people bytea NOT NULL,
  consents bigint NOT NULL,
  defective bigint NOT NULL,
  unevidenced bigint NOT NULL,
  time_unknown bigint NOT NULL,
  third_party bigint NOT NULL,
  back_dated bigint NOT NULL,
  against_refusal bigint NOT NULL,
  earliest timestamptz,
  latest timestamptz,
  first_event bigint NOT NULL,
  last_event bigint NOT NULL);
CREATE INDEX import_summary_stretch ON consent.import_summary (stretch);
COMMENT ON TABLE consent.import_summary IS
  'What consent.import_audit says of the events of a stretch of the ledger. Made by consent.summarise_imports(), and made anew: not dumped';
COMMENT ON COLUMN consent.import_summary.stretch IS 'Event id / 65536';
COMMENT ON COLUMN consent.import_summary.people IS 'consent.distinct_state() of their addresses';
COMMENT ON COLUMN consent.import_summary.recorded_on IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.source IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.recorded_by IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.events IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.consents IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.defective IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.unevidenced IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.time_unknown IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.third_party IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.back_dated IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.against_refusal IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.earliest IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.latest IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.first_event IS 'As in consent.import_audit';
COMMENT ON COLUMN consent.import_summary.last_event IS 'As in consent.import_audit';

-- Figures of the events from first to before last, stretch by stretch.  PL/pgSQL,
-- because it is planned with the numbers at hand.
CREATE FUNCTION consent.import_figures(first bigint, last bigint) RETURNS SETOF consent.import_summary
  LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 20 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  SELECT l.event_id >> 16, consent.london_date(l.recorded_at), l.source, l.recorded_by,
         count(*),
         consent.distinct_state(l.address),
         count(*) FILTER (WHERE l.kind = 'consent'),
         count(*) FILTER (WHERE l.defects IS NOT NULL),
         count(*) FILTER (WHERE 'consent_unevidenced' = ANY (l.defects)),
         count(*) FILTER (WHERE l.effective_at IS NULL),
         count(*) FILTER (WHERE l.collected_by IS NOT NULL),
         count(*) FILTER (WHERE l.effective_at < l.recorded_at - interval '24 hours'),
         count(r.event_id),
         min(l.effective_at), max(l.effective_at), min(l.event_id), max(l.event_id)
    FROM consent.ledger l
    LEFT JOIN LATERAL (
         SELECT e.event_id
           FROM consent.events_of(CASE WHEN l.kind IN ('consent', 'soft_opt_in') AND l.effective_at < l.recorded_at - interval '24 hours'
                                       THEN l.address END) e
          WHERE e.kind IN ('withdrawal', 'objection', 'suppression') AND e.event_id < l.event_id
          LIMIT 1) r ON true
   WHERE l.event_id >= import_figures.first AND l.event_id < import_figures.last
   GROUP BY 1, 2, 3, 4;
END;
$$;
COMMENT ON FUNCTION consent.import_figures(bigint, bigint) IS
  'What consent.import_audit says of the events from first to before last, for each stretch of the ledger. Needs SELECT on consent.ledger';

CREATE FUNCTION consent.imports_summarised() RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT NOT pg_catalog.row_security_active('consent.ledger'::regclass) AND EXISTS (SELECT FROM consent.import_stretch);
END;
COMMENT ON FUNCTION consent.imports_summarised() IS
  'Does consent.import_audit use what was summarised? Not before the first summary, nor for those who see a part of the ledger only';

CREATE FUNCTION consent.unsummarised_imports() RETURNS TABLE (first bigint, last bigint)
  LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
  SELECT g.after << 16, g.stretch << 16
    FROM (SELECT s.stretch, COALESCE(pg_catalog.lag(s.stretch) OVER (ORDER BY s.stretch) + 1, '-140737488355328') AS after
            FROM consent.import_stretch s) g
   WHERE g.after < g.stretch
  UNION ALL
  SELECT COALESCE(max(s.stretch) + 1, '-140737488355328') << 16, '9223372036854775807'
    FROM consent.import_stretch s;
END;
COMMENT ON FUNCTION consent.unsummarised_imports() IS
  'The event ids that are not summarised: from first to before last';

CREATE FUNCTION consent.discard_import_summaries(stretches bigint[] DEFAULT NULL) RETURNS void
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  DELETE FROM consent.import_stretch s WHERE discard_import_summaries.stretches IS NULL OR s.stretch = ANY (discard_import_summaries.stretches);
  DELETE FROM consent.import_summary s WHERE discard_import_summaries.stretches IS NULL OR s.stretch = ANY (discard_import_summaries.stretches);
END;
COMMENT ON FUNCTION consent.discard_import_summaries(bigint[]) IS
  'Throws away what consent.summarise_imports() made, of these stretches or all. What consent.import_audit shows stays the same';

CREATE FUNCTION consent.discard_erased_imports() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM consent.discard_import_summaries((SELECT array_agg(DISTINCT g.event_id >> 16) FROM gone g));
  RETURN NULL;
END;
$$;
COMMENT ON FUNCTION consent.discard_erased_imports() IS
  'Trigger of consent.ledger: the figures of a stretch are made anew when an event of it was erased';
CREATE TRIGGER discard_imports AFTER DELETE ON consent.ledger
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION consent.discard_erased_imports();
ALTER TABLE consent.ledger ENABLE ALWAYS TRIGGER discard_imports;
COMMENT ON TRIGGER discard_imports ON consent.ledger IS 'An erased event is in no summary';

-- One step: the oldest stretches below "before" that are not summarised.  The
-- lock keeps erasures and other summaries waiting, so it is taken for a few
-- seconds at a time, and before anything is read.
CREATE FUNCTION consent.summarise_imports_step(before bigint, at_most integer) RETURNS integer
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  from_stretch bigint;
  to_stretch bigint;
BEGIN
  -- What has no number yet cannot have been counted, whatever the caller says.
  before := LEAST(before, COALESCE(pg_sequence_last_value('consent.ledger_event_id') + 1, 0));
  LOCK TABLE consent.import_stretch IN SHARE ROW EXCLUSIVE MODE;
  SELECT GREATEST(u.first >> 16, 0), LEAST(u.last >> 16, before >> 16, GREATEST(u.first >> 16, 0) + at_most)
    INTO from_stretch, to_stretch
    FROM consent.unsummarised_imports() u
   WHERE GREATEST(u.first >> 16, 0) < LEAST(u.last >> 16, before >> 16)
   ORDER BY u.first LIMIT 1;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  INSERT INTO consent.import_summary SELECT * FROM consent.import_figures(from_stretch << 16, to_stretch << 16);
  INSERT INTO consent.import_stretch SELECT * FROM generate_series(from_stretch, to_stretch - 1);
  RETURN to_stretch - from_stretch;
END;
$$;
COMMENT ON FUNCTION consent.summarise_imports_step(bigint, integer) IS
  'A step of consent.summarise_imports(): summarises some stretches of the ledger that lie before an event id. The caller vouches that nobody can record an event below it any more';

-- An event takes its number after its table is locked.  So when those who hold
-- a lock now have ended, no number given so far will turn up any more: the way
-- in which CREATE INDEX CONCURRENTLY waits.  It makes nobody wait.
CREATE PROCEDURE consent.summarise_imports()
  LANGUAGE plpgsql
AS $$
DECLARE
  before bigint;
  writers pg_catalog.text[];
BEGIN
  IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) ALL ('{read committed,read uncommitted}') THEN
    RAISE EXCEPTION USING ERRCODE = 'active_sql_transaction', MESSAGE = 'consent.summarise_imports() needs isolation level READ COMMITTED',
      DETAIL = 'What was recorded since the transaction''s snapshot would be missing for ever.';
  END IF;
  before := COALESCE(pg_catalog.pg_sequence_last_value('consent.ledger_event_id') OPERATOR(pg_catalog.+) 1, 0);
  LOOP
    SELECT COALESCE(pg_catalog.array_agg(DISTINCT w.virtualtransaction), '{}') INTO writers
      FROM pg_catalog.pg_locks w
     WHERE w.locktype OPERATOR(pg_catalog.=) 'relation' AND w.granted AND (w.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()) IS NOT TRUE
       AND w.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
       AND w.relation OPERATOR(pg_catalog.=) ANY (SELECT t.relid FROM pg_catalog.pg_partition_tree('consent.ledger') t)
       AND w.mode OPERATOR(pg_catalog.=) ANY ('{RowExclusiveLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}')
       AND (writers IS NULL OR w.virtualtransaction OPERATOR(pg_catalog.=) ANY (writers));
    EXIT WHEN writers OPERATOR(pg_catalog.=) '{}';
    COMMIT;
    PERFORM pg_catalog.pg_sleep(0.05);
  END LOOP;
  LOOP
    COMMIT;
    EXIT WHEN consent.summarise_imports_step(before, 8) OPERATOR(pg_catalog.=) 0;
  END LOOP;
END;
$$;
COMMENT ON PROCEDURE consent.summarise_imports() IS
  'Counts for consent.import_audit what was recorded since the last time, so that the view need not read the whole ledger again. To be called now and then, by cron for example; the view shows the same figures without it. Waits for transactions that are recording or erasing events, and lets nobody wait but erasures: for seconds, or for the end of the erasure that it waits for itself. Commits as it goes: what is done stays done when it is stopped. Error 25001: isolation level above READ COMMITTED';

REVOKE EXECUTE ON FUNCTION
  consent.import_figures, consent.imports_summarised, consent.unsummarised_imports, consent.discard_import_summaries,
  consent.discard_erased_imports, consent.summarise_imports_step
FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE consent.summarise_imports FROM PUBLIC;

CREATE OR REPLACE VIEW consent.withdrawal_latency WITH (security_invoker = true) AS
  SELECT l.event_id, l.contact, l.kind, l.organisation, l.channels, l.source, l.effective_at AS said_at, l.recorded_at AS in_effect_at,
         l.recorded_at - l.effective_at AS latency
    FROM consent.ledger l
   WHERE l.kind IN ('withdrawal', 'objection');

CREATE OR REPLACE VIEW consent.import_audit WITH (security_invoker = true) AS
  SELECT f.recorded_on, f.source, f.recorded_by, sum(f.events)::bigint AS events,
         -- An estimate, but never of more people than events.
         LEAST(consent.about_distinct_of(f.people), sum(f.events)::bigint) AS people,
         sum(f.consents)::bigint AS consents, sum(f.defective)::bigint AS defective, sum(f.unevidenced)::bigint AS unevidenced,
         sum(f.time_unknown)::bigint AS time_unknown, sum(f.third_party)::bigint AS third_party, sum(f.back_dated)::bigint AS back_dated,
         sum(f.against_refusal)::bigint AS against_refusal, min(f.earliest) AS earliest, max(f.latest) AS latest,
         min(f.first_event) AS first_event, max(f.last_event) AS last_event
    FROM (SELECT s.recorded_on, s.source, s.recorded_by, s.events, s.people, s.consents, s.defective, s.unevidenced, s.time_unknown,
                 s.third_party, s.back_dated, s.against_refusal, s.earliest, s.latest, s.first_event, s.last_event
            FROM consent.import_summary s
           WHERE consent.imports_summarised()
          UNION ALL
          SELECT i.recorded_on, i.source, i.recorded_by, i.events, i.people, i.consents, i.defective, i.unevidenced, i.time_unknown,
                 i.third_party, i.back_dated, i.against_refusal, i.earliest, i.latest, i.first_event, i.last_event
            FROM consent.unsummarised_imports() u, consent.import_figures(u.first, u.last) i
           WHERE consent.imports_summarised()
          UNION ALL
          -- The same by one pass over all of it, if nothing is summarised.
          SELECT consent.london_date(l.recorded_at), l.source, l.recorded_by,
                 count(*),
                 consent.distinct_state(l.address),
                 count(*) FILTER (WHERE l.kind = 'consent'),
                 count(*) FILTER (WHERE l.defects IS NOT NULL),
                 count(*) FILTER (WHERE 'consent_unevidenced' = ANY (l.defects)),
                 count(*) FILTER (WHERE l.effective_at IS NULL),
                 count(*) FILTER (WHERE l.collected_by IS NOT NULL),
                 count(*) FILTER (WHERE l.effective_at < l.recorded_at - interval '24 hours'),
                 -- First what is so of the fewest.
                 count(*) FILTER (WHERE l.event_id > r.first_refusal AND l.kind IN ('consent', 'soft_opt_in')
                                    AND l.effective_at < l.recorded_at - interval '24 hours'),
                 min(l.effective_at), max(l.effective_at), min(l.event_id), max(l.event_id)
            FROM consent.ledger l
            LEFT JOIN (SELECT address, min(event_id) AS first_refusal
                         FROM consent.ledger
                        WHERE kind IN ('withdrawal', 'objection', 'suppression')
                        GROUP BY address) r ON r.address = l.address
           WHERE NOT consent.imports_summarised()
           GROUP BY 1, 2, 3) f
   GROUP BY 1, 2, 3;
COMMENT ON COLUMN consent.import_audit.defective IS
  'Consents on record with a defect of their own. Whether a third party''s names the sender and was used in time, consent.at_risk tells besides';

ALTER TABLE consent.gate_log ADD relation regclass, ADD guard name, ADD since timestamptz, ADD retry_at timestamptz;
COMMENT ON TABLE consent.gate_log IS
  'Which transactions of late have recorded what may stand against messages, and to whom? And what rows have sweeps had to leave? Transactions that queue messages look here before they commit';
COMMENT ON COLUMN consent.gate_log.xid IS 'The transaction that recorded; of rows that a sweep had to leave the greatest number there is, so that every transaction finds them';
COMMENT ON COLUMN consent.gate_log.keys IS 'Digests of the addresses it recorded about, or whose rows were left, NULL: too many to name';
COMMENT ON COLUMN consent.gate_log.relation IS 'The guarded table in which rows were left';
COMMENT ON COLUMN consent.gate_log.guard IS 'The trigger of the guard whose they are';
COMMENT ON COLUMN consent.gate_log.since IS 'When they were left';
COMMENT ON COLUMN consent.gate_log.retry_at IS
  'From when on other withdrawals, and commits of transactions that have queued in that table, try them again; infinity: only consent.finish_sweeps() and consent.verify()';

CREATE FUNCTION consent.finish_sweeps() RETURNS bigint
  LANGUAGE C VOLATILE
  AS 'MODULE_PATHNAME', 'pg_consent_finish_sweeps';
COMMENT ON FUNCTION consent.finish_sweeps() IS
  'Sweeps once more, when the transaction commits, what withdrawals had to leave because it was locked, broken or too slow: see consent.guards and consent.sweep_log. Returns for how many guards there is something left before that. Run it each minute';
REVOKE EXECUTE ON FUNCTION consent.finish_sweeps() FROM PUBLIC;

-- By trigger, and no longer by table and name.
ALTER TABLE consent.verified_rows RENAME TO verified_before;
ALTER INDEX consent.verified_rows_pkey RENAME TO verified_before_pkey;
CREATE TABLE consent.verified_rows (
  trigger oid PRIMARY KEY,
  trigger_xid xid NOT NULL,
  verified_at timestamptz NOT NULL);
COMMENT ON TABLE consent.verified_rows IS
  'Which guards, of tables and partitions, have judged all their rows, or had none when they were made';
COMMENT ON COLUMN consent.verified_rows.trigger IS
  'The guard''s trigger, in pg_trigger: one that is made anew is another, also in the transaction that made both';
COMMENT ON COLUMN consent.verified_rows.trigger_xid IS
  'The version of the trigger''s row there: another one means that it was disabled meanwhile';
COMMENT ON COLUMN consent.verified_rows.verified_at IS 'When';
INSERT INTO consent.verified_rows (trigger, trigger_xid, verified_at)
SELECT t.oid, v.trigger_xid, v.verified_at
  FROM consent.verified_before v JOIN pg_catalog.pg_trigger t ON t.tgrelid = v.leaf AND t.tgname = v.guard;
-- Those that were made as partitions were told by that until now.
INSERT INTO consent.verified_rows (trigger, trigger_xid, verified_at)
SELECT t.oid, t.xmin, pg_catalog.clock_timestamp()
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.tgrelid AND a.attname = 'ctid' AND a.xmin = t.xmin
 WHERE t.tgfoid = 'consent.guard_check()'::regprocedure AND t.tgparentid <> 0 AND t.tgrelid > t.tgparentid
ON CONFLICT (trigger) DO UPDATE SET trigger_xid = excluded.trigger_xid, verified_at = excluded.verified_at;

-- A partition that has no row when it gets its guard needs no judging: one that is
-- made, and one that is attached empty, as pg-boss does for every queue.
CREATE FUNCTION consent.partition_guarded() RETURNS event_trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- Not pg_partition_tree(), which locks what others may be working at.
  WITH RECURSIVE made (relid) AS (
    SELECT d.objid FROM pg_catalog.pg_event_trigger_ddl_commands() d WHERE d.classid = 'pg_catalog.pg_class'::regclass
    UNION
    SELECT i.inhrelid FROM made m JOIN pg_catalog.pg_inherits i ON i.inhparent = m.relid),
  triggers AS (
    SELECT t.oid, t.tgrelid, t.tgparentid, t.tgenabled, t.xmin AS version
      FROM made m JOIN pg_catalog.pg_trigger t ON t.tgrelid = m.relid
     WHERE t.tgfoid = 'consent.guard_check()'::regprocedure OFFSET 0),
  -- One that is disabled and enabled in the transaction that made it has no other version in the end.
  disabled AS (
    DELETE FROM consent.verified_rows v USING triggers t
     WHERE v.trigger = t.oid AND t.tgenabled <> 'A'),
  guarded AS (
    SELECT t.oid, t.tgrelid, t.version FROM triggers t
     WHERE t.tgparentid <> 0 AND t.tgenabled = 'A'
       -- made by this transaction, or at least since it began
       AND pg_catalog.age(t.version) <= pg_catalog.age(pg_catalog.pg_current_xact_id()::xid)
    OFFSET 0)
  INSERT INTO consent.verified_rows (trigger, trigger_xid, verified_at)
  SELECT g.oid, g.version, pg_catalog.clock_timestamp() FROM guarded g WHERE NOT consent.guarded_rows(g.tgrelid)
  ON CONFLICT (trigger) DO UPDATE SET trigger_xid = excluded.trigger_xid, verified_at = excluded.verified_at;
  IF FOUND THEN
    DELETE FROM consent.verified_rows WHERE trigger IN (
      SELECT v.trigger FROM consent.verified_rows v
       WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.oid = v.trigger) FOR UPDATE SKIP LOCKED);
  END IF;
END $$;
COMMENT ON FUNCTION consent.partition_guarded() IS
  'Event trigger: remembers in consent.verified_rows which partitions were empty when they got their guard';
REVOKE EXECUTE ON FUNCTION consent.partition_guarded() FROM PUBLIC;
CREATE EVENT TRIGGER consent_partition_guarded ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE SCHEMA')
  EXECUTE FUNCTION consent.partition_guarded();
ALTER EVENT TRIGGER consent_partition_guarded ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER consent_partition_guarded IS 'Partitions that are empty when they get their guard have no unverified rows';

CREATE OR REPLACE VIEW consent.guards AS
  WITH made AS (
    SELECT t.oid, t.tgrelid, t.tgname, t.xmin, consent.guarded_table(t.tgrelid, t.tgname) AS relation,
           consent.guard_argument(t.tgrelid, t.tgname, 'on_block') AS on_block,
           consent.guard_argument(t.tgrelid, t.tgname, 'name') AS name
      FROM pg_catalog.pg_trigger t
     WHERE t.tgfoid = 'consent.guard_check()'::regprocedure),
  judged AS (
    SELECT m.*, f.health, f.detail,
           f.health = 'ok' AND NOT EXISTS (
             SELECT FROM consent.verified_rows v
              WHERE v.trigger = m.oid AND v.trigger_xid = m.xmin)
           AND consent.guarded_rows(m.tgrelid) AS unverified,
           f.health = 'ok' AND EXISTS (
             SELECT FROM consent.gate_log g
              WHERE g.xid = '18446744073709551615'::xid8 AND g.relation = m.tgrelid AND g.guard = m.tgname) AS owing
      FROM made m, LATERAL (SELECT (consent.guard_fault(m.tgrelid, m.tgname)).* OFFSET 0) f),
  expected AS (
    WITH RECURSIVE family AS (
      -- By the catalogues, because to_regclass() fails for whoever may not use the schema.
      SELECT c.oid::regclass AS relation, c.oid AS leaf, e.on_block, e.name
        FROM consent.expected_guard e
        JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)
             ON pg_catalog.format('%I.%I', n.nspname, c.relname) = e.relation
      UNION
      SELECT f.relation, i.inhrelid, f.on_block, f.name
        FROM family f JOIN pg_catalog.pg_inherits i ON i.inhparent = f.leaf)
    SELECT f.* FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.leaf WHERE c.relkind IN ('r', 'p'))
  SELECT j.relation, j.tgrelid::regclass AS leaf,
         COALESCE(j.on_block, 'raise')::consent.block_action AS on_block,
         CASE WHEN j.unverified OR j.owing THEN 'unverified_rows' ELSE j.health END AS health,
         CASE WHEN j.unverified
              THEN pg_catalog.format('rows of this table have not passed its guard: SELECT * FROM consent.verify(%L)',
                                     consent.relation_name(j.relation))
              WHEN j.owing
              THEN pg_catalog.format('withdrawals had to leave rows of this table: SELECT consent.finish_sweeps(), or SELECT * FROM consent.verify(%L)',
                                     consent.relation_name(j.relation))
              ELSE j.detail END AS detail,
         j.name
    FROM judged j
   -- it may have been dropped since
   WHERE j.relation IS NOT NULL
  UNION ALL
  SELECT e.relation, e.leaf::regclass, e.on_block, 'missing',
         'the guard''s trigger is not there: nothing is judged', NULLIF(e.name, '')
    FROM expected e
   WHERE NOT EXISTS (SELECT FROM made m WHERE m.tgrelid = e.leaf AND COALESCE(m.name, '') = e.name);
DROP TABLE consent.verified_before;
CREATE OR REPLACE FUNCTION consent.report_json(
  organisation text DEFAULT NULL,
  since timestamptz DEFAULT now() - interval '2160 hours',
  until timestamptz DEFAULT now(),
  channels consent.channel[] DEFAULT '{email,sms,push,live_call,post}',
  exposure_run bigint DEFAULT NULL,
  title text DEFAULT NULL) RETURNS jsonb
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
  only_organisation text := organisation;
  bucket text;
  audit bigint := exposure_run;
  past_sends jsonb;
  guards jsonb;
  -- Rows in quarantine, imports and guards do not say whose they are.
  among_others boolean := EXISTS (SELECT FROM consent.organisation o WHERE o.name <> only_organisation);
BEGIN
  PERFORM consent.ledger_readable();
  IF only_organisation IS NOT NULL AND NOT EXISTS (SELECT FROM consent.organisation o WHERE o.name = only_organisation) THEN
    RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
      MESSAGE = format('organisation "%s" is not in consent.organisation', only_organisation);
  END IF;
  IF since IS NULL OR until IS NULL OR NOT isfinite(since) OR NOT isfinite(until) OR since >= until THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = 'a report needs a period that begins before it ends';
  END IF;
  bucket := CASE WHEN until - since <= interval '45 days' THEN 'day' WHEN until - since <= interval '400 days' THEN 'week' ELSE 'month' END;
  IF audit IS NULL THEN
    SELECT p.run INTO audit
      FROM consent.exposure_progress p
      JOIN consent.exposure_run e ON e.id = p.run
     WHERE p.finished_at IS NOT NULL AND (NOT among_others OR e.mapping ->> 'organisation' = quote_literal(only_organisation))
     ORDER BY p.finished_at DESC, p.run DESC LIMIT 1;
  END IF;

  -- What may not be planned in parallel keeps a whole query from it.
  past_sends := (
    WITH line AS MATERIALIZED (SELECT x.* FROM consent.exposure_result(audit) x WHERE x.breakdown <> 'detail')
    SELECT jsonb_build_object(
             'run', p.run, 'relation', p.relation::text, 'started_by', p.started_by, 'finished_at', p.finished_at, 'percent', p.percent,
             'complaints_mapped', (SELECT e.mapping ? 'complaint' FROM consent.exposure_run e WHERE e.id = p.run),
             'of_any_organisation', (SELECT among_others AND e.mapping ->> 'organisation' IS DISTINCT FROM quote_literal(only_organisation) FROM consent.exposure_run e WHERE e.id = p.run),
             'total', (SELECT to_jsonb(x) - '{breakdown,reason,campaign,channel,month,citation}'::text[] FROM line x WHERE x.breakdown = 'total'),
             'reasons', COALESCE((SELECT jsonb_agg(jsonb_build_object('reason', x.reason, 'messages', x.messages, 'people', x.people, 'complaints', x.complaints,
                                                                      'citation', x.citation) ORDER BY x.messages DESC, x.reason)
                                    FROM line x WHERE x.breakdown = 'reason'), '[]'),
             'campaigns', COALESCE((SELECT jsonb_agg(to_jsonb(y) ORDER BY y.messages DESC, y.campaign)
                                      FROM (SELECT x.campaign, x.messages, x.people, x.complaints, x.judged FROM line x
                                             WHERE x.breakdown = 'campaign' AND x.messages > 0 ORDER BY x.messages DESC LIMIT 12) y), '[]'),
             'months', COALESCE((SELECT jsonb_agg(jsonb_build_object('month', x.month, 'messages', x.messages, 'people', x.people, 'judged', x.judged) ORDER BY x.month)
                                   FROM line x WHERE x.breakdown = 'month' AND x.month IS NOT NULL), '[]'))
      FROM consent.exposure_progress p WHERE p.run = audit);
  guards := (
    SELECT jsonb_build_object('guards', COALESCE(jsonb_agg(jsonb_build_object('relation', g.relation::text, 'leaf', g.leaf::text, 'name', g.name, 'on_block', g.on_block,
                                                                              'health', g.health, 'detail', g.detail)
                                                           ORDER BY g.health = 'ok', g.relation::text, g.leaf::text, g.name), '[]'))
      FROM consent.guards g);

  -- One expression of a RETURN: PL/pgSQL plans that in parallel, but not what is
  -- assigned.
  RETURN jsonb_build_object(
    'title', COALESCE(title, 'Marketing consent'),
    'organisation', only_organisation,
    'since', since, 'until', until, 'bucket', bucket,
    'generated_at', now(),
    'version', (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'pg_consent'),
    'exposure', past_sends)
  || guards
  || (
    WITH cover AS MATERIALIZED (
      SELECT c.* FROM consent.coverage_of(CASE WHEN only_organisation IS NOT NULL THEN ARRAY[only_organisation] END, channels) c)
    SELECT jsonb_build_object(
             'coverage', COALESCE((SELECT jsonb_agg(to_jsonb(c) - 'purpose' ORDER BY c.organisation, c.channel) FROM cover c), '[]'),
             'ledger', jsonb_build_object(
               -- Counted with it, unless there was nothing to judge.
               'contacts', COALESCE((SELECT max(c.contacts) FROM cover c), (SELECT count(*) FROM consent.contact_standing)),
               'last_event', (SELECT max(l.event_id) FROM consent.ledger l),
               'last_recorded_at', (SELECT max(l.recorded_at) FROM consent.ledger l WHERE l.event_id = (SELECT max(m.event_id) FROM consent.ledger m)),
               'seals', (SELECT count(*) FROM consent.seal))))

  || (
    WITH decision AS (
      SELECT d.* FROM consent.decision_log d
       WHERE d.decided_at >= since AND d.decided_at < until AND (only_organisation IS NULL OR d.organisation = only_organisation)),
    bucketed AS (
      SELECT date_trunc(bucket, d.decided_at AT TIME ZONE 'Europe/London')::date AS starts,
             count(*) FILTER (WHERE d.allowed) AS allowed, count(*) FILTER (WHERE NOT d.allowed) AS refused
        FROM decision d GROUP BY 1)
    SELECT jsonb_build_object('decisions', jsonb_build_object(
      'total', count(*), 'allowed', count(*) FILTER (WHERE d.allowed), 'refused', count(*) FILTER (WHERE NOT d.allowed),
      'people_refused', count(DISTINCT consent.contact_root(d.contact)) FILTER (WHERE NOT d.allowed),
      'over_time', COALESCE((
        SELECT jsonb_agg(jsonb_build_object('starts', t.starts::date, 'allowed', COALESCE(b.allowed, 0), 'refused', COALESCE(b.refused, 0)) ORDER BY t.starts)
          FROM generate_series(date_trunc(bucket, since AT TIME ZONE 'Europe/London'), until AT TIME ZONE 'Europe/London', ('1 ' || bucket)::interval) AS t(starts)
          LEFT JOIN bucketed b ON b.starts = t.starts::date
         WHERE t.starts < until AT TIME ZONE 'Europe/London'), '[]'),
      'reasons', COALESCE((
        SELECT jsonb_agg(jsonb_build_object('reason', r.reason, 'messages', r.messages, 'people', r.people, 'citation', x.citation, 'explanation', x.explanation)
                         ORDER BY r.messages DESC, r.reason)
          FROM (SELECT e.reason, count(*) AS messages, count(DISTINCT consent.contact_root(e.contact)) AS people FROM decision e WHERE NOT e.allowed GROUP BY 1) r
          LEFT JOIN consent.reason x ON x.code = r.reason), '[]'),
      'channels', COALESCE((
        SELECT jsonb_agg(jsonb_build_object('channel', COALESCE(c.channel::text, 'not known'), 'allowed', c.allowed, 'refused', c.refused) ORDER BY c.allowed + c.refused DESC, c.channel)
          FROM (SELECT e.channel, count(*) FILTER (WHERE e.allowed) AS allowed, count(*) FILTER (WHERE NOT e.allowed) AS refused
                  FROM decision e GROUP BY 1) c), '[]'),
      'actions', COALESCE((
        SELECT jsonb_object_agg(a.action, a.messages) FROM (SELECT e.action, count(*) AS messages FROM decision e GROUP BY 1) a), '{}')))
      FROM decision d)

  -- Of a big ledger these are millions of rows: they are kept narrow, and
  -- counted by hashing.
  || (
    WITH risk AS MATERIALIZED (
      SELECT a.defect, a.event_id, consent.contact_root(a.contact) AS contact, a.source
        FROM consent.at_risk a
       WHERE only_organisation IS NULL OR a.organisation = only_organisation),
    defect AS (
      SELECT x.defect, sum(x.records)::bigint AS records, count(*) AS people
        FROM (SELECT r.defect, r.contact, count(*) AS records FROM risk r GROUP BY 1, 2) x
       GROUP BY 1),
    origin AS (
      SELECT r.defect, r.source, min(r.event_id) AS oldest, max(r.event_id) AS newest FROM risk r GROUP BY 1, 2)
    SELECT jsonb_build_object('at_risk', jsonb_build_object(
      'records', (SELECT count(*) FROM (SELECT FROM risk r GROUP BY r.event_id) x),
      'people', (SELECT count(*) FROM (SELECT FROM risk r GROUP BY r.contact) x),
      'defects', COALESCE((
        SELECT jsonb_agg(jsonb_build_object('defect', d.defect, 'records', d.records, 'people', d.people, 'citation', r.citation, 'ruling', u.ruling,
                                            'explanation', r.explanation, 'sources', s.sources, 'examples', e.examples) ORDER BY d.records DESC, d.defect)
          FROM defect d
          LEFT JOIN consent.reason r ON r.code = d.defect
          LEFT JOIN consent.ruling u ON u.reason = d.defect
         CROSS JOIN LATERAL (
               SELECT array_agg(x.source ORDER BY x.source) AS sources
                 FROM (SELECT k.source FROM origin k WHERE k.defect = d.defect AND k.source IS NOT NULL ORDER BY 1 LIMIT 3) x) s
         CROSS JOIN LATERAL (
               SELECT array_agg(x.event_id ORDER BY x.event_id) AS examples
                 FROM (SELECT DISTINCT k.event_id FROM origin o, unnest(ARRAY[o.oldest, o.newest]) AS k(event_id) WHERE o.defect = d.defect ORDER BY 1 LIMIT 3) x) e), '[]'))))

  || (
    WITH ending AS MATERIALIZED (
      SELECT e.contact, e.days_left, e.then_reason
        FROM consent.expiring e
       WHERE only_organisation IS NULL OR e.organisation = only_organisation)
    SELECT jsonb_build_object('expiring', jsonb_build_object(
      'permissions', count(*), 'people', count(DISTINCT consent.contact_root(e.contact)),
      'within_30_days', count(*) FILTER (WHERE e.days_left <= 30),
      'reasons', COALESCE((SELECT jsonb_object_agg(x.then_reason, x.n) FROM (SELECT y.then_reason, count(*) AS n FROM ending y GROUP BY 1) x), '{}')))
      FROM ending e)

  || (
    SELECT jsonb_build_object('withdrawals', jsonb_build_object(
      'count', count(*),
      'median_seconds', round(EXTRACT(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY w.latency))::numeric, 1),
      'p95_seconds', round(EXTRACT(epoch FROM percentile_disc(0.95) WITHIN GROUP (ORDER BY w.latency))::numeric, 1),
      'slowest_seconds', round(EXTRACT(epoch FROM max(w.latency))::numeric, 1),
      'over_a_day', count(*) FILTER (WHERE w.latency > interval '1 day')))
      FROM consent.withdrawal_latency w
     WHERE w.in_effect_at >= since AND w.in_effect_at < until
       AND (only_organisation IS NULL OR w.organisation = only_organisation OR w.organisation IS NULL))

  || (
    SELECT jsonb_build_object('imports', CASE WHEN NOT among_others THEN COALESCE(jsonb_agg(to_jsonb(i) ORDER BY i.recorded_on DESC, i.source), '[]') END)
      FROM (SELECT a.recorded_on, a.source, a.recorded_by, a.events, a.people, a.consents, a.defective, a.unevidenced, a.time_unknown,
                   a.third_party, a.back_dated, a.against_refusal
              FROM consent.import_audit a
             WHERE NOT among_others AND a.source IS NOT NULL AND (a.defective > 0 OR a.against_refusal > 0)
             ORDER BY a.against_refusal DESC, a.defective DESC LIMIT 10) i)

  || (
    WITH disguised AS (
      SELECT d.* FROM consent.disguised_marketing d
       WHERE d.decided_at >= since AND d.decided_at < until AND (only_organisation IS NULL OR d.organisation = only_organisation))
    SELECT jsonb_build_object('disguised', jsonb_build_object(
      'messages', count(*), 'sent', count(*) FILTER (WHERE d.allowed OR d.action = 'flagged'), 'people', count(DISTINCT consent.contact_root(d.contact)),
      'groups', COALESCE((
        SELECT jsonb_agg(to_jsonb(g) ORDER BY g.messages DESC, g.relation, g.rules, g.declared_class, g.class)
          FROM (SELECT x.relation::text AS relation, x.declared_class, x.class, x.evidence -> 'rules' AS rules, count(*) AS messages,
                       count(*) FILTER (WHERE x.allowed OR x.action = 'flagged') AS sent, min(x.decided_at) AS first_at, max(x.decided_at) AS last_at
                  FROM disguised x GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 4, 2, 3 LIMIT 10) g), '[]'),
      'examples', COALESCE((
        SELECT jsonb_agg(jsonb_build_object('relation', e.relation, 'column', e.key, 'text', left(e.value, 2000), 'class', e.class, 'reason', e.reason) ORDER BY e.id DESC)
          FROM (SELECT DISTINCT ON (t.value) q.id, q.relation::text AS relation, t.key, t.value, q.class, q.reason
                  FROM (SELECT * FROM consent.quarantine h
                         WHERE h.decided_at >= since AND h.decided_at < until AND NOT among_others
                           AND ('declared_class_contradicted' = ANY (h.reasons) OR h.reason = 'declared_class_contradicted')
                         ORDER BY h.id DESC LIMIT 50) q,
                       jsonb_each_text(q."row") AS t(key, value)
                 WHERE length(t.value) > 20 AND consent.is_marketing((consent.classify(t.value)).class) AND (consent.classify(t.value)).class <> 'unknown'
                 ORDER BY t.value, q.id DESC LIMIT 5) e), '[]')))
      FROM disguised d)

  || (
    SELECT jsonb_build_object('quarantine', jsonb_build_object('of_all_organisations', among_others, 'held', count(*) FILTER (WHERE q.released_at IS NULL),
                                                        'released', count(*) FILTER (WHERE q.released_at IS NOT NULL)))
      FROM consent.quarantine q
     WHERE q.decided_at >= since AND q.decided_at < until);
END;
$$;
COMMENT ON FUNCTION consent.report_json(text, timestamptz, timestamptz, consent.channel[], bigint, text) IS
  'What consent.report() shows, as JSON: decisions of the guards, coverage, consents at risk, what expires, how fast withdrawals took effect, doubtful imports, the exposure audit that was finished last (or exposure_run), disguised marketing, guards, quarantine. organisation NULL: all; one of several: exposure is null unless an audit is named, which is shown whole (of_any_organisation), or has its quoted name as organisation, imports is null, guards and quarantine are those of all. examples of a defect: up to three events, each the oldest or newest of its source. channels: those whose coverage is counted. since: 90 times 24 hours ago unless given. people: addresses, all +tag forms of one together. Errors: 23503 unknown organisation, 22023 no period';

CREATE OR REPLACE FUNCTION consent.report(
  organisation text DEFAULT NULL,
  since timestamptz DEFAULT now() - interval '2160 hours',
  until timestamptz DEFAULT now(),
  channels consent.channel[] DEFAULT '{email,sms,push,live_call,post}',
  exposure_run bigint DEFAULT NULL,
  title text DEFAULT NULL) RETURNS text
  LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT consent.report_html(consent.report_json(report.organisation, report.since, report.until, report.channels, report.exposure_run, report.title));
END;

CREATE FUNCTION consent.report_action(action text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE action
           WHEN 'sent' THEN 'Let through'
           WHEN 'claimed' THEN 'Let through to the worker that took it'
           WHEN 'flagged' THEN 'Not permitted, but only flagged: let through'
           WHEN 'diverted' THEN 'Stored as cancelled'
           WHEN 'parked' THEN 'Stopped when a worker took it'
           WHEN 'quarantined' THEN 'Kept back'
           WHEN 'held' THEN 'Kept back: its release was refused'
           WHEN 'released' THEN 'Released after it had been kept back'
           ELSE consent.report_words(action) END;
END;
COMMENT ON FUNCTION consent.report_action(text) IS 'What became of a message, as a page says it, in HTML: see consent.decision_log.action';

CREATE FUNCTION consent.report_top(value numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT pg_catalog.min(step.n * p.unit)
    FROM (SELECT pg_catalog.power(10::numeric, pg_catalog.floor(pg_catalog.log(GREATEST(value, 2)))) AS unit) AS p,
         (VALUES (1::numeric), (1.2), (1.6), (2), (3), (4), (5), (6), (8), (10)) AS step (n)
   WHERE step.n * p.unit >= GREATEST(value, 2) AND step.n * p.unit % 2 = 0;
END;

COMMENT ON FUNCTION consent.report_top(numeric) IS 'Where the axis of a chart ends: a round even number that is not less';

CREATE OR REPLACE FUNCTION consent.report_columns(data jsonb, first_key text, second_key text, label_key text, first_kind text, second_kind text, description text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH step AS (
    SELECT v.i - 1 AS i, (v.value ->> first_key)::numeric AS a, (v.value ->> second_key)::numeric AS b, v.value ->> label_key AS label
      FROM pg_catalog.jsonb_array_elements(data) WITH ORDINALITY AS v(value, i)),
  -- Few columns are no wider than those of six.
  scale AS (SELECT consent.report_top(pg_catalog.max(s.a + s.b)) AS top, pg_catalog.count(*) AS n,
                   pg_catalog.round(7 * LEAST(pg_catalog.count(*), 6) / 6.0, 2) AS width, pg_catalog.left(pg_catalog.min(s.label), 4) AS year FROM step s)
  SELECT '<div class="plot"><div class="axis" aria-hidden="true"><span>' || consent.report_number(c.top) || '</span><span>'
         || consent.report_number(pg_catalog.trunc(c.top / 2)) || '</span><span>0</span></div>'
         || pg_catalog.format('<svg class="columns" viewBox="0 0 %s 100" preserveAspectRatio="none" role="img" aria-label="%s">', c.n * 10, consent.html(description))
         || pg_catalog.format('<path class="grid" d="M0 0.2H%1$s M0 50H%1$s M0 99.8H%1$s"/>', c.n * 10)
         || pg_catalog.string_agg(
              pg_catalog.format('<g><title>%1$s: %2$s %3$s, %4$s %5$s</title><rect class="%6$s" x="%7$s" y="%8$s" width="%13$s" height="%9$s"/><rect class="%10$s" x="%7$s" y="%11$s" width="%13$s" height="%12$s"/></g>',
                                pg_catalog.to_char(s.label::date, CASE label_key WHEN 'month' THEN 'FMMonth YYYY' ELSE 'FMDD Mon YYYY' END), consent.report_number(s.a), consent.html(first_key), consent.report_number(s.b), consent.html(second_key),
                                first_kind, s.i * 10 + (10 - c.width) / 2, pg_catalog.round(100 - 100 * s.a / c.top, 2), pg_catalog.round(100 * s.a / c.top, 2),
                                second_kind, pg_catalog.round(100 - 100 * (s.a + s.b) / c.top, 2), pg_catalog.round(100 * s.b / c.top, 2), c.width), '' ORDER BY s.i)
         || '</svg><div class="ticks" aria-hidden="true">'
         || (SELECT pg_catalog.string_agg(pg_catalog.format('<span%s style="%s:%s%%">', CASE WHEN c.n <= 3 OR t.i NOT IN (0, c.n - 1) THEN ' class="at"' END,
                                                            CASE WHEN c.n > 3 AND t.i = c.n - 1 THEN 'right' ELSE 'left' END,
                                                            pg_catalog.round(CASE WHEN c.n > 3 AND t.i IN (0, c.n - 1) THEN (10 - c.width) / 2 ELSE t.i * 10 + 5 END * 10 / c.n, 2))
                                          || pg_catalog.to_char(t.label::date, CASE label_key WHEN 'month' THEN 'Mon' ELSE 'FMDD Mon' END
                                                                               || CASE WHEN c.n <= 3 OR t.i IN (0, c.n - 1) OR pg_catalog.left(t.label, 4) <> c.year THEN ' YYYY' ELSE '' END)
                                          || '</span>', '' ORDER BY t.i)
               FROM step t WHERE t.i IN (0, c.n - 1) OR (t.i = (c.n - 1) / 2 AND c.n <> 4))
         || '</div></div>'
    FROM step s CROSS JOIN scale c
   GROUP BY c.top, c.n, c.width, c.year;
END;
CREATE OR REPLACE FUNCTION consent.report_duration(seconds numeric) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN seconds IS NULL THEN '&#8211;'
              WHEN seconds < 1 THEN 'at once'
              WHEN seconds < 120 THEN pg_catalog.round(seconds)::text || ' s'
              WHEN seconds < 7200 THEN pg_catalog.round(seconds / 60)::text || ' min'
              WHEN seconds < 172800 THEN pg_catalog.round(seconds / 3600)::text || ' h'
              ELSE consent.report_number(pg_catalog.round(seconds / 86400)) || ' days' END;
END;

CREATE OR REPLACE FUNCTION consent.report_style() RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT '
:root{--ink:#16202b;--soft:#4d5b69;--line:#d9dee4;--paper:#ffffff;--ground:#f3f5f7;--yes:#1b6a8f;--no:#c2410c;--unasked:#b4bec9;--mark:#fff0c2;--good:#176b43;--bad:#a3240f}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;color-scheme:light}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif}
a{color:#0b5a86}
.skip{position:absolute;left:-999rem}.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem 1rem;z-index:2}
header.top{background:#10222f;color:#fff;padding:2.6rem 1.5rem 6rem}
header.top>div{max-width:67rem;margin:0 auto}main,footer{max-width:70rem;margin:0 auto}
header.top .eyebrow{margin:0;font-size:.8rem;letter-spacing:.09em;text-transform:uppercase;color:#b9cbd8}
h1{font-size:clamp(1.7rem,4vw,2.6rem);line-height:1.15;margin:.25rem 0 .6rem;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
header.top p.lead{margin:0;color:#dbe5ec;max-width:46rem}
main{padding:0 1.5rem;margin-top:-3.6rem}
.tiles{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:.9rem;padding:0;margin:0 0 1.4rem;list-style:none}
.tiles li{background:var(--paper);border:1px solid var(--line);border-left:5px solid var(--unasked);border-radius:.3rem;padding:.95rem 1.1rem 1rem}
.tiles li.good{border-left-color:var(--good)}.tiles li.bad{border-left-color:var(--no)}.tiles li.plain{border-left-color:var(--yes)}
.tiles b{display:block;font-size:2rem;line-height:1.15;font-weight:650;font-variant-numeric:tabular-nums;letter-spacing:-.02em}
.tiles span{display:block;font-size:.88rem;color:var(--soft)}
.tiles span.what{color:var(--ink);font-weight:600}
nav{margin:0 0 1.4rem;font-size:.92rem}nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;margin:0;padding:0}
section{background:var(--paper);border:1px solid var(--line);border-radius:.4rem;padding:1.5rem 1.5rem 1.7rem;margin:0 0 1.4rem}
h2{font-size:1.3rem;line-height:1.25;margin:0 0 .3rem;font-weight:650}
h3{font-size:1.02rem;margin:1.7rem 0 .4rem;font-weight:650}
p.says{margin:0 0 1.1rem;color:var(--soft);max-width:48rem}
p.none+p.says,table+p.says{margin:1rem 0 0}section>:last-child{margin-bottom:0}p.none{margin:.8rem 0 0;padding:1rem 1.1rem;background:var(--ground);border-radius:.3rem;color:var(--soft)}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1.2rem;margin:0 0 .6rem;padding:0;list-style:none;font-size:.88rem;color:var(--soft)}
.key i{display:inline-block;width:.85em;height:.85em;border-radius:.15em;margin-right:.4em;vertical-align:-.08em}
.key .yes,.key i.yes{background:var(--yes)}.key i.no{background:var(--no)}.key i.unasked{background:var(--unasked)}.key i.soft{background:#6fb1cc}
.plot{display:grid;grid-template-columns:auto 1fr;gap:.35rem .7rem;margin:1rem 0}
.axis{display:flex;flex-direction:column;justify-content:space-between;text-align:right;font-size:.78rem;line-height:1;color:var(--soft);font-variant-numeric:tabular-nums}
.axis span:first-child{transform:translateY(-50%)}.axis span:last-child{transform:translateY(50%)}
.ticks{grid-column:2;position:relative;height:1.3em;font-size:.78rem;color:var(--soft)}.ticks span{position:absolute;white-space:nowrap}.ticks span.at{transform:translateX(-50%)}
svg.columns{width:100%;height:13rem;display:block;overflow:visible}
svg .grid{stroke:var(--line);stroke-width:1;fill:none;vector-effect:non-scaling-stroke}
svg.bar{width:100%;height:.7rem;display:block;border-radius:.15rem}
svg .track{fill:#edf0f3}svg .yes{fill:var(--yes)}svg .soft{fill:#6fb1cc}svg .no{fill:var(--no)}svg .unasked{fill:var(--unasked)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}table.stack{table-layout:fixed}.stack th,.stack td,.chart th,.chart td{overflow-wrap:anywhere}table.stack thead th:first-child{width:15rem}table.chart{table-layout:fixed}table.chart thead th:first-child{width:46%}table.slim thead th:first-child{width:28%}table.chart tr.group th{padding-top:1.3rem;font-size:1rem}table.chart tr.group+tr>*{border-top-color:var(--ink)}table.chart tbody tr.group:first-child th{padding-top:.6rem}table.chart thead th.n{width:8.5em;overflow-wrap:normal}
caption{text-align:left;color:var(--soft);font-size:.88rem;padding:0 0 .4rem}
th,td{text-align:left;vertical-align:top;padding:.5rem .9rem .5rem 0;border-top:1px solid var(--line)}
thead td{border-top:0}thead th{border-top:0;font-size:.78rem;letter-spacing:.03em;color:var(--soft);font-weight:600;vertical-align:bottom}
tbody th{font-weight:600}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}thead th.n{white-space:normal}
td.b{vertical-align:top;padding-top:.86rem}
td:last-child,th:last-child{padding-right:0}
small{display:block;color:var(--soft);font-size:.86rem;line-height:1.45;font-weight:400;overflow-wrap:anywhere;max-width:34rem}small+small{margin-top:.15rem}small em{font-style:normal}small.law{color:var(--ink)}
code{font:.86em/1.4 ui-monospace,"SFMono-Regular",Menlo,Consolas,"Liberation Mono",monospace;background:#eef1f4;border-radius:.2rem;padding:.08em .35em;overflow-wrap:anywhere}blockquote code,p.none code{background:var(--paper)}
.chips{display:flex;flex-wrap:wrap;gap:.3rem}
.health{display:inline-block;font-size:.82rem;font-weight:600;border-radius:1rem;padding:.05rem .65rem;border:1px solid currentColor}
.health.good{color:var(--good)}.health.bad{color:var(--bad)}
blockquote{margin:.7rem 0 1rem;padding:.8rem 1rem;background:var(--ground);border-left:4px solid var(--unasked);border-radius:.2rem;overflow-wrap:anywhere;white-space:pre-wrap}blockquote.bad{border-left-color:var(--no)}
blockquote footer{font-size:.84rem;color:var(--soft);white-space:normal;margin:.5rem 0 0;padding:0}
mark{background:var(--mark);color:inherit;box-shadow:inset 0 -2px 0 #d18b00;padding:.05em .1em}
details{margin:.2rem 0 0}summary{cursor:pointer;color:#0b5a86;font-size:.92rem;padding:.3rem 0}
summary:focus-visible,a:focus-visible,.scroll:focus-visible{outline:3px solid #f0a202;outline-offset:2px}
footer.end{padding:0 1.5rem 3rem;color:var(--soft);font-size:.86rem}
@media (max-width:40rem){header.top{padding:1.6rem 1rem 5rem}main{padding:0 .8rem}section{padding:1.1rem 1rem 1.3rem}
.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:.6rem}.tiles li{padding:.7rem .7rem}.tiles b{font-size:clamp(1.1rem,5.2vw,1.4rem);overflow-wrap:anywhere}svg.columns{height:9rem}
table.chart thead{position:absolute;left:-999rem}table.chart tr{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;padding:.65rem 0;border-top:1px solid var(--line)}
table.chart th,table.chart td{border:0;padding:0}table.chart tbody th,table.chart td.b,table.chart td.wide{flex:1 0 100%}table.chart td.b{padding:.25rem 0 .15rem}
table.stack thead{position:absolute;left:-999rem}table.stack tr{display:block;border-top:1px solid var(--line);padding:.6rem 0}table.stack th,table.stack td{display:block;border:0;padding:0;width:auto}table.stack td[data-of]:before{content:attr(data-of) ": ";color:var(--soft)}table.stack td .health{margin-top:.3rem}
table.chart td.n{flex:0 0 calc(50% - .6rem);text-align:left;white-space:normal}table.chart td.n[data-of]:after{content:" " attr(data-of);color:var(--soft);font-size:.84rem}}
@page{size:A4;margin:15mm 14mm 18mm;@bottom-left{content:"Compliance report";font:8pt "Liberation Sans",Arial,sans-serif;color:#4d5b69}@bottom-right{content:"Page " counter(page) " of " counter(pages);font:8pt "Liberation Sans",Arial,sans-serif;color:#4d5b69}}
@media print{html{font-size:12.5px}body{background:#fff;font-size:9.5pt;line-height:1.45}header.top{background:none;color:#000;padding:0 0 1.2rem}header.top p,header.top .eyebrow,header.top p.lead{color:#333}
main{margin-top:0;padding:0}nav,.skip,summary{display:none}.scroll{overflow:visible}footer.end{padding:0}
section{border:0;border-top:2px solid #000;border-radius:0;padding:.9rem 0 0;margin:0 0 1.7rem}section:last-child{margin-bottom:.8rem}
.tiles{gap:.7rem;margin-bottom:1.7rem}.tiles li{padding:.6rem .9rem .7rem}.tiles b{font-size:1.7rem}svg.columns{height:11rem}
th,td{padding-top:.34rem;padding-bottom:.34rem}td.b{padding-top:.68rem}table.chart thead th.n{width:7.8em}details th,details td{padding-top:.12rem;padding-bottom:.12rem}
.tiles li,tr,blockquote,.plot,.key,p,details{break-inside:avoid}h2,h3,p.says,.key,caption,thead,tr.group{break-after:avoid}p.says:last-child{break-after:auto}
svg rect,mark,.tiles li,.key i,code,blockquote,p.none{-webkit-print-color-adjust:exact;print-color-adjust:exact}details::details-content{content-visibility:visible;height:auto}}
';
END;
CREATE OR REPLACE FUNCTION consent.report_html(report jsonb) RETURNS text
  LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  d jsonb := report -> 'decisions';
  x jsonb := report -> 'exposure';
  t jsonb := report -> 'exposure' -> 'total';
  g jsonb := report -> 'disguised';
  r jsonb := report -> 'at_risk';
  w jsonb := report -> 'withdrawals';
  e jsonb := report -> 'expiring';
  first_day text := to_char((report ->> 'since')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY');
  last_day text := to_char((report ->> 'until')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY');
  broken bigint := (SELECT count(*) FROM jsonb_array_elements(report -> 'guards') v WHERE v ->> 'health' <> 'ok');
  of_any boolean := COALESCE((report #>> '{exposure,of_any_organisation}')::boolean, false);
  complaints boolean := COALESCE((report #>> '{exposure,complaints_mapped}')::boolean, false);
  raises boolean := EXISTS (SELECT FROM jsonb_array_elements(report -> 'guards') v WHERE v ->> 'on_block' = 'raise');
  among_others boolean := COALESCE((report #>> '{quarantine,of_all_organisations}')::boolean, false);
  page text;
  rows text;
BEGIN
  page := '<header class="top"><div><p class="eyebrow">Compliance report</p><h1>' || consent.html(report ->> 'title')
    || COALESCE(': ' || consent.html(report ->> 'organisation'), '') || '</h1><p class="lead">' || first_day || CASE WHEN last_day <> first_day THEN ' to ' || last_day ELSE '' END || '. Made on '
    || to_char((report ->> 'generated_at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY at HH24:MI') || ' from a ledger of '
    || consent.report_number((report #>> '{ledger,contacts}')::numeric) || ' contacts'
    || COALESCE(', last event ' || consent.html(report #>> '{ledger,last_event}'), '') || '.</p></div></header><main id="main">';

  -- What matters at a glance.
  page := page || '<ul class="tiles">'
    || format('<li class="plain"><b>%s</b><span class="what">Decisions logged</span><span>%s</span></li>',
              consent.report_number((d ->> 'total')::numeric),
              CASE WHEN (d ->> 'total')::bigint = 0 THEN 'none were logged' ELSE consent.report_share((d ->> 'refused')::numeric, (d ->> 'total')::numeric) || ' refused' || COALESCE(', ' || consent.report_number((d #>> '{actions,flagged}')::numeric) || ' of them only flagged', '') || CASE WHEN raises THEN ', without those that raised an error' ELSE '' END END)
    || format('<li class="%s"><b>%s</b><span class="what">Should not have gone</span><span>%s</span></li>',
              CASE WHEN x IS NULL OR x = 'null' THEN 'plain' WHEN (t ->> 'messages')::bigint > 0 THEN 'bad' ELSE 'good' END,
              consent.report_number((t ->> 'messages')::numeric),
              CASE WHEN x IS NULL OR x = 'null' THEN CASE WHEN among_others THEN 'no audit of this organisation alone' ELSE 'no audit of past sends yet' END ELSE 'to ' || consent.report_number((t ->> 'people')::numeric) || ' people, in past sends' || CASE WHEN of_any THEN ' of any organisation' ELSE '' END END)
    || format('<li class="%s"><b>%s</b><span class="what">Consents at risk</span><span>%s</span></li>',
              CASE WHEN (r ->> 'records')::bigint > 0 THEN 'bad' ELSE 'good' END, consent.report_number((r ->> 'records')::numeric),
              CASE WHEN (r ->> 'records')::bigint = 0 THEN 'none on record' ELSE 'of ' || consent.report_number((r ->> 'people')::numeric) || ' people' END)
    || format('<li class="%s"><b>%s</b><span class="what">Disguised marketing</span><span>%s</span></li>',
              CASE WHEN (g ->> 'messages')::bigint > 0 THEN 'bad' ELSE 'good' END, consent.report_number((g ->> 'messages')::numeric),
              CASE WHEN (g ->> 'messages')::bigint = 0 THEN 'none was logged' ELSE consent.report_number((g ->> 'sent')::numeric) || ' of them sent' END)
    || format('<li class="%s"><b>%s</b><span class="what">Opt-outs in effect</span><span>%s</span></li>',
              CASE WHEN (w ->> 'over_a_day')::bigint > 0 THEN 'bad' WHEN (w ->> 'count')::bigint = 0 THEN 'plain' ELSE 'good' END,
              consent.report_duration((w ->> 'p95_seconds')::numeric),
              CASE WHEN (w ->> 'count')::bigint = 0 THEN 'nobody opted out' ELSE 'for 95 of 100; the slowest ' || consent.report_duration((w ->> 'slowest_seconds')::numeric) END)
    || format('<li class="%s"><b>%s</b><span class="what">Guards</span><span>%s</span></li>',
              CASE WHEN broken > 0 OR jsonb_array_length(report -> 'guards') = 0 THEN 'bad' ELSE 'good' END,
              consent.report_number(jsonb_array_length(report -> 'guards')),
              CASE WHEN jsonb_array_length(report -> 'guards') = 0 THEN 'nothing is guarded' WHEN broken > 0 THEN broken || ' not working' ELSE 'all working' END || CASE WHEN among_others THEN ', of all organisations' ELSE '' END)
    || '</ul><nav aria-label="Contents"><ul><li><a href="#decisions">Decisions</a></li><li><a href="#coverage">Coverage</a></li>'
    || '<li><a href="#risk">Consents at risk</a></li><li><a href="#exposure">Past sends</a></li><li><a href="#disguised">Disguised marketing</a></li>'
    || '<li><a href="#optouts">Opt-outs</a></li><li><a href="#guards">Guards</a></li></ul></nav>';

  -- Decisions
  page := page || '<section id="decisions" aria-labelledby="h-decisions"><h2 id="h-decisions">What the guards decided</h2>'
    || '<p class="says">What was logged in the period: refusals, and as many allowances as each guard logs. A refusal that raised an error in the sender&#39;s own statement leaves no trace here.</p>';
  IF (d ->> 'total')::bigint = 0 THEN
    page := page || '<p class="none">No decisions were logged in this period.</p>';
  ELSE
    page := page || '<ul class="key"><li><i class="yes"></i>allowed</li><li><i class="no"></i>refused</li></ul>'
      || consent.report_columns(d -> 'over_time', 'allowed', 'refused', 'starts', 'yes', 'no',
                                format('Decisions logged per %s: %s allowed and %s refused in all', report ->> 'bucket', d ->> 'allowed', d ->> 'refused'));
    SELECT string_agg(format('<tr><th scope="row">%s</th><td class="n">%s</td><td class="n">%s</td></tr>', to_char((v ->> 'starts')::date, 'FMDD Mon YYYY'),
                             consent.report_number((v ->> 'allowed')::numeric), consent.report_number((v ->> 'refused')::numeric)), '' ORDER BY v ->> 'starts')
      INTO rows FROM jsonb_array_elements(d -> 'over_time') v;
    page := page || format('<details><summary>The figures</summary><table><caption>Decisions logged per %s</caption><thead><tr><th scope="col">From</th><th scope="col" class="n">Allowed</th><th scope="col" class="n">Refused</th></tr></thead><tbody>%s</tbody></table></details>',
                           consent.html(report ->> 'bucket'), rows);
    SELECT string_agg(format('<tr><th scope="row">%s<small>%s%s</small></th><td class="b">%s</td><td class="n" data-of="messages">%s</td><td class="n" data-of="people">%s</td></tr>',
                             consent.report_words(v ->> 'reason'), COALESCE(consent.html(v ->> 'explanation') || ' ', ''), COALESCE(consent.html(v ->> 'citation') || '.', ''),
                             consent.report_bar(ARRAY[(v ->> 'messages')::numeric], '{no}', (d #>> '{reasons,0,messages}')::numeric),
                             consent.report_number((v ->> 'messages')::numeric), consent.report_number((v ->> 'people')::numeric)), '' ORDER BY i)
      INTO rows FROM jsonb_array_elements(d -> 'reasons') WITH ORDINALITY AS a(v, i);
    page := page || '<h3>Why messages were refused</h3>' || COALESCE(
      '<table class="chart"><thead><tr><th scope="col">Reason</th><td></td><th scope="col" class="n">Messages</th><th scope="col" class="n">People</th></tr></thead><tbody>'
      || rows || '</tbody></table>', '<p class="none">No refusal was logged.</p>');
    SELECT string_agg(format('<tr><th scope="row">%s</th><td class="b">%s</td><td class="n" data-of="allowed">%s</td><td class="n" data-of="refused">%s</td></tr>',
                             consent.report_words(v ->> 'channel'),
                             consent.report_bar(ARRAY[(v ->> 'allowed')::numeric, (v ->> 'refused')::numeric], '{yes,no}',
                                                (SELECT max((m ->> 'allowed')::numeric + (m ->> 'refused')::numeric) FROM jsonb_array_elements(d -> 'channels') m)),
                             consent.report_number((v ->> 'allowed')::numeric), consent.report_number((v ->> 'refused')::numeric)), '' ORDER BY i)
      INTO rows FROM jsonb_array_elements(d -> 'channels') WITH ORDINALITY AS a(v, i);
    page := page || '<h3>By channel</h3><table class="chart slim"><thead><tr><th scope="col">Channel</th><td></td><th scope="col" class="n">Allowed</th><th scope="col" class="n">Refused</th></tr></thead><tbody>'
      || rows || '</tbody></table>';
    SELECT string_agg(format('<tr><th scope="row">%s</th><td class="n">%s</td></tr>', consent.report_action(v.key), consent.report_number(v.value::numeric)), '' ORDER BY v.value::numeric DESC, v.key)
      INTO rows FROM jsonb_each_text(d -> 'actions') v;
    page := page || '<h3>What became of them</h3><table><thead><tr><th scope="col">What</th><th scope="col" class="n">Decisions</th></tr></thead><tbody>' || rows || '</tbody></table>';
  END IF;
  page := page || '</section>';

  -- Coverage
  SELECT string_agg(CASE WHEN a.before IS DISTINCT FROM v ->> 'organisation'
                         THEN CASE WHEN a.before IS NOT NULL THEN '</tbody><tbody>' ELSE '' END
                              || '<tr class="group"><th scope="rowgroup" colspan="6">' || consent.html(v ->> 'organisation') || '</th></tr>' ELSE '' END
                    || format('<tr><th scope="row">%s</th><td class="b">%s</td><td class="n" data-of="permitted">%s</td><td class="n" data-of="by soft opt-in">%s</td><td class="n" data-of="refused">%s</td><td class="n" data-of="never asked">%s</td></tr>',
                           consent.report_words(v ->> 'channel'),
                           consent.report_bar(ARRAY[(v ->> 'permitted')::numeric - (v ->> 'soft_opt_in')::numeric, (v ->> 'soft_opt_in')::numeric,
                                                    (v ->> 'refused')::numeric, (v ->> 'never_asked')::numeric], '{yes,soft,no,unasked}', (v ->> 'contacts')::numeric),
                           consent.report_number((v ->> 'permitted')::numeric), consent.report_number((v ->> 'soft_opt_in')::numeric),
                           consent.report_number((v ->> 'refused')::numeric), consent.report_number((v ->> 'never_asked')::numeric)), '' ORDER BY i)
    INTO rows
    FROM (SELECT c.v, c.i, lag(c.v ->> 'organisation') OVER (ORDER BY c.i) AS before
            FROM jsonb_array_elements(report -> 'coverage') WITH ORDINALITY AS c(v, i) WHERE (c.v ->> 'contacts')::bigint > 0) a;
  page := page || '<section id="coverage" aria-labelledby="h-coverage"><h2 id="h-coverage">Who may be sent marketing</h2>'
    || '<p class="says">All contacts of the ledger, judged now for every channel, also where an address is of another kind. A soft opt-in serves only what resembles the product that was sold. Whoever was never asked may not be sent marketing, and may not be asked by a message either: that is marketing too.</p>'
    || COALESCE('<ul class="key"><li><i class="yes"></i>permitted</li><li><i class="soft"></i>permitted by soft opt-in</li><li><i class="no"></i>refused</li><li><i class="unasked"></i>never asked</li></ul>'
         || '<table class="chart slim"><thead><tr><th scope="col">Channel</th><td></td><th scope="col" class="n">Permitted</th><th scope="col" class="n">By soft opt&#8209;in</th><th scope="col" class="n">Refused</th><th scope="col" class="n">Never asked</th></tr></thead><tbody>'
         || rows || '</tbody></table>', '<p class="none">The ledger holds no contacts yet.</p>');
  IF (e ->> 'permissions')::bigint > 0 THEN
    page := page || format('<h3>Soon to end</h3><p class="says">%s permissions of %s people end within 90 days if nothing is done, %s of them within 30 days: %s.</p>',
                           consent.report_number((e ->> 'permissions')::numeric), consent.report_number((e ->> 'people')::numeric),
                           consent.report_number((e ->> 'within_30_days')::numeric),
                           (SELECT string_agg(CASE WHEN consent.report_words(k.key) ~ '^[A-Z]{2}' THEN consent.report_words(k.key) ELSE lower(consent.report_words(k.key)) END || ' (' || consent.report_number(k.value::numeric) || ')', ', ' ORDER BY k.value::numeric DESC, k.key)
                              FROM jsonb_each_text(e -> 'reasons') k));
  END IF;
  page := page || '</section>';

  -- At risk
  SELECT string_agg(format('<tr><th scope="row">%s<small>%s %s.</small>%s%s</th><td class="b">%s</td><td class="n" data-of="records">%s</td></tr>',
                           consent.report_words(v ->> 'defect'), consent.html(v ->> 'explanation'), consent.html(v ->> 'citation'),
                           COALESCE('<small>Compare ' || consent.html(v ->> 'ruling') || '.</small>', ''),
                           COALESCE((SELECT '<small>From: ' || string_agg(consent.html(source), ', ') || '.</small>' FROM jsonb_array_elements_text(NULLIF(v -> 'sources', 'null')) source), ''),
                           consent.report_bar(ARRAY[(v ->> 'records')::numeric], '{no}', (r #>> '{defects,0,records}')::numeric),
                           consent.report_number((v ->> 'records')::numeric)), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(r -> 'defects') WITH ORDINALITY AS a(v, i);
  page := page || '<section id="risk" aria-labelledby="h-risk"><h2 id="h-risk">Consents that would not stand up</h2>'
    || '<p class="says">Recorded consents and soft opt-ins with a defect of their own. No message is sent on the strength of them; the risk is a list, elsewhere, that counts them in.</p>'
    || COALESCE('<table class="chart"><thead><tr><th scope="col">Defect</th><td></td><th scope="col" class="n">Records</th></tr></thead><tbody>'
         || rows || '</tbody></table>', '<p class="none">None are on record.</p>');
  SELECT string_agg(format('<tr><th scope="row">%s<small>%s, by %s</small></th><td class="n" data-of="events">%s</td><td class="n" data-of="defective">%s</td><td class="n" data-of="back-dated">%s</td><td class="n" data-of="against refusals">%s</td></tr>',
                           consent.html(v ->> 'source'), to_char((v ->> 'recorded_on')::date, 'FMDD Mon YYYY'), consent.html(v ->> 'recorded_by'),
                           consent.report_number((v ->> 'events')::numeric), consent.report_number((v ->> 'defective')::numeric),
                           consent.report_number((v ->> 'back_dated')::numeric), consent.report_number((v ->> 'against_refusal')::numeric)), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(NULLIF(report -> 'imports', 'null')) WITH ORDINALITY AS a(v, i);
  page := page || COALESCE('<h3>Imports to look at</h3><table class="chart"><caption>Against refusals: consents that came after the person had said no, dated back before it</caption><thead><tr><th scope="col">Source</th><th scope="col" class="n">Events</th><th scope="col" class="n">Defective</th><th scope="col" class="n">Back-dated</th><th scope="col" class="n">Against refusals</th></tr></thead><tbody>'
         || rows || '</tbody></table>',
         CASE WHEN among_others THEN '<h3>Imports to look at</h3><p class="none">They are not counted by organisation: see <code>consent.import_audit</code>.</p>' ELSE '' END)
    || '</section>';

  -- Exposure
  page := page || '<section id="exposure" aria-labelledby="h-exposure"><h2 id="h-exposure">Past sends that should not have gone</h2>';
  IF (x IS NULL OR x = 'null') AND among_others THEN
    page := page || format('<p class="none">No finished audit of past sends is known to be of this organisation alone. Name one as <code>exposure_run</code> (<code>consent.exposure_progress</code> has them), or begin one with <code>consent.exposure_start()</code> and <code>organisation =&gt; %s</code>.</p>',
                           consent.html(quote_literal(quote_literal(report ->> 'organisation'))));
  ELSIF x IS NULL OR x = 'null' THEN
    page := page || '<p class="none">No audit of past sends has been finished. Begin one with <code>consent.exposure_start()</code>.</p>';
  ELSE
    page := page || format('<p class="says">%s messages in <code>%s</code> were judged as of the time they were sent. %s of them (%s) should not have gone, to %s people%s%s.</p>',
                           consent.report_number((t ->> 'judged')::numeric), consent.html(x ->> 'relation'), consent.report_number((t ->> 'messages')::numeric),
                           consent.report_share((t ->> 'messages')::numeric, (t ->> 'judged')::numeric), consent.report_number((t ->> 'people')::numeric),
                           COALESCE(format(', over %s days from %s to %s', consent.report_number((t ->> 'days')::numeric), to_char((t ->> 'first_sent')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY'),
                                           to_char((t ->> 'last_sent')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY')), ''),
                           CASE WHEN complaints THEN '; ' || consent.report_number((t ->> 'complaints')::numeric) || ' brought a complaint' ELSE '' END)
      -- Who may audit can also write down what it found.
      || format('<p class="says">This is what audit %s says. It was begun by <code>%s</code>, and %s.</p>', x ->> 'run', consent.html(x ->> 'started_by'),
                COALESCE('finished on ' || to_char((x ->> 'finished_at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY at HH24:MI'),
                         'is not finished: ' || consent.report_number((x ->> 'percent')::numeric) || '&#160;% is done'))
      || CASE WHEN of_any THEN '<p class="says">This audit was named, and is shown whole: messages of other organisations may be among them.</p>' ELSE '' END;
    IF (t ->> 'messages')::bigint > 0 THEN
      SELECT jsonb_agg(jsonb_build_object('month', v ->> 'month', 'should not have gone', (v ->> 'messages')::bigint, 'lawful', (v ->> 'judged')::bigint - (v ->> 'messages')::bigint) ORDER BY v ->> 'month')
        INTO STRICT d FROM jsonb_array_elements(x -> 'months') v;
      IF jsonb_array_length(d) > 1 THEN
        page := page || '<ul class="key"><li><i class="yes"></i>lawful</li><li><i class="no"></i>should not have gone</li></ul>'
          || consent.report_columns(d, 'lawful', 'should not have gone', 'month', 'yes', 'no', 'Messages per month, lawful and not; the figures are in the table');
        SELECT string_agg(format('<tr><th scope="row">%s</th><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td></tr>', to_char((v ->> 'month')::date, 'FMMonth YYYY'),
                                 consent.report_number((v ->> 'judged')::numeric), consent.report_number((v ->> 'messages')::numeric), consent.report_number((v ->> 'people')::numeric)), '' ORDER BY v ->> 'month')
          INTO rows FROM jsonb_array_elements(x -> 'months') v;
        page := page || '<details><summary>The figures</summary><table><caption>Messages per month</caption><thead><tr><th scope="col">Month</th><th scope="col" class="n">Sent</th><th scope="col" class="n">Should not have gone</th><th scope="col" class="n">People</th></tr></thead><tbody>'
          || rows || '</tbody></table></details>';
      END IF;
      SELECT string_agg(format('<tr><th scope="row">%s<small>%s</small></th><td class="b">%s</td><td class="n" data-of="messages">%s</td><td class="n" data-of="people">%s</td></tr>',
                               consent.report_words(v ->> 'reason'), COALESCE(consent.html(v ->> 'citation'), ''),
                               consent.report_bar(ARRAY[(v ->> 'messages')::numeric], '{no}', (x #>> '{reasons,0,messages}')::numeric),
                               consent.report_number((v ->> 'messages')::numeric), consent.report_number((v ->> 'people')::numeric)), '' ORDER BY i)
        INTO rows FROM jsonb_array_elements(x -> 'reasons') WITH ORDINALITY AS a(v, i);
      page := page || '<h3>Why</h3><table class="chart"><thead><tr><th scope="col">Reason</th><td></td><th scope="col" class="n">Messages</th><th scope="col" class="n">People</th></tr></thead><tbody>'
        || rows || '</tbody></table>';
      SELECT string_agg(format('<tr><th scope="row">%s</th><td class="b">%s</td><td class="n" data-of="sent">%s</td><td class="n" data-of="should not have gone">%s</td><td class="n" data-of="people">%s</td>%s</tr>',
                               COALESCE(consent.html(v ->> 'campaign'), '(none named)'),
                               consent.report_bar(ARRAY[(v ->> 'judged')::numeric - (v ->> 'messages')::numeric, (v ->> 'messages')::numeric], '{yes,no}', (v ->> 'judged')::numeric), consent.report_number((v ->> 'judged')::numeric),
                               consent.report_number((v ->> 'messages')::numeric), consent.report_number((v ->> 'people')::numeric),
                               CASE WHEN complaints THEN '<td class="n" data-of="complaints">' || consent.report_number((v ->> 'complaints')::numeric) || '</td>' ELSE '' END), '' ORDER BY i)
        INTO rows FROM jsonb_array_elements(x -> 'campaigns') WITH ORDINALITY AS a(v, i);
      page := page || '<h3>By campaign</h3><table class="chart slim"><caption>The bar is all messages of the campaign</caption><thead><tr><th scope="col">Campaign</th><td></td><th scope="col" class="n">Sent</th><th scope="col" class="n">Should not have gone</th><th scope="col" class="n">People</th>' || CASE WHEN complaints THEN '<th scope="col" class="n">Complaints</th>' ELSE '' END || '</tr></thead><tbody>'
        || rows || '</tbody></table>';
    END IF;
  END IF;
  page := page || '</section>';

  -- Disguised marketing
  page := page || '<section id="disguised" aria-labelledby="h-disguised"><h2 id="h-disguised">Marketing that was called something else</h2>'
    || '<p class="says">Messages that their sender declared to be no marketing, and whose text shows marketing. What a message is called does not decide what it is.</p>';
  SELECT string_agg(format('<tr><th scope="row">%s<small>declared %s, found %s</small></th><td class="wide"><div class="chips">%s</div></td><td class="n" data-of="messages">%s</td><td class="n" data-of="sent">%s</td></tr>',
                           consent.html(v ->> 'relation'), lower(consent.report_words(v ->> 'declared_class')), lower(consent.report_words(v ->> 'class')),
                           COALESCE((SELECT string_agg('<code>' || consent.html(rule) || '</code>', ' ')
                                       FROM jsonb_array_elements_text(CASE jsonb_typeof(v -> 'rules') WHEN 'array' THEN v -> 'rules' ELSE '[]' END) rule), ''),
                           consent.report_number((v ->> 'messages')::numeric), consent.report_number((v ->> 'sent')::numeric)), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(g -> 'groups') WITH ORDINALITY AS a(v, i);
  page := page || COALESCE('<table class="chart"><thead><tr><th scope="col">Table</th><th scope="col">What was found</th><th scope="col" class="n">Messages</th><th scope="col" class="n">Sent</th></tr></thead><tbody>'
    || rows || '</tbody></table>', '<p class="none">None were logged in this period.</p>');
  SELECT string_agg(format('<blockquote class="bad" dir="auto">%s<footer dir="ltr">Kept back from <code>%s</code>, column <code>%s</code>: %s.</footer></blockquote>', consent.highlight(v ->> 'text'),
                           consent.html(v ->> 'relation'), consent.html(v ->> 'column'), lower(consent.report_words(v ->> 'reason'))), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(g -> 'examples') WITH ORDINALITY AS a(v, i);
  page := page || COALESCE('<h3>Examples, with the evidence marked</h3>' || rows, '') || '</section>';

  -- Opt-outs
  page := page || '<section id="optouts" aria-labelledby="h-optouts"><h2 id="h-optouts">How fast an opt-out takes effect</h2>'
    || CASE WHEN (w ->> 'count')::bigint = 0 THEN '<p class="none">Nobody withdrew or objected in this period.</p>' ELSE
       format('<p class="says">From what the person said to its being on record, where it binds every message. In a history that was loaded afterwards that is the day of loading. What was said nobody knows when counts as said when it was recorded.</p><table><tbody><tr><th scope="row">Withdrawals and objections</th><td class="n">%s</td></tr><tr><th scope="row">Half of them within</th><td class="n">%s</td></tr><tr><th scope="row">95 of 100 within</th><td class="n">%s</td></tr><tr><th scope="row">The slowest</th><td class="n">%s</td></tr><tr><th scope="row">That took more than a day</th><td class="n">%s</td></tr></tbody></table>',
              consent.report_number((w ->> 'count')::numeric), consent.report_duration((w ->> 'median_seconds')::numeric), consent.report_duration((w ->> 'p95_seconds')::numeric),
              consent.report_duration((w ->> 'slowest_seconds')::numeric), consent.report_number((w ->> 'over_a_day')::numeric)) END || '</section>';

  -- Guards
  SELECT string_agg(format('<tr><th scope="row">%s%s%s</th><td data-of="A refused message">%s</td><td><span class="health %s">%s</span>%s</td></tr>', consent.html(v ->> 'relation'),
                           CASE WHEN v ->> 'leaf' <> v ->> 'relation' THEN '<small>partition ' || consent.html(v ->> 'leaf') || '</small>' ELSE '' END,
                           COALESCE('<small>guard ' || consent.html(v ->> 'name') || '</small>', ''),
                           CASE v ->> 'on_block' WHEN 'raise' THEN 'fails with an error' WHEN 'divert' THEN 'is stored as cancelled' WHEN 'quarantine' THEN 'goes to quarantine' WHEN 'flag' THEN 'goes out, and is logged' ELSE '&#8211;' END, CASE v ->> 'health' WHEN 'ok' THEN 'good' ELSE 'bad' END, CASE v ->> 'health' WHEN 'ok' THEN 'Working' ELSE consent.report_words(v ->> 'health') END,
                           COALESCE('<small>' || consent.html(v ->> 'detail') || '</small>', '')), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(report -> 'guards') WITH ORDINALITY AS a(v, i);
  page := page || '<section id="guards" aria-labelledby="h-guards"><h2 id="h-guards">The guards themselves</h2>'
    || CASE WHEN among_others THEN '<p class="says">Those of all organisations.</p>' ELSE '' END
    || COALESCE('<table class="stack"><thead><tr><th scope="col">Table</th><th scope="col">A refused message</th><th scope="col">Health</th></tr></thead><tbody>' || rows || '</tbody></table>',
                '<p class="none">No table is guarded: nothing stops a message to somebody who said no.</p>')
    || format('<p class="says">In quarantine from this period%s: %s held, %s released.</p></section>', CASE WHEN among_others THEN ', of all organisations' ELSE '' END, consent.report_number((report #>> '{quarantine,held}')::numeric),
              consent.report_number((report #>> '{quarantine,released}')::numeric));

  page := page || format('</main><footer class="end"><p>Made by pg_consent %s. The same figures: <code>consent.report_json()</code>. References to cases are short forms, not legal advice.</p></footer>',
                         consent.html(report ->> 'version'));
  RETURN consent.report_page((report ->> 'title') || COALESCE(': ' || (report ->> 'organisation'), ''), page);
END;
$$;
CREATE OR REPLACE FUNCTION consent.subject_access_html(contact consent.contact, controller text DEFAULT NULL) RETURNS text
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  a jsonb := consent.subject_access(contact);
  page text;
  rows text;
BEGIN
  IF a IS NULL THEN
    RETURN NULL;
  END IF;
  page := '<header class="top"><div><p class="eyebrow">Your data</p><h1>What is held about ' || consent.html(a ->> 'contact') || '</h1><p class="lead">'
    || COALESCE(consent.html(controller) || ' holds', 'We hold') || ' this about permission to send you messages, as of '
    || to_char((a ->> 'made_at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY at HH24:MI') || '.</p></div></header><main id="main">';

  -- Channels with one answer in one row.
  SELECT string_agg(format('<tr><th scope="row">%s<small>for %s</small></th><td>%s</td><td>%s<small>%s</small></td><td>%s</td></tr>', consent.html(g.organisation), consent.html(g.purpose),
                           CASE WHEN g.n = (SELECT count(*) FROM unnest(enum_range(NULL::consent.channel))) THEN 'Every channel' ELSE g.channels END,
                           CASE g.status WHEN 'permitted' THEN 'May be sent' ELSE 'Not sent' END, COALESCE(consent.html(r.explanation), consent.report_words(g.reason)),
                           COALESCE(consent.html(g.citation), '')), '' ORDER BY g.first)
    INTO rows
    FROM (SELECT v ->> 'organisation' AS organisation, v ->> 'purpose' AS purpose, v ->> 'status' AS status, v ->> 'reason' AS reason, v ->> 'citation' AS citation,
                 string_agg(consent.report_words(v ->> 'channel'), ', ' ORDER BY i) AS channels, count(*) AS n, min(i) AS first
            FROM jsonb_array_elements(a -> 'status') WITH ORDINALITY AS e(v, i) GROUP BY 1, 2, 3, 4, 5) g
    LEFT JOIN consent.reason r ON r.code = g.reason;
  page := page || '<section aria-labelledby="h-status"><h2 id="h-status">What you may be sent</h2>' || COALESCE(
    '<div class="scroll" tabindex="0" role="region" aria-label="Table of what you may be sent"><table class="stack"><thead><tr><th scope="col">From</th><th scope="col">By</th><th scope="col">Marketing</th><th scope="col">Regulation</th></tr></thead><tbody>' || rows || '</tbody></table></div>',
    '<p class="none">Nothing on record lets anybody send you marketing.</p>') || '</section>';

  SELECT string_agg(format('<tr><th scope="row">%s</th><td>%s<small>%s</small></td></tr>',
                           COALESCE(to_char((v ->> 'effective_at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY, HH24:MI'), 'time not known'),
                           consent.html(upper(left(v ->> 'in_words', 1)) || substr(regexp_replace(v ->> 'in_words', '; does not count: .*$', ''), 2)
                                        || COALESCE('; does not count: ' || replace(substring(v ->> 'in_words' FROM '; does not count: (.*)$'), '_', ' '), '')),
                           concat_ws('. ', 'As ' || NULLIF(consent.html(v ->> 'form'), consent.html(a ->> 'contact')), 'From: ' || consent.html(v ->> 'source'),
                                     'Recorded ' || to_char((v ->> 'recorded_at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY'),
                                     'Kept with it: ' || consent.html(x.evidence))), '' ORDER BY i)
    INTO rows
    FROM jsonb_array_elements(a -> 'history') WITH ORDINALITY AS e(v, i)
    LEFT JOIN (SELECT (k ->> 'event_id')::bigint AS event_id, k ->> 'evidence' AS evidence
                 FROM jsonb_array_elements((a #> '{record,events}') || (a -> 'links')) k WHERE k ? 'evidence') x ON x.event_id = (v ->> 'event_id')::bigint;
  page := page || '<section aria-labelledby="h-history"><h2 id="h-history">What you said, and what was learnt</h2>' || COALESCE(
    '<table class="stack"><thead><tr><th scope="col">When</th><th scope="col">What</th></tr></thead><tbody>' || rows || '</tbody></table>', '<p class="none">Nothing is on record.</p>');
  SELECT string_agg('<blockquote dir="auto">' || consent.html(v) || '</blockquote>', '' ORDER BY i) INTO rows
    FROM jsonb_array_elements_text(a -> 'wordings') WITH ORDINALITY AS e(v, i);
  page := page || COALESCE('<h3>The words on record</h3>' || rows, '');
  SELECT string_agg(format('<p class="says">On %s what we held was erased%s. %s</p>', to_char((v ->> 'erased_at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY'),
                           COALESCE(' (' || consent.html(v ->> 'reason') || ')', ''),
                           CASE WHEN (v ->> 'suppressed')::boolean THEN 'A digest of the address is kept, so that you are sent no marketing.' ELSE 'A digest of the address is kept.' END), '' ORDER BY i)
    INTO rows FROM jsonb_array_elements(a -> 'erasures') WITH ORDINALITY AS e(v, i);
  page := page || COALESCE('<h3>What was erased</h3>' || rows, '');
  SELECT string_agg('<code>' || consent.html(v) || '</code>', ', ' ORDER BY i) INTO rows
    FROM jsonb_array_elements_text(a -> 'linked_contacts') WITH ORDINALITY AS e(v, i);
  page := page || COALESCE('<h3>Your other addresses</h3><p class="says">' || rows || '. What is held about each is in a page of its own; a no under one of them holds for all.</p>',
    CASE WHEN (a ->> 'shared')::boolean THEN '<h3>An address of several people</h3><p class="says">Who they are, and what other addresses they have, is not shown here. A no from any of them holds for this address.</p>' END, '');
  SELECT string_agg(DISTINCT consent.html(v ->> 'organisation'), ', ') INTO rows FROM jsonb_array_elements(a -> 'unsubscribe_links') v;
  page := page || COALESCE('<h3>Links to unsubscribe</h3><p class="says">Were made for you in the name of ' || rows || '.</p>', '') || '</section>';

  SELECT string_agg(format('<tr><th scope="row">%s</th><td>%s, %s<small>%s</small></td><td>%s%s</td></tr>',
                           COALESCE(to_char((v ->> 'at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY, HH24:MI'), 'time not known'), COALESCE(consent.html(v ->> 'organisation'), 'somebody'),
                           COALESCE(consent.report_words(v ->> 'channel'), 'channel not known'), COALESCE(consent.report_words(v ->> 'class'), ''),
                           v ->> 'outcome', '<small>' || consent.html(r.explanation) || '</small>'), '' ORDER BY (v ->> 'at')::timestamptz)
    INTO rows
    FROM (SELECT d || jsonb_build_object('at', d ->> 'decided_at', 'outcome', consent.report_action(d ->> 'action')) AS v
            FROM jsonb_array_elements(a -> 'decisions') d
          UNION ALL
          SELECT f || jsonb_build_object('at', NULLIF(f ->> 'sent_at', 'infinity'),
                                         'outcome', 'Sent; found later that it should not have been' || CASE WHEN (f ->> 'complaint')::boolean THEN '; it brought a complaint' ELSE '' END)
            FROM jsonb_array_elements(a -> 'past_sends') f
          UNION ALL
          SELECT s || jsonb_build_object('organisation', 'waiting messages in ' || (s ->> 'relation'), 'channel', 'all channels',
                                         'outcome', format('%s cancelled, %s left for later, because you had said no', s ->> 'cancelled', s ->> 'skipped'))
            FROM jsonb_array_elements(a -> 'sweeps') s) m
    LEFT JOIN consent.reason r ON r.code = v ->> 'reason' AND r.kind = 'refusal';
  page := page || '<section aria-labelledby="h-messages"><h2 id="h-messages">Messages to you that were judged</h2>' || COALESCE(
    '<div class="scroll" tabindex="0" role="region" aria-label="Table of messages"><table class="stack"><thead><tr><th scope="col">When</th><th scope="col">Message</th><th scope="col">Outcome</th></tr></thead><tbody>' || rows || '</tbody></table></div>',
    '<p class="none">None are logged.</p>');
  SELECT string_agg(format('<tr><th scope="row">%s</th><td>From <code>%s</code>%s</td><td>%s%s</td></tr>',
                           to_char((v ->> 'decided_at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY, HH24:MI'), consent.html(v ->> 'relation'),
                           COALESCE('<small>' || consent.report_words(v ->> 'class') || '</small>', ''),
                           COALESCE('Released on ' || to_char((v ->> 'released_at')::timestamptz AT TIME ZONE 'Europe/London', 'FMDD FMMonth YYYY'), 'Not sent'),
                           '<small>' || COALESCE(consent.html(r.explanation), consent.report_words(v ->> 'reason')) || '</small>'), '' ORDER BY i)
    INTO rows
    FROM jsonb_array_elements(a -> 'quarantine') WITH ORDINALITY AS e(v, i)
    LEFT JOIN consent.reason r ON r.code = v ->> 'reason';
  page := page || COALESCE('<h3>Messages that were kept back</h3><table class="stack"><thead><tr><th scope="col">When</th><th scope="col">Message</th><th scope="col">Outcome</th></tr></thead><tbody>' || rows || '</tbody></table>', '') || '</section>';
  page := page || '<section aria-labelledby="h-rights"><h2 id="h-rights">Your rights</h2><p class="says">You may object to marketing at any time and it stops; you may withdraw a consent as easily as you gave it; '
    || 'you may have what is wrong corrected, and ask for erasure: then only a digest is kept, so that your objection is still honoured. You may complain to the Information Commissioner.</p></section></main>';
  RETURN consent.report_page('What is held about ' || (a ->> 'contact'), page);
END;
$$;

-- The arguments of a guard's trigger run as the table's owner, so nobody else may
-- choose them: the right TRIGGER on the table is not enough.
CREATE FUNCTION consent.guard_hung() RETURNS event_trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  relation regclass;
BEGIN
  SELECT t.tgrelid INTO relation
    FROM pg_catalog.pg_event_trigger_ddl_commands() d
    JOIN pg_catalog.pg_trigger t ON d.classid = 'pg_catalog.pg_trigger'::regclass AND t.oid = d.objid
    JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
   WHERE p.pronamespace = 'consent'::regnamespace AND p.proname IN ('guard_check', 'guard_divert', 'guard_release')
     AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
   LIMIT 1;
  IF FOUND THEN
    RAISE insufficient_privilege USING
      MESSAGE = pg_catalog.format('must be owner of table %s to guard it', relation),
      DETAIL = 'What is given to a trigger of a guard runs as the table''s owner.';
  END IF;
END $$;
COMMENT ON FUNCTION consent.guard_hung() IS
  'Event trigger: only the owner of a table may hang a trigger of a guard on it, by consent.guard() or by hand. Error: 42501';
REVOKE EXECUTE ON FUNCTION consent.guard_hung() FROM PUBLIC;
CREATE EVENT TRIGGER consent_guard_hung ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER')
  EXECUTE FUNCTION consent.guard_hung();
ALTER EVENT TRIGGER consent_guard_hung ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER consent_guard_hung IS 'Only the owner of a table may hang a trigger of a guard on it';

CREATE OR REPLACE FUNCTION consent.guard_index(target regclass) RETURNS SETOF text
  LANGUAGE C STABLE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_guard_index';

COMMENT ON FUNCTION consent.guard(regclass, text, text, text, text, text, text, text, text, text, text, text, text, text, consent.block_action, text, text, text, text, text, text, text) IS
  'Guards an outbound table. Each mapping is an SQL expression over the row: recipient (address, or array of them), channel, body and subject (classified; without them every row counts as marketing), organisation (default: the setting pg_consent.organisation, pinned), class (what the sender declares; it can only make the verdict stricter), purpose (default marketing), product_category, reference (of the request it answers), instigators (text array), opt_out and identity (boolean: does the message carry them), pending (boolean: is the row still to be sent; it must depend on the row alone), sender (a contractor that transmits it: it needs a row of consent.contractor), claim (boolean: an UPDATE that makes it true is a worker taking the row: it is judged again, and a refused one is parked instead), retry (boolean: the row has been queued before; a refused retry is parked, never an error), applies (boolean: is the row this guard''s concern). pending, claim, retry and applies must depend on the row alone. on_block is what happens to a refused row: raise (the statement fails), divert (it is stored in its terminal state), quarantine (it goes to consent.quarantine), flag (it stays). divert is the SET list of the terminal state, as in $$status = ''cancelled'', error = consent.refusal_reason()$$; without it a row is parked in consent.quarantine. With flag it parks what is refused later: by a withdrawal, when a worker takes it, by a retry or consent.verify(); without it flag holds nothing back. log: which allowances consent.decision_log holds: none, sample (1 in 100) or all; it always holds refusals that do not raise. A table can have several guards, each with a name of its own. Mappings run as the table''s owner. You must own the table. Errors: 42710 already guarded, 22004 mapping or diversion missing, 42P17 a mapping depends on more than the row';

COMMENT ON FUNCTION consent.cleared(anyelement) IS
  'Judges a queued row again, by every guard of its table: may it be sent now? Pass the row by its table''s name or alias: WHERE status = ''queued'' AND consent.cleared(outbox). What is not cleared stays as it is, and nothing is logged. A guard that only flags, without a diversion, clears everything. You must have the right to read the table. Errors: 42704 not a guarded table, 42804 not a row, 42501';

COMMENT ON FUNCTION consent.guard_fault(regclass, name) IS
  'What can be read off a guard''s triggers: see consent.guards. NULL if you may read neither the table nor the ledger';

COMMENT ON FUNCTION consent.verify(regclass) IS
  'Judges the pending rows of a guarded table, its partitions and children, by every guard. Refused ones are parked by the guard''s diversion, or go to consent.quarantine; where the guard only flags, they are logged. Rows that another transaction has locked are skipped: then run it again; so do after the commit where the same transaction has made the guard, attached the partition or enabled the trigger, because until then withdrawals do not see that. Waits for withdrawals that are being committed. One row per table and guard. You must own the table. Error: 42704 not guarded';
COMMENT ON FUNCTION consent.guarded_rows(regclass) IS 'Has a guarded table any row? False for every other table, and if you may read neither the table nor the ledger';

COMMENT ON COLUMN consent.guards.health IS
  'ok; missing: a trigger is not there, as when the table was dropped and made anew, or a child was added; disabled or replica_only: a trigger does not always fire; mapping_broken: every write fails until the guard is made anew; overtaken: another trigger could rewrite what was diverted, and then the write fails; unverified_rows: rows were there before the guard, were attached with a partition, were written while it was disabled, had to be left by a withdrawal''s sweep, or are in a partition that is being detached. NULL if you may read neither the table nor the ledger';

REVOKE SELECT ON consent.sweep_log FROM consent_writer, consent_admin;
GRANT SELECT (at, relation, cancelled, skipped, problem) ON consent.sweep_log TO consent_writer, consent_admin;

COMMENT ON COLUMN consent.sweep_log.contact_digest IS
  'Digest of the contact''s address: int8send(consent.guard_key(address, region)). Whoever has it can try addresses one by one, so it is for readers';

COMMENT ON COLUMN consent.sweep_log.skipped IS
  'Rows that another transaction had locked, because it was sending them, or that could not be changed: left for later, see consent.finish_sweeps()';

COMMENT ON COLUMN consent.sweep_log.problem IS
  'The first error, NULL if there was none; without what stood in it, which may be an address: the server''s log has all of it. If it came before any row was found, the whole table was left alone, and the digest is of one of the contacts';

CREATE OR REPLACE VIEW consent.disguised_marketing AS
  SELECT l.decided_at, l.relation, l.class, l.declared_class, l.allowed, l.reason, l.reasons, l.channel, l.organisation,
         l.purpose, l.contact, l.event_id, l.ruleset, l.policy, l.evidence, l.action, l.written_by
    FROM consent.decision_log l
   WHERE NOT consent.is_marketing(l.declared_class) AND consent.is_marketing(l.class)
     AND l.class <> 'unknown' AND l.action <> 'claimed';

COMMENT ON COLUMN consent.decision_log.action IS
  'What became of the row: sent (it stayed), claimed (a worker took it), flagged (it stayed although refused), diverted (stored in its terminal state; an INSERT whose ON CONFLICT becomes an UPDATE is logged for both), quarantined, parked (refused when a worker took it), released or held (consent.release())';

GRANT EXECUTE ON FUNCTION consent.guard, consent.unguard, consent.guard_index, consent.guard_queue, consent.unguard_queue, consent.guard_check,
  consent.guard_divert, consent.guard_release, consent.release, consent.verify, consent.finish_sweeps, consent.seal, consent.expire_log,
  consent.forget, consent.expire_contacts, consent.compile_rules, consent.fill_filter, consent.filter_state
TO consent_admin;

GRANT EXECUTE ON FUNCTION
  consent.judge, consent.record_defects, consent.verdicts, consent.tally, consent.coverage_of, consent.exposure_mapping, consent.exposure_month, consent.exposure_mappings,
  consent.exposure_check, consent.exposure_query, consent.exposure_summary, consent.exposure, consent.exposure_start, consent.exposure_result, consent.guard_constant,
  consent.contact_id, consent.audience(consent.channel, text, text, text, timestamptz), consent.unnest, consent.why_not, consent.preflight
TO consent_reader, consent_writer, consent_admin;

-- Of the past, by the jurisdiction that the organisation had then.
CREATE OR REPLACE FUNCTION consent.policy_in_force(
  organisation text DEFAULT consent.default_organisation(),
  at timestamptz DEFAULT now()) RETURNS consent.policy
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT p.*
    FROM consent.organisation o
    JOIN consent.policy p ON p.jurisdiction =
         COALESCE((SELECT h.jurisdiction FROM consent.organisation_history h
                    WHERE h.id = o.id AND h.until > CASE policy_in_force.at WHEN now() THEN clock_timestamp() ELSE policy_in_force.at END
                    ORDER BY h.until LIMIT 1),
                  o.jurisdiction)
   WHERE o.name = policy_in_force.organisation AND p.valid_from <= policy_in_force.at
   ORDER BY p.valid_from DESC, p.version DESC
   LIMIT 1;
END;

-- When an end was recorded counts for known_at; of those that there are nobody knows.
ALTER TABLE consent.assessment ADD COLUMN end_recorded_at timestamptz;
ALTER TABLE consent.contractor ADD COLUMN end_recorded_at timestamptz;
ALTER TABLE consent.assessment DISABLE TRIGGER ledger_keep_row;
ALTER TABLE consent.contractor DISABLE TRIGGER ledger_keep_row;
UPDATE consent.assessment SET end_recorded_at = '-infinity' WHERE ended_on IS NOT NULL;
UPDATE consent.contractor SET end_recorded_at = '-infinity' WHERE valid_to IS NOT NULL;
ALTER TABLE consent.assessment ENABLE ALWAYS TRIGGER ledger_keep_row,
  ADD CONSTRAINT assessment_end_recorded CHECK ((end_recorded_at IS NULL) = (ended_on IS NULL));
ALTER TABLE consent.contractor ENABLE ALWAYS TRIGGER ledger_keep_row,
  ADD CONSTRAINT contractor_end_recorded CHECK ((end_recorded_at IS NULL) = (valid_to IS NULL));
COMMENT ON COLUMN consent.assessment.end_recorded_at IS 'When that was recorded; known_at of evaluate() looks at it. Only the owner may set it, to restore a dump';
COMMENT ON COLUMN consent.contractor.end_recorded_at IS 'When its last day was recorded; known_at of evaluate() looks at it. Only the owner may set it, to restore a dump';
CREATE FUNCTION consent.end_recorded() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  NEW.end_recorded_at := CASE TG_OP WHEN 'INSERT' THEN NEW.recorded_at ELSE clock_timestamp() END;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION consent.end_recorded() IS 'Trigger of consent.assessment and consent.contractor: when was the end recorded?';
REVOKE EXECUTE ON FUNCTION consent.end_recorded() FROM PUBLIC;
CREATE TRIGGER end_recorded BEFORE INSERT OR UPDATE ON consent.assessment
  FOR EACH ROW WHEN (NEW.ended_on IS NOT NULL AND NEW.end_recorded_at IS NULL) EXECUTE FUNCTION consent.end_recorded();
CREATE TRIGGER end_recorded BEFORE INSERT OR UPDATE ON consent.contractor
  FOR EACH ROW WHEN (NEW.valid_to IS NOT NULL AND NEW.end_recorded_at IS NULL) EXECUTE FUNCTION consent.end_recorded();
ALTER TABLE consent.assessment ENABLE ALWAYS TRIGGER end_recorded;
ALTER TABLE consent.contractor ENABLE ALWAYS TRIGGER end_recorded;
COMMENT ON TRIGGER end_recorded ON consent.assessment IS 'Notes when the end was recorded';
COMMENT ON TRIGGER end_recorded ON consent.contractor IS 'Notes when the end was recorded';

-- What a verdict rests on beside the ledger.  Its tables are read when a seal is
-- made, and not told by triggers, which a restored dump would fire again.  Each
-- is taken apart into what never changes: an organisation into its versions, and
-- the end of an assessment or a contract is a fact of its own.  Policies that
-- everybody has are made by the install script, at another time in each database.
-- Keys and contents must be the same in every session, after every restore and in
-- every later version: leave out a new column where it has its default.
CREATE FUNCTION consent.fact_digest(record) RETURNS bytea
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_fact_digest';
COMMENT ON FUNCTION consent.fact_digest(record) IS
  'SHA-256 of a row, made like consent.event_digest() but beginning with item(''pg_consent fact 1'')';

CREATE VIEW consent.fact AS
  SELECT 'organisation' AS relation, ARRAY[f.name, f.version::text] AS key, consent.fact_digest(f) AS contents
    FROM (SELECT o.name, o.id, row_number() OVER in_time AS version, lag(v.until) OVER in_time AS since,
                 v.jurisdiction, v.is_charity, v.pensions_authorised
            FROM consent.organisation o,
                 LATERAL (SELECT h.until, h.jurisdiction, h.is_charity, h.pensions_authorised
                            FROM consent.organisation_history h WHERE h.id = o.id
                          UNION ALL
                          SELECT 'infinity', o.jurisdiction, o.is_charity, o.pensions_authorised) v
          WINDOW in_time AS (PARTITION BY o.id ORDER BY v.until)) f
  UNION ALL
  SELECT 'purpose', ARRAY[p.name], consent.fact_digest(p) FROM consent.purpose p
  UNION ALL
  SELECT 'policy', ARRAY[f.jurisdiction, f.version::text], consent.fact_digest(f)
    FROM (SELECT p.jurisdiction, p.version, p.valid_from, p.law, p.opt_out_individual, p.opt_out_corporate, p.registers, p.soft_opt_in,
                 p.soft_opt_in_sale_months, p.soft_opt_in_negotiation_months, p.charity_soft_opt_in_from, p.double_opt_in,
                 p.consent_months, p.third_party_months, p.listing_days, p.screening_days, p.certainty, p.source, p.not_judged,
                 CASE WHEN p.version > 1 THEN p.recorded_at END AS recorded_at
            FROM consent.policy p) f
  UNION ALL
  SELECT 'screening', ARRAY[s.register, s.id::text], consent.fact_digest(s) FROM consent.screening s
  UNION ALL
  SELECT 'wording', ARRAY[w.name, w.version::text, w.language], consent.fact_digest(w) FROM consent.wording w
  UNION ALL
  SELECT 'contract', ARRAY[f.organisation, f.sender, to_char(f.valid_from, 'YYYY-MM-DD')], consent.fact_digest(f)
    FROM (SELECT c.organisation, c.sender, c.contract_reference, c.valid_from, c.recorded_at FROM consent.contractor c) f
  UNION ALL
  SELECT 'end of contract', ARRAY[f.organisation, f.sender, to_char(f.valid_from, 'YYYY-MM-DD')], consent.fact_digest(f)
    FROM (SELECT c.organisation, c.sender, c.valid_from, c.valid_to, c.end_recorded_at FROM consent.contractor c WHERE c.valid_to IS NOT NULL) f
  UNION
  SELECT 'assessment', ARRAY[f.organisation, f.purpose, f.channel::text, f.reference, to_char(f.assessed_on, 'YYYY-MM-DD'),
                             to_char(f.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')], consent.fact_digest(f)
    FROM (SELECT a.organisation, a.purpose, a.channel, a.reference, a.assessed_on, a.recorded_at FROM consent.assessment a) f
  UNION
  SELECT 'end of assessment', ARRAY[f.organisation, f.purpose, f.channel::text, f.reference, to_char(f.assessed_on, 'YYYY-MM-DD'),
                                    to_char(f.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')], consent.fact_digest(f)
    FROM (SELECT a.* FROM consent.assessment a WHERE a.ended_on IS NOT NULL) f;
COMMENT ON VIEW consent.fact IS
  'What verdicts rest on beside the ledger, in pieces that never change: organisations in their versions, purposes, policies, screenings, wordings, contracts and assessments, and the ends of these';
COMMENT ON COLUMN consent.fact.relation IS 'What it is';
COMMENT ON COLUMN consent.fact.key IS 'Which one';
COMMENT ON COLUMN consent.fact.contents IS 'consent.fact_digest() of it';

CREATE TABLE consent.sealed_fact (
  event_id bigint PRIMARY KEY,
  relation text NOT NULL,
  key text[] NOT NULL,
  contents bytea NOT NULL,
  UNIQUE (relation, key));
COMMENT ON TABLE consent.sealed_fact IS
  'Rows of consent.fact as they were when they were first sealed. Written by consent.seal(), append-only: consent.verify_ledger() compares';
COMMENT ON COLUMN consent.sealed_fact.event_id IS 'Its number among the events';
COMMENT ON COLUMN consent.sealed_fact.relation IS 'As in consent.fact';
COMMENT ON COLUMN consent.sealed_fact.key IS 'As in consent.fact';
COMMENT ON COLUMN consent.sealed_fact.contents IS 'As in consent.fact, then';
CREATE TRIGGER ledger_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.sealed_fact
  FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_keep();
ALTER TABLE consent.sealed_fact ENABLE ALWAYS TRIGGER ledger_keep;
COMMENT ON TRIGGER ledger_keep ON consent.sealed_fact IS 'What is written stays written';
SELECT pg_catalog.pg_extension_config_dump('consent.sealed_fact', '');

CREATE OR REPLACE VIEW consent.sealable AS
  SELECT l.event_id, l.digest FROM consent.ledger l
  UNION ALL
  SELECT e.event_id, e.digest FROM consent.erased_event e
  UNION ALL
  SELECT e.event_id, consent.erasure_digest(e) FROM consent.erasure e
  UNION ALL
  SELECT k.event_id, consent.person_link_digest(k) FROM consent.person_link k
  UNION ALL
  SELECT f.event_id, consent.fact_digest(f) FROM consent.sealed_fact f;
COMMENT ON VIEW consent.sealable IS
  'What seals cover: events, what is left of erased ones, the erasures, the links of contacts to persons, and the facts that verdicts rest on beside them';
COMMENT ON COLUMN consent.sealable.event_id IS 'Its number';
COMMENT ON COLUMN consent.sealable.digest IS 'Its digest';
COMMENT ON FUNCTION consent.seal() IS
  'Seals every event that is visible and not sealed yet, and with them what verdicts rest on beside the ledger (consent.fact). Returns the number of the new row of consent.seal, NULL if there was nothing to seal. Needs no right to the tables. Waits for another seal() to commit; above READ COMMITTED it then fails (23505) and is to be tried again';
CREATE OR REPLACE FUNCTION consent.verify_ledger(expected_seal bytea DEFAULT NULL)
  RETURNS TABLE (event_id bigint, problem text)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT l.event_id, CASE WHEN l.address = consent.contact_root(l.contact)
                          THEN 'changed: it does not match its digest'
                          ELSE 'changed: its address is not that of its contact' END
    FROM consent.ledger l
   WHERE l.digest IS DISTINCT FROM consent.event_digest(l)
      OR l.address IS DISTINCT FROM consent.contact_root(l.contact)
  UNION ALL
  SELECT COALESCE(l.event_id, (s.event).event_id),
         CASE WHEN l.event_id IS NULL THEN 'missing: the standing of its contact counts it'
              WHEN s.event IS NULL THEN 'added: the standing of its contact does not count it'
              ELSE 'changed: the standing of its contact counts another event of this number' END
    FROM consent.ledger l
    FULL JOIN (SELECT a.address, consent.standing_events(a.standing) AS event
                 FROM consent.address_standing a) s
      ON (s.event).event_id = l.event_id
   WHERE l.event_id IS NULL OR s.event IS NULL OR s.address <> l.address
      OR (s.event).digest IS DISTINCT FROM substr(l.digest, 1, 16)
  UNION ALL
  SELECT k.event_id, 'changed: the link does not match its digest'
    FROM consent.person_link k
   WHERE k.digest IS DISTINCT FROM consent.person_link_digest(k)
  UNION ALL
  SELECT e.event_id, 'changed: the erasure does not match its digest'
    FROM consent.erasure e
   WHERE e.digest IS DISTINCT FROM consent.erasure_digest(e)
  UNION ALL
  SELECT n, d.problem
    FROM (SELECT COALESCE(range_agg(e.events), '{}') AS events FROM consent.erasure e) counted,
         (SELECT COALESCE(range_agg(int8range(x.event_id, x.event_id, '[]')), '{}') AS events FROM consent.erased_event x) left_over,
         LATERAL (VALUES ('missing: what is left of it; an erasure counts it', counted.events - left_over.events),
                         ('missing: the erasure of it', left_over.events - counted.events)) d(problem, events),
         unnest(d.events) r, generate_series(lower(r), upper(r) - 1) n
  UNION ALL
  SELECT b.event_id, b.problem
    FROM consent.broken_seals() b
  UNION ALL
  SELECT k.event_id, format(CASE WHEN f.relation IS NULL THEN 'missing: the %s (%s), which was sealed'
                                 ELSE 'changed: the %s (%s) is not as it was sealed' END,
                            k.relation, array_to_string(k.key, ', '))
    FROM consent.sealed_fact k LEFT JOIN consent.fact f ON f.relation = k.relation AND f.key = k.key
   WHERE f.contents IS DISTINCT FROM k.contents
  UNION ALL
  SELECT NULL, format('seal %s was changed: it does not match its digest', s.number)
    FROM consent.seal s
   WHERE s.digest IS DISTINCT FROM consent.seal_digest(s)
  UNION ALL
  SELECT NULL, CASE WHEN s.number = s.number_before + 1
                    THEN format('seal %s does not follow the seal before it', s.number)
                    ELSE format('seals are missing before seal %s', s.number) END
    FROM (SELECT c.number, c.previous, COALESCE(lag(c.number) OVER o, 0) AS number_before, lag(c.digest) OVER o AS digest_before
            FROM consent.seal c
          WINDOW o AS (ORDER BY c.number)) s
   WHERE s.number <> s.number_before + 1 OR s.previous IS DISTINCT FROM s.digest_before
  UNION ALL
  SELECT NULL, 'no seal has the expected digest: seals were removed or made anew'
   WHERE verify_ledger.expected_seal IS NOT NULL
     AND NOT EXISTS (SELECT FROM consent.seal e WHERE e.digest = verify_ledger.expected_seal)
  ORDER BY 1 NULLS LAST, 2;
END;
COMMENT ON FUNCTION consent.verify_ledger(bytea) IS
  'What is wrong with the ledger, and with what verdicts rest on beside it? No rows: nothing. The first row names the first event, link or erasure that was changed, removed or added, or the first fact that was sealed and is not there, or not so (consent.sealed_fact has its number); event_id is NULL where a seal is wrong. expected_seal is the digest of a seal that was kept elsewhere: only that shows that seals were removed from the end, or made anew. Needs SELECT on consent.ledger, consent.address_standing, consent.person_link, consent.erasure, consent.erased_event, consent.sealable, consent.seal, consent.fact and consent.sealed_fact';
GRANT SELECT ON consent.fact, consent.sealed_fact TO consent_reader, consent_writer, consent_admin;

-- Erasure and subject access look for all forms of an address.
DROP INDEX consent.unsubscribe_link_contact;
CREATE INDEX unsubscribe_link_address ON consent.unsubscribe_link (consent.contact_root(contact));

-- First contact under a third party's consent is read in the log.
CREATE INDEX decision_log_sent ON consent.decision_log (contact) WHERE allowed AND consent.is_marketing(class);
COMMENT ON TABLE consent.decision_log IS
  'Decisions of the guards: every refusal but those that raised (an error takes its own log entry back with it; consent.guard_counters counts those too), and allowances as the guard says (log => none, sample or all). Always logged: a message that its sender called something else than its text shows, one that is no marketing and goes to an address we cannot read, and the first marketing that goes to somebody on a consent which a third party collected';
CREATE OR REPLACE FUNCTION consent.expire_log(before timestamptz) RETURNS bigint
  LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  WITH decisions AS (DELETE FROM consent.decision_log l WHERE l.decided_at < before
                     RETURNING l.contact, l.organisation, l.decided_at, l.allowed AND consent.is_marketing(l.class) AS sent),
       sweeps AS (DELETE FROM consent.sweep_log s WHERE s.at < before RETURNING 1),
       -- First contact: without it a third party's consent goes stale.  We have
       -- known of it since then, and known_at is to find it.
       contacts AS (
         INSERT INTO consent.ledger (contact, kind, organisation, effective_at, recorded_at, source)
         SELECT DISTINCT d.contact, 'contacted', d.organisation, min(d.decided_at), min(d.decided_at), 'consent.decision_log'
           FROM decisions d
           JOIN consent.organisation o ON o.name = d.organisation
           JOIN consent.ledger c ON c.address = consent.contact_root(d.contact) AND c.contact = d.contact
                                AND c.kind = 'consent' AND c.collected_by IS NOT NULL
                                AND c.collected_by <> d.organisation AND c.effective_at <= d.decided_at
          WHERE d.sent
            AND NOT EXISTS (SELECT FROM consent.ledger k
                             WHERE k.address = c.address AND k.contact = d.contact AND k.kind = 'contacted'
                               AND k.organisation = d.organisation AND k.effective_at BETWEEN c.effective_at AND d.decided_at)
          GROUP BY d.contact, d.organisation, c.event_id
         RETURNING 1)
  SELECT (SELECT count(*) FROM decisions) + (SELECT count(*) FROM sweeps);
END;
COMMENT ON FUNCTION consent.expire_log(timestamptz) IS
  'Deletes what consent.decision_log and consent.sweep_log hold from before a moment; what of it was the first marketing to somebody of whom a third party''s consent is on record stays in the ledger, as an event of kind contacted. Returns how many rows. Run it as often as your retention period asks';

-- Unknown names of service messages.
COMMENT ON FUNCTION consent.evaluate(consent.contact, consent.channel, text, consent.message_class, text, timestamptz, timestamptz, text, text, text[], boolean, boolean, text) IS
  'May this be sent? at: events with effective_at <= at count; known_at: only what had been recorded by then; instigators: others on whose behalf it is sent; opt_out_offered, identity_shown: does the message carry them (PECR reg 23); reference: the request that a solicited_response answers; product_category: what is advertised, for the soft opt-in; sender: a contractor that transmits it for the organisation, whose written contract must be in consent.contractor. An unknown organisation or purpose is refused whatever the class, for who asks should know of it; a guard, which must not hold up a receipt for that, lets service, regulatory and public_task messages through, and so does consent.exposure()';
COMMENT ON FUNCTION consent.judge(consent.standing, consent.contact, consent.channel, text, text, text, timestamptz, timestamptz, consent.message_class, text, text[], boolean, boolean, boolean, text) IS
  'consent.evaluate() by a standing in hand, for whoever judges many at once. A NULL standing: the ledger is asked for it, for this contact alone; at NULL: now; any_category: is there any product for which it would be allowed, by soft opt-in? As for a guard, a service message needs no contact, and no known organisation or purpose';

-- The planner is helped with IN (SELECT consent.permitted(...)).
COMMENT ON FUNCTION consent.permitted(consent.channel, text, text, text) IS
  'The campaign filter: every contact of the ledger that direct marketing may be sent to now; product_category says what is advertised, for the soft opt-in. The planner sees through it in FROM, as in JOIN consent.permitted(''email'', ''acme'') p ON p = c.email, and, once the session has loaded the library, where it is all that is selected, as in IN (SELECT consent.permitted(''email'', ''acme''))';

-- Events are gathered as they are checked: copying whole rows took half of a load's time.
COMMENT ON FUNCTION consent.ledger_apply() IS
  'Trigger of consent.ledger: brings consent.address_standing up to date with the events of a statement';

DO $$
DECLARE
  part regclass;
BEGIN
  FOR part IN SELECT t.relid FROM pg_catalog.pg_partition_tree('consent.ledger') t LOOP
    EXECUTE pg_catalog.format('CREATE OR REPLACE TRIGGER ledger_apply AFTER INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION consent.ledger_apply()', part);
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER ledger_apply', part);
  END LOOP;
END $$;

-- A standing is laid out anew: who collected a consent is kept by name.
SELECT consent.rebuild_standings();

-- Queues read anew: what their own sources say.  Guards that were made before go
-- on as they are.
ALTER TABLE consent.adapter DISABLE TRIGGER check_adapter;
UPDATE consent.adapter SET
  versions = 'migrations 9 to 14',
  pending = $$state NOT IN ('executing', 'completed', 'discarded', 'cancelled')$$,
  retry = $$attempted_at IS NOT NULL$$
 WHERE adapter = 'Oban';
UPDATE consent.adapter SET
  versions = 'migrations 4 to 7',
  retry = $$attempted_at IS NOT NULL$$
 WHERE adapter = 'River';
UPDATE consent.adapter SET
  versions = '15 to 18',
  retry = $$false$$,
  on_block = 'raise',
  undecided = CASE adapter
    WHEN 'Odoo mail' THEN 'What creates a mail and sends it at once (mass mailings up to 16, force_send) believes its own memory that it is outgoing: so a refusal is an error, and with on_block => ''divert'' such mail is sent all the same. Partners are linked to a mail after it is inserted (recipient_ids): marketing without an address in email_to or email_cc is refused, and partners beside such an address are not judged. Nothing is judged when a mail is taken, but whatever has changed it by then makes the sender fail and look again.'
    ELSE 'What creates or resends a message and sends it at once believes its own memory that it is outgoing: so a refusal is an error, and with on_block => ''divert'' such a message is sent all the same. Sending leaves no trace before it is done: nothing is judged then. There is no column for a reason: see consent.decision_log.' END
 WHERE adapter IN ('Odoo mail', 'Odoo sms');
UPDATE consent.adapter SET
  body = $$CASE WHEN template_id IS NULL OR context IS NULL THEN concat_ws(E'\n', message, html_message)
        ELSE concat_ws(E'\n', consent.lookup('{schema}post_office_emailtemplate', 'content', 'id', template_id::text), consent.lookup('{schema}post_office_emailtemplate', 'html_content', 'id', template_id::text)) END$$,
  subject = $$CASE WHEN template_id IS NULL OR context IS NULL THEN subject ELSE consent.lookup('{schema}post_office_emailtemplate', 'subject', 'id', template_id::text) END$$,
  undecided = 'Of mail that is rendered on delivery the template is judged, as it is then, without what is filled in. Sending leaves no trace before it is done: nothing is judged then. There is no column for a reason: see consent.decision_log.'
 WHERE adapter = 'django-post_office';
UPDATE consent.adapter SET
  pending = $$notification_status = 'created' AND key_type <> 'test'$$,
  recipient = $$CASE notification_type WHEN 'letter' THEN 'postal:' || "to" ELSE coalesce(normalised_to, "to") END$$,
  undecided = 'The text is in templates_history and what is filled in is signed and cannot be read: without a body every message is judged as marketing. Notifications of test keys go to nobody and are not judged. A letter goes to postal: and its address, on one line. Workers take ids from another queue: nothing is judged then, but what is no longer "created" is not sent. There is no column for a reason: see consent.decision_log.'
 WHERE adapter = 'GOV.UK Notify';
UPDATE consent.adapter SET
  tables = $$SELECT inhrelid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_inherits, {schema}queue
    WHERE queue_name OPERATOR(pg_catalog.=) {queue} AND inhparent OPERATOR(pg_catalog.=) queue_data_pfx::pg_catalog.regclass$$
 WHERE adapter = 'PgQ';
UPDATE consent.adapter SET
  tables = $$SELECT pg_catalog.concat('{schema}', pg_catalog.quote_ident(pg_catalog.concat('q_', pg_catalog.lower(queue_name)))) FROM {schema}meta
    WHERE queue_name OPERATOR(pg_catalog.=) {queue}$$
 WHERE adapter = 'pgmq';
ALTER TABLE consent.adapter ENABLE TRIGGER check_adapter;

-- What our functions call does not depend on the search_path of whoever calls them.
CREATE OR REPLACE FUNCTION consent.sample_messages(sample text) RETURNS SETOF jsonb
  LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  message pg_catalog.jsonb;
  first pg_catalog.bool := true;
BEGIN
  FOR message IN EXECUTE pg_catalog.format('SELECT pg_catalog.to_jsonb(s) FROM (%s) AS s',
    CASE WHEN sample OPERATOR(pg_catalog.~) '\s' THEN sample
         ELSE 'TABLE ' OPERATOR(pg_catalog.||) sample::pg_catalog.regclass::pg_catalog.text END) LOOP
    IF first AND NOT message OPERATOR(pg_catalog.?) 'body' THEN
      RAISE EXCEPTION 'the sample has no column "body"'
        USING ERRCODE = 'undefined_column', HINT = 'Give columns the names that are expected, as in SELECT message AS body, kind AS label FROM ...';
    ELSIF first AND NOT message OPERATOR(pg_catalog.?) 'label' THEN
      RAISE NOTICE 'the sample has no column "label": its messages are not told apart'
        USING HINT = 'If they have one by another name: SELECT body, kind AS label FROM ...';
    END IF;
    first := false;
    RETURN NEXT message;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION consent.rule_stats(sample text, OUT rule text, OUT class consent.message_class,
                                   OUT label text, OUT hits bigint, OUT messages bigint)
  RETURNS SETOF record
  LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
  WITH m AS MATERIALIZED (
    SELECT j ->> 'label' AS label,
           consent.classify(j ->> 'body', j ->> 'subject', (j ->> 'channel')::consent.channel) AS c
      FROM consent.sample_messages(sample) AS j)
  SELECT h.rule, r.class, m.label, pg_catalog.count(*),
         (SELECT pg_catalog.count(*) FROM m AS all_of_it WHERE all_of_it.label IS NOT DISTINCT FROM m.label)
    FROM m, pg_catalog.unnest((m.c).rules) AS h(rule)
    LEFT JOIN consent.rule AS r ON r.code = h.rule
   GROUP BY h.rule, r.class, m.label
   ORDER BY h.rule, m.label;
END;
COMMENT ON FUNCTION consent.rule_stats(text) IS
  'How often each rule speaks in labelled messages. sample: a table, or a query, with the columns body, and if there are any label, subject and channel. One row per rule and label: messages it spoke in, of so many with that label; without that column there is one label, NULL, and a NOTICE. Error: 42703 no column body';

CREATE OR REPLACE FUNCTION consent.what_if(change text, sample text,
                                OUT label text, OUT body text, OUT class_before consent.message_class,
                                OUT class_after consent.message_class, OUT rules_before text[],
                                OUT rules_after text[])
  RETURNS SETOF record
  LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE
  sampled pg_catalog.jsonb[] := ARRAY(SELECT consent.sample_messages(sample));
  before consent.classification[];
  after consent.classification[];
  done pg_catalog.bool := false;
BEGIN
  SELECT pg_catalog.array_agg(consent.classify(m OPERATOR(pg_catalog.->>) 'body', m OPERATOR(pg_catalog.->>) 'subject',
                                                 (m OPERATOR(pg_catalog.->>) 'channel')::consent.channel) ORDER BY n)
    INTO before FROM pg_catalog.unnest(sampled) WITH ORDINALITY AS s(m, n);
  -- What the change does is undone by the error; variables keep what they have.
  BEGIN
    EXECUTE change;
    SELECT pg_catalog.array_agg(consent.classify(m OPERATOR(pg_catalog.->>) 'body', m OPERATOR(pg_catalog.->>) 'subject',
                                                 (m OPERATOR(pg_catalog.->>) 'channel')::consent.channel) ORDER BY n)
      INTO after FROM pg_catalog.unnest(sampled) WITH ORDINALITY AS s(m, n);
    done := true;
    RAISE EXCEPTION USING ERRCODE = 'PC003', MESSAGE = 'undo';
  EXCEPTION WHEN SQLSTATE 'PC003' THEN
    -- the change may have raised that, too
    IF NOT done THEN
      RAISE;
    END IF;
  END;
  FOR i IN 1 .. COALESCE(pg_catalog.cardinality(sampled), 0) LOOP
    CONTINUE WHEN (before[i]).class OPERATOR(pg_catalog.=) (after[i]).class
              AND (before[i]).rules OPERATOR(pg_catalog.=) (after[i]).rules;
    label := sampled[i] OPERATOR(pg_catalog.->>) 'label';
    body := sampled[i] OPERATOR(pg_catalog.->>) 'body';
    class_before := (before[i]).class;
    class_after := (after[i]).class;
    rules_before := (before[i]).rules;
    rules_after := (after[i]).rules;
    RETURN NEXT;
  END LOOP;
END $$;

CREATE FUNCTION consent.key_operator(source regclass, key name) RETURNS text
  LANGUAGE C STABLE STRICT PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'pg_consent_key_operator';
COMMENT ON FUNCTION consent.key_operator(regclass, name) IS
  'How consent.lookup() compares a key: the operator that is equality for the type of the column, whatever the search_path holds under its name';

CREATE OR REPLACE FUNCTION consent.lookup(source regclass, wanted name, key name, value text) RETURNS text
  LANGUAGE plpgsql STABLE
AS $$
DECLARE
  found pg_catalog.text;
BEGIN
  IF value IS NOT NULL THEN
    EXECUTE pg_catalog.format('SELECT %I::pg_catalog.text FROM %s WHERE %I %s %L', wanted, source, key, consent.key_operator(source, key), value) INTO found;
  END IF;
  RETURN found;
END $$;

CREATE OR REPLACE FUNCTION consent.queue_relations(adapter consent.adapter, queue text) RETURNS SETOF regclass
  LANGUAGE plpgsql STABLE
AS $$
DECLARE
  name pg_catalog.text;
BEGIN
  FOR name IN EXECUTE adapter.tables LOOP
    RETURN NEXT name::pg_catalog.regclass;
  END LOOP;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% has no queue "%"', adapter.adapter, queue
      USING ERRCODE = 'undefined_object', HINT = 'Create the queue first: it is a table of its own.';
  END IF;
EXCEPTION WHEN undefined_table OR invalid_schema_name THEN
  RAISE EXCEPTION 'the tables of % were not found: %', adapter.adapter, SQLERRM
    USING ERRCODE = 'undefined_table',
          HINT = 'Install it first; if its tables are in another schema, name that: schema => ''...''.';
END $$;

CREATE FUNCTION consent.guard_mapping(target regclass, mapping text, expression text) RETURNS text
  LANGUAGE C STABLE STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_guard_mapping';
COMMENT ON FUNCTION consent.guard_mapping(regclass, text, text) IS
  'A mapping for consent.guard() with every name in it qualified, as the caller''s search_path has it: for consent.guard_queue(), which guards under another';

CREATE FUNCTION consent.guard_queue_table(target regclass, adapter text, queue text, schema text, on_block consent.block_action, mapping jsonb) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  -- The other tables of a queue are beside it.
  known consent.adapter := consent.adapter_for(adapter, queue, COALESCE(schema, (
    SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = target)));
  action consent.block_action := COALESCE(on_block, known.on_block);
  at_once boolean;
BEGIN
  -- Rows that nobody reads again before they are sent have a guard of their own.
  FOREACH at_once IN ARRAY CASE WHEN known.at_once IS NOT NULL AND action IN ('divert', 'quarantine') THEN '{false,true}'
                                ELSE '{NULL}' END::boolean[] LOOP
    PERFORM consent.guard(
      target => target,
      recipient => COALESCE(mapping ->> 'recipient', known.recipient),
      channel => COALESCE(mapping ->> 'channel', known.channel),
      body => COALESCE(mapping ->> 'body', known.body),
      subject => COALESCE(mapping ->> 'subject', known.subject),
      organisation => mapping ->> 'organisation',
      class => mapping ->> 'class',
      purpose => mapping ->> 'purpose',
      product_category => mapping ->> 'product_category',
      reference => mapping ->> 'reference',
      instigators => mapping ->> 'instigators',
      sender => mapping ->> 'sender',
      opt_out => mapping ->> 'opt_out',
      identity => mapping ->> 'identity',
      pending => known.pending,
      -- Whoever only watches does not meddle with what is taken or swept.
      claim => CASE WHEN action <> 'flag' THEN known.claim END,
      retry => CASE WHEN at_once THEN NULL ELSE known.retry END,
      applies => NULLIF(concat_ws(' AND ', '(' || known.applies || ')',
                   CASE WHEN at_once THEN '(' || known.at_once || ') IS NOT FALSE'
                        WHEN NOT at_once THEN '(' || known.at_once || ') IS FALSE' END), ''),
      on_block => CASE WHEN at_once THEN 'raise' ELSE action END,
      divert => CASE WHEN action <> 'flag' THEN known.divert END,
      name => CASE WHEN at_once THEN concat_ws(' ', queue, 'at once') ELSE queue END);
  END LOOP;
  IF known.release IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger t
        WHERE t.tgrelid = target AND t.tgfoid = 'consent.guard_release()'::regprocedure) THEN
    EXECUTE format('CREATE CONSTRAINT TRIGGER consent_guard_release AFTER UPDATE ON %s DEFERRABLE INITIALLY DEFERRED '
                   'FOR EACH ROW WHEN (%s) EXECUTE FUNCTION consent.guard_release(%L)', target, known.parked, known.release);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER consent_guard_release', target);
  END IF;
END $$;
COMMENT ON FUNCTION consent.guard_queue_table(regclass, text, text, text, consent.block_action, jsonb) IS
  'Guards one table for consent.guard_queue(). mapping: what the caller maps, each as consent.guard_mapping() writes it';
REVOKE EXECUTE ON FUNCTION consent.guard_mapping(regclass, text, text), consent.guard_queue_table(regclass, text, text, text, consent.block_action, jsonb)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION consent.guard_mapping, consent.guard_queue_table TO consent_admin;

CREATE OR REPLACE FUNCTION consent.guard_queue(
  adapter text,
  queue text DEFAULT NULL,
  recipient text DEFAULT NULL,
  channel text DEFAULT NULL,
  body text DEFAULT NULL,
  subject text DEFAULT NULL,
  organisation text DEFAULT NULL,
  class text DEFAULT NULL,
  purpose text DEFAULT NULL,
  product_category text DEFAULT NULL,
  reference text DEFAULT NULL,
  instigators text DEFAULT NULL,
  sender text DEFAULT NULL,
  opt_out text DEFAULT NULL,
  identity text DEFAULT NULL,
  on_block consent.block_action DEFAULT NULL,
  schema text DEFAULT NULL) RETURNS regclass[]
  LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
  known consent.adapter := consent.adapter_for(adapter, queue, schema);
  relation pg_catalog.regclass;
  guarded pg_catalog.regclass[] := '{}';
BEGIN
  FOREACH relation IN ARRAY ARRAY(SELECT consent.queue_relations(known, queue)) LOOP
    PERFORM consent.guard_queue_table(relation, adapter, queue, COALESCE(schema, known.schema), on_block,
      (SELECT pg_catalog.jsonb_object_agg(m.name, consent.guard_mapping(relation, m.name, m.expression))
         FROM (VALUES ('recipient', recipient), ('channel', channel), ('body', body), ('subject', subject), ('organisation', organisation),
                      ('class', class), ('purpose', purpose), ('product_category', product_category), ('reference', reference),
                      ('instigators', instigators), ('sender', sender), ('opt_out', opt_out), ('identity', identity)) AS m(name, expression)));
    guarded := pg_catalog.array_append(guarded, relation);
  END LOOP;
  RETURN guarded;
END $$;

CREATE OR REPLACE FUNCTION consent.unguard_queue(adapter text, queue text DEFAULT NULL, schema text DEFAULT NULL) RETURNS regclass[]
  LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
  known consent.adapter := consent.adapter_for(adapter, queue, schema);
  relation pg_catalog.regclass;
  unguarded pg_catalog.regclass[] := '{}';
  at_once pg_catalog.text := queue OPERATOR(pg_catalog.||) ' at once';
BEGIN
  FOREACH relation IN ARRAY ARRAY(SELECT consent.queue_relations(known, queue)) LOOP
    PERFORM consent.unguard(relation, queue);
    IF EXISTS (SELECT FROM consent.guards g WHERE g.leaf OPERATOR(pg_catalog.=) relation AND g.name OPERATOR(pg_catalog.=) at_once) THEN
      PERFORM consent.unguard(relation, at_once);
    END IF;
    unguarded := pg_catalog.array_append(unguarded, relation);
  END LOOP;
  RETURN unguarded;
END $$;

-- Recipients in an array of a job.
CREATE FUNCTION consent.json_texts(value jsonb, path jsonpath) RETURNS text[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 500
  RETURN (SELECT pg_catalog.array_agg(v) FROM pg_catalog.jsonb_array_elements_text(pg_catalog.jsonb_path_query_array(value, path, silent => true)) v);
COMMENT ON FUNCTION consent.json_texts(jsonb, jsonpath) IS
  'The texts at a path of a JSON value, NULL if there is none: for mappings, which cannot hold subqueries. consent.json_texts(data, ''$.to[*]'') are the recipients, whether "to" is one address or an array of them, and whether the job is one message or an array of them';

-- Attachments that are texts are read.
CREATE FUNCTION consent.read_attachments(message bytea, OUT name text, OUT body text)
  RETURNS SETOF record
  LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1
  AS 'MODULE_PATHNAME', 'pg_consent_read_attachments';
COMMENT ON FUNCTION consent.read_attachments(bytea) IS
  'The attachments of a whole message (RFC 5322, MIME) that are texts (text/plain, text/html and so on, or bytes in a file named .txt, .html, .ics or .vcf, but no tables), decoded: the name of the file, if it has one, and what is in it. Of a calendar or contact card it is what people are shown (SUMMARY, DESCRIPTION, LOCATION, COMMENT, NOTE, X-WR-CALDESC, and names, titles and addresses that are long or have a percentage or price), and in a row of its own what of that is HTML. For consent.evidence() and consent.highlight()';
COMMENT ON FUNCTION consent.read_raw(bytea) IS
  'Subject and body of a whole message (RFC 5322, MIME), decoded: all of its texts but attachments, as HTML if one of them is. complete is false if the message is cut off or longer than 8 MB, or a part cannot be read. For consent.evidence() and consent.highlight()';
COMMENT ON FUNCTION consent.classify_raw(bytea) IS
  'What a whole e-mail message (RFC 5322, MIME) is: as consent.classify() of what consent.read_raw() makes of it. An attached text that is marketing by itself makes the message marketing; one that nobody could judge sets needs_review. What lies behind the first megabyte of all of them is not read, and the message unknown, unless it is marketing already. Attached pictures, tables, PDFs and other documents are not read. A message that could not be read to its end is unknown, unless it is marketing already';
COMMENT ON FUNCTION consent.guard_index(regclass) IS
  'The statement that makes the index by which a withdrawal finds its pending rows in a large guarded table: run it with \gexec. Nothing, and a NOTICE, where that index is there. Needs mappings that depend on the row alone';

-- Who may read and make the figures of imports.
GRANT SELECT ON consent.import_stretch, consent.import_summary TO consent_reader, consent_writer, consent_admin;
GRANT EXECUTE ON FUNCTION consent.import_figures, consent.imports_summarised, consent.unsummarised_imports, consent.limited_consents
TO consent_reader, consent_writer, consent_admin;
GRANT EXECUTE ON FUNCTION consent.summarise_imports_step TO consent_admin;
GRANT EXECUTE ON PROCEDURE consent.summarise_imports TO consent_admin;

-- What is held about a person, all of it, also after an erasure.
COMMENT ON FUNCTION consent.forget(consent.contact, text, timestamptz) IS
  'Erases what is held about a contact, all +tag forms of the address: its events, standing, links, unsubscribe links, log entries and quarantined rows, and the address in the findings of audits (UK GDPR 17). Marketing to it, and messages of optional services, stay refused (suppressed) until a new explicit consent, through a keyed digest; a request made before it is over; what other contacts of the same person owe to it stays with them. Returns the number of the row of consent.erasure, also where nothing was held. reason must not name the person; at is when the person asked. Waits for transactions that are recording events or links, and they wait for it. Errors: 22004 no contact, 22023 a time in the future, 25001 isolation level above READ COMMITTED';

-- As the owner: whose an erasure was can only be asked of an address in hand.
CREATE FUNCTION consent.erasures_of(contact consent.contact)
  RETURNS TABLE (event_id bigint, effective_at timestamptz, erased_at timestamptz, ground text, reason text, suppressed boolean)
  LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 1
BEGIN ATOMIC
  SELECT e.event_id, e.effective_at, e.erased_at, e.ground, e.reason, e.suppressed
    FROM consent.erasure e
   WHERE e.address_digest = consent.erased_digest(erasures_of.contact)
   ORDER BY e.event_id;
END;
COMMENT ON FUNCTION consent.erasures_of(consent.contact) IS
  'When and why what was held about a contact was erased: what a digest of the address still tells. suppressed: is marketing refused until a new explicit consent?';

-- For subject access and erasure, which know no mapping: any text or number of
-- the row that a guard would read as this address, alone or in a list.
CREATE FUNCTION consent.row_is_for("row" jsonb, contact consent.contact) RETURNS boolean
  LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
  SELECT EXISTS (
    SELECT FROM pg_catalog.jsonb_array_elements_text(
                  pg_catalog.jsonb_path_query_array(row_is_for."row", 'strict $.** ? (@.type() == "string" || @.type() == "number")')) AS t(said)
     WHERE consent.guard_key(row_is_for.contact::text, 'GB') = ANY (
             consent.guard_keys(t.said, COALESCE(pg_catalog.current_setting('pg_consent.default_region', true), 'GB'))
             || CASE WHEN t.said ~ '^[0-9]+$' THEN consent.guard_keys('+' || t.said, 'GB') ELSE '{}' END));
END;
COMMENT ON FUNCTION consent.row_is_for(jsonb, consent.contact) IS
  'Does an address of this contact, in any form, stand in the row, in a field of its own or in a list? A field that only mentions it, and a row that names its recipient by the id of another table, are not found';
REVOKE EXECUTE ON FUNCTION consent.row_is_for(jsonb, consent.contact) FROM PUBLIC;

-- What is said of an address by itself, and what is said of one person's links: an
-- address may be that of several, and nobody is told of the others (Article 15(4)).
CREATE FUNCTION consent.subject_access_as(contact consent.contact, person text) RETURNS jsonb
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  root consent.contact := consent.contact_root(contact);
  record jsonb;
BEGIN
  PERFORM consent.ledger_readable();
  record := consent.record(contact);
  RETURN jsonb_build_object(
    'contact', contact::text,
    'kind', consent.contact_kind(contact),
    'made_at', now(),
    'record', record,
    'history', COALESCE((
      SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(h)) ORDER BY h.event_id)
        FROM consent.history(contact) h LEFT JOIN consent.person_link k ON k.event_id = h.event_id
       WHERE k.event_id IS NULL OR k.person = subject_access_as.person), '[]'),
    'wordings', COALESCE((
      SELECT jsonb_agg(w.wording ORDER BY w.first) FROM (SELECT l.wording, min(l.event_id) AS first FROM consent.ledger l
                                                          WHERE l.address = root AND l.wording IS NOT NULL GROUP BY 1) w), '[]'),
    'status', COALESCE((
      SELECT jsonb_agg(jsonb_build_object('organisation', v -> 'party_id', 'status', consent.status((v ->> 'allowed')::boolean, v ->> 'reason')) || (v - 'party_id') ORDER BY i)
        FROM jsonb_array_elements(record -> 'status') WITH ORDINALITY AS e(v, i)
       WHERE consent.status((v ->> 'allowed')::boolean, v ->> 'reason') <> 'never_asked'), '[]'),
    'links', COALESCE((
      SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(k) - '{address,digest}'::text[]) ORDER BY k.event_id)
        FROM consent.person_link k WHERE k.address = root AND k.person = subject_access_as.person), '[]'),
    'linked_contacts', COALESCE((
      SELECT jsonb_agg(o.address ORDER BY o.address::text)
        FROM (SELECT DISTINCT ON (l.address) l.address, l.linked
                FROM consent.person_link l
               WHERE l.person = subject_access_as.person
               ORDER BY l.address, l.event_id DESC) o
       WHERE o.linked AND o.address <> root), '[]'),
    'erasures', COALESCE((
      SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(e)) ORDER BY e.event_id) FROM consent.erasures_of(contact) e), '[]'),
    'decisions', COALESCE((
      SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(d)) ORDER BY d.decided_at)
        FROM consent.decision_log d WHERE consent.contact_root(d.contact) = root), '[]'),
    'quarantine', COALESCE((
      SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(q) - 'row') || jsonb_build_object('row', q."row") ORDER BY q.id)
        FROM consent.quarantine q WHERE consent.row_is_for(q."row", root)), '[]'),
    'past_sends', COALESCE((
      SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(f) - '{run,person}'::text[]) || jsonb_build_object('audit', f.run) ORDER BY f.sent_at, f.run)
        FROM consent.exposure_finding f WHERE f.person = root::text), '[]'),
    'unsubscribe_links', COALESCE((
      SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(u))) FROM consent.unsubscribe_links(contact) u), '[]'),
    'sweeps', COALESCE((
      SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(s) - 'contact_digest') ORDER BY s.at)
        FROM consent.sweep_log s WHERE s.contact_digest = int8send(consent.guard_key(root::text, 'GB'))), '[]'),
    'contact_number', consent.contact_id(contact),
    'receipts', COALESCE((
      SELECT jsonb_agg(consent.receipt(l.event_id) ORDER BY l.event_id) FROM consent.ledger l WHERE l.address = root AND l.kind = 'consent'), '[]'));
END;
$$;
COMMENT ON FUNCTION consent.subject_access_as(consent.contact, text) IS
  'What consent.subject_access() says of a contact to a person that it is linked to, with nothing of other persons; NULL: nothing of any person';

CREATE OR REPLACE FUNCTION consent.subject_access(contact consent.contact) RETURNS jsonb
  LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
  -- Of several persons it is not known which of them asks.
  SELECT consent.subject_access_as(subject_access.contact, CASE WHEN count(*) = 1 THEN min(k.person) END)
         || jsonb_build_object('shared', count(*) > 1)
    FROM (SELECT DISTINCT ON (l.person) l.person, l.linked
            FROM consent.person_link l
           WHERE l.address = consent.contact_root(subject_access.contact)
           ORDER BY l.person, l.event_id DESC) k
   WHERE k.linked;
END;
COMMENT ON FUNCTION consent.subject_access(consent.contact) IS
  'Everything held about a contact, under every form of the address: the consent record, every event with its words and evidence, the status, the one person it is linked to and their other contacts, decisions about messages, rows in quarantine, messages that a withdrawal cancelled, unsubscribe links, findings of audits, receipts, and what is left of an erasure. shared: several persons are linked to it; then none of them, their links and other contacts are shown, because nobody knows who asks: consent.subject_access_of() shows what is one person''s. The reply to a request under UK GDPR Article 15 needs your own tables too; and look at it before it goes out, because a quarantined row is shown whole, with whoever else it was for. Reads with the caller''s rights: for members of consent_reader';

CREATE FUNCTION consent.subject_access_of(person text) RETURNS jsonb
  LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
  SELECT jsonb_build_object(
           'person', subject_access_of.person,
           'made_at', now(),
           'contacts', COALESCE(jsonb_agg(consent.subject_access_as(k.address, subject_access_of.person) ORDER BY k.address::text), '[]'))
    FROM (SELECT DISTINCT ON (l.address) l.address, l.linked
            FROM consent.person_link l
           WHERE l.person = subject_access_of.person
           ORDER BY l.address, l.event_id DESC) k
   WHERE k.linked;
END;
COMMENT ON FUNCTION consent.subject_access_of(text) IS
  'What consent.subject_access() shows, of every contact that consent.link() has linked to a person and consent.unlink() has not taken away; of a contact that several persons share without the others'' names, links and other contacts';

REVOKE EXECUTE ON FUNCTION consent.erased_digest, consent.erasures_of, consent.subject_access_of, consent.subject_access_as FROM PUBLIC;
GRANT EXECUTE ON FUNCTION consent.erasures_of, consent.row_is_for, consent.subject_access_of, consent.subject_access_as TO consent_reader;

-- Of unknown time it never counts.
CREATE OR REPLACE FUNCTION consent.event_in_words(event consent.ledger) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE (event).kind
           WHEN 'consent' THEN pg_catalog.format('agreed to %s from %s for %s (%s)', s.channels, s.organisation,
                                                 s.purpose, pg_catalog.replace((event).method, '_', ' '))
           WHEN 'withdrawal' THEN pg_catalog.format('withdrew consent to %s from %s for %s', s.channels, s.organisation, s.purpose)
           WHEN 'objection' THEN pg_catalog.format('objected to %s from %s for %s', s.channels, s.organisation, s.purpose)
           WHEN 'non_objection' THEN pg_catalog.format('does not object to calls from %s', s.organisation)
           WHEN 'soft_opt_in' THEN pg_catalog.format('gave details to %s (%s)', s.organisation,
                                                     pg_catalog.concat_ws(', ', pg_catalog.replace((event).relationship, '_', ' '), (event).product_category))
           WHEN 'request' THEN pg_catalog.format('asked %s for %s by %s', s.organisation, coalesce((event).about, 'information'), s.channels)
           WHEN 'answer' THEN pg_catalog.format('was answered by %s', s.organisation)
           WHEN 'contacted' THEN pg_catalog.format('was first contacted by %s', s.organisation)
           WHEN 'suppression' THEN pg_catalog.format('suppressed %s from %s (%s)', s.channels, s.organisation,
                                                      coalesce((event).about, 'no reason given'))
           WHEN 'unsuppression' THEN pg_catalog.format('suppressed no longer: %s from %s', s.channels, s.organisation)
           WHEN 'subscriber' THEN pg_catalog.format('recorded as held by: %s', pg_catalog.replace((event).subscriber::text, '_', ' '))
           WHEN 'listing' THEN pg_catalog.format('listed on the register %s on %s', pg_catalog.upper((event).register),
                                                 pg_catalog.to_char((event).listed_on, 'FMDD FMMonth YYYY'))
           ELSE pg_catalog.format('%s (%s, %s, %s)', pg_catalog.replace((event).kind, '_', ' '), s.channels, s.organisation, s.purpose)
         END
         || CASE WHEN (event).refused THEN ', refusing marketing'
                 WHEN (event).refusal_offered THEN ', offered to refuse marketing'
                 WHEN (event).kind = 'soft_opt_in' THEN ', without an offer to refuse marketing' ELSE '' END
         || coalesce(', reference ' || (event).reference, '')
         || coalesce(', collected by ' || (event).collected_by, '')
         || coalesce(', naming ' || pg_catalog.array_to_string((event).named_organisations, ', '), '')
         || coalesce(', until ' || pg_catalog.to_char(coalesce((event).expires_at, (event).delisted_on), 'FMDD FMMonth YYYY'), '')
         || coalesce('; does not count: ' || pg_catalog.array_to_string((event).defects, ', '),
                     CASE WHEN (event).effective_at IS NULL THEN '; does not count: nobody knows when' ELSE '' END)
    FROM (SELECT coalesce(pg_catalog.replace(pg_catalog.array_to_string((event).channels, ', '), '_', ' '), 'every channel') AS channels,
                 coalesce((event).organisation, 'every organisation') AS organisation,
                 coalesce((event).purpose, 'all marketing') AS purpose) AS s;
END;

-- Whatever is recorded may say in what words.
DROP FUNCTION
  consent.set_subscriber(consent.contact, consent.subscriber, timestamptz, text, jsonb),
  consent.answered(text, timestamptz, text, jsonb, text),
  consent.contacted(consent.contact, text, timestamptz, text, jsonb),
  consent.suppress(consent.contact, text, text, consent.channel[], timestamptz, text, jsonb),
  consent.unsuppress(consent.contact, text, text, consent.channel[], timestamptz, text, jsonb),
  consent.list_on_register(consent.contact, text, date, date, timestamptz, text, jsonb);

CREATE FUNCTION consent.set_subscriber(
  contact consent.contact,
  subscriber consent.subscriber,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, subscriber, effective_at, source, wording, evidence)
  VALUES (set_subscriber.contact, 'subscriber', set_subscriber.subscriber, set_subscriber.at,
          set_subscriber.source, set_subscriber.wording, set_subscriber.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.set_subscriber(consent.contact, consent.subscriber, timestamptz, text, jsonb, text) IS
  'Records who holds the line or mailbox; until then, and by a corporate one of unknown time, the contact is protected as an individual. Returns the event id';

CREATE FUNCTION consent.answered(
  reference text,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  organisation text DEFAULT consent.default_organisation(),
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  WITH answer AS (
    INSERT INTO consent.ledger (contact, kind, organisation, reference, effective_at, source, wording, evidence)
    SELECT DISTINCT r.contact, 'answer', r.organisation, r.reference, answered.at, answered.source, answered.wording, answered.evidence
      FROM consent.ledger r
     WHERE r.kind = 'request' AND r.reference = answered.reference
       AND (answered.organisation IS NULL OR r.organisation = answered.organisation)
    RETURNING event_id)
  SELECT max(event_id) FROM answer;
END;
COMMENT ON FUNCTION consent.answered(text, timestamptz, text, jsonb, text, text) IS
  'Records that the requests with this reference, to this organisation or, NULL, to any, have been answered: the next message is unsolicited. Returns the event id, NULL if there is no such request';

CREATE FUNCTION consent.contacted(
  contact consent.contact,
  organisation text DEFAULT consent.default_organisation(),
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, organisation, effective_at, source, wording, evidence)
  VALUES (contacted.contact, 'contacted', contacted.organisation, contacted.at, contacted.source, contacted.wording, contacted.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.contacted(consent.contact, text, timestamptz, text, jsonb, text) IS
  'Records that first contact under a third party''s consent was made, elsewhere; within six months of the consent it keeps the consent from going stale. Returns the event id';

CREATE FUNCTION consent.suppress(
  contact consent.contact,
  reason text DEFAULT NULL,
  organisation text DEFAULT NULL,
  channels consent.channel[] DEFAULT NULL,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, about, organisation, channels, effective_at, source, wording, evidence)
  VALUES (suppress.contact, 'suppression', suppress.reason, suppress.organisation, suppress.channels, suppress.at,
          suppress.source, suppress.wording, suppress.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.suppress(consent.contact, text, text, consent.channel[], timestamptz, text, jsonb, text) IS
  'Puts a contact on the do-not-contact list (a bounce, a complaint); NULL organisation or channels: all. Not even a consent lifts it, only unsuppress(). Returns the event id';

CREATE FUNCTION consent.unsuppress(
  contact consent.contact,
  reason text DEFAULT NULL,
  organisation text DEFAULT NULL,
  channels consent.channel[] DEFAULT NULL,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, about, organisation, channels, effective_at, source, wording, evidence)
  VALUES (unsuppress.contact, 'unsuppression', unsuppress.reason, unsuppress.organisation, unsuppress.channels,
          unsuppress.at, unsuppress.source, unsuppress.wording, unsuppress.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.unsuppress(consent.contact, text, text, consent.channel[], timestamptz, text, jsonb, text) IS
  'Takes a contact off the do-not-contact list, for the sends it covers. Returns the event id';

CREATE FUNCTION consent.list_on_register(
  contact consent.contact,
  register text,
  listed_on date,
  delisted_on date DEFAULT NULL,
  at timestamptz DEFAULT now(),
  source text DEFAULT NULL,
  evidence jsonb DEFAULT NULL,
  wording text DEFAULT NULL) RETURNS bigint
  LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO consent.ledger (contact, kind, register, listed_on, delisted_on, effective_at, source, wording, evidence)
  VALUES (list_on_register.contact, 'listing', list_on_register.register, list_on_register.listed_on,
          list_on_register.delisted_on, list_on_register.at, list_on_register.source, list_on_register.wording, list_on_register.evidence)
  RETURNING event_id;
END;
COMMENT ON FUNCTION consent.list_on_register(consent.contact, text, date, date, timestamptz, text, jsonb, text) IS
  'Records that a number is on the Telephone (tps), Corporate Telephone (ctps) or Fax (fps) Preference Service from listed_on to delisted_on, which alone decide whether it counts; at is when that was learnt. Returns the event id. Error 22023: not a telephone number, unknown register';

REVOKE EXECUTE ON FUNCTION
  consent.set_subscriber, consent.answered, consent.contacted, consent.suppress, consent.unsuppress, consent.list_on_register FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  consent.set_subscriber, consent.answered, consent.contacted, consent.suppress, consent.unsuppress, consent.list_on_register
TO consent_writer, consent_admin;

COMMENT ON FUNCTION consent.unsubscribe(text, timestamptz, text, jsonb) IS
  'Redeems a token of consent.unsubscribe_token(): records an objection and returns the event id. Used again, by anybody at any time, it returns the same event id and records nothing, unless the contact, or another of the same person, has consented or asked for something since: then it is a new objection. Needs no right but EXECUTE. Call it for POST requests only, never for GET: mail scanners follow links (RFC 8058). Errors: 22023 for any token that is not good, with one message for all reasons, and for a time in the future';

-- Replies: what a stop may be about that is no message.
ALTER TABLE consent.stop_word DROP CONSTRAINT stop_word_meaning_check;
ALTER TABLE consent.stop_word ADD CONSTRAINT stop_word_meaning_check
  CHECK (meaning IN ('stop', 'start', 'help', 'review', 'polite', 'negation', 'matter', 'none'));
COMMENT ON FUNCTION consent.read_reply(text) IS
  'What an answer to a message means: stop (no more messages), start (wants them again), not_stop, or review (a person should look; also for a reply without words, one with words in other than Latin letters that no stop word holds, and NULL). Records nothing. Plain text or HTML; quotations, forwarded messages and signatures are left out. The words are in consent.stop_word';
COMMENT ON COLUMN consent.stop_word.meaning IS
  'stop; start; help (asks for information: not a stop); review (a person should look); polite (left out before comparing, but for what is in a stop or review); negation (a phrase shortly after it is for review); matter (other than messages, as a bill: a phrase with it or shortly before it is for review); none (switches a shipped row off)';
COMMENT ON COLUMN consent.stop_word.reach IS
  'When a stop or review counts: message (it is the whole reply: for words that are also everyday answers), sentence (it is a whole sentence of it), anywhere. Of the other meanings start and help are whole replies, polite, negation and matter stand anywhere';
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'stop everything', 'stop text', 'stop mail', 'stop email', 'cancel texts', 'cancel messages', 'cancel emails',
    'cancel marketing', 'unsubscribe from all', 'unsubscribe from everything', 'unsubscribe from this',
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
    'cease', 'desist',
    'dnc', 'not wanted']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'do not want any more of', 'don''t want any more of', 'delete me from', 'delete us from', 'want off this * list',
    'want off your * list', 'to say stop', 'stop msging me', 'don''t msg me again', 'do not msg me again',
    'stop marketing to me', 'stop marketing to us', 'object to you using my',
    'don''t * message this number again', 'do not * message this number again', 'don''t * text this number again',
    'do not * text this number again', 'don''t * call this number again', 'do not * call this number again',
    'cancel my subscription to * emails', 'cancel my subscription to * texts', 'cancel my subscription to * messages',
    'stop advertising to me', 'stop advertising to us', 'do not send any more * messages',
    'do not send any more * texts', 'do not send any more * emails', 'don''t send any more * messages',
    'don''t send any more * texts', 'don''t send any more * emails']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'start', 'message', word FROM pg_catalog.unnest(ARRAY[
    'subscribe me', 'resubscribe me', 'opt me in', 'opt me back in', 'sign me up', 'sign me back up']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'review', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'i stop these', 'i stop this', 'i stop getting', 'i stop receiving', 'i stop * texts', 'i stop * messages',
    'i stop * emails', 'cease', '7726', 'block you', 'blocked you', 'blocking you',
    'erase my data', 'erase my details', 'delete my data', 'opting out',
    'never signed up', 'not sign up', 'didn''t sign up', 'never subscribed', 'not subscribe', 'didn''t subscribe',
    'never consented', 'not consent', 'didn''t consent', 'never agreed to', 'not agreed to', 'not agree to',
    'didn''t agree to', 'never gave you', 'not give you', 'didn''t give you', 'how did you get', 'unsolicited',
    'do not want this', 'do not want these', 'do not want them', 'don''t want these', 'don''t want them',
    'unsubscibed', 'forget me', 'erase all my', 'delete all my', 'my data deleted', 'my data erased',
    'my details deleted', 'deceased', 'died', 'passed away', 'not your customer', 'not a customer',
    'no longer a customer']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'polite', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'x', 'xx']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'account', 'appointment', 'appointments', 'auto renewal', 'automatic renewal', 'bill', 'billing', 'bills',
    'booking', 'bookings', 'card', 'deliveries', 'delivery', 'direct debit', 'invoice', 'invoices', 'order', 'orders',
    'overdraft', 'paper', 'paperless', 'parcel', 'parcels', 'payment', 'payments', 'pension', 'prescription',
    'prescriptions', 'receipt', 'receipts', 'refund', 'statement', 'statements', 'waiting list', 'wrong item',
    'wrong items', 'wrong one', 'wrong ones', 'wrong product', 'wrong products', 'wrong size', 'wrong thing',
    'wrong things']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'atal negeseuon',
    'dim negeseuon', 'dim rhagor o e byst', 'dim mwy o e byst', 'dim rhagor o ebyst', 'dileu fy rhif',
    'dileu fy manylion', 'peidiwch ag ebostio', 'peidiwch a gysylltu']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'atal']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'anfoneb', 'anfonebau', 'apwyntiad', 'archeb', 'archebion', 'bil', 'biliau', 'cyfrif', 'papur', 'parsel',
    'taliad']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'ne veux plus recevoir', 'ne souhaite plus recevoir', 'ne desire plus recevoir', 'de me desabonner',
    'de me desinscrire', 'veuillez me desabonner', 'veuillez me desinscrire',
    'je me desabonne', 'je me desinscris', 'cessez de m''envoyer', 'cessez de m''ecrire', 'cessez de m''appeler',
    'cessez de me contacter', 'cesser de m''envoyer', 'cesser de me contacter', 'cessez tout envoi',
    'cesser tout envoi', 'cessez vos envois', 'cesser vos envois', 'me retirer de votre', 'me retirer de la liste',
    'me supprimer de votre', 'me rayer de votre', 'rayez moi de', 'effacez moi de', 'effacez mon numero',
    'ne veux pas recevoir', 'ne souhaite pas recevoir', 'arretez vos * messages', 'arretez vos * mails',
    'arretez vos * sms']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'colis', 'commande', 'commandes', 'compte', 'facture', 'factures', 'paiement', 'papier', 'prelevement', 'releve',
    'releves', 'rendez vous']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'keine weiteren mails', 'keine weiteren e mails', 'keine weiteren sms', 'keine weitere werbung', 'stoppen sie das',
    'ich will das nicht mehr', 'horen sie auf', 'hoeren sie auf',
    'schicken sie mir nichts mehr', 'senden sie mir nichts mehr', 'schick mir nichts mehr', 'schickt mir nichts mehr',
    'sendet mir nichts mehr', 'nicht mehr schreiben', 'nicht mehr schicken', 'nicht mehr senden', 'kein newsletter',
    'kein newsletter mehr', 'keinen newsletter', 'keinen newsletter mehr', 'hort auf', 'hoert auf', 'hort auf mit',
    'schluss damit', 'schluss mit der werbung', 'ich kundige den newsletter', 'ich kuendige den newsletter',
    'newsletter kundigen', 'newsletter kuendigen']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'streichen sie mich', 'melden sie mich * ab', 'loscht meine nummer', 'loscht meine daten', 'loescht meine nummer',
    'loescht meine daten', 'widerspreche der verwendung', 'widerspreche der verarbeitung',
    'schreiben sie mir nie', 'schreib mir nicht mehr', 'schreibt mir nicht mehr', 'ruf mich nicht mehr an',
    'ruft mich nicht mehr an', 'kontaktiert mich nicht mehr', 'entfernen sie mich', 'entfernt mich',
    'entfernen sie meine nummer', 'entfernen sie meine adresse', 'losche meine nummer', 'loesche meine nummer',
    'verschonen sie mich', 'nehmt mich * liste', 'nehmt mich aus', 'hort auf mir', 'hoert auf mir',
    'hort auf mit dem spam', 'hoert auf mit dem spam', 'hort auf mit der werbung',
    'hoert auf mit der werbung']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'habe', 'bekomme', 'erhalte']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'de', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'antwort', 'bestellung', 'bestellungen', 'konto', 'kontoauszug', 'kontoauszuge', 'paket', 'pakete', 'papier',
    'rechnung', 'rechnungen', 'termin', 'zahlung']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'stop met mailen', 'stop met bellen', 'stop met appen',
    'hou op', 'houd op', 'hou hiermee op', 'niet meer sturen', 'niet meer appen', 'niet meer schrijven',
    'geen contact meer', 'geen berichten']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'stuur me niets meer', 'stuur mij niets meer',
    'mail me niet meer', 'mail mij niet meer', 'sms me niet meer', 'sms mij niet meer', 'app mij niet meer',
    'contacteer mij niet meer', 'contacteer me niet meer', 'benader mij niet meer', 'benader me niet meer',
    'schrijf mij niet meer', 'schrijf me niet meer', 'hou op met spammen', 'hou op met sturen', 'hou op met mailen',
    'hou op met bellen', 'hou op met appen']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'negation', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'heb', 'krijg', 'ontvang']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'nl', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'afschrift', 'afschriften', 'afspraak', 'antwoord', 'bestelling', 'bestellingen', 'betaling', 'facturen',
    'factuur', 'pakket', 'pakketten', 'papier', 'papieren', 'rekening', 'rekeningen']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'dadme de baja',
    'borren mis', 'borre mis', 'eliminen mis', 'elimine mis', 'me opongo al uso', 'me opongo al envio',
    'no me envien nada', 'no me manden nada', 'no me envies mas', 'no me mandes mas', 'no me escribas mas',
    'no me escriba mas', 'no me llame mas', 'no me llames mas', 'quitame de', 'sacame de', 'borrame de',
    'eliminame de']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'matter', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'cita', 'cuenta', 'factura', 'facturas', 'pago', 'papel', 'paquete', 'paquetes', 'pedido', 'pedidos', 'recibo',
    'recibos', 'respuesta']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'fr', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'pas de pub', 'pas de publicite', 'pas de publicites', 'plus rien', 'arretez ca', 'arretez cela',
    'effacez mes donnees', 'supprimez mes donnees']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'en', 'review', 'message', word FROM pg_catalog.unnest(ARRAY[
    'i don''t want this', 'i do not want this']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'stop', 'sentence', word FROM pg_catalog.unnest(ARRAY[
    'no envien mas', 'no envie mas', 'no manden mas', 'paren de molestar', 'dejen de molestar', 'eliminar mi numero',
    'eliminar mis datos', 'borrar mi numero', 'borrar mis datos']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'es', 'stop', 'message', word FROM pg_catalog.unnest(ARRAY[
    'dar de baja']) AS word;
INSERT INTO consent.stop_word (shipped, language, meaning, reach, word)
  SELECT true, 'cy', 'stop', 'anywhere', word FROM pg_catalog.unnest(ARRAY[
    'tynnwch fi o''ch', 'tynnwch fi o eich', 'tynna fi oddi ar', 'ddim eisiau clywed', 'ddim am glywed',
    'peidiwch ag ebostio fi', 'peidiwch ag e bostio fi']) AS word;
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
