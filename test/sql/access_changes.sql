--
-- Who gains and loses what by what a transaction has done so far
--
SET search_path = rbac, public;
\pset null ''
\pset format unaligned
\pset footer off

INSERT INTO organizations VALUES ('acme', NULL), ('beta', NULL);
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO scopes (name, entity_type, toggle) VALUES ('wiki:read', 'wiki', true), ('wiki:write', 'wiki', false), ('wiki:drop', 'wiki', false), ('wiki:create', 'organization', true);
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('Read', 'wiki', '{wiki:read}'), ('Write', 'wiki', '{wiki:read,wiki:write}'),
	('Drop', 'wiki', '{wiki:drop}'), ('Create', 'organization', '{wiki:create}');
INSERT INTO entity_type_settings VALUES ('wiki', 'Write', NULL);
INSERT INTO roles (name) VALUES ('None'), ('Reader'), ('Open'), ('acme/One');
INSERT INTO role_rules (role, permission_set, entity, condition) VALUES ('Reader', 'Read', NULL, NULL), ('Reader', 'Create', NULL, NULL),
	('Open', 'Write', NULL, '$.open == true'), ('acme/One', 'Read', 'w1', NULL);
INSERT INTO members (organization, member, role) VALUES ('acme', 'ann', 'None'), ('acme', 'bob', 'Reader'), ('acme', 'cy', 'Open'),
	('acme', 'dot', 'acme/One'), ('acme', 'eve', 'Member'), ('beta', 'ann', 'Reader');
INSERT INTO members (organization, member, kind, role) VALUES ('acme', 'bot', 'organization_token', 'None');
INSERT INTO teams (name) VALUES ('acme/Team');
INSERT INTO team_members (team, member) VALUES ('acme/Team', 'ann'), ('acme/Team', 'bob');
INSERT INTO entities VALUES ('wiki', 'w1', 'acme', NULL, '{"open": true}'), ('wiki', 'w2', 'acme', 'eve', NULL), ('wiki', 'w3', 'beta', NULL, NULL);

-- nothing changed, nothing known
SELECT * FROM access_changes();
BEGIN;
SELECT * FROM access_changes();
UPDATE organizations SET description = 'An organization.';
UPDATE members SET role = role;
SELECT * FROM access_changes();
COMMIT;
-- of its own transaction only
UPDATE members SET role = 'Reader' WHERE member = 'eve';
SELECT * FROM access_changes();
BEGIN;
SELECT * FROM access_changes();
COMMIT;
UPDATE members SET role = 'Member' WHERE member = 'eve';

--
-- grants and roles
--
\echo == a grant
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Write', 'w1', 'acme', 'ann'), ('Write', 'w1', 'acme', 'bob'), ('Write', 'w1', 'acme', 'cy'), ('Write', 'nowhere', 'acme', 'dot');
SELECT * FROM access_changes();
\echo == and revoked
DELETE FROM entity_grants;
SELECT * FROM access_changes();
ROLLBACK;
\echo == to a team
BEGIN;
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('Write', 'w1', 'acme/Team');
SELECT * FROM access_changes();
COMMIT;
\echo == another set, another grantee
BEGIN;
UPDATE entity_grants SET permission_set = 'Drop';
SELECT * FROM access_changes();
UPDATE entity_grants SET team = NULL, organization = 'acme', member = 'cy';
SELECT * FROM access_changes();
ROLLBACK;
\echo == another role
BEGIN;
UPDATE members SET role = 'Open' WHERE organization = 'acme' AND member IN ('bob', 'dot');
SELECT * FROM access_changes();
UPDATE members SET role = 'Reader' WHERE member = 'cy';
SELECT * FROM access_changes();
ROLLBACK;
\echo == all scopes
BEGIN;
UPDATE members SET role = 'Admin' WHERE organization = 'acme' AND member = 'cy';
SELECT organization, member, entity_type, entity, condition, cardinality(gained) > 1 AS gained, gained @> '{wiki:read}', lost FROM access_changes() WHERE entity_type IN ('wiki', 'stack', 'organization');
ROLLBACK;
\echo == a rule, for all and for some
BEGIN;
INSERT INTO role_rules (role, permission_set, condition) VALUES ('Open', 'Drop', '$.open == true'), ('Open', 'Drop', '$.closed == true'), ('Reader', 'Drop', NULL), ('Reader', 'Drop', '$.open == true');
SELECT * FROM access_changes();
ROLLBACK;
\echo == from all to some, and back
BEGIN;
UPDATE role_rules SET condition = '$.open == true' WHERE role = 'Reader' AND permission_set = 'Read';
SELECT * FROM access_changes();
ROLLBACK;
BEGIN;
UPDATE role_rules SET condition = NULL WHERE role = 'Open';
SELECT * FROM access_changes();
ROLLBACK;
\echo == a set that others use
BEGIN;
UPDATE permission_sets SET scopes = '{wiki:write,wiki:drop}' WHERE name = 'Write';
SELECT * FROM access_changes();
ROLLBACK;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Drop', 'w2', 'acme', 'dot');
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Drop');
BEGIN;
UPDATE permission_sets SET scopes = '{wiki:write}' WHERE name = 'Drop';
SELECT * FROM access_changes();
ROLLBACK;
DELETE FROM entity_grants WHERE member = 'dot';
DELETE FROM member_defaults;
\echo == a team
BEGIN;
DELETE FROM team_members WHERE member = 'bob';
INSERT INTO team_members (team, member) VALUES ('acme/Team', 'dot');
SELECT * FROM access_changes();
INSERT INTO team_roles VALUES ('acme/Team', 'Reader');
SELECT * FROM access_changes();
DELETE FROM teams;
SELECT * FROM access_changes();
ROLLBACK;

