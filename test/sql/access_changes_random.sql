--
-- access_changes() after random changes, against what scopes_on() says before and after them
--
SET search_path = rbac, public;
SELECT setseed(0.25);

CREATE SCHEMA regress_random;
SET search_path = regress_random, rbac, public;

-- The world: two organizations; in each, besides what refill() makes, entities that nothing ever names or
-- changes, without tags, and with tags for one condition each.
INSERT INTO organizations SELECT o, NULL FROM unnest(ARRAY['acme', 'beta']) o;
INSERT INTO entity_types (name) VALUES ('wiki'), ('page');
INSERT INTO scopes (name, entity_type, toggle) VALUES ('wiki:read', 'wiki', true), ('wiki:write', 'wiki', false), ('wiki:drop', 'wiki', false),
	('page:read', 'page', false), ('page:write', 'page', true), ('wiki:create', 'organization', true), ('wiki:list', 'organization', false);
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('W1', 'wiki', '{wiki:read}'), ('W2', 'wiki', '{wiki:read,wiki:write}'), ('W3', 'wiki', '{wiki:drop}'),
	('P1', 'page', '{page:read}'), ('P2', 'page', '{page:read,page:write}'), ('O1', 'organization', '{wiki:create}'), ('O2', 'organization', '{wiki:create,wiki:list}');
INSERT INTO entity_type_settings VALUES ('wiki', 'W2', NULL);
INSERT INTO roles (name, all_scopes) SELECT n, false FROM unnest(ARRAY['Shared', 'acme/R1', 'acme/R2', 'beta/R1']) n;
INSERT INTO roles (name, all_scopes) VALUES ('acme/All', true);
INSERT INTO role_rules (role, permission_set, entity, condition) VALUES ('Shared', 'W1', NULL, '$.c == 1'), ('acme/R1', 'O1', NULL, NULL),
	('acme/R1', 'W2', 'w1', NULL), ('acme/R2', 'P1', NULL, NULL), ('acme/R2', 'W3', NULL, '$.c == 2'), ('beta/R1', 'P2', 'p3', NULL);
INSERT INTO entities SELECT t, left(t, 1) || '-' || o || '-' || i, o, NULL, CASE WHEN i > 0 THEN jsonb_build_object('c', i) END
	FROM unnest(ARRAY['wiki', 'page']) t, unnest(ARRAY['acme', 'beta']) o, generate_series(0, 2) i;

