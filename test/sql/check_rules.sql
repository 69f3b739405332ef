--
-- Who has what, rule by rule.  Each answer is true because of one fact alone:
-- with it t, without it f.  A fact is put in, or taken out, inside a transaction that is then
-- rolled back, so that the answer turns twice.
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

INSERT INTO organizations VALUES ('acme'), ('beta');
INSERT INTO roles (name) VALUES ('acme/None'), ('acme/Some'), ('beta/None'), ('Shared');
INSERT INTO teams (name) VALUES ('acme/Dev'), ('acme/Ops'), ('beta/Dev');
-- ann has nothing at all, adam everything in acme, bea everything in beta
INSERT INTO members (organization, member, role) VALUES
	('acme', 'ann', 'acme/None'), ('acme', 'adam', 'Admin'), ('beta', 'bea', 'Admin');
INSERT INTO entities (entity_type, entity, organization) VALUES
	('stack', 's1', 'acme'), ('stack', 's2', 'acme'), ('environment', 'e1', 'acme'), ('insights_account', 'a1', 'acme'),
	('stack', 'b1', 'beta');

\set ann_reads_s1 'SELECT has_scope(\'ann\', \'s1\', \'stack:read\');'
\set ann_reads_s2 'SELECT has_scope(\'ann\', \'s2\', \'stack:read\');'
\set ann_reads_b1 'SELECT has_scope(\'ann\', \'b1\', \'stack:read\');'
\set ann_opens_e1 'SELECT has_scope(\'ann\', \'e1\', \'environment:open\');'
\set ann_lists_teams 'SELECT has_scope(\'ann\', \'acme\', \'team:list\');'

:ann_reads_s1
:ann_lists_teams

--
-- 1. A scope belongs to one entity type, and the entity is of that type.
--
-- two entities of one id
INSERT INTO entities (entity_type, entity, organization) VALUES ('environment', 's1', 'acme');
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Environment Open', 's1', 'acme', 'ann');
:ann_reads_s1
SELECT has_scope('ann', 's1', 'environment:open');
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's1', 'acme', 'ann');
:ann_reads_s1
ROLLBACK;
SELECT has_scope('ann', 's1', 'environment:open');
DELETE FROM entities WHERE entity_type = 'environment' AND entity = 's1';
SELECT has_scope('adam', 's1', 'environment:open');

-- a scope of type organization is had on the organization, by its name
SELECT has_scope('adam', 'acme', 'stack:create');
SELECT has_scope('adam', 's1', 'stack:create');
SELECT has_scope('adam', 'nowhere', 'stack:create');
-- and one of another type on an entity that has an organization's name
SELECT has_scope('adam', 'acme', 'stack:read');
BEGIN;
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 'acme', 'acme'), ('stack', 'beta', 'acme');
SELECT has_scope('adam', 'acme', 'stack:read'), has_scope('adam', 'beta', 'stack:read');
SELECT has_scope('adam', 'beta', 'stack:create');
ROLLBACK;
SELECT has_scope('adam', 'acme', 'stack:read'), has_scope('adam', 'beta', 'stack:read');

