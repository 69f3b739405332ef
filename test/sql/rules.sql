-- Who has what: the rules of the model, one by one.  Each is shown by an answer
-- that is true because of it alone, and false without it.
SET client_min_messages = warning;

-- One organization, another, and what they need.
INSERT INTO rbac.organizations (name) VALUES ('acme'), ('globex');
INSERT INTO rbac.entity_types (name) VALUES ('document');
INSERT INTO rbac.scopes (name, entity_type) VALUES
	('document:read', 'document'), ('document:write', 'document');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES
	('Document Read', 'document', '{document:read}'),
	('Document Write', 'document', '{document:read, document:write}'),
	('acme/Team Reader', 'organization', '{team:read}');
-- a role that gives nothing, so that nothing else is in the way
INSERT INTO rbac.roles (name) VALUES ('acme/None'), ('globex/None'), ('acme/Some');
INSERT INTO rbac.roles (name, all_scopes) VALUES ('acme/All', true);
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'ann', 'acme/None'),
	('globex', 'gil', 'globex/None');
INSERT INTO rbac.entities (entity_type, entity, organization, tags) VALUES
	('stack', 'web', 'acme', '{"env": "prod", "size": 3}'),
	('stack', 'api', 'acme', NULL),
	('document', 'web', 'acme', NULL),
	('stack', 'far', 'globex', '{"env": "prod"}');
PREPARE ann(rbac.scope, text) AS SELECT rbac.has_scope('ann', $2, $1);


-- Rule 1: a scope belongs to one entity type, and the entity is looked up there
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	VALUES ('Document Read', 'web', 'acme', 'ann');
SELECT rbac.has_scope('ann', 'web', 'document:read') AS document_web,
	rbac.has_scope('ann', 'web', 'stack:read') AS stack_web,
	rbac.has_scope('ann', 'api', 'document:read') AS no_document_api;
-- of type organization: the entity is the organization's name
UPDATE rbac.members SET role = 'acme/All' WHERE member = 'ann';
SELECT rbac.has_scope('ann', 'acme', 'team:read') AS acme,
	rbac.has_scope('ann', 'web', 'team:read') AS no_organization_web,
	rbac.has_scope('ann', 'globex', 'team:read') AS globex;
UPDATE rbac.members SET role = 'acme/None' WHERE member = 'ann';
DELETE FROM rbac.entity_grants;


-- Rule 2: access is computed within the entity's organization
UPDATE rbac.members SET role = 'acme/All' WHERE member = 'ann';
SELECT rbac.has_scope('ann', 'web', 'stack:read') AS own, rbac.has_scope('ann', 'far', 'stack:read') AS foreign;
SELECT rbac.has_scope('nobody', 'web', 'stack:read') AS unknown_member,
	rbac.has_scope('', 'web', 'stack:read') AS empty_member,
	rbac.has_scope(repeat('ann', 1000), 'web', 'stack:read') AS huge_member,
	rbac.has_scope('ann', 'nowhere', 'stack:read') AS unknown_entity,
	rbac.has_scope('ann', '', 'stack:read') AS empty_entity,
	rbac.has_scope('ann', repeat('web', 100000), 'stack:read') AS huge_entity;
-- the member of two organizations has the access of each in it
INSERT INTO rbac.members (organization, member, role) VALUES ('globex', 'ann', 'globex/None');
SELECT rbac.has_scope('ann', 'web', 'stack:read') AS own, rbac.has_scope('ann', 'far', 'stack:read') AS foreign;
DELETE FROM rbac.members WHERE (organization, member) = ('globex', 'ann');
-- an expired membership is none
UPDATE rbac.members SET expires_at = now() - interval '1 second' WHERE member = 'ann';
EXECUTE ann('stack:read', 'web');
UPDATE rbac.members SET expires_at = now() + interval '1 day' WHERE member = 'ann';
EXECUTE ann('stack:read', 'web');
UPDATE rbac.members SET expires_at = NULL WHERE member = 'ann';
-- NULL for NULL, and an error for a scope that nobody knows
SELECT rbac.has_scope(NULL, 'web', 'stack:read') IS NULL AS member,
	rbac.has_scope('ann', NULL::text, 'stack:read') IS NULL AS entity,
	rbac.has_scope('ann', 'web', NULL) IS NULL AS scope,
	rbac.row_has_scope(NULL, 'web', 'stack:read', 'acme') IS NULL AS row_member,
	rbac.row_has_scope('ann', NULL::text, 'stack:read', 'acme') IS NULL AS row_entity,
	rbac.row_has_scope('ann', 'web', NULL, 'acme') IS NULL AS row_scope,
	rbac.row_has_scope('ann', 'web', 'stack:read', NULL) IS NULL AS row_organization,
	rbac.row_has_scope('ann', 'web', 'stack:read', 'acme', NULL, NULL) AS row_owner_and_tags;
