/*-------------------------------------------------------------------------
 *
 * gift.h
 *	  What a row of the tables gives, and whether its writer holds that.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_GIFT_H
#define RBAC_GIFT_H

#include "holdings.h"

#pragma GCC visibility push(hidden)

/* Who gives, within one organization. */
typedef struct Giver
{
	NameRef		member;
	NameRef		organization;
	TimestampTz now;
	Snapshot	snapshot;		/* that what is given is read from */
	List	   *holdings;		/* of Holding *, as far as asked for */
	NameRef		replaced;		/* a role that goes, in favour of what is
								 * given: what it gives is nothing new */
} Giver;

/*
 * On what: on one entity, on those whose tags satisfy a condition, or type-wide.
 * The scopes of type organization reach the organization.
 */
typedef struct Reach
{
	int			type;
	NameRef		entity;			/* data is NULL: not on one */
	JsonPath   *condition;		/* or NULL */
} Reach;

/*
 * Each of these raises an error unless the giver holds what is given, on all that
 * it is given on and at least until the same time.  What has expired gives nothing.
 */
extern void give(Giver *giver, const Reach *reach, const Bits *scopes, TimestampTz until);
extern void give_on_row(Giver *giver, int type, const EntityRow *row, const Bits *scopes);
extern void give_set(Giver *giver, const Reach *reach, const NameRef *set, TimestampTz until);
extern void give_all_scopes(Giver *giver, TimestampTz until);
extern void give_role(Giver *giver, const NameRef *role, TimestampTz until);
extern void give_own_role(Giver *giver, const NameRef *role, TimestampTz until);
extern void give_team(Giver *giver, const NameRef *team, TimestampTz until);
extern void give_membership(Giver *giver, const NameRef *member, bool is_token, TimestampTz until);
extern void give_in_set(Giver *giver, const NameRef *set, int type, const Bits *added);

extern bool same_reach(const Reach *a, const Reach *b);
extern MemberAccess *giver_access(Giver *giver, TimestampTz until);
extern bool is_all_scopes_role(Snapshot snapshot, const NameRef *role);

#pragma GCC visibility pop

#endif							/* RBAC_GIFT_H */
