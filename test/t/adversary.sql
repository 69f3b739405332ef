/*
 * The judge of the adversarial test: who has what until when, before and after
 * a transaction of one member, and what of it that member had to give.
 * It stands beside oracle.sql, which states the same rules for one moment; the
 * test compares the two.
 *
 * What anybody has is told by holder, reach and scope, with the time until
 * which it lasts.  Reaches:
 *   wide    the organization, or all entities of the scope's type
 *   tags    the entities with these tags, whether there are any or not
 *   name    the entity of that name, registered or not
 *   own     the entity of that name, by being its owner
 * Holders are members, and those who may come to be: whoever is given a role
 * (role), joins a team (team), is inserted without a role (newcomer), or is no
 * member yet but owns something (owner).  Nothing may wait for them that the
 * writer did not have.  The scope (all) stands for a role with all scopes.
 */
CREATE SCHEMA judge;

CREATE TABLE judge.probes (scope text COLLATE "C" PRIMARY KEY);
CREATE TABLE judge.tags (tags jsonb PRIMARY KEY);

/* ---- who has what until when ---- */

CREATE FUNCTION judge.until(VARIADIC expiries timestamptz[]) RETURNS timestamptz LANGUAGE sql IMMUTABLE
	RETURN coalesce((SELECT min(e) FROM unnest(expiries) e), 'infinity');

CREATE VIEW judge.holders AS
	SELECT 'member' AS class, member AS holder, organization, kind, role, judge.until(expires_at) AS until
	FROM rbac.members
	UNION ALL
	SELECT 'role', r.name, o.name, 'role', r.name, 'infinity'
	FROM rbac.organizations o JOIN rbac.roles r ON coalesce(r.organization, o.name) = o.name
	UNION ALL
	SELECT 'team', t.name, t.organization, 'team', NULL, 'infinity'
	FROM rbac.teams t
	UNION ALL
	SELECT 'newcomer', '', o.name, 'user', coalesce(d.role, 'Member'), 'infinity'
	FROM rbac.organizations o LEFT JOIN rbac.default_roles d ON d.organization = o.name
	UNION ALL
	SELECT DISTINCT 'owner', e.owner, e.organization, 'owner', NULL, 'infinity'::timestamptz
	FROM rbac.entities e
	WHERE e.owner IS NOT NULL AND NOT EXISTS (SELECT FROM rbac.members m WHERE (m.organization, m.member) = (e.organization, e.owner));

CREATE VIEW judge.in_teams AS
	SELECT h.class, h.holder, h.organization, t.team, judge.until(h.until, t.expires_at) AS until
	FROM judge.holders h JOIN rbac.team_members t ON t.organization = h.organization AND t.member = h.holder
	WHERE h.class = 'member' AND h.kind <> 'organization_token'
	UNION ALL
	SELECT class, holder, organization, holder, until
	FROM judge.holders
	WHERE class = 'team';

CREATE VIEW judge.of_roles AS
	SELECT class, holder, organization, role, until
	FROM judge.holders
	WHERE role IS NOT NULL
	UNION ALL
	SELECT t.class, t.holder, t.organization, r.role, judge.until(t.until, r.expires_at)
	FROM judge.in_teams t JOIN rbac.team_roles r ON r.team = t.team;

CREATE VIEW judge.set_scopes AS
	SELECT s.permission_set, s.entity_type, s.scope
	FROM oracle.set_scopes s JOIN judge.probes p ON p.scope = s.scope;

