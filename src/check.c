/*-------------------------------------------------------------------------
 *
 * check.c
 *	  has_scope() and row_has_scope().
 *
 * The functions are called for each row of a scan, mostly with the same member
 * and scope.  What these come to is kept in fn_extra, and is good for one
 * client statement as long as no invalidation arrives.  At the first call of a
 * statement invalidations are received; core does that only when it takes a
 * lock that the transaction does not hold yet.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "rbac.h"
#include "rbac_internal.h"

/* How a key argument of row_has_scope() is represented. */
typedef enum ArgForm
{
	ARG_UNKNOWN_YET,
	ARG_TEXT,
	ARG_CSTRING,				/* an untyped literal, or a name */
	ARG_UUID,
	ARG_INT8,
	ARG_INT4,
	ARG_INT2
} ArgForm;

typedef struct CheckMemo
{
	Stamp		same;			/* `stamp` if only the entity can differ from
								 * one call to the next, else 0 */
	TimestampTz statement;
	KeyFilter	possible;		/* entities that has_scope() can be true of */
	Stamp		stamp;			/* all of this is good as long as this is
								 * invalidation_stamp; 0: not good */
	MemberAccess *access;
	ScopeEntry *scope;
	bool		fixed_member;	/* the member is a constant or the setting's */
	bool		fixed_scope;	/* the scope is a constant */

	/* for row_has_scope() */
	ArgForm		forms[3];		/* of its three keys */
	KeyFilter	listed;			/* entities that are listed for the scope */
	bool		owners_have_it;
	OrgAccess  *org;			/* in the organization of the row before, or
								 * NULL */
} CheckMemo;

PG_FUNCTION_INFO_V1(has_scope_text);
PG_FUNCTION_INFO_V1(has_scope_uuid);
PG_FUNCTION_INFO_V1(has_scope_int8);
PG_FUNCTION_INFO_V1(has_scope_int4);
PG_FUNCTION_INFO_V1(has_scope_int2);
PG_FUNCTION_INFO_V1(i_have_scope_text);
PG_FUNCTION_INFO_V1(i_have_scope_uuid);
PG_FUNCTION_INFO_V1(i_have_scope_int8);
PG_FUNCTION_INFO_V1(i_have_scope_int4);
PG_FUNCTION_INFO_V1(i_have_scope_int2);
PG_FUNCTION_INFO_V1(row_has_scope);

/* ---- arguments ---- */

/* A text's bytes, without a call for the usual forms. */
static inline NameRef
text_arg(Datum value)
{
	struct varlena *t = (struct varlena *) DatumGetPointer(value);

	if (unlikely(VARATT_IS_EXTERNAL(t) || VARATT_IS_COMPRESSED(t)))
		t = PG_DETOAST_DATUM_PACKED(value);
	return text_ref(t);
}

static inline Key
integer_key(const int64 *value)
{
	return make_key(KEY_INTEGER, (const char *) value, sizeof(int64));
}

static inline Key
text_key(Datum value)
{
	NameRef		bytes = text_arg(value);

	return make_key(KEY_TEXT, bytes.data, bytes.len);
}

static inline Key
uuid_key(Datum value)
{
	return make_key(KEY_UUID, (const char *) DatumGetUUIDP(value)->data, UUID_LEN);
}

/* ---- what member and scope come to ---- */

static bool
is_constant(const FmgrInfo *flinfo, int arg)
{
	return flinfo->fn_expr != NULL && IsA(flinfo->fn_expr, FuncExpr) &&
		IsA(list_nth(((FuncExpr *) flinfo->fn_expr)->args, arg), Const);
}

/* own: the member is not an argument, so that the scope is the one after the entity. */
static CheckMemo *
create_memo(FmgrInfo *flinfo, bool own)
{
	CheckMemo  *memo = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(CheckMemo));

	memo->fixed_member = !own && is_constant(flinfo, 0);
	memo->fixed_scope = is_constant(flinfo, own ? 1 : 2);
	flinfo->fn_extra = memo;
	return memo;
}

/*
 * Who waits for a row that somebody else has changed is asked about the new one, and
 * must not be judged by what was before.  That happens to those who write or lock rows
 * only.
 */
static inline CheckMemo *
get_memo(FunctionCallInfo fcinfo, bool own)
{
	CheckMemo  *memo = fcinfo->flinfo->fn_extra;

	if (unlikely(memo == NULL))
		return create_memo(fcinfo->flinfo, own);
	if (unlikely(TransactionIdIsValid(GetTopTransactionIdIfAny())))
		AcceptInvalidationMessages();
	return memo;
}

