--
-- What the tables refuse
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

INSERT INTO organizations VALUES ('acme');
INSERT INTO roles (name) VALUES ('acme/Role');
INSERT INTO teams (name) VALUES ('acme/Team');
INSERT INTO members (organization, member) VALUES ('acme', 'ann');
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO scopes (name, entity_type) VALUES ('wiki:read', 'wiki'), ('wiki:create', 'organization');

-- each wrong in one thing
CREATE TABLE public.statements (no int GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO statements (statement) VALUES
	-- rules: an entity or a condition or neither; neither for the organization
	('INSERT INTO role_rules (role, permission_set, entity, condition) VALUES (''acme/Role'', ''Stack Read'', ''s1'', ''$.a'')'),
	('INSERT INTO role_rules (role, permission_set, entity) VALUES (''acme/Role'', ''Billing'', ''acme'')'),
	('INSERT INTO role_rules (role, permission_set, condition) VALUES (''acme/Role'', ''Billing'', ''$.a'')'),
	('INSERT INTO role_rules (role, permission_set, condition) VALUES (''acme/Role'', ''Stack Read'', '''')'),
	('INSERT INTO role_rules (role, permission_set) VALUES (''acme/Nobody'', ''Stack Read'')'),
	('INSERT INTO role_rules (role, permission_set, entity_type) VALUES (''acme/Role'', ''Stack Read'', ''environment'')'),
	('INSERT INTO role_rules (role, permission_set, entity_type) VALUES (''acme/Role'', ''Stack Raed'', ''stack'')'),
	('INSERT INTO role_rules (role, permission_set) VALUES (''acme/Role'', '''')'),
	('INSERT INTO role_rules (role, permission_set, entity_type) VALUES (''acme/Role'', NULL, ''stack'')'),
	('INSERT INTO role_rules (permission_set) VALUES (''Stack Read'')'),
	-- grants: to a team or to a member, and on an entity
	('INSERT INTO entity_grants (permission_set, entity, team, organization, member) VALUES (''Stack Read'', ''s1'', ''acme/Team'', ''acme'', ''ann'')'),
	('INSERT INTO entity_grants (permission_set, entity) VALUES (''Stack Read'', ''s1'')'),
	('INSERT INTO entity_grants (permission_set, entity, organization) VALUES (''Stack Read'', ''s1'', ''acme'')'),
	('INSERT INTO entity_grants (permission_set, entity, member) VALUES (''Stack Read'', ''s1'', ''ann'')'),
	('INSERT INTO entity_grants (permission_set, entity, team, member) VALUES (''Stack Read'', ''s1'', ''acme/Team'', ''ann'')'),
	('INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES (''Stack Read'', ''s1'', ''acme'', ''nobody'')'),
	('INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES (''Stack Read'', ''s1'', ''gamma'', ''ann'')'),
	('INSERT INTO entity_grants (permission_set, entity, team) VALUES (''Stack Read'', ''s1'', ''acme/Nobody'')'),
	('INSERT INTO entity_grants (permission_set, entity, team) VALUES (''Stack Read'', NULL, ''acme/Team'')'),
	('INSERT INTO entity_grants (permission_set, entity, team) VALUES (''Stack Read'', '''', ''acme/Team'')'),
	('INSERT INTO entity_grants (permission_set, entity, team) VALUES (''Billing'', ''acme'', ''acme/Team'')'),
	('INSERT INTO entity_grants (permission_set, entity_type, entity, team) VALUES (''Stack Read'', ''environment'', ''s1'', ''acme/Team'')'),
	('INSERT INTO entity_grants (permission_set, entity, team, expires_at) VALUES (''Stack Read'', ''s1'', ''acme/Team'', ''whenever'')'),
	-- the baseline of members is on entities: what they may do to the organization is in the role
	('INSERT INTO member_defaults (organization, permission_set) VALUES (''acme'', ''Billing'')'),
	('INSERT INTO member_defaults (organization, permission_set) VALUES (''gamma'', ''Stack Read'')'),
	('INSERT INTO member_defaults (organization, permission_set, entity_type) VALUES (''acme'', ''Stack Read'', ''environment'')'),
	('INSERT INTO member_defaults (organization, permission_set) VALUES (''acme'', NULL)'),
	-- settings: only what is a toggle
	('INSERT INTO organization_settings (organization, scope) VALUES (''acme'', ''stack:write'')'),
	('INSERT INTO organization_settings (organization, scope) VALUES (''acme'', ''wiki:read'')'),
	('INSERT INTO organization_settings (organization, scope) VALUES (''acme'', ''stack:raed'')'),
	('INSERT INTO organization_settings (organization, scope) VALUES (''gamma'', ''stack:create'')'),
	('INSERT INTO organization_settings (organization, scope) VALUES (''acme'', NULL)'),
	('INSERT INTO organization_settings (organization, scope) VALUES (''acme'', ''stack:create''), (''acme'', ''stack:create'')'),
	-- settings of a type: a shared set and a scope of that very type, and not for organizations
	('INSERT INTO entity_type_settings VALUES (''wiki'', ''Stack Admin'', NULL)'),
	('INSERT INTO entity_type_settings VALUES (''wiki'', ''Nothing'', NULL)'),
	('INSERT INTO entity_type_settings VALUES (''wiki'', NULL, ''stack_access:update'')'),
	('INSERT INTO entity_type_settings VALUES (''wiki'', NULL, ''wiki:create'')'),
	('INSERT INTO entity_type_settings VALUES (''wiki'', NULL, ''wiki:raed'')'),
	('INSERT INTO entity_type_settings VALUES (''organization'', NULL, NULL)'),
	('INSERT INTO entity_type_settings VALUES (''organization'', ''Standard'', ''stack:create'')'),
	('INSERT INTO entity_type_settings VALUES (''forum'', NULL, NULL)'),
	-- the rest
	('INSERT INTO entity_types (name) VALUES (''wiki'')'),
	('INSERT INTO scopes (name, entity_type) VALUES (''wiki:read'', ''stack'')'),
	('INSERT INTO scopes (name, entity_type, toggle) VALUES (''wiki:x'', ''wiki'', NULL)'),
	('INSERT INTO permission_sets (name, entity_type) VALUES (''Stack Read'', ''stack'')'),
	('INSERT INTO permission_sets (name, entity_type) VALUES (''gamma/Set'', ''stack'')'),
	('INSERT INTO roles (name) VALUES (''Member'')'),
	('INSERT INTO roles (name) VALUES (''gamma/Role'')'),
	('INSERT INTO roles (name, all_scopes) VALUES (''acme/All'', NULL)'),
	('INSERT INTO roles (name, builtin) VALUES (''acme/All'', NULL)'),
	('INSERT INTO teams (name, source) VALUES (''acme/New'', ''gitlab'')'),
	('INSERT INTO teams (name, source) VALUES (''acme/New'', NULL)'),
	('INSERT INTO team_roles (team, role) VALUES (''acme/Team'', ''acme/Nobody'')'),
	('INSERT INTO team_roles (team, role) VALUES (''acme/Nobody'', ''Member'')'),
	('INSERT INTO team_roles (team, role) VALUES (''acme/Team'', ''Member''), (''acme/Team'', ''Member'')'),
	('INSERT INTO team_members (team, member, is_admin) VALUES (''acme/Team'', ''ann'', NULL)'),
	('INSERT INTO default_roles VALUES (''acme'', ''Member''), (''acme'', ''Admin'')'),
	('INSERT INTO organizations VALUES (''acme'')');
SELECT statement || E'\n  ' || pg_temp.try(statement) FROM statements ORDER BY no;

-- what is right beside it
BEGIN;
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Role', 'Billing');
INSERT INTO entity_type_settings VALUES ('wiki', NULL, 'wiki:read'), ('stack', NULL, NULL);
INSERT INTO permission_sets (name, entity_type) VALUES ('Owner', 'wiki');
UPDATE entity_type_settings SET owner_permission_set = 'Owner' WHERE entity_type = 'wiki';
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:create');
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Owner');
INSERT INTO team_roles (team, role) VALUES ('acme/Team', 'Admin'), ('acme/Team', 'acme/Role');
ROLLBACK;

DROP TABLE statements;
DELETE FROM organizations;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
