-- What is remembered from one call to the next, in one statement: member, scope,
-- organization, answers of tag rules.  Each is asked for often enough to be
-- remembered, and then for another.
SET search_path = rbac, public;
\pset format unaligned
\pset tuples_only on
\pset null NULL

INSERT INTO organizations VALUES ('acme'), ('globex'), ('7'), ('8');
INSERT INTO roles (name) VALUES ('Nothing'), ('Prod'), ('Not Prod');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('Delete', 'stack', '{stack:delete}');
INSERT INTO role_rules (role, permission_set, condition) VALUES
	('Prod', 'Stack Read', '$.env == "prod"'), ('Not Prod', 'Stack Read', '!($.env == "prod")'), ('Not Prod', 'Delete', '$.env == "prod"');
INSERT INTO members (organization, member, role) VALUES
	('acme', 'ann', 'Nothing'), ('acme', 'bob', 'Nothing'), ('acme', 'tag', 'Prod'), ('globex', 'tag', 'Not Prod'),
	('acme', 'all', 'Admin'), ('7', 'all', 'Admin'), ('globex', 'all', 'Nothing');
INSERT INTO entities (entity_type, entity, organization) SELECT 'stack', 's' || i, 'acme' FROM generate_series(1, 4) i;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES
	('Stack Read', 's1', 'acme', 'ann'), ('Stack Read', 's2', 'acme', 'ann'), ('Stack Read', 's3', 'acme', 'bob');

