/*-------------------------------------------------------------------------
 *
 * fuzz_scopeset.c
 *	  libFuzzer harness: sets of scopes without a server.
 *
 * The first byte of an input chooses what the rest is: a text, a binary form,
 * a stored form, or two sets for the algebra.  Whatever is built must be
 * canonical and survive being written and read again; the algebra must agree
 * with a model that keeps one boolean for each scope.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "scopeset.h"

/* the C library's, not the server's */
#undef fprintf
#undef qsort
#undef sprintf

#define CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* ---- what the server supplies ---- */

void *
palloc(Size size)
{
	return malloc(size > 0 ? size : 1);
}

void *
repalloc(void *pointer, Size size)
{
	return realloc(pointer, size);
}

void
pfree(void *pointer)
{
	free(pointer);
}

void
pg_qsort(void *base, size_t n, size_t size, int (*cmp) (const void *, const void *))
{
	qsort(base, n, size, cmp);
}

/* ---- helpers ---- */

static ScopeSetView
view_of(ScopeSet *set)
{
	Size		len = VARSIZE(set) - VARHDRSZ;

	CHECK(scopeset_is_canonical(VARDATA(set), len));
	return scopeset_view(VARDATA(set), len);
}

/* Reads a set; NULL if it is refused. */
static ScopeSet *
read_set(ScopeSetReader *reader, ScopeSetReadFunction read)
{
	ScopeSetBuilder builder = {0};
	ScopeName	name;
	ScopeSet   *set = NULL;
	bool		valid = true;

	while (valid && read(reader, &name))
	{
		valid = scope_name_is_valid(name.data, name.len);
		if (valid)
			scopeset_builder_add(&builder, name.data, name.len);
	}
	if (valid && reader->fault == NULL)
		set = scopeset_build(&builder);
	scopeset_builder_free(&builder);
	return set;
}

/* The text form, or the binary form without its header. */
static char *
write_set(ScopeSetView set, bool as_text, Size *len)
{
	ScopeSetIterator it;
	ScopeName	name;
	ScopeName	last = {NULL, 0};
	int			bit;
	int			n = 0;
	char	   *out = palloc(2 + (Size) scopeset_count(set) * (SCOPE_NAME_MAX + 1));
	char	   *p = out;

	scopeset_iterate(&it, set);
	while (scopeset_next(&it, &name, &bit))
	{
		CHECK(bit == builtin_scope(name.data, name.len));
		CHECK(scopeset_has(set, name.data, name.len));
		CHECK(last.data == NULL || scope_name_cmp(last.data, last.len, name.data, name.len) < 0);
		last = name;
		*p++ = !as_text ? (char) name.len : n == 0 ? '{' : ',';
		memcpy(p, name.data, name.len);
		p += name.len;
		n++;
	}
	CHECK(n == scopeset_count(set));
	if (as_text && n == 0)
		*p++ = '{';
	if (as_text)
		*p++ = '}';
	*len = p - out;
	return out;
}

static void
check_same(ScopeSet *a, ScopeSet *b)
{
	CHECK(a != NULL && b != NULL && VARSIZE(a) == VARSIZE(b));
	CHECK(memcmp(a, b, VARSIZE(a)) == 0);
}

static void
check_text_round_trip(ScopeSet *set)
{
	Size		len;
	char	   *str = write_set(view_of(set), true, &len);
	ScopeSetReader reader;
	ScopeSet   *again;

	scopeset_open_text(&reader, str, len);
	again = read_set(&reader, scopeset_read_text);
	check_same(set, again);
	pfree(again);
	pfree(str);
}

static void
check_binary_round_trip(ScopeSet *set)
{
	Size		len;
	int			n = scopeset_count(view_of(set));
	char	   *names = write_set(view_of(set), false, &len);
	char	   *bytes = palloc(5 + len);
	ScopeSetReader reader;
	ScopeSet   *again;

	bytes[0] = 0;
	for (int i = 0; i < 4; i++)
		bytes[1 + i] = (char) (n >> (24 - 8 * i));
	memcpy(bytes + 5, names, len);
	scopeset_open_binary(&reader, bytes, 5 + len);
	again = read_set(&reader, scopeset_read_binary);
	check_same(set, again);
	pfree(again);
	pfree(bytes);
	pfree(names);
}

static void
check_set(ScopeSet *set)
{
	if (set == NULL)
		return;
	check_text_round_trip(set);
	check_binary_round_trip(set);
	pfree(set);
}

/* ---- the three forms ---- */

static void
fuzz_text(const char *data, size_t size)
{
	ScopeSetReader reader;

	scopeset_open_text(&reader, data, size);
	check_set(read_set(&reader, scopeset_read_text));
}

static void
fuzz_binary(const char *data, size_t size)
{
	ScopeSetReader reader;
	ScopeSet   *set;
	char	   *names;
	Size		len;

	scopeset_open_binary(&reader, data, size);
	set = read_set(&reader, scopeset_read_binary);
	if (set == NULL)
		return;
	/* only one binary form is accepted for each set */
	names = write_set(view_of(set), false, &len);
	CHECK(len + 5 == size && memcmp(names, data + 5, len) == 0);
	pfree(names);
	check_set(set);
}

static void
fuzz_stored(const char *data, size_t size)
{
	ScopeSetBuilder builder = {0};
	ScopeSet   *set;

	if (!scopeset_is_canonical(data, size))
		return;
	scopeset_builder_add_set(&builder, scopeset_view(data, size));
	set = scopeset_build(&builder);
	CHECK(VARSIZE(set) - VARHDRSZ == size && memcmp(VARDATA(set), data, size) == 0);
	scopeset_builder_free(&builder);
	check_set(set);
}

