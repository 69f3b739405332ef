/*-------------------------------------------------------------------------
 *
 * entity.c
 *	  What the registry, rbac.entities, knows about an entity.
 *
 * Entities that were asked for are kept until they change.  Those that are not
 * registered are not kept, so that registering one has nobody to tell.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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
	EntitySlot *slots;
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
		memcmp(entry->data, key->data, key->len) == 0;
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

static void
grow(EntityTable *table)
{
	EntityTable old = *table;

	table->mask = old.slots == NULL ? INITIAL_SLOTS - 1 : old.mask * 2 + 1;
	table->slots = MemoryContextAllocExtended(entity_context, (table->mask + (Size) 1) * sizeof(EntitySlot),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (old.slots == NULL)
		return;
	for (uint32 i = 0; i <= old.mask; i++)
	{
		uint32		j = old.slots[i].hash & table->mask;

		if (old.slots[i].hash == 0)
			continue;
		while (table->slots[j].hash != 0)
			j = (j + 1) & table->mask;
		table->slots[j] = old.slots[i];
	}
	pfree(old.slots);
}

static EntityEntry *
make_entry(MemoryContext context, int type, const Key *key, TableScan *row)
{
	NameRef		organization;
	NameRef		owner;
	EntityEntry *entry;

	row_name(row, ENTITY_ORGANIZATION, &organization);
	row_name(row, ENTITY_OWNER, &owner);
	entry = MemoryContextAllocZero(context, offsetof(EntityEntry, data) +
								   key->len + organization.len + owner.len);
	entry->type = type;
	entry->key_len = key->len;
	entry->organization_len = organization.len;
	entry->owner_len = owner.len;
	entry->has_owner = owner.data != NULL;
	memcpy(entry->data, key->data, key->len);
	memcpy(entry->data + key->len, organization.data, organization.len);
	if (entry->has_owner)
		memcpy(entry->data + key->len + organization.len, owner.data, owner.len);
	return entry;
}

static bool
begin_entity_scan(TableScan *scan, Snapshot snapshot, int type, const Key *key)
{
	char		buffer[KEY_TEXT_MAX];
	NameRef		keys[2] = {type_name(type), key_text(key, buffer)};

	begin_scan(scan, ENTITY_BY_KEY, snapshot, keys);
	return next_row(scan);
}

/* Read an entity's row; NULL if there is none. */
static EntityEntry *
read_entity(int type, const Key *key)
{
	Stamp		stamp = invalidation_stamp;
	Snapshot	snapshot = latest_snapshot();
	bool		keep = !reading_own_command();
	EntityEntry *entry = NULL;
	TableScan	scan;

	if (begin_entity_scan(&scan, snapshot, type, key))
	{
		char		buffer[KEY_TEXT_MAX];
		NameRef		name = key_text(key, buffer);

		entry = make_entry(keep ? entity_context : CurrentMemoryContext, type, key, &scan);
		entry->channel = channel_of(TOPIC_ENTITY, name.data, name.len);
		entry->stamp = keep ? stamp : 0;
	}
	end_scan(&scan);
	UnregisterSnapshot(snapshot);
	/* for the caller to compare with what it has read before */
	receive_invalidations();
	return entry;
}

/* Half of the cache's room is for entities; when it is full, begin anew. */
static void
make_room(EntityTable *table)
{
	Size		limit = (Size) rbac_cache_size * 1024 / 2;

	if (entity_context == NULL || MemoryContextMemAllocated(entity_context, false) > limit)
		reset_entities();
	if (table->slots == NULL || table->count >= table->mask / 2)
		grow(table);
}

/*
 * The entity of that type and key, or NULL if it is not registered.  The entry
 * is good until the next call.
 */
EntityEntry *
lookup_entity(int type, const Key *key)
{
	EntityTable *table = &entity_tables[key->kind];
	EntitySlot *slot;
	EntityEntry *entry;

	if (table->slots != NULL)
	{
		slot = find_slot(table, type, key);
		if (slot->hash != 0 && !changed_since(slot->entry->channel, slot->entry->stamp))
			return slot->entry;
	}
	if (key->kind == KEY_TEXT && (key->len == 0 || key->len >= KEY_TEXT_MAX))
		return NULL;			/* no name */
	make_room(table);
	entry = read_entity(type, key);
	if (entry == NULL || entry->stamp == 0)
		return entry;
	slot = find_slot(table, type, key);
	if (slot->hash != 0)
		pfree(slot->entry);
	else
		table->count++;
	slot->hash = key->hash;
	slot->entry = entry;
	return entry;
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
	return tags;
}
