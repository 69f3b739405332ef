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

# Members who govern themselves: what they write is judged when they write it, and
# what they have lost meanwhile does not undo it.
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	GRANT SET ON PARAMETER rbac.member TO app;
	GRANT SELECT, INSERT, UPDATE, DELETE ON rbac.members, rbac.entity_grants TO app;
	INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'boss', 'Admin'), ('acme', 'bob', 'Member');
});
sub as { my ($member, $sql) = @_; return "BEGIN; SET LOCAL ROLE app; SET LOCAL rbac.member = '$member'; $sql;\n" }
my $give = q{INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Write', 's1', 'acme', 'bob')};
my $may = q{SELECT rbac.has_scope('bob', 's1', 'stack:write')};

is( $node->safe_psql('postgres', "$may;\n" . as('boss', "$give; $may; PREPARE TRANSACTION 'seven'") . "$may;\nCOMMIT PREPARED 'seven';\n$may"),
	"f\nt\nf\nt", 'a grant that a member makes');
is($node->safe_psql('postgres', q{SELECT member, login, organization, new_row->>'member' FROM rbac.audit_log ORDER BY id DESC LIMIT 1}),
	'boss|' . getpwuid($>) . '|acme|bob', 'logged on behalf of the member');
my $log = 'SELECT count(*) FROM rbac.audit_log';
my $logged = $node->safe_psql('postgres', $log);
is( $node->safe_psql('postgres', as('boss', "DELETE FROM rbac.entity_grants WHERE member = 'bob'; $may; PREPARE TRANSACTION 'eight'") . "ROLLBACK PREPARED 'eight';\n$may"),
	"f\nt", 'one that is taken away, rolled back');
is($node->safe_psql('postgres', $log), $logged, 'and not logged');
my (undef, undef, $err) = $node->psql('postgres', as('bob', "$give; PREPARE TRANSACTION 'nine'"));
like($err, qr/permission denied to insert into table "entity_grants"/, 'a member who may not');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), 0, 'nothing is prepared');

# two in one organization exclude one another until the end: a prepared transaction, too
$node->safe_psql('postgres', as('boss', "UPDATE rbac.members SET role = 'Member' WHERE member = 'bob'; PREPARE TRANSACTION 'ten'"));
my $other = q{UPDATE rbac.entity_grants SET expires_at = now() + interval '1 day' WHERE member = 'bob'};
(undef, undef, $err) = $node->psql('postgres', "SET lock_timeout = '100ms'; " . as('boss', "$other; COMMIT"));
like($err, qr/canceling statement due to lock timeout/, 'another write in the organization waits for it');
$node->restart;
(undef, undef, $err) = $node->psql('postgres', "SET lock_timeout = '100ms'; " . as('boss', "$other; COMMIT"));
like($err, qr/canceling statement due to lock timeout/, 'also after a restart');
$node->safe_psql('postgres', "COMMIT PREPARED 'ten'; " . as('boss', "$other; COMMIT"));
is($node->safe_psql('postgres', q{SELECT role, g.expires_at > now() FROM rbac.members JOIN rbac.entity_grants g USING (organization, member) WHERE member = 'bob'}),
	'Member|t', 'and comes after it');

# what the preparing member has lost meanwhile
$node->safe_psql('postgres', as('boss', "UPDATE rbac.members SET role = 'Billing Manager' WHERE member = 'bob'; PREPARE TRANSACTION 'eleven'"));
$node->safe_psql('postgres', q{UPDATE rbac.members SET role = 'Member' WHERE member = 'boss'; COMMIT PREPARED 'eleven'});
is($node->safe_psql('postgres', q{SELECT string_agg(member || ' ' || role, ', ' ORDER BY member) FROM rbac.members WHERE member LIKE 'bo%'}),
	'bob Billing Manager, boss Member', 'a right that is lost after it was used');

done_testing();
