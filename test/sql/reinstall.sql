--
-- DROP EXTENSION and CREATE EXTENSION within one session, which has cached
-- plans, answers and the places of the tables
--
\set SHOW_CONTEXT never

CREATE FUNCTION public.world() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO rbac.organizations VALUES ('acme');
	INSERT INTO rbac.entity_types (name) VALUES ('wiki');
	INSERT INTO rbac.scopes (name, entity_type) VALUES ('wiki:read', 'wiki'), ('wiki:write', 'wiki');
	INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES ('acme/Set', 'wiki', '{wiki:read}');
	INSERT INTO rbac.members (organization, member) VALUES ('acme', 'ann');
	INSERT INTO rbac.entities VALUES ('wiki', 'w1', 'acme', NULL, NULL), ('wiki', 'w2', 'acme', NULL, NULL);
	INSERT INTO rbac.entities VALUES ('wiki', 'w1', 'acme', NULL, NULL);
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('acme/Set', 'w1', 'acme', 'ann'), ('acme/Set', 'w2', 'acme', 'ann');
	DELETE FROM rbac.entities WHERE entity = 'w2';
END $$;
CREATE FUNCTION public.answers() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN concat_ws(' ', rbac.has_scope('ann', 'w1', 'wiki:read'), rbac.has_scope('ann', 'w1', 'wiki:write'), rbac.scopes_on('ann', 'wiki', 'w1'),
		(SELECT count(*) FROM rbac.entity_grants));
END $$;
PREPARE ask AS SELECT rbac.has_scope('ann', $1, 'stack_access:read');

SELECT world();
SELECT answers();
EXECUTE ask('w1');
DELETE FROM rbac.scopes WHERE name = 'wiki:read';

-- taken back
BEGIN;
DROP EXTENSION rbac;
SELECT rbac.has_scope('ann', 'w1', 'wiki:read');
ROLLBACK;
SELECT answers();

-- a new one knows nothing of the old, and works
DROP EXTENSION rbac;
SELECT count(*) FROM pg_namespace WHERE nspname IN ('rbac', 'rbac_internal');
SELECT rbac.has_scope('ann', 'w1', 'wiki:read');
EXECUTE ask('w1');
CREATE EXTENSION rbac;
EXECUTE ask('w1');
SELECT 'wiki:read'::rbac.scope;
SELECT world();
SELECT answers();
DELETE FROM rbac.scopes WHERE name = 'wiki:read';
UPDATE rbac.permission_sets SET scopes = '{wiki:read,wiki:write}' WHERE name = 'acme/Set';
SELECT answers();
SELECT rbac.rename('organization', 'acme', 'umbrella');
SELECT answers();
DELETE FROM rbac.entities;
DELETE FROM rbac.organizations;

-- what an application has made of it stays in the way
CREATE TABLE public.documents (id text, needs rbac.scope, grants rbac.scopeset);
ALTER TABLE public.documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON public.documents USING (rbac.has_scope(id, 'wiki:read'));
\set VERBOSITY terse
DROP EXTENSION rbac;
\set VERBOSITY default

-- or, with CASCADE, goes; what was protected is then shown to nobody
CREATE TABLE public.wikis (id text PRIMARY KEY, org text);
SELECT rbac.protect('public.wikis', 'wiki', 'id', 'org', select_scope => 'wiki:read');
INSERT INTO rbac.organizations VALUES ('acme');
INSERT INTO public.wikis VALUES ('w1', 'acme');
CREATE ROLE regress_reinstall;
GRANT SELECT ON public.wikis, public.documents TO regress_reinstall;
BEGIN;
DROP EXTENSION rbac CASCADE;
SELECT polrelid::regclass, polname FROM pg_policy WHERE polrelid::regclass IN ('public.wikis', 'public.documents');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgrelid::regclass IN ('public.wikis', 'public.documents');
SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid = 'public.documents'::regclass AND attnum > 0 AND NOT attisdropped;
SELECT count(*) FROM public.wikis;
SET LOCAL ROLE regress_reinstall;
SELECT count(*) FROM public.wikis;
ROLLBACK;
DROP TABLE public.wikis, public.documents;
DROP ROLE regress_reinstall;

-- nobody's schema is taken over, and there is only the one
DROP EXTENSION rbac;
CREATE SCHEMA rbac;
CREATE EXTENSION rbac;
DROP SCHEMA rbac;
CREATE EXTENSION rbac SCHEMA public;
CREATE EXTENSION rbac;
ALTER EXTENSION rbac SET SCHEMA public;

DROP FUNCTION world(), answers();
