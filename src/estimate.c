/*-------------------------------------------------------------------------
 *
 * estimate.c
 *	  How many rows a check lets pass, and what it costs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "planner.h"

PG_FUNCTION_INFO_V1(candidates_support);
PG_FUNCTION_INFO_V1(entities_with_scope_support);
PG_FUNCTION_INFO_V1(members_with_scope_support);

/* ---- selectivity ---- */

#define TAGGED_SHARE	0.3333	/* of entities satisfies a condition on tags */
#define EQUALITY_SHARE	0.5		/* of the rows with a given key is allowed */

static double
registry_rows(void)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(registry_oid()));
	double		rows = 0;

	if (HeapTupleIsValid(tuple))
	{
		rows = Max(((Form_pg_class) GETSTRUCT(tuple))->reltuples, 0);	/* -1: unknown */
		ReleaseSysCache(tuple);
	}
	return rows;
}

/*
 * What share of the registry is an organization's?  Asked only of organizations
 * that are too large to count.
 */
static double
share_of_registry(const NameRef *organization)
{
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(registry_oid()),
										Int16GetDatum(ENTITY_ORGANIZATION), BoolGetDatum(false));
	double		others = 1.0;
	double		share = -1.0;
	double		ndistinct;
	AttStatsSlot mcv;

	if (!HeapTupleIsValid(tuple))
		return EQUALITY_SHARE;
	ndistinct = ((Form_pg_statistic) GETSTRUCT(tuple))->stadistinct;
	if (ndistinct < 0)			/* a share of the rows */
		ndistinct *= -registry_rows();
	if (get_attstatsslot(&mcv, tuple, STATISTIC_KIND_MCV, InvalidOid, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		for (int i = 0; i < mcv.nvalues; i++)
		{
			NameRef		name = text_ref((struct varlena *) DatumGetPointer(mcv.values[i]));

			others -= mcv.numbers[i];
			if (name_is(&name, organization->data, organization->len))
				share = mcv.numbers[i];
		}
		ndistinct -= mcv.nvalues;
		free_attstatsslot(&mcv);
	}
	ReleaseSysCache(tuple);
	if (share < 0)
		share = ndistinct >= 1 ? Max(others, 0) / ndistinct : 0;
	return share;
}

/* What share of an organization's entities does the member reach, other than one by one? */
static double
share_of_organization(const OrgAccess *org, int bit)
{
	if (org->all_scopes || has_bit(org->wide, bit))
		return 1.0;
	return has_bit(org->tagged, bit) ? TAGGED_SHARE : 0.0;
}

/* Of all registered entities. */
static double
share_of_entities(MemberAccess *access, const ScopeEntry *scope)
{
	double		share = 0;

	for (int i = 0; i < access->norgs; i++)
	{
		double		of_organization = share_of_organization(&access->orgs[i], scope->bit);

		if (of_organization > 0)
			share += of_organization * share_of_registry(&access->orgs[i].name);
	}
	return Min(share, 1.0);
}

/* Of a partition: as if its siblings were its equals. */
static double
number_of_keys(PlannerInfo *root, VariableStatData *column)
{
	bool		is_default;
	double		ndistinct = get_variable_numdistinct(column, &is_default);

	if (is_default && column->rel != NULL)
		ndistinct = column->rel->tuples;
	if (column->rel != NULL && column->rel->reloptkind == RELOPT_OTHER_MEMBER_REL)
		ndistinct *= list_length(root->append_rel_list);
	return Max(ndistinct, 1.0);
}

static double
entities_selectivity(PlannerInfo *root, VariableStatData *column, MemberAccess *access, const ScopeEntry *scope)
{
	int			count = count_candidate_entities(access, scope);
	double		keys = number_of_keys(root, column);
	double		share;

	if (count <= MAX_CANDIDATES)
		return count / keys;
	/* not all rows may be registered, and not all that is registered a row */
	share = share_of_entities(access, scope) * Min(1.0, registry_rows() / keys);
	return share + scope_count(access, scope->bit)->direct / keys;
}

