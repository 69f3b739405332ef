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
 * Beyond that, nobody gives what they do not hold.  A new owner has what ownership
 * gives, and new tags may satisfy the condition of a rule of anybody's.  Who
 * writes such a row must hold all of this there already, but for the new owner and
 * tags, and by nothing that expires.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

#include "protect.h"
#include "rbac.h"
#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(check_change);

/* Names without data are NULL. */
typedef struct ProtectedRow
{
	NameRef		entity;
	NameRef		organization;
	NameRef		owner;
	struct varlena *tags;
} ProtectedRow;

/* An update, and who does it. */
typedef struct RowChange
{
	const char *table;
	char	  **scopes;			/* of transfers and inserts, "": none */
	int			type;
	const char *type_name;
	NameRef		member;
	ProtectedRow old;
	ProtectedRow moved;			/* new id and organization, old owner and tags */
	ProtectedRow new;
} RowChange;

/* ---- rows ---- */

static NameRef
name_in_row(const ProtectedTable *table, ProtectedColumn column, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		value = protected_value(table, column, slot, &isnull);

	return isnull ? name_ref(NULL, 0) : text_ref((struct varlena *) DatumGetPointer(value));
}

static ProtectedRow
protected_row(const ProtectedTable *table, TupleTableSlot *slot)
{
	ProtectedRow row;
	bool		isnull;
	Datum		tags = protected_value(table, COLUMN_TAGS, slot, &isnull);

	row.entity = name_in_row(table, COLUMN_ENTITY, slot);
	row.organization = name_in_row(table, COLUMN_ORGANIZATION, slot);
	row.owner = name_in_row(table, COLUMN_OWNER, slot);
	row.tags = isnull ? NULL : PG_DETOAST_DATUM(tags);
	return row;
}

static bool
same_name(const NameRef *a, const NameRef *b)
{
	return (a->data == NULL) == (b->data == NULL) && name_is(a, b->data, b->len);
}

static bool
same_tags(struct varlena *a, struct varlena *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return DatumGetBool(DirectFunctionCall2(jsonb_eq, PointerGetDatum(a), PointerGetDatum(b)));
}

/* ---- what a member holds on a row ---- */

static const Bits *
listed_scopes(MemberAccess *access, const OrgAccess *org, int type, const Key *key)
{
	KeyTable   *table = direct_table(access, KEY_TEXT);
	uint32		position = key->hash;
	const Bits *scopes = NULL;
	int			item;

	while ((item = next_item(table, key, &position)) >= 0)
	{
		const DirectAccess *direct = &access->direct[item];

		if (!direct->owned && direct->type == type && &access->orgs[direct->org] == org)
			scopes = bits_union(scopes, direct->scopes);
	}
	return scopes;
}

/* As row_has_scope() has it, for all scopes at once; *all: every scope. */
static const Bits *
scopes_on_row(MemberAccess *access, int type, const ProtectedRow *row, bool *all)
{
	const Bits *scopes;
	OrgAccess  *org;
	Key			organization;
	Key			entity;

	*all = false;
	if (row->entity.data == NULL || row->organization.data == NULL)
		return NULL;
	organization = make_key(KEY_TEXT, row->organization.data, row->organization.len);
	entity = make_key(KEY_TEXT, row->entity.data, row->entity.len);
	org = org_access(access, &organization);
	if (org == NULL || (type == TYPE_ORGANIZATION && !same_name(&row->entity, &row->organization)))
		return NULL;
	*all = org->all_scopes;
	scopes = bits_union(org->wide, listed_scopes(access, org, type, &entity));
	scopes = bits_union(scopes, tag_rules_scopes(org, row->tags));
	if (row->owner.data != NULL && same_name(&row->owner, &access->member))
		scopes = bits_union(scopes, owner_scopes(access, type));
	if (access->unlisted)
		scopes = bits_union(scopes, unlisted_scopes(access, org, type, &entity));
	return scopes;
}

static bool
holds(MemberAccess *access, int type, const ProtectedRow *row, const char *scope)
{
	ScopeEntry *entry = require_scope_entry(scope, strlen(scope));
	bool		all;
	const Bits *scopes = scopes_on_row(access, type, row, &all);

	return all || has_bit(scopes, entry->bit);
}

static bool
holds_in_organization(MemberAccess *access, const NameRef *organization, const char *scope)
{
	ScopeEntry *entry = require_scope_entry(scope, strlen(scope));
	Key			key = make_key(KEY_TEXT, organization->data, organization->len);

	return organization->data != NULL && check_organization(access, &key, entry->bit);
}

/* The name of a scope among these that the member does not hold there; or NULL. */
static char *
missing_scope(MemberAccess *access, int type, const ProtectedRow *row, const Bits *given)
{
	bool		all;
	const Bits *scopes = scopes_on_row(access, type, row, &all);
	ScopeSetIterator it;
	ScopeName	name;
	int			bit = 0;

	while (given != NULL && !all && bit < given->nwords * 64 && (!has_bit(given, bit) || has_bit(scopes, bit)))
		bit++;
	if (given == NULL || all || bit == given->nwords * 64)
		return NULL;
	scopeset_iterate(&it, DatumGetScopeSetView(PointerGetDatum(bits_to_scopeset(bits_of_one(bit), -1))));
	if (!scopeset_next(&it, &name, &bit))
		return NULL;
	return pnstrdup(name.data, name.len);
}

