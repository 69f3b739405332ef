/*-------------------------------------------------------------------------
 *
 * rbac_internal.h
 *	  What the files of the module share with one another.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RBAC_INTERNAL_H
#define RBAC_INTERNAL_H

#include "access/genam.h"
#include "access/htup.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/ilist.h"
#include "nodes/lockoptions.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/jsonpath.h"
#include "utils/rel.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "key.h"
#include "names.h"
#include "scopeset.h"

/*
 * Nobody else links to what is declared here.  Knowing that, the compiler calls
 * functions and reaches variables directly.
 */
#pragma GCC visibility push(hidden)

/* ---- settings (rbac.c; rbac.member is in member.c) ---- */

extern int	rbac_cache_size;	/* rbac.cache_size, kB */
extern bool rbac_audit;			/* rbac.audit */

/* ---- what the caches have done (cache_stats.c) ---- */

/* Since the backend started. */
typedef struct CacheStats
{
	uint64		entries;		/* now, as are the bytes */
	uint64		bytes;
	uint64		hits;
	uint64		misses;			/* looked for and not there */
	uint64		rebuilds;		/* there, but no longer true */
	uint64		evictions;		/* dropped to make room */
} CacheStats;

extern CacheStats member_stats; /* access.c */
extern CacheStats entity_stats; /* entity.c */
extern void measure_members(void);
extern void measure_entities(void);

/* ---- invalidation (invalidate.c) ---- */

/* Kinds of things that a cached answer can depend on. */
typedef enum Topic
{
	TOPIC_CATALOG = 'c',		/* scopes and entity_type_settings */
	TOPIC_PERMISSION_SET = 's',
	TOPIC_ROLE = 'r',
	TOPIC_MEMBER = 'm',			/* of that name, in all organizations */
	TOPIC_TEAM = 't',
	TOPIC_ORGANIZATION = 'g',	/* its settings and defaults */
	TOPIC_ENTITY = 'e',			/* of that id, of all types */
	TOPIC_OWNER = 'o'			/* what the member of that name owns */
} Topic;

/*
 * A moment in this backend's stream of invalidations.  What was read from a
 * snapshot taken at or after a stamp is good as long as changed_since() says
 * that nothing it depends on has changed.
 */
typedef uint64 Stamp;

#define CHANNELS	6144		/* a multiple of 64 * 3 */

extern Stamp invalidation_stamp;	/* now; moves on with each message, and
									 * whenever a MemberAccess is freed or
									 * rbac.member is set */
extern Stamp channel_stamps[CHANNELS];

extern int	channel_of(Topic topic, const char *name, int len);
extern bool tables_changed_since(Stamp stamp);
extern bool reading_own_command(void);
extern void invalidate_everything(void);
extern void register_invalidation(void);

static inline bool
changed_since(int channel, Stamp stamp)
{
	return channel_stamps[channel] > stamp;
}

/* ---- reading the tables (catalog.c) ---- */

/* Each way in which the tables are read: a table and its equality keys. */
typedef enum Lookup
{
	SCOPES,
	SCOPE_BY_NAME,
	SCOPES_BY_ENTITY_TYPE,
	ORGANIZATION_BY_NAME,
	ENTITY_TYPE_BY_NAME,
	PERMISSION_SET_BY_NAME,
	PERMISSION_SETS_BY_ORGANIZATION,
	ENTITY_TYPE_SETTINGS,
	SETTINGS_OF_ENTITY_TYPE,
	ROLE_BY_NAME,
	ROLES_BY_ORGANIZATION,
	DEFAULT_ROLE_BY_ORGANIZATION,
	RULES_BY_ROLE,
	RULES_BY_ROLE_AND_SET,
	RULES_BY_ROLE_SET_AND_ENTITY,
	RULES_BY_ENTITY,
	RULES_BY_SET,
	MEMBERS_BY_MEMBER,
	MEMBERS_BY_ROLE,
	MEMBERS_BY_ROLE_AND_ORGANIZATION,
	MEMBER_BY_KEY,
	TEAM_BY_NAME,
	TEAMS_OF_MEMBER,
	MEMBER_OF_TEAM,
	MEMBERS_OF_TEAM,
	ROLES_OF_TEAM,
	TEAMS_WITH_ROLE,
	ENTITY_BY_KEY,
	ENTITIES_BY_OWNER,
	ENTITIES_BY_OWNER_AND_TYPE,
	ENTITIES_BY_ORGANIZATION,
	GRANTS_BY_ENTITY,
	GRANTS_BY_ENTITY_AND_SET,
	GRANTS_TO_TEAMS_BY_ENTITY_AND_SET,
	GRANTS_TO_MEMBERS_BY_ENTITY_AND_SET,
	GRANTS_BY_SET,
	GRANTS_TO_TEAM,
	GRANTS_TO_TEAM_BY_SET,
	GRANTS_TO_TEAM_BY_SET_AND_ENTITY,
	GRANTS_TO_MEMBER,
	GRANTS_TO_MEMBER_BY_SET,
	GRANTS_TO_MEMBER_BY_SET_AND_ENTITY,
	DEFAULTS_OF_ORGANIZATION,
	DEFAULTS_BY_SET,
	SETTINGS_OF_ORGANIZATION,
	SETTING_BY_KEY,
	LOOKUPS
} Lookup;