-- the member changes between two rows, in every way that a setting can
CREATE FUNCTION be(text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('rbac.member', $1, false) $$;
CREATE FUNCTION bob_has(text) RETURNS boolean LANGUAGE plpgsql SET rbac.member = 'bob' AS $$ BEGIN RETURN rbac.has_scope($1, 'stack:read'); END $$;
SELECT be(m), has_scope(e, 'stack:read'), bob_has(e), has_scope(e, 'stack:read')
FROM unnest(ARRAY['ann', 'ann', 'ann', 'bob', 'bob', '', 'bob', 'ann', 'bob'], ARRAY['s1', 's3', 's3', 's3', 's1', 's1', 's1', 's1', 's1']) u(m, e);
SELECT be(''), current_member(), has_scope('s1', 'stack:read');

-- of a plpgsql function's expression, which lives as long as the transaction
CREATE FUNCTION ask(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN $1 || CASE WHEN rbac.has_scope($1, 'stack:read') THEN '+' ELSE '-' END; END $$;
CREATE FUNCTION turns() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answers text;
BEGIN
	PERFORM be('ann');
	answers := 'ann ' || ask('s1') || ask('s3') || ask('s1');
	PERFORM be('bob');
	answers := answers || ' bob ' || ask('s1') || ask('s3') || ask('s1');
	BEGIN
		PERFORM be('ann');
		answers := answers || ' ann ' || ask('s1') || ask('s3');
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
		answers := answers || ' bob ' || ask('s1') || ask('s3');
	END;
	RETURN answers;
END $$;
SELECT turns();
BEGIN;
SELECT turns();
SELECT turns();
ROLLBACK;
SELECT be('ann'), ask('s1'), bob_has('s1'), ask('s3');

-- constants and columns for member and scope
SELECT e, has_scope('ann', e, 'stack:read'), has_scope('bob', e, 'stack:read'), has_scope('ann', e, 'stack:write'), has_scope(m, e, 'stack:read'), has_scope('ann', e, s::scope), has_scope(m, e, s::scope)
FROM unnest(ARRAY['ann', 'bob']) m, unnest(ARRAY['stack:read', 'stack:write']) s, unnest(ARRAY['s1', 's2', 's3', 's4']) e ORDER BY e, m, s;

-- the organization changes between two rows
SELECT o, row_has_scope('all', 's9', 'stack:read', o), row_has_scope('all', o, 'team:list', o), row_has_scope('all', 's9', 'stack:read', o::varchar)
FROM unnest(ARRAY['acme', 'acme', 'globex', 'globex', 'acme', 'none', 'acme', 'acm', 'acmee', '7', '7', '8', '']) WITH ORDINALITY AS u(o, n) ORDER BY n;
SELECT o, row_has_scope('all', 's9', 'stack:read', o), row_has_scope('all', 7, 'team:list', o) FROM unnest(ARRAY[7, 7, 8, 7]) WITH ORDINALITY AS u(o, n) ORDER BY n;
-- and the member
SELECT m, row_has_scope(m, 's1', 'stack:read', 'acme'), row_has_scope(m, 's9', 'stack:read', 'acme'), row_has_scope(m, 's9', 'stack:read', 'acme', 'ann')
FROM unnest(ARRAY['ann', 'all', 'all', 'ann', 'bob', 'none', 'ann']) WITH ORDINALITY AS u(m, n) ORDER BY n;

-- the same tags again and again, in organizations where they mean something else
SELECT i, o, t, row_has_scope('tag', 's9', 'stack:read', o, NULL, t), row_has_scope('tag', 's9', 'stack:delete', o, NULL, t)
FROM generate_series(1, 3) i, unnest(ARRAY['acme', 'globex']) o, unnest(ARRAY['{"env": "prod"}', '{"env": "test"}', '{"env": "prox"}', '{}', NULL]::jsonb[]) WITH ORDINALITY AS u(t, n) ORDER BY i, n, o;
-- ever more of them, and so long that they are not remembered
SELECT i % 2, count(*), count(*) FILTER (WHERE row_has_scope('tag', 's9', 'stack:read', 'acme', NULL, t)), count(*) FILTER (WHERE row_has_scope('tag', 's9', 'stack:read', 'globex', NULL, t))
FROM generate_series(1, 3), generate_series(1, 5000) i, jsonb_build_object('env', CASE i % 2 WHEN 0 THEN 'prod' ELSE 'test' END, 'n', i / 2, 'x', CASE WHEN i > 4900 THEN repeat('x', i / 10) END) t GROUP BY 1 ORDER BY 1;
-- until the rule changes
BEGIN;
SELECT row_has_scope('tag', 's9', 'stack:read', 'acme', NULL, '{"env": "prod"}');
UPDATE role_rules SET condition = '$.env == "test"' WHERE role = 'Prod';
SELECT row_has_scope('tag', 's9', 'stack:read', 'acme', NULL, t) FROM generate_series(1, 3) i, unnest(ARRAY['{"env": "prod"}', '{"env": "test"}']::jsonb[]) WITH ORDINALITY AS u(t, n) ORDER BY i, n;
ROLLBACK;
SELECT row_has_scope('tag', 's9', 'stack:read', 'acme', NULL, t) FROM unnest(ARRAY['{"env": "prod"}', '{"env": "test"}']::jsonb[]) WITH ORDINALITY AS u(t, n) ORDER BY n;

-- as many grants as fill the tables of keys: each is found, and nothing else, by each kind of key
CREATE FUNCTION id(i int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5(i::text)::uuid $$;
INSERT INTO entities (entity_type, entity, organization) SELECT 'stack', i, 'acme' FROM generate_series(1, 6000) i;
INSERT INTO entities (entity_type, entity, organization) SELECT 'stack', id(i), 'acme' FROM generate_series(1, 6000) i;
INSERT INTO entity_grants (permission_set, entity, organization, member)
	SELECT 'Stack Write', e, 'acme', 'bob' FROM generate_series(1, 6000, 3) i, unnest(ARRAY[i::text, id(i)::text]) e;
SELECT i % 3 = 1, count(*), count(*) FILTER (WHERE has_scope('bob', i, 'stack:write')), count(*) FILTER (WHERE has_scope('bob', i::bigint, 'stack:write')), count(*) FILTER (WHERE has_scope('bob', i::text, 'stack:write')),
	count(*) FILTER (WHERE has_scope('bob', id(i), 'stack:write')), count(*) FILTER (WHERE has_scope('bob', id(i)::text, 'stack:write')), count(*) FILTER (WHERE has_scope('bob', id(i), 'stack:delete')),
	count(*) FILTER (WHERE row_has_scope('bob', i, 'stack:write', 'acme')), count(*) FILTER (WHERE row_has_scope('bob', id(i), 'stack:write', 'acme')), count(*) FILTER (WHERE row_has_scope('bob', id(i)::text, 'stack:write', 'globex'))
FROM generate_series(1, 6000) i GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM entities_with_scope('bob', 'stack:write') e;

DROP FUNCTION be, bob_has, ask, turns, id;
DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE name IN ('Nothing', 'Prod', 'Not Prod');
DELETE FROM permission_sets WHERE name = 'Delete';
