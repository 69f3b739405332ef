/* rbac: role-based access control for row-level security. */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION rbac" to load this file. \quit

-- The schema is made here, not named in the control file: one that exists
-- already, with an owner of its own, must not be adopted.
CREATE SCHEMA rbac;
GRANT USAGE ON SCHEMA rbac TO PUBLIC;
COMMENT ON SCHEMA rbac IS 'role-based access control: scopes, permission sets, roles, teams, members, and the checks for row-level security';

-- What functions of schema rbac are made of, so that a list of those is one of what
-- there is to use.
CREATE SCHEMA rbac_internal;
GRANT USAGE ON SCHEMA rbac_internal TO PUBLIC;
COMMENT ON SCHEMA rbac_internal IS 'parts of extension rbac that are not for direct use, and may change';
