/*
 * Invalidation.  These fire first, whatever the replication role, and on a
 * logical subscriber too; nothing else here does.
 */

CREATE FUNCTION rbac.invalidate() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.invalidate() IS 'trigger: tells all backends that what they have cached of these rows is stale; arguments are pairs of a topic and a column';
REVOKE EXECUTE ON FUNCTION rbac.invalidate() FROM PUBLIC;

CREATE TRIGGER "!invalidate" AFTER UPDATE OR DELETE ON rbac.scopes
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('c', '');
ALTER TABLE rbac.scopes ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER INSERT OR UPDATE OR DELETE ON rbac.permission_sets
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('s', 'name');
ALTER TABLE rbac.permission_sets ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER INSERT OR UPDATE OR DELETE ON rbac.entity_type_settings
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('c', '');
ALTER TABLE rbac.entity_type_settings ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER INSERT OR UPDATE OR DELETE ON rbac.roles
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('r', 'name');
ALTER TABLE rbac.roles ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER INSERT OR UPDATE OR DELETE ON rbac.role_rules
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('r', 'role');
ALTER TABLE rbac.role_rules ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER INSERT OR UPDATE OR DELETE ON rbac.members
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('m', 'member');
ALTER TABLE rbac.members ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER INSERT OR UPDATE OR DELETE ON rbac.team_members
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('m', 'member');
ALTER TABLE rbac.team_members ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER INSERT OR UPDATE OR DELETE ON rbac.team_roles
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('t', 'team');
ALTER TABLE rbac.team_roles ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER INSERT OR UPDATE OR DELETE ON rbac.entity_grants
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('t', 'team', 'm', 'member');
ALTER TABLE rbac.entity_grants ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER INSERT OR UPDATE OR DELETE ON rbac.member_defaults
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('g', 'organization');
ALTER TABLE rbac.member_defaults ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER INSERT OR UPDATE OR DELETE ON rbac.organization_settings
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('g', 'organization');
ALTER TABLE rbac.organization_settings ENABLE ALWAYS TRIGGER "!invalidate";

CREATE TRIGGER "!invalidate" AFTER UPDATE OR DELETE ON rbac.entities
	FOR EACH ROW EXECUTE FUNCTION rbac.invalidate('e', 'entity', 'o', 'owner');
ALTER TABLE rbac.entities ENABLE ALWAYS TRIGGER "!invalidate";

-- an entity that nobody knew has nothing to invalidate but its owner's list
CREATE TRIGGER "!invalidate_owner" AFTER INSERT ON rbac.entities
	FOR EACH ROW WHEN (NEW.owner IS NOT NULL) EXECUTE FUNCTION rbac.invalidate('o', 'owner');
ALTER TABLE rbac.entities ENABLE ALWAYS TRIGGER "!invalidate_owner";

/* ---- built-in rows ---- */

CREATE FUNCTION rbac.refuse_builtin() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.refuse_builtin() IS 'trigger: built-in rows are changed and deleted by the extension''s own scripts only; argument: what the others satisfy';
REVOKE EXECUTE ON FUNCTION rbac.refuse_builtin() FROM PUBLIC;

CREATE FUNCTION rbac.refuse_builtin_mark() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.refuse_builtin_mark() IS 'trigger: built-in rows come from the extension''s own scripts only; argument: what the others satisfy';
REVOKE EXECUTE ON FUNCTION rbac.refuse_builtin_mark() FROM PUBLIC;

CREATE TRIGGER builtin_insert BEFORE INSERT ON rbac.entity_types
	FOR EACH ROW WHEN (NEW.builtin) EXECUTE FUNCTION rbac.refuse_builtin_mark('NOT builtin');
