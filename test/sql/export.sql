--
-- export: an organization as one document; and apply to an empty organization,
-- which makes another of it
--
SET search_path = rbac, public;
SET timezone = 'America/New_York';
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

-- nothing but a name
INSERT INTO organizations VALUES ('empty');
SELECT export('empty');

-- everything
INSERT INTO organizations VALUES ('acme', 'Acme Incorporated'), ('beta', NULL);
INSERT INTO permission_sets (name, entity_type, scopes, description) VALUES
	('acme/Operator', 'stack', '{stack:read, stack:cancel_update}', 'Stops what runs.'), ('acme/Nothing', 'environment', '{}', NULL),
	('acme/Founder', 'organization', '{team:create, stack:create}', NULL), ('beta/Other', 'stack', '{stack:read}', NULL);
INSERT INTO roles (name, all_scopes, description) VALUES
	('acme/On Call', false, 'At night.'), ('acme/Everything', true, NULL), ('acme/with/slash', false, NULL), ('Shared', false, NULL), ('beta/Other', false, NULL);
INSERT INTO role_rules (role, permission_set, entity, condition) VALUES
	('acme/On Call', 'acme/Operator', NULL, '$.tier=="critical"'), ('acme/On Call', 'acme/Operator', NULL, '$.a  == 1'), ('acme/On Call', 'acme/Operator', NULL, '$.a == 1'),
	('acme/On Call', 'acme/Operator', NULL, NULL), ('acme/On Call', 'acme/Operator', 'web', NULL), ('acme/On Call', 'acme/Operator', 'a/b', NULL),
	('acme/On Call', 'Billing', NULL, NULL), ('acme/with/slash', 'acme/Founder', NULL, NULL), ('beta/Other', 'beta/Other', NULL, NULL), ('Shared', 'Stack Read', NULL, NULL);
INSERT INTO members (organization, member, kind, role, expires_at) VALUES
	('acme', 'alice', 'user', 'Admin', NULL), ('acme', 'bob', 'user', 'acme/On Call', '2100-06-30 20:00:00.25-04'), ('acme', 'Zoe', 'user', 'acme/with/slash', 'infinity'),
	('acme', 'bot', 'organization_token', 'Shared', NULL), ('acme', 'crew', 'team_token', 'Member', '2020-01-01 00:00+00'), ('beta', 'bea', 'user', 'Admin', NULL);
INSERT INTO teams (name, source, description) VALUES ('acme/Crew', 'github', 'All of them.'), ('acme/Alone', 'rbac', NULL), ('beta/Crew', 'rbac', NULL);
INSERT INTO team_members (team, member, is_admin, expires_at) VALUES
	('acme/Crew', 'crew', false, NULL), ('acme/Crew', 'bob', true, NULL), ('acme/Crew', 'Zoe', false, '2100-01-01 00:00+00'), ('beta/Crew', 'bea', true, NULL);
INSERT INTO team_roles (team, role, expires_at) VALUES ('acme/Crew', 'acme/with/slash', NULL), ('acme/Crew', 'Shared', '2100-01-01 00:00+00'), ('beta/Crew', 'Admin', NULL);
INSERT INTO entity_grants (permission_set, entity, team, organization, member, expires_at) VALUES
	('Stack Read', 'web', 'acme/Crew', NULL, NULL, NULL), ('acme/Operator', 'web', 'acme/Crew', NULL, NULL, '2100-01-01 00:00+00'),
	('Stack Read', 'web', NULL, 'acme', 'bob', NULL), ('Environment Open', 'web', NULL, 'acme', 'bob', NULL), ('Stack Read', 'web', NULL, 'beta', 'bea', NULL);
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Stack Read'), ('acme', 'acme/Operator'), ('beta', 'Stack Write');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:create'), ('acme', 'stack:delete'), ('beta', 'stack:create');
INSERT INTO default_roles VALUES ('acme', 'acme/On Call'), ('beta', 'Shared');
INSERT INTO entities (entity_type, entity, organization, owner) VALUES ('stack', 'web', 'acme', 'alice');
SELECT jsonb_pretty(export('acme'));

-- a copy
SELECT action, kind, count(*) FROM apply(export('acme') || '{"organization": "copy"}') GROUP BY 1, 2 ORDER BY 2;
SELECT export('copy') = export('acme') || '{"organization": "copy"}' AS same, export('copy') = export('acme') AS equal;
SELECT count(*) FROM apply(export('copy'));
SELECT * FROM roles WHERE organization = 'copy' ORDER BY name;
SELECT role, permission_set, entity_type, entity, condition FROM role_rules WHERE role LIKE 'copy/%' ORDER BY role, permission_set, entity, condition::text;
SELECT member, kind, role, expires_at FROM members WHERE organization = 'copy' ORDER BY member;
-- the entities are not in it, and not touched
SELECT * FROM entities;
SELECT has_scope('bob', 'web', 'stack:read'), has_scope('alice', 'web', 'stack:read'), has_scope('alice', 'copy', 'team:create');

