-- A table that is not registered: its rows bring their organization, owner and
-- tags along.  Here the entity type is the application's own, and the keys are
-- text, and then numbers.
SET client_min_messages = warning;
CREATE ROLE regress_app;
GRANT SET ON PARAMETER rbac.member TO regress_app;

INSERT INTO rbac.entity_types VALUES ('note');
INSERT INTO rbac.scopes (name, entity_type) VALUES
	('note:read', 'note'), ('note:write', 'note'), ('note:move', 'note'), ('note:create', 'organization');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES
	('Note Read', 'note', '{note:read}'), ('Note Write', 'note', '{note:read,note:write}'),
	('Note All', 'note', '{note:read,note:write,note:move}'), ('Note Create', 'organization', '{note:create}');
INSERT INTO rbac.entity_type_settings VALUES ('note', 'Note Write');
INSERT INTO rbac.organizations VALUES ('acme'), ('globex'), ('7');
INSERT INTO rbac.roles (name) VALUES ('Writer'), ('Editor'), ('Publisher');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES
	('Writer', 'Note Create', NULL),
	('Writer', 'Note Read', '$.public == true'),
	('Editor', 'Note Write', NULL),
	('Publisher', 'Note All', NULL);
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'ann', 'Writer'), ('acme', 'bob', 'Writer'), ('acme', 'ed', 'Editor'), ('globex', 'ed', 'Editor'),
	('acme', 'pat', 'Publisher'), ('globex', 'pat', 'Publisher'), ('7', '42', 'Writer'), ('7', '43', 'Editor');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES
	('Note Write', 'n3', 'acme', 'ann'),
	-- of no use: the note is of another organization
	('Note Write', 'g1', 'acme', 'ann');

CREATE TABLE notes (
	id text PRIMARY KEY,
	org text NOT NULL,
	author text,
	tags jsonb
);
INSERT INTO notes VALUES
	('n1', 'acme', 'ann', NULL), ('n2', 'acme', 'bob', '{"public": true}'), ('n3', 'acme', NULL, '{}'),
	('n4', 'acme', 'bob', '{"public": false}'), ('g1', 'globex', 'ann', '{"public": true}');
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON notes FOR SELECT
	USING (rbac.row_has_scope(rbac.current_member(), id, 'note:read', org, author, tags));
CREATE POLICY inserts ON notes FOR INSERT
	WITH CHECK (rbac.has_scope(org, 'note:create') AND author = rbac.current_member());
CREATE POLICY updates ON notes FOR UPDATE
	USING (rbac.row_has_scope(rbac.current_member(), id, 'note:write', org, author, tags));
CREATE POLICY deletes ON notes FOR DELETE
	USING (rbac.row_has_scope(rbac.current_member(), id, 'note:write', org, author, tags));
-- what a note belongs to is changed by nobody
GRANT SELECT, INSERT, DELETE, UPDATE (id, author, tags) ON notes TO regress_app;

SELECT count(*) FROM rbac.entities;
SET SESSION AUTHORIZATION regress_app;
SET rbac.member = 'ann';
SELECT * FROM notes ORDER BY id;
SET rbac.member = 'bob';
SELECT id FROM notes ORDER BY id;
SET rbac.member = 'ed';
SELECT id FROM notes ORDER BY id;
SET rbac.member = 'stranger';
SELECT id FROM notes ORDER BY id;
RESET rbac.member;
SELECT id FROM notes ORDER BY id;

-- no trigger is needed for what has just been inserted or changed
SET rbac.member = 'bob';
INSERT INTO notes VALUES ('n5', 'acme', 'bob', '{"public": true}') RETURNING id;
INSERT INTO notes VALUES ('n6', 'acme', 'ann');
INSERT INTO notes VALUES ('n6', 'acme', NULL);
INSERT INTO notes VALUES ('n6', 'globex', 'bob');
SET rbac.member = 'ann';
SELECT id FROM notes ORDER BY id;
SET rbac.member = 'bob';
UPDATE notes SET tags = NULL WHERE id = 'n5' RETURNING id;
SET rbac.member = 'ann';
SELECT id FROM notes ORDER BY id;
SET rbac.member = 'ed';
INSERT INTO notes VALUES ('n6', 'acme', 'ed');

