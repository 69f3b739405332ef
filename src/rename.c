/*-------------------------------------------------------------------------
 *
 * rename.c
 *	  rename(): who may give something another name.
 *
 * A name is in many rows, of many tables; rename_everywhere() changes them all, as
 * the tables' owner.  So it is decided here: it takes the privilege to update the table
 * that the thing has its row in, and for those whom policies apply to a scope in the
 * organization that the name begins with.  An organization's own name, and those that
 * organizations share, are no member's to change: the applications' rows bear them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "holdings.h"
#include "rbac.h"

PG_FUNCTION_INFO_V1(rbac_rename);
PG_FUNCTION_INFO_V1(share_member_names);

/* What has a name. */
typedef struct NamedKind
{
	const char *name;
	const char *table;
	const char *scope;			/* that a member needs; NULL: no member may */
} NamedKind;

static const NamedKind named_kinds[] = {
	{"organization", "organizations", NULL},
	{"entity_type", "entity_types", NULL},
	{"scope", "scopes", NULL},
	{"permission_set", "permission_sets", "role:update"},
	{"role", "roles", "role:update"},
	{"team", "teams", "team:update"},
	{"member", "members", NULL}
};

static const NamedKind *
named_kind(const char *name)
{
	for (size_t i = 0; i < lengthof(named_kinds); i++)
		if (strcmp(named_kinds[i].name, name) == 0)
			return &named_kinds[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cannot rename objects of kind \"%s\"", quotable(cstring_ref(name))),
			 errhint("Use organization, entity_type, scope, permission_set, role, team or member.")));
}

static void
require_member_may_rename(const NamedKind *kind, const NameRef *old)
{
	NameRef		organization = slug_organization(old);
	char	   *name = quotable(*old);
	NameRef		member;

	AcceptInvalidationMessages();
	if (kind->scope == NULL || organization.data == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to rename %s \"%s\": it belongs to the owner of schema rbac", kind->name, name)));
	if (!current_member_name(&member) || !asker_has_scope(&member, &organization, kind->scope))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to rename %s \"%s\": scope \"%s\" is missing", kind->name, name, kind->scope),
				 errdetail("It takes the scope on organization \"%s\".", quotable(organization))));
}

/*
 * The names of members, as a whole.  The tables are not locked instead: a rename would
 * wait for VACUUM and for the concurrent build of an index, which waits for the rename's
 * snapshot.
 */
static void
lock_member_names(LOCKMODE mode)
{
	LockDatabaseObject(registry_oid(), 0, 0, mode);
}

/* Before statements that write such names, or lock rows that have them. */
Datum
share_member_names(PG_FUNCTION_ARGS)
{
	trigger_data(fcinfo);
	lock_member_names(RowExclusiveLock);
	return PointerGetDatum(NULL);
}

/*
 * No foreign key refers to the name of a member.  So lock it, or rows that are
 * written meanwhile would keep the old name, for whoever comes to have that; and do not
 * go by a snapshot that is older than the lock.  If there is one by the new name, in
 * another organization, the two would become one.
 */
static void
begin_rename_member(const NameRef *new)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot rename a member in a transaction of isolation level REPEATABLE READ or SERIALIZABLE"),
				 errhint("Use READ COMMITTED.")));
	lock_member_names(ShareRowExclusiveLock);
	if (row_exists(MEMBERS_BY_MEMBER, new))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("member \"%s\" exists already", quotable(*new))));
}

static void
rename_as(Oid owner, Datum *values)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID};
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (SPI_execute_with_args("SELECT rbac_internal.rename_everywhere($1, $2, $3)", 3, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not rename");
	SPI_finish();
	SetUserIdAndSecContext(user, context);
}

/* (kind, old, new) */
Datum
rbac_rename(PG_FUNCTION_ARGS)
{
	const NamedKind *kind = named_kind(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	NameRef		old = text_ref(PG_GETARG_TEXT_PP(1));
	NameRef		new = text_ref(PG_GETARG_TEXT_PP(2));
	Datum		values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2)};
	Oid			relid = get_relname_relid(kind->table, rbac_namespace());
	AclResult	allowed = pg_class_aclcheck(relid, GetUserId(), ACL_UPDATE);
	bool		as_member;
	Relation	rel;

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_TABLE, kind->table);
	as_member = check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED;
	if (as_member)
		require_member_may_rename(kind, &old);
	rel = table_open(relid, RowExclusiveLock);
	if (strcmp(kind->name, "member") == 0)
		begin_rename_member(&new);
	rename_as(rel->rd_rel->relowner, values);
	if (as_member)
		require_member_may_rename(kind, &old);	/* still, after waiting for locks */
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}
