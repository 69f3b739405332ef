-- nobody gives what they do not hold, whatever row it is that would give it
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE ROLE regress_govern_app;
GRANT SET ON PARAMETER rbac.member TO regress_govern_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO regress_govern_app;

-- runs a statement for each of these members, and undoes it
CREATE FUNCTION try(members text[], statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	member text;
	answer text;
	detail text;
	n      bigint;
BEGIN
	RETURN NEXT '- ' || statement;
	FOREACH member IN ARRAY members LOOP
		BEGIN
			PERFORM rbac.act_as(member);
			EXECUTE statement;
			GET DIAGNOSTICS n = ROW_COUNT;
			SET CONSTRAINTS ALL IMMEDIATE;
			answer := 'ok, rows: ' || n;
			RAISE EXCEPTION USING ERRCODE = 'RB000';
		EXCEPTION
			WHEN SQLSTATE 'RB000' THEN
				RETURN NEXT format('%s: %s', member, answer);
			WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
				RETURN NEXT concat_ws(E'\n    ', format('%s: %s %s', member, sqlstate, sqlerrm), CASE WHEN sqlerrm !~ '^update or delete on table' THEN detail END);
		END;
	END LOOP;
END $$;
\pset format unaligned
\pset tuples_only on

/*
 * All of these may administer; what they hold on stacks differs: wide has stack:read on all, tagged on those of development,
 * direct on web, temp on all until 2100, none nothing, and owner owns web.  Nobody has stack:write, but for the owner.
 */
INSERT INTO rbac.organizations (name) VALUES ('acme'), ('globex');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES
	('acme/administer', 'organization', '{org_member:add, org_member:update, org_member:delete, org_member:set_admin, org_member:read, org_token:create, org_token:delete, team:create, team:update, team:delete, team:read, role:create, role:update, role:delete, role:read, organization:update}'),
	('acme/access', 'stack', '{stack_access:read, stack_access:update}'),
	('acme/read', 'stack', '{stack:read}'), ('acme/write', 'stack', '{stack:write}'), ('acme/both', 'stack', '{stack:read, stack:write}'),
	('acme/unused', 'stack', '{}'), ('acme/in rule', 'stack', '{}'), ('acme/in tag rule', 'stack', '{}'), ('acme/in direct rule', 'stack', '{}'),
	('acme/in grant', 'stack', '{}'), ('acme/in short grant', 'stack', '{}'), ('acme/in expired grant', 'stack', '{}'), ('acme/in defaults', 'stack', '{}');
INSERT INTO rbac.roles (name) SELECT 'acme/' || unnest(ARRAY['wide', 'tagged', 'direct', 'none', 'reader', 'writer', 'tag reader', 'other tag reader', 'web reader', 'user', 'empty']);
INSERT INTO rbac.role_rules (role, permission_set) SELECT 'acme/' || r, s
	FROM unnest(ARRAY['wide', 'tagged', 'direct', 'none']) r, unnest(ARRAY['acme/administer', 'Standard', 'acme/access']) s;
INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES
	('acme/wide', 'acme/read', NULL, NULL), ('acme/tagged', 'acme/read', NULL, '$.env == "dev"'), ('acme/direct', 'acme/read', 'web', NULL),
	('acme/reader', 'acme/read', NULL, NULL), ('acme/writer', 'acme/write', NULL, NULL),
	('acme/tag reader', 'acme/read', NULL, '$.env  ==  "dev"'), ('acme/other tag reader', 'acme/read', NULL, '$.env == "test"'), ('acme/web reader', 'acme/read', 'web', NULL),
	('acme/user', 'acme/in rule', NULL, NULL), ('acme/user', 'acme/in tag rule', NULL, '$.env == "dev"'), ('acme/user', 'acme/in direct rule', 'web', NULL);
INSERT INTO rbac.members (organization, member, role, expires_at) VALUES
	('acme', 'wide', 'acme/wide', NULL), ('acme', 'tagged', 'acme/tagged', NULL), ('acme', 'direct', 'acme/direct', NULL), ('acme', 'none', 'acme/none', NULL),
	('acme', 'owner', 'acme/none', NULL), ('acme', 'temp', 'acme/wide', '2100-01-01'), ('acme', 'admin', 'Admin', NULL), ('acme', 'temp admin', 'Admin', '2100-01-01'),
	('acme', 'bob', 'acme/empty', NULL), ('acme', 'short', 'acme/empty', '2050-01-01'), ('acme', 'past', 'acme/reader', '2000-01-01'), ('globex', 'grace', 'Admin', NULL);
INSERT INTO rbac.members (organization, member, kind, role) VALUES ('acme', 'token', 'organization_token', 'acme/wide');
INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags) VALUES
	('stack', 'web', 'acme', 'owner', '{"env": "prod"}'), ('stack', 'dev', 'acme', NULL, '{"env": "dev"}'), ('stack', 'of somebody', 'acme', 'somebody', NULL),
	('stack', 'elsewhere', 'globex', NULL, '{"env": "dev"}');
