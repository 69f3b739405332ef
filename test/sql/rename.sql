--
-- rename: one name, everywhere, and nobody has more or less for it
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never

-- a world that uses every reference
INSERT INTO organizations VALUES ('acme', 'Acme'), ('beta', 'Beta'), ('acm', NULL), ('acme2', NULL);
INSERT INTO entity_types (name) VALUES ('wiki');
INSERT INTO scopes (name, entity_type, toggle) VALUES ('wiki:read', 'wiki', true), ('wiki:write', 'wiki', false), ('wiki:create', 'organization', true);
INSERT INTO permission_sets (name, entity_type, scopes) VALUES
	('Reader', 'wiki', '{wiki:read}'), ('acme/Writer', 'wiki', '{wiki:read,wiki:write}'), ('acme2/Writer', 'wiki', '{wiki:write}'),
	('acme/Founder', 'organization', '{wiki:create,team:create}');
INSERT INTO entity_type_settings VALUES ('wiki', 'Reader', 'wiki:write');
-- a shared role and a shared set that are named as the organization is
INSERT INTO roles (name) VALUES ('acme'), ('acme/Editor'), ('acme/Tagger'), ('acme2/Editor');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('acme', 'stack', '{stack:read}');
INSERT INTO role_rules (role, permission_set) VALUES ('acme', 'Reader'), ('acme/Editor', 'acme/Writer'), ('acme/Editor', 'acme/Founder'), ('acme/Editor', 'acme'), ('acme2/Editor', 'acme2/Writer');
INSERT INTO role_rules (role, permission_set, entity) VALUES ('acme', 'acme', 's1');
INSERT INTO role_rules (role, permission_set, condition) VALUES ('acme/Tagger', 'acme/Writer', '$.open == true');
INSERT INTO default_roles VALUES ('acme', 'acme/Editor'), ('acme2', 'acme2/Editor');
INSERT INTO members (organization, member, role) VALUES
	('acme', 'ann', 'acme/Editor'), ('acme', 'ben', 'Member'), ('acme', 'cat', 'acme/Tagger'), ('acme', 'dan', 'acme'),
	('beta', 'ann', 'Member'), ('acme2', 'ann', 'acme2/Editor');
INSERT INTO teams (name) VALUES ('acme/Ops'), ('acme/acme/Ops'), ('acme2/Ops'), ('beta/Ops');
INSERT INTO team_members (team, member) VALUES ('acme/Ops', 'ben'), ('acme/acme/Ops', 'cat'), ('beta/Ops', 'ann');
INSERT INTO team_roles (team, role) VALUES ('acme/Ops', 'acme/Tagger'), ('acme/Ops', 'acme'), ('acme2/Ops', 'acme2/Editor');
INSERT INTO entities VALUES ('wiki', 'w1', 'acme', 'ben', '{"open": true}'), ('wiki', 'w2', 'acme', 'ann', NULL), ('stack', 's1', 'acme', 'ann', NULL), ('wiki', 'w3', 'beta', 'ann', NULL);
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('acme/Writer', 'w2', 'acme/acme/Ops'), ('Reader', 'w2', 'acme/Ops'), ('Reader', 'w3', 'beta/Ops');
INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES ('acme/Writer', 'w2', 'acme', 'ben'), ('Stack Read', 's1', 'acme', 'ben');
INSERT INTO member_defaults (organization, permission_set) VALUES ('acme', 'acme/Writer'), ('acme', 'Stack Write');
INSERT INTO organization_settings (organization, scope) VALUES ('acme', 'wiki:create'), ('acme', 'wiki:read'), ('beta', 'stack:delete');