-- without a WITH CHECK of its own, a policy's USING is for the new row, too
SET rbac.member = 'bob';
UPDATE notes SET author = 'ann' WHERE id = 'n2';
UPDATE notes SET author = NULL WHERE id = 'n2';
UPDATE notes SET tags = '{"public": true}' WHERE id = 'n1' RETURNING id;
UPDATE notes SET org = 'globex' WHERE id = 'n2';
SET rbac.member = 'ann';
UPDATE notes SET id = 'n9' WHERE id = 'n3';
UPDATE notes SET author = 'bob' WHERE id = 'n3' RETURNING id, author;
UPDATE notes SET author = 'ann' WHERE id = 'g1' RETURNING id;
DELETE FROM notes WHERE id IN ('n2', 'n4', 'g1') RETURNING id;
DELETE FROM notes WHERE id = 'n3' RETURNING id;
RESET rbac.member;
RESET SESSION AUTHORIZATION;

-- an UPDATE that may change the organization takes the scope for it in both
-- organizations: two policies cannot say so, but one function can
GRANT UPDATE ON notes TO regress_app;
CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NOT rbac.row_has_scope(rbac.current_member(), OLD.id, 'note:move', OLD.org, OLD.author, OLD.tags)
		OR NOT rbac.row_has_scope(rbac.current_member(), NEW.id, 'note:move', NEW.org, NEW.author, NEW.tags) THEN
		RAISE insufficient_privilege USING MESSAGE = 'not yours to move';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OF id, org, author ON notes FOR EACH ROW
	WHEN ((NEW.id, NEW.org, NEW.author) IS DISTINCT FROM (OLD.id, OLD.org, OLD.author))
	EXECUTE FUNCTION guard();
SET SESSION AUTHORIZATION regress_app;
SET rbac.member = 'ed';
UPDATE notes SET org = 'globex' WHERE id = 'n1';
UPDATE notes SET tags = '{}' WHERE id = 'n1' RETURNING id;
SET rbac.member = 'pat';
UPDATE notes SET org = 'globex' WHERE id = 'n1' RETURNING id;
UPDATE notes SET org = 'nowhere' WHERE id = 'n1';
RESET rbac.member;
RESET SESSION AUTHORIZATION;
SELECT * FROM notes ORDER BY id;

-- numbers for keys, uncast
CREATE TABLE numbered (id bigint PRIMARY KEY, tenant integer NOT NULL, author smallint, tags jsonb);
INSERT INTO numbered VALUES (1, 7, 42, NULL), (2, 7, 43, NULL), (3, 7, NULL, '{"public": true}'), (4, 8, 42, NULL), (5, 7, NULL, NULL);
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Note Read', '5', '7', '42'), ('Note Read', '05', '7', '43');
ALTER TABLE numbered ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON numbered FOR SELECT
	USING (rbac.row_has_scope(rbac.current_member(), id, 'note:read', tenant, author, tags));
CREATE POLICY inserts ON numbered FOR INSERT
	WITH CHECK (rbac.has_scope(tenant, 'note:create') AND author::text = rbac.current_member());
GRANT SELECT, INSERT ON numbered TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SET rbac.member = '42';
SELECT id FROM numbered ORDER BY id;
INSERT INTO numbered VALUES (6, 7, 42) RETURNING id;
INSERT INTO numbered VALUES (7, 7, 43);
INSERT INTO numbered VALUES (7, 8, 42);
SET rbac.member = '43';
SELECT id FROM numbered ORDER BY id;
INSERT INTO numbered VALUES (7, 7, 43);
SET rbac.member = '042';
SELECT id FROM numbered ORDER BY id;
RESET rbac.member;
SELECT id FROM numbered ORDER BY id;
RESET SESSION AUTHORIZATION;

DROP TABLE notes, numbered;
DROP FUNCTION guard();
DELETE FROM rbac.members;
DELETE FROM rbac.role_rules WHERE id > 0;
DELETE FROM rbac.roles WHERE NOT builtin;
DELETE FROM rbac.entity_type_settings;
DELETE FROM rbac.permission_sets WHERE NOT builtin;
DELETE FROM rbac.scopes WHERE NOT builtin;
DELETE FROM rbac.entity_types WHERE NOT builtin;
DELETE FROM rbac.organizations;
REVOKE SET ON PARAMETER rbac.member FROM regress_app;
DROP ROLE regress_app;
