-- Who may do what with the extension's objects, and what a login without rights gets.
SET client_min_messages = warning;
CREATE ROLE hostile_login;
CREATE SCHEMA hostile_own AUTHORIZATION hostile_login;
CREATE ROLE hostile_reader;
CREATE ROLE hostile_writer;
CREATE ROLE hostile_monitor;
CREATE ROLE hostile_createrole CREATEROLE CREATEDB;
GRANT pg_read_all_data TO hostile_reader;
GRANT pg_read_all_data, pg_write_all_data TO hostile_writer;
GRANT pg_monitor, pg_read_all_stats, pg_signal_backend, pg_checkpoint TO hostile_monitor;
INSERT INTO rbac.organizations VALUES ('acme'), ('globex');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'alice', 'Admin'), ('globex', 'hostile_reader', 'Member'), ('globex', 'hostile_writer', 'Member');
INSERT INTO rbac.entities (entity_type, entity, organization, tags) VALUES ('stack', 'web', 'acme', '{"secret": 1}');

-- ---- what PUBLIC may do: a list to look at twice before it grows

SELECT c.oid::regclass AS relation, string_agg(privilege_type, ', ') AS public_may
FROM pg_class c, aclexplode(COALESCE(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) a
WHERE relnamespace IN ('rbac'::regnamespace, 'rbac_internal'::regnamespace) AND a.grantee = 0 GROUP BY 1 ORDER BY 1::text COLLATE "C";
SELECT nspname, string_agg(privilege_type, ', ') AS public_may FROM pg_namespace, aclexplode(nspacl) a WHERE nspname LIKE 'rbac%' AND a.grantee = 0 GROUP BY 1 ORDER BY 1;
CREATE TEMP TABLE ours AS
SELECT p.*, l.lanname, EXISTS (SELECT FROM aclexplode(COALESCE(proacl, acldefault('f', proowner))) a WHERE a.grantee = 0) AS public
FROM pg_proc p JOIN pg_language l ON l.oid = prolang JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'rbac');
SELECT DISTINCT proname AS not_for_public FROM ours WHERE NOT public ORDER BY 1;
-- trigger functions that anybody may put on a table of theirs
SELECT proname FROM ours WHERE prorettype = 'trigger'::regtype AND public ORDER BY 1;

-- ---- names in functions are those that were meant, whoever calls

-- A body of SQL that was parsed when it was made needs no search path, one that is parsed
-- when it is called does.  What runs with its owner's rights has one in any case.
SELECT oid::regprocedure AS without_search_path FROM ours
WHERE lanname IN ('sql', 'plpgsql') AND (prosqlbody IS NULL OR prosecdef)
	AND NOT COALESCE('search_path=pg_catalog, pg_temp' = ANY (proconfig), false);
SELECT oid::regprocedure AS runs_as_owner FROM ours WHERE prosecdef;
SELECT oid::regprocedure AS of_another_language FROM ours WHERE lanname NOT IN ('c', 'internal', 'sql', 'plpgsql');

-- ---- nothing that can fail, or tell, is said to be leakproof

SELECT DISTINCT proname AS leakproof FROM ours WHERE proleakproof ORDER BY 1;

-- ---- a login

CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n || ' rows';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END $$;
CREATE TEMP TABLE attempts AS
SELECT c.oid::regclass::text AS object, relkind, s.statement FROM pg_class c, LATERAL (VALUES
	('SELECT * FROM %s'), ('SELECT FROM %s'), ('TABLE %s FOR UPDATE'), ('INSERT INTO %s DEFAULT VALUES'), ('DELETE FROM %s'), ('TRUNCATE %s'), ('COPY %s TO ''/dev/null'''),
	('LOCK TABLE %s IN ACCESS SHARE MODE'), ('LOCK TABLE %s'), ('CREATE TRIGGER t BEFORE INSERT ON %s EXECUTE FUNCTION rbac.protected()'),
	('CREATE RULE r AS ON INSERT TO %s DO INSTEAD NOTHING'), ('CREATE POLICY p ON %s USING (true)'), ('ALTER TABLE %s DISABLE ROW LEVEL SECURITY'), ('ALTER TABLE %s DISABLE TRIGGER ALL'),
	('ALTER TABLE %s OWNER TO CURRENT_USER'), ('COMMENT ON TABLE %s IS ''mine'''), ('GRANT SELECT ON %s TO CURRENT_USER'), ('CREATE INDEX ON %s ((1))'), ('DROP TABLE %s'),
	('CREATE STATISTICS pg_temp.s ON organization, name FROM %s'), ('CREATE TABLE hostile_own.child () INHERITS (%s)'), ('CREATE PUBLICATION p FOR TABLE %s'),
	('CREATE TABLE hostile_own.fk (name text REFERENCES %s)')) AS s (statement)
