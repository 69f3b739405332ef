/*-------------------------------------------------------------------------
 *
 * authorize.c
 *	  Members govern themselves: may this member write this row?
 *
 * The policies of the tables say which rows a member sees; whoever sees a row may
 * try to write it.  The trigger here decides, for all to whom policies apply: not for
 * the tables' owner, superusers and roles with BYPASSRLS, and so neither for what
 * foreign keys and other triggers of these tables do on anybody's behalf, since that
 * is done as their owner.  It takes the scope that is named for the operation, in the
 * row's organization, and what the new row gives (gift.c).
 *
 * It fires before each row, last of all such triggers when something is written, so
 * that it sees what will be; and first of all when something is deleted, so that
 * others have not deleted yet what the member's rights come from.  It reads the
 * latest rows, those that the same command has written before included: what has been
 * written has been judged.  The row itself is not there yet, and cannot give its
 * writer the right to write it.
 *
 * Two members who write at once might each be right and both together wrong: one adds
 * a scope to a permission set that nothing uses, the other uses it; two admins
 * demote each other.  So all such writes in an organization exclude one another until
 * the end of the transaction.
 *
 * A foreign key may be deferred, so that a row refers to what is yet to be made, and
 * what is in use goes and comes back as something else.  So what a member's row gives
 * by way of another has to be there, and is locked; and what is made is judged by all
 * that refers to it already.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "authorize.h"
#include "rbac.h"

PG_FUNCTION_INFO_V1(authorize);

#define MAX_LOCKED	8			/* organizations, by a statement */

/* ---- the row ---- */

NameRef
old_name(const Write *write, AttrNumber column)
{
	return write->old == NULL ? name_ref(NULL, 0) : column_name(write->data, write->old, column);
}

NameRef
new_name(const Write *write, AttrNumber column)
{
	return write->new == NULL ? name_ref(NULL, 0) : column_name(write->data, write->new, column);
}

/* Of a column that is NOT NULL, which would be found out later only. */
NameRef
required_name(const Write *write, HeapTuple row, AttrNumber column)
{
	NameRef		name = column_name(write->data, row, column);

	if (name.data == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
						SPI_fname(RelationGetDescr(write->data->tg_relation), column), write->table->name)));
	return name;
}

int
row_type(const Write *write, HeapTuple row, AttrNumber column)
{
	NameRef		type = required_name(write, row, column);

	return existing_type(&type);
}

/* The new row, or the old one where there is none. */
HeapTuple
present_row(const Write *write)
{
	return write->new == NULL ? write->old : write->new;
}

bool
is_true(const Write *write, HeapTuple row, AttrNumber column)
{
	bool		isnull;

	return row != NULL && DatumGetBool(column_value(write->data, row, column, &isnull)) && !isnull;
}

TimestampTz
expiry(const Write *write, HeapTuple row, AttrNumber column)
{
	bool		isnull;
	Datum		value = column_value(write->data, row, column, &isnull);

	return isnull ? DT_NOEND : DatumGetTimestampTz(value);
}

/* Is there a new row that lasts longer than the old one did? */
bool
is_extended(const Write *write, AttrNumber expires_at)
{
	return write->new != NULL &&
		(write->old == NULL || expiry(write, write->new, expires_at) > expiry(write, write->old, expires_at));
}

bool
name_changed(const Write *write, AttrNumber column)
{
	NameRef		old = old_name(write, column);
	NameRef		new = new_name(write, column);

	return !same_name(&old, &new);
}

static NameRef
row_organization(const Write *write, HeapTuple row)
{
	const GuardedTable *table = write->table;
	NameRef		slug = name_ref(NULL, 0);

	if (table->slug != 0)
		slug = column_name(write->data, row, table->slug);
	if (slug.data == NULL && table->organization != 0)
		return column_name(write->data, row, table->organization);
	return slug_organization(&slug);
}

/* ---- what it takes ---- */

void
refuse(const Write *write, const char *why, const char *detail)
{
	TriggerEvent event = write->data->tg_event;
	const char *what = TRIGGER_FIRED_BY_INSERT(event) ? "insert into" : TRIGGER_FIRED_BY_DELETE(event) ? "delete from" : "update";

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to %s table \"%s\": %s", what, write->table->name, why),
			 detail == NULL ? 0 : errdetail("%s", detail)));
}

/*
 * Look a row up and lock it; false: there is none.  What is read from now on is what
 * is there while it is locked, or newer.
 */
