--
-- Functions that enumerate: scopes_on, role_scopes, entities_with_scope; and
-- who may call them about whom.
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

INSERT INTO organizations VALUES ('acme'), ('beta'), ('Zeta');
INSERT INTO roles (name) VALUES ('acme/None'), ('acme/Mixed'), ('beta/None'), ('Shared');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('acme/Delete', 'stack', '{stack:delete}'), ('acme/Nothing', 'stack', '{}');
INSERT INTO teams (name) VALUES ('acme/Dev');
INSERT INTO members (organization, member, role) VALUES
	('acme', 'ann', 'acme/Mixed'), ('beta', 'ann', 'beta/None'), ('acme', 'adam', 'Admin'), ('beta', 'bea', 'Admin'), ('acme', 'mia', 'Member'), ('acme', 'nora', 'acme/None');
INSERT INTO team_members (team, member) VALUES ('acme/Dev', 'ann');
INSERT INTO role_rules (role, permission_set, entity, condition) VALUES
	('acme/Mixed', 'acme/Delete', 's1', NULL), ('acme/Mixed', 'Stack Access Read', NULL, NULL), ('acme/Mixed', 'Account Read', NULL, '$.env == "prod"'), ('acme/Mixed', 'Billing', NULL, NULL);
INSERT INTO entities (entity_type, entity, organization, owner, tags) VALUES
	('stack', 's1', 'acme', NULL, NULL), ('stack', 's2', 'acme', 'ann', NULL), ('stack', 's3', 'beta', 'ann', NULL), ('stack', 's4', 'beta', NULL, NULL), ('stack', 'S5', 'acme', NULL, NULL),
	('environment', 's1', 'acme', NULL, NULL),
	('insights_account', 'a1', 'acme', NULL, '{"env": "prod"}'), ('insights_account', 'a2', 'acme', NULL, '{"env": "dev"}');
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Environment Read', 's1', 'acme', 'ann'), ('acme/Nothing', 's1', 'acme', 'ann');
INSERT INTO entity_grants (permission_set, entity, team, expires_at) VALUES ('Stack Access Read', 's2', 'acme/Dev', NULL), ('Stack Admin', 'S5', 'acme/Dev', now());

-- scopes_on: what has_scope says of each scope
SELECT scopes_on('ann', 'stack', 's1');
SELECT scopes_on('ann', 'stack', 's2') = (SELECT scopes | 'stack_access:read' FROM permission_sets WHERE name = 'Stack Admin');
SELECT scopes_on('ann', 'stack', 'S5');
SELECT scopes_on('ann', 'stack', 's4');
SELECT scopes_on('ann', 'environment', 's1');
SELECT scopes_on('ann', 'insights_account', 'a1');
SELECT scopes_on('ann', 'insights_account', 'a2');
SELECT scopes_on('ann', 'organization', 'acme');
SELECT scopes_on('ann', 'organization', 'beta');
SELECT scopes_on('mia', 'organization', 'acme') = (SELECT scopes FROM permission_sets WHERE name = 'Standard');
SELECT scopes_on('ann', 'stack', 'nothing'), scopes_on('nobody', 'stack', 's1'), scopes_on('ann', 'stack', ''), scopes_on('bea', 'stack', 's1'), scopes_on('adam', 'organization', 'nowhere');
SELECT scopes_on('adam', 'stack', 's1') = scopeset_agg(name::scope) FROM scopes WHERE entity_type = 'stack';
SELECT scopes_on('adam', 'organization', 'acme') = scopeset_agg(name::scope) FROM scopes WHERE entity_type = 'organization';
SELECT member, entity_type, entity, count(*)
FROM unnest(ARRAY['ann', 'adam', 'bea', 'mia', 'nora', 'nobody']) member, (SELECT entity_type, entity FROM entities UNION ALL SELECT 'organization', name FROM organizations) e NATURAL JOIN (SELECT entity_type, name::scope AS scope FROM scopes) s
WHERE has_scope(member, entity, scope) <> (scopes_on(member, entity_type, entity) @> scope)
GROUP BY member, entity_type, entity;
-- all of the type, also of one's own and of later
BEGIN;
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO scopes (name, entity_type, toggle) VALUES ('wiki:read', 'wiki', false), ('wiki:edit', 'wiki', true), ('stack:inspect', 'stack', false);
INSERT INTO entities (entity_type, entity, organization) VALUES ('wiki', 'w1', 'acme');
SELECT scopes_on('adam', 'wiki', 'w1'), scopes_on('adam', 'stack', 's1') @> 'stack:inspect'::scope, scopes_on('ann', 'wiki', 'w1');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'wiki:edit');
SELECT scopes_on('ann', 'wiki', 'w1');
INSERT INTO scopes (name, entity_type) VALUES ('wiki:delete', 'wiki');
SELECT scopes_on('adam', 'wiki', 'w1');
DELETE FROM scopes WHERE name = 'wiki:delete';
SELECT scopes_on('adam', 'wiki', 'w1');
ROLLBACK;
SELECT scopes_on('ann', 'wiki', 'w1');

