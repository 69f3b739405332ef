/*-------------------------------------------------------------------------
 *
 * cache_stats.c
 *	  What the caches of this backend hold, and how they have served.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(cache_stats);

static void
put_stats(ReturnSetInfo *result, const char *cache, const CacheStats *stats)
{
	Datum		values[] = {
		CStringGetTextDatum(cache),
		Int64GetDatum(stats->entries),
		Int64GetDatum(stats->bytes),
		Int64GetDatum(stats->hits),
		Int64GetDatum(stats->misses),
		Int64GetDatum(stats->rebuilds),
		Int64GetDatum(stats->evictions)
	};
	bool		nulls[lengthof(values)] = {0};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
cache_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	measure_members();
	measure_entities();
	put_stats(result, "members", &member_stats);
	put_stats(result, "entities", &entity_stats);
	return (Datum) 0;
}
