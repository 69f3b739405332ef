/*-------------------------------------------------------------------------
 *
 * authorize_tables.c
 *	  Which scopes it takes to write a row, and what the row gives, table by table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"

#include "authorize.h"
#include "rbac.h"

/* ---- the last admin ---- */

typedef struct AdminSearch
{
	const Write *write;
	const NameRef *but_role;	/* or NULL */
	const NameRef *but_member;	/* or NULL */
} AdminSearch;

/* Does anybody have this role there as their own, for good? */
static bool
has_lasting_member(const AdminSearch *search, const NameRef *role)
{
	const Giver *giver = &search->write->giver;
	NameRef		keys[2] = {*role, giver->organization};
	bool		found = false;
	TableScan	scan;

	begin_scan(&scan, MEMBERS_BY_ROLE_AND_ORGANIZATION, giver->snapshot, keys);
	while (!found && next_row(&scan))
	{
		TimestampTz until = DT_NOEND;
		NameRef		member;

		row_name(&scan, MEMBER_MEMBER, &member);
		found = !row_expired(&scan, MEMBER_EXPIRES_AT, giver->now, &until) && TIMESTAMP_IS_NOEND(until) &&
			(search->but_member == NULL || !same_name(&member, search->but_member));
	}
	end_scan(&scan);
	return found;
}

/* Among the roles of an organization, or with NULL for its name those that all share. */
static bool
has_admin(const AdminSearch *search, const NameRef *organization)
{
	bool		found = false;
	TableScan	scan;

	begin_scan(&scan, ROLES_BY_ORGANIZATION, search->write->giver.snapshot, organization);
	while (!found && next_row(&scan))
	{
		NameRef		role;

		if (!row_bool(&scan, ROLE_ALL_SCOPES))
			continue;
		row_name(&scan, ROLE_NAME, &role);
		found = (search->but_role == NULL || !same_name(&role, search->but_role)) && has_lasting_member(search, &role);
	}
	end_scan(&scan);
	return found;
}

static void
require_other_admin(const Write *write, const NameRef *but_role, const NameRef *but_member)
{
	static const NameRef shared = {NULL, 0};
	AdminSearch search = {write, but_role, but_member};

	if (!has_admin(&search, &shared) && !has_admin(&search, &write->giver.organization))
		refuse(write, psprintf("organization \"%s\" would have no admin", quotable(write->giver.organization)),
			   "It has to keep a member whose own role has all scopes and who does not expire.");
}

/* ---- organizations and their settings ---- */

static void
authorize_organizations(Write *write)
{
	if (write->old == NULL)
		refuse(write, "organizations are made by the owner of schema rbac", NULL);
	demand_by_operation(write, NULL, "organization:update", "organization:delete");
}

static void
authorize_member_defaults(Write *write)
{
	demand_scope(write, "organization:update");
	if (write->new != NULL)
	{
		NameRef		set = require_set(write, DEFAULT_SET);
		Reach		reach = {.type = row_type(write, write->new, DEFAULT_ENTITY_TYPE)};

		give_set(&write->giver, &reach, &set, DT_NOEND);
	}
}

static void
authorize_organization_settings(Write *write)
{
	demand_scope(write, "organization:update");
	if (write->new != NULL)
	{
		NameRef		scope = required_name(write, write->new, SETTING_SCOPE);
		ScopeEntry *entry = require_scope_entry(scope.data, scope.len);
		Reach		reach = {.type = entry->type};

		give(&write->giver, &reach, bits_of_one(entry->bit), DT_NOEND);
	}
}

/* Without a row the default is Member. */
static void
authorize_default_roles(Write *write)
{
	NameRef		before = old_name(write, DEFAULT_ROLE_ROLE);
	NameRef		role = cstring_ref(ROLE_MEMBER);

	demand_scope(write, "organization:update");
	if (write->new != NULL)
		role = require_role(write, DEFAULT_ROLE_ROLE);
	if (is_all_scopes_role(write->giver.snapshot, &before) || is_all_scopes_role(write->giver.snapshot, &role))
		demand_scope(write, "org_member:set_admin");
	give_own_role(&write->giver, &role, DT_NOEND);
}

/* ---- permission sets, roles and rules ---- */

