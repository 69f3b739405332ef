/*
 * Who has what, in plain SQL: one view for each rule, and their union.  Slow,
 * and meant to be obviously right.  The property test compares the module's
 * functions with it.
 *
 * row_id is 0 for what the registry knows, and otherwise the number of a row in
 * oracle.rows, which stands for a row of an application's table.
 */
CREATE SCHEMA oracle;

-- the members that the test asks about; some of them may not exist at times
CREATE TABLE oracle.askers (member text COLLATE "C" PRIMARY KEY);
-- the scopes that it asks about, besides all that are not built in
CREATE TABLE oracle.probes (scope text COLLATE "C" PRIMARY KEY);
-- ids that may not be registered
CREATE TABLE oracle.strangers (entity text COLLATE "C" PRIMARY KEY);
CREATE TABLE oracle.rows (
	row_id       integer PRIMARY KEY CHECK (row_id > 0),
	entity_type  text COLLATE "C" NOT NULL,
	entity       text COLLATE "C" NOT NULL,
	organization text COLLATE "C" NOT NULL,
	owner        text COLLATE "C",
	tags         jsonb
);

CREATE INDEX ON oracle.rows (organization);
-- every id, also as a key of another type where it is the text of one
CREATE TABLE oracle.documents (
	entity text COLLATE "C" PRIMARY KEY,
	u      uuid GENERATED ALWAYS AS (CASE WHEN entity ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN entity::uuid END) STORED,
	n      integer GENERATED ALWAYS AS (CASE WHEN entity ~ '^(0|-?[1-9][0-9]{0,7})$' THEN entity::integer END) STORED
);
CREATE INDEX ON oracle.documents (u);
CREATE INDEX ON oracle.documents (n, entity);

/* ---- the facts that count at this moment ---- */

CREATE FUNCTION oracle.in_force(expires_at timestamptz) RETURNS boolean LANGUAGE sql STABLE
	RETURN expires_at IS NULL OR expires_at > statement_timestamp();

CREATE VIEW oracle.members AS
	SELECT organization, member, kind, role
	FROM rbac.members
	WHERE oracle.in_force(expires_at);

CREATE VIEW oracle.team_members AS
	SELECT t.team, m.organization, m.member
	FROM rbac.team_members t
	JOIN oracle.members m ON m.organization = t.organization AND m.member = t.member
	WHERE oracle.in_force(t.expires_at) AND m.kind <> 'organization_token';

-- whatever access can be had on: the registered entities, the organizations, the rows
CREATE VIEW oracle.things AS
	SELECT 0 AS row_id, entity_type, entity, organization, owner, tags FROM rbac.entities
	UNION ALL
	SELECT 0, 'organization', name, name, NULL, NULL FROM rbac.organizations
	UNION ALL
	SELECT row_id, entity_type, entity, organization, owner, tags FROM oracle.rows;

CREATE VIEW oracle.set_scopes AS
	SELECT name AS permission_set, entity_type, scope COLLATE "C" AS scope
	FROM rbac.permission_sets, unnest(scopes::text[]) AS scope;

-- rule 4: the own role and those of the teams
CREATE VIEW oracle.member_roles AS
	SELECT organization, member, role
	FROM oracle.members
	UNION
	SELECT t.organization, t.member, r.role
	FROM oracle.team_members t
	JOIN rbac.team_roles r ON r.team = t.team
	WHERE oracle.in_force(r.expires_at);

/*
 * Rule 5: what a condition says about tags.  The conditions of this test that
 * use datetime() compare, whenever they come to compare anything, a date with a
 * timestamp, which is an error and thus no match.
 */
CREATE FUNCTION oracle.matches(tags jsonb, condition jsonpath) RETURNS boolean LANGUAGE sql STABLE
	RETURN CASE WHEN condition::text LIKE '%datetime%' THEN false
		ELSE coalesce(coalesce(tags, '{}') @@ condition, false) END;

/* ---- the rules ---- */

CREATE VIEW oracle.rule_4_all_scopes AS
	SELECT t.row_id, m.member, t.entity_type, t.entity, s.name AS scope
	FROM oracle.member_roles m
	JOIN rbac.roles r ON r.name = m.role AND r.all_scopes
	JOIN oracle.things t ON t.organization = m.organization
	JOIN rbac.scopes s ON s.entity_type = t.entity_type;

