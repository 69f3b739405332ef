/*
 * The types: rbac.scope, one scope, and rbac.scopeset, a set of them.
 *
 * Input looks names up in rbac.scopes and is STABLE.  All else reads no table
 * and is IMMUTABLE.  Functions that cannot fail are LEAKPROOF, so that indexes
 * serve queries on tables under row-level security.
 */

/* ---- rbac.scope ---- */

CREATE TYPE rbac.scope;

CREATE FUNCTION rbac.scope_in(pg_catalog.cstring) RETURNS rbac.scope
	AS 'MODULE_PATHNAME', 'scope_in'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_in(pg_catalog.cstring) IS 'I/O';

CREATE FUNCTION rbac.scope_out(rbac.scope) RETURNS pg_catalog.cstring
	AS 'textout'
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_out(rbac.scope) IS 'I/O';

CREATE FUNCTION rbac.scope_recv(pg_catalog.internal) RETURNS rbac.scope
	AS 'MODULE_PATHNAME', 'scope_recv'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_recv(pg_catalog.internal) IS 'I/O';

CREATE FUNCTION rbac.scope_send(rbac.scope) RETURNS pg_catalog.bytea
	AS 'textsend'
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_send(rbac.scope) IS 'I/O';

CREATE TYPE rbac.scope (
	INPUT = rbac.scope_in,
	OUTPUT = rbac.scope_out,
	RECEIVE = rbac.scope_recv,
	SEND = rbac.scope_send,
	LIKE = pg_catalog.text,
	CATEGORY = 'S'
);
COMMENT ON TYPE rbac.scope IS 'one scope, named object:action';

/* A scope is stored as a text is: bytea's functions compare it byte by byte. */

CREATE FUNCTION rbac.scope_eq(rbac.scope, rbac.scope) RETURNS boolean
	AS 'byteaeq'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_eq(rbac.scope, rbac.scope) IS 'implementation of = operator';

CREATE FUNCTION rbac.scope_ne(rbac.scope, rbac.scope) RETURNS boolean
	AS 'byteane'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_ne(rbac.scope, rbac.scope) IS 'implementation of <> operator';

CREATE FUNCTION rbac.scope_lt(rbac.scope, rbac.scope) RETURNS boolean
	AS 'bytealt'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_lt(rbac.scope, rbac.scope) IS 'implementation of < operator';

CREATE FUNCTION rbac.scope_le(rbac.scope, rbac.scope) RETURNS boolean
	AS 'byteale'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_le(rbac.scope, rbac.scope) IS 'implementation of <= operator';

CREATE FUNCTION rbac.scope_gt(rbac.scope, rbac.scope) RETURNS boolean
	AS 'byteagt'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_gt(rbac.scope, rbac.scope) IS 'implementation of > operator';

CREATE FUNCTION rbac.scope_ge(rbac.scope, rbac.scope) RETURNS boolean
	AS 'byteage'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_ge(rbac.scope, rbac.scope) IS 'implementation of >= operator';

CREATE FUNCTION rbac.scope_cmp(rbac.scope, rbac.scope) RETURNS integer
	AS 'byteacmp'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_cmp(rbac.scope, rbac.scope) IS 'less-equal-greater, in byte order of the names';

CREATE FUNCTION rbac.scope_hash(rbac.scope) RETURNS integer
	AS 'hashvarlena'
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_hash(rbac.scope) IS 'hash';

CREATE FUNCTION rbac.scope_hash_extended(rbac.scope, bigint) RETURNS bigint
	AS 'hashvarlenaextended'
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope_hash_extended(rbac.scope, bigint) IS 'hash with a seed';