--
-- 2. Access is computed within the entity's organization.
--
\set adam_reads_s1 'SELECT has_scope(\'adam\', \'s1\', \'stack:read\');'
:adam_reads_s1
SELECT has_scope('adam', 'b1', 'stack:read');
-- no membership there
BEGIN;
DELETE FROM members WHERE member = 'adam';
:adam_reads_s1
SELECT has_scope('adam', 'acme', 'team:list');
ROLLBACK;
:adam_reads_s1
-- one in another organization is no help
BEGIN;
DELETE FROM members WHERE member = 'adam';
INSERT INTO members (organization, member, role) VALUES ('beta', 'adam', 'Admin');
:adam_reads_s1
SELECT has_scope('adam', 'b1', 'stack:read');
ROLLBACK;
-- an expired one
BEGIN;
UPDATE members SET expires_at = now() - interval '1 second' WHERE member = 'adam';
:adam_reads_s1
SELECT has_scope('adam', 'acme', 'team:list');
ROLLBACK;
:adam_reads_s1
-- the entity goes to another organization, comes back, goes for good, comes again
SELECT has_scope('bea', 's1', 'stack:read');
UPDATE entities SET organization = 'beta' WHERE entity = 's1';
:adam_reads_s1
SELECT has_scope('bea', 's1', 'stack:read');
UPDATE entities SET organization = 'acme' WHERE entity = 's1';
:adam_reads_s1
SELECT has_scope('bea', 's1', 'stack:read');
DELETE FROM entities WHERE entity = 's1';
:adam_reads_s1
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 's1', 'beta');
:adam_reads_s1
DELETE FROM entities WHERE entity = 's1';
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 's1', 'acme');
:adam_reads_s1
-- the row's own organization counts for row_has_scope, not the registry's
SELECT row_has_scope('adam', 's1', 'stack:read', 'acme'), row_has_scope('adam', 's1', 'stack:read', 'beta'), row_has_scope('bea', 's1', 'stack:read', 'beta');
SELECT row_has_scope('adam', 'new', 'stack:read', 'acme'), row_has_scope('adam', 'new', 'stack:read', 'beta'), row_has_scope('adam', 'new', 'stack:read', 'nowhere');
SELECT row_has_scope('adam', 'acme', 'team:list', 'acme'), row_has_scope('adam', 'beta', 'team:list', 'acme'), row_has_scope('adam', 'acme', 'team:list', 'beta');

-- unknown member or entity: false
SELECT has_scope('nobody', 's1', 'stack:read'), has_scope('', 's1', 'stack:read'), has_scope(repeat('x', 1000), 's1', 'stack:read');
SELECT has_scope('adam', 'nothing', 'stack:read'), has_scope('adam', '', 'stack:read'), has_scope('adam', repeat('x', 1000), 'stack:read');
SELECT has_scope('Adam', 's1', 'stack:read'), has_scope('adam ', 's1', 'stack:read'), has_scope('adam', 'S1', 'stack:read'), has_scope('adam', 's1 ', 'stack:read');
SELECT has_scope('nobody', 'acme', 'team:list'), has_scope('adam', 'Acme', 'team:list'), has_scope('adam', '', 'team:list');
SELECT row_has_scope('nobody', 's1', 'stack:read', 'acme'), row_has_scope('adam', 's1', 'stack:read', ''), row_has_scope('adam', '', 'stack:read', 'acme');

-- NULL member, entity, scope or organization: NULL.  NULL owner or tags: none
\pset null NULL
SELECT has_scope(NULL, 's1', 'stack:read'), has_scope('adam', NULL::text, 'stack:read'), has_scope('adam', 's1', NULL), has_scope('nobody', NULL::uuid, 'stack:read');
SELECT row_has_scope(NULL, 's1', 'stack:read', 'acme'), row_has_scope('adam', NULL::text, 'stack:read', 'acme'), row_has_scope('adam', 's1', NULL, 'acme'),
	row_has_scope('adam', 's1', 'stack:read', NULL), row_has_scope('nobody', NULL::bigint, 'stack:read', NULL::uuid);
SELECT row_has_scope('adam', 's1', 'stack:read', 'acme', NULL, NULL), row_has_scope('ann', 's1', 'stack:read', 'acme', NULL, NULL);
SELECT scopes_on(NULL, 'stack', 's1'), scopes_on('adam', NULL, 's1'), scopes_on('adam', 'stack', NULL), role_scopes(NULL);
SELECT count(*) FROM entities_with_scope(NULL, 'stack:read');
SELECT count(*) FROM entities_with_scope('adam', NULL);
\pset null ''

