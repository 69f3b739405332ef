/*-------------------------------------------------------------------------
 *
 * list.c
 *	  Functions that enumerate: scopes_on(), role_scopes() and
 *	  entities_with_scope().
 *
 * Unlike the yes or no of has_scope(), which anybody may ask for as anybody may
 * call has_table_privilege(), these tell about oneself only, and about others
 * to the schema's owner and to holders of org_member:read or role:read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

#include "rbac.h"
#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(scopes_on);
PG_FUNCTION_INFO_V1(role_scopes);
PG_FUNCTION_INFO_V1(entities_with_scope);

/* What a listing of a member's entities goes by. */
typedef struct Listing
{
	MemberAccess *access;
	int			type;
	int			bit;
	const NameRef *after;		/* NULL: from the beginning */
	int64		max_rows;
	Snapshot	snapshot;
	Tuplesortstate *sort;
} Listing;

/* ---- who may know ---- */

static bool
asker_has_scope(const NameRef *asker, const NameRef *organization, const char *scope)
{
	ScopeEntry *entry = lookup_scope(scope, strlen(scope));
	Key			key = make_key(KEY_TEXT, organization->data, organization->len);

	return entry != NULL && entry->type == TYPE_ORGANIZATION &&
		check_organization(access_of(asker, GetCurrentStatementStartTimestamp()), &key, entry->bit);
}

/* In every organization of the other member, and there is one. */
static bool
asker_may_read_member(const NameRef *asker, const NameRef *member)
{
	Snapshot	snapshot = latest_snapshot();
	int			allowed = 0;
	bool		all = true;
	TableScan	scan;

	begin_scan(&scan, MEMBERS_BY_MEMBER, snapshot, member);
	while (all && next_row(&scan))
	{
		NameRef		organization;

		row_name(&scan, MEMBER_ORGANIZATION, &organization);
		all = asker_has_scope(asker, &organization, "org_member:read");
		allowed++;
	}
	end_scan(&scan);
	UnregisterSnapshot(snapshot);
	return all && allowed > 0;
}

static void
require_may_know_member(const NameRef *member)
{
	NameRef		asker;

	if (is_rbac_owner(GetUserId()))
		return;
	if (current_member_name(&asker) &&
		(name_is(member, asker.data, asker.len) || asker_may_read_member(&asker, member)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to see the access of member \"%s\"",
					clip_for_message(member->data, member->len)),
			 errhint("It takes scope \"org_member:read\" in each of the member's organizations.")));
}

static void
require_may_know_role(const NameRef *role, const NameRef *organization)
{
	NameRef		asker;

	if (organization->data == NULL || is_rbac_owner(GetUserId()))
		return;
	if (current_member_name(&asker) && asker_has_scope(&asker, organization, "role:read"))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for role \"%s\"", clip_for_message(role->data, role->len)),
			 errhint("It takes scope \"role:read\" in the role's organization.")));
}

/* ---- an answer of one moment ---- */

#define MAX_ATTEMPTS	100

/*
 * Rows are read later than the member's access, as in has_scope(): if it has
 * become stale since, everything is to be read again.
 */
static bool
answer_holds(MemberAccess *access, int attempt)
{
	CHECK_FOR_INTERRUPTS();
	AcceptInvalidationMessages();
	return access->own_command || attempt == MAX_ATTEMPTS ||
		is_current(access, GetCurrentStatementStartTimestamp());
}

/* ---- scopes_on ---- */

static int
require_entity_type(const NameRef *type)
{
	if (!row_exists(ENTITY_TYPE_BY_NAME, type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("entity type \"%s\" does not exist", clip_for_message(type->data, type->len)),
				 errhint("Table rbac.entity_types holds the entity types.")));
	return type_number(type);
}

static const Bits *
all_scopes_of_type(int type)
{
	Snapshot	snapshot = latest_snapshot();
	const Bits *bits = bits_of_type(type, snapshot);

	UnregisterSnapshot(snapshot);
	return bits;
}

static const Bits *
org_scopes(const OrgAccess *org, int type)
{
	if (org == NULL)
		return NULL;
	return org->all_scopes ? all_scopes_of_type(type) : org->wide;
}

static const Bits *
direct_scopes(MemberAccess *access, int type, const Key *key)
{
	KeyTable   *table = direct_table(access, KEY_TEXT);
	uint32		position = key->hash;
	const Bits *scopes = NULL;
	int			item;

	while ((item = next_item(table, key, &position)) >= 0)
	{
		DirectAccess *direct = &access->direct[item];

		if (direct->type == type && direct_holds(access, direct, key))
			scopes = bits_union(scopes, direct->scopes);
	}
	return scopes;
}

static const Bits *
tag_scopes(const OrgAccess *org, int type, const Key *key)
{
	struct varlena *tags;
	const Bits *scopes = NULL;

	if (org->ntag_rules == 0)
		return NULL;
	tags = entity_tags(type, key);
	for (int i = 0; i < org->ntag_rules; i++)
		if (condition_matches(org->tag_rules[i].condition, tags))
			scopes = bits_union(scopes, org->tag_rules[i].scopes);
	return scopes;
}

