/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  Reading the tables of the schema, as the server reads its catalogs.
 *
 * Rows are read by direct index scans under the latest snapshot, never through
 * SPI: authorization is then never older than the latest commit, in whatever
 * transaction and isolation level it is asked for; there are no privileges and
 * no row-level security in the way, so that policies on these very tables may
 * ask too; and it works in parallel workers and on standbys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "rbac_internal.h"

static const char *const table_names[] = {
	"organizations", "scopes", "entity_types", "permission_sets", "entity_type_settings", "roles",
	"default_roles", "role_rules", "members", "teams", "team_members", "team_roles", "entities",
	"entity_grants", "member_defaults", "organization_settings"
};

#define TABLES	lengthof(table_names)

enum
{
	T_ORGANIZATIONS, T_SCOPES, T_ENTITY_TYPES, T_PERMISSION_SETS, T_ENTITY_TYPE_SETTINGS, T_ROLES,
	T_DEFAULT_ROLES, T_ROLE_RULES, T_MEMBERS, T_TEAMS, T_TEAM_MEMBERS, T_TEAM_ROLES, T_ENTITIES,
	T_ENTITY_GRANTS, T_MEMBER_DEFAULTS, T_ORGANIZATION_SETTINGS
};

static const struct
{
	int			table;
	int			nkeys;
	AttrNumber	keys[MAX_KEYS];
	AttrNumber	given;			/* a key that is never NULL: an index without
								 * the rows where it is will do */
}			lookups[LOOKUPS] = {
	[SCOPES] = {T_SCOPES, 0},
	[SCOPE_BY_NAME] = {T_SCOPES, 1, {SCOPE_NAME}},
	[SCOPES_BY_ENTITY_TYPE] = {T_SCOPES, 1, {SCOPE_ENTITY_TYPE}},
	[ORGANIZATION_BY_NAME] = {T_ORGANIZATIONS, 1, {ORGANIZATION_NAME}},
	[ENTITY_TYPE_BY_NAME] = {T_ENTITY_TYPES, 1, {ENTITY_TYPE_NAME}},
	[PERMISSION_SET_BY_NAME] = {T_PERMISSION_SETS, 1, {SET_NAME}},
	[PERMISSION_SETS_BY_ORGANIZATION] = {T_PERMISSION_SETS, 1, {SET_ORGANIZATION}},
	[ENTITY_TYPE_SETTINGS] = {T_ENTITY_TYPE_SETTINGS, 0},
	[SETTINGS_OF_ENTITY_TYPE] = {T_ENTITY_TYPE_SETTINGS, 1, {SETTINGS_ENTITY_TYPE}},
	[ROLE_BY_NAME] = {T_ROLES, 1, {ROLE_NAME}},
	[ROLES_BY_ORGANIZATION] = {T_ROLES, 1, {ROLE_ORGANIZATION}},
	[DEFAULT_ROLE_BY_ORGANIZATION] = {T_DEFAULT_ROLES, 1, {DEFAULT_ROLE_ORGANIZATION}},
	[RULES_BY_ROLE] = {T_ROLE_RULES, 1, {RULE_ROLE}},
	[RULES_BY_ROLE_AND_SET] = {T_ROLE_RULES, 2, {RULE_ROLE, RULE_SET}},
	[RULES_BY_ROLE_SET_AND_ENTITY] = {T_ROLE_RULES, 3, {RULE_ROLE, RULE_SET, RULE_ENTITY}},
	[RULES_BY_ENTITY] = {T_ROLE_RULES, 2, {RULE_ENTITY_TYPE, RULE_ENTITY}},
	[RULES_BY_SET] = {T_ROLE_RULES, 1, {RULE_SET}},
	[MEMBERS_BY_MEMBER] = {T_MEMBERS, 1, {MEMBER_MEMBER}},
	[MEMBERS_BY_ROLE] = {T_MEMBERS, 3, {MEMBER_ROLE, MEMBER_ORGANIZATION, MEMBER_MEMBER}},
	[MEMBERS_BY_ROLE_AND_ORGANIZATION] = {T_MEMBERS, 2, {MEMBER_ROLE, MEMBER_ORGANIZATION}},
	[MEMBER_BY_KEY] = {T_MEMBERS, 2, {MEMBER_ORGANIZATION, MEMBER_MEMBER}},
	[TEAM_BY_NAME] = {T_TEAMS, 1, {TEAM_NAME}},
	[TEAMS_OF_MEMBER] = {T_TEAM_MEMBERS, 2, {TEAM_MEMBER_ORGANIZATION, TEAM_MEMBER_MEMBER}},
	[MEMBER_OF_TEAM] = {T_TEAM_MEMBERS, 2, {TEAM_MEMBER_TEAM, TEAM_MEMBER_MEMBER}},
	[MEMBERS_OF_TEAM] = {T_TEAM_MEMBERS, 1, {TEAM_MEMBER_TEAM}},
	[ROLES_OF_TEAM] = {T_TEAM_ROLES, 1, {TEAM_ROLE_TEAM}},
	[TEAMS_WITH_ROLE] = {T_TEAM_ROLES, 2, {TEAM_ROLE_ROLE, TEAM_ROLE_TEAM}},
	[ENTITY_BY_KEY] = {T_ENTITIES, 2, {ENTITY_TYPE, ENTITY_ENTITY}},
	[ENTITIES_BY_OWNER] = {T_ENTITIES, 2, {ENTITY_ORGANIZATION, ENTITY_OWNER}},
	[ENTITIES_BY_OWNER_AND_TYPE] = {T_ENTITIES, 4, {ENTITY_ORGANIZATION, ENTITY_OWNER, ENTITY_TYPE, ENTITY_ENTITY}},
	[ENTITIES_BY_ORGANIZATION] = {T_ENTITIES, 3, {ENTITY_ORGANIZATION, ENTITY_TYPE, ENTITY_ENTITY}},
	[GRANTS_BY_ENTITY] = {T_ENTITY_GRANTS, 2, {GRANT_ENTITY_TYPE, GRANT_ENTITY}},
	[GRANTS_BY_ENTITY_AND_SET] = {T_ENTITY_GRANTS, 3, {GRANT_ENTITY_TYPE, GRANT_ENTITY, GRANT_SET}},
	[GRANTS_TO_TEAMS_BY_ENTITY_AND_SET] = {T_ENTITY_GRANTS, 4,
	{GRANT_ENTITY_TYPE, GRANT_ENTITY, GRANT_SET, GRANT_TEAM}},
	[GRANTS_TO_MEMBERS_BY_ENTITY_AND_SET] = {T_ENTITY_GRANTS, 6,
	{GRANT_ENTITY_TYPE, GRANT_ENTITY, GRANT_SET, GRANT_TEAM, GRANT_ORGANIZATION, GRANT_MEMBER}},
	[GRANTS_BY_SET] = {T_ENTITY_GRANTS, 1, {GRANT_SET}},
	[GRANTS_TO_TEAM] = {T_ENTITY_GRANTS, 1, {GRANT_TEAM}, GRANT_TEAM},
	[GRANTS_TO_TEAM_BY_SET] = {T_ENTITY_GRANTS, 2, {GRANT_TEAM, GRANT_SET}, GRANT_TEAM},
	[GRANTS_TO_TEAM_BY_SET_AND_ENTITY] = {T_ENTITY_GRANTS, 3, {GRANT_TEAM, GRANT_SET, GRANT_ENTITY}, GRANT_TEAM},
	[GRANTS_TO_MEMBER] = {T_ENTITY_GRANTS, 2, {GRANT_ORGANIZATION, GRANT_MEMBER}, GRANT_ORGANIZATION},
	[GRANTS_TO_MEMBER_BY_SET] = {T_ENTITY_GRANTS, 3, {GRANT_ORGANIZATION, GRANT_MEMBER, GRANT_SET}, GRANT_ORGANIZATION},
	[GRANTS_TO_MEMBER_BY_SET_AND_ENTITY] = {T_ENTITY_GRANTS, 4,
	{GRANT_ORGANIZATION, GRANT_MEMBER, GRANT_SET, GRANT_ENTITY}, GRANT_ORGANIZATION},
	[DEFAULTS_OF_ORGANIZATION] = {T_MEMBER_DEFAULTS, 1, {DEFAULT_ORGANIZATION}},
	[DEFAULTS_BY_SET] = {T_MEMBER_DEFAULTS, 2, {DEFAULT_ORGANIZATION, DEFAULT_SET}},
	[SETTINGS_OF_ORGANIZATION] = {T_ORGANIZATION_SETTINGS, 1, {SETTING_ORGANIZATION}},
	[SETTING_BY_KEY] = {T_ORGANIZATION_SETTINGS, 2, {SETTING_ORGANIZATION, SETTING_SCOPE}},
};