-- an unknown scope: an error that names it, also when the answer would be false or the scope comes as text
SELECT has_scope('adam', 's1', 'stack:raed');
SELECT has_scope('nobody', 'nothing', 'stack:wirte');
SELECT has_scope('adam', 's1', 'stack' || ':deleet');
SELECT row_has_scope('adam', 's1', 'environment:opne', 'acme');
SELECT has_scope('s1', 'team:lits');
SELECT * FROM entities_with_scope('adam', 'stack:raed');
SELECT has_scope('adam', 's1', 'Stack:Read');
SELECT has_scope('adam', 's1', '');
-- one that was registered a moment ago
BEGIN;
INSERT INTO scopes (name, entity_type) VALUES ('stack:inspect', 'stack');
PREPARE inspect(text) AS SELECT has_scope('adam', 's1', $1);
EXECUTE inspect('stack:inspect');
ROLLBACK;
EXECUTE inspect('stack:inspect');
DEALLOCATE inspect;

--
-- 3. All that follows adds up, and nothing subtracts.
--
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Admin', 's1', 'acme', 'ann');
:ann_reads_s1
-- the same scope again in another way, then without the first
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's1', 'acme', 'ann');
SELECT has_scope('ann', 's1', 'stack:delete');
DELETE FROM entity_grants WHERE permission_set = 'Stack Admin';
:ann_reads_s1
SELECT has_scope('ann', 's1', 'stack:delete');
DELETE FROM entity_grants;
:ann_reads_s1
-- a lesser role beside a greater one
UPDATE members SET role = 'Admin' WHERE member = 'ann';
INSERT INTO team_members (team, member) VALUES ('acme/Dev', 'ann');
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'acme/None'), ('acme/Dev', 'Billing Manager');
SELECT has_scope('ann', 's1', 'stack:delete');
ROLLBACK;
-- what two teams and the own role give adds up
BEGIN;
INSERT INTO team_members (team, member) VALUES ('acme/Dev', 'ann'), ('acme/Ops', 'ann');
INSERT INTO role_rules (role, permission_set, entity) VALUES ('acme/None', 'Stack Read', 's1'), ('acme/Some', 'Environment Open', 'e1');
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'acme/Some'), ('acme/Ops', 'Billing Manager');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'e1', 'environment:open'), has_scope('ann', 'acme', 'organization:billing');
DELETE FROM team_members WHERE team = 'acme/Ops';
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'e1', 'environment:open'), has_scope('ann', 'acme', 'organization:billing');
ROLLBACK;