/* The scopes of the new row that the old one does not have. */
static const Bits *
added_scopes(const Write *write)
{
	bool		isnull;
	Datum		value = column_value(write->data, write->new, SET_SCOPES, &isnull);
	ScopeSetView set;
	const Bits *added = NULL;
	ScopeSetIterator it;
	ScopeName	name;
	int			bit;

	if (isnull)
		return NULL;			/* it is NOT NULL */
	set = DatumGetScopeSetView(value);
	if (write->old != NULL && !name_changed(write, SET_ENTITY_TYPE))
	{
		ScopeSetView before = DatumGetScopeSetView(column_value(write->data, write->old, SET_SCOPES, &isnull));

		set = DatumGetScopeSetView(PointerGetDatum(scopeset_difference(set, before)));
	}
	scopeset_iterate(&it, set);
	while (scopeset_next(&it, &name, &bit))
		added = bits_union(added, bits_of_one(require_scope_entry(name.data, name.len)->bit));
	return added;
}

static void
authorize_permission_sets(Write *write)
{
	demand_by_operation(write, "role:create", "role:update", "role:delete");
	if (write->new != NULL)
	{
		NameRef		set = new_name(write, SET_NAME);
		int			type = row_type(write, write->new, SET_ENTITY_TYPE);
		const Bits *added = added_scopes(write);

		if (added != NULL)
			give_in_set(&write->giver, &set, type, added);
	}
}

static void
authorize_roles(Write *write)
{
	bool		before = is_true(write, write->old, ROLE_ALL_SCOPES);
	bool		after = is_true(write, write->new, ROLE_ALL_SCOPES);

	demand_by_operation(write, "role:create", "role:update", "role:delete");
	if (before != after)
		demand_scope(write, "org_member:set_admin");
	if (after && !before)
		give_all_scopes(&write->giver, DT_NOEND);
	if (before && !after)
	{
		AdminSearch search = {write, NULL, NULL};
		NameRef		role = old_name(write, ROLE_NAME);

		if (has_lasting_member(&search, &role))
			require_other_admin(write, &role, NULL);
	}
}

/* Of a row of role_rules. */
static Reach
rule_reach(const Write *write, HeapTuple row)
{
	bool		isnull;
	Datum		condition = column_value(write->data, row, RULE_CONDITION, &isnull);
	Reach		reach = {.type = row_type(write, row, RULE_ENTITY_TYPE),.entity = column_name(write->data, row, RULE_ENTITY)};

	reach.condition = isnull ? NULL : DatumGetJsonPathP(condition);
	return reach;
}

/* What a rule's or grant's new permission set holds, without what the old one does if that reached as far. */
static const Bits *
new_set_scopes(const Write *write, AttrNumber column, bool as_far)
{
	NameRef		set = new_name(write, column);
	NameRef		before = old_name(write, column);
	const Bits *scopes = bits_of_set(&set, write->giver.snapshot, CurrentMemoryContext);

	if (!as_far)
		return scopes;
	return bits_minus(scopes, bits_of_set(&before, write->giver.snapshot, CurrentMemoryContext));
}

/*
 * Who gives something on an entity relies on what the registry says of it, and on
 * its being there, if it is: otherwise the row might be left over for another entity
 * with the same id.
 */
static void
lock_entity(Write *write, const Reach *reach, AttrNumber type, AttrNumber entity)
{
	NameRef		keys[2] = {type_name(reach->type), reach->entity};

	if (!is_kept(write, type) || !is_kept(write, entity))
		lock_referenced(write, ENTITY_BY_KEY, keys, LockTupleShare);
}

static void
authorize_role_rules(Write *write)
{
	demand_by_operation(write, "role:create", "role:update", "role:delete");
	if (write->new != NULL)
	{
		Reach		reach = rule_reach(write, write->new);
		bool		as_far = false;

		require_role(write, RULE_ROLE);
		require_set(write, RULE_SET);
		if (reach.entity.data != NULL)
			lock_entity(write, &reach, RULE_ENTITY_TYPE, RULE_ENTITY);
		if (write->old != NULL)
		{
			Reach		before = rule_reach(write, write->old);

			as_far = same_reach(&before, &reach);
		}
		give(&write->giver, &reach, new_set_scopes(write, RULE_SET, as_far), DT_NOEND);
	}
}

/* ---- members ---- */

