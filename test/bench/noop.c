/*
 * The floor of every comparison: functions in C that do nothing.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(say_yes);
PG_FUNCTION_INFO_V1(say_no);

Datum
say_yes(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(true);
}

Datum
say_no(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(false);
}