-- one of several things, at random
CREATE FUNCTION pick(VARIADIC things text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT things[1 + floor(random() * cardinality(things))::int]
$$;
CREATE FUNCTION a_time() RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT pick('NULL', 'NULL', '''2000-01-01''', '''2999-01-01''') $$;
CREATE FUNCTION a_member() RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT pick('m1', 'm2', 'm3', 'm4', 'bot') $$;
CREATE FUNCTION a_change() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	o text := pick('acme', 'beta');
	r text := pick('Shared', o || '/R1', o || '/R2', o || '/All', 'Member');
	s text := pick('W1', 'W2', 'W3', 'P1', 'P2', 'O1', 'O2');
	t text := o || pick('/T1', '/T2');
	e text := pick('w', 'p') || pick('1', '2', '3', '4');
BEGIN
	RETURN pick(
		format('UPDATE rbac.members SET role = %L WHERE organization = %L AND member = %L', r, o, a_member()),
		format('UPDATE rbac.members SET expires_at = %s WHERE organization = %L AND member = %L', a_time(), o, a_member()),
		format('DELETE FROM rbac.members WHERE organization = %L AND member = %L', o, a_member()),
		format('INSERT INTO rbac.members (organization, member, role) VALUES (%L, %L, %L)', o, a_member(), r),
		format('INSERT INTO rbac.team_members (team, member, expires_at) VALUES (%L, %L, %s)', t, a_member(), a_time()),
		format('DELETE FROM rbac.team_members WHERE team = %L AND member = %L', t, a_member()),
		format('INSERT INTO rbac.team_roles (team, role, expires_at) VALUES (%L, %L, %s)', t, r, a_time()),
		format('DELETE FROM rbac.team_roles WHERE team = %L', t),
		format('DELETE FROM rbac.teams WHERE name = %L', t),
		format('INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES (%L, %L, %s)', r, s,
			pick('NULL, NULL', quote_literal(e) || ', NULL', 'NULL, ''$.c == 1''', 'NULL, ''$.c == 1''', 'NULL, ''$.c == 2''', 'NULL, ''$.c == 2''')),
		format('UPDATE rbac.role_rules SET permission_set = %L WHERE role = %L AND id > 0', s, r),
		format('DELETE FROM rbac.role_rules WHERE role = %L AND id > 0 AND random() < 0.5', r),
		format('UPDATE rbac.roles SET all_scopes = NOT all_scopes WHERE name = %L', o || '/R1'),
		format('UPDATE rbac.permission_sets SET scopes = scopes OPERATOR(rbac.|) %L::rbac.scopeset WHERE name = %L', CASE left(s, 1) WHEN 'W' THEN '{wiki:write}' WHEN 'P' THEN '{page:write}' ELSE '{wiki:list}' END, s),
		format('UPDATE rbac.permission_sets SET scopes = scopes OPERATOR(rbac.-) %L::rbac.scopeset WHERE name = %L', CASE left(s, 1) WHEN 'W' THEN '{wiki:read}' WHEN 'P' THEN '{page:read}' ELSE '{wiki:create}' END, s),
		format('INSERT INTO rbac.entity_grants (permission_set, entity, team, expires_at) VALUES (%L, %L, %L, %s)', s, e, t, a_time()),
		format('INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES (%L, %L, %L, %L, %s)', s, e, o, a_member(), a_time()),
		'DELETE FROM rbac.entity_grants WHERE random() < 0.5',
		format('UPDATE rbac.entity_grants SET expires_at = %s', a_time()),
		format('UPDATE rbac.entities SET owner = %s WHERE entity = %L', pick('NULL', quote_literal(a_member())), e),
		format('UPDATE rbac.entities SET tags = %s WHERE entity = %L', pick('NULL', '''{"c": 1}''', '''{"c": 2}''', '''{"c": 3}'''), e),
		format('UPDATE rbac.entities SET organization = %L WHERE entity = %L', o, e),
		format('UPDATE rbac.entities SET entity = %L WHERE entity = %L', pick('w1', 'p1', 'w9'), e),
		format('DELETE FROM rbac.entities WHERE entity = %L', e),
		format('INSERT INTO rbac.member_defaults (organization, permission_set) VALUES (%L, %L)', o, s),
		format('DELETE FROM rbac.member_defaults WHERE organization = %L', o),
		format('INSERT INTO rbac.organization_settings (organization, scope) VALUES (%L, %L)', o, pick('wiki:read', 'page:write', 'wiki:create')),
		format('DELETE FROM rbac.organization_settings WHERE organization = %L', o),
		format('UPDATE rbac.entity_type_settings SET owner_permission_set = %s', pick('NULL', '''W1''', '''W3''')),
		format('INSERT INTO rbac.entity_type_settings VALUES (''page'', %s)', pick('NULL', '''P1''', '''P2''')),
		format('INSERT INTO rbac.scopes (name, entity_type) VALUES (%L, %L)', pick('wiki:more', 'wiki:evenmore'), pick('wiki', 'organization')),
		format('SELECT rbac.rename(''role'', %L, %L)', o || '/R1', o || '/R9'),
		format('SELECT rbac.rename(''team'', %L, %L)', t, o || '/T9'));
END $$;

-- what random changes take away is brought back for the next
CREATE PROCEDURE refill() LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM rbac.entities WHERE entity = 'w9';
	INSERT INTO rbac.roles (name) VALUES ('acme/R1'), ('beta/R1') ON CONFLICT DO NOTHING;
	INSERT INTO rbac.members (organization, member, kind, role)
		SELECT o, m, CASE WHEN m = 'bot' THEN 'organization_token' ELSE 'user' END,
			CASE WHEN m = 'm1' THEN 'Member' WHEN m = 'm2' OR o = 'beta' THEN 'Shared' ELSE 'acme/R' || ascii(m) % 2 + 1 END
		FROM unnest(ARRAY['acme', 'beta']) o, unnest(ARRAY['m1', 'm2', 'm3', 'm4', 'bot']) m
		WHERE o = 'acme' OR m NOT IN ('m4', 'bot')
		ON CONFLICT DO NOTHING;
	INSERT INTO rbac.teams (name) VALUES ('acme/T1'), ('acme/T2'), ('beta/T1') ON CONFLICT DO NOTHING;
	INSERT INTO rbac.team_members (team, member) VALUES ('acme/T1', 'm1'), ('acme/T1', 'm2'), ('acme/T2', 'm3'), ('beta/T1', 'm1') ON CONFLICT DO NOTHING;
	INSERT INTO rbac.team_roles (team, role) VALUES ('acme/T1', 'acme/R2'), ('beta/T1', 'Shared') ON CONFLICT DO NOTHING;
	INSERT INTO rbac.entities
		SELECT t, left(t, 1) || i, CASE WHEN i = 3 THEN 'beta' ELSE 'acme' END, CASE WHEN i = 1 THEN 'm1' END, jsonb_build_object('c', i)
		FROM unnest(ARRAY['wiki', 'page']) t, generate_series(1, 4) i
		ON CONFLICT DO NOTHING;
	INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('W1', 'w2', 'acme/T2'), ('P2', 'p1', 'acme/T1') ON CONFLICT DO NOTHING;
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('W3', 'w1', 'acme', 'm2') ON CONFLICT DO NOTHING;
	INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'P1') ON CONFLICT DO NOTHING;
