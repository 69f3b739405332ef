/*-------------------------------------------------------------------------
 *
 * list_members.c
 *	  members_with_scope(): who holds a scope on an entity.
 *
 * An organization may have a million members, so nobody is looked at who cannot
 * qualify.  First the roles, teams and grants are found that give the scope on
 * this entity; the members who have them come from index scans, in order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

#include "rbac.h"
#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(members_with_scope);

typedef struct MemberListing
{
	Target		target;
	Merge	   *merge;
	HTAB	   *teams;			/* those that have a stream */
} MemberListing;

/* ---- who may know ---- */

/* An entity that is not registered must look like one of somebody else's organization. */
static void
require_may_list_members(const Target *target)
{
	NameRef		asker;

	if (sees_all_rows(GetUserId()))
		return;
	if (target->registered && current_member_name(&asker) &&
		asker_has_scope(&asker, &target->organization, "org_member:read"))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to list the members with access to \"%s\"",
					clip_for_message(target->entity.data, target->entity.len)),
			 errhint("It takes scope \"org_member:read\" in the organization of a registered entity.")));
}

/* ---- which rows count ---- */

static bool
in_force(const Target *target, TableScan *row, AttrNumber expires_at)
{
	TimestampTz until = DT_NOEND;

	return !row_expired(row, expires_at, target->now, &until);
}

static bool
is_token(TableScan *member)
{
	NameRef		kind;

	row_name(member, MEMBER_KIND, &kind);
	return name_is_string(&kind, KIND_TOKEN);
}

static bool
accept_member(void *arg, TableScan *row, const NameRef *member)
{
	return in_force(arg, row, MEMBER_EXPIRES_AT);
}

static bool
accept_no_token(void *arg, TableScan *row, const NameRef *member)
{
	return accept_member(arg, row, member) && !is_token(row);
}

/* Does the organization have this member? */
static bool
is_member(Target *target, const NameRef *member, AcceptRow accept)
{
	NameRef		keys[2] = {target->organization, *member};
	TableScan	scan;
	bool		result;

	begin_scan(&scan, MEMBER_BY_KEY, target->snapshot, keys);
	result = next_row(&scan) && accept(target, &scan, member);
	end_scan(&scan);
	return result;
}

static bool
accept_team_member(void *arg, TableScan *row, const NameRef *member)
{
	return in_force(arg, row, TEAM_MEMBER_EXPIRES_AT) && is_member(arg, member, accept_no_token);
}

static bool
accept_grantee(void *arg, TableScan *row, const NameRef *member)
{
	return in_force(arg, row, GRANT_EXPIRES_AT) && is_member(arg, member, accept_no_token);
}

/* ---- teams ---- */

static void
list_team(MemberListing *listing, const NameRef *team)
{
	NameRef		name;
	bool		found;

	hash_search(listing->teams, team, HASH_FIND, &found);
	if (found)
		return;
	name = copy_name(CurrentMemoryContext, team);
	hash_search(listing->teams, &name, HASH_ENTER, NULL);
	add_stream(listing->merge, MEMBER_OF_TEAM, &name, 1, accept_team_member, &listing->target);
}

/*
 * The organization's teams among the rows with these keys.  Names of teams begin
 * with the organization's and a slash, so they lie together in any index.
 */
static void
list_teams(MemberListing *listing, Lookup lookup, const NameRef *keys, AttrNumber expires_at)
{
	const NameRef *organization = &listing->target.organization;
	char	   *prefix = psprintf("%.*s/", organization->len, organization->data);
	NameRef		after = cstring_ref(prefix);
	NameRef		team;
	TableScan	scan;
	bool		ordered = begin_ordered_scan(&scan, lookup, listing->target.snapshot, keys, &after);

	while (next_row(&scan))
	{
		row_name(&scan, last_key_column(lookup), &team);
		CHECK_FOR_INTERRUPTS();
		if (team.len <= after.len || !name_is(&after, team.data, after.len))
		{
			if (ordered)
				break;
		}
		else if (in_force(&listing->target, &scan, expires_at))
			list_team(listing, &team);
	}
	end_scan(&scan);
}

/* ---- what gives the scope ---- */