static void
demand_member_scope(const Write *write, const NameRef *kind)
{
	if (name_is_string(kind, KIND_TOKEN))
		demand_by_operation(write, "org_token:create", "org_token:create", "org_token:delete");
	else if (name_is_string(kind, "team_token"))
		demand_by_operation(write, "team:create_token", "team:create_token", "team:delete_token");
	else
		demand_by_operation(write, "org_member:add", "org_member:update", "org_member:delete");
}

/* Who had all scopes gains nothing by another role. */
static void
give_as_member(Write *write, const NameRef *kind, bool had_all)
{
	NameRef		member = required_name(write, write->new, MEMBER_MEMBER);
	NameRef		role = required_name(write, write->new, MEMBER_ROLE);
	TimestampTz until = expiry(write, write->new, MEMBER_EXPIRES_AT);
	bool		extended = is_extended(write, MEMBER_EXPIRES_AT);

	if (!extended)
		write->giver.replaced = old_name(write, MEMBER_ROLE);
	if (extended || (name_changed(write, MEMBER_ROLE) && !had_all))
		give_own_role(&write->giver, &role, until);
	if (extended)
		give_membership(&write->giver, &member, name_is_string(kind, KIND_TOKEN), until);
}

static void
authorize_members(Write *write)
{
	NameRef		kind = required_name(write, present_row(write), MEMBER_KIND);
	NameRef		old_role = old_name(write, MEMBER_ROLE);
	NameRef		role = new_name(write, MEMBER_ROLE);
	bool		had_all;
	bool		has_all;

	demand_member_scope(write, &kind);
	if (write->new != NULL)
		require_role(write, MEMBER_ROLE);
	had_all = is_all_scopes_role(write->giver.snapshot, &old_role);
	has_all = is_all_scopes_role(write->giver.snapshot, &role);
	if (had_all || has_all)
		demand_scope(write, "org_member:set_admin");
	if (had_all && TIMESTAMP_IS_NOEND(expiry(write, write->old, MEMBER_EXPIRES_AT)) &&
		!(has_all && TIMESTAMP_IS_NOEND(expiry(write, write->new, MEMBER_EXPIRES_AT))))
	{
		NameRef		member = old_name(write, MEMBER_MEMBER);

		require_other_admin(write, NULL, &member);
	}
	if (write->new != NULL)
		give_as_member(write, &kind, had_all);
}

/* ---- teams ---- */

static bool
is_team_admin(const Write *write, const NameRef *team)
{
	Key			key = make_key(KEY_TEXT, write->giver.organization.data, write->giver.organization.len);
	OrgAccess  *org = org_access(write->access, &key);

	return org != NULL && names_contain(org->admin_of, team);
}

/* Does the team have a role with all scopes? */
static bool
gives_all_scopes(const Write *write, const NameRef *team)
{
	bool		result = false;
	TableScan	scan;

	begin_scan(&scan, ROLES_OF_TEAM, write->giver.snapshot, team);
	while (!result && next_row(&scan))
	{
		NameRef		role;

		row_name(&scan, TEAM_ROLE_ROLE, &role);
		result = is_all_scopes_role(write->giver.snapshot, &role);
	}
	end_scan(&scan);
	return result;
}

static bool
is_of_this_transaction(const Write *write, const NameRef *team)
{
	bool		result;
	TableScan	scan;

	begin_scan(&scan, TEAM_BY_NAME, write->giver.snapshot, team);
	result = next_row(&scan) && TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(scan.tuple->t_data));
	end_scan(&scan);
	return result;
}

/* Who makes a team may make themselves its first member while they are about it. */
static bool
is_founder(const Write *write, const NameRef *team)
{
	NameRef		member = new_name(write, TEAM_MEMBER_MEMBER);

	return write->old == NULL && same_name(&member, &write->giver.member) &&
		holds_in(write->access, &write->giver.organization, "team:create") &&
		is_of_this_transaction(write, team) && !row_exists(MEMBERS_OF_TEAM, team);
}

static void
authorize_teams(Write *write)
{
	NameRef		team = required_name(write, present_row(write), TEAM_NAME);
	NameRef		source = new_name(write, TEAM_SOURCE);

	demand_by_operation(write, "team:create", "team:update", "team:delete");
	if (write->new == NULL && gives_all_scopes(write, &team))
		demand_scope(write, "org_member:set_admin");
	if (source.data != NULL && name_is_string(&source, "github") && name_changed(write, TEAM_SOURCE))
		demand_scope(write, "github_team:create");
}

