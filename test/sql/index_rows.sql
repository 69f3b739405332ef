-- The same rows by index as by sequential scans: in all shapes of queries, for
-- one member after the other, in plans that were made for somebody else, with
-- grants that change.
SET client_min_messages = warning;
CREATE ROLE regress_app;
GRANT SET ON PARAMETER rbac.member TO regress_app;
CREATE SCHEMA library;
GRANT USAGE, CREATE ON SCHEMA library TO regress_app;
SET search_path = library;
\pset format unaligned
\pset tuples_only

CREATE TABLE books (id text COLLATE "C" PRIMARY KEY, n integer NOT NULL, organization text NOT NULL, owner text, shelf integer);
CREATE TABLE copies (book text COLLATE "C", organization text NOT NULL, copy integer, PRIMARY KEY (book, copy));
INSERT INTO books SELECT 'b' || i, i, CASE WHEN i % 3 = 0 THEN 'acme' WHEN i % 3 = 1 THEN 'tiny' ELSE 'else' END, CASE WHEN i % 100 = 1 THEN 'olga' END, i % 50
	FROM generate_series(1, 1500) i;
INSERT INTO copies SELECT id, organization, c FROM books, generate_series(1, 2) c;
CREATE INDEX books_organization ON books (organization);
CREATE INDEX books_n ON books (n);
CREATE INDEX copies_organization ON copies (organization, book);

INSERT INTO rbac.organizations VALUES ('tiny'), ('acme'), ('else');
INSERT INTO rbac.entities SELECT 'stack', id, organization, owner FROM books;
INSERT INTO rbac.roles (name) VALUES ('Reads');
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('Reads', 'Stack Read');
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'gina', 'Member'), ('tiny', 'gina', 'Member'), ('tiny', 'tom', 'Reads'), ('tiny', 'olga', 'Member'),
	('acme', 'root', 'Admin'), ('tiny', 'root', 'Admin'), ('else', 'root', 'Admin');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	SELECT CASE WHEN n % 2 = 0 THEN 'Stack Read' ELSE 'Stack Write' END, id, organization, 'gina'
	FROM books WHERE n BETWEEN 700 AND 760 AND organization <> 'else';

CREATE POLICY reads ON books FOR SELECT USING (rbac.has_scope(id, 'stack:read'));
CREATE POLICY writes ON books FOR UPDATE USING (rbac.has_scope(id, 'stack:write'));
CREATE POLICY deletes ON books FOR DELETE USING (rbac.has_scope(id, 'stack:write'));
CREATE POLICY reads ON copies USING (rbac.row_has_scope(rbac.current_member(), book, 'stack:read', organization));
ALTER TABLE books ENABLE ROW LEVEL SECURITY;
ALTER TABLE copies ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON books, copies TO regress_app;

-- the same, partitioned and inherited
CREATE TABLE parted (LIKE books) PARTITION BY HASH (id);
CREATE TABLE parted0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE parents (LIKE books);
CREATE TABLE children (extra integer) INHERITS (parents);
INSERT INTO parted TABLE books;
INSERT INTO parents SELECT * FROM books WHERE n % 2 = 0;
INSERT INTO children SELECT * FROM books WHERE n % 2 = 1;
CREATE UNIQUE INDEX ON parted (id);
CREATE UNIQUE INDEX ON parents (id);
CREATE UNIQUE INDEX ON children (id);
CREATE POLICY reads ON parted USING (rbac.has_scope(id, 'stack:read'));
CREATE POLICY reads ON parents USING (rbac.has_scope(id, 'stack:read'));
ALTER TABLE parted ENABLE ROW LEVEL SECURITY;
ALTER TABLE parents ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON parted, parents TO regress_app;
CREATE VIEW fenced WITH (security_barrier) AS SELECT * FROM books WHERE n > 0;
ALTER VIEW fenced OWNER TO regress_app;
VACUUM ANALYZE;

