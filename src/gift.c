/*-------------------------------------------------------------------------
 *
 * gift.c
 *	  Nobody gives what they do not hold.
 *
 * A row of the tables gives scopes: to one member, to those of a team, to whoever
 * may come to hold a role.  To whom does not matter.  Its writer must hold each of
 * these scopes on everything that the row gives it on, and not for a shorter time.
 * So whatever rows a member writes, and in whatever order, nobody comes to hold
 * anything by them that this member did not hold before.
 *
 * "On everything" compares reaches, not entities, since entities come and go.  What
 * is given type-wide the writer must hold type-wide; what is given by a condition on
 * tags, type-wide or by a rule with the same condition; what is given on an entity,
 * there in any way.  Of an entity that is not registered in the organization no
 * owner and no tags are known, so that only what names it counts.
 *
 * The writer's access is computed without the row in question (authorize.c), as of
 * the moment before the gift ends.  The row's own end counts, not that of somebody's
 * membership, which may be prolonged.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonpath.h"

#include "gift.h"
#include "rbac.h"

#define LONGEST_STATEMENT	(24 * USECS_PER_HOUR)

/* The giver's access, without what expires before. */
typedef struct Holding
{
	TimestampTz until;
	MemberAccess *access;
} Holding;

/* Made when first needed: most rows give until one and the same time. */
MemberAccess *
giver_access(Giver *giver, TimestampTz until)
{
	Holding    *holding;
	ListCell   *cell;

	until = Max(until, giver->now);
	foreach(cell, giver->holdings)
	{
		holding = lfirst(cell);
		if (holding->until == until)
			return holding->access;
	}
	holding = palloc(sizeof(Holding));
	holding->until = until;
	holding->access = access_until(&giver->member, until);
	giver->holdings = lappend(giver->holdings, holding);
	return holding->access;
}

static OrgAccess *
giver_org(const Giver *giver, MemberAccess *access)
{
	Key			key = make_key(KEY_TEXT, giver->organization.data, giver->organization.len);

	return org_access(access, &key);
}

/*
 * What has expired before this gives nothing.  What has only now counts, since a
 * statement that began earlier goes by the time when it began.
 */
static TimestampTz
long_ago(const Giver *giver)
{
	return giver->now - LONGEST_STATEMENT;
}

/* ---- conditions ---- */

/* As they are stored, detoasted: text does not tell (-$.a)[0] from -$.a[0]. */
static bool
same_condition(JsonPath *a, JsonPath *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

static const char *
condition_text(JsonPath *condition)
{
	return DatumGetCString(DirectFunctionCall1(jsonpath_out, PointerGetDatum(condition)));
}

/* ---- refusals ---- */

static char *
reach_text(const Giver *giver, const Reach *reach)
{
	char	   *organization = quotable(giver->organization);
	char	   *type = quotable(type_name(reach->type));

	if (reach->entity.data != NULL)
		return psprintf("on %s \"%s\" in organization \"%s\"", type, quotable(reach->entity), organization);
	if (reach->condition != NULL)
		return psprintf("on all of type \"%s\" in organization \"%s\" whose tags satisfy %s", type, organization,
						condition_text(reach->condition));
	if (reach->type == TYPE_ORGANIZATION)
		return psprintf("on organization \"%s\"", organization);
	return psprintf("on all of type \"%s\" in organization \"%s\"", type, organization);
}

static const char *
end_text(const Giver *giver, TimestampTz until)
{
	if (TIMESTAMP_IS_NOEND(until))
		return "without expiry";
	return until <= giver->now ? "now" : psprintf("until %s", timestamptz_to_str(until));
}

static void
refuse_gift(const Giver *giver, const char *what, const char *where, TimestampTz until)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to give %s: member \"%s\" does not hold it there", what, quotable(giver->member)),
			 errdetail("It would be given %s, %s.", where, end_text(giver, until)),
			 errhint("To give a scope takes holding it on everything that it is given on, and for as long.")));
}

/* ---- scopes ---- */

