/*-------------------------------------------------------------------------
 *
 * holdings.c
 *	  What a member holds on an entity, all scopes at once, and what an entity's
 *	  tags give: for guard.c and gift.c, which see to it that nobody gives what
 *	  they do not hold.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "holdings.h"
#include "rbac.h"

bool
same_name(const NameRef *a, const NameRef *b)
{
	return (a->data == NULL) == (b->data == NULL) && name_is(a, b->data, b->len);
}

/* As they are stored, detoasted: a condition can tell 1 from 1.0. */
bool
same_tags(struct varlena *a, struct varlena *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* An entity as the registry has it, if that has it in this organization. */
EntityRow
registered_row(Snapshot snapshot, const NameRef *organization, int type, const NameRef *entity)
{
	NameRef		keys[2] = {type_name(type), *entity};
	EntityRow	row = {.entity = *entity,.organization = *organization,.bare = true};
	NameRef		name;
	bool		isnull;
	Datum		tags;
	TableScan	scan;

	begin_scan(&scan, ENTITY_BY_KEY, snapshot, keys);
	if (next_row(&scan) && row_name(&scan, ENTITY_ORGANIZATION, &name) && same_name(&name, organization))
	{
		row.bare = false;
		if (row_name(&scan, ENTITY_OWNER, &name))
			row.owner = copy_name(CurrentMemoryContext, &name);
		tags = row_value(&scan, ENTITY_TAGS, &isnull);
		if (!isnull)
			row.tags = PG_DETOAST_DATUM_COPY(tags);
	}
	end_scan(&scan);
	return row;
}

/* ---- what a member holds ---- */

bool
is_member_of(MemberAccess *access, const NameRef *organization)
{
	Key			key;

	if (organization->data == NULL)
		return false;
	key = make_key(KEY_TEXT, organization->data, organization->len);
	return org_access(access, &key) != NULL;
}

static const Bits *
listed_scopes(MemberAccess *access, const OrgAccess *org, int type, const Key *key)
{
	KeyTable   *table = direct_table(access, KEY_TEXT);
	uint32		position = key->hash;
	const Bits *scopes = NULL;
	int			item;

	while ((item = next_item(table, key, &position)) >= 0)
	{
		const DirectAccess *direct = &access->direct[item];

		if (!direct->owned && direct->type == type && &access->orgs[direct->org] == org)
			scopes = bits_union(scopes, direct->scopes);
	}
	return scopes;
}

/* As row_has_scope() has it; *all: every scope. */
const Bits *
held_on(MemberAccess *access, int type, const EntityRow *row, bool *all)
{
	const Bits *scopes;
	OrgAccess  *org;
	Key			organization;
	Key			entity;

	*all = false;
	if (row->entity.data == NULL || row->organization.data == NULL)
		return NULL;
	organization = make_key(KEY_TEXT, row->organization.data, row->organization.len);
	entity = make_key(KEY_TEXT, row->entity.data, row->entity.len);
	org = org_access(access, &organization);
	if (org == NULL || (type == TYPE_ORGANIZATION && !same_name(&row->entity, &row->organization)))
		return NULL;
	*all = org->all_scopes;
	if (*all)
		return NULL;
	scopes = bits_union(org->wide, listed_scopes(access, org, type, &entity));
	if (!row->bare)
		scopes = bits_union(scopes, tag_rules_scopes(org, row->tags));
	if (row->owner.data != NULL && same_name(&row->owner, &access->member))
		scopes = bits_union(scopes, owner_scopes(access, type));
	if (access->unlisted)
		scopes = bits_union(scopes, unlisted_scopes(access, org, type, &entity));
	return scopes;
}

/* Type-wide, or on the organization. */
static bool
holds_wide(MemberAccess *access, const NameRef *organization, int bit)
{
	Key			key = make_key(KEY_TEXT, organization->data, organization->len);

	return check_organization(access, &key, bit);
}

bool
holds_on(MemberAccess *access, int type, const EntityRow *row, const char *scope)
{
	ScopeEntry *entry = require_scope_entry(scope, strlen(scope));
	bool		all;
	const Bits *scopes = held_on(access, type, row, &all);

	return all || has_bit(scopes, entry->bit);
}

bool
holds_in(MemberAccess *access, const NameRef *organization, const char *scope)
{
	return organization->data != NULL && holds_wide(access, organization, require_scope_entry(scope, strlen(scope))->bit);
}

/* The name of a scope that is given and not held; or NULL. */
char *
scope_not_held(const Bits *given, const Bits *held)
{
	const Bits *missing = bits_minus(given, held);
	ScopeSetIterator it;
	ScopeName	name;
	int			bit;

	scopeset_iterate(&it, DatumGetScopeSetView(PointerGetDatum(bits_to_scopeset(missing, -1))));
	return scopeset_next(&it, &name, &bit) ? pnstrdup(name.data, name.len) : NULL;
}

/* The name of a scope among these that the member does not hold there; or NULL. */
char *
missing_on(MemberAccess *access, int type, const EntityRow *row, const Bits *given)
{
	bool		all;
	const Bits *scopes = held_on(access, type, row, &all);

	return all ? NULL : scope_not_held(given, scopes);
}

/*
 * May the member manage access to the entity?  NULL: yes; else why not.
 * Of a type that has none it takes all scopes.
 */
char *
why_not_manage(MemberAccess *access, Snapshot snapshot, int type, const EntityRow *row)
{
	NameRef		type_key = type_name(type);
	NameRef		scope;
	ScopeEntry *entry = NULL;
	bool		all;
	const Bits *scopes;

	if (access_scope(snapshot, &type_key, &scope))
		entry = lookup_scope(scope.data, scope.len);
	if (entry != NULL && entry->type == type && holds_wide(access, &row->organization, entry->bit))
		return NULL;
	scopes = held_on(access, type, row, &all);
	if (all || (entry != NULL && entry->type == type && has_bit(scopes, entry->bit)))
		return NULL;
	if (entry == NULL)
		return psprintf("entity type \"%s\" has no access_scope, so that it takes a role with all scopes", quotable(type_key));
	return psprintf("scope \"%s\" is missing", quotable(scope));
}

/* ---- what names an entity ---- */

/* Is a grantee, or the organization of a role, of this organization? */
static bool
is_of_organization(const NameRef *organization, const NameRef *name)
{
	NameRef		own = slug_organization(name);

	return own.data != NULL && same_name(&own, organization);
}

static bool
grant_is_of_organization(const NameRef *organization, TableScan *grant)
{
	NameRef		name;

	if (row_name(grant, GRANT_TEAM, &name))
		return is_of_organization(organization, &name);
	return row_name(grant, GRANT_ORGANIZATION, &name) && same_name(&name, organization);
}

/*
 * What the grants and rules that name an entity give to anybody as soon as it is there,
 * those that expire included.
 */
const Bits *
given_by_name(Snapshot snapshot, int type, const EntityRow *row)
{
	NameRef		keys[2] = {type_name(type), row->entity};
	const Bits *given = NULL;
	NameRef		set;
	NameRef		role;
	TableScan	scan;

	begin_scan(&scan, GRANTS_BY_ENTITY, snapshot, keys);
	while (next_row(&scan))
		if (grant_is_of_organization(&row->organization, &scan) && row_name(&scan, GRANT_SET, &set))
			given = bits_union(given, bits_of_set(&set, snapshot, CurrentMemoryContext));
	end_scan(&scan);
	begin_scan(&scan, RULES_BY_ENTITY, snapshot, keys);
	while (next_row(&scan))
	{
		row_name(&scan, RULE_ROLE, &role);
		row_name(&scan, RULE_SET, &set);
		if (is_of_organization(&row->organization, &role) || slug_organization(&role).data == NULL)
			given = bits_union(given, bits_of_set(&set, snapshot, CurrentMemoryContext));
	}
	end_scan(&scan);
	return given;
}

/* ---- what tags give ---- */

/*
 * The tag rules of an organization's own roles and of those that it shares with
 * others, whether or not somebody holds the role now; and their sets.
 */
static const char *const rules_query =
"SELECT pg_catalog.array_agg(r.condition), pg_catalog.array_agg(r.permission_set)"
" FROM rbac.roles AS o JOIN rbac.role_rules AS r ON r.role OPERATOR(pg_catalog.=) o.name"
" WHERE (o.organization OPERATOR(pg_catalog.=) $1 OR o.organization IS NULL)"
" AND r.entity_type OPERATOR(pg_catalog.=) $2 AND r.condition IS NOT NULL";

static int
column_elements(int column, Oid type, Datum **elements)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);
	int			n = 0;

	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(value), type, -1, false, TYPALIGN_INT, elements, NULL, &n);
	return n;
}

