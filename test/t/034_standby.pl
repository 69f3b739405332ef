# A hot standby: plans that search an index for candidates, in a session that was
# there before the change.  The same as on the primary, once it is replayed.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'autovacuum = off');
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION rbac;
	INSERT INTO rbac.organizations VALUES ('acme'), ('tiny');
	INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'ann', 'Member'), ('tiny', 'root', 'Admin');
	CREATE TABLE stacks (id text PRIMARY KEY, organization text NOT NULL);
	INSERT INTO stacks SELECT 's' || i, CASE WHEN i <= 50 THEN 'tiny' ELSE 'acme' END FROM generate_series(1, 5000) i;
	CREATE INDEX ON stacks (organization);
	INSERT INTO rbac.entities SELECT 'stack', id, organization FROM stacks;
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member)
		SELECT 'Stack Read', 's' || i, 'acme', 'ann' FROM generate_series(101, 110) i;
	CREATE POLICY reads ON stacks USING (rbac.has_scope(id, 'stack:read'));
	ALTER TABLE stacks ENABLE ROW LEVEL SECURITY;
	CREATE ROLE app LOGIN;
	GRANT SELECT ON stacks TO app;
	GRANT SET ON PARAMETER rbac.member TO app;
	VACUUM ANALYZE;
});
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

# one session, in which everything but the waiting happens
my ($in, $out, $err) = ('', '', '');
my $session = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $standby->connstr('postgres') . ' user=app' ], '<', \$in, '>', \$out, '2>', \$err,
	IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));

sub ask
{
	my ($sql) = @_;

	$out = '';
	$in .= "$sql;\n\\echo done\n";
	$session->pump until $out =~ s/^done\n//m;
	chomp $out;
	return $out;
}

sub change
{
	my ($sql) = @_;

	$primary->safe_psql('postgres', $sql);
	$primary->wait_for_catchup($standby, 'replay');
	return;
}

ask(q{SET rbac.member = 'ann'; PREPARE listed AS SELECT count(*) FROM stacks});
like(ask('EXPLAIN EXECUTE listed'), qr/candidate_entities/, 'the index is searched for candidates');
is(ask('EXECUTE listed'), 10, 'what is granted');
change(q{DELETE FROM rbac.entity_grants WHERE entity IN ('s101', 's102')});
is(ask('EXECUTE listed'), 8, 'revoked');
ask('BEGIN');
is(ask('EXECUTE listed'), 8, 'in a transaction');
change(q{UPDATE rbac.members SET role = 'Admin' WHERE member = 'ann'});
is(ask('EXECUTE listed'), 4950, 'all of an organization');
change(q{UPDATE rbac.members SET role = 'Member' WHERE member = 'ann'});
is(ask('EXECUTE listed'), 8, 'no longer');
ask('COMMIT');
ask(q{SET rbac.member = 'root'});
is(ask('EXECUTE listed'), 50, 'another member');
like(ask('EXPLAIN EXECUTE listed'), qr/candidate_entities/, 'whose few entities come from the registry');

change(q{DROP POLICY reads ON stacks;
	CREATE POLICY reads ON stacks USING (rbac.row_has_scope(rbac.current_member(), id, 'stack:read', organization, NULL, NULL))});
is(ask('EXECUTE listed'), 50, 'by the organization');
like(ask('EXPLAIN EXECUTE listed'), qr/candidate_organizations/, 'for which the index is searched');
change(q{DELETE FROM rbac.members WHERE member = 'root'});
is(ask('EXECUTE listed'), 0, 'no longer a member');

$standby->promote;
is(ask('EXECUTE listed'), 0, 'promoted');
$standby->safe_psql('postgres', q{INSERT INTO rbac.members VALUES ('tiny', 'root', 'user', 'Admin')});
is(ask('EXECUTE listed'), 50, 'a change after that');

$in .= "\\q\n";
$session->finish;
is($err, '', 'no message');
done_testing();
