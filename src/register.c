/*-------------------------------------------------------------------------
 *
 * register.c
 *	  Triggers that keep the registry, rbac.entities, in step with a table.
 *
 * rbac.protect() puts them on it.  They write the registry as its owner, for
 * anybody who may write the table, so that only who is trusted may execute the
 * function, that is, make such a trigger.  Its argument is the entity type.
 *
 * Rows that are inserted are registered many at once, when the statement ends.
 * Those that are updated or deleted are dealt with one by one, before that and in
 * the order in which it happened: a statement may delete an id and insert it anew,
 * or pass it on from one row to the next.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "protect.h"
#include "rbac.h"
#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(register_entities);
PG_FUNCTION_INFO_V1(register_rows);

#define BATCH_SIZE	1000

/* What becomes of the rows of a batch. */
typedef enum Change
{
	CHANGE_INSERT,
	CHANGE_REPLACE,				/* insert, or update what is there */
	CHANGE_DELETE,
	CHANGES
} Change;

static const char *const change_queries[CHANGES] = {
	"INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags)"
	" SELECT $1, e, o, w, t FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5)) AS u (e, o, w, t)",
	"INSERT INTO rbac.entities (entity_type, entity, organization, owner, tags)"
	" SELECT $1, e, o, w, t FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), pg_catalog.unnest($5)) AS u (e, o, w, t)"
	" ON CONFLICT (entity_type, entity) DO UPDATE"
	" SET organization = excluded.organization, owner = excluded.owner, tags = excluded.tags",
	"DELETE FROM rbac.entities WHERE entity_type OPERATOR(pg_catalog.=) $1 AND entity OPERATOR(pg_catalog.=) ANY ($2)"
};

/* not of an array: the planner would think that a plan made for it is better, each time */
static const char *const delete_query =
"DELETE FROM rbac.entities WHERE entity_type OPERATOR(pg_catalog.=) $1 AND entity OPERATOR(pg_catalog.=) $2";
static const char *const update_query =
"UPDATE rbac.entities SET entity = ($2)[1], organization = ($3)[1], owner = ($4)[1], tags = ($5)[1]"
" WHERE entity_type OPERATOR(pg_catalog.=) $1 AND entity OPERATOR(pg_catalog.=) $6";

typedef struct Batch
{
	ProtectedTable table;
	const char *type;
	Change		change;
	Relation	registry;
	MemoryContext context;		/* of the rows' values */
	NameRef		organization;	/* the latest that was found to exist */
	int			n;
	Datum		values[PROTECTED_COLUMNS][BATCH_SIZE];
	bool		nulls[PROTECTED_COLUMNS][BATCH_SIZE];
} Batch;

/* ---- rows ---- */

static void
complain_about_row(void *arg)
{
	const Batch *batch = arg;

	errcontext("registration of rows of table \"%s\" as entities of type \"%s\"",
			   RelationGetRelationName(batch->table.rel), batch->type);
}

static const char *
column_title(const Batch *batch, ProtectedColumn column)
{
	TupleDesc	desc = RelationGetDescr(batch->table.rel);

	return NameStr(TupleDescAttr(desc, batch->table.columns[column] - 1)->attname);
}

static void
require_value(const Batch *batch, ProtectedColumn column)
{
	if (batch->nulls[column][batch->n])
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("null value in column \"%s\" of protected table \"%s\"", column_title(batch, column),
						RelationGetRelationName(batch->table.rel)),
				 errdetail("Its rows are registered as entities, which have an id and an organization.")));
}

/*
 * Does the row's organization exist?  The foreign key would complain, too, but
 * not say where it comes from.  A dump that is loaded may bring the organizations
 * later, and then it brings what is registered with them.
 */
static bool
has_organization(Batch *batch)
{
	NameRef		name = text_ref((struct varlena *) DatumGetPointer(batch->values[COLUMN_ORGANIZATION][batch->n]));

	if (!name_is(&batch->organization, name.data, name.len))
	{
		if (!row_exists(ORGANIZATION_BY_NAME, &name))
		{
			if (loading_dump())
				return false;
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("organization \"%s\" does not exist", clip_for_message(name.data, name.len)),
					 errdetail("Column \"%s\" of protected table \"%s\" names it.",
							   column_title(batch, COLUMN_ORGANIZATION), RelationGetRelationName(batch->table.rel)),
					 errhint("Insert it into rbac.organizations first.")));
		}
		batch->organization = name;
	}
	return true;
}

