-- what members see of the tables that say who has what
CREATE ROLE regress_govern_app;
GRANT SET ON PARAMETER rbac.member TO regress_govern_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO regress_govern_app;
CREATE ROLE regress_govern_stranger;
GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO regress_govern_stranger;

INSERT INTO rbac.organizations (name) VALUES ('acme'), ('globex'), ('acme2');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES
	('Reader', 'stack', '{stack:read}'),
	('acme/Ops', 'stack', '{stack:read, stack:write}'),
	('acme/Hidden', 'stack', '{stack:delete}'),
	('acme/Auditing', 'organization', '{role:read}'),
	('globex/Ops', 'stack', '{stack:read}');
INSERT INTO rbac.roles (name) VALUES ('Shared'), ('acme/Ops'), ('acme/Other'), ('acme/Auditor'), ('acme/Nobody'), ('globex/Ops');
INSERT INTO rbac.role_rules (role, permission_set) VALUES
	('Shared', 'Reader'), ('acme/Ops', 'acme/Ops'), ('acme/Other', 'acme/Hidden'), ('acme/Auditor', 'acme/Auditing'), ('globex/Ops', 'globex/Ops');
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'alice', 'Admin'), ('acme', 'bob', 'Member'), ('acme', 'olga', 'acme/Ops'), ('acme', 'audrey', 'acme/Auditor'), ('acme', 'nora', 'acme/Nobody'),
	('globex', 'grace', 'Admin'), ('globex', 'bob', 'globex/Ops'), ('acme2', 'zoe', 'Admin');
INSERT INTO rbac.members (organization, member, role, expires_at) VALUES ('acme', 'past', 'Admin', '2000-01-01');
INSERT INTO rbac.members (organization, member, kind, role) VALUES
	('acme', 'robot', 'organization_token', 'acme/Ops'), ('acme', 'team robot', 'team_token', 'Member');
INSERT INTO rbac.teams (name) VALUES ('acme/Red'), ('acme/Blue'), ('globex/Red');
INSERT INTO rbac.team_members (team, member, is_admin) VALUES ('acme/Red', 'nora', true), ('acme/Red', 'olga', false), ('acme/Blue', 'bob', false), ('globex/Red', 'bob', false);
INSERT INTO rbac.team_roles (team, role) VALUES ('acme/Red', 'acme/Other'), ('acme/Blue', 'Shared');
INSERT INTO rbac.entities (entity_type, entity, organization, owner) VALUES
	('stack', 'web', 'acme', 'olga'), ('stack', 'db', 'acme', NULL), ('stack', 'globex-web', 'globex', 'bob');
INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Admin', 'db', 'acme/Red'), ('Reader', 'db', 'acme/Blue');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Reader', 'web', 'acme', 'bob'), ('acme/Hidden', 'db', 'acme', 'alice');
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'acme/Ops'), ('globex', 'Reader');
INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'stack:create'), ('globex', 'team:create');
INSERT INTO rbac.default_roles VALUES ('acme', 'acme/Ops'), ('globex', 'globex/Ops');

-- all that somebody sees, but for what comes with the extension
CREATE FUNCTION seen() RETURNS TABLE (table_name text, rows text) LANGUAGE sql AS $$
	SELECT 'organizations', string_agg(name, ', ' ORDER BY name) FROM rbac.organizations
	UNION ALL SELECT 'members', string_agg(organization || ':' || member, ', ' ORDER BY organization, member) FROM rbac.members
	UNION ALL SELECT 'teams', string_agg(name, ', ' ORDER BY name) FROM rbac.teams
	UNION ALL SELECT 'team_members', string_agg(team || ':' || member, ', ' ORDER BY team, member) FROM rbac.team_members
	UNION ALL SELECT 'team_roles', string_agg(team || ':' || role, ', ' ORDER BY team, role) FROM rbac.team_roles
	UNION ALL SELECT 'roles', string_agg(name, ', ' ORDER BY name) FROM rbac.roles WHERE NOT builtin
	UNION ALL SELECT 'role_rules', string_agg(role || ':' || permission_set, ', ' ORDER BY role, permission_set) FROM rbac.role_rules WHERE id > 0
	UNION ALL SELECT 'permission_sets', string_agg(name, ', ' ORDER BY name) FROM rbac.permission_sets WHERE NOT builtin
	UNION ALL SELECT 'entity_grants', string_agg(format('%s on %s to %s', permission_set, entity, coalesce(team, member)), ', ' ORDER BY entity, permission_set) FROM rbac.entity_grants
	UNION ALL SELECT 'entities', string_agg(entity, ', ' ORDER BY entity) FROM rbac.entities
	UNION ALL SELECT 'member_defaults', string_agg(organization || ':' || permission_set, ', ' ORDER BY organization, permission_set) FROM rbac.member_defaults
	UNION ALL SELECT 'organization_settings', string_agg(organization || ':' || scope, ', ' ORDER BY organization, scope) FROM rbac.organization_settings
	UNION ALL SELECT 'default_roles', string_agg(organization || ':' || role, ', ' ORDER BY organization) FROM rbac.default_roles
	UNION ALL SELECT 'entity_types', count(*)::text FROM rbac.entity_types
	UNION ALL SELECT 'scopes', count(*)::text FROM rbac.scopes
	UNION ALL SELECT 'entity_type_settings', count(*)::text FROM rbac.entity_type_settings
