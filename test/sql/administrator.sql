--
-- Services that write the tables without owning them, past row-level security: the triggers work for them, and as
-- far as they may write
--
SET search_path = rbac, public;

-- what becomes of a statement: the rows that it changed, or why it is refused
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint   text;
	n      bigint;
BEGIN
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN 'ok, rows: ' || n;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', sqlstate || ' ' || sqlerrm,
		nullif(regexp_replace(detail, '^Failing row contains .*', ''), ''), nullif(hint, ''));
END $$;
\pset format unaligned
\pset tuples_only on

INSERT INTO organizations VALUES ('acme'), ('beta');
INSERT INTO roles (name) VALUES ('acme/Role');
INSERT INTO default_roles VALUES ('acme', 'acme/Role');

-- everything with the tables, nothing else
CREATE ROLE regress_rbac_admin BYPASSRLS;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO regress_rbac_admin;
SET SESSION AUTHORIZATION regress_rbac_admin;
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO scopes (name, entity_type) VALUES ('wiki:read', 'wiki'), ('wiki:write', 'wiki');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('acme/Set', 'wiki', '{wiki:read}');
INSERT INTO role_rules (role, permission_set, condition) VALUES ('acme/Role', 'acme/Set', '$.open == true');
INSERT INTO members (organization, member) VALUES ('acme', 'ann');
INSERT INTO members (organization, member, kind) VALUES ('acme', 'bot', 'organization_token');
INSERT INTO teams (name) VALUES ('acme/Team');
INSERT INTO team_members (team, member) VALUES ('acme/Team', 'ann');
INSERT INTO team_roles (team, role) VALUES ('acme/Team', 'acme/Role');
INSERT INTO entities VALUES ('wiki', 'w1', 'acme', NULL, '{"open": true}');
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('acme/Set', 'w1', 'acme/Team');
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'acme/Set');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:create');
INSERT INTO entity_type_settings VALUES ('wiki', NULL, 'wiki:write');
SELECT role FROM members WHERE member = 'ann';
SELECT entity_type FROM entity_grants;
SELECT has_scope('ann', 'w1', 'wiki:read'), has_scope('ann', 'w1', 'wiki:write');
-- who sees all rows may ask about anybody
PREPARE questions AS SELECT (SELECT reason FROM explain('ann', 'w1', 'wiki:read') WHERE granted LIMIT 1), ARRAY(SELECT members_with_scope('w1', 'wiki:read')),
	ARRAY(SELECT entities_with_scope('ann', 'wiki:read')), scopes_on('ann', 'wiki', 'w1'), role_scopes('acme/Role');
EXECUTE questions;
BEGIN;
DELETE FROM role_rules WHERE role = 'acme/Role';
DELETE FROM entity_grants;
SELECT member, entity_type, entity, gained, lost FROM access_changes();
ROLLBACK;
UPDATE permission_sets SET scopes = scopes | 'wiki:write' WHERE name = 'acme/Set';
SELECT has_scope('ann', 'w1', 'wiki:read'), has_scope('ann', 'w1', 'wiki:write');
SELECT pg_temp.try(statement) FROM unnest(ARRAY[
	'INSERT INTO team_members (team, member) VALUES (''acme/Team'', ''bot'')',
	'UPDATE members SET kind = ''user'' WHERE member = ''bot''',
	'UPDATE permission_sets SET scopes = scopes | ''stack:read'' WHERE name = ''acme/Set''',
	'DELETE FROM scopes WHERE name = ''wiki:read''',
	'DELETE FROM roles WHERE name = ''Admin''',
	'INSERT INTO entities VALUES (''wiki'', ''w1'', ''acme'', NULL, ''{"open": true}'')',
	'UPDATE entities SET organization = ''beta''',
	'UPDATE entities SET organization = ''acme''']) WITH ORDINALITY AS t (statement, no) ORDER BY no;
SELECT count(*) FROM entity_grants;
DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM entity_type_settings;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
-- what it may not: own, truncate, switch triggers off
TRUNCATE members;
ALTER TABLE members DISABLE TRIGGER fill_role;
ALTER TABLE roles DISABLE TRIGGER builtin_update;
DROP TRIGGER builtin_delete ON roles;
SET session_replication_role = replica;
RESET SESSION AUTHORIZATION;
DROP OWNED BY regress_rbac_admin;

-- A service that only registers entities: what has to be looked up or deleted
-- besides is, as a foreign key would.
INSERT INTO organizations VALUES ('acme'), ('beta');
INSERT INTO members (organization, member) VALUES ('acme', 'ann');
INSERT INTO roles (name) VALUES ('acme/Role');
GRANT INSERT, DELETE ON entities TO regress_rbac_admin;
GRANT SELECT (entity, entity_type), UPDATE (organization) ON entities TO regress_rbac_admin;
SET SESSION AUTHORIZATION regress_rbac_admin;
\set QUIET off
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ann', NULL), ('stack', 's2', 'acme', 'ann', NULL), ('stack', 's3', 'acme', 'ann', NULL);
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ann', NULL);
\set QUIET on
SELECT * FROM entities;
SELECT * FROM entity_grants;
RESET SESSION AUTHORIZATION;
INSERT INTO entity_grants (permission_set, entity, organization, member) SELECT 'Stack Read', unnest(ARRAY['s1', 's2', 's3']), 'acme', 'ann';
INSERT INTO role_rules (role, permission_set, entity) SELECT 'acme/Role', 'Stack Read', unnest(ARRAY['s1', 's2', 's3']);
SET SESSION AUTHORIZATION regress_rbac_admin;
DELETE FROM entities WHERE entity = 's1';
UPDATE entities SET organization = 'beta' WHERE entity = 's2';
RESET SESSION AUTHORIZATION;
SELECT entity FROM entity_grants;
SELECT entity FROM role_rules WHERE id >= 0;

-- who sees all rows of some tables only may not
GRANT SELECT ON members, entities, entity_grants, roles, role_rules TO regress_rbac_admin;
SET SESSION AUTHORIZATION regress_rbac_admin;
SELECT pg_temp.try(statement) FROM unnest(ARRAY[
	'SELECT * FROM explain(''ann'', ''s3'', ''stack:read'')', 'SELECT members_with_scope(''s3'', ''stack:read'')',
	'SELECT entities_with_scope(''ann'', ''stack:read'')', 'SELECT scopes_on(''ann'', ''stack'', ''s3'')', 'SELECT role_scopes(''acme/Role'')']) AS t (statement);
RESET SESSION AUTHORIZATION;
REVOKE SELECT ON members, entities, entity_grants, roles, role_rules FROM regress_rbac_admin;

-- One that only adds members: it cannot read what it fills in.
GRANT INSERT ON members TO regress_rbac_admin;
INSERT INTO default_roles VALUES ('acme', 'acme/Role');
SET SESSION AUTHORIZATION regress_rbac_admin;
INSERT INTO members (organization, member) VALUES ('acme', 'ben'), ('beta', 'ben');
SELECT * FROM members;
RESET SESSION AUTHORIZATION;
SELECT organization, role FROM members WHERE member = 'ben' ORDER BY 1;

DROP OWNED BY regress_rbac_admin;
DROP ROLE regress_rbac_admin;
DELETE FROM entities;
DELETE FROM organizations;
