--
-- Permission sets hold registered scopes of their own entity type
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
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

INSERT INTO organizations VALUES ('acme');
INSERT INTO entity_types (name) VALUES ('wiki'), ('blog');
INSERT INTO scopes (name, entity_type) VALUES ('wiki:read', 'wiki'), ('wiki:write', 'wiki'), ('blog:read', 'blog'), ('wiki:create', 'organization');

-- of another type
SELECT pg_temp.try(format('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''acme/Set'', %L, %L)', type, scopes))
FROM (VALUES
	('wiki', '{blog:read}'),
	('wiki', '{blog:read,wiki:read}'),
	('wiki', '{wiki:create}'),
	('organization', '{wiki:create,wiki:read}'),
	('wiki', '{stack:read,wiki:read}'),
	('stack', '{stack:read,wiki:read}'),
	('stack', '{stack:read,environment:read}'),
	-- the object in a scope's name says nothing about its type
	('stack', '{stack:create}'),
	('organization', '{stack:read}')) AS t (type, scopes);
-- not registered, or no scope at all
SELECT pg_temp.try(format('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''acme/Set'', ''wiki'', %L)', scopes))
FROM unnest(ARRAY['{wiki:raed}', '{wiki:read,wiki:delete}', '{wiki:read,}', '{Wiki:read}', 'wiki:read,wiki:write', 'wiki', '', '{zzz:zzz}', '{wiki:read', NULL]) scopes;
-- no such type
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type) VALUES (''acme/Set'', ''forum'')');
SELECT pg_temp.try('INSERT INTO permission_sets (name) VALUES (''acme/Set'')');
SELECT pg_temp.try('INSERT INTO scopes (name, entity_type) VALUES (''forum:read'', ''forum'')');
SELECT pg_temp.try('INSERT INTO scopes (name) VALUES (''forum:read'')');

-- the same by UPDATE
INSERT INTO permission_sets (name, entity_type, scopes) VALUES
	('Wiki', 'wiki', '{wiki:read}'), ('Empty', 'wiki', '{}'), ('acme/Mixed', 'stack', '{stack:read,stack:write}');
SELECT pg_temp.try(statement) FROM unnest(ARRAY[
	'UPDATE permission_sets SET scopes = scopes | ''blog:read'' WHERE name = ''Wiki''',
	'UPDATE permission_sets SET scopes = scopes | ''wiki:write'' WHERE name = ''Wiki''',
	'UPDATE permission_sets SET entity_type = ''blog'' WHERE name = ''Wiki''',
	'UPDATE permission_sets SET entity_type = ''blog'', scopes = ''{blog:read}'' WHERE name = ''Wiki''',
	'UPDATE permission_sets SET entity_type = ''blog'' WHERE name = ''Empty''',
	'UPDATE permission_sets SET entity_type = ''organization'' WHERE name = ''acme/Mixed''',
	'UPDATE permission_sets SET scopes = NULL WHERE name = ''Wiki''',
	'UPDATE permission_sets SET scopes = ''{}'' WHERE name = ''acme/Mixed''']) WITH ORDINALITY AS t (statement, no) ORDER BY no;
SELECT name, entity_type, scopes FROM permission_sets WHERE NOT builtin ORDER BY name;

-- the other side: a scope that a set holds stays as it is
UPDATE permission_sets SET entity_type = 'wiki', scopes = '{wiki:read,wiki:write}' WHERE name = 'Wiki';
SELECT pg_temp.try(statement) FROM unnest(ARRAY[
	'DELETE FROM scopes WHERE name = ''wiki:read''',
	'UPDATE scopes SET name = ''wiki:look'' WHERE name = ''wiki:read''',
	'UPDATE scopes SET entity_type = ''blog'' WHERE name = ''wiki:read''',
	'UPDATE scopes SET description = ''Look.'', scope_group = ''Wiki'', toggle = true WHERE name = ''wiki:read''']) WITH ORDINALITY AS t (statement, no) ORDER BY no;
-- its type is fixed for ever, even if none holds it
SELECT pg_temp.try(statement) FROM unnest(ARRAY[
	'UPDATE scopes SET entity_type = ''wiki'' WHERE name = ''blog:read''',
	'UPDATE scopes SET entity_type = ''forum'' WHERE name = ''blog:read''',
	'UPDATE scopes SET entity_type = ''wiki'', name = ''wiki:post'' WHERE name = ''blog:read''',
	'UPDATE scopes SET entity_type = entity_type WHERE NOT builtin',
	-- but a name that was mistyped can be corrected as long as none holds it
	'UPDATE scopes SET name = ''blog:see'' WHERE name = ''blog:read''',
	'UPDATE scopes SET name = ''stack:read'' WHERE name = ''blog:see''',
	'UPDATE scopes SET name = ''Blog:see'' WHERE name = ''blog:see''']) WITH ORDINALITY AS t (statement, no) ORDER BY no;
