-- What a session's caches hold and have done.
SET client_min_messages = warning;
-- a vacuum in the middle would make all stale
ALTER TABLE rbac.entities SET (autovacuum_enabled = off);
ALTER TABLE rbac.members SET (autovacuum_enabled = off);
\pset format unaligned
\pset tuples_only
INSERT INTO rbac.organizations VALUES ('acme');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'ann', 'Admin'), ('acme', 'bob', 'Member');
INSERT INTO rbac.entities (entity_type, entity, organization) SELECT 'stack', 's' || n, 'acme' FROM generate_series(1, 20000) n;
\c
SELECT * FROM rbac.cache_stats();
CREATE FUNCTION changes(OUT members text, OUT entities text) LANGUAGE plpgsql AS $$
DECLARE
	before record;
	now    record;
BEGIN
	CREATE TABLE IF NOT EXISTS pg_temp.seen AS SELECT * FROM rbac.cache_stats() LIMIT 0;
	FOR now IN SELECT * FROM rbac.cache_stats() LOOP
		SELECT * INTO before FROM seen WHERE seen.cache = now.cache;
		now.bytes := sign(now.bytes);
		now.entries := now.entries - CASE now.cache WHEN 'members' THEN coalesce(before.entries, 0) ELSE 0 END;
		now.hits := now.hits - coalesce(before.hits, 0);
		now.misses := now.misses - coalesce(before.misses, 0);
		now.rebuilds := now.rebuilds - coalesce(before.rebuilds, 0);
		now.evictions := sign(now.evictions - coalesce(before.evictions, 0));
		IF now.cache = 'members' THEN
			members := concat_ws(' ', now.entries, now.bytes, now.hits, now.misses, now.rebuilds, now.evictions);
		ELSE
			-- more may have been read along
			entities := concat_ws(' ', sign(now.entries), now.bytes, now.hits, now.misses, now.rebuilds, now.evictions);
		END IF;
	END LOOP;
	DELETE FROM seen;
	INSERT INTO seen SELECT * FROM rbac.cache_stats();
END $$;
SET client_min_messages = error;
-- entries, bytes (some or none), hits, misses, rebuilds, evictions (some or none)
SELECT * FROM changes();
SELECT rbac.has_scope('ann', 's1', 'stack:read');
SELECT * FROM changes();
SELECT rbac.has_scope('ann', 's1', 'stack:read'), rbac.has_scope('bob', 's1', 'stack:read');
SELECT * FROM changes();
SELECT rbac.has_scope('ann', 'none', 'stack:read');
SELECT * FROM changes();
-- a change makes stale whom it concerns
UPDATE rbac.members SET role = 'Member' WHERE member = 'ann';
UPDATE rbac.entities SET owner = 'bob' WHERE entity = 's1';
SELECT rbac.has_scope('ann', 's1', 'stack:read'), rbac.has_scope('bob', 's1', 'stack:read');
SELECT * FROM changes();
-- no more than there is room for
SET rbac.cache_size = '512kB';
SELECT count(*) FROM rbac.entities WHERE rbac.has_scope('bob', entity, 'stack:read');
UPDATE rbac.members SET role = 'Admin' WHERE member = 'bob';
SELECT count(*) FROM rbac.entities WHERE rbac.has_scope('bob', entity, 'stack:read');
SELECT cache, bytes < 300 * 1024, evictions > 0 FROM rbac.cache_stats();
SELECT count(rbac.has_scope('m' || n, 's1', 'stack:read')) FROM generate_series(1, 100) n;
SELECT cache, bytes < 300 * 1024, evictions > 0 FROM rbac.cache_stats();
DROP FUNCTION changes;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
ALTER TABLE rbac.entities RESET (autovacuum_enabled);
ALTER TABLE rbac.members RESET (autovacuum_enabled);
