/*-------------------------------------------------------------------------
 *
 * key.c
 *	  Keys in the forms that applications hold them, see key.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/string.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "key.h"

#define UUID_TEXT_LEN	36

uint64		key_seed;

static const uint64 all_bits = PG_UINT64_MAX;
static const uint64 no_bits = 0;
const KeyFilter any_key = {&all_bits, 0};
const KeyFilter no_key = {&no_bits, 0};

static const char hex_digits[] = "0123456789abcdef";

static bool
is_dash(int position)
{
	return position == 8 || position == 13 || position == 18 || position == 23;
}

/* -1: none, or a capital letter. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Only the form that uuid_out gives. */
static bool
parse_uuid(const char *text, int len, unsigned char *uuid)
{
	int			nibbles = 0;

	if (len != UUID_TEXT_LEN)
		return false;
	for (int i = 0; i < len; i++)
	{
		int			digit;

		if (is_dash(i))
		{
			if (text[i] != '-')
				return false;
			continue;
		}
		digit = hex_digit(text[i]);
		if (digit < 0)
			return false;
		uuid[nibbles / 2] = (uuid[nibbles / 2] << 4) | digit;
		nibbles++;
	}
	return true;
}

static int
format_uuid(const unsigned char *uuid, char *out)
{
	int			nibbles = 0;

	for (int i = 0; i < UUID_TEXT_LEN; i++)
	{
		if (is_dash(i))
			out[i] = '-';
		else
		{
			out[i] = hex_digits[nibbles % 2 ? uuid[nibbles / 2] & 0xF : uuid[nibbles / 2] >> 4];
			nibbles++;
		}
	}
	return UUID_TEXT_LEN;
}

/* Only the form that int8out gives. */
static bool
parse_integer(const char *text, int len, int64 *value)
{
	char		buffer[MAXINT8LEN + 1];
	char		again[MAXINT8LEN + 1];
	char	   *end;

	if (len < 1 || len > MAXINT8LEN)
		return false;
	memcpy(buffer, text, len);
	buffer[len] = '\0';
	errno = 0;
	*value = strtoll(buffer, &end, 10);
	return errno == 0 && pg_lltoa(*value, again) == len && memcmp(buffer, again, len) == 0;
}

/*
 * Make the key of a given kind whose text form is this; false if there is none.
 * A uuid or an integer is put into the room that is given.
 */
static bool
convert_into(char *room, Key *key, KeyKind kind, const char *text, int len)
{
	int64		value;

	switch (kind)
	{
		case KEY_TEXT:
			*key = make_key(kind, text, len);
			return true;
		case KEY_UUID:
			if (!parse_uuid(text, len, (unsigned char *) room))
				return false;
			*key = make_key(kind, room, UUID_LEN);
			return true;
		case KEY_INTEGER:
			if (!parse_integer(text, len, &value))
				return false;
			memcpy(room, &value, sizeof(value));
			*key = make_key(kind, room, sizeof(value));
			return true;
		case KEY_NONE:
			break;
	}
	return false;
}

/* The same, with its data allocated, except that of a text. */
bool
convert_key(Key *key, KeyKind kind, const char *text, int len)
{
	key->kind = KEY_NONE;
	return convert_into(kind == KEY_TEXT ? NULL : palloc0(UUID_LEN), key, kind, text, len);
}

/* The text form of a key: a text's own bytes, of others in the buffer. */
NameRef
key_text(const Key *key, char buffer[KEY_TEXT_MAX])
{
	int64		value;

	switch (key->kind)
	{
		case KEY_UUID:
			return name_ref(buffer, format_uuid((const unsigned char *) key->data, buffer));
		case KEY_INTEGER:
			memcpy(&value, key->data, sizeof(value));
			return name_ref(buffer, pg_lltoa(value, buffer));
		default:
			return name_ref(key->data, key->len);
	}
}

static void *
alloc_zero(Size size)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static void
add_item(KeyTable *table, uint64 *words, uint32 item, const Key *key)
{
	KeySlot    *slot = &table->slots[key->hash & table->mask];

	while (slot->data != NULL)
		slot = &table->slots[(slot - table->slots + 1) & table->mask];
	slot->data = key->data;
	slot->tag = key_tag(key);
	slot->item = item;
	words[key->hash & table->filter.mask] |= filter_bits(key->hash);
}

/*
 * A table of n names, each of them a NameRef `stride` bytes after the one
 * before.  The names stay where they are.
 */
KeyTable *
build_key_table(KeyKind kind, const void *names, Size stride, int n)
{
	KeyTable   *table = palloc(sizeof(KeyTable));
	Size		fixed_len = kind == KEY_UUID ? UUID_LEN : kind == KEY_INTEGER ? sizeof(int64) : 0;
	char	   *fixed = alloc_zero(n * fixed_len);
	uint64		size = 8;
	uint64	   *words;

	while (size * 4 < (uint64) n * 5)
		size *= 2;
	table->mask = size - 1;
	table->slots = alloc_zero(size * sizeof(KeySlot));
	table->filter.mask = size / 4 - 1;
	table->filter.words = words = alloc_zero(size / 4 * sizeof(uint64));
	for (int item = 0; item < n; item++)
	{
		const NameRef *name = (const NameRef *) ((const char *) names + item * stride);
		Key			key;

		if (name->len <= NAME_MAX_LEN && convert_into(fixed + item * fixed_len, &key, kind, name->data, name->len))
			add_item(table, words, item, &key);
	}
	return table;
}
