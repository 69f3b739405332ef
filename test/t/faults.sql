/*
 * A world with something of everything, for tests of failures: faults.flip() changes
 * much of it, and back again.  What is true in either state is computed once,
 * by oracle.sql; faults.wrong() counts the answers that differ from it.
 */
CREATE SCHEMA faults;
GRANT USAGE ON SCHEMA faults TO PUBLIC;

CREATE FUNCTION faults.fail_at(n bigint, place bigint) RETURNS void LANGUAGE c AS ':library', 'fail_at';
CREATE FUNCTION faults.cancel_at(n bigint, place bigint) RETURNS void LANGUAGE c AS ':library', 'cancel_at';
CREATE FUNCTION faults.record() RETURNS void LANGUAGE c AS ':library', 'record';
CREATE FUNCTION faults.was_hit() RETURNS boolean LANGUAGE c AS ':library', 'was_hit';
CREATE FUNCTION faults.counted() RETURNS bigint LANGUAGE c AS ':library', 'counted';
CREATE FUNCTION faults.recorded(OUT n bigint, OUT place bigint, OUT size bigint) RETURNS SETOF record LANGUAGE c AS ':library', 'recorded';

/* ---- the world ---- */

INSERT INTO rbac.organizations (name) VALUES ('acme'), ('tiny'), ('moon');
INSERT INTO rbac.entity_types (name) VALUES ('doc');
INSERT INTO rbac.scopes (name, entity_type) VALUES ('doc:view', 'doc'), ('doc:edit', 'doc'), ('doc:make', 'organization');
INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES
	('Doc View', 'doc', '{doc:view}'), ('acme/Doc Edit', 'doc', '{doc:view,doc:edit}'), ('acme/Stacks', 'stack', '{stack:read,stack:write}'),
	('acme/Makers', 'organization', '{doc:make,stack:create,org_member:read}');
INSERT INTO rbac.entity_type_settings (entity_type, owner_permission_set, access_scope) VALUES ('doc', 'Doc View', 'doc:edit');
INSERT INTO rbac.roles (name, all_scopes) VALUES ('acme/Ops', false), ('acme/Docs', false), ('acme/Boss', true), ('tiny/Ops', false);
INSERT INTO rbac.role_rules (role, permission_set, entity, condition) VALUES
	('acme/Ops', 'acme/Stacks', NULL, '$.tier == "critical"'), ('acme/Ops', 'Stack Admin', 's1', NULL), ('acme/Ops', 'Stack Access Read', NULL, NULL),
	('acme/Docs', 'acme/Doc Edit', NULL, '$.level > 2'), ('acme/Docs', 'acme/Makers', NULL, NULL), ('tiny/Ops', 'Stack Read', NULL, NULL),
	('acme/Ops', 'Environment Open', NULL, '$.tier like_regex "^c"');
INSERT INTO rbac.members (organization, member, role) VALUES
	('acme', 'ann', 'acme/Ops'), ('acme', 'bob', 'Member'), ('acme', 'boss', 'acme/Boss'), ('acme', 'dan', 'acme/Docs'), ('acme', 'eve', 'Member'),
	('tiny', 'ann', 'Member'), ('tiny', 'root', 'Admin'), ('tiny', 'tim', 'tiny/Ops'), ('moon', 'bob', 'Billing Manager'), ('moon', 'luna', 'Admin');
INSERT INTO rbac.members (organization, member, kind, role) VALUES ('acme', 'token', 'organization_token', 'acme/Ops'), ('acme', 'team token', 'team_token', 'Member');
INSERT INTO rbac.teams (name) VALUES ('acme/core'), ('acme/docs');
INSERT INTO rbac.team_members (team, member, is_admin) VALUES ('acme/core', 'bob', true), ('acme/core', 'team token', false), ('acme/docs', 'eve', false);
INSERT INTO rbac.team_roles (team, role) VALUES ('acme/core', 'acme/Ops'), ('acme/docs', 'acme/Docs');
INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags)
	SELECT 'stack', 's' || i, (ARRAY['acme', 'tiny', 'acme', 'moon'])[i % 4 + 1], (ARRAY['ann', 'bob', NULL, 'eve', 'root'])[i % 5 + 1],
		(ARRAY['{"tier": "critical"}', '{"tier": "low", "level": 3}', NULL, '{"level": 1}'])[i % 3 + 1]::jsonb
	FROM generate_series(1, 20) i;
INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags)
	SELECT 'doc', i::text, 'acme', (ARRAY['dan', 'eve', NULL])[i % 3 + 1], jsonb_build_object('level', i) FROM generate_series(1, 6) i;
INSERT INTO rbac.entities (entity_type, entity, organization, tags)
	SELECT 'environment', format('00000000-0000-4000-8000-%s', lpad(i::text, 12, '0')), 'acme', '{"tier": "critical"}' FROM generate_series(1, 3) i;
INSERT INTO rbac.entity_grants (permission_set, entity, team) VALUES ('Stack Write', 's4', 'acme/core'), ('acme/Doc Edit', '2', 'acme/core');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
	SELECT 'Stack Read', 's' || i, 'acme', 'eve' FROM generate_series(1, 20, 3) i;
INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'Doc View');
INSERT INTO rbac.organization_settings (organization, scope) VALUES ('tiny', 'stack:delete');

/* a table of an application */
CREATE TABLE faults.stacks (id text PRIMARY KEY, organization text NOT NULL, owner text, tags jsonb, note text);
INSERT INTO faults.stacks SELECT entity, organization, owner, tags FROM rbac.entities WHERE entity_type = 'stack';
CREATE INDEX ON faults.stacks (organization);
SELECT rbac.protect('faults.stacks', 'stack', 'id', 'organization', 'owner', 'tags', select_scope => 'stack:read', insert_scope => 'stack:create',
	update_scope => 'stack:write', delete_scope => 'stack:delete', transfer_scope => 'stack:transfer');
CREATE ROLE app LOGIN;
GRANT SET ON PARAMETER rbac.member TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON faults.stacks TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON rbac.members, rbac.teams, rbac.team_members, rbac.team_roles, rbac.roles, rbac.role_rules, rbac.permission_sets,
	rbac.entity_grants, rbac.organization_settings, rbac.member_defaults TO app;
GRANT SELECT ON rbac.organizations, rbac.entities, rbac.audit_log TO app;

/* ---- its two states ---- */

CREATE TABLE faults.state (other boolean NOT NULL);
INSERT INTO faults.state VALUES (false);

CREATE FUNCTION faults.swapped(value text, a text, b text) RETURNS text LANGUAGE sql IMMUTABLE
	RETURN CASE value WHEN a THEN b WHEN b THEN a ELSE value END;

-- A grant, a role, a team's member, a set's scopes, an owner, tags, a registered entity, a toggle and a default.
CREATE PROCEDURE faults.flip() LANGUAGE plpgsql AS $$
BEGIN
	UPDATE faults.state SET other = NOT other;
	UPDATE rbac.entity_grants SET entity = faults.swapped(entity, 's1', 's3') WHERE member = 'eve';
	UPDATE rbac.entity_grants SET expires_at = CASE WHEN expires_at IS NULL THEN 'epoch'::timestamptz END WHERE team = 'acme/core';
	UPDATE rbac.members SET role = faults.swapped(role, 'acme/Ops', 'Member') WHERE organization = 'acme' AND member = 'ann';
	UPDATE rbac.members SET expires_at = CASE WHEN expires_at IS NULL THEN 'epoch'::timestamptz END WHERE organization = 'moon' AND member = 'bob';
	UPDATE rbac.members SET expires_at = CASE WHEN expires_at IS NULL THEN 'infinity'::timestamptz END WHERE member = 'crow';
	UPDATE rbac.permission_sets SET scopes = CASE WHEN scopes OPERATOR(rbac.@>) 'doc:edit'::rbac.scope THEN '{doc:view}'::rbac.scopeset ELSE '{doc:view,doc:edit}' END
		WHERE name = 'acme/Doc Edit';
	UPDATE rbac.entities SET owner = faults.swapped(owner, 'dan', 'eve'), tags = jsonb_set(tags, '{level}', to_jsonb(7 - (tags->>'level')::integer))
		WHERE entity_type = 'doc';
	IF (SELECT other FROM faults.state) THEN
		DELETE FROM rbac.team_members WHERE team = 'acme/docs' AND member = 'eve';
		DELETE FROM rbac.entities WHERE entity = 's20';
		DELETE FROM rbac.organization_settings WHERE organization = 'tiny';
		DELETE FROM rbac.member_defaults WHERE organization = 'acme';
	ELSE
		INSERT INTO rbac.team_members (team, member) VALUES ('acme/docs', 'eve');
		INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags) VALUES ('stack', 's20', 'acme', 'ann', NULL);
		INSERT INTO rbac.organization_settings (organization, scope) VALUES ('tiny', 'stack:delete');
		INSERT INTO rbac.member_defaults (organization, permission_set) VALUES ('acme', 'Doc View');
	END IF;
