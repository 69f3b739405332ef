-- Checks that make the planner use an index: which, for whom, when not, and
-- that the rows are the same as those of a sequential scan.
SET client_min_messages = warning;
CREATE ROLE regress_app;
GRANT SET ON PARAMETER rbac.member TO regress_app;
CREATE SCHEMA library;
GRANT USAGE, CREATE ON SCHEMA library TO regress_app;
SET search_path = library;
\pset format unaligned
\pset tuples_only

-- How a query finds its rows: the index conditions of its plan, or else the kinds of scans.
CREATE FUNCTION finds(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN (
		SELECT string_agg(DISTINCT CASE
				WHEN NOT node ? 'Index Name' THEN node->>'Relation Name'
				ELSE format('%s by %s', node->>'Index Name', coalesce(substring(node->>'Index Cond' FROM 'candidate_[a-z]*'),
					CASE WHEN node ? 'Index Cond' THEN 'another condition' ELSE 'its order' END)) END, ', ')
		FROM jsonb_path_query(plan, 'strict $.**') AS node
		WHERE jsonb_typeof(node) = 'object' AND (node ? 'Index Name' OR node->>'Node Type' = 'Seq Scan'));
END $$;

-- 20,000 books of 200 organizations, of which "acme" and "tiny" have members
CREATE TABLE books (
	id           text COLLATE "C" PRIMARY KEY,
	uid          uuid NOT NULL,
	number       bigint NOT NULL,
	i            integer NOT NULL,
	title        varchar(50) NOT NULL,
	organization text NOT NULL,
	owner        text,
	tags         jsonb,
	created      integer NOT NULL
);
INSERT INTO books
	SELECT 'b' || i, md5(i::text)::uuid, 1000000 + i, i, 'title ' || i,
		CASE WHEN i <= 100 THEN 'tiny' WHEN i <= 4100 THEN 'acme' ELSE 'org' || i % 198 END,
		CASE WHEN i % 500 = 1 THEN 'olga' ELSE 'nobody' END,
		jsonb_build_object('env', CASE WHEN i % 10 = 0 THEN 'prod' ELSE 'dev' END), i
	FROM generate_series(1, 20000) i;
CREATE INDEX books_uid ON books (uid);
CREATE INDEX books_number ON books (number, created);
CREATE INDEX books_i ON books (i DESC NULLS FIRST) INCLUDE (created);
CREATE INDEX books_title ON books (title);
CREATE INDEX books_organization ON books (organization);
CREATE INDEX books_created ON books (created);

INSERT INTO rbac.organizations VALUES ('tiny'), ('acme');
INSERT INTO rbac.entity_types (name) VALUES ('book');
INSERT INTO rbac.scopes (name, entity_type) VALUES ('book:read', 'book'), ('book:write', 'book'), ('book:burn', 'book');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('Reader', 'book', '{book:read}'), ('Writer', 'book', '{book:read,book:write}');
INSERT INTO rbac.entity_type_settings (entity_type, owner_permission_set) VALUES ('book', 'Writer');
INSERT INTO rbac.scopes (name, entity_type, toggle) VALUES ('book:list', 'book', true);
INSERT INTO rbac.roles (name) VALUES ('Reads'), ('Reads prod');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('Reads', 'Reader', NULL), ('Reads prod', 'Reader', '$.env == "prod"');
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'gina', 'Member'), ('tiny', 'gina', 'Member'),	-- has 20 grants, half of them to write
	('acme', 'many', 'Member'),	-- has 2000 grants
	('tiny', 'tom', 'Reads'),	-- reads all 100 of a small organization
	('acme', 'abe', 'Reads'),	-- and all 4000 of a large one
	('tiny', 'pia', 'Reads prod'),
	('tiny', 'olga', 'Member'),
	('tiny', 'teo', 'Member'),	-- by a team
	('tiny', 'quinn', 'Member'),	-- owns a book that the registry does not know of
	('tiny', 'bea', 'Member'),	-- may burn one, which owners may not
	('acme', 'root', 'Admin'), ('tiny', 'root', 'Admin');
