/*
 * Who gets what through what, as a picture: a flowchart in Mermaid's language, of
 * what its reader may read of the tables.
 */

CREATE FUNCTION rbac_internal.diagram_text(label text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT '"' || pg_catalog.string_agg(
			CASE WHEN c ~ '[]!"#$%&*+;<>?@[\\^`{|}~[:cntrl:]]' OR c = ':' AND label ~ 'fa.?:fa-'	-- an icon
				THEN '#' || pg_catalog.ascii(c) || ';' ELSE c END, '' ORDER BY n) || '"'
	FROM pg_catalog.regexp_split_to_table(
		CASE WHEN pg_catalog.length(label) > 100 THEN pg_catalog.left(label, 97) || '...' ELSE label END, '') WITH ORDINALITY AS x (c, n);
END;
COMMENT ON FUNCTION rbac_internal.diagram_text(text) IS 'for diagram(): a label in quotes, not too long, with nothing in it that Mermaid or a browser would take for its own';

CREATE FUNCTION rbac_internal.some_of(names text[], separator text DEFAULT ', ') RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT pg_catalog.array_to_string(names[1:3], separator)
		|| CASE WHEN pg_catalog.cardinality(names) > 3 THEN pg_catalog.format(' and %s more', pg_catalog.cardinality(names) - 3) ELSE '' END;
END;
COMMENT ON FUNCTION rbac_internal.some_of(text[], text) IS 'for diagram(): the first three names, and how many more';

CREATE FUNCTION rbac_internal.diagram_edge_label(note text, entities text[], conditions text[], expires_at timestamptz) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT pg_catalog.concat_ws(', ', note,
		NULLIF(pg_catalog.concat_ws(' or ', 'on ' || rbac_internal.some_of(entities), 'where ' || rbac_internal.some_of(conditions, ' or ')), ''),
		'until ' || pg_catalog.to_char(NULLIF(expires_at, 'infinity') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'));
END;
COMMENT ON FUNCTION rbac_internal.diagram_edge_label(text, text[], text[], timestamptz) IS 'for diagram(): on what and until when; empty: on all, for good';

/* What is of no use to members of the organization is not reached from them. */
CREATE FUNCTION rbac_internal.diagram_edges(organization text)
	RETURNS TABLE (from_kind text, from_name text, to_kind text, to_name text, note text, entities text[], conditions text[], expires_at timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH members AS MATERIALIZED (
		SELECT m.member, m.kind, m.role, m.expires_at FROM rbac.members m
		WHERE m.organization = $1 AND COALESCE(m.expires_at, 'infinity') > statement_timestamp()
	), roles AS MATERIALIZED (
		SELECT r.name, r.all_scopes FROM rbac.roles r
		WHERE r.organization = $1 OR r.organization IS NULL
	), grants AS (
		SELECT 'member' AS kind, m.member AS name, g.permission_set, g.entity, LEAST(m.expires_at, g.expires_at) AS expires_at
		FROM members m JOIN rbac.entity_grants g ON g.organization = $1 AND g.member = m.member
		WHERE m.kind <> 'organization_token'
		UNION ALL
		SELECT 'team', t.name, g.permission_set, g.entity, g.expires_at
		FROM rbac.teams t JOIN rbac.entity_grants g ON g.team = t.name
		WHERE t.organization = $1
	), edges (from_kind, from_name, to_kind, to_name, note, entities, conditions, expires_at) AS (
		SELECT 'member', member, 'role', role, NULLIF(replace(kind, '_', ' '), 'user'), NULL::text[], NULL::text[], expires_at
		FROM members
		UNION ALL
		SELECT 'member', m.member, 'team', t.team, CASE WHEN t.is_admin THEN 'admin' END, NULL, NULL, LEAST(m.expires_at, t.expires_at)
		FROM members m JOIN rbac.team_members t ON t.organization = $1 AND t.member = m.member
		WHERE m.kind <> 'organization_token'
		UNION ALL
		SELECT 'team', t.name, 'role', r.role, NULL, NULL, NULL, r.expires_at
		FROM rbac.teams t JOIN rbac.team_roles r ON r.team = t.name
		WHERE t.organization = $1
		UNION ALL
		SELECT kind, name, 'set', permission_set, NULL, array_agg(entity ORDER BY entity), NULL, expires_at
		FROM grants
		GROUP BY kind, name, permission_set, expires_at
		UNION ALL
		SELECT 'role', r.role, 'set', r.permission_set, NULL,
			CASE WHEN NOT bool_or(r.entity IS NULL AND r.condition IS NULL) THEN array_agg(r.entity ORDER BY r.entity) FILTER (WHERE r.entity IS NOT NULL) END,
			CASE WHEN NOT bool_or(r.entity IS NULL AND r.condition IS NULL) THEN array_agg(r.condition::text ORDER BY r.id) FILTER (WHERE r.condition IS NOT NULL) END,
			NULL
		FROM roles JOIN rbac.role_rules r ON r.role = roles.name
		GROUP BY r.role, r.permission_set
		UNION ALL
		SELECT 'role', name, 'scope', 'all scopes', NULL, NULL, NULL, NULL
		FROM roles
		WHERE all_scopes
		UNION ALL
		SELECT 'role', 'Member', 'set', d.permission_set, 'member default, own role only', NULL, NULL, NULL
		FROM rbac.member_defaults d
		WHERE d.organization = $1
		UNION ALL
		SELECT 'everybody', 'everybody but organization tokens', 'scope', s.scope, 'toggle', NULL, NULL, NULL
		FROM rbac.organization_settings s
		WHERE s.organization = $1)
	SELECT * FROM edges WHERE COALESCE(expires_at, 'infinity') > statement_timestamp()
$$;
COMMENT ON FUNCTION rbac_internal.diagram_edges(text) IS 'for diagram(): what leads to what, by kinds: member, everybody, team, role, set, scope';

/*
 * Members from whom the same edges go out are one node, and the first of them stands
 * for it.  The rest is ranked by how many members get to it, each way counted.
 */
CREATE FUNCTION rbac_internal.draw(organization text, max_each integer) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE edges AS MATERIALIZED (
		SELECT * FROM rbac_internal.diagram_edges($1)
	), alike AS (
		SELECT array_agg(name ORDER BY name COLLATE "C") AS names
		FROM (
			SELECT from_name AS name, array_agg(ROW (to_kind, to_name, note, entities, expires_at) ORDER BY to_kind, to_name, entities, expires_at) AS has
			FROM edges WHERE from_kind = 'member'
			GROUP BY from_name) AS m
		GROUP BY has
	), reached AS (
		SELECT to_kind AS kind, to_name AS name, count(*) AS members FROM edges WHERE from_kind = 'member' GROUP BY to_kind, to_name
		UNION ALL
		SELECT DISTINCT from_kind, from_name, 0::bigint FROM edges WHERE from_kind IN ('everybody', 'team')
		UNION ALL
		SELECT e.to_kind, e.to_name, r.members
		FROM reached r JOIN edges e ON e.from_kind = r.kind AND e.from_name = r.name
	), nodes AS (
		SELECT 'member' AS kind, names, cardinality(names) AS members FROM alike
		UNION ALL
		SELECT kind, ARRAY[name], sum(members) FROM reached GROUP BY kind, name
	), ranked AS MATERIALIZED (
		SELECT *, names[1] AS name, array_position('{member,everybody,team,role,set,scope}', kind) AS column, row_number() OVER best AS rank
		FROM nodes
		WINDOW best AS (PARTITION BY kind ORDER BY members DESC, names[1] COLLATE "C")
	), best AS MATERIALIZED (
		SELECT *, kind || rank AS id FROM ranked WHERE rank <= max_each
	), arrows AS MATERIALIZED (
		SELECT f.id AS from_id, t.id AS to_id, NULLIF(rbac_internal.diagram_edge_label(e.note, e.entities, e.conditions, e.expires_at), '') AS label,
			ROW (f.column, f.rank, t.column, t.rank, e.entities, e.expires_at) AS place
		FROM edges e JOIN best f ON f.kind = e.from_kind AND f.name = e.from_name
			JOIN best t ON t.kind = e.to_kind AND t.name = e.to_name
	), shown AS (
		SELECT * FROM best WHERE id IN (SELECT from_id FROM arrows UNION SELECT to_id FROM arrows)
	), hidden AS (
		SELECT min("column") AS column, kind, CASE kind WHEN 'member' THEN sum(members) ELSE count(*) END AS count
		FROM ranked WHERE (kind, rank) NOT IN (SELECT kind, rank FROM shown) AND kind <> 'everybody'
		GROUP BY kind
	)
	SELECT concat_ws(E'\n    ', 'flowchart LR',
		(SELECT string_agg(format(CASE kind
					WHEN 'team' THEN '%s([%s])'
					WHEN 'role' THEN '%s{{%s}}'
					WHEN 'set' THEN '%s[%s]'
					WHEN 'scope' THEN '%s[[%s]]'
					ELSE '%s(%s)' END, id, rbac_internal.diagram_text(rbac_internal.some_of(names))), E'\n    ' ORDER BY "column", rank)
			FROM shown),
		(SELECT string_agg(concat_ws(' ', from_id, '-->' || COALESCE('|' || rbac_internal.diagram_text(label) || '|', ''), to_id), E'\n    ' ORDER BY place) FROM arrows),
		'more["' || (SELECT string_agg(count || ' more ' || kind || CASE count WHEN 1 THEN '' ELSE 's' END, ', ' ORDER BY "column") FROM hidden) || '"]')
$$;
COMMENT ON FUNCTION rbac_internal.draw(text, integer) IS 'for diagram(): the best of each kind, with the arrows between them, and how many there are beside them';

CREATE FUNCTION rbac.diagram(organization text, max_each integer DEFAULT 12) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM rbac.organizations o WHERE o.name = $1) THEN
		RAISE undefined_object USING MESSAGE = format('organization "%s" does not exist', organization);
	ELSIF max_each < 1 THEN
		RAISE invalid_parameter_value USING MESSAGE = 'max_each must be at least 1';
	END IF;
	RETURN rbac_internal.draw(organization, max_each);
END
$$;
COMMENT ON FUNCTION rbac.diagram(text, integer) IS 'who gets what through what in an organization, as a Mermaid flowchart: members who have the same are one node, and at most max_each are shown of each kind, those that concern most; what owners have is left out';
