/*-------------------------------------------------------------------------
 *
 * protect.c
 *	  Which columns of a protected table are what.
 *
 * The trigger "rbac_protected" says so.  It does nothing, but its column list
 * holds the columns' numbers, which stay the same when columns are renamed, and
 * which pg_dump saves by name; its arguments say what each column of the list is.
 * No table of ours has to know of the application's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "protect.h"
#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(protected);

static const char *const column_labels[PROTECTED_COLUMNS] = {"entity", "organization", "owner", "tags"};

/* An operation, by row or not, before or after. */
bool
is_event(const TriggerData *data, TriggerEvent event)
{
	return (data->tg_event & (TRIGGER_EVENT_OPMASK | TRIGGER_EVENT_TIMINGMASK | TRIGGER_EVENT_ROW)) == event;
}

void
refuse_trigger(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("this function can only be called by the triggers of protected tables"),
			 errhint("Call rbac.protect(), which makes them.")));
}

/* Does nothing. */
Datum
protected(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!is_event((TriggerData *) fcinfo->context, TRIGGER_EVENT_UPDATE | TRIGGER_EVENT_BEFORE))
		refuse_trigger();
	return PointerGetDatum(NULL);
}

static bool
is_mark(const Trigger *trigger)
{
	char	   *name;

	if (trigger->tgnattr == 0 || trigger->tgnargs != trigger->tgnattr + 2 ||
		get_func_namespace(trigger->tgfoid) != rbac_namespace())
		return false;
	name = get_func_name(trigger->tgfoid);
	return name != NULL && strcmp(name, "protected") == 0;
}

/* The first two arguments are not about columns. */
static void
read_mark(ProtectedTable *table, const Trigger *mark)
{
	for (int i = 0; i < mark->tgnattr; i++)
		for (int column = 0; column < PROTECTED_COLUMNS; column++)
			if (strcmp(mark->tgargs[i + 2], column_labels[column]) == 0)
				table->columns[column] = mark->tgattr[i];
	/* an organization's own row */
	if (table->columns[COLUMN_ENTITY] == 0)
		table->columns[COLUMN_ENTITY] = table->columns[COLUMN_ORGANIZATION];
}

static Oid
column_type(Relation rel, AttrNumber column)
{
	return getBaseType(TupleDescAttr(RelationGetDescr(rel), column - 1)->atttypid);
}

/* Whoever has a table can make such triggers by hand, with columns of any type. */
static bool
has_other_tags(const ProtectedTable *table)
{
	AttrNumber	tags = table->columns[COLUMN_TAGS];

	return tags != 0 && column_type(table->rel, tags) != JSONBOID;
}

ProtectedTable
protected_table(Relation rel)
{
	ProtectedTable table = {rel, {0}};

	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
		if (is_mark(&rel->trigdesc->triggers[i]))
			read_mark(&table, &rel->trigdesc->triggers[i]);
	if (rel->rd_rel->relkind != RELKIND_RELATION || table.columns[COLUMN_ENTITY] == 0 ||
		table.columns[COLUMN_ORGANIZATION] == 0 || has_other_tags(&table))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not protected", RelationGetRelationName(rel)),
				 errhint("Use rbac.protect().")));
	return table;
}

/* A key in its text form, allocated, or tags as they are in the row. */
Datum
protected_value(const ProtectedTable *table, ProtectedColumn column, TupleTableSlot *slot, bool *isnull)
{
	AttrNumber	number = table->columns[column];
	Oid			type;
	Oid			output;
	bool		is_varlena;
	Datum		value;

	*isnull = true;
	if (number == 0)
		return (Datum) 0;
	value = slot_getattr(slot, number, isnull);
	if (*isnull || column == COLUMN_TAGS)
		return value;
	type = column_type(table->rel, number);
	if (type == TEXTOID || type == VARCHAROID)
		return PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	getTypeOutputInfo(type, &output, &is_varlena);
	return PointerGetDatum(cstring_to_text(OidOutputFunctionCall(output, value)));
}
