-- who may write which rows: for each rule somebody who may, and somebody who may not
SET client_min_messages = warning;
CREATE ROLE regress_govern_app;
GRANT SET ON PARAMETER rbac.member TO regress_govern_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO regress_govern_app;

-- what becomes of a statement of a member's: the rows that it changed, or why it is refused
CREATE FUNCTION try(member text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	reason text;
	n      bigint;
BEGIN
	PERFORM rbac.act_as(member);
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN 'ok, rows: ' || n;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(E'\n    ', sqlstate || ' ' || sqlerrm, nullif(reason, ''));
END $$;
\pset format unaligned
\pset tuples_only on
\set QUIET on

-- Everybody holds all that there is to give, for good, by the role that all have, but for one member: what
-- they may do is another matter.  Their role is named for that.
INSERT INTO rbac.organizations (name) VALUES ('acme'), ('globex');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES
	('acme/nothing', 'stack', '{}'), ('acme/read', 'stack', '{stack:read}'),
	('acme/add', 'organization', '{org_member:add}'), ('acme/update', 'organization', '{org_member:update}'),
	('acme/delete', 'organization', '{org_member:delete}'), ('acme/set_admin', 'organization', '{org_member:set_admin, org_member:add, org_member:update, org_member:delete, team:update, role:update, role:create, role:delete, organization:update}'),
	('acme/org_tokens', 'organization', '{org_token:create, org_token:delete}'), ('acme/org_token_delete', 'organization', '{org_token:delete}'),
	('acme/team_tokens', 'organization', '{team:create_token, team:delete_token}'),
	('acme/role_create', 'organization', '{role:create}'), ('acme/role_update', 'organization', '{role:update}'), ('acme/role_delete', 'organization', '{role:delete}'),
	('acme/team_create', 'organization', '{team:create}'), ('acme/team_update', 'organization', '{team:update}'), ('acme/team_delete', 'organization', '{team:delete}'),
	('acme/team_role', 'organization', '{team:update, role:update}'), ('acme/github', 'organization', '{team:create, team:update, github_team:create}'),
	('acme/org_update', 'organization', '{organization:update}'), ('acme/org_delete', 'organization', '{organization:delete}'),
	('acme/access', 'stack', '{stack_access:update}'),
	('acme/see', 'organization', '{org_member:read, team:read, team:list, role:read}');
INSERT INTO rbac.roles (name) SELECT name FROM rbac.permission_sets WHERE organization = 'acme';
INSERT INTO rbac.role_rules (role, permission_set) SELECT name, name FROM rbac.permission_sets WHERE organization = 'acme';
INSERT INTO rbac.role_rules (role, permission_set) SELECT name, 'acme/see' FROM rbac.roles WHERE organization = 'acme' AND name <> 'acme/see';
INSERT INTO rbac.role_rules (role, permission_set) SELECT name, 'Standard' FROM rbac.roles WHERE organization = 'acme';
INSERT INTO rbac.role_rules (role, permission_set) SELECT name, 'Stack Access Read' FROM rbac.roles WHERE organization = 'acme';
INSERT INTO rbac.roles (name, all_scopes) VALUES ('acme/Boss', true);
INSERT INTO rbac.members (organization, member, role) SELECT 'acme', substr(name, 6), name FROM rbac.roles WHERE organization = 'acme' AND NOT all_scopes;
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'admin', 'Admin'), ('acme', 'bob', 'Member'), ('globex', 'admin of globex', 'Admin');
INSERT INTO rbac.members (organization, member, kind, role) VALUES ('acme', 'a token', 'organization_token', 'Member'), ('acme', 'a team token', 'team_token', 'Member');
INSERT INTO rbac.teams (name) VALUES ('acme/Red'), ('acme/Blue'), ('globex/Red');
INSERT INTO rbac.team_members (team, member, is_admin) VALUES ('acme/Red', 'nothing', true), ('acme/Blue', 'see', true), ('acme/Blue', 'read', false);
INSERT INTO rbac.entities (entity_type, entity, organization, owner) VALUES
	('stack', 'web', 'acme', 'read'), ('stack', 'db', 'acme', NULL), ('stack', 'globex web', 'globex', NULL), ('environment', 'prod', 'acme', NULL);
