-- What there is to protect, what can be done with it, and who usually may.
CREATE EXTENSION rbac;

INSERT INTO rbac.entity_types (name) VALUES ('project'), ('folder'), ('document');

-- What is done to a thing takes a scope of its type; what is about a tenant as a whole one of type organization.
INSERT INTO rbac.scopes (name, entity_type) VALUES
	('tenant:read', 'organization'), ('tenant:update', 'organization'), ('project:create', 'organization'),
	('project:read', 'project'), ('project:write', 'project'), ('project:delete', 'project'), ('project:share', 'project'),
	('folder:read', 'folder'), ('folder:write', 'folder'), ('folder:delete', 'folder'), ('folder:share', 'folder'),
	('document:read', 'document'), ('document:write', 'document'), ('document:delete', 'document'), ('document:share', 'document');

INSERT INTO rbac.permission_sets (name, entity_type, scopes) VALUES
	('Tenant Read', 'organization', '{tenant:read, org_member:read, team:read, role:read}'),
	('Tenant Write', 'organization', '{tenant:read, org_member:read, team:read, role:read, project:create}'),
	('Project Read', 'project', '{project:read}'),
	('Project Write', 'project', '{project:read, project:write}'),
	('Project Owner', 'project', '{project:read, project:write, project:delete, project:share}'),
	('Folder Read', 'folder', '{folder:read}'),
	('Folder Write', 'folder', '{folder:read, folder:write}'),
	('Folder Owner', 'folder', '{folder:read, folder:write, folder:delete, folder:share}'),
	('Document Read', 'document', '{document:read}'),
	('Document Write', 'document', '{document:read, document:write}'),
	('Document Owner', 'document', '{document:read, document:write, document:delete, document:share}');

-- What owners have, and what it takes to share.
INSERT INTO rbac.entity_type_settings (entity_type, owner_permission_set, access_scope) VALUES
	('project', 'Project Owner', 'project:share'),
	('folder', 'Folder Owner', 'folder:share'),
	('document', 'Document Owner', 'document:share');

-- Names without a slash: the same roles for all tenants.  A guest sees what is shared with them.
INSERT INTO rbac.roles (name, all_scopes) VALUES ('admin', true), ('editor', false), ('viewer', false), ('guest', false);
INSERT INTO rbac.role_rules (role, permission_set) VALUES
	('editor', 'Tenant Write'), ('editor', 'Project Write'), ('editor', 'Folder Write'), ('editor', 'Document Write'),
	('viewer', 'Tenant Read'), ('viewer', 'Project Read'), ('viewer', 'Folder Read'), ('viewer', 'Document Read'),
	('guest', 'Tenant Read');
