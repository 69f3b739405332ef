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
