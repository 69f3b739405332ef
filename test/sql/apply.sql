--
-- apply: an organization becomes equal to a document, by as few changes as that takes
--
SET search_path = rbac, public;
SET timezone = UTC;
SET datestyle = ISO;
\set SHOW_CONTEXT never
\pset format unaligned
\pset null -

INSERT INTO organizations VALUES ('acme', 'Acme Incorporated'), ('beta', 'Other');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES
	('acme/Operator', 'stack', '{stack:read, stack:cancel_update}'), ('acme/Unused', 'stack', '{stack:read}'), ('beta/Set', 'stack', '{stack:read}');
INSERT INTO roles (name) VALUES ('acme/On Call'), ('acme/Leaving'), ('beta/Role');
INSERT INTO role_rules (id, role, permission_set, entity, condition) VALUES
	(1000001, 'acme/On Call', 'acme/Operator', NULL, '$.tier == "critical"'), (1000002, 'acme/On Call', 'Stack Read', 'web', NULL), (1000003, 'acme/On Call', 'Stack Read', 'db', NULL),
	(1000004, 'acme/Leaving', 'acme/Unused', NULL, NULL), (1000005, 'beta/Role', 'beta/Set', NULL, NULL);
INSERT INTO members (organization, member, role, expires_at) VALUES
	('acme', 'alice', 'Admin', NULL), ('acme', 'bob', 'acme/On Call', NULL), ('acme', 'carol', 'Member', '2100-01-01'), ('acme', 'dave', 'acme/Leaving', NULL),
	('beta', 'alice', 'Admin', NULL), ('beta', 'bob', 'beta/Role', NULL);
INSERT INTO teams (name) VALUES ('acme/Crew'), ('acme/Past'), ('beta/Crew');
INSERT INTO team_members (team, member, is_admin) VALUES ('acme/Crew', 'bob', true), ('acme/Crew', 'carol', false), ('acme/Past', 'dave', false), ('acme/Past', 'bob', false), ('beta/Crew', 'bob', true);
INSERT INTO team_roles (team, role) VALUES ('acme/Crew', 'acme/On Call'), ('acme/Crew', 'acme/Leaving'), ('acme/Past', 'acme/Leaving'), ('beta/Crew', 'beta/Role');
INSERT INTO entity_grants (id, permission_set, entity, team, organization, member) VALUES
	(1000001, 'Stack Read', 'web', 'acme/Crew', NULL, NULL), (1000002, 'Stack Read', 'web', 'acme/Past', NULL, NULL), (1000003, 'Stack Write', 'web', NULL, 'acme', 'carol'),
	(1000004, 'acme/Unused', 'web', NULL, 'acme', 'dave'), (1000005, 'Environment Read', 'web', NULL, 'acme', 'carol'), (1000006, 'Stack Read', 'web', NULL, 'beta', 'bob');
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'acme/Unused'), ('acme', 'Stack Read'), ('beta', 'Stack Read');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:create'), ('beta', 'stack:create');
INSERT INTO default_roles VALUES ('acme', 'acme/Leaving'), ('beta', 'beta/Role');
INSERT INTO entities (entity_type, entity, organization, owner) VALUES ('stack', 'web', 'acme', 'dave'), ('stack', 'db', 'acme', 'bob');
CREATE TABLE public.before AS SELECT export('acme') AS acme, export('beta') AS beta;

