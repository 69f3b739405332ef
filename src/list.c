/*-------------------------------------------------------------------------
 *
 * list.c
 *	  Functions that enumerate: scopes_on(), role_scopes() and
 *	  entities_with_scope(); see also list_members.c and explain.c.
 *
 * Unlike the yes or no of has_scope(), which anybody may ask for as anybody may
 * call has_table_privilege(), these tell about oneself only, and about others
 * to the schema's owner and to holders of org_member:read or role:read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

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
	Snapshot	snapshot;
	Merge	   *merge;
	GivingSets	sets;
} Listing;

/* The part of it that is in one organization. */
typedef struct OrgListing
{
	Listing    *listing;
	const OrgAccess *org;
} OrgListing;

/* ---- who may know ---- */

bool
asker_has_scope(const NameRef *asker, const NameRef *organization, const char *scope)
{
	ScopeEntry *entry = lookup_scope(scope, strlen(scope));
	Key			key = make_key(KEY_TEXT, organization->data, organization->len);

	return entry != NULL && entry->type == TYPE_ORGANIZATION &&
		check_organization(access_of(asker, GetCurrentStatementStartTimestamp()), &key, entry->bit);
}

/* In every organization of the other member, and there is one. */
bool
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

	if (sees_all_rows(GetUserId()))
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

	if (organization->data == NULL || sees_all_rows(GetUserId()))
		return;
	if (current_member_name(&asker) && asker_has_scope(&asker, organization, "role:read"))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for role \"%s\"", clip_for_message(role->data, role->len)),
			 errhint("It takes scope \"role:read\" in the role's organization.")));
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

/* Of a name that anybody may have made up: numbers are for ever. */
int
existing_type(const NameRef *type)
{
	return type_is_met(type) ? type_number(type) : require_entity_type(type);
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
entity_scopes(MemberAccess *access, int type, const Key *key)
{
	EntityEntry *entity = lookup_entity(type, key);
	OrgAccess  *org = entity == NULL ? NULL : entity_org(access, entity);
	const Bits *scopes;

	if (org == NULL || org->all_scopes)
		return org_scopes(org, type);
	scopes = bits_union(org->wide, org->ntag_rules == 0 ? NULL : tag_rules_scopes(org, entity_tags(type, key)));
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
	} while (!answer_is_current(access, attempt++));
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

/* False: there is no such role. */
static bool
add_role(ScopeSetBuilder *builder, Snapshot snapshot, const NameRef *role)
{
	NameRef		organization;
	TableScan	scan;
	bool		found;

	begin_scan(&scan, ROLE_BY_NAME, snapshot, role);
	found = next_row(&scan);
	if (found)
	{
		row_name(&scan, ROLE_ORGANIZATION, &organization);
		require_may_know_role(role, &organization);
		if (row_bool(&scan, ROLE_ALL_SCOPES))
			add_all_scopes(builder, snapshot);
		else
			add_sets_of_rules(builder, snapshot, role);
	}
	end_scan(&scan);
	return found;
}

/* (role) */
Datum
role_scopes(PG_FUNCTION_ARGS)
{
	NameRef		role = text_ref(PG_GETARG_TEXT_PP(0));
	ScopeSetBuilder builder;
	Stamp		stamp;
	int			attempt = 0;
	bool		found;

	AcceptInvalidationMessages();
	do
	{
		Snapshot	snapshot;

		CHECK_FOR_INTERRUPTS();
		memset(&builder, 0, sizeof(builder));
		stamp = invalidation_stamp;
		snapshot = latest_snapshot();
		found = add_role(&builder, snapshot, &role);
		UnregisterSnapshot(snapshot);
	} while (tables_changed_since(stamp) && ++attempt < MAX_ATTEMPTS);
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", clip_for_message(role.data, role.len)),
				 errhint("Table rbac.roles holds the roles; those of an organization are named organization/role.")));
	PG_RETURN_SCOPESET(scopeset_build(&builder));
}

/* ---- pages ---- */

