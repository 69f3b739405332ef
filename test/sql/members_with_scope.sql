--
-- members_with_scope: who holds a scope on an entity; and who may ask.  And what it
-- has in common with entities_with_scope: pages, read from several indexes.
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

INSERT INTO organizations VALUES ('acme'), ('acme2'), ('beta');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('acme/Delete', 'stack', '{stack:delete}');
INSERT INTO roles (name, all_scopes) VALUES ('acme/None', false), ('acme/One', false), ('acme/Tagged', false), ('acme/Global', false), ('acme/Chief', true),
	('Shared', false), ('acme2/None', false), ('beta/None', false);
INSERT INTO role_rules (role, permission_set, entity, condition) VALUES
	('acme/One', 'acme/Delete', 'web', NULL), ('acme/One', 'acme/Delete', 'db', NULL), ('acme/Tagged', 'acme/Delete', NULL, '$.env == "prod"'),
	('acme/Global', 'acme/Delete', NULL, NULL), ('Shared', 'Stack Admin', 'web', NULL), ('acme/None', 'Environment Admin', NULL, NULL);
INSERT INTO members (organization, member, role) SELECT 'acme', m, 'acme/None' FROM unnest(ARRAY['ann', 'bob', 'Carl', 'dora', 'eve', 'ätna']) m;
INSERT INTO members (organization, member, role) VALUES ('acme2', 'ann', 'acme2/None'), ('acme2', 'zoe', 'acme2/None'), ('beta', 'bea', 'beta/None');
INSERT INTO members (organization, member, kind, role) VALUES ('acme', 'tok', 'organization_token', 'acme/None');
INSERT INTO teams (name) VALUES ('acme/Dev'), ('acme/Ops'), ('acme2/Dev'), ('beta/Dev');
INSERT INTO team_members (team, member) VALUES ('acme/Dev', 'ann'), ('acme/Dev', 'dora'), ('acme/Ops', 'dora'), ('acme2/Dev', 'zoe'), ('acme2/Dev', 'ann'), ('beta/Dev', 'bea');
INSERT INTO entities (entity_type, entity, organization, owner, tags) VALUES
	('stack', 'web', 'acme', NULL, '{"env": "prod"}'), ('stack', 'db', 'acme', NULL, NULL), ('environment', 'web', 'beta', NULL, NULL);
CREATE FUNCTION public.who(entity text, scope scope) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT coalesce(string_agg(m, ' '), 'nobody') ||
		CASE WHEN ARRAY(SELECT rbac.members_with_scope(entity, scope)) =
			ARRAY(SELECT DISTINCT member FROM rbac.members WHERE rbac.has_scope(member, entity, scope) ORDER BY member) THEN '' ELSE ', unlike has_scope' END
	FROM rbac.members_with_scope(entity, scope) m
$$;
\set web 'SELECT who(\'web\', \'stack:delete\');'

