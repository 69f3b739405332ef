--
-- Indexes on rbac.scopeset
--
\set VERBOSITY terse
SET search_path = rbac, public;
SET client_min_messages = warning;
SET jit = off;

INSERT INTO rbac.scopes (name, entity_type)
	SELECT s, 'stack' FROM unnest(ARRAY['aaa:first', 'regress_app:read', 'regress_app:unused', 'zzz:last', 'zzz:'||repeat('z', 251)]) s;

-- 1,500 sets of built-in and other scopes, empty ones and NULLs among them
CREATE TABLE public.scopeset_rows (id integer PRIMARY KEY, s scopeset) WITH (autovacuum_enabled = off);
CREATE TABLE public.scopeset_names WITH (autovacuum_enabled = off) AS
	SELECT row_number() OVER (ORDER BY name) AS n, name FROM rbac.scopes
	WHERE name IN ('agent_pool:create', 'aaa:first', 'regress_app:read', 'stack:delete', 'stack:read', 'stack:write', 'team:read',
		'templates_source:update', 'zzz:last', 'zzz:'||repeat('z', 251));
INSERT INTO scopeset_rows
	SELECT i, scopeset_agg(name) FILTER (WHERE get_byte(decode(md5(i || name), 'hex'), 0) < n * 8)
	FROM generate_series(1, 1500) i, scopeset_names GROUP BY i;
UPDATE scopeset_rows SET s = '{}' WHERE s IS NULL AND id % 3 > 0;
SELECT count(*) FILTER (WHERE s = '{}') > 20 AS empty, count(*) FILTER (WHERE s IS NULL) > 20 AS nulls, count(DISTINCT s) > 200 AS different FROM scopeset_rows;

-- each operator with each of these queries, by table and by index
CREATE TABLE public.scopeset_queries (q scopeset);
INSERT INTO scopeset_queries VALUES ('{}'), ('stack:read'), ('regress_app:read'), ('regress_app:unused'), ('{stack:read,regress_app:read}'),
	('{stack:read,stack:delete}'), ('{regress_app:unused,stack:read}'), ('{aaa:first,agent_pool:create,templates_source:update,zzz:last}'),
	('zzz:'||repeat('z', 251)), (NULL);
INSERT INTO scopeset_queries SELECT DISTINCT s FROM scopeset_rows WHERE id <= 30 EXCEPT TABLE scopeset_queries;
INSERT INTO scopeset_queries SELECT scopeset_agg(name) FROM scopeset_names;

CREATE FUNCTION public.scopeset_answers() RETURNS TABLE (op text, q text, ids integer[]) LANGUAGE plpgsql AS $$
DECLARE
	op text;
	q scopeset;
BEGIN
	FOREACH op IN ARRAY ARRAY['@>', '<@', '&&', '='] LOOP
		FOR q IN TABLE scopeset_queries LOOP
			RETURN QUERY EXECUTE format('SELECT %L, %L, array_agg(id ORDER BY id) FROM scopeset_rows WHERE s %s %L::rbac.scopeset', op, q, op, q);
		END LOOP;
	END LOOP;
	FOR q IN SELECT n.name::scope FROM scopeset_names n LOOP
		RETURN QUERY EXECUTE format('SELECT ''has'', %L, array_agg(id ORDER BY id) FROM scopeset_rows WHERE s @> btrim(%L, ''{}'')::rbac.scope', q, q);
	END LOOP;
END $$;
CREATE TABLE public.scopeset_expected AS SELECT * FROM scopeset_answers();
SELECT op, count(*), count(ids) AS with_rows FROM scopeset_expected GROUP BY op ORDER BY op;

