-- A session that asks about everything that is not there stays within its memory.
SET client_min_messages = warning;
SET jit = off;
CREATE ROLE hostile_asker;
INSERT INTO rbac.organizations (name) VALUES ('acme');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'alice', 'Admin');
CREATE FUNCTION memory() RETURNS bigint LANGUAGE sql AS $$ SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts $$;
GRANT EXECUTE ON FUNCTION pg_get_backend_memory_contexts() TO hostile_asker;
GRANT SELECT ON pg_backend_memory_contexts TO hostile_asker;
\c -
SET jit = off;
SET rbac.cache_size = '1MB';
SET SESSION AUTHORIZATION hostile_asker;
CREATE TEMP TABLE questions (question text, n int);
INSERT INTO questions VALUES
	('SELECT count(*) FROM generate_series(1, %s) i WHERE rbac.has_scope(''nobody '' || i, ''web'', ''stack:read'')', 50000),
	('SELECT count(*) FROM generate_series(1, %s) i WHERE rbac.has_scope(''alice'', ''nothing '' || i, ''stack:read'')', 50000),
	('SELECT count(*) FROM generate_series(1, %s) i WHERE rbac.has_scope(''alice'', i, ''stack:read'')', 50000),
	('SELECT count(*) FROM generate_series(1, %s) i WHERE rbac.has_scope(''alice'', gen_random_uuid(), ''stack:read'')', 50000),
	('SELECT count(*) FROM generate_series(1, %s) i WHERE rbac.has_scope(''alice'', ''nowhere '' || i, ''organization:update'')', 50000),
	('SELECT count(*) FROM generate_series(1, %s) i WHERE rbac.row_has_scope(''alice'', ''web'', ''stack:read'', ''nowhere '' || i, ''owner '' || i, jsonb_build_object(''tag'', i))', 50000),
	('SELECT count(*) FROM generate_series(1, %s) i WHERE rbac.row_has_scope(''alice'', ''web'', ''stack:read'', ''acme'', ''owner '' || i, jsonb_build_object(''tag'', i))', 50000),
	('SELECT count(*) FROM generate_series(1, %s) i WHERE rbac.is_my_role(''nobody/'' || i) OR rbac.is_my_team(''nobody/'' || i) OR rbac.is_my_organization(''nobody '' || i)', 100000),
	('SELECT count(*) FROM generate_series(1, %s) i WHERE rbac.may_manage_access(''acme'', ''type '' || i, ''web'')', 50000);
CREATE FUNCTION pg_temp.ask_in_vain(query text, n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		BEGIN
			EXECUTE format(query, i);
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
	END LOOP;
END $$;
CREATE TABLE pg_temp.growth (question text, bytes bigint);
-- what is allocated once is, before it is measured
SELECT pg_temp.ask_in_vain(format(question, 10), 1) FROM questions;
DO $$
DECLARE
	q      record;
	before bigint;
BEGIN
	FOR q IN SELECT * FROM questions LOOP
		before := memory();
		EXECUTE format(q.question, q.n);
		INSERT INTO growth VALUES (q.question, memory() - before);
	END LOOP;
	FOR q IN SELECT s FROM unnest(ARRAY['SELECT ''no:scope%s''::rbac.scope', 'SELECT rbac.scopes_on(''hostile_asker'', ''type %s'', ''web'')', 'SELECT rbac.role_scopes(''role %s'')',
		'SELECT rbac.entities_with_scope(''member %s'', ''stack:read'')', 'SELECT rbac.members_with_scope(''entity %s'', ''stack:read'')', 'SELECT rbac.explain(''hostile_asker'', ''entity %s'', ''stack:read'')']) s
	LOOP
		PERFORM pg_temp.ask_in_vain(q.s, 20);
		before := memory();
		PERFORM pg_temp.ask_in_vain(q.s, 2000);
		INSERT INTO growth VALUES (q.s, memory() - before);
	END LOOP;
END $$;
RESET SESSION AUTHORIZATION;
GRANT SET ON PARAMETER rbac.member TO hostile_asker;
GRANT INSERT ON rbac.entities, rbac.entity_grants TO hostile_asker;
SET SESSION AUTHORIZATION hostile_asker;
-- rows that are refused
DO $$
DECLARE
	q      text;
	before bigint;
BEGIN
	SET rbac.member = 'nobody';
	FOREACH q IN ARRAY ARRAY['INSERT INTO rbac.entities (entity_type, entity, organization) VALUES (repeat(''type '', 10000) || %s, ''web'', ''acme'')',
		'INSERT INTO rbac.entity_grants (permission_set, entity_type, entity, organization, member) VALUES (''Stack Read'', repeat(''type '', 10000) || %s, ''web'', ''acme'', ''alice'')'] LOOP
		PERFORM pg_temp.ask_in_vain(q, 20);
		before := memory();
		PERFORM pg_temp.ask_in_vain(q, 200);
		INSERT INTO growth VALUES (q, memory() - before);
	END LOOP;
END $$;
-- the cache is 1 MB, and the server's own caches grow a little
SELECT question, bytes FROM growth WHERE bytes > 1000000;
SELECT count(*) FROM growth;
RESET SESSION AUTHORIZATION;
SELECT cache, bytes < 600000 AS within FROM rbac.cache_stats();

-- clean up
REVOKE SET ON PARAMETER rbac.member FROM hostile_asker;
REVOKE INSERT ON rbac.entities, rbac.entity_grants FROM hostile_asker;
RESET rbac.cache_size;
REVOKE ALL ON FUNCTION pg_get_backend_memory_contexts() FROM hostile_asker;
REVOKE ALL ON pg_backend_memory_contexts FROM hostile_asker;
DISCARD TEMP;
DROP ROLE hostile_asker;
DROP FUNCTION memory;
DELETE FROM rbac.organizations;
