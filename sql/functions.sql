/*
 * What the planner derives from a check, for index scans.  The functions are in
 * plans of anybody's, and so executable by anybody, but not callable: they take a
 * value that only the planner can make.
 */
CREATE TYPE rbac.plan_only;
CREATE FUNCTION rbac.plan_only_in(pg_catalog.cstring) RETURNS rbac.plan_only
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION rbac.plan_only_out(rbac.plan_only) RETURNS pg_catalog.cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE TYPE rbac.plan_only (
	INPUT = rbac.plan_only_in,
	OUTPUT = rbac.plan_only_out,
	INTERNALLENGTH = 4,
	PASSEDBYVALUE
);
COMMENT ON FUNCTION rbac.plan_only_in(pg_catalog.cstring) IS 'I/O: accepts nothing';
COMMENT ON FUNCTION rbac.plan_only_out(rbac.plan_only) IS 'I/O';
COMMENT ON TYPE rbac.plan_only IS 'an argument that only the planner can give';

CREATE FUNCTION rbac.check_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.check_support(internal) IS 'planner support for has_scope and row_has_scope';
CREATE FUNCTION rbac.candidates_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.candidates_support(internal) IS 'planner support for candidate_entities and candidate_organizations';
CREATE FUNCTION rbac.entities_with_scope_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.entities_with_scope_support(internal) IS 'planner support for entities_with_scope';
CREATE FUNCTION rbac.members_with_scope_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.members_with_scope_support(internal) IS 'planner support for members_with_scope';

CREATE FUNCTION rbac.candidate_entities(member text, scope rbac.scope, plan_only rbac.plan_only, element anyelement) RETURNS anyarray
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000 SUPPORT rbac.candidates_support;
COMMENT ON FUNCTION rbac.candidate_entities(text, rbac.scope, rbac.plan_only, anyelement) IS 'in plans only: entities outside of which has_scope is false';
CREATE FUNCTION rbac.candidate_organizations(member text, scope rbac.scope, plan_only rbac.plan_only, element anyelement) RETURNS anyarray
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 10 SUPPORT rbac.candidates_support;
COMMENT ON FUNCTION rbac.candidate_organizations(text, rbac.scope, rbac.plan_only, anyelement) IS 'in plans only: organizations outside of which row_has_scope is false';

/*
 * The check.  An entity is taken in the type that the application's column has,
 * so that an index on it stays usable.
 */

