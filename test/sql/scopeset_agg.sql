--
-- The aggregates rbac.scopeset_agg and rbac.union_agg
--
\set VERBOSITY terse
SET search_path = rbac, public;
SET client_min_messages = warning;
SET jit = off;

INSERT INTO rbac.scopes (name, entity_type)
	SELECT s, 'stack' FROM unnest(ARRAY['aaa:first', 'regress_app:read', 'regress_app:write', 'zzz:last']) s;

CREATE TABLE public.scopes_t (i integer, x scope, s scopeset);
INSERT INTO scopes_t VALUES (1, 'stack:read', '{stack:read,zzz:last}'), (2, 'zzz:last', '{}'), (3, NULL, NULL), (4, 'aaa:first', '{aaa:first,team:read}'),
	(5, 'stack:read', '{zzz:last}'), (6, 'templates_source:update', '{stack:read}'), (7, 'regress_app:read', NULL);

-- NULLs are ignored; nothing gives NULL, and empty sets the empty set
SELECT scopeset_agg(x), union_agg(s) FROM scopes_t;
SELECT scopeset_agg(x), union_agg(s) FROM scopes_t WHERE false;
SELECT scopeset_agg(x), union_agg(s) FROM scopes_t WHERE i = 3;
SELECT scopeset_agg(x), union_agg(s) FROM scopes_t WHERE i IN (2, 3);
SELECT scopeset_agg(NULL::scope), union_agg(NULL), union_agg('{}'::scopeset);
SELECT i % 3 AS g, scopeset_agg(x), union_agg(s) FROM scopes_t GROUP BY 1 ORDER BY 1;
SELECT i % 3 AS g, scopeset_agg(x), union_agg(s) FROM scopes_t GROUP BY ROLLUP (1) ORDER BY 1;
SELECT scopeset_agg(x) FILTER (WHERE i < 3), scopeset_agg(DISTINCT x), scopeset_agg(x ORDER BY i DESC), union_agg(DISTINCT s) FROM scopes_t;
-- text is taken for a scope, and a scope for a set
SELECT scopeset_agg(x::text), scopeset_agg(x::text::varchar), union_agg(x) FROM scopes_t;
SELECT scopeset_agg(t) FROM (VALUES ('stack:read'), ('stack:raed')) v(t);

-- as window aggregates
SELECT i, scopeset_agg(x) OVER w, union_agg(s) OVER w FROM scopes_t WINDOW w AS (ORDER BY i);
SELECT i, scopeset_agg(x) OVER w, union_agg(s) OVER w FROM scopes_t WINDOW w AS (ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING);
SELECT i, scopeset_agg(x) OVER w, union_agg(s) OVER w FROM scopes_t WINDOW w AS (PARTITION BY i % 2) ORDER BY i;
SELECT i, union_agg(s) OVER w FROM scopes_t WINDOW w AS (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW);

-- not to be called by hand
-- (which error it is differs between minor versions)
DO $$ BEGIN PERFORM rbac.scopeset_agg_final(NULL); RAISE 'accepted'; EXCEPTION WHEN undefined_function OR feature_not_supported THEN END $$;
DO $$ BEGIN PERFORM rbac.scopeset_agg_transition(NULL, 'stack:read'); RAISE 'accepted'; EXCEPTION WHEN undefined_function OR feature_not_supported THEN END $$;
DO $$ BEGIN PERFORM rbac.scopeset_union_transition(NULL, 'stack:read'); RAISE 'accepted'; EXCEPTION WHEN undefined_function OR feature_not_supported THEN END $$;

-- many, in any order, with duplicates; parallel or not
INSERT INTO rbac.scopes (name, entity_type) SELECT 'regress_many:n' || i, 'stack' FROM generate_series(1, 20000) i;
CREATE TABLE public.scopes_many AS SELECT name::scope AS x, name::scope::scopeset AS s FROM rbac.scopes, generate_series(1, 3) g ORDER BY md5(name || g);
ALTER TABLE scopes_many SET (parallel_workers = 2);
ANALYZE scopes_many;
SELECT cardinality(scopeset_agg(x)) = count(DISTINCT x) AS count, scopeset_agg(x) = union_agg(s) AS same,
	scopeset_agg(x)::text[] = array_agg(DISTINCT x::text COLLATE "C" ORDER BY x::text COLLATE "C") AS right
FROM scopes_many;
SELECT count(*) AS wrong FROM (
	SELECT row_number() OVER (ORDER BY x) AS n, cardinality(scopeset_agg(x) OVER (ORDER BY x)) AS c FROM (SELECT DISTINCT x FROM scopes_many ORDER BY x LIMIT 2000) d
) y WHERE n <> c;
CREATE TABLE public.scopes_serial AS SELECT scopeset_agg(x) AS a, union_agg(s) AS u, scopeset_agg(x) FILTER (WHERE false) AS n FROM scopes_many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT scopeset_agg(x), union_agg(s) FROM scopes_many;
SELECT scopeset_agg(x) = (SELECT a FROM scopes_serial) AS agg, union_agg(s) = (SELECT u FROM scopes_serial) AS union,
	scopeset_agg(x) FILTER (WHERE false) IS NULL AS none, union_agg(s) FILTER (WHERE x = 'stack:read') AS one
FROM scopes_many;
SELECT left(x::text, 2) AS g, cardinality(scopeset_agg(x)) = count(DISTINCT x) AS right FROM scopes_many WHERE x >= 'templates:read' OR x < 'audit_logs:export' GROUP BY 1 ORDER BY 1;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- large sets, compressed or out of line
CREATE TABLE public.scopesets_large (s scopeset);
INSERT INTO scopesets_large SELECT scopeset_agg(x) FROM scopes_many;
ALTER TABLE scopesets_large ALTER s SET STORAGE external;
INSERT INTO scopesets_large SELECT s - 'stack:read' FROM scopesets_large, generate_series(1, 5);
SELECT union_agg(s) = (SELECT a FROM scopes_serial) AS same FROM scopesets_large;

DROP TABLE scopes_t, scopes_many, scopes_serial, scopesets_large;
DELETE FROM rbac.scopes WHERE name LIKE 'regress%' OR name LIKE 'aaa:%' OR name LIKE 'zzz:%';