/* Of column = value. */
static double
equality_selectivity(const SupportRequestSelectivity *req, Node *column, const NameRef *value)
{
	Oid			type = key_type(column);
	Oid			operator = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	Const	   *constant = makeNullConst(type, -1, exprCollation(column));

	if (!name_datum(type, value, &constant->constvalue))
		return 0;
	constant->constisnull = false;
	return restriction_selectivity(req->root, operator, list_make2(column, constant), exprCollation(column), req->varRelid);
}

/* What share of the rows is of an organization, and allowed? */
static double
organization_selectivity(const SupportRequestSelectivity *req, const Check *check, const OrgAccess *org,
						 const ScopeEntry *scope, double owned)
{
	double		share = Max(share_of_organization(org, scope->bit), owned);

	return share > 0 ? share * equality_selectivity(req, check->organization, &org->name) : 0;
}

#define MAX_SAMPLE	20			/* organizations that are looked at */

/*
 * If the query names the organization itself, then hardly one of which the member
 * sees nothing: its share is that of an average one.
 */
static double
rows_selectivity(const SupportRequestSelectivity *req, const Check *check, RelOptInfo *rel,
				 MemberAccess *access, const ScopeEntry *scope)
{
	bool		given = rel != NULL && is_given(rel, strip_relabel(check->organization));
	int			step = Max(access->norgs / MAX_SAMPLE, 1);
	int			sampled = 0;
	double		owned = 0;
	double		sum = 0;

	if (has_bit(owner_scopes(access, scope->type), scope->bit) && !IsA(check->owner, Const))
		owned = equality_selectivity(req, check->owner, &access->member);
	for (int i = 0; i < access->norgs; i += step)
	{
		const OrgAccess *org = &access->orgs[i];

		sampled++;
		sum += given ? Max(share_of_organization(org, scope->bit), owned) :
			organization_selectivity(req, check, org, scope, owned);
	}
	if (sampled > 0)
		sum *= (given ? 1.0 : access->norgs) / sampled;
	if (rel != NULL && rel->tuples > 0)
		sum += scope_count(access, scope->bit)->direct / rel->tuples;
	return sum;
}

Node *
estimate_selectivity(SupportRequestSelectivity *req)
{
	Check		check = check_of(req->args);
	VariableStatData column;
	MemberAccess *access;
	ScopeEntry *scope;
	double		selectivity = -1;

	if (req->is_join || kind_of_type(key_type(searched_argument(&check))) == KEY_NONE)
		return NULL;
	examine_variable(req->root, searched_argument(&check), req->varRelid, &column);
	if (column.rel != NULL &&
		(check.organization == NULL ? is_given(column.rel, strip_relabel(check.entity)) : entity_is_given(column.rel, &check)))
		selectivity = EQUALITY_SHARE;
	else if (look_up(req->root, &check, &access, &scope))
		selectivity = check.organization != NULL ?
			rows_selectivity(req, &check, column.rel, access, scope) :
			entities_selectivity(req->root, &column, access, scope);
	ReleaseVariableStats(column);
	if (selectivity < 0)
		return NULL;
	req->selectivity = Min(selectivity, 1.0);
	return (Node *) req;
}

/* ---- cost ---- */

/* In units of cpu_operator_cost, as measured beside a function that does nothing. */
#define COST_LISTED		2		/* a look into a hash table */
#define COST_REGISTERED 5		/* that of the registry's entities, which is
								 * larger */
#define COST_TAGS		50		/* a jsonpath evaluated */
#define COST_UNLISTED	1000	/* a look into the tables */
#define COST_CANDIDATE	50		/* a row of the registry, or a copy of a key */

static bool
any_tagged(const MemberAccess *access, int bit)
{
	for (int i = 0; i < access->norgs; i++)
		if (has_bit(access->orgs[i].tagged, bit))
			return true;
	return false;
}