/* Good for this call, without a look at member and scope? */
static pg_attribute_always_inline bool
memo_is_same(const CheckMemo *memo)
{
	return memo->same == invalidation_stamp && memo->statement == GetCurrentStatementStartTimestamp();
}

static pg_attribute_always_inline bool
memo_is_good(const CheckMemo *memo, const NameRef *member, const NameRef *scope)
{
	return memo->stamp == invalidation_stamp &&
		memo->statement == GetCurrentStatementStartTimestamp() &&
		name_is(member, memo->access->member.data, memo->access->member.len) &&
		(memo->fixed_scope || name_is(scope, memo->scope->name.data, memo->scope->name.len));
}

static inline void
set_stamp(CheckMemo *memo, Stamp stamp)
{
	memo->stamp = stamp;
	memo->same = memo->fixed_member && memo->fixed_scope ? stamp : 0;
}

static KeyFilter
find_listed(MemberAccess *access, const ScopeEntry *scope, KeyKind kind)
{
	return has_bit(access->any_direct, scope->bit) ? direct_table(access, kind)->filter : no_key;
}

/* Look member and scope up, to ask about entities with keys of this kind. */
static void
fill_memo(CheckMemo *memo, const NameRef *member, const NameRef *scope, KeyKind kind)
{
	TimestampTz statement = GetCurrentStatementStartTimestamp();

	if (memo->stamp == 0 || memo->statement != statement)
		AcceptInvalidationMessages();
	set_stamp(memo, 0);
	memo->scope = require_scope_entry(scope->data, scope->len);
	memo->access = access_of(member, statement);
	memo->statement = statement;
	memo->listed = find_listed(memo->access, memo->scope, kind);
	memo->possible = memo->scope->type == TYPE_ORGANIZATION || needs_registry(memo->access, memo->scope->bit) ?
		any_key : memo->listed;
	memo->owners_have_it = has_bit(owner_scopes(memo->access, memo->scope->type), memo->scope->bit);
	memo->org = NULL;
	if (!memo->access->own_command && !reading_own_command())
		set_stamp(memo, memo->access->stamp);
}

/* ---- one entity ---- */

/* The member's access in the entity's organization, or NULL. */
OrgAccess *
entity_org(MemberAccess *access, EntityEntry *entity)
{
	if (entity->serial != access->serial)
	{
		NameRef		name = entity_organization(entity);
		Key			key = make_key(KEY_TEXT, name.data, name.len);

		entity->org = org_access(access, &key);
		entity->tag_bit = -1;
		entity->serial = access->serial;	/* last: memory may run out */
	}
	return entity->org;
}

/* The latest answer is kept with the entity: evaluating a path is dear. */
static bool
entity_tags_allow(MemberAccess *access, EntityEntry *entity, const OrgAccess *org, const Key *key, int bit)
{
	if (entity->tag_bit != bit)
	{
		uint64		undecided = conditions_undecided;
		bool		allowed = tag_rules_allow(access, org, bit, entity_tags(entity->type, key));

		if (conditions_undecided != undecided)
			return allowed;
		entity->tag_result = allowed;
		entity->tag_bit = bit;
	}
	return entity->tag_result;
}

/* Is the entity in the organization of the rule or grant that names it? */
bool
direct_holds(MemberAccess *access, DirectAccess *direct, const Key *key)
{
	EntityEntry *entity;

	if (direct->verified != 0 && !changed_since(direct->channel, direct->verified))
		return true;
	entity = lookup_entity(direct->type, key);
	if (entity == NULL || entity_org(access, entity) != &access->orgs[direct->org])
		return false;
	direct->verified = entity->stamp;
	return true;
}

static bool
direct_allows(MemberAccess *access, int type, const Key *key, int bit)
{
	KeyTable   *table = access->direct_by_key[key->kind];
	uint32		position = key->hash;
	int			item;

	if (unlikely(table == NULL))
		table = direct_table(access, key->kind);
	while ((item = next_item(table, key, &position)) >= 0)
	{
		DirectAccess *direct = &access->direct[item];

		if (direct->type == type && has_bit(direct->scopes, bit) && direct_holds(access, direct, key))
			return true;
	}
	return false;
}

