-- Once per server, by a superuser: roles belong to no database.

-- The login of the app.  It says on whose behalf it asks, and is nobody until then.
CREATE ROLE app LOGIN;
GRANT SET ON PARAMETER rbac.member TO app;

-- Owns the one function that looks past the policies: see 4_tenants.
CREATE ROLE app_service BYPASSRLS;
