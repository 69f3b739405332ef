-- A guided tour: what rbac does, from nothing to `explain`, in nine steps, in a scratch database, as a superuser:
--
--   test/server psql -X -f examples/tour.sql        (a server of its own, thrown away at the end)
--   createdb scratch && psql -X -f examples/tour.sql scratch
--
-- It waits for Enter after each step, if it runs at a terminal.
\set QUIET on
\set ON_ERROR_STOP on
\pset pager off
\pset footer off
\pset null '-'
\set wait `test -t 0 && echo on || echo off`
\if :wait
	\set next '\\prompt ''-- Enter to go on '' enter'
\else
	\set next ''
\endif
SET client_min_messages = warning;

\echo
\echo '== 1. Organizations have members, and each member has a role'
\set ECHO queries
CREATE EXTENSION rbac;
INSERT INTO rbac.organizations (name) VALUES ('acme'), ('globex');
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'alice', 'Admin'), ('acme', 'bob', 'Member'), ('globex', 'grace', 'Admin');
SELECT name, all_scopes, description FROM rbac.roles;
\set ECHO none
:next

\echo
\echo '== 2. A role holds permission sets; a set is a bundle of scopes'
\set ECHO queries
SELECT rbac.unnest(scopes) AS scope FROM rbac.permission_sets WHERE name = 'Stack Read';
SELECT role, permission_set, entity_type FROM rbac.role_rules WHERE role = 'Member';
\set ECHO none
:next

\echo
\echo '== 3. A table of yours: which columns say what a row is, and which scope it takes to do what'
\set ECHO queries
CREATE TABLE stacks (id text PRIMARY KEY, organization text, owner text, tags jsonb);
CREATE INDEX ON stacks (organization);
INSERT INTO stacks VALUES
	('web', 'acme', 'alice', '{"env": "prod"}'), ('web-next', 'acme', 'alice', '{"env": "dev"}'),
	('notes', 'acme', 'bob', '{}'), ('rocket', 'globex', 'grace', '{"env": "dev"}');
SELECT rbac.protect('stacks', 'stack', 'id', 'organization', 'owner', 'tags',
	select_scope => 'stack:read', insert_scope => 'stack:create', update_scope => 'stack:write', delete_scope => 'stack:delete');
\set ECHO none
:next

\echo
\echo '== 4. The login of your application says on whose behalf it asks.  The same query, for three members and for nobody'
SELECT to_regrole('tour_app') IS NULL AS make_login \gset
\if :make_login
	CREATE ROLE tour_app;
\endif
\set ECHO queries
GRANT SET ON PARAMETER rbac.member TO tour_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON stacks TO tour_app;
SET ROLE tour_app;
BEGIN; SELECT rbac.act_as('alice') \g /dev/null
SELECT * FROM stacks ORDER BY id; COMMIT;
BEGIN; SELECT rbac.act_as('bob') \g /dev/null
SELECT * FROM stacks ORDER BY id; COMMIT;
BEGIN; SELECT rbac.act_as('grace') \g /dev/null
SELECT * FROM stacks ORDER BY id; COMMIT;
SELECT * FROM stacks ORDER BY id;
RESET ROLE;
\set ECHO none
:next

\echo
\echo '== 5. A grant: one entity for one member, or for a team, for good or for a while'
\set ECHO queries
INSERT INTO rbac.teams (name) VALUES ('acme/Support');
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Support', 'bob');
INSERT INTO rbac.entity_grants (permission_set, entity, team, expires_at)
	VALUES ('Stack Read', 'web', 'acme/Support', now() + interval '8 hours');
SET ROLE tour_app;
BEGIN; SELECT rbac.act_as('bob') \g /dev/null
SELECT * FROM stacks ORDER BY id; COMMIT;
RESET ROLE;
\set ECHO none
:next

\echo
\echo '== 6. A role of one''s own: this one writes whatever is tagged as development, now and later'
\set ECHO queries
INSERT INTO rbac.roles (name) VALUES ('acme/Developer');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES ('acme/Developer', 'Stack Write', '$.env == "dev"');
UPDATE rbac.members SET role = 'acme/Developer' WHERE organization = 'acme' AND member = 'bob';
SET ROLE tour_app;
BEGIN; SELECT rbac.act_as('bob') \g /dev/null
SELECT * FROM stacks ORDER BY id;
UPDATE stacks SET tags = tags || '{"seen": true}' RETURNING id; COMMIT;
RESET ROLE;
\set ECHO none
:next

\echo
\echo '== 7. What is not allowed: rows are not found, or there is an error'
\set ECHO queries
SET ROLE tour_app;
\set ON_ERROR_STOP off
BEGIN; SELECT rbac.act_as('bob') \g /dev/null
DELETE FROM stacks WHERE id = 'web' RETURNING id; COMMIT;
BEGIN; SELECT rbac.act_as('bob') \g /dev/null
INSERT INTO stacks VALUES ('mine', 'acme', 'bob', '{}'); ROLLBACK;
BEGIN; SELECT rbac.act_as('bob') \g /dev/null
UPDATE stacks SET owner = 'bob' WHERE id = 'web-next'; ROLLBACK;
\set ON_ERROR_STOP on
RESET ROLE;
\set ECHO none
:next

\echo
\echo '== 8. Ask: may they, where, and who else'
\set ECHO queries
SELECT rbac.has_scope('bob', 'web', 'stack:read'), rbac.has_scope('bob', 'web', 'stack:write');
SELECT rbac.entities_with_scope('bob', 'stack:write');
SELECT rbac.members_with_scope('web', 'stack:read');
\set ECHO none
:next

\echo
\echo '== 9. And why, or why not: a row for each way that there is, or for what is missing, nearest first'
\set ECHO queries
SELECT granted, reason, role, team, permission_set, detail FROM rbac.explain('bob', 'web', 'stack:read');
SELECT granted, reason, role, permission_set, detail FROM rbac.explain('bob', 'web', 'stack:write');
\set ECHO none

\echo
\echo 'That is all.  To clean up: drop the database, and DROP ROLE tour_app.'