Node *
estimate_cost(SupportRequestCost *req)
{
	Check		check;
	MemberAccess *access;
	ScopeEntry *scope;
	double		cost = COST_LISTED;

	if (req->root == NULL || req->node == NULL || !IsA(req->node, FuncExpr))
		return NULL;
	check = check_of(((FuncExpr *) req->node)->args);
	/* of a check that is made once nothing depends on its cost */
	if (!contain_var_clause(searched_argument(&check)) || !look_up(req->root, &check, &access, &scope))
		return NULL;
	if (check.organization == NULL && needs_registry(access, scope->bit))
		cost = COST_REGISTERED;
	if (any_tagged(access, scope->bit))
		cost += COST_TAGS;
	if (access->unlisted)
		cost += COST_UNLISTED;
	req->startup = 0;
	req->per_tuple = cost * cpu_operator_cost;
	return (Node *) req;
}

/* ---- support functions of the functions that list ---- */

/* Of candidate_entities() and candidate_organizations(): (member, scope, plan_only, element). */
Datum
candidates_support(PG_FUNCTION_ARGS)
{
	SupportRequestCost *req = (SupportRequestCost *) PG_GETARG_POINTER(0);
	Check		check = {0};
	MemberAccess *access;
	ScopeEntry *scope;
	int			count;

	if (!IsA(req, SupportRequestCost) || req->root == NULL || req->node == NULL || !IsA(req->node, FuncExpr))
		PG_RETURN_POINTER(NULL);
	check.member = linitial(((FuncExpr *) req->node)->args);
	check.scope = lsecond(((FuncExpr *) req->node)->args);
	if (!look_up(req->root, &check, &access, &scope))
		PG_RETURN_POINTER(NULL);
	req->startup = 0;
	if (req->funcid == candidate_function("candidate_organizations", &check))
		count = access->norgs;
	else
		count = count_candidate_entities(access, scope);
	req->per_tuple = (count + 1) * COST_CANDIDATE * cpu_operator_cost;
	PG_RETURN_POINTER(req);
}

#define SHORT_PAGE	1000		/* rows */

/* The limit that a call sets to its rows; or -1. */
static double
row_limit(PlannerInfo *root, Node *max_rows)
{
	Const	   *limit = known_value(root, max_rows);

	return limit != NULL && !limit->constisnull ? DatumGetInt64(limit->constvalue) : -1;
}

/*
 * Of entities_with_scope(): (member, scope, after, max_rows).  To count what there
 * is would cost more than a short page.
 */
Datum
entities_with_scope_support(PG_FUNCTION_ARGS)
{
	SupportRequestRows *req = (SupportRequestRows *) PG_GETARG_POINTER(0);
	Check		check = {0};
	MemberAccess *access;
	ScopeEntry *scope;
	List	   *args;
	double		limit;

	if (!IsA(req, SupportRequestRows) || req->root == NULL || !IsA(req->node, FuncExpr))
		PG_RETURN_POINTER(NULL);
	args = ((FuncExpr *) req->node)->args;
	limit = row_limit(req->root, lfourth(args));
	req->rows = limit;
	if (limit >= 0 && limit <= SHORT_PAGE)
		PG_RETURN_POINTER(req);
	check.member = linitial(args);
	check.scope = lsecond(args);
	if (!look_up(req->root, &check, &access, &scope))
		PG_RETURN_POINTER(NULL);
	req->rows = count_candidate_entities(access, scope);
	if (req->rows > MAX_CANDIDATES)
		req->rows = Max(req->rows, share_of_entities(access, scope) * registry_rows());
	if (limit >= 0)
		req->rows = Min(req->rows, limit);
	PG_RETURN_POINTER(req);
}

#define MEMBERS_EXPECTED	100 /* as for any function of this kind */

/* Of members_with_scope(): (entity, scope, after, max_rows).  Nothing is known but the limit. */
Datum
members_with_scope_support(PG_FUNCTION_ARGS)
{
	SupportRequestRows *req = (SupportRequestRows *) PG_GETARG_POINTER(0);
	double		limit;

	if (!IsA(req, SupportRequestRows) || req->root == NULL || !IsA(req->node, FuncExpr))
		PG_RETURN_POINTER(NULL);
	limit = row_limit(req->root, lfourth(((FuncExpr *) req->node)->args));
	req->rows = limit >= 0 ? Min(limit, MEMBERS_EXPECTED) : MEMBERS_EXPECTED;
	PG_RETURN_POINTER(req);
}