-- Every row of every table, with where it is: what is written anew has moved.  Ids
-- that were given above are of rows that have stayed.
CREATE VIEW public.rows AS
	SELECT 'organizations' AS "table", ctid AS place, name AS key FROM organizations
	UNION ALL SELECT 'permission_sets', ctid, name FROM permission_sets WHERE NOT builtin
	UNION ALL SELECT 'roles', ctid, name FROM roles WHERE NOT builtin
	UNION ALL SELECT 'role_rules', ctid, concat_ws(' ', CASE WHEN id > 1000000 THEN id END, role, permission_set, entity, condition) FROM role_rules WHERE id > 0
	UNION ALL SELECT 'members', ctid, organization || ' ' || member FROM members
	UNION ALL SELECT 'teams', ctid, name FROM teams
	UNION ALL SELECT 'team_members', ctid, team || ' ' || member FROM team_members
	UNION ALL SELECT 'team_roles', ctid, team || ' ' || role FROM team_roles
	UNION ALL SELECT 'entity_grants', ctid, concat_ws(' ', CASE WHEN id > 1000000 THEN id END, permission_set, entity, team, organization, member) FROM entity_grants
	UNION ALL SELECT 'member_defaults', ctid, organization || ' ' || permission_set FROM member_defaults
	UNION ALL SELECT 'organization_settings', ctid, organization || ' ' || scope FROM organization_settings
	UNION ALL SELECT 'default_roles', ctid, organization FROM default_roles
	UNION ALL SELECT 'entities', ctid, entity FROM entities;
CREATE TABLE public.rows_before AS TABLE rows;
CREATE FUNCTION public.written() RETURNS TABLE (change text, "table" text, key text) LANGUAGE sql AS $$
	SELECT CASE WHEN b.key IS NULL THEN '+' WHEN r.key IS NULL THEN '-' ELSE '~' END, "table", key
	FROM public.rows_before b FULL JOIN public.rows r USING ("table", key)
	WHERE b.place IS DISTINCT FROM r.place ORDER BY "table" COLLATE "C", key COLLATE "C"
$$;

-- nothing to do is nothing done
SELECT * FROM apply(export('acme'));
SELECT * FROM written();

-- each kind of change
\set document '{"rbac": 1, "organization": "acme", "description": "Acme, Inc.", "default_role": "./On Call", "permission_sets": [{"name": "./Operator", "entity_type": "stack", "description": "Stops", "scopes": ["stack:cancel_update", "stack:delete", "stack:delete"]}, {"name": "./New", "entity_type": "environment", "scopes": ["environment:read"]}], "roles": [{"name": "./On Call", "description": "At night", "all_scopes": false, "rules": [{"permission_set": "./Operator", "condition": "$.tier==\\"critical\\""}, {"permission_set": "./Operator", "condition": "$.tier == \\"low\\""}, {"permission_set": "Stack Read", "entity": "web"}, {"permission_set": "./New"}]}, {"name": "./Boss", "all_scopes": true}], "members": [{"name": "alice", "role": "Admin", "kind": "user"}, {"name": "bob", "role": "./Boss"}, {"name": "carol", "role": "Member", "expires_at": "2100-06-01"}, {"name": "erin", "role": "./On Call"}, {"name": "bot", "kind": "organization_token", "role": "Member"}], "teams": [{"name": "./Crew", "source": "github", "members": [{"name": "bob"}, {"name": "carol", "expires_at": "2100-01-01 12:00:00+02"}, {"name": "erin", "is_admin": true}], "roles": [{"name": "./On Call", "expires_at": "2100-01-01"}, {"name": "Member"}]}, {"name": "./Fresh"}], "entity_grants": [{"permission_set": "Stack Read", "entity": "web", "team": "./Crew", "expires_at": "2100-01-01"}, {"permission_set": "Stack Write", "entity": "web", "member": "carol"}, {"permission_set": "./New", "entity": "web", "team": "./Fresh"}], "member_defaults": ["./New", "Stack Read"], "toggles": ["stack:delete"]}'
SELECT * FROM apply(:'document', dry_run => true);
SELECT * FROM written();
-- ... and not only said
CREATE TABLE public.told AS SELECT * FROM apply(:'document', dry_run => true);
SELECT * FROM apply(:'document') EXCEPT ALL TABLE told;
SELECT * FROM written();
SELECT * FROM apply(:'document');
SELECT export('acme');
-- the others are as they were, and so are the entities
SELECT export('beta') = beta FROM before;
SELECT * FROM entities ORDER BY entity;
-- and the checks know
SELECT has_scope('bob', 'acme', 'team:create'), has_scope('dave', 'web', 'stack:read'), has_scope('erin', 'web', 'stack:read');

