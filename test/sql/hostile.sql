-- What a login with some rights might try.
SET client_min_messages = warning;
CREATE ROLE hostile_delegate BYPASSRLS;
CREATE SCHEMA hostile AUTHORIZATION hostile_delegate;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO hostile_delegate;
INSERT INTO rbac.organizations (name) VALUES ('acme'), ('globex');
INSERT INTO rbac.teams (name) VALUES ('acme/Ops');
INSERT INTO rbac.roles (name) VALUES ('acme/Role');
INSERT INTO rbac.scopes (name, entity_type) VALUES ('stack:paint', 'stack');
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'web', 'acme'), ('stack', 'api', 'acme');

-- Some triggers run queries as the tables' owner.  No operator or function of
-- the caller's may get into them.
SET ROLE hostile_delegate;
CREATE FUNCTION hostile.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'hostile_delegate' THEN
		RAISE 'run as somebody else';
	END IF;
	RETURN $1 OPERATOR(pg_catalog.=) $2;
END $$;
CREATE FUNCTION hostile.overlap(rbac.scopeset, rbac.scopeset) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'hostile_delegate' THEN
		RAISE 'run as somebody else';
	END IF;
	RETURN true;
END $$;
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.eq);
CREATE OPERATOR hostile.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.eq);
CREATE OPERATOR hostile.&& (LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = hostile.overlap);
SET search_path = hostile, pg_catalog;
-- that it is found here shows that the trap is set
SELECT 'a'::text = 'a'::text AS through_the_search_path;
DELETE FROM rbac.entities WHERE entity OPERATOR(pg_catalog.=) 'api';
TRUNCATE rbac.entities;
DELETE FROM rbac.entities;
DELETE FROM rbac.scopes WHERE name OPERATOR(pg_catalog.=) 'stack:paint';
INSERT INTO rbac.scopes (name, entity_type) VALUES ('stack:paint', 'stack');
DELETE FROM rbac.organizations WHERE name OPERATOR(pg_catalog.=) 'acme';
SELECT rbac.rename('organization', 'globex', 'initech');
RESET search_path;
SELECT name FROM rbac.organizations;
RESET ROLE;

-- Nothing but these tables can be watched by the trigger functions, and they are
-- nobody's to call.
SET ROLE hostile_delegate;
CREATE TABLE hostile.entities (a int, b int, c int, d int, e int);
CREATE TRIGGER t AFTER INSERT ON hostile.entities FOR EACH ROW EXECUTE FUNCTION rbac.drop_entity_grants();
SELECT rbac.invalidate();
RESET ROLE;
CREATE TRIGGER t AFTER INSERT ON hostile.entities FOR EACH ROW EXECUTE FUNCTION rbac.drop_entity_grants();
INSERT INTO hostile.entities VALUES (1, 2, 3, 4, 5);

-- An organization that goes under the cover of a deferred constraint, so that its
-- entities, when they are moved, look as if it had been renamed.
INSERT INTO rbac.organizations (name) VALUES ('acme');
INSERT INTO rbac.roles (name) VALUES ('Shared');
INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('Shared', 'Stack Read', 'web');
INSERT INTO rbac.members (organization, member, role) VALUES ('initech', 'ines', 'Shared');
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'web', 'acme');
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM rbac.organizations WHERE name = 'acme';
UPDATE rbac.entities SET organization = 'initech';
COMMIT;
SELECT rbac.has_scope('ines', 'web', 'stack:read');
-- a rename it survives
INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES ('Shared', 'Stack Read', 'web');
SELECT rbac.rename('organization', 'initech', 'acme');
SELECT rbac.has_scope('ines', 'web', 'stack:read');

-- Enabling all triggers, as a restore does, makes those that announce changes
-- ordinary ones: who reads the table next is told.
ALTER TABLE rbac.members DISABLE TRIGGER ALL;
ALTER TABLE rbac.members ENABLE TRIGGER ALL;
SELECT rbac.has_scope('ann', 'web', 'stack:read');
SELECT rbac.has_scope('bob', 'web', 'stack:read');
ALTER TABLE rbac.members ENABLE ALWAYS TRIGGER "!invalidate";
SELECT rbac.has_scope('ann', 'web', 'stack:read');

-- A name that is too long for any constraint, past all constraints.
SET session_replication_role = replica;
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'long', 'acme' || repeat('x', 256));
RESET session_replication_role;
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'ann', 'Admin');
SELECT rbac.has_scope('ann', 'web', 'stack:read') AS web, rbac.has_scope('ann', 'long', 'stack:read') AS long;

-- clean up
DROP SCHEMA hostile CASCADE;
REVOKE ALL ON ALL TABLES IN SCHEMA rbac FROM hostile_delegate;
DROP ROLE hostile_delegate;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
DELETE FROM rbac.roles WHERE NOT builtin;
DELETE FROM rbac.scopes WHERE NOT builtin;
