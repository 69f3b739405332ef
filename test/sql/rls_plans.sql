-- Policies in all sorts of queries: joins, views, functions, cursors, prepared
-- statements, parallel plans, partitions, and keys of every type.
SET client_min_messages = warning;
CREATE ROLE regress_app;
GRANT SET ON PARAMETER rbac.member TO regress_app;
CREATE SCHEMA shop;
GRANT USAGE, CREATE ON SCHEMA shop TO regress_app;
SET search_path = shop;

INSERT INTO rbac.organizations VALUES ('acme'), ('globex');
INSERT INTO rbac.roles (name) VALUES ('Auditor');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('Auditor', 'Stack Read', NULL), ('Auditor', 'Environment Read', '$.public == true');
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'ann', 'Member'), ('acme', 'audrey', 'Auditor'), ('acme', 'root', 'Admin'), ('globex', 'root', 'Admin');

-- stacks with text, environments with uuid and accounts with bigint keys: every
-- tenth of either is of globex, every hundredth is granted to ann
CREATE TABLE stacks (id text PRIMARY KEY, n int, account bigint);
CREATE TABLE environments (id uuid PRIMARY KEY, n int, stack text);
CREATE TABLE accounts (id bigint PRIMARY KEY, n int);
INSERT INTO stacks SELECT 's' || i, i, i % 100 FROM generate_series(1, 5000) i;
INSERT INTO environments SELECT md5(i::text)::uuid, i, 's' || i FROM generate_series(1, 5000) i;
INSERT INTO accounts SELECT i, i FROM generate_series(0, 99) i;
INSERT INTO rbac.entities (entity_type, entity, organization, tags)
	SELECT 'stack', id, CASE WHEN n % 10 = 0 THEN 'globex' ELSE 'acme' END, NULL FROM stacks
	UNION ALL SELECT 'environment', id::text, CASE WHEN n % 10 = 0 THEN 'globex' ELSE 'acme' END, jsonb_build_object('public', n % 2 = 0) FROM environments
	UNION ALL SELECT 'insights_account', id::text, CASE WHEN n % 10 = 0 THEN 'globex' ELSE 'acme' END, NULL FROM accounts;
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	SELECT 'Stack Read', id, 'acme', 'ann' FROM stacks WHERE n % 100 = 1
	UNION ALL SELECT 'Environment Read', id::text, 'acme', 'ann' FROM environments WHERE n % 200 = 1
	UNION ALL SELECT 'Account Read', id::text, 'acme', 'ann' FROM accounts WHERE n = 1
	-- of no use, as they are of another organization
	UNION ALL SELECT 'Stack Read', id, 'acme', 'ann' FROM stacks WHERE n % 100 = 0;

ALTER TABLE stacks ENABLE ROW LEVEL SECURITY;
ALTER TABLE environments ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON stacks FOR SELECT USING (rbac.has_scope(id, 'stack:read'));
CREATE POLICY reads ON environments FOR SELECT USING (rbac.has_scope(id, 'environment:read'));
CREATE POLICY reads ON accounts FOR SELECT USING (rbac.has_scope(id, 'insights_account:read'));
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO regress_app;
ANALYZE stacks, environments, accounts;

SET SESSION AUTHORIZATION regress_app;

-- each table, for each member in turn
CREATE FUNCTION counts() RETURNS TABLE (member text, stacks bigint, environments bigint, accounts bigint)
	LANGUAGE plpgsql AS $$
BEGIN
	FOREACH member IN ARRAY ARRAY['ann', 'audrey', 'root', 'stranger', ''] LOOP
		PERFORM set_config('rbac.member', member, true);
		RETURN QUERY SELECT counts.member, (SELECT count(*) FROM stacks), (SELECT count(*) FROM environments), (SELECT count(*) FROM accounts);
	END LOOP;
	PERFORM set_config('rbac.member', '', true);
END $$;
SELECT * FROM counts();

-- joins of protected tables
SET rbac.member = 'ann';
SELECT count(*), min(s.n), max(s.n) FROM stacks s JOIN environments e ON e.stack = s.id;
SELECT count(*) FROM stacks s LEFT JOIN environments e ON e.stack = s.id WHERE e.id IS NULL;
SELECT count(*) FROM stacks s JOIN accounts a ON a.id = s.account JOIN environments e ON e.stack = s.id;
SELECT count(*) FROM stacks s WHERE EXISTS (SELECT FROM environments e WHERE e.stack = s.id);
SELECT count(*) FROM stacks s JOIN stacks t ON t.account = s.account;
SET rbac.member = 'root';
SELECT count(*) FROM stacks s JOIN environments e ON e.stack = s.id JOIN accounts a ON a.id = s.account;
-- by whichever method
SET rbac.member = 'ann';
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT count(*), min(s.n), max(s.n) FROM stacks s JOIN environments e ON e.stack = s.id;
SET enable_mergejoin = on;
SET enable_nestloop = off;
SELECT count(*), min(s.n), max(s.n) FROM stacks s JOIN environments e ON e.stack = s.id;
RESET enable_hashjoin;
RESET enable_nestloop;
RESET enable_mergejoin;