INSERT INTO rbac.teams (name) VALUES ('acme/empty'), ('acme/readers'), ('acme/writers'), ('acme/readers of web'), ('acme/readers until 2050'), ('acme/readers once');
INSERT INTO rbac.team_roles (team, role, expires_at) VALUES ('acme/readers', 'acme/reader', NULL), ('acme/writers', 'acme/writer', NULL),
	('acme/readers until 2050', 'acme/reader', '2050-01-01'), ('acme/readers once', 'acme/reader', '2000-01-01');
INSERT INTO rbac.entity_grants (permission_set, entity, team, expires_at) VALUES ('acme/read', 'web', 'acme/readers of web', NULL),
	('acme/in grant', 'web', 'acme/empty', NULL), ('acme/in short grant', 'web', 'acme/empty', '2050-01-01'), ('acme/in expired grant', 'web', 'acme/empty', '2000-01-01');
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'acme/in defaults');
SET ROLE regress_govern_app;

\echo == rules
SELECT try('{wide, tagged, direct, temp, none, owner, admin, temp admin, token}', $$INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/empty', 'acme/read')$$);
SELECT try('{wide, tagged, direct, owner, admin}', $$INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/empty', 'acme/read', '$.env=="dev"')$$);
SELECT try('{wide, tagged}', $$INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/empty', 'acme/read', '$.env == "test"')$$);
SELECT try('{wide, tagged, direct, owner, none, admin}', $$INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/empty', 'acme/read', 'web')$$);
SELECT try('{wide, tagged, direct, owner}', $$INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/empty', 'acme/read', 'dev')$$);
SELECT try('{wide, tagged, direct, owner, temp}', $$INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/empty', 'acme/read', 'not registered')$$);
SELECT try('{wide, tagged}', $$INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/empty', 'acme/read', 'elsewhere')$$);
SELECT try('{wide, owner, admin}', $$INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/empty', 'acme/both', 'web')$$);
SELECT try('{wide, admin}', $$INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/empty', 'Read Only')$$);
\echo a rule that becomes another: wider, for more, or for less
SELECT try('{wide, tagged}', $$UPDATE rbac.role_rules SET condition = NULL WHERE role = 'acme/tag reader'$$);
SELECT try('{wide, direct}', $$UPDATE rbac.role_rules SET entity = 'dev' WHERE role = 'acme/web reader'$$);
SELECT try('{wide, none}', $$UPDATE rbac.role_rules SET permission_set = 'acme/both' WHERE role = 'acme/writer'$$);
SELECT try('{wide, none}', $$UPDATE rbac.role_rules SET permission_set = 'acme/unused' WHERE role = 'acme/writer'$$);
SELECT try('{wide, none}', $$UPDATE rbac.role_rules SET role = 'acme/empty' WHERE role = 'acme/reader'$$);

\echo == permission sets in use
SELECT try('{none}', $$UPDATE rbac.permission_sets SET scopes = '{stack:write}' WHERE name = 'acme/unused'$$);
SELECT try('{wide, tagged, temp}', $$UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'acme/in rule'$$);
SELECT try('{wide, tagged, direct}', $$UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'acme/in tag rule'$$);
SELECT try('{wide, tagged, direct, owner}', $$UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'acme/in direct rule'$$);
SELECT try('{wide, tagged, direct, owner, temp}', $$UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'acme/in grant'$$);
SELECT try('{none, temp}', $$UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'acme/in short grant'$$);
SELECT try('{none}', $$UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'acme/in expired grant'$$);
SELECT try('{wide, tagged}', $$UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'acme/in defaults'$$);
SELECT try('{none}', $$UPDATE rbac.permission_sets SET scopes = '{}' WHERE name = 'acme/both'$$);
SELECT try('{none, wide, admin}', $$UPDATE rbac.permission_sets SET scopes = '{stack:read, stack:write}' WHERE name = 'acme/write'$$);
\echo a set that goes and comes back with more
SELECT try('{none, wide}', $$WITH gone AS (DELETE FROM rbac.permission_sets WHERE name = 'acme/in rule' RETURNING name)
	INSERT INTO rbac.permission_sets (name, entity_type, scopes) SELECT name, 'stack', '{stack:read}' FROM gone$$);
\echo one that comes after it is used
SELECT try('{none, wide}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED;
	INSERT INTO rbac.role_rules (role, permission_set, entity_type) VALUES (''acme/empty'', ''acme/ghost'', ''stack'');
	INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES (''acme/ghost'', ''stack'', ''{stack:read}''); END'$$);
SELECT try('{none}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED;
	INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES (''acme/ghost'', ''environment'', ''{stack:read}''); END'$$);
\echo nor anything else that comes after it is used
SELECT try('{none, admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; UPDATE rbac.members SET role = ''acme/ghost'' WHERE member = ''bob''; END'$$);
SELECT try('{admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rbac.role_rules (role, permission_set) VALUES (''acme/ghost'', ''acme/read''); END'$$);
SELECT try('{admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rbac.team_members (team, member) VALUES (''acme/ghost'', ''bob''); END'$$);
SELECT try('{admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rbac.team_members (team, member) VALUES (''acme/empty'', ''ghost''); END'$$);
SELECT try('{admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rbac.team_roles (team, role) VALUES (''acme/empty'', ''acme/ghost''); END'$$);
SELECT try('{admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rbac.team_roles (team, role) VALUES (''acme/ghost'', ''acme/reader''); END'$$);
SELECT try('{admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rbac.default_roles VALUES (''acme'', ''acme/ghost''); END'$$);
SELECT try('{admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rbac.member_defaults VALUES (''acme'', ''acme/ghost'', ''stack''); END'$$);
SELECT try('{admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rbac.entity_grants (permission_set, entity_type, entity, team) VALUES (''acme/ghost'', ''stack'', ''web'', ''acme/empty''); END'$$);
SELECT try('{admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES (''acme/read'', ''web'', ''acme/ghost''); END'$$);
SELECT try('{admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES (''acme/read'', ''web'', ''acme'', ''ghost''); END'$$);
\echo or goes, and something else is renamed to it
SELECT try('{none, admin}', $$DO 'BEGIN SET CONSTRAINTS ALL DEFERRED; DELETE FROM rbac.permission_sets WHERE name = ''acme/in rule''; PERFORM rbac.rename(''permission_set'', ''acme/both'', ''acme/in rule''); END'$$);
\echo two tables at once
SELECT try('{none, wide}', $$WITH more AS (UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'acme/unused' RETURNING name)
	INSERT INTO rbac.role_rules (role, permission_set) SELECT 'acme/empty', name FROM more$$);
SELECT try('{none, wide}', $$WITH rule AS (INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/empty', 'acme/unused') RETURNING permission_set)
	UPDATE rbac.permission_sets SET scopes = '{stack:read}' FROM rule WHERE name = permission_set$$);

\echo == grants
SELECT try('{wide, tagged, direct, owner, temp, none, admin}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('acme/read', 'web', 'acme', 'bob')$$);
SELECT try('{temp, temp admin}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES ('acme/read', 'web', 'acme', 'bob', '2100-01-01')$$);
SELECT try('{temp, temp admin}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES ('acme/read', 'web', 'acme', 'bob', '2100-01-01 00:00:00.000001')$$);
SELECT try('{temp}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES ('acme/read', 'web', 'acme', 'bob', 'infinity')$$);
SELECT try('{wide, none}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES ('acme/read', 'web', 'acme', 'bob', '-infinity')$$);
\echo somebody's membership may be prolonged, so that the row's own end counts
SELECT try('{temp}', $$INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('acme/read', 'web', 'acme', 'short')$$);
SELECT try('{temp}', $$INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('acme/read', 'web', 'acme/writers')$$);
SELECT try('{wide, none}', $$INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('acme/read', 'dev', 'acme/empty')$$);
SELECT try('{wide, none}', $$INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('acme/read', 'not registered', 'acme/empty')$$);
SELECT try('{wide, owner}', $$UPDATE rbac.entity_grants SET permission_set = 'acme/both' WHERE team = 'acme/readers of web'$$);
SELECT try('{none}', $$UPDATE rbac.entity_grants SET permission_set = 'acme/unused' WHERE team = 'acme/readers of web'$$);
SELECT try('{none}', $$UPDATE rbac.entity_grants SET expires_at = '2050-01-01' WHERE team = 'acme/readers of web'$$);
SELECT try('{none, wide}', $$UPDATE rbac.entity_grants SET permission_set = 'acme/read', expires_at = NULL WHERE permission_set = 'acme/in short grant'$$);

\echo == teams
SELECT try('{none}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/empty', 'none')$$);
SELECT try('{wide, tagged, temp, none, admin}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/readers', 'bob')$$);
SELECT try('{none}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/readers', 'none'), ('acme/readers', 'bob')$$);
SELECT try('{wide, temp}', $$INSERT INTO rbac.team_members (team, member, expires_at) VALUES ('acme/readers', 'bob', '2100-01-01')$$);
SELECT try('{temp}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/readers', 'short')$$);
SELECT try('{temp, none}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/readers until 2050', 'bob')$$);
SELECT try('{none}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/readers once', 'bob')$$);
SELECT try('{none}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/readers', 'past')$$);
SELECT try('{wide, direct, owner, tagged}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/readers of web', 'bob')$$);
SELECT try('{wide, tagged, temp}', $$INSERT INTO rbac.team_roles (team, role) VALUES ('acme/empty', 'acme/reader')$$);
SELECT try('{temp}', $$INSERT INTO rbac.team_roles (team, role, expires_at) VALUES ('acme/empty', 'acme/reader', '2100-01-01')$$);
SELECT try('{wide, tagged}', $$INSERT INTO rbac.team_roles (team, role) VALUES ('acme/empty', 'acme/tag reader')$$);
SELECT try('{wide, tagged}', $$INSERT INTO rbac.team_roles (team, role) VALUES ('acme/empty', 'acme/other tag reader')$$);
SELECT try('{none, wide}', $$UPDATE rbac.team_roles SET role = 'acme/reader' WHERE team = 'acme/writers'$$);
SELECT try('{none, wide}', $$UPDATE rbac.team_roles SET expires_at = NULL WHERE team = 'acme/readers once'$$);
SELECT try('{none}', $$UPDATE rbac.team_roles SET expires_at = '2050-01-01' WHERE team = 'acme/readers'$$);
SELECT try('{admin, temp admin, none}', $$INSERT INTO rbac.team_roles (team, role) VALUES ('acme/empty', 'Admin')$$);

\echo == members
SELECT try('{wide, tagged, temp, none}', $$INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'new', 'acme/reader')$$);
SELECT try('{temp}', $$INSERT INTO rbac.members (organization, member, role, expires_at) VALUES ('acme', 'new', 'acme/reader', '2100-01-01')$$);
SELECT try('{none, token}', $$INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'new', 'acme/empty')$$);
SELECT try('{wide, none}', $$UPDATE rbac.members SET role = 'acme/reader' WHERE member IN ('bob', 'none')$$);
SELECT try('{none, wide}', $$UPDATE rbac.members SET role = 'acme/writer' WHERE member = 'none'$$);
\echo the role Member has Standard, Stack Access Read, and what the organization gives by default
SELECT try('{none, admin}', $$UPDATE rbac.members SET role = 'Member' WHERE member = 'bob'$$);
SELECT try('{none, admin}', $$INSERT INTO rbac.members (organization, member) VALUES ('acme', 'new')$$);
RESET ROLE;
UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name = 'acme/in defaults';
SET ROLE regress_govern_app;
SELECT try('{none, wide, admin}', $$INSERT INTO rbac.members (organization, member) VALUES ('acme', 'new')$$);
\echo what the former role gave, too, is nothing new; nor is anything to an admin
SELECT try('{none}', $$UPDATE rbac.members SET role = 'acme/empty' WHERE member = 'wide'$$);
SELECT try('{none}', $$UPDATE rbac.members SET role = 'acme/reader' WHERE member = 'wide'$$);
SELECT try('{none}', $$UPDATE rbac.members SET role = 'acme/tag reader' WHERE member = 'wide'$$);
SELECT try('{none}', $$UPDATE rbac.members SET role = 'acme/reader' WHERE member = 'tagged'$$);
SELECT try('{none}', $$UPDATE rbac.members SET role = 'acme/writer' WHERE member = 'temp admin'$$);
SELECT try('{none}', $$UPDATE rbac.members SET role = 'acme/reader', expires_at = '2200-01-01' WHERE member = 'temp'$$);
\echo an extension gives all that the member has by then
SELECT try('{none, wide, temp}', $$UPDATE rbac.members SET expires_at = NULL WHERE member = 'past'$$);
SELECT try('{temp}', $$UPDATE rbac.members SET expires_at = '2100-01-01' WHERE member = 'past'$$);
RESET ROLE;
INSERT INTO rbac.team_members (team, member) VALUES ('acme/writers', 'short');
SET ROLE regress_govern_app;
SELECT try('{wide, admin}', $$UPDATE rbac.members SET expires_at = NULL WHERE member = 'short'$$);
SELECT try('{wide}', $$UPDATE rbac.members SET expires_at = '2040-01-01' WHERE member = 'short'$$);
RESET ROLE;
DELETE FROM rbac.team_members;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('acme/write', 'web', 'acme', 'short');
SET ROLE regress_govern_app;
SELECT try('{wide, owner}', $$UPDATE rbac.members SET expires_at = NULL WHERE member = 'short'$$);
\echo somebody who comes back finds what they own
SELECT try('{wide, admin}', $$INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'somebody', 'acme/empty')$$);
SELECT try('{none}', $$INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'somebody else', 'acme/empty')$$);
\echo toggles are for all members, but not for organization tokens, who can thus not give them
RESET ROLE;
INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'insights_account:create');
SET ROLE regress_govern_app;
SELECT try('{none, token}', $$INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'new', 'acme/empty')$$);
SELECT try('{token}', $$INSERT INTO rbac.members (organization, member, kind, role) VALUES ('acme', 'new', 'organization_token', 'acme/empty')$$);

\echo == settings
SELECT try('{wide, tagged}', $$INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'acme/read')$$);
SELECT try('{wide, none}', $$UPDATE rbac.member_defaults SET permission_set = 'acme/read'$$);
SELECT try('{wide, admin}', $$INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'stack:create')$$);
SELECT try('{wide}', $$INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'team:create')$$);
SELECT try('{wide, none}', $$INSERT INTO rbac.default_roles VALUES ('acme', 'acme/reader')$$);
SELECT try('{none}', $$INSERT INTO rbac.default_roles VALUES ('acme', 'acme/empty')$$);
RESET ROLE;
INSERT INTO rbac.default_roles VALUES ('acme', 'acme/empty');
SET ROLE regress_govern_app;
\echo no default is Member
SELECT try('{none, wide, admin}', $$DELETE FROM rbac.default_roles$$);
SELECT try('{admin, temp admin, wide}', $$UPDATE rbac.default_roles SET role = 'Admin'$$);