CREATE VIEW oracle.rule_5_direct AS
	SELECT t.row_id, m.member, t.entity_type, t.entity, s.scope
	FROM oracle.member_roles m
	JOIN rbac.role_rules r ON r.role = m.role
	JOIN oracle.things t ON t.organization = m.organization AND t.entity_type = r.entity_type AND t.entity = r.entity
	JOIN oracle.set_scopes s ON s.permission_set = r.permission_set;

CREATE VIEW oracle.rule_5_global AS
	SELECT t.row_id, m.member, t.entity_type, t.entity, s.scope
	FROM oracle.member_roles m
	JOIN rbac.role_rules r ON r.role = m.role AND r.entity IS NULL AND r.condition IS NULL
	JOIN oracle.things t ON t.organization = m.organization AND t.entity_type = r.entity_type
	JOIN oracle.set_scopes s ON s.permission_set = r.permission_set;

CREATE VIEW oracle.rule_5_tag AS
	SELECT t.row_id, m.member, t.entity_type, t.entity, s.scope
	FROM oracle.member_roles m
	JOIN rbac.role_rules r ON r.role = m.role AND r.condition IS NOT NULL
	JOIN oracle.things t ON t.organization = m.organization AND t.entity_type = r.entity_type
	JOIN oracle.set_scopes s ON s.permission_set = r.permission_set
	WHERE oracle.matches(t.tags, r.condition);

CREATE VIEW oracle.rule_6_member AS
	SELECT t.row_id, m.member, t.entity_type, t.entity, s.scope
	FROM oracle.members m
	JOIN rbac.entity_grants g ON g.organization = m.organization AND g.member = m.member
	JOIN oracle.things t ON t.organization = m.organization AND t.entity_type = g.entity_type AND t.entity = g.entity
	JOIN oracle.set_scopes s ON s.permission_set = g.permission_set
	WHERE oracle.in_force(g.expires_at) AND m.kind <> 'organization_token';

CREATE VIEW oracle.rule_6_team AS
	SELECT t.row_id, m.member, t.entity_type, t.entity, s.scope
	FROM oracle.team_members m
	JOIN rbac.entity_grants g ON g.team = m.team
	JOIN oracle.things t ON t.organization = m.organization AND t.entity_type = g.entity_type AND t.entity = g.entity
	JOIN oracle.set_scopes s ON s.permission_set = g.permission_set
	WHERE oracle.in_force(g.expires_at);

-- what owners have: a row of entity_type_settings decides, else the built-in default
CREATE VIEW oracle.owner_sets AS
	SELECT entity_type, owner_permission_set AS permission_set
	FROM rbac.entity_type_settings
	UNION ALL
	SELECT 'stack', 'Stack Admin'
	WHERE NOT EXISTS (SELECT FROM rbac.entity_type_settings WHERE entity_type = 'stack');

CREATE VIEW oracle.rule_7_owner AS
	SELECT t.row_id, m.member, t.entity_type, t.entity, s.scope
	FROM oracle.members m
	JOIN oracle.things t ON t.organization = m.organization AND t.owner = m.member
	JOIN oracle.owner_sets o ON o.entity_type = t.entity_type
	JOIN oracle.set_scopes s ON s.permission_set = o.permission_set;

CREATE VIEW oracle.rule_8_defaults AS
	SELECT t.row_id, m.member, t.entity_type, t.entity, s.scope
	FROM oracle.members m
	JOIN rbac.member_defaults d ON d.organization = m.organization
	JOIN oracle.things t ON t.organization = m.organization AND t.entity_type = d.entity_type
	JOIN oracle.set_scopes s ON s.permission_set = d.permission_set
	WHERE m.role = 'Member';

CREATE VIEW oracle.rule_9_toggles AS
	SELECT t.row_id, m.member, t.entity_type, t.entity, s.name AS scope
	FROM oracle.members m
	JOIN rbac.organization_settings o ON o.organization = m.organization
	JOIN rbac.scopes s ON s.name = o.scope
	JOIN oracle.things t ON t.organization = m.organization AND t.entity_type = s.entity_type
	WHERE m.kind <> 'organization_token';