-- Each rule gives it to those whom it concerns.
:web
BEGIN;
UPDATE members SET role = 'Admin' WHERE member = 'bob';
UPDATE members SET role = 'acme/Chief' WHERE member = 'tok';
:web
SELECT who('acme', 'team:create');
ROLLBACK;
BEGIN;
UPDATE members SET role = 'acme/One' WHERE member IN ('Carl', 'tok');
:web
SELECT who('db', 'stack:delete');
SELECT who('db', 'stack:read');
ROLLBACK;
BEGIN;
UPDATE members SET role = 'acme/Tagged' WHERE member IN ('Carl', 'tok');
:web
SELECT who('db', 'stack:delete');
UPDATE members SET role = 'acme/Global' WHERE member IN ('ätna');
:web
SELECT who('db', 'stack:delete');
ROLLBACK;
-- a shared role is held in each organization by other people
BEGIN;
UPDATE members SET role = 'Shared' WHERE member IN ('eve', 'zoe', 'bea');
:web
INSERT INTO team_roles (team, role) VALUES ('acme2/Dev', 'Shared'), ('beta/Dev', 'Shared');
:web
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'Shared');
:web
ROLLBACK;
-- teams: several of them, with a role and with grants
BEGIN;
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'acme/One'), ('acme/Ops', 'acme/Tagged'), ('acme/Ops', 'acme/One');
:web
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('Stack Admin', 'web', 'acme/Ops'), ('acme/Delete', 'web', 'acme/Ops'), ('Stack Admin', 'web', 'acme2/Dev');
DELETE FROM team_roles WHERE team = 'acme/Dev';
:web
DELETE FROM team_roles;
:web
DELETE FROM team_members WHERE member = 'dora';
:web
ROLLBACK;
-- grants to members; those in another organization, to a token, of another set are nothing
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES
	('Stack Admin', 'web', 'acme', 'eve'), ('acme/Delete', 'web', 'acme', 'eve'), ('acme/Delete', 'web', 'acme', 'ann'), ('Stack Admin', 'web', 'acme2', 'zoe'),
	('Stack Admin', 'web', 'acme', 'tok'), ('Stack Read', 'web', 'acme', 'bob'), ('Environment Admin', 'web', 'acme', 'Carl'), ('Environment Admin', 'web', 'beta', 'bea');
:web
SELECT who('web', 'environment:delete');
ROLLBACK;
-- nor do they count for a token in entities_with_scope
BEGIN;
UPDATE members SET role = 'acme/One' WHERE member = 'tok';
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 'third', 'acme');
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('acme/Delete', 'third', 'acme', 'tok');
SELECT string_agg(e, ' ') FROM entities_with_scope('tok', 'stack:delete') e;
ROLLBACK;
-- the owner: also a token, but not of another organization, and of the type's set
BEGIN;
UPDATE entities SET owner = 'eve' WHERE entity = 'web';
:web
SELECT who('web', 'environment:delete');
UPDATE entities SET owner = 'tok' WHERE entity = 'web';
:web
UPDATE entities SET owner = 'zoe' WHERE entity = 'web';
:web
INSERT INTO entity_type_settings (entity_type, owner_permission_set) VALUES ('stack', 'Stack Read'), ('environment', 'Environment Admin');
UPDATE entities SET owner = 'bea' WHERE entity_type = 'environment';
UPDATE entities SET owner = 'bob' WHERE entity_type = 'stack';
:web
SELECT who('web', 'stack:read');
SELECT who('web', 'environment:delete');
ROLLBACK;
-- defaults: for those whose own role is Member
BEGIN;
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'Stack Read'), ('acme', 'acme/Delete'), ('acme2', 'Stack Admin');
UPDATE members SET role = 'Member' WHERE member IN ('ann', 'tok', 'zoe');
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'Member');
:web
SELECT who('web', 'stack:read');
SELECT who('acme', 'team:list');
ROLLBACK;
-- toggles: for all but tokens
BEGIN;
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:delete'), ('acme', 'stack:create'), ('acme2', 'stack:transfer');
:web
SELECT who('acme', 'stack:create');
SELECT who('web', 'stack:transfer');
-- and with something else for tokens
UPDATE members SET role = 'Admin' WHERE member = 'tok';
:web
ROLLBACK;
-- what has expired is not there: grants, roles, teams' members and roles
BEGIN;
INSERT INTO team_roles (team, role, expires_at) VALUES ('acme/Dev', 'acme/One', now()), ('acme/Ops', 'acme/One', NULL);
UPDATE team_members SET expires_at = now() WHERE team = 'acme/Ops';
INSERT INTO entity_grants (permission_set, entity, organization, member, expires_at) VALUES
	('Stack Admin', 'web', 'acme', 'eve', now()), ('acme/Delete', 'web', 'acme', 'eve', '-infinity'), ('Stack Admin', 'web', 'acme', 'Carl', 'infinity');
