/*
 * Tables of applications that are protected by one call.
 *
 * What is protected, and how, is in the table's own policies and triggers, which
 * rename and dump with it; no table of ours has to be kept in step.  Their names
 * begin with rbac_.
 */

CREATE FUNCTION rbac.protected() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.protected() IS 'trigger of a protected table: does nothing; its columns and arguments say what they are';

CREATE FUNCTION rbac.check_change() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.check_change() IS 'trigger of a protected table: another id or organization takes the scope for transfers, and nobody gives by another owner or other tags what they do not hold; arguments: entity type, scopes for transfers and inserts';

CREATE FUNCTION rbac.register_entities() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.register_entities() IS 'trigger of a protected table: keeps rbac.entities in step with it; whoever may execute this may make a table of theirs register entities; argument: entity type';
REVOKE EXECUTE ON FUNCTION rbac.register_entities() FROM PUBLIC;

CREATE FUNCTION rbac.register_rows(relation regclass, replace boolean DEFAULT false) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION rbac.register_rows(regclass, boolean) IS 'register all rows of a table that protect() keeps registered, as after a load without triggers; what is registered with other attributes is an error or replaced; how many rows there are';

/* ---- what a table's triggers say ---- */

CREATE FUNCTION rbac_internal.protection(
	relation regclass,
	OUT entity_type text, OUT entity name, OUT organization name, OUT owner name, OUT tags name,
	OUT transfer_scope text, OUT registers boolean, OUT enabled boolean, OUT forced boolean)
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mark   pg_trigger;
	words  text[];
	change bytea;
	col    name;
BEGIN
	-- anybody can make such triggers by hand: as protect() makes them, or not at all
	SELECT t.* INTO mark FROM pg_trigger t
	WHERE t.tgrelid = relation AND t.tgfoid = 'rbac.protected()'::regprocedure AND NOT t.tgisinternal
		AND t.tgnargs = cardinality(t.tgattr::smallint[]) + 2;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	-- arguments end with a zero byte; but for the first they are words of ours
	entity_type := convert_from(substring(mark.tgargs FOR position('\x00'::bytea IN mark.tgargs) - 1), getdatabaseencoding());
	words := string_to_array(encode(substring(mark.tgargs FROM position('\x00'::bytea IN mark.tgargs) + 1), 'escape'), '\000');
	enabled := words[1] LIKE 'enabled%';
	forced := words[1] LIKE '%forced';
	FOR i IN 2 .. array_length(words, 1) - 1 LOOP
		SELECT attname INTO col FROM pg_attribute WHERE attrelid = relation AND attnum = mark.tgattr[i - 2];
		CASE words[i]
			WHEN 'entity' THEN entity := col;
			WHEN 'organization' THEN organization := col;
			WHEN 'owner' THEN owner := col;
			WHEN 'tags' THEN tags := col;
			ELSE NULL;
		END CASE;
	END LOOP;
	entity := COALESCE(entity, organization);
	SELECT tgargs INTO change FROM pg_trigger
	WHERE tgrelid = relation AND tgfoid = 'rbac.check_change()'::regprocedure;
	words := string_to_array(encode(substring(change FROM position('\x00'::bytea IN change) + 1), 'escape'), '\000');
	transfer_scope := NULLIF(words[1], '');
	registers := EXISTS (SELECT FROM pg_trigger
		WHERE tgrelid = relation AND tgfoid = 'rbac.register_entities()'::regprocedure);
END
$$;
COMMENT ON FUNCTION rbac_internal.protection(regclass) IS 'what protect() has made of a table, as its triggers say; NULLs if it is not protected';

/* ---- checks that read tables which not everybody may read ---- */

