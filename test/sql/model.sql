--
-- The tables, as an application and its tenants fill them by plain INSERT
--
SET search_path = rbac, public;

-- an application brings a type of entity of its own, and what can be done to one ...
INSERT INTO entity_types (name, description) VALUES ('document', 'A page of the wiki.');
INSERT INTO scopes (name, entity_type) VALUES
	('document:read', 'document'), ('document:write', 'document'), ('document:share', 'document');
-- ... and what can be done to an organization
INSERT INTO scopes (name, entity_type, scope_group, description, toggle) VALUES
	('document:create', 'organization', 'Documents', 'Create a document.', true);
TABLE entity_types ORDER BY builtin, name;
SELECT name, entity_type, scope_group, description, toggle, builtin FROM scopes WHERE NOT builtin ORDER BY name;

-- permission sets and roles that all of its tenants share
INSERT INTO permission_sets (name, entity_type, scopes) VALUES
	('Document Reader', 'document', '{document:read}'),
	('Document Editor', 'document', '{document:read,document:write}'),
	('Document Owner', 'document', '{document:share,document:write,document:read,document:read}'),
	('Author', 'organization', 'document:create');
INSERT INTO roles (name, description) VALUES ('Editor', 'Writes.');
INSERT INTO role_rules (role, permission_set) VALUES ('Editor', 'Document Editor'), ('Editor', 'Author'), ('Editor', 'Standard');
INSERT INTO entity_type_settings VALUES ('document', 'Document Owner', 'document:share');
-- a set may start empty
INSERT INTO permission_sets (name, entity_type) VALUES ('Nothing', 'document');
SELECT name, organization, entity_type, scopes, description, builtin FROM permission_sets WHERE NOT builtin ORDER BY name;
SELECT role, permission_set, entity_type, entity, condition FROM role_rules WHERE id > 0 ORDER BY role, permission_set;
TABLE entity_type_settings;

-- a tenant comes, with sets and roles of its own
INSERT INTO organizations VALUES ('acme', 'Acme Incorporated');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES
	('acme/Reviewer', 'document', '{document:read,document:share}');
INSERT INTO roles (name) VALUES ('acme/Reviewer'), ('acme/All/of it');
UPDATE roles SET all_scopes = true WHERE name = 'acme/All/of it';
SELECT name, organization, all_scopes, builtin FROM roles WHERE NOT builtin ORDER BY name;

-- the three kinds of rules; the type is that of the set
INSERT INTO role_rules (role, permission_set, entity, condition) VALUES
	('acme/Reviewer', 'acme/Reviewer', 'doc-1', NULL),
	('acme/Reviewer', 'acme/Reviewer', NULL, '$.status == "draft"'),
	('acme/Reviewer', 'Document Reader', NULL, NULL),
	('acme/Reviewer', 'Stack Read', NULL, '$.env == "prod"'),
	('acme/Reviewer', 'Billing', NULL, NULL);
SELECT permission_set, entity_type, entity, condition FROM role_rules WHERE role = 'acme/Reviewer'
ORDER BY permission_set, entity, condition::text;
-- one set under several conditions is several rules, under the same none
INSERT INTO role_rules (role, permission_set, condition) VALUES ('acme/Reviewer', 'Stack Read', '$.env == "dev"');
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Reviewer', 'Document Reader');
INSERT INTO role_rules (role, permission_set, entity) VALUES ('acme/Reviewer', 'acme/Reviewer', 'doc-1');

-- the type can be said, too, if it is right
INSERT INTO role_rules (role, permission_set, entity_type, entity) VALUES ('acme/Reviewer', 'Stack Write', 'stack', 'web');
INSERT INTO role_rules (id, role, permission_set, entity_type, entity) VALUES (1000001, 'acme/Reviewer', 'Stack Write', 'document', 'web');
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Reviewer', 'Stack Wriet');
INSERT INTO role_rules (id, role) VALUES (1000002, 'acme/Reviewer');

