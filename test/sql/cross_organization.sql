--
-- Nothing of one organization can be attached to another's
--
SET search_path = rbac, public;

-- what becomes of a statement: the rows that it changed, or why it is refused
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint   text;
	n      bigint;
BEGIN
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN 'ok, rows: ' || n;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', sqlstate || ' ' || sqlerrm,
		nullif(regexp_replace(detail, '^Failing row contains .*', ''), ''), nullif(hint, ''));
END $$;
\pset format unaligned
\pset tuples_only on

-- Organizations with everything, and names made to be mistaken for each other:
-- prefixes, patterns of LIKE, case, and a shared role named like one.
INSERT INTO organizations SELECT unnest(ARRAY['acme', 'beta', 'ac', 'acmes', 'acm_', '%', 'Acme', 'Shared']);
INSERT INTO permission_sets (name, entity_type, scopes) SELECT name || '/Set', 'stack', '{stack:read}' FROM organizations;
INSERT INTO permission_sets (name, entity_type) VALUES ('Shared', 'stack');
INSERT INTO roles (name) SELECT name || '/Role' FROM organizations;
INSERT INTO roles (name) VALUES ('Shared');
INSERT INTO teams (name) SELECT name || '/Team' FROM organizations;
INSERT INTO members (organization, member) SELECT name, 'only in ' || name FROM organizations;
INSERT INTO members (organization, member) VALUES ('acme', 'alice'), ('beta', 'alice');

-- rows that are right, to be changed
INSERT INTO default_roles VALUES ('acme', 'acme/Role');
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Role', 'acme/Set'), ('Shared', 'Shared');
INSERT INTO team_members (team, member) VALUES ('acme/Team', 'alice'), ('acme/Team', 'only in acme');
INSERT INTO team_roles (team, role) VALUES ('acme/Team', 'acme/Role'), ('acme/Team', 'Shared');
UPDATE members SET role = 'acme/Role' WHERE organization = 'acme' AND member = 'alice';
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('acme/Set', 's1', 'acme/Team'), ('Shared', 's1', 'acme/Team');
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('acme/Set', 's1', 'acme', 'alice'), ('Shared', 's1', 'acme', 'alice');
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'acme/Set'), ('acme', 'Shared');
INSERT INTO entity_type_settings (entity_type, owner_permission_set) VALUES ('stack', 'Shared');

-- INSERT: with every other organization in the place of %1$s; none may be taken
CREATE TABLE public.inserts (no int, statement text);
INSERT INTO inserts VALUES
	(1, 'INSERT INTO default_roles VALUES (''Acme'', ''%1$s/Role'')'),
	(2, 'INSERT INTO role_rules (role, permission_set) VALUES (''Acme/Role'', ''%1$s/Set'')'),
	(3, 'INSERT INTO role_rules (role, permission_set) VALUES (''Shared'', ''%1$s/Set'')'),
	(4, 'INSERT INTO members (organization, member, role) VALUES (''Acme'', ''bob'', ''%1$s/Role'')'),
	(5, 'INSERT INTO members (organization, member, kind, role) VALUES (''Acme'', ''bot'', ''organization_token'', ''%1$s/Role'')'),
	(6, 'INSERT INTO team_members (team, member) VALUES (''Acme/Team'', ''only in %1$s'')'),
	(7, 'INSERT INTO team_roles (team, role) VALUES (''Acme/Team'', ''%1$s/Role'')'),
	(8, 'INSERT INTO entity_grants (permission_set, entity, team) VALUES (''%1$s/Set'', ''s1'', ''Acme/Team'')'),
	(9, 'INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES (''%1$s/Set'', ''s1'', ''Acme'', ''only in Acme'')'),
	(10, 'INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES (''Acme/Set'', ''s1'', ''Acme'', ''only in %1$s'')'),
	(11, 'INSERT INTO member_defaults (organization, permission_set) VALUES (''Acme'', ''%1$s/Set'')'),
	(12, 'INSERT INTO entity_type_settings (entity_type, owner_permission_set) VALUES (''environment'', ''%1$s/Set'')');
SELECT statement || E'\n  ' || answer || E'\n  ' || array_to_string(organizations, ' ')
FROM (SELECT no, statement, answer, array_agg(name ORDER BY name) AS organizations
	FROM inserts, LATERAL (SELECT name, replace(replace(pg_temp.try(replace(statement, '%1$s', name)), name || '/', '*/'), 'only in ' || name, 'only in *')
		FROM organizations WHERE name <> 'Acme') AS t (name, answer)
	GROUP BY no, statement, answer) t
ORDER BY no, answer;