WHERE relnamespace = 'rbac'::regnamespace AND relkind = 'r'
UNION ALL
SELECT c.oid::regclass::text, relkind, s.statement FROM pg_class c, LATERAL (VALUES ('SELECT nextval(''%s'')'), ('SELECT setval(''%s'', 1)'), ('SELECT * FROM %s'), ('ALTER SEQUENCE %s RESTART')) AS s (statement)
WHERE relnamespace = 'rbac'::regnamespace AND relkind = 'S';
GRANT SELECT ON attempts TO PUBLIC;
SET SESSION AUTHORIZATION hostile_login;
SELECT relkind, outcome, string_agg(DISTINCT statement, '; ') FROM (SELECT *, pg_temp.outcome(format(statement, object)) AS outcome FROM attempts) AS a GROUP BY 1, 2 ORDER BY 1, 2;

SELECT s, pg_temp.outcome(s) FROM unnest(ARRAY[
	'SELECT * FROM rbac.member_roles', 'SELECT * FROM rbac.member_permissions', 'SELECT * FROM rbac.permission_matrix', 'SELECT * FROM rbac.protected_tables',
	'CREATE TABLE rbac.mine (id text)', 'CREATE TABLE rbac_internal.mine (id text)', 'CREATE FUNCTION rbac.has_scope(text, text, text) RETURNS boolean LANGUAGE sql AS ''SELECT true''',
	'CREATE OR REPLACE FUNCTION rbac.current_member() RETURNS text LANGUAGE sql AS ''SELECT ''''alice''''''', 'CREATE OPERATOR rbac.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)',
	'CREATE CAST (integer AS rbac.scope) WITH INOUT', 'ALTER FUNCTION rbac.has_scope(text, text, rbac.scope) LEAKPROOF', 'ALTER FUNCTION rbac.has_scope(text, text, rbac.scope) SET search_path = mine',
	'ALTER EXTENSION rbac SET SCHEMA public', 'ALTER EXTENSION rbac UPDATE', 'DROP EXTENSION rbac', 'CREATE EXTENSION rbac', 'ALTER SCHEMA rbac RENAME TO mine', 'ALTER TYPE rbac.scope OWNER TO CURRENT_USER',
	'SELECT rbac.cache_stats()', 'SELECT rbac_internal.rename_everywhere(''member'', ''alice'', ''bob'')', 'SELECT rbac.rename(''member'', ''alice'', ''bob'')', 'SELECT rbac_internal.changed_members(0)',
	'SELECT rbac.export(''acme'')', 'SELECT rbac_internal.organization_document(''acme'')', 'SELECT rbac_internal.make_equal(''{}'')', 'SELECT rbac.explain(''alice'', ''web'', ''stack:read'')',
	'SELECT rbac.scopes_on(''alice'', ''stack'', ''web'')', 'SELECT rbac.entities_with_scope(''alice'', ''stack:read'')', 'SELECT rbac.members_with_scope(''web'', ''stack:read'')',
	'SET rbac.audit = off', 'SET rbac.cache_size = ''1GB''', 'SET rbac.member = ''alice''', 'SET rbac.anything = 1', 'SET session_replication_role = replica', 'SET rbac.Member TO DEFAULT',
	'UPDATE pg_settings SET setting = ''alice'' WHERE name = ''rbac.member''', 'GRANT SET ON PARAMETER rbac.member TO CURRENT_USER', 
	'ALTER ROLE CURRENT_USER SET rbac.member = ''alice''', 'ALTER ROLE CURRENT_USER SET rbac.audit = off', 'SET ROLE hostile_writer',
	'ALTER DEFAULT PRIVILEGES FOR ROLE hostile_writer GRANT SELECT ON TABLES TO CURRENT_USER', 'CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION rbac.protected()'])
	WITH ORDINALITY AS t (s, n) ORDER BY n;
\set VERBOSITY sqlstate
ALTER SYSTEM SET rbac.member = 'alice';
\set VERBOSITY default
SELECT count(*) FROM pg_stats WHERE schemaname = 'rbac';
SELECT count(*) FROM pg_statistic;
RESET SESSION AUTHORIZATION;