/* Column numbers, as sql/tables.sql creates them. */
enum
{
	SCOPE_NAME = 1, SCOPE_ENTITY_TYPE = 2, SCOPE_TOGGLE = 5
};
enum
{
	ORGANIZATION_NAME = 1
};
enum
{
	ENTITY_TYPE_NAME = 1
};
enum
{
	SET_NAME = 1, SET_ORGANIZATION = 2, SET_ENTITY_TYPE = 3, SET_SCOPES = 4
};
enum
{
	SETTINGS_ENTITY_TYPE = 1, SETTINGS_OWNER_SET = 2, SETTINGS_ACCESS_SCOPE = 3
};
enum
{
	ROLE_NAME = 1, ROLE_ORGANIZATION = 2, ROLE_ALL_SCOPES = 3
};
enum
{
	DEFAULT_ROLE_ORGANIZATION = 1, DEFAULT_ROLE_ROLE = 2
};
enum
{
	RULE_ID = 1, RULE_ROLE = 2, RULE_SET = 3, RULE_ENTITY_TYPE = 4, RULE_ENTITY = 5, RULE_CONDITION = 6
};
enum
{
	MEMBER_ORGANIZATION = 1, MEMBER_MEMBER = 2, MEMBER_KIND = 3, MEMBER_ROLE = 4, MEMBER_EXPIRES_AT = 5
};
enum
{
	TEAM_MEMBER_TEAM = 1, TEAM_MEMBER_ORGANIZATION = 2, TEAM_MEMBER_MEMBER = 3, TEAM_MEMBER_IS_ADMIN = 4,
	TEAM_MEMBER_EXPIRES_AT = 5
};
enum
{
	TEAM_NAME = 1, TEAM_SOURCE = 3
};
enum
{
	TEAM_ROLE_TEAM = 1, TEAM_ROLE_ROLE = 2, TEAM_ROLE_EXPIRES_AT = 3
};
enum
{
	ENTITY_TYPE = 1, ENTITY_ENTITY = 2, ENTITY_ORGANIZATION = 3, ENTITY_OWNER = 4, ENTITY_TAGS = 5
};
enum
{
	GRANT_ID = 1, GRANT_SET = 2, GRANT_ENTITY_TYPE = 3, GRANT_ENTITY = 4, GRANT_TEAM = 5,
	GRANT_ORGANIZATION = 6, GRANT_MEMBER = 7, GRANT_EXPIRES_AT = 8
};
enum
{
	DEFAULT_ORGANIZATION = 1, DEFAULT_SET = 2, DEFAULT_ENTITY_TYPE = 3
};
enum
{
	SETTING_ORGANIZATION = 1, SETTING_SCOPE = 2
};

#define MAX_KEYS	6

/* A scan of one of the tables, by equality on its keys. */
typedef struct TableScan
{
	Relation	rel;
	SysScanDesc scan;
	Relation	index;			/* of an ordered scan only */
	AttrNumber	null_column;	/* of which next_row() has to see to it that
								 * it is NULL; 0: none */
	HeapTuple	tuple;			/* the row that next_row() found */
} TableScan;

extern Snapshot latest_snapshot(void);
extern void snapshots_around(Snapshot *before, Snapshot *after);
extern void begin_scan(TableScan *scan, Lookup lookup, Snapshot snapshot, const NameRef *keys);
extern bool begin_ordered_scan(TableScan *scan, Lookup lookup, Snapshot snapshot, const NameRef *keys,
							   const NameRef *after);
extern AttrNumber last_key_column(Lookup lookup);
extern bool next_row(TableScan *scan);
extern void end_scan(TableScan *scan);
extern Datum row_value(TableScan *scan, AttrNumber column, bool *isnull);
extern bool row_name(TableScan *scan, AttrNumber column, NameRef *name);
extern bool row_bool(TableScan *scan, AttrNumber column);
extern bool row_expired(TableScan *scan, AttrNumber column, TimestampTz now, TimestampTz *until);