/* A row that is complete. */
static bool
is_registrable(Batch *batch)
{
	require_value(batch, COLUMN_ENTITY);
	require_value(batch, COLUMN_ORGANIZATION);
	return has_organization(batch);
}

static Datum
batch_array(const Batch *batch, ProtectedColumn column)
{
	int			dimensions[1] = {batch->n};
	int			bounds[1] = {1};
	Oid			type = column == COLUMN_TAGS ? JSONBOID : TEXTOID;

	return PointerGetDatum(construct_md_array((Datum *) batch->values[column], (bool *) batch->nulls[column], 1,
											  dimensions, bounds, type, -1, false, TYPALIGN_INT));
}

static void
batch_arguments(const Batch *batch, Datum *arguments)
{
	arguments[0] = CStringGetTextDatum(batch->type);
	for (int column = 0; column < PROTECTED_COLUMNS; column++)
		arguments[column + 1] = batch_array(batch, column);
}

static SPIPlanPtr
registry_plan(SPIPlanPtr *plan, const char *query, int nargs, Oid *types)
{
	if (*plan == NULL)
		*plan = prepare_query(query, nargs, types);
	return *plan;
}

static void
flush(Batch *batch)
{
	static SPIPlanPtr plans[CHANGES];
	static Oid	types[] = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID};
	MemoryContext caller = MemoryContextSwitchTo(batch->context);
	Datum		arguments[PROTECTED_COLUMNS + 1];

	if (batch->n > 0)
	{
		batch_arguments(batch, arguments);
		run_on_latest(batch->registry, registry_plan(&plans[batch->change], change_queries[batch->change], 5, types),
					  true, arguments);
	}
	batch->n = 0;
	batch->organization = name_ref("", 0);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(batch->context);
}

static void
add_row(Batch *batch, TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->context);

	for (int column = 0; column < PROTECTED_COLUMNS; column++)
	{
		bool	   *isnull = &batch->nulls[column][batch->n];
		Datum		value = protected_value(&batch->table, column, slot, isnull);

		if (column == COLUMN_TAGS && !*isnull)
			value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		batch->values[column][batch->n] = value;
	}
	if (batch->change == CHANGE_DELETE || is_registrable(batch))
		batch->n++;
	MemoryContextSwitchTo(caller);
	if (batch->n == BATCH_SIZE)
		flush(batch);
}

static Batch *
begin_batch(Relation rel, const char *type, Change change, ErrorContextCallback *callback)
{
	Batch	   *batch;

	CommandCounterIncrement();
	SPI_connect();
	batch = palloc(sizeof(Batch));
	batch->table = protected_table(rel);
	batch->type = type;
	batch->change = change;
	batch->registry = table_open(registry_oid(), RowExclusiveLock);
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "rbac rows", ALLOCSET_DEFAULT_SIZES);
	batch->organization = name_ref("", 0);
	batch->n = 0;
	callback->callback = complain_about_row;
	callback->arg = batch;
	callback->previous = error_context_stack;
	error_context_stack = callback;
	return batch;
}

static void
end_batch(Batch *batch)
{
	flush(batch);
	error_context_stack = error_context_stack->previous;
	table_close(batch->registry, NoLock);
	SPI_finish();
}

/* ---- a table, a statement's new rows, one row ---- */

/*
 * All rows of the table, of the transaction's snapshot or not.  The caller has
 * locked it.
 */
static int64
add_table(Batch *batch)
{
	Relation	rel = batch->table.rel;
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL, SO_NONE);
	int64		n = 0;

	for (; table_scan_getnextslot(scan, ForwardScanDirection, slot); n++)
	{
		CHECK_FOR_INTERRUPTS();
		add_row(batch, slot);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	return n;
}

static void
add_new_rows(Batch *batch, TriggerData *data)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(data->tg_relation), &TTSOpsMinimalTuple);

	while (tuplestore_gettupleslot(data->tg_newtable, true, false, slot))
		add_row(batch, slot);
	ExecDropSingleTupleTableSlot(slot);
}

