/*-------------------------------------------------------------------------
 *
 * holdings.h
 *	  What a member holds on an entity, for those who are about to give it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_HOLDINGS_H
#define RBAC_HOLDINGS_H

#include "rbac_internal.h"

#pragma GCC visibility push(hidden)

/* An entity and what decides about access to it.  Names without data are NULL. */
typedef struct EntityRow
{
	NameRef		entity;
	NameRef		organization;
	NameRef		owner;
	struct varlena *tags;
	bool		bare;			/* its tags are not known, so that no tag rule
								 * reaches it */
} EntityRow;

extern bool same_name(const NameRef *a, const NameRef *b);
extern bool same_tags(struct varlena *a, struct varlena *b);
extern EntityRow registered_row(Snapshot snapshot, const NameRef *organization, int type, const NameRef *entity);
extern char *scope_not_held(const Bits *given, const Bits *held);
extern bool is_member_of(MemberAccess *access, const NameRef *organization);
extern const Bits *held_on(MemberAccess *access, int type, const EntityRow *row, bool *all);
extern bool holds_on(MemberAccess *access, int type, const EntityRow *row, const char *scope);
extern bool holds_in(MemberAccess *access, const NameRef *organization, const char *scope);
extern char *why_not_manage(MemberAccess *access, Snapshot snapshot, int type, const EntityRow *row);
extern char *missing_on(MemberAccess *access, int type, const EntityRow *row, const Bits *given);
extern const Bits *given_by_name(Snapshot snapshot, int type, const EntityRow *row);
extern const Bits *given_by_tags(const EntityRow *row, const char *type, const EntityRow *old);

#pragma GCC visibility pop

#endif							/* RBAC_HOLDINGS_H */
