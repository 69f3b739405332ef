\set n random(1, :rows)
SELECT member, id FROM rbac_sample WHERE n = :n \gset
BEGIN;
SELECT rbac.act_as(:member);
SELECT * FROM :table WHERE :key = :id;
COMMIT;
