-- Once per server, by a superuser: roles belong to no database.

-- The login of the services.  It says on whose behalf it asks, and is nobody until then.
CREATE ROLE app LOGIN;
GRANT SET ON PARAMETER rbac.member TO app;

-- Owns what has to look past the policies, such as the function that makes a tenant.
CREATE ROLE app_service NOLOGIN BYPASSRLS;
