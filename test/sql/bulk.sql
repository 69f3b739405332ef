--
-- COPY into every table, rows written under another replication role, TRUNCATE
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never

-- in the order of the references
COPY organizations FROM stdin;
acme	Acme, Inc.
beta	\N
\.
COPY entity_types (name, description) FROM stdin;
wiki	Pages.
\.
COPY scopes (name, entity_type, toggle) FROM stdin WITH (FORMAT csv);
wiki:read,wiki,true
wiki:write,wiki,false
\.
COPY permission_sets (name, entity_type, scopes) FROM stdin;
Reader	wiki	{wiki:read}
acme/Writer	wiki	{wiki:write,wiki:read}
acme/Deployer	stack	{stack:read,stack:write}
\.
COPY entity_type_settings FROM stdin;
wiki	Reader	wiki:write
\.
COPY roles (name) FROM stdin;
acme/Editor
acme/Reader
Guest
\.
COPY default_roles FROM stdin;
acme	acme/Reader
\.
COPY role_rules (role, permission_set, entity, condition) FROM stdin;
acme/Editor	acme/Writer	\N	\N
acme/Editor	acme/Deployer	s1	\N
acme/Reader	Reader	\N	$.open == true
\.
COPY role_rules (role, permission_set, entity_type) FROM stdin;
acme/Editor	Standard	organization
\.
COPY members (organization, member) FROM stdin;
acme	ann
beta	ann
\.
COPY members FROM stdin;
acme	ben	user	acme/Editor	2100-01-01 00:00:00+00
acme	bot	organization_token	Member	\N
acme	ops-bot	team_token	\N	\N
\.
COPY teams (name) FROM stdin;
acme/Ops
acme/Web
\.
COPY team_members (team, member) FROM stdin;
acme/Ops	ann
acme/Ops	ops-bot
acme/Web	ann
\.
COPY team_roles (team, role) FROM stdin;
acme/Ops	acme/Editor
acme/Ops	Guest
\.
-- a line twice, and one that is there already, do nothing
COPY entities FROM stdin;
wiki	w1	acme	ann	{"open": true}
wiki	w1	acme	ann	{"open": true}
stack	s1	acme	\N	\N
wiki	w2	beta	ann	\N
wiki	w3	beta	\N	\N
\.
COPY entities (entity, entity_type, organization) FROM stdin;
s1	stack	acme
s2	stack	acme
\.
COPY entity_grants (permission_set, entity, team) FROM stdin;
acme/Deployer	s2	acme/Web
\.
COPY entity_grants (permission_set, entity, organization, member) FROM stdin;
Reader	w3	beta	ann
\.
COPY member_defaults (organization, permission_set) FROM stdin;
acme	Reader
\.
COPY organization_settings FROM stdin;
acme	wiki:read
beta	stack:create
\.
SELECT name, entity_type, scopes FROM permission_sets WHERE NOT builtin ORDER BY name;
SELECT role, permission_set, entity_type, entity, condition FROM role_rules WHERE id > 0 ORDER BY role, permission_set;
SELECT organization, member, kind, role FROM members ORDER BY member, organization;
TABLE entities ORDER BY entity_type, entity;
SELECT permission_set, entity_type, entity, team, organization, member FROM entity_grants ORDER BY permission_set;
TABLE member_defaults;
CREATE FUNCTION pg_temp.why() RETURNS TABLE (role boolean, team_role boolean, team_grant boolean, "grant" boolean, owner boolean, toggle boolean) LANGUAGE sql AS $$
	SELECT rbac.has_scope('ann', 'w1', 'wiki:read'), rbac.has_scope('ann', 'w1', 'wiki:write'), rbac.has_scope('ann', 's2', 'stack:write'),
		rbac.has_scope('ann', 'w3', 'wiki:read'), rbac.has_scope('ann', 'w2', 'wiki:read'), rbac.has_scope('ann', 'beta', 'stack:create')
$$;
SELECT * FROM pg_temp.why();

