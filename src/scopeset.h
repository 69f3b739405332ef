/*-------------------------------------------------------------------------
 *
 * scopeset.h
 *	  Sets of scopes: stored form and algebra, without the function manager.
 *
 * A scope is named `object:action` and its name is its identity.  A set is
 * stored as a bitmap of the built-in scopes, whose bits are fixed for ever by
 * builtin_scopes[], followed by the names of all its other scopes.  There is
 * exactly one stored form for each set, so that equality is memcmp.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_SCOPESET_H
#define RBAC_SCOPESET_H

#define SCOPE_NAME_MAX	255		/* bytes */

#define BUILTIN_SCOPES	169
typedef struct BuiltinScope
{
	const char *name;
	const char *entity_type;
} BuiltinScope;

extern const BuiltinScope builtin_scopes[BUILTIN_SCOPES];

#define SCOPESET_WORDS	((BUILTIN_SCOPES + 63) / 64)

/*
 * The stored form.  The words are not aligned: the value may have a short
 * varlena header, so go through ScopeSetView.
 */
typedef struct ScopeSet
{
	int32		vl_len_;		/* varlena header */
	uint8		flags;			/* reserved, always zero */
	uint8		nwords;			/* words in the bitmap; the last is not zero */
	char		data[FLEXIBLE_ARRAY_MEMBER];	/* uint64 words[nwords], then
												 * the names: a length byte
												 * each and as many bytes, in
												 * byte order, none built in */
} ScopeSet;

/* Payload (what follows the varlena header) of any set, names left aside. */
#define SCOPESET_HEADER			2
#define SCOPESET_BITMAP_MAX		(SCOPESET_HEADER + SCOPESET_WORDS * sizeof(uint64))

/* A name that lies somewhere else; not terminated. */
typedef struct ScopeName
{
	const char *data;
	int			len;
} ScopeName;

/* Where the parts of a stored set lie, detoasted or with a short header. */
typedef struct ScopeSetView
{
	const char *words;
	int			nwords;
	const char *names;
	const char *end;
} ScopeSetView;

/* Walks over a set in byte order of the names. */
typedef struct ScopeSetIterator
{
	ScopeSetView set;
	int			bit;			/* next bit that is set, or BUILTIN_SCOPES */
	const char *name;			/* next packed name */
} ScopeSetIterator;

/*
 * Collects scopes in any order, with duplicates; start from all zeroes.  It
 * is built in O(n log n).  Memory comes from the context that is current when
 * the first name is added, and is pfree'd by scopeset_builder_free.
 */
typedef struct ScopeSetBuilder
{
	uint64		words[SCOPESET_WORDS];
	char	   *names;			/* packed names: first a run in byte order
								 * without duplicates, then those added since */
	Size		sorted;			/* bytes in that run */
	Size		used;
	Size		allocated;
} ScopeSetBuilder;

/* Reads the names out of the text or the binary form of a set. */
typedef struct ScopeSetReader
{
	const char *cursor;			/* NULL when there is nothing more to read */
	const char *end;
	uint32		remaining;		/* binary: how many names are still to come */
	ScopeName	last;			/* binary: the name read last */
	const char *fault;			/* NULL, or a sentence that says what is wrong */
} ScopeSetReader;

typedef bool (*ScopeSetReadFunction) (ScopeSetReader *reader, ScopeName *name);

/* names */
extern bool scope_name_is_valid(const char *name, int len);
extern int	scope_name_cmp(const char *a, int alen, const char *b, int blen);
extern int	builtin_scope(const char *name, int len);

/* looking into a stored set; payload is what follows the varlena header */
extern ScopeSetView scopeset_view(const void *payload, Size len);
extern void scopeset_words(ScopeSetView set, uint64 *words);	/* SCOPESET_WORDS */
extern bool scopeset_is_canonical(const void *payload, Size len);
extern void scopeset_iterate(ScopeSetIterator *it, ScopeSetView set);
extern bool scopeset_next(ScopeSetIterator *it, ScopeName *name, int *bit);

/* algebra; names must be valid, and results are palloc'd */
extern int	scopeset_count(ScopeSetView set);
extern bool scopeset_has_bit(ScopeSetView set, int bit);
extern bool scopeset_has(ScopeSetView set, const char *name, int len);
extern bool scopeset_includes(ScopeSetView a, ScopeSetView b);
extern bool scopeset_intersects(ScopeSetView a, ScopeSetView b);
extern ScopeSet *scopeset_union(ScopeSetView a, ScopeSetView b);
extern ScopeSet *scopeset_intersection(ScopeSetView a, ScopeSetView b);
extern ScopeSet *scopeset_difference(ScopeSetView a, ScopeSetView b);

/* building */
extern void scopeset_builder_add(ScopeSetBuilder *b, const char *name, int len);
extern void scopeset_builder_add_set(ScopeSetBuilder *b, ScopeSetView set);
extern ScopeSet *scopeset_build(ScopeSetBuilder *b);
extern void scopeset_builder_free(ScopeSetBuilder *b);

/*
 * Reading.  The next name is returned until there is none or a fault is
 * found.  The names of a text still have to be checked; those of a binary form
 * are valid and ascend.
 */
extern void scopeset_open_text(ScopeSetReader *reader, const char *str, Size len);
extern bool scopeset_read_text(ScopeSetReader *reader, ScopeName *name);
extern void scopeset_open_binary(ScopeSetReader *reader, const char *bytes, Size len);
extern bool scopeset_read_binary(ScopeSetReader *reader, ScopeName *name);

#endif							/* RBAC_SCOPESET_H */
