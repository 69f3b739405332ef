DROP TABLE documents, folders, projects, tenants;