/* Arguments 2 and 3 of a function that lists: after, max_rows. */
ListPage
page_arguments(FunctionCallInfo fcinfo)
{
	ListPage	page = {{NULL, 0}, PG_INT64_MAX};

	if (!PG_ARGISNULL(2))
		page.after = text_ref(PG_GETARG_TEXT_PP(2));
	if (!PG_ARGISNULL(3))
		page.max_rows = PG_GETARG_INT64(3);
	if (page.max_rows < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must not be negative")));
	return page;
}

Merge *
begin_page(const ListPage *page, Snapshot snapshot)
{
	return begin_merge(snapshot, page->after.data != NULL ? &page->after : NULL);
}

/* Put as many names as are wanted into the function's result, in place of what is there. */
void
return_page(const ListPage *page, Merge *merge, FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		isnull = false;
	NameRef		name;

	tuplestore_clear(result->setResult);
	for (int64 count = 0; count < page->max_rows && next_merged(merge, &name); count++)
	{
		text	   *value = cstring_to_text_with_len(name.data, name.len);
		Datum		datum = PointerGetDatum(value);

		tuplestore_putvalues(result->setResult, result->setDesc, &datum, &isnull);
		pfree(value);
	}
	end_merge(merge);
}

/* ---- entities_with_scope ---- */

static void
list_organizations(Listing *listing)
{
	for (int i = 0; i < listing->access->norgs; i++)
	{
		OrgAccess  *org = &listing->access->orgs[i];

		if (org->all_scopes || has_bit(org->wide, listing->bit))
			add_to_merge(listing->merge, &org->name);
	}
}

static bool
accept_any(void *arg, TableScan *row, const NameRef *name)
{
	return true;
}

static bool
accept_tagged(void *arg, TableScan *row, const NameRef *name)
{
	OrgListing *list = arg;
	bool		isnull;
	Datum		tags = row_value(row, ENTITY_TAGS, &isnull);

	return tag_rules_allow(list->listing->access, list->org, list->listing->bit,
						   isnull ? NULL : PG_DETOAST_DATUM(tags));
}

/* A rule or grant counts if the registry has its entity in the organization. */
static bool
accept_registered(void *arg, TableScan *row, const NameRef *name)
{
	OrgListing *list = arg;
	NameRef		keys[2] = {type_name(list->listing->type), *name};
	NameRef		organization;
	bool		result;
	TableScan	scan;

	begin_scan(&scan, ENTITY_BY_KEY, list->listing->snapshot, keys);
	result = next_row(&scan) && row_name(&scan, ENTITY_ORGANIZATION, &organization) &&
		name_is(&organization, list->org->name.data, list->org->name.len);
	end_scan(&scan);
	return result;
}

static bool
accept_grant(void *arg, TableScan *row, const NameRef *name)
{
	TimestampTz until = DT_NOEND;

	return !row_expired(row, GRANT_EXPIRES_AT, GetCurrentStatementStartTimestamp(), &until) &&
		accept_registered(arg, row, name);
}

/*
 * Entities that rows with these keys name: one stream for each permission set that
 * holds the scope.  The lookups are by set, and by set and entity.
 */
static void
list_named(OrgListing *list, Lookup by_set, Lookup by_entity, const NameRef *keys, int nkeys, AcceptRow accept)
{
	Listing    *listing = list->listing;
	NameRef		stream_keys[MAX_KEYS];
	NameRef		set = {NULL, 0};

	memcpy(stream_keys, keys, nkeys * sizeof(NameRef));
	while (next_giving_set(&listing->sets, by_set, keys, &set))
	{
		stream_keys[nkeys] = set;
		add_stream(listing->merge, by_entity, stream_keys, nkeys + 1, accept, list);
	}
}

static void
list_rules_and_grants(OrgListing *list)
{
	const OrgAccess *org = list->org;
	NameRef		keys[2] = {org->name, list->listing->access->member};
	ListCell   *cell;

	foreach(cell, org->roles)
		list_named(list, RULES_BY_ROLE_AND_SET, RULES_BY_ROLE_SET_AND_ENTITY, lfirst(cell), 1, accept_registered);
	foreach(cell, org->teams)
		list_named(list, GRANTS_TO_TEAM_BY_SET, GRANTS_TO_TEAM_BY_SET_AND_ENTITY, lfirst(cell), 1, accept_grant);
	if (!org->is_token)
		list_named(list, GRANTS_TO_MEMBER_BY_SET, GRANTS_TO_MEMBER_BY_SET_AND_ENTITY, keys, 2, accept_grant);
}

static void
list_org(Listing *listing, const OrgAccess *org)
{
	const MemberAccess *access = listing->access;
	OrgListing *list = palloc(sizeof(OrgListing));
	NameRef		in_org[2] = {org->name, type_name(listing->type)};
	NameRef		owned[3] = {org->name, access->member, type_name(listing->type)};
	bool		any_direct = has_bit(access->any_direct, listing->bit);

	list->listing = listing;
	list->org = org;
	if (org->all_scopes || has_bit(org->wide, listing->bit))
	{
		add_stream(listing->merge, ENTITIES_BY_ORGANIZATION, in_org, 2, accept_any, NULL);
		return;
	}
	if (has_bit(org->tagged, listing->bit))
		add_stream(listing->merge, ENTITIES_BY_ORGANIZATION, in_org, 2, accept_tagged, list);
	if ((any_direct || access->unlisted_owned) && has_bit(owner_scopes(access, listing->type), listing->bit))
		add_stream(listing->merge, ENTITIES_BY_OWNER_AND_TYPE, owned, 3, accept_any, NULL);
	if (any_direct || access->unlisted)
		list_rules_and_grants(list);
}

static void
list_entities(Listing *listing)
{
	listing->sets = giving_sets(listing->snapshot, listing->bit);
	for (int i = 0; i < listing->access->norgs; i++)
		list_org(listing, &listing->access->orgs[i]);
}

static void
list_page(Listing *listing, const NameRef *member, const ListPage *page, FunctionCallInfo fcinfo)
{
	int			attempt = 0;

	do
	{
		listing->access = access_of(member, GetCurrentStatementStartTimestamp());
		listing->snapshot = latest_snapshot();
		listing->merge = begin_page(page, listing->snapshot);
		if (listing->type == TYPE_ORGANIZATION)
			list_organizations(listing);
		else
			list_entities(listing);
		return_page(page, listing->merge, fcinfo);
		UnregisterSnapshot(listing->snapshot);
	} while (!answer_is_current(listing->access, attempt++));
}

/* (member, scope, after, max_rows) */
Datum
entities_with_scope(PG_FUNCTION_ARGS)
{
	Listing		listing = {0};
	NameRef		member;
	ScopeName	scope;
	ScopeEntry *entry;
	ListPage	page;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	member = text_ref(PG_GETARG_TEXT_PP(0));
	scope = PG_GETARG_SCOPENAME(1);
	page = page_arguments(fcinfo);

	AcceptInvalidationMessages();
	require_may_know_member(&member);
	entry = require_scope_entry(scope.data, scope.len);
	listing.bit = entry->bit;
	listing.type = entry->type;
	list_page(&listing, &member, &page, fcinfo);
	return (Datum) 0;
}