static void
authorize_team_members(Write *write)
{
	NameRef		team = required_name(write, present_row(write), TEAM_MEMBER_TEAM);

	if (!is_team_admin(write, &team) && !is_founder(write, &team))
		demand_scope(write, "team:update");
	if (write->new != NULL)
	{
		require_team(write, TEAM_MEMBER_TEAM);
		require_member(write, TEAM_MEMBER_MEMBER);
	}
	if (gives_all_scopes(write, &team))
		demand_scope(write, "org_member:set_admin");
	if (is_extended(write, TEAM_MEMBER_EXPIRES_AT))
		give_team(&write->giver, &team, expiry(write, write->new, TEAM_MEMBER_EXPIRES_AT));
}

static void
authorize_team_roles(Write *write)
{
	NameRef		role = required_name(write, present_row(write), TEAM_ROLE_ROLE);

	demand_scope(write, "role:update");
	demand_scope(write, "team:update");
	if (write->new != NULL)
	{
		require_team(write, TEAM_ROLE_TEAM);
		require_role(write, TEAM_ROLE_ROLE);
	}
	if (is_all_scopes_role(write->giver.snapshot, &role))
		demand_scope(write, "org_member:set_admin");
	if (is_extended(write, TEAM_ROLE_EXPIRES_AT))
		give_role(&write->giver, &role, expiry(write, write->new, TEAM_ROLE_EXPIRES_AT));
}

/* ---- grants ---- */

static void
demand_access_scope(const Write *write, int type, const EntityRow *row)
{
	char	   *reason = why_not_manage(write->access, write->giver.snapshot, type, row);

	if (reason != NULL)
		refuse(write, reason,
			   psprintf(row->bare ? "Entity \"%s\" is not registered in organization \"%s\", so that it takes that on all of type \"%s\" there." :
						"To manage access to entity \"%s\" of organization \"%s\" takes that on the entity.",
						quotable(row->entity), quotable(row->organization), quotable(type_name(type))));
}

static void
authorize_entity_grants(Write *write)
{
	Giver	   *giver = &write->giver;
	HeapTuple	row = present_row(write);
	NameRef		team = column_name(write->data, row, GRANT_TEAM);
	NameRef		member = column_name(write->data, row, GRANT_MEMBER);
	Reach		reach = {.type = row_type(write, row, GRANT_ENTITY_TYPE),.entity = required_name(write, row, GRANT_ENTITY)};

	if (team.data == NULL || !is_team_admin(write, &team))
	{
		EntityRow	entity = registered_row(giver->snapshot, &giver->organization, reach.type, &reach.entity);

		demand_access_scope(write, reach.type, &entity);
	}
	if (write->new != NULL)
	{
		if (team.data != NULL)
			require_team(write, GRANT_TEAM);
		if (member.data != NULL)
			require_member(write, GRANT_MEMBER);
		require_set(write, GRANT_SET);
		lock_entity(write, &reach, GRANT_ENTITY_TYPE, GRANT_ENTITY);
		give(giver, &reach, new_set_scopes(write, GRANT_SET, !is_extended(write, GRANT_EXPIRES_AT)),
			 expiry(write, write->new, GRANT_EXPIRES_AT));
	}
}

/* ---- the registry ---- */

static EntityRow
entity_row(const Write *write, HeapTuple row)
{
	bool		isnull;
	Datum		tags = column_value(write->data, row, ENTITY_TAGS, &isnull);
	EntityRow	entity = {
		.entity = required_name(write, row, ENTITY_ENTITY),
		.organization = column_name(write->data, row, ENTITY_ORGANIZATION),
		.owner = column_name(write->data, row, ENTITY_OWNER),
		.tags = isnull ? NULL : PG_DETOAST_DATUM(tags)
	};

	return entity;
}

/*
 * What the owner and the tags of a row give.  Of a new one, whose owner and tags the
 * writer chooses, only what names the entity counts as held, and what is type-wide.
 */
static void
give_as_entity(Write *write, int type, const EntityRow *new, const EntityRow *old)
{
	Giver	   *giver = &write->giver;
	NameRef		name = type_name(type);
	EntityRow	bare = {.entity = new->entity,.organization = new->organization,.bare = true};
	const EntityRow *before = old != NULL ? old : &bare;

	if (new->owner.data != NULL && !(old != NULL && same_name(&new->owner, &old->owner)))
		give_on_row(giver, type, before, owner_scopes(giver_access(giver, DT_NOEND), type));
	if (old == NULL || !same_tags(new->tags, old->tags))
		give_on_row(giver, type, before, given_by_tags(new, pnstrdup(name.data, name.len), old));
	if (old == NULL)
		give_on_row(giver, type, before, given_by_name(giver->snapshot, type, new));
}