-- rule 3: all of it, nothing subtracts
CREATE VIEW oracle.effective AS
	SELECT '4 all scopes' AS rule, * FROM oracle.rule_4_all_scopes
	UNION ALL SELECT '5 direct', * FROM oracle.rule_5_direct
	UNION ALL SELECT '5 global', * FROM oracle.rule_5_global
	UNION ALL SELECT '5 tag', * FROM oracle.rule_5_tag
	UNION ALL SELECT '6 member', * FROM oracle.rule_6_member
	UNION ALL SELECT '6 team', * FROM oracle.rule_6_team
	UNION ALL SELECT '7 owner', * FROM oracle.rule_7_owner
	UNION ALL SELECT '8 member defaults', * FROM oracle.rule_8_defaults
	UNION ALL SELECT '9 toggles', * FROM oracle.rule_9_toggles;

/*
 * The ways by which a member holds a scope on a registered entity or an
 * organization, with the rows on them and the time until which they last.
 */
CREATE FUNCTION oracle.routes(asked_member text, asked_type text, asked_entity text, asked_scope text)
RETURNS TABLE (reason text, role text, team text, permission_set text, rule bigint, expires_at timestamptz)
LANGUAGE sql STABLE AS $$
	WITH thing AS (
		SELECT * FROM oracle.things t WHERE t.row_id = 0 AND t.entity_type = asked_type AND t.entity = asked_entity
	), membership AS (
		SELECT m.organization, m.member, m.kind, m.role, m.expires_at
		FROM rbac.members m JOIN thing t ON t.organization = m.organization
		WHERE m.member = asked_member AND oracle.in_force(m.expires_at)
	), person AS (
		SELECT * FROM membership WHERE kind <> 'organization_token'
	), team AS (
		SELECT t.team, LEAST(p.expires_at, t.expires_at) AS expires_at
		FROM person p JOIN rbac.team_members t ON t.organization = p.organization AND t.member = p.member
		WHERE oracle.in_force(t.expires_at)
	), holding AS (
		SELECT m.role, NULL AS team, m.expires_at FROM membership m
		UNION ALL
		SELECT r.role, t.team, LEAST(t.expires_at, r.expires_at)
		FROM team t JOIN rbac.team_roles r ON r.team = t.team
		WHERE oracle.in_force(r.expires_at)
	), giving AS (
		SELECT name FROM rbac.permission_sets WHERE asked_scope = ANY (scopes::text[])
	), route(reason, role, team, permission_set, rule, expires_at) AS (
		SELECT 'all scopes', h.role, h.team, NULL, NULL, h.expires_at
		FROM holding h JOIN rbac.roles r ON r.name = h.role WHERE r.all_scopes
		UNION ALL
		SELECT CASE WHEN r.entity IS NOT NULL THEN 'direct rule' WHEN r.condition IS NULL THEN 'global rule' ELSE 'tag rule' END,
			h.role, h.team, r.permission_set, r.id, h.expires_at
		FROM holding h JOIN rbac.role_rules r ON r.role = h.role JOIN giving ON name = r.permission_set CROSS JOIN thing t
		WHERE r.entity = t.entity OR r.entity IS NULL AND (r.condition IS NULL OR oracle.matches(t.tags, r.condition))
		UNION ALL
		SELECT 'grant', NULL, NULL, g.permission_set, NULL, LEAST(p.expires_at, g.expires_at)
		FROM person p JOIN rbac.entity_grants g ON g.organization = p.organization AND g.member = p.member JOIN giving ON name = g.permission_set
		WHERE g.entity = asked_entity AND oracle.in_force(g.expires_at)
		UNION ALL
		SELECT 'team grant', NULL, g.team, g.permission_set, NULL, LEAST(t.expires_at, g.expires_at)
		FROM team t JOIN rbac.entity_grants g ON g.team = t.team JOIN giving ON name = g.permission_set
		WHERE g.entity = asked_entity AND oracle.in_force(g.expires_at)
		UNION ALL
		SELECT 'ownership', NULL, NULL, o.permission_set, NULL, m.expires_at
		FROM membership m JOIN thing t ON t.owner = m.member JOIN oracle.owner_sets o ON o.entity_type = t.entity_type JOIN giving ON name = o.permission_set
		UNION ALL
		SELECT 'member default', m.role, NULL, d.permission_set, NULL, m.expires_at
		FROM membership m JOIN rbac.member_defaults d ON d.organization = m.organization JOIN giving ON name = d.permission_set
		WHERE m.role = 'Member'
		UNION ALL
		SELECT 'toggle', NULL, NULL, NULL, NULL, p.expires_at
		FROM person p JOIN rbac.organization_settings o ON o.organization = p.organization
		WHERE o.scope = asked_scope
	)
	SELECT reason, role, team, permission_set, rule, nullif(expires_at, 'infinity') FROM route