/* ---- what tags give ---- */

/*
 * The tag rules of an organization's own roles and of those that it shares with
 * others, whether or not somebody holds the role now; and their sets.
 */
static const char *const rules_query =
"SELECT pg_catalog.array_agg(r.condition), pg_catalog.array_agg(r.permission_set)"
" FROM rbac.roles AS o JOIN rbac.role_rules AS r ON r.role OPERATOR(pg_catalog.=) o.name"
" WHERE (o.organization OPERATOR(pg_catalog.=) $1 OR o.organization IS NULL)"
" AND r.entity_type OPERATOR(pg_catalog.=) $2 AND r.condition IS NOT NULL";

static int
column_elements(int column, Oid type, Datum **elements)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);
	int			n = 0;

	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(value), type, -1, false, TYPALIGN_INT, elements, NULL, &n);
	return n;
}

/* The scopes of the rules whose conditions the new tags satisfy and the old do not. */
static const Bits *
given_by_rules(const RowChange *change, Snapshot snapshot)
{
	Datum	   *conditions;
	Datum	   *sets;
	int			n = column_elements(1, JSONPATHOID, &conditions);
	const Bits *given = NULL;

	column_elements(2, TEXTOID, &sets);
	for (int i = 0; i < n; i++)
	{
		JsonPath   *condition = DatumGetJsonPathP(conditions[i]);
		NameRef		set = text_ref((struct varlena *) DatumGetPointer(sets[i]));

		if (condition_matches(condition, change->new.tags) && !condition_matches(condition, change->old.tags))
			given = bits_union(given, bits_of_set(&set, snapshot, CurrentMemoryContext));
	}
	return given;
}

static const Bits *
given_by_tags(const RowChange *change)
{
	static SPIPlanPtr plan = NULL;
	static Oid	types[] = {TEXTOID, TEXTOID};
	Relation	registry = table_open(registry_oid(), AccessShareLock);
	Snapshot	snapshot;
	const Bits *given;
	Datum		values[2];

	if (plan == NULL)
		plan = prepare_query(rules_query, 2, types);
	values[0] = PointerGetDatum(cstring_to_text_with_len(change->new.organization.data, change->new.organization.len));
	values[1] = CStringGetTextDatum(change->type_name);
	run_on_latest(registry, plan, false, values);
	snapshot = latest_snapshot();
	given = given_by_rules(change, snapshot);
	UnregisterSnapshot(snapshot);
	table_close(registry, AccessShareLock);
	return given;
}

/* ---- why not ---- */

static char *
why_not_move(const RowChange *change, MemberAccess *access)
{
	const char *transfer = change->scopes[0];
	const char *insert = change->scopes[1];

	if (transfer[0] == '\0')
		return psprintf("Table \"%s\" is protected without a scope for changing id or organization.", change->table);
	if (!holds(access, change->type, &change->old, transfer))
		return psprintf("It takes scope \"%s\".", transfer);
	if (!holds(access, change->type, &change->moved, transfer))
		return psprintf("It takes scope \"%s\" where the row goes, too.", transfer);
	if (insert[0] != '\0' && !same_name(&change->old.organization, &change->new.organization) &&
		!holds_in_organization(access, &change->new.organization, insert))
		return psprintf("It takes scope \"%s\" in the organization where the row goes.", insert);
	return NULL;
}

static char *
why_not(const RowChange *change, MemberAccess *access)
{
	MemberAccess *lasting;
	char	   *missing;

	if (!same_name(&change->old.entity, &change->new.entity) ||
		!same_name(&change->old.organization, &change->new.organization))
	{
		char	   *reason = why_not_move(change, access);

		if (reason != NULL)
			return reason;
	}
	lasting = lasting_access(&change->member);
	if (!same_name(&change->old.owner, &change->new.owner))
	{
		missing = missing_scope(lasting, change->type, &change->moved, owner_scopes(lasting, change->type));
		if (missing != NULL)
			return psprintf("To change the owner takes what ownership gives, without expiry: scope \"%s\" is missing.", missing);
	}
	if (change->new.organization.data != NULL && !same_tags(change->old.tags, change->new.tags))
	{
		missing = missing_scope(lasting, change->type, &change->moved, given_by_tags(change));
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
	change.type = type_number(&type);
	change.type_name = data->tg_trigger->tgargs[0];
	change.old = protected_row(&table, data->tg_trigslot);
	change.new = protected_row(&table, data->tg_newslot);
	change.moved = change.old;
	change.moved.entity = change.new.entity;
	change.moved.organization = change.new.organization;
	SPI_connect();
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
	SPI_finish();
	return PointerGetDatum(NULL);
}