static bool
registry_allows(MemberAccess *access, int type, const Key *key, int bit)
{
	EntityEntry *entity = lookup_entity(type, key);
	OrgAccess  *org = entity == NULL ? NULL : entity_org(access, entity);

	if (org == NULL)
		return false;
	if (org->all_scopes || has_bit(org->wide, bit))
		return true;
	if (has_bit(org->tagged, bit) && entity_tags_allow(access, entity, org, key, bit))
		return true;
	if (access->unlisted_owned && has_bit(owner_scopes(access, type), bit) &&
		entity_is_owned_by(entity, &access->member))
		return true;
	return access->unlisted && has_bit(unlisted_scopes(access, org, type, key), bit);
}

/* What a member may do on an entity that is registered. */
bool
check_entity(MemberAccess *access, int type, const Key *key, int bit)
{
	if (has_bit(access->any_direct, bit) && direct_allows(access, type, key, bit))
		return true;
	return needs_registry(access, bit) && registry_allows(access, type, key, bit);
}

bool
check_organization(MemberAccess *access, const Key *key, int bit)
{
	OrgAccess  *org = org_access(access, key);

	return org != NULL && (org->all_scopes || has_bit(org->wide, bit));
}

/* ---- the grants and rules that have no room in a list ---- */

/* Does the grant in this row go to the member or to one of their teams? */
static bool
grant_applies(TableScan *row, const MemberAccess *access, const OrgAccess *org)
{
	TimestampTz until = DT_NOEND;
	NameRef		name;

	if (org->is_token || row_expired(row, GRANT_EXPIRES_AT, access->built_at, &until))
		return false;
	if (row_name(row, GRANT_TEAM, &name))
		return names_contain(org->teams, &name);
	row_name(row, GRANT_ORGANIZATION, &name);
	if (!name_is(&name, org->name.data, org->name.len))
		return false;
	row_name(row, GRANT_MEMBER, &name);
	return name_is(&name, access->member.data, access->member.len);
}

static bool
rule_applies(TableScan *row, const MemberAccess *access, const OrgAccess *org)
{
	NameRef		role;

	row_name(row, RULE_ROLE, &role);
	return names_contain(org->roles, &role);
}

/*
 * What direct rules and grants give on one entity, read from the tables: for
 * members who have more of them than is kept.
 */
const Bits *
unlisted_scopes(const MemberAccess *access, const OrgAccess *org, int type, const Key *key)
{
	char		buffer[KEY_TEXT_MAX];
	NameRef		keys[2] = {type_name(type), key_text(key, buffer)};
	Snapshot	snapshot = latest_snapshot();
	const Bits *scopes = NULL;
	TableScan	scan;
	NameRef		set;

	begin_scan(&scan, GRANTS_BY_ENTITY, snapshot, keys);
	while (next_row(&scan))
		if (grant_applies(&scan, access, org) && row_name(&scan, GRANT_SET, &set))
			scopes = bits_union(scopes, bits_of_set(&set, snapshot, CurrentMemoryContext));
	end_scan(&scan);
	begin_scan(&scan, RULES_BY_ENTITY, snapshot, keys);
	while (next_row(&scan))
		if (rule_applies(&scan, access, org) && row_name(&scan, RULE_SET, &set))
			scopes = bits_union(scopes, bits_of_set(&set, snapshot, CurrentMemoryContext));
	end_scan(&scan);
	UnregisterSnapshot(snapshot);
	AcceptInvalidationMessages();
	return scopes;
}

/* ---- has_scope ---- */

static bool
check_key(const CheckMemo *memo, const Key *key)
{
	if (memo->scope->type == TYPE_ORGANIZATION)
		return check_organization(memo->access, key, memo->scope->bit);
	return check_entity(memo->access, memo->scope->type, key, memo->scope->bit);
}

/*
 * Entities, and what has no room in a list, are read later than the member's
 * access.  If that has become stale since, the answer may be of no time at all,
 * and is worked out again.  Not for ever, as in a server that is told to forget
 * everything all the time.
 */
static bool
answer_holds(CheckMemo *memo)
{
	if (memo->stamp == 0 || memo->stamp == invalidation_stamp)
		return true;
	if (!is_current(memo->access, memo->statement))
		return false;
	set_stamp(memo, memo->access->stamp);
	return true;
}

static bool
try_answer(CheckMemo *memo, const Key *key, bool *answer)
{
	*answer = may_contain(memo->possible, key->hash) && check_key(memo, key);
	return likely(answer_holds(memo));
}

