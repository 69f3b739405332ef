-- Trigger functions in the wrong places.
SET client_min_messages = warning;
SELECT pg_backend_pid() AS pid \gset
CREATE ROLE hostile_owner;		-- of tables, with no other rights
CREATE ROLE hostile_registrar;	-- may have tables of theirs registered
GRANT EXECUTE ON FUNCTION rbac.register_entities() TO hostile_registrar;
GRANT CREATE ON SCHEMA public TO hostile_owner, hostile_registrar;
INSERT INTO rbac.organizations (name) VALUES ('acme'), ('globex');
INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'hostile_owner', 'Member');

-- Those of the extension's own tables are nobody's to use, and refuse to work on
-- other tables, for a superuser too.
CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE SQLSTATE 'RB001';	-- which takes back what it did
EXCEPTION
	WHEN SQLSTATE 'RB001' THEN RETURN 'ok';
	WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm;
END $$;
CREATE TABLE hostile_table (name integer, entity_type integer, scopes integer, other text, PRIMARY KEY (name));
CREATE TABLE hostile_parts (LIKE hostile_table) PARTITION BY LIST (name);
CREATE TABLE hostile_part PARTITION OF hostile_parts DEFAULT;
CREATE VIEW hostile_view AS SELECT * FROM hostile_table;
INSERT INTO hostile_table VALUES (1, 2, 3, 'x');
INSERT INTO hostile_parts VALUES (1, 2, 3, 'x');
ALTER TABLE hostile_table OWNER TO hostile_owner;
ALTER TABLE hostile_parts OWNER TO hostile_owner;
ALTER VIEW hostile_view OWNER TO hostile_owner;
CREATE TEMP TABLE attempts AS
SELECT proname, format('CREATE TRIGGER t %s %s ON %s %s FOR EACH %s EXECUTE FUNCTION rbac.%I(%s); %s', timing, event, rel, transition, level, proname, arguments,
	format(CASE event WHEN 'INSERT' THEN 'INSERT INTO %s VALUES (2, 2, 3, ''x'')' WHEN 'DELETE' THEN 'DELETE FROM %s' WHEN 'TRUNCATE' THEN 'TRUNCATE %s'
		ELSE 'UPDATE %s SET other = ''y'', name = 3' END, rel)) AS statement
