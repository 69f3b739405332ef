/*
 * On top of setup.sql and organizations.sql:
 *   the organization readers  members reader0 to reader7, each with a team, a role
 *                             and grants on 20 of its 200 entities
 *   the organization bulk     :grants grants to its 1,000 members
 *   the organization verify   a member for each way in which access can be taken
 * and tables that are like those of rbac, constraints and all, but that no access
 * depends on, so that a writer has the same work with them.
 */
INSERT INTO rbac.organizations VALUES ('readers'), ('bulk'), ('verify');

INSERT INTO rbac.roles (name) VALUES ('readers/Reader');
INSERT INTO rbac.role_rules (role, permission_set, entity) SELECT 'readers/Reader', 'Stack Read', 'entity' || i FROM generate_series(1, 200, 10) i;
INSERT INTO rbac.members (organization, member, role) SELECT 'readers', 'reader' || i, 'Member' FROM generate_series(0, 7) i;
INSERT INTO rbac.teams (name) SELECT 'readers/team' || i FROM generate_series(0, 7) i;
INSERT INTO rbac.team_members (team, member) SELECT 'readers/team' || i, 'reader' || i FROM generate_series(0, 7) i;
INSERT INTO rbac.team_roles (team, role) SELECT name, 'readers/Reader' FROM rbac.teams WHERE organization = 'readers';
INSERT INTO rbac.entities (entity_type, entity, organization) SELECT 'stack', 'entity' || i, 'readers' FROM generate_series(1, 200) i;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	SELECT 'Stack Read', 'entity' || i * 10 + r, 'readers', 'reader' || r FROM generate_series(0, 19) i, generate_series(0, 7) r;

INSERT INTO rbac.members (organization, member, role) SELECT 'bulk', 'bulk' || i, 'Member' FROM generate_series(1, 1000) i;
SET session_replication_role = replica;
INSERT INTO rbac.entity_grants (permission_set, entity_type, entity, organization, member)
	SELECT 'Stack Read', 'stack', 'bulk' || i, 'bulk', 'bulk' || i % 1000 + 1 FROM generate_series(1, :grants) i;
RESET session_replication_role;

CREATE SCHEMA other;
CREATE TABLE other.entity_grants (LIKE rbac.entity_grants INCLUDING ALL);
ALTER TABLE other.entity_grants
	ADD FOREIGN KEY (permission_set, entity_type) REFERENCES rbac.permission_sets (name, entity_type),
	ADD FOREIGN KEY (team) REFERENCES rbac.teams,
	ADD FOREIGN KEY (organization, member) REFERENCES rbac.members;
CREATE TABLE other.entities (LIKE rbac.entities INCLUDING ALL);
ALTER TABLE other.entities
	ADD FOREIGN KEY (entity_type) REFERENCES rbac.entity_types,
	ADD FOREIGN KEY (organization) REFERENCES rbac.organizations;
INSERT INTO other.entity_grants SELECT * FROM rbac.entity_grants WHERE organization = 'bulk';

/* Each of these has stack:read on the entity in one way only. */
INSERT INTO rbac.entities VALUES ('stack', 'verify', 'verify', 'owner');
INSERT INTO rbac.roles (name) SELECT 'verify/' || r FROM unnest('{None,Rule,Held,Team,TeamRole,Set}'::text[]) r;
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('verify/Set', 'stack', '{stack:read}');
INSERT INTO rbac.role_rules (role, permission_set, entity)
	SELECT 'verify/' || r, 'Stack Read', 'verify' FROM unnest('{Rule,Held,Team,TeamRole}'::text[]) r;
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('verify/Set', 'verify/Set');
INSERT INTO rbac.members (organization, member, role) VALUES
	('verify', 'grant', 'verify/None'), ('verify', 'expiry', 'verify/None'), ('verify', 'rule', 'verify/Rule'),
	('verify', 'held', 'verify/Held'), ('verify', 'team', 'verify/None'), ('verify', 'team_role', 'verify/None'),
	('verify', 'set', 'verify/Set'), ('verify', 'owner', 'verify/None'), ('verify', 'member', 'verify/Held');
INSERT INTO rbac.teams (name) VALUES ('verify/team'), ('verify/team_role');
INSERT INTO rbac.team_members (team, member) VALUES ('verify/team', 'team'), ('verify/team_role', 'team_role');
INSERT INTO rbac.team_roles (team, role) VALUES ('verify/team', 'verify/Team'), ('verify/team_role', 'verify/TeamRole');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	SELECT 'Stack Read', 'verify', 'verify', m FROM unnest('{grant,expiry}'::text[]) m;

CREATE TABLE verified AS SELECT entity AS id, organization, owner FROM rbac.entities WHERE organization = 'verify';
ALTER TABLE verified ENABLE ROW LEVEL SECURITY;
CREATE POLICY verified ON verified USING (rbac.has_scope(id, 'stack:read'));

CREATE TABLE scanned AS SELECT id FROM by_text LIMIT 1000;
ALTER TABLE scanned ENABLE ROW LEVEL SECURITY;
CREATE POLICY scanned ON scanned USING (rbac.has_scope(id, 'stack:read'));

GRANT SELECT ON verified, scanned TO app;
GRANT SET ON PARAMETER rbac.member TO app;
CREATE ROLE direct LOGIN;
GRANT SELECT ON scanned TO direct;