CREATE VIEW judge.ways AS
	-- rule 4
	SELECT h.class, h.holder, h.organization, 'wide' AS kind, '' AS entity_type, '' AS reach, '(all)' COLLATE "C" AS scope, h.until
	FROM judge.of_roles h JOIN rbac.roles r ON r.name = h.role AND r.all_scopes
	UNION ALL
	-- rule 5
	SELECT h.class, h.holder, h.organization, 'wide', r.entity_type, '', s.scope, h.until
	FROM judge.of_roles h JOIN rbac.role_rules r ON r.role = h.role JOIN judge.set_scopes s USING (permission_set, entity_type)
	WHERE r.entity IS NULL AND r.condition IS NULL
	UNION ALL
	SELECT h.class, h.holder, h.organization, 'name', r.entity_type, r.entity, s.scope, h.until
	FROM judge.of_roles h JOIN rbac.role_rules r ON r.role = h.role JOIN judge.set_scopes s USING (permission_set, entity_type)
	WHERE r.entity IS NOT NULL
	UNION ALL
	SELECT h.class, h.holder, h.organization, 'tags', r.entity_type, t.tags::text, s.scope, h.until
	FROM judge.of_roles h JOIN rbac.role_rules r ON r.role = h.role JOIN judge.set_scopes s USING (permission_set, entity_type)
		JOIN judge.tags t ON oracle.matches(t.tags, r.condition)
	WHERE r.condition IS NOT NULL
	UNION ALL
	-- rule 6
	SELECT h.class, h.holder, h.organization, 'name', g.entity_type, g.entity, s.scope, judge.until(h.until, g.expires_at)
	FROM judge.holders h JOIN rbac.entity_grants g ON g.organization = h.organization AND g.member = h.holder JOIN judge.set_scopes s USING (permission_set, entity_type)
	WHERE h.class = 'member' AND h.kind <> 'organization_token'
	UNION ALL
	SELECT h.class, h.holder, h.organization, 'name', g.entity_type, g.entity, s.scope, judge.until(h.until, g.expires_at)
	FROM judge.in_teams h JOIN rbac.entity_grants g ON g.team = h.team JOIN judge.set_scopes s USING (permission_set, entity_type)
	UNION ALL
	-- rule 7
	SELECT h.class, h.holder, h.organization, 'own', e.entity_type, e.entity, s.scope, h.until
	FROM judge.holders h JOIN rbac.entities e ON e.organization = h.organization AND e.owner = h.holder
		JOIN oracle.owner_sets o ON o.entity_type = e.entity_type JOIN judge.set_scopes s ON s.permission_set = o.permission_set
	WHERE h.class IN ('member', 'owner')
	UNION ALL
	-- rule 8
	SELECT h.class, h.holder, h.organization, 'wide', d.entity_type, '', s.scope, h.until
	FROM judge.holders h JOIN rbac.member_defaults d ON d.organization = h.organization JOIN judge.set_scopes s USING (permission_set, entity_type)
	WHERE h.role = 'Member'
	UNION ALL
	-- rule 9
	SELECT h.class, h.holder, h.organization, 'wide', s.entity_type, '', s.name, h.until
	FROM judge.holders h JOIN rbac.organization_settings o ON o.organization = h.organization
		JOIN rbac.scopes s ON s.name = o.scope JOIN judge.probes p ON p.scope = s.name
	WHERE h.kind IN ('user', 'team_token');

/* ---- every row ---- */

