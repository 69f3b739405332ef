/*
 * Who has what, to be read at a prompt.  Whoever asks sees what they may read of
 * the tables below; what has expired is not there.
 */

CREATE VIEW rbac.member_roles WITH (security_invoker = on) AS
	SELECT m.organization, m.member, m.role, NULL::text COLLATE "C" AS team, m.expires_at
	FROM rbac.members m
	WHERE m.expires_at IS NULL OR m.expires_at > pg_catalog.statement_timestamp()
	UNION ALL
	SELECT m.organization, m.member, r.role, r.team, LEAST(m.expires_at, t.expires_at, r.expires_at)
	FROM rbac.members m JOIN rbac.team_members t ON t.organization = m.organization AND t.member = m.member
		JOIN rbac.team_roles r ON r.team = t.team
	WHERE m.kind <> 'organization_token'
		AND COALESCE(LEAST(m.expires_at, t.expires_at, r.expires_at), 'infinity') > pg_catalog.statement_timestamp();
COMMENT ON VIEW rbac.member_roles IS 'which roles members hold, of their own and through teams';
COMMENT ON COLUMN rbac.member_roles.team IS 'that gives them the role; NULL: it is their own';
COMMENT ON COLUMN rbac.member_roles.expires_at IS 'when the first of member, team member and team role does; NULL: never';
GRANT SELECT ON rbac.member_roles TO PUBLIC;

CREATE VIEW rbac.member_permissions WITH (security_invoker = on) AS
	SELECT h.organization, h.member, u.permission_set, u.entity_type,
		CASE WHEN h.team IS NULL THEN 'role' ELSE 'team role' END AS via,
		h.role, h.team, u.entity, u.condition, h.expires_at, s.scopes
	FROM rbac.member_roles h JOIN rbac.role_rules u ON u.role = h.role
		JOIN rbac.permission_sets s ON s.name = u.permission_set
	UNION ALL
	SELECT h.organization, h.member, NULL, NULL,
		CASE WHEN h.team IS NULL THEN 'role' ELSE 'team role' END,
		h.role, h.team, NULL, NULL, h.expires_at,
		(SELECT rbac.scopeset_agg(s.name::rbac.scope) FROM rbac.scopes s)
	FROM rbac.member_roles h JOIN rbac.roles r ON r.name = h.role
	WHERE r.all_scopes
	UNION ALL
	SELECT m.organization, m.member, g.permission_set, g.entity_type, 'grant', NULL, NULL, g.entity, NULL,
		LEAST(m.expires_at, g.expires_at), s.scopes
	FROM rbac.members m JOIN rbac.entity_grants g ON g.organization = m.organization AND g.member = m.member
		JOIN rbac.permission_sets s ON s.name = g.permission_set
	WHERE m.kind <> 'organization_token'
		AND COALESCE(LEAST(m.expires_at, g.expires_at), 'infinity') > pg_catalog.statement_timestamp()
	UNION ALL
	SELECT m.organization, m.member, g.permission_set, g.entity_type, 'team grant', NULL, t.team, g.entity, NULL,
		LEAST(m.expires_at, t.expires_at, g.expires_at), s.scopes
	FROM rbac.members m JOIN rbac.team_members t ON t.organization = m.organization AND t.member = m.member
		JOIN rbac.entity_grants g ON g.team = t.team
		JOIN rbac.permission_sets s ON s.name = g.permission_set
	WHERE m.kind <> 'organization_token'
		AND COALESCE(LEAST(m.expires_at, t.expires_at, g.expires_at), 'infinity') > pg_catalog.statement_timestamp()
	UNION ALL
	SELECT m.organization, m.member, d.permission_set, d.entity_type, 'member default', NULL, NULL, NULL, NULL, m.expires_at, s.scopes
	FROM rbac.members m JOIN rbac.member_defaults d ON d.organization = m.organization
		JOIN rbac.permission_sets s ON s.name = d.permission_set
	WHERE m.role = 'Member'
		AND (m.expires_at IS NULL OR m.expires_at > pg_catalog.statement_timestamp())
	UNION ALL
	SELECT m.organization, m.member, NULL, c.entity_type, 'toggle', NULL, NULL, NULL, NULL, m.expires_at, rbac.scopeset(c.name::rbac.scope)
	FROM rbac.members m JOIN rbac.organization_settings o ON o.organization = m.organization
		JOIN rbac.scopes c ON c.name = o.scope
	WHERE m.kind <> 'organization_token'
		AND (m.expires_at IS NULL OR m.expires_at > pg_catalog.statement_timestamp());
