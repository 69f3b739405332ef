/*-------------------------------------------------------------------------
 *
 * access_changes.c
 *	  Who gains and loses what by what a transaction has done so far.
 *
 * There are two snapshots of the same moment: one sees what this transaction has
 * changed, the other does not.  A member's access is gathered from each and compared.
 * So it does not matter what was changed, or how often, but what has come of it.
 *
 * Which members to look at follows from the transaction's rows in the audit
 * log (rbac_internal.changed_members() in sql/audit.sql).  Rows are for a member in one
 * organization, and of three reaches:
 *
 * - all entities of a type, or the organization itself;
 * - the entities whose tags satisfy a condition, if that is not held on all;
 * - an entity, if there is a difference that the former two do not explain.
 *
 * That something lost is still held in a narrower way is not said.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "rbac.h"
#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(access_changes);

/* Indexes of all that there is two of. */
enum
{
	BEFORE, AFTER
};

#define MEMBERS_AT_ONCE	100

/* What the registry has of an entity, seen from an organization. */
typedef struct EntityState
{
	bool		registered;
	bool		here;			/* in that organization */
	struct varlena *tags;		/* or NULL */
} EntityState;

/* An entity whose row has been changed. */
typedef struct ChangedEntity
{
	int			type;
	NameRef		name;
	EntityState states[2];
} ChangedEntity;

/* An entity that one of the two accesses lists, or whose row has been changed. */
typedef struct ListedEntity
{
	int			type;
	NameRef		name;
	const Bits *direct[2];
	const ChangedEntity *changed;	/* or NULL */
} ListedEntity;

typedef struct ConditionChange
{
	char	   *text;
	JsonPath   *condition;
	const Bits *scopes[2];
	const Bits *gained;
	const Bits *lost;
} ConditionChange;

typedef struct Comparison
{
	/* for all members */
	ReturnSetInfo *result;
	int64		rows_left;
	bool		cut;
	Snapshot	snapshots[2];
	const Bits *everything[2];	/* all scopes that are registered */
	TimestampTz now;
	bool		sees_all;		/* who asks */
	NameRef		asker;			/* data is NULL: nobody */

	/* for those of one organization */
	MemoryContext organization_context;
	NameRef		organization;
	bool		may_read_members;
	ChangedEntity *changed;
	uint64		nchanged;

	/* for one */
	NameRef		member;
	MemberAccess *accesses[2];
	OrgAccess  *orgs[2];		/* NULL: is no member */
	const Bits *wide[2];
	const Bits *wide_gained;
	const Bits *wide_lost;
	ConditionChange *conditions;
	int			nconditions;
	ListedEntity *listed;
	int			nlisted;
} Comparison;

/* ---- the result ---- */

static void
put_values(Comparison *c, Datum *values, bool *nulls)
{
	tuplestore_putvalues(c->result->setResult, c->result->setDesc, values, nulls);
}

static Datum
name_datum(const NameRef *name)
{
	return PointerGetDatum(cstring_to_text_with_len(name->data, name->len));
}

/* A row for the scopes of one type, if there are any. */
static void
put_change(Comparison *c, int type, const NameRef *entity, JsonPath *condition, const Bits *gained, const Bits *lost)
{
	ScopeSet   *gained_set = bits_to_scopeset(gained, type);
	ScopeSet   *lost_set = bits_to_scopeset(lost, type);
	NameRef		type_ref = type_name(type);
	Datum		values[7];
	bool		nulls[7] = {false};

	if (scopeset_count(DatumGetScopeSetView(PointerGetDatum(gained_set))) == 0 &&
		scopeset_count(DatumGetScopeSetView(PointerGetDatum(lost_set))) == 0)
		return;
	if (c->rows_left-- <= 0)
	{
		c->cut = true;
		return;
	}
	values[0] = name_datum(&c->organization);
	values[1] = name_datum(&c->member);
	values[2] = name_datum(&type_ref);
	nulls[3] = entity == NULL;
	values[3] = nulls[3] ? (Datum) 0 : name_datum(entity);
	nulls[4] = condition == NULL;
	values[4] = PointerGetDatum(condition);
	values[5] = PointerGetDatum(gained_set);
	values[6] = PointerGetDatum(lost_set);
	put_values(c, values, nulls);
}

