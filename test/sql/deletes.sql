--
-- What is in use cannot be deleted, and what goes with what is deleted
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
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

-- how many rows of one's own there are, of everything
CREATE FUNCTION pg_temp.rows() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(', ',
		'organizations ' || NULLIF((SELECT count(*) FROM rbac.organizations), 0),
		'entity_types ' || NULLIF((SELECT count(*) FROM rbac.entity_types WHERE NOT builtin), 0),
		'scopes ' || NULLIF((SELECT count(*) FROM rbac.scopes WHERE NOT builtin), 0),
		'permission_sets ' || NULLIF((SELECT count(*) FROM rbac.permission_sets WHERE NOT builtin), 0),
		'entity_type_settings ' || NULLIF((SELECT count(*) FROM rbac.entity_type_settings), 0),
		'roles ' || NULLIF((SELECT count(*) FROM rbac.roles WHERE NOT builtin), 0),
		'default_roles ' || NULLIF((SELECT count(*) FROM rbac.default_roles), 0),
		'role_rules ' || NULLIF((SELECT count(*) FROM rbac.role_rules WHERE id >= 0), 0),
		'members ' || NULLIF((SELECT count(*) FROM rbac.members), 0),
		'teams ' || NULLIF((SELECT count(*) FROM rbac.teams), 0),
		'team_members ' || NULLIF((SELECT count(*) FROM rbac.team_members), 0),
		'team_roles ' || NULLIF((SELECT count(*) FROM rbac.team_roles), 0),
		'entities ' || NULLIF((SELECT count(*) FROM rbac.entities), 0),
		'entity_grants ' || NULLIF((SELECT count(*) FROM rbac.entity_grants), 0),
		'member_defaults ' || NULLIF((SELECT count(*) FROM rbac.member_defaults), 0),
		'organization_settings ' || NULLIF((SELECT count(*) FROM rbac.organization_settings), 0))
