/*-------------------------------------------------------------------------
 *
 * access.c
 *	  All that a member may do, gathered from the tables and kept.
 *
 * One MemberAccess holds a member's access in all organizations.  It is built
 * by following the member's rows to teams, roles, rules, permission sets,
 * grants and settings, noting on the way every channel that would announce a
 * change to one of them (invalidate.c) and when the first of them expires.  It
 * is good until then; afterwards it is built anew as a whole.
 *
 * What a member holds type-wide in an organization is a bitmap; what they hold
 * on single entities is listed, with a hash table over the entities' keys.  A
 * listed entity counts only if the registry has it in the organization of the
 * grant, which is looked up at the first hit.  The list is bounded: entities
 * beyond the bound are looked up one by one, see unlisted_scopes().
 *
 * Members that were asked for last are kept, within rbac.cache_size.  Objects
 * are freed in access_of() only, so that a pointer is good until its next call.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "port/pg_bitutils.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "rbac.h"
#include "rbac_internal.h"

/*
 * Owned entities are listed up to this number in an organization.  Owning one
 * more changes the list, so a long list would make each of many inserts dear.
 */
#define MAX_OWNED	256

typedef struct AccessCacheEntry
{
	NameRef		member;			/* hash key; lies in the MemberAccess */
	MemberAccess *access;
} AccessCacheEntry;

typedef struct SetCacheEntry
{
	NameRef		name;			/* hash key */
	const Bits *scopes;
} SetCacheEntry;

/* A MemberAccess being built. */
typedef struct Build
{
	MemberAccess *access;
	Snapshot	snapshot;
	TimestampTz now;
	const NameRef *organization;	/* the only one that is wanted, but all of
									 * what is listed there; NULL: all */
	bool		nothing_listed; /* single entities are looked up when asked
								 * about */
	uint64		channels[CHANNELS / 64];
	bool		knows_owners;	/* owner_scopes are there */
	HTAB	   *sets;			/* permission sets read so far */
	int			maxorgs;
	int			maxdirect;
	Size		direct_size;
	char	   *room;			/* for names of entities */
	Size		room_size;
} Build;

static HTAB *access_cache = NULL;
static dlist_head access_lru = DLIST_STATIC_INIT(access_lru);	/* latest first */
static Size access_size = 0;
static uint64 last_serial = 0;
static MemberAccess *latest = NULL; /* asked for last; first in access_lru */
CacheStats	member_stats;

static NameRef
keep_name(Build *build, const NameRef *name)
{
	return copy_name(build->access->context, name);
}

static void
depend(Build *build, Topic topic, const NameRef *name)
{
	int			channel = channel_of(topic, name->data, name->len);

	build->channels[channel / 64] |= UINT64CONST(1) << (channel % 64);
}

/* Sets may be shared, so all of them have to lie in the object's own memory. */
static void
merge(Build *build, const Bits **bits, const Bits *more)
{
	MemoryContext old = MemoryContextSwitchTo(build->access->context);

	Assert(more == NULL || GetMemoryChunkContext((void *) more) == build->access->context);
	*bits = bits_union(*bits, more);
	MemoryContextSwitchTo(old);
}

static void
merge_scope(Build *build, const Bits **bits, int bit)
{
	MemoryContext old = MemoryContextSwitchTo(build->access->context);

	*bits = bits_union(*bits, bits_of_one(bit));
	MemoryContextSwitchTo(old);
}

/* ---- permission sets ---- */

static const Bits *
set_scopes(Build *build, const NameRef *name)
{
	bool		found;
	SetCacheEntry *entry = hash_search(build->sets, name, HASH_ENTER, &found);

	if (!found)
	{
		entry->name = keep_name(build, name);
		entry->scopes = NULL;
		depend(build, TOPIC_PERMISSION_SET, name);
		entry->scopes = bits_of_set(name, build->snapshot, build->access->context);
	}
	return entry->scopes;
}

