/*-------------------------------------------------------------------------
 *
 * condition.c
 *	  Does an entity's tags satisfy a tag rule's condition?
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "rbac_internal.h"

/* An entity without tags has an empty object of them. */
static struct varlena *
no_tags(void)
{
	static struct varlena *empty = NULL;

	if (empty == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		empty = (struct varlena *) DatumGetPointer(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
		MemoryContextSwitchTo(old);
	}
	return empty;
}

/* The operator @@ : a predicate's result, NULL if it has none. */
static bool
path_matches(JsonPath *condition, struct varlena *tags)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = PointerGetDatum(tags);
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = PointerGetDatum(condition);
	fcinfo->args[1].isnull = false;
	result = jsonb_path_match_opr(fcinfo);
	return !fcinfo->isnull && DatumGetBool(result);
}

/*
 * The operator ignores most errors of a path, but not all: comparing dates and
 * times of different kinds, for one, a variable, or tags nested deeper than the
 * stack.  Any complaint about the data or the path, an operation that is not
 * supported, or a limit that is exceeded is no match.  The evaluation takes no resource and changes no
 * state but memory, so that an error in it needs no subtransaction to recover
 * from, which a parallel worker could not have.
 */
static bool
is_no_match(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_DATA_EXCEPTION ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
		code == ERRCODE_FEATURE_NOT_SUPPORTED || code == ERRCODE_UNDEFINED_OBJECT;
}

bool
condition_matches(JsonPath *condition, struct varlena *tags)
{
	static MemoryContext scratch = NULL;
	MemoryContext caller = CurrentMemoryContext;
	volatile bool result = false;

	if (scratch == NULL)
		scratch = AllocSetContextCreate(CacheMemoryContext, "rbac condition", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	PG_TRY();
	{
		result = path_matches(condition, tags != NULL ? tags : no_tags());
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		if (!is_no_match(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextReset(scratch);
	return result;
}
