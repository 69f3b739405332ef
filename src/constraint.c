/*-------------------------------------------------------------------------
 *
 * constraint.c
 *	  Triggers for what no native constraint of the tables can say.
 *
 * They fire on the server where a change is made, not where it is replicated
 * to.  What they check, they check against the latest committed rows, and lock
 * those that they rely on, as foreign keys do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "rbac.h"
#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(refuse_builtin);
PG_FUNCTION_INFO_V1(refuse_builtin_mark);
PG_FUNCTION_INFO_V1(refuse_kind_change);
PG_FUNCTION_INFO_V1(fill_entity_type);
PG_FUNCTION_INFO_V1(fill_role);
PG_FUNCTION_INFO_V1(check_permission_set);
PG_FUNCTION_INFO_V1(check_scope);
PG_FUNCTION_INFO_V1(check_new_scopes);
PG_FUNCTION_INFO_V1(check_token_teams);
PG_FUNCTION_INFO_V1(skip_registered);
PG_FUNCTION_INFO_V1(drop_entity_grants);
PG_FUNCTION_INFO_V1(drop_all_entity_grants);
PG_FUNCTION_INFO_V1(empty_organization);

/* ---- rows of the table that a trigger is on ---- */

/* The row as it is now, or, for DELETE, as it was. */
HeapTuple
trigger_row(TriggerData *data)
{
	return TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
}

Datum
column_value(TriggerData *data, HeapTuple row, AttrNumber column, bool *isnull)
{
	return heap_getattr(row, column, RelationGetDescr(data->tg_relation), isnull);
}

NameRef
column_name(TriggerData *data, HeapTuple row, AttrNumber column)
{
	bool		isnull;
	Datum		value = column_value(data, row, column, &isnull);

	return isnull ? name_ref(NULL, 0) : text_ref(PG_DETOAST_DATUM_PACKED(value));
}

static bool
column_changed(TriggerData *data, AttrNumber column)
{
	NameRef		old = column_name(data, data->tg_trigtuple, column);
	NameRef		new = column_name(data, data->tg_newtuple, column);

	return (old.data == NULL) != (new.data == NULL) || !name_is(&old, new.data, new.len);
}

/* For messages. */
char *
quotable(NameRef name)
{
	return name.data == NULL ? "" : clip_for_message(name.data, name.len);
}

/* A BEFORE trigger's row with a text put into a column. */
static HeapTuple
with_text(TriggerData *data, AttrNumber column, NameRef name)
{
	int			columns[] = {column};
	Datum		values[] = {PointerGetDatum(cstring_to_text_with_len(name.data, name.len))};
	bool		nulls[] = {false};

	return heap_modify_tuple_by_cols(trigger_row(data), RelationGetDescr(data->tg_relation),
									 1, columns, values, nulls);
}

/*
 * Lock the row that a scan is at; false if it has been changed or deleted since
 * the scan's snapshot, by a transaction that had to be waited for.  A row that
 * this very command has inserted is as good as locked.
 */
bool
lock_row(TableScan *scan, LockTupleMode mode)
{
	HeapTupleData tuple = *scan->tuple;
	TM_FailureData failure;
	Buffer		buffer;
	TM_Result	result;

	result = heap_lock_tuple(scan->rel, &tuple, GetCurrentCommandId(true), mode,
							 LockWaitBlock, false, &buffer, &failure);
	ReleaseBuffer(buffer);
	return result == TM_Ok || result == TM_Invisible;
}

/* ---- built-in rows ---- */

bool
in_own_script(void)
{
	char	   *extension = creating_extension ? get_extension_name(CurrentExtensionObject) : NULL;

	return extension != NULL && strcmp(extension, "rbac") == 0;
}

/* A script's row; a subscriber gets it from the publisher, whose script writes it, too. */
static Datum
script_row(TriggerData *data)
{
	return PointerGetDatum(on_subscriber(data->tg_relation) ? NULL : trigger_row(data));
}

/*
 * Built-in rows come with the extension.  They are not dumped, so that a change
 * to one would be lost, and so would a row that merely says it is one.  The
 * trigger's condition says which rows are meant; its argument, which are not.
 */
