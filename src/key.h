/*-------------------------------------------------------------------------
 *
 * key.h
 *	  Keys of entities and organizations as applications hold them (text, uuid
 *	  or an integer), and a read-only hash table from keys to numbers.
 *
 * The tables of the schema hold text.  A uuid or an integer stands for its
 * text form, and is compared without being converted: a text takes part in a
 * uuid's or an integer's table only if it is exactly the form that the type's
 * output function gives.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_KEY_H
#define RBAC_KEY_H

#include "names.h"

typedef enum KeyKind
{
	KEY_NONE = -1,
	KEY_TEXT,
	KEY_UUID,
	KEY_INTEGER
} KeyKind;

#define KEY_KINDS	3
#define KEY_TEXT_MAX	(NAME_MAX_LEN + 1)	/* room for any key as text */

typedef struct Key
{
	KeyKind		kind;
	uint32		hash;			/* never zero */
	int			len;
	const char *data;			/* the text, 16 bytes, or an int64 */
} Key;

/*
 * Most of what is asked for is in no list.  Of each key that is in it, a filter
 * has two bits set in one of its words, so that a miss mostly costs one load.
 * The words take three to five bytes a key: those of 100,000 keys stay in a
 * CPU's cache.
 */
typedef struct KeyFilter
{
	const uint64 *words;
	uint32		mask;
} KeyFilter;

typedef struct KeySlot
{
	const char *data;			/* NULL: free */
	uint32		tag;
	uint32		item;
} KeySlot;

/*
 * Maps keys of one kind to numbers below n.  A key may stand for several.  Up to
 * four fifths of the slots are taken: few that are not there get past the filter.
 */
typedef struct KeyTable
{
	uint32		mask;
	KeySlot    *slots;
	KeyFilter	filter;
} KeyTable;

#pragma GCC visibility push(hidden)

extern uint64 key_seed;
extern const KeyFilter any_key;
extern const KeyFilter no_key;

extern bool convert_key(Key *key, KeyKind kind, const char *text, int len);
extern NameRef key_text(const Key *key, char buffer[KEY_TEXT_MAX]);
extern KeyTable *build_key_table(KeyKind kind, const void *names, Size stride, int n);

#pragma GCC visibility pop

static inline uint64
mix64(uint64 h)
{
	h *= UINT64CONST(0x9E3779B97F4A7C15);
	return h ^ (h >> 32);
}

/* Fewer than eight bytes, as a number. */
static inline uint64
load_short(const char *p, int len)
{
	uint64		v = 0;

	for (int i = 0; i < len; i++)
		v = v << 8 | (unsigned char) p[i];
	return v;
}

/* Two lanes, so that one multiplication need not wait for the other. */
static inline uint32
hash_key(const char *data, int len)
{
	uint64		a = key_seed ^ (uint64) len;
	uint64		b = key_seed;
	const char *end = data + len;
	uint32		result;

	for (; end - data > 16; data += 16)
	{
		a = mix64(a ^ load64(data));
		b = mix64(b ^ load64(data + 8));
	}
	if (end - data > 8)
	{
		a = mix64(a ^ load64(data));
		b = mix64(b ^ load64(end - 8));
	}
	else if (len >= 8)
		a = mix64(a ^ load64(end - 8));
	else
		a = mix64(a ^ load_short(data, len));
	result = (uint32) (mix64(a ^ (b << 1)) >> 16);
	return result == 0 ? 1 : result;
}

static inline Key
make_key(KeyKind kind, const char *data, int len)
{
	Key			key = {kind, hash_key(data, len), len, data};

	return key;
}

static inline uint64
filter_bits(uint32 hash)
{
	return UINT64CONST(1) << (hash >> 26) | UINT64CONST(1) << (hash >> 20 & 63);
}

static inline bool
may_contain(KeyFilter filter, uint32 hash)
{
	return (~filter.words[hash & filter.mask] & filter_bits(hash)) == 0;
}

/* The key's length, and as much of its hash as has room; of no key that is too long. */
static inline uint32
key_tag(const Key *key)
{
	return (key->hash & ~(uint32) 0xFF) | key->len;
}

/*
 * Walk over the items of a key: start with *position = key->hash; -1 when there
 * are no more.
 */
static inline int
next_item(const KeyTable *table, const Key *key, uint32 *position)
{
	uint32		tag = key_tag(key);

	if (!may_contain(table->filter, key->hash) || key->len > NAME_MAX_LEN)
		return -1;
	for (uint32 i = *position & table->mask; table->slots[i].data != NULL; i = (i + 1) & table->mask)
	{
		const KeySlot *slot = &table->slots[i];

		if (slot->tag == tag && bytes_equal(slot->data, key->data, key->len))
		{
			*position = i + 1;
			return slot->item;
		}
	}
	return -1;
}

#endif							/* RBAC_KEY_H */
