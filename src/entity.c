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
 * When entities are asked for in no order, the rest of an entity's block is read
 * along with it as far as that has paid so far.  Each lookup by index earns a few
 * rows; each row that was read along and is asked for later has saved a lookup, and
 * earns as many rows as that costs.  So little is wasted on a statement that asks
 * for few entities; when one asks for most of the registry, soon all is known.
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

/* Where the next entry has room; none is freed before all are. */
#define ENTRY_SPACE		((Size) 32 * 1024)

static char *free_space;
static Size free_size;

CacheStats	entity_stats;

static uint64
count_entities(void)
{
	uint64		count = 0;

	for (int kind = 0; kind < KEY_KINDS; kind++)
		count += entity_tables[kind].count;
	return count;
}

void
measure_entities(void)
{
	entity_stats.entries = count_entities();
	entity_stats.bytes = entity_context == NULL ? 0 : MemoryContextMemAllocated(entity_context, true);
}

static void
reset_entities(void)
{
	entity_stats.evictions += count_entities();
	free_size = 0;
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

static Size
entry_size(const Key *key, const EntityRow *row)
{
	return MAXALIGN(offsetof(EntityEntry, data) + key->len + row->organization.len + row->owner.len);
}

/* Make an entry in a place of that size. */
static EntityEntry *
fill_entry(void *place, int type, const Key *key, const EntityRow *row, Stamp stamp)
{
	EntityEntry *entry = place;
	char	   *data = entry->data;

	memset(entry, 0, offsetof(EntityEntry, data));
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

/* An entry that may be kept: these lie one after the other in large pieces. */
static EntityEntry *
make_entry(int type, const Key *key, const EntityRow *row, Stamp stamp)
{
	Size		size = entry_size(key, row);
	char	   *place;

	if (size > free_size)
	{
		free_size = 0;
		free_space = MemoryContextAlloc(entity_context, ENTRY_SPACE);
		free_size = ENTRY_SPACE;
	}
	place = free_space;
	free_space += size;
	free_size -= size;
	return fill_entry(place, type, key, row, stamp);
}

/* So they are unless constraints were circumvented. */
static bool
has_names(const EntityRow *row)
{
	return row->organization.len <= NAME_MAX_LEN && row->owner.len <= NAME_MAX_LEN;
}

/* Of the cache's room half is for entities.  Is more than 1 / part of that taken? */
static bool
is_filled(int part)
{
	return MemoryContextMemAllocated(entity_context, false) > (Size) rbac_cache_size * 1024 / 2 / part;
}

static bool
is_full(void)
{
	return is_filled(1);
}

/* Keep an entry, in the place of a stale one; or the fresh one that is there. */
static EntityEntry *
keep_entry(EntityTable *table, KeyKind kind, uint32 hash, EntityEntry *entry)
{
	Key			key = {kind, hash, entry->key_len, entry->data};
	EntitySlot *slot;

	if (table->slots == NULL || table->count >= table->mask / 2)
		grow(table);
	slot = find_slot(table, entry->type, &key);
	if (is_known(slot))
		return slot->entry;
	if (slot->hash == 0)
		entry->number = table->count++;
	else
	{
		entry->number = slot->entry->number;
		entity_stats.rebuilds++;
	}
	table->order[entry->number] = entry;
	slot->hash = hash;
	slot->entry = entry;
	return entry;
}

/* ---- reading more than was asked for ---- */

#define MAX_AHEAD		64		/* blocks */

/* In rows read along. */
#define LOOKUP_EARNS	2
#define LOOKUP_COSTS	24
#define MAX_CREDIT		400

/* Where the latest rows were found, and how many blocks were read ahead then. */
static BlockNumber last_block = InvalidBlockNumber;
static BlockNumber next_block = InvalidBlockNumber;
static int	ahead = 0;

/* How many rows may be read along now, and were in the block that was read last. */
static int	credit = 0;
static int	rows_in_block = 100;

static NameRef
slot_name(TupleTableSlot *slot, AttrNumber column)
{
	if (slot->tts_isnull[column - 1])
		return name_ref(NULL, 0);
	return text_ref(PG_DETOAST_DATUM_PACKED(slot->tts_values[column - 1]));
}

/*
 * Entries on their way from the blocks into the table: where they belong there
 * has to be fetched from memory, which takes longer than to read some more rows.
 */
#define IN_FLIGHT	16

typedef struct BlockRead
{
	int			type;
	NameRef		type_name;
	KeyKind		kind;
	Stamp		stamp;
	bool		along;			/* not ahead: note what is asked for later */
	int			rows;			/* read so far */
	uint32		entries;
	uint32		kept;
	EntityEntry *in_flight[IN_FLIGHT];
	uint32		hashes[IN_FLIGHT];
} BlockRead;

static void
keep_next(BlockRead *read)
{
	int			i = read->kept++ % IN_FLIGHT;

	keep_entry(&entity_tables[read->kind], read->kind, read->hashes[i], read->in_flight[i]);
}

static void
prefetch_slot(const EntityTable *table, uint32 hash)
{
#ifdef __GNUC__
	if (table->slots != NULL)
		__builtin_prefetch(&table->slots[hash & table->mask], 1);
#endif
}

/* Take a row of the registry, as far as it has a key of this kind and type. */
static void
take_row(BlockRead *read, TupleTableSlot *slot)
{
	int			i = read->entries % IN_FLIGHT;
	NameRef		type;
	NameRef		entity;
	EntityRow	row;
	Key			key;

	read->rows++;
	slot_getsomeattrs(slot, ENTITY_OWNER);
	type = slot_name(slot, ENTITY_TYPE);
	entity = slot_name(slot, ENTITY_ENTITY);
	row.organization = slot_name(slot, ENTITY_ORGANIZATION);
	row.owner = slot_name(slot, ENTITY_OWNER);
	if (!name_is(&type, read->type_name.data, read->type_name.len) ||
		entity.len > NAME_MAX_LEN || !has_names(&row) ||
		!convert_key(&key, read->kind, entity.data, entity.len))
		return;
	row.channel = channel_of(TOPIC_ENTITY, entity.data, entity.len);
	if (read->entries - read->kept == IN_FLIGHT)
		keep_next(read);
	read->in_flight[i] = make_entry(read->type, &key, &row, read->stamp);
	read->in_flight[i]->read_along = read->along;
	read->hashes[i] = key.hash;
	read->entries++;
	prefetch_slot(&entity_tables[read->kind], key.hash);
}

static void
read_blocks(Relation rel, Snapshot snapshot, BlockNumber first, int n, BlockRead *read)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "rbac read ahead", ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *slot;
	TableScanDesc scan;
	ItemPointerData from;
	ItemPointerData to;

	MemoryContextSwitchTo(scratch);
	slot = table_slot_create(rel, NULL);
	ItemPointerSet(&from, first, FirstOffsetNumber);
	ItemPointerSet(&to, first + n - 1, MaxOffsetNumber);
	scan = table_beginscan_tidrange(rel, snapshot, &from, &to, SO_NONE);
	while (!is_full() && table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
		take_row(read, slot);
	while (read->kept < read->entries)
		keep_next(read);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

/*
 * A row was found in this block by index.  Go on from there if that is what rows
 * do, or read the block's other rows along if there is credit for them.  Not in
 * serializable transactions, where reading more means conflicting with more.
 */
static void
read_more(TableScan *scan, Snapshot snapshot, int type, KeyKind kind, Stamp stamp)
{
	BlockRead	read = {0};
	BlockNumber block = ItemPointerGetBlockNumber(&scan->tuple->t_self);
	bool		sequential = block == last_block || block == next_block;

	read.type = type;
	read.type_name = type_name(type);
	read.kind = kind;
	read.stamp = stamp;
	last_block = block;
	next_block = block + 1;
	ahead = sequential ? Min(Max(ahead * 2, 1), MAX_AHEAD) : 0;
	credit = Min(credit + LOOKUP_EARNS, MAX_CREDIT);
	if (is_full() || IsolationIsSerializable())
		return;
	if (ahead > 0)
	{
		next_block = block + ahead;
		read_blocks(scan->rel, snapshot, block, ahead, &read);
	}
	else if (credit >= rows_in_block && !is_filled(2))
	{
		read.along = true;
		read_blocks(scan->rel, snapshot, block, 1, &read);
		rows_in_block = read.rows;
		credit -= rows_in_block;
	}
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
			entry = fill_entry(palloc(entry_size(key, &row)), type, key, &row, 0);
		else
		{
			read_more(&scan, snapshot, type, key->kind, stamp);
			entry = make_entry(type, key, &row, stamp);
			entry = keep_entry(&entity_tables[key->kind], key->kind, key->hash, entry);
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
		entity_stats.hits++;
		table->guess = entry->number + 1;
		if (entry->read_along)
		{
			entry->read_along = false;
			credit = Min(credit + LOOKUP_COSTS, MAX_CREDIT);
		}
		return entry;
	}
	if (key->kind == KEY_TEXT && (key->len == 0 || key->len > NAME_MAX_LEN))
		return NULL;			/* no name */
	if (entity_context == NULL || is_full())
		reset_entities();
	entity_stats.misses++;
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