SELECT rbac.has_scope('ann', 'web', 'stack:raed');
SELECT rbac.has_scope('ann', 'web', 'stack:raed'::text);
SELECT rbac.row_has_scope('ann', 'web', 'documents:read', 'acme');
-- also one that a dump could bring in and that is registered nowhere
BEGIN;
SET LOCAL check_function_bodies = off;
SELECT rbac.has_scope('ann', 'web', 'no:such');
ROLLBACK;
UPDATE rbac.members SET role = 'acme/None' WHERE member = 'ann';


-- Rule 3: the union of everything; nothing subtracts
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES
	('Stack Read', 'web', 'acme', 'ann'), ('Stack Access Read', 'web', 'acme', 'ann');
EXECUTE ann('stack:read', 'web');
DELETE FROM rbac.entity_grants WHERE permission_set = 'Stack Access Read';
EXECUTE ann('stack:read', 'web');
DELETE FROM rbac.entity_grants;
EXECUTE ann('stack:read', 'web');


-- Rule 4: the member's own role, and the roles of their teams
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Some', 'Stack Read'), ('acme/Some', 'Document Read');
UPDATE rbac.members SET role = 'acme/Some' WHERE member = 'ann';
SELECT rbac.has_scope('ann', 'web', 'stack:read') AS one_rule, rbac.has_scope('ann', 'web', 'document:read') AS another,
	rbac.has_scope('ann', 'web', 'document:write') AS neither;
UPDATE rbac.members SET role = 'acme/None' WHERE member = 'ann';
EXECUTE ann('stack:read', 'web');
INSERT INTO rbac.teams (name) VALUES ('acme/Ops'), ('acme/Dev');
INSERT INTO rbac.team_roles (team, role) VALUES ('acme/Ops', 'acme/Some');
EXECUTE ann('stack:read', 'web');
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Dev', 'ann');
EXECUTE ann('stack:read', 'web');
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Ops', 'ann');
EXECUTE ann('stack:read', 'web');
DELETE FROM rbac.team_roles;
EXECUTE ann('stack:read', 'web');
-- all scopes: on every entity, on the organization, present and future
INSERT INTO rbac.team_roles (team, role) VALUES ('acme/Dev', 'acme/All');
SELECT rbac.has_scope('ann', 'web', 'stack:delete') AS stack, rbac.has_scope('ann', 'acme', 'org_member:set_admin') AS organization,
	rbac.has_scope('ann', 'web', 'document:write') AS custom, rbac.has_scope('ann', 'far', 'stack:read') AS elsewhere;
INSERT INTO rbac.scopes (name, entity_type) VALUES ('document:shred', 'document');
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('document', 'new', 'acme');
EXECUTE ann('document:shred', 'new');
DELETE FROM rbac.team_roles;
SELECT rbac.has_scope('ann', 'web', 'stack:delete') AS stack, rbac.has_scope('ann', 'acme', 'org_member:set_admin') AS organization,
	rbac.has_scope('ann', 'new', 'document:shred') AS custom;
DELETE FROM rbac.teams;
DELETE FROM rbac.role_rules WHERE role = 'acme/Some';


