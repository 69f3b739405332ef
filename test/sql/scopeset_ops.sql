--
-- Operators and functions of rbac.scopeset
--
\set VERBOSITY terse
SET search_path = rbac, public;
SET client_min_messages = warning;
SET jit = off;

INSERT INTO rbac.scopes (name, entity_type)
	SELECT s, 'stack' FROM unnest(ARRAY['aaa:first', 'regress_app:read', 'regress_app:write', 'regress_app_x:read', 'zzz:last']) s;

-- by example
SELECT a, b, a @> b AS "@>", a <@ b AS "<@", a && b AS "&&", a = b AS "=", a <> b AS "<>"
FROM (VALUES ('{}'::scopeset, '{}'::scopeset), ('{stack:read}', '{}'), ('{}', '{stack:read}'), ('{stack:read}', '{stack:read}'),
	('{stack:read,stack:write}', '{stack:read}'), ('{stack:read}', '{stack:read,stack:write}'), ('{stack:read,team:read}', '{stack:read,stack:write}'),
	('{regress_app:read}', '{regress_app:write}'), ('{regress_app:read,stack:read}', '{regress_app:read}'), ('{aaa:first,zzz:last}', '{zzz:last}'),
	('{stack:read}', '{aaa:first}'), ('{agent_pool:create}', '{templates_source:update}'),
	('{stack:read}', NULL), (NULL, '{stack:read}'), (NULL, NULL)) v(a, b);
SELECT a, b, a | b AS "|", a & b AS "&", a - b AS "-"
FROM (VALUES ('{}'::scopeset, '{}'::scopeset), ('{stack:read}', '{}'), ('{}', '{stack:read}'), ('{stack:read}', '{stack:read}'),
	('{stack:read,stack:write}', '{stack:read}'), ('{stack:read,team:read}', '{stack:read,stack:write}'),
	('{regress_app:read,regress_app:write}', '{regress_app:write,regress_app_x:read}'), ('{aaa:first,stack:read}', '{stack:read,zzz:last}'),
	('{agent_pool:create}', '{templates_source:update}'), ('{agent_pool:create,templates_source:update}', '{templates_source:update}'),
	('{stack:read}', NULL), (NULL, '{stack:read}')) v(a, b);

-- a set and a scope
SELECT s, x, s @> x AS "@>", x <@ s AS "<@", s | x AS "|", s - x AS "-", s = x AS "="
FROM (VALUES ('{}'::scopeset, 'stack:read'::scope), ('{stack:read}', 'stack:read'), ('{stack:read,zzz:last}', 'stack:write'),
	('{aaa:first,regress_app:read,zzz:last}', 'zzz:last'), ('{aaa:first,regress_app:read,zzz:last}', 'regress_app:write'),
	('{agent_pool:create}', 'templates_source:update'), ('{regress_app:read}', 'regress_app_x:read'), ('{stack:read}', NULL), (NULL, 'stack:read')) v(s, x);

-- literals, texts and parameters find their operator
SELECT '{stack:read,stack:write}'::scopeset @> 'stack:read' AS literal, '{stack:read,stack:write}'::scopeset @> '{stack:read,stack:write}' AS literal_set,
	'stack:read' <@ '{stack:read,stack:write}'::scopeset AS commuted, '{stack:read}'::scopeset @> 'stack:read'::text AS text,
	'stack:read'::varchar <@ '{stack:read}'::scopeset AS varchar, 'stack:read'::scope @> 'stack:read'::scope AS scopes,
	'stack:read'::scope = 'stack:read' AS eq, pg_typeof('stack:read'::scope | 'stack:write'::scope) AS union;
SELECT '{stack:read}'::scopeset @> 'stack:raed';
SELECT '{stack:read}'::scopeset @> 'stack:raed'::text;
SELECT '{stack:read}'::scopeset @> '{stack:read}'::text;
SELECT '{stack:read}'::scopeset = '{stack:read}'::text;
PREPARE has AS SELECT '{stack:read}'::scopeset @> $1;
EXECUTE has('stack:read');
EXECUTE has('{stack:write}');
PREPARE has_text(text) AS SELECT '{stack:read}'::scopeset @> $1;
EXECUTE has_text('stack:read');
EXECUTE has_text('stack:raed');