/* ---- entities that are named one by one ---- */

/* A hundred thousand chunks of memory would cost more than the names in them. */
static NameRef
pack_name(Build *build, const NameRef *name)
{
	char	   *copy;

	if ((Size) name->len > build->room_size)
	{
		/* about as much as for all before */
		build->room_size = Max((Size) name->len, Min(build->direct_size / 4, 8000));
		build->room = MemoryContextAlloc(build->access->context, build->room_size);
	}
	copy = build->room;
	memcpy(copy, name->data, name->len);
	build->room += name->len;
	build->room_size -= name->len;
	return name_ref(copy, name->len);
}

static void
add_direct(Build *build, int org, const NameRef *type, const NameRef *entity, const Bits *scopes, bool owned)
{
	MemberAccess *access = build->access;
	DirectAccess *direct;

	if (scopes == NULL)
		return;
	if (build->nothing_listed)
	{
		access->unlisted = true;
		return;
	}
	build->direct_size += 2 * sizeof(DirectAccess) + entity->len;
	if (build->organization == NULL && build->direct_size > (Size) rbac_cache_size * 1024 / 4)
	{
		if (owned)
			access->unlisted_owned = true;
		else
			access->unlisted = true;
		return;
	}
	if (access->ndirect == build->maxdirect)
	{
		build->maxdirect *= 2;
		access->direct = repalloc_huge(access->direct, build->maxdirect * sizeof(DirectAccess));
	}
	direct = &access->direct[access->ndirect++];
	direct->entity = pack_name(build, entity);
	direct->type = type_number(type);
	direct->org = org;
	direct->channel = channel_of(TOPIC_ENTITY, entity->data, entity->len);
	direct->owned = owned;
	direct->scopes = scopes;
	direct->verified = 0;
	merge(build, &access->any_direct, scopes);
}

static void
add_grants(Build *build, int org, Lookup lookup, const NameRef *keys)
{
	TableScan	scan;

	if (build->nothing_listed)
	{
		build->access->unlisted = true;
		return;
	}
	begin_scan(&scan, lookup, build->snapshot, keys);
	while (next_row(&scan))
	{
		NameRef		set;
		NameRef		type;
		NameRef		entity;

		if (row_expired(&scan, GRANT_EXPIRES_AT, build->now, &build->access->valid_until))
			continue;
		row_name(&scan, GRANT_SET, &set);
		row_name(&scan, GRANT_ENTITY_TYPE, &type);
		row_name(&scan, GRANT_ENTITY, &entity);
		add_direct(build, org, &type, &entity, set_scopes(build, &set), false);
	}
	end_scan(&scan);
}

/* ---- roles ---- */

static void
add_tag_rule(Build *build, OrgAccess *org, Datum condition, const Bits *scopes)
{
	MemoryContext old = MemoryContextSwitchTo(build->access->context);

	if (org->tag_rules == NULL)
		org->tag_rules = palloc(sizeof(TagRule));
	else
		org->tag_rules = repalloc(org->tag_rules, (org->ntag_rules + 1) * sizeof(TagRule));
	org->tag_rules[org->ntag_rules].condition = DatumGetJsonPathPCopy(condition);
	org->tag_rules[org->ntag_rules].scopes = scopes;
	org->ntag_rules++;
	org->tagged = bits_union(org->tagged, scopes);
	MemoryContextSwitchTo(old);
}

static void
add_rules(Build *build, int i, const NameRef *role)
{
	OrgAccess  *org = &build->access->orgs[i];
	TableScan	scan;

	begin_scan(&scan, RULES_BY_ROLE, build->snapshot, role);
	while (next_row(&scan))
	{
		NameRef		set;
		NameRef		type;
		NameRef		entity;
		bool		unconditional;
		Datum		condition = row_value(&scan, RULE_CONDITION, &unconditional);
		const Bits *scopes;

		row_name(&scan, RULE_SET, &set);
		row_name(&scan, RULE_ENTITY_TYPE, &type);
		scopes = set_scopes(build, &set);
		if (row_name(&scan, RULE_ENTITY, &entity))
			add_direct(build, i, &type, &entity, scopes, false);
		else if (unconditional)
			merge(build, &org->wide, scopes);
		else if (scopes != NULL)
			add_tag_rule(build, org, condition, scopes);
	}
	end_scan(&scan);
}