/* Programs see a row that no change could be, people a notice. */
static void
put_cut(Comparison *c, int64 max_rows)
{
	Datum		values[7] = {0};
	bool		nulls[7] = {true, true, true, true, true, true, true};

	put_values(c, values, nulls);
	ereport(NOTICE,
			(errmsg("not all changes of access are listed"),
			 errdetail("max_rows is " INT64_FORMAT ". A last row, which is all NULL, stands for the others.", max_rows)));
}

/* ---- entities whose rows have been changed ---- */

static EntityState
entity_state(const Comparison *c, int type, const NameRef *name, Snapshot snapshot)
{
	EntityState state = {0};
	NameRef		keys[2] = {type_name(type), *name};
	NameRef		organization;
	TableScan	scan;

	begin_scan(&scan, ENTITY_BY_KEY, snapshot, keys);
	state.registered = next_row(&scan);
	if (state.registered && row_name(&scan, ENTITY_ORGANIZATION, &organization) &&
		name_is(&organization, c->organization.data, c->organization.len))
	{
		bool		isnull;
		Datum		tags = row_value(&scan, ENTITY_TAGS, &isnull);

		state.here = true;
		state.tags = isnull ? NULL : PG_DETOAST_DATUM_COPY(tags);
	}
	end_scan(&scan);
	return state;
}

static NameRef
name_in_result(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? name_ref(NULL, 0) : text_ref((struct varlena *) DatumGetPointer(value));
}

static void
read_changed_entity(Comparison *c, ChangedEntity *changed, const NameRef *type, const NameRef *name)
{
	changed->type = type_number(type);
	changed->name = copy_name(CurrentMemoryContext, name);
	for (int side = BEFORE; side <= AFTER; side++)
		changed->states[side] = entity_state(c, changed->type, name, c->snapshots[side]);
}

/* ---- queries, which the tables' owner may ask ---- */

static void
become_owner(Oid *user, int *context)
{
	Relation	registry = table_open(registry_oid(), AccessShareLock);

	GetUserIdAndSecContext(user, context);
	SetUserIdAndSecContext(registry->rd_rel->relowner,
						   *context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	table_close(registry, AccessShareLock);
}

static Portal
open_query(SPIPlanPtr plan, Datum *values)
{
	Portal		portal;
	Oid			user;
	int			context;

	become_owner(&user, &context);
	portal = SPI_cursor_open(NULL, plan, values, NULL, true);
	SetUserIdAndSecContext(user, context);
	return portal;
}

/* The next rows into SPI_tuptable; how many. */
static uint64
fetch_rows(Portal portal, long n)
{
	Oid			user;
	int			context;

	become_owner(&user, &context);
	SPI_cursor_fetch(portal, true, n);
	SetUserIdAndSecContext(user, context);
	return SPI_processed;
}

static Portal
query_members(int64 first_id)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(first_id)};

	if (plan == NULL)
		plan = prepare_query("SELECT organization, member FROM rbac_internal.changed_members($1)", 1, types);
	return open_query(plan, values);
}

static Portal
query_entities(int64 first_id, const NameRef *organization)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[] = {INT8OID, TEXTOID};
	Datum		values[] = {Int64GetDatum(first_id), name_datum(organization)};

	if (plan == NULL)
		plan = prepare_query("SELECT entity_type, entity FROM rbac_internal.changed_entities($1, $2)", 2, types);
	return open_query(plan, values);
}

/* ---- an organization ---- */

static void
read_changed_entities(Comparison *c, int64 first_id)
{
	Portal		portal = query_entities(first_id, &c->organization);
	uint64		n = fetch_rows(portal, FETCH_ALL);
	SPITupleTable *table = SPI_tuptable;

	c->changed = MemoryContextAllocHuge(c->organization_context, Max(n, 1) * sizeof(ChangedEntity));
	for (c->nchanged = 0; c->nchanged < n; c->nchanged++)
	{
		NameRef		type = name_in_result(c->nchanged, 1);
		NameRef		name = name_in_result(c->nchanged, 2);
		MemoryContext old = MemoryContextSwitchTo(c->organization_context);

		CHECK_FOR_INTERRUPTS();
		read_changed_entity(c, &c->changed[c->nchanged], &type, &name);
		MemoryContextSwitchTo(old);
	}
	SPI_freetuptable(table);
	SPI_cursor_close(portal);
}

