/*-------------------------------------------------------------------------
 *
 * audit.c
 *	  Who changed what: the rows of rbac.audit_log.
 *
 * Row triggers named "!log" write a row for each row that was changed, right
 * after the change was announced (invalidate.c) and before the deletions that
 * follow from it.  They are no ENABLE ALWAYS triggers: what is replicated was
 * logged where it was made.
 *
 * The log is append-only.  A statement trigger refuses whatever statement would
 * write it; ours is no statement, but a row that is put into the table by the
 * executor's own means, as replication does it.  So nobody needs to be told
 * apart, no privilege on the log is asked for, and indexes and triggers that its
 * owner has added to it work.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rls.h"
#include "utils/xid8.h"

#include "rbac.h"
#include "rbac_internal.h"

#define AUDIT_LOG			"audit_log"
#define AUDIT_LOG_SEQUENCE	"audit_log_id_seq"

/* The log's columns, as sql/audit.sql creates them. */
enum
{
	LOG_ID = 1, LOG_CHANGED_AT = 2, LOG_TRANSACTION_ID = 3, LOG_MEMBER = 4, LOG_LOGIN = 5,
	LOG_TABLE_NAME = 6, LOG_COMMAND = 7, LOG_ORGANIZATION = 8, LOG_OLD_ROW = 9, LOG_NEW_ROW = 10
};

/* What one row of the log says beyond who and when. */
typedef struct LogRow
{
	const char *table;
	const char *command;
	NameRef		organization;	/* data is NULL: none */
	Jsonb	   *old_row;		/* or NULL */
	Jsonb	   *new_row;		/* or NULL */
} LogRow;

/* The transaction that has logged something last, and the first id that it took. */
static FullTransactionId logged_by = {0};
static int64 first_logged;

/* The one that has last changed rows without a row in the log for each. */
static FullTransactionId unlogged_by = {0};

PG_FUNCTION_INFO_V1(log_change);
PG_FUNCTION_INFO_V1(guard_audit_log);

/* ---- rows as jsonb ---- */

static void
push_string(JsonbInState *state, JsonbIteratorToken token, const char *data, int len)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = (char *) data;
	value.val.string.len = len;
	pushJsonbValue(state, token, &value);
}

/* The form that the type's output function gives it. */
static void
push_printed(JsonbInState *state, Oid type, Datum datum)
{
	Oid			output;
	bool		is_varlena;
	char	   *printed;

	getTypeOutputInfo(type, &output, &is_varlena);
	printed = OidOutputFunctionCall(output, datum);
	push_string(state, WJB_VALUE, printed, strlen(printed));
}

static void
push_value(JsonbInState *state, Oid type, Datum datum)
{
	const int	utc = 0;
	struct varlena *text;
	JsonbValue	value;
	char	   *time;

	switch (type)
	{
		case TEXTOID:
			text = PG_DETOAST_DATUM_PACKED(datum);
			push_string(state, WJB_VALUE, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
			return;
		case BOOLOID:
			value.type = jbvBool;
			value.val.boolean = DatumGetBool(datum);
			break;
		case INT8OID:
			value.type = jbvNumeric;
			value.val.numeric = int64_to_numeric(DatumGetInt64(datum));
			break;
		case TIMESTAMPTZOID:
			/* allocated: what is pushed is read when all of the row has been */
			time = JsonEncodeDateTime(NULL, datum, TIMESTAMPTZOID, &utc);
			push_string(state, WJB_VALUE, time, strlen(time));
			return;
		case JSONBOID:
			JsonbToJsonbValue(DatumGetJsonbP(datum), &value);
			break;
		default:
			push_printed(state, type, datum);
			return;
	}
	pushJsonbValue(state, WJB_VALUE, &value);
}

/*
 * As to_jsonb() has it, which cannot be called without a query around it, but with
 * times in UTC, whatever the session's time zone.
 */
static Jsonb *
row_to_jsonb(HeapTuple row, TupleDesc desc)
{
	JsonbInState state = {0};
	JsonbValue	null = {.type = jbvNull};

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		Datum		datum;
		bool		isnull;

		if (attribute->attisdropped)
			continue;
		datum = heap_getattr(row, attribute->attnum, desc, &isnull);
		push_string(&state, WJB_KEY, NameStr(attribute->attname), strlen(NameStr(attribute->attname)));
		if (isnull)
			pushJsonbValue(&state, WJB_VALUE, &null);
		else
			push_value(&state, attribute->atttypid, datum);
	}
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(state.result);
}

