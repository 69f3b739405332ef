-- Policies and who is asking: one connection that works for several members in
-- turn, logins that are members themselves, and attempts to be somebody else.
SET client_min_messages = warning;
CREATE ROLE regress_app;
CREATE ROLE regress_ann;
CREATE ROLE regress_bob;
CREATE ROLE regress_team IN ROLE regress_ann;
GRANT SET ON PARAMETER rbac.member TO regress_app;
GRANT regress_bob TO regress_ann;

INSERT INTO rbac.organizations VALUES ('acme');
INSERT INTO rbac.entities (entity_type, entity, organization) SELECT 'stack', 's' || i, 'acme' FROM generate_series(1, 6) i;
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'regress_ann', 'Member'), ('acme', 'regress_bob', 'Member'), ('acme', 'regress_app', 'Admin');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES
	('Stack Write', 's1', 'acme', 'regress_ann'), ('Stack Write', 's3', 'acme', 'regress_ann'), ('Stack Write', 's5', 'acme', 'regress_ann'),
	('Stack Write', 's2', 'acme', 'regress_bob'), ('Stack Write', 's4', 'acme', 'regress_bob'), ('Stack Write', 's6', 'acme', 'regress_bob');

CREATE TABLE stacks (id text PRIMARY KEY, note text);
INSERT INTO stacks SELECT 's' || i FROM generate_series(1, 6) i;
ALTER TABLE stacks ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON stacks FOR SELECT USING (rbac.has_scope(id, 'stack:read'));
CREATE POLICY writes ON stacks FOR UPDATE USING (rbac.has_scope(id, 'stack:write'));
GRANT SELECT, UPDATE ON stacks TO PUBLIC;
CREATE VIEW visible AS SELECT rbac.current_member() AS member, (SELECT string_agg(id, ' ' ORDER BY id) FROM stacks) AS stacks;
ALTER VIEW visible SET (security_invoker);
GRANT SELECT ON visible TO PUBLIC;

-- an application's login, which is nobody until it says for whom it works, not
-- even when a member bears its name
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM visible;
BEGIN;
SET LOCAL rbac.member = 'regress_ann';
SELECT * FROM visible;
SET LOCAL rbac.member = 'regress_bob';
SELECT * FROM visible;
COMMIT;
SELECT * FROM visible;
BEGIN;
SELECT rbac.act_as('regress_ann');
SELECT * FROM visible;
SAVEPOINT a;
SELECT rbac.act_as('regress_bob');
SELECT * FROM visible;
ROLLBACK TO a;
SELECT * FROM visible;
SELECT rbac.act_as(NULL);
SELECT * FROM visible;
ROLLBACK;
SELECT * FROM visible;
SELECT set_config('rbac.member', 'regress_ann', true), (SELECT count(*) FROM stacks);
SELECT * FROM visible;
SET rbac.member = 'regress_bob';
SELECT * FROM visible;
SET rbac.member = '';
SELECT * FROM visible;
SET rbac.member = 'regress_bob';
RESET rbac.member;
SELECT * FROM visible;
SELECT rbac.act_as('regress_ann');

-- the same prepared statement for one member after the other
PREPARE ids AS SELECT string_agg(id, ' ' ORDER BY id) AS stacks FROM stacks;
SET plan_cache_mode = force_generic_plan;
BEGIN;
SET LOCAL rbac.member = 'regress_ann';
EXECUTE ids;
SET LOCAL rbac.member = 'regress_bob';
EXECUTE ids;
COMMIT;
EXECUTE ids;
SET plan_cache_mode = force_custom_plan;
SET rbac.member = 'regress_ann';
EXECUTE ids;
SET rbac.member = 'regress_bob';
EXECUTE ids;
RESET rbac.member;
EXECUTE ids;
RESET plan_cache_mode;
DEALLOCATE ids;

-- a cursor shows each row to whoever fetches it (if it may have been a candidate,
-- see index_rows)
BEGIN;
SET LOCAL rbac.member = 'regress_ann';
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_bitmapscan = off;
DECLARE c CURSOR FOR SELECT id FROM stacks;
FETCH c;
SET LOCAL rbac.member = 'regress_bob';
FETCH c;
SET LOCAL rbac.member = 'regress_ann';
FETCH c;
SET LOCAL rbac.member = '';
FETCH ALL c;
COMMIT;

