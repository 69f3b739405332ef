--
-- Views that show who has what
--
SET search_path = rbac, public;
SET timezone = UTC;
SET datestyle = ISO;
\set SHOW_CONTEXT never

INSERT INTO organizations VALUES ('acme'), ('beta');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('acme/Operator', 'stack', '{stack:cancel_update, stack:read}');
INSERT INTO roles (name, all_scopes) VALUES ('acme/On Call', false), ('acme/Everything', true), ('acme/Nothing', false);
INSERT INTO role_rules (role, permission_set, entity, condition) VALUES
	('acme/On Call', 'acme/Operator', NULL, '$.tier == "critical"'),
	('acme/On Call', 'Stack Write', 'web', NULL),
	('acme/On Call', 'Stack Write', 'db', NULL),
	('acme/On Call', 'Billing', NULL, NULL);
INSERT INTO members (organization, member, kind, role, expires_at) VALUES
	('acme', 'alice', 'user', 'Admin', NULL), ('acme', 'bob', 'user', 'acme/On Call', '2100-01-01'), ('acme', 'carol', 'user', 'Member', NULL),
	('acme', 'dave', 'user', 'acme/Nothing', NULL), ('acme', 'gone', 'user', 'Admin', '2020-01-01'),
	('acme', 'bot', 'organization_token', 'Member', NULL), ('acme', 'crew-token', 'team_token', 'Member', NULL),
	('beta', 'alice', 'user', 'Member', NULL);
INSERT INTO teams (name) VALUES ('acme/Crew'), ('acme/Past');
INSERT INTO team_members (team, member, expires_at) VALUES
	('acme/Crew', 'carol', '2100-01-02'), ('acme/Crew', 'crew-token', NULL), ('acme/Past', 'dave', NULL), ('acme/Crew', 'alice', '2020-01-01');
INSERT INTO team_roles (team, role, expires_at) VALUES ('acme/Crew', 'acme/On Call', '2100-01-03'), ('acme/Past', 'Admin', '2020-01-01');
INSERT INTO entity_grants (id, permission_set, entity, team, organization, member, expires_at) VALUES
	(1000001, 'Stack Read', 'web', 'acme/Crew', NULL, NULL, '2100-01-01'), (1000002, 'Stack Read', 'web', NULL, 'acme', 'dave', NULL),
	(1000003, 'Stack Write', 'web', NULL, 'acme', 'dave', '2020-01-01'), (1000004, 'Stack Admin', 'web', NULL, 'acme', 'bot', NULL),
	(1000005, 'Environment Open', 'web', NULL, 'acme', 'dave', NULL);
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Environment Read');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:create'), ('acme', 'stack:delete');

SELECT * FROM member_roles WHERE organization = 'acme' ORDER BY member, team NULLS FIRST;
\pset format unaligned
SELECT member, permission_set, entity_type, via, role, team, entity, condition, expires_at FROM member_permissions
WHERE organization = 'acme' ORDER BY member, via, permission_set, entity, entity_type;
-- what they give
SELECT DISTINCT via, permission_set, cardinality(scopes) = (SELECT count(*) FROM scopes) AS all_scopes, CASE WHEN cardinality(scopes) < 3 THEN scopes END AS scopes
FROM member_permissions ORDER BY via, permission_set, scopes;
SELECT DISTINCT member FROM member_permissions WHERE organization = 'acme' AND scopes @> 'stack:cancel_update' ORDER BY 1;
\pset format aligned

-- as a table
SELECT member, permission, via FROM permission_matrix WHERE organization = 'acme' ORDER BY member, permission
\crosstabview
-- the comment on the view gives this query
SELECT obj_description('permission_matrix'::regclass) LIKE '%SELECT member, permission, via FROM rbac.permission_matrix WHERE organization = ''acme'' ORDER BY member, permission \\crosstabview' AS told;
SELECT member, permission, via FROM permission_matrix WHERE organization = 'beta' ORDER BY member, permission
\crosstabview member permission via

-- They are right: on each entity this comes to what the check says, but for owners.
INSERT INTO entities (entity_type, entity, organization, owner, tags) VALUES
	('stack', 'web', 'acme', NULL, '{"tier": "critical"}'), ('stack', 'db', 'acme', NULL, '{}'), ('stack', 'log', 'acme', 'dave', NULL),
	('stack', 'bstack', 'beta', NULL, '{"tier": "critical"}'), ('environment', 'web', 'acme', NULL, NULL);
CREATE TABLE public.given AS TABLE member_permissions;
CREATE TABLE public.seen AS
	SELECT m.member, e.entity_type, e.entity, coalesce((SELECT union_agg(p.scopes & (SELECT scopeset_agg(s.name::scope) FROM scopes s WHERE s.entity_type = e.entity_type))
		FROM given p
		WHERE p.organization = e.organization AND p.member = m.member AND (p.entity_type IS NULL OR p.entity_type = e.entity_type)
			AND (p.entity IS NULL OR p.entity = e.entity) AND (p.condition IS NULL OR e.tags @@ p.condition)), '{}') AS scopes
	FROM (SELECT DISTINCT member FROM members) m,
		(SELECT entity_type, entity, organization, tags FROM entities UNION ALL SELECT 'organization', name, name, NULL FROM organizations) e;
SELECT count(*), count(*) FILTER (WHERE scopes <> '{}') AS some FROM seen;
SELECT member, entity_type, entity, scopes_on(member, entity_type, entity) - scopes = (SELECT scopes FROM permission_sets WHERE name = 'Stack Admin') - scopes AS owner
FROM seen WHERE scopes <> scopes_on(member, entity_type, entity);
DROP TABLE seen, given;

-- at once
UPDATE members SET expires_at = clock_timestamp() WHERE member = 'bob';
SELECT count(*) FROM member_permissions WHERE member = 'bob';
SELECT count(*) FROM member_roles WHERE member = 'bob';
UPDATE members SET expires_at = 'infinity' WHERE member = 'bob';
SELECT count(*) FROM member_permissions WHERE member = 'bob';

-- Those who ask see what they may read of the tables.
CREATE ROLE regress_rbac_user;
SET SESSION AUTHORIZATION regress_rbac_user;
SELECT * FROM permission_matrix;
SELECT * FROM member_roles;
RESET SESSION AUTHORIZATION;
GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO regress_rbac_user;
BEGIN;
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
ALTER TABLE organization_settings ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON members TO regress_rbac_user USING (true);
CREATE POLICY everything ON organization_settings TO regress_rbac_user USING (true);
CREATE POLICY few ON members AS RESTRICTIVE TO regress_rbac_user USING (member = 'dave');
CREATE POLICY few ON organization_settings AS RESTRICTIVE TO regress_rbac_user USING (scope = 'stack:create');
SET SESSION AUTHORIZATION regress_rbac_user;
SELECT organization, member, permission, via FROM permission_matrix WHERE via = 'toggle';
SELECT DISTINCT member FROM member_roles;
ROLLBACK;
DROP OWNED BY regress_rbac_user;
DROP ROLE regress_rbac_user;

DELETE FROM entities;
DELETE FROM organizations;