-- Rule 5: direct, global and tag rules, and rules about the organization
UPDATE rbac.members SET role = 'acme/Some' WHERE member = 'ann';
INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/Some', 'Stack Read', 'web');
SELECT rbac.has_scope('ann', 'web', 'stack:read') AS direct, rbac.has_scope('ann', 'api', 'stack:read') AS other;
DELETE FROM rbac.role_rules WHERE role = 'acme/Some';
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Some', 'Stack Read');
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'later', 'acme');
SELECT rbac.has_scope('ann', 'web', 'stack:read') AS global, rbac.has_scope('ann', 'later', 'stack:read') AS future,
	rbac.has_scope('ann', 'far', 'stack:read') AS elsewhere, rbac.has_scope('ann', 'web', 'document:read') AS other_type;
UPDATE rbac.role_rules SET condition = '$.env == "prod"' WHERE role = 'acme/Some';
SELECT rbac.has_scope('ann', 'web', 'stack:read') AS tagged, rbac.has_scope('ann', 'api', 'stack:read') AS untagged,
	rbac.has_scope('ann', 'far', 'stack:read') AS elsewhere;
UPDATE rbac.entities SET tags = '{"env": "prod"}' WHERE entity = 'api';
UPDATE rbac.entities SET tags = '{"env": "dev"}' WHERE (entity_type, entity) = ('stack', 'web');
SELECT rbac.has_scope('ann', 'web', 'stack:read') AS retagged, rbac.has_scope('ann', 'api', 'stack:read') AS tagged;
UPDATE rbac.entities SET tags = '{"env": "prod", "size": 3, "since": "2020-01-01 10:00:00+02"}' WHERE (entity_type, entity) = ('stack', 'web');
UPDATE rbac.entities SET tags = NULL WHERE entity = 'api';
DELETE FROM rbac.role_rules WHERE role = 'acme/Some';
-- jsonpath's predicates; whatever goes wrong is no match, and no error
CREATE TABLE conditions (id int GENERATED ALWAYS AS IDENTITY, condition jsonpath);
INSERT INTO conditions (condition) VALUES
	('$.env == "prod"'), ('$.env == "PROD"'), ('$.env like_regex "^p"'), ('exists($.env)'), ('exists($.missing)'), ('!exists($.missing)'),
	('$.missing == "prod"'), ('$.size > 2'), ('$.size > "2"'), ('$.size / 0 == 1'), ('strict $.missing.deep == 1'), ('$.env.double() > 1'),
	('$.since.datetime() < "2021-01-01".datetime()'), ('$.env'), ('$.size'), ('true == true'), ('$.env == "prod" && $.size == 3'), ('$.env == "dev" || $.size == 3');
INSERT INTO rbac.roles (name) SELECT 'acme/C' || id FROM conditions;
INSERT INTO rbac.role_rules (role, permission_set, condition) SELECT 'acme/C' || id, 'Stack Read', condition FROM conditions;
INSERT INTO rbac.members (organization, member, role) SELECT 'acme', 'c' || id, 'acme/C' || id FROM conditions;
SELECT condition, rbac.has_scope('c' || id, 'web', 'stack:read') AS tagged, rbac.has_scope('c' || id, 'api', 'stack:read') AS untagged,
	rbac.row_has_scope('c' || id, 'new', 'stack:read', 'acme', NULL, '{"env": "prod", "size": 3}') AS row_tagged,
	rbac.row_has_scope('c' || id, 'new', 'stack:read', 'acme', NULL, NULL) AS row_untagged
