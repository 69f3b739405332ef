--
-- The registry of entities
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never

INSERT INTO organizations VALUES ('acme'), ('beta');
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ann', '{"env": "prod", "region": ["eu", "us"]}');

-- The command tags say how many rows were inserted.
\set QUIET off

-- registering again what is registered does nothing
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ann', '{"region": ["eu", "us"], "env": "prod"}');
INSERT INTO entities VALUES ('stack', 's2', 'acme', NULL, NULL);
INSERT INTO entities VALUES ('stack', 's2', 'acme', NULL, NULL), ('stack', 's3', 'acme', NULL, NULL), ('stack', 's3', 'acme', NULL, NULL) RETURNING entity;
INSERT INTO entities (entity, organization, entity_type) SELECT 's' || i, 'acme', 'stack' FROM generate_series(1, 5) i WHERE i <> 1;
INSERT INTO entities (entity_type, entity, organization) SELECT entity_type, entity, organization FROM entities WHERE entity = 's2';
-- equal is what = says, also of numbers that are written differently
INSERT INTO entities VALUES ('stack', 'n', 'acme', NULL, '{"n": 1}');
INSERT INTO entities VALUES ('stack', 'n', 'acme', NULL, '{"n": 1.0}');
-- and of values that are stored out of line
INSERT INTO entities SELECT 'stack', 'big', 'acme', 'ann', jsonb_build_object('t', string_agg(md5(i::text), '')) FROM generate_series(1, 1000) i;
INSERT INTO entities SELECT 'stack', 'big', 'acme', 'ann', jsonb_build_object('t', string_agg(md5(i::text), '')) FROM generate_series(1, 1000) i;
INSERT INTO entities SELECT 'stack', 'big', 'acme', 'ann', jsonb_build_object('t', string_agg(md5(i::text), '')) FROM generate_series(1, 1001) i;

-- otherwise the id is taken
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ben', '{"env": "prod", "region": ["eu", "us"]}');
INSERT INTO entities VALUES ('stack', 's1', 'acme', NULL, '{"env": "prod", "region": ["eu", "us"]}');
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ann', '{"env": "prod", "region": ["us", "eu"]}');
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ann', NULL);
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ann', '{}');
INSERT INTO entities VALUES ('stack', 's1', 'beta', 'ann', '{"env": "prod", "region": ["eu", "us"]}');
INSERT INTO entities VALUES ('stack', 's9', 'acme', NULL, NULL), ('stack', 's9', 'beta', NULL, NULL);
-- by all organizations, but for entities of one type only
INSERT INTO entities VALUES ('environment', 's1', 'beta', 'ann', NULL);
-- an upsert says what then
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ben', '{}') ON CONFLICT DO NOTHING;
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ben', '{}')
	ON CONFLICT (entity_type, entity) DO UPDATE SET owner = EXCLUDED.owner, tags = EXCLUDED.tags;
INSERT INTO entities VALUES ('stack', 's1', 'acme', 'ben', '{}')
	ON CONFLICT (entity_type, entity) DO UPDATE SET owner = 'nobody';
SELECT owner, tags FROM entities WHERE entity_type = 'stack' AND entity = 's1';
-- what this transaction has deleted is not registered, what it has changed is as it is now
BEGIN;
DELETE FROM entities WHERE entity = 's3';
INSERT INTO entities VALUES ('stack', 's3', 'acme', NULL, NULL);
UPDATE entities SET owner = 'ann' WHERE entity = 's3';
INSERT INTO entities VALUES ('stack', 's3', 'acme', 'ann', NULL);
ROLLBACK;

-- what a registered entity cannot be
INSERT INTO entities VALUES ('organization', 'acme', 'acme', NULL, NULL);
INSERT INTO entities VALUES ('forum', 'f1', 'acme', NULL, NULL);
INSERT INTO entities VALUES ('stack', 's9', 'gamma', NULL, NULL);
INSERT INTO entities VALUES ('stack', 's9', 'acme', NULL, '[1]');
INSERT INTO entities VALUES ('stack', 's9', 'acme', NULL, '"prod"');
INSERT INTO entities VALUES ('stack', 's9', 'acme', NULL, 'null');
INSERT INTO entities VALUES ('stack', NULL, 'acme', NULL, NULL);
INSERT INTO entities VALUES (NULL, 's9', 'acme', NULL, NULL);
INSERT INTO entities VALUES ('stack', 's9', NULL, NULL, NULL);
-- the owner need not be a member (yet)
INSERT INTO entities VALUES ('stack', 's9', 'acme', 'nobody known', '{}');