-- once it is in no set it can go
BEGIN;
UPDATE permission_sets SET scopes = '{}' WHERE name = 'Wiki';
DELETE FROM scopes WHERE name = 'wiki:read';
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''Late'', ''wiki'', ''{wiki:read}'')');
-- a name that comes again is a new scope, of any type
INSERT INTO scopes (name, entity_type) VALUES ('wiki:read', 'organization');
SELECT pg_temp.try('UPDATE permission_sets SET scopes = ''{wiki:read}'' WHERE name = ''Wiki''');
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''Late'', ''organization'', ''{wiki:read}'')');
ROLLBACK;
SELECT name, entity_type, scopes FROM permission_sets WHERE NOT builtin ORDER BY name;

-- what was rolled back was never there
BEGIN;
SAVEPOINT a;
INSERT INTO scopes (name, entity_type) VALUES ('blog:write', 'blog');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('Blog', 'blog', '{blog:write}');
ROLLBACK TO a;
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''Blog'', ''blog'', ''{blog:write}'')');
INSERT INTO scopes (name, entity_type) VALUES ('blog:write', 'wiki');
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''Blog'', ''blog'', ''{blog:write}'')');
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''Blog'', ''wiki'', ''{blog:write}'')');
ROLLBACK;

-- both checks can be deferred, and are made in the end
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM scopes WHERE name = 'wiki:read';
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM scopes WHERE name = 'wiki:read';
INSERT INTO scopes (name, entity_type) VALUES ('wiki:read', 'wiki');
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM scopes WHERE name = 'wiki:read';
INSERT INTO scopes (name, entity_type) VALUES ('wiki:read', 'blog');
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
UPDATE permission_sets SET entity_type = 'blog' WHERE name = 'Wiki';
COMMIT;

-- While a dump is loaded sets come before scopes: then names pass that are not
-- registered, but only for the schema's owner, and scopes of another type never.
CREATE ROLE regress_rbac_editor BYPASSRLS;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO regress_rbac_editor;
SET check_function_bodies = off;
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''Future'', ''blog'', ''{blog:future,wiki:read}'')');
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''Future'', ''blog'', ''{blog:future}'')');
SET SESSION AUTHORIZATION regress_rbac_editor;
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''Smuggled'', ''blog'', ''{blog:smuggled}'')');
SELECT pg_temp.try('UPDATE permission_sets SET scopes = scopes | ''blog:smuggled'' WHERE name = ''Future''');
RESET SESSION AUTHORIZATION;
RESET check_function_bodies;
-- the scope that was waited for must be of the set's type
SELECT pg_temp.try('INSERT INTO scopes (name, entity_type) VALUES (''blog:future'', ''wiki'')');
SELECT pg_temp.try('INSERT INTO scopes (name, entity_type) VALUES (''wiki:a'', ''wiki''), (''blog:future'', ''wiki''), (''blog:a'', ''blog'')');
SELECT pg_temp.try('INSERT INTO scopes (name, entity_type) VALUES (''wiki:a'', ''wiki''), (''blog:future'', ''blog''), (''blog:a'', ''blog'')');
SELECT pg_temp.try('DELETE FROM scopes WHERE name = ''blog:future''');

-- who may write the tables, but is not their owner, is checked the same way
SET SESSION AUTHORIZATION regress_rbac_editor;
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''acme/Set'', ''wiki'', ''{stack:read}'')');
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''acme/Set'', ''wiki'', ''{wiki:raed}'')');
SELECT pg_temp.try('INSERT INTO permission_sets (name, entity_type, scopes) VALUES (''acme/Set'', ''wiki'', ''{wiki:read}'')');
SELECT pg_temp.try('DELETE FROM scopes WHERE name = ''wiki:read''');
RESET SESSION AUTHORIZATION;
-- a set of all that there is
INSERT INTO scopes (name, entity_type) SELECT 'wiki:action_' || i, 'wiki' FROM generate_series(1, 1000) i;
INSERT INTO permission_sets (name, entity_type, scopes)
	SELECT 'All of wiki', 'wiki', scopeset_agg(name::scope) FROM scopes WHERE entity_type = 'wiki';
SELECT cardinality(scopes) FROM permission_sets WHERE name = 'All of wiki';
SELECT pg_temp.try('DELETE FROM scopes WHERE name = ''wiki:action_517''');
UPDATE permission_sets SET scopes = scopes - 'wiki:action_517' WHERE name = 'All of wiki';
SELECT pg_temp.try('DELETE FROM scopes WHERE name = ''wiki:action_517''');

DELETE FROM organizations;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
DROP OWNED BY regress_rbac_editor;
DROP ROLE regress_rbac_editor;
