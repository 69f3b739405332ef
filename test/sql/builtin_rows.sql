--
-- Built-in rows: nobody inserts, changes or deletes one by mistake
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
-- no notices of TRUNCATE CASCADE
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on

-- what may be tried with the five tables that have them
CREATE TABLE public.attempts (no int GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO attempts (statement) VALUES
	('INSERT INTO entity_types (name, builtin) VALUES (''document'', true)'),
	('INSERT INTO scopes (name, entity_type, builtin) VALUES (''stack:fork'', ''stack'', true)'),
	('INSERT INTO permission_sets (name, entity_type, builtin) VALUES (''Stack Fork'', ''stack'', true)'),
	('INSERT INTO roles (name, builtin) VALUES (''Owner'', true)'),
	('INSERT INTO role_rules (id, role, permission_set) VALUES (-4, ''Member'', ''Billing'')'),
	('UPDATE entity_types SET description = ''x'' WHERE name = ''stack'''),
	('UPDATE entity_types SET name = ''stak'' WHERE name = ''stack'''),
	('UPDATE entity_types SET builtin = false WHERE name = ''stack'''),
	('UPDATE entity_types SET builtin = true WHERE name = ''wiki'''),
	('UPDATE scopes SET toggle = true WHERE name = ''stack:write'''),
	('UPDATE scopes SET description = ''x'''),
	('UPDATE scopes SET builtin = true WHERE name = ''wiki:read'''),
	('UPDATE scopes SET builtin = false WHERE name = ''stack:read'''),
	('UPDATE permission_sets SET scopes = ''{}'' WHERE name = ''Stack Read'''),
	('UPDATE permission_sets SET name = ''acme/Stack Read'' WHERE name = ''Stack Read'''),
	('UPDATE permission_sets SET builtin = true WHERE name = ''Wiki Read'''),
	('UPDATE roles SET all_scopes = true WHERE name = ''Member'''),
	('UPDATE roles SET all_scopes = false WHERE name = ''Admin'''),
	('UPDATE roles SET builtin = true WHERE name = ''Wiki'''),
	('UPDATE role_rules SET permission_set = ''Read Only'' WHERE role = ''Member'' AND permission_set = ''Standard'''),
	('UPDATE role_rules SET id = 17 WHERE id = -1'),
	('UPDATE role_rules SET id = -17 WHERE role = ''Wiki'''),
	('DELETE FROM entity_types WHERE name = ''insights_account'''),
	('DELETE FROM scopes WHERE name = ''stack:read'''),
	('DELETE FROM permission_sets WHERE name = ''Read Only'''),
	('DELETE FROM roles WHERE name = ''Billing Manager'''),
	('DELETE FROM role_rules WHERE role = ''Billing Manager'''),
	('DELETE FROM role_rules'),
	('TRUNCATE entity_types CASCADE'),
	('TRUNCATE scopes CASCADE'),
	('TRUNCATE permission_sets CASCADE'),
	('TRUNCATE roles CASCADE'),
	('TRUNCATE role_rules'),
	('TRUNCATE organizations CASCADE'),
	('INSERT INTO roles (name) VALUES (''Member'') ON CONFLICT (name) DO UPDATE SET all_scopes = true'),
	('MERGE INTO roles r USING (SELECT ''Member'' AS name) m ON r.name = m.name WHEN MATCHED THEN DELETE');

-- rows of one's own beside them
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO scopes (name, entity_type) VALUES ('wiki:read', 'wiki');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('Wiki Read', 'wiki', '{wiki:read}');
INSERT INTO roles (name) VALUES ('Wiki');
INSERT INTO role_rules (role, permission_set) VALUES ('Wiki', 'Wiki Read');

CREATE FUNCTION public.digest() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(r, ';' ORDER BY r COLLATE "C")) FROM (
		SELECT t::text FROM rbac.entity_types t UNION ALL SELECT s::text FROM rbac.scopes s
		UNION ALL SELECT p::text FROM rbac.permission_sets p UNION ALL SELECT o::text FROM rbac.roles o
		UNION ALL SELECT concat_ws(',', sign(id), role, permission_set, entity_type, entity, condition::text) FROM rbac.role_rules) AS t (r)
$$;
SELECT digest() AS before \gset

-- as a superuser
SELECT statement || E'\n  ' || pg_temp.try(statement) FROM attempts ORDER BY no;

-- as one who may do everything with the tables: the same
CREATE ROLE regress_rbac_admin BYPASSRLS;
GRANT ALL ON ALL TABLES IN SCHEMA rbac TO regress_rbac_admin;
GRANT SELECT ON attempts TO regress_rbac_admin;
CREATE TEMP TABLE as_superuser AS SELECT no, pg_temp.try(statement) AS answer FROM attempts;
GRANT SELECT ON as_superuser TO regress_rbac_admin;
SET SESSION AUTHORIZATION regress_rbac_admin;
SELECT a.statement, a.answer, s.answer FROM (SELECT *, pg_temp.try(statement) AS answer FROM attempts) a
JOIN as_superuser s USING (no) WHERE a.answer IS DISTINCT FROM s.answer;
RESET SESSION AUTHORIZATION;

-- by COPY
\set VERBOSITY terse
COPY roles (name, builtin) FROM stdin;
Owner	true
\.
COPY role_rules (id, role, permission_set) FROM stdin;
-5	Member	Billing
\.
\set VERBOSITY default

SELECT digest() = :'before' AS unchanged;

-- what is one's own can be changed, and go
UPDATE roles SET all_scopes = true WHERE name = 'Wiki';
UPDATE permission_sets SET scopes = '{}' WHERE name = 'Wiki Read';
DELETE FROM role_rules WHERE id >= 0;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
-- rules can be added to a built-in role, and they are one's own
INSERT INTO role_rules (role, permission_set) VALUES ('Member', 'Environment Read');
SELECT id > 0 FROM role_rules WHERE role = 'Member' AND permission_set = 'Environment Read';
DELETE FROM role_rules WHERE role = 'Member' AND permission_set = 'Environment Read';

DROP TABLE attempts;
DROP FUNCTION digest();
DROP OWNED BY regress_rbac_admin;
DROP ROLE regress_rbac_admin;