CREATE FUNCTION rbac_internal.require_scope_type(entity_type text, argument text, scope rbac.scope, needed text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type text;
BEGIN
	IF NOT EXISTS (SELECT FROM rbac.entity_types t WHERE t.name = entity_type) THEN
		RAISE undefined_object USING
			MESSAGE = format('entity type "%s" does not exist', entity_type),
			HINT = 'Insert it into rbac.entity_types, with scopes of its own.';
	END IF;
	SELECT s.entity_type INTO type FROM rbac.scopes s WHERE s.name = scope::text;
	IF type <> needed THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('%s "%s" is of entity type "%s", not "%s"', argument, scope, type, needed),
			HINT = CASE
				WHEN argument = 'insert_scope' THEN 'A new row has no rights on it yet: an INSERT takes a scope of type organization, such as "stack:create", on the row''s organization.'
				ELSE format('It has to be a scope of the rows'' own entity type, "%s".', needed)
			END;
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.require_scope_type(text, text, rbac.scope, text) IS 'for protect(): refuses an unknown entity type, and a scope of another type than needed';

/* ---- protect ---- */

CREATE FUNCTION rbac_internal.require_protectable(relation regclass) RETURNS pg_class
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	class  pg_class;
	reason text;
BEGIN
	SELECT c.* INTO class FROM pg_class c WHERE c.oid = relation;
	IF NOT FOUND THEN
		RAISE undefined_table USING MESSAGE = 'relation ' || COALESCE(relation::text, 'NULL') || ' does not exist';
	END IF;
	reason := CASE
		WHEN class.relnamespace = 'rbac'::regnamespace THEN 'It belongs to extension rbac, which protects it itself.'
		WHEN class.oid < 16384 OR class.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
			THEN 'It belongs to the system.'
		WHEN class.relkind = 'p' THEN 'It is partitioned: policies are not asked for rows that are read or written by their partition''s name, and rows that move from one to another would be taken for deleted.'
		WHEN class.relkind IN ('v', 'm') THEN 'It is a view. Protect the tables below, and create it with security_invoker.'
		WHEN class.relkind = 'f' THEN 'It is a foreign table: protect it where it is stored.'
		WHEN class.relkind <> 'r' THEN 'It is not a table.'
		WHEN class.relpersistence = 't' THEN 'It is temporary: nobody else has access to it.'
	END;
	IF reason IS NULL THEN
		IF NOT pg_has_role(class.relowner, 'USAGE') THEN
			RAISE insufficient_privilege USING MESSAGE = format('must be owner of table %s', relation);
		END IF;
		EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', relation);
		SELECT CASE WHEN inhrelid = relation
				THEN 'It is a partition or inherits from another table: its policies are not asked for rows that are read or written by the parent''s name.'
				ELSE 'Tables inherit from it: its triggers are not theirs, and its policies are not asked for rows that are read or written by their names.' END
			INTO reason
		FROM pg_inherits WHERE relation IN (inhrelid, inhparent);
	END IF;
	IF reason IS NOT NULL THEN
		RAISE wrong_object_type USING MESSAGE = format('cannot protect %s', relation), DETAIL = reason;
	END IF;
	RETURN class;
END
$$;
COMMENT ON FUNCTION rbac_internal.require_protectable(regclass) IS 'for protect(): locks a table; refuses what is none, or not the caller''s';

CREATE FUNCTION rbac_internal.require_column(relation regclass, argument text, col name) RETURNS smallint
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	attribute record;
	base      oid;
	types     regtype[] := CASE argument WHEN 'tags' THEN '{jsonb}' ELSE '{text,varchar,uuid,bigint,integer,smallint}' END;
BEGIN
	SELECT attnum, atttypid, atttypmod, attgenerated INTO attribute FROM pg_attribute
	WHERE attrelid = relation AND attname = col AND attnum > 0 AND NOT attisdropped;
	IF NOT FOUND THEN
		RAISE undefined_column USING MESSAGE = format('table %s has no column "%s" for %s', relation, col, argument);
	END IF;
	WITH RECURSIVE domain (type) AS (
		SELECT attribute.atttypid
		UNION ALL
		SELECT t.typbasetype FROM domain JOIN pg_type t ON t.oid = domain.type WHERE t.typtype = 'd')
	SELECT domain.type INTO base FROM domain JOIN pg_type t ON t.oid = domain.type WHERE t.typtype <> 'd';
	IF base <> ALL (types) THEN
		RAISE datatype_mismatch USING
			MESSAGE = format('column "%s" for %s is of type %s', col, argument, format_type(attribute.atttypid, attribute.atttypmod)),
			HINT = format('It can be of type %s.', array_to_string(types, ', '));
	END IF;
	IF attribute.attgenerated = 'v' THEN
		RAISE feature_not_supported USING
			MESSAGE = format('column "%s" for %s is a virtual generated column', col, argument),
			HINT = 'Make it a stored one.';
	END IF;
	RETURN attribute.attnum;
END
$$;
COMMENT ON FUNCTION rbac_internal.require_column(regclass, text, name) IS 'for protect(): refuses a column that is missing, or of a type that cannot serve';

/*
 * To have one's rows registered, and to be who registers entities of a type, is a
 * matter of trust: those who may execute register_entities() are trusted.
 */
CREATE FUNCTION rbac_internal.require_registrable(class pg_class, entity_type text, entity smallint, organization smallint) RETURNS void
	LANGUAGE plpgsql STABLE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation regclass = class.oid;
	other    regclass;
BEGIN
	IF entity_type = 'organization' THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'entities of type "organization" cannot be registered',
			DETAIL = 'Table rbac.organizations holds them.',
			HINT = 'Protect the table with register := false.';
	END IF;
	IF NOT has_function_privilege('rbac.register_entities()', 'EXECUTE') THEN
		RAISE insufficient_privilege USING
			MESSAGE = 'permission denied to register entities',
			DETAIL = 'Who makes a table register entities decides which exist, in any organization.',
			HINT = format('Let the owner of schema rbac protect the table or GRANT EXECUTE ON FUNCTION rbac.register_entities() TO %I, or use register := false.', current_user);
	END IF;
	SELECT t.tgrelid INTO other
	FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
	WHERE t.tgfoid = 'rbac.register_entities()'::regprocedure AND t.tgrelid <> relation AND c.relowner <> class.relowner
		AND (rbac_internal.protection(t.tgrelid)).entity_type = require_registrable.entity_type
	LIMIT 1;
	IF FOUND THEN
		RAISE object_in_use USING
			MESSAGE = format('entities of type "%s" are registered by table %s', entity_type, other),
			DETAIL = 'That belongs to somebody else. Who writes a table that registers entities can change any of the type.',
			HINT = 'Use another entity type, or register := false.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_index i
		WHERE i.indrelid = relation AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
			AND (i.indkey::smallint[])[0 : i.indnkeyatts - 1] <@ ARRAY[entity, organization]
			AND entity = ANY ((i.indkey::smallint[])[0 : i.indnkeyatts - 1])) THEN
		RAISE invalid_table_definition USING
			MESSAGE = format('ids in table %s are not unique', relation),
			DETAIL = 'Rows are registered as entities by their ids.',
			HINT = format('Use CREATE UNIQUE INDEX ON %s (%I); or register := false.', relation,
				(SELECT attname FROM pg_attribute WHERE attrelid = relation AND attnum = entity));
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.require_registrable(pg_class, text, smallint, smallint) IS 'for protect(): refuses to register rows of a table without a key, or for who may not';

