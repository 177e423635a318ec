
-------------------------------------------------------------------------------
-- report: what is held about a person, for a reply under UK GDPR Article 15.
--
-- Every table of the extension that can hold something about a contact is
-- asked, under every +tag form of the address, because the person will not know
-- under which they gave it.  Rows are shown whole: a column that is added later is
-- not forgotten here.  Left out are only hashes that name nobody: what a sweep has
-- left to do (consent.gate_log), import figures, and the filter in memory.
-------------------------------------------------------------------------------

-- As the owner: the links themselves are secrets, that there are some is not.
CREATE FUNCTION consent.unsubscribe_links(contact consent.contact)
  RETURNS TABLE (organisation text, purpose text, channels consent.channel[], event_id bigint)
  LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 5
BEGIN ATOMIC
  SELECT l.organisation, l.purpose, l.channels, l.event_id
    FROM consent.unsubscribe_link l
   WHERE consent.contact_root(l.contact) = consent.contact_root(unsubscribe_links.contact)
   ORDER BY l.organisation, l.purpose, l.event_id;
END;
COMMENT ON FUNCTION consent.unsubscribe_links(consent.contact) IS
  'The unsubscribe links that were made for a contact, without what is secret about them; event_id: what using one recorded, NULL while it was not used';
REVOKE EXECUTE ON FUNCTION consent.unsubscribe_links(consent.contact) FROM PUBLIC;

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

CREATE FUNCTION consent.subject_access(contact consent.contact) RETURNS jsonb
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

CREATE FUNCTION consent.subject_access_html(contact consent.contact, controller text DEFAULT NULL) RETURNS text
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
COMMENT ON FUNCTION consent.subject_access_html(consent.contact, text) IS
  'consent.subject_access() as a page for the person, in plain English; controller: who answers';

REVOKE EXECUTE ON FUNCTION consent.subject_access(consent.contact), consent.subject_access_as, consent.subject_access_of(text), consent.subject_access_html(consent.contact, text) FROM PUBLIC;
