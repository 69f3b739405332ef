/*
 * Tables with indexes, for queries that find few of their :rows rows:
 *   keyed_text ...  the rows of by_text ..., by key
 *   contiguous      1,000 rows for each of many organizations, one after the other
 *   scattered       the same, mixed
 *   wanted          200 keys of keyed_uuid, 20 of them granted to the member direct
 * and a member, lister, with a rule for all stacks of the organization tenant2.
 */
INSERT INTO rbac.organizations VALUES ('tenant2');
INSERT INTO rbac.roles (name) VALUES ('tenant2/Reader');
INSERT INTO rbac.role_rules (role, permission_set) VALUES ('tenant2/Reader', 'Stack Read');
INSERT INTO rbac.members (organization, member, role) VALUES ('tenant2', 'lister', 'tenant2/Reader');

CREATE TABLE keyed_text (LIKE by_text);
CREATE TABLE keyed_uuid (LIKE by_uuid);
CREATE TABLE keyed_bigint (LIKE by_bigint);
CREATE TABLE contiguous (LIKE by_uuid);
CREATE TABLE scattered (LIKE by_uuid);
INSERT INTO keyed_text SELECT * FROM by_text;
INSERT INTO keyed_uuid SELECT * FROM by_uuid;
INSERT INTO keyed_bigint SELECT * FROM by_bigint;
INSERT INTO contiguous SELECT id, 'tenant' || (row_number() OVER () - 1) / 1000 + 1, owner FROM by_uuid;
INSERT INTO scattered SELECT id, 'tenant' || row_number() OVER () % (:rows / 1000) + 1, owner FROM by_uuid;
ALTER TABLE keyed_text ADD PRIMARY KEY (id);
ALTER TABLE keyed_uuid ADD PRIMARY KEY (id);
ALTER TABLE keyed_bigint ADD PRIMARY KEY (id);
CREATE INDEX ON contiguous (organization);
CREATE INDEX ON scattered (organization);

CREATE TABLE wanted AS
	SELECT k.id FROM keyed_uuid k JOIN rbac.entity_grants ON entity = k.id::text AND member = 'direct'
	UNION ALL (SELECT id FROM by_uuid OFFSET :rows / 4 LIMIT 180);

GRANT SELECT ON keyed_text, keyed_uuid, keyed_bigint, contiguous, scattered, wanted TO app;
ALTER TABLE keyed_text ENABLE ROW LEVEL SECURITY;
ALTER TABLE keyed_uuid ENABLE ROW LEVEL SECURITY;
ALTER TABLE keyed_bigint ENABLE ROW LEVEL SECURITY;
ALTER TABLE contiguous ENABLE ROW LEVEL SECURITY;
ALTER TABLE scattered ENABLE ROW LEVEL SECURITY;
