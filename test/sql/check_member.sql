--
-- current_member() and act_as(): who is asking.  (Policies that go by it are in
-- rls_identity.sql; values that come before the library is loaded in t/030_identity.pl.)
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
\pset null NULL

-- of those that it belongs to it has the rights only after SET ROLE
CREATE ROLE regress_person NOINHERIT;
CREATE ROLE regress_other;
CREATE ROLE regress_app;
CREATE ROLE regress_app_user IN ROLE regress_app;
CREATE ROLE regress_super SUPERUSER;
GRANT SET ON PARAMETER rbac.member TO regress_app;
GRANT regress_other, regress_app TO regress_person;
\set who 'SELECT rbac.current_member();'

-- A login that may set it and did not is nobody, whatever it is called ...
:who
SET SESSION AUTHORIZATION regress_super;
:who
SET SESSION AUTHORIZATION regress_app;
:who
-- ... also by a right that it has from another role.
SET SESSION AUTHORIZATION regress_app_user;
:who
SET rbac.member = 'ann';
:who
RESET rbac.member;
-- One that may not is the member of its name.
SET SESSION AUTHORIZATION regress_other;
:who
-- The setting, when it is there, goes for anybody.
RESET SESSION AUTHORIZATION;
SET rbac.member = 'ann';
:who
SET SESSION AUTHORIZATION regress_other;
:who
SET SESSION AUTHORIZATION regress_app;
:who
RESET SESSION AUTHORIZATION;
RESET rbac.member;
-- Any text is a name; the empty one is none.
SET rbac.member = '  x''y"z\ ';
SELECT quote_literal(current_member());
SET rbac.member = 'null';
:who
SET rbac.member = '';
:who
SELECT set_config('rbac.member', NULL, false);
:who
SET rbac.member = DEFAULT;
:who

-- who may set it
SET SESSION AUTHORIZATION regress_other;
SET rbac.member = 'ann';
SET LOCAL rbac.member = 'ann';
SELECT set_config('rbac.member', 'ann', false);
RESET rbac.member;
BEGIN;
SELECT act_as('ann');
ROLLBACK;
BEGIN;
SELECT act_as(NULL);
ROLLBACK;
BEGIN;
SELECT act_as(repeat('x', 256));
ROLLBACK;
ALTER ROLE regress_other SET rbac.member = 'ann';
SET rbac.cache_size = '1MB';
:who