static bool
same_rows(HeapTuple a, HeapTuple b, TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		bool		a_isnull;
		bool		b_isnull;
		Datum		a_datum = heap_getattr(a, attribute->attnum, desc, &a_isnull);
		Datum		b_datum = heap_getattr(b, attribute->attnum, desc, &b_isnull);

		if (a_isnull != b_isnull)
			return false;
		if (!a_isnull && !datum_image_eq(a_datum, b_datum, attribute->attbyval, attribute->attlen))
			return false;
	}
	return true;
}

/* ---- the log ---- */

static void
set_value(TupleTableSlot *slot, AttrNumber column, Datum datum)
{
	slot->tts_values[column - 1] = datum;
	slot->tts_isnull[column - 1] = false;
}

static void
set_text(TupleTableSlot *slot, AttrNumber column, const char *data, int len)
{
	if (data != NULL)
		set_value(slot, column, PointerGetDatum(cstring_to_text_with_len(data, len)));
}

/* An id for the row; the transaction's first is where to look for its rows. */
static int64
next_id(void)
{
	int64		id = nextval_internal(get_relname_relid(AUDIT_LOG_SEQUENCE, rbac_namespace()), false);
	FullTransactionId xid = GetTopFullTransactionId();

	if (!FullTransactionIdEquals(logged_by, xid) || id < first_logged)
	{
		logged_by = xid;
		first_logged = id;
	}
	return id;
}

static void
fill_slot(TupleTableSlot *slot, const LogRow *row)
{
	char	   *login = GetUserNameFromId(GetSessionUserId(), true);
	NameRef		member;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	set_value(slot, LOG_ID, Int64GetDatum(next_id()));
	set_value(slot, LOG_CHANGED_AT, TimestampTzGetDatum(GetCurrentStatementStartTimestamp()));
	set_value(slot, LOG_TRANSACTION_ID, FullTransactionIdGetDatum(GetTopFullTransactionId()));
	if (current_member_name(&member))
		set_text(slot, LOG_MEMBER, member.data, member.len);
	if (login != NULL)
		set_text(slot, LOG_LOGIN, login, strlen(login));
	set_text(slot, LOG_TABLE_NAME, row->table, strlen(row->table));
	set_text(slot, LOG_COMMAND, row->command, strlen(row->command));
	set_text(slot, LOG_ORGANIZATION, row->organization.data, row->organization.len);
	if (row->old_row != NULL)
		set_value(slot, LOG_OLD_ROW, JsonbPGetDatum(row->old_row));
	if (row->new_row != NULL)
		set_value(slot, LOG_NEW_ROW, JsonbPGetDatum(row->new_row));
	ExecStoreVirtualTuple(slot);
}

static void
insert_row(const LogRow *row)
{
	Relation	rel = table_open(get_relname_relid(AUDIT_LOG, rbac_namespace()), RowExclusiveLock);
	EState	   *estate = CreateExecutorState();
	ResultRelInfo *result = makeNode(ResultRelInfo);
	TupleTableSlot *slot;

	InitResultRelInfo(result, rel, 0, NULL, 0);
	estate->es_opened_result_relations = list_make1(result);
	ExecOpenIndices(result, false);
	slot = ExecInitExtraTupleSlot(estate, RelationGetDescr(rel), table_slot_callbacks(rel));
	fill_slot(slot, row);
	AfterTriggerBeginQuery();
	ExecSimpleRelationInsert(result, estate, slot);
	AfterTriggerEndQuery(estate);
	ExecCloseResultRelations(estate);
	ExecResetTupleTable(estate->es_tupleTable, false);
	FreeExecutorState(estate);
	table_close(rel, NoLock);
}

/*
 * What this transaction has logged lies at and after *first_id; false: it has
 * logged nothing.
 */
bool
logged_rows(int64 *first_id)
{
	*first_id = first_logged;
	return FullTransactionIdIsValid(logged_by) && FullTransactionIdEquals(logged_by, GetTopFullTransactionIdIfAny());
}

/* Has this transaction changed rows that the log does not tell of, one by one? */
bool
changed_unlogged(void)
{
	return FullTransactionIdIsValid(unlogged_by) && FullTransactionIdEquals(unlogged_by, GetTopFullTransactionIdIfAny());
}