-- arrays keep their operators and functions
SELECT ARRAY['a'] @> ARRAY['a'] AS "@>", '{1}'::int[] && '{1}' AS "&&", cardinality(ARRAY[1, 2]), '{"a": 1}'::jsonb @> '{"a": 1}' AS jsonb,
	5 & 4 AS "&", 5 - 4 AS "-", ARRAY(SELECT unnest(ARRAY['b', 'a'])) AS unnest, int4range(1, 3) - int4range(2, 3) AS range;

-- functions
SELECT cardinality('{}'::scopeset), cardinality('{stack:read,zzz:last}'::scopeset), cardinality(NULL::scopeset), cardinality('stack:read'::scope);
SELECT * FROM unnest('{zzz:last,stack:read,aaa:first,regress_app:read}'::scopeset) WITH ORDINALITY;
SELECT unnest('{}'::scopeset);
SELECT unnest(NULL::scopeset);
SELECT pg_typeof(u) FROM unnest('stack:read'::scopeset) u;
SELECT unnest('{stack:read,team:read}'::scopeset), unnest('{zzz:last}'::scopeset);
SELECT s, array(SELECT u::text FROM unnest(s) u LIMIT 1) FROM (VALUES ('{stack:read,team:read}'::scopeset), ('{}'), ('{zzz:last}')) v(s);

-- against sets made of rows: 60 sets, each pair
CREATE TABLE public.sets AS
	SELECT i, scopeset_agg(name) FILTER (WHERE get_byte(decode(md5(i || name), 'hex'), 0) < CASE i % 4 WHEN 0 THEN 8 WHEN 1 THEN 60 ELSE 160 END) AS s
	FROM generate_series(1, 60) i, (SELECT name FROM rbac.scopes WHERE name LIKE '%:read%' OR name ~ '^(aaa|zzz|agent|templates)') x
	GROUP BY i;
UPDATE sets SET s = '{}' WHERE s IS NULL OR i = 60;
SELECT count(*), count(DISTINCT s) > 50 AS different, min(cardinality(s)), max(cardinality(s)) > 20 AS large FROM sets;
SELECT count(*),
	count(*) FILTER (WHERE (a.s | b.s)::text[] IS DISTINCT FROM ARRAY(SELECT u::text COLLATE "C" FROM unnest(a.s) u UNION SELECT u::text FROM unnest(b.s) u ORDER BY 1)) AS bad_or,
	count(*) FILTER (WHERE (a.s & b.s)::text[] IS DISTINCT FROM ARRAY(SELECT u::text COLLATE "C" FROM unnest(a.s) u INTERSECT SELECT u::text FROM unnest(b.s) u ORDER BY 1)) AS bad_and,
	count(*) FILTER (WHERE (a.s - b.s)::text[] IS DISTINCT FROM ARRAY(SELECT u::text COLLATE "C" FROM unnest(a.s) u EXCEPT SELECT u::text FROM unnest(b.s) u ORDER BY 1)) AS bad_minus,
	count(*) FILTER (WHERE (a.s @> b.s) IS DISTINCT FROM (a.s::text[] @> b.s::text[]) OR (a.s @> b.s) <> (b.s <@ a.s)) AS bad_contains,
	count(*) FILTER (WHERE (a.s && b.s) IS DISTINCT FROM (a.s::text[] && b.s::text[])) AS bad_overlaps,
	count(*) FILTER (WHERE (a.s = b.s) IS DISTINCT FROM (a.s::text = b.s::text) OR (a.s <> b.s) = (a.s = b.s)) AS bad_eq,
	count(*) FILTER (WHERE (a.s = b.s) <> (scopeset_cmp(a.s, b.s) = 0) OR (a.s < b.s) <> (b.s > a.s) OR (a.s <= b.s) <> (b.s >= a.s)
		OR (a.s < b.s)::int + (a.s = b.s)::int + (a.s > b.s)::int <> 1 OR (a.s <= b.s) <> (a.s < b.s OR a.s = b.s)) AS bad_order,
	count(*) FILTER (WHERE (scopeset_hash(a.s) = scopeset_hash(b.s)) <> (a.s = b.s) OR (scopeset_hash_extended(a.s, 7) = scopeset_hash_extended(b.s, 7)) <> (a.s = b.s)
		OR scopeset_hash_extended(a.s, 0) & 4294967295 <> scopeset_hash(a.s)::bigint & 4294967295) AS bad_hash,
	count(*) FILTER (WHERE cardinality(a.s | b.s) + cardinality(a.s & b.s) <> cardinality(a.s) + cardinality(b.s)) AS bad_cardinality
