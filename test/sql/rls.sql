-- Policies on an application's table, used by an ordinary login: who may select,
-- insert, update and delete which rows.
SET client_min_messages = warning;
CREATE ROLE regress_owner;
CREATE ROLE regress_app;
GRANT SET ON PARAMETER rbac.member TO regress_app;
CREATE SCHEMA shop AUTHORIZATION regress_owner;
GRANT USAGE ON SCHEMA shop TO regress_app;
SET search_path = shop;

-- two organizations; "both" works for either of them, and so does "root"
INSERT INTO rbac.organizations VALUES ('acme'), ('globex');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('Create Stacks', 'organization', '{stack:create}');
INSERT INTO rbac.roles (name) VALUES ('Developer'), ('Operator'), ('Auditor');
INSERT INTO rbac.role_rules (role, permission_set) VALUES
	('Developer', 'Create Stacks'), ('Operator', 'Stack Write'), ('Auditor', 'Stack Read');
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'ann', 'Developer'), ('acme', 'bob', 'Developer'), ('acme', 'audrey', 'Auditor'),
	('acme', 'both', 'Operator'), ('globex', 'both', 'Operator'),
	('acme', 'root', 'Admin'), ('globex', 'root', 'Admin'),
	('globex', 'eve', 'Developer');

-- the table, whose rows are kept registered
SET SESSION AUTHORIZATION regress_owner;
CREATE TABLE stacks (
	id text PRIMARY KEY,
	organization text NOT NULL,
	owner text,
	note text
);
GRANT SELECT, INSERT, UPDATE, DELETE ON stacks TO regress_app;
RESET SESSION AUTHORIZATION;

CREATE FUNCTION register() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		DELETE FROM rbac.entities WHERE entity_type = 'stack' AND entity = OLD.id;
		RETURN OLD;
	ELSIF TG_OP = 'UPDATE' THEN
		UPDATE rbac.entities SET entity = NEW.id, organization = NEW.organization, owner = NEW.owner
		WHERE entity_type = 'stack' AND entity = OLD.id;
	ELSE
		INSERT INTO rbac.entities (entity_type, entity, organization, owner)
		VALUES ('stack', NEW.id, NEW.organization, NEW.owner);
	END IF;
	RETURN NEW;
END $$;
-- before the insert, so that what INSERT ... RETURNING returns can be checked
CREATE TRIGGER register_new BEFORE INSERT ON stacks FOR EACH ROW EXECUTE FUNCTION register();
CREATE TRIGGER register AFTER UPDATE OR DELETE ON stacks FOR EACH ROW EXECUTE FUNCTION register();

INSERT INTO stacks VALUES
	('a1', 'acme', 'ann', 'one'), ('a2', 'acme', 'bob', 'two'), ('a3', 'acme', NULL, 'three'),
	('g1', 'globex', NULL, 'one'), ('g2', 'globex', 'eve', 'two');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES
	('Stack Read', 'a2', 'acme', 'ann'), ('Stack Write', 'a3', 'acme', 'ann');

SET SESSION AUTHORIZATION regress_owner;
ALTER TABLE stacks ENABLE ROW LEVEL SECURITY;
RESET SESSION AUTHORIZATION;

-- without a policy, nobody but the owner sees anything
SET SESSION AUTHORIZATION regress_app;
SET rbac.member = 'root';
SELECT id FROM stacks;
RESET rbac.member;
RESET SESSION AUTHORIZATION;

-- a scope that does not exist is found out when the policy is made
CREATE POLICY reads ON stacks FOR SELECT USING (rbac.has_scope(id, 'stack:raed'));

CREATE POLICY reads ON stacks FOR SELECT USING (rbac.has_scope(id, 'stack:read'));
CREATE POLICY inserts ON stacks FOR INSERT
	WITH CHECK (rbac.has_scope(organization, 'stack:create') AND (owner IS NULL OR owner = rbac.current_member()));
CREATE POLICY updates ON stacks FOR UPDATE USING (rbac.has_scope(id, 'stack:write'))
	WITH CHECK (rbac.row_has_scope(rbac.current_member(), id, 'stack:write', organization, owner));
CREATE POLICY deletes ON stacks FOR DELETE USING (rbac.has_scope(id, 'stack:delete'));

SET SESSION AUTHORIZATION regress_app;

-- SELECT
SET rbac.member = 'ann';
SELECT id, organization, owner FROM stacks ORDER BY id;
SELECT count(*) FROM stacks WHERE id = 'a1';
SELECT count(*) FROM stacks WHERE id = 'g1';
SET rbac.member = 'bob';
SELECT id FROM stacks ORDER BY id;
SET rbac.member = 'audrey';
SELECT id FROM stacks ORDER BY id;
SET rbac.member = 'both';
SELECT id FROM stacks ORDER BY id;
SET rbac.member = 'root';
SELECT id FROM stacks ORDER BY id;
SET rbac.member = 'eve';
SELECT id FROM stacks ORDER BY id;
SET rbac.member = 'stranger';
SELECT id FROM stacks ORDER BY id;
RESET rbac.member;
SELECT id FROM stacks ORDER BY id;

