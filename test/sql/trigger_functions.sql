--
-- The functions of the triggers take the columns of their tables for granted: on
-- any other table they refuse to work, for a superuser too
--
SET search_path = rbac, public;

-- what becomes of a statement: the rows that it changed, or why it is refused
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint   text;
	n      bigint;
BEGIN
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN 'ok, rows: ' || n;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', sqlstate || ' ' || sqlerrm,
		nullif(regexp_replace(detail, '^Failing row contains .*', ''), ''), nullif(hint, ''));
END $$;

CREATE TEMP TABLE other (name integer, entity_type integer, scopes integer, other text);
SELECT proname, pg_temp.try(format('CREATE TRIGGER t %s INSERT ON other FOR EACH ROW EXECUTE FUNCTION rbac.%I(''n'', ''name'');'
	' INSERT INTO other VALUES (1, 2, 3, ''x'')', position, proname))
FROM pg_proc, unnest(ARRAY['BEFORE', 'AFTER']) position
WHERE pronamespace = 'rbac'::regnamespace AND prorettype = 'trigger'::regtype
	AND left(pg_temp.try(format('CREATE TRIGGER t %s INSERT ON other FOR EACH ROW EXECUTE FUNCTION rbac.%I(''n'', ''name'');'
		' INSERT INTO other VALUES (1, 2, 3, ''x'')', position, proname)), 5) <> '39P01';
SELECT count(*) > 5 AS some FROM pg_proc WHERE pronamespace = 'rbac'::regnamespace AND prorettype = 'trigger'::regtype;

-- nor can they be called
SELECT invalidate();