extern Oid	registry_oid(void);
extern Oid	organizations_oid(void);
extern bool is_rbac_table(Oid relid, bool *entities);
extern void forget_table(Oid relid);

extern TriggerData *trigger_data(FunctionCallInfo fcinfo);
extern bool row_exists(Lookup lookup, const NameRef *keys);
extern Oid	rbac_namespace(void);
extern bool is_rbac_owner(Oid role);
extern bool sees_all_rows(Oid role);

/* ---- scopes and sets inside a backend (scopes.c) ---- */

/*
 * A dense number for each scope that this backend has met: the stored bit of
 * a built-in one, the next free number for others.  They never leave the
 * process.  The same for entity types.
 */
typedef struct ScopeEntry
{
	NameRef		name;			/* hash key; owned */
	int			bit;
	int			type;			/* entity type's number; -1: not known yet */
	bool		registered;		/* has a row in rbac.scopes ... */
	Stamp		stamp;			/* ... as of this moment */
} ScopeEntry;

/* A set of scopes by their dense numbers. */
typedef struct Bits
{
	int			nwords;
	uint64		words[FLEXIBLE_ARRAY_MEMBER];
} Bits;

#define TYPE_ORGANIZATION	0

extern bool scope_is_registered(const char *name, int len);
extern char *nearest_scope(const char *name, int len);
extern ScopeEntry *lookup_scope(const char *data, int len); /* NULL: not registered */
extern ScopeEntry *require_scope_entry(const char *name, int len);
extern ScopeEntry *scope_as_of(const NameRef *name, Snapshot snapshot);
extern int	entity_types(void);
extern bool type_is_met(const NameRef *type);
extern int	type_number(const NameRef *type);
extern NameRef type_name(int type);
extern Bits *bits_of_set(const NameRef *set, Snapshot snapshot, MemoryContext context);
extern Bits *bits_of_type(int type, Snapshot snapshot);
extern Bits *bits_of_everything(Snapshot snapshot);
extern Bits *bits_of_one(int bit);
extern const Bits *bits_union(const Bits *a, const Bits *b);
extern const Bits *bits_minus(const Bits *a, const Bits *b);
extern ScopeSet *bits_to_scopeset(const Bits *bits, int type);

static inline bool
has_bit(const Bits *bits, int bit)
{
	int			word = bit / 64;

	return bits != NULL && word < bits->nwords && (bits->words[word] >> (bit % 64) & 1) != 0;
}

/* ---- what a member may do (access.c) ---- */

/* A role's rule for the entities whose tags satisfy a condition. */
typedef struct TagRule
{
	JsonPath   *condition;
	const Bits *scopes;
} TagRule;

/* A member's access within one organization. */
typedef struct OrgAccess
{
	NameRef		name;
	bool		is_token;		/* the member is the organization's token */
	bool		all_scopes;
	const Bits *wide;			/* on the organization and on all entities */
	const Bits *tagged;			/* union over tag_rules */
	TagRule    *tag_rules;
	int			ntag_rules;
	List	   *roles;			/* of NameRef *, all that apply */
	List	   *teams;			/* of NameRef *; none if all_scopes */
	List	   *admin_of;		/* those of them that the member administers */
} OrgAccess;

/* Access to one entity: a direct rule, a grant, or ownership. */
typedef struct DirectAccess
{
	NameRef		entity;
	int			type;
	int			org;			/* in orgs[] */
	int16		channel;		/* of the entity */
	bool		owned;			/* by what the registry says */
	const Bits *scopes;
	Stamp		verified;		/* the registry had it in that organization as
								 * of then; 0: not looked yet */
} DirectAccess;

/* On how many entities a member may have a scope: estimates. */
typedef struct ScopeCount
{
	int			direct;			/* how many of direct[] give it; -1: unknown */
	int			candidates;		/* -1: unknown; see candidates.c */
	TimestampTz counted_at;		/* the statement that counted candidates */
} ScopeCount;

