/*
 * The audit log: who changed what, and when.  It is written by triggers, right
 * after those that announce the change; by nothing else, unless a dump is loaded.
 */

CREATE TABLE rbac.audit_log (
	id             bigint GENERATED ALWAYS AS IDENTITY,
	changed_at     timestamptz NOT NULL,
	transaction_id xid8 NOT NULL,
	member         text COLLATE "C",
	login          text COLLATE "C",
	table_name     text COLLATE "C" NOT NULL,
	command        text COLLATE "C" NOT NULL,
	organization   text COLLATE "C",
	old_row        jsonb,
	new_row        jsonb,
	CONSTRAINT audit_log_pkey PRIMARY KEY (id)
);
-- no CHECK: it would be prepared anew for each row
CREATE INDEX audit_log_organization_idx ON rbac.audit_log (organization, id);
CREATE INDEX audit_log_changed_at_idx ON rbac.audit_log USING brin (changed_at);
COMMENT ON TABLE rbac.audit_log IS 'every change of the other tables, but the registering of entities: who made it, when, the row before and after; append-only; switched off by the setting rbac.audit. Members with audit_logs:read see the rows of their organization, those with audit_logs:export in some organization the rows of none';
COMMENT ON COLUMN rbac.audit_log.id IS 'the order of the changes of a transaction; others may commit in another order';
COMMENT ON COLUMN rbac.audit_log.changed_at IS 'the beginning of the client''s statement';
COMMENT ON COLUMN rbac.audit_log.transaction_id IS 'as pg_current_xact_id() had it';
COMMENT ON COLUMN rbac.audit_log.member IS 'the member who was acting, as current_member() had it; NULL: nobody';
COMMENT ON COLUMN rbac.audit_log.login IS 'the session_user';
COMMENT ON COLUMN rbac.audit_log.command IS 'what happened to the row: INSERT, UPDATE, DELETE; or TRUNCATE, of the table';
COMMENT ON COLUMN rbac.audit_log.organization IS 'of the row; NULL: of none, that is, shared by all. A row that goes to another organization is logged twice: where it was with old_row, where it is with new_row';
COMMENT ON COLUMN rbac.audit_log.old_row IS 'as it was, NULL for INSERT; jsonb_populate_record() makes a row of it';
COMMENT ON COLUMN rbac.audit_log.new_row IS 'as it is, NULL for DELETE';

/* ---- what is logged ---- */