CREATE INDEX scopeset_gin ON scopeset_rows USING gin (s);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM scopeset_rows WHERE s @> 'stack:delete';
EXPLAIN (COSTS OFF) SELECT * FROM scopeset_rows WHERE s @> 'stack:delete'::scope;
EXPLAIN (COSTS OFF) SELECT * FROM scopeset_rows WHERE s @> 'stack:delete'::text;
EXPLAIN (COSTS OFF) SELECT * FROM scopeset_rows WHERE 'stack:delete' <@ s;
EXPLAIN (COSTS OFF) SELECT * FROM scopeset_rows WHERE 'stack:delete'::scope <@ s;
EXPLAIN (COSTS OFF) SELECT * FROM scopeset_rows WHERE s <@ '{stack:read,stack:write}';
EXPLAIN (COSTS OFF) SELECT * FROM scopeset_rows WHERE s && '{stack:read,stack:write}';
EXPLAIN (COSTS OFF) SELECT * FROM scopeset_rows WHERE s = '{stack:read,stack:write}';
SELECT count(*) AS wrong FROM scopeset_expected e FULL JOIN scopeset_answers() a USING (op, q) WHERE e.ids IS DISTINCT FROM a.ids AND q IS NOT NULL;
-- empty queries
SELECT op, cardinality(ids) = (SELECT count(*) FROM scopeset_rows WHERE s IS NOT NULL) AS all, cardinality(ids) = (SELECT count(*) FROM scopeset_rows WHERE s IS NOT NULL AND cardinality(s) = 0) AS empty
FROM scopeset_answers() WHERE q = '{}' ORDER BY op;

-- the pending list, and after it
UPDATE scopeset_rows SET s = s | 'regress_app:unused' WHERE id % 7 = 0;
DELETE FROM scopeset_rows WHERE id % 11 = 0;
SET enable_bitmapscan = off;
SET enable_seqscan = on;
TRUNCATE scopeset_expected;
INSERT INTO scopeset_expected SELECT * FROM scopeset_answers();
SET enable_seqscan = off;
SET enable_bitmapscan = on;
SELECT count(*) AS wrong FROM scopeset_expected e FULL JOIN scopeset_answers() a USING (op, q) WHERE e.ids IS DISTINCT FROM a.ids AND q IS NOT NULL;
VACUUM scopeset_rows;
SELECT count(*) AS wrong FROM scopeset_expected e FULL JOIN scopeset_answers() a USING (op, q) WHERE e.ids IS DISTINCT FROM a.ids AND q IS NOT NULL;

-- several conditions on one index; lossy bitmaps ask again
SELECT (SELECT count(*) FROM scopeset_rows WHERE s @> 'stack:read' AND NOT s @> 'stack:write' AND s && '{zzz:last,team:read}' AND s <@ '{stack:read,zzz:last,team:read}')
	= (SELECT count(*) FROM scopeset_rows WHERE s IN ('{stack:read,zzz:last}', '{stack:read,team:read}', '{stack:read,zzz:last,team:read}')) AS same;
SELECT count(*) = (SELECT sum(cardinality(s)) FROM scopeset_rows WHERE id <= 300) AS each FROM scopeset_rows r, LATERAL unnest(s) u WHERE s @> u AND id <= 300;
SET work_mem = '64kB';
SELECT count(*) AS wrong FROM scopeset_expected e FULL JOIN scopeset_answers() a USING (op, q) WHERE e.ids IS DISTINCT FROM a.ids AND q IS NOT NULL;
RESET work_mem;

-- a set of many scopes
INSERT INTO rbac.scopes (name, entity_type) SELECT 'regress_many:n' || i, 'stack' FROM generate_series(1, 5000) i;
INSERT INTO scopeset_rows SELECT 0, scopeset_agg(name) FROM rbac.scopes WHERE name LIKE 'regress_many:%';
SELECT id FROM scopeset_rows WHERE s @> 'regress_many:n4711'::scope;
SELECT id FROM scopeset_rows WHERE s @> (SELECT scopeset_agg(name) FROM rbac.scopes WHERE name LIKE 'regress_many:%');
SELECT id FROM scopeset_rows WHERE s = (SELECT scopeset_agg(name) FROM rbac.scopes WHERE name LIKE 'regress_many:%');

