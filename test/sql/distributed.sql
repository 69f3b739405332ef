-- What logical replication, and servers that spread tables over others, ask of the
-- extension.  t/035_logical.pl shows that it then works.

-- replicated rows fire the triggers that announce them, and no others: one that derives
-- rows would stop the stream
SELECT DISTINCT tgname, tgenabled, tgfoid::regproc
FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
WHERE c.relnamespace IN ('rbac'::regnamespace, 'rbac_internal'::regnamespace) AND tgenabled <> 'O'
ORDER BY 1;
-- each table that checks are made from has one
SELECT relname FROM pg_class c
WHERE relnamespace = 'rbac'::regnamespace AND relkind = 'r'
	AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgenabled = 'A')
ORDER BY 1;

-- all tables are in the one schema, ordinary ones, and have a key by which rows can be replicated
SELECT c.oid::regclass, relkind, relpersistence, relreplident, i.indisprimary
FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass
	JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND extname = 'rbac'
	LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE relkind NOT IN ('v', 'S', 'c') AND (relnamespace <> 'rbac'::regnamespace OR relkind <> 'r' OR relpersistence <> 'p' OR relreplident <> 'd' OR i.indisprimary IS NULL);

-- each is refused to others while a subscription fills it: before each statement of any kind
SELECT c.oid::regclass
FROM pg_class c
WHERE relnamespace = 'rbac'::regnamespace AND relkind = 'r'
	AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgfoid = 'rbac.refuse_subscribed'::regproc
		AND tgtype = 2 | 4 | 8 | 16 | 32);

-- no row means something else on another server: no OIDs, not even by name
SELECT attrelid::regclass, attname, atttypid::regtype
FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
WHERE c.relnamespace = 'rbac'::regnamespace AND c.relkind = 'r' AND attnum > 0 AND NOT attisdropped
	AND (atttypid::regtype::text LIKE 'reg%' OR atttypid IN ('oid'::regtype, 'oidvector'::regtype, 'tid'::regtype));

-- the policies that protect() makes are permissive and without sub-selects
CREATE TABLE shards (id bigint, tenant text, author text, tags jsonb, PRIMARY KEY (tenant, id));
CREATE INDEX ON shards (tenant);
CREATE UNIQUE INDEX ON shards (id);
SELECT rbac.protect('shards', 'stack', 'id', 'tenant', 'author', 'tags', select_scope => 'stack:read', insert_scope => 'stack:create',
	update_scope => 'stack:write', delete_scope => 'stack:delete', transfer_scope => 'stack:transfer', register => false);
SELECT polname, polpermissive, concat(polqual, polwithcheck) ~ 'SUBLINK|SUBPLAN' AS sub_select FROM pg_policy WHERE polrelid = 'shards'::regclass ORDER BY 1;

-- a member is set by a statement that can be passed on
CREATE ROLE regress_rbac_nobody;
SET ROLE regress_rbac_nobody;
BEGIN;
SELECT rbac.act_as('it''s me');
ROLLBACK;
RESET ROLE;
DROP ROLE regress_rbac_nobody;
DROP TABLE shards;
