/*-------------------------------------------------------------------------
 *
 * scopeset_agg.c
 *	  The aggregates rbac.scopeset_agg(scope) and rbac.union_agg(scopeset).
 *
 * Both collect into a ScopeSetBuilder and share all but the transition.  A
 * union per row would copy the set so far each time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rbac.h"

PG_FUNCTION_INFO_V1(scopeset_agg_transition);
PG_FUNCTION_INFO_V1(scopeset_union_transition);
PG_FUNCTION_INFO_V1(scopeset_agg_combine);
PG_FUNCTION_INFO_V1(scopeset_agg_serialize);
PG_FUNCTION_INFO_V1(scopeset_agg_deserialize);
PG_FUNCTION_INFO_V1(scopeset_agg_final);

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate support function called in non-aggregate context");
	return context;
}

/* The first argument; made when there is none yet. */
static ScopeSetBuilder *
aggregate_state(FunctionCallInfo fcinfo, MemoryContext context)
{
	if (!PG_ARGISNULL(0))
		return (ScopeSetBuilder *) PG_GETARG_POINTER(0);
	return MemoryContextAllocZero(context, sizeof(ScopeSetBuilder));
}

/* Whatever an aggregate's state is when an input is ignored. */
static Datum
unchanged_state(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

static Datum
add_set(FunctionCallInfo fcinfo, MemoryContext context, ScopeSetView set)
{
	ScopeSetBuilder *state = aggregate_state(fcinfo, context);
	MemoryContext old = MemoryContextSwitchTo(context);

	scopeset_builder_add_set(state, set);
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(state);
}

Datum
scopeset_agg_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	ScopeSetBuilder *state;
	ScopeName	name;
	MemoryContext old;

	if (PG_ARGISNULL(1))
		return unchanged_state(fcinfo);
	name = PG_GETARG_SCOPENAME(1);
	state = aggregate_state(fcinfo, context);
	old = MemoryContextSwitchTo(context);
	scopeset_builder_add(state, name.data, name.len);
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(state);
}

Datum
scopeset_union_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);

	if (PG_ARGISNULL(1))
		return unchanged_state(fcinfo);
	return add_set(fcinfo, context, PG_GETARG_SCOPESET(1));
}

static ScopeSetView
built_view(ScopeSet *set)
{
	return scopeset_view(VARDATA(set), VARSIZE(set) - VARHDRSZ);
}

Datum
scopeset_agg_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);

	if (PG_ARGISNULL(1))
		return unchanged_state(fcinfo);
	return add_set(fcinfo, context,
				   built_view(scopeset_build((ScopeSetBuilder *) PG_GETARG_POINTER(1))));
}

/* The set itself serves as the serialized state. */
Datum
scopeset_agg_serialize(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(scopeset_build((ScopeSetBuilder *) PG_GETARG_POINTER(0)));
}

Datum
scopeset_agg_deserialize(PG_FUNCTION_ARGS)
{
	ScopeSetBuilder *state = palloc0(sizeof(ScopeSetBuilder));

	(void) aggregate_context(fcinfo);
	scopeset_builder_add_set(state, PG_GETARG_SCOPESET(0));
	PG_RETURN_POINTER(state);
}

Datum
scopeset_agg_final(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_SCOPESET(scopeset_build((ScopeSetBuilder *) PG_GETARG_POINTER(0)));
}