$$;

-- what explain() calls the rules above
CREATE FUNCTION oracle.rule_of(reason text) RETURNS text LANGUAGE sql IMMUTABLE
	RETURN CASE reason WHEN 'all scopes' THEN '4 all scopes' WHEN 'direct rule' THEN '5 direct' WHEN 'global rule' THEN '5 global' WHEN 'tag rule' THEN '5 tag'
		WHEN 'grant' THEN '6 member' WHEN 'team grant' THEN '6 team' WHEN 'ownership' THEN '7 owner' WHEN 'member default' THEN '8 member defaults'
		WHEN 'toggle' THEN '9 toggles' END;

/* ---- the comparison ---- */

CREATE VIEW oracle.everybody AS
	SELECT member FROM oracle.askers UNION SELECT member FROM rbac.members;

-- a sample that is the same whenever the same is asked for
CREATE FUNCTION oracle.chosen(seed integer, percent integer, a text, b text) RETURNS boolean LANGUAGE sql IMMUTABLE
	RETURN (hashtextextended(a || ' ' || b, seed) & 32767) % 100 < percent;

CREATE VIEW oracle.asked_scopes AS
	SELECT name::rbac.scope AS scope, name, entity_type
	FROM rbac.scopes
	WHERE NOT builtin OR name IN (SELECT scope FROM oracle.probes);

-- in plpgsql what a function remembers of its last call lives as long as the transaction
CREATE FUNCTION oracle.has_scope_in_plpgsql(member text, entity text, scope rbac.scope) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN rbac.has_scope(member, entity, scope);
END $$;

/*
 * Where do the functions differ from the views?  `near` percent of the pairs of
 * a member and a thing of one of their organizations, and `far` percent of the
 * others, are asked about.
 */