/* A row that is not registered, whatever the reason, is now. */
static void
update_row(Batch *batch, TriggerData *data)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[] = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, TEXTOID};
	Datum		arguments[PROTECTED_COLUMNS + 2];
	bool		isnull;
	Datum		old = protected_value(&batch->table, COLUMN_ENTITY, data->tg_trigslot, &isnull);

	add_row(batch, data->tg_newslot);
	if (isnull)
		return;
	batch_arguments(batch, arguments);
	arguments[PROTECTED_COLUMNS + 1] = old;
	if (run_on_latest(batch->registry, registry_plan(&plan, update_query, 6, types), true, arguments) > 0)
		batch->n = 0;
}

static void
delete_row(Batch *batch, TriggerData *data)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[] = {TEXTOID, TEXTOID};
	bool		isnull;
	Datum		arguments[2];

	arguments[0] = CStringGetTextDatum(batch->type);
	arguments[1] = protected_value(&batch->table, COLUMN_ENTITY, data->tg_trigslot, &isnull);
	if (!isnull)
		run_on_latest(batch->registry, registry_plan(&plan, delete_query, 2, types), true, arguments);
}

static void
apply_trigger(Batch *batch, TriggerData *data)
{
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		add_new_rows(batch, data);
	else if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		update_row(batch, data);
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		delete_row(batch, data);
	else
		add_table(batch);
}

static bool
removes_rows(const TriggerData *data)
{
	return TRIGGER_FIRED_BY_DELETE(data->tg_event) || TRIGGER_FIRED_BY_TRUNCATE(data->tg_event);
}

/* After a statement that inserts, after a row, before TRUNCATE. */
static bool
is_register_event(const TriggerData *data)
{
	if (data->tg_trigger->tgnargs != 1)
		return false;
	return (is_event(data, TRIGGER_EVENT_INSERT) && data->tg_newtable != NULL) ||
		is_event(data, TRIGGER_EVENT_UPDATE | TRIGGER_EVENT_ROW) ||
		is_event(data, TRIGGER_EVENT_DELETE | TRIGGER_EVENT_ROW) ||
		is_event(data, TRIGGER_EVENT_TRUNCATE | TRIGGER_EVENT_BEFORE);
}

Datum
register_entities(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	ErrorContextCallback callback;
	Batch	   *batch;

	if (!CALLED_AS_TRIGGER(fcinfo) || !is_register_event(data))
		refuse_trigger();
	batch = begin_batch(data->tg_relation, data->tg_trigger->tgargs[0],
						removes_rows(data) ? CHANGE_DELETE : CHANGE_INSERT, &callback);
	apply_trigger(batch, data);
	end_batch(batch);
	return PointerGetDatum(NULL);
}

/* ---- rows that were there before ---- */

/* The trigger that registers rows of this table, or NULL. */
static const Trigger *
register_trigger(Relation rel)
{
	Oid			namespace = rbac_namespace();

	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];
		char	   *name = get_func_name(trigger->tgfoid);

		if (get_func_namespace(trigger->tgfoid) == namespace && name != NULL &&
			strcmp(name, "register_entities") == 0)
			return trigger;
	}
	return NULL;
}

/* Who may not have it must not wait for the lock, or others would wait behind them. */
static Relation
open_own_table(Oid relid)
{
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
	return table_open(relid, ShareRowExclusiveLock);
}

/*
 * Register all rows of a table as its triggers would.  Who owns the table could
 * make them do it.
 */
Datum
register_rows(PG_FUNCTION_ARGS)
{
	Relation	rel = open_own_table(PG_GETARG_OID(0));
	const Trigger *trigger = register_trigger(rel);
	ErrorContextCallback callback;
	Batch	   *batch;
	int64		n;

	if (trigger == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the rows of \"%s\" are not registered", RelationGetRelationName(rel)),
				 errhint("Use rbac.protect() with register := true.")));
	batch = begin_batch(rel, pstrdup(trigger->tgargs[0]), PG_GETARG_BOOL(1) ? CHANGE_REPLACE : CHANGE_INSERT,
						&callback);
	n = add_table(batch);
	end_batch(batch);
	table_close(rel, NoLock);
	PG_RETURN_INT64(n);
}