$$;
-- what a DELETE would leave
CREATE FUNCTION pg_temp.left_by(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	BEGIN
		EXECUTE statement;
		result = pg_temp.rows();
		RAISE EXCEPTION USING ERRCODE = 'RB000';
	EXCEPTION WHEN SQLSTATE 'RB000' THEN
	END;
	RETURN result;
END $$;

-- two organizations that use everything, of their own and shared
INSERT INTO entity_types (name) VALUES ('wiki'), ('unused');
INSERT INTO scopes (name, entity_type, toggle) VALUES ('wiki:read', 'wiki', false), ('wiki:share', 'wiki', false), ('wiki:rule', 'wiki', true), ('wiki:unused', 'wiki', true);
INSERT INTO permission_sets (name, entity_type, scopes) VALUES
	('in a rule', 'wiki', '{}'), ('in a grant', 'wiki', '{}'), ('a default', 'wiki', '{}'), ('of owners', 'wiki', '{}'), ('unused', 'wiki', '{wiki:read}');
INSERT INTO roles (name) VALUES ('of a member'), ('of a team'), ('a default'), ('unused');
INSERT INTO role_rules (role, permission_set) VALUES ('unused', 'in a rule'), ('of a team', 'in a rule');
INSERT INTO entity_type_settings VALUES ('wiki', 'of owners', 'wiki:share');
INSERT INTO organizations VALUES ('acme'), ('beta');
INSERT INTO permission_sets (name, entity_type) SELECT name || '/Set', 'wiki' FROM organizations;
INSERT INTO roles (name) SELECT name || '/Role' FROM organizations;
INSERT INTO role_rules (role, permission_set) SELECT name || '/Role', name || '/Set' FROM organizations;
INSERT INTO role_rules (role, permission_set, entity) SELECT name || '/Role', name || '/Set', name || '-page' FROM organizations;
INSERT INTO role_rules (role, permission_set) SELECT name || '/Role', 'Stack Read' FROM organizations;
INSERT INTO teams (name) SELECT name || '/Team' FROM organizations;
INSERT INTO members (organization, member, role) SELECT name, 'ann', name || '/Role' FROM organizations;
INSERT INTO members (organization, member, role) SELECT name, 'ben', 'of a member' FROM organizations;
INSERT INTO team_members (team, member) SELECT name || '/Team', unnest(ARRAY['ann', 'ben']) FROM organizations;
INSERT INTO team_roles (team, role) SELECT name || '/Team', unnest(ARRAY[name || '/Role', 'of a team']) FROM organizations;
INSERT INTO entity_grants (permission_set, entity, team) SELECT unnest(ARRAY[name || '/Set', 'in a grant']), name || '-page', name || '/Team' FROM organizations;
INSERT INTO entity_grants (permission_set, entity, organization, member) SELECT unnest(ARRAY[name || '/Set', 'in a grant']), name || '-page', name, 'ann' FROM organizations;
INSERT INTO default_roles SELECT name, 'a default' FROM organizations;
INSERT INTO member_defaults (organization, permission_set) SELECT name, unnest(ARRAY[name || '/Set', 'a default']) FROM organizations;
INSERT INTO organization_settings (organization, scope) SELECT name, 'wiki:rule' FROM organizations;
INSERT INTO entities SELECT 'wiki', name || '-page', name, 'ann' FROM organizations;
SELECT pg_temp.rows();

-- in use
SELECT statement || E'\n  ' || pg_temp.try(statement) FROM unnest(ARRAY[
	'DELETE FROM permission_sets WHERE name = ''in a rule''',
	'DELETE FROM permission_sets WHERE name = ''in a grant''',
	'DELETE FROM permission_sets WHERE name = ''a default''',
	'DELETE FROM permission_sets WHERE name = ''of owners''',
	'DELETE FROM permission_sets WHERE name = ''acme/Set''',
	'DELETE FROM roles WHERE name = ''of a member''',
	'DELETE FROM roles WHERE name = ''of a team''',
	'DELETE FROM roles WHERE name = ''a default''',
	'DELETE FROM roles WHERE name = ''acme/Role''',
	'DELETE FROM scopes WHERE name = ''wiki:read''',
	'DELETE FROM scopes WHERE name = ''wiki:share''',
	'DELETE FROM scopes WHERE name = ''wiki:rule''',
	'UPDATE scopes SET toggle = false WHERE name = ''wiki:rule''',
	'DELETE FROM entity_types WHERE name = ''wiki''',
	'DELETE FROM organizations WHERE name = ''acme''']) WITH ORDINALITY AS t (statement, no) ORDER BY no;

-- not in use, or taken along
SELECT statement || E'\n  ' || pg_temp.left_by(statement) FROM unnest(ARRAY[
	'SELECT',
	-- the set that holds the scope, then the scope
	'DELETE FROM permission_sets WHERE name = ''unused''',
	'DELETE FROM scopes WHERE name = ''wiki:unused''',
	'UPDATE scopes SET toggle = false WHERE name = ''wiki:unused''',
	'DELETE FROM entity_types WHERE name = ''unused''',
	-- a role's rules go with it
	'DELETE FROM roles WHERE name = ''unused''',
	-- a member's places in teams, and grants, of that organization
	'DELETE FROM members WHERE organization = ''acme'' AND member = ''ann''',
	-- a team's members, roles and grants
	'DELETE FROM teams WHERE name = ''acme/Team''',
	'DELETE FROM default_roles',
	'DELETE FROM member_defaults',
	'DELETE FROM organization_settings',
	'DELETE FROM role_rules WHERE id >= 0',
	'DELETE FROM entities']) WITH ORDINALITY AS t (statement, no) ORDER BY no;

-- an entity type's settings go with it
BEGIN;
INSERT INTO entity_type_settings VALUES ('unused');
DELETE FROM entity_types WHERE name = 'unused';
SELECT count(*) FROM entity_type_settings WHERE entity_type = 'unused';
ROLLBACK;

-- an organization takes all that it has along, once its entities are gone
DELETE FROM entities WHERE organization = 'acme';
DELETE FROM organizations WHERE name = 'acme';
SELECT pg_temp.rows();
SELECT name FROM permission_sets WHERE NOT builtin UNION ALL SELECT name FROM roles WHERE NOT builtin
UNION ALL SELECT role FROM role_rules WHERE id >= 0 UNION ALL SELECT name FROM teams UNION ALL SELECT organization FROM members
UNION ALL SELECT team FROM team_members UNION ALL SELECT team FROM team_roles UNION ALL SELECT concat(organization, team) FROM entity_grants
UNION ALL SELECT organization FROM entities UNION ALL SELECT organization FROM default_roles UNION ALL SELECT organization FROM member_defaults
UNION ALL SELECT organization FROM organization_settings
EXCEPT SELECT * FROM unnest(ARRAY['beta', 'beta/Set', 'beta/Role', 'beta/Team',
	'in a rule', 'in a grant', 'a default', 'of owners', 'unused', 'of a member', 'of a team']);

-- everything in the order of its use
BEGIN;
DELETE FROM entities;
DELETE FROM organizations;
SELECT pg_temp.rows();
DELETE FROM roles WHERE NOT builtin;
DELETE FROM entity_type_settings;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
SELECT pg_temp.rows();
ROLLBACK;

-- the same at once, if the checks are deferred
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM entity_types WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM organizations;
DELETE FROM entities;
COMMIT;
SELECT pg_temp.rows();
