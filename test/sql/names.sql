--
-- Names: of everything that has one
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

INSERT INTO organizations VALUES ('acme');

-- Every column that takes a name of one's own, and what is put before the name
-- where it has to be an organization's.
CREATE TEMP TABLE names_in (no int, statement text);
INSERT INTO names_in VALUES
	(1, 'INSERT INTO organizations (name) VALUES (%L)'),
	(2, 'INSERT INTO entity_types (name) VALUES (%L)'),
	(3, 'INSERT INTO permission_sets (name, entity_type) VALUES (%L, ''stack'')'),
	(4, 'INSERT INTO permission_sets (name, entity_type) VALUES (''acme/'' || %L, ''stack'')'),
	(5, 'INSERT INTO roles (name) VALUES (%L)'),
	(6, 'INSERT INTO roles (name) VALUES (''acme/'' || %L)'),
	(7, 'INSERT INTO teams (name) VALUES (''acme/'' || %L)'),
	(8, 'INSERT INTO members (organization, member) VALUES (''acme'', %L)'),
	(9, 'INSERT INTO entities (entity_type, entity, organization) VALUES (''stack'', %L, ''acme'')'),
	(10, 'INSERT INTO entities (entity_type, entity, organization, owner) VALUES (''stack'', gen_random_uuid()::text, ''acme'', %L)'),
	(11, 'INSERT INTO role_rules (role, permission_set, entity) VALUES (''Admin'', ''Stack Read'', %L)'),
	(12, 'INSERT INTO entity_grants (permission_set, entity, organization, member) VALUES (''Stack Read'', %L, ''acme'', ''tester'')');
INSERT INTO members (organization, member) VALUES ('acme', 'tester');

-- Which of them take the name?  What was inserted is taken back, so that the
-- same name can be tried again.
CREATE FUNCTION pg_temp.taken(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	s       record;
	answer  text;
	result  text = '';
BEGIN
	FOR s IN SELECT * FROM names_in ORDER BY no LOOP
		BEGIN
			EXECUTE format(s.statement, name);
			RAISE EXCEPTION USING ERRCODE = 'RB000';
		EXCEPTION
			WHEN SQLSTATE 'RB000' THEN answer = 'y';
			WHEN check_violation THEN answer = '-';
			WHEN OTHERS THEN answer = '[' || sqlstate || ' ' || sqlerrm || ']';
		END;
		result = result || answer;
	END LOOP;
	RETURN result;
END $$;

-- column by column as numbered above; an organization has no slash
SELECT format('%-14s %s', what, pg_temp.taken(name)) AS "               123456789012"
FROM (VALUES
	(1, 'plain', 'x'),
	(2, 'one space', ' '),
	(3, 'inner space', 'a b'),
	(4, 'empty', ''),
	(5, 'umlaut', U&'M\00FCller & S\00F6hne'),
	(6, 'chinese', U&'\5F00\53D1'),
	(7, 'emoji', U&'\+01F680'),
	(8, 'quotes', $$it's "so" \$$),
	(9, 'wildcards', '%_*?.'),
	(10, 'braces', '{a,b}'),
	(11, 'null word', 'NULL'),
	(12, 'tab', E'a\tb'),
	(13, 'newline', E'ab\n'),
	(14, 'return', E'\rab'),
	(15, 'escape', E'\x1b[2J'),
	(16, 'delete', E'a\x7f'),
	(17, 'C1 first', U&'a\0080'),
	(18, 'C1 next line', U&'a\0085b'),
	(19, 'C1 last', U&'\009F'),
	(20, 'no-break space', U&'a\00A0b')) AS t (no, what, name)
ORDER BY no;

-- slashes: the organization is what is before the first
SELECT format('%-14s %s', '"' || name || '"', pg_temp.taken(name)) AS "               123456789012"
FROM (VALUES (1, '/'), (2, '/x'), (3, 'x/'), (4, '//'), (5, 'acme/x'), (6, 'acme//'), (7, 'acme//x'), (8, 'acme/x/'), (9, 'acme/x/y'), (10, 'acme/acme')) AS t (no, name)
ORDER BY no;
SELECT pg_temp.try(format('INSERT INTO teams (name) VALUES (%L)', name))
FROM unnest(ARRAY['Ops', '', '/', '/Ops', 'acme/', 'acme', 'nobody/Ops']) name;

-- 255 bytes and not one more, however many characters
SELECT octet_length(name), pg_temp.taken(name)
FROM (VALUES (1, repeat('a', 250)), (2, repeat('a', 251)), (3, repeat('a', 255)), (4, repeat('a', 256)), (5, repeat('a', 100000)),
	(6, repeat(U&'\20AC', 85)), (7, repeat(U&'\20AC', 85) || 'a')) AS t (no, name)
ORDER BY no;

-- scopes have a form of their own
SELECT name, pg_temp.try(format('INSERT INTO scopes (name, entity_type) VALUES (%L, ''stack'')', name))
FROM unnest(ARRAY['doc:read', 'd:r', 'doc_2:read_all_2', 'doc:read:all', 'Doc:read', 'doc:Read', 'doc', 'doc:', ':read', '',
	'2doc:read', '_doc:read', 'doc:_read', 'doc-x:read', 'doc.x:read', 'doc/x:read', 'doc: read', E'doc:read\n', 'doc:*', '{doc:read}', 'doc:read,doc:write',
	U&'d\00F6c:read']) WITH ORDINALITY AS t (name, no) ORDER BY no;
SELECT octet_length(name), pg_temp.try(format('INSERT INTO scopes (name, entity_type) VALUES (%L, ''stack'')', name))
FROM (VALUES ('doc:' || repeat('x', 251)), ('doc:' || repeat('x', 252))) AS t (name);

-- names are compared byte by byte: these are four roles
INSERT INTO roles (name) VALUES ('acme/Ops'), ('acme/ops'), ('acme/ops '), (U&'acme/\00F6ps'), (U&'acme/o\0308ps');
SELECT name, octet_length(name) FROM roles WHERE organization = 'acme' ORDER BY name;
SELECT pg_temp.try('INSERT INTO roles (name) VALUES (''acme/Ops'')');

-- NULL is no name
SELECT pg_temp.try(format(statement, NULL)) FROM names_in WHERE no NOT IN (4, 6, 7, 10, 11) ORDER BY no;
SELECT pg_temp.try('INSERT INTO scopes (name, entity_type) VALUES (NULL, ''stack'')');

-- is_name and is_slug, on which the constraints rest
SELECT is_name(NULL), is_slug(NULL), is_name(''), is_slug(''), is_name('/'), is_slug('/'), is_slug('a/b'), is_slug('a/');

DELETE FROM organizations;
DELETE FROM scopes WHERE NOT builtin;
SELECT count(*) FROM roles WHERE NOT builtin;