/*
 * What is not registered can be registered anew, in another organization, where
 * somebody else has all scopes.  So it takes all of them here.
 */
static void
demand_all_of_type(Write *write, int type, const EntityRow *row)
{
	char	   *missing = missing_on(giver_access(&write->giver, DT_NOEND), type, row,
									 bits_of_type(type, write->giver.snapshot));

	if (missing != NULL)
		refuse(write, psprintf("scope \"%s\" is missing", missing),
			   psprintf("To take entity \"%s\" away from organization \"%s\" takes all scopes of its type on it, without expiry.",
						quotable(row->entity), quotable(row->organization)));
}

static void
authorize_entities(Write *write)
{
	int			type = row_type(write, present_row(write), ENTITY_TYPE);
	EntityRow	old = {0};
	EntityRow	new = {0};

	if (write->old != NULL)
		old = entity_row(write, write->old);
	if (write->new != NULL)
		new = entity_row(write, write->new);
	if (write->old == NULL)
	{
		EntityRow	bare = {.entity = new.entity,.organization = new.organization,.bare = true};

		demand_access_scope(write, type, &bare);
	}
	else
		demand_access_scope(write, type, &old);
	if (write->new == NULL)
		demand_all_of_type(write, type, &old);
	if (write->new != NULL)
		give_as_entity(write, type, &new, write->old == NULL ? NULL : &old);
}

/* ---- all tables ---- */

static const GuardedTable guarded_tables[] = {
	{"organizations", 0, ORGANIZATION_NAME, true, {ORGANIZATION_NAME}, authorize_organizations},
	{"entity_types", 0, 0, false, {0}, NULL},
	{"scopes", 0, 0, false, {0}, NULL},
	{"entity_type_settings", 0, 0, false, {0}, NULL},
	{"permission_sets", SET_NAME, 0, true, {SET_NAME}, authorize_permission_sets},
	{"roles", ROLE_NAME, 0, true, {ROLE_NAME}, authorize_roles},
	{"role_rules", RULE_ROLE, 0, false, {RULE_ROLE}, authorize_role_rules},
	{"default_roles", 0, DEFAULT_ROLE_ORGANIZATION, false, {DEFAULT_ROLE_ORGANIZATION}, authorize_default_roles},
	{"members", 0, MEMBER_ORGANIZATION, true, {MEMBER_ORGANIZATION, MEMBER_MEMBER}, authorize_members},
	{"teams", TEAM_NAME, 0, true, {TEAM_NAME}, authorize_teams},
	{"team_members", TEAM_MEMBER_TEAM, 0, false, {TEAM_MEMBER_TEAM, TEAM_MEMBER_MEMBER}, authorize_team_members},
	{"team_roles", TEAM_ROLE_TEAM, 0, false, {TEAM_ROLE_TEAM, TEAM_ROLE_ROLE}, authorize_team_roles},
	{"entities", 0, ENTITY_ORGANIZATION, false, {ENTITY_TYPE, ENTITY_ENTITY, ENTITY_ORGANIZATION}, authorize_entities},
	{"entity_grants", GRANT_TEAM, GRANT_ORGANIZATION, false,
	{GRANT_ENTITY_TYPE, GRANT_ENTITY, GRANT_TEAM, GRANT_ORGANIZATION, GRANT_MEMBER}, authorize_entity_grants},
	{"member_defaults", 0, DEFAULT_ORGANIZATION, false, {DEFAULT_ORGANIZATION, DEFAULT_SET}, authorize_member_defaults},
	{"organization_settings", 0, SETTING_ORGANIZATION, false, {SETTING_ORGANIZATION, SETTING_SCOPE}, authorize_organization_settings},
};

const GuardedTable *
guarded_table(Relation rel)
{
	for (size_t i = 0; i < lengthof(guarded_tables); i++)
		if (strcmp(RelationGetRelationName(rel), guarded_tables[i].name) == 0)
			return &guarded_tables[i];
	elog(ERROR, "table \"%s\" is not guarded", RelationGetRelationName(rel));
}
