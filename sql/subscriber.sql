/*
 * Logical replication: a database whose tables are filled by a subscription.  It is
 * prepared, fed, and one day perhaps becomes one that is written itself.
 */

CREATE FUNCTION rbac.refuse_subscribed() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION rbac.refuse_subscribed() IS 'trigger: tables that a subscription fills are not written by anybody else';
REVOKE EXECUTE ON FUNCTION rbac.refuse_subscribed() FROM PUBLIC;

CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.organizations
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.entity_types
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.scopes
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.permission_sets
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.entity_type_settings
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.roles
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.default_roles
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.role_rules
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.members
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.teams
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.team_members
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.team_roles
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.entities
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.entity_grants
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.member_defaults
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.organization_settings
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();
CREATE TRIGGER "!subscribed" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON rbac.audit_log
	FOR EACH STATEMENT EXECUTE FUNCTION rbac.refuse_subscribed();

CREATE FUNCTION rbac_internal.is_subscriber() RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE;
COMMENT ON FUNCTION rbac_internal.is_subscriber() IS 'are the tables of schema rbac filled by a subscription, of somebody who may write them?';

CREATE FUNCTION rbac.prepare_subscriber(discard boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
	SET session_replication_role = replica	-- for triggers that spare built-in rows
AS $$
DECLARE
	tables text;
	tab regclass;
	condition text;
	has_rows boolean;
BEGIN
	IF rbac_internal.is_subscriber() THEN
		RAISE EXCEPTION 'the tables of schema rbac are filled by a subscription already'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Drop the subscription first.';
	END IF;
	SELECT string_agg(c.oid::regclass::text, ', ') INTO STRICT tables
	FROM pg_extension e JOIN pg_class c ON c.oid = ANY (e.extconfig)
	WHERE e.extname = 'rbac' AND c.relkind = 'r';
	EXECUTE 'LOCK TABLE ' || tables || ' IN ACCESS EXCLUSIVE MODE';
	FOR tab, condition IN
		SELECT c.oid, u.condition
		FROM pg_extension e, unnest(e.extconfig, e.extcondition) WITH ORDINALITY AS u (relid, condition, i) JOIN pg_class c ON c.oid = u.relid
		WHERE e.extname = 'rbac' AND c.relkind = 'r' AND NOT COALESCE(discard, false)
		ORDER BY i
	LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s %s)', tab, condition) INTO STRICT has_rows;
		IF has_rows THEN
			RAISE EXCEPTION 'table % has rows that are not built in', tab
				USING ERRCODE = 'object_not_in_prerequisite_state',
					HINT = 'To delete all rows of all tables of schema rbac, call rbac.prepare_subscriber(discard => true).';
		END IF;
	END LOOP;
	EXECUTE 'TRUNCATE ' || tables;
END
$$;
COMMENT ON FUNCTION rbac.prepare_subscriber(boolean) IS 'empty the tables of schema rbac, of their built-in rows, too, so that a subscription can fill them; refuses if there are others, unless they are to be discarded. Until the subscription has brought its rows nobody has access to anything';
REVOKE EXECUTE ON FUNCTION rbac.prepare_subscriber(boolean) FROM PUBLIC;

CREATE FUNCTION rbac.promote_subscriber() RETURNS void
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	tab regclass;
	identity_column name;
BEGIN
	IF rbac_internal.is_subscriber() THEN
		RAISE EXCEPTION 'the tables of schema rbac are filled by a subscription'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Drop the subscription first.';
	END IF;
	IF NOT EXISTS (SELECT FROM rbac.roles WHERE builtin) THEN
		RAISE EXCEPTION 'the tables of schema rbac are empty: no subscription has filled them'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'DROP EXTENSION and CREATE EXTENSION bring the built-in rows back.';
	END IF;
	FOR tab, identity_column IN
		SELECT a.attrelid, a.attname
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.relnamespace = 'rbac'::regnamespace AND a.attidentity <> ''
	LOOP
		EXECUTE format('SELECT setval(s, max(%I)) FROM %s, pg_get_serial_sequence(%L, %L) s GROUP BY s HAVING max(%1$I) > COALESCE(pg_sequence_last_value(s), 0)',
			identity_column, tab, tab, identity_column);
	END LOOP;
END
$$;
COMMENT ON FUNCTION rbac.promote_subscriber() IS 'after the subscription has been dropped: continue the ids of rules, grants and the audit log, so that the tables can be written here';
REVOKE EXECUTE ON FUNCTION rbac.promote_subscriber() FROM PUBLIC;
