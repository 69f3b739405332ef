-- Whom to ask, and about which rows: up to 1,000 of a table, each with a member who may see it.
-- The values are kept as literals, to be put into the scripts as they are.
\set ON_ERROR_STOP on
DROP TABLE IF EXISTS rbac_sample;
CREATE TABLE rbac_sample AS
SELECT row_number() OVER () AS n, quote_literal(id) AS id, quote_literal(organization) AS organization, quote_literal(member) AS member
FROM (SELECT :key::text AS id, :tenant::text AS organization FROM :table ORDER BY random() LIMIT 1000) AS sampled,
	LATERAL (SELECT member FROM rbac.members_with_scope(id, :'scope', NULL, 100) AS member ORDER BY random() LIMIT 1) AS who;
ALTER TABLE rbac_sample ADD PRIMARY KEY (n);
GRANT SELECT ON rbac_sample TO PUBLIC;
ANALYZE rbac_sample;
SELECT count(*) AS rows FROM rbac_sample;
