/*
 * The model.  Names are the keys; a name that belongs to an organization is
 * `organization/local name`, a name without a slash is shared by all.  Hence
 * NULLIF(split_part(name, '/', 1), name): the organization, NULL when shared.
 *
 * Foreign keys are deferrable for rbac.rename(), and form no cycle, so that
 * pg_dump can order the tables.  In each table those to organizations come first,
 * then those to teams, members, roles and permission sets: they are checked, and
 * the rows locked, in this order by everybody.
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
COMMENT ON TABLE rbac.organizations IS 'tenants; each has members, teams, roles and entities of its own; members write it with organization:update, and organization:delete';
COMMENT ON COLUMN rbac.organizations.name IS 'the key, without a slash: names in the organization are organization/local name';

CREATE TABLE rbac.entity_types (
	name        text COLLATE "C" NOT NULL,
	description text,
	builtin     boolean NOT NULL DEFAULT false,
	CONSTRAINT entity_types_pkey PRIMARY KEY (name),
	CONSTRAINT entity_types_name CHECK (rbac.is_name(name))
);
COMMENT ON TABLE rbac.entity_types IS 'kinds of things that access is given to; the same for all organizations';
COMMENT ON COLUMN rbac.entity_types.name IS 'the key; applications add types of their own';
COMMENT ON COLUMN rbac.entity_types.builtin IS 'comes with the extension';

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
COMMENT ON TABLE rbac.scopes IS 'what can be done, named object:action; the same for all organizations';
COMMENT ON COLUMN rbac.scopes.name IS 'the key, object:action in lower-case letters, digits and underscores';
COMMENT ON COLUMN rbac.scopes.entity_type IS 'what it is done to; fixed for ever';
COMMENT ON COLUMN rbac.scopes.scope_group IS 'a heading to list it under; nothing depends on it';
COMMENT ON COLUMN rbac.scopes.toggle IS 'may stand in organization_settings';
COMMENT ON COLUMN rbac.scopes.builtin IS 'comes with the extension';

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
COMMENT ON TABLE rbac.permission_sets IS 'bundles of scopes of one entity type; members see those of their organization with role:read, and write them with role:create, update and delete';
COMMENT ON COLUMN rbac.permission_sets.name IS 'organization/local name, or without a slash: shared by all organizations';
COMMENT ON COLUMN rbac.permission_sets.organization IS 'taken from the name; NULL: shared';
COMMENT ON COLUMN rbac.permission_sets.entity_type IS 'of its scopes, and of the entities that it can be given on';
COMMENT ON COLUMN rbac.permission_sets.scopes IS 'registered ones of the set''s entity type; scopes @> ''stack:read'' finds the sets that hold one';
COMMENT ON COLUMN rbac.permission_sets.builtin IS 'comes with the extension';

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
COMMENT ON TABLE rbac.entity_type_settings IS 'what owners of entities of a type have, and who may manage access to them; without a row: Stack Admin and stack_access:update for stack, insights_account_access:update for insights_account';
COMMENT ON COLUMN rbac.entity_type_settings.owner_permission_set IS 'what the owner of an entity has on it; NULL: nothing';
COMMENT ON COLUMN rbac.entity_type_settings.access_scope IS 'the scope that lets its holder manage access to the entity';

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
COMMENT ON TABLE rbac.roles IS 'what members and teams hold: a bundle of rules, or all scopes; members see those of their organization with role:read, and write them with role:create, update and delete';
COMMENT ON COLUMN rbac.roles.name IS 'organization/local name, or without a slash: shared by all organizations';
COMMENT ON COLUMN rbac.roles.organization IS 'taken from the name; NULL: shared';
COMMENT ON COLUMN rbac.roles.all_scopes IS 'every scope, present and future, on everything in the organization';
COMMENT ON COLUMN rbac.roles.builtin IS 'comes with the extension';

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
COMMENT ON TABLE rbac.default_roles IS 'the role of members who are inserted without one; without a row: Member; members write it with organization:update';
COMMENT ON COLUMN rbac.default_roles.role IS 'a shared one, or the organization''s own';

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
		CHECK (entity_type <> 'organization' OR num_nonnulls(entity, condition) = 0),
	-- PostgreSQL prints (-$.a)[0] as -$.a[0]: a dump would be of another condition, or of none
	CONSTRAINT role_rules_condition_as_printed
		CHECK (record_image_eq(ROW(condition), ROW(condition::text::jsonpath)))
);
CREATE UNIQUE INDEX role_rules_key ON rbac.role_rules (role, permission_set, entity) NULLS NOT DISTINCT
	WHERE condition IS NULL;
CREATE INDEX role_rules_role_idx ON rbac.role_rules (role, permission_set, entity);
CREATE INDEX role_rules_permission_set_idx ON rbac.role_rules (permission_set, entity_type);
CREATE INDEX role_rules_entity_idx ON rbac.role_rules (entity_type, entity);
COMMENT ON TABLE rbac.role_rules IS 'what a role gives: the scopes of a permission set, on one entity, on those whose tags satisfy a condition, or on all of the type; members see and write them as they do roles';
COMMENT ON COLUMN rbac.role_rules.id IS 'built-in rules have negative ones';
COMMENT ON COLUMN rbac.role_rules.permission_set IS 'what the rule gives: a shared set, or one of the role''s own organization';
COMMENT ON COLUMN rbac.role_rules.entity_type IS 'of the permission set; filled in when left out';
COMMENT ON COLUMN rbac.role_rules.entity IS 'the one entity that the rule is for';
COMMENT ON COLUMN rbac.role_rules.condition IS 'a predicate on the entity''s tags; errors count as no match';

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
CREATE INDEX members_role_idx ON rbac.members (role, organization, member);
COMMENT ON TABLE rbac.members IS 'who belongs to which organization, with exactly one role each; members see each other with org_member:read, and write with org_member:add, update and delete (tokens: org_token and team scopes), and org_member:set_admin for roles with all scopes';
COMMENT ON COLUMN rbac.members.member IS 'who: a login, or whatever the application names its users by; compared byte by byte';
COMMENT ON COLUMN rbac.members.kind IS 'user, organization_token or team_token; fixed';
COMMENT ON COLUMN rbac.members.role IS 'a shared one, or the organization''s own; filled in from default_roles when left out';
COMMENT ON COLUMN rbac.members.expires_at IS 'as if the row were not there from then on; NULL: never';

CREATE TABLE rbac.teams (
	name         text COLLATE "C" NOT NULL,
	organization text COLLATE "C" NOT NULL GENERATED ALWAYS AS (split_part(name, '/', 1)) STORED,
	source       text COLLATE "C" NOT NULL DEFAULT 'rbac',
	description  text,
	CONSTRAINT teams_pkey PRIMARY KEY (name),
	CONSTRAINT teams_organization_fkey FOREIGN KEY (organization)
		REFERENCES rbac.organizations ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT teams_name_with_organization CHECK (rbac.is_slug(name) AND strpos(name, '/') > 0),
	CONSTRAINT teams_source CHECK (source IN ('rbac', 'github'))
);
CREATE INDEX teams_organization_idx ON rbac.teams (organization);
COMMENT ON TABLE rbac.teams IS 'groups of members of one organization; members see them with team:read or team:list, and write with team:create, update and delete';
COMMENT ON COLUMN rbac.teams.name IS 'organization/local name';
COMMENT ON COLUMN rbac.teams.organization IS 'taken from the name';
COMMENT ON COLUMN rbac.teams.source IS 'who says who is in it: rbac, these tables, or github, something that keeps them in step';

CREATE TABLE rbac.team_members (
	team         text COLLATE "C" NOT NULL,
	organization text COLLATE "C" NOT NULL GENERATED ALWAYS AS (split_part(team, '/', 1)) STORED,
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
COMMENT ON TABLE rbac.team_members IS 'who is in which team; members see it with team:read, and write with team:update or as admins of the team';
COMMENT ON COLUMN rbac.team_members.organization IS 'taken from the team''s name';
COMMENT ON COLUMN rbac.team_members.is_admin IS 'an admin of the team';
COMMENT ON COLUMN rbac.team_members.expires_at IS 'as if the row were not there from then on; NULL: never';

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
CREATE INDEX team_roles_role_idx ON rbac.team_roles (role, team);
COMMENT ON TABLE rbac.team_roles IS 'roles that a team gives to its members; members see it with team:read, and write with team:update and role:update';
COMMENT ON COLUMN rbac.team_roles.role IS 'a shared one, or one of the team''s own organization';
COMMENT ON COLUMN rbac.team_roles.expires_at IS 'as if the row were not there from then on; NULL: never';

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
CREATE INDEX entities_owner_idx ON rbac.entities (organization, owner, entity_type, entity);
COMMENT ON TABLE rbac.entities IS 'the registry: what has_scope knows about an entity; members see and write what they may manage access to, by the access_scope of its type';
COMMENT ON COLUMN rbac.entities.entity IS 'the key; a uuid or number in the form that its type prints';
COMMENT ON COLUMN rbac.entities.owner IS 'the member who has the type''s owner_permission_set on it; NULL: nobody';
COMMENT ON COLUMN rbac.entities.tags IS 'an object, for the conditions of role_rules; NULL: none';

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
	CONSTRAINT entity_grants_team_fkey FOREIGN KEY (team)
		REFERENCES rbac.teams ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT entity_grants_member_fkey FOREIGN KEY (organization, member)
		REFERENCES rbac.members ON DELETE CASCADE DEFERRABLE,
	CONSTRAINT entity_grants_permission_set_fkey FOREIGN KEY (permission_set, entity_type)
		REFERENCES rbac.permission_sets (name, entity_type) DEFERRABLE,
	CONSTRAINT entity_grants_entity CHECK (rbac.is_name(entity)),
	CONSTRAINT entity_grants_team_or_member
		CHECK (num_nonnulls(team, member) = 1 AND num_nonnulls(team, organization) = 1),
	CONSTRAINT entity_grants_permission_set_of_organization
		CHECK (COALESCE(NULLIF(split_part(permission_set, '/', 1), permission_set), split_part(team, '/', 1), organization)
			   = COALESCE(split_part(team, '/', 1), organization)),
	CONSTRAINT entity_grants_not_organization CHECK (entity_type <> 'organization')
);
CREATE INDEX entity_grants_permission_set_idx ON rbac.entity_grants (permission_set, entity_type);
CREATE INDEX entity_grants_team_idx ON rbac.entity_grants (team, permission_set, entity) WHERE team IS NOT NULL;
CREATE INDEX entity_grants_member_idx ON rbac.entity_grants (organization, member, permission_set, entity) WHERE organization IS NOT NULL;
COMMENT ON TABLE rbac.entity_grants IS 'access to one entity outside any role, for a team or a member; members see them with org_member:read or team:read, and write with the access_scope of the type on the entity or as admins of the team';
COMMENT ON COLUMN rbac.entity_grants.id IS 'by which explain() names the grant';
COMMENT ON COLUMN rbac.entity_grants.permission_set IS 'what is given: a shared set, or one of the grantee''s own organization';
COMMENT ON COLUMN rbac.entity_grants.entity_type IS 'of the permission set; filled in when left out';
COMMENT ON COLUMN rbac.entity_grants.entity IS 'on what; it gives nothing while that is in another organization';
COMMENT ON COLUMN rbac.entity_grants.team IS 'the grantee, or NULL';
COMMENT ON COLUMN rbac.entity_grants.organization IS 'of the grantee if it is a member, or NULL';
COMMENT ON COLUMN rbac.entity_grants.member IS 'the grantee, or NULL';
COMMENT ON COLUMN rbac.entity_grants.expires_at IS 'as if the row were not there from then on; NULL: never';

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
		CHECK (COALESCE(NULLIF(split_part(permission_set, '/', 1), permission_set), organization) = organization),
	CONSTRAINT member_defaults_not_organization CHECK (entity_type <> 'organization')
);
CREATE INDEX member_defaults_permission_set_idx ON rbac.member_defaults (permission_set, entity_type);
COMMENT ON TABLE rbac.member_defaults IS 'what those whose role is Member have on all entities of a type in the organization; members write it with organization:update';
COMMENT ON COLUMN rbac.member_defaults.permission_set IS 'a shared one, or the organization''s own';
COMMENT ON COLUMN rbac.member_defaults.entity_type IS 'of the permission set; filled in when left out';

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
COMMENT ON TABLE rbac.organization_settings IS 'toggles: a row gives the scope to every member of the organization; members write it with organization:update';
COMMENT ON COLUMN rbac.organization_settings.scope IS 'one that is marked as a toggle in rbac.scopes';
COMMENT ON COLUMN rbac.organization_settings.toggle IS 'always true; for the foreign key to scopes that may be toggled';