INSERT INTO entity_grants (permission_set, entity, team, expires_at) VALUES ('Stack Admin', 'web', 'acme/Dev', now());
UPDATE members SET role = 'acme/One' WHERE member = 'bob';
:web
UPDATE entity_grants SET expires_at = now() + interval '1 hour';
UPDATE team_members SET expires_at = 'infinity';
:web
UPDATE members SET expires_at = now();
UPDATE entities SET owner = 'ann' WHERE entity = 'web';
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:delete');
:web
ROLLBACK;

-- Nothing there
SELECT who('nothing', 'stack:delete');
SELECT who('nowhere', 'team:create');
SELECT who('', 'stack:delete');
SELECT who(repeat('x', 300), 'stack:delete');
SELECT count(*) FROM members_with_scope(NULL, 'stack:delete');
SELECT count(*) FROM members_with_scope('web', NULL);
SELECT members_with_scope('web', 'stack:raed');
SELECT members_with_scope('web', 'stack:raed'::text);
SELECT members_with_scope('web', 'stack:read', max_rows => -1);

-- Pages that join without gap or overlap, over many sources with much in common
INSERT INTO members (organization, member, role, expires_at)
	SELECT 'acme', chr(65 + n % 58) || n,
		CASE n % 7 WHEN 0 THEN 'acme/One' WHEN 1 THEN 'acme/Tagged' WHEN 2 THEN 'Shared' WHEN 3 THEN 'Member' ELSE 'acme/None' END,
		CASE n % 11 WHEN 0 THEN now() END
	FROM generate_series(1, 900) n;
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'acme/Delete');
INSERT INTO team_roles (team, role) VALUES ('acme/Dev', 'Shared');
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('Stack Admin', 'web', 'acme/Ops');
INSERT INTO team_members (team, member, expires_at)
	SELECT CASE n % 2 WHEN 0 THEN 'acme/Dev' ELSE 'acme/Ops' END, chr(65 + n % 58) || n, CASE n % 3 WHEN 0 THEN now() END FROM generate_series(1, 900, 3) n;
INSERT INTO entity_grants (permission_set, entity, organization, member, expires_at)
	SELECT s, 'web', 'acme', chr(65 + n % 58) || n, CASE n % 4 WHEN 0 THEN now() END FROM unnest(ARRAY['Stack Admin', 'acme/Delete', 'Stack Read']) s, generate_series(1, 900, 5) n;
CREATE FUNCTION public.pages(list text, rows bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	page text[];
	found text[] := '{}';
	whole text[];
	n bigint := 0;
BEGIN
	LOOP
		EXECUTE format('SELECT ARRAY(SELECT rbac.%s, $1, $2))', list) INTO page USING found[cardinality(found)], rows;
		EXIT WHEN page = '{}';
		n := n + 1;
		found := found || page;
	END LOOP;
	EXECUTE format('SELECT ARRAY(SELECT rbac.%s))', list) INTO whole;
	RETURN format('%s rows in %s pages, %s', cardinality(found), n, CASE WHEN found = whole THEN 'the same' ELSE 'different' END);
END $$;
\set pages 'SELECT rows, pages(\'members_with_scope(\'\'web\'\', \'\'stack:delete\'\'\', rows) FROM unnest(ARRAY[1, 7, 100, 10000]) rows;'
SELECT length(who('web', 'stack:delete')), who('web', 'stack:delete') LIKE '%unlike%';
:pages
SELECT * FROM members_with_scope('web', 'stack:delete', 'a', 3);
SELECT count(*), min(m), max(m) FROM members_with_scope('web', 'stack:delete', 'ann') m;
SELECT * FROM members_with_scope('web', 'stack:delete', 'zzz');
SELECT * FROM members_with_scope('web', 'stack:delete', max_rows => 0);
SELECT count(*) FROM members_with_scope('web', 'stack:delete', '', 9223372036854775807);
BEGIN;
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'stack:delete');
SELECT length(who('web', 'stack:delete')), who('web', 'stack:delete') LIKE '%unlike%';
:pages
ROLLBACK;
-- entities of one member, by as many sources in two organizations
INSERT INTO entities (entity_type, entity, organization, owner, tags)
	SELECT 'stack', chr(65 + n % 58) || n, CASE n % 2 WHEN 0 THEN 'acme' ELSE 'acme2' END, CASE n % 7 WHEN 0 THEN 'ann' END, jsonb_build_object('n', n) FROM generate_series(1, 900) n;
