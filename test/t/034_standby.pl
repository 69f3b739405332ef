# A hot standby, and one that follows it: sessions that were there before a change
# answer as the primary does, once it is replayed; and promotion.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use World;

my $seed = $ENV{STANDBY_SEED} // 1;
my $rounds = $ENV{STANDBY_ROUNDS} // 8;
srand($seed);

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
# what a standby still sees is not taken away
$primary->append_conf('postgresql.conf', "autovacuum = off\njit = off\nhot_standby_feedback = on");
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION rbac;
	INSERT INTO rbac.organizations VALUES ('acme'), ('tiny');
	INSERT INTO rbac.members (organization, member, role) VALUES ('acme', 'ann', 'Member'), ('acme', 'boss', 'Admin'), ('tiny', 'root', 'Admin');
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
	GRANT SELECT, INSERT, UPDATE, DELETE ON rbac.members, rbac.entity_grants, rbac.roles TO app;
	GRANT SET ON PARAMETER rbac.member TO app;
	CREATE DATABASE world;
	VACUUM ANALYZE;
});
$primary->safe_psql('world', 'CREATE EXTENSION rbac');
$primary->safe_psql('world', slurp_file("$FindBin::Bin/oracle.sql"));
name_things(10, 20);
$primary->safe_psql('world', make_world());

$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$standby->backup('backup');
my $cascade = PostgreSQL::Test::Cluster->new('cascade');
$cascade->init_from_backup($standby, 'backup', has_streaming => 1);
$cascade->start;

my @standbys = ($standby, $cascade);

# Until what has been changed on the primary is replayed everywhere.
my $source = $primary;

sub catch_up
{
	my $lsn = $source->lsn('insert');
	$source->wait_for_catchup($standby, 'replay', $lsn) if $source == $primary;
	$standby->wait_for_catchup($cascade, 'replay', $lsn);
	return;
}

sub on_primary
{
	my ($sql) = @_;
	$source->safe_psql('postgres', $sql);
	catch_up();
	return;
}

# ---- in one session on each ----

my @sessions = map { Session->new($_->connstr('postgres') . ' user=app') } $standby, $cascade;

sub everywhere
{
	my ($sql, $expected, $name) = @_;
	is($_->must($sql), $expected, $name) for @sessions;
	return;
}

sub everywhere_like
{
	my ($sql, $expected, $name) = @_;
	like(join('', $_->ask($sql)), $expected, $name) for @sessions;
	return;
}

# plans that search an index for candidates
everywhere(q{SET rbac.member = 'ann'; PREPARE listed AS SELECT count(*) FROM stacks}, '', 'a member');
everywhere_like('EXPLAIN EXECUTE listed', qr/candidate_entities/, 'the index is searched for candidates');
everywhere('EXECUTE listed', 10, 'what is granted');
on_primary(q{DELETE FROM rbac.entity_grants WHERE entity IN ('s101', 's102')});
everywhere('EXECUTE listed', 8, 'revoked');
everywhere('BEGIN; EXECUTE listed', 8, 'in a transaction');
on_primary(q{UPDATE rbac.members SET role = 'Admin' WHERE member = 'ann'});
everywhere('EXECUTE listed', 4950, 'all of an organization');
on_primary(q{UPDATE rbac.members SET role = 'Member' WHERE member = 'ann'});
everywhere('EXECUTE listed', 8, 'no longer');
everywhere('COMMIT', '', 'the end');
everywhere(q{SET rbac.member = 'root'; EXECUTE listed}, 50, 'another member');
everywhere_like('EXPLAIN EXECUTE listed', qr/candidate_entities/, 'whose few entities come from the registry');
on_primary(q{DROP POLICY reads ON stacks;
	CREATE POLICY reads ON stacks USING (rbac.row_has_scope(rbac.current_member(), id, 'stack:read', organization, NULL, NULL))});
everywhere('EXECUTE listed', 50, 'by the organization');
everywhere_like('EXPLAIN EXECUTE listed', qr/candidate_organizations/, 'for which the index is searched');
on_primary(q{DELETE FROM rbac.members WHERE member = 'root'});
everywhere('EXECUTE listed', 0, 'no longer a member');

# a revoke counts at once, in a transaction that does not see it otherwise
everywhere(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL rbac.member = 'boss'; SELECT count(*) FROM rbac.members WHERE member = 'ann'; SET LOCAL rbac.member = 'ann'; EXECUTE listed},
	"1\n8", 'REPEATABLE READ');
