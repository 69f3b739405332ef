/*-------------------------------------------------------------------------
 *
 * condition.c
 *	  Does an entity's tags satisfy a tag rule's condition?
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "rbac_internal.h"

/* An entity without tags has an empty object of them. */
static struct varlena *
no_tags(void)
{
	static struct varlena *empty = NULL;

	if (empty == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		empty = (struct varlena *) DatumGetPointer(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
		MemoryContextSwitchTo(old);
	}
	return empty;
}

/* The operator @@ : a predicate's result, NULL if it has none. */
static bool
path_matches(JsonPath *condition, struct varlena *tags)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = PointerGetDatum(tags);
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = PointerGetDatum(condition);
	fcinfo->args[1].isnull = false;
	result = jsonb_path_match_opr(fcinfo);
	return !fcinfo->isnull && DatumGetBool(result);
}

/*
 * The operator ignores most errors of a path, but not all: comparing dates and
 * times of different kinds, for one, a variable, or tags nested deeper than the
 * stack.  Any complaint about the data or the path, an operation that is not
 * supported, or a limit that is exceeded is no match.  The evaluation takes no resource and changes no
 * state but memory, so that an error in it needs no subtransaction to recover
 * from, which a parallel worker could not have.
 */
static bool
is_no_match(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_DATA_EXCEPTION ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
		code == ERRCODE_FEATURE_NOT_SUPPORTED || code == ERRCODE_UNDEFINED_OBJECT;
}

/*
 * Of the complaints, those that may be missing another time, when less of the stack
 * is in use.  A regular expression is compiled when a path is made, so that later it
 * is at most too complex.
 */
static bool
is_undecided(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_PROGRAM_LIMIT_EXCEEDED || code == ERRCODE_INVALID_REGULAR_EXPRESSION;
}

uint64		conditions_undecided = 0;

/* What is undecided is no match. */
bool
condition_matches(JsonPath *condition, struct varlena *tags)
{
	static MemoryContext scratch = NULL;
	MemoryContext caller = CurrentMemoryContext;
	volatile bool result = false;

	if (scratch == NULL)
		scratch = AllocSetContextCreate(CacheMemoryContext, "rbac condition", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	PG_TRY();
	{
		result = path_matches(condition, tags != NULL ? tags : no_tags());
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		if (!is_no_match(geterrcode()))
			PG_RE_THROW();
		if (is_undecided(geterrcode()))
			conditions_undecided++;
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextReset(scratch);
	return result;
}

/* For who must not give too much: what is undecided may be a match. */
bool
condition_may_match(JsonPath *condition, struct varlena *tags)
{
	uint64		undecided = conditions_undecided;

	return condition_matches(condition, tags) || conditions_undecided != undecided;
}

/* ---- what tag rules give ---- */

/*
 * To evaluate a path is dear, and many entities have the same tags: so the
 * answer is kept when tags are met for the second time.  Not for the first, as
 * then those that come once only would cost more, and drive out the others.
 */
typedef struct TagAnswer
{
	const OrgAccess *org;
	int			bit;
	bool		allowed;
	int			len;			/* as they are stored */
	char		data[FLEXIBLE_ARRAY_MEMBER];	/* the tags */
} TagAnswer;

typedef struct TagSlot
{
	uint32		met;			/* hash of the latest that was not here */
	uint32		hash;			/* of the answer */
	TagAnswer  *answer;
} TagSlot;

#define TAG_SLOTS		1024	/* of one member */
#define TAG_LEN_MAX		500		/* bytes */

/* All that an organization's tag rules give where these are the tags. */
const Bits *
tag_rules_scopes(const OrgAccess *org, struct varlena *tags)
{
	const Bits *scopes = NULL;

	for (int i = 0; i < org->ntag_rules; i++)
		if (condition_matches(org->tag_rules[i].condition, tags))
			scopes = bits_union(scopes, org->tag_rules[i].scopes);
	return scopes;
}

static bool
evaluate_tag_rules(const OrgAccess *org, int bit, struct varlena *tags)
{
	if (tags != NULL)
		tags = PG_DETOAST_DATUM(PointerGetDatum(tags));
	for (int i = 0; i < org->ntag_rules; i++)
		if (has_bit(org->tag_rules[i].scopes, bit) &&
			condition_matches(org->tag_rules[i].condition, tags))
			return true;
	return false;
}

static uint32
hash_tags(MemberAccess *access, const OrgAccess *org, int bit, const NameRef *tags)
{
	uint64		h = hash_key(tags->data, tags->len);

	return mix64(h ^ (uint64) (org - access->orgs) << 32 ^ (uint64) bit << 48);
}

/* Does the slot hold the answer? */
static bool
slot_answers(const TagSlot *slot, uint32 hash, const OrgAccess *org, int bit, const NameRef *tags)
{
	const TagAnswer *answer = slot->answer;

	return answer != NULL && slot->hash == hash && answer->org == org && answer->bit == bit &&
		name_is(tags, answer->data, answer->len);
}

static void
keep_answer(TagSlot *slot, uint32 hash, MemoryContext context, const OrgAccess *org, int bit,
			const NameRef *tags, bool allowed)
{
	TagAnswer  *answer = MemoryContextAlloc(context, offsetof(TagAnswer, data) + tags->len);

	answer->org = org;
	answer->bit = bit;
	answer->allowed = allowed;
	answer->len = tags->len;
	memcpy(answer->data, tags->data, tags->len);
	if (slot->answer != NULL)
		pfree(slot->answer);
	slot->answer = answer;
	slot->hash = hash;
}

/* Tags: NULL, or as they are stored, but not compressed. */
bool
tag_rules_allow(MemberAccess *access, const OrgAccess *org, int bit, struct varlena *tags)
{
	NameRef		stored = tags == NULL ? name_ref("", 0) : text_ref(tags);
	uint64		undecided = conditions_undecided;
	uint32		hash;
	TagSlot    *first;
	TagSlot    *second;
	bool		allowed;

	if (stored.len > TAG_LEN_MAX)
		return evaluate_tag_rules(org, bit, tags);
	if (access->tag_slots == NULL)
		access->tag_slots = MemoryContextAllocZero(access->context, TAG_SLOTS * sizeof(TagSlot));
	hash = hash_tags(access, org, bit, &stored);
	first = &access->tag_slots[hash % TAG_SLOTS];
	second = &access->tag_slots[(hash ^ 1) % TAG_SLOTS];
	if (slot_answers(first, hash, org, bit, &stored))
		return first->answer->allowed;
	if (slot_answers(second, hash, org, bit, &stored))
		return second->answer->allowed;
	allowed = evaluate_tag_rules(org, bit, tags);
	if (conditions_undecided != undecided)
		return allowed;
	if (first->met == hash)
		keep_answer(first->answer != NULL && second->answer == NULL ? second : first,
					hash, access->context, org, bit, &stored, allowed);
	first->met = hash;
	return allowed;
}