static List *
append_name(Build *build, List *names, const NameRef *name)
{
	MemoryContext old = MemoryContextSwitchTo(build->access->context);
	NameRef    *copy = palloc(sizeof(NameRef));

	*copy = keep_name(build, name);
	names = lappend(names, copy);
	MemoryContextSwitchTo(old);
	return names;
}

static void
add_role(Build *build, int i, const NameRef *role)
{
	OrgAccess  *org = &build->access->orgs[i];
	TableScan	scan;

	if (names_contain(org->roles, role))
		return;
	org->roles = append_name(build, org->roles, role);
	depend(build, TOPIC_ROLE, role);
	begin_scan(&scan, ROLE_BY_NAME, build->snapshot, role);
	if (next_row(&scan) && row_bool(&scan, ROLE_ALL_SCOPES))
		org->all_scopes = true;
	end_scan(&scan);
	if (!org->all_scopes)
		add_rules(build, i, role);
}

/* ---- teams ---- */

static void
add_team(Build *build, int i, const NameRef *team)
{
	OrgAccess  *org = &build->access->orgs[i];
	TableScan	scan;

	org->teams = append_name(build, org->teams, team);
	depend(build, TOPIC_TEAM, team);
	begin_scan(&scan, ROLES_OF_TEAM, build->snapshot, team);
	while (next_row(&scan))
	{
		NameRef		role;

		if (row_expired(&scan, TEAM_ROLE_EXPIRES_AT, build->now, &build->access->valid_until))
			continue;
		row_name(&scan, TEAM_ROLE_ROLE, &role);
		add_role(build, i, &role);
	}
	end_scan(&scan);
	add_grants(build, i, GRANTS_TO_TEAM, team);
}

static void
add_teams(Build *build, int i, const NameRef *keys)
{
	TableScan	scan;

	begin_scan(&scan, TEAMS_OF_MEMBER, build->snapshot, keys);
	while (next_row(&scan))
	{
		NameRef		team;

		if (row_expired(&scan, TEAM_MEMBER_EXPIRES_AT, build->now, &build->access->valid_until))
			continue;
		row_name(&scan, TEAM_MEMBER_TEAM, &team);
		if (row_bool(&scan, TEAM_MEMBER_IS_ADMIN))
			build->access->orgs[i].admin_of = append_name(build, build->access->orgs[i].admin_of, &team);
		add_team(build, i, &team);
	}
	end_scan(&scan);
}

/* ---- what an organization gives to all ---- */

static void
add_toggles(Build *build, int i)
{
	OrgAccess  *org = &build->access->orgs[i];
	TableScan	scan;

	begin_scan(&scan, SETTINGS_OF_ORGANIZATION, build->snapshot, &org->name);
	while (next_row(&scan))
	{
		NameRef		scope;
		ScopeEntry *entry;

		row_name(&scan, SETTING_SCOPE, &scope);
		entry = lookup_scope(scope.data, scope.len);
		if (entry == NULL)
			entry = scope_as_of(&scope, build->snapshot);
		if (entry != NULL)
			merge_scope(build, &org->wide, entry->bit);
	}
	end_scan(&scan);
}

static void
add_member_defaults(Build *build, int i)
{
	OrgAccess  *org = &build->access->orgs[i];
	TableScan	scan;

	begin_scan(&scan, DEFAULTS_OF_ORGANIZATION, build->snapshot, &org->name);
	while (next_row(&scan))
	{
		NameRef		set;

		row_name(&scan, DEFAULT_SET, &set);
		merge(build, &org->wide, set_scopes(build, &set));
	}
	end_scan(&scan);
}

