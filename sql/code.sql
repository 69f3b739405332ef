/*
 * An organization as one document: to keep beside the application's code, to
 * review, and to apply.
 *
 * In a document a name that begins with ./ is the organization's own: ./Deployer
 * is acme/Deployer in acme.  Other names of roles and permission sets are those of
 * shared ones.  So a document says the organization's name once, and can be
 * applied to another.  What is NULL or has its default is left out; the sections
 * are not, because apply() deletes what a document does not have.
 */

CREATE FUNCTION rbac_internal.document_name(organization text, name text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN pg_catalog.strpos(name, '/') > 0 THEN '.' || pg_catalog.substr(name, pg_catalog.length(organization) + 1) ELSE name END;
COMMENT ON FUNCTION rbac_internal.document_name(text, text) IS 'for export(): a name as documents have it, ./local name if it is the organization''s';

CREATE FUNCTION rbac_internal.stored_name(organization text, name text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN pg_catalog.left(name, 2) = './' THEN organization || pg_catalog.substr(name, 2) ELSE name END;
COMMENT ON FUNCTION rbac_internal.stored_name(text, text) IS 'for apply(): a name in a document as the tables have it';

/* ---- export: a function for each section ---- */

CREATE FUNCTION rbac_internal.export_permission_sets(organization text) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
			'name', rbac_internal.document_name($1, p.name), 'description', p.description, 'entity_type', p.entity_type,
			'scopes', to_jsonb(NULLIF(p.scopes::text[], '{}')))) ORDER BY p.name), '[]')
	FROM rbac.permission_sets p WHERE p.organization = $1
$$;
COMMENT ON FUNCTION rbac_internal.export_permission_sets(text) IS 'for export(): an organization''s permission sets';

CREATE FUNCTION rbac_internal.export_roles(organization text) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH rules AS (
		SELECT rule.role, jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
				'permission_set', rbac_internal.document_name($1, rule.permission_set), 'entity', rule.entity, 'condition', rule.condition))
			ORDER BY rule.permission_set, rule.entity NULLS FIRST, rule.condition COLLATE "C" NULLS FIRST) AS list
		FROM (
			-- the same condition twice is nothing more
			SELECT DISTINCT u.role, u.permission_set, u.entity, u.condition::text
			FROM rbac.role_rules u JOIN rbac.roles r ON r.name = u.role WHERE r.organization = $1) AS rule
		GROUP BY rule.role)
	SELECT COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
			'name', rbac_internal.document_name($1, r.name), 'description', r.description,
			'all_scopes', NULLIF(r.all_scopes, false), 'rules', rules.list)) ORDER BY r.name), '[]')
	FROM rbac.roles r LEFT JOIN rules ON rules.role = r.name WHERE r.organization = $1
$$;
COMMENT ON FUNCTION rbac_internal.export_roles(text) IS 'for export(): an organization''s roles with their rules';

CREATE FUNCTION rbac_internal.export_members(organization text) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC'
AS $$
	SELECT COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
			'name', m.member, 'kind', NULLIF(m.kind, 'user'), 'role', rbac_internal.document_name($1, m.role), 'expires_at', m.expires_at))
		ORDER BY m.member), '[]')
	FROM rbac.members m WHERE m.organization = $1
$$;
COMMENT ON FUNCTION rbac_internal.export_members(text) IS 'for export(): an organization''s members';

CREATE FUNCTION rbac_internal.export_teams(organization text) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC'
AS $$
	WITH members AS (
		SELECT m.team, jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
				'name', m.member, 'is_admin', NULLIF(m.is_admin, false), 'expires_at', m.expires_at)) ORDER BY m.member) AS list
		FROM rbac.team_members m WHERE m.organization = $1
		GROUP BY m.team
	), roles AS (
		SELECT r.team, jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
				'name', rbac_internal.document_name($1, r.role), 'expires_at', r.expires_at)) ORDER BY r.role) AS list
		FROM rbac.team_roles r JOIN rbac.teams t ON t.name = r.team WHERE t.organization = $1
		GROUP BY r.team)
	SELECT COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
			'name', rbac_internal.document_name($1, t.name), 'description', t.description, 'source', NULLIF(t.source, 'rbac'),
			'members', members.list, 'roles', roles.list)) ORDER BY t.name), '[]')
	FROM rbac.teams t LEFT JOIN members ON members.team = t.name LEFT JOIN roles ON roles.team = t.name
	WHERE t.organization = $1
$$;
COMMENT ON FUNCTION rbac_internal.export_teams(text) IS 'for export(): an organization''s teams with their members and roles';

CREATE FUNCTION rbac_internal.export_entity_grants(organization text) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC'
AS $$
	WITH grants AS (
		SELECT g.* FROM rbac.entity_grants g WHERE g.organization = $1
		UNION ALL
		SELECT g.* FROM rbac.entity_grants g JOIN rbac.teams t ON t.name = g.team WHERE t.organization = $1)
	SELECT COALESCE(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
			'team', rbac_internal.document_name($1, g.team), 'member', g.member,
			'permission_set', rbac_internal.document_name($1, g.permission_set), 'entity', g.entity, 'expires_at', g.expires_at))
		ORDER BY g.team NULLS LAST, g.member, g.permission_set, g.entity), '[]')
	FROM grants g
$$;
COMMENT ON FUNCTION rbac_internal.export_entity_grants(text) IS 'for export(): the entity grants to an organization''s teams and members';

CREATE FUNCTION rbac_internal.organization_document(organization text) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object(
		'rbac', 1,
		'organization', o.name,
		'description', o.description,
		'default_role', (SELECT rbac_internal.document_name($1, d.role) FROM rbac.default_roles d WHERE d.organization = $1),
		'permission_sets', rbac_internal.export_permission_sets($1),
		'roles', rbac_internal.export_roles($1),
		'members', rbac_internal.export_members($1),
		'teams', rbac_internal.export_teams($1),
		'entity_grants', rbac_internal.export_entity_grants($1),
		'member_defaults', (SELECT COALESCE(jsonb_agg(rbac_internal.document_name($1, d.permission_set) ORDER BY d.permission_set), '[]')
			FROM rbac.member_defaults d WHERE d.organization = $1),
		'toggles', (SELECT COALESCE(jsonb_agg(s.scope ORDER BY s.scope), '[]')
			FROM rbac.organization_settings s WHERE s.organization = $1)))
	FROM rbac.organizations o WHERE o.name = $1
$$;
COMMENT ON FUNCTION rbac_internal.organization_document(text) IS 'for export() and apply(): what the caller sees of an organization, as a document; NULL: no such organization';

/* A document of what one sees in part would have the rest deleted. */
CREATE FUNCTION rbac_internal.require_whole_view(organization text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	IF EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolbypassrls)
		OR pg_has_role((SELECT nspowner FROM pg_namespace WHERE nspname = 'rbac'), 'USAGE') THEN
		RETURN;
	END IF;
	SELECT string_agg(format('"%s"', s.scope), ', ' ORDER BY s.n) INTO missing
	FROM unnest(ARRAY['org_member:read', 'team:read', 'role:read']) WITH ORDINALITY AS s (scope, n)
	WHERE rbac.has_scope($1, s.scope::rbac.scope) IS NOT TRUE;
	IF missing IS NOT NULL THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('permission denied to see all of organization "%s"', organization),
			DETAIL = format('Missing in the organization: %s.', missing),
			HINT = 'It takes scopes "org_member:read", "team:read" and "role:read" there.';
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.require_whole_view(text) IS 'for export() and apply(): refuses who would see the organization in part only';