/* All that a member may do, in all organizations. */
typedef struct MemberAccess
{
	NameRef		member;
	dlist_node	lru;
	MemoryContext context;		/* holds all of this */
	Size		size;
	uint64		serial;			/* never used twice in this backend */

	Stamp		stamp;			/* good if nothing below changed since */
	int			nchannels;
	int16	   *channels;
	TimestampTz built_at;		/* the statement that it was built for */
	TimestampTz valid_until;	/* when the first thing in it expires */
	bool		own_command;	/* good for one answer only */

	OrgAccess  *orgs;
	int			norgs;
	DirectAccess *direct;
	int			ndirect;
	bool		unlisted;		/* not all rules and grants are in direct[] */
	bool		unlisted_owned; /* not all that is owned is in direct[] */
	const Bits **owner_scopes;	/* by entity type: what owners have */
	int			nowner_scopes;

	bool		any_all_scopes;
	const Bits *any_direct;		/* union over direct[] */
	const Bits *any_wide;		/* union of what needs the entity's row */

	/* made when first asked for */
	KeyTable   *orgs_by_key[KEY_KINDS];
	KeyTable   *direct_by_key[KEY_KINDS];
	Key		   *own_key[KEY_KINDS]; /* the member's name, to compare owners */
	ScopeCount *counts;			/* by scope, for the planner */
	int			ncounts;
	struct TagSlot *tag_slots;	/* see tag_rules_allow() */
} MemberAccess;

/* What has a meaning by its name. */
#define ROLE_MEMBER			"Member"
#define KIND_TOKEN			"organization_token"
#define OWNED_TYPE			"stack" /* owners have something without a setting */
#define OWNER_SET			"Stack Admin"

extern MemberAccess *access_of(const NameRef *member, TimestampTz now);
extern MemberAccess *access_until(const NameRef *member, TimestampTz until);
extern MemberAccess *access_as_of(Snapshot snapshot, const NameRef *organization, const NameRef *member,
								  TimestampTz now);
extern MemberAccess *cached_access(const NameRef *member);
extern bool is_current(MemberAccess *access, TimestampTz now);
extern bool answer_is_current(MemberAccess *access, int attempt);

/* An answer is not worked out again for ever, as in a server that is told to forget everything all the time. */
#define MAX_ATTEMPTS	100

extern OrgAccess *org_access(MemberAccess *access, const Key *organization);
extern KeyTable *direct_table(MemberAccess *access, KeyKind kind);
extern bool is_member_key(MemberAccess *access, const Key *key);
extern const Bits *owner_scopes(const MemberAccess *access, int type);
extern ScopeCount *scope_count(MemberAccess *access, int bit);

/* Can anything but a rule, grant or ownership that is listed give this scope? */
static inline bool
needs_registry(const MemberAccess *access, int bit)
{
	return access->any_all_scopes || access->unlisted || has_bit(access->any_wide, bit);
}

/* ---- conditions on tags (condition.c) ---- */

extern uint64 conditions_undecided; /* how often one could not be evaluated,
									 * and may be another time */
extern bool condition_matches(JsonPath *condition, struct varlena *tags);
extern bool condition_may_match(JsonPath *condition, struct varlena *tags);
extern bool tag_rules_allow(MemberAccess *access, const OrgAccess *org, int bit, struct varlena *tags);
extern const Bits *tag_rules_scopes(const OrgAccess *org, struct varlena *tags);

/* ---- the registry (entity.c) ---- */

/*
 * What the registry knows about an entity, and what was last asked of it.  A
 * backend may hold a million of these and look at each once, so they are small
 * and in one piece.
 */
typedef struct EntityEntry
{
	Stamp		stamp;
	uint64		serial;			/* the MemberAccess that asked last; 0: none */
	OrgAccess  *org;			/* its access in the organization, or NULL */
	int			tag_bit;		/* the scope that tag rules were asked for; or
								 * -1 */
	int			type;
	uint32		number;			/* in the order in which entities were met */
	int16		channel;
	bool		read_along;		/* with another, and not asked for yet */
	bool		tag_result;
	bool		has_owner;
	uint8		key_len;
	uint8		organization_len;
	uint8		owner_len;
	char		data[FLEXIBLE_ARRAY_MEMBER];	/* key, organization, owner */
} EntityEntry;

static inline NameRef
entity_organization(const EntityEntry *entity)
{
	return name_ref(entity->data + entity->key_len, entity->organization_len);
}

static inline bool
entity_is_owned_by(const EntityEntry *entity, const NameRef *member)
{
	return entity->has_owner &&
		name_is(member, entity->data + entity->key_len + entity->organization_len, entity->owner_len);
}

extern EntityEntry *lookup_entity(int type, const Key *key);
extern struct varlena *entity_tags(int type, const Key *key);

/* ---- the check (check.c) ---- */

