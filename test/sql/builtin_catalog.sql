--
-- What comes with the extension: the built-in rows, that everything has a
-- comment, and what everybody may call and read
--
SET search_path = rbac, public;

-- how many of each
SELECT name, builtin, description IS NOT NULL AS described FROM entity_types ORDER BY 1;
SELECT entity_type, count(*), count(DISTINCT scope_group) AS groups, count(*) FILTER (WHERE toggle) AS toggles
FROM scopes GROUP BY ROLLUP (entity_type) ORDER BY 1;
SELECT name, entity_type FROM scopes WHERE toggle ORDER BY 1;
SELECT name, entity_type, cardinality(scopes) FROM permission_sets ORDER BY entity_type, 3, 1;
SELECT name, all_scopes, cardinality(role_scopes(name)) FROM roles ORDER BY 1;
SELECT role, permission_set, entity_type, entity, condition FROM role_rules ORDER BY id DESC;

-- names are frozen: a policy, a set or a backup may hold any of these
\pset format unaligned
\pset tuples_only on
SELECT entity_type || ', ' || scope_group || E'\n  ' || string_agg(name, ' ' ORDER BY name)
FROM scopes GROUP BY entity_type, scope_group ORDER BY entity_type, scope_group COLLATE "C";
\pset tuples_only off
\pset format aligned

-- nothing belongs to an organization, everything is marked, described and grouped
SELECT count(*) FROM permission_sets WHERE organization IS NOT NULL OR NOT builtin OR description IS NULL;
SELECT count(*) FROM roles WHERE organization IS NOT NULL OR NOT builtin OR description IS NULL;
SELECT count(*) FROM scopes WHERE NOT builtin OR description IS NULL OR scope_group IS NULL;
SELECT count(*) FROM role_rules WHERE id >= 0;
SELECT name, description FROM scopes WHERE description !~ '^[A-Z].*[^.]\.$' OR description LIKE '%  %';
SELECT description, count(*) FROM scopes GROUP BY 1 HAVING count(*) > 1;

-- the other tables are the user's
SELECT (SELECT count(*) FROM organizations) + (SELECT count(*) FROM entity_type_settings)
	+ (SELECT count(*) FROM default_roles) + (SELECT count(*) FROM members) + (SELECT count(*) FROM teams)
	+ (SELECT count(*) FROM team_members) + (SELECT count(*) FROM team_roles) + (SELECT count(*) FROM entities)
	+ (SELECT count(*) FROM entity_grants) + (SELECT count(*) FROM member_defaults)
	+ (SELECT count(*) FROM organization_settings) AS rows;

-- a set holds scopes of its own type only
SELECT p.name, s.name, s.entity_type FROM permission_sets p, unnest(p.scopes) u JOIN scopes s ON s.name = u::text
WHERE s.entity_type <> p.entity_type;

-- the type of a built-in scope is known without its row: these are the same
BEGIN;
INSERT INTO organizations VALUES ('organization');
INSERT INTO entities SELECT name, name, 'organization' FROM entity_types WHERE name <> 'organization';
INSERT INTO members (organization, member, role) VALUES ('organization', 'ann', 'Admin');
SELECT s.name, t.name AS type FROM scopes s, entity_types t
WHERE has_scope('ann', t.name, s.name::scope) <> (s.entity_type = t.name);
ROLLBACK;

-- a higher set includes the lower, and has more
SELECT low.name AS low, high.name AS high, high.scopes @> low.scopes AND high.scopes <> low.scopes AS includes
FROM (VALUES ('Stack Read', 'Stack Write'), ('Stack Write', 'Stack Admin'), ('Stack Access Read', 'Stack Read'),
	('Environment Read', 'Environment Open'), ('Environment Open', 'Environment Write'),
	('Environment Write', 'Environment Admin'),
	('Account Read', 'Account Write'), ('Account Write', 'Account Admin')) AS pairs (lower, higher)
JOIN permission_sets low ON low.name = lower JOIN permission_sets high ON high.name = higher;

-- the lowest sets, and what each step adds
\pset format unaligned
SELECT name, scopes FROM permission_sets
WHERE name IN ('Stack Read', 'Stack Access Read', 'Environment Read', 'Account Read') ORDER BY name;
SELECT high.name, high.scopes - low.scopes AS adds
FROM (VALUES ('Stack Read', 'Stack Write'), ('Stack Write', 'Stack Admin'),
	('Environment Read', 'Environment Open'), ('Environment Open', 'Environment Write'),
	('Environment Write', 'Environment Admin'),
	('Account Read', 'Account Write'), ('Account Write', 'Account Admin')) AS pairs (lower, higher)
JOIN permission_sets low ON low.name = lower JOIN permission_sets high ON high.name = higher
ORDER BY cardinality(low.scopes), 1;
\pset format aligned

-- an Admin set is all that there is of its type
SELECT p.name FROM permission_sets p
WHERE p.scopes = (SELECT scopeset_agg(s.name::scope) FROM scopes s WHERE s.entity_type = p.entity_type) ORDER BY 1;

-- the sets for organizations
\pset format unaligned
SELECT name, scopes FROM permission_sets WHERE entity_type = 'organization' ORDER BY name;
\pset format aligned

-- the roles hold what their rules give
SELECT role_scopes('Member') = (SELECT scopes FROM permission_sets WHERE name = 'Standard') | 'stack_access:read' AS member,
	role_scopes('Billing Manager') = (SELECT scopes FROM permission_sets WHERE name = 'Billing') AS billing_manager,
	role_scopes('Admin') = (SELECT scopeset_agg(name::scope) FROM scopes) AS admin;

