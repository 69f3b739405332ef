-- rbac, shown: two organizations, what protects a table of stacks, and what
-- each member then sees and may do.  `make demo` runs this on a server of its
-- own; on yours, run it in a scratch database.
\set QUIET on
\pset footer off
\set ON_ERROR_STOP on
SET client_min_messages = warning;

\echo
\echo === The extension, and two organizations of an imaginary cloud
\echo
CREATE EXTENSION rbac;

INSERT INTO rbac.organizations (name, description) VALUES
	('acme', 'Acme Corporation'),
	('globex', 'Globex');

-- A role of acme's own: write access to whatever is tagged as development.
INSERT INTO rbac.roles (name, description) VALUES
	('acme/Developer', 'Writes development stacks');
INSERT INTO rbac.role_rules (role, permission_set) VALUES
	('acme/Developer', 'Standard');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES
	('acme/Developer', 'Stack Write', '$.env == "dev"');

-- Members.  Who is inserted without a role gets the organization's default.
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'alice', 'Admin'),
	('acme', 'dave', 'acme/Developer'),
	('globex', 'grace', 'Admin');
INSERT INTO rbac.members (organization, member) VALUES
	('acme', 'bob'),
	('acme', 'carol'),
	('globex', 'carol');
INSERT INTO rbac.members (organization, member, kind, role) VALUES
	('acme', 'ci-token', 'organization_token', 'acme/Developer');

-- A team, with read access to one stack.
INSERT INTO rbac.teams (name) VALUES ('acme/Support');
INSERT INTO rbac.team_members (team, member) VALUES ('acme/Support', 'bob');
INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES
	('Stack Read', 'web-prod', 'acme/Support');

-- Carol may look at the database stack, for a second and a half from now.
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member, expires_at) VALUES
	('Stack Read', 'db-prod', 'acme', 'carol', now() + interval '1.5 seconds');

-- Members of globex may create stacks.
INSERT INTO rbac.organization_settings (organization, scope) VALUES ('globex', 'stack:create');

TABLE rbac.members;

\echo
\echo === The application: stacks, their deployments, and a login that is no owner
\echo
CREATE TABLE stacks (
	id           text PRIMARY KEY,
	organization text NOT NULL,
	owner        text,
	tags         jsonb NOT NULL DEFAULT '{}',
	notes        text
);
CREATE TABLE deployments (
	id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	stack text NOT NULL REFERENCES stacks ON DELETE CASCADE
);

INSERT INTO stacks VALUES
	('web-prod', 'acme', NULL, '{"env": "prod"}', 'the web site'),
	('web-dev', 'acme', NULL, '{"env": "dev"}', 'its next version'),
	('db-prod', 'acme', 'alice', '{"env": "prod"}', 'the database'),
	('sandbox', 'acme', 'bob', '{}', 'for trying things out'),
	('billing', 'globex', 'carol', '{"env": "prod"}', 'invoices');
INSERT INTO deployments (stack) SELECT id FROM stacks;

-- One call protects the table, and keeps its rows known to has_scope().
CREATE INDEX ON stacks (organization);
SELECT rbac.protect('stacks', 'stack', 'id', 'organization', 'owner', 'tags',
	select_scope => 'stack:read', insert_scope => 'stack:create', update_scope => 'stack:write',
	delete_scope => 'stack:delete', transfer_scope => 'stack:transfer') \g /dev/null

-- deployments know only the stack's id.
ALTER TABLE deployments ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON deployments FOR SELECT
	USING (rbac.has_scope(stack, 'stack_deployment:read'));

-- The application's login says whom it acts for.
CREATE ROLE demo_app LOGIN;
GRANT SET ON PARAMETER rbac.member TO demo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON stacks TO demo_app;
GRANT SELECT ON deployments TO demo_app;

\d stacks

\echo === What each member sees
\set ON_ERROR_STOP off
SET ROLE demo_app;

\echo
\echo alice, Admin of acme:
BEGIN; SELECT rbac.act_as('alice') \g /dev/null
SELECT id, organization, owner, tags FROM stacks ORDER BY id; COMMIT;

\echo bob, Member of acme: his own stack, and the one his team may read:
BEGIN; SELECT rbac.act_as('bob') \g /dev/null
SELECT id, organization, owner, tags FROM stacks ORDER BY id; COMMIT;

\echo dave, acme/Developer: what is tagged as development, and its deployments:
BEGIN; SELECT rbac.act_as('dave') \g /dev/null
SELECT id, organization, owner, tags FROM stacks ORDER BY id;
SELECT * FROM deployments; COMMIT;

\echo ci-token, a token of acme with the same role:
BEGIN; SELECT rbac.act_as('ci-token') \g /dev/null
SELECT id, organization, owner, tags FROM stacks ORDER BY id; COMMIT;

\echo carol, Member of both: her own stack in globex, and one in acme as long as her grant lasts:
BEGIN; SELECT rbac.act_as('carol') \g /dev/null
SELECT id, organization, owner, tags FROM stacks ORDER BY id; COMMIT;
SELECT pg_sleep(1.6) \g /dev/null
\echo ... and a moment later:
BEGIN; SELECT rbac.act_as('carol') \g /dev/null
SELECT id, organization, owner, tags FROM stacks ORDER BY id; COMMIT;

