/*
 * Faults at will, for tests.
 *
 * In this backend's next statement an allocation fails, or finds that a request to
 * cancel the query has arrived: the one at some place that is about the nth of the
 * statement, or at any time if n is 0; whichever is the nth if the place is 0.  Every palloc() counts, not only those for which
 * a block is taken from the system, as would be so if malloc() failed: so each
 * place where a context could want a block can be tried.  To that end the methods of
 * the usual kind of memory context are replaced where they lie, in this process.
 *
 * A place is a way through the extension's code to an allocation, told by the
 * return addresses in rbac.so that are on the stack.  An allocation that is made
 * without the extension has none.
 *
 * A failure in a critical section would bring the server down, whoever is to
 * blame; there PostgreSQL itself makes sure not to allocate, but for a few contexts that say that
 * they may.  They are left alone.
 */
#include "postgres.h"

#include <execinfo.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/memnodes.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#if PG_VERSION_NUM >= 170000
#include "utils/memutils_internal.h"
#endif

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fail_at);
PG_FUNCTION_INFO_V1(cancel_at);
PG_FUNCTION_INFO_V1(record);
PG_FUNCTION_INFO_V1(was_hit);
PG_FUNCTION_INFO_V1(recorded);
PG_FUNCTION_INFO_V1(counted);

typedef enum Fault
{
	NO_FAULT, FAIL, CANCEL, RECORD
} Fault;

#define MAX_FRAMES		128
#define MAX_RECORDED	1000000
#define NEAR			2000	/* how far one run may differ from another */

static Fault fault = NO_FAULT;
static TimestampTz armed_by;	/* the statement that has asked for it */
static TimestampTz armed_for;	/* the one after; 0: not begun yet */
static int64 allocations;		/* made by it */
static int64 about;				/* when to look for the place; 0: always */
static uint64 place_wanted;
static bool hit;
static uint64 *places = NULL;	/* of the allocations that were recorded */
static Size *sizes;

static MemoryContextMethods real;

/* Where the code of the extension lies, once it is loaded. */
static uintptr_t code_begin = 0;
static uintptr_t code_end = 0;

static int
find_code(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *name = strrchr(info->dlpi_name, '/');

	if (name == NULL || strcmp(name, "/rbac.so") != 0)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
	{
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD || (segment->p_flags & PF_X) == 0)
			continue;
		code_begin = info->dlpi_addr + segment->p_vaddr;
		code_end = code_begin + segment->p_memsz;
	}
	return 1;
}

/* The addresses in the extension that are on the stack, as one number. */
static uint64
find_place(void)
{
	void	   *frames[MAX_FRAMES];
	int			n = backtrace(frames, MAX_FRAMES);
	uint64		place = 0;

	if (code_end == 0)
		dl_iterate_phdr(find_code, NULL);
	for (int i = 0; i < n; i++)
		if ((uintptr_t) frames[i] >= code_begin && (uintptr_t) frames[i] < code_end)
			place = place * UINT64CONST(31) + ((uintptr_t) frames[i] - code_begin);
	return place;
}

/* Is this the statement that the fault is meant for? */
static bool
is_meant(void)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();

	if (armed_for == 0 && statement != armed_by)
		armed_for = statement;
	return statement == armed_for;
}

/*
 * Where PostgreSQL itself does not survive it.  It crashes when it cannot remember who
 * owns a lock, the subtransaction is rolled back, and the same transaction takes
 * that lock again; or when it has noted that it counts something, but has no room to count.
 * And a setting that cannot be defined is FATAL from 16 on.
 */
static bool
is_fatal(MemoryContext context, Size size)
{
	if (context == TopMemoryContext)
		return size == 8 * sizeof(LOCALLOCKOWNER);
	return context != NULL && (strcmp(context->name, "GUCMemoryContext") == 0 ||
							   strncmp(context->name, "PgStat ", strlen("PgStat ")) == 0);
}

static void
note_allocation(uint64 place, Size size)
{
	if (allocations > MAX_RECORDED)
		return;
	places[allocations - 1] = place;
	sizes[allocations - 1] = size;
}

static bool
is_wanted(uint64 place)
{
	return place_wanted == 0 ? allocations >= about : place == place_wanted;
}

