/*-------------------------------------------------------------------------
 *
 * authorize.h
 *	  A row that a member writes, and what that takes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_AUTHORIZE_H
#define RBAC_AUTHORIZE_H

#include "gift.h"

#pragma GCC visibility push(hidden)

#define MAX_IDENTITY	5

/* A row that is written. */
typedef struct Write
{
	TriggerData *data;
	const struct GuardedTable *table;
	HeapTuple	old;			/* NULL: INSERT */
	HeapTuple	new;			/* NULL: DELETE */
	MemberAccess *access;		/* the writer's, as of now */
	Giver		giver;
} Write;

typedef struct GuardedTable
{
	const char *name;
	AttrNumber	slug;			/* a name that begins with the organization's */
	AttrNumber	organization;	/* its name; both: where there is no slug */
	bool		named;			/* identity is changed by rename() only */
	AttrNumber	identity[MAX_IDENTITY]; /* a row with another is another row */
	void		(*authorize) (Write *write);	/* NULL: no member may */
} GuardedTable;

extern const GuardedTable *guarded_table(Relation rel);

/* ---- the row ---- */

extern NameRef old_name(const Write *write, AttrNumber column);
extern NameRef new_name(const Write *write, AttrNumber column);
extern NameRef required_name(const Write *write, HeapTuple row, AttrNumber column);
extern int	row_type(const Write *write, HeapTuple row, AttrNumber column);
extern HeapTuple present_row(const Write *write);
extern bool is_true(const Write *write, HeapTuple row, AttrNumber column);
extern TimestampTz expiry(const Write *write, HeapTuple row, AttrNumber column);
extern bool is_extended(const Write *write, AttrNumber expires_at);
extern bool name_changed(const Write *write, AttrNumber column);
extern bool is_kept(const Write *write, AttrNumber column);

/* ---- what it takes: each raises an error unless it is so ---- */

extern void refuse(const Write *write, const char *why, const char *detail);
extern void demand_scope(const Write *write, const char *scope);
extern void demand_by_operation(const Write *write, const char *insert, const char *update, const char *delete);
extern NameRef require_role(Write *write, AttrNumber column);
extern NameRef require_set(Write *write, AttrNumber column);
extern void require_team(Write *write, AttrNumber column);
extern void require_member(Write *write, AttrNumber column);

extern bool lock_referenced(Write *write, Lookup lookup, const NameRef *keys, LockTupleMode mode);

#pragma GCC visibility pop

#endif							/* RBAC_AUTHORIZE_H */