-- and the same for Acme itself, and for what is shared, to see that nothing
-- else was wrong (a shared role takes no organization's set, though)
BEGIN;
SELECT no, pg_temp.try(replace(statement, '%1$s', 'Acme')) FROM inserts ORDER BY no;
SELECT no, pg_temp.try(replace(statement, '%1$s/Role', 'Shared')) FROM inserts WHERE no IN (4, 5, 7);
SELECT no, pg_temp.try(replace(statement, '%1$s/Set', 'Shared')) FROM inserts WHERE no IN (2, 8, 9, 11, 12);
ROLLBACK;

-- UPDATE: from either side
CREATE TABLE public.updates (no int GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO updates (statement) VALUES
	('UPDATE default_roles SET role = ''beta/Role'''),
	('UPDATE default_roles SET organization = ''beta'''),
	('UPDATE role_rules SET permission_set = ''beta/Set'' WHERE role = ''acme/Role'''),
	('UPDATE role_rules SET role = ''beta/Role'' WHERE permission_set = ''acme/Set'''),
	('UPDATE role_rules SET role = ''Shared'' WHERE permission_set = ''acme/Set'''),
	('UPDATE role_rules SET permission_set = ''acme/Set'' WHERE role = ''Shared'''),
	('UPDATE members SET role = ''beta/Role'' WHERE member = ''only in acme'''),
	('UPDATE members SET organization = ''ac'', role = ''beta/Role'' WHERE member = ''only in %'''),
	('UPDATE members SET organization = ''beta'' WHERE organization = ''acme'' AND role = ''acme/Role'''),
	('UPDATE members SET organization = ''beta'' WHERE member = ''only in acme'''),
	('UPDATE team_members SET team = ''beta/Team'' WHERE member = ''only in acme'''),
	('UPDATE team_members SET member = ''only in beta'' WHERE member = ''only in acme'''),
	('UPDATE team_roles SET role = ''beta/Role'' WHERE role = ''acme/Role'''),
	('UPDATE team_roles SET team = ''beta/Team'' WHERE role = ''acme/Role'''),
	('UPDATE entity_grants SET permission_set = ''beta/Set'' WHERE team = ''acme/Team'' AND permission_set = ''acme/Set'''),
	('UPDATE entity_grants SET team = ''beta/Team'' WHERE team = ''acme/Team'' AND permission_set = ''acme/Set'''),
	('UPDATE entity_grants SET permission_set = ''beta/Set'' WHERE member = ''alice'' AND permission_set = ''acme/Set'''),
	('UPDATE entity_grants SET organization = ''beta'' WHERE member = ''alice'' AND permission_set = ''acme/Set'''),
	('UPDATE entity_grants SET team = ''beta/Team'', organization = NULL, member = NULL WHERE member = ''alice'' AND permission_set = ''acme/Set'''),
	('UPDATE entity_grants SET member = ''only in beta'' WHERE member = ''alice'' AND permission_set = ''Shared'''),
	('UPDATE entity_grants SET organization = ''beta'' WHERE team = ''acme/Team'''),
	('UPDATE member_defaults SET organization = ''beta'' WHERE permission_set = ''acme/Set'''),
	('UPDATE member_defaults SET permission_set = ''beta/Set'' WHERE permission_set = ''acme/Set'''),
	('UPDATE entity_type_settings SET owner_permission_set = ''acme/Set'''),
	-- moving the thing itself, while it is used
	('UPDATE roles SET name = ''beta/Moved'' WHERE name = ''acme/Role'''),
	('UPDATE permission_sets SET name = ''beta/Moved'' WHERE name = ''acme/Set'''),
	('UPDATE permission_sets SET name = ''acme/Moved'' WHERE name = ''Shared'''),
	('UPDATE teams SET name = ''beta/Moved'' WHERE name = ''acme/Team'''),
	('UPDATE organizations SET name = ''beta2'' WHERE name = ''acme''');
SELECT statement || E'\n  ' || pg_temp.try(statement) FROM updates ORDER BY no;

-- deferring the foreign keys helps nobody: the names themselves are checked
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
SELECT no, left(pg_temp.try(statement), 5) AS answer FROM updates
WHERE no NOT IN (10, 11, 12, 18, 20, 25, 26, 27, 28, 29) ORDER BY no;
-- these refer to rows that are not there, and that is found in the end
UPDATE team_members SET team = 'beta/Team' WHERE member = 'only in acme';
COMMIT;

-- an entity's organization is not a matter of names: whoever may write the
-- registry may move it, and the grants that it had are gone
INSERT INTO entities VALUES ('stack', 's1', 'acme');
SELECT count(*) FROM entity_grants;
UPDATE entities SET organization = 'beta';
SELECT count(*) FROM entity_grants;

-- no trace is left of all this
SELECT * FROM default_roles;
SELECT role, permission_set FROM role_rules WHERE id > 0 ORDER BY role;
SELECT * FROM team_members ORDER BY member;
SELECT * FROM team_roles ORDER BY role;
SELECT * FROM member_defaults ORDER BY permission_set;

DELETE FROM entities;
DELETE FROM entity_type_settings;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM permission_sets WHERE NOT builtin;
DROP TABLE inserts, updates;
