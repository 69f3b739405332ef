--
-- The audit log: what is in it, that nobody writes it, and who reads it
--
SET search_path = rbac, public;

-- what becomes of a statement: the rows that it changed, or why it is refused
CREATE FUNCTION public.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint   text;
	n      bigint;
BEGIN
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN 'ok, rows: ' || n;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', sqlstate || ' ' || sqlerrm, nullif(detail, ''), nullif(hint, ''));
END $$;

-- what has been logged since this was asked last
CREATE TEMP TABLE looked AS SELECT 0::bigint AS id;
CREATE FUNCTION pg_temp.news() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	last bigint := id FROM looked;
BEGIN
	UPDATE looked SET id = (SELECT max(l.id) FROM audit_log l);
	RETURN QUERY SELECT concat_ws(' ', COALESCE(l.member, '-'), l.login, l.command, l.table_name, COALESCE(l.organization, '-'),
			E'\n    ' || l.old_row::text, E'\n    ' || l.new_row::text)
		FROM audit_log l WHERE l.id > last ORDER BY l.id;
END $$;
\pset format unaligned
\pset tuples_only on
\pset null -

BEGIN;
SET LOCAL rbac.audit = off;
TRUNCATE audit_log;
COMMIT;

-- an application's login, and one that has all privileges there are
CREATE ROLE regress_rbac_app;
GRANT SET ON PARAMETER rbac.member TO regress_rbac_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO regress_rbac_app;
CREATE ROLE regress_rbac_greedy;
GRANT ALL ON ALL TABLES IN SCHEMA rbac TO regress_rbac_greedy;
GRANT ALL ON ALL SEQUENCES IN SCHEMA rbac TO regress_rbac_greedy;

--
-- every table
--
INSERT INTO organizations VALUES ('acme', 'an organization'), ('beta', NULL);
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO scopes (name, entity_type, toggle) VALUES ('wiki:read', 'wiki', true);
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('Wiki', 'wiki', '{wiki:read}'), ('acme/Stacks', 'stack', '{stack:read}');
INSERT INTO entity_type_settings VALUES ('wiki', 'Wiki', NULL);
INSERT INTO roles (name) VALUES ('Reader'), ('acme/Reader');
INSERT INTO default_roles VALUES ('acme', 'acme/Reader');
INSERT INTO role_rules (role, permission_set, condition) VALUES ('Reader', 'Wiki', '$.open == true');
INSERT INTO members (organization, member) VALUES ('acme', 'ann');
INSERT INTO members VALUES ('acme', 'boss', 'user', 'Admin', NULL), ('acme', 'auditor', 'user', 'Member', '2999-01-01 00:00+00'), ('beta', 'bea', 'user', 'Admin', 'infinity');
INSERT INTO teams (name) VALUES ('acme/Team');
INSERT INTO team_members (team, member) VALUES ('acme/Team', 'ann');
INSERT INTO team_roles (team, role) VALUES ('acme/Team', 'Reader');
INSERT INTO entities VALUES ('wiki', 'w1', 'acme', 'ann', '{"open": true, "list": [1, {"a": null}]}'), ('wiki', 'w2', 'acme', NULL, NULL);
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('Wiki', 'w1', 'acme/Team');
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Wiki', 'w2', 'beta', 'bea');
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'acme/Stacks');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'wiki:read');
SELECT regexp_replace(n, '"id": \d+', '"id": ...') FROM pg_temp.news() n;

-- changes; those that change nothing are none
UPDATE members SET expires_at = expires_at, role = 'Member' WHERE member = 'auditor';
UPDATE entities SET tags = '{"list": [1, {"a": null}], "open": true}' WHERE entity = 'w1';
INSERT INTO entities VALUES ('wiki', 'w1', 'acme', 'ann', '{"open": true, "list": [1, {"a": null}]}');
SELECT pg_temp.news();
UPDATE members SET expires_at = 'infinity' WHERE member = 'auditor';
UPDATE members SET expires_at = NULL WHERE member = 'auditor';
UPDATE permission_sets SET scopes = '{}' WHERE name = 'Wiki';
UPDATE entities SET tags = NULL, owner = 'boss' WHERE entity = 'w1';
INSERT INTO members VALUES ('acme', 'auditor', 'user', 'Member', NULL)
	ON CONFLICT (organization, member) DO UPDATE SET role = 'acme/Reader';