CREATE VIEW judge.rows AS
	SELECT 'organizations' AS relation, name AS organization, name AS key, to_jsonb(t) AS row FROM rbac.organizations t
	UNION ALL SELECT 'entity_types', NULL, name, to_jsonb(t) FROM rbac.entity_types t WHERE NOT builtin
	UNION ALL SELECT 'scopes', NULL, name, to_jsonb(t) FROM rbac.scopes t WHERE NOT builtin
	UNION ALL SELECT 'permission_sets', organization, name, to_jsonb(t) FROM rbac.permission_sets t WHERE NOT builtin
	UNION ALL SELECT 'entity_type_settings', NULL, entity_type, to_jsonb(t) FROM rbac.entity_type_settings t
	UNION ALL SELECT 'roles', organization, name, to_jsonb(t) FROM rbac.roles t WHERE NOT builtin
	UNION ALL SELECT 'default_roles', organization, organization, to_jsonb(t) FROM rbac.default_roles t
	UNION ALL SELECT 'role_rules', nullif(split_part(role, '/', 1), role), id::text, to_jsonb(t) FROM rbac.role_rules t WHERE id >= 0
	UNION ALL SELECT 'members', organization, concat_ws(' ', organization, member), to_jsonb(t) FROM rbac.members t
	UNION ALL SELECT 'teams', organization, name, to_jsonb(t) FROM rbac.teams t
	UNION ALL SELECT 'team_members', organization, concat_ws(' ', team, member), to_jsonb(t) FROM rbac.team_members t
	UNION ALL SELECT 'team_roles', split_part(team, '/', 1), concat_ws(' ', team, role), to_jsonb(t) FROM rbac.team_roles t
	UNION ALL SELECT 'entities', organization, concat_ws(' ', entity_type, entity), to_jsonb(t) FROM rbac.entities t
	UNION ALL SELECT 'entity_grants', coalesce(organization, split_part(team, '/', 1)), id::text, to_jsonb(t) FROM rbac.entity_grants t
	UNION ALL SELECT 'member_defaults', organization, concat_ws(' ', organization, permission_set), to_jsonb(t) FROM rbac.member_defaults t
	UNION ALL SELECT 'organization_settings', organization, concat_ws(' ', organization, scope), to_jsonb(t) FROM rbac.organization_settings t;

/* ---- before and after ---- */

CREATE UNLOGGED TABLE judge.before_rows AS SELECT * FROM judge.rows WITH NO DATA;
CREATE UNLOGGED TABLE judge.after_rows (LIKE judge.before_rows);
CREATE UNLOGGED TABLE judge.before (
	class text, holder text COLLATE "C", organization text COLLATE "C", kind text, entity_type text COLLATE "C", reach text COLLATE "C",
	scope text COLLATE "C", until timestamptz);
CREATE INDEX ON judge.before (holder, scope);
CREATE UNLOGGED TABLE judge.after (LIKE judge.before);
CREATE UNLOGGED TABLE judge.before_entities AS SELECT entity_type, entity, organization, coalesce(tags, '{}')::text AS tags FROM rbac.entities WITH NO DATA;
CREATE UNLOGGED TABLE judge.after_entities (LIKE judge.before_entities);

CREATE VIEW judge.now AS
	SELECT class, holder, organization, kind, entity_type, reach, scope, max(until) AS until
	FROM judge.ways
	WHERE until > statement_timestamp()
	GROUP BY class, holder, organization, kind, entity_type, reach, scope;
CREATE VIEW judge.entities_now AS
	SELECT entity_type, entity, organization, coalesce(tags, '{}')::text FROM rbac.entities;

-- what is there now is what the next transaction is judged against
CREATE FUNCTION judge.begin() RETURNS void LANGUAGE plpgsql SET search_path = judge, pg_catalog AS $$
BEGIN
	TRUNCATE before_rows, after_rows, before, after, before_entities, after_entities;
	INSERT INTO before_rows SELECT * FROM rows;
	INSERT INTO before SELECT * FROM judge.now;
	INSERT INTO before_entities SELECT * FROM entities_now;
	ANALYZE before_rows, before, before_entities;
END $$;

/*
 * Did somebody have the scope until then, before: widely, on what is named so,
 * on what has these tags, as the owner?
 */
CREATE FUNCTION judge.had(in_class text, who text, at text, what text, till timestamptz,
	type text DEFAULT NULL, name text DEFAULT NULL, its_tags text DEFAULT NULL, owned boolean DEFAULT false)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (
		SELECT FROM judge.before b
		WHERE b.holder = who AND b.scope IN (what, '(all)') AND b.class = in_class AND b.organization = at AND b.until >= till
			AND (b.kind = 'wide'
				OR b.entity_type = type AND (
					b.kind = 'name' AND b.reach = name
					OR b.kind = 'own' AND b.reach = name AND owned
					OR b.kind = 'tags' AND b.reach = its_tags)));
END $$;

/*
 * Everything that somebody has after and had not before, by a way that is new or
 * leads to an entity that has changed.
 */