CREATE FUNCTION rbac.export(organization text) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	document jsonb;
BEGIN
	PERFORM rbac_internal.require_whole_view(organization);
	document := rbac_internal.organization_document(organization);
	IF document IS NULL THEN
		RAISE undefined_object USING MESSAGE = format('organization "%s" does not exist', organization);
	END IF;
	-- policies go by what is so when a table is read, perhaps after waiting for it
	PERFORM rbac_internal.require_whole_view(organization);
	RETURN document;
END
$$;
COMMENT ON FUNCTION rbac.export(text) IS 'all of an organization but its entities, as a document for apply(); lists are in byte order; only with org_member:read, team:read and role:read in the organization, or as a role that sees all rows';

/* ---- what is wrong with a document ---- */

CREATE FUNCTION rbac_internal.refuse_document(path text, problem text, detail text DEFAULT NULL, hint text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	message text := format('%s: %s', path, problem);
BEGIN
	IF detail IS NOT NULL AND hint IS NOT NULL THEN
		RAISE invalid_parameter_value USING MESSAGE = message, DETAIL = detail, HINT = hint;
	ELSIF detail IS NOT NULL THEN
		RAISE invalid_parameter_value USING MESSAGE = message, DETAIL = detail;
	ELSIF hint IS NOT NULL THEN
		RAISE invalid_parameter_value USING MESSAGE = message, HINT = hint;
	ELSE
		RAISE invalid_parameter_value USING MESSAGE = message;
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.refuse_document(text, text, text, text) IS 'for apply(): an error that says where in the document it is, as a jsonpath';

CREATE FUNCTION rbac_internal.document_list(parent jsonb, path text, key text) RETURNS TABLE (item jsonb, item_path text)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 100
BEGIN ATOMIC
	SELECT e.item, pg_catalog.format('%s.%s[%s]', path, key, e.n - 1)
	FROM pg_catalog.jsonb_array_elements(parent -> key) WITH ORDINALITY AS e (item, n);
END;
COMMENT ON FUNCTION rbac_internal.document_list(jsonb, text, text) IS 'for apply(): the items of a list in a document, and where they are';

CREATE FUNCTION rbac_internal.check_type(value jsonb, path text, type text) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_typeof(value) <> type THEN
		PERFORM rbac_internal.refuse_document(path, format('must be of type %s, not %s', type, jsonb_typeof(value)),
			hint => CASE WHEN value = 'null' THEN 'Leave it out.' END);
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_type(jsonb, text, text) IS 'for apply(): refuses a value of another type';

CREATE FUNCTION rbac_internal.check_object(value jsonb, path text, VARIADIC keys text[]) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names text[] := ARRAY(SELECT split_part(k, ' ', 1) FROM unnest(keys) k);
	key   text;
	type  text;
BEGIN
	PERFORM rbac_internal.check_type(value, path, 'object');
	SELECT k INTO key FROM jsonb_object_keys(value) k WHERE k <> ALL (names);
	IF FOUND THEN
		PERFORM rbac_internal.refuse_document(format('%s.%s', path, CASE WHEN key ~ '^[A-Za-z_][A-Za-z0-9_]*$' THEN key ELSE to_jsonb(key)::text END),
			'unknown key', hint => format('Keys here are %s.', array_to_string(names, ', ')));
	END IF;
	FOREACH key IN ARRAY keys LOOP
		type := split_part(key, ' ', 2);
		key := split_part(key, ' ', 1);
		IF value ? key THEN
			PERFORM rbac_internal.check_type(value -> key, path || '.' || key, rtrim(type, '?'));
		ELSIF type NOT LIKE '%?' THEN
			PERFORM rbac_internal.refuse_document(path, format('key "%s" is missing', key),
				hint => CASE WHEN type = 'array' THEN 'What a document does not have is deleted. If that is what you want, make it an empty list, [].' END);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_object(jsonb, text, text[]) IS 'for apply(): refuses unknown keys, missing ones and those of another type; keys are "name type", with a question mark if they may be left out';

CREATE FUNCTION rbac_internal.check_own_name(organization text, name text, path text) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF left(name, 2) <> './' THEN
		PERFORM rbac_internal.refuse_document(path, format('"%s" is not a name of the organization''s own', name),
			hint => format('Such names begin with ./, as in "./%s".', substr(name, strpos(name, '/') + 1)));
	ELSIF NOT rbac.is_slug(rbac_internal.stored_name(organization, name)) THEN
		PERFORM rbac_internal.refuse_document(path, format('"%s" is not a name', name),
			hint => 'With the organization''s name a name has at most 255 bytes, and no control characters; after ./ there has to be something.');
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_own_name(text, text, text) IS 'for apply(): refuses a name that is not ./local name';

CREATE FUNCTION rbac_internal.check_plain_name(name text, path text) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT rbac.is_name(name) THEN
		PERFORM rbac_internal.refuse_document(path, format('"%s" is not a name', name),
			hint => 'A name has 1 to 255 bytes, and no control characters.');
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_plain_name(text, text) IS 'for apply(): refuses what cannot be the name of a member, entity or organization';

CREATE FUNCTION rbac_internal.check_reference(known jsonb, kind text, name text, path text) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF known ? name THEN
		RETURN;
	END IF;
	PERFORM rbac_internal.refuse_document(path, format('%s "%s" does not exist', replace(kind, '_', ' '), name),
		hint => CASE
			WHEN kind = 'member' THEN 'It has to be in $.members.'
			WHEN left(name, 2) = './' OR kind = 'team' THEN format('It has to be in $.%ss, by the same name.', kind)
			WHEN strpos(name, '/') > 0 THEN format('Names of the organization''s own begin with ./, as in "./%s"; shared ones have no slash.', substr(name, strpos(name, '/') + 1))
			WHEN known ? ('./' || name) THEN format('Perhaps you mean "./%s", the organization''s own.', name)
			ELSE format('It has to be a shared one, in rbac.%ss, or one of the organization''s own, whose names begin with ./.', kind)
		END);
END
$$;
COMMENT ON FUNCTION rbac_internal.check_reference(jsonb, text, text, text) IS 'for apply(): refuses the name of something that would not exist';

CREATE FUNCTION rbac_internal.check_scope_name(name text, path text) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem text := format('scope "%s" does not exist', name);
	advice  text;
BEGIN
	IF EXISTS (SELECT FROM rbac.scopes s WHERE s.name = check_scope_name.name) THEN
		RETURN;
	END IF;
	BEGIN
		-- input says what is wrong with a name, unless it lets any pass, as for a dump
		PERFORM name::rbac.scope;
	EXCEPTION WHEN undefined_object OR data_exception THEN
		GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, advice = PG_EXCEPTION_HINT;
	END;
	PERFORM rbac_internal.refuse_document(path, problem, hint => advice);
END
$$;
COMMENT ON FUNCTION rbac_internal.check_scope_name(text, text) IS 'for apply(): refuses an unknown scope';

CREATE FUNCTION rbac_internal.check_condition(condition text, path text) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	given   jsonpath;
	problem text;
	same    boolean := false;
BEGIN
	BEGIN
		given := condition;
	EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception THEN
		GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT;
		PERFORM rbac_internal.refuse_document(path, problem, hint => 'A condition is a jsonpath predicate on the entity''s tags, such as $.env == "prod".');
	END;
	-- as a constraint of rbac.role_rules has it: what is compared and written is what is printed
	BEGIN
		same := record_image_eq(ROW (given), ROW (given::text::jsonpath));
	EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception THEN
		NULL;
	END;
	IF NOT same THEN
		PERFORM rbac_internal.refuse_document(path, 'the condition would not be printed as it is',
			detail => format('PostgreSQL prints it as %s, without some of its parentheses.', given));
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_condition(text, text) IS 'for apply(): refuses what is no jsonpath, or is printed as another';

/* Dates that depend on settings, and words like tomorrow, mean something else the next time. */
CREATE FUNCTION rbac_internal.check_expiry(item jsonb, path text) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	value text := item ->> 'expires_at';
	known boolean := true;
BEGIN
	BEGIN
		PERFORM value::timestamptz;
	EXCEPTION WHEN data_exception THEN
		known := false;
	END;
	IF NOT known OR value !~ '^(\d{4,}-\d\d-\d\d([T ].*)?|-?infinity)$' THEN
		PERFORM rbac_internal.refuse_document(path || '.expires_at', format('"%s" is not a time', value),
			hint => 'Write it as 2030-12-31T12:00:00Z; without a time zone it is UTC.');
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_expiry(jsonb, text) IS 'for apply(): refuses an expires_at that is not in ISO format';

/* ---- the same, section by section ---- */

CREATE FUNCTION rbac_internal.check_permission_sets(document jsonb) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s     record;
	scope record;
	type  text;
BEGIN
	FOR s IN SELECT * FROM rbac_internal.document_list(document, '$', 'permission_sets') LOOP
		PERFORM rbac_internal.check_object(s.item, s.item_path, 'name string', 'entity_type string', 'scopes array?', 'description string?');
		PERFORM rbac_internal.check_own_name(document ->> 'organization', s.item ->> 'name', s.item_path || '.name');
		type := s.item ->> 'entity_type';
		IF NOT EXISTS (SELECT FROM rbac.entity_types t WHERE t.name = type) THEN
			PERFORM rbac_internal.refuse_document(s.item_path || '.entity_type', format('entity type "%s" does not exist', type),
				hint => 'Table rbac.entity_types holds them.');
		END IF;
		FOR scope IN
			SELECT e.item, e.item_path, known.entity_type
			FROM rbac_internal.document_list(s.item, s.item_path, 'scopes') e LEFT JOIN rbac.scopes known ON known.name = e.item #>> '{}'
			WHERE jsonb_typeof(e.item) <> 'string' OR known.entity_type IS DISTINCT FROM type
		LOOP
			PERFORM rbac_internal.check_type(scope.item, scope.item_path, 'string');
			PERFORM rbac_internal.check_scope_name(scope.item #>> '{}', scope.item_path);
			PERFORM rbac_internal.refuse_document(scope.item_path, format('scope %s does not belong in this permission set', scope.item),
				detail => format('The scope is of entity type "%s", the set of "%s".', scope.entity_type, type));
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_permission_sets(jsonb) IS 'for apply(): refuses what cannot be an organization''s permission sets';

CREATE FUNCTION rbac_internal.check_roles(document jsonb, sets jsonb) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r    record;
	rule record;
BEGIN
	FOR r IN SELECT * FROM rbac_internal.document_list(document, '$', 'roles') LOOP
		PERFORM rbac_internal.check_object(r.item, r.item_path, 'name string', 'rules array?', 'all_scopes boolean?', 'description string?');
		PERFORM rbac_internal.check_own_name(document ->> 'organization', r.item ->> 'name', r.item_path || '.name');
		FOR rule IN SELECT * FROM rbac_internal.document_list(r.item, r.item_path, 'rules') LOOP
			PERFORM rbac_internal.check_object(rule.item, rule.item_path, 'permission_set string', 'entity string?', 'condition string?');
			PERFORM rbac_internal.check_reference(sets, 'permission_set', rule.item ->> 'permission_set', rule.item_path || '.permission_set');
			IF rule.item ?& '{entity,condition}' THEN
				PERFORM rbac_internal.refuse_document(rule.item_path, 'a rule has an entity or a condition, not both');
			END IF;
			IF rule.item ?| '{entity,condition}' AND sets ->> (rule.item ->> 'permission_set') = 'organization' THEN
				PERFORM rbac_internal.refuse_document(rule.item_path, format('permission set "%s" is for the organization, not for entities', rule.item ->> 'permission_set'),
					hint => 'Leave entity and condition out.');
			END IF;
			IF rule.item ? 'entity' THEN
				PERFORM rbac_internal.check_plain_name(rule.item ->> 'entity', rule.item_path || '.entity');
			ELSIF rule.item ? 'condition' THEN
				PERFORM rbac_internal.check_condition(rule.item ->> 'condition', rule.item_path || '.condition');
			END IF;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_roles(jsonb, jsonb) IS 'for apply(): refuses what cannot be an organization''s roles';

CREATE FUNCTION rbac_internal.check_members(document jsonb, roles jsonb) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
BEGIN
	FOR m IN SELECT * FROM rbac_internal.document_list(document, '$', 'members') LOOP
		PERFORM rbac_internal.check_object(m.item, m.item_path, 'name string', 'role string', 'kind string?', 'expires_at string?');
		PERFORM rbac_internal.check_plain_name(m.item ->> 'name', m.item_path || '.name');
		PERFORM rbac_internal.check_reference(roles, 'role', m.item ->> 'role', m.item_path || '.role');
		IF m.item ->> 'kind' NOT IN ('user', 'organization_token', 'team_token') THEN
			PERFORM rbac_internal.refuse_document(m.item_path || '.kind', format('there are no members of kind "%s"', m.item ->> 'kind'),
				hint => 'Use user, organization_token or team_token; user can be left out.');
		END IF;
		IF m.item ->> 'kind' = 'team_token' AND m.item ->> 'role' <> 'Member' THEN
			PERFORM rbac_internal.refuse_document(m.item_path || '.role', 'the role of a team_token is "Member"');
		END IF;
		IF m.item ? 'expires_at' THEN
			PERFORM rbac_internal.check_expiry(m.item, m.item_path);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_members(jsonb, jsonb) IS 'for apply(): refuses what cannot be an organization''s members';

CREATE FUNCTION rbac_internal.check_teams(document jsonb, roles jsonb, members jsonb) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record;
	e record;
BEGIN
	FOR t IN SELECT * FROM rbac_internal.document_list(document, '$', 'teams') LOOP
		PERFORM rbac_internal.check_object(t.item, t.item_path, 'name string', 'members array?', 'roles array?', 'source string?', 'description string?');
		PERFORM rbac_internal.check_own_name(document ->> 'organization', t.item ->> 'name', t.item_path || '.name');
		IF t.item ->> 'source' NOT IN ('rbac', 'github') THEN
			PERFORM rbac_internal.refuse_document(t.item_path || '.source', format('there are no teams from "%s"', t.item ->> 'source'),
				hint => 'Use rbac or github; rbac can be left out.');
		END IF;
		FOR e IN SELECT * FROM rbac_internal.document_list(t.item, t.item_path, 'members') LOOP
			PERFORM rbac_internal.check_object(e.item, e.item_path, 'name string', 'is_admin boolean?', 'expires_at string?');
			PERFORM rbac_internal.check_reference(members, 'member', e.item ->> 'name', e.item_path || '.name');
			IF e.item ? 'expires_at' THEN
				PERFORM rbac_internal.check_expiry(e.item, e.item_path);
			END IF;
		END LOOP;
		FOR e IN SELECT * FROM rbac_internal.document_list(t.item, t.item_path, 'roles') LOOP
			PERFORM rbac_internal.check_object(e.item, e.item_path, 'name string', 'expires_at string?');
			PERFORM rbac_internal.check_reference(roles, 'role', e.item ->> 'name', e.item_path || '.name');
			IF e.item ? 'expires_at' THEN
				PERFORM rbac_internal.check_expiry(e.item, e.item_path);
			END IF;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_teams(jsonb, jsonb, jsonb) IS 'for apply(): refuses what cannot be an organization''s teams';

CREATE FUNCTION rbac_internal.check_entity_grants(document jsonb, sets jsonb, members jsonb, teams jsonb) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g record;
BEGIN
	FOR g IN SELECT * FROM rbac_internal.document_list(document, '$', 'entity_grants') LOOP
		PERFORM rbac_internal.check_object(g.item, g.item_path, 'permission_set string', 'entity string', 'team string?', 'member string?', 'expires_at string?');
		PERFORM rbac_internal.check_reference(sets, 'permission_set', g.item ->> 'permission_set', g.item_path || '.permission_set');
		PERFORM rbac_internal.check_plain_name(g.item ->> 'entity', g.item_path || '.entity');
		IF g.item ? 'team' = g.item ? 'member' THEN
			PERFORM rbac_internal.refuse_document(g.item_path, 'a grant is to a team or to a member, exactly one');
		END IF;
		IF g.item ? 'team' THEN
			PERFORM rbac_internal.check_reference(teams, 'team', g.item ->> 'team', g.item_path || '.team');
		ELSE
			PERFORM rbac_internal.check_reference(members, 'member', g.item ->> 'member', g.item_path || '.member');
		END IF;
		IF sets ->> (g.item ->> 'permission_set') = 'organization' THEN
			PERFORM rbac_internal.refuse_document(g.item_path || '.permission_set', format('permission set "%s" is for the organization, not for entities', g.item ->> 'permission_set'),
				hint => 'Let a role give it.');
		END IF;
		IF g.item ? 'expires_at' THEN
			PERFORM rbac_internal.check_expiry(g.item, g.item_path);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_entity_grants(jsonb, jsonb, jsonb, jsonb) IS 'for apply(): refuses what cannot be entity grants in an organization';

CREATE FUNCTION rbac_internal.check_settings(document jsonb, sets jsonb, roles jsonb) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	e record;
BEGIN
	IF document ? 'default_role' THEN
		PERFORM rbac_internal.check_reference(roles, 'role', document ->> 'default_role', '$.default_role');
	END IF;
	FOR e IN SELECT * FROM rbac_internal.document_list(document, '$', 'member_defaults') LOOP
		PERFORM rbac_internal.check_type(e.item, e.item_path, 'string');
		PERFORM rbac_internal.check_reference(sets, 'permission_set', e.item #>> '{}', e.item_path);
		IF sets ->> (e.item #>> '{}') = 'organization' THEN
			PERFORM rbac_internal.refuse_document(e.item_path, format('permission set %s is for the organization, not for entities', e.item));
		END IF;
	END LOOP;
	FOR e IN
		SELECT t.item, t.item_path, known.toggle
		FROM rbac_internal.document_list(document, '$', 'toggles') t LEFT JOIN rbac.scopes known ON known.name = t.item #>> '{}'
	LOOP
		PERFORM rbac_internal.check_type(e.item, e.item_path, 'string');
		PERFORM rbac_internal.check_scope_name(e.item #>> '{}', e.item_path);
		IF e.toggle IS NOT TRUE THEN
			PERFORM rbac_internal.refuse_document(e.item_path, format('scope %s is no toggle', e.item),
				hint => 'Those that are have toggle set in rbac.scopes.');
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_settings(jsonb, jsonb, jsonb) IS 'for apply(): refuses what cannot be default role, member defaults and toggles of an organization';

CREATE FUNCTION rbac_internal.check_document(document jsonb) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC'
AS $$
DECLARE
	sets    jsonb;
	roles   jsonb;
	members jsonb;
	teams   jsonb;
BEGIN
	PERFORM rbac_internal.check_type(document, '$', 'object');
	IF document -> 'rbac' <> '1' THEN
		PERFORM rbac_internal.refuse_document('$.rbac', format('documents of version %s are not known', document -> 'rbac'), hint => 'Known is version 1.');
	END IF;
	PERFORM rbac_internal.check_object(document, '$', 'rbac number', 'organization string', 'description string?', 'default_role string?',
		'permission_sets array', 'roles array', 'members array', 'teams array', 'entity_grants array', 'member_defaults array', 'toggles array');
	PERFORM rbac_internal.check_plain_name(document ->> 'organization', '$.organization');
	IF strpos(document ->> 'organization', '/') > 0 THEN
		PERFORM rbac_internal.refuse_document('$.organization', 'an organization''s name has no slash');
	END IF;

	PERFORM rbac_internal.check_permission_sets(document);
	-- what can be referred to, sets with their types
	SELECT COALESCE(jsonb_object_agg(p.name, p.entity_type), '{}') INTO sets FROM (
		SELECT s.name, s.entity_type FROM rbac.permission_sets s WHERE s.organization IS NULL
		UNION ALL
		SELECT e.item ->> 'name', e.item ->> 'entity_type' FROM rbac_internal.document_list(document, '$', 'permission_sets') e) AS p;
	PERFORM rbac_internal.check_roles(document, sets);
	SELECT COALESCE(jsonb_object_agg(r.name, true), '{}') INTO roles FROM (
		SELECT s.name FROM rbac.roles s WHERE s.organization IS NULL
		UNION ALL
		SELECT e.item ->> 'name' FROM rbac_internal.document_list(document, '$', 'roles') e) AS r;
	PERFORM rbac_internal.check_members(document, roles);
	SELECT COALESCE(jsonb_object_agg(e.item ->> 'name', true), '{}') INTO members FROM rbac_internal.document_list(document, '$', 'members') e;
	PERFORM rbac_internal.check_teams(document, roles, members);
	SELECT COALESCE(jsonb_object_agg(e.item ->> 'name', true), '{}') INTO teams FROM rbac_internal.document_list(document, '$', 'teams') e;
	PERFORM rbac_internal.check_entity_grants(document, sets, members, teams);
	PERFORM rbac_internal.check_settings(document, sets, roles);
	PERFORM rbac_internal.check_duplicates(document);
END
$$;
COMMENT ON FUNCTION rbac_internal.check_document(jsonb) IS 'for apply(): refuses a document that does not validate, with the path of what is wrong';

/* ---- what a document says, one by one ---- */

CREATE FUNCTION rbac_internal.document_items(document jsonb)
	RETURNS TABLE (section integer, kind text, key text[], name text, value jsonb, path text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC'
AS $$
	WITH whole AS (
		SELECT document ->> 'organization' AS organization
	), item (section, kind, owner, value, path) AS (
		-- what is named ./ in them is the organization's
		SELECT 2, 'permission_set', NULL, s.item || jsonb_strip_nulls(jsonb_build_object('scopes',
				to_jsonb(NULLIF(ARRAY(SELECT jsonb_array_elements_text(s.item -> 'scopes'))::rbac.scopeset::text[], '{}')))), s.item_path
			FROM rbac_internal.document_list(document, '$', 'permission_sets') s
		UNION ALL SELECT 3, 'role', NULL, r.item - 'rules', r.item_path
			FROM rbac_internal.document_list(document, '$', 'roles') r
		UNION ALL SELECT 3, 'role_rule', r.item ->> 'name', u.item || jsonb_strip_nulls(jsonb_build_object('condition', (u.item ->> 'condition')::jsonpath::text)), u.item_path
			FROM rbac_internal.document_list(document, '$', 'roles') r, rbac_internal.document_list(r.item, r.item_path, 'rules') u
		UNION ALL SELECT 4, 'default_role', NULL, document -> 'default_role', '$.default_role' WHERE document ? 'default_role'
		UNION ALL SELECT 5, 'member', NULL, m.item, m.item_path
			FROM rbac_internal.document_list(document, '$', 'members') m
		UNION ALL SELECT 6, 'team', NULL, t.item - 'members' - 'roles', t.item_path
			FROM rbac_internal.document_list(document, '$', 'teams') t
		UNION ALL SELECT 6, 'team_role', t.item ->> 'name', r.item, r.item_path
			FROM rbac_internal.document_list(document, '$', 'teams') t, rbac_internal.document_list(t.item, t.item_path, 'roles') r
		UNION ALL SELECT 6, 'team_member', t.item ->> 'name', m.item, m.item_path
			FROM rbac_internal.document_list(document, '$', 'teams') t, rbac_internal.document_list(t.item, t.item_path, 'members') m
		UNION ALL SELECT 7, 'entity_grant', COALESCE(g.item ->> 'team', g.item ->> 'member'), g.item, g.item_path
			FROM rbac_internal.document_list(document, '$', 'entity_grants') g
		UNION ALL SELECT 8, 'member_default', NULL, d.item, d.item_path
			FROM rbac_internal.document_list(document, '$', 'member_defaults') d
		UNION ALL SELECT 9, 'toggle', NULL, t.item, t.item_path
			FROM rbac_internal.document_list(document, '$', 'toggles') t
	)
	SELECT 1, 'organization', ARRAY[organization], organization, jsonb_strip_nulls(jsonb_build_object('name', organization, 'description', document -> 'description')), '$'
	FROM whole WHERE organization IS NOT NULL
	UNION ALL
	SELECT section, kind,
		CASE kind
			WHEN 'role_rule' THEN ARRAY[full_owner, full_set, value ->> 'entity', value ->> 'condition']
			WHEN 'default_role' THEN ARRAY[organization]
			WHEN 'member' THEN ARRAY[value ->> 'name']
			WHEN 'team_role' THEN ARRAY[full_owner, full_name]
			WHEN 'team_member' THEN ARRAY[full_owner, value ->> 'name']
			WHEN 'entity_grant' THEN ARRAY[rbac_internal.stored_name(organization, value ->> 'team'), value ->> 'member', full_set, value ->> 'entity']
			WHEN 'member_default' THEN ARRAY[full_text]
			WHEN 'toggle' THEN ARRAY[full_text]
			ELSE ARRAY[full_name]
		END,
		CASE kind
			WHEN 'role_rule' THEN concat(full_owner, ': ', full_set, ' on ' || (value ->> 'entity'), ' where ' || (value ->> 'condition'))
			WHEN 'default_role' THEN organization
			WHEN 'member' THEN value ->> 'name'
			WHEN 'team_role' THEN concat(full_owner, ': ', full_name)
			WHEN 'team_member' THEN concat(full_owner, ': ', value ->> 'name')
			WHEN 'entity_grant' THEN concat(COALESCE(rbac_internal.stored_name(organization, value ->> 'team'), value ->> 'member'), ': ', full_set, ' on ', value ->> 'entity')
			WHEN 'member_default' THEN full_text
			WHEN 'toggle' THEN full_text
			ELSE full_name
		END,
		-- what can be left out is
		CASE WHEN jsonb_typeof(value) = 'object' THEN
			(SELECT jsonb_object_agg(v.key, CASE v.key WHEN 'expires_at' THEN to_jsonb((v.value #>> '{}')::timestamptz) ELSE v.value END)
			FROM jsonb_each(value) v
			WHERE (v.key, v.value) NOT IN (('kind', '"user"'), ('source', '"rbac"'), ('is_admin', 'false'), ('all_scopes', 'false'), ('scopes', '[]')))
		ELSE value END,
		path
	FROM item, whole, LATERAL (SELECT
		rbac_internal.stored_name(organization, owner) AS full_owner,
		rbac_internal.stored_name(organization, value ->> 'name') AS full_name,
		rbac_internal.stored_name(organization, value ->> 'permission_set') AS full_set,
		rbac_internal.stored_name(organization, value #>> '{}') AS full_text) AS names
$$;
COMMENT ON FUNCTION rbac_internal.document_items(jsonb) IS 'for apply(): all that a document says, in normal form: as rows with kind, key, name as shown, the item without its lists, and where it is';

CREATE FUNCTION rbac_internal.check_duplicates(document jsonb) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	paths text[];
BEGIN
	SELECT i.paths INTO paths
	FROM (SELECT array_agg(n.path ORDER BY n.no) AS paths, min(n.no) AS first
		FROM (SELECT d.kind, d.key, d.path, row_number() OVER () AS no FROM rbac_internal.document_items(document) d) AS n
		GROUP BY n.kind, n.key HAVING count(*) > 1) AS i
	ORDER BY i.first LIMIT 1;
	IF FOUND THEN
		PERFORM rbac_internal.refuse_document(paths[2], 'it is there already', detail => format('It is the same as %s.', paths[1]));
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.check_duplicates(jsonb) IS 'for apply(): refuses to be told something twice';

/* ---- apply ---- */

CREATE TYPE rbac_internal.document_change AS (
	action   text,     -- create, change or delete
	section  integer,  -- where to report it
	kind     text,
	key      text[],
	name     text,
	old      jsonb,
	new      jsonb,
	path     text,     -- in the document
	cascades boolean   -- goes with what it belongs to
);
COMMENT ON TYPE rbac_internal.document_change IS 'for apply(): one thing in which an organization differs from a document';

CREATE FUNCTION rbac_internal.document_changes(current jsonb, document jsonb) RETURNS rbac_internal.document_change[]
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
	WITH difference AS (
		SELECT CASE WHEN o.key IS NULL THEN 'create' WHEN n.key IS NULL THEN 'delete' ELSE 'change' END AS action,
			section, kind, key, COALESCE(n.name, o.name) AS name, o.value AS old, n.value AS new, n.path
		FROM rbac_internal.document_items(current) o FULL JOIN rbac_internal.document_items(document) n USING (section, kind, key)
		WHERE o.value IS DISTINCT FROM n.value
	), gone AS (
		SELECT array_agg(key[1]) FILTER (WHERE kind = 'role') AS roles,
			array_agg(key[1]) FILTER (WHERE kind = 'member') AS members,
			array_agg(key[1]) FILTER (WHERE kind = 'team') AS teams
		FROM difference WHERE action = 'delete'
	)
	SELECT COALESCE(array_agg(ROW(action, section, kind, key, name, old, new, path,
		action = 'delete' AND COALESCE(CASE kind
			WHEN 'role_rule' THEN key[1] = ANY (roles)
			WHEN 'team_role' THEN key[1] = ANY (teams)
			WHEN 'team_member' THEN key[1] = ANY (teams) OR key[2] = ANY (members)
			WHEN 'entity_grant' THEN key[1] = ANY (teams) OR key[2] = ANY (members)
		END, false))::rbac_internal.document_change), '{}')
	FROM difference, gone
$$;
COMMENT ON FUNCTION rbac_internal.document_changes(jsonb, jsonb) IS 'for apply(): in what a document differs from how an organization is';

/* Things that are what they are as long as they exist. */
CREATE FUNCTION rbac_internal.refuse_changes(changes rbac_internal.document_change[]) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c rbac_internal.document_change;
BEGIN
	FOREACH c IN ARRAY changes LOOP
		IF c.action = 'change' AND c.kind = 'member' AND c.old -> 'kind' IS DISTINCT FROM c.new -> 'kind' THEN
			PERFORM rbac_internal.refuse_document(c.path || '.kind', format('the kind of member "%s" cannot be changed', c.name),
				detail => format('It is %s.', COALESCE(c.old ->> 'kind', 'user')),
				hint => 'Use another name, or apply a document without the member first.');
		ELSIF c.action = 'change' AND c.kind = 'permission_set' AND c.old -> 'entity_type' <> c.new -> 'entity_type' THEN
			PERFORM rbac_internal.refuse_document(c.path || '.entity_type', format('the entity type of permission set "%s" cannot be changed', c.name),
				detail => format('It is %s.', c.old ->> 'entity_type'),
				hint => 'Use another name, or apply a document without the set first.');
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac_internal.refuse_changes(rbac_internal.document_change[]) IS 'for apply(): refuses changes that cannot be made';

CREATE FUNCTION rbac_internal.document_scopes(item jsonb) RETURNS rbac.scopeset
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN ARRAY(SELECT pg_catalog.jsonb_array_elements_text(item -> 'scopes'))::rbac.scopeset;
COMMENT ON FUNCTION rbac_internal.document_scopes(jsonb) IS 'for apply(): the scopes of a permission set in a document';

/*
 * How changes are made, in this order: what gives before what takes away, so that
 * a member who applies a document holds what they give, and may still write what
 * is left to write.  Their own membership comes as late as can be.
 *
 * A step takes the changes of its kind that are still to be made and satisfy its
 * condition; after a partial one they still are.  In conditions c is the change; in
 * statements $1 are the changes, $2 is the organization and $3 the member who applies.
 */
CREATE FUNCTION rbac_internal.apply_steps() RETURNS TABLE (action text, kind text, condition text, partial boolean, statement text)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
VALUES
	-- what gives
	('create', 'organization', 'true', false, $s$
		INSERT INTO rbac.organizations (name, description)
		SELECT $2, c.new ->> 'description' FROM unnest($1) c $s$),
	('change', 'organization', 'true', false, $s$
		UPDATE rbac.organizations o SET description = c.new ->> 'description' FROM unnest($1) c WHERE o.name = $2 $s$),
	('create', 'permission_set', 'true', false, $s$
		INSERT INTO rbac.permission_sets (name, entity_type, scopes, description)
		SELECT c.key[1], c.new ->> 'entity_type', rbac_internal.document_scopes(c.new), c.new ->> 'description' FROM unnest($1) c $s$),
	('change', 'permission_set', 'rbac_internal.document_scopes(c.old) OPERATOR(rbac.<@) rbac_internal.document_scopes(c.new)', false, $s$
		UPDATE rbac.permission_sets s SET scopes = rbac_internal.document_scopes(c.new), description = c.new ->> 'description'
		FROM unnest($1) c WHERE s.name = c.key[1] $s$),
	('change', 'permission_set', 'NOT rbac_internal.document_scopes(c.old) OPERATOR(rbac.@>) rbac_internal.document_scopes(c.new)', true, $s$
		UPDATE rbac.permission_sets s SET scopes = s.scopes OPERATOR(rbac.|) rbac_internal.document_scopes(c.new)
		FROM unnest($1) c WHERE s.name = c.key[1] $s$),
	('create', 'role', 'true', false, $s$
		INSERT INTO rbac.roles (name, all_scopes, description)
		SELECT c.key[1], c.new ? 'all_scopes', c.new ->> 'description' FROM unnest($1) c $s$),
	('change', 'role', $s$ c.new ? 'all_scopes' OR NOT c.old ? 'all_scopes' $s$, false, $s$
		UPDATE rbac.roles r SET all_scopes = c.new ? 'all_scopes', description = c.new ->> 'description'
		FROM unnest($1) c WHERE r.name = c.key[1] $s$),
	('create', 'role_rule', 'true', false, $s$
		INSERT INTO rbac.role_rules (role, permission_set, entity, condition)
		SELECT c.key[1], c.key[2], c.key[3], c.key[4]::jsonpath FROM unnest($1) c $s$),
	('create', 'member', 'true', false, $s$
		INSERT INTO rbac.members (organization, member, kind, role, expires_at)
		SELECT $2, c.key[1], COALESCE(c.new ->> 'kind', 'user'), rbac_internal.stored_name($2, c.new ->> 'role'), (c.new ->> 'expires_at')::timestamptz
		FROM unnest($1) c $s$),
	('change', 'member', $s$ (c.key[1] = $3) IS NOT TRUE
			AND EXISTS (SELECT FROM rbac.roles r WHERE r.name = rbac_internal.stored_name($2, c.new ->> 'role') AND r.all_scopes) $s$, false, $s$
		UPDATE rbac.members m SET role = rbac_internal.stored_name($2, c.new ->> 'role'), expires_at = (c.new ->> 'expires_at')::timestamptz
		FROM unnest($1) c WHERE m.organization = $2 AND m.member = c.key[1] $s$),
	('create', 'team', 'true', false, $s$
		INSERT INTO rbac.teams (name, source, description)
		SELECT c.key[1], COALESCE(c.new ->> 'source', 'rbac'), c.new ->> 'description' FROM unnest($1) c $s$),
	('change', 'team', 'true', false, $s$
		UPDATE rbac.teams t SET source = COALESCE(c.new ->> 'source', 'rbac'), description = c.new ->> 'description'
		FROM unnest($1) c WHERE t.name = c.key[1] $s$),
	('create', 'team_role', 'true', false, $s$
		INSERT INTO rbac.team_roles (team, role, expires_at)
		SELECT c.key[1], c.key[2], (c.new ->> 'expires_at')::timestamptz FROM unnest($1) c $s$),
	('change', 'team_role', 'true', false, $s$
		UPDATE rbac.team_roles r SET expires_at = (c.new ->> 'expires_at')::timestamptz
		FROM unnest($1) c WHERE r.team = c.key[1] AND r.role = c.key[2] $s$),
	('create', 'team_member', 'true', false, $s$
		INSERT INTO rbac.team_members (team, member, is_admin, expires_at)
		SELECT c.key[1], c.key[2], c.new ? 'is_admin', (c.new ->> 'expires_at')::timestamptz FROM unnest($1) c $s$),
	('change', 'team_member', '(c.key[2] = $3) IS NOT TRUE', false, $s$
		UPDATE rbac.team_members m SET is_admin = c.new ? 'is_admin', expires_at = (c.new ->> 'expires_at')::timestamptz
		FROM unnest($1) c WHERE m.team = c.key[1] AND m.member = c.key[2] $s$),
	('create', 'entity_grant', 'true', false, $s$
		INSERT INTO rbac.entity_grants (team, organization, member, permission_set, entity, expires_at)
		SELECT c.key[1], CASE WHEN c.key[1] IS NULL THEN $2 END, c.key[2], c.key[3], c.key[4], (c.new ->> 'expires_at')::timestamptz
		FROM unnest($1) c $s$),
	('change', 'entity_grant', '(c.key[2] = $3) IS NOT TRUE', false, $s$
		UPDATE rbac.entity_grants g SET expires_at = (c.new ->> 'expires_at')::timestamptz
		FROM unnest($1) c JOIN rbac.permission_sets s ON s.name = c.key[3]
		WHERE g.entity_type = s.entity_type AND g.entity = c.key[4] AND g.permission_set = c.key[3]
			AND (g.team = c.key[1] OR g.organization = $2 AND g.member = c.key[2]) $s$),
	('create', 'default_role', 'true', false, $s$
		INSERT INTO rbac.default_roles (organization, role)
		SELECT $2, rbac_internal.stored_name($2, c.new #>> '{}') FROM unnest($1) c $s$),
	('change', 'default_role', 'true', false, $s$
		UPDATE rbac.default_roles d SET role = rbac_internal.stored_name($2, c.new #>> '{}') FROM unnest($1) c WHERE d.organization = $2 $s$),
	('create', 'member_default', 'true', false, $s$
		INSERT INTO rbac.member_defaults (organization, permission_set) SELECT $2, c.key[1] FROM unnest($1) c $s$),
	('create', 'toggle', 'true', false, $s$
		INSERT INTO rbac.organization_settings (organization, scope) SELECT $2, c.key[1] FROM unnest($1) c $s$),
	-- what takes away
	('delete', 'toggle', 'true', false, $s$
		DELETE FROM rbac.organization_settings s USING unnest($1) c WHERE s.organization = $2 AND s.scope = c.key[1] $s$),
	('delete', 'member_default', 'true', false, $s$
		DELETE FROM rbac.member_defaults d USING unnest($1) c WHERE d.organization = $2 AND d.permission_set = c.key[1] $s$),
	('delete', 'default_role', 'true', false, $s$
		DELETE FROM rbac.default_roles d WHERE d.organization = $2 $s$),
	('delete', 'entity_grant', 'NOT c.cascades AND (c.key[2] = $3) IS NOT TRUE', false, $s$
		DELETE FROM rbac.entity_grants g USING unnest($1) c JOIN rbac.permission_sets s ON s.name = c.key[3]
		WHERE g.entity_type = s.entity_type AND g.entity = c.key[4] AND g.permission_set = c.key[3]
			AND (g.team = c.key[1] OR g.organization = $2 AND g.member = c.key[2]) $s$),
	('delete', 'team_role', 'NOT c.cascades', false, $s$
		DELETE FROM rbac.team_roles r USING unnest($1) c WHERE r.team = c.key[1] AND r.role = c.key[2] $s$),
	('delete', 'team_member', 'NOT c.cascades AND (c.key[2] = $3) IS NOT TRUE', false, $s$
		DELETE FROM rbac.team_members m USING unnest($1) c WHERE m.team = c.key[1] AND m.member = c.key[2] $s$),
	('delete', 'team', 'true', false, $s$
		DELETE FROM rbac.teams t USING unnest($1) c WHERE t.name = c.key[1] $s$),
	('change', 'member', '(c.key[1] = $3) IS NOT TRUE', false, $s$
		UPDATE rbac.members m SET role = rbac_internal.stored_name($2, c.new ->> 'role'), expires_at = (c.new ->> 'expires_at')::timestamptz
		FROM unnest($1) c WHERE m.organization = $2 AND m.member = c.key[1] $s$),
	('delete', 'member', '(c.key[1] = $3) IS NOT TRUE', false, $s$
		DELETE FROM rbac.members m USING unnest($1) c WHERE m.organization = $2 AND m.member = c.key[1] $s$),
	('delete', 'role_rule', 'NOT c.cascades', false, $s$
		DELETE FROM rbac.role_rules r USING unnest($1) c
		WHERE r.role = c.key[1] AND r.permission_set = c.key[2]
			AND r.entity IS NOT DISTINCT FROM c.key[3] AND r.condition::text IS NOT DISTINCT FROM c.key[4] $s$),
	('change', 'role', 'true', false, $s$
		UPDATE rbac.roles r SET all_scopes = c.new ? 'all_scopes', description = c.new ->> 'description'
		FROM unnest($1) c WHERE r.name = c.key[1] $s$),
	('delete', 'role', 'NOT EXISTS (SELECT FROM rbac.members m WHERE m.role = c.key[1])', false, $s$
		DELETE FROM rbac.roles r USING unnest($1) c WHERE r.name = c.key[1] $s$),
	('change', 'permission_set', 'true', false, $s$
		UPDATE rbac.permission_sets s SET scopes = rbac_internal.document_scopes(c.new), description = c.new ->> 'description'
		FROM unnest($1) c WHERE s.name = c.key[1] $s$),
	('delete', 'permission_set', $s$ NOT EXISTS (SELECT FROM rbac.role_rules r WHERE r.permission_set = c.key[1])
			AND NOT EXISTS (SELECT FROM rbac.entity_grants g WHERE g.permission_set = c.key[1]) $s$, false, $s$
		DELETE FROM rbac.permission_sets s USING unnest($1) c WHERE s.name = c.key[1] $s$),
	-- the member's own, and what they held until now
	('change', 'entity_grant', 'true', false, $s$
		UPDATE rbac.entity_grants g SET expires_at = (c.new ->> 'expires_at')::timestamptz
		FROM unnest($1) c JOIN rbac.permission_sets s ON s.name = c.key[3]
		WHERE g.entity_type = s.entity_type AND g.entity = c.key[4] AND g.permission_set = c.key[3]
			AND g.organization = $2 AND g.member = c.key[2] $s$),
	('delete', 'entity_grant', 'NOT c.cascades', false, $s$
		DELETE FROM rbac.entity_grants g USING unnest($1) c JOIN rbac.permission_sets s ON s.name = c.key[3]
		WHERE g.entity_type = s.entity_type AND g.entity = c.key[4] AND g.permission_set = c.key[3]
			AND g.organization = $2 AND g.member = c.key[2] $s$),
	('change', 'team_member', 'true', false, $s$
		UPDATE rbac.team_members m SET is_admin = c.new ? 'is_admin', expires_at = (c.new ->> 'expires_at')::timestamptz
		FROM unnest($1) c WHERE m.team = c.key[1] AND m.member = c.key[2] $s$),
	('delete', 'team_member', 'NOT c.cascades', false, $s$
		DELETE FROM rbac.team_members m USING unnest($1) c WHERE m.team = c.key[1] AND m.member = c.key[2] $s$),
	('change', 'member', 'true', false, $s$
		UPDATE rbac.members m SET role = rbac_internal.stored_name($2, c.new ->> 'role'), expires_at = (c.new ->> 'expires_at')::timestamptz
		FROM unnest($1) c WHERE m.organization = $2 AND m.member = c.key[1] $s$),
	('delete', 'member', 'true', false, $s$
		DELETE FROM rbac.members m USING unnest($1) c WHERE m.organization = $2 AND m.member = c.key[1] $s$),
	('delete', 'role', 'true', false, $s$
		DELETE FROM rbac.roles r USING unnest($1) c WHERE r.name = c.key[1] $s$),
	('delete', 'permission_set', 'true', false, $s$
		DELETE FROM rbac.permission_sets s USING unnest($1) c WHERE s.name = c.key[1] $s$)
$$;
COMMENT ON FUNCTION rbac_internal.apply_steps() IS 'for apply(): the statements that make an organization equal to a document, in order';

CREATE FUNCTION rbac_internal.write_changes(organization text, changes rbac_internal.document_change[]) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC'
AS $$
DECLARE
	step    record;
	part    rbac_internal.document_change[];
	rest    rbac_internal.document_change[];
	written bigint;
BEGIN
	SET CONSTRAINTS rbac.team_members_tokens DEFERRED;	-- a token may join a team before it leaves another
	FOR step IN SELECT * FROM rbac_internal.apply_steps() LOOP
		CONTINUE WHEN NOT EXISTS (SELECT FROM unnest(changes) c WHERE c.action = step.action AND c.kind = step.kind);
		EXECUTE format(
			'SELECT array_agg(c) FILTER (WHERE hit), array_agg(c) FILTER (WHERE NOT hit)
			FROM unnest($1) c, LATERAL (SELECT CASE WHEN c.action = %L AND c.kind = %L THEN %s ELSE false END) AS h (hit)',
			step.action, step.kind, step.condition)
			INTO part, rest USING changes, organization, rbac.current_member();
		CONTINUE WHEN part IS NULL;
		EXECUTE step.statement USING part, organization, rbac.current_member();
		GET DIAGNOSTICS written = ROW_COUNT;
		IF written < cardinality(part) THEN
			-- row-level security hides them by now, or a trigger leaves them out
			RAISE insufficient_privilege USING
				MESSAGE = format('could not %s %s "%s"', step.action, replace(step.kind, '_', ' '), part[1].name),
				DETAIL = format('Of %s such rows %s were written.', cardinality(part), written),
				HINT = 'A document cannot take from the member who applies it what it takes to apply the rest.';
		END IF;
		IF NOT step.partial THEN
			changes := rest;
		END IF;
	END LOOP;
	SET CONSTRAINTS rbac.team_members_tokens IMMEDIATE;
END
$$;
COMMENT ON FUNCTION rbac_internal.write_changes(text, rbac_internal.document_change[]) IS 'for apply(): makes the changes, step by step';

CREATE FUNCTION rbac_internal.make_equal(document jsonb) RETURNS rbac_internal.document_change[]
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	organization text := document ->> 'organization';
	changes      rbac_internal.document_change[];
BEGIN
	-- one at a time; and what refers to the organization is not added meanwhile
	PERFORM FROM rbac.organizations o WHERE o.name = organization FOR UPDATE;
	changes := rbac_internal.document_changes(rbac_internal.organization_document(organization), document);
	PERFORM rbac_internal.refuse_changes(changes);
	PERFORM rbac_internal.write_changes(organization, changes);
	RETURN changes;
END
$$;
COMMENT ON FUNCTION rbac_internal.make_equal(jsonb) IS 'for apply(): makes an organization equal to a valid document; what has changed';

CREATE FUNCTION rbac_internal.document_difference(item jsonb, other jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN pg_catalog.jsonb_typeof(item) = 'object' AND pg_catalog.jsonb_typeof(other) = 'object' THEN
		(SELECT COALESCE(pg_catalog.jsonb_object_agg(i.key, i.value), '{}')
		FROM pg_catalog.jsonb_each(item) i WHERE i.value IS DISTINCT FROM other -> i.key)
	ELSE item END;
COMMENT ON FUNCTION rbac_internal.document_difference(jsonb, jsonb) IS 'for apply(): of an object, what another has not';

CREATE FUNCTION rbac.apply(document jsonb, dry_run boolean DEFAULT false)
	RETURNS TABLE (action text, kind text, name text, old jsonb, new jsonb)
	LANGUAGE plpgsql VOLATILE ROWS 100
	SET search_path = pg_catalog, pg_temp
	SET jit = off	-- how long a document's lists are is a guess, and too high for most
AS $$
#variable_conflict use_column
DECLARE
	changes rbac_internal.document_change[];
BEGIN
	IF num_nulls(document, dry_run) > 0 THEN
		RAISE null_value_not_allowed USING MESSAGE = 'document and dry_run must not be null';
	END IF;
	PERFORM rbac_internal.check_document(document);
	PERFORM rbac_internal.require_whole_view(document ->> 'organization');
	IF dry_run THEN
		BEGIN
			changes := rbac_internal.make_equal(document);
			RAISE SQLSTATE 'RB000';	-- which takes it all back
		EXCEPTION WHEN SQLSTATE 'RB000' THEN
			NULL;
		END;
	ELSE
		changes := rbac_internal.make_equal(document);
	END IF;
	-- of a change, what is different
	RETURN QUERY SELECT c.action, c.kind, c.name, rbac_internal.document_difference(c.old, c.new), rbac_internal.document_difference(c.new, c.old)
	FROM unnest(changes) c
	ORDER BY c.section, c.key[1] COLLATE "C" NULLS LAST, c.kind NOT IN ('role', 'team'), c.kind DESC, c.key COLLATE "C";
END
$$;
COMMENT ON FUNCTION rbac.apply(jsonb, boolean) IS 'make an organization equal to a document as export() makes them, with the caller''s rights, and tell what has changed: old and new as in documents, of a change what is different; dry_run: tell, and change nothing; only the schema''s owner can have a new organization created; entities are never touched';
