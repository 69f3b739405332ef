-- Everything that there is in pg_catalog, and the extension's tables, again in a schema of
-- somebody else's, which comes first in the search path of whoever calls: nothing of it
-- may be taken for what it is not, in functions, triggers, policies, views and the
-- extension's own script.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET check_function_bodies = off;
CREATE SCHEMA hostile_path;
CREATE FUNCTION pg_temp.try(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN true;
EXCEPTION WHEN OTHERS THEN
	RETURN false;	-- types that no function of one's own can have
END $$;
SELECT count(*) FILTER (WHERE pg_temp.try(format('CREATE FUNCTION hostile_path.%I(%s) RETURNS %s%s LANGUAGE plpgsql AS $f$ BEGIN RAISE ''shadowed function''; END $f$',
	proname, pg_get_function_identity_arguments(oid), CASE WHEN proretset THEN 'SETOF ' ELSE '' END, format_type(prorettype, NULL)))) > 2000 AS functions
FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname !~ 'in$|out$|recv$|send$';
SELECT count(*) FILTER (WHERE
	pg_temp.try(format('CREATE FUNCTION hostile_path.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN RAISE ''shadowed operator''; END $f$',
		'operator_' || oid, concat_ws(', ', nullif(oprleft, 0)::regtype, oprright::regtype), oprresult::regtype))
	AND pg_temp.try(format('CREATE OPERATOR hostile_path.%s (%s RIGHTARG = %s, FUNCTION = hostile_path.%I)',
		oprname, 'LEFTARG = ' || nullif(oprleft, 0)::regtype || ',', oprright::regtype, 'operator_' || oid))) > 700 AS operators
FROM pg_operator WHERE oprnamespace IN ('pg_catalog'::regnamespace, 'rbac'::regnamespace);
SELECT count(*) FILTER (WHERE pg_temp.try(format('CREATE TYPE hostile_path.%I AS ENUM (''shadowed'')', typname))) > 50 AS types
FROM pg_type WHERE typnamespace IN ('pg_catalog'::regnamespace, 'rbac'::regnamespace) AND typtype = 'b' AND typname !~ '^_';
SELECT count(*) FILTER (WHERE pg_temp.try(format('CREATE VIEW %s.%I AS SELECT ''shadowed''::pg_catalog.text AS name FROM (SELECT 1 WHERE (1 / (random() * 0)::int) = 1) AS s', place, relname))) > 200 AS relations
FROM pg_class, unnest('{hostile_path,pg_temp}'::text[]) place WHERE relnamespace IN ('pg_catalog'::regnamespace, 'rbac'::regnamespace) AND relkind IN ('r', 'v');
RESET check_function_bodies;
GRANT USAGE ON SCHEMA hostile_path TO PUBLIC;
CREATE SCHEMA hostile_app;
CREATE ROLE hostile_app;
GRANT SET ON PARAMETER rbac.member TO hostile_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO hostile_app;
GRANT ALL ON SCHEMA hostile_app TO hostile_app;
CREATE TABLE hostile_app.stacks (id text PRIMARY KEY, organization text NOT NULL, owner text, tags jsonb);

SET search_path = pg_temp, hostile_path, pg_catalog, rbac;
-- the trap is set
SELECT 'a'::pg_catalog.text = 'a'::pg_catalog.text;
SELECT length('a'::pg_catalog.text);
SELECT 'a'::bytea;
SELECT * FROM pg_class;
SELECT * FROM members;

-- as the owner
INSERT INTO rbac.organizations (name) VALUES ('acme');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/Set', 'stack', '{stack:read,stack:write}');
INSERT INTO rbac.roles (name) VALUES ('acme/Role');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/Role', 'acme/Set', '$.tier == "critical"');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'alice', 'Admin'), ('acme', 'bob', 'acme/Role');
INSERT INTO rbac.members (organization, member, kind) VALUES ('acme', 'token', 'team_token');
INSERT INTO rbac.teams (name) VALUES ('acme/Team');
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Team', 'bob'), ('acme/Team', 'token');
INSERT INTO rbac.team_roles (team, role) VALUES ('acme/Team', 'acme/Role');
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'acme/Set');
INSERT INTO rbac.organization_settings (organization, scope) VALUES ('acme', 'stack:create');
INSERT INTO rbac.entity_types (name) VALUES ('document');
INSERT INTO rbac.scopes (name, entity_type) VALUES ('document:read', 'document'), ('document:write', 'document');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('Documents', 'document', '{document:read}');
INSERT INTO rbac.entity_type_settings (entity_type, owner_permission_set, access_scope) VALUES ('document', 'Documents', 'document:write');
SELECT rbac.protect('hostile_app.stacks', 'stack', 'id', 'organization', 'owner', 'tags', 'stack:read', 'stack:create', 'stack:write', 'stack:delete', 'stack:transfer');
GRANT SELECT, INSERT, UPDATE, DELETE ON hostile_app.stacks TO hostile_app;
INSERT INTO hostile_app.stacks VALUES ('web', 'acme', 'bob', '{"tier": "critical"}'), ('db', 'acme', NULL, NULL);
INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('acme/Set', 'db', 'acme/Team');
SELECT rbac.register_rows('hostile_app.stacks', true);