bool
lock_referenced(Write *write, Lookup lookup, const NameRef *keys, LockTupleMode mode)
{
	bool		found;
	bool		locked;

	do
	{
		TableScan	scan;

		CHECK_FOR_INTERRUPTS();
		begin_scan(&scan, lookup, NULL, keys);
		found = next_row(&scan);
		locked = found && lock_row(&scan, mode);
		end_scan(&scan);
	} while (found && !locked);
	UnregisterSnapshot(write->giver.snapshot);
	write->giver.snapshot = latest_snapshot();
	return found;
}

/*
 * Is this an update that leaves the reference as it is?  Then what it refers to is not
 * locked: who deletes that has locked it, and is waiting for the row that refers to it.
 */
bool
is_kept(const Write *write, AttrNumber column)
{
	return write->old != NULL && !name_changed(write, column);
}

/* As the foreign key would, but at once. */
static void
require_row(Write *write, const char *what, Lookup lookup, const NameRef *keys, AttrNumber column)
{
	if (is_kept(write, column) ? !row_exists(lookup, keys) : !lock_referenced(write, lookup, keys, LockTupleKeyShare))
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("%s \"%s\" does not exist", what, quotable(new_name(write, column))),
				 errdetail("A row of table \"%s\" refers to it.", write->table->name),
				 errhint("It has to be there before, also while constraints are deferred. Names of an organization's own are organization/local name.")));
}

NameRef
require_role(Write *write, AttrNumber column)
{
	NameRef		role = required_name(write, write->new, column);

	require_row(write, "role", ROLE_BY_NAME, &role, column);
	return role;
}

NameRef
require_set(Write *write, AttrNumber column)
{
	NameRef		set = required_name(write, write->new, column);

	require_row(write, "permission set", PERMISSION_SET_BY_NAME, &set, column);
	return set;
}

void
require_team(Write *write, AttrNumber column)
{
	NameRef		team = required_name(write, write->new, column);

	require_row(write, "team", TEAM_BY_NAME, &team, column);
}

void
require_member(Write *write, AttrNumber column)
{
	NameRef		keys[2] = {write->giver.organization, required_name(write, write->new, column)};

	require_row(write, "member", MEMBER_BY_KEY, keys, column);
}

void
demand_scope(const Write *write, const char *scope)
{
	if (!holds_in(write->access, &write->giver.organization, scope))
		refuse(write, psprintf("scope \"%s\" is missing", scope),
			   psprintf("It takes the scope on organization \"%s\".", quotable(write->giver.organization)));
}

/* By operation. */
void
demand_by_operation(const Write *write, const char *insert, const char *update, const char *delete)
{
	demand_scope(write, write->old == NULL ? insert : write->new == NULL ? delete : update);
}

/* ---- a write ---- */

static bool
is_other_row(const Write *write)
{
	for (int i = 0; i < MAX_IDENTITY && write->table->identity[i] != 0; i++)
		if (name_changed(write, write->table->identity[i]))
			return true;
	return false;
}

/*
 * Writes of members in an organization exclude one another.  What is locked is an
 * object of our own, by the hash of the name: two that share it wait in vain.  False:
 * the transaction has locked it already.
 */
static bool
lock_hash(uint32 hash)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, organizations_oid(), hash, 0);
	return LockAcquire(&tag, ExclusiveLock, false, false) == LOCKACQUIRE_OK;
}

static uint32
hash_organization(const NameRef *name)
{
	return hash_bytes((const unsigned char *) name->data, name->len);
}

/* In one order for everybody.  False: both are locked already. */
static bool
lock_organizations(const NameRef *a, const NameRef *b)
{
	uint32		first = hash_organization(a);
	uint32		second = hash_organization(b);
	bool		locked = lock_hash(Min(first, second));

	return lock_hash(Max(first, second)) || locked;
}

static int
compare_hashes(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return (x > y) - (x < y);
}

/*
 * Rows that are updated or deleted are locked before their triggers fire.  Somebody
 * else who has locked the organization may be waiting for one of them: so lock it
 * first, when the statement begins.  Which one it will be is not known; who is a member
 * of many would lock out many, and takes the risk of a deadlock instead, as does who
 * becomes a member of one more just then.
 */
static void
lock_own_organizations(void)
{
	uint32		hashes[MAX_LOCKED];
	MemberAccess *access;
	NameRef		member;

	if (!current_member_name(&member))
		return;
	AcceptInvalidationMessages();
	access = access_of(&member, GetCurrentStatementStartTimestamp());
	if (access->norgs > MAX_LOCKED)
		return;
	for (int i = 0; i < access->norgs; i++)
		hashes[i] = hash_organization(&access->orgs[i].name);
	qsort(hashes, access->norgs, sizeof(uint32), compare_hashes);
	for (int i = 0; i < access->norgs; i++)
		lock_hash(hashes[i]);
}

