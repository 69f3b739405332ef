/*-------------------------------------------------------------------------
 *
 * rbac.h
 *	  The types rbac.scope and rbac.scopeset, for the function manager.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_H
#define RBAC_H

#include "fmgr.h"
#include "nodes/nodes.h"

#include "compat.h"
#include "scopeset.h"

/* A value of type rbac.scope is its name, stored as a text is. */
extern Datum ScopeNameGetDatum(ScopeName name);

static inline ScopeName
DatumGetScopeName(Datum d)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(d);

	return (ScopeName)
	{
		VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)
	};
}

/* A value of type rbac.scopeset is a ScopeSet; detoasts, but keeps a short header. */
static inline ScopeSetView
DatumGetScopeSetView(Datum d)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(d);

	return scopeset_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

#define PG_GETARG_SCOPENAME(n)	DatumGetScopeName(PG_GETARG_DATUM(n))
#define PG_GETARG_SCOPESET(n)	DatumGetScopeSetView(PG_GETARG_DATUM(n))
#define PG_RETURN_SCOPESET(x)	PG_RETURN_POINTER(x)

/*
 * Is any well-formed name good for now?  So it is while a dump is loaded (the
 * names come before the rows of rbac.scopes) and where rows arrive that were
 * checked elsewhere.
 */
extern bool scope_names_unchecked(void);

/*
 * Each returns true, or reports a (soft) error: when the name has not the
 * form of a scope; when no such scope is registered (built-in scopes are, and
 * any other is while names are unchecked); either.
 */
extern bool require_scope_form(const char *name, int len, Node *escontext);
extern bool require_scope(const char *name, int len, Node *escontext);
extern bool accept_scope(const char *name, int len, Node *escontext);

/* Reports that there is no such scope, whatever the circumstances; false. */
extern bool report_unknown_scope(const char *name, int len, Node *escontext);

/* As much of a user's text as fits into a message, palloc'd. */
extern char *clip_for_message(const char *str, int len);

#endif							/* RBAC_H */