bool
same_reach(const Reach *a, const Reach *b)
{
	return a->type == b->type && same_condition(a->condition, b->condition) && same_name(&a->entity, &b->entity);
}

/* What the giver's rules with this very condition give. */
static const Bits *
held_by_condition(const OrgAccess *org, JsonPath *condition)
{
	const Bits *held = NULL;

	for (int i = 0; i < org->ntag_rules; i++)
	{
		const TagRule *rule = &org->tag_rules[i];

		if (same_condition(rule->condition, condition))
			held = bits_union(held, rule->scopes);
	}
	return held;
}

/* What the giver holds there, beyond what is type-wide. */
static const Bits *
held_at(const Giver *giver, MemberAccess *access, const OrgAccess *org, const Reach *reach)
{
	EntityRow	row;
	bool		all;

	if (reach->condition != NULL)
		return held_by_condition(org, reach->condition);
	if (reach->entity.data == NULL)
		return NULL;
	row = registered_row(giver->snapshot, &giver->organization, reach->type, &reach->entity);
	return held_on(access, reach->type, &row, &all);
}

/* ---- a role that is replaced ---- */

/* What a row of role_rules reaches. */
static Reach
rule_reach(TableScan *rule)
{
	Reach		reach = {0};
	bool		isnull;
	Datum		condition = row_value(rule, RULE_CONDITION, &isnull);
	NameRef		type;

	row_name(rule, RULE_ENTITY_TYPE, &type);
	reach.type = type_number(&type);
	row_name(rule, RULE_ENTITY, &reach.entity);
	reach.condition = isnull ? NULL : DatumGetJsonPathP(condition);
	return reach;
}

static const Bits *
default_scopes(const Giver *giver)
{
	const Bits *scopes = NULL;
	TableScan	scan;

	begin_scan(&scan, DEFAULTS_OF_ORGANIZATION, giver->snapshot, &giver->organization);
	while (next_row(&scan))
	{
		NameRef		set;

		row_name(&scan, DEFAULT_SET, &set);
		scopes = bits_union(scopes, bits_of_set(&set, giver->snapshot, CurrentMemoryContext));
	}
	end_scan(&scan);
	return scopes;
}

/* What the role that goes gives there, by a rule of the same reach or type-wide. */
static const Bits *
given_by_replaced(const Giver *giver, const Reach *reach)
{
	Reach		wide = {.type = reach->type};
	const Bits *scopes = NULL;
	TableScan	scan;

	begin_scan(&scan, RULES_BY_ROLE, giver->snapshot, &giver->replaced);
	while (next_row(&scan))
	{
		Reach		rule = rule_reach(&scan);
		NameRef		set;

		row_name(&scan, RULE_SET, &set);
		if (same_reach(&rule, reach) || same_reach(&rule, &wide))
			scopes = bits_union(scopes, bits_of_set(&set, giver->snapshot, CurrentMemoryContext));
	}
	end_scan(&scan);
	if (name_is_string(&giver->replaced, ROLE_MEMBER))
		scopes = bits_union(scopes, default_scopes(giver));
	return scopes;
}

/* ---- giving ---- */

void
give(Giver *giver, const Reach *reach, const Bits *scopes, TimestampTz until)
{
	MemberAccess *access = giver_access(giver, until);
	OrgAccess  *org = giver_org(giver, access);
	char	   *missing;

	if (org != NULL && org->all_scopes)
		return;
	if (org != NULL)
		scopes = bits_minus(scopes, org->wide);
	if (org != NULL && scopes != NULL)
		scopes = bits_minus(scopes, held_at(giver, access, org, reach));
	if (giver->replaced.data != NULL && scopes != NULL)
		scopes = bits_minus(scopes, given_by_replaced(giver, reach));
	missing = scope_not_held(scopes, NULL);
	if (missing != NULL)
		refuse_gift(giver, psprintf("scope \"%s\"", missing), reach_text(giver, reach), until);
}

