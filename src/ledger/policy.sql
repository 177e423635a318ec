
-------------------------------------------------------------------------------
-- ledger: what each jurisdiction lays down.
--
-- src/ledger/policy.c knows the columns by number: add new ones at the end, and
-- a column here only if a verdict depends on it or a user must know it.
-------------------------------------------------------------------------------

CREATE FUNCTION consent.policy_keep() RETURNS trigger
  LANGUAGE C AS 'MODULE_PATHNAME', 'pg_consent_policy_keep';
COMMENT ON FUNCTION consent.policy_keep() IS
  'Trigger of consent.policy: refuses UPDATE, DELETE and TRUNCATE (55000)';
REVOKE EXECUTE ON FUNCTION consent.policy_keep() FROM PUBLIC;

CREATE TABLE consent.policy (
  jurisdiction text NOT NULL CHECK (jurisdiction <> ''),
  version integer NOT NULL CHECK (version >= 1),
  valid_from timestamptz NOT NULL DEFAULT now(),
  law text CHECK (law <> ''),
  opt_out_individual consent.channel[] NOT NULL DEFAULT '{}'
    CHECK (array_position(opt_out_individual, NULL) IS NULL),
  opt_out_corporate consent.channel[] NOT NULL DEFAULT '{}'
    CHECK (array_position(opt_out_corporate, NULL) IS NULL),
  registers text[] NOT NULL DEFAULT '{}'
    CHECK (registers <@ '{tps,ctps,fps}' AND array_position(registers, NULL) IS NULL),
  soft_opt_in boolean NOT NULL DEFAULT false,
  soft_opt_in_sale_months integer CHECK (soft_opt_in_sale_months BETWEEN 1 AND 1200),
  soft_opt_in_negotiation_months integer CHECK (soft_opt_in_negotiation_months BETWEEN 1 AND 1200),
  charity_soft_opt_in_from timestamptz,
  double_opt_in boolean NOT NULL DEFAULT false,
  consent_months integer CHECK (consent_months BETWEEN 1 AND 1200),
  third_party_months integer DEFAULT 6 CHECK (third_party_months BETWEEN 1 AND 1200),
  listing_days integer NOT NULL DEFAULT 28 CHECK (listing_days BETWEEN 0 AND 366),
  screening_days integer NOT NULL DEFAULT 28 CHECK (screening_days BETWEEN 0 AND 366),
  certainty text NOT NULL DEFAULT 'needs local review'
    CHECK (certainty IN ('settled', 'needs local review', 'own knowledge')),
  source text,
  not_judged text,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (jurisdiction, version),
  CONSTRAINT policy_law_named CHECK (law IS NOT NULL OR jurisdiction = 'GB'),
  CONSTRAINT policy_not_backdated CHECK (version = 1 OR valid_from >= recorded_at));
COMMENT ON TABLE consent.policy IS
  'What does each jurisdiction lay down? Defaults, to be reviewed by somebody who knows its law: see certainty. Rows never change (55000): a change is a new version, valid from a later time, so it rewrites no decision of the past. A column left out is the strictest reading. Versions are numbered 1, 2, 3 (22023)';
COMMENT ON COLUMN consent.policy.jurisdiction IS
  'As in consent.organisation.jurisdiction';
COMMENT ON COLUMN consent.policy.version IS
  'The first version of a jurisdiction is 1, the next 2';
COMMENT ON COLUMN consent.policy.valid_from IS
  'A send is judged by the version with the latest valid_from at or before it, of several by the highest version. Only the first version of a jurisdiction may begin in the past (23514)';
COMMENT ON COLUMN consent.policy.law IS
  'The law by name; it stands as the citation of every decision. NULL, for GB only: each decision cites the regulation of its reason';
COMMENT ON COLUMN consent.policy.opt_out_individual IS
  'Channels by which marketing may go to individuals, sole traders and partnerships until they say no (basis opt_out_regime, for live calls live_call_no_objection). All others need a permission. A refusal when the address was collected is a no';
COMMENT ON COLUMN consent.policy.opt_out_corporate IS
  'The same for corporate subscribers (basis corporate_subscriber)';