-- role_scopes: all that a role can give anywhere
SELECT role_scopes('acme/Mixed');
SELECT role_scopes('acme/None');
SELECT role_scopes('Billing Manager') = (SELECT scopes FROM permission_sets WHERE name = 'Billing');
SELECT role_scopes('Member') = (SELECT union_agg(scopes) FROM permission_sets WHERE name IN ('Standard', 'Stack Access Read'));
SELECT role_scopes('Admin') = (SELECT scopeset_agg(name::scope) FROM scopes);
SELECT role_scopes('acme/Nobody');
SELECT role_scopes('');
BEGIN;
INSERT INTO scopes (name, entity_type) VALUES ('stack:inspect', 'stack');
SELECT role_scopes('Admin') @> 'stack:inspect'::scope;
UPDATE permission_sets SET scopes = '{stack:inspect}' WHERE name = 'acme/Delete';
SELECT role_scopes('acme/Mixed') @> 'stack:inspect'::scope, role_scopes('acme/Mixed') @> 'stack:delete'::scope;
UPDATE roles SET all_scopes = true WHERE name = 'acme/Mixed';
SELECT role_scopes('acme/Mixed') = role_scopes('Admin');
DELETE FROM members WHERE role = 'acme/Mixed';
DELETE FROM roles WHERE name = 'acme/Mixed';
SELECT role_scopes('acme/Mixed');
ROLLBACK;

-- entities_with_scope: complete, each once, in byte order of the keys
SELECT * FROM entities_with_scope('ann', 'stack_access:read');
SELECT * FROM entities_with_scope('ann', 'stack:delete');
SELECT * FROM entities_with_scope('ann', 'environment:read');
SELECT * FROM entities_with_scope('ann', 'insights_account:read');
SELECT * FROM entities_with_scope('ann', 'stack:create');
SELECT * FROM entities_with_scope('adam', 'stack:read');
SELECT * FROM entities_with_scope('nobody', 'stack:read');
-- for scopes of type organization they are the organizations
SELECT * FROM entities_with_scope('ann', 'organization:billing');
INSERT INTO members (organization, member, role) VALUES ('beta', 'adam', 'Member'), ('Zeta', 'adam', 'Member');
SELECT * FROM entities_with_scope('adam', 'team:list');
SELECT * FROM entities_with_scope('adam', 'team:create');
SELECT * FROM entities_with_scope('adam', 'team:list', 'Zeta', 1);
-- pages
SELECT * FROM entities_with_scope('ann', 'stack_access:read', 'S5');
SELECT * FROM entities_with_scope('ann', 'stack_access:read', 's1');
SELECT * FROM entities_with_scope('ann', 'stack_access:read', 's3');
SELECT * FROM entities_with_scope('ann', 'stack_access:read', '');
SELECT * FROM entities_with_scope('ann', 'stack_access:read', 'not an entity');
SELECT * FROM entities_with_scope('ann', 'stack_access:read', 's10');
SELECT * FROM entities_with_scope('ann', 'stack_access:read', NULL, 2);
SELECT * FROM entities_with_scope('ann', 'stack_access:read', 'S5', 1);
SELECT * FROM entities_with_scope('ann', 'stack_access:read', max_rows => 0);
SELECT * FROM entities_with_scope('ann', 'stack_access:read', max_rows => 9223372036854775807);
SELECT * FROM entities_with_scope('ann', 'stack_access:read', max_rows => -1);
SELECT s, e FROM unnest(ARRAY['stack_access:read', 'stack:delete']) s, entities_with_scope('ann', s) e;
-- pages that join without gap or overlap, over what rules, grants and ownership give in several organizations
INSERT INTO entities (entity_type, entity, organization, owner, tags)
	SELECT 'stack', chr(65 + n % 58) || n, CASE n % 3 WHEN 0 THEN 'acme' ELSE 'beta' END, CASE n % 7 WHEN 0 THEN 'ann' END, jsonb_build_object('n', n) FROM generate_series(1, 600) n;