--
-- 4. The member's own role, and the roles of each of the member's teams.
--
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Some', 'Stack Read'), ('acme/Some', 'Billing');
-- the own role
BEGIN;
UPDATE members SET role = 'acme/Some' WHERE member = 'ann';
:ann_reads_s1
SELECT has_scope('ann', 'acme', 'organization:billing');
ROLLBACK;
:ann_reads_s1
SELECT has_scope('ann', 'acme', 'organization:billing');
-- a team's role needs both: the role in the team, and the member in the team
BEGIN;
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'acme/Some');
:ann_reads_s1
INSERT INTO team_members (team, member) VALUES ('acme/Dev', 'ann');
:ann_reads_s1
SELECT has_scope('ann', 'acme', 'organization:billing');
DELETE FROM team_roles;
:ann_reads_s1
-- one of several roles, in one of several teams
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'ann');
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'Billing Manager'), ('acme/Ops', 'acme/None'), ('acme/Ops', 'acme/Some');
:ann_reads_s1
DELETE FROM team_members WHERE team = 'acme/Ops';
:ann_reads_s1
ROLLBACK;
:ann_reads_s1
-- being the team's admin is nothing more
BEGIN;
INSERT INTO team_members (team, member, is_admin) VALUES ('acme/Dev', 'ann', true);
:ann_reads_s1
ROLLBACK;
-- with each of its rules: one more, one less
BEGIN;
UPDATE members SET role = 'acme/Some' WHERE member = 'ann';
:ann_opens_e1
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Some', 'Environment Open');
:ann_opens_e1
DELETE FROM role_rules WHERE role = 'acme/Some' AND permission_set = 'Stack Read';
:ann_reads_s1
ROLLBACK;
-- a permission set that changes
BEGIN;
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('acme/Set', 'stack', '{stack:write}');
INSERT INTO role_rules (role, permission_set) VALUES ('acme/None', 'acme/Set');
:ann_reads_s1
UPDATE permission_sets SET scopes = scopes | 'stack:read' WHERE name = 'acme/Set';
:ann_reads_s1
UPDATE permission_sets SET scopes = '{}' WHERE name = 'acme/Set';
:ann_reads_s1
ROLLBACK;
-- a shared role is held in one organization at a time
BEGIN;
INSERT INTO role_rules (role, permission_set) VALUES ('Shared', 'Stack Read');
INSERT INTO members (organization, member, role) VALUES ('beta', 'ann', 'beta/None');
UPDATE members SET role = 'Shared' WHERE member = 'ann' AND organization = 'acme';
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'b1', 'stack:read');
UPDATE members SET role = CASE organization WHEN 'beta' THEN 'Shared' ELSE 'acme/None' END WHERE member = 'ann';
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'b1', 'stack:read');
-- so is a team
UPDATE members SET role = organization || '/None' WHERE member = 'ann';
INSERT INTO team_members (team, member) VALUES ('beta/Dev', 'ann');
INSERT INTO team_roles (team, role) VALUES ('beta/Dev', 'Shared');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'b1', 'stack:read');
ROLLBACK;
-- all_scopes: everything on everything in the organization, and on itself
BEGIN;
UPDATE roles SET all_scopes = true WHERE name = 'acme/None';
SELECT has_scope('ann', 's1', 'stack:transfer'), has_scope('ann', 'e1', 'environment:delete'), has_scope('ann', 'acme', 'audit_logs:export'), has_scope('ann', 'b1', 'stack:read'), has_scope('ann', 'beta', 'team:list');
SELECT row_has_scope('ann', 'new', 'stack:transfer', 'acme'), row_has_scope('ann', 'new', 'stack:transfer', 'beta');
-- present and future scopes and types
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO scopes (name, entity_type) VALUES ('wiki:read', 'wiki'), ('stack:inspect', 'stack');
INSERT INTO entities (entity_type, entity, organization) VALUES ('wiki', 'w1', 'acme'), ('wiki', 'w2', 'beta');
SELECT has_scope('ann', 'w1', 'wiki:read'), has_scope('ann', 'w2', 'wiki:read'), has_scope('ann', 's1', 'stack:inspect');
UPDATE roles SET all_scopes = false WHERE name = 'acme/None';
SELECT has_scope('ann', 'w1', 'wiki:read'), has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'acme', 'team:list');
ROLLBACK;
SELECT has_scope('ann', 's1', 'stack:transfer');
-- through a team as well
BEGIN;
INSERT INTO team_members (team, member) VALUES ('acme/Dev', 'ann');
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'Admin');
SELECT has_scope('ann', 's1', 'stack:transfer'), has_scope('ann', 'acme', 'audit_logs:export'), has_scope('ann', 'b1', 'stack:read');
DELETE FROM team_members;
SELECT has_scope('ann', 's1', 'stack:transfer'), has_scope('ann', 'acme', 'audit_logs:export'), has_scope('ann', 'b1', 'stack:read');
ROLLBACK;
DELETE FROM role_rules WHERE role = 'acme/Some';

