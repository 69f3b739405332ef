/*-------------------------------------------------------------------------
 *
 * planner.c
 *	  What the planner may know about a check.
 *
 * Support functions of has_scope() and row_has_scope(): how many rows pass, what
 * a check costs, and an index condition that fetches only candidates (see
 * candidates.c).  The condition is always lossy, that is, the check itself stays
 * in the plan as a filter and decides on each row as of the moment when the row
 * is read.  So a plan is right for any member and any grants; whether it is good
 * depends on the member that it was made for.
 *
 * A cached plan is therefore made anew when somebody asks who may see much more or
 * less (member_plans.c).
 *
 * No condition is offered
 *
 * - for anything but the first column of a btree index: other access methods
 *   cannot search for arrays, and the planner would believe that the scan's
 *   order is the index's;
 * - on a column that the query itself compares with = or IN, and that is not
 *   improved by searching for more;
 * - when there are more than MAX_CANDIDATES, or MAX_JOINED on a column that is
 *   joined, as each rescan would search for all of them;
 * - for more than one check of the same column, as an index scan tries all pairs
 *   of the elements of two arrays.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "planner.h"
#include "rbac.h"

PG_FUNCTION_INFO_V1(check_support);

/* ---- objects of the extension ---- */

Oid
our_type(const char *name)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name), ObjectIdGetDatum(rbac_namespace()));
}

Oid
our_function(const char *name, int nargs, const Oid *args)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(args, nargs)), ObjectIdGetDatum(rbac_namespace()));
}

/* ---- what is checked ---- */

Check
check_of(List *args)
{
	Check		check = {0};
	int			i = list_length(args) == 2 ? 0 : 1;

	if (i == 1)
		check.member = linitial(args);
	check.entity = list_nth(args, i);
	check.scope = list_nth(args, i + 1);
	if (list_length(args) > 3)
	{
		check.organization = list_nth(args, 3);
		check.owner = list_nth(args, 4);
	}
	return check;
}

/* The expression that (SELECT expression) was made into a parameter for; or NULL. */
static Node *
subselect_of(PlannerInfo *root, const Param *param)
{
	for (; root != NULL; root = root->parent_root)
	{
		ListCell   *cell;

		foreach(cell, root->init_plans)
		{
			SubPlan    *subplan = lfirst(cell);
			Plan	   *plan;

			if (!list_member_int(subplan->setParam, param->paramid))
				continue;
			plan = list_nth(root->glob->subplans, subplan->plan_id - 1);
			if (!IsA(plan, Result) || outerPlan(plan) != NULL || list_length(plan->targetlist) != 1)
				return NULL;
			return (Node *) linitial_node(TargetEntry, plan->targetlist)->expr;
		}
	}
	return NULL;
}

/* What an expression comes to now, as far as the planner can say; or NULL. */
Const *
known_value(PlannerInfo *root, Node *node)
{
	node = estimate_expression_value(root, node);
	return IsA(node, Const) ? (Const *) node : NULL;
}

/* Known until some function changes: each planning asks for it several times. */
static Oid	current_member_known = InvalidOid;

static void
function_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	current_member_known = InvalidOid;
}

Oid
current_member_function(void)
{
	static bool registered = false;

	if (!registered)
		CacheRegisterSyscacheCallback(PROCOID, function_changed, (Datum) 0);
	registered = true;
	if (!OidIsValid(current_member_known))
		current_member_known = our_function("current_member", 0, NULL);
	return current_member_known;
}

/* Is it the member who is asking, whoever that is?  With or without a subselect. */
bool
is_current_member(PlannerInfo *root, Node *node)
{
	if (node != NULL && IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC)
	{
		node = subselect_of(root, (Param *) node);
		if (node == NULL)
			return false;
	}
	return node == NULL ||
		(IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == current_member_function());
}

/*
 * Whose access is it about?  Only if the member is known, and if the user may know
 * what that member has: rows estimated, and pages that an index scan read, tell
 * something of it.  A cached plan may be executed when an expression has come to
 * another value; then only those who may know about anybody may have it.
 */
static bool
find_member(PlannerInfo *root, const Check *check, NameRef *member)
{
	bool		anybody;
	Const	   *value;
	NameRef		current;

	if (is_current_member(root, check->member))
	{
		if (!current_member_name(member))
			*member = name_ref("", 0);
		return true;
	}
	anybody = may_ask_as_anybody(GetUserId());
	if (!anybody && !IsA(check->member, Const))
		return false;
	value = known_value(root, check->member);
	if (value == NULL)
		return false;
	*member = value->constisnull ? name_ref("", 0) : text_ref(DatumGetTextPP(value->constvalue));
	return anybody || (current_member_name(&current) && name_is(member, current.data, current.len));
}