static pg_noinline bool
fill_and_answer(CheckMemo *memo, const NameRef *member, const NameRef *scope, const Key *key)
{
	bool		answer;

	for (int i = 0; i < MAX_ATTEMPTS; i++)
	{
		CHECK_FOR_INTERRUPTS();
		fill_memo(memo, member, scope, key->kind);
		if (try_answer(memo, key, &answer))
			break;
	}
	return answer;
}

/* Of the member who is the first argument, or of the one who is asking (own). */
static Datum
has_scope(FunctionCallInfo fcinfo, bool own, const Key *key)
{
	CheckMemo  *memo = get_memo(fcinfo, own);
	NameRef		member;
	NameRef		scope;
	bool		answer;

	if (memo_is_same(memo) && try_answer(memo, key, &answer))
		PG_RETURN_BOOL(answer);
	if (!own)
		member = text_arg(PG_GETARG_DATUM(0));
	else if (current_member_name(&member))
		memo->fixed_member = member_is_set();
	else
		PG_RETURN_NULL();
	scope = text_arg(PG_GETARG_DATUM(own ? 1 : 2));
	if (!memo_is_good(memo, &member, &scope) || !try_answer(memo, key, &answer))
		answer = fill_and_answer(memo, &member, &scope, key);
	PG_RETURN_BOOL(answer);
}

/* The usual case of a scan: a question like the one before, and a filter says no. */
static pg_attribute_always_inline bool
surely_not(FunctionCallInfo fcinfo, uint32 hash)
{
	const CheckMemo *memo = fcinfo->flinfo->fn_extra;

	return memo != NULL && memo_is_same(memo) && !may_contain(memo->possible, hash);
}

/*
 * The same for all else.  These are functions of their own, and get a key by its
 * parts, so that the usual case neither saves registers nor keeps a key in memory.
 */
static pg_noinline Datum
has_scope_on_bytes(FunctionCallInfo fcinfo, bool own, KeyKind kind, uint32 hash, const char *data, int len)
{
	Key			key = {kind, hash, len, data};

	return has_scope(fcinfo, own, &key);
}

static pg_noinline Datum
has_scope_on_integer(FunctionCallInfo fcinfo, bool own, uint32 hash, int64 value)
{
	Key			key = {KEY_INTEGER, hash, sizeof(value), (const char *) &value};

	return has_scope(fcinfo, own, &key);
}

static pg_attribute_always_inline Datum
check_bytes(FunctionCallInfo fcinfo, bool own, Key key)
{
	if (likely(surely_not(fcinfo, key.hash)))
		PG_RETURN_BOOL(false);
	return has_scope_on_bytes(fcinfo, own, key.kind, key.hash, key.data, key.len);
}

static pg_attribute_always_inline Datum
check_integer(FunctionCallInfo fcinfo, bool own, int64 value)
{
	uint32		hash = integer_key(&value).hash;

	if (likely(surely_not(fcinfo, hash)))
		PG_RETURN_BOOL(false);
	return has_scope_on_integer(fcinfo, own, hash, value);
}

Datum
has_scope_text(PG_FUNCTION_ARGS)
{
	return check_bytes(fcinfo, false, text_key(PG_GETARG_DATUM(1)));
}

Datum
has_scope_uuid(PG_FUNCTION_ARGS)
{
	return check_bytes(fcinfo, false, uuid_key(PG_GETARG_DATUM(1)));
}

Datum
has_scope_int8(PG_FUNCTION_ARGS)
{
	return check_integer(fcinfo, false, PG_GETARG_INT64(1));
}

Datum
has_scope_int4(PG_FUNCTION_ARGS)
{
	return check_integer(fcinfo, false, PG_GETARG_INT32(1));
}

Datum
has_scope_int2(PG_FUNCTION_ARGS)
{
	return check_integer(fcinfo, false, PG_GETARG_INT16(1));
}

Datum
i_have_scope_text(PG_FUNCTION_ARGS)
{
	return check_bytes(fcinfo, true, text_key(PG_GETARG_DATUM(0)));
}

Datum
i_have_scope_uuid(PG_FUNCTION_ARGS)
{
	return check_bytes(fcinfo, true, uuid_key(PG_GETARG_DATUM(0)));
}

Datum
i_have_scope_int8(PG_FUNCTION_ARGS)
{
	return check_integer(fcinfo, true, PG_GETARG_INT64(0));
}