/*
 * Found once, and looked up anew when the server has said that something about a
 * table changed.  Its OID stays nevertheless: it is what such messages are known by.
 */
static Oid	table_oids[TABLES];
static bool table_known[TABLES];
static bool table_checked[TABLES];
static bool indexes_known[TABLES];
static Oid	index_oids[LOOKUPS];

/* One of the tables that have been read?  And is it the registry? */
bool
is_rbac_table(Oid relid, bool *entities)
{
	*entities = (relid == table_oids[T_ENTITIES]);
	for (size_t i = 0; i < TABLES; i++)
		if (table_oids[i] == relid)
			return true;
	return false;
}

/* Look a table and its indexes up anew; InvalidOid: all of them. */
void
forget_table(Oid relid)
{
	for (size_t i = 0; i < TABLES; i++)
		if (!OidIsValid(relid) || table_oids[i] == relid)
		{
			table_known[i] = false;
			table_checked[i] = false;
			indexes_known[i] = false;
		}
}

Oid
rbac_namespace(void)
{
	return get_namespace_oid("rbac", false);
}

/* May this role do what the schema's owner may? */
bool
is_rbac_owner(Oid role)
{
	HeapTuple	tuple;
	bool		result;

	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(rbac_namespace()));
	if (!HeapTupleIsValid(tuple))
		return false;
	result = has_privs_of_role(role, ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner);
	ReleaseSysCache(tuple);
	return result;
}

