-- A database with everything that an application can have of rbac, for 040_dump.pl
-- and upgrade.pl.  Schema app sorts before rbac, so that a dump brings what is in
-- it before the rows of rbac.scopes, which give its scopes their meaning.

CREATE EXTENSION rbac;

-- the model: everything that an application can add to it
INSERT INTO rbac.organizations VALUES ('acme', 'the first'), ('globex', NULL), ('Ünï "quoted" o''rg', NULL);
INSERT INTO rbac.entity_types VALUES ('kiln', 'for firing'), ('oven', NULL);
INSERT INTO rbac.scopes (name, entity_type, scope_group, description, toggle) VALUES
	('kiln:fire', 'kiln', 'Kilns', 'Fire it.', true), ('kiln:cool', 'kiln', NULL, NULL, false),
	('aaa:first', 'kiln', NULL, NULL, false), ('zzz:last', 'oven', NULL, NULL, false),
	('stack:bake', 'stack', NULL, 'An application adds to a built-in type.', false),
	('kiln:create', 'organization', NULL, NULL, true);
INSERT INTO rbac.permission_sets (name, entity_type, scopes, description) VALUES
	('Kiln All', 'kiln', '{aaa:first,kiln:cool,kiln:fire}', 'shared'), ('Kiln None', 'kiln', '{}', NULL),
	('acme/Kiln Fire', 'kiln', '{kiln:fire}', NULL), ('acme/Bake', 'stack', '{stack:bake,stack:read}', NULL),
	('globex/Oven', 'oven', '{zzz:last}', NULL), ('Create', 'organization', '{kiln:create,stack:create}', NULL);
INSERT INTO rbac.entity_type_settings VALUES ('stack', NULL, 'stack_access:update'), ('kiln', 'Kiln All', 'kiln:cool');
INSERT INTO rbac.roles (name, all_scopes, description) VALUES
	('Potter', false, 'shared'), ('acme/Baker', false, NULL), ('acme/Boss', true, NULL), ('globex/Cook', false, NULL);
INSERT INTO rbac.default_roles VALUES ('globex', 'globex/Cook');
INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES
	('Potter', 'Kiln All', NULL, '$.hot == true'), ('Potter', 'Create', NULL, NULL),
	('acme/Baker', 'acme/Bake', NULL, NULL), ('acme/Baker', 'acme/Kiln Fire', 'k1', NULL),
	('acme/Baker', 'Environment Read', NULL, '$.tags[*] starts with "te" || $.n >= 1.50'), ('globex/Cook', 'globex/Oven', NULL, NULL);
INSERT INTO rbac.members (organization, member, kind, role, expires_at) VALUES
	('acme', 'ann', 'user', 'Member', NULL), ('acme', 'bob', 'user', 'acme/Baker', '2999-12-31 23:59:59.123456+00'),
	('acme', 'old', 'user', 'Admin', '2000-01-01'), ('acme', 'boss', 'user', 'acme/Boss', NULL),
	('acme', 'robot', 'organization_token', 'Potter', 'infinity'), ('acme', 'crew token', 'team_token', 'Member', NULL),
	('globex', 'ann', 'user', 'globex/Cook', NULL), ('globex', 'cy', 'user', 'Potter', NULL),
	('Ünï "quoted" o''rg', 'zoë', 'user', 'Billing Manager', NULL);
INSERT INTO rbac.teams (name, source, description) VALUES ('acme/Crew', 'rbac', NULL), ('acme/Idle', 'github', 'idle'), ('globex/Crew', 'rbac', NULL);
INSERT INTO rbac.team_members (team, member, is_admin, expires_at) VALUES
	('acme/Crew', 'ann', true, NULL), ('acme/Crew', 'crew token', false, NULL), ('acme/Idle', 'bob', false, '2000-01-01'), ('globex/Crew', 'cy', false, NULL);
