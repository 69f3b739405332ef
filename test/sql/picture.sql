-- rbac.diagram(): who gets what through what, in Mermaid's language.
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SET timezone = 'America/New_York';

INSERT INTO rbac.organizations VALUES ('acme'), ('empty'), ('odd'), ('alike'), ('tokens');
INSERT INTO rbac.roles (name) VALUES ('acme/Developer'), ('acme/Unused');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/Deploy', 'stack', '{stack:write}');
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Developer', 'Standard'), ('acme/Unused', 'Billing');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/Developer', 'Stack Write', '$.env == "dev"');
INSERT INTO rbac.role_rules (role, permission_set, entity) SELECT 'acme/Developer', 'acme/Deploy', 's' || i FROM generate_series(1, 5) i;
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'alice', 'Admin'), ('acme', 'dave', 'acme/Developer'), ('acme', 'ci', 'acme/Developer');
INSERT INTO rbac.members (organization, member) SELECT 'acme', 'm' || i FROM generate_series(1, 8) i;
INSERT INTO rbac.members (organization, member, role, expires_at) VALUES ('acme', 'guest', 'acme/Developer', '2100-01-01 00:00 UTC'), ('acme', 'gone', 'Admin', '2000-01-01');
INSERT INTO rbac.teams (name) VALUES ('acme/Support'), ('acme/Idle');
INSERT INTO rbac.team_members (team, member, is_admin, expires_at) VALUES ('acme/Support', 'dave', true, NULL), ('acme/Support', 'm1', false, '2100-01-01 00:00 UTC'), ('acme/Idle', 'm2', false, '2000-01-01'),
	('acme/Idle', 'gone', false, NULL);
INSERT INTO rbac.team_roles VALUES ('acme/Support', 'Billing Manager', NULL), ('acme/Support', 'acme/Unused', '2000-01-01');
INSERT INTO rbac.entity_grants (permission_set, entity, team) SELECT 'Stack Read', 'w' || i, 'acme/Support' FROM generate_series(1, 4) i;
INSERT INTO rbac.entity_grants (permission_set, entity, team, expires_at) VALUES ('Stack Write', 'w1', 'acme/Support', '2000-01-01');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES ('Stack Read', 'db', 'acme', 'm3', '2100-01-01 00:00 UTC'), ('Stack Write', 'db', 'acme', 'm4', '2000-01-01');
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'acme/Deploy');
INSERT INTO rbac.organization_settings VALUES ('acme', 'stack:create');

SELECT rbac.diagram('acme');
-- cut
SELECT rbac.diagram('acme', 1);
SELECT rbac.diagram('empty');

-- Only those who have the same are one node: a is like b, whose grants are in another order; c2 has
-- another entity than c where it is not shown, d another expiry.
INSERT INTO rbac.members (organization, member) SELECT 'alike', unnest('{a,b,c,c2,d,e,f}'::text[]);
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES
	('Stack Read', 'w1', 'alike', 'a', NULL), ('Stack Read', 'w2', 'alike', 'a', NULL), ('Stack Read', 'w3', 'alike', 'a', NULL), ('Stack Read', 'w4', 'alike', 'a', NULL),
	('Stack Read', 'w4', 'alike', 'b', NULL), ('Stack Read', 'w2', 'alike', 'b', NULL), ('Stack Read', 'w1', 'alike', 'b', NULL), ('Stack Read', 'w3', 'alike', 'b', NULL),
	('Stack Read', 'w1', 'alike', 'c', NULL), ('Stack Read', 'w2', 'alike', 'c', NULL), ('Stack Read', 'w3', 'alike', 'c', NULL), ('Stack Read', 'w5', 'alike', 'c', NULL),
	('Stack Read', 'w1', 'alike', 'c2', NULL), ('Stack Read', 'w2', 'alike', 'c2', NULL), ('Stack Read', 'w3', 'alike', 'c2', NULL), ('Stack Read', 'w4', 'alike', 'c2', NULL),
	('Stack Read', 'w1', 'alike', 'd', NULL), ('Stack Read', 'w2', 'alike', 'd', 'infinity'), ('Stack Read', 'w3', 'alike', 'd', '2100-01-01 00:00 UTC'), ('Stack Read', 'w4', 'alike', 'd', NULL);