/* ---- ownership ---- */

static void
set_owner_scopes(Build *build, const NameRef *type, const Bits *scopes)
{
	MemberAccess *access = build->access;
	int			number = type_number(type);

	if (number >= access->nowner_scopes)
	{
		Size		size = (number + 1) * sizeof(Bits *);

		access->owner_scopes = access->owner_scopes == NULL ?
			MemoryContextAlloc(access->context, size) : repalloc(access->owner_scopes, size);
		while (access->nowner_scopes <= number)
			access->owner_scopes[access->nowner_scopes++] = NULL;
	}
	access->owner_scopes[number] = scopes;
}

/*
 * What owners have, by entity type: a row's set, or the built-in default.  Read
 * once, and not for those who have all scopes wherever they are a member.
 */
static void
add_owner_scopes(Build *build)
{
	NameRef		default_type = cstring_ref(OWNED_TYPE);
	NameRef		default_set = cstring_ref(OWNER_SET);
	NameRef		nothing = {"", 0};
	TableScan	scan;

	if (build->knows_owners)
		return;
	build->knows_owners = true;
	depend(build, TOPIC_CATALOG, &nothing);
	set_owner_scopes(build, &default_type, set_scopes(build, &default_set));
	begin_scan(&scan, ENTITY_TYPE_SETTINGS, build->snapshot, NULL);
	while (next_row(&scan))
	{
		NameRef		type;
		NameRef		set;
		bool		given;

		row_name(&scan, SETTINGS_ENTITY_TYPE, &type);
		given = row_name(&scan, SETTINGS_OWNER_SET, &set);
		set_owner_scopes(build, &type, given ? set_scopes(build, &set) : NULL);
	}
	end_scan(&scan);
}

const Bits *
owner_scopes(const MemberAccess *access, int type)
{
	return type < access->nowner_scopes ? access->owner_scopes[type] : NULL;
}

static void
add_owned(Build *build, int i, const NameRef *keys)
{
	MemberAccess *access = build->access;
	int			count = 0;
	TableScan	scan;

	if (build->nothing_listed)
	{
		access->unlisted_owned = true;
		return;
	}
	begin_scan(&scan, ENTITIES_BY_OWNER, build->snapshot, keys);
	while (next_row(&scan))
	{
		NameRef		type;
		NameRef		entity;

		if (++count > MAX_OWNED && build->organization == NULL)
		{
			access->unlisted_owned = true;
			break;
		}
		row_name(&scan, ENTITY_TYPE, &type);
		row_name(&scan, ENTITY_ENTITY, &entity);
		add_direct(build, i, &type, &entity, owner_scopes(access, type_number(&type)), true);
	}
	end_scan(&scan);
}

/* ---- a member ---- */

static int
add_org(Build *build, const NameRef *organization)
{
	MemberAccess *access = build->access;
	OrgAccess  *org;

	if (access->norgs == build->maxorgs)
	{
		build->maxorgs *= 2;
		access->orgs = repalloc_huge(access->orgs, build->maxorgs * sizeof(OrgAccess));
	}
	org = &access->orgs[access->norgs];
	memset(org, 0, sizeof(OrgAccess));
	org->name = keep_name(build, organization);
	depend(build, TOPIC_ORGANIZATION, organization);
	return access->norgs++;
}

