/*
 * Who gets what through what, as a picture: a flowchart in Mermaid's language.
 * Nodes are members, teams, roles and what they give; whoever asks sees what they may
 * read of the tables.
 */

CREATE FUNCTION rbac_internal.diagram_text(label text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT '"' || pg_catalog.string_agg(CASE WHEN c ~ '[#"<>&`\\[:cntrl:]]' THEN '#' || pg_catalog.ascii(c) || ';' ELSE c END, '' ORDER BY n) || '"'
	FROM pg_catalog.regexp_split_to_table(label, '') WITH ORDINALITY AS x (c, n);
END;
COMMENT ON FUNCTION rbac_internal.diagram_text(text) IS 'for diagram(): a label in quotes, with nothing in it that Mermaid would take for its own';

CREATE FUNCTION rbac_internal.some_of(names text[]) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT pg_catalog.array_to_string(names[1:3], ', ')
		|| CASE WHEN pg_catalog.cardinality(names) > 3 THEN pg_catalog.format(' and %s more', pg_catalog.cardinality(names) - 3) ELSE '' END;
END;
COMMENT ON FUNCTION rbac_internal.some_of(text[]) IS 'for diagram(): the first three names, and how many more';

CREATE FUNCTION rbac_internal.until(expires_at timestamptz) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT 'until ' || pg_catalog.to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"');
END;
COMMENT ON FUNCTION rbac_internal.until(timestamptz) IS 'for diagram(): when it ends, NULL for never';

CREATE FUNCTION rbac_internal.diagram_members(organization text) RETURNS TABLE (leader text, names text[], role text, expires_at timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH teams AS (
		SELECT t.member, array_agg(ROW (t.team, t.is_admin, t.expires_at) ORDER BY t.team) AS list
		FROM rbac.team_members t
		WHERE t.organization = $1 AND (t.expires_at IS NULL OR t.expires_at > statement_timestamp())
		GROUP BY t.member
	), grants AS (
		SELECT g.member, array_agg(ROW (g.permission_set, g.entity, g.expires_at) ORDER BY g.id) AS list
		FROM rbac.entity_grants g
		WHERE g.organization = $1 AND (g.expires_at IS NULL OR g.expires_at > statement_timestamp())
		GROUP BY g.member)
	SELECT min(m.member COLLATE "C"), array_agg(m.member::text ORDER BY m.member), m.role, m.expires_at
	FROM rbac.members m LEFT JOIN teams t USING (member) LEFT JOIN grants g USING (member)
	WHERE m.organization = $1 AND (m.expires_at IS NULL OR m.expires_at > statement_timestamp())
	GROUP BY m.role, m.kind, m.expires_at, t.list, g.list
$$;
COMMENT ON FUNCTION rbac_internal.diagram_members(text) IS 'for diagram(): those who have the same by the same, together; the first one stands for all';

CREATE FUNCTION rbac_internal.diagram_edges(organization text)
	RETURNS TABLE (from_kind text, from_name text, to_kind text, to_name text, label text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH members AS (
		SELECT * FROM rbac_internal.diagram_members($1)
	), team_roles AS (
		SELECT r.* FROM rbac.team_roles r JOIN rbac.teams t ON t.name = r.team
		WHERE t.organization = $1 AND (r.expires_at IS NULL OR r.expires_at > statement_timestamp())
	), grants AS (
		SELECT g.* FROM rbac.entity_grants g JOIN members m ON m.leader = g.member
		WHERE g.organization = $1
		UNION ALL
		SELECT g.* FROM rbac.entity_grants g JOIN rbac.teams t ON t.name = g.team
		WHERE t.organization = $1)
	SELECT 'member', leader, 'role', role, rbac_internal.until(expires_at)
	FROM members
	UNION ALL
	SELECT 'member', t.member, 'team', t.team, concat_ws(', ', CASE WHEN t.is_admin THEN 'admin' END, rbac_internal.until(t.expires_at))
	FROM rbac.team_members t JOIN members m ON m.leader = t.member
	WHERE t.organization = $1 AND (t.expires_at IS NULL OR t.expires_at > statement_timestamp())
	UNION ALL
	SELECT 'team', team, 'role', role, rbac_internal.until(expires_at)
	FROM team_roles
	UNION ALL
	SELECT 'role', r.role, 'set', r.permission_set, CASE WHEN NOT bool_or(r.entity IS NULL AND r.condition IS NULL) THEN
		concat_ws(', ', 'on ' || rbac_internal.some_of(array_agg(r.entity::text ORDER BY r.entity) FILTER (WHERE r.entity IS NOT NULL)),
			'where ' || rbac_internal.some_of(array_agg(r.condition::text ORDER BY r.id) FILTER (WHERE r.condition IS NOT NULL))) END
	FROM rbac.role_rules r
	WHERE r.role IN (SELECT role FROM members UNION ALL SELECT role FROM team_roles)
	GROUP BY r.role, r.permission_set
	UNION ALL
	SELECT 'role', name, 'scope', 'all scopes', NULL
	FROM rbac.roles
	WHERE all_scopes AND name IN (SELECT role FROM members UNION ALL SELECT role FROM team_roles)
	UNION ALL
	SELECT 'role', 'Member', 'set', d.permission_set, 'member default'
	FROM rbac.member_defaults d
	WHERE d.organization = $1 AND EXISTS (SELECT FROM members WHERE role = 'Member')
	UNION ALL
	SELECT CASE WHEN team IS NULL THEN 'member' ELSE 'team' END, COALESCE(team, member), 'set', permission_set,
		concat_ws(', ', 'on ' || rbac_internal.some_of(array_agg(entity::text ORDER BY entity)), rbac_internal.until(expires_at))
	FROM grants
	WHERE expires_at IS NULL OR expires_at > statement_timestamp()
	GROUP BY team, member, permission_set, expires_at
	UNION ALL
	SELECT 'everybody', 'everybody', 'scope', s.scope, 'toggle'
	FROM rbac.organization_settings s
	WHERE s.organization = $1
$$;
COMMENT ON FUNCTION rbac_internal.diagram_edges(text) IS 'for diagram(): what leads to what';

CREATE FUNCTION rbac_internal.diagram_node(kind text, id text, label text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT id || CASE kind
			WHEN 'member' THEN '(' || rbac_internal.diagram_text(label) || ')'
			WHEN 'team' THEN '([' || rbac_internal.diagram_text(label) || '])'
			WHEN 'role' THEN '{{' || rbac_internal.diagram_text(label) || '}}'
			WHEN 'set' THEN '[' || rbac_internal.diagram_text(label) || ']'
			ELSE '[[' || rbac_internal.diagram_text(label) || ']]' END;
END;
COMMENT ON FUNCTION rbac_internal.diagram_node(text, text, text) IS 'for diagram(): each kind has a shape of its own';

CREATE FUNCTION rbac.diagram(organization text, max_each integer DEFAULT 12) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	picture text;
BEGIN
	IF NOT EXISTS (SELECT FROM rbac.organizations o WHERE o.name = $1) THEN
		RAISE undefined_object USING MESSAGE = format('organization "%s" does not exist', organization);
	ELSIF max_each < 1 THEN
		RAISE invalid_parameter_value USING MESSAGE = 'max_each must be at least 1';
	END IF;
	WITH members AS MATERIALIZED (
		SELECT * FROM rbac_internal.diagram_members($1)
	), edges AS MATERIALIZED (
		SELECT * FROM rbac_internal.diagram_edges($1)
	), nodes AS (
		SELECT 'member' AS kind, leader AS name, rbac_internal.some_of(names) AS label, cardinality(names) AS weight FROM members
		UNION ALL
		SELECT kind, name, name, sum(weight)
		FROM edges LEFT JOIN members ON from_kind = 'member' AND from_name = leader,
			LATERAL (VALUES (from_kind, from_name, 0), (to_kind, to_name, COALESCE(cardinality(names), 1))) AS ends (kind, name, weight)
		WHERE kind <> 'member'
		GROUP BY kind, name
	), ranked AS MATERIALIZED (
		SELECT *, row_number() OVER (PARTITION BY kind ORDER BY weight DESC, name COLLATE "C") AS rank FROM nodes
	), shown AS MATERIALIZED (
		SELECT *, kind || rank AS id FROM ranked WHERE rank <= max_each
	), lines AS (
		SELECT 1 AS part, kind, rank, 0 AS rank2, rbac_internal.diagram_node(kind, id, label) AS line FROM shown
		UNION ALL
		SELECT 2, f.kind, f.rank, t.rank, f.id || ' -->' || COALESCE('|' || rbac_internal.diagram_text(NULLIF(e.label, '')) || '|', '') || ' ' || t.id
		FROM edges e JOIN shown f ON f.kind = e.from_kind AND f.name = e.from_name
			JOIN shown t ON t.kind = e.to_kind AND t.name = e.to_name
		UNION ALL
		SELECT 3, kind, 0, 0, format('more_%s["%s more %s"]', kind, hidden, kind || CASE hidden WHEN 1 THEN '' ELSE 's' END)
		FROM (
			SELECT kind, CASE kind WHEN 'member' THEN sum(weight) ELSE count(*) END AS hidden
			FROM ranked WHERE rank > max_each
			GROUP BY kind) AS h)
	SELECT 'flowchart LR' || COALESCE(string_agg(E'\n    ' || line, '' ORDER BY part, kind COLLATE "C", rank, rank2, line), '') INTO picture
	FROM lines;
	RETURN picture;
END
$$;
COMMENT ON FUNCTION rbac.diagram(text, integer) IS 'who gets what through what in an organization, as a Mermaid flowchart: members who have the same are one node, and at most max_each are shown of each kind, those that concern most; what owners have is left out';
