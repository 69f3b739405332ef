--
-- Keys in the types that applications give them: text and all that is stored
-- like it, uuid, bigint, integer, smallint; and scopes as text.
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

INSERT INTO organizations VALUES ('acme'), ('42'), ('0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0');
INSERT INTO roles (name) VALUES ('Nothing'), ('Reader');
INSERT INTO role_rules (role, permission_set) VALUES ('Reader', 'Stack Read');
-- ann has grants, bob reads all, some members have names like uuids and numbers
INSERT INTO members (organization, member, role) VALUES ('acme', 'ann', 'Nothing'), ('acme', 'bob', 'Reader'), ('acme', '7', 'Nothing'), ('acme', '11111111-2222-3333-4444-555555555555', 'Nothing');
INSERT INTO entities (entity_type, entity, organization)
	SELECT 'stack', e, 'acme' FROM unnest(ARRAY['s1', 'S1', '7', '007', '+7', '7.0', '-7', '0', '32767', '2147483647', '9223372036854775807', '-9223372036854775808',
		'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'c0eebc999c0b4ef8bb6d6bb9bd380a11']) e;
INSERT INTO entity_grants (permission_set, entity, organization, member) SELECT 'Stack Read', entity, 'acme', 'ann' FROM entities;

CREATE DOMAIN public.text_id AS text;
CREATE DOMAIN public.uuid_id AS uuid;
CREATE DOMAIN public.int_id AS bigint CHECK (VALUE > 0);
CREATE DOMAIN public.int_id_again AS int_id;
CREATE TABLE public.keys (
	t text, v varchar(40), n name, b char(4), u uuid, i8 bigint, i4 integer, i2 smallint,
	dt text_id, du uuid_id, di int_id, dd int_id_again, s rbac.scope
);
INSERT INTO keys VALUES ('s1', 's1', 's1', 's1', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 7, 7, 7, 's1', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 7, 7, 'stack:read');

-- columns; the last one is not ann's
\pset null NULL
SELECT has_scope('ann', t, s), has_scope('ann', v, s), has_scope('ann', n, s), has_scope('ann', b, s), has_scope('ann', u, s), has_scope('ann', i8, s), has_scope('ann', i4, s), has_scope('ann', i2, s),
	has_scope('ann', dt, s), has_scope('ann', du, s), has_scope('ann', di, s), has_scope('ann', dd, s), has_scope('ann', t || 'x', s) FROM keys;
SELECT has_scope('ann', t, 'stack:write'), has_scope('ann', v, 'stack:write'), has_scope('ann', n, 'stack:write'), has_scope('ann', u, 'stack:write'), has_scope('ann', i8, 'stack:write'), has_scope('ann', i4, 'stack:write'),
	has_scope('ann', i2, 'stack:write'), has_scope('ann', dt, 'stack:write'), has_scope('ann', du, 'stack:write'), has_scope('ann', di, 'stack:write') FROM keys;
-- for the current member
SET rbac.member = 'ann';
SELECT has_scope(t, s), has_scope(v, s), has_scope(n, s), has_scope(u, s), has_scope(i8, s), has_scope(i4, s), has_scope(i2, s), has_scope(dt, s), has_scope(du, s), has_scope(di, s), has_scope(dd, s) FROM keys;
SELECT has_scope('s1', 'stack:read'), has_scope('s2', 'stack:read'), has_scope(7, 'stack:read'), has_scope(8, 'stack:read'), has_scope('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'stack:read'), has_scope(NULL::uuid, 'stack:read'), has_scope(NULL::text, 'stack:read');
RESET rbac.member;
-- of the row
SELECT row_has_scope('ann', t, s, 'acme'), row_has_scope('ann', v, s, 'acme'), row_has_scope('ann', n, s, 'acme'), row_has_scope('ann', u, s, 'acme'), row_has_scope('ann', i8, s, 'acme'), row_has_scope('ann', i4, s, 'acme'), row_has_scope('ann', i2, s, 'acme'),
	row_has_scope('ann', dt, s, 'acme'), row_has_scope('ann', du, s, 'acme'), row_has_scope('ann', di, s, 'acme'), row_has_scope('ann', dd, s, 'acme'), row_has_scope('ann', t || 'x', s, 'acme') FROM keys;

-- A key stands for its text form, and no other text for the key.
SELECT e, has_scope('ann', e, 'stack:read') FROM unnest(ARRAY['7', '007', '+7', '7.0', ' 7', '07']) e;
SELECT has_scope('ann', 7, 'stack:read'), has_scope('ann', 007, 'stack:read'), has_scope('ann', -7, 'stack:read'), has_scope('ann', 0, 'stack:read'), has_scope('ann', 70, 'stack:read');
SELECT has_scope('ann', '7'::bigint, 'stack:read'), has_scope('ann', '7'::smallint, 'stack:read'), has_scope('ann', '-7'::smallint, 'stack:read'), has_scope('ann', '32767'::smallint, 'stack:read'), has_scope('ann', '-32768'::smallint, 'stack:read');
SELECT has_scope('ann', 2147483647, 'stack:read'), has_scope('ann', 9223372036854775807, 'stack:read'), has_scope('ann', (-9223372036854775808)::bigint, 'stack:read'), has_scope('ann', 9223372036854775806, 'stack:read');
BEGIN;
DELETE FROM entities WHERE entity = '7';
SELECT has_scope('ann', 7, 'stack:read'), has_scope('ann', '7', 'stack:read'), has_scope('ann', '007', 'stack:read'), has_scope('ann', 7::bigint, 'stack:read'), has_scope('ann', 7::smallint, 'stack:read');
ROLLBACK;
SELECT u, has_scope('ann', u, 'stack:read'), has_scope('ann', u::uuid, 'stack:read')
FROM unnest(ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
	'c0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'c0eebc999c0b4ef8bb6d6bb9bd380a11', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}']) u;
-- also where a whole type is reached, and it is the registry that has to know the key
SELECT has_scope('bob', 7, 'stack:read'), has_scope('bob', 8, 'stack:read'), has_scope('bob', '007', 'stack:read'), has_scope('bob', '07', 'stack:read'), has_scope('bob', 7::smallint, 'stack:read'),
	has_scope('bob', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid, 'stack:read'), has_scope('bob', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'stack:read'), has_scope('bob', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'stack:read');
SELECT row_has_scope('bob', 8, 'stack:read', 'acme'), row_has_scope('bob', gen_random_uuid(), 'stack:read', 'acme'), row_has_scope('bob', gen_random_uuid(), 'stack:write', 'acme');
-- organizations are keys, too
INSERT INTO members (organization, member, role) VALUES ('42', 'ann', 'Admin'), ('0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0', 'ann', 'Admin');
SELECT has_scope('ann', 42, 'team:list'), has_scope('ann', 42::smallint, 'team:list'), has_scope('ann', '42', 'team:list'), has_scope('ann', 43, 'team:list'), has_scope('ann', '0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0'::uuid, 'team:list'), has_scope('ann', '0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0', 'team:list');

-- row_has_scope: entity, organization and owner each of any type
SELECT row_has_scope('ann', 1, 'stack:read', 42), row_has_scope('ann', 's1', 'stack:read', 42), row_has_scope('ann', gen_random_uuid(), 'stack:read', 42::smallint), row_has_scope('ann', 1::bigint, 'stack:read', '0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0'::uuid),
	row_has_scope('ann', 's1', 'stack:read', '0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0'::uuid), row_has_scope('ann', 1, 'stack:read', 43), row_has_scope('ann', 1, 'stack:read', '0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0');
SELECT row_has_scope('ann', 42, 'team:list', '42'), row_has_scope('ann', '42', 'team:list', 42), row_has_scope('ann', 42::bigint, 'team:list', 42::smallint), row_has_scope('ann', '042', 'team:list', 42), row_has_scope('ann', 43, 'team:list', 42);
SELECT row_has_scope('7', 's9', 'stack:read', 'acme', 7), row_has_scope('7', 's9', 'stack:read', 'acme', 7::smallint), row_has_scope('7', 9, 'stack:read', 'acme', 7::bigint), row_has_scope('7', 9, 'stack:read', 'acme', '7'), row_has_scope('7', 9, 'stack:read', 'acme', '07'),
	row_has_scope('7', 9, 'stack:read', 'acme', 8), row_has_scope('ann', 9, 'stack:read', 'acme', 7);
SELECT row_has_scope('11111111-2222-3333-4444-555555555555', 9, 'stack:read', 'acme', '11111111-2222-3333-4444-555555555555'::uuid), row_has_scope('11111111-2222-3333-4444-555555555555', 9, 'stack:read', 'acme', '11111111-2222-3333-4444-555555555556'::uuid),
	row_has_scope('ann', 9, 'stack:read', 'acme', '11111111-2222-3333-4444-555555555555'::uuid);
SELECT row_has_scope('ann', dd, s, 'acme'::varchar, 'bob'::name), row_has_scope('ann', di, s, 'acme'::text_id, 'ann'::text_id), row_has_scope('ann', du, 'stack:write', 'acme'::name, 'ann'::varchar), row_has_scope('ann', du, 'stack:write', 'acme'::name, 'bob'::varchar) FROM keys;
SELECT row_has_scope('ann', i2, s, i4 * 6) FROM keys;
SELECT row_has_scope('ann', 's9', 'stack:write', 'acme', NULL), row_has_scope('ann', 9, 'stack:write', 'acme', NULL), row_has_scope('ann', 9, 'stack:write', 'acme', NULL::uuid), row_has_scope('ann', 9, 'stack:write', NULL::bigint, NULL::uuid), row_has_scope('ann', NULL::uuid, 'stack:write', 42);
SELECT row_has_scope('ann', 9, 'stack:write', 'acme', owner => 'ann', tags => '{}'), row_has_scope('ann', 9, 'stack:write', 42, tags => '{}'), row_has_scope('ann', 9, 'stack:write', organization => 'acme', owner => 'bob');

-- types that are no keys
\set VERBOSITY terse
SELECT has_scope('ann', 7.0, 'stack:read');
SELECT has_scope('ann', 7::real, 'stack:read');
SELECT has_scope('ann', true, 'stack:read');
SELECT has_scope('ann', ARRAY['s1'], 'stack:read');
\set VERBOSITY default
SELECT row_has_scope('ann', 7.0, 'stack:read', 'acme');
SELECT row_has_scope('ann', 's1', 'stack:read', now());
SELECT row_has_scope('ann', 's9', 'stack:write', 'acme', ARRAY['ann']);
-- whatever the member has
SELECT row_has_scope('ann', 's1', 'stack:read', 'acme', ARRAY['ann']);
SELECT row_has_scope('bob', 7.0, 'stack:read', 'acme', 'ann');

-- parameters: untyped ones mean text
PREPARE p AS SELECT has_scope($1, $2, $3);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'p';
EXECUTE p('ann', 's1', 'stack:read');
EXECUTE p('ann', '7', 'stack:write');
EXECUTE p('ann', 7, 'stack:read');
DEALLOCATE p;
PREPARE p AS SELECT has_scope($1, $2);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'p';
DEALLOCATE p;
PREPARE p AS SELECT row_has_scope($1, $2, $3, $4, $5, $6);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'p';
EXECUTE p('ann', 's1', 'stack:read', 'acme', NULL, NULL);
EXECUTE p('ann', 's9', 'stack:write', 'acme', 'ann', '{}');
EXECUTE p('ann', 's9', 'stack:write', 'acme', 'bob', '{}');
DEALLOCATE p;
-- as drivers bind them: the key typed, the scope as text or varchar
PREPARE p(text, uuid, text) AS SELECT has_scope($1, $2, $3);
EXECUTE p('ann', 'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11', 'stack:read');
EXECUTE p('ann', 'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11', 'stack:write');
EXECUTE p('ann', 'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11', 'stack:raed');
DEALLOCATE p;
PREPARE p(varchar, bigint, varchar) AS SELECT has_scope($1, $2, $3), row_has_scope($1, $2, $3, 'acme');
EXECUTE p('ann', 7, 'stack:read');
EXECUTE p('ann', 7, 'stack:write');
EXECUTE p('ann', 7, NULL);
-- six times, to meet the generic plan
EXECUTE p('ann', 8, 'stack:read');
EXECUTE p('ann', 7, 'stack:read');
EXECUTE p('bob', 7, 'stack:read');
EXECUTE p('bob', 7, 'stack:write');
EXECUTE p('ann', 7, 'stack:delete');
SELECT generic_plans > 0 FROM pg_prepared_statements WHERE name = 'p';
DEALLOCATE p;
PREPARE p(text, integer) AS SELECT has_scope($2, $1), count(*) FROM entities_with_scope('ann', $1);
SET rbac.member = 'ann';
EXECUTE p('stack:read', 7);
EXECUTE p('stack:write', 7);
RESET rbac.member;
DEALLOCATE p;
-- a scope that is told by row: text and rbac.scope
SELECT sc, has_scope('ann', 's1', sc), has_scope('ann', 7, sc::varchar), row_has_scope('ann', 9, sc, 'acme', 'ann') FROM unnest(ARRAY['stack:read', 'stack:write', 'environment:read', NULL]) sc;
SELECT name, has_scope('ann', 's1', name::scope) FROM scopes WHERE name LIKE 'stack:%' ORDER BY name;

-- plpgsql variables
DO $$
DECLARE
	m text := 'ann'; v varchar := 's1'; t text := 's1'; n name := 's1'; u uuid := 'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'; i bigint := 7; d public.int_id := 7;
	s text := 'stack:read'; sv varchar := 'stack:read'; sc rbac.scope := 'stack:read'; r record;
BEGIN
	RAISE NOTICE '% % % % % %', has_scope(m, t, s), has_scope(m, v, sv), has_scope(m, n, sc), has_scope(m, u, s), has_scope(m, i, sv), has_scope(m, d, sc);
	RAISE NOTICE '% % %', row_has_scope(m, u, s, 'acme'), row_has_scope(m, i, sv, v), row_has_scope('7', u, sc, 'acme', i);
	s := 'stack:write';
	RAISE NOTICE '% %', has_scope(m, t, s), has_scope(m, i, s);
	FOR r IN SELECT entity, has_scope(m, entity, sc) AS reads, has_scope(m, entity, s) AS writes FROM entities WHERE entity IN ('s1', '7') ORDER BY entity LOOP
		RAISE NOTICE '% % %', r.entity, r.reads, r.writes;
	END LOOP;
	s := 'stack:wirte';
	RAISE NOTICE '%', has_scope(m, t, s);
END $$;

DROP TABLE keys;
DROP DOMAIN text_id, uuid_id, int_id_again, int_id;
DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
