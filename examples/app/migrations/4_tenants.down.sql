DROP FUNCTION create_tenant;
REVOKE ALL ON tenants, rbac.organizations, rbac.default_roles, rbac.members FROM app_service;