-- each statement of a function, too
CREATE FUNCTION pg_temp.count_as(members text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	m text;
BEGIN
	FOREACH m IN ARRAY members LOOP
		PERFORM set_config('rbac.member', m, true);
		RETURN NEXT concat(m, ': ', (SELECT string_agg(id, ' ' ORDER BY id) FROM stacks));
	END LOOP;
END $$;
SELECT * FROM pg_temp.count_as('{regress_ann,regress_bob,"",regress_ann,stranger}');
SELECT * FROM visible;

-- and each row of a query
SELECT m, set_config('rbac.member', m, true) = m AND rbac.has_scope('s1', 'stack:read') AS s1,
	rbac.has_scope(m, 's2', 'stack:read') AS s2
FROM unnest('{regress_ann,regress_bob,regress_ann,stranger}'::text[]) m;
SELECT * FROM visible;

-- changes
SET rbac.member = 'regress_ann';
UPDATE stacks SET note = rbac.current_member() WHERE id <> 's5';
SET rbac.member = 'regress_bob';
UPDATE stacks SET note = rbac.current_member() WHERE id <> 's6';
RESET rbac.member;
UPDATE stacks SET note = 'nobody';
RESET SESSION AUTHORIZATION;
SELECT * FROM stacks ORDER BY id;

-- logins that are members themselves
SET SESSION AUTHORIZATION regress_ann;
SELECT * FROM visible;
-- what they may become by SET ROLE, and nobody else
SET ROLE regress_bob;
SELECT * FROM visible;
SET ROLE regress_app;
RESET ROLE;
SELECT * FROM visible;
SELECT r, set_config('role', r, true) = r AND rbac.has_scope('s1', 'stack:read') AS s1
FROM unnest('{regress_ann,regress_bob,regress_bob,regress_ann}'::text[]) r;
SET rbac.member = 'regress_app';
SELECT set_config('rbac.member', 'regress_app', false);
BEGIN;
SELECT rbac.act_as('regress_app');
ROLLBACK;
CREATE FUNCTION pg_temp.as_app() RETURNS text LANGUAGE sql SET rbac.member = 'regress_app' AS 'SELECT rbac.current_member()';
RESET rbac.member;
SELECT * FROM visible;
RESET SESSION AUTHORIZATION;
-- a login that belongs to a member's role is not that member
SET SESSION AUTHORIZATION regress_team;
SELECT * FROM visible;
RESET SESSION AUTHORIZATION;

-- neither is the definer of a function or the owner of a view the one who asks
SET SESSION AUTHORIZATION regress_bob;
CREATE FUNCTION pg_temp.definer(OUT member text, OUT stacks text) LANGUAGE sql SECURITY DEFINER
	AS $$ SELECT rbac.current_member(), string_agg(id, ' ' ORDER BY id) FROM public.stacks $$;
CREATE TEMP VIEW definer AS SELECT rbac.current_member() AS member, (SELECT string_agg(id, ' ' ORDER BY id) FROM stacks) AS stacks;
GRANT SELECT ON definer TO PUBLIC;
SELECT * FROM pg_temp.definer();
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_ann;
SELECT * FROM pg_temp.definer();
SELECT * FROM pg_temp.definer;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM pg_temp.definer();
SELECT * FROM pg_temp.definer;
SET rbac.member = 'regress_ann';
SELECT * FROM pg_temp.definer();
SELECT * FROM pg_temp.definer;
RESET rbac.member;

-- a function that sets the member itself is somebody else while it runs, if its
-- owner may
CREATE FUNCTION pg_temp.as_bob(OUT member text, OUT stacks text) LANGUAGE sql SECURITY DEFINER SET rbac.member = 'regress_bob'
	AS $$ SELECT rbac.current_member(), string_agg(id, ' ' ORDER BY id) FROM public.stacks $$;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_ann;
SELECT * FROM pg_temp.as_bob();
SELECT * FROM visible;
RESET SESSION AUTHORIZATION;

-- a superuser may set the member, and so is nobody without
SET ROLE regress_ann;
SELECT * FROM visible;
SET ROLE regress_app;
SELECT * FROM visible;
RESET ROLE;
SELECT rbac.current_member();
SET rbac.member = 'regress_ann';
SET ROLE regress_bob;
SELECT * FROM visible;
RESET ROLE;
RESET rbac.member;

DISCARD TEMP;
DROP TABLE stacks CASCADE;
DELETE FROM rbac.entities;
DELETE FROM rbac.members;
DELETE FROM rbac.organizations;
REVOKE SET ON PARAMETER rbac.member FROM regress_app;
DROP ROLE regress_app, regress_team, regress_ann, regress_bob;
