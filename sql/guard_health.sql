-- consent.guards tells which guards work, and consent.verify() judges rows that never passed one.
LOAD 'pg_consent';
SET pg_consent.default_region = 'GB';
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset footer off
INSERT INTO consent.organisation (name) VALUES ('health acme');
SELECT consent.give('yes@health.example', '{email}', 'health acme', method => 'ticked_box', wording => 'Send me offers from Acme') > 0 AS given;
\set promo '''Get 20% off all boilers this weekend only! Order now.'''
\set service '''Your order 4411 is out for delivery today.'''
CREATE FUNCTION health_guard(target regclass, VARIADIC more text[] DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
  SELECT consent.guard(target, recipient => 'to_addr', channel => $q$'email'$q$, body => 'body', organisation => $q$'health acme'$q$, pending => $q$status = 'queued'$q$,
                       on_block => COALESCE(more[1], 'raise')::consent.block_action, divert => more[2]);
$$;
CREATE FUNCTION health(like_this text) RETURNS TABLE (relation text, leaf text, on_block consent.block_action, health text, detail text) LANGUAGE sql AS $$
  SELECT relation::text, leaf::text, on_block, health, detail FROM consent.guards WHERE leaf::text LIKE like_this ORDER BY leaf::text COLLATE "C", health;
$$;

-- Triggers that are disabled, rewritten past, or gone.
CREATE TABLE health_one (id int, to_addr text, body text, status text DEFAULT 'queued', error text);
SELECT health_guard('health_one', 'divert', $$status = 'cancelled', error = consent.refusal_reason()$$);
SELECT * FROM health('health_one');
ALTER TABLE health_one DISABLE TRIGGER zzz_consent_guard;
SELECT health, detail FROM health('health_one');
-- it is judged all the same, and parked when it is stored
INSERT INTO health_one (id, to_addr, body) VALUES (1, 'no@health.example', :promo) RETURNING status;
SELECT id, status, error FROM health_one;
ALTER TABLE health_one ENABLE REPLICA TRIGGER zzz_consent_guard;
SELECT health, detail FROM health('health_one');
ALTER TABLE health_one ENABLE ALWAYS TRIGGER zzz_consent_guard;
SELECT health, detail FROM health('health_one');
CREATE FUNCTION health_nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER zzzz_later BEFORE UPDATE ON health_one FOR EACH ROW EXECUTE FUNCTION health_nothing();
SELECT health, detail FROM health('health_one');
DROP TRIGGER zzzz_later ON health_one;
DROP TRIGGER zzz_consent_guard ON health_one;
SELECT health, detail FROM health('health_one');
-- ... or made by hand: then it is no word of it that a worker may take the row
CREATE TRIGGER zzz_consent_guard BEFORE INSERT OR UPDATE OF error ON health_one FOR EACH ROW EXECUTE FUNCTION consent.guard_divert('consent_guard');
ALTER TABLE health_one ENABLE ALWAYS TRIGGER zzz_consent_guard;
SELECT health, detail FROM health('health_one');
DROP TRIGGER zzz_consent_guard ON health_one;
CREATE TRIGGER zzz_consent_guard BEFORE UPDATE ON health_one FOR EACH ROW EXECUTE FUNCTION consent.guard_divert('consent_guard');
ALTER TABLE health_one ENABLE ALWAYS TRIGGER zzz_consent_guard;
SELECT health, detail FROM health('health_one');
DROP TRIGGER zzz_consent_guard ON health_one;
DROP TRIGGER consent_guard ON health_one;
SELECT * FROM health('health_one');
SELECT consent.unguard('health_one');
SELECT * FROM health('health_one');
SELECT consent.unguard('health_one');
\echo :LAST_ERROR_SQLSTATE
-- a guard made by hand that does not see every row
CREATE TABLE health_part (id int, to_addr text, body text);
CREATE CONSTRAINT TRIGGER consent_guard AFTER INSERT OR UPDATE ON health_part FOR EACH ROW WHEN (NEW.id < 10)
  EXECUTE FUNCTION consent.guard_check('region', 'GB', 'recipient', 'to_addr', 'channel', '''email''', 'organisation', '''health acme''');
ALTER TABLE health_part ENABLE ALWAYS TRIGGER consent_guard;
SELECT health, detail FROM health('health_part');
DROP TRIGGER consent_guard ON health_part;
CREATE CONSTRAINT TRIGGER consent_guard AFTER INSERT OR UPDATE OF body ON health_part FOR EACH ROW
  EXECUTE FUNCTION consent.guard_check('region', 'GB', 'recipient', 'to_addr', 'channel', '''email''', 'organisation', '''health acme''');
ALTER TABLE health_part ENABLE ALWAYS TRIGGER consent_guard;
SELECT health FROM health('health_part');
DROP TRIGGER consent_guard ON health_part;
CREATE CONSTRAINT TRIGGER consent_guard AFTER INSERT ON health_part FOR EACH ROW
  EXECUTE FUNCTION consent.guard_check('region', 'GB', 'recipient', 'to_addr', 'channel', '''email''', 'organisation', '''health acme''');
ALTER TABLE health_part ENABLE ALWAYS TRIGGER consent_guard;
SELECT health FROM health('health_part');
DROP TABLE health_part;
-- a diversion that no longer works
SELECT health_guard('health_one', 'divert', $$status = 'cancelled', error = consent.refusal_reason()$$);
ALTER TABLE health_one RENAME error TO why;
SELECT health, detail FROM health('health_one');
\set VERBOSITY default
INSERT INTO health_one (id, to_addr, body) VALUES (2, 'yes@health.example', :service);
\set VERBOSITY terse
ALTER TABLE health_one RENAME why TO error;
ALTER TABLE health_one ALTER status DROP DEFAULT, ALTER status TYPE int USING 0;
SELECT health FROM health('health_one');
INSERT INTO health_one (id, to_addr, body) VALUES (2, 'yes@health.example', :service);
\echo :LAST_ERROR_SQLSTATE
-- a table that is dropped and made anew, as an upgrade of a queue may do
DROP TABLE health_one;
SELECT * FROM health('health_one');
CREATE TABLE health_one (id int, to_addr text, body text, status text DEFAULT 'queued', error text);
SELECT * FROM health('health_one');
SELECT health_guard('health_one');
SELECT * FROM health('health_one');
DROP TABLE health_one;
-- what is no table misses no guard
CREATE VIEW health_one AS SELECT 1 AS id;
SELECT * FROM health('health_one');
DROP VIEW health_one;

-- Rows from before the guard, and verify().
CREATE TABLE health_old (id int, to_addr text, body text, status text DEFAULT 'queued', error text);
INSERT INTO health_old (id, to_addr, body) VALUES (1, 'no@health.example', :promo), (2, 'no@health.example', :service), (3, 'yes@health.example', :promo);
INSERT INTO health_old (id, to_addr, body, status) VALUES (4, 'no@health.example', :promo, 'sent');
SELECT health_guard('health_old', 'raise', $$status = 'cancelled', error = consent.refusal_reason()$$);
SELECT health, detail FROM health('health_old');
SELECT * FROM consent.verify('health_old');
SELECT id, status, error FROM health_old ORDER BY id;
SELECT health, detail FROM health('health_old');
SELECT reason, action FROM consent.decision_log WHERE relation = 'health_old'::regclass;
-- what is written while the guard is disabled is seen
ALTER TABLE health_old DISABLE TRIGGER consent_guard;
SELECT health FROM health('health_old');
INSERT INTO health_old VALUES (5, 'no@health.example', :promo);
ALTER TABLE health_old ENABLE ALWAYS TRIGGER consent_guard;
SELECT health FROM health('health_old');
SELECT judged, refused, skipped FROM consent.verify('health_old');
SELECT health FROM health('health_old');
-- without a diversion they go to quarantine, and a flag leaves them where they are
SELECT consent.unguard('health_old');
UPDATE health_old SET status = 'queued';
SELECT health_guard('health_old', 'flag');
SELECT health FROM health('health_old');
SELECT judged, refused, skipped FROM consent.verify('health_old');
SELECT count(*) FROM health_old;
SELECT consent.unguard('health_old');
SELECT health_guard('health_old');
SELECT judged, refused, skipped FROM consent.verify('health_old');
SELECT id FROM health_old ORDER BY id;
SELECT "row"->>'id' AS id, reason FROM consent.quarantine WHERE relation = 'health_old'::regclass ORDER BY 1;
-- ... and what a trigger of the table changes in the others when one is parked
CREATE TABLE health_touch (id int, to_addr text, body text, status text DEFAULT 'queued', touched int DEFAULT 0);
CREATE FUNCTION health_touches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM health_touch WHERE status = 'queued' AND id = 4;
  UPDATE health_touch SET touched = touched + 1, body = CASE id WHEN 3 THEN 'Your order 4411 is out for delivery today.' ELSE body END WHERE status = 'queued';
  RETURN NULL;
END $$;
CREATE TRIGGER touches AFTER UPDATE OF status ON health_touch FOR EACH ROW EXECUTE FUNCTION health_touches();
INSERT INTO health_touch SELECT n, 'no@health.example', :promo FROM generate_series(1, 5) n;
SELECT health_guard('health_touch', 'divert', $$status = 'cancelled'$$);
SELECT judged, refused, skipped FROM consent.verify('health_touch');
SELECT id, status, touched FROM health_touch ORDER BY id;
SELECT judged, refused, skipped FROM consent.verify('health_touch');
DROP TABLE health_touch;
DROP FUNCTION health_touches();
SELECT consent.verify('consent.reason');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE health_none (a int);
SELECT consent.verify('health_none');
\echo :LAST_ERROR_SQLSTATE

-- Partitions: one attached with rows, one made later, a partition of a partition.
CREATE TABLE health_part (id int, to_addr text, body text, status text DEFAULT 'queued', day int) PARTITION BY LIST (day);
CREATE TABLE health_part_1 PARTITION OF health_part FOR VALUES IN (1);
SELECT health_guard('health_part');
INSERT INTO health_part VALUES (1, 'yes@health.example', :promo, 'queued', 1);
CREATE TABLE health_part_2 PARTITION OF health_part FOR VALUES IN (2);
INSERT INTO health_part VALUES (2, 'yes@health.example', :promo, 'queued', 2);
CREATE TABLE health_part_3 (LIKE health_part);
INSERT INTO health_part_3 VALUES (3, 'yes@health.example', :promo, 'queued', 3), (4, 'no@health.example', :promo, 'queued', 3);
ALTER TABLE health_part ATTACH PARTITION health_part_3 FOR VALUES IN (3);
-- made, filled and attached at once; also in parts of the transaction; and made, attached, and filled then
BEGIN;
CREATE TABLE health_part_5 (LIKE health_part);
INSERT INTO health_part_5 VALUES (6, 'no@health.example', :promo, 'queued', 5);
ALTER TABLE health_part ATTACH PARTITION health_part_5 FOR VALUES IN (5);
CREATE TABLE health_part_6 PARTITION OF health_part FOR VALUES IN (6);
SAVEPOINT s;
CREATE TABLE health_part_7 (LIKE health_part);
SAVEPOINT t;
INSERT INTO health_part_7 VALUES (8, 'yes@health.example', :promo, 'queued', 7);
SAVEPOINT u;
ALTER TABLE health_part ATTACH PARTITION health_part_7 FOR VALUES IN (7);
CREATE TABLE health_part_8 (LIKE health_part) PARTITION BY LIST (id);
CREATE TABLE health_part_8_1 PARTITION OF health_part_8 DEFAULT;
RELEASE s;
ALTER TABLE health_part ATTACH PARTITION health_part_8 FOR VALUES IN (8);
INSERT INTO health_part VALUES (9, 'yes@health.example', :promo, 'queued', 8);
INSERT INTO health_part VALUES (7, 'yes@health.example', :promo, 'queued', 6);
COMMIT;
CREATE TABLE health_part_4 PARTITION OF health_part FOR VALUES IN (4) PARTITION BY LIST (id);
CREATE TABLE health_part_4_1 PARTITION OF health_part_4 DEFAULT;
INSERT INTO health_part_4_1 VALUES (5, 'no@health.example', :promo, 'queued', 4);
INSERT INTO health_part_4_1 VALUES (5, 'yes@health.example', :promo, 'queued', 4);
SELECT relation, leaf, health FROM health('health_part%');
SELECT * FROM consent.verify('health_part');
SELECT relation, leaf, health FROM health('health_part%');
SELECT id FROM health_part ORDER BY id;
SELECT relation, "row"->>'id' AS id FROM consent.quarantine WHERE relation = 'health_part'::regclass;
-- written while the guard was disabled, and all in one transaction, as bulk loaders do; also that which made the guard
BEGIN;
CREATE TABLE health_part_9 PARTITION OF health_part FOR VALUES IN (9);
ALTER TABLE health_part_9 DISABLE TRIGGER USER;
INSERT INTO health_part VALUES (10, 'no@health.example', :promo, 'queued', 9);
ALTER TABLE health_part_9 ENABLE ALWAYS TRIGGER consent_guard, ENABLE ALWAYS TRIGGER zzz_consent_guard;
CREATE TABLE health_part_10 (LIKE health_part);
SELECT health_guard('health_part_10');
ALTER TABLE health_part_10 DISABLE TRIGGER consent_guard;
INSERT INTO health_part_10 VALUES (11, 'no@health.example', :promo, 'queued', 10);
ALTER TABLE health_part_10 ENABLE ALWAYS TRIGGER consent_guard;
COMMIT;
CREATE TABLE health_part_11 PARTITION OF health_part FOR VALUES IN (11);
BEGIN;
ALTER TABLE health_part_11 DISABLE TRIGGER USER;
INSERT INTO health_part VALUES (12, 'no@health.example', :promo, 'queued', 11);
ALTER TABLE health_part_11 ENABLE ALWAYS TRIGGER consent_guard, ENABLE ALWAYS TRIGGER zzz_consent_guard;
COMMIT;
SELECT relation, leaf, health FROM health('health_part\_9') UNION ALL SELECT relation, leaf, health FROM health('health_part\_1_');
SELECT leaf, refused FROM consent.verify('health_part') WHERE refused > 0 UNION ALL SELECT leaf, refused FROM consent.verify('health_part_10');
SELECT relation, leaf, health FROM health('health_part\_9') UNION ALL SELECT relation, leaf, health FROM health('health_part\_1_');
SELECT consent.unguard('health_part_10');
DROP TABLE health_part_10;
-- written between two guards, or two places, that a table had in one transaction: that it was empty when it got the first says nothing
BEGIN;
CREATE TABLE health_part_12 PARTITION OF health_part FOR VALUES IN (12);
ALTER TABLE health_part DETACH PARTITION health_part_12;
INSERT INTO health_part_12 VALUES (13, 'no@health.example', :promo, 'queued', 12);
ALTER TABLE health_part ATTACH PARTITION health_part_12 FOR VALUES IN (12);
CREATE TABLE health_part_13 (LIKE health_part);
SELECT health_guard('health_part_13');
DROP TRIGGER consent_guard ON health_part_13;
INSERT INTO health_part_13 VALUES (14, 'no@health.example', :promo, 'queued', 13);
SELECT health_guard('health_part_13');
CREATE TABLE health_part_14 PARTITION OF health_part FOR VALUES IN (14);
ALTER TABLE health_part DETACH PARTITION health_part_14;
ALTER TABLE health_part ATTACH PARTITION health_part_14 FOR VALUES IN (14);
INSERT INTO health_part VALUES (15, 'yes@health.example', :promo, 'queued', 14);
COMMIT;
SELECT relation, leaf, health FROM health('health_part\_1_');
SELECT leaf, refused FROM consent.verify('health_part') WHERE refused > 0 UNION ALL SELECT leaf, refused FROM consent.verify('health_part_13');
SELECT relation, leaf, health FROM health('health_part\_1_');
DROP TABLE health_part_13;
ALTER TABLE health_part DETACH PARTITION health_part_3;
SELECT relation, leaf, health FROM health('health_part\_3');

-- Inheritance: the children there are are guarded too, and one made later is missed.
CREATE TABLE health_parent (id int, to_addr text, body text, status text DEFAULT 'queued');
CREATE TABLE health_child_1 (extra int) INHERITS (health_parent);
SELECT health_guard('health_parent', 'quarantine');
CREATE TABLE health_child_2 () INHERITS (health_child_1);
SELECT * FROM health('health_parent') UNION ALL SELECT * FROM health('health_child%');
INSERT INTO health_child_1 VALUES (1, 'no@health.example', :promo), (2, 'yes@health.example', :promo);
INSERT INTO health_parent VALUES (3, 'no@health.example', :promo);
SELECT id FROM health_parent;
SELECT "row"->>'id' AS id FROM consent.quarantine WHERE relation = 'health_parent'::regclass ORDER BY 1;
SELECT consent.unguard('health_parent');
SELECT health_guard('health_parent');
SELECT leaf, health FROM health('health_child_2');
SELECT consent.unguard('health_parent');
SELECT count(*) FROM consent.guards WHERE leaf::text LIKE 'health\_child%' OR leaf = 'health_parent'::regclass;

-- Everybody may look which guards there are; how they are, and whether a table is empty,
-- tells only of tables one may read.
CREATE ROLE regress_health_nobody;
CREATE SCHEMA health_private;
CREATE TABLE health_private.queue (id int, to_addr text, body text, status text DEFAULT 'queued');
SELECT health_guard('health_private.queue');
SET ROLE regress_health_nobody;
SELECT count(*) > 0 AS guards, count(health) FILTER (WHERE health <> 'missing') AS known FROM consent.guards;
SELECT consent.guarded_rows('health_old'), consent.guard_fault('health_old', 'consent_guard');
RESET ROLE;
GRANT SELECT (id) ON health_old TO regress_health_nobody;
SET ROLE regress_health_nobody;
SELECT leaf, health FROM consent.guards WHERE health <> 'missing';
SELECT consent.guarded_rows('health_old'), consent.guard_fault('health_old', 'consent_guard');
-- Also of those in a schema that they may not use.
SELECT relation, leaf, health FROM consent.guards WHERE leaf::text LIKE 'health\_private%';
SELECT consent.guarded_rows('consent.organisation');
SELECT consent.verify('health_old');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
REVOKE SELECT (id) ON health_old FROM regress_health_nobody;
DROP ROLE regress_health_nobody;
DROP SCHEMA health_private CASCADE;
DROP TABLE health_old, health_none, health_part, health_part_3, health_parent CASCADE;

-- What is known of a table that is dropped goes when the next guard is made.
CREATE TEMP TABLE health_gone (to_addr text, body text);
SELECT consent.guard('health_gone', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'health acme'$$);
SELECT oid AS gone FROM pg_trigger WHERE tgrelid = 'health_gone'::regclass \gset
SELECT count(*) AS known FROM consent.verified_rows WHERE trigger = :gone;
DROP TABLE health_gone;
CREATE TEMP TABLE health_next (to_addr text, body text);
SELECT consent.guard('health_next', recipient => 'to_addr', channel => $$'email'$$, body => 'body', organisation => $$'health acme'$$);
SELECT count(*) AS known FROM consent.verified_rows WHERE trigger = :gone;
SELECT count(*) AS known FROM consent.verified_rows JOIN pg_trigger t ON t.oid = trigger WHERE t.tgrelid = 'health_next'::regclass;
DROP TABLE health_next;