-- ---- roles that the server knows: row-level security and the triggers are for them, too

ANALYZE rbac.members, rbac.entities, rbac.organizations;
SET SESSION AUTHORIZATION hostile_reader;
SELECT * FROM rbac.members;
SELECT * FROM rbac.entities;
SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = 'rbac';
SELECT member FROM rbac.audit_log;
SET row_security = off;
SELECT * FROM rbac.members;
RESET row_security;
UPDATE rbac.members SET role = 'Admin';
SET SESSION AUTHORIZATION hostile_writer;
UPDATE rbac.members SET role = 'Admin';
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'hostile_writer', 'Admin');
INSERT INTO rbac.members (organization, member, role) VALUES ('globex', 'friend', 'Admin');
INSERT INTO rbac.roles (name, all_scopes) VALUES ('Mine', true);
INSERT INTO rbac.audit_log (changed_at, transaction_id, table_name, command) VALUES (now(), '1', 'members', 'INSERT');
DELETE FROM rbac.audit_log;
COPY rbac.members FROM stdin;
\.
SET SESSION AUTHORIZATION hostile_monitor;
SELECT count(*) FROM rbac.cache_stats();
SELECT * FROM rbac.members;
SELECT count(*) FROM pg_stats WHERE schemaname = 'rbac';
RESET SESSION AUTHORIZATION;

-- What is not row-level security's to prevent: statistics are data, too.
SET SESSION AUTHORIZATION hostile_reader;
SELECT DISTINCT most_common_vals::text FROM pg_stats WHERE schemaname = 'rbac';
SELECT count(*) > 0 AS but_here FROM pg_statistic WHERE starelid = 'rbac.members'::regclass;
RESET SESSION AUTHORIZATION;

-- Nor is what the privilege to make triggers comes to: they run as whoever writes, which may
-- be the tables' owner (README, Security).
GRANT TRIGGER ON rbac.roles TO hostile_login;
SET SESSION AUTHORIZATION hostile_login;
CREATE FUNCTION hostile_own.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'run as their owner: %', (SELECT relowner::regrole::text = current_user FROM pg_class WHERE oid = tg_relid); RETURN new; END $$;
CREATE TRIGGER tell BEFORE UPDATE ON rbac.roles FOR EACH ROW EXECUTE FUNCTION hostile_own.tell();
RESET SESSION AUTHORIZATION;
GRANT UPDATE ON rbac.roles TO hostile_createrole;
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'hostile_createrole', 'Admin');
INSERT INTO rbac.roles (name) VALUES ('acme/One');
SET SESSION AUTHORIZATION hostile_createrole;
SELECT rbac.rename('role', 'acme/One', 'acme/Other');
RESET SESSION AUTHORIZATION;
DROP TRIGGER tell ON rbac.roles;
REVOKE TRIGGER ON rbac.roles FROM hostile_login;
REVOKE UPDATE ON rbac.roles FROM hostile_createrole;

-- ---- CREATEROLE makes logins, and with them the members of their names

\set VERBOSITY sqlstate
SET SESSION AUTHORIZATION hostile_createrole;
ALTER ROLE hostile_login SET rbac.member = 'alice';
ALTER DATABASE :DBNAME SET rbac.member = 'alice';
CREATE ROLE hostile_helper;
ALTER ROLE hostile_helper SET rbac.member = 'alice';
ALTER ROLE hostile_helper BYPASSRLS;
GRANT SET ON PARAMETER rbac.member TO hostile_helper;
DROP ROLE hostile_helper;
\set VERBOSITY default
RESET SESSION AUTHORIZATION;
SELECT setdatabase, setconfig FROM pg_db_role_setting WHERE setconfig::text LIKE '%rbac.member%';
-- which is why names of members that are not logins are nothing to build on where people
-- make logins who do not decide about members
CREATE ROLE alice;
SET SESSION AUTHORIZATION alice;
SELECT rbac.current_member(), rbac.has_scope('acme', 'organization:update');
RESET SESSION AUTHORIZATION;
ALTER ROLE alice RENAME TO hostile_alice;
SET SESSION AUTHORIZATION hostile_alice;
SELECT rbac.current_member(), rbac.has_scope('acme', 'organization:update');
RESET SESSION AUTHORIZATION;

-- clean up
DROP FUNCTION hostile_own.tell();
DROP SCHEMA hostile_own;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
DROP ROLE hostile_login, hostile_reader, hostile_writer, hostile_monitor, hostile_createrole, hostile_alice;
