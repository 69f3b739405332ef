/*-------------------------------------------------------------------------
 *
 * scopeset_gin.c
 *	  GIN support for rbac.scopeset.  The keys are the scopes of the set.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/gin.h"
#include "access/stratnum.h"
#include "rbac.h"

#define OverlapsStrategy		1
#define ContainsStrategy		2
#define ContainedStrategy		3
#define EqualStrategy			4
#define ContainsScopeStrategy	5	/* its right side is a scope */

PG_FUNCTION_INFO_V1(scopeset_gin_extract_value);
PG_FUNCTION_INFO_V1(scopeset_gin_extract_query);
PG_FUNCTION_INFO_V1(scopeset_gin_consistent);
PG_FUNCTION_INFO_V1(scopeset_gin_triconsistent);

static Datum *
extract_keys(ScopeSetView set, int32 *nkeys)
{
	int			n = scopeset_count(set);
	Datum	   *keys = palloc(n * sizeof(Datum));
	ScopeSetIterator it;
	ScopeName	name;
	int			bit;

	*nkeys = n;
	n = 0;
	scopeset_iterate(&it, set);
	while (scopeset_next(&it, &name, &bit))
		keys[n++] = ScopeNameGetDatum(name);
	return keys;
}

static Datum *
single_key(ScopeName name, int32 *nkeys)
{
	Datum	   *keys = palloc(sizeof(Datum));

	*nkeys = 1;
	keys[0] = ScopeNameGetDatum(name);
	return keys;
}

/* Which rows the keys alone do not find. */
static int32
search_mode(StrategyNumber strategy, int32 nkeys)
{
	if (strategy == ContainedStrategy)
		return GIN_SEARCH_MODE_INCLUDE_EMPTY;
	if (strategy == EqualStrategy && nkeys == 0)
		return GIN_SEARCH_MODE_INCLUDE_EMPTY;
	if (strategy == ContainsStrategy && nkeys == 0)
		return GIN_SEARCH_MODE_ALL;
	return GIN_SEARCH_MODE_DEFAULT;
}

static GinTernaryValue
any_key(const GinTernaryValue *check, int nkeys)
{
	GinTernaryValue result = GIN_FALSE;

	for (int i = 0; i < nkeys && result != GIN_TRUE; i++)
		if (check[i] != GIN_FALSE)
			result = check[i];
	return result;
}

static GinTernaryValue
all_keys(const GinTernaryValue *check, int nkeys)
{
	GinTernaryValue result = GIN_TRUE;

	for (int i = 0; i < nkeys && result != GIN_FALSE; i++)
		if (check[i] != GIN_TRUE)
			result = check[i];
	return result;
}

/* Does the row match, given which keys it holds?  GIN_MAYBE: look at the row. */
static GinTernaryValue
match(const GinTernaryValue *check, int nkeys, StrategyNumber strategy)
{
	switch (strategy)
	{
		case OverlapsStrategy:
			return any_key(check, nkeys);
		case ContainsStrategy:
		case ContainsScopeStrategy:
			return all_keys(check, nkeys);
		case ContainedStrategy:
			return GIN_MAYBE;
		case EqualStrategy:
			return all_keys(check, nkeys) == GIN_FALSE ? GIN_FALSE : GIN_MAYBE;
	}
	elog(ERROR, "unrecognized strategy number: %d", strategy);
}

Datum
scopeset_gin_extract_value(PG_FUNCTION_ARGS)
{
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);

	PG_RETURN_POINTER(extract_keys(PG_GETARG_SCOPESET(0), nkeys));
}

Datum
scopeset_gin_extract_query(PG_FUNCTION_ARGS)
{
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	int32	   *mode = (int32 *) PG_GETARG_POINTER(6);
	Datum	   *keys;

	if (strategy == ContainsScopeStrategy)
		keys = single_key(PG_GETARG_SCOPENAME(0), nkeys);
	else
		keys = extract_keys(PG_GETARG_SCOPESET(0), nkeys);
	*mode = search_mode(strategy, *nkeys);
	PG_RETURN_POINTER(keys);
}

/* GinTernaryValue has the size of bool and the same values for false and true. */
Datum
scopeset_gin_consistent(PG_FUNCTION_ARGS)
{
	GinTernaryValue *check = (GinTernaryValue *) PG_GETARG_POINTER(0);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(5);
	GinTernaryValue result;

	result = match(check, PG_GETARG_INT32(3), PG_GETARG_UINT16(1));
	*recheck = result == GIN_MAYBE;
	PG_RETURN_BOOL(result != GIN_FALSE);
}

Datum
scopeset_gin_triconsistent(PG_FUNCTION_ARGS)
{
	GinTernaryValue *check = (GinTernaryValue *) PG_GETARG_POINTER(0);

	PG_RETURN_GIN_TERNARY_VALUE(match(check, PG_GETARG_INT32(3), PG_GETARG_UINT16(1)));
}