/* A row of rbac.members, and all that follows from it. */
static void
add_membership(Build *build, TableScan *row)
{
	MemberAccess *access = build->access;
	NameRef		organization;
	NameRef		kind;
	NameRef		role;
	NameRef		keys[2];
	int			i;

	if (row_expired(row, MEMBER_EXPIRES_AT, build->now, &access->valid_until))
		return;
	row_name(row, MEMBER_ORGANIZATION, &organization);
	row_name(row, MEMBER_KIND, &kind);
	row_name(row, MEMBER_ROLE, &role);
	i = add_org(build, &organization);
	access->orgs[i].is_token = name_is_string(&kind, KIND_TOKEN);
	keys[0] = organization;
	keys[1] = access->member;

	add_role(build, i, &role);
	if (access->orgs[i].all_scopes)
		return;					/* nothing can be added to that */
	if (!access->orgs[i].is_token)
	{
		add_teams(build, i, keys);
		add_grants(build, i, GRANTS_TO_MEMBER, keys);
		add_toggles(build, i);
	}
	if (name_is_string(&role, ROLE_MEMBER))
		add_member_defaults(build, i);
	add_owner_scopes(build);
	add_owned(build, i, keys);
}

static void
summarize(Build *build)
{
	MemberAccess *access = build->access;

	for (int i = 0; i < access->norgs; i++)
	{
		access->any_all_scopes |= access->orgs[i].all_scopes;
		merge(build, &access->any_wide, access->orgs[i].wide);
		merge(build, &access->any_wide, access->orgs[i].tagged);
	}
	if (access->unlisted_owned)
		for (int type = 0; type < access->nowner_scopes; type++)
			merge(build, &access->any_wide, access->owner_scopes[type]);
}

static void
finish_channels(Build *build)
{
	MemberAccess *access = build->access;

	access->channels = MemoryContextAlloc(access->context, CHANNELS * sizeof(int16));
	for (int word = 0; word < CHANNELS / 64; word++)
		for (uint64 left = build->channels[word]; left != 0; left &= left - 1)
			access->channels[access->nchannels++] = word * 64 + pg_rightmost_one_pos64(left);
	access->channels = repalloc(access->channels, access->nchannels * sizeof(int16));
}

static void
read_member(Build *build)
{
	MemberAccess *access = build->access;
	TableScan	scan;

	depend(build, TOPIC_MEMBER, &access->member);
	depend(build, TOPIC_OWNER, &access->member);
	if (build->organization != NULL)
	{
		NameRef		keys[2] = {*build->organization, access->member};

		begin_scan(&scan, MEMBER_BY_KEY, build->snapshot, keys);
	}
	else
		begin_scan(&scan, MEMBERS_BY_MEMBER, build->snapshot, &access->member);
	while (next_row(&scan))
		add_membership(build, &scan);
	end_scan(&scan);
	summarize(build);
	finish_channels(build);
}

static MemberAccess *
create_access(const NameRef *member, TimestampTz now)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rbac member", ALLOCSET_SMALL_SIZES);
	MemberAccess *access = MemoryContextAllocZero(context, sizeof(MemberAccess));

	access->context = context;
	access->member = copy_name(context, member);
	access->serial = ++last_serial;
	access->built_at = now;
	access->valid_until = DT_NOEND;
	return access;
}

/* What is wanted in *build is there; the rest is made here. */
static MemberAccess *
build_as_of(Build *build, const NameRef *member, bool owner_scopes_too)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "rbac build", ALLOCSET_DEFAULT_SIZES);
	MemberAccess *access = create_access(member, build->now);

	build->access = access;
	build->maxorgs = 1;
	build->maxdirect = 16;
	MemoryContextSwitchTo(scratch);
	access->orgs = MemoryContextAlloc(access->context, build->maxorgs * sizeof(OrgAccess));
	access->direct = MemoryContextAlloc(access->context, build->maxdirect * sizeof(DirectAccess));
	build->sets = create_name_hash("rbac sets", sizeof(SetCacheEntry), scratch);
	if (owner_scopes_too)
		add_owner_scopes(build);
	read_member(build);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return access;
}

/*
 * The stamp is taken before the snapshot: whatever is announced from here on
 * makes the object stale.
 */
