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

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/catcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(refuse_subscribed);

static bool
is_subscribed(Oid relid)
{
	CatCList   *subscriptions = SearchSysCacheList1(SUBSCRIPTIONRELMAP, ObjectIdGetDatum(relid));
	bool		found = subscriptions->n_members > 0;

	ReleaseCatCacheList(subscriptions);
	return found;
}

/* A table that a new version brings is not subscribed at first, the others are. */
bool
on_subscriber(Relation rel)
{
	return is_subscribed(RelationGetRelid(rel)) || is_subscribed(organizations_oid());
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