CREATE OPERATOR rbac.= (
	LEFTARG = rbac.scope, RIGHTARG = rbac.scope, FUNCTION = rbac.scope_eq,
	COMMUTATOR = OPERATOR(rbac.=), NEGATOR = OPERATOR(rbac.<>),
	RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR rbac.= (rbac.scope, rbac.scope) IS 'equal';

CREATE OPERATOR rbac.<> (
	LEFTARG = rbac.scope, RIGHTARG = rbac.scope, FUNCTION = rbac.scope_ne,
	COMMUTATOR = OPERATOR(rbac.<>), NEGATOR = OPERATOR(rbac.=),
	RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR rbac.<> (rbac.scope, rbac.scope) IS 'not equal';

CREATE OPERATOR rbac.< (
	LEFTARG = rbac.scope, RIGHTARG = rbac.scope, FUNCTION = rbac.scope_lt,
	COMMUTATOR = OPERATOR(rbac.>), NEGATOR = OPERATOR(rbac.>=),
	RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR rbac.< (rbac.scope, rbac.scope) IS 'less than, in byte order of the names';

CREATE OPERATOR rbac.<= (
	LEFTARG = rbac.scope, RIGHTARG = rbac.scope, FUNCTION = rbac.scope_le,
	COMMUTATOR = OPERATOR(rbac.>=), NEGATOR = OPERATOR(rbac.>),
	RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR rbac.<= (rbac.scope, rbac.scope) IS 'less than or equal, in byte order of the names';

CREATE OPERATOR rbac.> (
	LEFTARG = rbac.scope, RIGHTARG = rbac.scope, FUNCTION = rbac.scope_gt,
	COMMUTATOR = OPERATOR(rbac.<), NEGATOR = OPERATOR(rbac.<=),
	RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR rbac.> (rbac.scope, rbac.scope) IS 'greater than, in byte order of the names';

CREATE OPERATOR rbac.>= (
	LEFTARG = rbac.scope, RIGHTARG = rbac.scope, FUNCTION = rbac.scope_ge,
	COMMUTATOR = OPERATOR(rbac.<=), NEGATOR = OPERATOR(rbac.<),
	RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR rbac.>= (rbac.scope, rbac.scope) IS 'greater than or equal, in byte order of the names';

CREATE OPERATOR FAMILY rbac.scope_ops USING btree;
COMMENT ON OPERATOR FAMILY rbac.scope_ops USING btree IS 'btree on scopes';

CREATE OPERATOR CLASS rbac.scope_ops DEFAULT FOR TYPE rbac.scope USING btree FAMILY rbac.scope_ops AS
	OPERATOR 1 rbac.<,
	OPERATOR 2 rbac.<=,
	OPERATOR 3 rbac.=,
	OPERATOR 4 rbac.>=,
	OPERATOR 5 rbac.>,
	FUNCTION 1 rbac.scope_cmp(rbac.scope, rbac.scope),
	FUNCTION 2 pg_catalog.bytea_sortsupport(pg_catalog.internal),
	FUNCTION 4 pg_catalog.btequalimage(pg_catalog.oid);
COMMENT ON OPERATOR CLASS rbac.scope_ops USING btree IS 'btree on scopes, in byte order of the names';

CREATE OPERATOR FAMILY rbac.scope_ops USING hash;
COMMENT ON OPERATOR FAMILY rbac.scope_ops USING hash IS 'hash on scopes';

CREATE OPERATOR CLASS rbac.scope_ops DEFAULT FOR TYPE rbac.scope USING hash FAMILY rbac.scope_ops AS
	OPERATOR 1 rbac.=,
	FUNCTION 1 rbac.scope_hash(rbac.scope),
	FUNCTION 2 rbac.scope_hash_extended(rbac.scope, bigint);
COMMENT ON OPERATOR CLASS rbac.scope_ops USING hash IS 'hash on scopes';

/*
 * Drivers bind scopes as text or varchar, hence the implicit casts.  None is
 * implicit the other way: a comparison with a mistyped scope must not become
 * one of texts.
 */

CREATE FUNCTION rbac.scope(pg_catalog.text) RETURNS rbac.scope
	AS 'MODULE_PATHNAME', 'scope_from_text'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope(pg_catalog.text) IS 'the scope of that name; an error if there is none';

CREATE FUNCTION rbac.scope(varchar) RETURNS rbac.scope
	AS 'MODULE_PATHNAME', 'scope_from_text'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scope(varchar) IS 'the scope of that name; an error if there is none';

CREATE CAST (pg_catalog.text AS rbac.scope) WITH FUNCTION rbac.scope(pg_catalog.text) AS IMPLICIT;
COMMENT ON CAST (pg_catalog.text AS rbac.scope) IS 'the scope of that name; an error if there is none';

CREATE CAST (varchar AS rbac.scope) WITH FUNCTION rbac.scope(varchar) AS IMPLICIT;
COMMENT ON CAST (varchar AS rbac.scope) IS 'the scope of that name; an error if there is none';

CREATE CAST (rbac.scope AS pg_catalog.text) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST (rbac.scope AS pg_catalog.text) IS 'the name of the scope';

/* ---- rbac.scopeset ---- */

CREATE TYPE rbac.scopeset;

CREATE FUNCTION rbac.scopeset_in(pg_catalog.cstring) RETURNS rbac.scopeset
	AS 'MODULE_PATHNAME', 'scopeset_in'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_in(pg_catalog.cstring) IS 'I/O';

CREATE FUNCTION rbac.scopeset_out(rbac.scopeset) RETURNS pg_catalog.cstring
	AS 'MODULE_PATHNAME', 'scopeset_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_out(rbac.scopeset) IS 'I/O';

CREATE FUNCTION rbac.scopeset_recv(pg_catalog.internal) RETURNS rbac.scopeset
	AS 'MODULE_PATHNAME', 'scopeset_recv'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_recv(pg_catalog.internal) IS 'I/O';

CREATE FUNCTION rbac.scopeset_send(rbac.scopeset) RETURNS pg_catalog.bytea
	AS 'MODULE_PATHNAME', 'scopeset_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_send(rbac.scopeset) IS 'I/O';

CREATE TYPE rbac.scopeset (
	INPUT = rbac.scopeset_in,
	OUTPUT = rbac.scopeset_out,
	RECEIVE = rbac.scopeset_recv,
	SEND = rbac.scopeset_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended
);
COMMENT ON TYPE rbac.scopeset IS 'a set of scopes, such as {stack:read,stack:write}';

/* Each set has one stored form: bytea's functions compare sets too. */

CREATE FUNCTION rbac.scopeset_eq(rbac.scopeset, rbac.scopeset) RETURNS boolean
	AS 'byteaeq'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_eq(rbac.scopeset, rbac.scopeset) IS 'implementation of = operator';

CREATE FUNCTION rbac.scopeset_ne(rbac.scopeset, rbac.scopeset) RETURNS boolean
	AS 'byteane'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_ne(rbac.scopeset, rbac.scopeset) IS 'implementation of <> operator';

CREATE FUNCTION rbac.scopeset_lt(rbac.scopeset, rbac.scopeset) RETURNS boolean
	AS 'bytealt'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_lt(rbac.scopeset, rbac.scopeset) IS 'implementation of < operator';

CREATE FUNCTION rbac.scopeset_le(rbac.scopeset, rbac.scopeset) RETURNS boolean
	AS 'byteale'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_le(rbac.scopeset, rbac.scopeset) IS 'implementation of <= operator';

CREATE FUNCTION rbac.scopeset_gt(rbac.scopeset, rbac.scopeset) RETURNS boolean
	AS 'byteagt'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_gt(rbac.scopeset, rbac.scopeset) IS 'implementation of > operator';

CREATE FUNCTION rbac.scopeset_ge(rbac.scopeset, rbac.scopeset) RETURNS boolean
	AS 'byteage'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_ge(rbac.scopeset, rbac.scopeset) IS 'implementation of >= operator';

CREATE FUNCTION rbac.scopeset_cmp(rbac.scopeset, rbac.scopeset) RETURNS integer
	AS 'byteacmp'
	LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_cmp(rbac.scopeset, rbac.scopeset) IS 'less-equal-greater, in the order of the stored bytes';

CREATE FUNCTION rbac.scopeset_hash(rbac.scopeset) RETURNS integer
	AS 'hashvarlena'
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_hash(rbac.scopeset) IS 'hash';

CREATE FUNCTION rbac.scopeset_hash_extended(rbac.scopeset, bigint) RETURNS bigint
	AS 'hashvarlenaextended'
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_hash_extended(rbac.scopeset, bigint) IS 'hash with a seed';

CREATE FUNCTION rbac.scopeset_contains(rbac.scopeset, rbac.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'scopeset_contains'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_contains(rbac.scopeset, rbac.scopeset) IS 'implementation of @> operator';

CREATE FUNCTION rbac.scopeset_contains(rbac.scopeset, rbac.scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'scopeset_contains_scope'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_contains(rbac.scopeset, rbac.scope) IS 'implementation of @> operator';

CREATE FUNCTION rbac.scopeset_contained(rbac.scopeset, rbac.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'scopeset_contained'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_contained(rbac.scopeset, rbac.scopeset) IS 'implementation of <@ operator';

CREATE FUNCTION rbac.scopeset_contained(rbac.scope, rbac.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'scopeset_scope_contained'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_contained(rbac.scope, rbac.scopeset) IS 'implementation of <@ operator';

CREATE FUNCTION rbac.scopeset_overlaps(rbac.scopeset, rbac.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'scopeset_overlaps'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_overlaps(rbac.scopeset, rbac.scopeset) IS 'implementation of && operator';

CREATE FUNCTION rbac.scopeset_or(rbac.scopeset, rbac.scopeset) RETURNS rbac.scopeset
	AS 'MODULE_PATHNAME', 'scopeset_or'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_or(rbac.scopeset, rbac.scopeset) IS 'implementation of | operator';

CREATE FUNCTION rbac.scopeset_and(rbac.scopeset, rbac.scopeset) RETURNS rbac.scopeset
	AS 'MODULE_PATHNAME', 'scopeset_and'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_and(rbac.scopeset, rbac.scopeset) IS 'implementation of & operator';

CREATE FUNCTION rbac.scopeset_minus(rbac.scopeset, rbac.scopeset) RETURNS rbac.scopeset
	AS 'MODULE_PATHNAME', 'scopeset_minus'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_minus(rbac.scopeset, rbac.scopeset) IS 'implementation of - operator';

CREATE OPERATOR rbac.= (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_eq,
	COMMUTATOR = OPERATOR(rbac.=), NEGATOR = OPERATOR(rbac.<>),
	RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR rbac.= (rbac.scopeset, rbac.scopeset) IS 'the same scopes';

CREATE OPERATOR rbac.<> (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_ne,
	COMMUTATOR = OPERATOR(rbac.<>), NEGATOR = OPERATOR(rbac.=),
	RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR rbac.<> (rbac.scopeset, rbac.scopeset) IS 'not the same scopes';

CREATE OPERATOR rbac.< (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_lt,
	COMMUTATOR = OPERATOR(rbac.>), NEGATOR = OPERATOR(rbac.>=),
	RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR rbac.< (rbac.scopeset, rbac.scopeset) IS 'less than, in the order of the stored bytes, which means nothing (not a subset)';

CREATE OPERATOR rbac.<= (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_le,
	COMMUTATOR = OPERATOR(rbac.>=), NEGATOR = OPERATOR(rbac.>),
	RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR rbac.<= (rbac.scopeset, rbac.scopeset) IS 'less than or equal, in the order of the stored bytes, which means nothing (not a subset)';

CREATE OPERATOR rbac.> (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_gt,
	COMMUTATOR = OPERATOR(rbac.<), NEGATOR = OPERATOR(rbac.<=),
	RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR rbac.> (rbac.scopeset, rbac.scopeset) IS 'greater than, in the order of the stored bytes, which means nothing (not a superset)';

CREATE OPERATOR rbac.>= (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_ge,
	COMMUTATOR = OPERATOR(rbac.<=), NEGATOR = OPERATOR(rbac.<),
	RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR rbac.>= (rbac.scopeset, rbac.scopeset) IS 'greater than or equal, in the order of the stored bytes, which means nothing (not a superset)';

CREATE OPERATOR rbac.@> (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_contains,
	COMMUTATOR = OPERATOR(rbac.<@),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR rbac.@> (rbac.scopeset, rbac.scopeset) IS 'contains all of';

CREATE OPERATOR rbac.<@ (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_contained,
	COMMUTATOR = OPERATOR(rbac.@>),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR rbac.<@ (rbac.scopeset, rbac.scopeset) IS 'is contained in';

CREATE OPERATOR rbac.@> (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scope, FUNCTION = rbac.scopeset_contains,
	COMMUTATOR = OPERATOR(rbac.<@),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR rbac.@> (rbac.scopeset, rbac.scope) IS 'contains the scope';

CREATE OPERATOR rbac.<@ (
	LEFTARG = rbac.scope, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_contained,
	COMMUTATOR = OPERATOR(rbac.@>),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR rbac.<@ (rbac.scope, rbac.scopeset) IS 'is one of the scopes';

CREATE OPERATOR rbac.&& (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_overlaps,
	COMMUTATOR = OPERATOR(rbac.&&),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR rbac.&& (rbac.scopeset, rbac.scopeset) IS 'have a scope in common';

CREATE OPERATOR rbac.| (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_or,
	COMMUTATOR = OPERATOR(rbac.|)
);
COMMENT ON OPERATOR rbac.| (rbac.scopeset, rbac.scopeset) IS 'union';

CREATE OPERATOR rbac.& (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_and,
	COMMUTATOR = OPERATOR(rbac.&)
);
COMMENT ON OPERATOR rbac.& (rbac.scopeset, rbac.scopeset) IS 'intersection';

CREATE OPERATOR rbac.- (
	LEFTARG = rbac.scopeset, RIGHTARG = rbac.scopeset, FUNCTION = rbac.scopeset_minus
);
COMMENT ON OPERATOR rbac.- (rbac.scopeset, rbac.scopeset) IS 'difference';

CREATE OPERATOR FAMILY rbac.scopeset_ops USING btree;
COMMENT ON OPERATOR FAMILY rbac.scopeset_ops USING btree IS 'btree on sets of scopes';

CREATE OPERATOR CLASS rbac.scopeset_ops DEFAULT FOR TYPE rbac.scopeset USING btree FAMILY rbac.scopeset_ops AS
	OPERATOR 1 rbac.<,
	OPERATOR 2 rbac.<=,
	OPERATOR 3 rbac.=,
	OPERATOR 4 rbac.>=,
	OPERATOR 5 rbac.>,
	FUNCTION 1 rbac.scopeset_cmp(rbac.scopeset, rbac.scopeset),
	FUNCTION 2 pg_catalog.bytea_sortsupport(pg_catalog.internal),
	FUNCTION 4 pg_catalog.btequalimage(pg_catalog.oid);
COMMENT ON OPERATOR CLASS rbac.scopeset_ops USING btree IS 'btree on sets of scopes, in the order of the stored bytes: for equality, DISTINCT, GROUP BY and merge joins';

CREATE OPERATOR FAMILY rbac.scopeset_ops USING hash;
COMMENT ON OPERATOR FAMILY rbac.scopeset_ops USING hash IS 'hash on sets of scopes';

CREATE OPERATOR CLASS rbac.scopeset_ops DEFAULT FOR TYPE rbac.scopeset USING hash FAMILY rbac.scopeset_ops AS
	OPERATOR 1 rbac.=,
	FUNCTION 1 rbac.scopeset_hash(rbac.scopeset),
	FUNCTION 2 rbac.scopeset_hash_extended(rbac.scopeset, bigint);
COMMENT ON OPERATOR CLASS rbac.scopeset_ops USING hash IS 'hash on sets of scopes';

CREATE FUNCTION rbac.scopeset_gin_extract_value(rbac.scopeset, pg_catalog.internal, pg_catalog.internal)
	RETURNS pg_catalog.internal
	AS 'MODULE_PATHNAME', 'scopeset_gin_extract_value'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_gin_extract_value(rbac.scopeset, pg_catalog.internal, pg_catalog.internal) IS 'GIN support';

CREATE FUNCTION rbac.scopeset_gin_extract_query(rbac.scopeset, pg_catalog.internal, smallint, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal)
	RETURNS pg_catalog.internal
	AS 'MODULE_PATHNAME', 'scopeset_gin_extract_query'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_gin_extract_query(rbac.scopeset, pg_catalog.internal, smallint, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal) IS 'GIN support';

CREATE FUNCTION rbac.scopeset_gin_consistent(pg_catalog.internal, smallint, rbac.scopeset, integer, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'scopeset_gin_consistent'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_gin_consistent(pg_catalog.internal, smallint, rbac.scopeset, integer, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal) IS 'GIN support';

CREATE FUNCTION rbac.scopeset_gin_triconsistent(pg_catalog.internal, smallint, rbac.scopeset, integer, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal)
	RETURNS pg_catalog."char"
	AS 'MODULE_PATHNAME', 'scopeset_gin_triconsistent'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_gin_triconsistent(pg_catalog.internal, smallint, rbac.scopeset, integer, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal) IS 'GIN support';

CREATE OPERATOR FAMILY rbac.scopeset_ops USING gin;
COMMENT ON OPERATOR FAMILY rbac.scopeset_ops USING gin IS 'GIN on sets of scopes';

CREATE OPERATOR CLASS rbac.scopeset_ops DEFAULT FOR TYPE rbac.scopeset USING gin FAMILY rbac.scopeset_ops AS
	OPERATOR 1 rbac.&&,
	OPERATOR 2 rbac.@>,
	OPERATOR 3 rbac.<@,
	OPERATOR 4 rbac.=,
	OPERATOR 5 rbac.@> (rbac.scopeset, rbac.scope),
	FUNCTION 1 rbac.scope_cmp(rbac.scope, rbac.scope),
	FUNCTION 2 rbac.scopeset_gin_extract_value(rbac.scopeset, pg_catalog.internal, pg_catalog.internal),
	FUNCTION 3 rbac.scopeset_gin_extract_query(rbac.scopeset, pg_catalog.internal, smallint, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal),
	FUNCTION 4 rbac.scopeset_gin_consistent(pg_catalog.internal, smallint, rbac.scopeset, integer, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal),
	FUNCTION 6 rbac.scopeset_gin_triconsistent(pg_catalog.internal, smallint, rbac.scopeset, integer, pg_catalog.internal, pg_catalog.internal, pg_catalog.internal),
	STORAGE rbac.scope;
COMMENT ON OPERATOR CLASS rbac.scopeset_ops USING gin IS 'GIN on sets of scopes, for @>, <@, && and =';

/*
 * A scope serves wherever a set is asked for.  From text there is no implicit
 * cast: the operators with a scope on one side would become ambiguous.
 */

CREATE FUNCTION rbac.scopeset(rbac.scope) RETURNS rbac.scopeset
	AS 'MODULE_PATHNAME', 'scopeset_from_scope'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset(rbac.scope) IS 'the set of this one scope';

CREATE FUNCTION rbac.scopeset(pg_catalog.text[]) RETURNS rbac.scopeset
	AS 'MODULE_PATHNAME', 'scopeset_from_array'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset(pg_catalog.text[]) IS 'the set of the scopes named in the array';

CREATE FUNCTION rbac.scopeset_to_array(rbac.scopeset) RETURNS pg_catalog.text[]
	AS 'MODULE_PATHNAME', 'scopeset_to_array'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_to_array(rbac.scopeset) IS 'the names of the scopes, in byte order';

CREATE CAST (rbac.scope AS rbac.scopeset) WITH FUNCTION rbac.scopeset(rbac.scope) AS IMPLICIT;
COMMENT ON CAST (rbac.scope AS rbac.scopeset) IS 'the set of this one scope';

CREATE CAST (pg_catalog.text AS rbac.scopeset) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (pg_catalog.text AS rbac.scopeset) IS 'the set with that text form';

CREATE CAST (varchar AS rbac.scopeset) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (varchar AS rbac.scopeset) IS 'the set with that text form';

CREATE CAST (pg_catalog.text[] AS rbac.scopeset) WITH FUNCTION rbac.scopeset(pg_catalog.text[]) AS ASSIGNMENT;
COMMENT ON CAST (pg_catalog.text[] AS rbac.scopeset) IS 'the set of the scopes named in the array';

CREATE CAST (rbac.scopeset AS pg_catalog.text[]) WITH FUNCTION rbac.scopeset_to_array(rbac.scopeset) AS ASSIGNMENT;
COMMENT ON CAST (rbac.scopeset AS pg_catalog.text[]) IS 'the names of the scopes, in byte order';

CREATE FUNCTION rbac.cardinality(rbac.scopeset) RETURNS integer
	AS 'MODULE_PATHNAME', 'scopeset_cardinality'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION rbac.cardinality(rbac.scopeset) IS 'how many scopes are in the set';

CREATE FUNCTION rbac.unnest(rbac.scopeset) RETURNS SETOF rbac.scope
	AS 'MODULE_PATHNAME', 'scopeset_unnest'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION rbac.unnest(rbac.scopeset) IS 'the scopes in the set, in byte order of their names';

/* ---- aggregates ---- */

CREATE FUNCTION rbac.scopeset_agg_transition(pg_catalog.internal, rbac.scope) RETURNS pg_catalog.internal
	AS 'MODULE_PATHNAME', 'scopeset_agg_transition'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_agg_transition(pg_catalog.internal, rbac.scope) IS 'aggregate transition function';

CREATE FUNCTION rbac.scopeset_union_transition(pg_catalog.internal, rbac.scopeset) RETURNS pg_catalog.internal
	AS 'MODULE_PATHNAME', 'scopeset_union_transition'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_union_transition(pg_catalog.internal, rbac.scopeset) IS 'aggregate transition function';

CREATE FUNCTION rbac.scopeset_agg_combine(pg_catalog.internal, pg_catalog.internal) RETURNS pg_catalog.internal
	AS 'MODULE_PATHNAME', 'scopeset_agg_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_agg_combine(pg_catalog.internal, pg_catalog.internal) IS 'aggregate combine function';

CREATE FUNCTION rbac.scopeset_agg_serialize(pg_catalog.internal) RETURNS pg_catalog.bytea
	AS 'MODULE_PATHNAME', 'scopeset_agg_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_agg_serialize(pg_catalog.internal) IS 'aggregate serialization function';

CREATE FUNCTION rbac.scopeset_agg_deserialize(pg_catalog.bytea, pg_catalog.internal) RETURNS pg_catalog.internal
	AS 'MODULE_PATHNAME', 'scopeset_agg_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_agg_deserialize(pg_catalog.bytea, pg_catalog.internal) IS 'aggregate deserialization function';

CREATE FUNCTION rbac.scopeset_agg_final(pg_catalog.internal) RETURNS rbac.scopeset
	AS 'MODULE_PATHNAME', 'scopeset_agg_final'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rbac.scopeset_agg_final(pg_catalog.internal) IS 'aggregate final function';

CREATE AGGREGATE rbac.scopeset_agg(rbac.scope) (
	SFUNC = rbac.scopeset_agg_transition,
	STYPE = pg_catalog.internal,
	FINALFUNC = rbac.scopeset_agg_final,
	COMBINEFUNC = rbac.scopeset_agg_combine,
	SERIALFUNC = rbac.scopeset_agg_serialize,
	DESERIALFUNC = rbac.scopeset_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE rbac.scopeset_agg(rbac.scope) IS 'the set of the scopes';

CREATE AGGREGATE rbac.union_agg(rbac.scopeset) (
	SFUNC = rbac.scopeset_union_transition,
	STYPE = pg_catalog.internal,
	FINALFUNC = rbac.scopeset_agg_final,
	COMBINEFUNC = rbac.scopeset_agg_combine,
	SERIALFUNC = rbac.scopeset_agg_serialize,
	DESERIALFUNC = rbac.scopeset_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE rbac.union_agg(rbac.scopeset) IS 'the union of the sets';