static MemberAccess *
build_at_once(const NameRef *member, TimestampTz now, bool to_give)
{
	Stamp		stamp = invalidation_stamp;
	bool		own_command = reading_own_command();
	Build		build = {.snapshot = latest_snapshot(),.now = now,.nothing_listed = to_give};
	MemberAccess *access = build_as_of(&build, member, to_give);

	UnregisterSnapshot(build.snapshot);
	access->stamp = stamp;
	access->own_command = own_command;
	return access;
}

/* The snapshot misses what is in a table that was rewritten while its lock was waited for. */
static MemberAccess *
build_access(const NameRef *member, TimestampTz now, bool to_give)
{
	MemberAccess *access = build_at_once(member, now, to_give);

	for (int i = 1; i < MAX_ATTEMPTS && tables_changed_since(access->stamp); i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextDelete(access->context);
		access = build_at_once(member, now, to_give);
	}
	return access;
}

/* ---- the cache ---- */

/* Is it still so?  If so, nothing before now needs to be looked at again. */
bool
is_current(MemberAccess *access, TimestampTz now)
{
	if (access->own_command || now >= access->valid_until || now < access->built_at)
		return false;
	if (access->stamp == invalidation_stamp)
		return true;
	for (int i = 0; i < access->nchannels; i++)
		if (changed_since(access->channels[i], access->stamp))
			return false;
	access->stamp = invalidation_stamp;
	return true;
}

/*
 * Rows are read later than the member's access: is it still so, or is the answer
 * to be worked out again?
 */
bool
answer_is_current(MemberAccess *access, int attempt)
{
	CHECK_FOR_INTERRUPTS();
	AcceptInvalidationMessages();
	return access->own_command || attempt == MAX_ATTEMPTS ||
		is_current(access, GetCurrentStatementStartTimestamp());
}

/* Those who hold a pointer look at invalidation_stamp before they use it. */
static void
drop_access(MemberAccess *access)
{
	if (access == latest)
		latest = NULL;
	hash_search(access_cache, &access->member, HASH_REMOVE, NULL);
	dlist_delete(&access->lru);
	access_size -= access->size;
	invalidation_stamp++;
	MemoryContextDelete(access->context);
}

/* Tables of keys may have been added to an object since. */
static void
measure(MemberAccess *access)
{
	access_size -= access->size;
	access->size = MemoryContextMemAllocated(access->context, true);
	access_size += access->size;
}

static void
insert_access(MemberAccess *access)
{
	AccessCacheEntry *entry = hash_search(access_cache, &access->member, HASH_ENTER, NULL);

	entry->access = access;
	MemoryContextSetParent(access->context, CacheMemoryContext);
	dlist_push_head(&access_lru, &access->lru);
	measure(access);
	while (access_size > (Size) rbac_cache_size * 1024 / 2 && dlist_has_next(&access_lru, &access->lru))
	{
		drop_access(dlist_container(MemberAccess, lru, dlist_tail_node(&access_lru)));
		member_stats.evictions++;
	}
}

void
measure_members(void)
{
	if (latest != NULL)
		measure(latest);
	member_stats.entries = access_cache == NULL ? 0 : hash_get_num_entries(access_cache);
	member_stats.bytes = access_size;
}

/*
 * What this member may do as of now; an unknown member may do nothing, and who
 * has no possible name is the member without one.  The result is good until the
 * next call, and depends on what has been received of invalidations.
 */
MemberAccess *
access_of(const NameRef *member, TimestampTz now)
{
	static const NameRef nobody = {"", 0};
	AccessCacheEntry *entry;
	MemberAccess *access;

	if (latest != NULL && name_is(member, latest->member.data, latest->member.len) && is_current(latest, now))
	{
		member_stats.hits++;
		return latest;
	}
	if (latest != NULL)
		measure(latest);
	if (access_cache == NULL)
		access_cache = create_name_hash("rbac members", sizeof(AccessCacheEntry), CacheMemoryContext);
	if (member->len > NAME_MAX_LEN)
		member = &nobody;
	entry = hash_search(access_cache, member, HASH_FIND, NULL);
	if (entry != NULL && is_current(entry->access, now))
	{
		latest = entry->access;
		dlist_move_head(&access_lru, &latest->lru);
		member_stats.hits++;
		return latest;
	}
	access = build_access(member, now, false);
	entry = hash_search(access_cache, member, HASH_FIND, NULL);
	if (entry == NULL)
		member_stats.misses++;
	else
	{
		member_stats.rebuilds++;
		drop_access(entry->access);
	}
	insert_access(access);
	latest = access;
	return access;
}

