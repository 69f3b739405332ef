--
-- Each kind of change to each table shows in the very next answer of a session
-- that has the old one cached
--
SET search_path = rbac, public;

INSERT INTO organizations VALUES ('acme'), ('beta');
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO scopes (name, entity_type, toggle) VALUES ('wiki:read', 'wiki', true), ('wiki:write', 'wiki', false), ('wiki:spare', 'wiki', false);
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('Reader', 'wiki', '{wiki:read}'), ('Writer', 'wiki', '{wiki:read,wiki:write}'), ('Nothing', 'wiki', '{}');
INSERT INTO roles (name) VALUES ('Plain'), ('acme/Role');
INSERT INTO members (organization, member, role) VALUES ('acme', 'ann', 'Plain'), ('acme', 'ben', 'Plain');
INSERT INTO teams (name) VALUES ('acme/Team'), ('acme/Other');
INSERT INTO entities (entity_type, entity, organization) VALUES ('wiki', 'w1', 'acme'), ('wiki', 'w2', 'acme');

-- a change, and what is asked before and after it
CREATE TABLE public.changes (no int GENERATED ALWAYS AS IDENTITY, statement text, question text);
INSERT INTO changes (question, statement) VALUES
	-- a member's grants
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES (''Reader'', ''w1'', ''acme'', ''ann'')'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE entity_grants SET permission_set = ''Nothing'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE entity_grants SET permission_set = ''Reader'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE entity_grants SET entity = ''w2'''),
	('SELECT has_scope(''ann'', ''w2'', ''wiki:read'')', 'UPDATE entity_grants SET expires_at = now()'),
	('SELECT has_scope(''ann'', ''w2'', ''wiki:read'')', 'UPDATE entity_grants SET expires_at = ''infinity'''),
	('SELECT has_scope(''ann'', ''w2'', ''wiki:read''), has_scope(''ben'', ''w2'', ''wiki:read'')', 'UPDATE entity_grants SET member = ''ben'''),
	('SELECT has_scope(''ben'', ''w2'', ''wiki:read'')', 'DELETE FROM entity_grants'),
	-- a team's
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'INSERT INTO team_members (team, member) VALUES (''acme/Team'', ''ann'')'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'INSERT INTO entity_grants (permission_set, entity, team) VALUES (''Reader'', ''w1'', ''acme/Team'')'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE team_members SET expires_at = ''-infinity'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE team_members SET expires_at = NULL'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE team_members SET team = ''acme/Other'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE entity_grants SET team = ''acme/Other'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read''), has_scope(''ben'', ''w1'', ''wiki:read'')', 'UPDATE team_members SET member = ''ben'''),
	('SELECT has_scope(''ben'', ''w1'', ''wiki:read'')', 'DELETE FROM team_members'),
	('SELECT has_scope(''ben'', ''w1'', ''wiki:read'')', 'INSERT INTO team_members (team, member) VALUES (''acme/Other'', ''ben'')'),
	('SELECT has_scope(''ben'', ''w1'', ''wiki:read'')', 'UPDATE entity_grants SET team = NULL, organization = ''acme'', member = ''ann'''),
	('SELECT has_scope(''ben'', ''w1'', ''wiki:read'')', 'UPDATE entity_grants SET team = ''acme/Other'', organization = NULL, member = NULL'),
	('SELECT has_scope(''ben'', ''w1'', ''wiki:read'')', 'DELETE FROM teams WHERE name = ''acme/Other'''),
	-- roles and their rules
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'INSERT INTO role_rules (role, permission_set) VALUES (''Plain'', ''Writer'')'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'UPDATE role_rules SET condition = ''$.draft == true'' WHERE id > 0'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'UPDATE entities SET tags = ''{"draft": true}'' WHERE entity = ''w1'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'UPDATE role_rules SET permission_set = ''Reader'' WHERE id > 0'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'UPDATE permission_sets SET scopes = scopes | ''wiki:write'' WHERE name = ''Reader'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'UPDATE permission_sets SET scopes = scopes - ''wiki:write'' WHERE name = ''Reader'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE role_rules SET role = ''acme/Role'' WHERE id > 0'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE members SET role = ''acme/Role'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'DELETE FROM role_rules WHERE id > 0'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'UPDATE roles SET all_scopes = true WHERE name = ''acme/Role'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'UPDATE roles SET all_scopes = false WHERE name = ''acme/Role'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'UPDATE members SET role = ''Admin'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'UPDATE members SET expires_at = ''-infinity'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'UPDATE members SET expires_at = NULL'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'UPDATE members SET role = ''Plain'''),
	-- a team's roles
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'INSERT INTO team_members (team, member) VALUES (''acme/Team'', ''ann'')'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'INSERT INTO team_roles (team, role) VALUES (''acme/Team'', ''Admin'')'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'UPDATE team_roles SET role = ''acme/Role'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'UPDATE team_roles SET role = ''Admin'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'UPDATE team_roles SET expires_at = ''-infinity'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'UPDATE team_roles SET expires_at = NULL'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:spare'')', 'DELETE FROM team_roles'),
	-- the baseline of members, and toggles
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE members SET role = ''Member'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'INSERT INTO member_defaults (organization, permission_set) VALUES (''acme'', ''Reader'')'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'UPDATE member_defaults SET permission_set = ''Writer'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'UPDATE member_defaults SET organization = ''beta'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'UPDATE member_defaults SET organization = ''acme'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'DELETE FROM member_defaults'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'INSERT INTO organization_settings (organization, scope) VALUES (''acme'', ''wiki:read'')'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE organization_settings SET organization = ''beta'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE organization_settings SET organization = ''acme'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'UPDATE organization_settings SET scope = ''team:create'''),
	('SELECT has_scope(''ann'', ''acme'', ''team:create'')', 'DELETE FROM organization_settings'),
	-- owners
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'UPDATE entities SET owner = ''ann'' WHERE entity = ''w1'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'INSERT INTO entity_type_settings VALUES (''wiki'', ''Writer'', NULL)'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:write'')', 'UPDATE entity_type_settings SET owner_permission_set = ''Reader'''),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'DELETE FROM entity_type_settings'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read'')', 'INSERT INTO entity_type_settings VALUES (''wiki'', ''Reader'', NULL)'),
	('SELECT has_scope(''ann'', ''w1'', ''wiki:read''), has_scope(''ben'', ''w1'', ''wiki:read'')', 'UPDATE entities SET owner = ''ben'' WHERE entity = ''w1'''),
	('SELECT has_scope(''ben'', ''w1'', ''wiki:read'')', 'UPDATE entities SET entity = ''w9'' WHERE entity = ''w1'''),
	('SELECT has_scope(''ben'', ''w9'', ''wiki:read'')', 'DELETE FROM entities WHERE entity = ''w9'''),
	('SELECT has_scope(''ben'', ''w9'', ''wiki:read'')', 'INSERT INTO entities (entity_type, entity, organization, owner) VALUES (''wiki'', ''w9'', ''acme'', ''ben'')'),
	('SELECT entities_with_scope(''ben'', ''wiki:read'')', 'INSERT INTO entities (entity_type, entity, organization, owner) VALUES (''wiki'', ''w8'', ''acme'', ''ben'')'),
	('SELECT has_scope(''ben'', ''w9'', ''wiki:read'')', 'UPDATE entities SET organization = ''beta'' WHERE entity = ''w9'''),
	('SELECT has_scope(''ben'', ''w9'', ''wiki:read'')', 'INSERT INTO members (organization, member) VALUES (''beta'', ''ben'')'),
	('SELECT has_scope(''ben'', ''w9'', ''wiki:read'')', 'DELETE FROM members WHERE organization = ''beta'''),
	-- the registry of scopes
	('SELECT scopes_on(''ann'', ''wiki'', ''w2'')', 'UPDATE members SET role = ''Admin'' WHERE member = ''ann'''),
	('SELECT scopes_on(''ann'', ''wiki'', ''w2'')', 'INSERT INTO scopes (name, entity_type) VALUES (''wiki:new'', ''wiki'')'),
	('SELECT scopes_on(''ann'', ''wiki'', ''w2'')', 'UPDATE scopes SET name = ''wiki:newer'' WHERE name = ''wiki:new'''),
	('SELECT scopes_on(''ann'', ''wiki'', ''w2'')', 'DELETE FROM scopes WHERE name = ''wiki:newer''');

\pset format unaligned
\pset tuples_only on
SELECT unnest(ARRAY[question, statement, question]) FROM changes ORDER BY no \gexec

-- a scope that is not registered any more is unknown, whatever was cached
SELECT has_scope('ann', 'w2', 'wiki:spare');
DELETE FROM scopes WHERE name = 'wiki:spare';
SELECT has_scope('ann', 'w2', 'wiki:spare');

DROP TABLE changes;
DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM entity_type_settings;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
