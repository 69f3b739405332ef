/*-------------------------------------------------------------------------
 *
 * candidates.c
 *	  What a member might be allowed: conditions for index scans.
 *
 * The planner derives "column = ANY (candidate_entities(...))" from a check of
 * that column, and "column = ANY (candidate_organizations(...))" from one that
 * names the row's organization (see planner.c).  The check itself is still made
 * for each row, so a candidate may turn out to be none; but nothing that a check
 * would allow may be missing:
 *
 * - has_scope() allows only entities that the member's direct rules, grants and
 *   ownership name, or that the registry has in an organization where the member
 *   has access by anything else;
 * - row_has_scope() allows only rows of organizations that the member belongs to.
 *
 * Whoever runs a plan has to be allowed to call these functions, but nobody may
 * use them to list what somebody else has.  An argument of type rbac.plan_only
 * sees to that, of which only planner.c can make a value; it does so for those who
 * may know.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "planner.h"
#include "rbac.h"
#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(plan_only_in);
PG_FUNCTION_INFO_V1(plan_only_out);
PG_FUNCTION_INFO_V1(candidate_entities);
PG_FUNCTION_INFO_V1(candidate_organizations);

/* ---- rbac.plan_only ---- */

Datum
plan_only_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot accept a value of type %s", "rbac.plan_only"),
			 errdetail("Only the planner makes values of this type.")));
	PG_RETURN_VOID();			/* keep compiler quiet */
}

/* EXPLAIN shows it. */
Datum
plan_only_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(pstrdup(""));
}

/* ---- walking over candidates ---- */

/* Candidates are counted, or put into an array as well. */
typedef struct Walk
{
	MemberAccess *access;
	int			type;
	int			bit;
	Snapshot	snapshot;
	int			count;
	int			limit;			/* stop when there are more */
	Oid			element;		/* of the array */
	ArrayBuildState *array;		/* NULL: count only */
	Oid			function;		/* candidate_entities(), if that is what walks */
} Walk;

KeyKind
kind_of_type(Oid type)
{
	switch (type)
	{
		case TEXTOID:
			return KEY_TEXT;
		case UUIDOID:
			return KEY_UUID;
		case INT8OID:
		case INT4OID:
		case INT2OID:
			return KEY_INTEGER;
		default:
			return KEY_NONE;
	}
}

/* The value of a type that stands for this name; false if there is none. */
bool
name_datum(Oid type, const NameRef *name, Datum *value)
{
	int64		integer = 0;
	Key			key;

	if (!convert_key(&key, kind_of_type(type), name->data, name->len))
		return false;
	if (key.kind == KEY_INTEGER)
		memcpy(&integer, key.data, sizeof(integer));
	switch (type)
	{
		case TEXTOID:
			*value = PointerGetDatum(cstring_to_text_with_len(key.data, key.len));
			return true;
		case UUIDOID:
			*value = UUIDPGetDatum((pg_uuid_t *) key.data);
			return true;
		case INT8OID:
			*value = Int64GetDatum(integer);
			return true;
		case INT4OID:
			*value = Int32GetDatum((int32) integer);
			return integer >= PG_INT32_MIN && integer <= PG_INT32_MAX;
		case INT2OID:
			*value = Int16GetDatum((int16) integer);
			return integer >= PG_INT16_MIN && integer <= PG_INT16_MAX;
		default:
			return false;
	}
}

/*
 * Too many: the plan was made for somebody else, or for what was.  It is to be
 * forgotten also if the query does not come to its end.
 */
static void
forget_plan(Walk *walk)
{
	scope_count(walk->access, walk->bit)->candidates = -1;
	forget_plans(walk->function);
}

static void
add_candidate(Walk *walk, const NameRef *name)
{
	Datum		value;

	walk->count++;
	if (walk->count == MAX_CANDIDATES + 1 && OidIsValid(walk->function))
		forget_plan(walk);
	if (walk->array != NULL && name_datum(walk->element, name, &value))
		accumArrayResult(walk->array, value, false, walk->element, CurrentMemoryContext);
}

static void
walk_organizations(Walk *walk)
{
	for (int i = 0; i < walk->access->norgs; i++)
	{
		OrgAccess  *org = &walk->access->orgs[i];

		if (org->all_scopes || has_bit(org->wide, walk->bit))
			add_candidate(walk, &org->name);
	}
}