-- by whichever scan
SELECT n FROM stacks WHERE id = 's101';
SELECT n FROM stacks WHERE id = 's102';
SELECT n FROM stacks WHERE id IN ('s1', 's2', 's100', 's201') ORDER BY n;
SELECT count(*), min(id), max(id) FROM stacks WHERE id LIKE 's1%';
SET enable_seqscan = off;
SELECT count(*), min(id), max(id) FROM stacks WHERE id >= 's1' AND id < 's2';
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SELECT count(*), min(id), max(id) FROM stacks WHERE id >= 's1' AND id < 's2';
SET enable_seqscan = on;
SET enable_bitmapscan = off;
SELECT count(*), min(id), max(id) FROM stacks WHERE id >= 's1' AND id < 's2';
SET enable_tidscan = on;
SELECT count(*) FROM stacks WHERE ctid >= '(0,0)';
RESET enable_seqscan;
RESET enable_indexscan;
RESET enable_indexonlyscan;
RESET enable_bitmapscan;
RESET enable_tidscan;
SELECT n FROM stacks ORDER BY n LIMIT 3;
SELECT n FROM stacks ORDER BY n DESC LIMIT 2;
SELECT count(*) FROM stacks TABLESAMPLE BERNOULLI (100);

-- a function in the query, however cheap it says it is, sees no hidden row
CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
	RAISE WARNING 'seen: %', $1;
	RETURN true;
END $$;
SELECT count(*) FROM stacks WHERE leak(id) AND n BETWEEN 1 AND 200;

-- prepared statements
PREPARE by_id (text) AS SELECT n FROM stacks WHERE id = $1;
PREPARE all_n AS SELECT count(*), sum(n) FROM stacks;
PREPARE may (text, text) AS SELECT rbac.has_scope($1, $2);
SET plan_cache_mode = force_generic_plan;
EXECUTE by_id ('s101');
EXECUTE by_id ('s102');
EXECUTE all_n;
EXECUTE may ('s101', 'stack:read');
EXECUTE may ('s101', 'stack:write');
SET rbac.member = 'audrey';
EXECUTE by_id ('s102');
EXECUTE by_id ('s110');
EXECUTE all_n;
EXECUTE may ('s102', 'stack:read');
SET plan_cache_mode = force_custom_plan;
EXECUTE by_id ('s102');
EXECUTE by_id ('s110');
EXECUTE all_n;
RESET plan_cache_mode;
DEALLOCATE ALL;

-- cursors
SET rbac.member = 'ann';
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT n FROM stacks ORDER BY n;
FETCH 2 FROM c;
FETCH LAST FROM c;
FETCH PRIOR FROM c;
FETCH FIRST FROM c;
COMMIT;
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT n FROM stacks ORDER BY n;
COMMIT;
FETCH 1 FROM h;
CLOSE h;

-- functions
CREATE FUNCTION sql_count() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM stacks';
CREATE FUNCTION plpgsql_sum() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	total bigint := 0;
	r record;
BEGIN
	FOR r IN SELECT n FROM stacks LOOP
		total := total + r.n;
	END LOOP;
	RETURN total;
END $$;
SELECT sql_count(), plpgsql_sum();
SET rbac.member = 'audrey';
SELECT sql_count(), plpgsql_sum();
SET rbac.member = 'stranger';
SELECT sql_count(), plpgsql_sum();
RESET rbac.member;
RESET SESSION AUTHORIZATION;

-- views: one that asks for its invoker, one of an owner who is bound by the
-- policies, and one of an owner who is above them
CREATE VIEW invoker WITH (security_invoker) AS SELECT s.n FROM stacks s JOIN environments e ON e.stack = s.id;
CREATE VIEW above AS SELECT s.n FROM stacks s JOIN environments e ON e.stack = s.id;
CREATE VIEW bound AS SELECT s.n FROM stacks s JOIN environments e ON e.stack = s.id;
CREATE ROLE regress_views;
GRANT USAGE ON SCHEMA shop TO regress_views;
GRANT CREATE ON SCHEMA shop TO regress_views;
ALTER VIEW bound OWNER TO regress_views;
GRANT SELECT ON stacks, environments TO regress_views;
CREATE MATERIALIZED VIEW stored AS SELECT n FROM stacks;
GRANT SELECT ON invoker, above, bound, stored TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SET rbac.member = 'ann';
SELECT (SELECT count(*) FROM invoker) AS invoker, (SELECT count(*) FROM bound) AS bound,
	(SELECT count(*) FROM above) AS above, (SELECT count(*) FROM stored) AS stored;
SET rbac.member = 'audrey';
SELECT (SELECT count(*) FROM invoker) AS invoker, (SELECT count(*) FROM bound) AS bound,
	(SELECT count(*) FROM above) AS above, (SELECT count(*) FROM stored) AS stored;
RESET rbac.member;

