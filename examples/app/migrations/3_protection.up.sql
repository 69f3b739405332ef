-- Who sees and does what.  There is no other authorization code, here or in the services.

-- Folders are made by those who may write the project, and documents by those who may write the folder.
CREATE POLICY in_project ON folders FOR INSERT
	WITH CHECK (rbac.has_scope(project, 'project:write') AND owner = rbac.current_member());
CREATE POLICY in_folder ON documents FOR INSERT
	WITH CHECK (rbac.has_scope(folder, 'folder:write') AND owner = rbac.current_member());

-- Nothing is inherited unless a policy says so: access to a folder is access to its documents.
-- Policies add up, so a document can be shared by itself, too; and an index on folder, as on tenant, serves both.
CREATE POLICY read_in_folder ON documents FOR SELECT USING (rbac.has_scope(folder, 'folder:read'));
CREATE POLICY write_in_folder ON documents FOR UPDATE USING (rbac.has_scope(folder, 'folder:write'));

SELECT rbac.protect('tenants', 'organization', 'id', 'id', register => false,
	select_scope => 'tenant:read', update_scope => 'tenant:update');
SELECT rbac.protect('projects', 'project', 'id', 'tenant', 'owner', insert_scope => 'project:create',
	select_scope => 'project:read', update_scope => 'project:write', delete_scope => 'project:delete');
SELECT rbac.protect('folders', 'folder', 'id', 'tenant', 'owner',
	select_scope => 'folder:read', update_scope => 'folder:write', delete_scope => 'folder:delete');
SELECT rbac.protect('documents', 'document', 'id', 'tenant', 'owner',
	select_scope => 'document:read', update_scope => 'document:write', delete_scope => 'document:delete');

-- UPDATE not of the columns that decide about access: a document moved to another folder would be shown to others.
GRANT SELECT, UPDATE (name) ON tenants TO app;
GRANT SELECT, INSERT, DELETE, UPDATE (name) ON projects, folders TO app;
GRANT SELECT, INSERT, DELETE, UPDATE (title, body) ON documents TO app;

-- Members, teams and sharing: these tables have policies of their own.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rbac TO app;
