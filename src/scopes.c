/*-------------------------------------------------------------------------
 *
 * scopes.c
 *	  Scopes, and sets of them, inside a backend.
 *
 * Every scope that a backend meets gets a number: its stored bit if it is built
 * in, the next free one otherwise.  Sets of scopes are bitmaps over these
 * numbers while they are cached, whatever they are made of.  As a scope has one
 * entity type for ever, a bitmap needs no types beside it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/varlena.h"
#include "utils/memutils.h"

#include "rbac.h"
#include "rbac_internal.h"

#define ORGANIZATION_TYPE	"organization"

static MemoryContext scopes_context = NULL;
static HTAB *scopes_by_name;
static ScopeEntry **scopes_by_bit;	/* NULL: a built-in one not met so far */
static int	nbits;				/* in use or reserved */
static int	maxbits;
static NameRef *types;			/* by number */
static int	ntypes;

static void
init_scopes(void)
{
	NameRef		organization = cstring_ref(ORGANIZATION_TYPE);
	MemoryContext context;

	if (scopes_context != NULL)
		return;
	context = AllocSetContextCreate(CacheMemoryContext, "rbac scopes", ALLOCSET_DEFAULT_SIZES);
	scopes_by_name = create_name_hash("rbac scopes", sizeof(ScopeEntry), context);
	maxbits = 2 * BUILTIN_SCOPES;
	scopes_by_bit = MemoryContextAllocZero(context, maxbits * sizeof(ScopeEntry *));
	nbits = BUILTIN_SCOPES;
	types = MemoryContextAlloc(context, sizeof(NameRef));
	types[TYPE_ORGANIZATION] = copy_name(context, &organization);
	ntypes = 1;
	scopes_context = context;
}

/* -1: not met yet */
static int
find_type(const NameRef *type)
{
	init_scopes();
	for (int i = 0; i < ntypes; i++)
		if (name_is(type, types[i].data, types[i].len))
			return i;
	return -1;
}

bool
type_is_met(const NameRef *type)
{
	return find_type(type) >= 0;
}

/* Numbers of entity types; TYPE_ORGANIZATION is always that of organizations. */
int
type_number(const NameRef *type)
{
	int			number = find_type(type);

	if (number >= 0)
		return number;
	types = repalloc(types, (ntypes + 1) * sizeof(NameRef));
	types[ntypes] = copy_name(scopes_context, type);
	return ntypes++;
}

/* How many have been met. */
int
entity_types(void)
{
	init_scopes();
	return ntypes;
}

NameRef
type_name(int type)
{
	return types[type];
}

static int
builtin_type(int bit)
{
	NameRef		type = cstring_ref(builtin_scopes[bit].entity_type);

	return type_number(&type);
}

static int
next_bit(void)
{
	if (nbits == maxbits)
	{
		scopes_by_bit = repalloc(scopes_by_bit, sizeof(ScopeEntry *) * 2 * maxbits);
		memset(scopes_by_bit + maxbits, 0, maxbits * sizeof(ScopeEntry *));
		maxbits *= 2;
	}
	return nbits++;
}

static ScopeEntry *
find_scope(const NameRef *name)
{
	init_scopes();
	return hash_search(scopes_by_name, name, HASH_FIND, NULL);
}

/* The number of a scope, registered or not.  Only for names in our tables. */
static ScopeEntry *
meet_scope(const NameRef *name)
{
	ScopeEntry *entry = find_scope(name);
	NameRef		copy;
	int			bit;
	int			type = -1;

	if (entry != NULL)
		return entry;
	copy = copy_name(scopes_context, name);
	bit = builtin_scope(name->data, name->len);
	if (bit < 0)
		bit = next_bit();
	else
		type = builtin_type(bit);
	entry = hash_search(scopes_by_name, &copy, HASH_ENTER, NULL);
	entry->name = copy;
	entry->bit = bit;
	entry->type = type;
	entry->registered = false;
	entry->stamp = 0;
	scopes_by_bit[bit] = entry;
	return entry;
}

static ScopeEntry *
scope_of_bit(int bit)
{
	if (scopes_by_bit[bit] == NULL)
	{
		NameRef		name = cstring_ref(builtin_scopes[bit].name);

		return meet_scope(&name);
	}
	return scopes_by_bit[bit];
}