/* Count an allocation; must it fail? */
static bool
must_fail(MemoryContext context, Size size)
{
	Fault		now = fault;
	uint64		place;

	if (now == NO_FAULT || CritSectionCount > 0 || is_fatal(context, size) || !is_meant())
		return false;
	allocations++;
	if (hit || (now != RECORD && about != 0 && (allocations < about - NEAR || allocations > about + NEAR)))
		return false;
	/* which allocates something, or may */
	fault = NO_FAULT;
	place = place_wanted != 0 || now == RECORD ? find_place() : 0;
	fault = now;
	if (now == RECORD)
		note_allocation(place, size);
	if (now == RECORD || !is_wanted(place))
		return false;
	hit = true;
	if (now == CANCEL)
		InterruptPending = QueryCancelPending = true;
	return now == FAIL;
}

#if PG_VERSION_NUM >= 170000

static void *
faulty_alloc(MemoryContext context, Size size, int flags)
{
	return must_fail(context, size) ? MemoryContextAllocationFailure(context, size, flags) : real.alloc(context, size, flags);
}

static void *
faulty_realloc(void *pointer, Size size, int flags)
{
	return must_fail(NULL, size) ? MemoryContextAllocationFailure(GetMemoryChunkContext(pointer), size, flags) :
		real.realloc(pointer, size, flags);
}

#else

static void *
faulty_alloc(MemoryContext context, Size size)
{
	return must_fail(context, size) ? NULL : real.alloc(context, size);
}

#if PG_VERSION_NUM >= 160000

static void *
faulty_realloc(void *pointer, Size size)
{
	return must_fail(NULL, size) ? NULL : real.realloc(pointer, size);
}

#else

static void *
faulty_realloc(MemoryContext context, void *pointer, Size size)
{
	return must_fail(NULL, size) ? NULL : real.realloc(context, pointer, size);
}

#endif
#endif

/* The methods are constants: make their pages writable. */
static void
replace_methods(void)
{
	MemoryContextMethods *methods = (MemoryContextMethods *) TopMemoryContext->methods;
	uintptr_t	page = sysconf(_SC_PAGESIZE);
	uintptr_t	first = (uintptr_t) methods & ~(page - 1);

	if (real.alloc != NULL)
		return;
	/* the first call allocates something of its own */
	find_place();
	if (mprotect((void *) first, (uintptr_t) (methods + 1) - first, PROT_READ | PROT_WRITE) != 0)
		elog(ERROR, "could not make memory writable: %m");
	real = *methods;
	methods->alloc = faulty_alloc;
	methods->realloc = faulty_realloc;
}

static void
arm(Fault kind, int64 n, int64 place)
{
	replace_methods();
	armed_by = GetCurrentStatementStartTimestamp();
	armed_for = 0;
	allocations = 0;
	about = n;
	place_wanted = (uint64) place;
	hit = false;
	fault = kind;
}

Datum
fail_at(PG_FUNCTION_ARGS)
{
	arm(FAIL, PG_GETARG_INT64(0), PG_GETARG_INT64(1));
	PG_RETURN_VOID();
}

Datum
cancel_at(PG_FUNCTION_ARGS)
{
	arm(CANCEL, PG_GETARG_INT64(0), PG_GETARG_INT64(1));
	PG_RETURN_VOID();
}

/* Fail never, but note where allocations are made. */
Datum
record(PG_FUNCTION_ARGS)
{
	if (places == NULL)
	{
		places = malloc(MAX_RECORDED * sizeof(uint64));
		sizes = malloc(MAX_RECORDED * sizeof(Size));
	}
	if (places == NULL || sizes == NULL)
		elog(ERROR, "out of memory");
	arm(RECORD, 0, 0);
	PG_RETURN_VOID();
}

/* Has the statement come there? */
Datum
was_hit(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(hit);
}

/* How many allocations has the statement made, also after that? */
Datum
counted(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(allocations);
}

/* The numbers of the allocations that were made by the extension, where, and their sizes. */
Datum
recorded(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int64 i = 0; i < Min(allocations, MAX_RECORDED); i++)
	{
		Datum		values[3] = {Int64GetDatum(i + 1), Int64GetDatum((int64) places[i]), Int64GetDatum((int64) sizes[i])};
		bool		nulls[3] = {false, false, false};

		if (places[i] != 0)
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