END $$;

-- what everybody has on everything, in the organization where it is registered
CREATE VIEW world AS
	SELECT e.organization, m.member, e.entity_type, e.entity, e.tags, scopes_on(m.member, e.entity_type, e.entity) AS scopes
	FROM (SELECT organization, entity_type, entity, tags FROM rbac.entities UNION ALL SELECT name, 'organization', name, NULL FROM rbac.organizations) e,
		unnest(ARRAY['m1', 'm2', 'm3', 'm4', 'bot']) m (member);
CREATE TEMP TABLE was AS TABLE world;
CREATE TEMP TABLE is_now AS TABLE world;
CREATE TEMP TABLE changes AS SELECT * FROM access_changes();

-- what was gained and lost of what there is on both sides
CREATE TEMP VIEW differences AS
	SELECT organization, member, entity_type, entity, b.tags AS old_tags, a.tags AS new_tags,
		a.entity IS NULL AND NOT EXISTS (SELECT FROM is_now n WHERE n.entity_type = b.entity_type AND n.entity = b.entity) AS gone,
		b.entity IS NULL AND NOT EXISTS (SELECT FROM was w WHERE w.entity_type = a.entity_type AND w.entity = a.entity) AS come,
		COALESCE(a.scopes, '{}') - COALESCE(b.scopes, '{}') AS gained, COALESCE(b.scopes, '{}') - COALESCE(a.scopes, '{}') AS lost
	FROM was b FULL JOIN is_now a USING (organization, member, entity_type, entity);
-- what is held on all entities of a type
CREATE TEMP VIEW wide AS
	SELECT 'was' AS side, organization, member, entity_type, scopes FROM was WHERE entity LIKE '%-%-0' OR entity_type = 'organization'
	UNION ALL SELECT 'is', organization, member, entity_type, scopes FROM is_now WHERE entity LIKE '%-%-0' OR entity_type = 'organization';
-- what the rows say about each entity
CREATE TEMP VIEW saying AS
	SELECT d.*,
		COALESCE((SELECT union_agg(c.gained) FROM changes c WHERE (c.organization, c.member, c.entity_type, c.entity) = (d.organization, d.member, d.entity_type, d.entity)), '{}') AS one_gained,
		COALESCE((SELECT union_agg(c.lost) FROM changes c WHERE (c.organization, c.member, c.entity_type, c.entity) = (d.organization, d.member, d.entity_type, d.entity)), '{}') AS one_lost,
		COALESCE((SELECT union_agg(c.gained) FROM changes c WHERE (c.organization, c.member, c.entity_type) = (d.organization, d.member, d.entity_type)
			AND c.entity IS NULL AND (c.condition IS NULL OR COALESCE(d.new_tags, '{}') @@ c.condition)), '{}') AS many_gained,
		COALESCE((SELECT union_agg(c.lost) FROM changes c WHERE (c.organization, c.member, c.entity_type) = (d.organization, d.member, d.entity_type)
			AND c.entity IS NULL AND (c.condition IS NULL OR COALESCE(d.old_tags, '{}') @@ c.condition)), '{}') AS many_lost,
		COALESCE((SELECT scopes FROM wide w WHERE side = 'was' AND (w.organization, w.member, w.entity_type) = (d.organization, d.member, d.entity_type)), '{}') AS wide_was,
		COALESCE((SELECT scopes FROM wide w WHERE side = 'is' AND (w.organization, w.member, w.entity_type) = (d.organization, d.member, d.entity_type)), '{}') AS wide_is
	FROM differences d;