INSERT INTO entity_grants (permission_set, entity, organization, member, expires_at)
	SELECT s, chr(65 + n % 58) || n, CASE n % 3 WHEN 0 THEN 'acme' ELSE 'acme2' END, 'ann', CASE n % 4 WHEN 0 THEN now() END FROM unnest(ARRAY['Stack Admin', 'Stack Read']) s, generate_series(1, 900, 5) n;
INSERT INTO entity_grants (permission_set, entity, team) SELECT 'Stack Admin', chr(65 + n % 58) || n, 'acme/Dev' FROM generate_series(1, 900, 11) n;
INSERT INTO role_rules (role, permission_set, entity) SELECT 'Shared', 'Stack Write', chr(65 + n % 58) || n FROM generate_series(1, 900, 13) n;
INSERT INTO role_rules (role, permission_set, condition) VALUES ('acme2/None', 'Stack Admin', '$.n < 30'), ('acme/None', 'Stack Read', '$.n > 880');
CREATE FUNCTION public.whats(member text, scope scope) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT count(*) || CASE WHEN array_agg(e) = ARRAY(SELECT entity FROM rbac.entities WHERE entity_type = 'stack' AND rbac.has_scope(member, entity, scope) ORDER BY entity)
		THEN '' ELSE ', unlike has_scope' END
	FROM rbac.entities_with_scope(member, scope) e
$$;
\set whats 'SELECT whats(\'ann\', \'stack:read\'), whats(\'ann\', \'stack:delete\'), pages(\'entities_with_scope(\'\'ann\'\', \'\'stack:read\'\'\', 7), pages(\'entities_with_scope(\'\'ann\'\', \'\'stack:delete\'\'\', 1000);'
:whats
-- without an index that gives an order, or with one that lacks rows, the same is found
BEGIN;
INSERT INTO role_rules (role, permission_set, entity) VALUES ('acme/None', 'acme/Delete', 'nothing');
DROP INDEX members_role_idx, team_roles_role_idx, role_rules_role_idx, entities_owner_idx, entities_organization_idx, entity_grants_team_idx, entity_grants_member_idx, roles_organization_idx;
ALTER TABLE entity_grants DROP CONSTRAINT entity_grants_key;
ALTER TABLE team_members DROP CONSTRAINT team_members_pkey;
CREATE INDEX ON roles (organization) WHERE organization IS NOT NULL;
CREATE INDEX ON members (role, organization, member) WHERE member < 'd';
SELECT length(who('web', 'stack:delete')), who('web', 'stack:delete') LIKE '%unlike%';
SELECT pages('members_with_scope(''web'', ''stack:delete''', 50);
:whats
ROLLBACK;

