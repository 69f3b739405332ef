/*-------------------------------------------------------------------------
 *
 * scopeset_op.c
 *	  Operators and functions of rbac.scopeset.
 *
 * Equality, order and hash are not here: as each set has one stored form,
 * those of bytea serve (see types.sql).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "rbac.h"

PG_FUNCTION_INFO_V1(scopeset_contains);
PG_FUNCTION_INFO_V1(scopeset_contained);
PG_FUNCTION_INFO_V1(scopeset_contains_scope);
PG_FUNCTION_INFO_V1(scopeset_scope_contained);
PG_FUNCTION_INFO_V1(scopeset_overlaps);
PG_FUNCTION_INFO_V1(scopeset_or);
PG_FUNCTION_INFO_V1(scopeset_and);
PG_FUNCTION_INFO_V1(scopeset_minus);
PG_FUNCTION_INFO_V1(scopeset_cardinality);
PG_FUNCTION_INFO_V1(scopeset_unnest);

Datum
scopeset_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(scopeset_includes(PG_GETARG_SCOPESET(0), PG_GETARG_SCOPESET(1)));
}

Datum
scopeset_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(scopeset_includes(PG_GETARG_SCOPESET(1), PG_GETARG_SCOPESET(0)));
}

Datum
scopeset_overlaps(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(scopeset_intersects(PG_GETARG_SCOPESET(0), PG_GETARG_SCOPESET(1)));
}

/* The bitmap alone, without the names; of a large set, only its beginning is fetched. */
static ScopeSetView
bitmap_only(Datum set)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(set);

	if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value))
		value = PG_DETOAST_DATUM_SLICE(set, 0, SCOPESET_BITMAP_MAX);
	return scopeset_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

static bool
contains_scope(Datum set, Datum scope)
{
	ScopeName	name = DatumGetScopeName(scope);
	int			bit = builtin_scope(name.data, name.len);

	if (bit >= 0)
		return scopeset_has_bit(bitmap_only(set), bit);
	return scopeset_has(DatumGetScopeSetView(set), name.data, name.len);
}

Datum
scopeset_contains_scope(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(contains_scope(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

Datum
scopeset_scope_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(contains_scope(PG_GETARG_DATUM(1), PG_GETARG_DATUM(0)));
}

Datum
scopeset_or(PG_FUNCTION_ARGS)
{
	PG_RETURN_SCOPESET(scopeset_union(PG_GETARG_SCOPESET(0), PG_GETARG_SCOPESET(1)));
}

Datum
scopeset_and(PG_FUNCTION_ARGS)
{
	PG_RETURN_SCOPESET(scopeset_intersection(PG_GETARG_SCOPESET(0), PG_GETARG_SCOPESET(1)));
}

Datum
scopeset_minus(PG_FUNCTION_ARGS)
{
	PG_RETURN_SCOPESET(scopeset_difference(PG_GETARG_SCOPESET(0), PG_GETARG_SCOPESET(1)));
}

Datum
scopeset_cardinality(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(scopeset_count(PG_GETARG_SCOPESET(0)));
}

/* An iterator over a copy of the set, both in the given context. */
static ScopeSetIterator *
make_iterator(Datum set, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	ScopeSetIterator *it = palloc(sizeof(ScopeSetIterator));
	struct varlena *copy = PG_DETOAST_DATUM_COPY(set);

	scopeset_iterate(it, scopeset_view(VARDATA_ANY(copy), VARSIZE_ANY_EXHDR(copy)));
	MemoryContextSwitchTo(old);
	return it;
}

Datum
scopeset_unnest(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	ScopeName	name;
	int			bit;

	if (SRF_IS_FIRSTCALL())
	{
		call = SRF_FIRSTCALL_INIT();
		call->user_fctx = make_iterator(PG_GETARG_DATUM(0), call->multi_call_memory_ctx);
	}
	call = SRF_PERCALL_SETUP();
	if (!scopeset_next(call->user_fctx, &name, &bit))
		SRF_RETURN_DONE(call);
	SRF_RETURN_NEXT(call, ScopeNameGetDatum(name));
}
