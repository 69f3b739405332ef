-- What is registered stays, and so does what was shared.
REVOKE ALL ON ALL TABLES IN SCHEMA rbac FROM app;
REVOKE ALL ON tenants, projects, folders, documents FROM app;
DROP POLICY write_in_folder ON documents;
DROP POLICY read_in_folder ON documents;
DROP POLICY in_folder ON documents;
DROP POLICY in_project ON folders;
SELECT rbac.unprotect(t) FROM unnest('{tenants, projects, folders, documents}'::regclass[]) AS t;