static void
begin_organization(Comparison *c, const NameRef *organization, int64 first_id)
{
	SPITupleTable *table = SPI_tuptable;

	MemoryContextReset(c->organization_context);
	c->organization = copy_name(c->organization_context, organization);
	c->may_read_members = c->sees_all ||
		(c->asker.data != NULL && asker_has_scope(&c->asker, organization, "org_member:read"));
	read_changed_entities(c, first_id);
	SPI_tuptable = table;
}

static bool
may_read(const Comparison *c, const NameRef *member)
{
	return c->may_read_members || (c->asker.data != NULL && name_is(member, c->asker.data, c->asker.len));
}

/* ---- on all entities of a type ---- */

static void
read_access(Comparison *c, int side)
{
	MemberAccess *access = access_as_of(c->snapshots[side], &c->organization, &c->member, c->now);

	c->accesses[side] = access;
	c->orgs[side] = access->norgs == 0 ? NULL : &access->orgs[0];
	c->wide[side] = NULL;
	if (c->orgs[side] != NULL)
		c->wide[side] = c->orgs[side]->all_scopes ? c->everything[side] : c->orgs[side]->wide;
}

static void
compare_wide(Comparison *c)
{
	c->wide_gained = bits_minus(c->wide[AFTER], c->wide[BEFORE]);
	c->wide_lost = bits_minus(c->wide[BEFORE], c->wide[AFTER]);
}

/* ---- by conditions ---- */

static ConditionChange *
find_condition(Comparison *c, JsonPath *condition)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(jsonpath_out, PointerGetDatum(condition)));
	ConditionChange *change;

	for (int i = 0; i < c->nconditions; i++)
		if (strcmp(c->conditions[i].text, text) == 0)
			return &c->conditions[i];
	change = &c->conditions[c->nconditions++];
	memset(change, 0, sizeof(ConditionChange));
	change->text = text;
	change->condition = condition;
	return change;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(((const ConditionChange *) a)->text, ((const ConditionChange *) b)->text);
}

/* What a condition gives counts where it is not held on all entities anyway. */
static void
compare_conditions(Comparison *c)
{
	const Bits *wide = bits_union(c->wide[BEFORE], c->wide[AFTER]);
	int			n = 0;

	for (int side = BEFORE; side <= AFTER; side++)
		n += c->orgs[side] == NULL ? 0 : c->orgs[side]->ntag_rules;
	c->conditions = palloc(Max(n, 1) * sizeof(ConditionChange));
	c->nconditions = 0;
	for (int side = BEFORE; side <= AFTER; side++)
		for (int i = 0; c->orgs[side] != NULL && i < c->orgs[side]->ntag_rules; i++)
		{
			TagRule    *rule = &c->orgs[side]->tag_rules[i];
			ConditionChange *change = find_condition(c, rule->condition);

			change->scopes[side] = bits_union(change->scopes[side], rule->scopes);
		}
	for (int i = 0; i < c->nconditions; i++)
	{
		ConditionChange *change = &c->conditions[i];

		change->gained = bits_minus(bits_minus(change->scopes[AFTER], change->scopes[BEFORE]), wide);
		change->lost = bits_minus(bits_minus(change->scopes[BEFORE], change->scopes[AFTER]), wide);
	}
	qsort(c->conditions, c->nconditions, sizeof(ConditionChange), compare_texts);
}

/* ---- on single entities ---- */

static int
compare_listed(const void *a, const void *b)
{
	const ListedEntity *x = a;
	const ListedEntity *y = b;

	if (x->type != y->type)
	{
		NameRef		x_type = type_name(x->type);
		NameRef		y_type = type_name(y->type);

		return name_cmp(&x_type, &y_type);
	}
	return name_cmp(&x->name, &y->name);
}

