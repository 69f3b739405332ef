/*-------------------------------------------------------------------------
 *
 * scopeset_io.c
 *	  Text and binary form of rbac.scopeset, and its casts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "rbac.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(scopeset_in);
PG_FUNCTION_INFO_V1(scopeset_out);
PG_FUNCTION_INFO_V1(scopeset_recv);
PG_FUNCTION_INFO_V1(scopeset_send);
PG_FUNCTION_INFO_V1(scopeset_from_scope);
PG_FUNCTION_INFO_V1(scopeset_from_array);
PG_FUNCTION_INFO_V1(scopeset_to_array);

/* Collects what the reader finds; false after a soft error about a name. */
static bool
collect_names(ScopeSetReader *reader, ScopeSetReadFunction read,
			  ScopeSetBuilder *builder, Node *escontext)
{
	ScopeName	name;

	while (read(reader, &name))
	{
		if (!accept_scope(name.data, name.len, escontext))
			return false;
		scopeset_builder_add(builder, name.data, name.len);
	}
	return true;
}

Datum
scopeset_in(PG_FUNCTION_ARGS)
{
	char	   *str = PG_GETARG_CSTRING(0);
	int			len = strlen(str);
	ScopeSetBuilder builder = {0};
	ScopeSetReader reader;

	scopeset_open_text(&reader, str, len);
	if (!collect_names(&reader, scopeset_read_text, &builder, fcinfo->context))
		PG_RETURN_NULL();
	if (reader.fault != NULL)
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("malformed scopeset literal: \"%s\"", clip_for_message(str, len)),
				 errdetail("%s", reader.fault)));
	PG_RETURN_SCOPESET(scopeset_build(&builder));
}

Datum
scopeset_out(PG_FUNCTION_ARGS)
{
	ScopeSetIterator it;
	ScopeName	name;
	int			bit;
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	scopeset_iterate(&it, PG_GETARG_SCOPESET(0));
	while (scopeset_next(&it, &name, &bit))
	{
		if (buf.len > 1)
			appendStringInfoChar(&buf, ',');
		appendBinaryStringInfo(&buf, name.data, name.len);
	}
	appendStringInfoChar(&buf, '}');
	PG_RETURN_CSTRING(buf.data);
}

Datum
scopeset_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	ScopeSetBuilder builder = {0};
	ScopeSetReader reader;

	scopeset_open_binary(&reader, buf->data + buf->cursor, buf->len - buf->cursor);
	(void) collect_names(&reader, scopeset_read_binary, &builder, NULL);
	if (reader.fault != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("malformed binary scopeset"),
				 errdetail("%s", reader.fault)));
	buf->cursor = buf->len;
	PG_RETURN_SCOPESET(scopeset_build(&builder));
}

Datum
scopeset_send(PG_FUNCTION_ARGS)
{
	ScopeSetView set = PG_GETARG_SCOPESET(0);
	ScopeSetIterator it;
	ScopeName	name;
	int			bit;
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, 0);		/* flags */
	pq_sendint32(&buf, scopeset_count(set));
	scopeset_iterate(&it, set);
	while (scopeset_next(&it, &name, &bit))
	{
		pq_sendbyte(&buf, name.len);
		pq_sendbytes(&buf, name.data, name.len);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

Datum
scopeset_from_scope(PG_FUNCTION_ARGS)
{
	ScopeName	name = PG_GETARG_SCOPENAME(0);
	ScopeSetBuilder builder = {0};

	scopeset_builder_add(&builder, name.data, name.len);
	PG_RETURN_SCOPESET(scopeset_build(&builder));
}

/* The names in an array of any shape; duplicates are merged. */
Datum
scopeset_from_array(PG_FUNCTION_ARGS)
{
	ScopeSetBuilder builder = {0};
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		ScopeName	name;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("scopeset must not contain nulls")));
		name = DatumGetScopeName(elements[i]);
		accept_scope(name.data, name.len, NULL);
		scopeset_builder_add(&builder, name.data, name.len);
	}
	PG_RETURN_SCOPESET(scopeset_build(&builder));
}

Datum
scopeset_to_array(PG_FUNCTION_ARGS)
{
	ScopeSetView set = PG_GETARG_SCOPESET(0);
	Datum	   *elements = palloc(scopeset_count(set) * sizeof(Datum));
	ScopeSetIterator it;
	ScopeName	name;
	int			bit;
	int			n = 0;

	scopeset_iterate(&it, set);
	while (scopeset_next(&it, &name, &bit))
		elements[n++] = ScopeNameGetDatum(name);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}
