/*-------------------------------------------------------------------------
 *
 * invalidate.c
 *	  How backends learn that what they have cached is no longer so.
 *
 * Every row trigger named "!invalidate" announces that the things which its row
 * is about (a member, a role, an entity ...) have changed.  The announcement is
 * one of the server's own relation cache invalidations, for it has just what is
 * needed: it is sent at commit and not before, dropped at rollback, queued and
 * merged through savepoints, carried by two-phase commit and by WAL to
 * standbys, and every backend hears it before it can have locked a table again.
 *
 * A relation cache message carries a relation's OID and nothing else.  Each
 * topic and name is hashed to one of CHANNELS channels, and a channel is an OID
 * near the end of the OID space.  A relation of that OID need not exist: core
 * drops such a message after calling the callbacks, as it does for a relation
 * that it has not opened.  Should one exist, it is rebuilt once more than
 * needed.  So a change reaches only what depends on it, be there one
 * organization or a million, and no table has to be made for each channel.
 *
 * The callback only notes the time, counted in messages: channel_stamps[] holds
 * for each channel when it was last announced.  A cached object holds the stamp
 * of the moment before its snapshot was taken, and the channels that it depends
 * on; changed_since() compares.  A message that comes between the snapshot and
 * the end of the build thus makes the object stale at once.
 *
 * A transaction announces a channel once, and after MAX_ANNOUNCED of them says
 * "all of them" instead, so that neither its commit record nor the queue grows
 * with the number of rows that it changes.  Entities and owners, which may come and
 * go by the thousand, have channels and an "all" of their own.  Core would tell our
 * own backend at each CommandCounterIncrement; as we do not repeat the message,
 * the trigger notes the change in our own backend itself.  Two things follow.
 * What is read between the trigger and the next CommandCounterIncrement does not
 * see the new row yet, so it must not be kept (reading_own_command).  And when a
 * transaction or subtransaction that has written is rolled back, anything that
 * was read in it may have seen its rows, announced or, when it failed before
 * its triggers fired, not: then everything is stale, and announcements start
 * again.
 *
 * TRUNCATE fires no row trigger, but is announced as a change to the table itself:
 * we listen to our tables' own OIDs, too.
 *
 * Messages are received when a lock is taken, which a long transaction with its
 * locks in hand does not do: has_scope() calls AcceptInvalidationMessages() at the
 * first check of each statement.  And it calls it after each row that it has read
 * later than a member's access: if the access has become stale meanwhile, the two
 * may never have been true together, and the answer is worked out anew.  One gap
 * is left, which core's own caches have, too: a commit is visible some
 * microseconds before its messages are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/inval.h"

#include "rbac_internal.h"

#define FIRST_CHANNEL_OID	((Oid) 0xF0000000)

/*
 * What comes and goes by the thousand has channels of its own: registering an
 * entity that has an owner announces the owner, and must not make other entities
 * stale.
 */
enum
{
	SECTION_ENTITIES, SECTION_OWNERS, SECTION_OTHERS, SECTIONS
};

#define SECTION_SIZE	(CHANNELS / SECTIONS)
#define ALL_OF_SECTION(section)	(CHANNELS + (section))
#define LAST_CHANNEL	ALL_OF_SECTION(SECTIONS - 1)

#define MAX_ANNOUNCED	512		/* of each section, by one transaction */

/* Zero is before everything. */
Stamp		invalidation_stamp = 1;
Stamp		channel_stamps[CHANNELS];
static Stamp tables_stamp = 0;	/* when a table was last changed as such */

/* Of this transaction: what it has announced, and in which command last. */
static uint64 announced[LAST_CHANNEL / 64 + 1];
static int	nannounced[SECTIONS];
static bool changed_rows = false;
static CommandId changed_command;

PG_FUNCTION_INFO_V1(invalidate);

static int
section_of(Topic topic)
{
	switch (topic)
	{
		case TOPIC_ENTITY:
			return SECTION_ENTITIES;
		case TOPIC_OWNER:
			return SECTION_OWNERS;
		default:
			return SECTION_OTHERS;
	}
}

int
channel_of(Topic topic, const char *name, int len)
{
	/* The same in every backend and on every standby: no seed. */
	uint64		h = (uint64) topic << 8 ^ (uint64) len;

	for (; len >= 8; len -= 8, name += 8)
		h = mix64(h ^ load64(name));
	h = mix64(h ^ load_short(name, len));
	return section_of(topic) * SECTION_SIZE + (int) (mix64(h) % SECTION_SIZE);
}

static void
note_channel(int channel)
{
	Stamp		now = ++invalidation_stamp;

	if (channel < CHANNELS)
		channel_stamps[channel] = now;
	else
		for (int i = 0; i < SECTION_SIZE; i++)
			channel_stamps[(channel - CHANNELS) * SECTION_SIZE + i] = now;
}

/* Nothing that was read before now is good any more. */
void
invalidate_everything(void)
{
	for (int section = 0; section < SECTIONS; section++)
		note_channel(ALL_OF_SECTION(section));
}

