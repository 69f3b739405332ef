/*-------------------------------------------------------------------------
 *
 * planner.h
 *	  What planner.c, index_condition.c, estimate.c, member_plans.c and
 *	  candidates.c share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_PLANNER_H
#define RBAC_PLANNER_H

#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"

#include "rbac_internal.h"

/* ---- planner.c ---- */

/* The arguments of a check. */
typedef struct Check
{
	Node	   *member;			/* NULL: current_member() */
	Node	   *entity;
	Node	   *scope;
	Node	   *organization;	/* of row_has_scope() only, as is the owner */
	Node	   *owner;
} Check;

extern Oid	our_type(const char *name);
extern Oid	our_function(const char *name, int nargs, const Oid *args);

extern Check check_of(List *args);
extern Const *known_value(PlannerInfo *root, Node *node);
extern Oid	current_member_function(void);
extern bool is_current_member(PlannerInfo *root, Node *node);
extern bool look_up(PlannerInfo *root, const Check *check, MemberAccess **access, ScopeEntry **scope);
extern Node *searched_argument(const Check *check);
extern Oid	key_type(Node *argument);
extern Oid	candidate_function(const char *name, const Check *check);

extern Node *strip_relabel(Node *node);
extern bool is_column(Node *node, Node *column);
extern bool is_given(const RelOptInfo *rel, Node *column);
extern bool entity_is_given(const RelOptInfo *rel, const Check *check);
extern bool is_joined(PlannerInfo *root, RelOptInfo *rel, Node *column);

/* ---- index_condition.c ---- */

extern List *index_conditions(SupportRequestIndexCondition *req);

/* ---- estimate.c ---- */

extern Node *estimate_selectivity(SupportRequestSelectivity *req);
extern Node *estimate_cost(SupportRequestCost *req);

/* ---- member_plans.c ---- */

/* On a column that is joined, each rescan searches for all candidates: fewer are made a list of. */
#define MAX_JOINED	50

/* Members are alike, and have use for the same plan, if their candidates are. */
typedef enum Amount
{
	FEW,						/* up to MAX_JOINED */
	SOME,						/* up to MAX_CANDIDATES */
	MANY
} Amount;

extern Amount amount_of(int count);
extern void note_plan(int bit, bool organizations, Amount amount);
extern void depend_on_member(PlannerInfo *root, Oid candidate_entities);
extern void forget_plans(Oid candidate_entities);

/* ---- candidates.c ---- */

/*
 * A list of candidates is not made if there are more than this.  Looking more
 * of them up one by one would take longer than reading a table whole.
 */
#define MAX_CANDIDATES	1000

extern KeyKind kind_of_type(Oid type);
extern bool name_datum(Oid type, const NameRef *name, Datum *value);
extern int	count_candidate_entities(MemberAccess *access, const ScopeEntry *scope);
extern bool is_candidate_organization(const MemberAccess *access, const OrgAccess *org, const ScopeEntry *scope);

#endif							/* RBAC_PLANNER_H */