Datum
i_have_scope_int4(PG_FUNCTION_ARGS)
{
	return check_integer(fcinfo, true, PG_GETARG_INT32(0));
}

Datum
i_have_scope_int2(PG_FUNCTION_ARGS)
{
	return check_integer(fcinfo, true, PG_GETARG_INT16(0));
}

/* ---- row_has_scope ---- */

static ArgForm
arg_form(Oid type)
{
	switch (getBaseType(type))
	{
		case UUIDOID:
			return ARG_UUID;
		case INT8OID:
			return ARG_INT8;
		case INT4OID:
			return ARG_INT4;
		case INT2OID:
			return ARG_INT2;
		case UNKNOWNOID:
		case NAMEOID:
			return ARG_CSTRING;
		default:
			if (!IsBinaryCoercible(type, TEXTOID))
				ereport(ERROR,
						(errcode(ERRCODE_DATATYPE_MISMATCH),
						 errmsg("keys of type %s are not supported", format_type_be(type)),
						 errhint("Use text, uuid, bigint, integer or smallint.")));
			return ARG_TEXT;
	}
}

static KeyKind
form_kind(ArgForm form)
{
	switch (form)
	{
		case ARG_UUID:
			return KEY_UUID;
		case ARG_INT8:
		case ARG_INT4:
		case ARG_INT2:
			return KEY_INTEGER;
		default:
			return KEY_TEXT;
	}
}

/*
 * The type of an argument.  A function that a client calls by its OID has no
 * expression to tell it: then it is what was declared, which "any" is not.
 */
static Oid
arg_type(FmgrInfo *flinfo, int arg)
{
	Oid			type = get_fn_expr_argtype(flinfo, arg);
	Oid		   *declared;
	int			nargs;

	if (OidIsValid(type))
		return type;
	get_func_signature(flinfo->fn_oid, &declared, &nargs);
	if (arg >= nargs || declared[arg] == ANYOID)
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("could not determine data type of argument %d", arg + 1)));
	return declared[arg];
}

/* Once, before anything is asked: an unsupported type is an error in any case. */
static void
find_forms(CheckMemo *memo, FmgrInfo *flinfo)
{
	memo->forms[0] = arg_form(arg_type(flinfo, 1));
	memo->forms[1] = arg_form(arg_type(flinfo, 3));
	memo->forms[2] = arg_form(arg_type(flinfo, 4));
}

/* A key whose hash is not known. */
static inline Key
raw_key(KeyKind kind, const char *data, int len)
{
	Key			key = {kind, 0, len, data};

	return key;
}

static inline Key
raw_integer_key(int64 *room, int64 value)
{
	*room = value;
	return raw_key(KEY_INTEGER, (const char *) room, sizeof(value));
}

/*
 * The nth of entity, organization and owner, which is argument number arg; an
 * integer is put into the room that is given.
 */
static pg_attribute_always_inline Key
row_raw_key(FunctionCallInfo fcinfo, const CheckMemo *memo, int n, int arg, int64 *room)
{
	Datum		value = PG_GETARG_DATUM(arg);
	const char *string;
	NameRef		bytes;

	switch (memo->forms[n])
	{
		case ARG_UUID:
			return raw_key(KEY_UUID, (const char *) DatumGetUUIDP(value)->data, UUID_LEN);
		case ARG_INT8:
			return raw_integer_key(room, DatumGetInt64(value));
		case ARG_INT4:
			return raw_integer_key(room, DatumGetInt32(value));
		case ARG_INT2:
			return raw_integer_key(room, DatumGetInt16(value));
		case ARG_CSTRING:
			string = DatumGetPointer(value);
			return raw_key(KEY_TEXT, string, strlen(string));
		default:
			bytes = text_arg(value);
			return raw_key(KEY_TEXT, bytes.data, bytes.len);
	}
}

static pg_attribute_always_inline Key
row_entity(FunctionCallInfo fcinfo, const CheckMemo *memo, int64 *room)
{
	Key			key = row_raw_key(fcinfo, memo, 0, 1, room);

	key.hash = hash_key(key.data, key.len);
	return key;
}

