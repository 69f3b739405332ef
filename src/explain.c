/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  explain(): by what a member holds a scope on an entity, or what is missing.
 *
 * The member's rows are followed as access.c follows them, but read from the
 * tables in one snapshot, so that the answer can name every row on the way.  What
 * has expired is followed, too: a route with one obstacle is a refusal's nearest
 * reason.  The result is compared with has_scope()'s.
 *
 * Who may know: whoever may know all about the member (they themselves, the
 * schema's owner, holders of org_member:read in each of the member's organizations),
 * and whoever holds org_member:read in the entity's organization, who is told
 * about nothing outside of it.  The entity's organization, and whether there is
 * such an entity at all, is told to those only who belong to that organization or
 * hold org_member:read there: to others one that they have nothing to do with looks
 * like one that is not registered.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/jsonpath.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "rbac.h"
#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(explain);

/* In the order of the result's rows. */
typedef enum Reason
{
	ALL_SCOPES,
	DIRECT_RULE,
	GLOBAL_RULE,
	TAG_RULE,
	GRANT,
	TEAM_GRANT,
	OWNERSHIP,
	MEMBER_DEFAULT,
	TOGGLE,

	/* refusals, nearest first */
	UNKNOWN_ENTITY,
	EXPIRED,
	TAGS_DO_NOT_MATCH,
	NOT_FOR_TOKENS,
	NOT_A_MEMBER,
	OTHER_ORGANIZATION,
	OTHER_ENTITY,
	ROLE_NOT_HELD,
	SET_NOT_HELD,
	MORE,
	REASONS
} Reason;

static const char *const reason_names[REASONS] = {
	[ALL_SCOPES] = "all scopes",
	[DIRECT_RULE] = "direct rule",
	[GLOBAL_RULE] = "global rule",
	[TAG_RULE] = "tag rule",
	[GRANT] = "grant",
	[TEAM_GRANT] = "team grant",
	[OWNERSHIP] = "ownership",
	[MEMBER_DEFAULT] = "member default",
	[TOGGLE] = "toggle",
	[UNKNOWN_ENTITY] = "unknown entity",
	[EXPIRED] = "expired",
	[TAGS_DO_NOT_MATCH] = "tags do not match",
	[NOT_FOR_TOKENS] = "not for tokens",
	[NOT_A_MEMBER] = "not a member",
	[OTHER_ORGANIZATION] = "other organization",
	[OTHER_ENTITY] = "other entity",
	[ROLE_NOT_HELD] = "role not held",
	[SET_NOT_HELD] = "permission set not held",
	[MORE] = "more",
};

#define FIRST_REFUSAL	UNKNOWN_ENTITY
#define MAX_REFUSALS	100		/* rows */

/* What may have expired on a route; see what_expired(). */
#define MEMBERSHIP		0x1
#define TEAM_MEMBERSHIP	0x2
#define TEAM_ROLE		0x4
#define ITS_GRANT		0x8

/*
 * A route, or the part of it that has been followed so far.  Names without data are
 * not on it.
 */
typedef struct Route
{
	NameRef		role;
	NameRef		team;
	NameRef		set;
	bool		has_rule;
	int64		rule;
	char	   *detail;
	TimestampTz expires_at;		/* when the first part of it does */
	int			expired;		/* the parts that have */
} Route;

typedef struct Explanation
{
	Target		target;
	NameRef		member;

	/* what the asker may see */
	bool		everything;
	bool		all_of_member;	/* in all organizations */
	bool		here;			/* in the entity's organization */
	bool		roles;			/* the organization's roles and permission
								 * sets */
	bool		tags;			/* the entity's tags */

	/* the organization whose rows are being followed */
	const NameRef *organization;
	bool		is_here;		/* it is the entity's */
	bool		is_token;

	List	   *held;			/* of NameRef *: roles met on the way here */
	List	   *routes[REASONS];	/* of Route * */
} Explanation;

/* ---- who may know ---- */

/* May the asker manage access to the entity?  Its tags are no business of others. */
static bool
may_see_tags(const Target *target, const NameRef *asker)
{
	Key			key = make_key(KEY_TEXT, target->entity.data, target->entity.len);
	NameRef		type = type_name(target->scope->type);
	NameRef		name;
	ScopeEntry *scope;

	if (!access_scope(target->snapshot, &type, &name))
		return false;
	scope = lookup_scope(name.data, name.len);
	return scope != NULL && scope->type == target->scope->type &&
		check_entity(access_of(asker, target->now), scope->type, &key, scope->bit);
}

