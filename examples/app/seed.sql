-- Two tenants to try things with, made as the app makes them: by its login, on behalf of members.
BEGIN;
SELECT rbac.act_as('alice');
SELECT id AS tenant FROM create_tenant('Acme') \gset
INSERT INTO rbac.members (organization, member, role) VALUES (:'tenant', 'erin', 'editor'), (:'tenant', 'gus', 'guest');
INSERT INTO rbac.members (organization, member) VALUES (:'tenant', 'vic');
INSERT INTO projects (tenant, name) VALUES (:'tenant', 'Website') RETURNING id AS project \gset
INSERT INTO folders (tenant, project, name) VALUES (:'tenant', :'project', 'Drafts') RETURNING id AS drafts \gset
INSERT INTO folders (tenant, project, name) VALUES (:'tenant', :'project', 'Public') RETURNING id AS public \gset
INSERT INTO documents (tenant, folder, title) VALUES
	(:'tenant', :'drafts', 'Plan'), (:'tenant', :'drafts', 'Budget'), (:'tenant', :'public', 'Welcome');
INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Folder Read', :'public', :'tenant', 'gus');
COMMIT;

BEGIN;
SELECT rbac.act_as('grace');
SELECT id AS tenant FROM create_tenant('Globex') \gset
INSERT INTO rbac.members (organization, member) VALUES (:'tenant', 'vic');
INSERT INTO projects (tenant, name) VALUES (:'tenant', 'Rockets') RETURNING id AS project \gset
INSERT INTO folders (tenant, project, name) VALUES (:'tenant', :'project', 'Plans') RETURNING id AS plans \gset
INSERT INTO documents (tenant, folder, title) VALUES (:'tenant', :'plans', 'Engine');
COMMIT;
