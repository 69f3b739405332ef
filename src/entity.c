/*-------------------------------------------------------------------------
 *
 * entity.c
 *	  What the registry, rbac.entities, knows about an entity.
 *
 * Entities that were asked for are kept until they change.  Those that are not
 * registered are not kept, so that registering one has nobody to tell.
 *
 * A scan of an application's table mostly asks for entities in the order in
 * which they were registered.  When one after the other lies in the same or the
 * next block, the following blocks are read at once, ever more of them as long as
 * that goes on: a lookup by index costs as much as tens of rows read that way.
 * For the same reason the entity that was met after the one that was asked for
 * last is a good guess, which saves a hash lookup in memory that is not at hand.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "rbac_internal.h"

typedef struct EntitySlot
{
	uint32		hash;			/* of the key; 0: free */
	EntityEntry *entry;
} EntitySlot;

/* One table for each kind of key, at most half full. */
typedef struct EntityTable
{
	uint32		mask;
	uint32		count;
	uint32		guess;			/* the number that may be asked for next */
	EntitySlot *slots;
	EntityEntry **order;		/* by number */
} EntityTable;

#define INITIAL_SLOTS	1024

static MemoryContext entity_context = NULL;
static EntityTable entity_tables[KEY_KINDS];

static void
reset_entities(void)
{
	if (entity_context == NULL)
		entity_context = AllocSetContextCreate(CacheMemoryContext, "rbac entities", ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(entity_context);
	memset(entity_tables, 0, sizeof(entity_tables));
}

static inline bool
is_entity(const EntityEntry *entry, int type, const Key *key)
{
	return entry->type == type && entry->key_len == key->len &&
		bytes_equal(entry->data, key->data, key->len);
}

/* The slot that holds the entity, or the free one where it belongs. */
static EntitySlot *
find_slot(const EntityTable *table, int type, const Key *key)
{
	for (uint32 i = key->hash & table->mask;; i = (i + 1) & table->mask)
	{
		EntitySlot *slot = &table->slots[i];

		if (slot->hash == 0 || (slot->hash == key->hash && is_entity(slot->entry, type, key)))
			return slot;
	}
}

static inline bool
is_fresh(const EntityEntry *entry)
{
	return !changed_since(entry->channel, entry->stamp);
}

static inline bool
is_known(const EntitySlot *slot)
{
	return slot->hash != 0 && is_fresh(slot->entry);
}

static void
grow(EntityTable *table)
{
	EntityTable old = *table;
	uint32		mask = old.slots == NULL ? INITIAL_SLOTS - 1 : old.mask * 2 + 1;
	Size		order_size = (mask / 2 + (Size) 1) * sizeof(EntityEntry *);
	EntitySlot *slots;

	/* what fails must not leave the table half changed */
	slots = MemoryContextAllocExtended(entity_context, (mask + (Size) 1) * sizeof(EntitySlot),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (old.order == NULL)
		table->order = MemoryContextAllocHuge(entity_context, order_size);
	else
		table->order = repalloc_huge(old.order, order_size);
	table->mask = mask;
	table->slots = slots;
	if (old.slots == NULL)
		return;
	for (uint32 i = 0; i <= old.mask; i++)
	{
		uint32		j = old.slots[i].hash & mask;

		if (old.slots[i].hash == 0)
			continue;
		while (slots[j].hash != 0)
			j = (j + 1) & mask;
		slots[j] = old.slots[i];
	}
	pfree(old.slots);
}

/* A row's attributes that are kept.  Rows with more than a name in them are not. */
typedef struct EntityRow
{
	NameRef		organization;
	NameRef		owner;			/* data is NULL: none */
	int			channel;
} EntityRow;

static EntityEntry *
make_entry(MemoryContext context, int type, const Key *key, const EntityRow *row, Stamp stamp)
{
	EntityEntry *entry = MemoryContextAllocZero(context, offsetof(EntityEntry, data) + key->len +
												row->organization.len + row->owner.len);
	char	   *data = entry->data;

	entry->stamp = stamp;
	entry->type = type;
	entry->tag_bit = -1;
	entry->channel = row->channel;
	entry->key_len = key->len;
	entry->organization_len = row->organization.len;
	entry->owner_len = row->owner.len;
	entry->has_owner = row->owner.data != NULL;
	memcpy(data, key->data, key->len);
	data += key->len;
	memcpy(data, row->organization.data, row->organization.len);
	data += row->organization.len;
	if (entry->has_owner)
		memcpy(data, row->owner.data, row->owner.len);
	return entry;
}

/* So they are unless constraints were circumvented. */
static bool
has_names(const EntityRow *row)
{
	return row->organization.len <= NAME_MAX_LEN && row->owner.len <= NAME_MAX_LEN;
}

/* Half of the cache's room is for entities. */
static bool
is_full(void)
{
	return MemoryContextMemAllocated(entity_context, false) > (Size) rbac_cache_size * 1024 / 2;
}

/* Keep an entity, unless it is known, in the place of what was known of it before. */
static EntityEntry *
keep_entity(int type, const Key *key, const EntityRow *row, Stamp stamp)
{
	EntityTable *table = &entity_tables[key->kind];
	EntitySlot *slot;
	EntityEntry *entry;

	if (table->slots == NULL || table->count >= table->mask / 2)
		grow(table);
	slot = find_slot(table, type, key);
	if (is_known(slot))
		return slot->entry;
	entry = make_entry(entity_context, type, key, row, stamp);
	if (slot->hash != 0)
	{
		entry->number = slot->entry->number;
		pfree(slot->entry);
	}
	else
		entry->number = table->count++;
	table->order[entry->number] = entry;
	slot->hash = key->hash;
	slot->entry = entry;
	return entry;
}

/* ---- reading ahead ---- */

/* Where the latest rows were found, and how many blocks were read ahead then. */
static BlockNumber last_block = InvalidBlockNumber;
static BlockNumber next_block = InvalidBlockNumber;
static int	ahead = 0;

#define MAX_AHEAD	64

static NameRef
slot_name(TupleTableSlot *slot, AttrNumber column)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, column, &isnull);

	return isnull ? name_ref(NULL, 0) : text_ref(PG_DETOAST_DATUM_PACKED(value));
}