-- as an application, for a member
SET SESSION AUTHORIZATION hostile_app;
BEGIN;
SELECT rbac.act_as('alice');
INSERT INTO hostile_app.stacks VALUES ('api', 'acme', 'alice', '{}');
UPDATE hostile_app.stacks SET tags = '{"tier": "critical"}', owner = 'bob' WHERE id OPERATOR(pg_catalog.=) 'api';
UPDATE hostile_app.stacks SET id = 'api2' WHERE id OPERATOR(pg_catalog.=) 'api';
DELETE FROM hostile_app.stacks WHERE id OPERATOR(pg_catalog.=) 'api2';
SELECT id FROM hostile_app.stacks ORDER BY id USING OPERATOR(pg_catalog.<);
INSERT INTO rbac.roles (name) VALUES ('acme/Other');
INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('acme/Other', 'Stack Read', 'db');
UPDATE rbac.members SET role = 'acme/Other' WHERE member OPERATOR(pg_catalog.=) 'bob';
UPDATE rbac.permission_sets SET scopes = '{stack:read}' WHERE name OPERATOR(pg_catalog.=) 'acme/Set';
SELECT rbac.rename('role', 'acme/Other', 'acme/Renamed');
UPDATE rbac.entities SET tags = '{"tier": "other"}' WHERE entity OPERATOR(pg_catalog.=) 'db';
SELECT member, entity, gained, lost FROM rbac.access_changes();
SELECT pg_catalog.count(*) FROM rbac.member_roles;
SELECT pg_catalog.count(*) FROM rbac.permission_matrix;
SELECT table_name, command FROM rbac.audit_log WHERE member OPERATOR(pg_catalog.=) 'alice' AND table_name OPERATOR(pg_catalog.=) 'roles' AND command OPERATOR(pg_catalog.=) 'INSERT';
SELECT action, kind, name FROM rbac.apply(pg_catalog.jsonb_set(rbac.export('acme'), '{members,1,role}', '"Member"'), dry_run => true);
SELECT action, kind, name FROM rbac.apply(pg_catalog.jsonb_set(rbac.export('acme'), '{members,1,role}', '"Member"'));
DELETE FROM rbac.entity_grants;
DELETE FROM rbac.teams;
SELECT rbac.has_scope('web', 'stack:read'), rbac.has_scope('alice', 1, 'stack:read'), rbac.row_has_scope('bob', 'web', 'stack:read', 'acme', 'bob', '{}');
SELECT rbac.entities_with_scope('bob', 'stack:read');
SELECT rbac.members_with_scope('web', 'stack:read');
SELECT granted, reason FROM rbac.explain('bob', 'web', 'stack:read');
SELECT rbac.cardinality(rbac.scopes_on('bob', 'stack', 'web')), rbac.role_scopes('acme/Role');
SELECT rbac.scopeset_agg(s) FROM rbac.unnest('{stack:read,stack:write}') s;
COMMIT;
RESET SESSION AUTHORIZATION;

-- as the owner again
SELECT relation, warnings FROM rbac.protected_tables;
SELECT rbac.rename('member', 'bob', 'robert');
SELECT rbac.rename('scope', 'document:write', 'document:change');
SELECT rbac.rename('entity_type', 'document', 'paper');
SELECT rbac.rename('permission_set', 'acme/Set', 'acme/Bundle');
SELECT rbac.rename('organization', 'acme', 'globex');
SELECT rbac.unprotect('hostile_app.stacks');
UPDATE rbac.organizations SET name = name;
DELETE FROM rbac.entities;
TRUNCATE rbac.entities;
DELETE FROM rbac.organizations;
DELETE FROM rbac.entity_type_settings;
DELETE FROM rbac.permission_sets WHERE NOT builtin;
DELETE FROM rbac.scopes WHERE NOT builtin;
DELETE FROM rbac.entity_types WHERE NOT builtin;
DROP EXTENSION rbac CASCADE;

-- A schema of that name that is there already is not adopted, nor what is in it.
CREATE SCHEMA rbac AUTHORIZATION hostile_app;
SET ROLE hostile_app;
CREATE FUNCTION rbac.has_scope(pg_catalog.text, pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE sql AS 'SELECT true';
RESET ROLE;
CREATE EXTENSION rbac;
DROP SCHEMA rbac CASCADE;
CREATE SCHEMA rbac_internal AUTHORIZATION hostile_app;
CREATE EXTENSION rbac;
DROP SCHEMA rbac_internal CASCADE;
CREATE EXTENSION rbac;

RESET search_path;
-- all that the script made is made of what it meant
SELECT d.objid FROM pg_catalog.pg_depend d, pg_catalog.pg_depend e
WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass AND e.refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'rbac') AND e.deptype = 'e'
	AND d.classid = e.classid AND d.objid = e.objid AND d.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_type'::regclass)
	AND (d.refclassid, d.refobjid) IN (SELECT 'pg_catalog.pg_proc'::regclass, oid FROM pg_catalog.pg_proc WHERE pronamespace = 'hostile_path'::regnamespace
		UNION ALL SELECT 'pg_catalog.pg_operator'::regclass, oid FROM pg_catalog.pg_operator WHERE oprnamespace = 'hostile_path'::regnamespace
		UNION ALL SELECT 'pg_catalog.pg_type'::regclass, oid FROM pg_catalog.pg_type WHERE typnamespace = 'hostile_path'::regnamespace);
INSERT INTO rbac.organizations VALUES ('acme');
DELETE FROM rbac.organizations;

-- clean up
DROP TABLE hostile_app.stacks;
DROP SCHEMA hostile_app;
REVOKE ALL ON PARAMETER rbac.member FROM hostile_app;
DROP ROLE hostile_app;
SET client_min_messages = error;
DROP SCHEMA hostile_path CASCADE;
DISCARD TEMP;
