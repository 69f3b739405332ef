-- The app's tables.  A tenant is an organization, whose name is the tenant's id.
CREATE TABLE tenants (
	id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	name text NOT NULL
);

CREATE TABLE projects (
	id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	tenant uuid NOT NULL REFERENCES tenants,
	owner  text DEFAULT rbac.current_member(),
	name   text NOT NULL,
	UNIQUE (tenant, name),
	UNIQUE (tenant, id)
);

-- Keys of two columns: what is in a folder is of the folder's tenant, or it would be another tenant's to see.
CREATE TABLE folders (
	id      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	tenant  uuid NOT NULL,
	project uuid NOT NULL,
	owner   text DEFAULT rbac.current_member(),
	name    text NOT NULL,
	FOREIGN KEY (tenant, project) REFERENCES projects (tenant, id),
	UNIQUE (project, name),
	UNIQUE (tenant, id)
);

CREATE TABLE documents (
	id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	tenant uuid NOT NULL,
	folder uuid NOT NULL,
	owner  text DEFAULT rbac.current_member(),
	title  text NOT NULL,
	body   text NOT NULL DEFAULT '',
	FOREIGN KEY (tenant, folder) REFERENCES folders (tenant, id),
	UNIQUE (folder, title)
);
CREATE INDEX ON documents (tenant, id);
