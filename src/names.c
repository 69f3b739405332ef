/*-------------------------------------------------------------------------
 *
 * names.c
 *	  The names that are the keys of the tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"

#include "rbac_internal.h"

PG_FUNCTION_INFO_V1(is_name);
PG_FUNCTION_INFO_V1(is_slug);

static uint32
hash_name(const void *key, Size keysize)
{
	const NameRef *name = key;

	return hash_bytes((const unsigned char *) name->data, name->len);
}

static int
match_names(const void *a, const void *b, Size keysize)
{
	const NameRef *name = a;
	const NameRef *other = b;

	return name_is(name, other->data, other->len) ? 0 : 1;
}

/* A hash table whose entries begin with the NameRef that is their key. */
HTAB *
create_name_hash(const char *title, Size entrysize, MemoryContext context)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(NameRef);
	ctl.entrysize = entrysize;
	ctl.hash = hash_name;
	ctl.match = match_names;
	ctl.hcxt = context;
	return hash_create(title, 64, &ctl, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

NameRef
copy_name(MemoryContext context, const NameRef *name)
{
	char	   *data = MemoryContextAlloc(context, name->len + 1);

	memcpy(data, name->data, name->len);
	data[name->len] = '\0';
	return name_ref(data, name->len);
}

/* Is it in a list of NameRef pointers? */
bool
names_contain(const List *names, const NameRef *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		const NameRef *other = lfirst(cell);

		if (name_is(name, other->data, other->len))
			return true;
	}
	return false;
}

/* Is a character a byte, which may be a control character beyond ASCII? */
static bool
is_iso_8859(int encoding)
{
	return (encoding >= PG_LATIN1 && encoding <= PG_LATIN10) ||
		(encoding >= PG_ISO_8859_5 && encoding <= PG_ISO_8859_8);
}

/* ASCII's, and those that are U+0080 to U+009F in UTF-8, to which a dump may go. */
static bool
has_control_character(const NameRef *name)
{
	bool		utf8 = GetDatabaseEncoding() == PG_UTF8;
	bool		iso_8859 = is_iso_8859(GetDatabaseEncoding());

	for (int i = 0; i < name->len; i++)
	{
		unsigned char c = name->data[i];

		if (c < 0x20 || c == 0x7F || (iso_8859 && c >= 0x80 && c < 0xA0))
			return true;
		if (utf8 && c == 0xC2 && i + 1 < name->len && (unsigned char) name->data[i + 1] < 0xA0)
			return true;
	}
	return false;
}

static bool
name_is_valid(const NameRef *name)
{
	return name->len >= 1 && name->len <= NAME_MAX_LEN && !has_control_character(name);
}

Datum
is_name(PG_FUNCTION_ARGS)
{
	NameRef		name = text_ref(PG_GETARG_TEXT_PP(0));

	PG_RETURN_BOOL(name_is_valid(&name));
}

Datum
is_slug(PG_FUNCTION_ARGS)
{
	NameRef		name = text_ref(PG_GETARG_TEXT_PP(0));
	const char *slash = memchr(name.data, '/', name.len);

	PG_RETURN_BOOL(name_is_valid(&name) &&
				   (slash == NULL || (slash > name.data && slash < name.data + name.len - 1)));
}