CREATE TEMP TABLE said AS TABLE saying;
CREATE TEMP VIEW wrong AS
	SELECT 'is not said' AS what, s::text AS row FROM said s
	WHERE NOT (CASE WHEN come THEN gained - wide_was ELSE gained END) <@ (one_gained | many_gained)
		OR NOT (CASE WHEN gone THEN lost - wide_is ELSE lost END) <@ (one_lost | many_lost)
	UNION ALL
	SELECT 'is not so', s::text FROM said s WHERE NOT one_gained <@ gained OR NOT one_lost <@ lost
	UNION ALL
	SELECT 'is said twice', s::text FROM said s WHERE entity_type <> 'organization' AND (one_gained && many_gained OR one_lost && many_lost)
	UNION ALL
	SELECT 'is not so, for all', s::text FROM said s
	WHERE (entity LIKE '%-0' OR entity_type = 'organization') AND (one_gained | many_gained <> gained OR one_lost | many_lost <> lost)
	UNION ALL
	SELECT 'is not so, for a condition', s::text FROM said s
	WHERE entity LIKE '%-%' AND (many_gained - (wide_is - wide_was) <> gained - (wide_is - wide_was)
		OR many_lost - (wide_was - wide_is) <> lost - (wide_was - wide_is))
	UNION ALL
	SELECT 'is nothing', c::text FROM changes c WHERE gained = '{}' AND lost = '{}' OR gained && lost
	UNION ALL
	SELECT 'is of nothing there was or is', c::text FROM changes c LEFT JOIN differences d USING (organization, member, entity_type, entity) WHERE c.entity IS NOT NULL AND d.entity IS NULL;

-- A transaction of up to 8 changes each, some of which are kept for the next.
-- How many had what consequences is printed to show that there was something.
CREATE TEMP VIEW counting AS
	SELECT count(*) FILTER (WHERE gained <> '{}') AS gained, count(*) FILTER (WHERE lost <> '{}') AS lost, count(entity) AS entities, count(condition) AS conditions
	FROM changes;
CREATE TEMP TABLE tally AS TABLE counting;
CREATE PROCEDURE try(rounds int) LANGUAGE plpgsql AS $$
DECLARE
	statements text[];
	statement  text;
	bad        record;
	counts     tally;
BEGIN
	FOR i IN 1..rounds LOOP
		statements := '{}';
		CALL regress_random.refill();
		TRUNCATE was;
		INSERT INTO was TABLE world;
		COMMIT;
		FOR j IN 0..floor(random() * 8)::int LOOP
			statement := a_change();
			BEGIN
				EXECUTE statement;
				statements := statements || statement;
			EXCEPTION WHEN integrity_constraint_violation OR undefined_object OR insufficient_privilege THEN NULL;
			END;
		END LOOP;
		TRUNCATE is_now;
		INSERT INTO is_now TABLE world;
		TRUNCATE changes;
		INSERT INTO changes SELECT * FROM access_changes();
		TRUNCATE said;
		INSERT INTO said TABLE saying;
		FOR bad IN TABLE wrong LIMIT 3 LOOP
			RAISE WARNING '%: % after %', bad.what, bad.row, array_to_string(statements, E';\n\t');
		END LOOP;
		SELECT * INTO counts FROM counting;
		IF random() < 0.3 THEN
			COMMIT;
		ELSE
			ROLLBACK;
		END IF;
		INSERT INTO tally SELECT counts.*;
	END LOOP;
END $$;
CALL try(100);
SELECT sum(gained) > 50 AS gained, sum(lost) > 50 AS lost, sum(entities) > 50 AS entities, sum(conditions) > 10 AS conditions FROM tally;

SET client_min_messages = warning;
DROP SCHEMA regress_random CASCADE;
RESET client_min_messages;
SET search_path = rbac, public;
DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM entity_type_settings;
DELETE FROM role_rules WHERE id >= 0;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