static void
walk_direct(Walk *walk)
{
	const MemberAccess *access = walk->access;

	if (!has_bit(access->any_direct, walk->bit))
		return;
	for (int i = 0; i < access->ndirect && walk->count <= walk->limit; i++)
		if (has_bit(access->direct[i].scopes, walk->bit))
			add_candidate(walk, &access->direct[i].entity);
}

/* The rest of a scan of the registry, as far as it is of the type. */
static void
walk_scan(Walk *walk, TableScan *scan)
{
	NameRef		type = type_name(walk->type);

	while (walk->count <= walk->limit && next_row(scan))
	{
		NameRef		type_in_row;
		NameRef		entity;

		CHECK_FOR_INTERRUPTS();
		row_name(scan, ENTITY_TYPE, &type_in_row);
		row_name(scan, ENTITY_ENTITY, &entity);
		if (name_is(&type_in_row, type.data, type.len))
			add_candidate(walk, &entity);
	}
	end_scan(scan);
}

/* All of an organization's entities. */
static void
walk_registry(Walk *walk, const OrgAccess *org)
{
	NameRef		keys[2] = {org->name, type_name(walk->type)};
	TableScan	scan;

	begin_ordered_scan(&scan, ENTITIES_BY_ORGANIZATION, walk->snapshot, keys, NULL);
	walk_scan(walk, &scan);
}

static void
walk_owned(Walk *walk, const OrgAccess *org)
{
	NameRef		keys[2] = {org->name, walk->access->member};
	TableScan	scan;

	begin_scan(&scan, ENTITIES_BY_OWNER, walk->snapshot, keys);
	walk_scan(walk, &scan);
}

/* May anything but a rule or grant that is listed give the scope in this organization? */
static bool
may_allow_any(const MemberAccess *access, const OrgAccess *org, int bit)
{
	return org->all_scopes || access->unlisted || has_bit(org->wide, bit) || has_bit(org->tagged, bit);
}

/* One snapshot for all: an entity may be on its way from one organization to another. */
static void
walk_entities(Walk *walk)
{
	MemberAccess *access = walk->access;

	if (walk->array == NULL)
		walk->count = scope_count(access, walk->bit)->direct;
	else
		walk_direct(walk);
	if (!needs_registry(access, walk->bit))
		return;
	walk->snapshot = latest_snapshot();
	for (int i = 0; i < access->norgs && walk->count <= walk->limit; i++)
	{
		const OrgAccess *org = &access->orgs[i];

		if (may_allow_any(access, org, walk->bit))
			walk_registry(walk, org);
		else if (access->unlisted_owned && has_bit(owner_scopes(access, walk->type), walk->bit))
			walk_owned(walk, org);
	}
	UnregisterSnapshot(walk->snapshot);
}

/* ---- counting, for the planner ---- */

/*
 * That there are too many is believed for a while: counting must not be what
 * makes planning slow.
 */
#define BELIEVE_TOO_MANY	(10 * USECS_PER_SEC)

static bool
is_counted(const ScopeCount *count, TimestampTz now)
{
	if (count->candidates > MAX_CANDIDATES)
		return now < count->counted_at + BELIEVE_TOO_MANY;
	return count->candidates >= 0 && now == count->counted_at;
}

/*
 * On how many entities may the member have the scope?  More than MAX_CANDIDATES
 * if there are more.  The planner asks several times for each plan.  A
 * serializable transaction must not conflict with all that is registered, and so
 * does not read the registry.
 */
int
count_candidate_entities(MemberAccess *access, const ScopeEntry *scope)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();
	ScopeCount *count = scope_count(access, scope->bit);
	Walk		walk = {.access = access,.type = scope->type,.bit = scope->bit,.limit = MAX_CANDIDATES};

	if (is_counted(count, now))
		return count->candidates;
	if (walk.type == TYPE_ORGANIZATION)
		walk_organizations(&walk);
	else if (IsolationIsSerializable() && needs_registry(access, walk.bit))
		return MAX_CANDIDATES + 1;
	else
		walk_entities(&walk);
	count->candidates = walk.count;
	count->counted_at = now;
	return count->candidates;
}

