--
-- The type rbac.scopeset: text and binary form, casts, storage
--
\set VERBOSITY terse
SET search_path = rbac, public;
SET client_min_messages = warning;

-- what a statement gives, or why it is refused
CREATE FUNCTION public.try_scopeset(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n  ', sqlstate || ' ' || sqlerrm, nullif(detail, ''), nullif(hint, ''));
END $$;

INSERT INTO rbac.scopes (name, entity_type)
	SELECT s, 'stack' FROM unnest(ARRAY['aaa:first', 'regress_app:read', 'regress_app:write', 'zzz:last', 'zzz:'||repeat('z', 251)]) s;

\pset format unaligned
\pset tuples_only on

-- accepted
SELECT format('[%s] %s', literal, try_scopeset(format('SELECT %L::rbac.scopeset', literal)))
FROM unnest(ARRAY[
	'{}', '{ }', E' \t\n\r\f\x0b{ \t\n\r\f\x0b} \t\n\r\f\x0b',
	'{stack:read}', 'stack:read', '  stack:read  ', 'regress_app:read', ' { stack:read } ',
	'{stack:write,stack:read}', E'{\n\tstack:write,\n\tstack:read\n}', '{stack:read,stack:read,stack:read}',
	'{zzz:last,stack:read,aaa:first,regress_app:write,regress_app:read,team:read,zzz:last}',
	'{agent_pool:create,templates_source:update}', '{templates_source:update}', '{agent_pool:create}'
]) literal;

-- refused
SELECT format('[%s] %s', literal, try_scopeset(format('SELECT %L::rbac.scopeset', literal)))
FROM unnest(ARRAY[
	'', ' ', '{', '}', '}{', '{{}}', '{}{}', '{}}', '{{}', '{},', ',{}', '{} x', 'x {}', '{},{}', '[]', '()', 'null', '{null}', '{NULL}',
	'{,}', '{ , }', '{,stack:read}', '{stack:read,}', '{stack:read, }', '{stack:read,,stack:write}',
	'{stack:read', 'stack:read}', '{stack:read}}', '{stack:read}stack:write', 'stack:read,stack:write', 'stack:read stack:write',
	'{stack:read stack:write}', '{stack:read;stack:write}', '{"stack:read"}', '{''stack:read''}', '{stack:read\}',
	'{{stack:read}}', '{{stack:read},{stack:write}}', '{stack:{read}}', '[0:0]={stack:read}',
	'stack', '{stack}', '{stack:}', '{:read}', '{Stack:read}', '{stack:read:x}', '{stack:_x}', '{stack : read}', '{*}', '{stack:*}',
	'{a:'||repeat('b', 254)||'}', '{'||repeat('stack:read,', 40)||'}', repeat('{', 400),
	'{stack:raed}', 'stack:raed', '{stack:read,stack:wriet,team:read}', '{no_such_thing:anywhere_at_all}'
]) literal;

-- arrays
SELECT format('%s %s', literal, try_scopeset(format('SELECT (%s)::rbac.scopeset', literal)))
FROM unnest(ARRAY[
	$$'{}'::text[]$$, $$ARRAY['stack:write', 'zzz:last', 'stack:read', 'stack:write']$$, $$ARRAY[['stack:write'], ['stack:read']]$$,
	$$'[5:6]={stack:write,stack:read}'::text[]$$, $$ARRAY['stack:read', NULL]$$, $$ARRAY[NULL::text]$$, $$NULL::text[]$$,
	$$ARRAY['']$$, $$ARRAY[' stack:read']$$, $$ARRAY['{stack:read}']$$, $$ARRAY['stack:read,stack:write']$$,
	$$ARRAY['stack:raed']$$, $$ARRAY[repeat('x', 300)]$$, $$ARRAY[1, 2]$$
]) literal;
\pset tuples_only off
\pset format aligned

-- one stored form, however it was written
SELECT count(*), count(DISTINCT s), count(DISTINCT scopeset_send(s)), min(s::text)
FROM (VALUES ('{zzz:last,stack:read,aaa:first}'::scopeset),
	('{aaa:first,stack:read,zzz:last}'), (' { stack:read , zzz:last,zzz:last , aaa:first } '),
	(ARRAY['aaa:first', 'zzz:last', 'stack:read']::scopeset),
	('{zzz:last,aaa:first}'::scopeset | 'stack:read'),
	('{zzz:last,aaa:first,team:read,stack:read,regress_app:read}'::scopeset - '{team:read,regress_app:read}'),
	('{zzz:last,aaa:first,team:update,stack:read}'::scopeset & '{aaa:first,stack:read,zzz:last}'),
	('{aaa:first,stack:read,zzz:last}'::text::scopeset), ('{aaa:first,stack:read,zzz:last}'::varchar::scopeset)) v(s);

-- binary form
SELECT scopeset_send('{}'), scopeset_send('{team:read,aaa:first}');

-- what goes in comes out, for each scope alone and for all
SELECT count(*) >= 174 AS all, bool_and(name::scope::scopeset::text = '{' || name || '}' AND ('{' || name || '}')::scopeset::text = '{' || name || '}'
	AND cardinality(name::scope) = 1 AND name = ANY (name::scope::scopeset::text[])) AS same
FROM rbac.scopes;
SELECT string_agg(name, ',' ORDER BY name COLLATE "C") = btrim(scopeset_agg(name)::text, '{}') AS agg,
	string_agg(name, ',' ORDER BY random())::text IS NOT NULL AS shuffled,
	('{' || string_agg(name, ',' ORDER BY random()) || '}')::scopeset = scopeset_agg(name) AS same,
	array_agg(name ORDER BY name COLLATE "C") = scopeset_agg(name)::text[] AS array,
	array_agg(name ORDER BY random())::scopeset = scopeset_agg(name) AS from_array
FROM rbac.scopes;

-- built-in scopes take a bit each
SELECT pg_column_size('{}'::scopeset) AS empty, pg_column_size('agent_pool:create'::scopeset) AS one_word,
	pg_column_size('templates_source:update'::scopeset) AS three_words,
	(SELECT pg_column_size(scopeset_agg(name)) FROM rbac.scopes WHERE builtin) AS all;

-- casts
CREATE TABLE public.scopeset_t (id integer, s scopeset DEFAULT '{}');
INSERT INTO scopeset_t VALUES (1, 'stack:read'), (2, 'stack:read'::scope), (3, ARRAY['stack:read', 'zzz:last']),
	(4, '{stack:read,zzz:last}'::text), (5, '{stack:read}'::varchar), (6, NULL), (7, DEFAULT);
INSERT INTO scopeset_t VALUES (8, 'stack:raed');
INSERT INTO scopeset_t VALUES (8, 'stack:raed'::text);
INSERT INTO scopeset_t VALUES (8, 42);
SELECT * FROM scopeset_t ORDER BY id;
CREATE TABLE public.scopeset_a (a text[], t text);
INSERT INTO scopeset_a SELECT s, s FROM scopeset_t;
SELECT *, array_length(a, 1) FROM scopeset_a;
SELECT ARRAY['{stack:read,team:read}', '{}', NULL]::scopeset[] AS array, ROW('{stack:read,team:read}'::scopeset) AS row;
SELECT s::text = 'x' FROM scopeset_t WHERE false;
SELECT s = '{stack:read}'::text FROM scopeset_t;

-- default, check, generated column
CREATE TABLE public.scopeset_bad (s scopeset DEFAULT '{stack:read,stack:raed}');
ALTER TABLE scopeset_t ADD CONSTRAINT c CHECK (s @> 'stack:raed');
ALTER TABLE scopeset_t ADD CONSTRAINT c CHECK (NOT s @> 'stack:delete');
INSERT INTO scopeset_t VALUES (9, '{stack:read,stack:delete}');
ALTER TABLE scopeset_t ADD n integer GENERATED ALWAYS AS (cardinality(s)) STORED;
SELECT id, n FROM scopeset_t ORDER BY id;

-- while a dump is loaded
SET check_function_bodies = off;
SELECT '{regress_dump:b,stack:read,regress_dump:a}'::scopeset, ARRAY['regress_dump:x']::scopeset;
SELECT '{regress_dump:b,Regress}'::scopeset;
SELECT '{regress_dump:b,'::scopeset;
RESET check_function_bodies;
SELECT '{regress_dump:b}'::scopeset;

-- a set outlives its scopes
BEGIN;
DELETE FROM rbac.scopes WHERE name = 'zzz:last';
SELECT s, s @> '{stack:read}' AS has, cardinality(s) FROM scopeset_t WHERE id = 3;
SELECT s @> 'zzz:last' FROM scopeset_t WHERE id = 3;
ROLLBACK;

-- the longest name
SELECT octet_length(s::text), s @> ('zzz:'||repeat('z', 251))::scope AS has, octet_length(scopeset_send(s))
FROM (SELECT ('{stack:read,zzz:'||repeat('z', 251)||'}')::scopeset) x(s);

-- huge, compressed, out of line
INSERT INTO rbac.scopes (name, entity_type) SELECT 'regress_many:n' || i, 'stack' FROM generate_series(1, 20000) i;
CREATE TABLE public.scopeset_huge (id text, s scopeset);
INSERT INTO scopeset_huge
	SELECT 'compressed', scopeset_agg(name) FROM rbac.scopes WHERE name LIKE 'regress_many:n%' OR name IN ('stack:read', 'aaa:first');
ALTER TABLE scopeset_huge ALTER s SET STORAGE external;
INSERT INTO scopeset_huge SELECT 'external', s | '{}' FROM scopeset_huge;
ALTER TABLE scopeset_huge ALTER s SET STORAGE main;
INSERT INTO scopeset_huge SELECT 'inline', scopeset_agg(name) | 'stack:read' FROM (SELECT name FROM rbac.scopes WHERE name LIKE 'regress_many:n1%' ORDER BY 1 LIMIT 400) x;
SELECT id, cardinality(s), s @> 'stack:read'::scope AS builtin, s @> 'stack:write'::scope AS other_builtin,
	s @> 'regress_many:n19999'::scope AS custom, s @> 'regress_app:read'::scope AS other_custom, s @> '{aaa:first,regress_many:n1}' AS several,
	'stack:read'::scope <@ s AS commuted, s = s::text::scopeset AS text, s = s::text[]::scopeset AS array
FROM scopeset_huge ORDER BY id;
SELECT a.id, b.id, a.s = b.s AS eq, a.s @> b.s AS contains, cardinality(a.s - b.s) AS minus, cardinality(a.s & b.s) AS and, cardinality(a.s | b.s) AS or
FROM scopeset_huge a, scopeset_huge b ORDER BY 1, 2;
SELECT cardinality(('{' || string_agg(name, ',' ORDER BY md5(name)) || ',' || string_agg(name, ',' ORDER BY md5('x' || name)) || '}')::scopeset)
FROM rbac.scopes WHERE name LIKE 'regress_many:n%';

-- COPY
COPY (SELECT s FROM scopeset_t ORDER BY id) TO STDOUT;
COPY scopeset_t (id, s) FROM STDIN;
10	{stack:write,stack:read}
11	{stack:write,stack:raed}
\.
COPY scopeset_t (id, s) FROM STDIN;
10	{stack:write,stack:read}
11	\N
\.
SELECT s FROM scopeset_t WHERE id >= 10;

DROP TABLE scopeset_t, scopeset_a, scopeset_huge;
DROP FUNCTION try_scopeset(text);
DELETE FROM rbac.scopes WHERE name LIKE 'regress%' OR name LIKE 'aaa:%' OR name LIKE 'zzz:%';