static bool
is_member_in_force(const Target *target, const NameRef *member)
{
	NameRef		keys[2] = {target->organization, *member};
	TimestampTz until = DT_NOEND;
	TableScan	scan;
	bool		result;

	begin_scan(&scan, MEMBER_BY_KEY, target->snapshot, keys);
	result = next_row(&scan) && !row_expired(&scan, MEMBER_EXPIRES_AT, target->now, &until);
	end_scan(&scan);
	return result;
}

static void
find_rights(Explanation *ex)
{
	const Target *target = &ex->target;
	NameRef		asker;
	bool		oneself;

	if (sees_all_rows(GetUserId()))
	{
		ex->everything = ex->all_of_member = ex->roles = ex->tags = true;
		ex->here = target->registered;
		return;
	}
	if (!current_member_name(&asker))
		return;
	oneself = name_is(&asker, ex->member.data, ex->member.len);
	ex->all_of_member = oneself || asker_may_read_member(&asker, &ex->member);
	if (!target->registered)
		return;
	ex->here = asker_has_scope(&asker, &target->organization, "org_member:read") ||
		(oneself && is_member_in_force(target, &asker));
	ex->roles = asker_has_scope(&asker, &target->organization, "role:read");
	ex->tags = target->scope->type != TYPE_ORGANIZATION && may_see_tags(target, &asker);
}

static void
require_rights(const Explanation *ex)
{
	if (!ex->all_of_member && !ex->here)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to see the access of member \"%s\" to \"%s\"",
						clip_for_message(ex->member.data, ex->member.len),
						clip_for_message(ex->target.entity.data, ex->target.entity.len)),
				 errhint("It takes scope \"org_member:read\" in the organization of a registered entity, or in each of the member's organizations.")));
}

/* ---- routes ---- */

static void
keep_name_of(NameRef *name)
{
	if (name->data != NULL)
		*name = copy_name(CurrentMemoryContext, name);
}

static bool
is_full(const Explanation *ex, Reason reason)
{
	return reason >= FIRST_REFUSAL && list_length(ex->routes[reason]) > MAX_REFUSALS;
}

static void
put_row(Explanation *ex, Reason reason, const Route *route)
{
	Route	   *copy;

	if (is_full(ex, reason))
		return;
	copy = palloc(sizeof(Route));
	*copy = *route;
	keep_name_of(&copy->role);
	keep_name_of(&copy->team);
	keep_name_of(&copy->set);
	ex->routes[reason] = lappend(ex->routes[reason], copy);
}

/* The route goes through this row, which may expire or have done so. */
static void
pass_through(const Explanation *ex, Route *route, TableScan *row, AttrNumber expires_at, int part)
{
	TimestampTz never = DT_NOEND;
	bool		isnull;
	Datum		value = row_value(row, expires_at, &isnull);

	if (isnull)
		return;
	route->expires_at = Min(route->expires_at, DatumGetTimestampTz(value));
	if (row_expired(row, expires_at, ex->target.now, &never))
		route->expired |= part;
}

/* What kind of route it is, and which row if that has an id. */
static const char *
route_name(Reason kind, const Route *route)
{
	return route->detail != NULL && (kind == GRANT || kind == TEAM_GRANT) ? route->detail : reason_names[kind];
}

static char *
what_expired(Reason kind, const Route *route)
{
	static const char *const parts[] = {"membership", "team membership", "team's role", "grant"};
	StringInfoData detail;
	const char *separator = ": expired ";

	initStringInfo(&detail);
	appendStringInfoString(&detail, route_name(kind, route));
	for (size_t i = 0; i < lengthof(parts); i++)
		if ((route->expired & (1 << i)) != 0)
		{
			appendStringInfo(&detail, "%s%s", separator, parts[i]);
			separator = ", ";
		}
	return detail.data;
}

/* A route that leads to the entity, unless it has expired. */
static void
put_route(Explanation *ex, Reason kind, Route route)
{
	if (route.expired != 0)
	{
		route.detail = what_expired(kind, &route);
		kind = EXPIRED;
	}
	put_row(ex, kind, &route);
}