INSERT INTO entity_grants (permission_set, entity, organization, member) SELECT 'Stack Read', chr(65 + n % 58) || n, CASE n % 3 WHEN 0 THEN 'acme' ELSE 'beta' END, 'ann' FROM generate_series(1, 600, 5) n;
INSERT INTO role_rules (role, permission_set, condition) VALUES ('beta/None', 'Stack Read', '$.n < 200');
CREATE TABLE public.pages (page integer, entity text COLLATE "C");
DO $$
DECLARE
	last text;
	n bigint;
BEGIN
	FOR p IN 1 .. 1000 LOOP
		INSERT INTO pages SELECT p, e FROM entities_with_scope('ann', 'stack:read', last, 7) e;
		GET DIAGNOSTICS n = ROW_COUNT;
		EXIT WHEN n = 0;
		SELECT max(entity) INTO last FROM pages WHERE page = p;
	END LOOP;
END $$;
SELECT count(*), count(DISTINCT entity), count(DISTINCT page), (count(DISTINCT entity) + 6) / 7 FROM pages;
SELECT array_agg(entity ORDER BY page, entity) = (SELECT array_agg(entity ORDER BY entity) FROM entities WHERE entity_type = 'stack' AND has_scope('ann', entity, 'stack:read')),
	array_agg(entity ORDER BY page, entity) = ARRAY(SELECT entities_with_scope('ann', 'stack:read')) FROM pages;
DROP TABLE pages;
DELETE FROM entities WHERE entity_type = 'stack' AND tags ? 'n';
DELETE FROM role_rules WHERE role = 'beta/None';

-- A member who has much: 2500 grants, and 1000 entities of their own, of which 500 are among the former.
INSERT INTO entities (entity_type, entity, organization, owner) SELECT 'environment', 'e' || n, 'acme', CASE WHEN n <= 1000 THEN 'nora' END FROM generate_series(1, 4000) n;
INSERT INTO entity_grants (permission_set, entity, organization, member) SELECT 'Environment Read', 'e' || n, 'acme', 'nora' FROM generate_series(501, 3000) n;
INSERT INTO entity_type_settings (entity_type, owner_permission_set) VALUES ('environment', 'Environment Write');
CREATE FUNCTION public.noras(scope rbac.scope) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s listed; %s checked, %s by row, %s without an owner',
		(SELECT concat_ws(' ', count(*), min(e COLLATE "C"), max(e COLLATE "C")) FROM rbac.entities_with_scope('nora', scope) e),
		count(*) FILTER (WHERE rbac.has_scope('nora', entity, scope)),
		count(*) FILTER (WHERE rbac.row_has_scope('nora', entity, scope, organization, owner, tags)),
		count(*) FILTER (WHERE rbac.row_has_scope('nora', entity, scope, organization)))
	FROM rbac.entities
	WHERE entity_type = 'environment'
$$;
\set noras 'SELECT noras(\'environment:read\'), noras(\'environment:write\');'
:noras
SELECT scopes_on('nora', 'environment', 'e3000'), scopes_on('nora', 'environment', 'e3001'), scopes_on('nora', 'environment', 'e500') @> 'environment:write', scopes_on('nora', 'environment', 'e1001') @> 'environment:write';
SELECT * FROM entities_with_scope('nora', 'environment:read', 'e2', 3);
-- where the cache has no room for it (and is filled anew, because of the UPDATE)
SET rbac.cache_size = '256kB';
UPDATE members SET role = role WHERE member = 'nora';
:noras
SELECT scopes_on('nora', 'environment', 'e3000'), scopes_on('nora', 'environment', 'e3001'), scopes_on('nora', 'environment', 'e500') @> 'environment:write', scopes_on('nora', 'environment', 'e1001') @> 'environment:write';
SELECT * FROM entities_with_scope('nora', 'environment:read', 'e2', 3);
RESET rbac.cache_size;
-- of one kind alone
BEGIN;
DELETE FROM entity_grants WHERE entity IN (SELECT 'e' || n FROM generate_series(601, 3000) n);
:noras
SET LOCAL rbac.cache_size = '256kB';
UPDATE members SET role = role WHERE member = 'nora';
:noras
ROLLBACK;
BEGIN;
UPDATE entities SET owner = NULL WHERE entity_type = 'environment' AND entity <> 'e1';
:noras
SET LOCAL rbac.cache_size = '256kB';
UPDATE members SET role = role WHERE member = 'nora';
:noras
-- by direct rules
DELETE FROM entity_grants;
INSERT INTO role_rules (role, permission_set, entity) SELECT 'acme/None', 'Environment Open', 'e' || n FROM generate_series(1, 2000) n;
:noras
UPDATE members SET expires_at = now() WHERE member = 'nora';
:noras
ROLLBACK;
DROP FUNCTION noras;
DELETE FROM entities WHERE entity_type = 'environment' AND entity <> 's1';
DELETE FROM entity_type_settings;