--
-- members, time, organizations
--
\echo == expiry
BEGIN;
UPDATE members SET expires_at = now() + interval '1 day' WHERE member = 'bob';
SELECT * FROM access_changes();
UPDATE members SET expires_at = '2000-01-01' WHERE member = 'bob';
SELECT * FROM access_changes();
ROLLBACK;
\echo == a member less, and one more
BEGIN;
DELETE FROM members WHERE organization = 'acme' AND member IN ('ann', 'bob');
INSERT INTO members (organization, member, role) VALUES ('acme', 'fay', 'Reader');
SELECT * FROM access_changes();
ROLLBACK;
\echo == toggles, not for tokens
BEGIN;
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'wiki:read');
SELECT * FROM access_changes();
COMMIT;
BEGIN;
DELETE FROM organization_settings;
DELETE FROM entity_grants;
SELECT * FROM access_changes();
-- even if the scope is no more
UPDATE permission_sets SET scopes = scopes - '{wiki:read}'::scopeset WHERE scopes @> '{wiki:read}';
DELETE FROM scopes WHERE name = 'wiki:read';
SELECT * FROM access_changes();
ROLLBACK;
DELETE FROM organization_settings;
\echo == member defaults
BEGIN;
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Drop');
SELECT * FROM access_changes();
ROLLBACK;
\echo == an organization less
BEGIN;
DELETE FROM entities WHERE organization = 'beta';
DELETE FROM organizations WHERE name = 'beta';
SELECT * FROM access_changes();
ROLLBACK;
\echo == another name
BEGIN;
SELECT rename('member', 'eve', 'eva');
SELECT member, entity_type, entity, cardinality(gained) > 0 AS gained, cardinality(lost) > 0 AS lost FROM access_changes();
ROLLBACK;
BEGIN;
SELECT rename('role', 'Reader', 'Leser');
SELECT rename('permission_set', 'Read', 'Lesen');
SELECT * FROM access_changes();
ROLLBACK;

--
-- entities
--
\echo == owner
BEGIN;
UPDATE entities SET owner = 'cy' WHERE entity = 'w2';
SELECT * FROM access_changes();
UPDATE entity_type_settings SET owner_permission_set = 'Drop';
SELECT * FROM access_changes();
ROLLBACK;
\echo == tags
BEGIN;
UPDATE entities SET tags = NULL WHERE entity = 'w1';
UPDATE entities SET tags = '{"open": true}' WHERE entity = 'w2';
SELECT * FROM access_changes();
ROLLBACK;
\echo == deleted
BEGIN;
DELETE FROM entities;
SELECT * FROM access_changes();
ROLLBACK;
\echo == moved
BEGIN;
UPDATE entities SET organization = 'beta' WHERE entity = 'w1';
SELECT * FROM access_changes();
ROLLBACK;
\echo == another id, and one that comes again
BEGIN;
UPDATE entities SET entity = 'w9' WHERE entity = 'w1';
SELECT * FROM access_changes();
ROLLBACK;
BEGIN;
DELETE FROM entities WHERE entity = 'w2';
INSERT INTO entities VALUES ('wiki', 'w2', 'acme', 'eve', NULL);
SELECT * FROM access_changes();
DELETE FROM entities WHERE entity = 'w2';
INSERT INTO entities VALUES ('wiki', 'w2', 'beta', NULL, NULL);
SELECT * FROM access_changes();
ROLLBACK;