-- everything on all beside something on one; one of several conditions
INSERT INTO rbac.roles (name, all_scopes) VALUES ('alike/Some', false), ('alike/All', true);
INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES
	('alike/Some', 'Stack Read', NULL, NULL), ('alike/Some', 'Stack Read', 'w1', NULL), ('alike/Some', 'Stack Read', NULL, '$.a'),
	('alike/Some', 'Stack Write', 'w1', NULL), ('alike/Some', 'Stack Write', NULL, '$.a == 1'), ('alike/Some', 'Stack Write', NULL, '$.b == 1');
-- through a team; what concerns more members comes first
INSERT INTO rbac.teams (name) VALUES ('alike/A'), ('alike/B');
INSERT INTO rbac.team_members (team, member) VALUES ('alike/A', 'a'), ('alike/A', 'b'), ('alike/B', 'd'), ('alike/B', 'e'), ('alike/B', 'f');
INSERT INTO rbac.team_roles VALUES ('alike/A', 'alike/All'), ('alike/B', 'alike/Some');
-- one who does not see the others
INSERT INTO rbac.members (organization, member, role) VALUES ('alike', 'z', 'alike/Some');
SELECT rbac.diagram('alike');
SELECT rbac.diagram('alike', 2);

-- An organization's token has its role alone, and is not everybody; a team's is like a member.
-- Member by a team is without the defaults.
INSERT INTO rbac.members (organization, member, kind, role) VALUES
	('tokens', 'deploy', 'organization_token', 'Billing Manager'), ('tokens', 'human', 'user', 'Billing Manager'), ('tokens', 'crew-token', 'team_token', 'Member');
INSERT INTO rbac.teams (name) VALUES ('tokens/Crew');
INSERT INTO rbac.team_members (team, member) VALUES ('tokens/Crew', 'crew-token'), ('tokens/Crew', 'human');
INSERT INTO rbac.team_roles VALUES ('tokens/Crew', 'Member');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'w', 'tokens', 'deploy'), ('Stack Write', 'w', 'tokens', 'crew-token');
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('tokens', 'Stack Read');
INSERT INTO rbac.organization_settings VALUES ('tokens', 'stack:create');
SELECT rbac.diagram('tokens');

-- names that mean something to Mermaid, or to a browser; and a long one
INSERT INTO rbac.members (organization, member, role) VALUES ('odd', '"] --> x; <script>alert(''#1 & `2`'')</script> \', 'Admin'), ('odd', 'end', 'Billing Manager'),
	('odd', 'fa:fa-ban', 'Admin'), ('odd', repeat('ä', 100), 'Billing Manager'), ('odd', 'x' || repeat('ä', 100), 'Billing Manager');
INSERT INTO rbac.teams (name) VALUES ('odd/ü|{(ß)}');
INSERT INTO rbac.team_members (team, member) VALUES ('odd/ü|{(ß)}', 'end'), ('odd/ü|{(ß)}', repeat('ä', 100));
SELECT rbac.diagram('odd');

-- a member sees what they may see of it
CREATE ROLE regress_rbac_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO regress_rbac_reader;
GRANT SET ON PARAMETER rbac.member TO regress_rbac_reader;
SET ROLE regress_rbac_reader;
SET rbac.member = 'm1';
SELECT rbac.diagram('acme', 3);
SET rbac.member = 'z';
SELECT rbac.diagram('alike');
SELECT rbac.diagram('acme');
RESET ROLE;

SELECT rbac.diagram('none');
SELECT rbac.diagram('acme', 0);
SELECT rbac.diagram(NULL) IS NULL;
DROP OWNED BY regress_rbac_reader;
DROP ROLE regress_rbac_reader;
DELETE FROM rbac.organizations;