\echo == the registry
SELECT try('{wide, owner, admin}', $$UPDATE rbac.entities SET owner = 'bob' WHERE entity = 'web'$$);
SELECT try('{wide, tagged}', $$UPDATE rbac.entities SET owner = NULL WHERE entity = 'web'$$);
\echo tags that satisfy the condition of a rule
SELECT try('{wide, direct, owner, none, tagged}', $$UPDATE rbac.entities SET tags = '{"env": "dev"}' WHERE entity = 'web'$$);
SELECT try('{none}', $$UPDATE rbac.entities SET tags = '{"env": "else"}' WHERE entity = 'web'$$);
SELECT try('{tagged, none}', $$UPDATE rbac.entities SET tags = '{"env": "dev", "x": 1}' WHERE entity = 'dev'$$);
SELECT try('{wide, tagged, none}', $$INSERT INTO rbac.entities (entity_type, entity, organization, tags) VALUES ('stack', 'new', 'acme', '{"env": "dev"}')$$);
SELECT try('{wide, none}', $$INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'new', 'acme')$$);
SELECT try('{wide, none, admin}', $$INSERT INTO rbac.entities (entity_type, entity, organization, owner) VALUES ('stack', 'new', 'acme', 'bob')$$);
SELECT try('{wide, none}', $$INSERT INTO rbac.entities (entity_type, entity, organization, owner) VALUES ('stack', 'new', 'acme', 'wide')$$);
\echo grants and rules that waited for an entity
RESET ROLE;
INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('acme/read', 'awaited', 'acme/empty');
INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/empty', 'acme/write', 'awaited too');
SET ROLE regress_govern_app;
SELECT try('{wide, none}', $$INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'awaited', 'acme')$$);
SELECT try('{wide, none, admin}', $$INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'awaited too', 'acme')$$);
\echo an entity that is taken elsewhere
RESET ROLE;
INSERT INTO rbac.members (organization, member, role) VALUES ('globex', 'none', 'Admin'), ('globex', 'admin', 'Admin');
SET ROLE regress_govern_app;
SELECT try('{none, admin}', $$UPDATE rbac.entities SET organization = 'globex' WHERE entity = 'web'$$);
SELECT try('{none}', $$WITH gone AS (DELETE FROM rbac.entities WHERE entity = 'web' RETURNING entity) INSERT INTO rbac.entities SELECT 'stack', entity, 'globex' FROM gone$$);