-- Each built-in scope has a bit of its own below 169: 64 in each of the first
-- two words, 41 in the third.  A scope without one would take its name's room.
-- Four bytes for the length, two for the set's header, eight for a word.
SELECT pg_column_size(scopeset(name::scope)) AS bytes, count(*) FROM scopes GROUP BY 1 ORDER BY 1;
SELECT cardinality(all_scopes), pg_column_size(all_scopes) AS bytes
FROM (SELECT scopeset_agg(name::scope) AS all_scopes FROM scopes) s;

-- every object has a comment
SELECT pg_describe_object(classid, objid, 0) AS without_comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'rbac')
	AND deptype = 'e'
	AND (classid NOT IN ('pg_type'::regclass, 'pg_class'::regclass)
		OR objid IN (SELECT oid FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm'))
		OR objid IN ('scope'::regtype, 'scopeset'::regtype))
	AND obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL
ORDER BY 1;
SELECT obj_description(oid, 'pg_extension') IS NOT NULL AS extension FROM pg_extension WHERE extname = 'rbac';

-- volatility, parallel safety, and no surprise: what is not STABLE or IMMUTABLE, PARALLEL SAFE, or has a search_path
SELECT p.oid::regprocedure AS function, provolatile, proparallel, prosecdef, proconfig
FROM pg_proc p
WHERE pronamespace IN ('rbac'::regnamespace, 'rbac_internal'::regnamespace) AND prorettype <> 'trigger'::regtype
	AND (provolatile = 'v' OR proparallel <> 's' OR prosecdef OR proconfig IS NOT NULL)
ORDER BY p.oid::regprocedure::text;

-- every trigger but those that invalidate caches stays off where changes are replicated to
SELECT tgrelid::regclass AS "table", tgname, tgenabled FROM pg_trigger
WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'rbac'::regnamespace) AND NOT tgisinternal
	AND CASE WHEN tgname LIKE '!invalidate%' THEN 'A' ELSE 'O' END <> tgenabled;

-- every foreign key can be deferred, for rename, and has an index on the referencing side, of all rows that refer to something
SELECT conrelid::regclass AS "table", conname FROM pg_constraint
WHERE connamespace = 'rbac'::regnamespace AND contype = 'f'
	AND (NOT condeferrable OR condeferred OR NOT EXISTS (SELECT FROM pg_index i
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = conrelid AND i.indkey[0] = conkey[1]
			AND coalesce(pg_get_expr(i.indpred, i.indrelid), '') IN ('', format('(%I IS NOT NULL)', a.attname))));

-- every key column is compared byte by byte
SELECT attrelid::regclass AS "table", attname FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
WHERE relnamespace = 'rbac'::regnamespace AND relkind = 'r' AND attnum > 0 AND atttypid = 'text'::regtype
	AND attcollation <> '"C"'::regcollation AND attname NOT IN ('description', 'scope_group') ORDER BY 1, 2;

-- every table is dumped but for its built-in rows, and so is every sequence
SELECT c.relname, condition FROM pg_class c
LEFT JOIN pg_extension e ON e.extname = 'rbac' AND c.oid = ANY (e.extconfig)
LEFT JOIN LATERAL (SELECT e.extcondition[array_position(e.extconfig, c.oid)]) d (condition) ON true
WHERE relnamespace = 'rbac'::regnamespace AND relkind IN ('r', 'S') ORDER BY 1;

-- what PUBLIC may: use the schema and call its functions, but for those that
-- are triggers, unless they change nothing; not read a table, only a view of what
-- anybody's tables have of policies; not create anything
CREATE ROLE regress_rbac_user;
SELECT has_schema_privilege('regress_rbac_user', 'rbac', 'USAGE') AS usage,
	has_schema_privilege('regress_rbac_user', 'rbac', 'CREATE') AS "create";
SELECT p.oid::regprocedure AS wrong FROM pg_proc p
WHERE pronamespace IN ('rbac'::regnamespace, 'rbac_internal'::regnamespace)
	AND has_function_privilege('regress_rbac_user', p.oid, 'EXECUTE') <> (prorettype <> 'trigger'::regtype)
ORDER BY p.oid::regprocedure::text;
SELECT t.oid::regtype AS not_for_public FROM pg_type t
WHERE typnamespace = 'rbac'::regnamespace AND typtype = 'b' AND typelem = 0
	AND NOT has_type_privilege('regress_rbac_user', t.oid, 'USAGE');
SELECT c.relname, c.relkind FROM pg_class c
WHERE relnamespace = 'rbac'::regnamespace AND relkind IN ('r', 'v', 'm', 'p')
	AND (has_table_privilege('regress_rbac_user', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
		OR has_any_column_privilege('regress_rbac_user', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'));
SELECT c.relname FROM pg_class c
WHERE relnamespace = 'rbac'::regnamespace
	AND CASE WHEN relkind = 'S' THEN has_sequence_privilege('regress_rbac_user', c.oid, 'USAGE, SELECT, UPDATE') END;

SET SESSION AUTHORIZATION regress_rbac_user;
SELECT has_scope('alice', 'stack-1', 'stack:read'), has_scope('stack-1', 'stack:read'),
	row_has_scope('alice', 'stack-1', 'stack:read', 'acme'), current_member(),
	'{stack:read}'::scopeset @> 'stack:read';
SELECT count(*) FROM scopes;
SELECT count(*) FROM members;
INSERT INTO organizations VALUES ('acme');
DELETE FROM entity_grants;
CREATE FUNCTION rbac.has_scope(text) RETURNS boolean LANGUAGE sql RETURN true;
CREATE TEMP TABLE mine (name text);
-- they take the columns of our tables for granted
CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION check_scope();
DROP TABLE mine;
RESET SESSION AUTHORIZATION;
DROP ROLE regress_rbac_user;
