/*-------------------------------------------------------------------------
 *
 * authorize.c
 *	  Members govern themselves: may this member write this row?
 *
 * The policies of the tables say which rows a member sees; whoever sees a row may
 * try to write it.  The trigger here decides, for all to whom policies apply: not for
 * the tables' owner, superusers and roles with BYPASSRLS, and so neither for what
 * foreign keys and other triggers of these tables do on anybody's behalf, since that
 * is done as their owner.  It takes the scope that is named for the operation, in the
 * row's organization, and what the new row gives (gift.c).
 *
 * It fires before each row, last of all such triggers when something is written, so
 * that it sees what will be; and first of all when something is deleted, so that
 * others have not deleted yet what the member's rights come from.  It reads the
 * latest rows, those that the same command has written before included: what has been
 * written has been judged.  The row itself is not there yet, and cannot give its
 * writer the right to write it.
 *
 * Two members who write at once might each be right and both together wrong: one adds
 * a scope to a permission set that nothing uses, the other uses it; two admins
 * demote each other.  So all such writes in an organization exclude one another until
 * the end of the transaction.
 *
 * A foreign key may be deferred, so that a row refers to what is yet to be made, and
 * what is in use goes and comes back as something else.  So what a member's row gives
 * by way of another has to be there, and is locked; and what is made is judged by all
 * that refers to it already.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "gift.h"
#include "rbac.h"

PG_FUNCTION_INFO_V1(authorize);

#define MAX_IDENTITY	5

/* A row that is written. */
typedef struct Write
{
	TriggerData *data;
	const struct GuardedTable *table;
	HeapTuple	old;			/* NULL: INSERT */
	HeapTuple	new;			/* NULL: DELETE */
	Giver		giver;
} Write;

typedef struct GuardedTable
{
	const char *name;
	AttrNumber	slug;			/* a name that begins with the organization's */
	AttrNumber	organization;	/* its name; both: where there is no slug */
	bool		named;			/* identity is changed by rename() only */
	AttrNumber	identity[MAX_IDENTITY]; /* a row with another is another row */
	void		(*authorize) (Write *write);	/* NULL: no member may */
} GuardedTable;

/* ---- the row ---- */

static NameRef
old_name(const Write *write, AttrNumber column)
{
	return write->old == NULL ? name_ref(NULL, 0) : column_name(write->data, write->old, column);
}

static NameRef
new_name(const Write *write, AttrNumber column)
{
	return write->new == NULL ? name_ref(NULL, 0) : column_name(write->data, write->new, column);
}

/* Of a column that is NOT NULL, which would be found out later only. */
static NameRef
required_name(const Write *write, HeapTuple row, AttrNumber column)
{
	NameRef		name = column_name(write->data, row, column);

	if (name.data == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
						SPI_fname(RelationGetDescr(write->data->tg_relation), column), write->table->name)));
	return name;
}

static int
row_type(const Write *write, HeapTuple row, AttrNumber column)
{
	NameRef		type = required_name(write, row, column);

	return type_number(&type);
}

/* The new row, or the old one where there is none. */
static HeapTuple
present_row(const Write *write)
{
	return write->new == NULL ? write->old : write->new;
}

static bool
is_true(const Write *write, HeapTuple row, AttrNumber column)
{
	bool		isnull;

	return row != NULL && DatumGetBool(column_value(write->data, row, column, &isnull)) && !isnull;
}

static TimestampTz
expiry(const Write *write, HeapTuple row, AttrNumber column)
{
	bool		isnull;
	Datum		value = column_value(write->data, row, column, &isnull);

	return isnull ? DT_NOEND : DatumGetTimestampTz(value);
}

/* Is there a new row that lasts longer than the old one did? */
static bool
is_extended(const Write *write, AttrNumber expires_at)
{
	return write->new != NULL &&
		(write->old == NULL || expiry(write, write->new, expires_at) > expiry(write, write->old, expires_at));
}

static bool
name_changed(const Write *write, AttrNumber column)
{
	NameRef		old = old_name(write, column);
	NameRef		new = new_name(write, column);

	return !same_name(&old, &new);
}

/* What stands before the slash; no data: nothing does. */
static NameRef
organization_of_slug(NameRef slug)
{
	const char *slash = slug.data == NULL ? NULL : memchr(slug.data, '/', slug.len);

	return slash == NULL ? name_ref(NULL, 0) : name_ref(slug.data, slash - slug.data);
}