Datum
refuse_builtin(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	const char *table = RelationGetRelationName(data->tg_relation);
	bool		deleted = TRIGGER_FIRED_BY_DELETE(data->tg_event);
	const char *others = data->tg_trigger->tgargs[0];

	if (in_own_script())
		return script_row(data);
	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot truncate table \"%s\": it has built-in rows", table),
				 errhint("DELETE ... WHERE %s spares the built-in rows.", others)));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg(deleted ? "cannot delete built-in row \"%s\" of table \"%s\"" :
					"cannot change built-in row \"%s\" of table \"%s\"",
					SPI_getvalue(data->tg_trigtuple, RelationGetDescr(data->tg_relation), 1), table),
			 deleted ? errhint("WHERE %s spares the built-in rows.", others) :
			 errhint("Insert a row of your own, and use that instead.")));
}

/* Nor can anybody else's row become one. */
Datum
refuse_builtin_mark(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);

	if (in_own_script())
		return script_row(data);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("cannot make a row of table \"%s\" a built-in one",
					RelationGetRelationName(data->tg_relation)),
			 errdetail("Built-in rows come with the extension; all others satisfy %s.",
					   data->tg_trigger->tgargs[0])));
}

/* ---- values that can be left out ---- */

/* The entity type of a rule, grant or default is that of its permission set. */
Datum
fill_entity_type(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	int			set_column = SPI_fnumber(RelationGetDescr(data->tg_relation), "permission_set");
	int			type_column = SPI_fnumber(RelationGetDescr(data->tg_relation), "entity_type");
	NameRef		set = column_name(data, trigger_row(data), set_column);
	HeapTuple	result = trigger_row(data);
	TableScan	scan;

	if (set.data == NULL)
		return PointerGetDatum(result);
	begin_scan(&scan, PERMISSION_SET_BY_NAME, NULL, &set);
	if (!next_row(&scan))
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("permission set \"%s\" does not exist", quotable(set)),
				 errhint("Table rbac.permission_sets holds the permission sets; those of an organization are named organization/set.")));
	else
	{
		NameRef		type;

		row_name(&scan, SET_ENTITY_TYPE, &type);
		result = with_text(data, type_column, type);
	}
	end_scan(&scan);
	return PointerGetDatum(result);
}

static HeapTuple
with_default_role(TriggerData *data)
{
	NameRef		organization = column_name(data, trigger_row(data), MEMBER_ORGANIZATION);
	NameRef		role = cstring_ref("Member");
	HeapTuple	result;
	TableScan	scan;

	begin_scan(&scan, DEFAULT_ROLE_BY_ORGANIZATION, NULL, &organization);
	if (next_row(&scan))
		row_name(&scan, DEFAULT_ROLE_ROLE, &role);
	result = with_text(data, MEMBER_ROLE, role);
	end_scan(&scan);
	return result;
}

/* A member's role is the organization's default, a team token's always Member. */
Datum
fill_role(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	NameRef		kind = column_name(data, trigger_row(data), MEMBER_KIND);

	if (column_name(data, trigger_row(data), MEMBER_ORGANIZATION).data == NULL)
		return PointerGetDatum(trigger_row(data));
	if (kind.data != NULL && name_is(&kind, "team_token", 10))
		return PointerGetDatum(with_text(data, MEMBER_ROLE, cstring_ref("Member")));
	return PointerGetDatum(with_default_role(data));
}

/* ---- members and teams ---- */

Datum
refuse_kind_change(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);

	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("the kind of member \"%s\" cannot be changed",
					quotable(column_name(data, data->tg_trigtuple, MEMBER_MEMBER))),
			 errhint("Delete the member and insert it again.")));
}

static int
count_teams(const NameRef keys[2])
{
	int			count = 0;
	TableScan	scan;

	begin_scan(&scan, TEAMS_OF_MEMBER, NULL, keys);
	while (next_row(&scan))
		count++;
	end_scan(&scan);
	return count;
}