FROM conditions ORDER BY id;
-- tags that nest deeper than the stack can follow
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/Some', 'Stack Write', '$.** == 7');
SELECT repeat('{"a":', 3000) || '7' || repeat('}', 3000) AS deep \gset
CREATE TABLE deep AS SELECT :'deep'::jsonb AS tags;
SET max_stack_depth = '100kB';
SELECT tags @@ '$.** == 7' FROM deep;
SELECT rbac.row_has_scope('ann', 'new', 'stack:write', 'acme', NULL, tags) FROM deep;
RESET max_stack_depth;
SELECT rbac.row_has_scope('ann', 'new', 'stack:write', 'acme', NULL, tags) FROM deep;
DELETE FROM rbac.members WHERE member LIKE 'c%';
DELETE FROM rbac.roles WHERE name LIKE 'acme/C%';
DELETE FROM rbac.role_rules WHERE role = 'acme/Some';
-- a rule whose set is of type organization
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Some', 'acme/Team Reader');
SELECT rbac.has_scope('ann', 'acme', 'team:read') AS acme, rbac.has_scope('ann', 'acme', 'team:update') AS not_in_set;
DELETE FROM rbac.role_rules WHERE role = 'acme/Some';
EXECUTE ann('team:read', 'acme');
UPDATE rbac.members SET role = 'acme/None' WHERE member = 'ann';


-- Rule 6: entity grants to the member, or to one of their teams
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'web', 'acme', 'ann');
SELECT rbac.has_scope('ann', 'web', 'stack:read') AS granted, rbac.has_scope('ann', 'api', 'stack:read') AS other,
	rbac.has_scope('gil', 'web', 'stack:read') AS other_member;
DELETE FROM rbac.entity_grants;
INSERT INTO rbac.teams (name) VALUES ('acme/Ops');
INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Read', 'web', 'acme/Ops');
EXECUTE ann('stack:read', 'web');
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Ops', 'ann');
EXECUTE ann('stack:read', 'web');
DELETE FROM rbac.entity_grants;
EXECUTE ann('stack:read', 'web');
DELETE FROM rbac.teams;
-- a grant for an entity of another organization, or of none, gives nothing until it is there
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES
	('Stack Read', 'far', 'acme', 'ann'), ('Stack Read', 'soon', 'acme', 'ann');
SELECT rbac.has_scope('ann', 'far', 'stack:read') AS foreign, rbac.has_scope('ann', 'soon', 'stack:read') AS unregistered;
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'soon', 'acme');
EXECUTE ann('stack:read', 'soon');
DELETE FROM rbac.entities WHERE entity = 'soon';
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'soon', 'acme');
EXECUTE ann('stack:read', 'soon');
DELETE FROM rbac.entities WHERE entity = 'soon';
DELETE FROM rbac.entity_grants;


-- Rule 7: the owner has the type's owner set
UPDATE rbac.entities SET owner = 'ann' WHERE entity_type IN ('stack', 'document') AND entity = 'web';
SELECT rbac.has_scope('ann', 'web', 'stack:delete') AS stack, rbac.has_scope('ann', 'api', 'stack:delete') AS other,
	rbac.has_scope('ann', 'web', 'document:read') AS document_without_settings;
INSERT INTO rbac.entity_type_settings (entity_type, owner_permission_set) VALUES ('document', 'Document Read');
SELECT rbac.has_scope('ann', 'web', 'document:read') AS document, rbac.has_scope('ann', 'web', 'document:write') AS not_in_set;
INSERT INTO rbac.entity_type_settings (entity_type, owner_permission_set) VALUES ('stack', 'Stack Read');
SELECT rbac.has_scope('ann', 'web', 'stack:delete') AS no_more, rbac.has_scope('ann', 'web', 'stack:read') AS instead;
UPDATE rbac.entity_type_settings SET owner_permission_set = NULL WHERE entity_type = 'stack';
EXECUTE ann('stack:read', 'web');
DELETE FROM rbac.entity_type_settings;
EXECUTE ann('stack:delete', 'web');
-- only while a member of its organization
DELETE FROM rbac.members WHERE member = 'ann';
EXECUTE ann('stack:delete', 'web');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'ann', 'acme/None');
EXECUTE ann('stack:delete', 'web');
UPDATE rbac.entities SET owner = 'gil' WHERE entity = 'web';
SELECT rbac.has_scope('ann', 'web', 'stack:delete') AS former, rbac.has_scope('gil', 'web', 'stack:delete') AS of_another_organization;
UPDATE rbac.entities SET owner = NULL WHERE entity = 'web';
-- in row_has_scope, the owner that the row names, and no other
UPDATE rbac.entities SET owner = 'ann' WHERE (entity_type, entity) = ('stack', 'web');
SELECT rbac.row_has_scope('ann', 'web', 'stack:delete', 'acme', 'ann') AS owner, rbac.row_has_scope('ann', 'web', 'stack:delete', 'acme', 'gil') AS another,
	rbac.row_has_scope('ann', 'web', 'stack:delete', 'acme') AS nobody, rbac.row_has_scope('ann', 'web', 'stack:delete', 'globex', 'ann') AS elsewhere;
