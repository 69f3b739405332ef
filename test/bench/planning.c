/*
 * planning_time(query text, times int): the CPU time that it takes to plan a
 * query, in seconds.  (EXPLAIN tells it by the microsecond, and without a policy a
 * lookup takes five.)
 */
#include "postgres.h"

#include <time.h>

#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(planning_time);

static double
cpu_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

Datum
planning_time(PG_FUNCTION_ARGS)
{
	char	   *string = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			times = PG_GETARG_INT32(1);
	RawStmt    *raw = linitial_node(RawStmt, pg_parse_query(string));
	Query	   *query = linitial_node(Query, pg_analyze_and_rewrite_fixedparams(raw, string, NULL, 0, NULL));
	Query	  **copies = palloc(times * sizeof(Query *));
	MemoryContext planner = AllocSetContextCreate(CurrentMemoryContext, "planner", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;
	double		used;

	/* the planner scribbles on its input */
	for (int i = 0; i < times; i++)
		copies[i] = copyObject(query);
	caller = MemoryContextSwitchTo(planner);
	used = -cpu_time();
	for (int i = 0; i < times; i++)
	{
		pg_plan_query(copies[i], string, CURSOR_OPT_PARALLEL_OK, NULL);
		MemoryContextReset(planner);
	}
	used += cpu_time();
	MemoryContextSwitchTo(caller);
	PG_RETURN_FLOAT8(used / times);
}
