/*
 * Organizations number :first to :last, each with a few rows in every table, and
 * :members (at least 3) and :entities of them.
 */
CREATE TEMPORARY TABLE o AS SELECT 'org' || i AS o FROM generate_series(:first, :last) i;

INSERT INTO rbac.organizations SELECT o FROM o;
INSERT INTO rbac.permission_sets (name, entity_type, scopes)
	SELECT o || '/Look', 'stack', '{stack:read,stack:export}' FROM o;
INSERT INTO rbac.roles (name) SELECT o || '/' || r FROM o, unnest('{Reader,Deployer}'::text[]) r;
INSERT INTO rbac.role_rules (role, permission_set) SELECT o || '/Reader', o || '/Look' FROM o;
INSERT INTO rbac.role_rules (role, permission_set, condition)
	SELECT o || '/Deployer', 'Stack Write', '$.env == "prod"' FROM o;
INSERT INTO rbac.members (organization, member, role)
	SELECT o, m || '@' || o, COALESCE(r, o || '/Reader')
	FROM o, (VALUES ('ann', 'Admin'), ('bob', 'Member'), ('cid', NULL)) m (m, r);
INSERT INTO rbac.members (organization, member, role)
	SELECT o, 'member' || i || '@' || o, 'Member' FROM o, generate_series(4, :members) i;
INSERT INTO rbac.teams (name) SELECT o || '/crew' FROM o;
INSERT INTO rbac.team_members (team, member)
	SELECT o || '/crew', m || '@' || o FROM o, unnest('{ann,bob}'::text[]) m;
INSERT INTO rbac.team_roles (team, role) SELECT o || '/crew', o || '/Deployer' FROM o;
CREATE TEMPORARY TABLE e AS SELECT o, i, gen_random_uuid() AS e FROM o, generate_series(1, :entities) i;
INSERT INTO rbac.entities (entity_type, entity, organization, owner)
	SELECT 'stack', e, o, 'bob@' || o FROM e;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	SELECT 'Stack Write', e, o, 'cid@' || o FROM e WHERE i <= 5;
INSERT INTO rbac.default_roles SELECT o, o || '/Reader' FROM o;
INSERT INTO rbac.member_defaults (organization, permission_set) SELECT o, o || '/Look' FROM o;
INSERT INTO rbac.organization_settings (organization, scope)
	SELECT o, 'stack:create' FROM o;

DROP TABLE o, e;