static const Bits *
entity_scopes(MemberAccess *access, int type, const Key *key)
{
	EntityEntry *entity = lookup_entity(type, key);
	OrgAccess  *org = entity == NULL ? NULL : entity_org(access, entity);
	const Bits *scopes;

	if (org == NULL || org->all_scopes)
		return org_scopes(org, type);
	scopes = bits_union(org->wide, tag_scopes(org, type, key));
	if (entity_is_owned_by(entity, &access->member))
		scopes = bits_union(scopes, owner_scopes(access, type));
	scopes = bits_union(scopes, direct_scopes(access, type, key));
	if (access->unlisted)
		scopes = bits_union(scopes, unlisted_scopes(access, org, type, key));
	return scopes;
}

/* (member, entity_type, entity) */
Datum
scopes_on(PG_FUNCTION_ARGS)
{
	NameRef		member = text_ref(PG_GETARG_TEXT_PP(0));
	NameRef		type = text_ref(PG_GETARG_TEXT_PP(1));
	NameRef		entity = text_ref(PG_GETARG_TEXT_PP(2));
	Key			key = make_key(KEY_TEXT, entity.data, entity.len);
	MemberAccess *access;
	const Bits *scopes;
	int			number;
	int			attempt = 0;

	AcceptInvalidationMessages();
	require_may_know_member(&member);
	number = require_entity_type(&type);
	do
	{
		access = access_of(&member, GetCurrentStatementStartTimestamp());
		if (number == TYPE_ORGANIZATION)
			scopes = org_scopes(org_access(access, &key), number);
		else
			scopes = entity_scopes(access, number, &key);
	} while (!answer_holds(access, attempt++));
	PG_RETURN_SCOPESET(bits_to_scopeset(scopes, number));
}

/* ---- role_scopes ---- */

static void
add_all_scopes(ScopeSetBuilder *builder, Snapshot snapshot)
{
	TableScan	scan;

	begin_scan(&scan, SCOPES, snapshot, NULL);
	while (next_row(&scan))
	{
		NameRef		name;

		row_name(&scan, SCOPE_NAME, &name);
		scopeset_builder_add(builder, name.data, name.len);
	}
	end_scan(&scan);
}

static void
add_set(ScopeSetBuilder *builder, Snapshot snapshot, const NameRef *set)
{
	TableScan	scan;
	bool		isnull;

	begin_scan(&scan, PERMISSION_SET_BY_NAME, snapshot, set);
	if (next_row(&scan))
		scopeset_builder_add_set(builder, DatumGetScopeSetView(row_value(&scan, SET_SCOPES, &isnull)));
	end_scan(&scan);
}

static void
add_sets_of_rules(ScopeSetBuilder *builder, Snapshot snapshot, const NameRef *role)
{
	TableScan	scan;

	begin_scan(&scan, RULES_BY_ROLE, snapshot, role);
	while (next_row(&scan))
	{
		NameRef		set;

		row_name(&scan, RULE_SET, &set);
		add_set(builder, snapshot, &set);
	}
	end_scan(&scan);
}

/* (role) */
Datum
role_scopes(PG_FUNCTION_ARGS)
{
	NameRef		role = text_ref(PG_GETARG_TEXT_PP(0));
	ScopeSetBuilder builder = {0};
	NameRef		organization;
	Snapshot	snapshot;
	TableScan	scan;

	AcceptInvalidationMessages();
	snapshot = latest_snapshot();
	begin_scan(&scan, ROLE_BY_NAME, snapshot, &role);
	if (!next_row(&scan))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", clip_for_message(role.data, role.len)),
				 errhint("Table rbac.roles holds the roles; those of an organization are named organization/role.")));
	row_name(&scan, ROLE_ORGANIZATION, &organization);
	require_may_know_role(&role, &organization);
	if (row_bool(&scan, ROLE_ALL_SCOPES))
		add_all_scopes(&builder, snapshot);
	else
		add_sets_of_rules(&builder, snapshot, &role);
	end_scan(&scan);
	UnregisterSnapshot(snapshot);
	PG_RETURN_SCOPESET(scopeset_build(&builder));
}

/* ---- entities_with_scope ---- */

static bool
is_after(const Listing *listing, const NameRef *name)
{
	return listing->after == NULL ||
		name_cmp(name, listing->after) > 0;
}

static void
put(Listing *listing, const NameRef *name)
{
	tuplesort_putdatum(listing->sort, PointerGetDatum(cstring_to_text_with_len(name->data, name->len)), false);
}

static void
list_organizations(Listing *listing)
{
	for (int i = 0; i < listing->access->norgs; i++)
	{
		OrgAccess  *org = &listing->access->orgs[i];

		if ((org->all_scopes || has_bit(org->wide, listing->bit)) && is_after(listing, &org->name))
			put(listing, &org->name);
	}
}

