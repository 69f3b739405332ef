-- Prints reference.md out of a database that has the extension:
-- make reference does it on a throw-away server, and a test compares.
\pset format unaligned
\pset tuples_only on
\pset pager off
SET search_path = rbac, pg_catalog;
SET client_min_messages = warning;

-- in a cell of a table
CREATE FUNCTION pg_temp.cell(text) RETURNS text LANGUAGE sql RETURN replace($1, '|', '\|');
CREATE FUNCTION pg_temp.code(text) RETURNS text LANGUAGE sql RETURN '`' || replace($1, '|', '\|') || '`';

\qecho '# Reference'
\qecho
\qecho 'All that schema `rbac` has, as the database itself describes it: made by `make reference`.'
\qecho
\qecho '## Settings'
\qecho
\qecho '| setting | default | description |'
\qecho '|---|---|---|'
-- the library has to be there
SELECT current_member() \g /dev/null
SELECT format('| %s | %s | %s |', pg_temp.code(name), pg_temp.code(COALESCE(NULLIF(boot_val || COALESCE(' ' || unit, ''), ''), '''''')), pg_temp.cell(concat_ws(' ', short_desc, extra_desc)))
FROM pg_settings WHERE name LIKE 'rbac.%' ORDER BY name COLLATE "C";
\qecho
\qecho '## Tables and views'
SELECT E'\n### ' || relname || E'\n\n' || initcap(left(d, 1)) || substr(d, 2) || E'.\n\n| column | type | |\n|---|---|---|\n'
	|| (SELECT string_agg(format('| %s | %s | %s |', pg_temp.code(attname), format_type(atttypid, atttypmod), COALESCE(pg_temp.cell(col_description(attrelid, attnum)), '')), E'\n' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
FROM pg_class c, obj_description(c.oid, 'pg_class') d
WHERE relnamespace = 'rbac'::regnamespace AND relkind IN ('r', 'v')
ORDER BY relkind, relname COLLATE "C";
\qecho
\qecho '## Types'
\qecho
\qecho '| type | description |'
\qecho '|---|---|'
SELECT format('| %s | %s |', pg_temp.code(typname), pg_temp.cell(obj_description(t.oid, 'pg_type')))
FROM pg_type t
WHERE typnamespace = 'rbac'::regnamespace AND typtype = 'b' AND typelem = 0 ORDER BY typname COLLATE "C";
\qecho
\qecho '## Operators'
\qecho
\qecho '| operator | result | description |'
\qecho '|---|---|---|'
SELECT format('| %s | %s | %s |', pg_temp.code(concat_ws(' ', NULLIF(oprleft, 0)::regtype, oprname, oprright::regtype)), oprresult::regtype, pg_temp.cell(obj_description(o.oid, 'pg_operator')))
FROM pg_operator o WHERE oprnamespace = 'rbac'::regnamespace
ORDER BY oprname COLLATE "C", oprleft::regtype::text COLLATE "C", oprright::regtype::text COLLATE "C";

CREATE VIEW pg_temp.functions AS
	SELECT p.oid, proname, prokind, prorettype,
		format('%s(%s)', proname, pg_get_function_arguments(p.oid)) AS signature, pg_get_function_result(p.oid) AS result, obj_description(p.oid, 'pg_proc') AS description,
		-- of types, operators, casts, indexes and aggregates
		EXISTS (SELECT FROM pg_type t WHERE p.oid IN (typinput, typoutput, typreceive, typsend, typanalyze))
			OR EXISTS (SELECT FROM pg_operator o WHERE p.oid = oprcode) OR EXISTS (SELECT FROM pg_amproc a WHERE p.oid = amproc)
			OR EXISTS (SELECT FROM pg_cast WHERE p.oid = castfunc) OR EXISTS (SELECT FROM pg_proc s WHERE s.prosupport = p.oid)
			OR EXISTS (SELECT FROM pg_aggregate WHERE p.oid IN (aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn)) AS is_part
	FROM pg_proc p WHERE pronamespace = 'rbac'::regnamespace;
\qecho
\qecho '## Functions'
\qecho
\qecho '| function | result | description |'
\qecho '|---|---|---|'
SELECT format('| %s | %s | %s |', pg_temp.code(signature), pg_temp.cell(result), pg_temp.cell(description))
FROM pg_temp.functions WHERE prokind = 'f' AND prorettype <> 'trigger'::regtype AND NOT is_part
ORDER BY signature COLLATE "C";
\qecho
\qecho '## Aggregates'
\qecho
\qecho '| aggregate | result | description |'
\qecho '|---|---|---|'
SELECT format('| %s | %s | %s |', pg_temp.code(signature), result, pg_temp.cell(description))
FROM pg_temp.functions WHERE prokind = 'a'
ORDER BY signature COLLATE "C";
\qecho
\qecho '## Trigger functions'
\qecho
\qecho '| function | description |'
\qecho '|---|---|'
SELECT format('| %s | %s |', pg_temp.code(proname || '()'), pg_temp.cell(description))
FROM pg_temp.functions WHERE prorettype = 'trigger'::regtype
ORDER BY signature COLLATE "C";
\qecho
\qecho '## Parts of types, operators, casts, indexes and aggregates'
\qecho
\qecho '| function | result | description |'
\qecho '|---|---|---|'
SELECT format('| %s | %s | %s |', pg_temp.code(signature), pg_temp.cell(result), pg_temp.cell(description))
FROM pg_temp.functions WHERE prokind = 'f' AND prorettype <> 'trigger'::regtype AND is_part
ORDER BY signature COLLATE "C";
