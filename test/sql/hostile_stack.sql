-- a condition that cannot be evaluated when hardly any stack is left: neither is what tags give overlooked, nor
-- is the answer remembered
SET client_min_messages = warning;
CREATE ROLE regress_stack_app;
GRANT SET ON PARAMETER rbac.member TO regress_stack_app;
GRANT SELECT, UPDATE ON rbac.entities TO regress_stack_app;
INSERT INTO rbac.organizations (name) VALUES ('acme');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/access', 'stack', '{stack_access:update}');
INSERT INTO rbac.roles (name) VALUES ('acme/deployer');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/deployer', 'acme/access', NULL),
	('acme/deployer', 'Stack Admin', '$.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p == 1 && $.env == "prod"');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'eve', 'acme/deployer');
INSERT INTO rbac.entities (entity_type, entity, organization, tags) VALUES ('stack', 'web', 'acme', '{"env": "dev"}');

-- what becomes of a function that is called with so much on the stack
CREATE FUNCTION call_below(depth integer, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	IF depth > 0 THEN
		RETURN call_below(depth - 1, statement);
	END IF;
	EXECUTE statement INTO answer;
	RETURN answer;
END $$;
CREATE FUNCTION try_below(depth integer, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN call_below(depth, statement);
EXCEPTION WHEN OTHERS THEN
	RETURN sqlerrm;
END $$;
-- the answers at all depths near the deepest at which there is one
CREATE FUNCTION deepest(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	possible integer := 0;
	too_deep integer := 1;
BEGIN
	WHILE try_below(too_deep, statement) NOT LIKE 'stack depth%' LOOP
		too_deep := 2 * too_deep;
	END LOOP;
	WHILE too_deep - possible > 1 LOOP
		IF try_below((possible + too_deep) / 2, statement) LIKE 'stack depth%' THEN
			too_deep := (possible + too_deep) / 2;
		ELSE
			possible := (possible + too_deep) / 2;
		END IF;
	END LOOP;
	RETURN QUERY SELECT DISTINCT a FROM generate_series(greatest(possible - 10, 0), possible + 10) depth, try_below(depth, statement) a
		WHERE a NOT LIKE 'stack depth%';
END $$;

\pset format unaligned
\pset tuples_only on
SET ROLE regress_stack_app;
SET rbac.member = 'eve';
\echo tags that satisfy the condition
SELECT deepest($$UPDATE rbac.entities SET tags = '{"env": "prod", "a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {"j": {"k": {"l": {"m": {"n": {"o": {"p": 1}}}}}}}}}}}}}}}}' WHERE entity = 'web' RETURNING 'updated'$$);
RESET ROLE;

\echo an answer that is remembered
DELETE FROM rbac.entities;
INSERT INTO rbac.entities (entity_type, entity, organization, tags)
	SELECT 'stack', entity, 'acme', '{"env": "prod", "a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {"j": {"k": {"l": {"m": {"n": {"o": {"p": 1}}}}}}}}}}}}}}}}'
	FROM unnest('{web, api}'::text[]) entity;
-- not by a statement: to plan one takes more of the stack than the condition does
CREATE FUNCTION ask_below(depth integer, entity text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF depth > 0 THEN
		RETURN ask_below(depth - 1, entity);
	END IF;
	RETURN rbac.has_scope('eve', entity, 'stack:delete');
END $$;
CREATE FUNCTION try_to_ask(depth integer, entity text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN ask_below(depth, entity);
EXCEPTION WHEN statement_too_complex THEN
	RETURN NULL;
END $$;
DO $$
DECLARE
	depth integer := 1;
BEGIN
	WHILE try_to_ask(depth, 'web') IS NOT NULL LOOP
		depth := 2 * depth;
	END LOOP;
	WHILE try_to_ask(depth, 'api') IS NULL LOOP
		depth := depth - 1;
	END LOOP;
END $$;
SELECT rbac.has_scope('eve', 'api', 'stack:delete');

RESET rbac.member;
DROP FUNCTION try_to_ask(integer, text);
DROP FUNCTION ask_below(integer, text);
DROP FUNCTION deepest(text);
DROP FUNCTION try_below(integer, text);
DROP FUNCTION call_below(integer, text);
DROP OWNED BY regress_stack_app;
DROP ROLE regress_stack_app;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
