-- What can be learned of rows that one may not see: by functions, operators and casts
-- that tell what they were given, by errors, plans, estimates and keys.
SET client_min_messages = warning;
SET jit = off;
CREATE ROLE hostile_member;		-- sees id 1 to 3 of 100
CREATE SCHEMA hostile_leak AUTHORIZATION hostile_member;
INSERT INTO rbac.organizations VALUES ('acme'), ('globex');
INSERT INTO rbac.members (organization, member) VALUES ('acme', 'hostile_member'), ('globex', 'bob');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'alice', 'Admin');
CREATE TABLE by_registry (id bigint PRIMARY KEY, organization text, owner text, tags jsonb, secret text UNIQUE);
CREATE TABLE by_row (LIKE by_registry INCLUDING ALL);
CREATE INDEX ON by_row (organization);
CREATE INDEX ON by_registry (secret);
SELECT rbac.protect('by_row', 'stack', 'id', 'organization', 'owner', 'tags', 'stack:read', 'stack:create', 'stack:write', 'stack:delete', 'stack:transfer');
INSERT INTO by_row SELECT i, CASE WHEN i <= 50 THEN 'acme' ELSE 'globex' END, NULL, '{}', 'secret ' || i FROM generate_series(1, 100) i;
INSERT INTO by_registry SELECT * FROM by_row;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) SELECT 'Stack Admin', i, 'acme', 'hostile_member' FROM generate_series(1, 3) i;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) SELECT 'Stack Read', i, 'globex', 'bob' FROM generate_series(51, 100) i;
ALTER TABLE by_registry ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON by_registry USING (rbac.has_scope(id, 'stack:read')) WITH CHECK (rbac.has_scope(id, 'stack:write'));
GRANT SELECT, INSERT, UPDATE, DELETE ON by_row, by_registry TO hostile_member;
ANALYZE by_row, by_registry;
CREATE FUNCTION plan_of(query text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN ' || query INTO plan;
	RETURN plan;
END $$;
CREATE FUNCTION plan_rows(query text) RETURNS numeric LANGUAGE sql AS $$ SELECT (plan_of('(FORMAT json) ' || query) #>> '{0,Plan,Plan Rows}')::numeric $$;

SET SESSION AUTHORIZATION hostile_member;
SET search_path = hostile_leak, public;
CREATE TABLE seen (id bigint, secret text);
CREATE FUNCTION leak(bigint, text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN INSERT INTO seen VALUES ($1, $2); RETURN true; END $$;
CREATE FUNCTION leak(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN INSERT INTO seen VALUES (NULL, $1); RETURN true; END $$;
CREATE FUNCTION leak(bigint, bigint) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN INSERT INTO seen VALUES ($1, NULL), ($2, NULL); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR <<< (LEFTARG = text, RIGHTARG = text, FUNCTION = leak, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR === (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = leak, RESTRICT = eqsel, JOIN = eqjoinsel, MERGES, HASHES);
CREATE TYPE pair AS (id bigint, secret text);
CREATE FUNCTION leak(pair) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN INSERT INTO seen VALUES ($1.id, $1.secret); RETURN true; END $$;
CREATE CAST (pair AS boolean) WITH FUNCTION leak(pair) AS IMPLICIT;
CREATE TABLE guesses AS SELECT i AS id, 'secret ' || i AS secret FROM generate_series(1, 100) i;
CREATE INDEX ON guesses (id);
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
	detail text;
BEGIN
	EXECUTE statement INTO answer;
	RETURN COALESCE(answer, 'nothing');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' / ', sqlstate, sqlerrm, NULLIF(detail, ''));
END $$;

-- Each of these, against each table, by each kind of plan: what was seen is what the
-- member may see.
CREATE TABLE queries (no int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO queries (query) VALUES
	('SELECT count(*) FROM %s WHERE leak(id, secret)'),
	('SELECT count(*) FROM %s WHERE leak(id, secret) AND id > 1'),
	('SELECT count(*) FROM %s WHERE secret <<< secret'),
	('SELECT count(*) FROM %s WHERE secret <<< ''secret 77'''),
	('SELECT count(*) FROM %s WHERE ROW(id, secret)::pair::boolean'),
	('SELECT count(*) FROM %s t WHERE CASE WHEN leak(id, secret) THEN true END'),
	('SELECT count(*) FROM %s WHERE id = 77 AND leak(id, secret)'),
	('SELECT count(*) FROM %s WHERE id IN (1, 77) AND leak(id, secret)'),
	('SELECT count(*) FROM %s WHERE secret = ''secret 77'' AND leak(id, secret)'),
	('SELECT count(*) FROM %s WHERE organization = ''globex'' AND leak(id, secret)'),
	('SELECT count(*) FROM %s t JOIN guesses g ON t.id === g.id'),
	('SELECT count(*) FROM guesses g JOIN %s t ON t.id = g.id AND leak(t.id, t.secret)'),
	('SELECT count(*) FROM guesses g LEFT JOIN %s t ON t.id = g.id AND leak(t.id, t.secret)'),
	('SELECT count(*) FROM guesses g WHERE EXISTS (SELECT FROM %s t WHERE t.id = g.id AND leak(t.id, t.secret))'),
	('SELECT count(*) FROM (SELECT id, secret FROM %s OFFSET 0) t WHERE leak(id, secret)'),
	('SELECT count(*) FROM (SELECT DISTINCT id, secret FROM %s) t WHERE leak(id, secret)'),
	('SELECT count(*) FILTER (WHERE leak(id, secret)) FROM %s'),
	('SELECT max(id) FROM %s WHERE leak(id, secret)'),
	('SELECT id FROM %s WHERE leak(id, secret) ORDER BY id DESC LIMIT 1'),
	('SELECT count(*) FROM %s TABLESAMPLE SYSTEM (100) WHERE leak(id, secret)'),
	('SELECT count(*) FROM %s WHERE ctid = ''(0,77)'' AND leak(id, secret)'),
	('SELECT count(*) FROM %s WHERE ctid = ANY (ARRAY(SELECT format(''(0,%%s)'', i)::tid FROM generate_series(1, 100) i)) AND leak(id, secret)'),
	('SELECT count(*) FROM %s WHERE tableoid > 0 AND leak(id, secret)'),
	('SELECT count(*) FROM %1$s a, %1$s b WHERE leak(a.id, b.id)'),
	('SELECT count(*) FROM %s WHERE (rbac.has_scope(id, ''stack:read'') OR true) AND leak(id, secret)'),
	('SELECT count(*) FROM %s WHERE rbac.has_scope(''bob'', id, ''stack:read'') AND leak(id, secret)'),
	('SELECT count(*) FROM %s WHERE rbac.has_scope(''bob'', id, ''stack:read'') OR leak(id, secret)'),
	('SELECT id FROM %s WHERE leak(id, secret) FOR UPDATE'),
	('WITH u AS (UPDATE %s SET tags = tags WHERE leak(id, secret) RETURNING id) SELECT count(*) FROM u'),
	('WITH u AS (UPDATE %s t SET tags = t.tags FROM guesses g WHERE t.id === g.id RETURNING t.id) SELECT count(*) FROM u'),
	('WITH d AS (DELETE FROM %s WHERE leak(id, secret) AND 1 / (id - id + 1) = 2 RETURNING id) SELECT count(*) FROM d'),
	('MERGE INTO %s t USING guesses g ON t.id = g.id AND leak(t.id, t.secret) WHEN MATCHED THEN DO NOTHING');
CREATE FUNCTION seen_by(query text) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE seen;
	EXECUTE query;
	-- 77 is what some queries are about, and what an operator of two sides sees of the other
	RETURN ARRAY(SELECT DISTINCT s.id FROM (SELECT id FROM seen UNION ALL SELECT substr(secret, 8)::bigint FROM seen WHERE secret <> 'secret 77') AS s
		WHERE s.id IS NOT NULL AND query NOT LIKE '%===%');
END $$;
CREATE TABLE leaks (query text, plans text, seen bigint[]);
CREATE FUNCTION try_all(plans text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO leaks SELECT format(query, t), plans, seen_by(format(query, t)) FROM queries, unnest('{by_registry,by_row}'::text[]) t ORDER BY no
$$;
SELECT try_all('usual');
SET enable_seqscan = off;
SELECT try_all('index');
SET enable_indexscan = off;
SELECT try_all('bitmap');
RESET enable_indexscan;
RESET enable_seqscan;
SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off;
SELECT try_all('sequential');
SET enable_hashjoin = off; SET enable_nestloop = off;
SELECT try_all('merge join');
RESET ALL;
SET search_path = hostile_leak, public;
SELECT query, plans, seen FROM leaks WHERE NOT seen <@ '{1,2,3}';
SELECT count(*), count(*) FILTER (WHERE seen <> '{}') > 200 AS most_saw_something FROM leaks;
-- an operator that is said to be an equality sees both sides of a join, after the policy
TRUNCATE seen;
SELECT count(*) FROM by_row t JOIN guesses g ON t.id === g.id;
SELECT count(*) FROM (SELECT id FROM seen) s WHERE id IN (SELECT id FROM by_row);
SELECT count(DISTINCT id) FROM seen;

-- errors in the query come from rows that are seen
SELECT outcome('SELECT count(*) FROM by_row WHERE 1 / (id - 77) <> 0');
SELECT outcome('SELECT count(*) FROM by_registry WHERE 1 / (id - 77) <> 0');
SELECT outcome('SELECT count(*) FROM by_row WHERE secret::int = 0 AND id > 50');
SELECT outcome('SELECT count(*) FROM by_row WHERE rbac.has_scope(id, (secret || id)::rbac.scope) AND id > 50');

-- Writing: what is not seen is not there, but for keys, which the server itself tells.
SELECT outcome('UPDATE by_row SET secret = ''x'' WHERE id = 77 RETURNING secret');
SELECT outcome('DELETE FROM by_row WHERE id = 77 RETURNING secret');
SELECT outcome('INSERT INTO by_row VALUES (77, ''acme'', ''hostile_member'', ''{}'', ''x'') RETURNING *');
SELECT outcome('INSERT INTO by_registry VALUES (77, ''acme'', ''hostile_member'', ''{}'', ''x'') RETURNING *');
SELECT outcome('INSERT INTO by_registry VALUES (77, ''acme'', ''hostile_member'', ''{}'', ''x'') ON CONFLICT DO NOTHING RETURNING *');
SELECT outcome('INSERT INTO by_registry VALUES (1, ''acme'', ''hostile_member'', ''{}'', ''x'') ON CONFLICT (id) DO UPDATE SET id = 77 RETURNING *');
SELECT outcome('UPDATE by_registry SET secret = ''secret 77'' WHERE id = 1');
SELECT outcome('UPDATE by_registry SET id = 77 WHERE id = 1');
SELECT outcome('COPY by_row TO STDOUT');
CREATE TABLE referring (id bigint);
SELECT outcome('ALTER TABLE referring ADD FOREIGN KEY (id) REFERENCES by_row');
SELECT outcome('CREATE INDEX ON by_row (leak(id, secret))');
SELECT outcome('CREATE STATISTICS s ON id, secret FROM by_row');
SELECT outcome('CREATE TRIGGER t BEFORE UPDATE ON by_row FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()');
SELECT outcome('CREATE RULE r AS ON SELECT TO by_row DO INSTEAD SELECT 1');
SELECT outcome('TABLE pg_temp.by_row');
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM by_row WHERE secret <> '';
FETCH c;
UPDATE by_row SET tags = '{"a": 1}' WHERE CURRENT OF c;
ROLLBACK;

-- Statistics are not shown; estimates tell of oneself only.
SELECT count(*) FROM pg_stats WHERE tablename IN ('by_row', 'by_registry');
SELECT plan_rows('SELECT * FROM by_registry') AS seen_by_me;
SELECT member, plan_rows(format('SELECT * FROM guesses WHERE rbac.has_scope(%L, id, ''stack:read'')', member)) = plan_rows('SELECT * FROM guesses WHERE rbac.has_scope(''nobody'', id, ''stack:read'')') AS like_nobodys,
	plan_rows(format('SELECT * FROM rbac.entities_with_scope(%L, ''stack:read'')', member)) = plan_rows('SELECT * FROM rbac.entities_with_scope(''nobody'', ''stack:read'')') AS like_nobodys
FROM unnest('{alice,bob}'::text[]) member;
SET enable_seqscan = off;
SELECT plan_of('(FORMAT json) SELECT * FROM guesses WHERE rbac.has_scope(id, ''stack:read'')')::text LIKE '%candidate%' AS my_candidates;
SELECT plan_of('(FORMAT json) SELECT * FROM guesses WHERE rbac.has_scope(''bob'', id, ''stack:read'')')::text LIKE '%candidate%' AS candidates_of_others;
PREPARE others(text) AS SELECT * FROM guesses WHERE rbac.has_scope($1, id, 'stack:read');
SET plan_cache_mode = force_generic_plan;
SELECT plan_of('(FORMAT json) EXECUTE others(''bob'')')::text LIKE '%candidate%' AS candidates_of_others;
SET plan_cache_mode = force_custom_plan;
SELECT plan_of('(FORMAT json) EXECUTE others(''bob'')')::text LIKE '%candidate%' AS candidates_of_others;
RESET ALL;
RESET SESSION AUTHORIZATION;

-- What the server tells nevertheless (README, Security): how many rows there are that
-- are not seen, and as above whether a key is there.
SET SESSION AUTHORIZATION hostile_member;
SET enable_indexscan = off; SET enable_bitmapscan = off;
SELECT plan #>> '{0,Plan,Rows Removed by Filter}' AS not_seen FROM plan_of('(ANALYZE, FORMAT json) SELECT * FROM by_registry') AS plan;
SELECT reltuples FROM pg_class WHERE relname = 'by_registry';
RESET ALL;
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;

-- clean up
DROP SCHEMA hostile_leak CASCADE;
DROP TABLE by_row, by_registry;
DROP FUNCTION plan_rows, plan_of;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
DROP ROLE hostile_member;