/* On an entity as it was before, for good. */
void
give_on_row(Giver *giver, int type, const EntityRow *row, const Bits *scopes)
{
	char	   *missing = missing_on(giver_access(giver, DT_NOEND), type, row, scopes);
	Reach		reach = {.type = type,.entity = row->entity};

	if (missing != NULL)
		refuse_gift(giver, psprintf("scope \"%s\"", missing), reach_text(giver, &reach), DT_NOEND);
}

void
give_set(Giver *giver, const Reach *reach, const NameRef *set, TimestampTz until)
{
	give(giver, reach, bits_of_set(set, giver->snapshot, CurrentMemoryContext), until);
}

void
give_all_scopes(Giver *giver, TimestampTz until)
{
	OrgAccess  *org = giver_org(giver, giver_access(giver, until));

	if (org == NULL || !org->all_scopes)
		refuse_gift(giver, "all scopes", psprintf("in organization \"%s\"", quotable(giver->organization)), until);
}

/* ---- roles ---- */

bool
is_all_scopes_role(Snapshot snapshot, const NameRef *role)
{
	bool		result;
	TableScan	scan;

	if (role->data == NULL)
		return false;
	begin_scan(&scan, ROLE_BY_NAME, snapshot, role);
	result = next_row(&scan) && row_bool(&scan, ROLE_ALL_SCOPES);
	end_scan(&scan);
	return result;
}

void
give_role(Giver *giver, const NameRef *role, TimestampTz until)
{
	TableScan	scan;

	if (is_all_scopes_role(giver->snapshot, role))
	{
		give_all_scopes(giver, until);
		return;
	}
	begin_scan(&scan, RULES_BY_ROLE, giver->snapshot, role);
	while (next_row(&scan))
	{
		Reach		reach = rule_reach(&scan);
		NameRef		set;

		row_name(&scan, RULE_SET, &set);
		give_set(giver, &reach, &set, until);
	}
	end_scan(&scan);
}

/* As a member's own: the role Member has the organization's defaults, too. */
void
give_own_role(Giver *giver, const NameRef *role, TimestampTz until)
{
	TableScan	scan;

	give_role(giver, role, until);
	if (!name_is_string(role, ROLE_MEMBER))
		return;
	begin_scan(&scan, DEFAULTS_OF_ORGANIZATION, giver->snapshot, &giver->organization);
	while (next_row(&scan))
	{
		Reach		reach = {0};
		NameRef		set;
		NameRef		type;

		row_name(&scan, DEFAULT_SET, &set);
		row_name(&scan, DEFAULT_ENTITY_TYPE, &type);
		reach.type = type_number(&type);
		give_set(giver, &reach, &set, until);
	}
	end_scan(&scan);
}

/* ---- grants and teams ---- */

static Reach
grant_reach(TableScan *grant)
{
	Reach		reach = {0};
	NameRef		type;

	row_name(grant, GRANT_ENTITY_TYPE, &type);
	reach.type = type_number(&type);
	row_name(grant, GRANT_ENTITY, &reach.entity);
	return reach;
}

static void
give_grants(Giver *giver, Lookup lookup, const NameRef *keys, TimestampTz until)
{
	TableScan	scan;

	begin_scan(&scan, lookup, giver->snapshot, keys);
	while (next_row(&scan))
	{
		TimestampTz end = until;
		Reach		reach = grant_reach(&scan);
		NameRef		set;

		CHECK_FOR_INTERRUPTS();
		if (row_expired(&scan, GRANT_EXPIRES_AT, long_ago(giver), &end))
			continue;
		row_name(&scan, GRANT_SET, &set);
		give_set(giver, &reach, &set, end);
	}
	end_scan(&scan);
}

/* What a team gives to its members. */
void
give_team(Giver *giver, const NameRef *team, TimestampTz until)
{
	TableScan	scan;

	begin_scan(&scan, ROLES_OF_TEAM, giver->snapshot, team);
	while (next_row(&scan))
	{
		TimestampTz end = until;
		NameRef		role;

		if (row_expired(&scan, TEAM_ROLE_EXPIRES_AT, long_ago(giver), &end))
			continue;
		row_name(&scan, TEAM_ROLE_ROLE, &role);
		give_role(giver, &role, end);
	}
	end_scan(&scan);
	give_grants(giver, GRANTS_TO_TEAM, team, until);
}

