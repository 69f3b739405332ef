/* rbac: role-based access control for row-level security. */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION rbac" to load this file. \quit

-- The schema is made here, not named in the control file: one that exists
-- already, with an owner of its own, must not be adopted.
CREATE SCHEMA rbac;
GRANT USAGE ON SCHEMA rbac TO PUBLIC;
COMMENT ON SCHEMA rbac IS 'role-based access control: scopes, permission sets, roles, teams, members, and the checks for row-level security';
