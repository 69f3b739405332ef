-- Every function of the extension, called with whatever its arguments can be made to
-- be, by somebody with no rights and by a superuser.  It may refuse, but with an error
-- that is meant for the caller: an internal one (class XX) is a bug, and so is a
-- session that does not live to see the end.
SET client_min_messages = error;
SET jit = off;
SELECT pg_backend_pid() AS pid \gset
CREATE ROLE hostile_caller;
INSERT INTO rbac.organizations VALUES ('acme');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'alice', 'Admin'), ('acme', 'hostile_caller', 'Member');
INSERT INTO rbac.entities (entity_type, entity, organization) VALUES ('stack', 'web', 'acme'), ('stack', '1', 'acme');
CREATE TABLE hostile_table (id text PRIMARY KEY, organization text, owner text, tags jsonb);

-- what an argument of a type may be; the first is a good one
CREATE TEMP TABLE guesses (no int GENERATED ALWAYS AS IDENTITY, type text, value text);
INSERT INTO guesses (type, value) SELECT 'text', quote_literal(v) FROM unnest(ARRAY['alice', 'acme', 'stack', 'web', '', '/', 'acme/', E'a\x01b',
	repeat('x', 256), repeat('x', 300000), $$'"\;--$$, U&'\+01F680', 'stack:read', '{', 'nobody/Role']) v;
INSERT INTO guesses (type, value) VALUES
	('rbac.scope', $$'stack:read'$$), ('rbac.scope', $$'organization:update'$$),
	('rbac.scopeset', $$'{stack:read}'$$), ('rbac.scopeset', $$'{}'$$),
	('cstring', $$'{stack:read}'$$), ('cstring', $$''$$), ('cstring', $$'{{{'$$), ('cstring', 'repeat(''a:b,'', 100000)::cstring'),
	('uuid', $$'00000000-0000-0000-0000-000000000000'$$),
	('bigint', '1'), ('bigint', $$'-9223372036854775808'$$), ('bigint', '9223372036854775807'),
	('integer', '1'), ('integer', $$'-2147483648'$$), ('integer', '2147483647'),
	('smallint', '1'), ('smallint', $$'-32768'$$), ('smallint', '32767'),
	('boolean', 'true'), ('boolean', 'false'),
	('"char"', $$'r'$$), ('"char"', $$''$$),
	('character varying', $$'stack:read'$$), ('character varying', $$'x'$$),
	('name', $$'id'$$), ('name', $$''$$), ('name', $$'ctid'$$),
	('regclass', $$'hostile_table'$$), ('regclass', '0'), ('regclass', '4294967295'), ('regclass', $$'pg_catalog.pg_class'$$),
	('regclass', $$'rbac.members'$$), ('regclass', $$'rbac.members_pkey'$$), ('regclass', $$'rbac.member_roles'$$), ('regclass', $$'rbac.audit_log_id_seq'$$),
	('jsonb', $$'{"tier": "critical"}'$$), ('jsonb', $$'null'$$), ('jsonb', $$'[]'$$), ('jsonb', $$'"x"'$$), ('jsonb', $$'{"rbac": 1}'$$),
	('jsonb', $$'{"rbac": {}, "organization": [], "roles": {"a": null}}'$$), ('jsonb', $$rbac.export('acme') || '{"members": [{}]}'$$),
	('bytea', $$'\x00'$$), ('bytea', $$'\xffffffffffffffff'$$),
	('text[]', $$'{stack:read}'$$), ('text[]', $$'{}'$$), ('text[]', $$'{NULL}'$$), ('text[]', $$'[7:8][1:1]={{stack:read},{NULL}}'$$),
	('smallint[]', $$'{1}'$$), ('smallint[]', $$'{NULL}'$$), ('smallint[]', $$'{}'$$), ('smallint[]', $$'{-1,0,32767}'$$),
	('pg_class', $$(SELECT c FROM pg_class c WHERE oid = 'hostile_table'::regclass)$$), ('pg_class', $$(SELECT c FROM pg_class c WHERE oid = 'rbac.members_pkey'::regclass)$$),
	('rbac_internal.document_change', 'NULL'),
	('rbac_internal.document_change[]', $$'{}'$$), ('rbac_internal.document_change[]', $$'{NULL}'$$),
	('rbac_internal.document_change[]', $$ARRAY[ROW('create', 1, 'role', '{acme/x}', 'x', '{}', '[]', '$', false)]::rbac_internal.document_change[]$$),
	('rbac.plan_only', 'NULL'), ('internal', 'NULL'),
	('anyelement', $$'web'::text$$), ('anyelement', '1'), ('anyelement', 'ROW(1, 2)'), ('anyelement', 'ARRAY[1]'), ('anyelement', 'NULL::xml'), ('anyelement', $$'{}'::json$$),
	('"any"', $$'web'::text$$), ('"any"', $$'acme'$$), ('"any"', '1.5'), ('"any"', 'ROW(1, 2)'), ('"any"', 'ARRAY[1]'), ('"any"', $$'x'::name$$),
	('"any"', $$'x'::bpchar$$), ('"any"', $$'x'::"char"$$), ('"any"', 'now()'), ('"any"', 'NULL::xml'), ('"any"', 'NULL'), ('"any"', '9223372036854775807');

CREATE TEMP TABLE functions AS
SELECT p.oid::regprocedure::text AS signature, p.pronamespace::regnamespace || '.' || quote_ident(p.proname) AS name,
	ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n) ORDER BY n) AS types
FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'rbac')
	AND p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype);
-- nothing is left out for want of a guess
SELECT DISTINCT t AS type_without_guesses FROM functions, unnest(types) t WHERE t NOT IN (SELECT type FROM guesses);