/* May the member have the scope on anything in this organization? */
bool
is_candidate_organization(const MemberAccess *access, const OrgAccess *org, const ScopeEntry *scope)
{
	if (org->all_scopes || has_bit(org->wide, scope->bit))
		return true;
	return scope->type != TYPE_ORGANIZATION &&
		(access->unlisted || has_bit(org->tagged, scope->bit) || has_bit(access->any_direct, scope->bit) ||
		 has_bit(owner_scopes(access, scope->type), scope->bit));
}

/* ---- arrays, for the executor ---- */

typedef struct CandidateMemo
{
	uint64		serial;			/* of the MemberAccess; 0: nothing kept */
	int			bit;
	Datum		array;
} CandidateMemo;

static Oid
element_type(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 3);

	if (PG_ARGISNULL(2) || kind_of_type(type) == KEY_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this function can only be called by plans that the planner made")));
	return type;
}

/* A rescan, as of the inner side of a nested loop, finds the array that it had. */
static CandidateMemo *
get_memo(FunctionCallInfo fcinfo)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;

	if (flinfo->fn_extra == NULL)
		flinfo->fn_extra = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(CandidateMemo));
	return flinfo->fn_extra;
}

static void
keep_array(FunctionCallInfo fcinfo, CandidateMemo *memo, const Walk *walk, Datum array)
{
	MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

	if (memo->serial != 0)
		pfree(DatumGetPointer(memo->array));
	memo->serial = 0;
	memo->array = PointerGetDatum(DatumGetArrayTypePCopy(array));
	memo->serial = walk->access->serial;
	memo->bit = walk->bit;
	MemoryContextSwitchTo(old);
}

/* What is asked for; NULL if an argument is, and so the answer. */
static ScopeEntry *
begin_walk(FunctionCallInfo fcinfo, Walk *walk, NameRef *member)
{
	ScopeEntry *scope;
	ScopeName	name;

	walk->element = element_type(fcinfo);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return NULL;
	AcceptInvalidationMessages();
	*member = text_ref(PG_GETARG_TEXT_PP(0));
	name = PG_GETARG_SCOPENAME(1);
	scope = require_scope_entry(name.data, name.len);
	walk->type = scope->type;
	walk->bit = scope->bit;
	walk->access = access_of(member, GetCurrentStatementStartTimestamp());
	return scope;
}

/* Entities are read later than the access, and both have to be of one moment. */
static Datum
make_entity_array(const NameRef *member, Walk *walk)
{
	int			attempt = 0;

	do
	{
		walk->access = access_of(member, GetCurrentStatementStartTimestamp());
		walk->count = 0;
		walk->array = initArrayResult(walk->element, CurrentMemoryContext, false);
		if (walk->type == TYPE_ORGANIZATION)
			walk_organizations(walk);
		else
			walk_entities(walk);
	} while (!answer_is_current(walk->access, attempt++));
	return makeArrayResult(walk->array, CurrentMemoryContext);
}

/* (member, scope, plan_only, element) */
Datum
candidate_entities(PG_FUNCTION_ARGS)
{
	Walk		walk = {.limit = PG_INT32_MAX - 1,.function = fcinfo->flinfo->fn_oid};
	CandidateMemo *memo = get_memo(fcinfo);
	NameRef		member;
	Datum		array;

	if (begin_walk(fcinfo, &walk, &member) == NULL)
		PG_RETURN_NULL();
	if (memo->serial == walk.access->serial && memo->bit == walk.bit)
		PG_RETURN_DATUM(memo->array);
	array = make_entity_array(&member, &walk);
	if (walk.type != TYPE_ORGANIZATION && !needs_registry(walk.access, walk.bit))
		keep_array(fcinfo, memo, &walk, array);
	PG_RETURN_DATUM(array);
}

/* (member, scope, plan_only, element) */
Datum
candidate_organizations(PG_FUNCTION_ARGS)
{
	Walk		walk = {0};
	ScopeEntry *scope;
	NameRef		member;

	scope = begin_walk(fcinfo, &walk, &member);
	if (scope == NULL)
		PG_RETURN_NULL();
	walk.array = initArrayResult(walk.element, CurrentMemoryContext, false);
	for (int i = 0; i < walk.access->norgs; i++)
		if (is_candidate_organization(walk.access, &walk.access->orgs[i], scope))
			add_candidate(&walk, &walk.access->orgs[i].name);
	PG_RETURN_DATUM(makeArrayResult(walk.array, CurrentMemoryContext));
}