--
-- 5. A direct rule reaches one entity, a global rule all of the type, a tag
-- rule those whose tags satisfy it, an organization-type rule the organization.
--
-- direct
BEGIN;
INSERT INTO role_rules (role, permission_set, entity) VALUES ('acme/None', 'Stack Read', 's1');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's2', 'stack:read'), has_scope('ann', 's1', 'stack:write');
SELECT row_has_scope('ann', 's1', 'stack:read', 'acme'), row_has_scope('ann', 's2', 'stack:read', 'acme'), row_has_scope('ann', 's1', 'stack:read', 'beta');
UPDATE role_rules SET entity = 's2' WHERE role = 'acme/None';
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's2', 'stack:read');
UPDATE role_rules SET permission_set = 'Stack Access Read' WHERE role = 'acme/None';
SELECT has_scope('ann', 's2', 'stack:read'), has_scope('ann', 's2', 'stack_access:read');
ROLLBACK;
:ann_reads_s1
-- of a shared role: the entity, in whatever organization the role is held
BEGIN;
INSERT INTO role_rules (role, permission_set, entity) VALUES ('Shared', 'Stack Read', 's1'), ('Shared', 'Stack Read', 'b1');
INSERT INTO members (organization, member, role) VALUES ('beta', 'ann', 'beta/None');
UPDATE members SET role = 'Shared' WHERE member = 'ann' AND organization = 'acme';
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'b1', 'stack:read');
ROLLBACK;
-- global: entities that are there and that are still to come, of that type, in that organization
BEGIN;
INSERT INTO role_rules (role, permission_set) VALUES ('acme/None', 'Stack Read');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's2', 'stack:read'), has_scope('ann', 's3', 'stack:read'), has_scope('ann', 'e1', 'environment:read'), has_scope('ann', 'b1', 'stack:read');
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 's3', 'acme');
SELECT has_scope('ann', 's3', 'stack:read');
SELECT row_has_scope('ann', 's4', 'stack:read', 'acme'), row_has_scope('ann', 's4', 'stack:read', 'beta'), has_scope('ann', 's4', 'stack:read');
SELECT has_scope('ann', 'acme', 'stack:create');
ROLLBACK;
:ann_reads_s1
-- tag (conditions of all sorts are in check_conditions.sql)
BEGIN;
INSERT INTO role_rules (role, permission_set, condition) VALUES ('acme/None', 'Stack Read', '$.env == "dev"');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's2', 'stack:read');
UPDATE entities SET tags = '{"env": "dev"}' WHERE entity IN ('s1', 'e1', 'b1');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's2', 'stack:read'), has_scope('ann', 's1', 'stack:write'), has_scope('ann', 'e1', 'environment:read'), has_scope('ann', 'b1', 'stack:read');
UPDATE role_rules SET condition = '$.env == "prod"' WHERE role = 'acme/None';
:ann_reads_s1
UPDATE entities SET tags = '{"env": "prod"}' WHERE entity = 's1';
:ann_reads_s1
SELECT row_has_scope('ann', 's1', 'stack:read', 'acme'), row_has_scope('ann', 's9', 'stack:read', 'acme', NULL, '{"env": "prod"}'),
	row_has_scope('ann', 's1', 'stack:read', 'acme', NULL, '{"env": "dev"}'), row_has_scope('ann', 's9', 'stack:read', 'beta', NULL, '{"env": "prod"}');
ROLLBACK;
:ann_reads_s1
-- organization
BEGIN;
INSERT INTO role_rules (role, permission_set) VALUES ('acme/None', 'Standard');
SELECT has_scope('ann', 'acme', 'team:list'), has_scope('ann', 'beta', 'team:list'), has_scope('ann', 's1', 'team:list'), has_scope('ann', 's1', 'stack:read');
SELECT row_has_scope('ann', 'acme', 'team:list', 'acme'), row_has_scope('ann', 'beta', 'team:list', 'beta');
ROLLBACK;
:ann_lists_teams
-- the built-in role Member: Standard, and Stack Access Read on all stacks
BEGIN;
UPDATE members SET role = 'Member' WHERE member = 'ann';
SELECT has_scope('ann', 'acme', 'team:list'), has_scope('ann', 's1', 'stack_access:read'), has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'acme', 'stack:create');
ROLLBACK;

