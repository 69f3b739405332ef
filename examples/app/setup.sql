-- All of it in a scratch database, by a superuser: psql -f examples/app/setup.sql DATABASE
\set ON_ERROR_STOP on
\o /dev/null
SET client_min_messages = warning;
\ir logins.sql
\ir migrations/1_access.up.sql
\ir migrations/2_tables.up.sql
\ir migrations/3_protection.up.sql
\ir migrations/4_tenants.up.sql
\connect - app
\ir seed.sql
\o