/* A rule or grant that names an entity: this one? */
static void
put_named(Explanation *ex, Reason kind, Route route, const NameRef *entity)
{
	bool		same = name_is(entity, ex->target.entity.data, ex->target.entity.len);

	if (same && ex->is_here)
		put_route(ex, kind, route);
	else if (route.expired != 0 || same == ex->is_here || is_full(ex, same ? OTHER_ORGANIZATION : OTHER_ENTITY))
		return;
	else if (same)
	{
		route.detail = psprintf("%s in organization \"%.*s\", where the entity is not registered",
								route_name(kind, &route), ex->organization->len, ex->organization->data);
		put_row(ex, OTHER_ORGANIZATION, &route);
	}
	else
	{
		route.detail = psprintf("%s for \"%.*s\"", route_name(kind, &route), entity->len, entity->data);
		put_row(ex, OTHER_ENTITY, &route);
	}
}

/* ---- roles ---- */

static char *
unmet_condition(const Explanation *ex, const char *condition)
{
	char	   *tags;

	if (!ex->tags)
		return psprintf("condition %s", condition);
	tags = ex->target.tags == NULL ? "{}" :
		DatumGetCString(DirectFunctionCall1(jsonb_out, PointerGetDatum(ex->target.tags)));
	return psprintf("condition %s, tags %s", condition, clip_for_message(tags, strlen(tags)));
}

static void
follow_tag_rule(Explanation *ex, Route route, TableScan *rule, Datum condition)
{
	route.detail = DatumGetCString(DirectFunctionCall1(jsonpath_out, condition));
	if (rule_matches(&ex->target, rule))
		put_route(ex, TAG_RULE, route);
	else if (route.expired == 0)
	{
		route.detail = unmet_condition(ex, route.detail);
		put_row(ex, TAGS_DO_NOT_MATCH, &route);
	}
}

/* A rule that holds the scope. */
static void
follow_rule(Explanation *ex, Route route, TableScan *rule)
{
	NameRef		entity;
	bool		isnull;
	Datum		condition;

	route.rule = DatumGetInt64(row_value(rule, RULE_ID, &isnull));
	route.has_rule = true;
	condition = row_value(rule, RULE_CONDITION, &isnull);
	if (row_name(rule, RULE_ENTITY, &entity))
		put_named(ex, DIRECT_RULE, route, &entity);
	else if (!ex->is_here)
		return;
	else if (isnull)
		put_route(ex, GLOBAL_RULE, route);
	else
		follow_tag_rule(ex, route, rule, condition);
}

static void
follow_role(Explanation *ex, Route route)
{
	TableScan	scan;

	if (ex->is_here && !names_contain(ex->held, &route.role))
	{
		NameRef    *role = palloc(sizeof(NameRef));

		*role = copy_name(CurrentMemoryContext, &route.role);
		ex->held = lappend(ex->held, role);
	}
	begin_scan(&scan, ROLE_BY_NAME, ex->target.snapshot, &route.role);
	if (ex->is_here && next_row(&scan) && row_bool(&scan, ROLE_ALL_SCOPES))
		put_route(ex, ALL_SCOPES, route);
	end_scan(&scan);

	begin_scan(&scan, RULES_BY_ROLE, ex->target.snapshot, &route.role);
	while (next_row(&scan))
	{
		CHECK_FOR_INTERRUPTS();
		row_name(&scan, RULE_SET, &route.set);
		if (set_gives(&ex->target.sets, &route.set))
			follow_rule(ex, route, &scan);
	}
	end_scan(&scan);
}

/* ---- grants ---- */

static void
put_for_token(Explanation *ex, const char *what, Route route)
{
	route.detail = psprintf("%s: not for organization tokens", what);
	if (ex->is_here && route.expired == 0)
		put_row(ex, NOT_FOR_TOKENS, &route);
}

static void
follow_grants(Explanation *ex, Lookup lookup, const NameRef *keys, Reason kind, Route route)
{
	TableScan	scan;

	begin_scan(&scan, lookup, ex->target.snapshot, keys);
	while (next_row(&scan))
	{
		Route		grant = route;
		NameRef		entity;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		row_name(&scan, GRANT_SET, &grant.set);
		if (!set_gives(&ex->target.sets, &grant.set))
			continue;
		pass_through(ex, &grant, &scan, GRANT_EXPIRES_AT, ITS_GRANT);
		grant.detail = psprintf("grant %lld", (long long) DatumGetInt64(row_value(&scan, GRANT_ID, &isnull)));
		row_name(&scan, GRANT_ENTITY, &entity);
		if (!ex->is_token)
			put_named(ex, kind, grant, &entity);
		else if (name_is(&entity, ex->target.entity.data, ex->target.entity.len))
			put_for_token(ex, grant.detail, grant);
	}
	end_scan(&scan);
}