INSERT INTO rbac.team_roles VALUES ('acme/Crew', 'Potter', NULL), ('acme/Idle', 'acme/Boss', NULL), ('globex/Crew', 'Admin', '2000-01-01');
INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags) VALUES
	('kiln', 'k1', 'acme', NULL, '{"hot": true}'), ('kiln', 'k2', 'acme', 'ann', '{"hot": false, "n": 1.50}'), ('kiln', 'k3', 'globex', 'cy', NULL),
	('oven', 'o1', 'globex', NULL, NULL), ('stack', 'k1', 'acme', 'ann', NULL), ('stack', 's2', 'globex', NULL, NULL),
	('environment', 'e1', 'acme', NULL, '{"tags": ["test"]}'), ('environment', 'e2', 'acme', NULL, '{"n": 1.5}'), ('environment', 'e3', 'acme', NULL, '{"n": "1.5"}'),
	('insights_account', 'a1', 'acme', NULL, NULL), ('stack', E'odd \\\\ "\'', 'Ünï "quoted" o''rg', 'zoë', NULL);
INSERT INTO rbac.entity_grants (permission_set, entity, team, organization, member, expires_at) VALUES
	('acme/Bake', 'k1', 'acme/Crew', NULL, NULL, NULL), ('Stack Write', 's2', NULL, 'globex', 'ann', NULL),
	('Kiln All', 'k3', NULL, 'globex', 'ann', '2000-01-01'), ('Kiln All', 'not registered', NULL, 'acme', 'bob', NULL);
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'Account Read'), ('acme', 'acme/Bake');
INSERT INTO rbac.organization_settings VALUES ('acme', 'kiln:fire'), ('acme', 'stack:create'), ('globex', 'kiln:create');

-- the application: scopes of its own in every place where a dump can have them
SET search_path = rbac;
CREATE SCHEMA app;
CREATE DOMAIN app.fire AS scope DEFAULT 'kiln:fire' CHECK (VALUE <> 'zzz:last'::scope);
CREATE TYPE app.pair AS (one scope, many scopeset);
CREATE TABLE app.kilns (
	id text PRIMARY KEY,
	needs scope NOT NULL DEFAULT 'kiln:fire',
	gives scopeset NOT NULL DEFAULT '{aaa:first,kiln:cool,stack:read}',
	domain app.fire,
	list scope[] DEFAULT '{kiln:cool,aaa:first}',
	pair app.pair DEFAULT ROW('kiln:cool', '{stack:bake}'),
	fires boolean GENERATED ALWAYS AS (gives @> 'kiln:fire'::scope) STORED,
	more scopeset GENERATED ALWAYS AS (gives | '{kiln:fire,stack:write}'::scopeset) STORED,
	CONSTRAINT no_last CHECK (NOT gives && '{zzz:last}'::scopeset),
	EXCLUDE USING hash (needs WITH =) WHERE (needs = 'zzz:last'::scope)
);
INSERT INTO app.kilns (id, needs, gives, domain) VALUES
	('k1', DEFAULT, DEFAULT, DEFAULT), ('k2', 'kiln:cool', '{kiln:fire,stack:bake}', 'aaa:first'),
	('k3', 'aaa:first', '{}', NULL), ('x', 'stack:read', '{aaa:first,environment:read,kiln:fire,stack:delete}', NULL);
CREATE INDEX kilns_gin ON app.kilns USING gin (gives);
CREATE INDEX kilns_btree ON app.kilns (needs, gives);
CREATE INDEX kilns_partial ON app.kilns (id) WHERE gives @> '{aaa:first,kiln:cool}'::scopeset;
CREATE INDEX kilns_expression ON app.kilns ((gives - '{kiln:cool}'::scopeset));
CREATE STATISTICS app.kilns_statistics ON needs, gives FROM app.kilns;

CREATE TABLE app.parts (what scope, n int) PARTITION BY LIST (what);
CREATE TABLE app.parts_fire PARTITION OF app.parts FOR VALUES IN ('kiln:fire', 'stack:read');
CREATE TABLE app.parts_rest PARTITION OF app.parts DEFAULT;
INSERT INTO app.parts VALUES ('kiln:fire', 1), ('stack:read', 2), ('kiln:cool', 3), ('zzz:last', 4);

