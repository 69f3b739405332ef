--
-- rbac.protect(): what it refuses, who may call it, the registry's triggers, and
-- what the view warns of
--
SET client_min_messages = notice;
\set SHOW_CONTEXT never
CREATE ROLE regress_owner;
CREATE ROLE regress_other LOGIN;
CREATE SCHEMA shop;
GRANT ALL ON SCHEMA shop TO regress_owner, regress_other;
SET search_path = shop;
INSERT INTO rbac.organizations VALUES ('acme'), ('globex');
INSERT INTO rbac.entity_types (name) VALUES ('wiki'), ('päge "x"'' \');
INSERT INTO rbac.scopes (name, entity_type) VALUES ('wiki:read', 'wiki'), ('page:read', 'päge "x"'' \');

-- what becomes of a statement
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint   text;
BEGIN
	EXECUTE statement;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', sqlstate || ' ' || sqlerrm, nullif(detail, ''), nullif(hint, ''));
END $$;

SET SESSION AUTHORIZATION regress_owner;
CREATE TABLE docs (id uuid PRIMARY KEY, organization text, author text, tags jsonb, j json, c char(9), n numeric, a text[]);
CREATE TABLE loose (id text, organization text);
CREATE TABLE parted (id text PRIMARY KEY, organization text) PARTITION BY HASH (id);
CREATE TABLE part PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE parent (id text PRIMARY KEY, organization text);
CREATE TABLE child () INHERITS (parent);
CREATE VIEW viewed AS SELECT * FROM docs;
CREATE MATERIALIZED VIEW stored AS SELECT * FROM docs;
CREATE SEQUENCE seq;
RESET SESSION AUTHORIZATION;
CREATE TEMP TABLE temporary (id text PRIMARY KEY, organization text);
CREATE FOREIGN DATA WRAPPER regress_fdw;
CREATE SERVER regress_server FOREIGN DATA WRAPPER regress_fdw;
CREATE FOREIGN TABLE remote (id text, organization text) SERVER regress_server;

-- what is no table to protect
\pset format unaligned
\pset tuples_only on
SELECT relation || ': ' || try(format('SELECT rbac.protect(%L, ''stack'', ''id'', ''organization'', select_scope => ''stack:read'')', relation))
FROM unnest('{parted,part,parent,child,viewed,stored,seq,docs_pkey,temporary,remote,pg_class,information_schema.sql_features,rbac.entities,rbac.role_rules}'::text[]) relation;
SELECT try('SELECT rbac.protect(0, ''stack'', ''id'', ''organization'', select_scope => ''stack:read'')');
SELECT try('SELECT rbac.protect(NULL, ''stack'', ''id'', ''organization'', select_scope => ''stack:read'')');

-- what are no arguments for it
SELECT a || E'\n  ' || try('SELECT rbac.protect(''docs'', ' || a || ')') FROM unnest(ARRAY[
	'NULL, ''id'', ''organization'', select_scope => ''stack:read''',
	'''stack'', NULL, ''organization'', select_scope => ''stack:read''',
	'''stack'', ''id'', NULL, select_scope => ''stack:read''',
	'''stack'', ''id'', ''organization'', select_scope => ''stack:read'', register => NULL',
	'''stakc'', ''id'', ''organization'', select_scope => ''stack:read''',
	'''stack'', ''id'', ''organization'', select_scope => ''stack:raed''',
	'''stack'', ''id'', ''organization''',
	'''stack'', ''id'', ''organization'', transfer_scope => ''stack:transfer''',
	'''stack'', ''id'', ''organization'', select_scope => ''environment:read''',
	'''stack'', ''id'', ''organization'', insert_scope => ''stack:write''',
	'''stack'', ''id'', ''organization'', update_scope => ''stack:create''',
	'''stack'', ''id'', ''organization'', delete_scope => ''wiki:read''',
	'''stack'', ''id'', ''organization'', select_scope => ''stack:read'', transfer_scope => ''organization:transfer_stacks''',
	'''organization'', ''id'', ''organization'', select_scope => ''organization:update''',
	'''stack'', ''ID'', ''organization'', select_scope => ''stack:read''',
	'''stack'', ''ctid'', ''organization'', select_scope => ''stack:read''',
	'''stack'', ''id'', ''org'', select_scope => ''stack:read''',
	'''stack'', ''id'', ''organization'', ''owner'', select_scope => ''stack:read''',
	'''stack'', ''id'', ''c'', select_scope => ''stack:read''',
	'''stack'', ''n'', ''organization'', select_scope => ''stack:read''',
	'''stack'', ''a'', ''organization'', select_scope => ''stack:read''',
	'''stack'', ''id'', ''organization'', ''author'', ''j'', ''stack:read''',
	'''stack'', ''id'', ''organization'', ''author'', ''author'', ''stack:read''',
	'''stack'', ''id'', ''organization'', ''organization'', NULL, ''stack:read''',
	'''stack'', ''id'', ''id'', select_scope => ''stack:read''']) a;
SELECT try('SELECT rbac.protect(''loose'', ''stack'', ''id'', ''organization'', select_scope => ''stack:read'')');
SELECT try('SELECT rbac.unprotect(''docs'')');
SELECT try('SELECT rbac.register_rows(''docs'')');
\pset tuples_only off
\pset format aligned
-- nothing of this has changed anything
SELECT count(*) FROM pg_policy WHERE polrelid = 'docs'::regclass;
SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace <> 'rbac'::regnamespace;

-- who may: the table's owner, and to register rows, who is trusted with that
SET SESSION AUTHORIZATION regress_other;
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read', register => false);
SET SESSION AUTHORIZATION regress_owner;
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read');
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read', register => false);
SELECT relation, select_scope, registers, warnings FROM rbac.protected_tables;
SELECT rbac.register_rows('docs');
CREATE TRIGGER mine AFTER DELETE ON docs FOR EACH ROW EXECUTE FUNCTION rbac.register_entities('stack');
SET SESSION AUTHORIZATION regress_other;
SELECT rbac.unprotect('docs');
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION rbac.register_entities() TO regress_owner, regress_other;
SET SESSION AUTHORIZATION regress_owner;
SELECT rbac.protect('docs', 'stack', 'id', 'organization', 'author', select_scope => 'stack:read');
SELECT relation, owner, select_scope, registers, warnings FROM rbac.protected_tables;
-- owners of most types have nothing unless that is set
CREATE TABLE pages (id text PRIMARY KEY, organization text, author text);
CREATE INDEX ON pages (organization);
SELECT rbac.protect('pages', 'wiki', 'id', 'organization', 'author', select_scope => 'wiki:read', register => false);
SELECT warnings FROM rbac.protected_tables WHERE relation = 'pages'::regclass;
RESET SESSION AUTHORIZATION;
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('Wiki', 'wiki', '{wiki:read}');
INSERT INTO rbac.entity_type_settings (entity_type, owner_permission_set) VALUES ('wiki', 'Wiki');
SET SESSION AUTHORIZATION regress_owner;
SELECT rbac.protect('pages', 'wiki', 'id', 'organization', 'author', select_scope => 'wiki:read', register => false);
SELECT warnings FROM rbac.protected_tables WHERE relation = 'pages'::regclass;
-- those of stacks have, unless it is set that they have not
SELECT rbac.protect('pages', 'stack', 'id', 'organization', 'author', select_scope => 'stack:read', register => false);
RESET SESSION AUTHORIZATION;
INSERT INTO rbac.entity_type_settings (entity_type) VALUES ('stack');
SELECT warnings FROM rbac.protected_tables WHERE relation = 'pages'::regclass;
DROP TABLE pages;
DELETE FROM rbac.entity_type_settings;
DELETE FROM rbac.permission_sets WHERE name = 'Wiki';
-- what somebody else's table registers is not for the taking
SET SESSION AUTHORIZATION regress_other;
CREATE TABLE theirs (id text PRIMARY KEY, organization text);
SELECT rbac.protect('theirs', 'stack', 'id', 'organization', select_scope => 'stack:read');
SELECT rbac.protect('theirs', 'wiki', 'id', 'organization', select_scope => 'wiki:read');
SELECT rbac.register_rows('docs');
-- another table of the same owner may register the same type
CREATE TABLE theirs2 (organization text, id bigint, PRIMARY KEY (organization, id));
SELECT rbac.protect('theirs2', 'wiki', 'id', 'organization', select_scope => 'wiki:read');
INSERT INTO theirs VALUES ('1', 'acme');
INSERT INTO theirs2 VALUES ('globex', 1);
-- the type is in the trigger, not for who owns the table to choose
SELECT rbac.protect('theirs', 'stack', 'id', 'organization', select_scope => 'stack:read');
SELECT relation, warnings FROM rbac.protected_tables WHERE relation = 'theirs'::regclass;
RESET SESSION AUTHORIZATION;
DROP TABLE theirs, theirs2;
DELETE FROM rbac.entities;
REVOKE EXECUTE ON FUNCTION rbac.register_entities() FROM regress_owner, regress_other;

-- rows that cannot be registered, when they come and when they are there
INSERT INTO docs VALUES ('00000000-0000-4000-8000-00000000000a', NULL);
INSERT INTO docs VALUES ('00000000-0000-4000-8000-00000000000a', 'nowhere');
INSERT INTO docs VALUES ('00000000-0000-4000-8000-00000000000a', 'acme', '');
INSERT INTO docs VALUES ('00000000-0000-4000-8000-00000000000a', 'acme', 'ann', '{}');
UPDATE docs SET organization = NULL;
UPDATE docs SET organization = 'nowhere';
INSERT INTO rbac.entities VALUES ('stack', '00000000-0000-4000-8000-00000000000b', 'globex', NULL, NULL);
INSERT INTO docs VALUES ('00000000-0000-4000-8000-00000000000b', 'acme', 'ann', '{}');
UPDATE docs SET id = '00000000-0000-4000-8000-00000000000b';
SELECT * FROM docs;
TABLE rbac.entities ORDER BY entity;
DELETE FROM rbac.entities WHERE organization = 'globex';
SELECT rbac.unprotect('docs');
INSERT INTO docs VALUES ('00000000-0000-4000-8000-00000000000c', 'nowhere');
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read');
UPDATE docs SET organization = NULL WHERE organization = 'nowhere';
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read');
DELETE FROM docs WHERE organization IS NULL;
-- what is registered otherwise is an error at first, and put right after that
UPDATE rbac.entities SET owner = 'bob';
SELECT rbac.protect('docs', 'stack', 'id', 'organization', 'author', select_scope => 'stack:read');
UPDATE rbac.entities SET owner = 'ann', tags = '{}';
SELECT rbac.protect('docs', 'stack', 'id', 'organization', 'author', 'tags', select_scope => 'stack:read');
UPDATE docs SET tags = '[]';
DELETE FROM rbac.entities;
SELECT rbac.register_rows('docs');
SELECT rbac.register_rows('docs');
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read');
SELECT owner, tags FROM rbac.entities;
-- another type or id is another table, as far as the registry is concerned
SELECT rbac.protect('docs', 'wiki', 'id', 'organization', select_scope => 'wiki:read');
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read', register => false);
SELECT rbac.protect('docs', 'wiki', 'id', 'organization', select_scope => 'wiki:read', register => false);
SELECT relation, entity_type, select_scope, registers FROM rbac.protected_tables;
SELECT rbac.unprotect('docs');

-- what was there before is left alone
CREATE POLICY rbac_select ON docs FOR SELECT USING (true);
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read');
ALTER POLICY rbac_select ON docs RENAME TO mine;
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read');
SELECT warnings FROM rbac.protected_tables;
SELECT rbac.unprotect('docs');
ALTER TABLE docs FORCE ROW LEVEL SECURITY;
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read', force => true);
SELECT rbac.protect('docs', 'stack', 'id', 'organization', select_scope => 'stack:read');
DROP POLICY mine ON docs;
SELECT rbac.unprotect('docs');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'docs'::regclass;
ALTER TABLE docs NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
DELETE FROM rbac.entities;

-- the registry follows what one statement does to several rows, in its order
CREATE TABLE t (id integer PRIMARY KEY DEFERRABLE, organization text, tags jsonb);
INSERT INTO t VALUES (1, 'acme'), (2, 'acme'), (3, 'globex');
SELECT rbac.protect('t', 'stack', 'id', 'organization', tags => 'tags', select_scope => 'stack:read');
CREATE FUNCTION registered() RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(concat_ws(' ', entity, organization, tags), ', ' ORDER BY entity) FROM rbac.entities $$;
SELECT registered();
BEGIN;
UPDATE t SET id = id + 10;
SELECT registered();
WITH d AS (DELETE FROM t WHERE id = 11) INSERT INTO t VALUES (4, 'acme', NULL), (5, 'globex', '{"a": null}');
SELECT registered();
MERGE INTO t USING (VALUES (12, 'd'), (13, 'u'), (14, 'i')) v (id, what) ON t.id = v.id
	WHEN MATCHED AND what = 'd' THEN DELETE
	WHEN MATCHED THEN UPDATE SET id = 12, tags = '{"merged": true}'
	WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'acme');
SELECT registered();
INSERT INTO t SELECT i, 'acme' FROM generate_series(100, 3100) i;
SELECT count(*) FROM rbac.entities;
SAVEPOINT s;
DELETE FROM t WHERE id >= 100;
ROLLBACK TO s;
SELECT count(*) FROM rbac.entities;
TRUNCATE t;
SELECT registered();
INSERT INTO t VALUES (1, 'acme');
COPY t (id, organization) FROM stdin;
7	globex
8	acme
\.
SELECT registered();
ROLLBACK;
SELECT registered();
-- columns are known whatever their names, and others may take these
ALTER TABLE t RENAME organization TO org;
ALTER TABLE t RENAME tags TO organization;
ALTER TABLE t RENAME TO renamed;
INSERT INTO renamed VALUES (4, 'acme', '{"x": 1}');
UPDATE renamed SET organization = '{"y": 1}' WHERE id = 1;
SELECT registered();
SELECT relation, entity, organization, tags FROM rbac.protected_tables;
-- the registry goes with the row, and so do the grants
INSERT INTO rbac.members (organization, member) VALUES ('acme', 'ann');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) SELECT 'Stack Read', entity, 'acme', 'ann' FROM rbac.entities;
UPDATE renamed SET organization = NULL WHERE id = 1;
UPDATE renamed SET org = 'globex' WHERE id = 2;
DELETE FROM renamed WHERE id = 4;
SELECT string_agg(entity, ' ' ORDER BY entity) FROM rbac.entity_grants;

-- what the view warns of
ALTER TABLE renamed DISABLE ROW LEVEL SECURITY, DISABLE TRIGGER rbac_change, DISABLE TRIGGER rbac_register_update, OWNER TO regress_other;
CREATE POLICY open ON renamed FOR UPDATE USING (true);
SELECT warnings FROM rbac.protected_tables;
ALTER TABLE renamed ENABLE ROW LEVEL SECURITY;
DROP TRIGGER rbac_change ON renamed;
DROP TRIGGER rbac_protected ON renamed;
SELECT warnings FROM rbac.protected_tables;
INSERT INTO renamed VALUES (9, 'acme');
DROP POLICY rbac_select ON renamed;
SELECT rbac.protect('renamed', 'stack', 'id', 'org', select_scope => 'stack:read');
INSERT INTO renamed VALUES (9, 'acme');
DROP TABLE renamed;
DELETE FROM rbac.entities;

-- names of all sorts
CREATE TABLE "Töble "" x" ("I""d" text PRIMARY KEY, "Org %s" text, "own er" text, "ta,gs" jsonb);
SELECT rbac.protect('"Töble "" x"', 'päge "x"'' \', 'I"d', 'Org %s', 'own er', 'ta,gs', 'page:read');
INSERT INTO "Töble "" x" VALUES ('%I', 'acme', 'a');
UPDATE "Töble "" x" SET "ta,gs" = '{}';
SELECT * FROM rbac.entities;
SELECT entity_type, entity, organization, owner, tags FROM rbac.protected_tables;
SELECT rbac.unprotect('"Töble "" x"');

\set VERBOSITY terse
SET client_min_messages = warning;
RESET search_path;
DROP FOREIGN DATA WRAPPER regress_fdw CASCADE;
DROP SCHEMA shop CASCADE;
DROP TABLE temporary;
DELETE FROM rbac.entities;
DELETE FROM rbac.members;
DELETE FROM rbac.scopes WHERE NOT builtin;
DELETE FROM rbac.entity_types WHERE NOT builtin;
DELETE FROM rbac.organizations;
DROP ROLE regress_owner;
DROP ROLE regress_other;