COMMENT ON COLUMN consent.policy.registers IS
  'Registers that live calls (tps, ctps) and faxes (fps) of an opt-out regime heed; others are not looked at. Where calls need consent, no register matters';
COMMENT ON COLUMN consent.policy.soft_opt_in IS
  'Does a sale or its negotiation permit electronic mail about similar products? If not, a soft opt-in on record permits nothing';
COMMENT ON COLUMN consent.policy.soft_opt_in_sale_months IS
  'Calendar months after a sale in which it does; NULL: no limit';
COMMENT ON COLUMN consent.policy.soft_opt_in_negotiation_months IS
  'Calendar months after a negotiation or enquiry in which it does; NULL: no limit';
COMMENT ON COLUMN consent.policy.charity_soft_opt_in_from IS
  'Addresses collected since then serve the charitable purposes soft opt-in; NULL: there is none';
COMMENT ON COLUMN consent.policy.double_opt_in IS
  'Does a consent to electronic mail count only with method double_opt_in (consent_unconfirmed)?';
COMMENT ON COLUMN consent.policy.consent_months IS
  'Calendar months after which a consent ends (consent_expired) unless its own expires_at is earlier; NULL: it does not';
COMMENT ON COLUMN consent.policy.third_party_months IS
  'Calendar months in which a third party''s consent must be used first (third_party_consent_stale); NULL: no limit';
COMMENT ON COLUMN consent.policy.listing_days IS
  'Days after which a listing on a register counts';
COMMENT ON COLUMN consent.policy.screening_days IS
  'Days for which a screening of a register is good';
COMMENT ON COLUMN consent.policy.certainty IS
  'How sure are these parameters? settled: the project''s own reading of the law, with its sources; needs local review: from published summaries; own knowledge: from memory, no source was read';
COMMENT ON COLUMN consent.policy.source IS
  'What the parameters rest on, and where they are stricter than the law because the facts it asks for are not recorded';
COMMENT ON COLUMN consent.policy.not_judged IS
  'What this law also asks of a message, which no verdict looks at: see to it yourself';
COMMENT ON COLUMN consent.policy.recorded_at IS
  'When this version was entered. Only the owner may set it, to restore a dump';
GRANT SELECT ON consent.policy TO PUBLIC;

INSERT INTO consent.policy (jurisdiction, version, valid_from, opt_out_individual, opt_out_corporate, registers, soft_opt_in, charity_soft_opt_in_from, certainty, source, not_judged) VALUES
('GB', 1, '-infinity', '{live_call}', '{email,sms,mms,voicemail,in_app,social_dm,push,live_call,fax}', '{tps,ctps,fps}', true, '2026-02-05 00:00+00',
 'settled', 'PECR reg 19-26, UK GDPR; charitable purposes soft opt-in: reg 22(3A), SI 2026/82; six months for a third party''s consent: guidance of 2013, not statute',
 'Calling line identification (PECR reg 21(A1)); name and address or freephone number in calls and faxes (reg 24)');

-- Abroad, what cannot be judged from what is recorded needs consent.
INSERT INTO consent.policy (jurisdiction, version, valid_from, law, opt_out_individual, opt_out_corporate, soft_opt_in, soft_opt_in_sale_months, soft_opt_in_negotiation_months, double_opt_in, consent_months, certainty, source, not_judged) VALUES
('EU', 1, '-infinity', 'Directive 2002/58/EC Art 13, GDPR', '{}', '{}', true, NULL, NULL, false, NULL,
 'needs local review', 'The directive leaves mail to companies and live calls to the member states: consent is asked for both',
 'What the member state adds'),
('DE', 1, '-infinity', 'UWG s7, s7a; GDPR', '{}', '{}', true, NULL, NULL, true, NULL,
 'needs local review', 'UWG s7(3) for the soft opt-in; double opt-in is the practice of the courts, not statute',
 'Imprint in the message; some courts let a consent lapse that was not used for years'),