/* Lock a team token, so that nobody else puts it into a team meanwhile. */
static void
lock_token(const NameRef keys[2])
{
	bool		locked = false;

	while (!locked)
	{
		TableScan	scan;

		CHECK_FOR_INTERRUPTS();
		begin_scan(&scan, MEMBER_BY_KEY, NULL, keys);
		locked = !next_row(&scan) || lock_row(&scan, LockTupleNoKeyExclusive);
		end_scan(&scan);
	}
}

/*
 * What is this member?  The result is one of the kinds' first letters.  The row
 * is locked by the foreign key already: no snapshot is needed.
 */
static char
member_kind(const NameRef keys[2])
{
	char		result = 'u';
	TableScan	scan;

	begin_scan(&scan, MEMBER_BY_KEY, SnapshotSelf, keys);
	if (next_row(&scan))
	{
		NameRef		kind;

		row_name(&scan, MEMBER_KIND, &kind);
		result = kind.data[0];
	}
	end_scan(&scan);
	return result;
}

/*
 * An organization's token is in no team, and a team's token in one at most.  On
 * rbac.team_members, and on rbac.members for tokens, since one may come to bear
 * the name of a user who is in teams.
 */
Datum
check_token_teams(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	HeapTuple	row = trigger_row(data);
	NameRef		keys[2] = {
		column_name(data, row, SPI_fnumber(desc, "organization")),
		column_name(data, row, SPI_fnumber(desc, "member"))
	};
	char		kind = member_kind(keys);

	if (kind == 'u')
		return PointerGetDatum(NULL);
	CommandCounterIncrement();
	if (kind == 'o' && count_teams(keys) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("organization token \"%s\" cannot be in a team", quotable(keys[1]))));
	lock_token(keys);
	if (kind == 't' && count_teams(keys) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("team token \"%s\" is in a team already", quotable(keys[1]))));
	return PointerGetDatum(NULL);
}

/* ---- permission sets and their scopes ---- */

/* A scope whose row this transaction has locked. */
typedef struct LockedScope
{
	NameRef		name;			/* hash key */
	int			type;
} LockedScope;

static MemoryContext locked_context = NULL;
static HTAB *locked_scopes = NULL;
static TransactionId locked_by = InvalidTransactionId;
static Stamp locked_stamp;

/*
 * A row lock lasts until the end of the transaction or the rollback of a
 * subtransaction, which moves all stamps on; and the transaction's own changes
 * to scopes do so, too.
 */
static void
prepare_locked_scopes(void)
{
	TransactionId xid = GetTopTransactionId();

	if (locked_by == xid && !changed_since(channel_of(TOPIC_CATALOG, "", 0), locked_stamp))
		return;
	if (locked_context == NULL)
		locked_context = AllocSetContextCreate(CacheMemoryContext, "rbac locked scopes", ALLOCSET_DEFAULT_SIZES);
	locked_by = InvalidTransactionId;
	MemoryContextReset(locked_context);
	locked_scopes = create_name_hash("rbac locked scopes", sizeof(LockedScope), locked_context);
	locked_stamp = invalidation_stamp;
	locked_by = xid;
}

/* Look a scope's row up and lock it against deletion; false: there is none. */
static bool
read_and_lock_scope(const NameRef *name, int *type)
{
	for (;;)
	{
		bool		found;
		bool		locked;
		NameRef		type_of_row;
		TableScan	scan;

		CHECK_FOR_INTERRUPTS();
		begin_scan(&scan, SCOPE_BY_NAME, NULL, name);
		found = next_row(&scan);
		locked = found && lock_row(&scan, LockTupleKeyShare);
		if (locked)
		{
			row_name(&scan, SCOPE_ENTITY_TYPE, &type_of_row);
			*type = type_number(&type_of_row);
		}
		end_scan(&scan);
		if (locked || !found)
			return found;
	}
}

static bool
lock_scope(const NameRef *name, int *type)
{
	LockedScope *entry = hash_search(locked_scopes, name, HASH_FIND, NULL);

	if (entry == NULL)
	{
		NameRef		copy;

		if (!read_and_lock_scope(name, type))
			return false;
		copy = copy_name(locked_context, name);
		entry = hash_search(locked_scopes, &copy, HASH_ENTER, NULL);
		entry->name = copy;
		entry->type = *type;
	}
	*type = entry->type;
	return true;
}