CREATE TABLE attempts (no integer GENERATED ALWAYS AS IDENTITY, members text[], statement text);
GRANT SELECT ON attempts TO regress_govern_app;
-- each attempt is undone
CREATE FUNCTION attempt_all() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	a      record;
	member text;
	answer text;
BEGIN
	FOR a IN SELECT * FROM attempts ORDER BY no LOOP
		RETURN NEXT '- ' || a.statement;
		FOREACH member IN ARRAY a.members LOOP
			BEGIN
				answer := try(member, a.statement);
				RAISE EXCEPTION USING ERRCODE = 'RB000';
			EXCEPTION WHEN SQLSTATE 'RB000' THEN
				RETURN NEXT format('%s: %s', member, answer);
			END;
		END LOOP;
	END LOOP;
END $$;

\echo == members
INSERT INTO attempts (members, statement) VALUES
('{add, update, delete, admin, admin of globex, stranger}', $$INSERT INTO rbac.members (organization, member) VALUES ('acme', 'new')$$),
('{update, add, delete, admin}', $$UPDATE rbac.members SET role = 'acme/see' WHERE member = 'bob'$$),
('{update, add}', $$UPDATE rbac.members SET expires_at = '2100-01-01' WHERE member = 'bob'$$),
('{delete, add, update, admin of globex}', $$DELETE FROM rbac.members WHERE member = 'bob'$$),
('{admin, update, admin of globex}', $$UPDATE rbac.members SET organization = 'globex' WHERE member = 'bob'$$),
('{admin}', $$UPDATE rbac.members SET member = 'robert' WHERE member = 'bob'$$),
('{org_tokens, org_token_delete, add, team_tokens}', $$INSERT INTO rbac.members (organization, member, kind, role) VALUES ('acme', 'new', 'organization_token', 'acme/see')$$),
('{org_tokens, org_token_delete, update}', $$UPDATE rbac.members SET role = 'acme/see' WHERE member = 'a token'$$),
('{org_tokens, org_token_delete, delete}', $$DELETE FROM rbac.members WHERE member = 'a token'$$),
('{team_tokens, org_tokens, add}', $$INSERT INTO rbac.members (organization, member, kind) VALUES ('acme', 'new', 'team_token')$$),
('{team_tokens, org_tokens, delete}', $$DELETE FROM rbac.members WHERE member = 'a team token'$$),
('{admin, add}', $$INSERT INTO rbac.members (organization, member, kind) VALUES ('acme', 'new', 'robot')$$),
('{admin, add}', $$INSERT INTO rbac.members (organization, member, kind) VALUES ('acme', 'new', NULL)$$),
('{admin, add}', $$INSERT INTO rbac.members (organization, member) VALUES ('acme', NULL)$$),
('{admin, add}', $$INSERT INTO rbac.members (organization, member) VALUES (NULL, 'new')$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;

\echo == a role with all scopes, and the last admin
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{admin, set_admin, add}', $$INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'new', 'Admin')$$),
('{admin, set_admin, update}', $$UPDATE rbac.members SET role = 'acme/Boss' WHERE member = 'bob'$$),
('{admin, set_admin, delete}', $$DELETE FROM rbac.members WHERE member = 'admin'$$),
('{admin, set_admin, update}', $$UPDATE rbac.members SET role = 'Member' WHERE member = 'admin'$$),
('{admin, set_admin}', $$UPDATE rbac.members SET expires_at = '2100-01-01' WHERE member = 'admin'$$),
('{admin}', $$UPDATE rbac.members SET expires_at = 'infinity' WHERE member = 'admin'$$),
('{admin}', $$UPDATE rbac.members SET role = 'acme/Boss' WHERE member = 'admin'$$),
('{admin}', $$DELETE FROM rbac.members WHERE organization = 'acme' AND role = 'Admin'$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;
\echo another admin, who expires, does not count
INSERT INTO rbac.members (organization, member, role, expires_at) VALUES ('acme', 'temp', 'Admin', '2100-01-01');
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;
\echo a lasting one by another role does, until that role has not all scopes any more
UPDATE rbac.members SET role = 'acme/Boss', expires_at = 'infinity' WHERE member = 'temp';
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{admin, set_admin, role_update}', $$UPDATE rbac.roles SET all_scopes = false WHERE name = 'acme/Boss'$$),
('{admin, set_admin, role_update}', $$UPDATE rbac.roles SET all_scopes = true WHERE name = 'acme/see'$$),
('{admin, set_admin, role_create}', $$INSERT INTO rbac.roles (name, all_scopes) VALUES ('acme/New', true)$$),
('{admin, set_admin, role_update}', $$UPDATE rbac.roles SET description = 'all' WHERE name = 'acme/Boss'$$),
('{role_delete}', $$WITH gone AS (DELETE FROM rbac.roles WHERE name = 'acme/Boss' RETURNING name) INSERT INTO rbac.roles (name) SELECT name FROM gone$$),
('{admin, set_admin, org_update}', $$INSERT INTO rbac.default_roles VALUES ('acme', 'acme/Boss')$$),
('{admin, set_admin, team_role}', $$INSERT INTO rbac.team_roles (team, role) VALUES ('acme/Red', 'Admin')$$),
('{see, admin}', $$DELETE FROM rbac.organizations WHERE name = 'acme'$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;
DELETE FROM rbac.members WHERE member = 'admin';
SET ROLE regress_govern_app;
SELECT try('temp', $$UPDATE rbac.roles SET all_scopes = false WHERE name = 'acme/Boss'$$);
RESET ROLE;
UPDATE rbac.members SET member = 'admin', role = 'Admin' WHERE member = 'temp';
\echo a team that gives all scopes
TRUNCATE attempts;
INSERT INTO rbac.teams (name) VALUES ('acme/Admins');
INSERT INTO rbac.team_roles (team, role) VALUES ('acme/Admins', 'Admin');
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Admins', 'bob');
INSERT INTO attempts (members, statement) VALUES
('{admin, team_delete}', $$DELETE FROM rbac.teams WHERE name = 'acme/Admins'$$),
('{admin, team_update, set_admin}', $$DELETE FROM rbac.team_members WHERE team = 'acme/Admins'$$),
('{admin, team_update, set_admin}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/Admins', 'see')$$),
('{admin, team_role, set_admin}', $$DELETE FROM rbac.team_roles WHERE team = 'acme/Admins'$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;
DELETE FROM rbac.teams WHERE name = 'acme/Admins';

\echo == roles, rules and permission sets
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{role_create, role_update, role_delete, admin of globex}', $$INSERT INTO rbac.roles (name) VALUES ('acme/New')$$),
('{role_update, role_create, role_delete}', $$UPDATE rbac.roles SET description = 'new' WHERE name = 'acme/see'$$),
('{role_delete, role_create, role_update}', $$DELETE FROM rbac.roles WHERE name = 'acme/Boss'$$),
('{role_create, role_update, role_delete}', $$INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Boss', 'acme/see')$$),
('{role_update, role_create, role_delete}', $$UPDATE rbac.role_rules SET permission_set = 'acme/nothing', entity_type = 'stack' WHERE role = 'acme/see' AND permission_set = 'Stack Access Read'$$),
('{role_delete, role_create, role_update}', $$DELETE FROM rbac.role_rules WHERE role = 'acme/add'$$),
('{role_create, role_update, role_delete}', $$INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/New', 'stack', '{stack:delete}')$$),
('{role_update, role_create, role_delete}', $$UPDATE rbac.permission_sets SET scopes = '{}' WHERE name = 'acme/see'$$),
('{role_delete, role_create, role_update}', $$DELETE FROM rbac.permission_sets WHERE name = 'acme/delete'$$),
('{admin}', $$INSERT INTO rbac.roles (name) VALUES ('Shared')$$),
('{admin}', $$INSERT INTO rbac.roles (name) VALUES ('globex/New')$$),
('{admin}', $$INSERT INTO rbac.roles (name) VALUES ('/New')$$),
('{admin}', $$INSERT INTO rbac.roles (name) VALUES (NULL)$$),
('{admin}', $$UPDATE rbac.roles SET name = 'acme/Old' WHERE name = 'acme/Boss'$$),
('{admin}', $$UPDATE rbac.roles SET description = '' WHERE name = 'Member'$$),
('{admin}', $$DELETE FROM rbac.permission_sets WHERE name = 'Stack Read'$$),
('{admin}', $$INSERT INTO rbac.role_rules (role, permission_set) VALUES ('Member', 'Stack Read')$$),
('{admin}', $$INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/see', 'Stack Read', 'globex web')$$),
('{admin, admin of globex}', $$UPDATE rbac.role_rules SET role = 'globex/Mine' WHERE role = 'acme/see'$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;

\echo == teams
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{team_create, team_update, team_delete, admin of globex}', $$INSERT INTO rbac.teams (name) VALUES ('acme/New')$$),
('{github, team_create}', $$INSERT INTO rbac.teams (name, source) VALUES ('acme/New', 'github')$$),
('{team_update, team_create, team_delete, nothing}', $$UPDATE rbac.teams SET description = 'red' WHERE name = 'acme/Red'$$),
('{github, team_update}', $$UPDATE rbac.teams SET source = 'github' WHERE name = 'acme/Red'$$),
('{team_delete, team_create, team_update, nothing}', $$DELETE FROM rbac.teams WHERE name = 'acme/Red'$$),
('{admin}', $$UPDATE rbac.teams SET name = 'acme/Green' WHERE name = 'acme/Red'$$),
('{team_update, nothing, see, read, admin of globex}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/Red', 'bob')$$),
('{team_update, see, nothing, read}', $$DELETE FROM rbac.team_members WHERE team = 'acme/Blue' AND member = 'read'$$),
('{team_update, see, nothing, read}', $$UPDATE rbac.team_members SET is_admin = true WHERE team = 'acme/Blue' AND member = 'read'$$),
('{see, team_update}', $$UPDATE rbac.team_members SET team = 'acme/Red' WHERE team = 'acme/Blue' AND member = 'read'$$),
('{team_role, team_update, role_update, nothing, see}', $$INSERT INTO rbac.team_roles (team, role) VALUES ('acme/Red', 'acme/see')$$),
('{admin, nothing}', $$INSERT INTO rbac.team_members (team, member) VALUES (NULL, 'bob')$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;
INSERT INTO rbac.team_roles (team, role) VALUES ('acme/Red', 'acme/see');
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{team_role, team_update, role_update, nothing}', $$UPDATE rbac.team_roles SET expires_at = '2100-01-01' WHERE team = 'acme/Red'$$),
('{team_role, team_update, role_update, nothing}', $$DELETE FROM rbac.team_roles WHERE team = 'acme/Red'$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;
\echo an admin of a team whose membership in it, or in the organization, has expired
UPDATE rbac.team_members SET expires_at = '2000-01-01' WHERE member = 'see';
SET ROLE regress_govern_app;
SELECT try('see', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/Blue', 'bob')$$);
RESET ROLE;
UPDATE rbac.team_members SET expires_at = NULL WHERE member = 'see';
UPDATE rbac.members SET expires_at = '2000-01-01' WHERE member = 'see';
SET ROLE regress_govern_app;
SELECT try('see', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/Blue', 'bob')$$);
RESET ROLE;
UPDATE rbac.members SET expires_at = NULL WHERE member = 'see';
\echo who makes a team is its first member, in the same transaction
SET ROLE regress_govern_app;
SELECT try('team_create', $$INSERT INTO rbac.teams (name) VALUES ('acme/Early')$$);
SELECT try('team_create', $$INSERT INTO rbac.team_members (team, member, is_admin) VALUES ('acme/Early', 'team_create', true)$$);
SELECT try('team_create', statement) FROM unnest(ARRAY[
	$$INSERT INTO rbac.team_members (team, member, is_admin) VALUES ('acme/Red', 'team_create', true)$$,
	$$INSERT INTO rbac.teams (name) VALUES ('acme/Mine')$$,
	$$INSERT INTO rbac.team_members (team, member) VALUES ('acme/Mine', 'bob')$$,
	$$INSERT INTO rbac.team_members (team, member, is_admin) VALUES ('acme/Mine', 'team_create', true)$$,
	$$INSERT INTO rbac.team_members (team, member) VALUES ('acme/Mine', 'bob')$$,
	$$UPDATE rbac.teams SET description = 'mine' WHERE name = 'acme/Mine'$$]) WITH ORDINALITY AS s (statement, no) ORDER BY no;
RESET ROLE;
DELETE FROM rbac.teams WHERE name IN ('acme/Mine', 'acme/Early');

\echo == what an organization gives to all, and itself
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{org_update, org_delete}', $$UPDATE rbac.organizations SET description = 'Acme'$$),
('{org_update, see}', $$INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'Stack Access Read')$$),
('{org_update, see}', $$INSERT INTO rbac.default_roles VALUES ('acme', 'acme/nothing')$$),
('{org_update, see}', $$INSERT INTO rbac.default_roles VALUES ('acme', 'acme/see')$$),
('{admin, org_update, see}', $$INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'team:create')$$),
('{admin}', $$INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'team:created')$$),
('{admin}', $$INSERT INTO rbac.organization_settings (organization, scope) VALUES ('globex', 'team:create')$$),
('{admin}', $$INSERT INTO rbac.organizations (name) VALUES ('new')$$),
('{admin}', $$UPDATE rbac.organizations SET name = 'new' WHERE name = 'acme'$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'Stack Access Read');
INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'team:create');
INSERT INTO rbac.default_roles VALUES ('acme', 'acme/see');
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{org_update, see}', $$DELETE FROM rbac.member_defaults$$),
('{org_update, see}', $$DELETE FROM rbac.organization_settings$$),
('{org_update, see}', $$DELETE FROM rbac.default_roles$$),
('{org_update, see}', $$UPDATE rbac.default_roles SET role = 'acme/nothing'$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;
DELETE FROM rbac.member_defaults;
DELETE FROM rbac.organization_settings;
DELETE FROM rbac.default_roles;

\echo == grants on entities: read owns web, and access manages access to all stacks
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{admin, read, access, see, admin of globex}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Access Read', 'web', 'acme', 'bob')$$),
('{admin, access, read}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Access Read', 'db', 'acme', 'bob')$$),
('{admin, access, read}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Access Read', 'not registered', 'acme', 'bob')$$),
('{admin, access, admin of globex}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Access Read', 'globex web', 'acme', 'bob')$$),
('{see, nothing, access, team_update}', $$INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Access Read', 'db', 'acme/Blue')$$),
('{admin, access}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Environment Read', 'prod', 'acme', 'bob')$$),
('{admin}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', NULL, 'acme', 'bob')$$),
('{admin}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES (NULL, 'web', 'acme', 'bob')$$),
('{admin}', $$INSERT INTO rbac.entity_grants (permission_set, entity) VALUES ('Stack Read', 'web')$$),
('{admin}', $$INSERT INTO rbac.entity_grants (permission_set, entity, team, organization, member) VALUES ('Stack Read', 'web', 'acme/Red', 'globex', 'admin of globex')$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Access Read', 'web', 'acme', 'bob');
INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Access Read', 'db', 'acme/Blue');
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{read, access, see, nothing}', $$DELETE FROM rbac.entity_grants WHERE member = 'bob'$$),
('{access, see, read, nothing}', $$DELETE FROM rbac.entity_grants WHERE team = 'acme/Blue'$$),
('{read, access, see}', $$UPDATE rbac.entity_grants SET expires_at = '2100-01-01' WHERE member = 'bob'$$),
('{read, access, admin}', $$UPDATE rbac.entity_grants SET entity = 'db' WHERE member = 'bob'$$),
('{read, access}', $$UPDATE rbac.entity_grants SET member = 'see' WHERE member = 'bob'$$),
('{admin}', $$UPDATE rbac.entity_grants SET organization = 'globex', member = 'admin of globex' WHERE member = 'bob'$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;

\echo == the registry
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{admin, access, read, see, admin of globex}', $$INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'new', 'acme')$$),
('{admin, access}', $$INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('environment', 'new', 'acme')$$),
('{admin, access, read, admin of globex}', $$INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'db', 'acme')$$),
('{admin, access, read, see}', $$UPDATE rbac.entities SET tags = '{"a": 1}' WHERE entity = 'web'$$),
('{admin, access, read}', $$UPDATE rbac.entities SET owner = NULL WHERE entity = 'web'$$),
('{admin, access, read, see}', $$DELETE FROM rbac.entities WHERE entity = 'web'$$),
('{admin, access}', $$UPDATE rbac.entities SET organization = 'globex' WHERE entity = 'web'$$),
('{admin of globex}', $$UPDATE rbac.entities SET organization = 'acme' WHERE entity = 'globex web'$$),
('{admin}', $$INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('nothing', 'new', 'acme')$$),
('{admin}', $$INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', NULL, 'acme')$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;

\echo == names
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{role_update, role_create, admin of globex}', $$SELECT rbac.rename('role', 'acme/see', 'acme/look')$$),
('{role_update, role_create}', $$SELECT rbac.rename('permission_set', 'acme/see', 'acme/look')$$),
('{team_update, nothing}', $$SELECT rbac.rename('team', 'acme/Red', 'acme/Green')$$),
('{admin}', $$SELECT rbac.rename('team', 'acme/Red', 'globex/Green')$$),
('{admin}', $$SELECT rbac.rename('team', 'globex/Red', 'globex/Green')$$),
('{admin}', $$SELECT rbac.rename('team', 'acme/nothing', 'acme/Green')$$),
('{admin}', $$SELECT rbac.rename('role', 'Member', 'Everybody')$$),
('{admin}', $$SELECT rbac.rename('organization', 'acme', 'globex2')$$),
('{admin}', $$SELECT rbac.rename('member', 'bob', 'robert')$$),
('{admin}', $$SELECT rbac.rename('scope', 'stack:read', 'stack:see')$$),
('{admin}', $$SELECT rbac_internal.rename_everywhere('role', 'acme/see', 'acme/look')$$);
SET ROLE regress_govern_app; SELECT attempt_all(); SELECT try(NULL, $$SELECT rbac.rename('role', 'acme/see', 'acme/look')$$); RESET ROLE;

\echo == an organization as a whole
TRUNCATE attempts;
DELETE FROM rbac.entities;
INSERT INTO attempts (members, statement) VALUES
('{org_delete, org_update, admin of globex}', $$DELETE FROM rbac.organizations WHERE name = 'acme'$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;

\echo == what all organizations share
TRUNCATE attempts;
INSERT INTO attempts (members, statement) VALUES
('{admin}', $$INSERT INTO rbac.entity_types (name) VALUES ('new')$$), ('{admin}', $$DELETE FROM rbac.entity_types$$),
('{admin}', $$INSERT INTO rbac.scopes (name, entity_type) VALUES ('new:read', 'stack')$$), ('{admin}', $$UPDATE rbac.scopes SET toggle = true$$),
('{admin}', $$INSERT INTO rbac.entity_type_settings VALUES ('stack', 'Stack Admin')$$);
SET ROLE regress_govern_app; SELECT attempt_all(); RESET ROLE;

\echo == nobody in particular, TRUNCATE and COPY
SET ROLE regress_govern_app;
SELECT try(NULL, $$INSERT INTO rbac.roles (name) VALUES ('acme/New')$$);
RESET ROLE;
GRANT TRUNCATE ON ALL TABLES IN SCHEMA rbac TO regress_govern_app;
SET ROLE regress_govern_app;
SELECT try('admin', $$TRUNCATE rbac.team_members$$);
SET rbac.member = 'admin';
COPY rbac.teams (name) FROM STDIN;
\.
RESET rbac.member;
RESET ROLE;

\echo == ids are given, not chosen
SELECT max(id) AS last_id FROM rbac.role_rules \gset
SET ROLE regress_govern_app;
SET rbac.member = 'admin';
INSERT INTO rbac.role_rules (id, role, permission_set) VALUES (1000000, 'acme/Boss', 'Stack Read');
UPDATE rbac.role_rules SET id = 1000000 WHERE role = 'acme/Boss' AND permission_set = 'Stack Read';
SELECT count(*), bool_and(id > :last_id AND id < :last_id + 10) FROM rbac.role_rules WHERE role = 'acme/Boss';
RESET rbac.member;
RESET ROLE;

\echo == past the policies: the owner, and roles with BYPASSRLS
ALTER ROLE regress_govern_app BYPASSRLS;
SET ROLE regress_govern_app;
SELECT try(NULL, statement) FROM unnest(ARRAY[$$INSERT INTO rbac.roles (name) VALUES ('acme/New'), ('New')$$, $$DELETE FROM rbac.members WHERE member = 'admin'$$]) AS s (statement);
RESET ROLE;

\echo == not by hand
SELECT rbac.authorize();
CREATE TABLE mine (name text);
CREATE TRIGGER a BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
INSERT INTO mine VALUES ('x');

DROP TABLE mine, attempts;
DROP FUNCTION try(text, text);
DROP FUNCTION attempt_all();
DROP OWNED BY regress_govern_app;
DROP ROLE regress_govern_app;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
DELETE FROM rbac.roles WHERE NOT builtin;
