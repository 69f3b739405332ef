/*-------------------------------------------------------------------------
 *
 * member_plans.c
 *	  Plans that were made for what a member may do.
 *
 * A cached plan may serve one member after the other.  It is right for all of
 * them, but good only for those who may see about as much.  So plans are made to
 * depend on candidate_entities() as if they called that function, also those that
 * do not because there would be too many candidates.  When the setting
 * rbac.member changes to somebody who is not known to be alike, the server is
 * told, in this backend only, that the function has changed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "planner.h"

/* What the plans of this backend that depend on the member were made for. */
typedef struct PlannedFor
{
	int			bit;
	bool		organizations;
	Amount		amount;
} PlannedFor;

#define MAX_PLANNED_FOR	16

static PlannedFor planned_for[MAX_PLANNED_FOR];
static int	nplanned_for = 0;
static bool planned_for_more = false;	/* than fits above */
static uint32 candidate_entities_hash;

Amount
amount_of(int count)
{
	return count <= MAX_JOINED ? FEW : count <= MAX_CANDIDATES ? SOME : MANY;
}

void
note_plan(int bit, bool organizations, Amount amount)
{
	PlannedFor	plan = {bit, organizations, amount};

	for (int i = 0; i < nplanned_for; i++)
		if (planned_for[i].bit == bit && planned_for[i].organizations == organizations)
		{
			planned_for_more |= planned_for[i].amount != amount;
			return;
		}
	if (nplanned_for == MAX_PLANNED_FOR)
		planned_for_more = true;
	else
		planned_for[nplanned_for++] = plan;
}

void
depend_on_member(PlannerInfo *root, Oid candidate_entities)
{
	PlanInvalItem *item;
	ListCell   *cell;

	candidate_entities_hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(candidate_entities));
	foreach(cell, root->glob->invalItems)
	{
		item = lfirst_node(PlanInvalItem, cell);
		if (item->cacheId == PROCOID && item->hashValue == candidate_entities_hash)
			return;
	}
	item = makeNode(PlanInvalItem);
	item->cacheId = PROCOID;
	item->hashValue = candidate_entities_hash;
	root->glob->invalItems = lappend(root->glob->invalItems, item);
}

static void
forget_member_plans(void)
{
	nplanned_for = 0;
	planned_for_more = false;
	CallSyscacheCallbacks(PROCOID, candidate_entities_hash);
}

/* The next use of any plan that was made for what a member may do makes a new one. */
void
forget_plans(Oid candidate_entities)
{
	candidate_entities_hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(candidate_entities));
	forget_member_plans();
}

/* Is the plan as good for this member, as far as that is known without asking? */
static bool
is_alike(const MemberAccess *access, const PlannedFor *plan)
{
	if (plan->organizations)
		return amount_of(access->norgs) == plan->amount;
	return plan->bit < access->ncounts && access->counts[plan->bit].candidates >= 0 &&
		amount_of(access->counts[plan->bit].candidates) == plan->amount;
}

/* May be called at any time, also when a transaction is rolled back. */
void
member_changes(const char *member)
{
	NameRef		name = cstring_ref(member);
	MemberAccess *access;
	bool		alike = !planned_for_more;

	if (nplanned_for == 0 || name.len == 0)
		return;
	access = cached_access(&name);
	for (int i = 0; i < nplanned_for && alike; i++)
		alike = access != NULL && is_alike(access, &planned_for[i]);
	if (!alike)
		forget_member_plans();
}