extern bool check_entity(MemberAccess *access, int type, const Key *key, int bit);
extern bool check_organization(MemberAccess *access, const Key *key, int bit);
extern bool direct_holds(MemberAccess *access, DirectAccess *direct, const Key *key);
extern OrgAccess *entity_org(MemberAccess *access, EntityEntry *entity);
extern const Bits *unlisted_scopes(const MemberAccess *access, const OrgAccess *org, int type,
								   const Key *key);

/* ---- triggers (constraint.c) ---- */

extern HeapTuple trigger_row(TriggerData *data);
extern NameRef column_name(TriggerData *data, HeapTuple row, AttrNumber column);
extern Datum column_value(TriggerData *data, HeapTuple row, AttrNumber column, bool *isnull);
extern char *quotable(NameRef name);
extern bool lock_row(TableScan *scan, LockTupleMode mode);
extern bool in_own_script(void);
extern bool loading_dump(void);
extern SPIPlanPtr prepare_query(const char *query, int nargs, Oid *types);
extern uint64 run_on_latest(Relation rel, SPIPlanPtr plan, bool changes, Datum *values);

/* ---- logical replication (subscriber.c) ---- */

extern bool on_subscriber(Relation rel);

/* ---- the audit log (audit.c) ---- */

extern bool logged_rows(int64 *first_id);
extern bool changed_unlogged(void);

/* ---- names in order, from several scans (stream.c) ---- */

typedef struct Merge Merge;

/* Does the row count?  Its name is the last of the lookup's keys. */
typedef bool (*AcceptRow) (void *arg, TableScan *row, const NameRef *name);

extern Merge *begin_merge(Snapshot snapshot, const NameRef *after);
extern void add_stream(Merge *merge, Lookup lookup, const NameRef *keys, int nkeys, AcceptRow accept, void *arg);
extern void add_to_merge(Merge *merge, const NameRef *name);
extern bool next_merged(Merge *merge, NameRef *name);
extern void end_merge(Merge *merge);
extern bool next_distinct(Lookup lookup, Snapshot snapshot, const NameRef *keys, NameRef *name);

/* ---- a scope on an entity, seen from there (target.c) ---- */

/* The permission sets that hold a scope, as far as they were asked for. */
typedef struct GivingSets
{
	Snapshot	snapshot;
	int			bit;
	MemoryContext context;
	HTAB	   *known;
} GivingSets;

typedef struct Target
{
	Snapshot	snapshot;		/* that all is read from */
	TimestampTz now;
	const ScopeEntry *scope;
	NameRef		entity;
	bool		registered;
	NameRef		organization;	/* if it is registered */
	NameRef		owner;			/* data is NULL: none */
	struct varlena *tags;		/* or NULL */
	GivingSets	sets;
} Target;

/* By what a role gives the scope. */
typedef struct RoleGift
{
	bool		all_scopes;
	NameRef		set;			/* if not */
	int64		rule;
} RoleGift;

extern GivingSets giving_sets(Snapshot snapshot, int bit);
extern bool set_gives(GivingSets *sets, const NameRef *set);
extern bool next_giving_set(GivingSets *sets, Lookup lookup, const NameRef *keys, NameRef *set);
extern void begin_target(Target *target, const ScopeEntry *scope, const NameRef *entity);
extern void end_target(Target *target);
extern bool owner_set(Target *target, NameRef *set);
extern bool access_scope(Snapshot snapshot, const NameRef *type, NameRef *scope);
extern bool rule_matches(const Target *target, TableScan *rule);
extern bool role_gives(Target *target, TableScan *row, RoleGift *gift);
extern bool is_toggled(const Target *target);

/* ---- functions that enumerate (list.c) ---- */

/* Which part of a list is wanted. */
typedef struct ListPage
{
	NameRef		after;			/* data is NULL: from the beginning */
	int64		max_rows;
} ListPage;

extern int	existing_type(const NameRef *type);
extern bool asker_has_scope(const NameRef *asker, const NameRef *organization, const char *scope);
extern bool asker_may_read_member(const NameRef *asker, const NameRef *member);
extern ListPage page_arguments(FunctionCallInfo fcinfo);
extern Merge *begin_page(const ListPage *page, Snapshot snapshot);
extern void return_page(const ListPage *page, Merge *merge, FunctionCallInfo fcinfo);

/* ---- plans (planner.c) ---- */

extern void member_changes(const char *member);

/* ---- identity (member.c) ---- */

extern bool current_member_name(NameRef *member);
extern bool may_ask_as_anybody(Oid role);
extern bool member_is_set(void);
extern void define_member_setting(void);

#pragma GCC visibility pop

#endif							/* RBAC_INTERNAL_H */