COMMENT ON VIEW rbac.member_permissions IS 'what members have, and by what: a row for each way to a permission set, but for what they have as owners of entities';
COMMENT ON COLUMN rbac.member_permissions.permission_set IS 'NULL: all scopes, or the one of a toggle';
COMMENT ON COLUMN rbac.member_permissions.entity_type IS 'of the permission set or the toggle''s scope; NULL: all';
COMMENT ON COLUMN rbac.member_permissions.via IS 'role, team role, grant, team grant, member default or toggle';
COMMENT ON COLUMN rbac.member_permissions.role IS 'whose rule it is, or that has all scopes';
COMMENT ON COLUMN rbac.member_permissions.team IS 'that holds the role, or that the grant is to';
COMMENT ON COLUMN rbac.member_permissions.entity IS 'the only one that it is for; without entity and condition it is for all of the type in the organization';
COMMENT ON COLUMN rbac.member_permissions.condition IS 'that an entity''s tags have to satisfy';
COMMENT ON COLUMN rbac.member_permissions.expires_at IS 'when the first thing that this depends on does; NULL: never';
COMMENT ON COLUMN rbac.member_permissions.scopes IS 'what it gives';
GRANT SELECT ON rbac.member_permissions TO PUBLIC;

CREATE VIEW rbac.permission_matrix WITH (security_invoker = on) AS
	SELECT organization, member, permission,
		pg_catalog.string_agg(via || CASE
				WHEN everywhere THEN ''
				WHEN conditions = 0 AND entities = 1 THEN ' (' || entity || ')'
				ELSE ' (' || pg_catalog.concat_ws(', ', CASE WHEN conditions > 0 THEN 'tags' END,
					CASE WHEN entities > 0 THEN entities || CASE entities WHEN 1 THEN ' entity' ELSE ' entities' END END) || ')'
			END, ', ' ORDER BY via COLLATE "C") AS via
	FROM (
		SELECT p.organization, p.member, n.permission, p.via,
			pg_catalog.bool_or(p.entity IS NULL AND p.condition IS NULL) AS everywhere,
			pg_catalog.count(p.condition) AS conditions, pg_catalog.count(DISTINCT p.entity) AS entities, pg_catalog.min(p.entity) AS entity
		FROM rbac.member_permissions p, LATERAL (SELECT CASE
				WHEN p.permission_set IS NOT NULL THEN p.permission_set
				WHEN p.via = 'toggle' THEN (rbac.scopeset_to_array(p.scopes))[1] COLLATE "C"
				ELSE 'all scopes' COLLATE "C" END) AS n (permission)
		GROUP BY p.organization, p.member, n.permission, p.via) AS ways
	GROUP BY organization, member, permission;
COMMENT ON VIEW rbac.permission_matrix IS 'what members have, as a table in psql: SELECT member, permission, via FROM rbac.permission_matrix WHERE organization = ''acme'' ORDER BY member, permission \crosstabview';
COMMENT ON COLUMN rbac.permission_matrix.permission IS 'a permission set, the scope of a toggle, or all scopes';
COMMENT ON COLUMN rbac.permission_matrix.via IS 'as in member_permissions, and in parentheses on what if it is not on all: an entity, how many, or those with certain tags';
GRANT SELECT ON rbac.permission_matrix TO PUBLIC;
