--
-- Documents that do not validate are refused as a whole, with the path of what is wrong
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on

INSERT INTO organizations VALUES ('acme', 'Acme');
INSERT INTO roles (name) VALUES ('Shared');
INSERT INTO permission_sets (name, entity_type, scopes) VALUES ('acme/Set', 'stack', '{stack:read}');
INSERT INTO roles (name) VALUES ('acme/Role');
INSERT INTO role_rules (role, permission_set) VALUES ('acme/Role', 'acme/Set');
INSERT INTO members (organization, member, role) VALUES ('acme', 'ann', 'acme/Role'), ('acme', 'ben', 'Member');
INSERT INTO members (organization, member, kind) VALUES ('acme', 'bot', 'organization_token'), ('acme', 'crew', 'team_token');
INSERT INTO teams (name) VALUES ('acme/Team');
INSERT INTO team_members (team, member) VALUES ('acme/Team', 'ann');
INSERT INTO team_roles (team, role) VALUES ('acme/Team', 'acme/Role');
INSERT INTO entity_grants (permission_set, entity, team) VALUES ('acme/Set', 'web', 'acme/Team');
CREATE TABLE public.before AS SELECT export('acme') AS document;
SELECT document FROM before;

CREATE FUNCTION pg_temp.try(document jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint   text;
BEGIN
	PERFORM * FROM rbac.apply(document, true);
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', sqlstate || ' ' || sqlerrm, nullif(detail, ''), nullif(hint, ''));
END $$;
-- the document with something else at a path
CREATE FUNCTION pg_temp.try(path text, value jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.try(jsonb_set(document, path::text[], value)) FROM public.before
$$;
CREATE FUNCTION pg_temp.try_without(path text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.try(document #- path::text[]) FROM public.before
$$;
SELECT pg_temp.try(document) FROM before;

-- not a document
SELECT * FROM apply(NULL);
SELECT * FROM apply('{}', NULL);
SELECT pg_temp.try('null');
SELECT pg_temp.try('[]');
SELECT pg_temp.try('{}');
SELECT pg_temp.try('{"roles": 1}');
-- the version
SELECT pg_temp.try('{rbac}', '2');
SELECT pg_temp.try('{rbac}', '"1"');
SELECT pg_temp.try('{rbac}', 'null');
SELECT pg_temp.try_without('{rbac}');
-- sections: missing, unknown, of another type
SELECT pg_temp.try_without(format('{%s}', key)) FROM unnest('{organization,permission_sets,roles,members,teams,entity_grants,member_defaults,toggles}'::text[]) key;
SELECT pg_temp.try(format('{%s}', key), '7') FROM unnest('{organization,description,default_role,permission_sets,roles,members,teams,entity_grants,member_defaults,toggles}'::text[]) key;
SELECT pg_temp.try('{description}', 'null');
SELECT pg_temp.try('{role}', '[]');
SELECT pg_temp.try('{"odd key ''\""}', '[]');
-- the organization's name
SELECT pg_temp.try('{organization}', '""');
SELECT pg_temp.try('{organization}', '"a/b"');
SELECT pg_temp.try('{organization}', '"a\nb"');
-- items: missing keys, unknown ones, of another type
SELECT pg_temp.try(path, '7') FROM unnest('{"{permission_sets,0}","{roles,0}","{roles,0,rules,0}","{members,1}","{teams,0}","{teams,0,members,0}","{teams,0,roles,0}","{entity_grants,0}"}'::text[]) path;
SELECT pg_temp.try(path, '{}') FROM unnest('{"{permission_sets,0}","{roles,0}","{roles,0,rules,0}","{members,1}","{teams,0}","{teams,0,members,0}","{teams,0,roles,0}","{entity_grants,0}"}'::text[]) path;
SELECT pg_temp.try(path, '1') FROM unnest('{"{permission_sets,0,x}","{roles,0,x}","{roles,0,rules,0,x}","{members,1,x}","{teams,0,x}","{teams,0,members,0,x}","{teams,0,roles,0,x}","{entity_grants,0,x}"}'::text[]) path;
SELECT pg_temp.try(path, '7') FROM unnest('{"{permission_sets,0,name}","{permission_sets,0,entity_type}","{permission_sets,0,scopes}","{permission_sets,0,scopes,0}","{permission_sets,0,description}",
	"{roles,0,name}","{roles,0,rules}","{roles,0,all_scopes}","{roles,0,description}","{roles,0,rules,0,permission_set}","{roles,0,rules,0,entity}","{roles,0,rules,0,condition}",
	"{members,0,name}","{members,0,role}","{members,0,kind}","{members,0,expires_at}","{teams,0,name}","{teams,0,source}","{teams,0,description}","{teams,0,members}","{teams,0,roles}",
	"{teams,0,members,0,name}","{teams,0,members,0,is_admin}","{teams,0,members,0,expires_at}","{teams,0,roles,0,name}","{teams,0,roles,0,expires_at}",
	"{entity_grants,0,permission_set}","{entity_grants,0,entity}","{entity_grants,0,team}","{entity_grants,0,expires_at}","{member_defaults,0}","{toggles,0}"}'::text[]) path;
SELECT pg_temp.try('{members,0,expires_at}', 'null');

-- names
SELECT pg_temp.try(path, name) FROM unnest('{"{permission_sets,0,name}","{roles,0,name}","{teams,0,name}"}'::text[]) path,
	unnest('{"\"Deployer\"","\"acme/Deployer\"","\"./\"","\"\""}'::jsonb[]) name;
SELECT left(pg_temp.try('{roles,0,name}', to_jsonb('./' || repeat('x', 251))), 40);
SELECT pg_temp.try('{members,1,name}', '""');
SELECT pg_temp.try('{entity_grants,0,entity}', '""');
SELECT pg_temp.try('{roles,0,rules,0,entity}', '"a\tb"');
SELECT pg_temp.try('{members,1,kind}', '"robot"');
SELECT pg_temp.try('{teams,0,source}', '"gitlab"');
-- said twice
SELECT pg_temp.try(path, item) FROM (SELECT string_to_array(p, ' ') AS a FROM unnest('{"{permission_sets,0} {permission_sets,99}","{roles,0} {roles,99}","{roles,0,rules,0} {roles,0,rules,99}","{members,0} {members,99}","{teams,0} {teams,99}",
	"{teams,0,members,0} {teams,0,members,99}","{teams,0,roles,0} {teams,0,roles,99}","{entity_grants,0} {entity_grants,99}"}'::text[]) p) pairs,
	LATERAL (SELECT a[2] AS path, document #> a[1]::text[] AS item FROM before) i;
SELECT pg_temp.try('{member_defaults}', '["Stack Read", "Stack Read"]');
SELECT pg_temp.try('{toggles}', '["stack:create", "stack:delete", "stack:create"]');
SELECT pg_temp.try('{roles,0,rules}', '[{"permission_set": "./Set", "condition": "$.a==1"}, {"permission_set": "./Set"}, {"permission_set": "./Set", "condition": "$.a  == 1"}]');
SELECT pg_temp.try('{entity_grants,99}', '{"team": "./Team", "entity": "web", "permission_set": "./Set", "expires_at": "2100-01-01"}');
-- scopes and types
SELECT pg_temp.try('{permission_sets,0,scopes}', '["stack:read", "stack:raed"]');
-- nor if input lets any name pass, as for a dump
SET check_function_bodies = off;
SELECT pg_temp.try('{permission_sets,0,scopes}', '["stack:read", "stack:raed"]');
SELECT pg_temp.try('{toggles}', '["stack:raed"]');
RESET check_function_bodies;
SELECT pg_temp.try('{permission_sets,0,scopes}', '["stack:read", "Stack Read"]');
SELECT pg_temp.try('{permission_sets,0,scopes}', '["stack:read", "team:create"]');
SELECT pg_temp.try('{permission_sets,0,entity_type}', '"stac"');
SELECT pg_temp.try('{toggles,0}', '"stack:crate"');
SELECT pg_temp.try('{toggles,0}', '"team:create"');
-- what does not exist
SELECT pg_temp.try(path, name) FROM unnest('{"{roles,0,rules,0,permission_set}","{entity_grants,0,permission_set}","{member_defaults,0}","{members,1,role}","{teams,0,roles,0,name}","{default_role}"}'::text[]) path,
	unnest('{"\"./Nonesuch\"","\"Nonesuch\"","\"acme/Set\""}'::jsonb[]) name;
SELECT pg_temp.try('{members,1,role}', '"Role"');
SELECT pg_temp.try('{default_role}', '"acme/Role"');
SELECT pg_temp.try('{roles,0,rules,0,permission_set}', '"Set"');
SELECT pg_temp.try('{teams,0,members,0,name}', '"zoe"');
SELECT pg_temp.try('{entity_grants,0,team}', '"Team"');
SELECT pg_temp.try('{entity_grants,0}', '{"member": "zoe", "entity": "web", "permission_set": "./Set"}');
-- rules and grants
SELECT pg_temp.try('{roles,0,rules,0}', '{"permission_set": "./Set", "entity": "web", "condition": "$.a == 1"}');
SELECT pg_temp.try('{roles,0,rules,0}', '{"permission_set": "Standard", "entity": "web"}');
SELECT pg_temp.try('{roles,0,rules,0}', '{"permission_set": "Standard", "condition": "$.a == 1"}');
SELECT pg_temp.try('{roles,0,rules,0}', '{"permission_set": "./Set", "condition": "$.a =="}');
SELECT pg_temp.try('{roles,0,rules,0}', '{"permission_set": "./Set", "condition": ""}');
SELECT pg_temp.try('{roles,0,rules,0}', '{"permission_set": "./Set", "condition": "$.a like_regex \"(\""}');
-- which would be taken for, and written as, what it is printed as
SELECT pg_temp.try('{roles,0,rules,0}', '{"permission_set": "./Set", "condition": "(-$.levels)[0] < -5"}');
SELECT pg_temp.try('{roles,0,rules,0}', '{"permission_set": "./Set", "condition": "exists(($.a + 2).*)"}');
SELECT pg_temp.try('{entity_grants,0}', '{"team": "./Team", "member": "ann", "entity": "web", "permission_set": "./Set"}');
SELECT pg_temp.try('{entity_grants,0}', '{"entity": "web", "permission_set": "./Set"}');
SELECT pg_temp.try('{entity_grants,0,permission_set}', '"Standard"');
SELECT pg_temp.try('{member_defaults,0}', '"Standard"');
-- times
SELECT value, pg_temp.try('{members,0,expires_at}', value) FROM unnest(ARRAY['"tomorrow"', '"now"', '""', '"2030-13-01"', '"01/02/2030"', '"1.2.2030"', '"2030-01-01 12:00 Nowhere/Place"',
	'"2030-01-01"', '"2030-01-01T12:00:00Z"', '"2030-01-01 12:00:00.5+02"', '"12030-01-01"', '"infinity"', '"-infinity"', '"0044-03-15 00:00 BC"', '"300000-01-01"']::jsonb[]) value;
SELECT pg_temp.try('{teams,0,members,0,expires_at}', '"soon"');
SELECT pg_temp.try('{teams,0,roles,0,expires_at}', '"soon"');
SELECT pg_temp.try('{entity_grants,0,expires_at}', '"soon"');
-- tokens
SELECT pg_temp.try('{members,1,kind}', '"organization_token"');
SELECT pg_temp.try('{members,2,kind}', '"user"');
SELECT pg_temp.try('{members,3,role}', '"./Role"');
SELECT pg_temp.try('{teams,0,members,1}', '{"name": "bot"}');
SELECT pg_temp.try('{teams}', '[{"name": "./Team", "members": [{"name": "crew"}]}, {"name": "./B", "members": [{"name": "crew"}]}]');
-- what cannot be changed
SELECT pg_temp.try('{permission_sets,0}', '{"name": "./Set", "entity_type": "environment"}');

-- as a whole: what comes before what is wrong is not done either
SELECT * FROM apply((SELECT jsonb_set(document || '{"description": "changed"}', '{entity_grants,0,permission_set}', '"Nonesuch"') FROM before));
SELECT export('acme') = document FROM before;
-- a builtin role is not one of the organization's, and has nothing that a document could change
SELECT pg_temp.try('{roles,1}', '{"name": "Admin"}');

DROP TABLE before;
DELETE FROM organizations;
DELETE FROM roles WHERE NOT builtin;