CREATE FUNCTION judge.gains()
RETURNS TABLE (class text, holder text, organization text, kind text, entity_type text, reach text, scope text, until timestamptz,
	entity text, old_tags text, was_here boolean) LANGUAGE sql STABLE AS $$
	WITH new AS (
		SELECT a.*
		FROM judge.after a
		WHERE NOT EXISTS (SELECT FROM judge.before b WHERE (b.class, b.holder, b.organization, b.kind, b.entity_type, b.reach, b.scope)
			= (a.class, a.holder, a.organization, a.kind, a.entity_type, a.reach, a.scope) AND b.until >= a.until)
	), changed AS (
		SELECT e.*, b.tags AS old_tags, b.entity IS NOT NULL AS was_here
		FROM judge.after_entities e
		LEFT JOIN judge.before_entities b USING (entity_type, entity, organization)
		WHERE b.tags IS DISTINCT FROM e.tags
	)
	SELECT n.*, CASE WHEN n.kind IN ('name', 'own') THEN n.reach END, CASE WHEN n.kind = 'tags' THEN n.reach ELSE b.tags END, b.entity IS NOT NULL
	FROM new n
	LEFT JOIN judge.before_entities b ON n.kind IN ('name', 'own') AND (b.entity_type, b.entity, b.organization) = (n.entity_type, n.reach, n.organization)
	UNION ALL
	-- the same ways lead to an entity that came here, or has other tags
	SELECT a.*, c.entity, c.old_tags, c.was_here
	FROM changed c
	JOIN judge.after a ON a.organization = c.organization AND a.entity_type = c.entity_type
		AND (a.kind = 'tags' AND a.reach = c.tags OR NOT c.was_here AND a.kind = 'name' AND a.reach = c.entity)
$$;

