/*
 * Members govern themselves.
 *
 * Policies say which rows the current member sees; a trigger decides who may write
 * what (authorize.c).  Both are for roles that have been granted privileges on the
 * tables, and not for the tables' owner, superusers and roles with BYPASSRLS.
 */

CREATE FUNCTION rbac.is_my_organization(organization text) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION rbac.is_my_organization(text) IS 'is the current member a member of the organization, not expired?';

CREATE FUNCTION rbac.my_organizations() RETURNS text[]
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION rbac.my_organizations() IS 'the organizations that the current member is a member of, not expired';

CREATE FUNCTION rbac.is_my_role(role text) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION rbac.is_my_role(text) IS 'does the current member hold the role, as their own or by a team?';

CREATE FUNCTION rbac.is_my_team(team text) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION rbac.is_my_team(text) IS 'is the current member in the team, or has all scopes in its organization?';

CREATE FUNCTION rbac.is_team_admin(team text) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION rbac.is_team_admin(text) IS 'is the current member an admin of the team, or has all scopes in its organization?';

CREATE FUNCTION rbac.may_manage_access(organization text, entity_type text, entity text) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION rbac.may_manage_access(text, text, text) IS 'may the current member manage access to the entity, that is, do they hold the access_scope of its type there? If it is not registered in the organization: on all of the type';

CREATE FUNCTION rbac.authorize() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.authorize() IS 'trigger: may the current member write this row? It takes the scope that is named for that, and holding whatever the row gives';
REVOKE EXECUTE ON FUNCTION rbac.authorize() FROM PUBLIC;

/* ---- what members see, and where they may try to write ---- */

-- what all organizations share; nobody writes it to whom policies apply
CREATE POLICY visible ON rbac.entity_types USING (true) WITH CHECK (false);
CREATE POLICY visible ON rbac.scopes USING (true) WITH CHECK (false);
CREATE POLICY visible ON rbac.entity_type_settings USING (true) WITH CHECK (false);

CREATE POLICY visible ON rbac.organizations USING (rbac.is_my_organization(name)) WITH CHECK (rbac.is_my_organization(name));
CREATE POLICY visible ON rbac.default_roles USING (rbac.is_my_organization(organization)) WITH CHECK (rbac.is_my_organization(organization));
CREATE POLICY visible ON rbac.member_defaults USING (rbac.is_my_organization(organization)) WITH CHECK (rbac.is_my_organization(organization));
CREATE POLICY visible ON rbac.organization_settings USING (rbac.is_my_organization(organization)) WITH CHECK (rbac.is_my_organization(organization));

CREATE POLICY visible ON rbac.members
	USING (member = rbac.current_member()
		OR rbac.has_scope(organization, 'org_member:read')
		OR kind = 'organization_token' AND rbac.has_scope(organization, 'org_token:read')
		OR kind = 'team_token' AND rbac.has_scope(organization, 'team:list_tokens'))
	WITH CHECK (rbac.is_my_organization(organization));

CREATE POLICY visible ON rbac.teams
	USING (rbac.is_my_team(name)
		OR rbac.has_scope(organization, 'team:read')
		OR rbac.has_scope(organization, 'team:list'))
	WITH CHECK (rbac.is_my_organization(organization));
CREATE POLICY visible ON rbac.team_members
	USING (member = rbac.current_member()
		OR rbac.has_scope(organization, 'team:read')
		OR rbac.is_team_admin(team))
	WITH CHECK (rbac.is_my_organization(organization));
CREATE POLICY visible ON rbac.team_roles
	USING (rbac.is_my_team(team)
		OR rbac.has_scope(split_part(team, '/', 1), 'team:read'))
	WITH CHECK (rbac.is_my_organization(split_part(team, '/', 1)));

CREATE POLICY visible ON rbac.roles
	USING (organization IS NULL
		OR rbac.has_scope(organization, 'role:read')
		OR rbac.is_my_role(name))
	WITH CHECK (rbac.is_my_organization(organization));
CREATE POLICY visible ON rbac.role_rules
	USING (strpos(role, '/') = 0
		OR rbac.has_scope(split_part(role, '/', 1), 'role:read')
		OR rbac.is_my_role(role))
	WITH CHECK (rbac.is_my_organization(split_part(role, '/', 1)));

CREATE POLICY visible ON rbac.entity_grants
	USING (member = rbac.current_member()
		OR rbac.is_my_team(team)
		OR rbac.has_scope(organization, 'org_member:read')
		OR rbac.has_scope(split_part(team, '/', 1), 'team:read')
		OR rbac.may_manage_access(COALESCE(organization, split_part(team, '/', 1)), entity_type, entity))
	WITH CHECK (rbac.is_my_organization(COALESCE(organization, split_part(team, '/', 1))));
-- the organizations are asked for once, and an index finds their rows; a row that was waited for may have
-- come to another one, which the owner has left meanwhile
CREATE POLICY visible ON rbac.entities
	USING (organization = ANY ((SELECT rbac.my_organizations())::text[])
		AND (owner = rbac.current_member() AND rbac.is_my_organization(organization)
			OR rbac.may_manage_access(organization, entity_type, entity)))
	WITH CHECK (rbac.is_my_organization(organization));

-- of an organization's sets, those that are used by what one sees
CREATE POLICY visible ON rbac.permission_sets
	USING (organization IS NULL
		OR rbac.has_scope(organization, 'role:read')
		OR EXISTS (SELECT FROM rbac.role_rules r WHERE r.permission_set = name)
		OR EXISTS (SELECT FROM rbac.entity_grants g WHERE g.permission_set = name)
		OR EXISTS (SELECT FROM rbac.member_defaults d WHERE d.permission_set = name))
	WITH CHECK (rbac.is_my_organization(organization));

ALTER TABLE rbac.organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.entity_types ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.scopes ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.permission_sets ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.entity_type_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.default_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.role_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.members ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.teams ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.team_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.team_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.entities ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.entity_grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.member_defaults ENABLE ROW LEVEL SECURITY;
ALTER TABLE rbac.organization_settings ENABLE ROW LEVEL SECURITY;

/* ---- what members write ---- */

CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.organizations
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.organizations
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.organizations
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.entity_types
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.entity_types
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE TRUNCATE ON rbac.entity_types
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.scopes
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.scopes
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE TRUNCATE ON rbac.scopes
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.permission_sets
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.permission_sets
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.permission_sets
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.entity_type_settings
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.entity_type_settings
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE TRUNCATE ON rbac.entity_type_settings
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.roles
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.roles
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.roles
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.default_roles
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.default_roles
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.default_roles
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.role_rules
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.role_rules
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.role_rules
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.members
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.members
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.members
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.teams
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.teams
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.teams
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.team_members
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.team_members
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.team_members
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.team_roles
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.team_roles
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.team_roles
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.entities
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.entities
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.entities
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.entity_grants
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.entity_grants
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.entity_grants
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.member_defaults
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.member_defaults
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.member_defaults
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "~authorize" BEFORE INSERT OR UPDATE ON rbac.organization_settings
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize" BEFORE DELETE ON rbac.organization_settings
	FOR EACH ROW EXECUTE FUNCTION rbac.authorize();
CREATE TRIGGER "!authorize_statement" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.organization_settings
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.authorize();
