/*
 * An organization with :rows stacks of each kind of key, and members:
 *   direct  3 teams, 5 roles with 10 rules, grants on 20 stacks of each table
 *   wide    a role of the organization's own with a rule for all stacks
 *   admin   the role Admin
 *   many    grants on every tenth stack of the tables with text and uuid keys
 *   tagged  a role with a rule for half of the stacks of the table with tags
 * and an application's tables of these stacks.
 */
CREATE EXTENSION rbac;

INSERT INTO rbac.organizations VALUES ('acme');
INSERT INTO rbac.roles (name) SELECT 'acme/role' || i FROM generate_series(1, 4) i;
INSERT INTO rbac.role_rules (role, permission_set)
	SELECT 'acme/role' || i, set
	FROM generate_series(1, 4) i, unnest('{Environment Read,Account Read}'::text[]) set;
INSERT INTO rbac.roles (name) VALUES ('acme/Reader');
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('acme/Reader', 'Stack Read');
INSERT INTO rbac.roles (name) VALUES ('acme/Tagged'), ('acme/None');
INSERT INTO rbac.role_rules (role, permission_set, condition)
	VALUES ('acme/Tagged', 'Stack Read', '$.env == "prod"');
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'direct', 'Member'),
	('acme', 'wide', 'acme/Reader'),
	('acme', 'admin', 'Admin'),
	('acme', 'many', 'acme/None'),
	('acme', 'tagged', 'acme/Tagged');
INSERT INTO rbac.teams (name) SELECT 'acme/team' || i FROM generate_series(1, 3) i;
INSERT INTO rbac.team_members (team, member) SELECT name, 'direct' FROM rbac.teams;
INSERT INTO rbac.team_roles (team, role) VALUES
	('acme/team1', 'acme/role1'), ('acme/team1', 'acme/role2'),
	('acme/team2', 'acme/role3'), ('acme/team3', 'acme/role4');

CREATE TABLE by_text (
	id           text COLLATE "C" NOT NULL,
	organization text COLLATE "C" NOT NULL,
	owner        text COLLATE "C"
);
CREATE TABLE by_uuid (LIKE by_text);
ALTER TABLE by_uuid ALTER id TYPE uuid USING id::uuid;
CREATE TABLE by_bigint (LIKE by_text);
ALTER TABLE by_bigint ALTER id TYPE bigint USING id::bigint;
CREATE TABLE few (LIKE by_text);
CREATE TABLE shuffled (LIKE by_text);
CREATE TABLE tagged (LIKE by_text);
ALTER TABLE tagged ADD tags jsonb;

INSERT INTO by_uuid SELECT gen_random_uuid(), 'acme', 'user' || i % 1000 FROM generate_series(1, :rows) i;
INSERT INTO by_text SELECT * FROM by_uuid;
INSERT INTO by_bigint SELECT i, 'acme', 'user' || i % 1000 FROM generate_series(1, :rows) i;
INSERT INTO shuffled SELECT * FROM by_text ORDER BY md5(id);
INSERT INTO few SELECT * FROM shuffled LIMIT :rows / 40;
-- 32 values, in any order
INSERT INTO tagged
	SELECT id, organization, owner,
		jsonb_build_object('env', (ARRAY['prod', 'test'])[i % 2 + 1], 'team', 'team' || i % 32 / 2)
	FROM (SELECT *, row_number() OVER () AS i FROM by_text) t ORDER BY id;

-- two million times the triggers for foreign keys would take minutes
SET session_replication_role = replica;
INSERT INTO rbac.entities SELECT 'stack', id, organization, owner FROM by_text;
INSERT INTO rbac.entities SELECT 'stack', id, organization, owner FROM by_bigint;
INSERT INTO rbac.entity_grants (permission_set, entity_type, entity, organization, member)
	SELECT 'Stack Read', 'stack', id, 'acme', 'many' FROM (SELECT id, row_number() OVER () AS i FROM by_text) t
	WHERE i % 10 = 0 ORDER BY md5(id);
RESET session_replication_role;

INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	SELECT 'Stack Read', id, 'acme', 'direct' FROM (
		SELECT id FROM (SELECT * FROM by_text LIMIT 10) f
		UNION ALL SELECT id FROM (SELECT * FROM by_text OFFSET :rows / 2 LIMIT 10) f
		UNION ALL SELECT id::text FROM (SELECT * FROM by_bigint LIMIT 20) f) f;
VACUUM ANALYZE;

/*
 * The floor of the comparisons, with the arguments of has_scope() and of
 * row_has_scope(); and without rbac.scope, whose input reads a table.
 */
CREATE FUNCTION say_yes(id "any", scope rbac.scope) RETURNS boolean
	AS :'noop', 'say_yes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;
CREATE FUNCTION say_no(id "any", scope rbac.scope) RETURNS boolean
	AS :'noop', 'say_no' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;
CREATE FUNCTION say_no(member text, id "any", scope rbac.scope, organization text, owner text, tags jsonb) RETURNS boolean
	AS :'noop', 'say_no' LANGUAGE C STABLE PARALLEL SAFE COST 5;
CREATE FUNCTION say_yes(member text, id "any", scope rbac.scope, organization text, owner text, tags jsonb) RETURNS boolean
	AS :'noop', 'say_yes' LANGUAGE C STABLE PARALLEL SAFE COST 5;
CREATE FUNCTION say_no(member text, id text, scope text) RETURNS boolean
	AS :'noop', 'say_no' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;

SELECT format('ALTER DATABASE %I SET %s', current_database(), setting) FROM (VALUES
	('search_path = public, rbac'),
	('max_parallel_workers_per_gather = 0'),
	('jit = off'),
	('work_mem = ''1GB''')) s (setting)
\gexec

/* The logins; their policies are the cases' own. */
CREATE ROLE app LOGIN;
GRANT SELECT ON by_text, by_uuid, by_bigint, few, shuffled, tagged TO app;
-- A policy by hand reads these tables, which have policies of their own: as a schema of one's own would be,
-- they are without.
GRANT SELECT ON ALL TABLES IN SCHEMA rbac TO app;
ALTER TABLE rbac.entities DISABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.entity_grants DISABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.members DISABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.permission_sets DISABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.role_rules DISABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.roles DISABLE ROW LEVEL SECURITY;
ALTER TABLE by_text ENABLE ROW LEVEL SECURITY;
ALTER TABLE by_uuid ENABLE ROW LEVEL SECURITY;
ALTER TABLE by_bigint ENABLE ROW LEVEL SECURITY;
ALTER TABLE few ENABLE ROW LEVEL SECURITY;
ALTER TABLE shuffled ENABLE ROW LEVEL SECURITY;
ALTER TABLE tagged ENABLE ROW LEVEL SECURITY;