/*
 * What this member may do until some time at least, by nothing that expires before;
 * and what owners have, be there anything of the member's or not.  For who is about to
 * give something, on a few entities: none is listed, see held_on().  Not cached; made
 * in the current memory context.
 */
MemberAccess *
access_until(const NameRef *member, TimestampTz until)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();

	return build_access(member, until > now ? until - 1 : now, true);
}

/*
 * What this member may do in one organization, as a snapshot has it.  All entities are
 * listed, however many.  Not cached; made in the current memory context.
 */
MemberAccess *
access_as_of(Snapshot snapshot, const NameRef *organization, const NameRef *member, TimestampTz now)
{
	Build		build = {.snapshot = snapshot,.now = now,.organization = organization};

	return build_as_of(&build, member, false);
}

/* What was true of a member when they asked last, and may be no longer; or NULL. */
MemberAccess *
cached_access(const NameRef *member)
{
	AccessCacheEntry *entry = access_cache == NULL ? NULL : hash_search(access_cache, member, HASH_FIND, NULL);

	return entry == NULL ? NULL : entry->access;
}

/* ---- looking into it ---- */

OrgAccess *
org_access(MemberAccess *access, const Key *organization)
{
	KeyTable  **table = &access->orgs_by_key[organization->kind];
	uint32		position = organization->hash;
	int			i;

	if (*table == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(access->context);

		*table = build_key_table(organization->kind, &access->orgs[0].name, sizeof(OrgAccess), access->norgs);
		MemoryContextSwitchTo(old);
	}
	i = next_item(*table, organization, &position);
	return i < 0 ? NULL : &access->orgs[i];
}

KeyTable *
direct_table(MemberAccess *access, KeyKind kind)
{
	KeyTable  **table = &access->direct_by_key[kind];

	if (*table == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(access->context);

		*table = build_key_table(kind, &access->direct[0].entity, sizeof(DirectAccess), access->ndirect);
		MemoryContextSwitchTo(old);
	}
	return *table;
}

static void
grow_counts(MemberAccess *access, int n)
{
	Size		size = n * sizeof(ScopeCount);

	access->counts = access->counts == NULL ?
		MemoryContextAlloc(access->context, size) : repalloc(access->counts, size);
	for (; access->ncounts < n; access->ncounts++)
		access->counts[access->ncounts].direct = access->counts[access->ncounts].candidates = -1;
}

/* What is known of numbers of entities; how many are listed is always. */
ScopeCount *
scope_count(MemberAccess *access, int bit)
{
	ScopeCount *count;

	if (bit >= access->ncounts)
		grow_counts(access, bit + 1);
	count = &access->counts[bit];
	if (count->direct < 0)
	{
		count->direct = 0;
		for (int i = 0; i < access->ndirect && has_bit(access->any_direct, bit); i++)
			count->direct += has_bit(access->direct[i].scopes, bit);
	}
	return count;
}

/* The key's hash is not looked at. */
bool
is_member_key(MemberAccess *access, const Key *key)
{
	Key		  **own = &access->own_key[key->kind];

	if (*own == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(access->context);
		Key		   *made = palloc(sizeof(Key));

		convert_key(made, key->kind, access->member.data, access->member.len);
		*own = made;
		MemoryContextSwitchTo(old);
	}
	return (*own)->kind == key->kind && (*own)->len == key->len && bytes_equal((*own)->data, key->data, key->len);
}