CREATE FUNCTION judge.unearned(writer text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
	SELECT DISTINCT format('%s %s in %s: %s %s %s %s until %s', g.class, g.holder, g.organization, g.scope, g.kind, g.entity_type,
		CASE WHEN g.entity IS NOT NULL AND g.kind = 'tags' THEN g.entity || ' ' || g.reach ELSE g.reach END, g.until)
	FROM judge.gains() g
	WHERE
		-- who has just left, and still owns something, has gained nothing
		(g.class <> 'owner' OR NOT EXISTS (SELECT FROM judge.before_rows m WHERE m.relation = 'members' AND m.key = concat_ws(' ', g.organization, g.holder)))
		-- on an entity that is new here only what they have widely is not given
		AND NOT judge.had(g.class, g.holder, g.organization, g.scope, g.until, g.entity_type,
			CASE WHEN g.was_here OR g.entity IS NULL OR NOT EXISTS (SELECT FROM judge.after_entities e
				WHERE (e.entity_type, e.entity, e.organization) = (g.entity_type, g.entity, g.organization)) THEN g.entity END,
			g.old_tags, g.was_here)
		AND NOT judge.had('member', writer, g.organization, g.scope, g.until, g.entity_type, g.entity, g.old_tags, g.was_here)
$$;

/*
 * An entity that moves to another organization comes under the roles there, that
 * with all scopes among them.  Who moves it gives all of that.
 */
CREATE FUNCTION judge.given_away(writer text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
	SELECT format('%s %s goes from %s to %s, with %s', b.entity_type, b.entity, b.organization, a.organization, s.name)
	FROM judge.before_entities b
	JOIN judge.after_entities a ON (a.entity_type, a.entity) = (b.entity_type, b.entity) AND a.organization <> b.organization
	JOIN rbac.scopes s ON s.entity_type = b.entity_type
	JOIN judge.probes p ON p.scope = s.name
	WHERE NOT judge.had('member', writer, b.organization, s.name, 'infinity', b.entity_type, b.entity, b.tags, true)
$$;

/* ---- rows that the writer had no business to change ---- */

CREATE VIEW judge.changes AS
	SELECT coalesce(b.relation, a.relation) AS relation, coalesce(b.organization, a.organization) AS organization, coalesce(b.key, a.key) AS key,
		b.row AS old, a.row AS new, b.organization AS old_organization, a.organization AS new_organization
	FROM judge.before_rows b FULL JOIN judge.after_rows a ON a.relation = b.relation AND a.key = b.key
	WHERE a.row IS DISTINCT FROM b.row;


-- with an own role of all scopes and for good
CREATE VIEW judge.lasting_admins_before AS
	SELECT m.organization
	FROM judge.before_rows m LEFT JOIN judge.before_rows r ON r.relation = 'roles' AND r.key = m.row ->> 'role'
	WHERE m.relation = 'members' AND m.row ->> 'expires_at' IS NULL
		AND (m.row ->> 'role' = 'Admin' OR (r.row ->> 'all_scopes')::boolean);
-- infinity is for good, too, to be lenient
CREATE VIEW judge.lasting_admins_after AS
	SELECT m.organization
	FROM judge.after_rows m LEFT JOIN judge.after_rows r ON r.relation = 'roles' AND r.key = m.row ->> 'role'
	WHERE m.relation = 'members' AND coalesce(m.row ->> 'expires_at', 'infinity') = 'infinity'
		AND (m.row ->> 'role' = 'Admin' OR (r.row ->> 'all_scopes')::boolean);

CREATE FUNCTION judge.is_all_scopes(role text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN role = 'Admin' OR EXISTS (SELECT FROM judge.before_rows r WHERE r.relation = 'roles' AND r.key = role AND (r.row ->> 'all_scopes')::boolean);
END $$;

CREATE FUNCTION judge.access_scope(type text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce((SELECT s.access_scope FROM rbac.entity_type_settings s WHERE s.entity_type = type),
		CASE WHEN EXISTS (SELECT FROM rbac.entity_type_settings s WHERE s.entity_type = type) THEN NULL
			WHEN type = 'stack' THEN 'stack_access:update' WHEN type = 'insights_account' THEN 'insights_account_access:update' END,
		'(all)');
END $$;

/*
 * What a change needs: one of several sets of scopes of the organization.  A row
 * that is gone may have gone with another one, and a changed one may have been
 * deleted and inserted.
 */
CREATE FUNCTION judge.needs(relation text, old jsonb, new jsonb) RETURNS SETOF text[] LANGUAGE sql STABLE AS $$
	WITH op(op) AS (SELECT CASE WHEN old IS NULL THEN 'insert' WHEN new IS NULL THEN 'delete' ELSE 'update' END),
	kinds(kind, ins, upd, del) AS (VALUES
		('user', 'org_member:add', 'org_member:update', 'org_member:delete'),
		('organization_token', 'org_token:create', 'org_token:create', 'org_token:delete'),
		('team_token', 'team:create_token', 'team:create_token', 'team:delete_token')),
	admin(scopes) AS (SELECT CASE WHEN judge.is_all_scopes(old ->> 'role') OR judge.is_all_scopes(new ->> 'role') THEN '{org_member:set_admin}'::text[] ELSE '{}' END)
	SELECT CASE op WHEN 'insert' THEN ARRAY[ins] WHEN 'update' THEN ARRAY[upd] ELSE ARRAY[del] END || admin.scopes
		FROM kinds, op, admin WHERE relation = 'members' AND kind = coalesce(new, old) ->> 'kind'
	UNION ALL SELECT ARRAY[n.ins, o.del] || admin.scopes
		FROM kinds o, kinds n, op, admin WHERE relation = 'members' AND op = 'update' AND o.kind = old ->> 'kind' AND n.kind = new ->> 'kind'
	UNION ALL SELECT CASE op WHEN 'insert' THEN ARRAY['team:create'] WHEN 'update' THEN ARRAY['team:update'] ELSE ARRAY['team:delete'] END
			|| CASE WHEN new ->> 'source' = 'github' AND old ->> 'source' IS DISTINCT FROM 'github' THEN '{github_team:create}'::text[] ELSE '{}' END
		FROM op WHERE relation = 'teams'
	UNION ALL SELECT ARRAY['team:create', 'team:delete'] || CASE WHEN new ->> 'source' = 'github' THEN '{github_team:create}'::text[] ELSE '{}' END
		FROM op WHERE relation = 'teams' AND op = 'update'
	UNION ALL SELECT '{team:update}' WHERE relation = 'team_members'
	UNION ALL SELECT ARRAY['role:update', 'team:update'] || admin.scopes FROM admin WHERE relation = 'team_roles'
	UNION ALL SELECT CASE op WHEN 'insert' THEN ARRAY['role:create'] WHEN 'update' THEN ARRAY['role:update'] ELSE ARRAY['role:delete'] END
			|| CASE WHEN (old ->> 'all_scopes')::boolean IS DISTINCT FROM (new ->> 'all_scopes')::boolean AND 'true' IN (old ->> 'all_scopes', new ->> 'all_scopes') AND op = 'update'
				THEN '{org_member:set_admin}'::text[] ELSE '{}' END
		FROM op WHERE relation IN ('roles', 'role_rules', 'permission_sets')
	UNION ALL SELECT '{role:create,role:delete}' FROM op WHERE relation IN ('roles', 'role_rules', 'permission_sets') AND op = 'update'
	UNION ALL SELECT '{organization:update}' WHERE relation IN ('default_roles', 'member_defaults', 'organization_settings')
	UNION ALL SELECT '{organization:update}' FROM op WHERE relation = 'organizations' AND op = 'update'
	UNION ALL SELECT '{organization:delete}' FROM op WHERE op = 'delete'
	UNION ALL SELECT ARRAY[scope] FROM op, unnest(ARRAY['org_member:delete', 'org_token:delete', 'team:delete_token', 'team:delete']) scope
		WHERE relation IN ('team_members', 'entity_grants') AND op = 'delete'
	UNION ALL SELECT '{team:delete}' FROM op WHERE relation = 'team_roles' AND op = 'delete'
$$;

-- an admin, or somebody who may update teams, or who has just made this one
CREATE FUNCTION judge.admin_of(writer text, at text, of_team text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN judge.had('member', writer, at, 'team:update', '-infinity') OR EXISTS (
		SELECT FROM judge.before_rows m JOIN judge.before_rows t ON t.relation = 'team_members' AND t.key = concat_ws(' ', of_team, writer)
		WHERE m.relation = 'members' AND m.key = concat_ws(' ', at, writer) AND (t.row ->> 'is_admin')::boolean AND m.row ->> 'kind' <> 'organization_token'
			AND judge.until((m.row ->> 'expires_at')::timestamptz, (t.row ->> 'expires_at')::timestamptz) > now())
		OR judge.had('member', writer, at, 'team:create', '-infinity') AND (judge.had('member', writer, at, 'team:delete', '-infinity')
			OR NOT EXISTS (SELECT FROM judge.before_rows t WHERE t.relation = 'teams' AND t.key = of_team));
END $$;

CREATE FUNCTION judge.may_manage(writer text, at text, type text, name text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN judge.had('member', writer, at, judge.access_scope(type), '-infinity', type, name)
		OR EXISTS (SELECT FROM judge.before_entities e WHERE (e.entity_type, e.entity, e.organization) = (type, name, at)
			AND judge.had('member', writer, at, judge.access_scope(type), '-infinity', type, name, e.tags, true));
END $$;

-- an entity, with all that names it, perhaps to register it again
CREATE FUNCTION judge.may_take_away(writer text, naming jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM judge.before_entities e WHERE (e.entity_type, e.entity) = (naming ->> 'entity_type', naming ->> 'entity')
		AND judge.may_manage(writer, e.organization, e.entity_type, e.entity));
END $$;

CREATE FUNCTION judge.out_of_bounds(writer text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
	WITH change AS (
		SELECT c.*, side.organization AS at, coalesce(new, old) AS row
		FROM judge.changes c, LATERAL (SELECT old_organization UNION SELECT new_organization WHERE old IS NULL OR new IS NOT NULL) side(organization)
		WHERE NOT (old IS NULL AND side.organization IS DISTINCT FROM new_organization)
			AND NOT (new IS NULL AND side.organization IS DISTINCT FROM old_organization)
	), parents AS (
		SELECT * FROM judge.changes WHERE old IS NOT NULL AND (new IS NULL OR old_organization IS DISTINCT FROM new_organization)
	)
	SELECT format('%s %s of %s, without the right to: %s -> %s', relation, key, coalesce(at, 'no organization'), old, new)
	FROM change c
	WHERE CASE
		WHEN at IS NULL THEN true
		WHEN NOT EXISTS (SELECT FROM judge.before_rows m WHERE m.relation = 'members' AND m.key = concat_ws(' ', at, writer)
			AND coalesce((m.row ->> 'expires_at')::timestamptz, 'infinity') > now())
			-- grants and rules that name an entity go with it, wherever they are
			THEN NOT (new IS NULL AND relation IN ('entity_grants', 'role_rules')
				AND judge.may_take_away(writer, row))
		WHEN relation = 'entities' THEN NOT judge.may_manage(writer, at, row ->> 'entity_type', row ->> 'entity')
		WHEN new IS NULL AND relation IN ('entity_grants', 'role_rules')
				AND judge.may_take_away(writer, row) THEN false
		WHEN new IS NULL AND EXISTS (SELECT FROM parents p WHERE p.relation = 'roles' AND relation = 'role_rules' AND p.key = row ->> 'role') THEN false
		WHEN relation = 'entity_grants' AND (judge.may_manage(writer, at, row ->> 'entity_type', row ->> 'entity') OR judge.admin_of(writer, at, row ->> 'team')) THEN false
		WHEN relation = 'team_members' AND judge.admin_of(writer, at, row ->> 'team') THEN false
		ELSE NOT EXISTS (SELECT FROM judge.needs(relation, old, new) scopes
			WHERE NOT EXISTS (SELECT FROM unnest(scopes) s WHERE NOT judge.had('member', writer, at, s, '-infinity')))
	END
$$;

/* ---- the verdict ---- */

/*
 * Judge what has become of what judge.begin() saw.  One row for each change:
 * c, relation, organization, key, operation; and for each offence: v, text.
 */
CREATE FUNCTION judge.verdict(writer text) RETURNS SETOF text LANGUAGE plpgsql SET search_path = judge, pg_catalog AS $$
BEGIN
	DELETE FROM after_rows;
	INSERT INTO after_rows SELECT * FROM rows;
	RETURN QUERY SELECT concat_ws(E'\t', 'c', relation, CASE WHEN old IS NULL THEN 'INSERT' WHEN new IS NULL THEN 'DELETE' ELSE 'UPDATE' END, organization, key) FROM changes;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	DELETE FROM after;
	INSERT INTO after SELECT * FROM judge.now;
	DELETE FROM after_entities;
	INSERT INTO after_entities SELECT * FROM entities_now;
	RETURN QUERY SELECT E'v\tgains: ' || u FROM unearned(writer) u;
	RETURN QUERY SELECT E'v\tgiven away: ' || g FROM given_away(writer) g;
	RETURN QUERY SELECT E'v\tout of bounds: ' || o FROM out_of_bounds(writer) o;
	RETURN QUERY SELECT E'v\tno lasting admin left in ' || organization
		FROM (SELECT organization FROM lasting_admins_before EXCEPT SELECT organization FROM lasting_admins_after) o
		WHERE EXISTS (SELECT FROM after_rows WHERE relation = 'organizations' AND key = organization);
END $$;

/*
 * If something has been renamed, what was before is told by its new name, so that
 * only what came by it is new.
 */
CREATE FUNCTION judge.renamed(renamed_relation text, old text, new text) RETURNS void LANGUAGE plpgsql SET search_path = judge, pg_catalog AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM before_rows b WHERE b.relation = renamed_relation AND b.key = old)
		OR EXISTS (SELECT FROM rows r WHERE r.relation = renamed_relation AND r.key = old)
		OR NOT EXISTS (SELECT FROM rows r WHERE r.relation = renamed_relation AND r.key = new) THEN
		RETURN;
	END IF;
	UPDATE before_rows SET key = replace(key, old, new), row = replace(row::text, to_jsonb(old)::text, to_jsonb(new)::text)::jsonb
	WHERE organization = split_part(old, '/', 1);
	UPDATE before SET holder = new WHERE holder = old AND class IN ('role', 'team');
END $$;

-- the state after, as the next state before
CREATE FUNCTION judge.advance() RETURNS void LANGUAGE plpgsql SET search_path = judge, pg_catalog AS $$
BEGIN
	DELETE FROM before_rows b WHERE NOT EXISTS (SELECT FROM after_rows a WHERE a.relation = b.relation AND a.key = b.key AND a.row = b.row);
	INSERT INTO before_rows SELECT * FROM after_rows EXCEPT SELECT * FROM before_rows;
	DELETE FROM before b WHERE NOT EXISTS (SELECT FROM after a WHERE (a.class, a.holder, a.organization, a.kind, a.entity_type, a.reach, a.scope, a.until)
		= (b.class, b.holder, b.organization, b.kind, b.entity_type, b.reach, b.scope, b.until));
	INSERT INTO before SELECT * FROM after EXCEPT SELECT * FROM before;
	DELETE FROM before_entities;
	INSERT INTO before_entities SELECT * FROM after_entities;
END $$;

-- statements that make a world of the rows before
CREATE FUNCTION judge.as_sql() RETURNS SETOF text LANGUAGE sql STABLE AS $$
	SELECT format('INSERT INTO rbac.%I (%s) VALUES (%s);', b.relation, c.columns, c.literals)
	FROM judge.before_rows b
	JOIN unnest(ARRAY['entity_types', 'scopes', 'organizations', 'permission_sets', 'entity_type_settings', 'roles', 'default_roles', 'role_rules', 'members',
		'teams', 'team_members', 'team_roles', 'entities', 'entity_grants', 'member_defaults', 'organization_settings']) WITH ORDINALITY o(relation, nr) USING (relation),
	LATERAL (
		SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns,
			string_agg(quote_nullable(b.row ->> attname), ', ' ORDER BY attnum) AS literals
		FROM pg_attribute
		WHERE attrelid = ('rbac.' || b.relation)::regclass AND attnum > 0 AND attgenerated = '' AND b.row ->> attname IS NOT NULL
			AND attname NOT IN ('builtin')
	) c
	ORDER BY o.nr, b.key
$$;

-- Where do the ways above and the views of oracle.sql differ at this moment?
CREATE FUNCTION judge.differences() RETURNS SETOF text LANGUAGE sql STABLE AS $$
	WITH e AS MATERIALIZED (
		SELECT DISTINCT member, entity_type, entity, scope FROM oracle.effective WHERE row_id = 0 AND scope IN (SELECT scope FROM judge.probes)
	), j AS MATERIALIZED (
		SELECT DISTINCT w.holder, t.entity_type, t.entity, s.name
		FROM judge.ways w
		JOIN oracle.things t ON t.organization = w.organization AND t.row_id = 0
		JOIN rbac.scopes s ON s.entity_type = t.entity_type AND w.scope IN (s.name, '(all)')
		JOIN judge.probes p ON p.scope = s.name
		WHERE w.class = 'member' AND w.until > statement_timestamp()
			AND (w.kind = 'wide' OR w.kind IN ('name', 'own') AND w.reach = t.entity AND w.entity_type = t.entity_type
				OR w.kind = 'tags' AND w.reach = coalesce(t.tags, '{}')::text AND w.entity_type = t.entity_type)
	)
	(SELECT 'only oracle: ' || x::text FROM (TABLE e EXCEPT TABLE j) x)
	UNION ALL
	(SELECT 'only judge: ' || x::text FROM (TABLE j EXCEPT TABLE e) x)
$$;
