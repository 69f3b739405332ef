\set n random(1, :rows)
SELECT member, organization FROM rbac_sample WHERE n = :n \gset
BEGIN;
SELECT rbac.act_as(:member);
SELECT * FROM :table WHERE :tenant = :organization ORDER BY :key LIMIT 20;
COMMIT;