INSERT INTO rbac.teams (name) VALUES ('tiny/t');
INSERT INTO rbac.team_members (team, member) VALUES ('tiny/t', 'teo');
INSERT INTO rbac.team_roles (team, role) VALUES ('tiny/t', 'Reads');
INSERT INTO rbac.organization_settings (organization, scope) VALUES ('tiny', 'book:list');
INSERT INTO rbac.entities SELECT 'book', key, organization, owner, tags
	FROM books, LATERAL unnest(ARRAY[id, uid::text, number::text, i::text, title]) key
	WHERE organization IN ('tiny', 'acme');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	SELECT CASE WHEN i % 2 = 0 THEN 'Reader' ELSE 'Writer' END, key, organization, 'gina'
	FROM books, LATERAL unnest(ARRAY[id, uid::text, number::text, i::text, title]) key
	WHERE i BETWEEN 91 AND 110
	UNION ALL
	SELECT 'Reader', id, 'acme', 'many' FROM books WHERE i BETWEEN 201 AND 2200;

UPDATE books SET owner = 'quinn' WHERE i = 33;
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('Burner', 'book', '{book:burn}');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Burner', 'b44', 'tiny', 'bea');
CREATE FUNCTION use(check_of_row text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	DROP POLICY IF EXISTS reads ON books;
	EXECUTE format('CREATE POLICY reads ON books USING (%s)', check_of_row);
END $$;
ALTER TABLE books ENABLE ROW LEVEL SECURITY;
GRANT SELECT, UPDATE, DELETE ON books TO regress_app;
VACUUM ANALYZE books, rbac.entities, rbac.entity_grants;

SET SESSION AUTHORIZATION regress_app;
-- what EXPLAIN shows
SET rbac.member = 'gina';
SELECT use($$rbac.has_scope(id, 'book:read')$$);
EXPLAIN (COSTS off) SELECT id FROM books ORDER BY id LIMIT 3;
SELECT id FROM books ORDER BY id LIMIT 3;

-- each key type
CREATE FUNCTION plan_of(check_of_row text) RETURNS TABLE (rows bigint, finds text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM use(check_of_row);
	EXECUTE 'SELECT count(*) FROM books' INTO rows;
	finds := finds('SELECT * FROM books');
	RETURN NEXT;
END $$;
SELECT key, p.* FROM unnest('{id,uid,number,i,title,i::smallint,i::bigint,upper(id)}'::text[]) key,
	plan_of(format($$rbac.has_scope(%s, 'book:read')$$, key)) p;
-- whoever the member is
SELECT * FROM plan_of($$rbac.has_scope('tom', id, 'book:read')$$);
SELECT * FROM plan_of($$rbac.has_scope((SELECT rbac.current_member()), id, 'book:read')$$);
SELECT * FROM plan_of($$rbac.has_scope(NULL, id, 'book:read')$$);
-- but not if that is known for each row only, or changes at will
SELECT * FROM plan_of($$rbac.has_scope(owner, id, 'book:read')$$);
SELECT * FROM plan_of($$rbac.has_scope(title, 'b101', 'book:read')$$);
SELECT * FROM plan_of($$rbac.has_scope(CASE WHEN random() < 2 THEN 'tom' END, id, 'book:read')$$);

-- access by anything, as long as it reaches few entities
CREATE FUNCTION by_member(query text) RETURNS TABLE (member text, rows bigint, finds text) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH member IN ARRAY '{gina,many,tom,abe,pia,olga,teo,root,stranger,""}'::text[] LOOP
		PERFORM set_config('rbac.member', member, true);
		EXECUTE format('SELECT count(*) FROM (%s) q', query) INTO rows;
		finds := finds(query);
		RETURN NEXT;
	END LOOP;
	PERFORM set_config('rbac.member', 'gina', true);
END $$;
SELECT use($$rbac.has_scope(id, 'book:read')$$);
SELECT * FROM by_member('SELECT * FROM books');
-- the organization, whatever the access in it
SELECT use($$rbac.row_has_scope(rbac.current_member(), id, 'book:read', organization, owner, tags)$$);
SELECT * FROM by_member('SELECT * FROM books');
SELECT use($$rbac.row_has_scope(rbac.current_member(), id, 'book:list', organization)$$);
SELECT * FROM by_member('SELECT * FROM books');
SELECT * FROM plan_of($$rbac.row_has_scope('quinn', id, 'book:read', organization, owner)$$);
SELECT * FROM plan_of($$rbac.row_has_scope('bea', id, 'book:burn', organization, owner)$$);
SELECT * FROM plan_of($$rbac.row_has_scope(rbac.current_member(), i, 'book:list', organization::varchar(20), owner::name)$$);

-- Not where the query has something better: an equality, an IN, another check
-- that has fewer candidates.
SELECT use($$rbac.has_scope(id, 'book:read')$$);
SELECT finds($$SELECT * FROM books WHERE id = 'b101'$$);
SELECT finds($$SELECT * FROM books WHERE id IN ('b101', 'b102')$$);
SELECT finds($$SELECT * FROM books WHERE created = 101$$);
SELECT finds($$SELECT * FROM books WHERE id >= 'b101' AND id < 'b102'$$);
RESET SESSION AUTHORIZATION;
CREATE FUNCTION asks_for(conditions text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN SELECT * FROM books WHERE ' || conditions LOOP
		RETURN QUERY SELECT array_to_string(m, ' ') FROM regexp_matches(line, '\((\w+) = ANY .*candidate_\w+\((.*), ''(\w+:\w+)''') m;
	END LOOP;
END $$;
SET rbac.member = 'gina';
SELECT * FROM asks_for($$rbac.has_scope('gina', id, 'book:write') AND rbac.has_scope('gina', id, 'book:read')$$);
SELECT * FROM asks_for($$rbac.has_scope('gina', id, 'book:read') AND rbac.has_scope('gina', id, 'book:write')$$);
SELECT * FROM asks_for($$rbac.has_scope('gina', id, 'book:read') AND rbac.has_scope('olga', id, 'book:read')$$);
SELECT * FROM asks_for($$rbac.has_scope('gina', id, 'book:read') AND rbac.has_scope('stranger', id, 'book:read')$$);
SELECT * FROM asks_for($$rbac.has_scope('gina', id, 'book:read') AND rbac.has_scope('root', id, 'book:read')$$);
SELECT * FROM asks_for($$rbac.has_scope('gina', id, 'book:read') AND rbac.has_scope('gina', id, 'book:read')$$);
SELECT * FROM asks_for($$rbac.has_scope('gina', id, 'book:read') OR rbac.has_scope('tom', id, 'book:read')$$);
SELECT * FROM asks_for($$rbac.row_has_scope('tom', id, 'book:read', organization) AND rbac.row_has_scope('olga', id, 'book:read', organization)$$);
SELECT * FROM asks_for($$rbac.row_has_scope('gina', id, 'book:read', organization) AND rbac.has_scope('gina', id, 'book:read')$$);
SELECT * FROM asks_for($$rbac.row_has_scope(owner, id, 'book:read', organization)$$);
SELECT * FROM asks_for($$rbac.row_has_scope(CASE WHEN random() < 2 THEN 'tom' END, id, 'book:read', organization)$$);
-- a condition of the query's is not to be evaluated before the policy's
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM asks_for($$rbac.has_scope('stranger', id, 'book:read')$$);

-- Only by the first column of a btree.
RESET SESSION AUTHORIZATION;
BEGIN;
DROP INDEX books_uid;
CREATE INDEX books_uid_hash ON books USING hash (uid);
CREATE INDEX books_created_uid ON books (created, uid);
CREATE INDEX books_uid_brin ON books USING brin (uid);
GRANT SELECT ON rbac.members TO regress_app;
SET LOCAL SESSION AUTHORIZATION regress_app;
SET LOCAL rbac.member = 'gina';
SET LOCAL enable_seqscan = off;
SELECT * FROM plan_of($$rbac.has_scope(uid, 'book:read')$$);
SELECT count(*), bool_and(created >= before) FROM (SELECT created, lag(created, 1, 0) OVER () AS before FROM (SELECT created FROM books ORDER BY created, uid) b) b;
ROLLBACK;
BEGIN;
ALTER TABLE books DROP CONSTRAINT books_pkey;
CREATE INDEX books_title_id ON books (title, id);
SET LOCAL SESSION AUTHORIZATION regress_app;
SET LOCAL rbac.member = 'gina';
SET LOCAL enable_seqscan = off;
SELECT * FROM plan_of($$rbac.has_scope(id, 'book:read')$$);
ROLLBACK;
-- Of partial indexes, and indexes on an expression, as of any.
BEGIN;
DROP INDEX books_uid;
CREATE INDEX books_part ON books (uid) WHERE created < 10000;
CREATE INDEX books_expression ON books (lower(id));
SET LOCAL SESSION AUTHORIZATION regress_app;
SET LOCAL rbac.member = 'gina';
SELECT use($$rbac.has_scope(uid, 'book:read')$$);
SELECT finds('SELECT * FROM books WHERE created < 9000'), finds('SELECT * FROM books WHERE created < 12000');
SELECT * FROM plan_of($$rbac.has_scope(lower(id), 'book:read')$$);
ROLLBACK;
-- Collations and operator classes: what is equal by either is a candidate.
BEGIN;
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE names (a text COLLATE nocase, b text COLLATE "C", c text, d varchar(10));
INSERT INTO names SELECT id, id, id, id FROM books;
INSERT INTO names SELECT upper(id), upper(id), upper(id), upper(id) FROM books;
CREATE INDEX ON names (a);
CREATE INDEX ON names (b text_pattern_ops);
CREATE INDEX ON names (c COLLATE "POSIX" DESC);
CREATE INDEX ON names (d varchar_pattern_ops NULLS FIRST);
ANALYZE names;
SET LOCAL rbac.member = 'gina';
SELECT c, finds(format($$SELECT * FROM names WHERE rbac.has_scope(%s, 'book:read')$$, c)) FROM unnest('{a,b,c,d}'::text[]) c;
SELECT (SELECT count(*) FROM names WHERE rbac.has_scope(a, 'book:read')), (SELECT count(*) FROM names WHERE rbac.has_scope(b, 'book:read')),
	(SELECT count(*) FROM names WHERE rbac.has_scope(c, 'book:read')), (SELECT count(*) FROM names WHERE rbac.has_scope(d, 'book:read'));
ROLLBACK;

-- Estimates: within a factor of two of what is found.
SET SESSION AUTHORIZATION regress_app;
CREATE FUNCTION estimate(query text) RETURNS TABLE (rows bigint, honest boolean) LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
	estimated numeric;
BEGIN
	EXECUTE format('SELECT count(*) FROM (%s) q', query) INTO rows;
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	estimated := plan->0->'Plan'->'Plan Rows';
	honest := estimated BETWEEN rows / 2.0 AND greatest(rows, 1) * 2;
	IF NOT honest THEN
		RAISE WARNING '% estimated, % found', estimated, rows;
	END IF;
	RETURN NEXT;
END $$;
CREATE FUNCTION estimates(query text) RETURNS TABLE (member text, rows bigint, honest boolean) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH member IN ARRAY '{many,tom,abe,olga,teo,root,stranger,""}'::text[] LOOP
		PERFORM set_config('rbac.member', member, true);
		RETURN QUERY SELECT estimates.member, e.* FROM estimate(query) e;
	END LOOP;
END $$;
RESET SESSION AUTHORIZATION;
DELETE FROM rbac.entities WHERE entity_type = 'book' AND entity !~ '^b[0-9]*$';
VACUUM ANALYZE rbac.entities, rbac.entity_grants;
SET SESSION AUTHORIZATION regress_app;
SELECT use($$rbac.row_has_scope(rbac.current_member(), id, 'book:read', organization, owner, tags)$$);
SELECT * FROM estimates('SELECT * FROM books');
SELECT * FROM estimates($$SELECT * FROM books WHERE organization = 'tiny'$$) WHERE member NOT IN ('olga', 'many', 'abe', 'stranger', '');
SELECT use($$rbac.has_scope(id, 'book:read')$$);
SELECT * FROM estimates('SELECT * FROM books');
-- and of a function that lists
RESET SESSION AUTHORIZATION;
SELECT member, e.* FROM unnest('{gina,many,tom,abe,root,stranger}'::text[]) member, estimate(format('SELECT * FROM rbac.entities_with_scope(%L, %L)', member, 'book:read')) e;
SELECT * FROM estimate($$SELECT * FROM rbac.entities_with_scope('tom', 'book:read', NULL, 7)$$);
SET SESSION AUTHORIZATION regress_app;

-- Not on a column that is joined, unless there are few.
SET rbac.member = 'gina';
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT finds($$SELECT * FROM (VALUES ('b101'), ('b5')) v (id) JOIN books USING (id)$$);
SET rbac.member = 'tom';
SELECT finds($$SELECT * FROM (VALUES ('b101'), ('b5')) v (id) JOIN books USING (id)$$);
SELECT finds($$SELECT * FROM (VALUES ('b101'), ('b5')) v (id) LEFT JOIN books USING (id)$$);
SELECT finds($$SELECT * FROM (VALUES ('b101'), ('b5')) v (id), LATERAL (SELECT * FROM books WHERE books.id = v.id LIMIT 1) b$$);
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_seqscan;

-- Nobody but the planner can call what is in the plans.
SELECT rbac.candidate_entities('tom', 'book:read', NULL, NULL::text);
SELECT rbac.candidate_organizations('tom', 'book:read', NULL, NULL::text);
SELECT rbac.candidate_entities('tom', 'book:read', '', NULL::text);
SELECT rbac.candidate_entities('tom', 'book:read', '0'::text::rbac.plan_only, NULL::text);
CREATE FUNCTION made() RETURNS rbac.plan_only LANGUAGE plpgsql AS $$ BEGIN RETURN 0; END $$;
SELECT rbac.candidate_entities('tom', 'book:read', made(), NULL::text);
CREATE TYPE holder AS (p rbac.plan_only);
SELECT rbac.candidate_entities('tom', 'book:read', (jsonb_populate_record(NULL::holder, '{"p": 0}')).p, NULL::text);
SELECT rbac.candidate_entities('tom', 'book:read', ('(0)'::holder).p, NULL::text);
SELECT rbac.candidate_entities('tom', 'book:read', (array_fill(NULL::rbac.plan_only, '{1}')) [1], NULL::text);
CREATE TYPE mine AS ENUM ('a');
CREATE CAST (mine AS rbac.plan_only) WITHOUT FUNCTION;
CREATE CAST (mine AS rbac.plan_only) WITH INOUT;
SELECT rbac.candidate_entities('tom', 'book:read', 'a'::mine::rbac.plan_only, NULL::text);
DROP CAST (mine AS rbac.plan_only);
DROP TYPE mine;
\set VERBOSITY terse
SELECT rbac.check_support(NULL);
\set VERBOSITY default

RESET SESSION AUTHORIZATION;
DROP SCHEMA library CASCADE;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations WHERE name IN ('tiny', 'acme');
DELETE FROM rbac.role_rules WHERE role LIKE 'Reads%';
DELETE FROM rbac.roles WHERE NOT builtin;
DELETE FROM rbac.entity_type_settings;
DELETE FROM rbac.permission_sets WHERE NOT builtin;
DELETE FROM rbac.scopes WHERE NOT builtin;
DELETE FROM rbac.entity_types WHERE NOT builtin;
REVOKE SET ON PARAMETER rbac.member FROM regress_app;
DROP ROLE regress_app;