/*
 * While a dump is loaded, sets come before the scopes that they hold, and rows of
 * applications before the organizations that they are in.  Anybody can make it look
 * as if one were; so it takes the tables' owner, and not only one who acts as such for
 * somebody else.
 */
bool
loading_dump(void)
{
	return scope_names_unchecked() && is_rbac_owner(GetUserId()) && is_rbac_owner(GetOuterUserId());
}

static void
check_scope_in_set(const NameRef *scope, const NameRef *set, const NameRef *set_type)
{
	int			type;

	if (!lock_scope(scope, &type))
	{
		if (!loading_dump())
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("scope \"%s\" does not exist", quotable(*scope)),
					 errdetail("Permission set \"%s\" holds it.", quotable(*set))));
	}
	else if (type != type_number(set_type))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("scope \"%s\" does not belong in permission set \"%s\"",
						quotable(*scope), quotable(*set)),
				 errdetail("The scope is of entity type \"%s\", the set of \"%s\".",
						   quotable(type_name(type)), quotable(*set_type))));
}

/* A set holds registered scopes of its own entity type. */
Datum
check_permission_set(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	HeapTuple	row = trigger_row(data);
	NameRef		set = column_name(data, row, SET_NAME);
	NameRef		type = column_name(data, row, SET_ENTITY_TYPE);
	ScopeSetIterator it;
	ScopeName	scope;
	bool		isnull;
	int			bit;

	CommandCounterIncrement();
	prepare_locked_scopes();
	scopeset_iterate(&it, DatumGetScopeSetView(column_value(data, row, SET_SCOPES, &isnull)));
	while (scopeset_next(&it, &scope, &bit))
		check_scope_in_set(&scope, &set, &type);
	return PointerGetDatum(NULL);
}

/* ---- queries, run as the tables' owner and whatever the caller may see ---- */

SPIPlanPtr
prepare_query(const char *query, int nargs, Oid *types)
{
	SPIPlanPtr	plan = SPI_prepare(query, nargs, types);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\"", query);
	return plan;
}

/* Lock the plan's tables.  Who rewrites one before does not preserve its rows for older snapshots. */
static void
lock_tables(SPIPlanPtr plan)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);

	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
}

/*
 * Run on the latest rows, as foreign keys do: a transaction with an older
 * snapshot that would change rows which it does not see fails.
 */
uint64
run_on_latest(Relation rel, SPIPlanPtr plan, bool changes, Datum *values)
{
	bool		frozen = IsolationUsesXactSnapshot();
	Oid			user;
	int			context;

	CommandCounterIncrement();
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(rel->rd_rel->relowner,
						   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	if (frozen)
		lock_tables(plan);
	if (SPI_execute_snapshot(plan, values, NULL,
							 frozen ? GetLatestSnapshot() : InvalidSnapshot,
							 frozen && changes ? GetTransactionSnapshot() : InvalidSnapshot,
							 false, true, changes ? 0 : 1) < 0)
		elog(ERROR, "could not run a query");
	SetUserIdAndSecContext(user, context);
	return SPI_processed;
}

/* ---- scopes ---- */

static Oid
scopeset_oid(void)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("scopeset"),
						   ObjectIdGetDatum(rbac_namespace()));
}

/*
 * The name of a permission set of another type than given that holds any of
 * these scopes, or NULL; and which of them.
 */
static char *
set_with_any(Relation rel, ScopeSet *scopes, NameRef other_than, char **held)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[2] = {InvalidOid, TEXTOID};
	Datum		values[2] = {
		PointerGetDatum(scopes),
		PointerGetDatum(cstring_to_text_with_len(other_than.data, other_than.len))
	};

	if (plan == NULL || types[0] != scopeset_oid())
	{
		/* the extension may have been dropped and created again */
		if (plan != NULL)
			SPI_freeplan(plan);
		plan = NULL;
		types[0] = scopeset_oid();
		plan = prepare_query("SELECT name, scopes OPERATOR(rbac.&) $1 FROM rbac.permission_sets"
							 " WHERE scopes OPERATOR(rbac.&&) $1 AND entity_type OPERATOR(pg_catalog.<>) $2",
							 2, types);
	}
	if (run_on_latest(rel, plan, false, values) == 0)
		return NULL;
	*held = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

