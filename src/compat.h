/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between PostgreSQL versions.
 *
 * The code is written for the newest server; what older ones lack is supplied
 * here.  No other file looks at PG_VERSION_NUM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_COMPAT_H
#define RBAC_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "rbac needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"
#else

/*
 * Soft errors exist from 16 on.  Before, input functions are never asked for
 * them, and whatever fcinfo->context points at is not an ErrorSaveContext.
 */
#define errsave(context, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
	} while (0)

#define ereturn(context, dummy_value, ...) \
	do { \
		errsave(context, __VA_ARGS__); \
		return dummy_value; \
	} while (0)

#endif							/* PG_VERSION_NUM < 160000 */

#if PG_VERSION_NUM < 160000
#define object_aclcheck(class, object, role, mode) \
	((void) AssertMacro((class) == ProcedureRelationId), pg_proc_aclcheck(object, role, mode))
#define object_ownercheck(class, object, role) \
	((void) AssertMacro((class) == RelationRelationId), pg_class_ownercheck(object, role))
#endif

#if PG_VERSION_NUM < 190000
#include "access/tableam.h"
#include "utils/jsonb.h"

/* From 19 on scans take flags. */
#define SO_NONE 0

#define table_beginscan(rel, snapshot, nkeys, key, flags) \
	((void) AssertMacro((flags) == SO_NONE), (table_beginscan) (rel, snapshot, nkeys, key))

#define table_beginscan_tidrange(rel, snapshot, from, to, flags) \
	((void) AssertMacro((flags) == SO_NONE), (table_beginscan_tidrange) (rel, snapshot, from, to))

/* From 19 on one struct holds what is being built. */
typedef struct JsonbInState
{
	JsonbValue *result;
	JsonbParseState *parseState;
} JsonbInState;

#define pushJsonbValue(state, token, value) \
	((void) ((state)->result = (pushJsonbValue) (&(state)->parseState, token, value)))
#endif							/* PG_VERSION_NUM < 190000 */

#endif							/* RBAC_COMPAT_H */