UPDATE rbac.entities SET owner = NULL WHERE entity = 'web';


-- Rule 8: member_defaults, for those whose own role is Member
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'Document Read');
EXECUTE ann('document:read', 'web');
UPDATE rbac.members SET role = 'Member' WHERE member = 'ann';
SELECT rbac.has_scope('ann', 'web', 'document:read') AS document, rbac.has_scope('ann', 'web', 'document:write') AS not_in_set,
	rbac.has_scope('ann', 'web', 'stack:read') AS other_type;
DELETE FROM rbac.member_defaults;
EXECUTE ann('document:read', 'web');
-- Member through a team is not one's own role
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'Document Read');
UPDATE rbac.members SET role = 'acme/None' WHERE member = 'ann';
INSERT INTO rbac.teams (name) VALUES ('acme/Ops');
INSERT INTO rbac.team_roles (team, role) VALUES ('acme/Ops', 'Member');
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Ops', 'ann');
SELECT rbac.has_scope('ann', 'web', 'document:read') AS default_of_member, rbac.has_scope('ann', 'web', 'stack_access:read') AS rule_of_member;
DELETE FROM rbac.teams;
DELETE FROM rbac.member_defaults;
SELECT rbac.has_scope('ann', 'web', 'stack_access:read') AS rule_of_member;


-- Rule 9: a toggle gives its scope to every member
INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'stack:create'), ('acme', 'stack:delete');
SELECT rbac.has_scope('ann', 'acme', 'stack:create') AS on_the_organization, rbac.has_scope('ann', 'web', 'stack:delete') AS on_its_stacks,
	rbac.has_scope('ann', 'acme', 'team:create') AS not_toggled, rbac.has_scope('ann', 'far', 'stack:delete') AS elsewhere,
	rbac.has_scope('gil', 'globex', 'stack:create') AS other_organization;
DELETE FROM rbac.organization_settings;
SELECT rbac.has_scope('ann', 'acme', 'stack:create') AS on_the_organization, rbac.has_scope('ann', 'web', 'stack:delete') AS on_its_stacks;


-- Rule 10: tokens
INSERT INTO rbac.members (organization, member, kind, role) VALUES ('acme', 'org-token', 'organization_token', 'acme/Some');
INSERT INTO rbac.members (organization, member, kind) VALUES ('acme', 'team-token', 'team_token');
-- an organization's has its role, what it owns, and defaults if it is a Member ...
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Some', 'Document Read');
SELECT rbac.has_scope('org-token', 'web', 'document:read') AS role;
UPDATE rbac.entities SET owner = 'org-token' WHERE (entity_type, entity) = ('stack', 'web');
SELECT rbac.has_scope('org-token', 'web', 'stack:delete') AS owned;
UPDATE rbac.entities SET owner = NULL WHERE entity = 'web';
SELECT rbac.has_scope('org-token', 'web', 'stack:delete') AS owned;
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'Document Write');
SELECT rbac.has_scope('org-token', 'web', 'document:write') AS not_a_member;
UPDATE rbac.members SET role = 'Member' WHERE member = 'org-token';
SELECT rbac.has_scope('org-token', 'web', 'document:write') AS a_member;
-- ... and neither grants nor toggles, nor teams
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'web', 'acme', 'org-token');
INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'stack:create');
INSERT INTO rbac.teams (name) VALUES ('acme/Ops'), ('acme/Dev');
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Ops', 'org-token');
SELECT rbac.has_scope('org-token', 'web', 'stack:read') AS grant_to_it, rbac.has_scope('org-token', 'acme', 'stack:create') AS toggle;
-- a team's token is like any member, in one team
SELECT rbac.has_scope('team-token', 'acme', 'stack:create') AS toggle, rbac.has_scope('team-token', 'web', 'document:write') AS default_of_member;
INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Read', 'web', 'acme/Ops');
SELECT rbac.has_scope('team-token', 'web', 'stack:read') AS not_in_the_team;
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Ops', 'team-token');
SELECT rbac.has_scope('team-token', 'web', 'stack:read') AS in_the_team;
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Dev', 'team-token');
UPDATE rbac.members SET role = 'Admin' WHERE member = 'team-token';
DELETE FROM rbac.teams;
DELETE FROM rbac.entity_grants;
DELETE FROM rbac.member_defaults;
DELETE FROM rbac.organization_settings;


