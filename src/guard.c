/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  The trigger that guards updates of a protected table's columns that decide
 *	  about access.
 *
 * A policy sees the row as it was or as it is to be, never both.  This trigger
 * sees both, after all that other triggers made of it.  Its condition calls it
 * only for those whom policies apply to, and for rows where such a column has
 * changed.
 *
 * Another id or organization takes the scope for that, on the row as it was and,
 * with its old owner and tags, on the row where it goes; and in another
 * organization what an INSERT takes there.
 *
 * Nor does anybody change a row of an organization that they are not in, whatever
 * lets them: they would learn from the refusal what is given there.
 *
 * Beyond that, nobody gives what they do not hold.  A new owner has what ownership
 * gives, new tags may satisfy the condition of a rule of anybody's, and grants and
 * rules may be waiting for the name that the row gets.  Who
 * writes such a row must hold all of this there already, but for the new owner and
 * tags, and by nothing that expires.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

#include "holdings.h"
#include "protect.h"
#include "rbac.h"
#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(check_change);

/* An update, and who does it. */
typedef struct RowChange
{
	const char *table;
	char	  **scopes;			/* of transfers and inserts, "": none */
	int			type;
	const char *type_name;
	NameRef		member;
	EntityRow	old;
	EntityRow	moved;			/* new id and organization, old owner and tags */
	EntityRow	new;
} RowChange;

/* ---- rows ---- */

static NameRef
name_in_row(const ProtectedTable *table, ProtectedColumn column, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		value = protected_value(table, column, slot, &isnull);

	return isnull ? name_ref(NULL, 0) : text_ref((struct varlena *) DatumGetPointer(value));
}

static EntityRow
protected_row(const ProtectedTable *table, TupleTableSlot *slot)
{
	EntityRow	row = {0};
	bool		isnull;
	Datum		tags = protected_value(table, COLUMN_TAGS, slot, &isnull);

	row.entity = name_in_row(table, COLUMN_ENTITY, slot);
	row.organization = name_in_row(table, COLUMN_ORGANIZATION, slot);
	row.owner = name_in_row(table, COLUMN_OWNER, slot);
	row.tags = isnull ? NULL : PG_DETOAST_DATUM(tags);
	return row;
}

/* ---- why not ---- */

static char *
why_not_move(const RowChange *change, MemberAccess *access)
{
	const char *transfer = change->scopes[0];
	const char *insert = change->scopes[1];

	if (transfer[0] == '\0')
		return psprintf("Table \"%s\" is protected without a scope for changing id or organization.", change->table);
	if (!holds_on(access, change->type, &change->old, transfer))
		return psprintf("It takes scope \"%s\".", transfer);
	if (!holds_on(access, change->type, &change->moved, transfer))
		return psprintf("It takes scope \"%s\" where the row goes, too.", transfer);
	if (insert[0] != '\0' && !same_name(&change->old.organization, &change->new.organization) &&
		!holds_in(access, &change->new.organization, insert))
		return psprintf("It takes scope \"%s\" in the organization where the row goes.", insert);
	return NULL;
}

static bool
is_moved(const RowChange *change)
{
	return !same_name(&change->old.entity, &change->new.entity) ||
		!same_name(&change->old.organization, &change->new.organization);
}

/* Of what is given by the name that the row gets, what the member does not hold; or NULL. */
static char *
missing_waiting(const RowChange *change, MemberAccess *access)
{
	Snapshot	snapshot;
	char	   *missing;

	if (change->new.entity.data == NULL || change->new.organization.data == NULL)
		return NULL;
	snapshot = latest_snapshot();
	missing = missing_on(access, change->type, &change->moved, given_by_name(snapshot, change->type, &change->new));
	UnregisterSnapshot(snapshot);
	return missing;
}

static char *
why_not(const RowChange *change, MemberAccess *access)
{
	MemberAccess *lasting;
	char	   *missing;

	if (!is_member_of(access, &change->old.organization))
		return "It takes being a member of the row's organization.";
	if (is_moved(change))
	{
		char	   *reason = why_not_move(change, access);

		if (reason != NULL)
			return reason;
	}
	lasting = access_until(&change->member, DT_NOEND);
	if (!same_name(&change->old.owner, &change->new.owner))
	{
		missing = missing_on(lasting, change->type, &change->moved, owner_scopes(lasting, change->type));
		if (missing != NULL)
			return psprintf("To change the owner takes what ownership gives, without expiry: scope \"%s\" is missing.", missing);
	}
	if (is_moved(change))
	{
		missing = missing_waiting(change, lasting);
		if (missing != NULL)
			return psprintf("Grants or rules name it where it goes. To give what they give takes having it, without expiry: scope \"%s\" is missing.", missing);
	}
	if (change->new.organization.data != NULL && !same_tags(change->old.tags, change->new.tags))
	{
		missing = missing_on(lasting, change->type, &change->moved,
							 given_by_tags(&change->new, change->type_name, &change->old));
		if (missing != NULL)
			return psprintf("The new tags satisfy the condition of a rule. To give what it gives takes having it, without expiry: scope \"%s\" is missing.", missing);
	}
	return NULL;
}

/* As in has_scope(): what was read late must not be of another time. */
static char *
why_not_now(const RowChange *change)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();
	char	   *reason = NULL;

	for (int i = 0; i < MAX_ATTEMPTS; i++)
	{
		MemberAccess *access;

		CHECK_FOR_INTERRUPTS();
		AcceptInvalidationMessages();
		access = access_of(&change->member, now);
		reason = why_not(change, access);
		AcceptInvalidationMessages();
		if (access->own_command || is_current(access, now))
			break;
	}
	return reason;
}

/* The arguments: the entity type, the scopes for a transfer and for an insert. */
Datum
check_change(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	ProtectedTable table;
	RowChange	change;
	NameRef		type;
	char	   *reason = NULL;

	if (!CALLED_AS_TRIGGER(fcinfo) || data->tg_trigger->tgnargs != 3 ||
		!is_event(data, TRIGGER_EVENT_UPDATE | TRIGGER_EVENT_ROW))
		refuse_trigger();
	table = protected_table(data->tg_relation);
	type = cstring_ref(data->tg_trigger->tgargs[0]);
	change.table = RelationGetRelationName(data->tg_relation);
	change.scopes = data->tg_trigger->tgargs + 1;
	change.type = existing_type(&type);
	change.type_name = data->tg_trigger->tgargs[0];
	change.old = protected_row(&table, data->tg_trigslot);
	change.new = protected_row(&table, data->tg_newslot);
	change.moved = change.old;
	change.moved.entity = change.new.entity;
	change.moved.organization = change.new.organization;
	if (current_member_name(&change.member))
		reason = why_not_now(&change);
	else
		reason = "There is no current member.";
	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to change what decides about access to %s \"%s\"", change.type_name,
						change.old.entity.data == NULL ? "" : clip_for_message(change.old.entity.data, change.old.entity.len)),
				 errdetail("%s", reason)));
	return PointerGetDatum(NULL);
}