CREATE FUNCTION rbac_internal.drop_protection(relation regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	command text;
BEGIN
	FOR command IN
		SELECT format('DROP POLICY %I ON %s', polname, relation) FROM pg_policy
		WHERE polrelid = relation AND polname IN ('rbac_select', 'rbac_insert', 'rbac_update', 'rbac_delete')
		UNION ALL
		SELECT format('DROP TRIGGER %I ON %s', tgname, relation) FROM pg_trigger
		WHERE tgrelid = relation AND tgfoid IN ('rbac.protected()'::regprocedure, 'rbac.check_change()'::regprocedure,
			'rbac.register_entities()'::regprocedure)
	LOOP
		EXECUTE command;
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac_internal.drop_protection(regclass) IS 'for protect() and unprotect(): drops the policies and triggers that protect() has made';

CREATE FUNCTION rbac_internal.has_index(relation regclass, col name) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
RETURN EXISTS (
	SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = c.relam
		JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	WHERE i.indrelid = relation::oid AND a.attname = col AND i.indpred IS NULL AND i.indisvalid AND m.amname = 'btree');
COMMENT ON FUNCTION rbac_internal.has_index(regclass, name) IS 'for protect(): is there an index that begins with the column and that policies could use';

CREATE FUNCTION rbac_internal.commands_without_policy(relation regclass) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
RETURN (
	SELECT pg_catalog.string_agg(command, ', ')
	FROM (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) AS c (command, letter)
	WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_policy
		WHERE polrelid = relation::oid AND polpermissive AND polcmd IN ('*', letter::"char")));