CREATE FUNCTION rbac.log_change() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.log_change() IS 'trigger: logs the change of a row; arguments: the column that holds its organization, and the one whose name begins with it';
REVOKE EXECUTE ON FUNCTION rbac.log_change() FROM PUBLIC;

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.organizations
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('name', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.organizations
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.entity_types
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.entity_types
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.scopes
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.scopes
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.permission_sets
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('organization', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.permission_sets
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.entity_type_settings
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.entity_type_settings
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.roles
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('organization', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.roles
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.default_roles
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('organization', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.default_roles
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.role_rules
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('', 'role');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.role_rules
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.members
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('organization', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.members
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.teams
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('organization', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.teams
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.team_members
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('organization', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.team_members
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.team_roles
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('', 'team');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.team_roles
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

-- to register an entity is an application's everyday business, and grants nothing
-- but what was granted before
CREATE TRIGGER "!log" AFTER UPDATE OR DELETE ON rbac.entities
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('organization', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.entities
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.entity_grants
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('organization', 'team');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.entity_grants
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.member_defaults
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('organization', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.member_defaults
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

CREATE TRIGGER "!log" AFTER INSERT OR UPDATE OR DELETE ON rbac.organization_settings
	FOR EACH ROW EXECUTE FUNCTION rbac.log_change('organization', '');
CREATE TRIGGER log_truncate AFTER TRUNCATE ON rbac.organization_settings
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.log_change();

/* ---- append-only ---- */

CREATE FUNCTION rbac.guard_audit_log() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.guard_audit_log() IS 'trigger: refuses to insert into the audit log unless a dump is loaded, to update it, and to delete from it but for those whom its policies do not apply to, while rbac.audit is off';
REVOKE EXECUTE ON FUNCTION rbac.guard_audit_log() FROM PUBLIC;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.audit_log
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.guard_audit_log();

/* ---- who may read it, with the privilege to ---- */

CREATE FUNCTION rbac.has_scope_anywhere(scope rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION rbac.has_scope_anywhere(rbac.scope) IS 'does the member that is asking hold the scope in any organization, on the organization or on all entities? for what belongs to no organization';

ALTER TABLE rbac.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON rbac.audit_log FOR SELECT
	USING (rbac.has_scope(organization, 'audit_logs:read')
		   OR (organization IS NULL AND rbac.has_scope_anywhere('audit_logs:export')));
COMMENT ON POLICY see ON rbac.audit_log IS 'audit_logs:read in the organization; rows of none: audit_logs:export in some organization';

SELECT pg_catalog.pg_extension_config_dump('rbac.audit_log', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.audit_log_id_seq', '');

/* ---- who gains and loses what by a transaction ---- */

/*
 * Whom the transaction's changes may concern.  A member has something by a chain of
 * rows.  The changed row of it that is nearest to the member leads to what
 * comes before it in the chain, from where the way to the member is as it was.
 */
CREATE FUNCTION rbac_internal.changed_members(first_id bigint, OUT organization text, OUT member text) RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH log AS MATERIALIZED (
		SELECT table_name, old_row, new_row
		FROM rbac.audit_log
		WHERE id >= first_id AND transaction_id = pg_current_xact_id_if_assigned()
	), touched AS MATERIALIZED (
		SELECT table_name, this, other, x.*
		FROM log, LATERAL (VALUES (old_row, new_row), (new_row, old_row)) AS v (this, other),
			LATERAL jsonb_to_record(this) AS x (name text COLLATE "C", organization text COLLATE "C", role text COLLATE "C",
				team text COLLATE "C", member text COLLATE "C", owner text COLLATE "C", entity_type text COLLATE "C", entity text COLLATE "C")
		WHERE this IS NOT NULL
	), sets AS (
		SELECT DISTINCT name AS permission_set FROM touched WHERE table_name = 'permission_sets'
	), entities AS (	-- other than by their owner; 1 = 1.0, and conditions can tell
		SELECT DISTINCT organization, entity_type, entity
		FROM touched
		WHERE table_name = 'entities' AND (this - 'owner')::text IS DISTINCT FROM (other - 'owner')::text
	), moved AS (
		SELECT e.organization AS old, r.organization AS new
		FROM entities e JOIN rbac.entities r USING (entity_type, entity)
		WHERE e.organization <> r.organization
	), roles AS (	-- an organization: only there
		SELECT name AS role, NULL::text COLLATE "C" AS organization FROM touched WHERE table_name = 'roles'
		UNION
		SELECT role, NULL FROM touched WHERE table_name = 'role_rules'
		UNION
		SELECT role, NULL FROM rbac.role_rules JOIN sets USING (permission_set)
		UNION
		SELECT name, NULL FROM rbac.roles WHERE all_scopes AND EXISTS (SELECT FROM touched WHERE table_name = 'scopes')
		UNION
		SELECT role, organization FROM (SELECT DISTINCT organization, entity_type FROM entities) e JOIN rbac.role_rules USING (entity_type)
		WHERE condition IS NOT NULL AND COALESCE(NULLIF(split_part(role, '/', 1), role), organization) = organization
	), teams AS (
		SELECT team FROM touched WHERE table_name IN ('team_roles', 'entity_grants')
		UNION
		SELECT team FROM rbac.team_roles t JOIN roles r USING (role)
		WHERE COALESCE(r.organization, split_part(team, '/', 1)) = split_part(team, '/', 1)
		UNION
		SELECT team FROM rbac.entity_grants JOIN sets USING (permission_set)
	), organizations AS (	-- all of whose members are concerned
		SELECT organization FROM touched WHERE table_name = 'organization_settings'
		UNION
		SELECT old FROM moved
		UNION
		SELECT new FROM moved
	), defaults AS (	-- those whose role is Member
		SELECT organization FROM touched WHERE table_name = 'member_defaults'
		UNION
		SELECT organization FROM rbac.member_defaults JOIN sets USING (permission_set)
	), owned_types AS (
		SELECT entity_type FROM touched WHERE table_name = 'entity_type_settings'
		UNION
		SELECT entity_type FROM rbac.entity_type_settings JOIN sets ON owner_permission_set = permission_set
	)
	SELECT organization, member FROM touched WHERE member IS NOT NULL
	UNION
	SELECT organization, owner FROM touched WHERE owner IS NOT NULL
	UNION
	SELECT m.organization, member FROM rbac.members m JOIN roles r USING (role)
	WHERE COALESCE(r.organization, m.organization) = m.organization
	UNION
	SELECT organization, member FROM rbac.team_members JOIN teams USING (team)
	UNION
	SELECT organization, member FROM rbac.entity_grants JOIN sets USING (permission_set) WHERE member IS NOT NULL
	UNION
	SELECT organization, member FROM rbac.members JOIN organizations USING (organization)
	UNION
	SELECT organization, member FROM rbac.members JOIN defaults USING (organization) WHERE role = 'Member'
	UNION
	SELECT organization, owner FROM rbac.entities JOIN owned_types USING (entity_type) WHERE owner IS NOT NULL
	ORDER BY 1, 2
$$;
COMMENT ON FUNCTION rbac_internal.changed_members(bigint) IS 'for access_changes: the members whose access may have been changed by what this transaction has logged, from this row of the audit log on';
REVOKE EXECUTE ON FUNCTION rbac_internal.changed_members(bigint) FROM PUBLIC;

CREATE FUNCTION rbac_internal.changed_entities(first_id bigint, organization text, OUT entity_type text, OUT entity text) RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH touched AS MATERIALIZED (
		SELECT l.organization, x.entity_type, x.entity
		FROM rbac.audit_log l, LATERAL (VALUES (old_row), (new_row)) AS v (r),
			LATERAL jsonb_to_record(r) AS x (entity_type text COLLATE "C", entity text COLLATE "C")
		WHERE id >= first_id AND transaction_id = pg_current_xact_id_if_assigned() AND table_name = 'entities' AND r IS NOT NULL
	)
	SELECT t.entity_type, t.entity FROM touched t WHERE t.organization = changed_entities.organization
	UNION	-- where it is now, it may have been registered anew
	SELECT e.entity_type, e.entity FROM touched t JOIN rbac.entities e USING (entity_type, entity)
	WHERE e.organization = changed_entities.organization
$$;
COMMENT ON FUNCTION rbac_internal.changed_entities(bigint, text) IS 'for access_changes: the entities that are or were in an organization and whose rows have been changed';
REVOKE EXECUTE ON FUNCTION rbac_internal.changed_entities(bigint, text) FROM PUBLIC;

CREATE FUNCTION rbac.access_changes(max_rows bigint DEFAULT 1000,
		OUT organization text, OUT member text, OUT entity_type text, OUT entity text, OUT condition jsonpath,
		OUT gained rbac.scopeset, OUT lost rbac.scopeset)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000 ROWS 100;
COMMENT ON FUNCTION rbac.access_changes(bigint) IS 'who gains and loses which scopes by what this transaction has done so far: on one entity; or without an entity on those whose tags satisfy a condition, or without that either on all of the type. What is held in a wider way before and after is left out; that something lost is still held in a narrower way is not said. At most max_rows rows (NULL: all), and if there are more, a last one that is all NULL, and a notice. About others only with org_member:read in the organization, or as a role that sees all rows. Newly registered entities are not looked at';
