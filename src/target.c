/*-------------------------------------------------------------------------
 *
 * target.c
 *	  A scope on an entity, seen from there: what would give it to somebody.
 *
 * access.c goes from a member to all that the member may do.  Here it is the other
 * way round, for members_with_scope() and explain(): from one entity and one scope
 * to the permission sets, rules and settings that bear on it.  Everything is read
 * from the tables, in one snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/snapmgr.h"

#include "rbac_internal.h"

/* ---- permission sets ---- */

typedef struct KnownSet
{
	NameRef		name;			/* hash key */
	bool		gives;
} KnownSet;

GivingSets
giving_sets(Snapshot snapshot, int bit)
{
	GivingSets	sets = {.snapshot = snapshot,.bit = bit,.context = CurrentMemoryContext};

	sets.known = create_name_hash("rbac giving sets", sizeof(KnownSet), sets.context);
	return sets;
}

/* Does the permission set hold the scope? */
bool
set_gives(GivingSets *sets, const NameRef *set)
{
	KnownSet   *known = hash_search(sets->known, set, HASH_FIND, NULL);
	Bits	   *bits;
	NameRef		name;

	if (known != NULL)
		return known->gives;
	bits = bits_of_set(set, sets->snapshot, CurrentMemoryContext);
	name = copy_name(sets->context, set);
	known = hash_search(sets->known, &name, HASH_ENTER, NULL);
	known->name = name;
	known->gives = has_bit(bits, sets->bit);
	if (bits != NULL)
		pfree(bits);
	return known->gives;
}

/* As next_distinct(), of permission sets, those that hold the scope. */
bool
next_giving_set(GivingSets *sets, Lookup lookup, const NameRef *keys, NameRef *set)
{
	while (next_distinct(lookup, sets->snapshot, keys, set))
		if (set_gives(sets, set))
			return true;
	return false;
}

/* ---- the entity ---- */

static NameRef
kept_name(TableScan *row, AttrNumber column)
{
	NameRef		name;

	return row_name(row, column, &name) ? copy_name(CurrentMemoryContext, &name) : name;
}

/* Rows with more than a name in them do not count, as in entity.c. */
static bool
is_no_name(const NameRef *name)
{
	return name->len > NAME_MAX_LEN;
}

static void
read_entity_row(Target *target)
{
	NameRef		keys[2] = {type_name(target->scope->type), target->entity};
	TableScan	scan;

	if (target->entity.len == 0 || is_no_name(&target->entity))
		return;
	begin_scan(&scan, ENTITY_BY_KEY, target->snapshot, keys);
	if (next_row(&scan))
	{
		bool		isnull;
		Datum		tags = row_value(&scan, ENTITY_TAGS, &isnull);

		target->organization = kept_name(&scan, ENTITY_ORGANIZATION);
		target->owner = kept_name(&scan, ENTITY_OWNER);
		target->tags = isnull ? NULL : PG_DETOAST_DATUM_COPY(tags);
		target->registered = !is_no_name(&target->organization) && !is_no_name(&target->owner);
	}
	end_scan(&scan);
}

static void
read_organization_row(Target *target)
{
	TableScan	scan;

	begin_scan(&scan, ORGANIZATION_BY_NAME, target->snapshot, &target->entity);
	target->registered = next_row(&scan);
	target->organization = target->entity;
	end_scan(&scan);
}

/* Look the entity up, for a scope of its type.  The entity's name must stay. */
void
begin_target(Target *target, const ScopeEntry *scope, const NameRef *entity)
{
	memset(target, 0, sizeof(Target));
	target->snapshot = latest_snapshot();
	target->now = GetCurrentStatementStartTimestamp();
	target->scope = scope;
	target->entity = *entity;
	target->sets = giving_sets(target->snapshot, scope->bit);
	if (scope->type == TYPE_ORGANIZATION)
		read_organization_row(target);
	else
		read_entity_row(target);
}

void
end_target(Target *target)
{
	UnregisterSnapshot(target->snapshot);
	hash_destroy(target->sets.known);
}

/* ---- what gives the scope there ---- */

/* A column of entity_type_settings; false if the type has no row there. */
static bool
type_setting(Snapshot snapshot, const NameRef *type, AttrNumber column, NameRef *value)
{
	bool		found;
	TableScan	scan;

	begin_scan(&scan, SETTINGS_OF_ENTITY_TYPE, snapshot, type);
	found = next_row(&scan);
	*value = found ? kept_name(&scan, column) : name_ref(NULL, 0);
	end_scan(&scan);
	return found;
}

/* The permission set that the owner has, if it holds the scope. */
bool
owner_set(Target *target, NameRef *set)
{
	NameRef		type = type_name(target->scope->type);

	if (!type_setting(target->snapshot, &type, SETTINGS_OWNER_SET, set) && name_is_string(&type, OWNED_TYPE))
		*set = cstring_ref(OWNER_SET);
	return set->data != NULL && set_gives(&target->sets, set);
}

/* The scope that lets its holders manage access to entities of a type, if it has one. */
bool
access_scope(Snapshot snapshot, const NameRef *type, NameRef *scope)
{
	if (!type_setting(snapshot, type, SETTINGS_ACCESS_SCOPE, scope))
	{
		if (name_is_string(type, "stack"))
			*scope = cstring_ref("stack_access:update");
		else if (name_is_string(type, "insights_account"))
			*scope = cstring_ref("insights_account_access:update");
	}
	return scope->data != NULL;
}

/* Do the entity's tags satisfy the condition of the rule, if it has one? */
bool
rule_matches(const Target *target, TableScan *rule)
{
	bool		isnull;
	Datum		condition = row_value(rule, RULE_CONDITION, &isnull);

	return isnull || condition_matches(DatumGetJsonPathP(condition), target->tags);
}

/* Does a rule of this role, for this set and entity (or for none), reach the target? */
static bool
rule_reaches(const Target *target, const NameRef *role, const NameRef *set, const NameRef *entity, int64 *rule)
{
	NameRef		keys[3] = {*role, *set, *entity};
	bool		reaches = false;
	bool		isnull;
	TableScan	scan;

	begin_scan(&scan, RULES_BY_ROLE_SET_AND_ENTITY, target->snapshot, keys);
	while (!reaches && next_row(&scan))
	{
		reaches = rule_matches(target, &scan);
		*rule = DatumGetInt64(row_value(&scan, RULE_ID, &isnull));
	}
	end_scan(&scan);
	return reaches;
}

/* Does the role in this row give the scope to who holds it?  *gift: by what. */
bool
role_gives(Target *target, TableScan *row, RoleGift *gift)
{
	static const NameRef none = {NULL, 0};
	NameRef		role;

	gift->all_scopes = row_bool(row, ROLE_ALL_SCOPES);
	gift->set = none;
	if (gift->all_scopes)
		return true;
	row_name(row, ROLE_NAME, &role);
	while (next_giving_set(&target->sets, RULES_BY_ROLE_AND_SET, &role, &gift->set))
		if (rule_reaches(target, &role, &gift->set, &none, &gift->rule) ||
			rule_reaches(target, &role, &gift->set, &target->entity, &gift->rule))
			return true;
	return false;
}

/* Has the organization given the scope to all of its members? */
bool
is_toggled(const Target *target)
{
	NameRef		keys[2] = {target->organization, target->scope->name};
	TableScan	scan;
	bool		found;

	begin_scan(&scan, SETTING_BY_KEY, target->snapshot, keys);
	found = next_row(&scan);
	end_scan(&scan);
	return found;
}