-- errors
SELECT scopes_on('ann', 'stak', 's1');
SELECT scopes_on('ann', '', 's1');
SELECT * FROM entities_with_scope('ann', 'stack:raed');

-- Who may ask.  Anybody may ask has_scope about anybody, and everything about oneself.
CREATE ROLE regress_app;
GRANT SET ON PARAMETER rbac.member TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SET search_path = rbac, public;
SET rbac.member = 'ann';
SELECT has_scope('adam', 's1', 'stack:read'), row_has_scope('adam', 's1', 'stack:read', 'acme'), scopes_on('ann', 'organization', 'beta');
SELECT * FROM entities_with_scope('ann', 'stack:delete');
SELECT scopes_on('ann', 'organization', 'nowhere'), scopes_on('ann', 'environment', 's1') @> 'environment:read'::scope;
\set VERBOSITY terse
-- about others, with org_member:read in every organization that they are in
SELECT scopes_on('mia', 'stack', 's1');
SELECT * FROM entities_with_scope('mia', 'stack:read');
SELECT scopes_on('nobody', 'stack', 's1');
SET rbac.member = 'mia';
SELECT scopes_on('nora', 'stack', 's1'), (SELECT count(*) FROM entities_with_scope('nora', 'stack:read'));
SELECT scopes_on('ann', 'stack', 's1');
SELECT * FROM entities_with_scope('ann', 'stack:read');
SELECT scopes_on('nobody', 'stack', 's1');
SET rbac.member = 'adam';
SELECT scopes_on('ann', 'stack', 's1') @> 'stack:delete'::scope, (SELECT count(*) FROM entities_with_scope('ann', 'stack:delete'));
SELECT scopes_on('bea', 'organization', 'beta') @> 'team:create'::scope;
SET rbac.member = 'bea';
SELECT scopes_on('ann', 'stack', 's3');
-- roles: the shared ones are no secret, an organization's take role:read there
SET rbac.member = 'ann';
SELECT cardinality(role_scopes('Admin')) > 160, cardinality(role_scopes('Shared'));
SELECT role_scopes('acme/Mixed');
SELECT role_scopes('acme/None');
SET rbac.member = 'bea';
SELECT role_scopes('acme/Mixed');
SELECT role_scopes('beta/None');
SET rbac.member = 'adam';
SELECT role_scopes('acme/Mixed');
SELECT role_scopes('beta/None');
-- nobody
RESET rbac.member;
SELECT scopes_on('ann', 'stack', 's1');
SELECT * FROM entities_with_scope('ann', 'stack:read');
SELECT role_scopes('acme/Mixed');
SELECT cardinality(role_scopes('Shared'));
-- the errors' code
DO $$
DECLARE
	call text;
BEGIN
	FOREACH call IN ARRAY ARRAY['scopes_on(''ann'', ''stack'', ''s1'')', 'entities_with_scope(''ann'', ''stack:read'')', 'role_scopes(''acme/Mixed'')'] LOOP
		BEGIN
			EXECUTE 'SELECT rbac.' || call;
			RAISE NOTICE '% allowed', call;
		EXCEPTION WHEN insufficient_privilege THEN
			RAISE NOTICE '% % %', call, SQLSTATE, SQLERRM;
		END;
	END LOOP;
END $$;
-- It is the asking member who counts, at the latest.
RESET SESSION AUTHORIZATION;
UPDATE members SET expires_at = now() WHERE member = 'mia';
SET SESSION AUTHORIZATION regress_app;
SET rbac.member = 'mia';
SELECT scopes_on('nora', 'stack', 's1');
SELECT scopes_on('mia', 'organization', 'acme');
RESET SESSION AUTHORIZATION;
\set VERBOSITY default

REVOKE SET ON PARAMETER rbac.member FROM regress_app;
DROP ROLE regress_app;
DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
