-- rbac.diagram(): who gets what through what, in Mermaid's language.
\pset format unaligned
\pset tuples_only on
SET timezone = 'America/New_York';

INSERT INTO rbac.organizations VALUES ('acme'), ('empty'), ('odd');
INSERT INTO rbac.roles (name) VALUES ('acme/Developer');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/Deploy', 'stack', '{stack:write}');
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Developer', 'Standard');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/Developer', 'Stack Write', '$.env == "dev"');
INSERT INTO rbac.role_rules (role, permission_set, entity) SELECT 'acme/Developer', 'acme/Deploy', 's' || i FROM generate_series(1, 5) i;
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'alice', 'Admin'), ('acme', 'dave', 'acme/Developer'), ('acme', 'ci', 'acme/Developer');
INSERT INTO rbac.members (organization, member) SELECT 'acme', 'm' || i FROM generate_series(1, 8) i;
INSERT INTO rbac.members (organization, member, role, expires_at) VALUES ('acme', 'guest', 'acme/Developer', '2100-01-01 00:00 UTC'), ('acme', 'gone', 'Admin', '2000-01-01');
INSERT INTO rbac.teams (name) VALUES ('acme/Support'), ('acme/Idle');
INSERT INTO rbac.team_members (team, member, is_admin, expires_at) VALUES ('acme/Support', 'dave', true, NULL), ('acme/Support', 'm1', false, '2100-01-01 00:00 UTC'), ('acme/Idle', 'm2', false, '2000-01-01');
INSERT INTO rbac.team_roles VALUES ('acme/Support', 'Billing Manager');
INSERT INTO rbac.entity_grants (permission_set, entity, team) SELECT 'Stack Read', 'w' || i, 'acme/Support' FROM generate_series(1, 4) i;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES ('Stack Read', 'db', 'acme', 'm3', '2100-01-01 00:00 UTC'), ('Stack Write', 'db', 'acme', 'm4', '2000-01-01');
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'acme/Deploy');
INSERT INTO rbac.organization_settings VALUES ('acme', 'stack:create');

SELECT rbac.diagram('acme');
-- cut
SELECT rbac.diagram('acme', 1);
SELECT rbac.diagram('empty');

-- names that mean something to Mermaid, or to a browser
INSERT INTO rbac.members (organization, member, role) VALUES ('odd', '"] --> x; <script>alert(''#1 & `2`'')</script> \', 'Admin'), ('odd', 'end', 'Billing Manager');
INSERT INTO rbac.teams (name) VALUES ('odd/ü|{(ß)}');
INSERT INTO rbac.team_members (team, member) VALUES ('odd/ü|{(ß)}', 'end');
SELECT rbac.diagram('odd');

-- a member sees what they may see of it
CREATE ROLE regress_rbac_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO regress_rbac_reader;
GRANT SET ON PARAMETER rbac.member TO regress_rbac_reader;
SET ROLE regress_rbac_reader;
SET rbac.member = 'ci';
SELECT rbac.diagram('acme');
SET rbac.member = 'end';
SELECT rbac.diagram('acme');
RESET ROLE;

SELECT rbac.diagram('none');
SELECT rbac.diagram('acme', 0);
SELECT rbac.diagram(NULL) IS NULL;
REVOKE SELECT ON ALL TABLES IN SCHEMA rbac FROM regress_rbac_reader;
REVOKE SET ON PARAMETER rbac.member FROM regress_rbac_reader;
DROP ROLE regress_rbac_reader;