--
-- 6. Grants on an entity to the member, or to one of the member's teams.
--
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's1', 'acme', 'ann');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's2', 'stack:read'), has_scope('ann', 's1', 'stack:write');
SELECT row_has_scope('ann', 's1', 'stack:read', 'acme'), row_has_scope('ann', 's1', 'stack:read', 'beta'), row_has_scope('ann', 's2', 'stack:read', 'acme');
UPDATE entity_grants SET member = 'adam';
:ann_reads_s1
ROLLBACK;
:ann_reads_s1
BEGIN;
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('Stack Read', 's1', 'acme/Dev');
:ann_reads_s1
INSERT INTO team_members (team, member) VALUES ('acme/Dev', 'ann');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's2', 'stack:read');
SELECT row_has_scope('ann', 's1', 'stack:read', 'acme'), row_has_scope('ann', 's1', 'stack:read', 'beta');
UPDATE entity_grants SET team = 'acme/Ops';
:ann_reads_s1
UPDATE entity_grants SET team = 'acme/Dev';
:ann_reads_s1
DELETE FROM teams WHERE name = 'acme/Dev';
:ann_reads_s1
ROLLBACK;
:ann_reads_s1
-- a grant that names an entity of another organization gives nothing there, member of both or not
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'b1', 'acme', 'ann');
:ann_reads_b1
INSERT INTO members (organization, member, role) VALUES ('beta', 'ann', 'beta/None');
:ann_reads_b1
SELECT row_has_scope('ann', 'b1', 'stack:read', 'beta'), row_has_scope('ann', 'b1', 'stack:read', 'acme');
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'b1', 'beta', 'ann');
:ann_reads_b1
ROLLBACK;
:ann_reads_b1
-- a grant that comes before its entity
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's3', 'acme', 'ann');
SELECT has_scope('ann', 's3', 'stack:read'), row_has_scope('ann', 's3', 'stack:read', 'acme');
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 's3', 'acme');
SELECT has_scope('ann', 's3', 'stack:read');
-- it goes with the entity, and does not come back with it
DELETE FROM entities WHERE entity = 's3';
SELECT has_scope('ann', 's3', 'stack:read');
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 's3', 'acme');
SELECT has_scope('ann', 's3', 'stack:read');
ROLLBACK;
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's3', 'acme', 'ann');
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 's3', 'beta');
SELECT has_scope('ann', 's3', 'stack:read');
ROLLBACK;
-- nor with an entity that is moved away and back; the same goes for direct rules
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's1', 'acme', 'ann');
INSERT INTO role_rules (role, permission_set, entity) VALUES ('acme/None', 'Stack Read', 's2');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's2', 'stack:read');
UPDATE entities SET organization = 'beta' WHERE entity IN ('s1', 's2');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's2', 'stack:read');
UPDATE entities SET organization = 'acme' WHERE entity IN ('s1', 's2');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's2', 'stack:read');
ROLLBACK;

--
-- 7. The owner of an entity, while a member of its organization.
--
-- the built-in default: Stack Admin on stacks, nothing on other types
BEGIN;
UPDATE entities SET owner = 'ann' WHERE entity IN ('s1', 'e1', 'a1');
SELECT has_scope('ann', 's1', 'stack:delete'), has_scope('ann', 's2', 'stack:delete'), has_scope('ann', 'e1', 'environment:read'), has_scope('ann', 'a1', 'insights_account:read');
SELECT row_has_scope('ann', 's1', 'stack:delete', 'acme'), row_has_scope('ann', 's2', 'stack:delete', 'acme', 'ann'), row_has_scope('ann', 's1', 'stack:delete', 'acme', 'adam'),
	row_has_scope('ann', 's1', 'stack:delete', 'beta', 'ann'), row_has_scope('ann', 'e1', 'environment:read', 'acme', 'ann'), row_has_scope('ann', 'acme', 'team:list', 'acme', 'ann');