static void
read_access(Write *write)
{
	AcceptInvalidationMessages();
	write->access = access_until(&write->giver.member, write->giver.now);
	write->giver.holdings = NIL;
}

/*
 * What the writer holds and what the row gives are read one after the other, with waits
 * for locks in between, and perhaps of a table that was rewritten meanwhile.  They have
 * to be of one moment, or a member could be given what they were never allowed to take:
 * so if anything has been announced since, all is read again.
 */
static void
authorize_row(Write *write)
{
	int			attempt = 0;

	write->giver.organization = row_organization(write, present_row(write));
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		write->giver.snapshot = latest_snapshot();
		write->table->authorize(write);
		UnregisterSnapshot(write->giver.snapshot);
		AcceptInvalidationMessages();
		if (write->access->stamp == invalidation_stamp || ++attempt == MAX_ATTEMPTS)
			break;
		read_access(write);
	}
}

/* A row that becomes another one goes, and another comes. */
static void
authorize_other_row(Write *write)
{
	Write		deleted = *write;
	Write		inserted = *write;

	if (write->table->named)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to change a name in table \"%s\"", write->table->name),
				 errhint("Use rbac.rename().")));
	deleted.new = NULL;
	inserted.old = NULL;
	authorize_row(&deleted);
	authorize_row(&inserted);
}

static void
authorize_write(Write *write)
{
	NameRef		old = row_organization(write, write->old != NULL ? write->old : write->new);
	NameRef		new = row_organization(write, present_row(write));

	if (write->table->authorize == NULL || old.data == NULL || new.data == NULL)
		refuse(write, "what belongs to no organization is for the owner of schema rbac",
			   write->table->slug == 0 ? NULL : "Names of an organization's own are organization/local name.");
	if (!current_member_name(&write->giver.member))
		refuse(write, "there is no current member",
			   "Rows are written on behalf of the member that \"rbac.member\" names, unless by the owner of schema rbac or a role with BYPASSRLS.");
	write->giver.now = GetCurrentStatementStartTimestamp();
	CommandCounterIncrement();
	read_access(write);
	/* who is no member has no rights there, and nothing to wait for */
	if (is_member_of(write->access, &old) && is_member_of(write->access, &new) && lock_organizations(&old, &new))
		read_access(write);		/* others may have written meanwhile */
	if (write->old != NULL && write->new != NULL && is_other_row(write))
		authorize_other_row(write);
	else
		authorize_row(write);
}

/*
 * Ids are no member's to choose, or one could take those that the sequence is to give
 * to others.
 */
static HeapTuple
with_own_id(const Write *write)
{
	TupleDesc	desc = RelationGetDescr(write->data->tg_relation);
	int			column = SPI_fnumber(desc, "id");
	bool		isnull = false;
	Datum		id;

	if (column <= 0)
		return write->new;
	if (write->old != NULL)
		id = column_value(write->data, write->old, column, &isnull);
	else
	{
		char	   *sequence = psprintf("%s_id_seq", write->table->name);

		id = Int64GetDatum(nextval_internal(get_relname_relid(sequence, rbac_namespace()), false));
	}
	return heap_modify_tuple_by_cols(write->new, desc, 1, &column, &id, &isnull);
}

/* Before each statement, and each row that is written. */
Datum
authorize(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	TriggerEvent event = data->tg_event;
	Write		write = {.data = data};

	if (!TRIGGER_FIRED_BEFORE(event))
		elog(ERROR, "authorize() must be called before");
	if (check_enable_rls(RelationGetRelid(data->tg_relation), InvalidOid, true) != RLS_ENABLED)
		return PointerGetDatum(TRIGGER_FIRED_FOR_ROW(event) ? trigger_row(data) : NULL);
	if (TRIGGER_FIRED_BY_TRUNCATE(event))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to truncate table \"%s\"", RelationGetRelationName(data->tg_relation)),
				 errhint("Delete rows one by one.")));
	if (!TRIGGER_FIRED_FOR_ROW(event))
	{
		lock_own_organizations();
		return PointerGetDatum(NULL);
	}
	write.table = guarded_table(data->tg_relation);
	write.old = TRIGGER_FIRED_BY_INSERT(event) ? NULL : data->tg_trigtuple;
	write.new = TRIGGER_FIRED_BY_DELETE(event) ? NULL : trigger_row(data);
	authorize_write(&write);
	return PointerGetDatum(write.new == NULL ? write.old : with_own_id(&write));
}
