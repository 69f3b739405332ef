--
-- The type rbac.scope
--
\set VERBOSITY terse
SET search_path = rbac, public;
SET client_min_messages = warning;
SET jit = off;

-- what a statement gives, or why it is refused
CREATE FUNCTION public.try_scope(statement text) RETURNS text LANGUAGE plpgsql AS $$
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

CREATE ROLE regress_scope_user;

-- input: the form
SELECT 'stack:read'::scope, 'environment:list_deleted'::scope AS underscore, NULL::scope IS NULL AS null;

\pset format unaligned
\pset tuples_only on
SELECT format('[%s] %s', literal, try_scope(format('SELECT %L::rbac.scope', literal)))
FROM unnest(ARRAY[
	'', ' ', ':', 'stack', 'stack:', ':read', 'stack::read', 'stack:read:write',
	' stack:read', 'stack:read ', E'stack:read\n', 'stack: read', E'stack:\tread',
	'Stack:read', 'stack:Read', 'STACK:READ', '1stack:read', 'stack:1', '_stack:read', 'stack:_read',
	'stack-x:read', 'stack.x:read', 'stack/read', 'stack:*', '*', '*:*', 'stack:read''', '"stack:read"',
	'{stack:read}', '{}', 'stack:read,stack:write', E'\x7f:\x01', '42', 'null', 'a:'||repeat('b', 254),
	repeat('x', 300)
]) literal;

-- the text and varchar casts say the same
SELECT bool_and(try_scope(format('SELECT %L::rbac.scope', literal)) = try_scope(format('SELECT %L::text::rbac.scope', literal))
	AND try_scope(format('SELECT %L::rbac.scope', literal)) = try_scope(format('SELECT %L::varchar::rbac.scope', literal)))
FROM unnest(ARRAY['', 'stack', 'stack:raed', 'stack:read', 'Stack:read', repeat('x', 300)]) literal;

-- input: what is not registered
SELECT format('[%s] %s', literal, try_scope(format('SELECT %L::rbac.scope', literal)))
FROM unnest(ARRAY['stack:raed', 'stack:deletee', 'stakc:write', 'entirely:unlike_anything_that_is_there', 'a:'||repeat('b', 253)]) literal;
\pset tuples_only off
\pset format aligned

-- a scope of one's own exists from its registration to its removal
SELECT 'regress_app:read'::scope;
INSERT INTO rbac.scopes (name, entity_type)
	SELECT s, 'stack' FROM unnest(ARRAY['regress_app:read', 'regress_app_x:read', 'regress_appx:read', 'regressz:'||repeat('b', 246)]) s;
SELECT 'regress_app:read'::scope, 'regress_app:read'::text::scope;
SELECT octet_length(('regressz:'||repeat('b', 246))::scope::text);
BEGIN;
DELETE FROM rbac.scopes WHERE name = 'regress_app:read';
SELECT 'regress_app:read'::scope;
ROLLBACK;
SELECT 'regress_app:read'::scope;

-- a typo is found where it is written
CREATE TABLE public.scope_t (id integer, s scope DEFAULT 'stack:raed');
CREATE TABLE public.scope_t (id integer, s scope DEFAULT 'stack:read', CONSTRAINT no_reader CHECK (s <> 'team:read'))
	WITH (autovacuum_enabled = off);
ALTER TABLE scope_t ADD CHECK (s <> 'stack:raed');
CREATE POLICY p ON scope_t USING (s = 'stack:raed');
CREATE VIEW public.scope_v AS SELECT 1 FROM scope_t WHERE s = 'stack:raed';
INSERT INTO scope_t VALUES (1, 'stack:raed');
INSERT INTO scope_t VALUES (1, 'team:read');
INSERT INTO scope_t VALUES (1, DEFAULT), (2, 'stack:write'), (3, NULL);

-- while a dump is loaded any well-formed name will do, and no other
SET check_function_bodies = off;
SELECT 'regress_dump:read'::scope, 'regress_dump:read'::text::scope;
SELECT 'regress_dump'::scope;
SELECT 'Regress_dump:read'::text::scope;
RESET check_function_bodies;