on_primary(q{DELETE FROM rbac.members WHERE member = 'ann'});
everywhere('EXECUTE listed', 0, 'REPEATABLE READ, revoked');
everywhere(q{SET LOCAL rbac.member = 'boss'; SELECT count(*) FROM rbac.members WHERE member = 'ann'; COMMIT}, 1, 'though the row is still seen');
on_primary(q{INSERT INTO rbac.members (organization, member) VALUES ('acme', 'ann');
	INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) VALUES ('Stack Read', 's110', 'acme', 'ann')});
everywhere(q{BEGIN; SELECT 'as ' || rbac.act_as('ann')::text; EXECUTE listed; COMMIT}, "as \n1", 'act_as');
everywhere('EXECUTE listed', 0, 'for a transaction');

# what members see of the tables themselves, and of one another
everywhere(q{SET rbac.member = 'boss'; SELECT string_agg(member, ',' ORDER BY member) FROM rbac.members}, 'ann,boss', 'policies of the tables');
everywhere('SELECT count(*) FROM rbac.entity_grants', 1, 'and of grants');
on_primary(q{INSERT INTO rbac.members (organization, member) VALUES ('acme', 'bob'), ('tiny', 'tim')});
everywhere(q{SELECT string_agg(member, ',' ORDER BY member) FROM rbac.members}, 'ann,bob,boss', 'of those who have come');
everywhere(q{SELECT rbac.members_with_scope('s110', 'stack:read')}, "ann\nboss", 'members_with_scope');
everywhere(q{SELECT rbac.entities_with_scope('ann', 'stack:read')}, 's110', 'entities_with_scope');
everywhere(q{SELECT rbac.scopes_on('ann', 'stack', 's111')}, '{stack_access:read}', 'scopes_on');
everywhere(q{SELECT reason, permission_set FROM rbac.explain('ann', 's110', 'stack:read')}, 'grant|Stack Read', 'explain');
everywhere_like(q{UPDATE rbac.members SET role = 'Admin' WHERE member = 'ann'}, qr/cannot execute UPDATE in a read-only transaction/, 'nothing is written');
on_primary(q{UPDATE rbac.members SET expires_at = 'epoch' WHERE member = 'boss'});
everywhere('SELECT (SELECT count(*) FROM rbac.entity_grants), (SELECT count(*) FROM rbac.members)', '0|1', 'whose membership has ended sees only that');
everywhere_like(q{SELECT rbac.scopes_on('ann', 'stack', 's110')}, qr/permission denied/, 'and is told nothing');

# ---- random changes, compared with what the tables say ----

my @worlds = map { Session->new($_->connstr('world')) } $standby, $cascade;
my $changer = Session->new($primary->connstr('world'));
my $differences = '';

for my $round (1 .. $rounds)
{
	# some that fail change nothing
	$changer->ask(change()) for 1 .. between(1, 4);
	$changer->ask('BEGIN; ' . wholesale_change() . '; ROLLBACK; ' . change()) if chance(0.2);
	catch_up();
	$differences .= $_->must(sprintf 'SELECT * FROM oracle.differences(%d, 100, 2)', rand(1 << 30)) for @worlds;
}
is($differences, '', "STANDBY_SEED=$seed: the same answers as on the primary, after each of $rounds rounds of changes");

# ---- promotion ----

everywhere(q{SET rbac.member = 'ann'; EXECUTE listed}, 1, 'before promotion');
$primary->stop;
$standby->promote;
$source = $standby;
everywhere('EXECUTE listed', 1, 'promoted');
on_primary(q{DELETE FROM rbac.entity_grants WHERE member = 'ann'});
everywhere('EXECUTE listed', 0, 'a revoke after that');
on_primary(q{INSERT INTO rbac.entity_grants (permission_set, entity, organization, member) SELECT 'Stack Read', 's' || i, 'acme', 'ann' FROM generate_series(201, 203) i});
everywhere('EXECUTE listed', 3, 'a grant');
$worlds[0]->must('BEGIN; ' . wholesale_change() . '; COMMIT');
catch_up();
is($_->must('SELECT * FROM oracle.differences(1, 100, 2)'), '', 'answers after promotion are what the tables say') for @worlds;

$_->quit for @sessions, @worlds;
done_testing();