FROM pg_proc, unnest('{BEFORE,AFTER,INSTEAD OF}'::text[]) timing, unnest('{INSERT,UPDATE,"UPDATE OF name, scopes, other",DELETE,TRUNCATE}'::text[]) event,
	unnest('{ROW,STATEMENT}'::text[]) level, unnest('{hostile_table,hostile_parts,hostile_view}'::text[]) rel,
	unnest(ARRAY['', '''stack''', '''stack'', '''', ''''', '''stack'', ''stack:transfer'', ''stack:create''', '''stack'', ''enabled'', ''entity'', ''organization'', ''tags''', '''n'', ''name''']) arguments,
	unnest('{"",REFERENCING NEW TABLE AS n}'::text[]) transition
WHERE pronamespace = 'rbac'::regnamespace AND prorettype = 'trigger'::regtype
	AND (proname IN ('protected', 'check_change', 'register_entities') OR arguments IN ('', $a$'n', 'name'$a$))
	AND (transition = '' OR (timing = 'AFTER' AND event IN ('INSERT', 'UPDATE') AND rel = 'hostile_table'))
	AND (timing = 'INSTEAD OF') = (rel = 'hostile_view') AND NOT (event = 'TRUNCATE' AND (level = 'ROW' OR rel = 'hostile_view'));
GRANT SELECT ON attempts TO PUBLIC;
CREATE TEMP TABLE outcomes (who text, proname name, statement text, outcome text);
GRANT ALL ON outcomes TO PUBLIC;
INSERT INTO outcomes SELECT 'superuser', proname, statement, pg_temp.outcome(statement) FROM attempts;
SET SESSION AUTHORIZATION hostile_owner;
INSERT INTO outcomes SELECT 'owner', proname, statement, pg_temp.outcome(statement) FROM attempts;
RESET SESSION AUTHORIZATION;
-- what comes of it, and whose functions come to that
SELECT who, left(outcome, 5) AS code, string_agg(DISTINCT CASE WHEN proname IN ('protected', 'check_change', 'register_entities') THEN proname ELSE 'others' END, ' ')
FROM outcomes GROUP BY 1, 2 ORDER BY 1, 2;
SELECT rbac.invalidate();

-- The marks that protect() makes say which columns hold what.  Anybody can make them
-- by hand on a table of theirs: also of columns that hold something else, which must not be
-- taken for what they are not.
CREATE TYPE hostile_row AS (a int, b text);
CREATE TYPE hostile_enum AS ENUM ('a');
CREATE DOMAIN hostile_tags AS jsonb;
CREATE DOMAIN hostile_number AS integer CHECK (VALUE <> 13);
CREATE TEMP TABLE samples (type text, old text, new text);
INSERT INTO samples VALUES
	('integer', '1', '2'), ('bigint', '1', '-1'), ('boolean', 'true', 'false'), ('float8', '1', 'NaN'), ('numeric', '1', '1e100'), ('"char"', 'a', 'b'), ('name', 'a', 'b'),
	('text', 'a', repeat('b', 100000)), ('varchar(2)', 'a', 'b'), ('char(9)', 'a', 'b'), ('bytea', '\x20', '\xffffffffffffffffffff'), ('uuid', gen_random_uuid()::text, gen_random_uuid()::text),
	('json', '{}', '{"a": 1}'), ('jsonb', '{}', '{"a": 1}'), ('jsonb', '[]', '"x"'), ('hostile_tags', '{}', '{"a": 1}'), ('jsonpath', '$.a', '$.b'),
	('text[]', '{}', '{a,NULL}'), ('hostile_row', '(1,a)', '(,)'), ('hostile_enum', 'a', NULL), ('hostile_number', '1', '2'), ('int4range', 'empty', '[1,)'), ('point', '(0,0)', '(1,1)'),
	('interval', '1 day', '2 days'), ('timestamptz', 'now', 'epoch'), ('bit(3)', '101', '111'), ('tsvector', 'a', 'b'), ('regclass', 'pg_class', '0'), ('tid', '(0,1)', '(0,2)'),
	('rbac.scope', 'stack:read', 'stack:write'), ('rbac.scopeset', '{}', '{stack:read}'), ('rbac.plan_only', NULL, NULL);
CREATE FUNCTION pg_temp.try_mark(type text, old text, new text, label text, who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text := 'ok';
BEGIN
	CREATE TEMP TABLE marked (id text, organization text, other text);
	EXECUTE format('ALTER TABLE marked ADD x %s', type);
	EXECUTE format('INSERT INTO marked (id, organization, x) VALUES (''web'', ''acme'', %L)', old);
	EXECUTE format('CREATE TRIGGER a BEFORE UPDATE OF %s ON marked EXECUTE FUNCTION rbac.protected(''stack'', ''enabled'', %s)',
		CASE label WHEN 'entity' THEN 'x, organization' WHEN 'organization' THEN 'id, x' ELSE 'id, organization, x' END,
		CASE label WHEN 'entity' THEN $a$'entity', 'organization'$a$ WHEN 'organization' THEN $a$'entity', 'organization'$a$ ELSE format($a$'entity', 'organization', %L$a$, label) END);
	IF who = 'owner' THEN
		CREATE TRIGGER b AFTER UPDATE ON marked FOR EACH ROW EXECUTE FUNCTION rbac.check_change('stack', 'stack:transfer', 'stack:create');
	ELSE
		CREATE TRIGGER b AFTER UPDATE ON marked FOR EACH ROW EXECUTE FUNCTION rbac.register_entities('stack');
	END IF;
	BEGIN
		EXECUTE format('UPDATE marked SET x = %L', new);
		RAISE SQLSTATE 'RB001';
	EXCEPTION
		WHEN SQLSTATE 'RB001' THEN NULL;
		WHEN OTHERS THEN answer := sqlstate || ' ' || sqlerrm;
	END;
	DROP TABLE marked;
	RETURN answer;
END $$;
CREATE TEMP TABLE marks (who text, label text, type text, outcome text);
GRANT SELECT ON samples TO PUBLIC;
GRANT INSERT ON marks TO PUBLIC;
GRANT TEMP ON DATABASE :DBNAME TO PUBLIC;
SET SESSION AUTHORIZATION hostile_owner;
INSERT INTO marks SELECT 'owner', label, type, pg_temp.try_mark(type, old, new, label, 'owner') FROM samples, unnest('{entity,organization,owner,tags,nonsense}'::text[]) label;
SET SESSION AUTHORIZATION hostile_registrar;
INSERT INTO marks SELECT 'registrar', label, type, pg_temp.try_mark(type, old, new, label, 'registrar') FROM samples, unnest('{entity,organization,owner,tags,nonsense}'::text[]) label;
RESET SESSION AUTHORIZATION;
SELECT who, label, left(outcome, 5) AS code, count(DISTINCT type) FROM marks GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT DISTINCT type AS may_be_tags FROM marks WHERE label = 'tags' AND outcome NOT LIKE '55000%' ORDER BY 1;
SELECT * FROM rbac.entities;

-- The refusals of a table of one's own tell nothing about an organization that one is not in.
INSERT INTO rbac.roles (name) VALUES ('globex/Secret'), ('acme/Secret');
INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES
	('globex/Secret', 'Stack Write', '$.tier == "critical"'), ('acme/Secret', 'Stack Write', '$.tier == "critical"');
SET SESSION AUTHORIZATION hostile_owner;
CREATE TABLE probe (id text, organization text, owner text, tags jsonb);
CREATE TRIGGER a BEFORE UPDATE OF id, organization, owner, tags ON probe EXECUTE FUNCTION rbac.protected('stack', 'enabled', 'entity', 'organization', 'owner', 'tags');
CREATE TRIGGER b AFTER UPDATE ON probe FOR EACH ROW EXECUTE FUNCTION rbac.check_change('stack', 'stack:transfer', 'stack:create');
INSERT INTO probe VALUES ('web', 'globex', NULL, '{}');
UPDATE probe SET tags = '{"tier": "critical"}';
UPDATE probe SET tags = '{"tier": "other"}';
UPDATE probe SET owner = 'hostile_owner';
UPDATE probe SET organization = 'acme';
UPDATE probe SET organization = NULL;
UPDATE probe SET id = 'api';
TRUNCATE probe;
INSERT INTO probe VALUES ('web', NULL, NULL, '{}');
UPDATE probe SET tags = '{"tier": "critical"}';
TRUNCATE probe;
INSERT INTO probe VALUES ('web', 'acme', NULL, '{}');
UPDATE probe SET tags = '{"tier": "critical"}';
UPDATE probe SET tags = '{"tier": "other"}';
DROP TABLE probe;

-- Nor do marks that make no sense get into the way of those who look at all tables.
CREATE TABLE hostile_mark (a int);
CREATE TRIGGER m BEFORE UPDATE ON hostile_mark EXECUTE FUNCTION rbac.protected();
SELECT relation, entity_type, entity FROM rbac.protected_tables;
DROP TRIGGER m ON hostile_mark;
CREATE TRIGGER m BEFORE UPDATE ON hostile_mark EXECUTE FUNCTION rbac.protected('', 'x', 'y', 'entity', 'entity');
SELECT relation, entity_type, entity FROM rbac.protected_tables;
DROP TRIGGER m ON hostile_mark;
CREATE TRIGGER m BEFORE UPDATE OF a ON hostile_mark EXECUTE FUNCTION rbac.protected($$quote ' \ and ü$$, '\000', 'nonsense');
CREATE TRIGGER n AFTER UPDATE OF a ON hostile_mark EXECUTE FUNCTION rbac.check_change();
SELECT relation, entity_type, entity FROM rbac.protected_tables;
SELECT rbac.unprotect('hostile_mark');
RESET SESSION AUTHORIZATION;

-- Who does not own a table is told so, whatever it is.
SET SESSION AUTHORIZATION hostile_owner;
SELECT rbac.register_rows('rbac.members');
SELECT rbac.register_rows('pg_class');
SELECT rbac.register_rows(0);
SELECT rbac.register_rows('hostile_part');
SELECT rbac.register_rows('hostile_view');
RESET SESSION AUTHORIZATION;
SELECT rbac.register_rows(4294967295);
SELECT pg_backend_pid() = :pid AS alive;

-- clean up
DROP TABLE hostile_mark, hostile_parts, hostile_table CASCADE;
DROP TYPE hostile_row, hostile_enum, hostile_tags, hostile_number;
DELETE FROM rbac.organizations;
REVOKE EXECUTE ON FUNCTION rbac.register_entities() FROM hostile_registrar;
REVOKE CREATE ON SCHEMA public FROM hostile_owner, hostile_registrar;
DROP ROLE hostile_owner, hostile_registrar;
