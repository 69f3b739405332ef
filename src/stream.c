/*-------------------------------------------------------------------------
 *
 * stream.c
 *	  Names from several index scans, merged in the order of their bytes.
 *
 * A page of a long list must not cost more than what is on it.  Each source of
 * names is an index scan that gives them in order, and is read a few rows at a
 * time, only as far as the names that are wanted.  Between these batches no scan is
 * open, however many sources there are; the next one begins after the last row.
 *
 * A source may pass over rows, say those that have expired.  A batch of which the
 * last row was passed over ends with a mark: nothing more comes up to there.  So
 * rows are not passed over for long while other sources have smaller names.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/pairingheap.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "rbac_internal.h"

#define FIRST_BATCH	4			/* rows; each batch is twice the one before */
#define LAST_BATCH	1024

typedef struct StreamItem
{
	NameRef		name;
	bool		accepted;		/* or a mark */
} StreamItem;

typedef struct Stream
{
	pairingheap_node node;		/* ordered by the next item */
	Merge	   *merge;
	Lookup		lookup;
	NameRef		keys[MAX_KEYS]; /* all but the last, which is the name */
	AcceptRow	accept;
	void	   *arg;
	StreamItem *items;
	int			nitems;
	int			maxitems;
	int			next;
	int			batch;
	bool		exhausted;		/* there are no rows after these items */
} Stream;

struct Merge
{
	MemoryContext context;
	MemoryContext scratch;		/* for one batch */
	Snapshot	snapshot;
	NameRef		after;			/* data is NULL: from the beginning */
	NameRef		last;			/* returned last; data is NULL: none */
	pairingheap heap;
};

static int
compare_streams(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const Stream *s = pairingheap_const_container(Stream, node, a);
	const Stream *t = pairingheap_const_container(Stream, node, b);

	/* the least one shall be first, which is the greatest for the heap */
	return name_cmp(&t->items[t->next].name, &s->items[s->next].name);
}

/* All rows are read from this snapshot, and names come after a name, or NULL. */
Merge *
begin_merge(Snapshot snapshot, const NameRef *after)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rbac merge", ALLOCSET_DEFAULT_SIZES);
	Merge	   *merge = MemoryContextAllocZero(context, sizeof(Merge));

	merge->context = context;
	merge->scratch = AllocSetContextCreate(context, "rbac merge batch", ALLOCSET_DEFAULT_SIZES);
	merge->snapshot = snapshot;
	if (after != NULL)
		merge->after = *after;
	merge->heap.ph_compare = compare_streams;
	return merge;
}

void
end_merge(Merge *merge)
{
	MemoryContextDelete(merge->context);
}

static void
append_item(Stream *stream, const NameRef *name, bool accepted)
{
	MemoryContext context = stream->merge->context;

	if (stream->nitems == stream->maxitems)
	{
		stream->maxitems = Max(FIRST_BATCH, 2 * stream->maxitems);
		if (stream->items == NULL)
			stream->items = MemoryContextAlloc(context, stream->maxitems * sizeof(StreamItem));
		else
			stream->items = repalloc_huge(stream->items, stream->maxitems * sizeof(StreamItem));
	}
	stream->items[stream->nitems].name = copy_name(context, name);
	stream->items[stream->nitems].accepted = accepted;
	stream->nitems++;
}

static int
compare_items(const void *a, const void *b)
{
	return name_cmp(&((const StreamItem *) a)->name, &((const StreamItem *) b)->name);
}

/* Up to so many rows after that name; all of them if no index gives the order. */
static void
read_rows(Stream *stream, const NameRef *after)
{
	AttrNumber	column = last_key_column(stream->lookup);
	bool		accepted = true;
	NameRef		name;
	TableScan	scan;
	bool		ordered = begin_ordered_scan(&scan, stream->lookup, stream->merge->snapshot, stream->keys, after);

	stream->exhausted = true;
	for (int rows = 0; next_row(&scan); rows++)
	{
		CHECK_FOR_INTERRUPTS();
		if (ordered && rows == stream->batch)
		{
			stream->exhausted = false;
			break;
		}
		if (!row_name(&scan, column, &name))
			continue;			/* rules without an entity, which come last */
		accepted = stream->accept(stream->arg, &scan, &name);
		if (accepted || (ordered && rows == stream->batch - 1))
			append_item(stream, &name, accepted);
	}
	end_scan(&scan);
	if (!ordered)
		qsort(stream->items, stream->nitems, sizeof(StreamItem), compare_items);
	stream->batch = Min(2 * stream->batch, LAST_BATCH);
}

