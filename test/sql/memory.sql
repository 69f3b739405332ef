-- What a backend keeps is bounded by rbac.cache_size, and answers stay right.
SET client_min_messages = warning;
-- a vacuum in the middle would make all stale
ALTER TABLE rbac.entities SET (autovacuum_enabled = off);
ALTER TABLE rbac.members SET (autovacuum_enabled = off);
CREATE FUNCTION kept(context text) RETURNS bigint LANGUAGE sql AS
	$$ SELECT coalesce(sum(total_bytes), 0)::bigint FROM pg_backend_memory_contexts WHERE name = context $$;
INSERT INTO rbac.organizations (name) VALUES ('acme');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'root', 'Admin');
INSERT INTO rbac.members (organization, member) SELECT 'acme', 'm' || i FROM generate_series(1, 2000) i;
INSERT INTO rbac.entities (entity_type, entity, organization) SELECT 'stack', 's' || i, 'acme' FROM generate_series(1, 50000) i;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	SELECT 'Stack Read', 's' || i, 'acme', 'm1' FROM generate_series(1, 3000) i;

-- one check does not load an organization
\c -
SELECT rbac.has_scope('root', 's1', 'stack:read');
SELECT kept('rbac entities') < 100000 AS entities, kept('rbac member') < 100000 AS members;

-- a few, in no order, are looked up one by one; of many, most are read along with others
CREATE VIEW shuffled AS SELECT entity FROM rbac.entities ORDER BY md5(entity) OFFSET 0;
CREATE FUNCTION lookups() RETURNS bigint LANGUAGE sql AS
	$$ SELECT pg_stat_get_xact_numscans('rbac.entities_pkey'::regclass) $$;
CREATE FUNCTION rows_read() RETURNS bigint LANGUAGE sql AS
	$$ SELECT pg_stat_get_xact_tuples_returned('rbac.entities'::regclass) $$;
BEGIN;
SELECT lookups(), rows_read() \gset before_
SELECT count(*) FROM (SELECT * FROM shuffled LIMIT 30) s WHERE rbac.has_scope('root', entity, 'stack:read');
SELECT lookups() - :before_lookups BETWEEN 28 AND 30 AS lookups, rows_read() - :before_rows_read < 50000 + 1000 AS read_along;
SELECT lookups(), rows_read() \gset before_
SELECT count(*) FROM shuffled WHERE rbac.has_scope('root', entity, 'stack:read');
SELECT lookups() - :before_lookups < 10000 AS lookups, rows_read() - :before_rows_read BETWEEN 50000 + 30000 AND 50000 + 60000 AS read_along;
COMMIT;
-- not where that would take the room of those that are asked for
\c -
SET rbac.cache_size = '1MB';
BEGIN;
SELECT count(*) FROM (SELECT * FROM shuffled LIMIT 1000) s WHERE rbac.has_scope('root', entity, 'stack:read');
SELECT lookups(), rows_read() \gset before_
SELECT count(*) FROM (SELECT * FROM shuffled LIMIT 1000) s WHERE rbac.has_scope('root', entity, 'stack:read');
SELECT lookups() - :before_lookups AS lookups;
COMMIT;

\c -
-- more entities than there is room for
SET rbac.cache_size = '1MB';
SELECT count(*) FROM rbac.entities WHERE rbac.has_scope('root', entity, 'stack:read');
SELECT kept('rbac entities') BETWEEN 1 AND 1000000 AS entities;
SET rbac.cache_size = '64MB';
SELECT count(*) FROM rbac.entities WHERE rbac.has_scope('root', entity, 'stack:read');
SELECT kept('rbac entities') > 1000000 AS entities;
SET rbac.cache_size = '1MB';

-- more members
SELECT count(*) FROM rbac.members WHERE rbac.has_scope(member, 's1', 'stack_access:read');
SELECT kept('rbac member') BETWEEN 1 AND 1000000 AS members;

-- more grants than there is room for: they are looked up one by one
SET rbac.cache_size = '256kB';
SELECT count(*), min(entity), max(entity) FROM rbac.entities WHERE rbac.has_scope('m1', entity, 'stack:read');
SELECT kept('rbac member') < 256000 AS members;
SELECT count(*) FROM rbac.entities WHERE rbac.row_has_scope('m1', entity, 'stack:read', organization);
SELECT count(*) FROM rbac.entities_with_scope('m1', 'stack:read');
SELECT rbac.scopes_on('m1', 'stack', 's2999') OPERATOR(rbac.=) rbac.scopes_on('m1', 'stack', 's1') AS same;
DELETE FROM rbac.entity_grants WHERE entity = 's2999';
SELECT rbac.has_scope('m1', 's2999', 'stack:read') AS revoked, rbac.has_scope('m1', 's2998', 'stack:read') AS kept;

-- only for those who may
CREATE ROLE memory_user;
SET ROLE memory_user;
SET rbac.cache_size = '1GB';
RESET ROLE;

-- clean up
RESET rbac.cache_size;
DROP ROLE memory_user;
DROP VIEW shuffled;
DROP FUNCTION kept, lookups, rows_read;
DELETE FROM rbac.entity_grants;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
ALTER TABLE rbac.entities RESET (autovacuum_enabled);
ALTER TABLE rbac.members RESET (autovacuum_enabled);