FROM sets a, sets b;
SELECT count(*) > 1000 AS many, count(*) FILTER (WHERE (s @> name::scope) IS DISTINCT FROM (name = ANY (s::text[])) OR (s @> name::scope) <> (name::scope <@ s)) AS bad
FROM sets, rbac.scopes;

-- joins and grouping by value
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT count(*) = (SELECT sum(n * n) FROM (SELECT count(*) n FROM sets GROUP BY s) x) AS hashed FROM sets a JOIN sets b USING (s);
RESET enable_mergejoin;
SET enable_hashjoin = off;
SELECT count(*) = (SELECT sum(n * n) FROM (SELECT count(*) n FROM sets GROUP BY s) x) AS merged FROM sets a JOIN sets b USING (s);
RESET enable_hashjoin;
RESET enable_nestloop;

-- each operator has its estimators; commutators and negators are mutual; everything has a comment
SELECT o.oid::regoperator FROM pg_operator o
WHERE oprnamespace = 'rbac'::regnamespace AND (oprresult = 'boolean'::regtype) <> (oprrest <> 0 AND oprjoin <> 0);
SELECT o.oid::regoperator FROM pg_operator o
WHERE oprnamespace = 'rbac'::regnamespace AND oprname <> '-'
	AND (NOT EXISTS (SELECT FROM pg_operator c WHERE c.oid = o.oprcom AND c.oprcom = o.oid AND c.oprleft = o.oprright AND c.oprright = o.oprleft)
		OR o.oprnegate <> 0 AND NOT EXISTS (SELECT FROM pg_operator n WHERE n.oid = o.oprnegate AND n.oprnegate = o.oid));
SELECT pg_describe_object(classid, objid, 0) FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'rbac')
	AND classid::regclass::text IN ('pg_operator', 'pg_opclass', 'pg_opfamily', 'pg_cast') AND obj_description(objid, classid::regclass::text::name) IS NULL;
SELECT p.oid::regprocedure FROM pg_proc p
WHERE pronamespace = 'rbac'::regnamespace AND proname ~ '^scope' AND (proparallel <> 's' OR obj_description(oid, 'pg_proc') IS NULL);
SELECT p.oid::regprocedure, provolatile FROM pg_proc p
WHERE pronamespace = 'rbac'::regnamespace AND proname ~ '^(scope|scopeset|cardinality|unnest)(_|$)' AND provolatile <> 'i' AND proname <> 'scopes_on' ORDER BY 1;

-- nobody's row is seen through an operator
CREATE ROLE regress_scopeset_user;
CREATE FUNCTION public.peek(scopeset) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE TABLE public.scopeset_rls (i integer, s scopeset);
INSERT INTO scopeset_rls VALUES (1, '{stack:read}'), (2, '{stack:write}');
ALTER TABLE scopeset_rls ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON scopeset_rls USING (s @> 'stack:read');
GRANT SELECT ON scopeset_rls TO regress_scopeset_user;
SET client_min_messages = notice;
SET ROLE regress_scopeset_user;
SELECT * FROM scopeset_rls WHERE peek(s);
SELECT * FROM scopeset_rls WHERE s && '{stack:read,stack:write}';
RESET ROLE;

DROP TABLE sets, scopeset_rls;
DROP FUNCTION peek(scopeset);
DROP ROLE regress_scopeset_user;
DELETE FROM rbac.scopes WHERE name LIKE 'regress%' OR name LIKE 'aaa:%' OR name LIKE 'zzz:%';