static void
list_role(MemberListing *listing, const NameRef *role)
{
	NameRef		keys[2] = {*role, listing->target.organization};

	add_stream(listing->merge, MEMBERS_BY_ROLE, keys, 2, accept_member, &listing->target);
}

/* Those of the organization, or with NULL for its name those that all share. */
static void
list_roles(MemberListing *listing, const NameRef *organization)
{
	TableScan	scan;

	begin_scan(&scan, ROLES_BY_ORGANIZATION, listing->target.snapshot, organization);
	while (next_row(&scan))
	{
		RoleGift	gift;
		NameRef		role;

		CHECK_FOR_INTERRUPTS();
		if (!role_gives(&listing->target, &scan, &gift))
			continue;
		row_name(&scan, ROLE_NAME, &role);
		role = copy_name(CurrentMemoryContext, &role);
		list_role(listing, &role);
		list_teams(listing, TEAMS_WITH_ROLE, &role, TEAM_ROLE_EXPIRES_AT);
	}
	end_scan(&scan);
}

static void
list_grants(MemberListing *listing)
{
	Target	   *target = &listing->target;
	NameRef		keys[5] = {type_name(target->scope->type), target->entity};

	while (next_giving_set(&target->sets, GRANTS_BY_ENTITY_AND_SET, keys, &keys[2]))
	{
		list_teams(listing, GRANTS_TO_TEAMS_BY_ENTITY_AND_SET, keys, GRANT_EXPIRES_AT);
		keys[3] = name_ref(NULL, 0);	/* no team */
		keys[4] = target->organization;
		add_stream(listing->merge, GRANTS_TO_MEMBERS_BY_ENTITY_AND_SET, keys, 5, accept_grantee, target);
	}
}

static void
list_owner(MemberListing *listing)
{
	Target	   *target = &listing->target;
	NameRef		set;

	if (target->owner.data != NULL && owner_set(target, &set) && is_member(target, &target->owner, accept_member))
		add_to_merge(listing->merge, &target->owner);
}

static void
list_member_defaults(MemberListing *listing)
{
	NameRef		set = {NULL, 0};
	NameRef		role = cstring_ref(ROLE_MEMBER);

	if (next_giving_set(&listing->target.sets, DEFAULTS_BY_SET, &listing->target.organization, &set))
		list_role(listing, &role);
}

static void
list_toggle(MemberListing *listing)
{
	Target	   *target = &listing->target;

	if (is_toggled(target))
		add_stream(listing->merge, MEMBER_BY_KEY, &target->organization, 1, accept_no_token, target);
}

static void
list_members(MemberListing *listing)
{
	static const NameRef shared = {NULL, 0};

	listing->teams = create_name_hash("rbac teams", sizeof(NameRef), CurrentMemoryContext);
	list_roles(listing, &listing->target.organization);
	list_roles(listing, &shared);
	list_grants(listing);
	list_owner(listing);
	list_member_defaults(listing);
	list_toggle(listing);
}

static void
return_members(const ScopeEntry *scope, const NameRef *entity, const ListPage *page, FunctionCallInfo fcinfo)
{
	MemberListing listing = {0};

	begin_target(&listing.target, scope, entity);
	require_may_list_members(&listing.target);
	listing.merge = begin_page(page, listing.target.snapshot);
	if (listing.target.registered)
		list_members(&listing);
	return_page(page, listing.merge, fcinfo);
	end_target(&listing.target);
}

/*
 * (entity, scope, after, max_rows).  All that is read is of one snapshot; should a table
 * have been rewritten, which preserves no rows for that, it is done again.
 */
Datum
members_with_scope(PG_FUNCTION_ARGS)
{
	ScopeName	scope;
	NameRef		entity;
	ListPage	page;
	Stamp		stamp;
	int			attempt = 0;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	entity = text_ref(PG_GETARG_TEXT_PP(0));
	scope = PG_GETARG_SCOPENAME(1);
	page = page_arguments(fcinfo);

	AcceptInvalidationMessages();
	do
	{
		CHECK_FOR_INTERRUPTS();
		stamp = invalidation_stamp;
		return_members(require_scope_entry(scope.data, scope.len), &entity, &page, fcinfo);
	} while (tables_changed_since(stamp) && ++attempt < MAX_ATTEMPTS);
	return (Datum) 0;
}