/* Direct rules and grants in this organization; the registry is not asked. */
static bool
row_direct_allows(MemberAccess *access, const OrgAccess *org, int type, const Key *key, int bit)
{
	KeyTable   *table = direct_table(access, key->kind);
	uint32		position = key->hash;
	int			item;

	while ((item = next_item(table, key, &position)) >= 0)
	{
		const DirectAccess *direct = &access->direct[item];

		if (!direct->owned && direct->type == type && &access->orgs[direct->org] == org &&
			has_bit(direct->scopes, bit))
			return true;
	}
	return false;
}

static bool
row_tags_allow(FunctionCallInfo fcinfo, const CheckMemo *memo, const OrgAccess *org)
{
	struct varlena *tags = NULL;

	if (!has_bit(org->tagged, memo->scope->bit))
		return false;
	if (!PG_ARGISNULL(5))
		tags = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(5));
	return tag_rules_allow(memo->access, org, memo->scope->bit, tags);
}

static pg_attribute_always_inline bool
row_owner_allows(FunctionCallInfo fcinfo, const CheckMemo *memo)
{
	int64		room;
	Key			owner;

	if (!memo->owners_have_it || PG_ARGISNULL(4))
		return false;
	owner = row_raw_key(fcinfo, memo, 2, 4, &room);
	if (owner.kind == KEY_TEXT)
		return name_is(&memo->access->member, owner.data, owner.len);
	return is_member_key(memo->access, &owner);
}

/* Is an organization's own row meant, by two keys of whatever type? */
static pg_noinline bool
row_is_organization(FunctionCallInfo fcinfo, const CheckMemo *memo)
{
	int64		entity_room;
	int64		organization_room;
	Key			entity = row_raw_key(fcinfo, memo, 0, 1, &entity_room);
	Key			organization = row_raw_key(fcinfo, memo, 1, 3, &organization_room);
	char		entity_buffer[KEY_TEXT_MAX];
	char		organization_buffer[KEY_TEXT_MAX];
	NameRef		entity_text = key_text(&entity, entity_buffer);
	NameRef		organization_text = key_text(&organization, organization_buffer);

	return name_is(&entity_text, organization_text.data, organization_text.len);
}

/* The member's access in the row's organization, which is mostly the one of the row before. */
static pg_attribute_always_inline OrgAccess *
row_org(FunctionCallInfo fcinfo, CheckMemo *memo)
{
	int64		room;
	Key			key = row_raw_key(fcinfo, memo, 1, 3, &room);

	if (memo->org == NULL || key.kind != KEY_TEXT || !name_is(&memo->org->name, key.data, key.len))
	{
		key.hash = hash_key(key.data, key.len);
		memo->org = org_access(memo->access, &key);
	}
	return memo->org;
}

static bool
row_allows(FunctionCallInfo fcinfo, CheckMemo *memo)
{
	MemberAccess *access = memo->access;
	int			type = memo->scope->type;
	int			bit = memo->scope->bit;
	OrgAccess  *org = row_org(fcinfo, memo);
	int64		room;
	Key			entity;

	if (org == NULL)
		return false;
	if (org->all_scopes || has_bit(org->wide, bit))
		return type != TYPE_ORGANIZATION || row_is_organization(fcinfo, memo);
	if (type == TYPE_ORGANIZATION)
		return false;
	entity = row_entity(fcinfo, memo, &room);
	if (may_contain(memo->listed, entity.hash) && row_direct_allows(access, org, type, &entity, bit))
		return true;
	if (row_owner_allows(fcinfo, memo) || row_tags_allow(fcinfo, memo, org))
		return true;
	return access->unlisted && has_bit(unlisted_scopes(access, org, type, &entity), bit);
}

/* (member, entity, scope, organization, owner, tags) */
Datum
row_has_scope(PG_FUNCTION_ARGS)
{
	CheckMemo  *memo;
	NameRef		member;
	NameRef		scope;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	memo = get_memo(fcinfo, false);
	if (unlikely(memo->forms[2] == ARG_UNKNOWN_YET))
		find_forms(memo, fcinfo->flinfo);
	member = text_arg(PG_GETARG_DATUM(0));
	scope = text_arg(PG_GETARG_DATUM(2));
	for (int i = 0;; i++)
	{
		bool		result;

		if (unlikely(!memo_is_good(memo, &member, &scope)))
			fill_memo(memo, &member, &scope, form_kind(memo->forms[0]));
		result = row_allows(fcinfo, memo);
		if (likely(answer_holds(memo)) || i == MAX_ATTEMPTS)
			PG_RETURN_BOOL(result);
		CHECK_FOR_INTERRUPTS();
	}
}