/* ---- teams ---- */

static void
follow_team(Explanation *ex, Route route)
{
	TableScan	scan;

	begin_scan(&scan, ROLES_OF_TEAM, ex->target.snapshot, &route.team);
	while (next_row(&scan))
	{
		Route		to_role = route;

		pass_through(ex, &to_role, &scan, TEAM_ROLE_EXPIRES_AT, TEAM_ROLE);
		row_name(&scan, TEAM_ROLE_ROLE, &to_role.role);
		follow_role(ex, to_role);
	}
	end_scan(&scan);
	follow_grants(ex, GRANTS_TO_TEAM, &route.team, TEAM_GRANT, route);
}

static void
follow_teams(Explanation *ex, const NameRef *keys, Route route)
{
	TableScan	scan;

	begin_scan(&scan, TEAMS_OF_MEMBER, ex->target.snapshot, keys);
	while (next_row(&scan))
	{
		Route		to_team = route;

		pass_through(ex, &to_team, &scan, TEAM_MEMBER_EXPIRES_AT, TEAM_MEMBERSHIP);
		row_name(&scan, TEAM_MEMBER_TEAM, &to_team.team);
		follow_team(ex, to_team);
	}
	end_scan(&scan);
}

/* ---- what comes from the entity and from its organization ---- */

static void
follow_ownership(Explanation *ex, Route route)
{
	const NameRef *owner = &ex->target.owner;

	if (owner->data != NULL && name_is(owner, ex->member.data, ex->member.len) && owner_set(&ex->target, &route.set))
		put_route(ex, OWNERSHIP, route);
}

/* For those whose own role is Member; the others are told what it would give them. */
static void
follow_member_defaults(Explanation *ex, Route route, const NameRef *own_role)
{
	route.role = cstring_ref(ROLE_MEMBER);
	route.set = name_ref(NULL, 0);
	while (next_giving_set(&ex->target.sets, DEFAULTS_BY_SET, ex->organization, &route.set))
	{
		route.detail = NULL;
		if (name_is(own_role, route.role.data, route.role.len))
			put_route(ex, MEMBER_DEFAULT, route);
		else if (route.expired == 0)
		{
			route.detail = pstrdup(reason_names[MEMBER_DEFAULT]);
			put_row(ex, ROLE_NOT_HELD, &route);
		}
	}
}

static void
follow_toggle(Explanation *ex, Route route)
{
	if (!is_toggled(&ex->target))
		return;
	if (ex->is_token)
		put_for_token(ex, reason_names[TOGGLE], route);
	else
		put_route(ex, TOGGLE, route);
}

/* ---- a membership ---- */

/* A row of rbac.members. */
static void
follow_membership(Explanation *ex, TableScan *row)
{
	Route		route = {.expires_at = DT_NOEND};
	Route		to_role;
	NameRef		keys[2];
	NameRef		kind;
	NameRef		role;

	row_name(row, MEMBER_ORGANIZATION, &keys[0]);
	row_name(row, MEMBER_MEMBER, &keys[1]);
	row_name(row, MEMBER_KIND, &kind);
	row_name(row, MEMBER_ROLE, &role);
	ex->organization = &keys[0];
	ex->is_token = name_is_string(&kind, KIND_TOKEN);
	pass_through(ex, &route, row, MEMBER_EXPIRES_AT, MEMBERSHIP);
	to_role = route;
	to_role.role = role;
	follow_role(ex, to_role);
	if (!ex->is_token)
		follow_teams(ex, keys, route);
	follow_grants(ex, GRANTS_TO_MEMBER, keys, GRANT, route);
	if (!ex->is_here)
		return;
	follow_ownership(ex, route);
	follow_member_defaults(ex, route, &role);
	follow_toggle(ex, route);
}

static char *
quoted_name(const char *what, const NameRef *name)
{
	return psprintf("%s \"%s\"", what, clip_for_message(name->data, name->len));
}

/* The routes in the entity's organization. */
static void
follow_here(Explanation *ex)
{
	NameRef		keys[2] = {ex->target.organization, ex->member};
	Route		route = {.expires_at = DT_NOEND};
	char	   *organization = quoted_name("organization", &keys[0]);
	bool		found;
	TableScan	scan;

	ex->is_here = true;
	begin_scan(&scan, MEMBER_BY_KEY, ex->target.snapshot, keys);
	found = next_row(&scan);
	if (found)
	{
		pass_through(ex, &route, &scan, MEMBER_EXPIRES_AT, MEMBERSHIP);
		follow_membership(ex, &scan);
	}
	end_scan(&scan);
	route.detail = found ? psprintf("expired membership in %s", organization) : organization;
	if (!found || route.expired != 0)
		put_row(ex, NOT_A_MEMBER, &route);
}

