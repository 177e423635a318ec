
-------------------------------------------------------------------------------
-- classify: the rules, as rows.
--
-- src/classify/rule.h numbers the columns: new ones go to the end.
-------------------------------------------------------------------------------

CREATE TABLE consent.rule (
  code        text PRIMARY KEY
              CHECK (code ~ '^[a-z0-9_]+(\.[a-z0-9_]+)+$'),
  class       consent.message_class
              CHECK (class IN ('service', 'service_optional', 'regulatory', 'public_task',
                               'market_research', 'direct_marketing', 'consent_request')),
  weight      real NOT NULL DEFAULT 1
              CHECK (weight >= 0 AND weight <= 100),
  review      boolean NOT NULL DEFAULT false,
  pattern     text,
  parts       text[] NOT NULL DEFAULT '{subject,body}'
              CHECK (parts <@ '{subject,body,link,alt,preheader,footer,url}' AND cardinality(parts) > 0
                     AND array_position(parts, NULL) IS NULL),
  channels    consent.channel[]
              CHECK (cardinality(channels) > 0 AND array_position(channels, NULL) IS NULL),
  language    text NOT NULL DEFAULT 'en'
              CHECK (language ~ '^[a-z]{2,3}(-[A-Z]{2})?$'),
  citation    text NOT NULL,
  description text NOT NULL,
  enabled     boolean NOT NULL DEFAULT true,
  shipped     boolean NOT NULL DEFAULT false,
  adjusted    boolean NOT NULL DEFAULT false,
  positive    text[] NOT NULL DEFAULT '{}',
  negative    text[] NOT NULL DEFAULT '{}',
  literals    bytea,
  family      text NOT NULL
              CHECK (family ~ '^[a-z0-9_]+$'),
  exceptions  text,
  condition   text,
  CONSTRAINT rule_pattern_or_condition CHECK ((pattern IS NULL) <> (condition IS NULL)),
  CONSTRAINT rule_exceptions_of_pattern CHECK (exceptions IS NULL OR pattern IS NOT NULL)
) USING heap;
COMMENT ON TABLE consent.rule IS
  'What consent.classify() looks for. Add rules of your own; of a shipped rule only weight and enabled can be changed. Changes hold from the next call on, in every session. pg_dump keeps your rules and your adjustments of shipped ones';
COMMENT ON COLUMN consent.rule.code IS
  'Name of the rule: lower-case words joined by dots, as in price.percent_off';
COMMENT ON COLUMN consent.rule.class IS
  'The class a match is evidence of; NULL: what the match covers is neutral, and findings wholly inside it do not count';
COMMENT ON COLUMN consent.rule.weight IS
  'A class is established when the weights of the rules that speak for it reach 1, each rule once. 1: enough alone, unless the model finds it plain; 2: whatever the model finds; 0.5: needs a second; 0: reported, but evidence of nothing. What your own rules weigh is never taken back';
COMMENT ON COLUMN consent.rule.review IS
  'A match sets needs_review: guidance leaves the case open';
COMMENT ON COLUMN consent.rule.pattern IS
  'PCRE2 regular expression, matched against the text as consent.folded_text() shows it (lower case, single spaces, straight quotes). Capitals in it stand for either case; what no folded text has is warned of. One that is invalid or matches the empty string is refused with 2201B. Try it with consent.try_rule()';
COMMENT ON COLUMN consent.rule.parts IS
  'Where to look: in the subject, in the body, or in one region of it: link, alt, preheader, footer. The words of addresses, url, are no part of the body';
COMMENT ON COLUMN consent.rule.channels IS
  'Channels the rule is for; NULL: all. A message of unknown channel is tried with every rule';
COMMENT ON COLUMN consent.rule.language IS
  'Language the pattern is written for, as an ISO 639 code; for information, not used in matching';
COMMENT ON COLUMN consent.rule.citation IS
  'The law, guidance or ruling the rule rests on';
COMMENT ON COLUMN consent.rule.description IS
  'What the rule is after, in a sentence';