-- text and varchar parameters serve as scopes; the other way on assignment only
CREATE FUNCTION public.scope_takes(scope) RETURNS text IMMUTABLE LANGUAGE sql RETURN $1::text;
PREPARE by_text(text) AS SELECT scope_takes($1), s FROM scope_t WHERE s = $1;
PREPARE by_varchar(varchar) AS SELECT scope_takes($1), s FROM scope_t WHERE s = $1;
PREPARE by_unknown AS SELECT s FROM scope_t WHERE s = $1;
EXECUTE by_text('stack:read');
EXECUTE by_varchar('stack:read');
EXECUTE by_unknown('stack:read');
EXECUTE by_text('stack:raed');
EXECUTE by_varchar('stack:raed');
EXECUTE by_unknown('stack:raed');
CREATE TABLE public.scope_texts (t text, v varchar(12), n name);
INSERT INTO scope_texts SELECT s, s, s FROM scope_t WHERE id = 1;
SELECT *, pg_typeof(t), pg_typeof(s), s = t AS st, t = s AS ts, s = v AS sv, v = s AS vs
FROM scope_texts, scope_t WHERE id = 1;
INSERT INTO scope_t SELECT 4, t FROM scope_texts;
INSERT INTO scope_t SELECT 5, v FROM scope_texts;
SELECT s FROM scope_t WHERE s = 'typo'::text;
SELECT s LIKE 'stack:%' FROM scope_t;
SELECT s::text LIKE 'stack:%' AS like, length(s::text), s || '!' AS concatenated FROM scope_t WHERE id = 1;
DELETE FROM scope_t WHERE id > 3;

-- operators on strings mean what they meant
SELECT a, op, b, try_scope(format('SELECT ''B''%s %s ''a''%s', a, op, b)) AS result
FROM unnest(ARRAY['', '::text', '::varchar', '::char(1)', '::name']) WITH ORDINALITY a(a, i),
	unnest(ARRAY['', '::text', '::varchar', '::char(1)', '::name']) WITH ORDINALITY b(b, j),
	unnest(ARRAY['=', '<', '||']) WITH ORDINALITY op(op, k)
WHERE a <> '' OR b <> '' ORDER BY k, i, j;

-- order is by byte, in any locale
SELECT s::scope FROM unnest(ARRAY['stack:read', 'regress_appx:read', 'stack_tags:update', 'regress_app_x:read', 'stack:list_deleted', 'regress_app:read', 'stack:list']) s
ORDER BY s::scope;
SELECT a, b, a::scope < b::scope AS lt, a::scope <= b::scope AS le, a::scope = b::scope AS eq,
	a::scope <> b::scope AS ne, a::scope >= b::scope AS ge, a::scope > b::scope AS gt, sign(scope_cmp(a, b)) AS cmp
FROM (VALUES ('stack:read', 'stack:read'), ('stack:list', 'stack:list_deleted'), ('stack_tags:update', 'stack:write'),
	('team:read', 'stack:write'), ('stack:read', NULL)) v(a, b);

-- indexes, joins, hashing
ALTER TABLE scope_t DROP CONSTRAINT no_reader;
INSERT INTO scope_t SELECT row_number() OVER (), name FROM rbac.scopes WHERE builtin OR name = 'regress_app:read';
ANALYZE scope_t;
CREATE INDEX scope_t_btree ON scope_t (s);
CREATE INDEX scope_t_hash ON scope_t USING hash (s);
-- the cast depends on what is registered
\set VERBOSITY sqlstate
CREATE INDEX ON scope_texts ((t::scope));
\set VERBOSITY terse
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT s FROM scope_t WHERE s > 'team:read' ORDER BY s;
SELECT s FROM scope_t WHERE s > 'team:read' ORDER BY s;
DROP INDEX scope_t_btree;
EXPLAIN (COSTS OFF) SELECT s FROM scope_t WHERE s = 'regress_app:read';
SELECT s FROM scope_t WHERE s = 'regress_app:read';
RESET enable_seqscan;
RESET enable_bitmapscan;
SET enable_nestloop = off;
SET enable_hashjoin = off;
SELECT count(*) FROM scope_t a JOIN scope_t b USING (s);
RESET enable_hashjoin;
SET enable_mergejoin = off;
SELECT count(*) FROM scope_t a JOIN scope_t b USING (s);
RESET enable_mergejoin;
RESET enable_nestloop;
SELECT count(*), count(DISTINCT s) FROM scope_t;
SELECT s, count(*) FROM scope_t GROUP BY s HAVING count(*) > 1 ORDER BY s;
CREATE TABLE public.scope_parts (s scope) PARTITION BY HASH (s);
CREATE TABLE public.scope_part0 PARTITION OF scope_parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.scope_part1 PARTITION OF scope_parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO scope_parts SELECT DISTINCT s FROM scope_t;
SELECT count(*) FROM scope_parts WHERE s = 'stack:read';
SELECT (SELECT count(*) FROM scope_part0) > 50 AND (SELECT count(*) FROM scope_part1) > 50 AS spread;
SELECT opcname, amname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE opcintype = 'rbac.scope'::regtype ORDER BY 2;

-- binary form: the name
SELECT scope_send('stack:read');

-- the type is open to anybody
SET ROLE regress_scope_user;
SELECT 'stack:read'::scope, 'regress_app:read'::text::scope;
SELECT 'stack:raed'::scope;
RESET ROLE;

DROP TABLE scope_t, scope_texts, scope_parts;
DROP FUNCTION scope_takes(scope), try_scope(text);
DELETE FROM rbac.scopes WHERE name LIKE 'regress%';
DROP ROLE regress_scope_user;