/* Keep a row of the registry, as far as it has a key of this kind and type. */
static void
keep_row(int type, const NameRef *type_of, KeyKind kind, TupleTableSlot *slot, Stamp stamp)
{
	NameRef		type_in_row = slot_name(slot, ENTITY_TYPE);
	NameRef		entity = slot_name(slot, ENTITY_ENTITY);
	EntityRow	row;
	Key			key;

	row.organization = slot_name(slot, ENTITY_ORGANIZATION);
	row.owner = slot_name(slot, ENTITY_OWNER);
	row.channel = channel_of(TOPIC_ENTITY, entity.data, entity.len);
	if (name_is(&type_in_row, type_of->data, type_of->len) &&
		entity.len <= NAME_MAX_LEN && has_names(&row) &&
		convert_key(&key, kind, entity.data, entity.len))
		keep_entity(type, &key, &row, stamp);
}

static void
read_blocks(Relation rel, Snapshot snapshot, BlockNumber first, int n, int type, KeyKind kind, Stamp stamp)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "rbac read ahead", ALLOCSET_DEFAULT_SIZES);
	NameRef		name = type_name(type);
	TupleTableSlot *slot;
	TableScanDesc scan;
	ItemPointerData from;
	ItemPointerData to;

	MemoryContextSwitchTo(scratch);
	slot = table_slot_create(rel, NULL);
	ItemPointerSet(&from, first, FirstOffsetNumber);
	ItemPointerSet(&to, first + n - 1, MaxOffsetNumber);
	scan = table_beginscan_tidrange(rel, snapshot, &from, &to);
	while (!is_full() && table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
		keep_row(type, &name, kind, slot, stamp);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

/*
 * A row was found in this block: go on from there if that is what rows do.  Not
 * in serializable transactions, where reading more means conflicting with more.
 */
static void
read_ahead(TableScan *scan, Snapshot snapshot, int type, KeyKind kind, Stamp stamp)
{
	BlockNumber block = ItemPointerGetBlockNumber(&scan->tuple->t_self);
	bool		sequential = block == last_block || block == next_block;

	last_block = block;
	next_block = block + 1;
	ahead = sequential ? Min(Max(ahead * 2, 1), MAX_AHEAD) : 0;
	if (ahead == 0 || is_full() || IsolationIsSerializable())
		return;
	next_block = block + ahead;
	read_blocks(scan->rel, snapshot, block, ahead, type, kind, stamp);
}

/* ---- looking up ---- */

static bool
begin_entity_scan(TableScan *scan, Snapshot snapshot, int type, const Key *key)
{
	char		buffer[KEY_TEXT_MAX];
	NameRef		keys[2] = {type_name(type), key_text(key, buffer)};

	begin_scan(scan, ENTITY_BY_KEY, snapshot, keys);
	return next_row(scan);
}

/*
 * Read an entity's row and keep it; NULL if there is none.  A row that is not to
 * be kept is good for the caller's memory context.
 */
static EntityEntry *
read_entity(int type, const Key *key)
{
	Stamp		stamp = invalidation_stamp;
	Snapshot	snapshot = latest_snapshot();
	EntityEntry *entry = NULL;
	TableScan	scan;

	if (begin_entity_scan(&scan, snapshot, type, key))
	{
		char		buffer[KEY_TEXT_MAX];
		NameRef		name = key_text(key, buffer);
		EntityRow	row;

		row_name(&scan, ENTITY_ORGANIZATION, &row.organization);
		row_name(&scan, ENTITY_OWNER, &row.owner);
		row.channel = channel_of(TOPIC_ENTITY, name.data, name.len);
		if (!has_names(&row))
			entry = NULL;
		else if (reading_own_command())
			entry = make_entry(CurrentMemoryContext, type, key, &row, 0);
		else
		{
			read_ahead(&scan, snapshot, type, key->kind, stamp);
			entry = keep_entity(type, key, &row, stamp);
		}
	}
	end_scan(&scan);
	UnregisterSnapshot(snapshot);
	/* for the caller to compare with what it has read before */
	AcceptInvalidationMessages();
	return entry;
}

static inline EntityEntry *
known_entity(const EntityTable *table, int type, const Key *key)
{
	EntitySlot *slot;

	if (table->guess < table->count)
	{
		EntityEntry *entry = table->order[table->guess];

		if (is_entity(entry, type, key) && is_fresh(entry))
			return entry;
	}
	if (table->slots == NULL)
		return NULL;
	slot = find_slot(table, type, key);
	return is_known(slot) ? slot->entry : NULL;
}

/*
 * The entity of that type and key, or NULL if it is not registered.  The entry
 * is good until the next call.
 */
EntityEntry *
lookup_entity(int type, const Key *key)
{
	EntityTable *table = &entity_tables[key->kind];
	EntityEntry *entry = known_entity(table, type, key);

	if (entry != NULL)
	{
		table->guess = entry->number + 1;
		return entry;
	}
	if (key->kind == KEY_TEXT && (key->len == 0 || key->len > NAME_MAX_LEN))
		return NULL;			/* no name */
	if (entity_context == NULL || is_full())
		reset_entities();
	return read_entity(type, key);
}

/* Its tags as of now, in the current memory context; NULL: it has none. */
struct varlena *
entity_tags(int type, const Key *key)
{
	Snapshot	snapshot = latest_snapshot();
	struct varlena *tags = NULL;
	TableScan	scan;

	if (begin_entity_scan(&scan, snapshot, type, key))
	{
		bool		isnull;
		Datum		value = row_value(&scan, ENTITY_TAGS, &isnull);

		if (!isnull)
			tags = PG_DETOAST_DATUM_COPY(value);
	}
	end_scan(&scan);
	UnregisterSnapshot(snapshot);
	AcceptInvalidationMessages();
	return tags;
}
