/*-------------------------------------------------------------------------
 *
 * visible.c
 *	  What the policies of the tables ask about the current member, besides
 *	  has_scope().
 *
 * All of them tell about nobody else, and so may be called by anybody.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

#include "holdings.h"
#include "rbac.h"

PG_FUNCTION_INFO_V1(my_organizations);
PG_FUNCTION_INFO_V1(is_my_organization);
PG_FUNCTION_INFO_V1(is_my_role);
PG_FUNCTION_INFO_V1(is_my_team);
PG_FUNCTION_INFO_V1(is_team_admin);
PG_FUNCTION_INFO_V1(may_manage_access);
PG_FUNCTION_INFO_V1(has_scope_anywhere);

/* The current member's access, or NULL. */
static MemberAccess *
my_access(void)
{
	NameRef		member;

	if (!current_member_name(&member))
		return NULL;
	AcceptInvalidationMessages();
	return access_of(&member, GetCurrentStatementStartTimestamp());
}

/* The current member's access in the organization, or NULL. */
static OrgAccess *
my_org(const NameRef *organization)
{
	MemberAccess *access = my_access();
	Key			key = make_key(KEY_TEXT, organization->data, organization->len);

	return access == NULL ? NULL : org_access(access, &key);
}

/* In the organization of a team. */
static OrgAccess *
my_org_of(const NameRef *team)
{
	NameRef		organization = slug_organization(team);

	return organization.data == NULL ? NULL : my_org(&organization);
}

Datum
my_organizations(PG_FUNCTION_ARGS)
{
	MemberAccess *access = my_access();
	int			n = access == NULL ? 0 : access->norgs;
	Datum	   *names = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		names[i] = PointerGetDatum(cstring_to_text_with_len(access->orgs[i].name.data, access->orgs[i].name.len));
	PG_RETURN_ARRAYTYPE_P(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
is_my_organization(PG_FUNCTION_ARGS)
{
	NameRef		organization = text_ref(PG_GETARG_TEXT_PP(0));

	PG_RETURN_BOOL(my_org(&organization) != NULL);
}

/* In whatever organization. */
Datum
is_my_role(PG_FUNCTION_ARGS)
{
	NameRef		role = text_ref(PG_GETARG_TEXT_PP(0));
	MemberAccess *access = my_access();

	for (int i = 0; access != NULL && i < access->norgs; i++)
		if (names_contain(access->orgs[i].roles, &role))
			PG_RETURN_BOOL(true);
	PG_RETURN_BOOL(false);
}

/* Who has all scopes need not be in a team to see it. */
Datum
is_my_team(PG_FUNCTION_ARGS)
{
	NameRef		team = text_ref(PG_GETARG_TEXT_PP(0));
	OrgAccess  *org = my_org_of(&team);

	PG_RETURN_BOOL(org != NULL && (org->all_scopes || names_contain(org->teams, &team)));
}

Datum
is_team_admin(PG_FUNCTION_ARGS)
{
	NameRef		team = text_ref(PG_GETARG_TEXT_PP(0));
	OrgAccess  *org = my_org_of(&team);

	PG_RETURN_BOOL(org != NULL && (org->all_scopes || names_contain(org->admin_of, &team)));
}

/* No type is met only because somebody asks about it. */
static bool
is_type(const NameRef *type)
{
	return type_is_met(type) || row_exists(ENTITY_TYPE_BY_NAME, type);
}

/* (organization, entity_type, entity) */
Datum
may_manage_access(PG_FUNCTION_ARGS)
{
	NameRef		organization = text_ref(PG_GETARG_TEXT_PP(0));
	NameRef		type = text_ref(PG_GETARG_TEXT_PP(1));
	NameRef		entity = text_ref(PG_GETARG_TEXT_PP(2));
	Key			key = make_key(KEY_TEXT, organization.data, organization.len);
	MemberAccess *access;
	int			attempt = 0;
	bool		result;

	do
	{
		Snapshot	snapshot;
		EntityRow	row;

		access = my_access();
		if (access == NULL || org_access(access, &key) == NULL || !is_type(&type))
			PG_RETURN_BOOL(false);
		snapshot = latest_snapshot();
		row = registered_row(snapshot, &organization, type_number(&type), &entity);
		result = why_not_manage(access, snapshot, type_number(&type), &row) == NULL;
		UnregisterSnapshot(snapshot);
	} while (!answer_is_current(access, attempt++));
	PG_RETURN_BOOL(result);
}

/* On an organization or on all of its entities. */
Datum
has_scope_anywhere(PG_FUNCTION_ARGS)
{
	ScopeName	scope = PG_GETARG_SCOPENAME(0);
	int			bit = require_scope_entry(scope.data, scope.len)->bit;
	MemberAccess *access = my_access();

	for (int i = 0; access != NULL && i < access->norgs; i++)
		if (access->orgs[i].all_scopes || has_bit(access->orgs[i].wide, bit))
			PG_RETURN_BOOL(true);
	PG_RETURN_BOOL(false);
}
