-- Names that look like something else: like SQL, like a format, like another name.
SET client_min_messages = warning;
SET jit = off;
CREATE TABLE canary ();
CREATE ROLE hostile_app;
GRANT SET ON PARAMETER rbac.member TO hostile_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO hostile_app;
CREATE TEMP TABLE evil (no int GENERATED ALWAYS AS IDENTITY, name text);
INSERT INTO evil (name) VALUES
	($$x'; DROP TABLE canary; --$$), ($$x"; DROP TABLE canary; --$$), ($e$$$; DROP TABLE canary; $$$e$), ($$x\'; DROP TABLE canary; --$$), ($$"a"."b" '' \$$), ('%s %I %L %1$s $1 %%'),
	('{a,"b",NULL}'), ('NULL'), ('./x /* y'), ('$.* ? (@ == 1)'), (U&'\202Enimd\0041'), (U&'e\0301'),
	('Admin'), (' Admin'), ('Admin '), ('ADMIN'), (U&'\0410dmin'), (U&'Admin\200B'), (U&'Adm\0131n'), (U&'\00e9'), (U&'\FEFFAdmin'), (U&'\FB01'), ('fi');

-- All of this with each of the first twelve, in each place where a name may stand.
CREATE FUNCTION run_with(name text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
	short  text := left(name, 20);
	tab    text := format('%I.%I', 'schema ' || short, short);
	acme   text := replace(name, '/', '|');
	other  text := 'other ' || replace(name, '/', '|');
	result text := '';
	r      record;
	d      jsonb;
BEGIN
	INSERT INTO rbac.organizations (name, description) VALUES (acme, name);
	INSERT INTO rbac.entity_types (name, description) VALUES ('type ' || name, name);
	INSERT INTO rbac.scopes (name, entity_type, description) VALUES ('evil:read', 'type ' || name, name), ('evil:write', 'type ' || name, name);
	INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES (acme || '/' || name, 'type ' || name, '{evil:read,evil:write}');
	INSERT INTO rbac.entity_type_settings (entity_type, access_scope) VALUES ('type ' || name, 'evil:write');
	INSERT INTO rbac.roles (name, description) VALUES (acme || '/' || name, name);
	INSERT INTO rbac.role_rules (role, permission_set, condition) VALUES (acme || '/' || name, acme || '/' || name, ('$.tag == ' || to_json(name))::jsonpath);
	INSERT INTO rbac.members (organization, member, role) VALUES (acme, name, acme || '/' || name), (acme, 'boss', 'Admin');
	INSERT INTO rbac.teams (name) VALUES (acme || '/' || name);
	INSERT INTO rbac.team_members (team, member) VALUES (acme || '/' || name, name);
	INSERT INTO rbac.team_roles (team, role) VALUES (acme || '/' || name, acme || '/' || name);
	INSERT INTO rbac.default_roles (organization, role) VALUES (acme, acme || '/' || name);
	INSERT INTO rbac.member_defaults (organization, permission_set) VALUES (acme, acme || '/' || name);
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES (acme || '/' || name, name, acme, name);
	EXECUTE format('CREATE SCHEMA %I', 'schema ' || short);
	EXECUTE format('CREATE TABLE %s (%I text PRIMARY KEY, %I text, %I text, %I jsonb)', tab, 'i ' || short, 'g ' || short, 'o ' || short, 't ' || short);
	EXECUTE format('CREATE POLICY %I ON %s FOR SELECT USING (false)', name, tab);
	PERFORM rbac.protect(tab::regclass, 'type ' || name, 'i ' || short, 'g ' || short, 'o ' || short, 't ' || short, 'evil:read', 'stack:create', 'evil:write', 'evil:write', 'evil:write');
	EXECUTE format('INSERT INTO %s VALUES (%L, %L, NULL, %L)', tab, name, acme, jsonb_build_object('tag', name));
	SELECT * INTO r FROM rbac.protected_tables WHERE relation = tab::regclass;
	result := concat_ws(' ', result, r.entity_type = 'type ' || name, r.entity = 'i ' || short, r.organization = 'g ' || short, r.owner = 'o ' || short, r.tags = 't ' || short, r.select_scope);
	EXECUTE format('GRANT ALL ON SCHEMA %I TO hostile_app; GRANT ALL ON %s TO hostile_app', 'schema ' || short, tab);
	SET LOCAL ROLE hostile_app;
	PERFORM rbac.act_as(name);
	EXECUTE format('SELECT count(*) AS n, max(%I) = %L AS same FROM %s', 'i ' || short, name, tab) INTO r;
	result := concat_ws(' ', result, rbac.current_member() = name, r.n, r.same, rbac.has_scope(name, 'evil:read'), rbac.scopes_on(name, 'type ' || name, name));
	EXECUTE format('UPDATE %s SET %I = %2$I', tab, 't ' || short);
	BEGIN
		EXECUTE format('UPDATE %s SET %I = %L', tab, 'g ' || short, other);
		result := result || ' moved';
	EXCEPTION WHEN insufficient_privilege THEN NULL;
	END;
	PERFORM rbac.act_as('boss');
	d := rbac.export(acme);
	SELECT count(*) AS n INTO r FROM rbac.apply(d);
	result := concat_ws(' ', result, r.n, d ->> 'organization' = acme);
	PERFORM rbac.rename('role', acme || '/' || name, acme || '/new ' || name);
	PERFORM rbac.rename('team', acme || '/' || name, acme || '/new ' || name);
	PERFORM rbac.rename('permission_set', acme || '/' || name, acme || '/new ' || name);
	RESET ROLE;
	PERFORM rbac.act_as(NULL);
	result := concat_ws(' ', result, (SELECT string_agg(reason, ',') FROM rbac.explain(name, name, 'evil:read')), (SELECT count(*) FROM rbac.access_changes()),
		(SELECT count(*) FROM rbac.apply(d || jsonb_build_object('organization', other))));
	PERFORM rbac.rename('member', name, 'new ' || name);
	PERFORM rbac.rename('entity_type', 'type ' || name, 'new ' || name);
	PERFORM rbac.rename('organization', acme, 'new ' || acme);
	result := concat_ws(' ', result, (SELECT count(DISTINCT organization) FROM rbac.audit_log WHERE organization IN (acme, 'new ' || acme, other)));
	PERFORM rbac.unprotect(tab::regclass);
	RAISE SQLSTATE 'RB001';
EXCEPTION
	WHEN SQLSTATE 'RB001' THEN RETURN result;
	WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm || ' ' || result;
END $f$;
CREATE TEMP TABLE runs AS SELECT name, run_with(name) AS outcome FROM evil WHERE no <= 12;
SELECT outcome, count(*) FROM runs GROUP BY 1 ORDER BY 1;
-- whatever strings and identifiers look like in the session
SELECT count(set_config(name, 'off', false)) AS until_18 FROM pg_settings WHERE name IN ('standard_conforming_strings', 'escape_string_warning')
	AND EXISTS (SELECT FROM pg_settings WHERE name = 'escape_string_warning') \gset
SET quote_all_identifiers = on;
SELECT name, run_with(name) FROM evil WHERE no <= 6 EXCEPT SELECT name, outcome FROM runs;
RESET ALL;
SET client_min_messages = warning;
SELECT count(*) AS canaries FROM pg_class WHERE relname = 'canary';

-- Those that look like Admin are not.
INSERT INTO rbac.organizations (name) VALUES ('acme');
INSERT INTO rbac.roles (name) SELECT 'acme/' || name FROM evil WHERE name ~* 'admin' OR name ~ U&'[\00e9\0301\0131\202e\0410\fb01]' OR name = 'fi';
INSERT INTO rbac.members (organization, member, role) SELECT 'acme', name, 'acme/' || name FROM evil WHERE 'acme/' || name IN (SELECT r.name FROM rbac.roles r);
SELECT count(*) AS members, count(*) FILTER (WHERE rbac.has_scope(member, 'acme', 'organization:update')) AS that_may FROM rbac.members;
-- not even with the name of a built-in role after the slash
SELECT rbac.role_scopes('acme/Admin');

-- Trees of slashes: an organization is what is before the first one.
SELECT rbac.has_scope('a/b', 'acme/acme', 'organization:update'), rbac.is_my_team('acme'), rbac.is_my_team('/'), rbac.is_my_role('//'), rbac.is_team_admin('acme/');

-- clean up
DELETE FROM rbac.organizations;
DROP TABLE canary;
DROP FUNCTION run_with;
REVOKE ALL ON ALL TABLES IN SCHEMA rbac FROM hostile_app;
REVOKE SET ON PARAMETER rbac.member FROM hostile_app;
DROP ROLE hostile_app;