('FR', 1, '-infinity', 'CPCE L34-5, GDPR', '{}', '{}', true, NULL, NULL, false, 36,
 'own knowledge', 'Mail to companies is opt-out where it is about the recipient''s job, which is not recorded: consent is asked for. The 36 months are counted from the consent, not from the last activity. Live calls: opt-in from 11 August 2026, asked for before too',
 'Live calls on weekdays only, 10:00-13:00 and 14:00-20:00'),
('IE', 1, '-infinity', 'SI 336/2011 reg 13, GDPR', '{}', '{email}', true, 12, 12, false, NULL,
 'needs local review', 'The 12 months are from memory, and roll on with each use: they are counted from the sale. Calls to landlines are opt-out, but the kind of line is not recorded: consent is asked for',
 NULL),
('NL', 1, '-infinity', 'Telecommunicatiewet Art 11.7, GDPR', '{}', '{}', true, NULL, NULL, false, NULL,
 'own knowledge', 'Mail to companies has exceptions, for which consent is asked all the same',
 NULL),
('US', 1, '-infinity', 'CAN-SPAM Act; TCPA, 47 CFR 64.1200', '{email}', '{email}', false, NULL, NULL, false, NULL,
 'needs local review', 'CAN-SPAM for e-mail; texts and automated calls: prior express written consent. Live calls are opt-out with the national do-not-call registry, which is not recorded: consent is asked for. State law was not looked at',
 'Postal address in every e-mail; a working opt-out for 30 days; consent to texts in writing; calls and texts 08:00-21:00 of the recipient''s day'),
('CA', 1, '-infinity', 'CASL', '{}', '{}', true, 24, 6, false, NULL,
 'needs local review', 'Implied consent: 24 months after a purchase, 6 after an enquiry, here on the conditions of the soft opt-in. Live calls are opt-out with a do-not-call list, which is not recorded: consent is asked for',
 'Postal address in every message; a working opt-out for 60 days'),
('AU', 1, '-infinity', 'Spam Act 2003, Do Not Call Register Act 2006', '{}', '{}', true, NULL, NULL, false, NULL,
 'own knowledge', 'Inferred consent, here on the conditions of the soft opt-in. Live calls are opt-out with a do-not-call register, which is not recorded: consent is asked for',
 'Who sends, in every message; a working opt-out for 30 days; calls on weekdays 9:00-20:00, Saturdays 9:00-17:00');

SELECT pg_catalog.pg_extension_config_dump('consent.policy',
  'WHERE NOT (version = 1 AND jurisdiction IN (''GB'', ''EU'', ''DE'', ''FR'', ''IE'', ''NL'', ''US'', ''CA'', ''AU''))');

CREATE TRIGGER policy_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON consent.policy
  FOR EACH STATEMENT EXECUTE FUNCTION consent.policy_keep();
CREATE TRIGGER policy_keep_row BEFORE UPDATE OR DELETE ON consent.policy
  FOR EACH ROW EXECUTE FUNCTION consent.policy_keep();
CREATE TRIGGER vocabulary_changed AFTER INSERT ON consent.policy
  FOR EACH STATEMENT EXECUTE FUNCTION consent.vocabulary_changed();
ALTER TABLE consent.policy ENABLE ALWAYS TRIGGER policy_keep;
ALTER TABLE consent.policy ENABLE ALWAYS TRIGGER policy_keep_row;
ALTER TABLE consent.policy ENABLE ALWAYS TRIGGER vocabulary_changed;
COMMENT ON TRIGGER policy_keep ON consent.policy IS 'What judged a send stays as it was';
COMMENT ON TRIGGER policy_keep_row ON consent.policy IS 'What judged a send stays as it was, whatever table the statement names';
COMMENT ON TRIGGER vocabulary_changed ON consent.policy IS 'Checks the numbers of the versions and tells every session';

CREATE FUNCTION consent.policy_in_force(
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
COMMENT ON FUNCTION consent.policy_in_force(text, timestamptz) IS
  'The policy that judges a send of this organisation at that time. NULL if there is none: marketing is then refused with jurisdiction_unknown';
-- It reads the organisations with the caller's rights.
REVOKE EXECUTE ON FUNCTION consent.policy_in_force(text, timestamptz) FROM PUBLIC;