/* ---- the triggers on what is logged ---- */

static NameRef
column_text(TriggerData *data, HeapTuple row, const char *column)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	bool		isnull;
	Datum		value;

	if (column[0] == '\0')
		return name_ref(NULL, 0);
	value = heap_getattr(row, SPI_fnumber(desc, column), desc, &isnull);
	return isnull ? name_ref(NULL, 0) : text_ref(PG_DETOAST_DATUM_PACKED(value));
}

/*
 * The trigger's arguments are a column that holds an organization, and one that
 * holds a name which begins with it, in rows where the first is NULL; "": none.
 */
static NameRef
organization_of_row(TriggerData *data, HeapTuple row)
{
	NameRef		organization = column_text(data, row, data->tg_trigger->tgargs[0]);
	NameRef		name;

	if (organization.data != NULL)
		return organization;
	name = column_text(data, row, data->tg_trigger->tgargs[1]);
	return slug_organization(&name);
}

static void
log_row(TriggerData *data, const char *command, HeapTuple old_row, HeapTuple new_row)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	LogRow		row = {.table = RelationGetRelationName(data->tg_relation),.command = command};

	Assert(old_row != NULL || new_row != NULL);
	row.organization = organization_of_row(data, new_row != NULL ? new_row : old_row);
	if (old_row != NULL)
		row.old_row = row_to_jsonb(old_row, desc);
	if (new_row != NULL)
		row.new_row = row_to_jsonb(new_row, desc);
	insert_row(&row);
}

/*
 * A row that goes from one organization to another is logged twice: each sees
 * of it what it was or is there.
 */
static void
log_update(TriggerData *data)
{
	HeapTuple	old_row = data->tg_trigtuple;
	HeapTuple	new_row = data->tg_newtuple;
	NameRef		from = organization_of_row(data, old_row);
	NameRef		to = organization_of_row(data, new_row);

	if ((from.data == NULL) == (to.data == NULL) && name_is(&from, to.data, to.len))
		log_row(data, "UPDATE", old_row, new_row);
	else
	{
		log_row(data, "UPDATE", old_row, NULL);
		log_row(data, "UPDATE", NULL, new_row);
	}
}

static void
log_truncate(TriggerData *data)
{
	LogRow		row = {.table = RelationGetRelationName(data->tg_relation),.command = "TRUNCATE"};

	unlogged_by = GetTopFullTransactionId();
	insert_row(&row);
}

static bool
changes_nothing(TriggerData *data)
{
	return TRIGGER_FIRED_BY_UPDATE(data->tg_event) &&
		same_rows(data->tg_trigtuple, data->tg_newtuple, RelationGetDescr(data->tg_relation));
}

Datum
log_change(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);

	if (changes_nothing(data))
		return PointerGetDatum(NULL);
	if (!rbac_audit || loading_dump() || in_own_script())
		unlogged_by = GetTopFullTransactionId();
	else if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		log_row(data, "INSERT", NULL, data->tg_trigtuple);
	else if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		log_update(data);
	else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
		log_row(data, "DELETE", data->tg_trigtuple, NULL);
	else
		log_truncate(data);
	return PointerGetDatum(NULL);
}

/* ---- append-only ---- */

/* A dump brings the log along. */
static void
refuse_insert(void)
{
	if (!loading_dump() && !in_own_script())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot insert into table \"%s\"", AUDIT_LOG),
				 errdetail("It gets its rows from changes to other tables.")));
}

static void
refuse_update(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("cannot update table \"%s\"", AUDIT_LOG),
			 errdetail("What it says is never changed.")));
}

/* Retention is for its owner, and not by mistake. */
static void
refuse_delete(Relation rel)
{
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot delete from table \"%s\"", AUDIT_LOG),
				 errdetail("Only roles that its policies do not apply to may do that.")));
	if (rbac_audit)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot delete from table \"%s\" while \"%s\" is on", AUDIT_LOG, "rbac.audit"),
				 errhint("To delete what is no longer needed, execute SET LOCAL rbac.audit = off before it in the same transaction.")));
}

/* BEFORE each statement on the log. */
Datum
guard_audit_log(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);

	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
		refuse_insert();
	else if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		refuse_update();
	else
		refuse_delete(data->tg_relation);
	return PointerGetDatum(NULL);
}