/* Read on; what was read before is used up. */
static void
refill(Stream *stream, const NameRef *after)
{
	MemoryContext old = MemoryContextSwitchTo(stream->merge->scratch);

	stream->next = stream->nitems = 0;
	read_rows(stream, after);
	MemoryContextSwitchTo(old);
	MemoryContextReset(stream->merge->scratch);
	if (stream->nitems > 0)
		pairingheap_add(&stream->merge->heap, &stream->node);
}

/*
 * The last key column of the rows with these keys, as far as they are accepted.
 * No two rows may have all of the lookup's keys in common.  The keys must stay.
 */
void
add_stream(Merge *merge, Lookup lookup, const NameRef *keys, int nkeys, AcceptRow accept, void *arg)
{
	Stream	   *stream = MemoryContextAllocZero(merge->context, sizeof(Stream));

	stream->merge = merge;
	stream->lookup = lookup;
	memcpy(stream->keys, keys, nkeys * sizeof(NameRef));
	stream->accept = accept;
	stream->arg = arg;
	stream->batch = FIRST_BATCH;
	refill(stream, merge->after.data != NULL ? &merge->after : NULL);
}

/* A single name. */
void
add_to_merge(Merge *merge, const NameRef *name)
{
	Stream	   *stream;

	if (merge->after.data != NULL && name_cmp(name, &merge->after) <= 0)
		return;
	stream = MemoryContextAllocZero(merge->context, sizeof(Stream));
	stream->merge = merge;
	stream->exhausted = true;
	append_item(stream, name, true);
	pairingheap_add(&merge->heap, &stream->node);
}

/* The stream's first item is used up, but for its name. */
static void
advance(Stream *stream)
{
	Merge	   *merge = stream->merge;

	pairingheap_remove(&merge->heap, &stream->node);
	if (++stream->next < stream->nitems)
		pairingheap_add(&merge->heap, &stream->node);
	else if (!stream->exhausted)
	{
		NameRef		read_to = stream->items[stream->next - 1].name;

		refill(stream, &read_to);
	}
	else
	{
		if (stream->items != NULL)
			pfree(stream->items);
		pfree(stream);
	}
}

static void
forget_name(NameRef *name)
{
	if (name->data != NULL)
		pfree((char *) name->data);
}

/* The next name, each one once; false if there are no more.  It is good until the next call. */
bool
next_merged(Merge *merge, NameRef *name)
{
	while (!pairingheap_is_empty(&merge->heap))
	{
		Stream	   *stream = pairingheap_container(Stream, node, pairingheap_first(&merge->heap));
		StreamItem	item = stream->items[stream->next];

		advance(stream);
		if (item.accepted && (merge->last.data == NULL || name_cmp(&item.name, &merge->last) != 0))
		{
			forget_name(&merge->last);
			*name = merge->last = item.name;
			return true;
		}
		forget_name(&item.name);
	}
	return false;
}

/* ---- one of each ---- */

/*
 * The least name after *name (without data: of all) in the last key column, among
 * the rows with these keys, put into *name as a copy; false if there is none.
 */
bool
next_distinct(Lookup lookup, Snapshot snapshot, const NameRef *keys, NameRef *name)
{
	AttrNumber	column = last_key_column(lookup);
	NameRef		least = {NULL, 0};
	NameRef		found;
	TableScan	scan;
	bool		ordered = begin_ordered_scan(&scan, lookup, snapshot, keys, name->data != NULL ? name : NULL);

	while (!(ordered && least.data != NULL) && next_row(&scan))
		if (row_name(&scan, column, &found) && (least.data == NULL || name_cmp(&found, &least) < 0))
			least = copy_name(CurrentMemoryContext, &found);
	end_scan(&scan);
	*name = least;
	return least.data != NULL;
}
