--
-- The conditions of tag rules: jsonpath predicates on an entity's tags.  What
-- is not true (false, unknown, not a predicate, an error) is no match.
--
SET search_path = rbac, public;
\set SHOW_CONTEXT never

INSERT INTO organizations VALUES ('acme');
INSERT INTO roles (name) VALUES ('acme/Tagged');
INSERT INTO role_rules (role, permission_set, condition) VALUES ('acme/Tagged', 'Stack Read', 'false == true');
INSERT INTO members (organization, member, role) VALUES ('acme', 'ann', 'acme/Tagged');
INSERT INTO entities (entity_type, entity, organization) VALUES ('stack', 's1', 'acme'), ('stack', 's2', 'acme');

-- what all functions that have a say make of it
CREATE FUNCTION public.matches(the_condition jsonpath, the_tags jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE role_rules SET condition = the_condition WHERE role = 'acme/Tagged';
	UPDATE entities SET tags = the_tags WHERE entity = 's1';
	RETURN concat_ws(' ', has_scope('ann', 's1', 'stack:read'), row_has_scope('ann', 's1', 'stack:read', 'acme', NULL, the_tags),
		scopes_on('ann', 'stack', 's1') @> 'stack:read'::scope,
		EXISTS (SELECT FROM entities_with_scope('ann', 'stack:read') e WHERE e = 's1'));
END $$;

\pset format unaligned
\pset tuples_only on
\pset null NULL
SELECT condition_text || string_agg(format(E'\n    %s %s', matches(condition_text::jsonpath, tags), coalesce(tags::text, 'NULL')), '' ORDER BY i)
FROM (VALUES
	-- comparisons
	(1, '$.env == "prod"', ARRAY['{"env": "prod"}', '{"env": "dev"}', '{"env": "Prod"}', '{"env": null}', '{"env": 1}', '{}', NULL, '{"env": ["dev", "prod"]}', '{"env": {"prod": 1}}']::jsonb[]),
	(2, '$.level > 3', ARRAY['{"level": 4}', '{"level": 3}', '{"level": 3.0001}', '{"level": "4"}', '{"level": [1, 5]}', '{"level": 1e30}', '{"level": true}', '{}']::jsonb[]),
	(3, '$.env == "prod" && $.level >= 3', ARRAY['{"env": "prod", "level": 3}', '{"env": "prod"}', '{"level": 3}']::jsonb[]),
	(4, '$.env == "prod" || $.level >= 3', ARRAY['{"env": "prod", "level": 0}', '{"env": "prod"}', '{"level": 3}', '{}']::jsonb[]),
	(5, '$.env starts with "pr"', ARRAY['{"env": "preview"}', '{"env": "xpr"}', '{"env": 1}']::jsonb[]),
	(6, '$.env like_regex "^PR" flag "i"', ARRAY['{"env": "preview"}', '{"env": "xpr"}', '{"env": 1}', '{}']::jsonb[]),
	-- keys that are not there
	(7, '!($.env == "prod")', ARRAY['{"env": "dev"}', '{"env": "prod"}', '{}', NULL]::jsonb[]),
	(8, '!exists($.env)', ARRAY['{"env": "dev"}', '{"env": null}', '{}', NULL]::jsonb[]),
	(9, '$.env != "prod"', ARRAY['{"env": "dev"}', '{"env": "prod"}', '{}', NULL]::jsonb[]),
	(10, '$.env == null', ARRAY['{"env": null}', '{"env": "prod"}', '{}', NULL]::jsonb[]),
	(11, 'strict $.env == "prod"', ARRAY['{"env": "prod"}', '{"env": ["prod"]}', '{}', NULL]::jsonb[]),
	(12, 'strict !exists($.env)', ARRAY['{"env": "prod"}', '{}', NULL]::jsonb[]),
	(13, '($.env == "prod") is unknown', ARRAY['{"env": "prod"}', '{"env": 1}', '{}', NULL]::jsonb[]),
	(14, 'true == true', ARRAY['{"env": "prod"}', '{}', NULL]::jsonb[]),
	-- not predicates
	(15, '$.env', ARRAY['{"env": true}', '{"env": false}', '{"env": "prod"}', '{"env": null}', '{"env": [true, true]}', '{}', NULL]::jsonb[]),
	(16, '$', ARRAY['{"env": true}', '{}', NULL]::jsonb[]),
	(17, '$ ? (@.env == "prod")', ARRAY['{"env": "prod"}', '{}']::jsonb[]),
	(18, 'exists($ ? (@.env == "prod"))', ARRAY['{"env": "prod"}', '{}']::jsonb[]),
	(19, '"prod"', ARRAY['{"env": "prod"}']::jsonb[]),
	-- errors
	(20, '$.level / $.zero == 1', ARRAY['{"level": 1, "zero": 1}', '{"level": 1, "zero": 0}', '{"level": "x", "zero": 1}', '{"level": [1, 2], "zero": 1}']::jsonb[]),
	(21, '-$.env == 1', ARRAY['{"env": -1}', '{"env": "prod"}']::jsonb[]),
	(22, '$.list[$.n] == "x"', ARRAY['{"list": ["x"], "n": 0}', '{"list": ["x"], "n": 1}', '{"list": ["x"], "n": "a"}', '{"list": ["x"], "n": 1e20}']::jsonb[]),
	(23, 'strict $.list[5] == "x"', ARRAY['{"list": ["x"]}']::jsonb[]),
	(24, '$.env.double() == 1', ARRAY['{"env": "1"}', '{"env": "prod"}', '{"env": "1e999"}']::jsonb[]),
	(25, '$.env.size() == 2 && $.env.keyvalue().key == "a"', ARRAY['{"env": [1, 2]}', '{"env": {"a": 1}}']::jsonb[]),
	(26, '$variable == 1', ARRAY['{"variable": 1}', '{}', NULL]::jsonb[]),
	(27, '$.env == "prod" || $variable == 1', ARRAY['{"env": "prod"}', '{"env": "dev"}']::jsonb[]),
	-- dates and times: comparing one that has a time zone with one that has none is an error
	(28, '$.since.datetime() < "2020-01-01".datetime()', ARRAY['{"since": "2019-12-31"}', '{"since": "2020-01-01"}', '{"since": "2019-12-31 23:59:59"}', '{"since": "2019-12-31T23:59:59+00"}', '{"since": "12:00"}', '{"since": "yesterday"}', '{"since": 2019}', '{}']::jsonb[]),
	(29, '$.since.datetime() < "2020-01-01T00:00:00+00".datetime()', ARRAY['{"since": "2019-12-31"}', '{"since": "2019-12-31T23:59:59+00"}', '{"since": "2020-01-01T00:30:00+01"}', '{"since": "2020-01-01T00:00:00+00"}']::jsonb[]),
	(30, '$.since.datetime("YYYY") < "2020".datetime("YYYY")', ARRAY['{"since": "2019"}', '{"since": "2021"}', '{"since": "x"}']::jsonb[]),
	(31, '$.env == "prod" || $.since.datetime() < "2020-01-01T00:00:00+00".datetime()', ARRAY['{"since": "2019-12-31", "env": "prod"}', '{"since": "2019-12-31", "env": "dev"}']::jsonb[]),
	-- structure
	(32, '$.a.b[*].c == "x"', ARRAY['{"a": {"b": [{"c": "y"}, {"c": "x"}]}}', '{"a": {"b": {"c": "x"}}}', '{"a": [{"b": {"c": "x"}}]}', '{"a": "b"}']::jsonb[]),
	(33, '$.** == "x"', ARRAY['{"a": [[{"b": {"c": ["x"]}}]]}', '{"x": "a"}']::jsonb[]),
	(34, '$."a b"."$" == "\u0041"', ARRAY['{"a b": {"$": "A"}}', '{"a": {"$": "A"}}']::jsonb[])
) AS c(n, condition_text, all_tags), unnest(all_tags) WITH ORDINALITY AS t(tags, i)
GROUP BY n, condition_text
ORDER BY n;
\pset null ''

-- tags that are nested deeply, and large ones that are stored out of line
SELECT matches('$.**.x == 1', (repeat('{"a": ', 500) || '{"x": 1}' || repeat('}', 500))::jsonb);
SELECT matches('$.**.x == 1', (repeat('{"a": ', 500) || '{"x": 2}' || repeat('}', 500))::jsonb);
SELECT matches('$.env == "prod"', jsonb_build_object('env', 'prod', 'text', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 1000) n)));
SELECT matches('$.text like_regex "never"', jsonb_build_object('env', 'prod', 'text', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 1000) n)));
SELECT pg_column_size(tags) > 10000 FROM entities WHERE entity = 's1';

