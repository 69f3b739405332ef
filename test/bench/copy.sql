-- COPY of 100,000 rows into each table, with the extension's triggers, once with
-- the audit log, and without: the same table then has only its native constraints and indexes.
-- Interleaved; the figures are the least of the runs, in the server process's CPU
-- time where the system tells it, else in elapsed time.  Run by a superuser, in a
-- database that is thrown away, from a directory that the server may write to.
--   psql -v runs=5 -f test/bench/copy.sql
\set QUIET on
\set ON_ERROR_STOP on
\pset pager off
SET client_min_messages = error;
\if :{?runs}
\else
\set runs 5
\endif
\if :{?rows}
\else
\set rows 100000
\endif
\set directory `pwd`

DROP EXTENSION IF EXISTS rbac CASCADE;
CREATE EXTENSION rbac;
CREATE SCHEMA bench;
SET search_path = bench, rbac, public;

-- What the rows refer to: as many organizations, 1,000 teams and roles in one
-- of them, 100 sets and scopes.
INSERT INTO organizations SELECT 'org' || i FROM generate_series(1, :rows) i;
INSERT INTO entity_types (name) SELECT 'type' || i FROM generate_series(1, :rows) i;
INSERT INTO scopes (name, entity_type) SELECT 'own:scope' || i, 'type1' FROM generate_series(1, 100) i;
INSERT INTO permission_sets (name, entity_type, scopes) SELECT 'set' || i, 'stack', '{stack:read}' FROM generate_series(1, 100) i;
INSERT INTO roles (name) SELECT 'org1/role' || i FROM generate_series(1, 1000) i;
INSERT INTO teams (name) SELECT 'org1/team' || i FROM generate_series(1, 1000) i;
INSERT INTO members (organization, member) SELECT 'org1', 'member' || i FROM generate_series(1, :rows) i;

CREATE TABLE cases (no int GENERATED ALWAYS AS IDENTITY, target text, columns text, query text, what text DEFAULT '', plain_query text, plain_columns text);
INSERT INTO cases (target, columns, query) VALUES
	('organizations', 'name', 'SELECT ''new'' || i'),
	('entity_types', 'name', 'SELECT ''new'' || i'),
	('scopes', 'name, entity_type', 'SELECT ''new:scope'' || i, ''type1'''),
	('permission_sets', 'name, entity_type, scopes', 'SELECT ''org1/new'' || i, ''stack'', ''{stack:read,stack:write,stack_access:read,stack_webhook:read,stack_schedule:read,stack_deployment:read}'''),
	('entity_type_settings', 'entity_type', 'SELECT ''type'' || i'),
	('roles', 'name', 'SELECT ''org1/new'' || i'),
	('default_roles', 'organization, role', 'SELECT ''org'' || i, ''Member'''),
	('role_rules', 'role, permission_set, entity_type, entity', 'SELECT ''org1/role'' || i % 1000 + 1, ''set'' || i % 100 + 1, ''stack'', ''new'' || i'),
	('members', 'organization, member, role', 'SELECT ''org'' || i % 100 + 1, ''new'' || i, ''Member'''),
	('teams', 'name', 'SELECT ''org1/new'' || i'),
	('team_members', 'team, member', 'SELECT ''org1/team'' || i % 1000 + 1, ''member'' || i'),
	('team_roles', 'team, role', 'SELECT ''org1/team'' || i % 1000 + 1, ''org1/role'' || (i / 1000) % 1000 + 1'),
	('entities', 'entity_type, entity, organization, owner, tags', 'SELECT ''stack'', ''new'' || i, ''org'' || i % 100 + 1, ''member'' || i % 1000, ''{"env": "prod"}'''),
	('entity_grants', 'permission_set, entity_type, entity, organization, member', 'SELECT ''set'' || i % 100 + 1, ''stack'', ''new'' || i, ''org1'', ''member'' || i'),
	('member_defaults', 'organization, permission_set, entity_type', 'SELECT ''org'' || i % 1000 + 1, ''set'' || (i / 1000) % 100 + 1, ''stack'''),
	('organization_settings', 'organization, scope', 'SELECT ''org'' || i, ''stack:create''');