-- the tables behind the answers are not for reading
SELECT count(*) FROM rbac.members;
SELECT count(*) FROM rbac.entities;

-- INSERT: where one may create stacks, for oneself or nobody
SET rbac.member = 'bob';
BEGIN;
INSERT INTO stacks VALUES ('b1', 'acme', 'bob');
INSERT INTO stacks VALUES ('b2', 'acme', 'bob') RETURNING id;
INSERT INTO stacks VALUES ('b3', 'acme', NULL);
SELECT id, owner FROM stacks ORDER BY id;
ROLLBACK;
INSERT INTO stacks VALUES ('b4', 'acme', 'ann');
INSERT INTO stacks VALUES ('b4', 'acme', 'nobody');
INSERT INTO stacks VALUES ('b4', 'globex', 'bob');
INSERT INTO stacks VALUES ('b4', 'nowhere', 'bob');
-- to be returned, a row must be visible: without an owner this one is not
INSERT INTO stacks VALUES ('b4', 'acme', NULL) RETURNING id;
-- an id that is in use is not for the taking
INSERT INTO stacks VALUES ('a1', 'acme', 'bob');
INSERT INTO stacks VALUES ('g1', 'acme', 'bob');
SET rbac.member = 'audrey';
INSERT INTO stacks VALUES ('b4', 'acme', 'audrey');
SET rbac.member = 'eve';
INSERT INTO stacks VALUES ('b4', 'acme', 'eve');
RESET rbac.member;
INSERT INTO stacks VALUES ('b4', 'acme', NULL);

-- UPDATE: of what one may write
SET rbac.member = 'ann';
WITH u AS (UPDATE stacks SET note = 'by ann' RETURNING id, note) SELECT * FROM u ORDER BY id;
UPDATE stacks SET note = 'by ann' WHERE id = 'a2' RETURNING id;
UPDATE stacks SET note = 'by ann' WHERE id = 'g1' RETURNING id;
SET rbac.member = 'audrey';
UPDATE stacks SET note = 'by audrey' RETURNING id;

-- not into another organization, not to another owner, not even with a row that
-- one owns: the new row is checked, too
SET rbac.member = 'ann';
UPDATE stacks SET organization = 'globex' WHERE id = 'a1';
UPDATE stacks SET organization = 'nowhere' WHERE id = 'a1';
UPDATE stacks SET owner = 'bob' WHERE id = 'a1';
UPDATE stacks SET owner = NULL WHERE id = 'a1';
UPDATE stacks SET id = 'a4' WHERE id = 'a3';
UPDATE stacks SET organization = 'globex' WHERE id = 'a3';
SET rbac.member = 'both';
UPDATE stacks SET organization = 'nowhere' WHERE id = 'a1';

-- DELETE
SET rbac.member = 'ann';
BEGIN;
DELETE FROM stacks RETURNING id;
SELECT id FROM stacks ORDER BY id;
ROLLBACK;
SELECT id FROM stacks ORDER BY id;
SET rbac.member = 'both';
DELETE FROM stacks RETURNING id;

-- somebody who may write in both organizations passes both checks, so a move
-- takes more than policies: a trigger, which sees the old and the new row
RESET rbac.member;
RESET SESSION AUTHORIZATION;
CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF rbac.has_scope(OLD.id, 'stack:transfer')
		AND rbac.row_has_scope(rbac.current_member(), NEW.id, 'stack:transfer', NEW.organization, OLD.owner) THEN
		RETURN NEW;
	END IF;
	RAISE insufficient_privilege USING MESSAGE = format('%s may not transfer stack %s', rbac.current_member(), OLD.id);
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON stacks FOR EACH ROW
	WHEN ((NEW.id, NEW.organization, NEW.owner) IS DISTINCT FROM (OLD.id, OLD.organization, OLD.owner))
	EXECUTE FUNCTION guard();
SET SESSION AUTHORIZATION regress_app;
SET rbac.member = 'both';
WITH u AS (UPDATE stacks SET note = 'by both' RETURNING id, note) SELECT * FROM u ORDER BY id;
UPDATE stacks SET organization = 'globex' WHERE id = 'a1';
UPDATE stacks SET owner = 'both' WHERE id = 'a1';
UPDATE stacks SET id = 'a4' WHERE id = 'a3';
SET rbac.member = 'root';
UPDATE stacks SET organization = 'globex' WHERE id = 'a3' RETURNING id, organization;
-- what was granted on it has not moved along
SET rbac.member = 'ann';
SELECT id FROM stacks ORDER BY id;
SET rbac.member = 'root';
UPDATE stacks SET organization = 'acme' WHERE id = 'a3';
SET rbac.member = 'ann';
SELECT id FROM stacks ORDER BY id;
-- the owner may do all, a transfer too, within their organization
UPDATE stacks SET organization = 'globex' WHERE id = 'a1';