/*
 * Has a table been changed as such, perhaps rewritten while its lock was waited for?
 * An older snapshot misses its rows then.
 */
bool
tables_changed_since(Stamp stamp)
{
	return tables_stamp > stamp;
}

/* Would a row that this transaction has just changed be missed now? */
bool
reading_own_command(void)
{
	return changed_rows && GetCurrentCommandId(false) == changed_command;
}

/*
 * Queue the message.  CacheInvalidateRelcacheByTuple() reads the OID and
 * relisshared of a pg_class row, and this is one.
 */
static void
announce(int channel)
{
	HeapTupleData tuple = {0};
	HeapTupleHeader header = palloc0(MAXALIGN(SizeofHeapTupleHeader) + CLASS_TUPLE_SIZE);
	Form_pg_class class;

	header->t_hoff = MAXALIGN(SizeofHeapTupleHeader);
	tuple.t_data = header;
	tuple.t_len = header->t_hoff + CLASS_TUPLE_SIZE;
	class = (Form_pg_class) GETSTRUCT(&tuple);
	class->oid = FIRST_CHANNEL_OID + channel;
	CacheInvalidateRelcacheByTuple(&tuple);
	pfree(header);
}

/* Queue the message unless this transaction has done so; false if it has. */
static bool
announce_once(int channel)
{
	uint64		bit = UINT64CONST(1) << (channel % 64);

	if ((announced[channel / 64] & bit) != 0)
		return false;
	announced[channel / 64] |= bit;
	announce(channel);
	return true;
}

static void
changed(int channel)
{
	int			section = channel / SECTION_SIZE;

	changed_rows = true;
	changed_command = GetCurrentCommandId(false);
	if (nannounced[section] >= MAX_ANNOUNCED)
		announce_once(ALL_OF_SECTION(section));
	else if (announce_once(channel))
		nannounced[section]++;
	note_channel(channel);
}

static void
changed_row(Topic topic, const char *column, TupleDesc desc, HeapTuple tuple)
{
	int			attnum = SPI_fnumber(desc, column);
	bool		isnull;
	Datum		value;
	struct varlena *name;

	if (attnum <= 0)
		elog(ERROR, "column \"%s\" does not exist", column);
	value = heap_getattr(tuple, attnum, desc, &isnull);
	if (isnull)
		return;
	name = PG_DETOAST_DATUM_PACKED(value);
	changed(channel_of(topic, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)));
	if ((Pointer) name != DatumGetPointer(value))
		pfree(name);
}

/*
 * Trigger: AFTER ROW with pairs of arguments, a topic and the column that names
 * the thing (no column: the topic has one thing only).
 */
Datum
invalidate(PG_FUNCTION_ARGS)
{
	TriggerData *data = trigger_data(fcinfo);
	TupleDesc	desc = RelationGetDescr(data->tg_relation);

	for (int i = 0; i + 1 < data->tg_trigger->tgnargs; i += 2)
	{
		Topic		topic = (unsigned char) data->tg_trigger->tgargs[i][0];
		const char *column = data->tg_trigger->tgargs[i + 1];

		if (column[0] == '\0')
		{
			changed(channel_of(topic, "", 0));
			continue;
		}
		changed_row(topic, column, desc, data->tg_trigtuple);
		if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
			changed_row(topic, column, desc, data->tg_newtuple);
	}
	return PointerGetDatum(NULL);
}

static void
relcache_callback(Datum arg, Oid relid)
{
	bool		entities;

	if (!OidIsValid(relid))
	{
		forget_table(InvalidOid);
		tables_stamp = ++invalidation_stamp;
		invalidate_everything();
	}
	else if (is_rbac_table(relid, &entities))
	{
		/* truncated, dropped, an index made, analyzed ... */
		forget_table(relid);
		tables_stamp = ++invalidation_stamp;
		if (entities)
		{
			note_channel(ALL_OF_SECTION(SECTION_ENTITIES));
			note_channel(ALL_OF_SECTION(SECTION_OWNERS));
		}
		else
			invalidate_everything();
	}
	else if (relid >= FIRST_CHANNEL_OID && relid <= FIRST_CHANNEL_OID + LAST_CHANNEL)
		note_channel(relid - FIRST_CHANNEL_OID);
}

static void
forget_announced(void)
{
	memset(announced, 0, sizeof(announced));
	memset(nannounced, 0, sizeof(nannounced));
}

/* Might something that we have read be a row of this very transaction? */
static bool
has_written(void)
{
	return TransactionIdIsValid(GetTopTransactionIdIfAny());
}

static void
xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
			if (has_written())
				invalidate_everything();
			break;
		case XACT_EVENT_PREPARE:
			invalidate_everything();
			break;
		case XACT_EVENT_COMMIT:
			break;
		default:
			return;
	}
	forget_announced();
	changed_rows = false;
}

static void
subxact_callback(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB || !has_written())
		return;
	invalidate_everything();
	forget_announced();
}

void
register_invalidation(void)
{
	CacheRegisterRelcacheCallback(relcache_callback, (Datum) 0);
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}