COMMENT ON FUNCTION rbac_internal.commands_without_policy(regclass) IS 'for protect(): what nobody may do to whom policies apply; NULL: nothing';

/* A column as text that is compared byte by byte, as members are. */
CREATE FUNCTION rbac_internal.bytewise(relation regclass, prefix text, col name) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
RETURN (
	SELECT pg_catalog.format(CASE WHEN NOT l.collisdeterministic THEN '%s%I COLLATE "C"' ELSE '%s%I' END, prefix, col)
	FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
	WHERE a.attrelid = relation::oid AND a.attname = col);
COMMENT ON FUNCTION rbac_internal.bytewise(regclass, text, name) IS 'for protect(): an expression that compares a column byte by byte whatever its collation';

/* PERMISSIVE and without sub-selects, for extensions that rewrite policies. */
CREATE FUNCTION rbac_internal.make_policies(
	relation regclass, entity name, organization name, owner name, tags name,
	select_scope rbac.scope, insert_scope rbac.scope, update_scope rbac.scope, delete_scope rbac.scope) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- what is before and after the scope
	ask  text := format('rbac.row_has_scope(rbac.current_member(), %I, ', entity);
	rest text := format('::rbac.scope, %I%s%s)', organization, ', ' || quote_ident(owner),
		CASE WHEN owner IS NULL THEN ', tags => ' ELSE ', ' END || quote_ident(tags));
BEGIN
	IF select_scope IS NOT NULL THEN
		EXECUTE format('CREATE POLICY rbac_select ON %s FOR SELECT USING (%s)', relation, ask || quote_literal(select_scope) || rest);
	END IF;
	IF insert_scope IS NOT NULL THEN
		-- what is to be has no grants yet; who makes it may own it
		EXECUTE format('CREATE POLICY rbac_insert ON %s FOR INSERT WITH CHECK (rbac.has_scope(%I, %L::rbac.scope)%s)',
			relation, organization, insert_scope, ' AND (' || rbac_internal.bytewise(relation, '', owner) || ')::text = rbac.current_member()');
	END IF;
	IF update_scope IS NOT NULL THEN
		EXECUTE format('CREATE POLICY rbac_update ON %s FOR UPDATE USING (%s) WITH CHECK (%2$s)', relation, ask || quote_literal(update_scope) || rest);
	END IF;
	IF delete_scope IS NOT NULL THEN
		EXECUTE format('CREATE POLICY rbac_delete ON %s FOR DELETE USING (%s)', relation, ask || quote_literal(delete_scope) || rest);
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.make_policies(regclass, name, name, name, name, rbac.scope, rbac.scope, rbac.scope, rbac.scope) IS 'for protect(): creates its policies';