$$;

SET ROLE regress_govern_app;
\pset null '-'
\echo a login that is nobody
SELECT * FROM seen();
\echo a member of nothing
SET rbac.member = 'mallory'; SELECT * FROM seen();
\echo an admin
SET rbac.member = 'alice'; SELECT * FROM seen();
\echo an admin that has expired sees their membership
SET rbac.member = 'past'; SELECT * FROM seen();
\echo Member, in two organizations: by the default role all members, teams and team members
SET rbac.member = 'bob'; SELECT * FROM seen();
\echo a role of their own without any organization scopes, and an owner
SET rbac.member = 'olga'; SELECT * FROM seen();
\echo role:read
SET rbac.member = 'audrey'; SELECT * FROM seen();
\echo admin of a team, and who manages access to what the team does
SET rbac.member = 'nora'; SELECT * FROM seen();
\echo a token
SET rbac.member = 'robot'; SELECT * FROM seen();
\echo the name of an organization that begins like another
SET rbac.member = 'zoe'; SELECT * FROM seen() WHERE table_name IN ('organizations', 'members', 'roles');

\echo tokens for those who may see tokens only
RESET ROLE;
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES
	('acme/Org Tokens', 'organization', '{org_token:read}'), ('acme/Team Tokens', 'organization', '{team:list_tokens}'),
	('acme/List Teams', 'organization', '{team:list}'), ('acme/Read Teams', 'organization', '{team:read}');
UPDATE rbac.role_rules SET permission_set = 'acme/Org Tokens' WHERE role = 'acme/Auditor';
SET ROLE regress_govern_app;
SET rbac.member = 'audrey'; SELECT * FROM seen() WHERE table_name IN ('members', 'teams', 'team_members', 'team_roles', 'entity_grants');
RESET ROLE;
UPDATE rbac.role_rules SET permission_set = 'acme/Team Tokens' WHERE role = 'acme/Auditor';
SET ROLE regress_govern_app;
SET rbac.member = 'audrey'; SELECT * FROM seen() WHERE table_name IN ('members', 'teams', 'team_members', 'team_roles', 'entity_grants');
RESET ROLE;
UPDATE rbac.role_rules SET permission_set = 'acme/List Teams' WHERE role = 'acme/Auditor';
SET ROLE regress_govern_app;
SET rbac.member = 'audrey'; SELECT * FROM seen() WHERE table_name IN ('members', 'teams', 'team_members', 'team_roles', 'entity_grants');
RESET ROLE;
UPDATE rbac.role_rules SET permission_set = 'acme/Read Teams' WHERE role = 'acme/Auditor';
SET ROLE regress_govern_app;
SET rbac.member = 'audrey'; SELECT * FROM seen() WHERE table_name IN ('members', 'teams', 'team_members', 'team_roles', 'entity_grants');

\echo a login that is a member itself
RESET ROLE;
SET rbac.member = '';
INSERT INTO rbac.members (organization, member, role) VALUES ('globex', 'regress_govern_stranger', 'globex/Ops');
SET ROLE regress_govern_stranger;
SELECT * FROM seen();

\echo without privileges nothing is seen
RESET ROLE;
REVOKE SELECT ON ALL TABLES IN SCHEMA rbac FROM regress_govern_stranger;
SET ROLE regress_govern_stranger;
SELECT count(*) FROM rbac.members;

\echo row_security = off is no way around
SET ROLE regress_govern_app;
SET rbac.member = 'bob';
SET row_security = off;
SELECT count(*) FROM rbac.members;
RESET row_security;

\echo every table has row-level security
RESET ROLE;
SELECT relname FROM pg_class WHERE relnamespace = 'rbac'::regnamespace AND relkind = 'r' AND NOT relrowsecurity;
SELECT rbac.is_my_organization('acme'), rbac.is_my_role('acme/Ops'), rbac.is_my_team('acme/Red'), rbac.is_team_admin('acme/Red'), rbac.may_manage_access('acme', 'stack', 'web');
SELECT rbac.is_my_organization(NULL), rbac.is_my_organization(''), rbac.is_my_team('acme'), rbac.is_my_team(''), rbac.may_manage_access('acme', 'nothing', repeat('x', 1000));

DROP FUNCTION seen();
DROP OWNED BY regress_govern_app, regress_govern_stranger;
DROP ROLE regress_govern_app, regress_govern_stranger;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
DELETE FROM rbac.roles WHERE NOT builtin;
DELETE FROM rbac.permission_sets WHERE NOT builtin;