static bool
is_registered(const ScopeEntry *entry)
{
	static int	channel = -1;

	if (channel < 0)
		channel = channel_of(TOPIC_CATALOG, "", 0);
	return entry->bit < BUILTIN_SCOPES || (entry->registered && !changed_since(channel, entry->stamp));
}

/* Look for a scope's row; NULL if there is none. */
static ScopeEntry *
read_scope(const NameRef *name)
{
	Stamp		stamp = invalidation_stamp;
	ScopeEntry *entry = find_scope(name);
	bool		found;
	TableScan	scan;

	begin_scan(&scan, SCOPE_BY_NAME, NULL, name);
	found = next_row(&scan);
	if (found)
	{
		NameRef		type;

		row_name(&scan, SCOPE_ENTITY_TYPE, &type);
		entry = meet_scope(name);
		entry->type = type_number(&type);
		entry->stamp = stamp;
	}
	end_scan(&scan);
	if (entry != NULL)
		entry->registered = found && !reading_own_command();
	return found ? entry : NULL;
}

/*
 * The scope of that name, if it is registered, as built-in ones always are.  An
 * unknown name is not remembered, so that registering scopes invalidates nothing.
 */
ScopeEntry *
lookup_scope(const char *data, int len)
{
	static ScopeEntry *latest = NULL;
	NameRef		name = {data, len};
	ScopeEntry *entry = latest;

	if (entry == NULL || !name_is(&name, entry->name.data, entry->name.len))
		entry = find_scope(&name);
	if (entry != NULL && is_registered(entry))
		return latest = entry;
	if (len > SCOPE_NAME_MAX)
		return NULL;
	return builtin_scope(data, len) >= 0 ? meet_scope(&name) : read_scope(&name);
}

/* The scope of that name, if a snapshot has it, be it registered now or not. */
ScopeEntry *
scope_as_of(const NameRef *name, Snapshot snapshot)
{
	ScopeEntry *entry = NULL;
	TableScan	scan;

	begin_scan(&scan, SCOPE_BY_NAME, snapshot, name);
	if (next_row(&scan))
	{
		NameRef		type;

		row_name(&scan, SCOPE_ENTITY_TYPE, &type);
		entry = meet_scope(name);
		entry->type = type_number(&type);
	}
	end_scan(&scan);
	return entry;
}

bool
scope_is_registered(const char *name, int len)
{
	return lookup_scope(name, len) != NULL;
}

ScopeEntry *
require_scope_entry(const char *name, int len)
{
	ScopeEntry *entry = lookup_scope(name, len);

	if (entry == NULL)
		report_unknown_scope(name, len, NULL);
	return entry;
}

/* The registered name with the least edit distance, if it is near; or NULL. */
char *
nearest_scope(const char *name, int len)
{
	TableScan	scan;
	int			best = Max(2, len / 3);
	char	   *nearest = NULL;

	begin_scan(&scan, SCOPES, NULL, NULL);
	while (len <= SCOPE_NAME_MAX && next_row(&scan))
	{
		NameRef		candidate;
		int			distance;

		row_name(&scan, SCOPE_NAME, &candidate);
		distance = varstr_levenshtein_less_equal(name, len, candidate.data, candidate.len,
												 1, 1, 1, best, true);
		if (distance > best || (distance == best && nearest != NULL))
			continue;
		best = distance;
		nearest = pnstrdup(candidate.data, candidate.len);
	}
	end_scan(&scan);
	return nearest;
}

static Bits *
alloc_bits(void)
{
	int			nwords = (nbits + 63) / 64;
	Bits	   *bits = palloc0(offsetof(Bits, words) + nwords * sizeof(uint64));

	bits->nwords = nwords;
	return bits;
}

static void
set_bit(Bits *bits, int bit)
{
	bits->words[bit / 64] |= UINT64CONST(1) << (bit % 64);
}

Bits *
bits_of_one(int bit)
{
	Bits	   *bits = alloc_bits();

	set_bit(bits, bit);
	return bits;
}

/*
 * A stored set, whose scopes are all of this type; but for one that will be refused
 * when deferred constraints are checked, so that what rbac.scopes says goes first.
 */