/* The conditions of triggers are on the rows as they are in the end. */
CREATE FUNCTION rbac_internal.make_triggers(
	relation regclass, entity_type text, numbers smallint[], labels text[], flags text,
	transfer_scope rbac.scope, insert_scope rbac.scope, register boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cols     text;
	changed  text;
	callback text := format('EXECUTE FUNCTION rbac.register_entities(%L)', entity_type);
BEGIN
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY n),
		-- tags as they are stored: 1 = 1.0, and conditions can tell
		string_agg(CASE label WHEN 'tags' THEN format('pg_catalog.record_image_ne(ROW (OLD.%1$I), ROW (NEW.%1$I))', attname)
			ELSE rbac_internal.bytewise(relation, 'OLD.', attname) || ' IS DISTINCT FROM ' || rbac_internal.bytewise(relation, 'NEW.', attname) END, ' OR ' ORDER BY n)
		INTO cols, changed
	FROM unnest(numbers, labels) WITH ORDINALITY AS c (number, label, n) JOIN pg_attribute ON attrelid = relation AND attnum = number;
	EXECUTE format('CREATE TRIGGER rbac_protected BEFORE UPDATE OF %s ON %s FOR EACH STATEMENT EXECUTE FUNCTION rbac.protected(%L, %L, %s)',
		cols, relation, entity_type, flags,
		(SELECT string_agg(quote_literal(label), ', ' ORDER BY n) FROM unnest(labels) WITH ORDINALITY AS l (label, n)));
	EXECUTE format('CREATE TRIGGER rbac_change AFTER UPDATE ON %s FOR EACH ROW WHEN (row_security_active(OLD.tableoid) AND (%s)) EXECUTE FUNCTION rbac.check_change(%L, %L, %L)',
		relation, changed, entity_type, COALESCE(transfer_scope::text, ''), COALESCE(insert_scope::text, ''));
	IF register THEN
		EXECUTE format('CREATE TRIGGER rbac_register_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT %s', relation, callback);
		EXECUTE format('CREATE TRIGGER rbac_register_update AFTER UPDATE ON %s FOR EACH ROW WHEN (%s) %s', relation, changed, callback);
		EXECUTE format('CREATE TRIGGER rbac_register_delete AFTER DELETE ON %s FOR EACH ROW %s', relation, callback);
		EXECUTE format('CREATE TRIGGER rbac_register_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT %s', relation, callback);
	END IF;
END
$$;
COMMENT ON FUNCTION rbac_internal.make_triggers(regclass, text, smallint[], text[], text, rbac.scope, rbac.scope, boolean) IS 'for protect(): creates its triggers';

