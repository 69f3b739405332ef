/*-------------------------------------------------------------------------
 *
 * member.c
 *	  Which member is asking.
 *
 * The setting rbac.member names the member.  Only a superuser, or a login that
 * was granted SET on it, can give it a value; a value that anybody else has set
 * before the library was loaded is dropped when it is.  So read it here, never
 * by current_setting().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "rbac.h"
#include "rbac_internal.h"

#define MEMBER_SETTING	"rbac.member"

static char *member_setting = NULL;
static bool value_lost = false;

/* For logins that are members themselves: whom we last looked up, and when. */
static Oid	login = InvalidOid;
static TimestampTz login_statement;
static bool login_is_member;
static NameData login_name;

PG_FUNCTION_INFO_V1(current_member);
PG_FUNCTION_INFO_V1(act_as);

/* Whoever relies on member_is_set() notices that it is another member now. */
static void
member_assigned(const char *newval, void *extra)
{
	value_lost = false;
	member_changes(newval);
	invalidation_stamp++;
}

/*
 * In the middle of a parallel query a value that was set before the library was
 * loaded cannot be taken over, in workers or in the leader.  That must not look
 * like having no member.
 */
void
define_member_setting(void)
{
	const char *placeholder = GetConfigOption(MEMBER_SETTING, true, false);
	bool		lost = IsInParallelMode() && placeholder != NULL && placeholder[0] != '\0';

	DefineCustomStringVariable(MEMBER_SETTING,
							   "The member on whose behalf statements are run.",
							   "Empty: a login that may not set this is the member of its own name, and one that may is nobody.",
							   &member_setting,
							   "",
							   PGC_SUSET,
							   0,
							   NULL, member_assigned, NULL);
	value_lost = lost;
}

/* May this role set the member, or read all that says what a member has? */
bool
may_ask_as_anybody(Oid role)
{
	return is_rbac_owner(role) || pg_parameter_aclcheck(MEMBER_SETTING, role, ACL_SET) == ACLCHECK_OK;
}

/* The outer user, unless they could have set the member and did not. */
static bool
find_login(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	if (name == NULL || pg_parameter_aclcheck(MEMBER_SETTING, role, ACL_SET) == ACLCHECK_OK)
		return false;
	namestrcpy(&login_name, name);
	return true;
}

/* Does the setting say who is asking? */
bool
member_is_set(void)
{
	return member_setting != NULL && member_setting[0] != '\0';
}

/* The member that is asking; false if nobody is. */
bool
current_member_name(NameRef *member)
{
	Oid			role;
	TimestampTz statement;

	if (unlikely(value_lost))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the value of \"%s\" is not known: the library was loaded during a parallel query", MEMBER_SETTING),
				 errhint("Add rbac to session_preload_libraries.")));
	if (member_is_set())
	{
		*member = cstring_ref(member_setting);
		return true;
	}
	role = GetOuterUserId();
	statement = GetCurrentStatementStartTimestamp();
	if (role != login || statement != login_statement)
	{
		login = InvalidOid;
		login_is_member = find_login(role);
		login = role;
		login_statement = statement;
	}
	*member = cstring_ref(NameStr(login_name));
	return login_is_member;
}

Datum
current_member(PG_FUNCTION_ARGS)
{
	NameRef		member;

	if (!current_member_name(&member))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(member.data, member.len));
}

/*
 * Set the member until the end of the transaction; NULL: nobody.  It is a SET
 * LOCAL, which poolers and distributed servers know, and needs the caller's own
 * right to it.
 */
Datum
act_as(PG_FUNCTION_ARGS)
{
	NameRef		name = PG_ARGISNULL(0) ? name_ref("", 0) : text_ref(PG_GETARG_TEXT_PP(0));
	char	   *command;

	if (!IsTransactionBlock())
		ereport(ERROR,
				(errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s can only be used in transaction blocks", "rbac.act_as()"),
				 errhint("Begin a transaction: the member is set until it ends.")));
	if (name.len > NAME_MAX_LEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("name \"%s\" is too long for a member", clip_for_message(name.data, name.len)),
				 errdetail("Names have at most %d bytes.", NAME_MAX_LEN)));
	command = psprintf("SET LOCAL %s = %s", MEMBER_SETTING, quote_literal_cstr(pnstrdup(name.data, name.len)));
	SPI_connect();
	if (SPI_execute(command, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not set \"%s\"", MEMBER_SETTING);
	SPI_finish();
	PG_RETURN_VOID();
}