static void
list_direct(Listing *listing)
{
	for (int i = 0; i < listing->access->ndirect; i++)
	{
		DirectAccess *direct = &listing->access->direct[i];
		Key			key;

		if (direct->type != listing->type || !has_bit(direct->scopes, listing->bit) ||
			!is_after(listing, &direct->entity))
			continue;
		CHECK_FOR_INTERRUPTS();
		key = make_key(KEY_TEXT, direct->entity.data, direct->entity.len);
		if (direct_holds(listing->access, direct, &key))
			put(listing, &direct->entity);
	}
}

/* Is the entity in this row one of those that need to be looked at singly? */
static bool
row_is_allowed(const Listing *listing, const OrgAccess *org, TableScan *row, const NameRef *entity)
{
	MemberAccess *access = listing->access;
	Key			key = make_key(KEY_TEXT, entity->data, entity->len);
	NameRef		owner;

	if (has_bit(org->tagged, listing->bit))
	{
		bool		isnull;
		Datum		tags = row_value(row, ENTITY_TAGS, &isnull);

		if (tag_rules_allow(access, org, listing->bit, isnull ? NULL : PG_DETOAST_DATUM_PACKED(tags)))
			return true;
	}
	if (access->unlisted_owned && has_bit(owner_scopes(access, listing->type), listing->bit) &&
		row_name(row, ENTITY_OWNER, &owner) &&
		name_is(&owner, access->member.data, access->member.len))
		return true;
	return access->unlisted &&
		has_bit(unlisted_scopes(access, org, listing->type, &key), listing->bit);
}

/* The organization's entities, in the order of their keys, as many as may be wanted. */
static void
list_org(Listing *listing, const OrgAccess *org)
{
	bool		all = org->all_scopes || has_bit(org->wide, listing->bit);
	NameRef		keys[2] = {org->name, type_name(listing->type)};
	int64		count = 0;
	bool		ordered;
	TableScan	scan;

	if (!all && !has_bit(org->tagged, listing->bit) &&
		!listing->access->unlisted && !listing->access->unlisted_owned)
		return;
	ordered = begin_ordered_scan(&scan, ENTITIES_BY_ORGANIZATION, listing->snapshot, keys, listing->after);
	while (!(ordered && count >= listing->max_rows) && next_row(&scan))
	{
		NameRef		entity;

		CHECK_FOR_INTERRUPTS();
		row_name(&scan, ENTITY_ENTITY, &entity);
		if (!all && !row_is_allowed(listing, org, &scan, &entity))
			continue;
		put(listing, &entity);
		count++;
	}
	end_scan(&scan);
}

static void
list_entities(Listing *listing)
{
	listing->snapshot = latest_snapshot();
	list_direct(listing);
	for (int i = 0; i < listing->access->norgs; i++)
		list_org(listing, &listing->access->orgs[i]);
	UnregisterSnapshot(listing->snapshot);
}

static void
collect(Listing *listing, const NameRef *member)
{
	int			attempt = 0;

	do
	{
		if (listing->sort != NULL)
			tuplesort_end(listing->sort);
		listing->sort = tuplesort_begin_datum(TEXTOID, TextLessOperator, C_COLLATION_OID, false,
											  work_mem, NULL, TUPLESORT_NONE);
		listing->access = access_of(member, GetCurrentStatementStartTimestamp());
		if (listing->type == TYPE_ORGANIZATION)
			list_organizations(listing);
		else
			list_entities(listing);
	} while (!answer_holds(listing->access, attempt++));
}

static bool
same_text(const text *a, const text *b)
{
	NameRef		name = text_ref(b);

	return name_is(&name, VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a));
}

/* Each name once, no more than are wanted. */
static void
return_sorted(Listing *listing, ReturnSetInfo *result)
{
	text	   *last = NULL;
	int64		count = 0;
	Datum		value;
	bool		isnull = false;

	tuplesort_performsort(listing->sort);
	while (count < listing->max_rows && tuplesort_next_datum(listing->sort, &value, &isnull))
	{
		text	   *name = (text *) DatumGetPointer(value);

		if (last == NULL || !same_text(name, last))
		{
			tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
			count++;
		}
		if (last != NULL)
			pfree(last);
		last = name;
	}
}

/* (member, scope, after, max_rows) */
Datum
entities_with_scope(PG_FUNCTION_ARGS)
{
	Listing		listing = {0};
	NameRef		member;
	NameRef		after;
	ScopeName	scope;
	ScopeEntry *entry;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	member = text_ref(PG_GETARG_TEXT_PP(0));
	scope = PG_GETARG_SCOPENAME(1);
	if (!PG_ARGISNULL(2))
	{
		after = text_ref(PG_GETARG_TEXT_PP(2));
		listing.after = &after;
	}
	listing.max_rows = PG_ARGISNULL(3) ? PG_INT64_MAX : PG_GETARG_INT64(3);
	if (listing.max_rows < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must not be negative")));

	AcceptInvalidationMessages();
	require_may_know_member(&member);
	entry = require_scope_entry(scope.data, scope.len);
	listing.bit = entry->bit;
	listing.type = entry->type;
	collect(&listing, &member);
	return_sorted(&listing, (ReturnSetInfo *) fcinfo->resultinfo);
	tuplesort_end(listing.sort);
	return (Datum) 0;
}