static ScopeSet *
set_of_one(NameRef scope)
{
	ScopeSetBuilder builder = {0};

	scopeset_builder_add(&builder, scope.data, scope.len);
	return scopeset_build(&builder);
}

/* A scope that is gone, deleted or renamed, must not be in a set. */
static void
check_scope_unused(TriggerData *data, NameRef scope)
{
	char	   *held;
	char	   *set;

	if (row_exists(SCOPE_BY_NAME, &scope))
		return;
	set = set_with_any(data->tg_relation, set_of_one(scope), name_ref("", 0), &held);
	if (set != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("scope \"%s\" is in use", quotable(scope)),
				 errdetail("Permission set \"%s\" holds it.", set)));
}

/* Scopes that are there must not be in a set of another entity type. */
static void
check_scopes_type(Relation rel, ScopeSet *scopes, NameRef type)
{
	char	   *held;
	char	   *set = set_with_any(rel, scopes, type, &held);

	if (set != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("%s cannot be of entity type \"%s\"", held, quotable(type)),
				 errdetail("Permission set \"%s\", which is of another, holds that.", set)));
}

/*
 * A scope is of one entity type for ever: only rbac.rename() gives it another
 * name for its type, and then the old type is gone by the time of this check.
 */
static void
check_type_kept(TriggerData *data)
{
	NameRef		type = column_name(data, data->tg_trigtuple, SCOPE_ENTITY_TYPE);

	if (column_changed(data, SCOPE_ENTITY_TYPE) && row_exists(ENTITY_TYPE_BY_NAME, &type))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("the entity type of scope \"%s\" cannot be changed",
						quotable(column_name(data, data->tg_trigtuple, SCOPE_NAME)))));
}

/* The other side of check_permission_set(). */
Datum
check_scope(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	NameRef		old = column_name(data, data->tg_trigtuple, SCOPE_NAME);
	HeapTuple	row = trigger_row(data);

	CommandCounterIncrement();
	SPI_connect();
	check_scope_unused(data, old);
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		check_type_kept(data);
		check_scopes_type(data->tg_relation, set_of_one(column_name(data, row, SCOPE_NAME)),
						  column_name(data, row, SCOPE_ENTITY_TYPE));
	}
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* Scopes that one command has inserted, of one entity type. */
typedef struct NewScopes
{
	NameRef		type;			/* hash key */
	ScopeSetBuilder names;
} NewScopes;

static void
collect_new_scope(HTAB *by_type, TupleTableSlot *slot)
{
	bool		isnull;
	NameRef		name = text_ref(PG_DETOAST_DATUM_PACKED(slot_getattr(slot, SCOPE_NAME, &isnull)));
	NameRef		type = text_ref(PG_DETOAST_DATUM_PACKED(slot_getattr(slot, SCOPE_ENTITY_TYPE, &isnull)));
	NewScopes  *scopes;
	bool		found;

	type = copy_name(CurrentMemoryContext, &type);
	scopes = hash_search(by_type, &type, HASH_ENTER, &found);
	if (!found)
	{
		scopes->type = type;
		memset(&scopes->names, 0, sizeof(scopes->names));
	}
	scopeset_builder_add(&scopes->names, name.data, name.len);
}

/* The same for INSERT, once for all rows. */
Datum
check_new_scopes(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(data->tg_relation), &TTSOpsMinimalTuple);
	HTAB	   *by_type;
	HASH_SEQ_STATUS status;
	NewScopes  *scopes;

	SPI_connect();
	by_type = create_name_hash("rbac new scopes", sizeof(NewScopes), CurrentMemoryContext);
	while (tuplestore_gettupleslot(data->tg_newtable, true, false, slot))
		collect_new_scope(by_type, slot);
	ExecDropSingleTupleTableSlot(slot);
	hash_seq_init(&status, by_type);
	while ((scopes = hash_seq_search(&status)) != NULL)
		check_scopes_type(data->tg_relation, scopeset_build(&scopes->names), scopes->type);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* ---- the registry ---- */