\echo == what has expired an hour ago counts for statements that began before; what has long ago does not
RESET ROLE;
INSERT INTO rbac.team_roles (team, role, expires_at) VALUES ('acme/empty', 'acme/writer', now() - interval '1 hour');
SET ROLE regress_govern_app;
SELECT try('{wide, admin}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/empty', 'bob')$$);
RESET ROLE;
UPDATE rbac.team_roles SET expires_at = now() - interval '2 days' WHERE team = 'acme/empty';
SET ROLE regress_govern_app;
SELECT try('{wide}', $$INSERT INTO rbac.team_members (team, member) VALUES ('acme/empty', 'bob')$$);

\echo == step by step, in one transaction
BEGIN;
SELECT rbac.act_as('none') \g /dev/null
SAVEPOINT s;
INSERT INTO rbac.teams (name) VALUES ('acme/mine');
INSERT INTO rbac.team_members (team, member, is_admin) VALUES ('acme/mine', 'none', true);
INSERT INTO rbac.team_roles (team, role) VALUES ('acme/mine', 'acme/reader');
ROLLBACK TO s;
INSERT INTO rbac.roles (name) VALUES ('acme/mine');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/mine', 'stack', '{stack:read}');
SAVEPOINT t;
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/mine', 'acme/mine');
ROLLBACK TO t;
UPDATE rbac.members SET role = 'acme/mine' WHERE member = 'bob';
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/mine', 'acme/mine');
ROLLBACK;
\echo what somebody loses they cannot give afterwards
BEGIN;
SELECT rbac.act_as('wide') \g /dev/null
UPDATE rbac.members SET role = 'acme/none' WHERE member = 'wide';
INSERT INTO rbac.team_members (team, member) VALUES ('acme/readers', 'bob');
ROLLBACK;

RESET ROLE;
DROP FUNCTION try(text[], text);
DROP OWNED BY regress_govern_app;
DROP ROLE regress_govern_app;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
