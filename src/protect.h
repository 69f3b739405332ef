/*-------------------------------------------------------------------------
 *
 * protect.h
 *	  The rows of tables that rbac.protect() has made protected.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_PROTECT_H
#define RBAC_PROTECT_H

#include "commands/trigger.h"
#include "executor/tuptable.h"

#include "names.h"

/* What the columns of a protected table are. */
typedef enum ProtectedColumn
{
	COLUMN_ENTITY,
	COLUMN_ORGANIZATION,
	COLUMN_OWNER,
	COLUMN_TAGS,
	PROTECTED_COLUMNS
} ProtectedColumn;

typedef struct ProtectedTable
{
	Relation	rel;
	AttrNumber	columns[PROTECTED_COLUMNS]; /* 0: the table has none */
} ProtectedTable;

extern ProtectedTable protected_table(Relation rel);
extern Datum protected_value(const ProtectedTable *table, ProtectedColumn column, TupleTableSlot *slot, bool *isnull);
extern bool is_event(const TriggerData *data, TriggerEvent event);
extern void refuse_trigger(void);

#endif							/* RBAC_PROTECT_H */