/*
 * The scopes of the rules that the query found whose conditions hold now, and did not of
 * old.  Who has nearly used up the stack must not seem to give less.
 */
static const Bits *
given_by_rules(const EntityRow *row, const EntityRow *old, Snapshot snapshot)
{
	Datum	   *conditions;
	Datum	   *sets;
	int			n = column_elements(1, JSONPATHOID, &conditions);
	int			nsets PG_USED_FOR_ASSERTS_ONLY = column_elements(2, TEXTOID, &sets);
	const Bits *given = NULL;

	Assert(nsets == n);
	for (int i = 0; i < n; i++)
	{
		JsonPath   *condition = DatumGetJsonPathP(conditions[i]);
		NameRef		set = text_ref((struct varlena *) DatumGetPointer(sets[i]));

		if (condition_may_match(condition, row->tags) && (old == NULL || !condition_matches(condition, old->tags)))
			given = bits_union(given, bits_of_set(&set, snapshot, CurrentMemoryContext));
	}
	return given;
}

/*
 * What the tags of a row give to anybody who may come to hold a role there; old:
 * beyond what the tags of that row gave, or NULL.
 */
const Bits *
given_by_tags(const EntityRow *row, const char *type, const EntityRow *old)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[] = {TEXTOID, TEXTOID};
	MemoryContext caller = CurrentMemoryContext;
	Relation	registry = table_open(registry_oid(), AccessShareLock);
	Snapshot	snapshot;
	const Bits *given;
	Datum		values[2];

	SPI_connect();
	if (plan == NULL)
		plan = prepare_query(rules_query, 2, types);
	values[0] = PointerGetDatum(cstring_to_text_with_len(row->organization.data, row->organization.len));
	values[1] = CStringGetTextDatum(type);
	run_on_latest(registry, plan, false, values);
	MemoryContextSwitchTo(caller);
	snapshot = latest_snapshot();
	given = given_by_rules(row, old, snapshot);
	UnregisterSnapshot(snapshot);
	SPI_finish();
	table_close(registry, AccessShareLock);
	return given;
}
