/*
 * The model.  Names are the keys; a name that belongs to an organization is
 * `organization/local name`, a name without a slash is shared by all.  Hence
 * NULLIF(split_part(name, '/', 1), name): the organization, NULL when shared.
 *
 * Foreign keys are deferrable for rbac.rename(), and form no cycle, so that
 * pg_dump can order the tables.
 */

CREATE FUNCTION rbac.is_name(name text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'is_name'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.is_name(text) IS 'is this a name: 1 to 255 bytes, no control characters';

CREATE FUNCTION rbac.is_slug(name text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'is_slug'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.is_slug(text) IS 'is this a name, with something on both sides of its first slash if it has one';

/* ---- what can be granted ---- */

CREATE TABLE rbac.organizations (
	name        text COLLATE "C" NOT NULL,
	description text,
	CONSTRAINT organizations_pkey PRIMARY KEY (name),
	CONSTRAINT organizations_name_without_slash CHECK (rbac.is_name(name) AND strpos(name, '/') = 0)
);

CREATE TABLE rbac.entity_types (
	name        text COLLATE "C" NOT NULL,
	description text,
	builtin     boolean NOT NULL DEFAULT false,
	CONSTRAINT entity_types_pkey PRIMARY KEY (name),
	CONSTRAINT entity_types_name CHECK (rbac.is_name(name))
);

CREATE TABLE rbac.scopes (
	name        text COLLATE "C" NOT NULL,
	entity_type text COLLATE "C" NOT NULL,
	scope_group text,
	description text,
	toggle      boolean NOT NULL DEFAULT false,
	builtin     boolean NOT NULL DEFAULT false,
	CONSTRAINT scopes_pkey PRIMARY KEY (name),
	CONSTRAINT scopes_entity_type_key UNIQUE (name, entity_type),
	CONSTRAINT scopes_toggle_key UNIQUE (name, toggle),
	CONSTRAINT scopes_entity_type_fkey FOREIGN KEY (entity_type)
		REFERENCES rbac.entity_types DEFERRABLE,
	CONSTRAINT scopes_name_object_action
		CHECK (name ~ '^[a-z][a-z0-9_]*:[a-z][a-z0-9_]*$' AND octet_length(name) <= 255)
);
CREATE INDEX scopes_entity_type_idx ON rbac.scopes (entity_type);

CREATE TABLE rbac.permission_sets (
	name         text COLLATE "C" NOT NULL,
	organization text COLLATE "C" GENERATED ALWAYS AS (NULLIF(split_part(name, '/', 1), name)) STORED,
	entity_type  text COLLATE "C" NOT NULL,
	scopes       rbac.scopeset NOT NULL DEFAULT '{}',
	description  text,
	builtin      boolean NOT NULL DEFAULT false,
	CONSTRAINT permission_sets_pkey PRIMARY KEY (name),
	CONSTRAINT permission_sets_entity_type_key UNIQUE (name, entity_type),
	CONSTRAINT permission_sets_organization_fkey FOREIGN KEY (organization)
		REFERENCES rbac.organizations ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT permission_sets_entity_type_fkey FOREIGN KEY (entity_type)
		REFERENCES rbac.entity_types DEFERRABLE,
	CONSTRAINT permission_sets_name CHECK (rbac.is_slug(name))
);
CREATE INDEX permission_sets_scopes_idx ON rbac.permission_sets USING gin (scopes);
CREATE INDEX permission_sets_organization_idx ON rbac.permission_sets (organization);
CREATE INDEX permission_sets_entity_type_idx ON rbac.permission_sets (entity_type);

CREATE TABLE rbac.entity_type_settings (
	entity_type          text COLLATE "C" NOT NULL,
	owner_permission_set text COLLATE "C",
	access_scope         text COLLATE "C",
	CONSTRAINT entity_type_settings_pkey PRIMARY KEY (entity_type),
	CONSTRAINT entity_type_settings_entity_type_fkey FOREIGN KEY (entity_type)
		REFERENCES rbac.entity_types ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT entity_type_settings_owner_permission_set_fkey FOREIGN KEY (owner_permission_set, entity_type)
		REFERENCES rbac.permission_sets (name, entity_type) DEFERRABLE,
	CONSTRAINT entity_type_settings_access_scope_fkey FOREIGN KEY (access_scope, entity_type)
		REFERENCES rbac.scopes (name, entity_type) DEFERRABLE,
	CONSTRAINT entity_type_settings_not_organization CHECK (entity_type <> 'organization'),
	CONSTRAINT entity_type_settings_shared_permission_set CHECK (strpos(owner_permission_set, '/') = 0)
);
CREATE INDEX entity_type_settings_owner_permission_set_idx ON rbac.entity_type_settings (owner_permission_set);
CREATE INDEX entity_type_settings_access_scope_idx ON rbac.entity_type_settings (access_scope);

/* ---- roles ---- */

CREATE TABLE rbac.roles (
	name         text COLLATE "C" NOT NULL,
	organization text COLLATE "C" GENERATED ALWAYS AS (NULLIF(split_part(name, '/', 1), name)) STORED,
	all_scopes   boolean NOT NULL DEFAULT false,
	description  text,
	builtin      boolean NOT NULL DEFAULT false,
	CONSTRAINT roles_pkey PRIMARY KEY (name),
	CONSTRAINT roles_organization_fkey FOREIGN KEY (organization)
		REFERENCES rbac.organizations ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT roles_name CHECK (rbac.is_slug(name))
);
CREATE INDEX roles_organization_idx ON rbac.roles (organization);

CREATE TABLE rbac.default_roles (
	organization text COLLATE "C" NOT NULL,
	role         text COLLATE "C" NOT NULL,
	CONSTRAINT default_roles_pkey PRIMARY KEY (organization),
	CONSTRAINT default_roles_organization_fkey FOREIGN KEY (organization)
		REFERENCES rbac.organizations ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT default_roles_role_fkey FOREIGN KEY (role)
		REFERENCES rbac.roles DEFERRABLE,
	CONSTRAINT default_roles_role_of_organization
		CHECK (COALESCE(NULLIF(split_part(role, '/', 1), role), organization) = organization)
);
CREATE INDEX default_roles_role_idx ON rbac.default_roles (role);

CREATE TABLE rbac.role_rules (
	id             bigint GENERATED BY DEFAULT AS IDENTITY,
	role           text COLLATE "C" NOT NULL,
	permission_set text COLLATE "C" NOT NULL,
	entity_type    text COLLATE "C" NOT NULL,
	entity         text COLLATE "C",
	condition      jsonpath,
	CONSTRAINT role_rules_pkey PRIMARY KEY (id),
	CONSTRAINT role_rules_role_fkey FOREIGN KEY (role)
		REFERENCES rbac.roles ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT role_rules_permission_set_fkey FOREIGN KEY (permission_set, entity_type)
		REFERENCES rbac.permission_sets (name, entity_type) DEFERRABLE,
	CONSTRAINT role_rules_permission_set_of_organization
		CHECK (COALESCE(NULLIF(split_part(permission_set, '/', 1), permission_set), NULLIF(split_part(role, '/', 1), role))
			   IS NOT DISTINCT FROM NULLIF(split_part(role, '/', 1), role)),
	CONSTRAINT role_rules_entity CHECK (rbac.is_name(entity)),
	CONSTRAINT role_rules_entity_or_condition CHECK (num_nonnulls(entity, condition) <= 1),
	CONSTRAINT role_rules_organization_wide
		CHECK (entity_type <> 'organization' OR num_nonnulls(entity, condition) = 0)
);
CREATE UNIQUE INDEX role_rules_key ON rbac.role_rules (role, permission_set, entity) NULLS NOT DISTINCT
	WHERE condition IS NULL;
CREATE INDEX role_rules_role_idx ON rbac.role_rules (role);
CREATE INDEX role_rules_permission_set_idx ON rbac.role_rules (permission_set, entity_type);
CREATE INDEX role_rules_entity_idx ON rbac.role_rules (entity_type, entity);

/* ---- who ---- */

CREATE TABLE rbac.members (
	organization text COLLATE "C" NOT NULL,
	member       text COLLATE "C" NOT NULL,
	kind         text COLLATE "C" NOT NULL DEFAULT 'user',
	role         text COLLATE "C" NOT NULL,
	expires_at   timestamptz,
	CONSTRAINT members_pkey PRIMARY KEY (organization, member),
	CONSTRAINT members_organization_fkey FOREIGN KEY (organization)
		REFERENCES rbac.organizations ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT members_role_fkey FOREIGN KEY (role)
		REFERENCES rbac.roles DEFERRABLE,
	CONSTRAINT members_member CHECK (rbac.is_name(member)),
	CONSTRAINT members_kind CHECK (kind IN ('user', 'organization_token', 'team_token')),
	CONSTRAINT members_role_of_organization
		CHECK (COALESCE(NULLIF(split_part(role, '/', 1), role), organization) = organization),
	CONSTRAINT members_team_token_role CHECK (kind <> 'team_token' OR role = 'Member')
);
CREATE INDEX members_member_idx ON rbac.members (member);
CREATE INDEX members_role_idx ON rbac.members (role);

CREATE TABLE rbac.teams (
	name         text COLLATE "C" NOT NULL,
	organization text COLLATE "C" NOT NULL GENERATED ALWAYS AS (NULLIF(split_part(name, '/', 1), name)) STORED,
	source       text COLLATE "C" NOT NULL DEFAULT 'rbac',
	description  text,
	CONSTRAINT teams_pkey PRIMARY KEY (name),
	CONSTRAINT teams_organization_fkey FOREIGN KEY (organization)
		REFERENCES rbac.organizations ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT teams_name CHECK (rbac.is_slug(name)),
	CONSTRAINT teams_source CHECK (source IN ('rbac', 'github'))
);
CREATE INDEX teams_organization_idx ON rbac.teams (organization);

CREATE TABLE rbac.team_members (
	team         text COLLATE "C" NOT NULL,
	organization text COLLATE "C" NOT NULL GENERATED ALWAYS AS (NULLIF(split_part(team, '/', 1), team)) STORED,
	member       text COLLATE "C" NOT NULL,
	is_admin     boolean NOT NULL DEFAULT false,
	expires_at   timestamptz,
	CONSTRAINT team_members_pkey PRIMARY KEY (team, member),
	CONSTRAINT team_members_team_fkey FOREIGN KEY (team)
		REFERENCES rbac.teams ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT team_members_member_fkey FOREIGN KEY (organization, member)
		REFERENCES rbac.members ON DELETE CASCADE DEFERRABLE
);
CREATE INDEX team_members_member_idx ON rbac.team_members (organization, member);

CREATE TABLE rbac.team_roles (
	team       text COLLATE "C" NOT NULL,
	role       text COLLATE "C" NOT NULL,
	expires_at timestamptz,
	CONSTRAINT team_roles_pkey PRIMARY KEY (team, role),
	CONSTRAINT team_roles_team_fkey FOREIGN KEY (team)
		REFERENCES rbac.teams ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT team_roles_role_fkey FOREIGN KEY (role)
		REFERENCES rbac.roles DEFERRABLE,
	CONSTRAINT team_roles_role_of_organization
		CHECK (COALESCE(NULLIF(split_part(role, '/', 1), role), split_part(team, '/', 1)) = split_part(team, '/', 1))
);
CREATE INDEX team_roles_role_idx ON rbac.team_roles (role);

/* ---- on what ---- */

CREATE TABLE rbac.entities (
	entity_type  text COLLATE "C" NOT NULL,
	entity       text COLLATE "C" NOT NULL,
	organization text COLLATE "C" NOT NULL,
	owner        text COLLATE "C",
	tags         jsonb,
	CONSTRAINT entities_pkey PRIMARY KEY (entity_type, entity),
	CONSTRAINT entities_entity_type_fkey FOREIGN KEY (entity_type)
		REFERENCES rbac.entity_types DEFERRABLE,
	CONSTRAINT entities_organization_fkey FOREIGN KEY (organization)
		REFERENCES rbac.organizations DEFERRABLE,
	CONSTRAINT entities_entity CHECK (rbac.is_name(entity)),
	CONSTRAINT entities_owner CHECK (rbac.is_name(owner)),
	CONSTRAINT entities_tags_object CHECK (jsonb_typeof(tags) = 'object'),
	CONSTRAINT entities_not_organization CHECK (entity_type <> 'organization')
);
CREATE INDEX entities_organization_idx ON rbac.entities (organization, entity_type, entity);
CREATE INDEX entities_owner_idx ON rbac.entities (organization, owner);

CREATE TABLE rbac.entity_grants (
	id             bigint GENERATED BY DEFAULT AS IDENTITY,
	permission_set text COLLATE "C" NOT NULL,
	entity_type    text COLLATE "C" NOT NULL,
	entity         text COLLATE "C" NOT NULL,
	team           text COLLATE "C",
	organization   text COLLATE "C",
	member         text COLLATE "C",
	expires_at     timestamptz,
	CONSTRAINT entity_grants_pkey PRIMARY KEY (id),
	CONSTRAINT entity_grants_key UNIQUE NULLS NOT DISTINCT (entity_type, entity, permission_set, team, organization, member),
	CONSTRAINT entity_grants_permission_set_fkey FOREIGN KEY (permission_set, entity_type)
		REFERENCES rbac.permission_sets (name, entity_type) DEFERRABLE,
	CONSTRAINT entity_grants_team_fkey FOREIGN KEY (team)
		REFERENCES rbac.teams ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT entity_grants_member_fkey FOREIGN KEY (organization, member)
		REFERENCES rbac.members ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT entity_grants_entity CHECK (rbac.is_name(entity)),
	CONSTRAINT entity_grants_team_or_member
		CHECK (num_nonnulls(team, member) = 1 AND num_nonnulls(team, organization) = 1),
	CONSTRAINT entity_grants_permission_set_of_organization
		CHECK (COALESCE(NULLIF(split_part(permission_set, '/', 1), permission_set), split_part(team, '/', 1), organization)
			   = COALESCE(split_part(team, '/', 1), organization)),
	CONSTRAINT entity_grants_not_organization CHECK (entity_type <> 'organization')
);
CREATE INDEX entity_grants_permission_set_idx ON rbac.entity_grants (permission_set, entity_type);
CREATE INDEX entity_grants_team_idx ON rbac.entity_grants (team);
CREATE INDEX entity_grants_member_idx ON rbac.entity_grants (organization, member);

/* ---- settings of an organization ---- */

CREATE TABLE rbac.member_defaults (
	organization   text COLLATE "C" NOT NULL,
	permission_set text COLLATE "C" NOT NULL,
	entity_type    text COLLATE "C" NOT NULL,
	CONSTRAINT member_defaults_pkey PRIMARY KEY (organization, permission_set),
	CONSTRAINT member_defaults_organization_fkey FOREIGN KEY (organization)
		REFERENCES rbac.organizations ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT member_defaults_permission_set_fkey FOREIGN KEY (permission_set, entity_type)
		REFERENCES rbac.permission_sets (name, entity_type) DEFERRABLE,
	CONSTRAINT member_defaults_permission_set_of_organization
		CHECK (COALESCE(NULLIF(split_part(permission_set, '/', 1), permission_set), organization) = organization)
);
CREATE INDEX member_defaults_permission_set_idx ON rbac.member_defaults (permission_set, entity_type);

CREATE TABLE rbac.organization_settings (
	organization text COLLATE "C" NOT NULL,
	scope        text COLLATE "C" NOT NULL,
	toggle       boolean GENERATED ALWAYS AS (true) STORED,
	CONSTRAINT organization_settings_pkey PRIMARY KEY (organization, scope),
	CONSTRAINT organization_settings_organization_fkey FOREIGN KEY (organization)
		REFERENCES rbac.organizations ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT organization_settings_scope_toggle_fkey FOREIGN KEY (scope, toggle)
		REFERENCES rbac.scopes (name, toggle) DEFERRABLE
);
CREATE INDEX organization_settings_scope_idx ON rbac.organization_settings (scope, toggle);
