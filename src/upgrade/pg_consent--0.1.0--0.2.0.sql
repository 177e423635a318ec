-- A standing is laid out anew: who collected a consent is kept by name.
SELECT consent.rebuild_standings();