-- Good values, NULL in one place, in all places, and each guess in its place.
CREATE TEMP TABLE calls AS
WITH good AS (
	SELECT f.signature, n, (SELECT value FROM guesses g WHERE g.type = t ORDER BY no LIMIT 1) || '::' || CASE t WHEN 'internal' THEN 'unknown' WHEN '"any"' THEN 'text' WHEN 'anyelement' THEN 'text' ELSE t END AS value
	FROM functions f, unnest(types) WITH ORDINALITY AS a (t, n)
), guess AS (
	SELECT f.signature, n AS place, v.value
	FROM functions f, unnest(types) WITH ORDINALITY AS a (t, n),
		LATERAL (SELECT value || CASE WHEN t IN ('internal', '"any"', 'anyelement', 'cstring') THEN '' ELSE '::' || t END FROM guesses g WHERE g.type = t
			UNION ALL SELECT 'NULL' || CASE WHEN t IN ('internal', '"any"', 'anyelement', 'cstring') THEN '' ELSE '::' || t END) AS v (value)
)
SELECT f.name, format('SELECT %s(%s)', f.name,
	(SELECT string_agg(CASE WHEN g.n = guess.place THEN guess.value WHEN g.value LIKE '%::unknown' THEN 'NULL' ELSE g.value END, ', ' ORDER BY g.n) FROM good g WHERE g.signature = f.signature)) AS call
FROM functions f LEFT JOIN guess USING (signature)
UNION
SELECT name, format('SELECT %s(%s)', name, (SELECT string_agg('NULL' || CASE WHEN t IN ('internal', '"any"', 'anyelement', 'cstring') THEN '' ELSE '::' || t END, ', ' ORDER BY n)
	FROM unnest(types) WITH ORDINALITY AS a (t, n)))
FROM functions;
SELECT count(*) > 1000 AS many, count(DISTINCT name) > 100 AS of_many FROM calls;
GRANT SELECT ON calls TO PUBLIC;

CREATE FUNCTION pg_temp.outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE call;
	RAISE SQLSTATE 'RB001';	-- which takes back what it did
EXCEPTION
	WHEN SQLSTATE 'RB001' THEN RETURN 'ok';
	WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm;
END $$;

CREATE TEMP TABLE outcomes AS SELECT 'superuser' AS caller, name, call, pg_temp.outcome(call) AS outcome FROM calls ORDER BY call;
GRANT INSERT ON outcomes TO PUBLIC;
SET SESSION AUTHORIZATION hostile_caller;
INSERT INTO outcomes SELECT 'hostile_caller', name, call, pg_temp.outcome(call) FROM calls ORDER BY call;
RESET SESSION AUTHORIZATION;
SELECT caller, call, outcome FROM outcomes WHERE outcome LIKE 'XX%' OR outcome LIKE '58%';
SELECT count(*) > 300 AS refused FROM outcomes WHERE outcome <> 'ok';
SELECT count(*) AS changed FROM rbac.members WHERE member NOT IN ('alice', 'hostile_caller');
SELECT pg_backend_pid() = :pid AS alive;

-- What takes or gives something internal cannot be called at all, nor be put to use
-- by an aggregate, an operator class or a function of one's own.
\set VERBOSITY sqlstate
SELECT rbac.scope_recv(NULL);
SELECT rbac.check_support(NULL::internal);
SELECT rbac.scopeset_agg_final(rbac.scopeset_agg_transition(NULL, 'stack:read'));
SET SESSION AUTHORIZATION hostile_caller;
CREATE AGGREGATE pg_temp.agg(rbac.scope) (SFUNC = rbac.scopeset_agg_transition, STYPE = internal, FINALFUNC = rbac.scopeset_agg_final);
CREATE OPERATOR CLASS pg_temp.ops FOR TYPE text USING gin AS FUNCTION 2 rbac.scopeset_gin_extract_value(rbac.scopeset, internal, internal), STORAGE text;
CREATE TYPE pg_temp.mine (INPUT = rbac.plan_only_in, OUTPUT = rbac.plan_only_out);
CREATE CAST (integer AS rbac.plan_only) WITHOUT FUNCTION;
CREATE CAST (bytea AS rbac.scopeset) WITHOUT FUNCTION;
CREATE FUNCTION pg_temp.f(text) RETURNS text STRICT SUPPORT rbac.check_support LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE c AS '$libdir/rbac', 'current_member';
LOAD 'rbac';
\set VERBOSITY default
-- a check by an operator is not what the planner knows as one
RESET SESSION AUTHORIZATION;
CREATE OPERATOR public.?? (LEFTARG = text, RIGHTARG = rbac.scope, FUNCTION = rbac.has_scope);
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = rbac.scope, FUNCTION = rbac.has_scope);
INSERT INTO hostile_table (id) SELECT i FROM generate_series(1, 1000) i;
ANALYZE hostile_table;
SET rbac.member = 'alice';
SELECT count(*) FROM hostile_table WHERE id ?? 'stack:read';
SELECT count(*) FROM hostile_table WHERE id ?? ANY ('{stack:read,stack:write}'::rbac.scope[]);
SELECT count(*) FROM hostile_table WHERE NOT id IS DISTINCT FROM 'stack:read'::rbac.scope;
SELECT count(*) FROM hostile_table WHERE NULLIF(id, 'stack:read'::rbac.scope) IS NULL;
RESET rbac.member;

-- clean up
DROP OPERATOR public.?? (text, rbac.scope);
DROP OPERATOR public.= (text, rbac.scope);
DROP TABLE hostile_table;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
DROP ROLE hostile_caller;