-- what the triggers fill in is said in the rows that they do not see
INSERT INTO cases (target, columns, query, what, plain_columns, plain_query) VALUES
	('permission_sets', 'name, entity_type, scopes', 'SELECT ''org1/new'' || i, ''type1'', ''{own:scope'' || i % 100 + 1 || ''}''', 'own scopes', NULL, NULL),
	('role_rules', 'role, permission_set', 'SELECT ''org1/role'' || i % 1000 + 1, ''set'' || (i / 1000) % 100 + 1', 'entity_type filled in',
		'role, permission_set, entity_type', 'SELECT ''org1/role'' || i % 1000 + 1, ''set'' || (i / 1000) % 100 + 1, ''stack'''),
	('members', 'organization, member', 'SELECT ''org'' || i % 100 + 1, ''new'' || i', 'role filled in',
		'organization, member, role', 'SELECT ''org'' || i % 100 + 1, ''new'' || i, ''Member'''),
	('entity_grants', 'permission_set, entity, organization, member', 'SELECT ''set'' || i % 100 + 1, ''new'' || i, ''org1'', ''member'' || i', 'entity_type filled in',
		'permission_set, entity_type, entity, organization, member', 'SELECT ''set'' || i % 100 + 1, ''stack'', ''new'' || i, ''org1'', ''member'' || i');
UPDATE cases SET plain_columns = coalesce(plain_columns, columns), plain_query = coalesce(plain_query, query);

CREATE TABLE timings (no int, kind text, seconds double precision);  -- kind: plain, rbac, logged
CREATE FUNCTION seconds() RETURNS double precision LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(split_part(pg_read_file('/proc/self/schedstat', 0, 100, true), ' ', 1)::double precision / 1e9,
		extract(epoch FROM clock_timestamp()))
$$;
CREATE PROCEDURE measure(no int, kind text, target text, columns text, file text) LANGUAGE plpgsql AS $$
DECLARE
	start double precision = bench.seconds();
BEGIN
	EXECUTE format('COPY rbac.%I (%s) FROM %L', target, columns, file);
	COMMIT;
	INSERT INTO bench.timings VALUES (no, kind, bench.seconds() - start);
END $$;

-- the rows that a case adds
CREATE FUNCTION added(target text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE
		WHEN target IN ('organizations', 'entity_types', 'scopes') THEN 'name LIKE ''new%'''
		WHEN target IN ('permission_sets', 'roles', 'teams') THEN 'name LIKE ''org1/new%'''
		WHEN target IN ('members') THEN 'member LIKE ''new%'''
		WHEN target IN ('role_rules') THEN 'id >= 0'
		ELSE 'true' END
$$;

VACUUM ANALYZE;
SELECT format('COPY (%s FROM generate_series(1, %s) i) TO %L', q.query, :rows, :'directory' || '/copy.' || no || '.' || q.own)
FROM cases, LATERAL (VALUES (true, query), (false, plain_query)) AS q (own, query) \gexec

SELECT unnest(ARRAY[
	format('ALTER TABLE rbac.%I %s TRIGGER USER', target, CASE kind WHEN 'plain' THEN 'DISABLE' ELSE 'ENABLE' END),
	format('SET rbac.audit = %s', CASE kind WHEN 'logged' THEN 'on' ELSE 'off' END),
	'CHECKPOINT',
	format('CALL bench.measure(%s, %L, %L, %L, %L)', no, kind, target, CASE kind WHEN 'plain' THEN plain_columns ELSE columns END,
		:'directory' || '/copy.' || no || '.' || (kind <> 'plain')),
	'SET rbac.audit = off',
	'TRUNCATE rbac.audit_log',
	'SET session_replication_role = replica',
	format('DELETE FROM rbac.%I WHERE %s', target, added(target)),
	'RESET session_replication_role',
	format('VACUUM rbac.%I', target)])
FROM cases, generate_series(1, :runs) run, unnest(ARRAY['plain', 'rbac', 'logged']) AS k (kind)
ORDER BY no, run, kind \gexec

\! rm -f copy.[0-9]*
SELECT target AS "table", what, round(1000 * plain) AS "plain, ms", round(1000 * ours) AS "rbac, ms", round((ours / plain)::numeric, 2) AS ratio,
	round(1000 * logged) AS "logged, ms", round((logged / ours)::numeric, 2) AS "logged / rbac"
FROM cases JOIN (SELECT no, min(seconds) FILTER (WHERE kind = 'rbac') AS ours, min(seconds) FILTER (WHERE kind = 'plain') AS plain,
		min(seconds) FILTER (WHERE kind = 'logged') AS logged
	FROM timings GROUP BY no) t USING (no)
ORDER BY no;

DROP EXTENSION rbac CASCADE;
DROP SCHEMA bench CASCADE;