-- it follows the set
UPDATE role_rules SET permission_set = 'Document Reader' WHERE entity = 'web' RETURNING permission_set, entity_type;
UPDATE role_rules SET permission_set = 'Stack Read', entity_type = 'stack' WHERE entity = 'web' RETURNING permission_set, entity_type;
UPDATE role_rules SET id = 1000003 WHERE entity = 'web';
-- said wrongly, or alone, it does not
UPDATE role_rules SET permission_set = 'Document Reader', entity_type = 'environment' WHERE entity = 'web';
UPDATE role_rules SET entity_type = 'document' WHERE entity = 'web';
UPDATE role_rules SET permission_set = 'nothing of the kind' WHERE entity = 'web';
-- an organization's set has no place in a rule that names an entity
UPDATE role_rules SET permission_set = 'Billing' WHERE entity = 'web';

-- members, teams, tokens
INSERT INTO members (organization, member) VALUES ('acme', 'alice');
INSERT INTO members (organization, member, role, expires_at) VALUES ('acme', 'bob', 'acme/Reviewer', '2100-01-01 00:00+00');
INSERT INTO members (organization, member, kind) VALUES ('acme', 'deploy-bot', 'organization_token');
TABLE members ORDER BY member;
INSERT INTO teams (name) VALUES ('acme/Writers');
INSERT INTO teams (name, source, description) VALUES ('acme/eng/web', 'github', 'From the code host.');
TABLE teams ORDER BY name;
INSERT INTO team_members (team, member) VALUES ('acme/Writers', 'alice');
INSERT INTO team_members (team, member, is_admin, expires_at) VALUES ('acme/eng/web', 'alice', true, 'infinity');
TABLE team_members ORDER BY team;
INSERT INTO team_roles (team, role) VALUES ('acme/Writers', 'Editor'), ('acme/Writers', 'acme/Reviewer');
TABLE team_roles ORDER BY role;

-- what there is, and direct access to it
INSERT INTO entities VALUES
	('document', 'doc-1', 'acme', 'alice', '{"status": "draft"}'),
	('document', 'doc-2', 'acme', NULL, NULL),
	('stack', 'doc-1', 'acme', NULL, NULL);
TABLE entities ORDER BY entity_type, entity;
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('acme/Reviewer', 'doc-1', 'acme/eng/web');
INSERT INTO entity_grants (permission_set, entity, organization, member, expires_at)
	VALUES ('Stack Read', 'doc-1', 'acme', 'bob', '2100-01-01 00:00+00');
-- to something that nobody has registered (yet)
INSERT INTO entity_grants (permission_set, entity_type, entity, team) VALUES ('Account Read', 'insights_account', 'aws', 'acme/Writers');
SELECT permission_set, entity_type, entity, team, organization, member, expires_at FROM entity_grants ORDER BY permission_set;
UPDATE entity_grants SET permission_set = 'Stack Write' WHERE team = 'acme/eng/web' RETURNING permission_set, entity_type;
-- the same again
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('Stack Write', 'doc-1', 'acme/eng/web');
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'doc-1', 'acme', 'bob');
INSERT INTO entity_grants (id, permission_set, entity, team) VALUES (1000001, 'Stack Raed', 'doc-1', 'acme/eng/web');

-- settings of the organization
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Document Reader'), ('acme', 'Stack Read'), ('acme', 'acme/Reviewer');
UPDATE member_defaults SET permission_set = 'Environment Read' WHERE permission_set = 'Stack Read';
TABLE member_defaults ORDER BY permission_set;
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Environment Raed');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'document:create'), ('acme', 'stack:delete');
TABLE organization_settings ORDER BY scope;

-- and all of it counts
SELECT member, scopes_on(member, 'document', 'doc-1') FROM members ORDER BY member;
SELECT member, cardinality(scopes_on(member, 'stack', 'doc-1')) FROM members ORDER BY member;
SELECT member, has_scope(member, 'acme', 'document:create') FROM members ORDER BY member;

-- generated columns are not written to
INSERT INTO roles (name, organization) VALUES ('acme/X', 'acme');
UPDATE teams SET organization = 'acme';
INSERT INTO team_members (team, organization, member) VALUES ('acme/Writers', 'acme', 'bob');
INSERT INTO organization_settings (organization, scope, toggle) VALUES ('acme', 'team:create', true);

DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM entity_type_settings;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
SELECT count(*) FROM role_rules WHERE id > 0;