-- SET ROLE: who one may become, one is
SET SESSION AUTHORIZATION regress_person;
:who
SET ROLE regress_other;
:who
-- (the application's login among them)
SET ROLE regress_app;
:who
SET rbac.member = 'ann';
:who
SET ROLE regress_other;
:who
SET ROLE regress_app;
RESET rbac.member;
RESET ROLE;
:who
BEGIN;
SET LOCAL ROLE regress_other;
:who
COMMIT;
:who

-- SECURITY DEFINER: the caller asks, not the definer
RESET SESSION AUTHORIZATION;
CREATE FUNCTION public.defined_by_superuser(OUT name, OUT text) SECURITY DEFINER LANGUAGE sql AS 'SELECT current_user, rbac.current_member()';
CREATE FUNCTION public.defined_by_app(OUT name, OUT text) SECURITY DEFINER LANGUAGE sql AS 'SELECT current_user, rbac.current_member()';
ALTER FUNCTION public.defined_by_app() OWNER TO regress_app;
CREATE FUNCTION public.defined_by_other(OUT name, OUT text) SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN SELECT current_user, rbac.current_member() INTO $1, $2; END $$;
ALTER FUNCTION public.defined_by_other() OWNER TO regress_other;
SELECT defined_by_app(), defined_by_other();
SET SESSION AUTHORIZATION regress_person;
SELECT defined_by_superuser() <> (current_user, 'regress_person'), defined_by_app(), defined_by_other();
SET ROLE regress_other;
SELECT defined_by_app();
SET SESSION AUTHORIZATION regress_app;
SELECT defined_by_app(), defined_by_other();
-- but a definer's right to set it is the function's to use: for its own time, or for the transaction
RESET SESSION AUTHORIZATION;
CREATE FUNCTION public.ask_as(text) RETURNS text SECURITY DEFINER LANGUAGE plpgsql SET rbac.member = 'nobody yet' AS $$
BEGIN
	PERFORM rbac.act_as($1);
	RETURN rbac.current_member();
END $$;
CREATE FUNCTION public.log_in(text) RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS $$
BEGIN
	PERFORM rbac.act_as($1);
	RETURN rbac.current_member();
END $$;
ALTER FUNCTION public.log_in(text) OWNER TO regress_app;
SET SESSION AUTHORIZATION regress_other;
BEGIN;
SELECT ask_as('ann');
:who
SELECT log_in('ann');
:who
COMMIT;
:who

-- act_as: until the transaction ends
SET SESSION AUTHORIZATION regress_app;
BEGIN;
SELECT act_as('ann');
:who
SELECT act_as('o''brien \ "x"; DROP');
:who
SAVEPOINT s;
SELECT act_as('bob');
:who
ROLLBACK TO s;
:who
SAVEPOINT s;
SELECT act_as('bob');
RELEASE s;
:who
-- nobody, also where a value was set for the session
SELECT act_as(NULL);
:who
SELECT act_as('');
:who
COMMIT;
:who
SET rbac.member = 'ann';
BEGIN;
SELECT act_as('bob');
:who
SELECT act_as(NULL);
:who
ROLLBACK;
:who
RESET rbac.member;
-- outside a transaction block it would be over at once
SELECT act_as('ann');
SELECT act_as(NULL);
-- a DO block is not a transaction block, several statements in one message are
DO $$ BEGIN PERFORM rbac.act_as('ann'); END $$;
SELECT act_as('ann') \; SELECT current_member();
:who
-- the setting in the other ways
BEGIN;
SET LOCAL rbac.member = 'ann';
:who
COMMIT;
:who
BEGIN;
SELECT set_config('rbac.member', 'ann', true);
:who
COMMIT;
:who
SELECT set_config('rbac.member', 'ann', false);
:who
BEGIN;
SET LOCAL rbac.member = 'bob';
:who
ROLLBACK;
:who
BEGIN;
SET rbac.member = 'bob';
ROLLBACK;
:who
BEGIN READ ONLY;
SELECT act_as('cat');
:who
COMMIT;
RESET ALL;
:who
SET search_path = rbac, public;
SET rbac.member = 'ann';
DISCARD ALL;
:who
RESET SESSION AUTHORIZATION;
SET search_path = rbac, public;

-- the member of whom the two-argument check speaks
INSERT INTO organizations VALUES ('acme');
INSERT INTO members (organization, member, role) VALUES ('acme', 'ann', 'Admin'), ('acme', 'regress_person', 'Admin'), ('acme', 'regress_app', 'Admin');
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 's1', 'acme');
\set mine 'SELECT rbac.has_scope(\'s1\', \'stack:read\');'
:mine
SET SESSION AUTHORIZATION regress_person;
:mine
SET ROLE regress_other;
:mine
SET SESSION AUTHORIZATION regress_app;
:mine
BEGIN;
SELECT rbac.act_as('ann');
:mine
SELECT rbac.act_as('bob');
:mine
SELECT rbac.act_as(NULL);
:mine
COMMIT;
-- a right that is taken away, or given, counts from the next statement on
RESET SESSION AUTHORIZATION;
REVOKE SET ON PARAMETER rbac.member FROM regress_app;
SET SESSION AUTHORIZATION regress_app;
:who
:mine
RESET SESSION AUTHORIZATION;
GRANT SET ON PARAMETER rbac.member TO regress_app;
SET SESSION AUTHORIZATION regress_app;
:who
:mine
RESET SESSION AUTHORIZATION;

DROP FUNCTION defined_by_superuser, defined_by_app, defined_by_other, ask_as, log_in;
DELETE FROM entities;
DELETE FROM organizations;
REVOKE SET ON PARAMETER rbac.member FROM regress_app;
DROP ROLE regress_person, regress_other, regress_app, regress_app_user, regress_super;