-- an owner who left, or whose membership expired
DELETE FROM members WHERE member = 'ann';
SELECT has_scope('ann', 's1', 'stack:delete');
INSERT INTO members (organization, member, role) VALUES ('acme', 'ann', 'acme/None');
SELECT has_scope('ann', 's1', 'stack:delete');
UPDATE members SET expires_at = now() WHERE member = 'ann';
SELECT has_scope('ann', 's1', 'stack:delete'), row_has_scope('ann', 's1', 'stack:delete', 'acme', 'ann');
ROLLBACK;
SELECT has_scope('ann', 's1', 'stack:delete');
-- who owns it may be a member of another organization only
BEGIN;
UPDATE entities SET owner = 'bea' WHERE entity = 's1';
SELECT has_scope('bea', 's1', 'stack:read');
UPDATE entities SET owner = 'ann' WHERE entity = 's1';
:ann_reads_s1
UPDATE entities SET owner = NULL WHERE entity = 's1';
:ann_reads_s1
INSERT INTO entities (entity_type, entity, organization, owner) VALUES ('stack', 's3', 'acme', 'ann');
SELECT has_scope('ann', 's3', 'stack:read');
UPDATE entities SET organization = 'beta' WHERE entity = 's3';
SELECT has_scope('ann', 's3', 'stack:read');
DELETE FROM entities WHERE entity = 's3';
SELECT has_scope('ann', 's3', 'stack:read');
ROLLBACK;
-- a row of entity_type_settings decides instead, also when it says NULL
BEGIN;
UPDATE entities SET owner = 'ann' WHERE entity IN ('s1', 'e1');
INSERT INTO entity_type_settings (entity_type, owner_permission_set) VALUES ('stack', 'Stack Read'), ('environment', 'Environment Open');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's1', 'stack:delete'), has_scope('ann', 'e1', 'environment:open'), has_scope('ann', 'e1', 'environment:write');
SELECT row_has_scope('ann', 's9', 'stack:read', 'acme', 'ann'), row_has_scope('ann', 's9', 'stack:delete', 'acme', 'ann');
UPDATE entity_type_settings SET owner_permission_set = NULL;
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's1', 'stack:delete'), has_scope('ann', 'e1', 'environment:open');
DELETE FROM entity_type_settings;
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's1', 'stack:delete'), has_scope('ann', 'e1', 'environment:open');
ROLLBACK;

--
-- 8. member_defaults, for those whose own role is Member.
--
BEGIN;
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Stack Read'), ('acme', 'Environment Open');
:ann_reads_s1
UPDATE members SET role = 'Member' WHERE member = 'ann';
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'e1', 'environment:open'), has_scope('ann', 's1', 'stack:write'), has_scope('ann', 'a1', 'insights_account:read'), has_scope('ann', 'b1', 'stack:read');
SELECT row_has_scope('ann', 'new', 'stack:read', 'acme'), row_has_scope('ann', 'new', 'stack:read', 'beta');
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 's3', 'acme');
SELECT has_scope('ann', 's3', 'stack:read');
DELETE FROM member_defaults WHERE permission_set = 'Stack Read';
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'e1', 'environment:open');
ROLLBACK;
-- only the own role counts: through a team Member is a role like any other
BEGIN;
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Stack Read');
INSERT INTO team_members (team, member) VALUES ('acme/Dev', 'ann');
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'Member');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's1', 'stack_access:read');
ROLLBACK;
-- another organization's
BEGIN;
UPDATE members SET role = 'Member' WHERE member = 'ann';
INSERT INTO member_defaults (organization, permission_set) VALUES ('beta', 'Stack Read');
:ann_reads_s1
UPDATE member_defaults SET organization = 'acme';
:ann_reads_s1
ROLLBACK;

--
-- 9. A toggle gives its scope to every member, whatever the role.
--
BEGIN;
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:create');
SELECT has_scope('ann', 'acme', 'stack:create'), has_scope('ann', 'acme', 'team:create'), has_scope('ann', 'beta', 'stack:create'), has_scope('bea', 'acme', 'stack:create'), has_scope('nobody', 'acme', 'stack:create');
SELECT row_has_scope('ann', 'acme', 'stack:create', 'acme'), row_has_scope('ann', 'beta', 'stack:create', 'beta');
UPDATE organization_settings SET scope = 'team:create';
SELECT has_scope('ann', 'acme', 'stack:create'), has_scope('ann', 'acme', 'team:create');
UPDATE organization_settings SET organization = 'beta';
SELECT has_scope('ann', 'acme', 'team:create');
ROLLBACK;
SELECT has_scope('ann', 'acme', 'stack:create');
-- a scope of another type: on all entities of that type
BEGIN;
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:delete');
SELECT has_scope('ann', 's1', 'stack:delete'), has_scope('ann', 's2', 'stack:delete'), has_scope('ann', 's1', 'stack:read'), has_scope('ann', 'b1', 'stack:delete'), has_scope('ann', 'acme', 'stack:delete'), has_scope('bea', 's1', 'stack:delete');
SELECT row_has_scope('ann', 'new', 'stack:delete', 'acme'), row_has_scope('ann', 'new', 'stack:delete', 'beta');
UPDATE members SET expires_at = now() WHERE member = 'ann';
SELECT has_scope('ann', 's1', 'stack:delete');
ROLLBACK;
SELECT has_scope('ann', 's1', 'stack:delete');
-- a toggle of one's own
BEGIN;
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO scopes (name, entity_type, toggle) VALUES ('wiki:edit', 'wiki', true);
INSERT INTO entities (entity_type, entity, organization) VALUES ('wiki', 'w1', 'acme');
SELECT has_scope('ann', 'w1', 'wiki:edit');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'wiki:edit');
SELECT has_scope('ann', 'w1', 'wiki:edit');
ROLLBACK;