static bool
same_value(TriggerData *data, TableScan *scan, AttrNumber column, PGFunction equal)
{
	bool		isnull;
	bool		stored_isnull;
	Datum		value = column_value(data, data->tg_trigtuple, column, &isnull);
	Datum		stored = row_value(scan, column, &stored_isnull);

	if (isnull || stored_isnull)
		return isnull && stored_isnull;
	return DatumGetBool(DirectFunctionCall2(equal, value, stored));
}

static bool
is_same_entity(TriggerData *data, TableScan *scan)
{
	return same_value(data, scan, ENTITY_ORGANIZATION, byteaeq) &&
		same_value(data, scan, ENTITY_OWNER, byteaeq) &&
		same_value(data, scan, ENTITY_TAGS, jsonb_eq);
}

/*
 * Inserting a row equal to the stored one does nothing.  A stored row is locked,
 * or else a transaction that is about to delete it would leave neither; one that
 * another transaction has not committed yet is waited for.
 */
Datum
skip_registered(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	NameRef		keys[2] = {
		column_name(data, data->tg_trigtuple, ENTITY_TYPE),
		column_name(data, data->tg_trigtuple, ENTITY_ENTITY)
	};
	bool		same;
	bool		locked = false;
	SnapshotData dirty;

	if (keys[0].data == NULL || keys[1].data == NULL)
		return PointerGetDatum(data->tg_trigtuple);
	do
	{
		TableScan	scan;

		CHECK_FOR_INTERRUPTS();
		InitDirtySnapshot(dirty);
		begin_scan(&scan, ENTITY_BY_KEY, &dirty, keys);
		same = next_row(&scan) && is_same_entity(data, &scan);
		if (same && !TransactionIdIsValid(dirty.xmin))
			locked = lock_row(&scan, LockTupleKeyShare);
		end_scan(&scan);
		if (same && TransactionIdIsValid(dirty.xmin))
			XactLockTableWait(dirty.xmin, NULL, NULL, XLTW_None);
	} while (same && TransactionIdIsValid(dirty.xmin));
	return PointerGetDatum(locked ? NULL : data->tg_trigtuple);
}

static bool
type_was_renamed(TriggerData *data)
{
	NameRef		type = column_name(data, data->tg_trigtuple, ENTITY_TYPE);

	return column_changed(data, ENTITY_TYPE) && !row_exists(ENTITY_TYPE_BY_NAME, &type);
}

/*
 * Has the entity gone from where its grants were given?  Not if rbac.rename()
 * has renamed its organization or type: then the old name is no more.
 */
static bool
entity_left(TriggerData *data)
{
	NameRef		organization = column_name(data, data->tg_trigtuple, ENTITY_ORGANIZATION);

	if (TRIGGER_FIRED_BY_DELETE(data->tg_event) || column_changed(data, ENTITY_ENTITY))
		return true;
	if (column_changed(data, ENTITY_TYPE))
		return !type_was_renamed(data);
	return column_changed(data, ENTITY_ORGANIZATION) && row_exists(ORGANIZATION_BY_NAME, &organization);
}

/* Run several statements whose parameters are all of type text. */
static void
run_queries(Relation rel, int n, const char *const *queries, SPIPlanPtr *plans, int nargs, Datum *values)
{
	Oid			types[2] = {TEXTOID, TEXTOID};

	SPI_connect();
	for (int i = 0; i < n; i++)
	{
		if (plans[i] == NULL)
			plans[i] = prepare_query(queries[i], nargs, types);
		run_on_latest(rel, plans[i], true, values);
	}
	SPI_finish();
}