-- Rule 11: expired is as if it were not there, also while cached and inside a transaction
INSERT INTO rbac.teams (name) VALUES ('acme/All'), ('acme/Ann');
INSERT INTO rbac.team_roles (team, role) VALUES ('acme/All', 'acme/All');
INSERT INTO rbac.members (organization, member, role)
	SELECT 'acme', m, 'acme/None' FROM unnest(ARRAY['in a team', 'by a team''s role', 'by a grant', 'by a team''s grant']) m;
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Ann', 'by a team''s role'), ('acme/Ann', 'by a team''s grant');
-- each gets access in one way, for two seconds
BEGIN;
SELECT statement_timestamp() + interval '2 seconds' AS soon \gset
INSERT INTO rbac.members (organization, member, role, expires_at) VALUES ('acme', 'a member', 'acme/All', :'soon');
INSERT INTO rbac.team_members (team, member, expires_at) VALUES ('acme/All', 'in a team', :'soon');
INSERT INTO rbac.team_roles (team, role, expires_at) VALUES ('acme/Ann', 'acme/All', :'soon');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES ('Stack Read', 'web', 'acme', 'by a grant', :'soon');
SELECT member, rbac.has_scope(member, 'web', 'stack:read') FROM rbac.members WHERE member LIKE '% %' ORDER BY member;
-- the roles out of the way: the team's grant alone
DELETE FROM rbac.team_roles WHERE team = 'acme/Ann';
INSERT INTO rbac.entity_grants (permission_set, entity, team, expires_at) VALUES ('Stack Read', 'web', 'acme/Ann', :'soon');
SELECT rbac.has_scope('by a team''s grant', 'web', 'stack:read');
INSERT INTO rbac.team_roles (team, role, expires_at) VALUES ('acme/Ann', 'acme/All', :'soon');
SELECT rbac.has_scope('by a team''s grant', 'web', 'stack:delete');
SELECT pg_sleep(extract(epoch FROM :'soon' - clock_timestamp()) + 0.01) \g /dev/null
SELECT member, rbac.has_scope(member, 'web', 'stack:read') FROM rbac.members WHERE member LIKE '% %' ORDER BY member;
COMMIT;
-- expiry is exact: at expires_at it is over
BEGIN;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES ('Stack Read', 'web', 'acme', 'ann', 'infinity');
EXECUTE ann('stack:read', 'web');
UPDATE rbac.entity_grants SET expires_at = '-infinity';
EXECUTE ann('stack:read', 'web');
ROLLBACK;

-- An entity that moves or goes takes what was granted on it along
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'web', 'acme', 'ann');
EXECUTE ann('stack:read', 'web');
UPDATE rbac.entities SET organization = 'globex' WHERE (entity_type, entity) = ('stack', 'web');
EXECUTE ann('stack:read', 'web');
UPDATE rbac.entities SET organization = 'acme' WHERE (entity_type, entity) = ('stack', 'web');
EXECUTE ann('stack:read', 'web');
SELECT count(*) FROM rbac.entity_grants;

-- clean up: the tests share a database
DEALLOCATE ann;
DROP TABLE conditions, deep;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
DELETE FROM rbac.permission_sets WHERE NOT builtin;
DELETE FROM rbac.scopes WHERE NOT builtin;
DELETE FROM rbac.entity_types WHERE NOT builtin;