--
-- 10. Tokens.
--
INSERT INTO members (organization, member, kind, role) VALUES
	('acme', 'org-token', 'organization_token', 'acme/None'), ('acme', 'team-token', 'team_token', 'Member');
\set org_token 'SELECT has_scope(\'org-token\', \'s1\', \'stack:read\'), has_scope(\'org-token\', \'acme\', \'stack:create\'), has_scope(\'org-token\', \'acme\', \'team:list\');'
\set team_token 'SELECT has_scope(\'team-token\', \'s1\', \'stack:read\'), has_scope(\'team-token\', \'acme\', \'stack:create\'), has_scope(\'team-token\', \'acme\', \'team:list\');'
-- an organization's has its role
:org_token
BEGIN;
UPDATE members SET role = 'Admin' WHERE member = 'org-token';
:org_token
UPDATE members SET role = 'acme/Some' WHERE member = 'org-token';
INSERT INTO role_rules (role, permission_set, entity) VALUES ('acme/Some', 'Stack Read', 's1');
:org_token
ROLLBACK;
-- and what it owns
BEGIN;
UPDATE entities SET owner = 'org-token' WHERE entity = 's1';
:org_token
SELECT row_has_scope('org-token', 's9', 'stack:delete', 'acme', 'org-token');
ROLLBACK;
-- and the member defaults when its role is Member
BEGIN;
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Stack Read');
:org_token
UPDATE members SET role = 'Member' WHERE member = 'org-token';
:org_token
ROLLBACK;
-- but no grants, no toggles, no team
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's1', 'acme', 'org-token');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:create'), ('acme', 'stack:delete');
:org_token
SELECT has_scope('org-token', 's1', 'stack:delete'), row_has_scope('org-token', 's1', 'stack:read', 'acme'), scopes_on('org-token', 'stack', 's1');
INSERT INTO team_members (team, member) VALUES ('acme/Dev', 'org-token');
ROLLBACK;
-- a team's is like any member whose role is Member
:team_token
BEGIN;
UPDATE entities SET owner = 'team-token' WHERE entity = 's1';
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:create');
:team_token
ROLLBACK;
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's1', 'acme', 'team-token');
:team_token
ROLLBACK;
BEGIN;
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Stack Read');
:team_token
ROLLBACK;
-- with what its team has; and it has one team at most
BEGIN;
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'acme/Some');
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Some', 'Stack Read');
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('Environment Open', 'e1', 'acme/Dev');
:team_token
INSERT INTO team_members (team, member) VALUES ('acme/Dev', 'team-token');
:team_token
SELECT has_scope('team-token', 'e1', 'environment:open');
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'team-token');
ROLLBACK;
-- one name may be a token here and a user there
BEGIN;
INSERT INTO members (organization, member, role) VALUES ('beta', 'org-token', 'beta/None');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:create'), ('beta', 'stack:create');
SELECT has_scope('org-token', 'acme', 'stack:create'), has_scope('org-token', 'beta', 'stack:create');
ROLLBACK;

-- All of it goes with the organization.  (Rule 11 has a file of its own, check_expiry.sql.)
DELETE FROM entities WHERE organization = 'acme';
DELETE FROM organizations WHERE name = 'acme';
SELECT has_scope('adam', 'acme', 'team:list'), has_scope('adam', 's1', 'stack:read'), row_has_scope('adam', 's1', 'stack:read', 'acme');

DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