--
-- transactions
--
\echo == savepoints
BEGIN;
SAVEPOINT a;
UPDATE members SET role = 'None' WHERE member = 'bob';
SELECT * FROM access_changes();
ROLLBACK TO a;
SELECT * FROM access_changes();
UPDATE members SET role = 'None' WHERE member = 'dot';
RELEASE a;
SELECT * FROM access_changes();
ROLLBACK;
\echo == isolation
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) > 0 FROM members;
UPDATE members SET role = 'None' WHERE member = 'dot';
SELECT * FROM access_changes();
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE members SET role = 'None' WHERE member = 'dot';
SELECT * FROM access_changes();
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM access_changes();
ROLLBACK;
\echo == in a function, and beside a change
CREATE FUNCTION public.demote() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT c::text FROM rbac.access_changes() c;
	UPDATE rbac.members SET role = 'None' WHERE member = 'dot';
	RETURN QUERY SELECT c::text FROM rbac.access_changes() c;
END $$;
BEGIN;
SELECT demote();
WITH u AS (UPDATE members SET role = 'acme/One' WHERE member = 'dot' RETURNING 1) SELECT * FROM u, access_changes();
SELECT * FROM access_changes();
ROLLBACK;
DROP FUNCTION public.demote();

--
-- what is not known
--
\echo == not logged
BEGIN;
SET LOCAL rbac.audit = off;
UPDATE members SET role = role;
SELECT * FROM access_changes();
UPDATE members SET role = 'None' WHERE member = 'dot';
SET LOCAL rbac.audit = on;
SELECT * FROM access_changes();
ROLLBACK;
BEGIN;
TRUNCATE organization_settings;
SELECT * FROM access_changes();
ROLLBACK;
SELECT * FROM access_changes();
\echo == too much
BEGIN;
UPDATE members SET role = 'Reader' WHERE organization = 'acme' AND member IN ('ann', 'cy', 'dot');
SELECT count(*) FROM access_changes();
SELECT count(*) FROM access_changes(NULL);
SELECT count(*) FROM access_changes(7);
SELECT organization, member, entity_type, entity, condition FROM access_changes(6);
SELECT organization, member, entity_type, entity, condition FROM access_changes(1);
SELECT * FROM access_changes(0);
SELECT * FROM access_changes(-1);
ROLLBACK;
BEGIN;
SELECT * FROM access_changes(0);
ROLLBACK;

--
-- who may know: about others, who may read them
--
CREATE ROLE regress_rbac_app;
GRANT SET ON PARAMETER rbac.member TO regress_rbac_app;
BEGIN;
UPDATE members SET role = 'None' WHERE member IN ('ann', 'dot', 'bob', 'eve');
SET LOCAL SESSION AUTHORIZATION regress_rbac_app;
\echo == nobody
SELECT organization, member, entity_type, entity FROM access_changes();
\echo == dot
SELECT act_as('dot');
SELECT organization, member, entity_type, entity FROM access_changes();
\echo == cy, whom it does not concern
SELECT act_as('cy');
SELECT organization, member, entity_type, entity FROM access_changes();
\echo == eve, who may read others no longer
SELECT act_as('eve');
SELECT organization, member, entity_type, entity FROM access_changes();
ROLLBACK;
\echo == eve, who may
BEGIN;
UPDATE members SET role = 'None' WHERE member IN ('dot', 'ann', 'bob');
SET LOCAL SESSION AUTHORIZATION regress_rbac_app;
SELECT act_as('eve');
SELECT organization, member, entity_type, entity FROM access_changes();
ROLLBACK;
SET SESSION AUTHORIZATION regress_rbac_app;
-- what it goes by is not for anybody
SELECT rbac_internal.changed_members(0);
SELECT rbac_internal.changed_entities(0, 'acme');
RESET SESSION AUTHORIZATION;
REVOKE ALL ON PARAMETER rbac.member FROM regress_rbac_app;
DROP ROLE regress_rbac_app;

-- a search path that lies in wait
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.split_part(text, text, int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'hostile'; END $$;
CREATE FUNCTION hostile.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'hostile'; END $$;
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.eq);
SET search_path = hostile, pg_catalog, rbac;
BEGIN;
UPDATE members SET role = 'None' WHERE member OPERATOR(pg_catalog.=) 'dot';
SELECT * FROM access_changes();
ROLLBACK;
SET search_path = rbac, public;
SET client_min_messages = warning;
DROP SCHEMA hostile CASCADE;
RESET client_min_messages;

DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM entity_type_settings;
DELETE FROM role_rules WHERE id >= 0;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