END $$;

/* ---- the truth ---- */

CREATE TABLE faults.truth (
	other boolean, member text, entity_type text, entity text, scope rbac.scope, u uuid, n integer, organization text, owner text, tags jsonb, expected boolean
);
CREATE TABLE faults.lists (other boolean, member text, scope rbac.scope, entities text[]);

INSERT INTO oracle.askers VALUES ('nobody');
CREATE PROCEDURE faults.note_truth() LANGUAGE sql AS $$
	INSERT INTO faults.truth
		SELECT (SELECT other FROM faults.state), m.member, t.entity_type, t.entity, s.name,
			CASE WHEN t.entity_type = 'environment' THEN t.entity::uuid END, CASE WHEN t.entity_type = 'doc' THEN t.entity::integer END,
			t.organization, t.owner, t.tags,
			EXISTS (SELECT FROM oracle.effective e WHERE (e.row_id, e.member, e.entity_type, e.entity, e.scope) = (0, m.member, t.entity_type, t.entity, s.name))
		FROM oracle.everybody m, oracle.things t JOIN rbac.scopes s USING (entity_type)
		WHERE t.row_id = 0 AND s.name IN ('stack:read', 'stack:write', 'stack:delete', 'doc:view', 'doc:edit', 'doc:make', 'stack:create', 'org_member:read', 'environment:open');
	INSERT INTO faults.lists
		SELECT other, member, scope, coalesce(array_agg(entity ORDER BY entity COLLATE "C") FILTER (WHERE expected), '{}')
		FROM faults.truth WHERE other = (SELECT other FROM faults.state) GROUP BY 1, 2, 3;
$$;
CALL faults.note_truth();
CALL faults.flip();
CALL faults.note_truth();
CALL faults.flip();
ANALYZE faults.truth, faults.lists;

-- besides, so many entities that what they are kept in has to grow
INSERT INTO rbac.organizations (name) VALUES ('crowd');
INSERT INTO rbac.members (organization, member, role) VALUES ('crowd', 'crow', 'Admin');
INSERT INTO rbac.entities (entity_type, entity, organization) SELECT 'stack', 'c' || i, 'crowd' FROM generate_series(1, 1100) i;

-- how many answers of this session are not so
CREATE FUNCTION faults.wrong() RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT (SELECT count(*) FROM faults.truth t
			WHERE other = (SELECT other FROM faults.state)
				AND (rbac.has_scope(member, entity, scope) IS DISTINCT FROM expected
					OR rbac.row_has_scope(member, entity, scope, organization, owner, tags) IS DISTINCT FROM expected
					OR u IS NOT NULL AND rbac.has_scope(member, u, scope) IS DISTINCT FROM expected
					OR n IS NOT NULL AND rbac.has_scope(member, n, scope) IS DISTINCT FROM expected))
		+ (SELECT count(*) FROM faults.lists l
			WHERE other = (SELECT other FROM faults.state) AND ARRAY(SELECT rbac.entities_with_scope(member, scope)) IS DISTINCT FROM entities)
		+ (SELECT count(*) FROM generate_series(1, 1100) i WHERE rbac.has_scope('crow', 'c' || i, 'stack:read') IS DISTINCT FROM true)
$$;

CREATE PROCEDURE faults.flip_and_check() LANGUAGE plpgsql AS $$
BEGIN
	CALL faults.flip();
	PERFORM faults.wrong();
	CALL faults.flip();
END $$;

-- the same, in the middle of a transaction that goes on
CREATE FUNCTION faults.caught(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'succeeded';
EXCEPTION WHEN out_of_memory OR query_canceled THEN
	IF faults.wrong() <> 0 THEN
		RAISE 'wrong answers after an error was caught';
	END IF;
	RETURN 'caught';
END $$;
