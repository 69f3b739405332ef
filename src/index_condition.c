/*-------------------------------------------------------------------------
 *
 * index_condition.c
 *	  An index condition for a check: fetch only candidates.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "planner.h"

static bool
may_execute(Oid function)
{
	return object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
}

/* NULL: the user may not execute what it takes. */
static Node *
member_expression(const Check *check)
{
	Oid			function;

	if (check->member != NULL)
		return check->member;
	function = current_member_function();
	if (!may_execute(function))
		return NULL;
	return (Node *) makeFuncExpr(function, TEXTOID, NIL, DEFAULT_COLLATION_OID, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* function(member, scope, plan_only, NULL::element) */
static Expr *
candidate_array(Oid function, Node *member, const Check *check, Oid element)
{
	Oid			collation = get_typcollation(element);
	Node	   *plan_only = (Node *) makeConst(our_type("plan_only"), -1, InvalidOid, sizeof(int32),
											   Int32GetDatum(0), false, true);

	return (Expr *) makeFuncExpr(function, get_array_type(element),
								 list_make4(member, check->scope, plan_only,
											makeNullConst(element, -1, collation)),
								 collation, collation, COERCE_EXPLICIT_CALL);
}

/* column = ANY (array) */
static Node *
index_condition(const SupportRequestIndexCondition *req, Node *column, Oid operator, Oid element, Expr *array)
{
	ScalarArrayOpExpr *clause = makeNode(ScalarArrayOpExpr);

	if (exprType(column) != element)
		column = (Node *) makeRelabelType((Expr *) column, element, -1, req->indexcollation, COERCE_IMPLICIT_CAST);
	clause->opno = operator;
	clause->opfuncid = get_opcode(operator);
	clause->useOr = true;
	clause->inputcollid = req->indexcollation;
	clause->args = list_make2(column, array);
	clause->location = -1;
	return (Node *) clause;
}

/* It is evaluated once, before the scan: by then all of it has to be known. */
static bool
is_fixed(Node *node)
{
	return node == NULL || (!contain_var_clause(node) && !contain_volatile_functions(node));
}

static int
count_candidate_organizations(const MemberAccess *access, const ScopeEntry *scope)
{
	int			count = 0;

	for (int i = 0; i < access->norgs; i++)
		count += is_candidate_organization(access, &access->orgs[i], scope);
	return count;
}

static int
count_candidates(const Check *check, MemberAccess *access, const ScopeEntry *scope)
{
	if (check->organization != NULL)
		return count_candidate_organizations(access, scope);
	return count_candidate_entities(access, scope);
}

static bool
is_check(Node *node)
{
	Oid			function;

	if (!IsA(node, FuncExpr))
		return false;
	function = ((FuncExpr *) node)->funcid;
	return get_func_namespace(function) == rbac_namespace() && OidIsValid(get_func_support(function)) &&
		((FuncExpr *) node)->funcresulttype == BOOLOID;
}

/*
 * Is there another check of the column that has fewer candidates, or that comes
 * first of those that have as many?
 */
static bool
other_is_better(const SupportRequestIndexCondition *req, Node *column, int count)
{
	bool		before = true;
	ListCell   *cell;

	foreach(cell, req->index->rel->baserestrictinfo)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, cell);
		Node	   *other = (Node *) info->clause;
		Check		check;
		MemberAccess *access;
		ScopeEntry *scope;
		int			other_count;

		if (other == req->node)
			before = false;
		if (other == req->node || !is_check(other) || !restriction_is_securely_promotable(info, req->index->rel))
			continue;
		check = check_of(((FuncExpr *) other)->args);
		if (!is_column(searched_argument(&check), column) || !is_fixed(check.member) ||
			!look_up(req->root, &check, &access, &scope))
			continue;
		other_count = count_candidates(&check, access, scope);
		if (other_count < count || (before && other_count == count))
			return true;
	}
	return false;
}

/*
 * The workers of a parallel index scan agree on which element of the array is
 * next by its number.  Arrays of different moments could make them miss rows, so
 * this index is not to be scanned in parallel; bitmap scans still may be.
 */
static List *
offer(SupportRequestIndexCondition *req, Node *condition)
{
	req->index->amcanparallel = false;
	req->lossy = true;
	return list_make1(condition);
}

/*
 * A list is made for each partition and each of its indexes when planning, and
 * for each partition when executing.
 */
static int
max_candidates(const SupportRequestIndexCondition *req, Node *column)
{
	int			max = MAX_CANDIDATES;

	if (req->index->rel->reloptkind == RELOPT_OTHER_MEMBER_REL)
	{
		Assert(list_length(req->root->append_rel_list) > 0);
		max /= list_length(req->root->append_rel_list);
	}
	if (max < MAX_JOINED || is_joined(req->root, req->index->rel, column))
		max = MAX_JOINED;
	return max;
}

/*
 * How many candidates, if there are not too many; or -1.  Entities are listed only
 * for a member that is known now: all that somebody may see can be very much.
 * That does not hold for organizations, as long as the user may know them.
 */
static int
candidates_to_offer(const SupportRequestIndexCondition *req, const Check *check, Node *column, Oid candidate_entities)
{
	MemberAccess *access;
	ScopeEntry *scope;
	int			count;

	if (!look_up(req->root, check, &access, &scope))
		return check->organization != NULL && may_ask_as_anybody(GetUserId()) ? MAX_JOINED : -1;
	count = count_candidates(check, access, scope);
	if (is_current_member(req->root, check->member))
	{
		depend_on_member(req->root, candidate_entities);
		note_plan(scope->bit, check->organization != NULL,
				  amount_of(check->organization != NULL ? access->norgs : count));
	}
	return count <= max_candidates(req, column) ? count : -1;
}

List *
index_conditions(SupportRequestIndexCondition *req)
{
	List	   *args = ((FuncExpr *) req->node)->args;
	Check		check = check_of(args);
	Node	   *argument = searched_argument(&check);
	Node	   *column = strip_relabel(argument);
	Oid			element = key_type(argument);
	Oid			operator;
	Oid			entities;
	Oid			organizations;
	Node	   *member;
	int			count;

	if (!is_column(list_nth(args, req->indexarg), column) || kind_of_type(element) == KEY_NONE ||
		req->index->relam != BTREE_AM_OID || req->indexcol != 0 ||
		!is_fixed(check.member) || !is_fixed(check.scope) || is_given(req->index->rel, column) ||
		entity_is_given(req->index->rel, &check))
		return NIL;
	operator = get_opfamily_member(req->opfamily, req->index->opcintype[0], element, BTEqualStrategyNumber);
	member = member_expression(&check);
	entities = candidate_function("candidate_entities", &check);
	organizations = candidate_function("candidate_organizations", &check);
	if (!OidIsValid(operator) || member == NULL || !may_execute(entities) || !may_execute(organizations))
		return NIL;
	count = candidates_to_offer(req, &check, column, entities);
	if (count < 0 || other_is_better(req, column, count))
		return NIL;
	return offer(req, index_condition(req, column, operator, element,
									  candidate_array(check.organization != NULL ? organizations : entities, member, &check, element)));
}