-- parallel plans: the workers answer as the leader would, for the member of the
-- moment and with what its transaction has changed
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
\set SHOW_CONTEXT never
CREATE FUNCTION workers(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Workers|Parallel Seq Scan on stacks' THEN
			RETURN NEXT trim(line, ' ->');
		END IF;
	END LOOP;
END $$;
SET rbac.member = 'ann';
SELECT * FROM workers('SELECT count(*), sum(n) FROM stacks WHERE n > 0');
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
SELECT count(*), sum(n) FROM environments WHERE n > 0;
SELECT count(*), sum(n) FROM accounts WHERE n > 0;
SELECT * FROM workers('SELECT count(*), sum(s.n) FROM stacks s JOIN environments e ON e.stack = s.id WHERE s.n > 0');
SELECT count(*), sum(s.n) FROM stacks s JOIN environments e ON e.stack = s.id WHERE s.n > 0;
SET rbac.member = 'audrey';
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
SELECT count(*), sum(n) FROM environments WHERE n > 0;
BEGIN;
SELECT rbac.act_as('root');
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
SELECT rbac.act_as('stranger');
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
SELECT rbac.act_as(NULL);
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
COMMIT;
-- the check in the query itself, with constants and parameters
SELECT count(*) FROM stacks WHERE rbac.has_scope('root', id, 'stack:delete');
PREPARE holds (text, text) AS SELECT count(*) FROM stacks WHERE rbac.has_scope($1, id, $2);
SET plan_cache_mode = force_generic_plan;
SELECT * FROM workers($$EXECUTE holds ('root', 'stack:read')$$);
EXECUTE holds ('root', 'stack:read');
EXECUTE holds ('ann', 'stack:read');
SET rbac.member = 'root';
EXECUTE holds ('ann', 'stack:read');
EXECUTE holds ('ann', 'stack:raed');
RESET plan_cache_mode;
RESET rbac.member;
RESET SESSION AUTHORIZATION;
-- uncommitted changes, seen by workers, and gone after a rollback
BEGIN;
DELETE FROM rbac.entity_grants WHERE entity = 's1';
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES
	('Stack Read', 's2', 'acme', 'ann'), ('Stack Read', 's3', 'acme', 'ann');
SET LOCAL SESSION AUTHORIZATION regress_app;
SET LOCAL rbac.member = 'ann';
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
RESET SESSION AUTHORIZATION;
UPDATE rbac.entities SET organization = 'globex' WHERE entity = 's2';
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
ROLLBACK;
SET SESSION AUTHORIZATION regress_app;
SET rbac.member = 'ann';
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
COMMIT;
RESET rbac.member;
-- a login that is a member itself, in workers
RESET SESSION AUTHORIZATION;
GRANT SELECT ON stacks TO regress_views;
INSERT INTO rbac.members (organization, member, role) VALUES ('globex', 'regress_views', 'Auditor');
SET SESSION AUTHORIZATION regress_views;
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
RESET SESSION AUTHORIZATION;
SET ROLE regress_views;
SELECT count(*), sum(n) FROM stacks WHERE n > 0;
RESET ROLE;
RESET max_parallel_workers_per_gather;
RESET enable_indexscan;
RESET enable_bitmapscan;

-- partitions, under the policies of the table that is named in the query
CREATE TABLE parts (id text, organization text, n int) PARTITION BY LIST (organization);
CREATE TABLE parts_acme PARTITION OF parts FOR VALUES IN ('acme');
CREATE TABLE parts_globex PARTITION OF parts FOR VALUES IN ('globex');
INSERT INTO parts SELECT s.id, e.organization, s.n FROM stacks s JOIN rbac.entities e ON e.entity_type = 'stack' AND e.entity = s.id;
ALTER TABLE parts ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON parts FOR SELECT USING (rbac.has_scope(id, 'stack:read'));
CREATE POLICY writes ON parts FOR UPDATE USING (rbac.has_scope(id, 'stack:read'))
	WITH CHECK (rbac.row_has_scope(rbac.current_member(), id, 'stack:read', organization));
GRANT SELECT, UPDATE ON parts TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SET rbac.member = 'audrey';
SELECT organization, count(*) FROM parts GROUP BY 1;
SELECT count(*) FROM parts WHERE organization = 'globex';
SELECT count(*) FROM parts_acme;
UPDATE parts SET organization = 'globex' WHERE id = 's1';
SET rbac.member = 'root';
SELECT organization, count(*) FROM parts GROUP BY 1 ORDER BY 1;
UPDATE parts SET organization = 'globex' WHERE id = 's1' RETURNING id, organization, tableoid::regclass;
RESET rbac.member;
SELECT count(*) FROM parts;
RESET SESSION AUTHORIZATION;

DROP SCHEMA shop CASCADE;
DELETE FROM rbac.entities;
DELETE FROM rbac.members;
DELETE FROM rbac.role_rules WHERE id > 0;
DELETE FROM rbac.roles WHERE NOT builtin;
DELETE FROM rbac.organizations;
REVOKE SET ON PARAMETER rbac.member FROM regress_app;
DROP ROLE regress_app, regress_views;