/*
 * In other organizations there is nothing but what names the entity in vain.  Who
 * may not know where the entity belongs is told of all memberships that have
 * expired: one of them may be it.
 */
static void
follow_elsewhere(Explanation *ex)
{
	TableScan	scan;

	ex->is_here = false;
	begin_scan(&scan, MEMBERS_BY_MEMBER, ex->target.snapshot, &ex->member);
	while (next_row(&scan))
	{
		Route		route = {.expires_at = DT_NOEND};
		NameRef		organization;

		row_name(&scan, MEMBER_ORGANIZATION, &organization);
		if (ex->here && name_is(&organization, ex->target.organization.data, ex->target.organization.len))
			continue;
		pass_through(ex, &route, &scan, MEMBER_EXPIRES_AT, MEMBERSHIP);
		route.detail = psprintf("membership in %s", quoted_name("organization", &organization));
		if (route.expired == 0)
			follow_membership(ex, &scan);
		else if (!ex->here && !ex->everything)
			put_row(ex, EXPIRED, &route);
	}
	end_scan(&scan);
}

/* ---- what would be needed ---- */

static void
put_unknown_entity(Explanation *ex)
{
	const Target *target = &ex->target;
	Route		route = {.expires_at = DT_NOEND};
	NameRef		type = type_name(target->scope->type);
	char	   *what = quoted_name(pnstrdup(type.data, type.len), &target->entity);

	route.detail = psprintf("%s is not registered%s", what,
							ex->everything ? "" : ", or belongs to an organization that the member is not in");
	put_row(ex, UNKNOWN_ENTITY, &route);
}

/* The roles of an organization, or with NULL for its name those that all share. */
static void
put_roles_not_held(Explanation *ex, const NameRef *organization)
{
	TableScan	scan;

	begin_scan(&scan, ROLES_BY_ORGANIZATION, ex->target.snapshot, organization);
	while (!is_full(ex, ROLE_NOT_HELD) && next_row(&scan))
	{
		Route		route = {.expires_at = DT_NOEND};
		RoleGift	gift;

		CHECK_FOR_INTERRUPTS();
		row_name(&scan, ROLE_NAME, &route.role);
		if (names_contain(ex->held, &route.role) || !role_gives(&ex->target, &scan, &gift))
			continue;
		route.set = gift.set;
		route.rule = gift.rule;
		route.has_rule = !gift.all_scopes;
		put_row(ex, ROLE_NOT_HELD, &route);
	}
	end_scan(&scan);
}

static void
put_sets_not_held(Explanation *ex, const NameRef *organization)
{
	TableScan	scan;

	begin_scan(&scan, PERMISSION_SETS_BY_ORGANIZATION, ex->target.snapshot, organization);
	while (!is_full(ex, SET_NOT_HELD) && next_row(&scan))
	{
		Route		route = {.expires_at = DT_NOEND};

		CHECK_FOR_INTERRUPTS();
		row_name(&scan, SET_NAME, &route.set);
		if (set_gives(&ex->target.sets, &route.set))
			put_row(ex, SET_NOT_HELD, &route);
	}
	end_scan(&scan);
}

static void
put_what_is_missing(Explanation *ex)
{
	static const NameRef shared = {NULL, 0};

	if (ex->all_of_member)
		follow_elsewhere(ex);
	if (!ex->here)
	{
		put_unknown_entity(ex);
		return;
	}
	if (ex->roles)
	{
		put_roles_not_held(ex, &ex->target.organization);
		put_sets_not_held(ex, &ex->target.organization);
	}
	put_roles_not_held(ex, &shared);
	put_sets_not_held(ex, &shared);
}

/* ---- the answer ---- */

static bool
is_granted(const Explanation *ex)
{
	for (int reason = 0; reason < FIRST_REFUSAL; reason++)
		if (ex->routes[reason] != NIL)
			return true;
	return false;
}

static void
find_routes(Explanation *ex, const ScopeEntry *scope, const NameRef *entity)
{
	begin_target(&ex->target, scope, entity);
	find_rights(ex);
	require_rights(ex);
	if (ex->here)
		follow_here(ex);
	if (!is_granted(ex))
		put_what_is_missing(ex);
	end_target(&ex->target);
}