-- What is far away costs nothing: pages of a list of 20000, of which all but the last have expired or not
INSERT INTO members (organization, member, role) SELECT 'beta', 'm' || lpad(n::text, 6, '0'), 'beta/None' FROM generate_series(1, 20000) n;
INSERT INTO team_members (team, member) SELECT 'beta/Dev', member FROM members WHERE organization = 'beta' AND member LIKE 'm%';
INSERT INTO entities (entity_type, entity, organization, owner) VALUES ('stack', 'b', 'beta', 'm019999');
CREATE FUNCTION public.rows_read(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before bigint;
	reads CONSTANT text := $q$SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables WHERE schemaname = 'rbac'$q$;
	read bigint;
	result text;
BEGIN
	EXECUTE reads INTO before;
	EXECUTE format('SELECT string_agg(m, '' '') FROM rbac.%s m', query) INTO result;
	EXECUTE reads INTO read;
	RETURN format('%s: %s', result, CASE WHEN read - before < 300 THEN 'few rows read' ELSE (read - before) || ' rows read' END);
END $$;
BEGIN;
UPDATE members SET role = 'Member' WHERE organization = 'beta';
SELECT rows_read($$members_with_scope('b', 'stack_access:read', NULL, 3)$$);
SELECT rows_read($$members_with_scope('b', 'stack_access:read', 'm010000', 3)$$);
SELECT rows_read($$members_with_scope('b', 'stack:read', NULL, 3)$$);
SELECT rows_read($$members_with_scope('b', 'stack:read', 'm019999', 3)$$);
INSERT INTO member_defaults (organization, permission_set) VALUES ('beta', 'Stack Read');
SELECT rows_read($$members_with_scope('b', 'stack:read', 'm010000', 3)$$);
ROLLBACK;
BEGIN;
INSERT INTO organization_settings (organization, scope) VALUES ('beta', 'stack:delete');
SELECT rows_read($$members_with_scope('b', 'stack:delete', 'm010000', 3)$$);
ROLLBACK;
BEGIN;
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('Stack Read', 'b', 'beta/Dev');
SELECT rows_read($$members_with_scope('b', 'stack:read', 'm010000', 3)$$);
SELECT rows_read($$members_with_scope('b', 'stack:delete', 'm010000', 3)$$);
INSERT INTO entity_grants (permission_set, entity, organization, member) SELECT 'Stack Read', 'b', 'beta', member FROM members WHERE organization = 'beta' AND member LIKE 'm%';
SELECT rows_read($$members_with_scope('b', 'stack:read', 'm010000', 3)$$);
DELETE FROM entity_grants WHERE team IS NOT NULL;
SELECT rows_read($$members_with_scope('b', 'stack:read', 'm010000', 3)$$);
-- far apart: another source has the names in between
UPDATE entity_grants SET expires_at = now() WHERE member BETWEEN 'm010003' AND 'm019000' AND permission_set = 'Stack Read' AND entity = 'b';
INSERT INTO entity_grants (permission_set, entity, organization, member) SELECT 'Stack Write', 'b', 'beta', 'm0100' || n FROM generate_series(10, 12) n;
SELECT rows_read($$members_with_scope('b', 'stack:read', 'm010000', 5)$$);
ROLLBACK;
-- the entities of a member
DELETE FROM members WHERE organization = 'beta';
INSERT INTO members (organization, member, role) VALUES ('beta', 'bea', 'beta/None'), ('beta', 'ben', 'Admin');
INSERT INTO entities (entity_type, entity, organization, owner, tags)
	SELECT 'stack', 'e' || lpad(n::text, 6, '0'), 'beta', CASE WHEN n % 5 = 0 THEN 'bea' END, CASE WHEN n < 5 OR n > 19990 THEN '{"at": "end"}'::jsonb END FROM generate_series(1, 20000) n;
INSERT INTO entity_grants (permission_set, entity, organization, member) SELECT 'Stack Read', entity, 'beta', 'bea' FROM entities WHERE entity LIKE 'e____0_';
SELECT rows_read($$entities_with_scope('ben', 'stack:read', 'e010000', 3)$$);
SELECT count(has_scope('bea', 'b', 'stack:read'));
SELECT rows_read($$entities_with_scope('bea', 'stack:delete', 'e010000', 3)$$);
SELECT rows_read($$entities_with_scope('bea', 'stack:read', 'e009995', 3)$$);
BEGIN;
SET LOCAL rbac.cache_size = '256kB';
UPDATE members SET role = role WHERE member = 'bea';
SELECT count(has_scope('bea', 'b', 'stack:read'));
SELECT rows_read($$entities_with_scope('bea', 'stack:read', 'e009995', 3)$$);
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('beta/Delete', 'stack', '{stack:delete}');
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('beta/Delete', 'e010001', 'beta', 'bea');
SELECT count(has_scope('bea', 'b', 'stack:read'));
SELECT rows_read($$entities_with_scope('bea', 'stack:delete', 'e010000', 3)$$);
-- a condition is looked at as far as the names that are wanted
INSERT INTO role_rules (role, permission_set, condition) VALUES ('beta/None', 'Stack Admin', '$.at == "end"');
SELECT count(has_scope('bea', 'b', 'stack:read'));
SELECT rows_read($$entities_with_scope('bea', 'stack:read', 'e009995', 3)$$);
SELECT rows_read($$entities_with_scope('bea', 'stack:read', 'e019988', 3)$$);
ROLLBACK;

-- how many rows a query may expect
CREATE FUNCTION public.expected(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	EXECUTE 'EXPLAIN ' || query INTO line;
	RETURN substring(line FROM 'rows=[0-9]+');
END $$;
SELECT expected($$SELECT * FROM rbac.members_with_scope('b', 'stack:read')$$);
SELECT expected($$SELECT * FROM rbac.members_with_scope('b', 'stack:read', 'x', 7)$$);
SELECT expected($$SELECT * FROM rbac.members_with_scope('b', 'stack:read', 'x', 700)$$);
SELECT expected($$SELECT * FROM rbac.members_with_scope('b', 'stack:read', 'x', NULL)$$);

-- Who may ask: the holders of org_member:read in the entity's organization.
DELETE FROM entities WHERE organization = 'beta' AND entity LIKE 'e%';
DELETE FROM members WHERE member SIMILAR TO '_[0-9]+';
UPDATE members SET role = 'Member' WHERE (organization, member) IN (('acme', 'ann'), ('beta', 'bea'));
CREATE ROLE regress_app;
GRANT SET ON PARAMETER rbac.member TO regress_app;
CREATE ROLE ann;
SET SESSION AUTHORIZATION regress_app;
SET search_path = rbac, public;
\set VERBOSITY terse
SET rbac.member = 'ann';
SELECT string_agg(m, ' ') FROM members_with_scope('web', 'stack:delete') m;
SELECT string_agg(m, ' ') FROM members_with_scope('acme', 'team:list') m;
SELECT string_agg(m, ' ') FROM members_with_scope('acme', 'team:create') m;
-- not of another organization, whether or not there is such an entity
SELECT members_with_scope('b', 'stack:read');
SELECT members_with_scope('nothing', 'stack:read');
SELECT members_with_scope('beta', 'team:list');
SELECT members_with_scope('nowhere', 'team:list');
SELECT members_with_scope('web', 'environment:read');
SELECT count(*) FROM members_with_scope(NULL, 'stack:delete');
-- a member without the right, not even about themselves; and nobody
SET rbac.member = 'eve';
SELECT members_with_scope('web', 'stack:delete');
SELECT members_with_scope('acme', 'team:list');
SET rbac.member = 'mallory';
SELECT members_with_scope('web', 'stack:delete');
SET rbac.member = 'bea';
SELECT members_with_scope('web', 'stack:delete');
SELECT string_agg(m, ' ') FROM members_with_scope('web', 'environment:read') m;
RESET rbac.member;
SELECT members_with_scope('web', 'stack:delete');
DO $$
BEGIN
	PERFORM rbac.members_with_scope('web', 'stack:delete');
EXCEPTION WHEN insufficient_privilege THEN
	RAISE NOTICE '% %', SQLSTATE, SQLERRM;
END $$;
-- a login that is a member, as long as they are
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION ann;
SELECT string_agg(m, ' ') FROM members_with_scope('web', 'stack:delete') m;
RESET SESSION AUTHORIZATION;
UPDATE members SET expires_at = now() WHERE member = 'ann';
SET SESSION AUTHORIZATION ann;
SELECT members_with_scope('web', 'stack:delete');
RESET SESSION AUTHORIZATION;
\set VERBOSITY default

REVOKE SET ON PARAMETER rbac.member FROM regress_app;
DROP ROLE regress_app, ann;
DROP FUNCTION who, whats, pages, rows_read, expected;
DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM entity_type_settings;