-- The same whatever the settings, and in whatever order things were written.
CREATE TABLE public.exported AS SELECT export('acme') AS document;
SET timezone = 'Asia/Kolkata';
SET datestyle = 'German';
SET intervalstyle = 'sql_standard';
SET search_path = public;
SELECT rbac.export('acme') = document FROM exported;
SELECT count(*) FROM rbac.apply((SELECT document FROM exported));
SET search_path = rbac, public;
RESET datestyle;
UPDATE members SET expires_at = expires_at;
UPDATE role_rules SET entity = entity WHERE id > 0;
UPDATE team_members SET is_admin = is_admin;
UPDATE entity_grants SET expires_at = expires_at;
SELECT export('acme') = document FROM exported;

-- Unicode, and names that look like something else
SELECT count(*) > 0 FROM apply(jsonb_build_object('rbac', 1, 'organization', U&'M\00FCller "& S\00F6hne"', 'description', U&'\5F00\53D1 ./x',
	'permission_sets', jsonb_build_array(jsonb_build_object('name', U&'./\5F00\53D1', 'entity_type', 'stack', 'scopes', '["stack:read"]'::jsonb)),
	'roles', jsonb_build_array(jsonb_build_object('name', U&'././\+01F680', 'rules', jsonb_build_array(jsonb_build_object('permission_set', U&'./\5F00\53D1', 'entity', './x'), jsonb_build_object('permission_set', U&'./\5F00\53D1', 'condition', U&'$."M\00FCll" == "\5F00"')))),
	'members', jsonb_build_array(jsonb_build_object('name', './x', 'role', U&'././\+01F680'), jsonb_build_object('name', $$it's "so" \$$, 'role', 'Admin')),
	'teams', jsonb_build_array(jsonb_build_object('name', $$./' \ "$$, 'members', jsonb_build_array(jsonb_build_object('name', './x')))),
	'entity_grants', jsonb_build_array(jsonb_build_object('member', './x', 'entity', './x', 'permission_set', U&'./\5F00\53D1')),
	'member_defaults', '[]'::jsonb, 'toggles', '[]'::jsonb));
SELECT export(U&'M\00FCller "& S\00F6hne"');
SELECT name, octet_length(name) FROM roles WHERE organization LIKE 'M%';
SELECT count(*) FROM apply(export(U&'M\00FCller "& S\00F6hne"'));
SELECT count(*) > 0 FROM apply(export(U&'M\00FCller "& S\00F6hne"') || '{"organization": "."}');
SELECT export('.') || jsonb_build_object('organization', U&'M\00FCller "& S\00F6hne"') = export(U&'M\00FCller "& S\00F6hne"');

-- Who may: who would see everything.
SELECT export('nonesuch');
SELECT export(NULL);
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('acme/Reader', 'organization', '{org_member:read, team:read}');
INSERT INTO roles (name) VALUES ('acme/Reader');
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Reader', 'acme/Reader');
CREATE ROLE regress_rbac_reader;
SET SESSION AUTHORIZATION regress_rbac_reader;
SELECT export('acme');
SELECT export('nonesuch');
RESET SESSION AUTHORIZATION;
INSERT INTO members (organization, member, role) VALUES ('acme', 'regress_rbac_reader', 'acme/Reader'), ('beta', 'regress_rbac_reader', 'Admin');
SET SESSION AUTHORIZATION regress_rbac_reader;
SELECT export('acme');
RESET SESSION AUTHORIZATION;
UPDATE permission_sets SET scopes = scopes | 'role:read' WHERE name = 'acme/Reader';
SELECT export('acme') AS document \gset
-- with their own rights: they have to be able to read the tables
SET SESSION AUTHORIZATION regress_rbac_reader;
SELECT export('acme');
RESET SESSION AUTHORIZATION;
GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO regress_rbac_reader;
SET SESSION AUTHORIZATION regress_rbac_reader;
SELECT export('acme') = :'document'::jsonb AS what_the_owner_gets;
SELECT export('empty');
RESET SESSION AUTHORIZATION;
UPDATE members SET expires_at = now() WHERE member = 'regress_rbac_reader';
SET SESSION AUTHORIZATION regress_rbac_reader;
SELECT export('acme');
RESET SESSION AUTHORIZATION;
-- whoever row-level security does not apply to
ALTER ROLE regress_rbac_reader BYPASSRLS;
SET SESSION AUTHORIZATION regress_rbac_reader;
SELECT export('empty');
SELECT export('nonesuch');
RESET SESSION AUTHORIZATION;

-- in a read-only transaction
BEGIN READ ONLY;
SELECT export('empty');
ROLLBACK;

DROP TABLE exported;
DROP OWNED BY regress_rbac_reader;
DROP ROLE regress_rbac_reader;
DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