/* ---- the algebra ---- */

#define UNIVERSE	256			/* built-in scopes, then others */

typedef struct Model
{
	bool		has[UNIVERSE];
} Model;

static char universe[UNIVERSE][SCOPE_NAME_MAX + 1];

/* The others sort before, between and after the built-in ones. */
static void
fill_universe(void)
{
	static const char *const objects[] = {"a", "stack", "stack_", "team", "zz"};

	for (int i = 0; i < BUILTIN_SCOPES; i++)
		strcpy(universe[i], builtin_scopes[i].name);
	for (int i = BUILTIN_SCOPES; i < UNIVERSE; i++)
		sprintf(universe[i], "%s:x%s%d", objects[i % 5], i % 2 ? "" : "_y", i);
	for (int i = 0; i < UNIVERSE; i++)
	{
		int			len = strlen(universe[i]);

		CHECK(scope_name_is_valid(universe[i], len));
		CHECK(builtin_scope(universe[i], len) == (i < BUILTIN_SCOPES ? i : -1));
	}
}

/* A set of the scopes with these numbers, one by one or in parts. */
static ScopeSet *
make_set(const uint8 *numbers, size_t n, Model *model)
{
	ScopeSetBuilder builder = {0};
	ScopeSet   *set;

	memset(model, 0, sizeof(Model));
	for (size_t i = 0; i < n; i++)
	{
		const char *name = universe[numbers[i]];

		model->has[numbers[i]] = true;
		scopeset_builder_add(&builder, name, strlen(name));
		if (numbers[i] % 16 == 5)
		{
			set = scopeset_build(&builder);
			scopeset_builder_add_set(&builder, view_of(set));
			pfree(set);
		}
	}
	set = scopeset_build(&builder);
	scopeset_builder_free(&builder);
	return set;
}

/* The number of a scope, which ends the name if it is not built in. */
static int
number_of(ScopeName name, int bit)
{
	int			number = bit;

	if (bit < 0)
	{
		const char *p = name.data + name.len;

		while (p[-1] >= '0' && p[-1] <= '9')
			p--;
		number = 0;
		for (; p < name.data + name.len; p++)
			number = number * 10 + (*p - '0');
	}
	CHECK(number < UNIVERSE && strlen(universe[number]) == (size_t) name.len);
	CHECK(memcmp(universe[number], name.data, name.len) == 0);
	return number;
}

static void
check_model(ScopeSetView set, const Model *model)
{
	ScopeSetIterator it;
	ScopeName	name;
	int			bit;
	Model		found = {0};

	scopeset_iterate(&it, set);
	while (scopeset_next(&it, &name, &bit))
		found.has[number_of(name, bit)] = true;
	CHECK(memcmp(&found, model, sizeof(Model)) == 0);
	/* asking for each would take most of the time */
	for (int i = scopeset_count(set) % 31; i < UNIVERSE; i += 31)
		CHECK(scopeset_has(set, universe[i], strlen(universe[i])) == model->has[i]);
}

static void
check_operations(ScopeSetView a, ScopeSetView b, const Model *ma, const Model *mb)
{
	ScopeSet   *results[3];
	Model		models[3];
	bool		includes = true;
	bool		intersects = false;

	for (int i = 0; i < UNIVERSE; i++)
	{
		models[0].has[i] = ma->has[i] || mb->has[i];
		models[1].has[i] = ma->has[i] && mb->has[i];
		models[2].has[i] = ma->has[i] && !mb->has[i];
		includes &= ma->has[i] || !mb->has[i];
		intersects |= models[1].has[i];
	}
	CHECK(scopeset_includes(a, b) == includes);
	CHECK(scopeset_intersects(a, b) == intersects);
	results[0] = scopeset_union(a, b);
	results[1] = scopeset_intersection(a, b);
	results[2] = scopeset_difference(a, b);
	for (int i = 0; i < 3; i++)
	{
		check_model(view_of(results[i]), &models[i]);
		check_set(results[i]);
	}
}

/* Bytes are numbers of scopes; the first says where the second set begins. */
static void
fuzz_algebra(const uint8 *data, size_t size)
{
	size_t		split;
	Model		ma;
	Model		mb;
	ScopeSet   *a;
	ScopeSet   *b;

	if (size == 0)
		return;
	split = 1 + data[0] % size;
	a = make_set(data + 1, split - 1, &ma);
	b = make_set(data + split, size - split, &mb);
	check_model(view_of(a), &ma);
	check_model(view_of(b), &mb);
	check_operations(view_of(a), view_of(b), &ma, &mb);
	check_operations(view_of(b), view_of(a), &mb, &ma);
	check_operations(view_of(a), view_of(a), &ma, &ma);
	pfree(a);
	pfree(b);
}

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	if (size == 0)
		return 0;
	if (universe[0][0] == '\0')
		fill_universe();
	switch (data[0] % 4)
	{
		case 0:
			fuzz_text((const char *) data + 1, size - 1);
			break;
		case 1:
			fuzz_binary((const char *) data + 1, size - 1);
			break;
		case 2:
			fuzz_stored((const char *) data + 1, size - 1);
			break;
		case 3:
			fuzz_algebra(data + 1, size - 1);
			break;
	}
	return 0;
}
