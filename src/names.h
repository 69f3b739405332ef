/*-------------------------------------------------------------------------
 *
 * names.h
 *	  The names that are the keys of the tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_NAMES_H
#define RBAC_NAMES_H

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "compat.h"
#include "scopeset.h"

#define NAME_MAX_LEN	SCOPE_NAME_MAX	/* bytes */

/* A name as a value; not terminated, and often inside a tuple. */
typedef ScopeName NameRef;

extern NameRef copy_name(MemoryContext context, const NameRef *name);
extern bool names_contain(const List *names, const NameRef *name);
extern HTAB *create_name_hash(const char *title, Size entrysize, MemoryContext context);

static inline NameRef
name_ref(const char *data, int len)
{
	NameRef		name = {data, len};

	return name;
}

static inline NameRef
text_ref(const struct varlena *t)
{
	return name_ref(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
}

static inline NameRef
cstring_ref(const char *s)
{
	return name_ref(s, strlen(s));
}

static inline uint64
load64(const char *p)
{
	uint64		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32
load32(const char *p)
{
	uint32		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* memcmp() == 0 for short strings, without a call. */
static inline bool
bytes_equal(const char *a, const char *b, int len)
{
	const char *end = a + len;

	Assert(len == 0 || (a != NULL && b != NULL));
	if (len < 8)
	{
		if (len >= 4)
			return load32(a) == load32(b) && load32(end - 4) == load32(b + len - 4);
		for (int i = 0; i < len; i++)
			if (a[i] != b[i])
				return false;
		return true;
	}
	for (; end - a > 8; a += 8, b += 8)
		if (load64(a) != load64(b))
			return false;
	return load64(end - 8) == load64(b + (end - a) - 8);
}

static inline bool
name_is(const NameRef *a, const char *data, int len)
{
	return a->len == len && bytes_equal(a->data, data, len);
}

static inline bool
name_is_string(const NameRef *a, const char *s)
{
	return name_is(a, s, strlen(s));
}

/* What stands before the first slash of a name; no data: nothing does. */
static inline NameRef
slug_organization(const NameRef *slug)
{
	const char *slash = slug->data == NULL ? NULL : memchr(slug->data, '/', slug->len);

	return slash == NULL ? name_ref(NULL, 0) : name_ref(slug->data, slash - slug->data);
}

/* In byte order. */
static inline int
name_cmp(const NameRef *a, const NameRef *b)
{
	return scope_name_cmp(a->data, a->len, b->data, b->len);
}

#endif							/* RBAC_NAMES_H */
