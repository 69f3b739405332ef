/*-------------------------------------------------------------------------
 *
 * rbac.c
 *	  The module: settings and callbacks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "rbac_internal.h"

PG_MODULE_MAGIC;

int			rbac_cache_size;
bool		rbac_audit;

void		_PG_init(void);

static void
make_key_seed(void)
{
	if (!pg_strong_random(&key_seed, sizeof(key_seed)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
}

static void
define_cache_size(void)
{
	DefineCustomIntVariable("rbac.cache_size",
							"Memory for what each backend remembers of members and entities.",
							"The access of the member that is asking is kept even if it is larger.",
							&rbac_cache_size,
							64 * 1024,
							256,
							MAX_KILOBYTES,
							PGC_SUSET,
							GUC_UNIT_KB,
							NULL, NULL, NULL);
}

static void
define_audit(void)
{
	DefineCustomBoolVariable("rbac.audit",
							 "Log changes of who has what in rbac.audit_log.",
							 "Off: for bulk loads, and to delete from the log.",
							 &rbac_audit,
							 true,
							 PGC_SUSET,
							 0,
							 NULL, NULL, NULL);
}

static void
reserve_settings(void)
{
	MarkGUCPrefixReserved("rbac");
}

/*
 * When this fails, because memory has run out, the server calls it again the next
 * time that the module is needed, in the same process: then go on where it ended.
 */
void
_PG_init(void)
{
	static void (*const steps[]) (void) = {
		make_key_seed, define_member_setting, define_cache_size, define_audit, reserve_settings, register_invalidation
	};
	static size_t done = 0;

	for (; done < lengthof(steps); done++)
		steps[done] ();
}
