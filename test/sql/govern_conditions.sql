-- Two conditions may be printed alike and mean something else: jsonpath prints no parentheses around what a
-- further step is taken from.  Who holds something by one of them does not hold it by the other.
SET client_min_messages = warning;
CREATE ROLE regress_govern_app;
GRANT SET ON PARAMETER rbac.member TO regress_govern_app;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA rbac TO regress_govern_app;
INSERT INTO rbac.organizations (name) VALUES ('acme');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/roles', 'organization', '{role:create, role:update, role:read}');
INSERT INTO rbac.roles (name) VALUES ('acme/deployer'), ('acme/clerk');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES
	('acme/deployer', 'acme/roles', NULL), ('acme/clerk', 'acme/roles', NULL), ('acme/deployer', 'Stack Admin', '-$.levels[0] < -5');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'eve', 'acme/deployer'), ('acme', 'max', 'acme/clerk');
INSERT INTO rbac.entities (entity_type, entity, organization, tags) VALUES ('stack', 'web', 'acme', '{"levels": [1, 9]}');
SELECT text '(-$.levels)[0] < -5' = ('(-$.levels)[0] < -5'::jsonpath)::text AS parentheses_printed,
	('(-$.levels)[0] < -5'::jsonpath)::text = ('-$.levels[0] < -5'::jsonpath)::text AS alike;

SET ROLE regress_govern_app;
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT rbac.act_as('eve') \g /dev/null
SELECT rbac.has_scope('web', 'stack:delete');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/deployer', 'Stack Admin', '(-$.levels)[0] < -5');
SELECT rbac.has_scope('web', 'stack:delete');
\echo the very same, and printed as it is
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES
	('acme/deployer', 'Stack Admin', '-$.levels[0] < -5'), ('acme/deployer', 'Stack Admin', '(- $."levels"[0]) < (-5)');
ROLLBACK;
BEGIN;
SELECT rbac.act_as('max') \g /dev/null
UPDATE rbac.role_rules SET condition = '(-$.levels)[0] < -5' WHERE condition IS NOT NULL;
SELECT rbac.has_scope('eve', 'web', 'stack:delete');
UPDATE rbac.role_rules SET condition = '-$.levels[0] < -5' WHERE condition IS NOT NULL;
ROLLBACK;

RESET ROLE;
\set VERBOSITY terse
\echo nor can there be one that is printed as another, or cannot be read again, as a dump would have to
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/deployer', 'Stack Admin', '(-$.levels)[0] < -5');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/deployer', 'Stack Admin', 'exists(($.a + 2).*)');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/deployer', 'Stack Admin', 'strict $.a like_regex "^x" flag "i" && ($.b - 1) * 2 > 3 || !(exists($.c ? (@.d starts with "e")))');

\echo tags that are equal as numbers are may satisfy what the others do not: 1.000 / 3 has more digits than 1 / 3
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/stacks', 'stack', '{stack:read, stack:write}');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES
	('acme/clerk', 'acme/stacks', NULL), ('acme/clerk', 'Stack Admin', '$.share / 3 > 0.33333333333333333333');
CREATE TABLE stacks (id text PRIMARY KEY, organization text, tags jsonb);
GRANT SELECT, UPDATE, DELETE ON stacks TO regress_govern_app;
INSERT INTO stacks VALUES ('a', 'acme', '{"share": 1}');
SELECT rbac.protect('stacks', 'stack', 'id', 'organization', tags => 'tags', select_scope => 'stack:read', update_scope => 'stack:write', delete_scope => 'stack:delete');
SET ROLE regress_govern_app;
BEGIN;
SELECT rbac.act_as('max') \g /dev/null
UPDATE stacks SET tags = '{"share": 1.000000000000000000000000000000}';
DELETE FROM stacks;
ROLLBACK;
RESET ROLE;
\echo and are registered, and change access
BEGIN;
UPDATE stacks SET tags = '{"share": 1.000000000000000000000000000000}';
SELECT tags FROM rbac.entities WHERE entity = 'a';
SELECT member, entity, 'stack:delete' OPERATOR(rbac.<@) gained AS more FROM rbac.access_changes();
ROLLBACK;
DROP TABLE stacks;

DROP OWNED BY regress_govern_app;
DROP ROLE regress_govern_app;
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;
