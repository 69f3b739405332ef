/*-------------------------------------------------------------------------
 *
 * scope.c
 *	  The type rbac.scope: one scope, held by its name.
 *
 * A value is stored as a text is, so output and comparison are those of the
 * server's own text and bytea (see types.sql).  Only input is ours: it refuses
 * names of scopes that are not registered, so that a typo in a policy or in a
 * query is found where it is written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "rbac.h"
#include "rbac_internal.h"
#include "replication/logicalworker.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(scope_in);
PG_FUNCTION_INFO_V1(scope_recv);
PG_FUNCTION_INFO_V1(scope_from_text);

bool
scope_names_unchecked(void)
{
	return !check_function_bodies || IsBinaryUpgrade || IsLogicalWorker();
}

char *
clip_for_message(const char *str, int len)
{
	int			clipped = pg_mbcliplen(str, len, SCOPE_NAME_MAX);

	return psprintf("%.*s%s", clipped, str, clipped < len ? "..." : "");
}

bool
require_scope_form(const char *name, int len, Node *escontext)
{
	if (scope_name_is_valid(name, len))
		return true;
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid scope name: \"%s\"", clip_for_message(name, len)),
			 errdetail("A scope name has the form object:action, where each part is a lower-case letter followed by lower-case letters, digits or underscores, and at most %d bytes.",
					   SCOPE_NAME_MAX)));
}

bool
report_unknown_scope(const char *name, int len, Node *escontext)
{
	char	   *nearest = nearest_scope(name, len);

	ereturn(escontext, false,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("scope \"%s\" does not exist", clip_for_message(name, len)),
			 nearest != NULL ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* Built-in scopes are always registered. */
bool
require_scope(const char *name, int len, Node *escontext)
{
	if (builtin_scope(name, len) >= 0 || scope_names_unchecked() ||
		scope_is_registered(name, len))
		return true;
	return report_unknown_scope(name, len, escontext);
}

bool
accept_scope(const char *name, int len, Node *escontext)
{
	return require_scope_form(name, len, escontext) &&
		require_scope(name, len, escontext);
}

Datum
ScopeNameGetDatum(ScopeName name)
{
	return PointerGetDatum(cstring_to_text_with_len(name.data, name.len));
}

/* The checked scope, or a null pointer after a soft error. */
static Datum
make_scope(ScopeName name, Node *escontext)
{
	if (!accept_scope(name.data, name.len, escontext))
		return PointerGetDatum(NULL);
	return ScopeNameGetDatum(name);
}

Datum
scope_in(PG_FUNCTION_ARGS)
{
	char	   *str = PG_GETARG_CSTRING(0);
	ScopeName	name = {str, strlen(str)};

	return make_scope(name, fcinfo->context);
}

Datum
scope_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	ScopeName	name;

	name.data = pq_getmsgtext(buf, buf->len - buf->cursor, &name.len);
	return make_scope(name, NULL);
}

/* The cast from text, which drivers bind; as strict as scope_in. */
Datum
scope_from_text(PG_FUNCTION_ARGS)
{
	return make_scope(PG_GETARG_SCOPENAME(0), NULL);
}