static NameRef
row_organization(const Write *write, HeapTuple row)
{
	const GuardedTable *table = write->table;
	NameRef		slug = name_ref(NULL, 0);

	if (table->slug != 0)
		slug = column_name(write->data, row, table->slug);
	if (slug.data == NULL && table->organization != 0)
		return column_name(write->data, row, table->organization);
	return organization_of_slug(slug);
}

/* ---- refusals ---- */

static void
refuse(const Write *write, const char *why, const char *detail)
{
	TriggerEvent event = write->data->tg_event;
	const char *what = TRIGGER_FIRED_BY_INSERT(event) ? "insert into" : TRIGGER_FIRED_BY_DELETE(event) ? "delete from" : "update";

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to %s table \"%s\": %s", what, write->table->name, why),
			 detail == NULL ? 0 : errdetail("%s", detail)));
}

static MemberAccess *
writer_access(const Write *write)
{
	return access_of(&write->giver.member, write->giver.now);
}

/*
 * Look a row up and lock it; false: there is none.  What is read from now on is what
 * is there while it is locked, or newer.
 */
static bool
lock_referenced(Write *write, Lookup lookup, const NameRef *keys, LockTupleMode mode)
{
	for (;;)
	{
		bool		found;
		bool		locked;
		TableScan	scan;

		CHECK_FOR_INTERRUPTS();
		UnregisterSnapshot(write->giver.snapshot);
		write->giver.snapshot = latest_snapshot();
		begin_scan(&scan, lookup, write->giver.snapshot, keys);
		found = next_row(&scan);
		locked = found && lock_row(&scan, mode);
		end_scan(&scan);
		if (locked || !found)
			return found;
	}
}

/* As the foreign key would, but at once. */
static void
require_row(Write *write, const char *what, Lookup lookup, const NameRef *keys, const NameRef *name)
{
	if (!lock_referenced(write, lookup, keys, LockTupleKeyShare))
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("%s \"%s\" does not exist", what, quotable(*name)),
				 errdetail("What a row of table \"%s\" refers to has to be there before it, also while constraints are deferred.",
						   write->table->name)));
}

static NameRef
require_role(Write *write, AttrNumber column)
{
	NameRef		role = required_name(write, write->new, column);

	require_row(write, "role", ROLE_BY_NAME, &role, &role);
	return role;
}

static NameRef
require_set(Write *write, AttrNumber column)
{
	NameRef		set = required_name(write, write->new, column);

	require_row(write, "permission set", PERMISSION_SET_BY_NAME, &set, &set);
	return set;
}

static void
require_team(Write *write, const NameRef *team)
{
	require_row(write, "team", TEAM_BY_NAME, team, team);
}

static void
require_member(Write *write, const NameRef *member)
{
	NameRef		keys[2] = {write->giver.organization, *member};

	require_row(write, "member", MEMBER_BY_KEY, keys, member);
}

static void
demand_scope(const Write *write, const char *scope)
{
	if (!holds_in(writer_access(write), &write->giver.organization, scope))
		refuse(write, psprintf("scope \"%s\" is missing", scope),
			   psprintf("It takes the scope on organization \"%s\".", quotable(write->giver.organization)));
}

/* By operation. */
static void
demand_by_operation(const Write *write, const char *insert, const char *update, const char *delete)
{
	demand_scope(write, write->old == NULL ? insert : write->new == NULL ? delete : update);
}

static bool
is_team_admin(const Write *write, const NameRef *team)
{
	Key			key = make_key(KEY_TEXT, write->giver.organization.data, write->giver.organization.len);
	OrgAccess  *org = org_access(writer_access(write), &key);

	return org != NULL && names_contain(org->admin_of, team);
}