/* Member and scope, looked up; false if they are not known, or there is no such scope. */
bool
look_up(PlannerInfo *root, const Check *check, MemberAccess **access, ScopeEntry **scope)
{
	Const	   *value = known_value(root, check->scope);
	ScopeName	name;
	NameRef		member;

	if (value == NULL || value->constisnull || !find_member(root, check, &member))
		return false;
	AcceptInvalidationMessages();
	name = DatumGetScopeName(value->constvalue);
	*scope = lookup_scope(name.data, name.len);
	if (*scope == NULL)
		return false;
	*access = access_of(&member, GetCurrentStatementStartTimestamp());
	return true;
}

/* The argument that an index may help to find. */
Node *
searched_argument(const Check *check)
{
	return check->organization != NULL ? check->organization : check->entity;
}

/* The type of an argument, and of the elements of an array of candidates for it. */
Oid
key_type(Node *argument)
{
	Oid			type = getBaseType(exprType(argument));

	return type == VARCHAROID ? TEXTOID : type;
}

/* One of the functions of candidates.c */
Oid
candidate_function(const char *name, const Check *check)
{
	Oid			args[] = {TEXTOID, exprType(check->scope), our_type("plan_only"), ANYELEMENTOID};

	return our_function(name, lengthof(args), args);
}

/* ---- a check's column ---- */

Node *
strip_relabel(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

bool
is_column(Node *node, Node *column)
{
	return equal(strip_relabel(node), column);
}

/* Is this a comparison by = of the column, with anything or with a fixed value? */
static bool
is_equality(Node *clause, Node *column, bool fixed)
{
	List	   *args;
	Node	   *other;
	Oid			operator;

	if (IsA(clause, OpExpr))
	{
		args = ((OpExpr *) clause)->args;
		operator = ((OpExpr *) clause)->opno;
	}
	else if (IsA(clause, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) clause)->useOr)
	{
		args = ((ScalarArrayOpExpr *) clause)->args;
		operator = ((ScalarArrayOpExpr *) clause)->opno;
	}
	else
		return false;
	if (list_length(args) != 2 || !op_mergejoinable(operator, exprType(linitial(args))))
		return false;
	if (is_column(linitial(args), column))
		other = lsecond(args);
	else if (is_column(lsecond(args), column))
		other = linitial(args);
	else
		return false;
	return !fixed || !contain_var_clause(other);
}

/* Does the query give the value, or values, of the column? */
bool
is_given(const RelOptInfo *rel, Node *column)
{
	ListCell   *cell;

	foreach(cell, rel->baserestrictinfo)
	{
		if (is_equality((Node *) lfirst_node(RestrictInfo, cell)->clause, column, true))
			return true;
	}
	return false;
}

/*
 * Does the query give the entity itself, and can an index find it?  Then nothing that is
 * known of the check makes the plan better, or an estimate of one row.
 */
bool
entity_is_given(const RelOptInfo *rel, const Check *check)
{
	ListCell   *cell;

	if (!is_given(rel, strip_relabel(check->entity)))
		return false;
	foreach(cell, rel->indexlist)
	{
		if (match_index_to_operand(check->entity, 0, lfirst_node(IndexOptInfo, cell)))
			return true;
	}
	return false;
}

static bool
is_member_of_class(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec, EquivalenceMember *em, void *arg)
{
	return is_column((Node *) em->em_expr, arg);
}

/* Might rows be fetched by comparing the column with another table's? */
bool
is_joined(PlannerInfo *root, RelOptInfo *rel, Node *column)
{
	ListCell   *cell;

	foreach(cell, rel->joininfo)
	{
		if (is_equality((Node *) lfirst_node(RestrictInfo, cell)->clause, column, false))
			return true;
	}
	return rel->has_eclass_joins &&
		generate_implied_equalities_for_column(root, rel, is_member_of_class, column, rel->lateral_referencers) != NIL;
}

/* ---- the support function ---- */

/* Of has_scope() and row_has_scope(). */
Datum
check_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestIndexCondition))
	{
		SupportRequestIndexCondition *req = (SupportRequestIndexCondition *) request;

		if (IsA(req->node, FuncExpr))
			result = (Node *) index_conditions(req);
	}
	else if (IsA(request, SupportRequestSelectivity))
		result = estimate_selectivity((SupportRequestSelectivity *) request);
	else if (IsA(request, SupportRequestCost))
		result = estimate_cost((SupportRequestCost *) request);
	PG_RETURN_POINTER(result);
}
