-- Anybody who has signed in may make a tenant, and is its admin.  Nobody else can make one, nor this in
-- another way: who owns the function is subject to no policy, and has these privileges only.
CREATE FUNCTION create_tenant(name text) RETURNS tenants
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	tenant public.tenants;
BEGIN
	IF rbac.current_member() IS NULL THEN
		RAISE insufficient_privilege USING MESSAGE = 'sign in to make a tenant';
	END IF;
	INSERT INTO public.tenants (name) VALUES (create_tenant.name) RETURNING * INTO tenant;
	INSERT INTO rbac.organizations (name) VALUES (tenant.id);
	INSERT INTO rbac.default_roles (organization, role) VALUES (tenant.id, 'viewer');
	INSERT INTO rbac.members (organization, member, role) VALUES (tenant.id, rbac.current_member(), 'admin');
	RETURN tenant;
END
$$;

GRANT SELECT, INSERT ON tenants, rbac.organizations, rbac.default_roles, rbac.members TO app_service;
ALTER FUNCTION create_tenant OWNER TO app_service;
REVOKE EXECUTE ON FUNCTION create_tenant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_tenant TO app;
