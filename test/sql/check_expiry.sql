--
-- Rule 11: what has expired by the time the statement began is as if it were
-- not there, also when it expires while it is cached, in an open transaction.
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

INSERT INTO organizations VALUES ('acme');
INSERT INTO roles (name) VALUES ('acme/None'), ('acme/Reader');
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Reader', 'Stack Read');
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 's1', 'acme');
-- five members, each of whom reads s1 for one reason that may expire
INSERT INTO members (organization, member, role) VALUES
	('acme', 'by membership', 'acme/Reader'), ('acme', 'by team', 'acme/None'), ('acme', 'by team role', 'acme/None'),
	('acme', 'by grant', 'acme/None'), ('acme', 'by grant to team', 'acme/None');
INSERT INTO teams (name) VALUES ('acme/By team'), ('acme/By team role'), ('acme/By grant to team');
INSERT INTO team_roles (team, role) VALUES ('acme/By team', 'acme/Reader'), ('acme/By team role', 'acme/Reader');
INSERT INTO team_members (team, member) SELECT 'acme/B' || substr(member, 2), member FROM members WHERE member LIKE '%team%';
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's1', 'acme', 'by grant');
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('Stack Read', 's1', 'acme/By grant to team');

-- each of the five expires_at columns is set, for the member whom it bears on
CREATE FUNCTION public.expire(at timestamptz) RETURNS void LANGUAGE sql AS $$
	UPDATE rbac.members SET expires_at = at WHERE member = 'by membership';
	UPDATE rbac.team_members SET expires_at = at WHERE member = 'by team';
	UPDATE rbac.team_roles SET expires_at = at WHERE team = 'acme/By team role';
	UPDATE rbac.entity_grants SET expires_at = at WHERE member = 'by grant' OR team = 'acme/By grant to team';
$$;
CREATE FUNCTION public.readers() RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(member, ', ' ORDER BY member), 'nobody')
	FROM rbac.members
	WHERE rbac.has_scope(member, 's1', 'stack:read')
		AND rbac.row_has_scope(member, 's1', 'stack:read', 'acme')
		AND rbac.scopes_on(member, 'stack', 's1') OPERATOR(rbac.@>) 'stack:read'::rbac.scope
		AND EXISTS (SELECT FROM rbac.entities_with_scope(member, 'stack:read'))
$$;
CREATE FUNCTION public.readers_in_plpgsql() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN public.readers();
END $$;
SELECT readers();

-- long ago and far away
SELECT expire('-infinity');
SELECT readers();
SELECT expire('infinity');
SELECT readers();
SELECT expire(now() - interval '1 hour');
SELECT readers();
SELECT expire(now() + interval '1 hour');
SELECT readers();
SELECT expire(NULL);
SELECT readers();

-- the moment itself is over; a microsecond later is not yet
DO $$
BEGIN
	PERFORM expire(statement_timestamp());
	RAISE NOTICE '%', readers();
	PERFORM expire(statement_timestamp() + interval '1 microsecond');
	RAISE NOTICE '%', readers();
	PERFORM expire(NULL);
END $$;

-- While it is cached: the first statement sets the time and finds all five, at
-- whatever speed, because its clock stands still; when the next one begins,
-- the time is over.
CREATE FUNCTION public.expire_soon() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM public.expire(statement_timestamp() + interval '0.1 seconds');
	RETURN public.readers();
END $$;
SELECT expire_soon();
SELECT pg_sleep(0.11);
SELECT readers();
-- in a transaction, with prepared statements and with plpgsql
SELECT expire(NULL);
PREPARE readers AS SELECT readers();
PREPARE one(text) AS SELECT rbac.has_scope($1, 's1', 'stack:read');
BEGIN;
EXECUTE readers;
EXECUTE one('by grant');
SELECT readers_in_plpgsql();
SELECT expire_soon();
SELECT pg_sleep(0.11);
EXECUTE readers;
EXECUTE one('by grant');
SELECT readers_in_plpgsql();
-- what is over stays over when the change is rolled back and made again
SAVEPOINT s;
SELECT expire('infinity');
EXECUTE readers;
ROLLBACK TO s;
EXECUTE readers;
ROLLBACK;
EXECUTE readers;
-- in REPEATABLE READ and in a read-only transaction
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT expire_soon();
SELECT pg_sleep(0.11);
EXECUTE readers;
ROLLBACK;
SELECT expire_soon();
BEGIN READ ONLY;
SELECT pg_sleep(0.11);
EXECUTE readers;
COMMIT;

-- A statement that runs for longer than that goes by the time at its beginning.
SELECT expire(NULL);
DO $$
BEGIN
	PERFORM expire(statement_timestamp() + interval '0.1 seconds');
	PERFORM pg_sleep(0.11);
	RAISE NOTICE '%', readers();
END $$;
SELECT readers();

-- one of several: the rest stays
SELECT expire(NULL);
BEGIN;
INSERT INTO entity_grants (permission_set, entity, organization, member, expires_at) VALUES
	('Stack Write', 's1', 'acme', 'by grant', now() - interval '1 hour'), ('Stack Admin', 's1', 'acme', 'by grant', now() + interval '1 hour');
SELECT has_scope('by grant', 's1', 'stack:delete'), has_scope('by grant', 's1', 'stack:read');
UPDATE entity_grants SET expires_at = now() WHERE permission_set = 'Stack Admin';
SELECT has_scope('by grant', 's1', 'stack:delete'), has_scope('by grant', 's1', 'stack:write'), has_scope('by grant', 's1', 'stack:read');
ROLLBACK;
-- a membership that expires takes all along that the member has in the organization
BEGIN;
UPDATE members SET expires_at = now();
SELECT readers();
ROLLBACK;
-- and nothing of what the member has in another
BEGIN;
INSERT INTO organizations VALUES ('beta');
INSERT INTO members (organization, member, role) VALUES ('beta', 'by membership', 'Admin');
UPDATE members SET expires_at = now() WHERE organization = 'acme';
SELECT has_scope('by membership', 'acme', 'team:list'), has_scope('by membership', 'beta', 'team:list');
ROLLBACK;

DEALLOCATE ALL;
DROP FUNCTION expire, readers, readers_in_plpgsql, expire_soon;
DELETE FROM entities;
DELETE FROM organizations;
