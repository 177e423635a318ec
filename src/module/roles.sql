
-------------------------------------------------------------------------------
-- module: who may do what.  The last part of the script: it grants on what the
-- rooms made.
--
-- Roles belong to the whole cluster.  One that exists already is used as it is,
-- with its members and attributes; DROP EXTENSION leaves them all in place.
-------------------------------------------------------------------------------

DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['consent_reader', 'consent_writer', 'consent_admin'] LOOP
    IF pg_catalog.to_regrole(role) IS NULL THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
    END IF;
  END LOOP;
END $$;

-- reads everything, and asks
GRANT SELECT ON
  consent.organisation, consent.purpose, consent.ledger, consent.address_standing, consent.screening,
  consent.assessment, consent.contractor, consent.seal, consent.person_link, consent.erasure, consent.erased_event,
  consent.sealable, consent.fact, consent.sealed_fact, consent.wording, consent.organisation_history
TO consent_reader, consent_writer, consent_admin;
GRANT EXECUTE ON FUNCTION
  consent.evaluate, consent.may_send, consent.cleared, consent.permitted, consent.permits, consent.fold, consent.fold_add,
  consent.fold_final, consent.wrong_standings, consent.verify_ledger, consent.policy_in_force, consent.history,
  consent.record, consent.receipt, consent.event_in_words, consent.event_state,
  consent.with_others, consent.linked_addresses, consent.events_of, consent.wording_in_force
TO consent_reader, consent_writer, consent_admin;

-- What a decision was about is everybody's who may ask; whom, and the row
-- itself, only who reads.
GRANT SELECT ON consent.decision_log, consent.disguised_marketing, consent.quarantine, consent.sweep_log
TO consent_reader;
GRANT SELECT (
  decided_at, relation, allowed, reason, reasons, class, declared_class, channel, organisation, purpose, event_id,
  ruleset, policy, evidence, action, written_by)
ON consent.decision_log, consent.disguised_marketing TO consent_writer, consent_admin;
GRANT SELECT (id, relation, reason, decided_at, released_at, reasons, citation, event_id, class, guard, released_by)
ON consent.quarantine TO consent_writer, consent_admin;
GRANT SELECT (at, relation, cancelled, skipped, problem) ON consent.sweep_log TO consent_writer, consent_admin;

-- records what people say
GRANT INSERT (contact, person, linked, source, evidence) ON consent.person_link TO consent_writer, consent_admin;
GRANT USAGE ON SEQUENCE consent.ledger_event_id TO consent_writer, consent_admin;
-- not recorded_at: whoever sets that can back-date a screening
GRANT INSERT (register, screened_at, contact_count) ON consent.screening TO consent_writer, consent_admin;
GRANT INSERT ON consent.ledger TO consent_writer, consent_admin;
GRANT EXECUTE ON FUNCTION
  consent.give, consent.withdraw, consent.object, consent.set_subscriber, consent.soft_opt_in, consent.request,
  consent.answered, consent.contacted, consent.non_objection, consent.suppress, consent.unsuppress,
  consent.list_on_register, consent.screened, consent.inbound, consent.unsubscribe_token, consent.unsubscribe,
  consent.link, consent.unlink
TO consent_writer, consent_admin;

-- keeps the vocabulary, the policies and the rules, guards tables it owns, and seals
GRANT INSERT, UPDATE ON consent.organisation, consent.purpose TO consent_admin;
-- not recorded_at: whoever sets that can back-date a version
GRANT INSERT (
  jurisdiction, version, valid_from, law, opt_out_individual, opt_out_corporate, registers, soft_opt_in,
  soft_opt_in_sale_months, soft_opt_in_negotiation_months, charity_soft_opt_in_from, double_opt_in, consent_months,
  third_party_months, listing_days, screening_days, certainty, source, not_judged)
ON consent.policy TO consent_admin;
GRANT INSERT (name, version, language, text, valid_from, defects) ON consent.wording TO consent_admin;
GRANT INSERT (organisation, purpose, channel, reference, assessed_on, ended_on), UPDATE (ended_on) ON consent.assessment TO consent_admin;
GRANT INSERT (organisation, sender, contract_reference, valid_from, valid_to), UPDATE (valid_to) ON consent.contractor TO consent_admin;
GRANT INSERT, UPDATE, DELETE ON consent.rule, consent.stop_word
TO consent_admin;
GRANT EXECUTE ON FUNCTION consent.guard, consent.unguard, consent.guard_index, consent.guard_queue, consent.guard_mapping, consent.guard_queue_table, consent.unguard_queue, consent.guard_check,
  consent.guard_divert, consent.guard_release, consent.release, consent.verify, consent.finish_sweeps, consent.seal, consent.expire_log,
  consent.forget, consent.expire_contacts, consent.compile_rules, consent.fill_filter, consent.filter_state
TO consent_admin;

-- what the report room makes is for whoever may read everything
GRANT SELECT ON
  consent.contact_standing, consent.current, consent.coverage, consent.at_risk, consent.expiring,
  consent.withdrawal_latency, consent.import_audit, consent.import_stretch, consent.import_summary
TO consent_reader, consent_writer, consent_admin;
GRANT EXECUTE ON FUNCTION
  consent.judge, consent.record_defects, consent.verdicts, consent.tally, consent.coverage_of, consent.exposure_mapping, consent.exposure_month, consent.exposure_mappings,
  consent.exposure_check, consent.exposure_query, consent.exposure_summary, consent.exposure, consent.exposure_start, consent.exposure_result, consent.guard_constant,
  consent.contact_id, consent.audience(consent.channel, text, text, text, timestamptz), consent.unnest, consent.why_not, consent.preflight,
  consent.import_figures, consent.imports_summarised, consent.unsummarised_imports, consent.limited_consents
TO consent_reader, consent_writer, consent_admin;
GRANT EXECUTE ON FUNCTION consent.report, consent.report_json, consent.subject_access, consent.subject_access_of, consent.subject_access_as, consent.subject_access_html,
  consent.unsubscribe_links, consent.erasures_of, consent.row_is_for
TO consent_reader;
GRANT EXECUTE ON FUNCTION consent.summarise_imports_step TO consent_admin;
GRANT EXECUTE ON PROCEDURE consent.summarise_imports TO consent_admin;
GRANT EXECUTE ON PROCEDURE consent.exposure_work TO consent_reader, consent_writer, consent_admin;
GRANT SELECT ON
  consent.exposure_run, consent.exposure_batch, consent.exposure_tally, consent.exposure_finding, consent.exposure_progress
TO consent_reader, consent_writer, consent_admin;
-- not started_by: the mappings of a run are executed by whoever that says
GRANT INSERT (relation, mapping) ON consent.exposure_run TO consent_reader, consent_writer, consent_admin;
-- not run: a batch would be taken from another's audit, and exposure_own() looks at rows as they are written
GRANT UPDATE (done_at) ON consent.exposure_batch TO consent_reader, consent_writer, consent_admin;
GRANT INSERT ON consent.exposure_batch, consent.exposure_tally, consent.exposure_finding TO consent_reader, consent_writer, consent_admin;
GRANT DELETE ON consent.exposure_run TO consent_admin;