COMMENT ON COLUMN consent.rule.enabled IS
  'Disabled rules are not tried';
COMMENT ON COLUMN consent.rule.shipped IS
  'Comes with the extension; set by the extension only';
COMMENT ON COLUMN consent.rule.adjusted IS
  'A shipped rule whose weight or enabled was set here; kept by the extension';
COMMENT ON COLUMN consent.rule.positive IS
  'Texts the pattern must match; checked when the rule is written (23514)';
COMMENT ON COLUMN consent.rule.negative IS
  'Texts the pattern must not match; checked when the rule is written (23514)';
COMMENT ON COLUMN consent.rule.literals IS
  'What consent.pattern_literals() finds in the pattern, packed; kept by the extension';
GRANT SELECT ON consent.rule TO PUBLIC;

SELECT pg_extension_config_dump('consent.rule', 'WHERE NOT shipped OR adjusted');

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

CREATE FUNCTION consent.compile_rules() RETURNS void
  LANGUAGE C STRICT
  AS 'MODULE_PATHNAME', 'pg_consent_compile_rules';
COMMENT ON FUNCTION consent.compile_rules() IS
  'Compiles the rules for sessions to come. Needed only where rules were written with triggers disabled: sessions then compile them themselves, each in its first call';
REVOKE ALL ON FUNCTION consent.compile_rules() FROM PUBLIC;

CREATE FUNCTION consent.rule_check() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_rule_check';
COMMENT ON FUNCTION consent.rule_check() IS
  'Trigger function of consent.rule: pattern, examples, and what may change in shipped rules';
REVOKE ALL ON FUNCTION consent.rule_check() FROM PUBLIC;

CREATE FUNCTION consent.rule_changed() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_rule_changed';
COMMENT ON FUNCTION consent.rule_changed() IS
  'Trigger function of consent.rule: every session drops its compiled rules';
REVOKE ALL ON FUNCTION consent.rule_changed() FROM PUBLIC;

CREATE TRIGGER check_rule BEFORE INSERT OR UPDATE OR DELETE ON consent.rule
  FOR EACH ROW EXECUTE FUNCTION consent.rule_check();
CREATE TRIGGER tell_sessions AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON consent.rule
  FOR EACH STATEMENT EXECUTE FUNCTION consent.rule_changed();
-- A subscriber of logical replication must drop its compiled rules too.
ALTER TABLE consent.rule ENABLE ALWAYS TRIGGER check_rule;
ALTER TABLE consent.rule ENABLE ALWAYS TRIGGER tell_sessions;

CREATE FUNCTION consent.try_rule(pattern text, body text,
                                 OUT start integer, OUT length integer, OUT excerpt text)
  RETURNS SETOF record
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200 ROWS 5
  AS 'MODULE_PATHNAME', 'pg_consent_try_rule';
COMMENT ON FUNCTION consent.try_rule(text, text) IS
  'What a pattern would hit in a text: start (from 1) and length in characters of the text as given, and those characters. At most 1000 rows. Errors: 2201B invalid pattern, PC002 the pattern gave up on the text';

CREATE FUNCTION consent.try_condition(condition text, body text, subject text DEFAULT NULL,
                                      OUT part text, OUT start integer, OUT length integer, OUT excerpt text)
  RETURNS SETOF record
  LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 1
  AS 'MODULE_PATHNAME', 'pg_consent_try_condition';
COMMENT ON FUNCTION consent.try_condition(text, text, text) IS
  'Where a condition over the rules as they are holds in a message: one row, or none if it does not. Errors: 42601 invalid condition, 42704 it is about a rule that does not exist, PC002 a rule gave up on the text';

CREATE FUNCTION consent.pattern_literals(pattern text) RETURNS text[]
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200
  AS 'MODULE_PATHNAME', 'pg_consent_pattern_literals';
COMMENT ON FUNCTION consent.pattern_literals(text) IS
  'Texts of which every match of a pattern contains one; the pattern is only tried near them. NULL: none was found, and the pattern is tried on every text, which takes time. Error: 2201B invalid pattern';
