-- A transaction's own changes: seen by its next statement, and never again after
-- they are rolled back, whether they were announced to the cache or not.
SET client_min_messages = warning;
INSERT INTO rbac.organizations (name) VALUES ('acme'), ('globex');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'ann', 'Admin'), ('globex', 'gil', 'Admin');
INSERT INTO rbac.members (organization, member) VALUES ('acme', 'mia');
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'web', 'acme');

-- Registering an entity announces nothing.  Another organization's entity of
-- the same name must not be taken for the one that was rolled back.
BEGIN;
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'ghost', 'acme');
SELECT rbac.has_scope('ann', 'ghost', 'stack:read') AS inside;
ROLLBACK;
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'ghost', 'globex');
SELECT rbac.has_scope('ann', 'ghost', 'stack:read') AS former, rbac.has_scope('gil', 'ghost', 'stack:read') AS present;
DELETE FROM rbac.entities WHERE entity = 'ghost';

-- the same with a savepoint, and with an error that is caught
BEGIN;
SAVEPOINT s;
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'ghost', 'acme');
SELECT rbac.has_scope('ann', 'ghost', 'stack:read') AS inside;
ROLLBACK TO s;
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'ghost', 'globex');
SELECT rbac.has_scope('ann', 'ghost', 'stack:read') AS former, rbac.has_scope('gil', 'ghost', 'stack:read') AS present;
ROLLBACK;
DO $$
BEGIN
	INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'ghost', 'acme');
	IF NOT rbac.has_scope('ann', 'ghost', 'stack:read') THEN
		RAISE 'not seen';
	END IF;
	RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
	INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'ghost', 'globex');
END $$;
SELECT rbac.has_scope('ann', 'ghost', 'stack:read') AS former, rbac.has_scope('gil', 'ghost', 'stack:read') AS present;
DELETE FROM rbac.entities WHERE entity = 'ghost';

-- So does registering a scope: its entity type is not remembered either.
BEGIN;
INSERT INTO rbac.scopes (name, entity_type) VALUES ('ghost:read', 'organization');
SELECT rbac.has_scope('ann', 'acme', 'ghost:read') AS of_the_organization;
ROLLBACK;
INSERT INTO rbac.scopes (name, entity_type) VALUES ('ghost:read', 'stack');
SELECT rbac.has_scope('ann', 'acme', 'ghost:read') AS of_the_organization, rbac.has_scope('ann', 'web', 'ghost:read') AS of_a_stack;
DELETE FROM rbac.scopes WHERE NOT builtin;

-- A grant that a function sees while the statement that makes it is under way,
-- and which fails before its triggers fire.
CREATE FUNCTION look(n int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF n = 2 THEN
		RAISE NOTICE 'during the statement: %', (SELECT rbac.has_scope('mia', 'web', 'stack:read'));
		RAISE 'and no further';
	END IF;
	RETURN 'web';
END $$;
SET client_min_messages = notice;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	SELECT CASE n WHEN 1 THEN 'Stack Read' ELSE 'Stack Write' END, look(n), 'acme', 'mia' FROM generate_series(1, 2) n;
SET client_min_messages = warning;
SELECT rbac.has_scope('mia', 'web', 'stack:read') AS after_the_error;

-- A trigger that asks before the row that it fires for can be seen: what it
-- gets must not be kept.
CREATE FUNCTION ask_early() RETURNS trigger LANGUAGE plpgsql STABLE AS $$
BEGIN
	RAISE NOTICE 'in the trigger: %', rbac.has_scope('mia', 'web', 'stack:read');
	RETURN NULL;
END $$;
CREATE TRIGGER zz_ask AFTER INSERT OR DELETE ON rbac.entity_grants FOR EACH ROW EXECUTE FUNCTION ask_early();
SET client_min_messages = notice;
BEGIN;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'web', 'acme', 'mia');
SELECT rbac.has_scope('mia', 'web', 'stack:read') AS after_insert;
DELETE FROM rbac.entity_grants;
SELECT rbac.has_scope('mia', 'web', 'stack:read') AS after_delete;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'web', 'acme', 'mia');
SELECT rbac.has_scope('mia', 'web', 'stack:read') AS after_insert;
COMMIT;
SELECT rbac.has_scope('mia', 'web', 'stack:read') AS after_commit;
DROP TRIGGER zz_ask ON rbac.entity_grants;
DELETE FROM rbac.entity_grants;
SET client_min_messages = warning;

-- In one statement: an expression of plpgsql keeps its state for the transaction.
DO $$
DECLARE
	answers text := '';
BEGIN
	FOR i IN 1..3 LOOP
		INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'web', 'acme', 'mia');
		answers := answers || rbac.has_scope('mia', 'web', 'stack:read')::text || ' ';
		DELETE FROM rbac.entity_grants;
		answers := answers || rbac.has_scope('mia', 'web', 'stack:read')::text || ' ';
	END LOOP;
	RAISE WARNING '%', answers;
END $$;

-- A savepoint takes back what was announced before it was set.
BEGIN;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'web', 'acme', 'mia');
SELECT rbac.has_scope('mia', 'web', 'stack:read') AS granted;
SAVEPOINT s;
DELETE FROM rbac.entity_grants;
SELECT rbac.has_scope('mia', 'web', 'stack:read') AS revoked;
ROLLBACK TO s;
SELECT rbac.has_scope('mia', 'web', 'stack:read') AS granted;
RELEASE s;
SELECT rbac.has_scope('mia', 'web', 'stack:read') AS granted;
ROLLBACK;
SELECT rbac.has_scope('mia', 'web', 'stack:read') AS rolled_back;

-- clean up
DROP FUNCTION look, ask_early;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