-- refused as by INSERT, the whole of it
COPY permission_sets (name, entity_type, scopes) FROM stdin;
acme/Good	wiki	{wiki:read}
acme/Bad	wiki	{wiki:read,stack:read}
\.
COPY permission_sets (name, entity_type, scopes) FROM stdin;
acme/Bad	wiki	{wiki:raed}
\.
COPY role_rules (role, permission_set) FROM stdin;
acme/Editor	Raeder
\.
COPY members (organization, member, role) FROM stdin;
beta	ben	acme/Editor
\.
COPY team_members (team, member) FROM stdin;
acme/Web	ben
acme/Web	bot
\.
COPY team_members (team, member) FROM stdin;
acme/Web	ops-bot
\.
COPY entities FROM stdin;
stack	s3	acme	\N	\N
stack	s1	beta	\N	\N
\.
COPY organization_settings FROM stdin;
acme	stack:write
\.
COPY roles (name) FROM stdin;
acme
/
\.
SELECT count(*) FROM permission_sets WHERE name = 'acme/Good';
SELECT count(*) FROM entities;

-- As a subscriber of a publication writes: nothing is checked, filled in or
-- taken along; the sender has done so.  But what is cached is still invalidated.
SELECT has_scope('ann', 's1', 'stack:write'), has_scope('ann', 's1', 'stack:delete');
SET session_replication_role = replica;
INSERT INTO entity_grants (permission_set, entity_type, entity, organization, member) VALUES ('Stack Admin', 'stack', 's1', 'acme', 'ann');
SELECT has_scope('ann', 's1', 'stack:write'), has_scope('ann', 's1', 'stack:delete');
DELETE FROM entities WHERE entity = 's1';
SELECT has_scope('ann', 's1', 'stack:write'), has_scope('ann', 's1', 'stack:delete');
SELECT count(*) FROM entity_grants WHERE entity = 's1';
INSERT INTO entities VALUES ('stack', 's1', 'acme', NULL, NULL);
SELECT has_scope('ann', 's1', 'stack:write'), has_scope('ann', 's1', 'stack:delete');
UPDATE members SET expires_at = '-infinity' WHERE organization = 'acme' AND member = 'ann';
SELECT has_scope('ann', 's1', 'stack:write'), has_scope('ann', 's1', 'stack:delete');
UPDATE members SET expires_at = NULL WHERE organization = 'acme' AND member = 'ann';
INSERT INTO team_roles (team, role) VALUES ('acme/Web', 'Admin');
SELECT has_scope('ann', 's2', 'stack:delete');
DELETE FROM team_roles WHERE team = 'acme/Web';
SELECT has_scope('ann', 's2', 'stack:delete');
-- what is not filled in is missing
INSERT INTO members (organization, member) VALUES ('acme', 'cat');
INSERT INTO entity_grants (id, permission_set, entity, team) VALUES (1000001, 'Stack Read', 's2', 'acme/Ops');
RESET session_replication_role;
DELETE FROM entity_grants WHERE entity = 's1';

-- TRUNCATE: what nothing refers to can be emptied, and what is cached is invalidated
SET client_min_messages = warning;
SELECT * FROM pg_temp.why();
BEGIN;
TRUNCATE entity_grants;
SELECT * FROM pg_temp.why();
TRUNCATE team_roles;
SELECT * FROM pg_temp.why();
TRUNCATE organization_settings;
SELECT * FROM pg_temp.why();
TRUNCATE entity_type_settings;
SELECT * FROM pg_temp.why();
ROLLBACK;
SELECT * FROM pg_temp.why();
BEGIN;
TRUNCATE team_members, default_roles, member_defaults;
SELECT * FROM pg_temp.why();
TRUNCATE members CASCADE;
SELECT * FROM pg_temp.why();
SELECT count(*) FROM team_members;
ROLLBACK;
BEGIN;
TRUNCATE entities;
SELECT * FROM pg_temp.why();
ROLLBACK;
SELECT * FROM pg_temp.why();
-- the rest has built-in rows, or is referred to by what has
\set VERBOSITY terse
TRUNCATE organizations;
TRUNCATE organizations CASCADE;
TRUNCATE roles CASCADE;
TRUNCATE role_rules;
TRUNCATE teams CASCADE;
SELECT count(*) FROM teams;

DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM entity_type_settings;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