-- Of several rules one is enough, wherever the erroneous ones stand.
DELETE FROM role_rules WHERE role = 'acme/Tagged';
UPDATE entities SET tags = '{"env": "prod", "since": "2019-12-31"}' WHERE entity = 's1';
INSERT INTO role_rules (role, permission_set, condition) VALUES
	('acme/Tagged', 'Stack Read', '$.since.datetime() < "2020-01-01T00:00:00+00".datetime()'), ('acme/Tagged', 'Stack Read', '$.env == "prod"'),
	('acme/Tagged', 'Stack Read', '$.env == "prod"'), ('acme/Tagged', 'Stack Write', '$.env == "dev"'), ('acme/Tagged', 'Stack Read', '$.env / 0 == 1');
SELECT has_scope('ann', 's1', 'stack:read'), has_scope('ann', 's1', 'stack:write'), has_scope('ann', 's2', 'stack:read');
-- a condition is asked only about entities of the set's type, in the organization
INSERT INTO entities VALUES ('environment', 's1', 'acme', NULL, '{"env": "prod"}');
SELECT has_scope('ann', 's1', 'environment:read'), row_has_scope('ann', 's1', 'environment:read', 'acme', NULL, '{"env": "prod"}');

-- An error in a condition leaves nothing behind: not in a transaction, not in a scan.
BEGIN;
SELECT entity, has_scope('ann', entity, 'stack:read') FROM entities WHERE entity_type = 'stack' ORDER BY entity;
SAVEPOINT s;
DELETE FROM role_rules WHERE condition::text LIKE '%prod%';
SELECT entity, has_scope('ann', entity, 'stack:read') FROM entities WHERE entity_type = 'stack' ORDER BY entity;
ROLLBACK TO s;
SELECT entity, has_scope('ann', entity, 'stack:read') FROM entities WHERE entity_type = 'stack' ORDER BY entity;
COMMIT;
SELECT count(*) FILTER (WHERE row_has_scope('ann', n::text, 'stack:read', 'acme', NULL, jsonb_build_object('since', '2019-12-31', 'env', CASE n % 10 WHEN 0 THEN 'prod' END)))
FROM generate_series(1, 10000) n;

-- Whatever the time zone: a condition's answer does not depend on it.
SET timezone = 'Asia/Tokyo';
SELECT matches(condition, '{"since": "2019-12-31T20:00:00+00"}') FROM (VALUES ('$.since.datetime() < "2020-01-01".datetime()'::jsonpath), ('$.since.datetime() < "2020-01-01T00:00:00+00".datetime()')) c(condition);
RESET timezone;

DROP FUNCTION matches;
DELETE FROM entities;
DELETE FROM organizations;