static void
require_access_scope(const Write *write, int type, const EntityRow *row)
{
	char	   *missing = missing_access_scope(writer_access(write), write->giver.snapshot, type, row);

	if (missing != NULL)
		refuse(write, psprintf("%s is missing", missing),
			   psprintf(row->bare ? "Entity \"%s\" is not registered in organization \"%s\", so that it takes that on all of type \"%s\" there." :
						"To manage access to entity \"%s\" of organization \"%s\" takes that on the entity.",
						quotable(row->entity), quotable(row->organization), quotable(type_name(type))));
}

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
	NameRef		before = write->old == NULL ? cstring_ref(ROLE_MEMBER) : old_name(write, DEFAULT_ROLE_ROLE);
	NameRef		role = cstring_ref(ROLE_MEMBER);
	bool		had_all;

	demand_scope(write, "organization:update");
	if (write->new != NULL)
		role = require_role(write, DEFAULT_ROLE_ROLE);
	had_all = is_all_scopes_role(write->giver.snapshot, &before);
	if (had_all || is_all_scopes_role(write->giver.snapshot, &role))
		demand_scope(write, "org_member:set_admin");
	write->giver.replaced = before;
	if (!had_all)
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
		const Bits *added = added_scopes(write);

		if (added != NULL)
			give_in_set(&write->giver, &set, row_type(write, write->new, SET_ENTITY_TYPE), added);
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
lock_entity(Write *write, const Reach *reach)
{
	NameRef		keys[2] = {type_name(reach->type), reach->entity};

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
			lock_entity(write, &reach);
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
has_row(const Write *write, Lookup lookup, const NameRef *keys)
{
	bool		result;
	TableScan	scan;

	begin_scan(&scan, lookup, write->giver.snapshot, keys);
	result = next_row(&scan);
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
		holds_in(writer_access(write), &write->giver.organization, "team:create") &&
		is_of_this_transaction(write, team) && !has_row(write, MEMBERS_OF_TEAM, team);
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
		NameRef		member = required_name(write, write->new, TEAM_MEMBER_MEMBER);

		require_team(write, &team);
		require_member(write, &member);
	}
	if (gives_all_scopes(write, &team))
		demand_scope(write, "org_member:set_admin");
	if (is_extended(write, TEAM_MEMBER_EXPIRES_AT))
	{
		NameRef		member = required_name(write, write->new, TEAM_MEMBER_MEMBER);
		TimestampTz until = expiry(write, write->new, TEAM_MEMBER_EXPIRES_AT);

		if (membership_until(&write->giver, &member, &until))
			give_team(&write->giver, &team, until);
	}
}

static void
authorize_team_roles(Write *write)
{
	NameRef		role = required_name(write, present_row(write), TEAM_ROLE_ROLE);

	demand_scope(write, "role:update");
	demand_scope(write, "team:update");
	if (write->new != NULL)
	{
		NameRef		team = required_name(write, write->new, TEAM_ROLE_TEAM);

		require_team(write, &team);
		require_role(write, TEAM_ROLE_ROLE);
	}
	if (is_all_scopes_role(write->giver.snapshot, &role))
		demand_scope(write, "org_member:set_admin");
	if (is_extended(write, TEAM_ROLE_EXPIRES_AT))
		give_role(&write->giver, &role, expiry(write, write->new, TEAM_ROLE_EXPIRES_AT));
}

/* ---- grants ---- */

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

		require_access_scope(write, reach.type, &entity);
	}
	if (write->new != NULL)
	{
		TimestampTz until = expiry(write, write->new, GRANT_EXPIRES_AT);

		require_set(write, GRANT_SET);
		if (team.data != NULL)
			require_team(write, &team);
		if (member.data != NULL)
			require_member(write, &member);
		lock_entity(write, &reach);
		if (member.data == NULL || membership_until(giver, &member, &until))
			give(giver, &reach, new_set_scopes(write, GRANT_SET, !is_extended(write, GRANT_EXPIRES_AT)), until);
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
		give_to_entity(giver, type, &new->entity);
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

		require_access_scope(write, type, &bare);
	}
	else
		require_access_scope(write, type, &old);
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

static const GuardedTable *
guarded_table(Relation rel)
{
	for (size_t i = 0; i < lengthof(guarded_tables); i++)
		if (strcmp(RelationGetRelationName(rel), guarded_tables[i].name) == 0)
			return &guarded_tables[i];
	elog(ERROR, "table \"%s\" is not guarded", RelationGetRelationName(rel));
}

static bool
is_other_row(const Write *write)
{
	for (int i = 0; i < MAX_IDENTITY && write->table->identity[i] != 0; i++)
		if (name_changed(write, write->table->identity[i]))
			return true;
	return false;
}

/*
 * Writes of members in an organization exclude one another.  What is locked is an
 * object of our own, by the hash of the name: two that share it wait in vain.  Whatever
 * was waited for is known afterwards, since invalidations are received.
 */