-- who may what, with the names as they are at first
CREATE TABLE public.renamed (old text COLLATE "C", new text COLLATE "C");
CREATE FUNCTION public.now(old text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce((SELECT new FROM public.renamed r WHERE r.old = $1), $1)
$$;
CREATE TABLE public.answers AS SELECT m.member, e.entity_type, e.entity, s.name AS scope, NULL::boolean AS answer
FROM (SELECT DISTINCT member FROM members) m, scopes s,
	(SELECT entity_type, entity FROM entities UNION ALL SELECT 'organization', name FROM organizations) e
WHERE s.entity_type = e.entity_type AND (s.name LIKE 'wiki%' OR s.name IN ('stack:read', 'stack:write', 'stack:delete', 'stack_access:read', 'team:create', 'team:list'));
UPDATE answers SET answer = has_scope(member, entity, scope::scope);
SELECT entity_type, answer, count(*) FROM answers GROUP BY 1, 2 ORDER BY 1, 2;
CREATE FUNCTION public.differences() RETURNS TABLE (member text, entity text, scope text, answer boolean) LANGUAGE sql AS $$
	SELECT member, entity, scope, answer FROM public.answers
	WHERE answer <> rbac.has_scope(public.now(member), CASE WHEN entity_type = 'organization' THEN public.now(entity) ELSE entity END, public.now(scope)::rbac.scope)
$$;
-- everything that holds a name, as a text
CREATE FUNCTION public.everything() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT 'organization ' || t FROM rbac.organizations t
	UNION ALL SELECT 'entity type ' || t FROM rbac.entity_types t WHERE NOT builtin
	UNION ALL SELECT 'scope ' || t FROM rbac.scopes t WHERE NOT builtin
	UNION ALL SELECT 'set ' || t FROM rbac.permission_sets t WHERE NOT builtin
	UNION ALL SELECT 'settings ' || t FROM rbac.entity_type_settings t
	UNION ALL SELECT 'role ' || t FROM rbac.roles t WHERE NOT builtin
	UNION ALL SELECT 'default role ' || t FROM rbac.default_roles t
	UNION ALL SELECT 'rule ' || (role, permission_set, entity_type, entity, condition) FROM rbac.role_rules WHERE id >= 0
	UNION ALL SELECT 'member ' || t FROM rbac.members t
	UNION ALL SELECT 'team ' || (name, organization, source) FROM rbac.teams
	UNION ALL SELECT 'in team ' || t FROM rbac.team_members t
	UNION ALL SELECT 'team has role ' || t FROM rbac.team_roles t
	UNION ALL SELECT 'entity ' || t FROM rbac.entities t
	UNION ALL SELECT 'grant ' || (permission_set, entity_type, entity, team, organization, member) FROM rbac.entity_grants
	UNION ALL SELECT 'default ' || t FROM rbac.member_defaults t
	UNION ALL SELECT 'toggle ' || t FROM rbac.organization_settings t
$$;
CREATE TABLE public.before AS SELECT everything() AS name;
SELECT name FROM before ORDER BY name COLLATE "C";

-- Each kind of name in turn: what has changed, and that no answer has.
CREATE FUNCTION public.changes(kind text, old text, new text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE public.before;
	INSERT INTO public.before SELECT public.everything();
	PERFORM rbac.rename(kind, old, new);
	INSERT INTO public.renamed SELECT old, new;
	RETURN QUERY SELECT '- ' || t FROM (SELECT name FROM public.before EXCEPT SELECT public.everything() ORDER BY 1) AS o (t);
	RETURN QUERY SELECT '+ ' || t FROM (SELECT public.everything() EXCEPT SELECT name FROM public.before ORDER BY 1) AS n (t);
END $$;
\pset format unaligned
\pset tuples_only on
SELECT changes('entity_type', 'wiki', 'page');
SELECT * FROM differences();
SELECT changes('scope', 'wiki:read', 'page:look');
SELECT * FROM differences();
SELECT changes('scope', 'wiki:write', 'page:edit');
SELECT * FROM differences();
SELECT changes('scope', 'wiki:create', 'page:create');
SELECT * FROM differences();
SELECT changes('permission_set', 'Reader', 'acme, too');
SELECT * FROM differences();
SELECT changes('permission_set', 'acme/Writer', 'acme/Scribe');
SELECT * FROM differences();
SELECT changes('role', 'acme/Tagger', 'acme/acme/Tagger');
SELECT * FROM differences();
SELECT changes('role', 'acme/Editor', 'acme/Editor in chief');
SELECT * FROM differences();
SELECT changes('team', 'acme/Ops', 'acme/Operations');
SELECT * FROM differences();
SELECT changes('team', 'beta/Ops', 'beta/acme/Ops');
SELECT * FROM differences();
-- in all organizations: it is the same person
SELECT changes('member', 'ann', 'anna');
SELECT * FROM differences();
SELECT changes('organization', 'acme', 'umbrella');
SELECT * FROM differences();
-- to what is a beginning of it, or it of what it becomes
SELECT rename('organization', 'umbrella', 'umbr');
SELECT rename('organization', 'umbr', 'umbrella corporation');
SELECT rename('organization', 'umbrella corporation', 'umbrella');
SELECT * FROM differences();
-- and back again
SELECT rename('organization', 'umbrella', 'acme'), rename('member', 'anna', 'ann'), rename('team', 'beta/acme/Ops', 'beta/Ops'),
	rename('team', 'acme/Operations', 'acme/Ops'), rename('role', 'acme/Editor in chief', 'acme/Editor'), rename('role', 'acme/acme/Tagger', 'acme/Tagger'),
	rename('permission_set', 'acme/Scribe', 'acme/Writer'), rename('permission_set', 'acme, too', 'Reader'), rename('scope', 'page:create', 'wiki:create'),
	rename('scope', 'page:edit', 'wiki:write'), rename('scope', 'page:look', 'wiki:read'), rename('entity_type', 'page', 'wiki');
TRUNCATE renamed;
SELECT * FROM differences();
-- a role, set or shared one that is named as the organization is
SELECT changes('role', 'acme', 'Shared role');
SELECT changes('permission_set', 'acme', 'Shared set');
\pset tuples_only off
\pset format aligned
TRUNCATE before;
INSERT INTO before SELECT everything();

-- what cannot be renamed
SELECT rename('organisation', 'acme', 'x');
SELECT rename('', 'acme', 'x');
SELECT rename('entity', 's1', 's2');
SELECT rename('organization', 'gamma', 'x');
SELECT rename('entity_type', 'forum', 'x');
SELECT rename('scope', 'wiki:raed', 'wiki:x');
SELECT rename('scope', 'wiki', 'wiki:x');
SELECT rename('permission_set', 'acme/Nothing', 'acme/x');
SELECT rename('role', 'acme/Nobody', 'acme/x');
SELECT rename('team', 'acme/Nobody', 'acme/x');
SELECT rename('member', 'nobody', 'x');
-- into another organization, or out of one
SELECT rename('role', 'acme/Editor', 'beta/Editor');
SELECT rename('role', 'acme/Editor', 'Editor');
SELECT rename('role', 'Shared role', 'acme/Shared role');
SELECT rename('permission_set', 'acme/Writer', 'acme2/Writer');
SELECT rename('team', 'acme/Ops', 'Ops');
-- to what is no name
SELECT rename('organization', 'acme', 'a/b');
SELECT rename('organization', 'acme', '');
SELECT rename('role', 'acme/Editor', 'acme/');
SELECT rename('role', 'acme/Editor', E'acme/Edi\ntor');
SELECT rename('scope', 'wiki:read', 'Wiki:read');
SELECT rename('member', 'ann', '');
-- so long that another name would be too long
INSERT INTO teams (name) VALUES ('acm/' || repeat('x', 250));
SELECT rename('organization', 'acm', 'acmee');
-- to what is taken
SELECT rename('organization', 'acme', 'beta');
SELECT rename('entity_type', 'wiki', 'stack');
SELECT rename('scope', 'wiki:read', 'wiki:write');
SELECT rename('scope', 'wiki:read', 'stack:read');
SELECT rename('permission_set', 'acme/Writer', 'acme/Founder');
SELECT rename('role', 'acme/Editor', 'acme/Tagger');
SELECT rename('role', 'Shared role', 'Member');
SELECT rename('team', 'acme/Ops', 'acme/acme/Ops');
SELECT rename('member', 'ann', 'ben');
-- nor can two people become one, although no organization has both
INSERT INTO members (organization, member) VALUES ('acm', 'eve');
SELECT rename('member', 'eve', 'ann');
DELETE FROM members WHERE member = 'eve';
DELETE FROM teams WHERE organization = 'acm';
-- what is built in
SELECT rename('entity_type', 'stack', 'project');
SELECT rename('scope', 'stack:read', 'stack:look');
SELECT rename('permission_set', 'Stack Read', 'Stack Look');
SELECT rename('role', 'Member', 'Everybody');
-- NULL is no name
SELECT rename('role', NULL, 'x') IS NULL;
-- all of these were refused as a whole
SELECT name FROM before EXCEPT SELECT everything();
SELECT everything() EXCEPT SELECT name FROM before;
-- to what it is
SELECT rename('role', 'acme/Editor', 'acme/Editor');
SELECT name FROM before EXCEPT SELECT everything();

-- in a transaction of one's own, and taken back
BEGIN;
SELECT rename('organization', 'acme', 'umbrella');
SELECT has_scope('ann', 'umbrella', 'wiki:create'), has_scope('ann', 'acme', 'wiki:create'), has_scope('ann', 'w2', 'wiki:read');
SAVEPOINT a;
SELECT rename('organization', 'umbrella', 'acme');
SELECT has_scope('ann', 'umbrella', 'wiki:create'), has_scope('ann', 'acme', 'wiki:create'), has_scope('ann', 'w2', 'wiki:read');
ROLLBACK TO a;
SELECT has_scope('ann', 'umbrella', 'wiki:create'), has_scope('ann', 'acme', 'wiki:create'), has_scope('ann', 'w2', 'wiki:read');
ROLLBACK;
SELECT has_scope('ann', 'umbrella', 'wiki:create'), has_scope('ann', 'acme', 'wiki:create'), has_scope('ann', 'w2', 'wiki:read');

-- Who may write the tables may rename; who may not, may not.  A search path
-- with functions and operators of somebody else's makes no difference.
CREATE ROLE regress_rbac_editor BYPASSRLS;
SET SESSION AUTHORIZATION regress_rbac_editor;
SELECT rename('organization', 'acme', 'umbrella');
RESET SESSION AUTHORIZATION;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO regress_rbac_editor;
CREATE SCHEMA regress_trap AUTHORIZATION regress_rbac_editor;
SET SESSION AUTHORIZATION regress_rbac_editor;
CREATE FUNCTION regress_trap.split_part(text, text, integer) RETURNS text LANGUAGE sql AS $$ SELECT 'trap' $$;
CREATE FUNCTION regress_trap.same(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE OPERATOR regress_trap.= (FUNCTION = regress_trap.same, LEFTARG = text, RIGHTARG = text);
SET search_path = regress_trap, pg_catalog;
SELECT rbac.rename('organization', 'acme', 'umbrella'), rbac.rename('scope', 'wiki:read', 'wiki:look'), rbac.rename('role', 'umbrella/Editor', 'umbrella/Writer'),
	rbac.rename('entity_type', 'wiki', 'page'), rbac.rename('member', 'ann', 'anna'), rbac.rename('team', 'umbrella/Ops', 'umbrella/Operations'),
	rbac.rename('permission_set', 'umbrella/Writer', 'umbrella/Scribe');
RESET SESSION AUTHORIZATION;
SET search_path = rbac, public;
TRUNCATE renamed;
INSERT INTO renamed VALUES ('acme', 'umbrella'), ('wiki:read', 'wiki:look'), ('ann', 'anna');
SELECT * FROM differences();

SET client_min_messages = warning;
DROP SCHEMA regress_trap CASCADE;
DROP OWNED BY regress_rbac_editor;
DROP ROLE regress_rbac_editor;
DROP FUNCTION changes(text, text, text), differences(), everything(), now(text);
DROP TABLE answers, before, renamed;
DELETE FROM entities;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
DELETE FROM entity_type_settings;
DELETE FROM permission_sets WHERE NOT builtin;
DELETE FROM scopes WHERE NOT builtin;
DELETE FROM entity_types WHERE NOT builtin;