/* An entity that leaves takes the grants and direct rules that name it along. */
Datum
drop_entity_grants(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plans[2];
	static const char *const queries[] = {
		"DELETE FROM rbac.entity_grants WHERE entity_type OPERATOR(pg_catalog.=) $1 AND entity OPERATOR(pg_catalog.=) $2",
		"DELETE FROM rbac.role_rules WHERE entity_type OPERATOR(pg_catalog.=) $1 AND entity OPERATOR(pg_catalog.=) $2"
	};
	TriggerData *data = trigger_data(fcinfo);
	Datum		values[2];
	bool		isnull;

	if (!entity_left(data))
		return PointerGetDatum(NULL);
	values[0] = column_value(data, data->tg_trigtuple, ENTITY_TYPE, &isnull);
	values[1] = column_value(data, data->tg_trigtuple, ENTITY_ENTITY, &isnull);
	run_queries(data->tg_relation, lengthof(queries), queries, plans, 2, values);
	return PointerGetDatum(NULL);
}

Datum
drop_all_entity_grants(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plans[2];
	static const char *const queries[] = {
		"DELETE FROM rbac.entity_grants",
		"DELETE FROM rbac.role_rules WHERE entity IS NOT NULL"
	};

	run_queries(trigger_data(fcinfo)->tg_relation, lengthof(queries), queries, plans, 0, NULL);
	return PointerGetDatum(NULL);
}

/* ---- organizations ---- */

/*
 * Deleting an organization deletes all that is in it but entities, by cascading
 * foreign keys.  These go by breadth, so that a permission set would be found in
 * use by a rule whose role is about to go: what uses things goes first.
 *
 * But others delete things before what uses them, and refer to things in the order
 * of their foreign keys: so all is locked before, in that order, or each would
 * wait for the other.  And who reads a table and its indexes before they delete from it
 * would wait for a REINDEX that waits for them.
 *
 * If it has entities, and the foreign key is deferred, they are left behind by
 * the organization and may be moved to another.  Then nothing may be left that
 * names them: entity_left() will take the missing organization for a renamed one.
 */
Datum
empty_organization(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plans[10];
	static const char *const queries[] = {
		"LOCK TABLE rbac.teams, rbac.members, rbac.roles, rbac.permission_sets IN ROW EXCLUSIVE MODE",
		"SELECT FROM rbac.teams WHERE organization OPERATOR(pg_catalog.=) $1 FOR UPDATE",
		"SELECT FROM rbac.members WHERE organization OPERATOR(pg_catalog.=) $1 FOR UPDATE",
		"SELECT FROM rbac.roles WHERE organization OPERATOR(pg_catalog.=) $1 FOR UPDATE",
		"SELECT FROM rbac.permission_sets WHERE organization OPERATOR(pg_catalog.=) $1 FOR UPDATE",
		"DELETE FROM rbac.entity_grants WHERE organization OPERATOR(pg_catalog.=) $1"
		" OR team OPERATOR(pg_catalog.=) ANY (SELECT name FROM rbac.teams WHERE organization OPERATOR(pg_catalog.=) $1)",
		"DELETE FROM rbac.team_roles"
		" WHERE team OPERATOR(pg_catalog.=) ANY (SELECT name FROM rbac.teams WHERE organization OPERATOR(pg_catalog.=) $1)",
		"DELETE FROM rbac.entity_grants WHERE (entity_type, entity) OPERATOR(pg_catalog.=) ANY"
		" (SELECT entity_type, entity FROM rbac.entities WHERE organization OPERATOR(pg_catalog.=) $1)",
		"DELETE FROM rbac.role_rules WHERE (entity_type, entity) OPERATOR(pg_catalog.=) ANY"
		" (SELECT entity_type, entity FROM rbac.entities WHERE organization OPERATOR(pg_catalog.=) $1)",
		"DELETE FROM rbac.role_rules"
		" WHERE role OPERATOR(pg_catalog.=) ANY (SELECT name FROM rbac.roles WHERE organization OPERATOR(pg_catalog.=) $1)"
	};
	TriggerData *data = trigger_data(fcinfo);
	Datum		value;
	bool		isnull;

	value = column_value(data, data->tg_trigtuple, ORGANIZATION_NAME, &isnull);
	run_queries(data->tg_relation, lengthof(queries), queries, plans, 1, &value);
	return PointerGetDatum(data->tg_trigtuple);
}