/* ---- membership ---- */

static void
give_teams(Giver *giver, const NameRef *keys, TimestampTz until)
{
	TableScan	scan;

	begin_scan(&scan, TEAMS_OF_MEMBER, giver->snapshot, keys);
	while (next_row(&scan))
	{
		TimestampTz end = until;
		NameRef		team;

		if (row_expired(&scan, TEAM_MEMBER_EXPIRES_AT, long_ago(giver), &end))
			continue;
		row_name(&scan, TEAM_MEMBER_TEAM, &team);
		give_team(giver, &team, end);
	}
	end_scan(&scan);
}

static void
give_toggles(Giver *giver, TimestampTz until)
{
	TableScan	scan;

	begin_scan(&scan, SETTINGS_OF_ORGANIZATION, giver->snapshot, &giver->organization);
	while (next_row(&scan))
	{
		NameRef		scope;
		ScopeEntry *entry;

		row_name(&scan, SETTING_SCOPE, &scope);
		entry = lookup_scope(scope.data, scope.len);
		if (entry != NULL)
		{
			Reach		reach = {.type = entry->type};

			give(giver, &reach, bits_of_one(entry->bit), until);
		}
	}
	end_scan(&scan);
}

/* What the registry says is a member's, as when somebody comes back. */
static void
give_owned(Giver *giver, const NameRef *keys, TimestampTz until)
{
	TableScan	scan;

	begin_scan(&scan, ENTITIES_BY_OWNER, giver->snapshot, keys);
	while (next_row(&scan))
	{
		Reach		reach = {0};
		NameRef		type;

		CHECK_FOR_INTERRUPTS();
		row_name(&scan, ENTITY_TYPE, &type);
		reach.type = type_number(&type);
		row_name(&scan, ENTITY_ENTITY, &reach.entity);
		give(giver, &reach, owner_scopes(giver_access(giver, until), reach.type), until);
	}
	end_scan(&scan);
}

/* All that comes with being a member, but for the role. */
void
give_membership(Giver *giver, const NameRef *member, bool is_token, TimestampTz until)
{
	NameRef		keys[2] = {giver->organization, *member};

	if (!is_token)
	{
		give_toggles(giver, until);
		give_teams(giver, keys, until);
		give_grants(giver, GRANTS_TO_MEMBER, keys, until);
	}
	give_owned(giver, keys, until);
}

/* ---- scopes that are added to a permission set ---- */

static void
give_in_rules(Giver *giver, const NameRef *set, const Bits *added)
{
	TableScan	scan;

	begin_scan(&scan, RULES_BY_SET, giver->snapshot, set);
	while (next_row(&scan))
	{
		Reach		reach = rule_reach(&scan);

		CHECK_FOR_INTERRUPTS();
		give(giver, &reach, added, DT_NOEND);
	}
	end_scan(&scan);
}

static void
give_in_grants(Giver *giver, const NameRef *set, const Bits *added)
{
	TableScan	scan;

	begin_scan(&scan, GRANTS_BY_SET, giver->snapshot, set);
	while (next_row(&scan))
	{
		Reach		reach = grant_reach(&scan);
		TimestampTz end = DT_NOEND;

		CHECK_FOR_INTERRUPTS();
		if (row_expired(&scan, GRANT_EXPIRES_AT, long_ago(giver), &end))
			continue;
		give(giver, &reach, added, end);
	}
	end_scan(&scan);
}

/* ---- scopes that are added to a permission set, everywhere ---- */

/* Wherever the set is used.  It is one of the giver's organization. */
void
give_in_set(Giver *giver, const NameRef *set, int type, const Bits *added)
{
	NameRef		keys[2] = {giver->organization, *set};
	Reach		reach = {.type = type};

	give_in_rules(giver, set, added);
	give_in_grants(giver, set, added);
	if (row_exists(DEFAULTS_BY_SET, keys))
		give(giver, &reach, added, DT_NOEND);
}