-- Who leaves takes the grants and direct rules that name it along: all of them,
-- of teams, members and roles, but none of another entity or of another type.
INSERT INTO teams (name) VALUES ('acme/Ops');
INSERT INTO members (organization, member) VALUES ('acme', 'ann'), ('beta', 'ben');
INSERT INTO roles (name) VALUES ('acme/Role'), ('Shared');
CREATE FUNCTION public.give() RETURNS void LANGUAGE sql AS $$
	DELETE FROM rbac.entity_grants;
	DELETE FROM rbac.role_rules WHERE id >= 0;
	INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES
		('Stack Read', 's1', 'acme/Ops'), ('Stack Write', 's1', 'acme/Ops'), ('Stack Read', 's2', 'acme/Ops'), ('Environment Read', 's1', 'acme/Ops');
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES
		('Stack Read', 's1', 'acme', 'ann'), ('Stack Read', 's1', 'beta', 'ben'), ('Stack Read', 's2', 'acme', 'ann');
	INSERT INTO rbac.role_rules (role, permission_set, entity) VALUES
		('acme/Role', 'Stack Read', 's1'), ('Shared', 'Stack Read', 's1'), ('Shared', 'Stack Read', 's2'), ('Shared', 'Environment Read', 's1');
	INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Role', 'Stack Read');
	INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/Role', 'Stack Read', '$.entity == "s1"');
$$;
CREATE FUNCTION public.given() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(g, ', ' ORDER BY g) FROM (
		SELECT entity_type || ' ' || entity || ' ' || coalesce(team, member) FROM rbac.entity_grants
		UNION ALL SELECT entity_type || ' ' || coalesce(entity, '*') || ' ' || role FROM rbac.role_rules WHERE id >= 0) AS t (g)
$$;
\pset format unaligned
\pset tuples_only on
SELECT give();
SELECT given();
-- no leaving
BEGIN;
UPDATE entities SET owner = 'ben', tags = '{"env": "dev"}' WHERE entity = 's1';
UPDATE entities SET organization = organization, entity = entity, entity_type = entity_type;
INSERT INTO entities VALUES ('stack', 's1', 'beta', 'ben', '{}') ON CONFLICT (entity_type, entity) DO UPDATE SET owner = 'cat';
DELETE FROM entities WHERE entity_type = 'stack' AND entity NOT IN ('s1', 's2');
SELECT given();
ROLLBACK;
-- deleted
BEGIN;
DELETE FROM entities WHERE entity_type = 'stack' AND entity = 's1';
SELECT given();
ROLLBACK;
-- moved
BEGIN;
UPDATE entities SET organization = 'beta' WHERE entity_type = 'stack' AND entity = 's1';
SELECT given();
ROLLBACK;
-- another id, another type: not the entity that the grants were for
BEGIN;
UPDATE entities SET entity = 's1a' WHERE entity_type = 'stack' AND entity = 's1';
SELECT given();
ROLLBACK;
BEGIN;
UPDATE entities SET entity_type = 'wiki' WHERE entity_type = 'stack' AND entity = 's1';
SELECT given();
ROLLBACK;
-- all at once
BEGIN;
UPDATE entities SET organization = 'beta';
SELECT given();
ROLLBACK;
BEGIN;
DELETE FROM entities;
SELECT given();
ROLLBACK;
BEGIN;
TRUNCATE entities;
SELECT given();
ROLLBACK;
-- by an upsert, too
BEGIN;
INSERT INTO entities VALUES ('stack', 's1', 'beta', 'ben', '{}') ON CONFLICT (entity_type, entity) DO UPDATE SET organization = EXCLUDED.organization;
SELECT given();
ROLLBACK;
-- what was deleted and is registered again starts with nothing
SELECT give();
DELETE FROM entities WHERE entity = 's1';
INSERT INTO entities VALUES ('stack', 's1', 'beta', NULL, NULL);
SELECT given();

DROP FUNCTION give(), given();
DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
SELECT count(*) FROM entity_grants;