/*
 * What a trigger function was called for.  All of them know the columns of our
 * own tables, and must not be fooled into reading another's.
 */
TriggerData *
trigger_data(FunctionCallInfo fcinfo)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || RelationGetNamespace(data->tg_relation) != rbac_namespace())
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function can only be called by the triggers of extension rbac")));
	return data;
}

static Oid
table_oid(int table)
{
	if (!table_known[table])
	{
		Oid			relid = get_relname_relid(table_names[table], rbac_namespace());

		if (!OidIsValid(relid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("relation \"rbac.%s\" does not exist", table_names[table]),
					 errhint("Extension rbac is not, or not wholly, installed in this database.")));
		table_oids[table] = relid;
		table_known[table] = true;
	}
	return table_oids[table];
}

/*
 * Does this role see all rows of all tables anyway?  Then functions tell it what they tell
 * the owner.
 */
bool
sees_all_rows(Oid role)
{
	if (is_rbac_owner(role))
		return true;
	if (!has_bypassrls_privilege(role))
		return false;
	for (size_t i = 0; i < TABLES; i++)
		if (pg_class_aclcheck(table_oid(i), role, ACL_SELECT) != ACLCHECK_OK)
			return false;
	return true;
}

Oid
registry_oid(void)
{
	return table_oid(T_ENTITIES);
}

Oid
organizations_oid(void)
{
	return table_oid(T_ORGANIZATIONS);
}

static Oid
vector_item(HeapTuple index, TupleDesc desc, AttrNumber column, int i)
{
	bool		isnull;
	Datum		vector = heap_getattr(index, column, desc, &isnull);

	return ((oidvector *) DatumGetPointer(vector))->values[i];
}

#define EVERY_ROW	InvalidAttrNumber
#define SOME_ROWS	(-1)

/* Of which rows is the index, a row of pg_index?  Or of those where this column is not NULL. */
static AttrNumber
indexed_rows(HeapTuple index, TupleDesc desc)
{
	bool		isnull;
	Datum		predicate = heap_getattr(index, Anum_pg_index_indpred, desc, &isnull);
	NullTest   *test;

	if (isnull)
		return EVERY_ROW;
	test = stringToNode(TextDatumGetCString(predicate));
	if (IsA(test, NullTest) && test->nulltesttype == IS_NOT_NULL && IsA(test->arg, Var))
		return ((Var *) test->arg)->varattno;
	return SOME_ROWS;
}

/* Are these columns the first of this index? */
static bool
index_fits(HeapTuple index, TupleDesc desc, int nkeys, const AttrNumber *keys)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(index);

	if (!form->indisvalid || form->indnkeyatts < nkeys)
		return false;
	for (int i = 0; i < nkeys; i++)
		if (form->indkey.values[i] != keys[i] ||
			vector_item(index, desc, Anum_pg_index_indcollation, i) != C_COLLATION_OID ||
			vector_item(index, desc, Anum_pg_index_indclass, i) != TEXT_BTREE_OPS_OID)
			return false;
	return true;
}

/* Use this index, unless one with fewer columns has been found, wherever it fits. */
static void
consider_index(int table, HeapTuple index, TupleDesc desc, int *columns)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(index);
	AttrNumber	rows = indexed_rows(index, desc);

	for (int i = 0; i < LOOKUPS; i++)
		if (lookups[i].table == table && form->indnatts < columns[i] &&
			(rows == EVERY_ROW || rows == lookups[i].given) &&
			index_fits(index, desc, lookups[i].nkeys, lookups[i].keys))
		{
			index_oids[i] = form->indexrelid;
			columns[i] = form->indnatts;
		}
}