\echo mallory, member of nothing:
BEGIN; SELECT rbac.act_as('mallory') \g /dev/null
SELECT id, organization, owner, tags FROM stacks ORDER BY id; COMMIT;

\echo nobody, the login without a member:
SELECT id, organization, owner, tags FROM stacks ORDER BY id;

\echo === What they may do
\echo
\echo dave writes a note on web-dev, which he may, and on web-prod, which he does not even see:
BEGIN; SELECT rbac.act_as('dave') \g /dev/null
UPDATE stacks SET notes = 'green' WHERE id IN ('web-dev', 'web-prod') RETURNING id, notes; COMMIT;

\echo dave deletes web-dev: writing is not deleting
BEGIN; SELECT rbac.act_as('dave') \g /dev/null
DELETE FROM stacks WHERE id = 'web-dev' RETURNING id; COMMIT;

\echo dave takes web-dev for himself:
BEGIN; SELECT rbac.act_as('dave') \g /dev/null
UPDATE stacks SET owner = 'dave' WHERE id = 'web-dev'; ROLLBACK;

\echo
\echo carol creates a stack in globex, where members may, and in acme, where they may not:
BEGIN; SELECT rbac.act_as('carol') \g /dev/null
INSERT INTO stacks VALUES ('reports', 'globex', 'carol') RETURNING id, organization, owner; COMMIT;
BEGIN; SELECT rbac.act_as('carol') \g /dev/null
INSERT INTO stacks VALUES ('intruder', 'acme', 'carol'); ROLLBACK;

\echo
\echo grace, who runs another organization, asks what alice may do:
BEGIN; SELECT rbac.act_as('grace') \g /dev/null
SELECT rbac.scopes_on('alice', 'stack', 'db-prod'); ROLLBACK;

\echo
\echo The administrator revokes; the very next statement knows:
RESET ROLE;
DELETE FROM rbac.team_members WHERE team = 'acme/Support' AND member = 'bob';
SET ROLE demo_app;
BEGIN; SELECT rbac.act_as('bob') \g /dev/null
SELECT id, organization, owner, tags FROM stacks ORDER BY id; COMMIT;
RESET ROLE;

\echo A policy with a typo is refused when it is written:
CREATE POLICY typo ON stacks USING (rbac.has_scope(id, 'stack:raed'));

\echo
\echo === Members govern themselves: the tables of who has what have policies, too
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO demo_app;
INSERT INTO rbac.team_members (team, member, is_admin) VALUES ('acme/Support', 'dave', true);
SET ROLE demo_app;

\echo
\echo alice, the Admin, adds a member, but cannot demote herself: nobody else is an admin for good
BEGIN; SELECT rbac.act_as('alice') \g /dev/null
INSERT INTO rbac.members (organization, member) VALUES ('acme', 'erin') RETURNING organization, member, role; COMMIT;
BEGIN; SELECT rbac.act_as('alice') \g /dev/null
UPDATE rbac.members SET role = 'Member' WHERE organization = 'acme' AND member = 'alice'; ROLLBACK;

\echo
\echo bob is no Admin:
BEGIN; SELECT rbac.act_as('bob') \g /dev/null
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'mallory', 'Admin'); ROLLBACK;

\echo
\echo dave is admin of team acme/Support.  He gives it what he holds on web-dev, and what he does not hold on web-prod:
BEGIN; SELECT rbac.act_as('dave') \g /dev/null
INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Write', 'web-dev', 'acme/Support') RETURNING permission_set, entity, team; COMMIT;
BEGIN; SELECT rbac.act_as('dave') \g /dev/null
INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Write', 'web-prod', 'acme/Support'); ROLLBACK;

\echo
\echo What was that?  alice looks into the audit log:
BEGIN; SELECT rbac.act_as('alice') \g /dev/null
SELECT member, login, command, table_name FROM rbac.audit_log WHERE member IS NOT NULL ORDER BY id; COMMIT;
RESET ROLE;

\echo
\echo === And what else there is to ask
\echo
SELECT rbac.entities_with_scope('dave', 'stack:write') AS dave_may_write;
SELECT rbac.members_with_scope('web-dev', 'stack:write') AS who_may_write_web_dev;
\echo Why may dave write web-dev, and not web-prod?
SELECT reason, role, permission_set, detail FROM rbac.explain('dave', 'web-dev', 'stack:write');
SELECT reason, role, permission_set, detail FROM rbac.explain('dave', 'web-prod', 'stack:write');
SELECT rbac.scopes_on('bob', 'stack', 'web-dev') AS bob_on_web_dev;
SELECT name AS sets_that_can_delete FROM rbac.permission_sets WHERE scopes OPERATOR(rbac.@>) 'stack:delete';
\echo What does everybody have in acme, and by what?
SELECT member, permission, via FROM rbac.permission_matrix WHERE organization = 'acme' ORDER BY member, permission \crosstabview
