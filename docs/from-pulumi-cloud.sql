-- Custom roles of Pulumi Cloud, as its REST API gives them, made into what
-- rbac.apply() takes: see from-pulumi-cloud.md.  pulumi.document() is for use, the
-- other functions are its parts.
CREATE SCHEMA pulumi;

CREATE FUNCTION pulumi.refuse(path text, problem text, hint text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE feature_not_supported USING MESSAGE = concat(path, ': ', problem), HINT = hint;
END
$$;

/* ---- which entities: a boolean expression ---- */

-- the entities of a type that a rule is for: all, one, or those with certain tags
CREATE TYPE pulumi.selection AS (entity_type text, entity text, condition text);

CREATE FUNCTION pulumi.entity_type(expression jsonb) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE expression ->> '__type'
    WHEN 'PermissionExpressionStack' THEN 'stack'
    WHEN 'PermissionExpressionEnvironment' THEN 'environment'
    WHEN 'PermissionExpressionInsightsAccount' THEN 'insights_account'
END;

-- an expression about the tags of entities of one type, as a jsonpath predicate
CREATE FUNCTION pulumi.tag_condition(expression jsonb, path text) RETURNS pulumi.selection LANGUAGE plpgsql AS $$
DECLARE
    kind    text := expression ->> '__type';
    part    pulumi.selection;
    other   pulumi.selection;
    tag     jsonb;
    literal jsonb;
BEGIN
    IF kind = 'PermissionExpressionNot' THEN
        part := pulumi.tag_condition(expression -> 'node', path || '.node');
        part.condition := format('!(%s)', part.condition);
    ELSIF kind IN ('PermissionExpressionAnd', 'PermissionExpressionOr') THEN
        part := pulumi.tag_condition(expression -> 'left', path || '.left');
        other := pulumi.tag_condition(expression -> 'right', path || '.right');
        IF part.entity_type <> other.entity_type THEN
            PERFORM pulumi.refuse(path, format('is about entities of type "%s" and of type "%s"', part.entity_type, other.entity_type),
                'A rule is about entities of one type.');
        END IF;
        part.condition := format('(%s %s %s)', part.condition, CASE kind WHEN 'PermissionExpressionAnd' THEN '&&' ELSE '||' END, other.condition);
    ELSE
        IF kind = 'PermissionExpressionHasTag' THEN
            tag := expression;
            part.condition := format('exists($.%s)', tag -> 'key');
        ELSIF kind = 'PermissionExpressionEqual' THEN
            tag := jsonb_path_query_first(expression, '$.*?(@.__type == "PermissionExpressionTag")');
            literal := jsonb_path_query_first(expression, '$.*?(@.__type == "PermissionLiteralExpressionString")');
            part.condition := format('$.%s == %s', tag -> 'key', literal -> 'value');
        END IF;
        part.entity_type := pulumi.entity_type(tag -> 'context');
        IF part.entity_type IS NULL OR tag -> 'key' IS NULL OR kind = 'PermissionExpressionEqual' AND literal -> 'value' IS NULL THEN
            PERFORM pulumi.refuse(path, format('%s without equivalent', COALESCE(kind, 'expression without __type')),
                'A condition compares tags of stacks, environments or accounts with strings, or asks whether they are there. One entity can be selected by a rule of its own, without conditions.');
        END IF;
    END IF;
    RETURN part;
END
$$;

-- alternatives are rules of their own, so that there may be single entities among them
CREATE FUNCTION pulumi.selections(expression jsonb, path text) RETURNS SETOF pulumi.selection LANGUAGE plpgsql AS $$
DECLARE
    literal jsonb := jsonb_path_query_first(expression, '$.*?(exists(@.identity))');
    type    text := pulumi.entity_type(jsonb_path_query_first(expression, '$.*?(!exists(@.identity) && exists(@.__type))'));
BEGIN
    IF expression ->> '__type' = 'PermissionExpressionOr' THEN
        RETURN QUERY SELECT * FROM pulumi.selections(expression -> 'left', path || '.left');
        RETURN QUERY SELECT * FROM pulumi.selections(expression -> 'right', path || '.right');
    ELSIF expression ->> '__type' = 'PermissionExpressionEqual'
        AND pulumi.entity_type(jsonb_build_object('__type', replace(literal ->> '__type', 'Literal', ''))) = type THEN
        RETURN NEXT ROW(type, literal ->> 'identity', NULL)::pulumi.selection;
    ELSE
        RETURN NEXT pulumi.tag_condition(expression, path);
    END IF;
END
$$;

CREATE FUNCTION pulumi.both(outer_selection pulumi.selection, inner_selection pulumi.selection, path text) RETURNS pulumi.selection LANGUAGE plpgsql AS $$
BEGIN
    IF outer_selection.entity_type IS NULL OR outer_selection = inner_selection THEN
        RETURN inner_selection;
    ELSIF outer_selection.entity_type <> inner_selection.entity_type OR num_nonnulls(outer_selection.entity, inner_selection.entity) > 0 THEN
        PERFORM pulumi.refuse(path, 'conditions within one another that are not all about tags of one type of entities',
            'A rule is for one entity, or for those of one type whose tags satisfy a condition.');
    END IF;
    RETURN ROW(inner_selection.entity_type, NULL, format('(%s && %s)', outer_selection.condition, inner_selection.condition))::pulumi.selection;
END
$$;

/* ---- what on them: a tree of descriptors ---- */

-- what one leaf of the tree gives; where it refers to a permission set, that is named
CREATE TYPE pulumi.gift AS (selection pulumi.selection, permission_set text, scopes text[]);

CREATE FUNCTION pulumi.gifts(records jsonb, descriptor jsonb, path text, within pulumi.selection DEFAULT NULL) RETURNS SETOF pulumi.gift LANGUAGE plpgsql AS $$
DECLARE
    kind      text := descriptor ->> '__type';
    selection pulumi.selection;
    record    jsonb;
    item      jsonb;
    i         bigint;
BEGIN
    CASE kind
        WHEN 'PermissionDescriptorAllow' THEN
            IF jsonb_strip_nulls(descriptor -> 'constraints') <> '{}' THEN
                PERFORM pulumi.refuse(path || '.constraints', 'scopes without constraints only', 'Let the application see to it, or let the grant expire.');
            END IF;
            RETURN NEXT ROW(within, NULL, ARRAY(SELECT jsonb_array_elements_text(descriptor -> 'permissions')))::pulumi.gift;
        WHEN 'PermissionDescriptorCompose' THEN
            FOR item, i IN SELECT value, ordinality - 1 FROM jsonb_array_elements(descriptor -> 'permissionDescriptors') WITH ORDINALITY LOOP
                record := jsonb_path_query_first(records, '$[*]?(@.id == $id)', jsonb_build_object('id', item));
                IF record IS NULL THEN
                    PERFORM pulumi.refuse(format('%s.permissionDescriptors[%s]', path, i), format('descriptor %s is not among the records', item),
                        'The records are those of roles, policies and sets together: uxPurpose=role, policy, and set.');
                ELSIF record ->> 'uxPurpose' = 'set' THEN
                    RETURN NEXT ROW(within, record ->> 'name', pulumi.set_scopes(records, record))::pulumi.gift;
                ELSE
                    RETURN QUERY SELECT * FROM pulumi.gifts(records, record -> 'details', format('%s "%s"', record ->> 'uxPurpose', record ->> 'name'), within);
                END IF;
            END LOOP;
        WHEN 'PermissionDescriptorGroup' THEN
            FOR item, i IN SELECT value, ordinality - 1 FROM jsonb_array_elements(descriptor -> 'entries') WITH ORDINALITY LOOP
                RETURN QUERY SELECT * FROM pulumi.gifts(records, item, format('%s.entries[%s]', path, i), within);
            END LOOP;
        WHEN 'PermissionDescriptorCondition' THEN
            FOR selection IN SELECT * FROM pulumi.selections(descriptor -> 'condition', path || '.condition') LOOP
                RETURN QUERY SELECT * FROM pulumi.gifts(records, descriptor -> 'subNode', path || '.subNode', pulumi.both(within, selection, path || '.condition'));
            END LOOP;
        WHEN 'PermissionDescriptorIfThenElse' THEN
            FOR selection IN SELECT * FROM pulumi.selections(descriptor -> 'condition', path || '.condition') LOOP
                RETURN QUERY SELECT * FROM pulumi.gifts(records, descriptor -> 'subNodeForTrue', path || '.subNodeForTrue', pulumi.both(within, selection, path || '.condition'));
            END LOOP;
            selection := pulumi.tag_condition(jsonb_build_object('__type', 'PermissionExpressionNot', 'node', descriptor -> 'condition'), path || '.condition');
            RETURN QUERY SELECT * FROM pulumi.gifts(records, descriptor -> 'subNodeForFalse', path || '.subNodeForFalse', pulumi.both(within, selection, path || '.condition'));
        ELSE
            PERFORM pulumi.refuse(path, format('%s without equivalent', COALESCE(kind, 'descriptor without __type')),
                'What can be converted: Allow, Compose, Group, Condition and IfThenElse.');
    END CASE;
END
$$;

CREATE FUNCTION pulumi.set_scopes(records jsonb, record jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    path text := format('set "%s"', record ->> 'name');
    gift pulumi.gift;
    list text[] := '{}';
BEGIN
    FOR gift IN SELECT * FROM pulumi.gifts(records, record -> 'details', path) LOOP
        IF (gift.selection).entity_type IS NOT NULL THEN
            PERFORM pulumi.refuse(path, 'a set with conditions', 'Conditions belong to the rules of roles.');
        END IF;
        list := list || gift.scopes;
    END LOOP;
    RETURN ARRAY(SELECT DISTINCT s FROM unnest(list) AS s ORDER BY s);
END
$$;

/* ---- all together ---- */

-- scopes by the type of entity that they are for
CREATE FUNCTION pulumi.by_entity_type(scopes text[], path text) RETURNS TABLE (entity_type text, typed_scopes text[]) LANGUAGE plpgsql AS $$
DECLARE
    unknown text := string_agg(format('"%s"', s), ', ') FROM unnest(scopes) AS s WHERE NOT EXISTS (SELECT FROM rbac.scopes r WHERE r.name = s);
BEGIN
    IF unknown IS NOT NULL THEN
        PERFORM pulumi.refuse(path, format('scopes that are not registered: %s', unknown), 'Insert them into rbac.scopes, with their entity type.');
    END IF;
    RETURN QUERY SELECT r.entity_type, array_agg(r.name ORDER BY r.name) FROM rbac.scopes r WHERE r.name = ANY (scopes) GROUP BY r.entity_type;
END
$$;

-- the name in a document of a set in Pulumi Cloud: of the shared one that is the same, if there is one
CREATE FUNCTION pulumi.set_name(name text, scopes text[]) RETURNS text LANGUAGE sql STABLE
RETURN COALESCE((SELECT p.name FROM rbac.permission_sets p WHERE p.name = set_name.name AND p.organization IS NULL AND p.scopes::text[] @> set_name.scopes AND p.scopes::text[] <@ set_name.scopes),
    './' || name);

-- records for a purpose, but those that are built in
CREATE FUNCTION pulumi.custom(records jsonb, purpose text) RETURNS SETOF jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT record FROM jsonb_array_elements(records) AS record
    WHERE record ->> 'uxPurpose' = purpose AND COALESCE(record ->> 'defaultIdentifier', '') = ''
$$;

CREATE FUNCTION pulumi.rules(records jsonb) RETURNS TABLE (role text, selection pulumi.selection, permission_set text, entity_type text, scopes text[]) LANGUAGE plpgsql AS $$
DECLARE
    descriptor jsonb;
    gift       pulumi.gift;
    path       text;
BEGIN
    FOR role, descriptor IN SELECT r ->> 'name', r -> 'details' FROM pulumi.custom(records, 'role') AS r LOOP
        path := format('role "%s"', role);
        FOR gift IN SELECT * FROM pulumi.gifts(records, descriptor, path) LOOP
            selection := gift.selection;
            FOR entity_type, scopes IN SELECT * FROM pulumi.by_entity_type(gift.scopes, path) LOOP
                permission_set := pulumi.set_name(gift.permission_set, scopes);
                IF selection.entity_type <> entity_type THEN
                    PERFORM pulumi.refuse(path, format('a condition on entities of type "%s" gives scopes of type "%s"', selection.entity_type, entity_type),
                        'A rule gives scopes of the type of its entities.');
                ELSIF permission_set IS NOT NULL AND cardinality(scopes) <> cardinality(gift.scopes) THEN
                    PERFORM pulumi.refuse(format('set "%s"', gift.permission_set), 'scopes of several entity types', 'A set is of one entity type.');
                END IF;
                RETURN NEXT;
            END LOOP;
        END LOOP;
    END LOOP;
END
$$;

CREATE FUNCTION pulumi.document(records jsonb, entities jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    WITH rules AS (
        -- scopes that a role gives without a set get one of the role's own
        SELECT role, selection, entity_type, scopes,
            COALESCE(permission_set, concat('./', role, ' ', entity_type,
                ' ' || NULLIF(dense_rank() OVER (PARTITION BY role, entity_type, permission_set IS NULL ORDER BY scopes), 1))) AS permission_set
        FROM pulumi.rules(records)
    ), sets AS (
        SELECT permission_set AS name, entity_type, scopes, NULL AS description FROM rules
        WHERE permission_set LIKE './%' AND permission_set NOT IN (SELECT './' || (s ->> 'name') FROM pulumi.custom(records, 'set') AS s)
        UNION
        SELECT pulumi.set_name(s ->> 'name', t.typed_scopes), t.entity_type, t.typed_scopes, NULLIF(s ->> 'description', '')
        FROM pulumi.custom(records, 'set') AS s, pulumi.by_entity_type(pulumi.set_scopes(records, s), format('set "%s"', s ->> 'name')) AS t
    ), roles AS (
        SELECT './' || (r ->> 'name') AS name, NULLIF(r ->> 'description', '') AS description, (r -> 'isOrgDefault')::boolean AS is_default,
            (SELECT jsonb_agg(DISTINCT jsonb_strip_nulls(jsonb_build_object(
                'permission_set', permission_set,
                'entity', COALESCE(entities ->> (selection).entity, (selection).entity),
                'condition', (selection).condition))) FROM rules WHERE role = r ->> 'name') AS rules
        FROM pulumi.custom(records, 'role') AS r
    )
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'permission_sets', (SELECT COALESCE(jsonb_agg(to_jsonb(sets)), '[]') FROM sets WHERE name LIKE './%'),
        'roles', (SELECT COALESCE(jsonb_agg(to_jsonb(roles) - 'is_default'), '[]') FROM roles),
        'default_role', (SELECT name FROM roles WHERE is_default)))
$$;