-- and back
SELECT action, kind, name FROM apply((SELECT acme FROM before));
SELECT export('acme') = acme FROM before;
SELECT * FROM apply((SELECT acme FROM before));

-- Orders that matter: a role that somebody holds goes when they have another, a
-- set when nothing uses it; a token joins a team when it has left the other.
BEGIN;
INSERT INTO members (organization, member, kind) VALUES ('acme', 'token', 'team_token');
INSERT INTO team_members (team, member) VALUES ('acme/Crew', 'token');
SELECT action, kind, name, old, new FROM apply(jsonb_set(jsonb_set(export('acme'), '{teams,0,members}', '[]'), '{teams,1,members}', '[{"name": "token"}]')) WHERE name LIKE '%token';
ROLLBACK;
BEGIN;
SELECT action, kind, name FROM apply(jsonb_set(export('acme'), '{roles}', '[]') #- '{default_role}'
	|| '{"permission_sets": [], "entity_grants": [], "member_defaults": [], "teams": [], "members": [{"name": "dave", "role": "Member"}]}');
ROLLBACK;
-- everything, at once
BEGIN;
SELECT action, count(*) FROM apply('{"rbac": 1, "organization": "acme", "permission_sets": [], "roles": [], "members": [], "teams": [], "entity_grants": [], "member_defaults": [], "toggles": []}') GROUP BY 1 ORDER BY 1;
SELECT export('acme');
ROLLBACK;