/*
 * Find an index for each lookup in a table.  Any that fits will do, and none: then
 * the table is read whole.  Opening an index for the first time in a session is
 * dear, the more so the more columns it has; so look at pg_index instead.
 *
 * The caller holds a lock on the table: neither DROP INDEX, which locks the table, nor
 * its concurrent form, which waits for those who hold one after having declared
 * the index invalid, can take away what is found here.  But if we hear meanwhile that
 * a table has changed, it is good for this once only.
 */
static void
find_indexes(int table, Relation rel)
{
	int			columns[LOOKUPS];
	Stamp		stamp = invalidation_stamp;
	Relation	pg_index = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	index;

	for (int i = 0; i < LOOKUPS; i++)
	{
		columns[i] = INDEX_MAX_KEYS + 1;
		if (lookups[i].table == table)
			index_oids[i] = InvalidOid;
	}
	ScanKeyInit(&key, Anum_pg_index_indrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(rel)));
	scan = systable_beginscan(pg_index, IndexIndrelidIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(index = systable_getnext(scan)))
		consider_index(table, index, RelationGetDescr(pg_index), columns);
	systable_endscan(scan);
	table_close(pg_index, AccessShareLock);
	indexes_known[table] = !tables_changed_since(stamp);
}

static Oid
find_index(Relation rel, Lookup lookup)
{
	int			table = lookups[lookup].table;

	if (lookups[lookup].nkeys == 0)
		return InvalidOid;
	if (!indexes_known[table])
		find_indexes(table, rel);
	return index_oids[lookup];
}

/*
 * The triggers that announce changes fire whatever the replication role, unless
 * somebody has enabled all triggers, as pg_restore --disable-triggers does: that
 * makes them ordinary ones.
 */
static void
check_triggers(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		if (strncmp(trigger->tgname, "!invalidate", 11) == 0 && trigger->tgenabled != TRIGGER_FIRES_ALWAYS)
			ereport(WARNING,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("trigger \"%s\" of table \"rbac.%s\" does not fire always",
							trigger->tgname, RelationGetRelationName(rel)),
					 errdetail("Changes that it does not fire for, such as replicated ones, are not noticed by sessions that have cached the former state."),
					 errhint("ALTER TABLE rbac.%s ENABLE ALWAYS TRIGGER \"%s\"",
							 RelationGetRelationName(rel), trigger->tgname)));
	}
}

/*
 * While the lock is waited for, the table may be dropped, and another one be created
 * for it.
 */
static Relation
open_table(int table)
{
	Relation	rel;

	while ((rel = try_table_open(table_oid(table), AccessShareLock)) == NULL)
		forget_table(table_oids[table]);
	if (!table_checked[table])
	{
		table_checked[table] = true;
		check_triggers(rel);
	}
	return rel;
}

/* Registered; the caller unregisters it. */
Snapshot
latest_snapshot(void)
{
	return RegisterSnapshot(GetCatalogSnapshot(table_oid(T_MEMBERS)));
}

/*
 * The latest snapshot, and one that is the same but for what this transaction has
 * changed.  Registered both; the caller unregisters them.
 */
void
snapshots_around(Snapshot *before, Snapshot *after)
{
	Snapshot	latest = GetCatalogSnapshot(table_oid(T_MEMBERS));

	*before = RegisterSnapshot(latest);
	*after = RegisterSnapshot(latest);
	(*before)->curcid = FirstCommandId;
}

AttrNumber
last_key_column(Lookup lookup)
{
	return lookups[lookup].keys[lookups[lookup].nkeys - 1];
}

/*
 * Equality with the first n keys.  One of them may be a name without data, which
 * stands for NULL: that only an index can search for.  Returns the number of
 * scankeys made.
 */
static int
init_keys(TableScan *scan, ScanKey scankeys, Lookup lookup, const NameRef *keys, int n, bool by_index)
{
	int			made = 0;

	scan->null_column = 0;
	for (int i = 0; i < n; i++)
	{
		AttrNumber	column = lookups[lookup].keys[i];

		if (keys[i].data != NULL)
			ScanKeyInit(&scankeys[made++], column, BTEqualStrategyNumber, F_TEXTEQ,
						PointerGetDatum(cstring_to_text_with_len(keys[i].data, keys[i].len)));
		else if (by_index)
			ScanKeyEntryInitialize(&scankeys[made++], SK_ISNULL | SK_SEARCHNULL, column,
								   InvalidStrategy, InvalidOid, InvalidOid, InvalidOid, (Datum) 0);
		else
			scan->null_column = column;
	}
	return made;
}

