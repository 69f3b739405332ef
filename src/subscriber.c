/*-------------------------------------------------------------------------
 *
 * subscriber.c
 *	  Tables that a subscription fills are written by nobody else.
 *
 * What is a subscriber is not noted anywhere: it is a database with a subscription
 * that has our tables.  The worker that applies the changes, and who
 * sets session_replication_role to repair something, fire no such trigger.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_subscription.h"
#include "catalog/pg_subscription_rel.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/catcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(refuse_subscribed);
PG_FUNCTION_INFO_V1(is_subscriber);

/*
 * From PostgreSQL 16 on, some who may not write our tables can make a subscription that has
 * them: it brings nothing, and must not keep others from writing.
 */
static bool
may_fill(Oid subscription)
{
	HeapTuple	tuple = SearchSysCache1(SUBSCRIPTIONOID, ObjectIdGetDatum(subscription));
	bool		may;

	if (!HeapTupleIsValid(tuple))
		return false;
	may = is_rbac_owner(((Form_pg_subscription) GETSTRUCT(tuple))->subowner);
	ReleaseSysCache(tuple);
	return may;
}

static bool
is_subscribed(Oid relid)
{
	CatCList   *subscriptions = SearchSysCacheList1(SUBSCRIPTIONRELMAP, ObjectIdGetDatum(relid));
	bool		found = false;

	for (int i = 0; i < subscriptions->n_members && !found; i++)
		found = may_fill(((Form_pg_subscription_rel) GETSTRUCT(&subscriptions->members[i]->tuple))->srsubid);
	ReleaseCatCacheList(subscriptions);
	return found;
}

/* Is this table filled, or will be?  One that a new version brings is not at first. */
bool
on_subscriber(Relation rel)
{
	return is_subscribed(RelationGetRelid(rel)) || is_subscribed(organizations_oid());
}

Datum
is_subscriber(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_subscribed(organizations_oid()));
}

/*
 * BEFORE each statement.  The extension's own scripts may go on: the built-in rows
 * that they write are skipped (refuse_builtin), and come from the publisher.
 */
Datum
refuse_subscribed(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);

	if (on_subscriber(data->tg_relation) && !in_own_script())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot write table \"%s\": a subscription fills it", RelationGetRelationName(data->tg_relation)),
				 errhint("Write to the publisher. To make this database a publisher itself, drop the subscription and call rbac.promote_subscriber().")));
	return PointerGetDatum(NULL);
}
