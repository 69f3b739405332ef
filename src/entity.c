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

/* One table for each kind of key, at most half full. */
typedef struct EntityTable
{
	uint32		mask;
	uint32		count;
	EntityEntry **slots;		/* NULL: free */
} EntityTable;

#define INITIAL_SLOTS	1024

static MemoryContext entity_context = NULL;
static EntityTable entity_tables[KEY_KINDS];

static EntityEntry **
alloc_slots(uint32 n)
{
	return MemoryContextAllocExtended(entity_context, n * sizeof(EntityEntry *),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static void
reset_entities(void)
{
	if (entity_context == NULL)
		entity_context = AllocSetContextCreate(CacheMemoryContext, "rbac entities", ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(entity_context);
	memset(entity_tables, 0, sizeof(entity_tables));
}

/* The slot that holds the entity, or the free one where it belongs. */
static EntityEntry **
find_slot(const EntityTable *table, int type, const Key *key)
{
	uint32		i = key->hash & table->mask;

	while (table->slots[i] != NULL &&
		   !(table->slots[i]->type == type && key_equal(&table->slots[i]->key, key)))
		i = (i + 1) & table->mask;
	return &table->slots[i];
}

static void
grow(EntityTable *table)
{
	EntityTable old = *table;

	table->mask = old.slots == NULL ? INITIAL_SLOTS - 1 : old.mask * 2 + 1;
	table->slots = alloc_slots(table->mask + 1);
	for (uint32 i = 0; old.slots != NULL && i <= old.mask; i++)
		if (old.slots[i] != NULL)
			*find_slot(table, old.slots[i]->type, &old.slots[i]->key) = old.slots[i];
	if (old.slots != NULL)
		pfree(old.slots);
}

/* One allocation holds the entry and the bytes that it points at. */
static EntityEntry *
make_entry(MemoryContext context, int type, const Key *key, TableScan *row)
{
	NameRef		organization;
	NameRef		owner;
	EntityEntry *entry;
	char	   *data;

	row_name(row, ENTITY_ORGANIZATION, &organization);
	row_name(row, ENTITY_OWNER, &owner);
	entry = MemoryContextAllocZero(context, sizeof(EntityEntry) + key->len + organization.len + owner.len);
	data = (char *) (entry + 1);
	entry->type = type;
	entry->key = *key;
	entry->key.data = memcpy(data, key->data, key->len);
	data += key->len;
	entry->organization = (NameRef) {memcpy(data, organization.data, organization.len), organization.len};
	data += organization.len;
	if (owner.data != NULL)
		entry->owner = (NameRef) {memcpy(data, owner.data, owner.len), owner.len};
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
	EntityEntry **slot;
	EntityEntry *entry;

	if (table->slots != NULL)
	{
		entry = *find_slot(table, type, key);
		if (entry != NULL && !changed_since(entry->channel, entry->stamp))
			return entry;
	}
	if (key->kind == KEY_TEXT && (key->len == 0 || key->len >= KEY_TEXT_MAX))
		return NULL;			/* no name */
	make_room(table);
	entry = read_entity(type, key);
	if (entry == NULL || entry->stamp == 0)
		return entry;
	slot = find_slot(table, type, key);
	if (*slot != NULL)
		pfree(*slot);
	else
		table->count++;
	*slot = entry;
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