static Bits *
bits_of_scopeset(ScopeSetView set, int type)
{
	ScopeSetIterator it = {set, BUILTIN_SCOPES, set.names};
	NameRef		name;
	int			bit;
	Bits	   *bits;

	/* those that have no stored bit: the words are the bits of the others */
	while (scopeset_next(&it, &name, &bit))
	{
		ScopeEntry *entry = meet_scope(&name);

		if (!is_registered(entry))
			entry->type = type;
	}
	bits = alloc_bits();
	scopeset_words(set, bits->words);
	it.name = set.names;
	while (scopeset_next(&it, &name, &bit))
		set_bit(bits, meet_scope(&name)->bit);
	return bits;
}

/* The scopes of a permission set, allocated there; NULL if there is no such. */
Bits *
bits_of_set(const NameRef *set, Snapshot snapshot, MemoryContext context)
{
	TableScan	scan;
	Bits	   *bits = NULL;

	begin_scan(&scan, PERMISSION_SET_BY_NAME, snapshot, set);
	if (next_row(&scan))
	{
		bool		isnull;
		ScopeSetView scopes = DatumGetScopeSetView(row_value(&scan, SET_SCOPES, &isnull));
		MemoryContext old;
		NameRef		type;

		row_name(&scan, SET_ENTITY_TYPE, &type);
		old = MemoryContextSwitchTo(context);
		bits = bits_of_scopeset(scopes, type_number(&type));
		MemoryContextSwitchTo(old);
	}
	end_scan(&scan);
	return bits;
}

static Bits *
bits_of_rows(Lookup lookup, const NameRef *keys, Snapshot snapshot)
{
	TableScan	scan;
	List	   *found = NIL;
	ListCell   *cell;
	Bits	   *bits;

	begin_scan(&scan, lookup, snapshot, keys);
	while (next_row(&scan))
	{
		ScopeEntry *entry;
		NameRef		name;
		NameRef		type;

		row_name(&scan, SCOPE_NAME, &name);
		row_name(&scan, SCOPE_ENTITY_TYPE, &type);
		entry = meet_scope(&name);
		entry->type = type_number(&type);
		found = lappend_int(found, entry->bit);
	}
	end_scan(&scan);
	bits = alloc_bits();
	foreach(cell, found)
		set_bit(bits, lfirst_int(cell));
	return bits;
}

/* All registered scopes of a type. */
Bits *
bits_of_type(int type, Snapshot snapshot)
{
	NameRef		name = type_name(type);

	return bits_of_rows(SCOPES_BY_ENTITY_TYPE, &name, snapshot);
}

/* All registered scopes. */
Bits *
bits_of_everything(Snapshot snapshot)
{
	return bits_of_rows(SCOPES, NULL, snapshot);
}

static bool
bits_include(const Bits *a, const Bits *b)
{
	for (int i = 0; i < b->nwords; i++)
		if ((b->words[i] & ~(i < a->nwords ? a->words[i] : 0)) != 0)
			return false;
	return true;
}

/* Either may be NULL, which is empty; the result is new, or one of the two. */
const Bits *
bits_union(const Bits *a, const Bits *b)
{
	Bits	   *result;

	if (b == NULL || (a != NULL && bits_include(a, b)))
		return a;
	if (a == NULL)
		return b;
	result = alloc_bits();
	for (int i = 0; i < a->nwords; i++)
		result->words[i] = a->words[i];
	for (int i = 0; i < b->nwords; i++)
		result->words[i] |= b->words[i];
	return result;
}

/* What is in a and not in b, either of which may be NULL; NULL if there is nothing. */
const Bits *
bits_minus(const Bits *a, const Bits *b)
{
	Bits	   *result;

	if (a == NULL || b == NULL)
		return a;
	if (bits_include(b, a))
		return NULL;
	result = alloc_bits();
	for (int i = 0; i < a->nwords; i++)
		result->words[i] = a->words[i] & ~(i < b->nwords ? b->words[i] : 0);
	return result;
}

/* The scopes of one entity type (-1: of all) that are in a set, as a value. */
ScopeSet *
bits_to_scopeset(const Bits *bits, int type)
{
	ScopeSetBuilder builder = {0};

	for (int bit = 0; bits != NULL && bit < bits->nwords * 64; bit++)
	{
		ScopeEntry *entry;

		if (!has_bit(bits, bit))
			continue;
		entry = scope_of_bit(bit);
		if (type < 0 || entry->type == type)
			scopeset_builder_add(&builder, entry->name.data, entry->name.len);
	}
	return scopeset_build(&builder);
}