MERGE INTO members m USING (VALUES ('acme', 'auditor', 'Member'), ('acme', 'newcomer', 'Member')) v (o, m, r)
	ON m.organization = v.o AND m.member = v.m
	WHEN MATCHED THEN UPDATE SET role = v.r
	WHEN NOT MATCHED THEN INSERT (organization, member, role) VALUES (v.o, v.m, v.r);
SELECT pg_temp.news();

-- from one organization to another: each sees its part, and what goes with it
UPDATE entities SET organization = 'beta' WHERE entity = 'w2';
SELECT regexp_replace(n, '"id": \d+', '"id": ...') FROM pg_temp.news() n;
SELECT rename('role', 'acme/Reader', 'acme/Viewer');
SELECT pg_temp.news();

--
-- who did it
--
SET SESSION AUTHORIZATION regress_rbac_app;
SET rbac.member = 'boss';
UPDATE members SET role = 'Billing Manager' WHERE organization = 'acme' AND member = 'auditor';
-- cascades are the deed of who began them
DELETE FROM teams WHERE name = 'acme/Team';
RESET SESSION AUTHORIZATION;
SET rbac.member = '';
SELECT regexp_replace(n, '"id": \d+', '"id": ...') FROM pg_temp.news() n;
-- so are those of a function with other rights, of another role, and of a trigger
CREATE FUNCTION public.fire(who text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$ DELETE FROM rbac.members WHERE member = who $$;
SET SESSION AUTHORIZATION regress_rbac_greedy;
SELECT public.fire('newcomer');
RESET SESSION AUTHORIZATION;
SELECT pg_temp.news();
DROP FUNCTION public.fire(text);
-- names of any kind
SET rbac.member = E'zoë "the\\" o''brien \U0001F600/';
INSERT INTO members (organization, member, role) VALUES ('acme', E'\U0001F600 "\\"', 'Member');
SET rbac.member = '';
SELECT pg_temp.news();
DELETE FROM members WHERE member LIKE '%"%';
-- COPY
COPY members (organization, member, role) FROM stdin;
acme	copied	Member
beta	copied	Member
\.
SELECT count(*), min(command), max(login) FROM pg_temp.news() n, audit_log WHERE new_row ->> 'member' = 'copied';

--
-- what did not happen is not there
--
BEGIN;
DELETE FROM members WHERE member = 'copied';
ROLLBACK;
SELECT pg_temp.news();
BEGIN;
INSERT INTO teams (name) VALUES ('acme/One');
SAVEPOINT a;
INSERT INTO teams (name) VALUES ('acme/Two');
ROLLBACK TO a;
INSERT INTO teams (name) VALUES ('acme/Three');
SELECT count(*) = 2 AND min(transaction_id) = pg_current_xact_id() AND max(transaction_id) = pg_current_xact_id() AND min(changed_at) < statement_timestamp() FROM audit_log WHERE transaction_id = pg_current_xact_id();
COMMIT;
DO $$
BEGIN
	INSERT INTO teams (name) VALUES ('acme/Four');
	INSERT INTO teams (name) VALUES ('acme/Four');
EXCEPTION WHEN unique_violation THEN
	INSERT INTO teams (name) VALUES ('acme/Five');
END $$;
SELECT pg_temp.news();

-- TRUNCATE
BEGIN;
TRUNCATE organization_settings, entities;
SELECT pg_temp.news();
ROLLBACK;

--
-- append-only
--
SELECT statement, try(statement) FROM unnest(ARRAY[
	'INSERT INTO audit_log (changed_at, transaction_id, table_name, command) VALUES (now(), pg_current_xact_id(), ''members'', ''INSERT'')',
	'INSERT INTO audit_log SELECT * FROM audit_log WHERE false',
	'UPDATE audit_log SET member = ''somebody else''',
	'DELETE FROM audit_log',
	'TRUNCATE audit_log',
	'TRUNCATE audit_log, members CASCADE']) statement;
SET rbac.audit = off;
SELECT statement, try(statement) FROM unnest(ARRAY[
	'INSERT INTO audit_log (changed_at, transaction_id, table_name, command) VALUES (now(), pg_current_xact_id(), ''members'', ''INSERT'')',
	'UPDATE audit_log SET member = ''somebody else''',
	'DELETE FROM audit_log WHERE changed_at < ''2000-01-01''']) statement;
RESET rbac.audit;
SET SESSION AUTHORIZATION regress_rbac_greedy;
SELECT count(*) FROM audit_log;
SELECT statement, try(statement) FROM unnest(ARRAY[
	'INSERT INTO audit_log (changed_at, transaction_id, table_name, command) VALUES (now(), pg_current_xact_id(), ''members'', ''INSERT'')',
	'UPDATE audit_log SET member = ''somebody else''',
	'DELETE FROM audit_log',
	'TRUNCATE audit_log',
	'SET rbac.audit = off']) statement;
SET check_function_bodies = off;
INSERT INTO audit_log (changed_at, transaction_id, table_name, command) VALUES (now(), pg_current_xact_id(), 'members', 'INSERT');
INSERT INTO audit_log AS a (changed_at, transaction_id, table_name, command) VALUES (now(), pg_current_xact_id(), 'members', 'INSERT')
	ON CONFLICT (id) DO UPDATE SET member = 'somebody else';
\copy audit_log (changed_at, transaction_id, table_name, command) FROM '/dev/null'
RESET check_function_bodies;
RESET SESSION AUTHORIZATION;
GRANT SET ON PARAMETER rbac.audit TO regress_rbac_greedy;
SET SESSION AUTHORIZATION regress_rbac_greedy;
SET rbac.audit = off;
SELECT try('DELETE FROM audit_log');
SELECT try('TRUNCATE audit_log');
RESET rbac.audit;
RESET SESSION AUTHORIZATION;
REVOKE SET ON PARAMETER rbac.audit FROM regress_rbac_greedy;

-- switched off, for a while
BEGIN;
SET LOCAL rbac.audit = off;
INSERT INTO members (organization, member) SELECT 'acme', 'bulk' || i FROM generate_series(1, 100) i;
DELETE FROM members WHERE member LIKE 'bulk%';
COMMIT;
SELECT pg_temp.news();
-- replicated changes are logged where they were made
SET session_replication_role = replica;
INSERT INTO teams (name) VALUES ('acme/Replica');
DELETE FROM teams WHERE name = 'acme/Replica';
RESET session_replication_role;
SELECT pg_temp.news();

-- indexes and triggers that its owner adds to it
CREATE INDEX audit_log_expression ON audit_log ((COALESCE(new_row, old_row) ->> 'member')) WHERE table_name = 'members';
CREATE TEMP TABLE told (what text);
CREATE FUNCTION pg_temp.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO told VALUES (NEW.table_name); RETURN NULL; END $$;
CREATE TRIGGER tell AFTER INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION pg_temp.tell();
INSERT INTO teams (name) VALUES ('acme/Told');
TABLE told;
DROP TRIGGER tell ON audit_log;
DROP INDEX audit_log_expression;

--
-- who reads it
--
SELECT count(*) > 0 FROM pg_temp.news();
SET SESSION AUTHORIZATION regress_rbac_app;
CREATE TEMP VIEW seen AS SELECT COALESCE(string_agg(DISTINCT COALESCE(organization, 'none'), ' '), '') AS organizations FROM audit_log;
SET rbac.member = 'boss';
TABLE seen;
SET rbac.member = 'bea';
TABLE seen;
SET rbac.member = 'ann';
TABLE seen;
SET rbac.member = '';
TABLE seen;
RESET SESSION AUTHORIZATION;
-- either of the two scopes
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('acme/Audit', 'organization', '{audit_logs:read}'), ('acme/Export', 'organization', '{audit_logs:export}');
INSERT INTO roles (name) VALUES ('acme/Audit'), ('acme/Export');
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Audit', 'acme/Audit'), ('acme/Export', 'acme/Export');
SET SESSION AUTHORIZATION regress_rbac_app;
SET rbac.member = 'ann';
SELECT has_scope_anywhere('audit_logs:read'), has_scope_anywhere('audit_logs:export');
RESET SESSION AUTHORIZATION;
UPDATE members SET role = 'acme/Audit' WHERE member = 'ann';
SET SESSION AUTHORIZATION regress_rbac_app;
TABLE seen;
SELECT has_scope_anywhere('audit_logs:read'), has_scope_anywhere('audit_logs:export');
RESET SESSION AUTHORIZATION;
UPDATE members SET role = 'acme/Export' WHERE member = 'ann';
SET SESSION AUTHORIZATION regress_rbac_app;
TABLE seen;
SELECT has_scope_anywhere('audit_logs:read'), has_scope_anywhere('audit_logs:export');
RESET SESSION AUTHORIZATION;
UPDATE members SET expires_at = '2000-01-01' WHERE member = 'ann';
SET SESSION AUTHORIZATION regress_rbac_app;
TABLE seen;
DROP VIEW seen;
SET rbac.member = '';
RESET SESSION AUTHORIZATION;
SELECT has_scope_anywhere('audit_logs:red');
-- not without the privilege
CREATE ROLE regress_rbac_nobody;
SET SESSION AUTHORIZATION regress_rbac_nobody;
SELECT count(*) FROM audit_log;
RESET SESSION AUTHORIZATION;

-- Nobody switches the log off by making it look as if a dump were loaded, not even where triggers and functions act as the
-- tables' owner: rename(), a SECURITY DEFINER function, what goes with an entity or an organization.
INSERT INTO organizations VALUES ('covert');
INSERT INTO roles (name) VALUES ('covert/A');
INSERT INTO members (organization, member, role) VALUES ('covert', 'boss', 'Admin');
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 'covert', 'covert');
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 'covert', 'covert', 'boss');
CREATE FUNCTION public.promote() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ INSERT INTO rbac.members (organization, member, role) VALUES ('covert', 'eve', 'Admin') $$;
SELECT count(*) > 0 FROM pg_temp.news();
SET SESSION AUTHORIZATION regress_rbac_app;
SET check_function_bodies = off;
SET rbac.member = 'boss';
SELECT rename('role', 'covert/A', 'covert/B');
SELECT public.promote();
DELETE FROM entities WHERE entity = 'covert';
DELETE FROM organizations WHERE name = 'covert';
RESET check_function_bodies;
SET rbac.member = '';
RESET SESSION AUTHORIZATION;
SELECT regexp_replace(n, '"id": \d+', '"id": ...') FROM pg_temp.news() n;
DROP FUNCTION public.promote();

-- an index is used for an organization's latest changes
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM audit_log WHERE organization = 'acme' ORDER BY id DESC LIMIT 10;
RESET enable_seqscan;

-- a row can be had back
SELECT (jsonb_populate_record(NULL::permission_sets, old_row)).scopes FROM audit_log WHERE table_name = 'permission_sets' AND command = 'UPDATE';

DELETE FROM entities;
DELETE FROM entity_grants;
DELETE FROM organizations;
SELECT count(*) > 0 FROM pg_temp.news();
DELETE FROM entity_type_settings;
DELETE FROM role_rules WHERE id >= 0;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
SELECT regexp_replace(n, '"id": \d+', '"id": ...') FROM pg_temp.news() n;
DROP OWNED BY regress_rbac_app, regress_rbac_greedy;
REVOKE ALL ON PARAMETER rbac.member FROM regress_rbac_app;
DROP ROLE regress_rbac_app, regress_rbac_greedy, regress_rbac_nobody;
DROP FUNCTION public.try(text);