CREATE FUNCTION rbac.has_scope(member text, entity text, scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'has_scope_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.has_scope(member text, entity uuid, scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'has_scope_uuid' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.has_scope(member text, entity bigint, scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'has_scope_int8' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.has_scope(member text, entity integer, scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'has_scope_int4' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.has_scope(member text, entity smallint, scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'has_scope_int2' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
COMMENT ON FUNCTION rbac.has_scope(text, text, rbac.scope) IS 'does the member hold the scope on the registered entity (for scopes of type organization: on the organization of that name)? unknown members and entities: false; NULL for NULL';
COMMENT ON FUNCTION rbac.has_scope(text, uuid, rbac.scope) IS 'does the member hold the scope on the registered entity?';
COMMENT ON FUNCTION rbac.has_scope(text, bigint, rbac.scope) IS 'does the member hold the scope on the registered entity?';
COMMENT ON FUNCTION rbac.has_scope(text, integer, rbac.scope) IS 'does the member hold the scope on the registered entity?';
COMMENT ON FUNCTION rbac.has_scope(text, smallint, rbac.scope) IS 'does the member hold the scope on the registered entity?';

CREATE FUNCTION rbac.has_scope(entity text, scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'i_have_scope_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.has_scope(entity uuid, scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'i_have_scope_uuid' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.has_scope(entity bigint, scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'i_have_scope_int8' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.has_scope(entity integer, scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'i_have_scope_int4' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.has_scope(entity smallint, scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'i_have_scope_int2' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
COMMENT ON FUNCTION rbac.has_scope(text, rbac.scope) IS 'has_scope for current_member(); NULL when there is none';
COMMENT ON FUNCTION rbac.has_scope(uuid, rbac.scope) IS 'has_scope for current_member(); NULL when there is none';
COMMENT ON FUNCTION rbac.has_scope(bigint, rbac.scope) IS 'has_scope for current_member(); NULL when there is none';
COMMENT ON FUNCTION rbac.has_scope(integer, rbac.scope) IS 'has_scope for current_member(); NULL when there is none';
COMMENT ON FUNCTION rbac.has_scope(smallint, rbac.scope) IS 'has_scope for current_member(); NULL when there is none';

/*
 * Entity, organization and owner may each be of any of these types.  Those with
 * text for organization and owner take untyped literals and parameters; the one
 * with "any" takes the rest.
 */
CREATE FUNCTION rbac.row_has_scope(member text, entity text, scope rbac.scope, organization text, owner text DEFAULT NULL, tags jsonb DEFAULT NULL) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.row_has_scope(member text, entity uuid, scope rbac.scope, organization text, owner text DEFAULT NULL, tags jsonb DEFAULT NULL) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.row_has_scope(member text, entity bigint, scope rbac.scope, organization text, owner text DEFAULT NULL, tags jsonb DEFAULT NULL) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.row_has_scope(member text, entity integer, scope rbac.scope, organization text, owner text DEFAULT NULL, tags jsonb DEFAULT NULL) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.row_has_scope(member text, entity smallint, scope rbac.scope, organization text, owner text DEFAULT NULL, tags jsonb DEFAULT NULL) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
CREATE FUNCTION rbac.row_has_scope(member text, entity "any", scope rbac.scope, organization "any", owner "any" DEFAULT NULL, tags jsonb DEFAULT NULL) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 5 SUPPORT rbac.check_support;
COMMENT ON FUNCTION rbac.row_has_scope(text, text, rbac.scope, text, text, jsonb) IS 'would the member hold the scope on an entity with this organization, owner and tags? the registry is not read; NULL for a NULL member, entity, scope or organization';
COMMENT ON FUNCTION rbac.row_has_scope(text, uuid, rbac.scope, text, text, jsonb) IS 'would the member hold the scope on an entity with this organization, owner and tags?';
COMMENT ON FUNCTION rbac.row_has_scope(text, bigint, rbac.scope, text, text, jsonb) IS 'would the member hold the scope on an entity with this organization, owner and tags?';
COMMENT ON FUNCTION rbac.row_has_scope(text, integer, rbac.scope, text, text, jsonb) IS 'would the member hold the scope on an entity with this organization, owner and tags?';
COMMENT ON FUNCTION rbac.row_has_scope(text, smallint, rbac.scope, text, text, jsonb) IS 'would the member hold the scope on an entity with this organization, owner and tags?';
COMMENT ON FUNCTION rbac.row_has_scope(text, "any", rbac.scope, "any", "any", jsonb) IS 'would the member hold the scope on an entity with this organization, owner and tags? each key text, uuid, bigint, integer or smallint';

/* ---- who is asking ---- */

CREATE FUNCTION rbac.current_member() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION rbac.current_member() IS 'the member that is asking: the setting rbac.member; if that is empty, the login, unless it may set rbac.member: then NULL';

CREATE FUNCTION rbac.act_as(member text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rbac.act_as(text) IS 'set the member until the transaction ends (SET LOCAL rbac.member); needs the right to SET it, and a transaction block; NULL: nobody';

/* ---- what somebody has ---- */

CREATE FUNCTION rbac.scopes_on(member text, entity_type text, entity text) RETURNS rbac.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION rbac.scopes_on(text, text, text) IS 'all scopes that the member holds on the entity; of others only with org_member:read in their organizations, or as a role that sees all rows';

CREATE FUNCTION rbac.role_scopes(role text) RETURNS rbac.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION rbac.role_scopes(text) IS 'all scopes that the role''s rules can give anywhere; of an organization''s role only with role:read there, or as a role that sees all rows';

CREATE FUNCTION rbac.entities_with_scope(member text, scope rbac.scope, after text DEFAULT NULL, max_rows bigint DEFAULT NULL) RETURNS SETOF text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100 SUPPORT rbac.entities_with_scope_support;
COMMENT ON FUNCTION rbac.entities_with_scope(text, rbac.scope, text, bigint) IS 'the entities on which the member holds the scope, in byte order of their keys, after a key, at most so many; of others only with org_member:read in their organizations, or as a role that sees all rows';

CREATE FUNCTION rbac.members_with_scope(entity text, scope rbac.scope, after text DEFAULT NULL, max_rows bigint DEFAULT NULL) RETURNS SETOF text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 100 SUPPORT rbac.members_with_scope_support;
COMMENT ON FUNCTION rbac.members_with_scope(text, rbac.scope, text, bigint) IS 'the members who hold the scope on the registered entity (for scopes of type organization: on the organization of that name), in byte order of their names, after a name, at most so many; only with org_member:read in the entity''s organization, or as a role that sees all rows';

CREATE FUNCTION rbac.explain(member text, entity text, scope rbac.scope,
		OUT granted boolean, OUT reason text, OUT role text, OUT team text, OUT permission_set text, OUT rule bigint, OUT detail text, OUT expires_at timestamptz)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 5;
COMMENT ON FUNCTION rbac.explain(text, text, rbac.scope) IS 'by what the member holds the scope on the entity, a row for each path: all scopes, direct rule, global rule, tag rule, grant, team grant, ownership, member default, toggle; or if there is none what is missing, nearest first: unknown entity, expired, tags do not match, not for tokens, not a member, other organization, other entity, role not held, permission set not held; of others only with org_member:read in the entity''s organization or in all of theirs, or as a role that sees all rows';

/* ---- what this backend remembers ---- */

CREATE FUNCTION rbac.cache_stats(OUT cache text, OUT entries bigint, OUT bytes bigint, OUT hits bigint, OUT misses bigint, OUT rebuilds bigint, OUT evictions bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 2;
COMMENT ON FUNCTION rbac.cache_stats() IS 'what this session''s caches of members and of entities hold (bytes as allocated; rbac.cache_size / 2 each is the limit) and have done since it began: hits, misses (read from the tables), rebuilds (read again because something had changed), evictions (dropped to make room); a check that goes on with the member and scope of the call before counts nothing for members';
REVOKE EXECUTE ON FUNCTION rbac.cache_stats() FROM PUBLIC;	-- the bytes tell how much somebody has
GRANT EXECUTE ON FUNCTION rbac.cache_stats() TO pg_monitor;

/* ---- administration ---- */

CREATE FUNCTION rbac_internal.rename_everywhere(kind text, old text, new text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	old_set rbac.scopeset;
	ours    text;
BEGIN
	IF kind IN ('permission_set', 'role', 'team')
		AND NULLIF(split_part(old, '/', 1), old) IS DISTINCT FROM NULLIF(split_part(new, '/', 1), new) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('cannot rename "%s" to "%s": the organization would change', old, new);
	END IF;
	IF kind = 'scope' THEN
		old_set := ARRAY[old]::rbac.scopeset;
	END IF;

	SELECT string_agg(format('rbac.%I', conname), ', ') INTO ours
	FROM pg_constraint
	WHERE connamespace = 'rbac'::regnamespace AND condeferrable;
	-- nothing may be waiting for the new name
	EXECUTE 'SET CONSTRAINTS ' || ours || ' IMMEDIATE';
	EXECUTE 'SET CONSTRAINTS ' || ours || ' DEFERRED';

	CASE kind
		WHEN 'organization' THEN UPDATE rbac.organizations SET name = new WHERE name = old;
		WHEN 'entity_type' THEN UPDATE rbac.entity_types SET name = new WHERE name = old;
		WHEN 'scope' THEN UPDATE rbac.scopes SET name = new WHERE name = old;
		WHEN 'permission_set' THEN UPDATE rbac.permission_sets SET name = new WHERE name = old;
		WHEN 'role' THEN UPDATE rbac.roles SET name = new WHERE name = old;
		WHEN 'team' THEN UPDATE rbac.teams SET name = new WHERE name = old;
		WHEN 'member' THEN UPDATE rbac.members SET member = new WHERE member = old;
	END CASE;
	IF NOT FOUND THEN
		RAISE undefined_object USING MESSAGE = format('%s "%s" does not exist', replace(kind, '_', ' '), old);
	END IF;

	CASE kind
		WHEN 'organization' THEN
			UPDATE rbac.permission_sets SET name = new || substr(name, length(old) + 1) WHERE split_part(name, '/', 1) = old AND name <> old;
			UPDATE rbac.roles SET name = new || substr(name, length(old) + 1) WHERE split_part(name, '/', 1) = old AND name <> old;
			UPDATE rbac.teams SET name = new || substr(name, length(old) + 1) WHERE split_part(name, '/', 1) = old;
			UPDATE rbac.role_rules SET
				role = new || substr(role, length(old) + 1),
				permission_set = CASE WHEN permission_set LIKE '%/%' THEN new || substr(permission_set, length(old) + 1) ELSE permission_set END
				WHERE split_part(role, '/', 1) = old AND role <> old;
			UPDATE rbac.default_roles SET
				organization = new,
				role = CASE WHEN role LIKE '%/%' THEN new || substr(role, length(old) + 1) ELSE role END
				WHERE organization = old;
			UPDATE rbac.members SET
				organization = new,
				role = CASE WHEN role LIKE '%/%' THEN new || substr(role, length(old) + 1) ELSE role END
				WHERE organization = old;
			UPDATE rbac.team_members SET team = new || substr(team, length(old) + 1) WHERE organization = old;
			UPDATE rbac.team_roles SET
				team = new || substr(team, length(old) + 1),
				role = CASE WHEN role LIKE '%/%' THEN new || substr(role, length(old) + 1) ELSE role END
				WHERE split_part(team, '/', 1) = old;
			UPDATE rbac.entities SET organization = new WHERE organization = old;
			UPDATE rbac.entity_grants SET
				team = new || substr(team, length(old) + 1),
				organization = CASE WHEN organization = old THEN new END,
				permission_set = CASE WHEN permission_set LIKE '%/%' THEN new || substr(permission_set, length(old) + 1) ELSE permission_set END
				WHERE organization = old OR split_part(team, '/', 1) = old;
			UPDATE rbac.member_defaults SET
				organization = new,
				permission_set = CASE WHEN permission_set LIKE '%/%' THEN new || substr(permission_set, length(old) + 1) ELSE permission_set END
				WHERE organization = old;
			UPDATE rbac.organization_settings SET organization = new WHERE organization = old;
		WHEN 'entity_type' THEN
			UPDATE rbac.scopes SET entity_type = new WHERE entity_type = old;
			UPDATE rbac.permission_sets SET entity_type = new WHERE entity_type = old;
			UPDATE rbac.entity_type_settings SET entity_type = new WHERE entity_type = old;
			UPDATE rbac.role_rules SET entity_type = new WHERE entity_type = old;
			UPDATE rbac.entities SET entity_type = new WHERE entity_type = old;
			UPDATE rbac.entity_grants SET entity_type = new WHERE entity_type = old;
			UPDATE rbac.member_defaults SET entity_type = new WHERE entity_type = old;
		WHEN 'scope' THEN
			UPDATE rbac.permission_sets SET scopes = (scopes OPERATOR(rbac.-) old_set) OPERATOR(rbac.|) ARRAY[new]::rbac.scopeset
				WHERE scopes OPERATOR(rbac.@>) old_set;
			UPDATE rbac.entity_type_settings SET access_scope = new WHERE access_scope = old;
			UPDATE rbac.organization_settings SET scope = new WHERE scope = old;
		WHEN 'permission_set' THEN
			UPDATE rbac.entity_type_settings SET owner_permission_set = new WHERE owner_permission_set = old;
			UPDATE rbac.role_rules SET permission_set = new WHERE permission_set = old;
			UPDATE rbac.entity_grants SET permission_set = new WHERE permission_set = old;
			UPDATE rbac.member_defaults SET permission_set = new WHERE permission_set = old;
		WHEN 'role' THEN
			UPDATE rbac.role_rules SET role = new WHERE role = old;
			UPDATE rbac.default_roles SET role = new WHERE role = old;
			UPDATE rbac.members SET role = new WHERE role = old;
			UPDATE rbac.team_roles SET role = new WHERE role = old;
		WHEN 'team' THEN
			UPDATE rbac.team_members SET team = new WHERE team = old;
			UPDATE rbac.team_roles SET team = new WHERE team = old;
			UPDATE rbac.entity_grants SET team = new WHERE team = old;
		WHEN 'member' THEN
			UPDATE rbac.team_members SET member = new WHERE member = old;
			UPDATE rbac.entity_grants SET member = new WHERE member = old;
			UPDATE rbac.entities SET owner = new WHERE owner = old;
	END CASE;
	EXECUTE 'SET CONSTRAINTS ' || ours || ' IMMEDIATE';
END
$$;
COMMENT ON FUNCTION rbac_internal.rename_everywhere(text, text, text) IS 'for rename(): changes the name in all tables';
REVOKE EXECUTE ON FUNCTION rbac_internal.rename_everywhere(text, text, text) FROM PUBLIC;

CREATE FUNCTION rbac.rename(kind text, old text, new text) RETURNS void
	AS 'MODULE_PATHNAME', 'rbac_rename' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION rbac.rename(text, text, text) IS 'rename an organization, entity_type, scope, permission_set, role, team or member everywhere in the schema''s tables; takes the privilege to update the table of its kind, and of members role:update (for roles and permission sets) or team:update in its organization; applications'' own tables and policies are not touched';