CREATE VIEW app.hot AS SELECT id FROM app.kilns WHERE gives @> 'kiln:fire'::scope AND rbac.has_scope('boss', id, 'kiln:fire');
CREATE MATERIALIZED VIEW app.stored AS SELECT scopeset_agg(needs) AS needs, union_agg(gives) AS gives FROM app.kilns WHERE needs <> 'zzz:last'::scope;
CREATE FUNCTION app.cools(scopeset DEFAULT '{kiln:cool}') RETURNS boolean LANGUAGE sql IMMUTABLE
	BEGIN ATOMIC SELECT $1 @> 'kiln:cool'::scope; END;
CREATE FUNCTION app.on_hot() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := NEW.id || ' hot'; RETURN NEW; END $$;
CREATE TRIGGER on_hot BEFORE INSERT ON app.kilns FOR EACH ROW WHEN (NEW.needs = 'stack:bake'::scope) EXECUTE FUNCTION app.on_hot();
CREATE RULE noted AS ON INSERT TO app.parts WHERE NEW.what = 'aaa:first'::scope DO INSTEAD NOTHING;

ALTER TABLE app.kilns ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON app.kilns FOR SELECT USING (rbac.has_scope(id, 'kiln:fire'));
CREATE POLICY inserts ON app.kilns FOR INSERT WITH CHECK (rbac.has_scope('acme', 'kiln:create'));
CREATE POLICY updates ON app.kilns FOR UPDATE USING (rbac.has_scope(id, 'kiln:cool')) WITH CHECK (gives @> '{aaa:first}'::scopeset);

CREATE TABLE app.hearths (id integer PRIMARY KEY, org text NOT NULL, "own er" text, "ta""gs" jsonb, note text);
INSERT INTO app.hearths VALUES (1, 'acme', 'ann', '{"hot": true}', 'one'), (2, 'acme', NULL, NULL, NULL), (3, 'globex', 'cy', '{}', NULL);
SELECT rbac.protect('app.hearths', 'oven', 'id', 'org', 'own er', 'ta"gs', select_scope => 'zzz:last', insert_scope => 'kiln:create',
	update_scope => 'zzz:last', transfer_scope => 'zzz:last', force => true);

CREATE TABLE app.notes (id bigint GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5) PRIMARY KEY, about scope DEFAULT 'kiln:cool');
INSERT INTO app.notes DEFAULT VALUES;
INSERT INTO app.notes (about) VALUES ('aaa:first'), (NULL);
CREATE TRIGGER always BEFORE UPDATE ON app.notes FOR EACH ROW EXECUTE FUNCTION app.on_hot();
CREATE TRIGGER never BEFORE UPDATE ON app.notes FOR EACH ROW EXECUTE FUNCTION app.on_hot();
ALTER TABLE app.notes ENABLE ALWAYS TRIGGER always, DISABLE TRIGGER never;

-- Every question that there is.  Whoever reads them sees those to which the answer is yes.
CREATE TABLE app.questions (member text, entity text, scope scope);
INSERT INTO app.questions
SELECT m.member, e.entity, s.name::scope
FROM (SELECT DISTINCT member FROM rbac.members) m, rbac.scopes s,
	(SELECT entity FROM rbac.entities UNION SELECT name FROM rbac.organizations UNION SELECT entity FROM rbac.entity_grants) e;
ALTER TABLE app.questions ENABLE ROW LEVEL SECURITY;
CREATE POLICY yes ON app.questions USING (rbac.has_scope(member, entity, scope));

GRANT USAGE ON SCHEMA app TO web;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA app TO web;
GRANT SELECT, DELETE ON rbac.team_members TO web;
GRANT EXECUTE ON FUNCTION rbac.register_entities() TO chief;