-- the same condition twice is one rule, and goes as one
BEGIN;
INSERT INTO role_rules (role, permission_set, condition) VALUES ('acme/On Call', 'acme/Operator', '$.tier == "critical"');
SELECT * FROM apply(export('acme'));
SELECT action, kind, name FROM apply(export('acme') #- '{roles,1,rules,2}');
SELECT count(*) FROM role_rules WHERE role = 'acme/On Call';
ROLLBACK;

-- An error takes everything back, in a dry run too, which meets the same.
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no toggles today'; END $$;
CREATE TRIGGER refuse BEFORE INSERT OR DELETE ON organization_settings FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT count(*) FROM apply(:'document');
SELECT count(*) FROM apply(:'document', true);
SELECT export('acme') = acme FROM before;
-- a trigger that leaves something out
CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
SELECT count(*) FROM apply(:'document');
SELECT export('acme') = acme FROM before;
DROP FUNCTION refuse CASCADE;

-- A new organization, also dry.
SELECT action, kind, name FROM apply(:'document'::jsonb || '{"organization": "gamma"}', true) LIMIT 3;
SELECT name FROM organizations ORDER BY 1;
SELECT action, kind, name FROM apply(:'document'::jsonb || '{"organization": "gamma"}') LIMIT 3;
SELECT count(*) FROM apply(:'document'::jsonb || '{"organization": "gamma"}');
SELECT name FROM organizations ORDER BY 1;
DELETE FROM organizations WHERE name = 'gamma';

-- Members: who sees everything may, as far as they may write.
CREATE ROLE regress_rbac_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO regress_rbac_app;
GRANT SET ON PARAMETER rbac.member TO regress_rbac_app;
CREATE ROLE regress_rbac_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO regress_rbac_reader;
GRANT SET ON PARAMETER rbac.member TO regress_rbac_reader;
SET SESSION AUTHORIZATION regress_rbac_app;
SELECT count(*) FROM apply(:'document');
SET rbac.member = 'bob';
SELECT count(*) FROM apply(:'document');
SELECT count(*) FROM apply(:'document', true);
SET rbac.member = 'alice';
SELECT count(*) FROM apply(:'document', true);
SELECT count(*) FROM apply(:'document'::jsonb || '{"organization": "gamma"}');
RESET rbac.member;
SET SESSION AUTHORIZATION regress_rbac_reader;
SET rbac.member = 'alice';
SELECT count(*) FROM apply(:'document');
RESET SESSION AUTHORIZATION;
SELECT export('acme') = acme FROM before;

-- What a member who applies needs until the end they have until the end, though
-- the document gives them another role and deletes the one that they had; what is
-- given is given before anything is taken away.
CREATE FUNCTION public.judge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NOT rbac.has_scope('acme', 'role:delete') THEN
		RAISE insufficient_privilege USING MESSAGE = format('%s of %s by who may not any more', TG_OP, TG_TABLE_NAME);
	END IF;
	RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
SELECT format('CREATE TRIGGER judge BEFORE INSERT OR UPDATE OR DELETE ON rbac.%I FOR EACH ROW WHEN (current_user = ''regress_rbac_app'') EXECUTE FUNCTION public.judge()', relname)
FROM pg_class WHERE relnamespace = 'rbac'::regnamespace AND relkind = 'r' AND relname ~ '^(permission_sets|roles|role_rules|members|teams|team_members|team_roles|entity_grants|member_defaults|organization_settings|default_roles)$' ORDER BY 1 \gexec
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('acme/Governor', 'organization', (SELECT scopeset_agg(name::scope) FROM scopes WHERE entity_type = 'organization'));
INSERT INTO roles (name, all_scopes) VALUES ('acme/Governor', true);
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Governor', 'acme/Governor');
INSERT INTO members (organization, member, role) VALUES ('acme', 'gov', 'acme/Governor');
INSERT INTO team_members (team, member) VALUES ('acme/Crew', 'gov');
CREATE TABLE public.governed AS SELECT export('acme') AS document;
SELECT jsonb_pretty(jsonb_agg(m)) FROM jsonb_array_elements(export('acme') -> 'members') m WHERE m ->> 'name' = 'gov';
SET SESSION AUTHORIZATION regress_rbac_app;
SET rbac.member = 'gov';
-- they leave
BEGIN;
SELECT action, kind, name FROM apply(:'document'::jsonb || jsonb_build_object('roles', (:'document'::jsonb -> 'roles') || '[{"name": "./Governor", "all_scopes": true, "rules": [{"permission_set": "./Governor"}]}]',
	'permission_sets', (:'document'::jsonb -> 'permission_sets') || jsonb_build_array(jsonb_build_object('name', './Governor', 'entity_type', 'organization', 'scopes', (SELECT jsonb_agg(name) FROM scopes WHERE entity_type = 'organization')))))
WHERE name ~ 'gov|Gov';
ROLLBACK;
-- they get another role, with what the rest takes; the one that they had goes
BEGIN;
SELECT action, kind, name FROM apply(:'document'::jsonb || jsonb_build_object('members', (:'document'::jsonb -> 'members') || '[{"name": "gov", "role": "./Boss"}]'))
WHERE name ~ 'gov|Gov';
ROLLBACK;
-- with less than that it is refused
\set VERBOSITY sqlstate
SELECT action, kind, name FROM apply(:'document'::jsonb || jsonb_build_object('members', (:'document'::jsonb -> 'members') || '[{"name": "gov", "role": "Member"}]'));
\set VERBOSITY default
RESET rbac.member;
RESET SESSION AUTHORIZATION;
-- A set that both gains and loses gains first, and only such a one is written twice.
CREATE FUNCTION public.show() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% % % -> %', TG_OP, TG_TABLE_NAME, to_jsonb(OLD) ->> 'scopes', to_jsonb(NEW) ->> 'scopes'; RETURN NULL; END $$;
CREATE TRIGGER show AFTER UPDATE ON permission_sets FOR EACH ROW EXECUTE FUNCTION show();
CREATE TRIGGER show AFTER DELETE ON organization_settings FOR EACH ROW EXECUTE FUNCTION show();
SELECT action, kind, name FROM apply(jsonb_set((SELECT acme FROM before), '{permission_sets,0,scopes}', '["stack:read", "stack:delete"]') || '{"toggles": []}') WHERE action <> 'delete';
SELECT count(*) FROM apply((SELECT acme FROM before));
SELECT count(*) FROM apply(jsonb_set(export('acme'), '{permission_sets,0,scopes}', '[]'));
DROP FUNCTION show CASCADE;
DROP FUNCTION judge CASCADE;
-- What row-level security hides from them meanwhile is not passed over.
BEGIN;
ALTER TABLE teams ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON teams TO regress_rbac_app USING (true);
CREATE POLICY few ON teams AS RESTRICTIVE FOR DELETE TO regress_rbac_app USING (name <> 'acme/Past');
SET SESSION AUTHORIZATION regress_rbac_app;
SET LOCAL rbac.member = 'alice';
SELECT count(*) FROM apply(:'document');
ROLLBACK;

-- 1,000 members, 200 roles with 3 rules each, 50 teams of 50, 1,000 grants: seconds
SET statement_timeout = '120s';
CREATE TABLE public.large AS SELECT jsonb_build_object('rbac', 1, 'organization', 'large', 'member_defaults', '[]'::jsonb, 'toggles', '[]'::jsonb,
	'permission_sets', (SELECT jsonb_agg(jsonb_build_object('name', './set' || i, 'entity_type', 'stack', 'scopes', '["stack:read", "stack:write"]'::jsonb)) FROM generate_series(1, 50) i),
	'roles', (SELECT jsonb_agg(jsonb_build_object('name', './role' || i, 'rules', jsonb_build_array(jsonb_build_object('permission_set', './set' || i % 50 + 1),
		jsonb_build_object('permission_set', 'Stack Read', 'entity', 'stack' || i), jsonb_build_object('permission_set', 'Stack Admin', 'condition', format('$.role == %s', i))))) FROM generate_series(1, 200) i),
	'members', (SELECT jsonb_agg(jsonb_build_object('name', 'user' || i, 'role', './role' || i % 200 + 1, 'expires_at', '2100-01-01')) FROM generate_series(1, 1000) i),
	'teams', (SELECT jsonb_agg(jsonb_build_object('name', './team' || i, 'roles', jsonb_build_array(jsonb_build_object('name', './role' || i)),
		'members', (SELECT jsonb_agg(jsonb_build_object('name', 'user' || j)) FROM generate_series(i, i + 49) j))) FROM generate_series(1, 50) i),
	'entity_grants', (SELECT jsonb_agg(jsonb_build_object('member', 'user' || i, 'entity', 'stack' || i, 'permission_set', './set' || i % 50 + 1)) FROM generate_series(1, 1000) i)) AS document;
SELECT action, kind, count(*) FROM large, apply(document) GROUP BY 1, 2 ORDER BY 2;
SELECT count(*) FROM large, apply(document);
SELECT action, kind, count(*) FROM large, apply(document || '{"members": [], "teams": [], "entity_grants": []}') GROUP BY 1, 2 ORDER BY 2;
DELETE FROM organizations WHERE name = 'large';
DROP TABLE large;
RESET statement_timeout;

-- In any isolation level, and twice in a transaction
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM apply(:'document');
SELECT count(*) FROM apply(:'document');
SELECT count(*) FROM apply((SELECT acme FROM before));
SELECT count(*) FROM apply((SELECT acme FROM before));
COMMIT;
SELECT export('acme') = acme FROM before;

DROP OWNED BY regress_rbac_app, regress_rbac_reader;
REVOKE SET ON PARAMETER rbac.member FROM regress_rbac_app, regress_rbac_reader;
DROP ROLE regress_rbac_app, regress_rbac_reader;
DROP FUNCTION written;
DROP VIEW rows;
DROP TABLE before, rows_before, told, governed;
DELETE FROM entities;
DELETE FROM organizations;