CREATE FUNCTION oracle.differences(seed integer, near integer, far integer)
RETURNS TABLE (what text, row_id integer, member text, entity_type text, entity text, expected text, found text)
LANGUAGE plpgsql VOLATILE SET enable_nestloop = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH rules AS MATERIALIZED (
		SELECT DISTINCT rule, row_id, member, entity_type, entity, scope FROM oracle.effective
	), effective AS MATERIALIZED (
		SELECT DISTINCT row_id, member, entity_type, entity, scope FROM rules
	), pairs AS MATERIALIZED (
		SELECT a.member, t.*
		FROM oracle.everybody a CROSS JOIN oracle.things t
		LEFT JOIN rbac.members m ON m.organization = t.organization AND m.member = a.member
		WHERE oracle.chosen(seed, CASE WHEN m.member IS NULL THEN far ELSE near END, a.member, t.entity)
	), asked AS MATERIALIZED (
		SELECT p.*, s.scope, s.name, e.scope IS NOT NULL AS expected
		FROM pairs p
		JOIN oracle.asked_scopes s ON s.entity_type = p.entity_type
		LEFT JOIN effective e ON (e.row_id, e.member, e.entity_type, e.entity, e.scope)
			= (p.row_id, p.member, p.entity_type, p.entity, s.name)
		ORDER BY p.member, s.name
	), listed AS MATERIALIZED (
		SELECT a.member, s.scope, s.name, s.entity_type, coalesce(e.entities, '{}') AS expected
		FROM oracle.everybody a CROSS JOIN oracle.asked_scopes s
		LEFT JOIN (
			SELECT member, scope, array_agg(entity ORDER BY entity) AS entities
			FROM effective WHERE row_id = 0 GROUP BY member, scope
		) e ON (e.member, e.scope) = (a.member, s.name)
		WHERE oracle.chosen(seed, near / 4, a.member, s.name)
	), pages AS MATERIALIZED (
		SELECT l.*, after, max_rows,
			ARRAY(SELECT e FROM unnest(l.expected) e WHERE after IS NULL OR e > after COLLATE "C" ORDER BY e LIMIT max_rows) AS page
		FROM listed l, (SELECT entity FROM oracle.strangers UNION ALL SELECT NULL) a(after), (VALUES (1), (3), (NULL)) n(max_rows)
		WHERE oracle.chosen(seed, 3, after, max_rows::text)
	), explained AS MATERIALIZED (
		SELECT a.member, a.entity_type, a.entity, a.scope, a.name, a.expected
		FROM asked a
		WHERE row_id = 0 AND oracle.chosen(seed + 1, CASE WHEN expected THEN 5 ELSE 2 END, a.member || a.name, a.entity)
	), held AS MATERIALIZED (
		SELECT t.entity_type, t.entity, s.scope, s.name, coalesce(e.members, '{}') AS expected
		FROM oracle.things t JOIN oracle.asked_scopes s ON s.entity_type = t.entity_type
		LEFT JOIN (
			SELECT entity_type, entity, scope, array_agg(member ORDER BY member) AS members
			FROM effective WHERE row_id = 0 GROUP BY entity_type, entity, scope
		) e ON (e.entity_type, e.entity, e.scope) = (t.entity_type, t.entity, s.name)
		WHERE t.row_id = 0 AND oracle.chosen(seed, 15, t.entity, s.name)
	), held_pages AS MATERIALIZED (
		SELECT h.*, after, max_rows,
			ARRAY(SELECT m FROM unnest(h.expected) m WHERE after IS NULL OR m > after COLLATE "C" ORDER BY m LIMIT max_rows) AS page
		FROM held h, (SELECT member FROM oracle.everybody UNION ALL SELECT NULL) a(after), (VALUES (1), (3), (NULL)) n(max_rows)
		WHERE oracle.chosen(seed, 3, after, max_rows::text)
	)
	SELECT 'has_scope ' || name, row_id, member, entity_type, entity, expected::text, rbac.has_scope(member, entity, scope)::text
	FROM asked
	WHERE row_id = 0 AND rbac.has_scope(member, entity, scope) IS DISTINCT FROM expected
	UNION ALL
	SELECT 'has_scope in plpgsql ' || name, row_id, member, entity_type, entity, expected::text,
		oracle.has_scope_in_plpgsql(member, entity, scope)::text
	FROM asked
	WHERE row_id = 0 AND oracle.chosen(seed, 5, entity, member)
		AND oracle.has_scope_in_plpgsql(member, entity, scope) IS DISTINCT FROM expected
	UNION ALL
	SELECT 'row_has_scope ' || name, row_id, member, entity_type, entity, expected::text,
		rbac.row_has_scope(member, entity, scope, organization, owner, tags)::text
	FROM asked
	WHERE rbac.row_has_scope(member, entity, scope, organization, owner, tags) IS DISTINCT FROM expected
	UNION ALL
	SELECT 'has_scope for the current member ' || name, row_id, member, entity_type, entity, expected::text, found::text
	FROM asked, rbac.has_scope(entity, scope) found
	WHERE row_id = 0 AND member = rbac.current_member() AND found IS DISTINCT FROM expected
	UNION ALL
	SELECT 'uuid ' || name, row_id, member, entity_type, entity, expected::text, concat_ws(' ', found, row_found)
	FROM asked,
		CAST(CASE WHEN entity ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN entity END AS uuid) u,
		rbac.has_scope(member, u, scope) found,
		rbac.row_has_scope(member, u, scope, organization, owner, tags) row_found
	WHERE u IS NOT NULL AND (row_found IS DISTINCT FROM expected OR row_id = 0 AND found IS DISTINCT FROM expected)
	UNION ALL
	SELECT 'integer ' || name, row_id, member, entity_type, entity, expected::text, concat_ws(' ', i8, i4, i2, row8, row4, row2)
	FROM asked,
		CAST(CASE WHEN entity ~ '^(0|-?[1-9][0-9]{0,4})$' AND abs(entity::integer) < 32768 THEN entity END AS smallint) i,
		rbac.has_scope(member, i::bigint, scope) i8,
		rbac.has_scope(member, i::integer, scope) i4,
		rbac.has_scope(member, i, scope) i2,
		rbac.row_has_scope(member, i::bigint, scope, organization, owner, tags) row8,
		rbac.row_has_scope(member, i::integer, scope, organization::varchar, owner::name, tags) row4,
		rbac.row_has_scope(member, i, scope, organization, owner, tags) row2
	WHERE i IS NOT NULL AND (num_nonnulls(row8, row4, row2) < 3 OR expected <> ALL (ARRAY[row8, row4, row2])
		OR row_id = 0 AND (num_nonnulls(i8, i4, i2) < 3 OR expected <> ALL (ARRAY[i8, i4, i2])))
	UNION ALL
	SELECT 'has_scope, not registered: ' || name, 0, member, entity_type, entity, 'false', found::text
	FROM oracle.everybody a CROSS JOIN oracle.strangers CROSS JOIN oracle.asked_scopes s, rbac.has_scope(a.member, entity, scope) found
	WHERE oracle.chosen(seed, far, a.member, entity)
		AND NOT EXISTS (SELECT FROM oracle.things t WHERE (t.row_id, t.entity_type, t.entity) = (0, s.entity_type, entity))
		AND found IS DISTINCT FROM false
	UNION ALL
	SELECT 'scopes_on', 0, p.member, p.entity_type, p.entity, e.scopes::text, found::text
	FROM pairs p
	LEFT JOIN (
		SELECT member, entity_type, entity, array_agg(scope ORDER BY scope) AS scopes
		FROM effective WHERE row_id = 0 GROUP BY member, entity_type, entity
	) e ON (e.member, e.entity_type, e.entity) = (p.member, p.entity_type, p.entity),
		rbac.scopes_on(p.member, p.entity_type, p.entity) found
	WHERE p.row_id = 0 AND found::text IS DISTINCT FROM coalesce(e.scopes::text, '{}')
	UNION ALL
	SELECT 'entities_with_scope ' || name, 0, member, entity_type, NULL, expected::text, found::text
	FROM listed, LATERAL (SELECT ARRAY(SELECT rbac.entities_with_scope(member, scope)) AS found) f
	WHERE found IS DISTINCT FROM expected
	UNION ALL
	SELECT format('entities_with_scope %s after %s, %s rows', name, after, max_rows), 0, member, entity_type, NULL, page::text, found::text
	FROM pages, LATERAL (SELECT ARRAY(SELECT rbac.entities_with_scope(member, scope, after, max_rows)) AS found) f
	WHERE found IS DISTINCT FROM page
	UNION ALL
	SELECT 'members_with_scope ' || name, 0, NULL, entity_type, entity, expected::text, found::text
	FROM held, LATERAL (SELECT ARRAY(SELECT rbac.members_with_scope(entity, scope)) AS found) f
	WHERE found IS DISTINCT FROM expected
	UNION ALL
	SELECT format('members_with_scope %s after %s, %s rows', name, after, max_rows), 0, NULL, entity_type, entity, page::text, found::text
	FROM held_pages, LATERAL (SELECT ARRAY(SELECT rbac.members_with_scope(entity, scope, after, max_rows)) AS found) f
	WHERE found IS DISTINCT FROM page
	UNION ALL
	SELECT 'explain ' || name, 0, member, entity_type, entity, expected::text, found::text
	FROM explained, LATERAL (SELECT array_agg(DISTINCT granted) AS found FROM rbac.explain(member, entity, scope)) f
	WHERE found IS DISTINCT FROM ARRAY[expected]
	UNION ALL
	SELECT 'rules of explain ' || name, 0, member, entity_type, entity, rules::text, found::text
	FROM explained e, LATERAL (
			SELECT ARRAY(SELECT r.rule FROM rules r
				WHERE (r.row_id, r.member, r.entity_type, r.entity, r.scope) = (0, e.member, e.entity_type, e.entity, e.name) ORDER BY 1) AS rules
		) r, LATERAL (
			SELECT ARRAY(SELECT DISTINCT oracle.rule_of(reason) FROM rbac.explain(member, entity, scope) WHERE granted ORDER BY 1) AS found
		) f
	WHERE expected AND found IS DISTINCT FROM rules
	UNION ALL
	SELECT 'rows of explain ' || name, 0, member, entity_type, entity, routes::text, found::text
	FROM explained e, LATERAL (
			SELECT ARRAY(SELECT x::text FROM oracle.routes(member, entity_type, entity, name) x ORDER BY 1) AS routes
		) r, LATERAL (
			SELECT ARRAY(SELECT (reason, role, team, permission_set, rule, expires_at)::text FROM rbac.explain(member, entity, scope) WHERE granted ORDER BY 1) AS found
		) f
	WHERE found IS DISTINCT FROM routes;