/*
 * Snapshot NULL: the latest one, taken when the table has been locked.  Who rewrites or
 * replaces a table meanwhile does not preserve its rows for older ones.
 */
void
begin_scan(TableScan *scan, Lookup lookup, Snapshot snapshot, const NameRef *keys)
{
	ScanKeyData scankeys[MAX_KEYS];
	Oid			index;
	int			nkeys;

	scan->rel = open_table(lookups[lookup].table);
	index = find_index(scan->rel, lookup);
	nkeys = init_keys(scan, scankeys, lookup, keys, lookups[lookup].nkeys, OidIsValid(index));
	scan->index = NULL;
	scan->scan = systable_beginscan(scan->rel, index, OidIsValid(index), snapshot, nkeys, scankeys);
	scan->tuple = NULL;
}

/*
 * The same, but the last key column must be greater than `after` (NULL: any),
 * and the rows come in its order; false if no index can give that order.
 */
bool
begin_ordered_scan(TableScan *scan, Lookup lookup, Snapshot snapshot, const NameRef *keys, const NameRef *after)
{
	ScanKeyData scankeys[MAX_KEYS];
	int			nkeys;
	Oid			index;

	scan->rel = open_table(lookups[lookup].table);
	index = find_index(scan->rel, lookup);
	nkeys = init_keys(scan, scankeys, lookup, keys, lookups[lookup].nkeys - 1, OidIsValid(index));
	if (after != NULL)
		ScanKeyInit(&scankeys[nkeys++], last_key_column(lookup), BTGreaterStrategyNumber, F_TEXT_GT,
					PointerGetDatum(cstring_to_text_with_len(after->data, after->len)));
	scan->index = OidIsValid(index) ? index_open(index, AccessShareLock) : NULL;
	if (scan->index != NULL)
		scan->scan = systable_beginscan_ordered(scan->rel, scan->index, snapshot, nkeys, scankeys);
	else
		scan->scan = systable_beginscan(scan->rel, InvalidOid, false, snapshot, nkeys, scankeys);
	scan->tuple = NULL;
	return scan->index != NULL;
}

bool
next_row(TableScan *scan)
{
	do
	{
		if (scan->index != NULL)
			scan->tuple = systable_getnext_ordered(scan->scan, ForwardScanDirection);
		else
			scan->tuple = systable_getnext(scan->scan);
	} while (HeapTupleIsValid(scan->tuple) && scan->null_column != 0 &&
			 !heap_attisnull(scan->tuple, scan->null_column, RelationGetDescr(scan->rel)));
	return HeapTupleIsValid(scan->tuple);
}

void
end_scan(TableScan *scan)
{
	if (scan->index != NULL)
	{
		systable_endscan_ordered(scan->scan);
		index_close(scan->index, AccessShareLock);
	}
	else
		systable_endscan(scan->scan);
	table_close(scan->rel, AccessShareLock);
}

Datum
row_value(TableScan *scan, AttrNumber column, bool *isnull)
{
	return heap_getattr(scan->tuple, column, RelationGetDescr(scan->rel), isnull);
}

/* A name lies in the row, except one that had to be detoasted. */
bool
row_name(TableScan *scan, AttrNumber column, NameRef *name)
{
	bool		isnull;
	Datum		value = row_value(scan, column, &isnull);

	if (isnull)
	{
		*name = name_ref(NULL, 0);
		return false;
	}
	*name = text_ref(PG_DETOAST_DATUM_PACKED(value));
	return true;
}

bool
row_bool(TableScan *scan, AttrNumber column)
{
	bool		isnull;
	Datum		value = row_value(scan, column, &isnull);

	return !isnull && DatumGetBool(value);
}

/* Has the row expired?  If not, bring *until forward to when it will. */
bool
row_expired(TableScan *scan, AttrNumber column, TimestampTz now, TimestampTz *until)
{
	bool		isnull;
	TimestampTz expires_at = DatumGetTimestampTz(row_value(scan, column, &isnull));

	if (isnull)
		return false;
	if (expires_at <= now)
		return true;
	if (expires_at < *until)
		*until = expires_at;
	return false;
}

bool
row_exists(Lookup lookup, const NameRef *keys)
{
	TableScan	scan;
	bool		found;

	begin_scan(&scan, lookup, NULL, keys);
	found = next_row(&scan);
	end_scan(&scan);
	return found;
}