static void
lock_organizations(const NameRef *a, const NameRef *b)
{
	uint32		first = hash_bytes((const unsigned char *) a->data, a->len);
	uint32		second = hash_bytes((const unsigned char *) b->data, b->len);

	/* in one order for everybody */
	LockDatabaseObject(organizations_oid(), Min(first, second), 0, ExclusiveLock);
	if (first != second)
		LockDatabaseObject(organizations_oid(), Max(first, second), 0, ExclusiveLock);
}

/* Who is not has no rights there, and nothing to wait for. */
static bool
is_member_of(const Write *write, const NameRef *organization)
{
	Key			key = make_key(KEY_TEXT, organization->data, organization->len);

	return org_access(writer_access(write), &key) != NULL;
}

static void
authorize_row(Write *write)
{
	write->giver.organization = row_organization(write, present_row(write));
	write->giver.snapshot = latest_snapshot();
	write->table->authorize(write);
	UnregisterSnapshot(write->giver.snapshot);
}

/* A row that becomes another one goes, and another comes. */
static void
authorize_other_row(Write *write)
{
	Write		deleted = *write;
	Write		inserted = *write;

	if (write->table->named)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to change a name in table \"%s\"", write->table->name),
				 errhint("Use rbac.rename().")));
	deleted.new = NULL;
	inserted.old = NULL;
	authorize_row(&deleted);
	authorize_row(&inserted);
}

static void
authorize_write(Write *write)
{
	NameRef		old = write->old == NULL ? name_ref(NULL, 0) : row_organization(write, write->old);
	NameRef		new = write->new == NULL ? old : row_organization(write, write->new);

	if (write->old == NULL)
		old = new;
	if (write->table->authorize == NULL || old.data == NULL || new.data == NULL)
		refuse(write, "it belongs to the owner of schema rbac",
			   write->table->authorize == NULL ? NULL : "The row is of no organization.");
	if (!current_member_name(&write->giver.member))
		refuse(write, "there is no current member", NULL);
	write->giver.now = GetCurrentStatementStartTimestamp();
	if (is_member_of(write, &old) && is_member_of(write, &new))
		lock_organizations(&old, &new);
	CommandCounterIncrement();
	if (write->old != NULL && write->new != NULL && is_other_row(write))
		authorize_other_row(write);
	else
		authorize_row(write);
}

/*
 * Ids are no member's to choose, or one could take those that the sequence is to give
 * to others.
 */
static HeapTuple
with_own_id(const Write *write, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(write->data->tg_relation);
	int			column = SPI_fnumber(desc, "id");
	bool		isnull = false;
	Datum		id;

	if (column <= 0 || TRIGGER_FIRED_BY_DELETE(write->data->tg_event))
		return row;
	if (write->old != NULL)
		id = column_value(write->data, write->old, column, &isnull);
	else
	{
		char	   *sequence = psprintf("%s_id_seq", write->table->name);

		id = Int64GetDatum(nextval_internal(get_relname_relid(sequence, rbac_namespace()), false));
	}
	return heap_modify_tuple_by_cols(row, desc, 1, &column, &id, &isnull);
}

/* Before each row that is written, and before TRUNCATE. */
Datum
authorize(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	TriggerEvent event = data->tg_event;
	Write		write = {.data = data};
	HeapTuple	result;

	if (!TRIGGER_FIRED_BEFORE(event))
		elog(ERROR, "authorize() must be called before");
	if (check_enable_rls(RelationGetRelid(data->tg_relation), InvalidOid, true) != RLS_ENABLED)
		return PointerGetDatum(TRIGGER_FIRED_FOR_ROW(event) ? trigger_row(data) : NULL);
	if (!TRIGGER_FIRED_FOR_ROW(event))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to truncate table \"%s\"", RelationGetRelationName(data->tg_relation)),
				 errhint("Delete rows one by one.")));
	write.table = guarded_table(data->tg_relation);
	write.old = TRIGGER_FIRED_BY_INSERT(event) ? NULL : data->tg_trigtuple;
	result = with_own_id(&write, trigger_row(data));
	write.new = TRIGGER_FIRED_BY_DELETE(event) ? NULL : result;
	authorize_write(&write);
	return PointerGetDatum(result);
}