END $$;

-- changes and comparisons within a single statement of the client
CREATE FUNCTION oracle.change_and_compare(changes text[], seed integer, near integer, far integer)
RETURNS TABLE (what text, row_id integer, member text, entity_type text, entity text, expected text, found text)
LANGUAGE plpgsql AS $$
DECLARE
	change text;
BEGIN
	FOREACH change IN ARRAY changes LOOP
		EXECUTE change;
		RETURN QUERY SELECT change || ': ' || d.what, d.row_id, d.member, d.entity_type, d.entity, d.expected, d.found
			FROM oracle.differences(seed, near, far) d;
	END LOOP;
	-- all of them once more, undone by an error
	BEGIN
		FOREACH change IN ARRAY changes LOOP
			EXECUTE change;
		END LOOP;
		PERFORM count(*) FROM oracle.differences(seed, near, far);
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
		RETURN QUERY SELECT 'after an exception: ' || d.what, d.row_id, d.member, d.entity_type, d.entity, d.expected, d.found
			FROM oracle.differences(seed, near, far) d;
	END;
END $$;

-- what bears on a member and a thing, to print with a difference
CREATE FUNCTION oracle.facts(member text, entity_type text, entity text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
	WITH orgs AS (SELECT organization FROM rbac.members m WHERE m.member = $1),
	team AS (SELECT t.team FROM rbac.team_members t WHERE t.member = $1),
	role AS (SELECT m.role FROM rbac.members m WHERE m.member = $1 UNION SELECT role FROM rbac.team_roles NATURAL JOIN team)
	SELECT 'now ' || statement_timestamp()
	UNION ALL SELECT 'cache_size ' || current_setting('rbac.cache_size')
	UNION ALL SELECT 'members ' || m::text FROM rbac.members m WHERE m.member = $1
	UNION ALL SELECT 'team_members ' || t::text FROM rbac.team_members t WHERE t.member = $1
	UNION ALL SELECT 'team_roles ' || t::text FROM rbac.team_roles t WHERE t.team IN (TABLE team)
	UNION ALL SELECT 'roles ' || r::text FROM rbac.roles r WHERE r.name IN (TABLE role)
	UNION ALL SELECT 'role_rules ' || r::text FROM rbac.role_rules r
		WHERE r.role IN (TABLE role) AND r.entity_type = $2 AND coalesce(r.entity = $3, true)
			AND (r.condition IS NULL OR $3 IS NULL OR EXISTS (SELECT FROM oracle.things t
				WHERE t.entity_type = $2 AND t.entity = $3 AND oracle.matches(t.tags, r.condition)))
	UNION ALL SELECT 'entity_grants ' || g::text FROM rbac.entity_grants g
		WHERE g.entity_type = $2 AND g.entity = coalesce($3, g.entity) AND (g.member = $1 OR g.team IN (TABLE team))
	UNION ALL SELECT 'entities ' || e::text FROM rbac.entities e WHERE e.entity_type = $2 AND e.entity = $3
	UNION ALL SELECT 'rows ' || r::text FROM oracle.rows r WHERE r.entity_type = $2 AND r.entity = $3
	UNION ALL SELECT 'entity_type_settings ' || s::text FROM rbac.entity_type_settings s WHERE s.entity_type = $2
	UNION ALL SELECT 'member_defaults ' || d::text FROM rbac.member_defaults d WHERE d.organization IN (TABLE orgs)
	UNION ALL SELECT 'organization_settings ' || s::text FROM rbac.organization_settings s WHERE s.organization IN (TABLE orgs)
	UNION ALL SELECT format('permission_sets (%s,%s,%s)', p.name, p.entity_type, p.scopes) FROM rbac.permission_sets p WHERE NOT p.builtin AND p.entity_type = $2
	UNION ALL SELECT format('the views say %s: %s', e.rule, string_agg(e.scope, ',' ORDER BY e.scope))
		FROM oracle.effective e WHERE e.member = $1 AND e.entity_type = $2 AND e.entity = $3 GROUP BY e.row_id, e.rule
$$;