/* What has_scope() says now. */
static bool
is_allowed(const Explanation *ex)
{
	MemberAccess *access = access_of(&ex->member, ex->target.now);
	const ScopeEntry *scope = ex->target.scope;
	Key			key = make_key(KEY_TEXT, ex->target.entity.data, ex->target.entity.len);

	if (scope->type == TYPE_ORGANIZATION)
		return check_organization(access, &key, scope->bit);
	return check_entity(access, scope->type, &key, scope->bit);
}

static Datum
name_value(const NameRef *name, bool *isnull)
{
	*isnull = name->data == NULL;
	return *isnull ? (Datum) 0 : PointerGetDatum(cstring_to_text_with_len(name->data, name->len));
}

static void
return_route(ReturnSetInfo *result, Reason reason, const Route *route)
{
	Datum		values[8];
	bool		nulls[8] = {false};

	values[0] = BoolGetDatum(reason < FIRST_REFUSAL);
	values[1] = CStringGetTextDatum(reason_names[reason]);
	values[2] = name_value(&route->role, &nulls[2]);
	values[3] = name_value(&route->team, &nulls[3]);
	values[4] = name_value(&route->set, &nulls[4]);
	values[5] = Int64GetDatum(route->rule);
	nulls[5] = !route->has_rule;
	nulls[6] = route->detail == NULL;
	values[6] = nulls[6] ? (Datum) 0 : CStringGetTextDatum(route->detail);
	values[7] = TimestampTzGetDatum(route->expires_at);
	nulls[7] = TIMESTAMP_IS_NOEND(route->expires_at);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* No name comes last. */
static int
compare_names(const NameRef *a, const NameRef *b)
{
	if (a->data == NULL || b->data == NULL)
		return (a->data == NULL) - (b->data == NULL);
	return name_cmp(a, b);
}

static int
compare_routes(const ListCell *a, const ListCell *b)
{
	const Route *r = lfirst(a);
	const Route *s = lfirst(b);
	int			order = compare_names(&r->role, &s->role);

	if (order == 0)
		order = compare_names(&s->team, &r->team);
	if (order == 0)
		order = compare_names(&r->set, &s->set);
	if (order == 0)
		order = (r->rule > s->rule) - (r->rule < s->rule);
	return order;
}

/* The routes; or if there is none the refusals, as far as there is room. */
static void
return_routes(Explanation *ex, ReturnSetInfo *result)
{
	bool		granted = is_granted(ex);
	int			room = MAX_REFUSALS;
	ListCell   *cell;

	for (int reason = granted ? 0 : FIRST_REFUSAL; reason < (granted ? FIRST_REFUSAL : MORE); reason++)
	{
		list_sort(ex->routes[reason], compare_routes);
		foreach(cell, ex->routes[reason])
		{
			if (!granted && room-- == 0)
			{
				Route		more = {.expires_at = DT_NOEND};

				more.detail = psprintf("there is more than these %d rows", MAX_REFUSALS);
				return_route(result, MORE, &more);
				return;
			}
			return_route(result, reason, lfirst(cell));
		}
	}
}

/* (member, entity, scope) */
Datum
explain(PG_FUNCTION_ARGS)
{
	NameRef		member = text_ref(PG_GETARG_TEXT_PP(0));
	NameRef		entity = text_ref(PG_GETARG_TEXT_PP(1));
	ScopeName	name = PG_GETARG_SCOPENAME(2);
	Explanation ex;
	ScopeEntry *scope;
	bool		agreed = false;

	InitMaterializedSRF(fcinfo, 0);
	AcceptInvalidationMessages();
	scope = require_scope_entry(name.data, name.len);
	/* has_scope() may know of a change a moment later than the tables do */
	for (int attempt = 0; !agreed && attempt < MAX_ATTEMPTS; attempt++)
	{
		CHECK_FOR_INTERRUPTS();
		memset(&ex, 0, sizeof(ex));
		ex.member = member;
		find_routes(&ex, scope, &entity);
		AcceptInvalidationMessages();
		agreed = is_allowed(&ex) == is_granted(&ex);
	}
	if (!agreed)
		ereport(WARNING,
				(errmsg("has_scope() does not agree with what the tables say"),
				 errhint("Have triggers been disabled?")));
	return_routes(&ex, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