CREATE FUNCTION rbac.protect(
	relation regclass, entity_type text, entity name, organization name, owner name DEFAULT NULL, tags name DEFAULT NULL,
	select_scope rbac.scope DEFAULT NULL, insert_scope rbac.scope DEFAULT NULL, update_scope rbac.scope DEFAULT NULL,
	delete_scope rbac.scope DEFAULT NULL, transfer_scope rbac.scope DEFAULT NULL,
	register boolean DEFAULT true, force boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql VOLATILE
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	class    pg_class;
	before   record;
	numbers  smallint[] := '{}';   -- of the columns
	labels   text[] := '{}';       -- what they are
	r        record;
	denied   text;
BEGIN
	class := rbac_internal.require_protectable(relation);
	IF num_nulls(entity_type, entity, organization, register, force) > 0 THEN
		RAISE null_value_not_allowed USING MESSAGE = 'entity_type, entity, organization, register and force must not be null';
	END IF;
	FOR r IN
		SELECT * FROM (VALUES
			('select_scope', select_scope, entity_type), ('insert_scope', insert_scope, 'organization'),
			('update_scope', update_scope, entity_type), ('delete_scope', delete_scope, entity_type),
			('transfer_scope', transfer_scope, entity_type)) AS s (argument, scope, needed)
	LOOP
		PERFORM rbac_internal.require_scope_type(entity_type, r.argument, r.scope, r.needed);
	END LOOP;
	IF num_nonnulls(select_scope, insert_scope, update_scope, delete_scope) = 0 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'no scope is given',
			HINT = 'Name the scope that it takes to see rows as select_scope, and others for what else members may do.';
	END IF;
	FOR r IN
		SELECT * FROM (VALUES ('entity', entity), ('organization', organization), ('owner', owner), ('tags', tags)) AS c (label, col)
		WHERE col IS NOT NULL
	LOOP
		numbers := numbers || rbac_internal.require_column(relation, r.label, r.col);
		labels := labels || r.label;
	END LOOP;
	IF entity_type = 'organization' AND entity = organization THEN
		numbers := numbers[2:];
		labels := labels[2:];
	END IF;
	IF (SELECT count(DISTINCT n) FROM unnest(numbers) n) < cardinality(numbers) THEN
		RAISE duplicate_column USING MESSAGE = 'a column is named for two things';
	END IF;

	SELECT * INTO before FROM rbac_internal.protection(relation);
	IF before.entity_type IS NULL THEN
		SELECT format('policy "%s"', polname) AS object INTO r FROM pg_policy
		WHERE polrelid = relation AND polname IN ('rbac_select', 'rbac_insert', 'rbac_update', 'rbac_delete')
		UNION ALL
		SELECT format('trigger "%s"', tgname) FROM pg_trigger WHERE tgrelid = relation AND tgname LIKE 'rbac\_%'
			AND tgfoid NOT IN ('rbac.check_change()'::regprocedure, 'rbac.register_entities()'::regprocedure);
		IF FOUND THEN
			RAISE duplicate_object USING
				MESSAGE = format('%s for table %s already exists', r.object, relation),
				DETAIL = 'It was not made by protect().',
				HINT = 'Drop or rename it.';
		END IF;
	END IF;
	IF register THEN
		PERFORM rbac_internal.require_registrable(class, entity_type, numbers[1], numbers[2]);
		IF before.registers AND (before.entity_type, before.entity) <> (entity_type, entity) THEN
			RAISE object_in_use USING
				MESSAGE = format('the rows of table %s are registered as entities of type "%s" by column "%s"', relation, before.entity_type, before.entity),
				HINT = 'Call rbac.unprotect() first, and delete them from rbac.entities.';
		END IF;
	ELSIF before.registers THEN
		RAISE NOTICE 'the rows of table % stay registered in rbac.entities, and are no longer kept in step', relation;
	END IF;

	PERFORM rbac_internal.drop_protection(relation);
	PERFORM rbac_internal.make_policies(relation, entity, organization, owner, tags, select_scope, insert_scope, update_scope, delete_scope);
	PERFORM rbac_internal.make_triggers(relation, entity_type, numbers, labels,
		concat_ws(' ', CASE WHEN before.enabled OR NOT class.relrowsecurity THEN 'enabled' END,
			CASE WHEN force AND (before.forced OR NOT class.relforcerowsecurity) THEN 'forced' END),
		transfer_scope, insert_scope, register);
	EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
	IF force THEN
		EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', relation);
	ELSIF before.forced THEN
		EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', relation);
	END IF;
	IF register THEN
		PERFORM rbac.register_rows(relation, COALESCE(before.registers, false));
	END IF;

	denied := rbac_internal.commands_without_policy(relation);
	IF denied IS NOT NULL THEN
		RAISE NOTICE USING
			MESSAGE = format('table %s has no policy for %s', relation, denied),
			DETAIL = 'Only those to whom policies do not apply can do that.';
	END IF;
	FOR r IN SELECT col FROM unnest(ARRAY[entity, NULLIF(organization, entity)]) AS c (col) WHERE NOT rbac_internal.has_index(relation, col) LOOP
		RAISE NOTICE USING
			MESSAGE = format('table %s has no index on column "%s"', relation, r.col),
			HINT = format('With one, queries can read only the rows that a member may see: CREATE INDEX ON %s (%I);', relation, r.col);
	END LOOP;
	-- in words of the view, which may read the tables
	FOR r IN SELECT w FROM rbac.protected_tables p, unnest(p.warnings) w WHERE p.relation = $1 AND w ^@ 'owners of type' LOOP
		RAISE NOTICE USING
			MESSAGE = r.w,
			DETAIL = 'Who inserts a row does not see it for being its owner.',
			HINT = 'Name a permission set as owner_permission_set in rbac.entity_type_settings.';
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac.protect(regclass, text, name, name, name, name, rbac.scope, rbac.scope, rbac.scope, rbac.scope, rbac.scope, boolean, boolean) IS 'turn on row-level security for a table of entities, by the columns and scopes named, and keep its rows registered; call it again to change that; a command without a scope gets no policy';

CREATE FUNCTION rbac.unprotect(relation regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	class    pg_class;
	before   record;
	policies text;
BEGIN
	SELECT * INTO before FROM rbac_internal.protection(relation);
	IF before.entity_type IS NULL THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = format('%s is not protected', relation);
	END IF;
	SELECT c.* INTO class FROM pg_class c WHERE c.oid = relation;
	IF NOT pg_has_role(class.relowner, 'USAGE') THEN
		RAISE insufficient_privilege USING MESSAGE = format('must be owner of table %s', relation);
	END IF;
	EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', relation);
	PERFORM rbac_internal.drop_protection(relation);
	SELECT string_agg(quote_ident(polname), ', ' ORDER BY polname) INTO policies FROM pg_policy WHERE polrelid = relation;
	IF before.forced THEN
		EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', relation);
	END IF;
	IF NOT class.relrowsecurity THEN
		RAISE NOTICE 'row-level security of table % is disabled', relation;
	ELSIF before.enabled AND policies IS NULL THEN
		EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', relation);
		RAISE NOTICE 'row-level security of table % is now disabled', relation;
	ELSE
		RAISE NOTICE USING
			MESSAGE = format('row-level security of table %s stays enabled', relation),
			DETAIL = CASE WHEN policies IS NOT NULL THEN 'It has other policies: ' || policies || '.' ELSE 'It was before the table was protected.' END;
	END IF;
	IF before.registers THEN
		RAISE NOTICE 'the rows of table % stay registered in rbac.entities, and are no longer kept in step', relation;
	END IF;
END
$$;
COMMENT ON FUNCTION rbac.unprotect(regclass) IS 'undo protect(): drop its policies and triggers, and disable row-level security if protect() has enabled it and no other policy is left; what is registered stays so';

/* ---- what is protected ---- */

CREATE FUNCTION rbac_internal.policy_scopes(relation regclass, command "char") RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
RETURN (
	SELECT pg_catalog.string_agg(DISTINCT m[1], ', ' ORDER BY m[1])
	FROM pg_catalog.pg_policy, pg_catalog.regexp_matches(
		COALESCE(pg_catalog.pg_get_expr(polqual, polrelid), '') || ' ' || COALESCE(pg_catalog.pg_get_expr(polwithcheck, polrelid), ''),
		'''([a-z][a-z0-9_]*:[a-z][a-z0-9_]*)''::rbac\.scope', 'g') AS m
	WHERE polrelid = relation::oid AND polpermissive AND polcmd IN ('*', command));
COMMENT ON FUNCTION rbac_internal.policy_scopes(regclass, "char") IS 'for protected_tables: the scopes that a table''s policies for a command name';

CREATE VIEW rbac.protected_tables AS
	WITH asking AS (
		SELECT DISTINCT pol.oid AS policy, pol.polrelid
		FROM pg_catalog.pg_policy pol JOIN pg_catalog.pg_depend d ON d.objid = pol.oid
			JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid
		WHERE d.classid = 'pg_catalog.pg_policy'::regclass::oid AND d.refclassid = 'pg_catalog.pg_proc'::regclass::oid
			AND p.pronamespace = 'rbac'::regnamespace::oid AND p.proname IN ('has_scope', 'row_has_scope')
	), tables AS (
		SELECT polrelid AS oid FROM asking
		UNION
		SELECT tgrelid FROM pg_catalog.pg_trigger WHERE tgfoid = 'rbac.protected()'::regprocedure::oid
	)
	SELECT c.oid::regclass AS relation, p.entity_type, p.entity, p.organization, p.owner, p.tags,
		rbac_internal.policy_scopes(c.oid, 'r') AS select_scope,
		rbac_internal.policy_scopes(c.oid, 'a') AS insert_scope,
		rbac_internal.policy_scopes(c.oid, 'w') AS update_scope,
		rbac_internal.policy_scopes(c.oid, 'd') AS delete_scope,
		p.transfer_scope,
		COALESCE(p.registers, false) AS registers,
		c.relforcerowsecurity AS forced,
		pg_catalog.array_remove(ARRAY[
			CASE WHEN NOT c.relrowsecurity THEN 'row-level security is disabled' END,
			CASE WHEN c.relrowsecurity AND NOT c.relforcerowsecurity AND r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls
				THEN pg_catalog.format('policies do not apply to its owner, login "%s"', r.rolname) END,
			'no policy for ' || rbac_internal.commands_without_policy(c.oid),
			(SELECT 'policies that do not ask: ' || pg_catalog.string_agg(pg_catalog.quote_ident(pol.polname), ', ' ORDER BY pol.polname)
				FROM pg_catalog.pg_policy pol
				WHERE pol.polrelid = c.oid AND pol.polpermissive AND pol.oid NOT IN (SELECT policy FROM asking)),
			(SELECT 'triggers that do not fire: ' || pg_catalog.string_agg(pg_catalog.quote_ident(t.tgname), ', ' ORDER BY t.tgname)
				FROM pg_catalog.pg_trigger t
				WHERE t.tgrelid = c.oid AND t.tgenabled IN ('D', 'R')
					AND t.tgfoid IN ('rbac.check_change()'::regprocedure::oid, 'rbac.register_entities()'::regprocedure::oid)),
			CASE WHEN p.entity_type IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t
				WHERE t.tgrelid = c.oid AND t.tgfoid = 'rbac.check_change()'::regprocedure::oid)
				THEN 'trigger rbac_change is missing' END,
			CASE WHEN p.owner IS NOT NULL
				AND COALESCE((SELECT s.owner_permission_set IS NULL FROM rbac.entity_type_settings s WHERE s.entity_type = p.entity_type), p.entity_type <> 'stack')
				THEN pg_catalog.format('owners of type "%s" have nothing', p.entity_type) END,
			CASE WHEN NOT rbac_internal.has_index(c.oid, p.entity) THEN pg_catalog.format('no index on column "%s"', p.entity) END,
			CASE WHEN p.organization <> p.entity AND NOT rbac_internal.has_index(c.oid, p.organization) THEN pg_catalog.format('no index on column "%s"', p.organization) END,
			CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE c.oid IN (inhrelid, inhparent))
				THEN 'policies are asked of the table that a query names, not of its parent or children' END
		], NULL) AS warnings
	FROM tables JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
		LEFT JOIN LATERAL rbac_internal.protection(c.oid) p ON true
	WHERE c.relnamespace <> 'rbac'::regnamespace::oid;
COMMENT ON VIEW rbac.protected_tables IS 'tables with policies that ask has_scope or row_has_scope: how they are protected, and what is doubtful about it';
COMMENT ON COLUMN rbac.protected_tables.entity_type IS 'of its rows, and their columns; NULL if the policies were not made by protect()';
COMMENT ON COLUMN rbac.protected_tables.entity IS 'the column that holds the id';
COMMENT ON COLUMN rbac.protected_tables.organization IS 'the column that holds the organization';
COMMENT ON COLUMN rbac.protected_tables.owner IS 'the column that holds the owner; NULL: none';
COMMENT ON COLUMN rbac.protected_tables.tags IS 'the column that holds the tags; NULL: none';
COMMENT ON COLUMN rbac.protected_tables.select_scope IS 'the scopes that its permissive policies for the command name';
COMMENT ON COLUMN rbac.protected_tables.insert_scope IS 'the same for INSERT';
COMMENT ON COLUMN rbac.protected_tables.update_scope IS 'the same for UPDATE';
COMMENT ON COLUMN rbac.protected_tables.delete_scope IS 'the same for DELETE';
COMMENT ON COLUMN rbac.protected_tables.transfer_scope IS 'what it takes to change id or organization; NULL: nobody may';
COMMENT ON COLUMN rbac.protected_tables.registers IS 'rbac.entities is kept in step with it';
COMMENT ON COLUMN rbac.protected_tables.forced IS 'policies apply to its owner, too';
COMMENT ON COLUMN rbac.protected_tables.warnings IS 'what is doubtful; empty: nothing';
GRANT SELECT ON rbac.protected_tables TO PUBLIC;