CREATE TRIGGER builtin_mark BEFORE UPDATE ON rbac.entity_types
	FOR EACH ROW WHEN (NEW.builtin AND NOT OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin_mark('NOT builtin');
CREATE TRIGGER builtin_update BEFORE UPDATE ON rbac.entity_types
	FOR EACH ROW WHEN (OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');
CREATE TRIGGER builtin_delete BEFORE DELETE ON rbac.entity_types
	FOR EACH ROW WHEN (OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');
CREATE TRIGGER builtin_truncate BEFORE TRUNCATE ON rbac.entity_types
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');

CREATE TRIGGER builtin_insert BEFORE INSERT ON rbac.scopes
	FOR EACH ROW WHEN (NEW.builtin) EXECUTE FUNCTION rbac.refuse_builtin_mark('NOT builtin');
CREATE TRIGGER builtin_mark BEFORE UPDATE ON rbac.scopes
	FOR EACH ROW WHEN (NEW.builtin AND NOT OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin_mark('NOT builtin');
CREATE TRIGGER builtin_update BEFORE UPDATE ON rbac.scopes
	FOR EACH ROW WHEN (OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');
CREATE TRIGGER builtin_delete BEFORE DELETE ON rbac.scopes
	FOR EACH ROW WHEN (OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');
CREATE TRIGGER builtin_truncate BEFORE TRUNCATE ON rbac.scopes
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');

CREATE TRIGGER builtin_insert BEFORE INSERT ON rbac.permission_sets
	FOR EACH ROW WHEN (NEW.builtin) EXECUTE FUNCTION rbac.refuse_builtin_mark('NOT builtin');
CREATE TRIGGER builtin_mark BEFORE UPDATE ON rbac.permission_sets
	FOR EACH ROW WHEN (NEW.builtin AND NOT OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin_mark('NOT builtin');
CREATE TRIGGER builtin_update BEFORE UPDATE ON rbac.permission_sets
	FOR EACH ROW WHEN (OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');
CREATE TRIGGER builtin_delete BEFORE DELETE ON rbac.permission_sets
	FOR EACH ROW WHEN (OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');
CREATE TRIGGER builtin_truncate BEFORE TRUNCATE ON rbac.permission_sets
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');

CREATE TRIGGER builtin_insert BEFORE INSERT ON rbac.roles
	FOR EACH ROW WHEN (NEW.builtin) EXECUTE FUNCTION rbac.refuse_builtin_mark('NOT builtin');
CREATE TRIGGER builtin_mark BEFORE UPDATE ON rbac.roles
	FOR EACH ROW WHEN (NEW.builtin AND NOT OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin_mark('NOT builtin');
CREATE TRIGGER builtin_update BEFORE UPDATE ON rbac.roles
	FOR EACH ROW WHEN (OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');
CREATE TRIGGER builtin_delete BEFORE DELETE ON rbac.roles
	FOR EACH ROW WHEN (OLD.builtin) EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');
CREATE TRIGGER builtin_truncate BEFORE TRUNCATE ON rbac.roles
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_builtin('NOT builtin');

CREATE TRIGGER builtin_insert BEFORE INSERT ON rbac.role_rules
	FOR EACH ROW WHEN (NEW.id < 0) EXECUTE FUNCTION rbac.refuse_builtin_mark('id >= 0');
CREATE TRIGGER builtin_mark BEFORE UPDATE ON rbac.role_rules
	FOR EACH ROW WHEN (NEW.id < 0 AND OLD.id >= 0) EXECUTE FUNCTION rbac.refuse_builtin_mark('id >= 0');
CREATE TRIGGER builtin_update BEFORE UPDATE ON rbac.role_rules
	FOR EACH ROW WHEN (OLD.id < 0) EXECUTE FUNCTION rbac.refuse_builtin('id >= 0');
CREATE TRIGGER builtin_delete BEFORE DELETE ON rbac.role_rules
	FOR EACH ROW WHEN (OLD.id < 0) EXECUTE FUNCTION rbac.refuse_builtin('id >= 0');
CREATE TRIGGER builtin_truncate BEFORE TRUNCATE ON rbac.role_rules
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_builtin('id >= 0');

/* ---- what can be left out ---- */

CREATE FUNCTION rbac.fill_entity_type() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.fill_entity_type() IS 'trigger: takes the entity type from the permission set';
REVOKE EXECUTE ON FUNCTION rbac.fill_entity_type() FROM PUBLIC;

CREATE TRIGGER fill_entity_type_insert BEFORE INSERT ON rbac.role_rules
	FOR EACH ROW WHEN (NEW.entity_type IS NULL) EXECUTE FUNCTION rbac.fill_entity_type();
CREATE TRIGGER fill_entity_type_update BEFORE UPDATE OF permission_set ON rbac.role_rules
	FOR EACH ROW WHEN (NEW.permission_set <> OLD.permission_set AND NEW.entity_type = OLD.entity_type)
	EXECUTE FUNCTION rbac.fill_entity_type();
CREATE TRIGGER fill_entity_type_insert BEFORE INSERT ON rbac.entity_grants
	FOR EACH ROW WHEN (NEW.entity_type IS NULL) EXECUTE FUNCTION rbac.fill_entity_type();
CREATE TRIGGER fill_entity_type_update BEFORE UPDATE OF permission_set ON rbac.entity_grants
	FOR EACH ROW WHEN (NEW.permission_set <> OLD.permission_set AND NEW.entity_type = OLD.entity_type)
	EXECUTE FUNCTION rbac.fill_entity_type();
CREATE TRIGGER fill_entity_type_insert BEFORE INSERT ON rbac.member_defaults
	FOR EACH ROW WHEN (NEW.entity_type IS NULL) EXECUTE FUNCTION rbac.fill_entity_type();
CREATE TRIGGER fill_entity_type_update BEFORE UPDATE OF permission_set ON rbac.member_defaults
	FOR EACH ROW WHEN (NEW.permission_set <> OLD.permission_set AND NEW.entity_type = OLD.entity_type)
	EXECUTE FUNCTION rbac.fill_entity_type();

CREATE FUNCTION rbac.fill_role() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.fill_role() IS 'trigger: gives a new member the organization''s default role, or Member';
REVOKE EXECUTE ON FUNCTION rbac.fill_role() FROM PUBLIC;
CREATE TRIGGER fill_role BEFORE INSERT ON rbac.members
	FOR EACH ROW WHEN (NEW.role IS NULL) EXECUTE FUNCTION rbac.fill_role();

/* ---- constraints ---- */

CREATE FUNCTION rbac.refuse_kind_change() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.refuse_kind_change() IS 'trigger: the kind of a member is fixed';
REVOKE EXECUTE ON FUNCTION rbac.refuse_kind_change() FROM PUBLIC;
CREATE TRIGGER kind_fixed BEFORE UPDATE OF kind ON rbac.members
	FOR EACH ROW WHEN (NEW.kind <> OLD.kind) EXECUTE FUNCTION rbac.refuse_kind_change();

CREATE FUNCTION rbac.check_token_teams() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.check_token_teams() IS 'trigger: organization tokens are in no team, team tokens in at most one';
REVOKE EXECUTE ON FUNCTION rbac.check_token_teams() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER team_members_tokens AFTER INSERT OR UPDATE OF team, member ON rbac.team_members
	DEFERRABLE FOR EACH ROW EXECUTE FUNCTION rbac.check_token_teams();

CREATE CONSTRAINT TRIGGER members_tokens AFTER INSERT OR UPDATE OF organization, member ON rbac.members
	DEFERRABLE FOR EACH ROW WHEN (NEW.kind <> 'user') EXECUTE FUNCTION rbac.check_token_teams();

CREATE FUNCTION rbac.check_permission_set() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.check_permission_set() IS 'trigger: a permission set holds registered scopes of its own entity type';
REVOKE EXECUTE ON FUNCTION rbac.check_permission_set() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER permission_sets_scopes AFTER INSERT OR UPDATE OF scopes, entity_type ON rbac.permission_sets
	DEFERRABLE FOR EACH ROW EXECUTE FUNCTION rbac.check_permission_set();

CREATE FUNCTION rbac.check_scope() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.check_scope() IS 'trigger: a scope that a permission set holds is not deleted, renamed by hand, or of another entity type';
REVOKE EXECUTE ON FUNCTION rbac.check_scope() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER scopes_permission_sets AFTER DELETE OR UPDATE OF name, entity_type ON rbac.scopes
	DEFERRABLE FOR EACH ROW EXECUTE FUNCTION rbac.check_scope();

CREATE FUNCTION rbac.check_new_scopes() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.check_new_scopes() IS 'trigger: scopes that permission sets of another entity type hold already are refused; one may be while a dump is loaded, which brings the sets first';
REVOKE EXECUTE ON FUNCTION rbac.check_new_scopes() FROM PUBLIC;
CREATE TRIGGER scopes_permission_sets_insert AFTER INSERT ON rbac.scopes
	REFERENCING NEW TABLE AS new_scopes FOR EACH STATEMENT EXECUTE FUNCTION rbac.check_new_scopes();

/* ---- the registry ---- */

CREATE FUNCTION rbac.skip_registered() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.skip_registered() IS 'trigger: registering an entity as it is already registered does nothing';
REVOKE EXECUTE ON FUNCTION rbac.skip_registered() FROM PUBLIC;
-- after it has been found that the caller may write the row, in policies.sql
CREATE TRIGGER "~skip_registered" BEFORE INSERT ON rbac.entities
	FOR EACH ROW EXECUTE FUNCTION rbac.skip_registered();

CREATE FUNCTION rbac.drop_entity_grants() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.drop_entity_grants() IS 'trigger: an entity that is deleted, or moved to another organization, takes the grants and direct rules that name it along';
REVOKE EXECUTE ON FUNCTION rbac.drop_entity_grants() FROM PUBLIC;
CREATE TRIGGER drop_grants_delete AFTER DELETE ON rbac.entities
	FOR EACH ROW EXECUTE FUNCTION rbac.drop_entity_grants();
CREATE TRIGGER drop_grants_update AFTER UPDATE OF organization, entity_type, entity ON rbac.entities
	FOR EACH ROW EXECUTE FUNCTION rbac.drop_entity_grants();

CREATE FUNCTION rbac.drop_all_entity_grants() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.drop_all_entity_grants() IS 'trigger: the same for TRUNCATE';
REVOKE EXECUTE ON FUNCTION rbac.drop_all_entity_grants() FROM PUBLIC;
CREATE TRIGGER drop_grants_truncate AFTER TRUNCATE ON rbac.entities
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.drop_all_entity_grants();

/* ---- members' names, which are no keys of entities' owners ---- */

CREATE FUNCTION rbac.share_member_names() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.share_member_names() IS 'trigger: no member is renamed until the transaction ends';
REVOKE EXECUTE ON FUNCTION rbac.share_member_names() FROM PUBLIC;
CREATE TRIGGER share_names BEFORE INSERT OR UPDATE OR DELETE ON rbac.members
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.share_member_names();
CREATE TRIGGER share_names BEFORE INSERT OR UPDATE OR DELETE ON rbac.entities
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.share_member_names();

/* ---- organizations ---- */

CREATE FUNCTION rbac.empty_organization() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.empty_organization() IS 'trigger: an organization that is deleted takes all along but its entities, which must go first';
REVOKE EXECUTE ON FUNCTION rbac.empty_organization() FROM PUBLIC;
CREATE TRIGGER empty_organization BEFORE DELETE ON rbac.organizations
	FOR EACH ROW EXECUTE FUNCTION rbac.empty_organization();

/* ---- dumps: all rows but the built-in ones ---- */

SELECT pg_catalog.pg_extension_config_dump('rbac.organizations', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.entity_types', 'WHERE NOT builtin');
SELECT pg_catalog.pg_extension_config_dump('rbac.scopes', 'WHERE NOT builtin');
SELECT pg_catalog.pg_extension_config_dump('rbac.permission_sets', 'WHERE NOT builtin');
SELECT pg_catalog.pg_extension_config_dump('rbac.entity_type_settings', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.roles', 'WHERE NOT builtin');
SELECT pg_catalog.pg_extension_config_dump('rbac.default_roles', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.role_rules', 'WHERE id >= 0');
SELECT pg_catalog.pg_extension_config_dump('rbac.role_rules_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.members', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.teams', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.team_members', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.team_roles', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.entities', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.entity_grants', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.entity_grants_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.member_defaults', '');
SELECT pg_catalog.pg_extension_config_dump('rbac.organization_settings', '');
