# A change in a prepared transaction: not there for anybody until it is committed,
# and then from the next statement on.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION rbac;
	INSERT INTO rbac.organizations VALUES ('acme');
	INSERT INTO rbac.entities VALUES ('stack', 's1', 'acme'), ('stack', 's2', 'acme');
	INSERT INTO rbac.members VALUES ('acme', 'ann');
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's1', 'acme', 'ann');
	CREATE VIEW seen AS SELECT string_agg(entity, ',' ORDER BY entity) FROM rbac.entities WHERE rbac.has_scope('ann', entity, 'stack:read');
});

# The change moves the grant from s1 to s2.  Other connections are made by \!, in
# the middle of this one's transaction.
my $connstr = $node->connstr('postgres');
sub elsewhere { return "\\! psql -X -q -d \"$connstr\" -c \"$_[0]\"\n" }
my $change = q{UPDATE rbac.entity_grants SET entity = CASE entity WHEN 's1' THEN 's2' ELSE 's1' END};
my $look = "TABLE seen;\n";

is( $node->safe_psql('postgres',
		"BEGIN;\n$look" . elsewhere("BEGIN; $change; PREPARE TRANSACTION 'one'") . $look . elsewhere("COMMIT PREPARED 'one'") . "${look}COMMIT;\n$look"),
	"s1\ns1\ns2\ns2",
	'seen when committed, inside an open transaction');
is( $node->safe_psql('postgres',
		"BEGIN ISOLATION LEVEL SERIALIZABLE;\n$look" . elsewhere("BEGIN; $change; PREPARE TRANSACTION 'two'") . $look . elsewhere("ROLLBACK PREPARED 'two'") . "${look}COMMIT;\n$look"),
	"s2\ns2\ns2\ns2",
	'not seen when rolled back');
is( $node->safe_psql('postgres', "${look}BEGIN;\n$change;\n${look}PREPARE TRANSACTION 'three';\n${look}COMMIT PREPARED 'three';\n$look"),
	"s2\ns1\ns2\ns1",
	'by the session that prepared it, committed');
is( $node->safe_psql('postgres', "${look}BEGIN;\n$change;\n${look}PREPARE TRANSACTION 'four';\n${look}ROLLBACK PREPARED 'four';\n$look"),
	"s1\ns2\ns1\ns1",
	'by the session that prepared it, rolled back');

# over a restart of the server
$node->safe_psql('postgres', "BEGIN; $change; PREPARE TRANSACTION 'five'");
$node->restart;
is( $node->safe_psql('postgres', "BEGIN;\n$look" . elsewhere("COMMIT PREPARED 'five'") . "${look}COMMIT"), "s1\ns2", 'committed after a restart');

# and over a crash
$node->safe_psql('postgres', "BEGIN; $change; PREPARE TRANSACTION 'six'");
$node->stop('immediate');
$node->start;
is( $node->safe_psql('postgres', "BEGIN;\n$look" . elsewhere("COMMIT PREPARED 'six'") . "${look}COMMIT"), "s2\ns1", 'committed after a crash');

# the audit log has what was committed, by whom the transaction was prepared
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT transaction_id), bool_and(login = session_user) FROM rbac.audit_log WHERE table_name = 'entity_grants' AND command = 'UPDATE'}),
	'4|4|t', 'logged when committed');

done_testing();