/* The same entity comes next to itself: make one of them. */
static void
unite_listed(Comparison *c)
{
	int			n = 0;

	for (int i = 0; i < c->nlisted; i++)
	{
		ListedEntity *one = &c->listed[i];
		ListedEntity *last = n == 0 ? NULL : &c->listed[n - 1];

		if (last == NULL || compare_listed(last, one) != 0)
		{
			c->listed[n++] = *one;
			continue;
		}
		for (int side = BEFORE; side <= AFTER; side++)
			last->direct[side] = bits_union(last->direct[side], one->direct[side]);
		if (one->changed != NULL)
			last->changed = one->changed;
	}
	c->nlisted = n;
}

static void
list_entities(Comparison *c)
{
	Size		n = c->accesses[BEFORE]->ndirect + c->accesses[AFTER]->ndirect + c->nchanged;

	c->listed = palloc_extended(Max(n, 1) * sizeof(ListedEntity), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	c->nlisted = 0;
	for (int side = BEFORE; side <= AFTER; side++)
		for (int i = 0; i < c->accesses[side]->ndirect; i++)
		{
			DirectAccess *direct = &c->accesses[side]->direct[i];
			ListedEntity *one = &c->listed[c->nlisted++];

			one->type = direct->type;
			one->name = direct->entity;
			one->direct[side] = direct->scopes;
		}
	for (uint64 i = 0; i < c->nchanged; i++)
	{
		ListedEntity *one = &c->listed[c->nlisted++];

		one->type = c->changed[i].type;
		one->name = c->changed[i].name;
		one->changed = &c->changed[i];
	}
	qsort(c->listed, c->nlisted, sizeof(ListedEntity), compare_listed);
	unite_listed(c);
}

/* All that the member holds on the entity. */
static const Bits *
held_scopes(const Comparison *c, int side, const ListedEntity *entity, const EntityState *state)
{
	if (c->orgs[side] == NULL || !state->here)
		return NULL;
	return bits_union(bits_union(c->wide[side], entity->direct[side]),
					  tag_rules_scopes(c->orgs[side], state->tags));
}

/* What a row for all entities or for a condition says of this one already. */
static const Bits *
said_scopes(const Comparison *c, int side, const EntityState *state)
{
	const Bits *said = side == AFTER ? c->wide_gained : c->wide_lost;

	for (int i = 0; i < c->nconditions; i++)
	{
		const ConditionChange *change = &c->conditions[i];
		const Bits *more = side == AFTER ? change->gained : change->lost;

		if (more != NULL && condition_matches(change->condition, state->tags))
			said = bits_union(said, more);
	}
	return said;
}

/*
 * What is held on one side and not on the other.  Who has something on all entities
 * there are does not lose it by the deletion of one.
 */
static const Bits *
difference(const Comparison *c, int side, const EntityState *states, const Bits *const *held)
{
	const Bits *result = bits_minus(held[side], held[1 - side]);

	if (!states[1 - side].registered)
		result = bits_minus(result, c->wide[1 - side]);
	return result == NULL ? NULL : bits_minus(result, said_scopes(c, side, &states[side]));
}

static bool
same_bits(const Bits *a, const Bits *b)
{
	return bits_minus(a, b) == NULL && bits_minus(b, a) == NULL;
}

static void
compare_entity(Comparison *c, const ListedEntity *entity)
{
	EntityState states[2];
	const Bits *held[2];

	if (entity->changed == NULL && same_bits(entity->direct[BEFORE], entity->direct[AFTER]))
		return;
	for (int side = BEFORE; side <= AFTER; side++)
	{
		states[side] = entity->changed != NULL ? entity->changed->states[side] :
			entity_state(c, entity->type, &entity->name, c->snapshots[side]);
		held[side] = held_scopes(c, side, entity, &states[side]);
	}
	put_change(c, entity->type, &entity->name, NULL,
			   difference(c, AFTER, states, held), difference(c, BEFORE, states, held));
}

/* ---- a member ---- */

static int
compare_types(const void *a, const void *b)
{
	NameRef		x = type_name(*(const int *) a);
	NameRef		y = type_name(*(const int *) b);

	return name_cmp(&x, &y);
}

/* The wider reach first; *next is the next of the listed entities. */
static void
put_type(Comparison *c, int type, int *next)
{
	put_change(c, type, type == TYPE_ORGANIZATION ? &c->organization : NULL, NULL, c->wide_gained, c->wide_lost);
	for (int i = 0; i < c->nconditions && !c->cut; i++)
		put_change(c, type, NULL, c->conditions[i].condition, c->conditions[i].gained, c->conditions[i].lost);
	for (; *next < c->nlisted && c->listed[*next].type == type && !c->cut; (*next)++)
	{
		CHECK_FOR_INTERRUPTS();
		compare_entity(c, &c->listed[*next]);
	}
}

static void
put_types(Comparison *c)
{
	int			ntypes = entity_types();
	int		   *types = palloc(ntypes * sizeof(int));
	int			next = 0;

	for (int i = 0; i < ntypes; i++)
		types[i] = i;
	qsort(types, ntypes, sizeof(int), compare_types);
	for (int i = 0; i < ntypes && !c->cut; i++)
		put_type(c, types[i], &next);
}

static void
compare_member(Comparison *c)
{
	for (int side = BEFORE; side <= AFTER; side++)
		read_access(c, side);
	compare_wide(c);
	compare_conditions(c);
	list_entities(c);
	put_types(c);
}

/* ---- all of them ---- */

static void
compare_rows(Comparison *c, int64 first_id, MemoryContext member_context)
{
	for (uint64 row = 0; row < SPI_tuptable->numvals && !c->cut; row++)
	{
		NameRef		organization = name_in_result(row, 1);
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		c->member = name_in_result(row, 2);
		if (c->organization.data == NULL ||
			!name_is(&organization, c->organization.data, c->organization.len))
			begin_organization(c, &organization, first_id);
		if (!may_read(c, &c->member))
			continue;
		old = MemoryContextSwitchTo(member_context);
		compare_member(c);
		MemoryContextSwitchTo(old);
		MemoryContextReset(member_context);
	}
}

static void
compare_members(Comparison *c, int64 first_id)
{
	MemoryContext member_context = AllocSetContextCreate(CurrentMemoryContext, "rbac compare member", ALLOCSET_DEFAULT_SIZES);
	Portal		portal = query_members(first_id);

	c->organization_context = AllocSetContextCreate(CurrentMemoryContext, "rbac compare organization", ALLOCSET_DEFAULT_SIZES);
	while (!c->cut && fetch_rows(portal, MEMBERS_AT_ONCE) > 0)
	{
		SPITupleTable *table = SPI_tuptable;

		compare_rows(c, first_id, member_context);
		SPI_freetuptable(table);
	}
	SPI_cursor_close(portal);
}

static void
compare_all(Comparison *c, int64 first_id)
{
	c->now = GetCurrentStatementStartTimestamp();
	c->sees_all = sees_all_rows(GetUserId());
	if (!current_member_name(&c->asker))
		c->asker = name_ref(NULL, 0);
	SPI_connect();
	PushActiveSnapshot(GetLatestSnapshot());
	snapshots_around(&c->snapshots[BEFORE], &c->snapshots[AFTER]);
	for (int side = BEFORE; side <= AFTER; side++)
		c->everything[side] = bits_of_everything(c->snapshots[side]);
	compare_members(c, first_id);
	for (int side = BEFORE; side <= AFTER; side++)
		UnregisterSnapshot(c->snapshots[side]);
	PopActiveSnapshot();
	SPI_finish();
}

static int64
max_rows_argument(FunctionCallInfo fcinfo)
{
	int64		max_rows = PG_ARGISNULL(0) ? PG_INT64_MAX : PG_GETARG_INT64(0);

	if (max_rows < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must not be negative")));
	return max_rows;
}

/* (max_rows) */
Datum
access_changes(PG_FUNCTION_ARGS)
{
	int64		max_rows = max_rows_argument(fcinfo);
	Comparison	c = {.result = (ReturnSetInfo *) fcinfo->resultinfo,.rows_left = max_rows};
	int64		first_id;

	InitMaterializedSRF(fcinfo, 0);
	if (changed_unlogged())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("what this transaction has changed is not known"),
				 errdetail("It has changed rows while \"%s\" was off, or truncated a table.", "rbac.audit")));
	AcceptInvalidationMessages();
	if (logged_rows(&first_id))
		compare_all(&c, first_id);
	if (c.cut)
		put_cut(&c, max_rows);
	return (Datum) 0;
}