SET SESSION AUTHORIZATION regress_app;
CREATE FUNCTION always(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
	IF NOT rbac.has_scope($1, 'stack:read') THEN
		RAISE WARNING 'a function has seen %', $1;
	END IF;
	RETURN true;
END $$;

-- In which ways a query's rows, as text, are not the same by index as without;
-- and whether candidates were used.
CREATE FUNCTION rows_of(query text, by_index boolean) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	setting text;
	rows    text[];
BEGIN
	FOREACH setting IN ARRAY '{enable_indexscan,enable_indexonlyscan,enable_bitmapscan}'::text[] LOOP
		PERFORM set_config(setting, by_index::text, true);
	END LOOP;
	PERFORM set_config('enable_seqscan', (NOT by_index)::text, true);
	IF query ~ '^(SELECT|WITH|TABLE)' AND query !~ ' ORDER BY ' THEN
		query := format('SELECT r FROM (%s) r ORDER BY r::text', query);
	END IF;
	FOR setting IN EXECUTE query LOOP
		rows := rows || setting;
	END LOOP;
	RETURN coalesce(rows, '{}');
END $$;
CREATE FUNCTION compare(query text) RETURNS TABLE (member text, rows integer, same boolean, candidates boolean) LANGUAGE plpgsql AS $$
DECLARE
	line     text;
	by_index text[];
BEGIN
	FOREACH member IN ARRAY '{gina,tom,olga,root,stranger,""}'::text[] LOOP
		PERFORM set_config('rbac.member', member, true);
		by_index := rows_of(query, true);
		rows := cardinality(by_index);
		candidates := false;
		FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
			candidates := candidates OR line ~ 'candidate_';
		END LOOP;
		same := by_index = rows_of(query, false);
		RETURN NEXT;
	END LOOP;
END $$;
-- one line for each query
CREATE FUNCTION compared(queries text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT query || ': ' || (SELECT string_agg(rows || CASE WHEN NOT same THEN ' OTHER' ELSE '' END, ' ')
		|| CASE WHEN bool_or(candidates) THEN '' ELSE ' without candidates' END FROM compare(query))
	FROM unnest(queries) query
$$;

SELECT compared(ARRAY[
	'TABLE books', 'TABLE copies', 'TABLE parted', 'TABLE parents', 'TABLE fenced',
	'SELECT n FROM books ORDER BY id', 'SELECT n FROM books ORDER BY id DESC LIMIT 7', 'SELECT n FROM books ORDER BY n LIMIT 7',
	'SELECT id FROM books ORDER BY id OFFSET 5 LIMIT 5', 'SELECT organization, book FROM copies ORDER BY organization, book, copy',
	'SELECT organization, book FROM copies ORDER BY organization DESC, book DESC LIMIT 9',
	'SELECT count(*) FROM books', 'SELECT organization, count(*) FROM copies GROUP BY organization', 'SELECT DISTINCT organization FROM books',
	'SELECT max(id), min(id) FROM books', 'SELECT max(organization) FROM copies',
	'SELECT * FROM books WHERE n < 720', 'SELECT * FROM books WHERE n < 720 OR shelf = 3', 'SELECT * FROM books WHERE id > ''b72''',
	'SELECT * FROM books WHERE id > ''b72'' AND id < ''b73'' AND n % 2 = 1', 'SELECT * FROM books WHERE id LIKE ''b7%''',
	'SELECT * FROM books WHERE id = ''b718''', 'SELECT * FROM books WHERE id IN (''b718'', ''b719'', ''b1'', NULL)', 'SELECT * FROM copies WHERE organization = ''tiny'' AND book > ''b6''',
	'SELECT * FROM books WHERE owner IS NULL', 'SELECT * FROM copies WHERE organization <> ''tiny''',
	'SELECT * FROM books WHERE rbac.has_scope(id, ''stack:write'')', 'SELECT * FROM books WHERE rbac.has_scope(id, ''stack:write'') OR n = 1',
	'SELECT * FROM books WHERE rbac.has_scope(''olga'', id, ''stack:read'') AND NOT rbac.has_scope(id, ''stack:delete'')',
	'SELECT * FROM books WHERE rbac.has_scope(''gina'', id, ''stack:read'') IS NOT TRUE',
	'SELECT * FROM books WHERE always(id)', 'SELECT * FROM fenced WHERE always(id) AND n < 1000', 'SELECT * FROM copies WHERE always(book)',
	'SELECT * FROM books JOIN copies ON book = id', 'SELECT * FROM books LEFT JOIN copies ON book = id AND copy = 2', 'SELECT * FROM copies LEFT JOIN books ON book = id WHERE n IS NULL',
	'SELECT * FROM books a FULL JOIN books b ON a.n = b.n + 1', 'SELECT * FROM books a JOIN books b USING (shelf)', 'SELECT * FROM books WHERE id IN (SELECT book FROM copies WHERE copy = 1)',
	'SELECT * FROM books WHERE NOT EXISTS (SELECT FROM copies WHERE book = id)', 'SELECT * FROM books b, LATERAL (SELECT count(*) FROM copies WHERE book = b.id) c',
	'SELECT (SELECT max(n) FROM books b WHERE b.n < c.copy * 1000) FROM copies c', 'SELECT * FROM (VALUES (''gina''), (''tom'')) m (member), LATERAL (SELECT count(*) FROM books WHERE rbac.has_scope(m.member, id, ''stack:read'')) c',
	'SELECT * FROM books UNION ALL TABLE parted', 'SELECT n FROM books INTERSECT SELECT n FROM parents', 'WITH b AS MATERIALIZED (TABLE books) SELECT * FROM b JOIN copies ON book = id',
	'SELECT id, row_number() OVER (ORDER BY id) FROM books', 'SELECT * FROM books TABLESAMPLE SYSTEM (100)', 'SELECT * FROM books FOR UPDATE', 'SELECT * FROM books FOR SHARE SKIP LOCKED',
	'SELECT CASE WHEN rbac.has_scope(id, ''stack:write'') THEN 1 END FROM books']);
-- by each kind of join
SET enable_hashjoin = off;
SELECT compared(ARRAY['SELECT * FROM books JOIN copies ON book = id', 'SELECT * FROM books a JOIN books b USING (n)', 'SELECT * FROM copies LEFT JOIN books ON book = id']);
SET enable_mergejoin = off;
SELECT compared(ARRAY['SELECT * FROM books JOIN copies ON book = id', 'SELECT * FROM books a JOIN books b USING (n)', 'SELECT * FROM copies LEFT JOIN books ON book = id']);
SET enable_nestloop = off;
SET enable_mergejoin = on;
SELECT compared(ARRAY['SELECT * FROM books JOIN copies ON book = id', 'SELECT * FROM books a JOIN books b USING (n)', 'SELECT * FROM copies a JOIN copies b USING (organization, book, copy)']);
RESET enable_nestloop;
RESET enable_hashjoin;
RESET enable_mergejoin;
-- in parallel
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT compared(ARRAY['TABLE books', 'TABLE copies', 'TABLE parted', 'SELECT count(*) FROM copies', 'SELECT * FROM books JOIN copies ON book = id', 'SELECT organization, book FROM copies ORDER BY organization, book, copy']);
RESET min_parallel_table_scan_size;
RESET min_parallel_index_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
-- rows that are changed
SELECT compared(ARRAY['UPDATE books SET shelf = shelf RETURNING n', 'UPDATE books SET shelf = shelf WHERE n > 710 RETURNING n',
	'UPDATE books SET shelf = copy FROM copies WHERE book = id RETURNING n', 'DELETE FROM books WHERE n < 0 RETURNING n']);
CREATE FUNCTION changes(query text, by_index boolean) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	PERFORM rows_of('SELECT 1', by_index);	-- for its settings
	EXECUTE query;
	GET DIAGNOSTICS rows = ROW_COUNT;
	RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
	RETURN rows;
END $$;
CREATE FUNCTION changes(query text) RETURNS TABLE (member text, by_index bigint, without bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH member IN ARRAY '{gina,tom}'::text[] LOOP
		PERFORM set_config('rbac.member', member, true);
		by_index := changes(query, true);
		without := changes(query, false);
		RETURN NEXT;
	END LOOP;
END $$;
SELECT query, changes(query) FROM unnest(ARRAY[
	'UPDATE copies SET copy = copy + 10 WHERE book LIKE ''b7%''', 'DELETE FROM copies WHERE copy = 2', 'DELETE FROM books WHERE n > 720',
	'MERGE INTO copies USING books ON book = id AND copy = 1 WHEN MATCHED AND n > 720 THEN UPDATE SET copy = 5 WHEN NOT MATCHED THEN DO NOTHING',
	'INSERT INTO copies SELECT book, organization, copy + 20 FROM copies',
	'INSERT INTO copies SELECT book, organization, copy FROM copies ON CONFLICT (book, copy) DO UPDATE SET organization = excluded.organization']) query;

-- Plans that are kept, while the member changes: they are made anew if somebody
-- has much more or much less, and right in any case.
PREPARE listed AS SELECT count(*) FROM books;
PREPARE counted AS SELECT count(*) FROM copies;
PREPARE one (text) AS SELECT n FROM books WHERE id = $1;
PREPARE above (integer) AS SELECT count(*) FROM books WHERE n > $1;
CREATE FUNCTION in_plpgsql() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT count(*) FROM books);
END $$;
CREATE FUNCTION in_sql() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM books';
CREATE FUNCTION kept(INOUT member text, OUT listed bigint, OUT counted bigint, OUT plpgsql bigint, OUT sql bigint, OUT plan text) LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	PERFORM set_config('rbac.member', member, true);
	EXECUTE 'EXECUTE listed' INTO listed;
	EXECUTE 'EXECUTE counted' INTO counted;
	plpgsql := in_plpgsql();
	sql := in_sql();
	FOR line IN EXECUTE 'EXPLAIN EXECUTE listed' LOOP
		plan := coalesce(plan, substring(line FROM 'candidate_[a-z]+|Seq Scan'));
	END LOOP;
	IF member = 'tom' THEN
		plan := 'either';	-- a third of the rows
	END IF;
END $$;
SET rbac.member = 'gina';
SELECT kept(m) FROM unnest('{gina,root,gina,tom,olga,root,"",stranger,root,gina}'::text[]) m;
SET plan_cache_mode = force_generic_plan;
SELECT kept(m) FROM unnest('{gina,root,gina,tom,olga,root,"",stranger,root,gina}'::text[]) m;
EXECUTE one('b718');
EXECUTE above(720);
SET rbac.member = 'root';
EXECUTE one('b718');
EXECUTE above(720);
RESET plan_cache_mode;
-- by SET LOCAL, savepoints, functions with a setting
SET rbac.member = 'gina';
BEGIN;
EXECUTE listed;
SET LOCAL rbac.member = 'root';
EXECUTE listed;
SAVEPOINT s;
SET LOCAL rbac.member = 'tom';
EXECUTE listed;
ROLLBACK TO s;
EXECUTE listed;
COMMIT;
EXECUTE listed;
CREATE FUNCTION as_tom() RETURNS bigint LANGUAGE plpgsql SET rbac.member = 'tom' AS $$ BEGIN RETURN in_plpgsql(); END $$;
SELECT in_plpgsql(), as_tom(), in_plpgsql();

-- Grants that change between two uses of a plan.
EXECUTE listed;
RESET SESSION AUTHORIZATION;
UPDATE rbac.members SET role = 'Admin' WHERE member = 'gina';
SET SESSION AUTHORIZATION regress_app;
EXECUTE listed;
EXECUTE listed;
RESET SESSION AUTHORIZATION;
UPDATE rbac.members SET role = 'Member' WHERE member = 'gina';
DELETE FROM rbac.entity_grants WHERE entity = 'b718';
SET SESSION AUTHORIZATION regress_app;
EXECUTE listed;

-- A cursor asks for candidates when it is first read, and checks each row when
-- it comes to it: it shows what both members may see.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT n FROM books ORDER BY id;
FETCH 2 FROM c;
SET LOCAL rbac.member = 'tom';
FETCH 2 FROM c;
FETCH LAST FROM c;
FETCH PRIOR FROM c;
SET LOCAL rbac.member = 'gina';
FETCH FIRST FROM c;
MOVE FORWARD ALL FROM c;
COMMIT;
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT n FROM books ORDER BY id;
COMMIT;
SET rbac.member = 'tom';
FETCH 2 FROM h;
CLOSE h;

-- in one statement, one after the other
SET rbac.member = 'gina';
DO $$
DECLARE
	answers text := '';
	member  text;
BEGIN
	FOREACH member IN ARRAY '{gina,tom,root,olga,gina}'::text[] LOOP
		PERFORM set_config('rbac.member', member, true);
		answers := answers || (SELECT count(*) FROM books) || ' ';
	END LOOP;
	RAISE WARNING '%', answers;
END $$;

-- The inner side of a nested loop asks for candidates again when the member has changed.
SET enable_seqscan = off;
SELECT m, set_config('rbac.member', m, false) = m, (SELECT count(*) FROM books WHERE n > length(m) - 100)
FROM unnest('{gina,olga,gina,tom}'::text[]) m;
-- Index scans with candidates are not parallel: the workers' lists might differ.
SET enable_bitmapscan = off;
SET min_parallel_index_scan_size = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
CREATE FUNCTION is_parallel(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line     text;
	parallel boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		parallel := parallel OR line ~ 'Parallel Index';
	END LOOP;
	RETURN parallel;
END $$;
SELECT is_parallel('SELECT * FROM copies'), is_parallel($$SELECT * FROM copies WHERE organization > ''$$);
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET min_parallel_index_scan_size;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;

-- What somebody else has shows in no plan, unless one might act as them.
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_gina;
GRANT USAGE ON SCHEMA library TO regress_gina;
GRANT SELECT ON books, copies TO regress_gina;
-- whether a plan has candidates, and the numbers of rows that it expects
CREATE FUNCTION betrays(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		plan := plan || coalesce(substring(line FROM 'rows=[0-9]+'), substring(line FROM ' candidate_\w+|\.candidate_\w+'), '');
	END LOOP;
	RETURN plan;
END $$;
CREATE FUNCTION betrays_tom(query text) RETURNS boolean LANGUAGE sql
	RETURN betrays(format(query, 'tom')) <> betrays(format(query, 'stranger'));
ALTER TABLE books DISABLE ROW LEVEL SECURITY;
ALTER TABLE copies DISABLE ROW LEVEL SECURITY;
CREATE FUNCTION all_betray() RETURNS TABLE (by_id boolean, by_row boolean, custom boolean, generic boolean, listed boolean) LANGUAGE plpgsql AS $$
BEGIN
	by_id := betrays_tom($q$SELECT * FROM books WHERE rbac.has_scope(%L, id, 'stack:read')$q$);
	by_row := betrays_tom($q$SELECT * FROM copies WHERE rbac.row_has_scope(%L, book, 'stack:read', organization)$q$);
	SET LOCAL plan_cache_mode = force_custom_plan;
	custom := betrays_tom('EXECUTE others(%L)');
	SET LOCAL plan_cache_mode = force_generic_plan;
	generic := betrays('EXECUTE others(''tom'')') ~ 'candidate';
	listed := betrays_tom($q$SELECT * FROM rbac.entities_with_scope(%L, 'stack:read')$q$);
	RETURN NEXT;
END $$;
-- an expression that will come to another member when the plan is used again
PREPARE whoever AS SELECT * FROM books WHERE rbac.has_scope(current_setting('test.who'), id, 'stack:read');
SET rbac.member = 'gina';
SET test.who = 'gina';
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan;
SET SESSION AUTHORIZATION regress_gina;
SELECT betrays('EXECUTE whoever') ~ 'candidate', betrays($$SELECT * FROM books WHERE rbac.has_scope('gina', id, 'stack:read')$$) ~ 'candidate';
RESET SESSION AUTHORIZATION;
RESET plan_cache_mode;
PREPARE others (text) AS SELECT * FROM copies WHERE rbac.row_has_scope($1, book, 'stack:read', organization);
SET SESSION AUTHORIZATION regress_gina;
SELECT * FROM all_betray();
RESET SESSION AUTHORIZATION;
DEALLOCATE others;
PREPARE others (text) AS SELECT * FROM copies WHERE rbac.row_has_scope($1, book, 'stack:read', organization);
SELECT * FROM all_betray();
-- nor does any plan call what its user may not
GRANT SET ON PARAMETER rbac.member TO regress_gina;
SET rbac.member = 'gina';
SET SESSION AUTHORIZATION regress_gina;
SELECT betrays($$SELECT 1 FROM books WHERE rbac.has_scope(id, 'stack:read')$$) ~ 'candidate';
RESET SESSION AUTHORIZATION;
REVOKE EXECUTE ON FUNCTION rbac.candidate_entities(text, rbac.scope, rbac.plan_only, anyelement) FROM PUBLIC;
SET SESSION AUTHORIZATION regress_gina;
SELECT betrays($$SELECT 1 FROM books WHERE rbac.has_scope(id, 'stack:read')$$) ~ 'candidate';
SELECT count(*) FROM books WHERE rbac.has_scope(id, 'stack:read');
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION rbac.candidate_entities(text, rbac.scope, rbac.plan_only, anyelement) TO PUBLIC;
REVOKE EXECUTE ON FUNCTION rbac.current_member() FROM PUBLIC;
SET SESSION AUTHORIZATION regress_gina;
SELECT count(*) FROM books WHERE rbac.has_scope(id, 'stack:read');
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION rbac.current_member() TO PUBLIC;
RESET enable_seqscan;

-- A serializable transaction does not conflict with all that is registered.
SET rbac.member = 'tom';
SELECT betrays($$SELECT * FROM books WHERE rbac.has_scope(id, 'stack:read')$$) ~ 'candidate';
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT betrays($$SELECT * FROM books WHERE rbac.has_scope(id, 'stack:read')$$) ~ 'candidate';
SELECT count(*) FROM pg_locks WHERE mode = 'SIReadLock' AND relation = 'rbac.entities_organization_idx'::regclass;
COMMIT;

SET client_min_messages = error;
DROP SCHEMA library CASCADE;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations WHERE name IN ('tiny', 'acme', 'else');
DELETE FROM rbac.roles WHERE NOT builtin;
REVOKE SET ON PARAMETER rbac.member FROM regress_app, regress_gina;
DROP ROLE regress_app, regress_gina;