-- ON CONFLICT
INSERT INTO stacks VALUES ('a1', 'acme', 'ann', 'again') ON CONFLICT DO NOTHING RETURNING id;
INSERT INTO stacks VALUES ('a1', 'acme', 'ann', 'again') ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.note RETURNING id, note;
SET rbac.member = 'bob';
INSERT INTO stacks VALUES ('a3', 'acme', NULL, 'by bob') ON CONFLICT DO NOTHING RETURNING id;
INSERT INTO stacks VALUES ('a3', 'acme', NULL, 'by bob') ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.note;
INSERT INTO stacks VALUES ('a2', 'acme', 'bob', 'two') ON CONFLICT (id) DO UPDATE SET organization = 'globex';

-- MERGE: rows that one does not see do not match
SET rbac.member = 'ann';
MERGE INTO stacks s USING (VALUES ('a1', 'merged')) v (id, note) ON s.id = v.id
	WHEN MATCHED THEN UPDATE SET note = v.note;
SELECT id, note FROM stacks ORDER BY id;
BEGIN;
MERGE INTO stacks s USING (VALUES ('a1', 'gone'), ('a9', 'new')) v (id, note) ON s.id = v.id
	WHEN MATCHED THEN DELETE
	WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'acme', 'ann', v.note);
SELECT id, note FROM stacks ORDER BY id;
ROLLBACK;
MERGE INTO stacks s USING (VALUES ('g1', 'merged')) v (id, note) ON s.id = v.id
	WHEN MATCHED THEN UPDATE SET note = v.note
	WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'acme', 'ann', v.note);
SET rbac.member = 'audrey';
MERGE INTO stacks s USING (VALUES ('a1', 'merged')) v (id, note) ON s.id = v.id
	WHEN MATCHED THEN UPDATE SET note = v.note;
MERGE INTO stacks s USING (VALUES ('a1', 'merged')) v (id, note) ON s.id = v.id
	WHEN MATCHED THEN DELETE;
MERGE INTO stacks s USING (VALUES ('a9', 'merged')) v (id, note) ON s.id = v.id
	WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'acme', NULL, v.note);
SET rbac.member = 'ann';
MERGE INTO stacks s USING (VALUES ('a1', 'globex')) v (id, organization) ON s.id = v.id
	WHEN MATCHED THEN UPDATE SET organization = v.organization;

-- COPY
COPY (SELECT id, note FROM stacks ORDER BY id) TO stdout;
SET rbac.member = 'eve';
COPY stacks (id, organization) TO stdout;
RESET rbac.member;
COPY stacks TO stdout;
\copy stacks from /dev/null
SET row_security = off;
SELECT count(*) FROM stacks;
RESET row_security;
RESET SESSION AUTHORIZATION;

-- the table's owner is above its policies, unless they are forced
SET SESSION AUTHORIZATION regress_owner;
SELECT rbac.current_member();
SELECT count(*) FROM stacks;
ALTER TABLE stacks FORCE ROW LEVEL SECURITY;
SELECT count(*) FROM stacks;
INSERT INTO stacks VALUES ('o1', 'acme', NULL);
RESET SESSION AUTHORIZATION;
INSERT INTO rbac.members (organization, member, role) VALUES ('globex', 'regress_owner', 'Auditor');
SET SESSION AUTHORIZATION regress_owner;
SELECT id FROM stacks ORDER BY id;
ALTER TABLE stacks NO FORCE ROW LEVEL SECURITY;
SELECT count(*) FROM stacks;
RESET SESSION AUTHORIZATION;

-- BYPASSRLS, and superusers
CREATE ROLE regress_bypass BYPASSRLS;
GRANT USAGE ON SCHEMA shop TO regress_bypass;
GRANT SELECT ON stacks TO regress_bypass;
SET SESSION AUTHORIZATION regress_bypass;
SELECT count(*) FROM stacks;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM stacks;

-- nothing has changed that should not have
SELECT * FROM stacks ORDER BY id;
SELECT entity, organization, owner FROM rbac.entities ORDER BY entity;

-- a restrictive policy beside the others: reading needs the organization's list, too
CREATE POLICY lists ON stacks AS RESTRICTIVE FOR SELECT USING (rbac.has_scope(organization, 'stack:list'));
SET SESSION AUTHORIZATION regress_app;
SET rbac.member = 'audrey';
SELECT id FROM stacks ORDER BY id;
SET rbac.member = 'root';
SELECT count(*) FROM stacks;
RESET rbac.member;
RESET SESSION AUTHORIZATION;

DROP SCHEMA shop CASCADE;
DELETE FROM rbac.entities;
DELETE FROM rbac.members;
DELETE FROM rbac.role_rules WHERE id > 0;
DELETE FROM rbac.roles WHERE NOT builtin;
DELETE FROM rbac.permission_sets WHERE NOT builtin;
DELETE FROM rbac.organizations;
REVOKE SET ON PARAMETER rbac.member FROM regress_app;
DROP ROLE regress_owner, regress_app, regress_bypass;
