/*-------------------------------------------------------------------------
 *
 * scopeset.c
 *	  Sets of scopes: stored form and algebra, without the function manager.
 *
 * Nothing here reports errors or knows which scopes are registered, so that
 * the file can be tested, and fuzzed, outside a server.
 *
 * "Packed" names are those of the stored form: a length byte each, then as
 * many bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "port/pg_bitutils.h"
#include "scopeset.h"
#include "utils/memutils.h"

#define WORD_BITS	64

/* Fold newcomers into the sorted run no earlier than at so many bytes. */
#ifndef FOLD_MIN
#define FOLD_MIN	8192
#endif

/* Which of its operands' scopes an operation keeps. */
#define ONLY_A	0x01
#define BOTH	0x02
#define ONLY_B	0x04

/* ---- names ---- */

static inline bool
is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static inline bool
is_word_char(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

/* The end of the word that begins at p, or NULL if none does. */
static const char *
skip_word(const char *p, const char *end)
{
	if (p == end || !is_letter(*p))
		return NULL;
	while (p < end && is_word_char(*p))
		p++;
	return p;
}

bool
scope_name_is_valid(const char *name, int len)
{
	const char *end = name + len;
	const char *colon;

	if (len > SCOPE_NAME_MAX)
		return false;
	colon = skip_word(name, end);
	return colon != NULL && colon < end && *colon == ':' &&
		skip_word(colon + 1, end) == end;
}

/* Byte order, the same in every locale. */
int
scope_name_cmp(const char *a, int alen, const char *b, int blen)
{
	int			cmp = memcmp(a, b, Min(alen, blen));

	return cmp != 0 ? cmp : alen - blen;
}

/* The same, where b is terminated and a holds no zero byte. */
static inline int
scope_name_cmp_cstring(const char *a, int alen, const char *b)
{
	int			i = 0;

	while (i < alen && a[i] == b[i])
		i++;
	if (i < alen)
		return (uint8) a[i] - (uint8) b[i];
	return b[i] == '\0' ? 0 : -1;
}

/* The bit of a built-in scope, or -1; the name must be valid. */
int
builtin_scope(const char *name, int len)
{
	int			low = 0;
	int			high = BUILTIN_SCOPES;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			cmp = scope_name_cmp_cstring(name, len, builtin_scopes[middle].name);

		if (cmp == 0)
			return middle;
		if (cmp < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

static inline int
packed_size(const char *packed)
{
	return 1 + (uint8) *packed;
}

static inline int
packed_cmp(const char *a, const char *b)
{
	return scope_name_cmp(a + 1, (uint8) *a, b + 1, (uint8) *b);
}

static int
packed_cmp_qsort(const void *a, const void *b)
{
	return packed_cmp(*(const char *const *) a, *(const char *const *) b);
}

/* ---- looking into a stored set ---- */

ScopeSetView
scopeset_view(const void *payload, Size len)
{
	const char *p = payload;
	ScopeSetView set;

	set.nwords = (uint8) p[1];
	set.words = p + SCOPESET_HEADER;
	set.names = set.words + set.nwords * sizeof(uint64);
	set.end = p + len;
	return set;
}

void
scopeset_words(ScopeSetView set, uint64 *words)
{
	Size		size = set.nwords * sizeof(uint64);

	memcpy(words, set.words, size);
	memset((char *) words + size, 0, SCOPESET_WORDS * sizeof(uint64) - size);
}

static bool
bitmap_is_canonical(ScopeSetView set)
{
	uint64		words[SCOPESET_WORDS];

	scopeset_words(set, words);
	if (words[SCOPESET_WORDS - 1] >> (BUILTIN_SCOPES % WORD_BITS) != 0)
		return false;
	return set.nwords == 0 || words[set.nwords - 1] != 0;
}

static bool
names_are_canonical(ScopeSetView set)
{
	const char *last = NULL;

	for (const char *p = set.names; p < set.end; p += packed_size(p))
	{
		if (set.end - p < packed_size(p) ||
			!scope_name_is_valid(p + 1, (uint8) *p) ||
			builtin_scope(p + 1, (uint8) *p) >= 0)
			return false;
		if (last != NULL && packed_cmp(last, p) >= 0)
			return false;
		last = p;
	}
	return true;
}

/* Are these bytes what this file would store, for whatever set? */
bool
scopeset_is_canonical(const void *payload, Size len)
{
	const uint8 *p = payload;
	ScopeSetView set;

	if (len < SCOPESET_HEADER || p[0] != 0 || p[1] > SCOPESET_WORDS ||
		len < SCOPESET_HEADER + p[1] * sizeof(uint64))
		return false;
	set = scopeset_view(payload, len);
	return bitmap_is_canonical(set) && names_are_canonical(set);
}

/* The first bit from `from` on that is set, or BUILTIN_SCOPES. */
static int
next_bit(ScopeSetView set, int from)
{
	uint64		words[SCOPESET_WORDS];

	scopeset_words(set, words);
	for (int i = from / WORD_BITS; i < set.nwords; i++)
	{
		uint64		word = words[i];

		if (i == from / WORD_BITS)
			word &= PG_UINT64_MAX << (from % WORD_BITS);
		if (word != 0)
			return i * WORD_BITS + pg_rightmost_one_pos64(word);
	}
	return BUILTIN_SCOPES;
}

void
scopeset_iterate(ScopeSetIterator *it, ScopeSetView set)
{
	it->set = set;
	it->bit = next_bit(set, 0);
	it->name = set.names;
}

static bool
next_is_builtin(ScopeSetIterator *it)
{
	if (it->bit == BUILTIN_SCOPES || it->name == it->set.end)
		return it->bit < BUILTIN_SCOPES;
	return scope_name_cmp_cstring(it->name + 1, (uint8) *it->name,
								  builtin_scopes[it->bit].name) > 0;
}

/* *bit becomes -1 for a scope that has none. */
bool
scopeset_next(ScopeSetIterator *it, ScopeName *name, int *bit)
{
	if (next_is_builtin(it))
	{
		*bit = it->bit;
		name->data = builtin_scopes[it->bit].name;
		name->len = strlen(name->data);
		it->bit = next_bit(it->set, it->bit + 1);
		return true;
	}
	if (it->name == it->set.end)
		return false;
	*bit = -1;
	name->data = it->name + 1;
	name->len = (uint8) *it->name;
	it->name += packed_size(it->name);
	return true;
}

/* ---- algebra ---- */

int
scopeset_count(ScopeSetView set)
{
	uint64		words[SCOPESET_WORDS];
	int			count = 0;

	scopeset_words(set, words);
	for (int i = 0; i < SCOPESET_WORDS; i++)
		for (uint64 word = words[i]; word != 0; word &= word - 1)
			count++;
	for (const char *p = set.names; p < set.end; p += packed_size(p))
		count++;
	return count;
}

bool
scopeset_has_bit(ScopeSetView set, int bit)
{
	uint64		word;

	if (bit / WORD_BITS >= set.nwords)
		return false;
	memcpy(&word, set.words + bit / WORD_BITS * sizeof(uint64), sizeof(uint64));
	return (word >> (bit % WORD_BITS)) & 1;
}

/* Moves *p to the first name that is not less than the key; is it the key? */
static bool
seek_name(const char **p, const char *end, const char *key, int len)
{
	while (*p < end)
	{
		int			cmp = scope_name_cmp(*p + 1, (uint8) **p, key, len);

		if (cmp >= 0)
			return cmp == 0;
		*p += packed_size(*p);
	}
	return false;
}

bool
scopeset_has(ScopeSetView set, const char *name, int len)
{
	int			bit = builtin_scope(name, len);

	if (bit >= 0)
		return scopeset_has_bit(set, bit);
	return seek_name(&set.names, set.end, name, len);
}

/* Does a hold all of b? */
bool
scopeset_includes(ScopeSetView a, ScopeSetView b)
{
	uint64		awords[SCOPESET_WORDS];
	uint64		bwords[SCOPESET_WORDS];

	scopeset_words(a, awords);
	scopeset_words(b, bwords);
	for (int i = 0; i < SCOPESET_WORDS; i++)
		if (bwords[i] & ~awords[i])
			return false;
	for (const char *p = b.names; p < b.end; p += packed_size(p))
		if (!seek_name(&a.names, a.end, p + 1, (uint8) *p))
			return false;
	return true;
}

/* Have a and b a scope in common? */
bool
scopeset_intersects(ScopeSetView a, ScopeSetView b)
{
	uint64		awords[SCOPESET_WORDS];
	uint64		bwords[SCOPESET_WORDS];

	scopeset_words(a, awords);
	scopeset_words(b, bwords);
	for (int i = 0; i < SCOPESET_WORDS; i++)
		if (awords[i] & bwords[i])
			return true;
	for (const char *p = b.names; p < b.end && a.names < a.end; p += packed_size(p))
		if (seek_name(&a.names, a.end, p + 1, (uint8) *p))
			return true;
	return false;
}

/* A set with these bits, and room for names; to be finished. */
static ScopeSet *
begin_set(const uint64 *words, Size names_max)
{
	int			nwords = SCOPESET_WORDS;
	Size		bitmap;
	ScopeSet   *set;

	while (nwords > 0 && words[nwords - 1] == 0)
		nwords--;
	bitmap = nwords * sizeof(uint64);
	set = palloc(offsetof(ScopeSet, data) + bitmap + names_max);
	set->flags = 0;
	set->nwords = nwords;
	memcpy(set->data, words, bitmap);
	return set;
}

static char *
set_names(ScopeSet *set)
{
	return set->data + set->nwords * sizeof(uint64);
}

static ScopeSet *
finish_set(ScopeSet *set, const char *end)
{
	SET_VARSIZE(set, end - (char *) set);
	return set;
}

/* Compares the next names of two runs; an exhausted run comes last. */
static inline int
merge_cmp(ScopeSetView *a, ScopeSetView *b)
{
	if (a->names == a->end)
		return 1;
	if (b->names == b->end)
		return -1;
	return packed_cmp(a->names, b->names);
}

/* Merges two sorted runs of packed names; returns the end of the result. */
static char *
merge_names(char *out, ScopeSetView a, ScopeSetView b, int keep)
{
	while (a.names < a.end || b.names < b.end)
	{
		int			cmp = merge_cmp(&a, &b);
		const char *next = cmp <= 0 ? a.names : b.names;
		int			size = packed_size(next);

		if (keep & (cmp < 0 ? ONLY_A : cmp > 0 ? ONLY_B : BOTH))
		{
			memcpy(out, next, size);
			out += size;
		}
		if (cmp <= 0)
			a.names += size;
		if (cmp >= 0)
			b.names += size;
	}
	return out;
}

static uint64
merge_words(uint64 a, uint64 b, int keep)
{
	return (keep & ONLY_A ? a & ~b : 0) |
		(keep & BOTH ? a & b : 0) |
		(keep & ONLY_B ? b & ~a : 0);
}

static ScopeSet *
merge_sets(ScopeSetView a, ScopeSetView b, int keep, Size names_max)
{
	uint64		awords[SCOPESET_WORDS];
	uint64		bwords[SCOPESET_WORDS];
	ScopeSet   *set;

	scopeset_words(a, awords);
	scopeset_words(b, bwords);
	for (int i = 0; i < SCOPESET_WORDS; i++)
		awords[i] = merge_words(awords[i], bwords[i], keep);
	set = begin_set(awords, names_max);
	return finish_set(set, merge_names(set_names(set), a, b, keep));
}

static inline Size
names_size(ScopeSetView set)
{
	return set.end - set.names;
}

ScopeSet *
scopeset_union(ScopeSetView a, ScopeSetView b)
{
	return merge_sets(a, b, ONLY_A | BOTH | ONLY_B, names_size(a) + names_size(b));
}

ScopeSet *
scopeset_intersection(ScopeSetView a, ScopeSetView b)
{
	return merge_sets(a, b, BOTH, Min(names_size(a), names_size(b)));
}

ScopeSet *
scopeset_difference(ScopeSetView a, ScopeSetView b)
{
	return merge_sets(a, b, ONLY_A, names_size(a));
}

/* ---- building ---- */

/* Sorts the newcomers among the builder's names, without duplicates, into out. */
static char *
sort_newcomers(const ScopeSetBuilder *b, char *out)
{
	const char *begin = b->names + b->sorted;
	const char *end = b->names + b->used;
	const char **order;
	int			n = 0;

	for (const char *p = begin; p < end; p += packed_size(p))
		n++;
	order = palloc(n * sizeof(char *));
	n = 0;
	for (const char *p = begin; p < end; p += packed_size(p))
		order[n++] = p;
	qsort(order, n, sizeof(char *), packed_cmp_qsort);
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && packed_cmp(order[i - 1], order[i]) == 0)
			continue;
		memcpy(out, order[i], packed_size(order[i]));
		out += packed_size(order[i]);
	}
	pfree(order);
	return out;
}

/* Makes one sorted run of all names. */
static void
fold_newcomers(ScopeSetBuilder *b)
{
	ScopeSetView sorted = {0};
	ScopeSetView newcomers = {0};
	char	   *buffer;
	char	   *merged;

	if (b->used == b->sorted)
		return;
	sorted.names = b->names;
	sorted.end = b->names + b->sorted;
	buffer = palloc(b->used - b->sorted);
	newcomers.names = buffer;
	newcomers.end = sort_newcomers(b, buffer);
	merged = palloc(b->used);
	b->sorted = merge_names(merged, sorted, newcomers, ONLY_A | BOTH | ONLY_B) - merged;
	b->used = b->sorted;
	memcpy(b->names, merged, b->sorted);
	pfree(merged);
	pfree(buffer);
}

static void
make_room(ScopeSetBuilder *b, Size size)
{
	Size		needed = b->used + size;
	Size		doubled = Min(2 * b->allocated, MaxAllocSize);

	if (needed <= b->allocated)
		return;
	b->allocated = Max(Max(needed, doubled), 256);
	if (b->names == NULL)
		b->names = palloc(b->allocated);
	else
		b->names = repalloc(b->names, b->allocated);
}

/*
 * Called after names were added.  Folding only when the newcomers outweigh
 * the sorted run bounds the memory by the distinct names, and the total work
 * by O(n log n).
 */
static void
fold_if_worthwhile(ScopeSetBuilder *b)
{
	if (b->used - b->sorted > Max(b->sorted, FOLD_MIN))
		fold_newcomers(b);
}

/* Adds a scope by its name, which must be valid. */
void
scopeset_builder_add(ScopeSetBuilder *b, const char *name, int len)
{
	int			bit = builtin_scope(name, len);

	if (bit >= 0)
	{
		b->words[bit / WORD_BITS] |= UINT64CONST(1) << (bit % WORD_BITS);
		return;
	}
	make_room(b, 1 + len);
	b->names[b->used] = (char) len;
	memcpy(b->names + b->used + 1, name, len);
	b->used += 1 + len;
	fold_if_worthwhile(b);
}

void
scopeset_builder_add_set(ScopeSetBuilder *b, ScopeSetView set)
{
	uint64		words[SCOPESET_WORDS];
	Size		size = names_size(set);

	scopeset_words(set, words);
	for (int i = 0; i < SCOPESET_WORDS; i++)
		b->words[i] |= words[i];
	if (size == 0)
		return;
	make_room(b, size);
	memcpy(b->names + b->used, set.names, size);
	b->used += size;
	fold_if_worthwhile(b);
}

/* The set of all scopes added so far; more may be added afterwards. */
ScopeSet *
scopeset_build(ScopeSetBuilder *b)
{
	ScopeSet   *set;
	char	   *names;

	fold_newcomers(b);
	set = begin_set(b->words, b->used);
	names = set_names(set);
	if (b->used > 0)
		memcpy(names, b->names, b->used);
	return finish_set(set, names + b->used);
}

void
scopeset_builder_free(ScopeSetBuilder *b)
{
	if (b->names != NULL)
		pfree(b->names);
}

/* ---- reading ---- */

static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
trim(const char **begin, const char **end)
{
	while (*begin < *end && is_space(**begin))
		(*begin)++;
	while (*begin < *end && is_space((*end)[-1]))
		(*end)--;
}

/* What is wrong with the braces around a text that is not empty, if anything. */
static const char *
brace_fault(const char *begin, const char *end)
{
	bool		opened = *begin == '{';
	const char *close = memchr(begin, '}', end - begin);

	if (!opened && (close != NULL || memchr(begin, ',', end - begin) != NULL))
		return "The opening brace is missing.";
	if (opened && close == NULL)
		return "The closing brace is missing.";
	if (opened && close != end - 1)
		return "There is something after the closing brace.";
	return NULL;
}

void
scopeset_open_text(ScopeSetReader *reader, const char *str, Size len)
{
	const char *end = str + len;

	memset(reader, 0, sizeof(ScopeSetReader));
	trim(&str, &end);
	if (str == end)
		reader->fault = "The text is empty; the empty set is {}.";
	else
		reader->fault = brace_fault(str, end);
	if (reader->fault != NULL)
		return;
	if (*str == '{')
	{
		str++;
		end--;
		trim(&str, &end);
	}
	reader->cursor = str < end ? str : NULL;
	reader->end = end;
}

bool
scopeset_read_text(ScopeSetReader *reader, ScopeName *name)
{
	const char *begin = reader->cursor;
	const char *comma;
	const char *end;

	if (begin == NULL)
		return false;
	comma = memchr(begin, ',', reader->end - begin);
	end = comma != NULL ? comma : reader->end;
	reader->cursor = comma != NULL ? comma + 1 : NULL;
	trim(&begin, &end);
	if (begin == end)
	{
		reader->fault = "There is no name before or after a comma.";
		reader->cursor = NULL;
		return false;
	}
	name->data = begin;
	name->len = end - begin;
	return true;
}

/*
 * The binary form: a byte of flags, all zero; the number of scopes, four
 * bytes in network order; then the names, packed, in byte order.
 */
void
scopeset_open_binary(ScopeSetReader *reader, const char *bytes, Size len)
{
	const uint8 *p = (const uint8 *) bytes;

	memset(reader, 0, sizeof(ScopeSetReader));
	if (len < 5)
		reader->fault = "It ends too early.";
	else if (p[0] != 0)
		reader->fault = "It has flags that this version does not know.";
	if (reader->fault != NULL)
		return;
	reader->remaining = (uint32) p[1] << 24 | p[2] << 16 | p[3] << 8 | p[4];
	reader->cursor = bytes + 5;
	reader->end = bytes + len;
}

/* What is wrong with the packed name at the cursor, if anything. */
static const char *
packed_fault(const ScopeSetReader *reader)
{
	const char *p = reader->cursor;
	int			len;

	if (p == reader->end || reader->end - p < packed_size(p))
		return "It ends too early.";
	len = packed_size(p) - 1;
	if (!scope_name_is_valid(p + 1, len))
		return "It holds a malformed name.";
	if (reader->last.data != NULL &&
		scope_name_cmp(reader->last.data, reader->last.len, p + 1, len) >= 0)
		return "The names are not in strictly ascending order.";
	return NULL;
}

bool
scopeset_read_binary(ScopeSetReader *reader, ScopeName *name)
{
	if (reader->cursor == NULL)
		return false;
	if (reader->remaining == 0)
	{
		if (reader->cursor < reader->end)
			reader->fault = "There are bytes after the last name.";
		return false;
	}
	reader->fault = packed_fault(reader);
	if (reader->fault != NULL)
	{
		reader->cursor = NULL;
		return false;
	}
	name->data = reader->cursor + 1;
	name->len = (uint8) *reader->cursor;
	reader->cursor += 1 + name->len;
	reader->last = *name;
	reader->remaining--;
	return true;
}