-- btree and hash
DROP INDEX scopeset_gin;
DELETE FROM scopeset_rows WHERE id = 0;
CREATE INDEX scopeset_hash ON scopeset_rows USING hash (s);
EXPLAIN (COSTS OFF) SELECT * FROM scopeset_rows WHERE s = '{stack:read,stack:write}';
SELECT count(*) AS wrong FROM scopeset_expected e FULL JOIN scopeset_answers() a USING (op, q) WHERE e.ids IS DISTINCT FROM a.ids AND q IS NOT NULL;
DROP INDEX scopeset_hash;
CREATE INDEX scopeset_btree ON scopeset_rows (s);
EXPLAIN (COSTS OFF) SELECT * FROM scopeset_rows WHERE s = '{stack:read,stack:write}';
SELECT count(*) AS wrong FROM scopeset_expected e FULL JOIN scopeset_answers() a USING (op, q) WHERE e.ids IS DISTINCT FROM a.ids AND q IS NOT NULL;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT s FROM scopeset_rows ORDER BY s;
SELECT count(*) FILTER (WHERE s < previous) AS unsorted FROM (SELECT s, lag(s) OVER () AS previous FROM (SELECT s FROM scopeset_rows ORDER BY s) x) y;
RESET enable_bitmapscan;
RESET enable_seqscan;
-- not unique
CREATE UNIQUE INDEX scopeset_unique ON scopeset_rows (s) WHERE cardinality(s) = 1;
CREATE TABLE public.scopeset_once (s scopeset UNIQUE);
INSERT INTO scopeset_once VALUES ('{stack:read,zzz:last}'), ('{stack:read}'), ('{}'), (NULL), (NULL);
INSERT INTO scopeset_once VALUES ('{zzz:last,stack:read}');
INSERT INTO scopeset_once VALUES ('{zzz:last,stack:read}') ON CONFLICT DO NOTHING;
SELECT am.amname, opcname, opcdefault, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am am ON am.oid = opcmethod
WHERE opcintype = 'rbac.scopeset'::regtype ORDER BY 1;

-- estimates come from the statistics
ANALYZE scopeset_rows;
CREATE FUNCTION public.scopeset_estimate(condition text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) SELECT * FROM scopeset_rows WHERE ' || condition INTO plan;
	RETURN (plan #>> '{0,Plan,Plan Rows}')::numeric;
END $$;
CREATE FUNCTION public.scopeset_actual(condition text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	n numeric;
BEGIN
	EXECUTE 'SELECT count(*) FROM scopeset_rows WHERE ' || condition INTO n;
	RETURN n;
END $$;
SELECT condition, scopeset_estimate(condition) / greatest(scopeset_actual(condition), 1) BETWEEN 0.4 AND 2.5 AS near
FROM unnest(ARRAY[$$s @> '{}'$$, $$s @> 'zzz:last'$$, $$s @> 'team:read'::scope$$, $$'team:read' <@ s$$, $$s && '{zzz:last,team:read}'$$, $$s = '{}'$$, $$s <> '{}'$$]) condition;

DROP TABLE scopeset_rows, scopeset_names, scopeset_queries, scopeset_expected, scopeset_once;
DROP FUNCTION scopeset_answers(), scopeset_estimate(text), scopeset_actual(text);
DELETE FROM rbac.scopes WHERE name LIKE 'regress%' OR name LIKE 'aaa:%' OR name LIKE 'zzz:%';

-- the extension's own table
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT name FROM rbac.permission_sets WHERE scopes @> 'stack:delete';
SELECT name FROM rbac.permission_sets WHERE scopes @> 'stack:delete';
SELECT name FROM rbac.permission_sets WHERE scopes @> '{stack:read, stack:write}' ORDER BY name;
RESET enable_seqscan;
